//! Tables as text (`isthmus dump --stage eh`).
//!
//! ```text
//! table Demo::Main, opt, 64 bytes of code, 34 bytes of table
//!   frame size 32, prologue 8, saved rbx@-8
//!   clause 0: catch System.Exception
//!   call  0x0014 il 0x0002: catch 0 -> 0x0030
//!   trap  0x001a il 0x0007 NullReference: catch 0 -> 0x0030
//! ```

use crate::error::TableError;
use crate::table::{Header, MethodTable, Site};
use isthmus_runtime_abi::artifact::ClauseKind;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::target::{Arch, Reg};
use std::fmt::Write;

/// Names of what tables refer to by id.
pub trait Names {
    /// Name of a method.
    fn method(&self, method: MethodId) -> String {
        method.to_string()
    }
    /// Name of a type.
    fn ty(&self, ty: TypeId) -> String {
        ty.to_string()
    }
}

/// Ids as their own names.
#[derive(Clone, Copy, Debug)]
pub struct Ids;

impl Names for Ids {}

/// The text of a table. A part that cannot be decoded is shown as the error and ends the text.
pub fn dump(bytes: &[u8], arch: Arch, names: &dyn Names) -> String {
    let mut out = String::new();
    if let Err(e) = write_table(&mut out, bytes, arch, names) {
        let _ = writeln!(out, "  error: {e}");
    }
    out
}

fn write_table(
    out: &mut String,
    bytes: &[u8],
    arch: Arch,
    names: &dyn Names,
) -> Result<(), TableError> {
    let header = Header::parse(bytes, arch)?;
    let table = header.table(bytes);
    let filter = header
        .filter
        .map_or(String::new(), |n| format!(" filter {n}"));
    let tier = match header.tier {
        isthmus_runtime_abi::artifact::Tier::Baseline => "baseline",
        isthmus_runtime_abi::artifact::Tier::Opt => "opt",
        isthmus_runtime_abi::artifact::Tier::Stub => "stub",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "table {}{filter}, {tier}, {} bytes of code, {} bytes of table",
        header
            .method
            .map_or_else(|| "-".to_owned(), |m| names.method(m)),
        header.code_len,
        bytes.len()
    );
    write_frame(out, &header, arch);
    for node in 1..header.node_count() {
        let (method, parent) = table.inline_node(node)?;
        let parent = parent.map_or(String::new(), |p| {
            format!("node {} il {:#06x}", p.node, p.il)
        });
        let _ = writeln!(out, "  node {node}: {} at {parent}", names.method(method));
    }
    for index in 0..header.clause_count() {
        let clause = table.clause(index)?;
        let _ = write!(out, "  clause {index}: {}", clause_text(clause.kind, names));
        let _ = match clause.node {
            0 => writeln!(out),
            node => writeln!(out, " (node {node})"),
        };
    }
    for site in table.call_sites() {
        write_site(out, &table, "call ", site?, "")?;
    }
    for site in table.traps() {
        let site = site?;
        write_site(
            out,
            &table,
            "trap ",
            site,
            &format!(" {}", site.kind.name()),
        )?;
    }
    Ok(())
}

fn write_frame(out: &mut String, header: &Header, arch: Arch) {
    let frame = &header.frame;
    let _ = write!(
        out,
        "  frame size {}, prologue {}",
        frame.size, frame.prologue_end
    );
    if frame.stack_arg_bytes != 0 {
        let _ = write!(out, ", pops {}", frame.stack_arg_bytes);
    }
    if !frame.saved.is_empty() {
        let _ = write!(out, ", saved");
        for &(reg, offset) in &frame.saved {
            let _ = write!(out, " {}@{offset}", reg_name(reg, arch));
        }
    }
    for (name, slot) in [
        ("this", frame.this_slot),
        ("rgctx", frame.rgctx_slot),
        ("filter area", frame.filter_area),
    ] {
        if let Some(offset) = slot {
            let _ = write!(out, ", {name}@{offset}");
        }
    }
    out.push('\n');
}

fn reg_name(reg: Reg, arch: Arch) -> String {
    const X64: [&str; 16] = [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ];
    match (reg, arch) {
        (Reg::Int(r), Arch::X64) => X64
            .get(r as usize)
            .map_or_else(|| format!("int{r}"), |&n| n.to_owned()),
        (Reg::Int(r), Arch::A64) => format!("x{r}"),
        (Reg::Int(r), Arch::A32) => format!("r{r}"),
        (Reg::Float(r), Arch::X64) => format!("xmm{r}"),
        (Reg::Float(r), _) => format!("d{r}"),
    }
}

fn clause_text(kind: ClauseKind, names: &dyn Names) -> String {
    match kind {
        ClauseKind::Catch(ty) => format!("catch {}", names.ty(ty)),
        ClauseKind::CatchLookup(slot) => format!("catch lookup {slot}"),
        ClauseKind::CatchAll => "catch".to_owned(),
        ClauseKind::Filter(number) => format!("filter {number}"),
        ClauseKind::Finally => "finally".to_owned(),
        ClauseKind::Fault => "fault".to_owned(),
    }
}

fn write_site(
    out: &mut String,
    table: &MethodTable<'_>,
    what: &str,
    site: Site,
    kind: &str,
) -> Result<(), TableError> {
    let _ = write!(out, "  {what} {:#06x} ", site.offset);
    if site.pos.node != 0 {
        let _ = write!(out, "node {} ", site.pos.node);
    }
    let _ = write!(out, "il {:#06x}{kind}", site.pos.il);
    for (i, handler) in table.handlers(site.handlers).enumerate() {
        let handler = handler?;
        let word = match table.clause(handler.clause)?.kind {
            ClauseKind::Filter(_) => "filter",
            ClauseKind::Finally => "finally",
            ClauseKind::Fault => "fault",
            _ => "catch",
        };
        let separator = if i == 0 { ':' } else { ',' };
        let _ = write!(
            out,
            "{separator} {word} {} -> {:#06x}",
            handler.clause, handler.landing
        );
    }
    out.push('\n');
    Ok(())
}
