//! Constants of metadata as objects.

use crate::metadata::{Constant, Image, Token};
use crate::types::Type;
use crate::vm::cx::Result;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

/// The bits of a numeric constant, sign-extended if it is signed.
pub(super) fn bits(c: &Constant<'_>) -> Option<u64> {
    Some(match *c {
        Constant::Bool(v) => u64::from(v),
        Constant::Char(v) => u64::from(v),
        Constant::I1(v) => v as i64 as u64,
        Constant::U1(v) => u64::from(v),
        Constant::I2(v) => v as i64 as u64,
        Constant::U2(v) => u64::from(v),
        Constant::I4(v) => v as i64 as u64,
        Constant::U4(v) => u64::from(v),
        Constant::I8(v) => v as u64,
        Constant::U8(v) => v,
        Constant::R4(v) => u64::from(v.to_bits()),
        Constant::R8(v) => v.to_bits(),
        Constant::String(_) | Constant::Null => return None,
    })
}

/// The constant of a field, parameter or property as an object of type `ty`; null if it has none.
pub(super) fn of_token(cx: &Cx<'_>, image: &Image, owner: Token, ty: &'static Type) -> Result<Ref> {
    let constant = image
        .constant_of(owner)
        .and_then(|row| row.map(|r| r.constant()).transpose());
    match constant.map_err(|e| cx.load_error(&e.into()))? {
        None | Some(Constant::Null) => Ok(Ref::NULL),
        Some(Constant::String(text)) => {
            let units: Vec<u16> = text.units().collect();
            cx.string_utf16(&units)
        }
        Some(number) => {
            let value = bits(&number).unwrap_or(0);
            let ty = ty.nullable_of().unwrap_or(ty);
            cx.box_value(ty, (&raw const value) as usize)
        }
    }
}

/// The default of a parameter without one: `DBNull.Value`, or `Missing.Value` if it is optional.
pub(super) fn no_value(cx: &Cx<'_>, optional: bool) -> Result<Ref> {
    let class = match optional {
        true => reflect::class("System.Reflection", "Missing"),
        false => reflect::class("System", "DBNull"),
    };
    match class.field("Value") {
        Some(field) => cx.static_ref(field),
        None => Ok(Ref::NULL),
    }
}
