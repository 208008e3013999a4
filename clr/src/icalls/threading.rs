//! `Interlocked`, `Volatile`, `Monitor`, `Thread`.

use super::string::{c_memory, native_units};
use crate::types::types;
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, heap, monitors, threads};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::transition::blocking;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

icalls! {
    "System.Threading.Interlocked" {
        "CompareExchange(int&,int,int)" => compare_exchange_32 [at: usize, new: u32, old: u32] -> u32;
        "CompareExchange(int&,int,int,bool&)" => compare_exchange_flag [at: usize, new: u32, old: u32, done: usize] -> u32;
        "CompareExchange(object&,object&,object&,object&)" => compare_exchange_ref [at: usize, new: usize, old: usize, result: usize] -> ();
        "CompareExchange(float&,float,float)" => compare_exchange_f32 [at: usize, new: f32, old: f32] -> f32;
        "CompareExchange(double&,double,double)" => compare_exchange_f64 [at: usize, new: f64, old: f64] -> f64;
        "CompareExchange(long&,long,long)" => compare_exchange_64 [at: usize, new: u64, old: u64] -> u64;
        "CompareExchange(intptr&,intptr,intptr)" => compare_exchange_word [at: usize, new: usize, old: usize] -> usize;
        "Exchange(int&,int)" => exchange_32 [at: usize, new: u32] -> u32;
        "Exchange(object&,object&,object&)" => exchange_ref [at: usize, new: usize, result: usize] -> ();
        "Exchange(float&,float)" => exchange_f32 [at: usize, new: f32] -> f32;
        "Exchange(double&,double)" => exchange_f64 [at: usize, new: f64] -> f64;
        "Exchange(long&,long)" => exchange_64 [at: usize, new: u64] -> u64;
        "Exchange(intptr&,intptr)" => exchange_word [at: usize, new: usize] -> usize;
        "Add(int&,int)" => add_32 [at: usize, by: u32] -> u32;
        "Add(long&,long)" => add_64 [at: usize, by: u64] -> u64;
        "Increment(int&)" => increment_32 [at: usize] -> u32;
        "Increment(long&)" => increment_64 [at: usize] -> u64;
        "Decrement(int&)" => decrement_32 [at: usize] -> u32;
        "Decrement(long&)" => decrement_64 [at: usize] -> u64;
        "Read" => read_64 [at: usize] -> u64;
        "MemoryBarrierProcessWide" => memory_barrier [] -> ();
    }
    "System.Threading.Volatile" {
        "Read(long&)" => read_64 [at: usize] -> u64;
        "Read(ulong&)" => read_64 [at: usize] -> u64;
        "Read(double&)" => read_f64 [at: usize] -> f64;
        "Write(long&,long)" => write_64 [at: usize, value: u64] -> ();
        "Write(ulong&,ulong)" => write_64 [at: usize, value: u64] -> ();
        "Write(double&,double)" => write_f64 [at: usize, value: f64] -> ();
    }
    "System.Threading.InternalThread" {
        "Thread_free_internal" => free_thread [this: Ref] -> ();
    }
    "System.Threading.Monitor" {
        "Enter" => enter [object: Ref] -> ();
        "Exit" => exit [object: Ref] -> ();
        "try_enter_with_atomic_var" => try_enter [object: Ref, timeout: i32, taken: usize] -> ();
        "Monitor_test_synchronised" => is_locked [object: Ref] -> bool;
        "Monitor_test_owner" => is_entered [object: Ref] -> bool;
        "Monitor_pulse" => pulse [object: Ref] -> ();
        "Monitor_pulse_all" => pulse_all [object: Ref] -> ();
        "Monitor_wait" => wait [object: Ref, timeout: i32] -> bool;
    }
    "System.Threading.Thread" {
        "GetCurrentThread" => current_thread [] -> Ref;
        "MemoryBarrier" => memory_barrier [] -> ();
        "SleepInternal" => sleep [timeout: i32] -> ();
        "YieldInternal" => yield_now [] -> bool;
        "SpinWait_nop" => spin [] -> ();
        "ConstructInternalThread" => construct [this: Ref] -> ();
        "Thread_internal" => start [this: Ref, delegate: Ref] -> bool;
        "JoinInternal" => join [this: Ref, timeout: i32] -> bool;
        "SystemMaxStackStize" => max_stack_size [] -> i32;
        "GetName_internal" => get_name [thread: Ref] -> Ref;
        "SetName_icall" => set_name [thread: Ref, units: usize, length: i32] -> ();
        "GetPriorityNative" => get_priority [this: Ref] -> i32;
        "SetPriorityNative" => set_priority [this: Ref, priority: i32] -> ();
        "GetDomainID" => domain_id [] -> i32;
        "GetState" => get_state [thread: Ref] -> i32;
        "SetState" => set_state [thread: Ref, bits: i32] -> ();
        "ClrState" => clear_state [thread: Ref, bits: i32] -> ();
    }
}

