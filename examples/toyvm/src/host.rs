//! Functions that programs call.
//!
//! Each is a plain C function with the thread context as one more, last, argument. The transition stub that `Vm::compile` asks
//! for has published the managed frame, so a function may allocate, collect and call back; one that fails sets the pending exception and
//! returns anything: the stub throws.

use crate::object::{self, length, type_of, units};
use crate::run::toy;
use crate::types::from_handle;
use isthmus_frontend_ir::interp::host as text;
use isthmus_rt::gc::HandleKind;
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_rt::transition::blocking;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::layout::{ARRAY_DATA, STRING_CHARS};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_stubs::entry::InvokeArgs;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI32, AtomicI64};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

type Ctx = *mut ThreadContext;

fn current<'a>(ctx: Ctx) -> &'a Thread {
    // SAFETY: stubs pass the calling thread's context.
    unsafe { Thread::from_context(ctx) }
}

/// The result of a function that may throw.
fn finish<T: Default>(ctx: Ctx, result: Result<T, Thrown>) -> T {
    result.unwrap_or_else(|thrown| {
        current(ctx).set_pending(thrown);
        T::default()
    })
}

fn trap<T>(ctx: Ctx, kind: TrapKind) -> Result<T, Thrown> {
    let thread = current(ctx);
    Err(thread.runtime().trap(thread, kind))
}

fn not_null(ctx: Ctx, addr: usize) -> Result<Ref, Thrown> {
    match addr {
        0 => trap(ctx, TrapKind::NullReference),
        addr => Ok(Ref::from_addr(addr)),
    }
}

fn string(ctx: Ctx, units: &[u16]) -> Result<usize, Thrown> {
    object::new_string(current(ctx), units).map(Ref::addr)
}

fn string_of(ctx: Ctx, text: &str) -> usize {
    finish(ctx, string(ctx, &text.encode_utf16().collect::<Vec<_>>()))
}

// ---- output

fn print(line: String) {
    toy().output().push(line);
}

macro_rules! printers {
    ($($name:ident($ty:ty) = $show:expr;)*) => {
        $(extern "C" fn $name(value: $ty, _: Ctx) {
            let show: fn($ty) -> String = $show;
            print(show(value));
        })*
    };
}

printers! {
    print_i32(i32) = |v| v.to_string();
    print_u32(u32) = |v| v.to_string();
    print_i64(i64) = |v| v.to_string();
    print_u64(u64) = |v| v.to_string();
    print_f32(f32) = text::f32_text;
    print_f64(f64) = text::f64_text;
    print_bool(u32) = |v| (v as u8 != 0).to_string();
    print_char(u32) = |v| text::char_text(v as u16);
}

extern "C" fn print_str(s: usize, ctx: Ctx) {
    finish(ctx, not_null(ctx, s).map(|s| print(object::text(s))))
}

// ---- objects and strings

extern "C" fn type_name_of(handle: usize, ctx: Ctx) -> usize {
    string_of(ctx, &toy().module.ty(from_handle(handle)).name)
}

extern "C" fn type_name(this: usize, ctx: Ctx) -> usize {
    match not_null(ctx, this) {
        Ok(this) => string_of(ctx, &toy().module.ty(type_of(this)).name),
        thrown => finish(ctx, thrown.map(Ref::addr)),
    }
}

extern "C" fn equals(this: usize, other: usize, ctx: Ctx) -> u32 {
    finish(
        ctx,
        not_null(ctx, this).map(|t| u32::from(t.addr() == other)),
    )
}

extern "C" fn get_length(this: usize, ctx: Ctx) -> i32 {
    finish(ctx, not_null(ctx, this).map(|t| length(t) as i32))
}

extern "C" fn char_at(this: usize, index: i32, ctx: Ctx) -> u32 {
    let get = |s: Ref| match units(s, STRING_CHARS).get(index as u32 as usize) {
        Some(&unit) => Ok(u32::from(unit)),
        None => trap(ctx, TrapKind::IndexOutOfRange),
    };
    finish(ctx, not_null(ctx, this).and_then(get))
}

