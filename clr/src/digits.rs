//! Digits of doubles, for those whose digits fit in a few words: what `snprintf("%.40e")` writes, without its arithmetic on
//! numbers of any length. The class library asks for these 41 digits wherever it turns a double into text.
//!
//! ```text
//!   m · 2^e,  -128 <= e <= 64        integer part: 128 bits; fraction: 128 bits below the point
//!   fraction · 10^19 = 19 more digits above the point, and what is left of the fraction
//! ```

/// Digits that are written: one, and 40 after the point.
const DIGITS: usize = 41;
/// Most bytes that are written: sign, digits, point, `e-NN`.
pub const LONGEST: usize = DIGITS + 6;
/// Digits of a chunk, and ten to their power.
const CHUNK: usize = 19;
const CHUNK_FACTOR: u64 = 10_000_000_000_000_000_000;
/// An integer part below 2^117 has 36 digits; without one, 41 digits follow at most 38 zeros.
const ROOM: usize = 6 * CHUNK;

/// Digits, highest first.
struct Digits {
    list: [u8; ROOM],
    len: usize,
}

impl Digits {
    /// Appends a number as `CHUNK` digits.
    fn chunk(&mut self, mut n: u64) {
        for digit in self.list[self.len..self.len + CHUNK].iter_mut().rev() {
            *digit = (n % 10) as u8;
            n /= 10;
        }
        self.len += CHUNK;
    }
}

/// Writes a double as `%.40e` does; the number of bytes. `None` if it is not in the range of this.
pub fn scientific(value: f64, out: &mut [u8; LONGEST]) -> Option<usize> {
    const MANTISSA_BITS: u32 = 52;
    let bits = value.to_bits();
    let biased = (bits >> MANTISSA_BITS & 0x7ff) as i32;
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1) | 1 << MANTISSA_BITS;
    let e = biased - 1075;
    // Zero, denormal, infinite and what is not a number are far outside.
    if !(-128..=64).contains(&e) {
        return None;
    }
    let (integer, mut fraction) = match e {
        0.. => (u128::from(mantissa) << e, 0),
        -63..0 => {
            let below = mantissa & ((1 << -e) - 1);
            let integer = u128::from(mantissa >> -e);
            (integer, u128::from(below) << (128 + e))
        }
        _ => (0, u128::from(mantissa) << (128 + e)),
    };

    let mut digits = Digits {
        list: [0; ROOM],
        len: 0,
    };
    let factor = u128::from(CHUNK_FACTOR);
    if integer >= factor {
        digits.chunk((integer / factor) as u64);
    }
    digits.chunk((integer % factor) as u64);
    let whole = digits.len;
    let first_of = |digits: &Digits| digits.list[..digits.len].iter().position(|&d| d != 0);
    // Enough digits to round by.
    while fraction != 0 && first_of(&digits).is_none_or(|first| digits.len - first <= DIGITS) {
        let low = u128::from(fraction as u64) * factor;
        let high = (fraction >> 64) * factor + (low >> 64);
        digits.chunk((high >> 64) as u64);
        fraction = high << 64 | u128::from(low as u64);
    }
    let first = first_of(&digits)?;
    let mut exponent = whole as i32 - 1 - first as i32;

    let mut shown = [0; DIGITS];
    let all = &digits.list[first..digits.len];
    let n = all.len().min(DIGITS);
    shown[..n].copy_from_slice(&all[..n]);
    if let Some((&next, rest)) = all[n..].split_first() {
        let more = fraction != 0 || rest.iter().any(|&d| d != 0);
        let odd = shown[DIGITS - 1] % 2 == 1;
        if next > 5 || next == 5 && (more || odd) {
            match shown.iter().rposition(|&d| d != 9) {
                Some(at) => {
                    shown[at] += 1;
                    shown[at + 1..].fill(0);
                }
                None => {
                    shown = [0; DIGITS];
                    shown[0] = 1;
                    exponent += 1;
                }
            }
        }
    }
    Some(write(value.is_sign_negative(), &shown, exponent, out))
}

fn write(negative: bool, digits: &[u8; DIGITS], exponent: i32, out: &mut [u8; LONGEST]) -> usize {
    let mut at = 0;
    let mut put = |byte: u8| {
        out[at] = byte;
        at += 1;
    };
    if negative {
        put(b'-');
    }
    put(b'0' + digits[0]);
    put(b'.');
    for d in &digits[1..] {
        put(b'0' + d);
    }
    put(b'e');
    put(if exponent < 0 { b'-' } else { b'+' });
    let exponent = exponent.unsigned_abs() as u8;
    put(b'0' + exponent / 10);
    put(b'0' + exponent % 10);
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_c(value: f64) -> Vec<u8> {
        let mut buffer = [0u8; 64];
        // SAFETY: a format for one double, and a buffer that is long enough.
        let n = unsafe {
            libc::snprintf(
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                c"%.40e".as_ptr(),
                value,
            )
        };
        buffer[..n as usize].to_vec()
    }

    fn check(value: f64) -> bool {
        let mut out = [0; LONGEST];
        match scientific(value, &mut out) {
            Some(n) => {
                assert_eq!(out[..n], by_c(value)[..], "{value:e}");
                true
            }
            None => false,
        }
    }

    #[test]
    fn digits_are_those_of_c() {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut done = 0;
        for _ in 0..200_000 {
            let exponent = 1023 - 90 + random() % 190;
            let bits = random() & !(0x7ff << 52) | exponent << 52;
            done += usize::from(check(f64::from_bits(bits)));
            // Few bits: short numbers, and ties.
            let short = bits & !((1 << (random() % 53)) - 1);
            check(f64::from_bits(short));
        }
        assert!(done > 150_000, "only {done} numbers were in range");
    }

    #[test]
    fn ends_of_the_range() {
        for e in -200..=200 {
            for m in [1.0, 1.5, 1.0 + f64::EPSILON, 2.0 - f64::EPSILON, 1.1] {
                check(m * 2f64.powi(e));
                check(-m * 2f64.powi(e));
            }
        }
        for value in [
            0.0,
            -0.0,
            f64::INFINITY,
            f64::NAN,
            f64::MIN_POSITIVE,
            5e-324,
        ] {
            assert!(!check(value), "{value}");
        }
        for value in [0.1, 1e15, 1e23, 123.456, 7.0 / 3.0, 1e-5] {
            assert!(check(value), "{value}");
        }
    }
}
