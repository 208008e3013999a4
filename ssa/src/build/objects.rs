//! Fields, statics, arrays, allocation, boxing.

use super::place::{Barrier, Entry, Place};
use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Access, AccessFlags, Imm, Mem, Op, Region, Ty, Value};
use isthmus_frontend_ir::op::{Cmp, Prefix, Token};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{FieldId, TypeId};
use isthmus_runtime_abi::layout::{self, VtableWord};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::{Entity, FieldInfo, FieldPlace, Handle, HandleKind, TypeKind};
use smallvec::SmallVec;

impl Builder<'_> {
    fn result(&mut self, helper: Helper, args: &[Value]) -> Result<Value> {
        let r = self.helper(helper, args);
        r.ok_or_else(|| self.bad())
    }

    // ---- through pointers

    pub(super) fn load_indirect(&mut self, ty: MemTy, prefix: Prefix) -> Result<()> {
        let p = self.pop_val()?;
        let mut place = self.pointer_place(p);
        place.flags |= Self::access_flags(prefix);
        Self::pointer_region(&mut place, ty, prefix);
        let e = self.load_place(place, ty)?;
        self.push(e);
        Ok(())
    }

    /// What the prefixes of an access by address say of the memory.
    fn pointer_region(place: &mut Place, ty: MemTy, prefix: Prefix) {
        if prefix.contains(Prefix::READONLY) {
            place.region = Region::Fixed;
        } else if prefix.contains(Prefix::NO_RANGE_CHECK)
            && let Some(mem) = Mem::of(ty)
        {
            place.region = Region::Element(mem);
        }
    }

    pub(super) fn store_indirect(&mut self, ty: MemTy, prefix: Prefix) -> Result<()> {
        let e = self.pop()?;
        let p = self.pop_val()?;
        let mut place = self.pointer_place(p);
        place.flags |= Self::access_flags(prefix);
        Self::pointer_region(&mut place, ty, prefix);
        self.store_place(place, ty, e)
    }

    pub(super) fn copy_object(&mut self, t: TypeId) -> Result<()> {
        let from = self.pop_val()?;
        let to = self.pop_val()?;
        let ty = self.env.mem_ty(t);
        if let MemTy::Struct(s) = ty
            && !self.struct_info(s).split
        {
            self.null_check(from);
            let place = self.pointer_place(to);
            return self.copy_struct(place, from, s);
        }
        let place = self.pointer_place(from);
        let e = self.load_place(place, ty)?;
        let place = self.pointer_place(to);
        self.store_place(place, ty, e)
    }

    pub(super) fn init_object(&mut self, t: TypeId) -> Result<()> {
        let p = self.pop_val()?;
        let ty = self.env.mem_ty(t);
        if let MemTy::Struct(s) = ty {
            let info = self.struct_info(s);
            if !info.split {
                self.null_check(p);
                // Zeroing references needs no barrier.
                let size = i64::from(info.layout.size);
                self.emit(Op::MemZero, Ty::I32, &[p], Imm::Bits(size));
                return Ok(());
            }
        }
        let zero = self.zero_entry(ty)?;
        let place = self.pointer_place(p);
        self.store_place(place, ty, zero)
    }

    // ---- instance fields

    /// The place of an instance field of the object or value at `base`.
    fn field_place(&mut self, base: Value, offset: u32, volatile: AccessFlags) -> Place {
        let is_ref = self.func.ty(base) == Ty::Ref;
        let flags = self.check_base(base, i64::from(offset)) | volatile;
        Place {
            base,
            index: None,
            offset: offset as i32,
            region: if is_ref { Region::Field } else { Region::Any },
            barrier: if is_ref {
                Barrier::Object
            } else {
                Barrier::Unknown
            },
            flags,
        }
    }

    fn field_info(&self, f: FieldId) -> FieldInfo {
        self.env.field(self.frame.method, f)
    }

    pub(super) fn load_field(&mut self, f: FieldId, prefix: Prefix) -> Result<()> {
        let info = self.field_info(f);
        let FieldPlace::Instance(offset) = info.place else {
            let e = self.pop()?;
            self.release(&e);
            return self.load_static(f, prefix);
        };
        match self.pop()? {
            Entry::Val(base) if self.func.ty(base).is_address() => {
                let place = self.field_place(base, offset, Self::access_flags(prefix));
                let e = self.load_place(place, info.ty)?;
                self.push(e);
            }
            // The struct that a handle stands for.
            Entry::Val(v) => self.push_val(v),
            Entry::Split(t, leaves) => {
                let e = self.part(t, &leaves, offset, info.ty)?;
                self.push(e);
            }
            Entry::Mem(t, slot) => {
                let place = self.slot_place(slot, offset);
                let e = self.load_place(place, info.ty)?;
                self.release(&Entry::Mem(t, slot));
                self.push(e);
            }
        }
        Ok(())
    }

    /// A field of a split struct.
    fn part(&mut self, t: TypeId, leaves: &[Value], offset: u32, ty: MemTy) -> Result<Entry> {
        let info = self.struct_info(t);
        let MemTy::Struct(inner) = ty else {
            return match info.leaves.iter().position(|l| l.0 == offset) {
                Some(n) => Ok(Entry::Val(leaves[n])),
                None => Err(self.bad()),
            };
        };
        let inner_info = self.struct_info(inner);
        if !inner_info.split {
            return self.fail(Reason::Overlap);
        }
        let mut out = SmallVec::new();
        for &(o, _) in &inner_info.leaves {
            match info.leaves.iter().position(|l| l.0 == offset + o) {
                Some(n) => out.push(leaves[n]),
                None => return Err(self.bad()),
            }
        }
        Ok(Entry::Split(inner, out))
    }

    pub(super) fn field_address(&mut self, f: FieldId) -> Result<()> {
        let info = self.field_info(f);
        let FieldPlace::Instance(offset) = info.place else {
            let e = self.pop()?;
            self.release(&e);
            return self.static_address(f);
        };
        let base = self.pop_val()?;
        if self.func.ty(base) != Ty::Ptr {
            self.null_check(base);
        }
        let v = if self.func.ty(base) == Ty::Ptr {
            self.lea(base, None, offset as i32)
        } else {
            let v = self.lea(base, None, offset as i32);
            self.fact_mut(v).nonnull = true;
            v
        };
        self.push_val(v);
        Ok(())
    }

    pub(super) fn store_field(&mut self, f: FieldId, prefix: Prefix) -> Result<()> {
        let info = self.field_info(f);
        let FieldPlace::Instance(offset) = info.place else {
            let value = self.pop()?;
            let object = self.pop()?;
            self.release(&object);
            self.push(value);
            return self.store_static(f, prefix);
        };
        let value = self.pop()?;
        let base = self.pop_val()?;
        let place = self.field_place(base, offset, Self::access_flags(prefix));
        self.store_place(place, info.ty, value)
    }

    // ---- statics

    /// The place of a static field, its class initialized; `None` if the access throws.
    fn static_place(&mut self, f: FieldId, info: FieldInfo) -> Result<Option<Place>> {
        if info.init_check {
            self.class_init(info.owner)?;
        }
        let place = |base, offset: u32, region, barrier| Place {
            base,
            index: None,
            offset: offset as i32,
            region,
            barrier,
            flags: AccessFlags::empty(),
        };
        Ok(Some(match info.place {
            FieldPlace::Instance(_) => return Err(self.bad()),
            FieldPlace::Static(offset) => {
                let base = self.entity(Entity::Statics(info.owner))?;
                place(base, offset, Region::Static, Barrier::None)
            }
            FieldPlace::RefStatic(offset) => {
                let base = self.entity(Entity::RefStatics(info.owner))?;
                place(base, offset, Region::Static, Barrier::Object)
            }
            FieldPlace::ThreadStatic(offset) => {
                let base = self.thread_statics(info.owner)?;
                place(base, offset, Region::Any, Barrier::Unknown)
            }
            FieldPlace::Data(symbol) => {
                let base = self.symbol(Ty::Ptr, symbol);
                place(base, 0, Region::Static, Barrier::None)
            }
            FieldPlace::Helper => {
                let handle = self.entity(Entity::FieldHandle(f))?;
                let base = self.result(Helper::StaticAddress, &[handle])?;
                place(base, 0, Region::Any, Barrier::Unknown)
            }
            FieldPlace::Raise(raise) => {
                self.throw_raise(raise);
                return Ok(None);
            }
        }))
    }

    /// The thread's block of statics of a type: from the thread's table, or from the helper, which makes it.
    fn thread_statics(&mut self, owner: TypeId) -> Result<Value> {
        let known = self.env.thread_statics_in_table()
            && matches!(
                self.env
                    .handle(self.frame.method, Entity::TypeHandle(owner)),
                Handle::Symbol(_)
            );
        if !known {
            let handle = self.entity(Entity::TypeHandle(owner))?;
            return self.result(Helper::ThreadStatics, &[handle]);
        }
        let table = self.emit1(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::ThreadStatics));
        let offset = self.symbol(Ty::Ptr, Symbol::ThreadStatics(owner));
        let access = Access::new(Mem::Ptr, 0, Region::Static).scaled(1);
        let block = self.load_raw(table, Some(offset), access);
        let result = self.vars.new_var(Ty::Ptr);
        self.write_var(result, block);
        let null = self.constant(Ty::Ptr, 0);
        let missing = self.cmp(Cmp::Eq, block, null);
        let (slow, done) = (self.new_block(true), self.new_block(false));
        let checked = self.checked.clone();
        self.branch(missing, slow, done);
        self.go_on(slow);
        let handle = self.entity(Entity::TypeHandle(owner))?;
        let made = self.result(Helper::ThreadStatics, &[handle])?;
        self.write_var(result, made);
        self.jump(done);
        self.go_on(done);
        self.checked = checked;
        let block = self.read_var(result);
        self.fact_mut(block).nonnull = true;
        Ok(block)
    }

    pub(super) fn load_static(&mut self, f: FieldId, prefix: Prefix) -> Result<()> {
        let info = self.field_info(f);
        if let Some(mut place) = self.static_place(f, info)? {
            place.flags |= Self::access_flags(prefix);
            let e = self.load_place(place, info.ty)?;
            self.push(e);
        }
        Ok(())
    }

    pub(super) fn store_static(&mut self, f: FieldId, prefix: Prefix) -> Result<()> {
        let info = self.field_info(f);
        let value = self.pop()?;
        if let Some(mut place) = self.static_place(f, info)? {
            place.flags |= Self::access_flags(prefix);
            self.store_place(place, info.ty, value)?;
        }
        Ok(())
    }

    pub(super) fn static_address(&mut self, f: FieldId) -> Result<()> {
        let info = self.field_info(f);
        if let Some(place) = self.static_place(f, info)? {
            let v = self.lea(place.base, None, place.offset);
            let v = self.retype(v, Ty::ByRef);
            self.fact_mut(v).nonnull = true;
            self.push_val(v);
        }
        Ok(())
    }

    // ---- arrays

    /// The length of an array or string; faults on null.
    pub(super) fn length_of(&mut self, array: Value) -> Value {
        let flags = self.check_base(array, i64::from(layout::LENGTH));
        let access = Access::new(Mem::I32, layout::LENGTH as i32, Region::Length).with(flags);
        self.load_raw(array, None, access)
    }

    pub(super) fn load_length(&mut self) -> Result<()> {
        let array = self.pop_val()?;
        let n = self.length_of(array);
        let v = self.widen(n, Ty::Ptr, false);
        self.push_val(v);
        Ok(())
    }

    /// Checks an index against the length and gives it as a native integer.
    pub(super) fn check_index(&mut self, index: Value, length: Value) -> Value {
        let (index, length) = match self.func.ty(index) {
            Ty::I32 => (index, length),
            ty => (index, self.widen(length, ty, false)),
        };
        let bad = self.cmp(Cmp::GeUn, index, length);
        self.trap_if(bad, TrapKind::IndexOutOfRange);
        self.widen(index, Ty::Ptr, false)
    }

    /// The place of an element, null and bounds checked.
    fn element_place(&mut self, array: Value, index: Value, size: u32) -> Result<Place> {
        let length = self.length_of(array);
        let index = self.check_index(index, length);
        Ok(self.scaled_place(array, index, size, layout::ARRAY_DATA))
    }

    /// The place at `base + index * size + offset`.
    pub(super) fn scaled_place(
        &mut self,
        base: Value,
        index: Value,
        size: u32,
        offset: u32,
    ) -> Place {
        let is_ref = self.func.ty(base) == Ty::Ref;
        let mut place = Place {
            base,
            index: None,
            offset: offset as i32,
            region: if is_ref {
                Region::Element(Mem::I8)
            } else {
                Region::Any
            },
            barrier: if is_ref {
                Barrier::Object
            } else {
                Barrier::Unknown
            },
            flags: AccessFlags::empty(),
        };
        if let Some(c) = self.func.constant(index)
            && let Some(total) = c
                .checked_mul(i64::from(size))
                .and_then(|b| b.checked_add(i64::from(offset)))
            && let Ok(total) = i32::try_from(total)
        {
            place.offset = total;
            return place;
        }
        let (index, scale) = match size {
            1 | 2 | 4 | 8 => (index, size as u8),
            _ => {
                let size = self.constant(Ty::Ptr, i64::from(size));
                (self.op(Op::Mul, Ty::Ptr, &[index, size]), 1)
            }
        };
        place.index = Some((index, scale));
        place
    }

    pub(super) fn mem_size(&mut self, ty: MemTy) -> u32 {
        match ty {
            MemTy::Struct(t) => self.struct_info(t).layout.size,
            ty => ty.scalar_size(self.word).unwrap_or(self.word),
        }
    }

    /// Struct elements are accessed by parts: any memory.
    fn element_region(place: &mut Place, ty: MemTy) {
        if matches!(ty, MemTy::Struct(_)) {
            place.region = Region::Any;
        }
    }

    pub(super) fn load_element(&mut self, ty: MemTy) -> Result<()> {
        let index = self.pop_val()?;
        let array = self.pop_val()?;
        let size = self.mem_size(ty);
        let mut place = self.element_place(array, index, size)?;
        Self::element_region(&mut place, ty);
        let e = self.load_place(place, ty)?;
        if let Entry::Val(v) = e
            && ty == MemTy::Ref
            && let Some(TypeKind::SzArray(element)) =
                self.fact(array).class.map(|c| self.env.type_kind(c))
        {
            self.note_class(v, element, false);
        }
        self.push(e);
        Ok(())
    }

    pub(super) fn store_element(&mut self, ty: MemTy, prefix: Prefix) -> Result<()> {
        let value = self.pop()?;
        let index = self.pop_val()?;
        let array = self.pop_val()?;
        let value = self.coerce(value, ty)?;
        let size = self.mem_size(ty);
        let mut place = self.element_place(array, index, size)?;
        Self::element_region(&mut place, ty);
        if ty == MemTy::Ref
            && !prefix.contains(Prefix::NO_TYPE_CHECK)
            && let Entry::Val(v) = value
        {
            self.check_store(array, v);
        }
        self.store_place(place, ty, value)
    }

    /// The type check of a reference stored into an array.
    fn check_store(&mut self, array: Value, value: Value) {
        if self.func.constant(value) == Some(0) || self.is_element_of(value, array) {
            return;
        }
        let fact = self.fact(array);
        let known = match fact.class.map(|c| self.env.type_kind(c)) {
            Some(TypeKind::SzArray(e)) => Some(e),
            _ => None,
        };
        // What is known of the array may be more than its declared type said, so the value must be known to fit too.
        if let Some(e) = known
            && (fact.exact || self.env.array_store_is_exact(e))
            && let Some(stored) = self.fact(value).class
            && self.env.subtype(stored, e) == isthmus_runtime_abi::vm::Subtype::Yes
        {
            return;
        }
        let [done, test, derived, look] = std::array::from_fn(|_| self.new_block(false));
        let slow = self.new_block(true);
        let null = self.is_null(value);
        self.branch(null, done, test);
        self.go_on(test);
        let saved = self.checked.clone();
        self.checked.insert(value);
        let word = self.type_word(value);
        let vtable = self.vtable(array);
        let element = self.vtable_word(vtable, VtableWord::ElementType);
        let element = self.convert_word(element, Ty::I32);
        let same = self.cmp(Cmp::Eq, word, element);
        self.branch(same, done, derived);
        // A class derived from the element class names it in its display. (So does none name an interface.)
        self.go_on(derived);
        let wanted = self.op(Op::VtableOf, Ty::Ptr, &[element]);
        let depth = self.vtable_word(wanted, VtableWord::Depth);
        let vtable = self.vtable(value);
        let deepest = self.vtable_word(vtable, VtableWord::Depth);
        let deep = self.cmp(Cmp::GeUn, deepest, depth);
        self.branch(deep, look, slow);
        self.go_on(look);
        let display = self.vtable_word(vtable, VtableWord::Display);
        let access = Access::new(Mem::I32, 0, Region::Vtable).scaled(4);
        let ancestor = self.load_raw(display, Some(depth), access);
        let same = self.cmp(Cmp::Eq, ancestor, element);
        self.branch(same, done, slow);
        self.go_on(slow);
        self.helper(Helper::ArrayStoreCheck, &[array, value]);
        self.jump(done);
        self.go_on(done);
        self.checked = saved;
    }

    /// Whether a reference was read from this very array, and so fits it: sorting and moving elements.
    fn is_element_of(&self, value: Value, array: Value) -> bool {
        self.func.def(value).is_some_and(|(i, d)| {
            d.op == Op::Load
                && d.access()
                    .is_some_and(|a| a.region == Region::Element(Mem::Ref))
                && self.func.args(i)[0] == array
        })
    }

    pub(super) fn element_address(&mut self, t: TypeId, prefix: Prefix) -> Result<()> {
        let index = self.pop_val()?;
        let array = self.pop_val()?;
        let ty = self.env.mem_ty(t);
        let size = self.mem_size(ty);
        if ty == MemTy::Ref && !prefix.contains(Prefix::READONLY) {
            let known = match self.fact(array) {
                super::Fact {
                    class: Some(c),
                    exact: true,
                    ..
                } => self.env.type_kind(c) == TypeKind::SzArray(t),
                _ => false,
            };
            if !known {
                self.null_check(array);
                let handle = self.entity(Entity::TypeHandle(t))?;
                self.helper(Helper::ArrayExactCheck, &[array, handle]);
            }
        }
        let place = self.element_place(array, index, size)?;
        let v = self.lea(place.base, place.index, place.offset);
        self.push_val(v);
        Ok(())
    }

    pub(super) fn new_array(&mut self, element: TypeId) -> Result<()> {
        let n = self.pop_val()?;
        let n = self.widen(n, Ty::I64, true);
        let class = self.env.array_of(element);
        let vtable = self.entity(Entity::Vtable(class))?;
        let ty = self.env.mem_ty(element);
        let size = if self.env.inline_allocation() {
            self.mem_size(ty)
        } else {
            0
        };
        let i = self.throwing(
            Op::AllocArray,
            Ty::Ref,
            &[vtable, n],
            Imm::Bits(i64::from(size)),
        );
        let v = self.func.inst(i).first_result;
        self.fact_mut(v).nonnull = true;
        self.note_class(v, class, true);
        self.push_val(v);
        Ok(())
    }

    // ---- allocation and boxing

    pub(super) fn allocate(&mut self, class: TypeId) -> Result<Value> {
        let vtable = self.entity(Entity::Vtable(class))?;
        let size = match self.env.inline_alloc_size(class) {
            Some(s) if self.env.inline_allocation() && s <= self.env.inline_alloc_limit() => s,
            _ => 0,
        };
        let i = self.throwing(
            Op::AllocObject,
            Ty::Ref,
            &[vtable],
            Imm::Bits(i64::from(size)),
        );
        let v = self.func.inst(i).first_result;
        self.fact_mut(v).nonnull = true;
        self.note_class(v, class, true);
        Ok(v)
    }

    /// `box`.
    pub(super) fn box_value(&mut self, t: TypeId) -> Result<()> {
        let e = self.pop()?;
        let v = self.box_entry(t, e)?;
        self.push(v);
        Ok(())
    }

    pub(super) fn box_entry(&mut self, t: TypeId, e: Entry) -> Result<Entry> {
        let ty = self.env.mem_ty(t);
        match self.env.type_kind(t) {
            TypeKind::Value => {
                let v = self.allocate(t)?;
                let fresh = Place {
                    base: v,
                    index: None,
                    offset: layout::HEADER as i32,
                    region: Region::Field,
                    barrier: Barrier::None,
                    flags: AccessFlags::empty(),
                };
                self.store_place(fresh, ty, e)?;
                Ok(Entry::Val(v))
            }
            TypeKind::Nullable(payload) => self.box_nullable(t, payload, e),
            TypeKind::Pointer => Err(self.bad()),
            _ => self.coerce(e, ty),
        }
    }

    fn box_nullable(&mut self, t: TypeId, payload: TypeId, e: Entry) -> Result<Entry> {
        let e = self.coerce(e, MemTy::Struct(t))?;
        let Entry::Split(_, leaves) = &e else {
            let addr = self.spill(&e)?;
            let handle = self.entity(Entity::TypeHandle(t))?;
            let v = self.result(Helper::BoxAny, &[handle, addr])?;
            self.release(&e);
            return Ok(Entry::Val(v));
        };
        let result = self.vars.new_var(Ty::Ref);
        let null = self.null();
        let ty = self.env.mem_ty(payload);
        let offset = self.env.nullable_value_offset(t);
        let flag = leaves[0];
        let value = self.part(t, leaves, offset, ty)?;
        self.write_var(result, null);
        let full = self.new_block(false);
        let done = self.new_block(false);
        self.branch(flag, full, done);
        self.go_on(full);
        let Entry::Val(boxed) = self.box_entry(payload, value)? else {
            return Err(self.bad());
        };
        self.write_var(result, boxed);
        self.jump(done);
        self.join(done);
        let v = self.read_var(result);
        Ok(Entry::Val(v))
    }

    /// Checks the exact type of a boxed value and gives its address.
    pub(super) fn unbox_address(&mut self, object: Value, t: TypeId) -> Result<Value> {
        let fact = self.fact(object);
        if !(fact.exact && fact.class == Some(t)) {
            let vtable = self.env.handle(self.frame.method, Entity::Vtable(t));
            let have = self.type_word(object);
            let want = self.handle_word(vtable)?;
            let same = self.cmp(Cmp::Eq, have, want);
            let done = self.new_block(false);
            let slow = self.new_block(true);
            self.branch(same, done, slow);
            self.go_on(slow);
            let handle = self.entity(Entity::TypeHandle(t))?;
            self.helper(Helper::Unbox, &[object, handle]);
            self.jump(done);
            self.go_on(done);
        } else {
            self.null_check(object);
        }
        Ok(self.lea(object, None, layout::HEADER as i32))
    }

    pub(super) fn unbox(&mut self, t: TypeId) -> Result<()> {
        let object = self.pop_val()?;
        let v = if let TypeKind::Nullable(_) = self.env.type_kind(t) {
            let e = self.unbox_nullable(object, t)?;
            self.spill_lasting(e, t)?
        } else {
            self.unbox_address(object, t)?
        };
        self.push_val(v);
        Ok(())
    }

    fn spill_lasting(&mut self, e: Entry, t: TypeId) -> Result<Value> {
        let slot = self.new_struct_slot(t);
        let place = self.slot_place(slot, 0);
        self.store_place(place, MemTy::Struct(t), e)?;
        Ok(self.slot_addr(slot, 0))
    }

    fn unbox_nullable(&mut self, object: Value, t: TypeId) -> Result<Entry> {
        let slot = self.temp(t);
        let handle = self.entity(Entity::TypeHandle(t))?;
        let addr = self.slot_addr(slot, 0);
        self.helper(Helper::UnboxAny, &[object, handle, addr]);
        let place = self.slot_place(slot, 0);
        let info = self.struct_info(t);
        if !info.split {
            return Ok(Entry::Mem(t, slot));
        }
        let e = self.load_place(place, MemTy::Struct(t))?;
        self.dead_temps.push((t, slot));
        Ok(e)
    }

    pub(super) fn unbox_any(&mut self, t: TypeId) -> Result<()> {
        let ty = self.env.mem_ty(t);
        match self.env.type_kind(t) {
            TypeKind::Value => {
                let object = self.pop_val()?;
                let addr = self.unbox_address(object, t)?;
                let place = Place {
                    base: addr,
                    index: None,
                    offset: 0,
                    region: Region::Any,
                    barrier: Barrier::Unknown,
                    flags: AccessFlags::empty(),
                };
                let e = self.load_place(place, ty)?;
                self.push(e);
                Ok(())
            }
            TypeKind::Nullable(_) => {
                let object = self.pop_val()?;
                let e = self.unbox_nullable(object, t)?;
                self.push(e);
                Ok(())
            }
            _ => self.cast_class(t),
        }
    }

    pub(super) fn load_token(&mut self, token: Token) -> Result<()> {
        let (kind, entity) = match token {
            Token::Type(t) => (HandleKind::Type, Entity::TypeHandle(t)),
            Token::Method(m) => (HandleKind::Method, Entity::MethodHandle(m)),
            Token::Field(f) => (HandleKind::Field, Entity::FieldHandle(f)),
        };
        let v = self.entity(entity)?;
        self.push_handle(kind, v);
        Ok(())
    }
}
