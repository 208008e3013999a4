//! `System.Reflection.AssemblyName`: names of assemblies in native memory, as the library reads them by pointer.

use super::handle::assembly_at;
use super::names::{display_name, public_key_token};
use super::string::{c_bytes, c_memory, pointer_array};
use crate::metadata::{AssemblyRefRow, Image};
use crate::types::{LoadError, LoadErrorKind};
use crate::vm::cx::Result;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

icalls! {
    "System.Reflection.AssemblyName" {
        "GetNativeName" => native_name [assembly: usize] -> usize;
        "ParseAssemblyName" => parse [text: usize, name: usize, has_version: usize, has_token: usize] -> bool;
        "get_public_token" => public_token [token: usize, key: usize, length: i32] -> ();
    }
    "System.Reflection.Assembly" {
        "InternalGetAssemblyName" => name_of_file [path: Ref, name: usize, code_base: usize] -> ();
        "InternalGetReferencedAssemblies" => references [assembly: Ref] -> usize;
    }
    "Mono.RuntimeMarshal" {
        "FreeAssemblyName" => free_native_name [name: usize, whole: bool] -> ();
    }
}

/// A `MonoAssemblyName`.
#[repr(C)]
struct NativeName {
    name: usize,
    culture: usize,
    hash_value: usize,
    public_key: usize,
    public_key_token: [u8; 17],
    hash_algorithm: u32,
    hash_length: u32,
    flags: u32,
    version: [u16; 4],
    architecture: u16,
}

/// The parts of a name.
#[derive(Default)]
struct Parts<'a> {
    name: &'a str,
    /// None: it is not said, which is not "neutral".
    culture: Option<&'a str>,
    key: &'a [u8],
    token: Option<[u8; 8]>,
    hash_algorithm: u32,
    flags: u32,
    version: [u16; 4],
}

impl NativeName {
    fn new(cx: &Cx<'_>, parts: &Parts<'_>) -> Result<NativeName> {
        let mut token = [0u8; 17];
        for (i, b) in parts.token.iter().flatten().enumerate() {
            let digit = |n: u8| b"0123456789abcdef"[usize::from(n)];
            (token[2 * i], token[2 * i + 1]) = (digit(b >> 4), digit(b & 15));
        }
        Ok(NativeName {
            name: c_memory(cx, parts.name.as_bytes())?,
            culture: match parts.culture {
                None => 0,
                Some(culture) => c_memory(cx, culture.as_bytes())?,
            },
            hash_value: 0,
            public_key: match parts.key {
                [] => 0,
                key => key_blob(cx, key)?,
            },
            public_key_token: token,
            hash_algorithm: parts.hash_algorithm,
            hash_length: 0,
            flags: parts.flags,
            version: parts.version,
            architecture: 0,
        })
    }

    /// Of the assembly in an image.
    fn of_image(cx: &Cx<'_>, image: &Image) -> Result<Option<NativeName>> {
        let Some(row) = image.assembly() else {
            return Ok(None);
        };
        let key = row.public_key().unwrap_or(&[]);
        let parts = Parts {
            name: row.name().unwrap_or(""),
            culture: Some(row.culture().unwrap_or("")),
            key,
            token: public_key_token(key),
            hash_algorithm: row.hash_algorithm(),
            flags: row.flags().bits(),
            version: [row.major(), row.minor(), row.build(), row.revision()],
        };
        NativeName::new(cx, &parts).map(Some)
    }

    /// Of an assembly that another one refers to.
    fn of_reference(cx: &Cx<'_>, row: AssemblyRefRow<'_>) -> Result<NativeName> {
        let key = row.public_key_or_token().unwrap_or(&[]);
        let token = <[u8; 8]>::try_from(key).ok();
        let key = if token.is_some() { &[][..] } else { key };
        let parts = Parts {
            name: row.name().unwrap_or(""),
            culture: Some(row.culture().unwrap_or("")),
            key,
            token: token.or_else(|| public_key_token(key)),
            hash_algorithm: 0,
            flags: row.flags().bits(),
            version: [row.major(), row.minor(), row.build(), row.revision()],
        };
        NativeName::new(cx, &parts)
    }
}

