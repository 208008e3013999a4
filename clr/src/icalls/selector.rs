//! `System.IOSelector`: jobs that wait until a socket can be read or written, then become work of the thread pool.
//!
//! ```text
//!   Add(handle, job) ──▶ jobs ──▶ thread: poll ──ready──▶ ThreadPool.UnsafeQueueCustomWorkItem(job)
//!   Remove(handle) ─────────────────────────────────────▶ (its jobs then find the socket closed)
//! ```

use crate::emit::objects::Fields;
use crate::vm::cx::{Result, Value};
use crate::vm::{Cx, heap, reflect, runtime, threads};
use isthmus_rt::object::Ref;
use isthmus_rt::transition::blocking;
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;

icalls! {
    "System.IOSelector" {
        "Add" => add [handle: usize, job: Ref] -> ();
        "Remove" => remove [handle: usize] -> ();
    }
}

/// A job that waits.
struct Job {
    descriptor: i32,
    events: i16,
    /// A strong handle of the `IOSelectorJob`.
    object: usize,
    /// The socket is about to be closed.
    is_over: bool,
}

static JOBS: Mutex<Vec<Job>> = Mutex::new(Vec::new());
/// A pipe by which the thread is told that jobs have changed: what it reads and what others write.
static WAKER: OnceLock<Option<(OwnedFd, OwnedFd)>> = OnceLock::new();

/// Starts the thread, once, and tells it to look at the jobs again.
fn wake() {
    let pipe = WAKER.get_or_init(|| {
        let (reads, writes) = std::io::pipe().ok()?;
        // A full pipe wakes it as well.
        // SAFETY: changes a flag of the pipe just made.
        unsafe { libc::fcntl(writes.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        let life = || {
            let Ok(attachment) = runtime().attach() else {
                return;
            };
            let cx = Cx {
                thread: &attachment,
            };
            if threads::attach_foreign(&cx).is_ok() {
                while step(&cx).is_ok() {}
            }
        };
        let thread = std::thread::Builder::new().name("selector".to_owned());
        thread.spawn(life).ok()?;
        Some((reads.into(), writes.into()))
    });
    if let Some((_, writes)) = pipe {
        // SAFETY: one byte.
        unsafe { libc::write(writes.as_raw_fd(), [0u8].as_ptr().cast(), 1) };
    }
}

fn add(cx: &Cx<'_>, handle: usize, job: Ref) -> Result<()> {
    const READ: i32 = 1;
    let operation: i32 = Fields::of(cx, job)?.get("operation")?;
    JOBS.lock().push(Job {
        descriptor: handle as i32,
        events: match operation & READ {
            0 => libc::POLLOUT,
            _ => libc::POLLIN,
        },
        object: heap::strong_handle(job),
        is_over: false,
    });
    wake();
    Ok(())
}

fn remove(_cx: &Cx<'_>, handle: usize) -> Result<()> {
    let mut found = false;
    for job in JOBS.lock().iter_mut() {
        if job.descriptor == handle as i32 {
            job.is_over = true;
            found = true;
        }
    }
    if found {
        wake();
    }
    Ok(())
}

/// Waits until something is ready, and queues it.
fn step(cx: &Cx<'_>) -> Result<()> {
    let entry = |fd: i32, events: i16| libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let waker = WAKER.wait().as_ref().map_or(-1, |p| p.0.as_raw_fd());
    let mut entries = vec![entry(waker, libc::POLLIN)];
    entries.extend(
        JOBS.lock()
            .iter()
            .filter(|job| !job.is_over)
            .map(|job| entry(job.descriptor, job.events)),
    );
    let count = entries.len() as libc::nfds_t;
    // SAFETY: that many entries.
    blocking(|| unsafe { libc::poll(entries.as_mut_ptr(), count, -1) });
    if entries[0].revents != 0 {
        let mut bytes = [0u8; 64];
        // SAFETY: room for the bytes.
        unsafe { libc::read(waker, bytes.as_mut_ptr().cast(), bytes.len()) };
    }
    let is_ready = |job: &mut Job| {
        let fits = |e: &libc::pollfd| {
            e.fd == job.descriptor
                && e.revents & (job.events | !(libc::POLLIN | libc::POLLOUT)) != 0
        };
        job.is_over || entries[1..].iter().any(fits)
    };
    let ready: Vec<Job> = JOBS.lock().extract_if(.., is_ready).collect();
    for job in ready {
        queue(cx, heap::from_handle(job.object))?;
        heap::free_handle(job.object);
    }
    Ok(())
}

/// `ThreadPool.UnsafeQueueCustomWorkItem(job, false)`.
fn queue(cx: &Cx<'_>, job: Ref) -> Result<()> {
    let pool = reflect::class("System.Threading", "ThreadPool");
    let method = pool
        .method("UnsafeQueueCustomWorkItem", 2)
        .ok_or_else(|| cx.null_reference())?;
    cx.invoke(method, &[Value::Ref(job), Value::I32(0)])?;
    Ok(())
}
