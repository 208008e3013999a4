//! Two-operand operations on constants: what passes fold and what the interpreter computes, by the arithmetic of the stack IR's
//! interpreter.
//!
//! Integers are sign-extended to 64 bits, floats are their bits, 32-bit ones zero-extended.

use crate::ir::{Op, Ty};
use isthmus_frontend_ir::interp::arith::{self, Fail};
use isthmus_frontend_ir::op::{BinOp, Cmp};
use isthmus_runtime_abi::trap::TrapKind;

/// The operation of the stack IR that computes the (first) result.
fn source(op: Op) -> Option<BinOp> {
    Some(match op {
        Op::Add | Op::AddOvf | Op::AddOvfUn | Op::FAdd => BinOp::Add,
        Op::Sub | Op::SubOvf | Op::SubOvfUn | Op::FSub => BinOp::Sub,
        Op::Mul | Op::MulOvf | Op::MulOvfUn | Op::FMul => BinOp::Mul,
        Op::FDiv | Op::SDiv => BinOp::Div,
        Op::UDiv => BinOp::DivUn,
        Op::SRem => BinOp::Rem,
        Op::URem => BinOp::RemUn,
        Op::And => BinOp::And,
        Op::Or => BinOp::Or,
        Op::Xor => BinOp::Xor,
        Op::Shl => BinOp::Shl,
        Op::Sar => BinOp::Shr,
        Op::Shr => BinOp::ShrUn,
        _ => return None,
    })
}

/// The operation that throws where the second result is 1.
fn checked(op: Op) -> Option<BinOp> {
    Some(match op {
        Op::AddOvf => BinOp::AddOvf,
        Op::AddOvfUn => BinOp::AddOvfUn,
        Op::SubOvf => BinOp::SubOvf,
        Op::SubOvfUn => BinOp::SubOvfUn,
        Op::MulOvf => BinOp::MulOvf,
        Op::MulOvfUn => BinOp::MulOvfUn,
        _ => return None,
    })
}

fn int(op: BinOp, ty: Ty, word: u32, a: i64, b: i64) -> Result<i64, TrapKind> {
    let result = if ty.bytes(word) == 4 {
        arith::int32(op, a as i32, b as i32).map(i64::from)
    } else {
        arith::int64(op, a, b)
    };
    result.map_err(|fail| match fail {
        Fail::Trap(kind) => kind,
        Fail::Type => unreachable!("both are integers"),
    })
}

/// The (first) result of an operation; `None` if it is none of two operands.
pub fn binary(op: Op, ty: Ty, word: u32, a: i64, b: i64) -> Option<Result<i64, TrapKind>> {
    let bin = source(op)?;
    Some(match ty {
        Ty::F32 => {
            let (a, b) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
            Ok(i64::from(arith::float32(bin, a, b).to_bits()))
        }
        Ty::F64 => {
            let (a, b) = (f64::from_bits(a as u64), f64::from_bits(b as u64));
            Ok(arith::float64(bin, a, b).to_bits() as i64)
        }
        _ => int(bin, ty, word, a, b),
    })
}

/// The second result of an operation that has one: whether it overflowed.
pub fn overflows(op: Op, ty: Ty, word: u32, a: i64, b: i64) -> Option<bool> {
    Some(int(checked(op)?, ty, word, a, b).is_err())
}

/// The result of a comparison.
pub fn compare(cmp: Cmp, ty: Ty, a: i64, b: i64) -> bool {
    match ty {
        Ty::F32 => {
            let float = |bits: i64| f64::from(f32::from_bits(bits as u32));
            arith::compare_floats(cmp, float(a), float(b))
        }
        Ty::F64 => {
            let float = |bits: i64| f64::from_bits(bits as u64);
            arith::compare_floats(cmp, float(a), float(b))
        }
        _ => arith::compare_ints(cmp, a, b),
    }
}
