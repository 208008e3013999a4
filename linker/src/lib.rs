//! From [`CompiledMethod`](isthmus_runtime_abi::artifact::CompiledMethod)s and object files to code that runs, in this process or another.
//!
//! | module | what |
//! | --- | --- |
//! | [`graph`] | the link graph: sections, blocks, symbols, edges; text form, verifier |
//! | [`arch`] | kinds of relocations per architecture, as tables; what they write |
//! | [`formats`] | graphs from ELF objects and from compiled methods |
//! | [`link`] | the algorithm, its passes, and the session that resolves names between graphs |
//! | [`plugins`] | what watches and changes links: debuggers, profilers, records of call sites |
//! | [`check`] | checks of linked memory by expressions in test files |
//! | [`memory`] | who gives memory |
//! | [`executor`] | where code runs: here, in another process, nowhere |
//! | [`jit`] | the short way for the runtime's compiled methods |
//! | [`error`] | what can go wrong |
//!
//! ```text
//!  let mut session = Session::new(InProcessExecutor::new()?);
//!  let graphs = objects.iter().map(|o| elf::graph(&o.name, &o.bytes));
//!  let keys = session.link(graphs.collect::<Result<_>>()?)?;      // a key for each graph
//!  session.initialize()?;                                         // constructors
//!  session.run_main("main", &arguments)?;
//!  session.remove(keys[0])?;                                      // one object's code is gone, the rest runs on
//! ```

pub mod arch;
pub mod check;
pub mod error;
pub mod executor;
pub mod formats;
pub mod graph;
pub mod jit;
pub mod link;
pub mod memory;
pub mod plugins;

pub use error::{Error, LinkError, Result};
pub use jit::LinkedCode;
pub use memory::near::{CodeMemory, Config};
