//! Rules for types (ECMA-335 II.10, II.12, II.22).

use super::context::Context;
use super::relations::is_by_ref_like;
use super::rules::Rule;
use super::{Check, Fault, fault, over_itself};
use crate::body;
use crate::metadata::{
    CodeType, MemberAccess, MethodAttributes as M, MethodImplAttributes, TableId, Token,
    TypeAttributes, Variance,
};
use crate::types::layout::Place;
use crate::types::ty::Kind;
use crate::types::vtable::overrides_by_name;
use crate::types::{Method, Type, TypeKey, types};

/// The faults of a type's own metadata, each with the name of what it is about.
pub(super) fn verify(def: &'static Type) -> Vec<(String, Fault)> {
    let mut faults = Vec::new();
    let mut note = |what: String, result: Check<()>| {
        if let Err(f) = result {
            faults.push((what, f));
        }
    };
    let ty = match over_itself(def) {
        Ok(ty) => ty,
        Err(e) => return vec![(def.full_name(), e.into())],
    };
    let cx = match Context::new(ty, None) {
        Ok(cx) => cx,
        Err(f) => return vec![(def.full_name(), f)],
    };
    // Whoever asks a circular type for more than its parts would walk for ever.
    if let Err(f) = circular(ty) {
        return vec![(def.full_name(), f)];
    }
    note(def.full_name(), parents(&cx));
    note(def.full_name(), layout(ty));
    for f in ty.fields().unwrap_or(&[]) {
        note(format!("{f:?}"), field(&cx, f));
    }
    match ty.methods() {
        Ok(methods) => {
            for m in methods {
                note(m.full_name(), method(ty, m));
            }
        }
        Err(e) => note(def.full_name(), Err(e.into())),
    }
    note(def.full_name(), method_impls(ty));
    note(def.full_name(), implements(ty));
    faults
}

fn circular(ty: &'static Type) -> Check<()> {
    let mut seen = vec![ty.definition()];
    let mut class = ty.parent()?;
    while let Some(t) = class {
        let def = t.definition();
        if seen.contains(&def) {
            return fault(
                0,
                Rule::Cycle,
                format!("{} is its own ancestor", def.full_name()),
            );
        }
        seen.push(def);
        class = t.parent()?;
    }
    // Each asks for itself on the way.
    ty.interfaces()
        .map_err(|e| Fault::at(0, Rule::Cycle, e.to_string()))?;
    fn contains(outer: &mut Vec<&'static Type>, ty: &'static Type) -> Check<()> {
        for f in ty.fields()?.iter().filter(|f| !f.is_static()) {
            let inner = f.ty()?;
            // A primitive's field is of its own type.
            if inner.kind != Kind::Value || inner.prim.is_some() {
                continue;
            }
            if outer.iter().any(|t| t.definition() == inner.definition()) {
                let text = format!("{f:?} makes {} part of itself", inner.full_name());
                return fault(0, Rule::Cycle, text);
            }
            outer.push(inner);
            contains(outer, inner)?;
            outer.pop();
        }
        Ok(())
    }
    if ty.kind == Kind::Value {
        contains(&mut vec![ty], ty)?;
    }
    Ok(())
}

/// What no class can do without.
pub(super) fn loadable(ty: &'static Type) -> Check<()> {
    let named = |text: String| format!("{}: {text}", ty.full_name());
    let checked = method_impls(ty).and_then(|()| implements(ty));
    checked.map_err(|f| Fault {
        text: named(f.text),
        ..f
    })
}

