//! A small ELF object that names linked code, for debuggers: where functions are, not what is in them.
//!
//! ```text
//!  header | symbols | names | section headers: null, those with functions (no bytes, at their addresses), .symtab, .strtab, .shstrtab
//! ```
//! Sections may lie far from each other, with code of other graphs between them.

use crate::graph::{BlockId, LinkGraph, Name, Scope, SectionId};
use isthmus_runtime_abi::target::Arch;
use object::write::elf::{FileHeader, SectionHeader, Sym, Writer};
use object::{Endianness, elf};
use std::collections::BTreeMap;
use std::ops::Range;

/// A function of a linked graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// Name.
    pub name: String,
    /// Address.
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// Whether others see it.
    pub global: bool,
    /// The block that it is in.
    pub block: BlockId,
}

/// A name as strings of ELF are: they end with the first zero.
fn bytes_of(name: &str) -> &[u8] {
    let bytes = name.as_bytes();
    bytes.split(|&b| b == 0).next().unwrap_or(bytes)
}

/// The functions of a linked graph, in order of address. Those without a size reach to the next one or to the end of their block.
pub fn functions(graph: &LinkGraph) -> Vec<Function> {
    let mut found: Vec<(Function, u64)> = Vec::new();
    for id in graph.symbols() {
        let symbol = graph.symbol(id);
        let Some(id) = symbol.block() else {
            continue;
        };
        let block = graph.block(id);
        if !graph.section(block.section).prot.execute() {
            continue;
        }
        let name = match symbol.name {
            Name::Text(name) => graph.text(name).to_owned(),
            Name::Code(code) => format!("{code:?}"),
            Name::Anonymous => continue,
        };
        let function = Function {
            name,
            address: block.address + symbol.offset,
            size: symbol.size.min(block.size - symbol.offset),
            global: symbol.scope != Scope::Local,
            block: id,
        };
        found.push((function, block.address + block.size));
    }
    found.sort_by(|a, b| (a.0.address, &a.0.name).cmp(&(b.0.address, &b.0.name)));
    for n in 0..found.len() {
        if found[n].0.size == 0 {
            let at = found[n].0.address;
            let next = found[n + 1..].iter().map(|f| f.0.address).find(|&a| a > at);
            let end = next.unwrap_or(u64::MAX).min(found[n].1);
            found[n].0.size = end - at;
        }
    }
    found.into_iter().map(|(f, _)| f).collect()
}

/// The object; `None` if the graph has no functions.
pub fn image(graph: &LinkGraph) -> Option<Vec<u8>> {
    let mut functions = functions(graph);
    let mut sections: BTreeMap<SectionId, Range<u64>> = BTreeMap::new();
    for f in &functions {
        let range = f.address..f.address + f.size;
        let section = sections
            .entry(graph.block(f.block).section)
            .or_insert(range.clone());
        section.end = section.end.max(range.end);
    }
    if sections.is_empty() {
        return None;
    }
    // Local symbols come first.
    functions.sort_by_key(|f| f.global);
    let locals = functions.iter().take_while(|f| !f.global).count() as u32;
    let machine = match graph.arch {
        Arch::X64 => elf::EM_X86_64,
        Arch::A64 => elf::EM_AARCH64,
        Arch::A32 => elf::EM_ARM,
    };
    let mut bytes = Vec::new();
    let mut w = Writer::new(Endianness::Little, graph.arch != Arch::A32, &mut bytes);
    w.reserve_file_header();
    w.reserve_null_section_index();
    let add_section = |(&id, range): (&SectionId, &Range<u64>)| {
        let name = w.add_section_name(bytes_of(graph.text(graph.section(id).name)));
        (id, (w.reserve_section_index(), name, range.clone()))
    };
    let sections: BTreeMap<_, _> = sections.iter().map(add_section).collect();
    w.reserve_null_symbol_index();
    let mut symbols = Vec::with_capacity(functions.len());
    for f in &functions {
        let (index, _, section) = &sections[&graph.block(f.block).section];
        w.reserve_symbol_index(Some(*index));
        let binding = match f.global {
            true => elf::STB_GLOBAL,
            false => elf::STB_LOCAL,
        };
        symbols.push(Sym {
            name: Some(w.add_string(bytes_of(&f.name))),
            section: Some(*index),
            st_info: binding << 4 | elf::STT_FUNC,
            st_other: elf::STV_DEFAULT,
            st_shndx: 0,
            st_value: f.address - section.start,
            st_size: f.size,
        });
    }
    w.reserve_symtab_section_index();
    w.reserve_strtab_section_index();
    w.reserve_shstrtab_section_index();
    w.reserve_symtab();
    w.reserve_strtab();
    w.reserve_shstrtab();
    w.reserve_section_headers();

    w.write_file_header(&FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_REL,
        e_machine: machine,
        e_entry: 0,
        e_flags: 0,
    })
    .ok()?;
    w.write_null_symbol();
    symbols.iter().for_each(|symbol| w.write_symbol(symbol));
    w.write_strtab();
    w.write_shstrtab();
    w.write_null_section_header();
    for (_, name, range) in sections.into_values() {
        w.write_section_header(&SectionHeader {
            name: Some(name),
            sh_type: elf::SHT_NOBITS,
            sh_flags: u64::from(elf::SHF_ALLOC | elf::SHF_EXECINSTR),
            sh_addr: range.start,
            sh_offset: 0,
            sh_size: range.end - range.start,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: 1,
            sh_entsize: 0,
        });
    }
    w.write_symtab_section_header(locals + 1);
    w.write_strtab_section_header();
    w.write_shstrtab_section_header();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Prot, SectionRole};
    use object::read::{Object, ObjectSection, ObjectSymbol};

    #[test]
    fn the_object_can_be_read_and_names_what_is_linked() {
        for arch in [Arch::X64, Arch::A64, Arch::A32] {
            let mut graph = LinkGraph::new("g", arch);
            let code = graph.add_section(".text", Prot::RX, SectionRole::Plain);
            let block = graph.add_content(code, &[0x90; 40], 16, 0);
            graph.block_mut(block).address = 0x1234_5000;
            for (name, at, size) in [("b", 16, 0), ("a", 0, 10), ("c", 24, 99)] {
                let symbol = graph.add_defined(name, block, at);
                graph.symbol_mut(symbol).size = size;
            }
            let far = graph.add_section("far", Prot::RX, SectionRole::Plain);
            let block = graph.add_content(far, &[0x90; 8], 16, 0);
            graph.block_mut(block).address = 0x1300_0000;
            graph.add_defined("d", block, 4);
            let local = graph.find_symbol("c").unwrap();
            graph.symbol_mut(local).scope = Scope::Local;
            let image = image(&graph).unwrap();
            let file = object::File::parse(&*image).unwrap();
            let text = file.section_by_name(".text").unwrap();
            assert_eq!((text.address(), text.size()), (0x1234_5000, 40));
            let far = file.section_by_name("far").unwrap();
            assert_eq!((far.address(), far.size()), (0x1300_0004, 4));
            let all = file.symbols().map(|s| {
                let name = s.name().unwrap().to_owned();
                (name, s.address(), s.size(), s.is_global())
            });
            let all: Vec<_> = all.collect();
            let expected = [
                ("c", 24, 16, false),
                ("a", 0, 10, true),
                ("b", 16, 8, true),
                ("d", 0, 4, true),
            ];
            assert_eq!(all, expected.map(|(n, a, s, g)| (n.to_owned(), a, s, g)));
        }
    }
}
