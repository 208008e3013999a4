//! Pure operations on bits. 32-bit integers are kept sign-extended, 32-bit floats zero-extended.

use super::{Result, Stop, invalid};
use crate::ir::{Func, Imm, Inst, Op, Ty};
use crate::passes::fold::compare_ints;
use isthmus_frontend_ir::interp::arith::{f64_to_i32, f64_to_i64, f64_to_u64};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::trap::TrapKind;

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

fn compare_floats(cmp: Cmp, a: f64, b: f64) -> bool {
    let unordered = a.is_nan() || b.is_nan();
    match cmp {
        Cmp::Eq => a == b,
        Cmp::NeUn => unordered || a != b,
        Cmp::Ge => a >= b,
        Cmp::Gt => a > b,
        Cmp::Le => a <= b,
        Cmp::Lt => a < b,
        Cmp::GeUn => unordered || a >= b,
        Cmp::GtUn => unordered || a > b,
        Cmp::LeUn => unordered || a <= b,
        Cmp::LtUn => unordered || a < b,
    }
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
    let count = (b as u32) & (bits - 1);
    let (sa, sb) = (a as i64, b as i64);
    let (ua, ub) = if narrow {
        (u64::from(a as u32), u64::from(b as u32))
    } else {
        (a, b)
    };
    let value = match d.op {
        Op::Const => d.bits().unwrap_or(0) as u64,
        Op::VtableOf => u64::from(a as u32),
        Op::Add => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Mul => a.wrapping_mul(b),
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Shl => a << count,
        Op::Sar => (sa >> count) as u64,
        Op::Shr => ua >> count,
        Op::Neg => a.wrapping_neg(),
        Op::Not => !a,
        Op::SDiv | Op::UDiv | Op::SRem | Op::URem => {
            if ub == 0 {
                return Err(Stop::Trap(TrapKind::DivideByZero));
            }
            match d.op {
                Op::UDiv => ua / ub,
                Op::URem => ua % ub,
                op => {
                    let min = if narrow {
                        i64::from(i32::MIN)
                    } else {
                        i64::MIN
                    };
                    if sa == min && sb == -1 {
                        return Err(Stop::Trap(TrapKind::Overflow));
                    }
                    if op == Op::SDiv {
                        (sa / sb) as u64
                    } else {
                        (sa % sb) as u64
                    }
                }
            }
        }
        Op::AddOvf | Op::SubOvf | Op::MulOvf | Op::AddOvfUn | Op::SubOvfUn | Op::MulOvfUn => {
            let unsigned = matches!(d.op, Op::AddOvfUn | Op::SubOvfUn | Op::MulOvfUn);
            let (x, y) = if unsigned {
                (i128::from(ua), i128::from(ub))
            } else {
                (i128::from(sa), i128::from(sb))
            };
            let exact = match d.op {
                Op::AddOvf | Op::AddOvfUn => x.checked_add(y),
                Op::SubOvf | Op::SubOvfUn => x.checked_sub(y),
                // Two unsigned 64-bit numbers may exceed even 128 signed bits.
                _ => x.checked_mul(y),
            };
            let fits = exact.is_some_and(|e| match (unsigned, narrow) {
                (true, true) => u32::try_from(e).is_ok(),
                (true, false) => u64::try_from(e).is_ok(),
                (false, true) => i32::try_from(e).is_ok(),
                (false, false) => i64::try_from(e).is_ok(),
            });
            let wrapped = match d.op {
                Op::AddOvf | Op::AddOvfUn => a.wrapping_add(b),
                Op::SubOvf | Op::SubOvfUn => a.wrapping_sub(b),
                _ => a.wrapping_mul(b),
            };
            return Ok((canonical(d.ty, wrapped), Some(u64::from(!fits))));
        }
        Op::ExtS8 => a as i8 as i64 as u64,
        Op::ExtU8 => a & 0xff,
        Op::ExtS16 => a as i16 as i64 as u64,
        Op::ExtU16 => a & 0xffff,
        Op::Sext => a,
        Op::Zext if from == Ty::I32 => u64::from(a as u32),
        Op::Zext | Op::Trunc | Op::Retype => a,
        Op::FAdd | Op::FSub | Op::FMul | Op::FDiv if narrow => {
            let (x, y) = (f32_of(a), f32_of(b));
            let r = match d.op {
                Op::FAdd => x + y,
                Op::FSub => x - y,
                Op::FMul => x * y,
                _ => x / y,
            };
            u64::from(r.to_bits())
        }
        Op::FAdd => (f64_of(a) + f64_of(b)).to_bits(),
        Op::FSub => (f64_of(a) - f64_of(b)).to_bits(),
        Op::FMul => (f64_of(a) * f64_of(b)).to_bits(),
        Op::FDiv => (f64_of(a) / f64_of(b)).to_bits(),
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
            u64::from(match d.ty {
                Ty::F32 => compare_floats(cmp, f64::from(f32_of(a)), f64::from(f32_of(b))),
                Ty::F64 => compare_floats(cmp, f64_of(a), f64_of(b)),
                ty => compare_ints(cmp, ty, 8, sa, sb),
            })
        }
        Op::Select => {
            let n = if a as u32 != 0 { 1 } else { 2 };
            args.get(n).map_or(0, |v| values[v.index()])
        }
        op => return invalid(format!("{} is not pure", op.row().name)),
    };
    let ty = d.result().map_or(d.ty, |r| func.ty(r));
    Ok((canonical(ty, value), None))
}
