//! Every method of every program of `tests/sir` compiles without a decline (but `localloc`) and passes the verifier after every pass, with
//! and without inlining, and its text form reads back. So do the versions that take over from baseline frames in loops.

use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::Op;
use isthmus_frontend_ir::text;
use isthmus_runtime_abi::artifact::{OsrEntry, OsrMap};
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::ir::Part;
use isthmus_ssa::parse::parse;
use isthmus_ssa::verify::verify;
use isthmus_ssa::{Options, Unit, compile};
use rustc_hash::FxHashSet;
use std::path::Path;
use std::sync::Arc;

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
    let mut parts = FxHashSet::default();
    for func in unit.funcs() {
        assert!(parts.insert(func.part), "{:?} again", func.part);
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

/// Where a version can begin that takes over: instructions that a later one branches to, with a frame in which each variable has a word.
fn entries(body: &Body) -> Vec<OsrEntry> {
    let homes = |n: usize, from: i32| (0..n as i32).map(|i| Some(from - 512 * i)).collect();
    let map = Arc::new(OsrMap {
        args: homes(body.sig.params.len(), -512),
        locals: homes(body.locals.len(), -16384),
        context: Some(-8),
        this: Some(-16),
        cookie: Some(-24),
        loops: Vec::new(),
    });
    let branches = body.code.iter().enumerate();
    let mut headers: Vec<u32> = branches
        .filter_map(|(n, insn)| match insn.op {
            Op::Br(t) | Op::BrTrue(t) | Op::BrFalse(t) | Op::BrCmp(_, t) if t as usize <= n => {
                Some(t)
            }
            _ => None,
        })
        .collect();
    headers.sort_unstable();
    headers.dedup();
    let entry = |header| OsrEntry {
        header,
        map: map.clone(),
    };
    headers.into_iter().map(entry).collect()
}

#[test]
fn versions_that_take_over_verify_and_read_back() {
    let mut built = 0;
    for (name, source) in programs() {
        let module = text::parse(&source).expect("the program parses");
        for method in module.method_ids() {
            let Some(body) = &module.method_def(method).body else {
                continue;
            };
            for entry in entries(body) {
                let mut opts = Options::new(Arch::X64);
                opts.verify = true;
                let header = entry.header;
                opts.osr = Some(entry);
                // Headers in handlers are declined.
                let Ok(unit) = compile(&module, method, body, &opts) else {
                    continue;
                };
                assert_eq!(unit.func.part, Part::From(header), "{name}");
                let read = parse(&unit.func.to_string()).unwrap();
                assert_eq!(read.part, Part::From(header), "{name}");
                round_trip(&unit);
                built += 1;
            }
        }
    }
    assert!(built > 100, "{built} were built");
}
