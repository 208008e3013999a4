//! The verifier: whether CIL is type safe (ECMA-335 III.1.8), and whether the metadata around it are what code may rely on.
//!
//! Each method is run over types instead of values, each instruction until the types before it no longer change. Generic code is verified
//! once, over its own parameters and what their constraints say.
//!
//! ```text
//!   bytes ── code ──▶ instructions, regions          metadata of a type ── classes ──▶ faults
//!                          │
//!                        flow ◀──▶ state: a slot for each value on the stack, whether `this` is initialized
//!                          │
//!                        step ──▶ numbers, objects, arrays, calls      each checks operands against `relations`
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`rules`] | the rules with their sections, as a table |
//! | `code` | decoding of bodies |
//! | `context` | what tokens mean in the method, and what it may see |
//! | `value` | types of values on the stack, and how those of two paths join |
//! | `relations` | what is assignable to what, constraints |
//! | `flow` | paths through a body |
//! | `step`, `numbers`, `objects`, `arrays`, `calls`, `delegates` | the instructions |
//! | `classes` | rules for types |
//!
//! A [`Fault`] is the first thing that is wrong with a method. Code that no path reaches is only decoded.

mod arrays;
mod calls;
mod classes;
mod code;
mod context;
mod delegates;
mod flow;
mod numbers;
mod objects;
mod relations;
pub mod rules;
mod step;
mod value;

use crate::body;
use crate::types::missing::{self, keep};
use crate::types::system::Assembly;
use crate::types::{LoadError, LoadErrorKind, Method, Result, Type, TypeKey, types};
use rules::{Rule, Severity};
use std::fmt;

/// Something that breaks a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Offset of the instruction; 0 for what is not about one.
    pub il: u32,
    /// The rule.
    pub rule: Rule,
    /// What is wrong.
    pub text: String,
}

type Check<T> = std::result::Result<T, Fault>;

impl Fault {
    fn at(il: u32, rule: Rule, text: impl Into<String>) -> Fault {
        Fault {
            il,
            rule,
            text: text.into(),
        }
    }
}

fn fault<T>(il: u32, rule: Rule, text: impl Into<String>) -> Check<T> {
    Err(Fault::at(il, rule, text))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "IL_{:04x}: {} ({}): {}",
            self.il,
            self.rule.name(),
            self.rule.section(),
            self.text
        )
    }
}

impl From<LoadError> for Fault {
    fn from(e: LoadError) -> Fault {
        Fault::at(0, Rule::Token, e.to_string())
    }
}

/// Verifies the body of a method of an assembly. Any instantiation stands for the generic definition. Methods without CIL have nothing
/// to verify.
pub fn method(m: &'static Method) -> Check<()> {
    if m.rid().is_none() || !body::has_il(m) {
        return Ok(());
    }
    flow::verify(generic(m)?)
}

/// Verifies what the metadata say of a type: the first fault of each kind of thing, with the name of the member that it is about.
pub fn type_def(ty: &'static Type) -> Vec<(String, Fault)> {
    classes::verify(ty.definition())
}

/// Whether a program that must be verified may run a method. The error is the exception that it throws instead.
pub fn accept(m: &'static Method) -> Result<()> {
    let refuse = |what: &str, f: &Fault| {
        let kind = match f.rule.severity() {
            Severity::Invalid => LoadErrorKind::InvalidProgram,
            Severity::Unverifiable => LoadErrorKind::Verification,
        };
        LoadError::new(kind, format!("Error verifying {what}: {f}"))
    };
    if let Some((what, f)) = type_def(m.owner).first() {
        return Err(refuse(what, f));
    }
    method(m).map_err(|f| refuse(&m.full_name(), &f))
}

/// What is checked of every class of a program when it is first used, verified or not: that it implements what it has to.
pub fn loadable(ty: &'static Type) -> Result<()> {
    if ty
        .assembly
        .is_none_or(|a| a.is_library() || a.piece.is_some())
    {
        return Ok(());
    }
    let check = || {
        let noted = missing::count();
        match classes::loadable(ty) {
            Err(f) if noted == missing::count() => Err(LoadError::type_load(f.text)),
            // It cannot be told yet: what it consists of is missing.
            Err(f) => Err(LoadError::new(LoadErrorKind::FileNotFound, f.text)),
            Ok(()) => Ok(()),
        }
    };
    keep(&ty.runtime.loadable, check).copied()
}

/// What is checked where code of a program boxes a type or passes types to generic code: structs that cannot leave the stack do not take part.
pub fn leaves_stack(
    types: &[&'static Type],
    kind: LoadErrorKind,
    what: std::fmt::Arguments<'_>,
) -> Result<()> {
    let stuck = |t: &&&'static Type| {
        let own = t.assembly.is_some_and(|a| !a.is_library());
        own && relations::is_marked_by_ref_like(t)
    };
    match types.iter().find(stuck) {
        None => Ok(()),
        Some(t) => Err(LoadError::new(
            kind,
            format!("{} cannot leave the stack: {what}", t.full_name()),
        )),
    }
}

/// A type over its own parameters.
pub fn over_itself(ty: &'static Type) -> Result<&'static Type> {
    let def = ty.definition();
    let vars: Vec<&'static Type> = (0..def.generic_arity() as u32)
        .map(|n| types().intern(TypeKey::Var(n)))
        .collect::<Result<_>>()?;
    types().instantiate(def, &vars)
}

/// A method over its own parameters and those of its class.
fn generic(m: &'static Method) -> Result<&'static Method> {
    let vars: Vec<&'static Type> = (0..m.arity)
        .map(|n| types().intern(TypeKey::MVar(n)))
        .collect::<Result<_>>()?;
    types().methods.intern(over_itself(m.owner)?, m.kind, &vars)
}

/// All types that an assembly defines, and their methods, over their own parameters.
pub fn members(
    assembly: &'static Assembly,
) -> impl Iterator<Item = Result<(&'static Type, Vec<&'static Method>)>> {
    use crate::metadata::TableId;
    (1..=assembly.image.tables().rows(TableId::TypeDef)).map(move |rid| {
        let ty = over_itself(assembly.type_def(rid)?)?;
        let methods = ty
            .methods()?
            .iter()
            .map(|m| generic(m))
            .collect::<Result<_>>()?;
        Ok((ty, methods))
    })
}
