//! `isthmus bench` as a command.

use std::process::{Command, Output};

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isthmus"));
    // The cache of the tests: the user's own stays as it is.
    command
        .args(["bench", "--cache"])
        .arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/bench"));
    command.args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One iteration of every program in every tier.
#[test]
fn checksums_of_all_programs_are_right_in_every_tier() {
    let output = bench(&["--check"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.ends_with("checksums are right\n"), "{out}");
}

#[test]
fn json_has_what_was_promised() {
    let peer =
        "copy=f() { echo fib 2178309; echo wall 2000000 2000000 9; echo processor 1 1 9; }; f";
    let output = bench(&[
        "--json",
        "--filter",
        "^fib$",
        "--tiers",
        "baseline,opt",
        "--runs",
        "1",
        "--vs",
        peer,
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let program = &value["programs"][0];
    assert_eq!(program["name"], "fib");
    assert_eq!(program["ms"]["copy"], 2.0);
    let (opt, baseline) = (&program["ms"]["opt"], &program["ms"]["baseline"]);
    let ratio = opt.as_f64().unwrap() / baseline.as_f64().unwrap();
    let mean = value["geomean"]["opt/baseline"].as_f64().unwrap();
    assert!((ratio - mean).abs() < 1e-3 * ratio, "{value}");
    assert!(value["geomean"]["opt/copy"].is_number(), "{value}");
}

#[test]
fn what_is_missing_is_named() {
    let output = bench(&[
        "--filter",
        "^fib$",
        "--tiers",
        "baseline",
        "--runs",
        "1",
        "--vs",
        "none=no-such-machine",
    ]);
    assert!(!output.status.success());
    let error = text(&output.stderr);
    assert!(
        error.contains("no-such-machine") && error.contains("none"),
        "{error}"
    );

    let output = bench(&["--filter", "no such program"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("no program matches"));
}