fn word_32<'a>(at: usize) -> &'a AtomicU32 {
    // SAFETY: a managed pointer to an aligned 32-bit location that outlives the call.
    unsafe { AtomicU32::from_ptr(at as *mut u32) }
}

fn word_64<'a>(at: usize) -> &'a AtomicU64 {
    // SAFETY: as `word_32`.
    unsafe { AtomicU64::from_ptr(at as *mut u64) }
}

fn word<'a>(at: usize) -> &'a AtomicUsize {
    // SAFETY: as `word_32`.
    unsafe { AtomicUsize::from_ptr(at as *mut usize) }
}

macro_rules! exchanges {
    ($ty:ty, $cell:ident, $exchange:ident, $compare:ident) => {
        fn $exchange(cx: &Cx<'_>, at: usize, new: $ty) -> Result<$ty> {
            present(cx, at)?;
            Ok($cell(at).swap(new, Ordering::SeqCst))
        }
        fn $compare(cx: &Cx<'_>, at: usize, new: $ty, old: $ty) -> Result<$ty> {
            present(cx, at)?;
            Ok($cell(at)
                .compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst)
                .unwrap_or_else(|seen| seen))
        }
    };
}

exchanges!(u32, word_32, exchange_32, compare_exchange_32);
exchanges!(u64, word_64, exchange_64, compare_exchange_64);
exchanges!(usize, word, exchange_word, compare_exchange_word);

fn present(cx: &Cx<'_>, at: usize) -> Result<()> {
    if at == 0 {
        Err(cx.null_reference())
    } else {
        Ok(())
    }
}

fn compare_exchange_flag(cx: &Cx<'_>, at: usize, new: u32, old: u32, done: usize) -> Result<u32> {
    let seen = compare_exchange_32(cx, at, new, old)?;
    // SAFETY: a managed pointer to a bool.
    unsafe { *(done as *mut u8) = u8::from(seen == old) };
    Ok(seen)
}

fn exchange_f32(cx: &Cx<'_>, at: usize, new: f32) -> Result<f32> {
    exchange_32(cx, at, new.to_bits()).map(f32::from_bits)
}

fn exchange_f64(cx: &Cx<'_>, at: usize, new: f64) -> Result<f64> {
    exchange_64(cx, at, new.to_bits()).map(f64::from_bits)
}

fn compare_exchange_f32(cx: &Cx<'_>, at: usize, new: f32, old: f32) -> Result<f32> {
    compare_exchange_32(cx, at, new.to_bits(), old.to_bits()).map(f32::from_bits)
}

fn compare_exchange_f64(cx: &Cx<'_>, at: usize, new: f64, old: f64) -> Result<f64> {
    compare_exchange_64(cx, at, new.to_bits(), old.to_bits()).map(f64::from_bits)
}

/// The write barrier after a reference was stored at an address by an atomic instruction.
fn stored(at: usize) {
    // SAFETY: the thread runs; what is found is an object of the heap. An object that is not found is new and needs none.
    unsafe {
        if let Some(object) = heap::heap().find_object(at) {
            heap::heap().barrier(object);
        }
    }
}

/// The operands come by reference, because the library's generic forms pass their locals.
fn compare_exchange_ref(
    cx: &Cx<'_>,
    at: usize,
    new: usize,
    old: usize,
    result: usize,
) -> Result<()> {
    present(cx, at)?;
    let (new, old) = (
        word(new).load(Ordering::Relaxed),
        word(old).load(Ordering::Relaxed),
    );
    let seen = compare_exchange_word(cx, at, new, old)?;
    if seen == old {
        stored(at);
    }
    cx.store_by_ref(result, Ref::from_addr(seen));
    Ok(())
}

fn exchange_ref(cx: &Cx<'_>, at: usize, new: usize, result: usize) -> Result<()> {
    let seen = exchange_word(cx, at, word(new).load(Ordering::Relaxed))?;
    stored(at);
    cx.store_by_ref(result, Ref::from_addr(seen));
    Ok(())
}

