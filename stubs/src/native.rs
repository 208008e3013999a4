//! From managed into native code: transitions.
//!
//! The C function gets the words of the managed signature in the platform's C convention, then the thread context, and, if
//! the result has more than two words, a pointer to as many words to store it to. A result of up to two words comes back as C returns a
//! struct of these words. It may set `Pending`.

use crate::{StubError, per_arch};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::{AbiSig, Loc, MAX_STACK_BYTES, Pass, RetPass, Word, WordTy};
use isthmus_runtime_abi::helpers::{Effects, Helper, HelperTy};
use isthmus_runtime_abi::stub::RuntimeFn;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};

/// What a helper's transition stub calls, by helper: the symbol to resolve to the address of its C function. Leaf helpers have no
/// stub; their own symbol is the function.
pub fn helper_target(helper: Helper) -> Symbol {
    match helper {
        Helper::EntryCheck => Symbol::Runtime(RuntimeFn::EntryCheck),
        h => Symbol::HelperFn(h),
    }
}

/// Transition stubs of all helpers that are not leaves, under `Symbol::Helper`.
pub fn helpers(arch: Arch) -> Result<Vec<CompiledMethod>, StubError> {
    Helper::ALL
        .iter()
        .filter(|h| !h.effects().contains(Effects::LEAF))
        .map(|&h| match h {
            Helper::EntryCheck => crate::exceptions::entry_check(arch),
            h => native_call(
                arch,
                Symbol::Helper(h),
                &helper_sig(h, arch),
                helper_target(h),
            ),
        })
        .collect()
}

/// The signature of a helper in the managed convention.
pub fn helper_sig(helper: Helper, arch: Arch) -> AbiSig {
    let roles = arch.roles();
    let (mut ints, mut floats) = (roles.int_args.iter(), roles.float_args.iter());
    let word = |ty: HelperTy| match ty {
        HelperTy::I32 => WordTy::I32,
        HelperTy::I64 => WordTy::I64,
        HelperTy::Ptr | HelperTy::Ref | HelperTy::ByRef => WordTy::Ptr,
        HelperTy::F32 => WordTy::F32,
        HelperTy::F64 => WordTy::F64,
    };
    let mut words = smallvec::SmallVec::new();
    let mut params = smallvec::SmallVec::new();
    for (i, &ty) in helper.args().iter().enumerate() {
        let ty = word(ty);
        // Helpers have at most five arguments: all are in registers.
        let loc = if ty.is_float() {
            Loc::Reg(Reg::Float(floats.next().copied().unwrap_or(0)))
        } else {
            Loc::Reg(Reg::Int(ints.next().copied().unwrap_or(0)))
        };
        words.push(Word { ty, loc, offset: 0 });
        params.push(Pass {
            first: i as u32,
            count: 1,
            indirect: false,
        });
    }
    let ret = match helper.ret().map(word) {
        None => RetPass::Void,
        Some(ty) => {
            let loc = if ty.is_float() {
                Loc::Reg(Reg::Float(roles.float_rets[0]))
            } else {
                Loc::Reg(Reg::Int(roles.int_rets[0]))
            };
            RetPass::Words(smallvec::smallvec![Word { ty, loc, offset: 0 }])
        }
    };
    AbiSig {
        words,
        params,
        ret,
        stack_bytes: 0,
    }
}

/// The function that a foreign call calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// Always this one.
    Symbol(Symbol),
    /// The address that is the last argument word: `calli` of native function pointers. It is not passed on.
    LastArgument,
}

/// A stub named `symbol`: a managed function of signature `sig` that calls the foreign function `target`, which knows nothing of the VM: it
/// gets the words in the platform's C convention and nothing more, and may take as long as it likes, since the thread counts as stopped
/// ([`FOREIGN`](isthmus_runtime_abi::context::FOREIGN)). Variadic functions work too. With `keeps_error` the error number that it leaves is kept.
/// Refused are results of more than two words: the caller passes a pointer for these.
pub fn foreign_call(
    arch: Arch,
    symbol: Symbol,
    sig: &AbiSig,
    target: Foreign,
    keeps_error: bool,
) -> Result<CompiledMethod, StubError> {
    if target == Foreign::LastArgument && sig.words.last().is_none_or(|w| w.ty.is_float()) {
        return Err(StubError::NoTarget);
    }
    if sig.stack_bytes > MAX_STACK_BYTES {
        return Err(StubError::StackArguments(sig.stack_bytes));
    }
    if matches!(&sig.ret, RetPass::Words(words) if words.len() > 2) {
        return Err(StubError::ForeignResult);
    }
    per_arch!(arch, native::foreign_call(symbol, sig, target, keeps_error))
}

/// A transition stub named `symbol`: a managed function of signature `sig` that calls the C function `target`.
pub fn native_call(
    arch: Arch,
    symbol: Symbol,
    sig: &AbiSig,
    target: Symbol,
) -> Result<CompiledMethod, StubError> {
    if sig.stack_bytes > MAX_STACK_BYTES {
        return Err(StubError::StackArguments(sig.stack_bytes));
    }
    per_arch!(arch, native::native_call(symbol, sig, target))
}
