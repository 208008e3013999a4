//! Notes where some functions are called, so that the calls can be led elsewhere later, while the code runs.
//!
//! A call goes directly to its function or through a stub. Either way, leading it elsewhere writes new distance bytes where code is mapped twice: one
//! instruction, or four bytes of an x86-64 call. These change at once for threads that run them if they lie in one aligned word of eight bytes
//! ([`CallSite::at_once`]); where they do not, no other thread may be at the call.

use super::{Plugin, ResourceKey};
use crate::arch::{Field, a32, a64, x64};
use crate::error::{Error, Result};
use crate::executor::Executor;
use crate::graph::{BlockId, Edge, LinkGraph, Name, SymbolId};
use crate::link::passes::{Passes, pass};
use crate::link::tables::Entries;
use isthmus_runtime_abi::target::Arch;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallSite {
    /// Address of the part of the instruction that says whereto.
    pub place: u64,
    /// What was added to the distance.
    pub addend: i64,
    /// Shape of the place.
    pub field: Field,
    /// What it belongs to.
    pub key: ResourceKey,
}

impl CallSite {
    /// Whether threads that run the call see either the old or the new one.
    pub fn at_once(&self) -> bool {
        self.place % 8 + u64::from(self.field.bytes()) <= 8
    }
}

type Sites = FxHashMap<String, Vec<CallSite>>;

/// The plug-in; clones share what was noted.
#[derive(Clone, Debug)]
pub struct CallSites {
    functions: Arc<FxHashSet<String>>,
    sites: Arc<Mutex<Sites>>,
}

impl CallSites {
    /// Notes the calls of these functions.
    pub fn of(functions: &[&str]) -> CallSites {
        CallSites {
            functions: Arc::new(functions.iter().map(|&f| f.to_owned()).collect()),
            sites: Arc::default(),
        }
    }

    fn sites(&self) -> MutexGuard<'_, Sites> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls of a function so far.
    pub fn calls(&self, function: &str) -> Vec<CallSite> {
        self.sites().get(function).cloned().unwrap_or_default()
    }

    /// Leads all calls of a function to an address, which must be in reach.
    pub fn lead(&self, function: &str, to: u64, executor: &dyn Executor) -> Result<()> {
        for site in self.calls(function) {
            let distance = i128::from(to) + i128::from(site.addend) - i128::from(site.place);
            if site.field.check(distance).is_err() {
                return Err(Error::Plugin {
                    plugin: "call-sites",
                    what: format!("{to:#x} is out of reach of the call at {:#x}", site.place),
                });
            }
            let memory = executor.memory();
            let mut bytes = memory.read(site.place, site.field.bytes() as usize)?;
            site.field.write(&mut bytes, distance);
            memory.patch(site.place, &bytes)?;
        }
        Ok(())
    }
}

/// Whether an edge of a linked graph is a call, direct or of a stub.
fn is_call(arch: Arch, edge: &Edge, graph: &LinkGraph, block: BlockId) -> bool {
    match arch {
        // A call that was relaxed from a stub has the kind of any distance: look at the instruction.
        Arch::X64 => {
            let at = edge.offset as usize;
            let before = at.checked_sub(1).and_then(|n| graph.bytes(block).get(n));
            matches!(edge.kind, x64::STUB32 | x64::PC32) && matches!(before, Some(0xe8 | 0xe9))
        }
        Arch::A64 => [a64::STUB26, a64::BRANCH26].contains(&edge.kind),
        Arch::A32 => [a32::STUB24, a32::BRANCH24].contains(&edge.kind),
    }
}

fn name_of(graph: &LinkGraph, symbol: SymbolId) -> Option<String> {
    match graph.symbol(symbol).name {
        Name::Text(name) => Some(graph.text(name).to_owned()),
        Name::Code(code) => Some(format!("{code:?}")),
        Name::Anonymous => None,
    }
}

impl Plugin for CallSites {
    fn name(&self) -> &'static str {
        "call-sites"
    }

    fn modify_passes(&mut self, key: ResourceKey, _: &LinkGraph, passes: &mut Passes) {
        let this = self.clone();
        passes.post_fixup.push(pass("note-calls", move |graph| {
            let entries = Entries::of(graph);
            let mut sites = this.sites();
            for id in graph.blocks() {
                for edge in &graph.block(id).edges {
                    if !is_call(graph.arch, edge, graph, id) {
                        continue;
                    }
                    let target = entries.target(graph, edge.target).unwrap_or(edge.target);
                    let Some(name) = name_of(graph, target) else {
                        continue;
                    };
                    if !this.functions.contains(&name) {
                        continue;
                    }
                    sites.entry(name).or_default().push(CallSite {
                        place: graph.block(id).address + u64::from(edge.offset),
                        addend: edge.addend,
                        field: edge.kind.info(graph.arch).field,
                        key,
                    });
                }
            }
            Ok(())
        }));
    }

    fn failed(&mut self, key: ResourceKey) {
        for list in self.sites().values_mut() {
            list.retain(|s| s.key != key);
        }
    }

    fn removing(&mut self, key: ResourceKey, _: &dyn Executor) -> Result<()> {
        self.failed(key);
        Ok(())
    }

    fn transferring(&mut self, from: ResourceKey, to: ResourceKey) {
        let mut sites = self.sites();
        for site in sites.values_mut().flatten().filter(|s| s.key == from) {
            site.key = to;
        }
    }
}
