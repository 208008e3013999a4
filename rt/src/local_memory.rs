//! Memory of `localloc` beside the stack: what `Helper::LocalAlloc` gives.
//!
//! Each thread has blocks in order of the frames that they belong to, outer first, in chunks that are used like a stack. Nothing is
//! done when a frame is left, by whatever way. Instead each frame that allocates has a *mark*, a word that is zero when the invocation begins.
//! Stacks grow downwards, so the marks' addresses tell which blocks belong to frames that are gone when another block is asked for:
//! all whose marks lie within the asking frame or further in, but its own.
//!
//! ```text
//!   stack                          blocks
//!    | f      mark 1 |              | f's    |
//!    | g      mark 1 |              | g's    |   ◀─ g asks again: all others from g's frame on are dead
//!    |   (h, gone)   |              | h's    |
//!    | i      mark 0 |                           ◀─ i asks first: a block at i's own mark is one of an earlier invocation, too
//! ```
//!
//! Blocks may hold references; the collector scans them like the stack, as far as their frames can be live.

use crate::memory::Mapping;
use crate::thread::Thread;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes that a thread's blocks may have together.
pub const LIMIT: usize = 64 << 20;
/// Bytes of a chunk, unless a block needs more.
const CHUNK: usize = 256 << 10;
/// What blocks are aligned to.
const ALIGN: usize = 16;

/// Orders frames from inner to outer (see [`Thread::outwardness`]).
type Place = (bool, usize);

/// Who asks for a block.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Its frame pointer.
    fp: Place,
    /// Its mark.
    mark: Place,
    /// Whether the invocation asks for the first time.
    first: bool,
}

/// A block.
#[derive(Debug)]
struct Block {
    /// The mark of the frame it belongs to.
    owner: Place,
    addr: usize,
    bytes: usize,
    /// The chunk it is in.
    chunk: usize,
}

/// Memory that blocks are taken from.
#[derive(Debug)]
struct Chunk {
    memory: Mapping,
    used: usize,
}

/// A thread's blocks.
#[derive(Debug, Default)]
pub(crate) struct LocalMemory {
    /// Outer frames' first.
    blocks: Vec<Block>,
    /// Those before the last block's are full or too small for what came after; those behind it are empty.
    chunks: Vec<Chunk>,
    /// Bytes of all blocks.
    used: usize,
}

impl LocalMemory {
    /// A zeroed block; `None` beyond the limit.
    fn alloc(&mut self, bytes: usize, frame: Frame) -> Option<usize> {
        self.retire(frame);
        let bytes = bytes.max(1).checked_next_multiple_of(ALIGN)?;
        if bytes > LIMIT - self.used {
            return None;
        }
        let index = self.chunk_for(bytes)?;
        let chunk = &mut self.chunks[index];
        let addr = chunk.memory.addr() + chunk.used;
        chunk.used += bytes;
        self.used += bytes;
        // SAFETY: a part of our own mapping that belongs to nobody else.
        unsafe { std::ptr::write_bytes(addr as *mut u8, 0, bytes) };
        self.blocks.push(Block {
            owner: frame.mark,
            addr,
            bytes,
            chunk: index,
        });
        Some(addr)
    }

    /// Frees the blocks of frames that are gone.
    fn retire(&mut self, frame: Frame) {
        while let Some(block) = self.blocks.last()
            && block.owner <= frame.fp
            && (frame.first || block.owner != frame.mark)
        {
            self.chunks[block.chunk].used -= block.bytes;
            self.used -= block.bytes;
            self.blocks.pop();
        }
    }

    /// The chunk that the next block comes from.
    fn chunk_for(&mut self, bytes: usize) -> Option<usize> {
        let room = |c: &Chunk| c.memory.len() - c.used >= bytes;
        let last = self.blocks.last().map_or(0, |b| b.chunk);
        let fits = |&i: &usize| self.chunks.get(i).is_some_and(room);
        // One empty chunk is kept, so that calls in a loop do not map and unmap.
        if let Some(index) = [last, last + 1].into_iter().find(fits) {
            return Some(index);
        }
        self.chunks
            .truncate(last + usize::from(!self.blocks.is_empty()));
        let memory = Mapping::new(bytes.max(CHUNK)).ok()?;
        self.chunks.push(Chunk { memory, used: 0 });
        Some(self.chunks.len() - 1)
    }

    /// The blocks of frames that may be live when the stack pointer is at `sp`.
    pub(crate) fn ranges(&self, sp: Place, f: &mut dyn FnMut(Range<usize>)) {
        for block in self.blocks.iter().take_while(|b| b.owner >= sp) {
            f(block.addr..block.addr + block.bytes);
        }
    }
}

