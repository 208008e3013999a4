//! Tells GDB about linked code, by its JIT interface: an ELF object in the executor's memory for each graph.
//!
//! The object of a graph from an ELF file is that file with the addresses of its sections filled in, so that its debug information can be used;
//! other graphs get one that names their functions.

use super::{Plugin, ResourceKey, elf_image};
use crate::error::Result;
use crate::executor::{Executor, Runtime};
use crate::graph::{LinkGraph, Prot};
use crate::memory::{Chunk, Request, Reservation};
use object::read::{File, Object, ObjectSection};
use object::{Endianness, SectionFlags, elf};
use std::collections::BTreeMap;
use std::mem::offset_of;

type Header32 = elf::SectionHeader32<Endianness>;
type Header64 = elf::SectionHeader64<Endianness>;

/// The plug-in.
#[derive(Debug, Default)]
pub struct Gdb {
    live: BTreeMap<ResourceKey, Vec<Registered>>,
}

#[derive(Debug)]
struct Registered {
    reservation: Reservation,
    handle: u64,
}

impl Gdb {
    /// The plug-in.
    pub fn new() -> Gdb {
        Gdb::default()
    }
}

impl Plugin for Gdb {
    fn name(&self) -> &'static str {
        "gdb"
    }

    fn emitted(
        &mut self,
        key: ResourceKey,
        graph: &LinkGraph,
        executor: &dyn Executor,
    ) -> Result<()> {
        let image = graph
            .origin
            .as_ref()
            .and_then(|bytes| with_addresses(bytes, graph))
            .or_else(|| elf_image::image(graph));
        let Some(image) = image else { return Ok(()) };
        let size = image.len() as u64;
        let request = Request {
            prot: Prot::R,
            size,
            align: 16,
        };
        let memory = executor.memory();
        let reservation = memory.reserve(&[request])?;
        let address = reservation.segments[0].address;
        let chunk = Chunk {
            address,
            bytes: &image,
        };
        memory.finalize(&reservation, &[chunk])?;
        let handle = executor.runtime(Runtime::DebugRegister, &[address, size])?;
        self.live.entry(key).or_default().push(Registered {
            reservation,
            handle,
        });
        Ok(())
    }

    fn removing(&mut self, key: ResourceKey, executor: &dyn Executor) -> Result<()> {
        for r in self.live.remove(&key).unwrap_or_default() {
            executor.runtime(Runtime::DebugUnregister, &[r.handle])?;
            executor.memory().release(&r.reservation)?;
        }
        Ok(())
    }

    fn transferring(&mut self, from: ResourceKey, to: ResourceKey) {
        let moved = self.live.remove(&from).unwrap_or_default();
        self.live.entry(to).or_default().extend(moved);
    }
}

/// An object file with the addresses of its sections. `None` if it is none, or has no debug information.
fn with_addresses(bytes: &[u8], graph: &LinkGraph) -> Option<Vec<u8>> {
    let file = File::parse(bytes).ok()?;
    file.section_by_name(".debug_info")?;
    // Where section headers are, how large one is, and where it says the address.
    let (table, size, address) = match &file {
        File::Elf64(file) => {
            let address = offset_of!(Header64, sh_addr)..offset_of!(Header64, sh_offset);
            let table = file.elf_header().e_shoff.get(file.endian());
            (table, size_of::<Header64>(), address)
        }
        File::Elf32(file) => {
            let address = offset_of!(Header32, sh_addr)..offset_of!(Header32, sh_offset);
            let table = file.elf_header().e_shoff.get(file.endian());
            (table.into(), size_of::<Header32>(), address)
        }
        _ => return None,
    };
    let mut image = bytes.to_vec();
    // The graph's sections were made in the file's order, one for each that has the same name and takes memory.
    let mut sections = graph.sections();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        if sh_flags & u64::from(elf::SHF_ALLOC) == 0 {
            continue;
        }
        let name = section.name().ok()?;
        let mut rest = sections.clone();
        let Some(found) = rest.find(|&s| graph.text(graph.section(s).name) == name) else {
            continue;
        };
        sections = rest;
        let Some(range) = graph.section_range(found) else {
            continue;
        };
        let header = usize::try_from(table).ok()? + section.index().0 * size;
        let place = image.get_mut(header + address.start..header + address.end)?;
        place.copy_from_slice(&range.start.to_le_bytes()[..address.len()]);
    }
    Some(image)
}
