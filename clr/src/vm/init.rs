//! Class initialization (ECMA-335 II.10.5.3): each static constructor runs once, on one thread; others wait for it unless
//! waiting would close a circle, in which case they see the class half initialized, as the standard allows.

use super::state::InitProgress;
use super::{Cx, heap};
use crate::types::Type;
use isthmus_rt::object::Thrown;
use isthmus_rt::transition::blocking;
use isthmus_runtime_abi::layout::CLASS_READY;
use rustc_hash::FxHashMap;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex};

/// Which class each waiting thread waits for, and who runs it.
static WAITING: Mutex<Option<FxHashMap<u64, u64>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// Runs the class constructor of a type unless it ran; throws TypeInitializationException if it failed.
pub fn ensure(cx: &Cx, ty: &'static Type) -> Result<(), Thrown> {
    if ty.runtime.is_ready() {
        return Ok(());
    }
    let Some(constructor) = ty.class_constructor() else {
        ty.runtime.init.store(CLASS_READY, Ordering::Release);
        return Ok(());
    };
    let me = thread_number();
    loop {
        let mut progress = ty
            .runtime
            .init_progress
            .lock()
            .unwrap_or_else(|e| e.into_inner());
        match &*progress {
            InitProgress::Ready => return Ok(()),
            InitProgress::Failed(handle) => return Err(Thrown::again(heap::from_handle(*handle))),
            InitProgress::Running(by) if *by == me => return Ok(()),
            InitProgress::Running(by) => {
                let by = *by;
                drop(progress);
                if !wait_for(me, by, ty) {
                    return Ok(());
                }
            }
            InitProgress::Idle => {
                *progress = InitProgress::Running(me);
                break;
            }
        }
    }
    let result = cx.invoke(constructor, &[]);
    let outcome = match &result {
        Ok(_) => InitProgress::Ready,
        Err(thrown) => {
            let name = ty.qualified_name('+');
            let wrapped = cx.type_initialization_exception(&name, thrown.exception);
            InitProgress::Failed(heap::strong_handle(wrapped))
        }
    };
    let failed = match outcome {
        InitProgress::Failed(handle) => Some(handle),
        _ => None,
    };
    *ty.runtime
        .init_progress
        .lock()
        .unwrap_or_else(|e| e.into_inner()) = outcome;
    if failed.is_none() {
        ty.runtime.init.store(CLASS_READY, Ordering::Release);
    }
    let _waiting = WAITING.lock().unwrap_or_else(|e| e.into_inner());
    CHANGED.notify_all();
    drop(_waiting);
    match failed {
        None => Ok(()),
        Some(handle) => Err(Thrown::new(heap::from_handle(handle))),
    }
}

/// Waits until another thread is done with a class. False if that thread, directly or through others, waits for this one.
fn wait_for(me: u64, by: u64, ty: &'static Type) -> bool {
    let done = || {
        !matches!(
            *ty.runtime
                .init_progress
                .lock()
                .unwrap_or_else(|e| e.into_inner()),
            InitProgress::Running(_)
        )
    };
    blocking(|| {
        let mut guard = WAITING.lock().unwrap_or_else(|e| e.into_inner());
        let mut next = by;
        while let Some(&other) = guard.get_or_insert_default().get(&next) {
            if other == me {
                return false;
            }
            next = other;
        }
        guard.get_or_insert_default().insert(me, by);
        while !done() {
            guard = CHANGED.wait(guard).unwrap_or_else(|e| e.into_inner());
        }
        guard.get_or_insert_default().remove(&me);
        true
    })
}

/// A number of the current thread, never reused.
pub fn thread_number() -> u64 {
    use std::sync::atomic::AtomicU64;
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static ME: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    ME.with(|n| *n)
}
