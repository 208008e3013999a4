//! Events, mutexes and semaphores of the kernel kind, waited for one by one or together; workers of the thread pool.
//!
//! All objects share one lock and one condition: a change of any wakes all that wait, who look again. That is simple and right,
//! and quick enough for what programs wait for.

use crate::types::types;
use crate::vm::cx::Result;
use crate::vm::{Cx, process, runtime, threads};
use isthmus_rt::thread::number as thread_number;
use isthmus_rt::transition::blocking;
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::time::{Duration, Instant};

icalls! {
    "System.Threading.NativeEventCalls" {
        "CreateEvent_icall" => create_event [manual: bool, initial: bool, name: usize, length: i32, error: usize] -> usize;
        "SetEvent_internal" => set_event [handle: usize] -> bool;
        "ResetEvent_internal" => reset_event [handle: usize] -> bool;
        "CloseEvent_internal" => close [handle: usize] -> ();
    }
    "System.Threading.Mutex" {
        "CreateMutex_icall" => create_mutex [owned: bool, name: usize, length: i32, created: usize] -> usize;
        "ReleaseMutex_internal" => release_mutex [handle: usize] -> bool;
    }
    "System.Threading.Semaphore" {
        "CreateSemaphore_icall" => create_semaphore [initial: i32, most: i32, name: usize, length: i32, error: usize] -> usize;
        "ReleaseSemaphore_internal" => release_semaphore [handle: usize, count: i32, previous: usize] -> bool;
    }
    "System.Threading.WaitHandle" {
        "Wait_internal" => wait [handles: usize, count: i32, all: bool, timeout: i32] -> i32;
    }
    "System.Threading.ThreadPool" {
        "InitializeVMTp" => initialize_pool [tracking: usize] -> ();
        "RequestWorkerThread" => request_worker [] -> bool;
        "NotifyWorkItemComplete" => work_item_complete [] -> bool;
        "NotifyWorkItemQueued" => work_item_queued [] -> ();
        "ReportThreadStatus" => report_status [working: bool] -> ();
        "NotifyWorkItemProgressNative" => work_item_queued [] -> ();
        "GetMinThreadsNative" => least_threads [workers: usize, ports: usize] -> ();
        "GetMaxThreadsNative" => most_threads [workers: usize, ports: usize] -> ();
        "GetAvailableThreadsNative" => available_threads [workers: usize, ports: usize] -> ();
        "SetMinThreadsNative" => set_least_threads [workers: i32, ports: i32] -> bool;
        "SetMaxThreadsNative" => set_most_threads [workers: i32, ports: i32] -> bool;
    }
}

/// Something to wait for.
enum Waitable {
    Event {
        manual: bool,
        set: bool,
    },
    /// Abandoned: the thread that owned it ended, and nobody has taken it since.
    Mutex {
        owner: u64,
        depth: u32,
        abandoned: bool,
    },
    Semaphore {
        count: i32,
        most: i32,
    },
}

impl Waitable {
    fn is_ready(&self, me: u64) -> bool {
        match *self {
            Waitable::Event { set, .. } => set,
            Waitable::Mutex { owner, .. } => owner == 0 || owner == me,
            Waitable::Semaphore { count, .. } => count > 0,
        }
    }

    /// What a wait that succeeds does; whether it was an abandoned mutex.
    fn take(&mut self, me: u64) -> bool {
        match self {
            Waitable::Event { manual, set } => {
                *set = *manual;
                false
            }
            Waitable::Mutex {
                owner,
                depth,
                abandoned,
            } => {
                if *depth == 0 {
                    OWNED.set(OWNED.get() + 1);
                }
                *owner = me;
                *depth += 1;
                std::mem::take(abandoned)
            }
            Waitable::Semaphore { count, .. } => {
                *count -= 1;
                false
            }
        }
    }
}

#[derive(Default)]
struct Objects {
    next: usize,
    list: FxHashMap<usize, Waitable>,
}

thread_local! {
    /// Mutexes that the thread owns.
    static OWNED: Cell<u32> = const { Cell::new(0) };
}

