//! Calls: from stack entries to argument registers and stack words, dispatch, results.
//!
//! ```text
//!  before the call                     at the call
//!    entries below the arguments         spilled to temporaries
//!    arguments                           moved at once (see `moves`)
//!    SP = FP - size                      SP = FP - size - stack_bytes; the callee pops
//!    code address, if computed           result register 0 (no argument register)
//!    hidden context, if computed         CONTEXT register, stored to the thread context last
//! ```

use crate::cold::int_ret;
use crate::error::{R, Unsupported};
use crate::memory::Place;
use crate::moves::{Move, Word, word_fty, word_width};
use crate::state::Gen;
use crate::target::Target;
use crate::value::{Entry, Loc};
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::callconv::{AbiSig, Layouts, MAX_STACK_BYTES, RetPass, WordTy};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, SigId, TypeId};
use isthmus_runtime_abi::layout::vtable_slot;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Reg;
use isthmus_runtime_abi::types::{MemTy, Signature, StackTy};
use isthmus_runtime_abi::vm::{CallPlan, ConstrainedPlan, Dispatch, Entity, Handle, TypeKind};
use smallvec::SmallVec;
use std::sync::Arc;

/// Where a call goes, as code.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Callee {
    /// Through the method's cell.
    Cell(MethodId),
    /// A symbol's code.
    Symbol(Symbol),
    /// Through a virtual slot of `this`.
    Slot(u32),
    /// The address in the first result register, held.
    Pointer,
}

/// What the hidden context is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hidden {
    None,
    Symbol(Symbol),
    /// In the CONTEXT register, held.
    Register,
}

/// Lays out arguments: the layouts are the VM's.
pub(crate) struct EnvLayouts<'a>(pub &'a dyn isthmus_runtime_abi::vm::CompileEnv);

impl Layouts for EnvLayouts<'_> {
    fn struct_layout(&self, ty: TypeId) -> Arc<isthmus_runtime_abi::types::StructLayout> {
        self.0.struct_layout(ty)
    }
}