fn parents(cx: &Context) -> Check<()> {
    let ty = cx.class;
    let parent = ty.parent()?;
    match parent {
        Some(p) if ty.is_interface() => {
            return fault(
                0,
                Rule::Parent,
                format!("an interface extends {}", p.full_name()),
            );
        }
        Some(p) => {
            let fits = p.kind == Kind::Class && !p.flags.contains(TypeAttributes::SEALED);
            if !fits {
                return fault(
                    0,
                    Rule::Parent,
                    format!("{} cannot be extended", p.full_name()),
                );
            }
            cx.check_type(p)?;
        }
        None => {
            let root = ty == types().known.object() || ty.rid == 1;
            if !ty.is_interface() && !root {
                return fault(0, Rule::Parent, "it extends nothing");
            }
        }
    }
    if ty.is_value() && !ty.flags.contains(TypeAttributes::SEALED) {
        return fault(0, Rule::Parent, "a value type is not sealed");
    }
    for i in ty.declared_interfaces()? {
        if !i.is_interface() {
            return fault(
                0,
                Rule::Parent,
                format!("{} is no interface", i.full_name()),
            );
        }
        cx.check_type(i)?;
    }
    Ok(())
}

/// Explicit layouts: references lie apart from all else.
fn layout(ty: &'static Type) -> Check<()> {
    if ty.is_open || ty.is_interface() {
        return Ok(());
    }
    ty.layout()
        .map_err(|e| Fault::at(0, Rule::Overlap, e.to_string()))?;
    if !ty.flags.contains(TypeAttributes::EXPLICIT_LAYOUT) {
        return Ok(());
    }
    let mut places = Vec::new();
    for f in ty.fields()?.iter().filter(|f| !f.is_static()) {
        if let Place::Instance(at) = f.place()? {
            let t = f.ty()?;
            places.push((at, at + t.size_align()?.0, t, f));
        }
    }
    // Offsets of classes count from the header, over what the base class has.
    if let Some(parent) = ty.parent()?.filter(|_| !ty.is_value()) {
        let base = parent.layout()?;
        for &(at, end, t, f) in &places {
            let over_reference = base.refs.iter().any(|&r| r < end && at < r + 8);
            if over_reference || t.has_refs()? && at < base.fields_end() {
                let text = format!("{f:?} and the fields of {}", parent.full_name());
                return fault(0, Rule::Overlap, text);
            }
        }
    }
    for (n, a) in places.iter().enumerate() {
        for b in &places[n + 1..] {
            let meet = a.0 < b.1 && b.0 < a.1;
            let same = a.0 == b.0 && a.2.is_reference() && b.2.is_reference();
            if meet && !same && (a.2.has_refs()? || b.2.has_refs()?) {
                return fault(0, Rule::Overlap, format!("{:?} and {:?}", a.3, b.3));
            }
        }
    }
    Ok(())
}

fn field(cx: &Context, f: &'static crate::types::Field) -> Check<()> {
    let t = f.ty()?;
    if t.is_void() || matches!(t.key, TypeKey::ByRef(_)) {
        return fault(0, Rule::FieldType, t.full_name());
    }
    if is_by_ref_like(t) && (f.is_static() || !is_by_ref_like(cx.class)) {
        return fault(
            0,
            Rule::ByRefLike,
            format!("a field of type {}", t.full_name()),
        );
    }
    if f.is_literal() && !f.is_static() {
        return fault(0, Rule::FieldType, "a constant that is not static");
    }
    if cx.class.is_interface() && !f.is_static() {
        return fault(0, Rule::FieldType, "an interface with instance fields");
    }
    Ok(())
}

fn method(ty: &'static Type, m: &'static Method) -> Check<()> {
    flags(ty, m)?;
    m.sig()?;
    if m.is_virtual() {
        overrides(ty, m)?;
    }
    if ty.is_interface() || crate::synth::delegates::is_delegate(ty) {
        variance(ty, m)?;
    }
    Ok(())
}

