//! One graph on its way.

use super::layout::{Layout, Template};
use super::passes::{self, Passes};
use super::session::NameKey;
use super::{frames, indirect, prune};
use crate::arch::{Value, Via, table};
use crate::error::{Error, Result};
use crate::executor::{Executor, Runtime};
use crate::graph::{Content, LinkGraph, SectionRole, TlsHome, verify};
use crate::memory::{Chunk, Request, Reservation};
use crate::plugins::ResourceKey;
use std::ops::Range;

/// A graph, and what was had for it so far.
#[derive(Debug)]
pub(super) struct Job {
    pub key: ResourceKey,
    pub graph: LinkGraph,
    pub passes: Passes,
    pub layout: Layout,
    pub reservation: Option<Reservation>,
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
            reservation: None,
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
        let segment = self.reservation.as_ref().and_then(|r| r.segments.first());
        segment.map_or(0, |s| s.address)
    }

    /// Prunes, and makes tables.
    pub fn prepare(&mut self) -> Result<()> {
        verify::verify(&self.graph)?;
        passes::run(&mut self.passes.pre_prune, &mut self.graph)?;
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

    /// Gives everything an address.
    pub fn allocate(&mut self, executor: &dyn Executor) -> Result<()> {
        self.layout = Layout::of(&self.graph)?;
        let segments = self.layout.segments.iter();
        let requests: Vec<Request> = segments
            .map(|s| Request {
                prot: s.prot,
                size: s.size,
                align: s.align,
            })
            .collect();
        let reservation = executor.memory().reserve(&requests)?;
        let addresses: Vec<u64> = reservation.segments.iter().map(|s| s.address).collect();
        self.reservation = Some(reservation);
        self.template = self.layout.assign(&mut self.graph, &addresses);
        Ok(())
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

    /// Puts the bytes in their places, and tells the executor about tables.
    pub fn finalize(&self, executor: &dyn Executor, session: u64) -> Result<()> {
        let Some(reservation) = &self.reservation else {
            return Ok(());
        };
        let content = self.graph.blocks().filter(|&b| {
            let block = self.graph.block(b);
            block.content != Content::Zero && block.size > 0
        });
        let chunks: Vec<Chunk<'_>> = content
            .map(|b| Chunk {
                address: self.graph.block(b).address,
                bytes: self.graph.bytes(b),
            })
            .collect();
        executor.memory().finalize(reservation, &chunks)?;
        let code = reservation.segments.iter().find(|s| s.prot.execute());
        if let Some(code) = code {
            let (begin, end) = (code.address, code.address + code.size);
            executor.runtime(Runtime::Adopt, &[session, self.handle(), begin, end])?;
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
