//! `System.IO.MonoIO`: the files of a directory whose names match a pattern.
//!
//! A search reads all names when it begins and gives them in the order of their bytes.

use super::io::{attributes, code, set, win32};
use super::string::native_text_to_zero;
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use isthmus_rt::transition::blocking;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};

icalls! {
    "System.IO.MonoIO" {
        "FindFirstFile" => find_first [pattern: usize, name: usize, attributes: usize, error: usize] -> isize;
        "FindNextFile" => find_next [search: isize, name: usize, attributes: usize, error: usize] -> bool;
        "FindCloseFile" => find_close [search: isize] -> bool;
    }
}

const INVALID: isize = -1;

/// A search that is under way.
struct Search {
    dir: PathBuf,
    /// Names still to be given, the next one last.
    names: Vec<String>,
}

/// The searches by their handles.
#[derive(Default)]
struct Searches {
    open: FxHashMap<isize, Search>,
    last: isize,
}

static SEARCHES: Mutex<Option<Searches>> = Mutex::new(None);

/// Whether a name fits a pattern of `*` (any characters), `?` (any one) and others (themselves).
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on when the characters after the last star do not fit.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// The names in a directory that fit, the last in order first.
fn names(dir: &Path, pattern: &str) -> std::io::Result<Vec<String>> {
    // What fits everything in Windows fits names without a full stop, too.
    let pattern: Vec<char> = match pattern {
        "*.*" => vec!['*'],
        other => other.chars().collect(),
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if fits(&pattern, &name.chars().collect::<Vec<_>>()) {
            found.push(name);
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Gives the next name of a search; false when there is none.
fn give(cx: &Cx<'_>, search: isize, name: usize, bits: usize) -> Result<bool> {
    let next = {
        let mut searches = SEARCHES.lock();
        let open = &mut searches.get_or_insert_default().open;
        open.get_mut(&search).and_then(|s| {
            let name = s.names.pop()?;
            Some((s.dir.join(&name), name))
        })
    };
    let Some((path, text)) = next else {
        return Ok(false);
    };
    set(bits, attributes(&path.to_string_lossy()).unwrap_or(128));
    let text = cx.string(&text)?;
    cx.store_by_ref(name, text);
    Ok(true)
}

fn find_first(
    cx: &Cx<'_>,
    pattern: usize,
    name: usize,
    bits: usize,
    error: usize,
) -> Result<isize> {
    let whole = native_text_to_zero(pattern);
    let (dir, pattern) = whole.rsplit_once('/').unwrap_or((".", &whole));
    let dir = PathBuf::from(if dir.is_empty() { "/" } else { dir });
    cx.store_by_ref(name, Ref::NULL);
    let found = match blocking(|| names(&dir, pattern)) {
        Ok(found) if found.is_empty() => Err(code::FILE_NOT_FOUND),
        Ok(found) => Ok(found),
        Err(e) => Err(win32(e.raw_os_error().unwrap_or(libc::EIO), true)),
    };
    let names = match found {
        Ok(names) => names,
        Err(code) => {
            set(error, code);
            return Ok(INVALID);
        }
    };
    let search = {
        let mut searches = SEARCHES.lock();
        let searches = searches.get_or_insert_default();
        searches.last += 1;
        let search = searches.last;
        searches.open.insert(search, Search { dir, names });
        search
    };
    set(error, 0);
    give(cx, search, name, bits)?;
    Ok(search)
}

fn find_next(cx: &Cx<'_>, search: isize, name: usize, bits: usize, error: usize) -> Result<bool> {
    const NO_MORE_FILES: i32 = 18;
    let found = give(cx, search, name, bits)?;
    set(error, if found { 0 } else { NO_MORE_FILES });
    Ok(found)
}

fn find_close(_cx: &Cx<'_>, search: isize) -> Result<bool> {
    let mut searches = SEARCHES.lock();
    Ok(searches
        .get_or_insert_default()
        .open
        .remove(&search)
        .is_some())
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_fit_as_in_a_shell() {
        let fits = |pattern: &str, name: &str| {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            super::fits(&chars(pattern), &chars(name))
        };
        for (pattern, name) in [
            ("*", ""),
            ("*", "a.b"),
            ("*.cs", "a.cs"),
            ("a*b*c", "a-b-b-c"),
            ("?.?", "a.b"),
            ("**x", "xx"),
            ("é?", "éa"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("?", ""),
            ("*.cs", "a.csx"),
            ("a*b", "abc"),
            ("A", "a"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
