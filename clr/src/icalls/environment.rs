//! `System.Environment`, `System.AppDomain`, contexts, security switches, the debugger.

use super::string::{from_c_string, native_text};
use crate::types::types;
use crate::vm::cx::Result;
use crate::vm::{Cx, heap, process, run};
use isthmus_rt::gc::HandleKind;
use isthmus_rt::object::Ref;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

icalls! {
    "System.Environment" {
        "GetNewLine" => new_line [] -> Ref;
        "get_Platform" => platform [] -> i32;
        "internalGetEnvironmentVariable_native" => variable [name: usize] -> Ref;
        "InternalSetEnvironmentVariable" => set_variable [name: usize, name_length: i32, value: usize, value_length: i32] -> ();
        "GetEnvironmentVariableNames" => variable_names [] -> Ref;
        "get_ExitCode" => exit_code [] -> i32;
        "set_ExitCode" => set_exit_code [code: i32] -> ();
        "Exit" => exit [code: i32] -> ();
        "FailFast" => fail_fast [message: Ref, exception: Ref, source: Ref] -> ();
        "get_HasShutdownStarted" => has_shutdown_started [] -> bool;
        "get_MachineName" => machine_name [] -> Ref;
        "get_UserName" => user_name [] -> Ref;
        "internalGetHome" => home [] -> Ref;
        "GetOSVersionString" => os_version [] -> Ref;
        "GetCommandLineArgs" => arguments [] -> Ref;
        "GetIs64BitOperatingSystem" => is_64_bit [] -> bool;
        "get_ProcessorCount" => processor_count [] -> i32;
        "GetPageSize" => page_size [] -> i32;
        "GetLogicalDrivesInternal" => drives [] -> Ref;
        "GetMachineConfigPath" => machine_config [] -> Ref;
        "get_bundled_machine_config" => bundled_config [] -> Ref;
    }
    "System.AppDomain" {
        "getCurDomain" => domain [] -> Ref;
        "getRootDomain" => domain [] -> Ref;
        "getFriendlyName" => friendly_name [this: Ref] -> Ref;
        "InternalGetContext" => context [] -> Ref;
        "InternalGetDefaultContext" => context [] -> Ref;
        "InternalSetContext" => set_context [context: Ref] -> Ref;
        "InternalIsFinalizingForUnload" => is_finalizing [domain: i32] -> bool;
    }
    "System.Runtime.Remoting.Contexts.Context" {
        "RegisterContext" => register_context [context: Ref] -> ();
        "ReleaseContext" => register_context [context: Ref] -> ();
    }
    "System.Security.SecurityManager" {
        "get_SecurityEnabled" => security_enabled [] -> bool;
        "set_SecurityEnabled" => set_security_enabled [enabled: bool] -> ();
    }
    "System.CLRConfig" {
        "CheckThrowUnobservedTaskExceptions" => no_switch [] -> bool;
    }
    "Microsoft.Win32.NativeMethods" {
        "GetCurrentProcessId" => process_id [] -> i32;
    }
    "Mono.Runtime" {
        "GetDisplayName" => display_name [] -> Ref;
    }
    "System.Diagnostics.Debugger" {
        "IsAttached_internal" => is_attached [] -> bool;
        "IsLogging" => is_attached [] -> bool;
        "Log" => log [level: i32, category: Ref, message: Ref] -> ();
    }
}

fn new_line(cx: &Cx<'_>) -> Result<Ref> {
    cx.string("\n")
}

/// `PlatformID.Unix`.
fn platform(_cx: &Cx<'_>) -> Result<i32> {
    Ok(4)
}

fn variable(cx: &Cx<'_>, name: usize) -> Result<Ref> {
    if name == 0 {
        return Ok(Ref::NULL);
    }
    // SAFETY: the library passes a C string.
    from_c_string(cx, unsafe { libc::getenv(name as *const libc::c_char) }
        as usize)
}

