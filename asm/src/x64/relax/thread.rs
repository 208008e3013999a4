//! Threaded switches: a jump back to a switch becomes a copy of what leads to the next case.
//!
//! ```text
//!   top:  poll; load op; jmp [table + op]          top:  poll; load op; jmp [table + op]
//!   add:  …; jmp top                       ──▶     add:  …; poll; load op; jmp [table + op]
//!   sub:  …; jmp top                               sub:  …; poll; load op; jmp [table + op]
//! ```
//!
//! Interpreters spend their time here: each turn has one jump instead of two or three, and the processor has a place for each case
//! to remember what follows it. All copies use the one table.

use super::{Form, Layout, Piece};
use iced_x86::Code;
use isthmus_runtime_abi::artifact::{CompiledMethod, TrapSite};

/// Most pieces that one copy may have.
const MAX_PIECES: usize = 24;
/// Most bytes that all copies may have together.
const MAX_BYTES: u32 = 4096;

impl Layout {
    pub(super) fn thread_switches(&mut self, method: &CompiledMethod) {
        if !self.pieces.iter().any(|p| matches!(p.form, Form::Table)) {
            return;
        }
        let mut bytes = 0;
        for n in 0..self.pieces.len() {
            if let Some(list) = self.way_to_switch(n, method) {
                let size = list.iter().map(|&n| self.copied(n).size).sum();
                bytes += size;
                if bytes > MAX_BYTES {
                    return;
                }
                let p = &mut self.pieces[n];
                (p.form, p.size) = (Form::Thread(self.threads.len() as u32), size);
                self.threads.push(list);
            }
        }
    }

    /// What is executed from the jump with this index on until a switch above it has found its case.
    fn way_to_switch(&self, from: usize, method: &CompiledMethod) -> Option<Vec<u32>> {
        let Form::Jump {
            target,
            condition: None,
        } = self.pieces[from].form
        else {
            return None;
        };
        let mut list = Vec::new();
        let mut at = target as usize;
        for _ in 0..MAX_PIECES {
            match self.pieces.get(at)?.form {
                Form::Jump {
                    target,
                    condition: None,
                } => {
                    at = target as usize;
                    continue;
                }
                Form::Copy if self.instructions[at].code() == Code::Jmp_rm64 => {
                    let switch = matches!(self.pieces.get(at + 1)?.form, Form::Table);
                    list.push(at as u32);
                    return (switch && at < from).then_some(list);
                }
                Form::Copy if self.leaves(at) || relocated(method, &self.pieces[at]) => {
                    return None;
                }
                Form::Copy
                | Form::Bytes(_)
                | Form::Jump { .. }
                | Form::Relative { .. }
                | Form::SmallImmediate { .. } => list.push(at as u32),
                _ => return None,
            }
            at += 1;
        }
        None
    }

    /// Whether what stands behind an instruction is not executed next, or a call returns there.
    fn leaves(&self, n: usize) -> bool {
        use iced_x86::FlowControl::Next;
        self.instructions[n].flow_control() != Next
    }

    /// A piece as it is in a copy, where jumps have their long form.
    pub(super) fn copied(&self, n: u32) -> Piece {
        let mut p = self.pieces[n as usize];
        if let Form::Jump { .. } = p.form {
            p.size = 6;
        }
        p
    }

    /// What may trap in a copy does so for the same reason.
    pub(super) fn thread_traps(
        &self,
        method: &CompiledMethod,
        traps: &mut Vec<TrapSite>,
    ) -> Option<()> {
        for p in &self.pieces {
            let Form::Thread(list) = p.form else {
                continue;
            };
            let mut at = p.new;
            for &n in &self.threads[list as usize] {
                let copy = self.copied(n);
                let first = method.traps.partition_point(|t| t.offset < copy.old);
                let here = method.traps[first..].iter();
                for t in here.take_while(|t| t.offset < copy.old + copy.len) {
                    let mut t = t.clone();
                    t.offset = at;
                    for h in &mut t.handlers {
                        h.landing = self.start(h.landing)?;
                    }
                    traps.push(t);
                }
                at += copy.size;
            }
        }
        Some(())
    }
}

fn relocated(method: &CompiledMethod, p: &Piece) -> bool {
    let next = method.relocs.partition_point(|r| r.offset < p.old);
    (method.relocs.get(next)).is_some_and(|r| r.offset < p.old + p.len)
}
