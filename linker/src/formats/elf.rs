//! Graphs from relocatable ELF objects: x86-64, AArch64, ARM, little endian.
//!
//! A section that takes memory at run time becomes a section with one block; other sections (debug information, notes of the assembler) are left
//! out. Symbols become symbols, relocations become edges, of the kinds in the tables of [`arch`](crate::arch). Where an object keeps addends in the
//! places (REL), they are read from there. Everything in the file is checked; nothing is trusted.

use crate::arch::{Field, Kind};
use crate::error::{Error, Result};
use crate::graph::{
    BlockId, LinkGraph, Linkage, Name, Place, Prot, Scope, SectionRole, Symbol, SymbolId, verify,
};
use isthmus_runtime_abi::target::Arch;
use object::read::{
    File, Object, ObjectComdat, ObjectSection, ObjectSymbol, Relocation, RelocationTarget,
    Section as ElfSection, Symbol as ElfSymbol,
};
use object::{
    BinaryFormat, ObjectKind, RelocationFlags, SectionFlags, SectionIndex, SectionKind,
    SymbolFlags, SymbolIndex, SymbolSection, elf,
};
use rustc_hash::{FxHashMap, FxHashSet};

/// Most sections and symbols of an object.
const MAX_PARTS: usize = 1 << 24;

struct Reader<'a> {
    file: File<'a>,
    graph: LinkGraph,
    blocks: FxHashMap<SectionIndex, BlockId>,
    symbols: FxHashMap<SymbolIndex, SymbolId>,
    /// Sections of which the same group of another object may be taken instead.
    shared: FxHashSet<SectionIndex>,
    /// The symbol for relocations without one.
    zero: Option<SymbolId>,
}

/// Reads an object.
pub fn graph(name: &str, bytes: &[u8]) -> Result<LinkGraph> {
    let fail = |what: String| Error::Object {
        file: name.to_owned(),
        what,
    };
    let file = File::parse(bytes).map_err(|e| fail(e.to_string()))?;
    if file.format() != BinaryFormat::Elf || file.kind() != ObjectKind::Relocatable {
        return Err(fail("not a relocatable ELF object".to_owned()));
    }
    let arch = match file.architecture() {
        object::Architecture::X86_64 => Arch::X64,
        object::Architecture::Aarch64 => Arch::A64,
        object::Architecture::Arm => Arch::A32,
        other => return Err(fail(format!("{other:?} is not supported"))),
    };
    if file.is_64() != (arch != Arch::A32) || !file.is_little_endian() {
        return Err(fail(
            "this variant of the architecture is not supported".to_owned(),
        ));
    }
    let mut reader = Reader {
        graph: LinkGraph::new(name, arch),
        blocks: FxHashMap::default(),
        symbols: FxHashMap::default(),
        shared: shared_sections(&file),
        zero: None,
        file,
    };
    reader.sections()?;
    reader.symbols()?;
    reader.relocations()?;
    verify::verify(&reader.graph)?;
    reader.graph.origin = Some(bytes.into());
    Ok(reader.graph)
}

fn shared_sections(file: &File<'_>) -> FxHashSet<SectionIndex> {
    file.comdats().flat_map(|c| c.sections()).collect()
}

fn header(section: &ElfSection<'_, '_>) -> (u64, SectionKind) {
    let flags = match section.flags() {
        SectionFlags::Elf { sh_flags } => sh_flags,
        _ => 0,
    };
    (flags, section.kind())
}

