//! `rt::vm::Vm` for the CLR: what the runtime asks while programs run.

use super::cx::Cx;
use super::vtables::type_of_vtable;
use super::{
    arrays, casts, contexts, entry, exceptions, heap, init, reflect, resolved, runtime, statics,
    threads, tiers, traces,
};
use crate::aot::images;
use crate::tables::{literals, raises, signatures};
use crate::types::{Field, Method, Type, types};
use isthmus_rt::dispatch::imt_slot_of;
use isthmus_rt::image::ImageCode;
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_rt::vm::{GenericContextOf, SlotTarget, TraceFrame, UnboxContext, Vm};
use isthmus_runtime_abi::artifact::{CompiledMethod, OsrEntry};
use isthmus_runtime_abi::ids::{FieldId, MethodId, RaiseId, TypeId};
use isthmus_runtime_abi::layout::VtableHeader;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::vm::{ContextSource, Entity};
use std::sync::atomic::Ordering;

/// The CLR.
#[derive(Debug, Default)]
pub struct Clr;

/// The type behind a handle that compiled code passes.
fn ty_of(handle: usize) -> &'static Type {
    // SAFETY: compiled code passes addresses of `Symbol::TypeHandle`, which are leaked types.
    unsafe { &*(handle as *const Type) }
}

/// The method behind a handle that compiled code passes.
fn method_of(handle: usize) -> &'static Method {
    // SAFETY: as `ty_of`, for `Symbol::MethodHandle`.
    unsafe { &*(handle as *const Method) }
}

/// The field behind a handle that compiled code passes.
fn field_of(handle: usize) -> &'static Field {
    // SAFETY: as `ty_of`, for field handles.
    unsafe { &*(handle as *const Field) }
}

/// What a vtable or IMT slot holds for a method of a class.
fn slot_target(owner: &'static Type, m: &'static Method) -> SlotTarget {
    let id = entry::id(m);
    if owner.is_value() && m.owner.is_value() {
        SlotTarget::Unboxed(id, UnboxContext::None)
    } else {
        SlotTarget::Method(id)
    }
}

impl Clr {
    /// The value of an entity, closed.
    fn value_of(&self, cx: &Cx<'_>, entity: Entity) -> Result<usize, Thrown> {
        let ts = types();
        let thrown = |e| cx.load_error(&e);
        Ok(match entity {
            Entity::Vtable(t) => ts.ty(t).vtable_pointer().map_err(thrown)?,
            Entity::TypeHandle(t) => std::ptr::from_ref(ts.ty(t)) as usize,
            Entity::MethodHandle(m) => std::ptr::from_ref(ts.method(m)) as usize,
            Entity::FieldHandle(f) => std::ptr::from_ref(ts.field(f)) as usize,
            Entity::Statics(t) => ts.ty(t).static_memory().map_err(thrown)?,
            Entity::RefStatics(t) => ts.ty(t).static_object().map_err(thrown)?,
            Entity::InitState(t) => ts.ty(t).runtime.init.address(),
            Entity::Context(m) => contexts::of_method(ts.method(m)),
            Entity::Signature(s) => std::ptr::from_ref(signatures().get(s)) as usize,
            Entity::MethodEntry(m) => {
                let m = ts.method(m);
                if m.owner.is_interface() && m.is_virtual() && m.is_abstract() {
                    runtime()
                        .interface_stub(m.id)
                        .unwrap_or_else(|e| isthmus_rt::internal_error(&e.to_string()))
                } else {
                    entry::stable(m)
                }
            }
        })
    }
}

impl Vm for Clr {
    fn compile(&self, thread: &Thread, method: MethodId) -> Result<CompiledMethod, Thrown> {
        tiers::compile(&Cx { thread }, types().method(method))
    }

    fn ready_made(&self, _thread: &Thread, method: MethodId) -> Option<ImageCode> {
        images::ready_made(types().method(method))
    }

    fn optimize(&self, method: MethodId, entry: Option<&OsrEntry>) -> Option<CompiledMethod> {
        super::tiers::compile_hot(types().method(method), entry)
    }

    fn is_small(&self, method: MethodId) -> bool {
        tiers::is_small(types().method(method))
    }

