//! `isthmus dump`.

use crate::output::{out, outln};
use crate::run::Tier;
use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use isthmus_clr::body;
use isthmus_clr::cil::text::ClrNames;
use isthmus_clr::types::member::array_methods;
use isthmus_clr::types::system::Assembly;
use isthmus_clr::types::{Method, Type, TypeKey, types};
use isthmus_clr::vm::env::ClrEnv;
use isthmus_clr::vm::run::start_types;
use isthmus_frontend_ir::body::{Body, BodySource};
use isthmus_frontend_ir::text::print::Names;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::target::Arch;
use std::path::PathBuf;
use std::sync::Arc;

/// A target.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Target {
    /// x86-64.
    X64,
    /// AArch64.
    A64,
}

impl From<Target> for Arch {
    fn from(target: Target) -> Arch {
        match target {
            Target::X64 => Arch::X64,
            Target::A64 => Arch::A64,
        }
    }
}

/// A stage of compilation.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Stage {
    /// CIL as it is in the file (of a `.sir` module: stack IR).
    Il,
    /// Stack IR.
    Stack,
    /// SSA, after all passes or after the one named by --pass.
    Ssa,
    /// Cranelift IR.
    Clif,
    /// Machine code.
    Asm,
    /// Unwind and exception tables.
    Eh,
}

/// Arguments of `dump`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to show.
    #[arg(long, value_enum, default_value = "ssa")]
    stage: Stage,
    /// Compiler.
    #[arg(long, value_enum, default_value = "opt")]
    tier: Tier,
    /// Target of the code.
    #[arg(long, value_enum, default_value = "x64")]
    target: Target,
    /// Show SSA after this pass (`build`: before the first).
    #[arg(long)]
    pass: Option<String>,
    /// The method, as `Type::Name` (`.sir`: also a function's name). `System.Int32[,]::Get` is one that the runtime makes.
    #[arg(long, value_name = "TYPE::NAME")]
    method: String,
    /// Directory of the class library.
    #[arg(long, value_name = "DIR")]
    bcl: Option<PathBuf>,
    /// The assembly.
    file: PathBuf,
}

