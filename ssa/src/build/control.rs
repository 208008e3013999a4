//! Blocks of the body, branches, and the stack where they join.

use super::frame::{Reached, Ret};
use super::place::Entry;
use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Block, Imm, Op, Ty, Value};
use isthmus_frontend_ir::op::{Cmp, Flow, Op as Cil};
use isthmus_frontend_ir::region::RegionKind;
use isthmus_runtime_abi::types::MemTy;
use std::ops::Range;

impl Builder<'_> {
    /// Builds all blocks of the current frame, from its first instruction (of a filter: its first).
    pub(super) fn run_frame(&mut self) -> Result<()> {
        let scan = self.frame.scan.clone();
        if self.open {
            let first = scan.order[0];
            self.goto_cil(scan.blocks[first as usize].range.start)?;
        }
        loop {
            let mut progress = false;
            for &n in &scan.order {
                let r = &self.frame.reached[n as usize];
                if r.block.is_some() && !r.done {
                    self.cil_block(n)?;
                    progress = true;
                }
            }
            if self.end_finallys()? {
                progress = true;
            }
            if !progress {
                break;
            }
        }
        let blocks: Vec<Block> = self.frame.reached.iter().filter_map(|r| r.block).collect();
        for b in blocks {
            self.vars.seal(&mut self.func, b);
        }
        Ok(())
    }

    /// At the start of a handler: nothing more leads to its landing block if all that it protects is built.
    fn seal_landing(&mut self, at: u32) {
        let regions = &self.frame.body.regions;
        let RegionKind::Handler(c) = regions.regions[regions.region_of(at) as usize].kind else {
            return;
        };
        let clause = &regions.clauses[c as usize];
        let Some(handler) = self.frame.landings.get(&c) else {
            return;
        };
        if clause.handler.start != at {
            return;
        }
        let scan = &self.frame.scan;
        let first = scan.block_of[clause.body.start as usize] as usize;
        let last = scan.block_of[clause.body.end as usize - 1] as usize;
        // What goes on after finally handlers inside is built last, and leads to this handler too.
        let body = &clause.body;
        let late = |f: &Range<u32>| body.start <= f.start && f.end <= body.end;
        let built = (first..=last).all(|b| self.frame.reached[b].done);
        if built && !scan.finallys.iter().any(late) {
            self.vars.seal(&mut self.func, handler.landing);
        }
    }

    fn cil_block(&mut self, n: u32) -> Result<()> {
        let scan = self.frame.scan.clone();
        let body = self.frame.body.clone();
        let info = &scan.blocks[n as usize];
        self.seal_landing(info.range.start);
        let reached = &mut self.frame.reached[n as usize];
        reached.done = true;
        let (Some(block), stack) = (reached.block, reached.stack.clone()) else {
            return Ok(());
        };
        if self.vars.num_preds(block) as u32 == info.preds {
            self.vars.seal(&mut self.func, block);
        }
        self.block = block;
        self.open = true;
        self.checked.clear();
        let region = body.regions.region_of(info.range.start);
        self.handlers = self.handlers_of(region)?;
        self.frame.stack.clear();
        for loc in &stack {
            let e = self.read_loc(loc)?;
            self.frame.stack.push(e);
        }
        for at in info.range.clone() {
            let insn = body.code[at as usize];
            self.set_pos(insn.il);
            self.frame.repeats = self.frame.scan.repeats(at);
            self.step(at, &insn)?;
            for (ty, slot) in std::mem::take(&mut self.dead_temps) {
                let list = self.free_temps.entry(ty).or_default();
                if !list.contains(&slot) {
                    list.push(slot);
                }
            }
            if self.func.insts.len() > self.opts.max_built as usize {
                return self.fail(Reason::TooLarge);
            }
            if !self.open {
                self.frame.stack.clear();
                return Ok(());
            }
        }
        // Falls into the next block.
        if body.code[info.range.end as usize - 1].op.flow() == Flow::Next {
            if info.range.end as usize >= body.code.len() {
                return self.fail(Reason::OffTheEnd);
            }
            self.goto_cil(info.range.end)?;
        }
        Ok(())
    }

    /// The SSA block for the block that starts at instruction `target`; the current stack goes there.
    pub(super) fn cil_target(&mut self, target: u32) -> Result<Block> {
        let Some(&n) = self.frame.scan.block_of.get(target as usize) else {
            return self.fail(Reason::OffTheEnd);
        };
        if self.frame.scan.blocks[n as usize].range.start != target {
            return self.fail(Reason::OffTheEnd);
        }
        if let Some(b) = self.frame.reached[n as usize].block {
            let locs = self.frame.reached[n as usize].stack.clone();
            if locs.len() != self.frame.stack.len() {
                return self.fail(Reason::StackMerge);
            }
            for (n, loc) in locs.iter().enumerate() {
                let e = self.frame.stack[n].clone();
                self.write_loc(loc, e)?;
            }
            return Ok(b);
        }
        let entries = self.frame.stack.clone();
        let mut locs = Vec::with_capacity(entries.len());
        for e in entries {
            let ty = self.stack_ty(&e).mem_ty();
            let loc = self.new_loc(ty, false, None)?;
            self.write_loc(&loc, e)?;
            locs.push(loc);
        }
        // Blocks of the body are cold only where their handler is, and where they end with a throw.
        let b = self.func.new_block();
        let last = self.frame.scan.blocks[n as usize].range.end - 1;
        let throws = matches!(
            self.frame.body.code[last as usize].op,
            Cil::Throw | Cil::Rethrow | Cil::Raise(_)
        );
        let cold = throws || self.frame.node != 0 && self.func.block(self.block).cold;
        self.func.blocks[b.index()].cold = cold;
        self.frame.reached[n as usize] = Reached {
            block: Some(b),
            stack: locs,
            done: false,
        };
        Ok(b)
    }

    /// Jumps to an instruction of the body.
    pub(super) fn goto_cil(&mut self, target: u32) -> Result<()> {
        let b = self.cil_target(target)?;
        self.jump(b);
        Ok(())
    }

    /// A poll before a jump backward.
    pub(super) fn poll_if_backward(&mut self, at: u32, target: u32) {
        if target <= at {
            self.emit(Op::Poll, Ty::I32, &[], Imm::None);
        }
    }

    /// Branches to instruction `target` if `cond` is not 0, else to the next one.
    pub(super) fn branch_cil(&mut self, at: u32, cond: Value, target: u32) -> Result<()> {
        if let Some(c) = self.func.constant(cond) {
            let to = if c != 0 { target } else { at + 1 };
            self.poll_if_backward(at, to);
            return self.goto_cil(to);
        }
        if target == at + 1 {
            return self.goto_cil(target);
        }
        self.poll_if_backward(at, target);
        let then = self.cil_target(target)?;
        let other = self.cil_target(at + 1)?;
        self.branch(cond, then, other);
        Ok(())
    }

    pub(super) fn switch_cil(&mut self, at: u32, list: u32) -> Result<()> {
        let body = self.frame.body.clone();
        let selector = self.pop_val()?;
        let selector = self.convert_word(selector, Ty::I32);
        let targets = &body.switches[list as usize];
        if let Some(c) = self.func.constant(selector) {
            let to = targets.get(c as u32 as usize).copied().unwrap_or(at + 1);
            self.poll_if_backward(at, to);
            return self.goto_cil(to);
        }
        if targets.iter().any(|&t| t <= at) {
            self.poll_if_backward(at, at);
        }
        let mut blocks = Vec::with_capacity(targets.len() + 1);
        for &t in targets.iter().chain([&(at + 1)]) {
            blocks.push(self.cil_target(t)?);
        }
        self.switch(selector, &blocks);
        Ok(())
    }

    /// `ret`.
    pub(super) fn ret(&mut self) -> Result<()> {
        let ret = self.frame.body.sig.ret;
        let entry = match ret {
            Some(_) => Some(self.pop()?),
            None => None,
        };
        match self.frame.ret.clone() {
            Ret::Function(abi, buffer) => self.emit_return(&abi, buffer, ret, entry),
            Ret::Inline(block, loc) => {
                if let (Some(loc), Some(e)) = (loc, entry) {
                    self.write_loc(&loc, e)?;
                }
                self.jump(block);
                Ok(())
            }
            Ret::Filter => self.fail(Reason::BadOperands),
        }
    }

    // ---- the stack

    pub(super) fn push(&mut self, e: Entry) {
        self.frame.stack.push(e);
    }

    pub(super) fn push_val(&mut self, v: Value) {
        self.frame.stack.push(Entry::Val(v));
    }

    pub(super) fn pop(&mut self) -> Result<Entry> {
        match self.frame.stack.pop() {
            Some(e) => Ok(e),
            None => Err(self.bad()),
        }
    }

    /// Pops a scalar; a struct that wraps one counts.
    pub(super) fn pop_val(&mut self) -> Result<Value> {
        match self.pop()? {
            Entry::Val(v) => Ok(v),
            Entry::Split(_, leaves) if leaves.len() == 1 => Ok(leaves[0]),
            _ => Err(self.bad()),
        }
    }

    /// A second, independent copy of an entry.
    pub(super) fn duplicate(&mut self, e: &Entry) -> Result<Entry> {
        match e {
            Entry::Mem(t, slot) => {
                let place = self.slot_place(*slot, 0);
                self.load_place(place, MemTy::Struct(*t))
            }
            e => Ok(e.clone()),
        }
    }

    /// Compares for a branch.
    pub(super) fn branch_cmp(&mut self, at: u32, cmp: Cmp, target: u32) -> Result<()> {
        let cond = self.compare(cmp)?;
        self.branch_cil(at, cond, target)
    }

    /// Jumps for `br`.
    pub(super) fn br(&mut self, at: u32, op: Cil) -> Result<()> {
        if let Cil::Br(t) = op {
            self.poll_if_backward(at, t);
            self.goto_cil(t)?;
        }
        Ok(())
    }
}
