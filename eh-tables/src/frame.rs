//! Frames, in both directions.
//!
//! Nearly every frame is a size and a run of callee-saved registers in adjacent words, in the architecture's order:
//! that is the abbreviated form (a mask and the first offset). Any other arrangement is listed.

use crate::bytes::{Cursor, put_sleb, put_uleb};
use crate::error::{EncodeError, TableError};
use crate::format::FrameFlags;
use isthmus_runtime_abi::artifact::Frame;
use isthmus_runtime_abi::target::{Arch, Reg};
use smallvec::SmallVec;

const FLOAT_REG: u8 = 0x80;

/// Appends a frame.
pub(crate) fn put_frame(out: &mut Vec<u8>, frame: &Frame, arch: Arch) -> Result<(), EncodeError> {
    let run = saved_run(frame, arch);
    let mut flags = FrameFlags::empty();
    flags.set(FrameFlags::STACK_ARGS, frame.stack_arg_bytes != 0);
    flags.set(FrameFlags::THIS, frame.this_slot.is_some());
    flags.set(FrameFlags::RGCTX, frame.rgctx_slot.is_some());
    flags.set(FrameFlags::FILTER_AREA, frame.filter_area.is_some());
    flags.set(FrameFlags::UNALIGNED, !frame.size.is_multiple_of(8));
    if !frame.saved.is_empty() {
        flags |= run.as_ref().map_or(FrameFlags::SAVED_LIST, |r| r.flags);
    }
    if !frame.stack_arg_bytes.is_multiple_of(8) {
        return Err(EncodeError::Frame {
            what: "stack arguments are not whole words",
        });
    }

    out.push(flags.bits());
    let unit = if flags.contains(FrameFlags::UNALIGNED) {
        1
    } else {
        8
    };
    put_uleb(out, u64::from(frame.size / unit));
    put_uleb(out, u64::from(frame.prologue_end));
    if flags.contains(FrameFlags::STACK_ARGS) {
        put_uleb(out, u64::from(frame.stack_arg_bytes / 8));
    }
    match run {
        _ if frame.saved.is_empty() => {}
        Some(run) => {
            put_uleb(out, u64::from(run.mask));
            put_sleb(out, i64::from(run.first));
        }
        None => {
            put_uleb(out, frame.saved.len() as u64);
            for &(reg, offset) in &frame.saved {
                out.push(match reg {
                    Reg::Int(r) => r & !FLOAT_REG,
                    Reg::Float(r) => r | FLOAT_REG,
                });
                put_sleb(out, i64::from(offset));
            }
        }
    }
    for slot in [frame.this_slot, frame.rgctx_slot, frame.filter_area]
        .into_iter()
        .flatten()
    {
        put_sleb(out, i64::from(slot));
    }
    Ok(())
}

/// Reads a frame.
pub(crate) fn get_frame(c: &mut Cursor<'_>, arch: Arch) -> Result<Frame, TableError> {
    let at = c.pos();
    let byte = c.u8()?;
    let flags = FrameFlags::from_bits(byte)
        .ok_or_else(|| TableError::invalid("frame flags", byte.into(), at))?;
    let mut frame = Frame {
        size: c.uleb()?,
        prologue_end: c.uleb()?,
        ..Frame::default()
    };
    if !flags.contains(FrameFlags::UNALIGNED) {
        frame.size = frame
            .size
            .checked_mul(8)
            .ok_or(TableError::TooLarge { at })?;
    }
    if flags.contains(FrameFlags::STACK_ARGS) {
        frame.stack_arg_bytes = c
            .uleb()?
            .checked_mul(8)
            .ok_or(TableError::TooLarge { at })?;
    }
    frame.saved = get_saved(c, flags & FrameFlags::SAVED_LIST, arch)?;
    let mut slot = |flag| match flags.contains(flag) {
        true => c.sleb32().map(Some),
        false => Ok(None),
    };
    frame.this_slot = slot(FrameFlags::THIS)?;
    frame.rgctx_slot = slot(FrameFlags::RGCTX)?;
    frame.filter_area = slot(FrameFlags::FILTER_AREA)?;
    Ok(frame)
}

type Saved = SmallVec<[(Reg, i32); 6]>;

