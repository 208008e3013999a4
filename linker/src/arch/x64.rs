//! x86-64.

use super::{Description, Field, Stub, Via, kinds};
use crate::error::Result;
use crate::graph::LinkGraph;
use crate::link::tables;
use object::elf as names;

kinds! {
    /// 8 bytes: the address.
    ABS64 = "abs64", Via::Direct, Abs, Field::U64, [R_X86_64_64];
    /// 4 bytes: the address, zero-extended.
    ABS32 = "abs32", Via::Direct, Abs, Field::U32, [R_X86_64_32];
    /// 4 bytes: the address, sign-extended.
    ABS32S = "abs32s", Via::Direct, Abs, Field::S32, [R_X86_64_32S];
    /// 2 bytes: the address.
    ABS16 = "abs16", Via::Direct, Abs, Field::W16, [R_X86_64_16];
    /// 1 byte: the address.
    ABS8 = "abs8", Via::Direct, Abs, Field::U8, [R_X86_64_8];
    /// 8 bytes: the distance.
    PC64 = "pcrel64", Via::Direct, Rel, Field::U64, [R_X86_64_PC64];
    /// 4 bytes: the distance.
    PC32 = "pcrel32", Via::Direct, Rel, Field::S32, [R_X86_64_PC32];
    /// 2 bytes: the distance.
    PC16 = "pcrel16", Via::Direct, Rel, Field::S16, [R_X86_64_PC16];
    /// 1 byte: the distance.
    PC8 = "pcrel8", Via::Direct, Rel, Field::S8, [R_X86_64_PC8];
    /// 4 bytes: the distance back to the symbol.
    BACK32 = "back32", Via::Direct, Back, Field::S32, [];
    /// 4 bytes of a call or jump, which may go through a stub.
    CALL32 = "call32", Via::Stub(STUB32), Rel, Field::S32, [R_X86_64_PLT32];
    /// 4 bytes of a call or jump to a stub.
    STUB32 = "stub32", Via::Direct, Rel, Field::S32, [];
    /// 4 bytes: distance of the symbol's word.
    GOT_PC32 = "got_pcrel32", Via::Got(PC32), Rel, Field::S32, [R_X86_64_GOTPCREL];
    /// The same in an instruction without REX prefix that may be made direct.
    GOT_PC32_X = "got_pcrel32_x", Via::Got(LOAD_X), Rel, Field::S32, [R_X86_64_GOTPCRELX];
    /// The same in an instruction with REX prefix.
    GOT_PC32_REX = "got_pcrel32_rex", Via::Got(LOAD_REX), Rel, Field::S32, [R_X86_64_REX_GOTPCRELX];
    /// Built from `got_pcrel32_x`.
    LOAD_X = "load_x", Via::Direct, Rel, Field::S32, [];
    /// Built from `got_pcrel32_rex`.
    LOAD_REX = "load_rex", Via::Direct, Rel, Field::S32, [];
    /// 8 bytes: distance of the symbol's word.
    GOT_PC64 = "got_pcrel64", Via::Got(PC64), Rel, Field::U64, [R_X86_64_GOTPCREL64];
    /// 4 bytes: offset of the symbol's word in the table.
    GOT32 = "got32", Via::Got(FROM_GOT32), FromGot, Field::S32, [R_X86_64_GOT32];
    /// 8 bytes: offset of the symbol's word in the table.
    GOT64 = "got64", Via::Got(FROM_GOT64), FromGot, Field::U64, [R_X86_64_GOT64];
    /// 4 bytes: offset from the table.
    FROM_GOT32 = "from_got32", Via::Direct, FromGot, Field::S32, [];
    /// 8 bytes: offset from the table.
    FROM_GOT64 = "from_got64", Via::Direct, FromGot, Field::U64, [R_X86_64_GOTOFF64];
    /// 8 bytes: offset of a stub from the table.
    STUB_FROM_GOT64 = "stub_from_got64", Via::Stub(FROM_GOT64), FromGot, Field::U64, [R_X86_64_PLTOFF64];
    /// 4 bytes: distance of the table.
    GOT_BASE32 = "got_base32", Via::Direct, GotRel, Field::S32, [R_X86_64_GOTPC32];
    /// 8 bytes: distance of the table.
    GOT_BASE64 = "got_base64", Via::Direct, GotRel, Field::U64, [R_X86_64_GOTPC64];
    /// 4 bytes: size of the symbol.
    SIZE32 = "size32", Via::Direct, Size, Field::U32, [R_X86_64_SIZE32];
    /// 8 bytes: size of the symbol.
    SIZE64 = "size64", Via::Direct, Size, Field::U64, [R_X86_64_SIZE64];
    /// 4 bytes: distance of the pair (key, offset).
    TLS_GD = "tls_gd", Via::TlsPair(PC32), Rel, Field::S32, [R_X86_64_TLSGD];
    /// 4 bytes: distance of the pair (own key, 0).
    TLS_LD = "tls_ld", Via::TlsModule(PC32), Rel, Field::S32, [R_X86_64_TLSLD];
    /// 4 bytes: distance of the word with the distance from the thread pointer.
    TLS_IE = "tls_ie", Via::TlsDistance(PC32), Rel, Field::S32, [R_X86_64_GOTTPOFF];
    /// 4 bytes: distance of the descriptor.
    TLS_DESC = "tls_desc", Via::TlsDescriptor(PC32), Rel, Field::S32, [R_X86_64_GOTPC32_TLSDESC];
    /// Marks the call of a descriptor's function.
    TLS_DESC_CALL = "tls_desc_call", Via::Direct, None, Field::None, [R_X86_64_TLSDESC_CALL];
    /// 8 bytes: key of the thread-local home.
    TLS_KEY64 = "tls_key64", Via::Direct, TlsKey, Field::U64, [R_X86_64_DTPMOD64];
    /// 8 bytes: offset in the thread-local home.
    TLS_OFFSET64 = "tls_offset64", Via::Direct, TlsOffset, Field::U64, [R_X86_64_DTPOFF64];
    /// 4 bytes: offset in the thread-local home.
    TLS_OFFSET32 = "tls_offset32", Via::Direct, TlsOffset, Field::S32, [R_X86_64_DTPOFF32];
    /// 8 bytes: distance from the thread pointer.
    THREAD_OFFSET64 = "thread_offset64", Via::Direct, ThreadOffset, Field::U64, [R_X86_64_TPOFF64];
    /// 4 bytes: distance from the thread pointer.
    THREAD_OFFSET32 = "thread_offset32", Via::Direct, ThreadOffset, Field::S32, [R_X86_64_TPOFF32];
}

