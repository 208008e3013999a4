//! Tokens and signatures of an assembly to types, methods and fields.

use super::error::{LoadError, LoadErrorKind, Result};
use super::generics::Scope;
use super::member::{Field, Method, MethodKind, ResolvedSig, is_unmanaged};
use super::missing::{self, Missing, keep};
use super::modifiers;
use super::system::{Assembly, types};
use super::ty::{Type, TypeKey};
use crate::metadata::sig::{CallConv, MAX_DEPTH, MemberSig, MethodSig, SigType};
use crate::metadata::{Row, TableId, Token};
use rustc_hash::FxHashMap;

/// Types that refer to more TypeSpec rows than this, row by row, are refused. Compilers refer to none from another one.
const MAX_SPECS: u32 = 200;

impl Assembly {
    /// The assembly of an AssemblyRef row.
    pub fn assembly_ref(&self, rid: u32) -> Result<&'static Assembly> {
        let load = || {
            let row = self.image.assembly_ref(rid)?;
            let found = types().load_for(types().assembly(self.index).main(), row.name()?);
            found.map_err(|e| match e.stays() {
                true => e,
                false => {
                    missing::note(Missing::Reference(self.index, rid));
                    super::system::not_found(&crate::icalls::reference_name(row))
                }
            })
        };
        match self.assembly_refs.get(rid.wrapping_sub(1) as usize) {
            Some(cell) => keep(cell, load).copied(),
            None => load(),
        }
    }

    /// The module of a ModuleRef row: another file of the assembly.
    fn module_ref(&self, rid: u32) -> Result<&'static Assembly> {
        let name = self.image.module_ref(rid)?.name()?;
        types().load_module(types().assembly(self.index), name)
    }

    /// The type of a TypeDef, TypeRef or TypeSpec token.
    pub fn resolve_type(&self, token: Token, scope: Scope<'_>) -> Result<&'static Type> {
        match token.table() {
            Some(TableId::TypeDef) => self.type_def(token.rid()),
            Some(TableId::TypeRef) => self.type_ref(token.rid()),
            Some(TableId::TypeSpec) => {
                self.resolve_sig(&self.image.type_spec(token.rid())?.sig()?, scope)
            }
            _ => Err(self.bad_token(token, "a type")),
        }
    }

    fn bad_token(&self, token: Token, wanted: &str) -> LoadError {
        LoadError::new(
            LoadErrorKind::BadImage,
            format!("{}: token {token} is not {wanted}", self.image.name()),
        )
    }

    /// The type of a TypeRef row. What is not there yet is looked for again the next time.
    fn type_ref(&self, rid: u32) -> Result<&'static Type> {
        let Some(cell) = self.type_refs.get(rid.wrapping_sub(1) as usize) else {
            return self.load_type_ref(rid);
        };
        match &self.piece {
            None => keep(cell, || self.load_type_ref(rid)).copied(),
            Some(piece) => match cell.get() {
                Some(found) => found.clone(),
                None => {
                    let found = piece.type_ref(rid)?;
                    cell.get_or_init(|| Ok(found)).clone()
                }
            },
        }
    }

    fn load_type_ref(&self, rid: u32) -> Result<&'static Type> {
        let row = self.image.type_ref(rid)?;
        let (namespace, name) = (row.namespace()?, row.name()?);
        let scope = row.resolution_scope()?;
        let missing = |place: &str| {
            let dot = if namespace.is_empty() { "" } else { "." };
            LoadError::type_load(format!(
                "Could not load type '{namespace}{dot}{name}' from assembly '{place}'."
            ))
        };
        match scope.table() {
            Some(TableId::AssemblyRef) => {
                let a = self.assembly_ref(scope.rid())?;
                match a.find_type(namespace, name) {
                    Some(found) => Ok(found),
                    None => Err(a
                        .forwards(namespace, name)
                        .unwrap_or_else(|| missing(&a.name))),
                }
            }
            Some(TableId::TypeRef) => {
                self.nesting_ends(scope.rid())?;
                let outer = self.resolve_type(scope, Scope::EMPTY)?;
                let a = outer.assembly.ok_or_else(|| missing(&self.name))?;
                let nested = a.image.find_nested_type(outer.rid, namespace, name);
                a.type_def(nested.ok_or_else(|| missing(&a.name))?)
            }
            Some(TableId::ModuleRef) => {
                let module = self.module_ref(scope.rid())?;
                let found = module.image.find_type(namespace, name);
                module.type_def(found.ok_or_else(|| missing(&module.name))?)
            }
            _ => self
                .find_type(namespace, name)
                .ok_or_else(|| missing(&self.name)),
        }
    }

    /// Why the assembly that a type has moved to is not there, if that is so.
    fn forwards(&self, namespace: &str, name: &str) -> Option<LoadError> {
        let moved = self.image.find_exported_type(namespace, name)?;
        let scope = moved.implementation().ok()?;
        let is_other = scope.table() == Some(TableId::AssemblyRef);
        is_other.then(|| self.assembly_ref(scope.rid()).err())?
    }

    /// An error if a TypeRef row is nested in itself: its type would wait for itself.
    fn nesting_ends(&self, rid: u32) -> Result<()> {
        let mut outer = rid;
        for _ in 0..=self.type_refs.len() {
            let scope = self.image.type_ref(outer)?.resolution_scope()?;
            if scope.table() != Some(TableId::TypeRef) {
                return Ok(());
            }
            outer = scope.rid();
        }
        Err(LoadError::new(
            LoadErrorKind::BadImage,
            format!("{}: TypeRef {rid} is nested in itself", self.image.name()),
        ))
    }

    /// The type of a token in a signature.
    fn resolve_part(&self, token: Token, scope: Scope<'_>) -> Result<&'static Type> {
        if token.table() == Some(TableId::TypeSpec) {
            self.spec_size(token.rid(), 0, &mut FxHashMap::default())?;
        }
        self.resolve_type(token, scope)
    }

    /// How many TypeSpec rows a type is made of; an error if they are too many: a row may be part of itself, or twice of the next, which is twice of
    /// the next. `known` has those that were looked at.
    fn spec_size(&self, rid: u32, depth: u32, known: &mut FxHashMap<u32, u32>) -> Result<u32> {
        if let Some(&size) = known.get(&rid) {
            return Ok(size);
        }
        let mut size = 1u32;
        if depth < MAX_DEPTH {
            let mut parts = Vec::new();
            let sig = self.image.type_spec(rid)?.sig()?;
            sig.tokens(&mut |token| {
                parts.extend((token.table() == Some(TableId::TypeSpec)).then(|| token.rid()));
            });
            for part in parts {
                size = size.saturating_add(self.spec_size(part, depth + 1, known)?);
            }
        }
        if depth == MAX_DEPTH || size > MAX_SPECS {
            return Err(LoadError::new(
                LoadErrorKind::BadImage,
                format!("{}: TypeSpec {rid} is nested too deep", self.image.name()),
            ));
        }
        known.insert(rid, size);
        Ok(size)
    }

    /// A type of a signature.
    pub fn resolve_sig(&self, sig: &SigType, scope: Scope<'_>) -> Result<&'static Type> {
        let ts = types();
        let inner = |t: &SigType| self.resolve_sig(t, scope).map(|t| t.id);
        let param = |list: &[&'static Type], n: u32, open: TypeKey| match list.get(n as usize) {
            Some(&t) => Ok(t),
            None if list.is_empty() => ts.intern(open),
            None => Err(LoadError::new(
                LoadErrorKind::BadImage,
                format!("{}: no type parameter {n}", self.image.name()),
            )),
        };
        let key = match sig {
            SigType::Prim(p) => return Ok(ts.known.prim(*p)),
            SigType::Class(token) | SigType::ValueType(token) => {
                return self.resolve_part(*token, scope);
            }
            SigType::Var(n) => return param(scope.class, *n, TypeKey::Var(*n)),
            SigType::MVar(n) => return param(scope.method, *n, TypeKey::MVar(*n)),
            SigType::Ptr(t) => TypeKey::Ptr(inner(t)?),
            SigType::ByRef(t) => TypeKey::ByRef(inner(t)?),
            SigType::SzArray(t) => TypeKey::SzArray(inner(t)?),
            SigType::Array(a) => TypeKey::MdArray(inner(&a.element)?, a.rank),
            SigType::GenericInst(inst) => {
                let def = self.resolve_part(inst.definition, Scope::EMPTY)?;
                let args: Result<Box<[_]>> = inst.args.iter().map(inner).collect();
                let args = args?;
                if def.generic_arity() != args.len() {
                    return Err(LoadError::type_load(format!(
                        "{} with {} type arguments",
                        def.full_name(),
                        args.len()
                    )));
                }
                TypeKey::Inst(def.id, args)
            }
            SigType::FnPtr(m) => {
                let mut parts: Vec<_> = m.params.iter().map(inner).collect::<Result<_>>()?;
                parts.push(inner(&m.ret)?);
                TypeKey::FnPtr(parts.into())
            }
            SigType::Modified(m) => return self.resolve_sig(&m.ty, scope),
        };
        ts.intern(key)
    }

    /// A method signature.
    pub fn resolve_method_sig(&self, sig: &MethodSig, scope: Scope<'_>) -> Result<ResolvedSig> {
        Ok(ResolvedSig {
            has_this: sig.has_this && !sig.explicit_this,
            vararg: sig.call_conv == CallConv::VarArg,
            unmanaged: is_unmanaged(sig.call_conv),
            params: sig
                .params
                .iter()
                .map(|p| self.resolve_sig(p, scope))
                .collect::<Result<_>>()?,
            ret: self.resolve_sig(&sig.ret, scope)?,
            arity: sig.generic_params,
        })
    }

    /// The class of a TypeDef row as its own members mean it: inside a generic class they are named by their definitions, and
    /// mean those of this instantiation.
    fn owner_in(&self, rid: u32, scope: Scope<'_>) -> Result<&'static Type> {
        let owner = self.type_def(rid)?;
        if owner.is_generic_definition() && scope.class.len() == owner.generic_arity() {
            return types().instantiate(owner, scope.class);
        }
        Ok(owner)
    }

    /// The method of a MethodDef, MemberRef or MethodSpec token. Calls through a MemberRef with extra vararg types give the
    /// definition.
    pub fn resolve_method(&self, token: Token, scope: Scope<'_>) -> Result<&'static Method> {
        let ts = types();
        match token.table() {
            Some(TableId::MethodDef) => {
                let owner = self
                    .image
                    .declaring_type_of_method(token.rid())
                    .ok_or_else(|| self.bad_token(token, "a method"))?;
                let owner = self.owner_in(owner, scope)?;
                ts.method_of(owner, token.rid(), &[])
            }
            Some(TableId::MemberRef) => self.resolve_member_ref(token.rid(), scope),
            Some(TableId::MethodSpec) => {
                let row = self.image.method_spec(token.rid())?;
                let args: Vec<&'static Type> = row
                    .sig()?
                    .iter()
                    .map(|t| self.resolve_sig(t, scope))
                    .collect::<Result<_>>()?;
                let generic = self.resolve_method(row.method()?, scope)?;
                if generic.arity as usize != args.len() {
                    return Err(
                        self.bad_token(token, "an instantiation of the right number of arguments")
                    );
                }
                ts.methods.intern(generic.owner, generic.kind, &args)
            }
            _ => Err(self.bad_token(token, "a method")),
        }
    }

    /// The type that a MemberRef's parent token names.
    fn member_parent(&self, parent: Token, scope: Scope<'_>) -> Result<&'static Type> {
        match parent.table() {
            Some(TableId::TypeDef | TableId::TypeRef | TableId::TypeSpec) => {
                self.resolve_type(parent, scope)
            }
            Some(TableId::MethodDef) => {
                let owner = self.image.declaring_type_of_method(parent.rid());
                self.type_def(owner.ok_or_else(|| self.bad_token(parent, "a method"))?)
            }
            // Global functions of another module or this one: the `<Module>` type.
            Some(TableId::ModuleRef) => self.module_ref(parent.rid())?.type_def(1),
            _ => self.type_def(1),
        }
    }

    fn resolve_member_ref(&self, rid: u32, scope: Scope<'_>) -> Result<&'static Method> {
        let row = self.image.member_ref(rid)?;
        let name = row.name()?;
        let owner = self.member_parent(row.class()?, scope)?;
        let MemberSig::Method(sig) = row.sig()? else {
            return Err(self.bad_token(row.token(), "a method"));
        };
        if let TypeKey::MdArray(..) | TypeKey::SzArray(_) = owner.key {
            let kind = match name {
                ".ctor" => MethodKind::ArrayCtor(sig.params.len() as u32),
                "Get" => MethodKind::ArrayGet,
                "Set" => MethodKind::ArraySet,
                "Address" => MethodKind::ArrayAddress,
                _ => return self.find_method(types().known.array(), name, &sig),
            };
            return types().methods.intern(owner, kind, &[]);
        }
        self.find_method(owner, name, &sig)
    }

    /// Finds a method by name and signature (as written at the reference) in a type or its ancestors.
    fn find_method(
        &self,
        owner: &'static Type,
        name: &str,
        sig: &MethodSig,
    ) -> Result<&'static Method> {
        // The signature is written in terms of the owner's definition: `!0` is the owner's first argument.
        let fixed = sig.sentinel.map_or(sig.params.len(), |n| n as usize);
        let mut class = Some(owner);
        while let Some(ty) = class {
            let own = ty.scope();
            let mut found: Vec<&'static Method> = Vec::new();
            for &m in ty.methods()? {
                if m.name != name || m.arity != sig.generic_params || m.is_static() == sig.has_this
                {
                    continue;
                }
                let theirs = match m.sig() {
                    Err(_) if !found.is_empty() => continue,
                    theirs => theirs?,
                };
                if theirs.params.len() != fixed {
                    continue;
                }
                let same =
                    |a: &SigType, b: &'static Type| self.resolve_sig(a, own).is_ok_and(|a| a == b);
                if sig.params[..fixed]
                    .iter()
                    .zip(&theirs.params)
                    .all(|(a, b)| same(a, b))
                    && same(&sig.ret, theirs.ret)
                {
                    found.push(m);
                }
            }
            match found[..] {
                [] => class = ty.parent()?,
                [m] => return Ok(m),
                _ => return Ok(self.nearest(&found, sig)),
            }
        }
        if owner.is_interface() {
            for t in owner.interfaces()? {
                if let Ok(m) = self.find_method(t, name, sig) {
                    return Ok(m);
                }
            }
        }
        // Without one of its types the reference means nothing.
        for ty in sig.params[..fixed].iter().chain([&sig.ret]) {
            self.resolve_sig(ty, owner.scope())?;
        }
        Err(LoadError::new(
            LoadErrorKind::MissingMethod,
            format!(
                "Method not found: {}",
                self.describe_missing(owner, name, sig)
            ),
        ))
    }

    /// The one of several methods that a signature means which are alike in this instantiation: the one whose signature is the same in the
    /// generic type, then the one with the same modifiers.
    fn nearest(&self, found: &[&'static Method], sig: &MethodSig) -> &'static Method {
        let marks = modifiers::of_sig(self, sig, &[]);
        let likeness = |m: &Method| {
            let open = m
                .rid()
                .and_then(|rid| types().method_of(m.owner.definition(), rid, &[]).ok());
            let is = |a: &SigType, b| {
                self.resolve_sig(a, Scope::EMPTY)
                    .is_ok_and(|a: &Type| a == b)
            };
            let is_meant = open.and_then(|m| m.sig().ok()).is_some_and(|theirs| {
                let mut params = sig.params.iter().zip(&theirs.params);
                params.all(|(a, &b)| is(a, b)) && is(&sig.ret, theirs.ret)
            });
            let has_marks = open.is_some_and(|m| modifiers::of_method(m, &[]) == marks);
            (is_meant, has_marks)
        };
        let best = found.iter().map(|m| likeness(m)).max();
        let is_best = |m: &&&'static Method| Some(likeness(m)) == best;
        found.iter().find(is_best).expect("there are several")
    }

    fn describe_missing(&self, owner: &'static Type, name: &str, sig: &MethodSig) -> String {
        let ty = |t: &SigType| {
            self.resolve_sig(t, owner.scope())
                .map_or("?".to_owned(), |t| t.full_name())
        };
        let params: Vec<String> = sig.params.iter().map(ty).collect();
        format!(
            "{} {}.{name}({})",
            ty(&sig.ret),
            owner.full_name(),
            params.join(",")
        )
    }

    /// The field of a Field or MemberRef token.
    pub fn resolve_field(&self, token: Token, scope: Scope<'_>) -> Result<&'static Field> {
        let ts = types();
        match token.table() {
            Some(TableId::Field) => {
                let owner = self
                    .image
                    .declaring_type_of_field(token.rid())
                    .ok_or_else(|| self.bad_token(token, "a field"))?;
                let owner = self.owner_in(owner, scope)?;
                ts.field_of(owner, token.rid())
            }
            Some(TableId::MemberRef) => {
                let row = self.image.member_ref(token.rid())?;
                let name = row.name()?;
                let owner = self.member_parent(row.class()?, scope)?;
                let mut class = Some(owner);
                while let Some(ty) = class {
                    if let Some(f) = ty.field(name) {
                        return Ok(f);
                    }
                    class = ty.parent()?;
                }
                Err(LoadError::new(
                    LoadErrorKind::MissingField,
                    format!("Field not found: {}.{name}", owner.full_name()),
                ))
            }
            _ => Err(self.bad_token(token, "a field")),
        }
    }
}
