//! A function from prologue to tables: the driver.

use crate::entry::Frames;
use crate::error::{CompileError, R, Unsupported};
use crate::exceptions::{Clauses, filter_around};
use crate::frame::Frame;
use crate::moves::{Move, Word, word_fty, word_width};
use crate::scan::{Scan, scan};
use crate::sites::Sites;
use crate::state::{Gen, Home, Slots};
use crate::target::Target;
use crate::value::{Bank, Entry, Loc};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{Op, Prefix};
use isthmus_frontend_ir::region::ClauseKind;
use isthmus_runtime_abi::artifact::{CompiledMethod, Tier};
use isthmus_runtime_abi::callconv::{AbiSig, Loc as AbiLoc, RetPass, WordTy};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Reg;
use isthmus_runtime_abi::types::{MemTy, StackTy};
use isthmus_runtime_abi::vm::{CompileEnv, ContextSource, InitAtEntry, MethodInfo};
use smallvec::SmallVec;
use std::ops::Range;

/// Index of no instruction: sites of the prologue lie in no region.
const NOWHERE: usize = u32::MAX as usize;

/// Leaf methods without loops whose frames are smaller, and whose bodies have fewer instructions, have no entry check: the frame fits
/// well into what is kept free below the stack limit, and the method is soon at its end, where a safepoint may be waited for.
const SMALL_FRAME: u32 = 512;
/// See [`SMALL_FRAME`].
const SHORT_BODY: usize = 256;

/// Locals of up to so many bytes are zeroed without a loop.
const UNROLLED_ZEROS: u32 = 256;

/// Compiles a method and its filters.
pub(crate) fn compile<A: Target>(
    env: &dyn CompileEnv,
    body: &Body,
    opts: &crate::Options,
) -> R<CompiledMethod> {
    let scan = scan(env, body)?;
    let info = env.method(body.method);
    let try_with = |frames| {
        let g = Gen::<A>::new(env, body, opts, &info, &scan, frames, None);
        compile_method(g)
    };
    match try_with(Frames::Small) {
        // How large the frame is comes out at the end.
        Err(CompileError::Unsupported {
            what: Unsupported::TooLarge,
            ..
        }) => try_with(Frames::Large),
        result => result,
    }
}

fn compile_method<A: Target>(mut g: Gen<'_, A>) -> R<CompiledMethod> {
    let body = g.body;
    let len = body.code.len() as u32;
    let abi = g.abi(&body.sig);
    g.stack_bytes = abi.stack_bytes;
    g.method_frame(&abi)?;
    g.set_up_clauses(0..len);
    let check = g.prologue(&abi)?;
    g.instructions(0..len)?;
    let mut out = g.finish(Symbol::MethodBody(body.method), check)?;
    out.frame.stack_arg_bytes = abi.stack_bytes;
    out.clauses = g.clause_records();
    out.osr = g.osr_map();
    g.compile_filters(&mut out)?;
    Ok(out)
}

impl<'a, A: Target> Gen<'a, A> {
    fn new(
        env: &'a dyn CompileEnv,
        body: &'a Body,
        opts: &'a crate::Options,
        info: &'a MethodInfo,
        scan: &'a Scan,
        frames: Frames,
        filter: Option<u32>,
    ) -> Self {
        Gen {
            a: A::default(),
            env,
            body,
            opts,
            info,
            scan,
            vars: Vec::new(),
            zeroed: (0, 0),
            slots: Slots::default(),
            table_slots: (None, None),
            frame: Frame::default(),
            frames,
            frame_insns: SmallVec::new(),
            large_check: None,
            prologue_end: 0,
            stack_bytes: 0,
            stack: Vec::with_capacity(body.max_stack as usize + 2),
            spilled_to: 0,
            ints: Bank::new(),
            floats: Bank::new(),
            saved: SmallVec::new(),
            leaf_pins: SmallVec::new(),
            blocks: vec![None; body.code.len()],
            clauses: Clauses::default(),
            sites: Sites::default(),
            cold: Vec::new(),
            asks: Vec::new(),
            headers: Vec::new(),
            base: if filter.is_some() { A::AREA } else { A::FP },
            cookie: None,
            filter,
            at: NOWHERE,
            il: 0,
            live: true,
            layouts: Default::default(),
        }
    }

