//! Which assemblies an image is of and relies on.
//!
//! The image's own part of the data: for each assembly its simple name (length, text) and its module version id (16 bytes). The
//! first one is the assembly that the image is of. Names of types begin with a number of this list.

use crate::metadata::AssemblyRefRow;
use crate::types::system::{Assembly, types};
use indexmap::IndexSet;
use std::cell::RefCell;

/// The assemblies of an image that is being made, by index.
#[derive(Debug)]
pub struct Modules(RefCell<IndexSet<u32>>);

/// The module version id, by which a build of an assembly is known.
pub fn version_of(assembly: &Assembly) -> [u8; 16] {
    let row = assembly.image.module(1).ok();
    let mvid = row.and_then(|row| row.mvid().ok().flatten());
    mvid.unwrap_or_default()
}

/// The simple names of the assemblies that an assembly refers to.
pub fn references(assembly: &'static Assembly) -> impl Iterator<Item = &'static str> {
    let rows = assembly.image.rows::<AssemblyRefRow<'static>>();
    rows.filter_map(|row| row.name().ok())
}

impl Modules {
    /// An image of this assembly.
    pub fn of(assembly: &Assembly) -> Modules {
        Modules(RefCell::new(IndexSet::from([assembly.index])))
    }

    /// The number of an assembly.
    pub fn number(&self, assembly: u32) -> u32 {
        self.0.borrow_mut().insert_full(assembly).0 as u32
    }

    /// The list, with everything at its end that these refer to, directly or not, as far as it is loaded.
    pub fn to_bytes(&self) -> Vec<u8> {
        let loaded = types().assemblies();
        let mut done = 0;
        loop {
            let next = self.0.borrow().get_index(done).copied();
            let Some(index) = next else { break };
            for name in references(types().assembly(index)) {
                let found = loaded.iter().find(|a| a.name.eq_ignore_ascii_case(name));
                found.inspect(|a| _ = self.number(a.index));
            }
            done += 1;
        }
        let mut out = Vec::new();
        for &index in &*self.0.borrow() {
            let assembly = types().assembly(index);
            let name = assembly.name.as_bytes();
            out.extend((name.len() as u32).to_le_bytes());
            out.extend(name);
            out.extend(version_of(assembly));
        }
        out
    }
}

/// The simple name of the assembly that an image is of.
pub fn own_name(list: &[u8]) -> Option<&str> {
    let (len, rest) = list.split_first_chunk::<4>()?;
    let name = rest.get(..u32::from_le_bytes(*len) as usize)?;
    std::str::from_utf8(name).ok()
}

/// Finds the assemblies of an image; the error says which one is missing or another one.
pub fn resolve(mut list: &[u8], own: &'static Assembly) -> Result<Vec<&'static Assembly>, String> {
    let mut found = Vec::new();
    while !list.is_empty() {
        let damaged = || "the image is damaged: list of modules".to_owned();
        let (len, rest) = list.split_first_chunk::<4>().ok_or_else(damaged)?;
        let len = u32::from_le_bytes(*len) as usize;
        let (name, rest) = rest.split_at_checked(len).ok_or_else(damaged)?;
        let (version, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
        let name = std::str::from_utf8(name).map_err(|_| damaged())?;
        let assembly = match found.is_empty() {
            true if own.name == name => own,
            true => return Err(format!("the image is of {name}, not of {}", own.name)),
            false => types().load(name).map_err(|e| e.to_string())?,
        };
        if version_of(assembly) != *version {
            return Err(format!("the image was made with another build of {name}"));
        }
        found.push(assembly);
        list = rest;
    }
    match found.is_empty() {
        true => Err("the image names no module".to_owned()),
        false => Ok(found),
    }
}
