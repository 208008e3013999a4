//! Integer operations, addresses, memory, atomics, blocks.

use super::X64Asm;
use super::encode::{Op, Rip};
use super::regs::*;
use crate::buffer::Target;
use crate::macro_asm::{AsmCore, AsmFloat, AsmInt};
use crate::operand::*;
use crate::reach::{Reach, reach};
use isthmus_runtime_abi::symbol::{RelocKind, Symbol};

/// The number of an operation in the row of eight (ModRM.reg of 80/81/83, bits 3-5 of the other opcodes).
fn alu_number(op: Alu) -> u8 {
    match op {
        Alu::Add => 0,
        Alu::Or => 1,
        Alu::Adc => 2,
        Alu::Sbb => 3,
        Alu::And => 4,
        Alu::Sub => 5,
        Alu::Xor => 6,
    }
}

const CMP: u8 = 7;

fn shift_number(op: Shift) -> u8 {
    match op {
        Shift::Rol => 0,
        Shift::Ror => 1,
        Shift::Shl => 4,
        Shift::Shr => 5,
        Shift::Sar => 7,
    }
}

/// The condition code in opcodes.
pub(super) fn cc(cond: Cond) -> u8 {
    match cond {
        Cond::Overflow => 0x0,
        Cond::NoOverflow => 0x1,
        Cond::Below | Cond::Carry => 0x2,
        Cond::AboveEq | Cond::NoCarry => 0x3,
        Cond::Eq => 0x4,
        Cond::Ne => 0x5,
        Cond::BelowEq => 0x6,
        Cond::Above => 0x7,
        Cond::Neg => 0x8,
        Cond::NonNeg => 0x9,
        Cond::Lt => 0xc,
        Cond::Ge => 0xd,
        Cond::Le => 0xe,
        Cond::Gt => 0xf,
    }
}

/// The opcode of a load or extension, and whether its register source is an 8-bit register.
fn ext_op(ext: Ext) -> (Op, bool) {
    match ext {
        Ext::Zx8 => (Op::of(0xb6), true),
        Ext::Zx16 => (Op::of(0xb7), false),
        Ext::Zx32 => (Op::one(0x8b), false),
        Ext::Full64 => (Op::one(0x8b).wide(true), false),
        Ext::Sx8To32 => (Op::of(0xbe), true),
        Ext::Sx16To32 => (Op::of(0xbf), false),
        Ext::Sx8To64 => (Op::of(0xbe).wide(true), true),
        Ext::Sx16To64 => (Op::of(0xbf).wide(true), false),
        Ext::Sx32To64 => (Op::one(0x63).wide(true), false),
    }
}

fn fits8(v: i32) -> bool {
    i8::try_from(v).is_ok()
}

impl X64Asm {
    /// One of the eight two-operand operations on a register.
    #[inline]
    fn row(&mut self, n: u8, w: Width, dst: Gpr, src: Src) {
        match src {
            // op r/m, r
            Src::Reg(src) => {
                let op = Op::int(Op::one(n << 3), w);
                let op = if w == Width::W8 {
                    op.byte_reg(dst.0).byte_reg(src.0)
                } else {
                    op
                };
                self.op_rr(op, src.0, dst.0);
            }
            // op r, r/m
            Src::Mem(src) => {
                let op = Op::int(Op::one(n << 3 | 2), w);
                let op = if w == Width::W8 {
                    op.byte_reg(dst.0)
                } else {
                    op
                };
                self.op_rm(op, dst.0, src);
            }
            Src::Imm(value) if w == Width::W8 => {
                self.op_rr(Op::one(0x80).byte_reg(dst.0), n, dst.0);
                self.imm(w, value);
            }
            Src::Imm(value) if fits8(value) => {
                self.op_rr(Op::one(0x83).width(w), n, dst.0);
                self.imm(Width::W8, value);
            }
            Src::Imm(value) => {
                self.op_rr(Op::one(0x81).width(w), n, dst.0);
                self.imm(w, value);
            }
        }
    }

