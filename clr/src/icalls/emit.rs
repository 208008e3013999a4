//! `System.Reflection.Emit`: dynamic methods. What the program generated is copied out of its objects when the method is created.
//!
//! Of dynamic assemblies there is as much as a dynamic method without an owner needs: builder objects without a native part.

use super::handle;
use crate::dynamic::{Clause, ClauseKind, DynamicMethod, Reference};
use crate::tables::{literals, signatures};
use crate::types::member::ResolvedSig;
use crate::types::{LoadError, LoadErrorKind, MethodKind, Type, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.Reflection.Emit.DynamicMethod" {
        "create_dynamic_method" => create_method [method: Ref] -> ();
    }
    "System.Reflection.Emit.AssemblyBuilder" {
        "basic_init" => init_builder [builder: Ref] -> ();
        "UpdateNativeCustomAttributes" => init_builder [builder: Ref] -> ();
    }
    "System.Reflection.Emit.TypeBuilder" {
        "create_runtime_class" => create_class [builder: Ref] -> Ref;
    }
    "System.Reflection.Emit.ModuleBuilder" {
        "basic_init" => init_builder [builder: Ref] -> ();
        "set_wrappers_type" => set_wrappers_type [builder: Ref, ty: Ref] -> ();
    }
}

/// The class that a `TypeBuilder` has built. Only the empty class that `ModuleBuilder` makes for itself exists.
fn create_class(cx: &Cx<'_>, builder: Ref) -> Result<Ref> {
    /// `table_idx` of that class.
    const OF_MODULE: i32 = 0xff_ffff;
    let fields = Fields::of(cx, builder)?;
    match types().corlib().find_type("", "<Module>") {
        Some(global) if fields.get::<i32>("table_idx")? == OF_MODULE => {
            reflect::type_object(cx, global)
        }
        _ => {
            let name = cx.text(fields.get("tname")?);
            let text = format!("{name}: classes of dynamic assemblies are not supported");
            Err(cx.load_error(&LoadError::new(LoadErrorKind::NotSupported, text)))
        }
    }
}

fn init_builder(_cx: &Cx<'_>, _builder: Ref) -> Result<()> {
    Ok(())
}

fn set_wrappers_type(_cx: &Cx<'_>, _builder: Ref, _ty: Ref) -> Result<()> {
    Ok(())
}

/// Reads fields of an object by name, or of a struct in an array, which has no header.
#[derive(Clone, Copy)]
struct Fields<'a> {
    cx: &'a Cx<'a>,
    class: &'static Type,
    /// Where offsets count from.
    base: usize,
}

impl<'a> Fields<'a> {
    fn of(cx: &'a Cx<'a>, object: Ref) -> Result<Fields<'a>> {
        if object.is_null() {
            return Err(cx.null_reference());
        }
        Ok(Fields {
            cx,
            class: cx.type_of(object),
            base: object.addr(),
        })
    }

    /// The structs in an array; none in no array. The array must stay in a local of the caller.
    fn of_array(cx: &'a Cx<'a>, array: Ref) -> Vec<Fields<'a>> {
        let Some(class) = (!array.is_null())
            .then(|| cx.type_of(array).element())
            .flatten()
        else {
            return Vec::new();
        };
        let size = class.size_align().map_or(0, |s| s.0 as usize);
        let at = |i| Fields {
            cx,
            class,
            base: cx.data(array) + i * size,
        };
        (0..cx.length(array)).map(at).collect()
    }

    fn get<T: Copy>(&self, name: &str) -> Result<T> {
        let offset = offset_of(self.class, name).map_err(|e| self.cx.load_error(&e))?;
        // Offsets of structs are within the value.
        // SAFETY: a field of a live object or array element of that class; the callers name fields of type `T`.
        Ok(unsafe { std::ptr::read_unaligned((self.base + offset as usize) as *const T) })
    }

    fn ty(&self, name: &str) -> Result<&'static Type> {
        handle::type_of_object(self.cx, self.get(name)?)
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
    let code: Ref = il.get("code")?;
    let length = (il.get::<i32>("code_len")? as usize).min(cx.length(code));
    // SAFETY: the bytes of a live array; nothing allocates while they are copied.
    let code = unsafe { std::slice::from_raw_parts(cx.data(code) as *const u8, length) }.to_vec();
    let name: Ref = fields.get("name")?;
    let owner: Ref = fields.get("owner")?;
    let owner = match owner {
        Ref::NULL => types().known.object(),
        ty => handle::type_of_object(cx, ty)?,
    };
    let number = DynamicMethod {
        name: Box::leak(cx.text(name).into_boxed_str()),
        sig,
        code,
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

/// The clauses of all exception blocks. Blocks are listed as they begin: inner ones after those around them.
fn clauses(cx: &Cx<'_>, il: &Fields<'_>) -> Result<Vec<Clause>> {
    const FILTER_START: i32 = -1;
    let blocks: Ref = il.get("ex_handlers")?;
    let mut clauses = Vec::new();
    for block in Fields::of_array(cx, blocks).iter().rev() {
        let (start, length) = (block.get::<i32>("start")?, block.get::<i32>("len")?);
        let handlers: Ref = block.get("handlers")?;
        for handler in Fields::of_array(cx, handlers) {
            let at = |name| handler.get::<i32>(name).map(|n| n as u32);
            let kind = match handler.get::<i32>("type")? {
                0 => ClauseKind::Catch(handler.ty("extype")?),
                1 => ClauseKind::Filter(at("filter_offset")?),
                2 => ClauseKind::Finally,
                4 => ClauseKind::Fault,
                FILTER_START => continue,
                _ => return Err(bad(cx, "unknown kind of exception handler")),
            };
            // The protected part of a finally or fault includes the handlers before it.
            let body = match kind {
                ClauseKind::Finally | ClauseKind::Fault => at("start")? - start as u32,
                _ => length as u32,
            };
            clauses.push(Clause {
                kind,
                body: (start as u32, body),
                handler: (at("start")?, at("len")?),
            });
        }
    }
    Ok(clauses)
}

fn bad(cx: &Cx<'_>, text: &str) -> isthmus_rt::object::Thrown {
    cx.load_error(&LoadError::new(LoadErrorKind::InvalidProgram, text))
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
