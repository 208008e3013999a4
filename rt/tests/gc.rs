//! The heap with the generational collector.

mod gc_common;

use gc_common::*;
use isthmus_rt::gc::alloc::Dimension;
use isthmus_rt::gc::{HandleKind, Heap, OutOfMemory, identity_hash};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::layout::{ARRAY_DATA, LENGTH, md_data};
use std::sync::atomic::Ordering;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

fn setup() {
    options("min=32m,max=1g");
}

#[test]
fn lists_and_trees_survive_held_by_the_stack_alone() {
    setup();
    WORLD.run(|_, ctx| {
        let head = list(ctx, 100_000);
        let t = tree(ctx, 14);
        for full in [false, true, false, false, true] {
            collect(full);
            check_list(head, 100_000);
            assert_eq!(count(t), (1 << 15) - 1);
        }
    });
}

#[test]
fn new_objects_move_and_roots_do_not() {
    setup();
    WORLD.run(|_, ctx| {
        // Another test may turn our collection into one of the whole heap, which need not move anything.
        let moved = (0..100).any(|_| {
            let head = list(ctx, 1000);
            let before = addresses(head);
            collect(false);
            check_list(head, 1000);
            let after = addresses(head);
            assert_eq!(before[0], after[0], "the stack pins");
            before.iter().zip(&after).filter(|(a, b)| a != b).count() > 900
        });
        assert!(moved);
    });

    #[inline(never)]
    fn addresses(mut head: Ref) -> Vec<usize> {
        let mut all = vec![];
        while !head.is_null() {
            all.push(hide(head));
            head = get(head, NEXT);
        }
        all
    }
}

#[test]
fn arrays_of_every_kind() {
    setup();
    WORLD.run(|heap, ctx| {
        let refs = array(300);
        // SAFETY: bound and running.
        let (md, text, empty, bytes) = unsafe {
            (
                heap.alloc_md_array(
                    *REFS2D,
                    &[
                        Dimension {
                            length: 20,
                            lower: -3,
                        },
                        Dimension {
                            length: 15,
                            lower: 1,
                        },
                    ],
                )
                .unwrap(),
                heap.alloc_string(*STRING, 5).unwrap(),
                heap.alloc_array(*REFS, 0).unwrap(),
                heap.alloc_array(*BYTES, 77).unwrap(),
            )
        };
        for i in 0..300 {
            set(refs, element(i), node(ctx, i));
            set(md, md_data(2) as usize + 8 * i, node(ctx, 1000 + i));
        }
        for full in [false, true, false] {
            collect(full);
            for i in 0..300 {
                assert_eq!(word(get(refs, element(i)), VALUE), i);
                assert_eq!(word(get(md, md_data(2) as usize + 8 * i), VALUE), 1000 + i);
            }
            assert_eq!(word(md, 8), 300);
            assert_eq!(word(md, 16), 20 | (0xffff_fffd << 32));
            assert_eq!(word(md, 24), 15 | (1 << 32));
            assert_eq!(word(text, LENGTH as usize) as u32, 5);
            assert_eq!(word(empty, LENGTH as usize), 0);
            assert_eq!(word(bytes, LENGTH as usize), 77);
        }
    });
}

#[test]
fn large_arrays() {
    setup();
    WORLD.run(|_, ctx| {
        let big = array(1_000_000);
        for i in (0..1_000_000).step_by(1000) {
            let n = node(ctx, i);
            set(big, element(i), n);
        }
        // One end of the list of arrays is old, the other new.
        let outer = array(100);
        for i in 0..100 {
            set(outer, element(i), array(5000 + i));
        }
        for full in [false, true, false, true] {
            collect(full);
            for i in (0..1_000_000).step_by(1000) {
                assert_eq!(word(get(big, element(i)), VALUE), i);
            }
            for i in 0..100 {
                assert_eq!(word(get(outer, element(i)), 8), 5000 + i);
            }
            set(big, element(1000), node(ctx, 1000));
            set(get(outer, element(7)), element(3), node(ctx, 3));
        }
        assert_eq!(word(get(get(outer, element(7)), element(3)), VALUE), 3);
    });
}

/// Makes `n` nodes and a handle of the kind for each.
#[inline(never)]
fn handles_to_garbage(kind: HandleKind, n: usize) -> Vec<isthmus_rt::gc::Handle> {
    let ctx = &isthmus_runtime_abi::context::ThreadContext::default();
    (0..n)
        .map(|i| heap().new_handle(kind, node(ctx, i)).unwrap())
        .collect()
}

