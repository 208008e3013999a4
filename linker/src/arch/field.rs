//! Where values are written: words, and parts of instructions.
//!
//! | field | bits of the value | bits of the place | must hold |
//! | --- | --- | --- | --- |
//! | `U8`…`S32` | all | all | fits, unsigned or signed; `W`: either |
//! | `A64Branch26` | 27..2 | 25..0 | signed 28 bits, multiple of 4 (`b`, `bl`) |
//! | `A64Branch19` | 20..2 | 23..5 | signed 21 bits, multiple of 4 (`b.cond`, `ldr` literal) |
//! | `A64Branch14` | 15..2 | 18..5 | signed 16 bits, multiple of 4 (`tbz`) |
//! | `A64Adr` | 20..0 | 30..29, 23..5 | signed 21 bits (`adr`) |
//! | `A64Page`, `A64PageAny` | 32..12 | 30..29, 23..5 | signed 33 bits; `Any`: unchecked (`adrp`) |
//! | `A64Low12(n)` | 11..n | 21..10 | multiple of 2^n (`add`, `ldr`, `str`) |
//! | `A64Low12Checked` | 11..0 | 21..10 | unsigned 12 bits (`add`) |
//! | `A64High12` | 23..12 | 21..10 | unsigned 24 bits (`add …, lsl 12`) |
//! | `A64Low15` | 14..3 | 21..10 | unsigned 15 bits, multiple of 8 (`ldr`) |
//! | `A64Move(g)`, `A64MoveAny(g)` | 16 from 16·g | 20..5 | unsigned 16·(g+1) bits; `Any`: unchecked (`movz`, `movk`) |
//! | `A32Branch24` | 25..2 | 23..0 | signed 26 bits, multiple of 4 (`b`, `bl`) |
//! | `A32Low12` | 11..0 | 11..0 | magnitude of 12 bits, sign in bit 23 (`ldr`) |
//! | `A32MoveLow`, `A32MoveHigh` | 15..0, 31..16 | 19..16, 11..0 | (`movw`, `movt`) |
//! | `A32Prel31` | 30..0 | 30..0 | signed 31 bits |
//! | `T32Branch24` | 24..1 | in both halfwords | signed 25 bits, multiple of 2 (`b.w`, `bl`) |
//! | `T32MoveLow`, `T32MoveHigh` | 15..0, 31..16 | in both halfwords | (`movw`, `movt`) |

/// The shape of a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the table above says more")]
pub enum Field {
    None,
    U8,
    S8,
    W16,
    U16,
    S16,
    U32,
    S32,
    W32,
    U64,
    A64Branch26,
    A64Branch19,
    A64Branch14,
    A64Adr,
    A64Page,
    A64PageAny,
    A64Low12(u8),
    A64Low12Checked,
    A64High12,
    A64Low15,
    A64Move(u8),
    A64MoveAny(u8),
    A32Branch24,
    A32Low12,
    A32MoveLow,
    A32MoveHigh,
    A32Prel31,
    T32Branch24,
    T32MoveLow,
    T32MoveHigh,
}

/// Why a value cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// It has too many bits.
    Range,
    /// It is not a multiple of this.
    Align(u32),
}

fn signed(value: i128, bits: u32) -> Result<(), Misfit> {
    let limit = 1i128 << (bits - 1);
    if (-limit..limit).contains(&value) {
        Ok(())
    } else {
        Err(Misfit::Range)
    }
}

fn unsigned(value: i128, bits: u32) -> Result<(), Misfit> {
    if (0..1i128 << bits).contains(&value) {
        Ok(())
    } else {
        Err(Misfit::Range)
    }
}

fn multiple(value: i128, of: u32) -> Result<(), Misfit> {
    if value & i128::from(of - 1) == 0 {
        Ok(())
    } else {
        Err(Misfit::Align(of))
    }
}

/// Sign of a number of `bits` bits.
fn extend(value: u32, bits: u32) -> i64 {
    i64::from((value << (32 - bits)) as i32 >> (32 - bits))
}

impl Field {
    /// How many bytes the place has.
    pub fn bytes(self) -> u32 {
        match self {
            Field::None => 0,
            Field::U8 | Field::S8 => 1,
            Field::W16 | Field::U16 | Field::S16 => 2,
            Field::U64 => 8,
            _ => 4,
        }
    }

