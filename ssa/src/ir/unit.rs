//! What is compiled in one go: a method's function and those of its filters.

use super::func::Func;
use isthmus_runtime_abi::ids::TypeId;

/// A compiled method in SSA, or a filter of one: `filter(area: ptr, exception: ref) -> i32`, where `area` is the address of
/// the parent's [`Func::filter_area`] slot.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its code.
    pub func: Func,
    /// The filters of its own clauses, in order of their number ([`Clause::Filter`]); a filter inside a filter is the inner
    /// one's parent's.
    pub filters: Vec<Unit>,
}

impl Unit {
    /// Every function, parents before their filters.
    pub fn funcs(&self) -> impl Iterator<Item = &Func> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let unit = open.pop()?;
            open.extend(unit.filters.iter().rev());
            Some(&unit.func)
        })
    }

    /// Does something to every function, parents before their filters; whether any of them changed.
    pub fn change(&mut self, change: &mut dyn FnMut(&mut Func) -> bool) -> bool {
        let mut changed = change(&mut self.func);
        for filter in &mut self.filters {
            changed |= filter.change(change);
        }
        changed
    }
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
    /// Index into [`Unit::filters`] of the unit that the function is of.
    Filter(u32),
    /// Runs on every exit.
    Finally,
    /// Runs on exceptional exit.
    Fault,
}
