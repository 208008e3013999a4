//! Variable arguments and typed references.
//!
//! A block of variadic arguments is a slot of its own for each `varargs` instruction, see docs/ARCHITECTURE.md. Typed
//! references are pairs {type handle, managed pointer}.

use super::place::Entry;
use super::{Builder, Result};
use crate::ir::{Access, Mem, Region, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::callconv::VarArgBlock;
use isthmus_runtime_abi::ids::{SigId, TypeId};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::{Entity, HandleKind};
use smallvec::smallvec;

impl Builder<'_> {
    /// `varargs`: the cookie of a call.
    pub(super) fn variable_arguments(&mut self, sig: SigId) -> Result<()> {
        let types = self.env.signature(sig);
        let args = self.pop_args(types.params.len())?;
        let places = VarArgBlock::new(&types, self.opts.arch, self.env);
        let slot = self.func.new_slot(places.size, 8);
        let handle = self.entity(Entity::Signature(sig))?;
        let block = self.slot_addr(slot, 0);
        let access = Access::new(Mem::Ptr, 0, Region::Frame(slot));
        self.store_raw(handle, block, None, access);
        for ((arg, &ty), offset) in args.into_iter().zip(&types.params).zip(&places.offsets) {
            let place = self.slot_place(slot, *offset);
            self.store_place(place, ty, arg)?;
        }
        let cookie = self.retype(block, Ty::Ptr);
        self.push_val(cookie);
        Ok(())
    }

    /// `arglist`.
    pub(super) fn argument_list(&mut self) -> Result<()> {
        let cookie = self.frame.cookie.ok_or_else(|| self.bad())?;
        self.push_handle(HandleKind::ArgList, cookie);
        Ok(())
    }

    /// Pushes a runtime handle as the VM has it: the word, or a struct of it.
    pub(super) fn push_handle(&mut self, kind: HandleKind, word: Value) {
        let entry = match self.env.handle_ty(kind) {
            MemTy::Struct(t) => Entry::Split(t, smallvec![word]),
            _ => Entry::Val(word),
        };
        self.push(entry);
    }

    /// `mkrefany`.
    pub(super) fn make_typed_reference(&mut self, t: TypeId) -> Result<()> {
        let struct_ty = self.env.typed_reference().ok_or_else(|| self.bad())?;
        let pointer = self.pop_val()?;
        let handle = self.entity(Entity::TypeHandle(t))?;
        let info = self.struct_info(struct_ty);
        let [(_, first), (_, second)] = info.leaves[..] else {
            return Err(self.bad());
        };
        let handle = self.retype(handle, first.ty());
        let pointer = self.convert_word(pointer, second.ty());
        self.push(Entry::Split(struct_ty, smallvec![handle, pointer]));
        Ok(())
    }

    /// Pops a typed reference: type handle and pointer.
    fn pop_typed_reference(&mut self) -> Result<(Value, Value)> {
        let struct_ty = self.env.typed_reference().ok_or_else(|| self.bad())?;
        let e = self.pop()?;
        match self.coerce(e, MemTy::Struct(struct_ty))? {
            Entry::Split(_, leaves) if leaves.len() == 2 => Ok((leaves[0], leaves[1])),
            _ => Err(self.bad()),
        }
    }

    /// `refanyval`: the pointer, if the type is exactly this one.
    pub(super) fn typed_reference_value(&mut self, t: TypeId) -> Result<()> {
        let (handle, pointer) = self.pop_typed_reference()?;
        let wanted = self.entity(Entity::TypeHandle(t))?;
        let wanted = self.retype(wanted, self.func.ty(handle));
        let differs = self.cmp(Cmp::NeUn, handle, wanted);
        self.trap_if(differs, TrapKind::InvalidCast);
        let pointer = self.convert_word(pointer, Ty::ByRef);
        self.push_val(pointer);
        Ok(())
    }

    /// `refanytype`.
    pub(super) fn typed_reference_type(&mut self) -> Result<()> {
        let (handle, _) = self.pop_typed_reference()?;
        let handle = self.retype(handle, Ty::Ptr);
        self.push_handle(HandleKind::Type, handle);
        Ok(())
    }
}
