//! Arithmetic, comparisons, conversions (ECMA-335 III.1.5).

use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Imm, Op, Ty, Value};
use isthmus_frontend_ir::op::{BinOp, Cmp, ConvMode, ConvTo, Op as Cil};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::trap::TrapKind;

impl Builder<'_> {
    /// Two operands of one numeric type: the wider of the two.
    fn pair(&mut self, a: Value, b: Value) -> (Value, Value, Ty) {
        let (ta, tb) = (self.func.ty(a), self.func.ty(b));
        if ta == tb {
            return (a, b, ta);
        }
        let ty = match (ta, tb) {
            (Ty::F64, _) | (_, Ty::F64) => Ty::F64,
            (Ty::I64, _) | (_, Ty::I64) => Ty::I64,
            (Ty::I32, t) | (t, Ty::I32) => t,
            (Ty::Ptr, _) | (_, Ty::Ptr) => Ty::Ptr,
            (Ty::ByRef, _) | (_, Ty::ByRef) => Ty::ByRef,
            _ => ta,
        };
        let a = self.convert_word(a, ty);
        let b = self.convert_word(b, ty);
        (a, b, ty)
    }

    pub(super) fn binary(&mut self, op: BinOp) -> Result<()> {
        let b = self.pop_val()?;
        let a = self.pop_val()?;
        let v = self.binary_values(op, a, b)?;
        self.push_val(v);
        Ok(())
    }

    fn is_pointer(&self, v: Value) -> bool {
        matches!(self.func.ty(v), Ty::ByRef | Ty::Ref)
    }

    fn binary_values(&mut self, op: BinOp, a: Value, b: Value) -> Result<Value> {
        use BinOp as B;
        // Managed pointers.
        if self.is_pointer(a) || self.is_pointer(b) {
            match op {
                B::Add | B::AddOvfUn | B::AddOvf => {
                    let (p, n) = if self.is_pointer(a) { (a, b) } else { (b, a) };
                    let n = self.convert_word(n, Ty::Ptr);
                    return Ok(self.pointer_add(p, n));
                }
                B::Sub | B::SubOvfUn | B::SubOvf if !self.is_pointer(b) => {
                    let n = self.convert_word(b, Ty::Ptr);
                    let n = self.op(Op::Neg, Ty::Ptr, &[n]);
                    return Ok(self.pointer_add(a, n));
                }
                _ => {
                    let a = self.retype_pointer(a);
                    let b = self.retype_pointer(b);
                    return self.binary_values(op, a, b);
                }
            }
        }
        if matches!(op, B::Shl | B::Shr | B::ShrUn) {
            let ty = self.func.ty(a);
            if !ty.is_int() {
                return self.fail(Reason::BadOperands);
            }
            let count = self.convert_word(b, Ty::I32);
            let op = match op {
                B::Shl => Op::Shl,
                B::Shr => Op::Sar,
                _ => Op::Shr,
            };
            return Ok(self.op(op, ty, &[a, count]));
        }
        let (a, b, ty) = self.pair(a, b);
        if ty.is_float() {
            return self.float_binary(op, a, b, ty);
        }
        Ok(match op {
            B::Add => self.op(Op::Add, ty, &[a, b]),
            B::Sub => self.op(Op::Sub, ty, &[a, b]),
            B::Mul => self.op(Op::Mul, ty, &[a, b]),
            B::And => self.op(Op::And, ty, &[a, b]),
            B::Or => self.op(Op::Or, ty, &[a, b]),
            B::Xor => self.op(Op::Xor, ty, &[a, b]),
            B::Div | B::Rem | B::DivUn | B::RemUn => self.divide(op, a, b, ty),
            B::AddOvf => self.checked(Op::AddOvf, ty, a, b),
            B::AddOvfUn => self.checked(Op::AddOvfUn, ty, a, b),
            B::SubOvf => self.checked(Op::SubOvf, ty, a, b),
            B::SubOvfUn => self.checked(Op::SubOvfUn, ty, a, b),
            B::MulOvf => self.checked(Op::MulOvf, ty, a, b),
            B::MulOvfUn => self.checked(Op::MulOvfUn, ty, a, b),
            B::Shl | B::Shr | B::ShrUn => return self.fail(Reason::BadOperands),
        })
    }

    fn retype_pointer(&mut self, v: Value) -> Value {
        if self.is_pointer(v) {
            self.retype(v, Ty::Ptr)
        } else {
            v
        }
    }

    /// A managed pointer plus bytes.
    pub(super) fn pointer_add(&mut self, p: Value, bytes: Value) -> Value {
        match self.func.constant(bytes) {
            Some(c) if i32::try_from(c).is_ok() => self.lea(p, None, c as i32),
            _ => self.lea(p, Some((bytes, 1)), 0),
        }
    }

    fn checked(&mut self, op: Op, ty: Ty, a: Value, b: Value) -> Value {
        let (v, overflow) = self.op2(op, ty, &[a, b]);
        self.trap_if(overflow, TrapKind::Overflow);
        v
    }

    fn float_binary(&mut self, op: BinOp, a: Value, b: Value, ty: Ty) -> Result<Value> {
        let op = match op {
            BinOp::Add => Op::FAdd,
            BinOp::Sub => Op::FSub,
            BinOp::Mul => Op::FMul,
            BinOp::Div => Op::FDiv,
            BinOp::Rem => {
                let helper = match ty {
                    Ty::F32 => Helper::RemF32,
                    _ => Helper::RemF64,
                };
                let r = self.helper(helper, &[a, b]);
                return r.ok_or_else(|| self.bad());
            }
            _ => return self.fail(Reason::BadOperands),
        };
        Ok(self.op(op, ty, &[a, b]))
    }

    /// Division: what hardware does not trap on as CIL wants, or must not where a clause of the function would catch it, is
    /// checked before.
    fn divide(&mut self, op: BinOp, a: Value, b: Value, ty: Ty) -> Value {
        let signed = matches!(op, BinOp::Div | BinOp::Rem);
        let divisor = self.func.constant(b);
        let narrow = |c: i64| {
            if ty == Ty::I32 {
                i64::from(c as i32)
            } else {
                c
            }
        };
        let divisor = divisor.map(narrow);
        let explicit = !self.handlers.is_empty();
        if explicit && divisor.is_none_or(|d| d == 0) {
            let zero = self.constant(ty, 0);
            let bad = self.cmp(Cmp::Eq, b, zero);
            self.trap_if(bad, TrapKind::DivideByZero);
        }
        let may_overflow = signed && divisor.is_none_or(|d| d == -1);
        if may_overflow && (explicit || op == BinOp::Rem) {
            let bytes = ty.bytes(self.word);
            let min = if bytes == 4 {
                i64::from(i32::MIN)
            } else {
                i64::MIN
            };
            let min = self.constant(ty, min);
            let minus_one = self.constant(ty, -1);
            let x = self.cmp(Cmp::Eq, a, min);
            let y = self.cmp(Cmp::Eq, b, minus_one);
            let bad = self.op(Op::And, Ty::I32, &[x, y]);
            self.trap_if(bad, TrapKind::Overflow);
        }
        let op = match op {
            BinOp::Div => Op::SDiv,
            BinOp::DivUn => Op::UDiv,
            BinOp::Rem => Op::SRem,
            _ => Op::URem,
        };
        self.op(op, ty, &[a, b])
    }

    pub(super) fn unary(&mut self, op: Cil) -> Result<()> {
        let v = self.pop_val()?;
        let v = self.retype_pointer(v);
        let ty = self.func.ty(v);
        let op = match (op, ty.is_float()) {
            (Cil::Neg, true) => Op::FNeg,
            (Cil::Neg, false) => Op::Neg,
            (_, false) => Op::Not,
            _ => return self.fail(Reason::BadOperands),
        };
        let r = self.op(op, ty, &[v]);
        self.push_val(r);
        Ok(())
    }

    /// Pops two operands; 1 if the comparison holds.
    pub(super) fn compare(&mut self, cmp: Cmp) -> Result<Value> {
        let b = self.pop_val()?;
        let a = self.pop_val()?;
        let (a, b, _) = self.pair(a, b);
        // A value known not to be null against null.
        if self.func.constant(b) == Some(0) && self.fact(a).nonnull {
            match cmp {
                Cmp::Eq => return Ok(self.i32(0)),
                Cmp::NeUn | Cmp::GtUn => return Ok(self.i32(1)),
                _ => {}
            }
        }
        Ok(self.cmp(cmp, a, b))
    }

    // ---- conversions

    pub(super) fn conv(&mut self, to: ConvTo, mode: ConvMode) -> Result<()> {
        let v = self.pop_val()?;
        let v = self.retype_pointer(v);
        let r = if self.func.ty(v).is_float() {
            self.conv_float(v, to, mode)?
        } else if mode == ConvMode::Wrap {
            self.conv_wrap(v, to)
        } else {
            self.conv_checked(v, to, mode == ConvMode::OvfUn)
        };
        self.push_val(r);
        Ok(())
    }

    /// An integer conversion that truncates.
    fn conv_wrap(&mut self, v: Value, to: ConvTo) -> Value {
        let ty = self.func.ty(v);
        let low = |b: &mut Self| b.convert_word(v, Ty::I32);
        match to {
            ConvTo::I1 => {
                let v = low(self);
                self.narrow(v, isthmus_runtime_abi::types::MemTy::I8)
            }
            ConvTo::U1 => {
                let v = low(self);
                self.narrow(v, isthmus_runtime_abi::types::MemTy::U8)
            }
            ConvTo::I2 => {
                let v = low(self);
                self.narrow(v, isthmus_runtime_abi::types::MemTy::I16)
            }
            ConvTo::U2 => {
                let v = low(self);
                self.narrow(v, isthmus_runtime_abi::types::MemTy::U16)
            }
            ConvTo::I4 | ConvTo::U4 => low(self),
            ConvTo::I8 => self.widen(v, Ty::I64, true),
            ConvTo::U8 => self.widen(v, Ty::I64, false),
            ConvTo::I => self.widen(v, Ty::Ptr, true),
            ConvTo::U => self.widen(v, Ty::Ptr, false),
            ConvTo::R4 => self.op(Op::SToF, Ty::F32, &[v]),
            ConvTo::R8 => self.op(Op::SToF, Ty::F64, &[v]),
            ConvTo::RUn => {
                let _ = ty;
                self.op(Op::UToF, Ty::F64, &[v])
            }
        }
    }

    /// An integer as a type that may be wider.
    pub(super) fn widen(&mut self, v: Value, ty: Ty, signed: bool) -> Value {
        let from = self.func.ty(v);
        if from == ty {
            return v;
        }
        if let Some(c) = self.func.constant(v)
            && from == Ty::I32
        {
            let c = if signed {
                i64::from(c as i32)
            } else {
                i64::from(c as u32)
            };
            return self.constant(ty, c);
        }
        match (from.bytes(self.word), ty.bytes(self.word)) {
            (a, b) if a < b => {
                let op = if signed { Op::Sext } else { Op::Zext };
                self.op(op, ty, &[v])
            }
            (a, b) if a > b => self.op(Op::Trunc, ty, &[v]),
            _ => self.retype(v, ty),
        }
    }

    /// An integer conversion that throws if the value does not fit.
    fn conv_checked(&mut self, v: Value, to: ConvTo, unsigned: bool) -> Value {
        let ty = self.func.ty(v);
        let bits = 8 * ty.bytes(self.word);
        let word = 8 * self.word;
        // Range of the target.
        let (target_bits, target_signed) = match to {
            ConvTo::I1 => (8, true),
            ConvTo::U1 => (8, false),
            ConvTo::I2 => (16, true),
            ConvTo::U2 => (16, false),
            ConvTo::I4 => (32, true),
            ConvTo::U4 => (32, false),
            ConvTo::I8 => (64, true),
            ConvTo::U8 => (64, false),
            ConvTo::I => (word, true),
            ConvTo::U => (word, false),
            ConvTo::R4 | ConvTo::R8 | ConvTo::RUn => {
                return self.conv_wrap(v, if unsigned { ConvTo::RUn } else { to });
            }
        };
        let max: i64 = match (target_bits, target_signed) {
            (64, true) => i64::MAX,
            (64, false) => -1,
            (b, true) => (1i64 << (b - 1)) - 1,
            (b, false) => (1i64 << b) - 1,
        };
        // Source values above `max` as unsigned numbers do not fit; that covers negative ones too, unless the target has
        // negative values of its own.
        let source_max: u64 = if bits == 32 {
            u64::from(u32::MAX)
        } else {
            u64::MAX
        };
        if !unsigned && target_signed {
            if target_bits < bits {
                let lo = -max - 1;
                // (v - lo) as unsigned <= max - lo
                let offset = self.constant(ty, lo);
                let shifted = self.op(Op::Sub, ty, &[v, offset]);
                let span = self.constant(ty, max.wrapping_sub(lo));
                let bad = self.cmp(Cmp::GtUn, shifted, span);
                self.trap_if(bad, TrapKind::Overflow);
            }
        } else {
            let limit = if unsigned {
                max as u64
            } else {
                // Signed source, unsigned target: also no larger than the source's largest.
                (max as u64).min(source_max >> 1)
            };
            if limit < source_max {
                let limit = self.constant(ty, limit as i64);
                let bad = self.cmp(Cmp::GtUn, v, limit);
                self.trap_if(bad, TrapKind::Overflow);
            }
        }
        match to {
            ConvTo::I8 | ConvTo::U8 => self.widen(v, Ty::I64, !unsigned),
            ConvTo::I | ConvTo::U => self.widen(v, Ty::Ptr, !unsigned),
            _ => self.convert_word(v, Ty::I32),
        }
    }

    fn conv_float(&mut self, v: Value, to: ConvTo, mode: ConvMode) -> Result<Value> {
        let ty = self.func.ty(v);
        match to {
            ConvTo::R4 => return Ok(self.convert_word(v, Ty::F32)),
            ConvTo::R8 | ConvTo::RUn => return Ok(self.convert_word(v, Ty::F64)),
            _ => {}
        }
        if mode == ConvMode::Wrap {
            return Ok(match to {
                ConvTo::I8 => self.op(Op::FToS, Ty::I64, &[v]),
                ConvTo::I => self.op(Op::FToS, Ty::Ptr, &[v]),
                ConvTo::U8 => self.op(Op::FToU, Ty::I64, &[v]),
                ConvTo::U => {
                    let wide = self.op(Op::FToU, Ty::I64, &[v]);
                    self.convert_word(wide, Ty::Ptr)
                }
                // What is out of range is as Mono has it: see docs/ARCHITECTURE.md on numbers.
                ConvTo::U4 => {
                    let wide = self.op(Op::FToS, Ty::I64, &[v]);
                    self.op(Op::Trunc, Ty::I32, &[wide])
                }
                ConvTo::I4 => self.op(Op::FToS, Ty::I32, &[v]),
                _ => {
                    let whole = self.op(Op::FToS, Ty::I32, &[v]);
                    self.conv_wrap(whole, to)
                }
            });
        }
        // Checked: by way of F64, where every bound of 32 bits and less is exact.
        let v = if ty == Ty::F32 {
            self.op(Op::FPromote, Ty::F64, &[v])
        } else {
            v
        };
        let (lo, hi): (f64, f64) = match to {
            ConvTo::I1 => (-129.0, 128.0),
            ConvTo::U1 => (-1.0, 256.0),
            ConvTo::I2 => (-32769.0, 32768.0),
            ConvTo::U2 => (-1.0, 65536.0),
            ConvTo::I4 => (-2147483649.0, 2147483648.0),
            ConvTo::U4 => (-1.0, 4294967296.0),
            ConvTo::I8 | ConvTo::I => {
                let r = self.helper(Helper::F64ToI64Ovf, &[v]);
                let r = r.ok_or_else(|| self.bad())?;
                let native = to == ConvTo::I;
                return Ok(if native {
                    self.convert_word(r, Ty::Ptr)
                } else {
                    r
                });
            }
            _ => {
                let r = self.helper(Helper::F64ToU64Ovf, &[v]);
                let r = r.ok_or_else(|| self.bad())?;
                let native = to == ConvTo::U;
                return Ok(if native {
                    self.convert_word(r, Ty::Ptr)
                } else {
                    r
                });
            }
        };
        let lo = self.constant(Ty::F64, lo.to_bits() as i64);
        let hi = self.constant(Ty::F64, hi.to_bits() as i64);
        let below = self.cmp(Cmp::LeUn, v, lo);
        let above = self.cmp(Cmp::GeUn, v, hi);
        let bad = self.op(Op::Or, Ty::I32, &[below, above]);
        self.trap_if(bad, TrapKind::Overflow);
        let wide = self.emit1(Op::FToS, Ty::I64, &[v], Imm::None);
        Ok(self.op(Op::Trunc, Ty::I32, &[wide]))
    }
}
