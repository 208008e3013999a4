//! Where blocks go: segments of one protection each, sections in order within them.
//!
//! ```text
//!  r-x │ .text  $STUBS │    r-- │ .rodata  .eh_frame  $GOT  template of thread-local variables │    rw- │ .data │ zeros: .bss, COMMON │
//! ```
//! Thread-local blocks of zeros take no memory, but have addresses behind the template: a thread-local symbol's offset in each thread's copy is its
//! address less the template's.

use crate::error::{Error, Result};
use crate::graph::{BlockId, Content, LinkGraph, Prot, SectionId, SectionRole};
use crate::memory::Request;
use rustc_hash::FxHashSet;

/// Largest graph: what near displacements reach.
const MAX_SIZE: u64 = 1 << 30;
/// Largest alignment.
const MAX_ALIGN: u64 = 1 << 16;

/// One protection's memory.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Protection.
    pub prot: Prot,
    /// Size in bytes.
    pub size: u64,
    /// Alignment.
    pub align: u64,
    blocks: Vec<(BlockId, u64)>,
}

/// The thread-local variables of a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Template {
    /// Address of their first values.
    pub address: u64,
    /// Bytes of first values; zeros follow.
    pub file_size: u64,
    /// Bytes of a thread's copy.
    pub size: u64,
    /// Alignment of a copy.
    pub align: u64,
}

/// Places of all blocks.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Segments, none empty.
    pub segments: Vec<Segment>,
    /// Blocks of thread-local variables with offsets in a copy; the template's segment and offset there.
    tls: Option<Tls>,
}

#[derive(Clone, Debug)]
struct Tls {
    blocks: Vec<(BlockId, u64)>,
    segment: usize,
    offset: u64,
    template: Template,
}

/// Appends a block at the next address that suits it.
pub(super) fn place(graph: &LinkGraph, id: BlockId, end: &mut u64, align: &mut u64) -> Result<u64> {
    let block = graph.block(id);
    if block.align > MAX_ALIGN {
        let what = format!("alignment {} is not supported", block.align);
        return Err(Error::graph(graph, what));
    }
    let base = end.saturating_sub(block.align_offset);
    let mut at = base.next_multiple_of(block.align) + block.align_offset;
    if at < *end {
        at += block.align;
    }
    let next = at.checked_add(block.size).filter(|&n| n <= MAX_SIZE);
    *end = next.ok_or_else(|| Error::graph(graph, "it is too large"))?;
    *align = (*align).max(block.align);
    Ok(at)
}

/// Whether near displacements reach everywhere.
pub(super) fn check_size(graph: &LinkGraph, requests: &[Request]) -> Result<()> {
    match requests.iter().map(|r| r.size).sum::<u64>() > MAX_SIZE {
        true => Err(Error::graph(graph, "it is too large")),
        false => Ok(()),
    }
}

/// Sections in the order in which they are placed.
fn in_order(graph: &LinkGraph) -> Vec<SectionId> {
    let mut sections: Vec<SectionId> = graph.sections().collect();
    sections.sort_by_key(|&s| graph.section(s).ordinal);
    sections
}

/// Blocks of code in the order in which they will be placed.
pub(super) fn code_order(graph: &LinkGraph) -> Vec<BlockId> {
    let mut code = in_order(graph);
    code.retain(|&s| graph.section(s).prot == Prot::RX);
    let blocks = |zeros: bool| {
        let all = code.iter().flat_map(|&s| graph.section_blocks(s));
        all.filter(move |&b| (graph.block(b).content == Content::Zero) == zeros)
    };
    blocks(false).chain(blocks(true)).collect()
}

impl Layout {
    /// Computes the layout of what is left in a graph, but for blocks that have their places elsewhere.
    pub fn of(graph: &LinkGraph, apart: &FxHashSet<BlockId>) -> Result<Layout> {
        let sections = in_order(graph);
        let is_tls = |s: SectionId| graph.section(s).role == SectionRole::ThreadLocal;
        let blocks = |zeros: bool, wanted: &dyn Fn(SectionId) -> bool| {
            let of = sections.iter().copied().filter(|&s| wanted(s));
            let all = of.flat_map(|s| graph.section_blocks(s));
            let all = all.filter(|b| !apart.contains(b));
            let wanted = all.filter(|&b| (graph.block(b).content == Content::Zero) == zeros);
            wanted.collect::<Vec<_>>()
        };
        let mut layout = Layout::default();
        for prot in [Prot::RX, Prot::R, Prot::RW] {
            let (mut end, mut align, mut placed) = (0, 1, Vec::new());
            for zeros in [false, true] {
                for id in blocks(zeros, &|s| !is_tls(s) && graph.section(s).prot == prot) {
                    placed.push((id, place(graph, id, &mut end, &mut align)?));
                }
            }
            if !placed.is_empty() {
                layout.segments.push(Segment {
                    prot,
                    size: end,
                    align,
                    blocks: placed,
                });
            }
        }
        layout.thread_local(graph, &blocks(false, &is_tls), &blocks(true, &is_tls))?;
        Ok(layout)
    }

    fn thread_local(
        &mut self,
        graph: &LinkGraph,
        content: &[BlockId],
        zeros: &[BlockId],
    ) -> Result<()> {
        if content.is_empty() && zeros.is_empty() {
            return Ok(());
        }
        let (mut end, mut align, mut placed) = (0, 1, Vec::new());
        for &id in content {
            placed.push((id, place(graph, id, &mut end, &mut align)?));
        }
        let file_size = end;
        for &id in zeros {
            placed.push((id, place(graph, id, &mut end, &mut align)?));
        }
        let segment = match self.segments.iter().position(|s| s.prot == Prot::R) {
            Some(segment) => segment,
            None => {
                self.segments.push(Segment {
                    prot: Prot::R,
                    size: 0,
                    align: 1,
                    blocks: Vec::new(),
                });
                self.segments.len() - 1
            }
        };
        let s = &mut self.segments[segment];
        s.align = s.align.max(align);
        let offset = s.size.next_multiple_of(align);
        // A template without first values must have an address of its own all the same.
        s.size = offset + file_size.max(1);
        self.tls = Some(Tls {
            blocks: placed,
            segment,
            offset,
            template: Template {
                address: 0,
                file_size,
                size: end,
                align,
            },
        });
        Ok(())
    }

    /// Gives the blocks their addresses, the segments lying at `addresses`.
    pub fn assign(&self, graph: &mut LinkGraph, addresses: &[u64]) -> Option<Template> {
        for (segment, &base) in self.segments.iter().zip(addresses) {
            for &(block, offset) in &segment.blocks {
                graph.block_mut(block).address = base + offset;
            }
        }
        let tls = self.tls.as_ref()?;
        let address = addresses[tls.segment] + tls.offset;
        for &(block, offset) in &tls.blocks {
            graph.block_mut(block).address = address + offset;
        }
        Some(Template {
            address,
            ..tls.template
        })
    }
}
