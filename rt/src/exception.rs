//! The exception driver: two passes over the stack.
//!
//! ```text
//!  throw ─▶ pass 1: walk outwards, handlers innermost first; catch: ask the VM; filter: run it, on top of the stack
//!             │      found (or an entry boundary reached): the target
//!             ▼
//!           pass 2: walk again, entering each finally and fault pad on the way
//!             │       pad code ends with Resume(token) ─▶ pass 2 goes on behind that handler
//!             ▼
//!           enter the target's pad; the record is popped
//! ```
//!
//! A pad is entered by filling the context's resume words; the throw path then loads SP, FP and the payload and jumps.
//! The frames above are gone from then on, so what pass 2 must remember lies in a `Record` of the thread.
//!
//! **Nesting.** While a finally pad runs for record *R* in frame *F*, code called by it, or the pad itself, may throw again. The
//! newer exception has its own record, above. When it ends in a frame outside *F*, or in *F* at a handler that also
//! encloses the site *R* came from, *R* has been overtaken: it is discarded. When it ends inside (it was handled
//! within the finally), *R* stays and its `Resume` comes later. So `Resume(token)` may discard what is above its record,
//! and entering a target discards what it overtakes.
//!
//! **Roots.** Records live in a vector of plain words that the collector scans conservatively with the stack.

use crate::object::{Ref, Thrown, Trace};
use crate::registry::Code;
use crate::runtime::Runtime;
use crate::thread::Thread;
use crate::vm::TraceFrame;
use crate::walk::{Frame, Place, SiteCache, Walk};
use isthmus_eh_tables::table::Site;
use isthmus_runtime_abi::artifact::{Clause, ClauseKind, Handler, SourcePos};
use isthmus_runtime_abi::trap::TrapKind;
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

/// Frames of a trace that the VM is given at once: a stack may have a hundred thousand.
const TRACE_BATCH: usize = 1024;

/// Value of `ctx.pending` that means: go on with pass 2 of the record `ctx.payload0`. No object has this address.
const PENDING_RESUME: usize = 1;

/// An exception between the start of its second pass and its handler.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Record {
    /// The exception object; kept alive and in place because the collector scans records.
    exception: usize,
    /// Names the record in `Resume`; never 0, and not used again soon.
    token: usize,
    /// The frame whose pad runs.
    place: Place,
    /// How many of the site's handlers are done with.
    done: usize,
    /// Return address of the newest `Resume` call in that frame, or 0. The handlers still to come are entered through the
    /// landing pads of that call: the pad before it may have moved or changed the values that they take.
    resumed: usize,
    target: Target,
}

/// Where an exception will end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Target {
    /// The frame.
    fp: usize,
    /// Which of the handlers around that frame's site.
    index: usize,
}

/// Exceptions in flight of a thread, and the last one that left managed code.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    records: Vec<Record>,
    last_token: usize,
    /// The exception that ended at an entry boundary, until the native caller takes it.
    escaped: Option<Thrown>,
    /// Whether `ctx.pending` is to keep its trace.
    pending_trace: Option<Trace>,
}

impl InFlight {
    /// The memory of the records, for the collector.
    pub(crate) fn words(&self) -> Range<usize> {
        let records = self.records.as_ptr_range();
        records.start as usize..records.end as usize
    }
}

impl Thread {
    /// # Safety
    /// The calling thread is `self`, and the borrow ends before any other call that uses it.
    #[allow(clippy::mut_from_ref)]
    unsafe fn flight(&self) -> &mut InFlight {
        // SAFETY: only the owner uses it while it runs.
        unsafe { &mut *self.in_flight.get() }
    }

    /// Makes the stub that called the runtime throw when the runtime function returns.
    pub fn set_pending(&self, thrown: Thrown) {
        debug_assert!(!thrown.exception.is_null());
        // SAFETY: helpers run on their own thread; the borrow ends here.
        unsafe { self.flight() }.pending_trace = Some(thrown.trace);
        self.ctx.pending.store(thrown.exception.addr(), Relaxed);
    }

