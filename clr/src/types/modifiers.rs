//! Custom modifiers (`modopt`, `modreq`) in signatures of methods. Types are interned without them, but methods may differ in nothing else: C++
//! tells `int` from `long` so.
//!
//! Modifiers of a type argument come along where the type parameter stands: with `class B : A<int32 modopt(X)>`, the method `M(!0 modopt(Y))`
//! of `A` is `M(int32 modopt(X) modopt(Y))` to `B`.

use super::member::Method;
use super::system::Assembly;
use super::ty::{Type, TypeKey};
use crate::metadata::TableId;
use crate::metadata::sig::{MethodSig, SigType};
use isthmus_runtime_abi::ids::TypeId;

/// A part of a signature's modifiers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The next parameter, or the result, begins.
    Part,
    /// A modifier, and whether it is required; without its type if that cannot be loaded.
    Modifier(bool, Option<TypeId>),
}

/// The modifiers in a signature of an assembly. `args` has those of the arguments of the type that the signature is of.
pub fn of_sig(a: &Assembly, sig: &MethodSig, args: &[Vec<Mark>]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for part in sig.params.iter().chain([&sig.ret]) {
        marks.push(Mark::Part);
        of_type(a, part, args, &mut marks);
    }
    marks
}

fn of_type(a: &Assembly, ty: &SigType, args: &[Vec<Mark>], marks: &mut Vec<Mark>) {
    match ty {
        SigType::Prim(_) | SigType::Class(_) | SigType::ValueType(_) | SigType::MVar(_) => {}
        SigType::Var(n) => marks.extend(args.get(*n as usize).into_iter().flatten()),
        SigType::Ptr(t) | SigType::ByRef(t) | SigType::SzArray(t) => of_type(a, t, args, marks),
        SigType::Array(array) => of_type(a, &array.element, args, marks),
        SigType::GenericInst(inst) => inst.args.iter().for_each(|t| of_type(a, t, args, marks)),
        SigType::FnPtr(m) => {
            for part in m.params.iter().chain([&m.ret]) {
                of_type(a, part, args, marks);
            }
        }
        SigType::Modified(m) => {
            let modifier = a.resolve_type(m.modifier, super::generics::Scope::EMPTY);
            marks.push(Mark::Modifier(m.required, modifier.ok().map(|t| t.id)));
            of_type(a, &m.ty, args, marks);
        }
    }
}

/// The modifiers of a method's signature, in terms of the type that declares it.
pub fn of_method(m: &Method, args: &[Vec<Mark>]) -> Vec<Mark> {
    let (Some(rid), Some(a)) = (m.rid(), m.assembly()) else {
        return Vec::new();
    };
    let sig = a.image.method_def(rid).and_then(|row| row.sig());
    sig.map_or_else(|_| Vec::new(), |sig| of_sig(a, &sig, args))
}

/// Whether a method may have modifiers: they have no other bytes than these, but what else does may have them, too.
fn may_have_any(m: &Method) -> bool {
    const MODIFIERS: [u8; 2] = [0x1f, 0x20];
    let (Some(rid), Some(a)) = (m.rid(), m.assembly()) else {
        return false;
    };
    let bytes = a.image.method_def(rid).and_then(|row| row.signature());
    bytes.is_ok_and(|bytes| bytes.iter().any(|b| MODIFIERS.contains(b)))
}

/// Whether two methods whose signatures are of the same types have the same modifiers, as seen from the class of the first one: the second
/// one is of that class or of one that it extends.
pub fn same(m: &'static Method, inherited: &'static Method) -> bool {
    if !may_have_any(m) && !may_have_any(inherited) {
        return true;
    }
    let args = args_seen_from(m.owner, inherited.owner);
    of_method(m, &[]) == of_method(inherited, &args)
}

/// The modifiers of the arguments that a class gives to one that it extends, however far up.
fn args_seen_from(class: &'static Type, ancestor: &'static Type) -> Vec<Vec<Mark>> {
    let (mut class, mut args) = (class, Vec::new());
    while class != ancestor {
        let Some(up) = class.parent().ok().flatten() else {
            return Vec::new();
        };
        args = args_of_parent(class, &args);
        class = up;
    }
    args
}

fn args_of_parent(class: &'static Type, own: &[Vec<Mark>]) -> Vec<Vec<Mark>> {
    let (Some(a), TypeKey::Def(_, rid)) = (class.assembly, &class.definition().key) else {
        return Vec::new();
    };
    let extends = a.image.type_def(*rid).and_then(|row| row.extends());
    let Some(token) = extends
        .ok()
        .filter(|t| t.table() == Some(TableId::TypeSpec))
    else {
        return Vec::new();
    };
    match a.image.type_spec(token.rid()).and_then(|row| row.sig()) {
        Ok(SigType::GenericInst(inst)) => inst
            .args
            .iter()
            .map(|arg| {
                let mut marks = Vec::new();
                of_type(a, arg, own, &mut marks);
                marks
            })
            .collect(),
        _ => Vec::new(),
    }
}
