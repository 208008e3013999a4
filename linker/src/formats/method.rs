//! Graphs from what our compilers make.
//!
//! A method becomes a block of code named by its symbol; its relocations become edges to external symbols with the same small names, so that
//! no text is made. Filters are blocks of the same graph.

use crate::arch::{Kind, a32, a64, x64};
use crate::error::{Error, Result};
use crate::graph::{
    BlockId, Edge, LinkGraph, Name, Prot, Scope, SectionId, SectionRole, Symbol, SymbolId,
};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::symbol::{RelocKind, Symbol as CodeSymbol};
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Section of code.
pub const CODE: &str = ".text";

/// What compilers call kinds, in the tables of [`arch`](crate::arch).
pub fn kind(arch: Arch, kind: RelocKind) -> Option<Kind> {
    Some(match (arch, kind) {
        (Arch::X64, RelocKind::Abs64) => x64::ABS64,
        (Arch::X64, RelocKind::Abs32) => x64::ABS32,
        (Arch::X64, RelocKind::X64PcRel32) => x64::PC32,
        (Arch::X64, RelocKind::X64Call32) => x64::CALL32,
        (Arch::X64, RelocKind::X64GotPcRel32) => x64::GOT_PC32,
        (Arch::A64, RelocKind::Abs64) => a64::ABS64,
        (Arch::A64, RelocKind::Abs32) => a64::ABS32,
        (Arch::A64, RelocKind::A64Call26) => a64::CALL26,
        (Arch::A64, RelocKind::A64AdrPrelPgHi21) => a64::PAGE,
        (Arch::A64, RelocKind::A64AddAbsLo12) => a64::LOW12,
        (Arch::A64, RelocKind::A64Ld64AbsLo12) => a64::LOW12_64,
        (Arch::A64, RelocKind::A64AdrGotPage21) => a64::GOT_PAGE,
        (Arch::A64, RelocKind::A64LdGotLo12) => a64::GOT_LOW12,
        (Arch::A32, RelocKind::Abs32) => a32::ABS32,
        (Arch::A32, RelocKind::A32Call24) => a32::CALL24,
        (Arch::A32, RelocKind::A32MovwAbs) => a32::MOVE_LOW,
        (Arch::A32, RelocKind::A32MovtAbs) => a32::MOVE_HIGH,
        _ => return None,
    })
}

/// A graph of one method and its filters.
pub fn graph(method: &CompiledMethod) -> Result<LinkGraph> {
    let mut builder = Builder::default();
    builder.clear(method.arch);
    builder.add_all(method)?;
    Ok(builder.graph)
}

/// Makes graphs of methods, and keeps its memory for the next one.
#[derive(Debug)]
pub struct Builder {
    graph: LinkGraph,
    section: SectionId,
    known: FxHashMap<CodeSymbol, SymbolId>,
}

impl Default for Builder {
    fn default() -> Builder {
        let mut graph = LinkGraph::new("compiled code", Arch::X64);
        Builder {
            section: graph.add_section(CODE, Prot::RX, SectionRole::Plain),
            graph,
            known: FxHashMap::default(),
        }
    }
}

impl Builder {
    /// Begins an empty graph.
    pub fn clear(&mut self, arch: Arch) {
        self.graph.clear();
        self.graph.arch = arch;
        self.known.clear();
        self.section = self.graph.add_section(CODE, Prot::RX, SectionRole::Plain);
    }

    /// The graph so far.
    pub fn graph_mut(&mut self) -> &mut LinkGraph {
        &mut self.graph
    }

    /// Adds a method and its filters, each as a block.
    pub fn add_all(&mut self, method: &CompiledMethod) -> Result<()> {
        self.add(method)?;
        method.filters.iter().try_for_each(|f| self.add_all(f))
    }

