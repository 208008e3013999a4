//! Starting a runtime, attaching a thread, calling `main`.

use crate::compile::{Compiler, Tier};
use crate::object;
use crate::types::Types;
use crate::vm::Toy;
use isthmus_frontend_ir::interp::{End, Outcome};
use isthmus_frontend_ir::module::Module;
use isthmus_rt::gc::HeapOptions;
use isthmus_rt::runtime::{Config, Runtime, StartError};
use isthmus_rt::thread::AttachError;
use isthmus_rt::tiers::Tiering;
use isthmus_runtime_abi::callconv::AbiSig;
use std::sync::OnceLock;

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which compiler makes the code.
    pub tier: Tier,
    /// With [`Tier::Auto`]: when methods are optimized.
    pub tiering: Tiering,
    /// Whether a method that the optimizing compiler declines is an error.
    pub no_fallback: bool,
    /// The heap's.
    pub heap: HeapOptions,
}

/// What a run cost.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Methods compiled by the baseline compiler.
    pub baseline: usize,
    /// Methods compiled by the optimizing compiler.
    pub optimized: usize,
    /// What it declined, and why.
    pub declined: Vec<String>,
    /// Microseconds spent in compilers.
    pub compile_us: u128,
    /// Collections.
    pub collections: u64,
    /// Running loops that went over to optimized code.
    pub osr_entries: u64,
}

/// Why a program could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no `main`.
    #[error("the program has no main")]
    NoMain,
    /// One process runs one program: the heap is one for the process.
    #[error("a program was run in this process already")]
    Twice,
    /// The runtime does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The thread cannot run managed code.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// No room for vtables or statics.
    #[error("not enough memory for the program's types")]
    Types,
    /// A method could not be compiled.
    #[error("{0}")]
    Compile(String),
}

/// The program that runs; host functions find it here.
static TOY: OnceLock<&'static Toy> = OnceLock::new();

/// The VM of the running program.
pub(crate) fn toy() -> &'static Toy {
    match TOY.get() {
        Some(toy) => toy,
        // Only code that this VM runs calls this.
        None => unreachable!("no program runs"),
    }
}

/// Runs a module's `main` to its end. At most once in a process.
pub fn run(mut module: Module, options: Options) -> Result<(Outcome, Stats), RunError> {
    let entry = module.entry.ok_or(RunError::NoMain)?;
    // 1. Tell compilers about the heap. Under stress every allocation must go through the runtime.
    if options.heap.stress != 0 {
        module.policy.inline_alloc_limit = 0;
    }
    let module: &'static Module = Box::leak(Box::new(module));

    // 2. The VM, and the runtime around it. Both live until the process ends.
    let heap = options.heap.clone();
    let tiering = (options.tier == Tier::Auto).then(|| options.tiering.clone());
    let toy: &'static Toy = Box::leak(Box::new(Toy::new(module, Compiler::new(module, options))));
    TOY.set(toy).map_err(|_| RunError::Twice)?;
    let config = Config {
        heap: Some(heap),
        tiering,
        ..Config::default()
    };
    let runtime: &'static Runtime = Runtime::new(config, Box::new(toy))?;

    // 3. This thread becomes one that runs managed code. Vtables and statics come next: literals and statics are objects.
    let thread = runtime.attach()?;
    let types = Types::new(runtime, module).ok_or(RunError::Types)?;
    toy.set_types(types);

    // 4. Call main. Arguments and results are words, assigned to registers by the signature.
    let sig = AbiSig::new(&module.method_def(entry).sig, runtime.arch(), module);
    // SAFETY: this thread is attached, and main's signature is its own, without parameters if the program is valid; a
    // main with parameters was refused by the caller or gets zeros.
    let words = vec![0u64; sig.words.len()];
    let result = unsafe { runtime.invoke_method(&thread, entry, &sig, &words) };
    let end = match result {
        Ok(words) => End::Exit(words.first().map_or(0, |&w| w as i32)),
        Err(thrown) => End::Unhandled(module.ty(object::type_of(thrown.exception)).name.clone()),
    };
    if let Some(error) = toy.compiler.error() {
        return Err(RunError::Compile(error));
    }
    let mut stats = toy.compiler.stats();
    stats.collections = runtime.heap().stats().collections();
    stats.osr_entries = runtime.tier_counts().osr_entries;
    let output = std::mem::take(&mut *toy.output());
    Ok((Outcome { output, end }, stats))
}
