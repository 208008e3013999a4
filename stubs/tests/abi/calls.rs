//! Managed calls over every kind of stub.

use crate::code::{After, Call, FORWARDER_FRAME, MAGIC, Record, forwarder, recorder};
use crate::random::{Random, Shape};
use crate::world::{Event, World};
use isthmus_runtime_abi::layout::{self, VtableWord};
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_stubs::dispatch::{self, ImtTarget, UnboxContext};
use isthmus_stubs::entry::InvokeArgs;
use std::sync::atomic::Ordering::Relaxed;

/// Arguments, expected results and what was seen, for one signature.
pub struct Case {
    pub shape: Shape,
    pub values: Vec<u64>,
    pub results: Vec<u64>,
    pub record: Box<Record>,
    pub after: Box<After>,
    buffer: Box<[u64; 16]>,
    pub object: Box<[usize; 4]>,
}

impl Case {
    pub fn random(world: &World, r: &mut Random, has_this: bool) -> Case {
        let shape = Shape::random(r, has_this);
        let mut values: Vec<u64> = shape.abi.words.iter().map(|_| r.word()).collect();
        let results: Vec<u64> = (0..shape.result_words()).map(|_| r.word()).collect();
        let buffer = Box::new([0; 16]);
        let object = world.object();
        if let isthmus_runtime_abi::callconv::RetPass::Buffer(word) = shape.abi.ret {
            values[word as usize] = buffer.as_ptr() as u64;
        }
        if has_this {
            values[0] = object.as_ptr() as u64;
        }
        let after = Box::new(After {
            rgctx: r.word(),
            ..After::default()
        });
        Case {
            shape,
            values,
            results,
            record: Box::default(),
            after,
            buffer,
            object,
        }
    }

    /// Links a recorder under the method's `MethodBody`.
    pub fn recorder(&self, world: &World, symbol: Symbol) -> usize {
        world.add(&recorder(
            symbol,
            &self.shape.abi,
            &self.results,
            &self.record,
        ))
    }

    /// Runs `invoke → forwarder → call` and checks that nothing was lost on the way. `first` is the expected first word, `rgctx` the
    /// expected hidden argument, where they differ from what was passed.
    pub fn run(&mut self, world: &World, call: Call, first: Option<u64>, rgctx: Option<u64>) {
        *self.record = Record::default();
        *self.buffer = [0; 16];
        let abi = &self.shape.abi;
        let (code, ..) = forwarder(abi, call, &self.after);
        let code = world.link(&code);
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(abi, &self.values, &mut stack, Arch::X64);
        assert_eq!(world.invoke(code, &mut args), 0);

        let what = format!("{call:?} {:?}", self.shape.sig);
        let mut expected = self.values.clone();
        if let (Some(first), Some(word)) = (first, expected.first_mut()) {
            *word = first;
        }
        assert_eq!(self.record.calls, 1, "{what}");
        assert_eq!(self.record.words[..expected.len()], expected, "{what}");
        let rgctx = rgctx.unwrap_or(self.after.rgctx);
        assert_eq!(self.record.rgctx, rgctx, "{what}");
        assert_eq!(
            self.record.varargs,
            self.after.rgctx.wrapping_add(1),
            "{what}"
        );
        assert_eq!(self.record.sp % 16, 0, "{what}");
        self.check_return(&args, &what);
    }

    /// Checks results, callee-saved registers and the stack pointer after the forwarder's call.
    pub fn check_return(&self, args: &InvokeArgs, what: &str) {
        let abi = &self.shape.abi;
        assert_eq!(self.after.saved, MAGIC, "{what}");
        assert_eq!(
            self.after.fp - self.after.sp,
            FORWARDER_FRAME as u64,
            "{what}"
        );
        if self.shape.buffer_words() > 0 {
            assert_eq!(self.buffer[..self.results.len()], self.results, "{what}");
        } else {
            assert_eq!(args.results(abi, Arch::X64), self.results, "{what}");
        }
    }
}

const ROUNDS: u64 = 300;

fn rounds(mut f: impl FnMut(&World, &mut Random, bool)) {
    let world = World::new();
    for seed in 0..ROUNDS {
        let mut r = Random::new(seed + 1);
        let has_this = r.chance(2);
        f(&world, &mut r, has_this);
    }
}

#[test]
fn direct_calls_and_entries() {
    rounds(|world, r, has_this| {
        let mut case = Case::random(world, r, has_this);
        let m = world.method();
        let code = case.recorder(world, Symbol::MethodBody(m));
        world.cell(m, code);
        world.add(&dispatch::method_entry(Arch::X64, m).unwrap());
        case.run(world, Call::Symbol(Symbol::MethodBody(m)), None, None);
        case.run(world, Call::Cell(Symbol::MethodCell(m)), None, None);
        case.run(world, Call::Symbol(Symbol::MethodEntry(m)), None, None);
        assert_eq!(world.take_log(), []);
    });
}

