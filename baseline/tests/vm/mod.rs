//! A VM over `.sir` modules whose methods a compiler of the test's choice compiles: for the tests of the compilers.
//!
//! One program a process, since a process has one heap. Lines that the program prints are collected in [`OUTPUT`].

use isthmus_frontend_ir::body::{Body, BodySource};
use isthmus_frontend_ir::interp::host;
use isthmus_frontend_ir::module::{MethodFlags, Module};
use isthmus_rt::class_init::ClassState;
use isthmus_rt::gc::HeapOptions;
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::runtime::{Config, Runtime};
use isthmus_rt::thread::Thread;
use isthmus_rt::transition::blocking;
use isthmus_rt::vm::{Nullable, SlotTarget, UnboxContext, Vm};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::layout::*;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::vm::TypeKind;
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock};

pub mod children;

/// Lines printed.
pub static OUTPUT: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// The module, once [`run`] has it.
static MODULE: OnceLock<&'static Module> = OnceLock::new();
static RUNTIME: OnceLock<&'static Runtime> = OnceLock::new();
static TYPES: OnceLock<Vec<TypeData>> = OnceLock::new();
static STATE: Mutex<Option<State>> = Mutex::new(None);

fn module() -> &'static Module {
    MODULE.get().unwrap()
}

fn runtime() -> &'static Runtime {
    RUNTIME.get().unwrap()
}

/// What exists of a type at run time; addresses.
struct TypeData {
    vtable: usize,
    statics: usize,
    ref_statics: usize,
    init: ClassState,
}

/// Compiles a method, or says why not.
pub type Compiler = fn(&Module, &Arc<Body>) -> Result<CompiledMethod, String>;
static COMPILER: OnceLock<Compiler> = OnceLock::new();

#[derive(Default)]
struct State {
    literals: HashMap<u32, usize>,
    threads: Vec<Option<std::thread::JoinHandle<()>>>,
    thread_statics: HashMap<(usize, TypeId), usize>,
}

fn state<T>(f: impl FnOnce(&mut State) -> T) -> T {
    f(STATE.lock().unwrap().get_or_insert_default())
}

fn zeroed(bytes: usize) -> usize {
    vec![0u64; bytes / 8 + 1].leak().as_ptr() as usize
}

fn ref_map(offsets: &[u32]) -> usize {
    if offsets.is_empty() {
        return 0;
    }
    let mut words = vec![offsets.len() as u32];
    words.extend_from_slice(offsets);
    words.leak().as_ptr() as usize
}

/// Handles of types and methods are their ids.
fn handle_type(handle: usize) -> TypeId {
    TypeId::from_raw(handle as u32).unwrap()
}

fn type_of(object: Ref) -> TypeId {
    // SAFETY: a live object of this VM.
    let header = unsafe { &*(object.vtable() as *const VtableHeader) };
    TypeId::from_raw(header.class.load(Relaxed) as u32).unwrap()
}

