//! Names between graphs: who defines what.

use super::job::Job;
use super::session::{Definition, NameKey};
use crate::error::{Error, Result};
use crate::executor::{Executor, Runtime};
use crate::graph::{LinkGraph, Linkage, Name, Place, Scope, SectionId, SymbolId, TlsHome};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;

/// Names that everybody may use, each a different thing in each graph.
const DSO_HANDLE: &str = "__dso_handle";

/// Home of thread-local variables that nobody defines: 0 of everything.
const NOWHERE: TlsHome = TlsHome {
    key: 0,
    template: 0,
    thread_offset: Some(0),
};

/// What a symbol is known by.
pub(super) fn key(graph: &LinkGraph, symbol: SymbolId) -> Option<NameKey> {
    match graph.symbol(symbol).name {
        Name::Anonymous => None,
        Name::Text(name) => Some(NameKey::Text(graph.text(name).into())),
        Name::Code(code) => Some(NameKey::Code(code)),
    }
}

fn rank(linkage: Linkage) -> u32 {
    match linkage {
        Linkage::Strong => 2,
        Linkage::Common => 1,
        Linkage::Weak => 0,
    }
}

/// Sections of groups that are taken, and the groups.
pub(super) fn groups(graph: &LinkGraph) -> impl Iterator<Item = (SectionId, NameKey)> {
    graph.sections().filter_map(|id| {
        let section = graph.section(id);
        let group = section.group.filter(|_| !section.discarded)?;
        Some((id, NameKey::Group(graph.text(group).into())))
    })
}

/// Chooses one group of each name. The sections of the others are nobody's.
fn claim_groups(jobs: &mut [Job], known: &FxHashMap<NameKey, Definition>) {
    let mut first: FxHashMap<NameKey, usize> = FxHashMap::default();
    for (n, job) in jobs.iter_mut().enumerate() {
        let mut discarded = FxHashSet::default();
        for (id, group) in groups(&job.graph) {
            if known.contains_key(&group) || *first.entry(group).or_insert(n) != n {
                discarded.insert(id);
            }
        }
        for &id in &discarded {
            job.graph.section_mut(id).discarded = true;
        }
        if discarded.is_empty() {
            continue;
        }
        let all: Vec<SymbolId> = job.graph.symbols().collect();
        for id in all {
            let block = job.graph.symbol(id).block();
            if block.is_some_and(|b| discarded.contains(&job.graph.block(b).section)) {
                job.graph.symbol_mut(id).live = false;
            }
        }
    }
}

/// Chooses one definition of each name. The others refer to it from now on.
pub(super) fn claim(jobs: &mut [Job], known: &FxHashMap<NameKey, Definition>) -> Result<()> {
    claim_groups(jobs, known);
    let mut winners: FxHashMap<NameKey, (usize, SymbolId)> = FxHashMap::default();
    let mut losers: Vec<(usize, SymbolId)> = Vec::new();
    for (n, job) in jobs.iter().enumerate() {
        let graph = &job.graph;
        for id in graph.symbols() {
            let symbol = graph.symbol(id);
            if symbol.is_external() || symbol.scope == Scope::Local {
                continue;
            }
            let Some(key) = key(graph, id) else { continue };
            if let Some(old) = known.get(&key) {
                if symbol.linkage != Linkage::Strong {
                    losers.push((n, id));
                    continue;
                }
                if old.linkage == Linkage::Strong {
                    return Err(Error::Duplicate {
                        name: key.to_string(),
                        first: old.graph.to_string(),
                        second: graph.name.clone(),
                    });
                }
            }
            let Some(&(m, other)) = winners.get(&key) else {
                winners.insert(key, (n, id));
                continue;
            };
            let (first, second) = (jobs[m].graph.symbol(other), symbol);
            if (first.linkage, second.linkage) == (Linkage::Strong, Linkage::Strong) {
                return Err(Error::Duplicate {
                    name: key.to_string(),
                    first: jobs[m].graph.name.clone(),
                    second: graph.name.clone(),
                });
            }
            let larger = first.linkage == Linkage::Common
                && second.linkage == Linkage::Common
                && second.size > first.size;
            if rank(second.linkage) > rank(first.linkage) || larger {
                losers.push((m, other));
                winners.insert(key, (n, id));
            } else {
                losers.push((n, id));
            }
        }
    }
    for (n, id) in losers {
        jobs[n].graph.make_external(id);
    }
    Ok(())
}

