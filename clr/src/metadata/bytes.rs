//! A checked cursor over bytes, with the integers that metadata uses (ECMA-335 II.23.2).

use super::error::{Malformed, ReadError};

/// Reads little-endian and compressed integers; never reads past the end, never panics.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    pos: usize,
}

type Result<T> = std::result::Result<T, ReadError>;

macro_rules! little_endian {
    ($($name:ident: $ty:ty),*) => { $(
        #[inline]
        pub fn $name(&mut self) -> Result<$ty> {
            Ok(<$ty>::from_le_bytes(self.array()?))
        }
    )* };
}

impl<'a> Reader<'a> {
    pub const fn new(data: &'a [u8]) -> Self {
        Reader { data, pos: 0 }
    }

    /// How many bytes were consumed.
    pub const fn pos(&self) -> usize {
        self.pos
    }

    pub const fn remaining(&self) -> usize {
        self.data.len() - self.pos
    }

    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The bytes that were not consumed yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.data[self.pos..]
    }

    /// An error about the current position.
    #[cold]
    pub fn error(&self, what: Malformed) -> ReadError {
        self.error_at(self.pos, what)
    }

    /// An error about another position.
    #[cold]
    pub fn error_at(&self, pos: usize, what: Malformed) -> ReadError {
        ReadError {
            offset: u32::try_from(pos).unwrap_or(u32::MAX),
            what,
        }
    }

    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        match self.rest().get(..n) {
            Some(bytes) => {
                self.pos += n;
                Ok(bytes)
            }
            None => {
                let missing = u32::try_from(n - self.remaining()).unwrap_or(u32::MAX);
                Err(self.error(Malformed::Truncated(missing)))
            }
        }
    }

    pub fn skip(&mut self, n: usize) -> Result<()> {
        self.bytes(n).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest().first_chunk::<N>() {
            Some(chunk) => {
                self.pos += N;
                Ok(*chunk)
            }
            None => Err(self.error(Malformed::Truncated((N - self.remaining()) as u32))),
        }
    }

    little_endian! {
        u8: u8, i8: i8, u16: u16, i16: i16, u32: u32, i32: i32, u64: u64, i64: i64,
        f32: f32, f64: f64
    }

    /// The next byte, left in place.
    #[inline]
    pub fn peek(&self) -> Result<u8> {
        match self.data.get(self.pos) {
            Some(&b) => Ok(b),
            None => Err(self.error(Malformed::Truncated(1))),
        }
    }

    /// Moves on to the next multiple of four, counted from the start of the bytes.
    pub fn align4(&mut self) -> Result<()> {
        self.skip(self.pos.wrapping_neg() & 3)
    }

    /// A compressed unsigned integer: 1, 2 or 4 bytes, most significant first; the top bits of the
    /// first byte (`0`, `10`, `110`) tell the length.
    #[inline]
    pub fn compressed(&mut self) -> Result<u32> {
        Ok(self.compressed_raw()?.0)
    }

    /// A compressed signed integer: the sign is rotated into the lowest bit, and the value is
    /// sign-extended from the width of its encoding (7, 14 or 29 bits).
    pub fn compressed_signed(&mut self) -> Result<i32> {
        let (raw, bits) = self.compressed_raw()?;
        let magnitude = (raw >> 1) as i32;
        Ok(if raw & 1 == 0 {
            magnitude
        } else {
            magnitude - (1 << (bits - 1))
        })
    }

    fn compressed_raw(&mut self) -> Result<(u32, u32)> {
        let start = *self;
        let first = self.u8()?;
        if first & 0x80 == 0 {
            return Ok((u32::from(first), 7));
        }
        let truncated = |_| start.error(Malformed::Truncated(1));
        if first & 0xc0 == 0x80 {
            let second = self.u8().map_err(truncated)?;
            return Ok((u32::from(first & 0x3f) << 8 | u32::from(second), 14));
        }
        if first & 0xe0 == 0xc0 {
            let [b, c, d] = self.array::<3>().map_err(truncated)?;
            return Ok((u32::from_be_bytes([first & 0x1f, b, c, d]), 29));
        }
        Err(start.error(Malformed::CompressedInt(first)))
    }

    /// A compressed count of items that take at least `min` bytes each. A count that cannot be met
    /// is refused here, so that it may be used to size an allocation.
    pub fn count(&mut self, min: usize) -> Result<usize> {
        let at = self.pos;
        let count = self.compressed()?;
        self.check_count(at, count, min)
    }

    /// As [`Reader::count`], for a plain 32-bit count.
    pub fn count32(&mut self, min: usize) -> Result<usize> {
        let at = self.pos;
        let count = self.u32()?;
        self.check_count(at, count, min)
    }

    fn check_count(&self, at: usize, count: u32, min: usize) -> Result<usize> {
        let left = self.remaining();
        if count as u64 * min as u64 > left as u64 {
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            return Err(self.error_at(at, Malformed::Count { count, left }));
        }
        Ok(count as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of ECMA-335 II.23.2.
    #[test]
    fn compressed_integers_of_the_standard() {
        for (bytes, value) in [
            (&[0x03][..], 0x03),
            (&[0x7f], 0x7f),
            (&[0x80, 0x80], 0x80),
            (&[0xae, 0x57], 0x2e57),
            (&[0xbf, 0xff], 0x3fff),
            (&[0xc0, 0x00, 0x40, 0x00], 0x4000),
            (&[0xdf, 0xff, 0xff, 0xff], 0x1fff_ffff),
        ] {
            let mut r = Reader::new(bytes);
            assert_eq!(r.compressed(), Ok(value));
            assert!(r.is_empty());
        }
        for (bytes, value) in [
            (&[0x06][..], 3),
            (&[0x7b], -3),
            (&[0x80, 0x80], 64),
            (&[0x01], -64),
            (&[0xc0, 0x00, 0x40, 0x00], 8192),
            (&[0x80, 0x01], -8192),
            (&[0xdf, 0xff, 0xff, 0xfe], 268_435_455),
            (&[0xc0, 0x00, 0x00, 0x01], -268_435_456),
        ] {
            assert_eq!(
                Reader::new(bytes).compressed_signed(),
                Ok(value),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn errors_instead_of_reading_past_the_end() {
        assert_eq!(
            Reader::new(&[0xff]).compressed().unwrap_err().what,
            Malformed::CompressedInt(0xff)
        );
        assert_eq!(
            Reader::new(&[0xc0, 0]).compressed().unwrap_err().what,
            Malformed::Truncated(1)
        );
        assert_eq!(
            Reader::new(&[1, 2]).u32().unwrap_err().what,
            Malformed::Truncated(2)
        );
        let mut r = Reader::new(&[0x7f, 1, 2]);
        assert_eq!(
            r.count(1).unwrap_err().what,
            Malformed::Count {
                count: 0x7f,
                left: 2
            }
        );
        assert!(Reader::new(&[]).skip(usize::MAX).is_err());
    }

    #[test]
    fn alignment_counts_from_the_start() {
        let mut r = Reader::new(&[0; 8]);
        r.align4().unwrap();
        assert_eq!(r.pos(), 0);
        r.skip(5).unwrap();
        r.align4().unwrap();
        assert_eq!(r.pos(), 8);
    }
}
