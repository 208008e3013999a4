//! `System.Net.Sockets.Socket`, over POSIX. Addresses are `SocketAddress` objects in the form of Windows; errors are WinSock's.
//!
//! A call that may wait does so inside a blocking region. Whoever closes a socket shuts it down first, which wakes those that wait.

use super::io::set;
use super::string::byte_array;
use crate::emit::objects::{Fields, bytes_of, length};
use crate::types::types;
use crate::vm::Cx;
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use isthmus_rt::object::Ref;
use isthmus_rt::transition::blocking;
use std::io::Error;

icalls! {
    "System.Net.Sockets.Socket" {
        "Socket_internal" => open [this: Ref, family: i32, kind: i32, protocol: i32, error: usize] -> isize;
        "Available_internal" => available [socket: isize, error: usize] -> i32;
        "LocalEndPoint_internal" => local_address [socket: isize, family: i32, error: usize] -> Ref;
        "RemoteEndPoint_internal" => remote_address [socket: isize, family: i32, error: usize] -> Ref;
        "Blocking_internal" => set_blocking [socket: isize, block: bool, error: usize] -> ();
        "Poll_internal" => poll [socket: isize, mode: i32, timeout: i32, error: usize] -> bool;
        "Accept_internal" => accept [socket: isize, error: usize, block: bool] -> isize;
        "Bind_internal" => bind [socket: isize, address: Ref, error: usize] -> ();
        "Listen_internal" => listen [socket: isize, backlog: i32, error: usize] -> ();
        "Connect_internal" => connect [socket: isize, address: Ref, error: usize, block: bool] -> ();
        "Receive_internal(intptr,byte*,int,SocketFlags,int&,bool)" => receive [socket: isize, buffer: usize, count: i32, flags: i32, error: usize, block: bool] -> i32;
        "Receive_internal(intptr,WSABUF*,int,SocketFlags,int&,bool)" => receive_parts [socket: isize, parts: usize, count: i32, flags: i32, error: usize, block: bool] -> i32;
        "ReceiveFrom_internal" => receive_from [socket: isize, buffer: usize, count: i32, flags: i32, address: usize, error: usize, block: bool] -> i32;
        "Send_internal(intptr,byte*,int,SocketFlags,int&,bool)" => send [socket: isize, buffer: usize, count: i32, flags: i32, error: usize, block: bool] -> i32;
        "Send_internal(intptr,WSABUF*,int,SocketFlags,int&,bool)" => send_parts [socket: isize, parts: usize, count: i32, flags: i32, error: usize, block: bool] -> i32;
        "SendTo_internal" => send_to [socket: isize, buffer: usize, count: i32, flags: i32, address: Ref, error: usize, block: bool] -> i32;
        "GetSocketOption_arr_internal" => option_bytes [socket: isize, level: i32, name: i32, bytes: usize, error: usize] -> ();
        "GetSocketOption_obj_internal" => option_object [socket: isize, level: i32, name: i32, object: usize, error: usize] -> ();
        "SetSocketOption_internal" => set_option [socket: isize, level: i32, name: i32, object: Ref, bytes: Ref, number: i32, error: usize] -> ();
        "Close_internal" => close [socket: isize, error: usize] -> ();
        "Shutdown_internal" => shutdown [socket: isize, how: i32, error: usize] -> ();
        "Disconnect_internal" => disconnect [socket: isize, reuse: bool, error: usize] -> ();
        "cancel_blocking_socket_operation" => cancel [thread: Ref] -> ();
        "SupportsPortReuse" => supports_port_reuse [protocol: i32] -> bool;
    }
    "System.Net.Dns" {
        "GetHostName_internal" => host_name [name: usize] -> bool;
    }
}

