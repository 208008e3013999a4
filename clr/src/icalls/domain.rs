//! `System.AppDomain`: its data and what it was set up with. There is one domain.

use crate::types::types;
use crate::vm::cx::Result;
use crate::vm::{Cx, heap, process};
use isthmus_rt::object::Ref;
use std::collections::HashMap;
use std::sync::Mutex;

icalls! {
    "System.AppDomain" {
        "GetData" => get_data [this: Ref, name: Ref] -> Ref;
        "SetData" => set_data [this: Ref, name: Ref, data: Ref] -> ();
        "getSetup" => setup [this: Ref] -> Ref;
    }
}

/// Handles of the objects that programs set, by name.
static DATA: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// The program's directory, with a slash at its end.
fn base_directory() -> String {
    let program = process::arguments().0;
    let program = std::path::absolute(program).unwrap_or_else(|_| program.to_owned());
    let dir = program.parent().map(|p| p.to_string_lossy().into_owned());
    let mut dir = dir.unwrap_or_default();
    if !dir.ends_with('/') {
        dir.push('/');
    }
    dir
}

fn get_data(cx: &Cx<'_>, _this: Ref, name: Ref) -> Result<Ref> {
    if name.is_null() {
        return Err(cx.argument_null("name"));
    }
    let name = cx.text(name);
    if name == "APPBASE" {
        return cx.string(&base_directory());
    }
    let data = DATA.lock().unwrap_or_else(|e| e.into_inner());
    let handle = data.as_ref().and_then(|d| d.get(&name).copied());
    Ok(handle.map_or(Ref::NULL, heap::from_handle))
}

fn set_data(cx: &Cx<'_>, _this: Ref, name: Ref, object: Ref) -> Result<()> {
    if name.is_null() {
        return Err(cx.argument_null("name"));
    }
    let name = cx.text(name);
    // Made before the lock is taken: it may collect.
    let handle = (!object.is_null()).then(|| heap::strong_handle(object));
    let mut data = DATA.lock().unwrap_or_else(|e| e.into_inner());
    let data = data.get_or_insert_default();
    // The handle of the value before stays: others may be reading it.
    match handle {
        Some(handle) => data.insert(name, handle),
        None => data.remove(&name),
    };
    Ok(())
}

fn setup(cx: &Cx<'_>, _this: Ref) -> Result<Ref> {
    let class = types().corlib().find_type("System", "AppDomainSetup");
    let class =
        class.ok_or_else(|| cx.exception("System", "TypeLoadException", "AppDomainSetup"))?;
    let object = cx.alloc(class)?;
    let program = process::arguments().0;
    let program = std::path::absolute(program).unwrap_or_else(|_| program.to_owned());
    let base = cx.string(&base_directory())?;
    cx.write_ref(object, cx.offset_of(class, "application_base"), base);
    let config = cx.string(&format!("{}.config", program.display()))?;
    cx.write_ref(object, cx.offset_of(class, "configuration_file"), config);
    Ok(object)
}
