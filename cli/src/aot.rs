//! `isthmus aot`: compiles assemblies ahead of time.

mod debug;
mod exe;
mod listing;
mod report;

use crate::cpu::features;
use crate::output::outln;
use crate::progress;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use isthmus_aot::build::Parts;
use isthmus_aot::debug::Section;
use isthmus_aot::format::Part;
use isthmus_aot::{elf, shared};
use isthmus_clr::aot::compile::{self, Made, Settings};
use isthmus_clr::aot::files;
use isthmus_clr::types::system::Assembly;
use isthmus_clr::types::types;
use isthmus_clr::vm::run::start_types;
use isthmus_runtime_abi::cpu;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::target::Arch;
use report::Report;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Emit {
    /// Text for the GNU assembler.
    S,
    /// A relocatable ELF object.
    O,
    /// A shared object, made of the relocatable one by the system's linker.
    So,
    /// An executable: the first assembly, all that it refers to, and the runtime, linked by the system's C compiler.
    Exe,
}

impl Emit {
    /// What is put behind the assembly's name.
    fn ending(self) -> &'static str {
        match self {
            Emit::S => ".isthmus.s",
            Emit::O => files::OBJECT,
            Emit::So => files::SHARED,
            Emit::Exe => "",
        }
    }
}

/// Machines that images can be made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Target {
    /// x86-64, Linux.
    #[value(name = "x86_64-unknown-linux-gnu", alias = "x86_64-linux-gnu")]
    X64,
    /// AArch64, Linux. There is no runtime for it yet.
    #[value(name = "aarch64-unknown-linux-gnu", alias = "aarch64-linux-gnu")]
    A64,
    /// 32-bit ARM: refused.
    #[value(name = "armv7-unknown-linux-gnueabihf", alias = "arm-linux-gnueabihf")]
    A32,
}

impl Target {
    fn arch(self) -> Arch {
        match self {
            Target::X64 => Arch::X64,
            Target::A64 => Arch::A64,
            Target::A32 => Arch::A32,
        }
    }

    /// The linker that makes shared objects, and the Debian package that has it.
    fn linker(self) -> (&'static str, &'static str) {
        match self {
            _ if Arch::host() == Some(self.arch()) => ("ld", "binutils"),
            Target::X64 => ("x86_64-linux-gnu-ld", "binutils-x86-64-linux-gnu"),
            Target::A64 => ("aarch64-linux-gnu-ld", "binutils-aarch64-linux-gnu"),
            Target::A32 => ("arm-linux-gnueabihf-ld", "binutils-arm-linux-gnueabihf"),
        }
    }
}

/// Arguments of `aot`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to write.
    #[arg(long, value_enum, default_value = "so")]
    emit: Emit,
    /// Machine that the image is for (default: this one).
    #[arg(long, value_enum)]
    target: Option<Target>,
    /// What the code may use of the processor, which images say (default: baseline); `help` lists the names.
    #[arg(long, value_name = "LEVEL,+NAME,-NAME")]
    cpu: Option<String>,
    /// File to write, or with several assemblies the directory; without it the image lies beside its assembly, where `isthmus run` finds it.
    #[arg(short, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Fail if a method cannot be compiled.
    #[arg(long)]
    no_fallback: bool,
    /// Leave out the names of methods, which only debuggers and disassemblers want.
    #[arg(long)]
    strip: bool,
    /// Add debug information: functions, what was inlined, instructions of CIL as lines, and frames.
    #[arg(short = 'g', long)]
    debug: bool,
    /// In executables: the runtime's archive (default: libisthmus_standalone.a beside this command).
    #[arg(long, value_name = "FILE")]
    runtime: Option<PathBuf>,
    /// In executables: no compiler. What was not compiled ahead of time throws PlatformNotSupportedException.
    #[arg(long)]
    no_jit: bool,
    /// Write what takes how much of the images, by namespace, type, method and instantiation: text, or JSON if the name ends in .json.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Threads (default: as many as processors).
    #[arg(long)]
    jobs: Option<usize>,
    /// Directory of the class library.
    #[arg(long, value_name = "DIR")]
    bcl: Option<PathBuf>,
    /// Assemblies.
    #[arg(required_unless_present = "cpu")]
    assemblies: Vec<PathBuf>,
}

impl Args {
    fn target(&self) -> Target {
        let other = match Arch::host() {
            Some(Arch::A64) => Target::A64,
            _ => Target::X64,
        };
        self.target.unwrap_or(other)
    }

    fn settings(&self) -> Result<Settings> {
        let arch = self.target().arch();
        let features = features(arch, self.cpu.as_deref())?;
        let threads = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Settings {
            arch,
            features: features.unwrap_or_default(),
            sources: self.emit == Emit::S || self.debug,
            no_compiler: self.no_jit,
            jobs: self.jobs.unwrap_or_else(threads),
        })
    }
}

