//! Tiering: from counters in baseline code to optimized code.
//!
//! ```text
//!  baseline code      sub [counter], weight ── negative ──▶ TierUp(counter, loop header or -1)
//!                                                              │ asks for code, once
//!                                                              ▼
//!  queue ──▶ compiler thread: Vm::optimize ──▶ register ──▶ body:  cell and slots lead there from now on
//!            (or the calling thread itself)            └──▶ entry: given to the loop at its next TierUp; counter := -1
//! ```
//!
//! A method's counter is one 32-bit word for its calls and all of its loops, which cost it different weights. While nothing can
//! come of asking, it is set so high that it never runs out; when code has arrived it is set below zero, so that every loop of
//! the method that is still running in baseline code asks at its next turn.
//!
//! **On-stack replacement.** A loop that asks gets code that continues at its header (`artifact::OsrMap`), once there is some. It
//! is made for the outermost loop around the one that asks, whose code is the best; if that loop's header does not come by for a
//! while, for the one that asks.
//!
//! **Callers.** A small method that is asked for because of a loop has its caller asked for too: see `ask_for_caller`.
//!
//! Counters are changed without any order by all threads that run the method: they are a hint, and every state they can be in is
//! harmless. What is decided is decided under the lock of `Progress`.

use crate::methods::MethodRecord;
use crate::registry::Code;
use crate::runtime::{InstallError, Runtime};
use crate::thread::Thread;
use crate::transition::Blocking;
use crate::walk::Walk;
use isthmus_runtime_abi::artifact::{CompiledMethod, OsrEntry, OsrMap, Tier};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Instant;

/// When and how methods are optimized.
#[derive(Clone, Debug)]
pub struct Tiering {
    /// Calls of a method until it is optimized.
    pub calls: u32,
    /// Turns of its loops until it is optimized.
    pub loops: u32,
    /// Compile on a thread of its own; otherwise the thread that asks waits.
    pub background: bool,
}

/// What the counter costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weights {
    /// What the counter starts with.
    pub budget: u32,
    /// Taken for a call.
    pub call: u32,
    /// Taken for a turn of a loop.
    pub turn: u32,
    /// Taken for a call of code of an image.
    pub image_call: u32,
}

impl Tiering {
    /// The weights that make a method ask after as many calls, or turns.
    pub fn weights(&self) -> Weights {
        let limit = |n: u32| n.clamp(1, 1 << 24);
        let (calls, loops) = (limit(self.calls), limit(self.loops));
        let budget = calls.max(loops);
        Weights {
            // The counter runs out when it falls below zero.
            budget: budget - 1,
            call: budget.div_ceil(calls),
            turn: budget.div_ceil(loops),
            image_call: (budget.div_ceil(calls) / IMAGE_CALLS).max(1),
        }
    }

    /// How often an inner loop may ask while only the code for an outer one is there.
    fn patience(&self) -> u32 {
        self.loops / 8 + 1
    }
}

impl Default for Tiering {
    fn default() -> Self {
        Tiering {
            calls: 1000,
            loops: 20_000,
            background: true,
        }
    }
}

/// Where a method's code comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    /// Nobody asked.
    #[default]
    Cold,
    /// It is queued or being compiled.
    Requested,
    /// It is there.
    Ready(usize),
    /// There will be none.
    Declined,
}

/// How far a method has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The map of its baseline code.
    map: Option<Arc<OsrMap>>,
    body: Stage,
    /// Versions by loop header.
    entries: SmallVec<[(u32, Stage); 1]>,
    /// How often an inner loop asked in vain while an outer one had code.
    misses: u32,
}

impl Progress {
    fn entry(&mut self, header: u32) -> &mut Stage {
        let at = match self.entries.iter().position(|e| e.0 == header) {
            Some(at) => at,
            None => {
                self.entries.push((header, Stage::Cold));
                self.entries.len() - 1
            }
        };
        &mut self.entries[at].1
    }

    fn stage(&mut self, job: Job) -> &mut Stage {
        match job.header {
            None => &mut self.body,
            Some(header) => self.entry(header),
        }
    }
}

/// Something to compile.
#[derive(Clone, Copy, Debug)]
struct Job {
    method: MethodId,
    /// The loop header to begin at; `None`: the method itself.
    header: Option<u32>,
}

