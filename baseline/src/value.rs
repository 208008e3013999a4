//! Entries of the evaluation stack as the compiler knows them, and the register file.
//!
//! An entry is not where the standard's stack machine would put it but where the value happens to be: a
//! constant, a register, a variable that was not read yet, a temporary of the frame. The invariants:
//!
//! 1. An integer of type I32 in a register has the upper half zero.
//! 2. A register's count is the number of entries (on the stack or taken from it by the current instruction)
//!    that hold it, plus one if a variable lives in it. Count 0 means that it may be overwritten.
//! 3. `copy_of(r) = v` means that `r` holds the same value as variable `v`'s memory, at full width. It is dropped
//!    when `r` is written or `v` is stored to, and at labels and calls.
//! 4. A [`Loc::Temp`] belongs to one entry; a [`Loc::Merge`] slot to a stack depth.

use isthmus_asm::prelude::*;
use isthmus_runtime_abi::types::StackTy;

/// Where the value of an entry is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Loc {
    /// An integer constant; for I32 sign-extended.
    Imm(i64),
    /// A float constant: the bits of its type.
    FImm(u64),
    /// A general register.
    Reg(Gpr),
    /// A float register.
    Freg(Fpr),
    /// A temporary of the frame at this offset from FP, owned by the entry.
    Temp(i32),
    /// The slot where values of this depth meet at labels, at this offset from FP.
    Merge(i32),
    /// The variable's current value, not read yet.
    Var(u16),
    /// The address of a variable's memory: offset from the base of the variables.
    FrameAddr(i32),
    /// A register plus a constant.
    RegPlus(Gpr, i32),
}

/// An entry.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Entry {
    pub ty: StackTy,
    pub loc: Loc,
    /// Not null: a reference that was checked, or `this`-like.
    pub non_null: bool,
}

impl Entry {
    pub fn new(ty: StackTy, loc: Loc) -> Entry {
        Entry {
            ty,
            loc,
            non_null: false,
        }
    }
}

/// Width of an integer-like entry on 64-bit targets.
pub(crate) fn width(ty: StackTy) -> Width {
    match ty {
        StackTy::I32 => Width::W32,
        _ => Width::W64,
    }
}

/// Type of a float entry.
pub(crate) fn fty(ty: StackTy) -> FTy {
    match ty {
        StackTy::F32 => FTy::F32,
        _ => FTy::F64,
    }
}

const NO_VAR: u16 = u16::MAX;

/// One class of registers: what each is used for.
#[derive(Clone, Debug)]
pub(crate) struct Bank {
    /// Number of holders.
    count: [u8; 16],
    /// Variable whose memory has the same value.
    copy_of: [u16; 16],
    /// Where the next search starts.
    turn: u8,
}

impl Bank {
    pub fn new() -> Bank {
        Bank {
            count: [0; 16],
            copy_of: [NO_VAR; 16],
            turn: 0,
        }
    }

    pub fn count(&self, r: u8) -> u8 {
        self.count[r as usize]
    }

    pub fn hold(&mut self, r: u8) {
        self.count[r as usize] += 1;
    }

    pub fn release(&mut self, r: u8) {
        debug_assert!(self.count[r as usize] > 0, "register {r} released twice");
        self.count[r as usize] = self.count[r as usize].saturating_sub(1);
    }

    /// A free register of the list, one without a copy of a variable if possible.
    pub fn find_free(&mut self, list: impl Iterator<Item = u8> + Clone) -> Option<u8> {
        let mut with_copy = None;
        for r in list {
            if self.count[r as usize] != 0 {
                continue;
            }
            if self.copy_of[r as usize] == NO_VAR {
                return Some(r);
            }
            // Among copies the choice rotates, so that the newest one is not lost first.
            if with_copy.is_none_or(|w| w <= self.turn && r > self.turn) {
                with_copy = Some(r);
            }
        }
        if let Some(r) = with_copy {
            self.turn = r;
        }
        with_copy
    }

    pub fn copy_of(&self, r: u8) -> Option<u16> {
        Some(self.copy_of[r as usize]).filter(|&v| v != NO_VAR)
    }

    pub fn find_copy(&self, var: u16) -> Option<u8> {
        self.copy_of.iter().position(|&v| v == var).map(|r| r as u8)
    }

    pub fn set_copy(&mut self, r: u8, var: u16) {
        self.copy_of[r as usize] = var;
    }

    pub fn drop_copy(&mut self, r: u8) {
        self.copy_of[r as usize] = NO_VAR;
    }

    pub fn drop_copies_of(&mut self, var: u16) {
        for v in &mut self.copy_of {
            if *v == var {
                *v = NO_VAR;
            }
        }
    }

    pub fn drop_copies(&mut self) {
        self.copy_of = [NO_VAR; 16];
    }

    /// Forgets copies in registers that nobody holds.
    pub fn drop_idle_copies(&mut self) {
        for r in 0..16 {
            if self.count[r] == 0 {
                self.copy_of[r] = NO_VAR;
            }
        }
    }

    /// Registers of the list that somebody holds, as a bit mask.
    pub fn held(&self, list: impl Iterator<Item = u8>) -> u32 {
        list.filter(|&r| self.count[r as usize] != 0)
            .fold(0, |m, r| m | 1 << r)
    }
}
