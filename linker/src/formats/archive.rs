//! Archives of objects (`ar`, `NAME.a`): a member is linked when something refers to what it defines.
//!
//! ```text
//!  main.o ─▶ `area` ─▶ libshapes.a(square.o) ─▶ `log` ─▶ libutil.a(log.o)      circle.o, which nobody refers to, stays out
//! ```
//! The order of archives matters only where several define a name: the first is taken. Weak references take no member. Thin archives, which hold names
//! of files only, are read like others.

use super::elf;
use crate::error::{Error, Result};
use crate::graph::{LinkGraph, Linkage, Scope};
use object::read::archive::{ArchiveFile, ArchiveOffset};
use rustc_hash::{FxHashMap, FxHashSet};
use std::path::PathBuf;

/// How archives begin, ordinary and thin ones.
const MAGIC: [&[u8]; 2] = [b"!<arch>\n", b"!<thin>\n"];

/// An archive.
#[derive(Debug)]
pub struct Archive {
    name: String,
    bytes: Vec<u8>,
    /// Where the member is that defines a name.
    index: FxHashMap<String, u64>,
    /// Members that were taken.
    taken: FxHashSet<u64>,
}

impl Archive {
    /// Whether a file looks like one.
    pub fn is_archive(bytes: &[u8]) -> bool {
        MAGIC.iter().any(|magic| bytes.starts_with(magic))
    }

    /// Reads the index of an archive.
    pub fn read(name: &str, bytes: Vec<u8>) -> Result<Archive> {
        let fail = |what: String| Error::Object {
            file: name.to_owned(),
            what,
        };
        let file = ArchiveFile::parse(&*bytes).map_err(|e| fail(e.to_string()))?;
        let symbols = file.symbols().map_err(|e| fail(e.to_string()))?;
        if symbols.is_none() && file.members().next().is_some() {
            return Err(fail("it has no index (ranlib makes one)".to_owned()));
        }
        let mut index = FxHashMap::default();
        for symbol in symbols.into_iter().flatten() {
            let symbol = symbol.map_err(|e| fail(e.to_string()))?;
            let text = String::from_utf8_lossy(symbol.name());
            let member = symbol.offset().0;
            // The version that those get who name none.
            if let Some((plain, version)) = text.split_once("@@") {
                index.entry(plain.to_owned()).or_insert(member);
                let name = format!("{plain}@{version}");
                index.entry(name).or_insert(member);
            } else {
                index.entry(text.into_owned()).or_insert(member);
            }
        }
        Ok(Archive {
            name: name.to_owned(),
            bytes,
            index,
            taken: FxHashSet::default(),
        })
    }

    /// The member that defines a name, the first time that it is asked for.
    fn take(&mut self, name: &str) -> Result<Option<LinkGraph>> {
        let Some(&at) = self.index.get(name) else {
            return Ok(None);
        };
        if !self.taken.insert(at) {
            return Ok(None);
        }
        let fail = |what: String| Error::Object {
            file: self.name.clone(),
            what,
        };
        let archive = ArchiveFile::parse(&*self.bytes).map_err(|e| fail(e.to_string()))?;
        let member = archive
            .member(ArchiveOffset(at))
            .map_err(|e| fail(format!("the member that defines `{name}`: {e}")))?;
        let file = String::from_utf8_lossy(member.name()).into_owned();
        let name = format!("{}({file})", self.name);
        if member.is_thin() {
            let path = PathBuf::from(&self.name).with_file_name(&file);
            let bytes = std::fs::read(&path).map_err(|error| Error::Io { what: name, error })?;
            return elf::graph(&path.display().to_string(), &bytes).map(Some);
        }
        let bytes = member.data(&*self.bytes).map_err(|e| fail(e.to_string()))?;
        elf::graph(&name, bytes).map(Some)
    }
}

/// What graphs define, and what they want.
#[derive(Default)]
struct Names {
    defined: FxHashSet<String>,
    wanted: Vec<String>,
}

impl Names {
    fn add(&mut self, graph: &LinkGraph) {
        for id in graph.symbols() {
            let Some(name) = graph.symbol_text(id) else {
                continue;
            };
            let symbol = graph.symbol(id);
            if symbol.is_external() {
                if symbol.linkage == Linkage::Strong {
                    self.wanted.push(name.to_owned());
                }
            } else if symbol.scope != Scope::Local {
                self.defined.insert(name.to_owned());
            }
        }
    }
}

/// Adds the members of archives that graphs need, and those that these need. `entries`: names that are wanted besides.
pub fn pull(graphs: &mut Vec<LinkGraph>, archives: &mut [Archive], entries: &[&str]) -> Result<()> {
    if archives.is_empty() {
        return Ok(());
    }
    let mut names = Names::default();
    graphs.iter().for_each(|graph| names.add(graph));
    // Entries first: what is wanted is taken from the end.
    names.wanted.extend(entries.iter().map(|e| (*e).to_owned()));
    while let Some(name) = names.wanted.pop() {
        if names.defined.contains(&name) {
            continue;
        }
        for archive in &mut *archives {
            if let Some(graph) = archive.take(&name)? {
                names.add(&graph);
                graphs.push(graph);
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_archive_is_refused() {
        assert!(!Archive::is_archive(b"\x7fELF"));
        assert!(Archive::is_archive(b"!<arch>\n"));
        assert!(Archive::read("empty.a", b"!<arch>\n".to_vec()).is_ok());
        let error = Archive::read("cut.a", b"!<arch>\nabc".to_vec()).unwrap_err();
        assert!(error.to_string().starts_with("cut.a: "), "{error}");
    }
}
