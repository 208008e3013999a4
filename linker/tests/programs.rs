//! C programs of several objects, linked and run: in this process, that is, in a child that runs this test program again.

mod support;

use isthmus_linker::executor::Executor;
use isthmus_linker::executor::local::Local;
use isthmus_linker::executor::remote::Remote;
use isthmus_linker::formats::elf;
use isthmus_linker::link::{Options, Session};
use isthmus_linker::memory::MemoryManager;
use isthmus_linker::memory::dual::Dual;
use isthmus_linker::memory::in_process::InProcess;
use isthmus_linker::memory::pooled::Pooled;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Tells the child what to link.
const OBJECTS: &str = "LINKER_TEST_OBJECTS";
const MEMORY: &str = "LINKER_TEST_MEMORY";
/// Shared libraries that the objects refer to.
const LIBRARIES: &str = "LINKER_TEST_LIBRARIES";

fn executor(name: &str) -> Arc<dyn Executor> {
    let memory: Box<dyn MemoryManager> = match name {
        "dual" => Box::new(Dual::new()),
        "pooled" => Box::new(Pooled::new(16 << 20).unwrap()),
        "remote" => {
            let program = Path::new(env!("CARGO_BIN_EXE_isthmus-executor"));
            return Arc::new(Remote::start(program).unwrap());
        }
        _ => Box::new(InProcess::new()),
    };
    Arc::new(Local::new(memory))
}

/// Not a test of its own: what the others run in children.
#[test]
#[ignore = "run by the other tests"]
fn child() {
    let objects = std::env::var(OBJECTS).unwrap();
    let executor = executor(&std::env::var(MEMORY).unwrap_or_default());
    let libraries = std::env::var(LIBRARIES).unwrap_or_default();
    for library in libraries.split(' ').filter(|l| !l.is_empty()) {
        executor.load_library(library).unwrap();
    }
    let mut session = Session::new(executor, Options::default());
    let read = |path: &str| elf::graph(path, &std::fs::read(path).unwrap()).unwrap();
    let graphs = objects.split(' ').map(read).collect();
    session.link(graphs).unwrap();
    session.initialize().unwrap();
    let arguments = ["program", "a", "b"].map(String::from);
    let status = session.run_main("main", &arguments).unwrap();
    session.close().unwrap();
    std::process::exit(status);
}

/// Links objects in a child: exit code and output.
fn run(objects: &[PathBuf], memory: &str) -> (Option<i32>, String) {
    run_with(objects, memory, "")
}

fn run_with(objects: &[PathBuf], memory: &str, libraries: &str) -> (Option<i32>, String) {
    let names: Vec<_> = objects.iter().map(|o| o.to_str().unwrap()).collect();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(OBJECTS, names.join(" "))
        .env(MEMORY, memory)
        .env(LIBRARIES, libraries)
        .output()
        .unwrap();
    let all = String::from_utf8_lossy(&output.stdout).into_owned();
    let text = all
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with("running ") && !l.starts_with("test child"));
    let text: String = text.map(|l| format!("{l}\n")).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text + &errors)
}

fn expect(objects: &[PathBuf], memory: &str, expected: &str, what: &str) {
    let (status, text) = run(objects, memory);
    // What the test runner prints before `main` begins stands on the same line.
    let text = text.replace("test child ... ", "");
    assert_eq!(text, expected, "{what}");
    assert_eq!(status, Some(33), "{what}");
}

const PARTS: [&str; 3] = ["main.c", "parts.c", "notes.c"];

fn parts(compiler: &str, options: &[&str], folder: &Path) -> Vec<PathBuf> {
    let source = |name: &&str| support::corpus("program").join(name);
    let compile = |name| support::compile(compiler, options, &source(name), folder);
    PARTS.iter().map(compile).collect()
}

/// Each combination takes other ways to variables, functions, and thread-local variables.
const OPTIONS: &[(&str, &str)] = &[
    ("gcc", "-O2"),
    ("gcc", "-O0 -g"),
    ("gcc", "-O2 -fPIC"),
    ("gcc", "-O2 -fPIC -fno-plt"),
    ("gcc", "-O2 -fPIC -mtls-dialect=gnu2"),
    ("gcc", "-O2 -fPIC -mcmodel=large"),
    ("gcc", "-O2 -fno-pie -mcmodel=large"),
    ("gcc", "-O2 -ffunction-sections -fdata-sections"),
    ("clang", "-O2"),
    ("clang", "-O2 -fPIC"),
    ("clang", "-O0 -fPIE -ftls-model=initial-exec"),
];