/// A public key with its length before it, compressed as blobs have it.
fn key_blob(cx: &Cx<'_>, key: &[u8]) -> Result<usize> {
    let mut blob = Vec::with_capacity(key.len() + 2);
    match key.len() {
        n @ 0..=0x7f => blob.push(n as u8),
        n => blob.extend_from_slice(&[0x80 | (n >> 8) as u8, n as u8]),
    }
    blob.extend_from_slice(key);
    c_memory(cx, &blob)
}

/// The name of an assembly in native memory, made once for each.
fn native_name(cx: &Cx<'_>, assembly: usize) -> Result<usize> {
    static MADE: Mutex<Option<FxHashMap<usize, usize>>> = Mutex::new(None);
    let a = assembly_at(assembly).ok_or_else(|| cx.null_reference())?;
    if let Some(&found) = MADE.lock().get_or_insert_default().get(&assembly) {
        return Ok(found);
    }
    let made = NativeName::of_image(cx, &a.image)?.ok_or_else(|| cx.null_reference())?;
    let address = std::ptr::from_ref(Box::leak(Box::new(made))) as usize;
    Ok(*MADE
        .lock()
        .get_or_insert_default()
        .entry(assembly)
        .or_insert(address))
}

/// The names of the assemblies that an assembly refers to, made once for each.
fn references(cx: &Cx<'_>, assembly: Ref) -> Result<usize> {
    static MADE: Mutex<Option<FxHashMap<u32, Vec<usize>>>> = Mutex::new(None);
    let a = reflect::assembly_of(cx, assembly)?;
    if let Some(found) = MADE.lock().get_or_insert_default().get(&a.index) {
        return Ok(pointer_array(found.clone()));
    }
    let made = a
        .image
        .rows::<AssemblyRefRow<'_>>()
        .map(|row| {
            let name = NativeName::of_reference(cx, row)?;
            Ok(std::ptr::from_ref(Box::leak(Box::new(name))) as usize)
        })
        .collect::<Result<Vec<_>>>()?;
    MADE.lock()
        .get_or_insert_default()
        .insert(a.index, made.clone());
    Ok(pointer_array(made))
}

/// Names of assemblies are made once and stay.
fn free_native_name(_cx: &Cx<'_>, _name: usize, _whole: bool) -> Result<()> {
    Ok(())
}

/// The name of the assembly in a file, which is not loaded.
fn name_of_file(cx: &Cx<'_>, path: Ref, name: usize, code_base: usize) -> Result<()> {
    let path = cx.text(path);
    let missing = |kind, text: String| cx.load_error(&LoadError::new(kind, text));
    let real = std::fs::canonicalize(&path).map_err(|_| {
        let text = format!("Could not load file or assembly '{path}' or one of its dependencies. The system cannot find the file specified.");
        missing(LoadErrorKind::FileNotFound, text)
    })?;
    let image = Image::open(&real).map_err(|e| cx.load_error(&e.into()))?;
    let made = NativeName::of_image(cx, &image)?.ok_or_else(|| {
        let text = format!("Could not load file or assembly '{path}': it is a module");
        missing(LoadErrorKind::BadImage, text)
    })?;
    // SAFETY: the address of the caller's variable, of that structure.
    unsafe { (name as *mut NativeName).write(made) };
    let url = cx.string(&format!("file://{}", real.display()))?;
    cx.store_by_ref(code_base, url);
    Ok(())
}

/// Writes the token of a public key.
fn public_token(_cx: &Cx<'_>, token: usize, key: usize, length: i32) -> Result<()> {
    // SAFETY: the library's buffers: a key of that length, and eight bytes.
    let key = unsafe { std::slice::from_raw_parts(key as *const u8, length.max(0) as usize) };
    if let Some(found) = public_key_token(key) {
        // SAFETY: as above.
        unsafe { (token as *mut [u8; 8]).write(found) };
    }
    Ok(())
}

/// What a display name says.
struct Display {
    name: String,
    culture: Option<String>,
    token: Option<[u8; 8]>,
    key: Vec<u8>,
    version: Option<[u16; 4]>,
    retargetable: bool,
}

