//! The compile-time interface of the CLR: `runtime_abi::vm::CompileEnv` answered from the type system.

use super::vtables;
use crate::aot::slots;
use crate::intrinsics;
use crate::synth::{self, delegates};
use crate::tables::{literals, raises, signatures};
use crate::types::layout::Place;
use crate::types::ty::Kind;
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Type, TypeKey, types};
use isthmus_frontend_ir::body::{Body, BodyError, BodySource};
use isthmus_rt::dispatch::interface_slot;
use isthmus_runtime_abi::callconv::Layouts;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::ids::{FieldId, LiteralId, MethodId, SigId, TypeId};
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::types::{MemTy, Signature, StructLayout};
use isthmus_runtime_abi::vm::*;
use std::sync::Arc;

/// Smallest object: room for a forwarding word and alignment in the collector.
pub const MIN_OBJECT: u32 = 16;
/// Largest object that compiled code allocates in place.
const INLINE_ALLOC_LIMIT: u32 = 2048;

/// The CLR as compilers see it. Stateless: everything is in the process's type system.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClrEnv {
    /// Options that change what compilers may do.
    pub options: EnvOptions,
}

/// Options of [`ClrEnv`].
#[derive(Clone, Copy, Debug)]
pub struct EnvOptions {
    /// Objects may be allocated in place (not under GC stress).
    pub inline_allocation: bool,
    /// The code is for an image: it may rely on nothing that is only so in this process.
    pub ahead: bool,
    /// What optimized code may use of the processor.
    pub features: FeatureSet,
    /// Optimized code says which instructions of CIL it is of.
    pub line_map: bool,
    /// The code will run in this process and nowhere else: addresses and numbers may be in it. Listings have names instead.
    pub here: bool,
}

impl Default for EnvOptions {
    fn default() -> Self {
        EnvOptions {
            inline_allocation: true,
            ahead: false,
            features: FeatureSet::host(),
            line_map: false,
            here: false,
        }
    }
}

fn ty(id: TypeId) -> &'static Type {
    types().ty(id)
}

fn method(id: MethodId) -> &'static Method {
    types().method(id)
}

/// A call that throws a load error when it is made.
fn raise_plan(error: LoadError, sig: Arc<Signature>) -> CallPlan {
    CallPlan {
        dispatch: Dispatch::Raise(raises().add(error)),
        sig,
        rgctx: None,
        null_check: false,
        shown: None,
    }
}

/// Whether substituting shared variables could change which code the method has: a shared variable stands inside a
/// value-type argument, which sharing keeps exact, or in the element of an array, whose methods are not shared.
fn code_depends_on_context(m: &Method) -> bool {
    fn inside_value(t: &Type) -> bool {
        t.is_shared
            && !matches!(t.key, TypeKey::SharedVar(_) | TypeKey::SharedMVar(_))
            && !t.is_reference()
    }
    m.owner.kind == Kind::Array
        || m.owner
            .args
            .iter()
            .chain(m.args.iter())
            .any(|a| inside_value(a))
}

/// The exact method that a method of shared code is when called on an object of a class: of the class's one instantiation of the type
/// that declares it.
fn met_by(callee: &'static Method, exact: &'static Type) -> Option<&'static Method> {
    let TypeKey::Inst(def, _) = callee.owner.key else {
        return None;
    };
    let classes = std::iter::once(exact).chain(exact.ancestors());
    let interfaces = exact.interfaces().ok()?.iter().copied();
    let mut all = classes
        .chain(interfaces)
        .filter(|t| matches!(t.key, TypeKey::Inst(d, _) if d == def));
    let owner = all.next()?;
    (callee.args.is_empty() && all.next().is_none()).then_some(())?;
    types().methods.intern(owner, callee.kind, &[]).ok()
}

impl ClrEnv {
    /// A process value, or a slot of `context`'s generic context if the entity depends on it.
    fn place(
        &self,
        context: &'static Method,
        entity: Entity,
        depends: bool,
        symbol: Symbol,
    ) -> Handle {
        if depends && context.is_shared() {
            if self.options.ahead {
                slots::asked(context);
            }
            Handle::Lookup(context.slot_table().slot_of(entity))
        } else {
            Handle::Symbol(symbol)
        }
    }