fn flags(ty: &'static Type, m: &'static Method) -> Check<()> {
    let bad = |text: &str| fault(0, Rule::MethodFlags, text);
    let sig = m.sig()?;
    if m.is_static() == sig.has_this {
        return bad("static and has an instance, or neither");
    }
    if m.is_static() && (m.is_virtual() || m.is_abstract() || m.flags.contains(M::FINAL)) {
        return bad("static and virtual");
    }
    if !m.is_virtual() && (m.is_abstract() || m.flags.intersects(M::FINAL | M::NEW_SLOT)) {
        return bad("abstract, final or newslot, but not virtual");
    }
    if m.is_abstract() && m.flags.contains(M::FINAL) {
        return bad("abstract and final");
    }
    if m.is_abstract() && !ty.flags.contains(TypeAttributes::ABSTRACT) {
        return bad("abstract in a class that is not");
    }
    if m.is_ctor() && (m.is_static() || m.is_virtual() || !sig.ret.is_void() || m.arity > 0) {
        return bad("a constructor is an instance method without result");
    }
    let is_class_ctor = m.name == ".cctor";
    if is_class_ctor && !(m.is_static() && sig.params.is_empty() && sig.ret.is_void()) {
        return bad("a class constructor is static, without parameters and result");
    }
    if ty.is_interface() && m.is_ctor() {
        return bad("an interface with a constructor");
    }
    let elsewhere = m.flags.contains(M::PINVOKE_IMPL)
        || m.impl_flags.contains(MethodImplAttributes::INTERNAL_CALL)
        || m.impl_flags.code_type() == CodeType::Runtime;
    if m.is_abstract() && body::has_il(m) {
        return bad("abstract with a body");
    }
    if !m.is_abstract() && !elsewhere && !body::has_il(m) {
        return bad("neither abstract nor with a body");
    }
    Ok(())
}

/// How much an access lets see, within one assembly and across two.
fn width(access: MemberAccess) -> (u8, u8) {
    match access {
        MemberAccess::CompilerControlled | MemberAccess::Private | MemberAccess::Reserved => (0, 0),
        MemberAccess::FamAndAssem => (1, 0),
        MemberAccess::Family => (1, 1),
        MemberAccess::Assembly => (2, 0),
        MemberAccess::FamOrAssem => (2, 1),
        MemberAccess::Public => (3, 2),
    }
}

fn overrides(ty: &'static Type, m: &'static Method) -> Check<()> {
    if ty.is_interface() {
        return Ok(());
    }
    let (Some(parent), Some(slot)) = (ty.parent()?, m.slot_in_owner()) else {
        return Ok(());
    };
    // A final method keeps its slot: the new one would stand beside it.
    let is_new = slot as usize >= parent.vtable()?.slots.len();
    if is_new && !m.flags.contains(M::NEW_SLOT) {
        let slots = &parent.vtable()?.slots;
        let mut hidden = slots.iter().filter(|old| old.flags.contains(M::FINAL));
        if let Some(old) = hidden.find(|old| overrides_by_name(m, old)) {
            let text = format!("{} is final and overridden", old.full_name());
            return fault(0, Rule::Override, text);
        }
    }
    let Some(&old) = parent.vtable()?.slots.get(slot as usize) else {
        return Ok(());
    };
    let same_assembly = old.assembly() == m.assembly();
    let (new, was) = (width(m.flags.access()), width(old.flags.access()));
    let narrower = match same_assembly {
        true => new.0 < was.0,
        // What another assembly cannot see of the old access is of no account.
        false => new.1 < was.1,
    };
    if narrower {
        let text = format!(
            "{} is less accessible than {}",
            m.full_name(),
            old.full_name()
        );
        return fault(0, Rule::Override, text);
    }
    Ok(())
}

/// Explicit overrides (II.22.27): a virtual method of the class or a base class stands in for one of a base class or of an interface that the
/// class has.
fn method_impls(ty: &'static Type) -> Check<()> {
    let is_base = |t: &'static Type| t == ty || ty.ancestors().any(|b| b == t);
    for (decl, body) in ty.method_impls()? {
        let has = is_base(decl.owner) || ty.interfaces()?.contains(&decl.owner);
        let wrong = match () {
            _ if !decl.is_virtual() => "is overridden but not virtual",
            _ if !has => "is overridden by a class that does not have it",
            _ if !body.is_virtual() || !is_base(body.owner) => {
                "is overridden by no virtual method of the class"
            }
            _ => continue,
        };
        return fault(0, Rule::Override, format!("{} {wrong}", decl.full_name()));
    }
    Ok(())
}

