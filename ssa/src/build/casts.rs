//! Type tests: `isinst` and `castclass`.
//!
//! ```text
//!   null? ──▶ done      word == exact? ──▶ done      display[depth] == word? ──▶ done      else helper / null
//!                       answer in the vtable? ──▶ done      else helper     (interfaces, variance, arrays)
//! ```

use super::{Builder, Result};
use crate::ir::{Access, Block, Mem, Op, Region, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::{self, CAST_CACHE_SHIFT, CAST_CACHE_SLOTS, VtableWord};
use isthmus_runtime_abi::vm::{CastPlan, Entity, Handle, Subtype, TypeKind};

impl Builder<'_> {
    /// What is known statically: some answer for non-null objects.
    fn known_instance(&self, v: Value, t: TypeId) -> Option<bool> {
        let fact = self.fact(v);
        let class = fact.class?;
        if class == t {
            return Some(true);
        }
        match self.env.subtype(class, t) {
            Subtype::Yes => Some(true),
            Subtype::No if fact.exact => Some(false),
            _ => None,
        }
    }

    /// The same reference under a new name that carries what a cast has proved.
    fn as_class(&mut self, v: Value, t: TypeId) -> Value {
        let old = self.fact(v);
        let r = self.op(Op::Retype, Ty::Ref, &[v]);
        *self.fact_mut(r) = old;
        self.fact_mut(r).class = None;
        self.note_class(r, t, false);
        if old.exact {
            *self.fact_mut(r) = old;
        }
        r
    }

    /// The boxed type that a test for a type means.
    fn tested_type(&self, t: TypeId) -> TypeId {
        match self.env.type_kind(t) {
            TypeKind::Nullable(payload) => payload,
            _ => t,
        }
    }

    /// 1 if the type word of a non-null object matches the display entry.
    fn display_test(&mut self, obj: Value, depth: u32, class: Handle, ok: Block) -> Result<Value> {
        let word = self.type_word(obj);
        let want = self.handle_word(class)?;
        let exact = self.cmp(Cmp::Eq, word, want);
        let more = self.new_block(false);
        self.branch(exact, ok, more);
        self.go_on(more);
        let vtable = self.vtable(obj);
        let have = self.vtable_word(vtable, VtableWord::Depth);
        let limit = self.constant(Ty::Ptr, i64::from(depth));
        let deep = self.cmp(Cmp::GtUn, have, limit);
        let look = self.new_block(false);
        let fail = self.new_block(false);
        let result = self.vars.new_var(Ty::I32);
        let zero = self.i32(0);
        self.write_var(result, zero);
        self.branch(deep, look, fail);
        self.go_on(look);
        let display = self.vtable_word(vtable, VtableWord::Display);
        let access = Access::new(Mem::I32, (4 * depth) as i32, Region::Vtable);
        let entry = self.load_raw(display, None, access);
        let same = self.cmp(Cmp::Eq, entry, want);
        self.write_var(result, same);
        self.jump(fail);
        self.go_on(fail);
        Ok(self.read_var(result))
    }

    /// Goes to `ok` if the vtable has the answer that objects of this class are of the type; else goes on, on a cold path if
    /// that is how the cast fails. Gives the type's handle and the answer that is there.
    fn cache_test(
        &mut self,
        obj: Value,
        h: Handle,
        ok: Block,
        cold: bool,
    ) -> Result<(Value, Value)> {
        let handle = self.handle(h, Ty::Ptr)?;
        let vtable = self.vtable(obj);
        let first = VtableWord::CastCache.offset(self.word) as i32;
        let address = match h {
            Handle::Symbol(s) => self.env.address(s),
            Handle::Lookup(_) => None,
        };
        let known = if let Some(address) = address {
            let slot = layout::cast_cache_slot(address as usize) as i32;
            let at = first + slot * self.word as i32;
            self.load_raw(vtable, None, Access::new(Mem::Ptr, at, Region::Vtable))
        } else {
            let shift = self.i32(CAST_CACHE_SHIFT as i32);
            let mask = self.constant(Ty::Ptr, i64::from(CAST_CACHE_SLOTS) - 1);
            let slot = self.op(Op::Shr, Ty::Ptr, &[handle, shift]);
            let slot = self.op(Op::And, Ty::Ptr, &[slot, mask]);
            let access = Access::new(Mem::Ptr, first, Region::Vtable).scaled(self.word as u8);
            self.load_raw(vtable, Some(slot), access)
        };
        let hit = self.cmp(Cmp::Eq, known, handle);
        let miss = self.new_block(cold);
        self.branch(hit, ok, miss);
        self.go_on(miss);
        Ok((handle, known))
    }

    pub(super) fn is_inst(&mut self, t: TypeId) -> Result<()> {
        let v = self.pop_val()?;
        let t = self.tested_type(t);
        if let Some(known) = self.known_instance(v, t) {
            let r = if known { v } else { self.null() };
            self.push_val(r);
            return Ok(());
        }
        let null = self.null();
        let plan = self.env.cast_plan(self.frame.method, t);
        let result = self.vars.new_var(Ty::Ref);
        let done = self.new_block(false);
        self.write_var(result, v);
        // The result is the object or null on every way, never another value that equals one of them: whoever tests it then
        // knows the object itself.
        let fail = self.new_block(false);
        if !self.is_nonnull(v) {
            let test = self.new_block(false);
            let is_null = self.is_null(v);
            self.branch(is_null, fail, test);
            self.go_on(test);
        }
        let saved = self.checked.clone();
        self.checked.insert(v);
        match plan {
            CastPlan::Exact(h) => {
                let word = self.type_word(v);
                let want = self.handle_word(h)?;
                let same = self.cmp(Cmp::Eq, word, want);
                self.branch(same, done, fail);
            }
            CastPlan::Display(depth, h) => {
                let same = self.display_test(v, depth, h, done)?;
                self.branch(same, done, fail);
            }
            CastPlan::Helper(h) => {
                let (handle, known) = self.cache_test(v, h, done, false)?;
                let one = self.constant(Ty::Ptr, 1);
                let not = self.op(Op::Or, Ty::Ptr, &[handle, one]);
                let no = self.cmp(Cmp::Eq, known, not);
                let ask = self.new_block(false);
                self.branch(no, fail, ask);
                self.go_on(ask);
                let r = self.helper(Helper::IsInst, &[v, handle]);
                let r = r.ok_or_else(|| self.bad())?;
                let is_null = self.is_null(r);
                self.branch(is_null, fail, done);
            }
        }
        self.go_on(fail);
        self.write_var(result, null);
        self.jump(done);
        self.go_on(done);
        self.checked = saved;
        let r = self.read_var(result);
        let r = self.as_class(r, t);
        self.push_val(r);
        Ok(())
    }

    pub(super) fn cast_class(&mut self, t: TypeId) -> Result<()> {
        let v = self.pop_val()?;
        let tested = self.tested_type(t);
        if self.known_instance(v, tested) == Some(true) {
            self.push_val(v);
            return Ok(());
        }
        let done = self.new_block(false);
        if !self.is_nonnull(v) {
            let test = self.new_block(false);
            let is_null = self.is_null(v);
            self.branch(is_null, done, test);
            self.go_on(test);
        }
        let saved = self.checked.clone();
        self.checked.insert(v);
        let plan = self.env.cast_plan(self.frame.method, tested);
        match plan {
            CastPlan::Exact(h) => {
                let word = self.type_word(v);
                let want = self.handle_word(h)?;
                let same = self.cmp(Cmp::Eq, word, want);
                let slow = self.new_block(true);
                self.branch(same, done, slow);
                self.go_on(slow);
            }
            CastPlan::Display(depth, h) => {
                let same = self.display_test(v, depth, h, done)?;
                let slow = self.new_block(true);
                self.branch(same, done, slow);
                self.go_on(slow);
            }
            CastPlan::Helper(_) => {}
        }
        let handle = match plan {
            CastPlan::Helper(h) => {
                let (handle, _) = self.cache_test(v, h, done, true)?;
                // The answer may be elsewhere: a leaf finds it sooner.
                let r = self.helper(Helper::IsInst, &[v, handle]);
                let r = r.ok_or_else(|| self.bad())?;
                let null = self.is_null(r);
                let throws = self.new_block(true);
                self.branch(null, throws, done);
                self.go_on(throws);
                handle
            }
            _ => self.entity(Entity::TypeHandle(tested))?,
        };
        self.helper(Helper::CastClass, &[v, handle]);
        self.jump(done);
        self.go_on(done);
        self.checked = saved;
        let r = self.as_class(v, tested);
        self.push_val(r);
        Ok(())
    }
}
