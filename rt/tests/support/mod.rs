//! A VM whose methods are assembled by hand, for tests of the runtime alone.
//!
//! Exceptions are objects outside any heap: an address and, at it, a type number. Methods log numbers
//! into a buffer of their thread's test.
#![allow(dead_code)]

use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_linker::Config as CodeConfig;
use isthmus_rt::gc::HeapOptions;
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::runtime::{Config, Runtime};
use isthmus_rt::thread::{Attachment, Thread};
use isthmus_rt::vm::{GenericContextOf, SlotTarget, TraceFrame, UnboxContext, Vm};
use isthmus_runtime_abi::artifact::{
    CallSite, Clause, ClauseKind, CompiledMethod, Handler, InlineNode, SourcePos, Tier, TrapSite,
};
use isthmus_runtime_abi::callconv::{AbiSig, Layouts};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, RaiseId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::{MemTy, Signature, StructLayout};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

type Notes = HashMap<usize, Vec<TraceFrame>>;
type Hook = fn(&Thread);
type Targets = HashMap<(usize, u32), SlotTarget>;

#[derive(Default)]
pub struct Shared {
    pub bodies: Mutex<HashMap<MethodId, CompiledMethod>>,
    pub compiled: Mutex<HashMap<MethodId, u32>>,
    /// (vtable, virtual slot) and (vtable, raw id of the interface method).
    pub virtuals: Mutex<Targets>,
    pub interfaces: Mutex<Targets>,
    pub alone: Mutex<HashSet<(usize, u32)>>,
    pub traces: Mutex<Notes>,
    /// What to do when a method is compiled.
    pub hooks: Mutex<HashMap<MethodId, Hook>>,
    next_method: AtomicUsize,
    next_data: AtomicUsize,
    data: Mutex<HashMap<u32, usize>>,
}

pub fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(Shared::default)
}

/// Set before the first use of [`runtime`] by tests that need a heap.
pub static HEAP: OnceLock<HeapOptions> = OnceLock::new();

pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<&'static Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let config = Config {
            code: CodeConfig::default(),
            heap: HEAP.get().cloned(),
            ..Config::default()
        };
        Runtime::new(config, Box::new(TestVm)).unwrap()
    })
}

pub fn attach() -> Attachment {
    runtime().attach().unwrap()
}

pub fn new_method() -> MethodId {
    MethodId::from_index(shared().next_method.fetch_add(1, Ordering::Relaxed))
}

/// A new exception object of this type.
pub fn exception(ty: usize) -> Ref {
    let object: &'static mut [usize; 2] = Box::leak(Box::new([ty, 0]));
    Ref::from_addr(object.as_ptr() as usize)
}

/// Type number of an exception.
pub fn type_of(exception: Ref) -> usize {
    // SAFETY: exceptions of these tests are made by `exception` and live forever.
    unsafe { *(exception.addr() as *const usize) }
}

/// Exceptions of traps have types from here on.
pub const TRAP: usize = 1000;

pub fn trap_type(kind: TrapKind) -> usize {
    TRAP + kind as usize
}

/// A catch clause's type id for exceptions of this type number.
pub fn ty(number: usize) -> TypeId {
    TypeId::from_index(number)
}

/// A word buffer known to code by a symbol.
pub fn data(words: usize) -> (Symbol, &'static [AtomicUsize]) {
    let buffer: &'static [AtomicUsize] = (0..words)
        .map(|_| AtomicUsize::new(0))
        .collect::<Vec<_>>()
        .leak();
    let number = shared().next_data.fetch_add(1, Ordering::Relaxed) as u32;
    let addr = buffer.as_ptr() as usize;
    shared().data.lock().unwrap().insert(number, addr);
    (Symbol::VmData(number), buffer)
}

/// A symbol with any address.
pub fn address(addr: usize) -> Symbol {
    let number = shared().next_data.fetch_add(1, Ordering::Relaxed) as u32;
    shared().data.lock().unwrap().insert(number, addr);
    Symbol::VmData(number)
}

