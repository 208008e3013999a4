//! Functions that programs call.
//!
//! Each is a plain C function with the thread context as one more, last, argument. The transition stub that `Vm::compile` asks
//! for has published the managed frame, so a function may allocate, collect and call back; one that fails sets the pending exception and
//! returns anything: the stub throws.

use crate::object::{self, length, type_of, units};
use crate::run::toy;
use crate::types::from_handle;
use isthmus_frontend_ir::interp::host as text;
use isthmus_frontend_ir::module::Module;
use isthmus_rt::native::{Ctx, current, finish, not_null, of_intrinsic, trap};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_rt::transition::blocking;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{ARRAY_DATA, STRING_CHARS};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_stubs::entry::InvokeArgs;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

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
    let main = move |thread: &Thread, argument: Ref| {
        let mut args = InvokeArgs::default();
        args.ints[0] = argument.addr() as u64;
        // SAFETY: the thread is attached; the program passed a function of one object, which goes in the first register.
        if let Err(thrown) = unsafe { thread.runtime().invoke_raw(thread, code, &mut args) } {
            let class = &toy().module.ty(type_of(thrown.exception)).name;
            print(format!("unhandled {class} in a thread"));
        }
    };
    let runtime = current(ctx).runtime();
    match runtime.spawn(STACK_BYTES, Ref::from_addr(argument), main) {
        Ok(join) => toy().threads.with(|all| {
            all.push(Some(join));
            all.len() as i32
        }),
        Err(_) => finish(ctx, trap(ctx, TrapKind::OutOfMemory)),
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
        fn by_name(name: &str) -> Option<usize> {
            match name {
                $($name => Some($function as *const () as usize),)*
                _ => None,
            }
        }

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
}

/// The address of a host function. What compilers have an intrinsic for, the runtime has as a function too.
pub fn function(module: &Module, method: MethodId) -> Option<usize> {
    let intrinsic = module.method_def(method).intrinsic;
    intrinsic
        .and_then(of_intrinsic)
        .or_else(|| by_name(&module.full_name(method)))
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
            let found = function(&module, m).is_some();
            assert_eq!(host, found, "{}", module.full_name(m));
        }
    }
}