    fn direct(
        &self,
        context: &'static Method,
        callee: &'static Method,
        null_check: bool,
    ) -> CallPlan {
        let sig = match callee.abi() {
            Ok(sig) => sig,
            Err(e) => return raise_plan(e, Arc::default()),
        };
        if callee.is_abstract() && !callee.owner.is_interface() && callee.runtime_body_missing() {
            let e = LoadError::new(
                LoadErrorKind::BadImage,
                format!("Bad IL: call of abstract method {}", callee.full_name()),
            );
            return raise_plan(e, sig);
        }
        if callee.is_shared() && code_depends_on_context(callee) {
            let handle = self.handle(context.id, Entity::MethodEntry(callee.id));
            return CallPlan {
                dispatch: Dispatch::Lookup(handle),
                sig,
                rgctx: None,
                null_check,
                shown: None,
            };
        }
        let code = callee.code();
        let rgctx = (code.context_source() == ContextSource::Hidden)
            .then(|| self.handle(context.id, Entity::Context(callee.id)));
        CallPlan {
            dispatch: Dispatch::Direct(code.id),
            sig,
            rgctx,
            null_check,
            shown: (code != callee).then_some(callee.id),
        }
    }
}

impl Layouts for ClrEnv {
    fn struct_layout(&self, id: TypeId) -> Arc<StructLayout> {
        // A type whose layout fails has raised before any code with it is compiled.
        ty(id).struct_layout().unwrap_or_else(|_| {
            Arc::new(StructLayout {
                size: 1,
                align: 1,
                ..Default::default()
            })
        })
    }
}

impl BodySource for ClrEnv {
    fn body(&self, id: MethodId) -> Result<Arc<Body>, BodyError> {
        let m = method(id);
        crate::body::for_callers(m).map_err(|e| match e.kind {
            LoadErrorKind::InvalidProgram => BodyError::Invalid(e.to_string()),
            _ => BodyError::NoBody(e.to_string()),
        })
    }

    fn il_size(&self, id: MethodId) -> Option<u32> {
        crate::body::il_size(method(id))
    }
}

impl CompileEnv for ClrEnv {
    fn type_kind(&self, id: TypeId) -> TypeKind {
        let t = ty(id);
        match (&t.key, t.kind) {
            (TypeKey::SzArray(e), _) => TypeKind::SzArray(*e),
            (TypeKey::MdArray(e, rank), _) => TypeKind::MdArray(*e, *rank),
            (_, Kind::Value | Kind::Enum) => match t.nullable_of() {
                Some(inner) => TypeKind::Nullable(inner.id),
                None => TypeKind::Value,
            },
            (_, Kind::Interface) => TypeKind::Interface,
            (_, Kind::Pointer) => TypeKind::Pointer,
            _ => TypeKind::Class,
        }
    }

    fn mem_ty(&self, id: TypeId) -> MemTy {
        ty(id).mem_ty()
    }

    fn type_name(&self, id: TypeId) -> String {
        ty(id).full_name()
    }

    fn is_exact(&self, id: TypeId) -> bool {
        let t = ty(id);
        t.is_value() || (t.is_sealed() && !t.is_shared)
    }

    fn subtype(&self, from: TypeId, to: TypeId) -> Subtype {
        let (from, to) = (ty(from), ty(to));
        if from == to || from.always_assignable_to(to) {
            return Subtype::Yes;
        }
        if from.is_shared || to.is_shared {
            return Subtype::Maybe;
        }
        let unrelated_classes = !from.is_interface()
            && !to.is_interface()
            && from.kind == Kind::Class
            && to.kind == Kind::Class
            && !to.is_assignable_to(from);
        if (self.is_exact(from.id) && !from.is_value()) || unrelated_classes {
            Subtype::No
        } else {
            Subtype::Maybe
        }
    }