fn make_types(rt: &'static Runtime, module: &'static Module) -> Vec<TypeData> {
    let mut all: Vec<TypeData> = Vec::new();
    for ty in &module.types {
        let vtable = rt.alloc_vtable(ty.vtable.len() as u32).unwrap();
        all.push(TypeData {
            vtable,
            statics: zeroed(ty.statics.bytes as usize),
            ref_statics: 0,
            init: ClassState::new(),
        });
    }
    for (i, ty) in module.types.iter().enumerate() {
        // SAFETY: just allocated.
        let h = unsafe { &*(all[i].vtable as *const VtableHeader) };
        let mut flags = VtableFlags::empty();
        flags.set(VtableFlags::HAS_REFS, !ty.refs.is_empty());
        match ty.kind {
            TypeKind::SzArray(e) => {
                flags |= VtableFlags::SZ_ARRAY;
                if module.is_reference(e) {
                    flags |= VtableFlags::REF_ELEMENTS;
                    h.element_type.store(all[e.index()].vtable, Relaxed);
                }
            }
            TypeKind::Value | TypeKind::Nullable(_) => flags |= VtableFlags::VALUE_TYPE,
            _ if i == module.wellknown().string.index() => flags |= VtableFlags::STRING,
            _ => {}
        }
        h.flags.store(flags.bits() as usize, Relaxed);
        h.base_size.store(ty.instance_size as usize, Relaxed);
        h.component_size.store(ty.component_size as usize, Relaxed);
        h.ref_map.store(ref_map(&ty.refs), Relaxed);
        h.depth.store(ty.depth as usize, Relaxed);
        h.class.store(TypeId::from_index(i).raw() as usize, Relaxed);
        let mut display = Vec::new();
        let mut next = Some(TypeId::from_index(i));
        while let Some(t) = next {
            display.insert(0, all[t.index()].vtable as u32);
            next = module.ty(t).base;
        }
        h.display.store(display.leak().as_ptr() as usize, Relaxed);
    }
    for (i, ty) in module.types.iter().enumerate() {
        if ty.statics.ref_bytes != 0 {
            let vtable = rt.alloc_vtable(0).unwrap();
            // SAFETY: just allocated.
            let h = unsafe { &*(vtable as *const VtableHeader) };
            let bytes = ty.statics.ref_bytes.next_multiple_of(8);
            h.base_size.store(bytes as usize, Relaxed);
            h.ref_map.store(ref_map(&ty.statics.refs), Relaxed);
            let flags = match ty.statics.refs.is_empty() {
                true => VtableFlags::empty(),
                false => VtableFlags::HAS_REFS,
            };
            h.flags.store(flags.bits() as usize, Relaxed);
            // SAFETY: a complete vtable, on an attached thread.
            let object = unsafe { rt.heap().alloc_immortal(vtable, 0) }.unwrap();
            all[i].ref_statics = object.addr();
        }
    }
    all
}

fn types() -> &'static [TypeData] {
    TYPES.get().unwrap()
}

fn new_string(units: &[u16], immortal: bool) -> Ref {
    let vtable = types()[module().wellknown().string.index()].vtable;
    // SAFETY: the vtable of strings, on an attached thread.
    let object = unsafe {
        match immortal {
            true => runtime().heap().alloc_immortal(vtable, units.len()),
            false => runtime().heap().alloc_string(vtable, units.len()),
        }
    }
    .unwrap();
    let chars = (object.addr() + STRING_CHARS as usize) as *mut u16;
    // SAFETY: the string just made has room for them.
    unsafe { std::ptr::copy_nonoverlapping(units.as_ptr(), chars, units.len()) };
    object
}

fn length(object: usize) -> usize {
    // SAFETY: a live array or string.
    unsafe { *((object + LENGTH as usize) as *const u32) as usize }
}

fn units(object: usize, at: u32) -> Vec<u16> {
    let data = (object + at as usize) as *const u16;
    // SAFETY: a live string or array of chars.
    unsafe { std::slice::from_raw_parts(data, length(object)) }.to_vec()
}

struct SirVm;

fn new_object(thread: &Thread, t: TypeId) -> Ref {
    match thread
        .runtime()
        .alloc_object(thread, types()[t.index()].vtable)
    {
        Ok(object) => object,
        Err(thrown) => thrown.exception,
    }
}

fn fail<T>(thread: &Thread, kind: TrapKind) -> Result<T, Thrown> {
    Err(thread.runtime().trap(thread, kind))
}

impl Vm for SirVm {
    fn compile(&self, thread: &Thread, method: MethodId) -> Result<CompiledMethod, Thrown> {
        let def = module().method_def(method);
        if def.flags.contains(MethodFlags::EXTERN) {
            let sig = AbiSig::new(&def.sig, Arch::X64, module());
            let symbol = Symbol::MethodBody(method);
            let target = Symbol::Native(method.raw());
            return Ok(
                isthmus_stubs::native::native_call(Arch::X64, symbol, &sig, target).unwrap(),
            );
        }
        let body = module().body(method).unwrap();
        let compile = COMPILER.get().unwrap();
        match compile(module(), &body) {
            Ok(code) => Ok(code),
            Err(e) => {
                OUTPUT.lock().unwrap().push(format!("compile error: {e}"));
                fail(thread, TrapKind::InvalidProgram)
            }
        }
    }

