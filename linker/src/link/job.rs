//! One graph on its way.

use super::bounds::Bounds;
use super::layout::{self, Layout, Template};
use super::passes::{self, Passes};
use super::session::NameKey;
use super::{frames, indirect, prune};
use crate::arch::{Value, Via, table};
use crate::error::{Error, Result};
use crate::executor::{Executor, Runtime};
use crate::graph::{BlockId, Content, LinkGraph, SectionRole, TlsHome, verify};
use crate::memory::{Chunk, Request, Reservation, Segment};
use crate::plugins::ResourceKey;
use rustc_hash::FxHashSet;
use std::ops::Range;

/// A graph, and what was had for it so far.
#[derive(Debug)]
pub(super) struct Job {
    pub key: ResourceKey,
    pub graph: LinkGraph,
    pub passes: Passes,
    pub layout: Layout,
    /// Blocks whose places are chosen with those of other graphs.
    pub apart: FxHashSet<BlockId>,
    /// Memory that is its own alone.
    pub reservation: Option<Reservation>,
    /// Where its layout's segments lie.
    segments: Vec<Segment>,
    pub template: Option<Template>,
    pub tls_key: Option<u64>,
    /// Functions to call before `main`, in order of the ordinals.
    pub initializers: Vec<(u32, Range<u64>)>,
    /// Functions to call at the end.
    pub finalizers: Vec<(u32, Range<u64>)>,
    pub frames: Option<u64>,
    /// What it defines, once that is known to the session.
    pub names: Vec<NameKey>,
}

impl Job {
    pub fn new(key: ResourceKey, graph: LinkGraph) -> Job {
        Job {
            key,
            passes: Passes::standard(graph.arch),
            graph,
            layout: Layout::default(),
            apart: FxHashSet::default(),
            reservation: None,
            segments: Vec::new(),
            template: None,
            tls_key: None,
            initializers: Vec::new(),
            finalizers: Vec::new(),
            frames: None,
            names: Vec::new(),
        }
    }

    /// What the executor knows the graph by: an address of its own.
    pub fn handle(&self) -> u64 {
        let apart = || self.apart.iter().map(|&b| self.graph.block(b).address);
        let own = self.segments.first().map(|s| s.address);
        own.or_else(|| apart().min()).unwrap_or(0)
    }

    /// Prunes, and makes tables.
    pub fn prepare(&mut self, bounds: &Bounds) -> Result<()> {
        verify::verify(&self.graph)?;
        passes::run(&mut self.passes.pre_prune, &mut self.graph)?;
        bounds.keep(&mut self.graph);
        prune::prune(&mut self.graph);
        passes::run(&mut self.passes.post_prune, &mut self.graph)
    }

    /// Whether code counts on thread-local variables to be at the same distance from every thread's pointer.
    pub fn wants_thread_offsets(&self) -> bool {
        let table = table(self.graph.arch);
        self.graph.blocks().any(|b| {
            let mut edges = self.graph.block(b).edges.iter();
            edges.any(|e| {
                let row = &table[e.kind.0 as usize];
                row.value == Value::ThreadOffset
                    || matches!(row.via, Via::TlsDistance(_) | Via::TlsDescriptor(_))
            })
        })
    }

    /// Lays the graph out: the memory that it wants.
    pub fn lay_out(&mut self) -> Result<Vec<Request>> {
        self.layout = Layout::of(&self.graph, &self.apart)?;
        let segments = self.layout.segments.iter();
        let requests = segments.map(|s| Request {
            prot: s.prot,
            size: s.size,
            align: s.align,
        });
        let requests: Vec<Request> = requests.collect();
        layout::check_size(&self.graph, &requests)?;
        Ok(requests)
    }

    /// Gives what was laid out its addresses.
    pub fn place(&mut self, segments: &[Segment]) {
        self.segments = segments.to_vec();
        let addresses: Vec<u64> = segments.iter().map(|s| s.address).collect();
        self.template = self.layout.assign(&mut self.graph, &addresses);
    }

