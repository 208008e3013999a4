//! Delegates as function pointers, and function pointers as delegates.
//!
//! ```text
//!  delegate ──▶ function pointer     a thunk of `interop::upcall` for this delegate; the same one each time
//!  function pointer ──▶ delegate     that delegate again; else a new one, whose code calls the pointer (its target is the boxed pointer)
//!  delegate over a function pointer ──▶ that pointer again
//! ```
//!
//! As Mono has it, a function pointer does not keep its delegate alive: whoever gives it to native code does. When the delegate is gone, its thunk is
//! used again for another one, some time later; a call before that ends the program with a message.

use crate::aot::images;
use crate::metadata::sig::Prim;
use crate::metadata::{AttrValue, EnumResolver, TableId, Token};
use crate::synth::delegates::invoke_of;
use crate::synth::{callback, thunk};
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Type, types};
use crate::vm::cx::Result;
use crate::vm::{Cx, entry, heap, options, process, runtime, threads};
use isthmus_interop::upcall::{Callbacks, Host, Shape};
use isthmus_rt::gc::{Handle, HandleKind};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::runtime::Runtime;
use isthmus_rt::thread::Thread;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `UnmanagedFunctionPointerAttribute` says of a class of delegates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared {
    /// It says anything at all: native code is meant to call such delegates.
    pub is_explicit: bool,
    /// Text is UTF-16.
    pub unicode: bool,
    /// The error number that a function leaves is kept.
    pub keeps_error: bool,
}

/// A class of delegates.
pub struct Class {
    /// The class.
    pub ty: &'static Type,
    /// Its `Invoke`.
    pub invoke: &'static Method,
    /// What it says of native code.
    pub declared: Declared,
    number: u32,
    /// How calls from C go on.
    shape: OnceLock<Arc<Shape>>,
}

/// What is between function pointers and the delegates of a class that call one method: as Mono has it, one for each such method,
/// which stack traces name.
#[derive(Clone, Copy)]
pub struct Site {
    /// The class.
    pub class: &'static Class,
    /// The method. None: they call any, and stack traces name nothing.
    pub target: Option<&'static Method>,
}

#[derive(Default)]
struct Classes {
    list: Vec<&'static Class>,
    by_type: FxHashMap<TypeId, &'static Class>,
    sites: Vec<Site>,
    by_target: FxHashMap<(u32, Option<MethodId>), u32>,
}

static CLASSES: Mutex<Option<Classes>> = Mutex::new(None);

/// A class of delegates by number.
pub fn class(n: u32) -> &'static Class {
    CLASSES.lock().get_or_insert_default().list[n as usize]
}

/// What is between, by number.
pub fn site(n: u32) -> Site {
    CLASSES.lock().get_or_insert_default().sites[n as usize]
}

type Load<T> = crate::types::Result<T>;

/// What is known of a class of delegates.
pub fn class_of(ty: &'static Type) -> Load<&'static Class> {
    let found = |classes: &mut Option<Classes>| {
        let classes = classes.get_or_insert_default();
        classes.by_type.get(&ty.id).copied()
    };
    if let Some(class) = found(&mut CLASSES.lock()) {
        return Ok(class);
    }
    let no_invoke = || LoadError::new(LoadErrorKind::Argument, "Type must derive from Delegate");
    let invoke = invoke_of(ty).ok_or_else(no_invoke)?;
    let declared = declared(ty)?;
    let mut classes = CLASSES.lock();
    let classes = classes.get_or_insert_default();
    let number = classes.list.len() as u32;
    let class: &'static Class = Box::leak(Box::new(Class {
        ty,
        invoke,
        declared,
        number,
        shape: OnceLock::new(),
    }));
    // If two threads made one, either will do.
    classes.list.push(class);
    classes.by_type.insert(ty.id, class);
    Ok(class)
}

/// All enumerations of the attribute are 32-bit integers.
struct Integers;

impl EnumResolver for Integers {
    fn by_token(&self, _: Token) -> Option<Prim> {
        Some(Prim::I4)
    }

    fn by_name(&self, _: &str) -> Option<Prim> {
        Some(Prim::I4)
    }
}

