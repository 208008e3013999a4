//! Bounds checks of counted loops: decided before the loop.
//!
//! A check in a loop compares a sum of a counter and of values from before the loop with a length. Where it is always passed,
//! it is dropped. Where that depends on a few comparisons of values from before the loop, the loop gets a second version
//! without the check, which runs if they hold; else, and that is rare, the loop runs as it was, and throws where it should.
//!
//! ```text
//!   pre ──▶ H: body ─┐           pre: do all checks hold? ──yes──▶ H': body without checks ─┐
//!           ▲────────┘     ──▶    │                                ▲────────────────────────┘
//!           └─▶ exit              └──no──▶ H: body ─┐              └─▶ exit
//!                                          ▲────────┘
//! ```
//!
//! What the checks found out of the indices then makes these cheaper ([`super::strength`]); so does what is known of indices whose checks
//! were dropped before, since the loop's own test implies them.
//!
//! What is tested is a list of sums that must not be negative: those that make the counter's range right
//! ([`super::induction`]), and for each check that its least operand is not negative and its greatest one less than the length.

use super::Target;
use super::cleanup::end_with_jump;
use super::hoist::loop_blocks;
use super::induction::{Facts, Form, Linear, Loop, Ranges};
use super::peel;
use super::strength::{self, Evolution, Target64};
use crate::analysis::Cfg;
use crate::ir::{Block, Edge, Func, Imm, Inst, Op, Region, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use rustc_hash::{FxHashMap, FxHashSet};

/// Loops with more instructions have one version.
const MAX_INSTS: usize = 80;

/// A function does not grow beyond this many instructions by versions.
const MAX_FUNCTION: usize = 4_000;

/// Comparisons before a loop at most.
const MAX_TESTS: usize = 8;

/// Runs the pass.
pub fn run(func: &mut Func, target: Target) -> bool {
    let mut changed = false;
    // Each version changes the shape of the function.
    let mut done: FxHashSet<Block> = FxHashSet::default();
    while let Some((cfg, l, plan)) = next(func, &mut done) {
        if plan.tests.is_empty() {
            drop_checks(func, &plan.checks);
            let loop_ = Target64 {
                header: l.header,
                body: &l.body,
                entry: l.entry,
                back: l.back,
                exact: plan.exact,
                bounded: plan.bounded,
                counter: plan.counter,
            };
            strength::reduce(func, target, &loop_);
        } else {
            split(func, target, &cfg, &l, &plan, &mut done);
        }
        changed = true;
    }
    changed
}

/// A check that a version need not make.
#[derive(Clone, Copy)]
struct Check {
    block: Block,
    inst: Inst,
    /// For a branch: the number of the edge of those that pass.
    pass: Option<u32>,
}

/// What to do with a loop.
struct Plan {
    checks: Vec<Check>,
    /// Sums that must not be negative before the loop.
    tests: Vec<Linear>,
    /// Operands of the checks.
    exact: FxHashMap<Value, Evolution>,
    /// Operands of the checks, each with the array whose length it is below.
    bounded: FxHashSet<(Value, Value)>,
    /// The counter that the loop tests, with its next value.
    counter: Option<(Value, Value, Evolution)>,
}

/// The next loop with checks that can be decided before it.
fn next(func: &Func, done: &mut FxHashSet<Block>) -> Option<(Cfg, Loop, Plan)> {
    let cfg = Cfg::new(func);
    let size: usize = cfg.order.iter().map(|&b| func.block(b).insts.len()).sum();
    if size > MAX_FUNCTION {
        return None;
    }
    let is_header = |b: Block| cfg.preds[b.index()].iter().any(|p| cfg.dominates(b, p.0));
    let mut home: Vec<Block> = Vec::new();
    for &header in &cfg.order {
        if header == func.entry() || !is_header(header) || !done.insert(header) {
            continue;
        }
        let body = loop_blocks(&cfg, header);
        let insts: usize = body.iter().map(|&b| func.block(b).insts.len()).sum();
        let inner = body.iter().any(|&b| b != header && is_header(b));
        let protected =
            (body.iter()).any(|&b| func.successors(b).iter().any(|e| e.clause.is_some()));
        if inner || protected || insts > MAX_INSTS || func.block(header).cold {
            continue;
        }
        let Some(l) = Loop::new(&cfg, header, body) else {
            continue;
        };
        let (pred, edge) = l.entry;
        if func.successors(pred)[edge as usize].clause.is_some() {
            continue;
        }
        if home.is_empty() {
            home = homes(func, &cfg);
        }
        if let Some(plan) = plan(func, &cfg, &l, &home) {
            return Some((cfg, l, plan));
        }
    }
    None
}

/// The block of each instruction.
fn homes(func: &Func, cfg: &Cfg) -> Vec<Block> {
    let mut home = vec![Block(u32::MAX); func.insts.len()];
    for &b in &cfg.order {
        for &i in &func.block(b).insts {
            home[i.index()] = b;
        }
    }
    home
}

fn plan(func: &Func, cfg: &Cfg, l: &Loop, home: &[Block]) -> Option<Plan> {
    let mut found: Vec<(Check, Value, Value)> = Vec::new();
    let mut blocks: Vec<Block> = l.body.iter().copied().collect();
    blocks.sort_unstable_by_key(|b| cfg.position[b.index()]);
    for &b in &blocks {
        for &inst in &func.block(b).insts {
            if let Some((pass, x, length)) = check(func, l, inst) {
                let block = b;
                found.push((Check { block, inst, pass }, x, length));
            }
        }
    }
    let indices = extended_indices(func, l, home, &blocks);
    if found.is_empty() && indices.is_empty() {
        return None;
    }
    let ranges = Ranges::new(func, l, home)?;
    let mut facts = Facts::at_end_of(func, cfg, l.entry.0);
    facts.learn_edge(func, l.entry.0, l.entry.1);
    let mut plan = Plan {
        checks: Vec::new(),
        tests: Vec::new(),
        exact: FxHashMap::default(),
        bounded: FxHashSet::default(),
        counter: ranges.tested(),
    };
    let mut range_tests = Vec::new();
    if !add_tests(func, &facts, &mut range_tests, &ranges.conditions) {
        return None;
    }
    plan.tests = range_tests;
    for (check, x, length) in found {
        let Some((form, sums)) = tests_of(&ranges, x, length) else {
            continue;
        };
        let mut tests = plan.tests.clone();
        if add_tests(func, &facts, &mut tests, &sums) && tests.len() <= MAX_TESTS {
            plan.tests = tests;
            plan.checks.push(check);
            if let Some(e) = ranges.evolution(&form) {
                plan.exact.insert(x, e);
                plan.bounded
                    .extend(array_of(func, length).map(|array| (x, array)));
            }
        }
    }
    // The ranges of indices without a check are known as well; for these alone no second version is made.
    if plan.checks.is_empty() && !plan.tests.is_empty() {
        return None;
    }
    for x in indices {
        if !plan.exact.contains_key(&x)
            && let Some(e) = known_evolution(func, &ranges, &facts, x)
        {
            plan.exact.insert(x, e);
        }
    }
    (!plan.checks.is_empty() || !plan.exact.is_empty()).then_some(plan)
}

/// The 32-bit values of a loop whose extensions are indices of accesses.
fn extended_indices(func: &Func, l: &Loop, home: &[Block], blocks: &[Block]) -> Vec<Value> {
    let mut found = Vec::new();
    for (i, d) in blocks.iter().flat_map(|&b| func.block_insts(b)) {
        let base = usize::from(!matches!(d.op, Op::Load | Op::Lea));
        let index = d.access().and(func.args(i).get(base + 1).copied());
        if let Some((j, e)) = index.and_then(|v| func.def(v))
            && matches!(e.op, Op::Sext | Op::Zext)
            && l.body.contains(&home[j.index()])
        {
            found.push(func.args(j)[0]);
        }
    }
    found
}

/// How a value changes in a loop, if it surely lies between 0 and the greatest 32-bit number.
fn known_evolution(func: &Func, ranges: &Ranges<'_>, facts: &Facts, x: Value) -> Option<Evolution> {
    let form = ranges.form(x)?;
    let (low, high) = ranges.ends(&form)?;
    let room = Linear::constant(i64::from(i32::MAX)).plus(&high, -1)?;
    let known = facts.proves(func, &low) && facts.proves(func, &room);
    known.then(|| ranges.evolution(&form)).flatten()
}

/// The operand and the length that an instruction compares, if it throws when the operand is not below.
fn check(func: &Func, l: &Loop, i: Inst) -> Option<(Option<u32>, Value, Value)> {
    let d = func.inst(i);
    let pass = match d.op {
        Op::TrapIf => None,
        Op::Branch => {
            let throws = |e: &Edge| {
                let end = func.terminator(e.block).map(|(_, d)| d.op);
                !l.body.contains(&e.block) && matches!(end, Some(Op::Throw | Op::Unreachable))
            };
            let edges = func.edges(i);
            match (throws(&edges[0]), throws(&edges[1])) {
                (true, false) => Some(1),
                (false, true) => Some(0),
                _ => return None,
            }
        }
        _ => return None,
    };
    let (j, c) = func.def(*func.args(i).first()?)?;
    let Imm::Cmp(mut bad) = c.imm else {
        return None;
    };
    if c.op != Op::Cmp || c.ty != Ty::I32 {
        return None;
    }
    // The edge that is taken if the comparison does not hold.
    if pass == Some(0) {
        bad = bad.negate(false);
    }
    let (a, b) = (func.args(j)[0], func.args(j)[1]);
    match bad {
        Cmp::GeUn => Some((pass, a, b)),
        Cmp::LeUn => Some((pass, b, a)),
        _ => None,
    }
}

/// The array whose length this is.
fn array_of(func: &Func, length: Value) -> Option<Value> {
    let (i, d) = func.def(length)?;
    (d.op == Op::Load && d.access()?.region == Region::Length).then(|| func.args(i)[0])
}

/// What must not be negative so that `x` is always below the length.
fn tests_of(ranges: &Ranges<'_>, x: Value, length: Value) -> Option<(Form, [Linear; 2])> {
    let length = ranges.invariant(length)?;
    let form: Form = ranges.form(x)?;
    let (low, high) = ranges.ends(&form)?;
    let room = length.plus(&high, -1)?.offset(-1);
    Some((form, [low, room]))
}

/// Adds what is not known to a list of tests; false: one of them cannot hold.
fn add_tests(func: &Func, facts: &Facts, tests: &mut Vec<Linear>, sums: &[Linear]) -> bool {
    for sum in sums {
        if facts.proves(func, sum) {
            continue;
        }
        if sum.terms.is_empty() {
            return false;
        }
        // Of sums of the same values the least decides.
        match tests.iter_mut().find(|t| t.terms == sum.terms) {
            Some(t) => t.constant = t.constant.min(sum.constant),
            None => tests.push(sum.clone()),
        }
    }
    true
}

// ---- changing the function

/// Drops checks from the blocks that they stand in.
fn drop_checks(func: &mut Func, checks: &[Check]) {
    for c in checks {
        match c.pass {
            Some(pass) => {
                let edge = func.edges(c.inst)[pass as usize];
                end_with_jump(func, c.block, edge);
            }
            None => func.blocks[c.block.index()].insts.retain(|&i| i != c.inst),
        }
    }
}

fn split(
    func: &mut Func,
    target: Target,
    cfg: &Cfg,
    l: &Loop,
    plan: &Plan,
    done: &mut FxHashSet<Block>,
) {
    let mut body: Vec<Block> = l.body.iter().copied().collect();
    body.sort_unstable_by_key(|b| cfg.position[b.index()]);
    let (blocks, values) = peel::copy(func, &body, peel::Polls::Kept);
    // Instructions of a block and of its copy stand at the same places.
    let checks: Vec<Check> = (plan.checks.iter())
        .filter_map(|c| {
            let place = func
                .block(c.block)
                .insts
                .iter()
                .position(|&i| i == c.inst)?;
            let block = blocks[&c.block];
            Some(Check {
                block,
                inst: func.block(block).insts[place],
                pass: c.pass,
            })
        })
        .collect();
    drop_checks(func, &checks);
    done.insert(blocks[&l.header]);

    // The tests, each in a block of its own.
    let (pred, edge) = l.entry;
    let Some((last, d)) = func.terminator(pred) else {
        return;
    };
    let pos = func.inst(last).pos;
    let at = (d.edges.start + edge) as usize;
    let into = func.edges_pool[at];
    let chain: Vec<Block> = plan.tests.iter().map(|_| func.new_block()).collect();
    func.edges_pool[at] = func.edge(chain[0], &[]);
    for (n, (&b, test)) in chain.iter().zip(&plan.tests).enumerate() {
        let condition = emit_test(func, b, test, pos);
        let branch = func.append(b, Op::Branch, Ty::I32, &[condition], Imm::None, pos);
        let pass = match chain.get(n + 1) {
            Some(&next) => func.edge(next, &[]),
            None => Edge {
                block: blocks[&l.header],
                ..into
            },
        };
        func.set_edges(branch, &[pass, into]);
    }
    for &b in &body {
        func.blocks[b.index()].cold = true;
    }
    peel::repair(func, &l.body, &blocks, &values);

    let Some(&last_test) = chain.last() else {
        return;
    };
    let copies: FxHashSet<Block> = blocks.values().copied().collect();
    let exact = (plan.exact.iter())
        .map(|(v, e)| (values[v], e.clone()))
        .collect();
    let counter = (plan.counter.clone()).map(|(p, next, e)| (values[&p], values[&next], e));
    let copy = Target64 {
        header: blocks[&l.header],
        body: &copies,
        entry: (last_test, 0),
        back: (blocks[&l.back.0], l.back.1),
        exact,
        bounded: (plan.bounded.iter())
            .map(|(x, array)| (values[x], *array))
            .collect(),
        counter,
    };
    strength::reduce(func, target, &copy);
}

/// Computes whether a sum is not negative.
fn emit_test(func: &mut Func, b: Block, test: &Linear, pos: u32) -> Value {
    let mut emit = |op, ty, args: &[Value], imm| {
        let i = func.append(b, op, ty, args, imm, pos);
        func.inst(i).first_result
    };
    // Two values, or a value and a constant, are compared as they are.
    let c = test.constant;
    let short = match test.terms[..] {
        [(x, 1), (y, -1)] | [(y, -1), (x, 1)] if c == 0 => Some((Cmp::Ge, x, Ok(y))),
        [(x, 1), (y, -1)] | [(y, -1), (x, 1)] if c == -1 => Some((Cmp::Gt, x, Ok(y))),
        [(x, 1)] => Some((Cmp::Ge, x, Err(-c))),
        [(x, -1)] => Some((Cmp::Le, x, Err(c))),
        _ => None,
    };
    if let Some((cmp, x, y)) = short {
        let y = match y {
            Ok(y) => Some(y),
            Err(c) if i32::try_from(c).is_ok() => Some(emit(Op::Const, Ty::I32, &[], Imm::Bits(c))),
            Err(_) => None,
        };
        if let Some(y) = y {
            return emit(Op::Cmp, Ty::I32, &[x, y], Imm::Cmp(cmp));
        }
    }
    let mut sum = emit(Op::Const, Ty::I64, &[], Imm::Bits(c));
    for &(v, factor) in &test.terms {
        let mut term = emit(Op::Sext, Ty::I64, &[v], Imm::None);
        if factor.abs() != 1 {
            let by = emit(Op::Const, Ty::I64, &[], Imm::Bits(factor.abs()));
            term = emit(Op::Mul, Ty::I64, &[term, by], Imm::None);
        }
        let op = if factor > 0 { Op::Add } else { Op::Sub };
        sum = emit(op, Ty::I64, &[sum, term], Imm::None);
    }
    let zero = emit(Op::Const, Ty::I64, &[], Imm::Bits(0));
    emit(Op::Cmp, Ty::I64, &[sum, zero], Imm::Cmp(Cmp::Ge))
}
