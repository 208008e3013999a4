//! A small assembler for the bodies that the VM makes.

use crate::types::{LoadError, LoadErrorKind, Method, Result};
use isthmus_frontend_ir::body::{Body, Local};
use isthmus_frontend_ir::op::{Insn, Op, Prefix};
use isthmus_frontend_ir::region::{Clause, ClauseKind, RegionTree};
use isthmus_runtime_abi::types::MemTy;

/// A place to jump to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(u32);

/// Builds a body.
pub struct Builder {
    method: &'static Method,
    code: Vec<Insn>,
    locals: Vec<Local>,
    /// Instruction index of each label.
    labels: Vec<u32>,
    /// Exception clauses: where the body, the handler and what follows it begin.
    clauses: Vec<(ClauseKind, [Label; 3])>,
}

impl Builder {
    /// Starts the body of a method.
    pub fn new(method: &'static Method) -> Self {
        Builder {
            method,
            code: Vec::new(),
            locals: Vec::new(),
            labels: Vec::new(),
            clauses: Vec::new(),
        }
    }

    /// The method whose body this is.
    pub fn method(&self) -> &'static Method {
        self.method
    }

    /// Adds an instruction.
    pub fn op(&mut self, op: Op) -> &mut Self {
        let il = self.code.len() as u32;
        self.code.push(Insn::new(op, il));
        self
    }

    /// Adds an instruction with a prefix.
    pub fn prefixed(&mut self, prefix: Prefix, op: Op) -> &mut Self {
        self.op(op);
        if let Some(insn) = self.code.last_mut() {
            insn.prefix = prefix;
        }
        self
    }

    /// Adds instructions.
    pub fn ops(&mut self, ops: &[Op]) -> &mut Self {
        for &op in ops {
            self.op(op);
        }
        self
    }

    /// A new local.
    pub fn local(&mut self, ty: MemTy) -> u16 {
        self.locals.push(Local {
            ty,
            class: None,
            pinned: false,
        });
        self.locals.len() as u16 - 1
    }

    /// A label to be placed.
    pub fn label(&mut self) -> Label {
        self.labels.push(u32::MAX);
        Label(self.labels.len() as u32 - 1)
    }

    /// Places a label here.
    pub fn place(&mut self, label: Label) -> &mut Self {
        self.labels[label.0 as usize] = self.code.len() as u32;
        self
    }

    /// Adds a branch: `make` gets the label's number, which [`Self::finish`] replaces by the place.
    pub fn branch(&mut self, make: impl FnOnce(u32) -> Op, to: Label) -> &mut Self {
        self.op(make(to.0))
    }

    /// Adds an exception clause: from the first label to the second is protected, from there to the third the handler.
    pub fn clause(&mut self, kind: ClauseKind, at: [Label; 3]) -> &mut Self {
        self.clauses.push((kind, at));
        self
    }

    /// The body.
    pub fn finish(mut self) -> Result<Body> {
        for insn in &mut self.code {
            let at = |n: u32| self.labels[n as usize];
            insn.op = match insn.op {
                Op::Br(n) => Op::Br(at(n)),
                Op::BrTrue(n) => Op::BrTrue(at(n)),
                Op::BrFalse(n) => Op::BrFalse(at(n)),
                Op::BrCmp(c, n) => Op::BrCmp(c, at(n)),
                Op::Leave(n) => Op::Leave(at(n)),
                other => other,
            };
        }
        let sig = self.method.abi()?;
        let len = self.code.len() as u32;
        let clauses = self.clauses.iter().map(|(kind, at)| {
            let [body, handler, end] = at.map(|label| self.labels[label.0 as usize]);
            Clause {
                kind: *kind,
                body: body..handler,
                handler: handler..end,
            }
        });
        let regions = RegionTree::build(clauses.collect(), len)
            .map_err(|e| LoadError::new(LoadErrorKind::InvalidProgram, e.to_string()))?;
        Ok(Body {
            method: self.method.id,
            arg_classes: vec![None; sig.params.len()],
            sig,
            locals: self.locals,
            init_locals: true,
            max_stack: 64,
            code: self.code,
            switches: Vec::new(),
            regions,
            il_size: len,
        })
    }
}