    /// The value of a result. Of a failure it is none that means anything: the stub that called the runtime throws.
    pub fn or_throw<T: Default>(&self, result: Result<T, Thrown>) -> T {
        result.unwrap_or_else(|thrown| {
            self.set_pending(thrown);
            T::default()
        })
    }

    /// Makes the stub go on with the second pass of a record.
    pub(crate) fn set_pending_resume(&self, token: usize) {
        self.ctx.payload0.store(token, Relaxed);
        self.ctx.pending.store(PENDING_RESUME, Relaxed);
    }

    /// The exception with which an entry into managed code ended.
    pub(crate) fn take_escaped(&self) -> Option<Thrown> {
        // SAFETY: the calling thread just came back from managed code; the borrow ends here.
        unsafe { self.flight() }.escaped.take()
    }

    /// Number of exceptions whose second pass is under way.
    pub fn exceptions_in_flight(&self) -> usize {
        // SAFETY: called on the owning thread; the borrow ends here.
        unsafe { self.flight() }.records.len()
    }
}

/// The C function behind `RuntimeFn::Throw`: drives the pending exception, from the frame that called the stub at
/// `TransitionFp`, and fills the resume words.
///
/// # Safety
/// Called by the throw path with the thread's context.
pub(crate) unsafe extern "C" fn throw_pending(
    ctx: *mut isthmus_runtime_abi::context::ThreadContext,
) {
    // SAFETY: stubs pass the context of the calling thread.
    let thread = unsafe { Thread::from_context(ctx) };
    let pending = thread.ctx.pending.swap(0, Relaxed);
    // SAFETY: own thread; the transition's frames are live below this call.
    unsafe {
        if pending == PENDING_RESUME {
            resume(thread, thread.ctx.payload0.load(Relaxed));
        } else {
            let trace = thread.flight().pending_trace.take();
            let thrown = Thrown {
                exception: Ref::from_addr(pending),
                trace: trace.unwrap_or(Trace::Fresh),
            };
            let fp = thread.ctx.transition_fp.load(Relaxed);
            throw(thread, thrown, transition_place(fp, None));
        }
    }
}

/// The C function behind `RuntimeFn::Fault`.
///
/// # Safety
/// Called by the fault stubs with the thread's context, after the trap handler has filled the fault words.
pub(crate) unsafe extern "C" fn fault(ctx: *mut isthmus_runtime_abi::context::ThreadContext) {
    // SAFETY: stubs pass the context of the calling thread.
    let thread = unsafe { Thread::from_context(ctx) };
    let kind = TrapKind::from_code(thread.ctx.fault_kind.load(Relaxed) as u8)
        .unwrap_or(TrapKind::NullReference);
    thread.runtime().counters.faults.fetch_add(1, Relaxed);
    // A fault in a stub belongs to the call site of its caller.
    let in_method = thread.ctx.fault_pc.load(Relaxed) != 0;
    let thrown = thread.runtime().trap(thread, kind);
    // SAFETY: the fault stub's frame is live.
    unsafe {
        let fp = thread.ctx.transition_fp.load(Relaxed);
        let place = transition_place(fp, in_method.then_some(kind));
        throw(thread, thrown, place);
    }
}

/// # Safety
/// `fp` is a live stub frame.
unsafe fn transition_place(fp: usize, trap: Option<TrapKind>) -> Place {
    // SAFETY: the two link words of a live frame.
    unsafe {
        Place {
            fp: *(fp as *const usize),
            pc: *((fp + size_of::<usize>()) as *const usize),
            trap,
        }
    }
}

/// Both passes from a place in managed code; ends with the resume words filled for the first pad.
///
/// # Safety
/// The frames at and outside `from` are live, on the calling thread's stack.
unsafe fn throw(thread: &Thread, thrown: Thrown, from: Place) {
    let counters = &thread.runtime().counters;
    counters.exceptions.fetch_add(1, Relaxed);
    // SAFETY: passed on.
    let target = thread.with_reserve(|| unsafe { find_target(thread, thrown, from) });
    // SAFETY: own thread; short borrow.
    let flight = unsafe { thread.flight() };
    flight.last_token += 1;
    let token = flight.last_token;
    flight.records.push(Record {
        exception: thrown.exception.addr(),
        token,
        place: from,
        done: 0,
        resumed: 0,
        target,
    });
    // SAFETY: passed on.
    unsafe { second_pass(thread) }
}

