//! The C functions behind the helpers of `runtime_abi::helpers`.
//!
//! Each takes the helper's words and then, unless it is a leaf, the thread context. What depends on the VM is handed to
//! [`Vm`](crate::vm::Vm); an error becomes pending, and the transition stub throws it.

use crate::gc::lockword::{lock_word, thin_enter, thin_exit};
use crate::heap::{copy_refs, gc_barrier, store_ref_unknown};
use crate::object::{Ref, Thrown};
use crate::thread::Thread;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::RaiseId;
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::trap::TrapKind;
use std::sync::atomic::Ordering::Relaxed;

type Ctx = *mut ThreadContext;

/// The calling thread.
fn thread<'a>(ctx: Ctx) -> &'a Thread {
    // SAFETY: transition stubs pass the context of the calling thread.
    unsafe { Thread::from_context(ctx) }
}

fn trap(thread: &Thread, kind: TrapKind) -> Thrown {
    thread.runtime().trap(thread, kind)
}

/// `RuntimeFn::EntryCheck`.
///
/// # Safety
/// Called by the entry-check stub with the thread's context.
pub(crate) unsafe extern "C" fn entry_check(ctx: Ctx) {
    let thread = thread(ctx);
    let safepoints = thread.runtime().safepoints();
    if safepoints.is_requested() {
        safepoints.park(thread);
    }
    // Above the stub's two link words is the stack pointer that the method compared.
    let sp = thread.ctx.transition_fp.load(Relaxed) + 2 * size_of::<usize>();
    if sp <= thread.stack_limit() {
        thread.set_pending(trap(thread, TrapKind::StackOverflow));
    }
}

/// Helpers that the VM implements: name, arguments, the call.
macro_rules! vm_helpers {
    ($($name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = |$t:ident, $vm:ident| $call:expr;)*) => {
        $(extern "C" fn $name($($arg: $ty,)* ctx: Ctx) $(-> $ret)? {
            let $t = thread(ctx);
            let $vm = $t.runtime().vm();
            $t.or_throw($call)
        })*
    };
}

fn addr(result: Result<Ref, Thrown>) -> Result<usize, Thrown> {
    result.map(Ref::addr)
}

