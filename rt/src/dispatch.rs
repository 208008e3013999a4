//! The C functions behind the trampolines: from a call to code.
//!
//! | stub | function | asks the VM |
//! | --- | --- | --- |
//! | prestub | `compile` | for code |
//! | slot trampoline | `vtable_slot` | what the slot of this vtable leads to; patches the slot |
//! | IMT trampoline | `imt_slot` | what implements the interface method; rebuilds the slot's thunk, or patches the slot |
//!
//! A failure is left pending in the thread context; the stub throws it in the caller.

use crate::object::{Ref, Thrown};
use crate::runtime::{InstallError, Runtime};
use crate::thread::Thread;
use crate::transition::Blocking;
use crate::vm::SlotTarget;
use isthmus_linker::LinkedCode;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{self, IMT_SLOTS};
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::vm::InterfaceSlot;
use isthmus_stubs::dispatch::{self as stubs, ImtTarget};
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

const WORD: u32 = size_of::<usize>() as u32;

/// The entries of IMT thunks, by vtable and slot.
#[derive(Debug, Default)]
pub(crate) struct ImtTables {
    slots: FxHashMap<(usize, u32), ImtSlot>,
    thunks: u32,
    /// Replaced thunks: free once no thread can be inside one.
    retired: Vec<LinkedCode>,
}

#[derive(Debug, Default)]
struct ImtSlot {
    entries: Vec<(u64, ImtTarget)>,
    thunk: Option<LinkedCode>,
}

/// The IMT slot of an interface method.
pub fn imt_slot_of(method: MethodId) -> u32 {
    // Neighbouring methods get different slots.
    let raw = method.raw();
    (raw ^ raw >> 5) % IMT_SLOTS
}

/// How an interface method is called.
pub fn interface_slot(method: MethodId) -> InterfaceSlot {
    InterfaceSlot {
        key: method.raw(),
        slot: imt_slot_of(method),
    }
}

/// `RuntimeFn::Compile`: the method has no code, or is code of an image whose calls the prestub counts, and has been called often.
///
/// # Safety
/// Called by the compile trampoline.
pub(crate) unsafe extern "C" fn compile(ctx: *mut ThreadContext, method: u32) -> usize {
    // SAFETY: stubs pass the calling thread's context.
    let thread = unsafe { Thread::from_context(ctx) };
    let Some(id) = MethodId::from_raw(method) else {
        crate::internal_error("a prestub names no method");
    };
    let runtime = thread.runtime();
    let code = runtime.code_of(thread, id);
    runtime.image_code_called(thread, id);
    thread.or_throw(code)
}

/// `RuntimeFn::VtableSlot`.
///
/// # Safety
/// Called by the vtable trampoline.
pub(crate) unsafe extern "C" fn vtable_slot(
    ctx: *mut ThreadContext,
    this: usize,
    slot: u32,
) -> usize {
    // SAFETY: stubs pass the calling thread's context; the caller has loaded the vtable from `this`.
    let (thread, vtable) = unsafe { (Thread::from_context(ctx), Ref::from_addr(this).vtable()) };
    thread.or_throw(thread.runtime().fill_vtable_slot(thread, vtable, slot))
}

/// `RuntimeFn::ImtSlot`.
///
/// # Safety
/// Called by the IMT trampoline.
pub(crate) unsafe extern "C" fn imt_slot(
    ctx: *mut ThreadContext,
    this: usize,
    key: u64,
    slot: u32,
) -> usize {
    // SAFETY: as in `vtable_slot`.
    let (thread, vtable) = unsafe { (Thread::from_context(ctx), Ref::from_addr(this).vtable()) };
    let method = u32::try_from(key).ok().and_then(MethodId::from_raw);
    let Some(method) = method.filter(|&m| imt_slot_of(m) == slot) else {
        crate::internal_error("an interface call has a wrong key");
    };
    let runtime = thread.runtime();
    thread.or_throw(runtime.fill_imt_slot(thread, vtable, method, slot))
}

