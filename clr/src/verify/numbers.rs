//! Arithmetic, conversions, and memory behind pointers (ECMA-335 III.1.5, III.3).

use super::Check;
use super::flow::Verifier;
use super::rules::Rule;
use super::value::Value;
use crate::metadata::sig::Prim;
use crate::types::{Type, types};
use isthmus_frontend_ir::op::{BinOp, ConvMode, ConvTo};
use isthmus_runtime_abi::types::MemTy;

/// The memory type of a number, an enum's integer among them.
fn memory_of(ty: &'static Type) -> Option<MemTy> {
    use Prim::*;
    Some(match ty.underlying().prim? {
        Boolean | I1 | U1 => MemTy::I8,
        Char | I2 | U2 => MemTy::I16,
        I4 | U4 => MemTy::I32,
        I8 | U8 => MemTy::I64,
        R4 => MemTy::F32,
        R8 => MemTy::F64,
        I | U => MemTy::Native,
        Void | String | Object | TypedByRef => return None,
    })
}

/// Whether an instruction that accesses memory of some kind fits a location of a type.
pub(super) fn accesses(m: MemTy, ty: &'static Type) -> bool {
    let m = match m {
        MemTy::U8 => MemTy::I8,
        MemTy::U16 => MemTy::I16,
        other => other,
    };
    match m {
        MemTy::Ref => matches!(Value::of(ty), Value::Object(_)),
        _ => memory_of(ty) == Some(m),
    }
}

/// What loading memory of some kind gives.
pub(super) fn loaded(m: MemTy, ty: &'static Type) -> Value {
    match m {
        MemTy::Ref => Value::Object(ty),
        _ => Value::of(ty),
    }
}

impl Verifier<'_> {
    pub fn load_indirect(&mut self, m: MemTy) -> Check<()> {
        let (ty, _) = self.pop_pointer()?;
        if !accesses(m, ty) {
            return self.no(Rule::ManagedPointer, format!("from {}&", ty.full_name()));
        }
        self.push(loaded(m, ty));
        Ok(())
    }

    pub fn store_indirect(&mut self, m: MemTy) -> Check<()> {
        let value = self.pop()?;
        let (ty, _) = self.pop_writable()?;
        if !accesses(m, ty) {
            return self.no(Rule::ManagedPointer, format!("to {}&", ty.full_name()));
        }
        if !super::relations::assignable(self.cx, value, ty) {
            let text = format!("{value} is not assignable to {}", ty.full_name());
            return self.no(Rule::Assign, text);
        }
        Ok(())
    }

    pub fn binary(&mut self, op: BinOp) -> Check<()> {
        use Value::{ByRef, Float, I32, I64, Native};
        let (b, a) = (self.pop()?, self.pop()?);
        let is_shift = matches!(op, BinOp::Shl | BinOp::Shr | BinOp::ShrUn);
        let floats = matches!(
            op,
            BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::Div | BinOp::Rem
        );
        let result = match (a, b) {
            (I32 | I64 | Native, I32 | Native) if is_shift => a,
            (I32, I32) | (I64, I64) if !is_shift => a,
            (I32 | Native, I32 | Native) if !is_shift => Native,
            (Float, Float) if floats => Float,
            (ByRef(..), I32 | Native | ByRef(..)) | (I32 | Native, ByRef(..)) => {
                return self.no(Rule::PointerArithmetic, format!("{a} and {b}"));
            }
            _ => return self.no(Rule::Operand, format!("{a} and {b} do not go together")),
        };
        self.push(result);
        Ok(())
    }

    pub fn unary(&mut self, not: bool) -> Check<()> {
        match self.pop()? {
            number @ (Value::I32 | Value::I64 | Value::Native) => self.push(number),
            Value::Float if !not => self.push(Value::Float),
            other => return self.no(Rule::Operand, format!("{other} is no number for it")),
        }
        Ok(())
    }

    pub fn convert(&mut self, to: ConvTo, _mode: ConvMode) -> Check<()> {
        match self.pop()? {
            Value::I32 | Value::I64 | Value::Native | Value::Float => {}
            pointer
                if pointer.is_reference()
                    || matches!(pointer, Value::ByRef(..) | Value::Function(..)) =>
            {
                return self.no(
                    Rule::PointerArithmetic,
                    format!("{pointer} becomes a number"),
                );
            }
            other => return self.no(Rule::Operand, format!("{other} is no number")),
        }
        self.push(match to {
            ConvTo::I8 | ConvTo::U8 => Value::I64,
            ConvTo::I | ConvTo::U => Value::Native,
            ConvTo::R4 | ConvTo::R8 | ConvTo::RUn => Value::Float,
            _ => Value::I32,
        });
        Ok(())
    }

    /// Takes a length or an index.
    pub fn pop_index(&mut self) -> Check<()> {
        match self.pop()? {
            Value::I32 | Value::Native => Ok(()),
            other => {
                let wanted = types().known.int32().full_name();
                self.no(Rule::Operand, format!("{other} is no {wanted}"))
            }
        }
    }
}