    /// One of the eight two-operand operations on memory.
    fn row_mem(&mut self, n: u8, w: Width, mem: Mem, src: Src) {
        match src {
            Src::Reg(src) => {
                let op = Op::int(Op::one(n << 3), w);
                let op = if w == Width::W8 {
                    op.byte_reg(src.0)
                } else {
                    op
                };
                self.op_rm(op, src.0, mem);
            }
            Src::Imm(value) if w != Width::W8 && fits8(value) => {
                self.op_rm(Op::one(0x83).width(w), n, mem);
                self.imm(Width::W8, value);
            }
            Src::Imm(value) => {
                self.op_rm(Op::int(Op::one(0x80), w), n, mem);
                self.imm(w, value);
            }
            Src::Mem(_) => self.buf.fail("operation on memory"),
        }
    }

    /// An operation `op reg, r/m`; constants are not possible.
    #[inline]
    pub(super) fn reg_src(&mut self, op: Op, reg: u8, src: Src) {
        match src {
            Src::Reg(src) => self.op_rr(op, reg, src.0),
            Src::Mem(src) => self.op_rm(op, reg, src),
            Src::Imm(_) => self.buf.fail("operation without constant form"),
        }
    }
}

impl AsmInt for X64Asm {
    #[inline]
    fn mov(&mut self, w: Width, dst: Gpr, src: Gpr) {
        if w == Width::W32 || dst != src {
            let op = Op::one(0x89).wide(w == Width::W64);
            self.op_rr(op, src.0, dst.0);
        }
    }

    #[inline]
    fn mov_imm(&mut self, w: Width, dst: Gpr, value: i64) {
        if w != Width::W64 || u32::try_from(value).is_ok() {
            self.op_o(Op::one(0xb8), dst.0);
            self.imm(Width::W32, value as i32);
        } else if let Ok(v) = i32::try_from(value) {
            self.op_rr(Op::one(0xc7).wide(true), 0, dst.0);
            self.imm(Width::W32, v);
        } else {
            self.op_o(Op::one(0xb8).wide(true), dst.0);
            self.raw(&value.to_le_bytes());
        }
    }

    fn zero(&mut self, dst: Gpr) {
        self.alu(Alu::Xor, Width::W32, dst, dst);
    }

    #[inline]
    fn extend(&mut self, ext: Ext, dst: Gpr, src: Gpr) {
        if ext == Ext::Full64 && dst == src {
            return;
        }
        let (op, byte) = ext_op(ext);
        self.op_rr(if byte { op.byte_reg(src.0) } else { op }, dst.0, src.0);
    }

    #[inline]
    fn load(&mut self, ext: Ext, dst: Gpr, mem: Mem) {
        self.op_rm(ext_op(ext).0, dst.0, mem);
    }

    #[inline]
    fn store(&mut self, w: Width, mem: Mem, src: Gpr) {
        let op = Op::int(Op::one(0x88), w);
        let op = if w == Width::W8 {
            op.byte_reg(src.0)
        } else {
            op
        };
        self.op_rm(op, src.0, mem);
    }

    fn store_imm(&mut self, w: Width, mem: Mem, value: i32) {
        self.op_rm(Op::int(Op::one(0xc6), w), 0, mem);
        self.imm(w, value);
    }

    #[inline]
    fn lea(&mut self, dst: Gpr, mem: Mem) {
        if mem.index.is_none() && mem.disp == 0 {
            return self.mov(Width::W64, dst, mem.base);
        }
        let access = self.buf.last_access;
        self.op_rm(Op::one(0x8d).wide(true), dst.0, mem);
        self.buf.last_access = access;
    }

    fn lea_label(&mut self, dst: Gpr, label: Label) {
        let to = Rip::Here(Target::Label(label));
        self.op_rip(Op::one(0x8d).wide(true), dst.0, to, 0);
    }

    fn load_symbol(&mut self, dst: Gpr, symbol: Symbol) {
        let wide = |code| Op::one(code).wide(true);
        match reach(symbol) {
            Reach::Low => {
                self.op_o(Op::one(0xb8), dst.0);
                let at = self.offset();
                self.raw(&[0; 4]);
                self.buf.reloc(at, RelocKind::Abs32, symbol, 0);
            }
            Reach::Near => {
                let to = Rip::Symbol(RelocKind::X64PcRel32, symbol);
                self.op_rip(wide(0x8d), dst.0, to, 0);
            }
            Reach::Far => {
                let to = Rip::Symbol(RelocKind::X64GotPcRel32, symbol);
                self.op_rip(wide(0x8b), dst.0, to, 0);
            }
        }
    }

