//! The engines that run stack IR, and the processes that they run in: a program may be run once in a process.
//!
//! A batch runs in copies of the process that made it ([`Engine::run_copy`]), which need not read it again; programs of which many
//! variants are tried, in processes of this command ([`Engine::run_apart`]).

use isthmus_child_process::{self as child, End, fork};
use isthmus_frontend_ir::interp::{self, Limits, Outcome};
use isthmus_frontend_ir::module::Module;
use isthmus_frontend_ir::{text, verify};
use isthmus_rt::tiers::Tiering;
use isthmus_runtime_abi::target::Arch;
use isthmus_toyvm::{Options, Tier};
use std::io;
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
    /// Threads that collect; 0: as many as there are processors.
    gc_threads: usize,
    /// One batch in so many runs on it.
    pub every: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    SsaInterpreter,
    Compiled(Tier),
}

const fn engine(name: &'static str, kind: Kind, every: u64) -> Engine {
    Engine {
        name,
        kind,
        gc_stress: 0,
        gc_threads: 1,
        every,
    }
}

impl Engine {
    /// The same one, collecting all the time.
    const fn stressed(mut self, gc_threads: usize) -> Engine {
        self.gc_stress = 23;
        self.gc_threads = gc_threads;
        self
    }
}

/// All engines but the reference, which is the interpreter. What an engine has in common with one that runs every batch is a reason to run it
/// less often: what `auto` adds is going from baseline code to optimized code, what collections add are the maps of references.
pub const ENGINES: &[Engine] = &[
    engine("baseline", Kind::Compiled(Tier::Baseline), 1),
    engine("opt", Kind::Compiled(Tier::Opt), 1),
    engine("auto", Kind::Compiled(Tier::Auto), 8),
    engine("ssa-interp", Kind::SsaInterpreter, 16),
    engine("baseline-gc", Kind::Compiled(Tier::Baseline), 8).stressed(1),
    engine("opt-gc", Kind::Compiled(Tier::Opt), 16).stressed(1),
    engine("auto-gc", Kind::Compiled(Tier::Auto), 32).stressed(0),
];

impl Engine {
    /// The engine of this name.
    pub fn named(name: &str) -> Option<&'static Engine> {
        ENGINES.iter().find(|e| e.name == name)
    }

    /// Runs a program in this process, which can do so once.
    pub fn run_here(&self, module: Module) -> anyhow::Result<Outcome> {
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
        heap.threads = self.gc_threads;
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

    /// What the engine prints for the program in a file, in a process of its own: `program` started with `run --engine NAME FILE`.
    pub fn run_apart(&self, program: &Path, file: &Path, limit: Duration) -> String {
        let mut command = Command::new(program);
        command.args(["run", "--engine", self.name]).arg(file);
        said(child::run(&mut command, "", limit))
    }

    /// What the engine prints for a program, in a copy of this process, which must have one thread.
    pub fn run_copy(&self, module: &Module, limit: Duration) -> String {
        said(fork::run(|| self.show(module.clone()), limit))
    }

    /// Runs a program in this process and prints what it prints. The result is an exit code; threads of the program may still run.
    pub fn show(&self, module: Module) -> i32 {
        match self.run_here(module) {
            Ok(outcome) => {
                println!("{outcome}");
                0
            }
            Err(error) => {
                eprintln!("{error:#}");
                1
            }
        }
    }
}

/// The output of a process; of one that did not end well how it ended instead.
fn said(outcome: io::Result<child::Outcome>) -> String {
    match outcome {
        Ok(outcome) if outcome.end == End::Exit(0) => {
            String::from_utf8_lossy(&outcome.stdout).into_owned()
        }
        Ok(outcome) => format!("{CRASH}{}", outcome.failure().unwrap_or_default()),
        Err(error) => format!("{CRASH}{error}"),
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

/// Reads a program and verifies it. `Err`: what is wrong with it.
pub fn valid(source: &str) -> Result<Module, String> {
    let module = text::parse(source).map_err(|e| e.to_string())?;
    for method in module.method_ids() {
        if let Some(body) = &module.method_def(method).body {
            verify::verify(&module, body).map_err(|e| e.to_string())?;
        }
    }
    Ok(module)
}

/// Asks the interpreter about a valid program.
pub fn interpreted(module: &Module, steps: u64) -> Expected {
    let limits = Limits {
        steps,
        ..Limits::default()
    };
    match interp::run(module, limits) {
        Ok(outcome) => Expected::Text(outcome.to_string()),
        Err(interp::RunError::Steps) => Expected::Long,
        Err(error) => Expected::Invalid(error.to_string()),
    }
}

/// Asks the interpreter, after the verifier.
pub fn expected(source: &str, steps: u64) -> Expected {
    match valid(source) {
        Ok(module) => interpreted(&module, steps),
        Err(error) => Expected::Invalid(error),
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
