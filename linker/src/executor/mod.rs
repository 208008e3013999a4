//! Where linked code runs.
//!
//! | module | executor |
//! | --- | --- |
//! | [`local`] | this process |
//! | [`remote`], [`server`] | another process, by messages: the session's side, and that process's |
//! | [`nowhere`] | none: addresses are simulated, nothing can be called |
//! | [`runtime`] | what linked code needs around it, in whatever process: thread-local variables, initializers, exit handlers, unwind tables |
//! | [`wire`] | the messages |

pub mod local;
pub mod nowhere;
pub mod remote;
pub mod runtime;
pub mod server;
pub mod wire;

use crate::error::{Error, Result};
use crate::memory::MemoryManager;
use isthmus_runtime_abi::target::Arch;
pub use runtime::Runtime;

/// A process, or what stands for one.
pub trait Executor: Send + Sync {
    /// The machine it runs on; `None` takes code of any.
    fn arch(&self) -> Option<Arch>;

    /// Who gives memory.
    fn memory(&self) -> &dyn MemoryManager;

    /// Addresses of names in the executor: its runtime's, and those of the libraries that it has loaded.
    fn lookup(&self, names: &[&str]) -> Result<Vec<Option<u64>>>;

    /// Calls a C function of up to six integers.
    fn call(&self, function: u64, arguments: &[u64]) -> Result<u64>;

    /// Calls a function as `main`.
    fn run_main(&self, function: u64, arguments: &[String]) -> Result<i32>;

    /// Loads a shared library, whose names can be looked up from then on.
    fn load_library(&self, path: &str) -> Result<()>;

    /// Calls a function of the executor's runtime.
    fn runtime(&self, function: Runtime, arguments: &[u64]) -> Result<u64> {
        let name = function.name();
        let address = self.lookup(&[name])?.first().copied().flatten();
        let address = address.ok_or_else(|| Error::executor(format!("it has no {name}")))?;
        self.call(address, arguments)
    }
}
