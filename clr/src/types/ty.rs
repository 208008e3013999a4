//! A type.

use super::arena::Interner;
use super::error::{LoadError, Result};
use super::member::{Field, Method};
use super::missing::keep;
use super::params::ParamOwner;
use super::system::{Assembly, types};
use super::{layout, params, vtable};
use crate::metadata::sig::Prim;
use crate::metadata::{Row, TypeAttributes};
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::{CAST_CACHE_SHIFT, CAST_CACHE_SLOTS};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The structure that makes a type what it is; equal keys are one type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TypeKey {
    /// A TypeDef row of an assembly (by index). A generic definition is the open type `List<>`.
    Def(u32, u32),
    /// A generic definition with arguments.
    Inst(TypeId, Box<[TypeId]>),
    /// One-dimensional, zero-based array.
    SzArray(TypeId),
    /// Array with this rank.
    MdArray(TypeId, u32),
    /// Unmanaged pointer.
    Ptr(TypeId),
    /// Managed pointer.
    ByRef(TypeId),
    /// Function pointer: parameters and result (last).
    FnPtr(Box<[TypeId]>),
    /// Generic parameter of a type definition, where nothing is substituted (override matching).
    Var(u32),
    /// Generic parameter of a method definition.
    MVar(u32),
    /// Generic parameter of a definition, as reflection shows it (see [`super::params`]).
    Param(ParamOwner, u32),
    /// In shared code: the type argument number `0` of the class, known to be a reference type.
    SharedVar(u32),
    /// In shared code: the type argument of the method, known to be a reference type.
    SharedMVar(u32),
}

/// What kind of type it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Class.
    Class,
    /// Interface.
    Interface,
    /// Struct or primitive.
    Value,
    /// Enum.
    Enum,
    /// Array of either sort.
    Array,
    /// Pointer, managed pointer or function pointer.
    Pointer,
    /// Generic parameter.
    Param,
}

/// A type.
pub struct Type {
    /// Its id.
    pub id: TypeId,
    /// Its key.
    pub key: TypeKey,
    /// Kind.
    pub kind: Kind,
    /// For definitions and instantiations: the assembly.
    pub assembly: Option<&'static Assembly>,
    /// For definitions and instantiations: the TypeDef row.
    pub rid: u32,
    /// Type arguments of an instantiation.
    pub args: Box<[&'static Type]>,
    /// Attributes of the definition; sealed and public for others.
    pub flags: TypeAttributes,
    /// The primitive it is, for corlib's own.
    pub prim: Option<Prim>,
    /// Mentions a `SharedVar` or `SharedMVar`.
    pub is_shared: bool,
    /// Mentions a `Var`, `MVar` or `Param`: no code runs with it.
    pub is_open: bool,
    /// Address of the runtime's vtable once it is made.
    pub vtable_address: AtomicUsize,
    /// What the VM keeps beside: statics, reflection object, initialization (see `crate::vm`).
    pub runtime: crate::vm::state::TypeState,
    parent: OnceLock<Result<Option<&'static Type>>>,
    interfaces: OnceLock<Result<Vec<&'static Type>>>,
    fields: OnceLock<Result<Vec<&'static Field>>>,
    methods: OnceLock<Result<Vec<&'static Method>>>,
    class_constructor: OnceLock<Option<&'static Method>>,
    layout: OnceLock<Result<layout::Layout>>,
    statics: OnceLock<Result<layout::Statics>>,
    vtable: OnceLock<Result<vtable::VtablePlan>>,
    canon: OnceLock<&'static Type>,
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for Type {}

impl std::fmt::Debug for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.full_name())
    }
}

/// How many levels of arrays, pointers and instantiations a type may have: a guard against types that grow without end.
const MAX_DEPTH: u32 = 64;

/// The interner of types.
#[derive(Default)]
pub struct TypeTable(Interner<TypeKey, Type>);

