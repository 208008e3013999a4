//! Declarations → ids: every name resolved, every constructed type interned.

use super::decl::{DeclKind, Decls, FieldDecl, MethodDecl, Pos, Suffix, TypeDecl, TypeSyntax};
use super::*;
use std::ops::Range;

/// A declaration that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{pos}: {message}")]
pub struct BuildError {
    /// Where.
    pub pos: Pos,
    /// What.
    pub message: String,
}

pub(super) fn fail<T>(pos: Pos, message: impl Into<String>) -> Result<T, BuildError> {
    Err(BuildError {
        pos,
        message: message.into(),
    })
}

/// A method whose body is still to be parsed: its tokens.
pub type Pending = (MethodId, Range<usize>);

/// Names and locations of the primitive types.
static PRIMITIVES: &[(&str, MemTy)] = &[
    ("bool", MemTy::U8),
    ("char", MemTy::U16),
    ("i8", MemTy::I8),
    ("u8", MemTy::U8),
    ("i16", MemTy::I16),
    ("u16", MemTy::U16),
    ("i32", MemTy::I32),
    ("u32", MemTy::I32),
    ("i64", MemTy::I64),
    ("u64", MemTy::I64),
    ("f32", MemTy::F32),
    ("f64", MemTy::F64),
    ("native", MemTy::Native),
    ("byref", MemTy::ByRef),
];

impl Module {
    /// A module with nothing but the primitive types.
    pub fn empty() -> Module {
        let first = TypeId::from_index(0);
        let mut module = Module {
            types: Vec::new(),
            fields: Vec::new(),
            methods: Vec::new(),
            sigs: Vec::new(),
            literals: Vec::new(),
            raises: Vec::new(),
            entry: None,
            policy: Policy::default(),
            by_name: FxHashMap::default(),
            functions: FxHashMap::default(),
            members: FxHashMap::default(),
            arrays: FxHashMap::default(),
            nullables: FxHashMap::default(),
            literal_ids: FxHashMap::default(),
            sig_ids: FxHashMap::default(),
            wellknown: WellKnown {
                object: first,
                string: first,
                array: first,
                exception: first,
                typed_reference: first,
            },
        };
        for &(name, mem) in PRIMITIVES {
            let kind = match mem {
                MemTy::ByRef => TypeKind::Pointer,
                _ => TypeKind::Value,
            };
            let flags = TypeFlags::SEALED | TypeFlags::BUILTIN;
            let id = module.new_type(name.to_string(), kind, flags);
            module.types[id.index()].mem = mem;
            module.by_name.insert(name.to_string(), id);
        }
        module
    }

    /// Adds declarations and gives the bodies to be parsed. `builtin`: they are the prelude's.
    pub fn add(&mut self, decls: &Decls, builtin: bool) -> Result<Vec<Pending>, BuildError> {
        let first_type = if builtin { 0 } else { self.types.len() };
        let mut ids = Vec::with_capacity(decls.types.len());
        for decl in &decls.types {
            ids.push(self.declare_type(decl, builtin)?);
        }
        if builtin {
            let find = |name| match self.by_name.get(name) {
                Some(&t) => Ok(t),
                None => fail(Pos::default(), format!("the prelude lacks {name}")),
            };
            self.wellknown = WellKnown {
                object: find("object")?,
                string: find("string")?,
                array: find("Array")?,
                exception: find("Exception")?,
                typed_reference: find("TypedReference")?,
            };
            let object = self.wellknown.object;
            for ty in &mut self.types {
                if ty.kind == TypeKind::Value {
                    ty.base = Some(object);
                }
            }
        }
        for (decl, &id) in decls.types.iter().zip(&ids) {
            self.resolve_bases(decl, id)?;
        }
        for (decl, &id) in decls.types.iter().zip(&ids) {
            self.check_cycle(decl, id)?;
        }
        let mut pending = Vec::new();
        for (decl, &id) in decls.types.iter().zip(&ids) {
            for field in &decl.fields {
                self.declare_field(field, id)?;
            }
            for method in &decl.methods {
                self.declare_method(method, Some(id), decl.kind, &mut pending)?;
            }
        }
        for function in &decls.functions {
            self.declare_method(function, None, DeclKind::Class, &mut pending)?;
        }
        let positions: FxHashMap<TypeId, Pos> = ids
            .iter()
            .copied()
            .zip(decls.types.iter().map(|d| d.pos))
            .collect();
        self.lay_out(first_type, &positions)?;
        Ok(pending)
    }