    /// Compiles the filters of this function's own clauses.
    fn compile_filters(&self, out: &mut CompiledMethod) -> R {
        let body = self.body;
        for (c, clause) in body.regions.clauses.iter().enumerate() {
            let ClauseKind::Filter(start) = clause.kind else {
                continue;
            };
            if filter_around(body, clause.handler.start) != self.filter {
                continue;
            }
            let mut f = Gen::<A>::new(
                self.env,
                body,
                self.opts,
                self.info,
                self.scan,
                self.frames,
                Some(c as u32),
            );
            f.vars = self.vars.clone();
            f.slots = Slots {
                buffer: None,
                area: None,
                mark: None,
                ..self.slots
            };
            let range = start..clause.handler.start;
            f.set_up_clauses(range.clone());
            f.filter_prologue(self.filter.is_some())?;
            f.instructions(range)?;
            let mut filter = f.finish(Symbol::Filter(body.method, c as u32), None)?;
            if f.clauses.any() {
                filter.clauses = f.clause_records();
                f.compile_filters(&mut filter)?;
            }
            out.filters.push(filter);
            out.frame.filter_area = Some(self.slots.area.unwrap_or(0));
        }
        Ok(())
    }

    /// Lays out the frame of the method.
    fn method_frame(&mut self, abi: &AbiSig) -> R {
        self.plan_vars(abi)?;
        match self.info.context {
            ContextSource::None => {}
            ContextSource::Hidden => self.slots.rgctx = Some(self.frame.alloc(8)),
            ContextSource::This(_) => {
                // The argument's own memory will do if nobody writes to it.
                let u = self.scan.uses.first().copied().unwrap_or_default();
                let own = self.vars.first().is_some_and(|v| {
                    v.home == Home::Memory && v.offset != 0 && !u.written && !u.exposed
                });
                let offset = if own {
                    self.vars[0].offset
                } else {
                    self.frame.alloc(8)
                };
                self.slots.this = Some(offset);
            }
        }
        if self.body.sig.takes_cookie() {
            self.slots.cookie = Some(self.frame.alloc(8));
        }
        if matches!(abi.ret, RetPass::Buffer(_)) {
            self.slots.buffer = Some(self.frame.alloc(8));
        }
        self.table_slots = (self.slots.this, self.slots.rgctx);
        Ok(())
    }

    /// Emits the prologue; gives the labels of the entry check, to be completed at the end.
    fn prologue(&mut self, abi: &AbiSig) -> R<Option<(Label, Label)>> {
        self.make_frame();
        for (slot, word) in [
            (self.slots.rgctx, CtxWord::HiddenRgctx),
            (self.slots.cookie, CtxWord::HiddenVarargs),
        ] {
            if let Some(slot) = slot {
                let hidden = self.ctx(word);
                self.a.load(Ext::Full64, A::TMP, hidden);
                self.a.store(Width::W64, Mem::new(A::FP, slot), A::TMP);
            }
        }
        for i in 0..self.saved.len() {
            let (r, slot) = self.saved[i];
            self.a.store(Width::W64, Mem::new(A::FP, slot), r);
        }
        let small = self.frame.used() < SMALL_FRAME && self.body.code.len() < SHORT_BODY;
        let check = if self.large_check.is_some() || self.scan.leaf && !self.scan.loops && small {
            None
        } else {
            let (slow, back) = (self.a.new_label(), self.a.new_label());
            let limit = self.ctx(CtxWord::StackLimit);
            self.a.cmp(Width::W64, A::SP, limit);
            self.a.jcc(Cond::BelowEq, slow);
            self.a.bind(back);
            Some((slow, back))
        };
        self.receive_arguments(abi);
        self.clear_locals();
        self.clear_mark();
        self.prologue_end = self.a.offset();
        if let InitAtEntry::Yes(ty) = self.info.init {
            self.class_init(ty)?;
        }
        self.count_call();
        Ok(check)
    }

