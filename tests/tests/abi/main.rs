//! Calls between baseline code, optimized code and hand-made code, in every pairing, for random signatures.
//!
//! ```text
//!   entry stub ─▶ forwarder {made by stubs' tests, baseline, opt, both with `tail.`} ─▶ cell {code, prestub} ─▶ callee {hand-made, baseline, opt}
//! ```
//! A forwarder passes its parameters on and the result back. A callee stores each parameter to memory known to the test and returns
//! what other such memory holds. So each pairing is checked in both directions, byte by byte where the types have bytes (padding may
//! hold anything), and the rest of the machine state is checked by the hand-made forwarder.
//!
//! | module | what |
//! | --- | --- |
//! | [`program`] | a random signature as a `.sir` module |
//! | [`callee`] | the hand-made callee |
//! | `random`, `world`, `code` | shared with the tests of `stubs` |
#![cfg(target_arch = "x86_64")]

mod callee;
#[path = "../../../stubs/tests/abi/code.rs"]
#[allow(dead_code)]
mod code;
mod program;
#[path = "../../../stubs/tests/abi/random.rs"]
#[allow(dead_code)]
mod random;
#[path = "../../../stubs/tests/abi/world.rs"]
#[allow(dead_code)]
mod world;

use code::{After, Call, FORWARDER_FRAME, MAGIC, forwarder};
use isthmus_frontend_ir::body::BodySource;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::Layouts;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_stubs::dispatch;
use isthmus_stubs::entry::InvokeArgs;
use program::Program;
use random::Random;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use world::{Event, World};

/// A compiler under test.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Tier {
    Baseline,
    Opt,
}

const TIERS: [Tier; 2] = [Tier::Baseline, Tier::Opt];

fn compile(tier: Tier, program: &Program, method: MethodId) -> CompiledMethod {
    let (module, text) = (&program.module, &program.text);
    let body = module.body(method).unwrap();
    match tier {
        Tier::Baseline => {
            isthmus_baseline::compile(module, &body, &isthmus_baseline::Options::default())
                .unwrap_or_else(|e| panic!("baseline: {e}\n{text}"))
        }
        Tier::Opt => {
            let options = isthmus_ssa::Options::new(Arch::X64);
            let unit = isthmus_ssa::compile(module, method, &body, &options)
                .unwrap_or_else(|e| panic!("ssa: {e}\n{text}"));
            isthmus_lower::compile(module, &unit, Arch::X64, &Default::default())
                .unwrap_or_else(|e| panic!("lower: {e}\n{text}"))
        }
    }
}

unsafe extern "C" fn store_ref_unknown(to: *mut usize, value: usize) {
    // SAFETY: the generated callee stores to the test's memory.
    unsafe { to.write_unaligned(value) };
}

unsafe extern "C" fn copy_value(to: *mut u8, from: *const u8, size: *const usize) {
    // SAFETY: as above; handles of types point to their sizes.
    unsafe { std::ptr::copy(from, to, *size) };
}

unsafe extern "C" fn mem_move(to: *mut u8, from: *const u8, bytes: usize) {
    // SAFETY: as above.
    unsafe { std::ptr::copy(from, to, bytes) };
}

unsafe extern "C" fn mem_set(to: *mut u8, value: u32, bytes: usize) {
    // SAFETY: as above.
    unsafe { std::ptr::write_bytes(to, value as u8, bytes) };
}

fn define_helpers(world: &World) {
    let table: [(Helper, usize); 4] = [
        (
            Helper::StoreRefUnknown,
            store_ref_unknown as *const () as usize,
        ),
        (Helper::CopyValue, copy_value as *const () as usize),
        (Helper::MemMove, mem_move as *const () as usize),
        (Helper::MemSet, mem_set as *const () as usize),
    ];
    for (helper, function) in table {
        world.define(Symbol::Helper(helper), function);
    }
}

