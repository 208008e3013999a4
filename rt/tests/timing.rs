//! Costs of the ways in and out of managed code. Not a test of anything: `cargo test -p isthmus-rt --test timing -- --ignored --nocapture`.
#![cfg(target_arch = "x86_64")]

mod support;

use isthmus_asm::prelude::*;
use isthmus_asm::x64::regs::*;
use isthmus_rt::thread::Thread;
use isthmus_runtime_abi::artifact::ClauseKind;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::trap::TrapKind;
use support::*;

/// Processor time of this thread in nanoseconds: other programs do not count.
fn now() -> f64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: fills the struct.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}

/// Nanoseconds for one of `count` rounds of a method that takes the count, best of five.
fn time(thread: &Thread, what: &str, method: MethodId, count: u64) {
    call(thread, method, &[10]).unwrap();
    let best = (0..5)
        .map(|_| {
            let start = now();
            call(thread, method, &[count]).unwrap();
            (now() - start) / count as f64
        })
        .fold(f64::INFINITY, f64::min);
    println!("{what:40} {best:8.1} ns");
}

/// Runs `body` in a loop as often as the argument says.
fn repeated(body: impl FnOnce(&mut Fun)) -> MethodId {
    let mut f = Fun::new(new_method());
    let head = f.label();
    f.a.store(Width::W64, local(0), RDI);
    f.bind(head);
    body(&mut f);
    f.a.alu_mem(Alu::Sub, Width::W64, local(0), 1);
    f.a.jcc(Cond::Ne, head);
    f.ret_imm(0);
    f.define()
}

fn call_and_catch(callee: MethodId) -> MethodId {
    repeated(|f| {
        let clause = f.clause(ClauseKind::CatchAll);
        let pad = f.label();
        f.call(callee, 5, &[(clause, pad)]);
        f.bind(pad);
    })
}

#[test]
#[ignore = "measures"]
fn costs() {
    let thread = attach();
    let mut empty = Fun::new(new_method());
    empty.ret();
    let empty = empty.define();
    let loops = repeated(|f| f.call(empty, 0, &[]));
    time(&thread, "call through a cell", loops, 1_000_000);

    let throws = thrower(exception(1));
    time(
        &thread,
        "throw + catch, depth 1",
        call_and_catch(throws),
        100_000,
    );
    let mut deep = throws;
    for _ in 0..19 {
        let mut f = Fun::new(new_method());
        f.call(deep, 3, &[]);
        f.ret();
        deep = f.define();
    }
    time(
        &thread,
        "throw + catch, depth 20",
        call_and_catch(deep),
        50_000,
    );

    let mut f = Fun::new(new_method());
    f.a.zero(RDI);
    f.a.load(Ext::Full64, RAX, Mem::new(RDI, 8));
    f.trap(TrapKind::NullReference, 1, &[]);
    let faults = f.define();
    time(
        &thread,
        "null fault + catch",
        call_and_catch(faults),
        20_000,
    );

    let sig = sig(&[isthmus_runtime_abi::types::MemTy::I64], None);
    let code = runtime().code_of(&thread, empty).unwrap();
    let start = now();
    for i in 0..1_000_000 {
        // SAFETY: the method takes a word.
        unsafe { runtime().invoke(&thread, code, &sig, &[i], 0) }.unwrap();
    }
    let ns = (now() - start) / 1e6;
    println!("{:40} {ns:8.1} ns", "invoke from native code");
}
