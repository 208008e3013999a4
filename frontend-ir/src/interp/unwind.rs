//! Two-pass exceptions, `leave`, and handlers that run.
//!
//! Pass 1 walks the frames from the throw and asks the clauses, innermost first; filters run at once, in a nested loop on top
//! of the frames of the throw. Pass 2 is a state, not a loop: it enters one finally or fault handler at a time and continues
//! at that handler's `endfinally` ([`Unwind::Search`]). A handler that throws simply drops the state: the newer exception passes its
//! frame, and the older one is forgotten, as the standard wants.

use super::exec::{Frame, Interp, Next, OnReturn, Stop, invalid};
use super::value::Value;
use crate::region::ClauseKind;
use smallvec::SmallVec;
use std::sync::Arc;

/// A handler that is being executed in a frame.
#[derive(Clone, Debug)]
pub(super) struct Active {
    /// Its clause.
    pub clause: u32,
    /// How it was entered.
    pub state: Unwind,
}

/// How a handler was entered, and so what its end does.
#[derive(Clone, Debug)]
pub(super) enum Unwind {
    /// It caught this object.
    Catch(u64),
    /// A `leave` for this target runs it, then these.
    Leave(u32, SmallVec<[u32; 2]>),
    /// The second pass of an exception runs it.
    Search(Pass2),
}

/// The second pass of an exception.
#[derive(Clone, Debug)]
pub(super) struct Pass2 {
    object: u64,
    /// Frame (index) and clause that catch it; `None`: nothing above the boundary does.
    target: Option<(usize, u32)>,
    boundary: usize,
    /// Clauses around the place of the throw in the top frame, and how many are dealt with.
    clauses: SmallVec<[u32; 4]>,
    next: usize,
}

impl Interp<'_> {
    /// Throws an object at the current place. On return execution goes on in a handler; `Err(Unwound)`: it left through the
    /// boundary, whose frames are gone.
    pub(super) fn throw(&mut self, object: u64, boundary: usize) -> Result<(), Stop> {
        let target = self.search(object, boundary)?;
        let clauses = self.clauses_here();
        self.second_pass(Pass2 {
            object,
            target,
            boundary,
            clauses,
            next: 0,
        })
    }

    fn clauses_here(&mut self) -> SmallVec<[u32; 4]> {
        let frame = self.top();
        frame
            .body
            .regions
            .clauses_around(frame.body.regions.region_of(frame.pc))
    }

    /// Pass 1.
    fn search(&mut self, object: u64, boundary: usize) -> Result<Option<(usize, u32)>, Stop> {
        for index in (boundary..self.frames.len()).rev() {
            let frame = &self.frames[index];
            let body = frame.body.clone();
            for clause in body
                .regions
                .clauses_around(body.regions.region_of(frame.pc))
            {
                let handles = match body.regions.clauses[clause as usize].kind {
                    ClauseKind::Catch(ty) => self.world.is_instance(object, ty)?,
                    ClauseKind::Filter(start) => self.filter(index, start, object)?,
                    ClauseKind::Finally | ClauseKind::Fault => false,
                };
                if handles {
                    return Ok(Some((index, clause)));
                }
            }
        }
        Ok(None)
    }

    /// Runs a filter of frame `index` on top of everything; its own exceptions count as no.
    fn filter(&mut self, index: usize, start: u32, object: u64) -> Result<bool, Stop> {
        let boundary = self.frames.len();
        let parent = &self.frames[index];
        let frame = Frame {
            body: parent.body.clone(),
            shape: Arc::clone(&parent.shape),
            pc: start,
            base: parent.base,
            sp_before: self.sp,
            eval_base: self.eval.len(),
            active: Vec::new(),
            on_return: OnReturn::Nested,
            cookie: parent.cookie,
            blocks: Vec::new(),
        };
        self.frames.push(frame);
        self.push(Value::Ref(object));
        match self.run(boundary) {
            Ok(value) => Ok(value.and_then(|v| v.as_int()).unwrap_or(0) != 0),
            Err(Stop::Run(error)) => Err(Stop::Run(error)),
            Err(_) => Ok(false),
        }
    }

    /// Pass 2: up to the next handler that must run, or through the boundary.
    fn second_pass(&mut self, mut pass: Pass2) -> Result<(), Stop> {
        loop {
            let index = self.frames.len() - 1;
            while let Some(&clause) = pass.clauses.get(pass.next) {
                pass.next += 1;
                if pass.target == Some((index, clause)) {
                    let object = pass.object;
                    self.enter_handler(clause, Unwind::Catch(object));
                    self.push(Value::Ref(object));
                    return Ok(());
                }
                let kind = self.top().body.regions.clauses[clause as usize].kind;
                if matches!(kind, ClauseKind::Finally | ClauseKind::Fault) {
                    self.enter_handler(clause, Unwind::Search(pass));
                    return Ok(());
                }
            }
            if let Some(frame) = self.frames.pop() {
                self.eval.truncate(frame.eval_base);
                self.sp = frame.sp_before;
            }
            if self.frames.len() == pass.boundary {
                return Err(Stop::Unwound(pass.object));
            }
            pass.clauses = self.clauses_here();
            pass.next = 0;
        }
    }

    fn enter_handler(&mut self, clause: u32, state: Unwind) {
        self.clear_eval();
        let frame = self.top();
        let start = frame.body.regions.clauses[clause as usize].handler.start;
        drop_left(frame, start);
        frame.active.push(Active { clause, state });
        frame.pc = start;
    }

    pub(super) fn leave(&mut self, target: u32) -> Result<Next, Stop> {
        self.clear_eval();
        let frame = self.top();
        let regions = &frame.body.regions;
        let finallys =
            regions.finallys_left(regions.region_of(frame.pc), regions.region_of(target));
        self.continue_leave(target, finallys);
        Ok(Next::Placed)
    }

    fn continue_leave(&mut self, target: u32, mut finallys: SmallVec<[u32; 2]>) {
        if finallys.is_empty() {
            let frame = self.top();
            drop_left(frame, target);
            frame.pc = target;
            return;
        }
        let clause = finallys.remove(0);
        self.enter_handler(clause, Unwind::Leave(target, finallys));
    }

    pub(super) fn end_finally(&mut self) -> Result<Next, Stop> {
        self.clear_eval();
        match self.top().active.pop() {
            Some(Active {
                state: Unwind::Leave(target, rest),
                ..
            }) => self.continue_leave(target, rest),
            Some(Active {
                state: Unwind::Search(pass),
                ..
            }) => self.second_pass(pass)?,
            _ => return invalid("endfinally outside of a finally handler"),
        }
        Ok(Next::Placed)
    }
}

/// Forgets the handlers that do not contain the place where execution goes on.
fn drop_left(frame: &mut Frame, to: u32) {
    let clauses = &frame.body.regions.clauses;
    frame
        .active
        .retain(|a| clauses[a.clause as usize].handler.contains(&to));
}
