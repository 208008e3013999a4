//! `System.Reflection.Module`: what tokens mean, and facts of the file.

use super::handle::{assembly_at, type_at};
use crate::emit::members::{MethodObject, method_object};
use crate::emit::objects::{Fields, TypeShape, classes, shape};
use crate::emit::registry::BuiltType;
use crate::metadata::sig::MemberSig;
use crate::metadata::{Cell, CliHeader, TableId, Token};
use crate::types::generics::Scope;
use crate::types::system::Assembly;
use crate::types::{Field, LoadError, Method, Type, types};
use crate::vm::cx::Result;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.Reflection.RuntimeModule" {
        "ResolveTypeToken" => resolve_type [module: usize, token: i32, type_args: Ref, method_args: Ref, error: usize] -> usize;
        "ResolveMethodToken" => resolve_method [module: usize, token: i32, type_args: Ref, method_args: Ref, error: usize] -> usize;
        "ResolveFieldToken" => resolve_field [module: usize, token: i32, type_args: Ref, method_args: Ref, error: usize] -> usize;
        "ResolveMemberToken" => resolve_member [module: usize, token: i32, type_args: Ref, method_args: Ref, error: usize] -> Ref;
        "ResolveStringToken" => resolve_string [module: usize, token: i32, error: usize] -> Ref;
        "ResolveSignature" => resolve_signature [module: usize, token: i32, error: usize] -> Ref;
        "GetGlobalType" => global_type [module: usize] -> Ref;
        "GetMDStreamVersion" => stream_version [module: usize] -> i32;
        "GetPEKind" => pe_kind [module: usize, kind: usize, machine: usize] -> ();
        "GetHINSTANCE" => no_instance [module: usize] -> usize;
    }
}

/// `ResolveTokenError`.
#[derive(Clone, Copy)]
enum Failure {
    OutOfRange = 0,
    BadTable = 1,
    Other = 2,
}

/// Why a token gives nothing: a failure that the library tells about, or a load error to be thrown.
enum Unresolved {
    Failure(Failure),
    Load(LoadError),
}

impl From<Failure> for Unresolved {
    fn from(failure: Failure) -> Self {
        Unresolved::Failure(failure)
    }
}

impl From<LoadError> for Unresolved {
    fn from(error: LoadError) -> Self {
        Unresolved::Load(error)
    }
}

type Resolved<T> = std::result::Result<T, Unresolved>;

/// Gives the result of a look-up, or `none` with the failure in the library's variable.
fn answer<T>(cx: &Cx<'_>, found: Resolved<T>, none: T, error: usize) -> Result<T> {
    match found {
        Ok(found) => Ok(found),
        Err(Unresolved::Failure(failure)) => {
            // SAFETY: the address of the caller's variable.
            unsafe { *(error as *mut i32) = failure as i32 };
            Ok(none)
        }
        Err(Unresolved::Load(e)) => Err(cx.load_error(&e)),
    }
}