    /// Makes sure that every type has an array type, and sets the entry; after this the module is complete.
    pub fn complete(&mut self) -> Result<(), BuildError> {
        for i in 0..self.types.len() {
            if self.types[i].kind != TypeKind::Pointer {
                self.array_of_type(TypeId::from_index(i));
            }
        }
        self.entry = self.find_function("main");
        Ok(())
    }

    fn new_type(&mut self, name: String, kind: TypeKind, flags: TypeFlags) -> TypeId {
        let id = TypeId::from_index(self.types.len());
        self.types.push(TypeDef {
            name,
            kind,
            mem: match kind {
                TypeKind::Value | TypeKind::Nullable(_) => MemTy::Struct(id),
                TypeKind::Pointer => MemTy::Native,
                _ => MemTy::Ref,
            },
            flags,
            base: None,
            interfaces: Vec::new(),
            all_interfaces: Vec::new(),
            fields: Vec::new(),
            methods: Vec::new(),
            pack: 0,
            declared_size: 0,
            depth: 0,
            layout: Arc::default(),
            instance_size: 0,
            component_size: 0,
            refs: Vec::new(),
            vtable: Vec::new(),
            cctor: None,
            statics: Statics::default(),
        });
        id
    }

    fn declare_type(&mut self, decl: &TypeDecl, builtin: bool) -> Result<TypeId, BuildError> {
        if self.by_name.contains_key(&decl.name) {
            return fail(decl.pos, format!("type {} is declared twice", decl.name));
        }
        let kind = match decl.kind {
            DeclKind::Class => TypeKind::Class,
            DeclKind::Struct => TypeKind::Value,
            DeclKind::Interface => TypeKind::Interface,
        };
        let mut flags = decl.flags;
        flags.set(TypeFlags::BUILTIN, builtin);
        if decl.kind == DeclKind::Struct {
            flags |= TypeFlags::SEALED;
        }
        let id = self.new_type(decl.name.clone(), kind, flags);
        let ty = &mut self.types[id.index()];
        ty.pack = decl.pack;
        ty.declared_size = decl.size;
        self.by_name.insert(decl.name.clone(), id);
        Ok(id)
    }

    fn resolve_bases(&mut self, decl: &TypeDecl, id: TypeId) -> Result<(), BuildError> {
        let object = self.wellknown.object;
        let base = match (&decl.extends, decl.kind) {
            (Some(syntax), DeclKind::Class) => {
                let base = self.resolve(syntax)?;
                let def = self.ty(base);
                if def.kind != TypeKind::Class || def.flags.contains(TypeFlags::SEALED) {
                    return fail(syntax.pos, format!("{} cannot be a base class", def.name));
                }
                Some(base)
            }
            (Some(syntax), _) => return fail(syntax.pos, "only classes extend"),
            (None, DeclKind::Interface) => None,
            (None, _) => (id != object).then_some(object),
        };
        let mut interfaces = Vec::new();
        for syntax in &decl.implements {
            let i = self.resolve(syntax)?;
            if self.ty(i).kind != TypeKind::Interface {
                return fail(
                    syntax.pos,
                    format!("{} is not an interface", self.ty(i).name),
                );
            }
            interfaces.push(i);
        }
        let ty = &mut self.types[id.index()];
        ty.base = base;
        ty.interfaces = interfaces;
        Ok(())
    }

    fn check_cycle(&self, decl: &TypeDecl, id: TypeId) -> Result<(), BuildError> {
        let mut seen = vec![id];
        let mut work: Vec<TypeId> = Vec::new();
        let above = |t: TypeId, work: &mut Vec<TypeId>| {
            work.extend(self.ty(t).base);
            work.extend(&self.ty(t).interfaces);
        };
        above(id, &mut work);
        while let Some(t) = work.pop() {
            if t == id {
                return fail(decl.pos, format!("{} is its own ancestor", decl.name));
            }
            if !seen.contains(&t) {
                seen.push(t);
                above(t, &mut work);
            }
        }
        Ok(())
    }

