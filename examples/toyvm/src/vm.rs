//! What the runtime asks while programs run: the `Vm` trait.

use crate::class_init::ClassInit;
use crate::compile::Compiler;
use crate::object::{self, type_of, type_of_vtable};
use crate::types::{Types, from_handle};
use crate::{host, types};
use isthmus_frontend_ir::module::{MethodFlags, Module};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_rt::vm::{GenericContextOf, SlotTarget, TraceFrame, UnboxContext, Vm};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::ids::{MethodId, RaiseId, TypeId};
use isthmus_runtime_abi::layout::HEADER;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::vm::{CompileEnv, TypeKind};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The VM of one program.
#[derive(Debug)]
pub struct Toy {
    /// The program.
    pub module: &'static Module,
    /// Makes its code.
    pub compiler: Compiler,
    /// Runs its class constructors.
    pub class_init: ClassInit,
    /// Its threads.
    pub threads: host::Threads,
    types: OnceLock<Types>,
    output: Mutex<Vec<String>>,
}

thread_local! {
    /// Thread statics of the current thread by type.
    static STATICS: RefCell<FxHashMap<TypeId, Box<[u64]>>> = RefCell::default();
}

impl Toy {
    /// A VM for a program; [`Self::set_types`] follows when the heap is there.
    pub fn new(module: &'static Module, compiler: Compiler) -> Toy {
        Toy {
            module,
            compiler,
            class_init: ClassInit::default(),
            threads: host::Threads::default(),
            types: OnceLock::new(),
            output: Mutex::default(),
        }
    }

    /// Gives the VM its types, before anything runs.
    pub fn set_types(&self, types: Types) {
        // Set once: `run` runs once.
        let _ = self.types.set(types);
    }

    /// The program's types.
    pub fn types(&self) -> &Types {
        match self.types.get() {
            Some(types) => types,
            None => unreachable!("code runs before the types are there"),
        }
    }

    /// Lines printed.
    pub fn output(&self) -> MutexGuard<'_, Vec<String>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The method that `callee` means on objects of type `exact`. Methods of value types want an unboxed `this`.
    fn target(
        &self,
        thread: &Thread,
        callee: MethodId,
        exact: TypeId,
    ) -> Result<SlotTarget, Thrown> {
        let Some(method) = self.module.find_implementation(callee, exact) else {
            return Err(thread.runtime().trap(thread, TrapKind::InvalidProgram));
        };
        let own = self.module.method_def(method).owner == Some(exact);
        Ok(if own && self.module.is_value(exact) {
            SlotTarget::Unboxed(method, UnboxContext::None)
        } else {
            SlotTarget::Method(method)
        })
    }
}

fn trap<T>(thread: &Thread, kind: TrapKind) -> Result<T, Thrown> {
    Err(thread.runtime().trap(thread, kind))
}

/// The program has no generic code: nothing asks these questions.
fn no_generics<T>(thread: &Thread) -> Result<T, Thrown> {
    trap(thread, TrapKind::InvalidProgram)
}

