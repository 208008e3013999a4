//! `__start_S` and `__stop_S`: where the sections named S begin and end, those of all graphs that are linked together.
//!
//! ```text
//!  a.o │ .text │ S: a1 a2 │       one reservation:  │ .text of a │ .text of b │ .text of c │ S: a1 a2 b1 │
//!  b.o │ .text │ S: b1 │                                                                  ▲             ▲
//!  c.o │ .text ─▶ __start_S                                                           __start_S      __stop_S
//! ```
//! Such blocks stay in their graphs, with their names and edges; only their places are chosen together ([`Common`]). Graphs that have some, or refer to
//! the bounds, get one piece of memory, so that all of it is near, and what is between the bounds stays as long as anybody may look there.
//!
//! As for `ld`, S is an identifier of C, a reference to a bound keeps all sections S but those that live with others ([`Section::attached`]),
//! and what the program or the command defines by such a name is that.

use super::job::Job;
use super::layout;
use super::session::{Definition, NameKey};
use crate::error::{Error, Result};
use crate::graph::{
    BlockId, LinkGraph, Linkage, Place, Prot, Scope, Section, SectionId, SectionRole, SymbolId,
};
use crate::memory::{Request, Segment};
use isthmus_runtime_abi::target::Arch;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// What bounds of a section are called.
const PREFIXES: [(&str, End); 2] = [("__start_", End::Start), ("__stop_", End::Stop)];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Start,
    Stop,
}

/// The section and the end of it that a name means.
fn bound(name: &str) -> Option<(&str, End)> {
    let mut all = PREFIXES.iter();
    let found = all.find_map(|&(prefix, end)| Some((name.strip_prefix(prefix)?, end)));
    found.filter(|(section, _)| is_identifier(section))
}

fn is_identifier(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    letters && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// The sections of a link whose bounds some graph refers to.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    sections: FxHashSet<Box<str>>,
    /// Names like those of bounds with another meaning.
    defined: FxHashSet<Box<str>>,
}

impl Bounds {
    /// Those of graphs among which definitions have been chosen.
    pub fn of(jobs: &[Job], known: &FxHashMap<NameKey, Definition>) -> Bounds {
        let mut bounds = Bounds::default();
        for job in jobs {
            let graph = &job.graph;
            for id in graph.symbols() {
                let Some(name) = graph.symbol_text(id).filter(|n| bound(n).is_some()) else {
                    continue;
                };
                let symbol = graph.symbol(id);
                let is_known = known.contains_key(&NameKey::Text(name.into()));
                if is_known || !symbol.is_external() && symbol.scope != Scope::Local {
                    bounds.defined.insert(name.into());
                } else if symbol.is_external() {
                    bounds.sections.extend(bound(name).map(|(s, _)| s.into()));
                }
            }
        }
        if !bounds.sections.is_empty() {
            let all = jobs.iter().flat_map(|job| sections(&job.graph));
            let there: FxHashSet<&str> = all.map(|(_, name)| name).collect();
            bounds.sections.retain(|name| there.contains(&**name));
        }
        bounds
    }

    /// The sections of a graph that are meant.
    fn sections_of(&self, graph: &LinkGraph) -> Vec<SectionId> {
        if self.sections.is_empty() {
            return Vec::new();
        }
        let meant = sections(graph).filter(|(_, name)| self.sections.contains(*name));
        meant.map(|(id, _)| id).collect()
    }

    /// Has a graph's sections kept.
    pub fn keep(&self, graph: &mut LinkGraph) {
        for section in self.sections_of(graph) {
            if graph.section(section).attached {
                continue;
            }
            let blocks: Vec<BlockId> = graph.section_blocks(section).collect();
            for block in blocks {
                let kept = graph.add_anonymous(block, 0);
                graph.symbol_mut(kept).live = true;
            }
        }
    }

    /// What a symbol of a graph means, if it is a bound.
    fn meaning<'g>(&self, graph: &'g LinkGraph, id: SymbolId) -> Option<(&'g str, End)> {
        let name = graph.symbol_text(id)?;
        let (section, end) = bound(name)?;
        let meant = graph.symbol(id).is_external()
            && self.sections.contains(section)
            && !self.defined.contains(name);
        meant.then_some((section, end))
    }

    /// Puts together what is left of the sections, if somebody still refers to bounds. The graphs' own layouts leave these blocks out from now on.
    pub fn gather(&self, jobs: &mut [Job]) -> Result<Option<Common>> {
        if self.sections.is_empty() {
            return Ok(None);
        }
        let mut common = Common::default();
        for (n, job) in jobs.iter().enumerate() {
            let graph = &job.graph;
            for id in graph.symbols() {
                if let Some((section, end)) = self.meaning(graph, id) {
                    common.symbols.push((n, id, section.into(), end));
                }
            }
        }
        if common.symbols.is_empty() {
            return Ok(None);
        }
        // By name: addresses must not depend on hashes.
        let mut parts: BTreeMap<Box<str>, Part> = BTreeMap::new();
        for (n, job) in jobs.iter_mut().enumerate() {
            let graph = &job.graph;
            for id in self.sections_of(graph) {
                let section = graph.section(id);
                let part = parts.entry(graph.text(section.name).into()).or_default();
                let blocks: Vec<BlockId> = graph.section_blocks(id).collect();
                part.add(n, graph, section, &blocks)?;
                job.apart.extend(blocks);
            }
        }
        let users = common.symbols.iter().map(|s| s.0);
        let owners = parts.values().flat_map(|p| p.blocks.iter().map(|b| b.0));
        common.members = users.chain(owners).collect();
        common.members.sort_unstable();
        common.members.dedup();
        for (name, part) in parts {
            common.append(jobs, name, part)?;
        }
        Ok(Some(common))
    }
}

