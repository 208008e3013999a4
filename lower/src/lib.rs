//! Lowering: SSA to machine code through Cranelift. The only crate that names it.
//!
//! | module | what |
//! | --- | --- |
//! | [`isa`] | back ends as we configure them, as a table with reasons |
//! | [`abi`] | words of a signature as Cranelift signatures |
//! | [`names`] | symbols as Cranelift's external names |
//! | [`clif`] | SSA → Cranelift IR, one file a topic |
//! | [`worker`] | compiling one function, with memory that each thread uses again |
//! | [`artifact`] | Cranelift's compiled buffer → `CompiledMethod` |
//! | [`dump`] | Cranelift IR and machine code as text |
//! | [`unsupported`] | why a method is declined |
//!
//! ```text
//!   ssa::ir::Unit ──clif──▶ Cranelift IR ──Cranelift──▶ buffer ──artifact──▶ CompiledMethod
//!     func                                                                    code, relocs, frame, sites
//!     filters  ──────── the same, each as a function of its own ────────────▶ filters
//! ```

pub mod abi;
pub mod artifact;
pub mod clif;
pub mod dump;
pub mod isa;
pub mod names;
pub mod unsupported;
pub mod worker;

pub use unsupported::Unsupported;

use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::CompileEnv;
use isthmus_ssa::ir::{Part, Unit};

/// How to compile.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Processor features that code may use.
    pub features: FeatureSet,
    /// Functions with more SSA instructions are declined: Cranelift's time grows faster than the function.
    pub max_instructions: usize,
    /// Functions with more branches than this to one block that takes values are declined: register allocation of such a block's
    /// parameters takes time quadratic in them. (A `switch` of thousands of cases that set one variable.)
    pub max_join: u32,
    /// Whether to keep the map from code offsets to source positions.
    pub line_map: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            features: FeatureSet::MINIMUM,
            max_instructions: 200_000,
            max_join: 4_000,
            line_map: false,
        }
    }
}

/// Compiles a method and its filters.
pub fn compile(
    env: &dyn CompileEnv,
    unit: &Unit,
    arch: Arch,
    options: &Options,
) -> Result<CompiledMethod, Unsupported> {
    let isa = isa::isa(arch, options.features)?;
    worker::with(|worker| {
        let job = worker::Job {
            env,
            isa: &*isa,
            arch,
            options,
        };
        compile_unit(worker, &job, unit)
    })
}

fn compile_unit(
    worker: &mut worker::Worker,
    job: &worker::Job<'_>,
    unit: &Unit,
) -> Result<CompiledMethod, Unsupported> {
    let method = unit.func.method;
    let symbol = match unit.func.part {
        Part::Whole => Symbol::MethodBody(method),
        Part::From(header) => Symbol::OsrBody(method, header),
        Part::Filter(clause) => Symbol::Filter(method, clause),
    };
    let mut compiled = worker.compile(job, &unit.func, symbol)?;
    for filter in &unit.filters {
        compiled.filters.push(compile_unit(worker, job, filter)?);
    }
    Ok(compiled)
}
