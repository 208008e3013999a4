//! Who may depend on whom: the crates' layers, read from the Cargo manifests.
//!
//! The table is the architecture (`docs/ARCHITECTURE.md`) as data. A crate that is not in it, an edge that it does not
//! allow, and an outside crate used beyond its home are failures.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

/// Folder of each crate, and the crates of ours that it may depend on: groups of them.
const LAYERS: &[(&str, &[&[&str]])] = &[
    ("runtime-abi", &[]),
    ("frontend-ir", &[&["runtime-abi"]]),
    ("ssa", &[&["frontend-ir", "runtime-abi"]]),
    ("asm", &[&["runtime-abi"]]),
    ("eh-tables", &[&["runtime-abi"]]),
    ("stubs", &[&["asm", "eh-tables", "runtime-abi"]]),
    ("lower", &[&["ssa", "asm", "eh-tables", "runtime-abi"]]),
    (
        "baseline",
        &[&["frontend-ir", "asm", "eh-tables", "runtime-abi"]],
    ),
    ("linker", &[&["runtime-abi", "eh-tables"]]),
    ("rt", &[&["runtime-abi", "eh-tables", "stubs", "linker"]]),
    ("interop", &[&["runtime-abi", "stubs", "rt"]]),
    ("aot", &[&["runtime-abi", "eh-tables"]]),
    ("clr", &[BACK_END]),
    ("standalone", &[&["aot", "rt", "clr"]]),
    ("examples/toyvm", &[BACK_END]),
    ("tests/child-process", &[]),
    ("tests", &[BACK_END, &["clr", "child-process"]]),
    (
        "tests/hostile",
        &[&["clr", "frontend-ir", "child-process", "tests"]],
    ),
    (
        "tests/differential",
        &[BACK_END, &["child-process", "tests", "toyvm"]],
    ),
    ("cli", &[BACK_END, &["clr", "child-process"]]),
];

/// What a VM may use: everything that is not a VM.
const BACK_END: &[&str] = &[
    "runtime-abi",
    "frontend-ir",
    "ssa",
    "asm",
    "eh-tables",
    "stubs",
    "lower",
    "baseline",
    "linker",
    "rt",
    "interop",
    "aot",
];

/// Tests of a crate may use any part of the back end, so that compiled code can be run, but no VM.
const TEST_ONLY: &[&str] = BACK_END;

/// An outside crate with one home.
struct Home {
    /// How package names start.
    package: &'static str,
    /// The one crate whose `[dependencies]` may name it.
    folder: &'static str,
    /// Crates whose tests may name it besides.
    tests: &'static [&'static str],
    /// The word by which sources refer to it, and the only folder of sources that may.
    word: &'static str,
    sources: &'static str,
}

