//! The parts of a link graph, and the operations that make and change it.

use crate::arch::Kind;
use isthmus_runtime_abi::symbol::Symbol as CodeSymbol;
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// Position in the graph's arena.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A section of a graph.
    SectionId;
    /// A block of a graph.
    BlockId;
    /// A symbol of a graph.
    SymbolId;
    /// A text of a graph.
    NameId;
}

/// What memory may be used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prot(u8);

impl Prot {
    /// Read.
    pub const R: Prot = Prot(1);
    /// Read and write.
    pub const RW: Prot = Prot(3);
    /// Read and execute.
    pub const RX: Prot = Prot(5);

    /// From its parts; memory can always be read.
    pub fn new(write: bool, execute: bool) -> Prot {
        Prot(1 | u8::from(write) << 1 | u8::from(execute) << 2)
    }

    /// Whether it may be written.
    pub fn write(self) -> bool {
        self.0 & 2 != 0
    }

    /// Whether it may be executed.
    pub fn execute(self) -> bool {
        self.0 & 4 != 0
    }
}

impl fmt::Display for Prot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("r")?;
        f.write_str(if self.write() { "w" } else { "-" })?;
        f.write_str(if self.execute() { "x" } else { "-" })
    }
}

/// What a section is for, as far as the linker treats it specially.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SectionRole {
    /// Nothing special.
    #[default]
    Plain,
    /// Part of the template that each thread's copy of the thread-local variables is made from.
    ThreadLocal,
    /// Addresses of functions to call before `main`.
    Initializers,
    /// Addresses of functions to call at the end.
    Finalizers,
}

/// What a section is made of whose equal entries are needed only once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Merge {
    /// Bytes of an entry; of a character, if they are strings.
    pub entry: u32,
    /// Whether entries are strings that end with a zero.
    pub strings: bool,
}

/// A group of blocks of the same protection.
#[derive(Clone, Debug)]
pub struct Section {
    /// Name.
    pub name: NameId,
    /// Protection.
    pub prot: Prot,
    /// Order within a segment.
    pub ordinal: u32,
    /// Treatment.
    pub role: SectionRole,
    /// If equal entries may become one.
    pub merge: Option<Merge>,
    /// Whether it lives with others: it is about one of them, or of a group. Then it is not kept for being between `__start_` and `__stop_` of its name.
    pub attached: bool,
    /// The group that it is of. Of groups of one name in several graphs, one is taken.
    pub group: Option<NameId>,
    /// Whether the group of another graph was taken: nothing is kept for this section's sake.
    pub discarded: bool,
    pub(crate) blocks: Vec<BlockId>,
}

/// Content of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Bytes, from this position of the graph's buffer on.
    Bytes(usize),
    /// Zeros.
    Zero,
}

/// A relocation, or another relation between a block and a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Offset in the block.
    pub offset: u32,
    /// What is done there: an index into the architecture's table.
    pub kind: Kind,
    /// What the bytes depend on.
    pub target: SymbolId,
    /// Addend.
    pub addend: i64,
}

/// Bytes that stay together.
#[derive(Clone, Debug)]
pub struct Block {
    /// The section it belongs to.
    pub section: SectionId,
    /// Address in the executor, once allocated.
    pub address: u64,
    /// Content.
    pub content: Content,
    /// Size in bytes.
    pub size: u64,
    /// Alignment, a power of two.
    pub align: u64,
    /// The address is this much more than a multiple of `align`; below `align`.
    pub align_offset: u64,
    /// Relocations.
    pub edges: SmallVec<[Edge; 2]>,
    pub(crate) removed: bool,
}

/// What happens when several graphs define a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Linkage {
    /// There may be one.
    Strong,
    /// The first is taken, unless there is a strong one. An external symbol of weak linkage may stay undefined: its address is 0.
    Weak,
    /// As weak, but the largest is taken.
    Common,
}

