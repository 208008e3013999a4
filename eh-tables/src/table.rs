//! A method's table, read in place.
//!
//! [`Header::parse`] finds the sections once (a registry keeps the result beside the bytes); [`MethodTable`] is a
//! header with its bytes. Looking up a site searches the block directory and decodes at most one block.

use crate::bytes::Cursor;
use crate::encode::{INITIAL, SiteState};
use crate::error::TableError;
use crate::format::{
    BLOCK, CHANGE_HANDLERS, CHANGE_KIND_SHIFT, CHANGE_NODE, CHANGE_RESERVED, Flags, column_widths,
    directory_width, tier_from_code,
};
use crate::frame::get_frame;
use isthmus_runtime_abi::artifact::{Clause, ClauseKind, Frame, Handler, SourcePos, Tier};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;

/// Where the parts of a table are, and what is said once per method.
#[derive(Clone, Debug)]
pub struct Header {
    /// Who made the code.
    pub tier: Tier,
    /// The method whose body this is (for a filter: the method it belongs to); stubs have none.
    pub method: Option<MethodId>,
    /// If this is a filter: the clause of the method's body that it is of.
    pub filter: Option<u32>,
    /// Bytes of code.
    pub code_len: u32,
    /// The frame.
    pub frame: Frame,
    clauses: Rows<2>,
    handlers: Span,
    inlines: Rows<3>,
    filter_offsets: Rows<1>,
    calls: Stream,
    traps: Stream,
}

/// Rows of equal size: perhaps a byte, then columns of numbers.
#[derive(Clone, Copy, Debug)]
struct Rows<const N: usize> {
    at: usize,
    count: u32,
    widths: [usize; N],
}

#[derive(Clone, Copy, Default, Debug)]
struct Span {
    at: usize,
    len: usize,
}

#[derive(Clone, Copy, Default, Debug)]
struct Stream {
    count: usize,
    /// Block directory: (code offset of the last site before the block, byte offset of the block), block 0 left out.
    directory: usize,
    width: usize,
    bytes: Span,
}

impl Header {
    /// Reads the fixed part of a table and finds its sections. The sections themselves are not looked at.
    pub fn parse(bytes: &[u8], arch: Arch) -> Result<Header, TableError> {
        let mut c = Cursor::new(bytes, 0);
        let byte = c.u8()?;
        let flags = Flags::from_bits_retain(byte);
        let tier = tier_from_code(byte & Flags::TIER.bits())
            .ok_or_else(|| TableError::invalid("tier", byte.into(), 0))?;
        let code_len = c.uleb()?;
        let method = MethodId::from_raw(c.uleb()?);
        let filter = match flags.contains(Flags::FILTER) {
            true => Some(c.uleb()?),
            false => None,
        };
        let mut header = Header {
            tier,
            method,
            filter,
            code_len,
            frame: get_frame(&mut c, arch)?,
            clauses: Rows::NONE,
            handlers: Span::default(),
            inlines: Rows::NONE,
            filter_offsets: Rows::NONE,
            calls: Stream::default(),
            traps: Stream::default(),
        };
        if flags.contains(Flags::CLAUSES) {
            header.clauses = Rows::parse(&mut c, 1)?;
            let len = c.uleb()? as usize;
            header.handlers = Span {
                at: c.skip(len)?,
                len,
            };
        }
        if flags.contains(Flags::INLINES) {
            header.inlines = Rows::parse(&mut c, 0)?;
        }
        if flags.contains(Flags::FILTER_OFFSETS) {
            let count = c.uleb()?;
            header.filter_offsets = Rows {
                at: c.skip((count as usize).saturating_mul(4))?,
                count,
                widths: [4],
            };
        }
        if flags.contains(Flags::CALLS) {
            header.calls = Stream::parse(&mut c, code_len)?;
        }
        if flags.contains(Flags::TRAPS) {
            header.traps = Stream::parse(&mut c, code_len)?;
        }
        match c.pos() == bytes.len() {
            true => Ok(header),
            false => Err(TableError::invalid("byte after the end", 0, c.pos())),
        }
    }

    /// The table of which this is the header. `bytes` must be those that were parsed: others give errors or
    /// nonsense, though never a panic.
    pub fn table<'a>(&'a self, bytes: &'a [u8]) -> MethodTable<'a> {
        MethodTable {
            header: self,
            bytes,
        }
    }

