//! `score-programs [--tier baseline|opt|auto|mono] [--gc-stress] [--enabled] [--jobs N] [--limit SECONDS]
//! [FILTER…] [-- SWITCH…]`: runs programs of `tests/programs/` and prints PASS or FAIL for each, with
//! the first line that differs. A FILTER is a part of a name; SWITCHes go to `isthmus run`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use isthmus_tests::programs::{Catalog, Engine, Mode, Verdict, default_jobs, pool, score};

const USAGE: &str = "usage: score-programs [--tier baseline|opt|auto|mono] [--gc-stress] [--enabled] [--jobs N] \
                     [--limit SECONDS] [FILTER...] [-- SWITCH...]";

struct Options {
    tier: String,
    enabled_only: bool,
    jobs: usize,
    limit: Duration,
    filters: Vec<String>,
    switches: Vec<String>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            tier: "opt".to_owned(),
            enabled_only: false,
            jobs: default_jobs(),
            limit: Duration::from_secs(60),
            filters: Vec::new(),
            switches: Vec::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .ok_or_else(|| format!("{word} needs a value\n{USAGE}"))
            };
            let number = |text: String| {
                text.parse::<u32>()
                    .map_err(|_| format!("`{text}` is no number\n{USAGE}"))
            };
            match word.as_str() {
                "--tier" => options.tier = value()?,
                "--gc-stress" => options.switches.push(word),
                "--enabled" => options.enabled_only = true,
                "--jobs" => options.jobs = number(value()?)? as usize,
                "--limit" => options.limit = Duration::from_secs(number(value()?)?.into()),
                "--" => options.switches.extend(words.by_ref()),
                word if word.starts_with('-') => return Err(USAGE.to_owned()),
                _ => options.filters.push(word),
            }
        }
        Ok(options)
    }

    fn engine_and_mode(&self) -> Result<(Engine, Mode), String> {
        if self.tier == "mono" {
            return Ok((
                Engine::Mono,
                Mode {
                    limit: self.limit,
                    ..Mode::plain()
                },
            ));
        }
        let mut switches = vec!["--tier".to_owned(), self.tier.clone()];
        switches.extend(self.switches.iter().cloned());
        Ok((
            Engine::isthmus()?,
            Mode {
                name: self.tier.clone(),
                switches,
                limit: self.limit,
                images: std::env::var_os("ISTHMUS_AOT_PATH").map(PathBuf::from),
            },
        ))
    }
}

fn run() -> Result<bool, String> {
    let options = Options::parse(std::env::args().skip(1))?;
    let (engine, mode) = options.engine_and_mode()?;
    let catalog = Catalog::load()?;
    let mut programs = catalog.matching(&options.filters);
    programs.retain(|program| program.enabled || !options.enabled_only);

    let verdicts = pool::map(&programs, options.jobs, |program| {
        let verdict = score(program, &engine, &mode);
        match &verdict {
            Verdict::Pass => println!("PASS {}", program.name),
            failure => println!("FAIL {:<24} {failure}", program.name),
        }
        verdict
    });

    let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
    println!(
        "{passed} of {} programs pass on {engine} {}",
        programs.len(),
        mode.switches.join(" ")
    );
    for (program, _) in programs
        .iter()
        .zip(&verdicts)
        .filter(|(program, verdict)| program.enabled && !verdict.passed())
    {
        println!("enabled, but fails: {}", program.name);
    }
    Ok(passed == programs.len())
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
