//! Exceptions: landing blocks, `leave`, `finally`, filters.
//!
//! A `finally` handler is built once. It has two variables, the number of its continuation and the resume token:
//!
//! ```text
//!   leave L  ──▶ next = k, token = 0  ──┐
//!   leave M  ──▶ next = m, token = 0  ──┼──▶ handler ... endfinally ──▶ switch next: k → L, m → M, else resume(token)
//!   landing  ──▶ next = -1, token = t ──┘
//! ```
//!
//! A `leave` that passes several handlers goes to the first, with a continuation that enters the second, and so on; the
//! continuation depends on the handler and the final target only.

use super::frame::{End, Finally, Ret};
use super::place::Entry;
use super::scan::Scope;
use super::{Builder, Handler, Handlers, Result};
use crate::error::Reason;
use crate::ir::{Block, Clause, Mem, Part, Sig, SigConv, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_frontend_ir::region::{ClauseKind, RegionId, RegionKind};
use isthmus_runtime_abi::callconv::WordTy;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::vm::{ContextSource, Entity, Handle};
use smallvec::SmallVec;
use std::rc::Rc;

impl Builder<'_> {
    /// The clauses around a region of the current frame: its own, then its callers'.
    pub(super) fn handlers_of(&mut self, region: RegionId) -> Result<Handlers> {
        if let Some(h) = &self.frame.region_handlers[region as usize] {
            return Ok(h.clone());
        }
        let body = self.frame.body.clone();
        let mut list: SmallVec<[Handler; 4]> = SmallVec::new();
        for c in body.regions.clauses_around(region) {
            list.push(self.landing(c)?);
        }
        list.extend(self.frame.outer_handlers.iter().copied());
        let handlers: Handlers = Rc::from(&list[..]);
        self.frame.region_handlers[region as usize] = Some(handlers.clone());
        Ok(handlers)
    }

    fn finally(&mut self, clause: u32) -> &mut Finally {
        let vars = &mut self.vars;
        self.frame
            .finallys
            .entry(clause)
            .or_insert_with(|| Finally {
                next: vars.new_var(Ty::I32),
                token: vars.new_var(Ty::Ptr),
                continuations: Vec::new(),
                ends: Vec::new(),
            })
    }

    /// The landing block of a clause.
    fn landing(&mut self, c: u32) -> Result<Handler> {
        if let Some(&h) = self.frame.landings.get(&c) {
            return Ok(h);
        }
        let body = self.frame.body.clone();
        let clause = &body.regions.clauses[c as usize];
        let kind = match clause.kind {
            ClauseKind::Catch(ty) => {
                match self.env.handle(self.frame.method, Entity::TypeHandle(ty)) {
                    Handle::Lookup(slot) => Clause::CatchLookup(slot),
                    Handle::Symbol(_) => Clause::Catch(ty),
                }
            }
            ClauseKind::Filter(_) => {
                let filters = self.frame.scope.filters(&body);
                Clause::Filter(filters.take_while(|&f| f < c).count() as u32)
            }
            ClauseKind::Finally => Clause::Finally,
            ClauseKind::Fault => Clause::Fault,
        };
        let number = self.func.clauses.len() as u32;
        self.func.clauses.push((kind, self.frame.node));
        let block = self.func.new_block();
        self.func.blocks[block.index()].cold = true;
        let handler = Handler {
            clause: number,
            landing: block,
        };
        self.frame.landings.insert(c, handler);

        let catches = matches!(clause.kind, ClauseKind::Catch(_) | ClauseKind::Filter(_));
        let payload_ty = if catches { Ty::Ref } else { Ty::Ptr };
        let payload = self.func.add_param(block, payload_ty);
        self.func.add_param(block, Ty::Ptr);
        let saved = (self.block, self.open);
        let stack = std::mem::take(&mut self.frame.stack);
        self.block = block;
        self.open = true;
        if catches {
            self.fact_mut(payload).nonnull = true;
            if let ClauseKind::Catch(ty) = clause.kind {
                self.note_class(payload, ty, false);
            }
            let var = self.vars.new_var(Ty::Ref);
            self.frame.exceptions.insert(c, var);
            self.write_var(var, payload);
            self.push_val(payload);
        } else {
            let (next, token) = {
                let f = self.finally(c);
                (f.next, f.token)
            };
            let resume = self.i32(-1);
            self.write_var(next, resume);
            self.write_var(token, payload);
        }
        self.goto_cil(clause.handler.start)?;
        (self.block, self.open) = saved;
        self.frame.stack = stack;
        Ok(handler)
    }

    /// The clause whose handler the instruction is in.
    fn enclosing_handler(&self, at: u32) -> Option<u32> {
        let regions = &self.frame.body.regions;
        regions
            .outward(regions.region_of(at))
            .find_map(|(_, r)| match r.kind {
                RegionKind::Handler(c) => Some(c),
                _ => None,
            })
    }

    /// `rethrow`.
    pub(super) fn rethrow(&mut self, at: u32) -> Result<()> {
        // The innermost catch handler, even from a finally inside it.
        let regions = &self.frame.body.regions;
        let var = regions
            .outward(regions.region_of(at))
            .find_map(|(_, r)| match r.kind {
                RegionKind::Handler(c) => self.frame.exceptions.get(&c).copied(),
                _ => None,
            });
        let Some(var) = var else {
            return self.fail(Reason::BadOperands);
        };
        let v = self.read_var(var);
        self.throw(Helper::Rethrow, &[v]);
        Ok(())
    }

    /// `leave`.
    pub(super) fn leave(&mut self, at: u32, target: u32) -> Result<()> {
        self.frame.stack.clear();
        self.poll_if_backward(at, target);
        let body = self.frame.body.clone();
        let from = body.regions.region_of(at);
        let to = body
            .regions
            .region_of(target.min(body.code.len() as u32 - 1));
        let chain = body.regions.finallys_left(from, to);
        self.run_finallys(&chain, target)
    }

    /// Jumps to the first of a chain of handlers; the last one continues at `target`.
    fn run_finallys(&mut self, chain: &[u32], target: u32) -> Result<()> {
        let Some((&first, rest)) = chain.split_first() else {
            return self.goto_cil(target);
        };
        let known = self
            .finally(first)
            .continuations
            .iter()
            .position(|c| c.0 == target);
        let number = match known {
            Some(n) => n,
            None => {
                let block = if rest.is_empty() {
                    self.cil_target(target)?
                } else {
                    let block = self.func.new_block();
                    let saved = (self.block, self.open);
                    self.block = block;
                    self.open = true;
                    self.run_finallys(rest, target)?;
                    (self.block, self.open) = saved;
                    block
                };
                let f = self.finally(first);
                f.continuations.push((target, block));
                f.continuations.len() - 1
            }
        };
        let (next, token) = {
            let f = self.finally(first);
            (f.next, f.token)
        };
        let n = self.i32(number as i32);
        let zero = self.constant(Ty::Ptr, 0);
        self.write_var(next, n);
        self.write_var(token, zero);
        let start = self.frame.body.regions.clauses[first as usize]
            .handler
            .start;
        self.goto_cil(start)
    }

    /// `endfinally`: remembered until all continuations are known.
    pub(super) fn end_finally(&mut self, at: u32) -> Result<()> {
        let Some(clause) = self.enclosing_handler(at) else {
            return self.fail(Reason::BadOperands);
        };
        // An exception that goes on from here meets the later clauses of the same `try` first, then those around the handler.
        let body = self.frame.body.clone();
        let later: &[u32] = (body.regions.regions.iter())
            .find_map(|r| match &r.kind {
                RegionKind::Try(list) => {
                    let n = list.iter().position(|&c| c == clause)?;
                    Some(&list[n + 1..])
                }
                _ => None,
            })
            .unwrap_or_default();
        let mut handlers: SmallVec<[Handler; 4]> = SmallVec::new();
        for &c in later {
            handlers.push(self.landing(c)?);
        }
        handlers.extend(self.handlers.iter().copied());
        let end = End {
            block: self.block,
            pos: self.pos,
            handlers: Rc::from(&handlers[..]),
        };
        self.finally(clause).ends.push(end);
        self.open = false;
        Ok(())
    }

    /// Ends the handlers whose continuations are all known by now, because nothing else is left to build.
    pub(super) fn end_finallys(&mut self) -> Result<bool> {
        let pending = (self.frame.reached.iter()).any(|r| r.block.is_some() && !r.done);
        if pending {
            return Ok(false);
        }
        let clauses: Vec<u32> = {
            let mut list: Vec<u32> = self.frame.finallys.keys().copied().collect();
            list.sort_unstable();
            list
        };
        let mut any = false;
        for c in clauses {
            let Some(f) = self.frame.finallys.get_mut(&c) else {
                continue;
            };
            let ends = std::mem::take(&mut f.ends);
            let (next, token) = (f.next, f.token);
            let continuations: Vec<Block> = f.continuations.iter().map(|c| c.1).collect();
            for end in ends {
                any = true;
                self.block = end.block;
                self.open = true;
                self.pos = end.pos;
                self.il = self.func.positions[end.pos as usize].il;
                self.handlers = end.handlers;
                self.finish_finally(next, token, &continuations);
            }
        }
        Ok(any)
    }

    fn finish_finally(
        &mut self,
        next: super::vars::Var,
        token: super::vars::Var,
        continuations: &[Block],
    ) {
        if continuations.is_empty() {
            let t = self.read_var(token);
            self.throw(Helper::Resume, &[t]);
            return;
        }
        let next = self.read_var(next);
        let resume = self.new_block(true);
        if let [only] = continuations {
            let zero = self.i32(0);
            let normal = self.cmp(Cmp::Eq, next, zero);
            self.branch(normal, *only, resume);
        } else {
            let mut targets = continuations.to_vec();
            targets.push(resume);
            self.switch(next, &targets);
        }
        self.go_on(resume);
        let t = self.read_var(token);
        self.throw(Helper::Resume, &[t]);
    }

    // ---- filters

    /// Builds the filters of what has just been built.
    pub(super) fn build_filters(&mut self) -> Result<()> {
        let body = self.frame.body.clone();
        for c in self.frame.scope.filters(&body) {
            let mut b = Builder::new(
                self.env,
                self.frame.method,
                body.clone(),
                self.opts,
                Scope::Filter(c),
            )?;
            b.frame.area = self.frame.area.clone();
            b.build_filter(c)?;
            self.filters.push(b.finish());
        }
        Ok(())
    }

    fn build_filter(&mut self, clause: u32) -> Result<()> {
        let body = self.frame.body.clone();
        self.func.part = Part::Filter(clause);
        self.func.sig = Sig {
            params: SmallVec::from_slice(&[WordTy::Ptr, WordTy::Ptr]),
            rets: SmallVec::from_slice(&[WordTy::I32]),
            conv: SigConv::Managed,
        };
        let entry = self.func.entry();
        let own = self.func.add_param(entry, Ty::Ptr);
        let exception = self.func.add_param(entry, Ty::Ref);
        self.fact_mut(own).nonnull = true;
        self.fact_mut(exception).nonnull = true;
        self.frame.ret = Ret::Filter;
        // A filter in a filter finds the outer one's area in the first word of its own.
        let mut area = own;
        let mut outer = Scope::of_clause(&body, clause);
        while let Scope::Filter(c) = outer {
            area = self.area_word(area, 0, Mem::Ptr);
            self.fact_mut(area).nonnull = true;
            outer = Scope::of_clause(&body, c);
        }
        match self.frame.info.context {
            ContextSource::None => {}
            ContextSource::Hidden => {
                self.frame.context = Some(self.area_word(area, 0, Mem::Ptr));
            }
            ContextSource::This(_) => {
                self.frame.this = Some(self.area_word(area, 0, Mem::Ref));
            }
        }
        if body.sig.takes_cookie() {
            self.frame.cookie = Some(self.area_word(area, 1, Mem::Ptr));
        }
        self.frame.args = self.area_locs(true, area, &body.sig.params);
        let types: Vec<_> = body.locals.iter().map(|l| l.ty).collect();
        self.frame.locals = self.area_locs(false, area, &types);
        self.keep_for_unwinder();
        if self.frame.scope.filters(&body).next().is_some() {
            self.make_filter_area(self.word, &[Some(own)]);
        }
        self.push_val(exception);
        self.run_frame()?;
        self.build_filters()
    }

    /// A word of a filter area.
    fn area_word(&mut self, area: Value, n: u32, mem: Mem) -> Value {
        let place = self.base_place(super::frame::Base::Value(area), n * self.word);
        let access = place.access(mem, 0);
        self.load_raw(area, None, access)
    }

    /// Where a filter finds the variables of its method; those that it does not use are nowhere.
    fn area_locs(
        &self,
        arg: bool,
        area: Value,
        types: &[isthmus_runtime_abi::types::MemTy],
    ) -> Vec<super::frame::Loc> {
        use super::frame::{Base, Loc};
        types
            .iter()
            .enumerate()
            .map(|(n, &ty)| {
                let offset = self.frame.area.get(&(arg, n as u16));
                let offset = offset.copied().unwrap_or(0);
                Loc::Memory(Base::Value(area), offset, ty)
            })
            .collect()
    }

    /// `endfilter`.
    pub(super) fn end_filter(&mut self) -> Result<()> {
        let v = self.pop_val()?;
        if !matches!(self.frame.ret, Ret::Filter) {
            return self.fail(Reason::BadOperands);
        }
        let zero = self.constant(self.func.ty(v), 0);
        let handled = self.cmp(Cmp::NeUn, v, zero);
        self.end(crate::ir::Op::Return, &[handled], crate::ir::Imm::None);
        Ok(())
    }

    /// Whether the entry is a plain value, for instructions that need one.
    pub(super) fn as_val(&self, e: &Entry) -> Option<Value> {
        match e {
            Entry::Val(v) => Some(*v),
            _ => None,
        }
    }
}
