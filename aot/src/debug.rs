//! Debug information of images, if it is asked for: DWARF 4, and `.eh_frame`.
//!
//! ```text
//!  Parts::sources ─┬─ line maps ─────────▶ .debug_line   instruction ─▶ file of the assembly, instruction of CIL
//!                  ├─ inline trees ──────▶ .debug_info   a unit; functions, and what was inlined in them
//!                  └─ frames ────────────▶ .eh_frame     how to find the caller, at every instruction
//! ```
//!
//! The runtime reads none of it. Its own [tables](isthmus_eh_tables) say less about instructions that are neither calls nor traps, and
//! more about handlers.
//!
//! Source text is not known. The file of an assembly is called as it with `.il` behind it, and lines are offsets in the method's CIL plus
//! one, since DWARF's line 0 is none.

use crate::build::{Parts, PieceKind};
use gimli::write::{
    Address, AttributeValue, CallFrameInstruction as Cfi, Dwarf, EhFrame, EndianVec, Error, FileId,
    FrameDescriptionEntry, FrameTable, LineProgram, LineString, Range as DwarfRange, RangeList,
    RelocateWriter, Relocation, RelocationTarget, Sections, Unit, UnitEntryId,
};
use gimli::{
    DW_EH_PE_pcrel, DW_EH_PE_sdata4, DwEhPe, Encoding, Format, LineEncoding, LittleEndian,
    constants as dw,
};
use isthmus_eh_tables::dwarf;
use isthmus_runtime_abi::artifact::{CompiledMethod, DataRange};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::target::{Arch, Reg};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// What debug information says of methods.
pub struct Info<'a> {
    /// Name of the image's assembly.
    pub assembly: &'a str,
    /// Name of a method.
    pub method: &'a dyn Fn(MethodId) -> String,
    /// Name of the assembly that a method is of.
    pub assembly_of: &'a dyn Fn(MethodId) -> String,
    /// Whether code begins with what makes a frame.
    pub has_frame: &'a dyn Fn(&[u8]) -> bool,
    /// Where the frame of code is gone, given what of the code is data.
    pub without_frame: &'a WithoutFrame<'a>,
}

/// Where the frame of code is gone.
pub type WithoutFrame<'a> = dyn Fn(&[u8], &[DataRange]) -> Vec<Range<u32>> + 'a;

/// A section of debug information.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// Its bytes.
    pub data: Vec<u8>,
    /// Places in it that the linker fills, in order.
    pub relocs: Vec<Place>,
}

impl Section {
    /// Whether it is in memory when the image is.
    pub fn is_loaded(&self) -> bool {
        self.name == EH_FRAME
    }
}

/// Name of the section of unwind information.
pub const EH_FRAME: &str = ".eh_frame";

/// A place that the linker fills.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where it is in its section.
    pub offset: usize,
    /// Bytes.
    pub size: u8,
    /// What is written there.
    pub kind: PlaceKind,
    /// To be added.
    pub addend: i64,
}

/// What is written to a [`Place`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlaceKind {
    /// An address in the text.
    Text,
    /// The distance to a place in the text.
    TextDistance,
    /// An offset in this section.
    Section(&'static str),
}

/// A section while it is written.
#[derive(Clone)]
struct Output {
    bytes: EndianVec<LittleEndian>,
    relocs: Vec<Relocation>,
}

impl Output {
    fn new() -> Output {
        Output {
            bytes: EndianVec::new(LittleEndian),
            relocs: Vec::new(),
        }
    }

    fn finish(self, name: &'static str) -> Section {
        let place = |r: Relocation| Place {
            offset: r.offset,
            size: r.size,
            addend: r.addend,
            kind: match r.target {
                RelocationTarget::Section(id) => PlaceKind::Section(id.name()),
                RelocationTarget::Symbol(_) if r.eh_pe.is_some() => PlaceKind::TextDistance,
                RelocationTarget::Symbol(_) => PlaceKind::Text,
            },
        };
        let mut relocs: Vec<Place> = self.relocs.into_iter().map(place).collect();
        relocs.sort_by_key(|p| p.offset);
        Section {
            name,
            data: self.bytes.into_vec(),
            relocs,
        }
    }
}