/// Who sees a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// Everybody.
    Default,
    /// What is linked into the same session.
    Hidden,
    /// The graph.
    Local,
}

/// What a symbol is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    /// It is not.
    Anonymous,
    /// Text.
    Text(NameId),
    /// By what compilers call it.
    Code(CodeSymbol),
}

/// Where a symbol is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a block, at the symbol's offset.
    Block(BlockId),
    /// Defined elsewhere. The address is found in the middle of the link.
    External {
        /// Address, once known.
        address: Option<u64>,
        /// If thread local: index of its home in the graph, once known.
        home: Option<u32>,
    },
    /// At an address.
    Absolute(u64),
}

/// A name, or something for an edge to point to.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Name.
    pub name: Name,
    /// Where it is.
    pub place: Place,
    /// Offset in its block.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// What happens to several.
    pub linkage: Linkage,
    /// Who sees it.
    pub scope: Scope,
    /// Whether it is code.
    pub callable: bool,
    /// Whether it must be kept (dead-stripping begins at these).
    pub live: bool,
    /// Whether it is Thumb code: its address as code has the lowest bit set.
    pub thumb: bool,
    /// Whether it names a thread-local variable.
    pub thread_local: bool,
    /// Whether the code that it names is not the function meant, but gives the function's address.
    pub indirect: bool,
    pub(crate) removed: bool,
}

/// Where a graph's thread-local variables live at run time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TlsHome {
    /// What the executor calls it.
    pub key: u64,
    /// Address of the template that symbols' addresses are counted from.
    pub template: u64,
    /// Distance of the copy from the thread pointer, if it is the same in each thread.
    pub thread_offset: Option<i64>,
}

/// A graph.
#[derive(Clone, Debug)]
pub struct LinkGraph {
    /// Where it comes from, for messages.
    pub name: String,
    /// Architecture.
    pub arch: Arch,
    /// The object file that it was made from, for debuggers.
    pub origin: Option<Arc<[u8]>>,
    /// Homes of the thread-local variables that edges refer to; the graph's own first, once there is one.
    pub tls: Vec<TlsHome>,
    sections: Vec<Section>,
    blocks: Vec<Block>,
    symbols: Vec<Symbol>,
    text: String,
    names: Vec<Range<u32>>,
    bytes: Vec<u8>,
}

