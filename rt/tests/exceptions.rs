//! Throwing, catching, filters, finally, faults: methods assembled by hand on a VM made for it.
#![cfg(target_arch = "x86_64")]

mod support;

use isthmus_asm::prelude::*;
use isthmus_asm::x64::regs::*;
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::artifact::ClauseKind;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, RaiseId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use support::*;

/// A method that calls `callee` and returns 1 + what it returned, without handlers.
fn middle(callee: MethodId) -> MethodId {
    let mut f = Fun::new(new_method());
    f.call(callee, 3, &[]);
    f.a.alu(Alu::Add, Width::W64, RAX, 1);
    f.ret();
    f.define()
}

/// A method that calls `callee` in a `try` with this catch, and returns `value` from the handler.
fn catcher(callee: MethodId, kind: ClauseKind, value: i32) -> MethodId {
    let mut f = Fun::new(new_method());
    let clause = f.clause(kind);
    let pad = f.label();
    f.call(callee, 5, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.ret_imm(value);
    f.define()
}

fn trace(exception: Ref) -> Vec<(MethodId, u32)> {
    let traces = shared().traces.lock().unwrap();
    traces[&exception.addr()]
        .iter()
        .map(|f| (f.method, f.il))
        .collect()
}

#[test]
fn methods_are_compiled_when_first_called() {
    let thread = attach();
    let mut f = Fun::new(new_method());
    f.ret_imm(40);
    let leaf = f.define();
    let outer = middle(middle(leaf));
    assert_eq!(call(&thread, outer, &[]), Ok(42));
    assert_eq!(call(&thread, outer, &[]), Ok(42));
    assert_eq!(shared().compiled.lock().unwrap()[&leaf], 1);
}

#[test]
fn an_exception_is_caught_by_type_several_frames_out() {
    let thread = attach();
    let e = exception(3);
    let throws = thrower(e);
    let mid = middle(throws);
    let wrong = catcher(mid, ClauseKind::Catch(ty(4)), 1);
    let right = catcher(wrong, ClauseKind::Catch(ty(3)), 77);
    assert_eq!(call(&thread, right, &[]), Ok(77));
    assert_eq!(thread.exceptions_in_flight(), 0);
    assert_eq!(trace(e), [(throws, 7), (mid, 3), (wrong, 5), (right, 5)]);
    // And again, through the cache of sites; the trace starts afresh.
    assert_eq!(call(&thread, right, &[]), Ok(77));
    assert_eq!(trace(e).len(), 4);
}

#[test]
fn what_nobody_catches_comes_back_to_the_native_caller() {
    let thread = attach();
    let e = exception(5);
    let outer = middle(thrower(e));
    assert_eq!(call(&thread, outer, &[]), Err(e));
    assert_eq!(thread.exceptions_in_flight(), 0);
    // The thread is as good as before.
    assert_eq!(
        call(&thread, catcher(outer, ClauseKind::CatchAll, 8), &[]),
        Ok(8)
    );
}

#[test]
fn the_catch_pad_gets_the_exception_and_its_clause() {
    let thread = attach();
    let e = exception(6);
    let mut f = Fun::new(new_method());
    f.clause(ClauseKind::Finally);
    f.clause(ClauseKind::Finally);
    let clause = f.clause(ClauseKind::CatchAll);
    let pad = f.label();
    f.a.store_imm(Width::W64, local(3), 1234);
    f.throw(e, 0, &[(clause, pad)]);
    f.bind(pad);
    // exception + clause + a local of the frame
    f.a.alu(Alu::Add, Width::W64, RAX, RDX);
    f.a.alu(Alu::Add, Width::W64, RAX, local(3));
    f.ret();
    let m = f.define();
    assert_eq!(call(&thread, m, &[]), Ok(e.addr() as u64 + 2 + 1234));
}

#[test]
fn finally_handlers_run_innermost_first_after_the_handler_is_found() {
    let thread = attach();
    let (log, words) = data(32);
    let e = exception(1);
    // inner: try { try { throw } finally { 1 } } finally { 2 }
    let mut f = Fun::new(new_method());
    let (inner, outer) = (f.clause(ClauseKind::Finally), f.clause(ClauseKind::Finally));
    let (inner_pad, outer_pad) = (f.label(), f.label());
    f.throw(e, 0, &[(inner, inner_pad), (outer, outer_pad)]);
    f.finally_pad(inner_pad, log, 1, &[(outer, outer_pad)]);
    f.finally_pad(outer_pad, log, 2, &[]);
    let throws = f.define();
    // mid: try { throws() } fault { 3 }
    let mut f = Fun::new(new_method());
    let fault = f.clause(ClauseKind::Fault);
    let pad = f.label();
    f.call(throws, 0, &[(fault, pad)]);
    f.ret();
    f.finally_pad(pad, log, 3, &[]);
    let mid = f.define();
    // outer: try { mid() } catch { 4 }
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::CatchAll);
    let pad = f.label();
    f.call(mid, 0, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.log(log, 4);
    f.ret_imm(0);
    let outer = f.define();
    assert_eq!(call(&thread, outer, &[]), Ok(0));
    assert_eq!(logged(words), [1, 2, 3, 4]);
    // Uncaught: the handlers run all the same.
    clear(words);
    assert_eq!(call(&thread, mid, &[]), Err(e));
    assert_eq!(logged(words), [1, 2, 3]);
}

/// A method with `try { callee() } filter { log 10; local(5) == wanted } { return value }`.
fn filtered(callee: MethodId, log: Symbol, wanted: i32, throw_inside: Option<Ref>) -> MethodId {
    let id = new_method();
    let mut filter = Fun::with_symbol(Symbol::Filter(id, 0), id);
    filter.a.store(Width::W64, local(0), RDI);
    filter.log(log, 10);
    if let Some(e) = throw_inside {
        let thrower = thrower(e);
        filter.call(thrower, 50, &[]);
    }
    filter.a.load(Ext::Full64, RDI, local(0));
    filter.a.load(Ext::Full64, RCX, Mem::new(RDI, 8));
    filter.a.zero(RAX);
    filter.a.cmp(Width::W64, RCX, wanted);
    filter.a.set(Cond::Eq, RAX);
    filter.ret();

    let mut f = Fun::new(id);
    let clause = f.clause(ClauseKind::Filter(0));
    let pad = f.label();
    // The filter area begins at local(6); local(5) is its second word.
    f.m.frame.filter_area = Some(-56);
    f.a.store_imm(Width::W64, local(5), 21);
    f.call(callee, 5, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.log(log, 11);
    f.ret_imm(500);
    f.m.filters.push(filter.finish());
    f.define()
}

#[test]
fn filters_run_in_the_first_pass_and_see_their_frame() {
    let thread = attach();
    let (log, words) = data(32);
    let e = exception(1);
    let throws = thrower(e);
    // try { throws() } finally { 1 }
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Finally);
    let pad = f.label();
    f.call(throws, 0, &[(clause, pad)]);
    f.ret();
    f.finally_pad(pad, log, 1, &[]);
    let cleans = f.define();
    let takes = filtered(cleans, log, 21, None);
    assert_eq!(call(&thread, takes, &[]), Ok(500));
    assert_eq!(logged(words), [10, 1, 11]);
    clear(words);
    let declines = filtered(cleans, log, 22, None);
    assert_eq!(call(&thread, declines, &[]), Err(e));
    assert_eq!(logged(words), [10, 1]);
    // An exception within the filter counts as no.
    clear(words);
    let fails = filtered(cleans, log, 21, Some(exception(2)));
    let outer = filtered(fails, log, 21, None);
    assert_eq!(call(&thread, outer, &[]), Ok(500));
    assert_eq!(logged(words), [10, 10, 1, 11]);
    assert_eq!(thread.exceptions_in_flight(), 0);
}

#[test]
fn a_newer_exception_discards_the_one_it_overtakes() {
    let thread = attach();
    let (first, second) = (exception(1), exception(2));
    // try { throw first } finally { throw second }
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Finally);
    let pad = f.label();
    f.throw(first, 0, &[(clause, pad)]);
    f.bind(pad);
    f.throw(second, 1, &[]);
    let overtaken = f.define();
    let catches_second = catcher(overtaken, ClauseKind::Catch(ty(2)), 2);
    assert_eq!(call(&thread, catches_second, &[]), Ok(2));
    assert_eq!(thread.exceptions_in_flight(), 0);
    let both = catcher(
        catcher(overtaken, ClauseKind::Catch(ty(1)), 1),
        ClauseKind::CatchAll,
        3,
    );
    assert_eq!(call(&thread, both, &[]), Ok(3));
    assert_eq!(thread.exceptions_in_flight(), 0);
}

