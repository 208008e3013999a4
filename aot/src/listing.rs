//! An image as text for the GNU assembler.
//!
//! It assembles to what [`crate::elf`] writes. Instructions for which the assembler would choose another encoding than ours are given as bytes,
//! with the disassembly beside them; beside what refers to a word stands the word's meaning. If the builder kept what units are made of
//! ([`Parts::sources`]), comments say which instructions of CIL code is of and where handlers begin, and data among code are data:
//!
//! ```text
//! "System.Int32 P::Name(System.Int32)":
//!         pushq %rbp
//!         movq %rsp, %rbp
//!         # IL_0001
//!         leaq .L40_30(%rip), %rdx
//!         ...
//! .L40_30:
//!         .long .L40_44 - .L40_30
//!         .long .L40_60 - .L40_30
//! .L40_44:
//!         # IL_0003 of P::One, called at IL_0016
//!         ...
//! ```

use crate::build::{Field, Parts, Piece, PieceKind, WordReloc};
use crate::debug::{self, PlaceKind};
use crate::format;
use isthmus_runtime_abi::artifact::{ClauseKind, CompiledMethod, DataKind, DataRange};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
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

/// From code to its instructions, in order: those from an offset of the code on.
pub type Disassemble<'a> = dyn Fn(&[u8], usize, &NameOf<'_>) -> Vec<Line> + 'a;

/// What makes a listing readable.
pub struct Labels<'a> {
    /// Name of a method.
    pub method: &'a dyn Fn(MethodId) -> String,
    /// Name of a type.
    pub ty: &'a dyn Fn(TypeId) -> String,
    /// What a symbol is.
    pub symbol: &'a dyn Fn(Symbol) -> String,
    /// Instructions of code.
    pub disassemble: &'a Disassemble<'a>,
}

/// Writes the listing. `debug` is what [`debug::sections`] made, or nothing.
pub fn write(
    parts: &Parts,
    labels: &Labels<'_>,
    debug: &[debug::Section],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "\t.text\n\t.balign 64\n.Ltext:")?;
    let mut relocs = parts.relocs.clone();
    relocs.sort_unstable_by_key(|r| r.offset);
    let mut end = 0;
    let mut names = Names::default();
    for (n, piece) in parts.pieces.iter().enumerate() {
        // Between pieces there is nothing but alignment.
        let gap = &parts.text[end..piece.offset as usize];
        if !gap.is_empty() {
            bytes(out, gap)?;
            writeln!(out)?;
        }
        end = (piece.offset + piece.len) as usize;
        let from = relocs.partition_point(|r| r.offset < piece.offset);
        let to = relocs.partition_point(|r| (r.offset as usize) < end);
        let text = Text {
            parts,
            piece,
            code: &parts.text[piece.offset as usize..end],
            source: parts.sources.get(n),
            relocs: &relocs[from..to],
            labels,
            targets: RefCell::default(),
        };
        text.head(&mut names, out)?;
        text.body(out)?;
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
    for section in debug {
        debug_section(section, out)?;
    }
    writeln!(out, "\n\t.section .note.GNU-stack,\"\",@progbits")
}

/// A section for debuggers.
fn debug_section(section: &debug::Section, out: &mut dyn Write) -> io::Result<()> {
    let name = section.name;
    let flags = if section.is_loaded() { "a" } else { "" };
    writeln!(out, "\n\t.section {name},\"{flags}\",@progbits\n.L{name}:")?;
    let mut at = 0;
    for place in &section.relocs {
        data(out, &section.data[at..place.offset])?;
        at = place.offset + usize::from(place.size);
        let size = if place.size == 8 { ".quad" } else { ".long" };
        let addend = place.addend;
        match place.kind {
            PlaceKind::Text => writeln!(out, "\t{size} .Ltext{addend:+}")?,
            PlaceKind::TextDistance => writeln!(out, "\t{size} .Ltext{addend:+} - .")?,
            PlaceKind::Section(name) => writeln!(out, "\t{size} .L{name}{addend:+}")?,
        }
    }
    data(out, &section.data[at..])
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

/// A piece as it becomes text. Offsets are in its code.
struct Text<'a> {
    parts: &'a Parts,
    piece: &'a Piece,
    code: &'a [u8],
    source: Option<&'a CompiledMethod>,
    relocs: &'a [WordReloc],
    labels: &'a Labels<'a>,
    /// The labels that something refers to.
    targets: RefCell<BTreeMap<usize, String>>,
}

