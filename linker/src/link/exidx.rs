//! Unwind tables of 32-bit ARM (`.ARM.exidx`, "Exception Handling ABI for the Arm Architecture", 5): an entry for each function, in order of address.
//!
//! ```text
//!  entry:  function (prel31) │ 1: cannot be unwound, or how to, or its description in .ARM.extab (prel31)
//!  function ─keep─▶ entry ─▶ description ─▶ personality
//!
//!  .text │ f │ g │ h │     .ARM.exidx │ f │ g │ h │ end of the last │ 1 │        (what an entry says holds up to the next one)
//! ```
//! Compilers make one such section for each section of code. An entry lives as long as its function; those that are left go to one section, in the
//! order of the functions, since the table is searched by halves.

use crate::arch::{KEEP, Value, a32};
use crate::error::{Error, Result};
use crate::graph::{BlockId, LinkGraph, SectionId, SymbolsByBlock};
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashMap;

/// Name of the section.
pub const EXIDX: &str = ".ARM.exidx";
/// Bytes of an entry.
const ENTRY: u64 = 8;
/// What an entry says of code that cannot be unwound.
const CANNOT_UNWIND: u32 = 1;

/// Sections with entries, not empty ones.
fn sections(graph: &LinkGraph) -> Vec<SectionId> {
    if graph.arch != Arch::A32 {
        return Vec::new();
    }
    let named = |&id: &SectionId| graph.text(graph.section(id).name).starts_with(EXIDX);
    let all = graph.sections().filter(named);
    all.filter(|&id| graph.section_blocks(id).next().is_some())
        .collect()
}

/// The code that an entry is about: a block, and the offset there.
fn function(graph: &LinkGraph, entry: BlockId) -> Option<(BlockId, u64)> {
    let edges = graph.block(entry).edges.iter();
    let mut at_start =
        edges.filter(|e| e.offset == 0 && e.kind.info(graph.arch).value != Value::None);
    let edge = at_start.next()?;
    let symbol = graph.symbol(edge.target);
    Some((
        symbol.block()?,
        symbol.offset.wrapping_add_signed(edge.addend),
    ))
}

/// Makes a block of each entry, and has it kept by its function.
pub fn split(graph: &mut LinkGraph) -> Result<()> {
    let sections = sections(graph);
    if sections.is_empty() {
        return Ok(());
    }
    let fail = |graph: &LinkGraph, what: String| Error::graph(graph, format!("{EXIDX}: {what}"));
    let mut symbols = SymbolsByBlock::of(graph);
    for section in sections {
        let blocks: Vec<BlockId> = graph.section_blocks(section).collect();
        for block in blocks {
            let size = graph.block(block).size;
            if size == 0 {
                continue;
            }
            if !size.is_multiple_of(ENTRY) || graph.bytes(block).is_empty() {
                return Err(fail(graph, format!("{size} bytes are no entries")));
            }
            let old = graph.block_mut(block);
            (old.align, old.align_offset) = (4, 0);
            let cuts: Vec<u64> = (ENTRY..size).step_by(ENTRY as usize).collect();
            for (n, entry) in graph
                .split_block(block, &cuts, &mut symbols)?
                .into_iter()
                .enumerate()
            {
                let Some((code, _)) = function(graph, entry) else {
                    return Err(fail(
                        graph,
                        format!("entry {n} names no function of the object"),
                    ));
                };
                let kept = graph.add_anonymous(entry, 0);
                graph.add_edge(code, 0, KEEP, kept, 0);
            }
        }
    }
    Ok(())
}

/// Puts the entries that are left in the order of their functions, and an end behind them.
pub fn order(graph: &mut LinkGraph) -> Result<()> {
    let sections = sections(graph);
    let Some(&table) = sections.first() else {
        return Ok(());
    };
    let places = super::layout::code_order(graph);
    let order: FxHashMap<BlockId, usize> = places.iter().copied().zip(0..).collect();
    let mut entries: Vec<((usize, u64), BlockId)> = Vec::new();
    for section in sections {
        for entry in graph.section_blocks(section) {
            let at = function(graph, entry);
            let at = at.and_then(|(code, offset)| Some((*order.get(&code)?, offset)));
            let Some(at) = at else {
                return Err(Error::graph(
                    graph,
                    format!("{EXIDX}: an entry is about what is no code"),
                ));
            };
            entries.push((at, entry));
        }
    }
    entries.sort_by_key(|&(at, _)| at);
    let sorted: Vec<BlockId> = entries.into_iter().map(|(_, entry)| entry).collect();
    graph.move_blocks(&sorted, table);
    if let Some(&last) = places.last() {
        let mut bytes = [0; ENTRY as usize];
        bytes[4..].copy_from_slice(&CANNOT_UNWIND.to_le_bytes());
        let end = graph.add_content(table, &bytes, 4, 0);
        let size = graph.block(last).size;
        let behind = graph.add_anonymous(last, size);
        graph.add_edge(end, 0, a32::PC31, behind, 0);
    }
    Ok(())
}
