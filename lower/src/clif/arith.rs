//! Constants, addresses, arithmetic, comparisons.

use super::Lower;
use crate::abi;
use cranelift_codegen::ir::{
    self as cl, InstBuilder,
    condcodes::{FloatCC, IntCC},
    immediates::{Ieee32, Ieee64},
    types,
};
use isthmus_ssa::ir::{Cmp, Imm, Inst, InstData, Op, Ty};

/// The integer condition of a comparison.
pub(super) fn int_cc(cmp: Cmp) -> IntCC {
    match cmp {
        Cmp::Eq => IntCC::Equal,
        Cmp::NeUn => IntCC::NotEqual,
        Cmp::Ge => IntCC::SignedGreaterThanOrEqual,
        Cmp::Gt => IntCC::SignedGreaterThan,
        Cmp::Le => IntCC::SignedLessThanOrEqual,
        Cmp::Lt => IntCC::SignedLessThan,
        Cmp::GeUn => IntCC::UnsignedGreaterThanOrEqual,
        Cmp::GtUn => IntCC::UnsignedGreaterThan,
        Cmp::LeUn => IntCC::UnsignedLessThanOrEqual,
        Cmp::LtUn => IntCC::UnsignedLessThan,
    }
}

/// The float condition of a comparison: `*_un` holds on NaN, the others do not.
fn float_cc(cmp: Cmp) -> FloatCC {
    match cmp {
        Cmp::Eq => FloatCC::Equal,
        Cmp::NeUn => FloatCC::NotEqual,
        Cmp::Ge => FloatCC::GreaterThanOrEqual,
        Cmp::Gt => FloatCC::GreaterThan,
        Cmp::Le => FloatCC::LessThanOrEqual,
        Cmp::Lt => FloatCC::LessThan,
        Cmp::GeUn => FloatCC::UnorderedOrGreaterThanOrEqual,
        Cmp::GtUn => FloatCC::UnorderedOrGreaterThan,
        Cmp::LeUn => FloatCC::UnorderedOrLessThanOrEqual,
        Cmp::LtUn => FloatCC::UnorderedOrLessThan,
    }
}

impl Lower<'_, '_> {
    pub(super) fn address(&mut self, inst: Inst, data: &InstData) {
        let value = match (data.op, data.imm) {
            (Op::Const, Imm::Bits(bits)) => self.constant(data.ty, bits),
            (Op::SymAddr, Imm::Symbol(symbol)) => self.symbol(symbol),
            (Op::SymWord, Imm::Symbol(symbol)) => {
                let address = self.symbol(symbol);
                self.ins().ireduce(types::I32, address)
            }
            // Vtables lie below 4 GiB on 64-bit targets.
            (Op::VtableOf, _) => {
                let word = self.arg(inst, 0);
                self.ins().uextend(types::I64, word)
            }
            (Op::SlotAddr, Imm::Slot(slot, offset)) => {
                self.ins_stack_addr(self.s.slots[slot.index()], offset as i32)
            }
            (Op::Lea, Imm::Access(access)) => {
                let base = self.element_base(inst, 0, access.scale);
                self.add_constant(base, i64::from(access.offset))
            }
            _ => unreachable!("the verifier checks immediates"),
        };
        self.define(data, value);
    }

    fn constant(&mut self, ty: Ty, bits: i64) -> cl::Value {
        match ty {
            Ty::F32 => self.ins().f32const(Ieee32::with_bits(bits as u32)),
            Ty::F64 => self.ins().f64const(Ieee64::with_bits(bits as u64)),
            ty => self.iconst(abi::ty(ty), bits),
        }
    }

    /// `base (+ index * scale)` of an instruction whose base is operand `n` and whose index follows it.
    pub(super) fn element_base(&mut self, inst: Inst, n: usize, scale: u8) -> cl::Value {
        let args = self.ssa.args(inst);
        let base = self.value(args[n]);
        let Some(&index) = args.get(n + 1) else {
            return base;
        };
        let mut index = self.value(index);
        if scale > 1 {
            let shift = self.iconst(types::I32, i64::from(scale.trailing_zeros()));
            index = self.ins().ishl(index, shift);
        }
        self.ins().iadd(base, index)
    }

