//! cranelift-jit as a second opinion about our linker: what both link must be the same bytes, and compute the same.
//!
//! | test | input | compared |
//! | --- | --- | --- |
//! | `methods_*` | every method of the programs in `tests/sir`, as `lower` makes it | every byte, after both have applied the relocations |
//! | `functions_*` | functions and data that refer to each other and to C, made by Cranelift, as an ELF object for us | results of calls |
//!
//! To compare bytes, cranelift-jit is made to place each method at the address that our linker chose plus a constant, with all other
//! symbols shifted by the same constant: distances are then equal, and so is what absolute addresses become with an addend less that constant.
#![cfg(target_arch = "x86_64")]

use cranelift_codegen::binemit::Reloc as Kind;
use cranelift_codegen::ir::{
    self, AbiParam, InstBuilder, MemFlagsData, condcodes::IntCC, types::I64,
};
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{BranchProtection, JITBuilder, JITMemoryKind, JITMemoryProvider, JITModule};
use cranelift_module::{
    DataDescription, FuncId, Linkage, Module, ModuleReloc, ModuleResult, default_libcall_names,
};
use cranelift_object::{ObjectBuilder, ObjectModule};
use isthmus_frontend_ir::body::BodySource;
use isthmus_frontend_ir::text;
use isthmus_linker::check::Linked;
use isthmus_linker::executor::Executor;
use isthmus_linker::executor::local::Local;
use isthmus_linker::executor::nowhere::Nowhere;
use isthmus_linker::formats::{elf, method};
use isthmus_linker::graph::Name;
use isthmus_linker::link::Session;
use isthmus_linker::memory::MemoryManager;
use isthmus_linker::memory::dual::Dual;
use isthmus_linker::memory::in_process::InProcess;
use isthmus_linker::memory::pooled::Pooled;
use isthmus_linker::{CodeMemory, Config};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::symbol::{Reloc, RelocKind, Symbol};
use isthmus_runtime_abi::target::Arch;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// A method as our linker left it.
struct Placed<'a> {
    method: &'a CompiledMethod,
    base: u64,
    bytes: Vec<u8>,
    /// Words of addresses that it refers to.
    words: HashMap<Symbol, u64>,
}

// --- the oracle ---

fn isa(arch: Arch, pic: bool) -> OwnedTargetIsa {
    let mut flags = settings::builder();
    flags.set("is_pic", &pic.to_string()).unwrap();
    flags.set("use_colocated_libcalls", "false").unwrap();
    let triple = match arch {
        Arch::A64 => "aarch64-unknown-linux-gnu",
        _ => "x86_64-unknown-linux-gnu",
    };
    let builder = isa::lookup_by_name(triple).unwrap();
    builder.finish(settings::Flags::new(flags)).unwrap()
}

/// Memory for cranelift-jit: at chosen addresses, in the order in which they are asked for.
struct Chosen(std::vec::IntoIter<u64>);

impl JITMemoryProvider for Chosen {
    fn allocate(&mut self, _: usize, _: u64, _: JITMemoryKind) -> std::io::Result<*mut u8> {
        let address = self.0.next().unwrap();
        Ok(std::ptr::with_exposed_provenance_mut(address as usize))
    }

    unsafe fn free_memory(&mut self) {}

    fn finalize(&mut self, _: BranchProtection) -> ModuleResult<()> {
        Ok(())
    }
}

/// What cranelift-jit calls a kind of relocation. `None` if it has none like it: it links no code with tables of addresses.
fn cranelift_kind(kind: RelocKind) -> Option<Kind> {
    Some(match kind {
        RelocKind::Abs64 => Kind::Abs8,
        RelocKind::Abs32 => Kind::Abs4,
        // A distance to the word, whose address is known by now.
        RelocKind::X64PcRel32 | RelocKind::X64GotPcRel32 => Kind::X86PCRel4,
        RelocKind::X64Call32 => Kind::X86CallPCRel4,
        RelocKind::A64Call26 => Kind::Arm64Call,
        RelocKind::A64AdrPrelPgHi21 | RelocKind::A64AdrGotPage21 => Kind::Aarch64AdrPrelPgHi21,
        RelocKind::A64AddAbsLo12 => Kind::Aarch64AddAbsLo12Nc,
        _ => return None,
    })
}

