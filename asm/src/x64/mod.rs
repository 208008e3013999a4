//! The x86-64 macro assembler.
//!
//! | module | what |
//! | --- | --- |
//! | [`regs`] | register names |
//! | `encode` | prefixes, ModRM, SIB, displacements |
//! | `core` | labels, alignment, result |
//! | `int` | integer operations, addresses, memory, atomics |
//! | `float` | SSE scalar operations |
//! | `control` | jumps, calls, returns |
//! | [`relax`] | finished code laid out again: short forms, aligned loops |

mod control;
mod core;
mod encode;
#[cfg(test)]
mod execution;
mod float;
mod int;
pub mod regs;
pub mod relax;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;

use crate::buffer::CodeBuffer;

/// Macro assembler for x86-64.
#[derive(Default, Debug)]
pub struct X64Asm {
    buf: CodeBuffer,
}
