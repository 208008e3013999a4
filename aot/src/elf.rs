//! An image as a relocatable ELF object.
//!
//! | section | what | relocations |
//! | --- | --- | --- |
//! | `.text` | code and stubs | displacements to words |
//! | `.isthmus` (read only) | the data, global symbol [`HEADER_SYMBOL`](format::HEADER_SYMBOL) at its start | distances to text and words |
//! | `.bss` | the words | none: zero until the loader fills them |
//! | [`IMAGES_SECTION`](format::IMAGES_SECTION) (read only) | 8 bytes | distance to the data |
//!
//! The header's symbol is weak, so that several images can be linked into one executable, which finds them by that section.
//! Nothing refers to anything outside, and no relocation is left for the dynamic linker: a shared object made of it is position
//! independent and its text is shared between processes.

use crate::build::{Field, Parts, PieceKind};
use crate::debug::{self, PlaceKind};
use crate::format;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::target::Arch;
use object::write::{
    Object, Relocation, SectionId, StandardSection, Symbol, SymbolId, SymbolSection,
};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};

/// Bytes of a word.
const WORD: u64 = 8;

/// Writes the object. `label` names methods for debuggers and disassemblers; `None` leaves the symbols out. `debug` is what
/// [`debug::sections`] made, or nothing.
pub fn object(
    parts: &Parts,
    label: Option<&dyn Fn(MethodId) -> String>,
    debug: &[debug::Section],
) -> object::write::Result<Vec<u8>> {
    let (architecture, pc64) = match parts.arch {
        Arch::X64 => (Architecture::X86_64, elf::R_X86_64_PC64),
        Arch::A64 => (Architecture::Aarch64, elf::R_AARCH64_PREL64),
        Arch::A32 => (Architecture::Arm, elf::R_ARM_REL32),
    };
    let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    let text = object.section_id(StandardSection::Text);
    object.append_section_data(text, &parts.text, 64);
    let words = object.section_id(StandardSection::UninitializedData);
    object.append_section_bss(words, parts.words.len() as u64 * WORD, 64);
    let data = object.add_section(Vec::new(), b".isthmus".to_vec(), SectionKind::ReadOnlyData);
    object.append_section_data(data, &parts.data, 16);

    let entry = format::IMAGES_SECTION.as_bytes().to_vec();
    let entry = object.add_section(Vec::new(), entry, SectionKind::ReadOnlyData);
    object.append_section_data(entry, &[0; 8], 8);

    let data_symbol = object.section_symbol(data);
    let words_symbol = object.section_symbol(words);
    let text_symbol = object.section_symbol(text);
    let mut relocate = |section: SectionId, offset, symbol, r_type, addend| {
        let flags = RelocationFlags::Elf { r_type };
        object.add_relocation(
            section,
            Relocation {
                offset,
                symbol,
                addend,
                flags,
            },
        )
    };
    for reloc in &parts.relocs {
        let addend = i64::from(reloc.word) * WORD as i64 + i64::from(reloc.addend);
        let kind = match reloc.field {
            Field::X64Displacement => elf::R_X86_64_PC32,
            Field::A64Page => elf::R_AARCH64_ADR_PREL_PG_HI21,
            Field::A64PageOffset => elf::R_AARCH64_LDST64_ABS_LO12_NC,
        };
        relocate(text, u64::from(reloc.offset), words_symbol, kind, addend)?;
    }
    relocate(entry, 0, data_symbol, pc64, 0)?;
    relocate(data, format::TEXT as u64, text_symbol, pc64, 0)?;
    relocate(data, format::WORDS as u64, words_symbol, pc64, 0)?;

    debug_sections(&mut object, parts.arch, text_symbol, debug)?;

    let mut define = |name: Vec<u8>, section, value, size, kind, scope| {
        object.add_symbol(Symbol {
            name,
            value,
            size,
            kind,
            scope,
            weak: scope == SymbolScope::Dynamic,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        });
    };
    let size = parts.data.len() as u64;
    let header = format::HEADER_SYMBOL.as_bytes().to_vec();
    define(
        header,
        data,
        0,
        size,
        SymbolKind::Data,
        SymbolScope::Dynamic,
    );
    for piece in parts.pieces.iter().filter(|_| label.is_some()) {
        let label = |m| label.map_or_else(String::new, |label| label(m));
        let name = match piece.what {
            PieceKind::Method(m) => label(m),
            PieceKind::Filter(m, n) => format!("{}$filter{n}", label(m)),
            PieceKind::Stub(_) => continue,
        };
        let (at, len) = (u64::from(piece.offset), u64::from(piece.len));
        let scope = SymbolScope::Compilation;
        define(name.into_bytes(), text, at, len, SymbolKind::Text, scope);
    }
    // Stacks need not be executable.
    let note = b".note.GNU-stack".to_vec();
    object.add_section(Vec::new(), note, SectionKind::Other);
    object.write()
}

/// Adds sections for debuggers.
fn debug_sections(
    object: &mut Object<'_>,
    arch: Arch,
    text: SymbolId,
    sections: &[debug::Section],
) -> object::write::Result<()> {
    let mut symbols = Vec::new();
    for section in sections {
        let kind = match section.is_loaded() {
            true => SectionKind::ReadOnlyData,
            false => SectionKind::Debug,
        };
        let id = object.add_section(Vec::new(), section.name.as_bytes().to_vec(), kind);
        let align = if section.is_loaded() { WORD } else { 1 };
        object.append_section_data(id, &section.data, align);
        symbols.push((section.name, id, object.section_symbol(id)));
    }
    for (section, &(_, id, _)) in sections.iter().zip(&symbols) {
        for place in &section.relocs {
            let symbol = match place.kind {
                PlaceKind::Text | PlaceKind::TextDistance => text,
                PlaceKind::Section(name) => match symbols.iter().find(|s| s.0 == name) {
                    Some(found) => found.2,
                    None => continue,
                },
            };
            let r_type = match (arch, place.kind, place.size) {
                (Arch::X64, PlaceKind::TextDistance, _) => elf::R_X86_64_PC32,
                (Arch::X64, _, 8) => elf::R_X86_64_64,
                (Arch::X64, ..) => elf::R_X86_64_32,
                (Arch::A64, PlaceKind::TextDistance, _) => elf::R_AARCH64_PREL32,
                (Arch::A64, _, 8) => elf::R_AARCH64_ABS64,
                (Arch::A64, ..) => elf::R_AARCH64_ABS32,
                (Arch::A32, PlaceKind::TextDistance, _) => elf::R_ARM_REL32,
                (Arch::A32, ..) => elf::R_ARM_ABS32,
            };
            let relocation = Relocation {
                offset: place.offset as u64,
                symbol,
                addend: place.addend,
                flags: RelocationFlags::Elf { r_type },
            };
            object.add_relocation(id, relocation)?;
        }
    }
    Ok(())
}
