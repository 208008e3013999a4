//! Unwind and exception tables: what the runtime knows about compiled code.
//!
//! Both compilers, the stubs and AOT images describe code by the records of
//! [`CompiledMethod`](isthmus_runtime_abi::artifact::CompiledMethod). This crate packs those records into bytes that
//! are position independent and readable in place: about 2.5 bytes for a call site, nothing for code without calls.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`format`](mod@format) | the format, with a worked example |
//! | [`encode`](mod@encode) | artifact → bytes |
//! | [`table`] | bytes → header, sites, handlers, clauses, positions; look-up of one site |
//! | [`index`] | the tables of a whole image, found by code offset |
//! | [`check`] | the checker for bytes of any origin, and the comparison with an artifact |
//! | [`dump`](mod@dump) | text |
//! | [`dwarf`] | how much the conventional form would take |
//! | `bytes`, `frame` | variable-length numbers; frames, in both directions |
//! | [`error`] | what can be wrong |
//!
//! Type and method numbers in a table are those of whoever made it: ids of the process in a JIT, indices into the
//! image's table of names in AOT.

pub mod check;
pub mod dump;
pub mod dwarf;
pub mod encode;
pub mod error;
pub mod format;
pub mod index;
pub mod table;

mod bytes;
mod frame;

#[cfg(test)]
mod tests;
