//! The text form of a graph: what [`text`](super::text) reads.
//!
//! ```text
//! graph "a.o" x86-64
//! section 0 ".text" r-x plain ordinal 0
//! section 1 ".rodata.str1.1" r-- plain ordinal 1 strings 1
//! block 0 in 0 align 16+0 bytes 6 at 0x0
//!   hex e8000000 00c3
//!   edge 1 call32 1 -4
//! block 1 in 1 align 8+0 zeros 16 at 0x0
//! symbol 0 "main" block 0+0 size 6 strong default callable live
//! symbol 1 "puts" external size 0 strong default
//! symbol 2 "page" absolute 0x1000 size 0 strong hidden
//! symbol 3 anonymous block 1+8 size 0 strong local
//! ```
//! Numbers are indices; those of removed parts are left out when printed, so a text numbers what is left.

use super::{Content, LinkGraph, Linkage, Merge, Name, Place, Scope, SectionRole};
use crate::arch;
use std::fmt::{self, Write};

/// Names of roles.
pub(super) const ROLES: &[(SectionRole, &str)] = &[
    (SectionRole::Plain, "plain"),
    (SectionRole::ThreadLocal, "thread-local"),
    (SectionRole::Initializers, "initializers"),
    (SectionRole::Finalizers, "finalizers"),
];
/// Names of linkages.
pub(super) const LINKAGES: &[(Linkage, &str)] = &[
    (Linkage::Strong, "strong"),
    (Linkage::Weak, "weak"),
    (Linkage::Common, "common"),
];
/// Names of scopes.
pub(super) const SCOPES: &[(Scope, &str)] = &[
    (Scope::Default, "default"),
    (Scope::Hidden, "hidden"),
    (Scope::Local, "local"),
];

fn name_of<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    let row = table.iter().find(|(v, _)| v == value);
    row.map_or("?", |(_, name)| name)
}

impl fmt::Display for LinkGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arch = arch::description(self.arch).name;
        writeln!(f, "graph {:?} {arch}", self.name)?;
        let mut block_numbers = vec![0; self.block_limit()];
        for (n, id) in self.blocks().enumerate() {
            block_numbers[id.index()] = n;
        }
        let mut symbol_numbers = vec![0; self.symbol_limit()];
        for (n, id) in self.symbols().enumerate() {
            symbol_numbers[id.index()] = n;
        }
        for id in self.sections() {
            let s = self.section(id);
            let (name, role) = (self.text(s.name), name_of(ROLES, &s.role));
            let (n, prot, ordinal) = (id.0, s.prot, s.ordinal);
            write!(f, "section {n} {name:?} {prot} {role} ordinal {ordinal}")?;
            if let Some(Merge { entry, strings }) = s.merge {
                let what = if strings { "strings" } else { "entries" };
                write!(f, " {what} {entry}")?;
            }
            if let Some(group) = s.group {
                write!(f, " group {:?}", self.text(group))?;
            }
            for (flag, name) in [(s.attached, "attached"), (s.discarded, "discarded")] {
                if flag {
                    write!(f, " {name}")?;
                }
            }
            f.write_char('\n')?;
        }
        for id in self.blocks() {
            let b = self.block(id);
            let n = block_numbers[id.index()];
            let content = match b.content {
                Content::Bytes(_) => "bytes",
                Content::Zero => "zeros",
            };
            writeln!(
                f,
                "block {n} in {} align {}+{} {content} {} at {:#x}",
                b.section.0, b.align, b.align_offset, b.size, b.address
            )?;
            for line in self.bytes(id).chunks(32) {
                f.write_str("  hex")?;
                for (i, byte) in line.iter().enumerate() {
                    if i % 4 == 0 {
                        f.write_char(' ')?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                f.write_char('\n')?;
            }
            for e in &b.edges {
                let kind = e.kind.info(self.arch).name;
                let target = symbol_numbers[e.target.index()];
                writeln!(f, "  edge {} {kind} {target} {}", e.offset, e.addend)?;
            }
        }
        for id in self.symbols() {
            let s = self.symbol(id);
            write!(f, "symbol {} ", symbol_numbers[id.index()])?;
            match s.name {
                Name::Anonymous => f.write_str("anonymous")?,
                Name::Text(name) => write!(f, "{:?}", self.text(name))?,
                // Numbers of one process: good to look at, not to be read again as what they are.
                Name::Code(code) => write!(f, "{:?}", format!("{code:?}"))?,
            }
            match s.place {
                Place::Block(b) => write!(f, " block {}+{}", block_numbers[b.index()], s.offset)?,
                Place::External { .. } => f.write_str(" external")?,
                Place::Absolute(address) => write!(f, " absolute {address:#x}")?,
            }
            let linkage = name_of(LINKAGES, &s.linkage);
            let scope = name_of(SCOPES, &s.scope);
            write!(f, " size {} {linkage} {scope}", s.size)?;
            for (flag, name) in [
                (s.callable, "callable"),
                (s.live, "live"),
                (s.thumb, "thumb"),
                (s.thread_local, "thread-local"),
                (s.indirect, "indirect"),
            ] {
                if flag {
                    write!(f, " {name}")?;
                }
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}