    /// Gives the function a mark for local memory, if it asks for any.
    fn clear_mark(&mut self) {
        if self.scan.localloc {
            let slot = self.frame.alloc(8);
            self.a.store_imm(Width::W64, Mem::new(A::FP, slot), 0);
            self.slots.mark = Some(slot);
        }
    }

    /// The prologue of a filter. `nested`: in a filter, whose frame leads to that of the method.
    fn filter_prologue(&mut self, nested: bool) -> R {
        self.make_frame();
        let roles = A::ARCH.roles();
        let (area, exception) = (Gpr(roles.int_args[0]), Gpr(roles.int_args[1]));
        if nested {
            self.a.load(Ext::Full64, area, Mem::new(area, 0));
        }
        let saved = self.frame.alloc(8);
        self.a.store(Width::W64, Mem::new(A::FP, saved), A::AREA);
        self.saved.push((A::AREA, saved));
        let slot = self.frame.alloc(8);
        self.a.store(Width::W64, Mem::new(A::FP, slot), area);
        self.slots.area = Some(slot);
        self.a.mov(Width::W64, A::AREA, area);
        if self.clauses.any() {
            self.table_slots = (
                self.copy_to_frame(self.slots.this),
                self.copy_to_frame(self.slots.rgctx),
            );
        }
        self.clear_mark();
        self.prologue_end = self.a.offset();
        self.claim(exception)?;
        self.push_reg(StackTy::Ref, exception);
        Ok(())
    }

    /// Copies a word of the method's frame to this filter's.
    fn copy_to_frame(&mut self, slot: Option<i32>) -> Option<i32> {
        let from = Mem::new(self.base, slot?);
        let copy = self.frame.alloc(8);
        self.a.load(Ext::Full64, A::TMP, from);
        self.a.store(Width::W64, Mem::new(A::FP, copy), A::TMP);
        Some(copy)
    }

    /// From argument registers and stack words to the homes of the variables.
    fn receive_arguments(&mut self, abi: &AbiSig) {
        let word_at = |w: AbiLoc| match w {
            AbiLoc::Reg(Reg::Int(r)) => Ok(Gpr(r)),
            AbiLoc::Reg(Reg::Float(r)) => Err(Loc::Freg(Fpr(r))),
            AbiLoc::Stack(off) => Err(Loc::Merge(16 + off as i32)),
        };
        if let (RetPass::Buffer(word), Some(slot)) = (&abi.ret, self.slots.buffer) {
            self.receive_word(abi.words[*word as usize].loc, WordTy::Ptr, slot, 8);
        }
        if let (Some(slot), ContextSource::This(_)) = (self.slots.this, self.info.context)
            && self.vars.first().is_none_or(|v| v.offset != slot)
            && let Some(w) = abi.words.first()
        {
            self.receive_word(w.loc, WordTy::Ptr, slot, 8);
        }
        let mut moves: SmallVec<[Move; 8]> = SmallVec::new();
        let mut normalize: SmallVec<[(Gpr, Ext); 4]> = SmallVec::new();
        for (i, pass) in abi.params.iter().enumerate() {
            if self.scan.uses[i].weight == 0 {
                continue;
            }
            let var = self.vars[i];
            let words = &abi.words[pass.first as usize..(pass.first + pass.count) as usize];
            match (var.home, var.ty) {
                (Home::Reg(dst), ty) => {
                    let ext = Ext::of_mem_ty(ty, 8).unwrap_or(Ext::Full64);
                    let word = match word_at(words[0].loc) {
                        Ok(r) => {
                            // Moving 32 bits clears the upper half already, if anything moves.
                            if ext != Ext::Full64 && (ext != Ext::Zx32 || r == dst) {
                                normalize.push((dst, ext));
                            }
                            Word::Reg(r)
                        }
                        Err(Loc::Merge(off)) => Word::Mem(Mem::new(A::FP, off), ext),
                        Err(_) => continue,
                    };
                    moves.push(Move {
                        word,
                        to: AbiLoc::Reg(Reg::Int(dst.0)),
                        ty: words[0].ty,
                    });
                }
                (Home::Freg(dst), _) => {
                    let word = match word_at(words[0].loc) {
                        Err(Loc::Freg(r)) => Word::Freg(r),
                        Err(Loc::Merge(off)) => Word::FMem(Mem::new(A::FP, off)),
                        _ => continue,
                    };
                    moves.push(Move {
                        word,
                        to: AbiLoc::Reg(Reg::Float(dst.0)),
                        ty: words[0].ty,
                    });
                }
                (Home::Memory, MemTy::Struct(t)) if pass.indirect => {
                    let bytes = self.layout(t).size;
                    let src = match word_at(words[0].loc) {
                        Ok(r) => r,
                        Err(Loc::Merge(off)) => {
                            // Not an argument register.
                            let r = crate::cold::int_ret::<A>();
                            self.a.load(Ext::Full64, r, Mem::new(A::FP, off));
                            r
                        }
                        Err(_) => continue,
                    };
                    self.a
                        .copy_block(Mem::new(A::FP, var.offset), Mem::new(src, 0), bytes);
                }
                (Home::Memory, ty) => {
                    let size = match ty {
                        MemTy::Struct(_) => 8,
                        ty => ty.scalar_size(8).unwrap_or(8),
                    };
                    for w in words {
                        self.receive_word(w.loc, w.ty, var.offset + w.offset as i32, size);
                    }
                }
            }
        }
        self.emit_moves(&moves);
        for (r, ext) in normalize {
            self.a.extend(ext, r, r);
        }
    }

