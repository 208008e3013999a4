//! Lowered methods on the real runtime: exceptions, filters, faults, stack overflow, safepoints, hidden arguments; beside methods
//! assembled by hand, which follow the same conventions.
#![cfg(target_arch = "x86_64")]

mod common;
#[path = "../../rt/tests/support/mod.rs"]
mod support;

use common::{B, Vm};
use isthmus_lower::{Options, compile};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_ssa::ir::*;
use support::{attach, call, data, exception, new_method, shared, thrower, trap_type, ty};

const W: Ty = Ty::I64;

/// Starts a method of words.
fn method(params: usize) -> B {
    let mut b = B::new(&vec![W; params], &[W]);
    b.f.method = new_method();
    b.f.inline_tree[0].method = b.f.method;
    b
}

/// Compiles it and makes it known to the runtime.
fn define(b: B) -> MethodId {
    define_unit(b.unit())
}

fn define_unit(unit: Unit) -> MethodId {
    let id = unit.func.method;
    let code = compile(&Vm, &unit, Arch::X64, &Options::default()).unwrap();
    shared().bodies.lock().unwrap().insert(id, code);
    id
}

/// A handler block that returns `value` plus the clause index.
fn returns_clause(b: &mut B, value: i64) -> Block {
    let at = b.at;
    let (block, payload) = b.block(&[Ty::Ref, Ty::Ptr]);
    b.at = block;
    let clause = b.plain(Op::Zext, W, &payload[1..]);
    let value = b.int(W, value);
    let sum = b.plain(Op::Add, W, &[clause, value]);
    b.ret(&[sum]);
    b.at = at;
    block
}

/// A method that calls `callee` with its own parameters in a `try` with this catch; the handler returns `value`.
fn catcher(callee: MethodId, params: usize, clause: Clause, value: i64) -> MethodId {
    let mut b = method(params);
    b.f.clauses.push((clause, 0));
    let pad = returns_clause(&mut b, value);
    let args = b.params.clone();
    let inst = b.call(CallTarget::Method(callee), &args, &[W]);
    let v = b.result(inst);
    b.invoke(inst, &[(0, pad, &[])]);
    b.ret(&[v]);
    define(b)
}

/// A method that calls `callee` and adds one.
fn middle(callee: MethodId) -> MethodId {
    let mut b = method(0);
    let inst = b.call(CallTarget::Method(callee), &[], &[W]);
    let one = b.int(W, 1);
    let v = b.result(inst);
    let sum = b.plain(Op::Add, W, &[v, one]);
    b.ret(&[sum]);
    define(b)
}

fn trace(exception: Ref) -> Vec<(MethodId, u32)> {
    let traces = shared().traces.lock().unwrap();
    let frames = &traces[&exception.addr()];
    frames.iter().map(|f| (f.method, f.il)).collect()
}

/// Appends a number to a log as `support` keeps it.
fn log(b: &mut B, log: Symbol, number: i64) {
    let base = b.op(Op::SymAddr, Ty::Ptr, &[], Imm::Symbol(log));
    let count = Access::new(Mem::Ptr, 0, Region::Static);
    let n = b.load(count, &[base]);
    let one = b.int(Ty::Ptr, 1);
    let n = b.plain(Op::Add, Ty::Ptr, &[n, one]);
    b.store(count, n, &[base]);
    let number = b.int(Ty::Ptr, number);
    let entry = Access::new(Mem::Ptr, 0, Region::Any).scaled(8);
    b.store(entry, number, &[base, n]);
}

#[test]
fn exceptions_cross_lowered_frames_to_a_lowered_handler() {
    let thread = attach();
    let e = exception(3);
    let mid = middle(thrower(e));
    let wrong = catcher(mid, 0, Clause::Catch(ty(4)), 1);
    let right = catcher(wrong, 0, Clause::Catch(ty(3)), 77);
    assert_eq!(call(&thread, right, &[]), Ok(77));
    assert_eq!(call(&thread, wrong, &[]), Err(e));
    assert_eq!(thread.exceptions_in_flight(), 0);
    assert_eq!(trace(e).len(), 3);
}