/// WinSock's number of an error.
fn win_sock(errno: i32) -> i32 {
    match errno {
        0 => 0,
        libc::EINTR => 10004,
        libc::EBADF => 10009,
        libc::EACCES | libc::EPERM => 10013,
        libc::EFAULT => 10014,
        libc::EINVAL => 10022,
        libc::EMFILE | libc::ENFILE => 10024,
        libc::EAGAIN => 10035,
        libc::EINPROGRESS => 10036,
        libc::EALREADY => 10037,
        libc::ENOTSOCK => 10038,
        libc::EDESTADDRREQ => 10039,
        libc::EMSGSIZE => 10040,
        libc::EPROTOTYPE => 10041,
        libc::ENOPROTOOPT => 10042,
        libc::EPROTONOSUPPORT => 10043,
        libc::ESOCKTNOSUPPORT => 10044,
        libc::EOPNOTSUPP => 10045,
        libc::EAFNOSUPPORT => 10047,
        libc::EADDRINUSE => 10048,
        libc::EADDRNOTAVAIL => 10049,
        libc::ENETDOWN => 10050,
        libc::ENETUNREACH => 10051,
        libc::ECONNABORTED => 10053,
        libc::ECONNRESET | libc::EPIPE => 10054,
        libc::ENOBUFS | libc::ENOMEM => 10055,
        libc::EISCONN => 10056,
        libc::ENOTCONN => 10057,
        libc::ESHUTDOWN => 10058,
        libc::ETIMEDOUT => 10060,
        libc::ECONNREFUSED => 10061,
        libc::EHOSTDOWN => 10064,
        libc::EHOSTUNREACH => 10065,
        _ => 10022,
    }
}

/// The result of a system call that gives -1 on errors, repeated when a signal interrupts it; 0 with the error set.
fn done(error: usize, mut call: impl FnMut() -> i64) -> i64 {
    loop {
        let result = call();
        if result != -1 {
            set(error, 0);
            return result;
        }
        match Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) {
            libc::EINTR => {}
            errno => {
                set(error, win_sock(errno));
                return 0;
            }
        }
    }
}

/// As [`done`], but a socket that waits at most so long says so in its own way.
fn transferred(error: usize, socket: isize, option: i32, call: impl FnMut() -> i64) -> i32 {
    const WOULD_BLOCK: i32 = 10035;
    const TIMED_OUT: i32 = 10060;
    let count = blocking(|| done(error, call));
    // SAFETY: the caller's variable.
    if unsafe { *(error as *const i32) } == WOULD_BLOCK && timeout(socket, option).is_some() {
        set(error, TIMED_OUT);
    }
    count as i32
}

/// The time after which a socket gives up waiting, in ms.
fn timeout(socket: isize, option: i32) -> Option<i32> {
    let mut value = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let mut size = size_of::<libc::timeval>() as libc::socklen_t;
    // SAFETY: room for the answer.
    unsafe {
        let to = (&raw mut value).cast();
        libc::getsockopt(socket as i32, libc::SOL_SOCKET, option, to, &mut size);
    }
    let ms = value.tv_sec * 1000 + value.tv_usec / 1000;
    (ms != 0).then_some(ms as i32)
}

// ---- addresses

/// `AddressFamily` of Windows.
mod family {
    pub const UNIX: u16 = 1;
    pub const V4: u16 = 2;
    pub const V6: u16 = 23;
}

/// An address as the system has it.
struct Address {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl Address {
    fn empty() -> Address {
        Address {
            // SAFETY: plain data.
            storage: unsafe { std::mem::zeroed() },
            length: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
        }
    }

    fn pointer(&mut self) -> *mut libc::sockaddr {
        (&raw mut self.storage).cast()
    }

    /// The bytes of the storage.
    fn bytes(&mut self) -> &mut [u8] {
        let size = size_of::<libc::sockaddr_storage>();
        // SAFETY: all of the storage, which is plain data.
        unsafe { std::slice::from_raw_parts_mut((&raw mut self.storage).cast(), size) }
    }

