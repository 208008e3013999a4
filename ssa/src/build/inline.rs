//! Inlining: a callee's body is interpreted in place, in a frame of its own.
//!
//! Positions name the callee through the inline tree, its clauses are tried before the caller's, and its class
//! initialization stays at its entry. What may be inlined is decided by size, by the VM's permission, and by what the
//! body contains.

use super::frame::{Frame, Loc, Ret};
use super::place::Entry;
use super::scan::Scope;
use super::{Builder, Result};
use crate::ir::{Op, Ty, Value};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{Flow, Insn, Op as Cil, Prefix};
use isthmus_frontend_ir::region::ClauseKind;
use isthmus_runtime_abi::artifact::InlineNode;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::types::{CallConv, MemTy, Signature};
use isthmus_runtime_abi::vm::{CallPlan, ContextSource, Entity, Handle, MethodInfo, TypeKind};
use std::sync::Arc;

/// Bytes of source of a callee that is inlined where others are too much: what gets or sets a field, or calls another method.
const TINY: u32 = 20;

/// A callee that will be inlined.
pub(super) struct Candidate {
    method: MethodId,
    body: Arc<Body>,
    info: MethodInfo,
}

impl Builder<'_> {
    pub(super) fn consider_inlining(
        &mut self,
        m: MethodId,
        sig: &Signature,
        args: &[Entry],
    ) -> Option<Candidate> {
        let opts = self.opts;
        // What is smaller than a call is never too much.
        let tiny = self.env.il_size(m).is_some_and(|size| size <= TINY);
        let budget = if tiny { 4 } else { 1 };
        if !opts.inline
            || !opts.optimize
            || self.callers.len() >= 2 * opts.inline_depth as usize
            || !tiny && self.callers.len() >= opts.inline_depth as usize
            || self.inlined >= budget * (opts.inline_total + self.root().body.il_size)
            || self.func.block(self.block).cold
            || self.frame.scope != Scope::Method
        {
            return None;
        }
        let within = self.callers.iter().chain([&self.frame]);
        let recursion = within.filter(|f| f.method == m).count() as u32;
        if recursion > opts.inline_recursion {
            return None;
        }
        let info = self.env.method(m);
        if !info.may_inline || info.never_returns || info.sig.conv != CallConv::Managed {
            return None;
        }
        let most = match info.wants_inline {
            true => opts.inline_wanted_size,
            false => 2 * opts.inline_size,
        };
        if self.env.il_size(m).is_some_and(|size| size > most) {
            return None;
        }
        let body = self.env.body(m).ok()?;
        let limit = if info.wants_inline {
            opts.inline_wanted_size
        } else if recursion > 0
            || Self::is_straight(&body)
            || self.works_on_a_local(args)
            || self.is_repeated()
        {
            2 * opts.inline_size
        } else {
            opts.inline_size
        };
        // A method inside itself multiplies with the number of its calls; and with handlers inside, unwinding a deep stack has
        // to stop more often the more calls fit on it.
        let too_much = self.inlined + body.il_size > opts.inline_recursive_total
            || !body.regions.clauses.is_empty();
        if recursion > 0 && too_much {
            return None;
        }
        if body.il_size.saturating_sub(self.tests_of_boxes(&body)) > limit
            || body.code.len() as u32 > limit
            || body.sig.params.len() != sig.params.len()
            || !Self::inlinable(&body)
            || self.looks_up_catches(m, &body)
        {
            return None;
        }
        Some(Candidate {
            method: m,
            body,
            info,
        })
    }

    /// The frame of the method that is compiled.
    fn root(&self) -> &Frame {
        self.callers.first().unwrap_or(&self.frame)
    }

    /// Whether a call is on the address of a variable of ours, which keeps the variable in memory unless the call is inlined.
    fn works_on_a_local(&self, args: &[Entry]) -> bool {
        matches!(args.first(), Some(&Entry::Val(v))
            if self.func.def(v).is_some_and(|(_, d)| d.op == Op::SlotAddr))
    }

    /// Whether the function may come by the current instruction more than once.
    fn is_repeated(&self) -> bool {
        self.callers.iter().chain([&self.frame]).any(|f| f.repeats)
    }

    /// Whether the body computes something without branches and with one call at most (as operators of structs do).
    fn is_straight(body: &Body) -> bool {
        let calls = |i: &&Insn| {
            matches!(
                i.op,
                Cil::Call(_) | Cil::CallVirt(_) | Cil::CallI(_) | Cil::NewObj(_)
            )
        };
        let flows = |i: &Insn| matches!(i.op.flow(), Flow::Next | Flow::Return);
        body.code.iter().all(flows) && body.code.iter().filter(calls).count() <= 1
    }

    /// Bytes of source that test boxes for null, which values never are: generic code does so with arguments of any type.
    fn tests_of_boxes(&self, body: &Body) -> u32 {
        /// `box` and `brfalse`.
        const BYTES: u32 = 10;
        let tests = body.code.windows(2).filter(|pair| match pair {
            [
                Insn {
                    op: Cil::Box(t), ..
                },
                next,
            ] => {
                matches!(next.op, Cil::BrFalse(_) | Cil::BrTrue(_))
                    && self.env.type_kind(*t) == TypeKind::Value
            }
            _ => false,
        });
        BYTES * tests.count() as u32
    }

    /// Whether nothing in the body ties it to a frame of its own.
    fn inlinable(body: &Body) -> bool {
        let filters =
            (body.regions.clauses.iter()).any(|c| matches!(c.kind, ClauseKind::Filter(_)));
        let ops = body.code.iter().all(|i| {
            // A tail call in place would be an ordinary one, and a chain of them overflow the stack.
            !i.prefix.contains(Prefix::TAIL)
                && !matches!(i.op, Cil::LocAlloc | Cil::Jmp(_) | Cil::ArgList)
        });
        // A body that only throws is better left alone: it is cold.
        let returns = body.code.iter().any(|i| i.op.flow() == Flow::Return);
        !filters && ops && returns
    }

    /// Whether a catch type depends on the callee's generic context: the tables know that of the frame only.
    fn looks_up_catches(&self, m: MethodId, body: &Body) -> bool {
        body.regions.clauses.iter().any(|c| match c.kind {
            ClauseKind::Catch(ty) => matches!(
                self.env.handle(m, Entity::TypeHandle(ty)),
                Handle::Lookup(_)
            ),
            _ => false,
        })
    }

    /// Inlines a call; pushes the result.
    pub(super) fn inline(
        &mut self,
        candidate: Candidate,
        plan: &CallPlan,
        args: Vec<Entry>,
    ) -> Result<()> {
        let Candidate { method, body, info } = candidate;
        let mut frame = Frame::new(self.env, method, body.clone(), Scope::Method)?;
        let context = match (info.context, plan.rgctx) {
            (ContextSource::Hidden, Some(h)) => Some(self.handle(h, Ty::Ptr)?),
            _ => None,
        };
        frame.info = info;
        frame.context = context;
        frame.outer_handlers = self.handlers.clone();
        frame.node = self.func.inline_tree.len() as u32;
        let (pos, il) = (self.pos, self.il);
        self.func.inline_tree.push(InlineNode {
            method: plan.shown.unwrap_or(method),
            parent: Some((self.frame.node, il)),
        });
        self.inlined += body.il_size.max(1);

        let done = self.new_block(false);
        let result = match body.sig.ret {
            Some(ty) => Some(self.new_loc(ty, false, None)?),
            None => None,
        };
        frame.ret = Ret::Inline(done, result.clone());
        if body.sig.has_this
            && let Some(Entry::Val(v)) = args.first()
        {
            frame.this = Some(*v);
        }
        // Types of shared code mean something else in another method's context: what is known of classes stays outside.
        let shared = frame.info.context != ContextSource::None
            || self.frame.info.context != ContextSource::None;
        let args: Vec<Entry> = if shared {
            args.into_iter().map(|e| self.anonymous(e)).collect()
        } else {
            args
        };
        let held = std::mem::take(&mut self.dead_temps);
        let caller = std::mem::replace(&mut self.frame, frame);
        self.callers.push(caller);
        let handlers = self.handlers.clone();

        for (n, (arg, &ty)) in args.into_iter().zip(&body.sig.params).enumerate() {
            let loc = self.bind_argument(n, ty, arg)?;
            self.frame.args.push(loc);
        }
        self.set_pos(0);
        self.declare_locals()?;
        self.enter_class()?;
        self.run_frame()?;

        let arguments = match self.callers.pop() {
            Some(caller) => std::mem::replace(&mut self.frame, caller).args,
            None => Vec::new(),
        };
        self.handlers = handlers;
        self.pos = pos;
        self.il = il;
        self.dead_temps = held;
        // Those that were copied when they were bound are free since then, and may be in use again.
        for argument in &arguments {
            if let Loc::Value(e) = argument {
                self.release(e);
            }
        }
        let returns = self.vars.num_preds(done) > 0;
        self.join(done);
        if !returns {
            self.end(Op::Unreachable, &[], crate::ir::Imm::None);
            return Ok(());
        }
        if let Some(loc) = result {
            let e = self.read_loc(&loc)?;
            let e = if shared { self.anonymous(e) } else { e };
            self.push(e);
        }
        Ok(())
    }

    /// The same value under a new name, of which nothing but being non-null is known.
    fn anonymous(&mut self, e: Entry) -> Entry {
        match e {
            Entry::Val(v) => Entry::Val(self.rename(v)),
            Entry::Split(t, leaves) => {
                Entry::Split(t, leaves.into_iter().map(|v| self.rename(v)).collect())
            }
            e => e,
        }
    }

    fn rename(&mut self, v: Value) -> Value {
        if self.fact(v).class.is_none() {
            return v;
        }
        let nonnull = self.is_nonnull(v);
        let v = self.op(Op::Retype, Ty::Ref, &[v]);
        self.fact_mut(v).nonnull = nonnull;
        v
    }

    /// Where an argument of the inlined body is: the value itself unless it changes.
    fn bind_argument(&mut self, n: usize, ty: MemTy, arg: Entry) -> Result<Loc> {
        let usage = self.frame.scan.args[n];
        let arg = self.coerce(arg, ty)?;
        let arg = match arg {
            Entry::Val(v) => Entry::Val(self.narrow(v, ty)),
            e => e,
        };
        if let Entry::Val(v) = arg
            && let Some(Some(class)) = self.frame.body.arg_classes.get(n)
            && self.func.ty(v) == Ty::Ref
            && self.func.constant(v).is_none()
        {
            self.note_class(v, *class, false);
        }
        if usage.exposed || usage.written {
            let loc = self.new_loc(ty, usage.exposed, None)?;
            self.write_loc(&loc, arg)?;
            return Ok(loc);
        }
        Ok(Loc::Value(arg))
    }
}
