//! Pure operations on bits. 32-bit integers are kept sign-extended, 32-bit floats zero-extended.

use super::{Result, Stop, invalid};
use crate::eval;
use crate::ir::{Func, Imm, Inst, Op, Ty};
use isthmus_frontend_ir::interp::arith::{f64_to_i32, f64_to_i64, f64_to_u64};

/// A value.
pub(super) type Bits = u64;

/// The canonical form of a word of a type.
pub(super) fn canonical(ty: Ty, v: Bits) -> Bits {
    match ty {
        Ty::I32 => v as i32 as i64 as u64,
        Ty::F32 => v & 0xffff_ffff,
        _ => v,
    }
}

fn f32_of(v: Bits) -> f32 {
    f32::from_bits(v as u32)
}

fn f64_of(v: Bits) -> f64 {
    f64::from_bits(v)
}

/// A float as an integer with the pattern of `cvttsd2si` outside of its range.
fn to_int(x: f64, bits: u32) -> i64 {
    if bits == 64 {
        return f64_to_i64(x);
    }
    f64_to_i32(x).into()
}

/// Evaluates an operation: its result, and the second one if it has two.
pub(super) fn pure(func: &Func, i: Inst, values: &[Bits]) -> Result<(Bits, Option<Bits>)> {
    let d = func.inst(i);
    let args = func.args(i);
    let a = args.first().map_or(0, |v| values[v.index()]);
    let b = args.get(1).map_or(0, |v| values[v.index()]);
    let from = args.first().map_or(Ty::I64, |&v| func.ty(v));
    let narrow = d.ty.bytes(8) == 4;
    let bits = if narrow { 32 } else { 64 };
    let (sa, sb) = (a as i64, b as i64);
    let ty = d.result().map_or(d.ty, |r| func.ty(r));
    if let Some(result) = eval::binary(d.op, d.ty, 8, sa, sb) {
        let overflows = eval::overflows(d.op, d.ty, 8, sa, sb);
        let value = canonical(ty, result.map_err(Stop::Trap)? as u64);
        return Ok((value, overflows.map(u64::from)));
    }
    let value = match d.op {
        Op::Const => d.bits().unwrap_or(0) as u64,
        Op::VtableOf => u64::from(a as u32),
        Op::Neg => a.wrapping_neg(),
        Op::Not => !a,
        Op::ExtS8 => a as i8 as i64 as u64,
        Op::ExtU8 => a & 0xff,
        Op::ExtS16 => a as i16 as i64 as u64,
        Op::ExtU16 => a & 0xffff,
        Op::Sext => a,
        Op::Zext if from == Ty::I32 => u64::from(a as u32),
        Op::Zext | Op::Trunc | Op::Retype => a,
        Op::FNeg | Op::FAbs | Op::FSqrt | Op::FFloor | Op::FCeil | Op::FNearest => {
            let x = if narrow {
                f64::from(f32_of(a))
            } else {
                f64_of(a)
            };
            let r = match d.op {
                Op::FNeg => -x,
                Op::FAbs => x.abs(),
                Op::FSqrt => x.sqrt(),
                Op::FFloor => x.floor(),
                Op::FCeil => x.ceil(),
                _ => x.round_ties_even(),
            };
            if narrow {
                u64::from((r as f32).to_bits())
            } else {
                r.to_bits()
            }
        }
        Op::FPromote => f64::from(f32_of(a)).to_bits(),
        Op::FDemote => u64::from((f64_of(a) as f32).to_bits()),
        Op::SToF if narrow => u64::from((sa as f32).to_bits()),
        Op::SToF => (sa as f64).to_bits(),
        Op::UToF => {
            let x = if from == Ty::I32 {
                u64::from(a as u32)
            } else {
                a
            };
            if narrow {
                u64::from((x as f32).to_bits())
            } else {
                (x as f64).to_bits()
            }
        }
        Op::FToS => {
            let x = if from == Ty::F32 {
                f64::from(f32_of(a))
            } else {
                f64_of(a)
            };
            to_int(x, bits) as u64
        }
        Op::FToU => {
            let x = if from == Ty::F32 {
                f64::from(f32_of(a))
            } else {
                f64_of(a)
            };
            f64_to_u64(x)
        }
        Op::FBits | Op::BitsF => a,
        Op::Cmp => {
            let Imm::Cmp(cmp) = d.imm else {
                return invalid("no comparison");
            };
            u64::from(eval::compare(cmp, d.ty, sa, sb))
        }
        Op::Select => {
            let n = if a as u32 != 0 { 1 } else { 2 };
            args.get(n).map_or(0, |v| values[v.index()])
        }
        op => return invalid(format!("{} is not pure", op.row().name)),
    };
    Ok((canonical(ty, value), None))
}