/// Compiles assemblies and writes their images.
pub fn run(args: Args) -> Result<()> {
    if args.cpu.as_deref() == Some("help") {
        outln!("{}", cpu::help(args.target().arch()));
        return Ok(());
    }
    if args.assemblies.is_empty() {
        bail!("no assembly");
    }
    if args.target() == Target::A32 {
        bail!(
            "there are no images for 32-bit ARM: Cranelift, which makes the optimizing tier's code, has no back end for it, \
             and the one-pass compiler writes x86-64 only"
        );
    }
    let settings = args.settings()?;
    start_types(&args.assemblies[0], args.bcl.as_deref())?;
    if args.emit == Emit::Exe {
        if Some(args.target().arch()) != Arch::host() {
            bail!("executables are made for this machine only: there is no runtime for others");
        }
        return exe::make(&args, settings);
    }
    let mut report = Report::default();
    for path in &args.assemblies {
        let (made, time) = compile_one(types().load_file(path)?, settings, args.no_fallback)?;
        let out = output(&args, path);
        let start = Instant::now();
        let bytes = write(&made.parts, &args, path, &out)?;
        let name = out.display().to_string();
        summary(&made, &name, bytes, time + start.elapsed());
        report.add(&name, &made)?;
    }
    args.report.iter().try_for_each(|path| report.write(path))
}

/// Compiles one assembly; gives also the time that it took.
fn compile_one(
    assembly: &'static Assembly,
    settings: Settings,
    no_fallback: bool,
) -> Result<(Made, Duration)> {
    let start = Instant::now();
    let bar = progress::bar(0, "compiling");
    let made = compile::assembly(assembly, settings, &|done, known| {
        bar.set_length(known as u64);
        bar.set_position(done as u64);
    })
    .with_context(|| assembly.path.display().to_string())?;
    bar.finish_and_clear();
    match made.declined.iter().next() {
        Some((reason, (_, first))) if no_fallback => {
            bail!("{first} cannot be compiled: {reason}")
        }
        _ => Ok((made, start.elapsed())),
    }
}

/// Where the image of an assembly goes.
fn output(args: &Args, assembly: &Path) -> PathBuf {
    let mut name = assembly.file_name().unwrap_or_default().to_owned();
    name.push(args.emit.ending());
    match &args.out {
        Some(out) if args.assemblies.len() > 1 || out.is_dir() => out.join(name),
        Some(out) => out.clone(),
        None => assembly.with_file_name(name),
    }
}

fn label(m: MethodId) -> String {
    types().method(m).full_name()
}

/// Writes the image of an assembly; gives the size of the file.
fn write(parts: &Parts, args: &Args, assembly: &Path, out: &Path) -> Result<u64> {
    let context = || format!("cannot write {}", out.display());
    match args.emit {
        Emit::S => {
            let debug = debug_sections(parts, args, assembly)?;
            listing::write(parts, &debug, out).with_context(context)?;
        }
        Emit::O => fs::write(out, object(parts, args, assembly)?).with_context(context)?,
        Emit::So => {
            let object_file = out.with_extension("so.o");
            fs::write(&object_file, object(parts, args, assembly)?).with_context(context)?;
            let linked = link(args.target(), args.debug, &object_file, out);
            fs::remove_file(&object_file).with_context(context)?;
            linked?;
            let mut file = fs::read(out).with_context(context)?;
            shared::seal(&mut file).with_context(context)?;
            fs::write(out, file).with_context(context)?;
        }
        Emit::Exe => bail!("executables are made of several images"),
    }
    Ok(fs::metadata(out).with_context(context)?.len())
}

/// Debug information, if it is asked for.
fn debug_sections(parts: &Parts, args: &Args, assembly: &Path) -> Result<Vec<Section>> {
    match args.debug {
        true => debug::sections(parts, assembly),
        false => Ok(Vec::new()),
    }
}

fn object(parts: &Parts, args: &Args, assembly: &Path) -> Result<Vec<u8>> {
    let label: Option<&dyn Fn(MethodId) -> String> = match args.strip {
        true => None,
        false => Some(&label),
    };
    let debug = debug_sections(parts, args, assembly)?;
    Ok(elf::object(parts, label, &debug)?)
}

/// Makes a shared object of a relocatable one. `debug`: with an index of its unwind information.
fn link(target: Target, debug: bool, object: &Path, out: &Path) -> Result<()> {
    let (linker, package) = target.linker();
    let done = Command::new(linker)
        .args([
            "-shared",
            "-z",
            "noexecstack",
            "-z",
            "now",
            "--build-id=none",
            "-o",
        ])
        .arg(out)
        .args(debug.then_some("--eh-frame-hdr"))
        .arg(object)
        .output()
        .with_context(|| format!("cannot run `{linker}`; Debian's package {package} has it"))?;
    match done.status.success() {
        true => Ok(()),
        false => bail!("{linker} failed: {}", String::from_utf8_lossy(&done.stderr)),
    }
}

fn summary(made: &Made, name: &str, bytes: u64, time: Duration) {
    let parts = &made.parts;
    let size = |part: Part| parts.part_sizes[part as usize];
    let declined: usize = made.declined.values().map(|d| d.0).sum();
    outln!(
        "{name}: {} methods ({} instances), {declined} declined, {:.2} s",
        made.methods,
        made.instances,
        time.as_secs_f64()
    );
    for (reason, (n, first)) in &made.declined {
        outln!("  {n:6}  {reason}  (first: {first})");
    }
    for (what, (n, first)) in &made.unknown {
        outln!("  {n:6}  only known when it runs: {what}  (first: {first})");
    }
    outln!(
        "  {} bytes: {} of code, {} of tables, {} of names, {} words",
        bytes,
        parts.text.len(),
        size(Part::Tables),
        size(Part::Names),
        parts.words.len()
    );
}
