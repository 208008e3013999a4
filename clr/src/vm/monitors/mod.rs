//! Monitors: `lock`, `Wait`, `Pulse`, and hash codes of locked objects.
//!
//! ```text
//!  lock word   free ──enter──▶ thin: owner 20 bits, depth 10 bits ──exit──▶ free
//!                │                   │ contention, hash code, Wait, deep nesting
//!                ▼                   ▼
//!              hashed ──enter──▶ monitor number (lock, waiting threads and hash in the monitor; stays)
//! ```
//!
//! A monitor, once made, stays with its object (`table`). Blocking happens in a blocking region, so that collections go on.

mod table;

use isthmus_rt::gc::lockword::{
    DEPTH_BITS, HASH_MASK, LockWord, MAX_DEPTH, fresh_hash, lock_word, owner_word, thin_enter,
    thin_exit,
};
use isthmus_rt::object::Ref;
use isthmus_rt::thread::number as thread_number;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use table::{Monitor, State, Waiter};

/// The calling thread does not hold the lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotOwner;

fn word(object: Ref) -> &'static AtomicU32 {
    // SAFETY: callers pass live objects; the word is used before the next safepoint, or the object is pinned by the
    // caller's local.
    unsafe { lock_word(object) }
}

fn split(bits: u32) -> (u64, u32) {
    (u64::from(bits >> DEPTH_BITS), bits & MAX_DEPTH)
}

/// The monitor of an object; made, with the state that the lock word had, if there is none.
fn monitor(object: Ref) -> &'static Monitor {
    let word = word(object);
    loop {
        let seen = word.load(Ordering::Acquire);
        let (owner, depth, hash) = match LockWord::decode(seen) {
            LockWord::Monitor(n) => return table::get(n),
            LockWord::Free => (0, 0, 0),
            LockWord::Hashed(hash) => (0, 0, hash),
            LockWord::Thin(bits) => {
                let (owner, depth) = split(bits);
                (owner, depth, 0)
            }
        };
        let state = State {
            owner,
            depth,
            ..State::default()
        };
        let made = table::make(object, state, hash, |number| {
            let new = LockWord::Monitor(number).encode();
            word.compare_exchange(seen, new, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        });
        if let Some(made) = made {
            return made;
        }
    }
}

/// Takes the lock; with a timeout gives false if it could not be had in time.
pub fn enter(object: Ref, timeout: Option<Duration>) -> bool {
    let me = thread_number();
    if thin_enter(word(object), owner_word(me)) {
        return true;
    }
    let monitor = monitor(object);
    let mut state = monitor.state.lock();
    if state.owner == me || state.owner == 0 {
        state.owner = me;
        state.depth += 1;
        return true;
    }
    drop(state);
    let deadline = timeout.map(|t| Instant::now() + t);
    monitor.block(|| {
        let mut state = monitor.state.lock();
        while state.owner != 0 {
            match deadline {
                None => monitor.changed.wait(&mut state),
                Some(at)
                    if monitor.changed.wait_until(&mut state, at).timed_out()
                        && state.owner != 0 =>
                {
                    return false;
                }
                Some(_) => {}
            }
        }
        state.owner = me;
        state.depth = 1;
        true
    })
}

/// Gives the lock back.
pub fn exit(object: Ref) -> Result<(), NotOwner> {
    let me = thread_number();
    let word = word(object);
    loop {
        if thin_exit(word, owner_word(me)) {
            return Ok(());
        }
        // Somebody else may be making a monitor of it.
        match LockWord::decode(word.load(Ordering::Acquire)) {
            LockWord::Monitor(_) => break,
            LockWord::Thin(bits) if split(bits).0 == me => {}
            _ => return Err(NotOwner),
        }
    }
    let monitor = monitor(object);
    let mut state = monitor.state.lock();
    if state.owner != me {
        return Err(NotOwner);
    }
    state.depth -= 1;
    if state.depth == 0 {
        state.owner = 0;
        monitor.changed.notify_all();
    }
    Ok(())
}

/// Whether the calling thread holds the lock.
pub fn is_entered(object: Ref) -> bool {
    let me = thread_number();
    match LockWord::decode(word(object).load(Ordering::Acquire)) {
        LockWord::Thin(bits) => split(bits).0 == me,
        LockWord::Monitor(_) => monitor(object).state.lock().owner == me,
        _ => false,
    }
}

/// Lets the lock go until pulsed or timed out, then takes it again. False: timed out.
pub fn wait(object: Ref, timeout: Option<Duration>) -> Result<bool, NotOwner> {
    if !is_entered(object) {
        return Err(NotOwner);
    }
    let me = thread_number();
    let monitor = monitor(object);
    let deadline = timeout.map(|t| Instant::now() + t);
    Ok(monitor.block(|| {
        let waiter = Arc::new(Waiter::default());
        let mut state = monitor.state.lock();
        let depth = std::mem::take(&mut state.depth);
        state.owner = 0;
        state.waiting.push_back(waiter.clone());
        monitor.changed.notify_all();
        let mut in_time = true;
        while !waiter.pulsed.load(Ordering::Relaxed) {
            match deadline {
                None => monitor.changed.wait(&mut state),
                Some(at) => {
                    if monitor.changed.wait_until(&mut state, at).timed_out() {
                        in_time = waiter.pulsed.load(Ordering::Relaxed);
                        break;
                    }
                }
            }
        }
        state.waiting.retain(|w| !Arc::ptr_eq(w, &waiter));
        while state.owner != 0 {
            monitor.changed.wait(&mut state);
        }
        state.owner = me;
        state.depth = depth;
        in_time
    }))
}

/// Wakes one waiting thread, or all.
pub fn pulse(object: Ref, all: bool) -> Result<(), NotOwner> {
    if !is_entered(object) {
        return Err(NotOwner);
    }
    let LockWord::Monitor(_) = LockWord::decode(word(object).load(Ordering::Acquire)) else {
        return Ok(());
    };
    let monitor = monitor(object);
    let mut state = monitor.state.lock();
    let n = if all {
        state.waiting.len()
    } else {
        state.waiting.len().min(1)
    };
    for waiter in state.waiting.drain(..n) {
        waiter.pulsed.store(true, Ordering::Relaxed);
    }
    monitor.changed.notify_all();
    Ok(())
}

/// The hash code of an object that is locked or has a monitor.
pub fn hash_of_locked(object: Ref) -> u32 {
    let monitor = monitor(object);
    let new = fresh_hash() & HASH_MASK;
    match monitor
        .hash
        .compare_exchange(0, new.max(1), Ordering::AcqRel, Ordering::Acquire)
    {
        Ok(_) => new.max(1),
        Err(hash) => hash,
    }
}

/// Whether any thread holds the lock.
pub fn is_locked(object: Ref) -> bool {
    match LockWord::decode(word(object).load(Ordering::Acquire)) {
        LockWord::Thin(_) => true,
        LockWord::Monitor(_) => monitor(object).state.lock().owner != 0,
        _ => false,
    }
}
