//! P/Invoke: bodies that convert arguments, call the foreign function, and convert back.
//!
//! A method whose arguments all cross as they are needs no body: its code is the stub that calls the function. Others get one:
//!
//! ```text
//!  for each argument    before   make its native form (allocate text, take a handle, …) in a local
//!                       argument push that
//!  call                          the foreign method: the same function, with a signature of plain words
//!  result                        make its managed form
//!  for each argument    after    copy back, free, release
//! ```
//!
//! [`Form`] lists the native forms. Data in the heap (arrays, objects of classes with a layout) is passed in place: the collector moves
//! nothing that a stack points to.

use super::Synthetic;
use super::builder::Builder;
use super::native_calls::{import_behind, promotes};
use crate::metadata::{CharSet, Image, Marshal, PInvokeAttributes, Row, TypeAttributes, native};
use crate::tables::raises;
use crate::types::member::ResolvedSig;
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Result, Type, TypeKey, types};
use crate::vm::native as functions;
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{BinOp, Cmp, ConvMode, ConvTo, Op};
use isthmus_runtime_abi::layout::{ARRAY_DATA, HEADER, STRING_CHARS};
use isthmus_runtime_abi::types::MemTy;
use std::sync::Mutex;

/// A foreign function that made bodies call: [`MethodKind::Foreign`].
#[derive(Clone)]
pub struct Foreign {
    /// The P/Invoke method that it is behind; `None`: the last argument is the function.
    pub import: Option<&'static Method>,
    /// Its signature in plain words.
    pub sig: ResolvedSig,
    /// Whether its error number is kept.
    pub keeps_error: bool,
}

static FOREIGN: Mutex<Vec<Foreign>> = Mutex::new(Vec::new());

/// A foreign function by number.
pub fn foreign(n: u32) -> Option<Foreign> {
    let list = FOREIGN.lock().unwrap_or_else(|e| e.into_inner());
    list.get(n as usize).cloned()
}

fn foreign_method(f: Foreign) -> Result<&'static Method> {
    let mut list = FOREIGN.lock().unwrap_or_else(|e| e.into_inner());
    list.push(f);
    let n = list.len() as u32 - 1;
    drop(list);
    types()
        .methods
        .intern(types().known.object(), MethodKind::Foreign(n), &[])
}

/// Character types of native text; numbers that the functions of `icalls::marshal` know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Text {
    /// UTF-8, ended by a zero byte.
    Utf8 = 0,
    /// UTF-16, ended by a zero unit.
    Utf16 = 1,
}

/// How a parameter or result crosses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// The same word or words.
    Plain,
    /// Truth as an integer of this many bytes; two bytes have all ones for true.
    Bool(u8),
    /// A character as one byte.
    Byte,
    /// A pointer to text.
    Text(Text),
    /// A `StringBuilder`: a buffer of its capacity, read back afterwards.
    Buffer(Text),
    /// The handle in a `SafeHandle`, which is kept open meanwhile.
    Handle,
    /// A pointer into an object, at this offset.
    Inside(u32),
    /// A `float` that C promotes to `double`.
    Double,
}

/// How a parameter crosses, and whether by reference.
#[derive(Clone, Copy, Debug)]
struct Param {
    form: Form,
    by_ref: bool,
}

/// What a P/Invoke needs.
pub struct Plan {
    params: Vec<Param>,
    ret: Form,
    sig: ResolvedSig,
    /// Whether the function's error number is kept.
    pub keeps_error: bool,
}

impl Plan {
    /// Whether the foreign function can be called as it is.
    pub fn is_plain(&self) -> bool {
        self.ret == Form::Plain && self.params.iter().all(|p| p.form == Form::Plain)
    }
}