fn module_at(cx: &Cx<'_>, module: usize) -> Result<&'static Assembly> {
    assembly_at(module).ok_or_else(|| cx.null_reference())
}

/// The types in an array of handles; none in no array.
fn arguments(cx: &Cx<'_>, handles: Ref) -> Vec<&'static Type> {
    if handles.is_null() {
        return Vec::new();
    }
    let at = |i| cx.data(handles) + i * size_of::<usize>();
    (0..cx.length(handles))
        // SAFETY: elements of an array of native integers.
        .filter_map(|i| type_at(unsafe { *(at(i) as *const usize) }))
        .collect()
}

/// Whether the row of a token is there.
fn check(a: &Assembly, token: Token, tables: &[TableId]) -> Resolved<()> {
    match token.table() {
        Some(table) if tables.contains(&table) => {}
        _ => return Err(Failure::BadTable.into()),
    }
    match a.image.token_exists(token) {
        true => Ok(()),
        false => Err(Failure::OutOfRange.into()),
    }
}

const TYPES: &[TableId] = &[TableId::TypeDef, TableId::TypeRef, TableId::TypeSpec];
const METHODS: &[TableId] = &[TableId::MethodDef, TableId::MethodSpec, TableId::MemberRef];
const FIELDS: &[TableId] = &[TableId::Field, TableId::MemberRef];

/// Whether a MemberRef is a field.
fn names_field(a: &Assembly, token: Token) -> Resolved<bool> {
    if token.table() != Some(TableId::MemberRef) {
        return Ok(token.table() == Some(TableId::Field));
    }
    let row = a.image.member_ref(token.rid()).map_err(LoadError::from)?;
    let sig = row.sig().map_err(LoadError::from)?;
    Ok(matches!(sig, MemberSig::Field(_)))
}

/// What a token of a module means; of one under construction, what the program gave it for.
fn type_of(
    cx: &Cx<'_>,
    a: &'static Assembly,
    token: Token,
    scope: Scope<'_>,
) -> Result<Resolved<&'static Type>> {
    if let Some(object) = built_object(a, token) {
        if !cx.type_of(object).is_assignable_to(reflect::type_class()) {
            return Ok(Err(Failure::BadTable.into()));
        }
        return Ok(match shape(cx, object)? {
            TypeShape::Runtime(t) => Ok(t),
            TypeShape::Builder(b) => match BuiltType::of(cx, b)?.created.get() {
                Some(t) => Ok(*t),
                None => Err(Failure::Other.into()),
            },
            _ => Err(Failure::Other.into()),
        });
    }
    Ok(check(a, token, TYPES).and_then(|()| Ok(a.resolve_type(token, scope)?)))
}

fn method_of(
    cx: &Cx<'_>,
    a: &'static Assembly,
    token: Token,
    scope: Scope<'_>,
) -> Result<Resolved<&'static Method>> {
    if let Some(object) = built_object(a, token) {
        return Ok(match method_object(cx, object) {
            Ok(MethodObject::Runtime(m)) => Ok(m),
            Ok(MethodObject::Builder) => {
                let handle = Fields::of(cx, object)?.get("mhandle")?;
                super::handle::method_at(handle).ok_or(Failure::Other.into())
            }
            _ => Err(Failure::Other.into()),
        });
    }
    Ok(
        check(a, token, METHODS).and_then(|()| match names_field(a, token)? {
            true => Err(Failure::BadTable.into()),
            false => Ok(a.resolve_method(token, scope)?),
        }),
    )
}

fn field_of(
    cx: &Cx<'_>,
    a: &'static Assembly,
    token: Token,
    scope: Scope<'_>,
) -> Result<Resolved<&'static Field>> {
    if let Some(object) = built_object(a, token) {
        let class = cx.type_of(object);
        if class == classes().field_builder {
            let handle = Fields::of(cx, object)?.get("handle")?;
            return Ok(super::handle::field_at(handle).ok_or(Failure::Other.into()));
        }
        if class.is_assignable_to(types().known.runtime_field_info()) {
            return Ok(Ok(reflect::field_of(cx, object)?.0));
        }
        return Ok(Err(Failure::BadTable.into()));
    }
    Ok(
        check(a, token, FIELDS).and_then(|()| match names_field(a, token)? {
            false => Err(Failure::BadTable.into()),
            true => Ok(a.resolve_field(token, scope)?),
        }),
    )
}

/// What a module under construction gave a token for.
fn built_object(a: &Assembly, token: Token) -> Option<Ref> {
    Some(a.built.get()?.object(token.raw())?.0)
}

macro_rules! by_handle {
    ($name:ident, $find:ident) => {
        fn $name(
            cx: &Cx<'_>,
            module: usize,
            token: i32,
            type_args: Ref,
            method_args: Ref,
            error: usize,
        ) -> Result<usize> {
            let (class, method) = (arguments(cx, type_args), arguments(cx, method_args));
            let scope = Scope {
                class: &class,
                method: &method,
            };
            let token = Token::from_raw(token as u32);
            let found = $find(cx, module_at(cx, module)?, token, scope)?;
            answer(cx, found.map(super::handle::of), 0, error)
        }
    };
}

by_handle!(resolve_type, type_of);
by_handle!(resolve_method, method_of);
by_handle!(resolve_field, field_of);

