//! What crossings cost. Run with `cargo test -p isthmus-stubs --test abi -- --ignored --nocapture speed`.

use crate::code::{artifact, ctx};
use crate::world::World;
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::callconv::{AbiSig, Loc, Pass, RetPass, Word, WordTy};
use isthmus_runtime_abi::context::{CtxWord, ThreadContext};
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_stubs::dispatch::{self, ImtTarget};
use isthmus_stubs::entry::InvokeArgs;
use isthmus_stubs::native;
use smallvec::smallvec;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use Width::W64;

const TIMES: u64 = 1_000_000;
const REPEAT: u32 = 7;

extern "C" fn add_one(v: u64, _: *mut ThreadContext) -> u64 {
    std::hint::black_box(v + 1)
}

/// A managed function that does something `TIMES` times with `this` in rdi; nanoseconds for one.
fn loop_of(world: &World, this: usize, body: impl Fn(&mut X64Asm)) -> f64 {
    let mut a = X64Asm::default();
    let next = a.new_label();
    a.push(RBP);
    a.mov(W64, RBP, RSP);
    a.push(RBX);
    a.push(R12);
    a.mov_imm(W64, RBX, TIMES as i64);
    a.mov(W64, R12, RDI);
    a.align(16);
    a.bind(next);
    a.mov(W64, RDI, R12);
    body(&mut a);
    a.alu(Alu::Sub, W64, RBX, 1);
    a.jcc(Cond::Ne, next);
    a.pop(R12);
    a.pop(RBX);
    a.pop(RBP);
    a.ret(0);
    let code = world.link(&artifact(Symbol::VmData(0), a));
    let mut args = InvokeArgs::default();
    args.ints[0] = this as u64;
    let times = (0..REPEAT).map(|_| {
        let start = Instant::now();
        assert_eq!(world.invoke(code, &mut args), 0);
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::MAX, f64::min) * 1e9 / TIMES as f64
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let world = World::new();
    let m = world.method();
    let mut a = X64Asm::default();
    a.push(RBP);
    a.mov(W64, RBP, RSP);
    a.pop(RBP);
    a.ret(0);
    let code = world.add(&artifact(Symbol::MethodBody(m), a));
    world.cell(m, code);
    world.add(&dispatch::interface_stub(Arch::X64, m, 7, 2).unwrap());
    world.add(&dispatch::imt_slot_trampoline(Arch::X64, 2).unwrap());
    let vtable = |offset: u32, code: usize| world.vtable_word(offset).store(code, Relaxed);
    vtable(layout::vtable_slot(1, 8), code);
    let imt = layout::imt_slot(2, 8);
    let object = world.object();
    let this = object.as_ptr() as usize;

    let nothing = loop_of(&world, this, |_| {});
    let report = |what: &str, ns: f64| println!("{what:24} {:6.2} ns", ns - nothing);
    let cell = Symbol::MethodCell(m);
    report("direct call", loop_of(&world, this, |a| a.call_cell(cell)));
    let ns = loop_of(&world, this, |a| {
        a.load(Ext::Zx32, RAX, Mem::new(RDI, 0));
        a.call_mem(Mem::new(RAX, layout::vtable_slot(1, 8) as i32));
    });
    report("virtual call", ns);
    vtable(imt, code);
    let call = |a: &mut X64Asm| a.call_symbol(Symbol::InterfaceStub(m));
    report("interface call", loop_of(&world, this, call));
    for n in [2u64, 8] {
        let entries: Vec<_> = (0..n).map(|k| (7 + k, ImtTarget::VtableSlot(1))).collect();
        let thunk = dispatch::imt_thunk(Arch::X64, 0, 2, &entries).unwrap();
        vtable(imt, world.link(&thunk));
        let ns = loop_of(&world, this, call);
        report(&format!("interface call, 1 of {n}"), ns);
    }

    let int = |r: u8| Word {
        ty: WordTy::I64,
        loc: Loc::Reg(Reg::Int(r)),
        offset: 0,
    };
    let sig = AbiSig {
        words: smallvec![int(7)],
        params: smallvec![Pass {
            first: 0,
            count: 1,
            indirect: false
        }],
        ret: RetPass::Words(smallvec![int(0)]),
        stack_bytes: 0,
    };
    world.define(Symbol::Native(0), add_one as *const () as usize);
    let name = Symbol::Stub(Stub::NativeCall(0));
    world.add(&native::native_call(Arch::X64, name, &sig, Symbol::Native(0)).unwrap());
    report(
        "transition into C",
        loop_of(&world, this, |a| a.call_symbol(name)),
    );
    let ns = loop_of(&world, this, |a| {
        let fine = a.new_label();
        a.cmp(W64, RSP, ctx(CtxWord::StackLimit));
        a.jcc(Cond::Above, fine);
        a.trap();
        a.bind(fine);
    });
    report("entry check", ns);

    let mut args = InvokeArgs::default();
    let times = (0..REPEAT).map(|_| {
        let start = Instant::now();
        for _ in 0..TIMES {
            assert_eq!(world.invoke(code, &mut args), 0);
        }
        start.elapsed().as_secs_f64()
    });
    let ns = times.fold(f64::MAX, f64::min) * 1e9 / TIMES as f64;
    println!("{:24} {ns:6.2} ns", "entry from native");
}
