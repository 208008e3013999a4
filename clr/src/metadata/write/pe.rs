//! The file around metadata and code (ECMA-335 II.25).
//!
//! ```text
//! headers │ .text at 0x2000                                                              │ .reloc
//!         │ import address │ CLI header │ code, data │ resources │ strong name │ metadata │ import table, entry
//! ```
//!
//! The import of `mscoree.dll`, the entry and its relocation are what Windows before XP starts a program by; everyone else
//! reads the CLI header.

use super::super::token::Token;
use super::out::Out;

/// Address of the code and data that a caller lays out: bodies and initial values of fields.
pub const TEXT_DATA: u32 = TEXT + IMPORT_ADDRESS + CLI_HEADER;

const TEXT: u32 = 0x2000;
const SECTION_ALIGNMENT: u32 = 0x2000;
const FILE_ALIGNMENT: u32 = 0x200;
const IMPORT_ADDRESS: u32 = 8;
const CLI_HEADER: u32 = 72;
const IMAGE_BASE: u32 = 0x40_0000;

/// What the file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A library.
    Library,
    /// A program with a console.
    Console,
    /// A program with windows.
    Windows,
}

/// A file.
#[derive(Clone, Debug)]
pub struct File<'a> {
    pub kind: FileKind,
    /// The COFF machine; 0x14c for any.
    pub machine: u16,
    /// Whether headers are those of 64-bit programs.
    pub wide: bool,
    /// Flags of the CLI header.
    pub flags: u32,
    pub entry_point: Token,
    /// Code and data; the first byte is at [`TEXT_DATA`].
    pub text: &'a [u8],
    /// Embedded resources, each with its length before it.
    pub resources: &'a [u8],
    /// The metadata root.
    pub metadata: &'a [u8],
    /// Room for the signature.
    pub strong_name: u32,
}

fn align(value: u32, alignment: u32) -> u32 {
    value.next_multiple_of(alignment)
}

/// The file's bytes.
pub fn write_file(file: &File<'_>) -> Vec<u8> {
    let text = Text::lay_out(file);
    let reloc_at = align(TEXT + text.bytes.len() as u32, SECTION_ALIGNMENT);
    let reloc = relocations(file, text.entry);
    let sections = [
        (*b".text\0\0\0", TEXT, &text.bytes, 0x6000_0020u32),
        (*b".reloc\0\0", reloc_at, &reloc, 0x4200_0040),
    ];

    let mut out = Out::default();
    dos_header(&mut out);
    out.bytes(b"PE\0\0");
    out.u16(file.machine);
    out.u16(sections.len() as u16);
    out.u32(0); // time: files of equal content are equal
    out.zeros(8);
    out.u16(if file.wide { 0xf0 } else { 0xe0 });
    let (executable, bits32, library) = (0x2, 0x100, 0x2000);
    out.u16(
        executable
            | if file.wide { 0x20 } else { bits32 }
            | if file.kind == FileKind::Library {
                library
            } else {
                0
            },
    );
    let headers = align(0x178 + 40 * sections.len() as u32, FILE_ALIGNMENT);
    optional_header(
        &mut out,
        file,
        &text,
        headers,
        (reloc_at, reloc.len() as u32),
    );
    let mut at = headers;
    for (name, address, bytes, flags) in &sections {
        let raw = align(bytes.len() as u32, FILE_ALIGNMENT);
        out.bytes(name);
        out.u32(bytes.len() as u32);
        out.u32(*address);
        out.u32(raw);
        out.u32(at);
        out.zeros(12);
        out.u32(*flags);
        at += raw;
    }
    for (_, _, bytes, _) in &sections {
        out.align(FILE_ALIGNMENT as usize);
        out.bytes(bytes);
    }
    out.align(FILE_ALIGNMENT as usize);
    out.into_bytes()
}

/// The old header: only its magic number and the place of the new one matter.
fn dos_header(out: &mut Out) {
    out.bytes(b"MZ");
    out.u16(0x90);
    out.u16(3);
    out.u16(0);
    out.u16(4);
    out.u16(0);
    out.u16(0xffff);
    out.zeros(2);
    out.u16(0xb8);
    out.zeros(6);
    out.u16(0x40);
    out.zeros(0x3c - out.len());
    out.u32(0x80);
    out.bytes(&[
        0x0e, 0x1f, 0xba, 0x0e, 0, 0xb4, 9, 0xcd, 0x21, 0xb8, 1, 0x4c, 0xcd, 0x21,
    ]);
    out.bytes(b"This program cannot be run in DOS mode.\r\r\n$");
    out.zeros(0x80 - out.len());
}

/// The section `.text`.
struct Text {
    bytes: Vec<u8>,
    /// Address and size of the import table.
    imports: (u32, u32),
    /// Address of the entry.
    entry: u32,
}

