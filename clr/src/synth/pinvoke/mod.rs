//! P/Invoke: bodies that convert arguments, call the foreign function, and convert back.
//!
//! A method whose arguments all cross as they are needs no body: its code is the stub that calls the function. Others get one:
//!
//! ```text
//!  for each argument    before   make its native form (in place, in a local, or in memory of `localloc`)
//!                       argument push that: a word, or the address of an aggregate
//!  call                          the foreign method: the same function, with a signature of plain words
//!  result                        make its managed form: it may point to what is freed next
//!  for each argument    after    copy back, free, release
//! ```
//!
//! `Way` lists how arguments cross; [`body`](fn@body) writes the bodies. What takes more than a few instructions is left to `marshal::spec`. Data in the heap (arrays, objects of
//! classes with a layout) is passed in place where it has the same form: the collector moves nothing that a stack points to.
//!
//! Besides P/Invokes proper, calls through function pointers are made like this: `calli` (the pointer is the last argument), and delegates over
//! function pointers (it is in their target).

mod body;

pub use body::body;
pub(super) use body::{block, push_count, push_crossing};

use super::native_calls::{import_behind, promotes};
use crate::marshal::callbacks;
use crate::marshal::form::{self, Form, is_handle, layout};
use crate::marshal::spec::{Spec, Specs};
use crate::metadata::sig::Prim;
use crate::metadata::{CharSet, MethodImplAttributes, PInvokeAttributes};
use crate::types::arena::Interner;
use crate::types::member::ResolvedSig;
use crate::types::{LoadError, Method, MethodKind, Result, Type, types};
use crate::vm::native as functions;
use isthmus_interop::downcall;
use isthmus_interop::function::Function;
use isthmus_interop::layout::{Layout, Value};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{ARRAY_DATA, HEADER, STRING_CHARS};
use isthmus_runtime_abi::types::MemTy;
use std::sync::OnceLock;

/// A foreign function that made bodies call: [`MethodKind::Foreign`].
pub struct Foreign {
    /// The P/Invoke method that it is behind; `None`: the last argument is the function.
    pub import: Option<&'static Method>,
    /// Its type in C.
    pub function: Function,
    /// Whether its error number is kept.
    pub keeps_error: bool,
}

impl Foreign {
    /// Its type in C as text.
    pub fn text(&self) -> String {
        self.function.text(form::arch()).to_string()
    }

    /// Its signature in plain words.
    pub fn sig(&self) -> ResolvedSig {
        let abi = downcall::signature(&self.function, self.import.is_none());
        ResolvedSig {
            has_this: false,
            vararg: false,
            unmanaged: false,
            params: abi.params.iter().map(|&t| plain_type(t)).collect(),
            ret: abi.ret.map_or(types().known.void(), plain_type),
            arity: 0,
        }
    }
}

/// A foreign function with its number.
struct Numbered(u32, Foreign);

/// What is called, its type in C as text, whether the error number is kept.
type ForeignKey = (Option<MethodId>, String, bool);

fn foreign_functions() -> &'static Interner<ForeignKey, Numbered> {
    static FOREIGN: OnceLock<Interner<ForeignKey, Numbered>> = OnceLock::new();
    FOREIGN.get_or_init(Interner::default)
}

/// A foreign function by number.
pub fn foreign(n: u32) -> &'static Foreign {
    &foreign_functions().arena().get(n as usize).1
}

/// The method that calls a foreign function.
pub fn foreign_method(f: Foreign) -> Result<&'static Method> {
    let key = (f.import.map(|m| m.id), f.text(), f.keeps_error);
    let found = foreign_functions().intern(&key, |index| Numbered(index as u32, f));
    let kind = MethodKind::Foreign(found.0);
    types().methods.intern(types().known.object(), kind, &[])
}

