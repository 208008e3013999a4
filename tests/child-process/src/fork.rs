//! A copy of this process as the child: what takes long to set up is there already.
//!
//! ```text
//!   parent: parse, verify, …   ──fork──▶ child: `work`, its standard output and error in pipes ──▶ exit
//!           (nothing is lost if the child crashes)        │
//!                         Outcome  ◀── pipes, how it ended ┘
//! ```
//!
//! A child of a process with threads has only the thread that forked: a lock that another one held stays locked for ever. So forking is
//! for processes of one thread; [`alone`] says whether this is one.

use crate::drain::{Drain, read};
use crate::{End, Outcome};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The exit code of Rust programs that panic.
const PANICKED: i32 = 101;

/// Whether this process has one thread.
pub fn alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

/// Runs `work` in a copy of this process and ends it, with all that it started, after `limit`. What `work` returns is the child's exit code;
/// what it prints is in the outcome.
pub fn run(work: impl FnOnce() -> i32, limit: Duration) -> io::Result<Outcome> {
    let start = Instant::now();
    let (stdout, child_stdout) = pipe()?;
    let (stderr, child_stderr) = pipe()?;
    // SAFETY: the child goes on with this thread's stack and never returns from here (below). What it may call is restricted only if other
    // threads hold locks, which is what the module's rule is about.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = in_child(work, &child_stdout, &child_stderr);
            // SAFETY: ends the process without running what the parent registered for its own end.
            unsafe { libc::_exit(code) }
        }
        child => {
            // The child does the same: whoever comes first.
            group(child);
            drop((child_stdout, child_stderr));
            let mut pipes = [Drain::new(stdout), Drain::new(stderr)];
            let in_time = read(&mut pipes, start + limit)?;
            if !in_time {
                // SAFETY: signals the child's process group, which it leads and which exists until the child is waited for.
                unsafe { libc::kill(-child, libc::SIGKILL) };
            }
            let mut status = 0;
            // SAFETY: waits for the child, which nobody else does, and stores how it ended in a local.
            while unsafe { libc::waitpid(child, &mut status, 0) } < 0 {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            let [stdout, stderr] = pipes.map(|pipe| pipe.kept);
            let end = match in_time {
                true => End::of(ExitStatus::from_raw(status)),
                false => End::TimeOut,
            };
            Ok(Outcome {
                end,
                stdout,
                stderr,
                time: start.elapsed(),
            })
        }
    }
}

/// What the child does before it exits.
fn in_child(work: impl FnOnce() -> i32, stdout: &OwnedFd, stderr: &OwnedFd) -> i32 {
    group(0);
    for (from, to) in [(stdout, 1), (stderr, 2)] {
        // SAFETY: replaces a standard stream of this process, which the copy has to itself.
        unsafe { libc::dup2(from.as_raw_fd(), to) };
    }
    let code = catch_unwind(AssertUnwindSafe(work)).unwrap_or(PANICKED);
    // What cannot be written is lost to the parent, which sees the exit code.
    let _ = io::stdout().flush();
    code
}

/// Makes a child (0: this process) the leader of a process group.
fn group(process: libc::pid_t) {
    // SAFETY: changes the group of this process or of its child; fails without effect if that was done already.
    unsafe { libc::setpgid(process, 0) };
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [RawFd; 2] = [-1; 2];
    // SAFETY: stores two new descriptors in the array.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both are open and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forked(work: impl FnOnce() -> i32) -> Outcome {
        run(work, Duration::from_secs(20)).unwrap()
    }

    fn say(to: RawFd, text: &str) {
        // Not by `print!`, which the test harness redirects.
        let written = unsafe { libc::write(to, text.as_ptr().cast(), text.len()) };
        assert_eq!(written, text.len() as isize);
    }

    #[test]
    fn a_copy_knows_what_its_parent_knows() {
        let known = String::from("known");
        let outcome = forked(|| {
            say(1, &known);
            say(2, "why");
            3
        });
        assert_eq!(outcome.end, End::Exit(3));
        assert_eq!(outcome.stdout, b"known");
        assert_eq!(outcome.failure().unwrap(), "exit code 3: why");
    }

    #[test]
    fn a_crash_is_told_from_an_exit() {
        let outcome = forked(|| {
            // SAFETY: ends the process by a signal, as is wanted.
            unsafe { libc::raise(libc::SIGKILL) }
        });
        assert_eq!(outcome.end, End::Signal(libc::SIGKILL));
    }

    #[test]
    fn much_output_on_both_streams_does_not_block() {
        let outcome = forked(|| {
            let text = "x".repeat(1000);
            for _ in 0..300 {
                say(2, &text);
                say(1, &text);
            }
            0
        });
        assert_eq!(outcome.end, End::Exit(0));
        assert_eq!(
            (outcome.stdout.len(), outcome.stderr.len()),
            (300_000, 300_000)
        );
    }

    #[test]
    fn a_copy_that_hangs_is_ended() {
        let outcome = run(
            || {
                say(1, "start");
                loop {
                    std::thread::park();
                }
            },
            // Enough to say it on a machine that has much to do.
            Duration::from_secs(3),
        );
        let outcome = outcome.unwrap();
        assert_eq!(outcome.end, End::TimeOut);
        assert_eq!(outcome.stdout, b"start");
    }
}