    /// Stores an argument word in the frame, unless it is there already.
    fn receive_word(&mut self, from: AbiLoc, ty: WordTy, offset: i32, size: u32) {
        let to = Mem::new(A::FP, offset);
        let w = word_width(ty).min(Width::of_bytes(size).unwrap_or(Width::W64));
        match from {
            AbiLoc::Reg(Reg::Int(r)) => self.a.store(w, to, Gpr(r)),
            AbiLoc::Reg(Reg::Float(r)) => self.a.fstore(word_fty(ty), to, Fpr(r)),
            AbiLoc::Stack(off) if 16 + off as i32 == offset => {}
            AbiLoc::Stack(off) => {
                self.a
                    .load(Ext::Full64, A::TMP, Mem::new(A::FP, 16 + off as i32));
                self.a.store(w, to, A::TMP);
            }
        }
    }

    fn clear_locals(&mut self) {
        let (low, high) = self.zeroed;
        let bytes = (high - low) as u32;
        if bytes <= UNROLLED_ZEROS {
            if bytes != 0 {
                self.a.zero_block(Mem::new(A::FP, low), bytes);
            }
        } else {
            // 64 bytes a turn; what is left over first.
            let rest = bytes % 64;
            self.a.zero_block(Mem::new(A::FP, low), rest);
            let p = crate::cold::int_ret::<A>();
            self.a.lea(p, Mem::new(A::FP, low + rest as i32));
            let (again, end) = (self.a.new_label(), Mem::new(A::FP, high));
            self.a.bind(again);
            self.a.zero_block(Mem::new(p, 0), 64);
            self.a.lea(p, Mem::new(p, 64));
            self.a.lea(A::TMP, end);
            self.a.cmp(Width::W64, p, A::TMP);
            self.a.jcc(Cond::Below, again);
        }
        for i in self.body.sig.params.len()..self.vars.len() {
            let var = self.vars[i];
            match var.home {
                Home::Reg(r) => self.a.zero(r),
                Home::Freg(r) => {
                    let ty = crate::value::fty(var.ty.stack_ty());
                    self.a.fconst(ty, r, 0)
                }
                Home::Memory => {}
            }
        }
    }

    /// Gives the callers their registers back.
    pub fn restore_saved(&mut self) {
        for i in 0..self.saved.len() {
            let (r, slot) = self.saved[i];
            self.a.load(Ext::Full64, r, Mem::new(A::FP, slot));
        }
    }

