//! Prints tables as text, driven by the schema alone.

use std::fmt::{self, Write};

use super::image::{Cell, Image};
use super::schema::{ColumnKind, TableId};

/// The most bytes of a blob that are shown.
const BLOB_SHOWN: usize = 24;

/// Writes a table, one row a line: `TypeDef 2: flags=0x100001 name="Program" …`. Cells that cannot be
/// read show why.
pub fn dump_table(out: &mut dyn Write, image: &Image, table: TableId) -> fmt::Result {
    let columns = table.schema().columns;
    for rid in 1..=image.tables().rows(table) {
        write!(out, "{table} {rid}:")?;
        for (i, column) in columns.iter().enumerate() {
            write!(out, " {}=", column.name)?;
            match image.cell(table, rid, i) {
                Ok(cell) => write_cell(out, cell, column.kind)?,
                Err(e) => write!(out, "!({e})")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_cell(out: &mut dyn Write, cell: Cell<'_>, kind: ColumnKind) -> fmt::Result {
    match cell {
        Cell::Number(n) if kind == ColumnKind::U16 => write!(out, "{n:#06x}"),
        Cell::Number(n) => write!(out, "{n:#x}"),
        Cell::String(text) => write!(out, "{text:?}"),
        Cell::Guid(None) => out.write_str("-"),
        Cell::Guid(Some(g)) => write_guid(out, g),
        Cell::Token(token) if token.is_nil() => out.write_str("-"),
        Cell::Token(token) => write!(out, "{token:?}"),
        Cell::ListStart(table, rid) => write!(out, "{table}:{rid}.."),
        Cell::Blob(bytes) => {
            write!(out, "[{}:", bytes.len())?;
            for byte in bytes.iter().take(BLOB_SHOWN) {
                write!(out, " {byte:02x}")?;
            }
            out.write_str(if bytes.len() > BLOB_SHOWN {
                " …]"
            } else {
                "]"
            })
        }
    }
}

fn write_guid(out: &mut dyn Write, g: [u8; 16]) -> fmt::Result {
    write!(out, "{{{:02x}{:02x}{:02x}{:02x}-", g[3], g[2], g[1], g[0])?;
    write!(out, "{:02x}{:02x}-{:02x}{:02x}-", g[5], g[4], g[7], g[6])?;
    write!(out, "{:02x}{:02x}-", g[8], g[9])?;
    for byte in &g[10..] {
        write!(out, "{byte:02x}")?;
    }
    out.write_char('}')
}