#[test]
fn prestubs_have_methods_compiled() {
    rounds(|world, r, has_this| {
        let mut case = Case::random(world, r, has_this);
        let m = world.method();
        let code = case.recorder(world, Symbol::MethodBody(m));
        let prestub = world.add(&dispatch::prestub(Arch::X64, m).unwrap());
        world.cell(m, prestub);
        world.add(&dispatch::method_entry(Arch::X64, m).unwrap());
        world.answer.set(code);
        case.run(world, Call::Cell(Symbol::MethodCell(m)), None, None);
        case.run(world, Call::Symbol(Symbol::MethodEntry(m)), None, None);
        assert_eq!(world.take_log(), [Event::Compile(m.raw()); 2]);
    });
}

#[test]
fn prestubs_count_calls_of_images() {
    rounds(|world, r, has_this| {
        let mut case = Case::random(world, r, has_this);
        let m = world.method();
        let code = case.recorder(world, Symbol::MethodBody(m));
        let common = world.address(Symbol::Stub(Stub::CompileTrampoline));
        let counter = world.word(Symbol::MethodCounter(m), 7);
        let image = world.word(Symbol::MethodImage(m), common);
        let prestub = world.add(&dispatch::counting_prestub(Arch::X64, m, 3).unwrap());
        world.cell(m, prestub);
        world.answer.set(code);
        let mut run = || case.run(world, Call::Cell(Symbol::MethodCell(m)), None, None);
        run();
        assert_eq!(world.take_log(), [Event::Compile(m.raw())], "no code");
        image.store(code, Relaxed);
        run();
        assert_eq!(world.take_log(), [], "counter at 1");
        run();
        assert_eq!(world.take_log(), [Event::Compile(m.raw())], "run out");
        counter.store(100, Relaxed);
        run();
        assert_eq!(world.take_log(), []);
    });
}

#[test]
fn compiling_may_run_managed_code() {
    rounds(|world, r, has_this| {
        let mut case = Case::random(world, r, has_this);
        let (m, inner) = (world.method(), world.method());
        let code = case.recorder(world, Symbol::MethodBody(m));
        let prestub = world.add(&dispatch::prestub(Arch::X64, m).unwrap());
        world.cell(m, prestub);
        world.answer.set(code);
        // The inner call goes through the whole machinery once more, without a prestub.
        let inner_case = std::cell::RefCell::new(Case::random(world, r, false));
        inner_case
            .borrow()
            .recorder(world, Symbol::MethodBody(inner));
        *world.nested.borrow_mut() = Some(Box::new(move |world| {
            let call = Call::Symbol(Symbol::MethodBody(inner));
            inner_case.borrow_mut().run(world, call, None, None);
        }));
        case.run(world, Call::Cell(Symbol::MethodCell(m)), None, None);
        *world.nested.borrow_mut() = None;
        assert_eq!(world.take_log(), [Event::Compile(m.raw())]);
    });
}

#[test]
fn slot_trampolines_find_virtual_methods() {
    rounds(|world, r, _| {
        let mut case = Case::random(world, r, true);
        let m = world.method();
        let code = case.recorder(world, Symbol::MethodBody(m));
        let slot = r.below(60) as u32;
        let trampoline = world.add(&dispatch::slot_trampoline(Arch::X64, slot).unwrap());
        let word = world.vtable_word(layout::vtable_slot(slot, 8));
        word.store(trampoline, Relaxed);
        world.answer.set(code);
        case.run(world, Call::VtableSlot(slot), None, None);
        let this = case.object.as_ptr() as usize;
        assert_eq!(world.take_log(), [Event::VtableSlot { this, slot }]);
        word.store(code, Relaxed);
        case.run(world, Call::VtableSlot(slot), None, None);
        assert_eq!(world.take_log(), []);

        // The same by the code of a method that only makes this call.
        let name = Symbol::MethodBody(world.method());
        world.add(&dispatch::virtual_call(Arch::X64, name, slot).unwrap());
        case.run(world, Call::Symbol(name), None, None);
        assert_eq!(world.take_log(), []);
    });
}

/// Small keys, keys around the limits of immediates, large keys.
fn random_key(r: &mut Random) -> u64 {
    match r.below(4) {
        0 => r.below(1 << 20),
        1 => 0x7fff_fffe + r.below(4),
        2 => 0xffff_fffe + r.below(4),
        _ => r.word(),
    }
}

