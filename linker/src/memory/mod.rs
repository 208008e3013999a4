//! Memory for linked code and data, in this process or another.
//!
//! | module | memory | patching code that runs |
//! | --- | --- | --- |
//! | [`in_process`] | pages of its own for each graph, writable until they are finalized | no |
//! | [`dual`] | pages of its own for each graph, mapped twice: as it runs, and writable elsewhere | yes |
//! | [`pooled`] | pieces of one region, mapped twice: what is linked there is near to each other, and small graphs share pages | yes |
//! | [`simulated`] | addresses without memory behind them, for links that are looked at only | yes |
//! | [`remote`](crate::executor::remote) | another process's | yes |
//! | [`near`] | [`CodeMemory`](near::CodeMemory), which the runtime places compiled methods in | yes |
//!
//! What they are made of: [`pages`] of this process, and [`blocks`], the free space of a range.
//!
//! A link reserves a segment for each protection, computes all bytes for the addresses that it got, and finalizes: bytes are copied, protections
//! set. No manager has memory that is writable and executable at the same address, at any time.

pub mod blocks;
pub mod dual;
pub mod in_process;
pub mod near;
pub mod pages;
pub mod pooled;
pub mod simulated;

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::graph::Prot;

/// A segment that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Protection once finalized.
    pub prot: Prot,
    /// Size in bytes.
    pub size: u64,
    /// Alignment, a power of two.
    pub align: u64,
}

/// Segments that were reserved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// What the manager calls it.
    pub id: u64,
    /// The segments in the order in which they were asked for.
    pub segments: Vec<Segment>,
}

/// A reserved segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Address in the executor.
    pub address: u64,
    /// Size in bytes.
    pub size: u64,
    /// Protection once finalized.
    pub prot: Prot,
}

/// Bytes to be placed. What no chunk covers is zero.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Address, within a segment.
    pub address: u64,
    /// Bytes.
    pub bytes: &'a [u8],
}

/// Gives memory to graphs.
pub trait MemoryManager: Send + Sync + std::fmt::Debug {
    /// Reserves segments, near enough to each other for near displacements.
    fn reserve(&self, requests: &[Request]) -> Result<Reservation>;
    /// Fills segments and protects them. Once for each reservation.
    fn finalize(&self, reservation: &Reservation, chunks: &[Chunk<'_>]) -> Result<()>;
    /// Gives back a reservation, finalized or not.
    fn release(&self, reservation: &Reservation) -> Result<()>;
    /// Changes bytes of finalized memory, whatever its protection.
    fn patch(&self, address: u64, bytes: &[u8]) -> Result<()>;
    /// Reads finalized memory.
    fn read(&self, address: u64, size: usize) -> Result<Vec<u8>>;
}

/// Refuses what no manager gives: memory that is writable and executable.
pub(crate) fn check_requests(requests: &[Request]) -> Result<()> {
    for r in requests {
        if r.prot.write() && r.prot.execute() {
            return Err(Error::memory("writable and executable memory is refused"));
        }
        if !r.align.is_power_of_two() || r.size > i64::MAX as u64 {
            return Err(Error::memory(format!(
                "{} bytes at multiples of {} cannot be had",
                r.size, r.align
            )));
        }
    }
    Ok(())
}

/// The segment of a reservation that holds a range.
pub(crate) fn segment_of(
    reservation: &Reservation,
    address: u64,
    size: usize,
) -> Result<(usize, Segment)> {
    let holds = |s: &Segment| {
        let offset = address.wrapping_sub(s.address);
        offset <= s.size && size as u64 <= s.size - offset
    };
    let found = reservation.segments.iter().position(holds);
    found
        .map(|n| (n, reservation.segments[n]))
        .ok_or_else(|| Error::memory(format!("{size} bytes at {address:#x} are not reserved")))
}