impl RelocateWriter for Output {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.bytes
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.bytes
    }

    fn relocate(&mut self, relocation: Relocation) {
        self.relocs.push(relocation);
    }
}

/// The text is the only symbol.
fn text(offset: u32) -> Address {
    Address::Symbol {
        symbol: 0,
        addend: i64::from(offset),
    }
}

/// Makes the sections. Nothing is known of methods whose [sources](Parts::sources) were not kept.
pub fn sections(parts: &Parts, info: &Info<'_>) -> Result<Vec<Section>, Error> {
    let encoding = Encoding {
        format: Format::Dwarf32,
        version: 4,
        address_size: parts.arch.pointer_bytes() as u8,
    };
    let mut writer = Writer {
        parts,
        info,
        program: LineProgram::new(
            encoding,
            LineEncoding::default(),
            LineString::String(b".".to_vec()),
            None,
            LineString::String(file_name(info.assembly)),
            None,
        ),
        files: FxHashMap::default(),
        dwarf: Dwarf::new(),
        unit: Unit::new(encoding, LineProgram::none()),
        inlined: FxHashMap::default(),
    };
    writer.lines();
    writer.functions();
    let mut made = Vec::new();
    writer.unit.line_program = writer.program;
    writer.dwarf.units.add(writer.unit);
    let mut sections = Sections::new(Output::new());
    writer.dwarf.write(&mut sections)?;
    sections.for_each_mut(|id, section| {
        let section = std::mem::replace(section, Output::new());
        if !section.bytes.slice().is_empty() {
            made.push(section.finish(id.name()));
        }
        Ok::<(), Error>(())
    })?;
    made.push(frames(parts, info)?);
    Ok(made)
}

fn file_name(assembly: &str) -> Vec<u8> {
    format!("{assembly}.il").into_bytes()
}

struct Writer<'a> {
    parts: &'a Parts,
    info: &'a Info<'a>,
    program: LineProgram,
    files: FxHashMap<String, FileId>,
    dwarf: Dwarf,
    unit: Unit,
    /// What stands for methods that are inlined somewhere.
    inlined: FxHashMap<MethodId, UnitEntryId>,
}