/// The type of a plain word.
pub(super) fn plain_type(ty: MemTy) -> &'static Type {
    let known = &types().known;
    match ty {
        MemTy::I8 => known.prim(Prim::I1),
        MemTy::U8 => known.byte(),
        MemTy::I16 => known.int16(),
        MemTy::U16 => known.prim(Prim::U2),
        MemTy::I32 => known.int32(),
        MemTy::I64 => known.prim(Prim::I8),
        MemTy::F32 => known.single(),
        MemTy::F64 => known.double(),
        _ => known.int_ptr(),
    }
}

/// How an argument or result crosses.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The same word.
    Plain,
    /// Truth as an integer of this many bytes; two bytes have all ones for true.
    Bool(u32),
    /// A character as one byte.
    Byte,
    /// The handle in a `SafeHandle`, which is kept open meanwhile.
    Handle,
    /// A pointer into an object, at this offset.
    Inside(u32),
    /// A `float` that C promotes to `double`.
    Double,
    /// A value type with the same bytes in C: by its address.
    Address,
    /// A pointer to such a value.
    Pointer,
    /// As the spec of this position says, whose native form has so many bytes.
    Crossing {
        position: i32,
        bytes: u32,
        aggregate: bool,
        size_param: Option<u16>,
    },
}

/// A parameter: how it crosses, and whether by reference.
#[derive(Clone, Copy, Debug)]
struct Param {
    way: Way,
    by_ref: bool,
    /// By reference: whether the value matters to the callee.
    input: bool,
}

/// What a P/Invoke needs.
pub struct Plan {
    /// Parameters that the function has.
    params: Vec<Param>,
    /// Arguments before them.
    first: usize,
    ret: Way,
    /// The function's type in C.
    pub function: Function,
    /// Whether the function's error number is kept.
    pub keeps_error: bool,
    /// The function gives an HRESULT, and the result through a pointer.
    throws: bool,
    /// How the result and the function's parameters cross, in detail.
    pub specs: Specs,
}

impl Plan {
    /// Whether the foreign function can be called as it is.
    pub fn is_plain(&self) -> bool {
        let plain = |way: &Way| matches!(way, Way::Plain);
        self.first == 0
            && !self.throws
            && plain(&self.ret)
            && self.params.iter().all(|p| plain(&p.way))
    }
}

/// What is told about a call of native code by whoever declares it.
struct Declaration {
    /// The method whose metadata tell of the parameters.
    method: Option<&'static Method>,
    unicode: bool,
    keeps_error: bool,
    throws: bool,
    /// Arguments before and after those of the function.
    around: (usize, usize),
}

fn declaration(m: &'static Method) -> Result<Declaration> {
    if let MethodKind::OverPointer(n) = m.kind {
        let class = callbacks::class(n);
        return Ok(Declaration {
            method: Some(class.invoke),
            unicode: class.declared.unicode,
            keeps_error: class.declared.keeps_error,
            throws: false,
            around: (1, 0),
        });
    }
    let Some(import) = import_behind(m) else {
        return Ok(Declaration {
            method: None,
            unicode: false,
            keeps_error: false,
            throws: false,
            around: (0, 1),
        });
    };
    let flags = functions::import_of(import)?.flags();
    Ok(Declaration {
        method: Some(import),
        unicode: flags.char_set() == CharSet::Unicode,
        keeps_error: flags.contains(PInvokeAttributes::SUPPORTS_LAST_ERROR),
        throws: !import
            .impl_flags
            .contains(MethodImplAttributes::PRESERVE_SIG),
        around: (0, 0),
    })
}

