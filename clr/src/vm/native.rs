//! Native functions behind methods: internal calls and foreign functions, numbered for `Symbol::Native`.

use super::dllmap::{self, Target};
use crate::body::{self, Implementation};
use crate::icalls;
use crate::metadata::{ImplMapRow, TableId, Token};
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Result};
use isthmus_interop::library::Library;
use std::path::Path;
use std::sync::Mutex;

/// A native function and the method that it is behind. No address: it was not looked for, since code with it runs elsewhere.
type Numbered = (Option<usize>, &'static Method);

static NUMBERED: Mutex<Vec<Numbered>> = Mutex::new(Vec::new());

fn add(function: Numbered) -> u32 {
    let mut list = NUMBERED.lock().unwrap_or_else(|e| e.into_inner());
    list.push(function);
    list.len() as u32 - 1
}

fn numbered(n: u32) -> Option<Numbered> {
    let list = NUMBERED.lock().unwrap_or_else(|e| e.into_inner());
    list.get(n as usize).copied()
}

/// The address of a number.
pub fn address(n: u32) -> Option<usize> {
    numbered(n)?.0
}

/// The method that the function with this number is behind: an internal call or a P/Invoke.
pub fn method_behind(n: u32) -> Option<&'static Method> {
    Some(numbered(n)?.1)
}

/// The number of the function behind a method.
pub fn function(m: &'static Method) -> Result<u32> {
    match body::implementation(m) {
        Implementation::InternalCall => internal_call(m),
        _ => p_invoke(m),
    }
}

/// A number for the function behind a method in code that does not run in this process: nothing is looked for.
pub fn elsewhere(m: &'static Method) -> Result<u32> {
    if body::implementation(m) == Implementation::PInvoke {
        import_of(m)?;
    }
    Ok(add((None, m)))
}

/// Methods by the addresses of their functions.
static INTERNAL: Mutex<Vec<(usize, &'static Method)>> = Mutex::new(Vec::new());

/// The internal call whose function this is.
pub fn internal_call_at(address: usize) -> Option<&'static Method> {
    let list = INTERNAL.lock().unwrap_or_else(|e| e.into_inner());
    list.iter().find(|e| e.0 == address).map(|e| e.1)
}

/// The number of an internal call's function.
fn internal_call(m: &'static Method) -> Result<u32> {
    match icalls::find(m) {
        Some(entry) => {
            let address = (entry.address)();
            if matches!(m.kind, MethodKind::Def(_)) {
                let mut list = INTERNAL.lock().unwrap_or_else(|e| e.into_inner());
                list.push((address, m));
            }
            Ok(add((Some(address), m)))
        }
        None => Err(LoadError::new(
            LoadErrorKind::MissingMethod,
            format!("the runtime has no internal call {}", m.full_name()),
        )),
    }
}

/// Names the program itself as the library.
const PROGRAM: &str = "__Internal";

/// The metadata of a P/Invoke method.
pub fn import_of(m: &'static Method) -> Result<ImplMapRow<'static>> {
    let none = || {
        LoadError::new(
            LoadErrorKind::EntryPointNotFound,
            format!("{} names no native function", m.full_name()),
        )
    };
    let a = m.assembly().ok_or_else(none)?;
    let token = Token::new(TableId::MethodDef, m.rid().ok_or_else(none)?);
    a.image.impl_map_of(token)?.ok_or_else(none)
}

/// The number of a P/Invoke's function.
pub fn p_invoke(m: &'static Method) -> Result<u32> {
    let map = import_of(m)?;
    let a = m
        .assembly()
        .expect("methods with an import have an assembly");
    let named = a.image.module_ref(map.import_scope()?)?.name()?;
    let target = dllmap::target(a, named, map.import_name()?);
    let entry = target.function.as_str();
    if matches!(named, "System.Native" | "libSystem.Native")
        && let Some(address) = icalls::system_native::find(entry)
    {
        return Ok(add((Some(address), m)));
    }
    let handle = load(&target, a.path.parent())
        .ok_or_else(|| LoadError::new(LoadErrorKind::DllNotFound, missing(named)))?;
    // The variants `A` and `W` of a function are tried as Mono does: the wide one before the plain name, the other after it.
    use crate::metadata::{CharSet, PInvokeAttributes};
    let plain = || handle.symbol(entry);
    let variant = |suffix| handle.symbol(&format!("{entry}{suffix}"));
    let found = match map.flags().char_set() {
        _ if map.flags().contains(PInvokeAttributes::NO_MANGLE) => plain(),
        CharSet::Unicode => variant("W").or_else(plain),
        CharSet::Auto => plain(),
        _ => plain().or_else(|| variant("A")),
    };
    found
        .map(|address| add((Some(address), m)))
        .ok_or_else(|| LoadError::new(LoadErrorKind::EntryPointNotFound, missing(entry)))
}

/// Mono's text for a library or function that is not there.
fn missing(name: &str) -> String {
    format!("{name} assembly:<unknown assembly> type:<unknown type> member:(null)")
}

/// Loads a library by the name that a program gives it: as mapped, in the assembly's directory, in the usual places.
fn load(target: &Target, beside: Option<&Path>) -> Option<Library> {
    let file = target.library.as_str();
    if file == PROGRAM {
        return Library::program().ok();
    }
    let open = |name: &str| Library::open(name).ok();
    let stem = file.strip_suffix(".dll").unwrap_or(file);
    let names = [
        file.to_owned(),
        format!("{stem}.so"),
        format!("lib{file}"),
        format!("lib{stem}.so"),
    ];
    let local = beside.filter(|_| !target.is_mapped && !file.contains('/'));
    let local = local.and_then(|dir| {
        names
            .iter()
            .map(|name| dir.join(name))
            .filter(|path| path.is_file())
            .find_map(|path| open(path.to_str()?))
    });
    local.or_else(|| names.iter().find_map(|name| open(name)))
}
