//! Code memory, symbols, a thread context, and runtime functions that spoil every register and hidden slot they may.

use isthmus_linker::{CodeMemory, Config, LinkError};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_stubs::RuntimeEntries;
use isthmus_stubs::entry::{InvokeArgs, InvokeFn, PREVIOUS_TRANSITION};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What the runtime was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    Compile(u32),
    VtableSlot { this: usize, slot: u32 },
    ImtSlot { this: usize, key: u64, slot: u32 },
    Throw,
    Fault { pc: usize },
    EntryCheck,
    ForeignEnter,
    ForeignLeave,
    ForeignError,
}

/// Where a call site continues when its call throws.
#[derive(Clone, Copy, Debug)]
pub struct Catch {
    pub landing: usize,
    pub frame_size: usize,
}

pub struct World {
    pub memory: CodeMemory,
    pub ctx: Box<ThreadContext>,
    pub symbols: RefCell<HashMap<Symbol, u64>>,
    pub artifacts: RefCell<HashMap<Symbol, CompiledMethod>>,
    /// What `compile`, `vtable_slot` and `imt_slot` answer.
    pub answer: Cell<usize>,
    /// Whether they fail instead.
    pub fail: Cell<bool>,
    /// Called by `compile` before it answers.
    pub nested: RefCell<Option<Nested>>,
    pub log: RefCell<Vec<Event>>,
    /// By return address.
    pub catches: RefCell<HashMap<usize, Catch>>,
    /// Return addresses that the driver passed.
    pub walked: RefCell<Vec<usize>>,
    pub vtable: usize,
    next_method: Cell<usize>,
    pub invoke_site: Cell<usize>,
    /// The transition beneath the newest entry, as the driver found it in the entry's frame.
    pub beneath: Cell<usize>,
}

/// Work that the runtime does before it answers.
pub type Nested = Box<dyn Fn(&World)>;

const VTABLE_SLOTS: u32 = 64;
pub const PAYLOAD: [usize; 2] = [0x1111_2222, 0x3333_4444];

impl World {
    pub fn new() -> Box<World> {
        let config = Config {
            code: 64 << 20,
            data: 16 << 20,
        };
        let size = layout::vtable_size(VTABLE_SLOTS, 8) as usize;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let rw = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping, never unmapped.
        let vtable = unsafe { libc::mmap(std::ptr::null_mut(), size, rw, flags, -1, 0) };
        assert_ne!(vtable, libc::MAP_FAILED);
        let world = Box::new(World {
            memory: CodeMemory::new(config).unwrap(),
            ctx: Box::default(),
            symbols: RefCell::default(),
            artifacts: RefCell::default(),
            answer: Cell::new(0),
            fail: Cell::new(false),
            nested: RefCell::new(None),
            log: RefCell::default(),
            catches: RefCell::default(),
            walked: RefCell::default(),
            vtable: vtable as usize,
            next_method: Cell::new(0),
            invoke_site: Cell::new(0),
            beneath: Cell::new(0),
        });
        let this = &raw const *world;
        world.ctx.vm_thread.store(this as usize, Relaxed);
        let entries =
            RuntimeEntries::new(compile, vtable_slot, imt_slot, throw, fault, entry_check)
                .with_foreign(foreign_enter, foreign_leave, foreign_error);
        for &f in isthmus_runtime_abi::stub::RuntimeFn::ALL {
            let checked = crate::code::aligned(entries.address(f));
            let checked = world.link(&checked);
            world.define(Symbol::Runtime(f), checked);
        }
        for stub in isthmus_stubs::common(Arch::X64).unwrap() {
            if let Symbol::Helper(h) = stub.symbol {
                // Tests of helpers define what they need.
                world.define(Symbol::HelperFn(h), abort as *const () as usize);
            }
            world.add(&stub);
        }
        let invoke = world.artifacts.borrow()[&Symbol::Stub(Stub::Invoke)].clone();
        let base = world.address(invoke.symbol);
        let site = &invoke.call_sites[0];
        world.invoke_site.set(base + site.ret as usize);
        world.catches.borrow_mut().insert(
            base + site.ret as usize,
            Catch {
                landing: base + site.handlers[0].landing as usize,
                frame_size: invoke.frame.size as usize,
            },
        );
        world
    }