impl LinkGraph {
    /// An empty graph.
    pub fn new(name: impl Into<String>, arch: Arch) -> LinkGraph {
        LinkGraph {
            name: name.into(),
            arch,
            origin: None,
            tls: Vec::new(),
            sections: Vec::new(),
            blocks: Vec::new(),
            symbols: Vec::new(),
            text: String::new(),
            names: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Takes everything out, but keeps the memory of the arenas.
    pub fn clear(&mut self) {
        self.origin = None;
        self.tls.clear();
        self.sections.clear();
        self.blocks.clear();
        self.symbols.clear();
        self.text.clear();
        self.names.clear();
        self.bytes.clear();
    }

    // --- texts ---

    /// Keeps a text.
    pub fn intern(&mut self, text: &str) -> NameId {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.names.push(start..self.text.len() as u32);
        NameId(self.names.len() as u32 - 1)
    }

    /// A kept text.
    pub fn text(&self, name: NameId) -> &str {
        let range = &self.names[name.index()];
        &self.text[range.start as usize..range.end as usize]
    }

    /// The text that a symbol is called by, if it is.
    pub fn symbol_text(&self, symbol: SymbolId) -> Option<&str> {
        match self.symbol(symbol).name {
            Name::Text(name) => Some(self.text(name)),
            _ => None,
        }
    }

    /// How messages call a symbol.
    pub fn describe(&self, symbol: SymbolId) -> String {
        let s = self.symbol(symbol);
        match (s.name, s.place) {
            (Name::Text(name), _) => format!("`{}`", self.text(name)),
            (Name::Code(code), _) => format!("{code:?}"),
            (Name::Anonymous, Place::Block(block)) => {
                let section = self.section(self.block(block).section);
                format!("{}+{:#x}", self.text(section.name), s.offset)
            }
            (Name::Anonymous, _) => format!("symbol {}", symbol.0),
        }
    }

    // --- sections ---

    /// Adds a section; its ordinal is its number.
    pub fn add_section(&mut self, name: &str, prot: Prot, role: SectionRole) -> SectionId {
        let name = self.intern(name);
        self.sections.push(Section {
            name,
            prot,
            ordinal: self.sections.len() as u32,
            role,
            merge: None,
            attached: false,
            group: None,
            discarded: false,
            blocks: Vec::new(),
        });
        SectionId(self.sections.len() as u32 - 1)
    }

    /// The first section of a name.
    pub fn find_section(&self, name: &str) -> Option<SectionId> {
        let found = self.sections.iter().position(|s| self.text(s.name) == name);
        found.map(|n| SectionId(n as u32))
    }

    /// A section by name, made if there is none.
    pub fn section_named(&mut self, name: &str, prot: Prot) -> SectionId {
        match self.find_section(name) {
            Some(section) => section,
            None => self.add_section(name, prot, SectionRole::Plain),
        }
    }

    /// A section.
    pub fn section(&self, id: SectionId) -> &Section {
        &self.sections[id.index()]
    }

    /// A section, to change.
    pub fn section_mut(&mut self, id: SectionId) -> &mut Section {
        &mut self.sections[id.index()]
    }

    /// All sections.
    pub fn sections(&self) -> impl Iterator<Item = SectionId> + Clone + use<> {
        (0..self.sections.len() as u32).map(SectionId)
    }

    /// Blocks of a section, in the order in which they were made (pieces of a split block: in order of offset).
    pub fn section_blocks(&self, id: SectionId) -> impl DoubleEndedIterator<Item = BlockId> + '_ {
        let blocks = self.section(id).blocks.iter().copied();
        blocks.filter(|&b| !self.block(b).removed)
    }

    /// Where the blocks of a section lie: from the least address to the largest end. `None` if it has no blocks.
    pub fn section_range(&self, id: SectionId) -> Option<Range<u64>> {
        let ranges = self.section_blocks(id).map(|b| {
            let block = self.block(b);
            block.address..block.address + block.size
        });
        ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
    }

    // --- blocks ---

    /// Adds a block with these bytes.
    pub fn add_content(
        &mut self,
        section: SectionId,
        bytes: &[u8],
        align: u64,
        align_offset: u64,
    ) -> BlockId {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let content = Content::Bytes(start);
        self.add_block(section, content, bytes.len() as u64, align, align_offset)
    }

    /// Gives a block other bytes, of whatever size.
    pub fn set_content(&mut self, id: BlockId, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let block = self.block_mut(id);
        (block.content, block.size) = (Content::Bytes(start), bytes.len() as u64);
    }

    /// Whether the buffer of contents has so many bytes from a position on.
    pub(crate) fn holds(&self, start: usize, size: u64) -> bool {
        (start as u64)
            .checked_add(size)
            .is_some_and(|end| end <= self.bytes.len() as u64)
    }

    /// Whether a text is the graph's.
    pub(crate) fn has_text(&self, name: NameId) -> bool {
        name.index() < self.names.len()
    }

    /// Adds a block of zeros.
    pub fn add_zeros(
        &mut self,
        section: SectionId,
        size: u64,
        align: u64,
        align_offset: u64,
    ) -> BlockId {
        self.add_block(section, Content::Zero, size, align, align_offset)
    }

    fn add_block(
        &mut self,
        section: SectionId,
        content: Content,
        size: u64,
        align: u64,
        align_offset: u64,
    ) -> BlockId {
        let id = BlockId(self.blocks.len() as u32);
        self.blocks.push(Block {
            section,
            address: 0,
            content,
            size,
            align,
            align_offset,
            edges: SmallVec::new(),
            removed: false,
        });
        self.sections[section.index()].blocks.push(id);
        id
    }

    /// Moves blocks to a section, behind those that are there, in this order.
    pub(crate) fn move_blocks(&mut self, blocks: &[BlockId], to: SectionId) {
        let moved: FxHashSet<BlockId> = blocks.iter().copied().collect();
        for section in &mut self.sections {
            section.blocks.retain(|b| !moved.contains(b));
        }
        for &block in blocks {
            self.block_mut(block).section = to;
        }
        self.sections[to.index()].blocks.extend_from_slice(blocks);
    }

    /// Puts `new` directly behind `old` in their section's order.
    pub(crate) fn place_after(&mut self, old: BlockId, new: Vec<BlockId>) {
        if new.is_empty() {
            return;
        }
        let list = &mut self.sections[self.blocks[old.index()].section.index()].blocks;
        list.truncate(list.len() - new.len());
        let at = list.iter().position(|&b| b == old);
        let at = at.map_or(list.len(), |at| at + 1);
        list.splice(at..at, new);
    }

    /// A block.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.index()]
    }