const HOMES: &[Home] = &[
    // Replaceable as long as nothing but the lowering knows it.
    Home {
        package: "cranelift",
        folder: "lower",
        tests: &[],
        word: "cranelift_",
        sources: "lower",
    },
    // The collector's interface is ours: `rt::gc`.
    Home {
        package: "mmtk",
        folder: "rt",
        tests: &[],
        word: "::mmtk::",
        sources: "rt/src/gc/mmtk",
    },
    // A disassembler for dumps and tests.
    Home {
        package: "iced-x86",
        folder: "asm",
        tests: &["lower"],
        word: "iced_x86::",
        sources: "asm/src",
    },
    Home {
        package: "disarm64",
        folder: "asm",
        tests: &[],
        word: "disarm64::",
        sources: "asm/src",
    },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn manifest(path: &Path) -> Table {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn layer(folder: &str) -> Option<Vec<&'static str>> {
    let (_, groups) = LAYERS.iter().find(|l| l.0 == folder)?;
    Some(groups.concat())
}

/// Name of the package in a folder.
fn package(folder: &str) -> String {
    let name = folder.rsplit('/').next().unwrap();
    format!("isthmus-{name}")
}

/// The names in all tables of one kind of dependencies, those under `[target.…]` too.
fn dependencies(manifest: &Table, kinds: &[&str]) -> Vec<String> {
    let mut tables = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(|t| t.as_table()) {
        tables.extend(targets.values().filter_map(|t| t.as_table()));
    }
    let mut names = Vec::new();
    for table in tables {
        for kind in kinds {
            let Some(list) = table.get(*kind).and_then(|t| t.as_table()) else {
                continue;
            };
            for (key, value) in list {
                // A renamed dependency is known by its package.
                let package = value.get("package").and_then(|p| p.as_str());
                names.push(package.unwrap_or(key).to_owned());
            }
        }
    }
    names
}

/// What is wrong with one crate's manifest.
fn problems(folder: &str, manifest: &Table) -> Vec<String> {
    let Some(allowed) = layer(folder) else {
        return vec![format!("{folder} is not in the table of layers")];
    };
    let mut problems = Vec::new();
    let name = manifest["package"]["name"].as_str().unwrap_or_default();
    if name != package(folder) {
        problems.push(format!(
            "{folder}: the package is named {name}, not {}",
            package(folder)
        ));
    }
    let sections: [(&[&str], bool); 2] = [
        (&["dependencies", "build-dependencies"], false),
        (&["dev-dependencies"], true),
    ];
    for (kinds, for_tests) in sections {
        for dependency in dependencies(manifest, kinds) {
            if let Some(other) = dependency.strip_prefix("isthmus-") {
                let fine = allowed.contains(&other) || for_tests && TEST_ONLY.contains(&other);
                if !fine {
                    problems.push(format!("{folder} may not depend on {other}"));
                }
            }
            for home in HOMES.iter().filter(|h| dependency.starts_with(h.package)) {
                let fine = home.folder == folder || for_tests && home.tests.contains(&folder);
                if !fine {
                    problems.push(format!(
                        "{folder} may not depend on {dependency}: its home is {}",
                        home.folder
                    ));
                }
            }
        }
    }
    problems
}

#[test]
fn every_crate_of_the_workspace_is_in_the_table() {
    let workspace = manifest(&root().join("Cargo.toml"));
    let members: BTreeSet<&str> = workspace["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m.as_str())
        .collect();
    let table: BTreeSet<&str> = LAYERS.iter().map(|l| l.0).collect();
    assert_eq!(members, table);
}

#[test]
fn crates_depend_only_on_lower_layers() {
    let mut all = Vec::new();
    for (folder, _) in LAYERS {
        let manifest = manifest(&root().join(folder).join("Cargo.toml"));
        all.extend(problems(folder, &manifest));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

/// The table itself has no circle: each crate may use only crates that stand above it.
#[test]
fn the_table_goes_from_the_bottom_up() {
    for (n, (folder, allowed)) in LAYERS.iter().enumerate() {
        for other in allowed.concat() {
            let package = format!("isthmus-{other}");
            let above = LAYERS[..n].iter().any(|l| self::package(l.0) == package);
            assert!(above, "{other} does not stand above {folder}");
        }
    }
}

#[test]
fn what_is_forbidden_is_found() {
    let check = |folder: &str, text: &str| problems(folder, &text.parse().unwrap());
    let head = |name: &str| format!("[package]\nname = \"isthmus-{name}\"\n");
    let bad = [
        ("ssa", "[dependencies]\nisthmus-asm = {}", 1),
        ("ssa", "[dev-dependencies]\nisthmus-asm = {}", 0),
        ("ssa", "[dev-dependencies]\nisthmus-clr = {}", 1),
        ("ssa", "[dependencies]\nx = { package = \"mmtk\" }", 1),
        (
            "rt",
            "[target.'cfg(unix)'.dependencies]\nisthmus-clr = {}",
            1,
        ),
        ("baseline", "[dependencies]\ncranelift-frontend = \"0\"", 1),
        ("lower", "[dev-dependencies]\niced-x86 = \"1\"", 0),
        ("lower", "[dependencies]\niced-x86 = \"1\"", 1),
        ("unknown", "", 1),
    ];
    for (folder, text, count) in bad {
        let found = check(folder, &(head(folder) + text));
        assert_eq!(found.len(), count, "{folder}, {text}: {found:?}");
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Whether a line of code refers to an outside crate. (A path that goes on from somewhere, `super::mmtk::`, is one of our own.)
fn names_crate(line: &str, word: &str) -> bool {
    let line = line.trim_start();
    if line.starts_with("//") {
        return false;
    }
    let from_outside =
        |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    line.starts_with(&format!("use {}", word.trim_start_matches(':')))
        || line.match_indices(word).any(|(at, _)| from_outside(at))
}

#[test]
fn names_of_crates_are_found_in_code() {
    for (line, word, found) in [
        ("use mmtk::util::Address;", "::mmtk::", true),
        ("    fn f(a: ::mmtk::util::Address)", "::mmtk::", true),
        ("use super::mmtk::Mutator;", "::mmtk::", false),
        ("// use mmtk::util::Address;", "::mmtk::", false),
        ("let b: cranelift_codegen::ir::Block;", "cranelift_", true),
        ("let not_cranelift_ = 1;", "cranelift_", false),
    ] {
        assert_eq!(names_crate(line, word), found, "{line}");
    }
}

/// Within the home of an outside crate, too, only one folder's sources name it.
#[test]
fn outside_crates_are_named_only_at_home() {
    let root = root();
    let mut wrong = Vec::new();
    for home in HOMES {
        let mut files = Vec::new();
        for part in ["src", "benches", "examples"] {
            for (folder, _) in LAYERS.iter().filter(|l| l.0 != "tests") {
                rust_files(&root.join(folder).join(part), &mut files);
            }
        }
        for path in files {
            let relative = path.strip_prefix(&root).unwrap();
            if relative.starts_with(home.sources) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let names = |line: &str| names_crate(line, home.word);
            if let Some(n) = text.lines().position(names) {
                wrong.push(format!("{}:{}", relative.display(), n + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
