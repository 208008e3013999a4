//! From an edge to bytes.

use super::field::Misfit;
use super::{Field, Kind, Value, a32};
use crate::error::{Error, Result};
use crate::graph::{BlockId, Edge, LinkGraph, TlsHome};
use isthmus_runtime_abi::target::Arch;

/// What a formula may use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Address of the symbol.
    pub s: u64,
    /// Addend.
    pub a: i64,
    /// Address of the place.
    pub p: u64,
    /// Size of the symbol.
    pub z: u64,
    /// Whether the symbol is Thumb code.
    pub thumb: bool,
    /// Address of the table of addresses.
    pub got: Option<u64>,
    /// Where the symbol's thread-local variables live.
    pub home: Option<TlsHome>,
}

/// Why a formula has no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// No table of addresses.
    Got,
    /// The symbol is not thread local.
    Home,
    /// The symbol's distance from the thread pointer differs from thread to thread.
    ThreadOffset,
}

impl Missing {
    fn text(self) -> &'static str {
        match self {
            Missing::Got => "there is no table of addresses",
            Missing::Home => "the symbol is not thread local, or its home is not known",
            Missing::ThreadOffset => {
                "the variable is not at the same distance from the thread pointer in every thread"
            }
        }
    }
}

/// The value of a formula.
pub fn evaluate(value: Value, t: &Terms) -> Result<i128, Missing> {
    let s = i128::from(t.s) + i128::from(t.a);
    let p = i128::from(t.p);
    let thumb = i128::from(t.thumb);
    let page = |v: i128| v & !0xfff;
    let got = || t.got.map(i128::from).ok_or(Missing::Got);
    let home = || t.home.ok_or(Missing::Home);
    let offset = |home: TlsHome| s - i128::from(home.template);
    Ok(match value {
        Value::None => 0,
        Value::Abs => s | thumb,
        Value::Rel => (s | thumb) - p,
        Value::Page => page(s) - page(p),
        Value::Back => p - i128::from(t.s) + i128::from(t.a),
        Value::FromGot => s - got()?,
        Value::GotRel => got()? + i128::from(t.a) - p,
        Value::Size => i128::from(t.z) + i128::from(t.a),
        Value::TlsKey => i128::from(home()?.key),
        Value::TlsOffset => offset(home()?),
        Value::ThreadOffset => {
            let home = home()?;
            let base = home.thread_offset.ok_or(Missing::ThreadOffset)?;
            offset(home) + i128::from(base)
        }
    })
}

/// Computes the value of an edge of this kind and writes it to its place in a block's bytes. Otherwise says why that cannot be done.
pub fn apply(
    arch: Arch,
    kind: Kind,
    bytes: &mut [u8],
    offset: u32,
    mut terms: Terms,
) -> Result<(), String> {
    let row = kind.info(arch);
    let start = offset as usize;
    let end = start.checked_add(row.field.bytes() as usize);
    let Some(place) = end.and_then(|end| bytes.get_mut(start..end)) else {
        return Err("is outside of its block".to_owned());
    };
    if arch == Arch::A32 {
        a32::match_state(kind, place, &mut terms)?;
    }
    let value = evaluate(row.value, &terms).map_err(Missing::text)?;
    let value = match arch {
        Arch::A32 => a32::wrap(row.field, value),
        _ => value,
    };
    match row.field.check(value) {
        Ok(()) => {
            row.field.write(place, value);
            Ok(())
        }
        Err(Misfit::Range) => Err(format!("value {value:#x} is out of range")),
        Err(Misfit::Align(n)) => Err(format!("value {value:#x} is not a multiple of {n}")),
    }
}

impl LinkGraph {
    /// The terms of an edge's formula. An error if the target has no address.
    pub fn terms(&self, block: BlockId, edge: &Edge, got: Option<u64>) -> Result<Terms> {
        let s = self.address(edge.target);
        let symbol = self.symbol(edge.target);
        Ok(Terms {
            s: s.ok_or_else(|| Error::Undefined {
                names: vec![self.describe(edge.target)],
            })?,
            a: edge.addend,
            p: self.block(block).address + u64::from(edge.offset),
            z: symbol.size,
            thumb: symbol.thumb,
            got,
            home: self.tls_home(edge.target).copied(),
        })
    }

    /// Address of the table of addresses, if there is one.
    pub fn got_base(&self) -> Option<u64> {
        let section = self.find_section(crate::link::tables::GOT)?;
        self.section_range(section).map(|r| r.start)
    }

    /// Applies all relocations of a block to its bytes.
    pub fn fix_block(&mut self, id: BlockId, got: Option<u64>) -> Result<()> {
        let arch = self.arch;
        for n in 0..self.block(id).edges.len() {
            let edge = self.block(id).edges[n];
            if edge.kind.info(arch).value == Value::None {
                continue;
            }
            let terms = self.terms(id, &edge, got)?;
            let bytes = self.bytes_mut(id);
            if let Err(what) = apply(arch, edge.kind, bytes, edge.offset, terms) {
                return Err(self.edge_error(id, &edge, what));
            }
        }
        Ok(())
    }

    /// An error about an edge: names kind, symbol and place.
    pub fn edge_error(&self, id: BlockId, edge: &Edge, what: String) -> Error {
        let section = self.section(self.block(id).section);
        Error::Edge {
            graph: self.name.clone(),
            kind: edge.kind.info(self.arch).name,
            symbol: self.describe(edge.target),
            place: format!(
                "{} block {}+{:#x}",
                self.text(section.name),
                id.0,
                edge.offset
            ),
            what,
        }
    }

    /// Whether an edge's value fits when it refers to address `s` (and nothing else changes).
    pub fn would_fit(&self, value: Value, field: Field, p: u64, s: u64, a: i64) -> bool {
        let terms = Terms {
            s,
            a,
            p,
            ..Terms::default()
        };
        evaluate(value, &terms).is_ok_and(|v| field.check(v).is_ok())
    }
}
