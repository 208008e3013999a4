//! `isthmus run`.

use crate::cpu;
use anyhow::{Context, Result};
use clap::ValueEnum;
use isthmus_clr::vm::{self, tiers};
use isthmus_rt::tiers::Tiering;
use isthmus_runtime_abi::target::Arch;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Which compiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Tier {
    /// One pass.
    Baseline,
    /// Optimizing.
    Opt,
    /// One pass at first, optimizing for what is hot.
    Auto,
}

impl From<Tier> for tiers::Tier {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Baseline => tiers::Tier::Baseline,
            Tier::Opt => tiers::Tier::Opt,
            Tier::Auto => tiers::Tier::Auto,
        }
    }
}

/// Arguments of `run`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Compiler for methods.
    #[arg(long, value_enum, default_value = "auto")]
    tier: Tier,
    /// With auto: calls of a method until it is optimized.
    #[arg(long, value_name = "N", default_value_t = Tiering::default().calls)]
    tier_up_calls: u32,
    /// With auto: turns of a method's loops until it is optimized.
    #[arg(long, value_name = "N", default_value_t = Tiering::default().loops)]
    tier_up_loops: u32,
    /// With auto: compile on the thread that runs the method, which waits for it.
    #[arg(long)]
    tier_up_at_once: bool,
    /// Fail where the optimizing tier declines a method, instead of using the baseline tier.
    #[arg(long)]
    no_fallback: bool,
    /// Do not use code that was compiled ahead of time.
    #[arg(long)]
    no_aot: bool,
    /// Compile nothing: methods that were not compiled ahead of time throw PlatformNotSupportedException.
    #[arg(long, conflicts_with = "no_aot")]
    no_jit: bool,
    /// What code may use of the processor (default: native; `isthmus aot --cpu help` lists the names). Images that assume more are not used.
    #[arg(long, value_name = "LEVEL,+NAME,-NAME")]
    cpu: Option<String>,
    /// Collect garbage every N allocations (default 250).
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "250", require_equals = true)]
    gc_stress: Option<u32>,
    /// Write the names of code to /tmp/perf-PID.map, for perf.
    #[arg(long)]
    perf_map: bool,
    /// Run only code that is provably type safe: throw VerificationException where the program's own is not.
    #[arg(long)]
    verify: bool,
    /// Print counters to stderr at the end.
    #[arg(long)]
    stats: bool,
    /// Directory of the class library.
    #[arg(long, value_name = "DIR")]
    bcl: Option<PathBuf>,
    /// The program, then its arguments: whatever comes after it is not for this command.
    #[arg(value_name = "PROGRAM AND ITS ARGUMENTS", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<String>,
}

/// Runs a program and gives its exit code.
pub fn run(args: Args) -> Result<ExitCode> {
    let options = vm::Options {
        tier: args.tier.into(),
        tiering: Tiering {
            calls: args.tier_up_calls,
            loops: args.tier_up_loops,
            background: !args.tier_up_at_once,
        },
        perf_map: args.perf_map,
        no_fallback: args.no_fallback,
        no_images: args.no_aot,
        no_compiler: args.no_jit,
        gc_stress: args.gc_stress.is_some(),
        gc_stress_interval: args.gc_stress.unwrap_or(0).max(1),
        verify: args.verify,
        cpu: cpu::features(Arch::host().unwrap_or(Arch::X64), args.cpu.as_deref())?,
        stats: args.stats,
        bcl: args.bcl,
    };
    let (program, rest) = args.program.split_first().context("no program")?;
    let code = vm::run::run(Path::new(program), rest, options)?;
    // Threads of the program and of the collector may still run; the process ends here all the same.
    std::process::exit(code)
}
