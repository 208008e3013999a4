//! Methods that are expanded in place.

use super::calls::Code;
use super::place::{Barrier, Entry, Place};
use super::{Builder, Result};
use crate::ir::{Access, AccessFlags, Imm, Mem, Op, Region, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::types::{MemTy, Signature};
use isthmus_runtime_abi::vm::Entity;
use std::sync::Arc;

/// A call of a method that may be expanded.
#[derive(Clone, Copy)]
pub(super) struct MethodCall<'a> {
    pub method: MethodId,
    pub sig: &'a Arc<Signature>,
    pub args: &'a [Entry],
}

impl Builder<'_> {
    /// Expands an intrinsic; false if it must be called.
    pub(super) fn intrinsic(&mut self, intrinsic: Intrinsic, call: MethodCall<'_>) -> Result<bool> {
        use Intrinsic as I;
        let MethodCall { sig, args, .. } = call;
        if intrinsic == I::TypeObject {
            return Ok(self.type_object(args));
        }
        if intrinsic == I::ObjectType {
            return self.object_type(call);
        }
        if intrinsic == I::IdentityHash {
            return self.identity_hash(call);
        }
        if matches!(
            intrinsic,
            I::ArrayRank | I::ArrayDimension | I::ArrayLowerBound
        ) {
            return self.array_shape(intrinsic, call);
        }
        if matches!(intrinsic, I::LockEnter | I::LockTryEnter | I::LockExit) {
            return self.lock(intrinsic, call);
        }
        let mut values: Vec<Value> = Vec::with_capacity(args.len());
        for e in args {
            match self.as_val(e) {
                Some(v) => values.push(v),
                None => return Ok(false),
            }
        }
        let arg = |n: usize| values.get(n).copied();
        let float = |b: &mut Self, op: Op, v: Value| {
            let ty = b.func.ty(v);
            b.op(op, ty, &[v])
        };
        let result = match (intrinsic, arg(0), arg(1), arg(2)) {
            (I::ArrayLength | I::StringLength, Some(a), ..) => Some(self.length_of(a)),
            (I::StringChar, Some(s), Some(index), _) => {
                let length = self.length_of(s);
                let index = self.check_index(index, length);
                let access = Access::new(
                    Mem::U16,
                    layout::STRING_CHARS as i32,
                    Region::Element(Mem::U16),
                )
                .scaled(2);
                Some(self.load_raw(s, Some(index), access))
            }
            (I::AllocString, Some(n), ..) => match self.env.string_class() {
                Some(class) => Some(self.new_string(class, n)?),
                None => return Ok(false),
            },
            (I::CopyBytes, Some(to), Some(from), Some(count)) => {
                let zero = self.i32(0);
                let positive = self.cmp(Cmp::Gt, count, zero);
                let count = self.op(Op::Select, Ty::I32, &[positive, count, zero]);
                self.move_bytes(to, from, count);
                None
            }
            (I::MoveBytes, Some(to), Some(from), Some(count)) => {
                self.move_bytes(to, from, count);
                None
            }
            (I::ArrayDataRef, Some(a), ..) => {
                self.null_check(a);
                Some(self.lea(a, None, layout::ARRAY_DATA as i32))
            }
            (I::OffsetToStringData, ..) => Some(self.i32(layout::STRING_CHARS as i32)),
            (I::ByReferenceCtor, Some(this), Some(pointer), _) => {
                let flags = self.check_base(this, 0);
                let access = Access::new(Mem::ByRef, 0, Region::Any).with(flags);
                let pointer = self.convert_word(pointer, Ty::ByRef);
                self.store_raw(pointer, this, None, access);
                None
            }
            (I::ByReferenceValue, Some(this), ..) => {
                let flags = self.check_base(this, 0);
                let access = Access::new(Mem::ByRef, 0, Region::Any).with(flags);
                Some(self.load_raw(this, None, access))
            }
            (I::Identity, Some(v), ..) => {
                let ty = sig.ret.and_then(|t| Ty::of_stack(t.stack_ty()));
                Some(match ty {
                    Some(t) => self.convert_word(v, t),
                    None => v,
                })
            }
            (I::AddBytes, Some(p), Some(n), _) => {
                let n = self.convert_word(n, Ty::Ptr);
                Some(self.pointer_add(p, n))
            }
            (I::True, ..) => Some(self.i32(1)),
            (I::False, ..) => Some(self.i32(0)),
            (I::Sqrt, Some(v), ..) => Some(float(self, Op::FSqrt, v)),
            (I::AbsF64 | I::AbsF32, Some(v), ..) => Some(float(self, Op::FAbs, v)),
            (I::Floor, Some(v), ..) => Some(float(self, Op::FFloor, v)),
            (I::Ceil, Some(v), ..) => Some(float(self, Op::FCeil, v)),
            (I::Round, Some(v), ..) => Some(float(self, Op::FNearest, v)),
            (I::MemoryBarrier, ..) => {
                self.emit(Op::Fence, Ty::I32, &[], Imm::None);
                None
            }
            (I::Exchange32, Some(p), Some(v), _) => {
                Some(self.atomic(Op::AtomicXchg, p, &[v], Ty::I32))
            }
            (I::Exchange64, Some(p), Some(v), _) => {
                Some(self.atomic(Op::AtomicXchg, p, &[v], Ty::I64))
            }
            (I::CompareExchange32, Some(p), Some(v), Some(c)) => {
                Some(self.atomic(Op::AtomicCas, p, &[c, v], Ty::I32))
            }
            (I::CompareExchange64, Some(p), Some(v), Some(c)) => {
                Some(self.atomic(Op::AtomicCas, p, &[c, v], Ty::I64))
            }
            (I::Add32, Some(p), Some(v), _) => Some(self.atomic_add(p, v, Ty::I32)),
            (I::Add64, Some(p), Some(v), _) => Some(self.atomic_add(p, v, Ty::I64)),
            (I::Increment32, Some(p), ..) => {
                let one = self.i32(1);
                Some(self.atomic_add(p, one, Ty::I32))
            }
            (I::Decrement32, Some(p), ..) => {
                let minus_one = self.i32(-1);
                Some(self.atomic_add(p, minus_one, Ty::I32))
            }
            (I::VolatileRead32, Some(p), ..) => Some(self.volatile_read(p, MemTy::I32)?),
            (I::VolatileReadRef, Some(p), ..) => Some(self.volatile_read(p, MemTy::Ref)?),
            (I::RawData, Some(o), ..) => {
                self.null_check(o);
                Some(self.lea(o, None, layout::HEADER as i32))
            }
            (I::SizeOf, ..) => match self.env.intrinsic_type(call.method) {
                Some(t) => {
                    let size = self.size_of(t);
                    Some(self.i32(size as i32))
                }
                None => return Ok(false),
            },
            (I::AddElements, Some(p), Some(n), _) => match self.env.intrinsic_type(call.method) {
                Some(t) => {
                    let size = self.size_of(t);
                    let n = self.convert_word(n, Ty::Ptr);
                    let place = self.scaled_place(p, n, size, 0);
                    Some(self.lea(place.base, place.index, place.offset))
                }
                None => return Ok(false),
            },
            _ => return Ok(false),
        };
        if let (Some(v), Some(ty)) = (result, sig.ret) {
            let e = self.coerce(Entry::Val(v), ty)?;
            self.push(e);
        }
        Ok(true)
    }

    /// A string of zeros.
    fn new_string(&mut self, class: TypeId, length: Value) -> Result<Value> {
        let vtable = self.entity(Entity::Vtable(class))?;
        let length = self.convert_word(length, Ty::I32);
        let i = self.throwing(Op::AllocString, Ty::Ref, &[vtable, length], Imm::None);
        let v = self.func.inst(i).first_result;
        self.fact_mut(v).nonnull = true;
        self.note_class(v, class, true);
        Ok(v)
    }

    /// Copies bytes that may overlap.
    fn move_bytes(&mut self, to: Value, from: Value, count: Value) {
        let count = self.widen(count, Ty::I64, false);
        self.helper(Helper::MemMove, &[to, from, count]);
    }

    /// The object of a type that is known; false if the type is not.
    fn type_object(&mut self, args: &[Entry]) -> bool {
        let handle = match args {
            [Entry::Val(v)] => *v,
            [Entry::Split(_, leaves)] if leaves.len() == 1 => leaves[0],
            _ => return false,
        };
        let (Some((_, def)), Some(class)) = (self.func.def(handle), self.env.type_object_class())
        else {
            return false;
        };
        let (Op::SymAddr, Imm::Symbol(Symbol::TypeHandle(t))) = (def.op, def.imm) else {
            return false;
        };
        let v = self.symbol(Ty::Ref, Symbol::TypeObject(t));
        self.fact_mut(v).nonnull = true;
        self.note_class(v, class, true);
        self.push_val(v);
        true
    }

    fn atomic(&mut self, op: Op, p: Value, values: &[Value], ty: Ty) -> Value {
        let flags = self.check_base(p, 0);
        let access = Access::new(ty.mem(), 0, Region::Any).with(flags);
        let mut args = vec![p];
        for &v in values {
            let v = self.convert_word(v, ty);
            args.push(v);
        }
        self.emit1(op, ty, &args, Imm::Access(access))
    }

    /// Calls the method itself, where what stands for it does not have the answer.
    pub(super) fn call_after_all(&mut self, call: MethodCall<'_>) -> Result<()> {
        let (code, method) = (Code::Method(call.method), Some(call.method));
        self.call_code(code, call.sig, call.args.to_vec(), None, method, false)
    }

    fn atomic_add(&mut self, p: Value, v: Value, ty: Ty) -> Value {
        let v = self.convert_word(v, ty);
        let old = self.atomic(Op::AtomicAdd, p, &[v], ty);
        self.op(Op::Add, ty, &[old, v])
    }

    fn volatile_read(&mut self, p: Value, ty: MemTy) -> Result<Value> {
        let flags = self.check_base(p, 0) | AccessFlags::VOLATILE;
        let place = Place {
            base: p,
            index: None,
            offset: 0,
            region: Region::Any,
            barrier: Barrier::Unknown,
            flags,
        };
        let e = self.load_place(place, ty)?;
        self.as_val(&e).ok_or_else(|| self.bad())
    }
}