    /// A block, to change.
    pub fn block_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id.index()]
    }

    /// Blocks that are left.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> + '_ {
        let all = self.blocks.iter().enumerate();
        all.filter(|(_, b)| !b.removed)
            .map(|(n, _)| BlockId(n as u32))
    }

    /// How many blocks were ever made: indices are below.
    pub fn block_limit(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes of a block; empty if it is zeros.
    pub fn bytes(&self, id: BlockId) -> &[u8] {
        let block = self.block(id);
        match block.content {
            Content::Bytes(start) => &self.bytes[start..start + block.size as usize],
            Content::Zero => &[],
        }
    }

    /// Bytes of a block, to change.
    pub fn bytes_mut(&mut self, id: BlockId) -> &mut [u8] {
        let block = &self.blocks[id.index()];
        match block.content {
            Content::Bytes(start) => &mut self.bytes[start..start + block.size as usize],
            Content::Zero => &mut [],
        }
    }

    /// Takes out a block. No symbol that is left may be in it.
    pub fn remove_block(&mut self, id: BlockId) {
        let block = self.block_mut(id);
        block.removed = true;
        block.edges.clear();
    }

    /// Adds an edge.
    pub fn add_edge(
        &mut self,
        block: BlockId,
        offset: u32,
        kind: Kind,
        target: SymbolId,
        addend: i64,
    ) {
        self.block_mut(block).edges.push(Edge {
            offset,
            kind,
            target,
            addend,
        });
    }

    // --- symbols ---

    /// Adds a symbol.
    pub fn add_symbol(&mut self, symbol: Symbol) -> SymbolId {
        self.symbols.push(symbol);
        SymbolId(self.symbols.len() as u32 - 1)
    }

    /// A name for something in a block.
    pub fn add_defined(&mut self, name: &str, block: BlockId, offset: u64) -> SymbolId {
        let name = Name::Text(self.intern(name));
        self.add_symbol(Symbol {
            name,
            place: Place::Block(block),
            offset,
            scope: Scope::Default,
            ..Symbol::anonymous(block, 0)
        })
    }

    /// Something in a block for edges to point to.
    pub fn add_anonymous(&mut self, block: BlockId, offset: u64) -> SymbolId {
        self.add_symbol(Symbol::anonymous(block, offset))
    }

    /// A name that others define.
    pub fn add_external(&mut self, name: &str, linkage: Linkage) -> SymbolId {
        let name = Name::Text(self.intern(name));
        self.add_symbol(Symbol {
            linkage,
            ..Symbol::external(name)
        })
    }

    /// A name for an address.
    pub fn add_absolute(&mut self, name: &str, address: u64, scope: Scope) -> SymbolId {
        let name = Name::Text(self.intern(name));
        self.add_symbol(Symbol {
            place: Place::Absolute(address),
            scope,
            ..Symbol::external(name)
        })
    }

    /// A name for zeros that several graphs may define: the largest is taken.
    pub fn add_common(&mut self, name: &str, size: u64, align: u64) -> SymbolId {
        let section = self.section_named("COMMON", Prot::RW);
        let block = self.add_zeros(section, size, align, 0);
        let symbol = self.add_defined(name, block, 0);
        let s = self.symbol_mut(symbol);
        (s.size, s.linkage) = (size, Linkage::Common);
        symbol
    }

    /// A symbol.
    pub fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.index()]
    }

    /// A symbol, to change.
    pub fn symbol_mut(&mut self, id: SymbolId) -> &mut Symbol {
        &mut self.symbols[id.index()]
    }

    /// Symbols that are left.
    pub fn symbols(&self) -> impl Iterator<Item = SymbolId> + '_ {
        let all = self.symbols.iter().enumerate();
        all.filter(|(_, s)| !s.removed)
            .map(|(n, _)| SymbolId(n as u32))
    }

    /// How many symbols were ever made: indices are below.
    pub fn symbol_limit(&self) -> usize {
        self.symbols.len()
    }

    /// The first symbol of a name that is left.
    pub fn find_symbol(&self, name: &str) -> Option<SymbolId> {
        self.symbols().find(|&s| self.symbol_text(s) == Some(name))
    }

    /// Makes a defined symbol one that others define. Its block stays.
    pub fn make_external(&mut self, id: SymbolId) {
        let symbol = self.symbol_mut(id);
        symbol.place = Place::External {
            address: None,
            home: None,
        };
        (symbol.offset, symbol.live, symbol.indirect) = (0, false, false);
        (symbol.linkage, symbol.scope) = (Linkage::Strong, Scope::Default);
    }

    /// Takes out a symbol. No edge may point to it.
    pub fn remove_symbol(&mut self, id: SymbolId) {
        self.symbol_mut(id).removed = true;
    }

    /// Address of a symbol: known for what is allocated, absolute, or resolved.
    pub fn address(&self, id: SymbolId) -> Option<u64> {
        let symbol = self.symbol(id);
        match symbol.place {
            Place::Block(block) => Some(self.block(block).address.wrapping_add(symbol.offset)),
            Place::External { address, .. } => address,
            Place::Absolute(address) => Some(address),
        }
    }

    /// Where a thread-local symbol lives at run time, if that is known.
    pub fn tls_home(&self, id: SymbolId) -> Option<&TlsHome> {
        let symbol = self.symbol(id);
        if !symbol.thread_local {
            return None;
        }
        match symbol.place {
            Place::Block(_) => self.tls.first(),
            Place::External { home, .. } => self.tls.get(home? as usize),
            Place::Absolute(_) => None,
        }
    }
}

impl Symbol {
    /// A local symbol without a name.
    pub fn anonymous(block: BlockId, offset: u64) -> Symbol {
        Symbol {
            name: Name::Anonymous,
            place: Place::Block(block),
            offset,
            size: 0,
            linkage: Linkage::Strong,
            scope: Scope::Local,
            callable: false,
            live: false,
            thumb: false,
            thread_local: false,
            indirect: false,
            removed: false,
        }
    }

    /// A symbol that others define.
    pub fn external(name: Name) -> Symbol {
        Symbol {
            name,
            place: Place::External {
                address: None,
                home: None,
            },
            scope: Scope::Default,
            ..Symbol::anonymous(BlockId(0), 0)
        }
    }

    /// Whether others define it.
    pub fn is_external(&self) -> bool {
        matches!(self.place, Place::External { .. })
    }

    /// The block that it is in.
    pub fn block(&self) -> Option<BlockId> {
        match self.place {
            Place::Block(block) => Some(block),
            _ => None,
        }
    }
}
