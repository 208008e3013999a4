//! A module: a self-contained program over stack IR, with real object layouts.
//!
//! It is what a `.sir` file parses to ([`crate::text`]), what the interpreter runs, and a complete VM as far as compilers can
//! see: [`Module`] implements `CompileEnv` and [`crate::body::BodySource`], so that they can be tested without a class library.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`decl`] | declarations as written, before names are resolved |
//! | `build` | declarations → ids: name resolution, constructed types |
//! | `layout` | field offsets, statics, vtables, interface tables |
//! | `env` | the answers to compilers |
//!
//! Ids index the public tables: `module.types[id.index()]`. The prelude ([`PRELUDE`]: `object`, `string`, exceptions and
//! the host's functions) is the first part of every module.

mod build;
pub mod decl;
mod env;
mod layout;

pub use build::BuildError;

use crate::body::Body;
use isthmus_runtime_abi::ids::{FieldId, LiteralId, MethodId, SigId, TypeId};
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::{CallConv, MemTy, Signature, StructLayout};
use isthmus_runtime_abi::vm::{BarrierKind, FieldPlace, TypeKind};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Source text of the classes and host functions that every module has.
pub const PRELUDE: &str = include_str!("../prelude.sir");

bitflags::bitflags! {
    /// Properties of a type.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct TypeFlags: u8 {
        /// No class derives from it.
        const SEALED = 1;
        /// Has no instances of its own.
        const ABSTRACT = 2;
        /// Initialization may happen early (`beforefieldinit`).
        const RELAXED = 4;
        /// Fields have declared offsets.
        const EXPLICIT = 8;
        /// Comes from the prelude or is constructed: not printed.
        const BUILTIN = 16;
    }
}

bitflags::bitflags! {
    /// Properties of a method.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MethodFlags: u16 {
        /// Has no `this`.
        const STATIC = 1;
        /// Has a virtual slot (or is an interface method).
        const VIRTUAL = 2;
        /// Takes the slot of the base class's method of that name.
        const OVERRIDE = 4;
        /// Has no body; derived classes have one.
        const ABSTRACT = 8;
        /// No class overrides it.
        const FINAL = 16;
        /// Must not be inlined.
        const NOINLINE = 32;
        /// Provided by the host.
        const EXTERN = 64;
        /// Constructor.
        const CTOR = 128;
        /// Class constructor.
        const CCTOR = 256;
        /// Asks for inlining.
        const INLINE = 512;
        /// Takes variable arguments.
        const VARARG = 1024;
    }
}

bitflags::bitflags! {
    /// Properties of a field.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct FieldFlags: u8 {
        /// One for the class.
        const STATIC = 1;
        /// One for each thread (with `STATIC`).
        const THREAD = 2;
        /// Written only by constructors.
        const READONLY = 4;
    }
}

/// A type.
#[derive(Clone, Debug)]
pub struct TypeDef {
    /// Name as written.
    pub name: String,
    /// Kind.
    pub kind: TypeKind,
    /// Type of a location.
    pub mem: MemTy,
    /// Properties.
    pub flags: TypeFlags,
    /// Base class.
    pub base: Option<TypeId>,
    /// Declared interfaces (for an interface: those it extends).
    pub interfaces: Vec<TypeId>,
    /// All interfaces, inherited ones included.
    pub all_interfaces: Vec<TypeId>,
    /// Own fields.
    pub fields: Vec<FieldId>,
    /// Own methods.
    pub methods: Vec<MethodId>,
    /// Declared packing and size of a struct (0: none).
    pub pack: u32,
    /// See `pack`.
    pub declared_size: u32,
    /// Depth of the class: `object` is 0.
    pub depth: u32,
    /// Value types: the value. Classes: the fields, at offsets from the header. Arrays: empty.
    pub layout: Arc<StructLayout>,
    /// Bytes of an instance (boxed instance) with its header, rounded; offset of element 0 for arrays and strings.
    pub instance_size: u32,
    /// Bytes of an element (2 for strings), else 0.
    pub component_size: u32,
    /// Offsets of references: from the object's start in an instance, from the element's start in an array.
    pub refs: Vec<u32>,
    /// Implementations by virtual slot.
    pub vtable: Vec<MethodId>,
    /// Class constructor.
    pub cctor: Option<MethodId>,
    /// Where its static fields live.
    pub statics: Statics,
}