    fn declare_field(&mut self, decl: &FieldDecl, owner: TypeId) -> Result<(), BuildError> {
        let ty = self.resolve(&decl.ty)?;
        let id = FieldId::from_index(self.fields.len());
        self.declare_member(owner, &decl.name, Member::Field(id), decl.pos)?;
        let explicit = self.ty(owner).flags.contains(TypeFlags::EXPLICIT);
        let instance = !decl.flags.contains(FieldFlags::STATIC);
        if instance && explicit != decl.offset.is_some() {
            return fail(
                decl.pos,
                "an explicit struct gives every field an offset, others give none",
            );
        }
        if instance && self.ty(owner).kind == TypeKind::Interface {
            return fail(decl.pos, "an interface has no instance fields");
        }
        if !instance && decl.offset.is_some() {
            return fail(decl.pos, "a static field has no offset");
        }
        let mem = self.ty(ty).mem;
        if mem == MemTy::ByRef && !(instance && self.is_value(owner)) {
            return fail(decl.pos, "a managed pointer cannot be in the heap");
        }
        self.new_field(decl.name.clone(), owner, ty, decl.flags, decl.offset);
        Ok(())
    }

    fn new_field(
        &mut self,
        name: String,
        owner: TypeId,
        ty: TypeId,
        flags: FieldFlags,
        offset: Option<u32>,
    ) {
        let id = FieldId::from_index(self.fields.len());
        self.members
            .insert((owner, name.clone()), Member::Field(id));
        self.fields.push(FieldDef {
            name,
            owner,
            ty,
            mem: self.ty(ty).mem,
            flags,
            declared_offset: offset,
            place: FieldPlace::Instance(0),
        });
        self.types[owner.index()].fields.push(id);
    }

    fn declare_method(
        &mut self,
        decl: &MethodDecl,
        owner: Option<TypeId>,
        kind: DeclKind,
        pending: &mut Vec<Pending>,
    ) -> Result<(), BuildError> {
        let mut flags = decl.flags;
        if owner.is_none() {
            flags |= MethodFlags::STATIC;
        }
        if kind == DeclKind::Interface && !flags.contains(MethodFlags::STATIC) {
            flags |= MethodFlags::VIRTUAL | MethodFlags::ABSTRACT;
        }
        if flags.intersects(MethodFlags::OVERRIDE | MethodFlags::ABSTRACT) {
            flags |= MethodFlags::VIRTUAL;
        }
        let bodyless = flags.intersects(MethodFlags::ABSTRACT | MethodFlags::EXTERN);
        if bodyless == decl.body.is_some() {
            let what = if bodyless { "must not have" } else { "needs" };
            return fail(decl.pos, format!("{} {what} a body", decl.name));
        }
        if flags.contains(MethodFlags::STATIC)
            && flags.intersects(MethodFlags::VIRTUAL | MethodFlags::CTOR)
        {
            return fail(decl.pos, format!("{} cannot be static", decl.name));
        }
        if flags.contains(MethodFlags::CTOR) && kind == DeclKind::Interface {
            return fail(decl.pos, "an interface has no constructors");
        }
        let mut params = Vec::with_capacity(decl.params.len());
        let mut sig = Signature::default();
        if flags.contains(MethodFlags::VARARG) {
            if flags.contains(MethodFlags::EXTERN) {
                return fail(
                    decl.pos,
                    format!("the host has no vararg function {}", decl.name),
                );
            }
            sig.conv = CallConv::ManagedVarArg;
        }
        if let Some(owner) = owner.filter(|_| !flags.contains(MethodFlags::STATIC)) {
            sig.has_this = true;
            sig.params.push(if self.is_value(owner) {
                MemTy::ByRef
            } else {
                MemTy::Ref
            });
        }
        for (syntax, name) in &decl.params {
            let ty = self.resolve(syntax)?;
            params.push((name.clone(), ty));
            sig.params.push(self.ty(ty).mem);
        }
        let ret = decl.ret.as_ref().map(|r| self.resolve(r)).transpose()?;
        sig.ret = ret.map(|t| self.ty(t).mem);
        let intrinsic = match &decl.intrinsic {
            None => None,
            Some(name) => match Intrinsic::ALL.iter().find(|i| i.name() == name) {
                Some(i) => Some(*i),
                None => return fail(decl.pos, format!("there is no intrinsic {name}")),
            },
        };
        let id = MethodId::from_index(self.methods.len());
        match owner {
            Some(t) => self.declare_member(t, &decl.name, Member::Method(id), decl.pos)?,
            None => {
                if self.functions.insert(decl.name.clone(), id).is_some() {
                    return fail(
                        decl.pos,
                        format!("function {} is declared twice", decl.name),
                    );
                }
            }
        }
        self.methods.push(MethodDef {
            name: decl.name.clone(),
            owner,
            flags,
            params,
            ret,
            sig: Arc::new(sig),
            slot: None,
            intrinsic,
            locals: Vec::new(),
            body: None,
        });
        if let Some(t) = owner {
            self.types[t.index()].methods.push(id);
            if flags.contains(MethodFlags::CCTOR) {
                self.types[t.index()].cctor = Some(id);
            }
        }
        if let Some(tokens) = &decl.body {
            pending.push((id, tokens.clone()));
        }
        Ok(())
    }

