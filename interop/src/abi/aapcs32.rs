//! Procedure Call Standard for the Arm Architecture (AAPCS32, sections 6.5 and 7.1), little endian.
//!
//! Everything is cut into words, which take r0-r3 and then the stack; one argument may be in both. What is aligned to eight bytes begins at
//! an even register or an aligned stack word. With hard float, floats and aggregates of one to four equal floats take the first free
//! s or d registers, also those that alignment has left free, until one did not fit.

use super::{Assign, Call, Pass, Piece, Pieces, Return, homogeneous, one, word_ty};
use crate::function::Function;
use crate::layout::{Layout, Value};
use isthmus_runtime_abi::callconv::{Loc, WordTy};
use isthmus_runtime_abi::target::{Arch, Reg};

const ARCH: Arch = Arch::A32;
const WORD: u32 = 4;
pub(super) const INTS: &[u8] = &[0, 1, 2, 3];
/// Single-precision registers for arguments: s0-s15.
const SINGLES: u32 = 16;

/// Float registers, as a set of singles.
struct Floats {
    used: u32,
    closed: bool,
}

impl Floats {
    /// Registers for so many floats of a type, side by side: the first one's number among registers of that type.
    fn take(&mut self, element: Value, count: u32) -> Option<u32> {
        let singles = element.size(ARCH) / WORD;
        let width = singles * count;
        let mask = (1u32 << width) - 1;
        let found = (0..=SINGLES - width)
            .step_by(singles as usize)
            .find(|&first| self.used & (mask << first) == 0);
        match found.filter(|_| !self.closed) {
            Some(first) => {
                self.used |= mask << first;
                Some(first / singles)
            }
            None => {
                self.closed = true;
                None
            }
        }
    }
}

fn float_pieces(element: Value, count: u32, first: u32) -> Pieces {
    let piece = |i| Piece {
        offset: i * element.size(ARCH),
        ty: word_ty(element),
        loc: Loc::Reg(Reg::Float((first + i) as u8)),
    };
    (0..count).map(piece).collect()
}

/// The floats that go in float registers.
fn float_class(layout: &Layout) -> Option<(Value, u32)> {
    match layout {
        Layout::Value(v) => v.is_float().then_some((*v, 1)),
        aggregate => homogeneous(aggregate, ARCH),
    }
}

/// An argument on the stack: a scalar is one piece.
fn on_stack(param: &Layout, at: u32) -> Pass {
    match param {
        Layout::Value(v) => Pass::Pieces(one(word_ty(*v), Loc::Stack(at))),
        _ => Pass::Stack(at),
    }
}

pub(super) fn call(f: &Function, hard: bool) -> Call {
    let mut args = Assign::new(INTS);
    let mut floats = Floats {
        used: 0,
        closed: false,
    };
    let int = |r| Loc::Reg(Reg::Int(r));
    let words = |size: u32| -> Pieces {
        let piece = |i| Piece {
            offset: i * WORD,
            ty: WordTy::I32,
            loc: int(i as u8),
        };
        (0..size.div_ceil(WORD)).map(piece).collect()
    };
    let ret = match &f.ret {
        None => Return::Nothing,
        Some(ret) => match (float_class(ret).filter(|_| hard), ret) {
            (Some((element, count)), _) => Return::Pieces(float_pieces(element, count, 0)),
            (None, Layout::Value(v)) if v.size(ARCH) <= WORD && !v.is_float() => {
                Return::Pieces(one(word_ty(*v), int(0)))
            }
            (None, Layout::Value(v)) => Return::Pieces(words(v.size(ARCH))),
            (None, aggregate) => match aggregate.size(ARCH) {
                0 => Return::Nothing,
                size @ 1..=WORD => Return::Pieces(words(size)),
                _ => Return::Memory(args.pointer(WORD)),
            },
        },
    };
    let params = f.params.iter().map(|param| {
        let (size, align) = (param.size(ARCH), param.align(ARCH));
        if let Some((element, count)) = float_class(param).filter(|_| hard) {
            return match floats.take(element, count) {
                Some(first) => Pass::Pieces(float_pieces(element, count, first)),
                None => on_stack(param, args.take_stack(size, align.min(8), WORD)),
            };
        }
        if size == 0 {
            return Pass::Nothing;
        }
        if align >= 8 && args.int < INTS.len() {
            args.int = args.int.next_multiple_of(2);
        }
        let count = size.div_ceil(WORD);
        let in_registers = (args.ints_left() as u32).min(count);
        // Once something is on the stack, no more than whole arguments are in registers.
        if in_registers == 0 || (in_registers < count && args.stack > 0) {
            args.int = INTS.len();
            return on_stack(param, args.take_stack(size, align.min(8), WORD));
        }
        let small = matches!(param, Layout::Value(v) if v.size(ARCH) <= WORD && !v.is_float());
        let piece = |i| Piece {
            offset: i * WORD,
            ty: match param {
                Layout::Value(v) if small => word_ty(*v),
                _ => WordTy::I32,
            },
            loc: args.pointer(WORD),
        };
        Pass::Pieces((0..count).map(piece).collect())
    });
    let params = params.collect();
    Call {
        params,
        ret,
        stack_bytes: args.stack.next_multiple_of(8),
        float_registers: floats.used.count_ones() as u8,
        returns_address: None,
    }
}
