//! Internal calls: the native methods of the class library.
//!
//! One module for each group of classes, each with a table made by `icalls!`; [`find`] looks a method up in all of
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
pub(crate) mod assembly;
mod assembly_name;
mod attribute;
mod attribute_data;
mod builders;
mod constant;
mod culture;
mod delegate_async;
mod domain;
mod emit;
mod environment;
mod find_files;
mod gc;
pub mod handle;
mod host;
mod invoke;
mod io;
mod locale;
mod marshal;
mod marshal_info;
mod math;
mod member;
mod method_body;
mod names;
mod normalization;
mod object;
mod processes;
mod property;
mod random;
mod runtime_type;
mod selector;
mod sharing;
mod sockets;
mod string;
mod structures;
pub mod system_native;
mod terminal;
pub(crate) mod threading;
mod time;
mod tokens;
mod trace;
mod value;
mod varargs;
pub(crate) mod waiting;

pub use abi::{Arg, Ret};
pub use attribute::wraps_foreign_exceptions;
pub(crate) use names::{
    assembly_name, public_key_token, qualified_type_name, reference_name, sha1,
};
pub(crate) use property::property_type;
pub use table::Entry;

use crate::types::{Kind, Method, Type, TypeKey};
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// The tables of all modules.
static TABLES: &[&[table::Class]] = &[
    array::TABLE,
    assembly::TABLE,
    assembly_name::TABLE,
    attribute::TABLE,
    attribute_data::TABLE,
    builders::TABLE,
    culture::TABLE,
    delegate_async::TABLE,
    emit::TABLE,
    domain::TABLE,
    environment::TABLE,
    find_files::TABLE,
    gc::TABLE,
    host::TABLE,
    invoke::TABLE,
    io::TABLE,
    locale::TABLE,
    marshal::TABLE,
    marshal_info::TABLE,
    math::TABLE,
    member::TABLE,
    method_body::TABLE,
    normalization::TABLE,
    object::TABLE,
    processes::TABLE,
    property::TABLE,
    random::TABLE,
    runtime_type::TABLE,
    selector::TABLE,
    sockets::TABLE,
    string::TABLE,
    structures::TABLE,
    terminal::TABLE,
    threading::TABLE,
    time::TABLE,
    tokens::TABLE,
    trace::TABLE,
    value::TABLE,
    varargs::TABLE,
    waiting::TABLE,
];

/// Methods with code of the library that entries here replace: class and name.
const REPLACED: &[(&str, &str)] = &[
    ("System.Text.Normalization", "Normalize"),
    ("System.Text.Normalization", "IsNormalized"),
];

