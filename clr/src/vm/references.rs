//! Asks the program for assemblies that are not found (`AppDomain.AssemblyResolve`), and tells it which were loaded (`AssemblyLoad`). See [`missing`]
//! for why this is done from outside of loading.

use super::cx::{Cx, Result, Value};
use super::offsets::offset_of;
use super::{process, reflect};
use crate::types::missing::{self, Missing};
use crate::types::system::{Assembly, not_found};
use crate::types::{self, types};
use isthmus_rt::object::Ref;
use std::sync::atomic::{AtomicU32, Ordering};

/// Does work that may need assemblies which only the program knows. It is done again when the program has said where they are, so it must do
/// nothing but load. Runs managed code: no locks may be held.
pub fn complete<T>(cx: &Cx<'_>, work: impl Fn() -> types::Result<T>) -> Result<T> {
    missing::take();
    loop {
        let made = work();
        let notes = missing::take();
        announce(cx);
        if notes.is_empty() || !ask(cx, notes)? {
            return made.map_err(|e| cx.load_error(&e));
        }
    }
}

/// Asks for what was missing; whether anything was found. What an assembly refers to is asked for once.
fn ask(cx: &Cx<'_>, notes: Vec<Missing>) -> Result<bool> {
    if !has_handlers(cx, "AssemblyResolve") {
        return Ok(false);
    }
    let mut any = false;
    for missing in notes {
        let (name, from) = match &missing {
            Missing::Reference(index, row) => {
                let from = types().assembly(*index);
                let row = from
                    .image
                    .assembly_ref(*row)
                    .map_err(types::LoadError::from);
                let name = row.map(crate::icalls::reference_name);
                (name.map_err(|e| cx.load_error(&e))?, Some(from))
            }
            Missing::Name(name) => (name.clone(), None),
        };
        let text = cx.string(&name)?;
        let answer = resolve(cx, text, from.map(Assembly::main))?;
        let found = match answer.is_null() {
            true => None,
            false => Some(reflect::assembly_of(cx, answer)?),
        };
        any |= found.is_some();
        match (missing, found) {
            (Missing::Reference(index, row), _) => {
                let meaning = found.ok_or_else(|| not_found(&name));
                types().assembly(index).settle(row, meaning);
            }
            (Missing::Name(name), Some(found)) => types().name(simple_name(&name), found),
            (Missing::Name(_), None) => {}
        }
    }
    Ok(any)
}

/// Raises `AppDomain.AssemblyLoad` for the assemblies that were loaded since the last time; what handlers throw is dropped.
pub fn announce(cx: &Cx<'_>) {
    static ANNOUNCED: AtomicU32 = AtomicU32::new(0);
    let count = types().assembly_count();
    if ANNOUNCED.load(Ordering::Relaxed) >= count {
        return;
    }
    let first = ANNOUNCED.fetch_max(count, Ordering::Relaxed);
    let (domain, class) = (process::domain(), types().known.app_domain());
    if !has_handlers(cx, "AssemblyLoad") {
        return;
    }
    let Some(raise) = class.method("DoAssemblyLoad", 1) else {
        return;
    };
    for a in (first..count).map(|index| types().assembly(index)) {
        if a.main() == a && a.piece.is_none() {
            let object = reflect::assembly_object(cx, a);
            let _ = object.and_then(|a| cx.invoke(raise, &[Value::Ref(domain), Value::Ref(a)]));
        }
    }
}

/// The simple name in a display name.
pub fn simple_name(display: &str) -> &str {
    display.split(',').next().unwrap_or("").trim()
}

/// Whether an event of the application domain has handlers.
fn has_handlers(cx: &Cx<'_>, event: &'static str) -> bool {
    let (domain, class) = (process::domain(), types().known.app_domain());
    let Ok(at) = offset_of(class, event) else {
        return false;
    };
    if domain.is_null() {
        return false;
    }
    let handlers: Ref = cx.read(domain, at);
    !handlers.is_null()
}

/// Asks the handlers of `AppDomain.AssemblyResolve` for an assembly that another one needs; null if they do not know either.
pub fn resolve(cx: &Cx<'_>, name: Ref, from: Option<&'static Assembly>) -> Result<Ref> {
    let domain = process::domain();
    let Some(m) = types().known.app_domain().method("DoAssemblyResolve", 3) else {
        return Ok(Ref::NULL);
    };
    let from = match from {
        Some(a) => reflect::assembly_object(cx, a)?,
        None => Ref::NULL,
    };
    let args = [
        Value::Ref(domain),
        Value::Ref(name),
        Value::Ref(from),
        Value::I32(0),
    ];
    let words = cx.invoke(m, &args)?;
    Ok(Ref::from_addr(words.first().map_or(0, |&w| w as usize)))
}
