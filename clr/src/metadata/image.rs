//! An open assembly file: the mapping, its streams and heaps.
//!
//! Opening reads the headers and computes the layout of the tables; everything else is read when
//! asked for, straight from the mapping.
//!
//! ```text
//! metadata root: "BSJB" version… flags │ n × { offset, size, name } │ streams:
//!   #~ or #-   tables             #Strings  names, UTF-8, zero-terminated
//!   #Blob      length + bytes     #US       length + UTF-16 of string literals
//!   #GUID      16 bytes each
//! ```

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bytes::Reader;
use super::error::{ErrorKind, Heap, Malformed, MetadataError, ReadError, Result, Site};
use super::lookup::Indexes;
use super::pe::{Failure, Pe, in_header};
use super::rows::RawRow;
use super::schema::{CodedIndex, ColumnKind, TableId};
use super::tables::Tables;
use super::token::Token;

/// The bytes of a file.
enum Backing {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
    Static(&'static [u8]),
}

impl Backing {
    fn bytes(&self) -> &[u8] {
        match self {
            Backing::Mapped(map) => map,
            Backing::Owned(bytes) => bytes,
            Backing::Static(bytes) => bytes,
        }
    }
}

/// A part of the file, known to lie inside it.
type Span = Range<usize>;

/// The metadata root.
struct Root {
    version: Box<str>,
    strings: Span,
    user_strings: Span,
    blobs: Span,
    guids: Span,
    tables: Span,
    uncompressed: bool,
}

/// A .NET assembly or module, opened for reading.
///
/// Rows, names and blobs borrow from it. It is `Sync`; share it in an [`Arc`].
pub struct Image {
    name: String,
    path: Option<PathBuf>,
    data: Backing,
    pe: Pe,
    root: Root,
    tables: Tables,
    pub(super) indexes: Indexes,
}

impl Image {
    /// Maps a file and reads its headers.
    ///
    /// The file must not be changed while it is open, as is usual for programs and libraries.
    pub fn open(path: impl AsRef<Path>) -> Result<Arc<Image>> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let io = |e: std::io::Error| MetadataError::new(&name, Site::File, e);
        let file = File::open(path).map_err(io)?;
        let data = if file.metadata().map_err(io)?.len() == 0 {
            Backing::Owned(Vec::new())
        } else {
            // SAFETY: the mapping is private and read-only. That nobody changes or truncates the
            // file meanwhile is a documented demand on the user, as for every mapped program.
            Backing::Mapped(unsafe { memmap2::Mmap::map(&file) }.map_err(io)?)
        };
        Image::new(name, Some(path.to_owned()), data).map(Arc::new)
    }