/// What pass 1 does with frames that it has passed: collects them for the stack trace.
struct TraceNotes<'a> {
    thread: &'a Thread,
    exception: Ref,
    trace: Trace,
    /// How many frames of the trace before are to be forgotten.
    forget: usize,
    frames: SmallVec<[TraceFrame; 32]>,
}

impl TraceNotes<'_> {
    fn add(&mut self, frame: &Frame<'_>, site: Option<Site>) {
        let native = frame.place.pc.wrapping_sub(frame.code.base) as u32;
        let first = self.frames.len();
        match site {
            Some(site) => {
                let chain = frame.code.inline_chain(site.pos);
                self.frames
                    .extend(chain.map(|(method, il)| TraceFrame { method, il, native }));
            }
            // The call by which a baseline frame goes over to optimized code: the frame it called is the method's.
            None if frame.place.trap.is_none() => {}
            None => self
                .frames
                .extend(frame.code.method().map(|method| TraceFrame {
                    method,
                    il: 0,
                    native,
                })),
        }
        let context = match self.trace {
            Trace::Entry => None,
            _ => frame.generic_context(),
        };
        let shown = &mut self.frames[first..];
        if context.is_some() || shown.len() > 1 {
            self.thread.runtime().vm().make_exact(context, shown);
        }
        if self.trace == Trace::Entry {
            self.trace = Trace::Fresh;
        }
        if self.trace == Trace::Rethrow {
            // The rethrowing method is what the trace ends with; methods that it is inlined into were left out.
            self.forget = 1;
            self.trace = Trace::Keep;
        }
        if self.frames.len() >= TRACE_BATCH {
            self.flush();
        }
    }

    /// The trace ends with the method that catches: those that it is inlined into are left out.
    fn end_at(&mut self, frame: &Frame<'_>, handler: Handler) {
        if let Some(Clause { node, .. }) = frame.code.clause(handler.clause) {
            let callers = frame
                .code
                .inline_chain(SourcePos { node, il: 0 })
                .skip(1)
                .count();
            let kept = self.frames.len().saturating_sub(callers);
            self.frames.truncate(kept);
        }
    }

    fn flush(&mut self) {
        if self.frames.is_empty() && self.forget == 0 {
            return;
        }
        let vm = self.thread.runtime().vm();
        vm.note_trace(self.thread, self.exception, self.forget, &self.frames);
        self.forget = 0;
        self.frames.clear();
    }
}

/// Pass 1.
///
/// # Safety
/// As [`throw`].
unsafe fn find_target(thread: &Thread, thrown: Thrown, from: Place) -> Target {
    let mut notes = TraceNotes {
        thread,
        exception: thrown.exception,
        trace: thrown.trace,
        forget: match thrown.trace {
            Trace::Fresh | Trace::Entry => usize::MAX,
            Trace::Keep | Trace::Rethrow => 0,
        },
        frames: SmallVec::new(),
    };
    let runtime = thread.runtime();
    let mut place = from;
    loop {
        let (code, site) = site_at(thread, runtime, place);
        let frame = Frame { place, code };
        if frame.is_boundary() {
            notes.flush();
            return Target {
                fp: place.fp,
                index: 0,
            };
        }
        notes.add(&frame, site);
        let handlers = site.into_iter().flat_map(|s| code.handlers(s));
        for (index, handler) in handlers.enumerate() {
            if takes(thread, &mut notes, &frame, handler, thrown.exception) {
                notes.end_at(&frame, handler);
                notes.flush();
                return Target {
                    fp: place.fp,
                    index,
                };
            }
        }
        // SAFETY: the frame is live.
        place = unsafe { frame.caller() };
    }
}

