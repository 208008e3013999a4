//! Paths through a body: each instruction is run over types until what is known before it no longer changes.
//!
//! States are kept where paths can meet (targets of branches, starts of protected blocks and handlers), and handed from one instruction to
//! the next elsewhere. Joining goes up in a lattice of finite height, so that this ends.

use super::code::{Code, Instruction};
use super::context::Context;
use super::rules::Rule;
use super::value::{Pointer, Role, Slot, State, Value};
use super::{Check, Fault, fault};
use crate::types::{LoadError, Method, Type, TypeKey, types};
use isthmus_frontend_ir::cil::{Form, Kind};
use isthmus_frontend_ir::op::Op;
use isthmus_frontend_ir::region::ClauseKind;
use isthmus_runtime_abi::ids::TypeId;
use std::collections::BTreeSet;

/// Where control goes after an instruction.
pub(super) enum Next {
    /// To the next instruction.
    Fall,
    /// To these, and perhaps to the next.
    Jump { targets: Vec<u32>, falls: bool },
    /// Out of protected blocks, to this.
    Leave(u32),
    /// Nowhere in this method.
    End,
}

/// A body that is being verified.
pub(super) struct Verifier<'a> {
    pub cx: &'a Context,
    pub method: &'static Method,
    pub code: &'a Code,
    /// Types of arguments, `this` first.
    pub args: Vec<&'static Type>,
    pub locals: Vec<&'static Type>,
    pub ret: &'static Type,
    pub is_vararg: bool,
    /// A constructor of a class, which has to call another.
    pub makes_object: bool,
    /// Argument 0 may be another object than the method was called on.
    pub this_changes: bool,
    max_stack: usize,
    /// Managed-pointer locals that may point to this method's own variables.
    pub leaky: Vec<bool>,
    /// A local became leaky: what was concluded before may be wrong.
    pub again: bool,
    /// What is known before each instruction where paths can meet.
    known: Vec<Option<State>>,
    work: BTreeSet<u32>,
    /// The instruction that is being run, and what is known there.
    pub at: u32,
    pub state: State,
}

/// Verifies a method over its own parameters.
pub(super) fn verify(m: &'static Method) -> Check<()> {
    let cx = Context::new(m.owner, Some(m))?;
    let image = &cx.assembly.image;
    let unreadable = |e: LoadError| Fault::at(0, Rule::Image, e.to_string());
    let rid = m.rid().unwrap_or(0);
    let raw = image
        .method_def(rid)
        .and_then(|row| image.method_body(row))
        .map_err(|e| unreadable(e.into()))?;
    let Some(raw) = raw else {
        return Ok(());
    };
    let mut catch = |token| -> Check<TypeId> {
        let ty = cx.ty(token)?;
        match Value::of(ty) {
            Value::Object(_) | Value::Struct(_) if !ty.is_value() => Ok(ty.id),
            _ => fault(
                0,
                Rule::Clauses,
                format!("{} cannot be caught", ty.full_name()),
            ),
        }
    };
    let code = Code::read(&raw, &mut catch)?;
    let mut locals = Vec::new();
    for local in image.locals(&raw).map_err(|e| unreadable(e.into()))? {
        let ty = cx.assembly.resolve_sig(&local.ty, cx.scope())?;
        cx.check_type(ty)?;
        if ty.is_void() {
            return fault(0, Rule::Variable, "a local variable of type void");
        }
        locals.push(ty);
    }
    if !locals.is_empty() && !raw.init_locals {
        return fault(0, Rule::InitLocals, "the header does not say so");
    }
    let sig = m.sig()?;
    let mut args = Vec::with_capacity(sig.params.len() + 1);
    if sig.has_this {
        let is_value = m.owner.is_value();
        args.push(if is_value {
            types().by_ref(m.owner)?
        } else {
            m.owner
        });
    }
    for &ty in sig.params.iter().chain([&sig.ret]) {
        cx.check_type(ty)?;
    }
    args.extend(&sig.params);
    let is_object = m.owner == types().known.object();
    let mut v = Verifier {
        makes_object: m.is_ctor() && sig.has_this && !m.owner.is_value() && !is_object,
        this_changes: sig.has_this && changes_this(&code),
        leaky: vec![false; locals.len()],
        again: false,
        known: vec![None; code.instructions.len()],
        work: BTreeSet::new(),
        at: 0,
        state: State {
            stack: Vec::new(),
            this_ready: true,
        },
        max_stack: usize::from(raw.max_stack),
        is_vararg: sig.vararg,
        ret: sig.ret,
        cx: &cx,
        method: m,
        code: &code,
        args,
        locals,
    };
    loop {
        v.run()?;
        if !std::mem::take(&mut v.again) {
            return Ok(());
        }
    }
}

/// Whether a body stores into argument 0, or takes its address.
fn changes_this(code: &Code) -> bool {
    let writes = |i: &Instruction| {
        matches!(i.row.form, Form::With(Kind::StArg | Kind::LdArgA)) && i.operand == 0
    };
    code.instructions.iter().any(writes)
}

