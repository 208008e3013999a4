//! What runs a program: a tier of this command, or a peer.

use super::programs::Program;
use crate::run::Tier;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use isthmus_child_process::{self as child, End, Outcome};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Time for one process: the harness of the programs wants about a second.
const LIMIT: Duration = Duration::from_secs(120);

/// Variable of the environment that tells the harness to do one iteration.
const CHECK: &str = "BENCH_CHECK";

/// Exit code of a shell that did not find the command.
const NOT_FOUND: i32 = 127;

enum Kind {
    /// `isthmus run --tier …`, this very command.
    Tier(PathBuf),
    /// A shell command that the program's path is appended to.
    Peer(String),
}

/// A column of the report.
pub struct Engine {
    /// The tier's name, or the one that the user gave.
    pub name: String,
    kind: Kind,
}

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Warm-up and many iterations.
    Measure,
    /// One iteration: the checksum is all that is wanted.
    Check,
}

/// What a process of a program measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// An iteration by the clock on the wall.
    pub wall: Iteration,
    /// An iteration in processor time of all threads.
    pub processor: Iteration,
    /// Milliseconds from start to end of the process.
    pub process: f64,
}

/// Milliseconds of iterations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Iteration {
    /// The fastest one.
    pub best: f64,
    /// The one in the middle.
    pub median: f64,
}

impl Iteration {
    /// Part by part the smaller one.
    pub fn min(self, other: Iteration) -> Iteration {
        Iteration {
            best: self.best.min(other.best),
            median: self.median.min(other.median),
        }
    }
}

/// Takes `NAME=COMMAND` apart.
pub fn parse_peer(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, command)) if !name.is_empty() && !command.trim().is_empty() => {
            Ok((name.to_owned(), command.to_owned()))
        }
        _ => Err("this is not NAME=COMMAND".to_owned()),
    }
}

impl Engine {
    /// The tiers, then the peers.
    pub fn all(tiers: &[Tier], peers: &[(String, String)]) -> Result<Vec<Engine>> {
        let this = std::env::current_exe().context("cannot find the isthmus command")?;
        let tiers = tiers.iter().filter_map(|tier| {
            Some(Engine {
                name: tier.to_possible_value()?.get_name().to_owned(),
                kind: Kind::Tier(this.clone()),
            })
        });
        let peers = peers.iter().map(|(name, command)| Engine {
            name: name.clone(),
            kind: Kind::Peer(command.clone()),
        });
        let engines: Vec<Engine> = tiers.chain(peers).collect();
        for (n, engine) in engines.iter().enumerate() {
            if engines[..n].iter().any(|other| other.name == engine.name) {
                bail!("there are two engines called {:?}", engine.name);
            }
        }
        Ok(engines)
    }

    /// Whether it is a tier of this command.
    pub fn is_tier(&self) -> bool {
        matches!(self.kind, Kind::Tier(_))
    }

    /// Runs a program and checks its checksum. The outer error ends everything: there is no such engine. The inner one is the program's failure.
    pub fn run(&self, program: &Program, exe: &Path, mode: Mode) -> Result<Result<Figure, String>> {
        let mut command = match &self.kind {
            Kind::Tier(this) => {
                let mut command = Command::new(this);
                command.args(["run", "--tier", &self.name]).arg(exe);
                command
            }
            Kind::Peer(text) => {
                let mut command = Command::new("sh");
                command
                    .args(["-c", &format!("{text} \"$@\""), "sh"])
                    .arg(exe);
                command
            }
        };
        if mode == Mode::Check {
            command.env(CHECK, "1");
        } else {
            command.env_remove(CHECK);
        }
        let outcome = child::run(&mut command, "", LIMIT)
            .with_context(|| format!("cannot run {}", self.name))?;
        if let (Kind::Peer(text), End::Exit(NOT_FOUND)) = (&self.kind, outcome.end) {
            bail!(
                "cannot run `{text}` for {}: {}",
                self.name,
                String::from_utf8_lossy(&outcome.stderr).trim()
            );
        }
        Ok(match outcome.failure() {
            Some(failure) => Err(failure),
            None => parse(program, &outcome, mode),
        })
    }
}

