//! The platforms' C calling conventions: where arguments and results are.
//!
//! [`Abi::call`] is a pure function of a function's type. Each convention is a file; what differs between them is a table of registers
//! and the treatment of aggregates:
//!
//! | | int registers | float registers | aggregates | results of aggregates |
//! | --- | --- | --- | --- | --- |
//! | [`sysv64`] | rdi rsi rdx rcx r8 r9 | xmm0-7 | ≤ 16 bytes: each eightbyte by its class, all or nothing; else on the stack | rax rdx xmm0 xmm1, else memory (rdi → rax) |
//! | [`aapcs64`] | x0-7 | v0-7 | 1-4 equal floats: a register each; ≤ 16 bytes: int registers; else pointer to a copy | the same; else memory (x8) |
//! | [`aapcs32`] | r0-3 | s0-15 / d0-7 (hard float) | 1-4 equal floats: a register each; else int registers, the rest on the stack | ≤ 4 bytes: r0; else memory (r0) |
//!
//! Pieces of aggregates are whole words: what lies behind a pointer to an aggregate must be readable, and what a result is stored to
//! writable, up to the next multiple of a word.

pub mod aapcs32;
pub mod aapcs64;
pub mod sysv64;

use crate::function::Function;
use crate::layout::{Layout, Value};
use isthmus_runtime_abi::callconv::{Loc, WordTy};
use isthmus_runtime_abi::target::{Arch, Reg};
use smallvec::SmallVec;

/// A C calling convention.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Abi {
    /// System V, x86-64.
    SysV64,
    /// Procedure Call Standard for AArch64.
    Aapcs64,
    /// Procedure Call Standard for 32-bit ARM, floats in float registers.
    Aapcs32Hard,
    /// The same, floats in integer registers.
    Aapcs32Soft,
}

/// A part of an argument or result and its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Bytes from the start of the argument.
    pub offset: u32,
    /// How wide it is, and of which class.
    pub ty: WordTy,
    /// Where it is. A float register of ARM is counted in registers of the piece's type: s3 is 3 for a `float`, d1 is 1 for a `double`.
    pub loc: Loc,
}

/// Parts of one argument or result.
pub type Pieces = SmallVec<[Piece; 2]>;

/// How an argument is passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pass {
    /// It is not: it has no contents.
    Nothing,
    /// In parts.
    Pieces(Pieces),
    /// As a whole, at this byte offset of the stack arguments.
    Stack(u32),
    /// As the address of a copy.
    Pointer(Loc),
}

/// How the result comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Return {
    /// There is none.
    Nothing,
    /// In registers.
    Pieces(Pieces),
    /// In memory whose address is passed here.
    Memory(Loc),
}

/// A call as a convention has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// For each parameter.
    pub params: Vec<Pass>,
    /// The result.
    pub ret: Return,
    /// Bytes of stack arguments.
    pub stack_bytes: u32,
    /// Number of float registers that hold arguments: what x86-64 tells variadic functions.
    pub float_registers: u8,
    /// With [`Return::Memory`], a register in which the callee gives the address back.
    pub returns_address: Option<Reg>,
}

impl Abi {
    /// All of them.
    pub const ALL: [Abi; 4] = [
        Abi::SysV64,
        Abi::Aapcs64,
        Abi::Aapcs32Hard,
        Abi::Aapcs32Soft,
    ];

    /// The convention of C on an architecture.
    pub fn of(arch: Arch) -> Abi {
        match arch {
            Arch::X64 => Abi::SysV64,
            Arch::A64 => Abi::Aapcs64,
            Arch::A32 => Abi::Aapcs32Hard,
        }
    }

    /// The architecture it is for.
    pub fn arch(self) -> Arch {
        match self {
            Abi::SysV64 => Arch::X64,
            Abi::Aapcs64 => Arch::A64,
            Abi::Aapcs32Hard | Abi::Aapcs32Soft => Arch::A32,
        }
    }

