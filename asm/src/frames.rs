//! Where finished code has no frame any more: what unwinders have to know that start from any instruction.
//!
//! Frames of the runtime's own walks are found by frame pointers at calls and traps, which are never there; see `eh-tables`.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Register};
use isthmus_runtime_abi::artifact::DataRange;
use isthmus_runtime_abi::target::Arch;
use std::ops::Range;

/// `push rbp; mov rbp, rsp`.
const X64_SETUP: &[u8] = &[0x55, 0x48, 0x89, 0xe5];
/// `stp x29, x30, [sp, -16]!; mov x29, sp`.
const A64_SETUP: &[u8] = &[0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91];
/// `ldp x29, x30, [sp], 16`.
const A64_TEARDOWN: u32 = 0xa8c1_7bfd;

/// Whether code begins with what makes a frame.
pub fn has_frame(arch: Arch, code: &[u8]) -> bool {
    match arch {
        Arch::X64 => code.starts_with(X64_SETUP),
        Arch::A64 => code.starts_with(A64_SETUP),
        Arch::A32 => false,
    }
}

/// Offsets at which the frame that the code began with is gone again: from behind the instruction that drops it to behind the one that
/// leaves the code.
pub fn without_frame(arch: Arch, code: &[u8], data: &[DataRange]) -> Vec<Range<u32>> {
    let mut found = Vec::new();
    let mut start = 0;
    for range in data {
        instructions(arch, code, start..range.range().start, &mut found);
        start = range.range().end;
    }
    instructions(arch, code, start..code.len(), &mut found);
    found
}

fn instructions(arch: Arch, code: &[u8], range: Range<usize>, found: &mut Vec<Range<u32>>) {
    let mut dropped = None;
    let mut leave = |end: u32, drops: bool, leaves: bool| {
        if leaves && let Some(start) = dropped.take() {
            found.push(start..end);
        } else if drops {
            dropped.get_or_insert(end);
        }
    };
    match arch {
        Arch::X64 => {
            let bytes = &code[range.clone()];
            let start = range.start as u64;
            for i in &mut Decoder::with_ip(64, bytes, start, DecoderOptions::NONE) {
                let pop = i.code() == Code::Pop_r64 && i.op0_register() == Register::RBP;
                let leaves = matches!(
                    i.flow_control(),
                    FlowControl::Return
                        | FlowControl::UnconditionalBranch
                        | FlowControl::IndirectBranch
                        | FlowControl::Exception
                );
                leave(i.next_ip() as u32, pop || i.code() == Code::Leaveq, leaves);
            }
        }
        Arch::A64 => {
            for (n, word) in code[range.clone()].chunks_exact(4).enumerate() {
                let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                // `ret`, `br`, `b`.
                let leaves = matches!(word & 0xffff_fc1f, 0xd65f_0000 | 0xd61f_0000)
                    || word & 0xfc00_0000 == 0x1400_0000;
                let end = (range.start + 4 * n + 4) as u32;
                leave(end, word == A64_TEARDOWN, leaves);
            }
        }
        Arch::A32 => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_at_their_epilogues() {
        // push rbp; mov rbp, rsp; je 2; pop rbp; ret; mov rsp, rbp; pop rbp; jmp
        let code = [
            0x55, 0x48, 0x89, 0xe5, 0x74, 0x02, 0x5d, 0xc3, 0x48, 0x89, 0xec, 0x5d, 0xe9, 0, 0, 0,
            0,
        ];
        assert!(has_frame(Arch::X64, &code));
        assert_eq!(without_frame(Arch::X64, &code, &[]), [7..8, 12..17]);
        // stp; mov; ldp; ret; ldp; nop; b
        let words: [u32; 7] = [
            0xa9bf_7bfd,
            0x9100_03fd,
            A64_TEARDOWN,
            0xd65f_03c0,
            A64_TEARDOWN,
            0xd503_201f,
            0x1400_0000,
        ];
        let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        assert!(has_frame(Arch::A64, &code));
        assert_eq!(without_frame(Arch::A64, &code, &[]), [12..16, 20..28]);
    }
}