/// Whether a handler takes the exception.
fn takes(
    thread: &Thread,
    notes: &mut TraceNotes<'_>,
    frame: &Frame<'_>,
    handler: Handler,
    exception: Ref,
) -> bool {
    let vm = thread.runtime().vm();
    let Some(clause) = frame.code.clause(handler.clause) else {
        return false;
    };
    let exception = vm.seen_by(thread, frame.code.method(), exception);
    match clause.kind {
        ClauseKind::Catch(ty) => vm.catches(ty, exception),
        ClauseKind::CatchAll => true,
        ClauseKind::CatchLookup(slot) => frame
            .generic_context()
            .is_some_and(|context| vm.catches_lookup(context, slot, exception)),
        ClauseKind::Filter(number) => {
            notes.flush();
            run_filter(thread, frame, number, exception)
        }
        ClauseKind::Finally | ClauseKind::Fault => false,
    }
}

/// Runs a filter on top of the stack. An exception that leaves it counts as "no".
fn run_filter(thread: &Thread, frame: &Frame<'_>, number: u32, exception: Ref) -> bool {
    let Some(&code) = frame.code.filters.get(number as usize) else {
        return false;
    };
    let area = frame.code.frame().filter_area.unwrap_or(0);
    let area = frame.place.fp.wrapping_add_signed(area as isize);
    // SAFETY: the filter belongs to the frame's code and gets what `FilterAbi` says.
    let result = unsafe { thread.runtime().call_filter(thread, code, area, exception) };
    result.is_ok_and(|wanted| wanted != 0)
}

/// Code and site of a place, through the thread's cache. A place in no known code is an internal error.
fn site_at<'a>(thread: &Thread, runtime: &'a Runtime, place: Place) -> (&'a Code, Option<Site>) {
    let map = runtime.code_map();
    let known = match place.trap {
        None => {
            // SAFETY: own thread; the borrow ends within this expression.
            let cache: &mut SiteCache = unsafe { &mut *thread.sites.get() };
            cache.call_site(map, place.pc, runtime.removals())
        }
        Some(_) => map
            .find(place.pc)
            .map(|code| (code, Frame { place, code }.site())),
    };
    known.unwrap_or_else(|| bad_stack(place))
}

#[cold]
fn bad_stack(place: Place) -> ! {
    let error = crate::walk::BadStack {
        fp: place.fp,
        pc: place.pc,
    };
    crate::internal_error(&error.to_string())
}

/// The C side of `Helper::Resume`: pass 2 goes on.
///
/// # Safety
/// As [`throw`]; the pad of the record with this token has just ended.
unsafe fn resume(thread: &Thread, token: usize) {
    // SAFETY: own thread; short borrow.
    let flight = unsafe { thread.flight() };
    match flight.records.iter().rposition(|r| r.token == token) {
        Some(index) => flight.records.truncate(index + 1),
        None => {
            crate::internal_error("a finally handler resumes an exception that is not in flight")
        }
    }
    // SAFETY: the stub that called the runtime is live below this call.
    let call = unsafe { transition_place(thread.ctx.transition_fp.load(Relaxed), None) };
    if let Some(record) = flight.records.last_mut()
        && record.place.fp == call.fp
    {
        record.resumed = call.pc;
    }
    // SAFETY: the record's frame is live: its pad ran until now.
    unsafe { second_pass(thread) }
}

