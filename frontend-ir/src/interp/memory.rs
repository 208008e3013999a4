//! Simulated memory: bytes at addresses, as compiled code sees them, but checked.
//!
//! ```text
//!   0x0000_0000_0000   nothing below NULL_GUARD: accesses are null faults
//!   0x0000_0001_0000   image: vtables, statics, literals
//!   0x0001_0000_0000   heap
//!   0x0010_0000_0000   stack of thread 0; each thread has 4 GiB of addresses
//! ```

use super::value::Value;
use crate::module::Module;
use isthmus_runtime_abi::layout::NULL_GUARD;
use isthmus_runtime_abi::types::MemTy;

/// First address of the image.
pub const IMAGE: u64 = 0x1_0000;
/// First address of the heap.
pub const HEAP: u64 = 1 << 32;
/// First address of thread 0's stack.
pub const STACKS: u64 = 16 << 32;
/// Bytes of one thread's stack.
pub const STACK_BYTES: u64 = 4 << 20;

/// An access that memory refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Through null: a NullReferenceException.
    Null,
    /// Anywhere else outside of memory: an error of the program or of an engine.
    Wild(u64),
}

/// All memory of a program.
#[derive(Debug, Default)]
pub struct Memory {
    image: Vec<u8>,
    heap: Vec<u8>,
    stacks: Vec<Vec<u8>>,
}

impl Memory {
    fn find(&self, addr: u64) -> Option<(&Vec<u8>, u64)> {
        match addr >> 32 {
            0 => Some((&self.image, addr.checked_sub(IMAGE)?)),
            1..16 => Some((&self.heap, addr - HEAP)),
            n => Some((self.stacks.get((n - 16) as usize)?, addr & 0xffff_ffff)),
        }
    }

    /// Bytes at an address.
    pub fn bytes(&self, addr: u64, len: usize) -> Result<&[u8], Fault> {
        if addr < NULL_GUARD as u64 {
            return Err(Fault::Null);
        }
        let found = self.find(addr);
        found
            .and_then(|(area, at)| area.get(at as usize..(at as usize).checked_add(len)?))
            .ok_or(Fault::Wild(addr))
    }

    /// Bytes at an address, for writing.
    pub fn bytes_mut(&mut self, addr: u64, len: usize) -> Result<&mut [u8], Fault> {
        if addr < NULL_GUARD as u64 {
            return Err(Fault::Null);
        }
        let (area, at) = match addr >> 32 {
            0 => (Some(&mut self.image), addr.wrapping_sub(IMAGE)),
            1..16 => (Some(&mut self.heap), addr - HEAP),
            n => (self.stacks.get_mut((n - 16) as usize), addr & 0xffff_ffff),
        };
        area.and_then(|a| a.get_mut(at as usize..(at as usize).checked_add(len)?))
            .ok_or(Fault::Wild(addr))
    }

    fn array<const N: usize>(&self, addr: u64) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(addr, N)?);
        Ok(out)
    }

    /// A 32-bit word.
    pub fn u32(&self, addr: u64) -> Result<u32, Fault> {
        self.array(addr).map(u32::from_le_bytes)
    }

    /// A 64-bit word.
    pub fn u64(&self, addr: u64) -> Result<u64, Fault> {
        self.array(addr).map(u64::from_le_bytes)
    }

    /// Writes bytes.
    pub fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.bytes_mut(addr, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Copies bytes that may overlap.
    pub fn copy(&mut self, to: u64, from: u64, len: usize) -> Result<(), Fault> {
        if len == 0 {
            return Ok(());
        }
        let bytes = self.bytes(from, len)?.to_vec();
        self.write(to, &bytes)
    }

    /// Fills bytes.
    pub fn fill(&mut self, addr: u64, len: usize, byte: u8) -> Result<(), Fault> {
        if len > 0 {
            self.bytes_mut(addr, len)?.fill(byte);
        }
        Ok(())
    }

    /// The value at an address.
    pub fn load(&self, module: &Module, addr: u64, ty: MemTy) -> Result<Value, Fault> {
        Ok(match ty {
            MemTy::I8 => Value::I32(self.array::<1>(addr)?[0] as i8 as i32),
            MemTy::U8 => Value::I32(self.array::<1>(addr)?[0] as i32),
            MemTy::I16 => Value::I32(i16::from_le_bytes(self.array(addr)?) as i32),
            MemTy::U16 => Value::I32(u16::from_le_bytes(self.array(addr)?) as i32),
            MemTy::I32 => Value::I32(self.u32(addr)? as i32),
            MemTy::I64 => Value::I64(self.u64(addr)? as i64),
            MemTy::Native => Value::Native(self.u64(addr)? as i64),
            MemTy::F32 => Value::F32(f32::from_bits(self.u32(addr)?)),
            MemTy::F64 => Value::F64(f64::from_bits(self.u64(addr)?)),
            MemTy::Ref => Value::Ref(self.u64(addr)?),
            MemTy::ByRef => Value::ByRef(self.u64(addr)?),
            MemTy::Struct(t) => {
                let size = module.ty(t).layout.size as usize;
                Value::Struct(t, self.bytes(addr, size)?.into())
            }
        })
    }

    /// Stores a value, which has the location's stack type, narrowed to the location.
    pub fn store(&mut self, addr: u64, ty: MemTy, value: &Value) -> Result<(), Fault> {
        match value {
            Value::Struct(_, bytes) => self.write(addr, bytes),
            Value::F32(x) => self.write(addr, &x.to_le_bytes()),
            Value::F64(x) => self.write(addr, &x.to_le_bytes()),
            other => {
                let bits = other.as_int().unwrap_or(0).to_le_bytes();
                let size = ty.scalar_size(8).unwrap_or(8) as usize;
                self.write(addr, &bits[..size])
            }
        }
    }

    /// Makes room in the image: zeroed, aligned to 16.
    pub fn image_alloc(&mut self, size: usize) -> u64 {
        let at = self.image.len().next_multiple_of(16);
        self.image.resize(at + size, 0);
        IMAGE + at as u64
    }

    /// Makes room in the heap, zeroed; `None` beyond the limit.
    pub fn heap_alloc(&mut self, size: u64, limit: u64) -> Option<u64> {
        let at = self.heap.len() as u64;
        let end = at.checked_add(size.next_multiple_of(8))?;
        if end > limit {
            return None;
        }
        self.heap.resize(end as usize, 0);
        Some(HEAP + at)
    }

    /// A stack for another thread: its lowest address.
    pub fn new_stack(&mut self) -> u64 {
        self.stacks.push(vec![0; STACK_BYTES as usize]);
        STACKS + ((self.stacks.len() as u64 - 1) << 32)
    }
}
