//! SSE scalar operations.

use super::X64Asm;
use super::encode::{Op, Rip};
use super::int::cc;
use crate::buffer::Target;
use crate::macro_asm::{AsmControl, AsmCore, AsmFloat, AsmInt};
use crate::operand::*;

/// Prefix of a scalar operation.
fn scalar(ty: FTy, code: u8) -> Op {
    Op::of(code).prefix(match ty {
        FTy::F32 => 0xf3,
        FTy::F64 => 0xf2,
    })
}

/// How a float comparison reads the flags of `ucomis a, b` (or `b, a`: `swap`).
enum Compare {
    Flag { swap: bool, cond: Cond },
    Parity { set: bool },
    Equal { negated: bool },
}

/// After `ucomis a, b`: unordered ZF=PF=CF=1, greater all 0, less CF=1, equal ZF=1.
fn compare(cond: FCond) -> Compare {
    let flag = |swap, cond| Compare::Flag { swap, cond };
    match cond {
        FCond::Gt => flag(false, Cond::Above),
        FCond::Ge => flag(false, Cond::AboveEq),
        FCond::Lt => flag(true, Cond::Above),
        FCond::Le => flag(true, Cond::AboveEq),
        FCond::LtUn => flag(false, Cond::Below),
        FCond::LeUn => flag(false, Cond::BelowEq),
        FCond::GtUn => flag(true, Cond::Below),
        FCond::GeUn => flag(true, Cond::BelowEq),
        FCond::Unordered => Compare::Parity { set: true },
        FCond::Ordered => Compare::Parity { set: false },
        FCond::Eq => Compare::Equal { negated: false },
        FCond::NeUn => Compare::Equal { negated: true },
    }
}

const PARITY: u8 = 0xa;
const NO_PARITY: u8 = 0xb;

impl X64Asm {
    fn freg_src(&mut self, op: Op, reg: u8, src: FSrc) {
        match src {
            FSrc::Reg(src) => self.op_rr(op, reg, src.0),
            FSrc::Mem(src) => self.op_rm(op, reg, src),
        }
    }

    fn ucomis(&mut self, ty: FTy, a: Fpr, b: Fpr) {
        let op = match ty {
            FTy::F32 => Op::of(0x2e),
            FTy::F64 => Op::of(0x2e).prefix(0x66),
        };
        self.op_rr(op, a.0, b.0);
    }

    fn jcc_code(&mut self, code: u8, target: Label) {
        self.raw(&[0x0f, 0x80 | code]);
        self.rel32(Rip::Here(Target::Label(target)), 0);
    }

    /// Combines with a constant 16 bytes wide.
    fn with_mask(&mut self, code: u8, dst: Fpr, mask: u128) {
        let to = Rip::Here(self.buf.wide(mask));
        self.op_rip(Op::of(code), dst.0, to, 0);
    }
}

fn sign_mask(ty: FTy) -> u128 {
    match ty {
        FTy::F32 => 0x8000_0000,
        FTy::F64 => 1 << 63,
    }
}

impl AsmFloat for X64Asm {
    #[inline]
    fn fmov(&mut self, _: FTy, dst: Fpr, src: Fpr) {
        if dst != src {
            self.op_rr(Op::of(0x28), dst.0, src.0); // movaps
        }
    }

    fn fconst(&mut self, ty: FTy, dst: Fpr, bits: u64) {
        if bits == 0 {
            return self.op_rr(Op::of(0x57), dst.0, dst.0); // xorps
        }
        let to = Rip::Here(self.buf.word(bits));
        self.op_rip(scalar(ty, 0x10), dst.0, to, 0);
    }

    #[inline]
    fn fload(&mut self, ty: FTy, dst: Fpr, mem: Mem) {
        self.op_rm(scalar(ty, 0x10), dst.0, mem);
    }

    #[inline]
    fn fstore(&mut self, ty: FTy, mem: Mem, src: Fpr) {
        self.op_rm(scalar(ty, 0x11), src.0, mem);
    }

    fn fload_wide(&mut self, dst: Fpr, mem: Mem) {
        self.op_rm(Op::of(0x10), dst.0, mem); // movups
    }

    fn fstore_wide(&mut self, mem: Mem, src: Fpr) {
        self.op_rm(Op::of(0x11), src.0, mem); // movups
    }

    fn falu(&mut self, op: FAlu, ty: FTy, dst: Fpr, src: impl Into<FSrc>) {
        let code = match op {
            FAlu::Add => 0x58,
            FAlu::Mul => 0x59,
            FAlu::Sub => 0x5c,
            FAlu::Div => 0x5e,
        };
        self.freg_src(scalar(ty, code), dst.0, src.into());
    }