/// Bytes of a hexadecimal text.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Parses `Name, Version=1.2.3.4, Culture=neutral, PublicKeyToken=…`. None: not such a name.
fn parse_display(text: &str) -> Option<Display> {
    let mut parts = text.split(',');
    let mut found = Display {
        name: parts.next()?.trim().to_owned(),
        culture: None,
        token: None,
        key: Vec::new(),
        version: None,
        retargetable: false,
    };
    if found.name.is_empty() {
        return None;
    }
    for part in parts {
        let (key, value) = part.split_once('=')?;
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "version" => {
                let numbers = value.split('.').map(|n| n.parse::<u16>().ok());
                let numbers = numbers.collect::<Option<Vec<_>>>()?;
                let at = |i: usize| numbers.get(i).copied().unwrap_or(0);
                if !(2..=4).contains(&numbers.len()) {
                    return None;
                }
                found.version = Some([at(0), at(1), at(2), at(3)]);
            }
            "culture" if value.eq_ignore_ascii_case("neutral") => {
                found.culture = Some(String::new());
            }
            "culture" => found.culture = Some(value.to_owned()),
            "publickeytoken" if value.eq_ignore_ascii_case("null") => {}
            "publickeytoken" => found.token = Some(hex(value)?.try_into().ok()?),
            "publickey" if value.eq_ignore_ascii_case("null") => {}
            "publickey" => found.key = hex(value)?,
            "retargetable" => found.retargetable = value.eq_ignore_ascii_case("yes"),
            "processorarchitecture" => {}
            _ => return None,
        }
    }
    Some(found)
}

/// A display name with all its parts, whatever parts are given; the text itself if it is not such a name.
pub(super) fn in_full(text: &str) -> String {
    let Some(found) = parse_display(text) else {
        return text.to_owned();
    };
    let token = found.token.or_else(|| public_key_token(&found.key));
    let culture = found.culture.unwrap_or_default();
    display_name(
        &found.name,
        found.version.unwrap_or_default(),
        &culture,
        token,
    )
}

fn parse(
    cx: &Cx<'_>,
    text: usize,
    name: usize,
    has_version: usize,
    has_token: usize,
) -> Result<bool> {
    const RETARGETABLE: u32 = 0x100;
    let text = String::from_utf8_lossy(c_bytes(text)).into_owned();
    let Some(found) = parse_display(&text) else {
        return Ok(false);
    };
    let token = found.token.or_else(|| public_key_token(&found.key));
    let made = NativeName::new(
        cx,
        &Parts {
            name: &found.name,
            culture: found.culture.as_deref(),
            key: &found.key,
            token,
            hash_algorithm: 0,
            flags: if found.retargetable { RETARGETABLE } else { 0 },
            version: found.version.unwrap_or_default(),
        },
    )?;
    // SAFETY: the addresses of the caller's variables.
    unsafe {
        (name as *mut NativeName).write(made);
        *(has_version as *mut u8) = u8::from(found.version.is_some());
        *(has_token as *mut u8) = u8::from(token.is_some());
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_are_parsed() {
        let n =
            parse_display("a.b, Version=1.2, Culture=de, PublicKeyToken=b77a5c561934e089").unwrap();
        assert_eq!((n.name.as_str(), n.culture.as_deref()), ("a.b", Some("de")));
        assert_eq!(n.version, Some([1, 2, 0, 0]));
        assert_eq!(n.token.unwrap()[0], 0xb7);
        let n = parse_display("x, culture=neutral, publickeytoken=null").unwrap();
        assert_eq!(n.culture.as_deref(), Some(""));
        assert!(n.token.is_none() && n.version.is_none());
        assert!(parse_display("plain").unwrap().culture.is_none());
        for bad in [
            "",
            "x, Version",
            "x, Version=1",
            "x, Version=1.2.3.4.5",
            "x, PublicKeyToken=12",
            "x, Other=1",
        ] {
            assert!(parse_display(bad).is_none(), "{bad}");
        }
    }
}