/// The compiler thread's queue, and counts.
#[derive(Debug, Default)]
pub(crate) struct Tiers {
    queue: Mutex<Queue>,
    wanted: Condvar,
    pub(crate) counters: TierCounters,
}

#[derive(Debug, Default)]
struct Queue {
    /// Somebody waits in a loop for these: they come first.
    entries: VecDeque<Job>,
    bodies: VecDeque<Job>,
    /// The compiler thread was started.
    started: bool,
}

#[derive(Debug, Default)]
pub(crate) struct TierCounters {
    bodies: AtomicU64,
    entries: AtomicU64,
    declined: AtomicU64,
    taken: AtomicU64,
    micros: AtomicU64,
}

/// What tiering did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TierCounts {
    /// Methods that went from baseline to optimized code.
    pub methods: u64,
    /// Optimized versions that begin at a loop header.
    pub osr_versions: u64,
    /// How often a running loop went over to optimized code.
    pub osr_entries: u64,
    /// Requests that the optimizing compiler declined.
    pub declined: u64,
    /// Microseconds spent on all of these.
    pub micros: u64,
}

/// So many calls of code of an image count as one of baseline code: it is optimized already, and only what is special to this process
/// can be gained.
const IMAGE_CALLS: u32 = 10;
/// A counter that never runs out.
const NEVER: i32 = i32::MAX;
/// A counter that has run out.
const NOW: i32 = -1;
/// Stack of the compiler thread.
const STACK: usize = 64 << 20;

/// The value of a method's counter word when the method is new.
pub(crate) fn counter_word(id: MethodId, budget: u32) -> u64 {
    u64::from(id.raw()) << 32 | u64::from(budget)
}

impl MethodRecord {
    fn set_counter(&self, value: i32) {
        // SAFETY: the low half of a word of code memory's data part that belongs to this record for good.
        let counter = unsafe { AtomicI32::from_ptr(self.counter as *mut i32) };
        counter.store(value, Ordering::Relaxed);
    }

    fn counter_value(&self) -> i32 {
        // SAFETY: as in `set_counter`.
        let counter = unsafe { AtomicI32::from_ptr(self.counter as *mut i32) };
        counter.load(Ordering::Relaxed)
    }

    /// Notes where the method's baseline code keeps its variables.
    pub(crate) fn set_osr_map(&self, map: &OsrMap) {
        self.progress.lock().map = Some(Arc::new(map.clone()));
    }
}

impl Runtime {
    /// What tiering did so far.
    pub fn tier_counts(&self) -> TierCounts {
        let c = &self.tiers().counters;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TierCounts {
            methods: get(&c.bodies),
            osr_versions: get(&c.entries),
            osr_entries: get(&c.taken),
            declined: get(&c.declined),
            micros: get(&c.micros),
        }
    }

    /// `Helper::TierUp`: a counter ran out, at a loop header or (-1) at the method's entry. Gives the code to continue in, or 0.
    pub(crate) fn tier_up(&'static self, thread: &Thread, counter: usize, at: i32) -> usize {
        // SAFETY: compiled code passes the address of a counter word, whose high half never changes.
        let id = unsafe { *((counter + 4) as *const u32) };
        let (Some(id), Some(tiering)) = (MethodId::from_raw(id), self.tiering()) else {
            return 0;
        };
        let record = self.method(id);
        let wants = |p: &mut Progress| match u32::try_from(at) {
            Err(_) => Next::Leave,
            Ok(header) => Self::next_for_loop(p, header, tiering),
        };
        // Each turn asks for one more thing: the body, the outermost loop, the loop itself.
        loop {
            let mut progress = record.progress.lock();
            let next = match progress.body {
                Stage::Cold => Next::Ask(None),
                Stage::Declined => Next::Leave,
                Stage::Requested | Stage::Ready(_) => wants(&mut progress),
            };
            let header = match next {
                Next::Enter(code) => {
                    self.tiers().counters.taken.fetch_add(1, Ordering::Relaxed);
                    return code;
                }
                Next::Ask(header) => header,
                Next::Again => return 0,
                Next::Leave => {
                    record.set_counter(NEVER);
                    return 0;
                }
            };
            let job = Job { method: id, header };
            *progress.stage(job) = Stage::Requested;
            record.set_counter(NEVER);
            drop(progress);
            if header.is_none() && at >= 0 && tiering.background {
                self.ask_for_caller(thread, id);
            }
            if tiering.background {
                self.request(job);
                // A loop whose method was just asked for will need an entry too: next turn of this loop.
                if at < 0 || job.header.is_some() {
                    return 0;
                }
            } else {
                let code = thread.with_deep_stack(|| self.optimize(job));
                self.install_optimized(job, code);
                if at < 0 {
                    return 0;
                }
            }
        }
    }