impl Text<'_> {
    /// The name.
    fn head(&self, names: &mut Names, out: &mut dyn Write) -> io::Result<()> {
        let name = match self.piece.what {
            PieceKind::Method(m) => (self.labels.method)(m),
            PieceKind::Filter(m, n) => format!("{}$filter{n}", (self.labels.method)(m)),
            PieceKind::Stub(word) => return writeln!(out, "\n{}:", stub_label(word)),
        };
        let name = names.unique(name.replace(['"', '\\'], "_"));
        writeln!(
            out,
            "\n\t.type \"{name}\", @function\n\t.size \"{name}\", {}\n\"{name}\":",
            self.piece.len
        )
    }

    fn body(&self, out: &mut dyn Write) -> io::Result<()> {
        let data = self.source.map_or(&[][..], |s| &s.data);
        // Everything is read before anything is written: labels come from what refers to them.
        let mut lines = Vec::new();
        let mut at = 0;
        for range in data {
            self.instructions(at..range.offset as usize, &mut lines);
            at = range.range().end;
            if range.kind == DataKind::JumpTable {
                self.label(range.offset as usize);
                for target in self.table(*range) {
                    self.label(target);
                }
            }
        }
        self.instructions(at..self.code.len(), &mut lines);
        let notes = self.notes();
        let mut notes = notes.iter().peekable();
        let mut data = data.iter().peekable();
        let ends = lines.iter().skip(1).map(|l| l.offset);
        for (line, end) in lines.iter().zip(ends.chain([self.code.len()])) {
            while let Some(range) = data.next_if(|d| (d.offset as usize) < line.offset) {
                self.data(*range, out)?;
            }
            let end = data.peek().map_or(end, |d| end.min(d.offset as usize));
            self.put_label(line.offset, out)?;
            while let Some((_, note)) = notes.next_if(|(at, _)| *at <= line.offset) {
                writeln!(out, "\t{} {note}", self.comment())?;
            }
            self.instruction(line, end, out)?;
        }
        for range in data {
            self.data(*range, out)?;
        }
        // Addresses in the middle of what was taken for instructions.
        for (offset, label) in self.targets.take() {
            let offset = self.piece.offset as usize + offset;
            writeln!(out, "\t.set {label}, .Ltext+{offset:#x}")?;
        }
        Ok(())
    }

    fn comment(&self) -> &'static str {
        match self.parts.arch {
            Arch::X64 => "#",
            _ => "//",
        }
    }

    /// The place of a relocation.
    fn place(&self, r: &WordReloc) -> usize {
        (r.offset - self.piece.offset) as usize
    }

    /// The label of an offset, which will be written there.
    fn label(&self, offset: usize) -> String {
        let label = format!(".L{:x}_{offset:x}", self.piece.offset);
        self.targets.borrow_mut().insert(offset, label.clone());
        label
    }

    fn put_label(&self, offset: usize, out: &mut dyn Write) -> io::Result<()> {
        match self.targets.borrow_mut().remove(&offset) {
            Some(label) => writeln!(out, "{label}:"),
            None => Ok(()),
        }
    }

    /// What an instruction calls an address.
    fn name_of(&self, instruction: Range<u32>, address: i64) -> Option<String> {
        let range = instruction.start as usize..instruction.end as usize;
        let first = self.relocs.partition_point(|r| self.place(r) < range.start);
        if let Some(r) = self.relocs.get(first)
            && range.contains(&self.place(r))
        {
            let place = i64::from(r.word) * 8 + i64::from(r.addend);
            return match r.field {
                Field::X64Displacement => {
                    let end = (range.end - self.place(r)) as i64;
                    Some(format!(".Lwords{:+}", place + end))
                }
                Field::A64Page => Some(format!(".Lwords{place:+}")),
                Field::A64PageOffset => None,
            };
        }
        if let Ok(inside) = usize::try_from(address)
            && inside < self.code.len()
        {
            return Some(self.label(inside));
        }
        let offset = u32::try_from(i64::from(self.piece.offset) + address).ok()?;
        let pieces = &self.parts.pieces;
        let found = pieces.binary_search_by_key(&offset, |p| p.offset);
        Some(match found.map(|n| pieces[n].what) {
            Ok(PieceKind::Stub(word)) => stub_label(word),
            _ => format!(".Ltext+{offset:#x}"),
        })
    }

    /// The instructions in a range.
    fn instructions(&self, range: Range<usize>, lines: &mut Vec<Line>) {
        let code = &self.code[..range.end];
        let name_of = |instruction: Range<u32>, address: i64| self.name_of(instruction, address);
        let found = (self.labels.disassemble)(code, range.start, &name_of);
        if !found.is_empty() {
            lines.extend(found);
            return;
        }
        // No disassembler for this architecture: words.
        let words = code[range.start..].chunks(4).enumerate();
        lines.extend(words.map(|(n, word)| Line {
            offset: range.start + 4 * n,
            source: None,
            comment: word.iter().rev().map(|b| format!("{b:02x}")).collect(),
        }));
    }

    /// Comments by offset: instructions of CIL, handlers.
    fn notes(&self) -> Vec<(usize, String)> {
        let Some(source) = self.source else {
            return Vec::new();
        };
        let mut notes: Vec<(usize, String)> = Vec::new();
        let sites = source.call_sites.iter().flat_map(|s| &s.handlers);
        let traps = source.traps.iter().flat_map(|t| &t.handlers);
        for h in sites.chain(traps) {
            if let Some(clause) = source.clauses.get(h.clause as usize) {
                let kind = match clause.kind {
                    ClauseKind::Catch(ty) => format!("catch {}", (self.labels.ty)(ty)),
                    ClauseKind::CatchLookup(slot) => {
                        format!("catch of slot {slot} of the generic context")
                    }
                    ClauseKind::CatchAll => "catch".to_owned(),
                    ClauseKind::Filter(n) => format!("filter {n}"),
                    ClauseKind::Finally => "finally".to_owned(),
                    ClauseKind::Fault => "fault".to_owned(),
                };
                notes.push((h.landing as usize, format!("handler {}: {kind}", h.clause)));
            }
        }
        let mut last = None;
        for &(at, pos) in &source.line_map {
            if last.replace(pos) != Some(pos) {
                notes.push((at as usize, self.position(source, pos)));
            }
        }
        notes.sort();
        notes.dedup();
        notes
    }

    /// A position in CIL, with the calls that were inlined around it.
    fn position(&self, source: &CompiledMethod, pos: u32) -> String {
        let Some(pos) = source.positions.get(pos as usize) else {
            return String::new();
        };
        let mut text = format!("IL_{:04x}", pos.il);
        let mut node = pos.node as usize;
        while let Some(inlined) = source.inline_tree.get(node)
            && let Some((parent, call)) = inlined.parent
        {
            let name = (self.labels.method)(inlined.method);
            text += &format!(" of {name}, called at IL_{call:04x}");
            node = parent as usize;
        }
        text
    }

    fn instruction(&self, line: &Line, end: usize, out: &mut dyn Write) -> io::Result<()> {
        let start = line.offset;
        let first = self.relocs.partition_point(|r| self.place(r) < start);
        let reloc = self.relocs.get(first).filter(|r| self.place(r) < end);
        match (&line.source, reloc) {
            (Some(source), Some(r)) if r.field == Field::A64PageOffset => {
                let place = i64::from(r.word) * 8 + i64::from(r.addend);
                write!(out, "\t.reloc ., {PAGE_OFFSET}, .Lwords{place:+}; {source}")?;
            }
            (Some(source), _) => write!(out, "\t{source}")?,
            (None, None) => bytes(out, &self.code[start..end])?,
            (None, Some(r)) => relocated(out, self.code, start..end, self.place(r), r)?,
        }
        let word = reloc.and_then(|r| self.parts.words.get(r.word as usize));
        let meaning = word.map(|&s| (self.labels.symbol)(s));
        let shown = line.source.is_none().then(|| line.comment.clone());
        let beside: Vec<String> = shown.into_iter().chain(meaning).collect();
        match beside.is_empty() {
            true => writeln!(out),
            false => writeln!(out, "\t{} {}", self.comment(), beside.join("\t")),
        }
    }

    /// What a jump table leads to.
    fn table(&self, range: DataRange) -> impl Iterator<Item = usize> {
        let words = self.code[range.range()].chunks_exact(4);
        words.map(move |w| {
            let distance = u32::from_le_bytes([w[0], w[1], w[2], w[3]]);
            range.offset.wrapping_add(distance) as usize
        })
    }

    /// Data among code. Labels of tables were made before.
    fn data(&self, range: DataRange, out: &mut dyn Write) -> io::Result<()> {
        if range.kind == DataKind::JumpTable {
            let start = format!(".L{:x}_{:x}", self.piece.offset, range.offset);
            self.put_label(range.offset as usize, out)?;
            for target in self.table(range) {
                let target = format!(".L{:x}_{target:x}", self.piece.offset);
                writeln!(out, "\t.long {target} - {start}")?;
            }
            return Ok(());
        }
        // Each constant by itself, as far as something refers to it.
        let mut at = range.range().start;
        while at < range.range().end {
            self.put_label(at, out)?;
            let next = self.targets.borrow().range(at..).next().map(|(&o, _)| o);
            let end = next
                .unwrap_or(usize::MAX)
                .min(range.range().end)
                .min(at + 16);
            bytes(out, &self.code[at..end])?;
            writeln!(out)?;
            at = end;
        }
        Ok(())
    }
}

/// The relocation of [`Field::A64PageOffset`].
const PAGE_OFFSET: &str = "R_AARCH64_LDST64_ABS_LO12_NC";

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
        Field::A64PageOffset => Some(PAGE_OFFSET),
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
