//! `System.Reflection.Emit.DynamicMethod`. What the program generated is copied out of its objects when the method is created.

use super::handle;
use crate::dynamic::{Clause, ClauseKind, DynamicMethod, Reference};
use crate::emit::code::{code_of, each_clause};
use crate::emit::objects::Fields;
use crate::metadata;
use crate::tables::{literals, signatures};
use crate::types::member::ResolvedSig;
use crate::types::{MethodKind, Type, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.Reflection.Emit.DynamicMethod" {
        "create_dynamic_method" => create_method [method: Ref] -> ();
    }
}

/// `DynamicMethod.CreateDynMethod`: everything is there, labels are resolved.
fn create_method(cx: &Cx<'_>, method: Ref) -> Result<()> {
    let fields = Fields::of(cx, method)?;
    let ilgen: Ref = fields.get("ilgen")?;
    let il = Fields::of(cx, ilgen)?;
    let types_in = |array: Ref| -> Result<Vec<&'static Type>> {
        let n = if array.is_null() { 0 } else { cx.length(array) };
        let ty = |i| handle::type_of_object(cx, cx.element(array, i));
        (0..n).map(ty).collect()
    };
    let ret: Ref = fields.get("returnType")?;
    let sig = ResolvedSig {
        has_this: false,
        vararg: false,
        unmanaged: false,
        params: types_in(fields.get("parameters")?)?,
        ret: match ret {
            Ref::NULL => types().known.void(),
            ty => handle::type_of_object(cx, ty)?,
        },
        arity: 0,
    };
    let name: Ref = fields.get("name")?;
    let owner: Ref = fields.get("owner")?;
    let owner = match owner {
        Ref::NULL => types().known.object(),
        ty => handle::type_of_object(cx, ty)?,
    };
    let number = DynamicMethod {
        name: Box::leak(cx.text(name).into_boxed_str()),
        sig,
        code: code_of(cx, &il)?,
        max_stack: il.get::<i32>("max_stack")?.clamp(0, 0xffff) as u16,
        init_locals: fields.get::<u8>("init_locals")? != 0,
        locals: locals(cx, &il)?,
        clauses: clauses(cx, &il)?,
        references: references(cx, &fields)?,
    }
    .add();
    let made = types()
        .methods
        .intern(owner, MethodKind::Dynamic(number), &[])
        .map_err(|e| cx.load_error(&e))?;
    let at = offset_of(fields.class, "mhandle").map_err(|e| cx.load_error(&e))?;
    cx.write(method, at, handle::of(made));
    Ok(())
}

fn locals(cx: &Cx<'_>, il: &Fields<'_>) -> Result<Vec<(&'static Type, bool)>> {
    let list: Ref = il.get("locals")?;
    let mut locals = Vec::new();
    for i in 0..if list.is_null() { 0 } else { cx.length(list) } {
        let local = cx.element(list, i);
        if local.is_null() {
            break;
        }
        let local = Fields::of(cx, local)?;
        locals.push((local.ty("type")?, local.get::<u8>("is_pinned")? != 0));
    }
    Ok(locals)
}

fn clauses(cx: &Cx<'_>, il: &Fields<'_>) -> Result<Vec<Clause>> {
    let mut clauses = Vec::new();
    each_clause(cx, il, |built| {
        let clause = built.clause;
        clauses.push(Clause {
            kind: match clause.kind {
                metadata::ClauseKind::Catch(_) => {
                    ClauseKind::Catch(handle::type_of_object(cx, built.caught)?)
                }
                metadata::ClauseKind::Filter(at) => ClauseKind::Filter(at),
                metadata::ClauseKind::Finally => ClauseKind::Finally,
                metadata::ClauseKind::Fault => ClauseKind::Fault,
            },
            body: (clause.try_offset, clause.try_length),
            handler: (clause.handler_offset, clause.handler_length),
        });
        Ok(())
    })?;
    Ok(clauses)
}

/// What the tokens of a dynamic method mean. Unknown objects mean nothing: code that uses them throws.
fn references(cx: &Cx<'_>, method: &Fields<'_>) -> Result<Vec<Option<Reference>>> {
    let list: Ref = method.get("refs")?;
    let count = method.get::<i32>("nrefs")? as usize;
    let mut found = Vec::with_capacity(count);
    for i in 0..if list.is_null() { 0 } else { count } {
        let object = cx.element(list, i);
        found.push(match object {
            Ref::NULL => None,
            object => reference(cx, object)?,
        });
    }
    Ok(found)
}

fn reference(cx: &Cx<'_>, object: Ref) -> Result<Option<Reference>> {
    let class = cx.type_of(object);
    let known = &types().known;
    let is = |ty| class.is_assignable_to(ty);
    let emit = |name| reflect::class("System.Reflection.Emit", name);
    Ok(Some(if class == known.string() {
        Reference::Text(literals().of_text(cx.units(object)))
    } else if is(known.runtime_type()) {
        Reference::Type(handle::type_of_object(cx, object)?)
    } else if is(known.runtime_method_info())
        || is(known.runtime_constructor_info())
        || class == emit("DynamicMethod")
    {
        Reference::Method(reflect::method_of(cx, object)?)
    } else if is(known.runtime_field_info()) {
        Reference::Field(reflect::field_of(cx, object)?.0)
    } else if class == emit("SignatureHelper") {
        Reference::Signature(signature(cx, object)?)
    } else {
        return Ok(None);
    }))
}

/// The signature of a `SignatureHelper` for `calli`.
fn signature(cx: &Cx<'_>, helper: Ref) -> Result<isthmus_runtime_abi::ids::SigId> {
    /// Bits of `CallingConventions`.
    const VAR_ARGS: i32 = 2;
    const HAS_THIS: i32 = 0x20;
    let fields = Fields::of(cx, helper)?;
    let arguments: Ref = fields.get("arguments")?;
    let n = if arguments.is_null() {
        0
    } else {
        cx.length(arguments)
    };
    let params = (0..n)
        .map(|i| handle::type_of_object(cx, cx.element(arguments, i)))
        .collect::<Result<_>>()?;
    let convention: i32 = fields.get("callConv")?;
    let ret: Ref = fields.get("returnType")?;
    let sig = ResolvedSig {
        has_this: convention & HAS_THIS != 0,
        vararg: convention & VAR_ARGS != 0,
        // `CallingConvention` of unmanaged code; 0 is managed.
        unmanaged: fields.get::<i32>("unmanagedCallConv")? != 0,
        params,
        ret: match ret {
            Ref::NULL => types().known.void(),
            ty => handle::type_of_object(cx, ty)?,
        },
        arity: 0,
    };
    signatures().id_of(&sig).map_err(|e| cx.load_error(&e))
}