fn resolve_member(
    cx: &Cx<'_>,
    module: usize,
    token: i32,
    type_args: Ref,
    method_args: Ref,
    error: usize,
) -> Result<Ref> {
    let a = module_at(cx, module)?;
    let (class, method) = (arguments(cx, type_args), arguments(cx, method_args));
    let scope = Scope {
        class: &class,
        method: &method,
    };
    let token = Token::from_raw(token as u32);
    if let Some(object) = built_object(a, token) {
        return Ok(object);
    }
    let is_field = match token.table() {
        Some(TableId::MemberRef) if a.image.token_exists(token) => {
            answer(cx, names_field(a, token), false, error)?
        }
        table => table == Some(TableId::Field),
    };
    let object = match token.table() {
        Some(table) if TYPES.contains(&table) => match type_of(cx, a, token, scope)? {
            Ok(ty) => Ok(reflect::type_object(cx, ty)?),
            Err(e) => Err(e),
        },
        _ if is_field => match field_of(cx, a, token, scope)? {
            Ok(f) => Ok(reflect::field_object(cx, f, f.owner)?),
            Err(e) => Err(e),
        },
        _ => match method_of(cx, a, token, scope)? {
            Ok(m) => Ok(reflect::method_object(cx, m, m.owner)?),
            Err(e) => Err(e),
        },
    };
    answer(cx, object, Ref::NULL, error)
}

fn resolve_string(cx: &Cx<'_>, module: usize, token: i32, error: usize) -> Result<Ref> {
    let a = module_at(cx, module)?;
    let token = Token::from_raw(token as u32);
    if let Some(text) = a.built.get().and_then(|m| m.text(token.raw())) {
        return cx.string_utf16(&text);
    }
    if !token.is_user_string() {
        return answer(cx, Err(Failure::BadTable.into()), Ref::NULL, error);
    }
    match a.image.user_string(token) {
        Ok(text) => cx.string_utf16(&text.units().collect::<Vec<_>>()),
        Err(_) => answer(cx, Err(Failure::OutOfRange.into()), Ref::NULL, error),
    }
}

fn resolve_signature(cx: &Cx<'_>, module: usize, token: i32, error: usize) -> Result<Ref> {
    let a = module_at(cx, module)?;
    let token = Token::from_raw(token as u32);
    let found = check(a, token, &[TableId::StandAloneSig]);
    let found = found.and_then(|()| {
        let cell = a.image.cell(TableId::StandAloneSig, token.rid(), 0);
        match cell.map_err(LoadError::from)? {
            Cell::Blob(blob) => Ok(blob),
            _ => Err(Failure::Other.into()),
        }
    });
    match answer(cx, found.map(Some), None, error)? {
        Some(blob) => super::string::byte_array(cx, blob),
        None => Ok(Ref::NULL),
    }
}

/// The type that holds global members.
fn global_type(cx: &Cx<'_>, module: usize) -> Result<Ref> {
    let a = module_at(cx, module)?;
    let ty = a.type_def(1).map_err(|e| cx.load_error(&e))?;
    reflect::type_object(cx, ty)
}

fn stream_version(_cx: &Cx<'_>, _module: usize) -> Result<i32> {
    const VERSION_2_0: i32 = 0x2_0000;
    Ok(VERSION_2_0)
}

fn pe_kind(cx: &Cx<'_>, module: usize, kind: usize, machine: usize) -> Result<()> {
    /// Bits of `PortableExecutableKinds`.
    const IL_ONLY: i32 = 1;
    const REQUIRED_32_BIT: i32 = 2;
    const PE32_PLUS: i32 = 4;
    let pe = module_at(cx, module)?.image.pe();
    let has = |flag: u32, bit: i32| if pe.cli.flags & flag != 0 { bit } else { 0 };
    let wide = matches!(pe.machine, 0x8664 | 0x200);
    let kinds = has(CliHeader::IL_ONLY, IL_ONLY)
        | has(CliHeader::REQUIRES_32_BIT, REQUIRED_32_BIT)
        | if wide { PE32_PLUS } else { 0 };
    // SAFETY: the addresses of the caller's variables.
    unsafe {
        *(kind as *mut i32) = kinds;
        *(machine as *mut i32) = i32::from(pe.machine);
    }
    Ok(())
}

/// Files are not mapped as Windows maps them: what it gives for a module that is not in memory.
fn no_instance(_cx: &Cx<'_>, _module: usize) -> Result<usize> {
    Ok(usize::MAX)
}
