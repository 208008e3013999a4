//! Types of values on the stack, and how those of two paths join (ECMA-335 III.1.8.1.2, III.1.8.1.3).

use super::context::Context;
use super::relations;
use super::rules::Rule;
use super::{Check, fault};
use crate::metadata::sig::Prim;
use crate::types::ty::Kind;
use crate::types::{Method, Type, TypeKey, types};
use std::fmt;

/// What is known of a managed pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Pointer {
    /// Nothing may be written through it (*controlled mutability*).
    pub read_only: bool,
    /// It may point to a local variable or an argument of this method.
    pub local: bool,
}

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    I32,
    I64,
    /// Native integers and unmanaged pointers.
    Native,
    /// Either size.
    Float,
    Null,
    /// A reference to an object of a class, interface or array.
    Object(&'static Type),
    /// A reference to a boxed value of a type or type parameter.
    Boxed(&'static Type),
    /// A reference to an object of one of several unrelated types: a number of [`Context::one_of`].
    OneOf(u32),
    /// A struct, or a value of a type parameter.
    Struct(&'static Type),
    ByRef(&'static Type, Pointer),
    /// Pointer to a function; of `ldvirtftn`: of the object's own class.
    Function(&'static Method, bool),
}

/// What a reference is to the method that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Any,
    /// The object that the method was called on.
    This,
    /// The same in a constructor that has not called another yet.
    Raw,
}

/// An entry of the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    pub value: Value,
    pub role: Role,
}

impl From<Value> for Slot {
    fn from(value: Value) -> Slot {
        Slot {
            value,
            role: Role::Any,
        }
    }
}

impl Value {
    /// What the stack holds of a location of some type. `void` has no values.
    pub fn of(ty: &'static Type) -> Value {
        match ty.underlying().prim {
            Some(Prim::Boolean | Prim::Char | Prim::I1 | Prim::U1) => return Value::I32,
            Some(Prim::I2 | Prim::U2 | Prim::I4 | Prim::U4) => return Value::I32,
            Some(Prim::I8 | Prim::U8) => return Value::I64,
            Some(Prim::R4 | Prim::R8) => return Value::Float,
            Some(Prim::I | Prim::U) => return Value::Native,
            _ => {}
        }
        match (&ty.key, ty.kind) {
            (TypeKey::ByRef(to), _) => Value::ByRef(types().ty(*to), Pointer::default()),
            (_, Kind::Pointer) => Value::Native,
            (_, Kind::Value | Kind::Enum | Kind::Param) => Value::Struct(ty),
            (_, Kind::Class | Kind::Interface | Kind::Array) => Value::Object(ty),
        }
    }

    /// What a box holds of a value type or type parameter.
    pub fn boxed(ty: &'static Type) -> Value {
        match ty.kind {
            Kind::Value | Kind::Enum | Kind::Param => Value::Boxed(ty.nullable_of().unwrap_or(ty)),
            _ => Value::Object(ty),
        }
    }

    /// Whether it is an object reference.
    pub fn is_reference(self) -> bool {
        matches!(
            self,
            Value::Null | Value::Object(_) | Value::Boxed(_) | Value::OneOf(_)
        )
    }

    /// The class of an object reference.
    pub fn class(self) -> Option<&'static Type> {
        match self {
            Value::Object(t) | Value::Boxed(t) => Some(t),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::I32 => f.write_str("int32"),
            Value::I64 => f.write_str("int64"),
            Value::Native => f.write_str("native int"),
            Value::Float => f.write_str("a float"),
            Value::Null => f.write_str("null"),
            Value::Object(t) | Value::Struct(t) => f.write_str(&t.full_name()),
            Value::Boxed(t) => write!(f, "boxed {}", t.full_name()),
            Value::OneOf(_) => f.write_str("an object of several classes"),
            Value::ByRef(t, p) => {
                let kind = if p.read_only { "read-only " } else { "" };
                write!(f, "{kind}{}&", t.full_name())
            }
            Value::Function(m, _) => write!(f, "pointer to {}", m.full_name()),
        }
    }
}

/// What is known before an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct State {
    pub stack: Vec<Slot>,
    /// In constructors of classes: another constructor was called.
    pub this_ready: bool,
}

impl State {
    /// Takes in what another path brings; gives whether anything changed.
    pub fn join(&mut self, cx: &Context, other: &State, il: u32) -> Check<bool> {
        if self.stack.len() != other.stack.len() {
            let (a, b) = (self.stack.len(), other.stack.len());
            return fault(il, Rule::Depth, format!("{b} values on the stack meet {a}"));
        }
        let mut changed = self.this_ready && !other.this_ready;
        self.this_ready &= other.this_ready;
        for (mine, theirs) in self.stack.iter_mut().zip(&other.stack) {
            let Some(joined) = join_slots(cx, *mine, *theirs) else {
                let text = format!("{} meets {}", theirs.value, mine.value);
                return fault(il, Rule::Merge, text);
            };
            changed |= joined != *mine;
            *mine = joined;
        }
        Ok(changed)
    }
}

fn join_slots(cx: &Context, a: Slot, b: Slot) -> Option<Slot> {
    if a == b {
        return Some(a);
    }
    if (a.role == Role::Raw) != (b.role == Role::Raw) {
        return None;
    }
    let role = if a.role == b.role { a.role } else { Role::Any };
    Some(Slot {
        value: join_values(cx, a.value, b.value)?,
        role,
    })
}

/// The least type that both values have.
fn join_values(cx: &Context, a: Value, b: Value) -> Option<Value> {
    use Value::*;
    Some(match (a, b) {
        _ if a == b => a,
        (Null, r) | (r, Null) if r.is_reference() => r,
        _ if a.is_reference() && b.is_reference() => join_references(cx, a, b),
        (I32, Native) | (Native, I32) => Native,
        (Function(..), Function(..) | Native) | (Native, Function(..)) => Native,
        (ByRef(s, p), ByRef(t, q)) if relations::same_location(s, t) => ByRef(
            s,
            Pointer {
                read_only: p.read_only || q.read_only,
                local: p.local || q.local,
            },
        ),
        _ => return None,
    })
}

/// How many unrelated types are told apart; more are objects of no known class.
const MOST_TYPES: usize = 12;

/// References that meet: each of the types on either side, those left out that convert to another.
fn join_references(cx: &Context, a: Value, b: Value) -> Value {
    let converts = |from: Value, to: Value| match to {
        Value::Object(t) => relations::assignable(cx, from, t),
        _ => from == to,
    };
    let mut all = cx.members(a);
    for new in cx.members(b) {
        if all.iter().any(|&known| converts(new, known)) {
            continue;
        }
        all.retain(|&known| !converts(known, new));
        all.push(new);
    }
    match all[..] {
        [one] => one,
        _ if all.len() > MOST_TYPES => Value::Object(types().known.object()),
        _ => cx.one_of(all),
    }
}
