//! The state of a compilation, and the evaluation stack: where values are and how they get into registers.

use crate::cold::Cold;
use crate::count::Ask;
use crate::entry::Frames;
use crate::error::{CompileError, R, Unsupported};
use crate::exceptions::Clauses;
use crate::frame::Frame;
use crate::moves::Word;
use crate::scan::Scan;
use crate::sites::Sites;
use crate::target::Target;
use crate::value::{Bank, Entry, Loc, fty, width};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::typing::assignable;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::types::{MemTy, StackTy, StructLayout};
use isthmus_runtime_abi::vm::{CompileEnv, MethodInfo};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// Where a variable lives.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Home {
    /// In memory only.
    Memory,
    /// In this register.
    Reg(Gpr),
    /// In this float register.
    Freg(Fpr),
}

/// An argument or local.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Var {
    pub ty: MemTy,
    pub home: Home,
    /// Offset of its memory from the base of the variables.
    pub offset: i32,
    /// Its address is taken: it may change behind the compiler's back.
    pub exposed: bool,
}

/// Fixed places of the frame.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Slots {
    /// Generic context (hidden argument); relative to the base of the variables.
    pub rgctx: Option<i32>,
    /// `this`, for generic look-ups; relative to the base of the variables.
    pub this: Option<i32>,
    /// Vararg cookie (hidden argument); relative to the base of the variables.
    pub cookie: Option<i32>,
    /// Mark of `Helper::LocalAlloc`; relative to FP.
    pub mark: Option<i32>,
    /// Address of the return buffer; relative to FP.
    pub buffer: Option<i32>,
    /// In a filter: where the base of the variables is saved; relative to FP.
    pub area: Option<i32>,
}

/// A label that control may reach by a jump, with the stack it brings.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub label: Label,
    /// Types and merge slots, once an edge was seen.
    pub entry: Option<SmallVec<[(StackTy, i32); 2]>>,
}

/// The compilation of one function: a method or one of its filters.
pub(crate) struct Gen<'a, A: Target> {
    pub a: A,
    pub env: &'a dyn CompileEnv,
    pub body: &'a Body,
    pub opts: &'a crate::Options,
    pub info: &'a MethodInfo,
    pub scan: &'a Scan,
    pub vars: Vec<Var>,
    /// Offsets of the locals that start as zero: from, to.
    pub zeroed: (i32, i32),
    pub slots: Slots,
    /// Words of this function's own frame with `this` and the generic context, for the tables.
    pub table_slots: (Option<i32>, Option<i32>),
    pub frame: Frame,
    pub frames: Frames,
    /// Ends of the instructions that make the frame, end of the prologue.
    pub frame_insns: SmallVec<[u32; 2]>,
    pub prologue_end: u32,
    /// Labels of the check of a large frame: where it fails, and where it is done.
    pub large_check: Option<(Label, Label)>,
    /// Stack argument bytes that this function pops.
    pub stack_bytes: u32,
    pub stack: Vec<Entry>,
    /// Where the search for an entry to spill begins.
    pub spilled_to: usize,
    pub ints: Bank,
    pub floats: Bank,
    /// Callee-saved registers in use, with the slot that keeps the caller's value.
    pub saved: SmallVec<[(Gpr, i32); 6]>,
    /// Caller-saved registers that variables live in.
    pub leaf_pins: SmallVec<[u16; 8]>,
    pub blocks: Vec<Option<Block>>,
    pub clauses: Clauses,
    pub sites: Sites,
    pub cold: Vec<Cold>,
    /// Places where the counter may run out, and the loop headers among them.
    pub asks: Vec<Ask>,
    pub headers: Vec<u32>,
    /// Base of the variables: FP, or [`Target::AREA`] in a filter.
    pub base: Gpr,
    /// Vararg cookie of the call being made: an address in the frame, or a word of it.
    pub cookie: Option<Word>,
    /// The clause whose filter this is.
    pub filter: Option<u32>,
    /// Index and IL offset of the current instruction.
    pub at: usize,
    pub il: u32,
    /// Control reaches the current instruction.
    pub live: bool,
    pub layouts: FxHashMap<TypeId, Arc<StructLayout>>,
}

