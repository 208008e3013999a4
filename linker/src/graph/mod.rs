//! The link graph: code and data as blocks, names as symbols, relocations as edges.
//!
//! ```text
//!  Section ".text" r-x          Section ".data" rw-
//!  ├─ Block 0 ─edge 12 pcrel32 +0 ──▶ Symbol "counter" ──▶ Block 2, offset 8
//!  │          └edge 21 call32 -4 ──▶ Symbol "puts" (external: an address from elsewhere)
//!  └─ Block 1 ◀── Symbol "main"
//! ```
//! A *block* is what must stay together in memory; an *edge* says how the bytes at an offset of it depend on the address of a symbol;
//! a *symbol* is an offset in a block, an address (absolute), or a name that others define (external). Sections group blocks by protection.
//!
//! Everything lives in arenas of the graph and is named by an index; what is removed leaves a tombstone, so that indices stay valid. Contents of all
//! blocks share one buffer, and symbols of compiled methods are named by [`runtime_abi`](isthmus_runtime_abi)'s small symbols instead of text, so that
//! building a graph for one method takes a handful of allocations, none when a graph is [cleared](LinkGraph::clear) and used again.

pub mod model;
pub mod print;
pub mod text;
pub mod verify;

mod split;
#[cfg(test)]
mod tests;

pub use split::SymbolsByBlock;

pub use model::{
    Block, BlockId, Content, Edge, LinkGraph, Linkage, Merge, Name, NameId, Place, Prot, Scope,
    Section, SectionId, SectionRole, Symbol, SymbolId, TlsHome,
};