impl Thread {
    /// A zeroed block that lives as long as the frame that `mark` is a word of; `None` if there is no memory for it.
    ///
    /// # Safety
    /// Called by a helper, in a transition. `mark` is the address of a word of the innermost frame of managed code, zero when its invocation began, and used for
    /// nothing else.
    pub unsafe fn local_alloc(&self, bytes: usize, mark: *mut usize) -> Option<usize> {
        // SAFETY: own thread; the borrow ends with this function, which runs no managed code.
        let memory = unsafe { &mut *self.local_memory.get() };
        // SAFETY: the stub's frame is live and links to the caller's.
        let fp = unsafe { *(self.ctx.transition_fp.load(Relaxed) as *const usize) };
        // SAFETY: by contract.
        let first = unsafe { mark.replace(1) } == 0;
        let frame = Frame {
            fp: self.outwardness(fp),
            mark: self.outwardness(mark as usize),
            first,
        };
        memory.alloc(bytes, frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(addr: usize) -> Place {
        (true, addr)
    }

    /// A frame of 256 bytes whose mark lies 64 bytes below its frame pointer.
    fn first(fp: usize) -> Frame {
        Frame {
            fp: at(fp),
            mark: at(fp - 64),
            first: true,
        }
    }

    fn again(fp: usize) -> Frame {
        Frame {
            first: false,
            ..first(fp)
        }
    }

    #[test]
    fn blocks_die_with_their_frames() {
        let mut m = LocalMemory::default();
        let outer = m.alloc(100, first(0x9000)).unwrap();
        let inner = m.alloc(100, first(0x8000)).unwrap();
        let deeper = m.alloc(100, first(0x7000)).unwrap();
        assert!(outer < inner && inner < deeper);
        // The inner frame again: what lies deeper is gone, its own first block stays.
        assert_eq!(m.alloc(8, again(0x8000)), Some(deeper));
        assert_eq!(m.blocks.len(), 3);
        // Another invocation at the same place.
        assert_eq!(m.alloc(8, first(0x8000)), Some(inner));
        assert_eq!(m.blocks.len(), 2);
        // One of another method, whose mark lies further in.
        let other = Frame {
            mark: at(0x8000 - 128),
            ..first(0x8000)
        };
        assert_eq!(m.alloc(8, other), Some(inner));
        assert_eq!(m.blocks.len(), 2);
        // The outer frame, later: all others are gone.
        assert_eq!(m.alloc(8, again(0x9000)), Some(inner));
        assert_eq!(m.used, 112 + 16);
    }

    #[test]
    fn the_second_stack_lies_inside_of_the_first() {
        let second = |fp| Frame {
            fp: (false, fp),
            mark: (false, fp - 64),
            first: true,
        };
        let mut m = LocalMemory::default();
        m.alloc(16, first(0x1000)).unwrap();
        m.alloc(16, second(0x9000)).unwrap();
        assert_eq!(m.blocks.len(), 2);
        m.alloc(16, first(0x0800)).unwrap();
        assert_eq!(m.blocks.len(), 2);
    }

    #[test]
    fn memory_is_zeroed_and_bounded() {
        let mut m = LocalMemory::default();
        let big = m.alloc(1 << 20, first(0x9000)).unwrap();
        // SAFETY: our block.
        unsafe { std::ptr::write_bytes(big as *mut u8, 0xff, 1 << 20) };
        assert_eq!(m.alloc(1 << 20, first(0x9000)), Some(big));
        // SAFETY: our block.
        let bytes = unsafe { std::slice::from_raw_parts(big as *const u8, 1 << 20) };
        assert!(bytes.iter().all(|&b| b == 0));
        assert_eq!(m.alloc(LIMIT, again(0x9000)), None);
        assert_eq!(m.alloc(usize::MAX, again(0x9000)), None);
        assert!(m.alloc(LIMIT, first(0x9000)).is_some());
    }

    #[test]
    fn chunks_are_used_again() {
        let mut m = LocalMemory::default();
        m.alloc(CHUNK, first(0x9000)).unwrap();
        let block = m.alloc(CHUNK, first(0x8000)).unwrap();
        for _ in 0..10 {
            assert_eq!(m.alloc(CHUNK, first(0x8000)), Some(block));
        }
        m.alloc(4 * CHUNK, first(0x7000)).unwrap();
        assert_eq!(m.chunks.len(), 3);
        m.alloc(2 * CHUNK, first(0x9000)).unwrap();
        assert!(m.chunks.len() <= 2);
    }

    #[test]
    fn only_blocks_of_live_frames_are_scanned() {
        let mut m = LocalMemory::default();
        m.alloc(16, first(0x9000)).unwrap();
        m.alloc(16, first(0x8000)).unwrap();
        let count = |sp| {
            let mut n = 0;
            m.ranges(at(sp), &mut |_| n += 1);
            n
        };
        assert_eq!(count(0x7000), 2);
        assert_eq!(count(0x8800), 1);
        assert_eq!(count(0xa000), 0);
    }
}