fn set_variable(
    _cx: &Cx<'_>,
    name: usize,
    name_length: i32,
    value: usize,
    value_length: i32,
) -> Result<()> {
    let name = native_text(name, name_length);
    if name.is_empty() || name.contains(['=', '\0']) {
        return Ok(());
    }
    // SAFETY: the VM itself reads the environment only through the same C library, as Mono does.
    unsafe {
        if value == 0 || value_length == 0 {
            std::env::remove_var(name);
        } else {
            std::env::set_var(name, native_text(value, value_length).replace('\0', ""));
        }
    }
    Ok(())
}

fn variable_names(cx: &Cx<'_>) -> Result<Ref> {
    let names: Vec<String> = std::env::vars_os()
        .map(|(k, _)| k.to_string_lossy().into_owned())
        .collect();
    run::string_array(cx, &names)
}

fn exit_code(_cx: &Cx<'_>) -> Result<i32> {
    Ok(process::exit_code())
}

fn set_exit_code(_cx: &Cx<'_>, code: i32) -> Result<()> {
    process::set_exit_code(code);
    Ok(())
}

fn exit(cx: &Cx<'_>, code: i32) -> Result<()> {
    process::set_exit_code(code);
    let code = process::finish(cx);
    let _ = std::io::stdout().flush();
    std::process::exit(code)
}

fn fail_fast(cx: &Cx<'_>, message: Ref, exception: Ref, _source: Ref) -> Result<()> {
    let message = cx.text(message);
    isthmus_rt::report!(
        "{}",
        if message.is_empty() {
            "CLR: Managed code called FailFast."
        } else {
            &message
        }
    );
    if !exception.is_null() {
        isthmus_rt::report!("{}", process::describe(cx, exception));
    }
    std::process::abort()
}

fn has_shutdown_started(_cx: &Cx<'_>) -> Result<bool> {
    Ok(process::is_ending())
}

fn machine_name(cx: &Cx<'_>) -> Result<Ref> {
    let mut buffer = [0u8; 256];
    // SAFETY: stores at most that many bytes.
    unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let end = buffer.iter().position(|b| *b == 0).unwrap_or(0);
    cx.string(&String::from_utf8_lossy(&buffer[..end]))
}

/// Name (`home` false) or home directory of the user in the password database.
fn password_entry(cx: &Cx<'_>, home: bool) -> Result<Ref> {
    let mut buffer = vec![0u8; 16 * 1024];
    let mut found = std::ptr::null_mut();
    // SAFETY: the buffer outlives the use of the entry, which points into it.
    unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        libc::getpwuid_r(
            libc::geteuid(),
            &mut entry,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            &mut found,
        );
        if found.is_null() {
            return Ok(Ref::NULL);
        }
        from_c_string(cx, if home { entry.pw_dir } else { entry.pw_name } as usize)
    }
}

fn user_name(cx: &Cx<'_>) -> Result<Ref> {
    match std::env::var("USER") {
        Ok(name) if !name.is_empty() => cx.string(&name),
        _ => password_entry(cx, false),
    }
}

fn home(cx: &Cx<'_>) -> Result<Ref> {
    match std::env::var("HOME") {
        Ok(dir) if !dir.is_empty() => cx.string(&dir),
        _ => password_entry(cx, true),
    }
}

fn os_version(cx: &Cx<'_>) -> Result<Ref> {
    // SAFETY: plain data, filled by uname.
    let release = unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        libc::uname(&mut name);
        std::ffi::CStr::from_ptr(name.release.as_ptr())
            .to_string_lossy()
            .into_owned()
    };
    cx.string(&release)
}

fn arguments(cx: &Cx<'_>) -> Result<Ref> {
    let (program, args) = process::arguments();
    let list: Vec<String> = std::iter::once(program.to_string_lossy().into_owned())
        .chain(args.iter().cloned())
        .collect();
    run::string_array(cx, &list)
}