    fn vtable_slot(&self, thread: &Thread, vtable: usize, slot: u32) -> Result<SlotTarget, Thrown> {
        let cx = Cx { thread };
        // SAFETY: the vtable of an object of this VM.
        let ty = unsafe { type_of_vtable(vtable) };
        let plan = ty.vtable().map_err(|e| cx.load_error(&e))?;
        match plan.slots.get(slot as usize) {
            Some(m) if !m.is_abstract() => Ok(slot_target(ty, m)),
            _ => Err(cx.exception(
                "System",
                "EntryPointNotFoundException",
                &format!("{} has no method in virtual slot {slot}", ty.full_name()),
            )),
        }
    }

    fn interface_method(
        &self,
        thread: &Thread,
        vtable: usize,
        method: MethodId,
    ) -> Result<SlotTarget, Thrown> {
        let cx = Cx { thread };
        // SAFETY: the vtable of an object of this VM.
        let ty = unsafe { type_of_vtable(vtable) };
        let m = types().method(method);
        match ty.interface_implementation(m) {
            Some(body) => Ok(slot_target(ty, body)),
            None if m
                .without_args()
                .is_ok_and(|m| ty.default_bodies(m).len() > 1) =>
            {
                let text = format!(
                    "Could not call method '{}' with type '{}' because there are multiple incompatible interface methods overriding this method.",
                    m.native_name(),
                    ty.native_name()
                );
                Err(cx.exception("System.Runtime", "AmbiguousImplementationException", &text))
            }
            None => Err(cx.exception(
                "System",
                "EntryPointNotFoundException",
                &format!("{} does not implement {}", ty.full_name(), m.full_name()),
            )),
        }
    }

    fn is_alone_in_imt_slot(&self, vtable: usize, method: MethodId) -> bool {
        // SAFETY: the vtable of an object of this VM.
        let ty = unsafe { type_of_vtable(vtable) };
        let slot = imt_slot_of(method);
        ty.interface_methods().is_some_and(|all| {
            let mut there = all.into_iter().filter(|m| imt_slot_of(m.id) == slot);
            there.next().is_some_and(|m| m.id == method) && there.next().is_none()
        })
    }

    fn symbol(&self, symbol: Symbol) -> Option<usize> {
        let ts = types();
        match symbol {
            Symbol::Vtable(t) => ts.ty(t).vtable_pointer().ok(),
            Symbol::TypeHandle(t) => Some(std::ptr::from_ref(ts.ty(t)) as usize),
            Symbol::MethodHandle(m) => Some(std::ptr::from_ref(ts.method(m)) as usize),
            Symbol::Statics(t) => ts.ty(t).static_memory().ok(),
            Symbol::RefStatics(t) => ts.ty(t).static_object().ok(),
            Symbol::ThreadStatics(t) => Some(ts.ty(t).block_offset()),
            Symbol::InitState(t) => Some(ts.ty(t).runtime.init.address()),
            Symbol::GenericContext(m) => Some(contexts::of_method(ts.method(m))),
            Symbol::Signature(s) => Some(std::ptr::from_ref(signatures().get(s)) as usize),
            Symbol::Literal(id) => literal(id),
            Symbol::TypeObject(t) => reflect::type_object(&Cx::current(), ts.ty(t))
                .ok()
                .map(Ref::addr),
            Symbol::Native(n) => super::native::address(n),
            Symbol::VmData(n) if n & super::FIELD_HANDLE_BIT != 0 => {
                let field = ts.field(FieldId::from_raw(n & !super::FIELD_HANDLE_BIT)?);
                Some(std::ptr::from_ref(field) as usize)
            }
            Symbol::VmData(n) => statics::data_of(ts.field(FieldId::from_raw(n)?)).ok(),
            _ => None,
        }
    }

    fn undefined(&self, thread: &Thread, symbol: Symbol) -> Option<Thrown> {
        let ts = types();
        let error = match symbol {
            Symbol::Vtable(t) => ts.ty(t).vtable_pointer().err(),
            Symbol::Statics(t) => ts.ty(t).static_memory().err(),
            Symbol::RefStatics(t) => ts.ty(t).static_object().err(),
            Symbol::VmData(n) => statics::data_of(ts.field(FieldId::from_raw(n)?)).err(),
            _ => None,
        };
        error.map(|e| Cx { thread }.load_error(&e))
    }

    fn method_name(&self, method: MethodId) -> String {
        types().method(method).full_name()
    }

    fn catches(&self, ty: TypeId, exception: Ref) -> bool {
        let cx = Cx::current();
        casts::is_instance(cx.type_of(exception), types().ty(ty))
    }

