//! Compile-time cliffs: methods of shapes that generated programs have, at sizes that people do not write, compile in both tiers within some
//! seconds of processor time, or are declined with a reason.
//!
//! The limits are wide: they hold for the development build, whose optimizing tier verifies after every pass. A pass that takes the
//! square of one of these sizes, or worse, is far beyond them.

use isthmus_child_process::{self as child, End};
use isthmus_tests::programs::Engine;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Processor seconds for one method.
const SECONDS: u32 = 40;

fn isthmus() -> PathBuf {
    match Engine::isthmus().expect("the isthmus command") {
        Engine::Isthmus(path) => path,
        Engine::Mono => unreachable!("that is not what was asked for"),
    }
}

/// Compiles the function `f` of a text in both tiers. The reason why the optimizing one may decline it, or empty.
fn compiles(name: &str, text: &str, may_decline: &str) {
    let folder = std::env::temp_dir().join(format!("isthmus-cliffs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.sir"));
    std::fs::write(&file, text).unwrap();
    for tier in ["baseline", "opt"] {
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--cpu={SECONDS}:{}", SECONDS + 5))
            .arg("--")
            .arg(isthmus())
            .args(["dump", "--stage", "eh", "--tier", tier, "--method", "f"])
            .arg(&file);
        let limit = Duration::from_secs(u64::from(SECONDS) * 20);
        let outcome = child::run(&mut command, "", limit).unwrap();
        let why = outcome.failure().unwrap_or_default();
        let declined = tier == "opt" && !may_decline.is_empty() && why.contains(may_decline);
        assert!(
            outcome.end == End::Exit(0) || declined,
            "{name}, {tier}: {why}"
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
}

fn text_of(head: &str, count: usize, part: impl Fn(usize) -> String, tail: &str) -> String {
    let mut text = format!("{head}\n");
    for i in 0..count {
        let _ = writeln!(text, "{}", part(i));
    }
    text + tail
}

fn names(kind: &str, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|i| format!("{kind} v{i}")).collect();
    names.join(", ")
}

fn labels(count: usize) -> String {
    let labels: Vec<String> = (0..count).map(|i| format!("l{i}")).collect();
    labels.join(", ")
}

#[test]
fn sixty_thousand_instructions() {
    let part = |i| format!("ldarg a ldc.i4 {i} mul ldarg b add starg a");
    let text = text_of(
        "func f(i32 a, i32 b) -> i32 {",
        10_000,
        part,
        "ldarg a ret }",
    );
    compiles("long", &text, "");
}

#[test]
fn branches_into_one_block_with_values() {
    let part = |i| {
        format!(
            "ldarg a ldc.i4 {i} beq end ldarg b ldc.i4.1 add starg b ldarg c ldarg b xor starg c"
        )
    };
    let head = "func f(i32 a, i32 b, i32 c) -> i32 {";
    let tail = "end: ldarg b ldarg c add ret }";
    compiles("branches", &text_of(head, 3_000, part, tail), "");
    compiles(
        "more",
        &text_of(head, 8_000, part, tail),
        "branches to one block",
    );
}

#[test]
fn thousands_of_locals() {
    let count = 3_000;
    let head = format!("func f(i64 a) -> i64 {{ .locals ({})", names("i64", count));
    let mut text = text_of(
        &head,
        count,
        |i| format!("ldarg a ldc.i8 {i} add stloc v{i}"),
        "",
    );
    for i in 0..count {
        let _ = write!(text, "ldloc v{i} ldarg a xor starg a ");
    }
    compiles("locals", &(text + "ldarg a ret }"), "");
}

#[test]
fn locals_across_a_loop() {
    let count = 1_000;
    let head = format!(
        "func f(i64 a) -> i64 {{ .locals ({}) again:",
        names("i64", count)
    );
    let mut text = text_of(
        &head,
        count,
        |i| format!("ldloc v{i} ldarg a add stloc v{i}"),
        "",
    );
    text.push_str("ldarg a ldc.i8 1 sub starg a ldarg a brtrue again\n");
    for i in 0..count {
        let _ = write!(text, "ldloc v{i} ldarg a xor starg a ");
    }
    compiles("loop", &(text + "ldarg a ret }"), "");
}

#[test]
fn deep_stacks() {
    let tail = format!("{}ret }}", "add ".repeat(2_999));
    let part = |i| format!("ldarg a ldc.i4 {i} xor");
    compiles(
        "stack",
        &text_of("func f(i32 a) -> i32 {", 3_000, part, &tail),
        "",
    );
}

#[test]
fn nested_protected_blocks() {
    let opens = ".try {\n".repeat(100);
    let head = format!(
        "func f(i32 a) -> i32 {{ .locals (i32 r)\n{opens} ldc.i4 100 ldarg a div stloc r leave end"
    );
    for (name, part) in [
        (
            "finallys",
            "} finally { ldloc r ldc.i4.1 add stloc r endfinally }",
        ),
        (
            "catches",
            "} catch Exception { pop ldloc r ldc.i4.1 add stloc r leave end }",
        ),
    ] {
        compiles(
            name,
            &text_of(&head, 100, |_| part.to_owned(), "end: ldloc r ret }"),
            "",
        );
    }
}

#[test]
fn protected_blocks_in_a_row() {
    let head = "func f(i32 a) -> i32 { .locals (i32 r)";
    for (name, handler, end) in [
        (
            "catch",
            "catch Exception { pop ldloc r ldc.i4.1 add stloc r leave",
            "}",
        ),
        (
            "finally",
            "finally { ldloc r ldc.i4.1 xor stloc r endfinally }",
            "",
        ),
    ] {
        let part = |i| {
            let close = if end.is_empty() {
                String::new()
            } else {
                format!(" e{i} {end}")
            };
            format!(
                ".try {{ ldc.i4 100 ldarg a div ldloc r add stloc r leave e{i} }} {handler}{close} e{i}:"
            )
        };
        compiles(name, &text_of(head, 900, part, "ldloc r ret }"), "");
    }
}

/// Variables that all handlers see.
#[test]
fn handlers_with_shared_variables() {
    let count = 2_000;
    let head = format!(
        "func f(i32 a) -> i32 {{ .locals (i32 r, {})",
        names("i32", count)
    );
    let part = |i| {
        format!(
            ".try {{ ldc.i4 100 ldarg a div stloc v{i} leave e{i} }} catch Exception {{ pop ldloc v{} ldloc r add stloc r leave e{i} }} e{i}:",
            i * 7 % count
        )
    };
    compiles("shared", &text_of(&head, count, part, "ldloc r ret }"), "");
}

#[test]
fn switches_of_forty_thousand_cases() {
    let count = 40_000;
    let head = format!(
        "func f(i32 a) -> i32 {{ ldarg a switch ({}) ldc.i4.0 ret",
        labels(count)
    );
    let text = text_of(&head, count, |i| format!("l{i}: ldc.i4 {i} ret"), "}");
    compiles("switch", &text, "");
}

#[test]
fn loops_in_a_row() {
    let part = |i| {
        format!(
            "ldc.i4 0 stloc i l{i}: ldloc s ldloc i add stloc s ldloc i ldc.i4.1 add stloc i ldloc i ldarg a blt l{i}"
        )
    };
    let head = "func f(i32 a) -> i32 { .locals (i32 i, i32 s)";
    compiles("loops", &text_of(head, 1_000, part, "ldloc s ret }"), "");
}

#[test]
fn nested_loops() {
    let count = 60;
    let mut text = format!(
        "func f(i32 a) -> i32 {{ .locals (i32 s, {})\n",
        names("i32", count)
    );
    for i in 0..count {
        let _ = writeln!(text, "ldc.i4.0 stloc v{i} l{i}:");
    }
    text.push_str("ldloc s ldc.i4.1 add stloc s\n");
    for i in (0..count).rev() {
        let _ = writeln!(
            text,
            "ldloc v{i} ldc.i4.1 add stloc v{i} ldloc v{i} ldarg a blt l{i}"
        );
    }
    compiles("nested", &(text + "ldloc s ret }"), "");
}

#[test]
fn wide_signatures() {
    let count = 600;
    let loads: Vec<String> = (0..count).map(|i| format!("ldarg v{i}")).collect();
    let (params, loads) = (names("i32", count), loads.join(" "));
    let text = format!(
        "func f({params}) -> i32 {{ {loads} call g {loads} call g add ret }} func g({params}) -> i32 {{ ldarg v0 ret }}"
    );
    compiles("wide", &text, "");
}

#[test]
fn thousands_of_calls() {
    let part = |i| format!("ldarg a ldc.i4 {i} call g starg a");
    let tail = "ldarg a ret } func g(i32 a, i32 b) -> i32 { ldarg a ldarg b call h ret } func h(i32 a, i32 b) -> i32 { ldarg a ldarg b mul ret }";
    compiles(
        "calls",
        &text_of("func f(i32 a) -> i32 {", 5_000, part, tail),
        "",
    );
}
