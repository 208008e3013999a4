//! Allocation, write barriers, class initialization, generic look-ups: each a fast path in place and a call in a cold block.
//!
//! ```text
//!   alloc_object v, size          cursor = [thread + AllocCursor]
//!                                 end = cursor + size
//!                                 if end > [thread + AllocLimit] ──▶ cold: AllocObject(v) ─┐
//!                                 [thread + AllocCursor] = end                             │
//!                                 [cursor] = type word                                     │
//!                                 result: cursor ◀─────────────────────────────────────────┘
//! ```
//!
//! Between the read of the cursor and the last store there is no call, poll or trap, so the runtime never sees half an object.

use super::{Lower, calls::Callee, regions::Class};
use crate::abi;
use cranelift_codegen::cursor::Cursor;
use cranelift_codegen::ir::{self as cl, InstBuilder, condcodes::IntCC, types};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::layout::{
    ARRAY_DATA, CLASS_READY, GenericContext, LENGTH, OBJECT_ALIGN, STRING_CHARS, TYPE_WORD,
};
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::BarrierKind;
use isthmus_ssa::ir::{Imm, Inst, InstData, Op, Region};

impl Lower<'_, '_> {
    // ---- allocation

    pub(super) fn alloc_object(&mut self, inst: Inst, data: &InstData) {
        let vtable = self.arg(inst, 0);
        let callee = Callee::Direct(self.helper(Helper::AllocObject));
        let size = data.bits().unwrap_or(0);
        if size <= 0 || !self.env.inline_allocation() {
            return self.emit_call(inst, callee, &[vtable]);
        }
        let slow = self.cold_block();
        let size = self.iconst(types::I64, size);
        let object = self.bump(size, slow);
        self.store_header(object, vtable);
        self.publish();
        self.join(inst, callee, &[vtable], slow, &[object]);
    }

    pub(super) fn alloc_array(&mut self, inst: Inst, data: &InstData) {
        let (vtable, length) = (self.arg(inst, 0), self.arg(inst, 1));
        let callee = Callee::Direct(self.helper(Helper::AllocArray));
        let element = data.bits().unwrap_or(0);
        let limit = i64::from(self.env.inline_alloc_limit());
        let max_length = (limit - i64::from(ARRAY_DATA)).checked_div(element);
        let (true, Some(max_length @ 1..)) = (self.env.inline_allocation(), max_length) else {
            return self.emit_call(inst, callee, &[vtable, length]);
        };
        let slow = self.cold_block();
        let fits = self.new_block();
        // Unsigned: a negative length does not fit either.
        let max_length = self.iconst(types::I64, max_length);
        let large = self
            .ins()
            .icmp(IntCC::UnsignedGreaterThan, length, max_length);
        self.ins().brif(large, slow, &[], fits, &[]);

        self.cur.insert_block(fits);
        let element = self.iconst(types::I64, element);
        let bytes = self.ins().imul(length, element);
        let mut size =
            self.add_constant(bytes, i64::from(ARRAY_DATA) + i64::from(OBJECT_ALIGN) - 1);
        let mask = self.iconst(types::I64, -i64::from(OBJECT_ALIGN));
        size = self.ins().band(size, mask);
        let object = self.bump(size, slow);
        self.store_header(object, vtable);
        let flags = self.flags(Class::Ssa(Region::Length), 0);
        let length32 = self.ins().ireduce(types::I32, length);
        self.ins().store(flags, length32, object, LENGTH as i32);
        self.publish();
        self.join(inst, callee, &[vtable, length], slow, &[object]);
    }

