//! No process: for links that are only looked at, of whatever machine.

use super::{Executor, Runtime};
use crate::error::{Error, Result};
use crate::memory::MemoryManager;
use crate::memory::simulated::Simulated;
use isthmus_runtime_abi::target::Arch;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where simulated memory begins.
const BASE: u64 = 0x1000_0000;
/// Where functions of the simulated runtime would be: far from the memory.
const RUNTIME: u64 = 0x7000_0000;
/// Distance from the thread pointer of the first thread-local variables: behind the thread control block, as AArch64 and ARM have them.
const THREAD_OFFSET: u64 = 16;

/// Links, but runs nothing.
#[derive(Debug)]
pub struct Nowhere {
    memory: Simulated,
    arch: Arch,
    /// Bytes of thread-local variables, and how many homes.
    tls: AtomicU64,
    homes: AtomicU64,
}

impl Nowhere {
    /// For code of a machine; `limit` bytes at most.
    pub fn new(arch: Arch, limit: u64) -> Nowhere {
        Nowhere {
            memory: Simulated::new(BASE, limit),
            arch,
            tls: AtomicU64::new(0),
            homes: AtomicU64::new(0),
        }
    }
}

impl Executor for Nowhere {
    fn arch(&self) -> Option<Arch> {
        Some(self.arch)
    }

    fn memory(&self) -> &dyn MemoryManager {
        &self.memory
    }

    fn lookup(&self, names: &[&str]) -> Result<Vec<Option<u64>>> {
        let place = |name: &&str| {
            let at = Runtime::all().position(|r| r.name() == *name)?;
            Some(RUNTIME + 16 * at as u64)
        };
        Ok(names.iter().map(place).collect())
    }

    fn call(&self, _: u64, _: &[u64]) -> Result<u64> {
        Err(Error::executor("nothing can be called here"))
    }

    fn run_main(&self, _: u64, _: &[String]) -> Result<i32> {
        Err(Error::executor("nothing can be run here"))
    }

    fn load_library(&self, _: &str) -> Result<()> {
        Err(Error::executor("no library can be loaded here"))
    }

    /// Thread-local homes are numbered and lie one behind the other; nothing else does anything.
    fn runtime(&self, function: Runtime, arguments: &[u64]) -> Result<u64> {
        match (function, arguments) {
            (Runtime::TlsReserve, &[size, align, _]) => {
                let end = self.tls.load(Ordering::Relaxed);
                let at = (THREAD_OFFSET + end).next_multiple_of(align) - THREAD_OFFSET;
                let next = at.saturating_add(size);
                self.tls.store(next, Ordering::Relaxed);
                // The key tells the distance: (number, offset).
                let home = self.homes.fetch_add(1, Ordering::Relaxed) + 1;
                Ok(home << 32 | at & 0xffff_ffff)
            }
            (Runtime::TlsDistance, &[key]) => Ok((key & 0xffff_ffff) + THREAD_OFFSET),
            _ => Ok(0),
        }
    }
}
