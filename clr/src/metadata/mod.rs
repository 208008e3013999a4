//! Reader for .NET assemblies (ECMA-335 partition II): lazy, without copies, over a mapped file.
//!
//! Opening an [`Image`] reads headers and computes where tables lie, nothing more. Rows are small
//! views with an accessor for each column; names and blobs are slices of the file; signatures and
//! other structured blobs are parsed when asked for.
//!
//! ```text
//! file ── pe ──▶ headers, sections
//!          └─ image ──▶ streams and heaps
//!                        └─ tables ──▶ where rows and columns lie  ◀── schema: the 45 tables as data
//!                                       └─ rows ──▶ typed views ──▶ lookup: runs, owners, names
//!                                                    ├─ sig        signatures
//!                                                    ├─ body       code bytes, exception clauses
//!                                                    ├─ attr       custom attributes
//!                                                    ├─ constant   literals
//!                                                    └─ marshal    native types
//! write ──▶ all of this again, from rows, blobs and code
//! ```
//!
//! What holds throughout:
//! 1. Any bytes whatever give a value or an error, never a panic: reads are checked, sums of file
//!    numbers cannot overflow, recursion has a depth limit, and no allocation is larger than a
//!    constant times the bytes it is read from.
//! 2. An error names the file and the table, row and column (or heap and offset, or address).
//! 3. Nothing is validated before it is used: what a program never touches cannot fail it.

mod attr;
mod body;
mod bytes;
mod constant;
mod dump;
mod error;
mod flags;
mod image;
mod lookup;
mod marshal;
mod pe;
mod rows;
mod schema;
pub mod sig;
mod tables;
mod token;
mod walk;
pub mod write;

pub use attr::{
    AttrArg, AttrArgs, AttrType, AttrValue, EnumName, EnumResolver, LocalEnums, NamedArg,
    parse_attribute, split_namespace,
};
pub use body::{Body, Clause, ClauseKind};
pub use bytes::Reader;
pub use constant::{Constant, parse_constant};
pub use dump::dump_table;
pub use error::{ErrorKind, Heap, Malformed, MetadataError, ReadError, Result, Site};
pub use flags::*;
pub use image::{Cell, Image, Utf16};
pub use lookup::{Index, Rids};
pub use marshal::{CustomMarshaler, Marshal, native, parse_marshal};
pub use pe::{CliHeader, Directory, Pe};
pub use rows::*;
pub use schema::{CodedIndex, Column, ColumnKind, SCHEMA, TABLE_COUNT, Table, TableId};
pub use tables::Tables;
pub use token::Token;
pub use walk::{Limits, Walk, walk_everything, walk_image};