static OBJECTS: Mutex<Option<Objects>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// Handles are multiples of 16 above this, so that they look like no descriptor.
const FIRST: usize = 0x1_0000;

fn create(object: Waitable) -> usize {
    let mut guard = OBJECTS.lock();
    let objects = guard.get_or_insert_default();
    objects.next += 1;
    let handle = FIRST + 16 * objects.next;
    objects.list.insert(handle, object);
    handle
}

/// Changes an object and wakes those who wait; false if there is none.
fn change(handle: usize, f: impl FnOnce(&mut Waitable) -> bool) -> bool {
    let done = OBJECTS
        .lock()
        .get_or_insert_default()
        .list
        .get_mut(&handle)
        .is_some_and(f);
    CHANGED.notify_all();
    done
}

/// An event that stays set once it is, for what happens outside managed code.
pub(super) fn create_signal(set: bool) -> usize {
    create(Waitable::Event { manual: true, set })
}

/// Sets what [`create_signal`] made, from any thread.
pub(super) fn signal(handle: usize) {
    change(handle, |o| match o {
        Waitable::Event { set, .. } => {
            *set = true;
            true
        }
        _ => false,
    });
}

/// Takes an object away.
pub(super) fn remove(handle: usize) {
    OBJECTS.lock().get_or_insert_default().list.remove(&handle);
    CHANGED.notify_all();
}

fn create_event(
    _cx: &Cx<'_>,
    manual: bool,
    initial: bool,
    _name: usize,
    _length: i32,
    error: usize,
) -> Result<usize> {
    // SAFETY: a managed pointer to an int.
    unsafe { (error as *mut i32).write_unaligned(0) };
    Ok(create(Waitable::Event {
        manual,
        set: initial,
    }))
}

fn set_event(_cx: &Cx<'_>, handle: usize) -> Result<bool> {
    Ok(change(handle, |o| {
        let Waitable::Event { set, .. } = o else {
            return false;
        };
        *set = true;
        true
    }))
}

fn reset_event(_cx: &Cx<'_>, handle: usize) -> Result<bool> {
    Ok(change(handle, |o| {
        let Waitable::Event { set, .. } = o else {
            return false;
        };
        *set = false;
        true
    }))
}

fn close(_cx: &Cx<'_>, handle: usize) -> Result<()> {
    super::processes::forget(handle);
    remove(handle);
    Ok(())
}

fn create_mutex(
    _cx: &Cx<'_>,
    owned: bool,
    _name: usize,
    _length: i32,
    created: usize,
) -> Result<usize> {
    // SAFETY: a managed pointer to a bool.
    unsafe { *(created as *mut u8) = 1 };
    let mut mutex = Waitable::Mutex {
        owner: 0,
        depth: 0,
        abandoned: false,
    };
    if owned {
        mutex.take(thread_number());
    }
    Ok(create(mutex))
}

/// Gives up what the current thread owns when it ends: whoever waits for it next gets it, and is told.
pub fn abandon_mutexes() {
    if OWNED.replace(0) == 0 {
        return;
    }
    let thread = thread_number();
    let mut guard = OBJECTS.lock();
    for object in guard.get_or_insert_default().list.values_mut() {
        if let Waitable::Mutex {
            owner,
            depth,
            abandoned,
        } = object
            && *owner == thread
        {
            (*owner, *depth, *abandoned) = (0, 0, true);
        }
    }
    CHANGED.notify_all();
}

/// False if the calling thread does not own the mutex.
fn release_mutex(_cx: &Cx<'_>, handle: usize) -> Result<bool> {
    let me = thread_number();
    Ok(change(handle, |o| match o {
        Waitable::Mutex { owner, depth, .. } if *owner == me => {
            *depth -= 1;
            if *depth == 0 {
                *owner = 0;
                OWNED.set(OWNED.get().saturating_sub(1));
            }
            true
        }
        _ => false,
    }))
}

