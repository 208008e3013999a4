//! Real tail calls.
//!
//! The callee takes this method's frame. Its stack words go where ours were, at the end nearest the caller, so that its
//! `ret n` leaves SP as our caller expects it:
//!
//! ```text
//!   our area (m bytes)   | word 0 ... | word k |          before
//!                        | (m - c)    | callee's c bytes| after, the return address and our caller's FP moved up to just below
//! ```

use crate::calls::{Callee, Hidden};
use crate::cold::int_ret;
use crate::error::R;
use crate::gen_::Gen;
use crate::moves::{Move, Word};
use crate::target::Target;
use crate::value::Loc;
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::{Op, Prefix};
use isthmus_runtime_abi::callconv::{Loc as AbiLoc, RetPass, WordTy};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::vtable_slot;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::types::{CallConv, Signature, StackTy};
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
        // Addresses of this frame must not leave it. Without exposed variables there are none but these.
        let exposed = self.vars.iter().any(|v| v.exposed);
        let addresses = self.stack[first..].iter().any(|e| {
            matches!(e.loc, Loc::FrameAddr(_))
                || exposed && matches!(e.ty, StackTy::ByRef | StackTy::Native)
        });
        let same_result = sig.ret == self.body.sig.ret
            && matches!(abi.ret, RetPass::Buffer(_)) == matches!(ours.ret, RetPass::Buffer(_));
        if addresses
            || !same_result
            || abi.stack_bytes > ours.stack_bytes
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
        // Stack words by way of the frame: their places may hold arguments that are still to be read.
        let mut stack_words: SmallVec<[(i32, i32); 4]> = SmallVec::new();
        for m in &moves {
            if let AbiLoc::Stack(off) = m.to {
                let temp = self.frame.temp(8);
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
        let up = (ours.stack_bytes - abi.stack_bytes) as i32;
        for &(temp, off) in &stack_words {
            self.a.load(Ext::Full64, A::TMP, Mem::new(A::FP, temp));
            self.a
                .store(Width::W64, Mem::new(A::FP, 16 + up + off), A::TMP);
        }
        if up == 0 {
            self.a.drop_frame();
        } else {
            for word in [8, 0] {
                self.a.load(Ext::Full64, A::TMP, Mem::new(A::FP, word));
                self.a.store(Width::W64, Mem::new(A::FP, word + up), A::TMP);
            }
            self.a.lea(A::FP, Mem::new(A::FP, up));
            self.a.drop_frame();
        }
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
        for (temp, _) in stack_words {
            self.frame.release(temp, 8);
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
