//! Text between managed and native form, for the bodies of P/Invokes (`synth::pinvoke`), and the error of the last one.

use super::string::{alloc_memory, c_bytes, c_memory, free};
use crate::synth::pinvoke::Text;
use crate::vm::Cx;
use crate::vm::cx::{Result, Value};
use isthmus_rt::object::Ref;

icalls! {
    "System.Runtime.InteropServices.Marshal" {
        "GetLastWin32Error" => last_error [] -> i32;
        "SetLastWin32Error" => set_last_error [error: i32] -> ();
    }
    "System.Object" {
        "NativeText" => native_text [string: Ref, kind: i32] -> usize;
        "ManagedText" => managed_text [at: usize, kind: i32] -> Ref;
        "NativeBuffer" => native_buffer [builder: Ref, kind: i32] -> usize;
        "ReadBuffer" => read_buffer [builder: Ref, buffer: usize, kind: i32] -> ();
        "NativeFree" => free [memory: usize] -> ();
    }
}

fn last_error(cx: &Cx<'_>) -> Result<i32> {
    Ok(cx.thread.last_error())
}

fn set_last_error(cx: &Cx<'_>, error: i32) -> Result<()> {
    cx.thread.set_last_error(error);
    Ok(())
}

fn is_wide(kind: i32) -> bool {
    kind == Text::Utf16 as i32
}

pub(super) fn native_text(cx: &Cx<'_>, string: Ref, kind: i32) -> Result<usize> {
    if string.is_null() {
        return Ok(0);
    }
    if is_wide(kind) {
        let bytes: Vec<u8> = cx
            .units(string)
            .iter()
            .flat_map(|u| u.to_le_bytes())
            .collect();
        return c_memory(cx, &bytes);
    }
    c_memory(cx, cx.text(string).as_bytes())
}

/// The string of native text, which is freed: it belongs to the caller of the foreign function.
fn managed_text(cx: &Cx<'_>, at: usize, kind: i32) -> Result<Ref> {
    let string = text_at(cx, at, kind)?;
    free(cx, at)?;
    Ok(string)
}

pub(super) fn text_at(cx: &Cx<'_>, at: usize, kind: i32) -> Result<Ref> {
    if at == 0 {
        return Ok(Ref::NULL);
    }
    if !is_wide(kind) {
        return cx.string(&String::from_utf8_lossy(c_bytes(at)));
    }
    let first = at as *const u16;
    // SAFETY: text that ends with a zero unit.
    let length = (0..).find(|&i| unsafe { first.add(i).read_unaligned() } == 0);
    let units: Vec<u16> = (0..length.unwrap_or(0))
        // SAFETY: before that unit.
        .map(|i| unsafe { first.add(i).read_unaligned() })
        .collect();
    cx.string_utf16(&units)
}

/// Calls an instance method of a `StringBuilder` by name.
fn call(cx: &Cx<'_>, builder: Ref, name: &str, args: &[Value]) -> Result<u64> {
    let class = cx.type_of(builder);
    let method = class
        .methods()
        .map_err(|e| cx.load_error(&e))?
        .into_iter()
        .find(|m| {
            m.name == name
                && m.sig().is_ok_and(|s| {
                    s.params.len() == args.len()
                        && s.params.iter().zip(args).all(|(p, a)| match a {
                            Value::Ref(_) => *p == crate::types::types().known.string(),
                            _ => *p == crate::types::types().known.int32(),
                        })
                })
        });
    let method = method.ok_or_else(|| cx.exception("System", "MissingMethodException", name))?;
    let mut all = vec![Value::Ref(builder)];
    all.extend_from_slice(args);
    Ok(cx.invoke(method, &all)?.first().copied().unwrap_or(0))
}

/// Memory for as many characters as the builder has room for, which starts with its text.
fn native_buffer(cx: &Cx<'_>, builder: Ref, kind: i32) -> Result<usize> {
    if builder.is_null() {
        return Ok(0);
    }
    let capacity = call(cx, builder, "get_Capacity", &[])? as u32 as usize;
    let text = Ref::from_addr(call(cx, builder, "ToString", &[])? as usize);
    // A UTF-16 unit takes at most three bytes of UTF-8.
    let size = (capacity + 1) * if is_wide(kind) { 2 } else { 3 };
    let memory = alloc_memory(cx, size as isize)?;
    let bytes: Vec<u8> = if is_wide(kind) {
        cx.units(text)
            .iter()
            .flat_map(|u| u.to_le_bytes())
            .collect()
    } else {
        cx.text(text).into_bytes()
    };
    // SAFETY: fresh memory of that size, in which the text and a zero fit: its length is at most the capacity.
    unsafe {
        let at = memory as *mut u8;
        std::ptr::write_bytes(at, 0, size);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
    }
    Ok(memory)
}

/// Replaces the builder's text by what is in the buffer, and frees that.
fn read_buffer(cx: &Cx<'_>, builder: Ref, buffer: usize, kind: i32) -> Result<()> {
    if builder.is_null() {
        return Ok(());
    }
    let text = text_at(cx, buffer, kind)?;
    free(cx, buffer)?;
    call(cx, builder, "set_Length", &[Value::I32(0)])?;
    call(cx, builder, "Append", &[Value::Ref(text)])?;
    Ok(())
}
