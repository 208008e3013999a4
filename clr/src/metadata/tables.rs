//! The `#~` stream: which tables there are, where their rows lie, and how wide columns are
//! (ECMA-335 II.24.2.6).
//!
//! ```text
//! reserved:4 major:1 minor:1 heap_sizes:1 reserved:1 valid:8 sorted:8 rows:4 × popcount(valid)
//! [extra:4 if heap_sizes & 0x40]  rows of table a, rows of table b, …
//! ```
//!
//! A column that refers to something is 2 bytes wide as long as every possible value fits, else 4;
//! so widths depend on the sizes of heaps and of other tables and are computed once per image.
//!
//! Invariant: for every table, `at + rows * row_size <= file size`, and `column.at + column.width
//! <= row_size`. It is established here and is why reading a column of an existing row cannot fail.

use super::bytes::Reader;
use super::error::{ErrorKind, Site};
use super::pe::{Failure, in_header};
use super::schema::{CodedIndex, ColumnKind, MAX_COLUMNS, TABLE_COUNT, TableId};
use super::token::Token;

/// Where a column lies in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ColumnPlace {
    pub at: u8,
    pub width: u8,
}

/// Where a table lies in the file and what its rows look like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TablePlace {
    /// File offset of row 1.
    pub at: u32,
    pub rows: u32,
    pub row_size: u32,
    pub columns: [ColumnPlace; MAX_COLUMNS],
}

/// The layout of all tables of an image.
#[derive(Clone, Debug)]
pub struct Tables {
    places: [TablePlace; TABLE_COUNT],
    sorted: u64,
}

const WIDE_STRINGS: u8 = 1;
const WIDE_GUIDS: u8 = 2;
const WIDE_BLOBS: u8 = 4;
const EXTRA_DATA: u8 = 0x40;

const HEADER: &str = "table stream header";

impl Tables {
    /// Parses the stream at `at` in the file.
    pub(super) fn parse(stream: &[u8], at: usize) -> Result<Tables, Failure> {
        let header = in_header(HEADER);
        let mut r = Reader::new(stream);
        r.skip(6).map_err(&header)?;
        let heap_sizes = r.u8().map_err(&header)?;
        r.skip(1).map_err(&header)?;
        let valid = r.u64().map_err(&header)?;
        let sorted = r.u64().map_err(&header)?;
        if valid >> TABLE_COUNT != 0 {
            return Err((Site::Header(HEADER), ErrorKind::UnknownTable));
        }

        let mut rows = [0u32; TABLE_COUNT];
        for table in TableId::ALL
            .into_iter()
            .filter(|&t| valid >> t as u32 & 1 != 0)
        {
            let count = r.u32().map_err(&header)?;
            if count > Token::MAX_RID {
                return Err((Site::Table(table), ErrorKind::TooManyRows(count)));
            }
            rows[table as usize] = count;
        }
        if heap_sizes & EXTRA_DATA != 0 {
            r.skip(4).map_err(&header)?;
        }

        let mut places = [TablePlace::default(); TABLE_COUNT];
        for table in TableId::ALL {
            let place = &mut places[table as usize];
            *place = Self::layout(table, heap_sizes, &rows);
            // 2^24 rows of at most 9 columns of 4 bytes: far from overflowing 64 bits.
            let size = u64::from(place.rows) * u64::from(place.row_size);
            place.at =
                u32::try_from(at + r.pos()).map_err(|_| (Site::File, ErrorKind::TooLarge))?;
            if size > r.remaining() as u64 {
                return Err((Site::Table(table), ErrorKind::OutsideFile));
            }
            r.skip(size as usize).map_err(&header)?;
        }
        Ok(Tables { places, sorted })
    }

    fn layout(table: TableId, heap_sizes: u8, rows: &[u32; TABLE_COUNT]) -> TablePlace {
        let mut place = TablePlace {
            rows: rows[table as usize],
            ..TablePlace::default()
        };
        let heap = |bit: u8| if heap_sizes & bit != 0 { 4 } else { 2 };
        for (column, slot) in table.schema().columns.iter().zip(&mut place.columns) {
            let width = match column.kind {
                ColumnKind::U16 => 2,
                ColumnKind::U32 => 4,
                ColumnKind::String => heap(WIDE_STRINGS),
                ColumnKind::Guid => heap(WIDE_GUIDS),
                ColumnKind::Blob => heap(WIDE_BLOBS),
                ColumnKind::Rid(t) => index_width(rows[t as usize], 0),
                ColumnKind::List(t) => {
                    let indirect = pointer_table(t).map_or(0, |p| rows[p as usize]);
                    index_width(rows[t as usize].max(indirect), 0)
                }
                ColumnKind::Coded(c) => coded_width(c, rows),
            };
            *slot = ColumnPlace {
                at: place.row_size as u8,
                width,
            };
            place.row_size += u32::from(width);
        }
        place
    }

