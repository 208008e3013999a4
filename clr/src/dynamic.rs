//! Dynamic methods (`System.Reflection.Emit.DynamicMethod`): what a program generated, copied out of its objects.
//!
//! ```text
//!   DynamicMethod ── ilgen ──▶ code, locals, exception blocks          read once, by `icalls::emit`
//!                 └─ refs ───▶ types, members, strings, signatures     a token is an index into these
//! ```
//!
//! A method of kind [`MethodKind::Dynamic`](crate::types::MethodKind) has the number of one of these.

use crate::metadata::Token;
use crate::types::member::ResolvedSig;
use crate::types::{Field, LoadError, LoadErrorKind, Method, Result, Type};
use isthmus_runtime_abi::ids::{LiteralId, SigId};
use parking_lot::Mutex;

/// What a token of a dynamic method means.
#[derive(Clone, Copy, Debug)]
pub enum Reference {
    /// A type.
    Type(&'static Type),
    /// A method or constructor.
    Method(&'static Method),
    /// A field.
    Field(&'static Field),
    /// A literal.
    Text(LiteralId),
    /// A signature of `calli`.
    Signature(SigId),
}

/// Kind of an exception clause.
#[derive(Clone, Copy, Debug)]
pub enum ClauseKind {
    /// `catch` of a type.
    Catch(&'static Type),
    /// A filter, by its IL offset.
    Filter(u32),
    /// `finally`.
    Finally,
    /// `fault`.
    Fault,
}

/// An exception clause; IL offsets.
#[derive(Clone, Copy, Debug)]
pub struct Clause {
    /// Kind.
    pub kind: ClauseKind,
    /// Start and length of the protected code.
    pub body: (u32, u32),
    /// Start and length of the handler.
    pub handler: (u32, u32),
}

/// A dynamic method.
#[derive(Debug)]
pub struct DynamicMethod {
    /// Name.
    pub name: &'static str,
    /// Signature.
    pub sig: ResolvedSig,
    /// CIL.
    pub code: Vec<u8>,
    /// Depth of the evaluation stack.
    pub max_stack: u16,
    /// Whether locals start as zero.
    pub init_locals: bool,
    /// Types of locals, and whether they are pinned.
    pub locals: Vec<(&'static Type, bool)>,
    /// Exception clauses, inner ones first.
    pub clauses: Vec<Clause>,
    /// What tokens mean, in the order of the program's list.
    pub references: Vec<Option<Reference>>,
}

static METHODS: Mutex<Vec<&'static DynamicMethod>> = Mutex::new(Vec::new());

impl DynamicMethod {
    /// Keeps a dynamic method; its number. It lives as long as the process.
    pub fn add(self) -> u32 {
        let mut methods = METHODS.lock();
        methods.push(Box::leak(Box::new(self)));
        methods.len() as u32 - 1
    }

    /// The dynamic method of a number that [`Self::add`] gave.
    pub fn get(number: u32) -> &'static DynamicMethod {
        METHODS.lock()[number as usize]
    }

    fn reference(&self, token: Token) -> Result<Reference> {
        // Tokens count from 1 (`DynamicMethod.AddRef`).
        let index = (token.raw() & 0x00ff_ffff).wrapping_sub(1) as usize;
        let found = self.references.get(index).copied().flatten();
        found.ok_or_else(|| self.bad(token))
    }

    fn bad(&self, token: Token) -> LoadError {
        let text = format!("{}: token {:#x} means nothing here", self.name, token.raw());
        LoadError::new(LoadErrorKind::InvalidProgram, text)
    }

    /// The type that a token means.
    pub fn ty(&self, token: Token) -> Result<&'static Type> {
        match self.reference(token)? {
            Reference::Type(ty) => Ok(ty),
            _ => Err(self.bad(token)),
        }
    }

    /// The method that a token means.
    pub fn method(&self, token: Token) -> Result<&'static Method> {
        match self.reference(token)? {
            Reference::Method(m) => Ok(m),
            _ => Err(self.bad(token)),
        }
    }

    /// The field that a token means.
    pub fn field(&self, token: Token) -> Result<&'static Field> {
        match self.reference(token)? {
            Reference::Field(f) => Ok(f),
            _ => Err(self.bad(token)),
        }
    }

    /// The literal that a token means.
    pub fn text(&self, token: Token) -> Result<LiteralId> {
        match self.reference(token)? {
            Reference::Text(t) => Ok(t),
            _ => Err(self.bad(token)),
        }
    }

    /// The signature that a token means.
    pub fn signature(&self, token: Token) -> Result<SigId> {
        match self.reference(token)? {
            Reference::Signature(s) => Ok(s),
            _ => Err(self.bad(token)),
        }
    }

    /// What a token of `ldtoken` means.
    pub fn item(&self, token: Token) -> Result<Reference> {
        self.reference(token)
    }
}
