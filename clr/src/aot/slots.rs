//! Slots of generic contexts: what shared code looks up where.
//!
//! Code of an image has numbers of slots in it, so all who compile or run code of one class must number its look-ups alike. When
//! images are made, the numbers are therefore given class by class: all that the class's own methods look up, in the order of the
//! metadata, as the one-pass compiler asks for it. An image says what its numbers mean; a process that has numbered
//! otherwise already (because it compiled such code itself) does not use the image's code of that class.

use crate::body;
use crate::types::{Method, types};
use crate::vm::FIELD_HANDLE_BIT;
use crate::vm::contexts::{ContextOwner, SlotTable};
use crate::vm::env::ClrEnv;
use crate::vm::tiers;
use isthmus_aot::names::Id;
use isthmus_runtime_abi::ids::FieldId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::vm::Entity;
use std::cell::RefCell;

thread_local! {
    /// Owners of the look-ups that code being compiled on this thread asked for.
    static ASKED: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

/// Whose slots shared code of a (canonical) method uses.
fn owner_of(context: &'static Method) -> Id {
    match context.args.is_empty() {
        true => Id::Type(context.owner.canon().id),
        false => Id::Method(context.id),
    }
}

/// The slots of an owner.
fn table_of(owner: Id) -> Option<&'static SlotTable> {
    match owner {
        Id::Type(t) => Some(&types().ty(t).canon().runtime.slots),
        Id::Method(m) => Some(&types().method(m).runtime.slots),
        _ => None,
    }
}

/// Does `f`; returns also the owners that [`asked`] was called for meanwhile.
pub fn recorded<T>(f: impl FnOnce() -> T) -> (T, Vec<Id>) {
    ASKED.take();
    let result = f();
    (result, ASKED.take())
}

/// Code that is compiled for an image is about to ask for a slot of this method's context.
pub fn asked(context: &'static Method) {
    let owner = owner_of(context);
    ASKED.with_borrow_mut(|asked| {
        if !asked.contains(&owner) {
            asked.push(owner);
        }
    });
    if let Some(table) = table_of(owner) {
        table.number_once(|| number(context));
    }
}

/// Numbers what the methods of an owner look up.
fn number(context: &'static Method) {
    let methods = match (context.args.is_empty(), context.owner.assembly) {
        (true, Some(assembly)) => assembly.canonical_methods(context.owner.canon()),
        _ => Ok(vec![context]),
    };
    for m in methods.unwrap_or_default() {
        // Methods with arguments of their own have slots of their own; what cannot be compiled asks for nothing.
        if m.args.is_empty() == context.args.is_empty()
            && let Ok(body) = body::of(m)
        {
            let _ = tiers::baseline(&ClrEnv::default(), &body, None);
        }
    }
}

/// What shared code looks up in the context of an exact owner, as code of images numbers it.
pub fn entities(owner: &ContextOwner) -> Vec<Entity> {
    let method = match owner {
        ContextOwner::Method(m) => Some(m.code()),
        // Any method of the class that has no arguments of its own.
        ContextOwner::Class(t) => {
            let methods = t.canon().methods().unwrap_or_default();
            methods.iter().copied().find(|m| m.arity == 0)
        }
    };
    if let Some(m) = method {
        owner.slots().number_once(|| number(m));
    }
    owner.slots().entities()
}

/// What an owner's slots are, each as a symbol.
pub fn symbols(owner: Id) -> Vec<Symbol> {
    let entities = table_of(owner).map(SlotTable::entities);
    entities
        .unwrap_or_default()
        .into_iter()
        .map(symbol_of)
        .collect()
}

/// Makes an owner's slots mean this. `false`: they mean something else already.
pub fn adopt(owner: Id, symbols: &[Symbol]) -> bool {
    let entities: Option<Vec<Entity>> = symbols.iter().map(|&s| entity_of(s)).collect();
    match (table_of(owner), entities) {
        (Some(table), Some(entities)) => table.adopt(&entities),
        _ => false,
    }
}

/// An entity as a symbol.
pub fn symbol_of(entity: Entity) -> Symbol {
    match entity {
        Entity::Vtable(t) => Symbol::Vtable(t),
        Entity::TypeHandle(t) => Symbol::TypeHandle(t),
        Entity::MethodHandle(m) => Symbol::MethodHandle(m),
        Entity::FieldHandle(f) => Symbol::VmData(f.raw() | FIELD_HANDLE_BIT),
        Entity::MethodEntry(m) => Symbol::MethodEntry(m),
        Entity::Statics(t) => Symbol::Statics(t),
        Entity::RefStatics(t) => Symbol::RefStatics(t),
        Entity::InitState(t) => Symbol::InitState(t),
        Entity::Context(m) => Symbol::GenericContext(m),
        Entity::Signature(s) => Symbol::Signature(s),
    }
}

fn entity_of(symbol: Symbol) -> Option<Entity> {
    Some(match symbol {
        Symbol::Vtable(t) => Entity::Vtable(t),
        Symbol::TypeHandle(t) => Entity::TypeHandle(t),
        Symbol::MethodHandle(m) => Entity::MethodHandle(m),
        Symbol::VmData(n) if n & FIELD_HANDLE_BIT != 0 => {
            Entity::FieldHandle(FieldId::from_raw(n & !FIELD_HANDLE_BIT)?)
        }
        Symbol::MethodEntry(m) => Entity::MethodEntry(m),
        Symbol::Statics(t) => Entity::Statics(t),
        Symbol::RefStatics(t) => Entity::RefStatics(t),
        Symbol::InitState(t) => Entity::InitState(t),
        Symbol::GenericContext(m) => Entity::Context(m),
        Symbol::Signature(s) => Entity::Signature(s),
        _ => return None,
    })
}
