//! What compilers have emitted although the standard's tables have no entry for it, and other machines run: integers and pointers of all
//! sizes mixed, branches where `leave` is meant.
//!
//! | operands | result |
//! | --- | --- |
//! | I64 with I32, Native | I64; the smaller one is sign-extended |
//! | ByRef ± I64 | ByRef |
//! | shift of any integer by I64 | the integer |
//! | `and or xor add.ovf sub.ovf` of ByRef, Native, I32 | Native |
//! | comparisons of all these | Native |
//! | any of these, or Ref, where another is wanted | cut or sign-extended |
//! | I64 as the length of an array or an index | itself |
//! | a struct where another of the same layout is wanted | itself |
//! | `leave` outside of regions | empties the stack and branches |
//! | a branch out of a protected block or catch handler that would run no `finally` | a branch |
//! | code that no path reaches | is not looked at |

use crate::op::{BinOp, Cmp};
use crate::typing;
use isthmus_runtime_abi::types::StackTy::{self, ByRef, I32, I64, Native, Ref};

/// As [`typing::bin_result`].
pub fn bin_result(op: BinOp, left: StackTy, right: StackTy) -> Option<StackTy> {
    let shift = matches!(op, BinOp::Shl | BinOp::Shr | BinOp::ShrUn);
    typing::bin_result(op, left, right).or(match (left, right) {
        (I32 | I64 | Native, I64) if shift => Some(left),
        _ if shift => None,
        (I64, I32 | Native) | (I32 | Native, I64) => Some(I64),
        (ByRef, I64) | (I64, ByRef) if matches!(op, BinOp::Add | BinOp::Sub) => Some(ByRef),
        (ByRef | Native | I32, ByRef | Native | I32)
            if matches!(
                op,
                BinOp::And | BinOp::Or | BinOp::Xor | BinOp::AddOvf | BinOp::SubOvf
            ) =>
        {
            Some(Native)
        }
        (I32 | Native, ByRef) if op == BinOp::Sub => Some(Native),
        _ => None,
    })
}

/// As [`typing::compare_type`].
pub fn compare_type(cmp: Cmp, left: StackTy, right: StackTy) -> Option<StackTy> {
    typing::compare_type(cmp, left, right).or(match (left, right) {
        (I64 | Native | ByRef | Ref, I64 | Native | ByRef | Ref)
        | (I32, I64 | ByRef)
        | (I64 | ByRef, I32) => Some(Native),
        _ => None,
    })
}

/// As [`typing::assignable`].
pub fn assignable(from: StackTy, to: StackTy) -> bool {
    let is_word = |t| matches!(t, I32 | I64 | Native | ByRef | Ref);
    typing::assignable(from, to) || is_word(from) && is_word(to)
}
