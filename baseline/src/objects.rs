//! Allocation of objects, boxing, casts, tokens, typed references.

use crate::error::{R, Unsupported};
use crate::memory::Place;
use crate::moves::Word;
use crate::state::Gen;
use crate::target::Target;
use crate::value::{Entry, Loc};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::Token;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::{
    CAST_CACHE_SHIFT, CAST_CACHE_SLOTS, HEADER, TYPE_WORD, VtableWord,
};
use isthmus_runtime_abi::types::{MemTy, StackTy};
use isthmus_runtime_abi::vm::{CastPlan, Entity, Handle, HandleKind, TypeKind};

impl<A: Target> Gen<'_, A> {
    /// A new, zeroed instance in a register held for the caller.
    pub fn allocate(&mut self, ty: TypeId) -> R<Gpr> {
        let inline = self.env.inline_allocation();
        match self.env.inline_alloc_size(ty) {
            Some(bytes) if inline => {
                let vtable = self.load_entity(Entity::Vtable(ty))?;
                let args = [Word::Reg(vtable)];
                let r = self.bump(bytes, vtable, Helper::AllocObject, &args, |_, _| {})?;
                self.release(vtable);
                Ok(r)
            }
            _ => {
                let (word, held) = self.entity_word(Entity::Vtable(ty))?;
                self.call_helper(Helper::AllocObject, &[word])?;
                self.release_opt(held);
                self.take_ret()
            }
        }
    }

    // ---- boxing

    pub fn op_box(&mut self, t: TypeId) -> R {
        match self.env.type_kind(t) {
            TypeKind::Value | TypeKind::Pointer => {}
            TypeKind::Nullable(_) => {
                let mut e = self.pop()?;
                let addr = self.spilled_address(&mut e)?;
                let (word, held) = self.entity_word(Entity::TypeHandle(t))?;
                self.call_helper(Helper::BoxAny, &[word, addr])?;
                self.release_opt(held);
                self.discard(e);
                let r = self.take_ret()?;
                self.push_reg(StackTy::Ref, r);
                return Ok(());
            }
            // References are boxed already.
            _ => return Ok(()),
        }
        let ty = self.env.mem_ty(t);
        // The value waits on the stack, where it is safe from the allocation.
        let top = self.below_top(1)?;
        self.coerce_at(top, ty.stack_ty())?;
        let r = self.allocate(t)?;
        let mut e = self.pop()?;
        // A new object needs no barrier.
        self.store_value(Mem::new(r, HEADER as i32), Place::Plain, ty, &mut e)?;
        self.discard(e);
        self.push_reg(StackTy::Ref, r);
        Ok(())
    }

    /// The value as an address word: in memory of the frame.
    fn spilled_address(&mut self, e: &mut Entry) -> R<Word> {
        if self.entity_memory(e).is_none() {
            self.stack.push(*e);
            self.spill(self.stack.len() - 1);
            *e = self.pop()?;
        }
        match self.entity_memory(e) {
            Some(m) => Ok(Word::Addr(m)),
            None => {
                let bytes = self.temp_bytes(e.ty);
                let off = self.frame.temp(bytes);
                let mem = Mem::new(A::FP, off);
                let ty = e.ty;
                self.store_value(mem, Place::Plain, ty.mem_ty(), e)?;
                self.discard(*e);
                *e = Entry::new(ty, Loc::Temp(off));
                Ok(Word::Addr(mem))
            }
        }
    }

    fn entity_memory(&self, e: &Entry) -> Option<Mem> {
        self.entry_mem(e)
    }

    /// Boxes the value of type `t` at an address that is on the stack at index `i`, replacing it by the box.
    pub fn box_at(&mut self, i: usize, t: TypeId) -> R {
        let nullable = matches!(self.env.type_kind(t), TypeKind::Nullable(_));
        let (helper, entity) = if nullable {
            (Helper::BoxAny, Entity::TypeHandle(t))
        } else {
            (Helper::Box, Entity::Vtable(t))
        };
        let (word, held) = self.entity_word(entity)?;
        // Spill first, so that the address is a word that stays.
        let depth = self.stack.len();
        self.spill_below(depth)?;
        let e = self.stack[i];
        let addr = self.word(&e)?;
        self.call_helper(helper, &[word, addr])?;
        self.release_opt(held);
        self.discard(e);
        let r = self.take_ret()?;
        self.stack[i] = Entry::new(StackTy::Ref, Loc::Reg(r));
        Ok(())
    }

    pub fn op_unbox(&mut self, t: TypeId) -> R {
        let mut e = self.pop()?;
        if !matches!(self.env.type_kind(t), TypeKind::Value) {
            let word = self.word(&e)?;
            let (ty, held) = self.entity_word(Entity::TypeHandle(t))?;
            self.call_helper(Helper::Unbox, &[word, ty])?;
            self.release_opt(held);
            self.discard(e);
            let r = self.take_ret()?;
            self.push_reg(StackTy::ByRef, r);
            return Ok(());
        }
        let r = self.unboxed(&mut e, t)?;
        self.push_reg(StackTy::ByRef, r);
        Ok(())
    }

    /// The address of the value in a boxed `t`, in a register held for the caller; the entry is given up.
    fn unboxed(&mut self, e: &mut Entry, t: TypeId) -> R<Gpr> {
        let obj = self.load(e)?;
        let vtable = self.load_entity(Entity::Vtable(t))?;
        let (handle, held) = self.entity_word(Entity::TypeHandle(t))?;
        let r = self.alloc()?;
        // Null faults here; another class may still have the same representation (enums): the helper knows.
        self.a
            .cmp_mem(Width::W32, Mem::new(obj, TYPE_WORD as i32), vtable);
        self.null_trap();
        let args = [Word::Reg(obj), handle];
        let (slow, back) = self.slow_path(Helper::Unbox, &args, Some(r));
        self.a.jcc(Cond::Ne, slow);
        self.a.lea(r, Mem::new(obj, HEADER as i32));
        self.a.bind(back);
        self.release(vtable);
        self.release_opt(held);
        self.discard(*e);
        Ok(r)
    }

    pub fn op_unbox_any(&mut self, t: TypeId) -> R {
        match self.env.type_kind(t) {
            TypeKind::Value | TypeKind::Pointer => {
                let mut e = self.pop()?;
                let r = self.unboxed(&mut e, t)?;
                let ty = self.env.mem_ty(t);
                let held = Entry::new(StackTy::ByRef, Loc::Reg(r));
                self.load_value(Mem::new(r, 0), Place::Plain, ty, held)
            }
            TypeKind::Nullable(_) => {
                let ty = self.env.mem_ty(t).stack_ty();
                let e = self.pop()?;
                let bytes = self.temp_bytes(ty);
                let off = self.frame.temp(bytes);
                let obj = self.word(&e)?;
                let (handle, held) = self.entity_word(Entity::TypeHandle(t))?;
                let dst = Word::Addr(Mem::new(A::FP, off));
                self.call_helper(Helper::UnboxAny, &[obj, handle, dst])?;
                self.release_opt(held);
                self.discard(e);
                self.push(ty, Loc::Temp(off));
                Ok(())
            }
            _ => self.op_cast(t, true),
        }
    }

    // ---- casts

    /// `castclass` (`throws`) and `isinst`.
    pub fn op_cast(&mut self, t: TypeId, throws: bool) -> R {
        let mut e = self.pop()?;
        if e.loc == Loc::Imm(0) {
            self.stack.push(e);
            return Ok(());
        }
        let helper = if throws {
            Helper::CastClass
        } else {
            Helper::IsInst
        };
        let plan = self.env.cast_plan(self.body.method, t);
        let vtable = match plan {
            CastPlan::Exact(h) | CastPlan::Display(_, h) => h,
            CastPlan::Helper(h) => return self.cast_by_answer(helper, e, h),
        };
        // The result is the object itself, or null.
        let obj = self.own(&mut e)?;
        let vt = self.load_handle(vtable)?;
        let slow = if throws {
            let (handle, held) = self.entity_word(Entity::TypeHandle(t))?;
            let paths = self.slow_path(helper, &[Word::Reg(obj), handle], Some(obj));
            self.release_opt(held);
            Some(paths)
        } else {
            None
        };
        let done = self.a.new_label();
        let fail = match slow {
            Some((slow, _)) => slow,
            None => self.a.new_label(),
        };
        self.a.cmp(Width::W64, obj, 0);
        self.a.jcc(Cond::Eq, done);
        match plan {
            CastPlan::Display(depth, _) => {
                let (depth_at, display_at) = (
                    VtableWord::Depth.offset(8) as i32,
                    VtableWord::Display.offset(8) as i32,
                );
                self.a
                    .load(Ext::Zx32, A::TMP, Mem::new(obj, TYPE_WORD as i32));
                if depth != 0 {
                    self.a
                        .cmp_mem(Width::W64, Mem::new(A::TMP, depth_at), depth as i32);
                    self.a.jcc(Cond::Below, fail);
                }
                self.a
                    .load(Ext::Full64, A::TMP, Mem::new(A::TMP, display_at));
                self.a
                    .cmp_mem(Width::W32, Mem::new(A::TMP, depth as i32 * 4), vt);
            }
            _ => self
                .a
                .cmp_mem(Width::W32, Mem::new(obj, TYPE_WORD as i32), vt),
        }
        match slow {
            Some((slow, back)) => {
                self.a.jcc(Cond::Ne, slow);
                self.a.bind(back);
            }
            None => {
                self.a.jcc(Cond::Eq, done);
                self.a.bind(fail);
                self.a.zero(obj);
            }
        }
        self.a.bind(done);
        self.release(vt);
        self.push_reg(StackTy::Ref, obj);
        Ok(())
    }

    /// By the answer in the vtable ([`layout::cast_cache_slot`](isthmus_runtime_abi::layout::cast_cache_slot)), else by the helper.
    fn cast_by_answer(&mut self, helper: Helper, mut e: Entry, handle: Handle) -> R {
        let obj = self.own(&mut e)?;
        let ty = self.load_handle(handle)?;
        let answer = self.alloc()?;
        self.release(answer);
        let args = [Word::Reg(obj), Word::Reg(ty)];
        let (slow, back) = self.slow_path(helper, &args, Some(obj));
        let done = self.a.new_label();
        self.a.cmp(Width::W64, obj, 0);
        self.a.jcc(Cond::Eq, done);
        self.a
            .load(Ext::Zx32, A::TMP, Mem::new(obj, TYPE_WORD as i32));
        self.a.mov(Width::W32, answer, ty);
        self.a
            .shift_imm(Shift::Shr, Width::W32, answer, CAST_CACHE_SHIFT as u8);
        self.a
            .alu(Alu::And, Width::W32, answer, CAST_CACHE_SLOTS as i32 - 1);
        let first = VtableWord::CastCache.offset(8) as i32;
        let at = Mem::indexed(A::TMP, answer, Scale::S8, first);
        self.a.load(Ext::Full64, answer, at);
        self.a.cmp(Width::W64, answer, ty);
        if helper == Helper::CastClass {
            self.a.jcc(Cond::Ne, slow);
        } else {
            self.a.jcc(Cond::Eq, done);
            self.a.lea(A::TMP, Mem::new(ty, 1));
            self.a.cmp(Width::W64, answer, A::TMP);
            self.a.jcc(Cond::Ne, slow);
            self.a.zero(obj);
        }
        self.a.bind(back);
        self.a.bind(done);
        self.release(ty);
        self.push_reg(StackTy::Ref, obj);
        Ok(())
    }

    // ---- tokens, typed references

    pub fn op_ldtoken(&mut self, token: Token) -> R {
        let (kind, entity) = match token {
            Token::Type(t) => (HandleKind::Type, Entity::TypeHandle(t)),
            Token::Method(m) => (HandleKind::Method, Entity::MethodHandle(m)),
            Token::Field(f) => (HandleKind::Field, Entity::FieldHandle(f)),
        };
        let r = self.load_entity(entity)?;
        let ty = self.env.handle_ty(kind);
        self.push_handle(ty, r)
    }

    /// Pushes a word as the handle type: a struct of one word, or the word.
    pub fn push_handle(&mut self, ty: MemTy, r: Gpr) -> R {
        match ty {
            MemTy::Struct(t) => {
                let bytes = self.layout(t).size;
                let off = self.frame.temp(bytes);
                self.a.store(Width::W64, Mem::new(A::FP, off), r);
                self.release(r);
                self.push(ty.stack_ty(), Loc::Temp(off));
            }
            _ => self.push_reg(ty.stack_ty(), r),
        }
        Ok(())
    }

    fn typed_reference(&self) -> R<TypeId> {
        match self.env.typed_reference() {
            Some(t) => Ok(t),
            None => self.unsupported(Unsupported::TypedReference),
        }
    }

    /// `mkrefany`: word 0 is the type handle, word 1 the pointer.
    pub fn op_mkrefany(&mut self, t: TypeId) -> R {
        let ty = StackTy::Struct(self.typed_reference()?);
        let handle = self.load_entity(Entity::TypeHandle(t))?;
        let mut e = self.pop()?;
        let p = self.load(&mut e)?;
        let bytes = self.temp_bytes(ty).max(16);
        let off = self.frame.temp(bytes);
        self.a.store(Width::W64, Mem::new(A::FP, off), handle);
        self.a.store(Width::W64, Mem::new(A::FP, off + 8), p);
        self.release(handle);
        self.discard(e);
        self.push(ty, Loc::Temp(off));
        Ok(())
    }

    /// `refanyval`: the pointer, if the type is exactly this one.
    pub fn op_refanyval(&mut self, t: TypeId) -> R {
        self.typed_reference()?;
        let handle = self.load_entity(Entity::TypeHandle(t))?;
        let e = self.pop()?;
        let mem = self.struct_mem(&e)?;
        self.a.cmp_mem(Width::W64, mem, handle);
        self.release(handle);
        self.throw_if(Cond::Ne, isthmus_runtime_abi::trap::TrapKind::InvalidCast);
        let r = self.alloc()?;
        self.a.load(Ext::Full64, r, mem.plus(8));
        self.discard(e);
        self.push_reg(StackTy::ByRef, r);
        Ok(())
    }

    pub fn op_refanytype(&mut self) -> R {
        self.typed_reference()?;
        let e = self.pop()?;
        let mem = self.struct_mem(&e)?;
        let r = self.alloc()?;
        self.a.load(Ext::Full64, r, mem);
        self.discard(e);
        let ty = self.env.handle_ty(HandleKind::Type);
        self.push_handle(ty, r)
    }
}
