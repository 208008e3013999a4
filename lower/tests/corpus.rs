//! Every method of every program in `tests/sir` compiles, for both architectures; what `ssa` declines is left out.
//!
//! `ISTHMUS_TIME=1` prints what the time went to (build with `--release` for figures that mean something).

use isthmus_frontend_ir::body::BodySource;
use isthmus_frontend_ir::text;
use isthmus_lower::{Options, compile};
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::Unit;
use std::path::Path;
use std::time::Duration;

fn programs() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sir"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|p| {
            let name = p.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(p).unwrap())
        })
        .collect()
}

/// Processor time of this thread: other work on the machine does not count.
fn now() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to our own variable.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn every_method_compiles_for_both_architectures() {
    let mut declined = Vec::new();
    let mut failed = Vec::new();
    let (mut methods, mut instructions, mut bytes) = (0, 0, 0);
    let (mut ssa_time, mut times) = (Duration::ZERO, [Duration::ZERO; 2]);
    for (name, source) in programs() {
        let module = match text::parse(&source) {
            Ok(module) => module,
            Err(e) => {
                failed.push(format!("{name}: {e}"));
                continue;
            }
        };
        for method in module.method_ids() {
            let Ok(body) = module.body(method) else {
                continue;
            };
            for (n, arch) in [Arch::X64, Arch::A64].into_iter().enumerate() {
                let start = now();
                let unit: Unit = match isthmus_ssa::compile(
                    &module,
                    method,
                    &body,
                    &isthmus_ssa::Options::new(arch),
                ) {
                    Ok(unit) => unit,
                    Err(e) => {
                        declined.push(format!("{name} {method}: {e}"));
                        continue;
                    }
                };
                let middle = now();
                let compiled = compile(&module, &unit, arch, &Options::default());
                if n == 0 {
                    ssa_time += middle - start;
                    methods += 1;
                    instructions += unit.func.insts.len();
                }
                times[n] += now() - middle;
                match compiled {
                    Ok(code) => bytes += code.code.len(),
                    Err(e) => failed.push(format!("{name} {method} {}: {e}", arch.name())),
                }
            }
        }
    }
    if std::env::var_os("ISTHMUS_TIME").is_some() {
        let micros = |t: Duration| t.as_secs_f64() * 1e6 / f64::from(methods.max(1));
        println!(
            "{methods} methods, {instructions} SSA instructions, {bytes} bytes; µs a method: ssa {:.0}, x86_64 {:.0}, aarch64 {:.0}",
            micros(ssa_time),
            micros(times[0]),
            micros(times[1])
        );
        println!("declined by ssa:\n{}", declined.join("\n"));
    }
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(methods > 50);
}
