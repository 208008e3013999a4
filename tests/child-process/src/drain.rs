//! What a child prints: its two pipes, read as they fill.

use crate::OUTPUT_LIMIT;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

/// A pipe that is read to its end.
pub struct Drain {
    pipe: Option<File>,
    /// What came, up to a limit.
    pub kept: Vec<u8>,
}

impl Drain {
    /// One that nothing was read from yet.
    pub fn new(pipe: OwnedFd) -> Drain {
        Drain {
            pipe: Some(File::from(pipe)),
            kept: Vec::new(),
        }
    }

    /// Takes what is there, dropping what is too much; at the end the pipe is gone.
    fn take(&mut self, buffer: &mut [u8]) {
        let Some(pipe) = &mut self.pipe else {
            return;
        };
        match pipe.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => self.pipe = None,
            Ok(n) => {
                let room = (OUTPUT_LIMIT as usize).saturating_sub(self.kept.len());
                self.kept.extend_from_slice(&buffer[..n.min(room)]);
            }
        }
    }
}

/// Reads all pipes to their ends. `false`: not until the deadline.
pub fn read(pipes: &mut [Drain; 2], deadline: Instant) -> io::Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    while pipes.iter().any(|p| p.pipe.is_some()) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        // A descriptor below zero is not looked at.
        let mut wanted = [0, 1].map(|i: usize| libc::pollfd {
            fd: pipes[i].pipe.as_ref().map_or(-1, AsRawFd::as_raw_fd),
            events: libc::POLLIN,
            revents: 0,
        });
        let wait = i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX);
        // SAFETY: reads and writes the array, of this length.
        let ready = unsafe { libc::poll(wanted.as_mut_ptr(), 2, wait) };
        if ready < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
        for (pipe, wanted) in std::iter::zip(&mut *pipes, &wanted) {
            if ready > 0 && wanted.revents != 0 {
                pipe.take(&mut buffer);
            }
        }
    }
    Ok(true)
}