fn implements(ty: &'static Type) -> Check<()> {
    if ty.is_interface() || ty.flags.contains(TypeAttributes::ABSTRACT) {
        return Ok(());
    }
    let unfit = |e: crate::types::LoadError| Fault::at(0, Rule::Override, e.to_string());
    let plan = ty.vtable().map_err(unfit)?;
    if let Some(m) = plan.slots.iter().find(|m| m.is_abstract()) {
        let text = format!("{} is not implemented", m.full_name());
        return fault(0, Rule::Unimplemented, text);
    }
    for &interface in ty.interfaces()? {
        // An abstract method that nothing may override only takes away what an interface above says: nobody implements it.
        let asks = |m: &&Method| m.is_virtual() && !(m.is_abstract() && m.is_final());
        for m in interface.methods()?.iter().copied().filter(asks) {
            let found = ty.interface_implementation(m);
            // Of several bodies none is chosen: that is an error of the call, not of the class.
            let several = || {
                let decl = m.without_args();
                decl.is_ok_and(|decl| ty.default_bodies(decl).len() > 1)
            };
            if found.is_none_or(|f| f.is_abstract()) && !several() {
                let text = format!("{} is not implemented", m.full_name());
                return fault(0, Rule::Unimplemented, text);
            }
        }
    }
    Ok(())
}

/// Where a type parameter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    In,
    Out,
    Both,
}

fn variance(ty: &'static Type, m: &'static Method) -> Check<()> {
    if m.is_ctor() || m.is_static() {
        return Ok(());
    }
    let Some(a) = ty.assembly else {
        return Ok(());
    };
    let owner = Token::new(TableId::TypeDef, ty.rid);
    let variances: Vec<Variance> = a
        .image
        .generic_params(owner)
        .map(|p| p.flags().variance())
        .collect();
    if variances.iter().all(|v| *v == Variance::None) {
        return Ok(());
    }
    let sig = m.sig()?;
    let wrong = |t: &'static Type, position| !stands(t, &variances, position);
    let bad = sig.params.iter().find(|p| wrong(p, Position::In));
    match bad.or_else(|| wrong(sig.ret, Position::Out).then_some(&sig.ret)) {
        Some(t) => fault(
            0,
            Rule::Variance,
            format!("{} in {}", t.full_name(), m.full_name()),
        ),
        None => Ok(()),
    }
}

/// Whether a type may stand in a position, given the variance of the parameters in it.
fn stands(ty: &'static Type, variances: &[Variance], position: Position) -> bool {
    let inner = |id| types().ty(id);
    match &ty.key {
        TypeKey::Var(n) => match (variances.get(*n as usize), position) {
            (Some(Variance::Covariant), p) => p == Position::Out,
            (Some(Variance::Contravariant), p) => p == Position::In,
            _ => true,
        },
        TypeKey::SzArray(e) | TypeKey::MdArray(e, _) => stands(inner(*e), variances, position),
        TypeKey::ByRef(e) | TypeKey::Ptr(e) => stands(inner(*e), variances, Position::Both),
        TypeKey::Inst(def, args) => {
            let def = inner(*def);
            let owner = Token::new(TableId::TypeDef, def.rid);
            let Some(a) = def.assembly else {
                return true;
            };
            a.image
                .generic_params(owner)
                .zip(args.iter())
                .all(|(p, &arg)| {
                    let at = match (p.flags().variance(), position) {
                        (Variance::Covariant, p) => p,
                        (Variance::Contravariant, Position::In) => Position::Out,
                        (Variance::Contravariant, Position::Out) => Position::In,
                        _ => Position::Both,
                    };
                    stands(inner(arg), variances, at)
                })
        }
        _ => true,
    }
}
