//! A method body, and where compilers get bodies from.

use crate::op::Insn;
use crate::region::RegionTree;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::types::{MemTy, Signature};
use isthmus_runtime_abi::vm::CompileEnv;
use std::sync::Arc;

/// A local variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// Type in memory.
    pub ty: MemTy,
    /// Declared class, where the VM knows more than `Ref` (helps devirtualization).
    pub class: Option<TypeId>,
    /// Declared `pinned`: keeps a stack slot for its whole scope.
    pub pinned: bool,
}

/// A method body in stack IR.
#[derive(Clone, Debug)]
pub struct Body {
    /// The method.
    pub method: MethodId,
    /// Its signature; arguments are its parameters.
    pub sig: Arc<Signature>,
    /// Declared classes of the arguments, where known; same length as `sig.params`.
    pub arg_classes: Vec<Option<TypeId>>,
    /// Locals.
    pub locals: Vec<Local>,
    /// Whether locals start as zero (`.locals init`). References always do.
    pub init_locals: bool,
    /// Declared maximum stack depth, in entries.
    pub max_stack: u16,
    /// Instructions.
    pub code: Vec<Insn>,
    /// Target lists of `switch` instructions, as instruction indices.
    pub switches: Vec<Vec<u32>>,
    /// Exception clauses.
    pub regions: RegionTree,
    /// Bytes of the source body, for statistics.
    pub il_size: u32,
}

/// Why there is no body.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyError {
    /// Abstract, extern, runtime-provided.
    #[error("{0} has no body")]
    NoBody(String),
    /// The body is not valid; a message with method and offset.
    #[error("{0}")]
    Invalid(String),
}

/// A VM that can hand out bodies in stack IR.
pub trait BodySource: CompileEnv {
    /// The body of a method.
    fn body(&self, method: MethodId) -> Result<Arc<Body>, BodyError>;
    /// Bytes of source that the body has, if that can be told without making it.
    fn il_size(&self, _method: MethodId) -> Option<u32> {
        None
    }
}
