//! Moving several words to registers and stack words at once, as before a call.
//!
//! Order: stack words (through the scratch registers, all sources still intact); register to register moves as
//! one parallel move, cycles broken through scratch; constants, loads and addresses, whose destinations are no
//! source any more.

use crate::state::Gen;
use crate::target::Target;
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::callconv::{Loc as AbiLoc, WordTy};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Reg;
use smallvec::SmallVec;

/// Where a word comes from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Word {
    /// A constant.
    Imm(i64),
    /// Bits of a float constant.
    FImm(u64),
    /// A register.
    Reg(Gpr),
    /// A register plus a constant.
    RegPlus(Gpr, i32),
    /// A float register.
    Freg(Fpr),
    /// Memory at a base that is no value register: frame or variables.
    Mem(Mem, Ext),
    /// A float in such memory.
    FMem(Mem),
    /// The address of such memory.
    Addr(Mem),
    /// A symbol's address.
    Symbol(Symbol),
}

/// One word and its destination; stack words are at `SP + offset`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub word: Word,
    pub to: AbiLoc,
    pub ty: WordTy,
}

/// The width that carries a word.
pub(crate) fn word_width(ty: WordTy) -> Width {
    match ty {
        WordTy::I32 | WordTy::F32 => Width::W32,
        _ => Width::W64,
    }
}

pub(crate) fn word_fty(ty: WordTy) -> FTy {
    match ty {
        WordTy::F32 => FTy::F32,
        _ => FTy::F64,
    }
}

impl<A: Target> Gen<'_, A> {
    /// Performs all moves.
    pub fn emit_moves(&mut self, moves: &[Move]) {
        let mut ints: SmallVec<[(Gpr, Gpr, i32, Width); 8]> = SmallVec::new();
        let mut floats: SmallVec<[(Fpr, Fpr, FTy); 8]> = SmallVec::new();
        for m in moves {
            match (m.to, m.word) {
                (AbiLoc::Stack(off), word) => {
                    self.word_to_stack(word, m.ty, Mem::new(A::SP, off as i32));
                }
                (AbiLoc::Reg(Reg::Int(d)), Word::Reg(s)) => {
                    ints.push((Gpr(d), s, 0, word_width(m.ty)))
                }
                (AbiLoc::Reg(Reg::Int(d)), Word::RegPlus(s, disp)) => {
                    ints.push((Gpr(d), s, disp, Width::W64))
                }
                (AbiLoc::Reg(Reg::Float(d)), Word::Freg(s)) => {
                    floats.push((Fpr(d), s, word_fty(m.ty)))
                }
                _ => {}
            }
        }
        self.parallel_ints(ints);
        self.parallel_floats(floats);
        for m in moves {
            let AbiLoc::Reg(reg) = m.to else { continue };
            match reg {
                Reg::Int(d) => self.word_to_reg(m.word, m.ty, Gpr(d)),
                Reg::Float(d) => self.word_to_freg(m.word, m.ty, Fpr(d)),
            }
        }
    }

    /// Loads a word that is neither in a general register nor depends on one.
    fn word_to_reg(&mut self, word: Word, ty: WordTy, d: Gpr) {
        match word {
            Word::Imm(v) => self.a.mov_imm(word_width(ty), d, v),
            Word::FImm(bits) => self.a.mov_imm(word_width(ty), d, bits as i64),
            Word::Mem(m, ext) => self.a.load(ext, d, m),
            Word::FMem(m) => match word_width(ty) {
                Width::W32 => self.a.load(Ext::Zx32, d, m),
                _ => self.a.load(Ext::Full64, d, m),
            },
            Word::Addr(m) => self.a.lea(d, m),
            Word::Symbol(s) => self.a.load_symbol(d, s),
            Word::Freg(s) => self.a.float_to_bits(word_fty(ty), d, s),
            Word::Reg(_) | Word::RegPlus(..) => {}
        }
    }

    fn word_to_freg(&mut self, word: Word, ty: WordTy, d: Fpr) {
        match word {
            Word::FImm(bits) => self.a.fconst(word_fty(ty), d, bits),
            Word::FMem(m) | Word::Mem(m, _) => self.a.fload(word_fty(ty), d, m),
            Word::Imm(bits) => self.a.fconst(word_fty(ty), d, bits as u64),
            Word::Reg(s) => self.a.bits_to_float(word_fty(ty), d, s),
            Word::Freg(_) | Word::RegPlus(..) | Word::Addr(_) | Word::Symbol(_) => {}
        }
    }

    pub fn word_to_stack(&mut self, word: Word, ty: WordTy, to: Mem) {
        match word {
            Word::Reg(r) => self.a.store(word_width(ty), to, r),
            Word::Freg(r) => self.a.fstore(word_fty(ty), to, r),
            Word::Imm(v) if i32::try_from(v).is_ok() => {
                self.a.store_imm(word_width(ty), to, v as i32)
            }
            Word::RegPlus(r, disp) => {
                self.a.lea(A::TMP, Mem::new(r, disp));
                self.a.store(Width::W64, to, A::TMP);
            }
            word => {
                self.word_to_reg(word, ty, A::TMP);
                self.a.store(word_width(ty), to, A::TMP);
            }
        }
    }

    /// Moves `dst = src + disp` as if all at once.
    fn parallel_ints(&mut self, mut todo: SmallVec<[(Gpr, Gpr, i32, Width); 8]>) {
        todo.retain(|&mut (d, s, disp, _)| d != s || disp != 0);
        while !todo.is_empty() {
            let ready = todo.iter().enumerate().position(|(i, &(d, ..))| {
                todo.iter()
                    .enumerate()
                    .all(|(j, &(_, s, ..))| s != d || i == j)
            });
            match ready {
                Some(i) => {
                    let (d, s, disp, w) = todo.swap_remove(i);
                    if disp != 0 {
                        self.a.lea(d, Mem::new(s, disp));
                    } else {
                        self.a.mov(w, d, s);
                    }
                }
                None => {
                    // Only cycles are left: free one register.
                    let from = todo[0].1;
                    self.a.mov(Width::W64, A::TMP, from);
                    for m in &mut todo {
                        if m.1 == from {
                            m.1 = A::TMP;
                        }
                    }
                }
            }
        }
    }

    fn parallel_floats(&mut self, mut todo: SmallVec<[(Fpr, Fpr, FTy); 8]>) {
        todo.retain(|&mut (d, s, _)| d != s);
        while !todo.is_empty() {
            let ready = todo
                .iter()
                .position(|&(d, ..)| todo.iter().all(|&(_, s, _)| s != d));
            match ready {
                Some(i) => {
                    let (d, s, ty) = todo.swap_remove(i);
                    self.a.fmov(ty, d, s);
                }
                None => {
                    let from = todo[0].1;
                    self.a.fmov(FTy::F64, A::FTMP, from);
                    for m in &mut todo {
                        if m.1 == from {
                            m.1 = A::FTMP;
                        }
                    }
                }
            }
        }
    }
}
