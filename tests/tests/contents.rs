//! Tables of contents: where the documentation of a `lib.rs` or `mod.rs` has a table of its modules, it names every one of them.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules that a file declares, but for those that only tests have.
fn declared(source: &str) -> Vec<&str> {
    let mut before = "";
    let mut found = Vec::new();
    for line in source.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let name = match words[..] {
            ["mod", name] => name.strip_suffix(';'),
            [visibility, "mod", name] if visibility.starts_with("pub") => name.strip_suffix(';'),
            _ => None,
        };
        found.extend(name.filter(|_| before != "#[cfg(test)]"));
        before = line;
    }
    found
}

/// The modules that a file declares and its table of modules leaves out.
fn left_out(source: &str) -> Vec<&str> {
    let docs: Vec<&str> = source
        .lines()
        .filter_map(|l| l.strip_prefix("//! "))
        .collect();
    if !docs.iter().any(|line| line.starts_with("| module |")) {
        return Vec::new();
    }
    let docs = docs.join("\n");
    let is_named = |name: &str| docs.contains(&format!("`{name}`"));
    let mut names = declared(source);
    names.retain(|name| !is_named(name));
    names
}

#[test]
fn what_a_table_leaves_out_is_found() {
    let table =
        "//! | module | what |\n//! | --- | --- |\n//! | [`a`] | one |\n//! | `b` | two |\n";
    let modules = "pub mod a;\nmod b;\npub(crate) mod c;\n#[cfg(test)]\nmod d;\nmod e {\n}\n";
    assert_eq!(left_out(&format!("{table}{modules}")), ["c"]);
    assert!(left_out(modules).is_empty());
}

/// Sources under a folder, without what was built.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                sources(&path, found);
            }
        } else if name == "lib.rs" || name == "mod.rs" {
            found.push(path);
        }
    }
}

#[test]
fn every_module_is_in_its_table_of_contents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    sources(root, &mut files);
    assert!(files.len() > 20, "{files:?}");
    let mut wrong = Vec::new();
    for path in files {
        let source = fs::read_to_string(&path).unwrap();
        for name in left_out(&source) {
            wrong.push(format!("{}: {name}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