    /// Leaves the function; the result is in place.
    pub fn epilogue(&mut self) {
        self.restore_saved();
        self.a.drop_frame();
        self.a.ret(self.stack_bytes);
    }

    pub fn op_ret(&mut self) -> R {
        if self.filter.is_some() {
            return self.invalid("ret in a filter");
        }
        if let Some(ret) = self.body.sig.ret {
            let abi = self.abi(&self.body.sig);
            let mut e = self.pop()?;
            self.coerce(&mut e, ret.stack_ty())?;
            self.put_result(&abi, ret, e)?;
        }
        self.epilogue();
        self.end_flow();
        Ok(())
    }

    fn put_result(&mut self, abi: &AbiSig, ret: MemTy, mut e: Entry) -> R {
        match &abi.ret {
            RetPass::Void => {}
            RetPass::Buffer(_) => {
                let src = self.struct_mem(&e)?;
                let bytes = self.size_of(ret);
                let slot = self.slots.buffer.unwrap_or_default();
                let p = self.alloc()?;
                self.a.load(Ext::Full64, p, Mem::new(A::FP, slot));
                self.a.copy_block(Mem::new(p, 0), src, bytes);
                self.release(p);
            }
            RetPass::Words(words) if matches!(ret, MemTy::Struct(_)) => {
                let src = self.struct_mem(&e)?;
                let moves: SmallVec<[Move; 8]> = words
                    .iter()
                    .map(|w| {
                        let m = src.plus(w.offset as i32);
                        Move {
                            word: match w.ty {
                                WordTy::I32 => Word::Mem(m, Ext::Zx32),
                                WordTy::I64 | WordTy::Ptr => Word::Mem(m, Ext::Full64),
                                WordTy::F32 | WordTy::F64 => Word::FMem(m),
                            },
                            to: w.loc,
                            ty: w.ty,
                        }
                    })
                    .collect();
                self.emit_moves(&moves);
            }
            RetPass::Words(words) => {
                let small = matches!(ret, MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16);
                if small {
                    self.stack.push(e);
                    let to = match ret {
                        MemTy::I8 => isthmus_frontend_ir::op::ConvTo::I1,
                        MemTy::U8 => isthmus_frontend_ir::op::ConvTo::U1,
                        MemTy::I16 => isthmus_frontend_ir::op::ConvTo::I2,
                        _ => isthmus_frontend_ir::op::ConvTo::U2,
                    };
                    self.op_conv(to, isthmus_frontend_ir::op::ConvMode::Wrap)?;
                    e = self.pop()?;
                }
                let word = self.word(&e)?;
                self.emit_moves(&[Move {
                    word,
                    to: words[0].loc,
                    ty: words[0].ty,
                }]);
            }
        }
        self.discard(e);
        Ok(())
    }

    /// Compiles the instructions of a range in order.
    fn instructions(&mut self, range: Range<u32>) -> R {
        let body = self.body;
        self.at = range.start as usize;
        while self.at < range.end as usize {
            let at = self.at;
            let insn = &body.code[at];
            let place = self.scan.places[at];
            self.il = insn.il;
            if place.entry && filter_around(body, at as u32) != self.filter {
                // Code of a filter: a function of its own.
                if self.live {
                    return self.invalid("control falls into a filter");
                }
                self.at = self.end_of_filter(at);
                continue;
            }
            if place.entry && (at != range.start as usize || self.filter.is_none()) {
                self.begin_handler()?;
            }
            if place.target && place.reachable {
                self.start_block(at)?;
                self.count_turn();
            }
            if self.live {
                if self.opts.line_map {
                    let pos = self.sites.position(insn.il);
                    let offset = self.a.offset();
                    self.sites.line_map.push((offset, pos));
                }
                self.instruction(insn.op)?;
            }
            self.at += 1;
        }
        if self.live {
            return self.invalid("control runs off the end of the body");
        }
        Ok(())
    }

