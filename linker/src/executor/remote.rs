//! Another process: memory, calls and look-ups by messages.
//!
//! The process is one that this one starts (`isthmus-executor`, talking over a socket that it inherits), or one that waits at a Unix socket or a
//! TCP port of this machine. Addresses are that process's; nothing there is ever writable and executable at the same address.

use super::wire::{self, Fields, Kind, Message};
use super::{Executor, Runtime};
use crate::arch;
use crate::error::{Error, Result};
use crate::memory::{Chunk, MemoryManager, Request, Reservation};
use isthmus_runtime_abi::target::Arch;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Environment variable with the token that an executor wants to see.
pub const TOKEN: &str = "ISTHMUS_EXECUTOR_TOKEN";

trait Stream: Read + Write + Send {}
impl Stream for UnixStream {}
impl Stream for TcpStream {}

/// An executor in another process.
pub struct Remote {
    connection: Mutex<Connection>,
    arch: Arch,
    /// In the order of [`Runtime::all`].
    runtime: Vec<u64>,
}

struct Connection {
    stream: Box<dyn Stream>,
    child: Option<Child>,
    /// The program has called `exit`: nothing is left to do there.
    ended: bool,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote executor for {:?}", self.arch)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let connection = self.connection.get_mut();
        let connection = connection.unwrap_or_else(PoisonError::into_inner);
        // If it does not hear this, it is gone already.
        let _ = Message::new(Kind::Quit).send(&mut connection.stream);
        if let Some(child) = &mut connection.child {
            let _ = child.wait();
        }
    }
}