#[test]
fn values_reach_the_handler_through_its_arguments() {
    let thread = attach();
    let e = exception(5);
    let throws = thrower(e);
    // 10 values live into the handler: sum of p0 * k for k in 0..10, plus 1 if the payload is the exception.
    let mut b = method(1);
    b.f.clauses.push((Clause::CatchAll, 0));
    let p = b.params[0];
    let values: Vec<Value> = (0..10)
        .map(|k| {
            let k = b.int(W, k);
            b.plain(Op::Mul, W, &[p, k])
        })
        .collect();
    let mut tys = vec![Ty::Ref, Ty::Ptr];
    tys.extend([W; 10]);
    let (pad, params) = b.block(&tys);
    let inst = b.call(CallTarget::Method(throws), &[], &[]);
    b.invoke(inst, &[(0, pad, &values)]);
    b.ret(&[p]);
    b.at = pad;
    let object = b.int(Ty::Ref, e.addr() as i64);
    let same = b.cmp(Cmp::Eq, Ty::Ref, params[0], object);
    let mut sum = b.plain(Op::Zext, W, &[same]);
    for &v in &params[2..] {
        sum = b.plain(Op::Add, W, &[sum, v]);
    }
    b.ret(&[sum]);
    let m = define(b);
    assert_eq!(call(&thread, m, &[7]), Ok(45 * 7 + 1));
}

#[test]
fn finally_blocks_resume_and_then_the_catch_runs() {
    let thread = attach();
    let (symbol, words) = data(32);
    let e = exception(1);
    let throws = thrower(e);
    // try { try { try { throw } finally { 1 } } fault { 2 } } catch { 3 }
    let mut b = method(0);
    b.f.clauses = vec![
        (Clause::CatchAll, 0),
        (Clause::Fault, 0),
        (Clause::Finally, 0),
    ];
    let (catch, _) = b.block(&[Ty::Ref, Ty::Ptr]);
    let (fault, fault_token) = b.block(&[Ty::Ptr, Ty::Ptr]);
    let (finally, finally_token) = b.block(&[Ty::Ptr, Ty::Ptr]);
    let inst = b.call(CallTarget::Method(throws), &[], &[W]);
    let v = b.result(inst);
    b.invoke(inst, &[(2, finally, &[]), (1, fault, &[]), (0, catch, &[])]);
    b.ret(&[v]);
    for (block, token, number, outer) in [
        (finally, finally_token[0], 1, vec![(1, fault), (0, catch)]),
        (fault, fault_token[0], 2, vec![(0, catch)]),
    ] {
        b.at = block;
        log(&mut b, symbol, number);
        let resume = b.inst(Op::Throw, Ty::I32, &[token], Imm::Helper(Helper::Resume));
        let edges: Vec<Edge> = outer
            .into_iter()
            .map(|(clause, block)| Edge {
                clause: Some(clause),
                ..b.f.edge(block, &[])
            })
            .collect();
        b.f.set_edges(resume, &edges);
    }
    b.at = catch;
    log(&mut b, symbol, 3);
    let nine = b.int(W, 9);
    b.ret(&[nine]);
    let m = define(b);
    for _ in 0..2 {
        support::clear(words);
        assert_eq!(call(&thread, m, &[]), Ok(9));
        assert_eq!(support::logged(words), [1, 2, 3]);
    }
    assert_eq!(thread.exceptions_in_flight(), 0);
}

