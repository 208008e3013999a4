//! From an artifact's records to bytes.

use crate::bytes::{put_fixed, put_sleb, put_uleb};
use crate::error::EncodeError;
use crate::format::{
    BLOCK, CHANGE_HANDLERS, CHANGE_KIND_SHIFT, CHANGE_NODE, Flags, directory_width, tier_code,
    width_code,
};
use crate::frame::put_frame;
use isthmus_runtime_abi::artifact::{
    Clause, ClauseKind, CompiledMethod, Handler, InlineNode, SourcePos,
};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use rustc_hash::FxHashMap;

/// Encodes the records of one function: a method, a filter or a stub.
///
/// `filter_offsets` is where the method's filters lie relative to its own code (image tables); empty if whoever
/// registers the code keeps their addresses.
pub fn encode(method: &CompiledMethod, filter_offsets: &[i32]) -> Result<Vec<u8>, EncodeError> {
    let code_len = u32::try_from(method.code.len()).map_err(|_| EncodeError::Range {
        what: "code size",
        value: u32::MAX,
    })?;
    if !filter_offsets.is_empty() && filter_offsets.len() != method.filters.len() {
        return Err(EncodeError::Range {
            what: "number of filter offsets",
            value: filter_offsets.len() as u32,
        });
    }

    let nodes = UsedNodes::new(method)?;
    let mut handlers = HandlerTree::new(method);
    let calls = stream(
        method,
        &nodes,
        &mut handlers,
        code_len,
        call_entries(method),
    )?;
    let traps = stream(
        method,
        &nodes,
        &mut handlers,
        code_len,
        trap_entries(method),
    )?;

    let mut flags = Flags::from_bits_retain(tier_code(method.tier));
    flags.set(Flags::FILTER, matches!(method.symbol, Symbol::Filter(_, _)));
    flags.set(Flags::CLAUSES, !method.clauses.is_empty());
    flags.set(Flags::INLINES, nodes.count > 0);
    flags.set(Flags::FILTER_OFFSETS, !filter_offsets.is_empty());
    flags.set(Flags::CALLS, !method.call_sites.is_empty());
    flags.set(Flags::TRAPS, !method.traps.is_empty());

    let mut out = Vec::with_capacity(16 + calls.len() + traps.len() + handlers.bytes.len());
    out.push(flags.bits());
    put_uleb(&mut out, u64::from(code_len));
    // Stubs have no source.
    let root = method.inline_tree.first().map_or(0, |n| n.method.raw());
    put_uleb(&mut out, u64::from(root));
    if let Symbol::Filter(_, number) = method.symbol {
        put_uleb(&mut out, u64::from(number));
    }
    put_frame(&mut out, &method.frame, method.arch)?;
    if flags.contains(Flags::CLAUSES) {
        put_clauses(&mut out, &method.clauses, &nodes)?;
        put_uleb(&mut out, handlers.bytes.len() as u64);
        out.extend_from_slice(&handlers.bytes);
    }
    if flags.contains(Flags::INLINES) {
        put_inline_tree(&mut out, &method.inline_tree, &nodes);
    }
    if flags.contains(Flags::FILTER_OFFSETS) {
        put_uleb(&mut out, filter_offsets.len() as u64);
        filter_offsets
            .iter()
            .for_each(|&o| put_fixed(&mut out, o as u32, 4));
    }
    out.extend_from_slice(&calls);
    out.extend_from_slice(&traps);
    Ok(out)
}

/// Number that stands for a kind of clause, and its operand.
pub(crate) fn clause_code(kind: ClauseKind) -> (u8, u32) {
    match kind {
        ClauseKind::Catch(ty) => (0, ty.raw()),
        ClauseKind::CatchLookup(slot) => (1, slot),
        ClauseKind::CatchAll => (2, 0),
        ClauseKind::Filter(number) => (3, number),
        ClauseKind::Finally => (4, 0),
        ClauseKind::Fault => (5, 0),
    }
}

/// Appends rows of numbers whose columns are as wide as they need be, after their count and the widths. `lead` is a byte
/// before each row's numbers, if any.
fn put_rows<const N: usize>(out: &mut Vec<u8>, rows: &[(Option<u8>, [u32; N])]) {
    let mut codes = [0; N];
    for (column, code) in codes.iter_mut().enumerate() {
        *code = width_code(rows.iter().map(|r| r.1[column]).max().unwrap_or(0));
    }
    let packed = codes.iter().rev().fold(0, |byte, code| byte << 2 | code);
    put_uleb(out, rows.len() as u64);
    out.push(packed);
    for (lead, numbers) in rows {
        out.extend(lead);
        for (&number, code) in numbers.iter().zip(codes) {
            put_fixed(out, number, 1 << code);
        }
    }
}

