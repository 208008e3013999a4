//! The heap in stress mode: a collection every few allocations, none of them in place.

mod gc_common;

use gc_common::*;
use std::sync::atomic::Ordering;

fn setup() {
    options("stress=50,min=16m,max=256m");
}

#[test]
fn everything_survives() {
    setup();
    torture(2, 500);
}

#[test]
fn random_programs_agree_with_a_model() {
    setup();
    for seed in 10..13 {
        random_graph(seed, 3_000);
    }
}

#[test]
fn several_threads() {
    setup();
    torture_threads(3, 1, 200);
}

#[test]
fn nothing_is_allocated_in_place() {
    setup();
    WORLD.run(|heap, ctx| {
        let before = heap.stats().collections();
        let l = list(ctx, 1000);
        assert_eq!(
            ctx.alloc_limit.load(Ordering::SeqCst),
            ctx.alloc_cursor.load(Ordering::SeqCst)
        );
        check_list(l, 1000);
        assert!(heap.stats().collections() - before >= 15);
    });
}
