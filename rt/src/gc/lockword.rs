//! The lock/hash word of an object, and hash codes that stay the same when the object moves.
//!
//! The word is for the VM's monitors, under one scheme that the two top bits tell apart:
//!
//! ```text
//!  31 30 29                          0
//!  0  0  0 ...                       0   neither locked nor hashed
//!  0  0  owner, 20 bits; depth, 10 bits   thin lock
//!  0  1  hash, 30 bits                   hashed, not locked
//!  1  x  whatever the VM likes, 31 bits  index of a monitor that holds lock and hash
//! ```
//!
//! A hash code is made at random when it is first asked for and lives in the word; it is no address, so moving the object
//! does not matter. Compiled code takes and gives back thin locks itself, or by [`thin_enter`] and [`thin_exit`], and reads hash codes that are there; all else is the VM's. An object that is locked thinly has no room for it: the monitor's owner must give it a monitor first.
//! The collector copies the word with the object and never changes it.

use crate::object::Ref;
/// The word holds a hash code (when [`MONITOR`] is not set).
pub use isthmus_runtime_abi::layout::HASHED;
use isthmus_runtime_abi::layout::LOCK_WORD;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// The bits of a hash code.
pub const HASH_MASK: u32 = HASHED - 1;
/// The word holds the number of a monitor.
pub const MONITOR: u32 = 1 << 31;

/// Bits of a thin lock that count how often its owner took it.
pub const DEPTH_BITS: u32 = 10;
/// The largest such count.
pub const MAX_DEPTH: u32 = (1 << DEPTH_BITS) - 1;
/// The largest number of a thread that can own a thin lock.
pub const MAX_OWNER: u64 = (1 << (30 - DEPTH_BITS)) - 1;

/// [`CtxWord::LockOwner`](isthmus_runtime_abi::context::CtxWord::LockOwner) of the thread with a number.
pub fn owner_word(thread: u64) -> u32 {
    match thread {
        n if n <= MAX_OWNER => (n as u32) << DEPTH_BITS,
        _ => 0,
    }
}

/// Takes a lock that is free or thinly held by this owner; false if it is in another state, or `owner` is 0.
#[inline]
pub fn thin_enter(word: &AtomicU32, owner: u32) -> bool {
    if owner == 0 {
        return false;
    }
    let seen = word.load(Ordering::Relaxed);
    let free = seen == 0;
    let again = seen & !MAX_DEPTH == owner && seen & MAX_DEPTH < MAX_DEPTH;
    let to = if free { owner | 1 } else { seen + 1 };
    (free || again)
        && word
            .compare_exchange(seen, to, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
}

/// Gives a thin lock of this owner back, once; false if it is in another state.
#[inline]
pub fn thin_exit(word: &AtomicU32, owner: u32) -> bool {
    let seen = word.load(Ordering::Relaxed);
    if owner == 0 || seen & !MAX_DEPTH != owner {
        return false;
    }
    let left = if seen & MAX_DEPTH == 1 { 0 } else { seen - 1 };
    word.compare_exchange(seen, left, Ordering::Release, Ordering::Relaxed)
        .is_ok()
}

/// A lock word, told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockWord {
    /// Neither locked nor hashed.
    Free,
    /// A thin lock: the VM's 30 bits, not 0.
    Thin(u32),
    /// Hashed and not locked.
    Hashed(u32),
    /// The VM's monitor number, 31 bits.
    Monitor(u32),
}

impl LockWord {
    /// Reads a word.
    pub fn decode(word: u32) -> LockWord {
        if word & MONITOR != 0 {
            LockWord::Monitor(word & !MONITOR)
        } else if word & HASHED != 0 {
            LockWord::Hashed(word & HASH_MASK)
        } else if word != 0 {
            LockWord::Thin(word)
        } else {
            LockWord::Free
        }
    }

    /// The word for this state.
    pub fn encode(self) -> u32 {
        match self {
            LockWord::Free => 0,
            LockWord::Thin(bits) => bits & HASH_MASK,
            LockWord::Hashed(hash) => HASHED | (hash & HASH_MASK),
            LockWord::Monitor(number) => MONITOR | number,
        }
    }
}