/// How the linker treats a section, and where among its kind it stands: initializers with a smaller priority come first.
fn role(name: &str, flags: u64, kind: SectionKind) -> (SectionRole, u32) {
    let priority = || {
        let number = name.rsplit_once('.').and_then(|(_, n)| n.parse().ok());
        number.unwrap_or(u32::from(u16::MAX))
    };
    let of_type = |t: u32| kind == SectionKind::Elf(t);
    if flags & u64::from(elf::SHF_TLS) != 0 {
        (SectionRole::ThreadLocal, 0)
    } else if of_type(elf::SHT_PREINIT_ARRAY) || name.starts_with(".preinit_array") {
        (SectionRole::Initializers, 0)
    } else if of_type(elf::SHT_INIT_ARRAY) || name.starts_with(".init_array") {
        (SectionRole::Initializers, priority().saturating_add(1))
    } else if of_type(elf::SHT_FINI_ARRAY) || name.starts_with(".fini_array") {
        (SectionRole::Finalizers, priority())
    } else {
        (SectionRole::Plain, 0)
    }
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(Error::Object {
            file: self.graph.name.clone(),
            what: what.into(),
        })
    }

    fn sections(&mut self) -> Result<()> {
        let sections: Vec<ElfSection<'a, '_>> = self.file.sections().collect();
        let mut found = Vec::new();
        for section in sections {
            let (flags, kind) = header(&section);
            let name = match section.name() {
                Ok(name) => name.to_owned(),
                Err(e) => return self.fail(format!("section {}: {e}", section.index().0)),
            };
            let wanted = flags & u64::from(elf::SHF_ALLOC) != 0 && kind != SectionKind::Metadata;
            // Arm's own unwind tables are not used.
            let wanted =
                wanted && !name.starts_with(".ARM.exidx") && !name.starts_with(".ARM.extab");
            if !wanted {
                continue;
            }
            let zeros = matches!(
                kind,
                SectionKind::UninitializedData | SectionKind::UninitializedTls
            );
            let data = match section.data() {
                Ok(data) => data.to_vec(),
                Err(e) => return self.fail(format!("section {name}: {e}")),
            };
            if !zeros && data.len() as u64 != section.size() {
                return self.fail(format!("section {name} is cut off"));
            }
            let align = section.align().max(1);
            if !align.is_power_of_two() {
                return self.fail(format!("section {name} is aligned to {align} bytes"));
            }
            let retain = flags & u64::from(elf::SHF_GNU_RETAIN) != 0;
            let content = if zeros { Err(section.size()) } else { Ok(data) };
            found.push((section.index(), name, flags, kind, align, content, retain));
        }
        if found.len() > MAX_PARTS {
            return self.fail("too many sections");
        }
        for (index, name, flags, kind, align, content, retain) in found {
            let write = flags & u64::from(elf::SHF_WRITE) != 0;
            let execute = flags & u64::from(elf::SHF_EXECINSTR) != 0;
            let (role, priority) = role(&name, flags, kind);
            let id = self
                .graph
                .add_section(&name, Prot::new(write, execute), role);
            if role != SectionRole::Plain {
                self.graph.section_mut(id).ordinal = priority;
            }
            let block = match content {
                Ok(data) => self.graph.add_content(id, &data, align, 0),
                Err(size) => self.graph.add_zeros(id, size, align, 0),
            };
            if retain {
                let keep = self.graph.add_anonymous(block, 0);
                self.graph.symbol_mut(keep).live = true;
            }
            self.blocks.insert(index, block);
        }
        Ok(())
    }

    fn symbols(&mut self) -> Result<()> {
        let symbols: Vec<_> = self.file.symbols().map(|s| s.index()).collect();
        for index in symbols {
            let symbol = match self.file.symbol_by_index(index) {
                Ok(symbol) => symbol,
                Err(e) => return self.fail(format!("symbol {}: {e}", index.0)),
            };
            let name = match symbol.name() {
                Ok(name) => name.to_owned(),
                Err(e) => return self.fail(format!("symbol {}: {e}", index.0)),
            };
            let made = make_symbol(&self.blocks, &self.shared, &mut self.graph, &symbol, &name);
            match made {
                Ok(Some(id)) => {
                    self.symbols.insert(index, id);
                }
                Ok(None) => {}
                Err(what) => return self.fail(format!("symbol `{name}`: {what}")),
            }
        }
        Ok(())
    }

    fn relocations(&mut self) -> Result<()> {
        let sections: Vec<_> = self.blocks.iter().map(|(&s, &b)| (b, s)).collect();
        let mut all = Vec::new();
        for (block, index) in sections {
            let Ok(section) = self.file.section_by_index(index) else {
                continue;
            };
            let relocations = section.relocations();
            all.extend(relocations.map(|(offset, r)| (block, offset, r)));
        }
        // The order of the map is not the file's.
        all.sort_by_key(|&(block, offset, _)| (block, offset));
        for (block, offset, relocation) in all {
            self.relocation(block, offset, &relocation)?;
        }
        Ok(())
    }

    fn relocation(&mut self, block: BlockId, offset: u64, r: &Relocation) -> Result<()> {
        let section = self.graph.section(self.graph.block(block).section);
        let place = format!("{}+{offset:#x}", self.graph.text(section.name));
        let RelocationFlags::Elf { r_type } = r.flags() else {
            return self.fail(format!("{place}: not an ELF relocation"));
        };
        if r_type == 0 {
            return Ok(());
        }
        let target = match r.target() {
            RelocationTarget::Symbol(index) => self.symbols.get(&index).copied(),
            RelocationTarget::Absolute => Some(self.zero()),
            _ => None,
        };
        let arch = self.graph.arch;
        let Some(kind) = Kind::by_elf(arch, r_type) else {
            let symbol = match target {
                Some(target) => self.graph.describe(target),
                None => "an unknown symbol".to_owned(),
            };
            let arch = crate::arch::description(arch).name;
            return self.fail(format!(
                "{place}: relocation type {r_type} of {arch} against {symbol} is not supported"
            ));
        };
        let name = kind.info(arch).name;
        let Some(target) = target else {
            return self.fail(format!(
                "{place}: {name} against a symbol that is not loaded"
            ));
        };
        let field = kind.info(arch).field;
        let Ok(at) = u32::try_from(offset) else {
            return self.fail(format!("{place}: {name} is outside of its section"));
        };
        let bytes = self.graph.bytes(block);
        let start = at as usize;
        let Some(bytes) = bytes.get(start..start + field.bytes() as usize) else {
            return self.fail(format!("{place}: {name} is outside of its section"));
        };
        let addend = match r.has_implicit_addend() && field != Field::None {
            true => field.read(bytes),
            false => r.addend(),
        };
        self.graph.add_edge(block, at, kind, target, addend);
        Ok(())
    }

    fn zero(&mut self) -> SymbolId {
        if let Some(zero) = self.zero {
            return zero;
        }
        let zero = self.graph.add_absolute("*ABS*", 0, Scope::Local);
        self.zero = Some(zero);
        zero
    }
}

