//! Where exceptions leave and enter managed code.
//!
//! # What the trap handler does
//! For a fault at a trap site of a *method*: store `FaultPc` and `FaultKind`, set the interrupted PC to [`fault`]'s code, change no
//! other register, return. For a fault at a trap site of a *stub* (interface stub): the same with `FaultPc` = 0 and
//! [`stub_fault`]: the stack pointer points to the return address of the caller's call site, as at the stub's entry.

use crate::{StubError, per_arch};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::target::Arch;

/// `Stub::ThrowPath`: calls `throw`, then goes to the resume words.
pub fn throw_path(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, exceptions::throw_path())
}

/// `Stub::Fault`: builds a frame whose return address is `FaultPc`, calls `fault`, then goes to the resume words.
pub fn fault(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, exceptions::fault())
}

/// `Stub::StubFault`: builds a frame above the return address at SP, calls `fault`, then goes to the resume words.
pub fn stub_fault(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, exceptions::stub_fault())
}

/// `Symbol::Helper(Helper::EntryCheck)`: calls `entry_check` and keeps every register.
pub fn entry_check(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, exceptions::entry_check())
}
