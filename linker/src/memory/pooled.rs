//! One region for many graphs: everything in it is near to everything else, and small graphs share pages.
//!
//! ```text
//!   view    | code r-x | constants r-- | data rw- |      as programs see it
//!   writer  | code rw- | constants rw- |                 the same pages, elsewhere
//! ```

use super::blocks::Blocks;
use super::pages::{self, Mapping, Shared};
use super::{Chunk, MemoryManager, Request, Reservation, Segment, check_requests, segment_of};
use crate::error::{Error, Result};
use crate::graph::Prot;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Alignment of everything.
const GRAIN: usize = 16;
/// The parts in order.
const PARTS: [Prot; 3] = [Prot::RX, Prot::R, Prot::RW];

/// The manager.
#[derive(Debug)]
pub struct Pooled {
    view: Mapping,
    writer: Mapping,
    /// Bytes of each part.
    part: usize,
    free: Mutex<[Blocks; 3]>,
}

impl Pooled {
    /// A region with so many bytes of address space for code, constants, and data each; memory is taken as it is used.
    pub fn new(part: usize) -> Result<Pooled> {
        let part = part.next_multiple_of(pages::MAX_PAGE);
        if part > 1 << 29 {
            return Err(Error::memory("such a region would not be near everywhere"));
        }
        let view = Mapping::reserve(3 * part)?;
        let writer = Mapping::reserve(2 * part)?;
        let shared = Shared::new(2 * part)?;
        for (n, prot) in PARTS.into_iter().enumerate() {
            if prot.write() {
                view.commit(n * part, part, prot)?;
            } else {
                view.view(n * part, &shared, n * part, part, prot)?;
                writer.view(n * part, &shared, n * part, part, Prot::RW)?;
            }
        }
        Ok(Pooled {
            view,
            writer,
            part,
            free: Mutex::new(std::array::from_fn(|_| Blocks::new(part, GRAIN))),
        })
    }

    fn free(&self) -> MutexGuard<'_, [Blocks; 3]> {
        // No operation leaves the lists half changed by panicking.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes in use, of code, constants, and data.
    pub fn used(&self) -> [usize; 3] {
        let free = self.free();
        std::array::from_fn(|n| free[n].used())
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<()> {
        let offset = (address as usize).wrapping_sub(self.view.base());
        if offset >= 3 * self.part || bytes.len() > self.part - offset % self.part {
            return Err(Error::memory(format!("{address:#x} is not of this region")));
        }
        let part = offset / self.part;
        let to = if PARTS[part].write() {
            &self.view
        } else {
            &self.writer
        };
        // SAFETY: writable pages within the region; who else uses them is the caller's business.
        unsafe { to.write(offset, bytes) };
        if PARTS[part].execute() {
            pages::flush_code(address as usize, bytes.len());
        }
        Ok(())
    }

    fn zero(&self, s: &Segment) -> Result<()> {
        self.write(s.address, &vec![0; s.size as usize])
    }
}

impl MemoryManager for Pooled {
    fn reserve(&self, requests: &[Request]) -> Result<Reservation> {
        check_requests(requests)?;
        let mut segments: Vec<Segment> = Vec::with_capacity(requests.len());
        let mut free = self.free();
        for r in requests {
            let part = PARTS.iter().position(|&p| p == r.prot).unwrap_or(0);
            let taken = free[part].take(r.size as usize, r.align as usize);
            let Some(at) = taken else {
                for s in &segments {
                    give(&mut free, self.view.base(), self.part, s);
                }
                return Err(Error::memory(format!(
                    "the region has no {} bytes of {} left",
                    r.size, r.prot
                )));
            };
            segments.push(Segment {
                address: (self.view.base() + part * self.part + at) as u64,
                size: r.size,
                prot: r.prot,
            });
        }
        Ok(Reservation {
            id: segments.first().map_or(0, |s| s.address),
            segments,
        })
    }

    fn finalize(&self, reservation: &Reservation, chunks: &[Chunk<'_>]) -> Result<()> {
        for chunk in chunks {
            segment_of(reservation, chunk.address, chunk.bytes.len())?;
            self.write(chunk.address, chunk.bytes)?;
        }
        Ok(())
    }

    fn release(&self, reservation: &Reservation) -> Result<()> {
        for s in &reservation.segments {
            self.zero(s)?;
        }
        let mut free = self.free();
        for s in &reservation.segments {
            give(&mut free, self.view.base(), self.part, s);
        }
        Ok(())
    }

    fn patch(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.write(address, bytes)
    }

    fn read(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        let offset = (address as usize).wrapping_sub(self.view.base());
        if offset >= 3 * self.part || size > self.part - offset % self.part {
            return Err(Error::memory(format!("{address:#x} is not of this region")));
        }
        // SAFETY: the region is readable.
        Ok(unsafe { self.view.read(offset, size) })
    }
}

fn give(free: &mut [Blocks; 3], base: usize, part: usize, s: &Segment) {
    let offset = s.address as usize - base;
    free[offset / part].give(offset % part, s.size as usize);
}