impl<A: Target> Gen<'_, A> {
    pub fn abi(&self, sig: &Signature) -> AbiSig {
        AbiSig::new(sig, A::ARCH, &EnvLayouts(self.env))
    }

    pub fn op_call(&mut self, callee: MethodId, virt: bool) -> R {
        if let Some(ty) = self.body.code[self.at].constrained
            && virt
        {
            return self.constrained_call(ty, callee);
        }
        let plan = self.env.call_plan(self.body.method, callee, virt);
        self.pop_cookie(&plan.sig)?;
        self.planned_call(&plan)
    }

    /// Performs a call whose arguments are on the stack.
    pub fn planned_call(&mut self, plan: &CallPlan) -> R {
        let sig = plan.sig.clone();
        let target = match plan.dispatch {
            Dispatch::Intrinsic(i, m) => {
                if self.intrinsic(i, m, &sig)? {
                    return Ok(());
                }
                if i.mandatory() {
                    return self.unsupported(Unsupported::Intrinsic);
                }
                Callee::Cell(m)
            }
            Dispatch::Raise(raise) => {
                self.raise(raise)?;
                for _ in 0..sig.params.len() {
                    let e = self.pop()?;
                    self.discard(e);
                }
                if let Some(ret) = sig.ret {
                    self.push_unreachable(ret.stack_ty());
                }
                return Ok(());
            }
            Dispatch::Direct(m) => Callee::Cell(m),
            Dispatch::Virtual(slot) => Callee::Slot(slot),
            Dispatch::Interface(m) => Callee::Symbol(Symbol::InterfaceStub(m)),
            Dispatch::Lookup(handle) => {
                self.pointer_from_handle(handle)?;
                Callee::Pointer
            }
            Dispatch::GenericVirtual(handle) => {
                self.generic_virtual(handle, sig.params.len())?;
                Callee::Pointer
            }
        };
        let generic_virtual = matches!(plan.dispatch, Dispatch::GenericVirtual(_));
        let hidden = match plan.rgctx {
            Some(_) if generic_virtual => Hidden::None,
            Some(handle) => self.hidden(handle, matches!(target, Callee::Pointer))?,
            None => Hidden::None,
        };
        self.tail_or_call(target, hidden, &sig, plan.null_check)
    }

    /// A real tail call where the prefix asks for it and the frames allow it, else a call.
    fn tail_or_call(
        &mut self,
        target: Callee,
        hidden: Hidden,
        sig: &Signature,
        null_check: bool,
    ) -> R {
        if self.tail_wanted() && self.tail_call(target, hidden, sig, null_check)? {
            return Ok(());
        }
        self.call(target, hidden, sig, null_check)
    }

    /// Loads a code address into the first result register, held.
    fn pointer_from_handle(&mut self, handle: Handle) -> R {
        let mut r = self.load_handle(handle)?;
        let dst = int_ret::<A>();
        if r != dst {
            self.claim(dst)?;
            self.a.mov(Width::W64, dst, r);
            self.release(r);
            r = dst;
        }
        debug_assert_eq!(r, dst);
        Ok(())
    }

    /// Asks the runtime for the code of a generic virtual method.
    fn generic_virtual(&mut self, handle: Handle, params: usize) -> R {
        let this = self.below_top(params)?;
        let r = self.load_handle(handle)?;
        self.spill_below(self.stack.len())?;
        let e = self.stack[this];
        let obj = self.word(&e)?;
        self.call_helper(Helper::ResolveGenericVirtual, &[obj, Word::Reg(r)])?;
        self.release(r);
        self.take_ret()?;
        Ok(())
    }

    /// Prepares the hidden context. `pointer`: the first result register is taken.
    fn hidden(&mut self, handle: Handle, pointer: bool) -> R<Hidden> {
        Ok(match handle {
            Handle::Symbol(s) => Hidden::Symbol(s),
            Handle::Lookup(_) => {
                if pointer {
                    // The look-up may call; a code address in a register would not survive a helper call.
                    self.push_reg(StackTy::Native, int_ret::<A>());
                    let top = self.stack.len() - 1;
                    self.spill(top);
                }
                let r = self.load_handle(handle)?;
                if r != A::CONTEXT {
                    self.claim(A::CONTEXT)?;
                    self.a.mov(Width::W64, A::CONTEXT, r);
                    self.release(r);
                }
                if pointer {
                    let e = self.pop()?;
                    let r = self.claim(int_ret::<A>())?;
                    self.put(e, r)?;
                }
                Hidden::Register
            }
        })
    }

    /// Converts the arguments on top of the stack to the types of the parameters.
    pub fn convert_args(&mut self, sig: &Signature) -> R<usize> {
        let first = self.below_top(sig.params.len())?;
        for (i, p) in sig.params.iter().enumerate() {
            self.coerce_at(first + i, p.stack_ty())?;
        }
        Ok(first)
    }

    /// The words of the arguments and where they go. Entries stay as they are, except that structs passed by address are
    /// copied where needed.
    pub fn arg_moves(&mut self, abi: &AbiSig, first: usize) -> R<SmallVec<[Move; 8]>> {
        let mut moves = SmallVec::new();
        for (i, pass) in abi.params.iter().enumerate() {
            let at = first + i;
            let words = &abi.words[pass.first as usize..(pass.first + pass.count) as usize];
            if pass.indirect {
                // The callee owns the copy: a temporary of this call may serve.
                if !matches!(self.stack[at].loc, Loc::Temp(_)) {
                    self.detach(at)?;
                }
                let mem = self.struct_mem(&self.stack[at])?;
                moves.push(Move {
                    word: Word::Addr(mem),
                    to: words[0].loc,
                    ty: WordTy::Ptr,
                });
            } else if matches!(self.stack[at].ty, StackTy::Struct(_)) {
                let mem = self.struct_mem(&self.stack[at])?;
                for w in words {
                    moves.push(Move {
                        word: struct_word(mem.plus(w.offset as i32), w.ty),
                        to: w.loc,
                        ty: w.ty,
                    });
                }
            } else {
                let e = self.stack[at];
                moves.push(Move {
                    word: self.word(&e)?,
                    to: words[0].loc,
                    ty: words[0].ty,
                });
            }
        }
        Ok(moves)
    }

    /// An ordinary call.
    pub fn call(&mut self, target: Callee, hidden: Hidden, sig: &Signature, null_check: bool) -> R {
        let abi = self.abi(sig);
        if abi.stack_bytes > MAX_STACK_BYTES {
            return self.unsupported(Unsupported::StackArguments);
        }
        let first = self.convert_args(sig)?;
        self.spill_below(first)?;
        let mut moves = self.arg_moves(&abi, first)?;
        // The result's memory must not be that of an argument: taken before they are given up.
        let buffer = match (&abi.ret, sig.ret) {
            (RetPass::Buffer(word), Some(ret)) => {
                let bytes = self.size_of(ret);
                let off = self.frame.temp(bytes);
                moves.push(Move {
                    word: Word::Addr(Mem::new(A::FP, off)),
                    to: abi.words[*word as usize].loc,
                    ty: WordTy::Ptr,
                });
                Some(off)
            }
            _ => None,
        };
        self.save_leaf_pins();
        if abi.stack_bytes != 0 {
            self.a
                .lea(A::SP, Mem::new(A::SP, -(abi.stack_bytes as i32)));
        }
        self.emit_moves(&moves);
        let this = Gpr(A::ARCH.roles().int_args[0]);
        if null_check {
            self.probe(Mem::new(this, 0));
        }
        self.store_hidden(hidden);
        self.store_cookie(sig);
        self.emit_call(target, this);
        self.call_here();
        // Arguments and prepared registers are gone.
        if matches!(target, Callee::Pointer) {
            self.release(int_ret::<A>());
        }
        if matches!(hidden, Hidden::Register) {
            self.release(A::CONTEXT);
        }
        for _ in 0..sig.params.len() {
            let e = self.pop()?;
            self.discard(e);
        }
        self.forget_copies();
        self.restore_leaf_pins();
        self.push_result(&abi, sig, buffer)
    }

    pub fn store_hidden(&mut self, hidden: Hidden) {
        let slot = self.ctx(CtxWord::HiddenRgctx);
        match hidden {
            Hidden::None => {}
            Hidden::Symbol(s) => {
                self.a.load_symbol(A::TMP, s);
                self.a.store(Width::W64, slot, A::TMP);
            }
            Hidden::Register => self.a.store(Width::W64, slot, A::CONTEXT),
        }
    }

    fn emit_call(&mut self, target: Callee, this: Gpr) {
        match target {
            Callee::Cell(m) => self.a.call_cell(Symbol::MethodCell(m)),
            Callee::Symbol(s) => self.a.call_symbol(s),
            Callee::Pointer => self.a.call_reg(int_ret::<A>()),
            Callee::Slot(slot) => {
                let vt = int_ret::<A>();
                self.load_vtable(vt, this);
                self.a.call_mem(Mem::new(vt, vtable_slot(slot, 8) as i32));
            }
        }
    }

    fn push_result(&mut self, abi: &AbiSig, sig: &Signature, buffer: Option<i32>) -> R {
        let Some(ret) = sig.ret else {
            return Ok(());
        };
        let ty = ret.stack_ty();
        match &abi.ret {
            RetPass::Void => {}
            RetPass::Buffer(_) => self.push(ty, Loc::Temp(buffer.unwrap_or_default())),
            RetPass::Words(words) if matches!(ret, MemTy::Struct(_)) => {
                let bytes = self.temp_bytes(ty);
                let off = self.frame.temp(bytes);
                for w in words {
                    let to = Mem::new(A::FP, off + w.offset as i32);
                    match w.loc {
                        isthmus_runtime_abi::callconv::Loc::Reg(Reg::Int(r)) => {
                            self.a.store(word_width(w.ty), to, Gpr(r))
                        }
                        isthmus_runtime_abi::callconv::Loc::Reg(Reg::Float(r)) => {
                            self.a.fstore(word_fty(w.ty), to, Fpr(r))
                        }
                        isthmus_runtime_abi::callconv::Loc::Stack(_) => {}
                    }
                }
                self.push(ty, Loc::Temp(off));
            }
            RetPass::Words(_) if ty.is_float() => {
                let r = self.take_fret()?;
                self.push_freg(ty, r);
            }
            RetPass::Words(_) => {
                let r = self.take_ret()?;
                if ty == StackTy::I32 {
                    // The upper half is undefined by convention, zero by ours.
                    self.a.mov(Width::W32, r, r);
                }
                self.push_reg(ty, r);
            }
        }
        Ok(())
    }

    // ---- other calls

    fn constrained_call(&mut self, ty: TypeId, callee: MethodId) -> R {
        let plan = self.env.constrained_plan(self.body.method, ty, callee);
        let sig = match &plan {
            ConstrainedPlan::Dereference(p)
            | ConstrainedPlan::Direct(p)
            | ConstrainedPlan::Box(_, p) => &p.sig,
            ConstrainedPlan::Runtime(_, _, sig) => sig,
        };
        self.pop_cookie(sig)?;
        let this = self.below_top(sig.params.len())?;
        match plan {
            ConstrainedPlan::Dereference(p) => {
                let mut e = self.stack[this];
                self.stack[this] = Entry::new(StackTy::I32, Loc::Imm(0));
                let (mem, place) = self.address(&mut e, 0)?;
                self.load_value(mem, place, MemTy::Ref, e)?;
                self.stack[this] = self.pop()?;
                self.planned_call(&p)
            }
            ConstrainedPlan::Direct(p) => self.planned_call(&p),
            ConstrainedPlan::Box(ty, p) => {
                self.box_at(this, ty)?;
                self.planned_call(&p)
            }
            ConstrainedPlan::Runtime(ty, method, sig) => {
                let (t, m) = (self.load_handle(ty)?, self.load_handle(method)?);
                self.spill_below(self.stack.len())?;
                let e = self.stack[this];
                let addr = self.word(&e)?;
                let args = [addr, Word::Reg(t), Word::Reg(m)];
                self.call_helper(Helper::ResolveConstrained, &args)?;
                self.release(t);
                self.release(m);
                self.take_ret()?;
                let receiver = self.alloc()?;
                let scratch = self.ctx(CtxWord::Scratch0);
                self.a.load(Ext::Full64, receiver, scratch);
                self.discard(e);
                let this_ty = sig.params.first().map_or(StackTy::Ref, |p| p.stack_ty());
                self.stack[this] = Entry::new(this_ty, Loc::Reg(receiver));
                self.call(Callee::Pointer, Hidden::None, &sig, false)
            }
        }
    }

    pub fn op_calli(&mut self, sig: SigId) -> R {
        let sig = self.env.signature(sig);
        let mut e = self.pop()?;
        self.pop_cookie(&sig)?;
        let dst = int_ret::<A>();
        if matches!(e.loc, Loc::Reg(r) | Loc::RegPlus(r, _) if r == dst) {
            if self.own(&mut e)? != dst {
                self.claim(dst)?;
                self.put(e, dst)?;
            }
        } else {
            self.claim(dst)?;
            self.put(e, dst)?;
        }
        self.tail_or_call(Callee::Pointer, Hidden::None, &sig, false)
    }

    pub fn op_newobj(&mut self, ctor: MethodId) -> R {
        let plan = self.env.call_plan(self.body.method, ctor, false);
        let sig = plan.sig.clone();
        self.pop_cookie(&sig)?;
        let Some(class) = self.env.new_object_class(ctor) else {
            // The constructor makes the object: it is called like a static method. Where the signature still has a `this`, null is passed.
            if sig.has_this {
                let at = self.below_top(sig.params.len() - 1)?;
                self.stack.insert(at, Entry::new(StackTy::Ref, Loc::Imm(0)));
            }
            return self.planned_call(&plan);
        };
        let args = sig.params.len().saturating_sub(1);
        let at = self.below_top(args)?;
        match self.env.type_kind(class) {
            TypeKind::Value | TypeKind::Nullable(_) => {
                let ty = self.env.mem_ty(class);
                let bytes = self.size_of(ty);
                let off = self.frame.temp(bytes);
                let mem = Mem::new(A::FP, off);
                self.clear(mem, bytes.next_multiple_of(8))?;
                // The address is relative to this function's frame, which in a filter is not the base of the variables.
                let addr = self.alloc()?;
                self.a.lea(addr, mem);
                let this = Entry::new(StackTy::ByRef, Loc::Reg(addr));
                self.stack.insert(at, this);
                self.planned_call(&plan)?;
                let held = Entry::new(StackTy::Struct(class), Loc::Imm(0));
                match ty {
                    MemTy::Struct(_) => self.push(ty.stack_ty(), Loc::Temp(off)),
                    _ => {
                        self.load_value(mem, Place::Plain, ty, held)?;
                        self.frame.release(off, 8);
                    }
                }
                Ok(())
            }
            _ => {
                let r = self.allocate(class)?;
                self.ints.hold(r.0);
                let entry = Entry::new(StackTy::Ref, Loc::Reg(r));
                // Once as the result, once as `this`.
                self.stack.insert(at, entry);
                self.stack.insert(at + 1, entry);
                self.planned_call(&plan)
            }
        }
    }

    pub fn op_ldftn(&mut self, m: MethodId) -> R {
        let r = self.load_entity(Entity::MethodEntry(m))?;
        self.push_reg(StackTy::Native, r);
        Ok(())
    }

    pub fn op_ldvirtftn(&mut self, m: MethodId) -> R {
        let plan = self.env.call_plan(self.body.method, m, true);
        let e = self.pop()?;
        if let Dispatch::Direct(m) = plan.dispatch {
            let mut e = e;
            let r = self.load(&mut e)?;
            self.probe(Mem::new(r, 0));
            self.discard(e);
            return self.op_ldftn(m);
        }
        let obj = self.word(&e)?;
        let (method, held) = self.entity_word(Entity::MethodHandle(m))?;
        self.call_helper(Helper::ResolveVirtual, &[obj, method])?;
        self.release_opt(held);
        self.discard(e);
        let r = self.take_ret()?;
        self.push_reg(StackTy::Native, r);
        Ok(())
    }

    /// Throws the object on top of the stack.
    pub fn op_throw(&mut self) -> R {
        let mut e = self.pop()?;
        let r = self.load(&mut e)?;
        self.call_helper(Helper::Throw, &[Word::Reg(r)])?;
        self.discard(e);
        self.a.trap();
        self.end_flow();
        Ok(())
    }

    /// After an instruction from which control does not go on.
    pub fn end_flow(&mut self) {
        self.clear_stack();
        self.live = false;
    }
}

/// One word of a struct in memory.
fn struct_word(mem: Mem, ty: WordTy) -> Word {
    match ty {
        WordTy::I32 => Word::Mem(mem, Ext::Zx32),
        WordTy::I64 | WordTy::Ptr => Word::Mem(mem, Ext::Full64),
        WordTy::F32 | WordTy::F64 => Word::FMem(mem),
    }
}
