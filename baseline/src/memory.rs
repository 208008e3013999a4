//! Loads, stores, blocks, write barriers, `localloc`.
//!
//! A faulting access is the null check. Accesses of several instructions (structs) and those beyond the guard area are
//! preceded by one probing load, which is the only one that may fault.

use crate::error::R;
use crate::moves::Word;
use crate::state::Gen;
use crate::target::Target;
use crate::value::{Entry, Loc, fty};
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::NULL_GUARD;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::{MemTy, StackTy};
use isthmus_runtime_abi::vm::{BarrierKind, Entity};

/// What kind of memory an address is in, for checks and barriers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Place {
    /// This frame, or native memory without references: nothing to check.
    Plain,
    /// Inside the object in this register, which was checked for null already or will fault.
    Object(Gpr),
    /// The same, of an object that is known not to be null.
    LiveObject(Gpr),
    /// Anywhere; may be null.
    Unknown,
}

impl Place {
    fn may_fault(self) -> bool {
        matches!(self, Place::Object(_) | Place::Unknown)
    }
}

/// Structs of more bytes are copied or cleared by a helper.
const UNROLL: u32 = 256;

impl<A: Target> Gen<'_, A> {
    // ---- addresses

    /// The memory at `offset` from the pointer `e`, which must stay held while it is used.
    pub fn address(&mut self, e: &mut Entry, offset: u32) -> R<(Mem, Place)> {
        let offset = offset as i32;
        match (e.ty, e.loc) {
            (StackTy::Native | StackTy::ByRef | StackTy::I64, _) => {}
            // A native pointer computed as I32: widened.
            (StackTy::I32, _) => self.sign_extend(e)?,
            (StackTy::Ref, _) => {}
            _ => return self.invalid(format!("an address is expected, not {:?}", e.ty)),
        }
        Ok(match e.loc {
            Loc::FrameAddr(off) => (Mem::new(self.base, off + offset), Place::Plain),
            Loc::RegPlus(r, d) if d.checked_add(offset).is_some() => {
                (Mem::new(r, d + offset), Place::Unknown)
            }
            _ => {
                let r = self.load(e)?;
                (Mem::new(r, offset), Place::Unknown)
            }
        })
    }

    /// A load that faults if `base` is null, and does nothing else.
    pub fn probe(&mut self, mem: Mem) {
        self.a.cmp_mem(Width::W8, mem, 0);
        self.null_trap();
    }

    /// Checks a reference for null where the access itself would not fault for sure.
    pub fn probe_if_far(&mut self, base: Gpr, offset: u32) {
        if offset >= NULL_GUARD {
            self.probe(Mem::new(base, 0));
        }
    }

    // ---- loads

    /// Pushes the value at `mem`. `held` is given up when it was read.
    pub fn load_value(&mut self, mem: Mem, place: Place, ty: MemTy, held: Entry) -> R {
        match ty {
            MemTy::Struct(t) => {
                if place.may_fault() {
                    self.probe(mem);
                }
                let bytes = self.layout(t).size;
                let off = self.frame.temp(bytes);
                self.copy_struct(Mem::new(A::FP, off), mem, bytes)?;
                self.discard(held);
                self.push(StackTy::Struct(t), Loc::Temp(off));
            }
            MemTy::F32 | MemTy::F64 => {
                let r = self.alloc_f()?;
                self.a.fload(fty(ty.stack_ty()), r, mem);
                if place.may_fault() {
                    self.null_trap();
                }
                self.discard(held);
                self.push_freg(ty.stack_ty(), r);
            }
            _ => {
                // The result may take the register of the address.
                self.discard(held);
                let r = self.alloc()?;
                let ext = Ext::of_mem_ty(ty, 8).unwrap_or(Ext::Full64);
                self.a.load(ext, r, mem);
                if place.may_fault() {
                    self.null_trap();
                }
                self.push_reg(ty.stack_ty(), r);
            }
        }
        Ok(())
    }

    /// Copies a struct within the frame, or out of memory that does not fault, into the frame.
    pub fn copy_struct(&mut self, dst: Mem, src: Mem, bytes: u32) -> R {
        if dst == src {
            return Ok(());
        }
        if bytes <= UNROLL {
            self.a.copy_block(dst, src, bytes);
            return Ok(());
        }
        // Unrolled copies of large structs in several loops' worth of code: one helper call.
        let (d, s) = (self.alloc()?, self.alloc()?);
        self.a.lea(d, dst);
        self.a.lea(s, src);
        let args = [Word::Reg(d), Word::Reg(s), Word::Imm(bytes as i64)];
        // The operands of the current instruction may be in registers: a call that preserves them.
        let (slow, back) = self.slow_path(Helper::MemMove, &args, None);
        self.a.jmp(slow);
        self.a.bind(back);
        self.release(d);
        self.release(s);
        Ok(())
    }

    // ---- stores

    /// Stores `value` of the location's type at `mem`. The caller discards `value` and the address.
    pub fn store_value(&mut self, mem: Mem, place: Place, ty: MemTy, value: &mut Entry) -> R {
        self.coerce(value, ty.stack_ty())?;
        if !matches!(place, Place::Object(_) | Place::LiveObject(_)) {
            self.before_unknown_store(self.stack.len())?;
        }
        let size = ty.scalar_size(8).unwrap_or(8);
        let w = Width::of_bytes(size).unwrap_or(Width::W64);
        match ty {
            MemTy::Struct(t) => return self.store_struct(mem, place, t, value),
            MemTy::Ref if place != Place::Plain && value.loc != Loc::Imm(0) => {
                return self.store_ref(mem, place, value);
            }
            MemTy::F32 | MemTy::F64 => match value.loc {
                Loc::FImm(bits) if ty == MemTy::F32 => self.a.store_imm(w, mem, bits as u32 as i32),
                Loc::FImm(0) => self.a.store_imm(w, mem, 0),
                _ => {
                    let r = self.fload(value)?;
                    self.a.fstore(fty(ty.stack_ty()), mem, r);
                }
            },
            _ => match value.loc {
                Loc::Imm(v) if w != Width::W64 || i32::try_from(v).is_ok() => {
                    let v = match w {
                        Width::W8 => v as i8 as i32,
                        Width::W16 => v as i16 as i32,
                        _ => v as i32,
                    };
                    self.a.store_imm(w, mem, v)
                }
                _ => {
                    let r = self.load(value)?;
                    self.a.store(w, mem, r);
                }
            },
        }
        if place.may_fault() {
            self.null_trap();
        }
        Ok(())
    }

    fn store_ref(&mut self, mem: Mem, place: Place, value: &mut Entry) -> R {
        let v = self.load(value)?;
        match place {
            Place::Object(obj) | Place::LiveObject(obj) => {
                self.a.store(Width::W64, mem, v);
                if place.may_fault() {
                    self.null_trap();
                }
                self.write_barrier(obj)
            }
            _ => {
                if self.env.barrier() == BarrierKind::None {
                    self.a.store(Width::W64, mem, v);
                    self.null_trap();
                    return Ok(());
                }
                let addr = self.alloc()?;
                self.a.lea(addr, mem);
                let args = [Word::Reg(addr), Word::Reg(v)];
                let (slow, back) = self.slow_path(Helper::StoreRefUnknown, &args, None);
                let plain = self.a.new_label();
                let (start, end) = (self.ctx(CtxWord::HeapStart), self.ctx(CtxWord::HeapEnd));
                self.a.cmp(Width::W64, addr, start);
                self.a.jcc(Cond::Below, plain);
                self.a.cmp(Width::W64, addr, end);
                self.a.jcc(Cond::Below, slow);
                self.a.bind(plain);
                self.a.store(Width::W64, Mem::new(addr, 0), v);
                self.null_trap();
                self.a.bind(back);
                self.release(addr);
                Ok(())
            }
        }
    }

    /// After a reference was stored into the object.
    pub fn write_barrier(&mut self, obj: Gpr) -> R {
        if self.env.barrier() == BarrierKind::None {
            return Ok(());
        }
        let t = self.alloc()?;
        let bits = self.ctx(CtxWord::LogBits);
        self.a.mov(Width::W64, t, obj);
        self.a.shift_imm(Shift::Shr, Width::W64, t, 6);
        self.a.alu(Alu::Add, Width::W64, t, bits);
        self.a.load(Ext::Zx8, t, Mem::new(t, 0));
        self.a.mov(Width::W32, A::TMP, obj);
        self.a.shift_imm(Shift::Shr, Width::W32, A::TMP, 3);
        self.a.alu(Alu::And, Width::W32, A::TMP, 7);
        self.a.bit_test(Width::W32, t, A::TMP);
        self.release(t);
        let (slow, back) = self.slow_path(Helper::GcBarrier, &[Word::Reg(obj)], None);
        self.a.jcc(Cond::Carry, slow);
        self.a.bind(back);
        Ok(())
    }

    fn store_struct(&mut self, mem: Mem, place: Place, t: TypeId, value: &mut Entry) -> R {
        let layout = self.layout(t);
        let src = self.struct_mem(value)?;
        if place.may_fault() {
            self.probe(mem);
        }
        if place == Place::Plain || !layout.has_refs {
            return self.copy_struct(mem, src, layout.size);
        }
        let dst = self.alloc()?;
        let from = self.alloc()?;
        self.a.lea(dst, mem);
        self.a.lea(from, src);
        self.copy_value(dst, from, t)?;
        self.release(dst);
        self.release(from);
        Ok(())
    }

    /// Copies a value with references; registers stay as they are.
    fn copy_value(&mut self, dst: Gpr, src: Gpr, t: TypeId) -> R {
        let (ty, held) = self.entity_word(Entity::TypeHandle(t))?;
        let args = [Word::Reg(dst), Word::Reg(src), ty];
        let (slow, back) = self.slow_path(Helper::CopyValue, &args, None);
        self.a.jmp(slow);
        self.a.bind(back);
        self.release_opt(held);
        Ok(())
    }

    // ---- instructions

    pub fn op_ldind(&mut self, ty: MemTy) -> R {
        let mut e = self.pop()?;
        let (mem, place) = self.address(&mut e, 0)?;
        self.load_value(mem, place, ty, e)
    }

    pub fn op_stind(&mut self, ty: MemTy) -> R {
        let mut value = self.pop()?;
        let mut e = self.pop()?;
        let (mem, place) = self.address(&mut e, 0)?;
        self.store_value(mem, place, ty, &mut value)?;
        self.discard(value);
        self.discard(e);
        Ok(())
    }

    pub fn op_cpobj(&mut self, t: TypeId) -> R {
        let ty = self.env.mem_ty(t);
        self.op_ldind(ty)?;
        self.op_stind(ty)
    }

    pub fn op_initobj(&mut self, t: TypeId) -> R {
        let ty = self.env.mem_ty(t);
        let mut e = self.pop()?;
        let (mem, place) = self.address(&mut e, 0)?;
        match ty {
            MemTy::Struct(t) => {
                self.before_unknown_store(self.stack.len())?;
                if place.may_fault() {
                    self.probe(mem);
                }
                let bytes = self.layout(t).size;
                self.clear(mem, bytes)?;
            }
            ty => {
                let zero = match ty {
                    MemTy::F32 | MemTy::F64 => Loc::FImm(0),
                    _ => Loc::Imm(0),
                };
                self.store_value(mem, place, ty, &mut Entry::new(ty.stack_ty(), zero))?;
            }
        }
        self.discard(e);
        Ok(())
    }

    /// Clears memory that does not fault.
    pub fn clear(&mut self, mem: Mem, bytes: u32) -> R {
        if bytes <= UNROLL {
            self.a.zero_block(mem, bytes);
            return Ok(());
        }
        let d = self.alloc()?;
        self.a.lea(d, mem);
        let args = [Word::Reg(d), Word::Imm(0), Word::Imm(bytes as i64)];
        let (slow, back) = self.slow_path(Helper::MemSet, &args, None);
        self.a.jmp(slow);
        self.a.bind(back);
        self.release(d);
        Ok(())
    }

    /// `cpblk` and `initblk`: address, source or fill value, byte count.
    pub fn op_block(&mut self, copy: bool) -> R {
        let mut count = self.pop()?;
        let mut second = self.pop()?;
        let mut dst = self.pop()?;
        self.before_unknown_store(self.stack.len())?;
        if count.ty == StackTy::I32 {
            self.zero_extend(&mut count)?;
        }
        // Nothing is touched, and nothing may fault, if the count is 0.
        let n = self.load(&mut count)?;
        let d = self.load(&mut dst)?;
        let s = if copy {
            self.load(&mut second)?
        } else {
            self.coerce(&mut second, StackTy::I32)?;
            self.load(&mut second)?
        };
        let skip = self.a.new_label();
        let helper = if copy {
            Helper::MemMove
        } else {
            Helper::MemSet
        };
        let args = [Word::Reg(d), Word::Reg(s), Word::Reg(n)];
        let (slow, back) = self.slow_path(helper, &args, None);
        self.a.cmp(Width::W64, n, 0);
        self.a.jcc(Cond::Eq, skip);
        self.probe(Mem::new(d, 0));
        if copy {
            self.probe(Mem::new(s, 0));
        }
        self.a.jmp(slow);
        self.a.bind(back);
        self.a.bind(skip);
        for e in [count, second, dst] {
            self.discard(e);
        }
        Ok(())
    }

    /// `localloc`: moves SP if the method has no landing pads and the stack has room; else the helper, which is given the address
    /// of the function's mark. Always zeroed.
    pub fn op_localloc(&mut self) -> R {
        let mut e = self.pop()?;
        if e.ty == StackTy::I32 {
            self.zero_extend(&mut e)?;
        }
        e.ty = StackTy::Native;
        let Some(mark) = self.slots.mark else {
            return self.invalid("localloc that the look ahead has not seen");
        };
        let mark = Word::Addr(Mem::new(A::FP, mark));
        if self.scan.handlers || self.filter.is_some() {
            let word = self.word(&e)?;
            self.call_helper(Helper::LocalAlloc, &[word, mark])?;
            self.discard(e);
            let r = self.take_ret()?;
            self.push_reg(StackTy::Native, r);
            return Ok(());
        }
        let n = self.own(&mut e)?;
        let r = self.alloc()?;
        let (slow, back) = self.slow_path(Helper::LocalAlloc, &[Word::Reg(n), mark], Some(r));
        let (zero, done) = (self.a.new_label(), self.a.new_label());
        self.a.mov(Width::W64, r, A::SP);
        self.a.alu(Alu::Add, Width::W64, n, 15);
        self.throw_if(Cond::Carry, TrapKind::StackOverflow);
        self.a.alu(Alu::And, Width::W64, n, -16);
        self.a.alu(Alu::Sub, Width::W64, r, n);
        self.a.jcc(Cond::Below, slow);
        let limit = self.ctx(CtxWord::StackLimit);
        self.a.cmp(Width::W64, r, limit);
        self.a.jcc(Cond::BelowEq, slow);
        self.a.lea(A::SP, Mem::new(r, 0));
        self.a.cmp(Width::W64, n, 0);
        self.a.jcc(Cond::Eq, done);
        self.a.bind(zero);
        let word = Mem::indexed(r, n, Scale::S1, -8);
        self.a.store_imm(Width::W64, word, 0);
        self.a.alu(Alu::Sub, Width::W64, n, 8);
        self.a.jcc(Cond::Ne, zero);
        self.a.bind(done);
        self.a.bind(back);
        self.discard(e);
        self.push_reg(StackTy::Native, r);
        Ok(())
    }
}
