//! Transitions into C, the entry check, and native callers of the entry stub.

use crate::calls::Case;
use crate::code::{Call, Record, artifact, c_recorder, ctx, forwarder};
use crate::random::Random;
use crate::world::{Event, World};
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::callconv::{AbiSig, Layouts, RetPass};
use isthmus_runtime_abi::context::{CtxWord, FOREIGN, RUNNING};
use isthmus_runtime_abi::helpers::{Effects, Helper};
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::types::{MemTy, Signature, StructLayout};
use isthmus_stubs::entry::InvokeArgs;
use isthmus_stubs::native::{self, Foreign};
use std::sync::atomic::Ordering::Relaxed;

use Width::W64;

/// For signatures without structs.
struct Scalars;

impl Layouts for Scalars {
    fn struct_layout(&self, _: TypeId) -> std::sync::Arc<StructLayout> {
        unreachable!("there are no structs")
    }
}

#[test]
fn words_reach_c_functions_and_results_come_back() {
    let world = World::new();
    for seed in 0..500 {
        let mut r = Random::new(seed + 77);
        let mut case = Case::random(&world, &mut r, seed % 2 == 0);
        let target = Symbol::Native(seed as u32);
        let function = c_recorder(&case.shape.abi, &case.results, &case.record);
        let function = world.link(&function);
        world.define(target, function);
        let name = Symbol::Stub(Stub::NativeCall(seed as u32));
        world.add(&native::native_call(Arch::X64, name, &case.shape.abi, target).unwrap());

        let (code, ret, _) = forwarder(&case.shape.abi, Call::Symbol(name), &case.after);
        let code = world.link(&code);
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(&case.shape.abi, &case.values, &mut stack, Arch::X64);
        *case.record = Record::default();
        assert_eq!(world.invoke(code, &mut args), 0);

        let what = format!("{:?}", case.shape.sig);
        let n = case.values.len();
        assert_eq!(case.record.words[..n], case.values, "{what}");
        assert_eq!(case.record.context, &raw const *world.ctx as u64, "{what}");
        assert_eq!(case.record.sp % 16, 0, "{what}");
        assert_eq!(
            case.record.transition_ret,
            (code + ret as usize) as u64,
            "{what}"
        );
        // The slot is the caller's business: a transition leaves it alone.
        assert_eq!(
            world.ctx.hidden_rgctx.load(Relaxed) as u64,
            case.after.rgctx
        );
        case.check_return(&args, &what);
    }
}

#[test]
fn words_reach_foreign_functions_between_entering_and_leaving() {
    let world = World::new();
    for seed in 0..500 {
        let mut r = Random::new(seed + 5077);
        let mut case = Case::random(&world, &mut r, seed % 2 == 0);
        let abi = &case.shape.abi;
        let name = Symbol::Stub(Stub::NativeCall(seed as u32));
        let target = Symbol::Native(seed as u32);
        let function = Foreign::Symbol(target);
        let stub = native::foreign_call(Arch::X64, name, abi, function, seed % 3 == 0);
        if case.results.len() > 2 && !matches!(abi.ret, RetPass::Buffer(_)) {
            assert!(stub.is_err());
            continue;
        }
        let function = c_recorder(abi, &case.results, &case.record);
        world.define(target, world.link(&function));
        world.add(&stub.unwrap());

        let (code, _, _) = forwarder(abi, Call::Symbol(name), &case.after);
        let code = world.link(&code);
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(abi, &case.values, &mut stack, Arch::X64);
        *case.record = Record::default();
        world.log.borrow_mut().clear();
        // The runtime is called only when somebody wants the thread to stop.
        let attention = seed % 4 < 2;
        world.ctx.attention.store(usize::from(attention), Relaxed);
        assert_eq!(world.invoke(code, &mut args), 0);

        let what = format!("{:?}", case.shape.sig);
        let n = case.values.len();
        assert_eq!(case.record.words[..n], case.values, "{what}");
        assert_eq!(case.record.sp % 16, 0, "{what}");
        let mut events = vec![
            Event::ForeignEnter,
            Event::ForeignError,
            Event::ForeignLeave,
        ];
        events.retain(|e| match e {
            Event::ForeignError => seed % 3 == 0,
            _ => attention,
        });
        assert_eq!(*world.log.borrow(), events, "{what}");
        assert_eq!(case.record.state, FOREIGN as u64, "{what}");
        assert_eq!(world.ctx.state.load(Relaxed), RUNNING, "{what}");
        let parked = world.ctx.parked_sp.load(Relaxed) as u64;
        // The recorder's frame, of two words, begins where the stub says that the thread's stack ends.
        assert_eq!(case.record.sp + 16, parked, "{what}");
        case.check_return(&args, &what);
    }
}