    fn vtable_slot(&self, _: &Thread, vtable: usize, slot: u32) -> Result<SlotTarget, Thrown> {
        // SAFETY: a vtable of this VM.
        let header = unsafe { &*(vtable as *const VtableHeader) };
        let t = TypeId::from_raw(header.class.load(Relaxed) as u32).unwrap();
        let method = module().ty(t).vtable[slot as usize];
        Ok(slot_target(t, method))
    }

    fn interface_method(
        &self,
        _: &Thread,
        vtable: usize,
        method: MethodId,
    ) -> Result<SlotTarget, Thrown> {
        // SAFETY: a vtable of this VM.
        let header = unsafe { &*(vtable as *const VtableHeader) };
        let t = TypeId::from_raw(header.class.load(Relaxed) as u32).unwrap();
        let found = module().find_implementation(method, t).unwrap();
        Ok(slot_target(t, found))
    }

    fn symbol(&self, symbol: Symbol) -> Option<usize> {
        Some(match symbol {
            Symbol::Vtable(t) => types()[t.index()].vtable,
            Symbol::TypeHandle(t) => t.raw() as usize,
            Symbol::MethodHandle(m) => m.raw() as usize,
            Symbol::Statics(t) => types()[t.index()].statics,
            Symbol::RefStatics(t) => types()[t.index()].ref_statics,
            Symbol::InitState(t) => types()[t.index()].init.address(),
            Symbol::VmData(f) => f as usize,
            Symbol::Signature(s) => s.raw() as usize,
            Symbol::Literal(l) => {
                if let Some(&object) = state(|s| s.literals.get(&l.raw()).copied()).as_ref() {
                    return Some(object);
                }
                let object = new_string(&module().literals[l.index()], true).addr();
                state(|s| s.literals.insert(l.raw(), object));
                object
            }
            Symbol::Native(n) => host_function(MethodId::from_raw(n)?)?,
            _ => return None,
        })
    }

    fn method_name(&self, method: MethodId) -> String {
        module().full_name(method)
    }

    fn catches(&self, ty: TypeId, exception: Ref) -> bool {
        module().is_subtype(type_of(exception), ty)
    }

    fn trap_exception(&self, thread: &Thread, kind: TrapKind) -> Ref {
        new_object(thread, module().trap_class(kind))
    }

    fn is_instance(&self, object: Ref, ty: usize) -> bool {
        module().is_subtype(type_of(object), handle_type(ty))
    }

    fn nullable(&self, ty: usize) -> Option<Nullable> {
        let t = handle_type(ty);
        let TypeKind::Nullable(payload) = module().ty(t).kind else {
            return None;
        };
        Some(Nullable {
            size: module().ty(t).layout.size,
            flag: 0,
            value: nullable_offset(t) as u32,
            value_size: module().ty(payload).layout.size,
            vtable: types()[payload.index()].vtable,
        })
    }

    fn class_init(&self, thread: &Thread, ty: usize) -> Result<(), Thrown> {
        let t = handle_type(ty);
        let cctor = module().ty(t).cctor.unwrap();
        types()[t.index()].init.ensure(thread, || {
            let sig = AbiSig::new(&module().method_def(cctor).sig, Arch::X64, module());
            // SAFETY: a class constructor takes nothing.
            let result = unsafe { runtime().invoke_method(thread, cctor, &sig, &[]) };
            let Err(inner) = result else {
                return Ok(());
            };
            let wrapper = module().find_type("TypeInitializationException").unwrap();
            let base = module().wellknown().exception;
            let field = module().find_field(base, "inner").unwrap();
            let object = new_object(thread, wrapper);
            let isthmus_runtime_abi::vm::FieldPlace::Instance(offset) =
                module().field_def(field).place
            else {
                unreachable!()
            };
            // SAFETY: a field of the object just made.
            unsafe {
                *((object.addr() + offset as usize) as *mut usize) = inner.exception.addr();
                runtime().heap().barrier(object);
            }
            Err(Thrown::new(object))
        })
    }

    fn thread_statics(&self, thread: &Thread, ty: usize) -> Result<usize, Thrown> {
        let t = handle_type(ty);
        let bytes = module().ty(t).statics.thread_bytes as usize;
        let key = (thread.context() as usize, t);
        Ok(state(|s| {
            *s.thread_statics.entry(key).or_insert_with(|| zeroed(bytes))
        }))
    }

