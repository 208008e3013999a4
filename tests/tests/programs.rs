//! The programs of `tests/programs/`: recorded output agrees with Mono, and Isthmus prints the same.
//!
//! `ISTHMUS_BLESS=1` records the output of Mono anew; `ISTHMUS_ALL_PROGRAMS=1` also scores programs
//! that are not in `enabled.txt`. See `isthmus_tests::programs`.

use std::collections::BTreeSet;
use std::fs;

use isthmus_child_process::End;
use isthmus_tests::programs::{
    Catalog, Engine, Mode, Program, Report, compile, default_jobs, pool, score, verdict,
};

/// Every program has recorded output, it is what Mono prints (unless the program says why it is
/// not), and no record is left over.
#[test]
fn recorded_output_is_what_mono_prints() {
    let catalog = Catalog::load().unwrap();
    let bless = std::env::var_os("ISTHMUS_BLESS").is_some();
    let problems = pool::map(&catalog.programs, default_jobs(), |program| {
        check_record(program, bless)
    });
    let mut problems: Vec<String> = problems.into_iter().flatten().collect();

    let names: BTreeSet<&str> = catalog
        .programs
        .iter()
        .map(|program| program.name.as_str())
        .collect();
    let folder = isthmus_tests::programs::catalog::programs_dir().join("expected");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_stem()
            .is_none_or(|stem| !names.contains(stem.to_string_lossy().as_ref()))
        {
            problems.push(format!("{} belongs to no program", path.display()));
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// Runs `program` on Mono twice, so that output that differs from run to run is found out.
fn check_record(program: &Program, bless: bool) -> Option<String> {
    let name = &program.name;
    let exe = match compile::compile(program) {
        Ok(exe) => exe,
        Err(message) => return Some(format!("{name} does not compile: {message}")),
    };
    if program.directives.unlike_mono.is_some() {
        return program
            .expected()
            .err()
            .map(|error| format!("{name} has no hand-written output: {error}"));
    }
    let run = || Engine::Mono.run(&exe, program, &Mode::plain());
    let (first, second) = match (run(), run()) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(error), _) | (_, Err(error)) => {
            return Some(format!(
                "cannot run mono ({error}); `./x setup` installs it"
            ));
        }
    };
    if !matches!(first.end, End::Exit(_)) {
        return Some(format!("{name} ends with {:?} on mono", first.end));
    }
    let transcript = verdict::transcript(&first);
    if transcript != verdict::transcript(&second) {
        return Some(format!("{name} prints different things in two runs"));
    }
    if bless {
        return fs::write(program.expected_path(), transcript)
            .err()
            .map(|error| format!("{name}: {error}"));
    }
    match program.expected() {
        Ok(expected) if expected == transcript => None,
        Ok(_) => Some(format!(
            "{name}: mono prints something else; `./x bless` records it"
        )),
        Err(error) => Some(format!(
            "{name} has no recorded output ({error}); `./x bless` records it"
        )),
    }
}

/// Every enabled program passes in every mode.
#[test]
fn enabled_programs_pass_in_every_mode() {
    let catalog = Catalog::load().unwrap();
    let report = run_on_isthmus(&catalog.enabled());
    println!("{report}");
    assert!(report.all_passed(), "\n{report}");
}

/// With `ISTHMUS_ALL_PROGRAMS=1`: the score of the programs that are not enabled yet.
#[test]
fn score_of_the_other_programs() {
    if std::env::var_os("ISTHMUS_ALL_PROGRAMS").is_none() {
        return;
    }
    let mut programs = Catalog::load().unwrap().programs;
    programs.retain(|program| !program.enabled);
    println!("{}", run_on_isthmus(&programs));
}

fn run_on_isthmus(programs: &[Program]) -> Report {
    let modes = Mode::all();
    let mut report = Report::new(modes.iter().map(|mode| mode.name.clone()));
    if programs.is_empty() {
        return report;
    }
    let engine = Engine::isthmus().unwrap();
    // Once each, before the modes ask for the same program at once; `score` reports what fails.
    pool::map(programs, default_jobs(), compile::compile);
    let runs: Vec<(&Program, usize)> = programs
        .iter()
        .flat_map(|program| (0..modes.len()).map(move |mode| (program, mode)))
        .collect();
    let verdicts = pool::map(&runs, default_jobs(), |&(program, mode)| {
        score(program, &engine, &modes[mode])
    });
    for ((program, mode), verdict) in runs.into_iter().zip(verdicts) {
        report.add(&program.name, mode, verdict);
    }
    report
}
