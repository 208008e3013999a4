//! A view type for every table, with an accessor for every column: derived from the schema.
//!
//! A row is a small `Copy` value. Numbers and bit sets are read without a check (the row is known to
//! lie in the file, see `tables.rs`); what refers to something else may be a bad reference and
//! gives a `Result`.

use super::bytes::Reader;
use super::error::{ErrorKind, MetadataError, ReadError, Result, Site};
use super::flags::*;
use super::image::Image;
use super::schema::{CodedIndex, TableId, for_each_table};
use super::token::Token;

/// A row of any table: the base of the typed views.
///
/// Invariant: the row exists.
#[derive(Clone, Copy)]
pub struct RawRow<'a> {
    image: &'a Image,
    /// File offset of the row.
    at: u32,
    rid: u32,
    table: TableId,
}

impl<'a> RawRow<'a> {
    /// The caller has checked that the row exists.
    pub(super) fn new(image: &'a Image, table: TableId, rid: u32) -> Self {
        let place = image.tables().place(table);
        debug_assert!(rid != 0 && rid <= place.rows);
        RawRow {
            image,
            table,
            rid,
            at: place.at + (rid - 1) * place.row_size,
        }
    }

    /// The stored number of a column.
    #[inline]
    pub(super) fn raw(self, column: usize) -> u32 {
        let place = self.image.tables().place(self.table).columns[column];
        let at = self.at as usize + usize::from(place.at);
        let mut r = Reader::new(&self.image.bytes()[at..at + usize::from(place.width)]);
        let value = if place.width == 2 {
            r.u16().map(u32::from)
        } else {
            r.u32()
        };
        value.unwrap_or(0) // a column is 2 or 4 bytes wide, and the slice is as long
    }

    pub(super) fn site(self, column: Option<usize>) -> Site {
        let column = column.map(|c| self.table.schema().columns[c].name);
        Site::Row {
            table: self.table,
            rid: self.rid,
            column,
        }
    }

    #[cold]
    pub(super) fn error(self, column: usize, kind: impl Into<ErrorKind>) -> MetadataError {
        self.image.error(self.site(Some(column)), kind)
    }

    pub(super) fn string(self, column: usize) -> Result<&'a str> {
        self.image
            .string_at(self.raw(column))
            .map_err(|e| self.error(column, e))
    }

    pub(super) fn string_bytes(self, column: usize) -> Result<&'a [u8]> {
        self.image
            .string_bytes(self.raw(column))
            .map_err(|e| self.error(column, e))
    }

    pub(super) fn blob(self, column: usize) -> Result<&'a [u8]> {
        self.image
            .blob_at(self.raw(column))
            .map_err(|e| self.error(column, e))
    }

    pub(super) fn guid(self, column: usize) -> Result<Option<[u8; 16]>> {
        self.image
            .guid_at(self.raw(column))
            .map_err(|e| self.error(column, e))
    }

    pub(super) fn rid_of(self, column: usize, table: TableId) -> Result<u32> {
        let rid = self.raw(column);
        if rid > self.image.tables().rows(table) {
            return Err(self.error(column, ErrorKind::BadReference(rid)));
        }
        Ok(rid)
    }

    pub(super) fn token(self, column: usize, index: CodedIndex) -> Result<Token> {
        let raw = self.raw(column);
        match self.image.decode_token(index, raw) {
            Some(token) => Ok(token),
            None => Err(self.error(column, ErrorKind::BadReference(raw))),
        }
    }

    /// Parses the blob of a column; a failure names the row and column.
    pub(super) fn parse<T>(
        self,
        column: usize,
        parser: impl FnOnce(&'a [u8]) -> Result<T, ReadError>,
    ) -> Result<T> {
        parser(self.blob(column)?).map_err(|e| self.error(column, e))
    }
}

/// What all views of rows have in common.
pub trait Row<'a>: Copy {
    const TABLE: TableId;

    /// The view of a row that is known to exist.
    #[doc(hidden)]
    fn from_raw(raw: RawRow<'a>) -> Self;

    #[doc(hidden)]
    fn raw_row(self) -> RawRow<'a>;

    fn image(self) -> &'a Image {
        self.raw_row().image
    }

    /// The row number, from 1.
    fn rid(self) -> u32 {
        self.raw_row().rid
    }

    fn token(self) -> Token {
        Token::new(Self::TABLE, self.rid())
    }
}

impl Image {
    /// A row of the table that the view type is for.
    pub fn row<'a, R: Row<'a>>(&'a self, rid: u32) -> Result<R> {
        self.raw_row(R::TABLE, rid).map(R::from_raw)
    }

