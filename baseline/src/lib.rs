//! The baseline compiler: from stack IR to machine code in one pass.
//!
//! It serves as tier 0 and as the fallback for methods that the optimizing compiler declines; it knows neither
//! SSA nor Cranelift. Instructions are compiled in order; the evaluation stack is simulated, so that values stay in registers
//! within a block and constants and variables are operands where they are used.
//!
//! ```text
//!   Body ──scan──▶ targets, reachability, uses          (one walk)
//!     └──Gen──▶ prologue │ instructions │ finally dispatch │ cold code ──▶ CompiledMethod
//!                            for each filter the same, as a function of its own
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`error`] | declines and errors |
//! | `target` | registers of an architecture |
//! | `scan` | the look ahead |
//! | `state` | the state of a compilation |
//! | `value`, `stack`, `operands` | stack entries and registers; the evaluation stack; its entries as operands |
//! | `frame`, `entry`, `vars` | the frame, making it; where variables live |
//! | `moves`, `cold`, `sites` | parallel moves; slow paths; call sites and traps |
//! | `method` | prologue, the loop over the instructions, result |
//! | `control`, `compare`, `arith`, `conv` | branches, comparisons, numbers |
//! | `memory`, `fields`, `arrays`, `objects` | loads and stores, barriers; fields, arrays, boxes, casts |
//! | `handles`, `calls`, `varargs`, `tail`, `intrinsics` | symbols and look-ups, calls |
//! | `count` | counters, going over to optimized code in a loop |
//! | `exceptions` | landing pads, finally, filters |

pub mod error;

mod arith;
mod arrays;
mod calls;
mod cold;
mod compare;
mod control;
mod conv;
mod count;
mod entry;
mod exceptions;
mod fields;
mod frame;
mod handles;
mod intrinsics;
mod memory;
mod method;
mod moves;
mod objects;
mod operands;
mod scan;
mod sites;
mod stack;
mod state;
mod tail;
mod target;
mod value;
mod varargs;
mod vars;

pub use count::Count;
pub use error::{CompileError, Unsupported};

use isthmus_frontend_ir::body::{Body, BodySource};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::target::Arch;

/// What the caller may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Architecture of the code.
    pub arch: Arch,
    /// Keep hot variables in registers.
    pub pin: bool,
    /// Record which code belongs to which instruction.
    pub line_map: bool,
    /// The processor rounds floats in one instruction (x86-64: SSE4.1).
    pub round: bool,
    /// Count calls and loops, and ask the runtime for optimized code when the counter has run out.
    pub count: Option<Count>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            arch: Arch::X64,
            pin: true,
            line_map: false,
            round: false,
            count: None,
        }
    }
}

impl Options {
    /// Everything that the processor this program runs on can do.
    pub fn host() -> Self {
        let mut features = FeatureSet::host().of(Arch::X64);
        let round = Arch::host() == Some(Arch::X64) && features.any(|f| f.name == "sse4.1");
        Options {
            arch: Arch::host().unwrap_or(Arch::X64),
            round,
            ..Options::default()
        }
    }
}

/// Compiles a method.
pub fn compile(
    env: &dyn BodySource,
    body: &Body,
    options: &Options,
) -> Result<CompiledMethod, CompileError> {
    match options.arch {
        Arch::X64 => method::compile::<isthmus_asm::x64::X64Asm>(env, body, options),
        Arch::A64 | Arch::A32 => Err(CompileError::Unsupported {
            what: Unsupported::Architecture,
            il: 0,
        }),
    }
}
