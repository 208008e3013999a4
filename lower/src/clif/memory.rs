//! Loads, stores, copies, atomics, null checks, the thread context.
//!
//! A null check is the access itself: its trap code makes a trap record of kind `NullReference`. That holds below
//! [`NULL_GUARD`] only; an access farther from its base, or with an index, is preceded by a load from the base.

use super::{Lower, regions::Class};
use crate::abi;
use cranelift_codegen::cursor::Cursor;
use cranelift_codegen::ir::{
    self as cl, AtomicRmwOp, Endianness, InstBuilder, MemFlagsData, types,
};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::layout::{NULL_GUARD, TYPE_WORD};
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::ir::{Access, AccessFlags, Imm, Inst, InstData, Mem, Op, Region, Ty};

/// Copies and fills up to this many bytes are done in place.
const INLINE_BYTES: u32 = 128;

impl Lower<'_, '_> {
    /// Flags of an access that neither traps nor moves.
    pub(super) fn flags(&mut self, class: Class, offset: i32) -> MemFlagsData {
        self.s
            .regions
            .flags(self.cur.func, &self.s.scan, class, offset)
    }

    fn access_flags(&mut self, access: &Access, traps: bool) -> MemFlagsData {
        let flags = self.flags(Class::Ssa(access.region), access.offset);
        if traps {
            flags.with_trap_code(Some(self.null_code()))
        } else {
            flags
        }
    }

    /// Base (with index) of an access whose base is operand `n`, and the flags to access it with.
    fn place(&mut self, inst: Inst, n: usize, access: &Access) -> (cl::Value, MemFlagsData) {
        let mut traps = access.flags.contains(AccessFlags::NULL);
        let near = u32::try_from(access.offset).is_ok_and(|o| o + 8 <= NULL_GUARD);
        if traps && (!near || self.ssa.args(inst).len() > n + 1) {
            self.check_null(inst, n);
            traps = false;
        }
        let base = self.element_base(inst, n, access.scale);
        (base, self.access_flags(access, traps))
    }

    pub(super) fn load(&mut self, inst: Inst, data: &InstData) {
        let Imm::Access(access) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let (base, flags) = self.place(inst, 0, &access);
        let value = if access.flags.contains(AccessFlags::VOLATILE) {
            self.load_acquire(base, &access, flags)
        } else {
            self.load_mem(access.mem, flags, base, access.offset)
        };
        self.define(data, value);
    }

    /// Loads a scalar, small integers extended to 32 bits.
    pub(super) fn load_mem(
        &mut self,
        mem: Mem,
        flags: MemFlagsData,
        base: cl::Value,
        offset: i32,
    ) -> cl::Value {
        let i = self.ins();
        match mem {
            Mem::I8 => i.sload8(types::I32, flags, base, offset),
            Mem::U8 => i.uload8(types::I32, flags, base, offset),
            Mem::I16 => i.sload16(types::I32, flags, base, offset),
            Mem::U16 => i.uload16(types::I32, flags, base, offset),
            mem => i.load(abi::ty(mem.ty()), flags, base, offset),
        }
    }

    fn load_acquire(&mut self, base: cl::Value, access: &Access, flags: MemFlagsData) -> cl::Value {
        let address = self.add_constant(base, i64::from(access.offset));
        let int = int_of(access.mem);
        let loaded = self.ins().atomic_load(int, flags, address);
        let (signed, narrow) = match access.mem {
            Mem::I8 | Mem::I16 => (true, true),
            Mem::U8 | Mem::U16 => (false, true),
            _ => (false, false),
        };
        match (narrow, signed) {
            (true, true) => self.ins().sextend(types::I32, loaded),
            (true, false) => self.ins().uextend(types::I32, loaded),
            _ => self.as_type(loaded, abi::ty(access.mem.ty())),
        }
    }

    /// The same bits as another type of the same size.
    fn as_type(&mut self, value: cl::Value, ty: cl::Type) -> cl::Value {
        if self.cur.func.dfg.value_type(value) == ty {
            value
        } else {
            self.ins().bitcast(ty, MemFlagsData::new(), value)
        }
    }

    pub(super) fn store(&mut self, inst: Inst, data: &InstData) {
        let Imm::Access(access) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let (base, flags) = self.place(inst, 1, &access);
        let constant = self.ssa.constant(self.ssa.args(inst)[0]);
        let bytes = access.mem.bytes(8);
        if let (Some(bits), 1 | 2) = (constant, bytes)
            && !access.flags.contains(AccessFlags::VOLATILE)
        {
            // In its own width, the constant is an immediate of the store.
            let value = self.iconst(int_of(access.mem), bits & ((1 << (8 * bytes)) - 1));
            self.ins().store(flags, value, base, access.offset);
            return;
        }
        let value = self.arg(inst, 0);
        self.store_access(value, base, &access, flags);
    }

    /// The store of an access whose place is made already.
    pub(super) fn store_access(
        &mut self,
        value: cl::Value,
        base: cl::Value,
        access: &Access,
        flags: MemFlagsData,
    ) {
        if !access.flags.contains(AccessFlags::VOLATILE) {
            self.store_mem(access.mem, flags, value, base, access.offset);
        } else if self.arch == Arch::X64 {
            // Every store is a release store; without a region it is a fence for the compiler.
            let flags = flags.with_alias_region(None);
            self.store_mem(access.mem, flags, value, base, access.offset);
        } else {
            let address = self.add_constant(base, i64::from(access.offset));
            let int = int_of(access.mem);
            let bits = match access.mem {
                Mem::I8 | Mem::U8 | Mem::I16 | Mem::U16 => self.ins().ireduce(int, value),
                _ => self.as_type(value, int),
            };
            self.ins().atomic_store(flags, bits, address);
        }
    }