    pub(super) fn add_constant(&mut self, base: cl::Value, constant: i64) -> cl::Value {
        if constant == 0 {
            return base;
        }
        let constant = self.iconst(types::I64, constant);
        self.ins().iadd(base, constant)
    }

    pub(super) fn binary(&mut self, inst: Inst, data: &InstData) {
        let (a, b) = (self.arg(inst, 0), self.arg(inst, 1));
        if data.op == Op::Mul
            && let Some(n @ (3 | 5 | 9)) = self.ssa.constant(self.ssa.args(inst)[1])
        {
            // An address computation takes one cycle where a product takes three.
            let shift = self.iconst(types::I32, i64::from((n - 1).trailing_zeros()));
            let rest = self.ins().ishl(a, shift);
            let value = self.ins().iadd(rest, a);
            self.define(data, value);
            return;
        }
        let i = self.ins();
        let value = match data.op {
            Op::Add => i.iadd(a, b),
            Op::Sub => i.isub(a, b),
            Op::Mul => i.imul(a, b),
            // Each traps by itself: see `artifact` for the codes.
            Op::SDiv => i.sdiv(a, b),
            Op::UDiv => i.udiv(a, b),
            Op::SRem => i.srem(a, b),
            Op::URem => i.urem(a, b),
            Op::And => i.band(a, b),
            Op::Or => i.bor(a, b),
            Op::Xor => i.bxor(a, b),
            // Counts are taken modulo the width, as SSA defines them.
            Op::Shl => i.ishl(a, b),
            Op::Sar => i.sshr(a, b),
            Op::Shr => i.ushr(a, b),
            Op::FAdd => i.fadd(a, b),
            Op::FSub => i.fsub(a, b),
            Op::FMul => i.fmul(a, b),
            Op::FDiv => i.fdiv(a, b),
            _ => unreachable!("not a binary operation"),
        };
        self.define(data, value);
    }

    pub(super) fn unary(&mut self, inst: Inst, data: &InstData) {
        let a = self.arg(inst, 0);
        let i = self.ins();
        let value = match data.op {
            Op::Neg => i.ineg(a),
            Op::Not => i.bnot(a),
            Op::FNeg => i.fneg(a),
            Op::FAbs => i.fabs(a),
            Op::FSqrt => i.sqrt(a),
            Op::FFloor => i.floor(a),
            Op::FCeil => i.ceil(a),
            Op::FNearest => i.nearest(a),
            _ => unreachable!("not a unary operation"),
        };
        self.define(data, value);
    }

    pub(super) fn checked(&mut self, inst: Inst, data: &InstData) {
        let (a, b) = (self.arg(inst, 0), self.arg(inst, 1));
        let i = self.ins();
        let (value, overflow) = match data.op {
            Op::AddOvf => i.sadd_overflow(a, b),
            Op::AddOvfUn => i.uadd_overflow(a, b),
            Op::SubOvf => i.ssub_overflow(a, b),
            Op::SubOvfUn => i.usub_overflow(a, b),
            Op::MulOvf => i.smul_overflow(a, b),
            Op::MulOvfUn => i.umul_overflow(a, b),
            _ => unreachable!("not a checked operation"),
        };
        let mut results = data.results();
        if let Some(result) = results.next() {
            self.s.values[result.index()] = value.into();
        }
        if let Some(flag) = results.next() {
            self.define_truth(flag, overflow);
        }
    }

    pub(super) fn compare(&mut self, inst: Inst, data: &InstData) {
        let Imm::Cmp(cmp) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let (a, b) = (self.arg(inst, 0), self.arg(inst, 1));
        let truth = if data.ty.is_float() {
            self.ins().fcmp(float_cc(cmp), a, b)
        } else {
            self.ins().icmp(int_cc(cmp), a, b)
        };
        if let Some(result) = data.result() {
            self.define_truth(result, truth);
        }
    }

    pub(super) fn select(&mut self, inst: Inst, data: &InstData) {
        let (c, a, b) = (self.arg(inst, 0), self.arg(inst, 1), self.arg(inst, 2));
        let value = self.ins().select(c, a, b);
        self.define(data, value);
    }
}
