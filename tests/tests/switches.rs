//! Switches of `isthmus run` that programs do not see, and what it says where they do not look.

use isthmus_tests::programs::{Catalog, Engine, compile};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs a program of `tests/programs/` and gives its process's number and output.
fn run(program: &str, switches: &[&str]) -> (u32, Output) {
    let Engine::Isthmus(command) = Engine::isthmus().unwrap() else {
        unreachable!("the command is asked for");
    };
    let catalog = Catalog::load().unwrap();
    let found = catalog.programs.iter().find(|p| p.name == program);
    let exe = compile::compile(found.unwrap()).unwrap();
    let child = Command::new(command)
        .arg("run")
        .args(switches)
        .arg(exe)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child.id(), child.wait_with_output().unwrap())
}

const AT_ONCE: &[&str] = &[
    "--tier-up-calls",
    "2",
    "--tier-up-loops",
    "2",
    "--tier-up-at-once",
];

/// Every line names code, and code of each tier is there: methods, their loops, stubs.
#[test]
fn a_map_of_code_for_perf() {
    let (pid, output) = run("loops_replaced", &[AT_ONCE, &["--perf-map"]].concat());
    assert!(output.status.success(), "{output:?}");
    let path = PathBuf::from(format!("/tmp/perf-{pid}.map"));
    let map = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for line in map.lines() {
        let mut words = line.splitn(3, ' ');
        let mut number = || u64::from_str_radix(words.next().unwrap(), 16).unwrap();
        assert!(number() != 0 && number() != 0, "{line}");
        assert!(words.next().is_some_and(|name| !name.is_empty()), "{line}");
    }
    let has = |begin: &str, end: &str| {
        map.lines().any(|line| {
            let name = line.splitn(3, ' ').nth(2).unwrap();
            name.starts_with(begin) && name.ends_with(end)
        })
    };
    assert!(has("LoopsReplaced::Nested", " [baseline]"), "{map}");
    assert!(
        has("LoopsReplaced::Nested from instruction", " [opt]"),
        "{map}"
    );
    assert!(has("LoopsReplaced::Bump", " [opt]"), "{map}");
    assert!(has("prestub of LoopsReplaced::Main", ""), "{map}");
    assert!(has("helper tier_up", ""), "{map}");
}

/// The counters tell what went over to optimized code.
#[test]
fn counters_of_tiering() {
    let (_, output) = run("loops_replaced", &[AT_ONCE, &["--stats"]].concat());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|l| l.starts_with("tiering")).unwrap();
    let numbers: Vec<u64> = line.split(' ').filter_map(|w| w.parse().ok()).collect();
    let [methods, loops, entered, declined] = numbers[..] else {
        panic!("{line}");
    };
    assert!(
        methods > 20 && loops > 20 && entered >= loops && declined == 0,
        "{line}"
    );
}

/// Where a handler was told of an exception, the report is one line.
#[test]
fn unhandled_exceptions_are_reported_as_mono_does() {
    let (_, output) = run("unhandled_handler", &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text, "[ERROR] FATAL UNHANDLED EXCEPTION: my own text\n");
    assert_eq!(output.status.code(), Some(1));
}

/// What is no class library is the user's error, not a bug of Isthmus.
#[test]
fn a_class_library_without_the_types_that_are_needed_is_refused() {
    let catalog = Catalog::load().unwrap();
    let found = catalog.programs.iter().find(|p| p.name == "loops_replaced");
    let exe = compile::compile(found.unwrap()).unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-class-library");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(exe, folder.join("mscorlib.dll")).unwrap();
    let (_, output) = run("loops_replaced", &["--bcl", folder.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("mscorlib.dll is no class library for this runtime: it has no System.Object"),
        "{said}"
    );
}
