//! Asks the program for assemblies that are not found: `AppDomain.AssemblyResolve` (see [`missing`] for why this is done from outside).

use super::cx::{Cx, Result, Value};
use super::offsets::offset_of;
use super::{process, reflect};
use crate::types::missing::{self, Missing};
use crate::types::system::{Assembly, not_found};
use crate::types::{self, types};
use isthmus_rt::object::Ref;

/// Does work that may need assemblies which only the program knows. It is done again when the program has said where they are, so it must do
/// nothing but load. Runs managed code: no locks may be held.
pub fn complete<T>(cx: &Cx<'_>, work: impl Fn() -> types::Result<T>) -> Result<T> {
    missing::take();
    loop {
        let made = work();
        let notes = missing::take();
        if notes.is_empty() || !ask(cx, notes)? {
            return made.map_err(|e| cx.load_error(&e));
        }
    }
}

/// Asks for what was missing; whether anything was found. What an assembly refers to is asked for once.
fn ask(cx: &Cx<'_>, notes: Vec<Missing>) -> Result<bool> {
    if !has_handlers(cx) {
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

/// The simple name in a display name.
pub fn simple_name(display: &str) -> &str {
    display.split(',').next().unwrap_or("").trim()
}

fn has_handlers(cx: &Cx<'_>) -> bool {
    let (domain, class) = (process::domain(), types().known.app_domain());
    let Ok(at) = offset_of(class, "AssemblyResolve") else {
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
