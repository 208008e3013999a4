//! Methods expanded in place.

use crate::error::R;
use crate::state::Gen;
use crate::target::Target;
use crate::value::Loc;
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::layout::{ARRAY_DATA, HEADER, LENGTH, STRING_CHARS};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::{MemTy, Signature, StackTy};

impl<A: Target> Gen<'_, A> {
    /// Expands an intrinsic whose arguments are on the stack; `false`: it must be called.
    pub fn intrinsic(&mut self, i: Intrinsic, callee: MethodId, sig: &Signature) -> R<bool> {
        let ret = sig.ret.map(MemTy::stack_ty);
        match i {
            Intrinsic::ArrayLength | Intrinsic::StringLength => {
                self.op_ldlen()?;
                let mut e = self.pop()?;
                e.ty = ret.unwrap_or(StackTy::I32);
                self.stack.push(e);
            }
            Intrinsic::StringChar => self.string_char()?,
            Intrinsic::AllocString
            | Intrinsic::CopyBytes
            | Intrinsic::MoveBytes
            | Intrinsic::TypeObject
            | Intrinsic::ObjectType
            | Intrinsic::IdentityHash
            | Intrinsic::ArrayRank
            | Intrinsic::ArrayDimension
            | Intrinsic::ArrayLowerBound => return Ok(false),
            Intrinsic::ArrayDataRef => self.interior(ARRAY_DATA as i32)?,
            Intrinsic::RawData => self.interior(HEADER as i32)?,
            Intrinsic::OffsetToStringData => self.push(StackTy::I32, Loc::Imm(STRING_CHARS as i64)),
            Intrinsic::ByReferenceCtor => self.op_stind(MemTy::ByRef)?,
            Intrinsic::ByReferenceValue => self.op_ldind(MemTy::ByRef)?,
            Intrinsic::Identity => {
                let mut e = self.pop()?;
                if let Some(ty) = ret.filter(|&ty| same_bits(e.ty, ty)) {
                    e.ty = ty;
                }
                self.stack.push(e);
            }
            Intrinsic::AddElements => {
                let Some(t) = self.env.intrinsic_type(callee) else {
                    return Ok(false);
                };
                let ty = self.env.mem_ty(t);
                let size = self.size_of(ty);
                self.add_scaled(size)?;
            }
            Intrinsic::AddBytes => self.add_scaled(1)?,
            Intrinsic::SizeOf => {
                let Some(t) = self.env.intrinsic_type(callee) else {
                    return Ok(false);
                };
                let ty = self.env.mem_ty(t);
                let size = self.size_of(ty);
                self.push(StackTy::I32, Loc::Imm(size as i64));
            }
            Intrinsic::True | Intrinsic::False => {
                for _ in 0..sig.params.len() {
                    let e = self.pop()?;
                    self.discard(e);
                }
                let value = i64::from(i == Intrinsic::True);
                self.push(StackTy::I32, Loc::Imm(value));
            }
            Intrinsic::Sqrt => {
                let mut e = self.pop()?;
                self.coerce(&mut e, StackTy::F64)?;
                let src = self.fsrc(&mut e)?;
                let r = self.alloc_f()?;
                self.a.fsqrt(FTy::F64, r, src);
                self.discard(e);
                self.push_freg(StackTy::F64, r);
            }
            Intrinsic::AbsF64 | Intrinsic::AbsF32 => {
                let (ty, f) = match i {
                    Intrinsic::AbsF64 => (StackTy::F64, FTy::F64),
                    _ => (StackTy::F32, FTy::F32),
                };
                let mut e = self.pop()?;
                self.coerce(&mut e, ty)?;
                let r = self.own_f(&mut e)?;
                self.a.fabs(f, r);
                self.push_freg(ty, r);
            }
            Intrinsic::Floor | Intrinsic::Ceil | Intrinsic::Round => {
                if !self.opts.round {
                    return Ok(false);
                }
                let mode = match i {
                    Intrinsic::Floor => Rounding::Floor,
                    Intrinsic::Ceil => Rounding::Ceil,
                    _ => Rounding::Nearest,
                };
                let mut e = self.pop()?;
                self.coerce(&mut e, StackTy::F64)?;
                let src = self.fsrc(&mut e)?;
                let r = self.alloc_f()?;
                self.a.fround(mode, FTy::F64, r, src);
                self.discard(e);
                self.push_freg(StackTy::F64, r);
            }
            Intrinsic::MemoryBarrier => self.a.fence(),
            Intrinsic::Exchange32 => self.exchange(Width::W32)?,
            Intrinsic::Exchange64 => self.exchange(Width::W64)?,
            Intrinsic::CompareExchange32 => self.compare_exchange(Width::W32)?,
            Intrinsic::CompareExchange64 => self.compare_exchange(Width::W64)?,
            Intrinsic::Add32 => self.atomic_add(Width::W32)?,
            Intrinsic::Add64 => self.atomic_add(Width::W64)?,
            Intrinsic::Increment32 => {
                self.push(StackTy::I32, Loc::Imm(1));
                self.atomic_add(Width::W32)?;
            }
            Intrinsic::Decrement32 => {
                self.push(StackTy::I32, Loc::Imm(-1));
                self.atomic_add(Width::W32)?;
            }
            Intrinsic::VolatileRead32 => self.op_ldind(MemTy::I32)?,
            Intrinsic::VolatileReadRef => self.op_ldind(MemTy::Ref)?,
            Intrinsic::LockEnter | Intrinsic::LockTryEnter | Intrinsic::LockExit => {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The address `offset` bytes into an object, which must not be null.
    fn interior(&mut self, offset: i32) -> R {
        let mut e = self.pop()?;
        let obj = self.load(&mut e)?;
        self.probe(Mem::new(obj, 0));
        let r = self.alloc()?;
        self.a.lea(r, Mem::new(obj, offset));
        self.discard(e);
        self.push_reg(StackTy::ByRef, r);
        Ok(())
    }

    fn string_char(&mut self) -> R {
        let mut index = self.pop()?;
        let mut string = self.pop()?;
        self.coerce(&mut index, StackTy::I32)?;
        let i = self.load(&mut index)?;
        let s = self.load(&mut string)?;
        self.a.cmp(Width::W32, i, Mem::new(s, LENGTH as i32));
        self.null_trap();
        self.throw_if(Cond::AboveEq, TrapKind::IndexOutOfRange);
        let r = self.alloc()?;
        let mem = Mem::indexed(s, i, Scale::S2, STRING_CHARS as i32);
        self.a.load(Ext::Zx16, r, mem);
        self.discard(index);
        self.discard(string);
        self.push_reg(StackTy::I32, r);
        Ok(())
    }

    /// Pointer plus index times size.
    fn add_scaled(&mut self, size: u32) -> R {
        let mut index = self.pop()?;
        let mut base = self.pop()?;
        if index.ty == StackTy::I32 {
            self.sign_extend(&mut index)?;
        }
        if let Loc::Imm(v) = index.loc {
            self.stack.push(base);
            let bytes = v.wrapping_mul(size as i64);
            self.push(StackTy::Native, Loc::Imm(bytes));
            self.op_bin(isthmus_frontend_ir::op::BinOp::Add)?;
            return self.retype_top(StackTy::ByRef);
        }
        let b = self.load(&mut base)?;
        let i = self.load(&mut index)?;
        let r = self.alloc()?;
        match Scale::of(size) {
            Some(s) => self.a.lea(r, Mem::indexed(b, i, s, 0)),
            None => {
                self.a.mul_imm(Width::W64, r, i, size as i32);
                self.a.alu(Alu::Add, Width::W64, r, b);
            }
        }
        self.discard(index);
        self.discard(base);
        self.push_reg(StackTy::ByRef, r);
        Ok(())
    }

    fn retype_top(&mut self, ty: StackTy) -> R {
        let i = self.below_top(1)?;
        self.stack[i].ty = ty;
        Ok(())
    }

    fn atomic_ty(w: Width) -> StackTy {
        if w == Width::W32 {
            StackTy::I32
        } else {
            StackTy::I64
        }
    }

    fn exchange(&mut self, w: Width) -> R {
        let ty = Self::atomic_ty(w);
        let mut value = self.pop()?;
        let mut address = self.pop()?;
        self.before_unknown_store(self.stack.len())?;
        self.coerce(&mut value, ty)?;
        let v = self.own(&mut value)?;
        let (mem, _) = self.address(&mut address, 0)?;
        self.a.atomic_swap(w, mem, v);
        self.null_trap();
        self.discard(address);
        self.push_reg(ty, v);
        Ok(())
    }

    fn atomic_add(&mut self, w: Width) -> R {
        let ty = Self::atomic_ty(w);
        let mut value = self.pop()?;
        let mut address = self.pop()?;
        self.before_unknown_store(self.stack.len())?;
        self.coerce(&mut value, ty)?;
        let v = self.load(&mut value)?;
        let old = self.alloc()?;
        self.a.mov(w, old, v);
        let (mem, _) = self.address(&mut address, 0)?;
        self.a.atomic_add(w, mem, old);
        self.null_trap();
        self.a.alu(Alu::Add, w, old, v);
        self.discard(address);
        self.discard(value);
        self.push_reg(ty, old);
        Ok(())
    }

    /// Address, new value, expected value.
    fn compare_exchange(&mut self, w: Width) -> R {
        let ty = Self::atomic_ty(w);
        let top = self.below_top(3)?;
        self.coerce_at(top + 1, ty)?;
        self.coerce_at(top + 2, ty)?;
        // The expected value goes to a fixed register, which the others must not hold.
        self.claim(A::LO)?;
        let expected = self.pop()?;
        let mut value = self.pop()?;
        let mut address = self.pop()?;
        self.before_unknown_store(self.stack.len())?;
        self.put(expected, A::LO)?;
        let v = self.load(&mut value)?;
        let (mem, _) = self.address(&mut address, 0)?;
        self.a.atomic_cas(w, mem, v);
        self.null_trap();
        self.discard(value);
        self.discard(address);
        if w == Width::W32 {
            self.a.mov(Width::W32, A::LO, A::LO);
        }
        self.push_reg(ty, A::LO);
        Ok(())
    }
}

/// Whether a value of one type may be taken for one of the other without an instruction.
fn same_bits(a: StackTy, b: StackTy) -> bool {
    use StackTy::*;
    let pointer = |t| matches!(t, Native | ByRef | Ref | I64);
    a == b || pointer(a) && pointer(b)
}
