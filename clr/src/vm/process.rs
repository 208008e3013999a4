//! The process around a program: application domain, main thread, arguments, exit.

use super::cx::{Cx, Result, Value};
use super::offsets::offsets;
use super::{exceptions, heap, options};
use crate::types::system::Assembly;
use crate::types::types;
use isthmus_rt::object::Ref;
use isthmus_rt::thread::number as thread_number;
use isthmus_rt::transition::blocking;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

static ARGUMENTS: OnceLock<(PathBuf, Vec<String>)> = OnceLock::new();
/// The thread that ends the program, by number; 0: none does.
static ENDING: AtomicU64 = AtomicU64::new(0);
static SHUT_DOWN: AtomicBool = AtomicBool::new(false);
static EXIT_CODE: AtomicI32 = AtomicI32::new(0);
static DOMAIN: AtomicUsize = AtomicUsize::new(0);
static MAIN_ASSEMBLY: OnceLock<&'static Assembly> = OnceLock::new();

/// Remembers what the program was started with.
pub fn set_arguments(program: &Path, args: &[String]) {
    let _ = ARGUMENTS.set((program.to_owned(), args.to_vec()));
}

/// The program's path and arguments.
pub fn arguments() -> (&'static Path, &'static [String]) {
    ARGUMENTS
        .get()
        .map_or((Path::new(""), &[]), |(p, a)| (p, a))
}

/// The assembly of the program.
pub fn main_assembly() -> Option<&'static Assembly> {
    MAIN_ASSEMBLY.get().copied()
}

/// `Environment.ExitCode`.
pub fn exit_code() -> i32 {
    EXIT_CODE.load(Ordering::Relaxed)
}

/// Sets `Environment.ExitCode`.
pub fn set_exit_code(code: i32) {
    EXIT_CODE.store(code, Ordering::Relaxed);
}

/// The application domain.
pub fn domain() -> Ref {
    heap::from_handle(DOMAIN.load(Ordering::Acquire))
}

/// Makes the application domain and the main thread's object.
pub fn start(cx: &Cx<'_>, program: &'static Assembly) -> Result<()> {
    let _ = MAIN_ASSEMBLY.set(program);
    set_empty_string(cx)?;
    let domain = cx.alloc(types().known.app_domain())?;
    DOMAIN.store(heap::strong_handle(domain), Ordering::Release);
    super::threads::attach_main(cx)?;
    super::finalizers::start();
    Ok(())
}

/// `String.Empty` has no initializer in the class library: the VM sets it.
fn set_empty_string(cx: &Cx<'_>) -> Result<()> {
    let string = types().known.string();
    if let Some(field) = string.field("Empty").filter(|f| f.is_static()) {
        let empty = crate::tables::literals().of_text(&[]);
        let object = super::clr::literal(empty).ok_or_else(|| cx.out_of_memory())?;
        let at = super::statics::address_of(cx, field)?;
        heap::store_ref_unknown(at, Ref::from_addr(object));
    }
    Ok(())
}

/// Whether the program is about to end, past its `ProcessExit` handlers.
pub fn is_ending() -> bool {
    SHUT_DOWN.load(Ordering::Acquire)
}

/// Runs what a program runs when it ends, once, and gives the exit code of the process. Another thread that comes here meanwhile
/// stays: the process ends when the first one is through. Only finalizers, for which that one waits, need not.
pub fn finish(cx: &Cx<'_>) -> i32 {
    let me = thread_number();
    let first = ENDING.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire);
    match first {
        Ok(_) => {}
        Err(other) if other == me || super::finalizers::is_finalizer() => return exit_code(),
        Err(_) => blocking(|| {
            loop {
                std::thread::park();
            }
        }),
    }
    raise_process_exit(cx);
    SHUT_DOWN.store(true, Ordering::Release);
    super::finalizers::end();
    if options().stats {
        let _ = std::io::stdout().flush();
        super::stats::print();
    }
    exit_code()
}

/// Raises `AppDomain.ProcessExit`; what its handlers throw is dropped.
fn raise_process_exit(cx: &Cx<'_>) {
    let (domain, class) = (domain(), types().known.app_domain());
    let Ok(at) = super::offsets::offset_of(class, "ProcessExit") else {
        return;
    };
    if domain.is_null() {
        return;
    }
    let handler: Ref = cx.read(domain, at);
    if !handler.is_null()
        && let Some(invoke) = cx.type_of(handler).method("Invoke", 2)
    {
        let args = [handler, domain, Ref::NULL].map(Value::Ref);
        let _ = cx.invoke(invoke, &args);
    }
}

/// Reports an exception that nothing handled, as Mono does, and gives the exit code of the process.
pub fn unhandled(cx: &Cx<'_>, exception: Ref) -> i32 {
    let handled = raise_unhandled(cx, exception);
    let text = describe(cx, exception);
    let _ = std::io::stdout().flush();
    if !handled {
        isthmus_rt::report!("\nUnhandled Exception:\n{text}");
    }
    isthmus_rt::report!("[ERROR] FATAL UNHANDLED EXCEPTION: {text}");
    if options().stats {
        super::stats::print();
    }
    1
}

/// An exception left a thread: reports it and ends the process. One kind ends the thread only, that of a domain that is gone.
pub fn left_thread(cx: &Cx<'_>, exception: Ref) {
    let unloaded = types()
        .corlib()
        .find_type("System", "AppDomainUnloadedException");
    if unloaded.is_some_and(|class| cx.type_of(exception).is_assignable_to(class)) {
        return;
    }
    let code = unhandled(cx, exception);
    std::process::exit(code)
}

/// Raises `AppDomain.UnhandledException`, and says whether it has handlers; what they throw is dropped.
fn raise_unhandled(cx: &Cx<'_>, exception: Ref) -> bool {
    let domain = domain();
    let class = types().known.app_domain();
    let arguments = types()
        .corlib()
        .find_type("System", "UnhandledExceptionEventArgs");
    let (Ok(at), Some(arguments), false) = (
        super::offsets::offset_of(class, "UnhandledException"),
        arguments,
        domain.is_null(),
    ) else {
        return false;
    };
    let handler: Ref = cx.read(domain, at);
    if handler.is_null() {
        return false;
    }
    let raise = || -> Result<()> {
        let object = cx.alloc(arguments)?;
        if let Some(ctor) = arguments.method(".ctor", 2) {
            let args = [Value::Ref(object), Value::Ref(exception), Value::I32(1)];
            cx.invoke(ctor, &args)?;
        }
        if let Some(invoke) = cx.type_of(handler).method("Invoke", 2) {
            let args = [Value::Ref(handler), Value::Ref(domain), Value::Ref(object)];
            cx.invoke(invoke, &args)?;
        }
        Ok(())
    };
    let _ = raise();
    true
}

/// The text of an exception: its own `ToString`, or, if that fails, class, message and trace.
pub fn describe(cx: &Cx<'_>, exception: Ref) -> String {
    let class = cx.type_of(exception);
    let to_string = types()
        .known
        .object()
        .method("ToString", 0)
        .and_then(|m| class.implementation_of(m));
    if let Some(m) = to_string
        && let Ok(result) = cx.invoke(m, &[Value::Ref(exception)])
        && let Some(&word) = result.first()
        && word != 0
    {
        return cx.text(Ref::from_addr(word as usize));
    }
    let message = cx.text(cx.read::<Ref>(exception, offsets().exception_message));
    let mut text = format!("{}: {message}", class.full_name());
    for (method, il) in exceptions::trace_of(cx, exception) {
        text.push_str(&format!("\n  at {} [IL_{il:04x}]", method.full_name()));
    }
    text
}