#[test]
fn interface_calls_find_their_method() {
    rounds(|world, r, _| {
        let mut case = Case::random(world, r, true);
        let m = world.method();
        let (key, slot) = (random_key(r), r.below(u64::from(layout::IMT_SLOTS)) as u32);
        let code = case.recorder(world, Symbol::MethodBody(m));
        world.add(&dispatch::interface_stub(Arch::X64, m, key, slot).unwrap());
        let trampoline = world.add(&dispatch::imt_slot_trampoline(Arch::X64, slot).unwrap());
        let word = world.vtable_word(layout::imt_slot(slot, 8));
        let this = case.object.as_ptr() as usize;
        let asked = Event::ImtSlot { this, key, slot };
        let call = Call::Symbol(Symbol::InterfaceStub(m));

        word.store(trampoline, Relaxed);
        world.answer.set(code);
        case.run(world, call, None, None);
        assert_eq!(world.take_log(), [asked]);

        // A thunk among other keys, with every kind of target.
        world.cell(m, code);
        let virtual_slot = r.below(60) as u32;
        let at = world.vtable_word(layout::vtable_slot(virtual_slot, 8));
        at.store(code, Relaxed);
        let wrong = Symbol::Stub(Stub::ThrowPath);
        let mut entries: Vec<(u64, ImtTarget)> = (0..r.below(12))
            .map(|_| (random_key(r), ImtTarget::Code(wrong)))
            .collect();
        entries.retain(|e| e.0 != key);
        entries.sort_by_key(|e| e.0);
        entries.dedup_by_key(|e| e.0);
        let without = dispatch::imt_thunk(Arch::X64, 0, slot, &entries).unwrap();
        word.store(world.link(&without), Relaxed);
        case.run(world, call, None, None);
        assert_eq!(world.take_log(), [asked]);

        let place = r.below(entries.len() as u64 + 1) as usize;
        for target in [
            ImtTarget::VtableSlot(virtual_slot),
            ImtTarget::Cell(Symbol::MethodCell(m)),
            ImtTarget::Code(Symbol::MethodBody(m)),
        ] {
            let mut with = entries.clone();
            with.insert(place, (key, target));
            let thunk = dispatch::imt_thunk(Arch::X64, 1, slot, &with).unwrap();
            word.store(world.link(&thunk), Relaxed);
            case.run(world, call, None, None);
        }
        assert_eq!(world.take_log(), []);
    });
}

#[test]
fn every_key_of_a_large_thunk_is_found() {
    let world = World::new();
    let mut r = Random::new(1);
    for n in [1usize, 4, 5, 9, 40] {
        let mut keys: Vec<u64> = (0..n).map(|_| random_key(&mut r)).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut cases: Vec<(Case, Symbol)> = Vec::new();
        for _ in &keys {
            let case = Case::random(&world, &mut r, true);
            let body = Symbol::MethodBody(world.method());
            case.recorder(&world, body);
            cases.push((case, body));
        }
        let mut entries: Vec<_> = keys
            .iter()
            .zip(&cases)
            .map(|(&k, c)| (k, ImtTarget::Code(c.1)))
            .collect();
        entries.reverse();
        world.add(&dispatch::imt_slot_trampoline(Arch::X64, 3).unwrap());
        let thunk = dispatch::imt_thunk(Arch::X64, 2, 3, &entries).unwrap();
        let word = world.vtable_word(layout::imt_slot(3, 8));
        word.store(world.link(&thunk), Relaxed);
        for (&key, (case, _)) in keys.iter().zip(&mut cases) {
            let m = world.method();
            world.add(&dispatch::interface_stub(Arch::X64, m, key, 3).unwrap());
            case.run(&world, Call::Symbol(Symbol::InterfaceStub(m)), None, None);
        }
    }
    assert_eq!(world.take_log(), []);
}

#[test]
fn unboxing_moves_this_and_finds_the_context() {
    rounds(|world, r, _| {
        let mut case = Case::random(world, r, true);
        let m = world.method();
        let code = case.recorder(world, Symbol::MethodBody(m));
        world.cell(m, code);
        let inner = Some(case.values[0] + u64::from(layout::HEADER));
        let name = Symbol::Stub(Stub::Unboxing(m));
        let depth = r.below(4) as u32;
        let contexts = Box::new([r.word(), r.word(), r.word(), r.word()]);
        let word = VtableWord::GenericContexts.offset(8);
        world
            .vtable_word(word)
            .store(contexts.as_ptr() as usize, Relaxed);
        let symbol = Symbol::GenericContext(m);
        world.define(symbol, 0x7777_0000_1111);
        for (context, rgctx) in [
            (UnboxContext::None, None),
            (UnboxContext::Depth(depth), Some(contexts[depth as usize])),
            (UnboxContext::Symbol(symbol), Some(0x7777_0000_1111)),
        ] {
            world.add(&dispatch::unboxing(Arch::X64, m, context).unwrap());
            case.run(world, Call::Symbol(name), inner, rgctx);
        }
    });
}

#[test]
fn instantiations_pass_their_context() {
    rounds(|world, r, has_this| {
        let mut case = Case::random(world, r, has_this);
        let (exact, shared) = (world.method(), world.method());
        let code = case.recorder(world, Symbol::MethodBody(shared));
        let prestub = world.add(&dispatch::prestub(Arch::X64, shared).unwrap());
        let cell = world.cell(shared, prestub);
        let context = Symbol::GenericContext(exact);
        let value = r.word();
        world.define(context, value as usize);
        let stub = dispatch::instantiation_entry(Arch::X64, exact, context, shared).unwrap();
        let call = Call::Symbol(stub.symbol);
        world.add(&stub);
        world.answer.set(code);
        case.run(world, call, None, Some(value));
        assert_eq!(world.take_log(), [Event::Compile(shared.raw())]);
        cell.store(code, Relaxed);
        case.run(world, call, None, Some(value));
        assert_eq!(world.take_log(), []);
    });
}