#[test]
fn weak_handles_are_cleared_and_strong_ones_keep() {
    setup();
    WORLD.run(|heap, _| {
        let short = handles_to_garbage(HandleKind::WeakShort, 500);
        let long = handles_to_garbage(HandleKind::WeakLong, 500);
        let strong = handles_to_garbage(HandleKind::Strong, 500);
        clear_stack();
        for full in [false, true] {
            collect(full);
            for (kind, handles) in [("short", &short), ("long", &long)] {
                let left = handles
                    .iter()
                    .filter(|&&h| !heap.handle_target(h).is_null())
                    .count();
                assert!(left < 20, "{kind}: {left} of 500 left");
            }
            for (i, &h) in strong.iter().enumerate() {
                assert_eq!(word(heap.handle_target(h), VALUE), i);
            }
        }
        // A weak handle follows an object that is alive by another.
        let weak: Vec<_> = strong
            .iter()
            .map(|&h| {
                heap.new_handle(HandleKind::WeakShort, heap.handle_target(h))
                    .unwrap()
            })
            .collect();
        collect(true);
        for (&s, &w) in strong.iter().zip(&weak) {
            assert_eq!(heap.handle_target(s), heap.handle_target(w));
            heap.free_handle(s);
        }
        clear_stack();
        collect(true);
        let left = weak
            .iter()
            .filter(|&&h| !heap.handle_target(h).is_null())
            .count();
        assert!(left < 20, "{left} of 500 left");
    });
}

#[test]
fn pinned_objects_stay() {
    setup();
    WORLD.run(|heap, ctx| {
        let handles = handles_to_garbage(HandleKind::Pinned, 300);
        let places: Vec<usize> = handles
            .iter()
            .map(|&h| hide(heap.handle_target(h)))
            .collect();
        clear_stack();
        for full in [false, true, false, true] {
            list(ctx, 10_000);
            collect(full);
            for (i, (&h, &p)) in handles.iter().zip(&places).enumerate() {
                assert_eq!(hide(heap.handle_target(h)), p);
                assert_eq!(word(heap.handle_target(h), VALUE), i);
            }
        }
    });
}

#[test]
fn interior_pointers_keep_objects() {
    setup();
    #[inline(never)]
    fn inner(bytes: usize, offset: usize) -> (usize, isthmus_rt::gc::Handle) {
        // SAFETY: bound and running.
        let a = unsafe { heap().alloc_array(*BYTES, bytes) }.unwrap();
        set_word(a, ARRAY_DATA as usize, 0x5eed);
        let weak = heap().new_handle(HandleKind::WeakShort, a).unwrap();
        (a.addr() + offset, weak)
    }
    WORLD.run(|heap, _| {
        for bytes in [8, 100, 4000, 20_000, 3_000_000] {
            let end = (ARRAY_DATA as usize + bytes).next_multiple_of(8);
            for offset in [0, 1, 8, 16, ARRAY_DATA as usize + bytes - 1, end] {
                let (pointer, weak) = inner(bytes, offset);
                clear_stack();
                for full in [false, true] {
                    collect(full);
                    let array = heap.handle_target(weak);
                    assert!(!array.is_null(), "{bytes} bytes, pointer at {offset}");
                    assert_eq!(array.addr() + offset, pointer);
                    assert_eq!(word(array, ARRAY_DATA as usize), 0x5eed);
                }
                std::hint::black_box(pointer);
            }
        }
    });
}

#[test]
fn barrier_sees_old_objects_once_a_collection() {
    setup();
    WORLD.run(|heap, ctx| {
        let o = node(ctx, 1);
        assert!(!heap.needs_barrier(o), "new");
        collect(false);
        assert!(heap.needs_barrier(o), "old");
        set(o, NEXT, node(ctx, 2));
        assert!(!heap.needs_barrier(o), "remembered");
        collect(false);
        assert!(heap.needs_barrier(o), "old again");
        assert_eq!(word(get(o, NEXT), VALUE), 2);

        // Every object between others has its own bit.
        let many: Vec<Ref> = (0..10).map(|i| node(ctx, i)).collect();
        let keep = array(10);
        for (i, &n) in many.iter().enumerate() {
            set(keep, element(i), n);
        }
        collect(false);
        for i in 0..10 {
            assert!(heap.needs_barrier(get(keep, element(i))));
        }
        set(get(keep, element(4)), NEXT, node(ctx, 44));
        for i in 0..10 {
            assert_eq!(heap.needs_barrier(get(keep, element(i))), i != 4);
        }
        collect(false);
        assert_eq!(word(get(get(keep, element(4)), NEXT), VALUE), 44);
        std::hint::black_box(&many);
    });
}

