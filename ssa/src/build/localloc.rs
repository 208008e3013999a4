//! `localloc`. Optimized frames have a fixed size: memory of a constant size that is asked for at most once becomes a slot,
//! everything else comes from the runtime, which frees it some time after the frame is gone. How it knows is told with
//! `Helper::LocalAlloc`: by a word of the frame, the *mark*, which is zeroed in the entry. Structs that would make the frame larger
//! than what is kept free below the stack limit lie there too.

use super::scan::Scope;
use super::{Builder, Result};
use crate::ir::{Access, Imm, Mem, Op, Region, Slot, Ty, Value};
use isthmus_runtime_abi::helpers::Helper;

/// Bytes of slots that a function may have for this.
const LIMIT: u32 = 16 * 1024;

/// Structs of this size are large.
const LARGE: u32 = 4 * 1024;

/// Bytes of large structs that a frame may have.
const LARGE_LIMIT: u32 = 48 * 1024;

/// A function with more bytes than this outside of its frame overflows the stack when it is called: as the frame would that has them
/// inside.
const FAR_LIMIT: u32 = 8 * 1024 * 1024;

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
                let mark = self.slot_addr(mark, 0);
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

    /// The mark; with the first use its slot is made and zeroed in the entry.
    fn mark(&mut self) -> Slot {
        if let Some(slot) = self.mark {
            return slot;
        }
        let slot = self.func.new_slot(self.word, self.word);
        self.mark = Some(slot);
        let zero = self.constant(Ty::Ptr, 0);
        let address = self.entry_slot_addr(slot);
        let access = Access::new(Mem::Ptr, 0, Region::Frame(slot));
        let args = [zero, address];
        let store = (self.func).make(Op::Store, Ty::Ptr, &args, Imm::Access(access), 0);
        self.vars.at_entry(store);
        slot
    }

    /// Address of a slot, computed in the entry.
    fn entry_slot_addr(&mut self, slot: Slot) -> Value {
        let address = (self.func).make(Op::SlotAddr, Ty::Ptr, &[], Imm::Slot(slot, 0), 0);
        self.vars.at_entry(address);
        self.func.inst(address).first_result
    }

    /// Whether a new slot of this size belongs outside of the frame.
    pub(super) fn is_far(&mut self, size: u32) -> bool {
        if size < LARGE {
            return false;
        }
        let far = size > LARGE_LIMIT - self.large_bytes;
        if !far {
            self.large_bytes += size;
        }
        far
    }

    /// A slot that only stands for memory outside of the frame, which the entry asks for.
    pub(super) fn far_slot(&mut self, size: u32) -> Slot {
        let slot = self.func.new_slot(self.word, self.word);
        let mark = self.mark();
        self.far_bytes = self.far_bytes.saturating_add(size);
        let bytes = match self.far_bytes {
            ..=FAR_LIMIT => i64::from(size),
            _ => i64::MAX,
        };
        let args = [self.constant(Ty::I64, bytes), self.entry_slot_addr(mark)];
        let call = self.helper_call(Helper::LocalAlloc);
        let call = self.func.make(Op::Call, Ty::I32, &args, call, 0);
        let args = [self.func.inst(call).first_result];
        let memory = self.func.make(Op::Retype, Ty::ByRef, &args, Imm::None, 0);
        for inst in [call, memory] {
            self.vars.at_entry(inst);
        }
        let memory = self.func.inst(memory).first_result;
        self.fact_mut(memory).nonnull = true;
        self.far.insert(slot, memory);
        slot
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