fn declared(ty: &'static Type) -> Load<Declared> {
    let mut declared = Declared::default();
    let Some(a) = ty.assembly else {
        return Ok(declared);
    };
    const NAME: &str = "System.Runtime.InteropServices.UnmanagedFunctionPointerAttribute";
    for row in a
        .image
        .custom_attributes(Token::new(TableId::TypeDef, ty.rid))
    {
        if row.type_name()?.as_deref() != Some(NAME) {
            continue;
        }
        declared.is_explicit = true;
        for named in row.args(&Integers)?.named {
            match (named.name, named.arg.value) {
                // CharSet.Unicode.
                ("CharSet", AttrValue::Int(set)) => declared.unicode = set == 3,
                ("SetLastError", AttrValue::Bool(set)) => declared.keeps_error = set,
                _ => {}
            }
        }
    }
    Ok(declared)
}

// ---- delegate → function pointer

fn callbacks() -> &'static Callbacks {
    static CALLBACKS: OnceLock<Callbacks> = OnceLock::new();
    CALLBACKS.get_or_init(Callbacks::default)
}

/// Offset of the field in which a delegate keeps its function pointer.
fn pointer_field(cx: &Cx<'_>) -> u32 {
    cx.offset_of(types().known.delegate(), "delegate_trampoline")
}

/// The function pointer of a delegate; null for null.
pub fn pointer_of(cx: &Cx<'_>, delegate: Ref) -> Result<usize> {
    if delegate.is_null() {
        return Ok(0);
    }
    if let Some(function) = behind(cx, delegate) {
        return Ok(function);
    }
    let at = pointer_field(cx);
    let kept: usize = cx.read(delegate, at);
    // A copy of a delegate has a copy of the field.
    if kept != 0 && target_of(kept) == Some(delegate) {
        return Ok(kept);
    }
    let class = class_of(cx.type_of(delegate)).map_err(|e| cx.load_error(&e))?;
    let o = crate::vm::offsets::offsets();
    let target = crate::icalls::handle::method_at(cx.read(delegate, o.delegate_method));
    let shape = shape_of(class).map_err(|e| cx.load_error(&e))?;
    let method = between_here(class, target).map_err(|e| cx.load_error(&e))?;
    free_dead();
    let handle = heap::heap().new_handle(HandleKind::WeakShort, delegate);
    let handle = handle.ok_or_else(|| cx.out_of_memory())?;
    let made = make(cx, shape, method, handle)?;
    cx.write(delegate, at, made);
    Ok(made)
}

fn make(cx: &Cx<'_>, shape: Arc<Shape>, method: &'static Method, object: Handle) -> Result<usize> {
    callbacks()
        .make(&ClrHost, shape, entry::stable(method), object)
        .map_err(|e| cx.exception("System", "ExecutionEngineException", &e.to_string()))
}

fn target_of(pointer: usize) -> Option<Ref> {
    let handle = callbacks().object_of(pointer)?;
    Some(heap::heap().handle_target(handle))
}

/// How calls of a class's function pointers go on.
fn shape_of(class: &'static Class) -> Load<Arc<Shape>> {
    if let Some(shape) = class.shape.get() {
        return Ok(shape.clone());
    }
    let function = callback::plan(class)?.function;
    let shape = || Arc::new(Shape::new(function, super::form::arch()));
    Ok(class.shape.get_or_init(shape).clone())
}

/// What delegates of a class that stand for function pointers call.
pub fn over_pointer(class: &'static Class) -> Load<&'static Method> {
    let kind = MethodKind::OverPointer(class.number);
    types().methods.intern(types().known.object(), kind, &[])
}

/// The method between function pointers and delegates that call a method.
pub fn between(class: &'static Class, target: Option<&'static Method>) -> Load<&'static Method> {
    let number = {
        let mut classes = CLASSES.lock();
        let classes = classes.get_or_insert_default();
        let next = classes.sites.len() as u32;
        let key = (class.number, target.map(|m| m.id));
        let number = *classes.by_target.entry(key).or_insert(next);
        if number == next {
            classes.sites.push(Site { class, target });
        }
        number
    };
    let kind = MethodKind::Callback(number);
    types().methods.intern(types().known.object(), kind, &[])
}

/// The same where it must be ready: without a compiler, where no image foresaw delegates that call this method, it is the one that names none.
fn between_here(class: &'static Class, target: Option<&'static Method>) -> Load<&'static Method> {
    let method = between(class, target)?;
    match options().no_compiler && !images::have(method) {
        true => between(class, None),
        false => Ok(method),
    }
}

