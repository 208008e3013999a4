//! Method bodies; see the reader in `metadata/body.rs` for the form.

use super::super::body::{Clause, ClauseKind};
use super::super::token::Token;
use super::out::Out;

/// What a body is made of.
#[derive(Clone, Copy, Debug)]
pub struct BodyParts<'a> {
    pub code: &'a [u8],
    pub max_stack: u16,
    pub init_locals: bool,
    /// A StandAloneSig, or nil.
    pub local_sig: Token,
    pub clauses: &'a [Clause],
}

/// Appends a body at the alignment it needs; its offset.
pub fn write_body(out: &mut Out, body: &BodyParts<'_>) -> usize {
    const MORE_SECTIONS: u16 = 0x8;
    const INIT_LOCALS: u16 = 0x10;
    let tiny = body.code.len() < 64
        && body.max_stack <= 8
        && body.local_sig.is_nil()
        && body.clauses.is_empty();
    if tiny {
        let at = out.len();
        out.u8((body.code.len() as u8) << 2 | 2);
        out.bytes(body.code);
        return at;
    }
    out.align(4);
    let at = out.len();
    let mut flags = 0x3003;
    if body.init_locals {
        flags |= INIT_LOCALS;
    }
    if !body.clauses.is_empty() {
        flags |= MORE_SECTIONS;
    }
    out.u16(flags);
    out.u16(body.max_stack);
    out.u32(body.code.len() as u32);
    out.u32(body.local_sig.raw());
    out.bytes(body.code);
    if !body.clauses.is_empty() {
        out.align(4);
        clauses(out, body.clauses);
    }
    at
}

/// One section with all clauses.
fn clauses(out: &mut Out, clauses: &[Clause]) {
    const CLAUSES: u32 = 1;
    const FAT: u32 = 0x40;
    let small = clauses.len() * 12 + 4 <= 0xff
        && clauses.iter().all(|c| {
            c.try_offset <= 0xffff
                && c.handler_offset <= 0xffff
                && c.try_length <= 0xff
                && c.handler_length <= 0xff
        });
    let size = |clause: u32| clauses.len() as u32 * clause + 4;
    out.u32(if small {
        CLAUSES | size(12) << 8
    } else {
        CLAUSES | FAT | size(24) << 8
    });
    for c in clauses {
        let (kind, extra) = match c.kind {
            ClauseKind::Catch(token) => (0, token.raw()),
            ClauseKind::Filter(at) => (1, at),
            ClauseKind::Finally => (2, 0),
            ClauseKind::Fault => (4, 0),
        };
        if small {
            out.u16(kind);
            out.u16(c.try_offset as u16);
            out.u8(c.try_length as u8);
            out.u16(c.handler_offset as u16);
            out.u8(c.handler_length as u8);
        } else {
            out.u32(u32::from(kind));
            out.u32(c.try_offset);
            out.u32(c.try_length);
            out.u32(c.handler_offset);
            out.u32(c.handler_length);
        }
        out.u32(extra);
    }
}
