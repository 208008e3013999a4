//! `System.ConsoleDriver`: the terminal's modes. What is changed for a program is put back when the process ends.

use crate::types::types;
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use isthmus_rt::transition::blocking;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::AtomicI32;

icalls! {
    "System.ConsoleDriver" {
        "Isatty" => is_terminal [handle: isize] -> bool;
        "InternalKeyAvailable" => key_available [timeout: i32] -> i32;
        "TtySetup" => set_up [keypad: Ref, teardown: Ref, control: usize, size: usize] -> bool;
        "SetEcho" => set_echo [wanted: bool] -> bool;
        "SetBreak" => set_break [wanted: bool] -> bool;
    }
}

/// The terminal as it was, and the text that ends what the library began.
struct Before {
    modes: libc::termios,
    teardown: Vec<u8>,
}

static BEFORE: Mutex<Option<Before>> = Mutex::new(None);

/// Columns and rows, packed as the library reads them.
static SIZE: AtomicI32 = AtomicI32::new(-1);

fn modes() -> Option<libc::termios> {
    // SAFETY: `termios` is plain data, filled by tcgetattr.
    unsafe {
        let mut modes = std::mem::zeroed();
        (libc::tcgetattr(libc::STDIN_FILENO, &mut modes) == 0).then_some(modes)
    }
}

fn set_modes(modes: &libc::termios) -> bool {
    // SAFETY: modes that tcgetattr gave, some bits changed.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, modes) == 0 }
}

fn is_terminal(_cx: &Cx<'_>, handle: isize) -> Result<bool> {
    // SAFETY: no memory involved.
    Ok(unsafe { libc::isatty(handle as i32) } == 1)
}

/// Bytes that can be read from the terminal within the time.
fn key_available(_cx: &Cx<'_>, timeout: i32) -> Result<i32> {
    let mut poll = libc::pollfd {
        fd: libc::STDIN_FILENO,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one descriptor record; FIONREAD stores an int.
    Ok(blocking(|| unsafe {
        let mut ready = 0i32;
        if libc::poll(&mut poll, 1, timeout) > 0
            && libc::ioctl(libc::STDIN_FILENO, libc::FIONREAD, &mut ready) == 0
        {
            ready
        } else {
            0
        }
    }))
}

extern "C" fn restore() {
    let before = BEFORE.lock().unwrap_or_else(|e| e.into_inner()).take();
    if let Some(before) = before {
        let _ = std::io::stdout().write_all(&before.teardown);
        let _ = std::io::stdout().flush();
        set_modes(&before.modes);
    }
}

/// Lets single keys be read, and tells the special characters: 17 bytes in the order of `ControlCharacters`.
fn set_up(cx: &Cx<'_>, keypad: Ref, teardown: Ref, control: usize, size: usize) -> Result<bool> {
    // SAFETY: a managed pointer to a pointer.
    unsafe { (size as *mut usize).write_unaligned(SIZE.as_ptr() as usize) };
    let bytes = cx.alloc_array(types().known.byte(), 17)?;
    cx.store_by_ref(control, bytes);
    let Some(before) = modes() else {
        return Ok(false);
    };
    let mut raw = before;
    raw.c_lflag &= !libc::ICANON;
    raw.c_iflag &= !(libc::IXON | libc::IXOFF);
    raw.c_cc[libc::VMIN] = 1;
    raw.c_cc[libc::VTIME] = 0;
    if !set_modes(&raw) {
        return Ok(false);
    }
    // The kernel's numbers, in the library's order; it has no VSWTC here.
    for (i, &c) in raw.c_cc.iter().take(17).enumerate() {
        cx.write(bytes, isthmus_runtime_abi::layout::ARRAY_DATA + i as u32, c);
    }
    let text = cx.text(keypad);
    let _ = std::io::stdout().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
    let mut saved = BEFORE.lock().unwrap_or_else(|e| e.into_inner());
    if saved.is_none() {
        *saved = Some(Before {
            modes: before,
            teardown: cx.text(teardown).into_bytes(),
        });
        // SAFETY: a function without arguments.
        unsafe { libc::atexit(restore) };
    }
    Ok(true)
}

fn change(change: impl FnOnce(&mut libc::termios)) -> bool {
    let Some(mut modes) = modes() else {
        return false;
    };
    change(&mut modes);
    set_modes(&modes)
}

fn set_echo(_cx: &Cx<'_>, wanted: bool) -> Result<bool> {
    Ok(change(|m| {
        if wanted {
            m.c_lflag |= libc::ECHO;
        } else {
            m.c_lflag &= !libc::ECHO;
        }
    }))
}

/// Whether the interrupt key ends the program, or is read like another.
fn set_break(_cx: &Cx<'_>, wanted: bool) -> Result<bool> {
    Ok(change(|m| {
        if wanted {
            m.c_iflag &= !libc::IGNBRK;
            m.c_lflag |= libc::ISIG;
        } else {
            m.c_iflag |= libc::IGNBRK;
            m.c_lflag &= !libc::ISIG;
        }
    }))
}
