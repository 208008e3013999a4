//! Methods and fields.

use super::arena::Interner;
use super::error::{LoadError, LoadErrorKind, Result};
use super::generics::Scope;
use super::missing::keep;
use super::system::{Assembly, types};
use super::ty::{Type, TypeKey};
use crate::metadata::sig::CallConv;
use crate::metadata::{FieldAttributes, MethodAttributes, MethodImplAttributes, Row};
use isthmus_runtime_abi::ids::{FieldId, MethodId, TypeId};
use isthmus_runtime_abi::types::{self as abi, MemTy, Signature};
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// What a method is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MethodKind {
    /// A MethodDef row of the owner's definition.
    Def(u32),
    /// Constructor of an array with this many arguments.
    ArrayCtor(u32),
    /// `Get` of an array.
    ArrayGet,
    /// `Set` of an array.
    ArraySet,
    /// `Address` of an array.
    ArrayAddress,
    /// `readonly.` call of `Address`: elements may be of a derived class.
    ArrayAddressReadOnly,
    /// Calls the virtual method of this row on its `this`: what an open delegate over a virtual method holds.
    Dispatch(u32),
    /// Calls the parts of a combined delegate, whose `Invoke` this row is.
    InvokeAll(u32),
    /// A body that the VM makes, by number (see `crate::synth`).
    Synthetic(u32),
    /// A dynamic method, by number (see `crate::dynamic`).
    Dynamic(u32),
    /// A call of native code with a signature of its own, by number (see `crate::synth::native_calls`).
    CallSite(u32),
    /// A foreign function behind a P/Invoke, by number (see `crate::synth::pinvoke`).
    Foreign(u32),
    /// What C function pointers call for delegates that call some method, by number (see `crate::synth::callback`).
    Callback(u32),
    /// What delegates of a class that stand for a C function pointer call, by its number (see `crate::marshal::callbacks`).
    OverPointer(u32),
    /// What C calls for the method of this id, with objects as they are (see `crate::synth::thunk`).
    Thunk(MethodId),
}

/// Key of a method.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MethodKey {
    /// Declaring type, instantiated.
    pub owner: TypeId,
    /// Which method.
    pub kind: MethodKind,
    /// Type arguments of a generic method.
    pub args: Box<[TypeId]>,
}

/// A signature with its types resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedSig {
    /// Has a `this` (not among `params`).
    pub has_this: bool,
    /// Takes a variable number of arguments.
    pub vararg: bool,
    /// Is unmanaged (function pointers and `calli`).
    pub unmanaged: bool,
    /// Parameters.
    pub params: Vec<&'static Type>,
    /// Result; `void` is a type too.
    pub ret: &'static Type,
    /// Number of the method's own generic parameters.
    pub arity: u32,
}

/// A method, instantiated.
pub struct Method {
    /// Its id.
    pub id: MethodId,
    /// Declaring type.
    pub owner: &'static Type,
    /// What it is.
    pub kind: MethodKind,
    /// Type arguments; empty for a generic definition too (see [`Method::is_generic_definition`]).
    pub args: Box<[&'static Type]>,
    /// Name.
    pub name: &'static str,
    /// Attributes.
    pub flags: MethodAttributes,
    /// Implementation attributes.
    pub impl_flags: MethodImplAttributes,
    /// Number of generic parameters of the definition.
    pub arity: u32,
    /// What the VM keeps beside.
    pub runtime: crate::vm::state::MethodState,
    sig: OnceLock<Result<ResolvedSig>>,
    abi: OnceLock<Result<Arc<Signature>>>,
    code: OnceLock<&'static Method>,
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for Method {}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.full_name())
    }
}

/// The interner of methods.
#[derive(Default)]
pub struct MethodTable(Interner<MethodKey, Method>);

