//! What holds in every graph, at every step of a link.
//!
//! 1. Each block is in an existing section and in its list; content lies within the graph's buffer.
//! 2. Alignments are powers of two, offsets from them smaller.
//! 3. An edge's kind is in the architecture's table, and its place lies within its block; blocks of zeros have only edges that write nothing.
//! 4. An edge's target is a symbol that is left.
//! 5. A symbol that is left lies in a block that is left, or at its end.
//! 6. Names exist; what has no name is local; what is external has a name.
//! 7. Common symbols are blocks of zeros.
//! 8. No section is writable and executable.
//! 9. A block's size, and the sum of the sizes in a section, fit 63 bits.
//! 10. Entries of a section whose equal entries may become one have a size; the section cannot be written to.
//! 11. What gives a function's address is code of the graph.

use super::{Content, LinkGraph, Linkage, Name, Place, Scope};
use crate::arch;
use crate::error::{Error, Result};

/// Checks a graph.
pub fn verify(graph: &LinkGraph) -> Result<()> {
    let fail = |rule: u32, what: String| Err(Error::graph(graph, format!("rule {rule}: {what}")));
    let table = arch::table(graph.arch);
    let symbols = graph.symbol_limit();
    for id in graph.sections() {
        let section = graph.section(id);
        let name = graph.text(section.name);
        if section.prot.write() && section.prot.execute() {
            return fail(8, format!("section {name} is writable and executable"));
        }
        if section
            .merge
            .is_some_and(|m| m.entry == 0 || section.prot.write())
        {
            return fail(10, format!("section {name} cannot be merged"));
        }
        let mut sum = 0u64;
        for block in graph.section_blocks(id) {
            let block = graph.block(block);
            if block.section != id {
                return fail(1, format!("a block is in the list of {name} by mistake"));
            }
            sum = sum.saturating_add(block.size);
        }
        if sum > i64::MAX as u64 {
            return fail(9, format!("section {name} is too large"));
        }
    }
    for id in graph.blocks() {
        let block = graph.block(id);
        let n = id.0;
        if block.section.index() >= graph.sections().count() {
            return fail(1, format!("block {n} is in no section"));
        }
        if block.size > i64::MAX as u64 {
            return fail(9, format!("block {n} is too large"));
        }
        if let Content::Bytes(start) = block.content
            && !graph.holds(start, block.size)
        {
            return fail(1, format!("block {n} has content outside of the graph"));
        }
        if !block.align.is_power_of_two() || block.align_offset >= block.align {
            let (align, offset) = (block.align, block.align_offset);
            return fail(2, format!("block {n}: alignment {align} + {offset}"));
        }
        for edge in &block.edges {
            let at = edge.offset;
            let Some(row) = table.get(edge.kind.0 as usize) else {
                return fail(3, format!("block {n}+{at:#x}: no such kind"));
            };
            let bytes = u64::from(row.field.bytes());
            if u64::from(at) + bytes > block.size {
                let name = row.name;
                return fail(3, format!("block {n}+{at:#x}: {name} ends outside"));
            }
            if bytes > 0 && block.content == Content::Zero {
                return fail(3, format!("block {n}+{at:#x}: relocation of zeros"));
            }
            if edge.target.index() >= symbols || graph.symbol(edge.target).removed {
                return fail(4, format!("block {n}+{at:#x}: no such symbol"));
            }
        }
    }
    for id in graph.symbols() {
        let (symbol, n) = (graph.symbol(id), id.0);
        match symbol.name {
            Name::Text(name) if !graph.has_text(name) => {
                return fail(6, format!("symbol {n}: no such name"));
            }
            Name::Anonymous if symbol.scope != Scope::Local => {
                return fail(6, format!("symbol {n} has no name but is not local"));
            }
            Name::Anonymous if symbol.is_external() => {
                return fail(6, format!("symbol {n} has no name but is external"));
            }
            _ => {}
        }
        let Place::Block(block) = symbol.place else {
            if symbol.indirect {
                return fail(11, format!("{} is not here", graph.describe(id)));
            }
            continue;
        };
        if block.index() >= graph.block_limit() || graph.block(block).removed {
            return fail(5, format!("symbol {n} is in no block"));
        }
        let block = graph.block(block);
        if symbol.offset > block.size {
            return fail(5, format!("{} is outside of its block", graph.describe(id)));
        }
        if symbol.linkage == Linkage::Common && block.content != Content::Zero {
            return fail(7, format!("{} is common but not zero", graph.describe(id)));
        }
    }
    Ok(())
}
