//! Substitution and sharing of generic code.
//!
//! Code for instantiations over reference types is compiled once. Its type arguments are
//! `SharedVar(i)` (argument i of the class) and `SharedMVar(i)` (of the method), which are laid out as references.
//! The *canonical form* replaces each argument that is a reference type by its shared variable:
//!
//! ```text
//!  List<string>, List<object[]>      →  List<SharedVar0>
//!  Dictionary<string, int>           →  Dictionary<SharedVar0, int>
//!  List<KeyValuePair<string, int>>   →  itself (a value-type argument is never shared)
//!  Cache<int>.Get<string>            →  Cache<int>.Get<SharedMVar0>
//! ```
//!
//! In a shared body tokens resolve to types over the shared variables, so `TKey` and `TValue` stay apart although both
//! are references. What depends on one at run time is looked up in the generic context of the exact class or
//! method, where [`Scope::close`] substitutes the exact arguments.

use super::error::Result;
use super::member::Method;
use super::system::types;
use super::ty::{Type, TypeKey};

/// What generic parameters stand for. An empty list leaves parameters as they are.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// For `!n`.
    pub class: &'a [&'static Type],
    /// For `!!n`.
    pub method: &'a [&'static Type],
}

impl Scope<'_> {
    /// No substitution.
    pub const EMPTY: Scope<'static> = Scope {
        class: &[],
        method: &[],
    };

    /// Replaces shared variables in `ty` by this scope's arguments.
    pub fn close(&self, ty: &'static Type) -> Result<&'static Type> {
        if !ty.is_shared {
            return Ok(ty);
        }
        self.map(ty, &|key| match *key {
            TypeKey::SharedVar(n) => self.class.get(n as usize).copied(),
            TypeKey::SharedMVar(n) => self.method.get(n as usize).copied(),
            _ => None,
        })
    }

    /// Replaces open parameters in `ty` by this scope's arguments.
    pub fn substitute(&self, ty: &'static Type) -> Result<&'static Type> {
        if !ty.is_open || (self.class.is_empty() && self.method.is_empty()) {
            return Ok(ty);
        }
        self.map(ty, &|key| match *key {
            TypeKey::Var(n) => self.class.get(n as usize).copied(),
            TypeKey::MVar(n) => self.method.get(n as usize).copied(),
            _ => None,
        })
    }

    fn map(
        &self,
        ty: &'static Type,
        leaf: &dyn Fn(&TypeKey) -> Option<&'static Type>,
    ) -> Result<&'static Type> {
        let ts = types();
        let inner = |id| self.map(ts.ty(id), leaf);
        let key = match &ty.key {
            TypeKey::Inst(def, args) => {
                let args: Result<Box<[_]>> = args.iter().map(|&a| inner(a).map(|t| t.id)).collect();
                TypeKey::Inst(*def, args?)
            }
            TypeKey::SzArray(e) => TypeKey::SzArray(inner(*e)?.id),
            TypeKey::MdArray(e, r) => TypeKey::MdArray(inner(*e)?.id, *r),
            TypeKey::Ptr(e) => TypeKey::Ptr(inner(*e)?.id),
            TypeKey::ByRef(e) => TypeKey::ByRef(inner(*e)?.id),
            TypeKey::FnPtr(parts) => {
                let parts: Result<Box<[_]>> =
                    parts.iter().map(|&p| inner(p).map(|t| t.id)).collect();
                TypeKey::FnPtr(parts?)
            }
            // A generic definition named without arguments inside its own body means itself over its parameters.
            other => return Ok(leaf(other).unwrap_or(ty)),
        };
        ts.intern(key)
    }

    /// The method of the exact instantiation that `m`, met in shared code, stands for.
    pub fn close_method(&self, m: &'static Method) -> Result<&'static Method> {
        let owner = self.close(m.owner)?;
        let args: Result<Vec<_>> = m.args.iter().map(|t| self.close(t)).collect();
        types().methods.intern(owner, m.kind, &args?)
    }
}

impl Type {
    /// What generic parameters in its members stand for.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            class: &self.args,
            method: &[],
        }
    }
}

/// The canonical form of a type.
pub fn canonical(ty: &'static Type) -> &'static Type {
    let TypeKey::Inst(def, args) = &ty.key else {
        return ty;
    };
    let ts = types();
    let shared: Box<[_]> = args
        .iter()
        .enumerate()
        .map(|(i, &a)| {
            if ts.ty(a).is_reference() {
                ts.shared_var(i as u32).id
            } else {
                a
            }
        })
        .collect();
    ts.intern(TypeKey::Inst(*def, shared)).unwrap_or(ty)
}

/// The method whose code an instantiation shares.
pub fn canonical_method(m: &'static Method) -> &'static Method {
    let ts = types();
    let owner = m.owner.canon();
    let args: Vec<&'static Type> = m
        .args
        .iter()
        .enumerate()
        .map(|(i, a)| {
            if a.is_reference() {
                ts.shared_mvar(i as u32)
            } else {
                a
            }
        })
        .collect();
    if owner == m.owner && args.iter().zip(m.args.iter()).all(|(a, b)| a == b) {
        return m;
    }
    ts.methods.intern(owner, m.kind, &args).unwrap_or(m)
}

impl Method {
    /// Whether its code is shared between instantiations (this is then the canonical method).
    pub fn is_shared(&self) -> bool {
        self.owner.is_shared || self.args.iter().any(|a| a.is_shared)
    }

    /// Whether code can be compiled for it: all arguments known or shared.
    pub fn is_closed(&self) -> bool {
        !self.owner.is_open && !self.is_generic_definition() && self.args.iter().all(|a| !a.is_open)
    }
}

impl super::system::Assembly {
    /// Every type definition of the assembly in a form that code can be compiled for: generic ones over shared variables (`int` where
    /// a constraint asks for a value type).
    pub fn canonical_types(&'static self) -> impl Iterator<Item = Result<&'static Type>> {
        let count = self.image.tables().rows(crate::metadata::TableId::TypeDef);
        (1..=count).map(|rid| {
            let def = self.type_def(rid)?;
            if !def.is_generic_definition() {
                return Ok(def);
            }
            let token = crate::metadata::Token::new(crate::metadata::TableId::TypeDef, rid);
            let args = self.stand_in_args(token, |n| types().shared_var(n));
            types().instantiate(def, &args)
        })
    }

    /// The methods of a type from [`Self::canonical_types`] in a form that code can be compiled for.
    pub fn canonical_methods(&'static self, ty: &'static Type) -> Result<Vec<&'static Method>> {
        ty.methods()?
            .iter()
            .map(|&m| {
                let Some(rid) = m.rid().filter(|_| m.arity > 0) else {
                    return Ok(m);
                };
                let token = crate::metadata::Token::new(crate::metadata::TableId::MethodDef, rid);
                let args = self.stand_in_args(token, |n| types().shared_mvar(n));
                types().methods.intern(ty, m.kind, &args)
            })
            .collect()
    }

    fn stand_in_args(
        &self,
        owner: crate::metadata::Token,
        shared: impl Fn(u32) -> &'static Type,
    ) -> Vec<&'static Type> {
        use crate::metadata::GenericParamAttributes as G;
        self.image
            .generic_params(owner)
            .enumerate()
            .map(|(n, p)| {
                if p.flags().contains(G::NOT_NULLABLE_VALUE_TYPE_CONSTRAINT) {
                    types().known.int32()
                } else {
                    shared(n as u32)
                }
            })
            .collect()
    }
}
