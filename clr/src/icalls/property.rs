//! Properties and events in reflection.

use super::constant;
use super::handle::{type_at, type_of_object};
use super::member::{Filter, access};
use super::string::pointer_array;
use crate::metadata::{MethodSemanticsAttributes as S, TableId, Token};
use crate::types::{Method, Type, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

icalls! {
    "System.RuntimeType" {
        "GetPropertiesByName_native" => properties [this: Ref, name: usize, flags: i32, list: i32] -> usize;
        "GetEvents_native" => events [this: Ref, name: usize, list: i32] -> usize;
    }
    "System.Reflection.RuntimePropertyInfo" {
        "internal_from_handle_type" => property_from_handle [property: usize, ty: usize] -> Ref;
        "get_property_info" => property_info [property: Ref, info: usize, wanted: i32] -> ();
        "get_default_value" => default_value [property: Ref] -> Ref;
        "get_metadata_token" => token_of [property: Ref] -> i32;
    }
    "System.Reflection.EventInfo" {
        "internal_from_handle_type" => event_from_handle [event: usize, ty: usize] -> Ref;
    }
    "System.Reflection.RuntimeEventInfo" {
        "get_event_info" => event_info [event: Ref, info: usize] -> ();
        "get_metadata_token" => token_of [event: Ref] -> i32;
    }
}

/// A property or event of a type; its address is the handle.
pub(super) struct Property {
    /// Declaring type, instantiated.
    pub(super) owner: &'static Type,
    /// Row of Property or Event.
    pub(super) token: Token,
    pub(super) name: &'static str,
    attributes: i32,
    /// Accessors with what they are for.
    methods: Vec<(S, &'static Method)>,
}

impl Property {
    fn method(&self, role: S) -> Option<&'static Method> {
        self.methods
            .iter()
            .find(|(s, _)| s.contains(role))
            .map(|m| m.1)
    }
}

type PropertyKey = (u32, u32);

/// Name and type of a `RuntimePropertyInfo`.
pub(crate) fn property_type(cx: &Cx<'_>, object: Ref) -> Result<(String, &'static Type)> {
    let (p, _) = property_behind(cx, object)?;
    let thrown = |e| cx.load_error(&e);
    let missing = || crate::types::LoadError::type_load(format!("{} is no property", p.name));
    let a = p.owner.assembly.ok_or_else(missing).map_err(thrown)?;
    let row = a
        .image
        .property(p.token.rid())
        .map_err(|e| cx.load_error(&e.into()))?;
    let sig = row.sig().map_err(|e| cx.load_error(&e.into()))?;
    let ty = a.resolve_sig(&sig.ty, p.owner.scope()).map_err(thrown)?;
    Ok((p.name.to_owned(), ty))
}

/// The property or event of a token, made once for each type.
fn property_of(cx: &Cx<'_>, owner: &'static Type, token: Token) -> Result<&'static Property> {
    static MADE: Mutex<Option<FxHashMap<PropertyKey, &'static Property>>> = Mutex::new(None);
    let key = (owner.id.raw(), token.raw());
    if let Some(&found) = MADE.lock().get_or_insert_default().get(&key) {
        return Ok(found);
    }
    let image = &owner
        .assembly
        .expect("properties belong to definitions")
        .image;
    let read = || -> crate::metadata::Result<(&'static str, i32)> {
        Ok(if token.table() == Some(TableId::Event) {
            let row = image.event(token.rid())?;
            (row.name()?, i32::from(row.flags().bits()))
        } else {
            let row = image.property(token.rid())?;
            (row.name()?, i32::from(row.flags().bits()))
        })
    };
    let (name, attributes) = read().map_err(|e| cx.load_error(&e.into()))?;
    let mut methods = Vec::new();
    for &m in owner.methods().map_err(|e| cx.load_error(&e))? {
        let Some(rid) = m.rid() else { continue };
        let row = image
            .method_def(rid)
            .map_err(|e| cx.load_error(&e.into()))?;
        for s in row
            .semantics()
            .filter(|s| s.association().is_ok_and(|a| a == token))
        {
            methods.push((s.semantics(), m));
        }
    }
    let made: &'static Property = Box::leak(Box::new(Property {
        owner,
        token,
        name,
        attributes,
        methods,
    }));
    Ok(MADE
        .lock()
        .get_or_insert_default()
        .entry(key)
        .or_insert(made))
}

