//! What the VM keeps beside each type, method and assembly: addresses of run-time data, 0 until made.

use super::contexts::SlotTable;
use isthmus_runtime_abi::layout::CLASS_READY;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// Beside a type.
#[derive(Default)]
pub struct TypeState {
    /// Class-initialization state byte: [`CLASS_READY`] when done. Compiled code reads it.
    pub init: AtomicU8,
    /// Who runs the class constructor, and what came of it.
    pub init_progress: Mutex<InitProgress>,
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
    /// The type of one-dimensional arrays of this type.
    pub array: OnceLock<isthmus_runtime_abi::ids::TypeId>,
}

/// State of class initialization.
#[derive(Clone, Debug, Default)]
pub enum InitProgress {
    /// Not begun.
    #[default]
    Idle,
    /// The constructor runs on this thread (the VM's thread number).
    Running(u64),
    /// Done.
    Ready,
    /// The constructor threw: handle of the TypeInitializationException to throw again.
    Failed(usize),
}

impl TypeState {
    /// Whether the class needs no initialization any more.
    pub fn is_ready(&self) -> bool {
        self.init.load(Ordering::Acquire) == CLASS_READY
    }
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
}

/// Beside an assembly.
#[derive(Default)]
pub struct AssemblyState {
    /// Handle of the `RuntimeAssembly`.
    pub object: AtomicUsize,
    /// Handle of the `RuntimeModule`.
    pub module: AtomicUsize,
}