    /// Reads an image from memory; `name` is what errors call it.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Arc<Image>> {
        Image::new(name.into(), None, Backing::Owned(bytes)).map(Arc::new)
    }

    /// Reads an image that is part of the executable, where it lies.
    pub fn from_static(path: PathBuf, bytes: &'static [u8]) -> Result<Arc<Image>> {
        let name = path.display().to_string();
        Image::new(name, Some(path), Backing::Static(bytes)).map(Arc::new)
    }

    fn new(name: String, path: Option<PathBuf>, data: Backing) -> Result<Image> {
        match Image::parse(data.bytes()) {
            Ok((pe, root, tables)) => Ok(Image {
                name,
                path,
                data,
                pe,
                root,
                tables,
                indexes: Indexes::default(),
            }),
            Err((site, kind)) => Err(MetadataError::new(&name, site, kind)),
        }
    }

    fn parse(data: &[u8]) -> Result<(Pe, Root, Tables), Failure> {
        if u32::try_from(data.len()).is_err() {
            return Err((Site::File, ErrorKind::TooLarge));
        }
        let pe = Pe::parse(data)?;
        let root = Root::parse(data, &pe)?;
        let tables = Tables::parse(&data[root.tables.clone()], root.tables.start)?;
        Ok((pe, root, tables))
    }

    /// The name that errors use: the path it was opened with.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        self.data.bytes()
    }

    /// The PE and CLI headers.
    pub fn pe(&self) -> &Pe {
        &self.pe
    }

    /// The runtime version that the metadata root asks for, as `v4.0.30319`.
    pub fn runtime_version(&self) -> &str {
        &self.root.version
    }

    /// Whether the tables are of the uncompressed kind (`#-`).
    pub fn is_uncompressed(&self) -> bool {
        self.root.uncompressed
    }

    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The method (or, in a multi-file assembly, the file) that a program starts with.
    pub fn entry_point(&self) -> Option<Token> {
        let cli = &self.pe.cli;
        let native = cli.flags & super::pe::CliHeader::NATIVE_ENTRY_POINT != 0;
        (!native && cli.entry_point != 0).then(|| Token::from_raw(cli.entry_point))
    }

    /// An error about a place in this image.
    #[cold]
    pub fn error(&self, site: Site, kind: impl Into<ErrorKind>) -> MetadataError {
        MetadataError::new(&self.name, site, kind)
    }

    /// Checks that a row exists and yields it.
    pub(super) fn raw_row(&self, table: TableId, rid: u32) -> Result<RawRow<'_>> {
        let place = self.tables.place(table);
        if rid == 0 || rid > place.rows {
            let site = Site::Row {
                table,
                rid,
                column: None,
            };
            return Err(self.error(site, ErrorKind::NoSuchRow { rows: place.rows }));
        }
        Ok(RawRow::new(self, table, rid))
    }

    // ---- heaps -------------------------------------------------------------------------------

    fn span(&self, heap: Heap) -> &[u8] {
        let span = match heap {
            Heap::Strings => &self.root.strings,
            Heap::UserStrings => &self.root.user_strings,
            Heap::Blob => &self.root.blobs,
            Heap::Guid => &self.root.guids,
        };
        &self.bytes()[span.clone()]
    }

    /// The size of a heap in bytes.
    pub fn heap_size(&self, heap: Heap) -> usize {
        self.span(heap).len()
    }

    fn outside(&self, heap: Heap, offset: u32) -> ErrorKind {
        ErrorKind::OutsideHeap {
            heap,
            offset,
            size: self.span(heap).len() as u32,
        }
    }

    /// A name, without a check of its encoding.
    pub(super) fn string_bytes(&self, offset: u32) -> Result<&[u8], ErrorKind> {
        let heap = self.span(Heap::Strings);
        if offset == 0 {
            return Ok(&[]);
        }
        let rest = heap
            .get(offset as usize..)
            .ok_or_else(|| self.outside(Heap::Strings, offset))?;
        match std::ffi::CStr::from_bytes_until_nul(rest) {
            Ok(text) => Ok(text.to_bytes()),
            Err(_) => Err(ErrorKind::BadString(offset)),
        }
    }

    pub(super) fn string_at(&self, offset: u32) -> Result<&str, ErrorKind> {
        std::str::from_utf8(self.string_bytes(offset)?).map_err(|_| ErrorKind::BadString(offset))
    }

    pub(super) fn blob_at(&self, offset: u32) -> Result<&[u8], ErrorKind> {
        self.length_prefixed(Heap::Blob, offset)
    }

    fn length_prefixed(&self, heap: Heap, offset: u32) -> Result<&[u8], ErrorKind> {
        if offset == 0 {
            return Ok(&[]);
        }
        let rest = self
            .span(heap)
            .get(offset as usize..)
            .ok_or_else(|| self.outside(heap, offset))?;
        let mut r = Reader::new(rest);
        let length = r.compressed()?;
        Ok(r.bytes(length as usize)?)
    }

    pub(super) fn guid_at(&self, index: u32) -> Result<Option<[u8; 16]>, ErrorKind> {
        let Some(zero_based) = index.checked_sub(1) else {
            return Ok(None);
        };
        let (guids, _) = self.span(Heap::Guid).as_chunks::<16>();
        match guids.get(zero_based as usize) {
            Some(guid) => Ok(Some(*guid)),
            None => Err(self.outside(Heap::Guid, index)),
        }
    }

    /// A blob by its offset in the heap.
    pub fn blob(&self, offset: u32) -> Result<&[u8]> {
        self.blob_at(offset).map_err(|e| {
            self.error(
                Site::Heap {
                    heap: Heap::Blob,
                    offset,
                },
                e,
            )
        })
    }

    /// A name by its offset in the heap.
    pub fn string(&self, offset: u32) -> Result<&str> {
        self.string_at(offset).map_err(|e| {
            self.error(
                Site::Heap {
                    heap: Heap::Strings,
                    offset,
                },
                e,
            )
        })
    }

    /// A string literal: the operand of `ldstr`.
    pub fn user_string(&self, token: Token) -> Result<Utf16<'_>> {
        let offset = token.rid();
        let site = Site::Heap {
            heap: Heap::UserStrings,
            offset,
        };
        if !token.is_user_string() {
            return Err(self.error(site, ErrorKind::BadToken(token.raw())));
        }
        let bytes = self
            .length_prefixed(Heap::UserStrings, offset)
            .map_err(|e| self.error(site, e))?;
        // The last byte only tells whether any unit needs special care.
        let text = match bytes.split_last() {
            Some((_, text)) => text,
            None => bytes,
        };
        Utf16::new(text).map_err(|e| self.error(site, e))
    }

    // ---- addresses ---------------------------------------------------------------------------

    /// The file bytes from an address to the end of its section.
    pub fn rva_bytes(&self, rva: u32) -> Result<&[u8]> {
        match self.pe.backing(rva) {
            Some(range) => Ok(&self.bytes()[range]),
            None => Err(self.error(Site::Rva(rva), ErrorKind::NotBacked(1))),
        }
    }

    /// Exactly `size` bytes at an address: the initial value of a field with an address.
    pub fn rva_data(&self, rva: u32, size: u32) -> Result<&[u8]> {
        let bytes = self.pe.backing(rva).map(|range| &self.bytes()[range]);
        match bytes.and_then(|b| b.get(..size as usize)) {
            Some(data) => Ok(data),
            None => Err(self.error(Site::Rva(rva), ErrorKind::NotBacked(size))),
        }
    }

    /// A resource that is embedded in this file, by the offset its row gives.
    pub fn resource_data(&self, offset: u32) -> Result<&[u8]> {
        const HEADER: Site = Site::Header("resources");
        let directory = self.pe.cli.resources;
        if directory.size == 0 {
            return Err(self.error(HEADER, ErrorKind::Missing));
        }
        let all = self.rva_data(directory.rva, directory.size)?;
        let data = all
            .get(offset as usize..)
            .ok_or_else(|| self.error(HEADER, ErrorKind::BadReference(offset)))?;
        let mut r = Reader::new(data);
        let read = |r: &mut Reader<'_>| -> Result<usize, ReadError> { Ok(r.u32()? as usize) };
        let size = read(&mut r).map_err(|e| self.error(HEADER, e))?;
        r.bytes(size).map_err(|e| self.error(HEADER, e))
    }

    // ---- generic access ----------------------------------------------------------------------

    /// The value of any column of any row, as the schema types it.
    pub fn cell(&self, table: TableId, rid: u32, column: usize) -> Result<Cell<'_>> {
        let row = self.raw_row(table, rid)?;
        Ok(match table.schema().columns[column].kind {
            ColumnKind::U16 | ColumnKind::U32 => Cell::Number(row.raw(column)),
            ColumnKind::String => Cell::String(row.string(column)?),
            ColumnKind::Guid => Cell::Guid(row.guid(column)?),
            ColumnKind::Blob => Cell::Blob(row.blob(column)?),
            ColumnKind::Rid(t) => Cell::Token(Token::new(t, row.rid_of(column, t)?)),
            ColumnKind::List(t) => Cell::ListStart(t, row.raw(column)),
            ColumnKind::Coded(index) => Cell::Token(row.token(column, index)?),
        })
    }

    /// Turns a coded index that is not part of a row (as in signatures) into a token.
    pub fn decode_token(&self, index: CodedIndex, raw: u32) -> Option<Token> {
        let (table, rid) = index.decode(raw)?;
        (rid <= self.tables.rows(table)).then(|| Token::new(table, rid))
    }

    /// Whether a token refers to a row that exists.
    pub fn token_exists(&self, token: Token) -> bool {
        token
            .table()
            .is_some_and(|t| !token.is_nil() && token.rid() <= self.tables.rows(t))
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    Number(u32),
    String(&'a str),
    Guid(Option<[u8; 16]>),
    Blob(&'a [u8]),
    /// A row of this or another table, or [`Token::is_nil`].
    Token(Token),
    /// Where this row's run of a list begins.
    ListStart(TableId, u32),
}

/// UTF-16 text in a file, where it need not be aligned.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Utf16<'a>(&'a [[u8; 2]]);

impl<'a> Utf16<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Utf16<'a>, ReadError> {
        match bytes.as_chunks::<2>() {
            (units, []) => Ok(Utf16(units)),
            (units, _) => Err(ReadError {
                offset: (units.len() * 2) as u32,
                what: Malformed::OddUtf16,
            }),
        }
    }

    /// How many UTF-16 units it has.
    pub fn len(self) -> usize {
        self.0.len()
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub fn units(self) -> impl ExactSizeIterator<Item = u16> + Clone + 'a {
        self.0.iter().map(|&unit| u16::from_le_bytes(unit))
    }

    /// The text; lone surrogates become replacement characters.
    pub fn to_string_lossy(self) -> String {
        char::decode_utf16(self.units())
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

impl fmt::Debug for Utf16<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}

impl Root {
    fn parse(data: &[u8], pe: &Pe) -> Result<Root, Failure> {
        const HEADER: &str = "metadata root";
        let directory = pe.cli.metadata;
        let outside = || (Site::Header(HEADER), ErrorKind::OutsideFile);
        let start = pe.backing(directory.rva).ok_or_else(outside)?;
        let size = (directory.size as usize).min(start.len());
        let base = start.start;
        let root = &data[base..base + size];

        let header = in_header(HEADER);
        let mut r = Reader::new(root);
        if r.bytes(4).map_err(&header)? != b"BSJB" {
            return Err((Site::Header(HEADER), ErrorKind::Signature));
        }
        r.skip(8).map_err(&header)?;
        let version_length = r.u32().map_err(&header)? as usize;
        let version = r.bytes(version_length).map_err(&header)?;
        let version = version.split(|&b| b == 0).next().unwrap_or_default();
        r.align4().map_err(&header)?;
        r.skip(2).map_err(&header)?;
        let streams = r.u16().map_err(&header)?;

        let mut found = Root {
            version: String::from_utf8_lossy(version).into(),
            strings: 0..0,
            user_strings: 0..0,
            blobs: 0..0,
            guids: 0..0,
            tables: 0..0,
            uncompressed: false,
        };
        let mut have_tables = false;
        for _ in 0..streams {
            let offset = r.u32().map_err(&header)? as usize;
            let size = r.u32().map_err(&header)? as usize;
            let name_bytes = r.rest();
            let name_length = name_bytes.iter().take(32).position(|&b| b == 0);
            let Some(name_length) = name_length else {
                return Err((Site::Header("stream header"), ErrorKind::Signature));
            };
            let name = &name_bytes[..name_length];
            r.skip(name_length + 1)
                .and_then(|()| r.align4())
                .map_err(&header)?;
            let (slot, title) = match name {
                b"#Strings" => (&mut found.strings, "stream #Strings"),
                b"#US" => (&mut found.user_strings, "stream #US"),
                b"#Blob" => (&mut found.blobs, "stream #Blob"),
                b"#GUID" => (&mut found.guids, "stream #GUID"),
                b"#~" | b"#-" => {
                    have_tables = true;
                    found.uncompressed = name == b"#-";
                    (&mut found.tables, "stream #~")
                }
                _ => continue,
            };
            let end = offset.checked_add(size).filter(|&end| end <= root.len());
            let Some(end) = end else {
                return Err((Site::Header(title), ErrorKind::OutsideFile));
            };
            *slot = base + offset..base + end;
        }
        if have_tables {
            Ok(found)
        } else {
            Err((Site::Header("stream #~"), ErrorKind::Missing))
        }
    }
}