fn get_saved(c: &mut Cursor<'_>, form: FrameFlags, arch: Arch) -> Result<Saved, TableError> {
    let at = c.pos();
    let mut saved = Saved::new();
    if form.is_empty() {
        return Ok(saved);
    }
    if form == FrameFlags::SAVED_LIST {
        for _ in 0..c.uleb()? {
            let byte = c.u8()?;
            let reg = match byte & FLOAT_REG {
                0 => Reg::Int(byte),
                _ => Reg::Float(byte & !FLOAT_REG),
            };
            saved.push((reg, c.sleb32()?));
        }
        return Ok(saved);
    }
    let regs = arch.roles().callee_saved;
    let mask = c.uleb()?;
    if u64::from(mask) >> regs.len() != 0 {
        return Err(TableError::invalid("saved register mask", mask, at));
    }
    let word = arch.pointer_bytes() as i32;
    let step = match form {
        FrameFlags::SAVED_DOWN => -word,
        _ => word,
    };
    let mut offset = c
        .sleb32()?
        .checked_mul(word)
        .filter(|o| o.unsigned_abs() < 1 << 30)
        .ok_or(TableError::TooLarge { at })?;
    for (i, &reg) in regs.iter().enumerate() {
        if mask >> i & 1 != 0 {
            saved.push((Reg::Int(reg), offset));
            offset += step;
        }
    }
    Ok(saved)
}

struct Run {
    flags: FrameFlags,
    mask: u32,
    /// Offset of the first register in words.
    first: i32,
}

/// The abbreviated form of the saved registers, if they have one.
fn saved_run(frame: &Frame, arch: Arch) -> Option<Run> {
    let word = arch.pointer_bytes() as i32;
    let regs = arch.roles().callee_saved;
    let first = frame.saved.first()?.1;
    if first % word != 0 || first.unsigned_abs() >= 1 << 30 {
        return None;
    }
    let step = match frame.saved.get(1) {
        Some(&(_, second)) if second == first.wrapping_add(word) => word,
        _ => -word,
    };
    let mut mask = 0u32;
    let mut next = 0;
    for (i, &(reg, offset)) in frame.saved.iter().enumerate() {
        let Reg::Int(number) = reg else { return None };
        let place = next + regs[next..].iter().position(|&r| r == number)?;
        if i64::from(offset) != i64::from(first) + i as i64 * i64::from(step) {
            return None;
        }
        mask |= 1 << place;
        next = place + 1;
    }
    Some(Run {
        flags: if step > 0 {
            FrameFlags::SAVED_UP
        } else {
            FrameFlags::SAVED_DOWN
        },
        mask,
        first: first / word,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(frame: &Frame) -> usize {
        let mut out = vec![];
        put_frame(&mut out, frame, Arch::X64).unwrap();
        let mut c = Cursor::new(&out, 0);
        assert_eq!(&get_frame(&mut c, Arch::X64).unwrap(), frame);
        assert_eq!(c.pos(), out.len());
        out.len()
    }

    #[test]
    fn common_frames_take_few_bytes() {
        let mut frame = Frame {
            size: 64,
            prologue_end: 12,
            ..Frame::default()
        };
        assert_eq!(round_trip(&frame), 3);
        frame.saved = [(Reg::Int(3), -16), (Reg::Int(12), -24), (Reg::Int(14), -32)]
            .into_iter()
            .collect();
        assert_eq!(round_trip(&frame), 5);
        frame.saved.iter_mut().for_each(|s| s.1 = -s.1);
        assert_eq!(round_trip(&frame), 5);
    }

    #[test]
    fn uncommon_frames_are_listed() {
        let frame = Frame {
            size: 13,
            prologue_end: 300,
            stack_arg_bytes: 32,
            saved: [(Reg::Int(12), -8), (Reg::Int(3), -16), (Reg::Float(8), -20)]
                .into_iter()
                .collect(),
            this_slot: Some(-8),
            rgctx_slot: Some(-4000),
            filter_area: Some(-80),
        };
        round_trip(&frame);
        let odd = Frame {
            stack_arg_bytes: 3,
            ..Frame::default()
        };
        assert!(put_frame(&mut vec![], &odd, Arch::X64).is_err());
    }
}
