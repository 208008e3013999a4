//! Procedure Call Standard for the Arm 64-bit Architecture (AAPCS64, section 6.8), little endian, as Linux has it.
//!
//! Variadic arguments are passed like others. Aggregates of more than 16 bytes are copied by the caller, which passes the copy's address.

use super::{Assign, Call, Pass, Piece, Pieces, Return, homogeneous, one, word_ty};
use crate::function::Function;
use crate::layout::{Layout, Value};
use isthmus_runtime_abi::callconv::{Loc, WordTy};
use isthmus_runtime_abi::target::{Arch, Reg};

const ARCH: Arch = Arch::A64;
const WORD: u32 = 8;
pub(super) const INTS: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7];
const FLOATS: u8 = 8;
/// x8 holds the address of a result in memory.
pub(super) const RESULT: Reg = Reg::Int(8);

/// The floats of an aggregate in registers from `first` on.
fn floats(element: Value, count: u32, first: u8) -> Pieces {
    let piece = |i| Piece {
        offset: i * element.size(ARCH),
        ty: word_ty(element),
        loc: Loc::Reg(Reg::Float(first + i as u8)),
    };
    (0..count).map(piece).collect()
}

/// Whole words from one place for each.
fn words(size: u32, mut next: impl FnMut() -> Loc) -> Pieces {
    let piece = |i| Piece {
        offset: i * WORD,
        ty: WordTy::I64,
        loc: next(),
    };
    (0..size.div_ceil(WORD)).map(piece).collect()
}

pub(super) fn call(f: &Function) -> Call {
    let mut args = Assign::new(INTS);
    let mut float = 0u8;
    let ret = match &f.ret {
        None => Return::Nothing,
        Some(Layout::Value(v)) => Return::Pieces(one(
            word_ty(*v),
            Loc::Reg(if v.is_float() {
                Reg::Float(0)
            } else {
                Reg::Int(0)
            }),
        )),
        Some(aggregate) => match (homogeneous(aggregate, ARCH), aggregate.size(ARCH)) {
            (Some((element, count)), _) => Return::Pieces(floats(element, count, 0)),
            (None, 0) => Return::Nothing,
            (None, size @ 1..=16) => {
                let mut regs = (0..).map(|r| Loc::Reg(Reg::Int(r)));
                Return::Pieces(words(size, || regs.next().unwrap_or(Loc::Stack(0))))
            }
            _ => Return::Memory(Loc::Reg(RESULT)),
        },
    };
    let params = f.params.iter().map(|param| {
        if let Layout::Value(v) = param {
            let loc = match v.is_float() {
                true if float < FLOATS => {
                    float += 1;
                    Loc::Reg(Reg::Float(float - 1))
                }
                true => Loc::Stack(args.take_stack(WORD, WORD, WORD)),
                false => args.pointer(WORD),
            };
            return Pass::Pieces(one(word_ty(*v), loc));
        }
        let size = param.size(ARCH);
        if let Some((element, count)) = homogeneous(param, ARCH) {
            let first = float;
            if u32::from(first) + count <= u32::from(FLOATS) {
                float += count as u8;
                return Pass::Pieces(floats(element, count, first));
            }
            // No float register is used after this.
            float = FLOATS;
            return Pass::Stack(args.take_stack(size, WORD, WORD));
        }
        match size {
            0 => Pass::Nothing,
            1..=16 if size.div_ceil(WORD) as usize <= args.ints_left() => {
                Pass::Pieces(words(size, || args.pointer(WORD)))
            }
            1..=16 => {
                args.int = INTS.len();
                Pass::Stack(args.take_stack(size, WORD, WORD))
            }
            _ => Pass::Pointer(args.pointer(WORD)),
        }
    });
    let params = params.collect();
    Call {
        params,
        ret,
        stack_bytes: args.stack,
        float_registers: float,
        returns_address: None,
    }
}