/// The property or event of a handle.
pub(super) fn property_at(handle: usize) -> Option<&'static Property> {
    // SAFETY: the library gets handles only from `property_of`, which leaks.
    unsafe { (handle as *const Property).as_ref() }
}

/// Handles of the properties or events of a type that pass a filter; accessors say how visible they are.
fn list(cx: &Cx<'_>, ty: &'static Type, filter: &Filter, events: bool) -> Result<usize> {
    let mut found: Vec<&'static Property> = Vec::new();
    for class in filter.classes(ty) {
        let Some(a) = class.assembly else { continue };
        let thrown = |e: crate::metadata::MetadataError| cx.load_error(&e.into());
        let row = a.image.type_def(class.rid).map_err(thrown)?;
        let tokens: Vec<Token> = if events {
            row.events()
                .map_err(thrown)?
                .map(|rid| Token::new(TableId::Event, rid))
                .collect()
        } else {
            row.properties()
                .map_err(thrown)?
                .map(|rid| Token::new(TableId::Property, rid))
                .collect()
        };
        for token in tokens {
            let p = property_of(cx, class, token)?;
            let admitted = p
                .methods
                .iter()
                .any(|(_, m)| filter.admits(access(m), m.is_static(), class == ty));
            // An override in a nearer class hides the property of the same name and accessor slots.
            let hidden = found.iter().any(|f| {
                f.name == p.name
                    && f.methods.iter().any(|(_, m)| {
                        m.slot_in_owner().is_some()
                            && p.methods
                                .iter()
                                .any(|(_, o)| o.slot_in_owner() == m.slot_in_owner())
                    })
            });
            if admitted && !hidden && filter.has_name(p.name) {
                found.push(p);
            }
        }
    }
    Ok(pointer_array(
        found
            .into_iter()
            .map(|p| std::ptr::from_ref(p) as usize)
            .collect(),
    ))
}

fn properties(cx: &Cx<'_>, this: Ref, name: usize, flags: i32, kind: i32) -> Result<usize> {
    let ty = type_of_object(cx, this)?;
    list(cx, ty, &Filter::new(name, flags, kind), false)
}

/// All events; the library filters them itself.
fn events(cx: &Cx<'_>, this: Ref, name: usize, kind: i32) -> Result<usize> {
    const ALL: i32 = 4 | 8 | 16 | 32;
    let ty = type_of_object(cx, this)?;
    list(cx, ty, &Filter::new(name, ALL, kind), true)
}

fn object(cx: &Cx<'_>, handle: usize, ty: usize, class: &'static Type, field: &str) -> Result<Ref> {
    let p = property_at(handle).ok_or_else(|| cx.null_reference())?;
    let through = type_at(ty).unwrap_or(p.owner);
    reflect::member_object((handle, through.id.raw()), || {
        let made = cx.alloc(class)?;
        let at = |name| offset_of(class, name).map_err(|e| cx.load_error(&e));
        cx.write(made, at("klass")?, std::ptr::from_ref(through) as usize);
        cx.write(made, at(field)?, handle);
        Ok(made)
    })
}

/// The `RuntimePropertyInfo` of a property that a class itself declares.
pub(super) fn declared_property(
    cx: &Cx<'_>,
    class: &'static Type,
    name: &str,
) -> Result<Option<Ref>> {
    let thrown = |e: crate::metadata::MetadataError| cx.load_error(&e.into());
    let Some(a) = class.assembly else {
        return Ok(None);
    };
    let row = a.image.type_def(class.rid).map_err(thrown)?;
    for rid in row.properties().map_err(thrown)? {
        let p = property_of(cx, class, Token::new(TableId::Property, rid))?;
        if p.name == name {
            let handle = std::ptr::from_ref(p) as usize;
            return property_from_handle(cx, handle, 0).map(Some);
        }
    }
    Ok(None)
}

fn property_from_handle(cx: &Cx<'_>, property: usize, ty: usize) -> Result<Ref> {
    object(
        cx,
        property,
        ty,
        types().known.runtime_property_info(),
        "prop",
    )
}

fn event_from_handle(cx: &Cx<'_>, event: usize, ty: usize) -> Result<Ref> {
    object(
        cx,
        event,
        ty,
        reflect::class("System.Reflection", "RuntimeEventInfo"),
        "handle",
    )
}

