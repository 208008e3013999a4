//! Memory locations and struct values.
//!
//! A struct on the stack is *split* into its leaves if it has few and they do not overlap, otherwise it is a copy in a
//! slot of its own that nothing else refers to.

use super::frame::{Base, Loc};
use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Access, AccessFlags, Imm, Mem, Op, Region, Slot, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::types::{MemTy, StackTy, StructLayout};
use isthmus_runtime_abi::vm::{BarrierKind, Entity};
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;

/// Structs with at most this many leaves are split.
const MAX_SPLIT: usize = 8;

/// A struct type as the builder sees it.
#[derive(Debug)]
pub(super) struct StructInfo {
    pub layout: Arc<StructLayout>,
    /// Offset and type of each scalar.
    pub leaves: Vec<(u32, Mem)>,
    /// Values of it are split.
    pub split: bool,
}

/// A value on the evaluation stack.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Entry {
    /// A scalar.
    Val(Value),
    /// A struct by its leaves.
    Split(TypeId, SmallVec<[Value; 4]>),
    /// A struct in a slot that belongs to this entry.
    Mem(TypeId, Slot),
}

/// What storing references into a place needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Barrier {
    /// Nothing: a frame, or an object that was just allocated.
    None,
    /// The base is the object stored into.
    Object,
    /// It may be anywhere.
    Unknown,
}

/// A memory location.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub base: Value,
    pub index: Option<(Value, u8)>,
    pub offset: i32,
    pub region: Region,
    pub barrier: Barrier,
    /// Flags of the first access.
    pub flags: AccessFlags,
}

impl Place {
    pub(super) fn access(&self, mem: Mem, offset: u32) -> Access {
        Access {
            mem,
            scale: self.index.map_or(1, |i| i.1),
            flags: self.flags,
            region: match self.region {
                Region::Element(_) => Region::Element(mem),
                r => r,
            },
            offset: self.offset.wrapping_add(offset as i32),
        }
    }
}