impl MethodTable {
    /// The method with this id.
    pub fn get(&self, id: MethodId) -> &'static Method {
        self.0.arena().get(id.index())
    }

    /// All methods so far.
    pub fn iter(&self) -> impl Iterator<Item = &'static Method> + '_ {
        self.0.arena().iter()
    }

    /// The method of a type; `args` are its own type arguments.
    pub fn intern(
        &self,
        owner: &'static Type,
        kind: MethodKind,
        args: &[&'static Type],
    ) -> Result<&'static Method> {
        let key = MethodKey {
            owner: owner.id,
            kind,
            args: args.iter().map(|t| t.id).collect(),
        };
        if let Some(m) = self.0.lookup(&key) {
            return Ok(m);
        }
        let (name, flags, impl_flags, arity): (&'static str, _, _, u32) =
            match (kind, owner.assembly) {
                (MethodKind::Def(rid), Some(a)) => {
                    let row = a.image.method_def(rid)?;
                    let arity = a.image.generic_params(row.token()).count() as u32;
                    (row.name()?, row.flags(), row.impl_flags(), arity)
                }
                (MethodKind::Dispatch(rid), Some(a)) => {
                    let row = a.image.method_def(rid)?;
                    let arity = a.image.generic_params(row.token()).count() as u32;
                    let flags = MethodAttributes::from_bits_retain(6);
                    (row.name()?, flags, MethodImplAttributes::empty(), arity)
                }
                (MethodKind::InvokeAll(_), Some(_)) => (
                    "InvokeAll",
                    MethodAttributes::from_bits_retain(6),
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::Def(_) | MethodKind::Dispatch(_) | MethodKind::InvokeAll(_), None) => {
                    unreachable!("only definitions have rows")
                }
                (MethodKind::ArrayCtor(_), _) => (
                    ".ctor",
                    MethodAttributes::SPECIAL_NAME | MethodAttributes::RT_SPECIAL_NAME,
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::ArrayGet, _) => (
                    "Get",
                    MethodAttributes::empty(),
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::ArraySet, _) => (
                    "Set",
                    MethodAttributes::empty(),
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::ArrayAddress | MethodKind::ArrayAddressReadOnly, _) => (
                    "Address",
                    MethodAttributes::empty(),
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::CallSite(n), _) => (
                    crate::synth::native_calls::site(n)
                        .import
                        .map_or("calli", |m| m.name),
                    MethodAttributes::STATIC,
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::Foreign(n), _) => (
                    crate::synth::pinvoke::foreign(n)
                        .import
                        .map_or("calli", |m| m.name),
                    MethodAttributes::STATIC,
                    MethodImplAttributes::empty(),
                    0,
                ),
                (
                    MethodKind::Callback(_) | MethodKind::OverPointer(_) | MethodKind::Thunk(_),
                    _,
                ) => (
                    "Invoke",
                    MethodAttributes::STATIC,
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::Synthetic(n), _) => (
                    crate::synth::name(n),
                    MethodAttributes::STATIC,
                    MethodImplAttributes::empty(),
                    0,
                ),
                (MethodKind::Dynamic(n), _) => (
                    crate::dynamic::DynamicMethod::get(n).name,
                    MethodAttributes::STATIC,
                    MethodImplAttributes::empty(),
                    0,
                ),
            };
        Ok(self.0.intern(&key, |index| Method {
            id: MethodId::from_index(index),
            owner,
            kind,
            args: args.into(),
            name,
            flags,
            impl_flags,
            arity,
            runtime: Default::default(),
            sig: OnceLock::new(),
            abi: OnceLock::new(),
            code: OnceLock::new(),
        }))
    }
}

