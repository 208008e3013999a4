//! `System.String`, and text and arrays of pointers between managed and native form.

use crate::tables::literals;
use crate::vm::cx::Result;
use crate::vm::{Cx, clr};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::LONGEST_STRING;

icalls! {
    "System.String" {
        "FastAllocateString" => allocate [length: i32] -> Ref;
        "InternalIntern" => intern [string: Ref] -> Ref;
        "InternalIsInterned" => is_interned [string: Ref] -> Ref;
    }
    "Mono.SafeStringMarshal" {
        "StringToUtf8" => to_utf8 [string: Ref] -> usize;
        "GFree" => free [memory: usize] -> ();
    }
    "Mono.RuntimeGPtrArrayHandle" {
        "GPtrArrayFree" => free_array [array: usize] -> ();
    }
    "System.Runtime.CompilerServices.RuntimeHelpers" {
        "get_OffsetToStringData" => offset_to_data [] -> i32;
    }
    "System.Text.EncodingHelper" {
        "InternalCodePage" => code_page [page: usize] -> Ref;
    }
    "System.Runtime.InteropServices.Marshal" {
        "PtrToStringAnsi(intptr)" => from_c_string [at: usize] -> Ref;
        "PtrToStringAnsi(intptr,int)" => from_bytes [at: usize, length: i32] -> Ref;
        "PtrToStringUni(intptr)" => from_units [at: usize] -> Ref;
        "PtrToStringUni(intptr,int)" => from_counted_units [at: usize, length: i32] -> Ref;
        "StringToHGlobalAnsi" => to_native_utf8 [units: usize, length: i32] -> usize;
        "StringToHGlobalUni" => to_native_units [units: usize, length: i32] -> usize;
        "AllocHGlobal" => alloc_memory [size: isize] -> usize;
        "FreeHGlobal" => free [memory: usize] -> ();
        "ReAllocHGlobal" => realloc_memory [memory: usize, size: isize] -> usize;
        "AllocCoTaskMem" => alloc_memory_32 [size: i32] -> usize;
        "AllocCoTaskMemSize" => alloc_memory [size: isize] -> usize;
        "FreeCoTaskMem" => free [memory: usize] -> ();
    }
}

fn allocate(cx: &Cx<'_>, length: i32) -> Result<Ref> {
    match usize::try_from(length) {
        Ok(n) if n <= LONGEST_STRING => cx.string_of_length(n),
        _ => Err(cx.out_of_memory()),
    }
}

fn intern(cx: &Cx<'_>, string: Ref) -> Result<Ref> {
    if string.is_null() {
        return Err(cx.argument_null("str"));
    }
    let id = literals().of_text(cx.units(string));
    clr::literal(id)
        .map(Ref::from_addr)
        .ok_or_else(|| cx.out_of_memory())
}

/// The interned string of this text, if some code or `Intern` made one.
fn is_interned(cx: &Cx<'_>, string: Ref) -> Result<Ref> {
    if string.is_null() {
        return Err(cx.argument_null("str"));
    }
    let id = literals().find(cx.units(string));
    Ok(id.and_then(clr::literal).map_or(Ref::NULL, Ref::from_addr))
}

pub(super) fn alloc_memory(cx: &Cx<'_>, size: isize) -> Result<usize> {
    // SAFETY: no preconditions.
    let memory = unsafe { libc::malloc(size.max(1) as usize) } as usize;
    if size < 0 || memory == 0 {
        Err(cx.out_of_memory())
    } else {
        Ok(memory)
    }
}

fn alloc_memory_32(cx: &Cx<'_>, size: i32) -> Result<usize> {
    alloc_memory(cx, size as isize)
}

pub(super) fn realloc_memory(cx: &Cx<'_>, memory: usize, size: isize) -> Result<usize> {
    // SAFETY: memory of `alloc_memory`, as the program says.
    let new = unsafe { libc::realloc(memory as *mut libc::c_void, size.max(1) as usize) } as usize;
    if new == 0 {
        Err(cx.out_of_memory())
    } else {
        Ok(new)
    }
}

/// Native memory with these bytes and a zero; to be freed by `free`.
pub(super) fn c_memory(cx: &Cx<'_>, bytes: &[u8]) -> Result<usize> {
    let memory = alloc_memory(cx, bytes.len() as isize + 2)? as *mut u8;
    // SAFETY: fresh memory of that size; two zero bytes end both kinds of text.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory, bytes.len());
        std::ptr::write_bytes(memory.add(bytes.len()), 0, 2);
    }
    Ok(memory as usize)
}

fn to_utf8(cx: &Cx<'_>, string: Ref) -> Result<usize> {
    if string.is_null() {
        return Ok(0);
    }
    c_memory(cx, cx.text(string).as_bytes())
}

pub(super) fn free(_cx: &Cx<'_>, memory: usize) -> Result<()> {
    // SAFETY: memory of `c_memory` or `alloc_memory`, or null.
    unsafe { libc::free(memory as *mut libc::c_void) };
    Ok(())
}

/// An array of pointers as the class library reads it (`GPtrArray`).
#[repr(C)]
struct PointerArray {
    data: *mut usize,
    length: i32,
}

/// An array of pointers for managed code, to be freed by `GPtrArrayFree`.
pub(super) fn pointer_array(items: Vec<usize>) -> usize {
    let length = items.len() as i32;
    let data = Box::leak(items.into_boxed_slice()).as_mut_ptr();
    Box::into_raw(Box::new(PointerArray { data, length })) as usize
}

