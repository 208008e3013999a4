//! Metadata tokens.

use std::fmt;

use super::schema::TableId;

/// A reference to a row: the table in the top byte, the row number (from 1) in the other three.
///
/// Row 0 stands for "nothing". A table byte of 0x70 means an offset into the `#US` heap instead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u32);

impl Token {
    /// Refers to nothing.
    pub const NIL: Token = Token(0);
    /// The largest row number that a token can hold.
    pub const MAX_RID: u32 = 0x00ff_ffff;

    /// The token of a row; `rid` is cut to 24 bits.
    pub const fn new(table: TableId, rid: u32) -> Token {
        Token((table as u32) << 24 | (rid & Token::MAX_RID))
    }

    pub const fn from_raw(raw: u32) -> Token {
        Token(raw)
    }

    pub const fn raw(self) -> u32 {
        self.0
    }

    /// The row number, or the offset of a user string.
    pub const fn rid(self) -> u32 {
        self.0 & Token::MAX_RID
    }

    /// The table, unless the token names a user string or is malformed.
    pub fn table(self) -> Option<TableId> {
        TableId::from_u8((self.0 >> 24) as u8)
    }

    /// Whether it refers to nothing.
    pub const fn is_nil(self) -> bool {
        self.rid() == 0
    }

    pub const fn is_user_string(self) -> bool {
        self.0 >> 24 == 0x70
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.table() {
            Some(table) => write!(f, "{table}:{}", self.rid()),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

/// As disassemblers write it: eight hexadecimal digits.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}