fn is_64_bit(_cx: &Cx<'_>) -> Result<bool> {
    Ok(size_of::<usize>() == 8)
}

fn processor_count(_cx: &Cx<'_>) -> Result<i32> {
    Ok(std::thread::available_parallelism().map_or(1, |n| n.get() as i32))
}

fn page_size(_cx: &Cx<'_>) -> Result<i32> {
    // SAFETY: no preconditions.
    Ok(unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as i32)
}

fn drives(cx: &Cx<'_>) -> Result<Ref> {
    run::string_array(cx, &["/".to_owned()])
}

fn domain(_cx: &Cx<'_>) -> Result<Ref> {
    Ok(process::domain())
}

fn friendly_name(cx: &Cx<'_>, _this: Ref) -> Result<Ref> {
    let name = process::arguments().0.file_name();
    cx.string(&name.unwrap_or_default().to_string_lossy())
}

static CONTEXT: AtomicUsize = AtomicUsize::new(0);

/// The default `Context`; made on first use.
fn context(cx: &Cx<'_>) -> Result<Ref> {
    if CONTEXT.load(Ordering::Acquire) == 0 {
        let class = types()
            .corlib()
            .find_type("System.Runtime.Remoting.Contexts", "Context")
            .ok_or_else(|| cx.exception("System", "TypeLoadException", "Context"))?;
        let object = cx.alloc(class)?;
        if let Some(ctor) = class.method(".ctor", 0) {
            cx.invoke(ctor, &[crate::vm::cx::Value::Ref(object)])?;
        }
        let handle = heap::strong_handle(object);
        let _ = CONTEXT.compare_exchange(0, handle, Ordering::AcqRel, Ordering::Acquire);
    }
    Ok(heap::from_handle(CONTEXT.load(Ordering::Acquire)))
}

/// Changes the current context and gives the one before.
fn set_context(cx: &Cx<'_>, new: Ref) -> Result<Ref> {
    let old = context(cx)?;
    if !new.is_null() {
        let handle = heap::heap()
            .new_handle(HandleKind::Strong, new)
            .ok_or_else(|| cx.out_of_memory())?;
        CONTEXT.store(handle.raw() as usize, Ordering::Release);
    }
    Ok(old)
}

fn is_finalizing(_cx: &Cx<'_>, _domain: i32) -> Result<bool> {
    Ok(process::is_ending())
}

/// Contexts have no native part.
fn register_context(_cx: &Cx<'_>, _context: Ref) -> Result<()> {
    Ok(())
}

/// Code access security does not exist here, as in Mono.
fn security_enabled(_cx: &Cx<'_>) -> Result<bool> {
    Ok(false)
}

fn set_security_enabled(_cx: &Cx<'_>, _enabled: bool) -> Result<()> {
    Ok(())
}

/// Exceptions of tasks that nobody looks at are dropped.
fn no_switch(_cx: &Cx<'_>) -> Result<bool> {
    Ok(false)
}

/// Where Mono's package puts the configuration of the machine.
pub(super) fn machine_config(cx: &Cx<'_>) -> Result<Ref> {
    cx.string("/etc/mono/4.5/machine.config")
}

fn bundled_config(_cx: &Cx<'_>) -> Result<Ref> {
    Ok(Ref::NULL)
}

fn process_id(_cx: &Cx<'_>) -> Result<i32> {
    Ok(std::process::id() as i32)
}

/// What programs show as the version of the runtime: they look for the class library's version in it.
fn display_name(cx: &Cx<'_>) -> Result<Ref> {
    cx.string(concat!("6.8.0 (Isthmus ", env!("CARGO_PKG_VERSION"), ")"))
}

fn is_attached(_cx: &Cx<'_>) -> Result<bool> {
    Ok(false)
}

fn log(_cx: &Cx<'_>, _level: i32, _category: Ref, _message: Ref) -> Result<()> {
    Ok(())
}