    /// Of a `SocketAddress`: everything but the family is alike.
    fn of(cx: &Cx<'_>, object: Ref) -> Result<Address> {
        let fields = Fields::of(cx, object)?;
        let size = fields.get::<i32>("m_Size")?.max(0) as usize;
        let mut given = bytes_of(cx, fields.get("m_Buffer")?);
        given.truncate(size);
        let mut made = Address::empty();
        let room = made.bytes().len();
        given.truncate(room);
        let (kind, length) = match given.get(..2) {
            Some(&[a, b]) => match u16::from_le_bytes([a, b]) {
                family::V4 => (libc::AF_INET, size_of::<libc::sockaddr_in>()),
                family::V6 => (libc::AF_INET6, size_of::<libc::sockaddr_in6>()),
                family::UNIX => (libc::AF_UNIX, given.len()),
                _ => (libc::AF_UNSPEC, given.len()),
            },
            _ => (libc::AF_UNSPEC, 0),
        };
        made.bytes()[..given.len()].copy_from_slice(&given);
        made.storage.ss_family = kind as libc::sa_family_t;
        made.length = length as libc::socklen_t;
        Ok(made)
    }

    /// A `SocketAddress`.
    fn object(&mut self, cx: &Cx<'_>) -> Result<Ref> {
        let kind = match i32::from(self.storage.ss_family) {
            libc::AF_INET => family::V4,
            libc::AF_INET6 => family::V6,
            libc::AF_UNIX => family::UNIX,
            _ => 0,
        };
        let length = self.length as usize;
        let mut bytes = self.bytes()[..length].to_vec();
        // Where IPv6 addresses end in Windows' structure they end here.
        bytes.resize(length.max(2), 0);
        bytes[..2].copy_from_slice(&kind.to_le_bytes());
        let thrown = |e| cx.load_error(&e);
        let home = types().load("System").map_err(thrown)?;
        let class = home.find_type("System.Net", "SocketAddress");
        let class = class.ok_or_else(|| cx.null_reference())?;
        let object = cx.alloc(class)?;
        let buffer = byte_array(cx, &bytes)?;
        let at = |name| offset_of(class, name).map_err(thrown);
        cx.write(object, at("m_Size")?, bytes.len() as i32);
        cx.write_ref(object, at("m_Buffer")?, buffer);
        Ok(object)
    }
}

type Name = unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut libc::socklen_t) -> i32;

fn name_of(cx: &Cx<'_>, socket: isize, error: usize, get: Name) -> Result<Ref> {
    let mut address = Address::empty();
    let (to, mut length) = (address.pointer(), address.length);
    // SAFETY: room for an address.
    done(error, || {
        i64::from(unsafe { get(socket as i32, to, &mut length) })
    });
    address.length = length;
    // SAFETY: the caller's variable.
    match unsafe { *(error as *const i32) } {
        0 => address.object(cx),
        _ => Ok(Ref::NULL),
    }
}

fn local_address(cx: &Cx<'_>, socket: isize, _family: i32, error: usize) -> Result<Ref> {
    name_of(cx, socket, error, libc::getsockname)
}

fn remote_address(cx: &Cx<'_>, socket: isize, _family: i32, error: usize) -> Result<Ref> {
    name_of(cx, socket, error, libc::getpeername)
}

// ---- life

fn open(
    _cx: &Cx<'_>,
    _this: Ref,
    family: i32,
    kind: i32,
    protocol: i32,
    error: usize,
) -> Result<isize> {
    let family = match family as u16 {
        family::V4 => libc::AF_INET,
        family::V6 => libc::AF_INET6,
        family::UNIX => libc::AF_UNIX,
        _ => {
            set(error, win_sock(libc::EAFNOSUPPORT));
            return Ok(-1);
        }
    };
    let kind = match kind {
        1 => libc::SOCK_STREAM,
        2 => libc::SOCK_DGRAM,
        3 => libc::SOCK_RAW,
        4 => libc::SOCK_RDM,
        5 => libc::SOCK_SEQPACKET,
        _ => {
            set(error, win_sock(libc::ESOCKTNOSUPPORT));
            return Ok(-1);
        }
    };
    // SAFETY: no memory involved.
    let socket = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    if socket == -1 {
        let errno = Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
        set(error, win_sock(errno));
        return Ok(-1);
    }
    set(error, 0);
    let on = 1;
    // Ports are free again at once, as in Windows.
    // SAFETY: the address of an int.
    unsafe {
        let size = size_of::<i32>() as libc::socklen_t;
        let on = (&raw const on).cast();
        libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, on, size);
    }
    Ok(socket as isize)
}

