//! Virtual slots, overrides, and which method implements an interface method.

use super::error::Result;
use super::member::Method;
use super::ty::Type;
use super::{cast, modifiers, types};
use crate::metadata::MethodAttributes;
use rustc_hash::FxHashMap;
use std::sync::RwLock;

/// The virtual slots of a class.
#[derive(Debug, Default)]
pub struct VtablePlan {
    /// The method in each slot: the base class's slots first.
    pub slots: Vec<&'static Method>,
    /// Slot of each virtual method that the class itself declares, by MethodDef row.
    own: FxHashMap<u32, u32>,
    /// Class-level `.override`s of interface methods: (interface method, body).
    overrides: Vec<(&'static Method, &'static Method)>,
    /// Interface methods looked up so far.
    found: RwLock<FxHashMap<u32, Option<&'static Method>>>,
}

/// Whether `body` may override `decl` by name: same name, arity and signature, modifiers included.
pub(crate) fn overrides_by_name(body: &'static Method, decl: &'static Method) -> bool {
    if body.name != decl.name || body.arity != decl.arity {
        return false;
    }
    match (body.sig(), decl.sig()) {
        (Ok(a), Ok(b)) => {
            let same = a.params == b.params && a.ret == b.ret && a.has_this == b.has_this;
            same && modifiers::same(body, decl)
        }
        _ => false,
    }
}

/// Computes the slots of a class or value type. Interfaces number their own methods.
pub fn plan(ty: &'static Type) -> Result<VtablePlan> {
    let mut plan = VtablePlan::default();
    if let Some(parent) = ty.parent()? {
        plan.slots.clone_from(&parent.vtable()?.slots);
    }
    if ty.assembly.is_none() {
        return Ok(plan);
    }
    let methods = ty.methods()?;
    // Methods that differ in the generic type may be alike in an instantiation: which of them has which slot is decided there.
    let definition = match ty.definition() {
        it if it == ty => None,
        definition => Some(definition.vtable()?),
    };
    for &m in methods.iter().filter(|m| m.is_virtual()) {
        let known = || definition?.own.get(&m.rid()?).map(|&slot| slot as usize);
        let reuse = || -> Option<usize> {
            if m.flags.contains(MethodAttributes::NEW_SLOT) {
                return None;
            }
            // The most derived slot of that signature: later slots hide earlier ones.
            (0..plan.slots.len()).rev().find(|&i| {
                let old = plan.slots[i];
                !old.flags.contains(MethodAttributes::FINAL) && overrides_by_name(m, old)
            })
        };
        let old = match known() {
            Some(slot) => Some(slot).filter(|&slot| slot < plan.slots.len()),
            None => reuse(),
        };
        let slot = match old {
            Some(slot) => {
                plan.slots[slot] = m;
                slot
            }
            None => {
                plan.slots.push(m);
                plan.slots.len() - 1
            }
        };
        plan.own.insert(m.rid().unwrap_or(0), slot as u32);
    }
    for (decl, body) in ty.method_impls()? {
        if decl.owner.is_interface() {
            plan.overrides.push((decl, body));
        } else if let Some(slot) = decl.slot_in_owner()
            && let Some(entry) = plan.slots.get_mut(slot as usize)
        {
            *entry = body;
        }
    }
    Ok(plan)
}

impl Method {
    /// The generic definition in the same owner, for a generic method's instantiation.
    pub fn without_args(&self) -> Result<&'static Method> {
        types().methods.intern(self.owner, self.kind, &[])
    }

    /// The slot that a virtual method has in its own class.
    pub fn slot_in_owner(&self) -> Option<u32> {
        if !self.is_virtual() {
            return None;
        }
        self.owner
            .definition_or_self()
            .vtable()
            .ok()?
            .own
            .get(&self.rid()?)
            .copied()
    }

    /// The same generic method instantiation on another generic method definition.
    fn with_args_of(&'static self, other: &'static Method) -> &'static Method {
        if other.args.is_empty() {
            return self;
        }
        types()
            .methods
            .intern(self.owner, self.kind, &other.args)
            .unwrap_or(self)
    }
}

impl Type {
    /// The explicit overrides of the class: declaration and body.
    pub fn method_impls(&self) -> Result<Vec<(&'static Method, &'static Method)>> {
        let Some(a) = self.assembly else {
            return Ok(Vec::new());
        };
        let rows = a.image.type_def(self.rid)?.method_impls();
        rows.map(|row| {
            let method = |token| a.resolve_method(token, self.scope());
            Ok((method(row.declaration()?)?, method(row.body()?)?))
        })
        .collect()
    }

