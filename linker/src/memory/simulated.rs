//! Addresses without memory behind them: for links for other machines, and links that are looked at only.

use super::{Chunk, MemoryManager, Request, Reservation, Segment, check_requests, segment_of};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Segments begin at multiples of this.
const PAGE: u64 = 4096;

/// The manager.
#[derive(Debug)]
pub struct Simulated {
    state: Mutex<State>,
    limit: u64,
}

#[derive(Debug)]
struct State {
    next: u64,
    live: BTreeMap<u64, (Segment, Vec<u8>)>,
}

impl Simulated {
    /// Gives addresses from `base` on, `limit` bytes at most.
    pub fn new(base: u64, limit: u64) -> Simulated {
        let state = State {
            next: base,
            live: BTreeMap::new(),
        };
        Simulated {
            state: Mutex::new(state),
            limit: base.saturating_add(limit),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn at(&mut self, address: u64, size: usize) -> Result<&mut [u8]> {
        let found = self.live.range_mut(..=address).next_back();
        found
            .and_then(|(_, (s, bytes))| {
                let from = usize::try_from(address - s.address).ok()?;
                bytes.get_mut(from..from.checked_add(size)?)
            })
            .ok_or_else(|| Error::memory(format!("nothing is at {address:#x}")))
    }
}

impl MemoryManager for Simulated {
    fn reserve(&self, requests: &[Request]) -> Result<Reservation> {
        check_requests(requests)?;
        let mut state = self.state();
        let mut segments = Vec::new();
        for r in requests {
            let address = state.next.next_multiple_of(r.align.max(PAGE));
            let end = address.saturating_add(r.size.max(1));
            if end > self.limit {
                return Err(Error::memory(format!("{} bytes are too much", r.size)));
            }
            state.next = end;
            let segment = Segment {
                address,
                size: r.size,
                prot: r.prot,
            };
            let bytes = vec![0; r.size as usize];
            state.live.insert(address, (segment, bytes));
            segments.push(segment);
        }
        Ok(Reservation {
            id: segments.first().map_or(0, |s| s.address),
            segments,
        })
    }

    fn finalize(&self, reservation: &Reservation, chunks: &[Chunk<'_>]) -> Result<()> {
        let mut state = self.state();
        for chunk in chunks {
            segment_of(reservation, chunk.address, chunk.bytes.len())?;
            let to = state.at(chunk.address, chunk.bytes.len())?;
            to.copy_from_slice(chunk.bytes);
        }
        Ok(())
    }

    fn release(&self, reservation: &Reservation) -> Result<()> {
        let mut state = self.state();
        for s in &reservation.segments {
            state.live.remove(&s.address);
        }
        Ok(())
    }

    fn patch(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.state()
            .at(address, bytes.len())?
            .copy_from_slice(bytes);
        Ok(())
    }

    fn read(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        Ok(self.state().at(address, size)?.to_vec())
    }
}
