//! Functions whose address is found out when they are loaded (GNU indirect functions): code gives it, as the processor at hand needs.
//!
//! ```text
//!  call f ─▶ $INDIRECT: jmp [word] ─▶ what the function of this address in `$CHOSEN` gave
//!            `f` is here from now on    before it is called, the word holds its own address
//! ```
//! So `f` has one address, whoever takes it. The words are the one thing that is filled in after all of a link is in place, since the
//! functions that choose may refer to anything; so they are in memory that can be written to.

use crate::arch::{self, Stub};
use crate::error::Result;
use crate::graph::{LinkGraph, Place, Prot, SectionRole, Symbol, SymbolId};

/// Section of the code that such functions are known by.
const CODE: &str = "$INDIRECT";
/// Section of the words that say where they are.
pub const CHOSEN: &str = "$CHOSEN";

/// Gives each such function its code and its word.
pub fn build(graph: &mut LinkGraph) -> Result<()> {
    let all: Vec<SymbolId> = graph
        .symbols()
        .filter(|&s| graph.symbol(s).indirect)
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    let description = arch::description(graph.arch);
    let code = graph.add_section(CODE, Prot::RX, SectionRole::Plain);
    let words = graph.add_section(CHOSEN, Prot::RW, SectionRole::Plain);
    let size = description.word;
    let stub: &Stub = &description.indirect_stub;
    for id in all {
        let symbol = graph.symbol(id).clone();
        let Place::Block(block) = symbol.place else {
            continue;
        };
        let chooser = graph.add_symbol(Symbol {
            size: symbol.size,
            callable: true,
            thumb: symbol.thumb,
            ..Symbol::anonymous(block, symbol.offset)
        });
        let word = graph.add_content(words, &[0; 8][..size as usize], size, 0);
        graph.add_edge(word, 0, description.address, chooser, 0);
        let word = graph.add_anonymous(word, 0);
        let jump = graph.add_content(code, stub.code, stub.align, 0);
        for &(offset, kind, addend) in stub.edges {
            graph.add_edge(jump, offset, kind, word, addend);
        }
        let s = graph.symbol_mut(id);
        (s.place, s.offset, s.size) = (Place::Block(jump), 0, stub.code.len() as u64);
        (s.indirect, s.thumb) = (false, false);
    }
    Ok(())
}