impl Text {
    fn lay_out(file: &File<'_>) -> Text {
        let mut out = Out::default();
        out.zeros((IMPORT_ADDRESS + CLI_HEADER) as usize);
        out.bytes(file.text);
        let here = |out: &Out| TEXT + out.len() as u32;
        out.align(8);
        let resources = here(&out);
        out.bytes(file.resources);
        out.align(4);
        let strong_name = here(&out);
        out.zeros(file.strong_name as usize);
        out.align(4);
        let metadata = here(&out);
        out.bytes(file.metadata);

        out.align(4);
        let imports = here(&out);
        let names = imports + 40; // one import and the one that ends the table
        let (list, dll) = (names, names + 8 + 16);
        out.u32(list);
        out.zeros(8);
        out.u32(dll);
        out.u32(TEXT);
        out.zeros(20);
        let hint = list + 8;
        out.u32(hint);
        out.u32(0);
        out.u16(0);
        out.bytes(match file.kind {
            FileKind::Library => b"_CorDllMain\0\0\0",
            _ => b"_CorExeMain\0\0\0",
        });
        out.bytes(b"mscoree.dll\0");
        let size = here(&out) - imports;
        // jmp [import address], which the loader has bound by then; its operand is aligned.
        out.align(4);
        out.zeros(2);
        let entry = here(&out);
        out.bytes(&[0xff, 0x25]);
        out.u32(IMAGE_BASE + TEXT);

        let mut bytes = out.into_bytes();
        bytes[..4].copy_from_slice(&hint.to_le_bytes());
        let mut cli = Out::default();
        cli.u32(CLI_HEADER);
        cli.u16(2);
        cli.u16(5);
        let directory = |cli: &mut Out, at: u32, size: usize| {
            cli.u32(if size == 0 { 0 } else { at });
            cli.u32(size as u32);
        };
        directory(&mut cli, metadata, file.metadata.len());
        cli.u32(file.flags);
        cli.u32(file.entry_point.raw());
        directory(&mut cli, resources, file.resources.len());
        directory(&mut cli, strong_name, file.strong_name as usize);
        cli.zeros(CLI_HEADER as usize - cli.len());
        let at = IMPORT_ADDRESS as usize;
        bytes[at..at + cli.len()].copy_from_slice(cli.as_bytes());
        Text {
            bytes,
            imports: (imports, size),
            entry,
        }
    }
}

/// The section `.reloc`: the address in the entry's jump.
fn relocations(file: &File<'_>, entry: u32) -> Vec<u8> {
    const HIGH_LOW: u16 = 3;
    let at = entry + 2;
    let mut out = Out::default();
    if file.wide {
        return out.into_bytes();
    }
    out.u32(at & !0xfff);
    out.u32(12);
    out.u16(HIGH_LOW << 12 | (at & 0xfff) as u16);
    out.u16(0);
    out.into_bytes()
}

fn optional_header(out: &mut Out, file: &File<'_>, text: &Text, headers: u32, reloc: (u32, u32)) {
    let word = |out: &mut Out, value: u32| match file.wide {
        true => out.u64(u64::from(value)),
        false => out.u32(value),
    };
    let text_size = align(text.bytes.len() as u32, FILE_ALIGNMENT);
    out.u16(if file.wide { 0x20b } else { 0x10b });
    out.u8(8);
    out.u8(0);
    out.u32(text_size);
    out.u32(align(reloc.1, FILE_ALIGNMENT));
    out.u32(0);
    out.u32(if file.wide { 0 } else { text.entry });
    out.u32(TEXT);
    if !file.wide {
        out.u32(reloc.0);
    }
    word(out, IMAGE_BASE);
    out.u32(SECTION_ALIGNMENT);
    out.u32(FILE_ALIGNMENT);
    for version in [4, 0, 0, 0, 4, 0] {
        out.u16(version);
    }
    out.u32(0);
    out.u32(align(reloc.0 + reloc.1, SECTION_ALIGNMENT));
    out.u32(headers);
    out.u32(0);
    out.u16(if file.kind == FileKind::Windows { 2 } else { 3 });
    out.u16(0x8540); // relocatable, no execution of data, no structured handlers, terminal server aware
    for size in [0x10_0000, 0x1000, 0x10_0000, 0x1000] {
        word(out, size);
    }
    out.u32(0);
    out.u32(16);
    let mut directories = [(0, 0); 16];
    if !file.wide {
        directories[1] = text.imports;
        directories[5] = reloc;
        directories[12] = (TEXT, IMPORT_ADDRESS);
    }
    directories[14] = (TEXT + IMPORT_ADDRESS, CLI_HEADER);
    for (at, size) in directories {
        out.u32(at);
        out.u32(size);
    }
}