/// What a `RuntimePropertyInfo` or `RuntimeEventInfo` stands for, and the type it is reflected through.
pub(super) fn property_behind(
    cx: &Cx<'_>,
    object: Ref,
) -> Result<(&'static Property, &'static Type)> {
    if object.is_null() {
        return Err(cx.null_reference());
    }
    let class = cx.type_of(object);
    let field = if class == types().known.runtime_property_info() {
        "prop"
    } else {
        "handle"
    };
    let at = |name| offset_of(class, name).map_err(|e| cx.load_error(&e));
    let p = property_at(cx.read(object, at(field)?));
    let through = type_at(cx.read(object, at("klass")?));
    p.zip(through).ok_or_else(|| cx.null_reference())
}

/// Stores a reference or an int into the structures that the library passes.
struct Info<'a> {
    cx: &'a Cx<'a>,
    at: usize,
    class: &'static Type,
}

impl Info<'_> {
    fn place(&self, name: &str) -> Result<usize> {
        offset_of(self.class, name)
            .map(|o| self.at + o as usize)
            .map_err(|e| self.cx.load_error(&e))
    }

    fn reference(&self, name: &str, value: Ref) -> Result<()> {
        self.cx.store_by_ref(self.place(name)?, value);
        Ok(())
    }

    fn method(&self, name: &str, m: Option<&'static Method>, through: &'static Type) -> Result<()> {
        let object = m.map_or(Ok(Ref::NULL), |m| {
            reflect::method_object(self.cx, m, through)
        })?;
        self.reference(name, object)
    }

    fn int(&self, name: &str, value: i32) -> Result<()> {
        // SAFETY: a field of the structure.
        unsafe { (self.place(name)? as *mut i32).write_unaligned(value) };
        Ok(())
    }
}

/// Fills what `wanted` (`PInfo`) asks for in a `MonoPropertyInfo`.
fn property_info(cx: &Cx<'_>, property: Ref, info: usize, wanted: i32) -> Result<()> {
    let (p, through) = property_behind(cx, property)?;
    let info = Info {
        cx,
        at: info,
        class: reflect::class("System.Reflection", "MonoPropertyInfo"),
    };
    let wants = |bit: i32| wanted & bit != 0;
    if wants(1) {
        info.int("attrs", p.attributes)?;
    }
    if wants(2) {
        info.method("get_method", p.method(S::GETTER), through)?;
    }
    if wants(4) {
        info.method("set_method", p.method(S::SETTER), through)?;
    }
    if wants(8) {
        info.reference("parent", reflect::type_object(cx, through)?)?;
    }
    if wants(16) {
        info.reference("declaring_type", reflect::type_object(cx, p.owner)?)?;
    }
    if wants(32) {
        info.reference("name", cx.string(p.name)?)?;
    }
    Ok(())
}

/// Fills a `MonoEventInfo`.
fn event_info(cx: &Cx<'_>, event: Ref, info: usize) -> Result<()> {
    let (p, through) = property_behind(cx, event)?;
    let info = Info {
        cx,
        at: info,
        class: reflect::class("System.Reflection", "MonoEventInfo"),
    };
    info.reference("declaring_type", reflect::type_object(cx, p.owner)?)?;
    info.reference("reflected_type", reflect::type_object(cx, through)?)?;
    info.reference("name", cx.string(p.name)?)?;
    info.method("add_method", p.method(S::ADD_ON), through)?;
    info.method("remove_method", p.method(S::REMOVE_ON), through)?;
    info.method("raise_method", p.method(S::FIRE), through)?;
    info.int("attrs", p.attributes)?;
    let others: Vec<_> = p
        .methods
        .iter()
        .filter(|(s, _)| s.contains(S::OTHER))
        .collect();
    let list = if others.is_empty() {
        Ref::NULL
    } else {
        let list = cx.alloc_array(
            reflect::class("System.Reflection", "MethodInfo"),
            others.len(),
        )?;
        for (i, (_, m)) in others.into_iter().enumerate() {
            cx.set_element(list, i, reflect::method_object(cx, m, through)?);
        }
        list
    };
    info.reference("other_methods", list)
}

fn default_value(cx: &Cx<'_>, property: Ref) -> Result<Ref> {
    let (p, _) = property_behind(cx, property)?;
    let image = &p
        .owner
        .assembly
        .expect("properties belong to definitions")
        .image;
    let accessor = p.method(S::GETTER).map(|m| m.sig().map(|s| s.ret));
    let ty = accessor.transpose().map_err(|e| cx.load_error(&e))?;
    constant::of_token(cx, image, p.token, ty.unwrap_or(types().known.object()))
}

fn token_of(cx: &Cx<'_>, property: Ref) -> Result<i32> {
    Ok(property_behind(cx, property)?.0.token.raw() as i32)
}
