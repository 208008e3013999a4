//! The `isthmus` command.

#![deny(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "opt")]
mod aot;
mod aot_check;
mod bench;
#[cfg(feature = "opt")]
mod coverage;
mod cpu;
#[cfg(feature = "opt")]
mod dump;
mod link;
mod output;
mod progress;
mod run;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs and compiles .NET programs.
#[derive(Parser, Debug)]
#[command(name = "isthmus", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs a program; the exit code and the streams are the program's.
    Run(run::Args),
    #[cfg(feature = "opt")]
    /// Compiles every method of assemblies without running it.
    Coverage(coverage::Args),
    /// Verifies that every method of assemblies is type safe.
    Verify(verify::Args),
    #[cfg(feature = "opt")]
    /// Compiles assemblies ahead of time.
    Aot(aot::Args),
    /// Checks images that were compiled ahead of time.
    AotCheck(aot_check::Args),
    /// Measures C# programs in every tier and on other machines.
    Bench(bench::Args),
    #[cfg(feature = "opt")]
    /// Shows a stage of the compilation of a method.
    Dump(dump::Args),
    /// Links object files and runs them, here or in another process.
    Link(link::Args),
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        isthmus_rt::report!("internal error: {info}");
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            isthmus_rt::report!("{}", std::backtrace::Backtrace::force_capture());
        }
        std::process::exit(isthmus_rt::INTERNAL_ERROR);
    }));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help is an "error", too, which goes to standard output.
            let _ = e.print();
            return ExitCode::from(u8::from(e.use_stderr()));
        }
    };
    let result = match cli.command {
        Command::Run(args) => run::run(args),
        #[cfg(feature = "opt")]
        Command::Coverage(args) => coverage::run(args).map(|()| ExitCode::SUCCESS),
        Command::Verify(args) => verify::run(args),
        #[cfg(feature = "opt")]
        Command::Aot(args) => aot::run(args).map(|()| ExitCode::SUCCESS),
        Command::AotCheck(args) => aot_check::run(args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(args),
        #[cfg(feature = "opt")]
        Command::Dump(args) => dump::run(args).map(|()| ExitCode::SUCCESS),
        Command::Link(args) => link::run(args),
    };
    output::flush();
    result.unwrap_or_else(|error| {
        isthmus_rt::report!("isthmus: {error:#}");
        ExitCode::from(1)
    })
}