impl Vm for &'static Toy {
    // ---- code

    fn compile(&self, thread: &Thread, method: MethodId) -> Result<CompiledMethod, Thrown> {
        let def = self.module.method_def(method);
        if def.flags.contains(MethodFlags::EXTERN) {
            // A host function: a transition stub that calls the C function behind `Symbol::Native`.
            let arch = thread.runtime().arch();
            let sig = AbiSig::new(&def.sig, arch, self.module);
            let (name, target) = (Symbol::MethodBody(method), Symbol::Native(method.raw()));
            let stub = isthmus_stubs::native::native_call(arch, name, &sig, target);
            return stub.or_else(|_| trap(thread, TrapKind::InvalidProgram));
        }
        match self.compiler.compile(method) {
            Some(code) => Ok(code),
            None => trap(thread, TrapKind::InvalidProgram),
        }
    }

    fn vtable_slot(&self, thread: &Thread, vtable: usize, slot: u32) -> Result<SlotTarget, Thrown> {
        let exact = type_of_vtable(vtable);
        match self.module.ty(exact).vtable.get(slot as usize) {
            Some(&method) => self.target(thread, method, exact),
            None => trap(thread, TrapKind::InvalidProgram),
        }
    }

    fn interface_method(
        &self,
        thread: &Thread,
        vtable: usize,
        method: MethodId,
    ) -> Result<SlotTarget, Thrown> {
        self.target(thread, method, type_of_vtable(vtable))
    }

    fn symbol(&self, symbol: Symbol) -> Option<usize> {
        match symbol {
            Symbol::Native(n) => host::function(&self.module.full_name(MethodId::from_raw(n)?)),
            other => self.types().symbol(other),
        }
    }

    fn method_name(&self, method: MethodId) -> String {
        self.module.full_name(method)
    }

    // ---- exceptions

    fn catches(&self, ty: TypeId, exception: Ref) -> bool {
        self.module.is_subtype(type_of(exception), ty)
    }

    fn catches_lookup(&self, _: GenericContextOf, _: u32, _: Ref) -> bool {
        false
    }

    fn trap_exception(&self, thread: &Thread, kind: TrapKind) -> Ref {
        match object::new_object(thread, self.module.trap_class(kind)) {
            Ok(exception) => exception,
            // No memory for it: the exception about that (which the recursion ends with, or the process does).
            Err(thrown) => thrown.exception,
        }
    }

    fn raise_exception(&self, thread: &Thread, _: RaiseId) -> Ref {
        self.trap_exception(thread, TrapKind::InvalidProgram)
    }

    fn note_trace(&self, _: &Thread, _: Ref, _: &[TraceFrame], _: bool) {}

    // ---- boxes and casts

    fn box_any(&self, thread: &Thread, ty: usize, value: usize) -> Result<Ref, Thrown> {
        let ty = from_handle(ty);
        let TypeKind::Nullable(payload) = self.module.ty(ty).kind else {
            return thread
                .runtime()
                .box_value(thread, self.types().vtable(ty), value);
        };
        // SAFETY: compiled code passes the address of a nullable, which begins with its flag.
        if unsafe { *(value as *const u8) } == 0 {
            return Ok(Ref::NULL);
        }
        let value = value + self.module.nullable_value_offset(ty) as usize;
        thread
            .runtime()
            .box_value(thread, self.types().vtable(payload), value)
    }

    fn unbox(&self, thread: &Thread, object: Ref, ty: usize) -> Result<usize, Thrown> {
        if object.is_null() {
            return trap(thread, TrapKind::NullReference);
        }
        match type_of(object) == from_handle(ty) {
            true => Ok(object.addr() + HEADER as usize),
            false => trap(thread, TrapKind::InvalidCast),
        }
    }

    fn unbox_any(&self, thread: &Thread, object: Ref, ty: usize, to: usize) -> Result<(), Thrown> {
        let ty = from_handle(ty);
        let TypeKind::Nullable(payload) = self.module.ty(ty).kind else {
            return trap(thread, TrapKind::InvalidProgram);
        };
        if !object.is_null() && type_of(object) != payload {
            return trap(thread, TrapKind::InvalidCast);
        }
        let offset = self.module.nullable_value_offset(ty) as usize;
        let size = self.module.ty(ty).layout.size as usize;
        // SAFETY: the destination is a nullable in the caller's frame (so no barrier); a box holds at least its payload, whose
        // size the nullable's has room for.
        unsafe {
            std::ptr::write_bytes(to as *mut u8, 0, size);
            if !object.is_null() {
                *(to as *mut u8) = 1;
                let bytes = self.module.ty(payload).layout.size as usize;
                let value = (object.addr() + HEADER as usize) as *const u8;
                std::ptr::copy_nonoverlapping(value, (to + offset) as *mut u8, bytes);
            }
        }
        Ok(())
    }

    fn is_inst(&self, object: Ref, ty: usize) -> Ref {
        let yes = !object.is_null() && self.module.is_subtype(type_of(object), from_handle(ty));
        if yes { object } else { Ref::NULL }
    }

    fn cast_class(&self, thread: &Thread, object: Ref, ty: usize) -> Result<Ref, Thrown> {
        if object.is_null() || !self.is_inst(object, ty).is_null() {
            return Ok(object);
        }
        trap(thread, TrapKind::InvalidCast)
    }

    fn array_store_check(&self, thread: &Thread, array: Ref, value: Ref) -> Result<(), Thrown> {
        match self.module.ty(type_of(array)).kind {
            TypeKind::SzArray(element)
                if value.is_null() || self.module.is_subtype(type_of(value), element) =>
            {
                Ok(())
            }
            _ => trap(thread, TrapKind::ArrayTypeMismatch),
        }
    }

    fn array_exact_check(&self, thread: &Thread, array: Ref, ty: usize) -> Result<(), Thrown> {
        if array.is_null() {
            return trap(thread, TrapKind::NullReference);
        }
        match self.module.ty(type_of(array)).kind {
            TypeKind::SzArray(element) if element == from_handle(ty) => Ok(()),
            _ => trap(thread, TrapKind::ArrayTypeMismatch),
        }
    }

    // ---- calls

    fn resolve_virtual(
        &self,
        thread: &Thread,
        object: Ref,
        method: usize,
    ) -> Result<usize, Thrown> {
        if object.is_null() {
            return trap(thread, TrapKind::NullReference);
        }
        let Some(method) = MethodId::from_raw(method as u32) else {
            return trap(thread, TrapKind::InvalidProgram);
        };
        let runtime = thread.runtime();
        match self.target(thread, method, type_of(object))? {
            SlotTarget::Method(method) => Ok(runtime.entry(method)),
            SlotTarget::Unboxed(method, context) => match runtime.unboxing_stub(method, context) {
                Ok(stub) => Ok(stub),
                Err(_) => trap(thread, TrapKind::OutOfMemory),
            },
        }
    }

    fn resolve_generic_virtual(&self, thread: &Thread, _: Ref, _: usize) -> Result<usize, Thrown> {
        no_generics(thread)
    }

    fn resolve_constrained(
        &self,
        thread: &Thread,
        _: usize,
        _: usize,
        _: usize,
    ) -> Result<(usize, usize), Thrown> {
        no_generics(thread)
    }

    fn generic_lookup(&self, thread: &Thread, _: usize, _: u32) -> Result<usize, Thrown> {
        no_generics(thread)
    }

    // ---- classes, statics, memory

    fn class_init(&self, thread: &Thread, ty: usize) -> Result<(), Thrown> {
        self.class_init.ensure(thread, from_handle(ty))
    }

    fn thread_statics(&self, _: &Thread, ty: usize) -> Result<usize, Thrown> {
        let ty = from_handle(ty);
        let words = self.module.ty(ty).statics.thread_bytes as usize / 8 + 1;
        Ok(STATICS.with_borrow_mut(|all| {
            let block = all.entry(ty).or_insert_with(|| vec![0; words].into());
            block.as_mut_ptr() as usize
        }))
    }

    fn static_address(&self, thread: &Thread, _: usize) -> Result<usize, Thrown> {
        // Every static field of a module has a place that compiled code knows.
        trap(thread, TrapKind::InvalidProgram)
    }

    fn copy_value(&self, to: usize, from: usize, ty: usize) {
        let bytes = self.module.ty(types::from_handle(ty)).layout.size as usize;
        if let Some(heap) = isthmus_rt::gc::Heap::get() {
            // SAFETY: compiled code passes two places that hold a value of the type.
            unsafe { heap.copy_unknown(to, from, bytes) }
        }
    }

    fn tier_up(&self, _: &Thread, _: usize) {}
}