    pub(super) fn alloc_string(&mut self, inst: Inst) {
        let (vtable, length) = (self.arg(inst, 0), self.arg(inst, 1));
        let callee = Callee::Direct(self.helper(Helper::AllocString));
        // The units, and one that ends them.
        let room = i64::from(self.env.inline_alloc_limit()) - i64::from(STRING_CHARS) - 2;
        if !self.env.inline_allocation() || room <= 0 {
            return self.emit_call(inst, callee, &[vtable, length]);
        }
        let slow = self.cold_block();
        let fits = self.new_block();
        // Unsigned: a negative length does not fit either.
        let longest = self.iconst(types::I32, room / 2);
        let large = self.ins().icmp(IntCC::UnsignedGreaterThan, length, longest);
        self.ins().brif(large, slow, &[], fits, &[]);

        self.cur.insert_block(fits);
        let units = self.ins().uextend(types::I64, length);
        let bytes = self.ins().iadd(units, units);
        let rest = i64::from(STRING_CHARS) + 2 + i64::from(OBJECT_ALIGN) - 1;
        let size = self.add_constant(bytes, rest);
        let mask = self.iconst(types::I64, -i64::from(OBJECT_ALIGN));
        let size = self.ins().band(size, mask);
        let object = self.bump(size, slow);
        self.store_header(object, vtable);
        let flags = self.flags(Class::Ssa(Region::Length), 0);
        self.ins().store(flags, length, object, LENGTH as i32);
        self.publish();
        self.join(inst, callee, &[vtable, length], slow, &[object]);
    }

    /// Takes `size` bytes from the thread's buffer, or goes to `slow`.
    fn bump(&mut self, size: cl::Value, slow: cl::Block) -> cl::Value {
        let fast = self.new_block();
        let cursor = self.ctx_word(CtxWord::AllocCursor);
        let end = self.ins().iadd(cursor, size);
        let limit = self.ctx_word(CtxWord::AllocLimit);
        let full = self.ins().icmp(IntCC::UnsignedGreaterThan, end, limit);
        self.ins().brif(full, slow, &[], fast, &[]);
        self.cur.insert_block(fast);
        self.set_ctx_word(CtxWord::AllocCursor, end);
        cursor
    }

    fn store_header(&mut self, object: cl::Value, vtable: cl::Value) {
        let flags = self.flags(Class::Ssa(Region::Header), 0);
        let word = self.ins().ireduce(types::I32, vtable);
        self.ins().store(flags, word, object, TYPE_WORD as i32);
    }

    /// Orders the header before any store that makes the object known to another thread. x86 keeps stores in order.
    fn publish(&mut self) {
        if self.arch != Arch::X64 {
            self.ins().fence();
        }
    }

    // ---- fast and slow path

    /// Ends the fast path with `results`, fills `slow` with the call, and goes on on the normal path.
    fn join(
        &mut self,
        inst: Inst,
        callee: Callee,
        args: &[cl::Value],
        slow: cl::Block,
        results: &[cl::Value],
    ) {
        let ssa = self.ssa;
        if ssa.edges(inst).is_empty() {
            let next = self.new_block();
            for result in ssa.inst(inst).results() {
                let ty = abi::ty(ssa.ty(result));
                let param = self.cur.func.dfg.append_block_param(next, ty);
                self.s.values[result.index()] = param.into();
            }
            self.jump_with(next, results);
            self.cur.insert_block(slow);
            let call = self.plain_call(callee, args);
            let rets: Vec<cl::Value> =
                self.cur.func.dfg.inst_results(call)[..results.len()].to_vec();
            self.jump_with(next, &rets);
            self.cur.insert_block(next);
        } else {
            self.result_params(inst);
            self.jump_normal(inst, results);
            self.cur.insert_block(slow);
            self.try_call_edges(inst, callee, args);
        }
    }

    fn jump_with(&mut self, to: cl::Block, values: &[cl::Value]) {
        let args: Vec<cl::BlockArg> = values.iter().map(|&v| v.into()).collect();
        self.ins().jump(to, &args);
    }

    // ---- stores of references

    pub(super) fn store_ref(&mut self, inst: Inst, data: &InstData) {
        let Imm::Access(access) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let value = self.arg(inst, 0);
        let (place, flags) = self.reference_place(inst, &access);
        self.store_access(value, place, &access, flags);
        if self.env.barrier() == BarrierKind::ObjectLog && !self.is_null(inst) {
            let object = self.arg(inst, 1);
            self.log_barrier(object);
        }
    }

    /// Whether the stored reference (operand 0) is the constant null, which no collector must remember.
    fn is_null(&self, inst: Inst) -> bool {
        self.ssa.constant(self.ssa.args(inst)[0]) == Some(0)
    }

