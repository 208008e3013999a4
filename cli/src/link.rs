//! `isthmus link`.

mod inputs;

use self::inputs::Inputs;
use crate::output::{Output, outln};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use isthmus_linker::check::{self, Linked};
use isthmus_linker::executor::Executor;
use isthmus_linker::executor::local::Local;
use isthmus_linker::executor::nowhere::Nowhere;
use isthmus_linker::executor::remote::{self, Remote};
use isthmus_linker::formats::archive;
use isthmus_linker::graph::LinkGraph;
use isthmus_linker::link::{Options, Session, harness};
use isthmus_linker::memory::dual::Dual;
use isthmus_linker::memory::in_process::InProcess;
use isthmus_linker::memory::pooled::Pooled;
use isthmus_linker::plugins::gdb::Gdb;
use isthmus_linker::plugins::jitdump::JitDump;
use isthmus_linker::plugins::print::{Point, Print};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

/// Bytes that a link without execution may take.
const SIMULATED: u64 = 1 << 30;
/// Bytes of each part of pooled memory.
const POOL: usize = 64 << 20;

/// Who gives memory in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Memory {
    /// Pages of their own for each object, writable until they are finalized.
    Pages,
    /// Pages of their own for each object, mapped twice.
    Dual,
    /// Pieces of one region, mapped twice.
    Pool,
}

/// A step of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Step {
    /// As the object was read.
    Loaded,
    /// After dead-stripping.
    Pruned,
    /// With addresses.
    Allocated,
    /// With all bytes final.
    Fixed,
}

impl From<Step> for Point {
    fn from(step: Step) -> Point {
        match step {
            Step::Loaded => Point::Loaded,
            Step::Pruned => Point::Pruned,
            Step::Allocated => Point::Allocated,
            Step::Fixed => Point::Fixed,
        }
    }
}

/// Arguments of `link`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Function to run, with the arguments of C's `main`.
    #[arg(long, value_name = "NAME", default_value = "main")]
    entry: String,
    /// Link, but run nothing: objects for any machine can be linked.
    #[arg(long)]
    noexec: bool,
    /// Check linked memory with the expressions in the comments of a file. Several times: several files.
    #[arg(long, value_name = "FILE")]
    check: Vec<PathBuf>,
    /// Give a name an address.
    #[arg(long, value_name = "NAME=ADDRESS")]
    define_abs: Vec<String>,
    /// Names that nobody defines are 0.
    #[arg(long)]
    phony_externals: bool,
    /// An object whose definitions take the place of others', and that sees local names.
    #[arg(long, value_name = "OBJECT")]
    harness: Vec<PathBuf>,
    /// Link into and run in another process; its program, or else isthmus-executor beside this one.
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true)]
    executor: Option<Option<PathBuf>>,
    /// Link into and run in an executor that waits: HOST:PORT of this machine, or unix:PATH (token: ISTHMUS_EXECUTOR_TOKEN).
    #[arg(long, value_name = "ADDRESS", conflicts_with = "executor")]
    connect: Option<String>,
    /// Who gives memory in this process.
    #[arg(long, value_enum, default_value = "pages")]
    memory: Memory,
    /// Load a shared library first.
    #[arg(long, value_name = "FILE")]
    library: Vec<String>,
    /// Print the graphs at a step of the link.
    #[arg(long, value_enum, value_name = "STEP")]
    show: Option<Step>,
    /// Tell GDB about the linked code.
    #[arg(long)]
    gdb: bool,
    /// Write jit-PID.dump into a folder, for perf.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = ".", require_equals = true)]
    jitdump: Option<PathBuf>,
    /// Look for a library of this name: libNAME.so, or else libNAME.a.
    #[arg(short = 'l', value_name = "NAME")]
    named: Vec<String>,
    /// Look for libraries in a folder first.
    #[arg(short = 'L', value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Objects (ELF, relocatable); archives, whose members are linked if they are referred to; shared libraries.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Arguments of the program.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Links, and runs or checks.
