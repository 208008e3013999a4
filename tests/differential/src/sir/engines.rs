//! The engines that run stack IR, and how a process runs one.

use isthmus_child_process::{self as child, End};
use isthmus_frontend_ir::interp::{self, Limits, Outcome};
use isthmus_frontend_ir::{text, verify};
use isthmus_rt::tiers::Tiering;
use isthmus_runtime_abi::target::Arch;
use isthmus_toyvm::{Options, Tier};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// An engine of the table.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// Its name on the command line.
    pub name: &'static str,
    kind: Kind,
    /// Collect at every so many allocations.
    gc_stress: u32,
    /// One batch in so many runs on it.
    pub every: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    SsaInterpreter,
    Compiled(Tier),
}

const fn engine(name: &'static str, kind: Kind, gc_stress: u32, every: u64) -> Engine {
    Engine {
        name,
        kind,
        gc_stress,
        every,
    }
}

/// All engines but the reference, which is the interpreter.
pub const ENGINES: &[Engine] = &[
    engine("baseline", Kind::Compiled(Tier::Baseline), 0, 1),
    engine("opt", Kind::Compiled(Tier::Opt), 0, 1),
    engine("auto", Kind::Compiled(Tier::Auto), 0, 2),
    engine("ssa-interp", Kind::SsaInterpreter, 0, 16),
    engine("baseline-gc", Kind::Compiled(Tier::Baseline), 23, 16),
    engine("opt-gc", Kind::Compiled(Tier::Opt), 23, 8),
    engine("auto-gc", Kind::Compiled(Tier::Auto), 23, 16),
];

impl Engine {
    /// The engine of this name.
    pub fn named(name: &str) -> Option<&'static Engine> {
        ENGINES.iter().find(|e| e.name == name)
    }

    /// Runs a program in this process, which can do so once.
    pub fn run_here(&self, source: &str) -> anyhow::Result<Outcome> {
        let module = text::parse(source)?;
        let tier = match self.kind {
            Kind::SsaInterpreter => {
                let options = isthmus_ssa::Options::new(Arch::host().unwrap_or(Arch::X64));
                return Ok(isthmus_ssa::interp::run(
                    &module,
                    Limits::default(),
                    &options,
                )?);
            }
            Kind::Compiled(tier) => tier,
        };
        let mut heap = isthmus_rt::gc::HeapOptions::default();
        heap.apply(if self.gc_stress == 0 {
            ""
        } else {
            "move=always"
        })?;
        heap.stress = self.gc_stress;
        // Every method is optimized at its third call, every loop goes over to optimized code at its third turn.
        let tiering = Tiering {
            background: false,
            calls: 3,
            loops: 3,
        };
        let options = Options {
            tier,
            tiering,
            no_fallback: false,
            heap,
        };
        Ok(isthmus_toyvm::run(module, options)?.0)
    }

    /// What the engine prints for the program in a file, in a process of its own: `program` started with `run --engine NAME FILE`. A process
    /// that does not end well prints how it ended instead.
    pub fn run_apart(&self, program: &Path, file: &Path, limit: Duration) -> String {
        let mut command = Command::new(program);
        command.args(["run", "--engine", self.name]).arg(file);
        match child::run(&mut command, "", limit) {
            Ok(outcome) if outcome.end == End::Exit(0) => {
                String::from_utf8_lossy(&outcome.stdout).into_owned()
            }
            Ok(outcome) => format!("{CRASH}{}", outcome.failure().unwrap_or_default()),
            Err(error) => format!("{CRASH}{error}"),
        }
    }
}

/// How the text of a process begins that did not end well.
pub const CRASH: &str = "!! ";

/// What the reference said.
pub enum Expected {
    /// This is what every engine must print.
    Text(String),
    /// It ran too long.
    Long,
    /// The program is wrong.
    Invalid(String),
}

/// Steps that a program may take.
pub const STEPS: u64 = 200_000;

/// Asks the interpreter, after the verifier.
pub fn expected(source: &str, steps: u64) -> Expected {
    let module = match text::parse(source) {
        Ok(module) => module,
        Err(error) => return Expected::Invalid(error.to_string()),
    };
    for method in module.method_ids() {
        if let Some(body) = &module.method_def(method).body
            && let Err(error) = verify::verify(&module, body)
        {
            return Expected::Invalid(error.to_string());
        }
    }
    let limits = Limits {
        steps,
        ..Limits::default()
    };
    match interp::run(&module, limits) {
        Ok(outcome) => Expected::Text(outcome.to_string()),
        Err(interp::RunError::Steps) => Expected::Long,
        Err(error) => Expected::Invalid(error.to_string()),
    }
}

/// Where two outputs differ, for people.
pub fn difference(got: &str, wanted: &str) -> Option<String> {
    let (got, wanted) = (got.trim_end(), wanted.trim_end());
    if got == wanted {
        return None;
    }
    if let Some(how) = got.strip_prefix(CRASH) {
        return Some(how.to_string());
    }
    let same = std::iter::zip(got.lines(), wanted.lines()).take_while(|(a, b)| a == b);
    let line = same.count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_string();
    Some(format!(
        "line {}: {} instead of {}",
        line + 1,
        at(got),
        at(wanted)
    ))
}
