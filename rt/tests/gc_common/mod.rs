//! What the heap's tests share: a world of plain threads, vtables in low memory, and programs that build things.
#![allow(dead_code)]

use isthmus_rt::gc::{Heap, HeapOptions, StoppedThread, World};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::layout::{
    ARRAY_DATA, STRING_CHARS, TYPE_WORD, VtableFlags, VtableHeader, md_data,
};
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, OnceLock};

// ---- the world

struct Slot {
    context: *mut ThreadContext,
    base: usize,
    /// Stack pointer while parked.
    parked: Option<usize>,
}

// SAFETY: contexts are used as the world's rules allow.
unsafe impl Send for Slot {}

/// A world of threads that poll by hand.
pub struct TestWorld {
    stop: AtomicBool,
    threads: Mutex<Vec<Slot>>,
    changed: Condvar,
}

pub static WORLD: TestWorld = TestWorld {
    stop: AtomicBool::new(false),
    threads: Mutex::new(Vec::new()),
    changed: Condvar::new(),
};

thread_local!(static CONTEXT: Cell<*mut ThreadContext> = const { Cell::new(std::ptr::null_mut()) });

/// Saves the callee-saved registers on the stack and calls `f` with the stack pointer.
#[inline(never)]
fn with_registers_saved(f: &mut dyn FnMut(usize)) {
    let mut registers = [0usize; 12];
    let sp: usize;
    // SAFETY: stores registers into the array.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "mov [{r}], rbx", "mov [{r} + 8], rbp", "mov [{r} + 16], r12", "mov [{r} + 24], r13",
            "mov [{r} + 32], r14", "mov [{r} + 40], r15", "mov {sp}, rsp",
            r = in(reg) registers.as_mut_ptr(), sp = out(reg) sp,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "stp x19, x20, [{r}]", "stp x21, x22, [{r}, 16]", "stp x23, x24, [{r}, 32]",
            "stp x25, x26, [{r}, 48]", "stp x27, x28, [{r}, 64]", "mov {sp}, sp",
            r = in(reg) registers.as_mut_ptr(), sp = out(reg) sp,
        );
    }
    f(sp);
    std::hint::black_box(&registers);
}

impl TestWorld {
    fn park(&self, sp: usize, wait: &mut dyn FnMut()) {
        let me = CONTEXT.get();
        self.slot(me, |s| s.parked = Some(sp));
        self.changed.notify_all();
        wait();
        let mut threads = self.threads.lock().unwrap();
        while self.stop.load(Ordering::SeqCst) {
            threads = self.changed.wait(threads).unwrap();
        }
        threads.iter_mut().find(|s| s.context == me).unwrap().parked = None;
    }

    fn slot(&self, context: *mut ThreadContext, f: impl FnOnce(&mut Slot)) {
        let mut threads = self.threads.lock().unwrap();
        f(threads.iter_mut().find(|s| s.context == context).unwrap());
    }

    /// Runs `f` on the current thread, attached and bound.
    pub fn run<R>(&self, f: impl FnOnce(&'static Heap, &ThreadContext) -> R) -> R {
        let heap = heap();
        let mut context = Box::new(ThreadContext::default());
        let ptr: *mut ThreadContext = &mut *context;
        CONTEXT.set(ptr);
        {
            let mut threads = self.threads.lock().unwrap();
            while self.stop.load(Ordering::SeqCst) {
                threads = self.changed.wait(threads).unwrap();
            }
            threads.push(Slot {
                context: ptr,
                base: 0,
                parked: None,
            });
        }
        // Everything that `f` keeps lies below this, since it gets a frame of its own.
        #[inline(never)]
        fn below<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        let anchor = [0usize; 8];
        self.slot(ptr, |s| s.base = anchor.as_ptr() as usize);
        // SAFETY: attached and running.
        unsafe { heap.bind_thread(ptr) };
        // A failing test must not leave the others waiting for its thread.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            below(|| f(heap, std::hint::black_box(&context)))
        }));
        // SAFETY: attached, bound and running.
        unsafe { heap.unbind_thread() };
        self.threads.lock().unwrap().retain(|s| s.context != ptr);
        self.changed.notify_all();
        std::hint::black_box(&anchor);
        result.unwrap_or_else(|e| std::panic::resume_unwind(e))
    }

    /// Runs `f` outside the heap.
    pub fn outside<R>(&self, f: impl FnOnce() -> R) -> R {
        let (mut f, mut result) = (Some(f), None);
        self.blocking(&mut || result = Some((f.take().unwrap())()));
        result.unwrap()
    }
}

