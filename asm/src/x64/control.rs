//! Jumps, calls, returns.

use super::X64Asm;
use super::encode::{Op, Rip};
use super::int::cc;
use crate::buffer::Target;
use crate::macro_asm::{AsmControl, AsmCore, AsmInt};
use crate::operand::*;
use crate::reach::{Reach, reach};
use isthmus_runtime_abi::symbol::{RelocKind, Symbol};

impl X64Asm {
    /// A two-byte jump to a place already passed, if it is near enough.
    fn short_back(&mut self, code: u8, target: Label) -> bool {
        let Some(to) = self.label_offset(target) else {
            return false;
        };
        let rel = i64::from(to) - i64::from(self.offset()) - 2;
        match i8::try_from(rel) {
            Ok(rel) => {
                self.raw(&[code, rel as u8]);
                true
            }
            Err(_) => false,
        }
    }

    /// Transfers control to a symbol: `e8`/`e9` if it is near, else `ff /ext` through the linker's table of addresses.
    fn transfer(&mut self, near: u8, ext: u8, target: Symbol) {
        if reach(target) == Reach::Near {
            self.raw(&[near]);
            self.rel32(Rip::Symbol(RelocKind::X64Call32, target), 0);
        } else {
            let to = Rip::Symbol(RelocKind::X64GotPcRel32, target);
            self.op_rip(Op::one(0xff), ext, to, 0);
        }
    }
}

impl AsmControl for X64Asm {
    fn jmp(&mut self, target: Label) {
        if !self.short_back(0xeb, target) {
            self.raw(&[0xe9]);
            self.rel32(Rip::Here(Target::Label(target)), 0);
        }
    }

    fn jcc(&mut self, cond: Cond, target: Label) {
        if !self.short_back(0x70 | cc(cond), target) {
            self.raw(&[0x0f, 0x80 | cc(cond)]);
            self.rel32(Rip::Here(Target::Label(target)), 0);
        }
    }

    fn jmp_reg(&mut self, target: Gpr) {
        self.op_rr(Op::one(0xff), 4, target.0);
    }

    fn jmp_mem(&mut self, target: Mem) {
        self.op_rm(Op::one(0xff), 4, target);
    }

    fn jmp_symbol(&mut self, target: Symbol) {
        self.transfer(0xe9, 4, target);
    }

    fn jmp_cell(&mut self, cell: Symbol) {
        let to = Rip::Symbol(RelocKind::X64PcRel32, cell);
        self.op_rip(Op::one(0xff), 4, to, 0);
    }

    fn jump_table(&mut self, index: Gpr, tmp: Gpr, targets: &[Label]) {
        let table = Rip::Here(self.buf.table(targets));
        self.op_rip(Op::one(0x8d).wide(true), tmp.0, table, 0); // lea tmp, [table]
        let entry = Mem::indexed(tmp, index, Scale::S4, 0);
        self.load(Ext::Sx32To64, index, entry);
        self.alu(Alu::Add, Width::W64, index, tmp);
        self.jmp_reg(index);
    }

    fn call_reg(&mut self, target: Gpr) {
        self.op_rr(Op::one(0xff), 2, target.0);
    }

    fn call_mem(&mut self, target: Mem) {
        self.op_rm(Op::one(0xff), 2, target);
    }

    fn call_symbol(&mut self, target: Symbol) {
        self.transfer(0xe8, 2, target);
    }

    fn call_cell(&mut self, cell: Symbol) {
        let to = Rip::Symbol(RelocKind::X64PcRel32, cell);
        self.op_rip(Op::one(0xff), 2, to, 0);
    }

    fn call_label(&mut self, target: Label) {
        self.raw(&[0xe8]);
        self.rel32(Rip::Here(Target::Label(target)), 0);
    }

    fn ret(&mut self, bytes: u32) {
        match u16::try_from(bytes) {
            Ok(0) => self.raw(&[0xc3]),
            Ok(n) => {
                self.raw(&[0xc2]);
                self.raw(&n.to_le_bytes());
            }
            Err(_) => self.buf.fail("ret: too many bytes"),
        }
    }

    fn trap(&mut self) {
        self.raw(&[0x0f, 0x0b]); // ud2
    }
}