    /// Whether a value can be written.
    pub fn check(self, value: i128) -> Result<(), Misfit> {
        match self {
            Field::None | Field::A64PageAny => Ok(()),
            Field::U8 => unsigned(value, 8),
            Field::S8 => signed(value, 8),
            Field::U16 => unsigned(value, 16),
            Field::S16 => signed(value, 16),
            Field::W16 => unsigned(value, 16).or(signed(value, 16)),
            Field::U32 => unsigned(value, 32),
            Field::S32 => signed(value, 32),
            // Wraps around in 32-bit address spaces.
            Field::W32 => unsigned(value, 32).or(signed(value, 33)),
            Field::U64 => unsigned(value, 64).or(signed(value, 65)),
            Field::A64Branch26 => multiple(value, 4).and(signed(value, 28)),
            Field::A64Branch19 => multiple(value, 4).and(signed(value, 21)),
            Field::A64Branch14 => multiple(value, 4).and(signed(value, 16)),
            Field::A64Adr => signed(value, 21),
            Field::A64Page => signed(value, 33),
            Field::A64Low12(scale) => multiple(value, 1 << scale),
            Field::A64Low12Checked => unsigned(value, 12),
            Field::A64High12 => unsigned(value, 24),
            Field::A64Low15 => multiple(value, 8).and(unsigned(value, 15)),
            Field::A64Move(group) => unsigned(value, 16 * (u32::from(group) + 1)),
            Field::A64MoveAny(_) => Ok(()),
            Field::A32Branch24 => multiple(value, 4).and(signed(value, 26)),
            Field::A32Low12 => unsigned(value.abs(), 12),
            Field::A32Prel31 => signed(value, 31),
            Field::T32Branch24 => multiple(value, 2).and(signed(value, 25)),
            Field::A32MoveLow | Field::A32MoveHigh | Field::T32MoveLow | Field::T32MoveHigh => {
                Ok(())
            }
        }
    }

    /// Writes a value that was checked. `place` has [`Field::bytes`] bytes.
    pub fn write(self, place: &mut [u8], value: i128) {
        let n = self.bytes() as usize;
        let all = (value as u64).to_le_bytes();
        let v = value as u32;
        let bits = |shift: u32, count: u32| ((value >> shift) as u32) & ((1u32 << count) - 1);
        let insn = |place: &mut [u8], mask: u32, new: u32| {
            let old = u32::from_le_bytes([place[0], place[1], place[2], place[3]]);
            place.copy_from_slice(&(old & !mask | new & mask).to_le_bytes());
        };
        // An instruction of two halfwords, the first in the upper half.
        let thumb = |place: &mut [u8], mask: u32, new: u32| {
            let old = u32::from_le_bytes([place[2], place[3], place[0], place[1]]);
            let [a, b, c, d] = (old & !mask | new & mask).to_le_bytes();
            place.copy_from_slice(&[c, d, a, b]);
        };
        match self {
            Field::None => {}
            Field::U8 | Field::S8 | Field::W16 | Field::U16 | Field::S16 | Field::U32 => {
                place.copy_from_slice(&all[..n]);
            }
            Field::S32 | Field::W32 | Field::U64 => place.copy_from_slice(&all[..n]),
            Field::A64Branch26 => insn(place, 0x03ff_ffff, bits(2, 26)),
            Field::A64Branch19 => insn(place, 0x7ffff << 5, bits(2, 19) << 5),
            Field::A64Branch14 => insn(place, 0x3fff << 5, bits(2, 14) << 5),
            Field::A64Adr => insn(
                place,
                3 << 29 | 0x7ffff << 5,
                bits(0, 2) << 29 | bits(2, 19) << 5,
            ),
            Field::A64Page | Field::A64PageAny => insn(
                place,
                3 << 29 | 0x7ffff << 5,
                bits(12, 2) << 29 | bits(14, 19) << 5,
            ),
            Field::A64Low12(scale) => {
                let scale = u32::from(scale);
                insn(place, 0xfff << 10, bits(scale, 12 - scale) << 10);
            }
            Field::A64Low12Checked => insn(place, 0xfff << 10, bits(0, 12) << 10),
            Field::A64High12 => insn(place, 0xfff << 10, bits(12, 12) << 10),
            Field::A64Low15 => insn(place, 0xfff << 10, bits(3, 12) << 10),
            Field::A64Move(group) | Field::A64MoveAny(group) => {
                insn(place, 0xffff << 5, bits(16 * u32::from(group), 16) << 5);
            }
            Field::A32Branch24 => insn(place, 0x00ff_ffff, bits(2, 24)),
            Field::A32Low12 => {
                let up = u32::from(value >= 0) << 23;
                insn(place, 0x0080_0fff, up | value.unsigned_abs() as u32);
            }
            Field::A32MoveLow | Field::A32MoveHigh => {
                let imm = bits(if self == Field::A32MoveHigh { 16 } else { 0 }, 16);
                insn(place, 0x000f_0fff, (imm & 0xf000) << 4 | imm & 0xfff);
            }
            Field::A32Prel31 => insn(place, 0x7fff_ffff, v),
            Field::T32Branch24 => {
                let s = bits(24, 1);
                let (j1, j2) = ((bits(23, 1) ^ s ^ 1), (bits(22, 1) ^ s ^ 1));
                let new = s << 26 | bits(12, 10) << 16 | j1 << 13 | j2 << 11 | bits(1, 11);
                thumb(place, 0x07ff_2fff, new);
            }
            Field::T32MoveLow | Field::T32MoveHigh => {
                let imm = bits(if self == Field::T32MoveHigh { 16 } else { 0 }, 16);
                let new =
                    (imm >> 12) << 16 | (imm >> 11 & 1) << 26 | (imm >> 8 & 7) << 12 | imm & 0xff;
                thumb(place, 0x040f_70ff, new);
            }
        }
    }

