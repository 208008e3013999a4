//! Virtual and interface calls through trampolines, thunks and unboxing stubs; new versions of methods.
#![cfg(target_arch = "x86_64")]

mod support;

use isthmus_asm::prelude::*;
use isthmus_asm::x64::regs::*;
use isthmus_rt::dispatch::imt_slot_of;
use isthmus_rt::vm::SlotTarget;
use isthmus_runtime_abi::artifact::ClauseKind;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{imt_slot, vtable_slot};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use support::*;

/// An object of two words with this vtable.
fn object(vtable: usize, field: u64) -> u64 {
    let object: &'static mut [u64; 2] = Box::leak(Box::new([vtable as u64, field]));
    object.as_ptr() as u64
}

/// A method that returns `value` plus its second argument.
fn adds(value: i32) -> MethodId {
    let mut f = Fun::new(new_method());
    f.a.mov(Width::W64, RAX, RSI);
    f.a.alu(Alu::Add, Width::W64, RAX, value);
    f.ret();
    f.define()
}

/// `this.slot(argument)`
fn virtual_call(slot: u32) -> MethodId {
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Catch(ty(trap_type(TrapKind::InvalidProgram))));
    let pad = f.label();
    f.a.load(Ext::Zx32, RAX, Mem::new(RDI, 0));
    f.trap(TrapKind::NullReference, 0, &[]);
    f.a.call_mem(Mem::new(RAX, vtable_slot(slot, 8) as i32));
    f.site(1, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.ret_imm(-1);
    f.define()
}

/// `this.method(argument)` for an interface method.
fn interface_call(method: MethodId) -> MethodId {
    let mut f = Fun::new(new_method());
    f.a.call_symbol(Symbol::InterfaceStub(method));
    f.site(1, &[]);
    f.ret();
    f.define()
}

fn word(vtable: usize, offset: u32) -> usize {
    // SAFETY: a word of a vtable, which lives forever.
    unsafe { *((vtable + offset as usize) as *const usize) }
}

#[test]
fn virtual_slots_are_filled_when_first_called() {
    let thread = attach();
    let vtable = runtime().alloc_vtable(4).unwrap();
    let target = adds(100);
    shared()
        .virtuals
        .lock()
        .unwrap()
        .insert((vtable, 2), SlotTarget::Method(target));
    let (this, caller) = (object(vtable, 0), virtual_call(2));
    let before = word(vtable, vtable_slot(2, 8));
    assert_eq!(before, runtime().slot_trampoline(2));
    assert_eq!(call(&thread, caller, &[this, 5]), Ok(105));
    let after = word(vtable, vtable_slot(2, 8));
    assert_eq!(Some(after), runtime().method(target).newest());
    assert_eq!(call(&thread, caller, &[this, 6]), Ok(106));
}

#[test]
fn a_new_version_is_reached_by_cell_slot_and_entry() {
    let thread = attach();
    let vtable = runtime().alloc_vtable(1).unwrap();
    let target = adds(1);
    shared()
        .virtuals
        .lock()
        .unwrap()
        .insert((vtable, 0), SlotTarget::Method(target));
    let (this, caller) = (object(vtable, 0), virtual_call(0));
    assert_eq!(call(&thread, caller, &[this, 10]), Ok(11));
    let entry = runtime().entry(target);
    // The second version adds 2.
    let mut f = Fun::with_symbol(Symbol::MethodBody(target), target);
    f.a.mov(Width::W64, RAX, RSI);
    f.a.alu(Alu::Add, Width::W64, RAX, 2);
    f.ret();
    runtime().install(&f.finish()).unwrap();
    assert_eq!(call(&thread, caller, &[this, 10]), Ok(12), "slot");
    assert_eq!(call(&thread, target, &[this, 10]), Ok(12), "newest");
    let mut f = Fun::new(new_method());
    f.call(target, 0, &[]);
    f.ret();
    let by_cell = f.define();
    assert_eq!(call(&thread, by_cell, &[this, 10]), Ok(12), "cell");
    let mut f = Fun::new(new_method());
    f.a.mov_imm(Width::W64, RAX, entry as i64);
    f.a.call_reg(RAX);
    f.site(0, &[]);
    f.ret();
    let by_entry = f.define();
    assert_eq!(call(&thread, by_entry, &[this, 10]), Ok(12), "entry");
    assert_eq!(runtime().entry(target), entry);
    assert_eq!(runtime().method(target).version_count(), 2);
}

#[test]
fn old_versions_can_be_removed_and_their_place_used_again() {
    let thread = attach();
    let e = exception(1);
    let body = |id: MethodId, il: u32| {
        let mut f = Fun::with_symbol(Symbol::MethodBody(id), id);
        f.throw(e, il, &[]);
        f.finish()
    };
    let trace = || shared().traces.lock().unwrap()[&e.addr()][0];
    let id = new_method();
    let first = runtime().install(&body(id, 1)).unwrap().base;
    let before = runtime().counts();
    for _ in 0..2 {
        assert_eq!(call(&thread, id, &[]), Err(e));
        assert_eq!(trace().il, 1);
    }
    assert!(runtime().counts().exceptions >= before.exceptions + 2);
    runtime().install(&body(id, 2)).unwrap();
    let old = runtime().code_map().find(first).unwrap();
    // SAFETY: no frame is in it, and it was not called through slots.
    unsafe { runtime().remove(old) };
    assert_eq!(runtime().method(id).version_count(), 1);
    // New code in the same place: what this thread remembers of the place must not be used.
    for _ in 0..8 {
        let other = new_method();
        runtime().install(&body(other, 3)).unwrap();
        assert_eq!(call(&thread, other, &[]), Err(e));
        assert_eq!((trace().method, trace().il), (other, 3));
    }
    assert_eq!(call(&thread, id, &[]), Err(e));
    assert_eq!(trace().il, 2);
}