    fn copy_value(&self, to: usize, from: usize, ty: usize) {
        let size = module().ty(handle_type(ty)).layout.size as usize;
        // SAFETY: compiled code vouches for both addresses.
        unsafe { runtime().heap().copy_unknown(to, from, size) }
    }
}

fn slot_target(t: TypeId, method: MethodId) -> SlotTarget {
    match module().is_value(t) && module().method_def(method).owner == Some(t) {
        true => SlotTarget::Unboxed(method, UnboxContext::None),
        false => SlotTarget::Method(method),
    }
}

fn nullable_offset(t: TypeId) -> usize {
    isthmus_runtime_abi::vm::CompileEnv::nullable_value_offset(module(), t) as usize
}

// ---- host functions

type Ctx = *mut ThreadContext;

fn print(text: String) {
    OUTPUT.lock().unwrap().push(text);
}

fn thread<'a>(ctx: Ctx) -> &'a Thread {
    // SAFETY: stubs pass the calling thread's context.
    unsafe { Thread::from_context(ctx) }
}

fn throw<T: Default>(ctx: Ctx, kind: TrapKind) -> T {
    let t = thread(ctx);
    t.set_pending(t.runtime().trap(t, kind));
    T::default()
}

extern "C" fn print_i32(v: i32, _: Ctx) {
    print(v.to_string())
}
extern "C" fn print_u32(v: u32, _: Ctx) {
    print(v.to_string())
}
extern "C" fn print_i64(v: i64, _: Ctx) {
    print(v.to_string())
}
extern "C" fn print_u64(v: u64, _: Ctx) {
    print(v.to_string())
}
extern "C" fn print_f32(v: f32, _: Ctx) {
    print(host::f32_text(v))
}
extern "C" fn print_f64(v: f64, _: Ctx) {
    print(host::f64_text(v))
}
extern "C" fn print_bool(v: u32, _: Ctx) {
    print((v as u8 != 0).to_string())
}
extern "C" fn print_char(v: u32, _: Ctx) {
    print(host::char_text(v as u16))
}
extern "C" fn print_str(s: usize, ctx: Ctx) {
    match s {
        0 => throw(ctx, TrapKind::NullReference),
        s => print(String::from_utf16_lossy(&units(s, STRING_CHARS))),
    }
}
fn text(s: &str) -> usize {
    new_string(&s.encode_utf16().collect::<Vec<_>>(), false).addr()
}
extern "C" fn type_name_of(handle: usize, _: Ctx) -> usize {
    text(&module().ty(handle_type(handle)).name)
}
extern "C" fn type_name(object: usize, ctx: Ctx) -> usize {
    match object {
        0 => throw(ctx, TrapKind::NullReference),
        o => text(&module().ty(type_of(Ref::from_addr(o))).name),
    }
}
extern "C" fn equals(a: usize, b: usize, _: Ctx) -> u32 {
    (a == b) as u32
}
extern "C" fn gc_collect(_: Ctx) {
    // SAFETY: on an attached, running thread.
    unsafe { runtime().heap().collect(true) }
}
extern "C" fn thread_start(code: usize, argument: usize, _: Ctx) -> i32 {
    let kind = isthmus_rt::gc::HandleKind::Strong;
    let handle = runtime()
        .heap()
        .new_handle(kind, Ref::from_addr(argument))
        .unwrap();
    let join = std::thread::spawn(move || {
        let thread = runtime().attach().unwrap();
        let object = runtime().heap().handle_target(handle).addr();
        let mut args = isthmus_stubs::entry::InvokeArgs::default();
        args.ints[0] = object as u64;
        // SAFETY: a function of one object.
        if let Err(thrown) = unsafe { runtime().invoke_raw(&thread, code, &mut args) } {
            let name = &module().ty(type_of(thrown.exception)).name;
            let line = format!("unhandled {name} in a thread");
            OUTPUT.lock().unwrap().push(line);
        }
    });
    state(|s| {
        s.threads.push(Some(join));
        s.threads.len() as i32
    })
}
extern "C" fn thread_join(number: i32, _: Ctx) {
    let join = state(|s| s.threads[number as usize - 1].take());
    if let Some(join) = join {
        blocking(|| join.join().unwrap());
    }
}
extern "C" fn thread_yield(_: Ctx) {
    blocking(std::thread::yield_now)
}
extern "C" fn string_length(s: usize, ctx: Ctx) -> u32 {
    match s {
        0 => throw(ctx, TrapKind::NullReference),
        s => length(s) as u32,
    }
}
extern "C" fn concat(a: usize, b: usize, ctx: Ctx) -> usize {
    if a == 0 || b == 0 {
        return throw(ctx, TrapKind::NullReference);
    }
    let mut all = units(a, STRING_CHARS);
    all.extend(units(b, STRING_CHARS));
    new_string(&all, false).addr()
}
extern "C" fn same(a: usize, b: usize, ctx: Ctx) -> u32 {
    if a == 0 || b == 0 {
        return throw(ctx, TrapKind::NullReference);
    }
    (units(a, STRING_CHARS) == units(b, STRING_CHARS)) as u32
}
extern "C" fn from_i32(v: i32, _: Ctx) -> usize {
    text(&v.to_string())
}
extern "C" fn from_i64(v: i64, _: Ctx) -> usize {
    text(&v.to_string())
}
extern "C" fn from_chars(a: usize, ctx: Ctx) -> usize {
    match a {
        0 => throw(ctx, TrapKind::NullReference),
        a => new_string(&units(a, ARRAY_DATA), false).addr(),
    }
}
extern "C" fn floor(v: f64, _: Ctx) -> f64 {
    v.floor()
}
extern "C" fn ceil(v: f64, _: Ctx) -> f64 {
    v.ceil()
}
extern "C" fn round(v: f64, _: Ctx) -> f64 {
    v.round_ties_even()
}