#[test]
fn an_exception_handled_within_a_finally_leaves_the_outer_one_in_flight() {
    let thread = attach();
    let (log, words) = data(32);
    let (first, second) = (exception(1), exception(2));
    // try { throw first } finally { try { throw second } catch { 5 }; 6 }
    let mut f = Fun::new(new_method());
    let (finally, inner) = (
        f.clause(ClauseKind::Finally),
        f.clause(ClauseKind::CatchAll),
    );
    let (pad, inner_pad) = (f.label(), f.label());
    f.throw(first, 0, &[(finally, pad)]);
    f.bind(pad);
    f.a.store(Width::W64, local(2), RAX);
    f.throw(second, 0, &[(inner, inner_pad)]);
    f.bind(inner_pad);
    f.log(log, 5);
    f.log(log, 6);
    f.a.load(Ext::Full64, RDI, local(2));
    f.helper(Helper::Resume, 0, &[]);
    let m = f.define();
    // In one frame, and from a call within the finally.
    assert_eq!(call(&thread, m, &[]), Err(first));
    assert_eq!(logged(words), [5, 6]);
    assert_eq!(
        call(&thread, catcher(m, ClauseKind::Catch(ty(1)), 9), &[]),
        Ok(9)
    );
    assert_eq!(thread.exceptions_in_flight(), 0);
}