#[test]
fn interface_methods_share_a_slot_through_its_thunk() {
    let thread = attach();
    let vtable = runtime().alloc_vtable(0).unwrap();
    let this = object(vtable, 0);
    // Six interface methods of one IMT slot, and some of others.
    let mut methods = vec![];
    let first = new_method();
    let slot = imt_slot_of(first);
    methods.push(first);
    while methods.iter().filter(|&&m| imt_slot_of(m) == slot).count() < 6 {
        methods.push(new_method());
    }
    for (i, &m) in methods.iter().enumerate() {
        let target = SlotTarget::Method(adds(1000 * i as i32));
        let key = (vtable, m.raw());
        shared().interfaces.lock().unwrap().insert(key, target);
    }
    let callers: Vec<_> = methods.iter().map(|&m| interface_call(m)).collect();
    for round in 0..3 {
        for (i, &caller) in callers.iter().enumerate() {
            let result = call(&thread, caller, &[this, round]);
            assert_eq!(result, Ok(1000 * i as u64 + round));
        }
    }
    assert_ne!(
        word(vtable, imt_slot(slot, 8)),
        runtime().imt_trampoline(slot)
    );
    // Another class implements the same methods differently.
    let other = runtime().alloc_vtable(0).unwrap();
    let target = SlotTarget::Method(adds(7));
    let key = (other, first.raw());
    shared().interfaces.lock().unwrap().insert(key, target);
    assert_eq!(call(&thread, callers[0], &[object(other, 0), 1]), Ok(8));
    assert_eq!(call(&thread, callers[0], &[this, 1]), Ok(1));
}

#[test]
fn an_interface_method_alone_in_its_slot_needs_no_thunk() {
    let thread = attach();
    let vtable = runtime().alloc_vtable(0).unwrap();
    let (interface, target) = (new_method(), adds(40));
    let key = (vtable, interface.raw());
    let implementation = SlotTarget::Method(target);
    shared()
        .interfaces
        .lock()
        .unwrap()
        .insert(key, implementation);
    shared().alone.lock().unwrap().insert(key);
    let (this, caller) = (object(vtable, 0), interface_call(interface));
    for argument in 0..3 {
        assert_eq!(call(&thread, caller, &[this, argument]), Ok(40 + argument));
    }
    let slot = word(vtable, imt_slot(imt_slot_of(interface), 8));
    assert_eq!(Some(slot), runtime().method(target).newest());
}

#[test]
fn value_types_methods_get_an_unboxed_this() {
    let thread = attach();
    let vtable = runtime().alloc_vtable(2).unwrap();
    // this.field + argument, where `this` points to the value.
    let mut f = Fun::new(new_method());
    f.a.load(Ext::Full64, RAX, Mem::new(RDI, 0));
    f.a.alu(Alu::Add, Width::W64, RAX, RSI);
    f.ret();
    let target = SlotTarget::Unboxed(f.define(), unbox_none());
    let interface = new_method();
    shared()
        .virtuals
        .lock()
        .unwrap()
        .insert((vtable, 1), target);
    shared()
        .interfaces
        .lock()
        .unwrap()
        .insert((vtable, interface.raw()), target);
    let this = object(vtable, 500);
    for argument in 0..3 {
        let result = call(&thread, virtual_call(1), &[this, argument]);
        assert_eq!(result, Ok(500 + argument));
        let result = call(&thread, interface_call(interface), &[this, argument]);
        assert_eq!(result, Ok(500 + argument));
    }
}

#[test]
fn what_cannot_be_compiled_throws_in_the_caller() {
    let thread = attach();
    let vtable = runtime().alloc_vtable(1).unwrap();
    let missing = new_method();
    shared()
        .virtuals
        .lock()
        .unwrap()
        .insert((vtable, 0), SlotTarget::Method(missing));
    let this = object(vtable, 0);
    assert_eq!(call(&thread, virtual_call(0), &[this, 0]), Ok(-1i64 as u64));
    let e = call(&thread, missing, &[]).unwrap_err();
    assert_eq!(type_of(e), trap_type(TrapKind::InvalidProgram));
    assert_eq!(thread.exceptions_in_flight(), 0);
}

#[test]
fn one_thread_compiles_and_the_others_wait() {
    let targets: Vec<_> = (0..50).map(adds).collect();
    let callers: Vec<_> = targets
        .iter()
        .map(|&t| {
            let mut f = Fun::new(new_method());
            f.call(t, 0, &[]);
            f.ret();
            f.define()
        })
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let thread = attach();
                for (i, &caller) in callers.iter().enumerate() {
                    assert_eq!(call(&thread, caller, &[0, 1]), Ok(i as u64 + 1));
                }
            });
        }
    });
    let compiled = shared().compiled.lock().unwrap();
    assert!(targets.iter().all(|t| compiled[t] == 1));
}