fn free_array(_cx: &Cx<'_>, array: usize) -> Result<()> {
    if array != 0 {
        // SAFETY: made by `pointer_array`, and freed once by the handle's Dispose.
        unsafe {
            let array = Box::from_raw(array as *mut PointerArray);
            drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(
                array.data,
                array.length as usize,
            )));
        }
    }
    Ok(())
}

fn offset_to_data(_cx: &Cx<'_>) -> Result<i32> {
    Ok(isthmus_runtime_abi::layout::STRING_CHARS as i32)
}

/// The locale's character set: its number if it is one the library knows (bit 28 marks UTF-8), else -1 and its name.
fn code_page(cx: &Cx<'_>, page: usize) -> Result<Ref> {
    let locale = super::locale::locale_variable(&["LC_ALL", "LC_CTYPE", "LANG"]);
    let set = locale
        .as_deref()
        .and_then(|l| l.split_once('.'))
        .map_or("ANSI_X3_4_1968", |(_, set)| {
            set.split('@').next().unwrap_or(set)
        });
    let fold = |c: char| {
        if matches!(c, '-' | '.' | ' ') {
            '_'
        } else {
            c.to_ascii_lowercase()
        }
    };
    let key: String = set.chars().map(fold).collect();
    // The numbers that `EncodingHelper` switches on.
    let number = match key.as_str() {
        "ascii" | "us_ascii" | "us" | "ansi_x3_4_1968" | "cp367" => 1,
        "utf_7" | "utf7" => 2,
        "utf_8" | "utf8" => 3 | 0x1000_0000,
        "utf_16" | "utf_16le" => 4,
        "utf_16be" => 5,
        "iso_8859_1" | "iso8859_1" | "latin1" => 6,
        _ => -1,
    };
    // SAFETY: a managed pointer to an int.
    unsafe { (page as *mut i32).write_unaligned(number) };
    if number < 0 {
        cx.string(set)
    } else {
        Ok(Ref::NULL)
    }
}

/// The bytes of a C string.
pub(super) fn c_bytes<'a>(at: usize) -> &'a [u8] {
    // SAFETY: the program says that a C string is there.
    unsafe { std::ffi::CStr::from_ptr(at as *const libc::c_char) }.to_bytes()
}

pub(super) fn from_c_string(cx: &Cx<'_>, at: usize) -> Result<Ref> {
    if at == 0 {
        return Ok(Ref::NULL);
    }
    cx.string(&String::from_utf8_lossy(c_bytes(at)))
}

fn from_bytes(cx: &Cx<'_>, at: usize, length: i32) -> Result<Ref> {
    if at == 0 {
        return Err(cx.argument_null("ptr"));
    }
    // SAFETY: the program says that so many bytes are there.
    let bytes = unsafe { std::slice::from_raw_parts(at as *const u8, length.max(0) as usize) };
    cx.string(&String::from_utf8_lossy(bytes))
}

fn from_units(cx: &Cx<'_>, at: usize) -> Result<Ref> {
    if at == 0 {
        return Ok(Ref::NULL);
    }
    from_counted_units(cx, at, units_to_zero(at))
}

fn from_counted_units(cx: &Cx<'_>, at: usize, length: i32) -> Result<Ref> {
    if at == 0 {
        return Err(cx.argument_null("ptr"));
    }
    cx.string_utf16(&native_units(at, length))
}

/// A copy of UTF-16 units in native or pinned memory.
pub(super) fn native_units(at: usize, length: i32) -> Vec<u16> {
    (0..length.max(0) as usize)
        // SAFETY: the library says that so many units are there.
        .map(|i| unsafe { (at as *const u16).add(i).read_unaligned() })
        .collect()
}

/// Native or pinned UTF-16 as text.
pub(super) fn native_text(at: usize, length: i32) -> String {
    String::from_utf16_lossy(&native_units(at, length))
}

/// Number of units before the zero unit.
fn units_to_zero(at: usize) -> i32 {
    let mut n = 0;
    // SAFETY: the library passes texts of managed strings, which end with a zero unit.
    while unsafe { (at as *const u16).add(n).read_unaligned() } != 0 {
        n += 1;
    }
    n as i32
}

/// UTF-16 that a zero unit ends, as text; empty for a null pointer.
pub(super) fn native_text_to_zero(at: usize) -> String {
    if at == 0 {
        String::new()
    } else {
        native_text(at, units_to_zero(at))
    }
}

fn to_native_utf8(cx: &Cx<'_>, units: usize, length: i32) -> Result<usize> {
    if units == 0 {
        return Ok(0);
    }
    c_memory(cx, native_text(units, length).as_bytes())
}

fn to_native_units(cx: &Cx<'_>, units: usize, length: i32) -> Result<usize> {
    if units == 0 {
        return Ok(0);
    }
    let bytes: Vec<u8> = native_units(units, length)
        .iter()
        .flat_map(|u| u.to_le_bytes())
        .collect();
    c_memory(cx, &bytes)
}

/// A `byte[]`.
pub(super) fn byte_array(cx: &Cx<'_>, bytes: &[u8]) -> Result<Ref> {
    let array = cx.alloc_array(crate::types::types().known.byte(), bytes.len())?;
    // SAFETY: a fresh array of that length, held by a local.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), cx.data(array) as *mut u8, bytes.len());
    }
    Ok(array)
}