#[test]
fn a_handler_around_the_finally_in_the_same_frame_discards_the_older() {
    let thread = attach();
    let (first, second) = (exception(1), exception(2));
    // try { try { throw first } finally { throw second } } catch (2) { 7 }
    let mut f = Fun::new(new_method());
    let finally = f.clause(ClauseKind::Finally);
    let outer = f.clause(ClauseKind::Catch(ty(2)));
    let (pad, outer_pad) = (f.label(), f.label());
    f.throw(first, 0, &[(finally, pad), (outer, outer_pad)]);
    f.bind(pad);
    f.throw(second, 0, &[(outer, outer_pad)]);
    f.bind(outer_pad);
    f.ret_imm(7);
    let m = f.define();
    assert_eq!(call(&thread, m, &[]), Ok(7));
    assert_eq!(thread.exceptions_in_flight(), 0);
}

#[test]
fn a_rethrow_notes_the_rethrowing_frame_once() {
    let thread = attach();
    let e = exception(1);
    let throws = thrower(e);
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::CatchAll);
    let pad = f.label();
    f.call(throws, 4, &[(clause, pad)]);
    f.bind(pad);
    f.a.mov(Width::W64, RDI, RAX);
    f.helper(Helper::Rethrow, 9, &[]);
    let again = f.define();
    let outer = catcher(again, ClauseKind::CatchAll, 1);
    assert_eq!(call(&thread, outer, &[]), Ok(1));
    assert_eq!(trace(e), [(throws, 7), (again, 9), (outer, 5)]);
}

#[test]
fn traces_name_inlined_methods() {
    let thread = attach();
    let e = exception(1);
    let (id, inner, innermost) = (new_method(), new_method(), new_method());
    let mut f = Fun::new(id);
    let one = f.inline(inner, (0, 11));
    let two = f.inline(innermost, (one, 22));
    f.a.mov_imm(Width::W64, RDI, e.addr() as i64);
    f.a.call_symbol(Symbol::Helper(Helper::Throw));
    f.site_in(two, 33, &[]);
    f.define();
    assert_eq!(call(&thread, id, &[]), Err(e));
    assert_eq!(trace(e), [(innermost, 33), (inner, 22), (id, 11)]);
}

