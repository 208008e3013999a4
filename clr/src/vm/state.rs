//! What the VM keeps beside each type, method and assembly: addresses of run-time data, 0 until made.

use super::contexts::SlotTable;
use isthmus_frontend_ir::body::Body;
use isthmus_rt::class_init::ClassState;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Beside a type.
#[derive(Default)]
pub struct TypeState {
    /// Class initialization.
    pub init: ClassState,
    /// Native memory of statics.
    pub statics: AtomicUsize,
    /// Object with the statics that hold references.
    pub ref_statics: AtomicUsize,
    /// Number of the type's block of thread statics, from 1.
    pub thread_statics: AtomicU32,
    /// The generic context of an exact instantiation.
    pub context: AtomicUsize,
    /// The reflection object (`RuntimeType`).
    pub type_object: AtomicUsize,
    /// Slots that shared code of the canonical type looks up.
    pub slots: SlotTable,
    /// Whether its members fit together (see `crate::verify::loadable`).
    pub loadable: OnceLock<crate::types::Result<()>>,
    /// The type of one-dimensional arrays of this type.
    pub array: OnceLock<isthmus_runtime_abi::ids::TypeId>,
}

/// Beside a method.
#[derive(Default)]
pub struct MethodState {
    /// The generic context of an exact instantiation.
    pub context: AtomicUsize,
    /// Slots that shared code of the canonical method looks up.
    pub slots: SlotTable,
    /// Entry of the unboxing stub.
    pub unboxing: AtomicUsize,
    /// Entry of the stub that sets the hidden context of an exact instantiation.
    pub exact_entry: AtomicUsize,
    /// Handle of the reflection object.
    pub reflected: AtomicUsize,
    /// The body in stack IR, if it is small: inlining asks for those again and again.
    pub small_body: OnceLock<Arc<Body>>,
    /// How the parameters of a call of native code, or of a callback, cross, once code that converts them has run.
    pub specs: OnceLock<crate::marshal::spec::Specs>,
}

/// Beside an assembly.
#[derive(Default)]
pub struct AssemblyState {
    /// Handle of the `RuntimeAssembly`.
    pub object: AtomicUsize,
    /// Handle of the `RuntimeModule`.
    pub module: AtomicUsize,
    /// Code of its methods that was compiled ahead of time.
    pub image: OnceLock<Option<&'static crate::aot::images::LoadedImage>>,
    /// Whether its handlers see a `RuntimeWrappedException` where something else than an exception was thrown.
    pub sees_wrapped: OnceLock<bool>,
}

impl AssemblyState {
    /// Makes an object that exists already stand for the assembly.
    pub fn set_object(&self, object: isthmus_rt::object::Ref) {
        self.object
            .store(super::heap::strong_handle(object), Ordering::Release);
    }

    /// Makes an object that exists already stand for the module.
    pub fn set_module(&self, object: isthmus_rt::object::Ref) {
        self.module
            .store(super::heap::strong_handle(object), Ordering::Release);
    }
}
