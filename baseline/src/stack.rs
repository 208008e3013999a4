//! The simulated evaluation stack and the register file: pushing and popping entries, claiming registers, giving entries other
//! places when a register or a variable is needed.

use crate::error::{R, Unsupported};
use crate::state::Gen;
use crate::target::Target;
use crate::value::{Entry, Loc, fty, width};
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::types::StackTy;

impl<A: Target> Gen<'_, A> {
    pub fn push(&mut self, ty: StackTy, loc: Loc) {
        self.stack.push(Entry::new(ty, loc));
    }

    /// Pushes a register that the caller holds; the entry takes the hold over.
    pub fn push_reg(&mut self, ty: StackTy, r: Gpr) {
        self.push(ty, Loc::Reg(r));
    }

    pub fn push_freg(&mut self, ty: StackTy, r: Fpr) {
        self.push(ty, Loc::Freg(r));
    }

    /// Takes the top entry; the caller must [`Self::discard`] it or hand its register on.
    pub fn pop(&mut self) -> R<Entry> {
        match self.stack.pop() {
            Some(e) => Ok(e),
            None => self.invalid("stack underflow"),
        }
    }

    /// Index of the entry `n` below the top (1 is the top).
    pub fn below_top(&self, n: usize) -> R<usize> {
        match self.stack.len().checked_sub(n) {
            Some(i) => Ok(i),
            None => self.invalid("stack underflow"),
        }
    }

    /// Gives up what an entry holds.
    pub fn discard(&mut self, e: Entry) {
        match e.loc {
            Loc::Reg(r) | Loc::RegPlus(r, _) => self.ints.release(r.0),
            Loc::Freg(r) => self.floats.release(r.0),
            Loc::Temp(off) => {
                let bytes = self.temp_bytes(e.ty);
                self.frame.release(off, bytes);
            }
            _ => {}
        }
    }

    /// Empties the stack.
    pub fn clear_stack(&mut self) {
        while let Some(e) = self.stack.pop() {
            self.discard(e);
        }
    }

    // ---- registers

    /// Spills one of the deepest entries of this kind; `false`: there is none.
    fn spill_one(&mut self, kind: impl Fn(&Loc) -> bool) -> bool {
        // Below the last one spilled there is rarely another: without this, deep stacks would take quadratic time.
        let start = self.spilled_to.min(self.stack.len());
        let found = (start..self.stack.len())
            .chain(0..start)
            .find(|&i| kind(&self.stack[i].loc));
        match found {
            Some(i) => {
                self.spilled_to = i;
                self.spill(i);
                true
            }
            None => false,
        }
    }

    /// A free register, held for the caller.
    pub fn alloc(&mut self) -> R<Gpr> {
        self.alloc_except(&[])
    }

    /// A free register that is none of `except`.
    pub fn alloc_except(&mut self, except: &[Gpr]) -> R<Gpr> {
        let list = || {
            A::VALUES
                .iter()
                .filter(|r| !except.contains(r))
                .map(|r| r.0)
        };
        let mut found = self.ints.find_free(list());
        while found.is_none() && self.spill_one(|loc| matches!(loc, Loc::Reg(_) | Loc::RegPlus(..)))
        {
            found = self.ints.find_free(list());
        }
        match found {
            Some(r) => {
                self.ints.hold(r);
                self.ints.drop_copy(r);
                Ok(Gpr(r))
            }
            None => self.unsupported(Unsupported::RegisterPressure),
        }
    }

    /// A free float register, held for the caller.
    pub fn alloc_f(&mut self) -> R<Fpr> {
        let list = || A::FVALUES.iter().map(|r| r.0);
        let mut found = self.floats.find_free(list());
        while found.is_none() && self.spill_one(|loc| matches!(loc, Loc::Freg(_))) {
            found = self.floats.find_free(list());
        }
        match found {
            Some(r) => {
                self.floats.hold(r);
                self.floats.drop_copy(r);
                Ok(Fpr(r))
            }
            None => self.unsupported(Unsupported::RegisterPressure),
        }
    }

    /// This register, held for the caller; stack entries in it go elsewhere.
    pub fn claim(&mut self, r: Gpr) -> R<Gpr> {
        for i in 0..self.stack.len() {
            match self.stack[i].loc {
                Loc::Reg(x) if x == r => {
                    let other = A::VALUES
                        .iter()
                        .map(|r| r.0)
                        .rfind(|&o| self.ints.count(o) == 0 && self.ints.copy_of(o).is_none());
                    match other {
                        Some(o) => {
                            self.a.mov(width(self.stack[i].ty), Gpr(o), r);
                            self.ints.hold(o);
                            self.ints.release(r.0);
                            self.stack[i].loc = Loc::Reg(Gpr(o));
                        }
                        None => self.spill(i),
                    }
                }
                Loc::RegPlus(x, _) if x == r => self.spill(i),
                _ => {}
            }
        }
        if self.ints.count(r.0) != 0 {
            return self.unsupported(Unsupported::RegisterPressure);
        }
        self.ints.hold(r.0);
        self.ints.drop_copy(r.0);
        Ok(r)
    }

    pub fn release(&mut self, r: Gpr) {
        self.ints.release(r.0);
    }

    /// Moves an entry from registers to the frame, or back to the variable that it is a copy of.
    pub fn spill(&mut self, i: usize) {
        let e = self.stack[i];
        let loc = match e.loc {
            Loc::Reg(r) => {
                let home = self.home(self.ints.copy_of(r.0), e.ty);
                if let Loc::Temp(off) = home {
                    self.a.store(width(e.ty), Mem::new(A::FP, off), r);
                }
                self.ints.release(r.0);
                home
            }
            Loc::RegPlus(r, disp) => {
                let off = self.frame.temp(8);
                self.a.lea(A::TMP, Mem::new(r, disp));
                self.a.store(Width::W64, Mem::new(A::FP, off), A::TMP);
                self.ints.release(r.0);
                Loc::Temp(off)
            }
            Loc::Freg(r) => {
                let home = self.home(self.floats.copy_of(r.0), e.ty);
                if let Loc::Temp(off) = home {
                    self.a.fstore(fty(e.ty), Mem::new(A::FP, off), r);
                }
                self.floats.release(r.0);
                home
            }
            other => other,
        };
        self.stack[i].loc = loc;
    }

    /// Where a register's value lives besides: in the variable that it is a copy of, or in a new place of the frame that it
    /// must be stored to.
    fn home(&mut self, copy_of: Option<u16>, ty: StackTy) -> Loc {
        match copy_of.filter(|&v| self.readable_as(v, ty)) {
            Some(v) => Loc::Var(v),
            None => Loc::Temp(self.frame.temp(8)),
        }
    }

    /// Whether reading variable `v` gives an entry of this type.
    fn readable_as(&self, v: u16, ty: StackTy) -> bool {
        self.vars[v as usize].ty.stack_ty() == ty
    }

    // ---- variables

    pub fn var_mem(&self, v: u16) -> Mem {
        Mem::new(self.base, self.vars[v as usize].offset)
    }

    /// Makes stack entry `i` independent of variables and merge slots.
    pub fn detach(&mut self, i: usize) -> R {
        let mut e = self.stack[i];
        match e.ty {
            StackTy::Struct(t) => {
                let bytes = self.layout(t).size;
                let off = self.frame.temp(bytes);
                let from = self.struct_mem(&e)?;
                self.copy_bytes(Mem::new(A::FP, off), from, bytes);
                e.loc = Loc::Temp(off);
            }
            ty if ty.is_float() => {
                let r = self.fload(&mut e)?;
                if !matches!(e.loc, Loc::Freg(_)) {
                    let new = self.alloc_f()?;
                    self.a.fmov(fty(ty), new, r);
                    e.loc = Loc::Freg(new);
                }
            }
            ty => {
                let r = self.load(&mut e)?;
                if !matches!(e.loc, Loc::Reg(_)) {
                    let new = self.alloc()?;
                    self.a.mov(width(ty), new, r);
                    e.loc = Loc::Reg(new);
                }
            }
        }
        self.stack[i] = e;
        Ok(())
    }

    /// Before variable `v` changes: entries that would read it later read it now.
    pub fn before_store(&mut self, v: u16) -> R {
        for i in 0..self.stack.len() {
            if self.stack[i].loc == Loc::Var(v) {
                self.detach(i)?;
            }
        }
        self.ints.drop_copies_of(v);
        self.floats.drop_copies_of(v);
        Ok(())
    }

    /// Before memory changes that may belong to variables whose address is taken.
    pub fn before_unknown_store(&mut self, upto: usize) -> R {
        for i in 0..upto.min(self.stack.len()) {
            if let Loc::Var(v) = self.stack[i].loc
                && self.vars[v as usize].exposed
            {
                self.detach(i)?;
            }
        }
        Ok(())
    }

    /// Before a call: the lowest `upto` entries leave the registers.
    pub fn spill_below(&mut self, upto: usize) -> R {
        self.before_unknown_store(upto)?;
        for i in 0..upto.min(self.stack.len()) {
            self.spill(i);
        }
        Ok(())
    }

    /// After a call: what registers held is gone.
    pub fn forget_copies(&mut self) {
        self.ints.drop_copies();
        self.floats.drop_copies();
    }
}
