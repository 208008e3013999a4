//! Words of a signature as Cranelift's signatures.
//!
//! The managed convention *is* Cranelift's `tail` (see `runtime_abi::callconv`), so a signature is its words in order and
//! nothing else: no struct arguments, no implicit return areas, no extension of small integers.

use cranelift_codegen::ir::{AbiParam, Signature, Type, types};
use cranelift_codegen::isa::CallConv;
use isthmus_runtime_abi::callconv::{AbiSig, RetPass, WordTy};
use isthmus_runtime_abi::helpers::{Effects, Helper};
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::ir::{Sig, SigConv, Ty};

/// Cranelift's type of a word. All our targets here have 64 bits.
pub fn word(ty: WordTy) -> Type {
    match ty {
        WordTy::I32 => types::I32,
        WordTy::I64 | WordTy::Ptr => types::I64,
        WordTy::F32 => types::F32,
        WordTy::F64 => types::F64,
    }
}

/// Cranelift's type of a value.
pub fn ty(ty: Ty) -> Type {
    word(ty.word())
}

/// The convention of managed code, or the platform's for functions of the runtime that are called directly.
pub fn conv(conv: SigConv) -> CallConv {
    match conv {
        SigConv::Managed => CallConv::Tail,
        SigConv::C => CallConv::SystemV,
    }
}

fn signature_of(
    call_conv: CallConv,
    params: impl Iterator<Item = WordTy>,
    rets: impl Iterator<Item = WordTy>,
) -> Signature {
    Signature {
        params: params.map(|w| AbiParam::new(word(w))).collect(),
        returns: rets.map(|w| AbiParam::new(word(w))).collect(),
        call_conv,
    }
}

/// The signature of an SSA function or call.
pub fn signature(sig: &Sig) -> Signature {
    signature_of(
        conv(sig.conv),
        sig.params.iter().copied(),
        sig.rets.iter().copied(),
    )
}

/// The signature of a method whose words are assigned.
pub fn method_signature(abi: &AbiSig) -> Signature {
    let rets = match &abi.ret {
        RetPass::Words(words) => words.iter().map(|w| w.ty).collect(),
        RetPass::Void | RetPass::Buffer(_) => Vec::new(),
    };
    signature_of(
        CallConv::Tail,
        abi.words.iter().map(|w| w.ty),
        rets.into_iter(),
    )
}

/// The signature of a helper: the managed convention through its transition stub, C for a leaf.
pub fn helper(helper: Helper) -> Signature {
    let call_conv = if helper.effects().contains(Effects::LEAF) {
        CallConv::SystemV
    } else {
        CallConv::Tail
    };
    signature_of(
        call_conv,
        helper.args().iter().map(|&a| Ty::of_helper(a).word()),
        helper.ret().iter().map(|&r| Ty::of_helper(r).word()),
    )
}

/// Bytes of stack arguments that `params` take: what the callee pops.
pub fn stack_bytes(arch: Arch, params: &[WordTy]) -> u32 {
    let roles = arch.roles();
    let floats = params.iter().filter(|w| w.is_float()).count();
    let ints = params.len() - floats;
    let spilled =
        ints.saturating_sub(roles.int_args.len()) + floats.saturating_sub(roles.float_args.len());
    (spilled as u32 * 8).next_multiple_of(16)
}