    /// Gives thread-local variables a home.
    pub fn settle(&mut self, executor: &dyn Executor, same_offset: bool) -> Result<()> {
        let Some(t) = self.template else {
            return Ok(());
        };
        let reserved = executor.runtime(
            Runtime::TlsReserve,
            &[t.size.max(1), t.align, u64::from(same_offset)],
        )?;
        if reserved == 0 {
            let what = format!("no room for {} bytes of thread-local variables", t.size);
            return Err(Error::graph(&self.graph, what));
        }
        self.tls_key = Some(reserved);
        let distance = match same_offset {
            true => Some(executor.runtime(Runtime::TlsDistance, &[reserved])? as i64),
            false => None,
        };
        let home = TlsHome {
            key: reserved,
            template: t.address,
            thread_offset: distance,
        };
        self.graph.tls.insert(0, home);
        Ok(())
    }

    pub fn after_allocation(&mut self) -> Result<()> {
        passes::run(&mut self.passes.post_allocation, &mut self.graph)?;
        for id in self.graph.sections() {
            let section = self.graph.section(id);
            let list = match section.role {
                SectionRole::Initializers => &mut self.initializers,
                SectionRole::Finalizers => &mut self.finalizers,
                _ => continue,
            };
            if let Some(range) = self.graph.section_range(id) {
                list.push((section.ordinal, range));
            }
        }
        self.initializers.sort_by_key(|(ordinal, _)| *ordinal);
        self.finalizers.sort_by_key(|(ordinal, _)| *ordinal);
        let section = self.graph.find_section(frames::EH_FRAME);
        let range = section.and_then(|s| self.graph.section_range(s));
        self.frames = range.filter(|r| r.end - r.start > 4).map(|r| r.start);
        Ok(())
    }

    /// Computes all bytes.
    pub fn fix(&mut self) -> Result<()> {
        passes::run(&mut self.passes.pre_fixup, &mut self.graph)?;
        let got = self.graph.got_base();
        for n in 0..self.graph.block_limit() {
            self.graph.fix_block(crate::graph::BlockId(n as u32), got)?;
        }
        passes::run(&mut self.passes.post_fixup, &mut self.graph)
    }

    /// The bytes, and their places.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        let content = self.graph.blocks().filter(|&b| {
            let block = self.graph.block(b);
            block.content != Content::Zero && block.size > 0
        });
        content.map(|b| Chunk {
            address: self.graph.block(b).address,
            bytes: self.graph.bytes(b),
        })
    }

    /// Where its code is.
    fn code(&self) -> Vec<Range<u64>> {
        let own = self.segments.iter().filter(|s| s.prot.execute());
        let mut code: Vec<_> = own.map(|s| s.address..s.address + s.size).collect();
        for section in self.graph.sections() {
            let mut blocks = self.graph.section_blocks(section);
            let apart = blocks.next().is_some_and(|b| self.apart.contains(&b));
            if apart && self.graph.section(section).prot.execute() {
                code.extend(self.graph.section_range(section));
            }
        }
        code
    }

    /// Tells the executor about code and tables that are in place now.
    pub fn install(&self, executor: &dyn Executor, session: u64) -> Result<()> {
        for code in self.code() {
            let graph = [session, self.handle(), code.start, code.end];
            executor.runtime(Runtime::Adopt, &graph)?;
        }
        if let (Some(key), Some(t)) = (self.tls_key, self.template) {
            executor.runtime(Runtime::TlsTemplate, &[key, t.address, t.file_size])?;
        }
        if let Some(frames) = self.frames {
            executor.runtime(Runtime::RegisterFrames, &[frames])?;
        }
        Ok(())
    }

    /// Fills in the words of functions that are chosen.
    pub fn choose(&self, executor: &dyn Executor) -> Result<()> {
        let words = self.graph.find_section(indirect::CHOSEN);
        if let Some(words) = words.and_then(|s| self.graph.section_range(s)) {
            executor.runtime(Runtime::Choose, &[words.start, words.end])?;
        }
        Ok(())
    }
}
