//! C function pointers that lead to managed code.
//!
//! [`Callbacks::make`] gives a pointer that C may call like any other function, on any thread. What is called is a managed function whose parameters are an
//! object, which the pointer stands for, and then what [`downcall`] describes: the address for an aggregate result, scalars,
//! and addresses of aggregates, valid during the call.
//!
//! ```text
//!  C calls a thunk            data word ──▶ Callback { entry, handler, shape, code, object }
//!   └▶ upcall entry (stub)                      │
//!       └▶ handle ◀─────────────────────────────┘
//!            the thread: this one, or attached now, until it ends
//!            out of the blocking region that the call into C opened
//!            words from registers, stack and aggregates; Invoke; words back
//! ```
//!
//! **Exceptions.** One that nothing above the boundary handles goes on in the managed code that called C: the C frames between are
//! dropped, as `longjmp` drops them. Where there is no such code, [`Host::unhandled`] says what happens.
//!
//! **Lifetime.** A callback does not keep its object alive; the VM decides. A call whose object is gone ends in [`Host::collected`].
//!
//! | module | what |
//! | --- | --- |
//! | [`thunks`] | the code that pointers point to |
//! | `attach` | threads that C made |

mod attach;
pub mod thunks;

use crate::abi::{Abi, Call, Pass, Pieces, Return};
use crate::downcall::{self, NoStructs};
use crate::function::Function;
use crate::layout::Layout;
use isthmus_rt::gc::Handle;
use isthmus_rt::object::Thrown;
use isthmus_rt::runtime::{InstallError, Runtime};
use isthmus_rt::thread::Thread;
use isthmus_rt::transition::Running;
use isthmus_runtime_abi::callconv::{AbiSig, Loc};
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::types::{MemTy, Signature};
use isthmus_stubs::entry::InvokeArgs;
use isthmus_stubs::foreign::{ThunkRecord, UpcallFrame, upcall_entry};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thunks::Thunks;

/// What a VM decides about calls from C.
pub trait Host: Sync {
    /// The runtime.
    fn runtime(&self) -> &'static Runtime;

    /// A thread that C made has been attached. It runs managed code for the first time.
    fn attached(&self, thread: &Thread) -> Result<(), Thrown>;

    /// An exception that no managed code can handle, since only C called this callback. Ends the process.
    fn unhandled(&self, thread: &Thread, thrown: Thrown) -> !;

    /// A callback whose object is gone was called. Ends the process.
    fn collected(&self) -> !;
}

