//! 32-bit ARM: A32 and Thumb code, little endian. Objects keep addends in the places (REL).

use super::{Description, Field, Kind, Stub, Value, Via, fixup::Terms, kinds};
use crate::error::Result;
use crate::graph::LinkGraph;
use crate::link::tables;
use object::elf as names;

kinds! {
    /// 4 bytes: the address.
    ABS32 = "abs32", Via::Direct, Abs, Field::W32, [R_ARM_ABS32, R_ARM_TARGET1];
    /// 2 bytes: the address.
    ABS16 = "abs16", Via::Direct, Abs, Field::W16, [R_ARM_ABS16];
    /// 1 byte: the address.
    ABS8 = "abs8", Via::Direct, Abs, Field::U8, [R_ARM_ABS8];
    /// 12 bits of a load.
    ABS12 = "abs12", Via::Direct, Abs, Field::A32Low12, [R_ARM_ABS12];
    /// 4 bytes: the distance.
    PC32 = "pcrel32", Via::Direct, Rel, Field::W32, [R_ARM_REL32];
    /// 31 bits: the distance.
    PC31 = "pcrel31", Via::Direct, Rel, Field::A32Prel31, [R_ARM_PREL31];
    /// 4 bytes: the distance back to the symbol.
    BACK32 = "back32", Via::Direct, Back, Field::W32, [];
    /// `bl`, `b`: may go through a stub.
    CALL24 = "call24", Via::Stub(STUB24), Rel, Field::A32Branch24, [R_ARM_CALL, R_ARM_PC24, R_ARM_PLT32];
    /// `b`, `bl<cond>`: may go through a stub; cannot change to Thumb by itself.
    JUMP24 = "jump24", Via::Stub(STUB_JUMP24), Rel, Field::A32Branch24, [R_ARM_JUMP24];
    /// Built from `call24`.
    STUB24 = "stub24", Via::Direct, Rel, Field::A32Branch24, [];
    /// Built from `jump24`.
    STUB_JUMP24 = "stub_jump24", Via::Direct, Rel, Field::A32Branch24, [];
    /// `bl`, direct.
    BRANCH24 = "branch24", Via::Direct, Rel, Field::A32Branch24, [];
    /// `movw`.
    MOVE_LOW = "move_low", Via::Direct, Abs, Field::A32MoveLow, [R_ARM_MOVW_ABS_NC];
    /// `movt`.
    MOVE_HIGH = "move_high", Via::Direct, Abs, Field::A32MoveHigh, [R_ARM_MOVT_ABS];
    /// `movw` of the distance.
    MOVE_LOW_PC = "move_low_pcrel", Via::Direct, Rel, Field::A32MoveLow, [R_ARM_MOVW_PREL_NC];
    /// `movt` of the distance.
    MOVE_HIGH_PC = "move_high_pcrel", Via::Direct, Rel, Field::A32MoveHigh, [R_ARM_MOVT_PREL];
    /// Thumb `bl`: may go through a stub.
    THUMB_CALL = "thumb_call", Via::ThumbStub(THUMB_STUB), Rel, Field::T32Branch24, [R_ARM_THM_PC22];
    /// Thumb `b.w`: may go through a stub.
    THUMB_JUMP = "thumb_jump", Via::ThumbStub(THUMB_STUB_JUMP), Rel, Field::T32Branch24, [R_ARM_THM_JUMP24];
    /// Built from `thumb_call`.
    THUMB_STUB = "thumb_stub", Via::Direct, Rel, Field::T32Branch24, [];
    /// Built from `thumb_jump`.
    THUMB_STUB_JUMP = "thumb_stub_jump", Via::Direct, Rel, Field::T32Branch24, [];
    /// Thumb `bl`, direct.
    THUMB_BRANCH = "thumb_branch", Via::Direct, Rel, Field::T32Branch24, [];
    /// Thumb `movw`.
    THUMB_MOVE_LOW = "thumb_move_low", Via::Direct, Abs, Field::T32MoveLow, [R_ARM_THM_MOVW_ABS_NC];
    /// Thumb `movt`.
    THUMB_MOVE_HIGH = "thumb_move_high", Via::Direct, Abs, Field::T32MoveHigh, [R_ARM_THM_MOVT_ABS];
    /// Thumb `movw` of the distance.
    THUMB_MOVE_LOW_PC = "thumb_move_low_pcrel", Via::Direct, Rel, Field::T32MoveLow, [R_ARM_THM_MOVW_PREL_NC];
    /// Thumb `movt` of the distance.
    THUMB_MOVE_HIGH_PC = "thumb_move_high_pcrel", Via::Direct, Rel, Field::T32MoveHigh, [R_ARM_THM_MOVT_PREL];
    /// 4 bytes: distance of the symbol's word.
    GOT_PC32 = "got_pcrel32", Via::Got(PC32), Rel, Field::W32, [R_ARM_GOT_PREL, R_ARM_TARGET2];
    /// 4 bytes: address of the symbol's word.
    GOT_ABS32 = "got_abs32", Via::Got(ABS32), Abs, Field::W32, [R_ARM_GOT_ABS];
    /// 4 bytes: offset of the symbol's word in the table.
    GOT32 = "got32", Via::Got(FROM_GOT32), FromGot, Field::W32, [R_ARM_GOT32];
    /// 4 bytes: offset from the table.
    FROM_GOT32 = "from_got32", Via::Direct, FromGot, Field::W32, [R_ARM_GOTOFF];
    /// 4 bytes: distance of the table.
    GOT_BASE32 = "got_base32", Via::Direct, GotRel, Field::W32, [R_ARM_GOTPC];
    /// 4 bytes: distance of the pair (key, offset).
    TLS_GD = "tls_gd", Via::TlsPair(PC32), Rel, Field::W32, [R_ARM_TLS_GD32];
    /// 4 bytes: distance of the pair (own key, 0).
    TLS_LD = "tls_ld", Via::TlsModule(PC32), Rel, Field::W32, [R_ARM_TLS_LDM32];
    /// 4 bytes: distance of the word with the distance from the thread pointer.
    TLS_IE = "tls_ie", Via::TlsDistance(PC32), Rel, Field::W32, [R_ARM_TLS_IE32];
    /// 4 bytes: key of the thread-local home.
    TLS_KEY32 = "tls_key32", Via::Direct, TlsKey, Field::W32, [R_ARM_TLS_DTPMOD32];
    /// 4 bytes: offset in the thread-local home.
    TLS_OFFSET32 = "tls_offset32", Via::Direct, TlsOffset, Field::W32, [R_ARM_TLS_LDO32, R_ARM_TLS_DTPOFF32];
    /// 4 bytes: distance from the thread pointer.
    THREAD_OFFSET32 = "thread_offset32", Via::Direct, ThreadOffset, Field::W32, [R_ARM_TLS_LE32, R_ARM_TLS_TPOFF32];
    /// Marks `bx` for machines that have none.
    BX = "bx", Via::Direct, None, Field::None, [R_ARM_V4BX];
}

