//! A small heap: running out of memory is an error, and going on afterwards is possible.

mod gc_common;

use gc_common::*;
use isthmus_rt::gc::{Heap, HeapError, HeapOptions, OutOfMemory};
use isthmus_rt::object::Ref;

fn setup() {
    options("min=8m,max=24m");
}

/// Held by tests that want the whole heap.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn out_of_memory_is_an_error_and_not_the_end() {
    setup();
    let _alone = ALONE.lock();
    WORLD.run(|heap, ctx| {
        for _ in 0..3 {
            let mut head = Ref::NULL;
            let mut n = 0;
            let error = loop {
                // SAFETY: bound and running.
                match unsafe { heap.alloc_object(*NODE) } {
                    Ok(o) => {
                        set(o, NEXT, head);
                        set_word(o, VALUE, n);
                        head = o;
                        n += 1;
                    }
                    Err(e) => break e,
                }
                poll();
            };
            assert_eq!(error, OutOfMemory);
            // 24 MiB of nodes of 32 bytes, less what the collector keeps free for itself.
            assert!((300_000..=800_000).contains(&n), "{n}");
            for i in (0..n).rev() {
                assert_eq!(word(head, VALUE), i);
                head = get(head, NEXT);
            }
            clear_stack();
            check_list(list(ctx, 1000), 1000);
        }
        // SAFETY: bound and running.
        assert_eq!(
            unsafe { heap.alloc_array(*BYTES, 100 << 20) },
            Err(OutOfMemory)
        );
        assert_eq!(
            unsafe { heap.alloc_immortal(*BYTES, 100 << 20) },
            Err(OutOfMemory)
        );
        check_list(list(ctx, 1000), 1000);
    });
}

#[test]
fn several_threads_run_out_of_memory() {
    setup();
    let _alone = ALONE.lock();
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                WORLD.run(|heap, _| {
                    for _ in 0..2 {
                        let mut head = Ref::NULL;
                        let mut n = 0;
                        // SAFETY: bound and running.
                        while let Ok(o) = unsafe { heap.alloc_object(*NODE) } {
                            set(o, NEXT, head);
                            set_word(o, VALUE, n);
                            head = o;
                            n += 1;
                            poll();
                        }
                        for i in (0..n).rev() {
                            assert_eq!(word(head, VALUE), i);
                            head = get(head, NEXT);
                        }
                        clear_stack();
                        collect(true);
                    }
                });
            });
        }
    });
}

#[test]
fn there_is_one_heap() {
    setup();
    WORLD.run(|_, _| {
        assert_eq!(
            Heap::init(HeapOptions::default(), &WORLD).unwrap_err(),
            HeapError::Twice
        );
    });
}

#[test]
fn limited_address_space_is_explained() {
    const CHILD: &str = "ISTHMUS_TEST_LIMITED_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let limit = libc::rlimit {
            rlim_cur: 4 << 30,
            rlim_max: 4 << 30,
        };
        // SAFETY: limits this process.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
        println!(
            "{}",
            Heap::init(HeapOptions::default(), &WORLD).unwrap_err()
        );
        return;
    }
    let out = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "limited_address_space_is_explained",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}");
    assert!(text.contains("ulimit -v"), "{text}");
}
