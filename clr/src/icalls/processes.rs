//! `System.Diagnostics.Process`: programs that are started, and what is known of processes.
//!
//! A process has a handle to wait for, which is an event that a thread of the runtime sets when the child is gone. Duplicates of it,
//! which the library makes to wait and to ask, are events of their own.

use super::io::set;
use super::waiting;
use crate::emit::objects::Fields;
use crate::metadata::Image;
use crate::types::types;
use crate::vm::Cx;
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use isthmus_rt::object::Ref;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

icalls! {
    "System.Diagnostics.Process" {
        "CreateProcess_internal" => create [start: Ref, input: usize, output: usize, errors: usize, info: usize] -> bool;
        "ShellExecuteEx_internal" => execute [start: Ref, info: usize] -> bool;
        "GetProcess_internal" => open [pid: i32] -> usize;
        "GetProcesses_internal" => all [] -> Ref;
        "ProcessName_icall" => name [handle: usize] -> Ref;
        "GetProcessData" => data [pid: i32, kind: i32, error: usize] -> i64;
    }
    "Microsoft.Win32.NativeMethods" {
        "GetCurrentProcess" => own_handle [] -> usize;
        "GetCurrentProcessId" => own_number [] -> i32;
        "GetExitCodeProcess" => exit_code [handle: usize, code: usize] -> bool;
        "TerminateProcess" => terminate [handle: usize, code: i32] -> bool;
        "CloseProcess" => close [handle: usize] -> bool;
        "GetProcessTimes" => times [handle: usize, created: usize, ended: usize, kernel: usize, user: usize] -> bool;
        "GetPriorityClass" => priority [handle: usize] -> i32;
    }
}

/// What Windows gives for the process itself.
const SELF: usize = usize::MAX;

/// A process that there is a handle for.
struct Process {
    pid: i32,
    /// Whether it was started here, so that its end is noticed.
    is_child: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    exit_code: Option<i32>,
    /// Handles to be set when it ends.
    waiters: Vec<usize>,
}

static HANDLES: Mutex<Option<FxHashMap<usize, Arc<Process>>>> = Mutex::new(None);

impl Process {
    /// Keeps a process under a handle.
    fn keep(self: Arc<Process>) -> usize {
        let handle = self.waitable();
        HANDLES.lock().get_or_insert_default().insert(handle, self);
        handle
    }

    /// A handle to wait for its end.
    fn waitable(&self) -> usize {
        let mut state = self.state.lock();
        let handle = waiting::create_signal(state.exit_code.is_some());
        state.waiters.push(handle);
        handle
    }

    fn find(handle: usize) -> Option<Arc<Process>> {
        if handle == SELF {
            return Some(Arc::new(Process::other(std::process::id() as i32)));
        }
        HANDLES.lock().as_ref()?.get(&handle).cloned()
    }

    fn other(pid: i32) -> Process {
        Process {
            pid,
            is_child: false,
            state: Mutex::default(),
        }
    }

    fn ended(&self, code: i32) {
        let mut state = self.state.lock();
        state.exit_code = Some(code);
        state.waiters.drain(..).for_each(waiting::signal);
    }
}

/// Another handle of the same process; none if the handle is not a process's.
pub(super) fn duplicate(handle: usize) -> Option<usize> {
    Process::find(handle).map(Process::keep)
}

/// A handle is closed, be it a process's or not. Whether it was one.
pub(super) fn forget(handle: usize) -> bool {
    let known = HANDLES.lock().as_mut().and_then(|all| all.remove(&handle));
    known.is_some()
}

/// Splits a command line as shells do: blanks, both sorts of quotes, backslashes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some('"'), '\\') if matches!(chars.peek(), Some('"' | '\\' | '$' | '`')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Whether a file is a program for this runtime, which then runs it.
fn is_managed(file: &str) -> bool {
    Path::new(file).is_file() && Image::open(file).is_ok_and(|image| image.entry_point().is_some())
}

/// A structure `ProcInfo`, by name.
struct ProcInfo<'a> {
    cx: &'a Cx<'a>,
    at: usize,
}

impl ProcInfo<'_> {
    fn place(&self, field: &str) -> Result<usize> {
        let thrown = |e| self.cx.load_error(&e);
        let home = types().load("System").map_err(thrown)?;
        let process = home.find_type("System.Diagnostics", "Process");
        let nested = process.map(|p| p.nested()).unwrap_or_default();
        let class = nested.into_iter().find(|t| t.name() == "ProcInfo");
        let class = class.ok_or_else(|| self.cx.null_reference())?;
        Ok(self.at + offset_of(class, field).map_err(thrown)? as usize)
    }

    fn set<T>(&self, field: &str, value: T) -> Result<()> {
        // SAFETY: a field of that type in the caller's structure.
        unsafe { (self.place(field)? as *mut T).write_unaligned(value) };
        Ok(())
    }

    fn environment(&self) -> Result<Option<Vec<(String, String)>>> {
        // SAFETY: a field of reference type in the caller's structure.
        let list = unsafe { (self.place("envVariables")? as *const Ref).read_unaligned() };
        if list.is_null() {
            return Ok(None);
        }
        let texts = (0..self.cx.length(list)).map(|i| self.cx.text(self.cx.element(list, i)));
        let pair = |text: String| {
            let (key, value) = text.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        Ok(Some(texts.filter_map(pair).collect()))
    }
}