    fn fsqrt(&mut self, ty: FTy, dst: Fpr, src: impl Into<FSrc>) {
        self.freg_src(scalar(ty, 0x51), dst.0, src.into());
    }

    fn fneg(&mut self, ty: FTy, dst: Fpr) {
        self.with_mask(0x57, dst, sign_mask(ty)); // xorps
    }

    fn fabs(&mut self, ty: FTy, dst: Fpr) {
        self.with_mask(0x54, dst, sign_mask(ty) - 1); // andps
    }

    fn fround(&mut self, mode: Rounding, ty: FTy, dst: Fpr, src: impl Into<FSrc>) {
        let code = match ty {
            FTy::F32 => 0x0a,
            FTy::F64 => 0x0b,
        };
        // Bit 3: no precision exception.
        let mode = match mode {
            Rounding::Nearest => 8,
            Rounding::Floor => 9,
            Rounding::Ceil => 10,
            Rounding::Trunc => 11,
        };
        self.freg_src(Op::of3a(code).prefix(0x66), dst.0, src.into());
        self.raw(&[mode]);
    }

    fn fjcc(&mut self, cond: FCond, ty: FTy, a: Fpr, b: Fpr, target: Label) {
        match compare(cond) {
            Compare::Flag { swap, cond } => {
                let (a, b) = if swap { (b, a) } else { (a, b) };
                self.ucomis(ty, a, b);
                self.jcc(cond, target);
            }
            Compare::Parity { set } => {
                self.ucomis(ty, a, b);
                self.jcc_code(if set { PARITY } else { NO_PARITY }, target);
            }
            Compare::Equal { negated: true } => {
                self.ucomis(ty, a, b);
                self.jcc_code(PARITY, target);
                self.jcc(Cond::Ne, target);
            }
            Compare::Equal { negated: false } => {
                self.ucomis(ty, a, b);
                let unordered = self.new_label();
                self.jcc_code(PARITY, unordered);
                self.jcc(Cond::Eq, target);
                self.bind(unordered);
            }
        }
    }

    fn fset(&mut self, cond: FCond, ty: FTy, dst: Gpr, a: Fpr, b: Fpr) {
        let code = match compare(cond) {
            Compare::Flag { swap, cond } => {
                let (a, b) = if swap { (b, a) } else { (a, b) };
                self.ucomis(ty, a, b);
                cc(cond)
            }
            Compare::Parity { set } => {
                self.ucomis(ty, a, b);
                if set { PARITY } else { NO_PARITY }
            }
            Compare::Equal { negated } => {
                // cmps gives all ones or all zeros, with NaN unequal to everything.
                let t = Self::FSCRATCH;
                self.fmov(ty, t, a);
                self.op_rr(scalar(ty, 0xc2), t.0, b.0);
                self.raw(&[if negated { 4 } else { 0 }]);
                self.float_to_bits(FTy::F32, dst, t);
                return self.alu(Alu::And, Width::W32, dst, 1);
            }
        };
        self.op_rr(Op::of(0x90 | code).byte_reg(dst.0), 0, dst.0);
        self.extend(Ext::Zx8, dst, dst);
    }

    fn int_to_float(&mut self, w: Width, ty: FTy, dst: Fpr, src: impl Into<Src>) {
        // The conversion keeps the upper part of `dst`: clear it, so that there is no false dependence.
        self.op_rr(Op::of(0x57), dst.0, dst.0);
        let op = scalar(ty, 0x2a).wide(w == Width::W64);
        self.reg_src(op, dst.0, src.into());
    }

    fn float_to_int(&mut self, ty: FTy, w: Width, dst: Gpr, src: impl Into<FSrc>) {
        let op = scalar(ty, 0x2c).wide(w == Width::W64);
        self.freg_src(op, dst.0, src.into());
    }

    fn fconvert(&mut self, from: FTy, dst: Fpr, src: impl Into<FSrc>) {
        self.freg_src(scalar(from, 0x5a), dst.0, src.into());
    }

    fn bits_to_float(&mut self, ty: FTy, dst: Fpr, src: Gpr) {
        let op = Op::of(0x6e).prefix(0x66).wide(ty == FTy::F64);
        self.op_rr(op, dst.0, src.0);
    }

    fn float_to_bits(&mut self, ty: FTy, dst: Gpr, src: Fpr) {
        let op = Op::of(0x7e).prefix(0x66).wide(ty == FTy::F64);
        self.op_rr(op, src.0, dst.0);
    }
}