/// Sizes of a type's static memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statics {
    /// Bytes of non-reference statics.
    pub bytes: u32,
    /// Bytes of the object with reference statics, header included; 0 if there is none.
    pub ref_bytes: u32,
    /// Offsets of references in that object.
    pub refs: Vec<u32>,
    /// Bytes of thread statics.
    pub thread_bytes: u32,
}

/// A field.
#[derive(Clone, Debug)]
pub struct FieldDef {
    /// Name.
    pub name: String,
    /// Declaring type.
    pub owner: TypeId,
    /// Declared type.
    pub ty: TypeId,
    /// Type of the location.
    pub mem: MemTy,
    /// Properties.
    pub flags: FieldFlags,
    /// Declared offset, in types with explicit layout.
    pub declared_offset: Option<u32>,
    /// Where it is.
    pub place: FieldPlace,
}

/// A method or function.
#[derive(Clone, Debug)]
pub struct MethodDef {
    /// Name without its class.
    pub name: String,
    /// Declaring type; `None` for functions.
    pub owner: Option<TypeId>,
    /// Properties.
    pub flags: MethodFlags,
    /// Names and declared types of the parameters, `this` left out.
    pub params: Vec<(String, TypeId)>,
    /// Declared result type.
    pub ret: Option<TypeId>,
    /// Signature as compiled, `this` included.
    pub sig: Arc<Signature>,
    /// Virtual slot in its class's vtable.
    pub slot: Option<u32>,
    /// What compilers may expand it to.
    pub intrinsic: Option<Intrinsic>,
    /// Names and declared types of the locals.
    pub locals: Vec<(String, TypeId)>,
    /// Code.
    pub body: Option<Arc<Body>>,
}

/// What a module answers about the collector it runs with; set by whoever runs it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Policy {
    /// Write barrier.
    pub barrier: BarrierKind,
    /// Largest object that may be allocated in place; 0: none.
    pub inline_alloc_limit: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            barrier: BarrierKind::ObjectLog,
            inline_alloc_limit: 1024,
        }
    }
}

/// A program.
#[derive(Clone)]
pub struct Module {
    /// Types; constructed ones (arrays, nullables) included.
    pub types: Vec<TypeDef>,
    /// Fields.
    pub fields: Vec<FieldDef>,
    /// Methods and functions.
    pub methods: Vec<MethodDef>,
    /// Signatures of indirect calls and of variadic arguments: compiled form, then declared types (parameters, result).
    pub sigs: Vec<(Arc<Signature>, Vec<TypeId>, Option<TypeId>)>,
    /// String literals, UTF-16.
    pub literals: Vec<Vec<u16>>,
    /// Texts of `raise` instructions.
    pub raises: Vec<String>,
    /// The function `main`.
    pub entry: Option<MethodId>,
    /// What the collector asks of compilers.
    pub policy: Policy,
    by_name: FxHashMap<String, TypeId>,
    functions: FxHashMap<String, MethodId>,
    members: FxHashMap<(TypeId, String), Member>,
    arrays: FxHashMap<TypeId, TypeId>,
    nullables: FxHashMap<TypeId, TypeId>,
    literal_ids: FxHashMap<Vec<u16>, LiteralId>,
    sig_ids: FxHashMap<SigKey, SigId>,
    wellknown: WellKnown,
}

/// Key of a signature: convention, parameters, result.
type SigKey = (CallConv, Vec<TypeId>, Option<TypeId>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    Field(FieldId),
    Method(MethodId),
}

/// Types that the runtime itself needs.
#[derive(Clone, Copy, Debug)]
pub struct WellKnown {
    /// `object`.
    pub object: TypeId,
    /// `string`.
    pub string: TypeId,
    /// `Array`, base of all arrays.
    pub array: TypeId,
    /// `Exception`.
    pub exception: TypeId,
    /// `TypedReference`.
    pub typed_reference: TypeId,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (types, methods) = (self.types.len(), self.methods.len());
        write!(f, "Module({types} types, {methods} methods)")
    }
}

impl Module {
    /// A type.
    pub fn ty(&self, id: TypeId) -> &TypeDef {
        &self.types[id.index()]
    }

    /// A method.
    pub fn method_def(&self, id: MethodId) -> &MethodDef {
        &self.methods[id.index()]
    }

    /// A field.
    pub fn field_def(&self, id: FieldId) -> &FieldDef {
        &self.fields[id.index()]
    }

    /// Types that the runtime needs.
    pub fn wellknown(&self) -> WellKnown {
        self.wellknown
    }