    /// All rows of a table, as in `image.rows::<TypeDefRow>()`.
    pub fn rows<'a, R: Row<'a>>(&'a self) -> impl ExactSizeIterator<Item = R> + use<'a, R> {
        RowIter {
            image: self,
            next: 1,
            left: self.tables().rows(R::TABLE),
            row: std::marker::PhantomData,
        }
    }
}

struct RowIter<'a, R> {
    image: &'a Image,
    next: u32,
    left: u32,
    row: std::marker::PhantomData<R>,
}

impl<'a, R: Row<'a>> Iterator for RowIter<'a, R> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        self.left = self.left.checked_sub(1)?;
        let row = RawRow::new(self.image, R::TABLE, self.next);
        self.next += 1;
        Some(R::from_raw(row))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl<'a, R: Row<'a>> ExactSizeIterator for RowIter<'a, R> {}

macro_rules! accessor {
    (u16, $col:ident) => {
        pub fn $col(self) -> u16 {
            self.0.raw(Col::$col as usize) as u16
        }
    };
    (u32, $col:ident) => {
        pub fn $col(self) -> u32 {
            self.0.raw(Col::$col as usize)
        }
    };
    (flags16 $f:ident, $col:ident) => {
        pub fn $col(self) -> $f {
            $f::from_bits_retain(self.0.raw(Col::$col as usize) as u16)
        }
    };
    (flags32 $f:ident, $col:ident) => {
        pub fn $col(self) -> $f {
            $f::from_bits_retain(self.0.raw(Col::$col as usize))
        }
    };
    (string, $col:ident) => {
        pub fn $col(self) -> Result<&'a str> {
            self.0.string(Col::$col as usize)
        }
    };
    (guid, $col:ident) => {
        pub fn $col(self) -> Result<Option<[u8; 16]>> {
            self.0.guid(Col::$col as usize)
        }
    };
    (blob, $col:ident) => {
        pub fn $col(self) -> Result<&'a [u8]> {
            self.0.blob(Col::$col as usize)
        }
    };
    (rid $t:ident, $col:ident) => {
        /// The row number; 0 for none.
        pub fn $col(self) -> Result<u32> {
            self.0.rid_of(Col::$col as usize, TableId::$t)
        }
    };
    (list $t:ident, $col:ident) => {
        /// Where this row's run begins; the whole run is a method of its own.
        pub fn $col(self) -> u32 {
            self.0.raw(Col::$col as usize)
        }
    };
    (coded $c:ident, $col:ident) => {
        /// The row referred to; nil for none.
        pub fn $col(self) -> Result<Token> {
            self.0.token(Col::$col as usize, CodedIndex::$c)
        }
    };
}

macro_rules! define_rows {
    ($($id:literal $table:ident $row:ident $get:ident {
        $($col:ident: $kind:ident $(($arg:ident))?),* $(,)?
    })*) => {
        $(
            #[doc = concat!("A row of table ", stringify!($table), " (", stringify!($id), ").")]
            #[derive(Clone, Copy)]
            pub struct $row<'a>(RawRow<'a>);

            const _: () = {
                #[allow(non_camel_case_types)]
                enum Col { $($col),* }

                #[rustfmt::skip]
                impl<'a> $row<'a> {
                    $(accessor!($kind $($arg)?, $col);)*
                }

                impl<'a> Row<'a> for $row<'a> {
                    const TABLE: TableId = TableId::$table;

                    fn from_raw(raw: RawRow<'a>) -> Self {
                        debug_assert!(raw.table == Self::TABLE);
                        $row(raw)
                    }

                    fn raw_row(self) -> RawRow<'a> {
                        self.0
                    }
                }
            };
        )*

        impl Image {
            $(
                #[doc = concat!("Row `rid` of table ", stringify!($table), ".")]
                pub fn $get(&self, rid: u32) -> Result<$row<'_>> {
                    self.row(rid)
                }
            )*
        }
    };
}
for_each_table!(define_rows);

/// The names of types, without a check of their encoding: for look-up.
impl<'a> TypeDefRow<'a> {
    pub(super) fn name_bytes(self) -> Result<&'a [u8]> {
        self.0.string_bytes(1)
    }

    pub(super) fn namespace_bytes(self) -> Result<&'a [u8]> {
        self.0.string_bytes(2)
    }
}

impl<'a> ExportedTypeRow<'a> {
    pub(super) fn name_bytes(self) -> Result<&'a [u8]> {
        self.0.string_bytes(2)
    }

    pub(super) fn namespace_bytes(self) -> Result<&'a [u8]> {
        self.0.string_bytes(3)
    }
}
