//! Native text, and buffers of `StringBuilder`.

use super::form::Encoding;
use crate::types::types;
use crate::vm::Cx;
use crate::vm::cx::{Result, Value};
use isthmus_rt::object::Ref;
use std::mem::MaybeUninit;

/// Bytes of the length before a BSTR's characters.
const PREFIX: usize = 4;

/// Native memory of a size, zeroed; to be freed by [`free`].
pub fn memory(cx: &Cx<'_>, bytes: usize) -> Result<usize> {
    // SAFETY: no preconditions.
    let memory = unsafe { libc::calloc(1, bytes.max(1)) } as usize;
    match memory {
        0 => Err(cx.out_of_memory()),
        memory => Ok(memory),
    }
}

/// Frees memory of [`memory`], or of C; null does nothing.
pub fn free(at: usize) {
    // SAFETY: whoever calls passes memory of `malloc` that nobody uses any more.
    unsafe { libc::free(at as *mut libc::c_void) };
}

impl Encoding {
    fn is_wide(self) -> bool {
        matches!(self, Encoding::Utf16 | Encoding::Bstr)
    }

    fn prefix(self) -> usize {
        match self {
            Encoding::Bstr | Encoding::AnsiBstr => PREFIX,
            Encoding::Utf8 | Encoding::Utf16 => 0,
        }
    }
}

/// The bytes of a string that is not null.
pub fn bytes_of(cx: &Cx<'_>, string: Ref, wide: bool) -> Vec<u8> {
    match wide {
        true => cx
            .units(string)
            .iter()
            .flat_map(|u| u.to_le_bytes())
            .collect(),
        false => cx.text(string).into_bytes(),
    }
}

/// Native text of a string, to be freed by [`release`]; null for null.
pub fn make(cx: &Cx<'_>, string: Ref, encoding: Encoding) -> Result<usize> {
    if string.is_null() {
        return Ok(0);
    }
    if encoding == Encoding::Utf8 {
        return make_utf8(cx, string);
    }
    let bytes = bytes_of(cx, string, encoding.is_wide());
    // Two zero bytes end either kind.
    let at = memory(cx, encoding.prefix() + bytes.len() + 2)?;
    let start = at + encoding.prefix();
    // SAFETY: fresh memory of that size.
    unsafe {
        if encoding.prefix() > 0 {
            (at as *mut u32).write_unaligned(bytes.len() as u32);
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), start as *mut u8, bytes.len());
    }
    Ok(start)
}

/// The common kind: encoded where it will stay.
fn make_utf8(cx: &Cx<'_>, string: Ref) -> Result<usize> {
    let units = cx.units(string);
    // A unit takes at most three bytes.
    let room = 3 * units.len() + 1;
    // SAFETY: no preconditions.
    let at = unsafe { libc::malloc(room) } as usize;
    if at == 0 {
        return Err(cx.out_of_memory());
    }
    // SAFETY: fresh memory of that size, which nobody else knows.
    let bytes = unsafe { std::slice::from_raw_parts_mut(at as *mut MaybeUninit<u8>, room) };
    let plain = units.iter().take_while(|u| **u < 0x80).count();
    for (byte, unit) in bytes.iter_mut().zip(&units[..plain]) {
        byte.write(*unit as u8);
    }
    let mut length = plain;
    for decoded in char::decode_utf16(units[plain..].iter().copied()) {
        let mut buffer = [0; 4];
        let c = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        for &byte in c.encode_utf8(&mut buffer).as_bytes() {
            bytes[length].write(byte);
            length += 1;
        }
    }
    bytes[length].write(0);
    Ok(at)
}

/// The string of native text; null for null.
pub fn read(cx: &Cx<'_>, at: usize, encoding: Encoding) -> Result<Ref> {
    if at == 0 {
        return Ok(Ref::NULL);
    }
    let length = match encoding {
        // SAFETY: the length lies before the characters.
        Encoding::Bstr | Encoding::AnsiBstr => unsafe {
            let bytes = ((at - PREFIX) as *const u32).read_unaligned() as usize;
            bytes / if encoding.is_wide() { 2 } else { 1 }
        },
        // SAFETY: the program says that text is there, which a zero ends.
        Encoding::Utf16 => unsafe {
            let first = at as *const u16;
            (0..)
                .find(|&i| first.add(i).read_unaligned() == 0)
                .unwrap_or(0)
        },
        // SAFETY: as above.
        Encoding::Utf8 => unsafe { libc::strlen(at as *const libc::c_char) },
    };
    read_counted(cx, at, length, encoding.is_wide())
}