#[test]
#[cfg(target_arch = "x86_64")]
fn a_program_of_several_objects_runs_however_it_was_compiled() {
    let expected = std::fs::read_to_string(support::corpus("program/expected.txt")).unwrap();
    for (n, (compiler, options)) in OPTIONS.iter().enumerate() {
        let folder = support::scratch(&format!("program-{n}"));
        let mut all: Vec<&str> = options.split(' ').collect();
        all.push("-fcommon");
        let objects = parts(compiler, &all, &folder);
        let memory = ["in-process", "dual", "pooled", "remote"][n % 4];
        expect(
            &objects,
            memory,
            &expected,
            &format!("{compiler} {options}"),
        );
    }
}

/// Ways to access the same thread-local variables may differ from object to object.
#[test]
#[cfg(target_arch = "x86_64")]
fn objects_may_be_compiled_differently() {
    let expected = std::fs::read_to_string(support::corpus("program/expected.txt")).unwrap();
    let folder = support::scratch("program-mixed");
    let options: [&[&str]; 3] = [
        &["-O2", "-fcommon"],
        &["-O2", "-fcommon", "-fPIC"],
        &["-O0", "-fcommon", "-fPIC", "-mtls-dialect=gnu2"],
    ];
    let compile = |(name, options): (&&str, &&[&str])| {
        let source = support::corpus("program").join(name);
        support::compile("gcc", options, &source, &folder)
    };
    let mut objects: Vec<_> = PARTS.iter().zip(&options).map(compile).collect();
    for _ in 0..3 {
        objects.rotate_left(1);
        // The order of destructors is that of the objects.
        let (status, text) = run(&objects, "dual");
        let sorted = |text: &str| {
            let text = text.replace("test child ... ", "");
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&text), sorted(&expected));
        assert_eq!(status, Some(33));
    }
}

/// A program that looks at its own memory: nothing is writable and executable, code is not writable, constants are neither.
#[test]
#[cfg(target_arch = "x86_64")]
fn memory_is_never_writable_and_executable() {
    let folder = support::scratch("protections");
    let source = support::corpus("protections.c");
    let object = support::compile("gcc", &["-O1"], &source, &folder);
    for memory in ["in-process", "dual", "pooled", "remote"] {
        let (status, text) = run(std::slice::from_ref(&object), memory);
        let text = text.replace("test child ... ", "");
        let expected = "code r-x, constants r--, data rw-, zeros rw-\nwritable and executable: 0\n";
        assert_eq!((text.as_str(), status), (expected, Some(0)), "{memory}");
    }
}

/// `exit` in the middle, and death by a signal, in another process.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_remote_program_may_end_its_process() {
    let folder = support::scratch("ends");
    let source = support::corpus("ends.c");
    let exits = support::compile("gcc", &["-O1"], &source, &folder);
    let (status, text) = run(std::slice::from_ref(&exits), "remote");
    let text = text.replace("test child ... ", "");
    assert_eq!((text.as_str(), status), ("before\nat exit\n", Some(17)));
    let (status, text) = run(&[exits], "in-process");
    let text = text.replace("test child ... ", "");
    assert_eq!((text.as_str(), status), ("before\nat exit\n", Some(17)));
    let dies = support::compile("gcc", &["-O1", "-DDIE"], &source, &folder);
    let (status, text) = run(&[dies], "remote");
    assert!(text.contains("ended by signal 6"), "{text}");
    assert_ne!(status, Some(0));
}

/// Backtraces and cleanups pass through linked code by its own unwind tables.
#[test]
#[cfg(target_arch = "x86_64")]
fn linked_code_is_unwound() {
    let folder = support::scratch("unwind");
    let source = support::corpus("unwind.c");
    for (compiler, options) in [
        ("gcc", &["-O1", "-fexceptions"][..]),
        (
            "gcc",
            &["-O1", "-fexceptions", "-ffunction-sections", "-fPIC"],
        ),
        ("clang", &["-O1", "-fexceptions"]),
    ] {
        let object = support::compile(compiler, options, &source, &folder);
        for memory in ["in-process", "pooled", "remote"] {
            let (status, text) = run(std::slice::from_ref(&object), memory);
            let text = text.replace("test child ... ", "");
            let expected = "five more frames: 5\ncleaned up in order: 321\n";
            assert_eq!((text.as_str(), status), (expected, Some(0)), "{memory}");
        }
    }
}

/// Programs of `features`: compiled so, they print this and end with 0, in whatever order their objects are linked, here and elsewhere.
fn features(compiler: &str, options: &[&str], names: &[&str], libraries: &str, expected: &str) {
    let folder = support::scratch(&format!("features-{}-{}", names[0], options.join("")));
    let compile = |name: &&str| {
        let source = support::corpus("features").join(name);
        support::compile(compiler, options, &source, &folder)
    };
    let mut objects: Vec<_> = names.iter().map(compile).collect();
    for memory in ["in-process", "dual", "pooled", "remote"] {
        let (status, text) = run_with(&objects, memory, libraries);
        let text = text.replace("test child ... ", "");
        assert_eq!(
            (text.as_str(), status),
            (expected, Some(0)),
            "{memory} {options:?}"
        );
        objects.rotate_left(1);
    }
}