    /// Number of exception clauses.
    pub fn clause_count(&self) -> u32 {
        self.clauses.count
    }

    /// Number of inline nodes, the root included.
    pub fn node_count(&self) -> u32 {
        self.inlines.count + 1
    }

    /// Number of filter offsets stored.
    pub fn filter_count(&self) -> u32 {
        self.filter_offsets.count
    }

    /// Number of call sites.
    pub fn call_count(&self) -> usize {
        self.calls.count
    }

    /// Number of trap sites.
    pub fn trap_count(&self) -> usize {
        self.traps.count
    }
}

impl<const N: usize> Rows<N> {
    const NONE: Self = Rows {
        at: 0,
        count: 0,
        widths: [0; N],
    };

    fn parse(c: &mut Cursor<'_>, lead: usize) -> Result<Self, TableError> {
        let count = c.uleb()?;
        let at = c.pos();
        let byte = c.u8()?;
        let widths = column_widths(byte)
            .filter(|_| count != u32::MAX)
            .ok_or_else(|| TableError::invalid("column widths", byte.into(), at))?;
        let row = lead + widths.iter().sum::<usize>();
        let at = c.skip((count as usize).saturating_mul(row))?;
        Ok(Rows { at, count, widths })
    }

    /// Where row `index` begins.
    fn row(&self, index: u32, lead: usize) -> usize {
        self.at + index as usize * (lead + self.widths.iter().sum::<usize>())
    }
}

impl Stream {
    fn parse(c: &mut Cursor<'_>, code_len: u32) -> Result<Stream, TableError> {
        let at = c.pos();
        let count = c.uleb()?;
        if count == 0 {
            return Err(TableError::invalid("number of sites", 0, at));
        }
        let count = count as usize;
        let len = c.uleb()?;
        let width = directory_width(code_len, len);
        let directory = c.skip(((count - 1) / BLOCK).saturating_mul(2 * width))?;
        let len = len as usize;
        Ok(Stream {
            count,
            directory,
            width,
            bytes: Span {
                at: c.skip(len)?,
                len,
            },
        })
    }
}

/// A call site or trap as decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    /// Code offset: return address of a call, first byte of a trapping instruction.
    pub offset: u32,
    /// Why it may trap (meaningless for calls).
    pub kind: TrapKind,
    /// Source position.
    pub pos: SourcePos,
    /// Reference to the list of enclosing handlers; see [`MethodTable::handlers`].
    pub handlers: HandlersRef,
}

/// A list of handlers within one table; 0 is the empty list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HandlersRef(pub(crate) u32);

impl HandlersRef {
    /// Whether nothing encloses the site.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A method's table.
#[derive(Clone, Copy, Debug)]
pub struct MethodTable<'a> {
    /// The parsed header.
    pub header: &'a Header,
    bytes: &'a [u8],
}

impl<'a> MethodTable<'a> {
    /// The call site whose return address is at this code offset.
    pub fn call_site(&self, ret: u32) -> Result<Option<Site>, TableError> {
        self.find(&self.header.calls, ret, |_| true)
    }

    /// The trap site at this code offset. An instruction that may trap for several reasons has several: `wanted` picks.
    pub fn trap(
        &self,
        offset: u32,
        wanted: impl Fn(TrapKind) -> bool,
    ) -> Result<Option<Site>, TableError> {
        self.find(&self.header.traps, offset, wanted)
    }