/// The methods that the VM gives to an array.
pub fn array_methods(array: &'static Type) -> Vec<&'static Method> {
    let is_vector = |t: &Type| matches!(t.key, TypeKey::SzArray(_));
    let with_two = match array.key {
        TypeKey::MdArray(_, rank) => Some(2 * rank),
        // Also makes the inner arrays, all of one length.
        TypeKey::SzArray(_) => array.element().is_some_and(is_vector).then_some(2),
        _ => return Vec::new(),
    };
    let ctors = std::iter::once(array.rank()).chain(with_two);
    let accessors = [
        MethodKind::ArrayGet,
        MethodKind::ArraySet,
        MethodKind::ArrayAddress,
    ];
    ctors
        .map(MethodKind::ArrayCtor)
        .chain(accessors)
        .filter_map(|k| types().methods.intern(array, k, &[]).ok())
        .collect()
}

impl Method {
    /// Whether it is static.
    pub fn is_static(&self) -> bool {
        self.flags.contains(MethodAttributes::STATIC)
    }

    /// Whether it is virtual.
    pub fn is_virtual(&self) -> bool {
        self.flags.contains(MethodAttributes::VIRTUAL)
    }

    /// Whether it is abstract.
    pub fn is_abstract(&self) -> bool {
        self.flags.contains(MethodAttributes::ABSTRACT)
    }

    /// Whether nothing can override it.
    pub fn is_final(&self) -> bool {
        !self.is_virtual() || self.flags.contains(MethodAttributes::FINAL) || self.owner.is_sealed()
    }

    /// Whether it is a constructor of instances.
    pub fn is_ctor(&self) -> bool {
        self.name == ".ctor"
    }

    /// Whether it is a generic method without its arguments.
    pub fn is_generic_definition(&self) -> bool {
        self.arity > 0 && self.args.is_empty()
    }

    /// The MethodDef row number.
    pub fn rid(&self) -> Option<u32> {
        match self.kind {
            MethodKind::Def(rid) => Some(rid),
            _ => None,
        }
    }

    /// The assembly of the definition.
    pub fn assembly(&self) -> Option<&'static Assembly> {
        self.owner.assembly
    }

    /// What generic parameters in its signature and body stand for. In a generic definition they stand for themselves.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            class: self.owner.scope().class,
            method: &self.args,
        }
    }

    /// The signature, types substituted.
    pub fn sig(&self) -> Result<&ResolvedSig> {
        keep(&self.sig, || {
            let ts = types();
            let element = || {
                self.owner
                    .element()
                    .expect("array methods belong to arrays")
            };
            let known = &ts.known;
            let md = |extra: &[&'static Type], ret| ResolvedSig {
                has_this: true,
                vararg: false,
                unmanaged: false,
                params: std::iter::repeat_n(known.int32(), self.owner.rank() as usize)
                    .chain(extra.iter().copied())
                    .collect(),
                ret,
                arity: 0,
            };
            Ok(match self.kind {
                MethodKind::Def(rid) | MethodKind::Dispatch(rid) | MethodKind::InvokeAll(rid) => {
                    let a = self.owner.assembly.expect("definitions have an assembly");
                    let sig = a.image.method_def(rid)?.sig()?;
                    // `Dispatch` calls an instance method of its owner as such, whatever its own flags.
                    let is_static = self.is_static();
                    if sig.has_this == is_static && matches!(self.kind, MethodKind::Def(_)) {
                        let text = format!(
                            "{}: its signature and its flags disagree on whether it is static",
                            self.full_name()
                        );
                        return Err(LoadError::new(LoadErrorKind::BadImage, text));
                    }
                    a.resolve_method_sig(&sig, self.scope())?
                }
                MethodKind::ArrayCtor(n) => ResolvedSig {
                    params: vec![known.int32(); n as usize],
                    ..md(&[], known.void())
                },
                MethodKind::ArrayGet => md(&[], element()),
                MethodKind::ArraySet => md(&[element()], known.void()),
                MethodKind::ArrayAddress | MethodKind::ArrayAddressReadOnly => {
                    md(&[], ts.by_ref(element())?)
                }
                MethodKind::CallSite(n) => crate::synth::native_calls::site(n).sig.clone(),
                MethodKind::Foreign(n) => crate::synth::pinvoke::foreign(n).sig(),
                MethodKind::Callback(n) => crate::synth::callback::signature(n)?,
                MethodKind::Thunk(m) => crate::synth::thunk::signature(m)?,
                MethodKind::OverPointer(n) => {
                    let invoke = crate::marshal::callbacks::class(n).invoke.sig()?;
                    let target = std::iter::once(known.object());
                    ResolvedSig {
                        has_this: false,
                        params: target.chain(invoke.params.iter().copied()).collect(),
                        ..invoke.clone()
                    }
                }
                MethodKind::Synthetic(n) => crate::synth::signature(n),
                MethodKind::Dynamic(n) => crate::dynamic::DynamicMethod::get(n).sig.clone(),
            })
        })
    }

    /// The signature as compilers need it: `this` is parameter 0.
    pub fn abi(&self) -> Result<Arc<Signature>> {
        keep(&self.abi, || {
            let mut sig = abi_signature(self.sig()?, self.owner)?;
            if self.makes_its_object() {
                sig.has_this = false;
                sig.params.remove(0);
                sig.ret = Some(MemTy::Ref);
            }
            Ok(Arc::new(sig))
        })
        .cloned()
    }

    /// Whether it is a constructor that returns the object instead of getting it: strings and arrays.
    pub fn makes_its_object(&self) -> bool {
        self.is_ctor()
            && (matches!(self.kind, MethodKind::ArrayCtor(_))
                || self.owner.is_corlib("System", "String"))
    }

    /// The method whose code this one shares; itself if it is not shared.
    pub fn code(&'static self) -> &'static Method {
        self.code
            .get_or_init(|| super::generics::canonical_method(self))
    }
}