    fn count_down(&mut self, symbol: Symbol, by: i32) {
        let to = Rip::Symbol(RelocKind::X64PcRel32, symbol);
        match i8::try_from(by) {
            Ok(by) => {
                self.op_rip(Op::one(0x83), 5, to, 1);
                self.raw(&[by as u8]);
            }
            Err(_) => {
                self.op_rip(Op::one(0x81), 5, to, 4);
                self.raw(&by.to_le_bytes());
            }
        }
    }

    #[inline]
    fn alu(&mut self, op: Alu, w: Width, dst: Gpr, src: impl Into<Src>) {
        self.row(alu_number(op), w, dst, src.into());
    }

    fn alu_mem(&mut self, op: Alu, w: Width, mem: Mem, src: impl Into<Src>) {
        self.row_mem(alu_number(op), w, mem, src.into());
    }

    fn unary(&mut self, op: Unary, w: Width, dst: Gpr) {
        let n = match op {
            Unary::Not => 2,
            Unary::Neg => 3,
        };
        let code = Op::int(Op::one(0xf6), w);
        let code = if w == Width::W8 {
            code.byte_reg(dst.0)
        } else {
            code
        };
        self.op_rr(code, n, dst.0);
    }

    fn mul(&mut self, w: Width, dst: Gpr, src: impl Into<Src>) {
        match src.into() {
            Src::Imm(value) => self.mul_imm(w, dst, dst, value),
            src => self.reg_src(Op::of(0xaf).width(w), dst.0, src),
        }
    }

    fn mul_imm(&mut self, w: Width, dst: Gpr, src: impl Into<Src>, value: i32) {
        let (code, imm) = if fits8(value) {
            (0x6b, Width::W8)
        } else {
            (0x69, w)
        };
        self.reg_src(Op::one(code).width(w), dst.0, src.into());
        self.imm(imm, value);
    }

    fn mul_wide(&mut self, signed: bool, w: Width, src: impl Into<Src>) {
        let n = if signed { 5 } else { 4 };
        self.reg_src(Op::one(0xf7).width(w), n, src.into());
    }

    fn div(&mut self, signed: bool, w: Width, src: impl Into<Src>) {
        let n = if signed {
            match w {
                Width::W64 => self.raw(&[0x48, 0x99]), // cqo
                _ => self.raw(&[0x99]),                // cdq
            }
            7
        } else {
            self.zero(RDX);
            6
        };
        self.buf.last_access = self.offset();
        self.reg_src(Op::one(0xf7).width(w), n, src.into());
    }

    fn shift_imm(&mut self, op: Shift, w: Width, dst: Gpr, count: u8) {
        let code = Op::int(Op::one(0xc0), w);
        let code = if w == Width::W8 {
            code.byte_reg(dst.0)
        } else {
            code
        };
        self.op_rr(code, shift_number(op), dst.0);
        self.raw(&[count]);
    }

    fn shift(&mut self, op: Shift, w: Width, dst: Gpr) {
        let code = Op::int(Op::one(0xd2), w);
        let code = if w == Width::W8 {
            code.byte_reg(dst.0)
        } else {
            code
        };
        self.op_rr(code, shift_number(op), dst.0);
    }

    #[inline]
    fn cmp(&mut self, w: Width, a: Gpr, b: impl Into<Src>) {
        match b.into() {
            Src::Imm(0) => self.test(w, a, a),
            b => self.row(CMP, w, a, b),
        }
    }

    fn cmp_mem(&mut self, w: Width, a: Mem, b: impl Into<Src>) {
        self.row_mem(CMP, w, a, b.into());
    }

    fn test(&mut self, w: Width, a: Gpr, b: impl Into<Src>) {
        let byte = |op: Op, r: Gpr| {
            if w == Width::W8 { op.byte_reg(r.0) } else { op }
        };
        match b.into() {
            Src::Reg(b) => {
                let op = byte(byte(Op::int(Op::one(0x84), w), a), b);
                self.op_rr(op, b.0, a.0);
            }
            Src::Imm(value) => {
                self.op_rr(byte(Op::int(Op::one(0xf6), w), a), 0, a.0);
                self.imm(w, value);
            }
            Src::Mem(m) => self.test_mem(w, m, a),
        }
    }

    fn test_mem(&mut self, w: Width, a: Mem, b: impl Into<Src>) {
        match b.into() {
            Src::Reg(b) => {
                let op = Op::int(Op::one(0x84), w);
                let op = if w == Width::W8 { op.byte_reg(b.0) } else { op };
                self.op_rm(op, b.0, a);
            }
            Src::Imm(value) => {
                self.op_rm(Op::int(Op::one(0xf6), w), 0, a);
                self.imm(w, value);
            }
            Src::Mem(_) => self.buf.fail("test of memory"),
        }
    }

