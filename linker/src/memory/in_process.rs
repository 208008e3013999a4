//! Pages of this process, for each graph its own: writable while it is linked, then as they shall be.

use super::pages::{self, Mapping};
use super::{Chunk, MemoryManager, Request, Reservation, Segment, check_requests, segment_of};
use crate::error::{Error, Result};
use crate::graph::Prot;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The manager.
#[derive(Debug, Default)]
pub struct InProcess {
    /// By address.
    live: Mutex<BTreeMap<u64, (Mapping, Reservation)>>,
}

type Live = BTreeMap<u64, (Mapping, Reservation)>;

/// Reserves address space for segments, each beginning a page.
pub(super) fn reserve_pages(requests: &[Request]) -> Result<(Mapping, Vec<Segment>)> {
    check_requests(requests)?;
    let page = pages::page_size() as u64;
    let mut end = 0u64;
    let mut offsets = Vec::new();
    let mut slack = 0;
    for r in requests {
        slack = slack.max(r.align.saturating_sub(page));
        let at = end.next_multiple_of(r.align.max(page));
        offsets.push(at);
        end = (at + r.size.max(1)).next_multiple_of(page);
        if end > 1 << 32 {
            return Err(Error::memory("the graph is too large"));
        }
    }
    let mapping = Mapping::reserve((end.max(page) + slack) as usize)?;
    // Alignments beyond a page count from an address of that alignment.
    let base = (mapping.base() as u64).next_multiple_of(slack + page);
    let segment = |(r, at): (&Request, u64)| Segment {
        address: base + at,
        size: r.size,
        prot: r.prot,
    };
    let segments = requests.iter().zip(offsets).map(segment).collect();
    Ok((mapping, segments))
}

impl InProcess {
    /// A manager without memory yet.
    pub fn new() -> InProcess {
        InProcess::default()
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reservation around an address.
fn around(live: &Live, address: u64, size: usize) -> Result<(&Mapping, usize, Segment)> {
    let (mapping, reservation) = live
        .range(..=address)
        .next_back()
        .map(|(_, r)| r)
        .ok_or_else(|| Error::memory(format!("nothing is at {address:#x}")))?;
    let (_, segment) = segment_of(reservation, address, size)?;
    Ok((mapping, address as usize - mapping.base(), segment))
}

impl MemoryManager for InProcess {
    fn reserve(&self, requests: &[Request]) -> Result<Reservation> {
        let (mapping, segments) = reserve_pages(requests)?;
        for s in &segments {
            let offset = s.address as usize - mapping.base();
            let size = (s.size as usize).next_multiple_of(pages::page_size());
            mapping.commit(offset, size, Prot::RW)?;
        }
        let id = mapping.base() as u64;
        let reservation = Reservation { id, segments };
        self.live().insert(id, (mapping, reservation.clone()));
        Ok(reservation)
    }

    fn finalize(&self, reservation: &Reservation, chunks: &[Chunk<'_>]) -> Result<()> {
        let live = self.live();
        let (mapping, _) = live
            .get(&reservation.id)
            .ok_or_else(|| Error::memory("no such reservation"))?;
        for chunk in chunks {
            segment_of(reservation, chunk.address, chunk.bytes.len())?;
            let offset = chunk.address as usize - mapping.base();
            // SAFETY: the pages are writable until they are protected below, and nothing runs there yet.
            unsafe { mapping.write(offset, chunk.bytes) };
        }
        for s in &reservation.segments {
            let size = (s.size as usize).next_multiple_of(pages::page_size());
            if s.prot != Prot::RW && size > 0 {
                mapping.protect(s.address as usize - mapping.base(), size, s.prot)?;
            }
            if s.prot.execute() {
                pages::flush_code(s.address as usize, s.size as usize);
            }
        }
        Ok(())
    }

    fn release(&self, reservation: &Reservation) -> Result<()> {
        let gone = self.live().remove(&reservation.id);
        gone.map(drop)
            .ok_or_else(|| Error::memory("no such reservation"))
    }

    /// Code cannot be changed while it may run: its pages would have to lose their right to execute for a moment.
    fn patch(&self, address: u64, bytes: &[u8]) -> Result<()> {
        let live = self.live();
        let (mapping, offset, segment) = around(&live, address, bytes.len())?;
        if segment.prot.execute() {
            return Err(Error::memory(
                "code of this memory manager cannot be changed: use one that maps it twice",
            ));
        }
        let page = pages::page_size();
        let start = offset / page * page;
        let size = (offset + bytes.len()).next_multiple_of(page) - start;
        if !segment.prot.write() {
            mapping.protect(start, size, Prot::RW)?;
        }
        // SAFETY: within finalized data, writable now; the caller knows what else uses it.
        unsafe { mapping.write(offset, bytes) };
        if !segment.prot.write() {
            mapping.protect(start, size, segment.prot)?;
        }
        Ok(())
    }

    fn read(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        let live = self.live();
        let (mapping, offset, _) = around(&live, address, size)?;
        // SAFETY: all segments are readable.
        Ok(unsafe { mapping.read(offset, size) })
    }
}
