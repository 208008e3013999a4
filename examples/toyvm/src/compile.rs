//! From a body to code.
//!
//! Both compilers have the same ends: a [`BodySource`] that answers their questions, and a [`CompiledMethod`] that the runtime installs.
//! The optimizing one may decline a method (a construct that it does not know, a method too large); then the baseline compiler, which
//! takes everything, steps in. A method is compiled when it is first called; the runtime sees to it that there is stack enough.

use crate::run::{Options, Stats};
use isthmus_frontend_ir::body::{Body, BodySource};
use isthmus_frontend_ir::module::Module;
use isthmus_runtime_abi::artifact::{CompiledMethod, OsrEntry};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::target::Arch;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Which compiler makes the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// One pass from stack IR.
    Baseline,
    /// Through SSA and Cranelift.
    Opt,
    /// One pass first; what turns out to be hot through SSA and Cranelift. The runtime decides (`rt::tiers`).
    Auto,
}

/// Compiles methods and counts.
#[derive(Debug)]
pub struct Compiler {
    module: &'static Module,
    options: Options,
    arch: Arch,
    stats: Mutex<Stats>,
    error: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics while it holds one of these; if it did, the counters would still be usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Compiler {
    /// A compiler for the methods of a module.
    pub fn new(module: &'static Module, options: Options) -> Compiler {
        Compiler {
            module,
            options,
            arch: Arch::host().unwrap_or(Arch::X64),
            stats: Mutex::default(),
            error: Mutex::default(),
        }
    }

    /// Counts so far.
    pub fn stats(&self) -> Stats {
        lock(&self.stats).clone()
    }

    /// The first error, if there was one.
    pub fn error(&self) -> Option<String> {
        lock(&self.error).clone()
    }

    /// Code for a method with a body. `None`: it cannot be compiled; the error is noted.
    pub fn compile(&self, method: MethodId) -> Option<CompiledMethod> {
        let result = self.by_tier(method);
        result
            .map_err(|error| *lock(&self.error) = Some(error))
            .ok()
    }

    fn by_tier(&self, method: MethodId) -> Result<CompiledMethod, String> {
        let start = Instant::now();
        let body = self.module.body(method).map_err(|e| e.to_string())?;
        let code = match self.options.tier {
            Tier::Baseline | Tier::Auto => self.baseline(&body),
            Tier::Opt => self.optimize(method, &body, None).or_else(|why| {
                if self.options.no_fallback {
                    return Err(why);
                }
                lock(&self.stats).declined.push(why);
                self.baseline(&body)
            }),
        };
        lock(&self.stats).compile_us += start.elapsed().as_micros();
        code
    }

    /// Optimized code for a method that has become hot, or for what is left of it from a loop header on.
    pub fn compile_hot(
        &self,
        method: MethodId,
        entry: Option<&OsrEntry>,
    ) -> Option<CompiledMethod> {
        let code = (self.module.body(method).map_err(|e| e.to_string()))
            .and_then(|body| self.optimize(method, &body, entry));
        code.map_err(|why| lock(&self.stats).declined.push(why))
            .ok()
    }

    fn baseline(&self, body: &Body) -> Result<CompiledMethod, String> {
        let weights = self.options.tiering.weights();
        let count = isthmus_baseline::Count {
            call: weights.call,
            turn: weights.turn,
        };
        let options = isthmus_baseline::Options {
            arch: self.arch,
            count: (self.options.tier == Tier::Auto).then_some(count),
            ..Default::default()
        };
        let code = isthmus_baseline::compile(self.module, body, &options);
        lock(&self.stats).baseline += 1;
        code.map_err(|e| self.declined(body.method, &e))
    }

    fn optimize(
        &self,
        method: MethodId,
        body: &Arc<Body>,
        entry: Option<&OsrEntry>,
    ) -> Result<CompiledMethod, String> {
        let options = isthmus_ssa::Options {
            osr: entry.cloned(),
            ..isthmus_ssa::Options::new(self.arch)
        };
        let unit = isthmus_ssa::compile(self.module, method, body, &options)
            .map_err(|e| self.declined(method, &e))?;
        let options = isthmus_lower::Options::default();
        let code = isthmus_lower::compile(self.module, &unit, self.arch, &options)
            .map_err(|e| self.declined(method, &e))?;
        lock(&self.stats).optimized += 1;
        Ok(code)
    }

    fn declined(&self, method: MethodId, why: &dyn std::fmt::Display) -> String {
        format!("{}: {why}", self.module.full_name(method))
    }
}