/// A copy of a descriptor for a child.
fn stdio(descriptor: usize) -> Stdio {
    // SAFETY: the library keeps it open until the child is started.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor as i32) };
    borrowed
        .try_clone_to_owned()
        .map_or_else(|_| Stdio::null(), Stdio::from)
}

fn create(
    cx: &Cx<'_>,
    start: Ref,
    input: usize,
    output: usize,
    errors: usize,
    info: usize,
) -> Result<bool> {
    let fields = Fields::of(cx, start)?;
    let (file, arguments) = (fields.text("fileName")?, fields.text("arguments")?);
    let directory = fields.text("directory")?;
    let mut command = match is_managed(&file) {
        true => {
            let own = std::env::current_exe().unwrap_or_else(|_| "isthmus".into());
            let mut command = Command::new(own);
            command.arg("run").arg(&file);
            command
        }
        false => Command::new(&file),
    };
    command
        .args(split(&arguments))
        .stdin(stdio(input))
        .stdout(stdio(output))
        .stderr(stdio(errors));
    if !directory.is_empty() {
        command.current_dir(directory);
    }
    let info = ProcInfo { cx, at: info };
    if let Some(environment) = info.environment()? {
        command.env_clear().envs(environment);
    }
    // Without a thread that waits for its end there is no use in a process.
    let (sender, receiver) = std::sync::mpsc::channel::<(Child, Arc<Process>)>();
    let watch = move || {
        if let Ok((mut child, watched)) = receiver.recv() {
            let code = child.wait().map_or(-1, code_of);
            watched.ended(code);
        }
    };
    let watcher = std::thread::Builder::new()
        .name("process".to_owned())
        .spawn(watch);
    match watcher.and_then(|_| isthmus_rt::transition::blocking(|| command.spawn())) {
        Ok(child) => {
            let pid = child.id() as i32;
            let process = Arc::new(Process {
                pid,
                is_child: true,
                state: Mutex::default(),
            });
            let _ = sender.send((child, Arc::clone(&process)));
            info.set("process_handle", process.keep())?;
            info.set("pid", pid)?;
            Ok(true)
        }
        Err(e) => {
            // The error in the place of the number, negative.
            let errno = e.raw_os_error().unwrap_or(libc::EIO);
            info.set("pid", -super::io::win32(errno, false))?;
            Ok(false)
        }
    }
}

/// With the streams of this process.
fn execute(cx: &Cx<'_>, start: Ref, info: usize) -> Result<bool> {
    create(cx, start, 0, 1, 2, info)
}

/// The exit code as shells tell it.
fn code_of(status: ExitStatus) -> i32 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => -1,
    }
}

fn is_alive(pid: i32) -> bool {
    // SAFETY: no memory involved; signal 0 only asks.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

fn open(_cx: &Cx<'_>, pid: i32) -> Result<usize> {
    Ok(match pid > 0 && is_alive(pid) {
        true => Arc::new(Process::other(pid)).keep(),
        false => 0,
    })
}

fn own_handle(_cx: &Cx<'_>) -> Result<usize> {
    Ok(SELF)
}

fn own_number(_cx: &Cx<'_>) -> Result<i32> {
    Ok(std::process::id() as i32)
}

fn exit_code(_cx: &Cx<'_>, handle: usize, code: usize) -> Result<bool> {
    const STILL_ACTIVE: i32 = 259;
    let Some(process) = Process::find(handle) else {
        return Ok(false);
    };
    let known = process.state.lock().exit_code;
    let gone = || !process.is_child && !is_alive(process.pid);
    set(
        code,
        match known {
            Some(code) => code,
            None if gone() => 0,
            None => STILL_ACTIVE,
        },
    );
    Ok(true)
}

fn terminate(_cx: &Cx<'_>, handle: usize, code: i32) -> Result<bool> {
    let Some(process) = Process::find(handle) else {
        return Ok(false);
    };
    let running = process.state.lock().exit_code.is_none();
    let signal = if code == -1 {
        libc::SIGKILL
    } else {
        libc::SIGTERM
    };
    // SAFETY: no memory involved. A child's number stays its own until its end is noticed.
    Ok(running && unsafe { libc::kill(process.pid, signal) } == 0)
}

fn close(_cx: &Cx<'_>, handle: usize) -> Result<bool> {
    let found = forget(handle);
    waiting::remove(handle);
    Ok(found)
}

/// The numbers of all processes.
fn all(cx: &Cx<'_>) -> Result<Ref> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers: Vec<i32> = entries
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect();
    let array = cx.alloc_array(types().known.int32(), numbers.len())?;
    for (i, number) in numbers.iter().enumerate() {
        let at = isthmus_runtime_abi::layout::ARRAY_DATA + 4 * i as u32;
        cx.write(array, at, *number);
    }
    Ok(array)
}

/// The name of the file that a process runs.
fn name(cx: &Cx<'_>, handle: usize) -> Result<Ref> {
    let Some(process) = Process::find(handle) else {
        return Ok(Ref::NULL);
    };
    match std::fs::read_to_string(format!("/proc/{}/comm", process.pid)) {
        Ok(name) => cx.string(name.trim_end()),
        Err(_) => Ok(Ref::NULL),
    }
}

/// The fields of `/proc/PID/stat` from the third on.
fn stat(pid: i32) -> Option<Vec<i64>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let words = rest.split_whitespace();
    Some(words.map(|w| w.parse().unwrap_or(0)).collect())
}

