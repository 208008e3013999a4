//! The checker: a table against itself, and against the artifact that it was made from.
//!
//! [`check`] takes bytes of any origin. It decodes everything and verifies what the decoder takes on trust, so that
//! a table that passes never gives an error later:
//!
//! 1. sites are in order and lie within the code (calls strictly increasing, their offsets not 0);
//! 2. each block of a site stream starts where the directory says, in place and in code;
//! 3. every handler reference leads to handlers whose clauses exist and whose landing pads lie in the code;
//! 4. every position's node, every clause's node and every parent exists;
//! 5. looking a site up gives what reading all of them gave;
//! 6. the frame is possible: the prologue ends within the code.
//!
//! [`compare`] reads the same bytes through the public look-up interface and compares with a [`CompiledMethod`].

use crate::encode::position;
use crate::error::TableError;
use crate::table::{Header, MethodTable, Site, Sites};
use isthmus_runtime_abi::artifact::{CompiledMethod, Handler, SourcePos};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashSet;

/// What a table holds, for statistics.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Summary {
    /// Bytes of the table.
    pub bytes: usize,
    /// Call sites.
    pub calls: usize,
    /// Traps.
    pub traps: usize,
    /// Clauses.
    pub clauses: usize,
}

/// Verifies a table's internal consistency.
pub fn check(bytes: &[u8], arch: Arch) -> Result<Summary, TableError> {
    let header = Header::parse(bytes, arch)?;
    let table = header.table(bytes);
    if header.frame.prologue_end > header.code_len {
        return Err(TableError::invalid(
            "end of prologue",
            header.frame.prologue_end,
            0,
        ));
    }
    for node in 1..header.node_count() {
        table.inline_node(node)?;
    }
    for index in 0..header.clause_count() {
        let clause = table.clause(index)?;
        check_node(&table, clause.node)?;
    }
    let mut seen = FxHashSet::default();
    check_sites(&table, table.call_sites(), true, &mut seen)?;
    check_sites(&table, table.traps(), false, &mut seen)?;
    Ok(Summary {
        bytes: bytes.len(),
        calls: header.call_count(),
        traps: header.trap_count(),
        clauses: header.clause_count() as usize,
    })
}

/// Node 0 always exists; a stub's has no method.
fn check_node(table: &MethodTable<'_>, node: u32) -> Result<(), TableError> {
    if node != 0 {
        table.inline_node(node)?;
    }
    Ok(())
}

fn check_sites(
    table: &MethodTable<'_>,
    mut sites: Sites<'_>,
    calls: bool,
    seen: &mut FxHashSet<u32>,
) -> Result<(), TableError> {
    let mut last: Option<Site> = None;
    loop {
        let at = sites.position();
        let Some(site) = sites.next() else {
            return Ok(());
        };
        let site = site?;
        let lowest = match (last, calls) {
            (None, calls) => u32::from(calls),
            (Some(s), true) => s.offset.saturating_add(1),
            (Some(s), false) => s.offset,
        };
        let highest = table.header.code_len - u32::from(!calls && table.header.code_len > 0);
        if site.offset < lowest || site.offset > highest {
            return Err(TableError::invalid("code offset of site", site.offset, at));
        }
        check_node(table, site.pos.node)?;
        check_handlers(table, site, seen)?;
        let found = match calls {
            true => table.call_site(site.offset)?,
            false => table.trap(site.offset, |k| k == site.kind)?,
        };
        let same = found.is_some_and(|f| {
            f == site || (!calls && f.offset == site.offset && f.kind == site.kind)
        });
        if !same {
            return Err(TableError::invalid("block directory", site.offset, at));
        }
        last = Some(site);
    }
}

/// Checks a handler list down to the first node that was checked before.
fn check_handlers(
    table: &MethodTable<'_>,
    site: Site,
    seen: &mut FxHashSet<u32>,
) -> Result<(), TableError> {
    let mut list = table.handlers(site.handlers);
    while seen.insert(list.reference()) {
        let Some(handler) = list.next() else {
            return Ok(());
        };
        let handler = handler?;
        table.clause(handler.clause)?;
        if handler.landing >= table.header.code_len {
            return Err(TableError::invalid("landing pad", handler.landing, 0));
        }
    }
    Ok(())
}

/// A table says something other than its artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// What differs, with both values.
    pub what: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "table and artifact differ: {}", self.what)
    }
}

impl std::error::Error for Mismatch {}

impl From<TableError> for Mismatch {
    fn from(e: TableError) -> Self {
        Mismatch {
            what: e.to_string(),
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, table: T, artifact: T) -> Result<(), Mismatch> {
    match table == artifact {
        true => Ok(()),
        false => Err(Mismatch {
            what: format!("{what}: {table:?} and {artifact:?}"),
        }),
    }
}

/// Compares a table with the artifact that it was made from, each site by looking it up.
pub fn compare(bytes: &[u8], method: &CompiledMethod) -> Result<(), Mismatch> {
    let header = Header::parse(bytes, method.arch)?;
    let table = header.table(bytes);
    same("tier", header.tier, method.tier)?;
    same("code size", header.code_len as usize, method.code.len())?;
    same("frame", &header.frame, &method.frame)?;
    let filter = match method.symbol {
        Symbol::Filter(_, number) => Some(number),
        _ => None,
    };
    same("filter", header.filter, filter)?;

    same(
        "clauses",
        header.clause_count() as usize,
        method.clauses.len(),
    )?;
    for (i, clause) in method.clauses.iter().enumerate() {
        let found = table.clause(i as u32)?;
        same("clause", found.kind, clause.kind)?;
        compare_chain(&table, method, found.node, clause.node, 0)?;
    }

    same("call sites", header.call_count(), method.call_sites.len())?;
    for s in &method.call_sites {
        let found = table.call_site(s.ret)?;
        compare_site(&table, method, found, s.ret, s.pos, &s.handlers)?;
    }
    same("traps", header.trap_count(), method.traps.len())?;
    for s in &method.traps {
        let found = table.trap(s.offset, |k| k == s.kind)?;
        compare_site(&table, method, found, s.offset, s.pos, &s.handlers)?;
    }
    Ok(())
}

/// Compares the source frames at a node: tables number nodes in their own way.
fn compare_chain(
    table: &MethodTable<'_>,
    method: &CompiledMethod,
    found: u32,
    node: u32,
    il: u32,
) -> Result<(), Mismatch> {
    let mut chain = table.inline_chain(SourcePos { node: found, il });
    let mut next = Some((node, il));
    while let Some((node, il)) = next {
        let Some(node) = method.inline_tree.get(node as usize) else {
            break;
        };
        same(
            "source frame",
            chain.next().transpose()?,
            Some((node.method, il)),
        )?;
        next = node.parent;
    }
    same("source frame", chain.next().transpose()?, None)
}

fn compare_site(
    table: &MethodTable<'_>,
    method: &CompiledMethod,
    found: Option<Site>,
    offset: u32,
    pos: u32,
    handlers: &[Handler],
) -> Result<(), Mismatch> {
    let site = found.ok_or_else(|| Mismatch {
        what: format!("no site at {offset:#x}"),
    })?;
    let expected = position(method, pos).map_err(|e| Mismatch {
        what: e.to_string(),
    })?;
    same("IL offset", site.pos.il, expected.il)?;
    compare_chain(table, method, site.pos.node, expected.node, expected.il)?;
    let list = table
        .handlers(site.handlers)
        .collect::<Result<Vec<_>, _>>()?;
    same("handlers", list.as_slice(), handlers)
}
