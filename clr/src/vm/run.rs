//! Starting the VM and running a program.

use super::clr::Clr;
use super::cx::{Cx, Value};
use super::tiers::Tier;
use super::{Options, exceptions, offsets, optimizer, set_options, set_runtime};
use crate::types::system::{Assembly, BuiltIn, SearchPath};
use crate::types::{LoadError, Method, TypeSystem, types};
use isthmus_rt::gc::{Heap, HeapOptions};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::runtime::{Config, Runtime};
use std::path::{Path, PathBuf};

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The class library is not there.
    #[error(
        "no class library found in {}: install the package libmono-corlib4.5-cil (and libmono-system-core4.0-cil), or name its directory with --bcl or ISTHMUS_BCL",
        .0.display()
    )]
    NoClassLibrary(PathBuf),
    /// The program or something it needs at once cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The runtime cannot start.
    #[error(transparent)]
    Start(#[from] isthmus_rt::runtime::StartError),
    /// The main thread cannot run managed code.
    #[error(transparent)]
    Attach(#[from] isthmus_rt::thread::AttachError),
    /// There is nothing to start.
    #[error("{0} has no entry point")]
    NoEntryPoint(String),
}

/// Where the class library is: the option, `ISTHMUS_BCL`, the usual place.
pub fn class_library(option: Option<&Path>) -> PathBuf {
    match (option, std::env::var_os("ISTHMUS_BCL")) {
        (Some(dir), _) => dir.to_owned(),
        (None, Some(dir)) if !dir.is_empty() => dir.into(),
        _ => PathBuf::from("/usr/lib/mono/4.5"),
    }
}

/// Loads mscorlib; the program's directory is searched for other assemblies.
pub fn start_types(program: &Path, bcl: Option<&Path>) -> Result<&'static TypeSystem, RunError> {
    let bcl = class_library(bcl);
    if !bcl.join("mscorlib.dll").is_file() {
        return Err(RunError::NoClassLibrary(bcl));
    }
    let app = program.parent().map(Path::to_owned).unwrap_or_default();
    let search = SearchPath {
        app,
        bcl,
        built_in: Vec::new(),
    };
    Ok(TypeSystem::start(search)?)
}

/// The heap that the options ask for.
fn heap_options(options: &Options) -> HeapOptions {
    let mut heap = HeapOptions::default();
    if options.gc_stress {
        heap.stress = options.gc_stress_interval;
    }
    heap
}

/// Starts the runtime under the type system.
pub fn start_runtime(options: Options) -> Result<&'static Runtime, RunError> {
    offsets::check()?;
    let heap = heap_options(&options);
    let tiers = options.tier == Tier::Auto && optimizer::IS_PRESENT && !options.no_compiler;
    let tiering = tiers.then(|| options.tiering.clone());
    let perf_map = options.perf_map;
    set_options(options);
    let runtime = Runtime::new(
        Config {
            heap: Some(heap),
            tiering,
            perf_map,
            ..Config::default()
        },
        Box::new(Clr),
    )?;
    set_runtime(runtime);
    Ok(runtime)
}

/// Runs a program's `Main` and returns its exit code.
pub fn run(program: &Path, args: &[String], options: Options) -> Result<i32, RunError> {
    // The collector's address space is reserved on another thread while assemblies are read.
    Heap::prepare(&heap_options(&options));
    let ts = start_types(program, options.bcl.as_deref())?;
    let assembly = ts.load_file(program)?;
    run_loaded(program, assembly, args, options)
}

/// Runs the program that this executable was made of: the first one of its assemblies. `executable`: its file.
pub fn run_built_in(
    executable: &Path,
    built_in: Vec<BuiltIn>,
    args: &[String],
    options: Options,
) -> Result<i32, RunError> {
    Heap::prepare(&heap_options(&options));
    let program = built_in.first().copied();
    let program = program.ok_or_else(|| RunError::NoEntryPoint("the executable".to_owned()))?;
    let app = executable.parent().map(Path::to_owned);
    let ts = TypeSystem::start(SearchPath {
        built_in,
        app: app.unwrap_or_default(),
        bcl: class_library(options.bcl.as_deref()),
    })?;
    let assembly = ts.load_built_in(&program)?;
    run_loaded(executable, assembly, args, options)
}

/// Runs a program's `Main` once its assembly is loaded.
fn run_loaded(
    program: &Path,
    assembly: &'static Assembly,
    args: &[String],
    options: Options,
) -> Result<i32, RunError> {
    let main = entry_point(assembly)?;
    let runtime = start_runtime(options)?;
    let attachment = runtime.attach()?;
    let cx = Cx {
        thread: &attachment,
    };
    super::process::set_arguments(program, args);
    exceptions::start(&cx);
    let result = super::process::start(&cx, assembly).and_then(|()| call_main(&cx, main, args));
    if result.is_ok() {
        super::threads::join_foreground();
    }
    let code = match result {
        Ok(()) => super::process::finish(&cx),
        Err(thrown) => super::process::unhandled(&cx, thrown.exception),
    };
    Ok(code)
}

/// The method that a program starts with.
pub(crate) fn entry_point(assembly: &'static Assembly) -> Result<&'static Method, RunError> {
    let missing = || RunError::NoEntryPoint(assembly.image.name().to_owned());
    let token = assembly.image.entry_point().ok_or_else(missing)?;
    let main = assembly.resolve_method(token, crate::types::generics::Scope::EMPTY)?;
    let sig = main.sig()?;
    let strings = types().sz_array(types().known.string())?;
    let known = types().known.int32();
    let result = sig.ret.is_void() || sig.ret == known || sig.ret == types().known.uint32();
    let startable = main.is_static() && !sig.has_this && !sig.vararg && main.is_closed();
    if !(startable && result && (sig.params.is_empty() || sig.params == [strings])) {
        return Err(missing());
    }
    Ok(main)
}

/// Runs `Main`. Its result becomes the exit code, which other threads may still change.
fn call_main(cx: &Cx<'_>, main: &'static Method, args: &[String]) -> Result<(), Thrown> {
    let sig = main.sig().map_err(|e| cx.load_error(&e))?;
    let result = if sig.params.is_empty() {
        cx.invoke(main, &[])?
    } else {
        let list = string_array(cx, args)?;
        cx.invoke(main, &[Value::Ref(list)])?
    };
    if !sig.ret.is_void() {
        super::process::set_exit_code(result.first().map_or(0, |&w| w as i32));
    }
    Ok(())
}

/// A `string[]`.
pub fn string_array(cx: &Cx<'_>, texts: &[String]) -> Result<Ref, Thrown> {
    let list = cx.alloc_array(types().known.string(), texts.len())?;
    for (i, text) in texts.iter().enumerate() {
        let string = cx.string(text)?;
        cx.set_element(list, i, string);
    }
    Ok(list)
}