/// Numbers logged so far.
pub fn logged(log: &[AtomicUsize]) -> Vec<usize> {
    let count = log[0].load(Ordering::Relaxed);
    log[1..=count]
        .iter()
        .map(|w| w.load(Ordering::Relaxed))
        .collect()
}

pub fn clear(log: &[AtomicUsize]) {
    log[0].store(0, Ordering::Relaxed);
}

thread_local! {
    /// A method that is run whenever a trap's exception is made; returns 5.
    pub static ON_TRAP: Cell<Option<MethodId>> = const { Cell::new(None) };
}

pub struct TestVm;

macro_rules! unused {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {
        $(fn $name(&self, _thread: &Thread $(, $arg: $ty)*) -> Result<$ret, Thrown> {
            $(let _ = $arg;)*
            unreachable!(concat!("helper ", stringify!($name)))
        })*
    };
}

impl Vm for TestVm {
    fn compile(&self, thread: &Thread, method: MethodId) -> Result<CompiledMethod, Thrown> {
        *shared().compiled.lock().unwrap().entry(method).or_default() += 1;
        let hook = shared().hooks.lock().unwrap().get(&method).copied();
        if let Some(hook) = hook {
            hook(thread);
        }
        match shared().bodies.lock().unwrap().get(&method) {
            Some(body) => Ok(body.clone()),
            None => Err(Thrown::new(
                self.trap_exception(thread, TrapKind::InvalidProgram),
            )),
        }
    }
    fn vtable_slot(&self, _: &Thread, vtable: usize, slot: u32) -> Result<SlotTarget, Thrown> {
        Ok(shared().virtuals.lock().unwrap()[&(vtable, slot)])
    }
    fn interface_method(
        &self,
        _: &Thread,
        vtable: usize,
        method: MethodId,
    ) -> Result<SlotTarget, Thrown> {
        Ok(shared().interfaces.lock().unwrap()[&(vtable, method.raw())])
    }
    fn is_alone_in_imt_slot(&self, vtable: usize, method: MethodId) -> bool {
        shared()
            .alone
            .lock()
            .unwrap()
            .contains(&(vtable, method.raw()))
    }
    fn symbol(&self, symbol: Symbol) -> Option<usize> {
        match symbol {
            Symbol::VmData(n) => shared().data.lock().unwrap().get(&n).copied(),
            _ => None,
        }
    }
    fn method_name(&self, method: MethodId) -> String {
        method.to_string()
    }
    fn catches(&self, ty: TypeId, exception: Ref) -> bool {
        ty.index() == type_of(exception)
    }
    fn catches_lookup(&self, context: GenericContextOf, slot: u32, exception: Ref) -> bool {
        matches!(context, GenericContextOf::Context(c) if c + slot as usize == type_of(exception))
    }
    fn trap_exception(&self, thread: &Thread, kind: TrapKind) -> Ref {
        if let Some(constructor) = ON_TRAP.get() {
            assert_eq!(call(thread, constructor, &[]), Ok(5));
        }
        exception(trap_type(kind))
    }
    fn raise_exception(&self, _: &Thread, raise: RaiseId) -> Ref {
        exception(2000 + raise.index())
    }
    fn note_trace(&self, _: &Thread, exception: Ref, forget: usize, frames: &[TraceFrame]) {
        let mut traces = shared().traces.lock().unwrap();
        let trace = traces.entry(exception.addr()).or_default();
        trace.truncate(trace.len().saturating_sub(forget));
        trace.extend_from_slice(frames);
    }
    fn is_instance(&self, _: Ref, _: usize) -> bool {
        false
    }
    fn copy_value(&self, _: usize, _: usize, _: usize) {}
    unused! {
        class_init(a: usize) -> ();
        thread_statics(a: usize) -> usize;
    }
}