    /// The type of this name (not arrays and nullables).
    pub fn find_type(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// The function of this name.
    pub fn find_function(&self, name: &str) -> Option<MethodId> {
        self.functions.get(name).copied()
    }

    /// A method declared by a type (base classes are not searched).
    pub fn find_method(&self, ty: TypeId, name: &str) -> Option<MethodId> {
        match self.members.get(&(ty, name.to_string())) {
            Some(Member::Method(m)) => Some(*m),
            _ => None,
        }
    }

    /// A field declared by a type (base classes are not searched).
    pub fn find_field(&self, ty: TypeId, name: &str) -> Option<FieldId> {
        match self.members.get(&(ty, name.to_string())) {
            Some(Member::Field(f)) => Some(*f),
            _ => None,
        }
    }

    /// A method by its full name: `Type::method` or `function`.
    pub fn find_full(&self, name: &str) -> Option<MethodId> {
        match name.rsplit_once("::") {
            Some((ty, m)) => self.find_method(self.find_type(ty)?, m),
            None => self.find_function(name),
        }
    }

    /// `Type::name` of a method, or a function's name.
    pub fn full_name(&self, method: MethodId) -> String {
        let def = self.method_def(method);
        match def.owner {
            Some(t) => format!("{}::{}", self.ty(t).name, def.name),
            None => def.name.clone(),
        }
    }

    /// All type ids.
    pub fn type_ids(&self) -> impl Iterator<Item = TypeId> + use<> {
        (0..self.types.len()).map(TypeId::from_index)
    }

    /// All method ids.
    pub fn method_ids(&self) -> impl Iterator<Item = MethodId> + use<> {
        (0..self.methods.len()).map(MethodId::from_index)
    }

    /// Exception class of a trap.
    pub fn trap_class(&self, kind: TrapKind) -> TypeId {
        self.find_type(kind.exception())
            .unwrap_or(self.wellknown.exception)
    }

    /// Whether values of the type are references.
    pub fn is_reference(&self, ty: TypeId) -> bool {
        self.ty(ty).mem == MemTy::Ref
    }

    /// Whether the type is a value type (primitives included).
    pub fn is_value(&self, ty: TypeId) -> bool {
        matches!(self.ty(ty).kind, TypeKind::Value | TypeKind::Nullable(_))
    }

    /// Whether an object of exactly type `from` is an instance of `to` (arrays of references are covariant).
    pub fn is_subtype(&self, from: TypeId, to: TypeId) -> bool {
        if from == to || to == self.wellknown.object {
            return true;
        }
        if let TypeKind::Nullable(payload) = self.ty(to).kind {
            return from == payload;
        }
        match (self.ty(from).kind, self.ty(to).kind) {
            (_, TypeKind::Interface) => self.ty(from).all_interfaces.contains(&to),
            (TypeKind::SzArray(a), TypeKind::SzArray(b)) => {
                self.is_reference(a) && self.is_reference(b) && self.is_subtype(a, b)
            }
            _ => {
                let mut next = self.ty(from).base;
                while let Some(t) = next {
                    if t == to {
                        return true;
                    }
                    next = self.ty(t).base;
                }
                false
            }
        }
    }

    /// The method that a virtual or interface call of `callee` reaches on an object of exactly type `exact`.
    pub fn find_implementation(&self, callee: MethodId, exact: TypeId) -> Option<MethodId> {
        let def = self.method_def(callee);
        if !def.flags.contains(MethodFlags::VIRTUAL) {
            return Some(callee);
        }
        if let Some(slot) = def.slot {
            return self.ty(exact).vtable.get(slot as usize).copied();
        }
        // Interface: the most derived virtual method of that name and signature.
        let mut next = Some(exact);
        while let Some(t) = next {
            if let Some(m) = self.find_method(t, &def.name) {
                let found = self.method_def(m);
                if found.flags.contains(MethodFlags::VIRTUAL)
                    && !found.flags.contains(MethodFlags::ABSTRACT)
                    && self.same_signature(m, callee)
                {
                    return Some(match found.slot {
                        Some(slot) => self.ty(exact).vtable[slot as usize],
                        None => m,
                    });
                }
            }
            next = self.ty(t).base;
        }
        None
    }

    /// Whether two methods have the same declared parameters and result.
    pub fn same_signature(&self, a: MethodId, b: MethodId) -> bool {
        let (a, b) = (self.method_def(a), self.method_def(b));
        a.ret == b.ret
            && a.params
                .iter()
                .map(|p| p.1)
                .eq(b.params.iter().map(|p| p.1))
    }
}