/// The compilers' form of a signature of a method of `owner`.
pub fn abi_signature(sig: &ResolvedSig, owner: &'static Type) -> Result<Signature> {
    let mut params: SmallVec<[MemTy; 6]> = SmallVec::new();
    if sig.has_this {
        params.push(if owner.is_value() {
            MemTy::ByRef
        } else {
            MemTy::Ref
        });
    }
    for p in &sig.params {
        params.push(p.mem_ty());
    }
    Ok(Signature {
        conv: match sig.vararg {
            true => abi::CallConv::ManagedVarArg,
            false => abi::CallConv::Managed,
        },
        has_this: sig.has_this,
        params,
        ret: (!sig.ret.is_void()).then(|| sig.ret.mem_ty()),
    })
}

/// Whether a convention in metadata is an unmanaged one.
pub fn is_unmanaged(conv: CallConv) -> bool {
    !matches!(conv, CallConv::Managed | CallConv::VarArg)
}

/// Key of a field.
type FieldKey = (TypeId, u32);

/// A field of an instantiated type.
pub struct Field {
    /// Its id.
    pub id: FieldId,
    /// Declaring type.
    pub owner: &'static Type,
    /// Row.
    pub rid: u32,
    /// Name.
    pub name: &'static str,
    /// Attributes.
    pub flags: FieldAttributes,
    /// Marked `ThreadStaticAttribute`.
    pub is_thread_static: bool,
    ty: OnceLock<Result<&'static Type>>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.owner.full_name(), self.name)
    }
}

/// The interner of fields.
#[derive(Default)]
pub struct FieldTable(Interner<FieldKey, Field>);

impl FieldTable {
    /// The field with this id.
    pub fn get(&self, id: FieldId) -> &'static Field {
        self.0.arena().get(id.index())
    }

    /// The field of a type.
    pub fn intern(&self, owner: &'static Type, rid: u32) -> Result<&'static Field> {
        if let Some(f) = self.0.lookup(&(owner.id, rid)) {
            return Ok(f);
        }
        let a = owner.assembly.expect("fields belong to definitions");
        let row = a.image.field(rid)?;
        let (name, flags) = (row.name()?, row.flags());
        let is_thread_static = flags.contains(FieldAttributes::STATIC)
            && a.has_attribute(row.token(), "System", "ThreadStaticAttribute");
        Ok(self.0.intern(&(owner.id, rid), |index| Field {
            id: FieldId::from_index(index),
            owner,
            rid,
            name,
            flags,
            is_thread_static,
            ty: OnceLock::new(),
        }))
    }
}

impl Field {
    /// Whether it is static.
    pub fn is_static(&self) -> bool {
        self.flags.contains(FieldAttributes::STATIC)
    }

    /// Whether it is a compile-time constant without storage.
    pub fn is_literal(&self) -> bool {
        self.flags.contains(FieldAttributes::LITERAL)
    }

    /// Whether its data lie in the image.
    pub fn has_rva(&self) -> bool {
        self.flags.contains(FieldAttributes::HAS_FIELD_RVA)
    }

    /// Its type, substituted.
    pub fn ty(&self) -> Result<&'static Type> {
        keep(&self.ty, || {
            let a = self.owner.assembly.expect("fields belong to definitions");
            a.resolve_sig(&a.image.field(self.rid)?.sig()?, self.owner.scope())
        })
        .copied()
    }
}