fn close(_cx: &Cx<'_>, socket: isize, error: usize) -> Result<()> {
    // SAFETY: the library closes a socket once.
    done(error, || i64::from(unsafe { libc::close(socket as i32) }));
    Ok(())
}

fn shutdown(_cx: &Cx<'_>, socket: isize, how: i32, error: usize) -> Result<()> {
    // SAFETY: no memory involved.
    done(error, || {
        i64::from(unsafe { libc::shutdown(socket as i32, how) })
    });
    Ok(())
}

fn disconnect(cx: &Cx<'_>, socket: isize, _reuse: bool, error: usize) -> Result<()> {
    shutdown(cx, socket, libc::SHUT_RDWR, error)
}

/// Who waits on a socket is woken by its shutdown.
fn cancel(_cx: &Cx<'_>, _thread: Ref) -> Result<()> {
    Ok(())
}

fn supports_port_reuse(_cx: &Cx<'_>, protocol: i32) -> Result<bool> {
    const UDP: i32 = 17;
    Ok(protocol == UDP)
}

fn set_blocking(_cx: &Cx<'_>, socket: isize, block: bool, error: usize) -> Result<()> {
    done(error, || {
        // SAFETY: no memory involved.
        unsafe {
            let flags = libc::fcntl(socket as i32, libc::F_GETFL);
            let flags = match block {
                true => flags & !libc::O_NONBLOCK,
                false => flags | libc::O_NONBLOCK,
            };
            i64::from(libc::fcntl(socket as i32, libc::F_SETFL, flags))
        }
    });
    Ok(())
}

fn available(_cx: &Cx<'_>, socket: isize, error: usize) -> Result<i32> {
    let mut count = 0i32;
    // SAFETY: room for the answer.
    done(error, || {
        i64::from(unsafe { libc::ioctl(socket as i32, libc::FIONREAD, &mut count) })
    });
    Ok(count)
}

/// Modes: 0 to read, 1 to write, 2 errors. The time is in microseconds; negative: for ever.
fn poll(_cx: &Cx<'_>, socket: isize, mode: i32, timeout: i32, error: usize) -> Result<bool> {
    let wanted = match mode {
        0 => libc::POLLIN,
        1 => libc::POLLOUT,
        _ => libc::POLLPRI,
    };
    let mut entry = libc::pollfd {
        fd: socket as i32,
        events: wanted,
        revents: 0,
    };
    let ms = if timeout < 0 {
        -1
    } else {
        timeout / 1000 + i32::from(timeout % 1000 != 0)
    };
    // SAFETY: one entry.
    let ready = blocking(|| {
        done(error, || {
            i64::from(unsafe { libc::poll(&mut entry, 1, ms) })
        })
    });
    let ends = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
    let broken = libc::POLLERR | libc::POLLNVAL;
    Ok(ready > 0
        && match mode {
            2 => entry.revents & (wanted | broken) != 0,
            _ => entry.revents & (wanted | ends) != 0,
        })
}

fn accept(_cx: &Cx<'_>, socket: isize, error: usize, _block: bool) -> Result<isize> {
    let none = std::ptr::null_mut();
    let call = || {
        // SAFETY: the address of the other side is not asked for.
        i64::from(unsafe { libc::accept4(socket as i32, none, none.cast(), libc::SOCK_CLOEXEC) })
    };
    let made = transferred(error, socket, libc::SO_RCVTIMEO, call);
    // SAFETY: the caller's variable.
    Ok(if unsafe { *(error as *const i32) } == 0 {
        made as isize
    } else {
        -1
    })
}