    fn catches_lookup(&self, context: GenericContextOf, slot: u32, exception: Ref) -> bool {
        let cx = Cx::current();
        let context = context_address(context);
        if context == 0 {
            return false;
        }
        match self.generic_lookup(cx.thread, context, slot) {
            Ok(ty) => casts::is_instance(cx.type_of(exception), ty_of(ty)),
            Err(_) => false,
        }
    }

    fn thrown(&self, thread: &Thread, object: Ref) -> Result<Ref, Thrown> {
        exceptions::thrown(&Cx { thread }, object)
    }

    fn seen_by(&self, thread: &Thread, method: Option<MethodId>, exception: Ref) -> Ref {
        let method = method.map(|m| types().method(m));
        exceptions::seen_by(&Cx { thread }, method, exception)
    }

    fn trap_exception(&self, thread: &Thread, kind: TrapKind) -> Ref {
        exceptions::of_trap(&Cx { thread }, kind)
    }

    fn raise_exception(&self, thread: &Thread, raise: RaiseId) -> Ref {
        exceptions::of_raise(&Cx { thread }, raises().get(raise))
    }

    fn make_exact(&self, context: Option<GenericContextOf>, frames: &mut [TraceFrame]) {
        traces::make_exact(context.map_or(0, context_address), frames);
    }

    fn note_trace(&self, thread: &Thread, exception: Ref, forget: usize, frames: &[TraceFrame]) {
        exceptions::note_trace(&Cx { thread }, exception, forget, frames);
    }

    fn alloc_object(&self, thread: &Thread, vtable: usize) -> Result<Ref, Thrown> {
        heap::alloc_object(&Cx { thread }, vtable)
    }

    fn alloc_array(&self, thread: &Thread, vtable: usize, length: i64) -> Result<Ref, Thrown> {
        heap::alloc_array(&Cx { thread }, vtable, length)
    }

    fn box_value(&self, thread: &Thread, vtable: usize, value: usize) -> Result<Ref, Thrown> {
        // SAFETY: the vtable of a value type of this VM.
        casts::box_value(&Cx { thread }, unsafe { type_of_vtable(vtable) }, value)
    }

    fn box_any(&self, thread: &Thread, ty: usize, value: usize) -> Result<Ref, Thrown> {
        casts::box_value(&Cx { thread }, ty_of(ty), value)
    }

    fn unbox(&self, thread: &Thread, object: Ref, ty: usize) -> Result<usize, Thrown> {
        casts::unbox(&Cx { thread }, object, ty_of(ty))
    }

    fn unbox_any(&self, thread: &Thread, object: Ref, ty: usize, to: usize) -> Result<(), Thrown> {
        casts::unbox_any(&Cx { thread }, object, ty_of(ty), to)
    }

    fn is_instance(&self, object: Ref, ty: usize) -> bool {
        casts::is_of(object, ty_of(ty))
    }

    fn cast_class(&self, thread: &Thread, object: Ref, ty: usize) -> Result<Ref, Thrown> {
        casts::cast_class(&Cx { thread }, object, ty_of(ty))
    }

    fn array_store_check(&self, thread: &Thread, array: Ref, value: Ref) -> Result<(), Thrown> {
        arrays::check_store(&Cx { thread }, array, value)
    }

    fn array_exact_check(&self, thread: &Thread, array: Ref, ty: usize) -> Result<(), Thrown> {
        arrays::check_exact(&Cx { thread }, array, ty)
    }

    fn resolve_virtual(
        &self,
        thread: &Thread,
        object: Ref,
        method: usize,
    ) -> Result<usize, Thrown> {
        let cx = Cx { thread };
        if object.is_null() {
            return Err(cx.null_reference());
        }
        // SAFETY: a live object.
        let vtable = unsafe { object.vtable() };
        if let Some(code) = resolved::get(vtable, method) {
            return Ok(code);
        }
        let (ty, m) = (cx.type_of(object), method_of(method));
        let Some(found) = ty.implementation_of(m) else {
            let text = format!("{} does not implement {}", ty.full_name(), m.full_name());
            return Err(cx.exception("System", "EntryPointNotFoundException", &text));
        };
        // The result may be kept (ldvirtftn), so it is the stable entry.
        let code = match slot_target(ty, found) {
            SlotTarget::Unboxed(..) => super::delegates::unboxing_entry(found),
            _ => entry::stable(found),
        };
        resolved::put(vtable, method, code);
        Ok(code)
    }

    fn resolve_generic_virtual(
        &self,
        thread: &Thread,
        object: Ref,
        method: usize,
    ) -> Result<usize, Thrown> {
        // The exact instantiation's entry supplies the hidden context itself.
        self.resolve_virtual(thread, object, method)
    }