/// Why a callback cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum UpcallError {
    /// Its code cannot be made or installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A stub cannot be made.
    #[error(transparent)]
    Stub(#[from] isthmus_stubs::StubError),
    /// The operating system gives no memory for code.
    #[error("no memory for function pointers: {0}")]
    Memory(#[from] std::io::Error),
}

/// How calls of a function type arrive and how they go on: shared by all callbacks of the type.
#[derive(Debug)]
pub struct Shape {
    function: Function,
    call: Call,
    sig: AbiSig,
    arch: Arch,
    /// Words of memory for aggregates that arrive in pieces, and for a result in pieces.
    scratch: usize,
}

impl Shape {
    /// The shape of calls of a function type.
    pub fn new(function: Function, arch: Arch) -> Shape {
        let call = Abi::of(arch).call(&function);
        let sig = AbiSig::new(&signature(&function), arch, &NoStructs);
        let words = |l: &Layout| l.size(arch).div_ceil(8) as usize + 1;
        let in_pieces = call.params.iter().zip(&function.params);
        let in_pieces =
            in_pieces.filter(|(pass, _)| matches!(pass, Pass::Pieces(_) | Pass::Nothing));
        let scratch = in_pieces.map(|(_, layout)| words(layout)).sum::<usize>()
            + function.ret.as_ref().map_or(0, words);
        Shape {
            function,
            call,
            sig,
            arch,
            scratch,
        }
    }
}

/// The managed signature behind callbacks of a function type: an object, then as for calls of it.
pub fn signature(f: &Function) -> Signature {
    let plain = downcall::signature(f, false);
    Signature {
        params: std::iter::once(MemTy::Ref).chain(plain.params).collect(),
        ..plain
    }
}

/// What a function pointer stands for.
#[repr(C)]
pub struct Callback {
    record: ThunkRecord,
    shape: Arc<Shape>,
    /// Address of the managed function.
    code: usize,
    /// The object that it gets first.
    object: Handle,
    host: &'static dyn Host,
}

impl Callback {
    /// The handle of the object.
    pub fn object(&self) -> Handle {
        self.object
    }
}

/// All function pointers of a process.
#[derive(Default)]
pub struct Callbacks {
    thunks: Mutex<Thunks>,
    by_address: Mutex<HashMap<usize, &'static Callback>>,
}

impl Callbacks {
    /// A function pointer for an object: calls of it call the managed function at `code`, of [`signature`].
    pub fn make(
        &self,
        host: &'static dyn Host,
        shape: Arc<Shape>,
        code: usize,
        object: Handle,
    ) -> Result<usize, UpcallError> {
        let symbol = Symbol::Stub(Stub::Upcall);
        let entry = host
            .runtime()
            .stub(symbol, |arch| upcall_entry(arch, symbol))?;
        let arch = shape.arch;
        let callback: &'static Callback = Box::leak(Box::new(Callback {
            record: ThunkRecord {
                entry,
                handler: handle,
            },
            shape,
            code,
            object,
            host,
        }));
        let address = self
            .thunks
            .lock()
            .take(arch, ptr::from_ref(callback) as usize)?;
        self.by_address.lock().insert(address, callback);
        Ok(address)
    }

    /// The handle of the object that a function pointer stands for; `None`: it is none of these.
    pub fn object_of(&self, address: usize) -> Option<Handle> {
        self.by_address.lock().get(&address).map(|c| c.object)
    }

    /// Number of function pointers.
    pub fn len(&self) -> usize {
        self.by_address.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All function pointers with the handles of their objects.
    pub fn all(&self) -> Vec<(usize, Handle)> {
        let map = self.by_address.lock();
        map.iter()
            .map(|(&address, c)| (address, c.object))
            .collect()
    }

    /// Frees a function pointer; the handle is the caller's again.
    ///
    /// # Safety
    /// C does not call it any more, and no call of it is running.
    pub unsafe fn remove(&self, address: usize) -> Option<Handle> {
        let callback = self.by_address.lock().remove(&address)?;
        self.thunks.lock().give_back(address);
        let callback = ptr::from_ref(callback).cast_mut();
        // SAFETY: made by `Box::leak` in `make`, listed once; nothing refers to it, as the caller says.
        Some(unsafe { Box::from_raw(callback) }.object)
    }
}

/// [`isthmus_stubs::foreign::UpcallHandler`] of callbacks.
unsafe extern "C" fn handle(
    frame: *mut UpcallFrame,
    record: *const ThunkRecord,
) -> *mut ThreadContext {
    // SAFETY: the stub passes its frame and the record of the thunk, which is the head of a callback.
    let (frame, callback) = unsafe { (&mut *frame, &*record.cast::<Callback>()) };
    let thread = match Thread::current() {
        Some(thread) => thread,
        None => attach::attach(callback.host),
    };
    let running = Running::enter(thread);
    match run(thread, callback, frame) {
        Ok(()) => {
            drop(running);
            ptr::null_mut()
        }
        Err(thrown) if thread.ctx.transition_fp.load(Ordering::Relaxed) == 0 => {
            callback.host.unhandled(thread, thrown)
        }
        Err(thrown) => {
            // The region that the call into C opened ends here: the thread goes on running, in the managed caller.
            std::mem::forget(running);
            thread.set_pending(thrown);
            thread.context()
        }
    }
}

/// Memory for aggregates; larger ones are on the heap.
type Scratch = SmallVec<[u64; 16]>;

/// Where the word at a place is.
fn word_at(frame: &UpcallFrame, abi: Abi, loc: Loc) -> *const u64 {
    match loc {
        Loc::Reg(reg) if Some(reg) == abi.result_register() => &raw const frame.result,
        Loc::Reg(Reg::Int(r)) => {
            let i = abi.int_args().iter().position(|&x| x == r);
            &raw const frame.ints[i.unwrap_or(0)]
        }
        Loc::Reg(Reg::Float(r)) => &raw const frame.floats[usize::from(r) & 7],
        // SAFETY: the convention says that the caller has put so many bytes there.
        Loc::Stack(offset) => unsafe { frame.stack.byte_add(offset as usize) },
    }
}

