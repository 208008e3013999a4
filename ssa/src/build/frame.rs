//! State of one body that is being built: the method's or an inlined one's.

use super::place::Entry;
use super::scan::{Scan, Scope};
use super::vars::Var;
use super::{Builder, Handlers, Result};
use crate::error::{Reason, Unsupported};
use crate::ir::{Block, Imm, Op, Slot, Ty, Value};
use isthmus_frontend_ir::body::{Body, BodySource};
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::{ContextSource, InitAtEntry, MethodInfo};
use rustc_hash::FxHashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Where an argument or local is.
#[derive(Clone, Debug)]
pub(super) enum Loc {
    /// A scalar variable.
    Var(Var, MemTy),
    /// An argument that never changes.
    Value(Entry),
    /// A struct as variables, one for each leaf.
    Split(TypeId, Vec<Var>),
    /// In memory at base + offset.
    Memory(Base, u32, MemTy),
}

/// Base of a variable in memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Base {
    /// A slot of this function.
    Slot(Slot),
    /// An address.
    Value(Value),
}

/// A block of the body that has been reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Reached {
    /// Its SSA block.
    pub block: Option<Block>,
    /// The stack at its entry, as locations.
    pub stack: Vec<Loc>,
    /// Built already.
    pub done: bool,
}

/// How the body returns.
#[derive(Clone, Debug)]
pub(super) enum Ret {
    /// From the function.
    Function(Rc<AbiSig>, Option<Value>),
    /// To the rest of the caller.
    Inline(Block, Option<Loc>),
    /// `endfilter` only.
    Filter,
}

/// A `finally` handler.
#[derive(Clone, Debug)]
pub(super) struct Finally {
    /// Number of the continuation; -1: resume.
    pub next: Var,
    /// Resume token.
    pub token: Var,
    /// Continuations by number, with the target instruction that each is for.
    pub continuations: Vec<(u32, Block)>,
    /// Blocks that end with `endfinally`, with their state.
    pub ends: Vec<End>,
}

/// A place where a `finally` ends.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub block: Block,
    pub pos: u32,
    pub handlers: Handlers,
}

/// State of a body.
#[derive(Debug)]
pub(super) struct Frame {
    pub method: MethodId,
    pub body: Arc<Body>,
    pub info: MethodInfo,
    pub scope: Scope,
    pub scan: Rc<Scan>,
    /// Inline node.
    pub node: u32,
    pub args: Vec<Loc>,
    pub locals: Vec<Loc>,
    pub stack: Vec<Entry>,
    /// Whether an activation may execute the current instruction more than once.
    pub repeats: bool,
    pub reached: Vec<Reached>,
    pub ret: Ret,
    /// Clauses of the callers around the inlined call.
    pub outer_handlers: Handlers,
    pub region_handlers: Vec<Option<Handlers>>,
    pub landings: FxHashMap<u32, super::Handler>,
    pub exceptions: FxHashMap<u32, Var>,
    pub finallys: FxHashMap<u32, Finally>,
    /// The generic context, if it came as a value.
    pub context: Option<Value>,
    /// The vararg cookie.
    pub cookie: Option<Value>,
    /// `this` at entry.
    pub this: Option<Value>,
    /// The layout of the method's filter area: (argument?, index) to offset. Filters know it too.
    pub area: Rc<FxHashMap<(bool, u16), u32>>,
}

impl Frame {
    pub fn new(
        env: &dyn BodySource,
        method: MethodId,
        body: Arc<Body>,
        scope: Scope,
    ) -> Result<Frame> {
        let scan = Scan::new(&body, scope)?;
        Ok(Frame {
            method,
            info: env.method(method),
            scope,
            node: 0,
            args: Vec::new(),
            locals: Vec::new(),
            stack: Vec::new(),
            repeats: false,
            reached: vec![Reached::default(); scan.blocks.len()],
            ret: Ret::Filter,
            outer_handlers: Rc::from([]),
            region_handlers: vec![None; body.regions.regions.len()],
            landings: FxHashMap::default(),
            exceptions: FxHashMap::default(),
            finallys: FxHashMap::default(),
            context: None,
            cookie: None,
            this: None,
            area: Rc::default(),
            scan: Rc::new(scan),
            body,
        })
    }
}