    pub(super) fn place(&self, table: TableId) -> &TablePlace {
        &self.places[table as usize]
    }

    /// How many rows a table has.
    pub fn rows(&self, table: TableId) -> u32 {
        self.place(table).rows
    }

    /// Where a row lies in the file. The row must exist.
    pub fn row_range(&self, table: TableId, rid: u32) -> std::ops::Range<usize> {
        let place = self.place(table);
        let at = place.at as usize + (rid as usize - 1) * place.row_size as usize;
        at..at + place.row_size as usize
    }

    /// Where a cell lies in the file. The row and the column must exist.
    pub fn cell_range(&self, table: TableId, rid: u32, column: usize) -> std::ops::Range<usize> {
        let cell = self.place(table).columns[column];
        let at = self.row_range(table, rid).start + usize::from(cell.at);
        at..at + usize::from(cell.width)
    }

    /// The size of a row in bytes.
    pub fn row_size(&self, table: TableId) -> u32 {
        self.place(table).row_size
    }

    /// Whether the file claims that the table is sorted by its key.
    pub fn claims_sorted(&self, table: TableId) -> bool {
        self.sorted >> table as u32 & 1 != 0
    }

    /// The table that a list over `table` goes through in this image, if it is not direct.
    pub fn indirection(&self, table: TableId) -> Option<TableId> {
        pointer_table(table).filter(|&p| self.rows(p) != 0)
    }
}

/// In uncompressed metadata (`#-`), lists may go through a table of row numbers.
fn pointer_table(table: TableId) -> Option<TableId> {
    match table {
        TableId::Field => Some(TableId::FieldPtr),
        TableId::MethodDef => Some(TableId::MethodPtr),
        TableId::Param => Some(TableId::ParamPtr),
        TableId::Event => Some(TableId::EventPtr),
        TableId::Property => Some(TableId::PropertyPtr),
        _ => None,
    }
}

fn index_width(rows: u32, tag_bits: u32) -> u8 {
    if rows < 1 << (16 - tag_bits) { 2 } else { 4 }
}

fn coded_width(index: CodedIndex, rows: &[u32; TABLE_COUNT]) -> u8 {
    let most = index
        .tables()
        .iter()
        .flatten()
        .map(|&t| rows[t as usize])
        .max();
    index_width(most.unwrap_or(0), index.tag_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(heap_sizes: u8, counts: &[(TableId, u32)], body: usize) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0, 2, 0, heap_sizes, 1];
        let valid = counts.iter().fold(0u64, |v, (t, _)| v | 1 << *t as u32);
        bytes.extend(valid.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        for (_, n) in counts {
            bytes.extend(n.to_le_bytes());
        }
        bytes.resize(bytes.len() + body, 0);
        bytes
    }

    #[test]
    fn widths_follow_the_sizes_of_what_is_referred_to() {
        let small = [(TableId::Module, 1), (TableId::TypeDef, 2)];
        let t = Tables::parse(&stream(0, &small, 1000), 0).unwrap();
        assert_eq!(t.row_size(TableId::Module), 10);
        assert_eq!(t.row_size(TableId::TypeDef), 14);
        assert_eq!(t.place(TableId::TypeDef).at, 24 + 8 + 10);

        let t = Tables::parse(&stream(7, &small, 1000), 0).unwrap();
        assert_eq!(t.row_size(TableId::Module), 18);

        // TypeDefOrRef has 2 tag bits: 2^14 rows of TypeSpec no longer fit into 2 bytes.
        for (specs, size) in [((1 << 14) - 1, 14), (1 << 14, 16)] {
            let counts = [(TableId::TypeDef, 2), (TableId::TypeSpec, specs)];
            let t = Tables::parse(&stream(0, &counts, 100_000), 0).unwrap();
            assert_eq!(t.row_size(TableId::TypeDef), size);
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (site, kind) = Tables::parse(&stream(0, &[(TableId::Field, 100)], 599), 0).unwrap_err();
        assert_eq!(site, Site::Table(TableId::Field));
        assert!(matches!(kind, ErrorKind::OutsideFile));
        assert!(Tables::parse(&stream(0, &[(TableId::Field, 100)], 600), 0).is_ok());
        let (_, kind) =
            Tables::parse(&stream(0, &[(TableId::Field, 1 << 24)], 600), 0).unwrap_err();
        assert!(matches!(kind, ErrorKind::TooManyRows(_)));
        let mut bytes = stream(0, &[], 100);
        bytes[8 + 7] = 1;
        assert!(matches!(
            Tables::parse(&bytes, 0).unwrap_err().1,
            ErrorKind::UnknownTable
        ));
    }
}