/// Gives externals their addresses.
pub(super) fn resolve(
    jobs: &mut [Job],
    known: &FxHashMap<NameKey, Definition>,
    executor: &dyn Executor,
    phony: bool,
) -> Result<()> {
    let mut open: Vec<(usize, SymbolId)> = Vec::new();
    for (n, job) in jobs.iter_mut().enumerate() {
        let ids: Vec<SymbolId> = job.graph.symbols().collect();
        for id in ids {
            if !job.graph.symbol(id).is_external() {
                continue;
            }
            let Some(name) = key(&job.graph, id) else {
                continue;
            };
            if let Some(definition) = known.get(&name) {
                set(&mut job.graph, id, definition);
            } else if let NameKey::Text(text) = &name
                && let Some(address) = job.own_name(text)
            {
                set(&mut job.graph, id, &Definition::absolute(address));
            } else {
                open.push((n, id));
            }
        }
    }
    let names: Vec<&str> = open
        .iter()
        .map(|&(n, id)| jobs[n].graph.symbol_text(id).unwrap_or(""))
        .collect();
    let found = match names.is_empty() {
        true => Vec::new(),
        false => executor.lookup(&names)?,
    };
    let mut undefined = Vec::new();
    let mut homes = FxHashMap::default();
    for ((n, id), address) in open.into_iter().zip(found) {
        let graph = &mut jobs[n].graph;
        let symbol = graph.symbol(id);
        let definition = match address {
            Some(address) if symbol.thread_local => {
                library_variable(address, executor, &mut homes)?
            }
            None if phony || symbol.linkage == Linkage::Weak => Some(Definition {
                tls: symbol.thread_local.then_some(NOWHERE),
                ..Definition::absolute(0)
            }),
            other => other.map(Definition::absolute),
        };
        match definition {
            Some(definition) => set(graph, id, &definition),
            None => undefined.push((graph.describe(id), graph.name.clone())),
        }
    }
    if undefined.is_empty() {
        return Ok(());
    }
    undefined.sort();
    undefined.dedup_by(|a, b| a.0 == b.0);
    let named = |(name, graph)| format!("{name} ({graph})");
    let names = undefined.into_iter().map(named).collect();
    Err(Error::Undefined { names })
}

/// A thread-local variable of a shared library, by the address that it has for the thread that serves links. `homes`: those of libraries so far.
fn library_variable(
    address: u64,
    executor: &dyn Executor,
    homes: &mut FxHashMap<u64, TlsHome>,
) -> Result<Option<Definition>> {
    let key = executor.runtime(Runtime::TlsOfLibrary, &[address])?;
    if key == 0 {
        return Ok(None);
    }
    let home = match homes.entry(key) {
        Entry::Occupied(known) => *known.get(),
        Entry::Vacant(new) => {
            let template = executor.runtime(Runtime::TlsLibraryBase, &[key])?;
            let distance = executor.runtime(Runtime::TlsDistance, &[key])? as i64;
            *new.insert(TlsHome {
                key,
                template,
                thread_offset: (distance != 0).then_some(distance),
            })
        }
    };
    Ok(Some(Definition {
        tls: Some(home),
        ..Definition::absolute(address)
    }))
}

fn set(graph: &mut LinkGraph, id: SymbolId, definition: &Definition) {
    let home = definition.tls.map(|home| {
        let at = graph.tls.iter().position(|h| *h == home);
        let at = at.unwrap_or_else(|| {
            graph.tls.push(home);
            graph.tls.len() - 1
        });
        at as u32
    });
    let symbol = graph.symbol_mut(id);
    symbol.thumb |= definition.thumb;
    symbol.callable |= definition.callable;
    symbol.thread_local |= home.is_some();
    if symbol.size == 0 {
        symbol.size = definition.size;
    }
    symbol.place = Place::External {
        address: Some(definition.address),
        home,
    };
}

impl Job {
    /// Addresses of a graph's own names: its handle.
    fn own_name(&self, name: &str) -> Option<u64> {
        (name == DSO_HANDLE).then(|| self.handle())
    }
}
