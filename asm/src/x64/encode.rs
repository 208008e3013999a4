//! Instruction encoding: prefixes, REX, opcode maps, ModRM, SIB, displacement (Intel SDM volume 2, chapter 2).
//!
//! ```text
//!  [66|F2|F3] [REX 0100WRXB] [0F [38|3A]] opcode [ModRM mod:2 reg:3 rm:3] [SIB scale:2 index:3 base:3] [disp 0|1|4] [imm]
//! ```
//! An instruction is put together in a 16-byte array and appended in one go.

use super::X64Asm;
use crate::buffer::Target;
use crate::operand::{Mem, Width};
use isthmus_runtime_abi::symbol::{RelocKind, Symbol};

/// Opcode with its mandatory prefix and map.
#[derive(Clone, Copy)]
pub(super) struct Op {
    prefix: u8,
    map: Map,
    code: u8,
    /// REX.W.
    wide: bool,
    /// REX even if empty: 8-bit registers 4-7 are then spl, bpl, sil, dil.
    rex: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Map {
    One,
    Of,
    Of3a,
}

impl Op {
    /// One-byte opcode.
    pub(super) const fn one(code: u8) -> Op {
        Op {
            prefix: 0,
            map: Map::One,
            code,
            wide: false,
            rex: false,
        }
    }

    /// Opcode after 0F.
    pub(super) const fn of(code: u8) -> Op {
        Op {
            map: Map::Of,
            ..Op::one(code)
        }
    }

    /// Opcode after 0F 3A.
    pub(super) const fn of3a(code: u8) -> Op {
        Op {
            map: Map::Of3a,
            ..Op::one(code)
        }
    }

    /// Integer opcode whose lowest bit says "not 8 bits", in the given width.
    pub(super) const fn int(base: Op, w: Width) -> Op {
        let code = base.code | !matches!(w, Width::W8) as u8;
        Op { code, ..base }.width(w)
    }

    /// Operand-size prefix or REX.W for the width; the opcode stays.
    pub(super) const fn width(self, w: Width) -> Op {
        match w {
            Width::W16 => Op {
                prefix: 0x66,
                ..self
            },
            Width::W64 => Op { wide: true, ..self },
            _ => self,
        }
    }

    /// Mandatory prefix.
    pub(super) const fn prefix(self, prefix: u8) -> Op {
        Op { prefix, ..self }
    }

    /// REX.W if wanted.
    pub(super) const fn wide(self, wide: bool) -> Op {
        Op { wide, ..self }
    }

    /// Uses 8-bit register `reg`: REX for numbers 4-7.
    pub(super) const fn byte_reg(self, reg: u8) -> Op {
        Op {
            rex: self.rex | (reg >= 4 && reg < 8),
            ..self
        }
    }
}

/// What an address relative to the instruction pointer refers to.
#[derive(Clone, Copy)]
pub(super) enum Rip {
    /// A place in this code.
    Here(Target),
    /// A symbol.
    Symbol(RelocKind, Symbol),
}

/// An instruction being put together.
struct Inst {
    bytes: [u8; 16],
    len: usize,
}

impl Inst {
    fn new() -> Inst {
        Inst {
            bytes: [0; 16],
            len: 0,
        }
    }

    #[inline]
    fn push(&mut self, b: u8) {
        self.bytes[self.len] = b;
        self.len += 1;
    }

    #[inline]
    fn push4(&mut self, v: i32) {
        self.bytes[self.len..self.len + 4].copy_from_slice(&v.to_le_bytes());
        self.len += 4;
    }

