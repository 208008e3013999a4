//! What can go wrong.

use isthmus_runtime_abi::symbol::Symbol;

/// An error of placing a compiled method.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The region is used up.
    #[error("out of {what} memory: {size} bytes wanted")]
    Full {
        /// Code or data.
        what: &'static str,
        /// Bytes that were wanted.
        size: usize,
    },
    /// The symbol has no address.
    #[error("no address for {symbol:?}: {reason}")]
    Unresolved {
        /// The symbol.
        symbol: Symbol,
        /// Why not.
        reason: String,
    },
    /// A relocation cannot be applied, or the system refused memory.
    #[error(transparent)]
    Graph(#[from] Error),
}

/// The result of an operation on graphs.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of linking graphs and objects.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object file is damaged, or uses something that is not supported.
    #[error("{file}: {what}")]
    Object {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// A text form cannot be read.
    #[error("line {line}: {what}")]
    Text {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A graph breaks a rule.
    #[error("{graph}: {what}")]
    Graph {
        /// Name of the graph.
        graph: String,
        /// The rule.
        what: String,
    },
    /// A relocation cannot be applied.
    #[error("{graph}: {kind} of {symbol} at {place}: {what}")]
    Edge {
        /// Name of the graph.
        graph: String,
        /// Kind of the relocation.
        kind: &'static str,
        /// What it refers to.
        symbol: String,
        /// Where it is.
        place: String,
        /// Why not.
        what: String,
    },
    /// Names without definition.
    #[error("undefined: {}", names.join(", "))]
    Undefined {
        /// The names.
        names: Vec<String>,
    },
    /// A name with two strong definitions.
    #[error("`{name}` is defined in {first} and again in {second}")]
    Duplicate {
        /// The name.
        name: String,
        /// Where it was defined first.
        first: String,
        /// Where else.
        second: String,
    },
    /// Memory could not be had or changed.
    #[error("memory: {what}")]
    Memory {
        /// What went wrong.
        what: String,
    },
    /// The executor failed, or the connection to it did.
    #[error("executor: {what}")]
    Executor {
        /// What went wrong.
        what: String,
    },
    /// A plug-in refused.
    #[error("{plugin}: {what}")]
    Plugin {
        /// Name of the plug-in.
        plugin: &'static str,
        /// What went wrong.
        what: String,
    },
    /// Reading or writing failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        error: std::io::Error,
    },
}

impl Error {
    /// About a graph.
    pub fn graph(graph: &crate::graph::LinkGraph, what: impl Into<String>) -> Error {
        Error::Graph {
            graph: graph.name.clone(),
            what: what.into(),
        }
    }

    /// About memory.
    pub fn memory(what: impl Into<String>) -> Error {
        Error::Memory { what: what.into() }
    }

    /// About the executor.
    pub fn executor(what: impl Into<String>) -> Error {
        Error::Executor { what: what.into() }
    }
}