impl TypeTable {
    /// The type with this key, made if new.
    pub fn intern(&self, key: TypeKey) -> Result<&'static Type> {
        if let Some(t) = self.0.lookup(&key) {
            return Ok(t);
        }
        if let TypeKey::Inst(def, args) = &key
            && params::are_own(ParamOwner::Type(*def), args)
        {
            return Ok(self.get(*def));
        }
        let blank = Blank::describe(&key)?;
        Ok(self.0.intern_placed(&key, |index| {
            place(blank.finish(TypeId::from_index(index), key.clone()))
        }))
    }

    /// The type with this id.
    pub fn get(&self, id: TypeId) -> &'static Type {
        self.0.arena().get(id.index())
    }

    /// All types so far.
    pub fn iter(&self) -> impl Iterator<Item = &'static Type> + '_ {
        self.0.arena().iter()
    }
}

/// Gives a type its address for good. Compiled code finds the answer of a cast in the word of the vtable that some bits of the type's
/// address choose ([`layout::cast_cache_slot`]); interfaces and arrays get these bits in turn, so that those of one program seldom meet.
///
/// [`layout::cast_cache_slot`]: isthmus_runtime_abi::layout::cast_cache_slot
fn place(ty: Type) -> &'static Type {
    /// A type `16 * N` bytes behind an address whose slot is 0.
    #[repr(C, align(128))]
    struct Behind<const N: usize>([[u64; 2]; N], Type);
    fn keep<const N: usize>(ty: Type) -> &'static Type {
        const {
            assert!(std::mem::offset_of!(Behind<N>, 1) >> CAST_CACHE_SHIFT == N);
            assert!(16 * CAST_CACHE_SLOTS == 128);
        }
        &Box::leak(Box::new(Behind([[0; 2]; N], ty))).1
    }
    static TURN: AtomicUsize = AtomicUsize::new(0);
    if !matches!(ty.kind, Kind::Interface | Kind::Array) {
        return Box::leak(Box::new(ty));
    }
    match TURN.fetch_add(1, Ordering::Relaxed) % CAST_CACHE_SLOTS as usize {
        0 => keep::<0>(ty),
        1 => keep::<1>(ty),
        2 => keep::<2>(ty),
        3 => keep::<3>(ty),
        4 => keep::<4>(ty),
        5 => keep::<5>(ty),
        6 => keep::<6>(ty),
        _ => keep::<7>(ty),
    }
}

/// The facts of a new type, gathered before the interner is locked.
struct Blank {
    kind: Kind,
    assembly: Option<&'static Assembly>,
    rid: u32,
    args: Box<[&'static Type]>,
    flags: TypeAttributes,
    prim: Option<Prim>,
    is_shared: bool,
    is_open: bool,
}

impl Blank {
    fn describe(key: &TypeKey) -> Result<Blank> {
        let ts = types();
        let plain = |kind, parts: &[TypeId]| -> Blank {
            let parts: Vec<&'static Type> = parts.iter().map(|&t| ts.ty(t)).collect();
            Blank {
                kind,
                assembly: None,
                rid: 0,
                args: Box::default(),
                flags: TypeAttributes::SEALED,
                prim: None,
                is_shared: parts.iter().any(|t| t.is_shared),
                is_open: parts.iter().any(|t| t.is_open),
            }
        };
        Ok(match key {
            TypeKey::Def(assembly, rid) => {
                let assembly = ts.assembly(*assembly);
                let row = assembly.image.type_def(*rid)?;
                let (kind, prim) = assembly.classify(row)?;
                Blank {
                    kind,
                    assembly: Some(assembly),
                    rid: *rid,
                    args: Box::default(),
                    flags: row.flags(),
                    prim,
                    is_shared: false,
                    is_open: assembly.image.generic_params(row.token()).next().is_some(),
                }
            }
            TypeKey::Inst(def, args) => {
                let def = ts.ty(*def);
                let args: Box<[&'static Type]> = args.iter().map(|&a| ts.ty(a)).collect();
                if args.iter().map(|a| a.depth()).max().unwrap_or(0) >= MAX_DEPTH {
                    return Err(LoadError::type_load(format!(
                        "{} is instantiated too deeply",
                        def.full_name()
                    )));
                }
                Blank {
                    kind: def.kind,
                    assembly: def.assembly,
                    rid: def.rid,
                    flags: def.flags,
                    prim: None,
                    is_shared: args.iter().any(|a| a.is_shared),
                    is_open: args.iter().any(|a| a.is_open),
                    args,
                }
            }
            TypeKey::SzArray(e) | TypeKey::MdArray(e, _) => plain(Kind::Array, &[*e]),
            TypeKey::Ptr(e) | TypeKey::ByRef(e) => plain(Kind::Pointer, &[*e]),
            TypeKey::FnPtr(parts) => plain(Kind::Pointer, parts),
            TypeKey::Var(_) | TypeKey::MVar(_) | TypeKey::Param(..) => Blank {
                is_open: true,
                ..plain(Kind::Param, &[])
            },
            TypeKey::SharedVar(_) | TypeKey::SharedMVar(_) => Blank {
                is_shared: true,
                flags: TypeAttributes::empty(),
                ..plain(Kind::Param, &[])
            },
        })
    }

    fn finish(self, id: TypeId, key: TypeKey) -> Type {
        Type {
            id,
            key,
            kind: self.kind,
            assembly: self.assembly,
            rid: self.rid,
            args: self.args,
            flags: self.flags,
            prim: self.prim,
            is_shared: self.is_shared,
            is_open: self.is_open,
            vtable_address: AtomicUsize::new(0),
            runtime: Default::default(),
            parent: OnceLock::new(),
            interfaces: OnceLock::new(),
            fields: OnceLock::new(),
            methods: OnceLock::new(),
            class_constructor: OnceLock::new(),
            layout: OnceLock::new(),
            statics: OnceLock::new(),
            vtable: OnceLock::new(),
            canon: OnceLock::new(),
        }
    }
}

impl Type {
    /// Whether values are stored in place (structs, enums, primitives).
    pub fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Value | Kind::Enum)
    }