/// Pass 2 of the newest record, up to the next pad.
///
/// # Safety
/// The frames from the record's place to its target are live.
unsafe fn second_pass(thread: &Thread) {
    let runtime = thread.runtime();
    // SAFETY: own thread; no other borrow while this one lives: nothing below runs managed code.
    let flight = unsafe { thread.flight() };
    let Some(record) = flight.records.last_mut() else {
        crate::internal_error("no exception in flight");
    };
    loop {
        let (code, site) = site_at(thread, runtime, record.place);
        let frame = Frame {
            place: record.place,
            code,
        };
        let in_target = record.place.fp == record.target.fp;
        let handlers = site.into_iter().flat_map(|s| code.handlers(s));
        for (index, handler) in handlers.enumerate().skip(record.done) {
            if in_target && index == record.target.index {
                let handler = landing_now(code, record, handler);
                let exception = record.exception;
                overtake(thread, flight, &frame, handler);
                if frame.is_boundary() {
                    flight.escaped = Some(Thrown::again(Ref::from_addr(exception)));
                }
                let vm = runtime.vm();
                let seen = vm.seen_by(thread, code.method(), Ref::from_addr(exception));
                enter(thread, &frame, handler, seen.addr());
                return;
            }
            let kind = code.clause(handler.clause).map(|c| c.kind);
            if let Some(ClauseKind::Finally | ClauseKind::Fault) = kind {
                let handler = landing_now(code, record, handler);
                record.done = index + 1;
                let token = record.token;
                enter(thread, &frame, handler, token);
                return;
            }
        }
        if in_target {
            crate::internal_error("the handler that the first pass found is gone");
        }
        // SAFETY: the frame is live, and the target lies further out.
        record.place = unsafe { frame.caller() };
        record.done = 0;
        record.resumed = 0;
    }
}

/// The handler with the landing pad by which it is entered from where the frame is now: at the call that resumed, if it has
/// the clause among its handlers, else where the exception came from.
fn landing_now(code: &Code, record: &Record, handler: Handler) -> Handler {
    if record.resumed == 0 {
        return handler;
    }
    let site = code.call_site(record.resumed);
    let same = site.and_then(|site| code.handlers(site).find(|h| h.clause == handler.clause));
    same.unwrap_or(handler)
}

/// Removes the newest record, which ends at `handler` in `frame`, and those that it overtakes.
fn overtake(thread: &Thread, flight: &mut InFlight, frame: &Frame<'_>, handler: Handler) {
    flight.records.pop();
    while let Some(older) = flight.records.last() {
        let overtaken = match thread
            .outwardness(older.place.fp)
            .cmp(&thread.outwardness(frame.place.fp))
        {
            Ordering::Less => true,
            Ordering::Equal => encloses(thread.runtime(), older, handler),
            Ordering::Greater => false,
        };
        if !overtaken {
            break;
        }
        flight.records.pop();
    }
}

/// Whether a handler of the record's frame lies around the pad that runs for the record: then it is among the handlers
/// still to come at the record's site.
fn encloses(runtime: &Runtime, older: &Record, handler: Handler) -> bool {
    let map = runtime.code_map();
    let code = match older.place.trap {
        None => map.find_return(older.place.pc),
        Some(_) => map.find(older.place.pc),
    };
    let Some(code) = code else { return false };
    let place = older.place;
    Frame { place, code }.site().is_some_and(|site| {
        code.handlers(site)
            .skip(older.done)
            .any(|h| h.clause == handler.clause)
    })
}

/// Fills the resume words for a pad.
fn enter(thread: &Thread, frame: &Frame<'_>, handler: Handler, payload: usize) {
    let ctx = &thread.ctx;
    let fp = frame.place.fp;
    ctx.resume_pc
        .store(frame.code.base + handler.landing as usize, Relaxed);
    ctx.resume_sp.store(fp - frame.code.frame_size(), Relaxed);
    ctx.resume_fp.store(fp, Relaxed);
    ctx.payload0.store(payload, Relaxed);
    ctx.payload1.store(handler.clause as usize, Relaxed);
}

/// The stack trace of the calling thread, innermost first, from its newest transition on: at most `limit` frames.
pub fn stack_trace(thread: &Thread, limit: usize) -> Vec<TraceFrame> {
    let mut frames = Vec::new();
    // SAFETY: the calling thread's own frames, which outlive this call.
    for frame in unsafe { Walk::of_thread(thread) }.map_while(Result::ok) {
        frames.extend(frame.shown(thread));
        if frames.len() >= limit {
            frames.truncate(limit);
            break;
        }
    }
    frames
}