/// How C code is compiled: with fixed addresses of variables, and without.
const PIC: [&[&str]; 3] = [&["-O1"], &["-O2", "-fPIC"], &["-O0", "-fPIC", "-fno-plt"]];

#[test]
#[cfg(target_arch = "x86_64")]
fn functions_are_chosen_when_they_are_loaded() {
    let names = ["indirect.c", "indirect_user.c"];
    let expected = "12 22 32\none address: 1\nfrom elsewhere: 42\n";
    for options in PIC {
        features("gcc", options, &names, "", expected);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn equal_strings_of_objects_are_one() {
    let names = ["strings.c", "strings_other.c"];
    let expected = "here: 1, with the other object: 1\nwide: 1\n\
        a greeting of both, a greeting of both, tail both\n9 15\n";
    // Without optimization, strings are constants like others.
    for options in &PIC[..2] {
        features("gcc", options, &names, "", expected);
        features("clang", options, &names, "", expected);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn thread_local_variables_of_libraries_can_be_referred_to() {
    let folder = support::scratch("features-library");
    let library = folder.join("liblibrary.so");
    let status = Command::new("gcc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(support::corpus("features/library.c"))
        .status();
    assert!(status.unwrap().success());
    let expected = "other thread: 105 library, same: 1\n\
        this thread: 101 Library, same: 1\nerrno: 34\n";
    let options = ["-O1", "-fPIC"];
    let names = ["library_user.c"];
    features("gcc", &options, &names, library.to_str().unwrap(), expected);
    for options in PIC {
        features("gcc", options, &["errno.c"], "", "errno: 34\n");
    }
    // A library that was loaded later has its variables elsewhere in each thread.
    let source = support::corpus("features/library_user.c");
    let object = support::compile("gcc", &["-O1"], &source, &folder);
    let (status, text) = run_with(&[object], "dual", library.to_str().unwrap());
    assert_ne!(status, Some(0));
    let why = "is not at the same distance from the thread pointer in every thread";
    assert!(text.contains(why) && text.contains("library_"), "{text}");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn names_have_versions() {
    let names = ["versions.c", "versions_other.c"];
    let expected = "old: nothing, invalid: 1\nnew: /\nanswers: 1 2 2\n";
    features("gcc", &["-O1", "-fPIC"], &names, "", expected);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn initializers_of_objects_run_in_order_of_priority() {
    let names = ["priorities.c", "priorities_other.c"];
    let expected = "101 here\n200 there\n300 here\n400 there\nlast\nmain\n\
        300 ends\n200 ends there\n101 ends\n";
    features("gcc", &["-O1", "-fPIC"], &names, "", expected);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn what_objects_of_cxx_both_define_is_there_once() {
    let names = ["groups.cpp", "groups_other.cpp"];
    let expected =
        "one counter: 3\none instance: 1, 42\none virtual table: 1, square\ncaught square\n";
    for (compiler, options) in [
        ("g++", &["-O1", "-fPIC"][..]),
        ("g++", &["-O0"]),
        ("clang++", &["-O2", "-fPIC"]),
    ] {
        features(compiler, options, &names, "libstdc++.so.6", expected);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn initializers_of_groups_run_once() {
    let expected = "initializers: 1 1, kept: 8 8\n";
    for compiler in ["gcc", "clang"] {
        let options = ["-O1", "-fPIC"];
        features(
            compiler,
            &options,
            &["once.c", "once_other.c"],
            "",
            expected,
        );
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn sections_of_objects_lie_between_their_bounds() {
    let names = ["registry.c", "registry_other.c", "registry_last.c"];
    let expected = "again(7) = 5\ndouble(7) = 14\nnegate(7) = -7\nsquare(7) = 49\n\
        one registry: 1\ncounters: 2, 41 42\nworkers: 1 0, 42\nabsent: 1\n";
    for options in PIC {
        features("gcc", options, &names, "", expected);
        features("clang", options, &names, "", expected);
    }
    // What several objects define is between them once. GCC puts no members of templates into sections.
    let names = ["items.cpp", "items_other.cpp"];
    let options = ["-O1", "-std=c++17"];
    features("g++", &options, &names, "", "items: 1, 20, 20\n");
    features("clang++", &options, &names, "", "items: 4, 4321, 4321\n");
}
