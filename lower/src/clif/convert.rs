//! Conversions.
//!
//! Float to integer: out of range and NaN give the value with only the top bit set, which is what x86's `cvttsd2si` gives.
//! Cranelift has that instruction only with checks around it, so: saturate, which is right below the range, and select the
//! pattern unless the operand is below the upper bound (NaN is not).

use super::Lower;
use crate::abi;
use cranelift_codegen::ir::{
    self as cl, InstBuilder, MemFlagsData,
    condcodes::FloatCC,
    immediates::{Ieee32, Ieee64},
    types,
};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_ssa::ir::{Inst, InstData, Op};

impl Lower<'_, '_> {
    pub(super) fn convert(&mut self, inst: Inst, data: &InstData) {
        let a = self.arg(inst, 0);
        let to = abi::ty(data.ty);
        let from = self.cur.func.dfg.value_type(a);
        let value = match data.op {
            Op::ExtS8 => self.extend(a, types::I8, true),
            Op::ExtU8 => self.extend(a, types::I8, false),
            Op::ExtS16 => self.extend(a, types::I16, true),
            Op::ExtU16 => self.extend(a, types::I16, false),
            Op::Sext | Op::Zext | Op::Trunc | Op::Retype if from == to => a,
            Op::Sext => self.ins().sextend(to, a),
            Op::Zext => self.ins().uextend(to, a),
            Op::Trunc => self.ins().ireduce(to, a),
            Op::FPromote if from == to => a,
            Op::FPromote => self.ins().fpromote(to, a),
            Op::FDemote if from == to => a,
            Op::FDemote => self.ins().fdemote(to, a),
            Op::SToF => self.ins().fcvt_from_sint(to, a),
            Op::UToF => self.ins().fcvt_from_uint(to, a),
            Op::FToS => self.float_to_int(a, to),
            Op::FToU => self.float_to_u64(a),
            Op::FBits | Op::BitsF => self.ins().bitcast(to, MemFlagsData::new(), a),
            Op::Retype => unreachable!("retype keeps the machine type on 64-bit targets"),
            _ => unreachable!("not a conversion"),
        };
        self.define(data, value);
    }

    fn extend(&mut self, a: cl::Value, narrow: cl::Type, signed: bool) -> cl::Value {
        let low = self.ins().ireduce(narrow, a);
        if signed {
            self.ins().sextend(types::I32, low)
        } else {
            self.ins().uextend(types::I32, low)
        }
    }

    fn float_to_int(&mut self, a: cl::Value, to: cl::Type) -> cl::Value {
        let bits = to.bits();
        let bound = 2f64.powi(bits as i32 - 1);
        let bound = if self.cur.func.dfg.value_type(a) == types::F32 {
            self.ins().f32const(Ieee32::with_float(bound as f32))
        } else {
            self.ins().f64const(Ieee64::with_float(bound))
        };
        let saturated = self.ins().fcvt_to_sint_sat(to, a);
        let below = self.ins().fcmp(FloatCC::LessThan, a, bound);
        let pattern = self.iconst(
            to,
            if bits == 32 {
                i64::from(i32::MIN)
            } else {
                i64::MIN
            },
        );
        self.ins().select(below, saturated, pattern)
    }

    /// The helper defines what is out of range.
    fn float_to_u64(&mut self, a: cl::Value) -> cl::Value {
        let a = if self.cur.func.dfg.value_type(a) == types::F32 {
            self.ins().fpromote(types::F64, a)
        } else {
            a
        };
        let call = self.call_leaf(Helper::F64ToU64, &[a]);
        self.cur.func.dfg.first_result(call)
    }
}
