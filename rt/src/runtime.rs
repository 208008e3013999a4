//! The runtime of a process: code, stubs, methods, threads, heap, and the VM they serve.
//!
//! A [`Runtime`] lives until the process ends: compiled code, signal handlers and other threads refer to it.

use crate::dispatch::{self, ImtTables};
use crate::exception;
use crate::gc::{Heap, HeapError, HeapOptions};
use crate::helpers;
use crate::methods::{MethodRecord, Methods};
use crate::perf::PerfMap;
use crate::registry::{Code, CodeMap, RegisterError};
use crate::safepoint::Safepoints;
use crate::stub_counts::StubCounts;
use crate::tiers::{self, Tiering, Tiers};
use crate::transition;
use crate::traps;
use crate::vm::{UnboxContext, Vm};
use crate::vtables::LowArena;
use isthmus_linker::{CodeMemory, Config as CodeConfig, LinkError, LinkedCode};
use isthmus_runtime_abi::artifact::{CompiledMethod, Tier};
use isthmus_runtime_abi::helpers::Effects;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{self, IMT_SLOTS};
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::InterfaceSlot;
use isthmus_stubs::{RuntimeEntries, StubError, dispatch as stubs};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use thiserror::Error;

const WORD: u32 = size_of::<usize>() as u32;
/// Data words of a method: its cell and its counter, which is 8 bytes and aligned to them; where prestubs count, the word for code of
/// images besides.
const CELL_WORDS: usize = 2 * size_of::<u64>() / size_of::<usize>();

/// What can be chosen about a runtime.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Sizes of code memory.
    pub code: CodeConfig,
    /// The heap; `None`: there is none (for tests of code alone).
    pub heap: Option<HeapOptions>,
    /// When methods go from baseline to optimized code; `None`: never.
    pub tiering: Option<Tiering>,
    /// Write `/tmp/perf-PID.map`, where profilers look for the names of code.
    pub perf_map: bool,
}

/// Why a runtime cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No stubs, or no runtime, for this machine.
    #[error("this architecture is not supported")]
    Arch,
    /// Stubs could not be made or linked.
    #[error("cannot make the runtime's stubs: {0}")]
    Stubs(#[from] InstallError),
    /// The operating system refused memory or handlers.
    #[error("cannot start the runtime: {0}")]
    System(#[from] std::io::Error),
    /// No heap.
    #[error(transparent)]
    Heap(#[from] HeapError),
}

/// Why code cannot be installed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// It cannot be linked.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It cannot be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A stub cannot be made.
    #[error(transparent)]
    Stub(#[from] StubError),
    /// It is not the code of a method.
    #[error("{0:?} is not the code of a method")]
    NoMethod(Symbol),
}

impl InstallError {
    /// The symbol that has no address, if that is what is wrong.
    pub fn symbol(&self) -> Option<Symbol> {
        match self {
            InstallError::Link(LinkError::Unresolved { symbol, .. }) => Some(*symbol),
            _ => None,
        }
    }
}

/// Addresses of the stubs that the runtime itself goes to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StubAddresses {
    pub(crate) invoke: usize,
    pub(crate) fault: usize,
    pub(crate) stub_fault: usize,
}

/// Events, counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) exceptions: AtomicU64,
    pub(crate) faults: AtomicU64,
}

/// What happened so far, for statistics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Exceptions thrown or rethrown.
    pub exceptions: u64,
    /// Those of them that were faults of compiled code.
    pub faults: u64,
    /// Pieces of code registered.
    pub code: usize,
    /// Bytes of code memory in use, stubs included.
    pub code_bytes: usize,
}

