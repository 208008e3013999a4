//! Variable-length numbers and a cursor that never reads past the end.
//!
//! Unsigned numbers are ULEB128, signed ones SLEB128 (DWARF 5, section 7.6), both limited to what the format can
//! mean: 32 bits, 33 for the difference of two unsigned 32-bit numbers.

use crate::error::TableError;

/// Appends an unsigned number.
pub(crate) fn put_uleb(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Appends a signed number.
pub(crate) fn put_sleb(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        let sign_is_clear = byte & 0x40 == 0;
        if (value == 0 && sign_is_clear) || (value == -1 && !sign_is_clear) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Appends the low `width` bytes of a number, little endian.
pub(crate) fn put_fixed(out: &mut Vec<u8>, value: u32, width: usize) {
    out.extend_from_slice(&value.to_le_bytes()[..width]);
}

/// A place in a byte string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    /// At `pos` of `bytes`; a place past the end fails at the first read.
    pub(crate) fn new(bytes: &'a [u8], pos: usize) -> Self {
        Cursor { bytes, pos }
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    pub(crate) fn u8(&mut self) -> Result<u8, TableError> {
        let byte = *self
            .bytes
            .get(self.pos)
            .ok_or(TableError::Truncated { at: self.pos })?;
        self.pos += 1;
        Ok(byte)
    }

    /// An unsigned number of up to 33 bits (a shifted 32-bit one).
    pub(crate) fn uleb64(&mut self) -> Result<u64, TableError> {
        let at = self.pos;
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(TableError::TooLarge { at })
    }

    pub(crate) fn uleb(&mut self) -> Result<u32, TableError> {
        let at = self.pos;
        u32::try_from(self.uleb64()?).map_err(|_| TableError::TooLarge { at })
    }

    pub(crate) fn sleb(&mut self) -> Result<i64, TableError> {
        let at = self.pos;
        let mut value = 0i64;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let unused = 64 - (shift + 7);
                return Ok(value << unused >> unused);
            }
        }
        Err(TableError::TooLarge { at })
    }

    pub(crate) fn sleb32(&mut self) -> Result<i32, TableError> {
        let at = self.pos;
        i32::try_from(self.sleb()?).map_err(|_| TableError::TooLarge { at })
    }

    /// A little-endian number of `width` bytes, at most 4.
    pub(crate) fn fixed(&mut self, width: usize) -> Result<u32, TableError> {
        let field = self
            .pos
            .checked_add(width)
            .and_then(|end| self.bytes.get(self.pos..end))
            .ok_or(TableError::Truncated { at: self.pos })?;
        self.pos += width;
        let mut word = [0; 4];
        word[..width].copy_from_slice(field);
        Ok(u32::from_le_bytes(word))
    }

    /// Steps over `len` bytes and returns where they began.
    pub(crate) fn skip(&mut self, len: usize) -> Result<usize, TableError> {
        let at = self.pos;
        match at.checked_add(len) {
            Some(end) if end <= self.bytes.len() => {
                self.pos = end;
                Ok(at)
            }
            _ => Err(TableError::Truncated { at }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for v in [0u64, 1, 127, 128, 300, 0xffff_ffff, 0x1_ffff_ffff] {
            let mut b = vec![];
            put_uleb(&mut b, v);
            assert_eq!(Cursor::new(&b, 0).uleb64().unwrap(), v);
        }
        for v in [
            0i64,
            1,
            -1,
            63,
            64,
            -64,
            -65,
            0xffff_ffff,
            -0xffff_ffff,
            i32::MIN.into(),
        ] {
            let mut b = vec![];
            put_sleb(&mut b, v);
            let mut c = Cursor::new(&b, 0);
            assert_eq!(c.sleb().unwrap(), v);
            assert_eq!(c.pos(), b.len());
        }
    }

    #[test]
    fn ends_and_oversize_are_errors() {
        assert!(Cursor::new(&[0x80], 0).uleb().is_err());
        assert!(Cursor::new(&[0xff; 9], 0).uleb().is_err());
        assert!(Cursor::new(&[0xff; 9], 0).sleb().is_err());
        assert!(Cursor::new(&[1], usize::MAX).fixed(4).is_err());
        assert!(Cursor::new(&[1], 0).skip(2).is_err());
    }
}