    fn resolve_constrained(
        &self,
        thread: &Thread,
        value: usize,
        ty: usize,
        method: usize,
    ) -> Result<(usize, usize), Thrown> {
        let cx = Cx { thread };
        let (ty, m) = (ty_of(ty), method_of(method));
        if ty.is_value() {
            if let Some(found) = ty.implementation_of(m).filter(|f| f.owner == ty) {
                return Ok((entry::stable(found), value));
            }
            let boxed = casts::box_value(&cx, ty, value)?;
            return Ok((self.resolve_virtual(thread, boxed, method)?, boxed.addr()));
        }
        // SAFETY: the address of a location of reference type.
        let object = unsafe { *(value as *const Ref) };
        Ok((self.resolve_virtual(thread, object, method)?, object.addr()))
    }

    fn generic_lookup(&self, thread: &Thread, context: usize, slot: u32) -> Result<usize, Thrown> {
        let cx = Cx { thread };
        // SAFETY: compiled code passes contexts that `contexts` made.
        let owner = unsafe { contexts::owner(context) };
        let Some(entity) = owner.slots().entity(slot) else {
            isthmus_rt::internal_error("a generic look-up names a slot that does not exist");
        };
        let exact = owner.close(entity).map_err(|e| cx.load_error(&e))?;
        let value = self.value_of(&cx, exact)?;
        // SAFETY: as above.
        unsafe { contexts::fill(context, slot, value) };
        Ok(value)
    }

    fn class_init(&self, thread: &Thread, ty: usize) -> Result<(), Thrown> {
        init::ensure(&Cx { thread }, ty_of(ty))
    }

    fn thread_statics(&self, thread: &Thread, ty: usize) -> Result<usize, Thrown> {
        statics::thread_block(&Cx { thread }, ty_of(ty))
    }

    fn thread_ends(&self, thread: &Thread) {
        crate::icalls::waiting::abandon_mutexes();
        threads::detach();
        statics::release_thread_blocks(thread);
    }

    fn static_address(&self, thread: &Thread, field: usize) -> Result<usize, Thrown> {
        let field = field_of(field);
        let cx = Cx { thread };
        init::ensure(&cx, types().ty(field.owner.id))?;
        statics::address_of(&cx, field)
    }

    fn copy_value(&self, to: usize, from: usize, ty: usize) {
        let ty = ty_of(ty);
        let size = ty.size_align().map_or(0, |s| s.0) as usize;
        heap::copy_unknown(to, from, size, ty.has_refs().unwrap_or(true));
    }
}

/// Address of a string literal's object; made on first use, one for each text.
pub fn literal(id: isthmus_runtime_abi::ids::LiteralId) -> Option<usize> {
    let literal = literals().get(id);
    let found = literal.object.load(Ordering::Acquire);
    if found != 0 {
        return Some(found);
    }
    let vtable = types().known.string().vtable_pointer().ok()?;
    let object = heap::alloc_immortal(vtable, Some(literal.text.len())).ok()?;
    // SAFETY: a fresh string object of that many units.
    unsafe {
        std::ptr::copy_nonoverlapping(
            literal.text.as_ptr(),
            (object.addr() + isthmus_runtime_abi::layout::STRING_CHARS as usize) as *mut u16,
            literal.text.len(),
        );
    }
    match literal
        .object
        .compare_exchange(0, object.addr(), Ordering::AcqRel, Ordering::Acquire)
    {
        Ok(_) => Some(object.addr()),
        Err(first) => Some(first),
    }
}

/// Address of a generic context; 0 if there is none.
fn context_address(context: GenericContextOf) -> usize {
    match context {
        GenericContextOf::Context(address) => address,
        GenericContextOf::This(this, method) => context_of_this(this, types().method(method)),
    }
}

/// The generic context that a shared instance method finds in `this`; 0 if it was called on null.
fn context_of_this(this: Ref, method: &'static Method) -> usize {
    let ContextSource::This(depth) = method.context_source() else {
        return 0;
    };
    if this.is_null() {
        return 0;
    }
    // SAFETY: a live object of a class of the hierarchy of `method`, whose vtable has a row of contexts.
    unsafe {
        let header = &*(this.vtable() as *const VtableHeader);
        let row = header.generic_contexts.load(Ordering::Acquire) as *const usize;
        *row.add(depth as usize)
    }
}