#[test]
fn exceptions_cross_native_frames_through_invoke() {
    // managed -> C function -> invoke -> managed throws; caught by the outer managed method.
    use isthmus_runtime_abi::context::ThreadContext;
    extern "C" fn calls_back(method: usize, ctx: *mut ThreadContext) -> usize {
        // SAFETY: called by a transition stub.
        let thread = unsafe { isthmus_rt::thread::Thread::from_context(ctx) };
        let id = MethodId::from_raw(method as u32).unwrap();
        let sig = sig(&[], Some(isthmus_runtime_abi::types::MemTy::I64));
        // SAFETY: the method has this signature.
        match unsafe { thread.runtime().invoke_method(thread, id, &sig, &[]) } {
            Ok(words) => words[0] as usize,
            Err(thrown) => {
                thread.set_pending(thrown);
                0
            }
        }
    }
    let thread = attach();
    let e = exception(1);
    let throws = thrower(e);
    let native = new_method();
    let stub = isthmus_stubs::native::native_call(
        isthmus_runtime_abi::target::Arch::X64,
        Symbol::MethodBody(native),
        &sig(
            &[isthmus_runtime_abi::types::MemTy::I64],
            Some(isthmus_runtime_abi::types::MemTy::I64),
        ),
        address(calls_back as *const () as usize),
    )
    .unwrap();
    shared().bodies.lock().unwrap().insert(native, stub);
    let mut leaf = Fun::new(new_method());
    leaf.ret_imm(31);
    let fine = leaf.define();
    let through = |callee: MethodId| {
        let mut f = Fun::new(new_method());
        let clause = f.clause(ClauseKind::Catch(ty(1)));
        let pad = f.label();
        f.a.mov_imm(Width::W64, RDI, callee.raw().into());
        f.call(native, 2, &[(clause, pad)]);
        f.ret();
        f.bind(pad);
        f.ret_imm(64);
        f.define()
    };
    assert_eq!(call(&thread, through(fine), &[]), Ok(31));
    let outer = through(throws);
    assert_eq!(call(&thread, outer, &[]), Ok(64));
    assert_eq!(trace(e), [(throws, 7), (outer, 2)]);
    assert_eq!(thread.exceptions_in_flight(), 0);
}

/// `try { fault } catch (type) { return 1 }` with the handler at the trap site itself, as in baseline code; arguments rdi, rsi.
fn faulting(kind: TrapKind, caught: usize, fault: impl Fn(&mut Fun)) -> MethodId {
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Catch(ty(caught)));
    let pad = f.label();
    fault(&mut f);
    f.trap(kind, 12, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.ret_imm(1);
    f.define()
}

#[test]
fn null_faults_throw_at_their_instruction() {
    let thread = attach();
    let null = trap_type(TrapKind::NullReference);
    let load = |f: &mut Fun| f.a.load(Ext::Full64, RAX, Mem::new(RDI, 16));
    let here = faulting(TrapKind::NullReference, null, load);
    assert_eq!(call(&thread, here, &[0]), Ok(1));
    let word = [0u64, 0, 4711];
    assert_eq!(call(&thread, here, &[word.as_ptr() as u64]), Ok(4711));
    // No handler in the frame: in the caller, as in optimized code.
    let there = faulting(TrapKind::NullReference, 0, load);
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Catch(ty(null)));
    let pad = f.label();
    f.a.zero(RDI);
    f.call(there, 5, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.a.store(Width::W64, local(0), RAX);
    f.ret();
    let outer = f.define();
    let e = Ref::from_addr(call(&thread, outer, &[]).unwrap() as usize);
    assert_eq!(trace(e), [(there, 12), (outer, 5)]);
    // Stores fault alike; so do calls through a null `this`.
    let store = faulting(TrapKind::NullReference, null, |f| {
        f.a.store(Width::W32, Mem::new(RDI, 8), RSI)
    });
    assert_eq!(call(&thread, store, &[0, 0]), Ok(1));
}

