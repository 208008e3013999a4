//! Calls: plans, devirtualization, arguments and results.

use super::frame::Loc;
use super::frame::Ret;
use super::inline::Candidate;
use super::intrinsics::MethodCall;
use super::place::Entry;
use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Access, Block, CallInfo, CallTarget, Imm, Mem, Op, Region, Ty, Value, ValueDef};
use isthmus_frontend_ir::op::{Cmp, Insn, Op as Cil, Prefix};
use isthmus_runtime_abi::callconv::{AbiSig, RetPass};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, SigId, TypeId};
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::types::{CallConv, MemTy, Signature};
use isthmus_runtime_abi::vm::{CallPlan, ConstrainedPlan, Dispatch, Entity, Handle, TypeKind};
use smallvec::SmallVec;
use std::sync::Arc;

/// Code that a call goes to.
pub(super) enum Code {
    Method(MethodId),
    Symbol(Symbol),
    Address(Value),
}

/// Number of stack entries that a call of this signature takes.
fn operands(sig: &Signature) -> usize {
    sig.params.len() + usize::from(sig.takes_cookie())
}

impl Builder<'_> {
    /// Pops what a call of this signature takes: arguments, the last on top, and above them the vararg cookie.
    fn pop_operands(&mut self, sig: &Signature) -> Result<Vec<Entry>> {
        self.pop_args(operands(sig))
    }

    /// Pops arguments, the last on top.
    pub(super) fn pop_args(&mut self, n: usize) -> Result<Vec<Entry>> {
        let len = self.frame.stack.len();
        if n > len {
            return Err(self.bad());
        }
        Ok(self.frame.stack.split_off(len - n))
    }

    /// `call` and `callvirt`.
    pub(super) fn call(&mut self, at: u32, insn: &Insn, m: MethodId, virt: bool) -> Result<()> {
        let caller = self.frame.method;
        let tail = self.may_tail_call(at, insn);
        if let (Some(t), true) = (insn.constrained, virt) {
            return match self.env.constrained_plan(caller, t, m) {
                ConstrainedPlan::Dereference(plan) => {
                    let mut args = self.pop_operands(&plan.sig)?;
                    let Entry::Val(p) = args[0] else {
                        return Err(self.bad());
                    };
                    let place = self.pointer_place(p);
                    args[0] = self.load_place(place, MemTy::Ref)?;
                    if let Entry::Val(v) = args[0] {
                        self.note_class(v, t, false);
                    }
                    self.call_plan(plan, m, args, tail)
                }
                ConstrainedPlan::Direct(plan) => {
                    let args = self.pop_operands(&plan.sig)?;
                    self.call_plan(plan, m, args, tail)
                }
                ConstrainedPlan::Box(boxed, plan) => {
                    let mut args = self.pop_operands(&plan.sig)?;
                    let Entry::Val(p) = args[0] else {
                        return Err(self.bad());
                    };
                    let ty = self.env.mem_ty(boxed);
                    let place = self.pointer_place(p);
                    let value = self.load_place(place, ty)?;
                    args[0] = self.box_entry(boxed, value)?;
                    self.call_plan(plan, m, args, tail)
                }
                ConstrainedPlan::Runtime(ty, method, sig) => {
                    let mut args = self.pop_operands(&sig)?;
                    let Entry::Val(p) = args[0] else {
                        return Err(self.bad());
                    };
                    let ty = self.handle(ty, Ty::Ptr)?;
                    let method = self.handle(method, Ty::Ptr)?;
                    let code = self.helper(Helper::ResolveConstrained, &[p, ty, method]);
                    let code = code.ok_or_else(|| self.bad())?;
                    let want = Ty::of_stack(sig.params[0].stack_ty()).unwrap_or(Ty::Ref);
                    let this = self.emit1(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::Scratch0));
                    let this = self.retype(this, want);
                    args[0] = Entry::Val(this);
                    self.call_code(Code::Address(code), &sig, args, None, Some(m), tail)
                }
            };
        }
        let plan = self.env.call_plan(caller, m, virt);
        let args = self.pop_operands(&plan.sig)?;
        self.call_plan(plan, m, args, tail)
    }

    /// Calls as a plan says; pushes the result.
    pub(super) fn call_plan(
        &mut self,
        plan: CallPlan,
        callee: MethodId,
        mut args: Vec<Entry>,
        tail: bool,
    ) -> Result<()> {
        let this = match args.first() {
            Some(&Entry::Val(v)) => Some(v),
            _ => None,
        };
        if let Some((plan, callee, args)) = self.known_delegate(callee, &args) {
            return self.call_plan(plan, callee, args, tail);
        }
        let need_this = || this;
        match plan.dispatch {
            Dispatch::Virtual(_) | Dispatch::Interface(_) => {
                let Some(this) = need_this() else {
                    return Err(self.bad());
                };
                if let Some((plan, target)) = self.devirtualize(this, callee, &mut args)? {
                    return self.call_plan(plan, target, args, tail);
                }
                if !tail && let Some((class, target)) = self.guess(&plan, callee, &args) {
                    return self.call_guarded(class, target, plan, callee, args);
                }
                self.call_slot(this, plan, callee, args, tail)
            }
            Dispatch::Direct(m) => {
                if plan.null_check
                    && let Some(this) = this
                {
                    self.null_check(this);
                }
                if let Some(candidate) = self.inline_candidate(m, &plan.sig, &args) {
                    self.inline(candidate, &plan, args)?;
                } else {
                    let rgctx = self.rgctx(&plan)?;
                    self.call_code(Code::Method(m), &plan.sig, args, rgctx, Some(m), tail)?;
                }
                self.note_result(m);
                Ok(())
            }
            Dispatch::Lookup(handle) => {
                if !tail
                    && !plan.null_check
                    && let Some((class, target)) = self.guess(&plan, callee, &args)
                {
                    return self.call_guarded(class, target, plan, callee, args);
                }
                if plan.null_check
                    && let Some(this) = this
                {
                    self.null_check(this);
                }
                let rgctx = self.rgctx(&plan)?;
                let code = self.looked_up(handle)?;
                self.call_code(code, &plan.sig, args, rgctx, Some(callee), tail)
            }
            Dispatch::GenericVirtual(handle) => {
                let Some(this) = this else {
                    return Err(self.bad());
                };
                self.null_check(this);
                let handle = self.handle(handle, Ty::Ptr)?;
                let code = self.helper(Helper::ResolveGenericVirtual, &[this, handle]);
                let code = code.ok_or_else(|| self.bad())?;
                self.call_code(
                    Code::Address(code),
                    &plan.sig,
                    args,
                    None,
                    Some(callee),
                    tail,
                )
            }
            Dispatch::Intrinsic(intrinsic, m) => {
                let call = MethodCall {
                    method: m,
                    sig: &plan.sig,
                    args: &args,
                };
                if self.intrinsic(intrinsic, call)? {
                    return Ok(());
                }
                if intrinsic.mandatory() {
                    return self.fail(Reason::Intrinsic);
                }
                if plan.null_check
                    && let Some(this) = this
                {
                    self.null_check(this);
                }
                let rgctx = self.rgctx(&plan)?;
                self.call_code(Code::Method(m), &plan.sig, args, rgctx, Some(m), tail)
            }
            Dispatch::Raise(raise) => {
                self.throw_raise(raise);
                Ok(())
            }
        }
    }

    /// Notes what the VM knows of the object that a method has just returned.
    fn note_result(&mut self, callee: MethodId) {
        if !self.open {
            return;
        }
        if let Some(&Entry::Val(v)) = self.frame.stack.last()
            && let Some(class) = self.env.returned_class(callee)
        {
            self.fact_mut(v).nonnull = true;
            self.note_class(v, class, true);
        }
    }

    /// Calls through a slot of the vtable or of the IMT, or what shared code looks up.
    fn call_slot(
        &mut self,
        this: Value,
        plan: CallPlan,
        callee: MethodId,
        args: Vec<Entry>,
        tail: bool,
    ) -> Result<()> {
        let code = match plan.dispatch {
            Dispatch::Virtual(slot) => {
                let vtable = self.vtable(this);
                let access = Access::new(
                    Mem::Ptr,
                    layout::vtable_slot(slot, self.word) as i32,
                    Region::Any,
                );
                Code::Address(self.load_raw(vtable, None, access))
            }
            Dispatch::Interface(m) => {
                // Done in place, the load of the type word is a trap site, which has no handlers.
                if !self.handlers.is_empty() && self.env.interface_slot(m).is_some() {
                    self.null_check(this);
                }
                Code::Symbol(Symbol::InterfaceStub(m))
            }
            Dispatch::Lookup(handle) => self.looked_up(handle)?,
            _ => return Err(self.bad()),
        };
        self.call_code(code, &plan.sig, args, None, Some(callee), tail)
    }

    fn looked_up(&mut self, handle: Handle) -> Result<Code> {
        Ok(match handle {
            Handle::Symbol(s) => Code::Symbol(s),
            Handle::Lookup(_) => Code::Address(self.handle(handle, Ty::Ptr)?),
        })
    }

    /// The class that a call will probably meet, and the method that it then reaches, if that is worth a test.
    fn guess(
        &mut self,
        plan: &CallPlan,
        callee: MethodId,
        args: &[Entry],
    ) -> Option<(TypeId, MethodId)> {
        // Temporaries are given back by the call that takes them, of which there will be two.
        let plain = |e: &Entry| !matches!(e, Entry::Mem(..));
        if !self.opts.inline || !self.opts.optimize || !args.iter().all(plain) {
            return None;
        }
        if self.func.block(self.block).cold {
            return None;
        }
        let on = match args.first() {
            Some(&Entry::Val(this)) => self.fact(this).class,
            _ => None,
        };
        let class = self.env.likely_class(callee, on)?;
        let target = self.env.resolve_virtual(callee, class)?;
        let direct = self.env.call_plan(self.frame.method, target, false);
        let Dispatch::Direct(m) = direct.dispatch else {
            return None;
        };
        let fits = direct.sig == plan.sig && direct.rgctx.is_none();
        (fits && self.inline_candidate(m, &direct.sig, args).is_some()).then_some((class, target))
    }

    /// A call that is inlined if the object is of a class, and goes through its slot otherwise.
    ///
    /// ```text
    ///   word of this == word of class? ──▶ body of the method ──┐
    ///           └──▶ cold: call through the slot ───────────────┴──▶ result
    /// ```
    fn call_guarded(
        &mut self,
        class: TypeId,
        target: MethodId,
        plan: CallPlan,
        callee: MethodId,
        mut args: Vec<Entry>,
    ) -> Result<()> {
        let Some(&Entry::Val(this)) = args.first() else {
            return Err(self.bad());
        };
        let vtable = self.env.handle(self.frame.method, Entity::Vtable(class));
        let direct = self.env.call_plan(self.frame.method, target, false);
        let word = self.type_word(this);
        let wanted = self.handle_word(vtable)?;
        let same = self.cmp(Cmp::Eq, word, wanted);
        let (hit, miss, done) = (
            self.new_block(false),
            self.new_block(true),
            self.new_block(false),
        );
        let result = match plan.sig.ret {
            Some(ty) => Some(self.new_loc(ty, false, None)?),
            None => None,
        };
        self.branch(same, hit, miss);
        let checked = self.checked.clone();

        self.go_on(hit);
        let known = self.op(Op::Retype, Ty::Ref, &[this]);
        self.fact_mut(known).nonnull = true;
        self.note_class(known, class, true);
        let through_slot = args.clone();
        args[0] = Entry::Val(known);
        self.call_plan(direct, target, args, false)?;
        self.end_way(&result, done)?;

        self.checked = checked;
        self.go_on(miss);
        self.checked.insert(this);
        self.call_slot(this, plan, callee, through_slot, false)?;
        self.end_way(&result, done)?;

        if self.vars.num_preds(done) == 0 {
            self.open = false;
            return Ok(());
        }
        self.join(done);
        if let Some(loc) = result {
            let e = self.read_loc(&loc)?;
            self.push(e);
        }
        Ok(())
    }

    /// Ends one of several ways to a result.
    fn end_way(&mut self, result: &Option<Loc>, done: Block) -> Result<()> {
        if !self.open {
            return Ok(());
        }
        if let Some(loc) = result {
            let e = self.pop()?;
            self.write_loc(loc, e)?;
        }
        self.jump(done);
        Ok(())
    }

    fn rgctx(&mut self, plan: &CallPlan) -> Result<Option<Value>> {
        match plan.rgctx {
            Some(h) => Ok(Some(self.handle(h, Ty::Ptr)?)),
            None => Ok(None),
        }
    }

    /// The direct call that a virtual call on `this` comes to, if its class is known exactly.
    fn devirtualize(
        &mut self,
        this: Value,
        callee: MethodId,
        args: &mut [Entry],
    ) -> Result<Option<(CallPlan, MethodId)>> {
        let fact = self.fact(this);
        let target = match fact.class {
            Some(class) if fact.exact => self.env.resolve_virtual(callee, class),
            _ => None,
        };
        let Some(target) = target else {
            return Ok(None);
        };
        let mut plan = self.env.call_plan(self.frame.method, target, false);
        if !matches!(plan.dispatch, Dispatch::Direct(_) | Dispatch::Intrinsic(..))
            || operands(&plan.sig) != args.len()
        {
            return Ok(None);
        }
        match plan.sig.params[0] {
            MemTy::Ref => plan.null_check = true,
            // The method of a value type wants the address of the value in the box.
            MemTy::ByRef => {
                self.null_check(this);
                let inner = self.lea(this, None, layout::HEADER as i32);
                args[0] = Entry::Val(inner);
                plan.null_check = false;
            }
            _ => return Ok(None),
        }
        Ok(Some((plan, target)))
    }

    /// Whether a call may replace the frame: it asks for it, its result is returned at once, and nothing protects it.
    fn may_tail_call(&self, at: u32, insn: &Insn) -> bool {
        let next = self.frame.body.code.get(at as usize + 1);
        let returned = match insn.op {
            Cil::Jmp(_) => true,
            _ => insn.prefix.contains(Prefix::TAIL) && next.is_some_and(|i| i.op == Cil::Ret),
        };
        returned
            && self.callers.is_empty()
            && self.handlers.is_empty()
            && self.frame.body.regions.region_of(at) == 0
    }

    /// Whether a call that asks for it can replace the frame; if it does, the buffer for its result, which is ours.
    fn tail_buffer(
        &mut self,
        abi: &AbiSig,
        sig: &Signature,
        args: &[Entry],
    ) -> Option<Option<Value>> {
        let Ret::Function(own, buffer) = self.frame.ret.clone() else {
            return None;
        };
        let small = |ty| matches!(ty, MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16);
        let ret = self.frame.body.sig.ret;
        // Small results would have to be normalized.
        let same_result = ret == sig.ret || own.ret == abi.ret && !ret.is_some_and(small);
        let copies = abi.params.iter().any(|p| p.indirect);
        // Without slots there are no addresses of the frame.
        let stays = self.func.slots.is_empty()
            || (args.iter().zip(&sig.params)).all(|(arg, &ty)| self.outlives_frame(arg, ty));
        (same_result && !copies && stays).then_some(buffer)
    }

    /// Whether an argument is no address of the frame.
    fn outlives_frame(&mut self, arg: &Entry, ty: MemTy) -> bool {
        let address = |ty| matches!(ty, Ty::Ptr | Ty::ByRef);
        match (arg, ty) {
            (Entry::Val(v), _) => !address(self.func.ty(*v)) || self.comes_from_outside(*v),
            (_, MemTy::Struct(t)) => {
                let info = self.struct_info(t);
                !info.leaves.iter().any(|(_, mem)| address(mem.ty()))
            }
            (Entry::Split(_, leaves), _) => !leaves.iter().any(|&v| address(self.func.ty(v))),
            (Entry::Mem(..), _) => false,
        }
    }

    /// Whether an address is known to come from the caller or from a symbol.
    fn comes_from_outside(&self, mut v: Value) -> bool {
        loop {
            match self.func.values[v.index()].def {
                ValueDef::Param(block, _) => return block == self.func.entry(),
                ValueDef::Alias(to) => v = to,
                ValueDef::Result(i, _) => match self.func.inst(i).op {
                    Op::SymAddr | Op::Const => return true,
                    Op::Retype | Op::Lea => v = self.func.args(i)[0],
                    _ => return false,
                },
            }
        }
    }

    /// Emits the call.
    pub(super) fn call_code(
        &mut self,
        code: Code,
        sig: &Arc<Signature>,
        mut args: Vec<Entry>,
        rgctx: Option<Value>,
        callee: Option<MethodId>,
        tail: bool,
    ) -> Result<()> {
        let cookie = match (sig.conv, args.pop()) {
            (CallConv::ManagedVarArg, Some(Entry::Val(v))) => Some(self.convert_word(v, Ty::Ptr)),
            (CallConv::Managed, last) => {
                args.extend(last);
                None
            }
            // Native calls are methods of the VM.
            _ => return Err(self.bad()),
        };
        let abi = AbiSig::new(sig, self.opts.arch, self.env);
        let tail = if tail && cookie.is_none() {
            self.tail_buffer(&abi, sig, &args)
        } else {
            None
        };
        let mut words: SmallVec<[Value; 8]> = SmallVec::new();
        if let Code::Address(v) = code {
            words.push(v);
        }
        // The result's buffer.
        let buffer = match (&abi.ret, sig.ret) {
            (RetPass::Buffer(w), Some(MemTy::Struct(t))) => Some(match tail {
                Some(Some(ours)) => (*w, ours, None),
                _ => {
                    let slot = self.temp(t);
                    (*w, self.slot_addr(slot, 0), Some((t, slot)))
                }
            }),
            _ => None,
        };
        let mut arg_words: SmallVec<[Value; 8]> = SmallVec::new();
        for (n, (arg, &ty)) in args.iter().zip(&sig.params).enumerate() {
            let pass = abi.params[n];
            if let Some((w, address, _)) = buffer
                && w as usize == arg_words.len()
            {
                arg_words.push(address);
            }
            if pass.indirect {
                let arg = self.coerce(arg.clone(), ty)?;
                let addr = self.spill(&arg)?;
                arg_words.push(addr);
            } else {
                let at = &abi.words[pass.first as usize..(pass.first + pass.count) as usize];
                self.give_words(arg, ty, at, &mut arg_words)?;
            }
        }
        if let Some((w, address, _)) = buffer
            && w as usize == arg_words.len()
        {
            arg_words.push(address);
        }
        if arg_words.len() != abi.words.len() {
            return Err(self.bad());
        }
        words.extend(arg_words);
        words.extend(rgctx);
        words.extend(cookie);
        let ret_tys: SmallVec<[Ty; 4]> = match (&abi.ret, sig.ret) {
            (RetPass::Words(w), Some(MemTy::Struct(_))) => {
                w.iter().map(|w| Self::word_value_ty(w.ty)).collect()
            }
            (RetPass::Words(_), Some(ty)) => Ty::of_stack(ty.stack_ty()).into_iter().collect(),
            _ => SmallVec::new(),
        };
        let target = match code {
            Code::Method(m) => CallTarget::Method(m),
            Code::Symbol(s) => CallTarget::Symbol(s),
            Code::Address(_) => CallTarget::Indirect,
        };
        let direct = match target {
            CallTarget::Method(m) => Some(m),
            _ => None,
        };
        let tail = tail.is_some();
        let info = CallInfo {
            target,
            sig: Self::sig_of(&abi),
            ret_tys: if tail { SmallVec::new() } else { ret_tys },
            rgctx: rgctx.is_some(),
            cookie: cookie.is_some(),
            callee,
        };
        let imm = self.func.new_call(info);
        if tail {
            self.end(Op::TailCall, &words, imm);
            return Ok(());
        }
        let inst = self.throwing(Op::Call, Ty::I32, &words, imm);
        for a in &args {
            self.release(a);
        }
        match (&abi.ret, sig.ret) {
            (RetPass::Words(at), Some(ty)) => {
                let results: SmallVec<[Value; 4]> = self.func.inst(inst).results().collect();
                let e = self.take_words(ty, at, &results)?;
                self.push(e);
            }
            (RetPass::Buffer(_), Some(ty)) => {
                if let Some((_, _, Some((t, slot)))) = buffer {
                    let info = self.struct_info(t);
                    if info.split {
                        let place = self.slot_place(slot, 0);
                        let e = self.load_place(place, ty)?;
                        self.dead_temps.push((t, slot));
                        self.push(e);
                    } else {
                        self.push(Entry::Mem(t, slot));
                    }
                }
            }
            _ => {}
        }
        if self.never_returns(direct) {
            self.end(Op::Unreachable, &[], Imm::None);
        }
        Ok(())
    }

    fn never_returns(&self, callee: Option<MethodId>) -> bool {
        callee.is_some_and(|m| self.env.method(m).never_returns) && self.open
    }

    /// `calli`.
    pub(super) fn call_indirect(&mut self, at: u32, insn: &Insn, sig: SigId) -> Result<()> {
        let sig = self.env.signature(sig);
        let tail = self.may_tail_call(at, insn);
        let code = self.pop_val()?;
        let code = self.convert_word(code, Ty::Ptr);
        let args = self.pop_operands(&sig)?;
        self.call_code(Code::Address(code), &sig, args, None, None, tail)
    }

    /// `jmp`: a call with this method's arguments, whose result is returned.
    pub(super) fn jump_to_method(&mut self, at: u32, insn: &Insn, m: MethodId) -> Result<()> {
        let args = self.frame.args.clone();
        for loc in &args {
            let e = self.read_loc(loc)?;
            self.push(e);
        }
        let plan = self.env.call_plan(self.frame.method, m, false);
        if plan.sig.takes_cookie() {
            let cookie = self.frame.cookie.ok_or_else(|| self.bad())?;
            self.push_val(cookie);
        }
        let args = self.pop_operands(&plan.sig)?;
        let tail = self.may_tail_call(at, insn);
        self.call_plan(plan, m, args, tail)?;
        if self.open { self.ret() } else { Ok(()) }
    }

    /// `ldftn`.
    pub(super) fn load_function(&mut self, m: MethodId) -> Result<()> {
        let handle = self.env.handle(self.frame.method, Entity::MethodEntry(m));
        let v = self.handle(handle, Ty::Ptr)?;
        if let Handle::Symbol(_) = handle {
            self.functions.insert(v, m);
        }
        self.push_val(v);
        Ok(())
    }

    /// `ldvirtftn`.
    pub(super) fn load_virtual_function(&mut self, m: MethodId) -> Result<()> {
        let object = self.pop_val()?;
        self.null_check(object);
        let handle = self.entity(Entity::MethodHandle(m))?;
        let v = self.helper(Helper::ResolveVirtual, &[object, handle]);
        let v = v.ok_or_else(|| self.bad())?;
        self.push_val(v);
        Ok(())
    }

    /// `newobj`.
    pub(super) fn new_object(&mut self, ctor: MethodId) -> Result<()> {
        let plan = self.env.call_plan(self.frame.method, ctor, false);
        let Some(class) = self.env.new_object_class(ctor) else {
            // The constructor returns the object.
            let args = self.pop_operands(&plan.sig)?;
            return self.call_plan(plan, ctor, args, false);
        };
        let n = plan.sig.params.len();
        if n == 0 {
            return Err(self.bad());
        }
        if let Dispatch::Raise(raise) = plan.dispatch {
            self.throw_raise(raise);
            return Ok(());
        }
        let args = self.pop_args(operands(&plan.sig) - 1)?;
        match self.env.type_kind(class) {
            TypeKind::Value | TypeKind::Nullable(_) => self.new_struct(class, plan, ctor, args),
            _ => {
                let object = self.allocate(class)?;
                if !self.make_delegate(object, ctor, &args)? {
                    self.with_this(object, plan, ctor, args)?;
                }
                if self.open {
                    self.push_val(object);
                }
                Ok(())
            }
        }
    }

    fn with_this(
        &mut self,
        this: Value,
        plan: CallPlan,
        ctor: MethodId,
        args: Vec<Entry>,
    ) -> Result<()> {
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(Entry::Val(this));
        all.extend(args);
        let depth = self.frame.stack.len();
        self.call_plan(plan, ctor, all, false)?;
        self.frame.stack.truncate(depth);
        Ok(())
    }

    /// A value type's constructor works on a temporary.
    fn new_struct(
        &mut self,
        class: TypeId,
        plan: CallPlan,
        ctor: MethodId,
        args: Vec<Entry>,
    ) -> Result<()> {
        let ty = self.env.mem_ty(class);
        let loc = self.new_loc(ty, true, None)?;
        self.zero_loc(&loc)?;
        let addr = self.loc_address(&loc)?;
        self.with_this(addr, plan, ctor, args)?;
        if self.open {
            let e = self.read_loc(&loc)?;
            self.push(e);
        }
        Ok(())
    }

    /// Whether a callee is worth a look for inlining.
    pub(super) fn inline_candidate(
        &mut self,
        m: MethodId,
        sig: &Signature,
        args: &[Entry],
    ) -> Option<Candidate> {
        self.consider_inlining(m, sig, args)
    }
}
