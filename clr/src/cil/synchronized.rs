//! Synchronized methods (`MethodImplOptions.Synchronized`): the body holds a lock while it runs, that of `this` or, in static methods,
//! of the type.
//!
//! ```text
//!   lock = this or typeof(T)                 instructions before the first one of the method
//!   Monitor.Enter(lock)
//!   try { the body; ret ⇒ result = …, leave end }
//!   finally { Monitor.Exit(lock) }
//!   end: return result
//! ```
//!
//! The body stays one method, so that stack traces and IL offsets are what they are without a lock.

use super::Decoder;
use crate::types::{LoadError, Method, Result, types};
use isthmus_frontend_ir::body::Local;
use isthmus_frontend_ir::op::{Insn, Op, Prefix, Token};
use isthmus_frontend_ir::region::{Clause, ClauseKind};
use isthmus_runtime_abi::types::MemTy;

/// The lock of a body that is being decoded.
pub(super) struct Lock {
    /// Local with the object.
    object: u16,
    /// Local with the result.
    result: Option<u16>,
    /// Index of the first instruction of the method's own.
    pub(super) begin: u32,
    /// Leaves that stand for returns.
    returns: Vec<u32>,
}

fn monitor(name: &str) -> Result<&'static Method> {
    let missing = || LoadError::type_load(format!("there is no System.Threading.Monitor.{name}"));
    types()
        .corlib()
        .find_type("System.Threading", "Monitor")
        .and_then(|t| t.method(name, 1))
        .ok_or_else(missing)
}

impl Decoder {
    fn new_local(&mut self, ty: MemTy) -> u16 {
        self.locals.push(Local {
            ty,
            class: None,
            pinned: false,
        });
        self.locals.len() as u16 - 1
    }

    /// Before the first instruction of a synchronized method.
    pub(super) fn begin_lock(&mut self) -> Result<()> {
        let sig = self.method.abi()?;
        let object = self.new_local(MemTy::Ref);
        let result = sig.ret.map(|ty| self.new_local(ty));
        let load: &[Op] = if sig.has_this {
            &[Op::LdArg(0)]
        } else {
            let of_handle = types().corlib().find_type("System", "Type");
            let of_handle = of_handle.and_then(|t| t.method("GetTypeFromHandle", 1));
            let missing = || LoadError::type_load("there is no System.Type.GetTypeFromHandle");
            let of_handle = of_handle.ok_or_else(missing)?;
            &[
                Op::LdToken(Token::Type(self.method.owner.id)),
                Op::Call(of_handle.id),
            ]
        };
        let enter = monitor("Enter")?.id;
        let rest = [Op::StLoc(object), Op::LdLoc(object), Op::Call(enter)];
        for &op in load.iter().chain(&rest) {
            self.push(Insn::new(op, 0));
        }
        self.lock = Some(Lock {
            object,
            result,
            begin: self.code.len() as u32,
            returns: Vec::new(),
        });
        Ok(())
    }

    /// Instructions for a `ret` in a synchronized method.
    pub(super) fn leave_lock(&mut self, il: u32) {
        let Some(result) = self.lock.as_ref().map(|l| l.result) else {
            return;
        };
        if let Some(result) = result {
            self.push(Insn::new(Op::StLoc(result), il));
        }
        let at = self.code.len() as u32;
        self.push(Insn::new(Op::Leave(0), il));
        if let Some(lock) = &mut self.lock {
            lock.returns.push(at);
        }
    }

    /// After the last instruction: the handler and the end, and the clause.
    pub(super) fn end_lock(&mut self, il: u32) -> Result<Option<Clause>> {
        let Some(lock) = self.lock.take() else {
            return Ok(None);
        };
        for insn in &mut self.code {
            insn.prefix.remove(Prefix::TAIL);
        }
        let handler = self.code.len() as u32;
        let exit = monitor("Exit")?.id;
        for op in [Op::LdLoc(lock.object), Op::Call(exit), Op::EndFinally] {
            self.push(Insn::new(op, il));
        }
        let end = self.code.len() as u32;
        for op in lock.result.map(Op::LdLoc).into_iter().chain([Op::Ret]) {
            self.push(Insn::new(op, il));
        }
        for at in lock.returns {
            self.code[at as usize].op = Op::Leave(end);
        }
        self.max_stack = self.max_stack.max(2);
        Ok(Some(Clause {
            kind: ClauseKind::Finally,
            body: lock.begin..handler,
            handler: handler..end,
        }))
    }
}