fn is_word(kind: RelocKind) -> bool {
    matches!(kind, RelocKind::X64GotPcRel32 | RelocKind::A64AdrGotPage21)
}

/// What cranelift-jit shall call a symbol, or the word at an address.
fn name(symbol: Symbol, word: Option<u64>) -> String {
    match word {
        Some(at) => format!("word {at:#x}"),
        None => format!("{symbol:?}"),
    }
}

impl Placed<'_> {
    /// The word that a relocation refers to.
    fn word(&self, r: &Reloc) -> Option<u64> {
        is_word(r.kind).then(|| self.words[&r.symbol])
    }
}

/// Links placed methods with cranelift-jit, and compares. `address` is what our linker knew of other symbols. Returns how many relocations
/// were compared.
fn compare(placed: &[Placed<'_>], address: &dyn Fn(Symbol) -> u64) -> usize {
    const PAGE: u64 = 1 << 16;
    let start = placed.iter().map(|p| p.base).min().unwrap() / PAGE * PAGE;
    let ends = placed.iter().map(|p| p.base + p.bytes.len() as u64 + 4096);
    let mut region = Region::new((ends.max().unwrap() - start) as usize + PAGE as usize);
    let delta = region.at().next_multiple_of(PAGE).wrapping_sub(start);
    let shift = |at: u64| std::ptr::with_exposed_provenance(at.wrapping_add(delta) as usize);

    let arch = placed[0].method.arch;
    let mut builder = JITBuilder::with_isa(isa(arch, false), default_libcall_names());
    let own: HashSet<Symbol> = placed.iter().map(|p| p.method.symbol).collect();
    let relocs = placed
        .iter()
        .flat_map(|p| p.method.relocs.iter().map(move |r| (p, r)));
    for (p, r) in relocs.filter(|(_, r)| cranelift_kind(r.kind).is_some()) {
        let word = p.word(r);
        let at = match word {
            Some(at) => at,
            None if own.contains(&r.symbol) => continue,
            None => address(r.symbol),
        };
        builder.symbol(name(r.symbol, word), shift(at));
    }
    let places = placed.iter().map(|p| p.base.wrapping_add(delta));
    let places: Vec<u64> = places.collect();
    builder.memory_provider(Box::new(Chosen(places.into_iter())));
    let mut module = JITModule::new(builder);
    let signature = ir::Signature::new(isa::CallConv::SystemV);
    let mut ids: BTreeMap<String, FuncId> = BTreeMap::new();
    for p in placed {
        let name = name(p.method.symbol, None);
        let id = module.declare_function(&name, Linkage::Export, &signature);
        ids.insert(name, id.unwrap());
    }
    let mut compared = 0;
    for p in placed {
        let mut relocs = Vec::new();
        for r in &p.method.relocs {
            let Some(kind) = cranelift_kind(r.kind) else {
                continue;
            };
            let name = name(r.symbol, p.word(r));
            let id = *ids.entry(name).or_insert_with_key(|name| {
                let import = module.declare_function(name, Linkage::Import, &signature);
                import.unwrap()
            });
            let shifted = matches!(kind, Kind::Abs4 | Kind::Abs8);
            relocs.push(ModuleReloc {
                offset: r.offset,
                kind,
                name: id.into(),
                addend: r.addend - if shifted { delta as i64 } else { 0 },
            });
        }
        compared += relocs.len();
        let id = ids[&name(p.method.symbol, None)];
        let code = &p.method.code;
        module.define_function_bytes(id, 1, code, &relocs).unwrap();
    }
    module.finalize_definitions().unwrap();
    for p in placed {
        let theirs = region.bytes(p.base.wrapping_add(delta), p.bytes.len());
        let mut ours = p.bytes.clone();
        // Places that only we have written: as the compiler left them.
        for r in &p.method.relocs {
            let place = r.offset as usize..r.offset as usize + 4;
            if cranelift_kind(r.kind).is_none() {
                ours[place.clone()].copy_from_slice(&p.method.code[place]);
            }
        }
        assert_eq!(ours, theirs, "{arch:?} {:?}", p.method.symbol);
    }
    // SAFETY: nothing has been run, and nobody keeps an address. The memory is the region's.
    unsafe { module.free_memory() };
    compared
}

/// Memory that is written by cranelift-jit and never run.
struct Region(Vec<u8>);

impl Region {
    fn new(size: usize) -> Region {
        Region(vec![0; size + (1 << 16)])
    }

    fn at(&mut self) -> u64 {
        self.0.as_mut_ptr().expose_provenance() as u64
    }

    fn bytes(&self, at: u64, size: usize) -> &[u8] {
        let from = at as usize - self.0.as_ptr().addr();
        &self.0[from..from + size]
    }
}

// --- methods of ours ---

/// All methods of a program that the optimizing tier compiles.
fn methods(source: &str, arch: Arch) -> Vec<CompiledMethod> {
    let module = text::parse(source).unwrap();
    let mut all = Vec::new();
    for id in module.method_ids() {
        let Ok(body) = module.body(id) else { continue };
        let options = isthmus_ssa::Options::new(arch);
        let Ok(unit) = isthmus_ssa::compile(&module, id, &body, &options) else {
            continue;
        };
        let compiled = isthmus_lower::compile(&module, &unit, arch, &Default::default());
        all.push(compiled.unwrap());
    }
    all
}

/// Methods and their filters.
fn with_filters(methods: &[CompiledMethod]) -> Vec<&CompiledMethod> {
    let mut all = Vec::new();
    for method in methods {
        all.push(method);
        all.extend(with_filters(&method.filters));
    }
    all
}

fn programs() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let files = std::fs::read_dir(folder).unwrap();
    let paths = files.map(|e| e.unwrap().path());
    let sir = paths.filter(|p| p.extension().is_some_and(|e| e == "sir"));
    sir.map(|p| std::fs::read_to_string(p).unwrap())
}