/// A runtime.
pub struct Runtime {
    vm: Box<dyn Vm>,
    arch: Arch,
    memory: CodeMemory,
    code: CodeMap,
    methods: Methods,
    safepoints: Safepoints,
    entries: RuntimeEntries,
    stubs: StubAddresses,
    /// Stubs that exist, by their symbol.
    made: Mutex<FxHashMap<Symbol, usize>>,
    /// Methods by the address of their entry stub.
    methods_by_entry: Mutex<FxHashMap<usize, MethodId>>,
    pub(crate) imt: Mutex<ImtTables>,
    low: LowArena,
    removals: AtomicU32,
    tiering: Option<Tiering>,
    tiers: Tiers,
    perf: Option<PerfMap>,
    pub(crate) counters: Counters,
    stub_counts: StubCounts,
    heap: OnceLock<&'static Heap>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("code", &self.code.len())
            .field("used", &self.memory.used())
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Starts a runtime for a VM. It is never freed.
    pub fn new(config: Config, vm: Box<dyn Vm>) -> Result<&'static Runtime, StartError> {
        let arch = Arch::host().ok_or(StartError::Arch)?;
        let memory = CodeMemory::new(config.code).map_err(InstallError::from)?;
        let mut runtime = Runtime {
            vm,
            arch,
            code: CodeMap::new(memory.code_range())?,
            memory,
            methods: Methods::new()?,
            safepoints: Safepoints::default(),
            entries: RuntimeEntries::new(
                dispatch::compile,
                dispatch::vtable_slot,
                dispatch::imt_slot,
                exception::throw_pending,
                exception::fault,
                helpers::entry_check,
            )
            .with_foreign(
                transition::foreign_enter,
                transition::foreign_leave,
                transition::foreign_error,
            ),
            stubs: StubAddresses::default(),
            made: Mutex::default(),
            methods_by_entry: Mutex::default(),
            imt: Mutex::default(),
            low: LowArena::new()?,
            removals: AtomicU32::new(0),
            tiering: config.tiering,
            tiers: Tiers::default(),
            perf: config.perf_map.then(PerfMap::create).transpose()?,
            counters: Counters::default(),
            stub_counts: StubCounts::default(),
            heap: OnceLock::new(),
        };
        for stub in isthmus_stubs::common(arch).map_err(InstallError::from)? {
            runtime.install_stub(&stub)?;
        }
        let stub = |s| {
            runtime
                .made
                .lock()
                .get(&Symbol::Stub(s))
                .copied()
                .unwrap_or(0)
        };
        runtime.stubs = StubAddresses {
            invoke: stub(Stub::Invoke),
            fault: stub(Stub::Fault),
            stub_fault: stub(Stub::StubFault),
        };
        traps::install()?;
        let runtime: &'static Runtime = Box::leak(Box::new(runtime));
        if let Some(options) = config.heap {
            runtime.start_heap(options)?;
        }
        Ok(runtime)
    }

    /// The VM.
    pub fn vm(&self) -> &dyn Vm {
        &*self.vm
    }

    /// Architecture of the code.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// Where code lies.
    pub fn code_memory(&self) -> &CodeMemory {
        &self.memory
    }

    /// Which code is at an address.
    pub fn code_map(&self) -> &CodeMap {
        &self.code
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        Counts {
            exceptions: self.counters.exceptions.load(Ordering::Relaxed),
            faults: self.counters.faults.load(Ordering::Relaxed),
            code: self.code.len(),
            code_bytes: self.memory.used().0,
        }
    }

    /// The threads.
    pub fn safepoints(&self) -> &Safepoints {
        &self.safepoints
    }

    /// When methods are optimized, if that is up to the runtime.
    pub fn tiering(&self) -> Option<&Tiering> {
        self.tiering.as_ref()
    }

    pub(crate) fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    pub(crate) fn stub_addresses(&self) -> &StubAddresses {
        &self.stubs
    }

    /// Number of times that code was removed.
    pub(crate) fn removals(&self) -> u32 {
        self.removals.load(Ordering::Acquire)
    }

    /// How many stubs were made of each kind of which there are some.
    pub fn stub_counts(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.stub_counts.all()
    }

    // ---- methods and their code

    /// A method's record.
    pub fn method(&self, id: MethodId) -> &MethodRecord {
        let made = self.methods.get_or_make(id, || self.make_record(id));
        match self.made(made) {
            Some(record) => record,
            None => crate::internal_error("too many methods"),
        }
    }

    fn make_record(&self, id: MethodId) -> Result<MethodRecord, InstallError> {
        let weights = self.tiering.as_ref().map(Tiering::weights);
        let words = CELL_WORDS + usize::from(weights.is_some());
        let cell = self.memory.alloc_data(words)?;
        let counter = (cell + WORD as usize).next_multiple_of(size_of::<u64>());
        let image_word = weights.map(|_| counter + size_of::<u64>());
        let stub = match weights {
            Some(weights) => stubs::counting_prestub(self.arch, id, weights.image_call)?,
            None => stubs::prestub(self.arch, id)?,
        };
        let own = |symbol| match symbol {
            Symbol::MethodCounter(_) => Ok(counter as u64),
            Symbol::MethodImage(_) => Ok(image_word.unwrap_or_default() as u64),
            other => self.resolve(other),
        };
        let prestub = self.link_with(&stub, &own)?.base;
        let budget = weights.map_or(0, |w| w.budget);
        // SAFETY: words just taken for this record.
        unsafe {
            AtomicUsize::from_ptr(cell as *mut usize).store(prestub, Ordering::Release);
            AtomicU64::from_ptr(counter as *mut u64)
                .store(tiers::counter_word(id, budget), Ordering::Release);
        }
        if let Some(word) = image_word {
            let trampoline = self.resolve_stub(Stub::CompileTrampoline)?;
            // SAFETY: as above.
            unsafe { AtomicUsize::from_ptr(word as *mut usize) }
                .store(trampoline, Ordering::Release);
        }
        Ok(MethodRecord {
            id,
            cell,
            counter,
            prestub,
            image_word,
            entry: Default::default(),
            state: Default::default(),
            compiled: Default::default(),
            progress: Default::default(),
        })
    }

    /// The method's stable entry: what function pointers and delegates hold.
    pub fn entry(&self, id: MethodId) -> usize {
        let record = self.method(id);
        *record.entry.get_or_init(|| {
            let stub = stubs::method_entry(self.arch, id).map_err(InstallError::from);
            let linked = stub.and_then(|stub| self.link(&stub));
            let base = self.made(linked).base;
            self.methods_by_entry.lock().insert(base, id);
            base
        })
    }

    /// The method whose entry stub is at an address, as function pointers hold it.
    pub fn method_of_entry(&self, entry: usize) -> Option<MethodId> {
        self.methods_by_entry.lock().get(&entry).copied()
    }

    /// Links and registers code, and makes it the newest version of its method: calls go there from now on.
    pub fn install(&self, artifact: &CompiledMethod) -> Result<&Code, InstallError> {
        match artifact.symbol {
            Symbol::MethodBody(id) => self.install_for(self.method(id), artifact),
            other => Err(InstallError::NoMethod(other)),
        }
    }

    /// As [`Self::install`], for an artifact of any name (a stub that stands for a method).
    pub(crate) fn install_for(
        &self,
        record: &MethodRecord,
        artifact: &CompiledMethod,
    ) -> Result<&Code, InstallError> {
        let code = self.register(artifact)?;
        if let Some(map) = &artifact.osr {
            record.set_osr_map(map);
        }
        record.publish(code);
        Ok(code)
    }

    /// Links and registers code that no method leads to.
    pub fn register(&self, artifact: &CompiledMethod) -> Result<&Code, InstallError> {
        let filters = artifact.filters.iter();
        let filters = filters
            .map(|filter| self.register(filter).map(|code| code.base))
            .collect::<Result<Box<[usize]>, _>>()?;
        let linked = self.link(artifact)?;
        Ok(self.code.add(Code::new(artifact, linked.base, filters)?)?)
    }

    /// Links code without registering it: nothing in it may trap or appear on a stack.
    pub(crate) fn link(&self, artifact: &CompiledMethod) -> Result<LinkedCode, InstallError> {
        self.link_with(artifact, &|symbol| self.resolve(symbol))
    }

    /// As [`Self::link`], with symbols that are resolved otherwise.
    fn link_with(
        &self,
        artifact: &CompiledMethod,
        resolve: &dyn Fn(Symbol) -> Result<u64, LinkError>,
    ) -> Result<LinkedCode, InstallError> {
        let linked = self.memory.link(artifact, resolve)?;
        self.stub_counts.linked(artifact.symbol, artifact.tier);
        let len = artifact.code.len() as u32;
        self.map_for_profilers(artifact.symbol, artifact.tier, linked.base, len);
        Ok(linked)
    }

    /// Tells profilers of code.
    pub(crate) fn map_for_profilers(&self, symbol: Symbol, tier: Tier, base: usize, len: u32) {
        if let Some(map) = &self.perf {
            map.add(self.vm(), symbol, tier, base, len);
        }
    }

    /// Frees a version that is not the newest, with its filters.
    ///
    /// # Safety
    /// No frame, slot, resume address or other code refers to it, and no thread is looking it up: the world is stopped,
    /// and the stacks were searched.
    pub unsafe fn remove(&self, code: &Code) {
        if let Symbol::MethodBody(id) = code.symbol {
            self.method(id).forget(code.base);
        }
        for filter in code.filters.iter().filter_map(|&f| self.code.find(f)) {
            // SAFETY: a filter runs only beneath a frame of its method.
            unsafe { self.remove(filter) };
        }
        let linked = (!code.is_of_image()).then_some(LinkedCode {
            base: code.base,
            size: code.len as usize,
        });
        self.removals.fetch_add(1, Ordering::AcqRel);
        // SAFETY: passed on.
        unsafe { self.code.remove(code) };
        if let Some(linked) = linked {
            self.memory.free(linked);
        }
    }

    // ---- stubs

    fn install_stub(&self, stub: &CompiledMethod) -> Result<usize, InstallError> {
        let base = match stub.call_sites.is_empty() && stub.traps.is_empty() {
            true => self.link(stub)?.base,
            false => self.register(stub)?.base,
        };
        self.made.lock().insert(stub.symbol, base);
        Ok(base)
    }

    /// The stub of this name; made by `make` if there is none.
    pub fn stub(
        &self,
        symbol: Symbol,
        make: impl FnOnce(Arch) -> Result<CompiledMethod, StubError>,
    ) -> Result<usize, InstallError> {
        if let Some(&stub) = self.made.lock().get(&symbol) {
            return Ok(stub);
        }
        // Two threads may both make it: either will do.
        self.install_stub(&make(self.arch)?)
    }

    /// Trampoline for a virtual slot that has no code yet.
    pub fn slot_trampoline(&self, slot: u32) -> usize {
        let symbol = Symbol::Stub(Stub::SlotTrampoline(slot));
        self.made(self.stub(symbol, |arch| stubs::slot_trampoline(arch, slot)))
    }

    /// Trampoline for an IMT slot.
    pub fn imt_trampoline(&self, slot: u32) -> usize {
        self.made(self.resolve_stub(Stub::ImtSlotTrampoline(slot)))
    }

    /// The stub by which interface method `id` is called.
    pub fn interface_stub(&self, id: MethodId) -> Result<usize, InstallError> {
        let InterfaceSlot { key, slot } = dispatch::interface_slot(id);
        self.stub(Symbol::InterfaceStub(id), |arch| {
            stubs::interface_stub(arch, id, key.into(), slot)
        })
    }

    /// The stub that unboxes `this` for a value type's method.
    pub fn unboxing_stub(
        &self,
        id: MethodId,
        context: UnboxContext,
    ) -> Result<usize, InstallError> {
        self.stub(Symbol::Stub(Stub::Unboxing(id)), |arch| {
            stubs::unboxing(arch, id, context)
        })
    }

    fn resolve_stub(&self, stub: Stub) -> Result<usize, InstallError> {
        let symbol = Symbol::Stub(stub);
        match stub {
            Stub::Prestub(id) => Ok(self.method(id).prestub),
            Stub::SlotTrampoline(slot) => {
                self.stub(symbol, |arch| stubs::slot_trampoline(arch, slot))
            }
            Stub::ImtSlotTrampoline(slot) => {
                self.stub(symbol, |arch| stubs::imt_slot_trampoline(arch, slot))
            }
            _ => {
                let known = self.made.lock().get(&symbol).copied();
                Ok(known.ok_or_else(|| LinkError::Unresolved {
                    symbol,
                    reason: "it was not made".to_owned(),
                })?)
            }
        }
    }

    /// What must succeed once the runtime runs: only lack of code memory makes it fail.
    pub(crate) fn made<T>(&self, result: Result<T, InstallError>) -> T {
        result.unwrap_or_else(|error| crate::internal_error(&error.to_string()))
    }

    // ---- symbols

    /// The address of a symbol.
    pub fn resolve(&self, symbol: Symbol) -> Result<u64, LinkError> {
        let address = match symbol {
            Symbol::MethodCell(id) => Some(self.method(id).cell),
            Symbol::MethodCounter(id) => Some(self.method(id).counter),
            Symbol::MethodImage(id) => self.method(id).image_word,
            Symbol::MethodEntry(id) => Some(self.entry(id)),
            // Code that is final has one version; until it is there, the entry leads to it.
            Symbol::MethodBody(id) => {
                let record = self.method(id);
                Some(record.newest().unwrap_or_else(|| self.entry(id)))
            }
            Symbol::InterfaceStub(id) => Some(self.resolved(symbol, self.interface_stub(id))?),
            Symbol::Helper(helper) if helper.effects().contains(Effects::LEAF) => {
                Some(helpers::address(helper))
            }
            Symbol::Helper(_) => self.made.lock().get(&symbol).copied(),
            Symbol::HelperFn(helper) => Some(helpers::address(helper)),
            Symbol::Runtime(function) => Some(self.entries.address(function)),
            Symbol::Stub(stub) => Some(self.resolved(symbol, self.resolve_stub(stub))?),
            Symbol::Raise(raise) => Some(raise.raw() as usize),
            _ => self.vm.symbol(symbol),
        };
        address
            .map(|a| a as u64)
            .ok_or_else(|| LinkError::Unresolved {
                symbol,
                reason: "nobody defines it".to_owned(),
            })
    }

    fn resolved(
        &self,
        symbol: Symbol,
        result: Result<usize, InstallError>,
    ) -> Result<usize, LinkError> {
        result.map_err(|error| match error {
            InstallError::Link(error) => error,
            error => LinkError::Unresolved {
                symbol,
                reason: error.to_string(),
            },
        })
    }

    // ---- vtables

    /// A vtable with `slots` virtual slots: header zero, IMT and slots lead to their trampolines.
    pub fn alloc_vtable(&self, slots: u32) -> Option<usize> {
        let vtable = self.low.alloc(layout::vtable_size(slots, WORD) as usize)?;
        let put = |offset: u32, code: usize| {
            // SAFETY: a word of the vtable just allocated, unknown to others.
            unsafe { *((vtable + offset as usize) as *mut usize) = code };
        };
        for slot in 0..IMT_SLOTS {
            put(layout::imt_slot(slot, WORD), self.imt_trampoline(slot));
        }
        for slot in 0..slots {
            put(layout::vtable_slot(slot, WORD), self.slot_trampoline(slot));
        }
        Some(vtable)
    }

    // ---- heap: see `crate::heap`

    pub(crate) fn heap_cell(&self) -> &OnceLock<&'static Heap> {
        &self.heap
    }
}
