//! Arithmetic, comparisons and conversions on values: exactly what compiled code must compute.
//!
//! Where ECMA-335 leaves results open they are those of Mono on x86-64: shift counts are masked to the operand's width,
//! float → integer out of range goes through `cvttsd2si` (0x8000…), `MIN rem -1` overflows like the division.

use super::value::Value;
use crate::op::{BinOp, Cmp, ConvMode, ConvTo};
use crate::typing;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::StackTy;

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fail {
    /// The operation throws.
    Trap(TrapKind),
    /// The operands have the wrong types.
    Type,
}

type Result<T = Value> = std::result::Result<T, Fail>;

/// `cvttsd2si`, 64 bits.
pub fn f64_to_i64(x: f64) -> i64 {
    if (-9223372036854775808.0..9223372036854775808.0).contains(&x) {
        x as i64
    } else {
        i64::MIN
    }
}

/// `cvttsd2si`, 32 bits.
pub fn f64_to_i32(x: f64) -> i32 {
    if x > -2147483649.0 && x < 2147483648.0 {
        x as i32
    } else {
        i32::MIN
    }
}

/// float64 to u64 as C does it on x86-64, but for NaN, which gives 0.
pub fn f64_to_u64(x: f64) -> u64 {
    const TOP: f64 = 9223372036854775808.0;
    if x.is_nan() {
        0
    } else if x >= TOP {
        (f64_to_i64(x - TOP) as u64) ^ (1 << 63)
    } else {
        f64_to_i64(x) as u64
    }
}

/// A two-operand operation.
pub fn bin(op: BinOp, left: &Value, right: &Value) -> Result {
    let ty = typing::bin_result(op, left.ty(), right.ty()).ok_or(Fail::Type)?;
    if matches!(op, BinOp::Shl | BinOp::Shr | BinOp::ShrUn) {
        return shift(op, left, right.as_int().ok_or(Fail::Type)?);
    }
    match ty {
        StackTy::F32 | StackTy::F64 => {
            let (Some(a), Some(b)) = (left.as_float(), right.as_float()) else {
                return Err(Fail::Type);
            };
            Ok(match ty {
                StackTy::F32 => Value::F32(float32(op, a as f32, b as f32)),
                _ => Value::F64(float64(op, a, b)),
            })
        }
        _ => {
            let (Some(a), Some(b)) = (left.as_int(), right.as_int()) else {
                return Err(Fail::Type);
            };
            match ty {
                StackTy::I32 => int32(op, a as i32, b as i32).map(Value::I32),
                StackTy::I64 => int64(op, a, b).map(Value::I64),
                StackTy::ByRef => int64(op, a, b).map(|x| Value::ByRef(x as u64)),
                _ => int64(op, a, b).map(Value::Native),
            }
        }
    }
}

fn shift(op: BinOp, left: &Value, count: i64) -> Result {
    match *left {
        Value::I32(x) => int32(op, x, count as i32).map(Value::I32),
        Value::I64(x) => int64(op, x, count).map(Value::I64),
        Value::Native(x) => int64(op, x, count).map(Value::Native),
        _ => Err(Fail::Type),
    }
}

