//! Operands of the macro assembler: registers, widths, memory, conditions. All are small `Copy` values.

use isthmus_runtime_abi::target::Reg;
use isthmus_runtime_abi::types::MemTy;

/// A general register by its encoding number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Gpr(pub u8);

/// A floating-point register by its encoding number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Fpr(pub u8);

impl From<Gpr> for Reg {
    fn from(r: Gpr) -> Reg {
        Reg::Int(r.0)
    }
}

impl From<Fpr> for Reg {
    fn from(r: Fpr) -> Reg {
        Reg::Float(r.0)
    }
}

/// Width of an integer operation. Results of `W32` operations are zero-extended to the register;
/// `W8` and `W16` leave the upper bits of a destination register undefined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Width {
    /// 8 bits.
    W8,
    /// 16 bits.
    W16,
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

impl Width {
    /// Size in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Width::W8 => 1,
            Width::W16 => 2,
            Width::W32 => 4,
            Width::W64 => 8,
        }
    }

    /// The width of this many bytes.
    pub const fn of_bytes(bytes: u32) -> Option<Width> {
        Some(match bytes {
            1 => Width::W8,
            2 => Width::W16,
            4 => Width::W32,
            8 => Width::W64,
            _ => return None,
        })
    }
}

/// Type of a floating-point operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FTy {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

impl FTy {
    /// Size in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            FTy::F32 => 4,
            FTy::F64 => 8,
        }
    }
}

/// How a value in memory or in the low bits of a register fills a register: what a load or an extension does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ext {
    /// 8 bits, zero-extended.
    Zx8,
    /// 16 bits, zero-extended.
    Zx16,
    /// 32 bits, zero-extended.
    Zx32,
    /// 64 bits.
    Full64,
    /// 8 bits, sign-extended to 32, the upper half zero.
    Sx8To32,
    /// 16 bits, sign-extended to 32, the upper half zero.
    Sx16To32,
    /// 8 bits, sign-extended to 64.
    Sx8To64,
    /// 16 bits, sign-extended to 64.
    Sx16To64,
    /// 32 bits, sign-extended to 64.
    Sx32To64,
}

impl Ext {
    /// How a location of this type is loaded; `None` for floats and structs. `pointer_bytes` is the target's pointer size.
    pub fn of_mem_ty(ty: MemTy, pointer_bytes: u32) -> Option<Ext> {
        Some(match ty {
            MemTy::I8 => Ext::Sx8To32,
            MemTy::U8 => Ext::Zx8,
            MemTy::I16 => Ext::Sx16To32,
            MemTy::U16 => Ext::Zx16,
            MemTy::I32 => Ext::Zx32,
            MemTy::I64 => Ext::Full64,
            MemTy::Native | MemTy::Ref | MemTy::ByRef if pointer_bytes == 4 => Ext::Zx32,
            MemTy::Native | MemTy::Ref | MemTy::ByRef => Ext::Full64,
            MemTy::F32 | MemTy::F64 | MemTy::Struct(_) => return None,
        })
    }

    /// Bytes that are read.
    pub const fn bytes(self) -> u32 {
        match self {
            Ext::Zx8 | Ext::Sx8To32 | Ext::Sx8To64 => 1,
            Ext::Zx16 | Ext::Sx16To32 | Ext::Sx16To64 => 2,
            Ext::Zx32 | Ext::Sx32To64 => 4,
            Ext::Full64 => 8,
        }
    }
}

/// Factor of an index register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scale {
    /// 1.
    S1,
    /// 2.
    S2,
    /// 4.
    S4,
    /// 8.
    S8,
}

impl Scale {
    /// The scale with this factor.
    pub const fn of(factor: u32) -> Option<Scale> {
        Some(match factor {
            1 => Scale::S1,
            2 => Scale::S2,
            4 => Scale::S4,
            8 => Scale::S8,
            _ => return None,
        })
    }

    /// Binary logarithm of the factor.
    pub const fn log2(self) -> u8 {
        self as u8
    }
}