impl World for TestWorld {
    fn stop(&self) {
        let mut threads = self.threads.lock().unwrap();
        self.stop.store(true, Ordering::SeqCst);
        while threads.iter().any(|s| s.parked.is_none()) {
            threads = self.changed.wait(threads).unwrap();
        }
    }

    fn resume(&self) {
        let _threads = self.threads.lock().unwrap();
        self.stop.store(false, Ordering::SeqCst);
        self.changed.notify_all();
    }

    fn for_each_thread(&self, visit: &mut dyn FnMut(StoppedThread<'_>)) {
        for s in self.threads.lock().unwrap().iter() {
            let range: Range<usize> = s.parked.unwrap()..s.base;
            visit(StoppedThread {
                context: s.context,
                ranges: &[range],
            });
        }
    }

    fn blocking(&self, wait: &mut dyn FnMut()) {
        with_registers_saved(&mut |sp| self.park(sp, wait));
    }
}

/// A safepoint poll.
#[inline]
pub fn poll() {
    if WORLD.stop.load(Ordering::Relaxed) {
        WORLD.blocking(&mut || {});
    }
}

// ---- the heap

static OPTIONS: OnceLock<&'static str> = OnceLock::new();

/// Sets the text of the options for the process's heap. Every test calls it first with the same.
pub fn options(text: &'static str) {
    OPTIONS.get_or_init(|| text);
}

fn heap_options() -> HeapOptions {
    let mut o = HeapOptions::default();
    o.apply(OPTIONS.get().copied().unwrap_or("")).unwrap();
    // For measurements.
    o.apply(&std::env::var("ISTHMUS_TEST_HEAP").unwrap_or_default())
        .unwrap();
    o
}

/// Starts to make the heap in the background.
pub fn prepare() {
    Heap::prepare(&heap_options());
}

/// The process's heap.
pub fn heap() -> &'static Heap {
    static HEAP: LazyLock<&'static Heap> =
        LazyLock::new(|| Heap::init(heap_options(), &WORLD).unwrap());
    *HEAP
}

// ---- vtables

/// Zeroed memory below 2 GiB.
fn low_memory(bytes: usize) -> usize {
    for at in (0x1000_0000..0x7000_0000).step_by(1 << 20) {
        // SAFETY: a fresh mapping, or none.
        let p = unsafe {
            libc::mmap(
                at as *mut libc::c_void,
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
                -1,
                0,
            )
        };
        if p as usize == at {
            return at;
        }
        if p != libc::MAP_FAILED {
            // An old kernel that takes the address as a hint.
            // SAFETY: just mapped.
            unsafe { libc::munmap(p, bytes) };
        }
    }
    panic!("no memory below 2 GiB");
}

/// A vtable below 4 GiB.
pub fn vtable(flags: VtableFlags, base: u32, component: usize, offsets: &[u32]) -> usize {
    static ARENA: Mutex<Range<usize>> = Mutex::new(0..0);
    let mut arena = ARENA.lock().unwrap();
    if arena.is_empty() {
        let p = low_memory(1 << 16);
        *arena = p..p + (1 << 16);
    }
    let mut map = vec![offsets.len() as u32];
    map.extend_from_slice(offsets);
    let at = arena.start;
    arena.start += size_of::<VtableHeader>();
    // SAFETY: ours, and zero is a valid header.
    let vt = unsafe { &*(at as *const VtableHeader) };
    vt.flags.store(flags.bits() as usize, Ordering::SeqCst);
    vt.base_size.store(base as usize, Ordering::SeqCst);
    vt.component_size.store(component, Ordering::SeqCst);
    vt.ref_map
        .store(map.leak().as_ptr() as usize, Ordering::SeqCst);
    at
}