impl Runtime {
    /// Code of a method, compiled if need be. One thread compiles; others wait for it.
    pub fn code_of(&self, thread: &Thread, id: MethodId) -> Result<usize, Thrown> {
        let record = self.method(id);
        let me = thread.context() as usize;
        let mut state = record.state.lock();
        loop {
            if let Some(&code) = state.versions.last() {
                return Ok(code);
            }
            match state.compiling {
                Some(other) if other != me => {
                    // The lock is released while waiting, and before the region ends.
                    let region = Blocking::enter(thread);
                    record.compiled.wait(&mut state);
                    drop(state);
                    drop(region);
                    state = record.state.lock();
                }
                // Compiling it needs running it: the inner call compiles too.
                _ => break,
            }
        }
        let outer = state.compiling.replace(me);
        drop(state);

        let result = thread.with_deep_stack(|| {
            Ok(match self.vm().ready_made(thread, id) {
                Some(image) => self.adopt(record, &image),
                None => {
                    let artifact = self.vm().compile(thread, id)?;
                    self.install_for(record, &artifact).map(|_| ())
                }
            })
        });
        let mut state = record.state.lock();
        state.compiling = outer;
        let newest = state.versions.last().copied();
        record.compiled.notify_all();
        drop(state);
        match (result?, newest) {
            (Ok(_), Some(code)) => Ok(code),
            (Err(error), _) => match error.symbol().and_then(|s| self.vm().undefined(thread, s)) {
                Some(thrown) => Err(thrown),
                None => crate::internal_error(&error.to_string()),
            },
            (Ok(_), None) => crate::internal_error("installed code is not there"),
        }
    }

    /// What a vtable's slot leads to; patches the slot.
    pub fn fill_vtable_slot(
        &self,
        thread: &Thread,
        vtable: usize,
        slot: u32,
    ) -> Result<usize, Thrown> {
        let word = vtable + layout::vtable_slot(slot, WORD) as usize;
        let target = self.vm().vtable_slot(thread, vtable, slot)?;
        self.lead_slot_to(thread, word, target)
    }

    /// Lets a word of a vtable lead to a target from now on.
    fn lead_slot_to(
        &self,
        thread: &Thread,
        word: usize,
        target: SlotTarget,
    ) -> Result<usize, Thrown> {
        match target {
            SlotTarget::Method(id) => {
                self.code_of(thread, id)?;
                // SAFETY: a slot of a live vtable.
                let code = unsafe { self.method(id).add_slot(word) };
                Ok(code.unwrap_or_else(|| crate::internal_error("code is gone")))
            }
            SlotTarget::Unboxed(id, context) => {
                let stub = self.made(self.unboxing_stub(id, context));
                // SAFETY: as above.
                unsafe { AtomicUsize::from_ptr(word as *mut usize) }.store(stub, Ordering::Release);
                Ok(stub)
            }
        }
    }

    /// Code of an interface method for a vtable; rebuilds the slot's thunk with it.
    fn fill_imt_slot(
        &self,
        thread: &Thread,
        vtable: usize,
        method: MethodId,
        slot: u32,
    ) -> Result<usize, Thrown> {
        let implementation = self.vm().interface_method(thread, vtable, method)?;
        if self.vm().is_alone_in_imt_slot(vtable, method) {
            let word = vtable + layout::imt_slot(slot, WORD) as usize;
            return self.lead_slot_to(thread, word, implementation);
        }
        let (target, code) = match implementation {
            SlotTarget::Method(id) => (
                ImtTarget::Cell(Symbol::MethodCell(id)),
                self.code_of(thread, id)?,
            ),
            SlotTarget::Unboxed(id, context) => (
                ImtTarget::Code(Symbol::Stub(Stub::Unboxing(id))),
                self.made(self.unboxing_stub(id, context)),
            ),
        };
        self.made(self.add_imt_entry(vtable, slot, interface_slot(method).key.into(), target));
        Ok(code)
    }

    fn add_imt_entry(
        &self,
        vtable: usize,
        slot: u32,
        key: u64,
        target: ImtTarget,
    ) -> Result<(), InstallError> {
        let mut tables = self.imt.lock();
        let tables = &mut *tables;
        let entry = tables.slots.entry((vtable, slot)).or_default();
        if entry.entries.iter().any(|e| e.0 == key) {
            return Ok(());
        }
        entry.entries.push((key, target));
        let number = tables.thunks;
        tables.thunks += 1;
        let artifact = stubs::imt_thunk(self.arch(), number, slot, &entry.entries)?;
        let thunk = self.link(&artifact)?;
        let word = vtable + layout::imt_slot(slot, WORD) as usize;
        // SAFETY: an IMT slot of a live vtable.
        unsafe { AtomicUsize::from_ptr(word as *mut usize) }.store(thunk.base, Ordering::Release);
        tables.retired.extend(entry.thunk.replace(thunk));
        Ok(())
    }

    /// Frees replaced thunks. To be called while the world is stopped: a thread parks in methods only, never in
    /// a thunk.
    pub(crate) fn free_retired(&self) {
        // A thread that is stopped while it holds the lock is past the trampoline; try another time.
        if let Some(mut tables) = self.imt.try_lock() {
            for thunk in tables.retired.drain(..) {
                self.code_memory().free(thunk);
            }
        }
    }
}
