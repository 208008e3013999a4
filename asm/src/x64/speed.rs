//! What an instruction costs to encode, beside iced-x86's encoder: the reason for an encoder of our own
//! (`docs/decisions/x64-encoder.md`). Run with `cargo test -p isthmus-asm -- --ignored --nocapture speed`.

use super::X64Asm;
use super::regs::*;
use crate::prelude::*;
use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Register};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 2_000;
const REPEAT: u32 = 100;
/// Instructions in one repetition below.
const MIX: u32 = 6;

fn ours() -> usize {
    let mut a = X64Asm::default();
    for _ in 0..REPEAT {
        a.load(Ext::Full64, RAX, Mem::new(RBP, -24));
        a.alu(Alu::Add, Width::W32, RAX, RCX);
        a.mov_imm(Width::W32, RDX, 77);
        a.store(Width::W64, Mem::indexed(RDI, RCX, Scale::S8, 16), RDX);
        a.cmp(Width::W32, RAX, 1000);
        a.push(R12);
    }
    a.finish().map_or(0, |done| done.code.len())
}

fn iced() -> usize {
    let mut e = Encoder::new(64);
    let mut put = |i: Result<Instruction, _>| {
        if let Ok(i) = i {
            e.encode(&i, 0).ok();
        }
    };
    let slot = MemoryOperand::with_base_displ(Register::RBP, -24);
    let element =
        MemoryOperand::with_base_index_scale_displ_size(Register::RDI, Register::RCX, 8, 16, 1);
    for _ in 0..REPEAT {
        put(Instruction::with2(Code::Mov_r64_rm64, Register::RAX, slot));
        put(Instruction::with2(
            Code::Add_rm32_r32,
            Register::EAX,
            Register::ECX,
        ));
        put(Instruction::with2(Code::Mov_r32_imm32, Register::EDX, 77));
        put(Instruction::with2(
            Code::Mov_rm64_r64,
            element,
            Register::RDX,
        ));
        put(Instruction::with2(Code::Cmp_EAX_imm32, Register::EAX, 1000));
        put(Instruction::with1(Code::Push_r64, Register::R12));
    }
    e.take_buffer().len()
}

fn best(f: fn() -> usize) -> (Duration, usize) {
    let mut bytes = 0;
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        bytes = std::hint::black_box(f());
        start.elapsed()
    });
    (times.min().unwrap_or_default(), bytes)
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    for (name, f) in [("ours", ours as fn() -> usize), ("iced-x86", iced)] {
        let (time, bytes) = best(f);
        let each = time.as_secs_f64() * 1e9 / f64::from(REPEAT * MIX);
        println!("{name}: {each:.1} ns an instruction, {bytes} bytes");
    }
}