macro_rules! arithmetic {
    ($ty:ty, $cell:ident, $add:ident, $increment:ident, $decrement:ident) => {
        fn $add(cx: &Cx<'_>, at: usize, by: $ty) -> Result<$ty> {
            present(cx, at)?;
            Ok($cell(at).fetch_add(by, Ordering::SeqCst).wrapping_add(by))
        }
        fn $increment(cx: &Cx<'_>, at: usize) -> Result<$ty> {
            $add(cx, at, 1)
        }
        fn $decrement(cx: &Cx<'_>, at: usize) -> Result<$ty> {
            $add(cx, at, <$ty>::MAX)
        }
    };
}

arithmetic!(u32, word_32, add_32, increment_32, decrement_32);
arithmetic!(u64, word_64, add_64, increment_64, decrement_64);

fn read_64(cx: &Cx<'_>, at: usize) -> Result<u64> {
    present(cx, at)?;
    Ok(word_64(at).load(Ordering::SeqCst))
}

fn write_64(cx: &Cx<'_>, at: usize, value: u64) -> Result<()> {
    present(cx, at)?;
    word_64(at).store(value, Ordering::SeqCst);
    Ok(())
}

fn read_f64(cx: &Cx<'_>, at: usize) -> Result<f64> {
    read_64(cx, at).map(f64::from_bits)
}

fn write_f64(cx: &Cx<'_>, at: usize, value: f64) -> Result<()> {
    write_64(cx, at, value.to_bits())
}

fn memory_barrier(_cx: &Cx<'_>) -> Result<()> {
    fence(Ordering::SeqCst);
    Ok(())
}

// ---- monitors

fn lock_of(cx: &Cx<'_>, object: Ref) -> Result<Ref> {
    if object.is_null() {
        Err(cx.argument_null("obj"))
    } else {
        Ok(object)
    }
}

fn not_owner(cx: &Cx<'_>) -> Thrown {
    cx.exception(
        "System.Threading",
        "SynchronizationLockException",
        "Object synchronization method was called from an unsynchronized block of code.",
    )
}

/// A time limit in milliseconds; -1 for none.
fn limit(timeout: i32) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}

fn enter(cx: &Cx<'_>, object: Ref) -> Result<()> {
    monitors::enter(lock_of(cx, object)?, None);
    Ok(())
}

fn exit(cx: &Cx<'_>, object: Ref) -> Result<()> {
    monitors::exit(lock_of(cx, object)?).map_err(|_| not_owner(cx))
}

fn try_enter(cx: &Cx<'_>, object: Ref, timeout: i32, taken: usize) -> Result<()> {
    let object = lock_of(cx, object)?;
    // SAFETY: a managed pointer to a bool.
    let flag = unsafe { &mut *(taken as *mut u8) };
    if *flag != 0 {
        return Err(cx.exception("System", "ArgumentException", "lockTaken is already true"));
    }
    *flag = u8::from(monitors::enter(object, limit(timeout)));
    Ok(())
}

fn is_locked(cx: &Cx<'_>, object: Ref) -> Result<bool> {
    Ok(monitors::is_locked(lock_of(cx, object)?))
}

fn is_entered(cx: &Cx<'_>, object: Ref) -> Result<bool> {
    Ok(monitors::is_entered(lock_of(cx, object)?))
}

fn pulse(cx: &Cx<'_>, object: Ref) -> Result<()> {
    monitors::pulse(lock_of(cx, object)?, false).map_err(|_| not_owner(cx))
}

fn pulse_all(cx: &Cx<'_>, object: Ref) -> Result<()> {
    monitors::pulse(lock_of(cx, object)?, true).map_err(|_| not_owner(cx))
}

fn wait(cx: &Cx<'_>, object: Ref, timeout: i32) -> Result<bool> {
    monitors::wait(lock_of(cx, object)?, limit(timeout)).map_err(|_| not_owner(cx))
}

// ---- threads

fn current_thread(cx: &Cx<'_>) -> Result<Ref> {
    threads::current(cx)
}

fn sleep(_cx: &Cx<'_>, timeout: i32) -> Result<()> {
    blocking(|| match limit(timeout) {
        Some(time) if time.is_zero() => std::thread::yield_now(),
        Some(time) => std::thread::sleep(time),
        None => loop {
            std::thread::park();
        },
    });
    Ok(())
}

fn yield_now(_cx: &Cx<'_>) -> Result<bool> {
    blocking(std::thread::yield_now);
    Ok(true)
}

fn spin(_cx: &Cx<'_>) -> Result<()> {
    std::hint::spin_loop();
    Ok(())
}

