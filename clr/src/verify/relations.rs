//! What is assignable to what, where type parameters stand for anything that satisfies their constraints (ECMA-335 I.8.7, III.1.8.1.2.3).

use super::context::Context;
use super::value::Value;
use crate::metadata::sig::Prim;
use crate::metadata::{GenericParamAttributes as Flags, Row, TypeAttributes, Variance};
use crate::types::ty::Kind;
use crate::types::{Type, TypeKey, types};

/// How deep constraints are followed: they may name each other.
const MAX_DEPTH: u32 = 16;

/// The integer type that stands for all of its size in memory.
fn reduced(ty: &'static Type) -> Option<Prim> {
    Some(match ty.underlying().prim? {
        Prim::Boolean | Prim::U1 => Prim::I1,
        Prim::Char | Prim::U2 => Prim::I2,
        Prim::U4 => Prim::I4,
        Prim::U8 => Prim::I8,
        Prim::U => Prim::I,
        Prim::String | Prim::Object | Prim::Void | Prim::TypedByRef => return None,
        other => other,
    })
}

/// Whether locations of two types hold the same values: the same type, or integers of one size.
pub(super) fn same_location(a: &'static Type, b: &'static Type) -> bool {
    a == b || reduced(a).is_some_and(|p| reduced(b) == Some(p))
}

/// Whether a type cannot leave the stack: managed pointers, typed references, structs marked so.
pub(super) fn is_by_ref_like(ty: &'static Type) -> bool {
    let known = &types().known;
    if matches!(ty.key, TypeKey::ByRef(_))
        || ty == known.typed_reference()
        || ty == known.argument_handle()
        || ty.is_corlib("System", "ArgIterator")
    {
        return true;
    }
    is_marked_by_ref_like(ty)
}

/// Whether a type is a struct that is marked so.
pub(crate) fn is_marked_by_ref_like(ty: &'static Type) -> bool {
    ty.kind == Kind::Value
        && ty.assembly.is_some_and(|a| {
            let token = crate::metadata::Token::new(crate::metadata::TableId::TypeDef, ty.rid);
            let namespace = "System.Runtime.CompilerServices";
            a.has_attribute(token, namespace, "IsByRefLikeAttribute")
        })
}

/// Whether values of a type are certainly references.
fn is_reference(cx: &Context, ty: &'static Type, depth: u32) -> bool {
    if ty.kind != Kind::Param {
        return ty.is_reference();
    }
    let Some((flags, bounds)) = cx.parameter(ty).filter(|_| depth < MAX_DEPTH) else {
        return false;
    };
    flags.contains(Flags::REFERENCE_TYPE_CONSTRAINT)
        || bounds.iter().any(|b| match b.kind {
            Kind::Class => {
                let known = &types().known;
                ![known.object(), known.value_type(), known.enum_()].contains(b)
            }
            Kind::Param => is_reference(cx, b, depth + 1),
            _ => false,
        })
}

/// Whether references of one type may be used as another.
pub(super) fn converts(cx: &Context, from: &'static Type, to: &'static Type) -> bool {
    converts_at(cx, from, to, 0)
}

fn converts_at(cx: &Context, from: &'static Type, to: &'static Type, depth: u32) -> bool {
    if from == to {
        return true;
    }
    if depth > MAX_DEPTH {
        return false;
    }
    if from.kind == Kind::Param {
        return boxed_at(cx, from, to, depth) && is_reference(cx, from, 0);
    }
    if to == types().known.object() {
        return from.is_reference();
    }
    if !from.is_reference() || !to.is_reference() {
        return false;
    }
    match (&from.key, &to.key) {
        (TypeKey::SzArray(a), TypeKey::SzArray(b)) => {
            return elements_convert(cx, types().ty(*a), types().ty(*b), depth);
        }
        (TypeKey::MdArray(a, r), TypeKey::MdArray(b, s)) => {
            return r == s && elements_convert(cx, types().ty(*a), types().ty(*b), depth);
        }
        _ => {}
    }
    if to.is_interface() {
        if from.is_interface() && variant(cx, from, to, depth) {
            return true;
        }
        if let (TypeKey::SzArray(e), TypeKey::Inst(..), [wanted]) =
            (&from.key, &to.key, &to.args[..])
            && array_interfaces().contains(&to.definition())
        {
            return elements_convert(cx, types().ty(*e), wanted, depth);
        }
        let all = from.interfaces().unwrap_or(&[]);
        return all.iter().any(|i| *i == to || variant(cx, i, to, depth));
    }
    let mut classes = std::iter::once(from).chain(from.ancestors());
    classes.any(|c| c == to || variant(cx, c, to, depth))
}

/// The generic interfaces of one-dimensional arrays.
fn array_interfaces() -> [&'static Type; 5] {
    let known = &types().known;
    [
        known.ilist_1(),
        known.icollection_1(),
        known.ienumerable_1(),
        known.ireadonly_list_1(),
        known.ireadonly_collection_1(),
    ]
}

/// Whether elements of an array may be seen as another type.
pub(super) fn elements_agree(cx: &Context, a: &'static Type, b: &'static Type) -> bool {
    elements_convert(cx, a, b, 0)
}