    /// The prestub of a method was called: if it counts calls of code of an image and the counter has run out, asks for code. The caller is
    /// asked for as well if it is of an image: the calls come from a loop in it, most likely, which counts nothing.
    pub(crate) fn image_code_called(&'static self, thread: &Thread, id: MethodId) {
        let Some(tiering) = self.tiering() else {
            return;
        };
        let record = self.method(id);
        if !record.is_counted() || record.counter_value() >= 0 {
            return;
        }
        record.set_counter(NEVER);
        // SAFETY: the walk is over before the thread goes on.
        let caller = unsafe { Walk::of_thread(thread) }.next();
        let caller = caller.and_then(Result::ok).map(|frame| frame.code);
        let caller = caller.filter(|code| code.is_of_image());
        for method in [Some(id), caller.and_then(Code::method)] {
            let Some(job) = method.and_then(|m| self.claim_body(m)) else {
                continue;
            };
            match tiering.background {
                true => self.request(job),
                false => {
                    let code = thread.with_deep_stack(|| self.optimize(job));
                    self.install_optimized(job, code);
                }
            }
        }
    }

    /// The job to optimize a method, if nobody has asked for it yet; the caller is to do it or to queue it.
    fn claim_body(&self, method: MethodId) -> Option<Job> {
        let mut progress = self.method(method).progress.lock();
        match progress.body {
            Stage::Cold => {
                progress.body = Stage::Requested;
                Some(Job {
                    method,
                    header: None,
                })
            }
            _ => None,
        }
    }

    /// A method with a hot loop is small: its caller, once optimized, has the loop in itself, with all that it knows of the arguments. The
    /// caller's own counter may never run out, since it calls no more often than the loop ends.
    fn ask_for_caller(&'static self, thread: &Thread, id: MethodId) {
        if !self.vm().is_small(id) {
            return;
        }
        // SAFETY: the walk is over before the thread goes on.
        let mut frames = unsafe { Walk::of_thread(thread) };
        let caller = match (frames.next(), frames.next()) {
            (Some(Ok(_)), Some(Ok(frame))) if frame.code.tier() == Tier::Baseline => frame,
            _ => return,
        };
        if let Some(job) = caller.code.method().and_then(|m| self.claim_body(m)) {
            self.request(job);
        }
    }

    /// What to do for a loop of a method whose body was asked for.
    fn next_for_loop(p: &mut Progress, header: u32, tiering: &Tiering) -> Next {
        match *p.entry(header) {
            Stage::Ready(code) => return Next::Enter(code),
            Stage::Declined => return Next::Leave,
            Stage::Requested => return Next::Leave,
            Stage::Cold => {}
        }
        let Some(map) = p.map.clone() else {
            return Next::Leave;
        };
        let find = |h: u32| map.loops.binary_search_by_key(&h, |l| l.header).ok();
        let Some(mut outermost) = find(header) else {
            return Next::Leave;
        };
        while let Some(outer) = map.loops[outermost].outer {
            outermost = outer as usize;
        }
        let outermost = map.loops[outermost].header;
        if outermost == header {
            return Next::Ask(Some(header));
        }
        match *p.entry(outermost) {
            Stage::Cold => Next::Ask(Some(outermost)),
            Stage::Requested => Next::Leave,
            Stage::Declined => Next::Ask(Some(header)),
            Stage::Ready(_) => {
                p.misses += 1;
                match p.misses > tiering.patience() {
                    true => Next::Ask(Some(header)),
                    false => Next::Again,
                }
            }
        }
    }

