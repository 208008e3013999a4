//! Builds what edges refer to besides symbols: the table of addresses (GOT), stubs (PLT), thread-local entries.
//!
//! ```text
//!  call32 puts ─▶ stub32 ─▶ [$STUBS: jmp [word]] ─▶ [$GOT: abs64] ─▶ puts
//!  got_pcrel32_rex stdout ─▶ load_rex ─▶ [$GOT: abs64] ─▶ stdout
//!  tls_gd counter ─▶ pcrel32 ─▶ [$GOT: tls_key64, tls_offset64] ─▶ counter
//! ```
//! Each entry is made once for a symbol. Stubs are made for what lies outside of the graph only; relaxation may bypass entries again.

use crate::arch::{self, Kind, Stub, Value, Via};
use crate::error::Result;
use crate::graph::{
    BlockId, Edge, LinkGraph, Place, Prot, Scope, SectionId, SectionRole, SymbolId,
};
use rustc_hash::FxHashMap;

/// Section of the table of addresses.
pub const GOT: &str = "$GOT";
/// Section of stubs.
pub const STUBS: &str = "$STUBS";
/// The name by which code refers to the table of addresses.
const GOT_SYMBOL: &str = "_GLOBAL_OFFSET_TABLE_";
/// The function of a thread-local descriptor of a variable at the same distance from each thread's pointer.
pub const TLS_DESCRIPTOR: &str = "__isthmus_tls_descriptor";

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    Word,
    Stub,
    ThumbStub,
    TlsPair,
    TlsModule,
    TlsDistance,
    TlsDescriptor,
}

struct Builder<'a> {
    graph: &'a mut LinkGraph,
    known: FxHashMap<(Entry, Option<SymbolId>), SymbolId>,
    got: Option<SectionId>,
    stubs: Option<SectionId>,
    descriptor: Option<SymbolId>,
}

/// Makes the entries, and changes the edges that need them.
pub fn build(graph: &mut LinkGraph) -> Result<()> {
    let table = arch::table(graph.arch);
    let blocks: Vec<BlockId> = graph.blocks().collect();
    let base = graph.find_symbol(GOT_SYMBOL);
    let relative = |e: &Edge| {
        let row = &table[e.kind.0 as usize];
        matches!(row.value, Value::FromGot | Value::GotRel)
    };
    let wants_base = base.is_some_and(|s| graph.symbol(s).is_external())
        || blocks
            .iter()
            .any(|&b| graph.block(b).edges.iter().any(relative));
    let mut builder = Builder {
        graph,
        known: FxHashMap::default(),
        got: None,
        stubs: None,
        descriptor: None,
    };
    if wants_base {
        builder.base(base);
    }
    for block in blocks {
        for n in 0..builder.graph.block(block).edges.len() {
            let edge = builder.graph.block(block).edges[n];
            let Some((kind, target)) = builder.entry(&edge, &table[edge.kind.0 as usize].via)
            else {
                continue;
            };
            let edge = &mut builder.graph.block_mut(block).edges[n];
            (edge.kind, edge.target) = (kind, target);
        }
    }
    Ok(())
}