/// Addresses for what a program refers to: near `base`, but below 4 GiB what 32 bits must hold, and far away what is reached through words only.
fn addresses(methods: &[&CompiledMethod], base: u64) -> HashMap<Symbol, u64> {
    let relocs = || methods.iter().flat_map(|m| &m.relocs);
    let through_words = |kind| is_word(kind) || kind == RelocKind::A64LdGotLo12;
    let direct: HashSet<Symbol> = relocs()
        .filter(|r| !through_words(r.kind))
        .map(|r| r.symbol)
        .collect();
    let mut found = HashMap::new();
    for r in relocs() {
        let n = found.len() as u64;
        let near = base - 0x1_0008 - n * 24;
        let at = match direct.contains(&r.symbol) {
            true => near,
            false => near + (1 << 40),
        };
        let at = *found.entry(r.symbol).or_insert(at);
        if r.kind == RelocKind::Abs32 {
            found.insert(r.symbol, at & 0x7fff_fff8);
        }
    }
    found
}

impl<'a> Placed<'a> {
    /// With the words of addresses that the code's bytes say; these must hold what they should.
    fn new(
        method: &'a CompiledMethod,
        base: u64,
        bytes: Vec<u8>,
        address: &dyn Fn(Symbol) -> u64,
        read: &dyn Fn(u64) -> u64,
    ) -> Placed<'a> {
        let code = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (mut pages, mut words) = (HashMap::new(), HashMap::new());
        for r in &method.relocs {
            let at = r.offset as usize;
            let word = match r.kind {
                RelocKind::X64GotPcRel32 => {
                    let distance = i64::from(code(at) as i32) - r.addend;
                    (base + at as u64).wrapping_add_signed(distance)
                }
                RelocKind::A64AdrGotPage21 => {
                    // adrp: immlo in bits 30..29, immhi in 23..5.
                    let bits = code(at) >> 29 & 3 | (code(at) >> 5 & 0x7_ffff) << 2;
                    let pages_away = i64::from((bits << 11) as i32 >> 11);
                    let page = (base + at as u64) & !0xfff;
                    pages.insert(r.symbol, page.wrapping_add_signed(pages_away << 12));
                    continue;
                }
                // ldr: imm12 in bits 21..10, in units of 8.
                RelocKind::A64LdGotLo12 => {
                    pages[&r.symbol] + u64::from((code(at) >> 10 & 0xfff) * 8)
                }
                _ => continue,
            };
            assert_eq!(read(word), address(r.symbol), "{:?}", r.symbol);
            words.insert(r.symbol, word);
        }
        Placed {
            method,
            base,
            bytes,
            words,
        }
    }
}

