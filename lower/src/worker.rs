//! Compiling one function with memory that is used again for the next.

use crate::artifact::{self, Source};
use crate::clif::{self, Built, Scratch};
use crate::unsupported::Unsupported;
use crate::{Options, dump};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::TargetIsa;
use isthmus_asm::a64;
use isthmus_asm::x64::relax;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::CompileEnv;
use isthmus_ssa::ir::Func;
use std::cell::Cell;

/// What is the same for a method and its filters.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The VM.
    pub env: &'a dyn CompileEnv,
    /// Back end.
    pub isa: &'a dyn TargetIsa,
    /// Architecture.
    pub arch: Arch,
    /// Options.
    pub options: &'a Options,
}

/// Cranelift's and our own reusable state.
pub struct Worker {
    context: Context,
    control: ControlPlane,
    scratch: Scratch,
}

thread_local! {
    static WORKER: Cell<Option<Box<Worker>>> = const { Cell::new(None) };
}

/// Runs `f` with this thread's worker.
pub fn with<R>(f: impl FnOnce(&mut Worker) -> R) -> R {
    // Taken out meanwhile: a nested use gets a new one, and one that a panic left behind is dropped.
    let mut worker = WORKER.take().unwrap_or_else(|| {
        Box::new(Worker {
            context: Context::new(),
            control: ControlPlane::default(),
            scratch: Scratch::default(),
        })
    });
    let result = f(&mut worker);
    WORKER.set(Some(worker));
    result
}

impl Worker {
    /// Builds the CLIF of a function.
    fn build(&mut self, job: &Job<'_>, func: &Func) -> Result<Built, Unsupported> {
        self.context.clear();
        clif::build(
            &mut self.context.func,
            func,
            job.env,
            job.arch,
            job.options,
            &mut self.scratch,
        )
    }

    /// Compiles a function.
    pub fn compile(
        &mut self,
        job: &Job<'_>,
        func: &Func,
        symbol: Symbol,
    ) -> Result<CompiledMethod, Unsupported> {
        let mut method = self.generate(job, func, symbol)?;
        if let Some(code) = self.context.compiled_code() {
            match job.arch {
                Arch::X64 => {
                    relax::run(&mut method, &code.bb_starts, &|m| job.env.interface_slot(m));
                }
                Arch::A64 if job.options.line_map => {
                    method.data = a64::data(&method.code, &code.bb_starts);
                }
                _ => {}
            }
        }
        Ok(method)
    }

    /// The code as Cranelift lays it out.
    fn generate(
        &mut self,
        job: &Job<'_>,
        func: &Func,
        symbol: Symbol,
    ) -> Result<CompiledMethod, Unsupported> {
        let built = self.build(job, func)?;
        self.context
            .compile(job.isa, &mut self.control)
            .map_err(|e| Unsupported::from(e.inner))?;
        let compiled = self
            .context
            .compiled_code()
            .ok_or_else(|| Unsupported::Backend("no code".into()))?;
        let source = Source {
            symbol,
            func,
            names: &self.scratch.names,
            null_sites: &self.scratch.null_sites,
            params: &self.context.func.params,
            slots: built.slots,
            stack_arg_bytes: built.stack_arg_bytes,
            helper_calls: built.helper_calls,
            line_map: job.options.line_map,
        };
        artifact::make(job.arch, &source, compiled)
    }

    /// The CLIF of a function as text, with symbols in place of numbers; optimized by Cranelift if wanted.
    pub fn clif(
        &mut self,
        job: &Job<'_>,
        func: &Func,
        optimized: bool,
    ) -> Result<String, Unsupported> {
        self.build(job, func)?;
        if optimized {
            self.context
                .optimize(job.isa, &mut self.control)
                .map_err(Unsupported::from)?;
        }
        let text = self.context.func.display().to_string();
        Ok(dump::name_symbols(&text, &self.scratch.names))
    }

    /// Cranelift's own listing of the machine code, for architectures that we have no disassembler for.
    pub fn listing(&mut self, job: &Job<'_>, func: &Func) -> Result<String, Unsupported> {
        self.build(job, func)?;
        self.context.set_disasm(true);
        let code = self
            .context
            .compile(job.isa, &mut self.control)
            .map_err(|e| Unsupported::from(e.inner))?;
        let text = code.vcode.clone().unwrap_or_default();
        Ok(dump::name_symbols(&text, &self.scratch.names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa;
    use cranelift_codegen::gimli::write::Address;
    use cranelift_codegen::isa::unwind::UnwindInfo;
    use isthmus_eh_tables::dwarf;
    use isthmus_frontend_ir::body::BodySource;
    use isthmus_frontend_ir::module::Module;
    use isthmus_frontend_ir::text;
    use isthmus_runtime_abi::cpu::FeatureSet;

    /// The figures of `eh_tables::dwarf` come from artifacts: Cranelift's unwind information must not be smaller or larger.
    #[test]
    fn unwind_information_takes_what_is_counted() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sir");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path());
        let name = |p: &std::path::Path| p.file_stem().unwrap().to_string_lossy().into_owned();
        let modules = files
            .filter(|p| name(p).starts_with("eh_") || name(p).starts_with("call_"))
            .map(|p| text::parse(&std::fs::read_to_string(p).unwrap()).unwrap());
        let functions: usize = modules.map(|module| check_module(&module)).sum();
        assert!(functions > 500, "{functions}");
    }

    /// Number of functions checked.
    fn check_module(module: &Module) -> usize {
        let mut functions = 0;
        for arch in [Arch::X64, Arch::A64] {
            let isa = isa::isa(arch, FeatureSet::MINIMUM).unwrap();
            let options = Options::default();
            let job = Job {
                env: module,
                isa: &*isa,
                arch,
                options: &options,
            };
            for method in module.method_ids() {
                let Ok(body) = module.body(method) else {
                    continue;
                };
                let options = isthmus_ssa::Options::new(arch);
                let Ok(unit) = isthmus_ssa::compile(module, method, &body, &options) else {
                    continue;
                };
                with(|worker| {
                    let symbol = Symbol::MethodBody(method);
                    let artifact = worker.generate(&job, &unit.func, symbol).unwrap();
                    let code = worker.context.compiled_code().unwrap();
                    let Ok(Some(UnwindInfo::SystemV(info))) = code.create_unwind_info(&*isa) else {
                        panic!("no unwind information");
                    };
                    let sizes = dwarf::sizes(&artifact).unwrap();
                    let theirs = dwarf::fde_bytes(
                        isa.create_systemv_cie().unwrap(),
                        info.to_fde(Address::Constant(0)),
                        sizes.lsda != 0,
                    );
                    assert_eq!(sizes.fde, theirs.unwrap(), "{}", module.full_name(method));
                    functions += 1;
                });
            }
        }
        functions
    }
}