/// Clock ticks to some fraction of a second.
fn ticks(count: i64, per_second: i64) -> i64 {
    // SAFETY: no memory involved.
    count * per_second / unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1)
}

/// Kinds are those of `MonoProcessData`; -1 with an error where nothing is known.
fn data(_cx: &Cx<'_>, pid: i32, kind: i32, error: usize) -> Result<i64> {
    const NOT_FOUND: i32 = 2;
    let status = |key: &str| -> Option<i64> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = text.lines().find_map(|l| l.strip_prefix(key))?;
        let kilobytes: i64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    let field = |n: usize| stat(pid)?.get(n - 3).copied();
    let time = |n: usize| field(n).map(|t| ticks(t, 1000));
    let found = match kind {
        0 => field(20),
        1 => time(14),
        2 => time(15),
        3 => time(14).zip(time(15)).map(|(a, b)| a + b),
        4 => status("VmRSS:"),
        5 => status("VmHWM:"),
        6 => status("VmData:"),
        7 => status("VmSize:"),
        8 => status("VmPeak:"),
        9 => field(10).zip(field(12)).map(|(a, b)| a + b),
        11 => field(4),
        12 => status("VmSwap:"),
        _ => None,
    };
    set(error, if found.is_some() { 0 } else { NOT_FOUND });
    Ok(found.unwrap_or(-1))
}

/// When the system was started, in seconds since 1970.
fn booted() -> Option<i64> {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    if let Some(time) = stat.lines().find_map(|l| l.strip_prefix("btime ")) {
        return time.trim().parse().ok();
    }
    // Some sandboxes do not say.
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Some(now.ok()?.as_secs() as i64 - uptime as i64)
}

/// Start and end as file times, time in the kernel and outside in 100 ns.
fn times(
    _cx: &Cx<'_>,
    handle: usize,
    created: usize,
    ended: usize,
    kernel: usize,
    user: usize,
) -> Result<bool> {
    const PER_SECOND: i64 = 10_000_000;
    let found = Process::find(handle).and_then(|p| {
        let stat = stat(p.pid)?;
        let at = |n: usize| stat.get(n - 3).copied();
        let start = booted()?;
        let start = super::time::file_time(start, 0) + ticks(at(22)?, PER_SECOND);
        Some([
            start,
            0,
            ticks(at(15)?, PER_SECOND),
            ticks(at(14)?, PER_SECOND),
        ])
    });
    for (to, value) in [created, ended, kernel, user]
        .into_iter()
        .zip(found.unwrap_or_default())
    {
        // SAFETY: managed pointers to 64-bit integers.
        unsafe { (to as *mut i64).write_unaligned(value) };
    }
    Ok(found.is_some())
}

/// `ProcessPriorityClass.Normal`: others are not told apart.
fn priority(_cx: &Cx<'_>, handle: usize) -> Result<i32> {
    const NORMAL: i32 = 0x20;
    Ok(if Process::find(handle).is_some() {
        NORMAL
    } else {
        0
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn command_lines_are_split_as_by_shells() {
        for (line, words) in [
            ("", &[][..]),
            ("a  b", &["a", "b"]),
            ("\"two three\" x", &["two three", "x"]),
            ("-c \"echo \\\"q\\\"\"", &["-c", "echo \"q\""]),
            ("'a \"b\" c' d\\ e", &["a \"b\" c", "d e"]),
            ("\"\" x", &["", "x"]),
            ("a\"b\"c", &["abc"]),
        ] {
            assert_eq!(super::split(line), words, "{line}");
        }
    }
}