    /// Prefixes and opcode; `r`, `x`, `b` are the register numbers whose high bits go into REX.
    #[inline]
    fn opcode(&mut self, op: Op, r: u8, x: u8, b: u8) {
        if op.prefix != 0 {
            self.push(op.prefix);
        }
        let rex = (op.wide as u8) << 3 | (r >> 3) << 2 | (x >> 3) << 1 | b >> 3;
        if rex != 0 || op.rex {
            self.push(0x40 | rex);
        }
        if op.map != Map::One {
            self.push(0x0f);
        }
        if op.map == Map::Of3a {
            self.push(0x3a);
        }
        self.push(op.code);
    }
}

#[inline]
fn modrm(mode: u8, reg: u8, rm: u8) -> u8 {
    mode << 6 | (reg & 7) << 3 | rm & 7
}

impl X64Asm {
    #[inline]
    fn emit(&mut self, i: &Inst) {
        self.buf.bytes.extend_from_slice(&i.bytes[..i.len]);
    }

    /// Raw bytes.
    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.buf.bytes.extend_from_slice(bytes);
    }

    /// Register operands: `reg` in ModRM.reg (or an opcode extension), `rm` in ModRM.rm.
    #[inline]
    pub(super) fn op_rr(&mut self, op: Op, reg: u8, rm: u8) {
        let mut i = Inst::new();
        i.opcode(op, reg, 0, rm);
        i.push(modrm(3, reg, rm));
        self.emit(&i);
    }

    /// Register in the low bits of the opcode.
    #[inline]
    pub(super) fn op_o(&mut self, op: Op, reg: u8) {
        let mut i = Inst::new();
        i.opcode(
            Op {
                code: op.code | reg & 7,
                ..op
            },
            0,
            0,
            reg,
        );
        self.emit(&i);
    }

    /// Memory operand.
    #[inline]
    pub(super) fn op_rm(&mut self, op: Op, reg: u8, mem: Mem) {
        self.buf.last_access = self.buf.offset();
        let mut i = Inst::new();
        let base = mem.base.0;
        let index = mem.index.map_or(0, |(r, _)| r.0);
        i.opcode(op, reg, index, base);
        // Base 5 (rbp, r13) has no form without displacement.
        let mode = match mem.disp {
            0 if base & 7 != 5 => 0,
            -128..=127 => 1,
            _ => 2,
        };
        match mem.index {
            Some((index, scale)) => {
                if index.0 == 4 {
                    self.buf.fail("memory operand: stack pointer as index");
                }
                i.push(modrm(mode, reg, 4));
                i.push(scale.log2() << 6 | (index.0 & 7) << 3 | base & 7);
            }
            // Base 4 (rsp, r12) needs a SIB byte: index 4 is none.
            None if base & 7 == 4 => {
                i.push(modrm(mode, reg, 4));
                i.push(4 << 3 | 4);
            }
            None => i.push(modrm(mode, reg, base)),
        }
        match mode {
            0 => {}
            1 => i.push(mem.disp as u8),
            _ => i.push4(mem.disp),
        }
        self.emit(&i);
    }

    /// Memory relative to the instruction pointer; `imm` bytes of immediate follow, which the caller emits.
    #[inline]
    pub(super) fn op_rip(&mut self, op: Op, reg: u8, to: Rip, imm: u32) {
        self.buf.last_access = self.buf.offset();
        let mut i = Inst::new();
        i.opcode(op, reg, 0, 0);
        i.push(modrm(0, reg, 5));
        self.emit(&i);
        self.rel32(to, imm);
    }

    /// A 32-bit displacement from the end of the instruction, which is `imm` bytes after it.
    #[inline]
    pub(super) fn rel32(&mut self, to: Rip, imm: u32) {
        let at = self.buf.offset();
        self.raw(&[0; 4]);
        match to {
            Rip::Here(target) => self.buf.fixup(at, 4 + imm, target),
            Rip::Symbol(kind, symbol) => {
                self.buf.reloc(at, kind, symbol, -4 - i64::from(imm));
            }
        }
    }

    /// Immediate of the operation's width (at most 4 bytes).
    #[inline]
    pub(super) fn imm(&mut self, w: Width, value: i32) {
        let n = w.bytes().min(4) as usize;
        self.raw(&value.to_le_bytes()[..n]);
    }
}