fn host_function(m: MethodId) -> Option<usize> {
    macro_rules! table {
        ($name:expr; $($text:literal => $f:ident,)*) => {
            match $name { $($text => $f as *const () as usize,)* _ => return None }
        };
    }
    let name = module().full_name(m);
    Some(table! { name.as_str();
        "print_i32" => print_i32,
        "print_u32" => print_u32,
        "print_i64" => print_i64,
        "print_u64" => print_u64,
        "print_f32" => print_f32,
        "print_f64" => print_f64,
        "print_bool" => print_bool,
        "print_char" => print_char,
        "print_str" => print_str,
        "type_name_of" => type_name_of,
        "object::type_name" => type_name,
        "object::equals" => equals,
        "gc_collect" => gc_collect,
        "thread_start" => thread_start,
        "thread_join" => thread_join,
        "thread_yield" => thread_yield,
        "string::length" => string_length,
        "Array::length" => string_length,
        "string::concat" => concat,
        "string::same" => same,
        "string::from_i32" => from_i32,
        "string::from_i64" => from_i64,
        "string::from_chars" => from_chars,
        "floor" => floor,
        "ceil" => ceil,
        "round" => round,
    })
}

// ---- running

/// Runs the `main` of a module; the outcome in the form of the `expect` blocks.
pub fn run(text: &str, compiler: Compiler, stress: u32) -> String {
    let mut parsed = isthmus_frontend_ir::text::parse(text).unwrap();
    if stress != 0 {
        parsed.policy.inline_alloc_limit = 0;
    }
    let module: &'static Module = Box::leak(Box::new(parsed));
    let _ = MODULE.set(module);
    let _ = COMPILER.set(compiler);
    let config = Config {
        heap: Some(HeapOptions {
            stress,
            ..HeapOptions::default()
        }),
        ..Config::default()
    };
    let rt = Runtime::new(config, Box::new(SirVm)).unwrap();
    let _ = RUNTIME.set(rt);
    let thread = rt.attach().unwrap();
    let _ = TYPES.set(make_types(rt, module));
    let entry = module.entry.unwrap();
    let sig = AbiSig::new(&module.method_def(entry).sig, Arch::X64, module);
    // SAFETY: `main` takes nothing.
    let result = unsafe { rt.invoke_method(&thread, entry, &sig, &[]) };
    let end = match result {
        Ok(words) => format!("exit {}", words.first().map_or(0, |&w| w as i32)),
        Err(thrown) => format!("unhandled {}", module.ty(type_of(thrown.exception)).name),
    };
    let mut lines = std::mem::take(&mut *OUTPUT.lock().unwrap());
    lines.push(end);
    lines.join("\n")
}