/// What the generic algorithm must know.
pub static DESCRIPTION: Description = Description {
    name: "arm",
    word: 4,
    address: ABS32,
    tls_key: TLS_KEY32,
    tls_offset: TLS_OFFSET32,
    thread_offset: THREAD_OFFSET32,
    back32: BACK32,
    stub: Stub {
        // ldr pc, [pc, #-4]; word
        code: &[0x04, 0xf0, 0x1f, 0xe5, 0, 0, 0, 0],
        align: 4,
        edges: &[(4, ABS32, 0)],
        through_got: false,
    },
    thumb_stub: Some(Stub {
        // ldr.w pc, [pc, #0]; word
        code: &[0xdf, 0xf8, 0x00, 0xf0, 0, 0, 0, 0],
        align: 4,
        edges: &[(4, ABS32, 0)],
        through_got: false,
    }),
    indirect_stub: Stub {
        // ldr ip, [pc, #4]; add ip, pc, ip; ldr pc, [ip]; distance of the word
        code: &[
            0x04, 0xc0, 0x9f, 0xe5, 0x0c, 0xc0, 0x8f, 0xe0, 0x00, 0xf0, 0x9c, 0xe5, 0, 0, 0, 0,
        ],
        align: 4,
        edges: &[(12, PC32, 0)],
        through_got: true,
    },
};