impl Builder<'_> {
    /// What the edge becomes.
    fn entry(&mut self, edge: &Edge, via: &Via) -> Option<(Kind, SymbolId)> {
        let outside = self.graph.symbol(edge.target).block().is_none();
        let (entry, kind) = match *via {
            Via::Direct => return None,
            Via::Stub(kind) if outside => (Entry::Stub, kind),
            Via::ThumbStub(kind) if outside => (Entry::ThumbStub, kind),
            // The symbol itself, as relaxation would leave it.
            Via::Stub(kind) | Via::ThumbStub(kind) => return Some((kind, edge.target)),
            Via::Got(kind) => (Entry::Word, kind),
            Via::TlsPair(kind) => (Entry::TlsPair, kind),
            Via::TlsModule(kind) => (Entry::TlsModule, kind),
            Via::TlsDistance(kind) => (Entry::TlsDistance, kind),
            Via::TlsDescriptor(kind) => (Entry::TlsDescriptor, kind),
        };
        Some((kind, self.symbol_of(entry, edge.target)))
    }

    fn symbol_of(&mut self, entry: Entry, target: SymbolId) -> SymbolId {
        // The graph's own pair is one for all.
        let of = (entry != Entry::TlsModule).then_some(target);
        if let Some(&symbol) = self.known.get(&(entry, of)) {
            return symbol;
        }
        let d = arch::description(self.graph.arch);
        let symbol = match entry {
            Entry::Word => self.words(&[Some((d.address, target))]),
            Entry::TlsPair => {
                self.words(&[Some((d.tls_key, target)), Some((d.tls_offset, target))])
            }
            Entry::TlsModule => {
                let own = self.own_home(target);
                self.words(&[Some((d.tls_key, own)), None])
            }
            Entry::TlsDistance => self.words(&[Some((d.thread_offset, target))]),
            Entry::TlsDescriptor => {
                let function = self.descriptor();
                self.words(&[Some((d.address, function)), Some((d.thread_offset, target))])
            }
            Entry::Stub => self.stub(&d.stub, target, false),
            Entry::ThumbStub => match &d.thumb_stub {
                Some(stub) => self.stub(stub, target, true),
                None => self.stub(&d.stub, target, false),
            },
        };
        self.known.insert((entry, of), symbol);
        symbol
    }

    /// An entry of the table: a word for each, with an edge or zero.
    fn words(&mut self, words: &[Option<(Kind, SymbolId)>]) -> SymbolId {
        let size = arch::description(self.graph.arch).word;
        let section = self.got_section();
        let zeros = [0u8; 16];
        let bytes = &zeros[..words.len() * size as usize];
        let block = self.graph.add_content(section, bytes, size, 0);
        for (n, word) in words.iter().enumerate() {
            if let &Some((kind, target)) = word {
                self.graph
                    .add_edge(block, n as u32 * size as u32, kind, target, 0);
            }
        }
        self.graph.add_anonymous(block, 0)
    }

    fn stub(&mut self, stub: &Stub, target: SymbolId, thumb: bool) -> SymbolId {
        let to = match stub.through_got {
            true => self.symbol_of(Entry::Word, target),
            false => target,
        };
        let section = match self.stubs {
            Some(section) => section,
            None => self.graph.section_named(STUBS, Prot::RX),
        };
        self.stubs = Some(section);
        let block = self.graph.add_content(section, stub.code, stub.align, 0);
        for &(offset, kind, addend) in stub.edges {
            self.graph.add_edge(block, offset, kind, to, addend);
        }
        let symbol = self.graph.add_anonymous(block, 0);
        let s = self.graph.symbol_mut(symbol);
        (s.callable, s.thumb, s.size) = (true, thumb, stub.code.len() as u64);
        symbol
    }

    fn got_section(&mut self) -> SectionId {
        let section = match self.got {
            Some(section) => section,
            None => self.graph.section_named(GOT, Prot::R),
        };
        self.got = Some(section);
        section
    }

    /// Makes sure that the table is there, and that its name means its beginning.
    fn base(&mut self, name: Option<SymbolId>) {
        let size = arch::description(self.graph.arch).word;
        let section = self.got_section();
        let block = self
            .graph
            .add_content(section, &[0; 8][..size as usize], size, 0);
        if let Some(name) = name {
            let symbol = self.graph.symbol_mut(name);
            (symbol.place, symbol.scope) = (Place::Block(block), Scope::Local);
        }
    }

    fn descriptor(&mut self) -> SymbolId {
        if let Some(symbol) = self.descriptor {
            return symbol;
        }
        let found = self.graph.find_symbol(TLS_DESCRIPTOR);
        let symbol = found.unwrap_or_else(|| {
            let strong = crate::graph::Linkage::Strong;
            self.graph.add_external(TLS_DESCRIPTOR, strong)
        });
        self.descriptor = Some(symbol);
        symbol
    }

    /// A symbol in the graph's own thread-local home.
    fn own_home(&mut self, target: SymbolId) -> SymbolId {
        let thread_local = |b: &BlockId| {
            let section = self.graph.block(*b).section;
            self.graph.section(section).role == SectionRole::ThreadLocal
        };
        let block = self.graph.blocks().find(thread_local);
        match block {
            Some(block) => {
                let symbol = self.graph.add_anonymous(block, 0);
                self.graph.symbol_mut(symbol).thread_local = true;
                symbol
            }
            None => target,
        }
    }
}

/// Finds what entries stand for, to bypass them.
#[derive(Debug)]
pub struct Entries {
    got: Option<SectionId>,
    stubs: Option<SectionId>,
}

impl Entries {
    /// Of a graph.
    pub fn of(graph: &LinkGraph) -> Entries {
        Entries {
            got: graph.find_section(GOT),
            stubs: graph.find_section(STUBS),
        }
    }

    /// Whether a block is a stub.
    pub fn is_stub(&self, graph: &LinkGraph, block: BlockId) -> bool {
        Some(graph.block(block).section) == self.stubs
    }

    /// The symbol that an entry, a word or a stub, stands for.
    pub fn target(&self, graph: &LinkGraph, entry: SymbolId) -> Option<SymbolId> {
        let block = graph.block(graph.symbol(entry).block()?);
        let section = Some(block.section);
        let edge = block.edges.first()?;
        if section == self.stubs {
            return self.target(graph, edge.target).or(Some(edge.target));
        }
        let address = arch::description(graph.arch).address;
        (section == self.got && edge.kind == address).then_some(edge.target)
    }
}
