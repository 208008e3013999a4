//! Method bodies (ECMA-335 II.25.4): header, code bytes, exception clauses. The code itself is
//! decoded elsewhere.
//!
//! ```text
//! tiny:  size<<2 | 2           code (at most 63 bytes, 8 stack slots, no locals, no clauses)
//! fat:   flags|3 : 12 bits, header size in dwords : 4 bits, max stack : 2, code size : 4,
//!        locals token : 4      code      align 4   sections, while each says that one follows
//! section: kind : 1, size : 1 (+ 2 unused) or 3 (fat)    clauses of 12 or 24 bytes
//! ```

use smallvec::SmallVec;

use super::bytes::Reader;
use super::error::{Malformed, ReadError, Result, Site};
use super::image::Image;
use super::rows::MethodDefRow;
use super::sig::{LocalVar, StandAloneSig};
use super::token::Token;

/// What an exception clause does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClauseKind {
    /// Catches exceptions of a type (TypeDef, TypeRef or TypeSpec).
    Catch(Token),
    /// Catches what the filter at this code offset accepts; the filter ends where the handler begins.
    Filter(u32),
    Finally,
    Fault,
}

/// An exception clause. All ranges lie inside the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clause {
    pub kind: ClauseKind,
    pub try_offset: u32,
    pub try_length: u32,
    pub handler_offset: u32,
    pub handler_length: u32,
}

/// A method body; code bytes are those of the file.
#[derive(Clone, Debug)]
pub struct Body<'a> {
    pub max_stack: u16,
    /// Locals start as zero.
    pub init_locals: bool,
    /// The signature of the locals; nil for none.
    pub local_sig: Token,
    /// The address of the first code byte.
    pub code_rva: u32,
    pub code: &'a [u8],
    /// Inner clauses before outer ones.
    pub clauses: SmallVec<[Clause; 2]>,
}

const TINY: u8 = 2;
const FAT: u8 = 3;
const TINY_MAX_STACK: u16 = 8;
const FAT_FLAG_MORE_SECTIONS: u16 = 0x8;
const FAT_FLAG_INIT_LOCALS: u16 = 0x10;
const FAT_HEADER_SIZE: usize = 12;

const SECTION_KIND: u8 = 0x3f;
const SECTION_CLAUSES: u8 = 0x1;
const SECTION_OPT_IL: u8 = 0x2;
const SECTION_FAT: u8 = 0x40;
const SECTION_MORE: u8 = 0x80;
const SECTION_HEADER_SIZE: usize = 4;
const SMALL_CLAUSE_SIZE: usize = 12;
const FAT_CLAUSE_SIZE: usize = 24;

impl Image {
    /// The body of a method; `None` where it has none (abstract, P/Invoke, supplied by the runtime).
    pub fn method_body<'a>(&'a self, method: MethodDefRow<'a>) -> Result<Option<Body<'a>>> {
        match method.rva() {
            0 => Ok(None),
            rva => self.body_at(rva).map(Some),
        }
    }

    /// The body at an address.
    pub fn body_at(&self, rva: u32) -> Result<Body<'_>> {
        let bytes = self.rva_bytes(rva)?;
        Body::parse(bytes, rva).map_err(|e| self.error(Site::Rva(rva), e))
    }

    /// The types of the locals of a body.
    pub fn locals(&self, body: &Body<'_>) -> Result<Vec<LocalVar>> {
        use super::error::ErrorKind::BadToken;
        use super::schema::TableId;
        if body.local_sig.is_nil() {
            return Ok(Vec::new());
        }
        let bad = || self.error(Site::Rva(body.code_rva), BadToken(body.local_sig.raw()));
        if body.local_sig.table() != Some(TableId::StandAloneSig) {
            return Err(bad());
        }
        match self.stand_alone_sig(body.local_sig.rid())?.sig()? {
            StandAloneSig::LocalVars(locals) => Ok(locals),
            _ => Err(bad()),
        }
    }
}