/// How a method with a native function behind it crosses. The error names what cannot.
pub fn plan(m: &'static Method) -> Result<Plan> {
    let sig = m.sig()?;
    let d = declaration(m)?;
    let own = d.around.0..sig.params.len() - d.around.1;
    let mut function = Function {
        params: Vec::with_capacity(own.len()),
        ret: None,
        fixed: None,
    };
    let mut params = Vec::with_capacity(own.len());
    let mut specs = vec![None];
    for (i, &ty) in sig.params[own].iter().enumerate() {
        let spec = Spec::of(d.method, i + 1, ty, d.unicode).map_err(|e| named(m, i + 1, &e))?;
        specs.push(Some(spec));
        if spec.by_ref && matches!(spec.form, Form::HandleRef) {
            return Err(form::unsupported(ty));
        }
        let mut way = way_of(&spec, i + 1);
        if matches!(way, Way::Plain) && ty == types().known.single() && promotes(m, i) {
            way = Way::Double;
        }
        function.params.push(c_type(way, &spec));
        params.push(Param {
            way,
            by_ref: spec.by_ref,
            input: spec.input,
        });
    }
    if let MethodKind::CallSite(_) = m.kind
        && let Some(import) = d.method
    {
        function.fixed = Some(import.sig()?.params.len());
    }
    let mut ret = Way::Plain;
    if !sig.ret.is_void() {
        let spec = Spec::of(d.method, 0, sig.ret, d.unicode).map_err(|e| named(m, 0, &e))?;
        specs[0] = Some(spec);
        ret = match way_of(&spec, 0) {
            Way::Inside(_) => crossing(&spec, 0),
            Way::Pointer => return Err(form::unsupported(sig.ret)),
            way => way,
        };
        if matches!(spec.form, Form::Builder(_) | Form::Any(_) | Form::HandleRef) {
            return Err(form::unsupported(sig.ret));
        }
        let c = c_type(ret, &spec);
        match d.throws {
            // The result goes through a last parameter.
            true => function.params.push(Value::Ptr.into()),
            false => function.ret = Some(c),
        }
    }
    if d.throws {
        function.ret = Some(Value::I32.into());
    }
    Ok(Plan {
        params,
        first: d.around.0,
        ret,
        function,
        keeps_error: d.keeps_error,
        throws: d.throws,
        specs,
    })
}

/// An error of a parameter, which says of which.
fn named(m: &Method, position: usize, e: &LoadError) -> LoadError {
    let what = match position {
        0 => "return value".to_owned(),
        n => format!("parameter #{n}"),
    };
    LoadError::new(
        e.kind,
        format!("{} ({what} of {})", e.message, m.full_name()),
    )
}

fn crossing(spec: &Spec, position: usize) -> Way {
    Way::Crossing {
        position: position as i32,
        bytes: spec.native_bytes(),
        aggregate: !spec.by_ref && !matches!(layout(spec.form), Layout::Value(_)),
        size_param: spec.size.and_then(|s| s.param),
    }
}

fn way_of(spec: &Spec, position: usize) -> Way {
    match spec.form {
        Form::Scalar(_) => Way::Plain,
        Form::Bool(n) => Way::Bool(n),
        Form::Byte => Way::Byte,
        Form::Text(form::Encoding::Utf16) if !spec.by_ref => Way::Inside(STRING_CHARS),
        Form::Array(e) if !spec.by_ref && form::is_same(e.form) => Way::Inside(ARRAY_DATA),
        Form::Class(shape) if !spec.by_ref && shape.blittable => Way::Inside(HEADER),
        Form::Struct(shape) if shape.blittable => match spec.by_ref {
            true => Way::Plain,
            false => Way::Address,
        },
        Form::StructPointer(shape) if shape.blittable && !spec.by_ref => Way::Pointer,
        Form::Handle(ty) if is_safe(ty) => Way::Handle,
        _ => crossing(spec, position),
    }
}

fn is_safe(ty: &'static Type) -> bool {
    is_handle(ty) && body::handle_method(ty, "DangerousAddRef", 1).is_ok()
}

/// The C type of a parameter.
fn c_type(way: Way, spec: &Spec) -> Layout {
    match way {
        _ if spec.by_ref => Value::Ptr.into(),
        Way::Inside(_) | Way::Handle | Way::Pointer => Value::Ptr.into(),
        Way::Double => Value::F64.into(),
        Way::Plain | Way::Bool(_) | Way::Byte | Way::Address | Way::Crossing { .. } => {
            layout(spec.form)
        }
    }
}
