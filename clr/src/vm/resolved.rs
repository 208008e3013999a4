//! What virtual calls that go by handle found, by vtable and method: such calls (of generic virtual methods, `ldvirtftn`, constrained
//! ones of shared code) ask each time, and the answer, a stable entry, holds for good.
//!
//! A newer answer replaces an older one that has the same place. Entries are read without a lock: one whose version is odd, or changes
//! meanwhile, is being written.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

struct Entry {
    version: AtomicU32,
    vtable: AtomicUsize,
    method: AtomicUsize,
    code: AtomicUsize,
}

const SIZE: usize = 1024;

static ENTRIES: [Entry; SIZE] = [const {
    Entry {
        version: AtomicU32::new(0),
        vtable: AtomicUsize::new(0),
        method: AtomicUsize::new(0),
        code: AtomicUsize::new(0),
    }
}; SIZE];

fn entry(vtable: usize, method: usize) -> &'static Entry {
    let mixed =
        (vtable as u64 ^ (method as u64).rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    &ENTRIES[(mixed >> 40) as usize % SIZE]
}

/// The code for objects with a vtable, if it is known.
pub fn get(vtable: usize, method: usize) -> Option<usize> {
    let e = entry(vtable, method);
    let version = e.version.load(Ordering::Acquire);
    let same =
        e.vtable.load(Ordering::Relaxed) == vtable && e.method.load(Ordering::Relaxed) == method;
    let code = e.code.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    let whole = version & 1 == 0 && e.version.load(Ordering::Relaxed) == version;
    (same && whole && code != 0).then_some(code)
}

/// Notes the code. While another thread writes the entry, this does nothing.
pub fn put(vtable: usize, method: usize, code: usize) {
    let e = entry(vtable, method);
    let version = e.version.load(Ordering::Relaxed);
    let mine = version & 1 == 0
        && e.version
            .compare_exchange(version, version + 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
    if mine {
        fence(Ordering::Release);
        e.vtable.store(vtable, Ordering::Relaxed);
        e.method.store(method, Ordering::Relaxed);
        e.code.store(code, Ordering::Relaxed);
        e.version.store(version.wrapping_add(2), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_belong_to_their_questions() {
        // Numbers that no vtable or method of a test has.
        let question = |n: usize| (n * 8 + 1, n * 24 + 3);
        let answer = |n: usize| n + 1000;
        let threads: Vec<_> = (0..4)
            .map(|t| {
                std::thread::spawn(move || {
                    for n in (0..40_000).map(|n| (n * 7 + t) % 5000) {
                        let (vtable, method) = question(n);
                        if let Some(code) = get(vtable, method) {
                            assert_eq!(code, answer(n));
                        }
                        put(vtable, method, answer(n));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let (vtable, method) = question(5);
        put(vtable, method, answer(5));
        assert_eq!(get(vtable, method), Some(answer(5)));
        assert_eq!(get(vtable, method + 8), None);
    }
}