    pub fn method(&self) -> MethodId {
        self.next_method.set(self.next_method.get() + 1);
        MethodId::from_index(self.next_method.get())
    }

    pub fn define(&self, symbol: Symbol, address: usize) {
        self.symbols.borrow_mut().insert(symbol, address as u64);
    }

    pub fn address(&self, symbol: Symbol) -> usize {
        self.symbols.borrow()[&symbol] as usize
    }

    pub fn link(&self, method: &CompiledMethod) -> usize {
        let resolve = |symbol| {
            let known = self.symbols.borrow().get(&symbol).copied();
            known.ok_or(LinkError::Unresolved {
                symbol,
                reason: "not defined".into(),
            })
        };
        self.memory.link(method, &resolve).unwrap().base
    }

    /// Links and defines the symbol.
    pub fn add(&self, method: &CompiledMethod) -> usize {
        let base = self.link(method);
        self.define(method.symbol, base);
        self.artifacts
            .borrow_mut()
            .insert(method.symbol, method.clone());
        base
    }

    /// A method's cell with this content.
    pub fn cell(&self, method: MethodId, code: usize) -> &AtomicUsize {
        self.word(Symbol::MethodCell(method), code)
    }

    /// A word of code memory's data with this name and content.
    pub fn word(&self, name: Symbol, content: usize) -> &AtomicUsize {
        let address = self.memory.alloc_data(1).unwrap();
        self.define(name, address);
        // SAFETY: a word of code memory's data, never freed here.
        let word = unsafe { &*std::ptr::with_exposed_provenance::<AtomicUsize>(address) };
        word.store(content, Relaxed);
        word
    }

    /// A word of the vtable.
    pub fn vtable_word(&self, offset: u32) -> &AtomicUsize {
        let address = self.vtable + offset as usize;
        // SAFETY: a word of the vtable's mapping.
        unsafe { &*std::ptr::with_exposed_provenance::<AtomicUsize>(address) }
    }

    /// An object with the vtable.
    pub fn object(&self) -> Box<[usize; 4]> {
        Box::new([self.vtable, 0, 0, 0])
    }

    /// Calls managed code. The status is 0 or 1.
    pub fn invoke(&self, code: usize, args: &mut InvokeArgs) -> usize {
        let before = self.ctx.transition_fp.load(Relaxed);
        // SAFETY: the entry stub was made for this type; `code` and `args` are the test's.
        let status = unsafe {
            let invoke: InvokeFn = std::mem::transmute(self.address(Symbol::Stub(Stub::Invoke)));
            invoke((&raw const *self.ctx).cast_mut(), code, args)
        };
        assert_eq!(self.ctx.transition_fp.load(Relaxed), before);
        status
    }

    pub fn take_log(&self) -> Vec<Event> {
        std::mem::take(&mut *self.log.borrow_mut())
    }