macro_rules! int_ops {
    ($(#[$doc:meta])* $name:ident, $int:ty, $uint:ty) => {
        $(#[$doc])*
        pub fn $name(op: BinOp, a: $int, b: $int) -> Result<$int> {
            let (ua, ub) = (a as $uint, b as $uint);
            let divides = matches!(op, BinOp::Div | BinOp::DivUn | BinOp::Rem | BinOp::RemUn);
            if divides && b == 0 {
                return Err(Fail::Trap(TrapKind::DivideByZero));
            }
            let checked = match op {
                BinOp::Add => Some(a.wrapping_add(b)),
                BinOp::Sub => Some(a.wrapping_sub(b)),
                BinOp::Mul => Some(a.wrapping_mul(b)),
                BinOp::Div => a.checked_div(b),
                BinOp::Rem => a.checked_rem(b),
                BinOp::DivUn => Some((ua / ub) as $int),
                BinOp::RemUn => Some((ua % ub) as $int),
                BinOp::And => Some(a & b),
                BinOp::Or => Some(a | b),
                BinOp::Xor => Some(a ^ b),
                BinOp::AddOvf => a.checked_add(b),
                BinOp::SubOvf => a.checked_sub(b),
                BinOp::MulOvf => a.checked_mul(b),
                BinOp::AddOvfUn => ua.checked_add(ub).map(|x| x as $int),
                BinOp::SubOvfUn => ua.checked_sub(ub).map(|x| x as $int),
                BinOp::MulOvfUn => ua.checked_mul(ub).map(|x| x as $int),
                BinOp::Shl => Some(a.wrapping_shl(b as u32)),
                BinOp::Shr => Some(a.wrapping_shr(b as u32)),
                BinOp::ShrUn => Some(ua.wrapping_shr(b as u32) as $int),
            };
            checked.ok_or(Fail::Trap(TrapKind::Overflow))
        }
    };
}
int_ops!(
    /// A two-operand operation on 32-bit integers.
    int32,
    i32,
    u32
);
int_ops!(
    /// A two-operand operation on 64-bit integers.
    int64,
    i64,
    u64
);

macro_rules! float_ops {
    ($(#[$doc:meta])* $name:ident, $float:ty) => {
        $(#[$doc])*
        pub fn $name(op: BinOp, a: $float, b: $float) -> $float {
            match op {
                BinOp::Add => a + b,
                BinOp::Sub => a - b,
                BinOp::Mul => a * b,
                BinOp::Div => a / b,
                _ => a % b,
            }
        }
    };
}
float_ops!(
    /// A two-operand operation on 32-bit floats.
    float32,
    f32
);
float_ops!(
    /// A two-operand operation on 64-bit floats.
    float64,
    f64
);

/// A comparison.
pub fn compare(cmp: Cmp, left: &Value, right: &Value) -> Result<bool> {
    let ty = typing::compare_type(cmp, left.ty(), right.ty()).ok_or(Fail::Type)?;
    if ty.is_float() {
        let (Some(a), Some(b)) = (left.as_float(), right.as_float()) else {
            return Err(Fail::Type);
        };
        return Ok(compare_floats(cmp, a, b));
    }
    let (Some(a), Some(b)) = (left.as_int(), right.as_int()) else {
        return Err(Fail::Type);
    };
    Ok(compare_ints(cmp, a, b))
}

/// A comparison of floats.
pub fn compare_floats(cmp: Cmp, a: f64, b: f64) -> bool {
    let unordered = a.is_nan() || b.is_nan();
    match cmp {
        Cmp::Eq => a == b,
        Cmp::NeUn => a != b,
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

/// A comparison of integers, 32-bit ones sign-extended: that keeps their unsigned order too.
pub fn compare_ints(cmp: Cmp, a: i64, b: i64) -> bool {
    let (ua, ub) = (a as u64, b as u64);
    match cmp {
        Cmp::Eq => a == b,
        Cmp::NeUn => a != b,
        Cmp::Ge => a >= b,
        Cmp::Gt => a > b,
        Cmp::Le => a <= b,
        Cmp::Lt => a < b,
        Cmp::GeUn => ua >= ub,
        Cmp::GtUn => ua > ub,
        Cmp::LeUn => ua <= ub,
        Cmp::LtUn => ua < ub,
    }
}

/// Whether a value counts as true.
pub fn truth(value: &Value) -> Result<bool> {
    value.as_int().map(|x| x != 0).ok_or(Fail::Type)
}

/// `neg`.
pub fn neg(value: &Value) -> Result {
    Ok(match *value {
        Value::I32(x) => Value::I32(x.wrapping_neg()),
        Value::I64(x) => Value::I64(x.wrapping_neg()),
        Value::Native(x) => Value::Native(x.wrapping_neg()),
        Value::F32(x) => Value::F32(-x),
        Value::F64(x) => Value::F64(-x),
        _ => return Err(Fail::Type),
    })
}

/// `not`.
pub fn not(value: &Value) -> Result {
    Ok(match *value {
        Value::I32(x) => Value::I32(!x),
        Value::I64(x) => Value::I64(!x),
        Value::Native(x) => Value::Native(!x),
        _ => return Err(Fail::Type),
    })
}

/// `ckfinite`.
pub fn ckfinite(value: Value) -> Result {
    match value.as_float() {
        Some(x) if x.is_finite() => Ok(value),
        Some(_) => Err(Fail::Trap(TrapKind::NotFinite)),
        None => Err(Fail::Type),
    }
}

/// A conversion.
pub fn convert(value: &Value, to: ConvTo, mode: ConvMode) -> Result {
    if !typing::conv_accepts(value.ty(), to, mode) {
        return Err(Fail::Type);
    }
    match (value.as_float(), to) {
        (Some(x), ConvTo::R4) => Ok(Value::F32(x as f32)),
        (Some(x), ConvTo::R8 | ConvTo::RUn) => Ok(Value::F64(x)),
        (Some(x), _) if mode == ConvMode::Wrap => Ok(match to {
            ConvTo::U8 => Value::I64(f64_to_u64(x) as i64),
            ConvTo::U => Value::Native(f64_to_u64(x) as i64),
            ConvTo::I8 | ConvTo::I | ConvTo::U4 => narrow(f64_to_i64(x), to),
            _ => narrow(f64_to_i32(x).into(), to),
        }),
        (Some(x), _) => {
            // Every integer of magnitude below 2^64 is an i128; what is not finite fits nothing.
            let whole = x.trunc();
            let fits = whole.abs() < 1e30;
            let overflow = Fail::Trap(TrapKind::Overflow);
            in_range(
                if fits {
                    whole as i128
                } else {
                    return Err(overflow);
                },
                to,
            )
        }
        (None, _) => integer(value, to, mode),
    }
}

fn integer(value: &Value, to: ConvTo, mode: ConvMode) -> Result {
    let signed = value.as_int().ok_or(Fail::Type)?;
    let unsigned = match *value {
        Value::I32(x) => x as u32 as u64,
        _ => signed as u64,
    };
    match (to, mode) {
        (ConvTo::R4, _) => Ok(Value::F32(signed as f32)),
        (ConvTo::R8, _) => Ok(Value::F64(signed as f64)),
        (ConvTo::RUn, _) => Ok(Value::F64(unsigned as f64)),
        (_, ConvMode::Ovf) => in_range(signed as i128, to),
        (_, ConvMode::OvfUn) => in_range(unsigned as i128, to),
        // These widen without sign.
        (ConvTo::U8, _) => Ok(Value::I64(unsigned as i64)),
        (ConvTo::U, _) => Ok(Value::Native(unsigned as i64)),
        _ => Ok(narrow(signed, to)),
    }
}

fn narrow(x: i64, to: ConvTo) -> Value {
    match to {
        ConvTo::I1 => Value::I32(x as i8 as i32),
        ConvTo::U1 => Value::I32(x as u8 as i32),
        ConvTo::I2 => Value::I32(x as i16 as i32),
        ConvTo::U2 => Value::I32(x as u16 as i32),
        ConvTo::I4 | ConvTo::U4 => Value::I32(x as i32),
        ConvTo::I8 | ConvTo::U8 => Value::I64(x),
        _ => Value::Native(x),
    }
}

fn in_range(x: i128, to: ConvTo) -> Result {
    let (low, high): (i128, i128) = match to {
        ConvTo::I1 => (i8::MIN as i128, i8::MAX as i128),
        ConvTo::U1 => (0, u8::MAX as i128),
        ConvTo::I2 => (i16::MIN as i128, i16::MAX as i128),
        ConvTo::U2 => (0, u16::MAX as i128),
        ConvTo::I4 => (i32::MIN as i128, i32::MAX as i128),
        ConvTo::U4 => (0, u32::MAX as i128),
        ConvTo::U8 | ConvTo::U => (0, u64::MAX as i128),
        _ => (i64::MIN as i128, i64::MAX as i128),
    };
    if (low..=high).contains(&x) {
        Ok(narrow(x as u64 as i64, to))
    } else {
        Err(Fail::Trap(TrapKind::Overflow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_those_of_mono() {
        let overflow = Err(Fail::Trap(TrapKind::Overflow));
        let int = Value::I32;
        assert_eq!(bin(BinOp::Div, &int(i32::MIN), &int(-1)), overflow);
        assert_eq!(bin(BinOp::Rem, &int(i32::MIN), &int(-1)), overflow);
        assert_eq!(bin(BinOp::Shl, &int(1), &int(33)), Ok(int(2)));
        assert_eq!(
            bin(BinOp::Add, &int(-1), &Value::Native(1)),
            Ok(Value::Native(0))
        );
        let conv = |x: f64, to| convert(&Value::F64(x), to, ConvMode::Wrap).unwrap();
        assert_eq!(conv(f64::NAN, ConvTo::I4), int(i32::MIN));
        assert_eq!(conv(4294967297.0, ConvTo::I4), int(i32::MIN));
        assert_eq!(conv(4294967297.0, ConvTo::U2), int(0));
        assert_eq!(conv(4294967297.0, ConvTo::U4), int(1));
        assert_eq!(conv(f64::NAN, ConvTo::U8), Value::I64(0));
        assert_eq!(conv(1e300, ConvTo::I8), Value::I64(i64::MIN));
        assert_eq!(
            conv(1.8e19, ConvTo::U8),
            Value::I64(18000000000000000000u64 as i64)
        );
        assert_eq!(
            convert(&Value::F64(-0.9), ConvTo::U1, ConvMode::Ovf),
            Ok(int(0))
        );
        assert_eq!(
            convert(&Value::F64(-1.0), ConvTo::U1, ConvMode::Ovf),
            overflow
        );
        assert_eq!(
            convert(&int(-1), ConvTo::U8, ConvMode::Wrap),
            Ok(Value::I64(0xffff_ffff))
        );
        assert_eq!(
            convert(&int(-1), ConvTo::I8, ConvMode::OvfUn),
            Ok(Value::I64(0xffff_ffff))
        );
        assert_eq!(
            compare(Cmp::GtUn, &Value::F64(f64::NAN), &Value::F64(0.0)),
            Ok(true)
        );
        assert_eq!(compare(Cmp::LtUn, &int(1), &int(-1)), Ok(true));
    }
}
