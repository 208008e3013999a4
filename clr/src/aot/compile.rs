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

use super::modules::Modules;
use super::names::Writer;
use super::slots;
use crate::body::{self, Implementation};
use crate::comparers;
use crate::types::system::{Assembly, types};
use crate::types::{Method, MethodKind, Type, TypeKey};
use crate::vm::env::{ClrEnv, EnvOptions};
use crate::vm::{optimizer, tiers};
use isthmus_aot::build::{BuildError, Builder, Parts};
use isthmus_aot::names::{Id, Names};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
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
}

/// Reasons, how many methods have each, and one of them.
pub type Declined = BTreeMap<String, (usize, String)>;

/// Progress of [`assembly`]: called with the number of methods done and of those known.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Bytes of stack of a compiling thread: the compilers recurse over expressions and regions.
const COMPILER_STACK: usize = 64 << 20;

/// The largest number of instances that an image takes up.
const MAX_INSTANCES: usize = 20_000;

/// A method's code and whose generic contexts it looks things up in, or why there is none.
type Compiled = (&'static Method, Result<(CompiledMethod, Vec<Id>), String>);

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
    let (mut methods, mut instances) = (0, 0);
    while !batch.is_empty() {
        let before = seen.len() - batch.len();
        let compiled = compile(&batch, settings, &|done| {
            progress(before + done, seen.len())
        });
        let mut found = Vec::new();
        for (m, result) in compiled {
            let result = result.and_then(|(code, owners)| {
                mentioned(&code, &mut found);
                // Shared code finds what it needs in its context.
                for &owner in owners.iter().filter(|&&owner| owners_seen.insert(owner)) {
                    let slots = slots::symbols(owner).into_iter();
                    slots.for_each(|symbol| mentioned_by(symbol, &mut found));
                }
                made_by_reflection(m, &mut found);
                builder.add(m.id, code, &owners).map_err(|e| e.to_string())
            });
            match result {
                Ok(()) => methods += 1,
                Err(reason) => decline(&mut declined, reason, m.full_name()),
            }
        }
        found.retain(|m| seen.insert(m.id));
        batch = in_order(found, &modules);
        let room = batch.len().min(MAX_INSTANCES.saturating_sub(instances));
        for m in batch.drain(room..) {
            let reason = format!("an image takes up {MAX_INSTANCES} instances at most");
            decline(&mut declined, reason, m.full_name());
        }
        instances += batch.len();
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
                let has_code = |m: &&'static Method| has_body(m) || tiers::has_stub_ahead(m, arch);
                all.extend(methods.into_iter().filter(has_code));
            }
            Err(error) => decline(declined, error.to_string(), assembly.name.clone()),
        }
    }
    all
}

fn has_body(m: &'static Method) -> bool {
    matches!(
        body::implementation(m),
        Implementation::Il | Implementation::Synthetic
    )
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

fn compile_one(
    m: &'static Method,
    settings: Settings,
) -> Result<(CompiledMethod, Vec<Id>), String> {
    if !has_body(m) {
        let stub = tiers::stub_ahead(m).map_err(|e| e.to_string())?;
        return Ok((stub, Vec::new()));
    }
    let body = body::of(m).map_err(|e| e.to_string())?;
    let (code, owners) =
        slots::recorded(|| optimizer::compile(&env(settings), &body, None, settings.arch));
    Ok((code?, owners))
}

/// Instances of generic methods that code mentions, or that run because of what it mentions.
fn mentioned(code: &CompiledMethod, found: &mut Vec<&'static Method>) {
    for reloc in &code.relocs {
        mentioned_by(reloc.symbol, found);
    }
    for filter in &code.filters {
        mentioned(filter, found);
    }
}

fn mentioned_by(symbol: Symbol, found: &mut Vec<&'static Method>) {
    let ts = types();
    let from = found.len();
    match symbol {
        Symbol::MethodCell(m)
        | Symbol::MethodBody(m)
        | Symbol::MethodEntry(m)
        | Symbol::GenericContext(m) => found.push(ts.method(m).code()),
        Symbol::Vtable(t)
        | Symbol::InitState(t)
        | Symbol::Statics(t)
        | Symbol::RefStatics(t)
        | Symbol::ThreadStatics(t) => {
            let t = ts.ty(t);
            if !t.args.is_empty() && !t.is_open {
                let slots = t.vtable().map(|plan| plan.slots.iter().copied());
                let all = slots.into_iter().flatten().chain(t.class_constructor());
                found.extend(all.map(Method::code));
            } else if t.is_sz_array() && t.element().is_some_and(Type::is_value) {
                found.extend(of_array(t).map(Method::code));
            }
        }
        _ => {}
    }
    let mut all = found.split_off(from);
    all.retain(|m| is_instance(m) && has_body(m));
    found.extend(all);
}

/// The methods by which an array implements generic interfaces.
fn of_array(array: &'static Type) -> impl Iterator<Item = &'static Method> {
    let interfaces = array.interfaces().unwrap_or_default().iter();
    let own = interfaces.filter(|i| i.args.first().copied() == array.element());
    let methods = own.flat_map(|i| i.methods().unwrap_or_default());
    methods.filter_map(|m| array.interface_implementation(m))
}

/// Methods of the comparers whose class depends on the type that is compared: code makes them by reflection.
fn made_by_reflection(m: &Method, found: &mut Vec<&'static Method>) {
    let Some(class) = comparers::made_by(m) else {
        return;
    };
    let slots = class.vtable().map(|plan| plan.slots.iter());
    let constructor = class.method(".ctor", 0);
    let all = slots.into_iter().flatten().copied().chain(constructor);
    let all = all.map(Method::code);
    found.extend(all.filter(|m| is_instance(m) && has_body(m)));
}

/// Whether a method is an instance that no list of an assembly's methods has: an argument of it is a value type.
fn is_instance(m: &'static Method) -> bool {
    let args = || m.owner.args.iter().chain(&m.args);
    let exact =
        |t: &&&'static Type| !matches!(t.key, TypeKey::SharedVar(_) | TypeKey::SharedMVar(_));
    // These are in no list either.
    let made = m.owner.element().is_some() || matches!(m.kind, MethodKind::InvokeAll(_));
    (made || args().find(exact).is_some()) && !m.owner.is_open && args().all(|t| !t.is_open)
}

/// Without doubles, in the order of their names. Those without a name exist in this process only.
fn in_order(found: Vec<&'static Method>, modules: &Modules) -> Vec<&'static Method> {
    // Names begin with numbers of modules, so all modules must have theirs before.
    let mut writer = Writer::growing(modules);
    let mut named: Vec<(Vec<u8>, &'static Method)> = Vec::new();
    for m in found {
        let mut name = Vec::new();
        if writer.write(Id::Method(m.id), &mut name).is_ok() {
            named.push((name, m));
        }
    }
    named.sort_by(|a, b| a.0.cmp(&b.0));
    named.into_iter().map(|(_, m)| m).collect()
}
