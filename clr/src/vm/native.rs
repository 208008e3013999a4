//! Native functions behind methods: internal calls and P/Invokes, numbered for `Symbol::Native`.

use crate::icalls;
use crate::types::{LoadError, LoadErrorKind, Method, Result, TypeKey, types};
use isthmus_runtime_abi::types::MemTy;
use std::ffi::CString;
use std::sync::Mutex;

static ADDRESSES: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// The number of a native address.
fn number(address: usize) -> u32 {
    let mut list = ADDRESSES.lock().unwrap_or_else(|e| e.into_inner());
    list.push(address);
    list.len() as u32 - 1
}

/// The address of a number.
pub fn address(n: u32) -> Option<usize> {
    ADDRESSES
        .lock()
        .unwrap_or_else(|e| e.into_inner())
        .get(n as usize)
        .copied()
}

/// The number of an internal call's function.
pub fn internal_call(m: &'static Method) -> Result<u32> {
    match icalls::find(m) {
        Some(entry) => Ok(number((entry.address)())),
        None => Err(LoadError::new(
            LoadErrorKind::MissingMethod,
            format!("the runtime has no internal call {}", m.full_name()),
        )),
    }
}

/// Libraries by the names that class libraries use.
static LIBRARY_MAP: &[(&str, &str)] = &[
    ("System.Native", "libmono-native.so"),
    ("libSystem.Native", "libmono-native.so"),
    ("libc", "libc.so.6"),
    ("libm", "libm.so.6"),
    ("msvcrt", "libc.so.6"),
];

/// The number of a P/Invoke's function. Only signatures that need no marshalling are supported here.
pub fn p_invoke(m: &'static Method) -> Result<u32> {
    let missing = |kind, text: String| LoadError::new(kind, text);
    let a = m
        .assembly()
        .ok_or_else(|| missing(LoadErrorKind::EntryPointNotFound, m.full_name()))?;
    let token =
        crate::metadata::Token::new(crate::metadata::TableId::MethodDef, m.rid().unwrap_or(0));
    let map = a.image.impl_map_of(token)?.ok_or_else(|| {
        missing(
            LoadErrorKind::EntryPointNotFound,
            format!("{} names no native function", m.full_name()),
        )
    })?;
    let entry = map.import_name()?;
    let library = a.image.module_ref(map.import_scope()?)?.name()?;
    let sig = m.sig()?;
    for ty in sig.params.iter().chain(std::iter::once(&sig.ret)) {
        let blittable = match ty.mem_ty() {
            MemTy::Ref => false,
            MemTy::Struct(_) => ty.size_align()?.0 <= 8 && !ty.has_refs()?,
            MemTy::ByRef => match ty.key {
                TypeKey::ByRef(t) => !types().ty(t).has_refs()?,
                _ => true,
            },
            _ => true,
        };
        if !blittable {
            return Err(missing(
                LoadErrorKind::NotSupported,
                format!(
                    "P/Invoke {} needs marshalling of {}",
                    m.full_name(),
                    ty.full_name()
                ),
            ));
        }
    }
    if matches!(library, "System.Native" | "libSystem.Native")
        && let Some(address) = icalls::system_native::find(entry)
    {
        return Ok(number(address));
    }
    let file = LIBRARY_MAP
        .iter()
        .find(|l| l.0 == library)
        .map_or(library, |l| l.1);
    let names = [
        file.to_owned(),
        format!("lib{file}.so"),
        format!("{file}.so"),
    ];
    let handle = names.iter().find_map(|name| {
        let name = CString::new(name.as_str()).ok()?;
        // SAFETY: a C string; running a library's initializers is what loading it means.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY) };
        (!handle.is_null()).then_some(handle)
    });
    let handle = handle.ok_or_else(|| missing(LoadErrorKind::DllNotFound, library.to_owned()))?;
    let symbol = CString::new(entry)
        .map_err(|_| missing(LoadErrorKind::EntryPointNotFound, entry.to_owned()))?;
    // SAFETY: a handle from dlopen and a C string.
    let address = unsafe { libc::dlsym(handle, symbol.as_ptr()) } as usize;
    if address == 0 {
        return Err(missing(
            LoadErrorKind::EntryPointNotFound,
            format!("{entry} in {library}"),
        ));
    }
    Ok(number(address))
}
