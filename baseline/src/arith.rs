//! Arithmetic, logic, shifts, division.

use crate::error::R;
use crate::moves::Word;
use crate::state::{Gen, Home};
use crate::target::Target;
use crate::value::{Entry, Loc, fty, width};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::lenient::bin_result;
use isthmus_frontend_ir::op::BinOp;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::StackTy;

impl<A: Target> Gen<'_, A> {
    pub fn op_bin(&mut self, op: BinOp) -> R {
        let mut b = self.pop()?;
        let mut a = self.pop()?;
        let ty = match bin_result(op, a.ty, b.ty) {
            Some(ty) => ty,
            None => {
                return self.invalid(format!("{op:?} does not take {:?} and {:?}", a.ty, b.ty));
            }
        };
        if ty.is_float() {
            self.coerce(&mut a, ty)?;
            self.coerce(&mut b, ty)?;
            return self.float_bin(op, ty, a, b);
        }
        if matches!(op, BinOp::Shl | BinOp::Shr | BinOp::ShrUn) {
            return self.shift(op, ty, a, b);
        }
        if width(ty) == Width::W64 {
            // I32 operands of mixed operations are sign-extended.
            for e in [&mut a, &mut b] {
                if e.ty == StackTy::I32 {
                    self.sign_extend(e)?;
                }
            }
        }
        a.non_null = false;
        match op {
            BinOp::Add | BinOp::Sub | BinOp::And | BinOp::Or | BinOp::Xor => {
                self.simple(op, ty, a, b)
            }
            BinOp::Mul => self.multiply(ty, a, b),
            BinOp::Div | BinOp::DivUn | BinOp::Rem | BinOp::RemUn => self.divide(op, ty, a, b),
            BinOp::AddOvf | BinOp::AddOvfUn | BinOp::SubOvf | BinOp::SubOvfUn => {
                let (alu, cond) = match op {
                    BinOp::AddOvf => (Alu::Add, Cond::Overflow),
                    BinOp::AddOvfUn => (Alu::Add, Cond::Carry),
                    BinOp::SubOvf => (Alu::Sub, Cond::Overflow),
                    _ => (Alu::Sub, Cond::Below),
                };
                let r = self.own(&mut a)?;
                let src = self.src(&mut b)?;
                self.a.alu(alu, width(ty), r, src);
                self.discard(b);
                self.throw_if(cond, TrapKind::Overflow);
                self.push_reg(ty, r);
                Ok(())
            }
            BinOp::MulOvf => {
                let (mut a, mut b) = constant_last(a, b);
                let r = self.own(&mut a)?;
                let src = self.src(&mut b)?;
                self.a.mul(width(ty), r, src);
                self.discard(b);
                self.throw_if(Cond::Overflow, TrapKind::Overflow);
                self.push_reg(ty, r);
                Ok(())
            }
            BinOp::MulOvfUn => {
                let (a, mut b) = self.dividend(a, b)?;
                // The product is LO * b; b is in neither LO nor HI.
                let src = self.reg_or_mem(&mut b)?;
                self.a.mul_wide(false, width(ty), src);
                self.discard(b);
                self.release(A::HI);
                self.throw_if(Cond::Overflow, TrapKind::Overflow);
                self.push_reg(ty, a);
                Ok(())
            }
            BinOp::Shl | BinOp::Shr | BinOp::ShrUn => self.shift(op, ty, a, b),
        }
    }

    fn simple(&mut self, op: BinOp, ty: StackTy, a: Entry, b: Entry) -> R {
        let w = width(ty);
        if let (Loc::Imm(x), Loc::Imm(y)) = (a.loc, b.loc) {
            let v = match op {
                BinOp::Add => x.wrapping_add(y),
                BinOp::Sub => x.wrapping_sub(y),
                BinOp::And => x & y,
                BinOp::Or => x | y,
                _ => x ^ y,
            };
            let v = if w == Width::W32 { v as i32 as i64 } else { v };
            self.push(ty, Loc::Imm(v));
            return Ok(());
        }
        let (mut a, mut b) = if op == BinOp::Sub {
            (a, b)
        } else {
            constant_last(a, b)
        };
        let alu = match op {
            BinOp::Add => Alu::Add,
            BinOp::Sub => Alu::Sub,
            BinOp::And => Alu::And,
            BinOp::Or => Alu::Or,
            _ => Alu::Xor,
        };
        // `x = x op y` in the register of `x`.
        if op != BinOp::Sub && matches!(b.loc, Loc::Var(_)) && !matches!(a.loc, Loc::Var(_)) {
            std::mem::swap(&mut a, &mut b);
        }
        if let Some(v) = self.fuse_store(a.loc, ty)?
            && let Home::Reg(r) = self.vars[v as usize].home
        {
            let src = self.src(&mut b)?;
            self.a.alu(alu, w, r, src);
            self.discard(b);
            return Ok(());
        }
        // Address arithmetic stays symbolic.
        if let (Loc::Imm(v), BinOp::Add | BinOp::Sub, Width::W64) = (b.loc, op, w)
            && let Ok(v) = i32::try_from(v)
            && v != i32::MIN
        {
            let v = if op == BinOp::Sub { -v } else { v };
            let moved = match a.loc {
                Loc::Reg(r) => Some(Loc::RegPlus(r, v)),
                Loc::RegPlus(r, d) => d.checked_add(v).map(|d| Loc::RegPlus(r, d)),
                _ => None,
            };
            if let Some(loc) = moved {
                self.push(ty, loc);
                return Ok(());
            }
        }
        // If only the second operand is in a register that may be written, use that one.
        if op != BinOp::Sub && !self.owned(&a) && self.owned(&b) {
            std::mem::swap(&mut a, &mut b);
        }
        // A sum or constant offset of values that stay: one three-operand instruction.
        if op == BinOp::Add && !self.owned(&a) && w == Width::W64 {
            let x = self.load(&mut a)?;
            if !self.owned(&a) {
                let y = match b.loc {
                    Loc::Imm(v) => i32::try_from(v).ok().map(|v| Mem::new(x, v)),
                    _ => None,
                };
                if let Some(m) = y {
                    let r = self.alloc()?;
                    self.a.lea(r, m);
                    self.discard(a);
                    self.push_reg(ty, r);
                    return Ok(());
                }
            }
        }
        let r = self.own(&mut a)?;
        let src = self.src(&mut b)?;
        self.a.alu(alu, w, r, src);
        self.discard(b);
        self.push_reg(ty, r);
        Ok(())
    }

    /// Whether the entry is in a register that may be written.
    fn owned(&self, e: &Entry) -> bool {
        matches!(e.loc, Loc::Reg(r) if self.ints.count(r.0) == 1 && self.ints.copy_of(r.0).is_none())
    }

    fn multiply(&mut self, ty: StackTy, a: Entry, b: Entry) -> R {
        let w = width(ty);
        let (mut a, mut b) = constant_last(a, b);
        if let Loc::Imm(v) = b.loc {
            if let Loc::Imm(x) = a.loc {
                let v = x.wrapping_mul(v);
                let v = if w == Width::W32 { v as i32 as i64 } else { v };
                self.push(ty, Loc::Imm(v));
                return Ok(());
            }
            if v > 0 && v & (v - 1) == 0 {
                let r = self.own(&mut a)?;
                if v > 1 {
                    self.a.shift_imm(Shift::Shl, w, r, v.trailing_zeros() as u8);
                }
                self.push_reg(ty, r);
                return Ok(());
            }
            if let Ok(v) = i32::try_from(v) {
                let x = self.load(&mut a)?;
                let r = if matches!(a.loc, Loc::Reg(_)) && self.ints.count(x.0) == 1 {
                    self.ints.drop_copy(x.0);
                    x
                } else {
                    let r = self.alloc()?;
                    self.discard(a);
                    r
                };
                self.a.mul_imm(w, r, x, v);
                self.push_reg(ty, r);
                return Ok(());
            }
        }
        if !self.owned(&a) && self.owned(&b) {
            std::mem::swap(&mut a, &mut b);
        }
        let r = self.own(&mut a)?;
        let src = self.src(&mut b)?;
        self.a.mul(w, r, src);
        self.discard(b);
        self.push_reg(ty, r);
        Ok(())
    }

    /// An operand that is a register or memory, not a constant.
    fn reg_or_mem(&mut self, e: &mut Entry) -> R<Src> {
        Ok(match self.src(e)? {
            Src::Imm(_) => Src::Reg(self.load(e)?),
            other => other,
        })
    }

    /// Puts `a` into LO, held for the caller together with HI, and `b` anywhere else.
    fn dividend(&mut self, a: Entry, b: Entry) -> R<(Gpr, Entry)> {
        let (lo, hi) = (A::LO, A::HI);
        let mut b = b;
        // `b` must leave both registers, `a` must leave HI.
        if matches!(b.loc, Loc::Reg(r) | Loc::RegPlus(r, _) if r == lo || r == hi) {
            let other = self.alloc_except(&[lo, hi])?;
            self.put(b, other)?;
            b.loc = Loc::Reg(other);
        }
        let mut a = a;
        if matches!(a.loc, Loc::Reg(r) | Loc::RegPlus(r, _) if r == hi)
            || matches!(a.loc, Loc::Reg(r) | Loc::RegPlus(r, _) if r == lo && self.ints.count(r.0) != 1)
        {
            let other = self.alloc_except(&[lo, hi])?;
            self.put(a, other)?;
            a.loc = Loc::Reg(other);
        }
        if a.loc == Loc::Reg(lo) {
            self.ints.drop_copy(lo.0);
            self.claim(hi)?;
        } else if matches!(a.loc, Loc::RegPlus(r, _) if r == lo) {
            let r = self.load(&mut a)?;
            debug_assert_eq!(r, lo);
            self.claim(hi)?;
        } else {
            self.claim(lo)?;
            self.claim(hi)?;
            self.put(a, lo)?;
        }
        Ok((lo, b))
    }

    fn divide(&mut self, op: BinOp, ty: StackTy, a: Entry, mut b: Entry) -> R {
        let w = width(ty);
        let signed = matches!(op, BinOp::Div | BinOp::Rem);
        let rem = matches!(op, BinOp::Rem | BinOp::RemUn);
        if let Loc::Imm(d) = b.loc
            && self.divide_by_constant(op, ty, a, d)?
        {
            return Ok(());
        }
        if matches!(b.loc, Loc::Imm(_)) {
            let r = self.alloc_except(&[A::LO, A::HI])?;
            self.put(b, r)?;
            b.loc = Loc::Reg(r);
        }
        let (lo, mut b) = self.dividend(a, b)?;
        let src = match self.src(&mut b)? {
            // A copy may sit in a register: only reading from it is meant.
            Src::Reg(r) if r == A::LO || r == A::HI => {
                return self.unsupported(crate::error::Unsupported::RegisterPressure);
            }
            s => s,
        };
        self.a.div(signed, w, src);
        self.trap_here(TrapKind::Division);
        self.discard(b);
        let (result, other) = if rem { (A::HI, lo) } else { (lo, A::HI) };
        self.release(other);
        self.push_reg(ty, result);
        Ok(())
    }

    /// Division by a power of two without a division. Takes `a` if it says yes.
    fn divide_by_constant(&mut self, op: BinOp, ty: StackTy, a: Entry, d: i64) -> R<bool> {
        let w = width(ty);
        let d = if w == Width::W32 && matches!(op, BinOp::DivUn | BinOp::RemUn) {
            d as u32 as i64
        } else {
            d
        };
        if d <= 0 || d & (d - 1) != 0 {
            return self.divide_by_magic(op, ty, a, d);
        }
        let log = d.trailing_zeros() as u8;
        let bits = (w.bytes() * 8) as u8;
        let mut a = a;
        match op {
            BinOp::DivUn => {
                let r = self.own(&mut a)?;
                if log != 0 {
                    self.a.shift_imm(Shift::Shr, w, r, log);
                }
                self.push_reg(ty, r);
            }
            BinOp::RemUn if i32::try_from(d - 1).is_ok() => {
                let r = self.own(&mut a)?;
                self.a.alu(Alu::And, w, r, (d - 1) as i32);
                self.push_reg(ty, r);
            }
            BinOp::Div | BinOp::Rem if log != 0 && i32::try_from(d - 1).is_ok() => {
                // Rounds towards zero: negative dividends get d - 1 added before the shift.
                let r = self.own(&mut a)?;
                let t = self.alloc()?;
                self.a.mov(w, t, r);
                if log > 1 {
                    self.a.shift_imm(Shift::Sar, w, t, bits - 1);
                }
                self.a.shift_imm(Shift::Shr, w, t, bits - log);
                self.a.alu(Alu::Add, w, r, t);
                if op == BinOp::Div {
                    self.a.shift_imm(Shift::Sar, w, r, log);
                } else {
                    self.a.alu(Alu::And, w, r, (d - 1) as i32);
                    self.a.alu(Alu::Sub, w, r, t);
                }
                self.release(t);
                self.push_reg(ty, r);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// 32-bit division by other constants through a multiplication (Warren, *Hacker's Delight*, chapter 10). Takes `a` if
    /// it says yes.
    fn divide_by_magic(&mut self, op: BinOp, ty: StackTy, a: Entry, d: i64) -> R<bool> {
        if width(ty) != Width::W32 || d < 3 {
            return Ok(false);
        }
        let mut a = a;
        let signed = matches!(op, BinOp::Div | BinOp::Rem);
        // n / d = (n * m) >> (32 + s) with m = ceil(2^(32+s) / d): exact for all n once m * d - 2^(32+s) <= 2^s (below 2^31 in
        // magnitude for signed n, so one bit less is needed).
        let bits = if signed { 31 } else { 32 };
        let mut s = 0u32;
        let magic = loop {
            let power = 1u128 << (32 + s);
            let m = power.div_ceil(d as u128);
            let error = m * d as u128 - power;
            if error <= 1u128 << (s + 32 - bits) {
                break m;
            }
            s += 1;
        };
        if magic >= 1 << 31 {
            // Needs an unsigned 33-bit constant, or would not be a signed 32-bit one: rare, use the instruction.
            if !signed || magic >= 1 << 32 {
                return Ok(false);
            }
        }
        let n = self.load(&mut a)?;
        let q = self.alloc()?;
        let t = self.alloc()?;
        // The product fits 64 bits: |n| < 2^31 (or n < 2^32) and m < 2^32 (or 2^31).
        self.a.mov_imm(Width::W64, t, magic as i64);
        let ext = if signed { Ext::Sx32To64 } else { Ext::Zx32 };
        self.a.extend(ext, q, n);
        self.a.mul(Width::W64, q, t);
        let shift = if signed { Shift::Sar } else { Shift::Shr };
        self.a.shift_imm(shift, Width::W64, q, (32 + s) as u8);
        if signed {
            // Rounds towards zero: one more for negative dividends.
            self.a.mov(Width::W32, t, n);
            self.a.shift_imm(Shift::Shr, Width::W32, t, 31);
            self.a.alu(Alu::Add, Width::W32, q, t);
        } else {
            self.a.mov(Width::W32, q, q);
        }
        if matches!(op, BinOp::Rem | BinOp::RemUn) {
            self.a.mul_imm(Width::W32, q, q, d as i32);
            self.a.mov(Width::W32, t, n);
            self.a.alu(Alu::Sub, Width::W32, t, q);
            self.release(q);
            self.discard(a);
            self.push_reg(ty, t);
        } else {
            self.release(t);
            self.discard(a);
            self.push_reg(ty, q);
        }
        Ok(true)
    }

    fn shift(&mut self, op: BinOp, ty: StackTy, mut a: Entry, mut b: Entry) -> R {
        let w = width(ty);
        let shift = match op {
            BinOp::Shl => Shift::Shl,
            BinOp::Shr => Shift::Sar,
            _ => Shift::Shr,
        };
        if let Loc::Imm(n) = b.loc {
            let n = n as u32 & (w.bytes() * 8 - 1);
            let r = self.own(&mut a)?;
            if n != 0 {
                self.a.shift_imm(shift, w, r, n as u8);
            }
            self.push_reg(ty, r);
            return Ok(());
        }
        let count = A::COUNT;
        // The shifted value must not be in the count register.
        if matches!(a.loc, Loc::Reg(r) | Loc::RegPlus(r, _) if r == count) {
            let other = self.alloc_except(&[count])?;
            self.put(a, other)?;
            a.loc = Loc::Reg(other);
        }
        if matches!(b.loc, Loc::RegPlus(r, _) if r == count) {
            self.load(&mut b)?;
        }
        if !matches!(b.loc, Loc::Reg(r) if r == count) {
            self.claim(count)?;
            b.ty = if b.ty == StackTy::I32 {
                StackTy::I32
            } else {
                StackTy::Native
            };
            self.put(b, count)?;
            b.loc = Loc::Reg(count);
        }
        let r = self.own(&mut a)?;
        self.a.shift(shift, w, r);
        self.discard(b);
        self.push_reg(ty, r);
        Ok(())
    }

    fn float_bin(&mut self, op: BinOp, ty: StackTy, mut a: Entry, mut b: Entry) -> R {
        let falu = match op {
            BinOp::Add => FAlu::Add,
            BinOp::Sub => FAlu::Sub,
            BinOp::Mul => FAlu::Mul,
            BinOp::Div => FAlu::Div,
            BinOp::Rem => {
                let helper = match ty {
                    StackTy::F32 => Helper::RemF32,
                    _ => Helper::RemF64,
                };
                return self.float_call(helper, ty, &[a, b]);
            }
            _ => return self.invalid(format!("{op:?} does not take floats")),
        };
        if let Some(v) = self.fuse_store(a.loc, ty)?
            && let Home::Freg(r) = self.vars[v as usize].home
        {
            let src = self.fsrc(&mut b)?;
            self.a.falu(falu, fty(ty), r, src);
            self.discard(b);
            return Ok(());
        }
        let r = self.own_f(&mut a)?;
        let src = self.fsrc(&mut b)?;
        self.a.falu(falu, fty(ty), r, src);
        self.discard(b);
        self.push_freg(ty, r);
        Ok(())
    }

    /// Calls a helper from floats to a float.
    pub fn float_call(&mut self, helper: Helper, ty: StackTy, args: &[Entry]) -> R {
        let mut words = smallvec::SmallVec::<[Word; 3]>::new();
        for e in args {
            words.push(self.word(e)?);
        }
        self.call_helper(helper, &words)?;
        for &e in args {
            self.discard(e);
        }
        let r = self.take_fret()?;
        self.push_freg(ty, r);
        Ok(())
    }

    pub fn op_neg(&mut self) -> R {
        let mut e = self.pop()?;
        e.non_null = false;
        match e.ty {
            ty if ty.is_float() => {
                let r = self.own_f(&mut e)?;
                self.a.fneg(fty(ty), r);
                self.push_freg(ty, r);
            }
            ty => {
                let r = self.own(&mut e)?;
                self.a.unary(Unary::Neg, width(ty), r);
                self.push_reg(ty, r);
            }
        }
        Ok(())
    }

    pub fn op_not(&mut self) -> R {
        let mut e = self.pop()?;
        let r = self.own(&mut e)?;
        self.a.unary(Unary::Not, width(e.ty), r);
        self.push_reg(e.ty, r);
        Ok(())
    }
}

/// Operands of a commutative operation with a constant, if there is one, second.
fn constant_last(a: Entry, b: Entry) -> (Entry, Entry) {
    match a.loc {
        Loc::Imm(_) => (b, a),
        _ => (a, b),
    }
}
