//! `MarshalAsAttribute`s as reflection shows them: made from marshalling descriptors.

use super::handle;
use super::member::parameter_row;
use crate::metadata::{Image, Marshal, Row, TableId, Token};
use crate::types::LoadError;
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.Reflection.MonoMethodInfo" {
        "get_retval_marshal" => result_marshal [method: usize] -> Ref;
    }
    "System.Reflection.FieldInfo" {
        "get_marshal_info" => field_marshal [this: Ref] -> Ref;
    }
}

/// The `MarshalAsAttribute` of a field or parameter; null for none.
pub(super) fn of_token(cx: &Cx<'_>, image: &'static Image, owner: Token) -> Result<Ref> {
    let thrown = |e: LoadError| cx.load_error(&e);
    let row = image.marshal_of(owner).map_err(|e| thrown(e.into()))?;
    let Some(row) = row else {
        return Ok(Ref::NULL);
    };
    let class = reflect::class("System.Runtime.InteropServices", "MarshalAsAttribute");
    let object = cx.alloc(class)?;
    let at = |name: &str| offset_of(class, name).map_err(thrown);
    let int = |name: &str, value: i32| at(name).map(|at| cx.write(object, at, value));
    let element = |element: Option<u8>| {
        // What is not said is 80 (`UnmanagedType.Max`) there.
        int("ArraySubType", i32::from(element.unwrap_or(80)))
    };
    let descriptor = row.descriptor().map_err(|e| thrown(e.into()))?;
    let kind = match descriptor {
        Marshal::Simple(kind) => kind,
        Marshal::FixedString { size } => {
            int("SizeConst", size as i32)?;
            0x17
        }
        Marshal::FixedArray { size, element: of } => {
            int("SizeConst", size as i32)?;
            if let Some(of) = of {
                int("ArraySubType", i32::from(of))?;
            }
            0x1e
        }
        Marshal::SafeArray { element, .. } => {
            int("SafeArraySubType", element.unwrap_or(0) as i32)?;
            0x1d
        }
        Marshal::Array {
            element: of,
            size_param,
            size,
            ..
        } => {
            element(of)?;
            int("SizeConst", size.unwrap_or(0) as i32)?;
            cx.write(
                object,
                at("SizeParamIndex")?,
                size_param.unwrap_or(0) as i16,
            );
            0x2a
        }
        Marshal::Custom(custom) => {
            for (name, text) in [
                ("MarshalType", custom.managed_type),
                ("MarshalCookie", custom.cookie),
            ] {
                let text = cx.string(text)?;
                cx.write_ref(object, at(name)?, text);
            }
            let found = super::assembly::parse_type_name(custom.managed_type, None);
            if let Ok(ty) = found {
                let ty = reflect::type_object(cx, ty)?;
                cx.write_ref(object, at("MarshalTypeRef")?, ty);
            }
            0x2c
        }
        Marshal::Interface { kind, iid_param } => {
            int("IidParameterIndex", iid_param.unwrap_or(0) as i32)?;
            kind
        }
    };
    int("utype", i32::from(kind))?;
    Ok(object)
}

fn field_marshal(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let (field, _) = reflect::field_of(cx, this)?;
    match field.owner.assembly {
        Some(a) => of_token(cx, &a.image, Token::new(TableId::Field, field.rid)),
        None => Ok(Ref::NULL),
    }
}

/// Of what a method returns.
fn result_marshal(cx: &Cx<'_>, method: usize) -> Result<Ref> {
    let m = handle::method(cx, method)?;
    match (m.assembly(), parameter_row(m, 0)) {
        (Some(a), Some(row)) => of_token(cx, &a.image, row.token()),
        _ => Ok(Ref::NULL),
    }
}