#[test]
fn the_last_argument_may_be_the_foreign_function() {
    let world = World::new();
    // Integers and floats, so many that the pointer is in a register or on the stack.
    for (n, floats) in [
        (0usize, 0usize),
        (2, 1),
        (5, 8),
        (6, 2),
        (7, 11),
        (12, 0),
        (23, 12),
    ] {
        let mut sig = Signature {
            params: std::iter::repeat_n(MemTy::I64, n)
                .chain(std::iter::repeat_n(MemTy::F64, floats))
                .collect(),
            ret: Some(MemTy::I64),
            ..Signature::default()
        };
        let passed = AbiSig::new(&sig, Arch::X64, &Scalars);
        sig.params.push(MemTy::Native);
        let abi = AbiSig::new(&sig, Arch::X64, &Scalars);
        let record = Box::<Record>::default();
        let function = world.link(&c_recorder(&passed, &[77], &record));
        let name = Symbol::Stub(Stub::NativeCall((100 * n + floats) as u32));
        let stub = native::foreign_call(Arch::X64, name, &abi, Foreign::LastArgument, false);
        let code = world.add(&stub.unwrap());
        let mut values: Vec<u64> = (0..(n + floats) as u64).map(|i| i * 1_000_003).collect();
        values.push(function as u64);
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(&abi, &values, &mut stack, Arch::X64);
        assert_eq!(world.invoke(code, &mut args), 0);
        assert_eq!(record.words[..n + floats], values[..n + floats]);
        assert_eq!(record.sp % 16, 0);
        assert_eq!(args.results(&abi, Arch::X64), [77]);
    }
    let name = Symbol::Stub(Stub::NativeCall(0));
    let empty = AbiSig::new(&Signature::default(), Arch::X64, &Scalars);
    assert!(native::foreign_call(Arch::X64, name, &empty, Foreign::LastArgument, false).is_err());
}

#[test]
fn more_stack_words_than_are_unrolled() {
    let world = World::new();
    for n in [13usize, 14, 15, 40, 100] {
        let sig = Signature {
            params: std::iter::repeat_n(MemTy::I64, n).collect(),
            ..Signature::default()
        };
        let abi = AbiSig::new(&sig, Arch::X64, &Scalars);
        let record = Box::<Record>::default();
        let target = Symbol::Native(n as u32);
        world.define(target, world.link(&c_recorder(&abi, &[], &record)));
        let name = Symbol::Stub(Stub::NativeCall(n as u32));
        let stub = native::native_call(Arch::X64, name, &abi, target).unwrap();
        let code = world.add(&stub);
        let values: Vec<u64> = (0..n as u64).map(|i| i * 1_000_003).collect();
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(&abi, &values, &mut stack, Arch::X64);
        assert_eq!(world.invoke(code, &mut args), 0);
        assert_eq!(record.words[..n], values);
        assert_eq!(record.transition_ret as usize, world.invoke_site.get());
    }
}

#[test]
fn signatures_too_large_to_pop_are_refused() {
    let abi = AbiSig {
        words: Default::default(),
        params: Default::default(),
        ret: RetPass::Void,
        stack_bytes: 0x10000,
    };
    let name = Symbol::Stub(Stub::NativeCall(0));
    assert!(native::native_call(Arch::X64, name, &abi, Symbol::Native(0)).is_err());
    assert!(native::native_call(Arch::A64, name, &abi, Symbol::Native(0)).is_err());
}

#[test]
fn every_helper_gets_its_arguments_and_the_context() {
    let world = World::new();
    let mut r = Random::new(5);
    for &h in Helper::ALL {
        let effects = h.effects();
        if effects.intersects(Effects::LEAF | Effects::NO_RETURN) || h == Helper::EntryCheck {
            continue;
        }
        let abi = native::helper_sig(h, Arch::X64);
        let values: Vec<u64> = abi.words.iter().map(|_| r.word()).collect();
        let results: Vec<u64> = h.ret().iter().map(|_| r.word()).collect();
        let record = Box::<Record>::default();
        let function = world.link(&c_recorder(&abi, &results, &record));
        let stub = native::native_call(Arch::X64, Symbol::Helper(h), &abi, Symbol::VmData(1));
        world.define(Symbol::VmData(1), function);
        // A fresh world would do for each, but the address table keeps the first function of a symbol.
        let mut stub = stub.unwrap();
        stub.relocs
            .iter_mut()
            .filter(|reloc| reloc.symbol == Symbol::VmData(1))
            .for_each(|reloc| reloc.symbol = Symbol::Native(1000 + h as u32));
        world.define(Symbol::Native(1000 + h as u32), function);
        let code = world.link(&stub);
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(&abi, &values, &mut stack, Arch::X64);
        assert_eq!(world.invoke(code, &mut args), 0);
        assert_eq!(record.words[..values.len()], values, "{h:?}");
        assert_eq!(record.context, &raw const *world.ctx as u64);
        assert_eq!(args.results(&abi, Arch::X64), results, "{h:?}");
    }
}

