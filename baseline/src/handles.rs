//! Addresses of the VM's entities: symbols, look-ups in the generic context, class initialization; and calls of
//! helpers on the ordinary path.

use crate::cold::{float_ret, int_ret};
use crate::error::R;
use crate::moves::Word;
use crate::state::{Gen, Home};
use crate::target::Target;
use crate::value::{Entry, Loc};
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::{Effects, Helper};
use isthmus_runtime_abi::ids::{RaiseId, TypeId};
use isthmus_runtime_abi::layout::{CLASS_READY, GenericContext, TYPE_WORD, VtableWord};
use isthmus_runtime_abi::types::{MemTy, StackTy};
use isthmus_runtime_abi::vm::{ContextSource, Entity, Handle};

impl<A: Target> Gen<'_, A> {
    /// A word of the thread context.
    pub fn ctx(&self, word: CtxWord) -> Mem {
        Mem::new(A::THREAD, word.offset(8) as i32)
    }

    // ---- helpers on the ordinary path

    /// An entry as a word to move. Its registers stay held.
    pub fn word(&mut self, e: &Entry) -> R<Word> {
        Ok(match e.loc {
            Loc::Imm(v) => Word::Imm(v),
            Loc::FImm(v) => Word::FImm(v),
            Loc::Reg(r) => Word::Reg(r),
            Loc::Freg(r) => Word::Freg(r),
            Loc::RegPlus(r, d) => Word::RegPlus(r, d),
            Loc::FrameAddr(off) => Word::Addr(Mem::new(self.base, off)),
            Loc::Temp(off) | Loc::Merge(off) => {
                self.mem_word(Mem::new(A::FP, off), e.ty.mem_ty())?
            }
            Loc::Var(v) => match self.vars[v as usize].home {
                Home::Reg(r) => Word::Reg(r),
                Home::Freg(r) => Word::Freg(r),
                Home::Memory => {
                    let (m, ty) = (self.var_mem(v), self.vars[v as usize].ty);
                    self.mem_word(m, ty)?
                }
            },
        })
    }

    fn mem_word(&self, m: Mem, ty: MemTy) -> R<Word> {
        Ok(match Ext::of_mem_ty(ty, 8) {
            Some(ext) => Word::Mem(m, ext),
            None if matches!(ty, MemTy::F32 | MemTy::F64) => Word::FMem(m),
            None => return self.invalid("a scalar is expected"),
        })
    }

    /// Calls a helper with these words. Everything on the stack is spilled; registers named by `args` may be clobbered
    /// afterwards. The result is in the result register, to be taken with [`Self::take_ret`] after the operands are
    /// discarded.
    pub fn call_helper(&mut self, helper: Helper, args: &[Word]) -> R {
        let depth = self.stack.len();
        self.spill_below(depth)?;
        self.save_leaf_pins();
        self.helper_args(helper, args);
        self.call_helper_symbol(helper);
        let effects = helper.effects();
        if !effects.contains(Effects::LEAF) {
            self.call_here();
        }
        self.restore_leaf_pins();
        self.forget_copies();
        Ok(())
    }

    /// The integer result of the call just made, held for the caller.
    pub fn take_ret(&mut self) -> R<Gpr> {
        self.claim(int_ret::<A>())
    }

    /// The float result of the call just made.
    pub fn take_fret(&mut self) -> R<Fpr> {
        let r = float_ret::<A>();
        debug_assert_eq!(self.floats.count(r.0), 0);
        self.floats.hold(r.0);
        self.floats.drop_copy(r.0);
        Ok(r)
    }

    /// Before a call: variables in registers that the callee may change go to memory.
    pub fn save_leaf_pins(&mut self) {
        for i in 0..self.leaf_pins.len() {
            let v = self.leaf_pins[i];
            let m = self.var_mem(v);
            match self.vars[v as usize].home {
                Home::Reg(r) => self.a.store(Width::W64, m, r),
                Home::Freg(r) => self.a.fstore(FTy::F64, m, r),
                Home::Memory => {}
            }
        }
    }

    /// After a call: the inverse.
    pub fn restore_leaf_pins(&mut self) {
        for i in 0..self.leaf_pins.len() {
            let v = self.leaf_pins[i];
            let m = self.var_mem(v);
            match self.vars[v as usize].home {
                Home::Reg(r) => self.a.load(Ext::Full64, r, m),
                Home::Freg(r) => self.a.fload(FTy::F64, r, m),
                Home::Memory => {}
            }
        }
    }

    /// Throws a prepared exception; control does not come back.
    pub fn raise(&mut self, raise: RaiseId) -> R {
        self.call_helper(Helper::ThrowRaise, &[Word::Imm(raise.raw() as i64)])
    }

    /// Stands for a value that is never computed.
    pub fn push_unreachable(&mut self, ty: StackTy) {
        let loc = match ty {
            StackTy::F32 | StackTy::F64 => Loc::FImm(0),
            StackTy::Struct(_) => {
                let bytes = self.temp_bytes(ty);
                Loc::Temp(self.frame.temp(bytes))
            }
            _ => Loc::Imm(0),
        };
        self.push(ty, loc);
    }

    // ---- handles

    /// The vtable of the object in `obj`, in `dst`. The load may fault.
    pub fn load_vtable(&mut self, dst: Gpr, obj: Gpr) {
        self.a.load(Ext::Zx32, dst, Mem::new(obj, TYPE_WORD as i32));
        self.null_trap();
    }

    /// The generic context, in a register held for the caller.
    fn generic_context(&mut self) -> R<Gpr> {
        let r = self.alloc()?;
        match self.info.context {
            ContextSource::Hidden => {
                let slot = self.slots.rgctx.unwrap_or_default();
                self.a.load(Ext::Full64, r, Mem::new(self.base, slot));
            }
            ContextSource::This(depth) => {
                let slot = self.slots.this.unwrap_or_default();
                self.a.load(Ext::Full64, r, Mem::new(self.base, slot));
                self.a.load(Ext::Zx32, r, Mem::new(r, TYPE_WORD as i32));
                let contexts = VtableWord::GenericContexts.offset(8) as i32;
                self.a.load(Ext::Full64, r, Mem::new(r, contexts));
                self.a.load(Ext::Full64, r, Mem::new(r, depth as i32 * 8));
            }
            ContextSource::None => {
                self.release(r);
                return self.invalid("a generic look-up in a method without generic context");
            }
        }
        Ok(r)
    }

    /// The value of a slot of the generic context, in a register held for the caller.
    fn lookup(&mut self, slot: u32) -> R<Gpr> {
        let context = self.generic_context()?;
        let args = [Word::Reg(context), Word::Imm(slot as i64)];
        let value = self.alloc()?;
        let inline = slot < GenericContext::INLINE_SLOTS;
        if inline {
            let at = GenericContext::slot(slot, 8) as i32;
            self.a.load(Ext::Full64, value, Mem::new(context, at));
        }
        // Operands of the instruction may be in registers: a call that preserves them.
        let (slow, back) = self.slow_path(Helper::GenericLookup, &args, Some(value));
        if inline {
            self.a.cmp(Width::W64, value, 0);
            self.a.jcc(Cond::Eq, slow);
        } else {
            self.a.jmp(slow);
        }
        self.a.bind(back);
        self.release(context);
        Ok(value)
    }

    /// A handle in a register held for the caller.
    pub fn load_handle(&mut self, handle: Handle) -> R<Gpr> {
        match handle {
            Handle::Symbol(symbol) => {
                let r = self.alloc()?;
                self.a.load_symbol(r, symbol);
                Ok(r)
            }
            Handle::Lookup(slot) => self.lookup(slot),
        }
    }

    /// How code gets at an entity.
    pub fn handle(&self, entity: Entity) -> Handle {
        self.env.handle(self.body.method, entity)
    }

    /// An entity's address in a register held for the caller.
    pub fn load_entity(&mut self, entity: Entity) -> R<Gpr> {
        let handle = self.handle(entity);
        self.load_handle(handle)
    }

    /// An entity as an argument word, and the register to release afterwards.
    pub fn entity_word(&mut self, entity: Entity) -> R<(Word, Option<Gpr>)> {
        match self.handle(entity) {
            Handle::Symbol(s) => Ok((Word::Symbol(s), None)),
            Handle::Lookup(slot) => {
                let r = self.lookup(slot)?;
                Ok((Word::Reg(r), Some(r)))
            }
        }
    }

    /// Releases the register of [`Self::entity_word`].
    pub fn release_opt(&mut self, r: Option<Gpr>) {
        if let Some(r) = r {
            self.release(r);
        }
    }

    // ---- classes

    /// Runs a class's initializer unless it is done.
    pub fn class_init(&mut self, ty: TypeId) -> R {
        if self.env.is_initialized(ty) {
            return Ok(());
        }
        let (word, held) = self.entity_word(Entity::TypeHandle(ty))?;
        let (state, state_held) = match self.handle(Entity::InitState(ty)) {
            Handle::Symbol(s) => {
                self.a.load_symbol(A::TMP, s);
                (A::TMP, None)
            }
            Handle::Lookup(slot) => {
                let r = self.lookup(slot)?;
                (r, Some(r))
            }
        };
        let (slow, back) = self.slow_path(Helper::ClassInit, &[word], None);
        self.a
            .cmp_mem(Width::W8, Mem::new(state, 0), CLASS_READY as i8 as i32);
        self.a.jcc(Cond::Ne, slow);
        self.a.bind(back);
        self.release_opt(state_held);
        self.release_opt(held);
        Ok(())
    }
}
