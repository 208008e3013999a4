//! Throws, faults and the boundary at the entry stub.

use crate::calls::Case;
use crate::code::{Call, FORWARDER_FRAME, artifact, ctx, forwarder};
use crate::random::Random;
use crate::world::{Catch, Event, PAYLOAD, World};
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::context::{CtxWord, ThreadContext};
use isthmus_runtime_abi::helpers::{Effects, Helper};
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_stubs::entry::InvokeArgs;
use isthmus_stubs::{dispatch, native};
use std::sync::atomic::Ordering::Relaxed;

use Width::W64;

/// Runs `invoke → forwarder → call`, where the call throws: once with nobody to catch it but the entry stub, once with the
/// forwarder's landing pad.
fn throws(world: &World, case: &mut Case, call: Call, events: &[Event]) {
    let abi = &case.shape.abi;
    let (code, ret, landing) = forwarder(abi, call, &case.after);
    let code = world.link(&code);
    let site = code + ret as usize;
    let mut stack = Vec::new();
    let mut args = InvokeArgs::new(abi, &case.values, &mut stack, Arch::X64);

    world.walked.borrow_mut().clear();
    assert_eq!(world.invoke(code, &mut args), 1);
    assert_eq!(*world.walked.borrow(), [site, world.invoke_site.get()]);
    assert_eq!(world.take_log(), events);

    let catch = Catch {
        landing: code + landing as usize,
        frame_size: FORWARDER_FRAME,
    };
    world.catches.borrow_mut().insert(site, catch);
    assert_eq!(world.invoke(code, &mut args), 0);
    world.catches.borrow_mut().remove(&site);
    assert_eq!(case.after.landed, 1);
    assert_eq!(case.after.payload, PAYLOAD.map(|p| p as u64));
    assert_eq!(case.after.fp - case.after.sp, FORWARDER_FRAME as u64);
    assert_eq!(world.take_log(), events);
    case.after.landed = 0;
}

#[test]
fn trampolines_throw_as_the_call_they_replace() {
    let world = World::new();
    world.fail.set(true);
    for seed in 0..100 {
        let mut r = Random::new(seed + 9);
        let mut case = Case::random(&world, &mut r, true);
        let this = case.object.as_ptr() as usize;
        let m = world.method();

        let prestub = world.add(&dispatch::prestub(Arch::X64, m).unwrap());
        world.cell(m, prestub);
        let call = Call::Cell(Symbol::MethodCell(m));
        throws(
            &world,
            &mut case,
            call,
            &[Event::Compile(m.raw()), Event::Throw],
        );

        let trampoline = world.add(&dispatch::slot_trampoline(Arch::X64, 5).unwrap());
        let word = world.vtable_word(layout::vtable_slot(5, 8));
        word.store(trampoline, Relaxed);
        let asked = Event::VtableSlot { this, slot: 5 };
        throws(
            &world,
            &mut case,
            Call::VtableSlot(5),
            &[asked, Event::Throw],
        );

        let trampoline = world.add(&dispatch::imt_slot_trampoline(Arch::X64, 2).unwrap());
        let word = world.vtable_word(layout::imt_slot(2, 8));
        word.store(trampoline, Relaxed);
        world.add(&dispatch::interface_stub(Arch::X64, m, 9, 2).unwrap());
        let asked = Event::ImtSlot {
            this,
            key: 9,
            slot: 2,
        };
        let call = Call::Symbol(Symbol::InterfaceStub(m));
        throws(&world, &mut case, call, &[asked, Event::Throw]);

        let call = Call::Symbol(Symbol::Helper(Helper::EntryCheck));
        let mut plain = Case::random(&world, &mut r, false);
        // The entry check takes no arguments.
        plain.shape.abi.stack_bytes = 0;
        plain.shape.abi.words.clear();
        throws(&world, &mut plain, call, &[Event::EntryCheck, Event::Throw]);
    }
}

/// A C function that leaves an exception pending.
unsafe extern "C" fn failing(ctx: *mut ThreadContext) {
    // SAFETY: stubs pass the test's context.
    unsafe { &*ctx }.pending.store(1, Relaxed);
}

#[test]
fn native_calls_throw_what_is_pending() {
    let world = World::new();
    for seed in 0..100u32 {
        let mut r = Random::new(u64::from(seed) + 500);
        let mut case = Case::random(&world, &mut r, false);
        // The function finds the context wherever it is: pass it through the thread register.
        let mut a = X64Asm::default();
        a.mov(W64, RDI, R15);
        a.mov_imm(W64, RAX, failing as *const () as i64);
        a.jmp_reg(RAX);
        let target = Symbol::Native(seed);
        world.define(target, world.link(&artifact(Symbol::VmData(0), a)));
        let name = Symbol::Stub(Stub::NativeCall(seed));
        world.add(&native::native_call(Arch::X64, name, &case.shape.abi, target).unwrap());
        throws(&world, &mut case, Call::Symbol(name), &[Event::Throw]);
    }
}

