//! Exception clauses: landing pads, `leave`, finally bodies, filters, `rethrow`.
//!
//! A finally body is emitted once. Two words of the frame say how it was entered:
//!
//! ```text
//!   pad:        token := payload 0;  next := 0        second pass of an exception
//!   body:       ...
//!   endfinally: jmp dispatch
//!   dispatch:   next = 0  -> Resume(token)
//!               next = k  -> k-th place that a `leave` goes on to: the body of the next finally, or the target
//! ```
//! A `leave` sets `next` of all finally clauses that it runs, then jumps to the first body. An inner body cannot change an
//! outer clause's `next`, except by an exception, whose pad resets it.

use crate::error::R;
use crate::moves::Word;
use crate::state::Gen;
use crate::target::Target;
use crate::value::Loc;
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::Op;
use isthmus_frontend_ir::region::{ClauseKind, RegionKind};
use isthmus_runtime_abi::artifact;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::types::StackTy;
use isthmus_runtime_abi::vm::{Entity, Handle};
use std::ops::Range;

/// What a clause has in the code being made.
#[derive(Debug)]
struct State {
    pad: Label,
    /// Frame slot of the token (finally, fault) or the exception (catch with `rethrow`); 0: none.
    slot: i32,
    /// Frame slot of the continuation number.
    next: i32,
    /// Where `leave` enters a finally.
    body: Label,
    /// Where its continuations are chosen, and the IL offset of the `endfinally`.
    dispatch: Option<(Label, u32)>,
    /// Continuations 1, 2, …
    places: Vec<Label>,
}

/// All clauses whose handlers are in the code being made.
#[derive(Debug, Default)]
pub(crate) struct Clauses {
    states: Vec<Option<State>>,
}

impl Clauses {
    /// Landing pad of a clause.
    pub fn pad(&self, clause: u32) -> Option<Label> {
        Some(self.states.get(clause as usize)?.as_ref()?.pad)
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        self.states.iter().any(Option::is_some)
    }

    fn state(&mut self, clause: u32) -> Option<&mut State> {
        self.states.get_mut(clause as usize)?.as_mut()
    }
}

/// The filter that an instruction is in, as its clause.
pub(crate) fn filter_around(body: &Body, insn: u32) -> Option<u32> {
    let regions = &body.regions;
    regions
        .outward(regions.region_of(insn))
        .find_map(|(_, r)| match r.kind {
            RegionKind::Filter(c) => Some(c),
            _ => None,
        })
}

