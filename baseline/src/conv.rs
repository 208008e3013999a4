//! Conversions.
//!
//! From floats everything but `conv.u8` goes through a truncating conversion to 64 bits, whose result for values out of
//! range is the least integer, and is cut from there: what Mono gives on x86-64.

use crate::error::R;
use crate::state::Gen;
use crate::target::Target;
use crate::value::{Entry, Loc, fty, width};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::{ConvMode, ConvTo};
use isthmus_frontend_ir::typing::{conv_accepts, conv_result};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::StackTy;

impl<A: Target> Gen<'_, A> {
    pub fn op_conv(&mut self, to: ConvTo, mode: ConvMode) -> R {
        let e = self.pop()?;
        if !conv_accepts(e.ty, to, mode) && e.ty != StackTy::Ref {
            return self.invalid(format!("{:?} cannot be converted to {to:?}", e.ty));
        }
        let mut e = e;
        e.non_null = false;
        match (to, mode) {
            (ConvTo::R4 | ConvTo::R8 | ConvTo::RUn, _) => self.float_of_int(to, e),
            (_, ConvMode::Wrap) => self.convert(to, e),
            _ => self.convert_checked(to, mode == ConvMode::OvfUn, e),
        }
    }

    fn float_of_int(&mut self, to: ConvTo, mut e: Entry) -> R {
        let ty = conv_result(to);
        if e.ty.is_float() {
            if e.ty != ty {
                self.convert_float(&mut e)?;
            }
            self.stack.push(e);
            return Ok(());
        }
        if let Loc::Imm(v) = e.loc {
            let v = match (to, e.ty) {
                (ConvTo::RUn, StackTy::I32) => v as u32 as f64,
                (ConvTo::RUn, _) => v as u64 as f64,
                (ConvTo::R4, _) => {
                    self.push(ty, Loc::FImm(u64::from((v as f32).to_bits())));
                    return Ok(());
                }
                _ => v as f64,
            };
            self.push(ty, Loc::FImm(v.to_bits()));
            return Ok(());
        }
        if to == ConvTo::RUn {
            if e.ty != StackTy::I32 {
                return self.float_call(Helper::U64ToF64, ty, &[e]);
            }
            self.zero_extend(&mut e)?;
        }
        let src = self.src(&mut e)?;
        let r = self.alloc_f()?;
        self.a.int_to_float(width(e.ty), fty(ty), r, src);
        self.discard(e);
        self.push_freg(ty, r);
        Ok(())
    }

    /// A float as I32 or I64, cut off.
    fn truncate_float(&mut self, mut e: Entry, ty: StackTy) -> R<Entry> {
        let src = self.fsrc(&mut e)?;
        let r = self.alloc()?;
        self.a.float_to_int(fty(e.ty), width(ty), r, src);
        self.discard(e);
        Ok(Entry::new(ty, Loc::Reg(r)))
    }

    /// Calls a helper from F64 to I64.
    fn float_to_int_call(&mut self, helper: Helper, mut e: Entry) -> R<Entry> {
        if e.ty == StackTy::F32 {
            self.convert_float(&mut e)?;
        }
        let word = self.word(&e)?;
        self.call_helper(helper, &[word])?;
        self.discard(e);
        let r = self.take_ret()?;
        Ok(Entry::new(StackTy::I64, Loc::Reg(r)))
    }

    fn convert(&mut self, to: ConvTo, mut e: Entry) -> R {
        let ty = conv_result(to);
        if e.ty.is_float() {
            e = match to {
                ConvTo::U8 | ConvTo::U => self.float_to_int_call(Helper::F64ToU64, e)?,
                // The low half of 64 bits; other narrow ones are cut from 32 bits, as Mono does it.
                ConvTo::I8 | ConvTo::I | ConvTo::U4 => self.truncate_float(e, StackTy::I64)?,
                _ => self.truncate_float(e, StackTy::I32)?,
            };
        }
        match to {
            ConvTo::I8 | ConvTo::I => {
                if e.ty == StackTy::I32 {
                    self.sign_extend(&mut e)?;
                }
            }
            ConvTo::U8 | ConvTo::U => {
                if e.ty == StackTy::I32 {
                    self.zero_extend(&mut e)?;
                }
            }
            ConvTo::I4 | ConvTo::U4 => self.narrow(&mut e)?,
            ConvTo::I1 => self.extend_low(&mut e, Ext::Sx8To32, |v| v as i8 as i64)?,
            ConvTo::U1 => self.extend_low(&mut e, Ext::Zx8, |v| v as u8 as i64)?,
            ConvTo::I2 => self.extend_low(&mut e, Ext::Sx16To32, |v| v as i16 as i64)?,
            ConvTo::U2 => self.extend_low(&mut e, Ext::Zx16, |v| v as u16 as i64)?,
            ConvTo::R4 | ConvTo::R8 | ConvTo::RUn => {}
        }
        e.ty = ty;
        self.stack.push(e);
        Ok(())
    }

    /// The low 32 bits.
    fn narrow(&mut self, e: &mut Entry) -> R {
        if e.ty == StackTy::I32 {
            return Ok(());
        }
        self.coerce_bits(e)
    }

    fn coerce_bits(&mut self, e: &mut Entry) -> R {
        e.ty = StackTy::Native;
        self.coerce(e, StackTy::I32)
    }

    fn extend_low(&mut self, e: &mut Entry, ext: Ext, fold: fn(i64) -> i64) -> R {
        if let Loc::Imm(v) = e.loc {
            e.loc = Loc::Imm(fold(v));
            return Ok(());
        }
        self.extend_register(e, ext)
    }

    fn overflow_if(&mut self, cond: Cond) {
        self.throw_if(cond, TrapKind::Overflow);
    }

    fn convert_checked(&mut self, to: ConvTo, unsigned: bool, mut e: Entry) -> R {
        let ty = conv_result(to);
        let mut unsigned = unsigned;
        if e.ty.is_float() {
            // A float has its own sign, whatever the instruction says of integers.
            e = match to {
                ConvTo::U8 | ConvTo::U => {
                    let mut e = self.float_to_int_call(Helper::F64ToU64Ovf, e)?;
                    e.ty = ty;
                    self.stack.push(e);
                    return Ok(());
                }
                _ => self.float_to_int_call(Helper::F64ToI64Ovf, e)?,
            };
            unsigned = false;
        }
        let from = e.ty;
        let w = width(from);
        let r = self.load(&mut e)?;
        match to {
            ConvTo::I1 | ConvTo::I2 | ConvTo::I4 if unsigned => {
                let max = match to {
                    ConvTo::I1 => 0x7f,
                    ConvTo::I2 => 0x7fff,
                    _ => i32::MAX,
                };
                self.a.cmp(w, r, max);
                self.overflow_if(Cond::Above);
            }
            ConvTo::I4 if w == Width::W32 => {}
            ConvTo::I1 | ConvTo::I2 | ConvTo::I4 => {
                let ext = match (to, w) {
                    (ConvTo::I1, Width::W32) => Ext::Sx8To32,
                    (ConvTo::I2, Width::W32) => Ext::Sx16To32,
                    (ConvTo::I1, _) => Ext::Sx8To64,
                    (ConvTo::I2, _) => Ext::Sx16To64,
                    _ => Ext::Sx32To64,
                };
                self.a.extend(ext, A::TMP, r);
                self.a.cmp(w, A::TMP, r);
                self.overflow_if(Cond::Ne);
            }
            ConvTo::U1 | ConvTo::U2 => {
                let max = if to == ConvTo::U1 { 0xff } else { 0xffff };
                self.a.cmp(w, r, max);
                self.overflow_if(Cond::Above);
            }
            ConvTo::U4 if w == Width::W32 => {
                if !unsigned {
                    self.a.cmp(w, r, 0);
                    self.overflow_if(Cond::Lt);
                }
            }
            ConvTo::U4 => {
                self.a.mov(Width::W32, A::TMP, r);
                self.a.cmp(w, A::TMP, r);
                self.overflow_if(Cond::Ne);
            }
            ConvTo::I8 | ConvTo::I => {
                if w == Width::W32 {
                    if unsigned {
                        self.zero_extend(&mut e)?;
                    } else {
                        self.sign_extend(&mut e)?;
                    }
                } else if unsigned {
                    self.a.cmp(w, r, 0);
                    self.overflow_if(Cond::Lt);
                }
            }
            ConvTo::U8 | ConvTo::U => {
                if !unsigned {
                    self.a.cmp(w, r, 0);
                    self.overflow_if(Cond::Lt);
                }
                if w == Width::W32 {
                    self.zero_extend(&mut e)?;
                }
            }
            ConvTo::R4 | ConvTo::R8 | ConvTo::RUn => {}
        }
        if width(ty) == Width::W32 && w == Width::W64 {
            self.coerce_bits(&mut e)?;
        }
        e.ty = ty;
        self.stack.push(e);
        Ok(())
    }

    /// `ckfinite`: the exponent must not be all ones.
    pub fn op_ckfinite(&mut self) -> R {
        let mut e = self.pop()?;
        let x = self.fload(&mut e)?;
        let r = self.alloc()?;
        let (w, exponent) = match e.ty {
            StackTy::F32 => (Width::W32, 8),
            _ => (Width::W64, 11),
        };
        self.a.float_to_bits(fty(e.ty), r, x);
        self.a.shift_imm(Shift::Shl, w, r, 1);
        let bits = (w.bytes() * 8) as u8;
        self.a.shift_imm(Shift::Shr, w, r, bits - exponent);
        self.a.cmp(w, r, (1 << exponent) - 1);
        self.release(r);
        self.throw_if(Cond::Eq, TrapKind::NotFinite);
        self.stack.push(e);
        Ok(())
    }
}