fn elements_convert(cx: &Context, a: &'static Type, b: &'static Type, depth: u32) -> bool {
    same_location(a, b)
        || is_reference(cx, a, 0) && is_reference(cx, b, 0) && converts_at(cx, a, b, depth + 1)
}

/// Whether two instantiations of one variant interface or delegate convert.
fn variant(cx: &Context, from: &'static Type, to: &'static Type, depth: u32) -> bool {
    let (TypeKey::Inst(a, _), TypeKey::Inst(b, _), Some(assembly)) =
        (&from.key, &to.key, to.assembly)
    else {
        return false;
    };
    let Ok(row) = assembly.image.type_def(to.rid) else {
        return false;
    };
    if a != b {
        return false;
    }
    assembly.image.generic_params(row.token()).all(|p| {
        let n = usize::from(p.number());
        let (Some(&x), Some(&y)) = (from.args.get(n), to.args.get(n)) else {
            return false;
        };
        let references = || is_reference(cx, x, 0) && is_reference(cx, y, 0);
        x == y
            || match p.flags().variance() {
                Variance::Covariant => references() && converts_at(cx, x, y, depth + 1),
                Variance::Contravariant => references() && converts_at(cx, y, x, depth + 1),
                Variance::None => false,
            }
    })
}

/// Whether a box of a value type or type parameter may be used as a reference type.
pub(super) fn boxed_converts(cx: &Context, ty: &'static Type, to: &'static Type) -> bool {
    boxed_at(cx, ty, to, 0)
}

fn boxed_at(cx: &Context, ty: &'static Type, to: &'static Type, depth: u32) -> bool {
    let known = &types().known;
    if to == known.object() {
        return true;
    }
    if depth > MAX_DEPTH {
        return false;
    }
    if ty.kind == Kind::Param {
        let Some((flags, bounds)) = cx.parameter(ty) else {
            return false;
        };
        let is_value = flags.contains(Flags::NOT_NULLABLE_VALUE_TYPE_CONSTRAINT);
        return is_value && to == known.value_type()
            || bounds.iter().any(|&b| {
                b == to
                    || match b.kind {
                        Kind::Param => boxed_at(cx, b, to, depth + 1),
                        _ => converts_at(cx, b, to, depth + 1),
                    }
            });
    }
    if !ty.is_value() {
        return converts_at(cx, ty, to, depth + 1);
    }
    ty.ancestors().any(|t| t == to)
        || ty
            .interfaces()
            .is_ok_and(|all| all.iter().any(|i| *i == to || variant(cx, i, to, depth)))
}

/// Whether a value on the stack may go to a location of a type. Roles and what pointers may do are not looked at.
pub(super) fn assignable(cx: &Context, value: Value, to: &'static Type) -> bool {
    match (value, Value::of(to)) {
        (Value::Function(..), Value::Native) => true,
        (Value::I32, Value::Native) => true,
        (Value::Null, Value::Object(_)) => true,
        (Value::Object(s), Value::Object(t)) => converts(cx, s, t),
        (Value::Boxed(s), Value::Object(t)) => boxed_converts(cx, s, t),
        (Value::OneOf(_), Value::Object(_)) => {
            cx.members(value).iter().all(|&v| assignable(cx, v, to))
        }
        (Value::ByRef(s, _), Value::ByRef(t, _)) => same_location(s, t),
        (a, b) => a == b,
    }
}

/// What a type argument is not that its parameter's flags ask for.
pub(super) fn missing_kind(cx: &Context, arg: &'static Type, flags: Flags) -> Option<&'static str> {
    let own = (arg.kind == Kind::Param)
        .then(|| cx.parameter(arg))
        .flatten();
    let has = |flag| own.as_ref().is_some_and(|o| o.0.contains(flag));
    if flags.contains(Flags::REFERENCE_TYPE_CONSTRAINT) && !is_reference(cx, arg, 0) {
        return Some("it is not known to be a reference type");
    }
    let is_value = arg.is_value() && arg.nullable_of().is_none()
        || has(Flags::NOT_NULLABLE_VALUE_TYPE_CONSTRAINT);
    if flags.contains(Flags::NOT_NULLABLE_VALUE_TYPE_CONSTRAINT) && !is_value {
        return Some("it is not known to be a value type");
    }
    let constructible = is_value
        || arg.is_value()
        || has(Flags::DEFAULT_CONSTRUCTOR_CONSTRAINT)
        || arg.kind == Kind::Class
            && !arg.flags.contains(TypeAttributes::ABSTRACT)
            && arg.method(".ctor", 0).is_some_and(|m| {
                m.flags.access() == crate::metadata::MemberAccess::Public && !m.is_static()
            });
    if flags.contains(Flags::DEFAULT_CONSTRUCTOR_CONSTRAINT) && !constructible {
        return Some("it is not known to have a public constructor without parameters");
    }
    None
}

/// Whether a type argument satisfies a constraint.
pub(super) fn satisfies(cx: &Context, arg: &'static Type, wanted: &'static Type) -> bool {
    if arg == wanted {
        return true;
    }
    match arg.kind {
        Kind::Value | Kind::Enum | Kind::Param => boxed_converts(cx, arg, wanted),
        _ => converts(cx, arg, wanted),
    }
}
