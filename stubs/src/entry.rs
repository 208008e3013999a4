//! From native into managed code.

use crate::{StubError, per_arch};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::{AbiSig, Loc, RetPass};
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::target::{Arch, Reg};

/// Type of the code that [`invoke`] makes: `invoke(ctx, code, args) -> status`, 0 for normal return (results are in `args`), 1 for
/// an exception that nothing above handled (it is in the runtime's in-flight slot).
///
/// # Safety
/// `ctx` must be the calling thread's context, `code` the address of managed code, `args` words for its signature.
pub type InvokeFn =
    unsafe extern "C" fn(ctx: *mut ThreadContext, code: usize, args: *mut InvokeArgs) -> usize;

/// Argument and result words of an entry, by register number in the order of `Roles`.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct InvokeArgs {
    /// Integer argument registers in the order of `Roles::int_args`.
    pub ints: [u64; 8],
    /// Float argument registers in the order of `Roles::float_args`; a 32-bit float is in the low half.
    pub floats: [u64; 8],
    /// Stack words, the one at the lowest address first.
    pub stack: *const u64,
    /// Number of stack words: even (`AbiSig::stack_bytes / 8`).
    pub stack_words: u64,
    /// Stored to `HiddenRgctx` right before the call.
    pub rgctx: u64,
    /// Integer result registers in the order of `Roles::int_rets`.
    pub int_rets: [u64; 8],
    /// Float result registers in the order of `Roles::float_rets`.
    pub float_rets: [u64; 8],
}

impl Default for InvokeArgs {
    fn default() -> Self {
        InvokeArgs {
            ints: [0; 8],
            floats: [0; 8],
            stack: std::ptr::null(),
            stack_words: 0,
            rgctx: 0,
            int_rets: [0; 8],
            float_rets: [0; 8],
        }
    }
}

impl InvokeArgs {
    /// Distributes argument words (one for each of `sig.words`) to registers and stack words. The stack words are written to
    /// `stack`, which must outlive the call.
    ///
    /// # Panics
    /// If there are fewer `values` than words in `sig`.
    pub fn new(sig: &AbiSig, values: &[u64], stack: &mut Vec<u64>, arch: Arch) -> InvokeArgs {
        let roles = arch.roles();
        let mut args = InvokeArgs::default();
        stack.clear();
        stack.resize(sig.stack_bytes as usize / 8, 0);
        for (word, &value) in sig.words.iter().zip(&values[..sig.words.len()]) {
            match word.loc {
                Loc::Reg(Reg::Int(r)) => args.ints[number(roles.int_args, r)] = value,
                Loc::Reg(Reg::Float(r)) => args.floats[number(roles.float_args, r)] = value,
                Loc::Stack(offset) => stack[offset as usize / 8] = value,
            }
        }
        args.stack = stack.as_ptr();
        args.stack_words = stack.len() as u64;
        args
    }

    /// The result words after the call, in order; none if the result is void or in a buffer.
    pub fn results(&self, sig: &AbiSig, arch: Arch) -> Vec<u64> {
        let roles = arch.roles();
        match &sig.ret {
            RetPass::Words(words) => words
                .iter()
                .map(|w| match w.loc {
                    Loc::Reg(Reg::Int(r)) => self.int_rets[number(roles.int_rets, r)],
                    Loc::Reg(Reg::Float(r)) => self.float_rets[number(roles.float_rets, r)],
                    Loc::Stack(_) => 0,
                })
                .collect(),
            RetPass::Void | RetPass::Buffer(_) => Vec::new(),
        }
    }
}

/// Position of a register in a row of registers; 0 if it is not there, which no assigned word can be.
fn number(row: &[u8], reg: u8) -> usize {
    row.iter().position(|&r| r == reg).unwrap_or(0)
}

/// Offset from the entry stub's FP of the word that holds the `TransitionFp` of the native code that called it: the stack walk
/// goes on there (0: this was the first entry of the thread). The frame is recognized by its return address, which is the one of
/// the stub's call site; that site has one handler, which makes the stub return 1.
pub const PREVIOUS_TRANSITION: i32 = -48;

/// [`isthmus_runtime_abi::stub::Stub::Invoke`]: see [`InvokeFn`].
pub fn invoke(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, entry::invoke())
}
