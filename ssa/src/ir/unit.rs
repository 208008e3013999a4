//! What is compiled in one go: a method's function and those of its filters.

use super::func::Func;
use isthmus_runtime_abi::ids::TypeId;

/// A compiled method in SSA.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The method.
    pub func: Func,
    /// Its filters, in order of their number ([`Clause::Filter`]).
    pub filters: Vec<FilterFunc>,
}

/// A filter: `filter(area: ptr, exception: ref) -> i32`, where `area` is the address of the parent's
/// [`Func::filter_area`] slot.
#[derive(Clone, Debug)]
pub struct FilterFunc {
    /// Its code.
    pub func: Func,
}

/// Kind of an exception clause of a function. The inline node is beside it in [`Func::clauses`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Clause {
    /// Catches exceptions assignable to the type.
    Catch(TypeId),
    /// As `Catch`; the type is this slot of the frame's generic context ([`Func::rgctx_slot`] or [`Func::this_slot`]).
    CatchLookup(u32),
    /// Catches everything.
    CatchAll,
    /// Index into [`Unit::filters`].
    Filter(u32),
    /// Runs on every exit.
    Finally,
    /// Runs on exceptional exit.
    Fault,
}