pub fn run(args: Args) -> Result<ExitCode> {
    let mut inputs = Inputs::default();
    args.files.iter().try_for_each(|file| inputs.add(file))?;
    for name in &args.named {
        inputs.add_library(name, &args.folders)?;
    }
    let mut harnesses = Inputs::default();
    let mut all = args.harness.iter();
    all.try_for_each(|file| harnesses.add(file))?;
    let (mut tested, harness) = (inputs.objects, harnesses.objects);
    harness::apply(&harness, &mut tested);
    tested.extend(harness);
    archive::pull(&mut tested, &mut inputs.archives, &[&args.entry])?;
    let executor = executor(&args, &tested)?;
    for library in args.library.iter().chain(&inputs.libraries) {
        executor.load_library(library)?;
    }
    let options = Options {
        phony_externals: args.phony_externals,
    };
    let mut session = Session::new(executor, options);
    for text in &args.define_abs {
        let (name, address) = definition(text)?;
        session.define(name, address);
    }
    let linked = Linked::default();
    if !args.check.is_empty() {
        session.add_plugin(Box::new(linked.plugin()));
    }
    if let Some(step) = args.show {
        let to = Arc::new(Mutex::new(Output));
        session.add_plugin(Box::new(Print::new(step.into(), to)));
    }
    if args.gdb {
        session.add_plugin(Box::new(Gdb::new()));
    }
    if let Some(folder) = &args.jitdump {
        session.add_plugin(Box::new(JitDump::create(folder)?));
    }
    session.link(tested)?;
    let holds = check_all(&args.check, &linked, &session)?;
    if args.noexec || !args.check.is_empty() && !holds {
        session.close()?;
        return Ok(ExitCode::from(u8::from(!holds)));
    }
    if session.lookup(&args.entry).is_none() {
        bail!("undefined: `{}`", args.entry);
    }
    session.initialize()?;
    let mut arguments = vec![args.files[0].display().to_string()];
    arguments.extend(args.arguments);
    let status = session.run_main(&args.entry, &arguments)?;
    session.close()?;
    // As the shell sees it: the low byte.
    Ok(ExitCode::from(status as u8))
}

fn executor(args: &Args, graphs: &[LinkGraph]) -> Result<Arc<dyn Executor>> {
    if args.noexec {
        let Some(first) = graphs.first() else {
            bail!("no object is to be linked");
        };
        return Ok(Arc::new(Nowhere::new(first.arch, SIMULATED)));
    }
    if let Some(address) = &args.connect {
        let token = std::env::var(remote::TOKEN).unwrap_or_default();
        return Ok(Arc::new(Remote::connect(address, &token)?));
    }
    if let Some(program) = &args.executor {
        let program = match program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.with_file_name("isthmus-executor"),
        };
        return Ok(Arc::new(Remote::start(&program)?));
    }
    Ok(Arc::new(Local::new(match args.memory {
        Memory::Pages => Box::new(InProcess::new()),
        Memory::Dual => Box::new(Dual::new()),
        Memory::Pool => Box::new(Pooled::new(POOL)?),
    })))
}

fn definition(text: &str) -> Result<(&str, u64)> {
    let parts = text.split_once('=');
    let address = parts.and_then(|(_, address)| match address.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => address.parse().ok(),
    });
    match (parts, address) {
        (Some((name, _)), Some(address)) => Ok((name, address)),
        _ => bail!("NAME=ADDRESS expected, not {text}"),
    }
}

/// Whether all checks hold; prints those that do not.
fn check_all(files: &[PathBuf], linked: &Linked, session: &Session) -> Result<bool> {
    let graphs = linked.graphs();
    let mut all = true;
    for file in files {
        let text = read_text(file)?;
        let answers = check::run(&text, &graphs, session.executor());
        for answer in answers.with_context(|| file.display().to_string())? {
            if !answer.holds() {
                outln!("{}: {answer}", file.display());
                all = false;
            }
        }
    }
    Ok(all)
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}