    fn definition_or_self(&self) -> &'static Type {
        types().ty(self.id)
    }

    /// The method that a virtual call of `m` (a class's or an interface's) reaches on an object of exactly this type.
    pub fn implementation_of(&'static self, m: &'static Method) -> Option<&'static Method> {
        if m.owner.is_interface() {
            return self.interface_implementation(m);
        }
        match m.slot_in_owner() {
            None => Some(m),
            Some(slot) => {
                let found = *self.vtable().ok()?.slots.get(slot as usize)?;
                Some(found.with_args_of(m))
            }
        }
    }

    /// The method that implements an interface method in this class.
    pub fn interface_implementation(&'static self, m: &'static Method) -> Option<&'static Method> {
        let plan = self.vtable().ok()?;
        let key = m.id.raw();
        if let Some(&known) = plan
            .found
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .get(&key)
        {
            return known;
        }
        let found = self.find_implementation(m);
        plan.found
            .write()
            .unwrap_or_else(|e| e.into_inner())
            .insert(key, found);
        found
    }

    /// The interface methods that objects of this class can be called through; `None` if they cannot be listed.
    pub fn interface_methods(&'static self) -> Option<Vec<&'static Method>> {
        // The interfaces of arrays are open: those of every type that the elements convert to.
        let all = self.interfaces().ok().filter(|_| !self.is_sz_array())?;
        let mut methods = Vec::new();
        for &interface in all {
            if cast::varies(interface) {
                return None;
            }
            methods.extend(interface.methods().ok()?.iter().filter(|m| m.is_virtual()));
        }
        Some(methods)
    }

    fn find_implementation(&'static self, m: &'static Method) -> Option<&'static Method> {
        let decl = m.without_args().ok()?;
        let body = self.find_for_interface(decl).or_else(|| {
            // Through a variant conversion: another instantiation of the same interface that the class implements.
            let all = self.interfaces().ok()?;
            let near = all.iter().find(|i| cast::variant_match(i, decl.owner))?;
            let other = types().methods.intern(near, decl.kind, &[]).ok()?;
            self.find_for_interface(other)
        })?;
        // A virtual body may be overridden further down.
        let last = match body.slot_in_owner() {
            Some(slot) if !body.owner.is_interface() => {
                *self.vtable().ok()?.slots.get(slot as usize)?
            }
            _ => body,
        };
        Some(last.with_args_of(m))
    }

    fn find_for_interface(&'static self, decl: &'static Method) -> Option<&'static Method> {
        if self.is_sz_array() {
            return crate::synth::arrays::interface_method(self, decl);
        }
        if let Some(found) = self.explicit_or_named(decl) {
            return Some(found);
        }
        match self.default_bodies(decl)[..] {
            [body] if !body.is_abstract() => Some(body),
            _ => None,
        }
    }

    /// The bodies that interfaces give a method of one of them, without those that a more derived interface replaces. More than
    /// one: which is meant cannot be told.
    pub fn default_bodies(&'static self, decl: &'static Method) -> Vec<&'static Method> {
        let Ok(all) = self.interfaces() else {
            return Vec::new();
        };
        let overrides = |i: &&'static Type| {
            let plan = i.vtable().ok()?;
            let (_, body) = plan.overrides.iter().find(|(d, _)| *d == decl)?;
            Some((*i, *body))
        };
        let own = (!decl.is_abstract() && all.contains(&decl.owner)).then_some((decl.owner, decl));
        let found: Vec<_> = own
            .into_iter()
            .chain(all.iter().filter_map(overrides))
            .collect();
        let is_replaced = |i: &'static Type| {
            let below = |j: &'static Type| j.interfaces().is_ok_and(|up| up.contains(&i));
            found.iter().any(|&(j, _)| below(j))
        };
        let kept = found.iter().filter(|(i, _)| !is_replaced(i));
        kept.map(|&(_, body)| body).collect()
    }

    /// The one of several methods of this class, alike in this instantiation, that is the same as the interface's in the generic class.
    fn named_alike(
        &'static self,
        found: &[&'static Method],
        decl: &'static Method,
    ) -> Option<&'static Method> {
        let definition = self.definition();
        let mut listed = self.declared_interfaces().ok()?.into_iter();
        let at = listed.position(|i| i == decl.owner)?;
        let interface = *definition.declared_interfaces().ok()?.get(at)?;
        let decl = types().methods.intern(interface, decl.kind, &[]).ok()?;
        let same = |m: &&&'static Method| {
            let open = m
                .rid()
                .and_then(|rid| types().method_of(definition, rid, &[]).ok());
            m.owner == self && open.is_some_and(|m| overrides_by_name(m, decl))
        };
        found.iter().find(same).copied()
    }

    fn explicit_or_named(&'static self, decl: &'static Method) -> Option<&'static Method> {
        let mut class = Some(self);
        while let Some(ty) = class {
            let plan = ty.vtable().ok()?;
            if let Some((_, body)) = plan.overrides.iter().find(|(d, _)| *d == decl) {
                return Some(body);
            }
            // A class that lists the interface (again) binds its methods by name, inherited ones too.
            let lists = ty.declared_interfaces().ok()?.iter().any(|i| {
                *i == decl.owner
                    || i.interfaces()
                        .is_ok_and(|inner| inner.contains(&decl.owner))
            });
            if lists {
                let by_name = std::iter::once(ty).chain(ty.ancestors()).find_map(|c| {
                    let is_it = |m: &&'static Method| {
                        m.is_virtual()
                            && m.flags.access() == crate::metadata::MemberAccess::Public
                            && overrides_by_name(m, decl)
                    };
                    let found: Vec<_> = c.methods().ok()?.iter().copied().filter(is_it).collect();
                    match found[..] {
                        [] | [_] => found.first().copied(),
                        _ => ty.named_alike(&found, decl).or(found.first().copied()),
                    }
                });
                if by_name.is_some() {
                    return by_name;
                }
            }
            class = ty.parent().ok()?;
        }
        None
    }
}
