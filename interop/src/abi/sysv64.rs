//! System V ABI, x86-64 (section 3.2.3).
//!
//! An aggregate of up to 16 bytes is passed by *eightbytes*. The class of one is INTEGER if it holds any integer, else SSE if it holds
//! floats, and nothing is passed for one that holds only padding. If the registers do not suffice for all of an aggregate, it is passed on the stack
//! whole. Larger aggregates, and those with scalars that are not aligned, always are.

use super::{Abi, Assign, Call, Pass, Piece, Pieces, Return, one, word_ty};
use crate::function::Function;
use crate::layout::Layout;
use isthmus_runtime_abi::callconv::{Loc, WordTy};
use isthmus_runtime_abi::target::{Arch, Reg};

const ARCH: Arch = Arch::X64;
const WORD: u32 = 8;
/// rdi, rsi, rdx, rcx, r8, r9.
pub(super) const INTS: &[u8] = &[7, 6, 2, 1, 8, 9];
/// rax, rdx.
pub(super) const INT_RETS: &[u8] = &[0, 2];
/// xmm0-7.
const FLOATS: u8 = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Nothing,
    Sse,
    Integer,
}

/// The classes of an aggregate's eightbytes; `None`: it is passed in memory.
fn classes(layout: &Layout) -> Option<[Class; 2]> {
    if layout.size(ARCH) > 2 * WORD {
        return None;
    }
    let mut classes = [Class::Nothing; 2];
    let aligned = layout.each_value(ARCH, &mut |at, v| {
        let class = &mut classes[(at / WORD) as usize];
        *class = match v.is_float() {
            true if *class != Class::Integer => Class::Sse,
            _ => Class::Integer,
        };
        at.is_multiple_of(v.size(ARCH))
    });
    aligned.then_some(classes)
}

pub(super) fn call(f: &Function) -> Call {
    debug_assert_eq!(Abi::SysV64.arch(), ARCH);
    let mut args = Assign::new(INTS);
    let mut float = 0;
    let ret = match &f.ret {
        None => Return::Nothing,
        Some(Layout::Value(v)) => {
            let reg = match v.is_float() {
                true => Reg::Float(0),
                false => Reg::Int(INT_RETS[0]),
            };
            Return::Pieces(one(word_ty(*v), Loc::Reg(reg)))
        }
        Some(aggregate) => match classes(aggregate) {
            None => Return::Memory(args.pointer(WORD)),
            Some(classes) => {
                let (mut ints, mut floats) = (INT_RETS.iter(), 0..);
                Return::Pieces(pieces(
                    classes,
                    || ints.next().map(|&r| Reg::Int(r)),
                    || floats.next().map(Reg::Float),
                ))
            }
        },
    };
    let params = f.params.iter().map(|param| {
        let classes = match param {
            Layout::Value(v) => {
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
            aggregate => classes(aggregate),
        };
        let count = |class| classes.iter().flatten().filter(|&&c| c == class).count();
        let (ints, floats) = (count(Class::Integer), count(Class::Sse));
        match classes {
            Some(_) if ints + floats == 0 => Pass::Nothing,
            Some(classes)
                if ints <= args.ints_left() && float as usize + floats <= FLOATS as usize =>
            {
                let next_int = || match args.next_int() {
                    Some(Loc::Reg(reg)) => Some(reg),
                    _ => None,
                };
                let next_float = || {
                    float += 1;
                    Some(Reg::Float(float - 1))
                };
                Pass::Pieces(pieces(classes, next_int, next_float))
            }
            _ => {
                // No aggregate here is aligned to more than a word.
                Pass::Stack(args.take_stack(param.size(ARCH), WORD, WORD))
            }
        }
    });
    let params = params.collect();
    Call {
        params,
        returns_address: matches!(ret, Return::Memory(_)).then_some(Reg::Int(INT_RETS[0])),
        ret,
        stack_bytes: args.stack,
        float_registers: float,
    }
}

fn pieces(
    classes: [Class; 2],
    mut int: impl FnMut() -> Option<Reg>,
    mut float: impl FnMut() -> Option<Reg>,
) -> Pieces {
    let parts = classes.iter().zip([0, WORD]).filter_map(|(class, offset)| {
        let (ty, reg) = match class {
            Class::Nothing => return None,
            Class::Integer => (WordTy::I64, int()?),
            Class::Sse => (WordTy::F64, float()?),
        };
        let loc = Loc::Reg(reg);
        Some(Piece { offset, ty, loc })
    });
    parts.collect()
}
