//! Comparisons.

use crate::error::R;
use crate::state::{Gen, Home};
use crate::target::Target;
use crate::value::{Entry, Loc, fty, width};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::lenient::compare_type;
use isthmus_frontend_ir::op::{Cmp, Op};
use isthmus_runtime_abi::types::{MemTy, StackTy};

/// An integer comparison with its operands in place; registers stay held by the entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Test {
    pub cond: Cond,
    pub width: Width,
    pub left: Src,
    pub right: Src,
}

/// The condition of an integer comparison.
pub(crate) fn cond(cmp: Cmp) -> Cond {
    match cmp {
        Cmp::Eq => Cond::Eq,
        Cmp::NeUn => Cond::Ne,
        Cmp::Ge => Cond::Ge,
        Cmp::Gt => Cond::Gt,
        Cmp::Le => Cond::Le,
        Cmp::Lt => Cond::Lt,
        Cmp::GeUn => Cond::AboveEq,
        Cmp::GtUn => Cond::Above,
        Cmp::LeUn => Cond::BelowEq,
        Cmp::LtUn => Cond::Below,
    }
}

/// The condition of a float comparison.
pub(crate) fn fcond(cmp: Cmp) -> FCond {
    match cmp {
        Cmp::Eq => FCond::Eq,
        Cmp::NeUn => FCond::NeUn,
        Cmp::Ge => FCond::Ge,
        Cmp::Gt => FCond::Gt,
        Cmp::Le => FCond::Le,
        Cmp::Lt => FCond::Lt,
        Cmp::GeUn => FCond::GeUn,
        Cmp::GtUn => FCond::GtUn,
        Cmp::LeUn => FCond::LeUn,
        Cmp::LtUn => FCond::LtUn,
    }
}

impl<A: Target> Gen<'_, A> {
    /// Takes two operands of a comparison, converted to the type at which they are compared.
    pub fn pop_compared(&mut self, cmp: Cmp) -> R<(Entry, Entry)> {
        let mut b = self.pop()?;
        let mut a = self.pop()?;
        let Some(ty) = compare_type(cmp, a.ty, b.ty) else {
            return self.invalid(format!("{:?} and {:?} cannot be compared", a.ty, b.ty));
        };
        self.coerce(&mut a, ty)?;
        self.coerce(&mut b, ty)?;
        Ok((a, b))
    }

    /// Whether an entry's memory may be an operand at the width of its type.
    pub fn plain_memory(&self, e: &Entry) -> bool {
        match e.loc {
            Loc::Temp(_) | Loc::Merge(_) => true,
            Loc::Var(v) => {
                let var = &self.vars[v as usize];
                let small = matches!(var.ty, MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16);
                var.home == Home::Memory && !small && self.ints.find_copy(v).is_none()
            }
            _ => false,
        }
    }

    /// Brings operands into a form that one compare instruction takes.
    pub fn prepare_test(&mut self, cmp: Cmp, a: &mut Entry, b: &mut Entry) -> R<Test> {
        let width = width(a.ty);
        let mut cond = cond(cmp);
        let fits = |e: &Entry| matches!(e.loc, Loc::Imm(v) if width == Width::W32 || i32::try_from(v).is_ok());
        let (first, second) = if fits(a) && !matches!(b.loc, Loc::Imm(_)) {
            cond = cond.swapped();
            (b, a)
        } else {
            (a, b)
        };
        let left = match self.entry_mem(first) {
            Some(m) if fits(second) && self.plain_memory(first) => Src::Mem(m),
            _ => Src::Reg(self.load(first)?),
        };
        let right = self.src(second)?;
        Ok(Test {
            cond,
            width,
            left,
            right,
        })
    }

    /// `ceq`, `cgt`, …; fuses with a following branch on the result.
    pub fn op_compare(&mut self, cmp: Cmp) -> R {
        let next = self.at + 1;
        let fused = match self.body.code.get(next).map(|i| i.op) {
            _ if self.scan.places.get(next).is_none_or(|p| p.target) => None,
            Some(Op::BrTrue(t)) => Some((t, true)),
            Some(Op::BrFalse(t)) => Some((t, false)),
            _ => None,
        };
        if let Some((target, when)) = fused {
            // The branch instruction is done here too.
            self.at = next;
            self.poll(target);
            let (a, b) = self.pop_compared(cmp)?;
            return self.branch_on(cmp, when, a, b, target);
        }
        let (mut a, mut b) = self.pop_compared(cmp)?;
        if a.ty.is_float() {
            let (x, y) = (self.fload(&mut a)?, self.fload(&mut b)?);
            let r = self.alloc()?;
            self.a.fset(fcond(cmp), fty(a.ty), r, x, y);
            self.discard(a);
            self.discard(b);
            self.push_reg(StackTy::I32, r);
            return Ok(());
        }
        let test = self.prepare_test(cmp, &mut a, &mut b)?;
        let r = self.alloc()?;
        let cond = self.emit_test(test);
        self.a.set(cond, r);
        self.discard(a);
        self.discard(b);
        self.push_reg(StackTy::I32, r);
        Ok(())
    }
}
