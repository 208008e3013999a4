//! Two-pass exceptions.
//!
//! Pass 1 looks at the handler edges of the instruction that each frame is at. Pass 2 is an error that travels up through the
//! frames ([`Stop::Unwind`]); a frame whose edges have a finally or fault clause, or the clause that was found, continues at
//! its landing block. `resume` sends the exception on from where it is.

use super::exec::{Done, Flow};
use super::{Interp, Result, Stop};
use crate::ir::{Clause, Func, Inst};

/// An exception in its second pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unwind {
    pub object: u64,
    /// Frame and clause that catch it; `None`: nothing above the boundary.
    target: Option<(usize, u32)>,
}

impl Interp<'_> {
    /// Runs something as the bottom of exception handling: what nothing inside catches comes back as [`Stop::Throw`].
    pub(super) fn boundary<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let base = std::mem::replace(&mut self.base, self.frames.len());
        let result = f(self);
        self.base = base;
        match result {
            Err(Stop::Unwind(u)) => Err(Stop::Throw(u.object)),
            other => other,
        }
    }

    /// What a frame does about an instruction that did not complete: go on in a handler, or send it to its caller.
    pub(super) fn handle(&mut self, func: &Func, at: Inst, stop: Stop) -> Result<Flow> {
        let unwind = match stop {
            Stop::Run(_) => return Err(stop),
            Stop::Unwind(u) => u,
            Stop::Trap(kind) => {
                let object = self.world.trap_object(kind);
                self.search(object)?
            }
            Stop::Throw(object) => self.search(object)?,
        };
        let here = self.frames.len() - 1;
        for (n, edge) in func.edges(at).iter().enumerate() {
            let Some(clause) = edge.clause else { continue };
            let kind = func.clauses[clause as usize].0;
            let catches = unwind.target == Some((here, clause));
            if catches {
                return Ok(Flow::Landing(n, unwind.object));
            }
            if matches!(kind, Clause::Finally | Clause::Fault) {
                self.in_flight.push(unwind);
                return Ok(Flow::Landing(n, self.in_flight.len() as u64));
            }
        }
        Err(Stop::Unwind(unwind))
    }

    /// The exception that a resume token stands for.
    pub(super) fn resumed(&self, token: u64) -> Result<Stop> {
        match self.in_flight.get((token as usize).wrapping_sub(1)) {
            Some(&u) => Ok(Stop::Unwind(u)),
            None => super::invalid("resume with a bad token"),
        }
    }

    /// Pass 1.
    fn search(&mut self, object: u64) -> Result<Unwind> {
        for index in (self.base..self.frames.len()).rev() {
            let (code, at) = {
                let f = &self.frames[index];
                (f.code.clone(), f.at)
            };
            let func = &code.func;
            for edge in func.edges(at) {
                let Some(clause) = edge.clause else { continue };
                let handles = match func.clauses[clause as usize].0 {
                    Clause::Catch(ty) => self.world.is_instance(object, ty)?,
                    Clause::CatchAll => true,
                    Clause::Filter(n) => self.filter(index, n, object)?,
                    Clause::CatchLookup(_) => return super::invalid("modules have no shared code"),
                    Clause::Finally | Clause::Fault => false,
                };
                if handles {
                    return Ok(Unwind {
                        object,
                        target: Some((index, clause)),
                    });
                }
            }
        }
        Ok(Unwind {
            object,
            target: None,
        })
    }

    /// Runs a filter of frame `index` on top of everything; its own exceptions count as no.
    fn filter(&mut self, index: usize, n: u32, object: u64) -> Result<bool> {
        let frame = &self.frames[index];
        let Some(slot) = frame.code.func.filter_area else {
            return super::invalid("a filter without an area");
        };
        let area = frame.slots[slot.index()];
        let filter = frame.code.filters[n as usize].clone();
        match self.boundary(|i| i.run_func(&filter, &[area, object])) {
            Ok(Done::Return(words)) => Ok(words.first().copied().unwrap_or(0) as i32 != 0),
            Ok(Done::Tail(..)) => super::invalid("a filter ends with a call"),
            Err(Stop::Run(e)) => Err(Stop::Run(e)),
            Err(_) => Ok(false),
        }
    }
}