/// The lock word of an object.
///
/// # Safety
/// `object` is alive and not null. The reference is good until the thread's next safepoint.
pub unsafe fn lock_word<'a>(object: Ref) -> &'a AtomicU32 {
    // SAFETY: every object has the word.
    unsafe { AtomicU32::from_ptr((object.addr() + LOCK_WORD as usize) as *mut u32) }
}

/// The hash code of an object, made now if it has none. `Err` with the word's state when only the owner of the monitors
/// can tell: it is locked ([`LockWord::Thin`]) or has a monitor.
///
/// # Safety
/// `object` is alive and not null.
pub unsafe fn identity_hash(object: Ref) -> Result<u32, LockWord> {
    // SAFETY: as the caller says.
    let word = unsafe { lock_word(object) };
    let mut seen = word.load(Ordering::Acquire);
    loop {
        match LockWord::decode(seen) {
            LockWord::Hashed(hash) => return Ok(hash),
            LockWord::Free => {
                let hash = fresh_hash();
                let new = LockWord::Hashed(hash).encode();
                match word.compare_exchange(seen, new, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return Ok(hash),
                    Err(now) => seen = now,
                }
            }
            other => return Err(other),
        }
    }
}

/// A random hash code: Marsaglia's xorshift, one sequence for each thread.
pub fn fresh_hash() -> u32 {
    static SEED: AtomicU32 = AtomicU32::new(0);
    thread_local!(static STATE: Cell<u32> = const { Cell::new(0) });
    STATE.with(|state| {
        let mut x = state.get();
        if x == 0 {
            x = SEED
                .fetch_add(0x9e37_79b9, Ordering::Relaxed)
                .wrapping_add(0x2545_f491)
                | 1;
        }
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state.set(x);
        x >> 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for state in [
            LockWord::Free,
            LockWord::Thin(1),
            LockWord::Thin(HASH_MASK),
            LockWord::Hashed(0),
            LockWord::Hashed(HASH_MASK),
            LockWord::Monitor(0),
            LockWord::Monitor(!MONITOR),
        ] {
            assert_eq!(LockWord::decode(state.encode()), state);
        }
    }

    #[test]
    fn thin_locks_count_and_have_one_owner() {
        let (me, other) = (owner_word(7), owner_word(8));
        let word = AtomicU32::new(0);
        for _ in 0..MAX_DEPTH {
            assert!(thin_enter(&word, me));
            assert!(!thin_enter(&word, other));
            assert!(!thin_exit(&word, other));
        }
        assert!(!thin_enter(&word, me), "as deep as it gets");
        for _ in 0..MAX_DEPTH {
            assert!(thin_exit(&word, me));
        }
        assert_eq!(word.load(Ordering::Relaxed), 0);
        assert!(!thin_exit(&word, me));
        for state in [LockWord::Hashed(5), LockWord::Monitor(1)] {
            let word = AtomicU32::new(state.encode());
            assert!(!thin_enter(&word, me));
            assert!(!thin_exit(&word, me));
        }
        assert!(!thin_enter(&AtomicU32::new(0), owner_word(MAX_OWNER + 1)));
    }

    #[test]
    fn hashes_stay_and_differ() {
        let mut hashes = rustc_hash::FxHashSet::default();
        for _ in 0..1000 {
            let object = [0u32; 4];
            let r = Ref::from_addr(object.as_ptr() as usize);
            // SAFETY: shaped like an object.
            unsafe {
                let hash = identity_hash(r).unwrap();
                assert_eq!(identity_hash(r), Ok(hash));
                hashes.insert(hash);
            }
        }
        assert!(hashes.len() > 990);
    }

    #[test]
    fn locked_objects_are_left_to_their_owner() {
        for state in [LockWord::Thin(5), LockWord::Monitor(7)] {
            let object = [0u32, state.encode(), 0, 0];
            let r = Ref::from_addr(object.as_ptr() as usize);
            // SAFETY: shaped like an object.
            assert_eq!(unsafe { identity_hash(r) }, Err(state));
        }
    }
}
