//! An image as text for the GNU assembler.
//!
//! It assembles to what [`crate::elf`] writes. Instructions for which the assembler would choose another encoding than ours are given as bytes,
//! with the disassembly beside them; beside what refers to a word stands the word's meaning.

use crate::build::{Field, Parts, Piece, PieceKind, WordReloc};
use crate::format;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

/// An instruction.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its offset in the code.
    pub offset: usize,
    /// What the assembler makes the same bytes of, if there is such a text.
    pub source: Option<String>,
    /// What to say beside its bytes otherwise.
    pub comment: String,
}

/// Names an address, which is relative to the start of the code, for the instruction at these offsets.
pub type NameOf<'a> = dyn Fn(Range<u32>, i64) -> Option<String> + 'a;

/// From code to its instructions, in order.
pub type Disassemble<'a> = dyn Fn(&[u8], &NameOf<'_>) -> Vec<Line> + 'a;

/// What makes a listing readable.
pub struct Labels<'a> {
    /// Name of a method.
    pub method: &'a dyn Fn(MethodId) -> String,
    /// What a symbol is.
    pub symbol: &'a dyn Fn(Symbol) -> String,
    /// Instructions of code.
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
        PieceKind::Stub(word) => stub_label(word),
    };
    let comment = match parts.arch {
        Arch::X64 => "#",
        _ => "//",
    };
    match piece.what {
        PieceKind::Stub(_) => writeln!(out, "\n{name}:")?,
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
    let at = |r: &WordReloc| (r.offset - piece.offset) as usize;
    // Labels in this piece, by offset.
    let targets: RefCell<BTreeMap<usize, String>> = RefCell::default();
    let name_of = |instruction: Range<u32>, address: i64| {
        let range = instruction.start as usize..instruction.end as usize;
        if let Some(r) = relocs.iter().find(|r| range.contains(&at(r))) {
            let place = i64::from(r.word) * 8 + i64::from(r.addend) + (range.end - at(r)) as i64;
            return (r.field == Field::X64Displacement).then(|| format!(".Lwords{place:+}"));
        }
        if let Ok(inside) = usize::try_from(address)
            && inside < code.len()
        {
            let label = format!(".L{:x}_{inside:x}", piece.offset);
            targets.borrow_mut().insert(inside, label.clone());
            return Some(label);
        }
        let offset = u32::try_from(i64::from(piece.offset) + address).ok()?;
        let found = parts.pieces.binary_search_by_key(&offset, |p| p.offset);
        Some(match found.map(|n| parts.pieces[n].what) {
            Ok(PieceKind::Stub(word)) => stub_label(word),
            _ => format!(".Ltext+{offset:#x}"),
        })
    };
    let mut lines = (labels.disassemble)(code, &name_of);
    if lines.is_empty() {
        // No disassembler for this architecture: words.
        let words = code.chunks(4).enumerate();
        let line = |(n, word): (usize, &[u8])| Line {
            offset: 4 * n,
            source: None,
            comment: word.iter().rev().map(|b| format!("{b:02x}")).collect(),
        };
        lines = words.map(line).collect();
    }
    let mut targets = targets.into_inner();
    let ends = lines.iter().skip(1).map(|l| l.offset).chain([code.len()]);
    let mut relocs = relocs.iter().peekable();
    for (line, end) in lines.iter().zip(ends) {
        let start = line.offset;
        if let Some(label) = targets.remove(&start) {
            writeln!(out, "{label}:")?;
        }
        let reloc = relocs.next_if(|r| at(r) < end);
        match (&line.source, reloc) {
            (Some(source), _) => write!(out, "\t{source}")?,
            (None, None) => bytes(out, &code[start..end])?,
            (None, Some(r)) => relocated(out, code, start..end, at(r), r)?,
        }
        let word = reloc.and_then(|r| parts.words.get(r.word as usize));
        let meaning = word.map(|&s| (labels.symbol)(s));
        let shown = line.source.is_none().then(|| line.comment.clone());
        let beside: Vec<String> = shown.into_iter().chain(meaning).collect();
        match beside.is_empty() {
            true => writeln!(out)?,
            false => writeln!(out, "\t{comment} {}", beside.join("\t"))?,
        }
    }
    // Addresses in the middle of what was taken for instructions.
    for (offset, label) in targets {
        let offset = piece.offset as usize + offset;
        writeln!(out, "\t.set {label}, .Ltext+{offset:#x}")?;
    }
    Ok(())
}

fn stub_label(word: u32) -> String {
    format!(".Lstub{word}")
}

/// Bytes of an instruction with a place at `at` that leads to a word.
fn relocated(
    out: &mut dyn Write,
    code: &[u8],
    instruction: Range<usize>,
    at: usize,
    r: &WordReloc,
) -> io::Result<()> {
    let place = i64::from(r.word) * 8 + i64::from(r.addend);
    let relocation = match r.field {
        Field::X64Displacement => None,
        Field::A64Page => Some("R_AARCH64_ADR_PREL_PG_HI21"),
        Field::A64PageOffset => Some("R_AARCH64_LDST64_ABS_LO12_NC"),
    };
    if let Some(name) = relocation {
        write!(out, "\t.reloc ., {name}, .Lwords{place:+};")?;
        bytes(out, &code[instruction.start..at + 4])?;
    } else {
        bytes(out, &code[instruction.start..at])?;
        write!(out, "; .long .Lwords{place:+} - .")?;
    }
    if at + 4 < instruction.end {
        write!(out, ";")?;
        bytes(out, &code[at + 4..instruction.end])?;
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
