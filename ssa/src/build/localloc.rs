//! `localloc`. Optimized frames have a fixed size: memory of a constant size that is asked for at most once becomes a slot,
//! everything else comes from the runtime, which frees it some time after the frame is gone. How it knows is told with
//! `Helper::LocalAlloc`: by a word of the frame, the *mark*, which is zeroed in the entry.

use super::scan::Scope;
use super::{Builder, Result};
use crate::ir::{Access, Imm, Mem, Op, Region, Ty, Value};
use isthmus_runtime_abi::helpers::Helper;

/// Bytes of slots that a function may have for this.
const LIMIT: u32 = 16 * 1024;

impl Builder<'_> {
    pub(super) fn loc_alloc(&mut self, at: u32) -> Result<()> {
        let size = self.pop_val()?;
        let once = self.frame.scope == Scope::Method && !self.frame.scan.repeats(at);
        let known = self.constant_size(size).and_then(|n| u32::try_from(n).ok());
        let address = match known {
            Some(0) => self.constant(Ty::Ptr, 0),
            Some(n) if once && n <= LIMIT - self.local_bytes => self.stack_block(n),
            _ => {
                let size = match self.func.ty(size) {
                    Ty::I32 => self.op(Op::Zext, Ty::I64, &[size]),
                    _ => size,
                };
                let mark = self.mark();
                let block = self.helper(Helper::LocalAlloc, &[size, mark]);
                block.ok_or_else(|| self.bad())?
            }
        };
        self.push_val(address);
        Ok(())
    }

    /// A zeroed slot.
    fn stack_block(&mut self, size: u32) -> Value {
        let size = size.next_multiple_of(8);
        self.local_bytes += size;
        let slot = self.func.new_slot(size, 16);
        let address = self.emit1(Op::SlotAddr, Ty::Ptr, &[], Imm::Slot(slot, 0));
        self.fact_mut(address).nonnull = true;
        let bytes = Imm::Bits(i64::from(size));
        self.emit(Op::MemZero, Ty::I32, &[address], bytes);
        address
    }

    /// Address of the mark; with the first use its slot is made and zeroed in the entry.
    fn mark(&mut self) -> Value {
        let slot = match self.mark {
            Some(slot) => slot,
            None => {
                let slot = self.func.new_slot(self.word, self.word);
                self.mark = Some(slot);
                let zero = self.constant(Ty::Ptr, 0);
                let place = Imm::Slot(slot, 0);
                let address = self.func.make(Op::SlotAddr, Ty::ByRef, &[], place, 0);
                self.vars.at_entry(address);
                let base = self.func.inst(address).first_result;
                let access = Access::new(Mem::Ptr, 0, Region::Frame(slot));
                let access = Imm::Access(access);
                let store = self.func.make(Op::Store, Ty::Ptr, &[zero, base], access, 0);
                self.vars.at_entry(store);
                slot
            }
        };
        self.slot_addr(slot, 0)
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
}
