//! Stubs on the way from a call to a method's code.
//!
//! ```text
//!  call [cell(m)] ─────────────▶ Prestub(m) ─────────▶ CompileTrampoline ─▶ compile(ctx, m) ─▶ code
//!  call [vtable + slot(i)] ────▶ SlotTrampoline(i) ──▶ VtableTrampoline ──▶ vtable_slot(ctx, this, i) ─▶ code
//!  call InterfaceStub(m) ──────▶ [vtable + imt(i)] ──▶ ImtSlotTrampoline(i) ▶ ImtTrampoline ─▶ imt_slot(ctx, this, key, i) ─▶ code
//!      key in the IMT register        └──────────────▶ ImtThunk: key == k? ▶ code of k; none: ImtSlotTrampoline(i)
//! ```
//! The trampolines keep every argument: registers, stack words (they never move), the IMT key and the hidden-argument slots.

use crate::{StubError, per_arch};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;

/// Where an entry of an IMT thunk goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImtTarget {
    /// Through this virtual slot of the receiver's vtable: follows later patches of the slot.
    VtableSlot(u32),
    /// Through the word at a near symbol (a method's cell).
    Cell(Symbol),
    /// To code.
    Code(Symbol),
}

/// Where an unboxing stub finds the generic context of the method behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnboxContext {
    /// It takes none.
    None,
    /// It is the one of this depth in the boxed object's vtable, and goes into the hidden-argument slot.
    Depth(u32),
    /// It is this symbol's address, and goes into the hidden-argument slot.
    Symbol(Symbol),
}

/// `Symbol::MethodEntry(method)`: `jmp [cell]`.
pub fn method_entry(arch: Arch, method: MethodId) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::method_entry(method))
}

/// `Stub::Prestub(method)`.
pub fn prestub(arch: Arch, method: MethodId) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::prestub(method))
}

/// `Stub::Prestub(method)` that can stand before code which does not count its calls itself: takes `weight` from the method's counter,
/// then goes where `Symbol::MethodImage(method)` leads; if the counter has run out, the method is asked for as by [`prestub`].
pub fn counting_prestub(
    arch: Arch,
    method: MethodId,
    weight: u32,
) -> Result<CompiledMethod, StubError> {
    let weight = i32::try_from(weight).unwrap_or(i32::MAX);
    per_arch!(arch, dispatch::counting_prestub(method, weight))
}

/// `Stub::SlotTrampoline(slot)`: content of virtual slot number `slot` of every vtable whose method there has no code yet.
pub fn slot_trampoline(arch: Arch, slot: u32) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::slot_trampoline(slot))
}

/// `Stub::ImtSlotTrampoline(slot)`: content of IMT slot number `slot` at first, and end of thunks for keys not known yet.
pub fn imt_slot_trampoline(arch: Arch, slot: u32) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::imt_slot_trampoline(slot))
}

/// `Stub::ImtThunk(number)`: goes to the target of the key in the IMT register; a key that is not among `entries` goes to
/// `Stub::ImtSlotTrampoline(slot)`. Keys are different from each other; their order does not matter.
pub fn imt_thunk(
    arch: Arch,
    number: u32,
    slot: u32,
    entries: &[(u64, ImtTarget)],
) -> Result<CompiledMethod, StubError> {
    let mut sorted = entries.to_vec();
    sorted.sort_unstable_by_key(|e| e.0);
    per_arch!(arch, dispatch::imt_thunk(number, slot, &sorted))
}

/// `Symbol::InterfaceStub(method)`: calls the interface method with this key and IMT slot on `this`. Has one trap site: null.
pub fn interface_stub(
    arch: Arch,
    method: MethodId,
    key: u64,
    slot: u32,
) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::interface_stub(method, key, slot))
}

/// Calls what this virtual slot of the vtable of `this` leads to. Has one trap site: null.
pub fn virtual_call(arch: Arch, name: Symbol, slot: u32) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::virtual_call(name, slot))
}

/// `Stub::Unboxing(method)`: what a vtable slot of a value type holds for its own method: `this` += header size, then `jmp [cell]`.
pub fn unboxing(
    arch: Arch,
    method: MethodId,
    context: UnboxContext,
) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::unboxing(method, context))
}

/// `Stub::InstantiationEntry(exact)`: stores the address of `context` into the hidden-argument slot, then jumps through the
/// cell of `shared`, the method with the shared code.
pub fn instantiation_entry(
    arch: Arch,
    exact: MethodId,
    context: Symbol,
    shared: MethodId,
) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::instantiation_entry(exact, context, shared))
}

/// `Stub::CompileTrampoline`.
pub fn compile_trampoline(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::compile_trampoline())
}

/// `Stub::VtableTrampoline`.
pub fn vtable_trampoline(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::vtable_trampoline())
}

/// `Stub::ImtTrampoline`.
pub fn imt_trampoline(arch: Arch) -> Result<CompiledMethod, StubError> {
    per_arch!(arch, dispatch::imt_trampoline())
}