impl<A: Target> Gen<'_, A> {
    // ---- errors

    pub fn unsupported<T>(&self, what: Unsupported) -> R<T> {
        Err(CompileError::Unsupported { what, il: self.il })
    }

    pub fn invalid<T>(&self, message: impl Into<String>) -> R<T> {
        Err(CompileError::Invalid {
            method: self.body.method,
            il: self.il,
            message: message.into(),
        })
    }

    // ---- sizes

    pub fn layout(&mut self, ty: TypeId) -> Arc<StructLayout> {
        let env = self.env;
        self.layouts
            .entry(ty)
            .or_insert_with(|| env.struct_layout(ty))
            .clone()
    }

    /// Size in memory.
    pub fn size_of(&mut self, ty: MemTy) -> u32 {
        match ty {
            MemTy::Struct(t) => self.layout(t).size,
            ty => ty.scalar_size(8).unwrap_or(8),
        }
    }

    /// Bytes of a temporary for such an entry.
    pub fn temp_bytes(&mut self, ty: StackTy) -> u32 {
        match ty {
            StackTy::Struct(t) => self.layout(t).size.next_multiple_of(8),
            _ => 8,
        }
    }

    // ---- the stack

    pub fn push(&mut self, ty: StackTy, loc: Loc) {
        self.stack.push(Entry::new(ty, loc));
    }

    /// Pushes a register that the caller holds; the entry takes the hold over.
    pub fn push_reg(&mut self, ty: StackTy, r: Gpr) {
        self.push(ty, Loc::Reg(r));
    }

    pub fn push_freg(&mut self, ty: StackTy, r: Fpr) {
        self.push(ty, Loc::Freg(r));
    }

    /// Takes the top entry; the caller must [`Self::discard`] it or hand its register on.
    pub fn pop(&mut self) -> R<Entry> {
        match self.stack.pop() {
            Some(e) => Ok(e),
            None => self.invalid("stack underflow"),
        }
    }

    /// Index of the entry `n` below the top (1 is the top).
    pub fn below_top(&self, n: usize) -> R<usize> {
        match self.stack.len().checked_sub(n) {
            Some(i) => Ok(i),
            None => self.invalid("stack underflow"),
        }
    }

    /// Gives up what an entry holds.
    pub fn discard(&mut self, e: Entry) {
        match e.loc {
            Loc::Reg(r) | Loc::RegPlus(r, _) => self.ints.release(r.0),
            Loc::Freg(r) => self.floats.release(r.0),
            Loc::Temp(off) => {
                let bytes = self.temp_bytes(e.ty);
                self.frame.release(off, bytes);
            }
            _ => {}
        }
    }

    /// Empties the stack.
    pub fn clear_stack(&mut self) {
        while let Some(e) = self.stack.pop() {
            self.discard(e);
        }
    }

    // ---- registers

    /// Spills one of the deepest entries of this kind; `false`: there is none.
    fn spill_one(&mut self, kind: impl Fn(&Loc) -> bool) -> bool {
        // Below the last one spilled there is rarely another: without this, deep stacks would take quadratic time.
        let start = self.spilled_to.min(self.stack.len());
        let found = (start..self.stack.len())
            .chain(0..start)
            .find(|&i| kind(&self.stack[i].loc));
        match found {
            Some(i) => {
                self.spilled_to = i;
                self.spill(i);
                true
            }
            None => false,
        }
    }

    /// A free register, held for the caller.
    pub fn alloc(&mut self) -> R<Gpr> {
        self.alloc_except(&[])
    }

    /// A free register that is none of `except`.
    pub fn alloc_except(&mut self, except: &[Gpr]) -> R<Gpr> {
        let list = || {
            A::VALUES
                .iter()
                .filter(|r| !except.contains(r))
                .map(|r| r.0)
        };
        let mut found = self.ints.find_free(list());
        while found.is_none() && self.spill_one(|loc| matches!(loc, Loc::Reg(_) | Loc::RegPlus(..)))
        {
            found = self.ints.find_free(list());
        }
        match found {
            Some(r) => {
                self.ints.hold(r);
                self.ints.drop_copy(r);
                Ok(Gpr(r))
            }
            None => self.unsupported(Unsupported::RegisterPressure),
        }
    }

    /// A free float register, held for the caller.
    pub fn alloc_f(&mut self) -> R<Fpr> {
        let list = || A::FVALUES.iter().map(|r| r.0);
        let mut found = self.floats.find_free(list());
        while found.is_none() && self.spill_one(|loc| matches!(loc, Loc::Freg(_))) {
            found = self.floats.find_free(list());
        }
        match found {
            Some(r) => {
                self.floats.hold(r);
                self.floats.drop_copy(r);
                Ok(Fpr(r))
            }
            None => self.unsupported(Unsupported::RegisterPressure),
        }
    }

    /// This register, held for the caller; stack entries in it go elsewhere.
    pub fn claim(&mut self, r: Gpr) -> R<Gpr> {
        for i in 0..self.stack.len() {
            match self.stack[i].loc {
                Loc::Reg(x) if x == r => {
                    let other = A::VALUES
                        .iter()
                        .map(|r| r.0)
                        .rfind(|&o| self.ints.count(o) == 0 && self.ints.copy_of(o).is_none());
                    match other {
                        Some(o) => {
                            self.a.mov(width(self.stack[i].ty), Gpr(o), r);
                            self.ints.hold(o);
                            self.ints.release(r.0);
                            self.stack[i].loc = Loc::Reg(Gpr(o));
                        }
                        None => self.spill(i),
                    }
                }
                Loc::RegPlus(x, _) if x == r => self.spill(i),
                _ => {}
            }
        }
        if self.ints.count(r.0) != 0 {
            return self.unsupported(Unsupported::RegisterPressure);
        }
        self.ints.hold(r.0);
        self.ints.drop_copy(r.0);
        Ok(r)
    }

    pub fn release(&mut self, r: Gpr) {
        self.ints.release(r.0);
    }

    /// Moves an entry from registers to the frame, or back to the variable that it is a copy of.
    pub fn spill(&mut self, i: usize) {
        let e = self.stack[i];
        let loc = match e.loc {
            Loc::Reg(r) => {
                let copy = self
                    .ints
                    .copy_of(r.0)
                    .filter(|&v| self.readable_as(v, e.ty));
                let loc = match copy {
                    Some(v) => Loc::Var(v),
                    None => {
                        let off = self.frame.temp(8);
                        self.a.store(width(e.ty), Mem::new(A::FP, off), r);
                        Loc::Temp(off)
                    }
                };
                self.ints.release(r.0);
                loc
            }
            Loc::RegPlus(r, disp) => {
                let off = self.frame.temp(8);
                self.a.lea(A::TMP, Mem::new(r, disp));
                self.a.store(Width::W64, Mem::new(A::FP, off), A::TMP);
                self.ints.release(r.0);
                Loc::Temp(off)
            }
            Loc::Freg(r) => {
                let copy = self
                    .floats
                    .copy_of(r.0)
                    .filter(|&v| self.readable_as(v, e.ty));
                let loc = match copy {
                    Some(v) => Loc::Var(v),
                    None => {
                        let off = self.frame.temp(8);
                        self.a.fstore(fty(e.ty), Mem::new(A::FP, off), r);
                        Loc::Temp(off)
                    }
                };
                self.floats.release(r.0);
                loc
            }
            other => other,
        };
        self.stack[i].loc = loc;
    }

    /// Whether reading variable `v` gives an entry of this type.
    fn readable_as(&self, v: u16, ty: StackTy) -> bool {
        self.vars[v as usize].ty.stack_ty() == ty
    }

    // ---- variables

    pub fn var_mem(&self, v: u16) -> Mem {
        Mem::new(self.base, self.vars[v as usize].offset)
    }

    /// Makes stack entry `i` independent of variables and merge slots.
    pub fn detach(&mut self, i: usize) -> R {
        let mut e = self.stack[i];
        match e.ty {
            StackTy::Struct(t) => {
                let bytes = self.layout(t).size;
                let off = self.frame.temp(bytes);
                let from = self.struct_mem(&e)?;
                self.copy_bytes(Mem::new(A::FP, off), from, bytes);
                e.loc = Loc::Temp(off);
            }
            ty if ty.is_float() => {
                let r = self.fload(&mut e)?;
                if !matches!(e.loc, Loc::Freg(_)) {
                    let new = self.alloc_f()?;
                    self.a.fmov(fty(ty), new, r);
                    e.loc = Loc::Freg(new);
                }
            }
            ty => {
                let r = self.load(&mut e)?;
                if !matches!(e.loc, Loc::Reg(_)) {
                    let new = self.alloc()?;
                    self.a.mov(width(ty), new, r);
                    e.loc = Loc::Reg(new);
                }
            }
        }
        self.stack[i] = e;
        Ok(())
    }

    /// Before variable `v` changes: entries that would read it later read it now.
    pub fn before_store(&mut self, v: u16) -> R {
        for i in 0..self.stack.len() {
            if self.stack[i].loc == Loc::Var(v) {
                self.detach(i)?;
            }
        }
        self.ints.drop_copies_of(v);
        self.floats.drop_copies_of(v);
        Ok(())
    }

    /// Before memory changes that may belong to variables whose address is taken.
    pub fn before_unknown_store(&mut self, upto: usize) -> R {
        for i in 0..upto.min(self.stack.len()) {
            if let Loc::Var(v) = self.stack[i].loc
                && self.vars[v as usize].exposed
            {
                self.detach(i)?;
            }
        }
        Ok(())
    }

    /// Before a call: the lowest `upto` entries leave the registers.
    pub fn spill_below(&mut self, upto: usize) -> R {
        self.before_unknown_store(upto)?;
        for i in 0..upto.min(self.stack.len()) {
            self.spill(i);
        }
        Ok(())
    }

    /// After a call: what registers held is gone.
    pub fn forget_copies(&mut self) {
        self.ints.drop_copies();
        self.floats.drop_copies();
    }

    // ---- values into registers

    /// The memory of an entry that has some: a temporary, merge slot or variable in memory.
    pub fn entry_mem(&self, e: &Entry) -> Option<Mem> {
        match e.loc {
            Loc::Temp(off) | Loc::Merge(off) => Some(Mem::new(A::FP, off)),
            Loc::Var(v) if self.vars[v as usize].home == Home::Memory => Some(self.var_mem(v)),
            _ => None,
        }
    }

    /// The memory of a struct entry.
    pub fn struct_mem(&self, e: &Entry) -> R<Mem> {
        match self.entry_mem(e) {
            Some(m) if matches!(e.ty, StackTy::Struct(_)) => Ok(m),
            _ => self.invalid(format!("a struct is expected, not {:?}", e.ty)),
        }
    }

    /// The entry in a register that must not be written (see [`Self::own`]).
    pub fn load(&mut self, e: &mut Entry) -> R<Gpr> {
        if e.ty.is_float() || matches!(e.ty, StackTy::Struct(_)) {
            return self.invalid(format!(
                "an integer or reference is expected, not {:?}",
                e.ty
            ));
        }
        let w = width(e.ty);
        let full = if w == Width::W32 {
            Ext::Zx32
        } else {
            Ext::Full64
        };
        let r = match e.loc {
            Loc::Reg(r) => return Ok(r),
            Loc::Imm(value) => {
                let r = self.alloc()?;
                self.a.mov_imm(w, r, value);
                r
            }
            Loc::Temp(off) => {
                let r = self.alloc()?;
                self.a.load(full, r, Mem::new(A::FP, off));
                self.frame.release(off, 8);
                r
            }
            Loc::Merge(off) => {
                let r = self.alloc()?;
                self.a.load(full, r, Mem::new(A::FP, off));
                r
            }
            Loc::Var(v) => {
                let var = self.vars[v as usize];
                match var.home {
                    Home::Reg(r) => return Ok(r),
                    _ => {
                        if let Some(r) = self.ints.find_copy(v) {
                            self.ints.hold(r);
                            Gpr(r)
                        } else {
                            let r = self.alloc()?;
                            let ext = Ext::of_mem_ty(var.ty, 8).unwrap_or(full);
                            let mem = self.var_mem(v);
                            self.a.load(ext, r, mem);
                            if !var.exposed {
                                self.ints.set_copy(r.0, v);
                            }
                            r
                        }
                    }
                }
            }
            Loc::FrameAddr(off) => {
                let r = self.alloc()?;
                self.a.lea(r, Mem::new(self.base, off));
                r
            }
            Loc::RegPlus(x, disp) => {
                if self.ints.count(x.0) == 1 {
                    self.ints.drop_copy(x.0);
                    self.a.lea(x, Mem::new(x, disp));
                    x
                } else {
                    let r = self.alloc()?;
                    self.a.lea(r, Mem::new(x, disp));
                    self.ints.release(x.0);
                    r
                }
            }
            Loc::Freg(_) | Loc::FImm(_) => return self.invalid("an integer is expected"),
        };
        e.loc = Loc::Reg(r);
        Ok(r)
    }

    /// The entry in a register that nobody else uses.
    pub fn own(&mut self, e: &mut Entry) -> R<Gpr> {
        let r = self.load(e)?;
        if matches!(e.loc, Loc::Reg(_)) && self.ints.count(r.0) == 1 {
            self.ints.drop_copy(r.0);
            return Ok(r);
        }
        let new = self.alloc()?;
        self.a.mov(width(e.ty), new, r);
        if matches!(e.loc, Loc::Reg(_)) {
            self.ints.release(r.0);
        }
        e.loc = Loc::Reg(new);
        Ok(new)
    }

    /// The entry in a given register, which the caller has claimed; the entry gives up what it held. The register belongs
    /// to the caller.
    pub fn put(&mut self, e: Entry, dst: Gpr) -> R {
        let w = width(e.ty);
        match e.loc {
            Loc::Imm(v) => self.a.mov_imm(w, dst, v),
            Loc::FrameAddr(off) => self.a.lea(dst, Mem::new(self.base, off)),
            Loc::RegPlus(r, d) => self.a.lea(dst, Mem::new(r, d)),
            _ => match self.entry_mem(&e) {
                Some(m) if !e.ty.is_float() => {
                    let ty = match e.loc {
                        Loc::Var(v) => self.vars[v as usize].ty,
                        _ => e.ty.mem_ty(),
                    };
                    match Ext::of_mem_ty(ty, 8) {
                        Some(ext) => self.a.load(ext, dst, m),
                        None => return self.invalid("a scalar is expected"),
                    }
                }
                _ => {
                    let mut e = e;
                    let r = self.load(&mut e)?;
                    if r != dst {
                        self.a.mov(w, dst, r);
                    }
                    self.discard(e);
                    return Ok(());
                }
            },
        }
        self.discard(e);
        Ok(())
    }

    /// The entry as a second operand of the width of its type.
    pub fn src(&mut self, e: &mut Entry) -> R<Src> {
        if let Loc::Imm(v) = e.loc {
            if e.ty == StackTy::I32 {
                return Ok(Src::Imm(v as i32));
            }
            if let Ok(v) = i32::try_from(v) {
                return Ok(Src::Imm(v));
            }
        }
        Ok(match self.foldable(e) {
            Some(m) => Src::Mem(m),
            None => Src::Reg(self.load(e)?),
        })
    }

    /// The entry's memory if an operation of its width may read it directly and no register has the value.
    fn foldable(&self, e: &Entry) -> Option<Mem> {
        if let Loc::Var(v) = e.loc {
            let var = &self.vars[v as usize];
            let small = matches!(var.ty, MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16);
            if small || self.ints.find_copy(v).is_some() || self.floats.find_copy(v).is_some() {
                return None;
            }
        }
        self.entry_mem(e)
    }

    /// The entry in a float register that must not be written.
    pub fn fload(&mut self, e: &mut Entry) -> R<Fpr> {
        if !e.ty.is_float() {
            return self.invalid(format!("a float is expected, not {:?}", e.ty));
        }
        let ty = fty(e.ty);
        let r = match e.loc {
            Loc::Freg(r) => return Ok(r),
            Loc::FImm(bits) => {
                let r = self.alloc_f()?;
                self.a.fconst(ty, r, bits);
                r
            }
            Loc::Temp(off) => {
                let r = self.alloc_f()?;
                self.a.fload(ty, r, Mem::new(A::FP, off));
                self.frame.release(off, 8);
                r
            }
            Loc::Merge(off) => {
                let r = self.alloc_f()?;
                self.a.fload(ty, r, Mem::new(A::FP, off));
                r
            }
            Loc::Var(v) => {
                let var = self.vars[v as usize];
                match var.home {
                    Home::Freg(r) => return Ok(r),
                    _ => {
                        if let Some(r) = self.floats.find_copy(v) {
                            self.floats.hold(r);
                            Fpr(r)
                        } else {
                            let r = self.alloc_f()?;
                            let mem = self.var_mem(v);
                            self.a.fload(ty, r, mem);
                            if !var.exposed {
                                self.floats.set_copy(r.0, v);
                            }
                            r
                        }
                    }
                }
            }
            _ => return self.invalid("a float is expected"),
        };
        e.loc = Loc::Freg(r);
        Ok(r)
    }

    /// The entry in a float register that nobody else uses.
    pub fn own_f(&mut self, e: &mut Entry) -> R<Fpr> {
        let r = self.fload(e)?;
        if matches!(e.loc, Loc::Freg(_)) && self.floats.count(r.0) == 1 {
            self.floats.drop_copy(r.0);
            return Ok(r);
        }
        let new = self.alloc_f()?;
        self.a.fmov(fty(e.ty), new, r);
        if matches!(e.loc, Loc::Freg(_)) {
            self.floats.release(r.0);
        }
        e.loc = Loc::Freg(new);
        Ok(new)
    }

    /// The entry as a second operand of a float operation.
    pub fn fsrc(&mut self, e: &mut Entry) -> R<FSrc> {
        if !e.ty.is_float() {
            return self.invalid("a float is expected");
        }
        Ok(match self.foldable(e) {
            Some(m) => FSrc::Mem(m),
            None => FSrc::Reg(self.fload(e)?),
        })
    }

    // ---- implicit conversions

    /// Converts an entry to the type of the place it goes to (ECMA-335 III.1.6).
    pub fn coerce(&mut self, e: &mut Entry, to: StackTy) -> R {
        use StackTy::*;
        if e.ty == to {
            return Ok(());
        }
        if !assignable(e.ty, to) && !lenient(e.ty, to) {
            return self.invalid(format!("{:?} where {to:?} is expected", e.ty));
        }
        match (e.ty, to) {
            (I32, Native | ByRef | I64 | Ref) => self.sign_extend(e)?,
            (Native | ByRef | I64 | Ref, I32) => match e.loc {
                Loc::Imm(v) => e.loc = Loc::Imm(v as i32 as i64),
                _ => {
                    let mut r = self.load(e)?;
                    if self.ints.count(r.0) != 1 || !matches!(e.loc, Loc::Reg(_)) {
                        let new = self.alloc()?;
                        if matches!(e.loc, Loc::Reg(_)) {
                            self.release(r);
                        }
                        self.a.mov(Width::W32, new, r);
                        r = new;
                    } else {
                        self.ints.drop_copy(r.0);
                        self.a.mov(Width::W32, r, r);
                    }
                    e.loc = Loc::Reg(r);
                }
            },
            (F32, F64) | (F64, F32) => self.convert_float(e)?,
            _ => {}
        }
        e.ty = to;
        Ok(())
    }

    /// Converts a stack entry in place.
    pub fn coerce_at(&mut self, i: usize, to: StackTy) -> R {
        if self.stack[i].ty == to {
            return Ok(());
        }
        // The entry leaves the stack while it is worked on, so that it is not spilled under our hands.
        let mut e = self.stack[i];
        self.stack[i].loc = Loc::Imm(0);
        self.stack[i].ty = StackTy::I32;
        let result = self.coerce(&mut e, to);
        self.stack[i] = e;
        result
    }

    /// I32 to 64 bits, signed.
    pub fn sign_extend(&mut self, e: &mut Entry) -> R {
        if let Loc::Imm(_) = e.loc {
            e.ty = StackTy::Native;
            return Ok(());
        }
        if let Some(m) = self.foldable(e) {
            let new = self.alloc()?;
            self.a.load(Ext::Sx32To64, new, m);
            self.discard(*e);
            *e = Entry::new(StackTy::Native, Loc::Reg(new));
            return Ok(());
        }
        let r = self.load(e)?;
        let new = if matches!(e.loc, Loc::Reg(_)) && self.ints.count(r.0) == 1 {
            self.ints.drop_copy(r.0);
            r
        } else {
            let new = self.alloc()?;
            if matches!(e.loc, Loc::Reg(_)) {
                self.release(r);
            }
            new
        };
        self.a.extend(Ext::Sx32To64, new, r);
        *e = Entry::new(StackTy::Native, Loc::Reg(new));
        Ok(())
    }

    /// I32 to 64 bits, unsigned: invariant 1 makes it free in registers.
    pub fn zero_extend(&mut self, e: &mut Entry) -> R {
        if let Loc::Imm(v) = e.loc {
            e.loc = Loc::Imm(v as u32 as i64);
        } else {
            self.load(e)?;
        }
        e.ty = StackTy::Native;
        Ok(())
    }

    /// F32 to F64 or back.
    pub fn convert_float(&mut self, e: &mut Entry) -> R {
        let to = match e.ty {
            StackTy::F32 => StackTy::F64,
            _ => StackTy::F32,
        };
        let loc = match e.loc {
            Loc::FImm(bits) => Loc::FImm(match to {
                StackTy::F64 => f64::from(f32::from_bits(bits as u32)).to_bits(),
                _ => u64::from((f64::from_bits(bits) as f32).to_bits()),
            }),
            _ => {
                let src = self.fsrc(e)?;
                let new = self.alloc_f()?;
                self.a.fconvert(fty(e.ty), new, src);
                self.discard(*e);
                Loc::Freg(new)
            }
        };
        *e = Entry::new(to, loc);
        Ok(())
    }

    /// Copies bytes that do not overlap and hold no reference into the heap.
    pub fn copy_bytes(&mut self, dst: Mem, src: Mem, bytes: u32) {
        if dst != src {
            self.a.copy_block(dst, src, bytes);
        }
    }
}

/// Mixtures that are wrong by the letter; seen in the wild. Integers and pointers are extended by sign, cut, or the same bits.
fn lenient(from: StackTy, to: StackTy) -> bool {
    use StackTy::*;
    let is_word = |t| matches!(t, I32 | I64 | Native | ByRef | Ref);
    is_word(from) && is_word(to)
}