impl<A: Target> Gen<'_, A> {
    /// Makes labels and slots for the clauses whose handlers lie in `range` of the function being made.
    pub fn set_up_clauses(&mut self, range: Range<u32>) {
        let body = self.body;
        let count = body.regions.clauses.len();
        let mut rethrows = vec![false; count];
        for (i, insn) in body.code.iter().enumerate() {
            if count != 0
                && insn.op == Op::Rethrow
                && let Some(c) = self.handler_around(i as u32)
            {
                rethrows[c as usize] = true;
            }
        }
        for (i, clause) in body.regions.clauses.iter().enumerate() {
            let inside = range.contains(&clause.handler.start)
                && filter_around(body, clause.handler.start) == self.filter;
            let state = inside.then(|| {
                let finally = matches!(clause.kind, ClauseKind::Finally);
                let token = matches!(clause.kind, ClauseKind::Finally | ClauseKind::Fault);
                State {
                    pad: self.a.new_label(),
                    slot: if token || rethrows[i] {
                        self.frame.alloc(8)
                    } else {
                        0
                    },
                    next: if finally { self.frame.alloc(8) } else { 0 },
                    body: self.a.new_label(),
                    dispatch: None,
                    places: Vec::new(),
                }
            });
            self.clauses.states.push(state);
        }
    }

    /// The clause whose handler encloses an instruction.
    fn handler_around(&self, insn: u32) -> Option<u32> {
        let regions = &self.body.regions;
        regions
            .outward(regions.region_of(insn))
            .find_map(|(_, r)| match r.kind {
                RegionKind::Handler(c) => Some(c),
                _ => None,
            })
    }

    /// At the first instruction of a handler: its landing pad.
    pub fn begin_handler(&mut self) -> R {
        let at = self.at as u32;
        let Some(clause) = self
            .body
            .regions
            .clauses
            .iter()
            .position(|c| c.handler.start == at)
        else {
            return Ok(());
        };
        if self.live {
            return self.invalid("control falls into a handler");
        }
        let kind = self.body.regions.clauses[clause].kind;
        let Some(state) = self.clauses.state(clause as u32) else {
            return self.invalid("a handler outside of its function");
        };
        let (pad, slot, next, body) = (state.pad, state.slot, state.next, state.body);
        self.clear_stack();
        self.forget_copies();
        self.a.bind(pad);
        if let Some(area) = self.slots.area {
            self.a.load(Ext::Full64, A::AREA, Mem::new(A::FP, area));
        }
        let payload = Gpr(A::ARCH.roles().payload[0]);
        if slot != 0 {
            self.a.store(Width::W64, Mem::new(A::FP, slot), payload);
        }
        match kind {
            ClauseKind::Catch(_) | ClauseKind::Filter(_) => {
                self.claim(payload)?;
                self.push_reg(StackTy::Ref, payload);
            }
            ClauseKind::Finally => {
                self.a.store_imm(Width::W32, Mem::new(A::FP, next), 0);
                self.a.bind(body);
            }
            ClauseKind::Fault => {}
        }
        self.live = true;
        Ok(())
    }

    pub fn op_leave(&mut self, target: u32) -> R {
        self.clear_stack();
        self.poll(target);
        let regions = &self.body.regions;
        let chain =
            regions.finallys_left(regions.region_of(self.at as u32), regions.region_of(target));
        let label = self.edge(target)?;
        let mut first = label;
        let mut goes_on = label;
        for &clause in chain.iter().rev() {
            let Some(state) = self.clauses.state(clause) else {
                return self.invalid("leave runs a finally of another function");
            };
            let number = match state.places.iter().position(|&l| l == goes_on) {
                Some(i) => i + 1,
                None => {
                    state.places.push(goes_on);
                    state.places.len()
                }
            };
            let (next, body) = (state.next, state.body);
            let next = Mem::new(A::FP, next);
            self.a.store_imm(Width::W32, next, number as i32);
            goes_on = body;
            first = body;
        }
        self.a.jmp(first);
        self.live = false;
        Ok(())
    }

    pub fn op_endfinally(&mut self) -> R {
        let Some(clause) = self.handler_around(self.at as u32) else {
            return self.invalid("endfinally outside of a handler");
        };
        let il = self.il;
        let finally = self.body.regions.clauses[clause as usize].kind == ClauseKind::Finally;
        let new = self.a.new_label();
        let Some(state) = self.clauses.state(clause) else {
            return self.invalid("endfinally outside of a handler");
        };
        if finally {
            let label = state.dispatch.get_or_insert((new, il)).0;
            self.a.jmp(label);
        } else {
            let token = Word::Mem(Mem::new(A::FP, state.slot), Ext::Full64);
            self.clear_stack();
            self.call_helper(Helper::Resume, &[token])?;
            self.a.trap();
        }
        self.end_flow();
        Ok(())
    }

    /// After all instructions: the dispatch code of finally clauses.
    pub fn emit_dispatch(&mut self) -> R {
        for clause in 0..self.clauses.states.len() {
            let Some(state) = &mut self.clauses.states[clause] else {
                continue;
            };
            let Some((label, il)) = state.dispatch else {
                continue;
            };
            let (slot, next) = (state.slot, state.next);
            let places = std::mem::take(&mut state.places);
            self.il = il;
            self.a.bind(label);
            let next = Mem::new(A::FP, next);
            let resume = self.a.new_label();
            match places.as_slice() {
                [] => {}
                [one] => {
                    self.a.cmp_mem(Width::W32, next, 0);
                    self.a.jcc(Cond::Ne, *one);
                }
                few if few.len() <= 4 => {
                    let r = Gpr(A::ARCH.roles().int_args[0]);
                    self.a.load(Ext::Zx32, r, next);
                    for (i, &place) in few.iter().enumerate() {
                        self.a.cmp(Width::W32, r, i as i32 + 1);
                        self.a.jcc(Cond::Eq, place);
                    }
                }
                many => {
                    let r = Gpr(A::ARCH.roles().int_args[0]);
                    let mut table = vec![resume];
                    table.extend_from_slice(many);
                    self.a.load(Ext::Zx32, r, next);
                    self.a.jump_table(r, A::TMP, &table);
                }
            }
            self.a.bind(resume);
            let handler = self.body.regions.clauses[clause].handler.start;
            let region = self.handler_region(clause as u32, handler);
            let pos = self.sites.position(il);
            let token = Word::Mem(Mem::new(A::FP, slot), Ext::Full64);
            self.helper_args(Helper::Resume, &[token]);
            self.call_helper_symbol(Helper::Resume);
            self.call_at(pos, region);
            self.a.trap();
        }
        Ok(())
    }

    /// The region of a clause's handler.
    fn handler_region(&self, clause: u32, start: u32) -> u32 {
        let regions = &self.body.regions;
        regions
            .outward(regions.region_of(start))
            .find(|(_, r)| r.kind == RegionKind::Handler(clause))
            .map_or(0, |(id, _)| id)
    }

    pub fn op_rethrow(&mut self) -> R {
        let slot = match self.handler_around(self.at as u32) {
            Some(c) => self.clauses.state(c).map(|s| s.slot),
            None => None,
        };
        let Some(slot) = slot.filter(|&s| s != 0) else {
            return self.invalid("rethrow outside of a catch handler");
        };
        self.clear_stack();
        let exception = Word::Mem(Mem::new(A::FP, slot), Ext::Full64);
        self.call_helper(Helper::Rethrow, &[exception])?;
        self.a.trap();
        self.end_flow();
        Ok(())
    }

    /// `endfilter`: the result of the filter function.
    pub fn op_endfilter(&mut self) -> R {
        if self.filter.is_none() {
            return self.invalid("endfilter outside of a filter");
        }
        let mut e = self.pop()?;
        self.coerce(&mut e, StackTy::I32)?;
        let r = crate::cold::int_ret::<A>();
        if e.loc == Loc::Reg(r) {
            self.discard(e);
        } else {
            self.claim(r)?;
            self.put(e, r)?;
            self.release(r);
        }
        self.epilogue();
        self.end_flow();
        Ok(())
    }

    /// The clauses as the tables list them.
    pub fn clause_records(&self) -> Vec<artifact::Clause> {
        let mut filters = 0;
        let clauses = self.body.regions.clauses.iter().enumerate();
        clauses
            .map(|(i, c)| artifact::Clause {
                node: 0,
                kind: match c.kind {
                    // Of another function: no site names it.
                    _ if self.clauses.pad(i as u32).is_none() => artifact::ClauseKind::Fault,
                    ClauseKind::Catch(t) => match self.handle(Entity::TypeHandle(t)) {
                        Handle::Lookup(slot) => artifact::ClauseKind::CatchLookup(slot),
                        Handle::Symbol(_) => artifact::ClauseKind::Catch(t),
                    },
                    ClauseKind::Filter(_) => {
                        filters += 1;
                        artifact::ClauseKind::Filter(filters - 1)
                    }
                    ClauseKind::Finally => artifact::ClauseKind::Finally,
                    ClauseKind::Fault => artifact::ClauseKind::Fault,
                },
            })
            .collect()
    }
}