/// Sections of which bounds can be asked for, with their names.
fn sections(graph: &LinkGraph) -> impl Iterator<Item = (SectionId, &str)> {
    let plain = |&id: &SectionId| graph.section(id).role == SectionRole::Plain;
    let all = graph.sections().filter(plain);
    all.map(|id| (id, graph.text(graph.section(id).name)))
}

/// All sections of a name: blocks with the numbers of their graphs.
#[derive(Debug, Default)]
struct Part {
    write: bool,
    execute: bool,
    align: u64,
    blocks: Vec<(usize, BlockId)>,
}

impl Part {
    fn add(&mut self, n: usize, graph: &LinkGraph, s: &Section, blocks: &[BlockId]) -> Result<()> {
        self.write |= s.prot.write();
        self.execute |= s.prot.execute();
        let fail = |why: &str| {
            let name = graph.text(s.name);
            Err(Error::graph(graph, format!("section {name}: {why}")))
        };
        if self.write && self.execute {
            return fail("some of this name are code, and some can be written to");
        }
        // Tables of unwinding go by the order of the code, and are made before.
        if self.execute && graph.arch == Arch::A32 {
            return fail("bounds of code are not supported for this architecture");
        }
        let aligns = blocks.iter().map(|&b| graph.block(b).align);
        self.align = aligns.fold(self.align.max(1), u64::max);
        self.blocks.extend(blocks.iter().map(|&b| (n, b)));
        Ok(())
    }
}

/// Sections that several graphs have together.
#[derive(Debug, Default)]
pub(super) struct Common {
    /// Numbers of the graphs that have a share in it, or refer to its bounds.
    pub members: Vec<usize>,
    /// Names of bounds: the graph, its symbol, and what it means.
    symbols: Vec<(usize, SymbolId, Box<str>, End)>,
    requests: Vec<Request>,
    /// Graph, block, and where it is: the request's number and an offset.
    blocks: Vec<(usize, BlockId, usize, u64)>,
    /// Where sections are: the request's number and offsets.
    ranges: FxHashMap<Box<str>, (usize, u64, u64)>,
}

impl Common {
    fn append(&mut self, jobs: &[Job], name: Box<str>, part: Part) -> Result<()> {
        let prot = Prot::new(part.write, part.execute);
        let known = self.requests.iter().position(|r| r.prot == prot);
        let at = known.unwrap_or_else(|| {
            self.requests.push(Request {
                prot,
                size: 0,
                align: 1,
            });
            self.requests.len() - 1
        });
        let request = &mut self.requests[at];
        let start = request.size.next_multiple_of(part.align);
        request.size = start;
        request.align = request.align.max(part.align);
        for (n, block) in part.blocks {
            let graph = &jobs[n].graph;
            let offset = layout::place(graph, block, &mut request.size, &mut request.align)?;
            self.blocks.push((n, block, at, offset));
        }
        self.ranges.insert(name, (at, start, request.size));
        Ok(())
    }

    /// Memory that is wanted.
    pub fn requests(&self) -> impl Iterator<Item = Request> {
        // What has no bytes must have an address all the same.
        self.requests.iter().map(|r| Request {
            size: r.size.max(1),
            ..*r
        })
    }

    /// Gives the blocks, and the bounds, their addresses.
    pub fn place(&self, jobs: &mut [Job], segments: &[Segment]) {
        for &(n, block, at, offset) in &self.blocks {
            jobs[n].graph.block_mut(block).address = segments[at].address + offset;
        }
        for (n, id, section, end) in &self.symbols {
            let (at, start, stop) = self.ranges[section];
            let offset = if *end == End::Start { start } else { stop };
            let symbol = jobs[*n].graph.symbol_mut(*id);
            symbol.place = Place::Absolute(segments[at].address + offset);
            (symbol.scope, symbol.linkage) = (Scope::Local, Linkage::Strong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_of_identifiers() {
        assert_eq!(bound("__start_parts"), Some(("parts", End::Start)));
        assert_eq!(bound("__stop__2"), Some(("_2", End::Stop)));
        for other in ["__start_", "__stop_2nd", "__start_.data", "start_parts"] {
            assert_eq!(bound(other), None, "{other}");
        }
    }
}
