//! Rows under construction, and the `#~` stream.

use super::super::schema::{CodedIndex, ColumnKind, MAX_COLUMNS, TABLE_COUNT, TableId};
use super::super::token::Token;
use super::heaps::Heaps;
use super::out::Out;

/// The columns of a row: numbers, heap offsets, row numbers, and raw tokens where the column is a coded index.
pub type Cells = [u32; MAX_COLUMNS];

/// The rows of all tables.
#[derive(Debug)]
pub struct TableRows([Vec<Cells>; TABLE_COUNT]);

impl Default for TableRows {
    fn default() -> Self {
        TableRows(std::array::from_fn(|_| Vec::new()))
    }
}

/// Tables that are sorted, by which column (II.22). Rows that are referred to by number come sorted from the caller: sorting
/// is stable.
const SORTED: &[(TableId, usize)] = &[
    (TableId::InterfaceImpl, 0),
    (TableId::Constant, 1),
    (TableId::CustomAttribute, 0),
    (TableId::FieldMarshal, 0),
    (TableId::DeclSecurity, 1),
    (TableId::ClassLayout, 2),
    (TableId::FieldLayout, 1),
    (TableId::MethodSemantics, 2),
    (TableId::MethodImpl, 0),
    (TableId::ImplMap, 1),
    (TableId::FieldRva, 1),
    (TableId::NestedClass, 0),
    (TableId::GenericParam, 2),
    (TableId::GenericParamConstraint, 0),
];

/// What a cell is in the file.
fn stored(kind: ColumnKind, cell: u32) -> u32 {
    match kind {
        ColumnKind::Coded(index) => coded(index, Token::from_raw(cell)),
        _ => cell,
    }
}

/// A token as a coded index; nothing for a table that it cannot refer to.
fn coded(index: CodedIndex, token: Token) -> u32 {
    if token.is_nil() {
        return 0;
    }
    let encoded = token.table().and_then(|t| index.encode(t, token.rid()));
    debug_assert!(encoded.is_some(), "{index:?} of {token:?}");
    encoded.unwrap_or(0)
}

impl TableRows {
    /// Appends a row; its token.
    pub fn add(&mut self, table: TableId, cells: &[u32]) -> Token {
        debug_assert_eq!(cells.len(), table.schema().columns.len(), "{table}");
        let mut row = Cells::default();
        row[..cells.len()].copy_from_slice(cells);
        let rows = &mut self.0[table as usize];
        rows.push(row);
        Token::new(table, rows.len() as u32)
    }

    /// Number of rows.
    pub fn len(&self, table: TableId) -> u32 {
        self.0[table as usize].len() as u32
    }

    /// Overwrites a column of a row.
    pub fn set(&mut self, row: Token, column: usize, cell: u32) {
        if let Some(table) = row.table() {
            self.0[table as usize][row.rid() as usize - 1][column] = cell;
        }
    }

    /// The stream `#~`, filled up to a multiple of four.
    pub fn stream(&mut self, heaps: &Heaps) -> Vec<u8> {
        for &(table, column) in SORTED {
            let kind = table.schema().columns[column].kind;
            self.0[table as usize].sort_by_key(|row| stored(kind, row[column]));
        }
        let wide = |size: usize| size >= 1 << 16;
        let (strings, guids, blobs) = (
            wide(heaps.strings.len()),
            wide(heaps.guids.len() / 16),
            wide(heaps.blobs.len()),
        );
        let mut out = Out::default();
        out.u32(0);
        out.u8(2);
        out.u8(0);
        out.u8(u8::from(strings) | u8::from(guids) << 1 | u8::from(blobs) << 2);
        out.u8(1);
        let bits = |tables: &mut dyn Iterator<Item = TableId>| {
            tables.fold(0u64, |bits, t| bits | 1 << t as u32)
        };
        let present = || TableId::ALL.into_iter().filter(|&t| self.len(t) != 0);
        out.u64(bits(&mut present()));
        out.u64(bits(&mut SORTED.iter().map(|&(t, _)| t)));
        for table in present() {
            out.u32(self.len(table));
        }
        let wide_rid = |table: TableId| self.len(table) >= 1 << 16;
        let is_wide = |kind: ColumnKind| match kind {
            ColumnKind::U16 => false,
            ColumnKind::U32 => true,
            ColumnKind::String => strings,
            ColumnKind::Guid => guids,
            ColumnKind::Blob => blobs,
            ColumnKind::Rid(t) | ColumnKind::List(t) => wide_rid(t),
            ColumnKind::Coded(index) => {
                let most = index.tables().iter().flatten().map(|&t| self.len(t)).max();
                most.unwrap_or(0) >= 1 << (16 - index.tag_bits())
            }
        };
        for table in present() {
            let columns = table.schema().columns;
            let wide: Vec<bool> = columns.iter().map(|c| is_wide(c.kind)).collect();
            for row in &self.0[table as usize] {
                for ((column, &cell), &wide) in columns.iter().zip(row).zip(&wide) {
                    match stored(column.kind, cell) {
                        value if wide => out.u32(value),
                        value => out.u16(value as u16),
                    }
                }
            }
        }
        out.align(4);
        out.into_bytes()
    }
}
