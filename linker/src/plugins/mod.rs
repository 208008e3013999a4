//! What watches and changes links.
//!
//! | module | plug-in |
//! | --- | --- |
//! | [`call_sites`] | notes the calls of some functions, to lead them elsewhere later |
//! | [`gdb`] | tells GDB about linked code |
//! | [`jitdump`] | tells `perf` about linked code |
//! | [`print`](mod@print) | shows graphs |
//!
//! [`elf_image`] makes the object by which debuggers know code that has no debug information.
//!
//! A plug-in sees each graph: it may change the list of passes, hears when the graph was loaded, emitted, or failed, and when resources are
//! removed or go over to another key. What it keeps for a graph it keeps under the graph's key.

pub mod call_sites;
pub mod elf_image;
pub mod gdb;
pub mod jitdump;
pub mod print;

use crate::error::Result;
use crate::executor::Executor;
use crate::graph::LinkGraph;
use crate::link::passes::Passes;

/// What linked resources are removed by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ResourceKey(pub(crate) u64);

/// A plug-in.
pub trait Plugin: Send {
    /// Name, for messages.
    fn name(&self) -> &'static str;

    /// A graph is about to be linked: passes may be added or taken out.
    fn modify_passes(&mut self, _key: ResourceKey, _graph: &LinkGraph, _passes: &mut Passes) {}

    /// The link begins.
    fn loaded(&mut self, _key: ResourceKey, _graph: &LinkGraph) -> Result<()> {
        Ok(())
    }

    /// The graph is in memory, and ready to run.
    fn emitted(
        &mut self,
        _key: ResourceKey,
        _graph: &LinkGraph,
        _executor: &dyn Executor,
    ) -> Result<()> {
        Ok(())
    }

    /// The link failed: nothing of the graph is left.
    fn failed(&mut self, _key: ResourceKey) {}

    /// What belongs to the key is about to be removed.
    fn removing(&mut self, _key: ResourceKey, _executor: &dyn Executor) -> Result<()> {
        Ok(())
    }

    /// What belonged to `from` belongs to `to` from now on.
    fn transferring(&mut self, _from: ResourceKey, _to: ResourceKey) {}
}