#[test]
fn threads_store_into_the_same_old_objects_at_once() {
    setup();
    const N: usize = 20_000;
    const ROUNDS: usize = 20;
    let keep = WORLD.run(|heap, ctx| {
        let keep = array(N);
        for i in 0..N {
            set(keep, element(i), node(ctx, i));
        }
        heap.new_handle(HandleKind::Strong, keep).unwrap()
    });
    for round in 0..ROUNDS {
        // All are old now, and in no thread's list: both threads find the same bits set.
        WORLD.run(|_, _| collect(false));
        let gate = Barrier::new(2);
        std::thread::scope(|s| {
            for slot in [NEXT, OTHER] {
                let gate = &gate;
                s.spawn(move || {
                    WORLD.run(|heap, ctx| {
                        let keep = heap.handle_target(keep);
                        let value = node(ctx, round + slot);
                        WORLD.outside(|| gate.wait());
                        for i in 0..N {
                            set(get(keep, element(i)), slot, value);
                        }
                    })
                });
            }
        });
    }
    WORLD.run(|heap, _| {
        collect(false);
        let keep = heap.handle_target(keep);
        for i in 0..N {
            let n = get(keep, element(i));
            assert_eq!(word(n, VALUE), i);
            for slot in [NEXT, OTHER] {
                assert_eq!(word(get(n, slot), VALUE), ROUNDS - 1 + slot);
            }
        }
    });
    heap().free_handle(keep);
}

#[test]
fn copies_and_stores_to_unknown_places() {
    setup();
    WORLD.run(|heap, ctx| {
        let old = array(100);
        let holder = node(ctx, 0);
        collect(false);
        let new = array(100);
        for i in 0..100 {
            set(new, element(i), node(ctx, i));
        }
        // SAFETY: live arrays of this length.
        unsafe {
            heap.copy(
                old,
                old.addr() + element(10),
                new.addr() + element(0),
                80 * 8,
            );
            heap.copy(
                old,
                old.addr() + element(11),
                old.addr() + element(10),
                80 * 8,
            );
            heap.copy_unknown(old.addr() + element(0), new.addr() + element(0), 8 * 8);
            heap.store_unknown(holder.addr() + OTHER, node(ctx, 7));
            let mut local = Ref::NULL;
            heap.store_unknown(&raw mut local as usize, node(ctx, 8));
            collect(false);
            assert_eq!(word(local, VALUE), 8);
        }
        for i in 0..8 {
            assert_eq!(word(get(old, element(i)), VALUE), i);
        }
        assert_eq!(word(get(old, element(10)), VALUE), 0);
        for i in 0..80 {
            assert_eq!(word(get(old, element(11 + i)), VALUE), i);
        }
        assert_eq!(word(get(holder, OTHER), VALUE), 7);
    });
}

/// An array that compiled code allocated in place is larger than all that the runtime ever allocated: the object is found from far inside.
#[test]
fn stores_to_unknown_places_in_arrays_allocated_in_place() {
    setup();
    WORLD.run(|heap, ctx| {
        const LENGTH: usize = 1000;
        let bytes = element(LENGTH);
        let room = || {
            let cursor = ctx.alloc_cursor.load(Ordering::Relaxed);
            ctx.alloc_limit.load(Ordering::Relaxed) - cursor >= bytes
        };
        while !room() {
            node(ctx, 0);
        }
        let a = new(ctx, *REFS, bytes);
        set_word(a, isthmus_runtime_abi::layout::LENGTH as usize, LENGTH);
        collect(false);
        #[inline(never)]
        fn store(heap: &Heap, ctx: &ThreadContext, a: Ref) {
            for i in (0..LENGTH).step_by(10) {
                // SAFETY: an element of a live array.
                unsafe { heap.store_unknown(a.addr() + element(i), node(ctx, i)) };
            }
        }
        store(heap, ctx, a);
        clear_stack();
        for _ in 0..3 {
            collect(false);
            list(ctx, 10_000);
            for i in (0..LENGTH).step_by(10) {
                assert_eq!(word(get(a, element(i)), VALUE), i);
            }
        }
    });
}

