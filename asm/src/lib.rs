//! Macro assemblers: the one place that knows instruction encodings.
//!
//! | module | what |
//! | --- | --- |
//! | [`operand`] | registers, widths, memory operands, conditions |
//! | [`macro_asm`] | the traits: [`MacroAsm`] = [`AsmCore`] + [`AsmInt`] + [`AsmFloat`] + [`AsmControl`] |
//! | [`x64`] | x86-64: [`x64::X64Asm`] and the register names [`x64::regs`] |
//! | [`buffer`] | [`buffer::Assembled`]: bytes and relocations; labels, constants, jump tables |
//! | [`reach`] | how far symbols are |
//! | [`a64`] | AArch64: data among code, distances |
//! | [`frames`] | where code has no frame |
//! | [`gas`] | instructions as text for the GNU assembler |
//! | [`disasm`] | disassembly for dumps and tests |
//!
//! Use:
//!
//! ```
//! use isthmus_asm::prelude::*;
//! use isthmus_asm::x64::{X64Asm, regs::*};
//!
//! let mut a = X64Asm::default();
//! let end = a.new_label();
//! a.mov(Width::W32, RAX, RDI);
//! a.cmp(Width::W32, RDI, RSI);            // second operand: register, i32 constant or Mem
//! a.jcc(Cond::Ge, end);
//! a.alu(Alu::Add, Width::W64, RAX, Mem::indexed(RDX, RCX, Scale::S8, 16));
//! let trap_site = a.last_access();        // offset for a trap record
//! a.bind(end);
//! a.ret(0);
//! let done = a.finish()?;                 // done.code, done.relocs; `a` is empty again
//! # assert!(trap_site > 0 && done.relocs.is_empty());
//! # Ok::<(), isthmus_asm::buffer::AsmError>(())
//! ```
//!
//! Float comparisons that branch are one operation, [`AsmFloat::fjcc`]; fixed registers of wide multiplication, division and
//! variable shifts are [`AsmCore::LO`], [`AsmCore::HI`] and [`AsmCore::COUNT`]; a call's return address is [`AsmCore::offset`] after it;
//! addresses of symbols come from [`AsmInt::load_symbol`], which knows how far each kind may be.

pub mod a64;
pub mod buffer;
pub mod disasm;
pub mod frames;
pub mod gas;
pub mod macro_asm;
pub mod operand;
pub mod reach;
pub mod x64;

pub use macro_asm::{AsmControl, AsmCore, AsmFloat, AsmInt, MacroAsm};

/// What users of the assembler import.
pub mod prelude {
    pub use crate::buffer::{AsmError, Assembled};
    pub use crate::macro_asm::{AsmControl, AsmCore, AsmFloat, AsmInt, MacroAsm};
    pub use crate::operand::*;
}