#[test]
fn divisions_tell_zero_from_overflow() {
    let thread = attach();
    let divide = |caught: TrapKind, w: Width, signed: bool| {
        faulting(TrapKind::Division, trap_type(caught), move |f| {
            f.a.mov(Width::W64, RAX, RDI);
            f.a.zero(RDX);
            if signed {
                // Sign-extend the dividend by hand.
                let bits = if w == Width::W64 { 63 } else { 31 };
                f.a.mov(w, RDX, RAX);
                f.a.shift_imm(Shift::Sar, w, RDX, bits);
            }
            f.a.div(signed, w, RSI)
        })
    };
    let (zero, overflow) = (TrapKind::DivideByZero, TrapKind::Overflow);
    let by_zero = divide(zero, Width::W32, true);
    assert_eq!(call(&thread, by_zero, &[7, 0]), Ok(1));
    assert_eq!(call(&thread, by_zero, &[70, 7]), Ok(10));
    // The upper half of the divisor's register does not count.
    assert_eq!(call(&thread, by_zero, &[7, 1 << 32]), Ok(1));
    let min = i64::from(i32::MIN) as u64;
    let too_large = divide(overflow, Width::W32, true);
    assert_eq!(call(&thread, too_large, &[min, u64::MAX]), Ok(1));
    let too_large = divide(overflow, Width::W64, true);
    assert_eq!(
        call(&thread, too_large, &[i64::MIN as u64, u64::MAX]),
        Ok(1)
    );
    let by_zero = divide(zero, Width::W64, false);
    assert_eq!(call(&thread, by_zero, &[1, 0]), Ok(1));
}

#[test]
fn undefined_instructions_are_traps_of_their_record() {
    let thread = attach();
    let mut f = Fun::new(new_method());
    let kind = TrapKind::IndexOutOfRange;
    let clause = f.clause(ClauseKind::Catch(ty(trap_type(kind))));
    let pad = f.label();
    let at = f.a.offset();
    f.a.trap();
    f.trap(kind, 1, &[(clause, pad)]);
    f.bind(pad);
    f.ret_imm(3);
    let mut m = f.finish();
    m.traps[0].offset = at;
    let Symbol::MethodBody(id) = m.symbol else {
        unreachable!()
    };
    shared().bodies.lock().unwrap().insert(id, m);
    assert_eq!(call(&thread, id, &[]), Ok(3));
}

#[test]
fn null_receivers_of_interface_calls_fault_at_the_call() {
    let thread = attach();
    let interface = new_method();
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Catch(ty(trap_type(TrapKind::NullReference))));
    let pad = f.label();
    f.a.zero(RDI);
    f.a.call_symbol(Symbol::InterfaceStub(interface));
    f.site(6, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.ret();
    let m = f.define();
    let e = Ref::from_addr(call(&thread, m, &[]).unwrap() as usize);
    assert_eq!(trace(e), [(m, 6)]);
}

#[test]
fn helpers_throw_traps_and_raises() {
    let thread = attach();
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Catch(ty(trap_type(TrapKind::InvalidCast))));
    let pad = f.label();
    f.a.mov_imm(Width::W32, RDI, TrapKind::InvalidCast as i64);
    f.helper(Helper::ThrowTrap, 1, &[(clause, pad)]);
    f.bind(pad);
    f.a.mov_imm(Width::W32, RDI, RaiseId::from_index(44).raw().into());
    f.helper(Helper::ThrowRaise, 2, &[]);
    let m = f.define();
    let e = call(&thread, m, &[]).unwrap_err();
    assert_eq!(type_of(e), 2044);
    assert_eq!(trace(e), [(m, 2)]);
}

#[test]
fn generic_catches_read_the_context_from_the_frame() {
    let thread = attach();
    let e = exception(50);
    let throws = thrower(e);
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::CatchLookup(8));
    let pad = f.label();
    f.m.frame.rgctx_slot = Some(-24);
    f.a.store(Width::W64, local(2), RDI);
    f.call(throws, 0, &[(clause, pad)]);
    f.bind(pad);
    f.ret_imm(9);
    let m = f.define();
    assert_eq!(call(&thread, m, &[42]), Ok(9));
    assert_eq!(call(&thread, m, &[43]), Err(e));
}

#[test]
fn endless_recursion_overflows_the_stack_and_is_caught() {
    // A small stack, and the main thread's.
    let run = || {
        let thread = attach();
        let mut f = Fun::new(new_method());
        f.entry_check();
        let id = match f.m.symbol {
            Symbol::MethodBody(id) => id,
            _ => unreachable!(),
        };
        f.call(id, 1, &[]);
        f.ret();
        let forever = f.define();
        let kind = ClauseKind::Catch(ty(trap_type(TrapKind::StackOverflow)));
        let outer = catcher(forever, kind, 5);
        assert_eq!(call(&thread, outer, &[]), Ok(5));
        assert_eq!(call(&thread, outer, &[]), Ok(5));
    };
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
    run();
}

