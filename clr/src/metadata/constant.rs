//! Constants: default values of parameters and values of literal fields (ECMA-335 II.22.9).

use super::bytes::Reader;
use super::error::{Malformed, ReadError, Result};
use super::image::Utf16;
use super::rows::{ConstantRow, Row};

/// The value of a constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant<'a> {
    Bool(bool),
    Char(u16),
    I1(i8),
    U1(u8),
    I2(i16),
    U2(u16),
    I4(i32),
    U4(u32),
    I8(i64),
    U8(u64),
    R4(f32),
    R8(f64),
    String(Utf16<'a>),
    /// The null reference.
    Null,
}

/// Parses the value of a constant of an element type.
pub fn parse_constant(element_type: u8, blob: &[u8]) -> Result<Constant<'_>, ReadError> {
    let mut r = Reader::new(blob);
    let sized = |expected: u32| {
        let found = blob.len() as u32;
        if found == expected {
            return Ok(());
        }
        Err(ReadError {
            offset: 0,
            what: Malformed::ConstantSize { expected, found },
        })
    };
    macro_rules! number {
        ($variant:ident, $read:ident, $size:literal) => {{
            sized($size)?;
            Constant::$variant(r.$read()?)
        }};
    }
    Ok(match element_type {
        0x02 => {
            sized(1)?;
            Constant::Bool(r.u8()? != 0)
        }
        0x03 => number!(Char, u16, 2),
        0x04 => number!(I1, i8, 1),
        0x05 => number!(U1, u8, 1),
        0x06 => number!(I2, i16, 2),
        0x07 => number!(U2, u16, 2),
        0x08 => number!(I4, i32, 4),
        0x09 => number!(U4, u32, 4),
        0x0a => number!(I8, i64, 8),
        0x0b => number!(U8, u64, 8),
        0x0c => number!(R4, f32, 4),
        0x0d => number!(R8, f64, 8),
        0x0e => Constant::String(Utf16::new(blob)?),
        0x12 => Constant::Null,
        other => {
            return Err(ReadError {
                offset: 0,
                what: Malformed::ElementType(other),
            });
        }
    })
}

impl<'a> ConstantRow<'a> {
    pub fn constant(self) -> Result<Constant<'a>> {
        // The high byte of the type is padding.
        self.raw_row()
            .parse(2, |blob| parse_constant(self.element_type() as u8, blob))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(parse_constant(0x02, &[1]), Ok(Constant::Bool(true)));
        assert_eq!(parse_constant(0x04, &[0xff]), Ok(Constant::I1(-1)));
        assert_eq!(
            parse_constant(0x0b, &[1, 0, 0, 0, 0, 0, 0, 0x80]),
            Ok(Constant::U8(1 << 63 | 1))
        );
        assert_eq!(
            parse_constant(0x0d, &1.5f64.to_le_bytes()),
            Ok(Constant::R8(1.5))
        );
        assert_eq!(parse_constant(0x12, &[0; 4]), Ok(Constant::Null));
        let Ok(Constant::String(s)) = parse_constant(0x0e, &[0x48, 0, 0x3d, 0xd8]) else {
            panic!()
        };
        assert_eq!(s.units().collect::<Vec<_>>(), [0x48, 0xd83d]);
        assert_eq!(s.to_string_lossy(), "H\u{fffd}");
    }

    #[test]
    fn wrong_sizes_are_errors() {
        let e = parse_constant(0x08, &[1, 2]).unwrap_err();
        assert_eq!(
            e.what,
            Malformed::ConstantSize {
                expected: 4,
                found: 2
            }
        );
        assert_eq!(
            parse_constant(0x0e, &[1]).unwrap_err().what,
            Malformed::OddUtf16
        );
        assert!(parse_constant(0x1c, &[]).is_err());
    }
}