/// A memory operand: `base + index * scale + disp`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mem {
    /// Base register.
    pub base: Gpr,
    /// Index register (never the stack pointer) with its factor.
    pub index: Option<(Gpr, Scale)>,
    /// Displacement.
    pub disp: i32,
}

impl Mem {
    /// `base + disp`.
    pub const fn new(base: Gpr, disp: i32) -> Mem {
        Mem {
            base,
            index: None,
            disp,
        }
    }

    /// `base + index * scale + disp`.
    pub const fn indexed(base: Gpr, index: Gpr, scale: Scale, disp: i32) -> Mem {
        Mem {
            base,
            index: Some((index, scale)),
            disp,
        }
    }

    /// The same with a displacement larger by `by`.
    pub const fn plus(self, by: i32) -> Mem {
        Mem {
            disp: self.disp + by,
            ..self
        }
    }
}

/// Second operand of an integer operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Src {
    /// A register.
    Reg(Gpr),
    /// A constant, sign-extended to the operation's width.
    Imm(i32),
    /// Memory of the operation's width.
    Mem(Mem),
}

impl From<Gpr> for Src {
    fn from(r: Gpr) -> Src {
        Src::Reg(r)
    }
}

impl From<i32> for Src {
    fn from(v: i32) -> Src {
        Src::Imm(v)
    }
}

impl From<Mem> for Src {
    fn from(m: Mem) -> Src {
        Src::Mem(m)
    }
}

/// Second operand of a floating-point operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FSrc {
    /// A register.
    Reg(Fpr),
    /// Memory of the operation's width.
    Mem(Mem),
}

impl From<Fpr> for FSrc {
    fn from(r: Fpr) -> FSrc {
        FSrc::Reg(r)
    }
}

impl From<Mem> for FSrc {
    fn from(m: Mem) -> FSrc {
        FSrc::Mem(m)
    }
}

/// A place in the code, perhaps not yet known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Label(pub(crate) u32);

/// Two-operand integer operations; all set the condition flags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Alu {
    /// Addition: `Overflow`, `Carry`.
    Add,
    /// Bitwise or.
    Or,
    /// Addition with the carry of the one before.
    Adc,
    /// Subtraction with the borrow of the one before.
    Sbb,
    /// Bitwise and.
    And,
    /// Subtraction: `Overflow`, `Below` is the borrow.
    Sub,
    /// Exclusive or.
    Xor,
}

/// Shifts and rotations. Counts are masked to the width (5 bits, 6 bits for `W64`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shift {
    /// Left.
    Shl,
    /// Right, zeros from above.
    Shr,
    /// Right, copies of the sign.
    Sar,
    /// Rotate left.
    Rol,
    /// Rotate right.
    Ror,
}

/// One-operand integer operations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unary {
    /// Two's complement.
    Neg,
    /// One's complement.
    Not,
}

/// A condition on the flags that an integer operation left.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cond {
    /// Equal, or result zero.
    Eq,
    /// Not equal, or result not zero.
    Ne,
    /// Signed less.
    Lt,
    /// Signed less or equal.
    Le,
    /// Signed greater.
    Gt,
    /// Signed greater or equal.
    Ge,
    /// Unsigned less (after a subtraction: it borrowed).
    Below,
    /// Unsigned less or equal.
    BelowEq,
    /// Unsigned greater.
    Above,
    /// Unsigned greater or equal.
    AboveEq,
    /// Signed overflow of an addition, subtraction or multiplication.
    Overflow,
    /// No signed overflow.
    NoOverflow,
    /// Carry out of an addition; the bit of a bit test.
    Carry,
    /// No carry out of an addition; the bit of a bit test is 0.
    NoCarry,
    /// Result negative.
    Neg,
    /// Result zero or positive.
    NonNeg,
}

