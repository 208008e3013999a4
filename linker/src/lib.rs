//! From [`CompiledMethod`](isthmus_runtime_abi::artifact::CompiledMethod)s to code that runs.
//!
//! | module | what |
//! | --- | --- |
//! | [`code_memory`] | one region of near memory: code (written through a second mapping) and data words |
//! | [`blocks`] | free space of such a region |
//! | [`link`] | places an artifact, resolves its symbols, applies its relocations |
//! | [`reloc`] | what each kind of relocation writes, with range checks |
//! | [`error`] | what can go wrong |
//!
//! ```text
//!  let memory = CodeMemory::new(Config::default())?;
//!  let cell = memory.alloc_data(1)?;                              // a word near the code
//!  let linked = memory.link(&artifact, &|symbol| address_of(symbol))?;   // LinkedCode { base, size }
//!  memory.free(linked);
//! ```

pub mod blocks;
pub mod code_memory;
pub mod error;
pub mod link;
pub mod reloc;

pub use code_memory::{CodeMemory, Config};
pub use error::LinkError;
pub use link::LinkedCode;