vm_helpers! {
    throw_trap(kind: i32) = |t, _vm| {
        let kind = u8::try_from(kind).ok().and_then(TrapKind::from_code);
        Err::<(), _>(trap(t, kind.unwrap_or(TrapKind::InvalidProgram)))
    };
    throw_raise(raise: usize) = |t, vm| {
        match u32::try_from(raise).ok().and_then(RaiseId::from_raw) {
            Some(raise) => Err::<(), _>(Thrown::new(vm.raise_exception(t, raise))),
            None => Err(trap(t, TrapKind::InvalidProgram)),
        }
    };
    alloc_object(vtable: usize) -> usize = |t, vm| addr(vm.alloc_object(t, vtable));
    alloc_array(vtable: usize, length: i64) -> usize = |t, vm| addr(vm.alloc_array(t, vtable, length));
    alloc_string(vtable: usize, length: i32) -> usize = |t, vm| addr(vm.alloc_string(t, vtable, length));
    box_value(vtable: usize, value: usize) -> usize = |t, vm| addr(vm.box_value(t, vtable, value));
    box_any(ty: usize, value: usize) -> usize = |t, vm| addr(vm.box_any(t, ty, value));
    unbox(object: usize, ty: usize) -> usize = |t, vm| match object {
        0 => Err(trap(t, TrapKind::NullReference)),
        object => vm.unbox(t, Ref::from_addr(object), ty),
    };
    unbox_any(object: usize, ty: usize, to: usize) = |t, vm| vm.unbox_any(t, Ref::from_addr(object), ty, to);
    cast_class(object: usize, ty: usize) -> usize = |t, vm| match object {
        0 => Ok(0),
        object => addr(vm.cast_class(t, Ref::from_addr(object), ty)),
    };
    array_store_check(array: usize, value: usize) = |t, vm| match value {
        0 => Ok(()),
        value => vm.array_store_check(t, Ref::from_addr(array), Ref::from_addr(value)),
    };
    array_exact_check(array: usize, ty: usize) = |t, vm| vm.array_exact_check(t, Ref::from_addr(array), ty);
    resolve_virtual(object: usize, method: usize) -> usize = |t, vm| match object {
        0 => Err(trap(t, TrapKind::NullReference)),
        object => vm.resolve_virtual(t, Ref::from_addr(object), method),
    };
    resolve_generic_virtual(object: usize, method: usize) -> usize = |t, vm| match object {
        0 => Err(trap(t, TrapKind::NullReference)),
        object => vm.resolve_generic_virtual(t, Ref::from_addr(object), method),
    };
    resolve_constrained(value: usize, ty: usize, method: usize) -> usize = |t, vm| {
        vm.resolve_constrained(t, value, ty, method).map(|(code, this)| {
            t.ctx.scratch0.store(this, Relaxed);
            code
        })
    };
    generic_lookup(context: usize, slot: i32) -> usize = |t, vm| vm.generic_lookup(t, context, slot as u32);
    class_init(ty: usize) = |t, vm| vm.class_init(t, ty);
    thread_statics(ty: usize) -> usize = |t, vm| vm.thread_statics(t, ty);
    static_address(field: usize) -> usize = |t, vm| vm.static_address(t, field);
    local_alloc(bytes: i64, mark: usize) -> usize = |t, _vm| {
        // Negative byte counts are huge ones.
        // SAFETY: compiled code passes its frame's mark.
        let block = unsafe { t.local_alloc(bytes as usize, mark as *mut usize) };
        block.ok_or_else(|| trap(t, TrapKind::StackOverflow))
    };
    tier_up(counter: usize, at: i32) -> usize = |t, _vm| Ok(t.runtime().tier_up(t, counter, at));
    f64_to_i64_ovf(value: f64) -> i64 = |t, _vm| {
        let fits = (-TWO_63..TWO_63).contains(&value);
        if fits { Ok(value as i64) } else { Err(trap(t, TrapKind::Overflow)) }
    };
    f64_to_u64_ovf(value: f64) -> i64 = |t, _vm| {
        let fits = value > -1.0 && value < 2.0 * TWO_63;
        if fits { Ok(value as u64 as i64) } else { Err(trap(t, TrapKind::Overflow)) }
    };
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

extern "C" fn throw(object: usize, ctx: Ctx) {
    let thread = thread(ctx);
    thread.set_pending(match object {
        0 => trap(thread, TrapKind::NullReference),
        object => match thread.runtime().vm().thrown(thread, Ref::from_addr(object)) {
            Ok(exception) => Thrown::new(exception),
            Err(other) => other,
        },
    });
}

extern "C" fn rethrow(object: usize, ctx: Ctx) {
    let thread = thread(ctx);
    thread.set_pending(match object {
        0 => trap(thread, TrapKind::NullReference),
        object => match thread.runtime().vm().thrown(thread, Ref::from_addr(object)) {
            Ok(exception) if exception.addr() == object => Thrown::rethrown(exception),
            Ok(wrapped) => Thrown::new(wrapped),
            Err(other) => other,
        },
    });
}

extern "C" fn resume(token: usize, ctx: Ctx) {
    thread(ctx).set_pending_resume(token);
}

extern "C" fn is_inst(object: usize, ty: usize) -> usize {
    if object == 0 {
        return 0;
    }
    let object = Ref::from_addr(object);
    // SAFETY: a live object.
    match unsafe { cast_answer(object, ty) } {
        Some(true) => return object.addr(),
        Some(false) => return 0,
        None => {}
    }
    let thread = Thread::current();
    thread.map_or(0, |t| t.runtime().vm().is_inst(object, ty).addr())
}

/// The answer in an object's vtable, wherever it may be there.
///
/// # Safety
/// The object is alive and not null.
unsafe fn cast_answer(object: Ref, ty: usize) -> Option<bool> {
    // SAFETY: as the caller says; vtables begin with this header.
    let header = unsafe { &*(object.vtable() as *const layout::VtableHeader) };
    let answers = header.cast_answers();
    let seen = |slot: usize| answers[slot].load(Relaxed);
    let words = [layout::cast_cache_slot(ty), layout::cast_cache_second(ty)].map(seen);
    if words.contains(&ty) {
        return Some(true);
    }
    words.contains(&(ty | 1)).then_some(false)
}

extern "C" fn lock_enter(object: usize, owner: u32) -> u32 {
    let object = Ref::from_addr(object);
    // SAFETY: a live object, unless null.
    u32::from(!object.is_null() && thin_enter(unsafe { lock_word(object) }, owner))
}

extern "C" fn lock_exit(object: usize, owner: u32) -> u32 {
    let object = Ref::from_addr(object);
    // SAFETY: a live object, unless null.
    u32::from(!object.is_null() && thin_exit(unsafe { lock_word(object) }, owner))
}

extern "C" fn copy_value(to: usize, from: usize, ty: usize) {
    if let Some(thread) = Thread::current() {
        thread.runtime().vm().copy_value(to, from, ty);
    }
}

unsafe extern "C" fn mem_move(to: *mut u8, from: *const u8, bytes: i64) {
    // SAFETY: compiled code vouches for both ranges.
    unsafe { std::ptr::copy(from, to, bytes as usize) }
}

unsafe extern "C" fn mem_set(to: *mut u8, value: i32, bytes: i64) {
    // SAFETY: compiled code vouches for the range.
    unsafe { std::ptr::write_bytes(to, value as u8, bytes as usize) }
}

extern "C" fn rem_f64(a: f64, b: f64) -> f64 {
    a % b
}

extern "C" fn rem_f32(a: f32, b: f32) -> f32 {
    a % b
}

extern "C" fn u64_to_f64(value: i64) -> f64 {
    value as u64 as f64
}

/// `cvttsd2si`: out of range and NaN give the pattern 0x8000….
fn truncate(value: f64) -> i64 {
    if (-TWO_63..TWO_63).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

/// What a C compiler for x86-64 makes of `(uint64_t)value`, but for NaN, which gives 0.
extern "C" fn f64_to_u64(value: f64) -> i64 {
    if value.is_nan() {
        0
    } else if value >= TWO_63 {
        truncate(value - TWO_63) ^ i64::MIN
    } else {
        truncate(value)
    }
}

extern "C" fn div_i64(a: i64, b: i64) -> i64 {
    a.checked_div(b).unwrap_or(if b == 0 { 0 } else { a })
}

extern "C" fn div_u64(a: u64, b: u64) -> u64 {
    a.checked_div(b).unwrap_or(0)
}

extern "C" fn rem_i64(a: i64, b: i64) -> i64 {
    a.checked_rem(b).unwrap_or(0)
}

extern "C" fn rem_u64(a: u64, b: u64) -> u64 {
    a.checked_rem(b).unwrap_or(0)
}

macro_rules! math {
    ($($name:ident($($arg:ident),*) = $e:expr;)*) => {
        $(extern "C" fn $name($($arg: f64),*) -> f64 { $e })*
    };
}

math! {
    sin(x) = x.sin();
    cos(x) = x.cos();
    tan(x) = x.tan();
    pow(x, y) = x.powf(y);
    exp(x) = x.exp();
    log(x) = x.ln();
    atan2(y, x) = y.atan2(x);
}

/// The C function of a helper.
pub(crate) fn address(helper: Helper) -> usize {
    match helper {
        Helper::Throw => throw as *const () as usize,
        Helper::Rethrow => rethrow as *const () as usize,
        Helper::ThrowTrap => throw_trap as *const () as usize,
        Helper::ThrowRaise => throw_raise as *const () as usize,
        Helper::Resume => resume as *const () as usize,
        Helper::EntryCheck => entry_check as *const () as usize,
        Helper::AllocObject => alloc_object as *const () as usize,
        Helper::AllocArray => alloc_array as *const () as usize,
        Helper::AllocString => alloc_string as *const () as usize,
        Helper::Box => box_value as *const () as usize,
        Helper::CastClass => cast_class as *const () as usize,
        Helper::IsInst => is_inst as *const () as usize,
        Helper::Unbox => unbox as *const () as usize,
        Helper::UnboxAny => unbox_any as *const () as usize,
        Helper::BoxAny => box_any as *const () as usize,
        Helper::ArrayStoreCheck => array_store_check as *const () as usize,
        Helper::ArrayExactCheck => array_exact_check as *const () as usize,
        Helper::ResolveVirtual => resolve_virtual as *const () as usize,
        Helper::ResolveGenericVirtual => resolve_generic_virtual as *const () as usize,
        Helper::ResolveConstrained => resolve_constrained as *const () as usize,
        Helper::GenericLookup => generic_lookup as *const () as usize,
        Helper::ClassInit => class_init as *const () as usize,
        Helper::ThreadStatics => thread_statics as *const () as usize,
        Helper::StaticAddress => static_address as *const () as usize,
        Helper::GcBarrier => gc_barrier as *const () as usize,
        Helper::StoreRefUnknown => store_ref_unknown as *const () as usize,
        Helper::LockEnter => lock_enter as *const () as usize,
        Helper::LockExit => lock_exit as *const () as usize,
        Helper::CopyValue => copy_value as *const () as usize,
        Helper::CopyRefs => copy_refs as *const () as usize,
        Helper::MemMove => mem_move as *const () as usize,
        Helper::MemSet => mem_set as *const () as usize,
        Helper::LocalAlloc => local_alloc as *const () as usize,
        Helper::RemF64 => rem_f64 as *const () as usize,
        Helper::RemF32 => rem_f32 as *const () as usize,
        Helper::U64ToF64 => u64_to_f64 as *const () as usize,
        Helper::F64ToU64 => f64_to_u64 as *const () as usize,
        Helper::F64ToI64Ovf => f64_to_i64_ovf as *const () as usize,
        Helper::F64ToU64Ovf => f64_to_u64_ovf as *const () as usize,
        Helper::DivI64 => div_i64 as *const () as usize,
        Helper::DivU64 => div_u64 as *const () as usize,
        Helper::RemI64 => rem_i64 as *const () as usize,
        Helper::RemU64 => rem_u64 as *const () as usize,
        Helper::Sin => sin as *const () as usize,
        Helper::Cos => cos as *const () as usize,
        Helper::Tan => tan as *const () as usize,
        Helper::Pow => pow as *const () as usize,
        Helper::Exp => exp as *const () as usize,
        Helper::Log => log as *const () as usize,
        Helper::Atan2 => atan2 as *const () as usize,
        Helper::TierUp => tier_up as *const () as usize,
    }
}
