//! An image as text for the GNU assembler.
//!
//! It assembles to what [`crate::elf`] writes. Instructions are given as bytes, since an assembler may choose another encoding
//! than ours, with the disassembly beside them; displacements to words are expressions, with the word's meaning beside them.

use crate::build::{Field, Parts, Piece, PieceKind, WordReloc};
use crate::format;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashMap;
use std::io::{self, Write};

/// From code to the offset and text of each instruction.
pub type Disassemble<'a> = dyn Fn(&[u8]) -> Vec<(usize, String)> + 'a;

/// What makes a listing readable.
pub struct Labels<'a> {
    /// Name of a method.
    pub method: &'a dyn Fn(MethodId) -> String,
    /// What a symbol is.
    pub symbol: &'a dyn Fn(Symbol) -> String,
    /// Instructions of code: offset and text of each, in order.
    pub disassemble: &'a Disassemble<'a>,
}

/// Writes the listing.
pub fn write(parts: &Parts, labels: &Labels<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\t.text\n\t.balign 64\n.Ltext:")?;
    let mut relocs = parts.relocs.clone();
    relocs.sort_unstable_by_key(|r| r.offset);
    let mut end = 0;
    let mut names = Names::default();
    for piece in &parts.pieces {
        // Between pieces there is nothing but alignment.
        let gap = &parts.text[end..piece.offset as usize];
        if !gap.is_empty() {
            bytes(out, gap)?;
            writeln!(out)?;
        }
        end = (piece.offset + piece.len) as usize;
        let from = relocs.partition_point(|r| r.offset < piece.offset);
        let to = relocs.partition_point(|r| (r.offset as usize) < end);
        self::piece(parts, piece, &relocs[from..to], labels, &mut names, out)?;
    }
    let words = parts.words.len() * 8;
    writeln!(out, "\n\t.bss\n\t.balign 64\n.Lwords:\n\t.skip {words}")?;
    writeln!(out, "\n\t.section .isthmus,\"a\",@progbits\n\t.balign 16")?;
    let header = format::HEADER_SYMBOL;
    let len = parts.data.len();
    writeln!(
        out,
        "\t.weak {header}\n\t.type {header}, @object\n\t.size {header}, {len}\n{header}:\n.Lheader:"
    )?;
    data(out, &parts.data[..format::TEXT])?;
    writeln!(out, "\t.quad .Ltext - .\n\t.quad .Lwords - .")?;
    data(out, &parts.data[format::WORDS + 8..])?;
    let images = format::IMAGES_SECTION;
    writeln!(
        out,
        "\n\t.section {images},\"a\",@progbits\n\t.balign 8\n\t.quad .Lheader - ."
    )?;
    writeln!(out, "\n\t.section .note.GNU-stack,\"\",@progbits")
}

/// How often each name was given: overloads have one name, and labels must differ.
#[derive(Default)]
struct Names(FxHashMap<String, u32>);

impl Names {
    fn unique(&mut self, name: String) -> String {
        let count = self.0.entry(name.clone()).or_insert(0);
        *count += 1;
        match *count {
            1 => name,
            n => format!("{name}${n}"),
        }
    }
}

fn piece(
    parts: &Parts,
    piece: &Piece,
    relocs: &[WordReloc],
    labels: &Labels<'_>,
    names: &mut Names,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = match piece.what {
        PieceKind::Method(m) => (labels.method)(m),
        PieceKind::Filter(m, n) => format!("{}$filter{n}", (labels.method)(m)),
        PieceKind::Stub(word) => format!("stub{word}"),
    };
    let comment = match parts.arch {
        Arch::X64 => "#",
        _ => "//",
    };
    match piece.what {
        PieceKind::Stub(_) => writeln!(out, "\n{comment} {name}")?,
        _ => {
            let name = names.unique(name.replace(['"', '\\'], "_"));
            writeln!(
                out,
                "\n\t.type \"{name}\", @function\n\t.size \"{name}\", {}\n\"{name}\":",
                piece.len
            )?;
        }
    }
    let code = &parts.text[piece.offset as usize..(piece.offset + piece.len) as usize];
    let mut lines = (labels.disassemble)(code);
    if lines.is_empty() {
        // No disassembler for this architecture: words.
        let words = code.chunks(4).enumerate();
        lines = words
            .map(|(n, word)| {
                let digits: String = word.iter().rev().map(|b| format!("{b:02x}")).collect();
                (4 * n, digits)
            })
            .collect();
    }
    let ends = lines.iter().skip(1).map(|l| l.0).chain([code.len()]);
    let mut relocs = relocs.iter().peekable();
    for ((start, text), end) in lines.iter().zip(ends) {
        let at = |r: &WordReloc| (r.offset - piece.offset) as usize;
        match relocs.next_if(|r| at(r) < end) {
            None => bytes(out, &code[*start..end])?,
            Some(r) => {
                let place = i64::from(r.word) * 8 + i64::from(r.addend);
                let relocation = match r.field {
                    Field::X64Displacement => None,
                    Field::A64Page => Some("R_AARCH64_ADR_PREL_PG_HI21"),
                    Field::A64PageOffset => Some("R_AARCH64_LDST64_ABS_LO12_NC"),
                };
                if let Some(name) = relocation {
                    write!(out, "\t.reloc ., {name}, .Lwords{place:+};")?;
                    bytes(out, &code[*start..at(r) + 4])?;
                } else {
                    bytes(out, &code[*start..at(r)])?;
                    write!(out, "; .long .Lwords{place:+} - .")?;
                }
                if at(r) + 4 < end {
                    write!(out, ";")?;
                    bytes(out, &code[at(r) + 4..end])?;
                }
                let symbol = parts.words.get(r.word as usize);
                let what = symbol.map_or_else(String::new, |&s| (labels.symbol)(s));
                writeln!(out, "\t{comment} {text}\t{what}")?;
                continue;
            }
        }
        writeln!(out, "\t{comment} {text}")?;
    }
    Ok(())
}

fn bytes(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    write!(out, "\t.byte ")?;
    for (n, byte) in bytes.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(out, "{comma}0x{byte:02x}")?;
    }
    Ok(())
}

fn data(out: &mut dyn Write, data: &[u8]) -> io::Result<()> {
    for row in data.chunks(32) {
        bytes(out, row)?;
        writeln!(out)?;
    }
    Ok(())
}
