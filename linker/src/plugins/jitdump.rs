//! Tells `perf` about linked code: a dump file, which `perf inject --jit` makes into objects that `perf report` and `perf annotate` read.
//!
//! ```text
//!  header: magic, version, size, machine, 0, process, time, flags
//!  record: 0 (code load), size, time │ process, thread, address, address, size, number │ name, 0 │ code
//! ```
//! `perf record` notices the file because a page of it is mapped for execution, and orders the records by the monotonic clock (`perf record -k mono`).
//! See `tools/perf/Documentation/jitdump-specification.txt` in Linux.

use super::{Plugin, ResourceKey, elf_image};
use crate::error::{Error, Result};
use crate::executor::Executor;
use crate::graph::LinkGraph;
use isthmus_runtime_abi::target::Arch;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::ptr;

const MAGIC: u32 = 0x4a69_5444;
const VERSION: u32 = 1;
const HEADER: u32 = 40;
const CODE_LOAD: u32 = 0;

/// The plug-in.
#[derive(Debug)]
pub struct JitDump {
    file: File,
    path: PathBuf,
    marker: Marker,
    number: u64,
}

/// The mapped page.
#[derive(Debug)]
struct Marker(*mut libc::c_void, usize);

// SAFETY: an address that is only unmapped.
unsafe impl Send for Marker {}

impl Drop for Marker {
    fn drop(&mut self) {
        // SAFETY: mapped by `JitDump::create`, and nobody uses it.
        unsafe { libc::munmap(self.0, self.1) };
    }
}

/// Nanoseconds of the monotonic clock.
fn now() -> u64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn halves(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

impl JitDump {
    /// Starts the file `jit-PID.dump` in a folder.
    pub fn create(folder: &Path) -> Result<JitDump> {
        let path = folder.join(format!("jit-{}.dump", std::process::id()));
        let fail = |error| Error::Io {
            what: path.display().to_string(),
            error,
        };
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        let mut file = options.open(&path).map_err(fail)?;
        let machine = match Arch::host() {
            Some(Arch::A64) => object::elf::EM_AARCH64,
            Some(Arch::A32) => object::elf::EM_ARM,
            _ => object::elf::EM_X86_64,
        };
        let pid = std::process::id();
        let mut header = halves(&[MAGIC, VERSION, HEADER, u32::from(machine), 0, pid]);
        header.extend(words(&[now(), 0]));
        file.write_all(&header).map_err(fail)?;
        let size = crate::memory::pages::page_size();
        let (prot, how) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE);
        // SAFETY: a fresh mapping of our own file.
        let page = unsafe { libc::mmap(ptr::null_mut(), size, prot, how, file.as_raw_fd(), 0) };
        if page == libc::MAP_FAILED {
            return Err(fail(std::io::Error::last_os_error()));
        }
        Ok(JitDump {
            file,
            marker: Marker(page, size),
            number: 0,
            path,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn load(&mut self, name: &str, address: u64, code: &[u8]) -> std::io::Result<()> {
        debug_assert!(!self.marker.0.is_null());
        // SAFETY: asks for a number.
        let thread = unsafe { libc::gettid() } as u32;
        let size = 16 + 40 + name.len() + 1 + code.len();
        let mut record = halves(&[CODE_LOAD, size as u32]);
        record.extend(words(&[now()]));
        record.extend(halves(&[std::process::id(), thread]));
        record.extend(words(&[address, address, code.len() as u64, self.number]));
        record.extend_from_slice(name.as_bytes());
        record.push(0);
        record.extend_from_slice(code);
        self.number += 1;
        self.file.write_all(&record)
    }
}

impl Plugin for JitDump {
    fn name(&self) -> &'static str {
        "jitdump"
    }

    fn emitted(&mut self, _: ResourceKey, graph: &LinkGraph, _: &dyn Executor) -> Result<()> {
        for f in elf_image::functions(graph) {
            let from = (f.address - graph.block(f.block).address) as usize;
            let code = graph.bytes(f.block).get(from..from + f.size as usize);
            let written = self.load(&f.name, f.address, code.unwrap_or_default());
            written.map_err(|error| Error::Io {
                what: self.path.display().to_string(),
                error,
            })?;
        }
        Ok(())
    }
}
