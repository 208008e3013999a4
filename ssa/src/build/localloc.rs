//! `localloc`. Optimized frames have a fixed size, so only memory of a constant size that is asked for at most once becomes
//! a slot; everything else is declined.

use super::scan::Scope;
use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Imm, Op, Ty, Value};

/// Largest block in bytes.
const LIMIT: i64 = 16 * 1024;

impl Builder<'_> {
    pub(super) fn loc_alloc(&mut self, at: u32) -> Result<()> {
        let size = self.pop_val()?;
        let size = match self.constant_size(size) {
            Some(size @ 0..=LIMIT) if !self.may_repeat(at) => size as u32,
            _ => return self.fail(Reason::LocAlloc),
        };
        if size == 0 {
            let null = self.constant(Ty::Ptr, 0);
            self.push_val(null);
            return Ok(());
        }
        let slot = self.func.new_slot(size.next_multiple_of(8), 16);
        let address = self.emit1(Op::SlotAddr, Ty::Ptr, &[], Imm::Slot(slot, 0));
        self.fact_mut(address).nonnull = true;
        let bytes = Imm::Bits(i64::from(size.next_multiple_of(8)));
        self.emit(Op::MemZero, Ty::I32, &[address], bytes);
        self.push_val(address);
        Ok(())
    }

    /// The size if it is constant: compilers compute it as a checked product of count and element size, which is not folded
    /// yet here.
    fn constant_size(&self, size: Value) -> Option<i64> {
        let (_, data) = self.func.def(size)?;
        let args = self.func.list(data.args);
        match data.op {
            Op::Zext | Op::Sext | Op::Retype => self.constant_size(args[0]),
            Op::Mul | Op::MulOvf | Op::MulOvfUn if data.result() == Some(size) => {
                let count = self.constant_size(args[0])?;
                count.checked_mul(self.constant_size(args[1])?)
            }
            _ => self.func.constant(size),
        }
    }

    /// Whether the instruction may be executed more than once in an activation: some jump goes back over it.
    fn may_repeat(&self, at: u32) -> bool {
        let body = &self.frame.body;
        let over = |from: u32, to: u32| to <= at && at <= from;
        self.frame.scope != Scope::Method
            || (0u32..).zip(&body.code).any(|(from, insn)| {
                insn.op.target().is_some_and(|to| over(from, to))
                    || match insn.op {
                        isthmus_frontend_ir::op::Op::Switch(n) => (body.switches.get(n as usize))
                            .is_some_and(|targets| targets.iter().any(|&to| over(from, to))),
                        _ => false,
                    }
            })
    }
}