/// One by one, as the runtime links them.
fn through_code_memory(methods: &[CompiledMethod]) -> usize {
    let methods = with_filters(methods);
    let config = Config {
        code: 4 << 20,
        data: 1 << 20,
    };
    let memory = CodeMemory::new(config).unwrap();
    let known = addresses(&methods, memory.code_range().start as u64);
    let address = |s: Symbol| known[&s];
    let read = |at: u64| {
        // SAFETY: a word of the memory's table of addresses.
        unsafe { *std::ptr::with_exposed_provenance::<u64>(at as usize) }
    };
    // All symbols are others' here, so that each method is compared by itself.
    let one = |method| {
        let linked = memory.link(method, &|s| Ok(address(s))).unwrap();
        // SAFETY: code that was just placed.
        let bytes = unsafe {
            let at = std::ptr::with_exposed_provenance::<u8>(linked.base);
            std::slice::from_raw_parts(at, linked.size)
        };
        let base = linked.base as u64;
        let placed = Placed::new(method, base, bytes.to_vec(), &address, &read);
        compare(&[placed], &address)
    };
    methods.into_iter().map(one).sum()
}

/// All at once, as images are linked: they refer to each other.
fn through_session(methods: &[CompiledMethod]) -> usize {
    let arch = methods[0].arch;
    let mut session = Session::new(Arc::new(Nowhere::new(arch, 1 << 24)), Default::default());
    let linked = Linked::default();
    session.add_plugin(Box::new(linked.plugin()));
    let parts = with_filters(methods);
    let own: HashSet<Symbol> = parts.iter().map(|m| m.symbol).collect();
    let known = addresses(&parts, 0x1000_0000);
    for (&symbol, &address) in known.iter().filter(|(s, _)| !own.contains(s)) {
        session.define_code(symbol, address);
    }
    let graphs = methods.iter().map(|m| method::graph(m).unwrap());
    session.link(graphs.collect()).unwrap();
    // Filters are known in the graphs of their methods only.
    let mut places = known;
    for graph in linked.graphs() {
        for id in graph.symbols() {
            if let Name::Code(symbol) = graph.symbol(id).name {
                places.insert(symbol, graph.address(id).unwrap());
            }
        }
    }
    let address = |s: Symbol| places[&s];
    let memory = session.executor().memory();
    let read = |at: u64| u64::from_le_bytes(memory.read(at, 8).unwrap().try_into().unwrap());
    let mut placed = Vec::new();
    for method in parts {
        let base = address(method.symbol);
        let bytes = memory.read(base, method.code.len()).unwrap();
        placed.push(Placed::new(method, base, bytes, &address, &read));
    }
    compare(&placed, &address)
}