/// How a P/Invoke method crosses. The error names what cannot.
pub fn plan(m: &'static Method) -> Result<Plan> {
    let sig = m.sig()?;
    let import = import_behind(m);
    let flags = match import {
        Some(import) => functions::import_of(import)?.flags(),
        None => PInvokeAttributes::empty(),
    };
    let unicode = flags.char_set() == CharSet::Unicode;
    let marshal = |sequence: usize| match import {
        Some(import) => marshal_of(import, sequence),
        None => Ok(None),
    };
    let mut params = Vec::with_capacity(sig.params.len());
    let mut words = Vec::with_capacity(sig.params.len());
    for (i, &ty) in sig.params.iter().enumerate() {
        let (target, by_ref) = match ty.key {
            TypeKey::ByRef(t) => (types().ty(t), true),
            _ => (ty, false),
        };
        let form = match form_of(target, marshal(i + 1)?, unicode, by_ref) {
            Some(Form::Plain) if ty == types().known.single() && promotes(m, i) => Form::Double,
            Some(form) => form,
            None => return Err(unsupported(m, ty)),
        };
        params.push(Param { form, by_ref });
        words.push(match (form, by_ref) {
            (Form::Plain, _) => ty,
            (_, true) => types().known.int_ptr(),
            (form, false) => word_type(form, ty),
        });
    }
    let ret = if sig.ret.is_void() {
        Form::Plain
    } else {
        form_of(sig.ret, marshal(0)?, unicode, false)
            .filter(|f| !matches!(f, Form::Buffer(_) | Form::Inside(_)))
            .ok_or_else(|| unsupported(m, sig.ret))?
    };
    Ok(Plan {
        params,
        sig: ResolvedSig {
            params: words,
            ret: word_type(ret, sig.ret),
            ..sig.clone()
        },
        ret,
        keeps_error: flags.contains(PInvokeAttributes::SUPPORTS_LAST_ERROR),
    })
}

fn unsupported(m: &Method, ty: &Type) -> LoadError {
    LoadError::new(
        LoadErrorKind::NotSupported,
        format!(
            "P/Invoke {} needs marshalling of {}",
            m.full_name(),
            ty.full_name()
        ),
    )
}