    fn bit_test(&mut self, w: Width, a: Gpr, bit: impl Into<Src>) {
        match bit.into() {
            Src::Reg(bit) => self.op_rr(Op::of(0xa3).width(w), bit.0, a.0),
            Src::Imm(bit) => {
                self.op_rr(Op::of(0xba).width(w), 4, a.0);
                self.raw(&[bit as u8]);
            }
            Src::Mem(_) => self.buf.fail("bit number in memory"),
        }
    }

    fn set(&mut self, cond: Cond, dst: Gpr) {
        self.op_rr(Op::of(0x90 | cc(cond)).byte_reg(dst.0), 0, dst.0);
        self.extend(Ext::Zx8, dst, dst);
    }

    fn cmov(&mut self, cond: Cond, w: Width, dst: Gpr, src: impl Into<Src>) {
        let op = Op::of(0x40 | cc(cond)).wide(w == Width::W64);
        self.reg_src(op, dst.0, src.into());
    }

    fn push(&mut self, src: Gpr) {
        self.op_o(Op::one(0x50), src.0);
    }

    fn push_imm(&mut self, value: i32) {
        if fits8(value) {
            self.raw(&[0x6a, value as u8]);
        } else {
            self.raw(&[0x68]);
            self.imm(Width::W32, value);
        }
    }

    fn push_mem(&mut self, src: Mem) {
        self.op_rm(Op::one(0xff), 6, src);
    }

    fn pop(&mut self, dst: Gpr) {
        self.op_o(Op::one(0x58), dst.0);
    }

    fn atomic_swap(&mut self, w: Width, mem: Mem, reg: Gpr) {
        let op = Op::int(Op::one(0x86), w);
        let op = if w == Width::W8 {
            op.byte_reg(reg.0)
        } else {
            op
        };
        self.op_rm(op, reg.0, mem);
    }

    fn atomic_cas(&mut self, w: Width, mem: Mem, new: Gpr) {
        self.locked(Op::int(Op::of(0xb0), w), w, mem, new);
    }

    fn atomic_add(&mut self, w: Width, mem: Mem, reg: Gpr) {
        self.locked(Op::int(Op::of(0xc0), w), w, mem, reg);
    }

    fn fence(&mut self) {
        self.raw(&[0x0f, 0xae, 0xf0]); // mfence
    }

    fn copy_block(&mut self, dst: Mem, src: Mem, bytes: u32) {
        let mut at = 0;
        while at + 16 <= bytes as i32 {
            self.fload_wide(Self::FSCRATCH, src.plus(at));
            self.fstore_wide(dst.plus(at), Self::FSCRATCH);
            at += 16;
        }
        for (w, ext) in TAIL {
            if at + w.bytes() as i32 <= bytes as i32 {
                self.load(ext, Self::SCRATCH, src.plus(at));
                self.store(w, dst.plus(at), Self::SCRATCH);
                at += w.bytes() as i32;
            }
        }
    }

    fn zero_block(&mut self, dst: Mem, bytes: u32) {
        let mut at = 0;
        if bytes >= 16 {
            self.fconst(FTy::F64, Self::FSCRATCH, 0);
        }
        while at + 16 <= bytes as i32 {
            self.fstore_wide(dst.plus(at), Self::FSCRATCH);
            at += 16;
        }
        for (w, _) in TAIL {
            if at + w.bytes() as i32 <= bytes as i32 {
                self.store_imm(w, dst.plus(at), 0);
                at += w.bytes() as i32;
            }
        }
    }
}

/// Pieces of a block's last 15 bytes.
const TAIL: [(Width, Ext); 4] = [
    (Width::W64, Ext::Full64),
    (Width::W32, Ext::Zx32),
    (Width::W16, Ext::Zx16),
    (Width::W8, Ext::Zx8),
];

impl X64Asm {
    fn locked(&mut self, op: Op, w: Width, mem: Mem, reg: Gpr) {
        let at = self.offset();
        self.raw(&[0xf0]);
        let op = if w == Width::W8 {
            op.byte_reg(reg.0)
        } else {
            op
        };
        self.op_rm(op, reg.0, mem);
        self.buf.last_access = at;
    }
}