fn methods_agree(arch: Arch) {
    let (mut single, mut together) = (0, 0);
    for source in programs() {
        let methods = methods(&source, arch);
        if !methods.is_empty() {
            single += through_code_memory(&methods);
            together += through_session(&methods);
        }
    }
    assert!(single > 2000 && together > 2000, "{single}, {together}");
}

#[test]
fn methods_have_the_same_bytes_on_x64() {
    methods_agree(Arch::X64);
}

#[test]
fn methods_have_the_same_bytes_on_aarch64() {
    methods_agree(Arch::A64);
}

// --- functions of Cranelift ---

extern "C" fn host(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
}

const HOST: &str = "isthmus_oracle_host";

struct Maker<'a, M: Module> {
    module: &'a mut M,
    shared: FunctionBuilderContext,
}

impl<M: Module> Maker<'_, M> {
    fn signature(&self) -> ir::Signature {
        let mut signature = self.module.make_signature();
        signature.params.push(AbiParam::new(I64));
        signature.returns.push(AbiParam::new(I64));
        signature
    }

    fn declare(&mut self, name: &str, linkage: Linkage) -> FuncId {
        let signature = self.signature();
        let id = self.module.declare_function(name, linkage, &signature);
        id.unwrap()
    }

    fn define(
        &mut self,
        id: FuncId,
        body: impl FnOnce(&mut M, &mut FunctionBuilder<'_>, ir::Value) -> ir::Value,
    ) {
        let mut context = self.module.make_context();
        context.func.signature = self.signature();
        let mut b = FunctionBuilder::new(&mut context.func, &mut self.shared);
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        let n = b.block_params(entry)[0];
        let result = body(self.module, &mut b, n);
        b.ins().return_(&[result]);
        b.seal_all_blocks();
        b.finalize(self.module.target_config());
        self.module.define_function(id, &mut context).unwrap();
    }
}

fn call<M: Module>(m: &mut M, b: &mut FunctionBuilder<'_>, f: FuncId, n: ir::Value) -> ir::Value {
    let f = m.declare_func_in_func(f, b.func);
    let call = b.ins().call(f, &[n]);
    b.inst_results(call)[0]
}

/// Two functions that call each other, one that goes through a table of addresses, counts in a variable, and calls C near and far.
fn make<M: Module>(module: &mut M) {
    let mut maker = Maker {
        module,
        shared: FunctionBuilderContext::new(),
    };
    let even = maker.declare("even", Linkage::Export);
    let odd = maker.declare("odd", Linkage::Local);
    let entry = maker.declare("entry", Linkage::Export);
    let labs = maker.declare("labs", Linkage::Import);
    let host = maker.declare(HOST, Linkage::Import);
    for (own, other, end) in [(even, odd, 1), (odd, even, 0)] {
        maker.define(own, |m, b, n| {
            let (more, done) = (b.create_block(), b.create_block());
            let result = b.append_block_param(done, I64);
            let end = b.ins().iconst(I64, end);
            let zero = b.ins().icmp_imm_u(IntCC::Equal, n, 0);
            b.ins().brif(zero, done, &[end.into()], more, &[]);
            b.switch_to_block(more);
            let less = b.ins().iadd_imm_s(n, -1);
            let value = call(m, b, other, less);
            b.ins().jump(done, &[value.into()]);
            b.switch_to_block(done);
            result
        });
    }
    // Two numbers, the address of the second, the addresses of three functions.
    let table = maker
        .module
        .declare_data("table", Linkage::Export, false, false);
    let (table, mut description) = (table.unwrap(), DataDescription::new());
    let numbers = [7u64, 35].map(u64::to_le_bytes).concat();
    let words = [numbers, vec![0; 32]].concat();
    description.define(words.into_boxed_slice());
    let own = maker.module.declare_data_in_data(table, &mut description);
    description.write_data_addr(16, own, 8);
    for (n, f) in [odd, labs, host].into_iter().enumerate() {
        let f = maker.module.declare_func_in_data(f, &mut description);
        description.write_function_addr(24 + 8 * n as u32, f);
    }
    maker.module.define_data(table, &description).unwrap();
    let counter = maker
        .module
        .declare_data("counter", Linkage::Local, true, false);
    let (counter, mut description) = (counter.unwrap(), DataDescription::new());
    description.define_zeroinit(8);
    maker.module.define_data(counter, &description).unwrap();

    let signature = maker.signature();
    maker.define(entry, |m, b, n| {
        let flags = MemFlagsData::trusted();
        let counter = m.declare_data_in_func(counter, b.func);
        let counter = b.ins().symbol_value(I64, counter);
        let old = b.ins().load(I64, flags, counter, 0);
        let new = b.ins().iadd(old, n);
        b.ins().store(flags, new, counter, 0);
        let table = m.declare_data_in_func(table, b.func);
        let table = b.ins().symbol_value(I64, table);
        let second = b.ins().load(I64, flags, table, 16);
        let second = b.ins().load(I64, flags, second, 0);
        let mut sum = b.ins().iadd(new, second);
        let signature = b.import_signature(signature);
        let negative = b.ins().ineg(n);
        for (offset, argument) in [(24, n), (32, negative), (40, n)] {
            let f = b.ins().load(I64, flags, table, offset);
            let call = b.ins().call_indirect(signature, f, &[argument]);
            let value = b.inst_results(call)[0];
            let scaled = b.ins().imul_imm_s(sum, 31);
            sum = b.ins().iadd(scaled, value);
        }
        for (f, argument) in [(even, n), (labs, negative), (host, n)] {
            let value = call(m, b, f, argument);
            let scaled = b.ins().imul_imm_s(sum, 31);
            sum = b.ins().iadd(scaled, value);
        }
        sum
    });
}

