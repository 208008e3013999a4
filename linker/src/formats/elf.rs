//! Graphs from relocatable ELF objects: x86-64, AArch64, ARM, little endian.
//!
//! A section that takes memory at run time becomes a section with one block; other sections (debug information, notes of the assembler) are left
//! out. Symbols become symbols, relocations become edges, of the kinds in the tables of [`arch`](crate::arch). Where an object keeps addends in the
//! places (REL), they are read from there. Everything in the file is checked; nothing is trusted.

use crate::arch::{Field, KEEP, Kind};
use crate::error::{Error, Result};
use crate::graph::{
    BlockId, LinkGraph, Linkage, Merge, Name, Place, Prot, Scope, SectionRole, Symbol, SymbolId,
    verify,
};
use isthmus_runtime_abi::target::Arch;
use object::read::elf::{ElfFile, FileHeader, SectionHeader};
use object::read::{
    Comdat, File, Object, ObjectComdat, ObjectSection, ObjectSymbol, Relocation, RelocationTarget,
    Section as ElfSection, Symbol as ElfSymbol,
};
use object::{
    BinaryFormat, Endianness, ObjectKind, RelocationFlags, SectionIndex, SymbolFlags, SymbolIndex,
    SymbolSection, elf,
};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Most sections and symbols of an object.
const MAX_PARTS: usize = 1 << 24;

struct Reader<'a> {
    file: File<'a>,
    graph: LinkGraph,
    blocks: FxHashMap<SectionIndex, BlockId>,
    symbols: FxHashMap<SymbolIndex, SymbolId>,
    /// The symbol for relocations without one.
    zero: Option<SymbolId>,
}

/// Reads an object.
pub fn graph(name: &str, bytes: &[u8]) -> Result<LinkGraph> {
    let fail = |what: String| Error::Object {
        file: name.to_owned(),
        what,
    };
    // A member of an archive lies at any address; headers are read in place, where numbers are at multiples of their size.
    let origin: Arc<[u8]> = bytes.into();
    let file = File::parse(&*origin).map_err(|e| fail(e.to_string()))?;
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
        zero: None,
        file,
    };
    reader.sections()?;
    reader.symbols()?;
    reader.relocations()?;
    verify::verify(&reader.graph)?;
    let mut graph = reader.graph;
    graph.origin = Some(origin);
    Ok(graph)
}

/// What the linker must know of a section's header.
#[derive(Clone, Copy, Debug)]
struct Header {
    flags: u64,
    kind: u32,
    /// Number of the section that it belongs to.
    link: usize,
    /// Bytes of an entry.
    entry: u64,
}

impl Header {
    fn of(file: &File<'_>, index: SectionIndex) -> Option<Header> {
        fn of<E: FileHeader<Endian = Endianness>>(
            file: &ElfFile<'_, E>,
            index: SectionIndex,
        ) -> Option<Header> {
            let section = file.elf_section_table().section(index).ok()?;
            let endian = file.endian();
            Some(Header {
                flags: section.sh_flags(endian).into(),
                kind: section.sh_type(endian),
                link: section.sh_link(endian) as usize,
                entry: section.sh_entsize(endian).into(),
            })
        }
        match file {
            File::Elf32(file) => of(file, index),
            File::Elf64(file) => of(file, index),
            _ => None,
        }
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & u64::from(flag) != 0
    }

    /// Whether it is loaded. Sections of the file's own structure are not, whatever their flags say.
    fn is_loaded(&self) -> bool {
        let structure = matches!(
            self.kind,
            elf::SHT_NULL
                | elf::SHT_SYMTAB
                | elf::SHT_STRTAB
                | elf::SHT_RELA
                | elf::SHT_REL
                | elf::SHT_GROUP
                | elf::SHT_SYMTAB_SHNDX
        );
        self.has(elf::SHF_ALLOC) && !self.has(elf::SHF_EXCLUDE) && !structure
    }

    /// Why a section of this kind and name cannot be linked.
    fn refused(&self, name: &str) -> Option<&'static str> {
        let loaded = self.is_loaded();
        Some(match self.kind {
            elf::SHT_RELR | elf::SHT_CREL => "packed relocations are not supported",
            elf::SHT_HASH | elf::SHT_DYNAMIC | elf::SHT_DYNSYM | elf::SHT_GNU_HASH if loaded => {
                "a section of shared libraries is not supported"
            }
            _ if loaded && self.has(elf::SHF_COMPRESSED) => {
                "compressed code or data is not supported"
            }
            _ if loaded && self.has(elf::SHF_OS_NONCONFORMING) => {
                "its kind of section is not supported"
            }
            _ if loaded && (is_part(name, ".ctors") || is_part(name, ".dtors")) => {
                "constructors are supported in .init_array only (gcc -fuse-init-array)"
            }
            _ => return None,
        })
    }

    /// What its equal entries are, if they may become one. Sections that live as a whole stay whole: those that are kept in any case, those that belong
    /// to others, and those of which code may ask where they begin and end.
    fn merge(&self, name: &str) -> Option<Merge> {
        let whole = self.has(elf::SHF_GNU_RETAIN) || self.has(elf::SHF_LINK_ORDER);
        if !self.has(elf::SHF_MERGE) || whole || !name.starts_with('.') {
            return None;
        }
        let entry = u32::try_from(self.entry).ok().filter(|&e| e > 0)?;
        let strings = self.has(elf::SHF_STRINGS);
        Some(Merge { entry, strings })
    }
}