    /// The C side of every runtime function: the transition must be visible.
    fn entered(ctx: *mut ThreadContext, event: Event) -> &'static World {
        // SAFETY: stubs pass the context of the test's world, which outlives the call.
        let world = unsafe {
            let ctx = &*ctx;
            &*std::ptr::with_exposed_provenance::<World>(ctx.vm_thread.load(Relaxed))
        };
        let fp = world.ctx.transition_fp.load(Relaxed);
        assert_ne!(fp, 0, "no transition frame");
        let ret = read(fp + 8);
        let fault = matches!(event, Event::Fault { pc } if pc != 0);
        assert!(fault || world.memory.code_range().contains(&ret));
        world.log.borrow_mut().push(event);
        world
    }

    fn answered(&self) -> usize {
        if let Some(nested) = &*self.nested.borrow() {
            nested(self);
        }
        if self.fail.get() {
            self.ctx.pending.store(1, Relaxed);
        }
        let answer = self.answer.get();
        spoil(&self.ctx);
        answer
    }

    /// The exception driver of the tests: to the nearest catching call site up the stack.
    fn drive(&self) {
        self.ctx.pending.store(0, Relaxed);
        let mut fp = self.ctx.transition_fp.load(Relaxed);
        loop {
            let ret = read(fp + 8);
            fp = read(fp);
            self.walked.borrow_mut().push(ret);
            if ret == self.invoke_site.get() {
                let beneath = fp.wrapping_add_signed(PREVIOUS_TRANSITION as isize);
                self.beneath.set(read(beneath));
            }
            if let Some(catch) = self.catches.borrow().get(&ret) {
                self.ctx.resume_pc.store(catch.landing, Relaxed);
                self.ctx.resume_sp.store(fp - catch.frame_size, Relaxed);
                self.ctx.resume_fp.store(fp, Relaxed);
                self.ctx.payload0.store(PAYLOAD[0], Relaxed);
                self.ctx.payload1.store(PAYLOAD[1], Relaxed);
                break;
            }
        }
        spoil(&self.ctx);
    }
}

/// A word of the stack.
pub fn read(address: usize) -> usize {
    // SAFETY: tests pass addresses within live frames.
    unsafe { std::ptr::with_exposed_provenance::<usize>(address).read() }
}

/// Changes everything that a C function may change, and the hidden arguments too.
pub fn spoil(ctx: &ThreadContext) {
    ctx.hidden_rgctx.store(0xbad0, Relaxed);
    ctx.hidden_varargs.store(0xbad1, Relaxed);
    // SAFETY: changes only registers that are declared as changed.
    unsafe {
        std::arch::asm!(
            "mov rcx, rax", "mov rdx, rax", "mov rsi, rax", "mov rdi, rax",
            "mov r8, rax", "mov r9, rax", "mov r10, rax", "mov r11, rax",
            "movq xmm0, rax", "movq xmm1, rax", "movq xmm2, rax", "movq xmm3, rax",
            "movq xmm4, rax", "movq xmm5, rax", "movq xmm6, rax", "movq xmm7, rax",
            "movq xmm8, rax", "movq xmm9, rax", "movq xmm10, rax", "movq xmm11, rax",
            "movq xmm12, rax", "movq xmm13, rax", "movq xmm14, rax", "movq xmm15, rax",
            inout("rax") 0xbad_bad_badusize => _,
            clobber_abi("C"),
        );
    }
}

extern "C" fn abort() {
    panic!("a helper without a function was called");
}

unsafe extern "C" fn compile(ctx: *mut ThreadContext, method: u32) -> usize {
    World::entered(ctx, Event::Compile(method)).answered()
}

unsafe extern "C" fn vtable_slot(ctx: *mut ThreadContext, this: usize, slot: u32) -> usize {
    World::entered(ctx, Event::VtableSlot { this, slot }).answered()
}

unsafe extern "C" fn imt_slot(ctx: *mut ThreadContext, this: usize, key: u64, slot: u32) -> usize {
    World::entered(ctx, Event::ImtSlot { this, key, slot }).answered()
}

unsafe extern "C" fn throw(ctx: *mut ThreadContext) {
    World::entered(ctx, Event::Throw).drive();
}

unsafe extern "C" fn fault(ctx: *mut ThreadContext) {
    // SAFETY: as in `World::entered`.
    let pc = unsafe { &*ctx }.fault_pc.load(Relaxed);
    World::entered(ctx, Event::Fault { pc }).drive();
}

unsafe extern "C" fn entry_check(ctx: *mut ThreadContext) {
    World::entered(ctx, Event::EntryCheck).answered();
}

unsafe extern "C" fn foreign_enter(ctx: *mut ThreadContext) {
    World::entered(ctx, Event::ForeignEnter).answered();
}

unsafe extern "C" fn foreign_leave(ctx: *mut ThreadContext) {
    World::entered(ctx, Event::ForeignLeave).answered();
}

unsafe extern "C" fn foreign_error(ctx: *mut ThreadContext) {
    World::entered(ctx, Event::ForeignError).answered();
}
