//! Generic contexts: what shared code looks things up in.
//!
//! Each canonical class or method has a [`SlotTable`]: slot number to [`Entity`], grown as its bodies are compiled. Each exact
//! instantiation has a context in native memory, laid out as [`GenericContext`] says; word 0 points to a
//! [`ContextOwner`]. Filling a slot substitutes the exact arguments for the shared variables in the entity.

use crate::tables::signatures;
use crate::types::{Method, Result, Type};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::GenericContext;
use isthmus_runtime_abi::vm::{ContextSource, Entity};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, RwLock};

const WORD: usize = size_of::<usize>();

/// The look-ups of a canonical class or method, by slot number.
#[derive(Default)]
pub struct SlotTable {
    slots: RwLock<Vec<Entity>>,
    numbered: OnceLock<()>,
}

impl SlotTable {
    /// The slot of an entity; a new one if needed.
    pub fn slot_of(&self, entity: Entity) -> u32 {
        let find = |list: &Vec<Entity>| list.iter().position(|e| *e == entity).map(|i| i as u32);
        if let Some(i) = find(&self.slots.read().unwrap_or_else(|e| e.into_inner())) {
            return i;
        }
        let mut list = self.slots.write().unwrap_or_else(|e| e.into_inner());
        find(&list).unwrap_or_else(|| {
            list.push(entity);
            list.len() as u32 - 1
        })
    }

    /// All of them.
    pub fn entities(&self) -> Vec<Entity> {
        self.slots.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Makes the first slots mean this, if they do not mean something else.
    pub fn adopt(&self, entities: &[Entity]) -> bool {
        let mut list = self.slots.write().unwrap_or_else(|e| e.into_inner());
        let both = list.len().min(entities.len());
        if list[..both] != entities[..both] {
            return false;
        }
        list.extend(&entities[both..]);
        true
    }

    /// Does `number` the first time that this is called.
    pub fn number_once(&self, number: impl FnOnce()) {
        self.numbered.get_or_init(number);
    }

    /// The entity of a slot.
    pub fn entity(&self, slot: u32) -> Option<Entity> {
        self.slots
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .get(slot as usize)
            .copied()
    }
}

/// Whose context it is: exact.
pub enum ContextOwner {
    /// A class.
    Class(&'static Type),
    /// A method.
    Method(&'static Method),
}

impl ContextOwner {
    /// The slots of the canonical form.
    pub fn slots(&self) -> &'static SlotTable {
        match self {
            ContextOwner::Class(t) => &t.canon().runtime.slots,
            ContextOwner::Method(m) => &m.code().runtime.slots,
        }
    }

    /// Substitutes this owner's arguments for shared variables.
    pub fn close(&self, entity: Entity) -> Result<Entity> {
        let ts = crate::types::types();
        let scope = match self {
            ContextOwner::Class(t) => t.scope(),
            ContextOwner::Method(m) => m.scope(),
        };
        let ty = |t| scope.close(ts.ty(t)).map(|t| t.id);
        let method = |m: MethodId| scope.close_method(ts.method(m)).map(|m| m.id);
        Ok(match entity {
            Entity::Vtable(t) => Entity::Vtable(ty(t)?),
            Entity::TypeHandle(t) => Entity::TypeHandle(ty(t)?),
            Entity::Statics(t) => Entity::Statics(ty(t)?),
            Entity::RefStatics(t) => Entity::RefStatics(ty(t)?),
            Entity::InitState(t) => Entity::InitState(ty(t)?),
            Entity::MethodHandle(m) => Entity::MethodHandle(method(m)?),
            Entity::MethodEntry(m) => Entity::MethodEntry(method(m)?),
            Entity::Context(m) => Entity::Context(method(m)?),
            Entity::Signature(s) => {
                let mut sig = signatures().get(s).types.clone();
                for t in sig.params.iter_mut().chain([&mut sig.ret]) {
                    *t = scope.close(t)?;
                }
                Entity::Signature(signatures().id_of(&sig)?)
            }
            Entity::FieldHandle(f) => {
                let field = ts.field(f);
                Entity::FieldHandle(ts.field_of(scope.close(field.owner)?, field.rid)?.id)
            }
        })
    }
}

/// Makes (once) the context of an owner; `cell` remembers its address.
fn context(cell: &AtomicUsize, owner: ContextOwner) -> usize {
    let found = cell.load(Ordering::Acquire);
    if found != 0 {
        return found;
    }
    let words = (GenericContext::FIRST_SLOT + GenericContext::INLINE_SLOTS) as usize;
    let memory: &'static mut [AtomicUsize] =
        Box::leak((0..words).map(|_| AtomicUsize::new(0)).collect());
    memory[0] = AtomicUsize::new(std::ptr::from_ref(Box::leak(Box::new(owner))) as usize);
    let address = memory.as_ptr() as usize;
    // A race makes two; the loser's is never used.
    match cell.compare_exchange(0, address, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => address,
        Err(first) => first,
    }
}

/// Address of the context of an exact class.
pub fn of_class(ty: &'static Type) -> usize {
    context(&ty.runtime.context, ContextOwner::Class(ty))
}

/// Address of the context that an exact method takes as hidden argument.
pub fn of_method(m: &'static Method) -> usize {
    if m.args.is_empty() {
        of_class(m.owner)
    } else {
        context(&m.runtime.context, ContextOwner::Method(m))
    }
}

/// The owner of a context.
///
/// # Safety
/// `address` must be a context made by this module.
pub unsafe fn owner(address: usize) -> &'static ContextOwner {
    // SAFETY: word 0 of a context holds the address of its leaked owner.
    unsafe { &*(*(address as *const usize) as *const ContextOwner) }
}

/// Stores the value of a slot, if the slot lies in the context.
///
/// # Safety
/// `address` must be a context made by this module.
pub unsafe fn fill(address: usize, slot: u32, value: usize) {
    if slot < GenericContext::INLINE_SLOTS {
        let at = address + GenericContext::slot(slot, WORD as u32) as usize;
        // SAFETY: the context has INLINE_SLOTS slots, and only atomic accesses touch them.
        unsafe { (*(at as *const AtomicUsize)).store(value, Ordering::Release) };
    }
}

impl Method {
    /// Where compiled code of this (canonical) method finds its generic context.
    pub fn context_source(&self) -> ContextSource {
        if !self.is_shared() {
            return ContextSource::None;
        }
        if !self.args.is_empty()
            || self.is_static()
            || self.owner.is_value()
            || self.owner.is_interface()
        {
            return ContextSource::Hidden;
        }
        ContextSource::This(crate::types::types().ty(self.owner.id).class_depth())
    }

    /// The slots that shared code of this (canonical) method uses.
    pub fn slot_table(&'static self) -> &'static SlotTable {
        if self.args.is_empty() {
            &self.owner.canon().runtime.slots
        } else {
            &self.runtime.slots
        }
    }
}