    fn cast_plan(&self, context: MethodId, id: TypeId) -> CastPlan {
        let t = ty(id);
        let t = t.nullable_of().unwrap_or(t);
        let vtable = || self.handle(context, Entity::Vtable(t.id));
        let known = &types().known;
        let variant = || {
            t.flags.contains(crate::metadata::TypeAttributes::SEALED)
                && matches!(t.key, TypeKey::Inst(..))
                && t.parent().ok().flatten() == Some(known.multicast_delegate())
        };
        match t.kind {
            Kind::Value | Kind::Enum => CastPlan::Exact(vtable()),
            Kind::Class if variant() => {
                CastPlan::Helper(self.handle(context, Entity::TypeHandle(id)))
            }
            Kind::Class if t.is_sealed() => CastPlan::Exact(vtable()),
            Kind::Class => CastPlan::Display(t.class_depth(), vtable()),
            Kind::Array if t.is_sealed() => CastPlan::Exact(vtable()),
            _ => CastPlan::Helper(self.handle(context, Entity::TypeHandle(id))),
        }
    }

    fn inline_alloc_size(&self, id: TypeId) -> Option<u32> {
        let t = ty(id);
        let layout = t.layout().ok()?;
        let bytes = if t.is_value() {
            (isthmus_runtime_abi::layout::HEADER + layout.size)
                .next_multiple_of(isthmus_runtime_abi::layout::OBJECT_ALIGN)
        } else {
            layout.size
        };
        let size = bytes.max(MIN_OBJECT);
        (self.options.inline_allocation
            && t.kind != Kind::Array
            && t != types().known.string()
            && size <= INLINE_ALLOC_LIMIT
            && t.nullable_of().is_none()
            && !t.has_finalizer())
        .then_some(size)
    }

    fn array_of(&self, element: TypeId) -> TypeId {
        let e = ty(element);
        *e.runtime
            .array
            .get_or_init(|| types().sz_array(e).map_or(element, |t| t.id))
    }

    fn nullable_value_offset(&self, id: TypeId) -> u32 {
        let t = ty(id);
        let field = t.field("value").and_then(|f| f.place().ok());
        match field {
            Some(Place::Instance(offset)) => offset,
            _ => 0,
        }
    }

    fn array_store_is_exact(&self, element: TypeId) -> bool {
        let e = ty(element);
        e.is_value() || (e.is_sealed() && !e.is_shared)
    }

    fn field(&self, context: MethodId, id: FieldId) -> FieldInfo {
        let f = types().field(id);
        let context = method(context);
        let owner = f.owner;
        let place = match f.place() {
            Err(e) => FieldPlace::Raise(raises().add(e)),
            Ok(Place::Instance(n)) => FieldPlace::Instance(n),
            Ok(Place::Static(n)) => FieldPlace::Static(n),
            Ok(Place::RefStatic(n)) => FieldPlace::RefStatic(n),
            Ok(Place::ThreadStatic(n)) => FieldPlace::ThreadStatic(n),
            Ok(Place::Data) => FieldPlace::Data(Symbol::VmData(id.raw())),
            Ok(Place::Literal) => FieldPlace::Raise(raises().add(LoadError::new(
                LoadErrorKind::MissingField,
                format!("{f:?} is a constant and has no storage"),
            ))),
        };
        let runs_inside = owner == context.owner
            && !owner.init_is_relaxed()
            && (context.is_static() || context.is_ctor());
        let class_ctor = owner == context.owner && context.name == ".cctor";
        FieldInfo {
            ty: f.ty().map_or(MemTy::Native, |t| t.mem_ty()),
            owner: owner.id,
            place,
            init_only: f
                .flags
                .contains(crate::metadata::FieldAttributes::INIT_ONLY),
            init_check: f.is_static() && owner.needs_init() && !runs_inside && !class_ctor,
        }
    }

    fn field_name(&self, id: FieldId) -> String {
        format!("{:?}", types().field(id))
    }