/// Differences of addresses wrap around in 32 bits: every 32-bit field holds all there is, and branches reach around the end.
pub(super) fn wrap(field: Field, value: i128) -> i128 {
    match field {
        Field::W32 | Field::U64 => i128::from(value as u32),
        Field::A32Branch24 | Field::T32Branch24 | Field::A32Prel31 => i128::from(value as i32),
        _ => value,
    }
}

/// A32 condition "always", as `bl`.
fn is_plain_call(word: u32) -> bool {
    word & 0xff00_0000 == 0xeb00_0000 || word >> 25 == 0x7d
}

/// Makes a branch instruction switch between A32 and Thumb as its target needs, and adjusts the terms to it. The lowest bit of an address
/// is no part of a branch's distance.
pub(super) fn match_state(
    kind: Kind,
    place: &mut [u8],
    terms: &mut Terms,
) -> Result<(), &'static str> {
    let to_thumb = terms.thumb;
    match kind {
        STUB24 | BRANCH24 | CALL24 | STUB_JUMP24 | JUMP24 => {
            terms.thumb = false;
            let word = u32::from_le_bytes([place[0], place[1], place[2], place[3]]);
            let was_blx = word >> 25 == 0x7d;
            if !to_thumb {
                if was_blx {
                    place.copy_from_slice(&(0xeb00_0000 | word & 0x00ff_ffff).to_le_bytes());
                }
                return Ok(());
            }
            if matches!(kind, STUB_JUMP24 | JUMP24) || !is_plain_call(word) {
                return Err("this branch cannot change to Thumb code");
            }
            // blx: bit 24 is bit 1 of the distance; the rest is a multiple of 4.
            let distance = terms.s.wrapping_add_signed(terms.a).wrapping_sub(terms.p);
            let half = (distance >> 1 & 1) as u32;
            place.copy_from_slice(&(0xfa00_0000 | half << 24 | word & 0x00ff_ffff).to_le_bytes());
            terms.a -= 2 * i64::from(half);
            Ok(())
        }
        THUMB_STUB | THUMB_BRANCH | THUMB_CALL => {
            terms.thumb = false;
            // Bit 12 of the second halfword: 1 is bl, 0 is blx.
            if to_thumb {
                place[3] |= 0x10;
            } else {
                place[3] &= !0x10;
                // blx counts from the multiple of 4 below the place.
                terms.p &= !3;
            }
            Ok(())
        }
        THUMB_STUB_JUMP | THUMB_JUMP => {
            terms.thumb = false;
            if to_thumb {
                Ok(())
            } else {
                Err("this branch cannot change to A32 code")
            }
        }
        _ => Ok(()),
    }
}

/// Makes calls through stubs direct where the target is in range and of a state that the branch can change to.
pub fn relax(graph: &mut LinkGraph) -> Result<()> {
    let entries = tables::Entries::of(graph);
    let blocks: Vec<_> = graph.blocks().collect();
    for id in blocks {
        for n in 0..graph.block(id).edges.len() {
            let edge = graph.block(id).edges[n];
            let Some(target) = entries.target(graph, edge.target) else {
                continue;
            };
            let Some(s) = graph.address(target) else {
                continue;
            };
            let thumb = graph.symbol(target).thumb;
            let p = graph.block(id).address + u64::from(edge.offset);
            let (new, field) = match (edge.kind, thumb) {
                (STUB24, false) => (BRANCH24, Field::A32Branch24),
                (STUB_JUMP24, false) => (BRANCH24, Field::A32Branch24),
                (THUMB_STUB, true) => (THUMB_BRANCH, Field::T32Branch24),
                (THUMB_STUB_JUMP, true) => (THUMB_BRANCH, Field::T32Branch24),
                _ => continue,
            };
            let distance = i128::from(s) + i128::from(edge.addend) - i128::from(p);
            if graph.would_fit(Value::Rel, field, p, s, edge.addend)
                && field.check(wrap(field, distance)).is_ok()
            {
                let e = &mut graph.block_mut(id).edges[n];
                (e.kind, e.target) = (new, target);
            }
        }
    }
    Ok(())
}