    /// Adds a method's own code.
    pub fn add(&mut self, method: &CompiledMethod) -> Result<BlockId> {
        let align = u64::from(method.align.max(1));
        let block = self.graph.add_content(self.section, &method.code, align, 0);
        // If others referred to it before, it is known as external.
        let id = self.symbol(method.symbol);
        *self.graph.symbol_mut(id) = Symbol {
            name: Name::Code(method.symbol),
            size: method.code.len() as u64,
            callable: true,
            live: true,
            scope: match method.symbol {
                // Of this version of its method.
                CodeSymbol::Filter(..) => Scope::Local,
                _ => Scope::Default,
            },
            ..Symbol::anonymous(block, 0)
        };
        let mut edges = SmallVec::with_capacity(method.relocs.len());
        for r in &method.relocs {
            let target = self.symbol(r.symbol);
            let Some(kind) = kind(method.arch, r.kind) else {
                let (kind, symbol) = (r.kind, r.symbol);
                let what = format!("{kind:?} of {symbol:?} is not for this architecture");
                return Err(Error::graph(&self.graph, what));
            };
            edges.push(Edge {
                offset: r.offset,
                kind,
                target,
                addend: r.addend,
            });
        }
        self.graph.block_mut(block).edges = edges;
        Ok(block)
    }

    fn symbol(&mut self, symbol: CodeSymbol) -> SymbolId {
        let graph = &mut self.graph;
        let new = || graph.add_symbol(Symbol::external(Name::Code(symbol)));
        *self.known.entry(symbol).or_insert_with(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::nowhere::Nowhere;
    use crate::link::{Options, Session};
    use isthmus_runtime_abi::artifact::Tier;
    use isthmus_runtime_abi::ids::MethodId;
    use isthmus_runtime_abi::symbol::Reloc;
    use std::sync::Arc;

    fn method(id: usize, relocs: &[(u32, RelocKind, CodeSymbol, i64)]) -> CompiledMethod {
        let id = MethodId::from_index(id);
        let reloc = |&(offset, kind, symbol, addend): &_| Reloc {
            offset,
            kind,
            symbol,
            addend,
        };
        CompiledMethod {
            code: vec![0; 32],
            relocs: relocs.iter().map(reloc).collect(),
            ..CompiledMethod::new(CodeSymbol::MethodBody(id), id, Arch::X64, Tier::Opt)
        }
    }

    /// Methods go through sessions as objects do, and find each other by their small names.
    #[test]
    fn methods_are_linked_in_sessions() {
        let body = |n| CodeSymbol::MethodBody(MethodId::from_index(n));
        let filter = CodeSymbol::Filter(MethodId::from_index(0), 3);
        let mut first = method(
            0,
            &[
                (4, RelocKind::X64Call32, body(1), -4),
                (12, RelocKind::X64GotPcRel32, CodeSymbol::VmData(9), -4),
                (16, RelocKind::Abs64, filter, 0),
            ],
        );
        let inner = method(0, &[(0, RelocKind::Abs64, body(0), 8)]);
        first.filters.push(CompiledMethod {
            symbol: filter,
            ..inner
        });
        let second = method(1, &[]);
        // What takes over from the first in the middle of it has a filter of the same name.
        let mut rest = first.clone();
        rest.symbol = CodeSymbol::OsrBody(MethodId::from_index(0), 7);
        let nowhere = Arc::new(Nowhere::new(Arch::X64, 1 << 20));
        let mut session = Session::new(nowhere, Options::default());
        session.define_code(CodeSymbol::VmData(9), 0x7000_1234_5678);
        let graphs = [&first, &second, &rest].map(|m| graph(m).unwrap());
        session.link(graphs.into()).unwrap();
        let [a, b, c] = [body(0), body(1), rest.symbol].map(|s| session.lookup_code(s).unwrap());
        assert_eq!(session.lookup_code(filter), None);
        let read = |at, n| {
            let bytes = session.executor().memory().read(at, n).unwrap();
            let mut word = [0; 8];
            word[..n].copy_from_slice(&bytes);
            u64::from_le_bytes(word)
        };
        assert_eq!(read(a + 4, 4) as u32, (b.wrapping_sub(a + 8)) as u32);
        let word = a + 16 + read(a + 12, 4);
        assert_eq!(read(word, 8), 0x7000_1234_5678);
        for own in [a, c] {
            let filter = read(own + 16, 8);
            assert_eq!(read(filter, 8), a + 8);
        }
        assert_ne!(read(a + 16, 8), read(c + 16, 8));
    }

    #[test]
    fn foreign_kinds_are_errors() {
        let m = method(0, &[(0, RelocKind::A64Call26, CodeSymbol::VmData(1), 0)]);
        let error = graph(&m).unwrap_err().to_string();
        assert!(error.contains("A64Call26 of VmData(1)"), "{error}");
    }
}
