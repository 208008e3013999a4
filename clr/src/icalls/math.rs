//! `System.Math` and `System.MathF`.

use crate::vm::Cx;
use crate::vm::cx::Result;

macro_rules! unary {
    ($($name:ident: $ty:ident = $f:expr;)*) => {$(
        fn $name(_cx: &Cx<'_>, x: $ty) -> Result<$ty> {
            let f: fn($ty) -> $ty = $f;
            Ok(f(x))
        }
    )*};
}

unary! {
    round: f64 = f64::round_ties_even;
    abs: f64 = f64::abs; abs_f: f32 = f32::abs;
    acos: f64 = f64::acos; acos_f: f32 = f32::acos;
    acosh: f64 = f64::acosh; acosh_f: f32 = f32::acosh;
    asin: f64 = f64::asin; asin_f: f32 = f32::asin;
    asinh: f64 = f64::asinh; asinh_f: f32 = f32::asinh;
    atan: f64 = f64::atan; atan_f: f32 = f32::atan;
    atanh: f64 = f64::atanh; atanh_f: f32 = f32::atanh;
    cbrt: f64 = f64::cbrt; cbrt_f: f32 = f32::cbrt;
    ceiling: f64 = f64::ceil; ceiling_f: f32 = f32::ceil;
    cos: f64 = f64::cos; cos_f: f32 = f32::cos;
    cosh: f64 = f64::cosh; cosh_f: f32 = f32::cosh;
    exp: f64 = f64::exp; exp_f: f32 = f32::exp;
    floor: f64 = f64::floor; floor_f: f32 = f32::floor;
    log: f64 = f64::ln; log_f: f32 = f32::ln;
    log10: f64 = f64::log10; log10_f: f32 = f32::log10;
    sin: f64 = f64::sin; sin_f: f32 = f32::sin;
    sinh: f64 = f64::sinh; sinh_f: f32 = f32::sinh;
    sqrt: f64 = f64::sqrt; sqrt_f: f32 = f32::sqrt;
    tan: f64 = f64::tan; tan_f: f32 = f32::tan;
    tanh: f64 = f64::tanh; tanh_f: f32 = f32::tanh;
}

macro_rules! binary {
    ($($name:ident: $ty:ident = $f:expr;)*) => {$(
        fn $name(_cx: &Cx<'_>, x: $ty, y: $ty) -> Result<$ty> {
            let f: fn($ty, $ty) -> $ty = $f;
            Ok(f(x, y))
        }
    )*};
}

binary! {
    atan2: f64 = f64::atan2; atan2_f: f32 = f32::atan2;
    pow: f64 = f64::powf; pow_f: f32 = f32::powf;
    remainder: f64 = |x, y| x % y; remainder_f: f32 = |x, y| x % y;
}

/// Fraction; the whole part goes to `whole`. Both have the sign of `x`.
fn modf(_cx: &Cx<'_>, x: f64, whole: usize) -> Result<f64> {
    // SAFETY: the library passes the address of a double.
    unsafe { (whole as *mut f64).write_unaligned(x.trunc()) };
    Ok(if x.is_infinite() {
        0f64.copysign(x)
    } else {
        (x - x.trunc()).copysign(x)
    })
}

fn modf_f(_cx: &Cx<'_>, x: f32, whole: usize) -> Result<f32> {
    // SAFETY: the library passes the address of a float.
    unsafe { (whole as *mut f32).write_unaligned(x.trunc()) };
    Ok(if x.is_infinite() {
        0f32.copysign(x)
    } else {
        (x - x.trunc()).copysign(x)
    })
}

icalls! {
    "System.Math" {
        "Round" => round [x: f64] -> f64;
        "Abs(double)" => abs [x: f64] -> f64;
        "Abs(float)" => abs_f [x: f32] -> f32;
        "Acos" => acos [x: f64] -> f64;
        "Acosh" => acosh [x: f64] -> f64;
        "Asin" => asin [x: f64] -> f64;
        "Asinh" => asinh [x: f64] -> f64;
        "Atan" => atan [x: f64] -> f64;
        "Atan2" => atan2 [y: f64, x: f64] -> f64;
        "Atanh" => atanh [x: f64] -> f64;
        "Cbrt" => cbrt [x: f64] -> f64;
        "Ceiling" => ceiling [x: f64] -> f64;
        "Cos" => cos [x: f64] -> f64;
        "Cosh" => cosh [x: f64] -> f64;
        "Exp" => exp [x: f64] -> f64;
        "Floor" => floor [x: f64] -> f64;
        "Log" => log [x: f64] -> f64;
        "Log10" => log10 [x: f64] -> f64;
        "Pow" => pow [x: f64, y: f64] -> f64;
        "Sin" => sin [x: f64] -> f64;
        "Sinh" => sinh [x: f64] -> f64;
        "Sqrt" => sqrt [x: f64] -> f64;
        "Tan" => tan [x: f64] -> f64;
        "Tanh" => tanh [x: f64] -> f64;
        "FMod" => remainder [x: f64, y: f64] -> f64;
        "ModF" => modf [x: f64, whole: usize] -> f64;
    }
    "System.MathF" {
        "Acos" => acos_f [x: f32] -> f32;
        "Acosh" => acosh_f [x: f32] -> f32;
        "Asin" => asin_f [x: f32] -> f32;
        "Asinh" => asinh_f [x: f32] -> f32;
        "Atan" => atan_f [x: f32] -> f32;
        "Atan2" => atan2_f [y: f32, x: f32] -> f32;
        "Atanh" => atanh_f [x: f32] -> f32;
        "Cbrt" => cbrt_f [x: f32] -> f32;
        "Ceiling" => ceiling_f [x: f32] -> f32;
        "Cos" => cos_f [x: f32] -> f32;
        "Cosh" => cosh_f [x: f32] -> f32;
        "Exp" => exp_f [x: f32] -> f32;
        "Floor" => floor_f [x: f32] -> f32;
        "Log" => log_f [x: f32] -> f32;
        "Log10" => log10_f [x: f32] -> f32;
        "Pow" => pow_f [x: f32, y: f32] -> f32;
        "Sin" => sin_f [x: f32] -> f32;
        "Sinh" => sinh_f [x: f32] -> f32;
        "Sqrt" => sqrt_f [x: f32] -> f32;
        "Tan" => tan_f [x: f32] -> f32;
        "Tanh" => tanh_f [x: f32] -> f32;
        "FMod" => remainder_f [x: f32, y: f32] -> f32;
        "ModF" => modf_f [x: f32, whole: usize] -> f32;
    }
}
