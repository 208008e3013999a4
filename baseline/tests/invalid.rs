//! Bodies that make no sense: compiling them gives code or an error, never a panic.

use isthmus_baseline::{Options, compile};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::module::Module;
use isthmus_frontend_ir::op::{Insn, Op};
use std::panic::{AssertUnwindSafe, catch_unwind};

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// Changes some instructions: others of the module, other operands, other targets.
fn mutate(rng: &mut Rng, body: &mut Body, pool: &[Insn]) {
    let len = body.code.len();
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(len);
        let target = rng.below(len + 1) as u32;
        let number = rng.below(12) as u16;
        let op = match rng.below(8) {
            0 => Op::LdLoc(number),
            1 => Op::StLoc(number),
            2 => Op::LdArg(number),
            3 => Op::StArg(number),
            4 => match body.code[at].op {
                Op::Br(_) => Op::Br(target),
                Op::BrTrue(_) => Op::BrTrue(target),
                Op::BrFalse(_) => Op::BrFalse(target),
                Op::BrCmp(c, _) => Op::BrCmp(c, target),
                Op::Leave(_) => Op::Leave(target),
                _ => Op::Br(target),
            },
            5 => {
                let other = rng.below(len);
                body.code.swap(at, other);
                continue;
            }
            _ => {
                let insn = pool[rng.below(pool.len())];
                let il = body.code[at].il;
                body.code[at] = Insn { il, ..insn };
                continue;
            }
        };
        body.code[at].op = op;
    }
}

fn bodies(module: &Module) -> Vec<Body> {
    module
        .method_ids()
        .filter_map(|m| module.method_def(m).body.as_deref().cloned())
        .collect()
}

#[test]
fn mutated_bodies_do_not_panic() {
    let rounds: usize = std::env::var("ISTHMUS_ROUNDS").map_or(300, |r| r.parse().unwrap());
    let mut rng = Rng(0x1234_5678_9abc_def1);
    let (mut code, mut errors) = (0, 0);
    for seed in 0..8 {
        // Large programs.
        let text = isthmus_frontend_ir::generate::program(4 * seed);
        let module = isthmus_frontend_ir::text::parse(&text).unwrap();
        let bodies = bodies(&module);
        let pool: Vec<Insn> = bodies.iter().flat_map(|b| b.code.iter().copied()).collect();
        for round in 0..rounds {
            let mut body = bodies[rng.below(bodies.len())].clone();
            if body.code.is_empty() {
                continue;
            }
            mutate(&mut rng, &mut body, &pool);
            let options = Options {
                pin: round % 2 == 0,
                ..Options::default()
            };
            let result = catch_unwind(AssertUnwindSafe(|| compile(&module, &body, &options)));
            match result {
                Ok(Ok(_)) => code += 1,
                Ok(Err(_)) => errors += 1,
                Err(_) => panic!("seed {seed} round {round}: {:#?}", body.code),
            }
        }
    }
    println!("{code} compiled, {errors} refused");
    assert!(code > 0 && errors > 0);
}