fn bind(cx: &Cx<'_>, socket: isize, address: Ref, error: usize) -> Result<()> {
    let mut address = Address::of(cx, address)?;
    let (at, length) = (address.pointer(), address.length);
    // SAFETY: an address of that length.
    done(error, || {
        i64::from(unsafe { libc::bind(socket as i32, at, length) })
    });
    Ok(())
}

fn listen(_cx: &Cx<'_>, socket: isize, backlog: i32, error: usize) -> Result<()> {
    // SAFETY: no memory involved.
    done(error, || {
        i64::from(unsafe { libc::listen(socket as i32, backlog) })
    });
    Ok(())
}

fn connect(cx: &Cx<'_>, socket: isize, address: Ref, error: usize, _block: bool) -> Result<()> {
    const WOULD_BLOCK: i32 = 10035;
    const IN_PROGRESS: i32 = 10036;
    let mut address = Address::of(cx, address)?;
    let (at, length) = (address.pointer(), address.length);
    // SAFETY: an address of that length.
    let call = || i64::from(unsafe { libc::connect(socket as i32, at, length) });
    blocking(|| done(error, call));
    // SAFETY: the caller's variable.
    if unsafe { *(error as *const i32) } == IN_PROGRESS {
        set(error, WOULD_BLOCK);
    }
    Ok(())
}

// ---- data

/// `SocketFlags`: out of band 1, peek 2, no routing 4 are the same; the rest has no counterpart.
fn message_flags(flags: i32) -> i32 {
    (flags & 7) | libc::MSG_NOSIGNAL
}

fn receive(
    _cx: &Cx<'_>,
    socket: isize,
    buffer: usize,
    count: i32,
    flags: i32,
    error: usize,
    _block: bool,
) -> Result<i32> {
    let (to, size) = (buffer as *mut libc::c_void, count.max(0) as usize);
    Ok(transferred(error, socket, libc::SO_RCVTIMEO, || {
        // SAFETY: the library's pinned buffer.
        unsafe { libc::recv(socket as i32, to, size, message_flags(flags)) as i64 }
    }))
}

fn send(
    _cx: &Cx<'_>,
    socket: isize,
    buffer: usize,
    count: i32,
    flags: i32,
    error: usize,
    _block: bool,
) -> Result<i32> {
    let (from, size) = (buffer as *const libc::c_void, count.max(0) as usize);
    Ok(transferred(error, socket, libc::SO_SNDTIMEO, || {
        // SAFETY: the library's pinned buffer.
        unsafe { libc::send(socket as i32, from, size, message_flags(flags)) as i64 }
    }))
}

/// The parts of a message: an array of `WSABUF`, each a length and an address.
fn parts_at(parts: usize, count: i32) -> Vec<libc::iovec> {
    (0..count.max(0) as usize)
        .map(|i| {
            let at = parts + 16 * i;
            // SAFETY: the library's pinned array.
            unsafe {
                libc::iovec {
                    iov_len: (at as *const i32).read_unaligned().max(0) as usize,
                    iov_base: ((at + 8) as *const usize).read_unaligned() as *mut libc::c_void,
                }
            }
        })
        .collect()
}

/// A message of parts.
fn message(parts: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: plain data.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = parts.as_mut_ptr();
    header.msg_iovlen = parts.len() as _;
    header
}

fn receive_parts(
    _cx: &Cx<'_>,
    socket: isize,
    parts: usize,
    count: i32,
    flags: i32,
    error: usize,
    _block: bool,
) -> Result<i32> {
    let mut parts = parts_at(parts, count);
    let mut header = message(&mut parts);
    Ok(transferred(error, socket, libc::SO_RCVTIMEO, || {
        // SAFETY: the library's pinned buffers.
        unsafe { libc::recvmsg(socket as i32, &mut header, message_flags(flags)) as i64 }
    }))
}