#[test]
fn filters_see_the_frame_through_the_filter_area() {
    let thread = attach();
    let e = exception(2);
    let throws = thrower(e);
    let build = |accept: i64| {
        let mut b = method(1);
        let area = b.f.new_slot(16, 8);
        b.f.filter_area = Some(area);
        b.f.clauses.push((Clause::Filter(0), 0));
        let p = b.params[0];
        let address = b.op(Op::SlotAddr, Ty::Ptr, &[], Imm::Slot(area, 0));
        b.store(Access::new(Mem::I64, 8, Region::Any), p, &[address]);
        let pad = returns_clause(&mut b, 50);
        let inst = b.call(CallTarget::Method(throws), &[], &[W]);
        let v = b.result(inst);
        b.invoke(inst, &[(0, pad, &[])]);
        b.ret(&[v]);
        // The filter handles the exception if the shared word is `accept`.
        let mut filter = B::new(&[Ty::Ptr, Ty::Ref], &[Ty::I32]);
        filter.f.method = b.f.method;
        filter.f.part = Part::Filter(0);
        let area = filter.params[0];
        let v = filter.load(Access::new(Mem::I64, 8, Region::Any), &[area]);
        let accept = filter.int(W, accept);
        let yes = filter.cmp(Cmp::Eq, W, v, accept);
        filter.ret(&[yes]);
        define_unit(Unit {
            func: b.f,
            filters: vec![filter.unit()],
        })
    };
    let m = build(12);
    assert_eq!(call(&thread, m, &[12]), Ok(50));
    assert_eq!(call(&thread, m, &[13]), Err(e));
    let outer = catcher(m, 1, Clause::CatchAll, 60);
    assert_eq!(call(&thread, outer, &[13]), Ok(60));
}

#[test]
fn faults_are_exceptions_of_their_instruction() {
    let thread = attach();
    type Build = fn(&mut B) -> Value;
    let cases: [(TrapKind, [u64; 2], Build); 11] = [
        (TrapKind::NullReference, [0, 0], |b| {
            let access = Access::new(Mem::I64, 16, Region::Field).with(AccessFlags::NULL);
            let object = b.plain(Op::Retype, Ty::Ref, &[b.params[0]]);
            let v = b.load(access, &[object]);
            b.plain(Op::Add, W, &[v, b.params[1]])
        }),
        (TrapKind::NullReference, [8, 0], |b| {
            let object = b.plain(Op::Retype, Ty::Ref, &[b.params[1]]);
            b.inst(Op::NullCheck, Ty::I32, &[object], Imm::None);
            b.params[0]
        }),
        (TrapKind::NullReference, [0, 0], |b| {
            let access = Access::new(Mem::I64, 16, Region::Any)
                .with(AccessFlags::NULL | AccessFlags::VOLATILE);
            let base = b.plain(Op::Retype, Ty::ByRef, &[b.params[0]]);
            b.load(access, &[base])
        }),
        (TrapKind::NullReference, [0, 0], |b| {
            let access = Access::new(Mem::I64, 16, Region::Any)
                .with(AccessFlags::NULL | AccessFlags::VOLATILE);
            let base = b.plain(Op::Retype, Ty::ByRef, &[b.params[0]]);
            b.store(access, b.params[1], &[base]);
            b.params[0]
        }),
        (TrapKind::NullReference, [0, 5], |b| {
            let access = Access::new(Mem::I64, 24, Region::Any).with(AccessFlags::NULL);
            let base = b.plain(Op::Retype, Ty::ByRef, &[b.params[0]]);
            b.op(Op::AtomicAdd, W, &[base, b.params[1]], Imm::Access(access))
        }),
        (TrapKind::NullReference, [0, 5], |b| {
            let access = Access::new(Mem::I64, 0, Region::Any).with(AccessFlags::NULL);
            let base = b.plain(Op::Retype, Ty::ByRef, &[b.params[0]]);
            let args = [base, b.params[1], b.params[0]];
            b.op(Op::AtomicCas, W, &args, Imm::Access(access))
        }),
        (TrapKind::NullReference, [0, 5], |b| {
            let access = Access::new(Mem::Ref, 4096, Region::Field).with(AccessFlags::NULL);
            let object = b.plain(Op::Retype, Ty::Ref, &[b.params[0]]);
            let value = b.plain(Op::Retype, Ty::Ref, &[b.params[1]]);
            b.inst(Op::StoreRef, Ty::Ref, &[value, object], Imm::Access(access));
            b.params[0]
        }),
        (TrapKind::IndexOutOfRange, [9, 9], |b| {
            let out = b.cmp(Cmp::GeUn, W, b.params[0], b.params[1]);
            b.inst(
                Op::TrapIf,
                Ty::I32,
                &[out],
                Imm::Trap(TrapKind::IndexOutOfRange),
            );
            b.params[0]
        }),
        (TrapKind::DivideByZero, [9, 0], |b| {
            b.plain(Op::SDiv, W, &b.params.clone())
        }),
        (TrapKind::Overflow, [1 << 63, u64::MAX], |b| {
            b.plain(Op::SDiv, W, &b.params.clone())
        }),
        (TrapKind::DivideByZero, [9, 0], |b| {
            b.plain(Op::URem, W, &b.params.clone())
        }),
    ];
    for (kind, args, build) in cases {
        let mut b = method(2);
        let v = build(&mut b);
        b.ret(&[v]);
        let il = b.f.positions.len() as u32;
        let faults = define(b);
        let m = catcher(faults, 2, Clause::Catch(ty(trap_type(kind))), 40);
        assert_eq!(call(&thread, m, &args), Ok(40), "{kind:?}");
        let e = call(&thread, faults, &args).unwrap_err();
        assert_eq!(support::type_of(e), trap_type(kind));
        let (method, at) = trace(e)[0];
        assert!(method == faults && at > 0 && at < il, "{kind:?} at {at}");
    }
}

