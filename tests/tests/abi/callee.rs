//! The hand-made callee: stores the words of each parameter where the compiled callees store its bytes.

use crate::code::artifact;
use crate::program::Program;
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::{Loc, RetPass};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Reg;
use isthmus_runtime_abi::types::MemTy;

use Width::W64;

/// Words of the largest struct.
const WORDS: i32 = 10;

pub fn hand_made(program: &Program) -> CompiledMethod {
    let abi = &program.abi;
    let mut a = X64Asm::default();
    a.push(RBP);
    a.mov(W64, RBP, RSP);
    // Registers first: what follows uses rax, r10 and r11 only.
    for (i, pass) in abi.params.iter().enumerate() {
        for w in &abi.words[pass.first as usize..(pass.first + pass.count) as usize] {
            a.mov_imm(W64, R11, program.arrived(i) as i64);
            let to = Mem::new(R11, w.offset as i32);
            let from = match w.loc {
                Loc::Reg(Reg::Float(r)) => {
                    a.fstore(FTy::F64, to, Fpr(r));
                    continue;
                }
                Loc::Reg(Reg::Int(r)) => Gpr(r),
                Loc::Stack(at) => {
                    a.load(Ext::Full64, RAX, Mem::new(RBP, 16 + at as i32));
                    RAX
                }
            };
            if !pass.indirect {
                a.store(W64, to, from);
                continue;
            }
            for k in 0..WORDS {
                a.load(Ext::Full64, R10, Mem::new(from, 8 * k));
                a.store(W64, to.plus(8 * k), R10);
            }
        }
    }
    a.mov_imm(W64, R11, program.returned() as i64);
    if let (RetPass::Buffer(word), Some(MemTy::Struct(t))) = (&abi.ret, program.sig.ret) {
        use isthmus_runtime_abi::callconv::Layouts;
        let size = program.module.struct_layout(t).size;
        match abi.words[*word as usize].loc {
            Loc::Reg(Reg::Int(r)) => a.mov(W64, RAX, Gpr(r)),
            Loc::Stack(at) => a.load(Ext::Full64, RAX, Mem::new(RBP, 16 + at as i32)),
            Loc::Reg(Reg::Float(_)) => a.trap(),
        }
        // Not by `copy_block`, whose scratch register is the source here.
        for at in 0..size as i32 {
            a.load(Ext::Zx8, R10, Mem::new(R11, at));
            a.store(Width::W8, Mem::new(RAX, at), R10);
        }
    }
    let small = match program.sig.ret {
        Some(MemTy::I8) => Ext::Sx8To32,
        Some(MemTy::U8) => Ext::Zx8,
        Some(MemTy::I16) => Ext::Sx16To32,
        Some(MemTy::U16) => Ext::Zx16,
        _ => Ext::Full64,
    };
    for (reg, at) in program.result_words() {
        let from = Mem::new(R11, at as i32);
        match reg {
            Reg::Int(r) => a.load(small, Gpr(r), from),
            Reg::Float(r) => a.fload(FTy::F64, Fpr(r), from),
        }
    }
    a.pop(RBP);
    a.ret(abi.stack_bytes);
    artifact(Symbol::VmData(0), a)
}
