//! What runs a program: a tier of this command, or a peer.

use super::process::{self, Outcome};
use crate::run::Tier;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Time for one process: the harness of the programs wants about a second.
const LIMIT: Duration = Duration::from_secs(120);

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

/// What a process of a program printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Checksum.
    pub checksum: String,
    /// An iteration by the clock on the wall.
    pub wall: Iteration,
    /// An iteration in processor time of all threads.
    pub processor: Iteration,
    /// Milliseconds from start to end of the process.
    pub process: f64,
}

/// Milliseconds of iterations.
#[derive(Clone, Copy, Debug, PartialEq)]
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

    /// Runs a program. The outer error ends everything: there is no such engine. The inner one is the program's failure.
    pub fn run(&self, program: &str, exe: &Path) -> Result<Result<Figure, String>> {
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
        let outcome = process::run(&mut command, LIMIT)
            .with_context(|| format!("cannot run {}", self.name))?;
        if let (Kind::Peer(text), Some(NOT_FOUND)) =
            (&self.kind, outcome.status.and_then(|s| s.code()))
        {
            bail!(
                "cannot run `{text}` for {}: {}",
                self.name,
                outcome.stderr.trim()
            );
        }
        Ok(match outcome.failure() {
            Some(failure) => Err(failure),
            None => parse(program, &outcome)
                .ok_or_else(|| format!("printed {:?}", outcome.stdout.trim())),
        })
    }
}

/// Reads `NAME CHECKSUM`, `wall BEST MEDIAN COUNT` and `processor BEST MEDIAN COUNT` (see `tests/bench/Bench.cs`).
fn parse(program: &str, outcome: &Outcome) -> Option<Figure> {
    let mut lines = outcome.stdout.lines();
    let checksum = lines.next()?.strip_prefix(program)?.trim().to_owned();
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
    Some(Figure {
        checksum,
        wall: iteration("wall")?,
        processor: iteration("processor")?,
        process: outcome.time.as_secs_f64() * 1e3,
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

    #[test]
    fn figures_are_read_and_the_path_is_appended() {
        let command =
            r#"f() { echo "$1 77"; echo wall 1500000 2500000 9; echo processor 1 2000000 9; }; f"#;
        let figure = peer(command)
            .run("some.exe", Path::new("some.exe"))
            .unwrap()
            .unwrap();
        assert_eq!(figure.checksum, "77");
        assert_eq!((figure.wall.best, figure.wall.median), (1.5, 2.5));
        assert_eq!(figure.processor.median, 2.0);
    }

    #[test]
    fn failures_are_told_from_missing_commands() {
        let path = Path::new("x.exe");
        let failure = peer("false").run("x", path).unwrap().unwrap_err();
        assert_eq!(failure, "exit code 1");
        let failure = peer("echo").run("x", path).unwrap().unwrap_err();
        assert_eq!(failure, "printed \"x.exe\"");
        let missing = peer("no-such-machine").run("x", path).unwrap_err();
        assert!(missing.to_string().contains("no-such-machine"), "{missing}");
    }
}
