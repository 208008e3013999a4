//! `System.ValueType`, `System.Enum`, `System.Delegate`.

use super::constant;
use super::handle::{self, type_of_object};
use crate::metadata::{TableId, Token};
use crate::types::layout::Place;
use crate::types::{Field, MethodKind, Type, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offsets;
use crate::vm::{Cx, casts, delegates, entry, heap, reflect, run};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::HEADER;
use isthmus_runtime_abi::types::MemTy;

icalls! {
    "System.ValueType" {
        "InternalEquals" => equals [a: Ref, b: Ref, fields: usize] -> bool;
        "InternalGetHashCode" => hash_code [object: Ref, fields: usize] -> i32;
    }
    "System.Enum" {
        "InternalGetUnderlyingType" => underlying_type [ty: Ref] -> Ref;
        "InternalBoxEnum" => box_enum [ty: Ref, value: i64] -> Ref;
        "get_value" => enum_value [this: Ref] -> Ref;
        "get_hashcode" => enum_hash [this: Ref] -> i32;
        "InternalCompareTo" => enum_compare [a: Ref, b: Ref] -> i32;
        "InternalHasFlag" => has_flag [this: Ref, flags: Ref] -> bool;
        "GetEnumValuesAndNames" => values_and_names [ty: Ref, values: usize, names: usize] -> bool;
    }
    "System.Delegate" {
        "CreateDelegate_internal" => create_delegate [ty: Ref, target: Ref, method: Ref, throws: bool] -> Ref;
        "AllocDelegateLike_internal" => delegate_like [delegate: Ref] -> Ref;
        "GetVirtualMethod_internal" => virtual_method [this: Ref] -> Ref;
    }
}

/// The instance fields of a value type with the places of their data from the start of the value.
fn instance_fields(ty: &'static Type) -> impl Iterator<Item = (&'static Field, usize)> {
    ty.fields()
        .unwrap_or_default()
        .iter()
        .filter_map(|f| match f.place() {
            Ok(Place::Instance(offset)) if !f.is_static() => Some((*f, offset as usize)),
            _ => None,
        })
}

/// A new `object[]` stored through a managed pointer, for what the library itself compares or hashes.
fn store_list(cx: &Cx<'_>, to: usize, count: usize) -> Result<Ref> {
    let list = cx.alloc_array(types().known.object(), count)?;
    cx.store_by_ref(to, list);
    Ok(list)
}

/// Compares two boxed values of one type field by field. Numbers are compared here; pairs of references and structs go to
/// `fields`, for the library to call `Equals`.
fn equals(cx: &Cx<'_>, a: Ref, b: Ref, fields: usize) -> Result<bool> {
    cx.store_by_ref(fields, Ref::NULL);
    if a.is_null() || b.is_null() {
        return Err(cx.null_reference());
    }
    let ty = cx.type_of(a);
    if ty != cx.type_of(b) {
        return Ok(false);
    }
    let (x, y) = (a.addr() + HEADER as usize, b.addr() + HEADER as usize);
    let mut rest: Vec<(&'static Type, usize)> = Vec::new();
    // A primitive is its own only field.
    if ty.underlying().prim.is_some() {
        return Ok(same(ty.mem_ty(), x, y));
    }
    for (f, at) in instance_fields(ty) {
        let field = f.ty().map_err(|e| cx.load_error(&e))?;
        match field.mem_ty() {
            MemTy::Ref | MemTy::Struct(_) => rest.push((field, at)),
            scalar if !same(scalar, x + at, y + at) => return Ok(false),
            _ => {}
        }
    }
    if rest.is_empty() {
        return Ok(true);
    }
    let list = store_list(cx, fields, rest.len() * 2)?;
    for (i, (field, at)) in rest.into_iter().enumerate() {
        cx.set_element(list, 2 * i, casts::box_value(cx, field, x + at)?);
        cx.set_element(list, 2 * i + 1, casts::box_value(cx, field, y + at)?);
    }
    Ok(true)
}

/// Whether two numbers are equal; not-a-number equals itself, as `Equals` has it.
fn same(ty: MemTy, x: usize, y: usize) -> bool {
    let (a, b) = (heap::load_scalar(x, ty), heap::load_scalar(y, ty));
    match ty {
        MemTy::F32 => {
            let (a, b) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
            a == b || (a.is_nan() && b.is_nan())
        }
        MemTy::F64 => {
            let (a, b) = (f64::from_bits(a), f64::from_bits(b));
            a == b || (a.is_nan() && b.is_nan())
        }
        _ => a == b,
    }
}

/// The hash of the type and its numbers; other fields go to `fields`, for the library to add theirs.
fn hash_code(cx: &Cx<'_>, object: Ref, fields: usize) -> Result<i32> {
    cx.store_by_ref(fields, Ref::NULL);
    if object.is_null() {
        return Err(cx.null_reference());
    }
    let ty = cx.type_of(object);
    let base = object.addr() + HEADER as usize;
    let mut hash = ty
        .full_name()
        .bytes()
        .fold(5381u32, |h, b| h.wrapping_mul(33) ^ u32::from(b));
    let mut rest: Vec<(&'static Type, usize)> = Vec::new();
    let mut add = |ty: MemTy, at: usize| {
        let v = match (ty, heap::load_scalar(at, ty)) {
            // Zeros of both signs are equal, so are all not-a-numbers.
            (MemTy::F64, v) if f64::from_bits(v) == 0.0 => 0,
            (MemTy::F64, v) if f64::from_bits(v).is_nan() => f64::NAN.to_bits(),
            (MemTy::F32, v) if f32::from_bits(v as u32) == 0.0 => 0,
            (MemTy::F32, v) if f32::from_bits(v as u32).is_nan() => u64::from(f32::NAN.to_bits()),
            (_, v) => v,
        };
        hash = hash.rotate_left(5) ^ (v as u32) ^ (v >> 32) as u32;
    };
    if ty.underlying().prim.is_some() {
        add(ty.mem_ty(), base);
    } else {
        for (f, at) in instance_fields(ty) {
            let field = f.ty().map_err(|e| cx.load_error(&e))?;
            match field.mem_ty() {
                MemTy::Ref | MemTy::Struct(_) => rest.push((field, base + at)),
                scalar => add(scalar, base + at),
            }
        }
    }
    if !rest.is_empty() {
        let list = store_list(cx, fields, rest.len())?;
        for (i, (field, at)) in rest.into_iter().enumerate() {
            cx.set_element(list, i, casts::box_value(cx, field, at)?);
        }
    }
    Ok(hash as i32)
}

// ---- enums

/// The type of an enum's `RuntimeType`, checked.
fn enum_type(cx: &Cx<'_>, object: Ref) -> Result<&'static Type> {
    let ty = type_of_object(cx, object)?;
    if ty.kind != crate::types::Kind::Enum {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "Type provided must be an Enum.",
        ));
    }
    Ok(ty)
}

fn underlying_type(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    reflect::type_object(cx, enum_type(cx, ty)?.underlying())
}

fn box_enum(cx: &Cx<'_>, ty: Ref, value: i64) -> Result<Ref> {
    cx.box_value(enum_type(cx, ty)?, (&raw const value) as usize)
}

/// The value as the underlying integer type.
fn enum_value(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    if this.is_null() {
        return Ok(Ref::NULL);
    }
    cx.box_value(cx.type_of(this).underlying(), this.addr() + HEADER as usize)
}

/// The bits of a boxed enum, extended by its signedness, and whether it is signed.
fn enum_bits(cx: &Cx<'_>, object: Ref) -> (u64, bool) {
    use crate::metadata::sig::Prim;
    let ty = cx.type_of(object).underlying();
    let signed = matches!(
        ty.prim,
        Some(Prim::I1 | Prim::I2 | Prim::I4 | Prim::I8 | Prim::I)
    );
    let bits = heap::load_scalar(object.addr() + HEADER as usize, ty.mem_ty());
    match ty.prim {
        Some(Prim::I1 | Prim::I2 | Prim::I4) => (i64::from(bits as u32 as i32) as u64, signed),
        _ => (bits, signed),
    }
}

/// As `GetHashCode` of the underlying integer.
fn enum_hash(cx: &Cx<'_>, this: Ref) -> Result<i32> {
    use crate::metadata::sig::Prim;
    if this.is_null() {
        return Err(cx.null_reference());
    }
    let (bits, _) = enum_bits(cx, this);
    let v = bits as u32;
    Ok(match cx.type_of(this).underlying().prim {
        Some(Prim::I1) => (v as i8 as i32) ^ ((v as i8 as i32) << 8),
        Some(Prim::I2) => ((v as u16 as u32) | (v << 16)) as i32,
        Some(Prim::Char) => ((v & 0xffff) | (v << 16)) as i32,
        Some(Prim::I8 | Prim::U8) => (v ^ (bits >> 32) as u32) as i32,
        _ => v as i32,
    })
}

/// -1, 0, 1; 2 if the types differ; 3 if the underlying type is unknown.
fn enum_compare(cx: &Cx<'_>, a: Ref, b: Ref) -> Result<i32> {
    if b.is_null() {
        return Ok(1);
    }
    if a.is_null() || cx.type_of(a) != cx.type_of(b) {
        return Ok(2);
    }
    let ((x, signed), (y, _)) = (enum_bits(cx, a), enum_bits(cx, b));
    let order = if signed {
        (x as i64).cmp(&(y as i64))
    } else {
        x.cmp(&y)
    };
    Ok(order as i32)
}

fn has_flag(cx: &Cx<'_>, this: Ref, flags: Ref) -> Result<bool> {
    if this.is_null() || flags.is_null() {
        return Err(cx.null_reference());
    }
    let ((a, _), (b, _)) = (enum_bits(cx, this), enum_bits(cx, flags));
    Ok(a & b == b)
}

/// Values (extended to 64 bits) and names of an enum in order of definition; whether they are sorted.
fn values_and_names(cx: &Cx<'_>, ty: Ref, values: usize, names: usize) -> Result<bool> {
    let ty = enum_type(cx, ty)?;
    let Some(a) = ty.assembly else {
        return Ok(true);
    };
    let mut found: Vec<(u64, String)> = Vec::new();
    for f in ty
        .fields()
        .map_err(|e| cx.load_error(&e))?
        .iter()
        .filter(|f| f.is_static() && f.is_literal())
    {
        let row = a
            .image
            .constant_of(Token::new(TableId::Field, f.rid))
            .map_err(|e| cx.load_error(&e.into()))?;
        let value = row
            .and_then(|r| r.constant().ok())
            .and_then(|c| constant::bits(&c));
        found.push((value.unwrap_or(0), f.name.to_owned()));
    }
    let numbers = cx.alloc_array(types().known.uint64(), found.len())?;
    for (i, (value, _)) in found.iter().enumerate() {
        cx.write(
            numbers,
            isthmus_runtime_abi::layout::ARRAY_DATA + 8 * i as u32,
            *value,
        );
    }
    cx.store_by_ref(values, numbers);
    let texts: Vec<String> = found.iter().map(|f| f.1.clone()).collect();
    let texts = run::string_array(cx, &texts)?;
    cx.store_by_ref(names, texts);
    Ok(found.is_sorted_by_key(|f| f.0))
}

// ---- delegates

/// A delegate of a class for a method and a target, as `Delegate.CreateDelegate` asks once it has checked the signature.
fn create_delegate(cx: &Cx<'_>, ty: Ref, target: Ref, method: Ref, _throws: bool) -> Result<Ref> {
    let class = type_of_object(cx, ty)?;
    let mut m = reflect::method_of(cx, method)?;
    if !target.is_null() && m.is_virtual() && !m.owner.is_value() {
        m = cx.type_of(target).implementation_of(m).unwrap_or(m);
    }
    let delegate = cx.alloc(class)?;
    let closed = !m.is_static() && !delegates::is_open(cx, delegate, m);
    // Without a target the first argument of each call says which method a virtual one is.
    let called = match m.rid() {
        Some(rid) if target.is_null() && !closed && !m.is_final() && !m.owner.is_value() => types()
            .methods
            .intern(m.owner, MethodKind::Dispatch(rid), &m.args)
            .map_err(|e| cx.load_error(&e))?,
        _ => m,
    };
    delegates::init_closed(cx, delegate, target, entry::stable(called), closed)?;
    cx.write(delegate, offsets().delegate_method, handle::of(m));
    let info = crate::vm::offsets::offset_of(types().known.delegate(), "original_method_info");
    cx.write_ref(delegate, info.map_err(|e| cx.load_error(&e))?, method);
    Ok(delegate)
}

/// An unfilled delegate of the same class, for the list of a combined one.
fn delegate_like(cx: &Cx<'_>, delegate: Ref) -> Result<Ref> {
    if delegate.is_null() {
        return Err(cx.null_reference());
    }
    cx.alloc(cx.type_of(delegate))
}

/// The method that a delegate over a virtual method reaches on its target.
fn virtual_method(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let m = handle::method(cx, cx.read(this, offsets().delegate_method))?;
    let target: Ref = cx.read(this, offsets().delegate_target);
    let m = match target {
        Ref::NULL => m,
        target => {
            let m = delegates::exact(cx.type_of(target), m).map_err(|e| cx.load_error(&e))?;
            cx.type_of(target).implementation_of(m).unwrap_or(m)
        }
    };
    reflect::method_object(cx, m, m.owner)
}
