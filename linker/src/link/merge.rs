//! Equal strings and constants become one: those of a graph, and those of graphs that are linked together.
//!
//! ```text
//!  .rodata.str1.1   │ "one\0" │ "two\0" │ "one\0" │      split: a block for each entry
//!                        ▲──────────────────┘           unite: symbols of the second go to the first
//!  a.o: "one\0" ──┐
//!  b.o: "one\0" ──┴─▶ $SHARED of "strings of link 3": "one\0"        share: what several graphs have is nobody's
//! ```
//! What no live code refers to is stripped before equal entries are looked for. Objects may be removed one by one, so entries of several of them go
//! to a graph of their own, which stays as long as any of them. Entries whose symbols others can see stay where they are.

use super::job::Job;
use crate::arch::KEEP;
use crate::error::{Error, Result};
use crate::graph::{
    BlockId, Content, Edge, LinkGraph, Merge, Name, Place, Prot, Scope, Symbol, SymbolId,
    SymbolsByBlock,
};
use rustc_hash::{FxHashMap, FxHashSet};

/// Section of what several graphs share.
const SHARED: &str = "$SHARED";

/// Sections that may have more entries stay whole.
const MAX_ENTRIES: u64 = 1 << 20;

/// What makes entries equal: what they are, and their bytes.
type Key = (Merge, Vec<u8>);

/// Where entries begin.
fn starts(bytes: &[u8], merge: Merge) -> Result<Vec<u64>, String> {
    let entry = merge.entry as usize;
    if !bytes.len().is_multiple_of(entry) {
        return Err(format!("{} bytes are no entries of {entry}", bytes.len()));
    }
    if !merge.strings {
        return Ok((0..bytes.len() as u64).step_by(entry).collect());
    }
    let mut starts = Vec::new();
    let mut inside = false;
    for (n, character) in bytes.chunks_exact(entry).enumerate() {
        if !inside {
            starts.push((n * entry) as u64);
        }
        inside = character.iter().any(|&b| b != 0);
    }
    match inside {
        true => Err("the last string does not end".to_owned()),
        false => Ok(starts),
    }
}

/// Whether a block consists of entries that can be taken apart.
fn is_whole(graph: &LinkGraph, block: BlockId) -> bool {
    let block = graph.block(block);
    matches!(block.content, Content::Bytes(_)) && block.edges.is_empty() && block.size > 0
}

/// Makes a block of each entry.
pub fn split(graph: &mut LinkGraph) -> Result<()> {
    let mut whole: FxHashMap<BlockId, Merge> = FxHashMap::default();
    for id in graph.sections() {
        if let Some(merge) = graph.section(id).merge {
            let few = |&b: &BlockId| graph.block(b).size / u64::from(merge.entry) <= MAX_ENTRIES;
            let blocks = graph.section_blocks(id).filter(|&b| is_whole(graph, b));
            whole.extend(blocks.filter(few).map(|b| (b, merge)));
        }
    }
    if whole.is_empty() {
        return Ok(());
    }
    name_entries(graph, &mut whole);
    let mut whole: Vec<_> = whole.into_iter().collect();
    whole.sort_by_key(|&(block, _)| block);
    let mut symbols = SymbolsByBlock::of(graph);
    for (block, merge) in whole {
        let starts = starts(graph.bytes(block), merge).map_err(|what| {
            let section = graph.section(graph.block(block).section);
            Error::graph(graph, format!("{}: {what}", graph.text(section.name)))
        })?;
        let align = graph.block(block).align;
        let pieces = graph.split_block(block, &starts[1..], &mut symbols)?;
        for (&start, &piece) in starts.iter().zip(&pieces) {
            let piece = graph.block_mut(piece);
            // What its place in the section has promised.
            let promised = 1 << start.trailing_zeros().min(63);
            (piece.align, piece.align_offset) = (align.min(promised), 0);
        }
    }
    Ok(())
}

/// References to entries by the section and an addend get a symbol of their own, since entries do not stay where they are. Sections that are referred to
/// in another way stay whole.
fn name_entries(graph: &mut LinkGraph, whole: &mut FxHashMap<BlockId, Merge>) {
    let mut found: Vec<(BlockId, usize, BlockId, u64)> = Vec::new();
    for id in graph.blocks() {
        for (n, edge) in graph.block(id).edges.iter().enumerate() {
            let symbol = graph.symbol(edge.target);
            let Some(block) = symbol.block().filter(|b| whole.contains_key(b)) else {
                continue;
            };
            if symbol.name != Name::Anonymous {
                continue;
            }
            let at = i128::from(symbol.offset) + i128::from(edge.addend);
            match u64::try_from(at) {
                // What keeps a section keeps all of it.
                Ok(at) if at < graph.block(block).size && edge.kind != KEEP => {
                    found.push((id, n, block, at));
                }
                _ => {
                    whole.remove(&block);
                }
            }
        }
    }
    let mut known: FxHashMap<(BlockId, u64), SymbolId> = FxHashMap::default();
    for (id, n, block, at) in found {
        if !whole.contains_key(&block) {
            continue;
        }
        let entry = known.entry((block, at));
        let target = *entry.or_insert_with(|| graph.add_anonymous(block, at));
        let edge: &mut Edge = &mut graph.block_mut(id).edges[n];
        (edge.target, edge.addend) = (target, 0);
    }
}

