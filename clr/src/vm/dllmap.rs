//! Which library and function a P/Invoke means: names as programs give them, mapped as Mono maps them.
//!
//! The map of the class library is built in. An assembly may bring its own, `NAME.dll.config` beside it, which comes first:
//!
//! ```text
//! <configuration>
//!   <dllmap dll="libold" target="libnew.so.2" os="!windows" cpu="x86-64">
//!     <dllentry dll="libother.so" name="old_function" target="new_function" />
//!   </dllmap>
//! </configuration>
//! ```
//!
//! A name with `i:` before it is compared without regard to case. What names other systems, processors or word sizes is left out.

use crate::types::system::Assembly;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};

/// Libraries by the names that class libraries use, as Mono's configuration has them.
static BUILT_IN: &[(&str, &str)] = &[
    ("System.Native", "libmono-native.so"),
    ("libSystem.Native", "libmono-native.so"),
    ("System.Net.Security.Native", "libmono-native.so"),
    ("MonoPosixHelper", "libMonoPosixHelper.so"),
    ("libmono-btls-shared", "libmono-btls-shared.so"),
    ("libc", "libc.so.6"),
    ("libm", "libm.so.6"),
    ("intl", "libc.so.6"),
    ("libintl", "libc.so.6"),
    ("i:cygwin1.dll", "libc.so.6"),
    ("i:msvcrt", "libc.so.6"),
    ("i:msvcrt.dll", "libc.so.6"),
    ("sqlite", "libsqlite.so.0"),
    ("sqlite3", "libsqlite3.so.0"),
    ("libX11", "libX11.so.6"),
    ("libgdk-x11-2.0", "libgdk-x11-2.0.so.0"),
    ("libgtk-x11-2.0", "libgtk-x11-2.0.so.0"),
    ("libxslt.dll", "libxslt.so"),
];

/// One line of a map.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Entry {
    /// The library's name in programs.
    library: String,
    /// The function's name in programs; `None`: all functions of the library.
    function: Option<String>,
    /// The library.
    to_library: String,
    /// The function; `None`: by its own name.
    to_function: Option<String>,
}

/// Where a name leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The library.
    pub library: String,
    /// The function.
    pub function: String,
    /// Some map has it: the library is not looked for beside the assembly.
    pub is_mapped: bool,
}

/// Whether a name in a map is this one.
fn names(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("i:") {
        Some(pattern) => pattern.eq_ignore_ascii_case(name),
        None => pattern == name,
    }
}

/// The library and function that an assembly means.
pub fn target(a: &'static Assembly, library: &str, function: &str) -> Target {
    let own = map_of(a);
    let fits = |e: &&Entry| names(&e.library, library);
    let named = own.iter().filter(fits);
    let named = named
        .clone()
        .find(|e| e.function.as_deref() == Some(function))
        .or_else(|| named.clone().find(|e| e.function.is_none()));
    if let Some(e) = named {
        return Target {
            library: e.to_library.clone(),
            function: e.to_function.clone().unwrap_or_else(|| function.to_owned()),
            is_mapped: true,
        };
    }
    let built_in = BUILT_IN.iter().find(|l| names(l.0, library));
    Target {
        library: built_in.map_or(library, |l| l.1).to_owned(),
        function: function.to_owned(),
        is_mapped: built_in.is_some(),
    }
}

/// The map that an assembly brings.
fn map_of(a: &'static Assembly) -> &'static [Entry] {
    static MAPS: Mutex<Option<FxHashMap<PathBuf, &'static [Entry]>>> = Mutex::new(None);
    let mut maps = MAPS.lock();
    let maps = maps.get_or_insert_default();
    if let Some(map) = maps.get(&a.path) {
        return map;
    }
    let map: &'static [Entry] = Box::leak(read(&a.path).into_boxed_slice());
    maps.insert(a.path.clone(), map);
    map
}

fn read(assembly: &Path) -> Vec<Entry> {
    let mut name = assembly.as_os_str().to_owned();
    name.push(".config");
    match std::fs::read_to_string(PathBuf::from(name)) {
        Ok(text) => parse(&text),
        Err(_) => Vec::new(),
    }
}

/// The attributes of an element, as far as they can be read.
fn attributes(mut text: &str) -> FxHashMap<&str, &str> {
    let mut found = FxHashMap::default();
    while let Some((name, rest)) = text.split_once('=') {
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            break;
        };
        let Some((value, after)) = rest[1..].split_once(quote) else {
            break;
        };
        found.insert(name.trim(), value);
        text = after;
    }
    found
}