fn construct(cx: &Cx<'_>, this: Ref) -> Result<()> {
    if this.is_null() {
        return Err(cx.null_reference());
    }
    threads::construct(cx, this)
}

fn start(cx: &Cx<'_>, this: Ref, delegate: Ref) -> Result<bool> {
    threads::start(cx, this, delegate).map(|()| true)
}

fn join(cx: &Cx<'_>, this: Ref, timeout: i32) -> Result<bool> {
    let me = threads::internal_of(cx, threads::current(cx)?)?;
    let bits = threads::state_bits(me);
    bits.fetch_or(threads::state::WAITING, Ordering::SeqCst);
    let ended = threads::join(cx, this, limit(timeout));
    bits.fetch_and(!threads::state::WAITING, Ordering::SeqCst);
    std::hint::black_box(me);
    ended
}

fn max_stack_size(_cx: &Cx<'_>) -> Result<i32> {
    Ok(64 << 20)
}

/// Offsets of an `InternalThread`'s name: units in native memory, and their number.
fn name_place(cx: &Cx<'_>, thread: Ref) -> Result<(u32, u32)> {
    if thread.is_null() {
        return Err(cx.null_reference());
    }
    let class = types().known.internal_thread();
    let at = |name| offset_of(class, name).map_err(|e| cx.load_error(&e));
    Ok((at("name_chars")?, at("name_length")?))
}

fn get_name(cx: &Cx<'_>, thread: Ref) -> Result<Ref> {
    let (units, length) = name_place(cx, thread)?;
    match cx.read::<usize>(thread, units) {
        0 => Ok(Ref::NULL),
        at => cx.string_utf16(&native_units(at, cx.read(thread, length))),
    }
}

/// Gives an `InternalThread` a copy of a name in UTF-16.
pub(crate) fn set_name(cx: &Cx<'_>, thread: Ref, units: usize, length: i32) -> Result<()> {
    let (at, count) = name_place(cx, thread)?;
    let bytes: Vec<u8> = native_units(units, if units == 0 { 0 } else { length })
        .iter()
        .flat_map(|u| u.to_le_bytes())
        .collect();
    let copy = if units == 0 { 0 } else { c_memory(cx, &bytes)? };
    let old = cx.read::<usize>(thread, at);
    cx.write(thread, at, copy);
    cx.write(thread, count, length);
    // SAFETY: memory of an earlier `c_memory`, or null.
    unsafe { libc::free(old as *mut libc::c_void) };
    Ok(())
}

/// The finalizer of an `InternalThread`: its name goes.
fn free_thread(cx: &Cx<'_>, this: Ref) -> Result<()> {
    set_name(cx, this, 0, 0)
}

fn priority_of(cx: &Cx<'_>, thread: Ref) -> Result<(Ref, u32)> {
    let internal = threads::internal_of(cx, thread)?;
    let at = offset_of(types().known.internal_thread(), "priority");
    Ok((internal, at.map_err(|e| cx.load_error(&e))?))
}

fn get_priority(cx: &Cx<'_>, this: Ref) -> Result<i32> {
    let (internal, at) = priority_of(cx, this)?;
    Ok(cx.read(internal, at))
}

/// Remembered; the system schedules all threads alike, as it does for Mono without privileges.
fn set_priority(cx: &Cx<'_>, this: Ref, priority: i32) -> Result<()> {
    let (internal, at) = priority_of(cx, this)?;
    cx.write(internal, at, priority);
    Ok(())
}

fn domain_id(_cx: &Cx<'_>) -> Result<i32> {
    Ok(1)
}

/// The state bits of an `InternalThread` that may be null.
fn state_bits<'a>(cx: &Cx<'_>, thread: Ref) -> Result<&'a AtomicU32> {
    if thread.is_null() {
        return Err(cx.null_reference());
    }
    Ok(threads::state_bits(thread))
}

fn get_state(cx: &Cx<'_>, thread: Ref) -> Result<i32> {
    Ok(state_bits(cx, thread)?.load(Ordering::SeqCst) as i32)
}

fn set_state(cx: &Cx<'_>, thread: Ref, bits: i32) -> Result<()> {
    state_bits(cx, thread)?.fetch_or(bits as u32, Ordering::SeqCst);
    Ok(())
}

fn clear_state(cx: &Cx<'_>, thread: Ref, bits: i32) -> Result<()> {
    state_bits(cx, thread)?.fetch_and(!(bits as u32), Ordering::SeqCst);
    Ok(())
}