    /// Queues a job; starts the compiler thread if there is none.
    fn request(&'static self, job: Job) {
        let tiers = self.tiers();
        let mut queue = tiers.queue.lock();
        match job.header {
            Some(_) => queue.entries.push_back(job),
            None => queue.bodies.push_back(job),
        }
        let start = !std::mem::replace(&mut queue.started, true);
        drop(queue);
        tiers.wanted.notify_one();
        if start {
            let thread = std::thread::Builder::new()
                .name("compiler".to_owned())
                .stack_size(STACK);
            // Without the thread everything stays in baseline code.
            if let Err(error) = thread.spawn(|| self.compile_in_background()) {
                log::warn!("no compiler thread: {error}");
            }
        }
    }

    /// The compiler thread.
    fn compile_in_background(&'static self) {
        let thread = match self.attach() {
            Ok(thread) => thread,
            Err(error) => {
                log::warn!("no compiler thread: {error}");
                return;
            }
        };
        loop {
            let (job, code) = {
                // Compilers do not touch the heap, and collections do not wait for them.
                let _region = Blocking::enter(&thread);
                let job = self.tiers().take();
                (job, self.optimize(job))
            };
            self.install_optimized(job, code);
        }
    }

    /// Has the VM compile.
    fn optimize(&self, job: Job) -> Option<CompiledMethod> {
        let start = Instant::now();
        let entry = job.header.and_then(|header| {
            let map = self.method(job.method).progress.lock().map.clone()?;
            Some(OsrEntry { header, map })
        });
        let made = match (job.header, &entry) {
            // The map is gone with the method's baseline code.
            (Some(_), None) => None,
            (_, entry) => self.vm().optimize(job.method, entry.as_ref()),
        };
        let micros = start.elapsed().as_micros() as u64;
        let counters = &self.tiers().counters;
        counters.micros.fetch_add(micros, Ordering::Relaxed);
        made
    }

    /// Installs what was compiled, if anything, and lets the method know.
    fn install_optimized(&self, job: Job, code: Option<CompiledMethod>) {
        let record = self.method(job.method);
        let counters = &self.tiers().counters;
        let installed = code.map(|code| -> Result<usize, InstallError> {
            Ok(match job.header {
                None => self.install_for(record, &code)?.base,
                Some(header) => {
                    debug_assert_eq!(code.symbol, Symbol::OsrBody(job.method, header));
                    self.register(&code)?.base
                }
            })
        });
        let stage = match installed {
            Some(Ok(base)) => Stage::Ready(base),
            Some(Err(error)) => {
                log::warn!("optimized code of {:?}: {error}", job.method);
                Stage::Declined
            }
            None => Stage::Declined,
        };
        let count = match (stage, job.header) {
            (Stage::Declined, _) => &counters.declined,
            (_, None) => &counters.bodies,
            (_, Some(_)) => &counters.entries,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let mut progress = record.progress.lock();
        *progress.stage(job) = stage;
        if record.is_counted() {
            record.stop_counting();
        }
        // Loops that still run ask again: for the code that is there, or for another way.
        record.set_counter(NOW);
    }
}

impl Tiers {
    /// Waits for the next job.
    fn take(&self) -> Job {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.entries.pop_front() {
                return job;
            }
            if let Some(job) = queue.bodies.pop_front() {
                return job;
            }
            self.wanted.wait(&mut queue);
        }
    }
}

/// What a loop that asks gets.
enum Next {
    /// This code.
    Enter(usize),
    /// Nothing yet: code that begins at this header, or the method's, is to be made.
    Ask(Option<u32>),
    /// Nothing, but it may ask at its next turn.
    Again,
    /// Nothing, until something changes.
    Leave,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_run_out_after_as_many_calls_or_turns() {
        for (calls, loops) in [(1, 1), (2, 3), (500, 20_000), (1000, 10), (0, 0), (7, 100)] {
            let tiering = Tiering {
                calls,
                loops,
                background: false,
            };
            let w = tiering.weights();
            let after = |weight: u32| w.budget / weight + 1;
            assert!(
                after(w.call) <= calls.max(1) && after(w.call) * 2 > calls,
                "{tiering:?}"
            );
            assert!(
                after(w.turn) <= loops.max(1) && after(w.turn) * 2 > loops,
                "{tiering:?}"
            );
        }
    }
}