#[test]
fn helpers_that_never_return_go_to_the_throw_path() {
    for &h in Helper::ALL {
        if !h.effects().contains(Effects::NO_RETURN) {
            continue;
        }
        let world = World::new();
        let mut a = X64Asm::default();
        // Leaves nothing pending: the stub must not return all the same.
        a.ret(0);
        let target = native::helper_target(h);
        world.define(
            Symbol::Native(0),
            world.link(&artifact(Symbol::VmData(0), a)),
        );
        let abi = native::helper_sig(h, Arch::X64);
        let name = Symbol::Helper(h);
        let mut stub = native::native_call(Arch::X64, name, &abi, target).unwrap();
        for reloc in &mut stub.relocs {
            if reloc.symbol == target {
                reloc.symbol = Symbol::Native(0);
            }
        }
        world.add(&stub);
        let mut case = Case::random(&world, &mut Random::new(1), false);
        case.shape.abi.stack_bytes = 0;
        case.shape.abi.words.clear();
        throws(&world, &mut case, Call::Symbol(name), &[Event::Throw]);
    }
}

#[test]
fn faults_throw_from_the_faulting_instruction() {
    // What the signal handler does: FaultPc, then the fault stub with all registers as they were, SP included.
    let world = World::new();
    for below in [0, 8, 24] {
        let fault_pc = 0x4000_1000 + below as usize;
        let m = Symbol::MethodBody(world.method());
        let mut a = X64Asm::default();
        a.push(RBP);
        a.mov(W64, RBP, RSP);
        a.alu(Alu::Sub, W64, RSP, 16 + below);
        a.store_imm(W64, ctx(CtxWord::FaultPc), fault_pc as i32);
        a.jmp_symbol(Symbol::Stub(Stub::Fault));
        world.add(&artifact(m, a));

        let case = Case::random(&world, &mut Random::new(2), false);
        let mut abi = case.shape.abi.clone();
        abi.stack_bytes = 0;
        let (code, ret, _) = forwarder(&abi, Call::Symbol(m), &case.after);
        let code = world.link(&code);
        world.walked.borrow_mut().clear();
        assert_eq!(world.invoke(code, &mut InvokeArgs::default()), 1);
        // The frame of the faulting method first, by its fault PC, then its callers.
        assert_eq!(
            *world.walked.borrow(),
            [fault_pc, code + ret as usize, world.invoke_site.get()]
        );
        assert_eq!(world.take_log(), [Event::Fault { pc: fault_pc }]);
    }
}

#[test]
fn a_fault_in_an_interface_stub_is_the_callers() {
    let world = World::new();
    let m = world.method();
    let stub = dispatch::interface_stub(Arch::X64, m, 7, 0).unwrap();
    assert_eq!(stub.traps.len(), 1);
    assert_eq!(stub.traps[0].kind, TrapKind::NullReference);
    let lines = isthmus_asm::disasm::disassemble(Arch::X64, &stub.code);
    let site = lines.iter().find(|l| l.offset == stub.traps[0].offset);
    assert_eq!(site.unwrap().text, "mov eax, [rdi]");

    // The handler sends the thread to the stub for such faults with SP at the return address.
    world.ctx.fault_pc.store(0, Relaxed);
    let mut a = X64Asm::default();
    a.jmp_symbol(Symbol::Stub(Stub::StubFault));
    let name = Symbol::InterfaceStub(m);
    world.add(&artifact(name, a));
    for seed in 0..20 {
        let mut case = Case::random(&world, &mut Random::new(seed + 60), true);
        throws(
            &world,
            &mut case,
            Call::Symbol(name),
            &[Event::Fault { pc: 0 }],
        );
    }
}

#[test]
fn an_exception_stops_at_the_newest_entry() {
    // compile() runs managed code that throws: its own entry returns 1, and the outer call goes on.
    let world = World::new();
    let mut r = Random::new(11);
    let mut case = Case::random(&world, &mut r, false);
    let m = world.method();
    let code = case.recorder(&world, Symbol::MethodBody(m));
    let prestub = world.add(&dispatch::prestub(Arch::X64, m).unwrap());
    world.cell(m, prestub);
    world.answer.set(code);
    let mut a = X64Asm::default();
    a.mov(W64, RDI, R15);
    a.mov_imm(W64, RAX, failing as *const () as i64);
    a.jmp_reg(RAX);
    world.define(
        Symbol::Native(1),
        world.link(&artifact(Symbol::VmData(0), a)),
    );
    let mut abi = case.shape.abi.clone();
    abi.words.clear();
    abi.stack_bytes = 0;
    let thrower = Symbol::Stub(Stub::NativeCall(1));
    let stub = native::native_call(Arch::X64, thrower, &abi, Symbol::Native(1)).unwrap();
    let thrower = world.add(&stub);
    *world.nested.borrow_mut() = Some(Box::new(move |world| {
        let outer = world.ctx.transition_fp.load(Relaxed);
        assert_eq!(world.invoke(thrower, &mut InvokeArgs::default()), 1);
        assert_eq!(world.ctx.transition_fp.load(Relaxed), outer);
        assert_eq!(world.beneath.get(), outer);
    }));
    case.run(&world, Call::Cell(Symbol::MethodCell(m)), None, None);
    assert_eq!(world.take_log(), [Event::Compile(m.raw()), Event::Throw]);
}
