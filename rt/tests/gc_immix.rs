//! The heap with the collector that always looks at everything, and moves as much as it can.

mod gc_common;

use gc_common::*;

fn setup() {
    options("plan=immix,move=always,min=16m,max=512m");
    prepare();
}

#[test]
fn everything_survives() {
    setup();
    torture(20, 2000);
}

#[test]
fn random_programs_agree_with_a_model() {
    setup();
    for seed in 10..13 {
        random_graph(seed, 60_000);
    }
}

#[test]
fn several_threads() {
    setup();
    torture_threads(4, 8, 1000);
}

#[test]
fn no_barrier_fires() {
    setup();
    WORLD.run(|heap, ctx| {
        let l = list(ctx, 1000);
        let big = array(100_000);
        // SAFETY: bound and running.
        let immortal = unsafe { heap.alloc_immortal(*REFS, 10) }.unwrap();
        set(immortal, element(3), node(ctx, 9));
        for _ in 0..3 {
            collect(true);
            for o in [l, big, immortal] {
                assert!(!heap.needs_barrier(o));
            }
        }
        assert_eq!(word(get(immortal, element(3)), VALUE), 9);
        assert_eq!(heap.stats().nursery_collections, 0);
    });
}