/// Reads `NAME CHECKSUM`, then `wall BEST MEDIAN COUNT` and `processor BEST MEDIAN COUNT` (see `tests/bench/Bench.cs`).
fn parse(program: &Program, outcome: &Outcome, mode: Mode) -> Result<Figure, String> {
    let stdout = String::from_utf8_lossy(&outcome.stdout);
    let unexpected = || format!("printed {:?}", stdout.trim());
    let mut lines = stdout.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let checksum = match (words.next(), words.next(), words.next()) {
        (Some(name), Some(checksum), None) if name == program.name => checksum,
        _ => return Err(unexpected()),
    };
    if checksum != program.checksum.to_string() {
        return Err(format!(
            "checksum {checksum} instead of {}",
            program.checksum
        ));
    }
    let mut iteration = |clock: &str| {
        let mut words = lines.next()?.split(' ');
        if words.next()? != clock {
            return None;
        }
        let mut ms = || Some(words.next()?.parse::<u64>().ok()? as f64 / 1e6);
        Some(Iteration {
            best: ms()?,
            median: ms()?,
        })
    };
    let process = outcome.time.as_secs_f64() * 1e3;
    let (wall, processor) = match mode {
        Mode::Measure => (
            iteration("wall").ok_or_else(unexpected)?,
            iteration("processor").ok_or_else(unexpected)?,
        ),
        Mode::Check => Default::default(),
    };
    Ok(Figure {
        wall,
        processor,
        process,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(command: &str) -> Engine {
        Engine {
            name: "peer".to_owned(),
            kind: Kind::Peer(command.to_owned()),
        }
    }

    #[test]
    fn peers_are_names_and_commands() {
        assert_eq!(
            parse_peer("mono=mono -O=-aot").unwrap(),
            ("mono".to_owned(), "mono -O=-aot".to_owned())
        );
        assert!(parse_peer("mono").is_err());
        assert!(parse_peer("=mono").is_err());
        assert!(parse_peer("mono= ").is_err());
    }

    /// What a peer makes of a program `x` with checksum 77.
    fn run(command: &str, mode: Mode) -> Result<Result<Figure, String>> {
        let program = Program {
            name: "x",
            checksum: 77,
            source: "",
        };
        peer(command).run(&program, Path::new("x.exe"), mode)
    }

    fn failure(command: &str) -> String {
        run(command, Mode::Measure).unwrap().unwrap_err()
    }

    #[test]
    fn figures_are_read() {
        let command = "echo x 77; echo wall 1500000 2500000 9; echo processor 1 2000000 9; true";
        let figure = run(command, Mode::Measure).unwrap().unwrap();
        assert_eq!((figure.wall.best, figure.wall.median), (1.5, 2.5));
        assert_eq!(figure.processor.median, 2.0);
    }

    #[test]
    fn check_wants_a_checksum_only() {
        let command = r#"[ "$BENCH_CHECK" = 1 ] && echo x 77; true"#;
        assert!(run(command, Mode::Check).unwrap().is_ok());
        assert!(run(command, Mode::Measure).unwrap().is_err());
    }

    #[test]
    fn failures_say_what_happened() {
        assert_eq!(failure("false"), "exit code 1");
        assert_eq!(failure("echo"), "printed \"x.exe\"");
        assert_eq!(failure("echo x 77; true"), "printed \"x 77\"");
        assert_eq!(failure("echo x 78; true"), "checksum 78 instead of 77");
    }

    #[test]
    fn missing_commands_end_everything() {
        let missing = run("no-such-machine", Mode::Measure).unwrap_err();
        assert!(missing.to_string().contains("no-such-machine"), "{missing}");
    }
}