#[test]
fn exceptions_of_a_full_stack_run_managed_code_in_the_reserve() {
    let thread = attach();
    // The constructor of the exception.
    let mut f = Fun::new(new_method());
    f.entry_check();
    f.ret_imm(5);
    ON_TRAP.set(Some(f.define()));
    let id = new_method();
    let mut f = Fun::new(id);
    f.entry_check();
    f.call(id, 1, &[]);
    f.ret();
    f.define();
    // A filter runs on top of the full stack; here one that calls a method.
    let mut f = Fun::new(new_method());
    f.entry_check();
    f.ret_imm(1);
    let yes = f.define();
    let outer = new_method();
    let mut filter = Fun::with_symbol(Symbol::Filter(outer, 0), outer);
    filter.entry_check();
    filter.call(yes, 0, &[]);
    filter.ret();
    let mut f = Fun::new(outer);
    let clause = f.clause(ClauseKind::Filter(0));
    let pad = f.label();
    f.call(id, 5, &[(clause, pad)]);
    f.ret();
    f.bind(pad);
    f.ret_imm(55);
    f.m.filters.push(filter.finish());
    f.define();
    let limit = thread.stack_limit();
    for _ in 0..3 {
        assert_eq!(call(&thread, outer, &[]), Ok(55));
        assert_eq!(thread.stack_limit(), limit);
    }
    ON_TRAP.set(None);
}

#[test]
fn compiling_has_a_deep_stack_of_its_own_where_managed_code_runs_too() {
    /// Goes down until `bytes` of stack are used.
    fn use_stack(top: usize, bytes: usize) -> usize {
        let words = std::hint::black_box([top; 64]);
        match top - (&raw const words as usize) {
            used if used >= bytes => used,
            _ => use_stack(words[7], bytes) + words[8] - top,
        }
    }
    fn hook(thread: &isthmus_rt::thread::Thread) {
        // More than the thread's stack.
        let here = 0u8;
        assert!(use_stack(&raw const here as usize, 900 << 10) >= 900 << 10);
        let e = exception(8);
        let inner = catcher(middle(thrower(e)), ClauseKind::CatchAll, 6);
        assert_eq!(call(thread, inner, &[]), Ok(6));
        assert_eq!(trace(e).len(), 3);
        // Outwards, the walk finds the frames on the first stack.
        let frames = isthmus_rt::exception::stack_trace(thread, 100);
        assert_eq!(frames.len(), 1, "{frames:?}");
    }
    let run = || {
        let thread = attach();
        let (log, words) = data(8);
        let mut f = Fun::new(new_method());
        f.ret_imm(0);
        let slow = f.define();
        shared().hooks.lock().unwrap().insert(slow, hook);
        // try { throw } finally { slow(); 1 }: the record must survive what happens while `slow` is compiled.
        let e = exception(1);
        let mut f = Fun::new(new_method());
        let clause = f.clause(ClauseKind::Finally);
        let pad = f.label();
        f.throw(e, 0, &[(clause, pad)]);
        f.bind(pad);
        f.a.store(Width::W64, local(2), RAX);
        f.call(slow, 0, &[]);
        f.log(log, 1);
        f.a.load(Ext::Full64, RDI, local(2));
        f.helper(Helper::Resume, 0, &[]);
        let m = f.define();
        assert_eq!(call(&thread, m, &[]), Err(e));
        assert_eq!(logged(words), [1]);
        assert_eq!(thread.exceptions_in_flight(), 0);
    };
    let small = std::thread::Builder::new().stack_size(768 << 10);
    small.spawn(run).unwrap().join().unwrap();
}

#[test]
fn exceptions_are_thrown_on_many_threads_at_once() {
    let e = exception(1);
    let outer = catcher(middle(middle(thrower(e))), ClauseKind::CatchAll, 3);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let thread = attach();
                for _ in 0..2_000 {
                    assert_eq!(call(&thread, outer, &[]), Ok(3));
                }
            });
        }
    });
}
