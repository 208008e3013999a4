//! Random programs: SSA, interpreted as built, after all passes, and with each pass left out, agrees with the interpreter of
//! stack IR. `ISTHMUS_SEEDS=from..to` chooses the seeds.

use isthmus_frontend_ir::interp::{self, Limits};
use isthmus_frontend_ir::{generate, text};
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::Options;
use isthmus_ssa::passes::PASSES;

fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("ISTHMUS_SEEDS").ok().and_then(|s| {
        let (from, to) = s.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    given.unwrap_or(0..40)
}

#[test]
fn ssa_agrees_with_the_interpreter() {
    for seed in seeds() {
        let source = generate::program(seed);
        let module = text::parse(&source).unwrap();
        let Ok(expected) = interp::run(&module, Limits::default()) else {
            continue;
        };
        let mut modes = vec![("as built", Options::new(Arch::X64))];
        modes[0].1.optimize = false;
        modes.push(("all passes", Options::new(Arch::X64)));
        // One pass left out, another one for each program.
        let left_out = PASSES[seed as usize % PASSES.len()].name;
        let mut without = Options::new(Arch::X64);
        without.disable.push(left_out.to_string());
        modes.push((left_out, without));
        for (mode, mut opts) in modes {
            opts.verify = true;
            let got = isthmus_ssa::interp::run(&module, Limits::default(), &opts);
            let got = got.unwrap_or_else(|e| panic!("seed {seed}, {mode}: {e}\n{source}"));
            assert_eq!(got, expected, "seed {seed}, {mode}\n{source}");
        }
    }
}
