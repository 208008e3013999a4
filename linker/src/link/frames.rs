//! Unwind tables of C code (`.eh_frame`): divided into records, so that a function's record lives as long as the function.
//!
//! ```text
//!  record:  length (4 bytes) | id (4 bytes) | …       id 0: common part (CIE); else: distance back to the CIE (FDE)
//!  FDE ─back32─▶ CIE ─▶ personality        FDE ─pcrel32─▶ function, its language-specific data
//!  function ─keep─▶ FDE
//! ```
//! The records that are left must follow each other without gaps, and a length of 0 ends them.

use crate::arch::{self, KEEP, Value};
use crate::error::{Error, Result};
use crate::graph::{BlockId, LinkGraph, SymbolId, SymbolsByBlock};
use rustc_hash::FxHashMap;

/// Name of the section.
pub const EH_FRAME: &str = ".eh_frame";

/// Offsets and sizes of the records in a section's bytes.
fn records(bytes: &[u8]) -> Result<Vec<(u64, u64)>, String> {
    let mut found = Vec::new();
    let mut at = 0usize;
    while at < bytes.len() {
        let word = |at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let Some(length) = word(at) else {
            return Err(format!("the record at {at:#x} is cut off"));
        };
        if length == u32::MAX {
            return Err(format!("the record at {at:#x} has a 64-bit length"));
        }
        let size = length as usize + 4;
        if size > bytes.len() - at {
            return Err(format!("the record at {at:#x} is longer than its section"));
        }
        if length != 0 && length < 4 {
            return Err(format!("the record at {at:#x} is too short"));
        }
        found.push((at as u64, size as u64));
        at += size;
    }
    Ok(found)
}

/// Divides the section, and connects the records.
pub fn split(graph: &mut LinkGraph) -> Result<()> {
    let Some(section) = graph.find_section(EH_FRAME) else {
        return Ok(());
    };
    let blocks: Vec<BlockId> = graph.section_blocks(section).collect();
    let mut symbols = SymbolsByBlock::of(graph);
    for block in blocks {
        split_block(graph, block, &mut symbols)?;
    }
    Ok(())
}

fn split_block(graph: &mut LinkGraph, block: BlockId, symbols: &mut SymbolsByBlock) -> Result<()> {
    let fail = |graph: &LinkGraph, what: String| Error::graph(graph, format!("{EH_FRAME}: {what}"));
    let records = records(graph.bytes(block)).map_err(|what| fail(graph, what))?;
    let cuts: Vec<u64> = records.iter().skip(1).map(|r| r.0).collect();
    // One alignment for all would make gaps. Assemblers pad records, unless they were written by hand.
    let padded = records.iter().all(|r| r.1 % 4 == 0);
    let old = graph.block_mut(block);
    let align = if padded { old.align.min(4) } else { 1 };
    (old.align, old.align_offset) = (align, 0);
    let pieces = graph.split_block(block, &cuts, symbols)?;
    let mut commons: FxHashMap<u64, SymbolId> = FxHashMap::default();
    let description = arch::description(graph.arch);
    for (&(at, size), &piece) in records.iter().zip(&pieces) {
        if size == 4 {
            // The end is made anew.
            continue;
        }
        let bytes = graph.bytes(piece);
        let id = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if id == 0 {
            let symbol = graph.add_anonymous(piece, 0);
            commons.insert(at, symbol);
            continue;
        }
        let common = (at + 4).checked_sub(u64::from(id));
        let Some(&common) = common.and_then(|c| commons.get(&c)) else {
            return Err(fail(
                graph,
                format!("the record at {at:#x} has no common part"),
            ));
        };
        graph.add_edge(piece, 4, description.back32, common, 0);
        // The function is what the word after the id refers to.
        let function = graph
            .block(piece)
            .edges
            .iter()
            .find(|e| e.offset == 8 && e.kind.info(graph.arch).value != Value::None);
        let Some(function) = function.map(|e| e.target) else {
            return Err(fail(
                graph,
                format!("the record at {at:#x} names no function"),
            ));
        };
        let record = graph.add_anonymous(piece, 0);
        if let Some(code) = graph.symbol(function).block() {
            graph.add_edge(code, 0, KEEP, record, 0);
        }
    }
    Ok(())
}

/// Puts the end behind the records that are left.
pub fn terminate(graph: &mut LinkGraph) -> Result<()> {
    let Some(section) = graph.find_section(EH_FRAME) else {
        return Ok(());
    };
    if graph.section_blocks(section).next().is_some() {
        graph.add_content(section, &[0; 4], 1, 0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_follow_each_other() {
        // Lengths of 8, 5 (written by hand, without padding), and the end.
        let bytes = [&[8, 0, 0, 0][..], &[0; 8], &[5, 0, 0, 0], &[0; 5], &[0; 4]].concat();
        assert_eq!(records(&bytes), Ok(vec![(0, 12), (12, 9), (21, 4)]));
        assert!(records(&bytes[..20]).is_err());
        assert!(records(&[3, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(records(&[0xff; 16]).is_err());
    }
}