    fn method(&self, id: MethodId) -> MethodInfo {
        let m = method(id);
        let triggers = m.name != ".cctor" && (m.is_static() || m.is_ctor()) && m.rid().is_some();
        let init = triggers && m.owner.needs_init() && !m.owner.init_is_relaxed();
        use crate::metadata::MethodImplAttributes as Impl;
        // Arrays: a few checks and an access, mostly in loops.
        let accessor = synth::arrays::is_element_access(m)
            || matches!(
                m.kind,
                MethodKind::ArrayGet
                    | MethodKind::ArraySet
                    | MethodKind::ArrayAddress
                    | MethodKind::ArrayAddressReadOnly
            );
        let in_place = accessor || self.is_delegate_invoke(id);
        let barred =
            Impl::NO_INLINING | Impl::SYNCHRONIZED | Impl::INTERNAL_CALL | Impl::NO_OPTIMIZATION;
        MethodInfo {
            sig: m.abi().unwrap_or_default(),
            context: m.context_source(),
            init: if init {
                InitAtEntry::Yes(m.owner.id)
            } else {
                InitAtEntry::No
            },
            may_inline: in_place
                || !m.impl_flags.intersects(barred)
                    && crate::body::has_il(m)
                    && !crate::body::needs_own_frame(m),
            wants_inline: in_place || m.impl_flags.contains(Impl::AGGRESSIVE_INLINING),
            never_returns: m.owner.is_corlib("System", "ThrowHelper")
                && m.name.starts_with("Throw"),
        }
    }

    fn method_name(&self, id: MethodId) -> String {
        method(id).full_name()
    }

    fn signature(&self, id: SigId) -> Arc<Signature> {
        signatures().get(id).abi.clone()
    }

    fn call_plan(&self, context: MethodId, callee: MethodId, virt: bool) -> CallPlan {
        let (context, callee) = (method(context), method(callee));
        if let Some(i) = intrinsics::of(callee) {
            let sig = callee.abi().unwrap_or_default();
            return CallPlan {
                dispatch: Dispatch::Intrinsic(i, callee.id),
                sig,
                rgctx: None,
                null_check: virt,
                shown: None,
            };
        }
        if !virt || !callee.is_virtual() || callee.is_final() || callee.owner.is_value() {
            let callee = if virt {
                callee.owner.implementation_of(callee).unwrap_or(callee)
            } else {
                callee
            };
            return self.direct(context, callee, virt && !callee.is_static());
        }
        let sig = match callee.abi() {
            Ok(sig) => sig,
            Err(e) => return raise_plan(e, Arc::default()),
        };
        let dispatch = if callee.arity > 0 {
            Dispatch::GenericVirtual(self.handle(context.id, Entity::MethodHandle(callee.id)))
        } else if !callee.owner.is_interface() {
            match callee.slot_in_owner() {
                Some(slot) => Dispatch::Virtual(slot),
                None => {
                    let e =
                        LoadError::type_load(format!("{} has no virtual slot", callee.full_name()));
                    Dispatch::Raise(raises().add(e))
                }
            }
        } else if callee.owner.is_shared {
            Dispatch::Lookup(self.handle(context.id, Entity::MethodEntry(callee.id)))
        } else {
            Dispatch::Interface(callee.id)
        };
        CallPlan {
            dispatch,
            sig,
            rgctx: None,
            null_check: false,
            shown: None,
        }
    }

    fn constrained_plan(&self, context: MethodId, id: TypeId, callee: MethodId) -> ConstrainedPlan {
        let t = ty(id);
        if !t.is_value() {
            return ConstrainedPlan::Dereference(self.call_plan(context, callee, true));
        }
        let target = method(callee);
        // An enum's hash code is that of its number, for which no box is needed.
        let is_hash = target.name == "GetHashCode" && !target.owner.is_interface();
        let number = t.underlying();
        let t = if is_hash && number.is_integer() {
            number
        } else {
            t
        };
        match t.implementation_of(target) {
            Some(body) if body.owner == t => ConstrainedPlan::Direct(match intrinsics::of(body) {
                Some(i) => CallPlan {
                    dispatch: Dispatch::Intrinsic(i, body.id),
                    sig: body.abi().unwrap_or_default(),
                    rgctx: None,
                    null_check: false,
                    shown: None,
                },
                None => self.direct(method(context), body, false),
            }),
            Some(body) if !body.owner.is_interface() => {
                ConstrainedPlan::Box(id, self.call_plan(context, body.id, false))
            }
            // Which body an interface's method has depends on the exact interface, and so does whether it works on the value or on a box.
            _ if target.owner.is_shared => match target.abi() {
                Ok(sig) => ConstrainedPlan::Runtime(
                    self.handle(context, Entity::TypeHandle(id)),
                    self.handle(context, Entity::MethodHandle(callee)),
                    sig,
                ),
                Err(e) => ConstrainedPlan::Box(id, raise_plan(e, Arc::default())),
            },
            _ => ConstrainedPlan::Box(id, self.call_plan(context, callee, true)),
        }
    }

