//! AArch64, little endian.

use super::{Description, Field, Kind, Stub, Value, Via, kinds};
use crate::error::Result;
use crate::graph::{BlockId, LinkGraph, SymbolId};
use crate::link::tables;
use rustc_hash::FxHashMap;

/// Names of ELF relocations.
mod names {
    pub use object::elf::*;

    pub const R_AARCH64_PLT32: u32 = 314;
    pub const R_AARCH64_GOTPCREL32: u32 = 315;
}

kinds! {
    /// 8 bytes: the address.
    ABS64 = "abs64", Via::Direct, Abs, Field::U64, [R_AARCH64_ABS64];
    /// 4 bytes: the address.
    ABS32 = "abs32", Via::Direct, Abs, Field::W32, [R_AARCH64_ABS32];
    /// 2 bytes: the address.
    ABS16 = "abs16", Via::Direct, Abs, Field::W16, [R_AARCH64_ABS16];
    /// 8 bytes: the distance.
    PC64 = "pcrel64", Via::Direct, Rel, Field::U64, [R_AARCH64_PREL64];
    /// 4 bytes: the distance.
    PC32 = "pcrel32", Via::Direct, Rel, Field::S32, [R_AARCH64_PREL32];
    /// 2 bytes: the distance.
    PC16 = "pcrel16", Via::Direct, Rel, Field::S16, [R_AARCH64_PREL16];
    /// 4 bytes: the distance back to the symbol.
    BACK32 = "back32", Via::Direct, Back, Field::S32, [];
    /// 4 bytes: distance of the symbol or of a stub.
    STUB_PC32 = "stub_pcrel32", Via::Stub(STUB_PC32_BUILT), Rel, Field::S32, [R_AARCH64_PLT32];
    /// Built from `stub_pcrel32`.
    STUB_PC32_BUILT = "stub_pcrel32_built", Via::Direct, Rel, Field::S32, [];
    /// `bl`, which may go through a stub.
    CALL26 = "call26", Via::Stub(STUB26), Rel, Field::A64Branch26, [R_AARCH64_CALL26, R_AARCH64_JUMP26];
    /// `bl` or `b` to a stub.
    STUB26 = "stub26", Via::Direct, Rel, Field::A64Branch26, [];
    /// `bl` or `b`, direct.
    BRANCH26 = "branch26", Via::Direct, Rel, Field::A64Branch26, [];
    /// `b.cond`.
    BRANCH19 = "branch19", Via::Direct, Rel, Field::A64Branch19, [R_AARCH64_CONDBR19];
    /// `ldr` literal.
    LOAD19 = "load19", Via::Direct, Rel, Field::A64Branch19, [R_AARCH64_LD_PREL_LO19];
    /// `tbz`, `tbnz`.
    BRANCH14 = "branch14", Via::Direct, Rel, Field::A64Branch14, [R_AARCH64_TSTBR14];
    /// `adr`.
    ADR = "adr", Via::Direct, Rel, Field::A64Adr, [R_AARCH64_ADR_PREL_LO21];
    /// `adrp`.
    PAGE = "page", Via::Direct, Page, Field::A64Page, [R_AARCH64_ADR_PREL_PG_HI21];
    /// `adrp`, unchecked.
    PAGE_ANY = "page_any", Via::Direct, Page, Field::A64PageAny, [R_AARCH64_ADR_PREL_PG_HI21_NC];
    /// `add`.
    LOW12 = "low12", Via::Direct, Abs, Field::A64Low12(0), [R_AARCH64_ADD_ABS_LO12_NC];
    /// `ldrb`, `strb`.
    LOW12_8 = "low12_8", Via::Direct, Abs, Field::A64Low12(0), [R_AARCH64_LDST8_ABS_LO12_NC];
    /// `ldrh`, `strh`.
    LOW12_16 = "low12_16", Via::Direct, Abs, Field::A64Low12(1), [R_AARCH64_LDST16_ABS_LO12_NC];
    /// `ldr w`, `str w`.
    LOW12_32 = "low12_32", Via::Direct, Abs, Field::A64Low12(2), [R_AARCH64_LDST32_ABS_LO12_NC];
    /// `ldr x`, `str x`.
    LOW12_64 = "low12_64", Via::Direct, Abs, Field::A64Low12(3), [R_AARCH64_LDST64_ABS_LO12_NC];
    /// `ldr q`, `str q`.
    LOW12_128 = "low12_128", Via::Direct, Abs, Field::A64Low12(4), [R_AARCH64_LDST128_ABS_LO12_NC];
    /// `movz`, bits 15..0 of the address.
    MOVE0 = "move0", Via::Direct, Abs, Field::A64Move(0), [R_AARCH64_MOVW_UABS_G0];
    /// The same, unchecked.
    MOVE0_ANY = "move0_any", Via::Direct, Abs, Field::A64MoveAny(0), [R_AARCH64_MOVW_UABS_G0_NC];
    /// Bits 31..16.
    MOVE1 = "move1", Via::Direct, Abs, Field::A64Move(1), [R_AARCH64_MOVW_UABS_G1];
    /// The same, unchecked.
    MOVE1_ANY = "move1_any", Via::Direct, Abs, Field::A64MoveAny(1), [R_AARCH64_MOVW_UABS_G1_NC];
    /// Bits 47..32.
    MOVE2 = "move2", Via::Direct, Abs, Field::A64Move(2), [R_AARCH64_MOVW_UABS_G2];
    /// The same, unchecked.
    MOVE2_ANY = "move2_any", Via::Direct, Abs, Field::A64MoveAny(2), [R_AARCH64_MOVW_UABS_G2_NC];
    /// Bits 63..48.
    MOVE3 = "move3", Via::Direct, Abs, Field::A64MoveAny(3), [R_AARCH64_MOVW_UABS_G3];
    /// `adrp` of the symbol's word.
    GOT_PAGE = "got_page", Via::Got(WORD_PAGE), Page, Field::A64Page, [R_AARCH64_ADR_GOT_PAGE];
    /// `ldr` of the symbol's word.
    GOT_LOW12 = "got_low12", Via::Got(WORD_LOW12), Abs, Field::A64Low12(3), [R_AARCH64_LD64_GOT_LO12_NC];
    /// `ldr` of the symbol's word, offset from the page of the table.
    GOT_LOW15 = "got_low15", Via::Got(FROM_GOT15), FromGot, Field::A64Low15, [R_AARCH64_LD64_GOTPAGE_LO15];
    /// Built from `got_low15`.
    FROM_GOT15 = "from_got15", Via::Direct, FromGot, Field::A64Low15, [];
    /// Built from `got_page`.
    WORD_PAGE = "word_page", Via::Direct, Page, Field::A64Page, [];
    /// Built from `got_low12`.
    WORD_LOW12 = "word_low12", Via::Direct, Abs, Field::A64Low12(3), [];
    /// 4 bytes: distance of the symbol's word.
    GOT_PC32 = "got_pcrel32", Via::Got(PC32), Rel, Field::S32, [R_AARCH64_GOTPCREL32];
    /// `adr` of the pair (key, offset).
    TLS_GD_ADR = "tls_gd_adr", Via::TlsPair(ADR), Rel, Field::A64Adr, [R_AARCH64_TLSGD_ADR_PREL21];
    /// `adrp` of the pair (key, offset).
    TLS_GD_PAGE = "tls_gd_page", Via::TlsPair(PAGE), Page, Field::A64Page, [R_AARCH64_TLSGD_ADR_PAGE21];
    /// `add` of the pair (key, offset).
    TLS_GD_LOW12 = "tls_gd_low12", Via::TlsPair(LOW12), Abs, Field::A64Low12(0), [R_AARCH64_TLSGD_ADD_LO12_NC];
    /// `adrp` of the word with the distance from the thread pointer.
    TLS_IE_PAGE = "tls_ie_page", Via::TlsDistance(PAGE), Page, Field::A64Page, [R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21];
    /// `ldr` of the word with the distance from the thread pointer.
    TLS_IE_LOW12 = "tls_ie_low12", Via::TlsDistance(LOW12_64), Abs, Field::A64Low12(3), [R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC];
    /// `adrp` of the descriptor.
    TLS_DESC_PAGE = "tls_desc_page", Via::TlsDescriptor(PAGE), Page, Field::A64Page, [R_AARCH64_TLSDESC_ADR_PAGE21];
    /// `ldr` of the descriptor's function.
    TLS_DESC_LOAD = "tls_desc_load", Via::TlsDescriptor(LOW12_64), Abs, Field::A64Low12(3), [R_AARCH64_TLSDESC_LD64_LO12];
    /// `add` of the descriptor.
    TLS_DESC_ADD = "tls_desc_add", Via::TlsDescriptor(LOW12), Abs, Field::A64Low12(0), [R_AARCH64_TLSDESC_ADD_LO12];
    /// Marks the call of a descriptor's function.
    TLS_DESC_CALL = "tls_desc_call", Via::Direct, None, Field::None, [R_AARCH64_TLSDESC_CALL];
    /// 8 bytes: key of the thread-local home.
    TLS_KEY64 = "tls_key64", Via::Direct, TlsKey, Field::U64, [R_AARCH64_TLS_DTPMOD];
    /// 8 bytes: offset in the thread-local home.
    TLS_OFFSET64 = "tls_offset64", Via::Direct, TlsOffset, Field::U64, [R_AARCH64_TLS_DTPREL];
    /// 8 bytes: distance from the thread pointer.
    THREAD_OFFSET64 = "thread_offset64", Via::Direct, ThreadOffset, Field::U64, [R_AARCH64_TLS_TPREL];
    /// `add …, lsl 12`: distance from the thread pointer.
    TLS_LE_HIGH12 = "tls_le_high12", Via::Direct, ThreadOffset, Field::A64High12, [R_AARCH64_TLSLE_ADD_TPREL_HI12];
    /// `add`: distance from the thread pointer, all of it.
    TLS_LE_LOW12_ALL = "tls_le_low12_all", Via::Direct, ThreadOffset, Field::A64Low12Checked, [R_AARCH64_TLSLE_ADD_TPREL_LO12];
    /// `add`: distance from the thread pointer.
    TLS_LE_LOW12 = "tls_le_low12", Via::Direct, ThreadOffset, Field::A64Low12(0), [R_AARCH64_TLSLE_ADD_TPREL_LO12_NC, R_AARCH64_TLSLE_LDST8_TPREL_LO12_NC];
    /// `ldrh`, `strh`: distance from the thread pointer.
    TLS_LE_LOW12_16 = "tls_le_low12_16", Via::Direct, ThreadOffset, Field::A64Low12(1), [R_AARCH64_TLSLE_LDST16_TPREL_LO12_NC];
    /// `ldr w`, `str w`: distance from the thread pointer.
    TLS_LE_LOW12_32 = "tls_le_low12_32", Via::Direct, ThreadOffset, Field::A64Low12(2), [R_AARCH64_TLSLE_LDST32_TPREL_LO12_NC];
    /// `ldr x`, `str x`: distance from the thread pointer.
    TLS_LE_LOW12_64 = "tls_le_low12_64", Via::Direct, ThreadOffset, Field::A64Low12(3), [R_AARCH64_TLSLE_LDST64_TPREL_LO12_NC];
    /// `movz`: distance from the thread pointer, bits 31..16.
    TLS_LE_MOVE1 = "tls_le_move1", Via::Direct, ThreadOffset, Field::A64Move(1), [R_AARCH64_TLSLE_MOVW_TPREL_G1];
    /// `movk`: distance from the thread pointer, bits 15..0.
    TLS_LE_MOVE0_ANY = "tls_le_move0_any", Via::Direct, ThreadOffset, Field::A64MoveAny(0), [R_AARCH64_TLSLE_MOVW_TPREL_G0_NC];
}