    /// The addend that a place holds before it is relocated (ELF's REL form). `place` has [`Field::bytes`] bytes. The parts of an addend that
    /// the field has no bits for are 0; where 16 bits are all there is, they are signed.
    pub fn read(self, place: &[u8]) -> i64 {
        let mut all = [0u8; 8];
        all[..place.len()].copy_from_slice(place);
        let word = u64::from_le_bytes(all);
        let v = word as u32;
        let thumb = v.rotate_left(16);
        let adr = |v: u32| (v >> 5 & 0x7ffff) << 2 | v >> 29 & 3;
        match self {
            Field::None => 0,
            Field::U8 | Field::U16 | Field::U64 => word as i64,
            Field::S8 => i64::from(word as i8),
            Field::W16 | Field::S16 => i64::from(word as i16),
            Field::U32 | Field::S32 | Field::W32 => i64::from(v as i32),
            Field::A64Branch26 => extend(v, 26) << 2,
            Field::A64Branch19 => extend(v >> 5, 19) << 2,
            Field::A64Branch14 => extend(v >> 5, 14) << 2,
            Field::A64Adr => extend(adr(v), 21),
            Field::A64Page | Field::A64PageAny => extend(adr(v), 21) << 12,
            Field::A64Low12(scale) => i64::from(v >> 10 & 0xfff) << scale,
            Field::A64Low12Checked => i64::from(v >> 10 & 0xfff),
            Field::A64High12 => i64::from(v >> 10 & 0xfff) << 12,
            Field::A64Low15 => i64::from(v >> 10 & 0xfff) << 3,
            Field::A64Move(group) | Field::A64MoveAny(group) => {
                ((word >> 5 & 0xffff) << (16 * u32::from(group))) as i64
            }
            Field::A32Branch24 => extend(v, 24) << 2,
            Field::A32Low12 => {
                let n = i64::from(v & 0xfff);
                if v >> 23 & 1 == 1 { n } else { -n }
            }
            Field::A32MoveLow | Field::A32MoveHigh => extend((v >> 4 & 0xf000) | v & 0xfff, 16),
            Field::A32Prel31 => extend(v, 31),
            Field::T32Branch24 => {
                let s = thumb >> 26 & 1;
                let (i1, i2) = ((thumb >> 13 & 1) ^ s ^ 1, (thumb >> 11 & 1) ^ s ^ 1);
                let high = s << 24 | i1 << 23 | i2 << 22;
                extend(
                    high | (thumb >> 16 & 0x3ff) << 12 | (thumb & 0x7ff) << 1,
                    25,
                )
            }
            Field::T32MoveLow | Field::T32MoveHigh => {
                let imm = (thumb >> 16 & 0xf) << 12
                    | (thumb >> 26 & 1) << 11
                    | (thumb >> 12 & 7) << 8
                    | thumb & 0xff;
                extend(imm, 16)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields that hold whole addends, with a value of each that uses as many bits as there are.
    const WHOLE: &[(Field, i64)] = &[
        (Field::U8, 0xa5),
        (Field::S8, -0x5b),
        (Field::W16, -0x7a5b),
        (Field::U16, 0xfa5b),
        (Field::S16, -0x7a5b),
        (Field::S32, -0x7a5b_1234),
        (Field::W32, -0x7a5b_1234),
        (Field::U64, -0x7a5b_1234_5678_9abc),
        (Field::A64Branch26, -0x7a5_b120),
        (Field::A64Branch26, 0x7a5_b124),
        (Field::A64Branch19, -0xf_5b24),
        (Field::A64Branch14, 0x7a58),
        (Field::A64Adr, -0xf_5b27),
        (Field::A64Page, -0x7a5b_1000),
        (Field::A64Low12(3), 0xa58),
        (Field::A64Low12Checked, 0xa5b),
        (Field::A64High12, 0xa5_b000),
        (Field::A64Low15, 0x7a58),
        (Field::A64Move(1), 0xa5b7_0000),
        (Field::A32Branch24, -0x1a5_b124),
        (Field::A32Low12, -0xa5b),
        (Field::A32MoveLow, -0x7a5b),
        (Field::A32Prel31, -0x3a5b_1234),
        (Field::T32Branch24, -0xa5_b124),
        (Field::T32Branch24, 0xa5_b126),
        (Field::T32MoveLow, -0x7a5b),
    ];

    #[test]
    fn what_is_written_is_read_and_the_rest_stays() {
        for &(field, value) in WHOLE {
            for fill in [0u8, 0xff] {
                let mut place = vec![fill; field.bytes() as usize];
                field.check(i128::from(value)).unwrap();
                field.write(&mut place, i128::from(value));
                assert_eq!(field.read(&place), value, "{field:?} over {fill:#x}");
                // Writing what stands there changes nothing.
                let before = place.clone();
                field.write(&mut place, i128::from(field.read(&before)));
                assert_eq!(place, before, "{field:?}");
            }
        }
    }

    #[test]
    fn limits_are_exact() {
        for (field, low, high, step) in [
            (Field::A64Branch26, -(1i128 << 27), (1 << 27) - 4, 4),
            (Field::A64Branch19, -(1i128 << 20), (1 << 20) - 4, 4),
            (Field::A64Branch14, -(1i128 << 15), (1 << 15) - 4, 4),
            (Field::A64Adr, -(1i128 << 20), (1 << 20) - 1, 1),
            (Field::A64Page, -(1i128 << 32), (1 << 32) - 1, 1),
            (Field::A32Branch24, -(1i128 << 25), (1 << 25) - 4, 4),
            (Field::T32Branch24, -(1i128 << 24), (1 << 24) - 2, 2),
            (Field::A32Prel31, -(1i128 << 30), (1 << 30) - 1, 1),
            (Field::S32, -(1i128 << 31), (1 << 31) - 1, 1),
            (Field::U32, 0, (1 << 32) - 1, 1),
            (Field::A64Low15, 0, (1 << 15) - 8, 8),
        ] {
            assert_eq!(field.check(low), Ok(()), "{field:?}");
            assert_eq!(field.check(high), Ok(()), "{field:?}");
            assert_eq!(field.check(low - step), Err(Misfit::Range), "{field:?}");
            assert_eq!(field.check(high + step), Err(Misfit::Range), "{field:?}");
            if step > 1 {
                let error = field.check(low + 1);
                assert_eq!(error, Err(Misfit::Align(step as u32)), "{field:?}");
            }
        }
    }

    /// Encodings of GNU as.
    #[test]
    fn instructions_are_those_of_an_assembler() {
        let cases: &[(Field, u32, i128, u32)] = &[
            (Field::A64Branch26, 0x9400_0000, -4, 0x97ff_ffff),
            (Field::A64Page, 0x9000_0000, 0x1234_5000, 0xb009_1a20),
            (Field::A64Low12(2), 0xb940_0000, 0x678, 0xb946_7800),
            (Field::A64Move(1), 0xd2a0_0000, 0xabcd_0000, 0xd2b5_79a0),
            (Field::A32Branch24, 0xeb00_0000, -8, 0xebff_fffe),
            (Field::A32MoveHigh, 0xe340_0000, 0x1234_5678, 0xe341_0234),
            // bl .+4 as halfwords f000 f800
            (Field::T32Branch24, 0xf800_f000, 0, 0xf800_f000),
            // movw r0, #0x1234 is f241 2034
            (Field::T32MoveLow, 0x0000_f240, 0x1234, 0x2034_f241),
        ];
        for &(field, before, value, after) in cases {
            let mut place = before.to_le_bytes();
            field.write(&mut place, value);
            assert_eq!(u32::from_le_bytes(place), after, "{field:?}");
        }
    }
}