    fn resolve_virtual(&self, callee: MethodId, exact: TypeId) -> Option<MethodId> {
        let (callee, exact) = (method(callee), ty(exact));
        if exact.is_shared || exact.is_value() {
            return None;
        }
        let callee = if callee.is_shared() {
            met_by(callee, exact)?
        } else {
            callee
        };
        exact
            .implementation_of(callee)
            .filter(|m| !m.is_abstract())
            .map(|m| m.id)
    }

    fn likely_class(&self, callee: MethodId, on: Option<TypeId>) -> Option<TypeId> {
        if self.options.ahead {
            return None;
        }
        let declared = method(callee).owner;
        if declared.is_shared {
            return crate::comparers::likely(method(callee)).map(|t| t.id);
        }
        [on.map(ty), Some(declared)]
            .into_iter()
            .flatten()
            .find_map(vtables::only_class_of)
            .map(|t| t.id)
    }

    fn returned_class(&self, callee: MethodId) -> Option<TypeId> {
        crate::comparers::returned_by(method(callee)).map(|t| t.id)
    }

    fn interface_slot(&self, callee: MethodId) -> Option<InterfaceSlot> {
        self.options.here.then(|| interface_slot(callee))
    }

    fn is_final(&self, callee: MethodId) -> bool {
        method(callee).is_final()
    }

    fn intrinsic(&self, callee: MethodId) -> Option<Intrinsic> {
        intrinsics::of(method(callee))
    }

    fn new_object_class(&self, ctor: MethodId) -> Option<TypeId> {
        let m = method(ctor);
        (!m.makes_its_object()).then_some(m.owner.id)
    }

    fn delegate_plan(&self, ctor: MethodId, function: MethodId) -> Option<DelegatePlan> {
        let (ctor, function) = (method(ctor), method(function));
        if !delegates::is_delegate(ctor.owner) || function.is_shared() {
            return None;
        }
        // A value type's method would get the box, and with one argument too many the first one is the target.
        let is_static = function.is_static();
        let invoke = delegates::invoke_of(ctor.owner)?;
        let (params, taken) = (
            invoke.sig().ok()?.params.len(),
            function.sig().ok()?.params.len(),
        );
        if params != taken || (!is_static && function.owner.is_value()) {
            return None;
        }
        let shape = if is_static {
            delegates::Shape::Static
        } else {
            delegates::Shape::Instance
        };
        let field = |name| delegates::field(name).ok().map(|f| f.id);
        Some(DelegatePlan {
            target: field("m_target")?,
            code: field("method_ptr")?,
            method: field("method")?,
            shape: (field("extra_arg")?, shape as i64),
            takes_target: !is_static,
        })
    }

    fn is_delegate_invoke(&self, callee: MethodId) -> bool {
        let m = method(callee);
        m.name == "Invoke" && m.rid().is_some() && delegates::is_delegate(m.owner)
    }