impl Writer<'_> {
    fn file_of(&mut self, method: MethodId) -> FileId {
        let assembly = (self.info.assembly_of)(method);
        let program = &mut self.program;
        *self.files.entry(assembly).or_insert_with_key(|assembly| {
            let directory = program.default_directory();
            program.add_file(LineString::String(file_name(assembly)), directory, None)
        })
    }

    fn row(&mut self, offset: u32, file: FileId, line: u64) {
        let row = self.program.row();
        row.address_offset = u64::from(offset);
        row.file = file;
        row.line = line;
        self.program.generate_row();
    }

    /// One sequence: all of the text.
    fn lines(&mut self) {
        self.program.begin_sequence(Some(text(0)));
        for (piece, source) in self.parts.pieces.iter().zip(&self.parts.sources) {
            let root = source.inline_tree.first().map(|node| node.method);
            let Some(root) = root else { continue };
            let mut last = (self.file_of(root), 1);
            self.row(piece.offset, last.0, last.1);
            for (at, pos) in positions(source) {
                let method = source.inline_tree[pos.node as usize].method;
                let next = (self.file_of(method), u64::from(pos.il) + 1);
                if std::mem::replace(&mut last, next) != next {
                    self.row(piece.offset + at, next.0, next.1);
                }
            }
        }
        if let Some(first) = self.parts.pieces.get(self.parts.sources.len()) {
            // Stubs.
            let file = self.program.files().next().map(|f| f.0);
            if let Some(file) = file {
                self.row(first.offset, file, 0);
            }
        }
        self.program.end_sequence(self.parts.text.len() as u64);
    }

    fn functions(&mut self) {
        let root = self.unit.root();
        let name = AttributeValue::String(file_name(self.info.assembly));
        let length = AttributeValue::Udata(self.parts.text.len() as u64);
        let producer = concat!("isthmus ", env!("CARGO_PKG_VERSION"));
        let entry = self.unit.get_mut(root);
        entry.set(dw::DW_AT_name, name);
        entry.set(dw::DW_AT_comp_dir, AttributeValue::String(b".".to_vec()));
        entry.set(
            dw::DW_AT_producer,
            AttributeValue::String(producer.as_bytes().to_vec()),
        );
        // There is no number for CIL; debuggers take the names of C as they are.
        entry.set(
            dw::DW_AT_language,
            AttributeValue::Language(dw::DW_LANG_C99),
        );
        entry.set(dw::DW_AT_low_pc, AttributeValue::Address(text(0)));
        entry.set(dw::DW_AT_high_pc, length);
        entry.set(dw::DW_AT_stmt_list, AttributeValue::LineProgramRef);
        for (piece, source) in self.parts.pieces.iter().zip(&self.parts.sources) {
            let name = match piece.what {
                PieceKind::Method(m) => (self.info.method)(m),
                PieceKind::Filter(m, n) => format!("{}$filter{n}", (self.info.method)(m)),
                PieceKind::Stub(_) => continue,
            };
            let function = self.unit.add(root, dw::DW_TAG_subprogram);
            let entry = self.unit.get_mut(function);
            entry.set(dw::DW_AT_name, AttributeValue::String(name.into_bytes()));
            let range = piece.offset..piece.offset + piece.len;
            self.place(function, std::slice::from_ref(&range));
            self.inlined_in(function, piece.offset, piece.len, source);
        }
    }

    /// Says which instructions an entry is of.
    fn place(&mut self, entry: UnitEntryId, ranges: &[Range<u32>]) {
        if let [range] = ranges {
            let entry = self.unit.get_mut(entry);
            entry.set(dw::DW_AT_low_pc, AttributeValue::Address(text(range.start)));
            let length = u64::from(range.end - range.start);
            entry.set(dw::DW_AT_high_pc, AttributeValue::Udata(length));
            return;
        }
        // Relative to the unit's start, which is that of the text.
        let pair = |r: &Range<u32>| DwarfRange::OffsetPair {
            begin: u64::from(r.start),
            end: u64::from(r.end),
        };
        let list = RangeList(ranges.iter().map(pair).collect());
        let list = self.unit.ranges.add(list);
        let entry = self.unit.get_mut(entry);
        entry.set(dw::DW_AT_ranges, AttributeValue::RangeListRef(list));
    }

    /// What was inlined into a function. A node's instructions are those of its own and of nodes within it.
    fn inlined_in(&mut self, function: UnitEntryId, base: u32, len: u32, source: &CompiledMethod) {
        let tree = &source.inline_tree;
        let mut ranges: Vec<Vec<Range<u32>>> = vec![Vec::new(); tree.len()];
        let mut all = positions(source).peekable();
        while let Some((at, pos)) = all.next() {
            let end = all.peek().map_or(len, |next| next.0);
            let mut node = Some(pos.node);
            while let Some(n) = node.filter(|&n| n != 0 && at < end) {
                let of_node = &mut ranges[n as usize];
                match of_node.last_mut() {
                    Some(last) if last.end == base + at => last.end = base + end,
                    _ => of_node.push(base + at..base + end),
                }
                node = tree[n as usize].parent.map(|p| p.0);
            }
        }
        let mut entries = vec![function; tree.len()];
        // Parents come before their children.
        for (n, node) in tree.iter().enumerate().skip(1) {
            let Some((parent, call)) = node.parent.filter(|_| !ranges[n].is_empty()) else {
                continue;
            };
            let origin = self.abstract_function(node.method);
            let file = self.file_of(tree[parent as usize].method);
            let entry = self
                .unit
                .add(entries[parent as usize], dw::DW_TAG_inlined_subroutine);
            entries[n] = entry;
            self.place(entry, &ranges[n]);
            let entry = self.unit.get_mut(entry);
            entry.set(dw::DW_AT_abstract_origin, AttributeValue::UnitRef(origin));
            entry.set(dw::DW_AT_call_file, AttributeValue::FileIndex(Some(file)));
            let line = u64::from(call) + 1;
            entry.set(dw::DW_AT_call_line, AttributeValue::Udata(line));
        }
    }

    fn abstract_function(&mut self, method: MethodId) -> UnitEntryId {
        if let Some(&known) = self.inlined.get(&method) {
            return known;
        }
        let root = self.unit.root();
        let made = self.unit.add(root, dw::DW_TAG_subprogram);
        let name = (self.info.method)(method).into_bytes();
        let entry = self.unit.get_mut(made);
        entry.set(dw::DW_AT_name, AttributeValue::String(name));
        entry.set(dw::DW_AT_inline, AttributeValue::Inline(dw::DW_INL_inlined));
        self.inlined.insert(method, made);
        made
    }
}