/// Number of function pointers at which the dead ones are looked for.
static LOOK_AT: AtomicUsize = AtomicUsize::new(256);

/// Frees function pointers whose delegates are gone, when there are twice as many pointers as were in use the last time.
fn free_dead() {
    if callbacks().len() < LOOK_AT.load(Ordering::Relaxed) {
        return;
    }
    // One thread at a time: what is freed here may be in use again for another delegate before another thread would come to it.
    static FREEING: Mutex<()> = Mutex::new(());
    let Some(_freeing) = FREEING.try_lock() else {
        return;
    };
    let all = callbacks().all();
    let mut left = all.len();
    for (pointer, handle) in all {
        if !heap::heap().handle_target(handle).is_null() {
            continue;
        }
        // SAFETY: C may not call it: the delegate is gone, and a call that runs keeps it alive.
        if let Some(handle) = unsafe { callbacks().remove(pointer) } {
            heap::heap().free_handle(handle);
            left -= 1;
        }
    }
    LOOK_AT.store((2 * left).max(256), Ordering::Relaxed);
}

// ---- function pointer → delegate

/// The function behind a delegate that was made for a function pointer.
fn behind(cx: &Cx<'_>, delegate: Ref) -> Option<usize> {
    let o = crate::vm::offsets::offsets();
    let method: usize = cx.read(delegate, o.delegate_method);
    let method = crate::icalls::handle::method_at(method)?;
    if !matches!(method.kind, MethodKind::OverPointer(_)) {
        return None;
    }
    let target: Ref = cx.read(delegate, o.delegate_target);
    (!target.is_null()).then(|| cx.read(target, isthmus_runtime_abi::layout::HEADER))
}

/// A delegate of a class that calls a function pointer; null for null.
pub fn delegate_for(cx: &Cx<'_>, pointer: usize, ty: &'static Type) -> Result<Ref> {
    if pointer == 0 {
        return Ok(Ref::NULL);
    }
    if let Some(delegate) = target_of(pointer) {
        if delegate.is_null() {
            ClrHost.collected();
        }
        return Ok(delegate);
    }
    let class = class_of(ty).map_err(|e| cx.load_error(&e))?;
    let method = over_pointer(class).map_err(|e| cx.load_error(&e))?;
    let target = cx.box_value(types().known.int_ptr(), (&raw const pointer) as usize)?;
    let delegate = cx.alloc(ty)?;
    crate::vm::delegates::init(cx, delegate, target, entry::stable(method))?;
    Ok(delegate)
}

// ---- method → function pointer

/// A function pointer that calls a method without converting anything; the same one each time (`synth::thunk`).
pub fn thunk_of(cx: &Cx<'_>, m: &'static Method) -> Result<usize> {
    static MADE: Mutex<Option<FxHashMap<MethodId, usize>>> = Mutex::new(None);
    if let Some(&made) = MADE.lock().get_or_insert_default().get(&m.id) {
        return Ok(made);
    }
    let function = thunk::function(m).map_err(|e| cx.load_error(&e))?;
    let shape = Arc::new(Shape::new(function, super::form::arch()));
    let kind = MethodKind::Thunk(m.id);
    let method = types().methods.intern(types().known.object(), kind, &[]);
    let method = method.map_err(|e| cx.load_error(&e))?;
    // The thunk looks at no object, so any will do that lives for ever.
    let object = crate::vm::reflect::type_object(cx, m.owner)?;
    let handle = heap::heap().new_handle(HandleKind::Strong, object);
    let handle = handle.ok_or_else(|| cx.out_of_memory())?;
    let made = make(cx, shape, method, handle)?;
    // If two threads made one, either will do.
    MADE.lock().get_or_insert_default().insert(m.id, made);
    Ok(made)
}

// ---- calls from native code

struct ClrHost;

impl Host for ClrHost {
    fn runtime(&self) -> &'static Runtime {
        runtime()
    }

    fn attached(&self, thread: &Thread) -> std::result::Result<(), Thrown> {
        threads::attach_foreign(&Cx { thread })
    }

    fn unhandled(&self, thread: &Thread, thrown: Thrown) -> ! {
        let code = process::unhandled(&Cx { thread }, thrown.exception);
        std::process::exit(code)
    }

    fn collected(&self) -> ! {
        isthmus_rt::report!("a callback was made on a garbage collected delegate");
        std::process::abort()
    }
}
