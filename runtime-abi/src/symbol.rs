//! Names of things whose address is known only after linking, and the relocations that refer to them.
//!
//! A compiler embeds no address of the process unless the VM says that the code runs in this process only
//! ([`CompileEnv::address`](crate::vm::CompileEnv::address)): it emits a relocation against a [`Symbol`]. In the JIT the runtime
//! resolves symbols at once; in AOT they become words of an image, each with a name.

use crate::helpers::Helper;
use crate::ids::{LiteralId, MethodId, RaiseId, SigId, TypeId};
use crate::stub::{RuntimeFn, Stub};

/// Something with an address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Symbol {
    /// The method's stable entry stub (`jmp [cell]`): what function pointers and delegates hold.
    MethodEntry(MethodId),
    /// The data word that holds the address of the method's current code.
    MethodCell(MethodId),
    /// The newest code of the method itself; only for code that is final.
    MethodBody(MethodId),
    /// The data word that counts a method's calls and loops down (its low half; the high half is the method's id).
    MethodCounter(MethodId),
    /// The data word that holds the address of a method's code in an image while calls of it are counted; before there is such code,
    /// the address of `Stub::CompileTrampoline`.
    MethodImage(MethodId),
    /// Code that runs a method from the loop header at instruction `1` on: see [`OsrMap`](crate::artifact::OsrMap).
    OsrBody(MethodId, u32),
    /// Code of the filter of clause `1` of a method's body. It is found through the [`filters`](crate::artifact::CompiledMethod::filters) of the code that
    /// it belongs to: each version of a method has its own.
    Filter(MethodId, u32),
    /// The VM's description of a method (opaque to code; passed to helpers).
    MethodHandle(MethodId),
    /// The VM's description of a signature: what the block of variadic arguments of a call begins with.
    Signature(SigId),
    /// The stub that calls an interface method: loads the IMT key and jumps through the receiver's IMT slot.
    InterfaceStub(MethodId),
    /// A type's vtable (its address; its low 32 bits are the type word).
    Vtable(TypeId),
    /// The VM's description of a type (opaque; passed to helpers).
    TypeHandle(TypeId),
    /// Native memory with the type's non-reference statics.
    Statics(TypeId),
    /// The non-moving object that holds the type's reference statics.
    RefStatics(TypeId),
    /// No address but an offset: of the type's word in the table that [`CtxWord::ThreadStatics`](crate::context::CtxWord::ThreadStatics)
    /// points to; 0 if it has none there (that word is always 0).
    ThreadStatics(TypeId),
    /// The class-initialization state byte.
    InitState(TypeId),
    /// The non-moving object that stands for a type in the program.
    TypeObject(TypeId),
    /// A literal: the address of a non-moving object.
    Literal(LiteralId),
    /// A runtime helper: its transition stub, or the function itself if it is a leaf.
    Helper(Helper),
    /// The C function of a helper that is not a leaf: what its transition stub calls.
    HelperFn(Helper),
    /// The address of a field's static data of RVA kind, or other VM data by number.
    VmData(u32),
    /// The generic context that an exact instantiation of a method takes as hidden argument.
    GenericContext(MethodId),
    /// No address but a number: the raw id of a prepared exception.
    Raise(RaiseId),
    /// A native function by number (the VM's table of P/Invoke targets).
    Native(u32),
    /// A stub that no other symbol names.
    Stub(Stub),
    /// A C function of the runtime that stubs call.
    Runtime(RuntimeFn),
}

/// How the bytes at a relocation are made from the symbol's address `S`, the addend `A` and the place's address `P`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RelocKind {
    /// 8 bytes: `S + A`.
    Abs64,
    /// 4 bytes: `S + A`, which must be below 4 GiB (type words).
    Abs32,
    /// x86-64, 4 bytes: `S + A - P`; the addend includes the -4.
    X64PcRel32,
    /// x86-64 call or jump, 4 bytes, like [`RelocKind::X64PcRel32`]; the linker may go through a stub when out of range.
    X64Call32,
    /// x86-64, 4 bytes: address of a word that holds `S`, relative: `G + A - P`.
    X64GotPcRel32,
    /// AArch64 `bl`/`b`, 26 bits.
    A64Call26,
    /// AArch64 `adrp`.
    A64AdrPrelPgHi21,
    /// AArch64 `add`, low 12 bits.
    A64AddAbsLo12,
    /// AArch64 64-bit `ldr`, low 12 bits of `S + A`.
    A64Ld64AbsLo12,
    /// AArch64 `adrp` of the word that holds `S`.
    A64AdrGotPage21,
    /// AArch64 `ldr` of the word that holds `S`, low 12 bits.
    A64LdGotLo12,
    /// ARM `bl`/`b`, 24 bits.
    A32Call24,
    /// ARM `movw`.
    A32MovwAbs,
    /// ARM `movt`.
    A32MovtAbs,
}

/// One relocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reloc {
    /// Byte offset in the code.
    pub offset: u32,
    /// Kind.
    pub kind: RelocKind,
    /// What it refers to.
    pub symbol: Symbol,
    /// Addend.
    pub addend: i64,
}