fn create_semaphore(
    _cx: &Cx<'_>,
    initial: i32,
    most: i32,
    _name: usize,
    _length: i32,
    error: usize,
) -> Result<usize> {
    // SAFETY: a managed pointer to an int.
    unsafe { (error as *mut i32).write_unaligned(0) };
    Ok(create(Waitable::Semaphore {
        count: initial,
        most,
    }))
}

fn release_semaphore(_cx: &Cx<'_>, handle: usize, by: i32, previous: usize) -> Result<bool> {
    Ok(change(handle, |o| match o {
        Waitable::Semaphore { count, most } if by <= *most - *count => {
            // SAFETY: a managed pointer to an int.
            unsafe { (previous as *mut i32).write_unaligned(*count) };
            *count += by;
            true
        }
        _ => false,
    }))
}

/// The number of the object that became ready (0 for all of them), 128 more if it is an abandoned mutex (or one of all is), 258 after the time.
fn wait(_cx: &Cx<'_>, handles: usize, count: i32, all: bool, timeout: i32) -> Result<i32> {
    const ABANDONED: i32 = 128;
    const TIMEOUT: i32 = 258;
    const FAILED: i32 = i32::MAX;
    let me = thread_number();
    let list: Vec<usize> = (0..count.max(0) as usize)
        // SAFETY: the library passes so many handles.
        .map(|i| unsafe { (handles as *const usize).add(i).read_unaligned() })
        .collect();
    let deadline = u64::try_from(timeout)
        .ok()
        .map(|ms| Instant::now() + Duration::from_millis(ms));
    Ok(blocking(|| {
        let mut guard = OBJECTS.lock();
        loop {
            let objects = &mut guard.get_or_insert_default().list;
            if list.iter().any(|h| !objects.contains_key(h)) {
                return FAILED;
            }
            let ready: Vec<usize> = (0..list.len())
                .filter(|&i| objects[&list[i]].is_ready(me))
                .collect();
            let taken = if all {
                ready.len() == list.len()
            } else {
                !ready.is_empty()
            };
            if taken {
                let which = if all { &ready[..] } else { &ready[..1] };
                let mut first = if all { 0 } else { ready[0] as i32 };
                for i in which {
                    if let Some(o) = objects.get_mut(&list[*i])
                        && o.take(me)
                    {
                        first = ABANDONED + *i as i32;
                    }
                }
                return first;
            }
            match deadline {
                None => CHANGED.wait(&mut guard),
                Some(at)
                    if CHANGED.wait_until(&mut guard, at).timed_out() && Instant::now() >= at =>
                {
                    return TIMEOUT;
                }
                Some(_) => {}
            }
        }
    }))
}

// ---- the thread pool: a worker for each request, as long as there are not too many
//
// The class library counts its requests and asks no more while some are open: each must end in one run of its dispatch
// loop, so requests beyond the limit wait for a worker.

#[derive(Default)]
struct Pool {
    workers: usize,
    /// Workers that wait for something to do.
    idle: usize,
    /// Requests that no worker has taken up.
    requests: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    workers: 0,
    idle: 0,
    requests: 0,
});
static REQUESTED: Condvar = Condvar::new();

/// How long a worker waits for its next request.
const IDLE: Duration = Duration::from_secs(2);

/// Limits that programs see and set: as many workers as processors at least, a hundred for each at most.
struct Limits {
    least: [i32; 2],
    most: [i32; 2],
}

static LIMITS: Mutex<Option<Limits>> = Mutex::new(None);

fn with_limits<R>(f: impl FnOnce(&mut Limits) -> R) -> R {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as i32);
    f(LIMITS.lock().get_or_insert(Limits {
        least: [processors; 2],
        most: [processors * 100; 2],
    }))
}

fn most_workers() -> usize {
    with_limits(|l| l.most[0].max(1) as usize)
}

fn store_pair(workers: usize, ports: usize, values: [i32; 2]) {
    for (to, value) in [workers, ports].into_iter().zip(values) {
        // SAFETY: managed pointers to ints.
        unsafe { (to as *mut i32).write_unaligned(value) };
    }
}

fn least_threads(_cx: &Cx<'_>, workers: usize, ports: usize) -> Result<()> {
    store_pair(workers, ports, with_limits(|l| l.least));
    Ok(())
}