fn send_parts(
    _cx: &Cx<'_>,
    socket: isize,
    parts: usize,
    count: i32,
    flags: i32,
    error: usize,
    _block: bool,
) -> Result<i32> {
    let mut parts = parts_at(parts, count);
    let header = message(&mut parts);
    Ok(transferred(error, socket, libc::SO_SNDTIMEO, || {
        // SAFETY: the library's pinned buffers.
        unsafe { libc::sendmsg(socket as i32, &header, message_flags(flags)) as i64 }
    }))
}

#[allow(clippy::too_many_arguments)] // the argument words of an internal call
fn receive_from(
    cx: &Cx<'_>,
    socket: isize,
    buffer: usize,
    count: i32,
    flags: i32,
    address: usize,
    error: usize,
    _block: bool,
) -> Result<i32> {
    let mut from = Address::empty();
    let (at, mut length) = (from.pointer(), from.length);
    let (to, size) = (buffer as *mut libc::c_void, count.max(0) as usize);
    let received = transferred(error, socket, libc::SO_RCVTIMEO, || {
        // SAFETY: the library's pinned buffer, and room for an address.
        unsafe {
            let flags = message_flags(flags);
            libc::recvfrom(socket as i32, to, size, flags, at, &mut length) as i64
        }
    });
    // SAFETY: the caller's variable.
    if unsafe { *(error as *const i32) } == 0 && length > 0 {
        from.length = length;
        let object = from.object(cx)?;
        cx.store_by_ref(address, object);
    }
    Ok(received)
}

#[allow(clippy::too_many_arguments)] // the argument words of an internal call
fn send_to(
    cx: &Cx<'_>,
    socket: isize,
    buffer: usize,
    count: i32,
    flags: i32,
    address: Ref,
    error: usize,
    _block: bool,
) -> Result<i32> {
    let mut to = Address::of(cx, address)?;
    let (at, length) = (to.pointer(), to.length);
    let (from, size) = (buffer as *const libc::c_void, count.max(0) as usize);
    Ok(transferred(error, socket, libc::SO_SNDTIMEO, || {
        // SAFETY: the library's pinned buffer and an address of that length.
        unsafe {
            let flags = message_flags(flags);
            libc::sendto(socket as i32, from, size, flags, at, length) as i64
        }
    }))
}

// ---- options