/// Jumps to where a word says.
const JUMP: Stub = Stub {
    // jmp [rip + word]; int3; int3
    code: &[0xff, 0x25, 0, 0, 0, 0, 0xcc, 0xcc],
    align: 8,
    edges: &[(2, PC32, -4)],
    through_got: true,
};

/// What the generic algorithm must know.
pub static DESCRIPTION: Description = Description {
    name: "x86-64",
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

/// Makes calls through stubs and loads of addresses direct where the target is in range.
///
/// ```text
///   call stub                 → call S
///   mov r, [rip + word]       → lea r, [rip + S]
///   call [rip + word]         → addr32 call S
///   jmp [rip + word]          → jmp S; nop
/// ```
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
            let p = graph.block(id).address + u64::from(edge.offset);
            let start = edge.offset as usize;
            let fits = |at: u64| {
                let distance = i128::from(s) + i128::from(edge.addend) - i128::from(at);
                Field::S32.check(distance).is_ok()
            };
            match edge.kind {
                STUB32 if fits(p) => {
                    let e = &mut graph.block_mut(id).edges[n];
                    (e.kind, e.target) = (PC32, target);
                }
                LOAD_X | LOAD_REX if edge.addend == -4 && start >= 2 => {
                    let bytes = graph.bytes(id);
                    let (op, modrm) = (bytes[start - 2], bytes[start - 1]);
                    let new: Option<(u32, [u8; 2])> = match (op, modrm) {
                        (0x8b, _) if fits(p) => Some((edge.offset, [0x8d, modrm])),
                        (0xff, 0x15) if fits(p) => Some((edge.offset, [0x67, 0xe8])),
                        (0xff, 0x25) if fits(p - 1) => Some((edge.offset - 1, [0xe9, 0])),
                        _ => None,
                    };
                    let Some((at, code)) = new else { continue };
                    let e = &mut graph.block_mut(id).edges[n];
                    (e.kind, e.target, e.offset) = (PC32, target, at);
                    let bytes = graph.bytes_mut(id);
                    bytes[start - 2..start].copy_from_slice(&code);
                    if op == 0xff && modrm == 0x25 {
                        bytes[start + 3] = 0x90;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}
