//! Assignability (ECMA-335 I.8.7), with variance and array covariance.

use super::system::types;
use super::ty::{Kind, Type, TypeKey};
use crate::metadata::{Row, Variance};
use isthmus_runtime_abi::types::MemTy;

impl Type {
    /// Whether a (boxed) value of this exact type may be used where `target` is expected: `isinst` on the class of an object.
    pub fn is_assignable_to(&'static self, target: &'static Type) -> bool {
        if self == target {
            return true;
        }
        let known = &types().known;
        if target == known.object() {
            return self.kind != Kind::Pointer || self.is_reference();
        }
        if let Some(inner) = target.nullable_of() {
            return self == inner;
        }
        match (&self.key, &target.key) {
            (TypeKey::SzArray(a), TypeKey::SzArray(b)) => return elements_agree(*a, *b),
            (TypeKey::MdArray(a, r), TypeKey::MdArray(b, s)) => {
                return r == s && elements_agree(*a, *b);
            }
            _ => {}
        }
        if target.is_interface() {
            if self.is_interface() && variant_match(self, target) {
                return true;
            }
            if let (TypeKey::SzArray(e), TypeKey::Inst(def, args)) = (&self.key, &target.key) {
                // An array implements IList<T> and its bases for every T its elements may be used as.
                let generic = [
                    known.ilist_1(),
                    known.icollection_1(),
                    known.ienumerable_1(),
                    known.ireadonly_list_1(),
                    known.ireadonly_collection_1(),
                ];
                if args.len() == 1 && generic.iter().any(|g| g.id == *def) {
                    return elements_agree(*e, args[0]);
                }
            }
            return self.interfaces().is_ok_and(|list| {
                list.iter()
                    .any(|i| *i == target || variant_match(i, target))
            });
        }
        if variant_match(self, target) {
            return true;
        }
        self.ancestors()
            .any(|t| t == target || variant_match(t, target))
    }

    /// Whether assignments of references of static type `self` to `target` need no check (a conservative answer: interfaces
    /// and shared parameters count as their constraint `object`).
    pub fn always_assignable_to(&'static self, target: &'static Type) -> bool {
        if self.is_shared && !matches!(self.key, TypeKey::Inst(..)) && self != target {
            return target == types().known.object();
        }
        self.is_assignable_to(target)
    }
}

/// Whether elements of type `a` may be seen as `b` in arrays: references by assignability, values when they are the same
/// integer apart from sign.
fn elements_agree(
    a: isthmus_runtime_abi::ids::TypeId,
    b: isthmus_runtime_abi::ids::TypeId,
) -> bool {
    let (a, b) = (types().ty(a), types().ty(b));
    if a == b {
        return true;
    }
    if a.is_value() || b.is_value() || a.kind == Kind::Pointer || b.kind == Kind::Pointer {
        return a.is_value()
            && b.is_value()
            && integer_shape(a).is_some()
            && integer_shape(a) == integer_shape(b);
    }
    a.is_assignable_to(b)
}

/// Size class of an integer or an enum; `char` and `bool` stand alone.
fn integer_shape(t: &'static Type) -> Option<u32> {
    use crate::metadata::sig::Prim;
    let t = t.underlying();
    match t.prim? {
        Prim::Boolean | Prim::Char | Prim::R4 | Prim::R8 => None,
        _ => match t.mem_ty() {
            MemTy::Struct(_) | MemTy::Ref | MemTy::ByRef => None,
            m => m.scalar_size(8),
        },
    }
}

/// Whether two instantiations of one variant interface or delegate convert.
pub fn variant_match(from: &'static Type, to: &'static Type) -> bool {
    let (TypeKey::Inst(d1, _), TypeKey::Inst(d2, _)) = (&from.key, &to.key) else {
        return false;
    };
    if d1 != d2 {
        return false;
    }
    let Some(a) = to.assembly else { return false };
    let Ok(row) = a.image.type_def(to.rid) else {
        return false;
    };
    let mut any = false;
    let mut params: Vec<(u16, Variance)> = a
        .image
        .generic_params(row.token())
        .map(|p| (p.number(), p.flags().variance()))
        .collect();
    params.sort_by_key(|p| p.0);
    let ok =
        params
            .iter()
            .zip(from.args.iter().zip(to.args.iter()))
            .all(|((_, variance), (x, y))| {
                if x == y {
                    return true;
                }
                any = true;
                if !(x.is_reference() && y.is_reference()) {
                    return false;
                }
                match variance {
                    Variance::Covariant => x.is_assignable_to(y),
                    Variance::Contravariant => y.is_assignable_to(x),
                    _ => false,
                }
            });
    ok && any
}

/// Whether other instantiations than this one of an interface may stand for it: it is generic with a variant parameter, and
/// the argument there is a reference type (variance knows no other).
pub fn varies(interface: &'static Type) -> bool {
    let TypeKey::Inst(..) = interface.key else {
        return false;
    };
    let row = |a: &crate::types::system::Assembly| {
        a.image.type_def(interface.rid).ok().map(|r| r.token())
    };
    let (Some(a), Some(token)) = (interface.assembly, interface.assembly.and_then(row)) else {
        return true;
    };
    a.image.generic_params(token).any(|p| {
        let arg = interface.args.get(usize::from(p.number()));
        p.flags().variance() != Variance::None && arg.is_none_or(|t| t.is_reference())
    })
}