    /// All call sites in order.
    pub fn call_sites(&self) -> Sites<'a> {
        Sites::from_block(self.bytes, &self.header.calls, 0, 0)
    }

    /// All trap sites in order.
    pub fn traps(&self) -> Sites<'a> {
        Sites::from_block(self.bytes, &self.header.traps, 0, 0)
    }

    /// The handlers of a list, innermost first.
    pub fn handlers(&self, list: HandlersRef) -> Handlers<'a> {
        let Span { at, len } = self.header.handlers;
        Handlers {
            bytes: self.bytes.get(at..at + len).unwrap_or(&[]),
            at,
            next: list.0,
        }
    }

    /// An exception clause.
    pub fn clause(&self, index: u32) -> Result<Clause, TableError> {
        let rows = &self.header.clauses;
        if index >= rows.count {
            return Err(TableError::invalid("clause", index, rows.at));
        }
        let at = rows.row(index, 1);
        let mut c = Cursor::new(self.bytes, at);
        let code = c.u8()?;
        let operand = c.fixed(rows.widths[0])?;
        let node = c.fixed(rows.widths[1])?;
        let kind = match code {
            0 => ClauseKind::Catch(
                TypeId::from_raw(operand).ok_or_else(|| TableError::invalid("type", 0, at))?,
            ),
            1 => ClauseKind::CatchLookup(operand),
            2 => ClauseKind::CatchAll,
            3 => ClauseKind::Filter(operand),
            4 => ClauseKind::Finally,
            5 => ClauseKind::Fault,
            _ => return Err(TableError::invalid("clause kind", code.into(), at)),
        };
        Ok(Clause { kind, node })
    }

    /// Offset of a filter's code from this method's code.
    pub fn filter_offset(&self, number: u32) -> Result<i32, TableError> {
        let rows = &self.header.filter_offsets;
        if number >= rows.count {
            return Err(TableError::invalid("filter", number, rows.at));
        }
        let mut c = Cursor::new(self.bytes, rows.row(number, 0));
        Ok(c.fixed(4)? as i32)
    }

    /// The method of an inline node, and where it was called from (node and IL offset), if it is not the root.
    pub fn inline_node(&self, node: u32) -> Result<(MethodId, Option<SourcePos>), TableError> {
        if node == 0 {
            let method = self.header.method;
            return Ok((
                method.ok_or_else(|| TableError::invalid("method", 0, 0))?,
                None,
            ));
        }
        let rows = &self.header.inlines;
        if node > rows.count {
            return Err(TableError::invalid("inline node", node, rows.at));
        }
        let at = rows.row(node - 1, 0);
        let mut c = Cursor::new(self.bytes, at);
        let method = MethodId::from_raw(c.fixed(rows.widths[0])?)
            .ok_or_else(|| TableError::invalid("method", 0, at))?;
        let parent = SourcePos {
            node: c.fixed(rows.widths[1])?,
            il: c.fixed(rows.widths[2])?,
        };
        match parent.node < node {
            true => Ok((method, Some(parent))),
            false => Err(TableError::invalid(
                "parent of inline node",
                parent.node,
                at,
            )),
        }
    }

    /// The source frames at a position, innermost first: the method and IL offset of each inlined body, then of the
    /// method itself. Stubs have none.
    pub fn inline_chain(&self, pos: SourcePos) -> InlineChain<'a> {
        InlineChain {
            table: *self,
            next: self.header.method.and(Some(pos)),
        }
    }

    fn find(
        &self,
        stream: &Stream,
        offset: u32,
        wanted: impl Fn(TrapKind) -> bool,
    ) -> Result<Option<Site>, TableError> {
        if stream.count == 0 {
            return Ok(None);
        }
        // The last block whose base lies below the offset: sites at the base itself end the block before.
        let (mut low, mut high) = (0, (stream.count - 1) / BLOCK);
        while low < high {
            let middle = (low + high).div_ceil(2);
            match stream.base(self.bytes, middle)? < offset {
                true => low = middle,
                false => high = middle - 1,
            }
        }
        let base = match low {
            0 => 0,
            block => stream.base(self.bytes, block)?,
        };
        for site in Sites::from_block(self.bytes, stream, low, base) {
            let site = site?;
            if site.offset > offset {
                break;
            }
            if site.offset == offset && wanted(site.kind) {
                return Ok(Some(site));
            }
        }
        Ok(None)
    }
}

impl Stream {
    /// Code offset of the last site before a block other than the first.
    fn base(&self, bytes: &[u8], block: usize) -> Result<u32, TableError> {
        Cursor::new(bytes, self.directory + (block - 1) * 2 * self.width).fixed(self.width)
    }

    fn block_start(&self, bytes: &[u8], block: usize) -> Result<usize, TableError> {
        if block == 0 {
            return Ok(self.bytes.at);
        }
        let at = self.directory + (block - 1) * 2 * self.width + self.width;
        let start = Cursor::new(bytes, at).fixed(self.width)?;
        match (start as usize) < self.bytes.len {
            true => Ok(self.bytes.at + start as usize),
            false => Err(TableError::invalid("start of block", start, at)),
        }
    }
}