pub fn unbox_none() -> UnboxContext {
    UnboxContext::None
}

/// A method under construction. The frame has `LOCALS` bytes below FP.
pub struct Fun {
    pub a: X64Asm,
    pub m: CompiledMethod,
    /// (clause, landing label) lists to be filled in when labels are bound.
    sites: Vec<(Site, Vec<(u32, Label)>)>,
}

enum Site {
    Call(CallSite),
    Trap(TrapSite),
}

pub const LOCALS: u32 = 64;

impl Fun {
    pub fn new(id: MethodId) -> Fun {
        Self::with_symbol(Symbol::MethodBody(id), id)
    }

    pub fn with_symbol(symbol: Symbol, id: MethodId) -> Fun {
        let mut fun = Fun {
            a: X64Asm::default(),
            m: CompiledMethod::new(symbol, id, Arch::X64, Tier::Baseline),
            sites: vec![],
        };
        fun.a.push(RBP);
        fun.a.mov(Width::W64, RBP, RSP);
        fun.a.alu(Alu::Sub, Width::W64, RSP, LOCALS as i32);
        fun.m.frame.size = LOCALS;
        fun.m.frame.prologue_end = fun.a.offset();
        fun
    }

    pub fn clause(&mut self, kind: ClauseKind) -> u32 {
        self.m.clauses.push(Clause { kind, node: 0 });
        self.m.clauses.len() as u32 - 1
    }

    pub fn label(&mut self) -> Label {
        self.a.new_label()
    }

    pub fn bind(&mut self, label: Label) {
        self.a.bind(label);
    }

    fn position(&mut self, node: u32, il: u32) -> u32 {
        self.m.positions.push(SourcePos { node, il });
        self.m.positions.len() as u32 - 1
    }

    pub fn inline(&mut self, method: MethodId, parent: (u32, u32)) -> u32 {
        self.m.inline_tree.push(InlineNode {
            method,
            parent: Some(parent),
        });
        self.m.inline_tree.len() as u32 - 1
    }

    /// Records the call that was just assembled.
    pub fn site(&mut self, il: u32, handlers: &[(u32, Label)]) {
        self.site_in(0, il, handlers);
    }

    pub fn site_in(&mut self, node: u32, il: u32, handlers: &[(u32, Label)]) {
        let site = CallSite {
            ret: self.a.offset(),
            pos: self.position(node, il),
            handlers: Default::default(),
        };
        self.sites.push((Site::Call(site), handlers.to_vec()));
    }

    /// Records the access or division that was just assembled.
    pub fn trap(&mut self, kind: TrapKind, il: u32, handlers: &[(u32, Label)]) {
        let site = TrapSite {
            offset: self.a.last_access(),
            kind,
            pos: self.position(0, il),
            handlers: Default::default(),
        };
        self.sites.push((Site::Trap(site), handlers.to_vec()));
    }

    pub fn call(&mut self, callee: MethodId, il: u32, handlers: &[(u32, Label)]) {
        self.a.call_cell(Symbol::MethodCell(callee));
        self.site(il, handlers);
    }

    pub fn helper(&mut self, helper: Helper, il: u32, handlers: &[(u32, Label)]) {
        self.a.call_symbol(Symbol::Helper(helper));
        self.site(il, handlers);
    }

    /// Throws the exception object.
    pub fn throw(&mut self, exception: Ref, il: u32, handlers: &[(u32, Label)]) {
        self.a.mov_imm(Width::W64, RDI, exception.addr() as i64);
        self.helper(Helper::Throw, il, handlers);
    }

    pub fn entry_check(&mut self) {
        let (slow, back) = (self.label(), self.label());
        let limit = Mem::new(R15, CtxWord::StackLimit.offset(8) as i32);
        self.a.cmp(Width::W64, RSP, limit);
        self.a.jcc(Cond::Above, back);
        self.bind(slow);
        self.helper(Helper::EntryCheck, 0, &[]);
        self.bind(back);
    }

