//! Pages for each graph, mapped twice: at their addresses with the protection that they shall have, and writable at another that only the
//! manager knows. So code can be changed while it runs, and no page ever changes its protection.

use super::in_process::reserve_pages;
use super::pages::{self, Mapping, Shared};
use super::{Chunk, MemoryManager, Request, Reservation, segment_of};
use crate::error::{Error, Result};
use crate::graph::Prot;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The manager.
#[derive(Debug, Default)]
pub struct Dual {
    /// By address.
    live: Mutex<BTreeMap<u64, Live>>,
}

#[derive(Debug)]
struct Live {
    view: Mapping,
    /// As large as the view.
    writer: Mapping,
    reservation: Reservation,
}

impl Live {
    fn write(&self, address: u64, bytes: &[u8]) -> Result<()> {
        let (_, segment) = segment_of(&self.reservation, address, bytes.len())?;
        let offset = address as usize - self.view.base();
        // SAFETY: the writer's pages of segments are writable; who else uses them is the caller's business.
        unsafe { self.writer.write(offset, bytes) };
        if segment.prot.execute() {
            pages::flush_code(address as usize, bytes.len());
        }
        Ok(())
    }
}

impl Dual {
    /// A manager without memory yet.
    pub fn new() -> Dual {
        Dual::default()
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<u64, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn around(live: &BTreeMap<u64, Live>, address: u64) -> Result<&Live> {
    let found = live.range(..=address).next_back();
    found
        .map(|(_, live)| live)
        .ok_or_else(|| Error::memory(format!("nothing is at {address:#x}")))
}

impl MemoryManager for Dual {
    fn reserve(&self, requests: &[Request]) -> Result<Reservation> {
        let (view, segments) = reserve_pages(requests)?;
        let size = view.range().len();
        let shared = Shared::new(size)?;
        let writer = Mapping::reserve(size)?;
        for s in &segments {
            let offset = s.address as usize - view.base();
            let size = (s.size as usize).next_multiple_of(pages::page_size());
            view.view(offset, &shared, offset, size, s.prot)?;
            writer.view(offset, &shared, offset, size, Prot::RW)?;
        }
        let id = view.base() as u64;
        let reservation = Reservation { id, segments };
        let live = Live {
            view,
            writer,
            reservation: reservation.clone(),
        };
        self.live().insert(id, live);
        Ok(reservation)
    }

    fn finalize(&self, reservation: &Reservation, chunks: &[Chunk<'_>]) -> Result<()> {
        let live = self.live();
        let live = live
            .get(&reservation.id)
            .ok_or_else(|| Error::memory("no such reservation"))?;
        chunks
            .iter()
            .try_for_each(|c| live.write(c.address, c.bytes))
    }

    fn release(&self, reservation: &Reservation) -> Result<()> {
        let gone = self.live().remove(&reservation.id);
        gone.map(drop)
            .ok_or_else(|| Error::memory("no such reservation"))
    }

    fn patch(&self, address: u64, bytes: &[u8]) -> Result<()> {
        around(&self.live(), address)?.write(address, bytes)
    }

    fn read(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        let live = self.live();
        let live = around(&live, address)?;
        segment_of(&live.reservation, address, size)?;
        // SAFETY: all segments are readable.
        Ok(unsafe { live.view.read(address as usize - live.view.base(), size) })
    }
}