/// Level and number of an option of Windows.
fn option(level: i32, name: i32) -> Option<(i32, i32)> {
    const SOCKET: i32 = 0xffff;
    Some(match (level, name) {
        (SOCKET, 0x0004) => (libc::SOL_SOCKET, libc::SO_REUSEADDR),
        (SOCKET, 0x0008) => (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
        (SOCKET, 0x0010) => (libc::SOL_SOCKET, libc::SO_DONTROUTE),
        (SOCKET, 0x0020) => (libc::SOL_SOCKET, libc::SO_BROADCAST),
        (SOCKET, 0x0080) => (libc::SOL_SOCKET, libc::SO_LINGER),
        (SOCKET, 0x0100) => (libc::SOL_SOCKET, libc::SO_OOBINLINE),
        (SOCKET, 0x1001) => (libc::SOL_SOCKET, libc::SO_SNDBUF),
        (SOCKET, 0x1002) => (libc::SOL_SOCKET, libc::SO_RCVBUF),
        (SOCKET, 0x1005) => (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
        (SOCKET, 0x1006) => (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
        (SOCKET, 0x1007) => (libc::SOL_SOCKET, libc::SO_ERROR),
        (SOCKET, 0x1008) => (libc::SOL_SOCKET, libc::SO_TYPE),
        (6, 1) => (libc::IPPROTO_TCP, libc::TCP_NODELAY),
        (0, 4) => (libc::IPPROTO_IP, libc::IP_TTL),
        (0, 10) => (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL),
        (0, 11) => (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP),
        (41, 27) => (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
        _ => return None,
    })
}

fn is_time(option: (i32, i32)) -> bool {
    option.0 == libc::SOL_SOCKET && matches!(option.1, libc::SO_SNDTIMEO | libc::SO_RCVTIMEO)
}

/// The number of an option, with the error set.
fn option_number(socket: isize, level: i32, name: i32, error: usize) -> i32 {
    let Some(option) = option(level, name) else {
        set(error, win_sock(libc::ENOPROTOOPT));
        return 0;
    };
    if is_time(option) {
        set(error, 0);
        return timeout(socket, option.1).unwrap_or(0);
    }
    // Two words: lingering has a time too.
    let mut value = [0i32; 2];
    let mut size = size_of_val(&value) as libc::socklen_t;
    done(error, || {
        // SAFETY: room for the answer.
        i64::from(unsafe {
            let to = (&raw mut value).cast();
            libc::getsockopt(socket as i32, option.0, option.1, to, &mut size)
        })
    });
    match option {
        (libc::SOL_SOCKET, libc::SO_ERROR) => win_sock(value[0]),
        // Linux tells the double of what was asked for.
        (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_RCVBUF) => value[0] / 2,
        _ => value[0],
    }
}

fn option_bytes(
    cx: &Cx<'_>,
    socket: isize,
    level: i32,
    name: i32,
    bytes: usize,
    error: usize,
) -> Result<()> {
    let number = option_number(socket, level, name, error);
    // SAFETY: a managed pointer to a reference.
    let array = unsafe { *(bytes as *const Ref) };
    let size = length(cx, array).min(4);
    let word = number.to_le_bytes();
    for (i, &byte) in word[..size].iter().enumerate() {
        cx.write(
            array,
            isthmus_runtime_abi::layout::ARRAY_DATA + i as u32,
            byte,
        );
    }
    Ok(())
}

fn option_object(
    cx: &Cx<'_>,
    socket: isize,
    level: i32,
    name: i32,
    object: usize,
    error: usize,
) -> Result<()> {
    let number = option_number(socket, level, name, error);
    let boxed = cx.box_i32(number)?;
    cx.store_by_ref(object, boxed);
    Ok(())
}

#[allow(clippy::too_many_arguments)] // the argument words of an internal call
fn set_option(
    cx: &Cx<'_>,
    socket: isize,
    level: i32,
    name: i32,
    object: Ref,
    bytes: Ref,
    number: i32,
    error: usize,
) -> Result<()> {
    let Some(option) = option(level, name) else {
        set(error, win_sock(libc::ENOPROTOOPT));
        return Ok(());
    };
    let mut value: Vec<u8> = number.to_le_bytes().to_vec();
    if !bytes.is_null() {
        value = bytes_of(cx, bytes);
    } else if !object.is_null() {
        // A `LingerOption`: whether, and how many seconds.
        let fields = Fields::of(cx, object)?;
        value = i32::from(fields.is("enabled")?).to_le_bytes().to_vec();
        value.extend(fields.get::<i32>("lingerTime")?.to_le_bytes());
    } else if is_time(option) {
        let ms = i64::from(number.max(0));
        value = (ms / 1000).to_le_bytes().to_vec();
        value.extend((ms % 1000 * 1000).to_le_bytes());
    }
    done(error, || {
        let size = value.len() as libc::socklen_t;
        // SAFETY: a value of that size.
        i64::from(unsafe {
            libc::setsockopt(
                socket as i32,
                option.0,
                option.1,
                value.as_ptr().cast(),
                size,
            )
        })
    });
    Ok(())
}

fn host_name(cx: &Cx<'_>, name: usize) -> Result<bool> {
    let mut buffer = [0u8; 256];
    // SAFETY: room for a name and the zero that ends it.
    let failed = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) } != 0;
    let end = buffer.iter().position(|&b| b == 0).unwrap_or(0);
    let text = cx.string(&String::from_utf8_lossy(&buffer[..end]))?;
    cx.store_by_ref(name, text);
    Ok(!failed)
}
