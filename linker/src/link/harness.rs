//! A test harness: objects whose definitions take the place of others', and which may refer to what is local elsewhere.
//!
//! So one function of an object can be tested alone, with the functions that it calls replaced, without changing the object.

use crate::graph::{LinkGraph, Linkage, Scope};
use rustc_hash::FxHashSet;

/// Makes `tested` use the harness's definitions, and the harness see local names of `tested`.
pub fn apply(harness: &[LinkGraph], tested: &mut [LinkGraph]) {
    let (mut defined, mut wanted) = (FxHashSet::default(), FxHashSet::default());
    for graph in harness {
        for id in graph.symbols() {
            let symbol = graph.symbol(id);
            let Some(name) = graph.symbol_text(id) else {
                continue;
            };
            if symbol.is_external() {
                wanted.insert(name);
            } else if symbol.scope != Scope::Local {
                defined.insert(name);
            }
        }
    }
    for graph in tested {
        let ids: Vec<_> = graph.symbols().collect();
        for id in ids {
            let Some(name) = graph.symbol_text(id) else {
                continue;
            };
            if graph.symbol(id).is_external() {
                continue;
            }
            if defined.contains(name) {
                graph.make_external(id);
            } else if wanted.contains(name) && graph.symbol(id).scope == Scope::Local {
                let symbol = graph.symbol_mut(id);
                // Several objects may have a local function of this name: the first is taken.
                (symbol.scope, symbol.linkage) = (Scope::Hidden, Linkage::Weak);
            }
        }
    }
}
