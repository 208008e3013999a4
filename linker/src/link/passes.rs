//! Passes, and the points of a link at which they run.

use super::{exidx, frames, indirect, merge, prune, tables};
use crate::arch::{a32, a64, x64};
use crate::error::Result;
use crate::graph::{LinkGraph, verify};
use isthmus_runtime_abi::target::Arch;

/// A step on a graph.
pub struct Pass {
    /// Name, for messages.
    pub name: &'static str,
    /// What it does.
    pub run: Box<PassFn>,
}

/// What a pass does.
pub type PassFn = dyn FnMut(&mut LinkGraph) -> Result<()> + Send;

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What runs when. Plug-ins may add and remove.
///
/// | point | state of the graph | good for |
/// | --- | --- | --- |
/// | pre-prune | as it was made | marking symbols live, copying what will be stripped |
/// | post-prune | only what is live | adding content: tables, stubs |
/// | post-allocation | blocks have addresses | noting addresses |
/// | pre-fixup | externals have addresses too | relaxation |
/// | post-fixup | bytes are final | looking at them |
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the table above says more")]
pub struct Passes {
    pub pre_prune: Vec<Pass>,
    pub post_prune: Vec<Pass>,
    pub post_allocation: Vec<Pass>,
    pub pre_fixup: Vec<Pass>,
    pub post_fixup: Vec<Pass>,
}

impl Passes {
    /// What every graph of an architecture needs.
    pub fn standard(arch: Arch) -> Passes {
        let relax = match arch {
            Arch::X64 => x64::relax,
            Arch::A64 => a64::relax,
            Arch::A32 => a32::relax,
        };
        Passes {
            pre_prune: vec![
                pass("split-frames", frames::split),
                pass("split-index", exidx::split),
                pass("split-entries", merge::split),
                pass("indirect-functions", indirect::build),
                pass("mark-live", prune::mark_exported),
            ],
            post_prune: vec![
                pass("unite-entries", merge::unite),
                pass("end-frames", frames::terminate),
                pass("order-index", exidx::order),
                pass("build-tables", tables::build),
            ],
            pre_fixup: vec![pass("relax", relax)],
            ..Passes::default()
        }
    }
}

/// A pass of a function.
pub fn pass(
    name: &'static str,
    run: impl FnMut(&mut LinkGraph) -> Result<()> + Send + 'static,
) -> Pass {
    Pass {
        name,
        run: Box::new(run),
    }
}

/// Runs passes. In debug builds the graph is verified after each.
pub fn run(passes: &mut [Pass], graph: &mut LinkGraph) -> Result<()> {
    for pass in passes {
        (pass.run)(graph)?;
        if cfg!(debug_assertions) {
            verify::verify(graph).map_err(|error| {
                crate::Error::graph(graph, format!("after {}: {error}", pass.name))
            })?;
        }
    }
    Ok(())
}