/// Jumps to where a word says.
const JUMP: Stub = Stub {
    // adrp x16, word; ldr x16, [x16, word]; br x16
    code: &[
        0x10, 0x00, 0x00, 0x90, 0x10, 0x02, 0x40, 0xf9, 0x00, 0x02, 0x1f, 0xd6,
    ],
    align: 4,
    edges: &[(0, PAGE, 0), (4, LOW12_64, 0)],
    through_got: true,
};

/// What the generic algorithm must know.
pub static DESCRIPTION: Description = Description {
    name: "aarch64",
    word: 8,
    address: ABS64,
    tls_key: TLS_KEY64,
    tls_offset: TLS_OFFSET64,
    thread_offset: THREAD_OFFSET64,
    back32: BACK32,
    stub: JUMP,
    thumb_stub: None,
    indirect_stub: JUMP,
};

/// Makes calls through stubs direct where the target is in range, and loads of addresses too:
///
/// ```text
///   adrp x0, page of word          → adrp x0, page of S
///   ldr  x0, [x0, low of word]     → add  x0, x0, low of S
/// ```
/// One `adrp` may serve several loads, which the linker does not see. So the loads of a word are changed only if all `adrp` of that word
/// in the graph reach the symbol, and nothing but `adrp` and `ldr` refers to it.
pub fn relax(graph: &mut LinkGraph) -> Result<()> {
    let entries = tables::Entries::of(graph);
    let blocks: Vec<BlockId> = graph.blocks().collect();
    let mut relaxable: FxHashMap<SymbolId, bool> = FxHashMap::default();
    // Stubs read words too, but are not loads that could do without.
    let code = blocks.iter().filter(|&&id| !entries.is_stub(graph, id));
    for &id in code {
        for edge in &graph.block(id).edges {
            let Some(target) = entries.target(graph, edge.target) else {
                continue;
            };
            let Some(s) = graph.address(target) else {
                continue;
            };
            let p = graph.block(id).address + u64::from(edge.offset);
            let fine = match edge.kind {
                WORD_PAGE => {
                    edge.addend == 0 && graph.would_fit(Value::Page, Field::A64Page, p, s, 0)
                }
                WORD_LOW12 => edge.addend == 0 && is_load(graph.bytes(id), edge.offset),
                _ => false,
            };
            *relaxable.entry(edge.target).or_insert(true) &= fine;
        }
    }
    for id in blocks {
        for n in 0..graph.block(id).edges.len() {
            let edge = graph.block(id).edges[n];
            let Some(target) = entries.target(graph, edge.target) else {
                continue;
            };
            let Some(s) = graph.address(target) else {
                continue;
            };
            let p = graph.block(id).address + u64::from(edge.offset);
            let direct = |kind: Kind, value| {
                graph.would_fit(value, kind.info(graph.arch).field, p, s, edge.addend)
            };
            let loads = relaxable.get(&edge.target) == Some(&true);
            let new = match edge.kind {
                STUB26 if direct(BRANCH26, Value::Rel) => BRANCH26,
                STUB_PC32_BUILT if direct(PC32, Value::Rel) => PC32,
                WORD_PAGE if loads => PAGE,
                WORD_LOW12 if loads => {
                    let at = edge.offset as usize;
                    let place = &mut graph.bytes_mut(id)[at..at + 4];
                    let load = u32::from_le_bytes([place[0], place[1], place[2], place[3]]);
                    // Both have the registers in bits 9..0.
                    let add = 0x9100_0000 | load & 0x3ff;
                    place.copy_from_slice(&add.to_le_bytes());
                    LOW12
                }
                _ => continue,
            };
            let e = &mut graph.block_mut(id).edges[n];
            (e.kind, e.target) = (new, target);
        }
    }
    Ok(())
}

/// Whether there is a `ldr xt, [xn, imm]`.
fn is_load(bytes: &[u8], offset: u32) -> bool {
    let at = offset as usize;
    let word = bytes.get(at..at + 4).and_then(|w| w.try_into().ok());
    word.is_some_and(|w| u32::from_le_bytes(w) & 0xffc0_0000 == 0xf940_0000)
}