/// Whether an attribute that lists systems, processors or word sizes includes this one: `linux,osx` or `!windows`.
fn includes(list: Option<&&str>, ours: &[&str]) -> bool {
    let Some(list) = list else {
        return true;
    };
    let (list, wanted) = match list.strip_prefix('!') {
        Some(rest) => (rest, false),
        None => (*list, true),
    };
    let found = list.split(',').any(|item| ours.contains(&item.trim()));
    found == wanted
}

fn is_ours(attributes: &FxHashMap<&str, &str>) -> bool {
    let cpu: &[&str] = match std::env::consts::ARCH {
        "x86_64" => &["x86-64"],
        "aarch64" => &["armv8", "arm64"],
        "arm" => &["arm", "armv7"],
        _ => &[],
    };
    let word = if cfg!(target_pointer_width = "64") {
        "64"
    } else {
        "32"
    };
    includes(attributes.get("os"), &[std::env::consts::OS])
        && includes(attributes.get("cpu"), cpu)
        && includes(attributes.get("wordsize"), &[word])
}

/// Reads the map in a configuration file. What is no map is skipped, also if it is no good XML.
fn parse(text: &str) -> Vec<Entry> {
    let mut map = Vec::new();
    // The `dllmap` around, if it is one for us.
    let mut around: Option<String> = None;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |c| c.1);
            continue;
        }
        let Some((element, after)) = after.split_once('>') else {
            break;
        };
        rest = after;
        let (body, is_empty) = match element.strip_suffix('/') {
            Some(body) => (body, true),
            None => (element, false),
        };
        let (name, list) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
        let list = attributes(list);
        let value = |name: &str| list.get(name).map(|v| (*v).to_owned());
        match name {
            "/dllmap" => around = None,
            "dllmap" if is_ours(&list) => {
                let (Some(library), target) = (value("dll"), value("target")) else {
                    continue;
                };
                if let Some(to_library) = target {
                    map.push(Entry {
                        library: library.clone(),
                        function: value("name"),
                        to_library,
                        to_function: None,
                    });
                }
                around = Some(library).filter(|_| !is_empty);
            }
            "dllentry" if is_ours(&list) => {
                if let (Some(library), Some(to_library)) = (&around, value("dll")) {
                    map.push(Entry {
                        library: library.clone(),
                        function: value("name"),
                        to_library,
                        to_function: value("target"),
                    });
                }
            }
            _ => {}
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_for_this_system() {
        let text = r#"<?xml version="1.0"?>
            <configuration>
              <!-- <dllmap dll="not" target="this" /> -->
              <dllmap dll="old" target="new.so.2" os="!windows"/>
              <dllmap dll="old" target="new.dll" os="windows"/>
              <dllmap dll='i:Other' os="linux,osx" cpu="!sparc">
                <dllentry dll="split.so" name="f" target="g" />
                <dllentry dll="split.dll" name="h" target="g" os="windows" />
              </dllmap>
              <dllentry dll="nowhere" name="x" target="y"/>
            </configuration>"#;
        let entry = |library: &str,
                     function: Option<&str>,
                     to_library: &str,
                     to_function: Option<&str>| Entry {
            library: library.to_owned(),
            function: function.map(str::to_owned),
            to_library: to_library.to_owned(),
            to_function: to_function.map(str::to_owned),
        };
        assert_eq!(
            parse(text),
            [
                entry("old", None, "new.so.2", None),
                entry("i:Other", Some("f"), "split.so", Some("g")),
            ]
        );
        assert!(names("i:Other", "oTHER") && !names("old", "OLD"));
        for broken in [
            "<dllmap",
            "<dllmap dll=>",
            "<dllmap dll='a' target>",
            "<!--",
            "<dllmap dll=\"a",
        ] {
            assert_eq!(parse(broken), []);
        }
    }
}