    fn declare_member(
        &mut self,
        owner: TypeId,
        name: &str,
        member: Member,
        pos: Pos,
    ) -> Result<(), BuildError> {
        match self.members.insert((owner, name.to_string()), member) {
            None => Ok(()),
            Some(_) => fail(
                pos,
                format!("{}::{name} is declared twice", self.ty(owner).name),
            ),
        }
    }

    /// The type that a text means.
    pub fn resolve(&mut self, syntax: &TypeSyntax) -> Result<TypeId, BuildError> {
        let Some(&base) = self.by_name.get(&syntax.name) else {
            return fail(syntax.pos, format!("there is no type {}", syntax.name));
        };
        let mut ty = base;
        for suffix in &syntax.suffixes {
            if self.ty(ty).kind == TypeKind::Pointer {
                return fail(syntax.pos, "nothing is made of managed pointers");
            }
            ty = match suffix {
                Suffix::Array => self.array_of_type(ty),
                Suffix::Nullable => {
                    if !self.is_value(ty) || matches!(self.ty(ty).kind, TypeKind::Nullable(_)) {
                        return fail(syntax.pos, "only value types become nullable");
                    }
                    self.nullable_of(ty)
                }
            };
        }
        Ok(ty)
    }

    /// The array type with this element type, made on demand.
    pub fn array_of_type(&mut self, element: TypeId) -> TypeId {
        if let Some(&t) = self.arrays.get(&element) {
            return t;
        }
        let name = format!("{}[]", self.ty(element).name);
        let id = self.new_type(name, TypeKind::SzArray(element), TypeFlags::BUILTIN);
        self.arrays.insert(element, id);
        self.lay_out_array(id, element);
        id
    }

    fn nullable_of(&mut self, payload: TypeId) -> TypeId {
        if let Some(&t) = self.nullables.get(&payload) {
            return t;
        }
        let name = format!("{}?", self.ty(payload).name);
        let flags = TypeFlags::BUILTIN | TypeFlags::SEALED;
        let id = self.new_type(name, TypeKind::Nullable(payload), flags);
        self.types[id.index()].base = Some(self.wellknown.object);
        self.nullables.insert(payload, id);
        let bool_ty = self.by_name["bool"];
        self.new_field("has".to_string(), id, bool_ty, FieldFlags::empty(), None);
        self.new_field("value".to_string(), id, payload, FieldFlags::empty(), None);
        self.lay_out_late(id);
        id
    }

    /// The array type of an element type, if it was made.
    pub fn existing_array(&self, element: TypeId) -> Option<TypeId> {
        self.arrays.get(&element).copied()
    }

    /// Interns a string literal.
    pub fn literal(&mut self, text: &[u16]) -> LiteralId {
        if let Some(&id) = self.literal_ids.get(text) {
            return id;
        }
        let id = LiteralId::from_index(self.literals.len());
        self.literals.push(text.to_vec());
        self.literal_ids.insert(text.to_vec(), id);
        id
    }

    /// Interns a signature of indirect calls, or of variadic arguments.
    pub fn call_signature(
        &mut self,
        conv: CallConv,
        params: Vec<TypeId>,
        ret: Option<TypeId>,
    ) -> SigId {
        let key = (conv, params, ret);
        if let Some(&id) = self.sig_ids.get(&key) {
            return id;
        }
        let sig = Signature {
            conv,
            has_this: false,
            params: key.1.iter().map(|&t| self.ty(t).mem).collect(),
            ret: ret.map(|t| self.ty(t).mem),
        };
        let id = SigId::from_index(self.sigs.len());
        self.sigs.push((Arc::new(sig), key.1.clone(), ret));
        self.sig_ids.insert(key, id);
        id
    }
}