impl Builder<'_> {
    /// Builds the whole method.
    pub(super) fn build_method(&mut self) -> Result<()> {
        let body = self.frame.body.clone();
        let abi = Rc::new(AbiSig::new(&body.sig, self.opts.arch, self.env));
        self.set_signature(&abi, Some(&body.sig));
        let entry = self.func.entry();
        let words: Vec<Value> = abi
            .words
            .iter()
            .map(|w| {
                let ty = Self::word_value_ty(w.ty);
                self.func.add_param(entry, ty)
            })
            .collect();
        // Parameters that are references or managed pointers have those types.
        for (pass, &ty) in abi.params.iter().zip(&body.sig.params) {
            if let Some(m) = crate::ir::Mem::of(ty) {
                self.func.values[words[pass.first as usize].index()].ty = m.ty();
            }
        }
        if self.frame.info.context == ContextSource::Hidden {
            let v = self.emit1(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::HiddenRgctx));
            self.frame.context = Some(v);
        }
        if body.sig.takes_cookie() {
            let v = self.emit1(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::HiddenVarargs));
            self.frame.cookie = Some(v);
        }
        let buffer = match abi.ret {
            isthmus_runtime_abi::callconv::RetPass::Buffer(w) => Some(words[w as usize]),
            _ => None,
        };
        if let Some(b) = buffer {
            self.fact_mut(b).nonnull = true;
        }
        self.frame.ret = Ret::Function(abi.clone(), buffer);
        if body.sig.has_this && !abi.words.is_empty() {
            self.frame.this = Some(words[0]);
        }
        self.plan_filter_area();
        for (n, &ty) in body.sig.params.iter().enumerate() {
            let loc = self.bind_param(n, ty, &abi, &words)?;
            self.frame.args.push(loc);
        }
        self.declare_locals()?;
        self.keep_for_unwinder();
        self.enter_class()?;
        self.run_frame()?;
        self.build_filters()
    }

    /// Keeps `this` or the generic context of shared code in a slot: catch clauses look their types up, and stack traces name the
    /// instantiation.
    pub(super) fn keep_for_unwinder(&mut self) {
        let (value, this) = match (self.frame.info.context, self.frame.this) {
            (ContextSource::Hidden, _) => (self.frame.context, false),
            (ContextSource::This(_), Some(t)) => (Some(t), true),
            _ => return,
        };
        let Some(value) = value else { return };
        let slot = self.func.new_slot(self.word, self.word);
        let addr = self.slot_addr(slot, 0);
        let mem = self.func.ty(value).mem();
        let access = crate::ir::Access::new(mem, 0, crate::ir::Region::Frame(slot));
        self.store_raw(value, addr, None, access);
        if this {
            self.func.this_slot = Some(slot);
        } else {
            self.func.rgctx_slot = Some(slot);
        }
    }

    /// The class initialization that the method's entry makes.
    pub(super) fn enter_class(&mut self) -> Result<()> {
        if let InitAtEntry::Yes(ty) = self.frame.info.init {
            self.set_pos(0);
            self.class_init(ty)?;
        }
        Ok(())
    }

    /// Makes the locals of the current frame, zeroed.
    pub(super) fn declare_locals(&mut self) -> Result<()> {
        let body = self.frame.body.clone();
        for (n, local) in body.locals.iter().enumerate() {
            let usage = self.frame.scan.locals[n];
            let area = self.frame.area.get(&(false, n as u16)).copied();
            let in_memory = usage.exposed || usage.in_filter || local.pinned;
            let loc = self.new_loc(local.ty, in_memory, area)?;
            self.zero_loc(&loc)?;
            self.frame.locals.push(loc);
        }
        Ok(())
    }

    /// A location for a variable of this type.
    pub(super) fn new_loc(&mut self, ty: MemTy, in_memory: bool, area: Option<u32>) -> Result<Loc> {
        if let (Some(offset), Some(slot)) = (area, self.func.filter_area) {
            return Ok(Loc::Memory(Base::Slot(slot), offset, ty));
        }
        Ok(match ty {
            MemTy::Struct(t) => {
                let info = self.struct_info(t);
                if in_memory || !info.split {
                    Loc::Memory(Base::Slot(self.new_struct_slot(t)), 0, ty)
                } else {
                    let vars = info
                        .leaves
                        .iter()
                        .map(|l| self.vars.new_var(l.1.ty()))
                        .collect();
                    Loc::Split(t, vars)
                }
            }
            _ => {
                let Some(mem) = crate::ir::Mem::of(ty) else {
                    return self.fail(Reason::BadOperands);
                };
                if in_memory {
                    let bytes = mem.bytes(self.word).max(4);
                    let slot = self.func.new_slot(bytes, bytes);
                    Loc::Memory(Base::Slot(slot), 0, ty)
                } else {
                    Loc::Var(self.vars.new_var(mem.ty()), ty)
                }
            }
        })
    }

    /// Lays out what filters share with the method.
    pub(super) fn plan_filter_area(&mut self) {
        let body = self.frame.body.clone();
        if self.frame.scope.filters(&body).next().is_none() {
            return;
        }
        // Word 0 is the generic context, or `this` where that is the way to it; word 1 the vararg cookie.
        let mut size = 2 * self.word;
        let mut area = FxHashMap::default();
        let scan = self.frame.scan.clone();
        let vars = (scan.args.iter().enumerate())
            .map(|(n, u)| (true, n, u, body.sig.params[n]))
            .chain((scan.locals.iter().enumerate()).map(|(n, u)| (false, n, u, body.locals[n].ty)));
        for (arg, n, usage, ty) in vars {
            if usage.in_filter {
                let bytes = match ty {
                    MemTy::Struct(t) => self.struct_info(t).layout.size,
                    _ => ty.scalar_size(self.word).unwrap_or(8),
                };
                size = size.next_multiple_of(8);
                area.insert((arg, n as u16), size);
                size += bytes;
            }
        }
        self.frame.area = Rc::new(area);
        let context = match self.frame.info.context {
            ContextSource::Hidden => self.frame.context,
            ContextSource::This(_) => self.frame.this,
            ContextSource::None => None,
        };
        self.make_filter_area(size, &[context, self.frame.cookie]);
    }

    /// Makes the slot that filters of this function see, with its first words.
    pub(super) fn make_filter_area(&mut self, size: u32, words: &[Option<Value>]) {
        let slot = self.func.new_slot(size.next_multiple_of(8), 8);
        self.func.filter_area = Some(slot);
        for (n, &word) in words.iter().enumerate() {
            let Some(v) = word else { continue };
            let place = self.slot_place(slot, n as u32 * self.word);
            let access = place.access(self.func.ty(v).mem(), 0);
            self.store_raw(v, place.base, None, access);
        }
    }

    /// Error of an operand that is not there.
    pub(super) fn bad(&self) -> Unsupported {
        Unsupported {
            reason: Reason::BadOperands,
            il: self.il,
        }
    }
}
