//! Work on several items at once, with the results in the order of the items.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Calls `work` on each item, on `jobs` threads.
pub fn map<T: Sync, R: Send>(items: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    *slots[index]
                        .lock()
                        .expect("no worker panics with the lock held") = Some(work(item));
                }
            });
        }
    });
    let filled = |slot: Mutex<Option<R>>| {
        slot.into_inner()
            .ok()
            .flatten()
            .expect("every item was worked on")
    };
    slots.into_iter().map(filled).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(
            super::map(&items, 7, |item| item * 2),
            (0..200).step_by(2).collect::<Vec<_>>()
        );
        assert!(super::map(&[] as &[u32], 3, |item| *item).is_empty());
    }
}
