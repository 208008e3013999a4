//! Graphs from what our compilers make.
//!
//! A method becomes a block of code named by its symbol; its relocations become edges to external symbols with the same small names, so that
//! no text is made. Filters are blocks of the same graph.

use crate::arch::{Kind, a32, a64, x64};
use crate::error::{Error, Result};
use crate::graph::{LinkGraph, Name, Prot, Scope, SectionId, SectionRole, Symbol, SymbolId};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::symbol::{RelocKind, Symbol as CodeSymbol};
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashMap;

/// Section of code.
pub const CODE: &str = ".text";

/// What compilers call kinds, and what the tables do.
const KINDS: &[(RelocKind, Arch, Kind)] = &[
    (RelocKind::Abs64, Arch::X64, x64::ABS64),
    (RelocKind::Abs64, Arch::A64, a64::ABS64),
    (RelocKind::Abs32, Arch::X64, x64::ABS32),
    (RelocKind::Abs32, Arch::A64, a64::ABS32),
    (RelocKind::Abs32, Arch::A32, a32::ABS32),
    (RelocKind::X64PcRel32, Arch::X64, x64::PC32),
    (RelocKind::X64Call32, Arch::X64, x64::CALL32),
    (RelocKind::X64GotPcRel32, Arch::X64, x64::GOT_PC32),
    (RelocKind::A64Call26, Arch::A64, a64::CALL26),
    (RelocKind::A64AdrPrelPgHi21, Arch::A64, a64::PAGE),
    (RelocKind::A64AddAbsLo12, Arch::A64, a64::LOW12),
    (RelocKind::A64Ld64AbsLo12, Arch::A64, a64::LOW12_64),
    (RelocKind::A64AdrGotPage21, Arch::A64, a64::GOT_PAGE),
    (RelocKind::A64LdGotLo12, Arch::A64, a64::GOT_LOW12),
    (RelocKind::A32Call24, Arch::A32, a32::CALL24),
    (RelocKind::A32MovwAbs, Arch::A32, a32::MOVE_LOW),
    (RelocKind::A32MovtAbs, Arch::A32, a32::MOVE_HIGH),
];

/// The kind of an edge for a compiler's relocation.
pub fn kind(arch: Arch, kind: RelocKind) -> Option<Kind> {
    let row = KINDS.iter().find(|(k, a, _)| (*k, *a) == (kind, arch))?;
    Some(row.2)
}

/// A graph of one method and its filters.
pub fn graph(method: &CompiledMethod) -> Result<LinkGraph> {
    let mut graph = LinkGraph::new("", method.arch);
    add(&mut graph, method)?;
    Ok(graph)
}

/// Adds a method and its filters to a graph of the same architecture.
pub fn add(graph: &mut LinkGraph, method: &CompiledMethod) -> Result<()> {
    let section = match graph.sections().next() {
        Some(section) => section,
        None => graph.add_section(CODE, Prot::RX, SectionRole::Plain),
    };
    let mut known = FxHashMap::default();
    add_code(graph, section, method, &mut known)
}

fn add_code(
    graph: &mut LinkGraph,
    section: SectionId,
    method: &CompiledMethod,
    known: &mut FxHashMap<CodeSymbol, SymbolId>,
) -> Result<()> {
    let align = u64::from(method.align.max(1));
    let block = graph.add_content(section, &method.code, align, 0);
    let symbol = Symbol {
        name: Name::Code(method.symbol),
        size: method.code.len() as u64,
        callable: true,
        live: true,
        scope: Scope::Default,
        ..Symbol::anonymous(block, 0)
    };
    match known.get(&method.symbol) {
        // A filter whose method was there first and refers to it.
        Some(&id) => *graph.symbol_mut(id) = symbol,
        None => {
            let id = graph.add_symbol(symbol);
            known.insert(method.symbol, id);
        }
    }
    graph.block_mut(block).edges.reserve(method.relocs.len());
    for r in &method.relocs {
        let kind = kind(method.arch, r.kind).ok_or_else(|| Error::Graph {
            graph: format!("{:?}", method.symbol),
            what: format!(
                "{:?} of {:?} is not for this architecture",
                r.kind, r.symbol
            ),
        })?;
        let target = target(graph, known, r.symbol);
        graph.add_edge(block, r.offset, kind, target, r.addend);
    }
    for filter in &method.filters {
        add_code(graph, section, filter, known)?;
    }
    Ok(())
}

fn target(
    graph: &mut LinkGraph,
    known: &mut FxHashMap<CodeSymbol, SymbolId>,
    symbol: CodeSymbol,
) -> SymbolId {
    if let Some(&id) = known.get(&symbol) {
        return id;
    }
    let id = graph.add_symbol(Symbol::external(Name::Code(symbol)));
    known.insert(symbol, id);
    id
}