    /// Where the filter that starts at `at` ends.
    fn end_of_filter(&self, at: usize) -> usize {
        self.body
            .regions
            .clauses
            .iter()
            .find(|c| c.kind == ClauseKind::Filter(at as u32))
            .map_or(at + 1, |c| c.handler.start as usize)
    }

    fn instruction(&mut self, op: Op) -> R {
        let nargs = self.body.sig.params.len() as u16;
        match op {
            Op::Nop | Op::Break => Ok(()),
            Op::LdArg(n) => self.op_load(n),
            Op::LdArgA(n) => self.op_load_address(n),
            Op::StArg(n) => self.op_store(n),
            Op::LdLoc(n) => self.op_load(nargs + n),
            Op::LdLocA(n) => self.op_load_address(nargs + n),
            Op::StLoc(n) => self.op_store(nargs + n),
            Op::LdNull => {
                self.push(StackTy::Ref, Loc::Imm(0));
                Ok(())
            }
            Op::LdcI4(v) => {
                self.push(StackTy::I32, Loc::Imm(v as i64));
                Ok(())
            }
            Op::LdcI8(v) => {
                self.push(StackTy::I64, Loc::Imm(v));
                Ok(())
            }
            Op::LdcR4(bits) => {
                self.push(StackTy::F32, Loc::FImm(bits as u64));
                Ok(())
            }
            Op::LdcR8(bits) => {
                self.push(StackTy::F64, Loc::FImm(bits));
                Ok(())
            }
            Op::LdStr(l) => {
                let r = self.alloc()?;
                self.a.load_symbol(r, Symbol::Literal(l));
                self.push_reg(StackTy::Ref, r);
                Ok(())
            }
            Op::Dup => self.op_dup(),
            Op::Pop => {
                let e = self.pop()?;
                self.discard(e);
                Ok(())
            }
            Op::Jmp(m) => self.op_jmp(m),
            Op::Call(m) => self.op_call(m, false),
            Op::CallVirt(m) => self.op_call(m, true),
            Op::CallI(sig) => self.op_calli(sig),
            Op::NewObj(m) => self.op_newobj(m),
            Op::Ret => self.op_ret(),
            Op::Br(t) => self.op_br(t),
            Op::BrFalse(t) => self.op_br_bool(t, false),
            Op::BrTrue(t) => self.op_br_bool(t, true),
            Op::BrCmp(cmp, t) => self.op_br_cmp(cmp, t),
            Op::Switch(table) => self.op_switch(table),
            Op::LdInd(ty) => self.op_ldind(ty),
            Op::StInd(ty) => self.op_stind(ty),
            Op::Bin(op) => self.op_bin(op),
            Op::Neg => self.op_neg(),
            Op::Not => self.op_not(),
            Op::Compare(cmp) => self.op_compare(cmp),
            Op::Conv(to, mode) => self.op_conv(to, mode),
            Op::CkFinite => self.op_ckfinite(),
            Op::CpObj(t) => self.op_cpobj(t),
            Op::LdObj(t) => {
                let ty = self.env.mem_ty(t);
                self.op_ldind(ty)
            }
            Op::StObj(t) => {
                let ty = self.env.mem_ty(t);
                self.op_stind(ty)
            }
            Op::InitObj(t) => self.op_initobj(t),
            Op::SizeOf(t) => {
                let ty = self.env.mem_ty(t);
                let size = self.size_of(ty);
                self.push(StackTy::I32, Loc::Imm(size as i64));
                Ok(())
            }
            Op::Box(t) => self.op_box(t),
            Op::Unbox(t) => self.op_unbox(t),
            Op::UnboxAny(t) => self.op_unbox_any(t),
            Op::CastClass(_)
                if self.body.code[self.at]
                    .prefix
                    .contains(Prefix::NO_TYPE_CHECK) =>
            {
                Ok(())
            }
            Op::CastClass(t) => self.op_cast(t, true),
            Op::IsInst(t) => self.op_cast(t, false),
            Op::NewArr(t) => self.op_newarr(t),
            Op::LdLen => self.op_ldlen(),
            Op::LdElemA(t) => self.op_ldelema(t),
            Op::LdElem(ty, t) => self.op_ldelem(ty, t),
            Op::StElem(ty, t) => self.op_stelem(ty, t),
            Op::LdFld(f) => self.op_ldfld(f),
            Op::LdFldA(f) => self.op_ldflda(f),
            Op::StFld(f) => self.op_stfld(f),
            Op::LdSFld(f) => self.op_ldsfld(f),
            Op::LdSFldA(f) => self.op_ldsflda(f),
            Op::StSFld(f) => self.op_stsfld(f),
            Op::LdToken(t) => self.op_ldtoken(t),
            Op::LdFtn(m) => self.op_ldftn(m),
            Op::LdVirtFtn(m) => self.op_ldvirtftn(m),
            Op::Throw => self.op_throw(),
            Op::Rethrow => self.op_rethrow(),
            Op::Leave(t) => self.op_leave(t),
            Op::EndFinally => self.op_endfinally(),
            Op::EndFilter => self.op_endfilter(),
            Op::LocAlloc => self.op_localloc(),
            Op::CpBlk => self.op_block(true),
            Op::InitBlk => self.op_block(false),
            Op::ArgList => self.op_arglist(),
            Op::VarArgs(sig) => self.op_varargs(sig),
            Op::MkRefAny(t) => self.op_mkrefany(t),
            Op::RefAnyVal(t) => self.op_refanyval(t),
            Op::RefAnyType => self.op_refanytype(),
            Op::Raise(r) => {
                self.clear_stack();
                self.raise(r)?;
                self.a.trap();
                self.end_flow();
                Ok(())
            }
        }
    }

