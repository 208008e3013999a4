//! Compiles assemblies into images.
//!
//! ```text
//!  every method with a body ─┐
//!                            ├─▶ optimized code, in parallel, class by class ─▶ Builder ─▶ Parts
//!  instances that code and ──┘        │
//!  vtables mention  ◀─────────────────┘  (again, until there are no new ones)
//! ```
//!
//! The same assemblies give the same bytes: methods are compiled in the order of the metadata, instances in the order of their names, and
//! slots of generic contexts are numbered class by class.

use super::crossings::{self, Crossings, Delegate};
use super::instances::{Found, MAX_NESTING};
use super::modules::Modules;
use super::names::Writer;
use super::reflection::{Reflection, Said, Unknown};
use super::slots;
use crate::types::system::Assembly;
use crate::types::{Method, missing};
use crate::vm::env::{ClrEnv, EnvOptions};
use crate::vm::optimizer;
use crate::vm::tiers::{self, Ahead};
use isthmus_aot::build::{BuildError, Builder, Parts};
use isthmus_aot::names::Id;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How assemblies are compiled.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// For which architecture.
    pub arch: Arch,
    /// What code may use of the processor. The image says so.
    pub features: FeatureSet,
    /// Whether to keep which instructions of CIL code is of ([`Parts::sources`]).
    pub sources: bool,
    /// Whether the program runs without a compiler: methods that need an assembly which is missing have code, too; it throws.
    pub no_compiler: bool,
    /// On how many threads.
    pub jobs: usize,
}

/// What became of an assembly.
pub struct Made {
    /// The image.
    pub parts: Parts,
    /// Methods whose code is in it.
    pub methods: usize,
    /// Instances of generic methods among them.
    pub instances: usize,
    /// Methods that are not in it.
    pub declined: Declined,
    /// What only runs of the program show.
    pub unknown: Unknown,
}

/// Reasons, how many methods have each, and one of them.
pub type Declined = BTreeMap<String, (usize, String)>;

/// Progress of [`assembly`]: called with the number of methods done and of those known.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Bytes of stack of a compiling thread: the compilers recurse over expressions and regions.
pub const COMPILER_STACK: usize = 64 << 20;

/// The largest number of instances that an image takes up.
const MAX_INSTANCES: usize = 20_000;

/// A method's code.
struct Code {
    artifact: CompiledMethod,
    /// Whose generic contexts it looks things up in.
    owners: Vec<Id>,
    /// The delegates that its body makes.
    delegates: Vec<Delegate>,
    /// What its body says of types and members as data, in programs.
    said: Said,
}

