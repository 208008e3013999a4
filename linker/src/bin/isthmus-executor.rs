//! `isthmus-executor`: a process that code is linked into from another one, and runs in.
//!
//! ```text
//!  isthmus-executor --fd N                   talks over a socket that it inherits (how `isthmus link --executor` starts it)
//!  isthmus-executor --unix PATH              waits for one session at a Unix socket
//!  isthmus-executor --listen 127.0.0.1:PORT  waits for one session at a TCP port of this machine (0: any free one)
//! ```
//! Whoever connects may run anything as this user. So it listens on this machine only, prints a token at a TCP port (or takes that of
//! `ISTHMUS_EXECUTOR_TOKEN`), and gives the Unix socket to its user alone.

use isthmus_linker::Error;
use isthmus_linker::executor::{remote, server};
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;

const USAGE: &str = "usage: isthmus-executor --fd N | --unix PATH | --listen 127.0.0.1:PORT";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        [option, value] if option == "--fd" => inherited(value),
        [option, value] if option == "--unix" => unix(value),
        [option, value] if option == "--listen" => listen(value),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isthmus-executor: {error}");
            ExitCode::from(1)
        }
    }
}

fn io(what: &str) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::Io {
        what: what.to_owned(),
        error,
    }
}

fn inherited(fd: &str) -> Result<(), Error> {
    let fd: RawFd = fd
        .parse()
        .ok()
        .filter(|&fd| fd > 2)
        .ok_or(Error::Executor {
            what: format!("{fd} is no inherited socket"),
        })?;
    // SAFETY: whoever started this process opened the socket for it. If not, reading fails.
    let stream = unsafe { UnixStream::from_raw_fd(fd) };
    let writer = stream.try_clone().map_err(io("the socket"))?;
    server::serve(stream, writer, "")
}

fn unix(path: &str) -> Result<(), Error> {
    let listener = UnixListener::bind(path).map_err(io(path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(io(path))?;
    let accepted = listener.accept().map_err(io(path));
    let _ = std::fs::remove_file(path);
    let (stream, _) = accepted?;
    let writer = stream.try_clone().map_err(io(path))?;
    let token = std::env::var(remote::TOKEN).unwrap_or_default();
    server::serve(stream, writer, &token)
}

fn listen(address: &str) -> Result<(), Error> {
    let listener = TcpListener::bind(remote::loopback(address)?).map_err(io(address))?;
    let local = listener.local_addr().map_err(io(address))?;
    let token = match std::env::var(remote::TOKEN) {
        Ok(token) => token,
        Err(_) => random().map_err(io("/dev/urandom"))?,
    };
    println!("listening at {local}, token {token}");
    std::io::stdout().flush().map_err(io("standard output"))?;
    let (stream, _) = listener.accept().map_err(io(address))?;
    stream.set_nodelay(true).map_err(io(address))?;
    let writer = stream.try_clone().map_err(io(address))?;
    server::serve(stream, writer, &token)
}

fn random() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
