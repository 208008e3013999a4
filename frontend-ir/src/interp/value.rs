//! Values of the interpreters.

use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::types::StackTy;

/// A value on the evaluation stack.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// Native integer: 64 bits here.
    Native(i64),
    /// 32-bit float.
    F32(f32),
    /// 64-bit float.
    F64(f64),
    /// Object: its address, 0 for null.
    Ref(u64),
    /// Managed pointer.
    ByRef(u64),
    /// A value type's bytes.
    Struct(TypeId, Box<[u8]>),
}

impl Value {
    /// Its type.
    pub fn ty(&self) -> StackTy {
        match self {
            Value::I32(_) => StackTy::I32,
            Value::I64(_) => StackTy::I64,
            Value::Native(_) => StackTy::Native,
            Value::F32(_) => StackTy::F32,
            Value::F64(_) => StackTy::F64,
            Value::Ref(_) => StackTy::Ref,
            Value::ByRef(_) => StackTy::ByRef,
            Value::Struct(t, _) => StackTy::Struct(*t),
        }
    }

    /// The value of an integer, sign-extended; the bits of pointers and references.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Value::I32(x) => Some(x as i64),
            Value::I64(x) | Value::Native(x) => Some(x),
            Value::Ref(x) | Value::ByRef(x) => Some(x as i64),
            _ => None,
        }
    }

    /// The value of a float, as float64.
    pub fn as_float(&self) -> Option<f64> {
        match *self {
            Value::F32(x) => Some(x as f64),
            Value::F64(x) => Some(x),
            _ => None,
        }
    }

    /// The address of a reference, managed or native pointer.
    pub fn as_address(&self) -> Option<u64> {
        match *self {
            Value::Native(x) => Some(x as u64),
            Value::Ref(x) | Value::ByRef(x) => Some(x),
            _ => None,
        }
    }

    /// The value as another stack type, by the implicit conversions of ECMA-335 III.1.6 (see [`crate::typing::assignable`]).
    pub fn coerce(self, to: StackTy) -> Option<Value> {
        if self.ty() == to {
            return Some(self);
        }
        Some(match (self, to) {
            (Value::I32(x), StackTy::Native) => Value::Native(x as i64),
            (Value::Native(x), StackTy::I32) => Value::I32(x as i32),
            (Value::F32(x), StackTy::F64) => Value::F64(x as f64),
            (Value::F64(x), StackTy::F32) => Value::F32(x as f32),
            (Value::ByRef(x), StackTy::Native) => Value::Native(x as i64),
            (Value::Native(x), StackTy::ByRef) => Value::ByRef(x as u64),
            _ => return None,
        })
    }
}
