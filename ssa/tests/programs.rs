//! Every program of `tests/sir` does in the SSA interpreter what its `// expect:` block says: as built, and after all passes.

use isthmus_frontend_ir::interp::{self, Limits};
use isthmus_frontend_ir::text;
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::Options;
use std::path::Path;

fn check(optimize: bool) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let only = std::env::var("SIR").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("tests/sir is there")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "sir"))
        .collect();
    files.sort();
    let mut opts = Options::new(Arch::X64);
    opts.optimize = optimize;
    opts.verify = true;
    let (mut passed, mut failed) = (0, Vec::new());
    for file in files {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .to_string();
        let source = std::fs::read_to_string(&file).expect("readable");
        let Some(expected) = interp::expected(&source) else {
            continue;
        };
        if !name.contains(&only) || source.contains("localloc") {
            continue;
        }
        let module = text::parse(&source).expect("the program parses");
        let got = match isthmus_ssa::interp::run(&module, Limits::default(), &opts) {
            Ok(o) => o.to_string(),
            Err(e) => e.to_string(),
        };
        if got.trim_end() == expected.trim_end() {
            passed += 1;
        } else {
            let line = got.lines().zip(expected.lines()).position(|(a, b)| a != b);
            failed.push(format!(
                "{name} (line {line:?}): expected\n{expected}\ngot\n{got}"
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{passed} passed, {} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn programs_as_built() {
    check(false);
}

#[test]
fn programs_after_all_passes() {
    check(true);
}
