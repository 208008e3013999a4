//! Real tail calls.
//!
//! The callee takes this method's frame. Its stack words go where ours were, at the end nearest the caller, so that its
//! `ret n` leaves SP as our caller expects it:
//!
//! ```text
//!                 lower addresses                                                          higher
//!   before        ... our frame | caller's FP | return address | our stack words (m bytes) |
//!   after, c < m                        (free) | caller's FP | return address | c bytes    |
//!   after, c > m  ... | caller's FP | return address | callee's stack words (c bytes)      |
//! ```
//!
//! Words on their way to the stack wait in temporaries, since their places may hold what is still to be read; where the callee's
//! area is larger, in temporaries below it.

use crate::calls::{Callee, Hidden};
use crate::cold::int_ret;
use crate::error::R;
use crate::moves::{Move, Word};
use crate::state::Gen;
use crate::target::Target;
use crate::value::Loc;
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::{Op, Prefix};
use isthmus_runtime_abi::callconv::{Loc as AbiLoc, MAX_STACK_BYTES, RetPass, WordTy};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::vtable_slot;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::types::{CallConv, MemTy, Signature};
use smallvec::SmallVec;

impl<A: Target> Gen<'_, A> {
    /// Whether the current instruction is a `tail.` call or a `jmp`, and its frame may go.
    pub fn tail_wanted(&self) -> bool {
        let insn = &self.body.code[self.at];
        let returned = match insn.op {
            Op::Jmp(_) => true,
            _ => {
                let next = self.body.code.get(self.at + 1).map(|i| i.op);
                insn.prefix.contains(Prefix::TAIL) && matches!(next, Some(Op::Ret))
            }
        };
        returned
            && self.filter.is_none()
            && self.body.regions.region_of(self.at as u32) == 0
            && !self.scan.localloc
    }

    /// Makes the call a jump if the frames allow it; `false`: nothing was emitted.
    pub fn tail_call(
        &mut self,
        target: Callee,
        hidden: Hidden,
        sig: &Signature,
        null_check: bool,
    ) -> R<bool> {
        let abi = self.abi(sig);
        let ours = self.abi(&self.body.sig);
        let first = self.below_top(sig.params.len())?;
        // A pointer into this frame as argument keeps it, also within a struct that was made for pointers. What else might be one
        // is the program's business: the prefix says that the frame is not needed any more (ECMA-335 III.2.4).
        let exposed = self.vars.iter().any(|v| v.exposed);
        let addresses = sig.params.iter().enumerate().any(|(i, &ty)| match ty {
            MemTy::ByRef | MemTy::Native => {
                matches!(self.stack[first + i].loc, Loc::FrameAddr(_))
            }
            MemTy::Struct(t) => {
                exposed && (self.env.typed_reference() == Some(t) || self.layout(t).has_byrefs)
            }
            _ => false,
        });
        let same_result = sig.ret == self.body.sig.ret
            && matches!(abi.ret, RetPass::Buffer(_)) == matches!(ours.ret, RetPass::Buffer(_));
        if addresses
            || !same_result
            || abi.stack_bytes > MAX_STACK_BYTES
            || abi.params.iter().any(|p| p.indirect)
            || sig.conv != CallConv::Managed
        {
            return Ok(false);
        }
        let first = self.convert_args(sig)?;
        let mut moves = self.arg_moves(&abi, first)?;
        if let (RetPass::Buffer(word), Some(slot)) = (&abi.ret, self.slots.buffer) {
            moves.push(Move {
                word: Word::Mem(Mem::new(A::FP, slot), Ext::Full64),
                to: abi.words[*word as usize].loc,
                ty: WordTy::Ptr,
            });
        }
        // How far return address and caller's FP move up.
        let up = ours.stack_bytes as i32 - abi.stack_bytes as i32;
        let on_stack = |m: &Move| matches!(m.to, AbiLoc::Stack(_));
        let block_bytes = 8 * moves.iter().filter(|m| on_stack(m)).count() as u32;
        let mut block = (up < 0).then(|| self.frame.alloc(up.unsigned_abs() + block_bytes));
        let mut stack_words: SmallVec<[(i32, i32); 4]> = SmallVec::new();
        for m in &moves {
            if let AbiLoc::Stack(off) = m.to {
                let temp = match &mut block {
                    Some(next) => {
                        *next += 8;
                        *next - 8
                    }
                    None => self.frame.temp(8),
                };
                self.word_to_stack(m.word, m.ty, Mem::new(A::FP, temp));
                stack_words.push((temp, off as i32));
            }
        }
        moves.retain(|m| matches!(m.to, AbiLoc::Reg(_)));
        self.emit_moves(&moves);
        let this = Gpr(A::ARCH.roles().int_args[0]);
        if null_check {
            self.probe(Mem::new(this, 0));
        }
        let pointer = int_ret::<A>();
        if let Callee::Slot(slot) = target {
            self.load_vtable(pointer, this);
            let at = Mem::new(pointer, vtable_slot(slot, 8) as i32);
            self.a.load(Ext::Full64, pointer, at);
        }
        self.store_hidden(hidden);
        self.restore_saved();
        let move_links = |gen_: &mut Self, words: [i32; 2]| {
            for word in words {
                gen_.a.load(Ext::Full64, A::TMP, Mem::new(A::FP, word));
                gen_.a.store(Width::W64, Mem::new(A::FP, word + up), A::TMP);
            }
        };
        // Down before the words, which lie where the links were; up after them.
        if up < 0 {
            move_links(self, [0, 8]);
        }
        for &(temp, off) in &stack_words {
            self.a.load(Ext::Full64, A::TMP, Mem::new(A::FP, temp));
            self.a
                .store(Width::W64, Mem::new(A::FP, 16 + up + off), A::TMP);
        }
        if up > 0 {
            move_links(self, [8, 0]);
        }
        if up != 0 {
            self.a.lea(A::FP, Mem::new(A::FP, up));
        }
        self.a.drop_frame();
        match target {
            Callee::Cell(m) => self.a.jmp_cell(Symbol::MethodCell(m)),
            Callee::Symbol(s) => self.a.jmp_symbol(s),
            Callee::Slot(_) | Callee::Pointer => self.a.jmp_reg(pointer),
        }
        if matches!(target, Callee::Pointer) {
            self.release(pointer);
        }
        if matches!(hidden, Hidden::Register) {
            self.release(A::CONTEXT);
        }
        if up >= 0 {
            for (temp, _) in stack_words {
                self.frame.release(temp, 8);
            }
        }
        self.end_flow();
        Ok(true)
    }

    /// `jmp`: calls with this method's arguments and returns what it returns.
    pub fn op_jmp(&mut self, m: MethodId) -> R {
        let plan = self.env.call_plan(self.body.method, m, false);
        for i in 0..self.body.sig.params.len() {
            let ty = self.body.sig.params[i].stack_ty();
            self.push(ty, Loc::Var(i as u16));
        }
        self.cookie = self
            .slots
            .cookie
            .map(|slot| Word::Mem(Mem::new(self.base, slot), Ext::Full64));
        self.planned_call(&plan)?;
        if self.live {
            self.op_ret()?;
        }
        Ok(())
    }
}
