//! Variable arguments: the block that the caller makes, the cookie that leads to it.
//!
//! ```text
//!  caller's frame                      thread context          callee's frame
//!    block: | signature | arg | ... |
//!      ^---------------------------------- HiddenVarargs ──────▶ cookie slot ── arglist
//! ```
//!
//! Between `varargs` and the call the cookie is an entry of the stack like any other. A call takes it before it does anything else, as
//! a word that outlives helper calls, and stores it right before control leaves.

use crate::calls::EnvLayouts;
use crate::error::R;
use crate::memory::Place;
use crate::moves::Word;
use crate::state::Gen;
use crate::target::Target;
use crate::value::Loc;
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::callconv::{VarArgBlock, WordTy};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::ids::SigId;
use isthmus_runtime_abi::types::{Signature, StackTy};
use isthmus_runtime_abi::vm::{Entity, HandleKind};

impl<A: Target> Gen<'_, A> {
    /// Stores the variadic arguments in a block of the frame that belongs to this instruction; pushes its address.
    pub fn op_varargs(&mut self, sig: SigId) -> R {
        let types = self.env.signature(sig);
        let places = VarArgBlock::new(&types, A::ARCH, &EnvLayouts(self.env));
        let block = Mem::new(A::FP, self.frame.alloc(places.size));
        let handle = self.load_entity(Entity::Signature(sig))?;
        self.a.store(Width::W64, block, handle);
        self.release(handle);
        for (&ty, &offset) in types.params.iter().zip(&places.offsets).rev() {
            let mut value = self.pop()?;
            self.store_value(block.plus(offset as i32), Place::Plain, ty, &mut value)?;
            self.discard(value);
        }
        if self.base == A::FP {
            self.push(StackTy::Native, Loc::FrameAddr(block.disp));
        } else {
            let r = self.alloc()?;
            self.a.lea(r, block);
            self.push_reg(StackTy::Native, r);
        }
        Ok(())
    }

    /// Takes the cookie that lies above the arguments, if the signature asks for one.
    pub fn pop_cookie(&mut self, sig: &Signature) -> R {
        if !sig.takes_cookie() {
            return Ok(());
        }
        let mut e = self.pop()?;
        self.cookie = Some(match e.loc {
            Loc::FrameAddr(offset) => Word::Addr(Mem::new(self.base, offset)),
            _ => {
                self.coerce(&mut e, StackTy::Native)?;
                let word = self.word(&e)?;
                let slot = Mem::new(A::FP, self.frame.alloc(8));
                self.word_to_stack(word, WordTy::Ptr, slot);
                Word::Mem(slot, Ext::Full64)
            }
        });
        self.discard(e);
        Ok(())
    }

    /// Right before a call: passes the cookie on.
    pub fn store_cookie(&mut self, sig: &Signature) {
        if let Some(word) = self.cookie.take()
            && sig.takes_cookie()
        {
            let hidden = self.ctx(CtxWord::HiddenVarargs);
            self.word_to_stack(word, WordTy::Ptr, hidden);
        }
    }

    pub fn op_arglist(&mut self) -> R {
        let Some(slot) = self.slots.cookie else {
            return self.invalid("arglist in a method without variable arguments");
        };
        let r = self.alloc()?;
        self.a.load(Ext::Full64, r, Mem::new(self.base, slot));
        let ty = self.env.handle_ty(HandleKind::ArgList);
        self.push_handle(ty, r)
    }
}