    /// Calls `GcBarrier` if the object's log bit is set. The bit is read anew every time, see [`super::regions`].
    fn log_barrier(&mut self, object: cl::Value) {
        let flags = self.flags(Class::LogBits, 0);
        let base = self.ctx_word(CtxWord::LogBits);
        let six = self.iconst(types::I32, 6);
        let byte_index = self.ins().ushr(object, six);
        let address = self.ins().iadd(base, byte_index);
        let byte = self.ins().uload8(types::I32, flags, address, 0);
        let three = self.iconst(types::I32, 3);
        let bit_index = self.ins().ushr(object, three);
        let bit_index = self.ins().ireduce(types::I32, bit_index);
        let seven = self.iconst(types::I32, 7);
        let bit_index = self.ins().band(bit_index, seven);
        let bits = self.ins().ushr(byte, bit_index);
        let one = self.iconst(types::I32, 1);
        let set = self.ins().band(bits, one);
        let (slow, next) = (self.cold_block(), self.new_block());
        self.ins().brif(set, slow, &[], next, &[]);
        self.cur.insert_block(slow);
        self.call_leaf(Helper::GcBarrier, &[object]);
        self.ins().jump(next, &[]);
        self.cur.insert_block(next);
    }

    pub(super) fn store_ref_unknown(&mut self, inst: Inst, data: &InstData) {
        let Imm::Access(access) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let value = self.arg(inst, 0);
        let (place, flags) = self.reference_place(inst, &access);
        if self.env.barrier() == BarrierKind::None || self.is_null(inst) {
            return self.store_access(value, place, &access, flags);
        }
        // Faults on null as the plain store would, then asks whether the place is in the heap.
        let address = self.add_constant(place, i64::from(access.offset));
        if flags.trap_code().is_some() {
            self.ins().uload8(types::I32, flags, place, access.offset);
        }
        let start = self.ctx_word(CtxWord::HeapStart);
        let end = self.ctx_word(CtxWord::HeapEnd);
        let offset = self.ins().isub(address, start);
        let size = self.ins().isub(end, start);
        let in_heap = self.ins().icmp(IntCC::UnsignedLessThan, offset, size);
        let (heap, elsewhere, next) = (self.new_block(), self.new_block(), self.new_block());
        self.ins().brif(in_heap, heap, &[], elsewhere, &[]);
        self.cur.insert_block(elsewhere);
        self.store_access(value, place, &access, flags);
        self.ins().jump(next, &[]);
        self.cur.insert_block(heap);
        self.call_leaf(Helper::StoreRefUnknown, &[address, value]);
        self.ins().jump(next, &[]);
        self.cur.insert_block(next);
    }

    // ---- classes and generic contexts

    pub(super) fn class_init(&mut self, inst: Inst) {
        let (state, handle) = (self.arg(inst, 0), self.arg(inst, 1));
        let callee = Callee::Direct(self.helper(Helper::ClassInit));
        let flags = self.flags(Class::InitState, 0);
        // What the class's constructor wrote must be seen after the byte: x86 loads are in order anyway.
        let byte = if self.arch == Arch::X64 {
            self.ins().uload8(types::I32, flags, state, 0)
        } else {
            let byte = self.ins().atomic_load(types::I8, flags, state);
            self.ins().uextend(types::I32, byte)
        };
        let ready = self.iconst(types::I32, i64::from(CLASS_READY));
        let pending = self.ins().icmp(IntCC::NotEqual, byte, ready);
        let (slow, fast) = (self.cold_block(), self.new_block());
        self.ins().brif(pending, slow, &[], fast, &[]);
        self.cur.insert_block(fast);
        self.join(inst, callee, &[handle], slow, &[]);
    }

    pub(super) fn generic_lookup(&mut self, inst: Inst, data: &InstData) {
        debug_assert_eq!(data.op, Op::GenericLookup);
        let context = self.arg(inst, 0);
        let slot = data.bits().unwrap_or(0) as u32;
        let callee = Callee::Direct(self.helper(Helper::GenericLookup));
        let number = self.iconst(types::I32, i64::from(slot));
        if slot >= GenericContext::INLINE_SLOTS {
            return self.emit_call(inst, callee, &[context, number]);
        }
        let flags = self.flags(Class::GenericContext, 0);
        let offset = GenericContext::slot(slot, 8) as i32;
        let value = self.ins().load(types::I64, flags, context, offset);
        let (slow, fast) = (self.cold_block(), self.new_block());
        self.ins().brif(value, fast, &[], slow, &[]);
        self.cur.insert_block(fast);
        self.join(inst, callee, &[context, number], slow, &[value]);
    }
}