/// The marshalling descriptor of a parameter; 0 is the result.
fn marshal_of(m: &'static Method, sequence: usize) -> Result<Option<Marshal<'static>>> {
    let (Some(a), Some(rid)) = (m.assembly(), m.rid()) else {
        return Ok(None);
    };
    let image: &'static Image = &a.image;
    for row in image.method_def(rid)?.params()? {
        let row = image.param(row)?;
        if usize::from(row.sequence()) == sequence {
            return match image.marshal_of(row.token())? {
                Some(marshal) => Ok(Some(marshal.descriptor()?)),
                None => Ok(None),
            };
        }
    }
    Ok(None)
}

/// The type of a form's word.
fn word_type(form: Form, ty: &'static Type) -> &'static Type {
    let known = &types().known;
    match form {
        Form::Plain => ty,
        Form::Bool(1) | Form::Byte => known.byte(),
        Form::Bool(2) => known.int16(),
        Form::Bool(_) => known.int32(),
        Form::Double => known.double(),
        Form::Text(_) | Form::Buffer(_) | Form::Handle | Form::Inside(_) => known.int_ptr(),
    }
}

/// The memory type of a form's word.
fn word_mem(form: Form, ty: &'static Type) -> MemTy {
    word_type(form, ty).mem_ty()
}

fn form_of(
    ty: &'static Type,
    marshal: Option<Marshal<'_>>,
    unicode: bool,
    by_ref: bool,
) -> Option<Form> {
    let known = &types().known;
    let simple = match marshal {
        Some(Marshal::Simple(n)) => Some(n),
        Some(Marshal::Array { .. }) | None => None,
        Some(_) => return None,
    };
    let text = match simple {
        Some(native::LPWSTR) => Text::Utf16,
        Some(native::LPSTR | native::UTF8_STR | native::LPTSTR) => Text::Utf8,
        Some(_) if ty == known.string() => return None,
        _ if unicode => Text::Utf16,
        _ => Text::Utf8,
    };
    if ty == known.boolean() {
        return Some(Form::Bool(match simple {
            Some(native::U1 | native::I1) => 1,
            Some(native::VARIANT_BOOL) => 2,
            _ => 4,
        }));
    }
    if ty == known.char() && !unicode && !matches!(simple, Some(native::U2 | native::I2)) {
        return Some(Form::Byte);
    }
    if ty == known.string() {
        return Some(Form::Text(text));
    }
    if ty.is_corlib("System.Text", "StringBuilder") {
        return (!by_ref).then_some(Form::Buffer(text));
    }
    if is_safe_handle(ty) {
        return Some(Form::Handle);
    }
    match ty.mem_ty() {
        MemTy::Ref if by_ref => None,
        MemTy::Ref => in_place(ty),
        MemTy::Struct(_) if by_ref => is_blittable(ty).then_some(Form::Plain),
        // Larger ones and floats are passed by the rules of the platform, which need not be those of managed code.
        MemTy::Struct(_) => {
            let small = ty.size_align().ok()?.0 <= 8;
            (small && is_blittable(ty)).then_some(Form::Plain)
        }
        _ => Some(Form::Plain),
    }
}

fn is_safe_handle(ty: &'static Type) -> bool {
    std::iter::once(ty)
        .chain(ty.ancestors())
        .any(|t| t.is_corlib("System.Runtime.InteropServices", "SafeHandle"))
}

/// Objects whose data native code can use where it lies.
fn in_place(ty: &'static Type) -> Option<Form> {
    if ty.is_sz_array() {
        let element = ty.element()?;
        return is_blittable(element).then_some(Form::Inside(ARRAY_DATA));
    }
    let layout = TypeAttributes::SEQUENTIAL_LAYOUT | TypeAttributes::EXPLICIT_LAYOUT;
    let laid_out = ty.flags.intersects(layout) && ty.assembly.is_some();
    (laid_out && !is_delegate(ty) && is_blittable(ty)).then_some(Form::Inside(HEADER))
}

fn is_delegate(ty: &'static Type) -> bool {
    ty.ancestors().any(|t| t == types().known.delegate())
}

/// Whether managed and native form are the same: no references, no truth values, no characters of another size.
fn is_blittable(ty: &'static Type) -> bool {
    let known = &types().known;
    if ty == known.boolean() || ty == known.char() {
        return false;
    }
    if ty.prim.is_some() || ty.kind == crate::types::Kind::Enum {
        return ty.mem_ty() != MemTy::Ref;
    }
    match ty.mem_ty() {
        MemTy::Struct(_) => fields_blittable(ty),
        MemTy::Ref => {
            ty.element().is_none()
                && fields_blittable(ty)
                && ty
                    .ancestors()
                    .all(|t| t == known.object() || fields_blittable(t))
        }
        MemTy::ByRef => false,
        _ => true,
    }
}

fn fields_blittable(ty: &'static Type) -> bool {
    ty.fields().is_ok_and(|fields| {
        fields.iter().filter(|f| !f.is_static()).all(|f| {
            f.ty().is_ok_and(|t| {
                (t.is_value() || t.kind == crate::types::Kind::Pointer) && is_blittable(t)
            })
        })
    })
}

/// The body of a P/Invoke that is not plain.
pub fn body(m: &'static Method, plan: &Plan) -> Result<Body> {
    let target = foreign_method(Foreign {
        import: import_behind(m),
        sig: plan.sig.clone(),
        keeps_error: plan.keeps_error,
    })?;
    let sig = m.sig()?;
    let mut b = Builder::new(m);
    let mut args = Vec::with_capacity(plan.params.len());
    for (i, (&param, &ty)) in plan.params.iter().zip(&sig.params).enumerate() {
        args.push(before(&mut b, i as u16, param, ty)?);
    }
    let made = match plan.ret {
        Form::Handle => Some(new_handle(&mut b, sig.ret)?),
        _ => None,
    };
    for (i, (arg, param)) in args.iter().zip(&plan.params).enumerate() {
        b.op(match (arg, param) {
            (None, _) => Op::LdArg(i as u16),
            (Some(local), Param { by_ref: true, .. }) => Op::LdLocA(local.word),
            (Some(local), _) => Op::LdLoc(local.word),
        });
    }
    b.op(Op::Call(target.id));
    let result = (!sig.ret.is_void()).then(|| {
        let local = b.local(word_mem(plan.ret, sig.ret));
        b.op(Op::StLoc(local));
        local
    });
    for (i, (arg, (&param, &ty))) in args
        .iter()
        .zip(plan.params.iter().zip(&sig.params))
        .enumerate()
    {
        if let Some(local) = arg {
            after(&mut b, i as u16, param, ty, *local)?;
        }
    }
    if let Some(local) = result {
        managed(&mut b, plan.ret, local, made, sig.ret)?;
    }
    b.op(Op::Ret);
    b.finish()
}

/// Locals of a converted argument.
#[derive(Clone, Copy)]
struct Converted {
    /// The native word.
    word: u16,
    /// What the form needs besides: whether a handle was taken, the new handle of a by-reference parameter.
    extra: Option<u16>,
}

/// Makes the native form of an argument.
fn before(b: &mut Builder, i: u16, param: Param, ty: &'static Type) -> Result<Option<Converted>> {
    if param.form == Form::Plain {
        return Ok(None);
    }
    let target = target_of(ty);
    let word = b.local(word_mem(param.form, target));
    let mut extra = None;
    let load = |b: &mut Builder| {
        b.op(Op::LdArg(i));
        if param.by_ref {
            b.op(Op::LdInd(target.mem_ty()));
        }
    };
    match param.form {
        Form::Plain => {}
        Form::Bool(size) => {
            load(b);
            b.ops(&[Op::LdcI4(0), Op::Compare(Cmp::GtUn)]);
            if size == 2 {
                b.op(Op::Neg);
            }
            b.op(Op::StLoc(word));
        }
        Form::Byte => {
            load(b);
            b.ops(&[Op::Conv(ConvTo::U1, ConvMode::Wrap), Op::StLoc(word)]);
        }
        Form::Text(Text::Utf16) if !param.by_ref => inside(b, i, STRING_CHARS, word),
        Form::Text(text) => {
            load(b);
            b.ops(&[
                Op::LdcI4(text as i32),
                Op::Call(Synthetic::NativeText.method().id),
                Op::StLoc(word),
            ]);
        }
        Form::Buffer(text) => {
            load(b);
            b.ops(&[
                Op::LdcI4(text as i32),
                Op::Call(Synthetic::NativeBuffer.method().id),
                Op::StLoc(word),
            ]);
        }
        Form::Handle if param.by_ref => {
            // Passed out: the object exists before the call, so that no handle is lost.
            extra = Some(new_handle(b, target)?);
        }
        Form::Handle => {
            let taken = b.local(MemTy::U8);
            let present = b.label();
            load(b);
            b.branch(Op::BrTrue, present);
            b.op(Op::Raise(raises().system("ArgumentNullException")));
            b.place(present);
            load(b);
            b.ops(&[
                Op::LdLocA(taken),
                Op::CallVirt(handle_method(target, "DangerousAddRef", 1)?.id),
            ]);
            load(b);
            b.ops(&[
                Op::CallVirt(handle_method(target, "DangerousGetHandle", 0)?.id),
                Op::StLoc(word),
            ]);
            extra = Some(taken);
        }
        Form::Inside(offset) => inside(b, i, offset, word),
        Form::Double => {
            load(b);
            b.ops(&[Op::Conv(ConvTo::R8, ConvMode::Wrap), Op::StLoc(word)]);
        }
    }
    Ok(Some(Converted { word, extra }))
}

/// Address of what lies `offset` bytes into the object in an argument, 0 for null.
fn inside(b: &mut Builder, i: u16, offset: u32, word: u16) {
    let null = b.label();
    b.op(Op::LdArg(i)).branch(Op::BrFalse, null);
    b.ops(&[
        Op::LdArg(i),
        Op::Call(Synthetic::RawData.method().id),
        Op::Conv(ConvTo::U, ConvMode::Wrap),
        Op::LdcI4((offset - HEADER) as i32),
        Op::Bin(BinOp::Add),
        Op::StLoc(word),
    ]);
    b.place(null);
}

fn target_of(ty: &'static Type) -> &'static Type {
    match ty.key {
        TypeKey::ByRef(t) => types().ty(t),
        _ => ty,
    }
}

/// Copies back and cleans up after the call.
fn after(b: &mut Builder, i: u16, param: Param, ty: &'static Type, local: Converted) -> Result<()> {
    match param.form {
        Form::Text(Text::Utf16) if !param.by_ref => {}
        Form::Text(_) if !param.by_ref => {
            b.ops(&[
                Op::LdLoc(local.word),
                Op::Call(Synthetic::NativeFree.method().id),
            ]);
        }
        Form::Buffer(text) => {
            b.ops(&[
                Op::LdArg(i),
                Op::LdLoc(local.word),
                Op::LdcI4(text as i32),
                Op::Call(Synthetic::ReadBuffer.method().id),
            ]);
        }
        Form::Handle if !param.by_ref => {
            let kept = b.label();
            let taken = local.extra.unwrap_or(local.word);
            b.op(Op::LdLoc(taken)).branch(Op::BrFalse, kept);
            b.ops(&[
                Op::LdArg(i),
                Op::CallVirt(handle_method(ty, "DangerousRelease", 0)?.id),
            ]);
            b.place(kept);
        }
        _ if param.by_ref => {
            let target = target_of(ty);
            b.op(Op::LdArg(i));
            managed(b, param.form, local.word, local.extra, target)?;
            b.op(Op::StInd(target.mem_ty()));
        }
        _ => {}
    }
    Ok(())
}

/// Pushes the managed form of a native word.
fn managed(
    b: &mut Builder,
    form: Form,
    word: u16,
    made: Option<u16>,
    ty: &'static Type,
) -> Result<()> {
    match form {
        Form::Plain | Form::Byte | Form::Inside(_) | Form::Buffer(_) | Form::Double => {
            b.op(Op::LdLoc(word));
        }
        Form::Bool(_) => {
            b.ops(&[Op::LdLoc(word), Op::LdcI4(0), Op::Compare(Cmp::GtUn)]);
        }
        Form::Text(text) => {
            b.ops(&[
                Op::LdLoc(word),
                Op::LdcI4(text as i32),
                Op::Call(Synthetic::ManagedText.method().id),
            ]);
        }
        Form::Handle => {
            let object = made.unwrap_or(word);
            b.ops(&[
                Op::LdLoc(object),
                Op::LdLoc(word),
                Op::CallVirt(handle_method(ty, "SetHandle", 1)?.id),
                Op::LdLoc(object),
            ]);
        }
    }
    Ok(())
}

/// A method of `SafeHandle`.
fn handle_method(ty: &'static Type, name: &str, params: usize) -> Result<&'static Method> {
    std::iter::once(ty)
        .chain(ty.ancestors())
        .find_map(|t| t.method(name, params))
        .ok_or_else(|| LoadError::type_load(format!("SafeHandle has no {name}")))
}

/// A new object of a class derived from `SafeHandle`, in a local.
fn new_handle(b: &mut Builder, ty: &'static Type) -> Result<u16> {
    let local = b.local(MemTy::Ref);
    let ctor = ty.method(".ctor", 0).ok_or_else(|| {
        LoadError::new(
            LoadErrorKind::MissingMethod,
            format!("{} has no default constructor", ty.full_name()),
        )
    })?;
    b.ops(&[Op::NewObj(ctor.id), Op::StLoc(local)]);
    Ok(local)
}