macro_rules! vtables {
    ($($(#[$doc:meta])* $name:ident = $flags:expr, $base:expr, $component:expr, $offsets:expr;)*) => {
        $($(#[$doc])* pub static $name: LazyLock<usize> = LazyLock::new(|| vtable($flags, $base, $component, &$offsets));)*
    };
}

vtables! {
    /// next at 8, other at 16, value at 24.
    NODE = VtableFlags::HAS_REFS, 32, 0, [8, 16];
    /// Nothing but the header.
    EMPTY = VtableFlags::empty(), 8, 0, [];
    /// Value at 8, a finalizer.
    FINALIZED = VtableFlags::FINALIZABLE.union(VtableFlags::HAS_REFS), 24, 0, [16];
    REFS = VtableFlags::SZ_ARRAY.union(VtableFlags::HAS_REFS).union(VtableFlags::REF_ELEMENTS), ARRAY_DATA, 8, [0];
    /// Elements {value, reference, value}.
    STRUCTS = VtableFlags::SZ_ARRAY.union(VtableFlags::HAS_REFS), ARRAY_DATA, 24, [8];
    BYTES = VtableFlags::SZ_ARRAY, ARRAY_DATA, 1, [];
    REFS2D = VtableFlags::MD_ARRAY.union(VtableFlags::REF_ELEMENTS), md_data(2), 8, [0];
    STRING = VtableFlags::STRING, STRING_CHARS, 2, [];
    /// Elements {key, value}.
    EPHEMERONS = VtableFlags::SZ_ARRAY.union(VtableFlags::HAS_REFS).union(VtableFlags::CUSTOM_SCAN), ARRAY_DATA, 16, [0, 8];
}

pub const NEXT: usize = 8;
pub const OTHER: usize = 16;
pub const VALUE: usize = 24;

// ---- access to objects

/// A word of an object.
pub fn word(object: Ref, offset: usize) -> usize {
    assert!(!object.is_null());
    // SAFETY: tests pass live objects.
    unsafe { *((object.addr() + offset) as *const usize) }
}

/// Sets a word that is no reference.
pub fn set_word(object: Ref, offset: usize, value: usize) {
    // SAFETY: tests pass live objects.
    unsafe { *((object.addr() + offset) as *mut usize) = value }
}

/// A reference in an object.
pub fn get(object: Ref, offset: usize) -> Ref {
    Ref::from_addr(word(object, offset))
}

/// Stores a reference into an object.
pub fn set(object: Ref, offset: usize, value: Ref) {
    // SAFETY: tests pass live objects.
    unsafe { heap().store(object, object.addr() + offset, value) }
}

/// Offset of an element of an array of references.
pub fn element(i: usize) -> usize {
    ARRAY_DATA as usize + 8 * i
}

/// Allocates as compiled code does: in place if the buffer has room.
#[inline]
pub fn new(ctx: &ThreadContext, vtable: usize, size: usize) -> Ref {
    let cursor = ctx.alloc_cursor.load(Ordering::Relaxed);
    let end = cursor.wrapping_add(size);
    if end <= ctx.alloc_limit.load(Ordering::Relaxed) {
        ctx.alloc_cursor.store(end, Ordering::Relaxed);
        // SAFETY: the buffer is ours.
        unsafe { *((cursor + TYPE_WORD as usize) as *mut u32) = vtable as u32 };
        return Ref::from_addr(cursor);
    }
    // SAFETY: bound and running.
    unsafe { heap().alloc_object(vtable) }.expect("memory")
}

/// A node with a value.
pub fn node(ctx: &ThreadContext, value: usize) -> Ref {
    let n = new(ctx, *NODE, 32);
    set_word(n, VALUE, value);
    n
}

/// An array of references.
pub fn array(length: usize) -> Ref {
    // SAFETY: bound and running.
    unsafe { heap().alloc_array(*REFS, length) }.expect("memory")
}

/// Collects.
pub fn collect(full: bool) {
    // SAFETY: bound and running.
    unsafe { heap().collect(full) }
}

/// Overwrites what calls that returned left on the stack.
#[inline(never)]
pub fn clear_stack() {
    std::hint::black_box([0usize; 4096]);
}

/// An address that the collector does not take for one.
pub fn hide(object: Ref) -> usize {
    !object.addr()
}

// ---- programs

/// A list of `0..n`, in this order.
pub fn list(ctx: &ThreadContext, n: usize) -> Ref {
    let mut head = Ref::NULL;
    for i in (0..n).rev() {
        let new = node(ctx, i);
        set(new, NEXT, head);
        head = new;
        poll();
    }
    head
}

/// Checks a list of `0..n`.
pub fn check_list(mut head: Ref, n: usize) {
    for i in 0..n {
        assert_eq!(word(head, VALUE), i);
        head = get(head, NEXT);
    }
    assert!(head.is_null());
}

/// A complete binary tree.
pub fn tree(ctx: &ThreadContext, depth: usize) -> Ref {
    poll();
    if depth == 0 {
        return node(ctx, 1);
    }
    let left = tree(ctx, depth - 1);
    let right = tree(ctx, depth - 1);
    let n = node(ctx, 1);
    set(n, NEXT, left);
    set(n, OTHER, right);
    n
}

/// Number of nodes of a tree.
pub fn count(tree: Ref) -> usize {
    if tree.is_null() {
        return 0;
    }
    assert_eq!(word(tree, TYPE_WORD as usize) as u32, *NODE as u32);
    word(tree, VALUE) + count(get(tree, NEXT)) + count(get(tree, OTHER))
}

/// Lists, trees and arrays of every kind, through collections of both kinds.
pub fn torture(rounds: usize, size: usize) {
    WORLD.run(|heap, ctx| {
        let old = array(64);
        let structs = unsafe { heap.alloc_array(*STRUCTS, 50) }.unwrap();
        for round in 0..rounds {
            let head = list(ctx, size);
            let t = tree(ctx, 6);
            collect(round % 3 == 0);
            // Old objects get references to new ones.
            for i in 0..64 {
                let n = node(ctx, round * 64 + i);
                set(old, element(i), n);
                if i < 50 {
                    let at = ARRAY_DATA as usize + 24 * i;
                    set_word(structs, at, i);
                    set_word(structs, at + 16, !i);
                    set(structs, at + 8, n);
                }
                poll();
            }
            collect(round % 5 == 4);
            check_list(head, size);
            assert_eq!(count(t), 127);
            for i in 0..64 {
                let n = get(old, element(i));
                assert_eq!(word(n, VALUE), round * 64 + i);
                if i < 50 {
                    let at = ARRAY_DATA as usize + 24 * i;
                    assert_eq!(get(structs, at + 8), n);
                    assert_eq!((word(structs, at), word(structs, at + 16)), (i, !i));
                }
            }
        }
    });
}

/// [`torture`] on several threads at once.
pub fn torture_threads(threads: usize, rounds: usize, size: usize) {
    std::thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(|| torture(rounds, size));
        }
    });
}

/// A random program on a graph of nodes, compared with a model of it that is not in the heap.
///
/// Every node has a number; the model knows the numbers of its two neighbours. Nodes hang off an array, so what the program
/// does to them goes through the barrier at any age; garbage arises when links are cut.
pub fn random_graph(seed: u64, steps: usize) {
    use std::collections::HashMap;
    const ROOTS: usize = 100;
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % n
    };
    /// The node with the model's number for `object`, after `path` steps chosen by the bits of `path`.
    fn walk(
        model: &HashMap<usize, [usize; 2]>,
        mut object: Ref,
        mut number: usize,
        path: usize,
    ) -> (Ref, usize) {
        for bit in 0..path % 7 {
            let side = path >> (3 + bit) & 1;
            let next = model[&number][side];
            if next == 0 {
                break;
            }
            object = get(object, [NEXT, OTHER][side]);
            number = next;
            assert_eq!(word(object, VALUE), number);
        }
        (object, number)
    }
    WORLD.run(|heap, ctx| {
        let roots = array(ROOTS);
        let mut root_numbers = [0usize; ROOTS];
        let mut model: HashMap<usize, [usize; 2]> = HashMap::new();
        let mut last = 0;
        for step in 0..steps {
            poll();
            let r = random(ROOTS);
            match random(100) {
                // A new node at a root; what was there becomes its neighbour, or garbage.
                0..40 => {
                    last += 1;
                    let n = node(ctx, last);
                    let keep = random(3) > 0;
                    let old = get(roots, element(r));
                    let old_number = if keep { root_numbers[r] } else { 0 };
                    if old_number != 0 {
                        set(n, NEXT, old);
                    }
                    model.insert(last, [old_number, 0]);
                    set(roots, element(r), n);
                    root_numbers[r] = last;
                }
                // A link from somewhere under one root to somewhere under another, or none.
                40..80 => {
                    let q = random(ROOTS);
                    if root_numbers[r] == 0 || root_numbers[q] == 0 {
                        continue;
                    }
                    let (a, a_number) = walk(
                        &model,
                        get(roots, element(r)),
                        root_numbers[r],
                        random(1 << 12),
                    );
                    let (b, b_number) = walk(
                        &model,
                        get(roots, element(q)),
                        root_numbers[q],
                        random(1 << 12),
                    );
                    let side = random(2);
                    let cut = random(4) == 0;
                    let slot = [NEXT, OTHER][side];
                    let value = if cut { Ref::NULL } else { b };
                    if random(2) == 0 {
                        set(a, slot, value);
                    } else {
                        // SAFETY: a slot of a live object.
                        unsafe { heap.store_unknown(a.addr() + slot, value) };
                    }
                    model.get_mut(&a_number).unwrap()[side] = if cut { 0 } else { b_number };
                }
                // Roots are moved about.
                80..95 => {
                    let (from, to) = (random(ROOTS - 10), random(ROOTS - 10));
                    // SAFETY: inside the array.
                    unsafe {
                        heap.copy(
                            roots,
                            roots.addr() + element(to),
                            roots.addr() + element(from),
                            80,
                        );
                    }
                    root_numbers.copy_within(from..from + 10, to);
                }
                // Garbage of all sizes.
                95..99 => {
                    array([1, 10, 100, 1000, 3000][random(5)]);
                    // SAFETY: bound and running.
                    unsafe { heap.alloc_string(*STRING, random(500)) }.unwrap();
                }
                _ if step % 3 == 0 => collect(random(4) == 0),
                _ => {}
            }
            if step % 5000 == 4999 {
                check(&model, roots, &root_numbers);
                let reachable = reachable(&model, &root_numbers);
                model.retain(|n, _| reachable.contains(n));
            }
        }
        check(&model, roots, &root_numbers);
    });

    fn reachable(
        model: &HashMap<usize, [usize; 2]>,
        roots: &[usize],
    ) -> std::collections::HashSet<usize> {
        let mut seen = std::collections::HashSet::new();
        let mut work = roots.to_vec();
        while let Some(n) = work.pop() {
            if n != 0 && seen.insert(n) {
                work.extend(model[&n]);
            }
        }
        seen
    }

    /// Compares everything reachable.
    fn check(model: &HashMap<usize, [usize; 2]>, roots: Ref, numbers: &[usize]) {
        let mut seen = std::collections::HashSet::new();
        for (i, &number) in numbers.iter().enumerate() {
            let object = get(roots, element(i));
            assert_eq!(object.is_null(), number == 0);
            let mut work = vec![(object, number)];
            while let Some((object, number)) = work.pop() {
                if number == 0 {
                    assert!(object.is_null());
                    continue;
                }
                assert_eq!(word(object, TYPE_WORD as usize) as u32, *NODE as u32);
                assert_eq!(word(object, VALUE), number);
                if seen.insert(number) {
                    let [next, other] = model[&number];
                    work.push((get(object, NEXT), next));
                    work.push((get(object, OTHER), other));
                }
            }
        }
    }
}
