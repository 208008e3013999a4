//! Marshalling descriptors (ECMA-335 II.23.4): how a field or parameter crosses to native code.

use super::bytes::Reader;
use super::error::{Malformed, ReadError, Result};
use super::rows::{FieldMarshalRow, Row};

/// The native types that need no argument are their number ([`native`] names them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Marshal<'a> {
    /// A type without an argument.
    Simple(u8),
    /// A string stored in place, of that many characters.
    FixedString {
        size: u32,
    },
    /// An array stored in place.
    FixedArray {
        size: u32,
        element: Option<u8>,
    },
    /// A COM array; the element is a VARTYPE.
    SafeArray {
        element: Option<u32>,
        user_type: Option<&'a str>,
    },
    /// A pointer to elements. Their number is a constant, a parameter, or the sum of both.
    Array {
        element: Option<u8>,
        size_param: Option<u32>,
        size: Option<u32>,
        flags: Option<u32>,
    },
    Custom(CustomMarshaler<'a>),
    /// A COM interface pointer; the parameter that holds the interface's id.
    Interface {
        kind: u8,
        iid_param: Option<u32>,
    },
}

/// A marshaler written in managed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CustomMarshaler<'a> {
    pub guid: &'a str,
    pub native_type: &'a str,
    /// The assembly-qualified name of the marshaler.
    pub managed_type: &'a str,
    pub cookie: &'a str,
}

/// Numbers of native types.
pub mod native {
    pub const BOOLEAN: u8 = 0x02;
    pub const I1: u8 = 0x03;
    pub const U1: u8 = 0x04;
    pub const I2: u8 = 0x05;
    pub const U2: u8 = 0x06;
    pub const I4: u8 = 0x07;
    pub const U4: u8 = 0x08;
    pub const I8: u8 = 0x09;
    pub const U8: u8 = 0x0a;
    pub const R4: u8 = 0x0b;
    pub const R8: u8 = 0x0c;
    pub const BSTR: u8 = 0x13;
    pub const LPSTR: u8 = 0x14;
    pub const LPWSTR: u8 = 0x15;
    pub const LPTSTR: u8 = 0x16;
    pub const BY_VAL_TSTR: u8 = 0x17;
    pub const IUNKNOWN: u8 = 0x19;
    pub const IDISPATCH: u8 = 0x1a;
    pub const STRUCT: u8 = 0x1b;
    pub const INTERFACE: u8 = 0x1c;
    pub const SAFE_ARRAY: u8 = 0x1d;
    pub const BY_VAL_ARRAY: u8 = 0x1e;
    pub const INT: u8 = 0x1f;
    pub const UINT: u8 = 0x20;
    pub const ANSI_BSTR: u8 = 0x23;
    pub const TBSTR: u8 = 0x24;
    pub const VARIANT_BOOL: u8 = 0x25;
    pub const FUNCTION: u8 = 0x26;
    pub const AS_ANY: u8 = 0x28;
    pub const ARRAY: u8 = 0x2a;
    pub const LPSTRUCT: u8 = 0x2b;
    pub const CUSTOM: u8 = 0x2c;
    pub const ERROR: u8 = 0x2d;
    pub const UTF8_STR: u8 = 0x30;
    /// In an array: the element type is not given.
    pub const MAX: u8 = 0x50;
}

type Parsed<T> = std::result::Result<T, ReadError>;

fn optional(r: &mut Reader<'_>) -> Parsed<Option<u32>> {
    if r.is_empty() {
        Ok(None)
    } else {
        r.compressed().map(Some)
    }
}

fn optional_native(r: &mut Reader<'_>) -> Parsed<Option<u8>> {
    if r.is_empty() {
        return Ok(None);
    }
    r.u8().map(|t| Some(t).filter(|&t| t != native::MAX))
}

fn text<'a>(r: &mut Reader<'a>) -> Parsed<&'a str> {
    let length = r.count(1)?;
    let start = *r;
    std::str::from_utf8(r.bytes(length)?).map_err(|_| start.error(Malformed::Utf8))
}

/// Parses a marshalling descriptor.
pub fn parse_marshal(blob: &[u8]) -> Parsed<Marshal<'_>> {
    let mut r = Reader::new(blob);
    Ok(match r.u8()? {
        native::BY_VAL_TSTR => Marshal::FixedString {
            size: r.compressed()?,
        },
        native::BY_VAL_ARRAY => Marshal::FixedArray {
            size: optional(&mut r)?.unwrap_or(1),
            element: optional_native(&mut r)?,
        },
        native::SAFE_ARRAY => Marshal::SafeArray {
            element: optional(&mut r)?,
            user_type: if r.is_empty() {
                None
            } else {
                Some(text(&mut r)?)
            },
        },
        native::ARRAY => Marshal::Array {
            element: optional_native(&mut r)?,
            size_param: optional(&mut r)?,
            size: optional(&mut r)?,
            flags: optional(&mut r)?,
        },
        native::CUSTOM => Marshal::Custom(CustomMarshaler {
            guid: text(&mut r)?,
            native_type: text(&mut r)?,
            managed_type: text(&mut r)?,
            cookie: text(&mut r)?,
        }),
        kind @ (native::IUNKNOWN | native::IDISPATCH | native::INTERFACE) => Marshal::Interface {
            kind,
            iid_param: optional(&mut r)?,
        },
        simple => Marshal::Simple(simple),
    })
}

impl<'a> FieldMarshalRow<'a> {
    pub fn descriptor(self) -> Result<Marshal<'a>> {
        self.raw_row().parse(1, parse_marshal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors() {
        assert_eq!(parse_marshal(&[0x15]), Ok(Marshal::Simple(native::LPWSTR)));
        assert_eq!(
            parse_marshal(&[0x17, 0x81, 0x00]),
            Ok(Marshal::FixedString { size: 256 })
        );
        assert_eq!(
            parse_marshal(&[0x1e, 4, 0x05]),
            Ok(Marshal::FixedArray {
                size: 4,
                element: Some(native::I2)
            })
        );
        assert_eq!(
            parse_marshal(&[0x2a, 0x50, 2]),
            Ok(Marshal::Array {
                element: None,
                size_param: Some(2),
                size: None,
                flags: None
            })
        );
        let custom = parse_marshal(&[0x2c, 0, 0, 2, b'A', b'B', 1, b'c']);
        assert_eq!(
            custom,
            Ok(Marshal::Custom(CustomMarshaler {
                guid: "",
                native_type: "",
                managed_type: "AB",
                cookie: "c"
            }))
        );
        assert!(parse_marshal(&[]).is_err());
        assert!(parse_marshal(&[0x2c, 5]).is_err());
    }
}
