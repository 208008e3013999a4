//! Instance and static fields.

use crate::error::R;
use crate::memory::Place;
use crate::moves::Word;
use crate::state::Gen;
use crate::target::Target;
use crate::value::{Entry, Loc};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::Op;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::FieldId;
use isthmus_runtime_abi::layout::NULL_GUARD;
use isthmus_runtime_abi::types::{MemTy, StackTy};
use isthmus_runtime_abi::vm::{Entity, FieldInfo, FieldPlace};

/// An access at the sum of two offsets that are smaller still faults at null.
const NEAR_NULL: u32 = NULL_GUARD / 2;

impl<A: Target> Gen<'_, A> {
    fn field(&self, f: FieldId) -> FieldInfo {
        self.env.field(self.body.method, f)
    }

    /// The memory of an instance field; `e` stays held.
    fn instance(&mut self, e: &mut Entry, offset: u32) -> R<(Mem, Place)> {
        if e.ty != StackTy::Ref {
            return self.address(e, offset);
        }
        let r = self.load(e)?;
        self.probe_if_far(r, offset);
        Ok((Mem::new(r, offset as i32), Place::Object(r)))
    }

    pub fn op_ldfld(&mut self, f: FieldId) -> R {
        let info = self.field(f);
        let FieldPlace::Instance(offset) = info.place else {
            // An instance that is not needed.
            let e = self.pop()?;
            self.discard(e);
            return self.load_static(f, info);
        };
        let mut e = self.pop()?;
        if matches!(e.ty, StackTy::Struct(_)) {
            let mem = self.struct_mem(&e)?.plus(offset as i32);
            return self.load_value(mem, Place::Plain, info.ty, e);
        }
        let (mem, place) = self.instance(&mut e, offset)?;
        self.load_value(mem, place, info.ty, e)
    }

    pub fn op_ldflda(&mut self, f: FieldId) -> R {
        let info = self.field(f);
        let FieldPlace::Instance(offset) = info.place else {
            let e = self.pop()?;
            self.discard(e);
            return self.load_static_address(f, info);
        };
        let mut e = self.pop()?;
        let ty = if e.ty == StackTy::Native {
            StackTy::Native
        } else {
            StackTy::ByRef
        };
        let offset = offset as i32;
        match e.loc {
            Loc::FrameAddr(off) => {
                self.push(ty, Loc::FrameAddr(off + offset));
                return Ok(());
            }
            Loc::RegPlus(r, d) if e.ty != StackTy::Ref && d.checked_add(offset).is_some() => {
                self.push(ty, Loc::RegPlus(r, d + offset));
                return Ok(());
            }
            _ => {}
        }
        let was_ref = e.ty == StackTy::Ref;
        let mut r = self.load(&mut e)?;
        if was_ref && !self.next_dereferences(offset) {
            self.probe(Mem::new(r, 0));
        }
        if !matches!(e.loc, Loc::Reg(_)) {
            // The address of a pinned variable's object: a register of its own, since the variable may change.
            let new = self.alloc()?;
            self.a.lea(new, Mem::new(r, offset));
            self.push_reg(ty, new);
            return Ok(());
        }
        if self.ints.count(r.0) == 1 && self.ints.copy_of(r.0).is_none() {
            self.push(ty, Loc::RegPlus(r, offset));
        } else {
            let new = self.alloc()?;
            self.a.lea(new, Mem::new(r, offset));
            self.discard(e);
            r = new;
            self.push_reg(ty, r);
        }
        Ok(())
    }

    /// Whether the next instruction reads a scalar through the address now being made, close enough to null to fault.
    fn next_dereferences(&self, offset: i32) -> bool {
        let next = self.at + 1;
        if offset >= NEAR_NULL as i32 || self.scan.places.get(next).is_none_or(|p| p.target) {
            return false;
        }
        match self.body.code[next].op {
            Op::LdInd(ty) => !matches!(ty, MemTy::Struct(_)),
            Op::LdFld(f) => {
                let info = self.field(f);
                matches!(info.place, FieldPlace::Instance(o) if o < NEAR_NULL)
                    && !matches!(info.ty, MemTy::Struct(_))
            }
            _ => false,
        }
    }

    pub fn op_stfld(&mut self, f: FieldId) -> R {
        let info = self.field(f);
        let FieldPlace::Instance(offset) = info.place else {
            let value = self.pop()?;
            let e = self.pop()?;
            self.discard(e);
            self.stack.push(value);
            return self.store_static(f, info);
        };
        let mut value = self.pop()?;
        let mut e = self.pop()?;
        let (mem, place) = self.instance(&mut e, offset)?;
        self.store_value(mem, place, info.ty, &mut value)?;
        self.discard(value);
        self.discard(e);
        Ok(())
    }

    // ---- statics

    pub fn op_ldsfld(&mut self, f: FieldId) -> R {
        let info = self.field(f);
        self.load_static(f, info)
    }

    pub fn op_ldsflda(&mut self, f: FieldId) -> R {
        let info = self.field(f);
        self.load_static_address(f, info)
    }

    pub fn op_stsfld(&mut self, f: FieldId) -> R {
        let info = self.field(f);
        self.store_static(f, info)
    }

    /// The memory of a static field; the register of the address is to be released by the caller. `None`: an exception was
    /// raised instead.
    fn static_memory(&mut self, f: FieldId, info: &FieldInfo) -> R<Option<(Mem, Place, Gpr)>> {
        if info.init_check {
            self.class_init(info.owner)?;
        }
        Ok(Some(match info.place {
            FieldPlace::Static(offset) => {
                let r = self.load_entity(Entity::Statics(info.owner))?;
                (Mem::new(r, offset as i32), Place::Plain, r)
            }
            FieldPlace::RefStatic(offset) => {
                let r = self.load_entity(Entity::RefStatics(info.owner))?;
                (Mem::new(r, offset as i32), Place::LiveObject(r), r)
            }
            FieldPlace::ThreadStatic(offset) => {
                let r = self.address_call(Helper::ThreadStatics, Entity::TypeHandle(info.owner))?;
                (Mem::new(r, offset as i32), Place::Unknown, r)
            }
            FieldPlace::Data(symbol) => {
                let r = self.alloc()?;
                self.a.load_symbol(r, symbol);
                (Mem::new(r, 0), Place::Plain, r)
            }
            FieldPlace::Helper => {
                let r = self.address_call(Helper::StaticAddress, Entity::FieldHandle(f))?;
                (Mem::new(r, 0), Place::Unknown, r)
            }
            FieldPlace::Raise(raise) => {
                self.raise(raise)?;
                return Ok(None);
            }
            FieldPlace::Instance(_) => {
                return self.invalid("an instance field without an instance");
            }
        }))
    }

    /// Calls a helper that makes an address from a handle.
    fn address_call(&mut self, helper: Helper, entity: Entity) -> R<Gpr> {
        let (word, held): (Word, _) = self.entity_word(entity)?;
        self.call_helper(helper, &[word])?;
        self.release_opt(held);
        self.take_ret()
    }

    fn load_static(&mut self, f: FieldId, info: FieldInfo) -> R {
        match self.static_memory(f, &info)? {
            Some((mem, place, r)) => {
                let place = match place {
                    Place::Unknown => Place::Plain,
                    p => p,
                };
                let held = Entry::new(StackTy::ByRef, Loc::Reg(r));
                self.load_value(mem, place, info.ty, held)
            }
            None => {
                self.push_unreachable(info.ty.stack_ty());
                Ok(())
            }
        }
    }

    fn load_static_address(&mut self, f: FieldId, info: FieldInfo) -> R {
        match self.static_memory(f, &info)? {
            Some((mem, _, r)) => {
                let loc = match mem.disp {
                    0 => Loc::Reg(r),
                    d => Loc::RegPlus(r, d),
                };
                self.push(StackTy::ByRef, loc);
            }
            None => self.push_unreachable(StackTy::ByRef),
        }
        Ok(())
    }

    fn store_static(&mut self, f: FieldId, info: FieldInfo) -> R {
        // The value stays on the stack while helpers may be called for the address.
        if self.stack.is_empty() {
            return self.invalid("stack underflow");
        }
        let found = self.static_memory(f, &info)?;
        let mut value = self.pop()?;
        if let Some((mem, place, r)) = found {
            self.store_value(mem, place, info.ty, &mut value)?;
            self.release(r);
        }
        self.discard(value);
        Ok(())
    }
}
