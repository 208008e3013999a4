//! Every method of every program of `tests/sir` compiles without a decline (but `localloc`) and passes the verifier after every pass, with
//! and without inlining, and its text form reads back.

use isthmus_frontend_ir::text;
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::parse::parse;
use isthmus_ssa::verify::verify;
use isthmus_ssa::{Options, Unit, compile};
use std::path::Path;

fn programs() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let mut out: Vec<(String, String)> = std::fs::read_dir(&dir)
        .expect("tests/sir is there")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "sir"))
        .map(|p| {
            let name = p
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .to_string();
            (name, std::fs::read_to_string(&p).expect("readable"))
        })
        .collect();
    out.sort();
    out
}

/// The text form reads back as what it was.
fn round_trip(unit: &Unit) {
    for func in unit.funcs() {
        let text = func.to_string();
        let parsed = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(parsed.to_string(), text);
        verify(&parsed).unwrap_or_else(|e| panic!("{e}\n{text}"));
    }
}

#[test]
fn all_methods_compile_and_verify() {
    let mut declined = Vec::new();
    for (name, source) in programs() {
        let module = text::parse(&source).expect("the program parses");
        for arch in [Arch::X64, Arch::A64] {
            for inline in [true, false] {
                let mut opts = Options::new(arch);
                opts.verify = true;
                opts.inline = inline;
                for method in module.method_ids() {
                    let def = module.method_def(method);
                    let Some(body) = &def.body else { continue };
                    match compile(&module, method, body, &opts) {
                        Ok(unit) => round_trip(&unit),
                        Err(e) => declined.push(format!("{name}: {}: {e}", def.name)),
                    }
                }
            }
        }
    }
    assert!(declined.is_empty(), "declined:\n{}", declined.join("\n"));
}
