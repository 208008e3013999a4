//! Counting calls and loops, and going over to optimized code in the middle of a loop.
//!
//! Where the VM asks for it, the method's counter goes down at its entry and at the header of each loop. When it has run out, cold
//! code asks the runtime, which may answer with code that continues at this header (`artifact::OsrMap`):
//!
//! ```text
//!   header:  sub [counter], weight        ask:    store variables that are in registers into their homes
//!            js ask                               rax = TierUp(counter, header); 0: load them again, back
//!   back:    ...                                  call rax with FP           no call site: no clause of this method is
//!                                                 epilogue: its result is ours     around it, and traces do not show it
//! ```
//!
//! Headers within handlers and filters are left out, since state that is not in variables would be needed to continue there, and
//! those where the evaluation stack is not empty.

use crate::cold::int_ret;
use crate::error::R;
use crate::moves::{Move, Word};
use crate::state::{Gen, Home};
use crate::target::Target;
use crate::value::{fty, width};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::region::{RegionId, RegionKind};
use isthmus_runtime_abi::artifact::{OsrLoop, OsrMap};
use isthmus_runtime_abi::callconv::RetPass;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::vm::ContextSource;

/// What the counter costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// Taken from it for a call.
    pub call: u32,
    /// Taken for a turn of a loop.
    pub turn: u32,
}

/// A place where the counter may run out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    slow: Label,
    back: Label,
    /// The loop header; `None`: the method's entry.
    header: Option<u32>,
    pos: u32,
    region: RegionId,
}

