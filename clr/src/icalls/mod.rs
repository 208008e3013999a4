//! Internal calls: the native methods of the class library.
//!
//! One module for each group of classes, each with a table made by [`icalls!`]; [`find`] looks a method up in all of
//! them. A missing one throws MissingMethodException that names it.
//!
//! ```text
//! icalls! { "System.Array" {
//!     "GetLength" => get_length [array: Ref, dimension: i32] -> i32;
//! } }
//! fn get_length(cx: &Cx, array: Ref, dimension: i32) -> Result<i32> { … }
//! ```
//!
//! The function takes one Rust argument for each argument word of the managed signature, `this` first: see [`Arg`]
//! for the types. Overloads are told apart by parameter types: `"Exchange(int&,int)"`, with C# keyword names for primitives and simple names
//! for other types; such entries are tried before the plain name.

pub mod abi;
#[macro_use]
mod table;

mod array;
mod assembly;
mod constant;
mod culture;
mod environment;
mod gc;
pub mod handle;
mod invoke;
mod io;
mod math;
mod member;
mod names;
mod object;
mod runtime_type;
mod string;
mod threading;
mod time;
mod trace;
mod value;

pub use abi::{Arg, Ret};
pub use table::Entry;

use crate::types::{Kind, Method, Type, TypeKey};
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// The tables of all modules.
static TABLES: &[&[table::Class]] = &[
    array::TABLE,
    assembly::TABLE,
    culture::TABLE,
    environment::TABLE,
    gc::TABLE,
    invoke::TABLE,
    io::TABLE,
    math::TABLE,
    member::TABLE,
    object::TABLE,
    runtime_type::TABLE,
    string::TABLE,
    threading::TABLE,
    time::TABLE,
    trace::TABLE,
    value::TABLE,
];

/// The native code of an internal call.
pub fn find(m: &Method) -> Option<&'static Entry> {
    static INDEX: OnceLock<FxHashMap<(&'static str, &'static str), &'static Entry>> =
        OnceLock::new();
    let index = INDEX.get_or_init(|| {
        TABLES
            .iter()
            .flat_map(|t| t.iter())
            .flat_map(|class| class.entries.iter().map(move |e| ((class.name, e.name), e)))
            .collect()
    });
    let class = m.owner.qualified_name('/');
    let plain = index.get(&(class.as_str(), m.name)).copied();
    let sig = m.sig().ok()?;
    let params: Vec<String> = sig.params.iter().map(|t| short_name(t)).collect();
    let full = format!("{}({})", m.name, params.join(","));
    index
        .get(&(class.as_str(), full.as_str()))
        .copied()
        .or(plain)
}

/// Name of a type in a table: C# keyword or simple name.
fn short_name(t: &Type) -> String {
    use crate::metadata::sig::Prim;
    if let Some(p) = t.prim {
        return match p {
            Prim::Boolean => "bool",
            Prim::Char => "char",
            Prim::I1 => "sbyte",
            Prim::U1 => "byte",
            Prim::I2 => "short",
            Prim::U2 => "ushort",
            Prim::I4 => "int",
            Prim::U4 => "uint",
            Prim::I8 => "long",
            Prim::U8 => "ulong",
            Prim::R4 => "float",
            Prim::R8 => "double",
            Prim::I => "intptr",
            Prim::U => "uintptr",
            Prim::String => "string",
            Prim::Object => "object",
            Prim::Void => "void",
            Prim::TypedByRef => "typedref",
        }
        .to_owned();
    }
    let inner = || t.element().map(short_name).unwrap_or_default();
    match &t.key {
        TypeKey::SzArray(_) => inner() + "[]",
        TypeKey::MdArray(..) => inner() + "[,]",
        TypeKey::Ptr(_) => inner() + "*",
        TypeKey::ByRef(_) => inner() + "&",
        TypeKey::Var(n) | TypeKey::SharedVar(n) => format!("!{n}"),
        TypeKey::MVar(n) | TypeKey::SharedMVar(n) => format!("!!{n}"),
        _ if t.kind == Kind::Param => "T".to_owned(),
        _ => t.name().to_owned(),
    }
}