fn most_threads(_cx: &Cx<'_>, workers: usize, ports: usize) -> Result<()> {
    store_pair(workers, ports, with_limits(|l| l.most));
    Ok(())
}

fn available_threads(_cx: &Cx<'_>, workers: usize, ports: usize) -> Result<()> {
    let [most, most_ports] = with_limits(|l| l.most);
    let pool = POOL.lock();
    let busy = (pool.workers - pool.idle) as i32;
    drop(pool);
    store_pair(workers, ports, [(most - busy).max(0), most_ports]);
    Ok(())
}

fn set_least_threads(_cx: &Cx<'_>, workers: i32, ports: i32) -> Result<bool> {
    Ok(with_limits(|l| {
        let fits = (1..=l.most[0]).contains(&workers) && (1..=l.most[1]).contains(&ports);
        if fits {
            l.least = [workers, ports];
        }
        fits
    }))
}

fn set_most_threads(_cx: &Cx<'_>, workers: i32, ports: i32) -> Result<bool> {
    Ok(with_limits(|l| {
        let fits = workers >= l.least[0] && ports >= l.least[1];
        if fits {
            l.most = [workers, ports];
        }
        fits
    }))
}

fn initialize_pool(_cx: &Cx<'_>, tracking: usize) -> Result<()> {
    // SAFETY: a managed pointer to a bool.
    unsafe { *(tracking as *mut u8) = 0 };
    Ok(())
}

/// Has the dispatch loop run once by some worker.
fn request_worker(_cx: &Cx<'_>) -> Result<bool> {
    let mut pool = POOL.lock();
    pool.requests += 1;
    if pool.requests <= pool.idle {
        REQUESTED.notify_one();
        return Ok(true);
    }
    if pool.workers >= most_workers() {
        return Ok(true);
    }
    pool.workers += 1;
    drop(pool);
    let spawned = std::thread::Builder::new().stack_size(8 << 20).spawn(work);
    if spawned.is_err() {
        // Another worker will take it up, if there is one.
        let mut pool = POOL.lock();
        pool.workers -= 1;
        if pool.workers == 0 {
            pool.requests -= 1;
            return Ok(false);
        }
    }
    Ok(true)
}

/// The life of a worker.
fn work() {
    let attachment = match runtime().attach() {
        Ok(attachment) => attachment,
        Err(e) => isthmus_rt::internal_error(&e.to_string()),
    };
    let cx = Cx {
        thread: &attachment,
    };
    if let Err(thrown) = threads::attach_worker(&cx) {
        process::left_thread(&cx, thrown.exception);
    }
    while next_request() {
        if let Err(thrown) = serve(&cx) {
            process::left_thread(&cx, thrown.exception);
        }
    }
}

/// Takes up a request, or waits for one; false: none came, and the worker is no longer counted.
fn next_request() -> bool {
    blocking(|| {
        let mut pool = POOL.lock();
        let until = Instant::now() + IDLE;
        while pool.requests == 0 {
            pool.idle += 1;
            let timed_out = REQUESTED.wait_until(&mut pool, until).timed_out();
            pool.idle -= 1;
            if timed_out && pool.requests == 0 {
                pool.workers -= 1;
                return false;
            }
        }
        pool.requests -= 1;
        true
    })
}

/// Runs the library's dispatch loop once: it returns when the queue is empty, or after a while.
fn serve(cx: &Cx<'_>) -> Result<()> {
    let class = types()
        .corlib()
        .find_type("System.Threading", "_ThreadPoolWaitCallback");
    if let Some(m) = class.and_then(|c| c.method("PerformWaitCallback", 0)) {
        cx.invoke(m, &[])?;
    }
    Ok(())
}

/// Workers do not give up their place after an item.
fn work_item_complete(_cx: &Cx<'_>) -> Result<bool> {
    Ok(true)
}

fn work_item_queued(_cx: &Cx<'_>) -> Result<()> {
    Ok(())
}

fn report_status(_cx: &Cx<'_>, _working: bool) -> Result<()> {
    Ok(())
}