extern "C" fn concat(a: usize, b: usize, ctx: Ctx) -> usize {
    let join = || {
        let mut all = units(not_null(ctx, a)?, STRING_CHARS);
        all.extend(units(not_null(ctx, b)?, STRING_CHARS));
        string(ctx, &all)
    };
    finish(ctx, join())
}

extern "C" fn same(a: usize, b: usize, ctx: Ctx) -> u32 {
    let test = || {
        let a = units(not_null(ctx, a)?, STRING_CHARS);
        Ok(u32::from(a == units(not_null(ctx, b)?, STRING_CHARS)))
    };
    finish(ctx, test())
}

extern "C" fn from_i32(value: i32, ctx: Ctx) -> usize {
    string_of(ctx, &value.to_string())
}

extern "C" fn from_i64(value: i64, ctx: Ctx) -> usize {
    string_of(ctx, &value.to_string())
}

extern "C" fn from_chars(array: usize, ctx: Ctx) -> usize {
    finish(
        ctx,
        not_null(ctx, array).and_then(|a| string(ctx, &units(a, ARRAY_DATA))),
    )
}

extern "C" fn gc_collect(ctx: Ctx) {
    // SAFETY: the calling thread is attached and runs.
    unsafe { current(ctx).runtime().heap().collect(true) }
}

// ---- atomic operations, for compilers that do not expand them

macro_rules! atomics {
    ($($name:ident($cell:ident: $atomic:ident, $int:ty $(, $arg:ident)*) = $body:expr;)*) => {
        $(extern "C" fn $name(cell: usize, $($arg: $int,)* ctx: Ctx) -> $int {
            finish(ctx, not_null(ctx, cell).map(|cell| {
                // SAFETY: the program passes the address of a field, local or element of this type.
                let $cell = unsafe { $atomic::from_ptr(cell.addr() as *mut $int) };
                $body
            }))
        })*
    };
}

atomics! {
    exchange_i32(c: AtomicI32, i32, value) = c.swap(value, SeqCst);
    exchange_i64(c: AtomicI64, i64, value) = c.swap(value, SeqCst);
    compare_exchange_i32(c: AtomicI32, i32, value, wanted) = c.compare_exchange(wanted, value, SeqCst, SeqCst).unwrap_or_else(|old| old);
    compare_exchange_i64(c: AtomicI64, i64, value, wanted) = c.compare_exchange(wanted, value, SeqCst, SeqCst).unwrap_or_else(|old| old);
    add_i32(c: AtomicI32, i32, value) = c.fetch_add(value, SeqCst).wrapping_add(value);
    add_i64(c: AtomicI64, i64, value) = c.fetch_add(value, SeqCst).wrapping_add(value);
    increment_i32(c: AtomicI32, i32) = c.fetch_add(1, SeqCst).wrapping_add(1);
    decrement_i32(c: AtomicI32, i32) = c.fetch_sub(1, SeqCst).wrapping_sub(1);
}

extern "C" fn memory_barrier(_: Ctx) {
    std::sync::atomic::fence(SeqCst);
}

// ---- mathematics

macro_rules! functions {
    ($($name:ident($ty:ty) = $body:expr;)*) => {
        $(extern "C" fn $name(x: $ty, _: Ctx) -> $ty {
            let f: fn($ty) -> $ty = $body;
            f(x)
        })*
    };
}

functions! {
    sqrt(f64) = f64::sqrt;
    abs_f64(f64) = f64::abs;
    abs_f32(f32) = f32::abs;
    floor(f64) = f64::floor;
    ceil(f64) = f64::ceil;
    round(f64) = f64::round_ties_even;
}

// ---- threads

/// The threads that a program started, by number.
#[derive(Debug, Default)]
pub struct Threads(Mutex<Vec<Option<JoinHandle<()>>>>);