/// Offsets and the positions from there on.
fn positions(
    source: &CompiledMethod,
) -> impl Iterator<Item = (u32, isthmus_runtime_abi::artifact::SourcePos)> {
    let known = |&(at, pos): &(u32, u32)| Some((at, *source.positions.get(pos as usize)?));
    let in_tree = source.inline_tree.len();
    let all = source.line_map.iter().filter_map(known);
    all.filter(move |(_, pos)| (pos.node as usize) < in_tree)
}

/// Unwind information: of every unit that has a frame, and of the stubs, which have none.
fn frames(parts: &Parts, info: &Info<'_>) -> Result<Section, Error> {
    let mut table = FrameTable::default();
    let mut cie = dwarf::cie(parts.arch);
    cie.fde_address_encoding = DwEhPe(DW_EH_PE_pcrel.0 | DW_EH_PE_sdata4.0);
    let cie = table.add_cie(cie);
    for (piece, source) in parts.pieces.iter().zip(&parts.sources) {
        let code = &parts.text[piece.offset as usize..(piece.offset + piece.len) as usize];
        if (info.has_frame)(code) {
            let gone = (info.without_frame)(code, &source.data);
            table.add_fde(
                cie,
                frame(parts.arch, piece.offset, piece.len, source, &gone),
            );
        }
    }
    if let Some(first) = parts.pieces.get(parts.sources.len()) {
        let len = parts.text.len() as u32 - first.offset;
        table.add_fde(cie, FrameDescriptionEntry::new(text(first.offset), len));
    }
    let mut section = EhFrame(Output::new());
    table.write_eh_frame(&mut section)?;
    let mut section = section.0.finish(EH_FRAME);
    // The end, for whoever reads the section in memory.
    section.data.extend([0; 4]);
    Ok(section)
}

/// How to find the caller of a unit with a frame.
fn frame(
    arch: Arch,
    start: u32,
    len: u32,
    source: &CompiledMethod,
    gone: &[Range<u32>],
) -> FrameDescriptionEntry {
    let word = arch.pointer_bytes() as i32;
    let mut fde = FrameDescriptionEntry::new(text(start), len);
    let pointer = dwarf::register(arch, Reg::Int(arch.roles().fp));
    let (push, set) = dwarf::frame_setup(arch);
    fde.add_instruction(push, Cfi::CfaOffset(2 * word));
    fde.add_instruction(push, Cfi::Offset(pointer, -2 * word));
    let link = match arch {
        Arch::X64 => None,
        _ => Some(dwarf::link_register(arch)),
    };
    if let Some(link) = link {
        fde.add_instruction(push, Cfi::Offset(link, -word));
    }
    fde.add_instruction(push + set, Cfi::CfaRegister(pointer));
    // Until all are saved they have their values still.
    let saved = source.frame.saved.iter();
    let saved: Vec<_> = saved
        .map(|&(reg, offset)| (dwarf::register(arch, reg), offset))
        .collect();
    let complete = source.frame.prologue_end.max(push + set);
    for &(reg, offset) in &saved {
        fde.add_instruction(complete, Cfi::Offset(reg, offset - 2 * word));
    }
    let stack = dwarf::register(arch, Reg::Int(arch.roles().sp));
    for range in gone.iter().filter(|r| r.start >= complete) {
        fde.add_instruction(range.start, Cfi::RememberState);
        // Where the return address is on the stack it is all that is left there.
        let left = if link.is_none() { word } else { 0 };
        fde.add_instruction(range.start, Cfi::Cfa(stack, left));
        let registers = saved.iter().map(|s| s.0).chain([pointer]).chain(link);
        for reg in registers {
            fde.add_instruction(range.start, Cfi::Restore(reg));
        }
        if range.end < len {
            fde.add_instruction(range.end, Cfi::RestoreState);
        }
    }
    fde
}