/// Whether a section's name is this one, or this one and more after a dot.
fn is_part(name: &str, of: &str) -> bool {
    let rest = name.strip_prefix(of);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Sections of which the group of the same name of another object may be taken instead.
struct Group {
    name: String,
    blocks: Vec<BlockId>,
}

/// A section that is loaded, before it becomes part of the graph.
struct Loaded {
    index: SectionIndex,
    name: String,
    header: Header,
    align: u64,
    /// Bytes, or how many zeros.
    content: Result<Vec<u8>, u64>,
}

/// How the linker treats a section, and where among its kind it stands: initializers with a smaller priority come first.
fn role(name: &str, header: &Header) -> (SectionRole, u32) {
    let priority = || {
        let number = name.rsplit_once('.').and_then(|(_, n)| n.parse().ok());
        number.unwrap_or(u32::from(u16::MAX))
    };
    let of = |kind: u32, section: &str| header.kind == kind || is_part(name, section);
    if header.has(elf::SHF_TLS) {
        (SectionRole::ThreadLocal, 0)
    } else if of(elf::SHT_PREINIT_ARRAY, ".preinit_array") {
        (SectionRole::Initializers, 0)
    } else if of(elf::SHT_INIT_ARRAY, ".init_array") {
        (SectionRole::Initializers, priority().saturating_add(1))
    } else if of(elf::SHT_FINI_ARRAY, ".fini_array") {
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
            let index = section.index();
            let name = match section.name() {
                Ok(name) => name.to_owned(),
                Err(e) => return self.fail(format!("section {}: {e}", index.0)),
            };
            let Some(header) = Header::of(&self.file, index) else {
                return self.fail(format!("section {name} has no header"));
            };
            if let Some(why) = header.refused(&name) {
                return self.fail(format!("section {name}: {why}"));
            }
            if !header.is_loaded() {
                continue;
            }
            let content = match section.data() {
                Err(e) => return self.fail(format!("section {name}: {e}")),
                Ok(_) if header.kind == elf::SHT_NOBITS => Err(section.size()),
                Ok(data) if data.len() as u64 != section.size() => {
                    return self.fail(format!("section {name} is cut off"));
                }
                Ok(data) => Ok(data.to_vec()),
            };
            let align = section.align().max(1);
            if !align.is_power_of_two() {
                return self.fail(format!("section {name} is aligned to {align} bytes"));
            }
            found.push(Loaded {
                index,
                name,
                header,
                align,
                content,
            });
        }
        if found.len() > MAX_PARTS {
            return self.fail("too many sections");
        }
        let of_others: Vec<(SectionIndex, usize)> = found
            .iter()
            .filter(|s| s.header.has(elf::SHF_LINK_ORDER))
            .map(|s| (s.index, s.header.link))
            .collect();
        found.into_iter().for_each(|section| self.add(section));
        for (part, whole) in of_others {
            self.belongs(part, whole)?;
        }
        self.join_groups();
        Ok(())
    }

    fn add(&mut self, section: Loaded) {
        let (name, header) = (section.name, section.header);
        let prot = Prot::new(header.has(elf::SHF_WRITE), header.has(elf::SHF_EXECINSTR));
        let (role, priority) = role(&name, &header);
        let id = self.graph.add_section(&name, prot, role);
        let made = self.graph.section_mut(id);
        if role != SectionRole::Plain {
            made.ordinal = priority;
        }
        let block = match section.content {
            Ok(data) => {
                let constant = role == SectionRole::Plain && prot == Prot::R;
                made.merge = header.merge(&name).filter(|_| constant);
                self.graph.add_content(id, &data, section.align, 0)
            }
            Err(size) => self.graph.add_zeros(id, size, section.align, 0),
        };
        if header.has(elf::SHF_GNU_RETAIN) {
            let keep = self.graph.add_anonymous(block, 0);
            self.graph.symbol_mut(keep).live = true;
        }
        self.blocks.insert(section.index, block);
    }

    /// A section that says something about another one lives as long as that.
    fn belongs(&mut self, part: SectionIndex, whole: usize) -> Result<()> {
        if whole == 0 {
            return Ok(());
        }
        let (Some(&part), whole) = (self.blocks.get(&part), SectionIndex(whole)) else {
            return Ok(());
        };
        let Some(&whole) = self.blocks.get(&whole) else {
            let section = self.graph.section(self.graph.block(part).section);
            let name = self.graph.text(section.name);
            return self.fail(format!("section {name} belongs to one that is not loaded"));
        };
        self.attach(part, whole);
        Ok(())
    }

    /// Sections of a group live together.
    fn join_groups(&mut self) {
        for group in self.groups() {
            let name = self.graph.intern(&group.name);
            for &block in &group.blocks {
                let section = self.graph.block(block).section;
                self.graph.section_mut(section).group = Some(name);
            }
            // In a circle.
            let next = group.blocks.iter().cycle().skip(1);
            for (&whole, &part) in group.blocks.iter().zip(next) {
                self.attach(part, whole);
            }
        }
    }

    fn groups(&self) -> Vec<Group> {
        let name = |symbol: SymbolIndex| {
            let symbol = self.file.symbol_by_index(symbol).ok()?;
            match symbol.name() {
                Ok("") => {
                    let section = self.file.section_by_index(symbol.section_index()?).ok()?;
                    Some(section.name().ok()?.to_owned())
                }
                name => Some(name.ok()?.to_owned()),
            }
        };
        let group = |c: Comdat<'_, '_>| {
            let blocks = c.sections().filter_map(|s| self.blocks.get(&s).copied());
            Some(Group {
                name: name(c.symbol())?,
                blocks: blocks.collect(),
            })
        };
        self.file.comdats().filter_map(group).collect()
    }

    /// Lets a block live as long as another one.
    fn attach(&mut self, part: BlockId, whole: BlockId) {
        let section = self.graph.block(part).section;
        self.graph.section_mut(section).attached = true;
        if part != whole {
            let kept = self.graph.add_anonymous(part, 0);
            self.graph.add_edge(whole, 0, KEEP, kept, 0);
        }
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
            let made = make_symbol(&self.blocks, &mut self.graph, &symbol, &name);
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
        let target = match r.target() {
            RelocationTarget::Symbol(index) => self.symbols.get(&index).copied(),
            RelocationTarget::Absolute => Some(self.zero()),
            _ => None,
        };
        let arch = self.graph.arch;
        if r_type == elf::R_X86_64_NONE {
            // The same number for all machines. ARM's compilers so name what unwinding the code will need.
            if let Some(target) = target {
                self.graph.add_edge(block, 0, KEEP, target, 0);
            }
            return Ok(());
        }
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
    graph: &mut LinkGraph,
    symbol: &ElfSymbol<'_, '_>,
    name: &str,
) -> Result<Option<SymbolId>, String> {
    let SymbolFlags::Elf { st_info, st_other } = symbol.flags() else {
        return Err("not an ELF symbol".to_owned());
    };
    let (binding, kind) = (st_info >> 4, st_info & 15);
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
    let (name, version) = match symbol.section() {
        SymbolSection::Undefined => (name.replacen("@@", "@", 1), None),
        // The version of the name that those get who name none.
        _ => match name.split_once("@@") {
            Some((plain, version)) => (plain.to_owned(), Some(format!("{plain}@{version}"))),
            None => (name.to_owned(), None),
        },
    };
    let name = name.as_str();
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
            let code = matches!(kind, elf::STT_FUNC | elf::STT_GNU_IFUNC);
            let thumb = graph.arch == Arch::A32 && code && offset & 1 == 1;
            if thumb {
                offset -= 1;
            }
            if offset > graph.block(block).size {
                return Err("its address is outside of its section".to_owned());
            }
            let group = graph.section(graph.block(block).section).group;
            let shared = group.is_some() && scope != Scope::Local;
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
    made.indirect = kind == elf::STT_GNU_IFUNC && made.block().is_some();
    made.callable = matches!(kind, elf::STT_FUNC | elf::STT_GNU_IFUNC);
    made.thread_local = kind == elf::STT_TLS;
    if let Some(block) = made.block() {
        let role = graph.section(graph.block(block).section).role;
        made.thread_local |= role == SectionRole::ThreadLocal;
    } else if made.is_external() && scope == Scope::Local {
        return Err("it is local but not defined".to_owned());
    }
    if let Some(version) = version {
        let name = Name::Text(graph.intern(&version));
        graph.add_symbol(Symbol {
            name,
            ..made.clone()
        });
    }
    Ok(Some(graph.add_symbol(made)))
}