fn put_clauses(
    out: &mut Vec<u8>,
    clauses: &[Clause],
    nodes: &UsedNodes,
) -> Result<(), EncodeError> {
    let mut rows = Vec::with_capacity(clauses.len());
    for clause in clauses {
        let (code, operand) = clause_code(clause.kind);
        rows.push((Some(code), [operand, nodes.number(clause.node)?]));
    }
    put_rows(out, &rows);
    Ok(())
}

/// Numbers in the table of the inline nodes that some position or clause is in, and of those around them. The others
/// have left nothing that could throw.
struct UsedNodes {
    /// By node of the artifact; `None`: left out.
    numbers: Vec<Option<u32>>,
    /// Nodes in the table, the root left out.
    count: u32,
}

impl UsedNodes {
    fn new(method: &CompiledMethod) -> Result<UsedNodes, EncodeError> {
        let tree = &method.inline_tree;
        let mut used = vec![false; tree.len().max(1)];
        let sites = method.call_sites.iter().map(|s| s.pos);
        for index in sites.chain(method.traps.iter().map(|s| s.pos)) {
            used[position(method, index)?.node as usize] = true;
        }
        for clause in &method.clauses {
            *used
                .get_mut(clause.node as usize)
                .ok_or(EncodeError::Range {
                    what: "inline node of a clause",
                    value: clause.node,
                })? = true;
        }
        for (i, node) in tree.iter().enumerate().skip(1).rev() {
            // A parent comes before its children: whoever walks up always ends at the root.
            let (parent, _) =
                node.parent
                    .filter(|&(p, _)| (p as usize) < i)
                    .ok_or(EncodeError::Range {
                        what: "parent of inline node",
                        value: i as u32,
                    })?;
            used[parent as usize] |= used[i];
        }
        used[0] = true;
        let mut next = 0;
        let numbers = used.iter().map(|&used| {
            next += u32::from(used);
            used.then(|| next - 1)
        });
        let numbers = numbers.collect();
        Ok(UsedNodes {
            numbers,
            count: next - 1,
        })
    }

    fn number(&self, node: u32) -> Result<u32, EncodeError> {
        let number = self.numbers.get(node as usize).copied().flatten();
        number.ok_or(EncodeError::Range {
            what: "inline node",
            value: node,
        })
    }
}

fn put_inline_tree(out: &mut Vec<u8>, tree: &[InlineNode], nodes: &UsedNodes) {
    let rows: Vec<_> = tree
        .iter()
        .zip(&nodes.numbers)
        .filter(|(_, number)| number.is_some())
        .filter_map(|(node, _)| {
            let (parent, il) = node.parent?;
            let parent = nodes.number(parent).ok()?;
            Some((None, [node.method.raw(), parent, il]))
        })
        .collect();
    put_rows(out, &rows);
}

/// Handler lists as a tree of (handler, next outer handler), each distinct one written once. A reference is the
/// node's byte offset plus 1; 0 is the empty list. Outer nodes are written before inner ones.
struct HandlerTree {
    bytes: Vec<u8>,
    known: FxHashMap<(Handler, u32), u32>,
    clauses: usize,
    code_len: usize,
}

impl HandlerTree {
    fn new(method: &CompiledMethod) -> Self {
        HandlerTree {
            bytes: vec![],
            known: FxHashMap::default(),
            clauses: method.clauses.len(),
            code_len: method.code.len(),
        }
    }

    fn reference(&mut self, handlers: &[Handler]) -> Result<u32, EncodeError> {
        let mut outer = 0;
        for &handler in handlers.iter().rev() {
            outer = match self.known.get(&(handler, outer)) {
                Some(&known) => known,
                None => self.add(handler, outer)?,
            };
        }
        Ok(outer)
    }

    fn add(&mut self, handler: Handler, outer: u32) -> Result<u32, EncodeError> {
        if handler.clause as usize >= self.clauses {
            return Err(EncodeError::Range {
                what: "clause of a handler",
                value: handler.clause,
            });
        }
        if handler.landing as usize >= self.code_len {
            return Err(EncodeError::Range {
                what: "landing pad",
                value: handler.landing,
            });
        }
        let reference = self.bytes.len() as u32 + 1;
        put_uleb(&mut self.bytes, u64::from(handler.clause));
        put_uleb(&mut self.bytes, u64::from(handler.landing));
        let distance = if outer == 0 { 0 } else { reference - outer };
        put_uleb(&mut self.bytes, u64::from(distance));
        self.known.insert((handler, outer), reference);
        Ok(reference)
    }
}

