//! Runs damaged programs in all ways and says what is wrong.
//!
//! Whatever the bytes are, commands that only read and compile them (`coverage`, `verify`) end with an exit code other than that of
//! an internal error, and in time. A program that runs may besides turn for ever. Without `--verify` a program that the verifier
//! rejects may do anything, as unsafe code may: then a signal says nothing about Isthmus.

use crate::map::Map;
use crate::mutate::mutate;
use anyhow::{Context, Result};
use isthmus_child_process::{self as child, End, Outcome};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Exit code of an internal error.
const INTERNAL_ERROR: i32 = 70;
/// `SIGXCPU`: the limit on processor time.
const OUT_OF_TIME: i32 = 24;
/// A batch has so many times what a file has.
const BATCH: u32 = 12;
/// Seconds that a processor second may take: others use the machine too. What waits for ever ends by this.
const SLOWNESS: u32 = 100;

/// What is compiled without being run. Each takes many files.
const COMPILE: &[&[&str]] = &[
    &["coverage", "--jobs", "1", "--tier", "opt"],
    &["coverage", "--jobs", "1", "--tier", "baseline"],
    &["verify", "--jobs", "1", "--quiet"],
];

/// The ways to run a program; mutation `n` is run in way `n` modulo their number. `auto` runs baseline code of the program, and unlike
/// `baseline` takes the class library from images, which is half of the time.
const RUN: &[&[&str]] = &[
    &["run", "--tier", "opt"],
    &["run", "--tier", "auto"],
    &["run", "--verify", "--tier", "opt"],
    &["run", "--verify", "--tier", "auto"],
];

/// How an outcome is judged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// An exit code.
    Fine,
    /// A program that did not end.
    Endless,
    /// A program that the verifier rejects, run all the same, broke.
    Unsafe,
    /// Isthmus failed.
    Failure,
}

/// What went wrong with a mutation.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Seed and number.
    pub seed: String,
    /// Number of the mutation.
    pub number: u64,
    /// Its kinds of damage.
    pub kinds: Vec<&'static str>,
    /// Verdict, other than fine.
    pub verdict: Verdict,
    /// The command's words.
    pub command: String,
    /// How it ended, and the first line of what it said.
    pub text: String,
}

/// A seed that is ready to be damaged.
pub struct Seed {
    /// Name.
    pub name: String,
    /// Undamaged bytes.
    pub bytes: Vec<u8>,
    /// Where things lie in them.
    pub map: Map,
}

/// The command and a folder for damaged files.
pub struct Judge {
    /// The `isthmus` command.
    pub isthmus: PathBuf,
    /// Scratch folder.
    pub folder: PathBuf,
    /// Processor seconds for one file.
    pub seconds: u32,
}

/// How many mutations came to which verdict, for each command.
pub type Counts = BTreeMap<(String, Verdict), u64>;

fn broke(end: End) -> bool {
    matches!(end, End::Exit(INTERNAL_ERROR) | End::TimeOut)
        || matches!(end, End::Signal(s) if s != OUT_OF_TIME)
}

impl Judge {
    fn call(&self, words: &[&str], files: &[PathBuf], seconds: u32) -> Result<Outcome> {
        let mut command = Command::new(&self.isthmus);
        command
            .args(words)
            .args(files)
            .env("LC_ALL", "C")
            .current_dir(&self.folder);
        child::limit_processor(&mut command, seconds);
        let limit = Duration::from_secs(u64::from(seconds * SLOWNESS));
        child::run(&mut command, "", limit)
            .with_context(|| format!("{} does not run", self.isthmus.display()))
    }

    /// Where a mutation lies.
    fn file(&self, seed: &Seed, number: u64) -> PathBuf {
        // The folder differs, not the name: programs know their own.
        let folder = self.folder.join(format!("{}-{number}", seed.name));
        folder.join(format!("{}.exe", seed.name))
    }

    /// Judges some mutations of a seed.
    pub fn batch(&self, seed: &Seed, numbers: &[u64], counts: &mut Counts) -> Result<Vec<Problem>> {
        let mut kinds = Vec::new();
        let mut files = Vec::new();
        for &number in numbers {
            let (bytes, done) = mutate(&seed.bytes, &seed.map, number);
            let file = self.file(seed, number);
            std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
            std::fs::write(&file, bytes)?;
            kinds.push(done);
            files.push(file);
        }
        let mut problems = Vec::new();
        let mut add = |at: usize, words: &[&str], verdict: Verdict, outcome: &Outcome| {
            if verdict != Verdict::Fine {
                problems.push(Problem {
                    seed: seed.name.clone(),
                    number: numbers[at],
                    kinds: kinds[at].clone(),
                    verdict,
                    command: words.join(" "),
                    text: outcome.failure().unwrap_or_default(),
                });
            }
            *counts.entry((words.join(" "), verdict)).or_insert(0) += 1;
        };
        for words in COMPILE {
            let together = self.call(words, &files, self.seconds * BATCH)?;
            let fine = matches!(together.end, End::Exit(code) if code != INTERNAL_ERROR);
            for (at, file) in files.iter().enumerate() {
                if fine {
                    add(at, words, Verdict::Fine, &together);
                    continue;
                }
                let alone = self.call(words, std::slice::from_ref(file), self.seconds)?;
                let fine = matches!(alone.end, End::Exit(code) if code != INTERNAL_ERROR);
                let verdict = if fine {
                    Verdict::Fine
                } else {
                    Verdict::Failure
                };
                add(at, words, verdict, &alone);
            }
        }
        for (at, file) in files.iter().enumerate() {
            let words = RUN[(numbers[at] % RUN.len() as u64) as usize];
            let outcome = self.call(words, std::slice::from_ref(file), self.seconds)?;
            let verdict = if matches!(outcome.end, End::Signal(OUT_OF_TIME)) {
                Verdict::Endless
            } else if !broke(outcome.end) {
                Verdict::Fine
            } else if words.contains(&"--verify") || self.verifies(file)? {
                Verdict::Failure
            } else {
                Verdict::Unsafe
            };
            add(at, words, verdict, &outcome);
        }
        for file in &files {
            let _ = std::fs::remove_dir_all(file.parent().unwrap_or(Path::new(".")));
        }
        Ok(problems)
    }

    /// Whether the verifier finds nothing wrong with a program.
    fn verifies(&self, file: &PathBuf) -> Result<bool> {
        let words = ["verify", "--jobs", "1", "--quiet"];
        let outcome = self.call(&words, std::slice::from_ref(file), self.seconds)?;
        Ok(outcome.end == End::Exit(0))
    }
}