/// Calls the managed function and stores its result in the frame.
fn run(thread: &Thread, callback: &Callback, frame: &mut UpcallFrame) -> Result<(), Thrown> {
    let shape = &*callback.shape;
    let abi = Abi::of(shape.arch);
    let object = callback
        .host
        .runtime()
        .heap()
        .handle_target(callback.object);
    if object.is_null() {
        callback.host.collected();
    }
    let mut scratch: Scratch = SmallVec::from_elem(0, shape.scratch);
    let mut free = scratch.as_mut_ptr();
    let mut take = |layout: &Layout| {
        let memory = free;
        // SAFETY: `scratch` has words for every aggregate, and one more for each.
        free = unsafe { free.add(layout.size(shape.arch).div_ceil(8) as usize + 1) };
        memory
    };
    let mut words: SmallVec<[u64; 12]> = SmallVec::new();
    words.push(object.addr() as u64);

    let result = match (&shape.call.ret, &shape.function.ret) {
        // SAFETY: C passes the address there.
        (Return::Memory(loc), _) => unsafe { word_at(frame, abi, *loc).read() as *mut u64 },
        (_, Some(ret)) => take(ret),
        _ => ptr::null_mut(),
    };
    if downcall::returns_aggregate(&shape.function) {
        words.push(result as u64);
    }
    for (pass, layout) in shape.call.params.iter().zip(&shape.function.params) {
        // SAFETY: places of arguments of this type, which C has filled; scratch memory as large as the aggregate.
        words.push(unsafe {
            match (pass, layout) {
                (Pass::Pieces(pieces), Layout::Value(_)) => {
                    word_at(frame, abi, pieces[0].loc).read()
                }
                (Pass::Stack(at), Layout::Value(_)) => word_at(frame, abi, Loc::Stack(*at)).read(),
                (Pass::Pieces(pieces), _) => {
                    let memory = take(layout);
                    gather(frame, abi, pieces, memory);
                    memory as u64
                }
                (Pass::Nothing, _) => take(layout) as u64,
                (Pass::Stack(at), _) => word_at(frame, abi, Loc::Stack(*at)) as u64,
                (Pass::Pointer(loc), _) => word_at(frame, abi, *loc).read(),
            }
        });
    }
    let mut stack = Vec::new();
    let mut args = InvokeArgs::new(&shape.sig, &words, &mut stack, shape.arch);
    // SAFETY: words of the signature of the code, which is what `Callbacks::make` asks for.
    unsafe {
        callback
            .host
            .runtime()
            .invoke_raw(thread, callback.code, &mut args)
    }?;

    match (&shape.call.ret, &shape.function.ret) {
        (Return::Pieces(pieces), Some(Layout::Value(_))) => match pieces[0].loc {
            Loc::Reg(Reg::Float(_)) => frame.float_rets[0] = args.float_rets[0],
            _ => frame.int_rets[0] = args.int_rets[0],
        },
        // SAFETY: scratch memory of the aggregate's size, which the callee has filled.
        (Return::Pieces(pieces), _) => unsafe { scatter(frame, abi, pieces, result) },
        (Return::Memory(_), _) => frame.int_rets[0] = result as u64,
        (Return::Nothing, _) => {}
    }
    Ok(())
}

/// Puts the pieces of an aggregate together.
///
/// # Safety
/// `memory` holds the aggregate, rounded up to whole words.
unsafe fn gather(frame: &UpcallFrame, abi: Abi, pieces: &Pieces, memory: *mut u64) {
    for piece in pieces {
        let from = word_at(frame, abi, piece.loc);
        let bytes = abi.piece_bytes(piece.ty);
        // SAFETY: an argument word, and memory for it as the caller says.
        unsafe {
            let to = memory.cast::<u8>().add(piece.offset as usize);
            ptr::copy_nonoverlapping(from.cast::<u8>(), to, bytes);
        }
    }
}

/// Puts the pieces of a result into the words of result registers.
///
/// # Safety
/// As [`gather`].
unsafe fn scatter(frame: &mut UpcallFrame, abi: Abi, pieces: &Pieces, memory: *const u64) {
    for piece in pieces {
        let to = match piece.loc {
            Loc::Reg(Reg::Int(r)) => {
                let i = abi.int_rets().iter().position(|&x| x == r);
                &mut frame.int_rets[i.unwrap_or(0)]
            }
            Loc::Reg(Reg::Float(r)) => &mut frame.float_rets[usize::from(r) & 3],
            Loc::Stack(_) => continue,
        };
        let bytes = abi.piece_bytes(piece.ty);
        // SAFETY: a word of the result as the caller says, and a whole word of the frame.
        unsafe {
            let from = memory.cast::<u8>().add(piece.offset as usize);
            ptr::copy_nonoverlapping(from, ptr::from_mut(to).cast::<u8>(), bytes);
        }
    }
}
