//! The `.sir` text form: modules written by hand, printed for people, parsed for tests. Grammar and example: `docs/SIR.md`.
//!
//! | module | what it does |
//! | --- | --- |
//! | `lexer` | characters → tokens with positions |
//! | `decl` | declarations of types, methods and functions |
//! | `code` | method bodies: instructions, labels, protected blocks |
//! | [`print`](mod@print) | a module or a body as text |
//!
//! A text is read in two passes, so that nothing need be declared before its use: declarations first, with bodies kept as
//! ranges of tokens; then bodies, against the finished tables of the [`Module`].

mod code;
mod decl;
mod lexer;
pub mod print;

use crate::module::decl::Pos;
use crate::module::{BuildError, Module, PRELUDE};

/// A text that is not a module.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{pos}: {message}")]
pub struct ParseError {
    /// Where.
    pub pos: Pos,
    /// What.
    pub message: String,
}

impl From<BuildError> for ParseError {
    fn from(e: BuildError) -> Self {
        ParseError {
            pos: e.pos,
            message: e.message,
        }
    }
}

pub(crate) fn fail<T>(pos: Pos, message: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError {
        pos,
        message: message.into(),
    })
}

/// Parses a module. Bodies are resolved and well formed as texts; [`crate::verify`] says whether they make sense.
pub fn parse(text: &str) -> Result<Module, ParseError> {
    let mut module = Module::empty();
    add(&mut module, PRELUDE, true)?;
    add(&mut module, text, false)?;
    module.complete()?;
    declare_depths(&mut module);
    Ok(module)
}

/// Sets `max_stack` where the text declares none.
fn declare_depths(module: &mut Module) {
    for i in 0..module.methods.len() {
        let Some(body) = module.methods[i]
            .body
            .as_ref()
            .filter(|b| b.max_stack == code::UNDECLARED)
        else {
            continue;
        };
        // A body that makes no sense is the verifier's business.
        let depth = crate::verify::max_depth(module, body).unwrap_or(64);
        let mut body = crate::body::Body::clone(body);
        body.max_stack = depth;
        module.methods[i].body = Some(std::sync::Arc::new(body));
    }
}

fn add(module: &mut Module, text: &str, builtin: bool) -> Result<(), ParseError> {
    let tokens = lexer::tokens(text)?;
    let decls = decl::parse(&tokens)?;
    for (method, range) in module.add(&decls, builtin)? {
        code::parse(module, method, &tokens[range])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
