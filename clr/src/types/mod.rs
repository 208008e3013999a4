//! The type system: what the loaded assemblies define, instantiated.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`arena`] | interning: structural keys to ids to `&'static` items |
//! | [`error`] | why a type or member cannot be loaded, and which exception that is |
//! | [`missing`] | assemblies that were not found |
//! | [`system`] | the type system as a whole; well-known types |
//! | [`ty`] | a type: key, parent, interfaces, relations |
//! | [`generics`] | substitution, sharing (canonical forms), generic contexts' keys |
//! | [`member`] | methods and fields |
//! | [`modifiers`] | custom modifiers in signatures of methods |
//! | [`params`] | generic parameters as reflection shows them |
//! | `constraints` | which arguments generic parameters allow |
//! | [`resolve`] | tokens and signatures of a module to types and members |
//! | [`layout`] | sizes and field offsets |
//! | [`vtable`] | virtual slots, overrides, interface implementations |
//! | [`cast`] | assignability, variance |
//! | [`access`] | who may use what |
//! | [`names`] | names of types and methods for messages, dumps and reflection |
//!
//! Items are interned for the life of the process and referred to as `&'static`; derived data is
//! computed once (again while an assembly is [`missing`]), on demand, behind `OnceLock`s. No computation of one kind asks for the same kind of the
//! same item again (instance layout looks at instance fields only, a vtable at the parent's vtable …).

pub mod access;
pub mod arena;
pub mod cast;
mod constraints;
pub mod error;
pub mod generics;
pub mod layout;
pub mod member;
pub mod missing;
pub mod modifiers;
pub mod names;
pub mod params;
pub mod resolve;
pub mod system;
pub mod ty;
pub mod vtable;

pub use error::{LoadError, LoadErrorKind, Result};
pub use member::{Field, Method, MethodKind};
pub use system::{TypeSystem, types};
pub use ty::{Kind, Type, TypeKey};