/// Whether an entry here takes the place of a method's code.
pub fn replaces(m: &Method) -> bool {
    m.owner.assembly.is_some_and(|a| a.is_corlib())
        && REPLACED.iter().any(|&(class, name)| {
            name == m.name && class == m.owner.qualified_name('/') && find(m).is_some()
        })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::types;
    use isthmus_runtime_abi::types::MemTy;

    /// Rust types that a location of this type may be passed as.
    fn rust_types(t: &Type) -> &'static [&'static str] {
        match t.mem_ty() {
            MemTy::Ref => &["Ref"],
            MemTy::F32 => &["f32"],
            MemTy::F64 => &["f64"],
            MemTy::I64 => &["i64", "u64"],
            MemTy::I8 | MemTy::U8 => &["bool", "i8", "u8"],
            MemTy::I16 | MemTy::U16 => &["i16", "u16"],
            MemTy::I32 => &["i32", "u32"],
            MemTy::Struct(_) => &["usize"],
            _ => &["usize", "isize"],
        }
    }

    /// What is wrong with a method's entry.
    fn mismatch(m: &Method, entry: &Entry) -> Option<String> {
        let sig = m.sig().ok()?;
        let this: &[_] = if m.owner.is_value() {
            &["usize"]
        } else {
            &["Ref"]
        };
        let this = sig.has_this.then_some(this);
        let params = this
            .into_iter()
            .chain(sig.params.iter().map(|t| rust_types(t)));
        let expected: Vec<_> = params.collect();
        let fits = expected.len() == entry.types.0.len()
            && expected
                .iter()
                .zip(entry.types.0)
                .all(|(e, t)| e.contains(t));
        let ret = if sig.ret.is_void() {
            &["()"][..]
        } else {
            rust_types(sig.ret)
        };
        (!fits || !ret.contains(&entry.types.1)).then(|| {
            let (args, result) = entry.types;
            format!(
                "{}: takes {expected:?} -> {ret:?}, table has {args:?} -> {result}",
                m.full_name()
            )
        })
    }

    /// Classes whose entries serve made bodies or other assemblies than mscorlib.
    const ELSEWHERE: &[(&str, &str)] = &[
        ("System.Object", "DelegateInit"),
        ("System.Object", "DelegateBegin"),
        ("System.Object", "DelegateEnd"),
        ("System.Object", "ArrayNew"),
        ("System.Object", "ArrayNewMany"),
        ("System.Object", "ArrayCheckStore"),
        ("System.Object", "ArrayCheckExact"),
        ("System.Object", "MarshalBefore"),
        ("System.Object", "MarshalAfter"),
        ("System.Object", "MarshalResult"),
        ("System.Object", "MarshalEnter"),
        ("System.Object", "MarshalLeave"),
        ("System.Object", "MarshalGive"),
        ("System.Diagnostics.Stopwatch", "GetTimestamp"),
        ("System.Threading.Semaphore", "CreateSemaphore_icall"),
        ("System.Threading.Semaphore", "ReleaseSemaphore_internal"),
    ];

    /// Classes of System.dll and System.Configuration.dll.
    const NOT_OF_MSCORLIB: &[&str] = &[
        "System.Diagnostics.Process",
        "System.IO.FileSystemWatcher",
        "System.IOSelector",
        "System.Net.Sockets.Socket",
        "System.Net.Dns",
        "System.Configuration.InternalConfigurationHost",
        "System.Configuration.DefaultConfig",
        "Microsoft.Win32.NativeMethods",
    ];

    #[test]
    fn tables_agree_with_mscorlib() {
        let bcl = crate::vm::run::class_library(None);
        if !bcl.join("mscorlib.dll").is_file() {
            eprintln!("no class library: nothing to compare with");
            return;
        }
        crate::vm::run::start_types(&bcl.join("none.exe"), Some(&bcl)).unwrap();
        let corlib = types().corlib();
        let mut wrong = Vec::new();
        for class in TABLES.iter().flat_map(|t| t.iter()) {
            let mut path = class.name.split('/');
            let outer = path.next().unwrap();
            let (namespace, name) = outer.rsplit_once('.').unwrap_or(("", outer));
            let mut ty = corlib.find_type(namespace, name);
            for inner in path {
                ty = ty.and_then(|t| {
                    let mut nested = corlib
                        .image
                        .nested_types(t.rid)
                        .filter_map(|r| corlib.type_def(r).ok());
                    nested.find(|n| n.name() == inner)
                });
            }
            for entry in class.entries {
                if ELSEWHERE.contains(&(class.name, entry.name))
                    || NOT_OF_MSCORLIB.contains(&class.name)
                {
                    continue;
                }
                let methods = ty.map_or(&[][..], |t| t.methods().unwrap());
                let own: Vec<_> = methods
                    .iter()
                    .copied()
                    .filter(|m| find(m).is_some_and(|found| std::ptr::eq(found, entry)))
                    .filter(|m| {
                        let flag = crate::metadata::MethodImplAttributes::INTERNAL_CALL;
                        m.impl_flags.contains(flag) || replaces(m)
                    })
                    .collect();
                if own.is_empty() {
                    wrong.push(format!(
                        "{}::{}: no such internal call",
                        class.name, entry.name
                    ));
                }
                wrong.extend(own.iter().filter_map(|m| mismatch(m, entry)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