#[test]
fn immortal_objects_are_roots_and_stay() {
    setup();
    WORLD.run(|heap, ctx| {
        #[inline(never)]
        fn block(ctx: &isthmus_runtime_abi::context::ThreadContext, i: usize) -> usize {
            // SAFETY: bound and running.
            let b =
                unsafe { gc_common::heap().alloc_immortal(*REFS, if i == 3 { 10_000 } else { 4 }) }
                    .unwrap();
            set(b, element(2), node(ctx, i));
            hide(b)
        }
        let hidden: Vec<usize> = (0..50).map(|i| block(ctx, i)).collect();
        clear_stack();
        for round in 0..4 {
            collect(round % 2 == 1);
            for (i, &h) in hidden.iter().enumerate() {
                let b = Ref::from_addr(!h);
                assert_eq!(word(get(b, element(2)), VALUE), i);
                if round > 0 {
                    assert_eq!(word(get(b, element(1)), VALUE), 100 + i);
                }
                set(b, element(1), node(ctx, 100 + i));
            }
            clear_stack();
        }
        // A class object that a weak handle refers to is never gone.
        // SAFETY: bound and running.
        let weak = heap
            .new_handle(
                HandleKind::WeakShort,
                unsafe { heap.alloc_immortal(*EMPTY, 0) }.unwrap(),
            )
            .unwrap();
        clear_stack();
        collect(false);
        collect(true);
        assert!(!heap.handle_target(weak).is_null());
    });
}

#[test]
fn finalizers_run_on_their_thread() {
    setup();
    static SEEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    #[inline(never)]
    fn garbage(ctx: &isthmus_runtime_abi::context::ThreadContext) {
        for i in 0..200 {
            // SAFETY: bound and running.
            let o = unsafe { heap().alloc_object(*FINALIZED) }.unwrap();
            set_word(o, 8, i);
            set(o, 16, node(ctx, i));
            if i % 10 == 9 {
                heap().suppress_finalizer(o);
            }
        }
    }
    std::thread::scope(|s| {
        s.spawn(|| {
            WORLD.run(|heap, _| {
                heap.run_finalizers(&mut |o| {
                    // What it refers to is alive, too.
                    assert_eq!(word(get(o, 16), VALUE), word(o, 8));
                    SEEN.lock().unwrap().push(word(o, 8));
                });
            });
        });
        WORLD.run(|heap, ctx| {
            // SAFETY: bound and running.
            let kept = unsafe { heap.alloc_object(*FINALIZED) }.unwrap();
            set_word(kept, 8, 777);
            set(kept, 16, node(ctx, 777));
            garbage(ctx);
            clear_stack();
            collect(false);
            collect(true);
            assert!(heap.wait_for_finalizers(Duration::from_secs(20)));
            let mut seen = SEEN.lock().unwrap().clone();
            seen.sort_unstable();
            seen.dedup();
            assert!((160..=180).contains(&seen.len()), "{}", seen.len());
            assert!(seen.iter().all(|i| i % 10 != 9 && *i < 200));
            assert_eq!(SEEN.lock().unwrap().len(), seen.len(), "once each");
            assert_eq!(word(kept, 8), 777);
            heap.finalize_everything();
            assert!(heap.wait_for_finalizers(Duration::from_secs(20)));
            assert!(SEEN.lock().unwrap().contains(&777));
            heap.end_finalizers();
        });
    });
}

#[test]
fn ephemerons_live_as_long_as_their_keys() {
    setup();
    #[inline(never)]
    fn fill(ctx: &isthmus_runtime_abi::context::ThreadContext, table: Ref, keys: Ref) {
        for i in 0..100 {
            let (key, value) = (node(ctx, i), node(ctx, 1000 + i));
            // The value refers to its key, which must not keep it alive.
            set(value, OTHER, key);
            let at = ARRAY_DATA as usize + 16 * i;
            set(table, at, key);
            set(table, at + 8, value);
            if i % 2 == 0 {
                set(keys, element(i), key);
            }
            if i % 20 == 0 {
                // The key of the next pair is kept by this value.
                let next = node(ctx, i + 1);
                set(value, NEXT, next);
            }
        }
        for i in (0..100).step_by(20) {
            let next = get(get(table, ARRAY_DATA as usize + 16 * i + 8), NEXT);
            set(table, ARRAY_DATA as usize + 16 * (i + 1), next);
        }
    }
    WORLD.run(|heap, ctx| {
        // SAFETY: bound and running.
        let table = unsafe { heap.alloc_array(*EPHEMERONS, 100) }.unwrap();
        heap.register_ephemerons(table);
        let keys = array(100);
        fill(ctx, table, keys);
        clear_stack();
        for full in [false, true, true] {
            collect(full);
            let mut dead = 0;
            for i in 0..100 {
                let at = ARRAY_DATA as usize + 16 * i;
                let (key, value) = (get(table, at), get(table, at + 8));
                if i % 2 == 0 || i % 20 == 1 {
                    assert_eq!(word(key, VALUE), i);
                    assert_eq!(word(value, VALUE), 1000 + i);
                    if i % 2 == 0 {
                        assert_eq!(key, get(keys, element(i)));
                    }
                } else {
                    dead += key.is_null() as usize;
                    assert!(!key.is_null() || value.is_null());
                }
            }
            clear_stack();
            assert!(dead >= 40, "{dead} of 45");
        }
    });
}