    fn store_mem(
        &mut self,
        mem: Mem,
        flags: MemFlagsData,
        value: cl::Value,
        base: cl::Value,
        offset: i32,
    ) {
        let i = self.ins();
        match mem {
            Mem::I8 | Mem::U8 => i.istore8(flags, value, base, offset),
            Mem::I16 | Mem::U16 => i.istore16(flags, value, base, offset),
            _ => i.store(flags, value, base, offset),
        };
    }

    /// Trap code of a null check at the current position.
    fn null_code(&mut self) -> cl::TrapCode {
        let pos = self.cur.srcloc().bits();
        self.s.null_sites.code(pos)
    }

    /// Place of a reference store whose base is operand 1.
    pub(super) fn reference_place(
        &mut self,
        inst: Inst,
        access: &Access,
    ) -> (cl::Value, MemFlagsData) {
        self.place(inst, 1, access)
    }

    pub(super) fn null_check(&mut self, inst: Inst) {
        self.check_null(inst, 0);
    }

    /// Faults if operand `n` is null. Of an object this reads the type word, so that a later read of it costs nothing.
    fn check_null(&mut self, inst: Inst, n: usize) {
        let v = self.ssa.args(inst)[n];
        let base = self.value(v);
        let trap = Some(self.null_code());
        if self.ssa.ty(v) == Ty::Ref {
            let flags = self
                .flags(Class::Ssa(Region::Header), 0)
                .with_trap_code(trap);
            self.ins().load(types::I32, flags, base, TYPE_WORD as i32);
        } else {
            let flags = self.flags(Class::Ssa(Region::Any), 0).with_trap_code(trap);
            self.ins().uload8(types::I32, flags, base, 0);
        }
    }

    pub(super) fn mem_copy(&mut self, inst: Inst, data: &InstData) {
        let (to, from) = (self.arg(inst, 0), self.arg(inst, 1));
        let bytes = data.bits().unwrap_or(0);
        if bytes > i64::from(INLINE_BYTES) {
            let bytes = self.iconst(types::I64, bytes);
            self.call_leaf(Helper::MemMove, &[to, from, bytes]);
            return;
        }
        let flags = self.flags(Class::Ssa(Region::Any), 0);
        for (offset, ty) in chunks(bytes as u32) {
            let value = self.ins().load(ty, flags, from, offset as i32);
            self.ins().store(flags, value, to, offset as i32);
        }
    }

    pub(super) fn mem_zero(&mut self, inst: Inst, data: &InstData) {
        let to = self.arg(inst, 0);
        let bytes = data.bits().unwrap_or(0);
        self.zero(to, bytes as u32);
    }

    /// Zeroes memory.
    pub(super) fn zero(&mut self, to: cl::Value, bytes: u32) {
        if bytes > INLINE_BYTES {
            let value = self.iconst(types::I32, 0);
            let bytes = self.iconst(types::I64, i64::from(bytes));
            self.call_leaf(Helper::MemSet, &[to, value, bytes]);
            return;
        }
        let flags = self.flags(Class::Ssa(Region::Any), 0);
        for (offset, ty) in chunks(bytes) {
            let zero = if ty == types::I8X16 {
                let constant = self.cur.func.dfg.constants.insert(vec![0; 16].into());
                self.ins().vconst(ty, constant)
            } else {
                self.iconst(ty, 0)
            };
            self.ins().store(flags, zero, to, offset as i32);
        }
    }

    pub(super) fn atomic(&mut self, inst: Inst, data: &InstData) {
        let Imm::Access(access) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let base = self.arg(inst, 0);
        let address = self.add_constant(base, i64::from(access.offset));
        let traps = access.flags.contains(AccessFlags::NULL);
        let flags = self
            .access_flags(&access, traps)
            .with_endianness(Endianness::Little);
        let ty = abi::ty(data.ty);
        let value = match data.op {
            Op::AtomicCas => {
                let (expected, new) = (self.arg(inst, 1), self.arg(inst, 2));
                self.ins().atomic_cas(flags, address, expected, new)
            }
            op => {
                let rmw = if op == Op::AtomicAdd {
                    AtomicRmwOp::Add
                } else {
                    AtomicRmwOp::Xchg
                };
                let operand = self.arg(inst, 1);
                self.ins().atomic_rmw(ty, flags, rmw, address, operand)
            }
        };
        self.define(data, value);
    }

    pub(super) fn ctx_load(&mut self, _inst: Inst, data: &InstData) {
        let Imm::Ctx(word) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let value = self.ctx_word(word);
        self.define(data, value);
    }
}

/// The integer type of the same size.
fn int_of(mem: Mem) -> cl::Type {
    match mem.bytes(8) {
        1 => types::I8,
        2 => types::I16,
        4 => types::I32,
        _ => types::I64,
    }
}

/// Offsets and types that cover `bytes` bytes.
fn chunks(bytes: u32) -> impl Iterator<Item = (u32, cl::Type)> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let ty = match bytes - offset {
            0 => return None,
            16.. => types::I8X16,
            8.. => types::I64,
            4.. => types::I32,
            2.. => types::I16,
            _ => types::I8,
        };
        let at = offset;
        offset += ty.bytes();
        Some((at, ty))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_byte_once() {
        for bytes in 0..200 {
            let mut next = 0;
            for (offset, ty) in chunks(bytes) {
                assert_eq!(offset, next);
                next += ty.bytes();
            }
            assert_eq!(next, bytes);
        }
    }
}