impl Remote {
    /// Starts a program as executor.
    pub fn start(program: &Path) -> Result<Remote> {
        let fail = |error| Error::Io {
            what: program.display().to_string(),
            error,
        };
        let (ours, theirs) = UnixStream::pair().map_err(fail)?;
        let fd = theirs.as_raw_fd();
        let mut command = Command::new(program);
        command.arg("--fd").arg(fd.to_string());
        // SAFETY: between fork and exec only a system call is made: the socket stays open in the new program.
        unsafe {
            command.pre_exec(move || match libc::fcntl(fd, libc::F_SETFD, 0) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let child = command.spawn().map_err(fail)?;
        drop(theirs);
        Remote::greet(Box::new(ours), Some(child), "")
    }

    /// Connects to an executor: `unix:PATH`, or `HOST:PORT` on this machine.
    pub fn connect(address: &str, token: &str) -> Result<Remote> {
        let fail = |error| Error::Io {
            what: address.to_owned(),
            error,
        };
        let stream: Box<dyn Stream> = match address.strip_prefix("unix:") {
            Some(path) => Box::new(UnixStream::connect(path).map_err(fail)?),
            None => {
                let stream = TcpStream::connect(loopback(address)?).map_err(fail)?;
                stream.set_nodelay(true).map_err(fail)?;
                Box::new(stream)
            }
        };
        Remote::greet(stream, None, token)
    }

    fn greet(mut stream: Box<dyn Stream>, child: Option<Child>, token: &str) -> Result<Remote> {
        let hello = Message::new(Kind::Hello).bytes(token.as_bytes());
        hello.send(&mut stream)?;
        let mut fields = match wire::receive(&mut stream)? {
            Some((Kind::Welcome, fields)) => fields,
            Some((Kind::Failed, mut fields)) => return Err(Error::executor(fields.text()?)),
            _ => return Err(Error::executor("it does not answer")),
        };
        let version = fields.number()?;
        if version != wire::VERSION {
            return Err(Error::executor(format!("it speaks version {version}")));
        }
        let arch = fields.text()?;
        let arch = arch::by_name(&arch)
            .ok_or_else(|| Error::executor(format!("unknown architecture {arch}")))?;
        let runtime = fields.list(Fields::number)?;
        if runtime.len() != Runtime::all().count() {
            return Err(Error::executor("it has another runtime"));
        }
        let connection = Connection {
            stream,
            child,
            ended: false,
        };
        Ok(Remote {
            connection: Mutex::new(connection),
            arch,
            runtime,
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A message that was half sent makes the next one fail, so a panic does no harm.
        let connection = self.connection.lock();
        connection.unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, message: Message) -> Result<Fields> {
        let mut connection = self.connection();
        match connection.ask(message)? {
            Some(fields) => Ok(fields),
            None => Err(Error::executor("it is gone")),
        }
    }

    /// Whether the program has ended the process.
    fn ended(&self) -> bool {
        self.connection().ended
    }
}

impl Connection {
    /// `None` if the other side is gone.
    fn ask(&mut self, message: Message) -> Result<Option<Fields>> {
        message.send(&mut self.stream)?;
        match wire::receive(&mut self.stream)? {
            None => Ok(None),
            Some((Kind::Done, fields)) => Ok(Some(fields)),
            Some((Kind::Failed, mut fields)) => Err(Error::executor(fields.text()?)),
            Some((kind, _)) => Err(Error::executor(format!("{kind:?} is no answer"))),
        }
    }

    /// The exit code of a process that ended in the middle of `main`.
    fn exit_code(&mut self) -> Result<i32> {
        self.ended = true;
        let Some(child) = &mut self.child else {
            return Err(Error::executor("it ended while the program ran"));
        };
        let status = child.wait().map_err(|error| Error::Io {
            what: "the executor".to_owned(),
            error,
        })?;
        status.code().ok_or_else(|| {
            let signal = status.signal().unwrap_or(0);
            Error::executor(format!("the program was ended by signal {signal}"))
        })
    }
}

/// An address of this machine.
pub fn loopback(address: &str) -> Result<SocketAddr> {
    use std::net::ToSocketAddrs;
    let found = address.to_socket_addrs().map_err(|error| Error::Io {
        what: address.to_owned(),
        error,
    })?;
    let mut local = found.filter(|a| a.ip().is_loopback());
    local.next().ok_or_else(|| {
        Error::executor(format!(
            "{address} is not of this machine, and the connection is not encrypted"
        ))
    })
}

impl MemoryManager for Remote {
    fn reserve(&self, requests: &[Request]) -> Result<Reservation> {
        let message = Message::new(Kind::Reserve).requests(requests);
        let reservation = self.ask(message)?.reservation()?;
        if reservation.segments.len() != requests.len() {
            return Err(Error::executor("it gave too few segments"));
        }
        Ok(reservation)
    }

    fn finalize(&self, reservation: &Reservation, chunks: &[Chunk<'_>]) -> Result<()> {
        let message = Message::new(Kind::Finalize).reservation(reservation);
        let add = |m: Message, c: &Chunk<'_>| m.number(c.address).bytes(c.bytes);
        self.ask(message.list(chunks, add)).map(drop)
    }

    fn release(&self, reservation: &Reservation) -> Result<()> {
        if self.ended() {
            return Ok(());
        }
        let message = Message::new(Kind::Release).reservation(reservation);
        self.ask(message).map(drop)
    }

    fn patch(&self, address: u64, bytes: &[u8]) -> Result<()> {
        let message = Message::new(Kind::Patch).number(address).bytes(bytes);
        self.ask(message).map(drop)
    }

    fn read(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        let message = Message::new(Kind::Read).number(address);
        self.ask(message.number(size as u64))?.bytes()
    }
}

impl Executor for Remote {
    fn arch(&self) -> Option<Arch> {
        Some(self.arch)
    }

    fn memory(&self) -> &dyn MemoryManager {
        self
    }

    fn lookup(&self, names: &[&str]) -> Result<Vec<Option<u64>>> {
        let message = Message::new(Kind::Lookup);
        let message = message.list(names, |m, n| m.bytes(n.as_bytes()));
        let found = self.ask(message)?.list(|f| {
            let known = f.number()? != 0;
            let address = f.number()?;
            Ok(known.then_some(address))
        })?;
        match found.len() == names.len() {
            true => Ok(found),
            false => Err(Error::executor("it looked up too few names")),
        }
    }

    fn call(&self, function: u64, arguments: &[u64]) -> Result<u64> {
        let message = Message::new(Kind::Call).number(function);
        let message = message.list(arguments, |m, &a| m.number(a));
        self.ask(message)?.number()
    }

    fn run_main(&self, function: u64, arguments: &[String]) -> Result<i32> {
        let message = Message::new(Kind::RunMain).number(function);
        let message = message.list(arguments, |m, a| m.bytes(a.as_bytes()));
        let mut connection = self.connection();
        match connection.ask(message)? {
            Some(mut fields) => Ok(fields.number()? as i32),
            None => connection.exit_code(),
        }
    }

    fn load_library(&self, path: &str) -> Result<()> {
        let message = Message::new(Kind::LoadLibrary).bytes(path.as_bytes());
        self.ask(message).map(drop)
    }

    fn runtime(&self, function: Runtime, arguments: &[u64]) -> Result<u64> {
        if self.ended() {
            return Ok(0);
        }
        let at = Runtime::all().position(|f| f == function);
        let address = at.and_then(|at| self.runtime.get(at)).copied();
        self.call(address.unwrap_or(0), arguments)
    }
}