#[test]
fn explicit_checks_in_protected_regions_throw_to_their_handler() {
    let thread = attach();
    let mut b = method(1);
    b.f.clauses
        .push((Clause::Catch(ty(trap_type(TrapKind::Overflow))), 0));
    let pad = returns_clause(&mut b, 31);
    let zero = b.int(W, 0);
    let negative = b.cmp(Cmp::Lt, W, b.params[0], zero);
    let (bad, good) = (b.block(&[]).0, b.block(&[]).0);
    b.branch(negative, (bad, &[]), (good, &[]));
    b.at = bad;
    let kind = b.int(Ty::I32, TrapKind::Overflow as i64);
    let throw = b.inst(Op::Throw, Ty::I32, &[kind], Imm::Helper(Helper::ThrowTrap));
    let edge = b.f.edge(pad, &[]);
    b.f.set_edges(
        throw,
        &[Edge {
            clause: Some(0),
            ..edge
        }],
    );
    b.at = good;
    let p = b.params.clone();
    b.ret(&p);
    let m = define(b);
    assert_eq!(call(&thread, m, &[5]), Ok(5));
    assert_eq!(call(&thread, m, &[u64::MAX]), Ok(31));
}

#[test]
fn endless_recursion_overflows_the_stack_and_is_caught() {
    let thread = attach();
    let mut b = method(1);
    let (id, p) = (b.f.method, b.params[0]);
    let inst = b.call(CallTarget::Method(id), &[p], &[W]);
    let v = b.result(inst);
    let sum = b.plain(Op::Add, W, &[v, p]);
    b.ret(&[sum]);
    define(b);
    let kind = Clause::Catch(ty(trap_type(TrapKind::StackOverflow)));
    let m = catcher(id, 1, kind, 21);
    for _ in 0..3 {
        assert_eq!(call(&thread, m, &[1]), Ok(21));
    }
}

