//! One-dimensional arrays: elements, length, creation.
//!
//! The bounds check compares with the length in memory: that access is the null check too.

use crate::error::R;
use crate::memory::Place;
use crate::moves::Word;
use crate::state::Gen;
use crate::target::Target;
use crate::value::{Entry, Loc};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::Prefix;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::{ARRAY_DATA, LENGTH, OBJECT_ALIGN, TYPE_WORD, VtableWord};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::{MemTy, StackTy};
use isthmus_runtime_abi::vm::{Entity, TypeKind};

/// An element's address with what keeps its registers.
struct Element {
    mem: Mem,
    array: Entry,
    index: Entry,
}

impl<A: Target> Gen<'_, A> {
    pub fn op_ldlen(&mut self) -> R {
        let mut e = self.pop()?;
        let arr = self.load(&mut e)?;
        self.discard(e);
        let r = self.alloc()?;
        self.a.load(Ext::Zx32, r, Mem::new(arr, LENGTH as i32));
        self.null_trap();
        self.push_reg(StackTy::Native, r);
        Ok(())
    }

    /// Takes array and index, checks bounds, forms the address. The registers stay held by the entries.
    fn element(&mut self, size: u32) -> R<Element> {
        let mut index = self.pop()?;
        let mut array = self.pop()?;
        let arr = self.load(&mut array)?;
        let length = Mem::new(arr, LENGTH as i32);
        let check = !self.body.code[self.at]
            .prefix
            .contains(Prefix::NO_RANGE_CHECK);
        let offset = |i: i64| {
            i.checked_mul(size as i64)
                .and_then(|b| b.checked_add(ARRAY_DATA as i64))
                .and_then(|b| i32::try_from(b).ok())
        };
        if let Loc::Imm(i) = index.loc
            && let (Some(disp), Ok(i)) = (offset(i), i32::try_from(i))
            && i >= 0
        {
            if check {
                self.a.cmp_mem(Width::W32, length, i);
                self.null_trap();
                self.throw_if(Cond::BelowEq, TrapKind::IndexOutOfRange);
            } else {
                self.probe(Mem::new(arr, 0));
            }
            return Ok(Element {
                mem: Mem::new(arr, disp),
                array,
                index,
            });
        }
        let mut i = self.load(&mut index)?;
        if !check {
            self.probe(Mem::new(arr, 0));
        } else if index.ty == StackTy::I32 {
            self.a.cmp(Width::W32, i, length);
            self.null_trap();
            self.throw_if(Cond::AboveEq, TrapKind::IndexOutOfRange);
        } else {
            self.a.load(Ext::Zx32, A::TMP, length);
            self.null_trap();
            self.a.cmp(Width::W64, i, A::TMP);
            self.throw_if(Cond::AboveEq, TrapKind::IndexOutOfRange);
        }
        let scale = match Scale::of(size) {
            Some(s) => s,
            None => {
                let scaled = self.alloc()?;
                self.a
                    .mul_imm(Width::W64, scaled, i, size.min(i32::MAX as u32) as i32);
                self.discard(index);
                index = Entry::new(StackTy::Native, Loc::Reg(scaled));
                i = scaled;
                Scale::S1
            }
        };
        Ok(Element {
            mem: Mem::indexed(arr, i, scale, ARRAY_DATA as i32),
            array,
            index,
        })
    }

    pub fn op_ldelem(&mut self, ty: MemTy, t: Option<TypeId>) -> R {
        let ty = t.map_or(ty, |t| self.env.mem_ty(t));
        let size = self.size_of(ty);
        let e = self.element(size)?;
        match ty {
            MemTy::Struct(_) => {
                self.load_value(e.mem, Place::Plain, ty, e.index)?;
                self.discard(e.array);
                Ok(())
            }
            _ => {
                // Nothing between here and the load writes the index register.
                self.discard(e.index);
                self.load_value(e.mem, Place::Plain, ty, e.array)
            }
        }
    }

    pub fn op_ldelema(&mut self, t: TypeId) -> R {
        let readonly = self.body.code[self.at]
            .prefix
            .intersects(Prefix::READONLY | Prefix::NO_TYPE_CHECK);
        let ty = self.env.mem_ty(t);
        if ty == MemTy::Ref && !readonly && !self.env.array_store_is_exact(t) {
            // The element type must be exactly this one. The check throws for null too, but the index comes later.
            let i = self.below_top(2)?;
            let (word, held) = self.entity_word(Entity::TypeHandle(t))?;
            self.spill_below(self.stack.len())?;
            let array = self.stack[i];
            let arr = self.word(&array)?;
            self.call_helper(Helper::ArrayExactCheck, &[arr, word])?;
            self.release_opt(held);
        }
        let size = self.size_of(ty);
        let e = self.element(size)?;
        let r = self.alloc()?;
        self.a.lea(r, e.mem);
        self.discard(e.index);
        self.discard(e.array);
        self.push_reg(StackTy::ByRef, r);
        Ok(())
    }

    pub fn op_stelem(&mut self, ty: MemTy, t: Option<TypeId>) -> R {
        let ty = t.map_or(ty, |t| self.env.mem_ty(t));
        let mut value = self.pop()?;
        self.coerce(&mut value, ty.stack_ty())?;
        let size = self.size_of(ty);
        let e = self.element(size)?;
        let arr = e.mem.base;
        if ty == MemTy::Ref && value.loc != Loc::Imm(0) {
            let exact = t.is_some_and(|t| self.env.array_store_is_exact(t))
                || self.body.code[self.at]
                    .prefix
                    .contains(Prefix::NO_TYPE_CHECK);
            let v = self.load(&mut value)?;
            if !exact {
                self.store_check(arr, v)?;
            }
        }
        self.store_value(e.mem, Place::LiveObject(arr), ty, &mut value)?;
        self.discard(value);
        self.discard(e.index);
        self.discard(e.array);
        Ok(())
    }

    /// Checks that the object `v` may be an element of `arr`: quickly if its class is the element class.
    fn store_check(&mut self, arr: Gpr, v: Gpr) -> R {
        let t = self.alloc()?;
        let args = [Word::Reg(arr), Word::Reg(v)];
        let element = VtableWord::ElementType.offset(8) as i32;
        self.a.load(Ext::Zx32, t, Mem::new(arr, TYPE_WORD as i32));
        self.a.load(Ext::Zx32, t, Mem::new(t, element));
        self.release(t);
        let (slow, back) = self.slow_path(Helper::ArrayStoreCheck, &args, None);
        self.a.cmp(Width::W64, v, 0);
        self.a.jcc(Cond::Eq, back);
        self.a.cmp_mem(Width::W32, Mem::new(v, TYPE_WORD as i32), t);
        self.a.jcc(Cond::Ne, slow);
        self.a.bind(back);
        Ok(())
    }

    pub fn op_newarr(&mut self, element: TypeId) -> R {
        let array = self.env.array_of(element);
        let element_ty = self.env.mem_ty(element);
        let size = self.size_of(element_ty);
        let mut n = self.pop()?;
        let limit = self.env.inline_alloc_limit();
        let max = limit.saturating_sub(ARRAY_DATA + OBJECT_ALIGN) / size.max(1);
        let inline = self.env.inline_allocation()
            && max > 0
            && matches!(self.env.type_kind(array), TypeKind::SzArray(_));
        if let Loc::Imm(v) = n.loc
            && inline
            && (0..=max as i64).contains(&v)
        {
            let vtable = self.load_entity(Entity::Vtable(array))?;
            let bytes = (ARRAY_DATA + v as u32 * size).next_multiple_of(OBJECT_ALIGN);
            let args = [Word::Reg(vtable), Word::Imm(v)];
            let r = self.bump(bytes, vtable, Helper::AllocArray, &args, |g, r| {
                let length = Mem::new(r, LENGTH as i32);
                g.a.store_imm(Width::W32, length, v as i32);
            })?;
            self.release(vtable);
            self.push_reg(StackTy::Ref, r);
            return Ok(());
        }
        if n.ty == StackTy::I32 {
            self.sign_extend(&mut n)?;
        }
        if !inline {
            let (word, held) = self.entity_word(Entity::Vtable(array))?;
            let count = self.word(&n)?;
            self.call_helper(Helper::AllocArray, &[word, count])?;
            self.release_opt(held);
            self.discard(n);
            let r = self.take_ret()?;
            self.push_reg(StackTy::Ref, r);
            return Ok(());
        }
        let vtable = self.load_entity(Entity::Vtable(array))?;
        let count = self.load(&mut n)?;
        let r = self.alloc()?;
        let end = self.alloc()?;
        let args = [Word::Reg(vtable), Word::Reg(count)];
        self.release(end);
        let (slow, back) = self.slow_path(Helper::AllocArray, &args, Some(r));
        self.ints.hold(end.0);
        let (cursor, top) = (
            self.ctx(CtxWord::AllocCursor),
            self.ctx(CtxWord::AllocLimit),
        );
        // Negative counts are large ones here.
        self.a.cmp(Width::W64, count, max as i32);
        self.a.jcc(Cond::Above, slow);
        self.a.load(Ext::Full64, r, cursor);
        let extra = ARRAY_DATA + OBJECT_ALIGN - 1;
        match Scale::of(size) {
            Some(s) => self.a.lea(end, Mem::indexed(r, count, s, extra as i32)),
            None => {
                self.a.mul_imm(Width::W64, end, count, size as i32);
                self.a.alu(Alu::Add, Width::W64, end, r);
                self.a.alu(Alu::Add, Width::W64, end, extra as i32);
            }
        }
        self.a
            .alu(Alu::And, Width::W64, end, -(OBJECT_ALIGN as i32));
        self.a.cmp(Width::W64, end, top);
        self.a.jcc(Cond::Above, slow);
        self.a.store(Width::W64, cursor, end);
        self.a
            .store(Width::W32, Mem::new(r, TYPE_WORD as i32), vtable);
        self.a.store(Width::W32, Mem::new(r, LENGTH as i32), count);
        self.a.bind(back);
        self.release(end);
        self.release(vtable);
        self.discard(n);
        self.push_reg(StackTy::Ref, r);
        Ok(())
    }

    /// Allocates `bytes` in place: bumps the cursor, stores the type word, lets `init` do the rest. The result is held for
    /// the caller.
    pub fn bump(
        &mut self,
        bytes: u32,
        vtable: Gpr,
        helper: Helper,
        args: &[Word],
        init: impl FnOnce(&mut Self, Gpr),
    ) -> R<Gpr> {
        let r = self.alloc()?;
        let (slow, back) = self.slow_path(helper, args, Some(r));
        let (cursor, top) = (
            self.ctx(CtxWord::AllocCursor),
            self.ctx(CtxWord::AllocLimit),
        );
        self.a.load(Ext::Full64, r, cursor);
        self.a.lea(A::TMP, Mem::new(r, bytes as i32));
        self.a.cmp(Width::W64, A::TMP, top);
        self.a.jcc(Cond::Above, slow);
        self.a.store(Width::W64, cursor, A::TMP);
        self.a
            .store(Width::W32, Mem::new(r, TYPE_WORD as i32), vtable);
        init(self, r);
        self.a.bind(back);
        Ok(r)
    }
}