/// All registers of the machine but SP, FP and the thread's, before and after.
#[repr(C)]
struct Registers {
    ints: [[u64; 16]; 2],
    floats: [[u128; 16]; 2],
}

#[test]
fn the_entry_check_changes_no_register() {
    let world = World::new();
    let mut r = Random::new(3);
    for misaligned in [0, 8] {
        let mut regs = Box::new(Registers {
            ints: [[0; 16]; 2],
            floats: [[0; 16]; 2],
        });
        for i in 0..16 {
            regs.ints[0][i] = r.word();
            regs.floats[0][i] = u128::from(r.word()) << 64 | u128::from(r.word());
        }
        let skip = [RSP.0, RBP.0, R15.0];
        let mem = |offset: usize, i: u8, size: usize| {
            Mem::new(RBP, (offset + usize::from(i) * size) as i32)
        };
        let ints = std::mem::offset_of!(Registers, ints);
        let floats = std::mem::offset_of!(Registers, floats);
        let general = || (0..16).filter(|i| !skip.contains(i));
        let mut a = X64Asm::default();
        a.push(RBP);
        [RBX, R12, R13, R14].iter().for_each(|&reg| a.push(reg));
        a.alu(Alu::Sub, W64, RSP, 8 + misaligned);
        // FP serves as the base here: the stub only stores it.
        a.mov_imm(W64, RBP, &raw const *regs as i64);
        (0..16).for_each(|i| a.fload_wide(Fpr(i), mem(floats, i, 16)));
        general().for_each(|i| a.load(Ext::Full64, Gpr(i), mem(ints, i, 8)));
        a.call_symbol(Symbol::Helper(Helper::EntryCheck));
        (0..16).for_each(|i| a.fstore_wide(mem(floats + 256, i, 16), Fpr(i)));
        general().for_each(|i| a.store(W64, mem(ints + 128, i, 8), Gpr(i)));
        a.alu(Alu::Add, W64, RSP, 8 + misaligned);
        [R14, R13, R12, RBX].iter().for_each(|&reg| a.pop(reg));
        a.pop(RBP);
        a.ret(0);
        let code = world.link(&artifact(Symbol::VmData(0), a));
        let mut args = InvokeArgs {
            rgctx: 0x5151,
            ..InvokeArgs::default()
        };
        assert_eq!(world.invoke(code, &mut args), 0);
        assert_eq!(world.take_log(), [Event::EntryCheck]);
        assert_eq!(world.ctx.hidden_rgctx.load(Relaxed), 0x5151);
        for i in 0..16 {
            assert_eq!(regs.floats[0][i], regs.floats[1][i], "xmm{i}");
            if !skip.contains(&(i as u8)) {
                assert_eq!(regs.ints[0][i], regs.ints[1][i], "register {i}");
            }
        }
    }
}

#[test]
fn the_entry_stub_keeps_what_native_code_expects() {
    // A C function that calls the entry stub with known values in the registers that a C function keeps.
    let world = World::new();
    let saved = [RBX, R12, R13, R14, R15];
    let seen = Box::new([0u64; 8]);
    let mut spoiler = X64Asm::default();
    // Managed code that changes all of them but the thread register, as one that throws through does.
    for reg in [RBX, R12, R13, R14] {
        spoiler.mov_imm(W64, reg, 0x0bad);
    }
    spoiler.ret(0);
    let spoiler = world.link(&artifact(Symbol::VmData(0), spoiler));

    let mut a = X64Asm::default();
    a.push(RBP);
    a.mov(W64, RBP, RSP);
    saved.iter().for_each(|&reg| a.push(reg));
    a.push(RAX);
    for (i, &reg) in saved.iter().enumerate() {
        a.mov_imm(W64, reg, 0x100 + i as i64);
    }
    a.call_symbol(Symbol::Stub(Stub::Invoke));
    a.mov_imm(W64, R11, seen.as_ptr() as i64);
    for (i, &reg) in saved.iter().chain([&RBP, &RSP]).enumerate() {
        a.store(W64, Mem::new(R11, 8 * i as i32), reg);
    }
    a.pop(RCX);
    saved.iter().rev().for_each(|&reg| a.pop(reg));
    a.pop(RBP);
    a.ret(0);
    let caller = world.link(&artifact(Symbol::VmData(0), a));
    let mut args = InvokeArgs::default();
    // SAFETY: the generated function has this type.
    let status = unsafe {
        let f: isthmus_stubs::entry::InvokeFn = std::mem::transmute(caller);
        f((&raw const *world.ctx).cast_mut(), spoiler, &mut args)
    };
    assert_eq!(status, 0);
    assert_eq!(seen[..5], [0x100, 0x101, 0x102, 0x103, 0x104]);
    assert_eq!(seen[5] - seen[6], 48);
    assert_eq!(ctx(CtxWord::AllocCursor).disp, 0);
}