/// What `entry` gives for some numbers, one after the other.
fn results(entry: u64) -> Vec<u64> {
    let at = std::ptr::with_exposed_provenance::<()>(entry as usize);
    // SAFETY: a function that `make` has made, of C's convention.
    let entry = unsafe { std::mem::transmute::<*const (), extern "C" fn(u64) -> u64>(at) };
    (0..60).map(|n| entry(n * n)).collect()
}

#[test]
fn functions_of_cranelift_compute_the_same() {
    let mut builder = JITBuilder::with_isa(isa(Arch::X64, false), default_libcall_names());
    builder.symbol(HOST, (host as *const ()).cast());
    let mut jit = JITModule::new(builder);
    make(&mut jit);
    jit.finalize_definitions().unwrap();
    let Some(cranelift_module::FuncOrDataId::Func(entry)) = jit.get_name("entry") else {
        panic!("no entry");
    };
    let expected = results(jit.get_finalized_function(entry).expose_provenance() as u64);
    assert_eq!(expected.iter().collect::<HashSet<_>>().len(), 60);

    for pic in [false, true] {
        let isa = isa(Arch::X64, pic);
        let builder = ObjectBuilder::new(isa, "oracle", default_libcall_names());
        let mut object = ObjectModule::new(builder.unwrap());
        make(&mut object);
        let bytes = object.finish().emit().unwrap();
        let memories: [Box<dyn MemoryManager>; 3] = [
            Box::new(InProcess::new()),
            Box::new(Dual::new()),
            Box::new(Pooled::new(1 << 20).unwrap()),
        ];
        for memory in memories {
            let executor: Arc<dyn Executor> = Arc::new(Local::new(memory));
            let mut session = Session::new(executor, Default::default());
            session.define(HOST, (host as *const ()).expose_provenance() as u64);
            let graph = elf::graph("oracle.o", &bytes).unwrap();
            session.link(vec![graph]).unwrap();
            let entry = session.lookup("entry").unwrap();
            assert_eq!(results(entry), expected, "pic: {pic}");
        }
    }
    // SAFETY: its functions are not used any more.
    unsafe { jit.free_memory() };
}