    pub fn poll(&mut self, il: u32) {
        let page = Mem::new(R15, CtxWord::PollPage.offset(8) as i32);
        self.a.load(Ext::Full64, RAX, page);
        self.a.load(Ext::Zx32, RAX, Mem::new(RAX, 0));
        self.trap(TrapKind::Poll, il, &[]);
    }

    /// Appends a number to a log. Changes rax and rcx.
    pub fn log(&mut self, log: Symbol, number: i32) {
        self.a.load_symbol(RAX, log);
        self.a.load(Ext::Full64, RCX, Mem::new(RAX, 0));
        self.a.alu(Alu::Add, Width::W64, RCX, 1);
        self.a.store(Width::W64, Mem::new(RAX, 0), RCX);
        self.a
            .store_imm(Width::W64, Mem::indexed(RAX, RCX, Scale::S8, 0), number);
    }

    pub fn ret(&mut self) {
        self.a.mov(Width::W64, RSP, RBP);
        self.a.pop(RBP);
        self.a.ret(0);
    }

    pub fn ret_imm(&mut self, value: i32) {
        self.a.mov_imm(Width::W64, RAX, value.into());
        self.ret();
    }

    /// A finally pad: logs, then goes on with the exception.
    pub fn finally_pad(&mut self, pad: Label, log: Symbol, number: i32, outer: &[(u32, Label)]) {
        self.bind(pad);
        self.a.store(Width::W64, local(0), RAX);
        self.log(log, number);
        self.a.load(Ext::Full64, RDI, local(0));
        self.helper(Helper::Resume, 99, outer);
    }

    pub fn finish(mut self) -> CompiledMethod {
        for (site, handlers) in self.sites {
            let handlers = handlers
                .iter()
                .map(|&(clause, label)| Handler {
                    clause,
                    landing: self.a.label_offset(label).expect("bound landing pad"),
                })
                .collect();
            match site {
                Site::Call(site) => self.m.call_sites.push(CallSite { handlers, ..site }),
                Site::Trap(site) => self.m.traps.push(TrapSite { handlers, ..site }),
            }
        }
        self.m.call_sites.sort_by_key(|s| s.ret);
        self.m.traps.sort_by_key(|s| s.offset);
        let done = self.a.finish().unwrap();
        self.m.code = done.code;
        self.m.relocs = done.relocs;
        self.m
    }

    /// Finishes and makes it the method's body.
    pub fn define(self) -> MethodId {
        let m = self.finish();
        let Symbol::MethodBody(id) = m.symbol else {
            panic!("not a method")
        };
        shared().bodies.lock().unwrap().insert(id, m);
        id
    }
}

/// A word of the frame.
pub fn local(index: i32) -> Mem {
    Mem::new(RBP, -8 * (index + 1))
}

/// A method that throws an exception of this type at IL offset 7.
pub fn thrower(exception: Ref) -> MethodId {
    let mut f = Fun::new(new_method());
    f.throw(exception, 7, &[]);
    f.define()
}

struct NoLayouts;
impl Layouts for NoLayouts {
    fn struct_layout(&self, _: TypeId) -> Arc<StructLayout> {
        unreachable!("no structs here")
    }
}

pub fn sig(params: &[MemTy], ret: Option<MemTy>) -> AbiSig {
    let sig = Signature {
        params: params.iter().copied().collect(),
        ret,
        ..Default::default()
    };
    AbiSig::new(&sig, Arch::X64, &NoLayouts)
}

/// Calls a method of native integers.
pub fn call(thread: &Thread, method: MethodId, args: &[u64]) -> Result<u64, Ref> {
    let sig = sig(&vec![MemTy::I64; args.len()], Some(MemTy::I64));
    // SAFETY: test methods take and return words.
    unsafe { runtime().invoke_method(thread, method, &sig, args) }
        .map(|results| results[0])
        .map_err(|thrown| thrown.exception)
}
