//! The verifier against CIL that breaks one rule at a time, and against its good twins.
//!
//! `data/verify/code.il` and `types.il` say in the names of methods and types what is expected: `good RULE: …`, `RULE@OFFSET: …` (methods), `RULE: …`
//! (types and their members).

use isthmus_clr::types::{Method, Type, types};
use isthmus_clr::verify::{self, rules::Rule};
use isthmus_clr::vm::run::start_types;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a name expects: rule and offset; none where nothing is wrong.
fn expected(name: &str) -> Option<Option<(&str, u32)>> {
    let (head, _) = name.split_once(": ")?;
    if head.starts_with("good ") {
        return Some(None);
    }
    match head.split_once('@') {
        Some((rule, il)) => Some(Some((rule, u32::from_str_radix(il, 16).ok()?))),
        None => Some(Some((head, 0))),
    }
}

/// Assembles a file of `data/verify`.
fn assemble(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/verify/{name}.il"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(std::process::id().to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let made = folder.join(format!("{name}.dll"));
    let done = Command::new("ilasm")
        .args(["/quiet", "/dll"])
        .arg(format!("/output:{}", made.display()))
        .arg(&source)
        .output()
        .unwrap_or_else(|e| panic!("cannot run ilasm: {e}; `./x setup` installs it"));
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
    made
}

/// The members of an assembled file.
fn members(name: &str) -> Vec<(&'static Type, Vec<&'static Method>)> {
    let file = assemble(name);
    start_types(&file, None).unwrap();
    let assembly = types().load_file(&file).unwrap();
    verify::members(assembly).map(Result::unwrap).collect()
}

/// Every rule that a file shows broken is shown kept, too.
fn has_twins(names: &[String]) {
    for name in names {
        if let Some(Some((rule, _))) = expected(name) {
            assert!(Rule::ALL.iter().any(|r| r.name() == rule), "{name}");
            let twin = format!("good {rule}: ");
            assert!(names.iter().any(|n| n.starts_with(&twin)), "{twin}…");
        }
    }
}

#[test]
fn methods_break_the_rules_that_their_names_say() {
    let mut wrong = Vec::new();
    let mut names = Vec::new();
    for (ty, methods) in members("code") {
        for (_, fault) in verify::type_def(ty) {
            wrong.push(format!("{}: {fault}", ty.full_name()));
        }
        for m in methods {
            let found = verify::method(m).err();
            let wanted = expected(m.name).unwrap_or(None);
            if ty.name() == "Constructors" {
                continue;
            }
            names.push(m.name.to_owned());
            if found.as_ref().map(|f| (f.rule.name(), f.il)) != wanted {
                wrong.push(format!("{}: {found:?}", m.full_name()));
            }
        }
    }
    has_twins(&names);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn constructors_call_one_of_their_base_class_first() {
    for (ty, methods) in members("code") {
        if ty.name() != "Constructors" {
            continue;
        }
        let found: Vec<_> = methods
            .iter()
            .map(|m| {
                let param = m.sig().unwrap().params.first().map_or("", |p| p.name());
                (param, verify::method(m).map_err(|f| (f.rule, f.il)))
            })
            .collect();
        let raw = Rule::ThisUninitialized;
        let wanted = [
            ("", Err((raw, 0))),
            ("Int32", Err((raw, 1))),
            ("Int64", Err((raw, 7))),
            ("Boolean", Err((raw, 9))),
            ("Object", Err((raw, 1))),
            ("String", Ok(())),
        ];
        assert_eq!(found, wanted);
    }
}

#[test]
fn types_break_the_rules_that_their_names_say() {
    let mut wrong = Vec::new();
    let mut names = Vec::new();
    for (ty, _) in members("types") {
        let found = verify::type_def(ty);
        names.push(ty.name().to_owned());
        let rules: Vec<_> = found.iter().map(|(_, f)| f.rule.name()).collect();
        let fits = match expected(ty.name()) {
            Some(Some((rule, _))) => rules.first() == Some(&rule),
            Some(None) => rules.is_empty(),
            None => true,
        };
        if !fits {
            wrong.push(format!("{}: {found:?}", ty.full_name()));
        }
    }
    has_twins(&names);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
