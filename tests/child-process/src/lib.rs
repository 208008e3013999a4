//! Runs a child process with a time limit and a limit on what it may print: programs that are scored, measured or fuzzed.
//! [`run`] starts a command, [`fork::run`] a copy of this process.

mod drain;
pub mod fork;

use drain::{Drain, read};
use std::fmt;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A program that prints more than this is out of control; the rest is dropped.
const OUTPUT_LIMIT: u64 = 16 << 20;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
    TimeOut,
}

/// What a process did.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub end: End,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub time: Duration,
}

impl Outcome {
    /// Why it did not succeed, with the first line that it wrote to standard error, or else to standard output.
    pub fn failure(&self) -> Option<String> {
        if self.end == End::Exit(0) {
            return None;
        }
        let text = [&self.stderr, &self.stdout].map(|bytes| String::from_utf8_lossy(bytes));
        let mut lines = text.iter().flat_map(|text| text.lines());
        Some(match lines.find(|line| !line.trim().is_empty()) {
            Some(line) => format!("{}: {}", self.end, line.trim()),
            None => self.end.to_string(),
        })
    }
}

impl End {
    fn of(status: ExitStatus) -> End {
        match (status.code(), status.signal()) {
            (Some(code), _) => End::Exit(code),
            (None, signal) => End::Signal(signal.unwrap_or(0)),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exit(code) => write!(out, "exit code {code}"),
            End::Signal(signal) => write!(out, "signal {signal}"),
            End::TimeOut => write!(out, "ran out of time"),
        }
    }
}

/// Lets the command use so many seconds of processor time, after which `SIGXCPU` ends it, and leave no core file.
pub fn limit_processor(command: &mut Command, seconds: u32) {
    let soft = libc::rlim_t::from(seconds);
    let limits = [
        (libc::RLIMIT_CPU, soft, soft + 5),
        (libc::RLIMIT_CORE, 0, 0),
    ];
    let set = move || {
        for (resource, rlim_cur, rlim_max) in limits {
            let limit = libc::rlimit { rlim_cur, rlim_max };
            // SAFETY: reads a local; changes this process, which is the child.
            if unsafe { libc::setrlimit(resource, &limit) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(set) };
}

/// Runs `command` with `stdin` as its input and ends it, with all that it started, after `limit`.
pub fn run(command: &mut Command, stdin: &str, limit: Duration) -> io::Result<Outcome> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let (Some(mut input), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        unreachable!("all three are pipes");
    };
    // A program that does not read its input closes the pipe: that is its own affair. The inputs of the collection fit into a pipe, so
    // that this does not block.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    let mut pipes = [OwnedFd::from(stdout), OwnedFd::from(stderr)].map(Drain::new);
    // The pipes end with the process, unless it closed them before, or what it started still has them.
    read(&mut pipes, start + limit)?;
    let status = wait(&mut child, start + limit)?;
    let [stdout, stderr] = pipes.map(|pipe| pipe.kept);
    Ok(Outcome {
        end: status.map_or(End::TimeOut, End::of),
        stdout,
        stderr,
        time: start.elapsed(),
    })
}

/// Waits for the child until `deadline`; kills it then, with all that it started, and returns `None`.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(20);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            Command::new("kill")
                .args(["-KILL", "--", &format!("-{}", child.id())])
                .status()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit for what never ends: enough for its beginning on a machine that has much to do.
    const SOON: Duration = Duration::from_secs(3);

    fn shell(script: &str, stdin: &str, limit: Duration) -> Outcome {
        run(Command::new("sh").args(["-c", script]), stdin, limit).unwrap()
    }

    #[test]
    fn output_input_and_exit_code_are_carried() {
        let outcome = shell(
            "cat; echo oops >&2; exit 3",
            "in\n",
            Duration::from_secs(10),
        );
        assert_eq!(outcome.end, End::Exit(3));
        assert_eq!(outcome.stdout, b"in\n");
        assert_eq!(outcome.stderr, b"oops\n");
    }

    #[test]
    fn a_signal_is_told_from_an_exit() {
        assert_eq!(
            shell("kill -SEGV $$", "", Duration::from_secs(10)).end,
            End::Signal(11)
        );
    }

    #[test]
    fn processor_time_is_limited() {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]);
        limit_processor(&mut command, 1);
        let outcome = run(&mut command, "", Duration::from_secs(60)).unwrap();
        assert_eq!(outcome.end, End::Signal(libc::SIGXCPU));
    }

    #[test]
    fn a_process_that_closes_its_pipes_is_waited_for() {
        let outcome = shell(
            "exec >&- 2>&-; sleep 0.1; exit 4",
            "",
            Duration::from_secs(10),
        );
        assert_eq!(outcome.end, End::Exit(4));
    }

    #[test]
    fn a_hanging_process_is_ended() {
        let outcome = shell("echo start; sleep 60; true", "", SOON);
        assert_eq!(outcome.end, End::TimeOut);
        assert_eq!(outcome.stdout, b"start\n");
    }

    #[test]
    fn failures_say_how_and_why() {
        let failure = |script, limit| shell(script, "", limit).failure();
        let late = Duration::from_secs(10);
        assert_eq!(failure("echo fine", late), None);
        let failed = failure("echo; echo why >&2; exit 3", late);
        assert_eq!(failed.unwrap(), "exit code 3: why");
        assert_eq!(failure("kill -SEGV $$", late).unwrap(), "signal 11");
        let slow = failure("echo begun; sleep 60; true", SOON);
        assert_eq!(slow.unwrap(), "ran out of time: begun");
    }
}
