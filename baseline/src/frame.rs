//! The frame: homes of variables, temporaries, and the slots where values meet at labels.
//!
//! ```text
//!   FP+16+n   stack arguments of the caller, popped by `ret`
//!   FP+8      return address
//!   FP        caller's FP
//!   FP-8..    saved registers (at most 4)
//!             hidden context, return buffer, this
//!             variables; those that start as zero lie together
//!             temporaries, merge slots, tokens and continuations of finally clauses: handed out as needed
//!   SP        = FP - size outside calls (lower after localloc)
//! ```
//! The size is known at the end and written into the prologue then. In a filter function the variables are those of
//! its method, at the same offsets from the register [`crate::target::Target::AREA`], which holds the method's FP.

use smallvec::SmallVec;

/// Hands out places in the frame. Offsets are from FP.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// Bytes used below FP.
    used: u32,
    /// Free temporaries: (bytes, offset).
    free: SmallVec<[(u32, i32); 8]>,
    /// Scalar merge slot of each depth.
    merge: Vec<Option<i32>>,
    /// Merge slots of structs: (depth, bytes, offset).
    merge_structs: SmallVec<[(u32, u32, i32); 2]>,
}

impl Frame {
    /// A new place of `bytes` (rounded up to words).
    pub fn alloc(&mut self, bytes: u32) -> i32 {
        self.used = self
            .used
            .saturating_add(bytes.max(1).next_multiple_of(8))
            .min(1 << 30);
        -(self.used as i32)
    }

    /// A temporary of `bytes`.
    pub fn temp(&mut self, bytes: u32) -> i32 {
        let bytes = bytes.max(1).next_multiple_of(8);
        match self.free.iter().rposition(|&(b, _)| b == bytes) {
            Some(i) => self.free.swap_remove(i).1,
            None => self.alloc(bytes),
        }
    }

    /// Gives a temporary back.
    pub fn release(&mut self, offset: i32, bytes: u32) {
        self.free.push((bytes.max(1).next_multiple_of(8), offset));
    }

    /// The slot where scalars of this depth meet.
    pub fn merge_scalar(&mut self, depth: usize) -> i32 {
        if self.merge.len() <= depth {
            self.merge.resize(depth + 1, None);
        }
        if let Some(off) = self.merge[depth] {
            return off;
        }
        let off = self.alloc(8);
        self.merge[depth] = Some(off);
        off
    }

    /// The slot where structs of this depth and size meet.
    pub fn merge_struct(&mut self, depth: usize, bytes: u32) -> i32 {
        let bytes = bytes.next_multiple_of(8);
        let depth = depth as u32;
        match self
            .merge_structs
            .iter()
            .find(|&&(d, b, _)| d == depth && b == bytes)
        {
            Some(&(_, _, off)) => off,
            None => {
                let off = self.alloc(bytes);
                self.merge_structs.push((depth, bytes, off));
                off
            }
        }
    }

    /// Bytes used so far.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// The frame's size: a multiple of 16.
    pub fn size(&self) -> u32 {
        self.used.next_multiple_of(16)
    }
}