/// One program, its world, and what the callee's cell holds.
struct Bench<'a> {
    world: &'a World,
    program: &'a Program,
    cell: &'a AtomicUsize,
    after: Box<After>,
    /// Address and name of each forwarder.
    forwarders: Vec<(usize, String)>,
    /// Address and name of each callee.
    callees: Vec<(usize, String)>,
    prestub: usize,
}

impl<'a> Bench<'a> {
    fn new(world: &'a World, program: &'a Program, r: &mut Random) -> Bench<'a> {
        define_helpers(world);
        for t in program.module.type_ids() {
            let size = Box::leak(Box::new(program.module.struct_layout(t).size as usize));
            world.define(Symbol::TypeHandle(t), &raw const *size as usize);
        }
        let prestub = world.add(&dispatch::prestub(Arch::X64, program.callee).unwrap());
        let cell = world.cell(program.callee, 0);
        let after = Box::new(After {
            rgctx: r.word(),
            ..After::default()
        });
        let call = Call::Cell(Symbol::MethodCell(program.callee));
        let (made, ..) = forwarder(&program.abi, call, &after);
        let mut forwarders = vec![(world.link(&made), "hand-made".to_string())];
        let made = callee::hand_made(program);
        let mut callees = vec![(world.link(&made), "hand-made".to_string())];
        for tier in TIERS {
            for (method, tail) in [(program.forward, ""), (program.forward_tail, " tail")] {
                let code = world.link(&compile(tier, program, method));
                forwarders.push((code, format!("{tier:?}{tail}")));
            }
            let code = world.link(&compile(tier, program, program.callee));
            callees.push((code, format!("{tier:?}")));
        }
        Bench {
            world,
            program,
            cell,
            after,
            forwarders,
            callees,
            prestub,
        }
    }

    fn run(&self, forwarder: usize, callee: usize, through_prestub: bool, r: &mut Random) {
        let (world, program) = (self.world, self.program);
        let (code, from) = &self.forwarders[forwarder];
        let (target, to) = &self.callees[callee];
        let what = format!(
            "{from} -> {to}, prestub: {through_prestub}\n{}",
            program.text
        );
        self.cell.store(
            if through_prestub {
                self.prestub
            } else {
                *target
            },
            Relaxed,
        );
        world.answer.set(*target);

        let given = program.values(r);
        program.clear();
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(&program.abi, &given.words, &mut stack, Arch::X64);
        assert_eq!(world.invoke(*code, &mut args), 0, "{what}");
        program.check_arguments(&given, &what);
        program.check_result(&given, &args, &what);
        if forwarder == 0 {
            assert_eq!(self.after.saved, MAGIC, "{what}");
            let frame = self.after.fp - self.after.sp;
            assert_eq!(frame, FORWARDER_FRAME as u64, "{what}");
        }
        let mut expected = Vec::new();
        if through_prestub {
            expected.push(Event::Compile(program.callee.raw()));
        }
        assert_eq!(world.take_log(), expected, "{what}");
    }
}

/// Programs in one test; `ISTHMUS_ABI_SEEDS=first..last` runs others.
fn seeds() -> std::ops::Range<u64> {
    let parse = |s: String| {
        let (a, b) = s.split_once("..")?;
        Some(a.parse().ok()?..b.parse().ok()?)
    };
    std::env::var("ISTHMUS_ABI_SEEDS")
        .ok()
        .and_then(parse)
        .unwrap_or(0..120)
}

#[test]
fn every_pairing_passes_every_byte() {
    for seed in seeds() {
        let mut r = Random::new(seed + 1);
        // A world for each: symbols of one module are not those of another.
        let world = World::new();
        let program = Program::random(&mut r);
        let bench = Bench::new(&world, &program, &mut r);
        for f in 0..bench.forwarders.len() {
            for c in 0..bench.callees.len() {
                for prestub in [false, true] {
                    bench.run(f, c, prestub, &mut r);
                }
            }
        }
    }
}

#[test]
fn type_ids_of_a_program_are_its_own() {
    // The generated text declares structs in order: their ids grow.
    let program = Program::random(&mut Random::new(9));
    let ids: Vec<TypeId> = program.structs().collect();
    assert!(ids.is_sorted());
}