impl Verifier<'_> {
    /// The instruction that is being run.
    pub fn here(&self) -> &Instruction {
        &self.code.instructions[self.at as usize]
    }

    /// The error of a broken rule here.
    pub fn no<T>(&self, rule: Rule, text: impl Into<String>) -> Check<T> {
        let here = self.here();
        let text = text.into();
        fault(here.il, rule, format!("{}: {text}", here.row.mnemonic))
    }

    fn run(&mut self) -> Check<()> {
        self.known.iter_mut().for_each(|k| *k = None);
        let start = State {
            stack: Vec::new(),
            this_ready: !self.makes_object,
        };
        self.known[0] = Some(start);
        self.work.insert(0);
        while let Some(at) = self.work.pop_first() {
            self.walk(at)?;
        }
        Ok(())
    }

    /// Runs instructions from one where paths can meet to the next.
    fn walk(&mut self, start: u32) -> Check<()> {
        self.at = start;
        let Some(state) = self.known[start as usize].clone() else {
            return Ok(());
        };
        self.state = state;
        loop {
            self.enter_try()?;
            // A fault of a token has no place yet.
            let il = self.here().il;
            let next = self.step().map_err(|f| Fault { il, ..f })?;
            if self.state.stack.len() > self.max_stack {
                let text = format!(
                    "{} values, {} declared",
                    self.state.stack.len(),
                    self.max_stack
                );
                return self.no(Rule::MaxStack, text);
            }
            let falls = match next {
                Next::Fall => true,
                Next::End => false,
                Next::Leave(target) => {
                    let may = self.code.regions.may_leave(self.at, target);
                    may.or_else(|why| self.no(Rule::Region, why))?;
                    self.state.stack.clear();
                    self.flow(target)?;
                    false
                }
                Next::Jump { targets, falls } => {
                    for target in targets {
                        self.go(target)?;
                    }
                    falls
                }
            };
            if !falls {
                return Ok(());
            }
            let next = self.at + 1;
            if next as usize == self.code.instructions.len() {
                return self.no(Rule::FallOff, "nothing follows");
            }
            self.go_check(next)?;
            if self.code.instructions[next as usize].is_target {
                return self.flow(next);
            }
            self.at = next;
        }
    }

    fn go_check(&self, target: u32) -> Check<()> {
        let regions = &self.code.regions;
        if regions.may_go(regions.region_of(self.at), target) {
            return Ok(());
        }
        self.no(
            Rule::Region,
            "control enters or leaves a protected block, handler or filter",
        )
    }

    /// A branch.
    fn go(&mut self, target: u32) -> Check<()> {
        self.go_check(target)?;
        self.flow(target)
    }

    /// What is known here holds at `target` too.
    fn flow(&mut self, target: u32) -> Check<()> {
        let il = self.code.instructions[target as usize].il;
        let known = &mut self.known[target as usize];
        let changed = match known {
            Some(known) => known.join(self.cx, &self.state, il)?,
            None => {
                *known = Some(self.state.clone());
                true
            }
        };
        if changed {
            self.work.insert(target);
        }
        Ok(())
    }

    /// Where a protected block begins: its handlers can come next.
    fn enter_try(&mut self) -> Check<()> {
        if !self.code.regions.starts_try(self.at) {
            return Ok(());
        }
        if !self.state.stack.is_empty() {
            return self.no(
                Rule::Depth,
                "a protected block begins with values on the stack",
            );
        }
        let (code, at) = (self.code, self.at);
        for clause in code.regions.clauses.iter().filter(|c| c.body.start == at) {
            let exception = match clause.kind {
                ClauseKind::Catch(ty) => Some(Value::boxed(types().ty(ty))),
                ClauseKind::Filter(_) => Some(Value::Object(types().known.object())),
                ClauseKind::Finally | ClauseKind::Fault => None,
            };
            self.state.stack.extend(exception.map(Slot::from));
            if let ClauseKind::Filter(start) = clause.kind {
                self.flow(start)?;
            }
            self.flow(clause.handler.start)?;
            self.state.stack.clear();
        }
        Ok(())
    }

    // ---- the stack

    pub fn push(&mut self, value: Value) {
        self.state.stack.push(value.into());
    }

    /// Pushes a value of a location's type; nothing for `void`.
    pub fn push_ty(&mut self, ty: &'static Type) {
        if !ty.is_void() {
            self.push(Value::of(ty));
        }
    }

    pub fn pop_slot(&mut self) -> Check<Slot> {
        match self.state.stack.pop() {
            Some(slot) => Ok(slot),
            None => self.no(Rule::Underflow, "the stack is empty"),
        }
    }

    /// Takes a value for anything but what is special about `this` in constructors.
    pub fn pop(&mut self) -> Check<Value> {
        let slot = self.pop_slot()?;
        if slot.role == Role::Raw {
            return self.no(Rule::ThisUninitialized, "no constructor was called yet");
        }
        Ok(slot.value)
    }

    /// Takes a value that goes to a location of a type.
    pub fn pop_for(&mut self, ty: &'static Type, what: &str) -> Check<Value> {
        let value = self.pop()?;
        if !super::relations::assignable(self.cx, value, ty) {
            let text = format!("{what}: {value} is not assignable to {}", ty.full_name());
            return self.no(Rule::Assign, text);
        }
        if let Value::ByRef(
            _,
            Pointer {
                read_only: true, ..
            },
        ) = value
        {
            return self.no(Rule::ReadOnly, format!("{what}: {value} is given away"));
        }
        Ok(value)
    }

    /// Takes a managed pointer to any type; gives the type.
    pub fn pop_pointer(&mut self) -> Check<(&'static Type, Pointer)> {
        match self.pop()? {
            Value::ByRef(ty, pointer) => Ok((ty, pointer)),
            Value::Native | Value::I32 => self.no(Rule::UnmanagedPointer, "through a number"),
            other => self.no(Rule::ManagedPointer, format!("{other} is no pointer")),
        }
    }

    /// Takes a pointer to write through.
    pub fn pop_writable(&mut self) -> Check<(&'static Type, Pointer)> {
        let (ty, pointer) = self.pop_pointer()?;
        if pointer.read_only {
            return self.no(Rule::ReadOnly, format!("{}& is read-only", ty.full_name()));
        }
        Ok((ty, pointer))
    }

    // ---- variables

    fn variable(&self, list: &[&'static Type], what: &str) -> Check<&'static Type> {
        let n = match self.here().row.form {
            Form::Op(Op::LdArg(n) | Op::LdLoc(n) | Op::StLoc(n)) => usize::from(n),
            _ => self.here().operand as usize,
        };
        match list.get(n) {
            Some(ty) => Ok(ty),
            None => self.no(Rule::Variable, format!("there is no {what} {n}")),
        }
    }

    fn number(&self) -> usize {
        match self.here().row.form {
            Form::Op(Op::LdArg(n) | Op::LdLoc(n) | Op::StLoc(n)) => usize::from(n),
            _ => self.here().operand as usize,
        }
    }

    pub fn load_argument(&mut self) -> Check<()> {
        let ty = self.variable(&self.args, "argument")?;
        let is_this = self.number() == 0 && self.method.sig()?.has_this && !self.this_changes;
        let role = match is_this {
            true if !self.state.this_ready => Role::Raw,
            true => Role::This,
            false => Role::Any,
        };
        if self.number() == 0 && self.makes_object && !self.state.this_ready && !is_this {
            return self.no(Rule::ThisUninitialized, "argument 0 is stored to");
        }
        let mut value = Value::of(ty);
        // A struct that its own method runs on may be a variable of the caller, which takes results for other places (see `calls`).
        if self.number() == 0
            && self.method.sig()?.has_this
            && let Value::ByRef(_, pointer) = &mut value
        {
            pointer.local = true;
        }
        self.state.stack.push(Slot { value, role });
        Ok(())
    }

    pub fn store_argument(&mut self) -> Check<()> {
        let ty = self.variable(&self.args, "argument")?;
        let value = self.pop_for(ty, "argument")?;
        if let Value::ByRef(_, Pointer { local: true, .. }) = value {
            return self.no(Rule::Escape, "the argument would point to a variable");
        }
        Ok(())
    }

    pub fn load_local(&mut self) -> Check<()> {
        let ty = self.variable(&self.locals, "local variable")?;
        let value = match Value::of(ty) {
            Value::ByRef(to, _) => {
                let local = self.leaky[self.number()];
                let read_only = false;
                Value::ByRef(to, Pointer { read_only, local })
            }
            other => other,
        };
        self.push(value);
        Ok(())
    }

    pub fn store_local(&mut self) -> Check<()> {
        let ty = self.variable(&self.locals, "local variable")?;
        let value = self.pop_for(ty, "local variable")?;
        let n = self.number();
        if let Value::ByRef(_, Pointer { local: true, .. }) = value
            && !self.leaky[n]
        {
            self.leaky[n] = true;
            self.again = true;
        }
        Ok(())
    }

    /// `ldarga` and `ldloca`.
    pub fn address(&mut self, of_local: bool) -> Check<()> {
        let ty = match of_local {
            true => self.variable(&self.locals, "local variable")?,
            false => self.variable(&self.args, "argument")?,
        };
        if let TypeKey::ByRef(_) = ty.key {
            return self.no(Rule::ByRefLike, "a pointer to a managed pointer");
        }
        if !of_local && self.number() == 0 && !self.state.this_ready {
            return self.no(Rule::ThisUninitialized, "no constructor was called yet");
        }
        let pointer = Pointer {
            read_only: false,
            local: true,
        };
        self.push(Value::ByRef(ty, pointer));
        Ok(())
    }
}