    fn handle(&self, context: MethodId, entity: Entity) -> Handle {
        let context = method(context);
        let shared_ty = |t: TypeId| ty(t).is_shared;
        let shared_method = |m: MethodId| method(m).is_shared();
        match entity {
            Entity::Vtable(t) => self.place(context, entity, shared_ty(t), Symbol::Vtable(t)),
            Entity::TypeHandle(t) => {
                self.place(context, entity, shared_ty(t), Symbol::TypeHandle(t))
            }
            Entity::Statics(t) => self.place(context, entity, shared_ty(t), Symbol::Statics(t)),
            Entity::RefStatics(t) => {
                self.place(context, entity, shared_ty(t), Symbol::RefStatics(t))
            }
            Entity::InitState(t) => self.place(context, entity, shared_ty(t), Symbol::InitState(t)),
            Entity::MethodHandle(m) => {
                self.place(context, entity, shared_method(m), Symbol::MethodHandle(m))
            }
            Entity::MethodEntry(m) => {
                self.place(context, entity, shared_method(m), Symbol::MethodEntry(m))
            }
            Entity::Context(m) => {
                self.place(context, entity, shared_method(m), Symbol::GenericContext(m))
            }
            Entity::Signature(s) => {
                let shared = signatures().get(s).is_shared();
                self.place(context, entity, shared, Symbol::Signature(s))
            }
            Entity::FieldHandle(f) => {
                let shared = types().field(f).owner.is_shared;
                self.place(
                    context,
                    entity,
                    shared,
                    Symbol::VmData(f.raw() | crate::vm::FIELD_HANDLE_BIT),
                )
            }
        }
    }

    fn handle_ty(&self, kind: HandleKind) -> MemTy {
        let known = &types().known;
        match kind {
            HandleKind::Type => known.type_handle().mem_ty(),
            HandleKind::Method => known.method_handle().mem_ty(),
            HandleKind::Field => known.field_handle().mem_ty(),
            HandleKind::ArgList => known.argument_handle().mem_ty(),
        }
    }

    fn thread_statics_in_table(&self) -> bool {
        true
    }

    fn typed_reference(&self) -> Option<TypeId> {
        Some(types().known.typed_reference().id)
    }

    fn address(&self, symbol: Symbol) -> Option<u64> {
        if !self.options.here {
            return None;
        }
        let address = match symbol {
            Symbol::Vtable(t) => ty(t).vtable_pointer().ok()?,
            Symbol::TypeHandle(t) => std::ptr::from_ref(ty(t)) as usize,
            Symbol::MethodHandle(m) => std::ptr::from_ref(method(m)) as usize,
            Symbol::InitState(t) => ty(t).runtime.init.address(),
            Symbol::ThreadStatics(t) => ty(t).block_offset(),
            _ => return None,
        };
        Some(address as u64)
    }

    fn literal_type(&self, literal: LiteralId) -> TypeId {
        let _ = literals().get(literal);
        types().known.string().id
    }

    fn string_class(&self) -> Option<TypeId> {
        Some(types().known.string().id)
    }

    fn type_object_class(&self) -> Option<TypeId> {
        Some(types().known.runtime_type().id)
    }

    fn is_initialized(&self, id: TypeId) -> bool {
        let t = ty(id);
        !t.needs_init()
    }

    fn init_is_relaxed(&self, id: TypeId) -> bool {
        ty(id).init_is_relaxed()
    }

    fn barrier(&self) -> BarrierKind {
        BarrierKind::ObjectLog
    }

    fn inline_allocation(&self) -> bool {
        self.options.inline_allocation
    }

    fn inline_alloc_limit(&self) -> u32 {
        INLINE_ALLOC_LIMIT
    }
}

impl Type {
    /// Whether its static constructor has yet to run (or, in shared code, may have).
    pub fn needs_init(&'static self) -> bool {
        if self.runtime.init.is_ready() {
            return false;
        }
        self.class_constructor().is_some()
    }

    /// Whether its static constructor may run early.
    pub fn init_is_relaxed(&self) -> bool {
        self.flags
            .contains(crate::metadata::TypeAttributes::BEFORE_FIELD_INIT)
    }

    /// Whether instances must be finalized: the class overrides `Object.Finalize`.
    pub fn has_finalizer(&'static self) -> bool {
        let object = types().known.object();
        if self.kind != Kind::Class || self == object {
            return false;
        }
        let Some(slot) = object.method("Finalize", 0).and_then(|m| m.slot_in_owner()) else {
            return false;
        };
        self.vtable().is_ok_and(|v| {
            v.slots
                .get(slot as usize)
                .is_some_and(|m| m.owner != object)
        })
    }
}

impl Method {
    /// Whether an abstract method has really nothing to call.
    fn runtime_body_missing(&self) -> bool {
        !crate::body::has_il(self)
    }
}
