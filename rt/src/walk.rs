//! Walking the stack.
//!
//! ```text
//!  TransitionFp ─▶ stub frame ─▶ managed frame ─▶ managed frame ─▶ entry stub          (a boundary)
//!                                                                    │ saved TransitionFp
//!                                                                    ▼
//!                                          stub frame ─▶ managed frame ─▶ ... ─▶ entry stub, saved 0: the end
//! ```
//!
//! Every managed frame and every stub frame has a frame pointer (`[fp]` the caller's, `[fp + word]` the return
//! address), so the walk needs tables only to say what a frame means. Native frames lie between an entry stub and the
//! transition before it, and are stepped over.

use crate::object::Ref;
use crate::registry::{Code, CodeMap};
use crate::thread::Thread;
use crate::vm::{GenericContextOf, TraceFrame};
use isthmus_eh_tables::table::Site;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_stubs::entry::PREVIOUS_TRANSITION;
use smallvec::SmallVec;
use std::sync::atomic::Ordering;

const WORD: usize = size_of::<usize>();

/// Where a frame is in its code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The frame pointer.
    pub fp: usize,
    /// A return address, or the address of a trapping instruction.
    pub pc: usize,
    /// The trap that stopped the frame there; `None`: it is a call's return address.
    pub trap: Option<TrapKind>,
}

impl Place {
    /// What called the function in whose frame `fp` is.
    ///
    /// # Safety
    /// `fp` must be the frame pointer of a live managed or stub frame.
    unsafe fn caller_of(fp: usize) -> Place {
        // SAFETY: by the contract, these are the frame's two link words.
        unsafe {
            Place {
                fp: *(fp as *const usize),
                pc: *((fp + WORD) as *const usize),
                trap: None,
            }
        }
    }
}

/// A frame that a walk came to.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Where it is.
    pub place: Place,
    /// Its code.
    pub code: &'a Code,
}

impl<'a> Frame<'a> {
    /// What is known about the place; `None` if there is no record (nothing encloses it then).
    pub fn site(&self) -> Option<Site> {
        match self.place.trap {
            None => self.code.call_site(self.place.pc),
            Some(kind) => self
                .code
                .trap_site(self.place.pc, |k| k == kind)
                .or_else(|| self.code.trap_site(self.place.pc, |_| true)),
        }
    }

    /// Whether this is an entry stub's frame: where native code called managed code.
    pub fn is_boundary(&self) -> bool {
        self.code.is_entry()
    }

    /// The frame's source frames, innermost first: method and IL offset.
    pub fn source_frames(&self) -> impl Iterator<Item = (MethodId, u32)> + 'a {
        let code = self.code;
        self.site()
            .filter(|_| code.method().is_some())
            .map(|s| code.inline_chain(s.pos))
            .into_iter()
            .flatten()
    }

    /// What the frame shows in a stack trace of the thread that it belongs to, innermost first.
    pub fn shown(&self, thread: &Thread) -> SmallVec<[TraceFrame; 4]> {
        let native = self.place.pc.wrapping_sub(self.code.base) as u32;
        let frames = self.source_frames();
        let mut frames: SmallVec<[TraceFrame; 4]> = frames
            .map(|(method, il)| TraceFrame { method, il, native })
            .collect();
        let context = self.generic_context();
        if context.is_some() || frames.len() > 1 {
            thread.runtime().vm().make_exact(context, &mut frames);
        }
        frames
    }

    /// The generic context of the frame's method, if its code is shared, from the slot that the tables name. The frame is filled in: it is not at
    /// the method's entry.
    pub fn generic_context(&self) -> Option<GenericContextOf> {
        let shape = self.code.frame();
        let slot = |offset: i32| {
            let addr = self.place.fp.wrapping_add_signed(offset as isize);
            // SAFETY: the table names a word of the live frame.
            unsafe { *(addr as *const usize) }
        };
        match (shape.rgctx_slot, shape.this_slot, self.code.method()) {
            (Some(offset), _, _) => Some(GenericContextOf::Context(slot(offset))),
            (None, Some(offset), Some(method)) => {
                Some(GenericContextOf::This(Ref::from_addr(slot(offset)), method))
            }
            _ => None,
        }
    }

    /// The machine frame that called this one, whether or not it is known code.
    ///
    /// # Safety
    /// The frame must be live.
    pub unsafe fn caller(&self) -> Place {
        // SAFETY: the frame is live.
        unsafe { Place::caller_of(self.place.fp) }
    }

    /// In an entry stub's frame: the transition before it, 0 if there was none.
    ///
    /// # Safety
    /// The frame must be a live entry stub's.
    pub unsafe fn previous_transition(&self) -> usize {
        let slot = self
            .place
            .fp
            .wrapping_add_signed(PREVIOUS_TRANSITION as isize);
        // SAFETY: the word is part of the entry stub's frame.
        unsafe { *(slot as *const usize) }
    }
}