#[test]
fn hashes_survive_moving() {
    setup();
    WORLD.run(|_, ctx| {
        let head = list(ctx, 500);
        let hashes = |mut o: Ref| {
            let mut all = vec![];
            while !o.is_null() {
                // SAFETY: alive.
                all.push(unsafe { identity_hash(o) }.unwrap());
                o = get(o, NEXT);
            }
            all
        };
        let before = hashes(head);
        clear_stack();
        collect(false);
        collect(true);
        assert_eq!(hashes(head), before);
    });
}

#[test]
fn many_threads() {
    setup();
    torture_threads(6, 20, 3000);
}

#[test]
fn random_programs_agree_with_a_model() {
    setup();
    std::thread::scope(|s| {
        for seed in 1..=4 {
            s.spawn(move || random_graph(seed, 30_000));
        }
    });
}

#[test]
fn threads_come_and_go() {
    setup();
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..40 {
                    WORLD.run(|_, ctx| {
                        let l = list(ctx, 500);
                        collect(false);
                        check_list(l, 500);
                    });
                }
            });
        }
    });
}

#[test]
fn impossible_sizes_are_errors() {
    setup();
    WORLD.run(|heap, _| {
        for length in [usize::MAX, 1 << 31, i32::MAX as usize] {
            // SAFETY: bound and running.
            assert_eq!(
                unsafe { heap.alloc_array(*STRUCTS, length) },
                Err(OutOfMemory)
            );
        }
        let d = Dimension {
            length: u32::MAX,
            lower: 0,
        };
        // SAFETY: bound and running.
        assert_eq!(
            unsafe { heap.alloc_md_array(*REFS2D, &[d, d]) },
            Err(OutOfMemory)
        );
    });
}

#[test]
fn the_heap_is_collected_by_itself_and_counted() {
    setup();
    WORLD.run(|heap, ctx| {
        let before = heap.stats();
        for _ in 0..10 {
            list(ctx, 300_000);
        }
        let after = heap.stats();
        assert!(after.collections() > before.collections());
        assert!(after.allocated - before.allocated > 90_000_000, "{after:?}");
        assert!(after.used < 512 << 20, "{after:?}");
        assert!(after.paused > before.paused);
    });
}

/// Not a test: `cargo test --release --test gc -- --ignored --nocapture allocation_speed`.
#[test]
fn native_memory_brings_collections() {
    setup();
    WORLD.run(|heap, ctx| {
        let collections = |bytes: i64| {
            let before = heap.stats().collections();
            for _ in 0..50 {
                heap.add_pressure(bytes);
                // Enough to need new pages.
                list(ctx, 20_000);
                heap.add_pressure(-bytes / 2);
            }
            heap.stats().collections() - before
        };
        // The lists alone are worth one or two; free lines of old pages are used without asking.
        let (few, many) = (collections(0), collections(64 << 20));
        assert!(many >= few + 8, "{few}, {many}");
        // Taking away more than was there is no debt, and no amount is too much.
        heap.add_pressure(i64::MIN);
        assert!(collections(i64::MAX) >= 8);
        heap.add_pressure(i64::MIN);
    });
}

#[test]
#[ignore = "a measurement"]
fn allocation_speed() {
    WORLD.run(|heap, ctx| {
        let start = std::time::Instant::now();
        for i in 0..32_000_000 {
            std::hint::black_box(node(ctx, i));
            poll();
        }
        let plain = start.elapsed();
        let start = std::time::Instant::now();
        let long_lived = tree(ctx, 16);
        let mut nodes = 0;
        for depth in (4..=16).step_by(4) {
            for _ in 0..1 << (16 - depth + 4) {
                nodes += count(tree(ctx, depth));
            }
        }
        assert_eq!(count(long_lived), (1 << 17) - 1);
        println!(
            "32 M objects: {plain:?}; binary trees, {nodes} nodes: {:?}",
            start.elapsed()
        );
        println!("{:?}", heap.stats());
    });
}