impl Threads {
    fn with<T>(&self, f: impl FnOnce(&mut Vec<Option<JoinHandle<()>>>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Stack of a program's thread.
const STACK_BYTES: usize = 8 << 20;

/// Starts a thread that runs `code(argument)`.
extern "C" fn thread_start(code: usize, argument: usize, ctx: Ctx) -> i32 {
    let runtime = current(ctx).runtime();
    // The argument crosses to the other thread in a handle: between the threads nothing scans it.
    let handle = runtime
        .heap()
        .new_handle(HandleKind::Strong, Ref::from_addr(argument));
    let Some(handle) = handle else {
        return finish(ctx, trap(ctx, TrapKind::OutOfMemory));
    };
    let main = move || {
        let Ok(thread) = runtime.attach() else {
            return;
        };
        let mut args = InvokeArgs::default();
        args.ints[0] = runtime.heap().handle_target(handle).addr() as u64;
        runtime.heap().free_handle(handle);
        // SAFETY: this thread is attached; the program passed a function of one object, which goes in the first register.
        if let Err(thrown) = unsafe { runtime.invoke_raw(&thread, code, &mut args) } {
            let class = &toy().module.ty(type_of(thrown.exception)).name;
            print(format!("unhandled {class} in a thread"));
        }
    };
    match std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(main)
    {
        Ok(join) => toy().threads.with(|all| {
            all.push(Some(join));
            all.len() as i32
        }),
        Err(_) => {
            runtime.heap().free_handle(handle);
            finish(ctx, trap(ctx, TrapKind::OutOfMemory))
        }
    }
}

/// Waits for a thread: in a blocking region, so that collections go on.
extern "C" fn thread_join(number: i32, _: Ctx) {
    let index = (number as usize).wrapping_sub(1);
    let join = toy()
        .threads
        .with(|all| all.get_mut(index).and_then(Option::take));
    if let Some(join) = join {
        // A thread that panicked has said so.
        blocking(|| join.join().unwrap_or(()));
    }
}

extern "C" fn thread_yield(_: Ctx) {
    blocking(std::thread::yield_now);
}

// ---- the table

macro_rules! table {
    ($($name:literal = $function:ident;)*) => {
        /// The address of a host function, by the full name of its method.
        pub fn function(name: &str) -> Option<usize> {
            match name {
                $($name => Some($function as *const () as usize),)*
                _ => None,
            }
        }

        /// Names of all host functions.
        pub const NAMES: &[&str] = &[$($name),*];
    };
}

table! {
    "object::type_name" = type_name;
    "object::equals" = equals;
    "string::length" = get_length;
    "string::char_at" = char_at;
    "string::concat" = concat;
    "string::same" = same;
    "string::from_i32" = from_i32;
    "string::from_i64" = from_i64;
    "string::from_chars" = from_chars;
    "Array::length" = get_length;
    "print_i32" = print_i32;
    "print_u32" = print_u32;
    "print_i64" = print_i64;
    "print_u64" = print_u64;
    "print_f32" = print_f32;
    "print_f64" = print_f64;
    "print_bool" = print_bool;
    "print_char" = print_char;
    "print_str" = print_str;
    "type_name_of" = type_name_of;
    "gc_collect" = gc_collect;
    "thread_start" = thread_start;
    "thread_join" = thread_join;
    "thread_yield" = thread_yield;
    "exchange_i32" = exchange_i32;
    "exchange_i64" = exchange_i64;
    "compare_exchange_i32" = compare_exchange_i32;
    "compare_exchange_i64" = compare_exchange_i64;
    "add_i32" = add_i32;
    "add_i64" = add_i64;
    "increment_i32" = increment_i32;
    "decrement_i32" = decrement_i32;
    "memory_barrier" = memory_barrier;
    "sqrt" = sqrt;
    "abs_f64" = abs_f64;
    "abs_f32" = abs_f32;
    "floor" = floor;
    "ceil" = ceil;
    "round" = round;
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_frontend_ir::module::MethodFlags;

    #[test]
    fn every_function_of_the_prelude_is_there() {
        let module = isthmus_frontend_ir::text::parse("").unwrap();
        for m in module.method_ids() {
            let host = module.method_def(m).flags.contains(MethodFlags::EXTERN);
            assert_eq!(
                host,
                NAMES.contains(&module.full_name(m).as_str()),
                "{}",
                module.full_name(m)
            );
        }
    }
}