/// The string of so many native characters.
pub fn read_counted(cx: &Cx<'_>, at: usize, length: usize, wide: bool) -> Result<Ref> {
    if wide {
        // SAFETY: so many units are there, as the caller says.
        let unit = |i| unsafe { (at as *const u16).add(i).read_unaligned() };
        let units: Vec<u16> = (0..length).map(unit).collect();
        return cx.string_utf16(&units);
    }
    // SAFETY: so many bytes are there, as the caller says.
    let bytes = unsafe { std::slice::from_raw_parts(at as *const u8, length) };
    cx.string(&String::from_utf8_lossy(bytes))
}

/// Frees text of [`make`], or of C.
pub fn release(at: usize, encoding: Encoding) {
    if at != 0 {
        free(at - encoding.prefix());
    }
}

/// A BSTR of UTF-16 units in memory.
pub fn bstr(cx: &Cx<'_>, units: usize, length: usize) -> Result<usize> {
    let at = memory(cx, PREFIX + 2 * length + 2)?;
    // SAFETY: fresh memory of that size, and so many units, as the caller says.
    unsafe {
        (at as *mut u32).write_unaligned(2 * length as u32);
        std::ptr::copy_nonoverlapping(units as *const u8, (at + PREFIX) as *mut u8, 2 * length);
    }
    Ok(at + PREFIX)
}

/// Calls an instance method of a `StringBuilder` by name.
fn call(cx: &Cx<'_>, builder: Ref, name: &str, args: &[Value]) -> Result<u64> {
    let known = &types().known;
    let fits = |m: &&'static crate::types::Method| {
        m.name == name
            && m.sig().is_ok_and(|s| {
                s.params.len() == args.len()
                    && s.params.iter().zip(args).all(|(p, a)| match a {
                        Value::Ref(_) => *p == known.string(),
                        _ => *p == known.int32(),
                    })
            })
    };
    let class = cx.type_of(builder);
    let methods = class.methods().map_err(|e| cx.load_error(&e))?;
    let method = methods.iter().find(|m| fits(m));
    let method = method.ok_or_else(|| cx.exception("System", "MissingMethodException", name))?;
    let mut all = vec![Value::Ref(builder)];
    all.extend_from_slice(args);
    Ok(cx.invoke(method, &all)?.first().copied().unwrap_or(0))
}

/// A new `StringBuilder` with a text, which is not null.
pub fn new_builder(cx: &Cx<'_>, text: Ref) -> Result<Ref> {
    let class = types().corlib().find_type("System.Text", "StringBuilder");
    let class =
        class.ok_or_else(|| cx.exception("System", "TypeLoadException", "StringBuilder"))?;
    let builder = cx.alloc(class)?;
    call(cx, builder, ".ctor", &[Value::Ref(text)])?;
    Ok(builder)
}

/// Memory for as many characters as a builder has room for, which starts with its text if `filled`; null for null.
pub fn make_buffer(cx: &Cx<'_>, builder: Ref, encoding: Encoding, filled: bool) -> Result<usize> {
    if builder.is_null() {
        return Ok(0);
    }
    let capacity = call(cx, builder, "get_Capacity", &[])? as u32 as usize;
    let text = Ref::from_addr(call(cx, builder, "ToString", &[])? as usize);
    let bytes = match filled {
        true => bytes_of(cx, text, encoding.is_wide()),
        false => Vec::new(),
    };
    // A UTF-16 unit takes at most three bytes of UTF-8. An ending zero follows what the program may fill.
    let unit = if encoding.is_wide() { 2 } else { 3 };
    let room = (capacity + 1) * unit + 2;
    let at = memory(cx, room)?;
    debug_assert!(bytes.len() < room);
    // SAFETY: fresh memory in which the text fits: its length is at most the capacity.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len()) };
    Ok(at)
}

/// Replaces a builder's text by what is in a buffer.
pub fn read_buffer(cx: &Cx<'_>, builder: Ref, at: usize, encoding: Encoding) -> Result<()> {
    if builder.is_null() || at == 0 {
        return Ok(());
    }
    let text = read(cx, at, encoding)?;
    call(cx, builder, "set_Length", &[Value::I32(0)])?;
    call(cx, builder, "Append", &[Value::Ref(text)])?;
    Ok(())
}