impl Builder<'_> {
    // ---- structs

    pub(super) fn struct_info(&mut self, ty: TypeId) -> Rc<StructInfo> {
        if let Some(i) = self.structs.get(&ty) {
            return i.clone();
        }
        let layout = self.env.struct_layout(ty);
        let leaves: Vec<(u32, Mem)> = layout
            .leaves
            .iter()
            .filter_map(|l| Some((l.offset, Mem::of(l.ty)?)))
            .collect();
        let split = !layout.overlapping && !leaves.is_empty() && leaves.len() <= MAX_SPLIT;
        let info = Rc::new(StructInfo {
            layout,
            leaves,
            split,
        });
        self.structs.insert(ty, info.clone());
        info
    }

    /// A slot for a struct, padded to whole words.
    pub(super) fn new_struct_slot(&mut self, ty: TypeId) -> Slot {
        let size = self.struct_info(ty).layout.size.next_multiple_of(8);
        if self.is_far(size) {
            return self.far_slot(size);
        }
        self.func.new_slot(size, 8)
    }

    /// A slot for a temporary.
    pub(super) fn temp(&mut self, ty: TypeId) -> Slot {
        match self.free_temps.get_mut(&ty).and_then(Vec::pop) {
            Some(s) => s,
            None => self.new_struct_slot(ty),
        }
    }

    /// Gives a temporary back when the current instruction is done.
    pub(super) fn release(&mut self, entry: &Entry) {
        if let Entry::Mem(ty, slot) = entry {
            self.dead_temps.push((*ty, *slot));
        }
    }

    pub(super) fn slot_place(&mut self, slot: Slot, offset: u32) -> Place {
        let far = self.far.contains_key(&slot);
        Place {
            base: self.slot_addr(slot, 0),
            index: None,
            offset: offset as i32,
            region: if far {
                Region::Any
            } else {
                Region::Frame(slot)
            },
            barrier: Barrier::None,
            flags: AccessFlags::empty(),
        }
    }

    /// A place behind a pointer of any kind.
    pub(super) fn pointer_place(&mut self, pointer: Value) -> Place {
        let flags = self.check_base(pointer, 0);
        Place {
            base: pointer,
            index: None,
            offset: 0,
            region: Region::Any,
            barrier: Barrier::Unknown,
            flags,
        }
    }

    /// The entry as an address of its own memory, with the type's size rounded up to whole words.
    pub(super) fn spill(&mut self, entry: &Entry) -> Result<Value> {
        match entry {
            Entry::Mem(_, slot) => Ok(self.slot_addr(*slot, 0)),
            Entry::Split(ty, _) => {
                let slot = self.temp(*ty);
                self.dead_temps.push((*ty, slot));
                let place = self.slot_place(slot, 0);
                self.store_place(place, MemTy::Struct(*ty), entry.clone())?;
                Ok(self.slot_addr(slot, 0))
            }
            Entry::Val(v) => {
                let v = *v;
                let slot = self.func.new_slot(8, 8);
                let place = self.slot_place(slot, 0);
                let access = place.access(self.func.ty(v).mem(), 0);
                self.store_raw(v, place.base, None, access);
                Ok(self.slot_addr(slot, 0))
            }
        }
    }

    /// The zero value of a type.
    pub(super) fn zero_entry(&mut self, ty: MemTy) -> Result<Entry> {
        let MemTy::Struct(t) = ty else {
            let Some(s) = Ty::of_stack(ty.stack_ty()) else {
                return self.fail(Reason::BadOperands);
            };
            return Ok(Entry::Val(self.constant(s, 0)));
        };
        let info = self.struct_info(t);
        if info.split {
            let leaves = info
                .leaves
                .iter()
                .map(|l| self.constant(l.1.ty(), 0))
                .collect();
            return Ok(Entry::Split(t, leaves));
        }
        let slot = self.temp(t);
        self.zero_slot(slot, 0, info.layout.size);
        Ok(Entry::Mem(t, slot))
    }

    fn zero_slot(&mut self, slot: Slot, offset: u32, size: u32) {
        let addr = self.slot_addr(slot, offset);
        self.emit(
            Op::MemZero,
            Ty::I32,
            &[addr],
            Imm::Bits(i64::from(size.next_multiple_of(8))),
        );
    }

    // ---- places

    /// Loads what is in a place.
    pub(super) fn load_place(&mut self, mut place: Place, ty: MemTy) -> Result<Entry> {
        let MemTy::Struct(t) = ty else {
            let Some(mem) = Mem::of(ty) else {
                return self.fail(Reason::BadOperands);
            };
            let access = place.access(mem, 0);
            return Ok(Entry::Val(self.load_raw(
                place.base,
                place.index.map(|i| i.0),
                access,
            )));
        };
        let info = self.struct_info(t);
        if info.split {
            let mut leaves = SmallVec::new();
            for &(offset, mem) in &info.leaves {
                let access = place.access(mem, offset);
                leaves.push(self.load_raw(place.base, place.index.map(|i| i.0), access));
                place.flags.remove(AccessFlags::NULL);
            }
            return Ok(Entry::Split(t, leaves));
        }
        let slot = self.temp(t);
        let from = self.place_address(place);
        let to = self.slot_addr(slot, 0);
        self.emit(
            Op::MemCopy,
            Ty::I32,
            &[to, from],
            Imm::Bits(i64::from(info.layout.size)),
        );
        Ok(Entry::Mem(t, slot))
    }

    /// The address of a place; its flags are turned into a check.
    pub(super) fn place_address(&mut self, place: Place) -> Value {
        if place.flags.contains(AccessFlags::NULL) {
            self.checked.remove(&place.base);
            self.null_check(place.base);
        }
        self.lea(place.base, place.index, place.offset)
    }

    /// Stores an entry into a place.
    pub(super) fn store_place(&mut self, place: Place, ty: MemTy, entry: Entry) -> Result<()> {
        let entry = self.coerce(entry, ty)?;
        match (&entry, ty) {
            (Entry::Val(v), _) => {
                let Some(mem) = Mem::of(ty) else {
                    return self.fail(Reason::BadOperands);
                };
                self.store_leaf(place, *v, mem, 0);
            }
            (Entry::Split(t, leaves), _) => {
                let info = self.struct_info(*t);
                let mut place = place;
                for (&(offset, mem), &v) in info.leaves.iter().zip(leaves) {
                    self.store_leaf(place, v, mem, offset);
                    place.flags.remove(AccessFlags::NULL);
                }
            }
            (Entry::Mem(t, slot), _) => {
                let from = self.slot_addr(*slot, 0);
                self.copy_struct(place, from, *t)?;
            }
        }
        self.release(&entry);
        Ok(())
    }

    fn store_leaf(&mut self, place: Place, value: Value, mem: Mem, offset: u32) {
        let access = place.access(mem, offset);
        let barrier = match self.env.barrier() {
            BarrierKind::None => Barrier::None,
            BarrierKind::ObjectLog => place.barrier,
        };
        let null = self.func.constant(value) == Some(0);
        let op = match (mem, barrier) {
            (Mem::Ref, Barrier::Object) if !null => Op::StoreRef,
            (Mem::Ref, Barrier::Unknown) if !null => Op::StoreRefUnknown,
            _ => Op::Store,
        };
        let args: SmallVec<[Value; 3]> = [value, place.base]
            .into_iter()
            .chain(place.index.map(|i| i.0))
            .collect();
        self.emit(op, mem.ty(), &args, Imm::Access(access));
    }

    /// Copies a struct from frame memory (or any readable memory) into a place.
    pub(super) fn copy_struct(&mut self, place: Place, from: Value, ty: TypeId) -> Result<()> {
        let info = self.struct_info(ty);
        let to = self.place_address(place);
        if info.layout.has_refs && place.barrier != Barrier::None {
            match place.barrier {
                Barrier::Object if place.base != to => {
                    let size = self.constant(Ty::I64, i64::from(info.layout.size));
                    self.helper(Helper::CopyRefs, &[place.base, to, from, size]);
                }
                _ => {
                    let handle = self.entity(Entity::TypeHandle(ty))?;
                    self.helper(Helper::CopyValue, &[to, from, handle]);
                }
            }
        } else {
            self.emit(
                Op::MemCopy,
                Ty::I32,
                &[to, from],
                Imm::Bits(i64::from(info.layout.size)),
            );
        }
        Ok(())
    }

    // ---- variables

    pub(super) fn base_place(&mut self, base: Base, offset: u32) -> Place {
        match base {
            Base::Slot(s) => self.slot_place(s, offset),
            Base::Value(v) => Place {
                base: v,
                index: None,
                offset: offset as i32,
                region: Region::Any,
                barrier: Barrier::None,
                flags: AccessFlags::empty(),
            },
        }
    }

    /// The value of a variable.
    pub(super) fn read_loc(&mut self, loc: &Loc) -> Result<Entry> {
        match loc {
            Loc::Value(e) => match e {
                Entry::Mem(t, slot) => {
                    let place = self.slot_place(*slot, 0);
                    self.load_place(place, MemTy::Struct(*t))
                }
                e => Ok(e.clone()),
            },
            Loc::Var(var, _) => Ok(Entry::Val(self.read_var(*var))),
            Loc::Split(ty, vars) => {
                let leaves = vars.iter().map(|&v| self.read_var(v)).collect();
                Ok(Entry::Split(*ty, leaves))
            }
            Loc::Memory(base, offset, ty) => {
                let place = self.base_place(*base, *offset);
                self.load_place(place, *ty)
            }
        }
    }

    /// Sets a variable.
    pub(super) fn write_loc(&mut self, loc: &Loc, entry: Entry) -> Result<()> {
        match loc {
            Loc::Value(_) => self.fail(Reason::BadOperands),
            Loc::Var(var, ty) => {
                let Entry::Val(v) = self.coerce(entry, *ty)? else {
                    return self.fail(Reason::BadOperands);
                };
                let v = self.narrow(v, *ty);
                self.write_var(*var, v);
                Ok(())
            }
            Loc::Split(ty, vars) => {
                let Entry::Split(_, leaves) = self.coerce(entry, MemTy::Struct(*ty))? else {
                    return self.fail(Reason::BadOperands);
                };
                for (&var, &v) in vars.iter().zip(&leaves) {
                    self.write_var(var, v);
                }
                Ok(())
            }
            Loc::Memory(base, offset, ty) => {
                let place = self.base_place(*base, *offset);
                self.store_place(place, *ty, entry)
            }
        }
    }

    pub(super) fn zero_loc(&mut self, loc: &Loc) -> Result<()> {
        match loc {
            Loc::Memory(base, offset, MemTy::Struct(t)) => {
                let info = self.struct_info(*t);
                if info.split {
                    let zero = self.zero_entry(MemTy::Struct(*t))?;
                    return self.write_loc(loc, zero);
                }
                if let Base::Slot(slot) = base {
                    self.zero_slot(*slot, *offset, info.layout.size);
                }
                Ok(())
            }
            Loc::Memory(_, _, ty) | Loc::Var(_, ty) => {
                let zero = self.zero_entry(*ty)?;
                self.write_loc(loc, zero)
            }
            Loc::Split(ty, _) => {
                let zero = self.zero_entry(MemTy::Struct(*ty))?;
                self.write_loc(loc, zero)
            }
            Loc::Value(_) => Ok(()),
        }
    }

    /// The address of a variable in memory.
    pub(super) fn loc_address(&mut self, loc: &Loc) -> Result<Value> {
        match *loc {
            Loc::Memory(Base::Slot(slot), offset, _) => Ok(self.slot_addr(slot, offset)),
            Loc::Memory(Base::Value(v), offset, _) => {
                let v = self.lea(v, None, offset as i32);
                let v = self.retype(v, Ty::ByRef);
                self.fact_mut(v).nonnull = true;
                Ok(v)
            }
            _ => self.fail(Reason::BadOperands),
        }
    }

    pub(super) fn read_var(&mut self, var: super::vars::Var) -> Value {
        self.vars.read(&mut self.func, self.block, var)
    }

    pub(super) fn write_var(&mut self, var: super::vars::Var, value: Value) {
        self.vars.write(self.block, var, value);
    }

    // ---- types

    /// The type of a stack entry.
    pub(super) fn stack_ty(&self, entry: &Entry) -> StackTy {
        match entry {
            Entry::Val(v) => match self.func.ty(*v) {
                Ty::I32 => StackTy::I32,
                Ty::I64 => StackTy::I64,
                Ty::Ptr => StackTy::Native,
                Ty::F32 => StackTy::F32,
                Ty::F64 => StackTy::F64,
                Ty::Ref => StackTy::Ref,
                Ty::ByRef => StackTy::ByRef,
            },
            Entry::Split(t, _) | Entry::Mem(t, _) => StackTy::Struct(*t),
        }
    }

    /// The entry as a value of a location's type: implicit conversions of ECMA-335 III.1.6.
    pub(super) fn coerce(&mut self, entry: Entry, ty: MemTy) -> Result<Entry> {
        match (entry, ty) {
            (Entry::Val(v), MemTy::Struct(t)) => {
                // A handle as the struct that wraps it.
                let info = self.struct_info(t);
                match info.leaves.as_slice() {
                    [(_, mem)] if info.split => {
                        let v = self.convert_word(v, mem.ty());
                        Ok(Entry::Split(t, SmallVec::from_slice(&[v])))
                    }
                    _ => self.fail(Reason::BadOperands),
                }
            }
            (Entry::Val(v), ty) => {
                let Some(want) = Ty::of_stack(ty.stack_ty()) else {
                    return self.fail(Reason::BadOperands);
                };
                let have = self.func.ty(v);
                let words_mix = have.is_float() != want.is_float();
                if words_mix {
                    return self.fail(Reason::BadOperands);
                }
                Ok(Entry::Val(self.convert_word(v, want)))
            }
            (Entry::Split(t, leaves), MemTy::Struct(want)) => {
                if t != want {
                    let (a, b) = (self.struct_info(t), self.struct_info(want));
                    if a.leaves != b.leaves {
                        return self.fail(Reason::BadOperands);
                    }
                    if !b.split {
                        return self.fail(Reason::Overlap);
                    }
                }
                Ok(Entry::Split(want, leaves))
            }
            (Entry::Mem(t, slot), MemTy::Struct(want)) => {
                if t != want && self.struct_info(t).layout != self.struct_info(want).layout {
                    return self.fail(Reason::BadOperands);
                }
                Ok(Entry::Mem(t, slot))
            }
            (Entry::Split(t, leaves), ty) => {
                // The struct that wraps a handle as the handle.
                match (leaves.as_slice(), Ty::of_stack(ty.stack_ty())) {
                    ([v], Some(want)) if self.struct_info(t).leaves[0].0 == 0 => {
                        Ok(Entry::Val(self.convert_word(*v, want)))
                    }
                    _ => self.fail(Reason::BadOperands),
                }
            }
            (Entry::Mem(..), _) => self.fail(Reason::BadOperands),
        }
    }

    /// What a variable of a small type makes of a 32-bit value.
    pub(super) fn narrow(&mut self, v: Value, ty: MemTy) -> Value {
        let op = match ty {
            MemTy::I8 => Op::ExtS8,
            MemTy::U8 => Op::ExtU8,
            MemTy::I16 => Op::ExtS16,
            MemTy::U16 => Op::ExtU16,
            _ => return v,
        };
        if self.fits(v, ty) {
            return v;
        }
        self.op(op, Ty::I32, &[v])
    }

    /// Whether a value is known to be in the range of a small type.
    fn fits(&self, v: Value, ty: MemTy) -> bool {
        let Some((_, d)) = self.func.def(v) else {
            return false;
        };
        let (lo, hi) = match ty {
            MemTy::I8 => (-128, 127),
            MemTy::U8 => (0, 255),
            MemTy::I16 => (-32768, 32767),
            MemTy::U16 => (0, 65535),
            _ => return true,
        };
        let (from, to) = match (d.op, d.imm) {
            (Op::Const, Imm::Bits(b)) => (b, b),
            (Op::Cmp, _) => (0, 1),
            (Op::ExtU8, _) => (0, 255),
            (Op::ExtU16, _) => (0, 65535),
            (Op::ExtS8, _) => (-128, 127),
            (Op::ExtS16, _) => (-32768, 32767),
            (Op::Load, Imm::Access(a)) => match a.mem {
                Mem::I8 => (-128, 127),
                Mem::U8 => (0, 255),
                Mem::I16 => (-32768, 32767),
                Mem::U16 => (0, 65535),
                _ => return false,
            },
            _ => return false,
        };
        lo <= from && to <= hi
    }

    /// A truth value: 1 if the entry is not zero or null.
    pub(super) fn truth(&mut self, v: Value, when: Cmp) -> Value {
        if let (Some((_, d)), Cmp::NeUn) = (self.func.def(v), when)
            && d.op == Op::Cmp
        {
            return v;
        }
        let zero = self.constant(self.func.ty(v), 0);
        self.cmp(when, v, zero)
    }
}
