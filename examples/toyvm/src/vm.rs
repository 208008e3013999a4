//! What the runtime asks while programs run: the `Vm` trait.

use crate::compile::Compiler;
use crate::host;
use crate::object::{self, type_of, type_of_vtable};
use crate::types::{Types, from_handle};
use isthmus_frontend_ir::module::{MethodFlags, Module};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_rt::vm::{Nullable, SlotTarget, UnboxContext, Vm};
use isthmus_runtime_abi::artifact::{CompiledMethod, OsrEntry};
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
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

    fn optimize(&self, method: MethodId, entry: Option<&OsrEntry>) -> Option<CompiledMethod> {
        self.compiler.compile_hot(method, entry)
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
            Symbol::Native(n) => host::function(self.module, MethodId::from_raw(n)?),
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

    fn trap_exception(&self, thread: &Thread, kind: TrapKind) -> Ref {
        match object::new_object(thread, self.module.trap_class(kind)) {
            Ok(exception) => exception,
            // No memory for it: the exception about that (which the recursion ends with, or the process does).
            Err(thrown) => thrown.exception,
        }
    }

    // ---- types; boxes and casts follow from these

    fn is_instance(&self, object: Ref, ty: usize) -> bool {
        self.module.is_subtype(type_of(object), from_handle(ty))
    }

    fn nullable(&self, ty: usize) -> Option<Nullable> {
        let ty = from_handle(ty);
        let TypeKind::Nullable(payload) = self.module.ty(ty).kind else {
            return None;
        };
        Some(Nullable {
            size: self.module.ty(ty).layout.size,
            flag: 0,
            value: self.module.nullable_value_offset(ty),
            value_size: self.module.ty(payload).layout.size,
            vtable: self.types().vtable(payload),
        })
    }

    // ---- classes, statics, memory

    fn class_init(&self, thread: &Thread, ty: usize) -> Result<(), Thrown> {
        self.ensure_initialized(thread, from_handle(ty))
    }

    fn thread_statics(&self, _: &Thread, ty: usize) -> Result<usize, Thrown> {
        let ty = from_handle(ty);
        let words = self.module.ty(ty).statics.thread_bytes as usize / 8 + 1;
        Ok(STATICS.with_borrow_mut(|all| {
            let block = all.entry(ty).or_insert_with(|| vec![0; words].into());
            block.as_mut_ptr() as usize
        }))
    }

    fn copy_value(&self, to: usize, from: usize, ty: usize) {
        let bytes = self.module.ty(from_handle(ty)).layout.size as usize;
        if let Some(heap) = isthmus_rt::gc::Heap::get() {
            // SAFETY: compiled code passes two places that hold a value of the type.
            unsafe { heap.copy_unknown(to, from, bytes) }
        }
    }
}