/// Sites of a stream in order; ends after the first error.
#[derive(Debug)]
pub struct Sites<'a> {
    bytes: &'a [u8],
    stream: Stream,
    index: usize,
    at: usize,
    state: SiteState,
}

impl<'a> Sites<'a> {
    fn from_block(bytes: &'a [u8], stream: &Stream, block: usize, base: u32) -> Self {
        let end = stream.bytes.at + stream.bytes.len;
        // A bad start shows as a truncated first site.
        let at = stream.block_start(bytes, block).unwrap_or(end);
        Sites {
            bytes: bytes.get(..end).unwrap_or(bytes),
            stream: *stream,
            index: block * BLOCK,
            at,
            state: SiteState {
                offset: base,
                ..INITIAL
            },
        }
    }

    /// Byte offset in the table of the next site, for dumps and checks.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn decode(&mut self) -> Result<Site, TableError> {
        if self.index.is_multiple_of(BLOCK) {
            self.state = SiteState {
                offset: self.state.offset,
                ..INITIAL
            };
        }
        let mut c = Cursor::new(self.bytes, self.at);
        let head = c.uleb64()?;
        let at = self.at;
        let state = &mut self.state;
        state.offset = u32::try_from(head >> 1)
            .ok()
            .and_then(|delta| state.offset.checked_add(delta))
            .ok_or(TableError::TooLarge { at })?;
        if head & 1 != 0 {
            let change = c.u8()?;
            if change & CHANGE_RESERVED != 0 {
                return Err(TableError::invalid("change byte", change.into(), at));
            }
            if change & CHANGE_NODE != 0 {
                state.pos.node = c.uleb()?;
            }
            if change & CHANGE_HANDLERS != 0 {
                state.handlers = c.uleb()?;
            }
            if change >> CHANGE_KIND_SHIFT != 0 {
                let kind = change >> CHANGE_KIND_SHIFT;
                state.kind = TrapKind::from_code(kind)
                    .ok_or_else(|| TableError::invalid("trap kind", kind.into(), at))?;
            }
        }
        let il = i64::from(state.pos.il) + c.sleb()?;
        state.pos.il = u32::try_from(il).map_err(|_| TableError::TooLarge { at })?;
        self.at = c.pos();
        Ok(Site {
            offset: state.offset,
            kind: state.kind,
            pos: state.pos,
            handlers: HandlersRef(state.handlers),
        })
    }
}

impl Iterator for Sites<'_> {
    type Item = Result<Site, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.stream.count {
            return None;
        }
        let site = self.decode();
        self.index = match site {
            Ok(_) => self.index + 1,
            Err(_) => self.stream.count,
        };
        Some(site)
    }
}

/// Handlers of a list, innermost first; ends after the first error.
#[derive(Clone, Debug)]
pub struct Handlers<'a> {
    bytes: &'a [u8],
    at: usize,
    next: u32,
}

impl Handlers<'_> {
    /// The reference of the handler that comes next, 0 at the end.
    pub(crate) fn reference(&self) -> u32 {
        self.next
    }

    fn decode(&mut self) -> Result<Handler, TableError> {
        let reference = self.next;
        let mut c = Cursor::new(self.bytes, reference as usize - 1);
        let handler = Handler {
            clause: c.uleb()?,
            landing: c.uleb()?,
        };
        self.next = match c.uleb()? {
            0 => 0,
            distance => reference
                .checked_sub(distance)
                .filter(|&outer| outer != 0)
                .ok_or_else(|| {
                    TableError::invalid("outer handler", distance, self.at + reference as usize - 1)
                })?,
        };
        Ok(handler)
    }
}

impl Iterator for Handlers<'_> {
    type Item = Result<Handler, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == 0 {
            return None;
        }
        let handler = self.decode();
        if handler.is_err() {
            self.next = 0;
        }
        Some(handler)
    }
}

/// Source frames of one machine frame, innermost first; ends after the first error.
#[derive(Debug)]
pub struct InlineChain<'a> {
    table: MethodTable<'a>,
    next: Option<SourcePos>,
}

impl Iterator for InlineChain<'_> {
    type Item = Result<(MethodId, u32), TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pos = self.next.take()?;
        Some(self.table.inline_node(pos.node).map(|(method, parent)| {
            self.next = parent;
            (method, pos.il)
        }))
    }
}
