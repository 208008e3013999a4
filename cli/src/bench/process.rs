//! A child process with a time limit.

use anyhow::Result;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a process did.
pub struct Outcome {
    /// `None`: it was ended when its time was over.
    pub status: Option<ExitStatus>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// From start to end.
    pub time: Duration,
}

impl Outcome {
    /// Why it did not succeed, with the first line that it wrote to standard error.
    pub fn failure(&self) -> Option<String> {
        let how = match self.status {
            Some(status) if status.success() => return None,
            None => "ran out of time".to_owned(),
            Some(status) => match status.signal() {
                Some(signal) => format!("signal {signal}"),
                None => format!("exit code {}", status.code().unwrap_or(-1)),
            },
        };
        let mut lines = self.stderr.lines().chain(self.stdout.lines());
        Some(match lines.find(|line| !line.trim().is_empty()) {
            Some(line) => format!("{how}: {}", line.trim()),
            None => how,
        })
    }
}

/// Runs `command`; after `limit` it ends it, with all that it started.
pub fn run(command: &mut Command, limit: Duration) -> Result<Outcome> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, start + limit)?;
    let time = start.elapsed();
    Ok(Outcome {
        status,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
        time,
    })
}

/// Waits until `deadline`, then kills.
fn wait(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            // The child leads a process group: what it started holds the pipes open as well.
            Command::new("kill")
                .args(["-KILL", "--", &format!("-{}", child.id())])
                .status()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads a pipe to its end on a thread of its own.
fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // An error means that the child is gone; what was read counts.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: u64) -> Outcome {
        run(
            Command::new("sh").args(["-c", script]),
            Duration::from_millis(limit),
        )
        .unwrap()
    }

    #[test]
    fn failures_say_how_and_why() {
        assert_eq!(shell("echo fine", 10_000).failure(), None);
        let failed = shell("echo; echo why >&2; exit 3", 10_000);
        assert_eq!(failed.failure().unwrap(), "exit code 3: why");
        let killed = shell("kill -SEGV $$", 10_000);
        assert_eq!(killed.failure().unwrap(), "signal 11");
        let slow = shell("echo begun; sleep 60; true", 200);
        assert_eq!(slow.failure().unwrap(), "ran out of time: begun");
    }
}