impl<A: Target> Gen<'_, A> {
    /// Gives variables that live in registers a home in memory too, if a loop may be left for optimized code.
    pub fn plan_homes(&mut self) {
        if self.opts.count.is_none() || !self.scan.loops {
            return;
        }
        for i in 0..self.vars.len() {
            if self.vars[i].home != Home::Memory && self.vars[i].offset == 0 {
                self.vars[i].offset = self.frame.alloc(8);
            }
        }
    }

    /// Counts a call of the method.
    pub fn count_call(&mut self) {
        if let Some(count) = self.opts.count {
            let pos = self.sites.position(0);
            self.count(count.call, None, pos, 0);
        }
    }

    /// Counts a turn of the loop whose header is the current instruction, if it is one.
    pub fn count_turn(&mut self) {
        let header = self.at as u32;
        let Some(count) = self.opts.count else { return };
        let region = self.body.regions.region_of(header);
        let inside =
            |kind: &RegionKind| matches!(kind, RegionKind::Handler(_) | RegionKind::Filter(_));
        let left_out = self.filter.is_some()
            || self.scan.places[self.at].loop_end == 0
            || !self.stack.is_empty()
            || (self.body.regions.outward(region)).any(|(_, r)| inside(&r.kind));
        if !left_out {
            let pos = self.sites.position(self.il);
            self.count(count.turn, Some(header), pos, region);
        }
    }

    fn count(&mut self, weight: u32, header: Option<u32>, pos: u32, region: RegionId) {
        let (slow, back) = (self.a.new_label(), self.a.new_label());
        let counter = Symbol::MethodCounter(self.body.method);
        self.a
            .count_down(counter, weight.min(i32::MAX as u32) as i32);
        self.a.jcc(Cond::Neg, slow);
        self.a.bind(back);
        self.headers.extend(header);
        self.asks.push(Ask {
            slow,
            back,
            header,
            pos,
            region,
        });
    }

    /// The cold code of all places.
    pub fn emit_asks(&mut self) -> R {
        for ask in std::mem::take(&mut self.asks) {
            self.a.bind(ask.slow);
            self.variables(ask.header.is_some(), false);
            let roles = A::ARCH.roles();
            let (counter, at) = (Gpr(roles.int_args[0]), Gpr(roles.int_args[1]));
            self.a
                .load_symbol(counter, Symbol::MethodCounter(self.body.method));
            let header = ask.header.map_or(-1, i64::from);
            self.a.mov_imm(Width::W32, at, header);
            self.call_helper_symbol(Helper::TierUp);
            self.call_at(ask.pos, ask.region);
            let code = int_ret::<A>();
            let enter = self.a.new_label();
            if ask.header.is_some() {
                self.a.test(Width::W64, code, code);
                self.a.jcc(Cond::Ne, enter);
            }
            self.variables(false, true);
            self.a.jmp(ask.back);
            if ask.header.is_some() {
                self.a.bind(enter);
                self.a.mov(Width::W64, A::TMP, code);
                self.continue_in_optimized_code()?;
            }
        }
        Ok(())
    }

    /// Stores variables in registers into their homes, or loads them: those in registers that calls change, or `all`.
    fn variables(&mut self, all: bool, load: bool) {
        for i in 0..self.vars.len() {
            let var = self.vars[i];
            if self.scan.uses[i].weight == 0 || !(all || self.leaf_pins.contains(&(i as u16))) {
                continue;
            }
            let mem = Mem::new(A::FP, var.offset);
            let ty = var.ty.stack_ty();
            match (var.home, load) {
                (Home::Memory, _) => {}
                (Home::Reg(r), false) => self.a.store(width(ty), mem, r),
                (Home::Reg(r), true) if width(ty) == Width::W32 => self.a.load(Ext::Zx32, r, mem),
                (Home::Reg(r), true) => self.a.load(Ext::Full64, r, mem),
                (Home::Freg(r), false) => self.a.fstore(fty(ty), mem, r),
                (Home::Freg(r), true) => self.a.fload(fty(ty), r, mem),
            }
        }
    }

    /// Calls the code whose address is in the scratch register, and returns what it returns.
    fn continue_in_optimized_code(&mut self) -> R {
        let sig = OsrMap::signature(self.body.sig.ret);
        let abi = self.abi(&sig);
        let mut moves: smallvec::SmallVec<[Move; 8]> = smallvec::SmallVec::new();
        for (i, word) in abi.words.iter().enumerate() {
            let buffer = matches!(abi.ret, RetPass::Buffer(b) if b as usize == i);
            let from = match self.slots.buffer.filter(|_| buffer) {
                Some(slot) => Word::Mem(Mem::new(A::FP, slot), Ext::Full64),
                None => Word::Reg(A::FP),
            };
            moves.push(Move {
                word: from,
                to: word.loc,
                ty: word.ty,
            });
        }
        self.emit_moves(&moves);
        self.a.call_reg(A::TMP);
        self.epilogue();
        Ok(())
    }

    /// Where everything is, for the code that takes over.
    pub fn osr_map(&self) -> Option<Box<OsrMap>> {
        self.opts.count?;
        let nargs = self.body.sig.params.len();
        let mut homes: Vec<Option<i32>> = (self.vars.iter().zip(&self.scan.uses))
            .map(|(var, usage)| (usage.weight != 0).then_some(var.offset))
            .collect();
        let locals = homes.split_off(nargs);
        // Loops around the current one, innermost last.
        let mut around: Vec<(u32, u32)> = Vec::new();
        let mut loops: Vec<OsrLoop> = Vec::new();
        for header in self.headers.iter().copied() {
            let end = self.scan.places[header as usize].loop_end;
            while around.last().is_some_and(|&(_, e)| e < end) {
                around.pop();
            }
            loops.push(OsrLoop {
                header,
                outer: around.last().map(|a| a.0),
            });
            around.push((loops.len() as u32 - 1, end));
        }
        let this = matches!(self.info.context, ContextSource::This(_));
        Some(Box::new(OsrMap {
            args: homes,
            locals,
            context: self.slots.rgctx,
            this: self.slots.this.filter(|_| this),
            cookie: self.slots.cookie,
            loops,
        }))
    }
}
