//! How many stubs were made, by kind: what a process makes even if all of its methods were compiled ahead of time.

use isthmus_runtime_abi::artifact::Tier;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The kinds; [`kind_of`] gives numbers in it.
const KINDS: [&str; 9] = [
    "prestubs",
    "trampolines",
    "IMT thunks",
    "method entries",
    "interface stubs",
    "unboxing stubs",
    "native calls and entries of instantiations",
    "transitions to helpers",
    "others",
];

fn kind_of(symbol: Symbol) -> usize {
    match symbol {
        Symbol::Stub(Stub::Prestub(_)) => 0,
        Symbol::Stub(Stub::SlotTrampoline(_) | Stub::ImtSlotTrampoline(_)) => 1,
        Symbol::Stub(Stub::ImtThunk(_)) => 2,
        Symbol::MethodEntry(_) => 3,
        Symbol::InterfaceStub(_) => 4,
        Symbol::Stub(Stub::Unboxing(_)) => 5,
        Symbol::MethodBody(_) | Symbol::Stub(Stub::NativeCall(_) | Stub::InstantiationEntry(_)) => {
            6
        }
        Symbol::Helper(_) => 7,
        _ => 8,
    }
}

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct StubCounts([AtomicU32; KINDS.len()]);

impl StubCounts {
    /// Code of this name and tier was linked.
    pub fn linked(&self, symbol: Symbol, tier: Tier) {
        if tier == Tier::Stub {
            self.0[kind_of(symbol)].fetch_add(1, Relaxed);
        }
    }

    /// Kinds of which there are some, and how many.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let counts = self.0.iter().map(|count| count.load(Relaxed));
        KINDS
            .into_iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_runtime_abi::ids::MethodId;

    #[test]
    fn stubs_are_counted_by_kind() {
        let counts = StubCounts::default();
        let m = MethodId::from_index(1);
        counts.linked(Symbol::MethodBody(m), Tier::Opt);
        counts.linked(Symbol::MethodEntry(m), Tier::Stub);
        counts.linked(Symbol::Stub(Stub::Prestub(m)), Tier::Stub);
        counts.linked(Symbol::Stub(Stub::Prestub(m)), Tier::Stub);
        let all: Vec<_> = counts.all().collect();
        assert_eq!(all, [("prestubs", 2), ("method entries", 1)]);
    }
}