impl Cond {
    /// The condition that holds when this one does not.
    pub const fn not(self) -> Cond {
        match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Lt => Cond::Ge,
            Cond::Le => Cond::Gt,
            Cond::Gt => Cond::Le,
            Cond::Ge => Cond::Lt,
            Cond::Below => Cond::AboveEq,
            Cond::BelowEq => Cond::Above,
            Cond::Above => Cond::BelowEq,
            Cond::AboveEq => Cond::Below,
            Cond::Overflow => Cond::NoOverflow,
            Cond::NoOverflow => Cond::Overflow,
            Cond::Carry => Cond::NoCarry,
            Cond::NoCarry => Cond::Carry,
            Cond::Neg => Cond::NonNeg,
            Cond::NonNeg => Cond::Neg,
        }
    }

    /// The condition on `(b, a)` that says what this one says on `(a, b)`; for comparisons.
    pub const fn swapped(self) -> Cond {
        match self {
            Cond::Lt => Cond::Gt,
            Cond::Le => Cond::Ge,
            Cond::Gt => Cond::Lt,
            Cond::Ge => Cond::Le,
            Cond::Below => Cond::Above,
            Cond::BelowEq => Cond::AboveEq,
            Cond::Above => Cond::Below,
            Cond::AboveEq => Cond::BelowEq,
            other => other,
        }
    }
}

/// A comparison of two floats. Without `Un` it is false if one is NaN, with `Un` it is true then.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FCond {
    /// Equal (`ceq`, `beq`).
    Eq,
    /// Not equal, or unordered (`bne.un`).
    NeUn,
    /// Less (`clt`, `blt`).
    Lt,
    /// Less or equal (`ble`).
    Le,
    /// Greater (`cgt`, `bgt`).
    Gt,
    /// Greater or equal (`bge`).
    Ge,
    /// Less or unordered (`clt.un`, `blt.un`).
    LtUn,
    /// Less, equal or unordered (`ble.un`).
    LeUn,
    /// Greater or unordered (`cgt.un`, `bgt.un`).
    GtUn,
    /// Greater, equal or unordered (`bge.un`).
    GeUn,
    /// Neither is NaN.
    Ordered,
    /// One is NaN.
    Unordered,
}

impl FCond {
    /// The comparison that holds exactly when this one does not.
    pub const fn not(self) -> FCond {
        match self {
            FCond::Eq => FCond::NeUn,
            FCond::NeUn => FCond::Eq,
            FCond::Lt => FCond::GeUn,
            FCond::Le => FCond::GtUn,
            FCond::Gt => FCond::LeUn,
            FCond::Ge => FCond::LtUn,
            FCond::LtUn => FCond::Ge,
            FCond::LeUn => FCond::Gt,
            FCond::GtUn => FCond::Le,
            FCond::GeUn => FCond::Lt,
            FCond::Ordered => FCond::Unordered,
            FCond::Unordered => FCond::Ordered,
        }
    }
}

/// Two-operand floating-point operations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FAlu {
    /// Addition.
    Add,
    /// Subtraction.
    Sub,
    /// Multiplication.
    Mul,
    /// Division.
    Div,
}

/// Rounding to an integral value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rounding {
    /// To nearest, ties to even.
    Nearest,
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceil,
    /// Towards zero.
    Trunc,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negation_is_an_involution_and_swapping_too() {
        use Cond::*;
        for c in [
            Eq, Ne, Lt, Le, Gt, Ge, Below, BelowEq, Above, AboveEq, Overflow, NoOverflow, Carry,
            NoCarry, Neg, NonNeg,
        ] {
            assert_eq!(c.not().not(), c);
            assert_ne!(c.not(), c);
            assert_eq!(c.swapped().swapped(), c);
        }
        use FCond as F;
        for c in [
            F::Eq,
            F::NeUn,
            F::Lt,
            F::Le,
            F::Gt,
            F::Ge,
            F::LtUn,
            F::LeUn,
            F::GtUn,
            F::GeUn,
            F::Ordered,
            F::Unordered,
        ] {
            assert_eq!(c.not().not(), c);
            assert_ne!(c.not(), c);
        }
    }
}