/// A method and its code, or why there is none.
type Compiled = (&'static Method, Result<Code, String>);

/// Compiles an assembly.
pub fn assembly(
    assembly: &'static Assembly,
    settings: Settings,
    progress: Progress<'_>,
) -> Result<Made, BuildError> {
    let arch = settings.arch;
    let modules = Modules::of(assembly);
    let mut writer = Writer::growing(&modules);
    let mut builder = Builder::new(arch, &mut writer);
    if settings.sources {
        builder.keep_sources();
    }
    let mut declined = Declined::new();
    let mut batch = methods_of(assembly, arch, &mut declined);
    let mut seen: FxHashSet<MethodId> = batch.iter().map(|m| m.id).collect();
    let mut owners_seen: FxHashSet<Id> = FxHashSet::default();
    let mut crossings = Crossings::of(assembly);
    let is_program = assembly.image.entry_point().is_some();
    let mut found = Found::new(arch, is_program);
    let mut reflection = Reflection::of(assembly);
    if is_program {
        reflection.properties(&mut found);
    }
    let (mut methods, mut instances) = (0, 0);
    while !batch.is_empty() {
        let before = seen.len() - batch.len();
        let compiled = compile(&batch, settings, &|done| {
            progress(before + done, seen.len())
        });
        for (m, result) in compiled {
            let result = result.and_then(|code| {
                found.by_code(&code.artifact);
                // Shared code finds what it needs in its context.
                for &owner in (code.owners.iter()).filter(|&&owner| owners_seen.insert(owner)) {
                    let slots = slots::symbols(owner).into_iter();
                    slots.for_each(|symbol| found.by_symbol(symbol));
                }
                found.by_reflection(m);
                if is_program {
                    reflection.add(m, &code.said, &mut found);
                }
                if Arch::host() == Some(arch) {
                    crossings.add(m, &code.artifact, &code.delegates);
                }
                let added = builder.add(m.id, code.artifact, &code.owners);
                added.map_err(|e| e.to_string())
            });
            match result {
                Ok(()) => methods += 1,
                Err(reason) => decline(&mut declined, reason, m.full_name()),
            }
        }
        crossings.methods(&mut found);
        batch = found.take(&modules, |m| seen.insert(m.id));
        let room = batch.len().min(MAX_INSTANCES.saturating_sub(instances));
        for m in batch.drain(room..) {
            let reason = format!("an image takes up {MAX_INSTANCES} instances at most");
            decline(&mut declined, reason, m.full_name());
        }
        instances += batch.len();
    }
    for m in found.too_deep() {
        let reason = format!("its type arguments are nested more than {MAX_NESTING} deep");
        decline(&mut declined, reason, m.full_name());
    }
    for owner in builder.owners() {
        builder.add_slots(owner, &slots::symbols(owner))?;
    }
    let parts = builder.finish(&modules.to_bytes(), settings.features)?;
    Ok(Made {
        parts,
        methods,
        instances,
        declined,
        unknown: reflection.unknown(),
    })
}

fn decline(declined: &mut Declined, reason: String, name: String) {
    declined.entry(reason).or_insert((0, name)).0 += 1;
}

/// The methods of an assembly that have a body to compile or call a native function as it is, in the order of the metadata.
fn methods_of(
    assembly: &'static Assembly,
    arch: Arch,
    declined: &mut Declined,
) -> Vec<&'static Method> {
    let mut all = Vec::new();
    for ty in assembly.canonical_types() {
        match ty.and_then(|ty| assembly.canonical_methods(ty)) {
            Ok(methods) => {
                let has_code = |m: &&'static Method| tiers::ahead(m, arch) != Ahead::Nothing;
                all.extend(methods.into_iter().filter(has_code));
            }
            Err(error) => decline(declined, error.to_string(), assembly.name.clone()),
        }
    }
    all
}

/// Compiles methods on several threads; the results are in the order of the methods. `done` is called with how many are.
fn compile(
    methods: &[&'static Method],
    settings: Settings,
    done: &(dyn Fn(usize) + Sync),
) -> Vec<Compiled> {
    let results: Vec<Mutex<Option<Compiled>>> = methods.iter().map(|_| Mutex::new(None)).collect();
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..settings.jobs.clamp(1, methods.len().max(1)) {
            let worker = std::thread::Builder::new().stack_size(COMPILER_STACK);
            let work = || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(m) = methods.get(number) else { break };
                    let result = (*m, compile_one(m, settings));
                    *results[number].lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
                    done(finished.fetch_add(1, Ordering::Relaxed) + 1);
                }
            };
            worker
                .spawn_scoped(scope, work)
                .expect("a thread can be started");
        }
    });
    let results = results.into_iter();
    results
        .filter_map(|r| r.into_inner().unwrap_or_else(|e| e.into_inner()))
        .collect()
}

/// The environment in which code of images is compiled: it knows of nothing that is only so in this process.
fn env(settings: Settings) -> ClrEnv {
    ClrEnv {
        options: EnvOptions {
            ahead: true,
            features: settings.features,
            line_map: settings.sources,
            ..EnvOptions::default()
        },
    }
}

fn compile_one(m: &'static Method, settings: Settings) -> Result<Code, String> {
    let noted = missing::count();
    let body = tiers::body_of(m).map_err(|e| e.to_string())?;
    let Some(body) = body else {
        return Ok(Code {
            artifact: tiers::stub_ahead(m).map_err(|e| e.to_string())?,
            owners: Vec::new(),
            delegates: Vec::new(),
            said: Said::default(),
        });
    };
    let (code, owners) =
        slots::recorded(|| optimizer::compile(&env(settings), &body, None, settings.arch));
    if noted != missing::count() && !settings.no_compiler {
        return Err("it needs an assembly that is missing, which the program may find".to_owned());
    }
    Ok(Code {
        artifact: code?,
        owners,
        delegates: crossings::delegates_made(&body),
        said: Said::by(&body),
    })
}