    fn op_dup(&mut self) -> R {
        let top = self.below_top(1)?;
        let e = self.stack[top];
        match e.loc {
            Loc::Reg(r) | Loc::RegPlus(r, _) => self.ints.hold(r.0),
            Loc::Freg(r) => self.floats.hold(r.0),
            Loc::Temp(_) => match e.ty {
                StackTy::Struct(_) => {
                    self.stack.push(e);
                    // A copy of its own; the original stays with the entry below.
                    return self.detach(top + 1);
                }
                ty if ty.is_float() => {
                    let mut e = e;
                    let r = self.fload(&mut e)?;
                    self.stack[top] = e;
                    self.floats.hold(r.0);
                }
                _ => {
                    let mut e = e;
                    let r = self.load(&mut e)?;
                    self.stack[top] = e;
                    self.ints.hold(r.0);
                }
            },
            _ => {}
        }
        let e = self.stack[top];
        self.stack.push(e);
        Ok(())
    }

    /// Everything after the last instruction: cold code, sizes, tables.
    fn finish(&mut self, symbol: Symbol, check: Option<(Label, Label)>) -> R<CompiledMethod> {
        self.emit_dispatch()?;
        self.emit_cold()?;
        self.emit_asks()?;
        if let Some((slow, back)) = check {
            self.a.bind(slow);
            self.call_helper_symbol(Helper::EntryCheck);
            let pos = self.sites.position(0);
            self.call_at(pos, 0);
            self.a.jmp(back);
        }
        self.emit_large_check();
        let size = self.frame.size();
        if size > self.frames.limit() {
            return self.unsupported(Unsupported::TooLarge);
        }
        let mut out = CompiledMethod::new(symbol, self.body.method, A::ARCH, Tier::Baseline);
        self.write_sites(&mut out);
        let assembled = self.a.finish().map_err(|e| CompileError::Invalid {
            method: self.body.method,
            il: self.il,
            message: e.to_string(),
        })?;
        out.code = assembled.code;
        out.relocs = assembled.relocs;
        for &end in &self.frame_insns {
            A::patch_frame(&mut out.code, end, size);
        }
        out.frame.size = size;
        out.frame.prologue_end = self.prologue_end;
        out.frame.saved = self
            .saved
            .iter()
            .map(|&(r, slot)| (Reg::Int(r.0), slot))
            .collect();
        (out.frame.this_slot, out.frame.rgctx_slot) = self.table_slots;
        Ok(out)
    }
}
