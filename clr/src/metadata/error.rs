//! Errors of the metadata reader.
//!
//! There are two layers. [`ReadError`] is what the byte-level parsers report: an offset into the
//! bytes they were given and what is wrong there; it is small and allocates nothing. A
//! [`MetadataError`] puts it into its place: the file, and the table, row and column (or heap, or
//! address) the bytes came from. Everything reached through [`Image`](super::Image) reports the latter.

use std::fmt;

use super::schema::TableId;

/// What is wrong with a run of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the data ends here, {0} more byte(s) were expected")]
    Truncated(u32),
    #[error("0x{0:02x} does not start a compressed integer")]
    CompressedInt(u8),
    #[error("types are nested deeper than {0} levels")]
    TooDeep(u32),
    #[error("0x{0:02x} is no element type that may stand here")]
    ElementType(u8),
    #[error("0x{0:02x} is no calling convention that may stand here")]
    CallingConvention(u8),
    #[error("{0:#x} is no valid coded type token")]
    TypeToken(u32),
    #[error("a count of {count} does not fit into the {left} byte(s) that are left")]
    Count { count: u32, left: u32 },
    #[error("an array of {0} dimensions")]
    Rank(u32),
    #[error("a second vararg sentinel, or one where none may stand")]
    Sentinel,
    #[error("text that is not UTF-8")]
    Utf8,
    #[error("the prolog is 0x{0:04x} instead of 0x0001")]
    Prolog(u16),
    #[error("0x{0:02x} is neither a field (0x53) nor a property (0x54)")]
    NamedArgument(u8),
    #[error("an enum whose underlying type cannot be found")]
    UnresolvedEnum,
    #[error("a parameter type that custom attributes cannot have")]
    AttributeType,
    #[error("a constant of {found} byte(s) where {expected} are needed")]
    ConstantSize { expected: u32, found: u32 },
    #[error("a UTF-16 string of an odd number of bytes")]
    OddUtf16,
    #[error("0x{0:02x} is no method body header")]
    BodyHeader(u8),
    #[error("a fat method header of {0} dwords instead of 3")]
    FatHeaderSize(u8),
    #[error("0x{0:02x} is no known section after a method body")]
    BodySection(u8),
    #[error("0x{0:x} is no kind of exception clause")]
    ClauseKind(u32),
    #[error("an exception clause covers {start:#x}..{end:#x} of a body of {code:#x} bytes")]
    ClauseRange { start: u32, end: u64, code: u32 },
}

/// Something malformed at an offset of the bytes that were parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset:#x}: {what}")]
pub struct ReadError {
    pub offset: u32,
    pub what: Malformed,
}

/// The heaps of a metadata root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heap {
    Strings,
    UserStrings,
    Blob,
    Guid,
}

impl Heap {
    /// The name of the stream that holds the heap.
    pub const fn stream(self) -> &'static str {
        match self {
            Heap::Strings => "#Strings",
            Heap::UserStrings => "#US",
            Heap::Blob => "#Blob",
            Heap::Guid => "#GUID",
        }
    }
}

/// The place in a file that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The file as a whole.
    File,
    /// One of the headers before the tables, by name.
    Header(&'static str),
    /// A whole table.
    Table(TableId),
    /// A row, and the column in it where that is known.
    Row {
        table: TableId,
        rid: u32,
        column: Option<&'static str>,
    },
    /// An item of a heap.
    Heap { heap: Heap, offset: u32 },
    /// What lies at a virtual address.
    Rva(u32),
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Site::File => f.write_str("file"),
            Site::Header(name) => f.write_str(name),
            Site::Table(table) => write!(f, "table {table}"),
            Site::Row {
                table,
                rid,
                column: None,
            } => write!(f, "table {table} row {rid}"),
            Site::Row {
                table,
                rid,
                column: Some(c),
            } => {
                write!(f, "table {table} row {rid} column {c}")
            }
            Site::Heap { heap, offset } => write!(f, "heap {} offset {offset:#x}", heap.stream()),
            Site::Rva(rva) => write!(f, "address {rva:#x}"),
        }
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    #[error("cannot be opened: {0}")]
    Io(#[from] std::io::Error),
    #[error("is larger than 4 GiB")]
    TooLarge,
    #[error("is no PE file")]
    NotPe,
    #[error("has no CLI header: it is a native program, not a .NET assembly")]
    NotManaged,
    #[error("is missing")]
    Missing,
    #[error("has the wrong signature or version")]
    Signature,
    #[error("lies outside the file")]
    OutsideFile,
    #[error("is reserved or unknown")]
    UnknownTable,
    #[error("has {0} rows, more than the format allows")]
    TooManyRows(u32),
    #[error("there is no such row (the table has {rows})")]
    NoSuchRow { rows: u32 },
    #[error("{0:#x} is no valid reference")]
    BadReference(u32),
    #[error("the list {start}..{end} is not inside a table of {rows} rows")]
    BadList { start: u32, end: u32, rows: u32 },
    #[error("offset {offset:#x} is outside heap {} of {size:#x} bytes", heap.stream())]
    OutsideHeap { heap: Heap, offset: u32, size: u32 },
    #[error("the string at offset {0:#x} of #Strings has no end or is not UTF-8")]
    BadString(u32),
    #[error("is not backed by {0} byte(s) of the file")]
    NotBacked(u32),
    #[error("token {0:#010x} cannot stand here")]
    BadToken(u32),
    #[error("the chain of enclosing types or references is too long or circular")]
    Circular,
    #[error("{0}")]
    Read(#[from] ReadError),
}

/// An error with the file and the place it was found at.
///
/// Its text names the file, then the place (table, row, column; heap and offset; address), then the
/// problem, as in `x.dll: table MemberRef row 7 column signature: at byte 0x3: …`.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0)]
pub struct MetadataError(Box<Detail>);

#[derive(Debug)]
struct Detail {
    file: String,
    site: Site,
    kind: ErrorKind,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.site {
            Site::File => write!(f, "{}: {}", self.file, self.kind),
            site => write!(f, "{}: {site}: {}", self.file, self.kind),
        }
    }
}

impl MetadataError {
    pub fn new(file: &str, site: Site, kind: impl Into<ErrorKind>) -> Self {
        MetadataError(Box::new(Detail {
            file: file.to_owned(),
            site,
            kind: kind.into(),
        }))
    }

    /// The file the error was found in, as it was named when opened.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    pub fn site(&self) -> Site {
        self.0.site
    }

    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }
}

/// The result of everything that goes through an image.
pub type Result<T, E = MetadataError> = std::result::Result<T, E>;
