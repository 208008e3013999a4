//! Branches, labels, switches, and how stacks meet.
//!
//! At a label every entry is in its merge slot and registers hold nothing but pinned variables. An edge stores the
//! stack into the slots before it jumps; the code that falls through keeps its registers.

use crate::compare::{Test, fcond};
use crate::error::R;
use crate::state::{Block, Gen};
use crate::target::Target;
use crate::value::{Entry, Loc, fty, width};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::Cmp;
use isthmus_frontend_ir::typing::mergeable;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::StackTy;

impl<A: Target> Gen<'_, A> {
    /// The label of an instruction.
    pub fn block(&mut self, target: u32) -> R<Label> {
        let Some(slot) = self.blocks.get_mut(target as usize) else {
            return self.invalid("branch out of the body");
        };
        Ok(match slot {
            Some(b) => b.label,
            None => {
                let label = self.a.new_label();
                *slot = Some(Block { label, entry: None });
                label
            }
        })
    }

    /// Stores the stack where `target` expects it and gives the label to jump to. Keeps the flags unless structs are copied.
    pub fn edge(&mut self, target: u32) -> R<Label> {
        let label = self.block(target)?;
        let known = self.blocks[target as usize]
            .as_ref()
            .and_then(|b| b.entry.clone());
        match known {
            Some(entry) => {
                let fits = entry.len() == self.stack.len()
                    && entry
                        .iter()
                        .zip(&self.stack)
                        .all(|(&(ty, _), e)| mergeable(ty, e.ty));
                if !fits {
                    return self.invalid("stacks differ where control meets");
                }
            }
            None => {
                let mut entry = smallvec::SmallVec::new();
                for i in 0..self.stack.len() {
                    let ty = self.stack[i].ty;
                    let off = match ty {
                        StackTy::Struct(_) => {
                            let bytes = self.temp_bytes(ty);
                            self.frame.merge_struct(i, bytes)
                        }
                        _ => self.frame.merge_scalar(i),
                    };
                    entry.push((ty, off));
                }
                if let Some(b) = &mut self.blocks[target as usize] {
                    b.entry = Some(entry);
                }
            }
        }
        self.store_stack(target)?;
        Ok(label)
    }

    fn store_stack(&mut self, target: u32) -> R {
        if self.stack.is_empty() {
            return Ok(());
        }
        let entry = self.blocks[target as usize]
            .as_ref()
            .and_then(|b| b.entry.clone())
            .unwrap_or_default();
        // An entry in another depth's slot must leave it first.
        for i in 0..self.stack.len() {
            if matches!(self.stack[i].loc, Loc::Merge(off) if off != entry[i].1) {
                self.detach(i)?;
            }
        }
        for (i, &(ty, off)) in entry.iter().enumerate() {
            let to = Mem::new(A::FP, off);
            let mut e = self.stack[i];
            if e.loc == Loc::Merge(off) {
                continue;
            }
            match ty {
                StackTy::Struct(t) => {
                    let bytes = self.layout(t).size;
                    let from = self.struct_mem(&e)?;
                    self.copy_bytes(to, from, bytes);
                }
                ty if ty.is_float() => {
                    let r = self.fload(&mut e)?;
                    self.a.fstore(fty(ty), to, r);
                    self.stack[i] = e;
                }
                ty => match e.loc {
                    Loc::Imm(v) if i32::try_from(v).is_ok() => {
                        self.a.store_imm(width(ty), to, v as i32)
                    }
                    _ => {
                        let r = self.load(&mut e)?;
                        self.a.store(width(ty), to, r);
                        self.stack[i] = e;
                    }
                },
            }
        }
        Ok(())
    }

    /// Starts the instruction `at` if it is a label: joins what falls through with what jumps here.
    pub fn start_block(&mut self, at: usize) -> R {
        if self.live {
            self.edge(at as u32)?;
        }
        let label = self.block(at as u32)?;
        self.clear_stack();
        self.forget_copies();
        let entry = self.blocks[at]
            .as_mut()
            .map(|b| b.entry.get_or_insert_with(Default::default).clone())
            .unwrap_or_default();
        for (ty, off) in entry {
            self.stack.push(Entry::new(ty, Loc::Merge(off)));
        }
        self.a.bind(label);
        self.live = true;
        Ok(())
    }

    /// Before a branch: a safepoint poll if it may go backward.
    pub fn poll(&mut self, target: u32) {
        if target as usize <= self.at {
            let page = self.ctx(CtxWord::PollPage);
            self.a.load(Ext::Full64, A::TMP, page);
            self.a.load(Ext::Zx32, A::TMP, Mem::new(A::TMP, 0));
            self.trap_here(TrapKind::Poll);
        }
    }

    pub fn op_br(&mut self, target: u32) -> R {
        self.poll(target);
        if target as usize == self.at + 1 && self.scan.places[target as usize].target {
            // Falls through: `start_block` makes the edge.
            return Ok(());
        }
        let label = self.edge(target)?;
        self.a.jmp(label);
        self.live = false;
        Ok(())
    }

    /// `brtrue` and `brfalse`.
    pub fn op_br_bool(&mut self, target: u32, when: bool) -> R {
        self.poll(target);
        let mut e = self.pop()?;
        let label;
        match e.loc {
            Loc::Imm(v) => {
                let taken = (v != 0) == when;
                if taken {
                    label = self.edge(target)?;
                    self.a.jmp(label);
                } else {
                    // The target may be reached by this edge only: it must know its stack.
                    self.edge(target)?;
                }
                return Ok(());
            }
            Loc::FrameAddr(_) => {
                label = self.edge(target)?;
                if when {
                    self.a.jmp(label);
                }
                return Ok(());
            }
            _ => {}
        }
        let w = width(e.ty);
        let cond = if when { Cond::Ne } else { Cond::Eq };
        match self.entry_mem(&e) {
            Some(m) if self.plain_memory(&e) => {
                label = self.edge(target)?;
                self.a.cmp_mem(w, m, 0);
            }
            _ => {
                let r = self.load(&mut e)?;
                label = self.edge(target)?;
                self.a.cmp(w, r, 0);
            }
        }
        self.discard(e);
        self.a.jcc(cond, label);
        Ok(())
    }

    /// Compare and branch.
    pub fn op_br_cmp(&mut self, cmp: Cmp, target: u32) -> R {
        self.poll(target);
        let (a, b) = self.pop_compared(cmp)?;
        self.branch_on(cmp, true, a, b, target)
    }

    /// Branches if a comparison of two entries, which were made the same type, holds (`when`) or does not.
    pub fn branch_on(
        &mut self,
        cmp: Cmp,
        when: bool,
        mut a: Entry,
        mut b: Entry,
        target: u32,
    ) -> R {
        if a.ty.is_float() {
            let (x, y) = (self.fload(&mut a)?, self.fload(&mut b)?);
            let label = self.edge(target)?;
            let cond = fcond(cmp);
            let cond = if when { cond } else { cond.not() };
            self.a.fjcc(cond, fty(a.ty), x, y, label);
        } else {
            // Stores of the stack do not change the flags, copies of structs may: edge first.
            let test = self.prepare_test(cmp, &mut a, &mut b)?;
            let label = self.edge(target)?;
            let cond = self.emit_test(test);
            self.a.jcc(if when { cond } else { cond.not() }, label);
        }
        self.discard(a);
        self.discard(b);
        Ok(())
    }

    pub fn op_switch(&mut self, table: u32) -> R {
        let body = self.body;
        let Some(targets) = body.switches.get(table as usize) else {
            return self.invalid("no such switch table");
        };
        if let Some(&first) = targets.iter().min() {
            self.poll(first);
        }
        let mut e = self.pop()?;
        self.coerce(&mut e, StackTy::I32)?;
        let index = self.own(&mut e)?;
        let mut labels = Vec::with_capacity(targets.len());
        for &t in targets {
            labels.push(self.edge(t)?);
        }
        if labels.len() <= 3 {
            for (i, &label) in labels.iter().enumerate() {
                self.a.cmp(Width::W32, index, i as i32);
                self.a.jcc(Cond::Eq, label);
            }
        } else {
            let next = self.a.new_label();
            self.a.cmp(Width::W32, index, labels.len() as i32);
            self.a.jcc(Cond::AboveEq, next);
            self.a.jump_table(index, A::TMP, &labels);
            self.a.bind(next);
        }
        self.discard(e);
        Ok(())
    }

    /// Tests a prepared comparison; gives the condition that holds if it does.
    pub fn emit_test(&mut self, test: Test) -> Cond {
        match test.left {
            Src::Reg(r) => self.a.cmp(test.width, r, test.right),
            Src::Mem(m) => self.a.cmp_mem(test.width, m, test.right),
            Src::Imm(_) => {}
        }
        test.cond
    }
}
