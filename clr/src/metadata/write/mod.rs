//! Writer for .NET assemblies: what the readers of this module read, put together.
//!
//! ```text
//! heaps ─┐
//! tables ┴─▶ Metadata::root ─┐
//! sig ─▶ blobs               ├─▶ pe::write ─▶ bytes of a file
//! body ─▶ code, data ────────┘
//! ```
//!
//! Rows are added in any order where the format lets them be sorted at the end; what refers to rows by number (runs of
//! members, generic parameters) is added in its final order by the caller.

mod body;
mod heaps;
mod out;
mod pe;
mod sig;
mod tables;

pub use body::{BodyParts, write_body};
pub use heaps::Heaps;
pub use out::Out;
pub use pe::{File, FileKind, TEXT_DATA, write_file};
pub use sig::{
    write_field_sig, write_locals, write_method_sig, write_method_spec, write_property_sig,
    write_type,
};
pub use tables::TableRows;

use super::schema::TableId;
use super::token::Token;

/// The metadata of an assembly under construction.
#[derive(Default)]
pub struct Metadata {
    /// Names, blobs, literals, GUIDs.
    pub heaps: Heaps,
    /// Rows.
    pub tables: TableRows,
}

impl Metadata {
    /// Adds a row; its token.
    pub fn add(&mut self, table: TableId, cells: &[u32]) -> Token {
        self.tables.add(table, cells)
    }

    /// Number that the next row of a table gets.
    pub fn next(&self, table: TableId) -> u32 {
        self.tables.len(table) + 1
    }

    /// The metadata root with all streams (ECMA-335 II.24.2.1).
    pub fn root(&mut self, version: &str) -> Vec<u8> {
        let streams: [(&str, Vec<u8>); 5] = [
            ("#~", self.tables.stream(&self.heaps)),
            ("#Strings", self.heaps.strings.padded()),
            ("#US", self.heaps.user_strings.padded()),
            ("#GUID", self.heaps.guids.padded()),
            ("#Blob", self.heaps.blobs.padded()),
        ];
        let mut out = Out::default();
        out.bytes(b"BSJB");
        out.u16(1);
        out.u16(1);
        out.u32(0);
        let length = (version.len() + 1).next_multiple_of(4);
        out.u32(length as u32);
        out.bytes(version.as_bytes());
        out.zeros(length - version.len());
        out.u16(0);
        out.u16(streams.len() as u16);
        let padded = |name: &str| (name.len() + 1).next_multiple_of(4);
        let headers: usize = streams.iter().map(|(name, _)| 8 + padded(name)).sum();
        let mut at = out.len() + headers;
        for (name, bytes) in &streams {
            out.u32(at as u32);
            out.u32(bytes.len() as u32);
            out.bytes(name.as_bytes());
            out.zeros(padded(name) - name.len());
            at += bytes.len();
        }
        for (_, bytes) in &streams {
            out.bytes(bytes);
        }
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests;