    /// Whether values are object references (a shared parameter is one).
    pub fn is_reference(&self) -> bool {
        matches!(self.kind, Kind::Class | Kind::Interface | Kind::Array)
            || matches!(self.key, TypeKey::SharedVar(_) | TypeKey::SharedMVar(_))
    }

    /// Whether it is an interface.
    pub fn is_interface(&self) -> bool {
        self.kind == Kind::Interface
    }

    /// Whether it is `void`.
    pub fn is_void(&self) -> bool {
        self.prim == Some(Prim::Void)
    }

    /// Element type of an array, pointer or managed pointer.
    pub fn element(&self) -> Option<&'static Type> {
        match self.key {
            TypeKey::SzArray(e) | TypeKey::MdArray(e, _) | TypeKey::Ptr(e) | TypeKey::ByRef(e) => {
                Some(types().ty(e))
            }
            _ => None,
        }
    }

    /// Whether it is one of the integers of eight to 64 bits.
    pub fn is_integer(&self) -> bool {
        use crate::metadata::sig::Prim;
        matches!(
            self.prim,
            Some(
                Prim::I1
                    | Prim::U1
                    | Prim::I2
                    | Prim::U2
                    | Prim::I4
                    | Prim::U4
                    | Prim::I8
                    | Prim::U8
            )
        )
    }

    /// Rank of an array (1 for one-dimensional).
    pub fn rank(&self) -> u32 {
        match self.key {
            TypeKey::SzArray(_) => 1,
            TypeKey::MdArray(_, r) => r,
            _ => 0,
        }
    }

    /// Whether it is a one-dimensional zero-based array.
    pub fn is_sz_array(&self) -> bool {
        matches!(self.key, TypeKey::SzArray(_))
    }

    /// The generic definition of an instantiation, or the type itself.
    pub fn definition(&self) -> &'static Type {
        match self.key {
            TypeKey::Inst(def, _) => types().ty(def),
            _ => types().ty(self.id),
        }
    }

    /// Whether it is an open generic definition.
    pub fn is_generic_definition(&self) -> bool {
        matches!(self.key, TypeKey::Def(..)) && self.is_open
    }

    /// Number of generic parameters of the definition.
    pub fn generic_arity(&self) -> usize {
        match (&self.key, self.assembly) {
            (TypeKey::Inst(_, args), _) => args.len(),
            (TypeKey::Def(..), Some(a)) if self.is_open => a
                .image
                .type_def(self.rid)
                .map_or(0, |r| a.image.generic_params(r.token()).count()),
            _ => 0,
        }
    }

    /// Levels of nesting of the type's structure.
    fn depth(&self) -> u32 {
        match self.key {
            TypeKey::Inst(..) => 1 + self.args.iter().map(|a| a.depth()).max().unwrap_or(0),
            _ => self.element().map_or(0, |e| 1 + e.depth()),
        }
    }

    /// The integer type of an enum; other types themselves.
    pub fn underlying(&'static self) -> &'static Type {
        if self.kind != Kind::Enum {
            return self;
        }
        match self.fields() {
            Ok(fields) => fields
                .iter()
                .find(|f| !f.is_static())
                .and_then(|f| f.ty().ok())
                .unwrap_or(self),
            Err(_) => self,
        }
    }

    /// Whether it is the corlib type of this name.
    pub fn is_corlib(&self, namespace: &str, name: &str) -> bool {
        self.assembly.is_some_and(|a| a.is_corlib())
            && self.namespace() == namespace
            && self.name() == name
    }

    /// Whether it is an instantiation of `Nullable<T>`, and of which T.
    pub fn nullable_of(&self) -> Option<&'static Type> {
        match self.key {
            TypeKey::Inst(def, _) if def == types().known.nullable().id => Some(self.args[0]),
            _ => None,
        }
    }

    /// The base class, `None` for `object` and interfaces.
    pub fn parent(&'static self) -> Result<Option<&'static Type>> {
        self.guarded(&self.parent, || match self.kind {
            Kind::Array => Ok(Some(types().known.array())),
            Kind::Pointer | Kind::Param => Ok(Some(types().known.object())),
            Kind::Interface => Ok(None),
            _ => {
                let (Some(a), rid) = (self.assembly, self.rid) else {
                    return Ok(None);
                };
                let token = a.image.type_def(rid)?.extends()?;
                if token.is_nil() {
                    return Ok(None);
                }
                let parent = a.resolve_type(token, self.scope())?;
                // A class that is its own ancestor is found out here: nobody walks in circles later.
                parent.parent()?;
                Ok(Some(parent))
            }
        })
        .copied()
    }

    /// The base classes from the parent up.
    pub fn ancestors(&'static self) -> impl Iterator<Item = &'static Type> {
        std::iter::successors(self.parent().ok().flatten(), |t| t.parent().ok().flatten())
    }

    /// Depth in the class hierarchy; `object` is 0.
    pub fn class_depth(&'static self) -> u32 {
        self.ancestors().count() as u32
    }

    /// All interfaces, inherited ones first, each once.
    pub fn interfaces(&'static self) -> Result<&'static [&'static Type]> {
        self.guarded(&self.interfaces, || {
            let mut all: Vec<&'static Type> = Vec::new();
            let add = |all: &mut Vec<&'static Type>, t: &'static Type| {
                if !all.contains(&t) {
                    all.push(t);
                }
            };
            if let Some(parent) = self.parent()? {
                parent.interfaces()?.iter().for_each(|t| add(&mut all, t));
            }
            for t in self.declared_interfaces()? {
                t.interfaces()?.iter().for_each(|t| add(&mut all, t));
                add(&mut all, t);
            }
            Ok(all)
        })
        .map(Vec::as_slice)
    }

    /// The interfaces that the type itself lists (for arrays: the generic ones over their element).
    pub fn declared_interfaces(&'static self) -> Result<Vec<&'static Type>> {
        if let TypeKey::SzArray(e) = self.key {
            let known = &types().known;
            let generic = [known.ilist_1(), known.ireadonly_list_1()];
            return generic
                .iter()
                .map(|g| types().instantiate(g, &[types().ty(e)]))
                .collect();
        }
        let Some(a) = self.assembly else {
            return Ok(Vec::new());
        };
        let row = a.image.type_def(self.rid)?;
        row.interfaces()
            .map(|i| a.resolve_type(i.interface()?, self.scope()))
            .collect()
    }

    /// The fields that the type itself declares, in order of definition.
    pub fn fields(&'static self) -> Result<&'static [&'static Field]> {
        self.fields
            .get_or_init(|| {
                let Some(a) = self.assembly else {
                    return Ok(Vec::new());
                };
                let row = a.image.type_def(self.rid)?;
                row.fields()?
                    .map(|rid| types().field_of(self, rid))
                    .collect()
            })
            .as_deref()
            .map_err(Clone::clone)
    }

    /// Finds a field by name, in this type only.
    pub fn field(&'static self, name: &str) -> Option<&'static Field> {
        self.fields().ok()?.iter().copied().find(|f| f.name == name)
    }

    /// The methods that the type itself declares, in order of definition; generic ones as definitions.
    pub fn methods(&'static self) -> Result<&'static [&'static Method]> {
        self.methods
            .get_or_init(|| {
                let Some(a) = self.assembly else {
                    return Ok(super::member::array_methods(self));
                };
                let row = a.image.type_def(self.rid)?;
                row.methods()?
                    .map(|rid| types().method_of(self, rid, &[]))
                    .collect()
            })
            .as_deref()
            .map_err(Clone::clone)
    }

    /// Finds a method by name and number of parameters (without `this`), in this type only.
    pub fn method(&'static self, name: &str, params: usize) -> Option<&'static Method> {
        self.methods()
            .ok()?
            .iter()
            .copied()
            .find(|m| m.name == name && m.sig().is_ok_and(|s| s.params.len() == params))
    }

    /// Sizes and offsets of instances.
    pub fn layout(&'static self) -> Result<&'static layout::Layout> {
        self.guarded(&self.layout, || layout::compute(self))
    }

    /// Where static fields are.
    pub fn statics(&'static self) -> Result<&'static layout::Statics> {
        self.guarded(&self.statics, || layout::compute_statics(self))
    }

    /// A value computed once; a type whose computation needs itself (a struct that contains itself, a class that is its
    /// own ancestor) is an error instead of a deadlock.
    fn guarded<T>(
        &'static self,
        cell: &'static OnceLock<Result<T>>,
        compute: impl FnOnce() -> Result<T>,
    ) -> Result<&'static T> {
        thread_local! {
            static RUNNING: std::cell::RefCell<Vec<usize>> = const { std::cell::RefCell::new(Vec::new()) };
        }
        let me = std::ptr::from_ref(cell) as usize;
        if cell.get().is_none() && RUNNING.with_borrow(|r| r.contains(&me)) {
            return Err(LoadError::type_load(format!(
                "{} is defined in terms of itself",
                self.full_name()
            )));
        }
        keep(cell, || {
            RUNNING.with_borrow_mut(|r| r.push(me));
            let value = compute();
            RUNNING.with_borrow_mut(|r| r.pop());
            value
        })
    }

    /// Virtual slots.
    pub fn vtable(&'static self) -> Result<&'static vtable::VtablePlan> {
        self.guarded(&self.vtable, || vtable::plan(self))
    }

    /// The canonical form, whose code and layout the type shares (see [`super::generics`]).
    pub fn canon(&'static self) -> &'static Type {
        self.canon.get_or_init(|| super::generics::canonical(self))
    }

    /// The static constructor.
    pub fn class_constructor(&'static self) -> Option<&'static Method> {
        *self.class_constructor.get_or_init(|| {
            self.methods().ok()?.iter().copied().find(|m| {
                m.name == ".cctor"
                    && m.is_static()
                    && m.arity == 0
                    && m.sig()
                        .is_ok_and(|s| !s.has_this && s.params.is_empty() && s.ret.is_void())
            })
        })
    }

    /// Whether the type is sealed, so that the exact class of a non-null reference is known.
    pub fn is_sealed(&self) -> bool {
        match self.key {
            TypeKey::SzArray(_) | TypeKey::MdArray(..) => {
                // Arrays are covariant in reference elements; int[] and uint[] stand for each other too.
                self.element()
                    .is_some_and(|e| e.is_reference() && e.is_sealed() && !e.is_shared)
            }
            TypeKey::SharedVar(_) | TypeKey::SharedMVar(_) => false,
            _ => self.flags.contains(TypeAttributes::SEALED) && !self.is_interface(),
        }
    }
}
