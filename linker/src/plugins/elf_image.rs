//! A small ELF object that names linked code, for debuggers: where functions are, not what is in them.
//!
//! ```text
//!  header | names | symbols | section headers: null, .text (no bytes, at its address), .symtab, .strtab
//! ```

use crate::graph::{LinkGraph, Name, Scope};
use isthmus_runtime_abi::target::Arch;

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
}

/// The functions of a linked graph, in order of address. Those without a size reach to the next one or to the end of their block.
pub fn functions(graph: &LinkGraph) -> Vec<Function> {
    let mut found: Vec<(Function, u64)> = Vec::new();
    for id in graph.symbols() {
        let symbol = graph.symbol(id);
        let Some(block) = symbol.block() else {
            continue;
        };
        let block = graph.block(block);
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

struct Writer {
    bytes: Vec<u8>,
    wide: bool,
}

impl Writer {
    fn u16(&mut self, v: u16) {
        self.bytes.extend_from_slice(&v.to_le_bytes());
    }

    fn u32(&mut self, v: u32) {
        self.bytes.extend_from_slice(&v.to_le_bytes());
    }

    /// As wide as an address.
    fn word(&mut self, v: u64) {
        let n = if self.wide { 8 } else { 4 };
        self.bytes.extend_from_slice(&v.to_le_bytes()[..n]);
    }

    fn align(&mut self) {
        let size = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(size, 0);
    }

    fn section(&mut self, s: &Section) {
        self.u32(s.name);
        self.u32(s.kind);
        for v in [s.flags, s.address, s.offset, s.size] {
            self.word(v);
        }
        self.u32(s.link);
        self.u32(s.info);
        self.word(s.align);
        self.word(s.entry);
    }
}

#[derive(Default)]
struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    address: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    align: u64,
    entry: u64,
}

/// The object; `None` if the graph has no functions.
pub fn image(graph: &LinkGraph) -> Option<Vec<u8>> {
    let functions = functions(graph);
    let start = functions.first()?.address;
    let end = functions.iter().map(|f| f.address + f.size).max()?;
    let wide = graph.arch != Arch::A32;
    let machine = match graph.arch {
        Arch::X64 => object::elf::EM_X86_64,
        Arch::A64 => object::elf::EM_AARCH64,
        Arch::A32 => object::elf::EM_ARM,
    };
    let names = b"\0.text\0.symtab\0.strtab\0";
    let name_of = |name: &[u8]| {
        let at = names.windows(name.len()).position(|w| w == name);
        at.unwrap_or(0) as u32
    };
    let mut strings = names.to_vec();
    let mut w = Writer {
        bytes: Vec::new(),
        wide,
    };
    // Symbols: the null one, then local ones, then global ones.
    let mut symbols = Writer {
        bytes: vec![0; if wide { 24 } else { 16 }],
        wide,
    };
    let entry = symbols.bytes.len() as u64;
    let mut locals = 1;
    for global in [false, true] {
        for f in functions.iter().filter(|f| f.global == global) {
            let name = strings.len() as u32;
            strings.extend_from_slice(f.name.as_bytes());
            strings.push(0);
            let info = u8::from(global) << 4 | object::elf::STT_FUNC;
            let value = f.address - start;
            symbols.u32(name);
            if !wide {
                symbols.word(value);
                symbols.word(f.size);
            }
            symbols.bytes.extend_from_slice(&[info, 0]);
            symbols.u16(1);
            if wide {
                symbols.word(value);
                symbols.word(f.size);
            }
            locals += u32::from(!global);
        }
    }
    let header = if wide { 64 } else { 52 };
    w.bytes.extend_from_slice(b"\x7fELF");
    let class = if wide { 2 } else { 1 };
    w.bytes
        .extend_from_slice(&[class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    w.u16(object::elf::ET_REL);
    w.u16(machine);
    w.u32(1);
    w.word(0);
    w.word(0);
    let at = (header + strings.len()).next_multiple_of(8) + symbols.bytes.len();
    w.word(at.next_multiple_of(8) as u64);
    w.u32(0);
    for v in [header as u16, 0, 0, if wide { 64 } else { 40 }, 4, 3] {
        w.u16(v);
    }
    let strings_at = w.bytes.len() as u64;
    w.bytes.extend_from_slice(&strings);
    w.align();
    let symbols_at = w.bytes.len() as u64;
    w.bytes.extend_from_slice(&symbols.bytes);
    w.align();
    w.section(&Section::default());
    w.section(&Section {
        name: name_of(b".text"),
        kind: object::elf::SHT_NOBITS,
        flags: u64::from(object::elf::SHF_ALLOC | object::elf::SHF_EXECINSTR),
        address: start,
        size: end - start,
        align: 1,
        ..Section::default()
    });
    w.section(&Section {
        name: name_of(b".symtab"),
        kind: object::elf::SHT_SYMTAB,
        offset: symbols_at,
        size: symbols.bytes.len() as u64,
        link: 3,
        info: locals,
        align: 8,
        entry,
        ..Section::default()
    });
    w.section(&Section {
        name: name_of(b".strtab"),
        kind: object::elf::SHT_STRTAB,
        offset: strings_at,
        size: strings.len() as u64,
        align: 1,
        ..Section::default()
    });
    Some(w.bytes)
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
            let local = graph.find_symbol("c").unwrap();
            graph.symbol_mut(local).scope = Scope::Local;
            let image = image(&graph).unwrap();
            let file = object::File::parse(&*image).unwrap();
            let text = file.section_by_name(".text").unwrap();
            assert_eq!((text.address(), text.size()), (0x1234_5000, 40));
            let all = file.symbols().map(|s| {
                let name = s.name().unwrap().to_owned();
                (name, s.address(), s.size(), s.is_global())
            });
            let all: Vec<_> = all.collect();
            let expected = [("c", 24, 16, false), ("a", 0, 10, true), ("b", 16, 8, true)];
            assert_eq!(all, expected.map(|(n, a, s, g)| (n.to_owned(), a, s, g)));
        }
    }
}
