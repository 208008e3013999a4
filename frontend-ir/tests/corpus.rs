//! Runs every program of `tests/sir` in the interpreter and compares with its `// expect:` block. With `ISTHMUS_BLESS=1` the blocks are
//! written anew (review the difference).

use isthmus_frontend_ir::interp::{self, Limits};
use isthmus_frontend_ir::text;
use isthmus_frontend_ir::verify::verify;
use std::path::{Path, PathBuf};

fn programs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let entries = std::fs::read_dir(&dir).expect("tests/sir is there");
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "sir"));
    files.sort();
    files
}

fn run(source: &str) -> Result<String, String> {
    let module = text::parse(source).map_err(|e| e.to_string())?;
    for method in module.method_ids() {
        if let Some(body) = &module.method_def(method).body {
            verify(&module, body).map_err(|e| e.to_string())?;
        }
    }
    interp::run(&module, Limits::default())
        .map(|o| o.to_string())
        .map_err(|e| e.to_string())
}

fn bless(file: &Path, source: &str, outcome: &str) {
    let mut text = String::from("// expect:\n");
    for line in outcome.lines() {
        text.push_str(&format!("// {line}"));
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    let rest: Vec<&str> = match interp::expected(source) {
        None => source.lines().collect(),
        Some(_) => {
            let mut lines = source.lines().skip_while(|l| l.trim() != "// expect:");
            lines.next();
            lines.skip_while(|l| l.starts_with("//")).collect()
        }
    };
    text.push_str(&rest.join("\n"));
    text.push('\n');
    std::fs::write(file, text).expect("the program can be written");
}

#[test]
fn programs_do_what_they_say() {
    let blessing = std::env::var_os("ISTHMUS_BLESS").is_some();
    let filter = std::env::var("SIR").unwrap_or_default();
    let mut failed = Vec::new();
    for file in programs() {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .to_string();
        if !name.contains(&filter) {
            continue;
        }
        let source = std::fs::read_to_string(&file).expect("the program can be read");
        match (run(&source), interp::expected(&source)) {
            (Ok(got), Some(wanted)) if got == wanted => {}
            (Ok(got), _) if blessing => bless(&file, &source, &got),
            (Ok(got), wanted) => failed.push(format!(
                "{name}: expected\n{}\ngot\n{got}",
                wanted.unwrap_or_else(|| "(no expect block)".to_string())
            )),
            (Err(error), _) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn the_example_of_the_documentation_runs() {
    let doc = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SIR.md");
    let doc = std::fs::read_to_string(doc).expect("docs/SIR.md is there");
    let source = doc
        .split("```")
        .nth(1)
        .and_then(|s| s.strip_prefix("text\n"));
    let source = source.expect("the first block is the example");
    assert_eq!(
        run(source),
        Ok(interp::expected(source).unwrap_or_default())
    );
}