struct Entry<'a> {
    what: &'static str,
    offset: u32,
    kind: TrapKind,
    pos: u32,
    handlers: &'a [Handler],
}

fn call_entries(method: &CompiledMethod) -> impl ExactSizeIterator<Item = Entry<'_>> {
    method.call_sites.iter().map(|s| Entry {
        what: "call site",
        offset: s.ret,
        kind: INITIAL.kind,
        pos: s.pos,
        handlers: &s.handlers,
    })
}

fn trap_entries(method: &CompiledMethod) -> impl ExactSizeIterator<Item = Entry<'_>> {
    method.traps.iter().map(|s| Entry {
        what: "trap",
        offset: s.offset,
        kind: s.kind,
        pos: s.pos,
        handlers: &s.handlers,
    })
}

/// What a site inherits from the one before it in its block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteState {
    pub(crate) offset: u32,
    pub(crate) kind: TrapKind,
    pub(crate) pos: SourcePos,
    pub(crate) handlers: u32,
}

/// State at the start of a block, but for the code offset.
pub(crate) const INITIAL: SiteState = SiteState {
    offset: 0,
    kind: TrapKind::NullReference,
    pos: SourcePos { node: 0, il: 0 },
    handlers: 0,
};

fn stream<'a>(
    method: &CompiledMethod,
    nodes: &UsedNodes,
    tree: &mut HandlerTree,
    code_len: u32,
    entries: impl ExactSizeIterator<Item = Entry<'a>>,
) -> Result<Vec<u8>, EncodeError> {
    let count = entries.len();
    if count == 0 {
        return Ok(vec![]);
    }
    let mut bytes = Vec::with_capacity(3 * count);
    let mut directory = vec![];
    let mut state = INITIAL;
    for (index, entry) in entries.enumerate() {
        if index.is_multiple_of(BLOCK) && index != 0 {
            directory.push((state.offset, bytes.len() as u32));
            state = SiteState {
                offset: state.offset,
                ..INITIAL
            };
        }
        if entry.offset < state.offset {
            return Err(EncodeError::Order {
                what: entry.what,
                index,
            });
        }
        if entry.offset > code_len {
            return Err(EncodeError::Range {
                what: entry.what,
                value: entry.offset,
            });
        }
        let pos = position(method, entry.pos)?;
        let next = SiteState {
            offset: entry.offset,
            kind: entry.kind,
            pos: SourcePos {
                node: nodes.number(pos.node)?,
                il: pos.il,
            },
            handlers: tree.reference(entry.handlers)?,
        };
        put_site(&mut bytes, &state, &next);
        state = next;
    }

    let mut out = Vec::with_capacity(bytes.len() + 8 + directory.len() * 8);
    put_uleb(&mut out, count as u64);
    put_uleb(&mut out, bytes.len() as u64);
    let width = directory_width(code_len, bytes.len() as u32);
    for (offset, at) in directory {
        put_fixed(&mut out, offset, width);
        put_fixed(&mut out, at, width);
    }
    out.extend_from_slice(&bytes);
    Ok(out)
}

fn put_site(out: &mut Vec<u8>, from: &SiteState, to: &SiteState) {
    let mut change = 0;
    if to.pos.node != from.pos.node {
        change |= CHANGE_NODE;
    }
    if to.handlers != from.handlers {
        change |= CHANGE_HANDLERS;
    }
    if to.kind != from.kind {
        change |= (to.kind as u8) << CHANGE_KIND_SHIFT;
    }
    let delta = u64::from(to.offset - from.offset);
    put_uleb(out, delta << 1 | u64::from(change != 0));
    if change != 0 {
        out.push(change);
        if change & CHANGE_NODE != 0 {
            put_uleb(out, u64::from(to.pos.node));
        }
        if change & CHANGE_HANDLERS != 0 {
            put_uleb(out, u64::from(to.handlers));
        }
    }
    put_sleb(out, i64::from(to.pos.il) - i64::from(from.pos.il));
}

/// The position that a site's index means. An artifact without positions (a stub) has them all at the root, offset 0.
pub(crate) fn position(method: &CompiledMethod, index: u32) -> Result<SourcePos, EncodeError> {
    if method.positions.is_empty() {
        return Ok(INITIAL.pos);
    }
    method
        .positions
        .get(index as usize)
        .copied()
        .filter(|p| (p.node as usize) < method.inline_tree.len().max(1))
        .ok_or(EncodeError::Range {
            what: "source position",
            value: index,
        })
}
