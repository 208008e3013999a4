//! What an object and its vtable say: the object that stands for the class, the hash code, the shape of an array.
//!
//! ```text
//!   they have the answer? ──▶ it ─────────────────────────────────────┐
//!           └──▶ cold: the method itself (first time, other arrays) ──┴──▶ result
//! ```
//!
//! Where the class is known to be one of arrays nothing is asked.

use super::intrinsics::MethodCall;
use super::place::Entry;
use super::{Builder, Result};
use crate::ir::{Access, Block, Mem, Op, Region, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::layout::{self, VtableFlags, VtableWord};
use isthmus_runtime_abi::vm::TypeKind;

impl Builder<'_> {
    /// Expands `ObjectType`.
    pub(super) fn object_type(&mut self, call: MethodCall<'_>) -> Result<bool> {
        let &[Entry::Val(object)] = call.args else {
            return Ok(false);
        };
        let Some(class) = self.env.type_object_class() else {
            return Ok(false);
        };
        if !self.worth_a_test(object) {
            return Ok(false);
        }
        let vtable = self.vtable(object);
        let word = self.vtable_word(vtable, VtableWord::TypeObject);
        let none = self.constant(Ty::Ptr, 0);
        let known = self.cmp(Cmp::NeUn, word, none);
        let miss = self.new_block(true);
        let found = |b: &mut Self| b.retype(word, Ty::Ref);
        let v = self.or_call((known, miss), found, call)?;
        self.fact_mut(v).nonnull = true;
        self.note_class(v, class, true);
        Ok(true)
    }

    /// Expands `IdentityHash`.
    pub(super) fn identity_hash(&mut self, call: MethodCall<'_>) -> Result<bool> {
        let &[Entry::Val(object)] = call.args else {
            return Ok(false);
        };
        if !self.worth_a_test(object) {
            return Ok(false);
        }
        let miss = self.new_block(true);
        if !self.is_nonnull(object) {
            let there = self.new_block(false);
            let null = self.is_null(object);
            self.branch(null, miss, there);
            self.go_on(there);
        }
        let access = Access::new(Mem::I32, layout::LOCK_WORD as i32, Region::Any);
        let word = self.load_raw(object, None, access);
        let mask = self.i32(layout::HASHED as i32 - 1);
        let state = self.i32(!(layout::HASHED as i32 - 1));
        let state = self.op(Op::And, Ty::I32, &[word, state]);
        let hashed = self.i32(layout::HASHED as i32);
        let known = self.cmp(Cmp::Eq, state, hashed);
        let hash = |b: &mut Self| b.op(Op::And, Ty::I32, &[word, mask]);
        self.or_call((known, miss), hash, call)?;
        Ok(true)
    }

    /// Expands `ArrayRank`, `ArrayDimension` and `ArrayLowerBound`.
    pub(super) fn array_shape(
        &mut self,
        intrinsic: Intrinsic,
        call: MethodCall<'_>,
    ) -> Result<bool> {
        let (array, dimension) = match *call.args {
            [Entry::Val(array)] => (array, 0),
            [Entry::Val(array), Entry::Val(d)] => match self.func.constant(d) {
                Some(d @ 0..32) => (array, d as u32),
                _ => return Ok(false),
            },
            _ => return Ok(false),
        };
        let kind = (self.fact(array).class).map(|class| self.env.type_kind(class));
        let v = match kind {
            Some(TypeKind::SzArray(_)) if dimension == 0 => {
                self.null_check(array);
                self.vector_shape(intrinsic, array)
            }
            Some(TypeKind::MdArray(_, rank)) if intrinsic == Intrinsic::ArrayRank => {
                self.null_check(array);
                self.i32(rank as i32)
            }
            Some(TypeKind::MdArray(_, rank)) if dimension < rank => {
                let length = layout::MD_BOUNDS + dimension * layout::MD_BOUND_BYTES;
                let at = match intrinsic {
                    Intrinsic::ArrayLowerBound => length + 4,
                    _ => length,
                };
                let flags = self.check_base(array, i64::from(at));
                let access = Access::new(Mem::I32, at as i32, Region::Fixed).with(flags);
                self.load_raw(array, None, access)
            }
            Some(TypeKind::SzArray(_) | TypeKind::MdArray(..)) => return Ok(false),
            _ if dimension == 0 && self.worth_a_test(array) => {
                let vtable = self.vtable(array);
                let flags = self.vtable_word(vtable, VtableWord::Flags);
                let bit = self.constant(Ty::Ptr, i64::from(VtableFlags::SZ_ARRAY.bits()));
                let known = self.op(Op::And, Ty::Ptr, &[flags, bit]);
                let none = self.constant(Ty::Ptr, 0);
                let known = self.cmp(Cmp::NeUn, known, none);
                let of_vector = |b: &mut Self| b.vector_shape(intrinsic, array);
                let miss = self.new_block(true);
                self.or_call((known, miss), of_vector, call)?;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        self.push_val(v);
        Ok(true)
    }

    /// The answer for a one-dimensional array that is not null.
    fn vector_shape(&mut self, intrinsic: Intrinsic, array: Value) -> Value {
        match intrinsic {
            Intrinsic::ArrayDimension => self.length_of(array),
            Intrinsic::ArrayRank => self.i32(1),
            _ => self.i32(0),
        }
    }

    /// Whether the code here may have a branch more to be faster.
    fn worth_a_test(&self, object: Value) -> bool {
        self.opts.optimize && self.func.ty(object) == Ty::Ref && !self.func.block(self.block).cold
    }

    /// Pushes what `found` gives if the condition is true; otherwise, and for whoever goes to the block beside it, what the method returns.
    fn or_call(
        &mut self,
        (known, miss): (Value, Block),
        found: impl FnOnce(&mut Self) -> Value,
        call: MethodCall<'_>,
    ) -> Result<Value> {
        let (hit, done) = (self.new_block(false), self.new_block(false));
        let ty = call.sig.ret.ok_or_else(|| self.bad())?;
        let result = self.new_loc(ty, false, None)?;
        self.branch(known, hit, miss);
        let checked = self.checked.clone();

        self.go_on(hit);
        let v = found(self);
        self.write_loc(&result, Entry::Val(v))?;
        self.jump(done);

        self.checked = checked.clone();
        self.go_on(miss);
        self.call_after_all(call)?;
        let v = self.pop()?;
        self.write_loc(&result, v)?;
        self.jump(done);

        self.checked = checked;
        self.go_on(done);
        let Entry::Val(v) = self.read_loc(&result)? else {
            return Err(self.bad());
        };
        self.push_val(v);
        Ok(v)
    }
}
