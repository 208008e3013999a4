//! Stopping threads in polls, entry checks and blocking regions.
#![cfg(target_arch = "x86_64")]

mod support;

use isthmus_asm::prelude::*;
use isthmus_asm::x64::regs::*;
use isthmus_rt::thread::State;
use isthmus_rt::transition::{Blocking, Running};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::*;

/// Loops with a poll, counting into the data, until its second word is not 0. Keeps `SECRET` in a callee-saved register.
fn looping(counter: Symbol) -> MethodId {
    let mut f = Fun::new(new_method());
    let head = f.label();
    f.a.store(Width::W64, local(0), R12);
    f.a.mov_imm(Width::W64, R12, SECRET);
    f.a.load_symbol(RBX, counter);
    f.bind(head);
    f.a.alu_mem(Alu::Add, Width::W64, Mem::new(RBX, 0), 1);
    f.poll(3);
    f.a.cmp_mem(Width::W64, Mem::new(RBX, 8), 0);
    f.a.jcc(Cond::Eq, head);
    f.a.mov(Width::W64, RAX, R12);
    f.a.load(Ext::Full64, R12, local(0));
    f.ret();
    f.define()
}

/// The same with a call of a method that has an entry check instead of a poll.
fn calling(counter: Symbol) -> MethodId {
    let mut f = Fun::new(new_method());
    f.entry_check();
    f.ret_imm(0);
    let leaf = f.define();
    let mut f = Fun::new(new_method());
    let head = f.label();
    f.a.load_symbol(RBX, counter);
    f.a.store(Width::W64, local(1), RBX);
    f.bind(head);
    f.a.load(Ext::Full64, RBX, local(1));
    f.a.alu_mem(Alu::Add, Width::W64, Mem::new(RBX, 0), 1);
    f.call(leaf, 1, &[]);
    f.a.load(Ext::Full64, RBX, local(1));
    f.a.cmp_mem(Width::W64, Mem::new(RBX, 8), 0);
    f.a.jcc(Cond::Eq, head);
    f.ret_imm(SECRET as i32);
    f.define()
}

const SECRET: i64 = 0x0123_4567;

/// Tests stop the whole world: one at a time.
static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn threads_stop_in_polls_and_entry_checks_and_go_on() {
    let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    let safepoints = runtime().safepoints();
    let programs: Vec<_> = (0..4)
        .map(|i| {
            let (symbol, words) = data(2);
            let make = if i % 2 == 0 { looping } else { calling };
            (make(symbol), words)
        })
        .collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = programs
            .iter()
            .map(|&(method, _)| {
                scope.spawn(move || {
                    let thread = attach();
                    call(&thread, method, &[])
                })
            })
            .collect();
        for (_, words) in &programs {
            while words[0].load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
        }
        for _ in 0..200 {
            safepoints.stop();
            let counts = || {
                programs
                    .iter()
                    .map(|p| p.1[0].load(Ordering::SeqCst))
                    .collect::<Vec<_>>()
            };
            let before = counts();
            let mut secrets = 0;
            safepoints.for_each_thread(&mut |thread| {
                assert_eq!(thread.state(), State::Parked);
                // What a parked thread keeps in registers is among its roots.
                let mut found = false;
                // SAFETY: the thread is stopped.
                unsafe {
                    thread.for_each_root_range(&mut |range| {
                        for addr in range.step_by(8) {
                            found |= *(addr as *const usize) == SECRET as usize;
                        }
                    })
                };
                secrets += usize::from(found);
            });
            assert!(secrets >= 2, "{secrets}");
            std::thread::sleep(Duration::from_micros(200));
            assert_eq!(counts(), before, "a thread ran on");
            safepoints.resume();
        }
        let counts: Vec<_> = programs
            .iter()
            .map(|p| p.1[0].load(Ordering::SeqCst))
            .collect();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10)
            && programs
                .iter()
                .zip(&counts)
                .any(|(p, &c)| p.1[0].load(Ordering::SeqCst) == c)
        {
            std::thread::yield_now();
        }
        for (_, words) in &programs {
            words[1].store(1, Ordering::SeqCst);
        }
        for thread in running {
            assert_eq!(thread.join().unwrap(), Ok(SECRET as u64));
        }
    });
}

