//! Running class constructors: once, with threads, and with failures that stay.
//!
//! Compiled code tests the state byte and calls the `ClassInit` helper while it is not `CLASS_READY`. One thread at a time initializes
//! classes: constructors that need each other on two threads cannot wait for each other in a circle. Within that thread a class
//! whose constructor already runs counts as done.
//!
//! The lock is taken for moments only, and waiting happens in a blocking region: no thread that a collection wants to stop ever
//! sits on it.

use crate::object;
use crate::run::toy;
use isthmus_rt::gc::{Handle, HandleKind};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_rt::transition::blocking;
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::CLASS_READY;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::vm::FieldPlace;
use rustc_hash::FxHashMap;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
enum State {
    Running,
    /// Every use throws this exception.
    Failed(Handle),
}

#[derive(Debug, Default)]
struct Inner {
    /// The thread that initializes, and how many constructors deep it is.
    owner: Option<usize>,
    depth: usize,
    states: FxHashMap<TypeId, State>,
}

/// Class initialization of a program.
#[derive(Debug, Default)]
pub struct ClassInit {
    inner: Mutex<Inner>,
    free: Condvar,
}

enum Todo {
    Nothing,
    Throw(Handle),
    Wait,
    Run,
}

impl ClassInit {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that a class is initialized, or is being so by this thread.
    pub fn ensure(&self, thread: &Thread, ty: TypeId) -> Result<(), Thrown> {
        let me = thread.context() as usize;
        loop {
            match self.claim(me, ty) {
                Todo::Nothing => return Ok(()),
                Todo::Throw(handle) => {
                    let exception = thread.runtime().heap().handle_target(handle);
                    return Err(Thrown::again(exception));
                }
                Todo::Wait => blocking(|| {
                    let mut inner = self.lock();
                    while inner.owner.is_some() {
                        inner = self
                            .free
                            .wait(inner)
                            .unwrap_or_else(PoisonError::into_inner);
                    }
                }),
                Todo::Run => return self.run(thread, ty),
            }
        }
    }

    fn claim(&self, me: usize, ty: TypeId) -> Todo {
        let mut inner = self.lock();
        if toy().types().init_byte(ty).load(Acquire) == CLASS_READY {
            return Todo::Nothing;
        }
        match inner.states.get(&ty) {
            Some(State::Failed(handle)) => return Todo::Throw(*handle),
            Some(State::Running) if inner.owner == Some(me) => return Todo::Nothing,
            _ => {}
        }
        if inner.owner.is_some_and(|owner| owner != me) {
            return Todo::Wait;
        }
        inner.owner = Some(me);
        inner.depth += 1;
        inner.states.insert(ty, State::Running);
        Todo::Run
    }

    fn run(&self, thread: &Thread, ty: TypeId) -> Result<(), Thrown> {
        let toy = toy();
        let result = match toy.module.ty(ty).cctor {
            Some(cctor) => {
                let sig = AbiSig::new(
                    &toy.module.method_def(cctor).sig,
                    thread.runtime().arch(),
                    toy.module,
                );
                // SAFETY: the calling thread; a class constructor has no parameters.
                unsafe { thread.runtime().invoke_method(thread, cctor, &sig, &[]) }
            }
            None => Ok(Vec::new()),
        };
        let failed = match result {
            Ok(_) => None,
            Err(inner) => Some(wrap(thread, inner.exception)?),
        };
        let handle = failed.and_then(|e| thread.runtime().heap().new_handle(HandleKind::Strong, e));
        let mut inner = self.lock();
        match handle {
            Some(handle) => {
                inner.states.insert(ty, State::Failed(handle));
            }
            None => {
                inner.states.remove(&ty);
                toy.types().init_byte(ty).store(CLASS_READY, Release);
            }
        }
        inner.depth -= 1;
        if inner.depth == 0 {
            inner.owner = None;
            self.free.notify_all();
        }
        match failed {
            Some(exception) => Err(Thrown::new(exception)),
            None => Ok(()),
        }
    }
}

/// A TypeInitializationException around what a class constructor threw.
fn wrap(thread: &Thread, inner: Ref) -> Result<Ref, Thrown> {
    let module = toy().module;
    let class = module.find_type("TypeInitializationException");
    let field = module.find_field(module.wellknown().exception, "inner");
    let (Some(class), Some(field)) = (class, field) else {
        return Err(thread.runtime().trap(thread, TrapKind::InvalidProgram));
    };
    let object = object::new_object(thread, class)?;
    if let FieldPlace::Instance(offset) = module.field_def(field).place {
        // SAFETY: a reference field of the object just made. The heap's store keeps the write barrier.
        unsafe {
            let slot = object.addr() + offset as usize;
            thread.runtime().heap().store(object, slot, inner);
        }
    }
    Ok(object)
}