#[test]
fn tail_calls_need_no_stack() {
    let thread = attach();
    // f(n, a..h) = n == 0 ? a : f(n - 1, a + 1, ...), with stack arguments
    let mut b = method(9);
    let (id, p) = (b.f.method, b.params.clone());
    let (zero, one) = (b.int(W, 0), b.int(W, 1));
    let done = b.cmp(Cmp::Eq, W, p[0], zero);
    let (end, again) = (b.block(&[]).0, b.block(&[]).0);
    b.branch(done, (end, &[]), (again, &[]));
    b.at = end;
    let sum = b.plain(Op::Add, W, &[p[1], p[8]]);
    b.ret(&[sum]);
    b.at = again;
    let mut args = p.clone();
    args[0] = b.plain(Op::Sub, W, &[p[0], one]);
    args[1] = b.plain(Op::Add, W, &[p[1], one]);
    args[8] = b.plain(Op::Add, W, &[p[8], one]);
    let call_inst = b.call(CallTarget::Method(id), &args, &[W]);
    let imm = b.f.inst(call_inst).imm;
    b.f.blocks[again.index()].insts.pop();
    b.inst(Op::TailCall, Ty::I32, &args, imm);
    define(b);
    let got = call(&thread, id, &[1_000_000, 5, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(got, Ok(2_000_012));
}

#[test]
fn the_generic_context_reaches_the_callee_through_its_prestub() {
    let thread = attach();
    let mut b = method(1);
    let context = b.op(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::HiddenRgctx));
    let context = b.plain(Op::Retype, W, &[context]);
    let sum = b.plain(Op::Add, W, &[context, b.params[0]]);
    b.ret(&[sum]);
    let callee = define(b);
    let mut b = method(1);
    let p = b.params[0];
    let context = b.int(Ty::Ptr, 1000);
    let inst = b.call(CallTarget::Method(callee), &[p, context], &[W]);
    let Imm::Call(n) = b.f.inst(inst).imm else {
        unreachable!()
    };
    b.f.calls[n as usize].rgctx = true;
    b.f.calls[n as usize].sig.params.pop();
    let v = b.result(inst);
    b.ret(&[v]);
    let m = define(b);
    // The first time the callee is compiled on the way.
    assert_eq!(call(&thread, m, &[1]), Ok(1001));
    assert_eq!(call(&thread, m, &[2]), Ok(1002));
}

#[test]
fn lowered_loops_stop_at_their_polls() {
    let (symbol, words) = data(2);
    // while ([data + 8] == 0) [data] += 1
    let mut b = method(0);
    let base = b.op(Op::SymAddr, Ty::Ptr, &[], Imm::Symbol(symbol));
    let (head, _) = b.block(&[]);
    let (done, _) = b.block(&[]);
    b.jump(head, &[]);
    b.at = head;
    let count = Access::new(Mem::I64, 0, Region::Any);
    let stop = Access::new(Mem::I64, 8, Region::Any).with(AccessFlags::VOLATILE);
    let n = b.load(count, &[base]);
    let one = b.int(W, 1);
    let n = b.plain(Op::Add, W, &[n, one]);
    b.store(count, n, &[base]);
    b.inst(Op::Poll, Ty::I32, &[], Imm::None);
    let stop = b.load(stop, &[base]);
    let zero = b.int(W, 0);
    let more = b.cmp(Cmp::Eq, W, stop, zero);
    b.branch(more, (head, &[]), (done, &[]));
    b.at = done;
    let seven = b.int(W, 7);
    b.ret(&[seven]);
    let m = define(b);

    use std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let thread = attach();
            call(&thread, m, &[])
        });
        while words[0].load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        for _ in 0..20 {
            support::runtime().safepoints().stop();
            let before = words[0].load(SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            assert_eq!(words[0].load(SeqCst), before);
            support::runtime().safepoints().resume();
            while words[0].load(SeqCst) == before {
                std::thread::yield_now();
            }
        }
        words[1].store(1, SeqCst);
        assert_eq!(worker.join().unwrap(), Ok(7));
    });
}
