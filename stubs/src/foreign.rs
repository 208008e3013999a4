//! Calls between managed code and C where the two conventions differ: aggregates, small integers, calls from C.
//!
//! **Managed → C.** A [`Downcall`] says for each place of the C call what goes there: an argument word, or a word in the memory behind one.
//! Who knows the platform's convention (`interop::abi`) makes it; the stub only moves words. Where all arguments are words that both conventions
//! treat alike, [`crate::native::foreign_call`] makes a shorter stub.
//!
//! **C → managed.** A pointer that C may call leads to a *thunk*, which leaves the address of its [`ThunkRecord`] in a register and jumps to the
//! entry that this record names. [`upcall_entry`] is one entry for all: it keeps what the convention passes in registers in an [`UpcallFrame`] and
//! calls the record's handler.
//!
//! ```text
//!  C ──▶ thunk ──▶ upcall entry ──▶ handler(frame, record) ──▶ Invoke ──▶ managed code
//!                        │                  │
//!                        │◀── 0: results ───┘
//!                        └◀── thread: its pending exception goes on in the managed frame below the C frames, which are dropped
//! ```

use crate::{StubError, per_arch};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::{AbiSig, Loc, MAX_STACK_BYTES, WordTy};
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::types::MemTy;

pub use crate::native::Foreign;

/// Where a word of a C call comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// An argument word, as this type: small integers are extended to 32 bits.
    Word(u32, MemTy),
    /// The word of this type `1` bytes behind the address that an argument word is.
    Behind(u32, u32, WordTy),
}

/// One move of a [`Downcall`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// A word to a register or stack word of the C call.
    Word(Source, Loc),
    /// So many bytes from the address that an argument word is to the stack arguments at an offset. Whole words are copied.
    Block {
        /// The argument word.
        from: u32,
        /// Offset in the stack arguments.
        to: u32,
        /// Number of bytes.
        bytes: u32,
    },
}

/// What becomes of the result of a C call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// There is none, or it is in memory already.
    Nothing,
    /// A register is the managed result, of this type.
    Word(Reg, MemTy),
    /// Registers are stored behind the address that an argument word is: offset, type, register.
    Behind(u32, Vec<(u32, WordTy, Reg)>),
}

/// How the words of a managed call become a C call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Downcall {
    /// Arguments.
    pub moves: Vec<Move>,
    /// Bytes of stack arguments of the C call.
    pub stack_bytes: u32,
    /// Float registers among the arguments: what variadic functions are told.
    pub float_registers: u8,
    /// The result.
    pub outcome: Outcome,
}

/// A stub named `symbol`: a managed function of signature `sig` that calls the foreign function `target` as `call` says, in a blocking region like
/// [`crate::native::foreign_call`]. A target that is an argument must not be null: NullReferenceException at the caller's site.
pub fn downcall(
    arch: Arch,
    symbol: Symbol,
    sig: &AbiSig,
    call: &Downcall,
    target: Foreign,
    keeps_error: bool,
) -> Result<CompiledMethod, StubError> {
    if target == Foreign::LastArgument && sig.words.last().is_none_or(|w| w.ty.is_float()) {
        return Err(StubError::NoTarget);
    }
    // A call must not step over the guard below the stack: what methods may use without a check of their own is less.
    for bytes in [sig.stack_bytes, call.stack_bytes] {
        if bytes > MAX_STACK_BYTES {
            return Err(StubError::StackArguments(bytes));
        }
    }
    per_arch!(
        arch,
        foreign::downcall(symbol, sig, call, target, keeps_error)
    )
}

/// What C passed and gets: written by [`upcall_entry`] before the handler, read after it.
#[repr(C)]
#[derive(Debug)]
pub struct UpcallFrame {
    /// Integer argument registers in the order of the C convention.
    pub ints: [u64; 8],
    /// Float argument registers in their order.
    pub floats: [u64; 8],
    /// The first stack argument.
    pub stack: *const u64,
    /// The register of a result's address, where it is not an argument register.
    pub result: u64,
    /// Integer result registers.
    pub int_rets: [u64; 2],
    /// Float result registers.
    pub float_rets: [u64; 4],
}

/// Handles a call from C. Gives null: the results are in the frame; or the context of the thread, whose pending exception goes on in the newest managed frame.
pub type UpcallHandler =
    unsafe extern "C" fn(frame: *mut UpcallFrame, record: *const ThunkRecord) -> *mut ThreadContext;

/// What a thunk leads to: the head of whatever its owner keeps.
#[repr(C)]
#[derive(Debug)]
pub struct ThunkRecord {
    /// Address of [`upcall_entry`].
    pub entry: usize,
    /// What that calls.
    pub handler: UpcallHandler,
}

/// The code behind thunks: see the module.
pub fn upcall_entry(arch: Arch, symbol: Symbol) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, foreign::upcall_entry(symbol))
}

/// Bytes of a thunk, and distance from one to the next. Their data words are as far apart.
pub const THUNK_BYTES: u32 = 16;

/// Code of thunks that fill `bytes`: thunk number `n` leaves the word at `n * THUNK_BYTES` of the data, which begins right behind
/// the code, in a register, and jumps to the entry of the record which that word is the address of.
pub fn thunks(arch: Arch, bytes: u32) -> Result<Vec<u8>, StubError> {
    per_arch!(arch, foreign::thunks(bytes))
}