/// Finds the methods that a `Type::Name` names, in the form that code is compiled for.
fn find(assembly: &'static Assembly, name: &str) -> Result<Vec<&'static Method>> {
    let Some((class, method)) = name.rsplit_once("::").filter(|(_, m)| !m.is_empty()) else {
        bail!("--method wants Type::Name, not {name:?}");
    };
    let mut found = Vec::new();
    if class.ends_with(']') {
        let of_array = array_methods(array(assembly, class)?);
        found.extend(of_array.into_iter().map(Method::code));
    } else {
        for ty in assembly.canonical_types() {
            let ty = ty?;
            if ty.qualified_name('+') == class {
                found.extend(assembly.canonical_methods(ty)?);
            }
        }
    }
    found.retain(|m| m.name == method);
    if found.is_empty() {
        bail!("{} has no method {name}", assembly.name);
    }
    Ok(found)
}

/// The type of arrays that a name like `System.Int32[,]` means; elements of the assembly or of mscorlib. The runtime makes its methods.
fn array(assembly: &'static Assembly, name: &str) -> Result<&'static Type> {
    let unknown = || anyhow!("{} has no type {name}", assembly.name);
    let Some(element) = name.strip_suffix(']') else {
        let named = |t: &&'static Type| t.qualified_name('+') == name;
        let types_of = |a: &'static Assembly| a.canonical_types().filter_map(Result::ok);
        return types_of(assembly)
            .find(named)
            .or_else(|| types_of(types().corlib()).find(named))
            .ok_or_else(unknown);
    };
    let (element, commas) = element.rsplit_once('[').ok_or_else(unknown)?;
    if commas.chars().any(|c| c != ',') {
        return Err(unknown());
    }
    let element = array(assembly, element)?;
    Ok(types().intern(match commas.len() {
        0 => TypeKey::SzArray(element.id),
        n => TypeKey::MdArray(element.id, n as u32 + 1),
    })?)
}

/// What bodies come from: a program or a `.sir` module.
struct Source<'a> {
    env: &'a dyn BodySource,
    names: &'a dyn Names,
}

/// Prints a stage of a method.
pub fn run(args: Args) -> Result<()> {
    if args.file.extension().is_some_and(|e| e == "sir") {
        return run_module(&args);
    }
    start_types(&args.file, args.bcl.as_deref())?;
    let assembly = types().load_file(&args.file)?;
    let env = ClrEnv::default();
    let source = Source {
        env: &env,
        names: &ClrNames,
    };
    for m in find(assembly, &args.method)? {
        outln!("// {}", m.full_name());
        if args.stage == Stage::Il {
            out!("{}", isthmus_clr::cil::text::cil(m)?);
        } else {
            let body = body::of(m).with_context(|| m.full_name())?;
            out!("{}", stage(&source, &body, &args)?);
        }
    }
    Ok(())
}

/// The same for a `.sir` module.
fn run_module(args: &Args) -> Result<()> {
    let text =
        std::fs::read_to_string(&args.file).with_context(|| args.file.display().to_string())?;
    let module = isthmus_frontend_ir::text::parse(&text)
        .map_err(|e| anyhow!("{}:{e}", args.file.display()))?;
    let Some(id) = module.find_full(&args.method) else {
        bail!("{} has no method {}", args.file.display(), args.method);
    };
    let body = module.body(id)?;
    let source = Source {
        env: &module,
        names: &module,
    };
    outln!("// {}", module.full_name(id));
    out!("{}", stage(&source, &body, args)?);
    Ok(())
}

/// The text of a stage.
fn stage(source: &Source<'_>, body: &Arc<Body>, args: &Args) -> Result<String> {
    let (arch, env) = (args.target.into(), source.env);
    if matches!(args.stage, Stage::Il | Stage::Stack) {
        return Ok(isthmus_frontend_ir::text::print::body(
            source.names,
            body,
            "    ",
        ));
    }
    if args.tier == Tier::Baseline {
        let artifact = isthmus_baseline::compile(env, body, &isthmus_baseline::Options::default())?;
        return artifact_stage(env, &artifact, args.stage);
    }
    let mut shown = String::new();
    let mut show = |pass: &'static str, unit: &isthmus_ssa::ir::Unit| {
        if args.pass.as_deref() == Some(pass) {
            shown = unit.to_string();
        }
    };
    let unit = isthmus_ssa::compile_with(
        env,
        body.method,
        body,
        &isthmus_ssa::Options::new(arch),
        &mut show,
    )?;
    let options = isthmus_lower::Options {
        line_map: true,
        ..Default::default()
    };
    Ok(match (args.stage, &args.pass) {
        (Stage::Ssa, Some(pass)) if shown.is_empty() => bail!("there is no pass {pass:?}"),
        (Stage::Ssa, Some(_)) => shown,
        (Stage::Ssa, None) => unit.to_string(),
        (Stage::Clif, _) => isthmus_lower::dump::clif(env, &unit, arch, &options, false)?,
        (Stage::Asm, _) => isthmus_lower::dump::asm(env, &unit, arch, &options)?,
        (stage, _) => artifact_stage(
            env,
            &isthmus_lower::compile(env, &unit, arch, &options)?,
            stage,
        )?,
    })
}

/// The text of a stage that both tiers have.
fn artifact_stage(env: &dyn BodySource, artifact: &CompiledMethod, stage: Stage) -> Result<String> {
    match stage {
        Stage::Asm => Ok(isthmus_lower::dump::listing(env, artifact)),
        Stage::Eh => {
            let table =
                isthmus_eh_tables::encode::encode(artifact, &vec![0; artifact.filters.len()])?;
            Ok(isthmus_eh_tables::dump::dump(
                &table,
                artifact.arch,
                &TableNames(env),
            ))
        }
        other => bail!("the baseline tier has no stage {other:?}"),
    }
}

/// Names for the dump of tables.
struct TableNames<'a>(&'a dyn BodySource);

impl isthmus_eh_tables::dump::Names for TableNames<'_> {
    fn method(&self, id: MethodId) -> String {
        self.0.method_name(id)
    }
    fn ty(&self, id: TypeId) -> String {
        self.0.type_name(id)
    }
}
