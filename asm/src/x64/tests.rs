//! Golden disassembly of every form (`golden/x64-forms.txt`: the call, then what iced-x86's decoder makes of its bytes), and every
//! register in every place of an operand. `ISTHMUS_BLESS=1` writes the golden file anew.

use super::X64Asm;
use super::regs::*;
use crate::disasm::disassemble;
use crate::operand::{Width::*, *};
use crate::prelude::*;
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind, Register};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use std::fmt::Write;

const M: Mem = Mem::new(RDI, 8);
const X: Mem = Mem::indexed(R12, R13, Scale::S8, -129);

fn cell() -> Symbol {
    Symbol::MethodCell(MethodId::from_index(1))
}

fn vtable() -> Symbol {
    Symbol::Vtable(TypeId::from_index(2))
}

/// One line a form: the text of the call, instructions, relocations.
macro_rules! forms {
    ($($name:ident($($arg:expr),*);)*) => {{
        let mut out = String::new();
        $({
            let mut a = X64Asm::default();
            a.$name($($arg),*);
            let call = concat!(stringify!($name), "(", stringify!($($arg),*), ")");
            line(&mut out, call, &mut a);
        })*
        out
    }};
}

fn line(out: &mut String, call: &str, a: &mut X64Asm) {
    let done = a.finish().unwrap();
    let lines = disassemble(Arch::X64, &done.code[..done.data_start as usize]);
    let mut texts: Vec<String> = lines.into_iter().map(|l| l.text).collect();
    for r in &done.relocs {
        let (kind, symbol) = (r.kind, r.symbol);
        texts.push(format!("<{kind:?} {symbol:?} {} @{}>", r.addend, r.offset));
    }
    for chunk in done.code[done.data_start as usize..].chunks(8) {
        texts.push(format!("<data {}>", hex(chunk)));
    }
    writeln!(out, "{call:58} | {}", texts.join("; ")).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn all_forms() -> String {
    use Alu::*;
    let mut out = forms! {
        mov(W32, RAX, RDI); mov(W64, R8, RAX); mov(W64, RAX, RAX); mov(W32, RAX, RAX); mov(W8, RSI, R9);
        mov_imm(W32, RAX, 0); mov_imm(W32, R9, -1); mov_imm(W64, RAX, 0xffff_ffff); mov_imm(W64, R10, -2);
        mov_imm(W64, RCX, 0x1234_5678_9abc); zero(R14);
        extend(Ext::Zx8, RAX, RSI); extend(Ext::Zx8, R8, RBX); extend(Ext::Zx16, RAX, R9); extend(Ext::Zx32, RAX, RAX);
        extend(Ext::Full64, RAX, RAX); extend(Ext::Full64, RAX, RCX); extend(Ext::Sx8To32, RAX, RDI);
        extend(Ext::Sx16To32, RAX, RDI); extend(Ext::Sx8To64, RAX, RBP); extend(Ext::Sx16To64, RAX, RDI);
        extend(Ext::Sx32To64, R15, RDI);
        load(Ext::Zx8, RAX, M); load(Ext::Zx16, RAX, M); load(Ext::Zx32, RAX, M); load(Ext::Full64, RAX, X);
        load(Ext::Sx8To32, RAX, M); load(Ext::Sx16To32, RAX, M); load(Ext::Sx8To64, RAX, M); load(Ext::Sx16To64, RAX, M);
        load(Ext::Sx32To64, RAX, M);
        store(W8, M, RSI); store(W8, M, R9); store(W8, M, RAX); store(W16, M, RSI); store(W32, M, RSI); store(W64, X, RSI);
        store_imm(W8, M, -1); store_imm(W16, M, 0x1234); store_imm(W32, M, 7); store_imm(W64, X, -7);
        lea(RAX, M); lea(RAX, X); lea(RAX, Mem::new(RDI, 0)); lea(RSP, Mem::new(RBP, -40));
        load_symbol(RAX, vtable()); load_symbol(R9, cell()); load_symbol(R9, Symbol::VmData(3));
        load_symbol(RCX, Symbol::Helper(Helper::Sin)); load_symbol(RCX, Symbol::Helper(Helper::Throw));
        alu(Add, W32, RAX, RCX); alu(Add, W64, R8, 1); alu(Add, W64, R8, 128); alu(Add, W16, RDX, 0x1234); alu(Add, W8, RSI, 5);
        alu(Or, W32, RAX, M); alu(Adc, W32, RAX, RDX); alu(Sbb, W64, RAX, X); alu(And, W64, RSP, -16); alu(Sub, W8, RAX, RDI);
        alu(Sub, W8, RDI, M); alu(Xor, W32, R9, R9); alu(Xor, W16, R9, R10);
        alu_mem(Add, W32, M, RAX); alu_mem(Sub, W64, X, 1); alu_mem(And, W8, M, 0x0f); alu_mem(Or, W8, M, RDI); alu_mem(Add, W16, M, 1000);
        alu_mem(Add, W32, M, 1000); count_down(cell(), 1); count_down(cell(), 1000);
        unary(Unary::Neg, W32, RAX); unary(Unary::Not, W64, R9); unary(Unary::Neg, W8, RDI);
        mul(W32, RAX, RCX); mul(W64, RAX, M); mul(W32, RAX, 10); mul(W32, RAX, 1000);
        mul_imm(W64, RAX, RCX, 24); mul_imm(W32, RAX, M, -300);
        mul_wide(true, W64, RCX); mul_wide(false, W32, RCX); mul_wide(false, W64, M);
        div(true, W32, RCX); div(true, W64, R8); div(false, W32, RCX); div(false, W64, M);
        shift_imm(Shift::Shl, W32, RAX, 3); shift_imm(Shift::Shr, W64, R9, 63); shift_imm(Shift::Sar, W32, RAX, 31);
        shift_imm(Shift::Rol, W16, RAX, 8); shift(Shift::Shl, W64, RAX); shift(Shift::Shr, W32, RAX); shift(Shift::Sar, W64, R8);
        shift(Shift::Ror, W32, RDX); shift(Shift::Shl, W8, RDI);
        cmp(W32, RAX, RCX); cmp(W64, RAX, 0); cmp(W64, RAX, 100); cmp(W32, RAX, 1000); cmp(W8, RSI, 1); cmp(W64, RSP, M); cmp(W16, RAX, 300);
        cmp_mem(W8, M, -1); cmp_mem(W64, X, R9); cmp_mem(W32, M, 70000); cmp_mem(W16, M, RAX);
        test(W32, RAX, RAX); test(W8, RDI, RDI); test(W64, R9, 8); test(W8, RSI, 1); test(W32, RAX, M);
        test_mem(W8, M, 1); test_mem(W32, M, RAX); test_mem(W64, M, 2); test_mem(W16, M, 2);
        bit_test(W32, RAX, RCX); bit_test(W64, R9, 63);
        set(Cond::Eq, RAX); set(Cond::Lt, RSI); set(Cond::AboveEq, R9);
        cmov(Cond::Ne, W32, RAX, RCX); cmov(Cond::Gt, W64, R9, M);
        push(RAX); push(R12); push_imm(1); push_imm(1000); push_mem(M); pop(RAX); pop(R15);
        atomic_swap(W32, M, RAX); atomic_swap(W8, M, RSI); atomic_cas(W64, M, R9); atomic_cas(W8, M, RDI); atomic_cas(W16, M, RDI);
        atomic_add(W32, M, RCX); atomic_add(W64, X, RCX); fence();
        copy_block(M, X, 31); copy_block(M, X, 16); copy_block(M, X, 0); zero_block(M, 27); zero_block(M, 8);
        fmov(FTy::F64, XMM0, XMM9); fmov(FTy::F64, XMM9, XMM9); fconst(FTy::F64, XMM3, 0); fconst(FTy::F64, XMM3, 0x3ff0_0000_0000_0000);
        fconst(FTy::F32, XMM8, 0x3f80_0000);
        fload(FTy::F32, XMM1, M); fload(FTy::F64, XMM8, X); fstore(FTy::F32, M, XMM1); fstore(FTy::F64, X, XMM15);
        fload_wide(XMM8, M); fstore_wide(M, XMM1);
        falu(FAlu::Add, FTy::F32, XMM0, XMM1); falu(FAlu::Sub, FTy::F64, XMM8, XMM1); falu(FAlu::Mul, FTy::F64, XMM0, M);
        falu(FAlu::Div, FTy::F32, XMM0, XMM12); fsqrt(FTy::F64, XMM1, XMM2); fsqrt(FTy::F32, XMM1, M);
        fneg(FTy::F32, XMM1); fneg(FTy::F64, XMM9); fabs(FTy::F32, XMM1); fabs(FTy::F64, XMM1);
        fround(Rounding::Nearest, FTy::F64, XMM1, XMM2); fround(Rounding::Floor, FTy::F32, XMM8, XMM2);
        fround(Rounding::Ceil, FTy::F64, XMM1, M); fround(Rounding::Trunc, FTy::F64, XMM1, XMM10);
        fset(FCond::Eq, FTy::F64, RAX, XMM0, XMM1); fset(FCond::NeUn, FTy::F32, RSI, XMM0, XMM9); fset(FCond::Lt, FTy::F64, RAX, XMM0, XMM1);
        fset(FCond::GeUn, FTy::F32, R9, XMM0, XMM1); fset(FCond::Unordered, FTy::F64, RDI, XMM0, XMM1); fset(FCond::Ordered, FTy::F64, RAX, XMM0, XMM1);
        int_to_float(W32, FTy::F64, XMM1, RAX); int_to_float(W64, FTy::F32, XMM9, R9); int_to_float(W64, FTy::F64, XMM1, M);
        float_to_int(FTy::F64, W32, RAX, XMM1); float_to_int(FTy::F32, W64, R9, XMM1); float_to_int(FTy::F64, W64, RAX, M);
        fconvert(FTy::F32, XMM1, XMM2); fconvert(FTy::F64, XMM1, M);
        bits_to_float(FTy::F32, XMM1, RAX); bits_to_float(FTy::F64, XMM9, R9); float_to_bits(FTy::F32, RAX, XMM1); float_to_bits(FTy::F64, R9, XMM9);
        jmp_reg(RAX); jmp_reg(R11); jmp_mem(M); jmp_symbol(Symbol::InterfaceStub(MethodId::from_index(1))); jmp_cell(cell());
        jmp_symbol(Symbol::Native(1)); call_reg(R9); call_mem(X); call_symbol(Symbol::Helper(Helper::Throw)); call_symbol(Symbol::Helper(Helper::Sin));
        call_cell(cell()); ret(0); ret(16); trap();
        align(1);
    };
    for cond in CONDS {
        let mut a = X64Asm::default();
        let l = a.new_label();
        a.bind(l);
        a.jcc(cond, l);
        line(&mut out, &format!("jcc({cond:?}, back)"), &mut a);
        let l = a.new_label();
        a.jcc(cond, l);
        a.trap();
        a.bind(l);
        line(&mut out, &format!("jcc({cond:?}, over trap)"), &mut a);
    }
    for cond in FCONDS {
        let mut a = X64Asm::default();
        let l = a.new_label();
        a.fjcc(cond, FTy::F64, XMM0, XMM9, l);
        a.trap();
        a.bind(l);
        line(&mut out, &format!("fjcc({cond:?}, over trap)"), &mut a);
    }
    let mut a = X64Asm::default();
    let (l, m) = (a.new_label(), a.new_label());
    a.bind(l);
    a.jump_table(RAX, RCX, &[l, m, m]);
    a.bind(m);
    a.lea_label(RDX, l);
    a.call_label(m);
    a.jmp(l);
    a.jmp(m);
    a.align(64);
    line(
        &mut out,
        "jump_table, lea_label, call_label, jmp, align",
        &mut a,
    );
    out
}

const CONDS: [Cond; 16] = [
    Cond::Eq,
    Cond::Ne,
    Cond::Lt,
    Cond::Le,
    Cond::Gt,
    Cond::Ge,
    Cond::Below,
    Cond::BelowEq,
    Cond::Above,
    Cond::AboveEq,
    Cond::Overflow,
    Cond::NoOverflow,
    Cond::Carry,
    Cond::NoCarry,
    Cond::Neg,
    Cond::NonNeg,
];

const FCONDS: [FCond; 12] = [
    FCond::Eq,
    FCond::NeUn,
    FCond::Lt,
    FCond::Le,
    FCond::Gt,
    FCond::Ge,
    FCond::LtUn,
    FCond::LeUn,
    FCond::GtUn,
    FCond::GeUn,
    FCond::Ordered,
    FCond::Unordered,
];

#[test]
fn forms_are_what_the_golden_file_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/x64-forms.txt");
    let found = all_forms();
    if std::env::var_os("ISTHMUS_BLESS").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    for (f, e) in found.lines().zip(expected.lines()) {
        assert_eq!(f, e);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
    assert!(!found.contains("(bad)"));
}

fn decode_one(a: &mut X64Asm) -> Instruction {
    let done = a.finish().unwrap();
    let mut decoder = Decoder::with_ip(64, &done.code, 0, DecoderOptions::NONE);
    let i = decoder.decode();
    assert!(!i.is_invalid());
    assert_eq!(i.len(), done.code.len(), "one instruction");
    i
}

fn reg64(r: u8) -> Register {
    use Register::*;
    [
        RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
    ][usize::from(r)]
}

fn reg8(r: u8) -> Register {
    use Register::*;
    [
        AL, CL, DL, BL, SPL, BPL, SIL, DIL, R8L, R9L, R10L, R11L, R12L, R13L, R14L, R15L,
    ][usize::from(r)]
}

#[test]
fn every_memory_operand_is_encoded_as_meant() {
    let mut a = X64Asm::default();
    let disps = [0, 1, -1, 127, -128, 128, -129, i32::MAX, i32::MIN];
    for base in 0..16 {
        for disp in disps {
            let plain = Mem::new(Gpr(base), disp);
            let scales = [Scale::S1, Scale::S2, Scale::S4, Scale::S8];
            let indexed = (0..16)
                .filter(|&i| i != 4)
                .flat_map(|i| scales.map(|s| Mem::indexed(Gpr(base), Gpr(i), s, disp)));
            for mem in indexed.chain([plain]) {
                a.store(W64, mem, Gpr(15 - base));
                assert_eq!(a.last_access(), 0);
                let i = decode_one(&mut a);
                assert_eq!(i.memory_base(), reg64(base));
                assert_eq!(i.memory_displacement64() as i64, i64::from(disp));
                assert_eq!(i.op1_register(), reg64(15 - base));
                match mem.index {
                    Some((index, scale)) => {
                        assert_eq!(i.memory_index(), reg64(index.0));
                        assert_eq!(i.memory_index_scale(), 1 << scale.log2());
                    }
                    None => assert_eq!(i.memory_index(), Register::None),
                }
            }
        }
    }
}

#[test]
fn every_register_is_encoded_as_meant() {
    let mut a = X64Asm::default();
    for (r, s) in (0..16).flat_map(|r| (0..16).map(move |s| (r, s))) {
        a.alu(Alu::Add, W64, Gpr(r), Gpr(s));
        let i = decode_one(&mut a);
        assert_eq!((i.op0_register(), i.op1_register()), (reg64(r), reg64(s)));
        a.alu(Alu::Add, W8, Gpr(r), Gpr(s));
        let i = decode_one(&mut a);
        assert_eq!((i.op0_register(), i.op1_register()), (reg8(r), reg8(s)));
        a.test(W8, Gpr(r), Gpr(s));
        let i = decode_one(&mut a);
        assert_eq!((i.op0_register(), i.op1_register()), (reg8(r), reg8(s)));
        a.extend(Ext::Sx8To64, Gpr(r), Gpr(s));
        let i = decode_one(&mut a);
        assert_eq!((i.op0_register(), i.op1_register()), (reg64(r), reg8(s)));
        a.falu(FAlu::Add, FTy::F64, Fpr(r), Fpr(s));
        let i = decode_one(&mut a);
        let xmm = |n: u8| Register::XMM0 + u32::from(n);
        assert_eq!((i.op0_register(), i.op1_register()), (xmm(r), xmm(s)));
        a.atomic_cas(W8, Mem::new(Gpr(r), 0), Gpr(s));
        let i = decode_one(&mut a);
        assert_eq!((i.memory_base(), i.op1_register()), (reg64(r), reg8(s)));
        assert!(i.has_lock_prefix());
    }
    for r in 0..16 {
        for (w, imm) in [(W8, 5), (W32, 5), (W64, 500)] {
            a.cmp(w, Gpr(r), imm);
            let i = decode_one(&mut a);
            let reg = if w == W8 { reg8(r) } else { reg64(r) };
            assert_eq!(i.op0_register().full_register(), reg.full_register());
            assert!(w != W8 || i.op0_register() == reg);
            assert_ne!(i.op1_kind(), OpKind::Register);
            assert_eq!(i.immediate(1), imm as u64);
        }
        a.push(Gpr(r));
        assert_eq!(decode_one(&mut a).op0_register(), reg64(r));
    }
}

#[test]
fn mistakes_are_errors() {
    let mut a = X64Asm::default();
    let l = a.new_label();
    a.jmp(l);
    let error = a.finish().unwrap_err();
    assert_eq!(error.to_string(), "label 0 is used at 0x1 but not bound");
    a.cmov(Cond::Eq, W32, RAX, 3);
    assert!(a.finish().is_err());
    a.load(Ext::Zx8, RAX, Mem::indexed(RAX, RSP, Scale::S1, 0));
    assert!(a.finish().is_err());
    a.ret(1 << 16);
    assert!(a.finish().is_err());
    // The assembler is empty again after an error.
    a.ret(0);
    assert_eq!(a.finish().unwrap().code, [0xc3]);
}

#[test]
fn constants_are_shared_and_aligned() {
    let mut a = X64Asm::default();
    for _ in 0..3 {
        a.fconst(FTy::F64, XMM0, 5);
        a.fneg(FTy::F64, XMM0);
    }
    let done = a.finish().unwrap();
    let data = done.code.len() - done.data_start as usize;
    assert!((24..24 + 16).contains(&data));
    assert_eq!((done.code.len() - 8) % 16, 0);
}

#[test]
fn far_branches_and_backward_ones_take_the_long_form() {
    let mut a = X64Asm::default();
    let l = a.new_label();
    a.bind(l);
    (0..130).for_each(|_| a.push(RAX));
    a.jmp(l);
    let done = a.finish().unwrap();
    let lines = disassemble(Arch::X64, &done.code);
    assert_eq!(lines.last().unwrap().text, "jmp 0");
    assert_eq!(lines.last().unwrap().len, 5);
}