impl<'a> Body<'a> {
    /// Parses the body at the start of `bytes`, whose address is `rva`.
    pub fn parse(bytes: &'a [u8], rva: u32) -> Result<Body<'a>, ReadError> {
        let mut r = Reader::new(bytes);
        let lead = r.u8()?;
        match lead & 3 {
            TINY => {
                let code = r.bytes(usize::from(lead >> 2))?;
                Ok(Body {
                    max_stack: TINY_MAX_STACK,
                    init_locals: false,
                    local_sig: Token::NIL,
                    code_rva: rva.wrapping_add(1),
                    code,
                    clauses: SmallVec::new(),
                })
            }
            FAT => Self::parse_fat(bytes, rva),
            _ => Err(ReadError {
                offset: 0,
                what: Malformed::BodyHeader(lead),
            }),
        }
    }

    fn parse_fat(bytes: &'a [u8], rva: u32) -> Result<Body<'a>, ReadError> {
        let mut r = Reader::new(bytes);
        let flags = r.u16()?;
        let header_dwords = (flags >> 12) as u8;
        if usize::from(header_dwords) * 4 != FAT_HEADER_SIZE {
            return Err(ReadError {
                offset: 1,
                what: Malformed::FatHeaderSize(header_dwords),
            });
        }
        let max_stack = r.u16()?;
        let code_size = r.u32()?;
        let local_sig = Token::from_raw(r.u32()?);
        let code = r.bytes(code_size as usize)?;
        let mut clauses = SmallVec::new();
        let mut more = flags & FAT_FLAG_MORE_SECTIONS != 0;
        while more {
            r.align4()?;
            more = section(&mut r, code_size, &mut clauses)?;
        }
        Ok(Body {
            max_stack,
            init_locals: flags & FAT_FLAG_INIT_LOCALS != 0,
            local_sig,
            code_rva: rva.wrapping_add(FAT_HEADER_SIZE as u32),
            code,
            clauses,
        })
    }
}

/// Reads one section; tells whether another follows.
fn section(
    r: &mut Reader<'_>,
    code_size: u32,
    clauses: &mut SmallVec<[Clause; 2]>,
) -> Result<bool, ReadError> {
    let start = *r;
    let [lead, a, b, c] = r.u32()?.to_le_bytes();
    let fat = lead & SECTION_FAT != 0;
    let size = if fat {
        u32::from_le_bytes([a, b, c, 0]) as usize
    } else {
        usize::from(a)
    };
    // The size counts the section's header. Some writers forget that: rounding down the number of
    // clauses and skipping whole clauses is right for both.
    let clause_size = if fat {
        FAT_CLAUSE_SIZE
    } else {
        SMALL_CLAUSE_SIZE
    };
    match lead & SECTION_KIND {
        SECTION_CLAUSES => {
            let count = size / clause_size;
            if count > r.remaining() / clause_size {
                let left = r.remaining() as u32;
                return Err(start.error(Malformed::Count {
                    count: count as u32,
                    left,
                }));
            }
            clauses.reserve(count);
            for _ in 0..count {
                clauses.push(clause(r, fat, code_size)?);
            }
        }
        SECTION_OPT_IL => r.skip(size.saturating_sub(SECTION_HEADER_SIZE))?,
        _ => return Err(start.error(Malformed::BodySection(lead))),
    }
    Ok(lead & SECTION_MORE != 0)
}

fn clause(r: &mut Reader<'_>, fat: bool, code: u32) -> Result<Clause, ReadError> {
    let start = *r;
    let (flags, try_offset, try_length, handler_offset, handler_length) = if fat {
        (r.u32()?, r.u32()?, r.u32()?, r.u32()?, r.u32()?)
    } else {
        (
            u32::from(r.u16()?),
            u32::from(r.u16()?),
            u32::from(r.u8()?),
            u32::from(r.u16()?),
            u32::from(r.u8()?),
        )
    };
    let argument = r.u32()?;
    let check = |start_offset: u32, length: u32| {
        let end = u64::from(start_offset) + u64::from(length);
        if end > u64::from(code) {
            return Err(start.error(Malformed::ClauseRange {
                start: start_offset,
                end,
                code,
            }));
        }
        Ok(())
    };
    check(try_offset, try_length)?;
    check(handler_offset, handler_length)?;
    let kind = match flags {
        0 => ClauseKind::Catch(Token::from_raw(argument)),
        1 => {
            check(argument, 1)?;
            ClauseKind::Filter(argument)
        }
        2 => ClauseKind::Finally,
        4 => ClauseKind::Fault,
        other => return Err(start.error(Malformed::ClauseKind(other))),
    };
    Ok(Clause {
        kind,
        try_offset,
        try_length,
        handler_offset,
        handler_length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny() {
        let b = Body::parse(&[2 << 2 | 2, 0x17, 0x2a, 0xff], 0x2050).unwrap();
        assert_eq!(
            (b.code, b.max_stack, b.code_rva),
            (&[0x17, 0x2a][..], 8, 0x2051)
        );
        assert!(b.local_sig.is_nil() && b.clauses.is_empty());
        assert!(Body::parse(&[63 << 2 | 2, 0], 0).is_err());
        assert_eq!(
            Body::parse(&[0], 0).unwrap_err().what,
            Malformed::BodyHeader(0)
        );
    }

    fn fat(code: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x1b, 0x30, 3, 0];
        bytes.extend((code.len() as u32).to_le_bytes());
        bytes.extend([1, 0, 0, 0x11]);
        bytes.extend(code);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn fat_with_small_clauses_of_both_sizes() {
        for size in [4 + 24, 24] {
            let mut bytes = fat(&[0; 9]);
            bytes.extend([1, size, 0, 0]);
            bytes.extend([0, 0, 0, 0, 4, 4, 0, 2, 7, 0, 0, 1]);
            bytes.extend([2, 0, 0, 0, 6, 6, 0, 3, 0, 0, 0, 0]);
            let b = Body::parse(&bytes, 0).unwrap();
            assert!(b.init_locals && b.max_stack == 3 && b.code.len() == 9);
            assert_eq!(b.local_sig, Token::from_raw(0x1100_0001));
            assert_eq!(b.clauses.len(), 2);
            assert_eq!(
                b.clauses[0].kind,
                ClauseKind::Catch(Token::from_raw(0x0100_0007))
            );
            assert_eq!(
                (b.clauses[0].handler_offset, b.clauses[0].handler_length),
                (4, 2)
            );
            assert_eq!(b.clauses[1].kind, ClauseKind::Finally);
        }
    }

    #[test]
    fn fat_clauses_and_several_sections() {
        let mut bytes = fat(&[0; 8]);
        bytes.extend([0xc1, 4 + 24, 0, 0]);
        for v in [1u32, 0, 2, 5, 3, 2] {
            bytes.extend(v.to_le_bytes());
        }
        bytes.extend([1, 4 + 12, 0, 0]);
        bytes.extend([4, 0, 0, 0, 8, 0, 0, 8, 0, 0, 0, 0]);
        let b = Body::parse(&bytes, 0).unwrap();
        assert_eq!(b.clauses[0].kind, ClauseKind::Filter(2));
        assert_eq!(b.clauses[1].kind, ClauseKind::Fault);
    }

    #[test]
    fn hostile_sections_are_errors() {
        let with = |section: &[u8]| {
            let mut bytes = fat(&[0; 8]);
            bytes.extend(section);
            Body::parse(&bytes, 0)
                .map(|b| b.clauses.len())
                .map_err(|e| e.what)
        };
        assert!(matches!(
            with(&[0x41, 0xff, 0xff, 0xff]),
            Err(Malformed::Count { .. })
        ));
        assert!(matches!(
            with(&[3, 4, 0, 0]),
            Err(Malformed::BodySection(3))
        ));
        assert!(matches!(
            with(&[0x82, 0, 0, 0]),
            Err(Malformed::Truncated(_))
        ));
        let past = [1, 16, 0, 0, 2, 0, 5, 0, 4, 0, 0, 1, 0, 0, 0, 0];
        assert!(matches!(
            with(&past),
            Err(Malformed::ClauseRange {
                start: 5,
                end: 9,
                code: 8
            })
        ));
        let kind = [1, 16, 0, 0, 3, 0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 0];
        assert!(matches!(with(&kind), Err(Malformed::ClauseKind(3))));
        let huge = [0x03, 0x30, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert!(matches!(
            Body::parse(&huge, 0).unwrap_err().what,
            Malformed::Truncated(_)
        ));
    }
}