#[test]
fn blocked_threads_are_not_waited_for_and_wait_when_they_come_back() {
    let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    let safepoints = runtime().safepoints();
    let (blocked, go, back) = (
        AtomicBool::new(false),
        AtomicBool::new(false),
        AtomicBool::new(false),
    );
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let thread = attach();
            {
                let _region = Blocking::enter(&thread);
                // Nested regions change nothing.
                let _inner = Blocking::enter(&thread);
                blocked.store(true, Ordering::SeqCst);
                while !go.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            }
            back.store(true, Ordering::SeqCst);
        });
        while !blocked.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        safepoints.stop();
        go.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        assert!(
            !back.load(Ordering::SeqCst),
            "it came back into a stopped world"
        );
        safepoints.resume();
    });
    assert!(back.load(Ordering::SeqCst));
}

#[test]
fn callbacks_run_inside_blocking_regions() {
    let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    let thread = attach();
    let mut f = Fun::new(new_method());
    f.entry_check();
    f.ret_imm(9);
    let callback = f.define();
    let outside = Running::enter(&thread);
    assert_eq!(thread.state(), State::Running);
    drop(outside);
    assert_eq!(thread.state(), State::Running);
    let region = Blocking::enter(&thread);
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        runtime().safepoints().stop();
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(5));
            stopped.store(true, Ordering::SeqCst);
            runtime().safepoints().resume();
        });
        // The callback waits for the world.
        let running = Running::enter(&thread);
        assert!(stopped.load(Ordering::SeqCst));
        assert_eq!(call(&thread, callback, &[]), Ok(9));
        drop(running);
    });
    assert_eq!(thread.state(), State::Blocked);
    runtime().safepoints().stop();
    runtime().safepoints().resume();
    drop(region);
    assert_eq!(thread.state(), State::Running);
}

/// What a collector would scan of a thread that does not run: ranges, and the words of those small enough to be registers.
fn roots(thread: &isthmus_rt::thread::Thread) -> Vec<(std::ops::Range<usize>, Vec<usize>)> {
    let mut ranges = Vec::new();
    // SAFETY: the thread is in a blocking region of the caller.
    unsafe {
        thread.for_each_root_range(&mut |range| {
            let words = if range.len() < 256 {
                range
                    .clone()
                    .step_by(8)
                    .map(|at| *(at as *const usize))
                    .collect()
            } else {
                Vec::new()
            };
            ranges.push((range, words));
        });
    }
    ranges
}

#[test]
fn a_callback_leaves_the_roots_of_the_region_around_it() {
    let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    let thread = attach();
    /// Is deeper in the stack than its caller, with other registers.
    #[inline(never)]
    fn callback(thread: &isthmus_rt::thread::Thread) {
        let running = Running::enter(thread);
        std::hint::black_box([0u8; 4096]);
        drop(running);
    }
    let region = Blocking::enter(&thread);
    let before = roots(&thread);
    callback(&thread);
    assert_eq!(roots(&thread), before);
    drop(region);
}

#[test]
fn many_stoppers_and_many_threads_that_come_and_go() {
    let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    let mut f = Fun::new(new_method());
    f.entry_check();
    f.poll(1);
    f.ret_imm(4);
    let leaf = f.define();
    let inside = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let (inside, done) = (&inside, &done);
    std::thread::scope(|scope| {
        for stopper in 0..3 {
            scope.spawn(move || {
                // One stopper is itself attached.
                let _attached = (stopper == 0).then(attach);
                while !done.load(Ordering::SeqCst) {
                    runtime().safepoints().stop();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    runtime().safepoints().resume();
                    std::thread::yield_now();
                }
            });
        }
        let workers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    for _ in 0..60 {
                        let thread = attach();
                        for i in 0..100 {
                            assert_eq!(call(&thread, leaf, &[]), Ok(4));
                            if i % 20 == 0 {
                                let _region = Blocking::enter(&thread);
                                std::thread::yield_now();
                            }
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
}