    /// Integer argument registers in order.
    pub fn int_args(self) -> &'static [u8] {
        match self {
            Abi::SysV64 => sysv64::INTS,
            Abi::Aapcs64 => aapcs64::INTS,
            Abi::Aapcs32Hard | Abi::Aapcs32Soft => aapcs32::INTS,
        }
    }

    /// The two integer registers for results.
    pub fn int_rets(self) -> &'static [u8] {
        match self {
            Abi::SysV64 => sysv64::INT_RETS,
            Abi::Aapcs64 | Abi::Aapcs32Hard | Abi::Aapcs32Soft => &[0, 1],
        }
    }

    /// The register for the address of a result in memory, if that is not an argument.
    pub fn result_register(self) -> Option<Reg> {
        (self == Abi::Aapcs64).then_some(aapcs64::RESULT)
    }

    /// Bytes of a piece.
    pub fn piece_bytes(self, ty: WordTy) -> usize {
        match ty {
            WordTy::I32 | WordTy::F32 => 4,
            WordTy::I64 | WordTy::F64 => 8,
            WordTy::Ptr => self.arch().pointer_bytes() as usize,
        }
    }

    /// Where the arguments and the result of a function are.
    pub fn call(self, f: &Function) -> Call {
        match self {
            Abi::SysV64 => sysv64::call(f),
            Abi::Aapcs64 => aapcs64::call(f),
            // Variadic functions take floats like everything else.
            Abi::Aapcs32Hard => aapcs32::call(f, f.fixed.is_none()),
            Abi::Aapcs32Soft => aapcs32::call(f, false),
        }
    }
}

/// Registers and stack words as they are used up.
struct Assign {
    ints: &'static [u8],
    int: usize,
    stack: u32,
}

impl Assign {
    fn new(ints: &'static [u8]) -> Assign {
        Assign {
            ints,
            int: 0,
            stack: 0,
        }
    }

    fn ints_left(&self) -> usize {
        self.ints.len() - self.int
    }

    fn next_int(&mut self) -> Option<Loc> {
        let reg = *self.ints.get(self.int)?;
        self.int += 1;
        Some(Loc::Reg(Reg::Int(reg)))
    }

    /// Takes stack space: its offset. Arguments are padded to whole words.
    fn take_stack(&mut self, size: u32, align: u32, word: u32) -> u32 {
        let at = self.stack.next_multiple_of(align.max(word));
        self.stack = at.saturating_add(size.next_multiple_of(word));
        at
    }

    /// The next integer register, or a stack word.
    fn pointer(&mut self, word: u32) -> Loc {
        self.next_int()
            .unwrap_or_else(|| Loc::Stack(self.take_stack(word, word, word)))
    }
}

/// The machine type of a scalar.
pub fn word_ty(value: Value) -> WordTy {
    match value {
        Value::I8 | Value::U8 | Value::I16 | Value::U16 | Value::I32 => WordTy::I32,
        Value::I64 => WordTy::I64,
        Value::Ptr => WordTy::Ptr,
        Value::F32 => WordTy::F32,
        Value::F64 => WordTy::F64,
    }
}

fn one(ty: WordTy, loc: Loc) -> Pieces {
    SmallVec::from_slice(&[Piece { offset: 0, ty, loc }])
}

/// The element type and number of a homogeneous floating-point aggregate: one to four floats of one type and nothing else.
fn homogeneous(layout: &Layout, arch: Arch) -> Option<(Value, u32)> {
    if matches!(layout, Layout::Value(_)) {
        return None;
    }
    let mut element = None;
    let equal = layout.each_value(arch, &mut |_, v| {
        v.is_float() && *element.get_or_insert(v) == v
    });
    let element = element.filter(|_| equal)?;
    let (size, each) = (layout.size(arch), element.size(arch));
    if !size.is_multiple_of(each) || !(1..=4).contains(&(size / each)) {
        return None;
    }
    // Every place is taken: no padding, in no branch of a union more than in another.
    let mut taken = 0u32;
    let aligned = layout.each_value(arch, &mut |at, _| {
        taken |= 1 << (at / each);
        at.is_multiple_of(each)
    });
    (aligned && taken == (1 << (size / each)) - 1).then_some((element, size / each))
}

#[cfg(test)]
mod tests;