/// The entries that are left in a graph.
fn entries(graph: &LinkGraph) -> Vec<(BlockId, Key)> {
    let mut found = Vec::new();
    for id in graph.sections() {
        let Some(merge) = graph.section(id).merge else {
            continue;
        };
        let blocks = graph.section_blocks(id).filter(|&b| is_whole(graph, b));
        // A section that was left whole is no entry, and its bytes are those of no entry either.
        let entries = blocks.filter(|&b| starts(graph.bytes(b), merge).is_ok_and(|s| s.len() == 1));
        found.extend(entries.map(|b| (b, (merge, graph.bytes(b).to_vec()))));
    }
    found
}

/// Leaves one of equal entries of a graph.
pub fn unite(graph: &mut LinkGraph) -> Result<()> {
    let mut first: FxHashMap<Key, BlockId> = FxHashMap::default();
    let mut instead: FxHashMap<BlockId, BlockId> = FxHashMap::default();
    for (block, key) in entries(graph) {
        let kept = *first.entry(key).or_insert(block);
        if kept != block {
            let align = graph.block(block).align;
            let kept_block = graph.block_mut(kept);
            kept_block.align = kept_block.align.max(align);
            instead.insert(block, kept);
        }
    }
    if instead.is_empty() {
        return Ok(());
    }
    let symbols: Vec<SymbolId> = graph.symbols().collect();
    for id in symbols {
        let block = graph.symbol(id).block();
        if let Some(&kept) = block.and_then(|b| instead.get(&b)) {
            graph.symbol_mut(id).place = Place::Block(kept);
        }
    }
    instead.into_keys().for_each(|b| graph.remove_block(b));
    Ok(())
}

/// Moves entries that several of the graphs have to a graph of their own. `None` if there are none.
pub(super) fn share(jobs: &mut [Job], link: u64) -> Option<LinkGraph> {
    let mut owners: FxHashMap<Key, Vec<(usize, BlockId)>> = FxHashMap::default();
    let mut order: Vec<Key> = Vec::new();
    for (n, job) in jobs.iter().enumerate() {
        let all = entries(&job.graph);
        if all.is_empty() {
            continue;
        }
        let symbols = job.graph.symbols().map(|s| job.graph.symbol(s));
        let seen = symbols.filter(|s| s.scope != Scope::Local);
        let seen: FxHashSet<BlockId> = seen.filter_map(Symbol::block).collect();
        for (block, key) in all.into_iter().filter(|(b, _)| !seen.contains(b)) {
            let owners = owners.entry(key.clone()).or_default();
            owners.push((n, block));
            if owners.len() == 2 {
                order.push(key);
            }
        }
    }
    if order.is_empty() {
        return None;
    }
    let arch = jobs[0].graph.arch;
    let mut shared = LinkGraph::new(format!("strings of link {link}"), arch);
    let section = shared.section_named(SHARED, Prot::R);
    let mut moved: Vec<FxHashMap<BlockId, BlockId>> = vec![FxHashMap::default(); jobs.len()];
    for key in order {
        let owners = &owners[&key];
        let aligns = owners.iter().map(|&(n, b)| jobs[n].graph.block(b).align);
        let align = aligns.max().unwrap_or(1);
        let block = shared.add_content(section, &key.1, align, 0);
        for &(n, old) in owners {
            moved[n].insert(old, block);
        }
    }
    let mut names = FxHashMap::default();
    for (job, moved) in jobs.iter_mut().zip(&moved) {
        refer(&mut job.graph, moved, &mut shared, &mut names, link);
    }
    Some(shared)
}

/// Takes entries out of a graph; what refers to them refers to those of the shared graph from now on. `names`: of what is referred to so far.
fn refer(
    graph: &mut LinkGraph,
    moved: &FxHashMap<BlockId, BlockId>,
    shared: &mut LinkGraph,
    names: &mut FxHashMap<(BlockId, u64), String>,
    link: u64,
) {
    let symbols: Vec<SymbolId> = graph.symbols().collect();
    for id in symbols {
        let offset = graph.symbol(id).offset;
        let Some(&to) = graph.symbol(id).block().and_then(|b| moved.get(&b)) else {
            continue;
        };
        let name = names.entry((to, offset)).or_insert_with(|| {
            let name = format!("{SHARED}.{link}.{}+{offset}", to.index());
            let symbol = shared.add_defined(&name, to, offset);
            shared.symbol_mut(symbol).scope = Scope::Hidden;
            name
        });
        let name = Name::Text(graph.intern(name));
        graph.make_external(id);
        graph.symbol_mut(id).name = name;
    }
    moved.keys().for_each(|&b| graph.remove_block(b));
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRINGS: Merge = Merge {
        entry: 1,
        strings: true,
    };

    #[test]
    fn entries_begin_where_others_end() {
        assert_eq!(starts(b"one\0\0two\0", STRINGS), Ok(vec![0, 4, 5]));
        let wide = Merge {
            entry: 2,
            ..STRINGS
        };
        assert_eq!(starts(b"a\0\0\0\0b\0\0", wide), Ok(vec![0, 4]));
        let constants = Merge {
            entry: 4,
            strings: false,
        };
        assert_eq!(starts(&[0; 12], constants), Ok(vec![0, 4, 8]));
        assert!(starts(&[0; 13], constants).is_err());
        assert!(starts(b"one", STRINGS).is_err());
        assert!(starts(b"a\0b", wide).is_err());
    }
}