fn make_symbol(
    blocks: &FxHashMap<SectionIndex, BlockId>,
    shared: &FxHashSet<SectionIndex>,
    graph: &mut LinkGraph,
    symbol: &ElfSymbol<'_, '_>,
    name: &str,
) -> Result<Option<SymbolId>, String> {
    let SymbolFlags::Elf { st_info, st_other } = symbol.flags() else {
        return Err("not an ELF symbol".to_owned());
    };
    let (binding, kind) = (st_info >> 4, st_info & 15);
    if kind == elf::STT_GNU_IFUNC {
        return Err("indirect functions are not supported".to_owned());
    }
    if kind == elf::STT_FILE {
        return Ok(None);
    }
    let scope = match (binding, st_other & 3) {
        (elf::STB_LOCAL, _) => Scope::Local,
        (_, elf::STV_HIDDEN | elf::STV_INTERNAL) => Scope::Hidden,
        _ => Scope::Default,
    };
    let linkage = match binding {
        elf::STB_WEAK | elf::STB_GNU_UNIQUE => Linkage::Weak,
        _ => Linkage::Strong,
    };
    let has_name = !name.is_empty() && kind != elf::STT_SECTION;
    let scope = if has_name { scope } else { Scope::Local };
    let text = |graph: &mut LinkGraph| match has_name {
        true => Name::Text(graph.intern(name)),
        false => Name::Anonymous,
    };
    let mut made = match symbol.section() {
        SymbolSection::Undefined if !has_name => return Ok(None),
        SymbolSection::Undefined => Symbol {
            linkage,
            ..Symbol::external(text(graph))
        },
        SymbolSection::Absolute => Symbol {
            place: Place::Absolute(symbol.address()),
            ..Symbol::external(text(graph))
        },
        SymbolSection::Common => {
            let align = symbol.address().max(1);
            if !align.is_power_of_two() || !has_name {
                return Err(format!("a common symbol is aligned to {align} bytes"));
            }
            let id = graph.add_common(name, symbol.size(), align);
            graph.symbol_mut(id).scope = scope;
            return Ok(Some(id));
        }
        SymbolSection::Section(index) => {
            let Some(&block) = blocks.get(&index) else {
                return Ok(None);
            };
            let mut offset = symbol.address();
            let thumb = graph.arch == Arch::A32 && kind == elf::STT_FUNC && offset & 1 == 1;
            if thumb {
                offset -= 1;
            }
            if offset > graph.block(block).size {
                return Err("its address is outside of its section".to_owned());
            }
            let shared = shared.contains(&index) && scope != Scope::Local;
            let name = text(graph);
            Symbol {
                name,
                linkage: if shared { Linkage::Weak } else { linkage },
                thumb,
                ..Symbol::anonymous(block, offset)
            }
        }
        _ => return Ok(None),
    };
    made.scope = scope;
    made.size = symbol.size();
    made.callable = kind == elf::STT_FUNC;
    made.thread_local = kind == elf::STT_TLS;
    if let Some(block) = made.block() {
        let role = graph.section(graph.block(block).section).role;
        made.thread_local |= role == SectionRole::ThreadLocal;
    } else if made.is_external() && scope == Scope::Local {
        return Err("it is local but not defined".to_owned());
    }
    Ok(Some(graph.add_symbol(made)))
}