/// A stack that cannot be walked: an internal error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the return address {pc:#x} in the frame at {fp:#x} is in no known code")]
pub struct BadStack {
    /// The frame.
    pub fp: usize,
    /// The address.
    pub pc: usize,
}

/// Frames from a place outwards.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    map: &'a CodeMap,
    next: Option<Place>,
}

impl<'a> Walk<'a> {
    /// From a transition (a stub's frame pointer; 0: there is nothing to walk).
    ///
    /// # Safety
    /// The stub's frame and those that called it must be live during the walk.
    unsafe fn from_transition(map: &'a CodeMap, transition: usize) -> Walk<'a> {
        Walk {
            map,
            // SAFETY: a transition is a live stub frame.
            next: (transition != 0).then(|| unsafe { Place::caller_of(transition) }),
        }
    }

    /// The managed frames of a thread that is in runtime code, boundaries included.
    ///
    /// # Safety
    /// The thread must be the calling one, or stopped; the walk must end before it goes on.
    pub unsafe fn of_thread(thread: &'a Thread) -> Walk<'a> {
        let transition = thread.ctx.transition_fp.load(Ordering::Relaxed);
        // SAFETY: by the contract the frames stay.
        unsafe { Self::from_transition(thread.runtime().code_map(), transition) }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Frame<'a>, BadStack>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.next.take()?;
        let code = match place.trap {
            None => self.map.find_return(place.pc),
            Some(_) => self.map.find(place.pc),
        };
        let Some(code) = code else {
            return Some(Err(BadStack {
                fp: place.fp,
                pc: place.pc,
            }));
        };
        let frame = Frame { place, code };
        // SAFETY: the walk's frames are live.
        self.next = unsafe {
            if frame.is_boundary() {
                let previous = frame.previous_transition();
                (previous != 0).then(|| Place::caller_of(previous))
            } else {
                Some(frame.caller())
            }
        };
        Some(Ok(frame))
    }
}

/// The call sites that a thread came by lately. Exceptions tend to take the same ways.
#[derive(Debug)]
pub(crate) struct SiteCache {
    entries: Box<[CacheEntry; CACHE]>,
    /// [`Safepoints`](crate::safepoint::Safepoints)-wide number of code removals that the entries are valid for.
    epoch: u32,
}

const CACHE: usize = 128;

#[derive(Clone, Copy, Debug)]
struct CacheEntry {
    pc: usize,
    code: *const Code,
    site: Option<Site>,
}

impl Default for SiteCache {
    fn default() -> Self {
        SiteCache {
            entries: Box::new(
                [CacheEntry {
                    pc: 0,
                    code: std::ptr::null(),
                    site: None,
                }; CACHE],
            ),
            epoch: 0,
        }
    }
}

impl SiteCache {
    /// Code and call site of a return address. `epoch` is the current number of code removals.
    #[inline]
    pub(crate) fn call_site<'a>(
        &mut self,
        map: &'a CodeMap,
        ret: usize,
        epoch: u32,
    ) -> Option<(&'a Code, Option<Site>)> {
        if self.epoch != epoch {
            *self = SiteCache {
                epoch,
                ..SiteCache::default()
            };
        }
        let entry = &mut self.entries[(ret >> 1 ^ ret >> 8) % CACHE];
        if entry.pc != ret {
            let code = map.find_return(ret)?;
            *entry = CacheEntry {
                pc: ret,
                code,
                site: code.call_site(ret),
            };
        }
        // SAFETY: code is removed from the map only together with a new epoch.
        Some((unsafe { &*entry.code }, entry.site))
    }
}
