//! Comparison of texts by their units, and formatting of doubles. Cultures are in `locale`.

use crate::digits::{LONGEST, scientific};
use crate::vm::Cx;
use crate::vm::cx::Result;

icalls! {
    "System.Globalization.CompareInfo" {
        "internal_compare_icall" => compare [a: usize, a_length: i32, b: usize, b_length: i32, options: i32] -> i32;
        "internal_index_icall" => index_of [source: usize, start: i32, count: i32, value: usize, value_length: i32, first: bool] -> i32;
    }
    "Interop/Sys" {
        "DoubleToString" => double_to_string [value: f64, format: usize, buffer: usize, length: i32] -> i32;
    }
    "System.NumberFormatter" {
        "GetFormatterTables" => formatter_tables [mantissas: usize, exponents: usize, lower: usize, upper: usize, tens: usize, hex: usize] -> ();
    }
}

/// Folds case for `CompareOptions.IgnoreCase` (1) and `OrdinalIgnoreCase` (0x1000_0000).
fn unit(at: usize, i: i32, options: i32) -> u32 {
    // SAFETY: the library passes pinned texts and their lengths.
    let u = unsafe { (at as *const u16).add(i as usize).read_unaligned() };
    if options & 0x1000_0001 != 0
        && let Some(c) = char::from_u32(u32::from(u))
    {
        return c.to_lowercase().next().map_or(u32::from(u), u32::from);
    }
    u32::from(u)
}

/// Order of UTF-16 units: what the library asks for when it does not collate itself.
fn compare(
    _cx: &Cx<'_>,
    a: usize,
    a_length: i32,
    b: usize,
    b_length: i32,
    options: i32,
) -> Result<i32> {
    for i in 0..a_length.min(b_length) {
        let (x, y) = (unit(a, i, options), unit(b, i, options));
        if x != y {
            return Ok(if x < y { -1 } else { 1 });
        }
    }
    Ok((a_length - b_length).signum())
}

/// First or last place of a text in `count` units from `start` (backwards when searching the last).
fn index_of(
    _cx: &Cx<'_>,
    source: usize,
    start: i32,
    count: i32,
    value: usize,
    length: i32,
    first: bool,
) -> Result<i32> {
    let matches = |at: i32| (0..length).all(|i| unit(source, at + i, 0) == unit(value, i, 0));
    Ok(if first {
        (start..=start + count - length).find(|&at| matches(at))
    } else {
        let low = start - count + 1;
        (low..=start - length + 1).rev().find(|&at| matches(at))
    }
    .unwrap_or(-1))
}

/// `snprintf` of one double.
fn double_to_string(
    _cx: &Cx<'_>,
    value: f64,
    format: usize,
    buffer: usize,
    length: i32,
) -> Result<i32> {
    // SAFETY: the library passes a format, which ends with a zero.
    let usual = unsafe { std::ffi::CStr::from_ptr(format as *const libc::c_char) } == c"%.40e";
    let mut digits = [0; LONGEST];
    if usual
        && length > LONGEST as i32
        && let Some(n) = scientific(value, &mut digits)
    {
        // SAFETY: the buffer is longer than this.
        unsafe {
            std::ptr::copy_nonoverlapping(digits.as_ptr(), buffer as *mut u8, n);
            *(buffer as *mut u8).add(n) = 0;
        }
        return Ok(n as i32);
    }
    // SAFETY: the library passes a format for one double and a buffer of that length.
    Ok(unsafe {
        libc::snprintf(
            buffer as *mut libc::c_char,
            length.max(0) as usize,
            format as *const libc::c_char,
            value,
        )
    })
}

/// Tables of the double formatter, computed once.
struct Formatter {
    mantissas: Vec<u64>,
    exponents: Vec<i32>,
    lower: Vec<u16>,
    upper: Vec<u16>,
    tens: Vec<i64>,
    hex: Vec<i32>,
}

/// Row `e` (the biased exponent of a double) is 2^(e-1011) = mantissa · 10^exponent with a mantissa of 19 digits: the upper
/// half of (mantissa of the double) · (mantissa of the row) has the digits of the double.
fn make_formatter() -> Formatter {
    const ROWS: usize = 2048;
    const ZERO: usize = 1011;
    let (mut mantissas, mut exponents) = (vec![0; ROWS], vec![0; ROWS]);
    let mut fill = |rows: &mut dyn Iterator<Item = usize>, factor: u8, shift: i32| {
        // Decimal digits of factor^n, lowest first; 2^-n is 5^n · 10^-n.
        let mut digits: Vec<u8> = vec![1];
        let mut point = 0;
        for row in rows {
            let take = digits.len().min(19);
            let top = digits
                .iter()
                .rev()
                .take(take)
                .fold(0u64, |m, d| m * 10 + u64::from(*d));
            let missing = 19 - take as u32;
            mantissas[row] = top * 10u64.pow(missing);
            exponents[row] = point + digits.len() as i32 - 19;
            let mut carry = 0;
            for d in &mut digits {
                let v = *d * factor + carry;
                (*d, carry) = (v % 10, v / 10);
            }
            if carry > 0 {
                digits.push(carry);
            }
            point += shift;
        }
    };
    fill(&mut (ZERO..ROWS), 2, 0);
    fill(&mut (0..=ZERO).rev(), 5, -1);
    let digits = |letters: &str| letters.encode_utf16().collect();
    Formatter {
        mantissas,
        exponents,
        lower: digits("0123456789abcdef"),
        upper: digits("0123456789ABCDEF"),
        tens: (0..19).map(|n| 10i64.pow(n)).collect(),
        hex: (0..100).map(|n| ((n / 10) << 4) | (n % 10)).collect(),
    }
}

fn formatter_tables(
    _cx: &Cx<'_>,
    mantissas: usize,
    exponents: usize,
    lower: usize,
    upper: usize,
    tens: usize,
    hex: usize,
) -> Result<()> {
    static TABLES: std::sync::OnceLock<Formatter> = std::sync::OnceLock::new();
    let t = TABLES.get_or_init(make_formatter);
    let addresses = [
        (mantissas, t.mantissas.as_ptr() as usize),
        (exponents, t.exponents.as_ptr() as usize),
        (lower, t.lower.as_ptr() as usize),
        (upper, t.upper.as_ptr() as usize),
        (tens, t.tens.as_ptr() as usize),
        (hex, t.hex.as_ptr() as usize),
    ];
    for (to, address) in addresses {
        // SAFETY: managed pointers to pointers.
        unsafe { (to as *mut usize).write_unaligned(address) };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatter_rows_are_powers_of_two() {
        let t = make_formatter();
        // Beyond 2^1023 there is no double to compare with.
        for e in 0..2034 {
            let exact = 2f64.powi(e as i32 - 1011);
            let text = format!("{}e{}", t.mantissas[e], t.exponents[e]);
            let back: f64 = text.parse().unwrap();
            assert!((back / exact - 1.0).abs() < 1e-15, "row {e}: {text}");
            assert!(
                (1_000_000_000_000_000_000..10_000_000_000_000_000_000).contains(&t.mantissas[e])
            );
        }
        assert_eq!(
            (t.mantissas[0], t.exponents[0]),
            (4_556_951_262_222_748_432, -323)
        );
    }
}
