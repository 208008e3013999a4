//! The generic algorithm: from graphs to code that can run.
//!
//! ```text
//!  graphs ─▶ choose among definitions          resolve::claim        which of several weak ones, duplicates
//!         ─▶ pre-prune passes, prune           passes, prune         frames, exidx, merge, indirect; marking what is exported, bounds
//!         ─▶ post-prune passes                 merge, tables         words of addresses, stubs, thread-local entries
//!         ─▶ share entries                     merge::share          what several graphs have goes to one of its own
//!         ─▶ layout, memory                    layout, bounds        addresses for all blocks
//!         ─▶ post-allocation passes
//!         ─▶ resolve externals                 resolve               other graphs, the session, the executor
//!         ─▶ pre-fixup passes                  arch::*::relax        bypass what is in range
//!         ─▶ fix-ups                           arch::fixup
//!         ─▶ post-fixup passes
//!         ─▶ finalize                          session               bytes in place, tables registered, functions chosen
//! ```
//! | module | what |
//! | --- | --- |
//! | [`session`] | what is linked so far; linking several graphs that refer to each other; removal |
//! | `job` | one graph on its way |
//! | `resolve` | names between graphs |
//! | [`passes`] | the list of passes |
//! | [`prune`] | dead-stripping |
//! | `bounds` | `__start_S`, `__stop_S`, and the sections between them |
//! | [`frames`] | unwind tables of C code |
//! | [`exidx`] | the same, as 32-bit ARM has them |
//! | [`merge`] | equal strings and constants |
//! | [`indirect`] | functions that are chosen when they are loaded |
//! | [`tables`] | table of addresses, stubs, thread-local entries |
//! | [`layout`] | addresses |
//! | [`harness`] | putting a test harness's definitions in place of others |

pub mod exidx;
pub mod frames;
pub mod harness;
pub mod indirect;
pub mod layout;
pub mod merge;
pub mod passes;
pub mod prune;
pub mod session;
pub mod tables;

mod bounds;
mod job;
mod resolve;

pub use session::{Options, Session};
