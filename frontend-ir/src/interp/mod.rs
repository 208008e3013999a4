//! An interpreter of stack IR: the oracle that compilers are compared with.
//!
//! It follows the text of the standard one instruction at a time, checks the types of operands as it goes (it does not
//! believe the verifier), and has real object layouts in simulated memory ([`memory`]). It is not fast.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`value`] | values |
//! | [`memory`] | simulated memory |
//! | [`arith`] | arithmetic, comparisons, conversions |
//! | [`world`] | objects, classes, symbols; shared with the SSA interpreter |
//! | [`host`] | the functions of the prelude |
//! | `exec` | frames, the instruction loop |
//! | `access` | instructions on memory, objects, arrays, fields |
//! | `call` | calls, class initialization, threads |
//! | `unwind` | two-pass exceptions, `leave`, handlers |

mod access;
pub mod arith;
mod call;
mod exec;
pub mod host;
pub mod memory;
mod unwind;
pub mod value;
pub mod world;

pub use exec::Interp;
pub use value::Value;
pub use world::{Limits, World};

use crate::module::Module;

/// How a program ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// `main` returned this (0 if it has no result).
    Exit(i32),
    /// No handler caught an exception of this class.
    Unhandled(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Exit(code) => write!(f, "exit {code}"),
            End::Unhandled(class) => write!(f, "unhandled {class}"),
        }
    }
}

/// What a program did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Lines printed.
    pub output: Vec<String>,
    /// How it ended.
    pub end: End,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.output {
            writeln!(f, "{line}")?;
        }
        write!(f, "{}", self.end)
    }
}

/// Why a program could not be run to its end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RunError {
    /// The program is wrong in a way that the verifier should have found, or does what no engine defines.
    #[error("{0}")]
    Invalid(String),
    /// It took too many steps.
    #[error("step limit reached")]
    Steps,
}

/// Runs a module's `main`.
pub fn run(module: &Module, limits: Limits) -> Result<Outcome, RunError> {
    let entry = module
        .entry
        .ok_or_else(|| RunError::Invalid("there is no main".to_string()))?;
    let mut interp = Interp::new(World::new(module, limits));
    let end = interp.run_main(entry)?;
    Ok(Outcome {
        output: interp.world.output,
        end,
    })
}

/// The `// expect:` block at the head of a program: the lines after it up to the first that is no comment. The last is
/// `exit N` or `unhandled Class`.
pub fn expected(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|l| l.trim() != "// expect:");
    lines.next()?;
    let block = lines.map_while(|l| l.strip_prefix("//"));
    Some(
        block
            .map(|l| l.strip_prefix(' ').unwrap_or(l))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}
