//! Objects of all architectures, linked for nowhere and compared with what their sources say must be in memory.
//!
//! Lines `target:`, `options:` and `define:` in the comments of a source say how to make and link it; see [`isthmus_linker::check`] for the checks.

mod support;

use isthmus_linker::check::{self, Linked};
use isthmus_linker::executor::nowhere::Nowhere;
use isthmus_linker::formats::elf;
use isthmus_linker::graph::text;
use isthmus_linker::link::{Options, Session};
use std::path::Path;
use std::sync::Arc;

/// Values of a key in a source's comments.
fn values<'a>(source: &'a str, key: &str) -> Vec<&'a str> {
    let key = format!("{key}: ");
    let value = |line: &'a str| {
        let rest = line.trim_start_matches(['#', '/', '*', '@', ' ']);
        let value = rest.strip_prefix(&key)?;
        Some(value.trim().trim_end_matches("*/").trim())
    };
    source.lines().filter_map(value).collect()
}

fn check(path: &Path, folder: &Path) {
    let source = std::fs::read_to_string(path).unwrap();
    let target = format!("--target={}", values(&source, "target")[0]);
    let mut options = vec![target.as_str()];
    let more = values(&source, "options");
    options.extend(more.iter().flat_map(|o| o.split(' ')));
    let object = support::compile("clang", &options, path, folder);
    let bytes = std::fs::read(&object).unwrap();
    let graph = elf::graph(object.to_str().unwrap(), &bytes).unwrap();
    // Whatever is read can be printed and read again.
    let printed = graph.to_string();
    assert_eq!(text::parse(&printed).unwrap().to_string(), printed);
    let executor = Arc::new(Nowhere::new(graph.arch, 1 << 24));
    let mut session = Session::new(executor, Options::default());
    for definition in values(&source, "define") {
        let (name, address) = definition.split_once("=0x").unwrap();
        session.define(name, u64::from_str_radix(address, 16).unwrap());
    }
    let linked = Linked::default();
    session.add_plugin(Box::new(linked.plugin()));
    session.link(vec![graph]).unwrap();
    let answers = check::run(&source, &linked.graphs(), session.executor()).unwrap();
    let wrong: Vec<String> = answers
        .iter()
        .filter(|a| !a.holds())
        .map(ToString::to_string)
        .collect();
    assert!(
        wrong.is_empty(),
        "{}:\n{}",
        path.display(),
        wrong.join("\n")
    );
    assert!(answers.len() > 5);
}

fn check_all(name: &str) {
    check(
        &support::corpus("checks").join(name),
        &support::scratch(name),
    );
}

#[test]
fn x64() {
    check_all("x64.s");
}

#[test]
fn aarch64() {
    check_all("aarch64.s");
}

#[test]
fn arm() {
    check_all("arm.s");
}

#[test]
fn unwind_tables_of_arm() {
    check_all("exidx.s");
}

#[test]
fn indirect_functions_and_strings() {
    check_all("indirect.s");
}

#[test]
fn bounds_of_sections() {
    check_all("bounds.s");
}

#[test]
fn sections() {
    check_all("sections.c");
}

/// Whole programs of other machines link too, with everything that compilers use by themselves.
#[test]
fn programs_of_all_machines_link() {
    for target in [
        "x86_64-linux-gnu",
        "aarch64-linux-gnu",
        "armv7a-linux-gnueabihf",
    ] {
        for options in [&["-O2"][..], &["-O2", "-fPIC"], &["-O0", "-fPIE"]] {
            let folder = support::scratch(&format!("all-{target}-{}", options.len()));
            let target = format!("--target={target}");
            let mut all = vec![target.as_str(), "-ffreestanding", "-nostdlibinc"];
            all.extend_from_slice(options);
            let source = support::corpus("freestanding.c");
            let object = support::compile("clang", &all, &source, &folder);
            let bytes = std::fs::read(&object).unwrap();
            let graph = elf::graph("freestanding.o", &bytes).unwrap();
            let executor = Arc::new(Nowhere::new(graph.arch, 1 << 24));
            let options = Options {
                phony_externals: true,
            };
            let mut session = Session::new(executor, options);
            session.link(vec![graph]).unwrap();
            assert!(session.lookup("run").is_some());
        }
    }
}

#[test]
fn what_does_not_hold_is_told() {
    let source = support::corpus("checks/x64.s");
    let text = std::fs::read_to_string(&source).unwrap();
    let executor = Nowhere::new(isthmus_runtime_abi::target::Arch::X64, 1 << 20);
    let answers = check::run(&text, &[], &executor).unwrap();
    assert!(answers.iter().all(|a| !a.holds()));
    let answer = check::run("isthmus-check: 1 + 1 = 3", &[], &executor).unwrap();
    let told = answer[0].to_string();
    assert_eq!(told, "line 1: 1 + 1 = 3: does not hold: 0x2 is not 0x3");
    assert!(check::run("nothing", &[], &executor).is_err());
}

/// Sources in assembly language of x86-64, and what is said about them.
const REFUSED: &[(&str, &str)] = &[
    (
        ".section packed, \"a\", @19\n.quad 1",
        "refused.o: section packed: packed relocations are not supported",
    ),
    (
        ".section table, \"a\", @6\n.quad 1",
        "refused.o: section table: a section of shared libraries is not supported",
    ),
    (
        ".section pressed, \"0x802\", @progbits\n.quad 1, 2, 3",
        "refused.o: section pressed: ",
    ),
    (
        ".section other, \"0x102\", @progbits\n.quad 1",
        "refused.o: section other: its kind of section is not supported",
    ),
    (
        ".section .ctors.00101, \"aw\", @progbits\n.quad 0",
        "refused.o: section .ctors.00101: constructors are supported in .init_array only",
    ),
    (
        ".section both, \"awx\", @progbits\n.quad 0",
        "refused.o: rule 8: section both is writable and executable",
    ),
    (
        ".section .texts, \"aMS\", @progbits, 1\n.ascii \"no end\"\n.data\n.quad .texts",
        "refused.o: .texts: the last string does not end",
    ),
    (
        ".symver old, elsewhere@VERSION\n.globl data\n.data\ndata: .quad nowhere, old",
        "undefined: `elsewhere@VERSION` (refused.o), `nowhere` (refused.o)",
    ),
    (
        ".data\n.globl byte\nbyte: .byte byte",
        "refused.o: abs8 of `byte` at .data block ",
    ),
];

/// What is not supported in objects is told: each error names the file, and the section or symbol.
#[test]
fn what_is_not_supported_is_told() {
    let folder = support::scratch("refused");
    for (source, why) in REFUSED {
        let path = folder.join("refused.s");
        std::fs::write(&path, format!("{source}\n")).unwrap();
        let object = support::compile("gcc", &[], &path, &folder);
        let bytes = std::fs::read(object).unwrap();
        let graph = elf::graph("refused.o", &bytes);
        let linked = graph.and_then(|graph| {
            let executor = Arc::new(Nowhere::new(
                isthmus_runtime_abi::target::Arch::X64,
                1 << 20,
            ));
            Session::new(executor, Options::default()).link(vec![graph])
        });
        let error = linked.expect_err(source).to_string();
        assert!(error.starts_with(why), "{source}\n{error}");
    }
}
