//! Checks of linked memory: expressions in the comments of a test file.
//!
//! ```text
//!  call:   bl far
//!  # isthmus-check: (*{4}call)[25:0] = (stub_addr(this, far) - call)[27:2]
//! ```
//! What stands behind `isthmus-check:` is an equation of two expressions over 64-bit numbers. A line that ends with a backslash goes on in the next
//! comment.
//!
//! | expression | value |
//! | --- | --- |
//! | `123`, `0x7b` | the number |
//! | `name` | address of the symbol, local ones too |
//! | `*{n}e` | `n` bytes (1, 2, 4, 8) of linked memory at address `e`, zero-extended |
//! | `e[hi:lo]` | bits `hi` to `lo`; binds tighter than everything else |
//! | `+ - << >> & \|` | as usual, from left to right without precedence |
//! | `( e )` | the value of `e` |
//! | `section_addr(file, section)` | address of a section |
//! | `stub_addr(file, name)` | address of the stub for a symbol |
//! | `got_addr(file, name)` | address of the word that holds a symbol's address |
//! | `file_size(file, section)` | bytes of a section |
//!
//! `file` is the name of an object without its folder; `this` is the first one.

mod eval;
mod parse;

use crate::error::{Error, Result};
use crate::executor::Executor;
use crate::graph::{LinkGraph, SymbolId};
use crate::link::tables::{Entries, GOT, STUBS};
use crate::plugins::{Plugin, ResourceKey};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What marks a check.
const MARK: &str = "isthmus-check:";

/// Linked graphs, for checks to look at.
#[derive(Clone, Debug, Default)]
pub struct Linked(Arc<Mutex<Vec<LinkGraph>>>);

/// Keeps a copy of each linked graph.
#[derive(Debug)]
pub struct Keep(Linked);

impl Linked {
    /// A plug-in that fills this.
    pub fn plugin(&self) -> Keep {
        Keep(self.clone())
    }

    /// The graphs so far.
    pub fn graphs(&self) -> Vec<LinkGraph> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Plugin for Keep {
    fn name(&self) -> &'static str {
        "check"
    }

    fn emitted(&mut self, _: ResourceKey, graph: &LinkGraph, _: &dyn Executor) -> Result<()> {
        let mut graphs = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        graphs.push(graph.clone());
        Ok(())
    }
}

/// A check of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// Line of its beginning.
    pub line: usize,
    /// The equation.
    pub text: String,
}

/// The checks in a file.
pub fn checks(text: &str) -> Vec<Check> {
    let mut found: Vec<Check> = Vec::new();
    let mut goes_on = false;
    for (n, line) in text.lines().enumerate() {
        let part = match line.split_once(MARK) {
            Some((_, part)) => {
                found.push(Check {
                    line: n + 1,
                    text: String::new(),
                });
                part
            }
            None if goes_on => line
                .trim_start()
                .trim_start_matches(['#', '/', '*', '@', ';']),
            None => continue,
        };
        let part = part.trim().trim_end_matches("*/").trim_end();
        goes_on = part.ends_with('\\');
        if let Some(check) = found.last_mut() {
            check.text.push_str(part.trim_end_matches('\\'));
        }
    }
    found
}

/// The answer to a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The check.
    pub check: Check,
    /// Values of both sides, or why there are none.
    pub sides: Result<(u64, u64), String>,
}

impl Answer {
    /// Whether both sides are equal.
    pub fn holds(&self) -> bool {
        matches!(self.sides, Ok((a, b)) if a == b)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}: ", self.check.line, self.check.text.trim())?;
        match &self.sides {
            Ok((a, b)) if a == b => write!(f, "holds: {a:#x}"),
            Ok((a, b)) => write!(f, "does not hold: {a:#x} is not {b:#x}"),
            Err(what) => f.write_str(what),
        }
    }
}

/// Evaluates all checks of a file. A file without any is an error: it would hold whatever happens.
pub fn run(text: &str, graphs: &[LinkGraph], executor: &dyn Executor) -> Result<Vec<Answer>> {
    let all = checks(text);
    if all.is_empty() {
        return Err(Error::Text {
            line: 1,
            what: format!("no {MARK} in the file"),
        });
    }
    let world = World { graphs, executor };
    let answer = |check: Check| Answer {
        sides: world.equation(&check.text),
        check,
    };
    Ok(all.into_iter().map(answer).collect())
}

/// What expressions can refer to.
struct World<'a> {
    graphs: &'a [LinkGraph],
    executor: &'a dyn Executor,
}

impl World<'_> {
    fn equation(&self, text: &str) -> Result<(u64, u64), String> {
        let (left, right) = parse::equation(text)?;
        Ok((self.value(&left)?, self.value(&right)?))
    }

    fn graph(&self, file: &str) -> Result<&LinkGraph, String> {
        if file == "this" {
            return self
                .graphs
                .first()
                .ok_or_else(|| "nothing was linked".to_owned());
        }
        let named = |g: &&LinkGraph| {
            let name = Path::new(&g.name).file_name();
            name.is_some_and(|n| n == file)
        };
        let found = self.graphs.iter().find(named);
        found.ok_or_else(|| format!("no object {file}"))
    }

    /// The address of a symbol: of a definition if there is one.
    fn symbol(&self, name: &str) -> Result<u64, String> {
        let all = self.graphs.iter().flat_map(|g| {
            let named = g.symbols().filter(move |&s| g.symbol_text(s) == Some(name));
            named.map(move |s| (g, s))
        });
        let mut found = None;
        for (graph, id) in all {
            let Some(address) = graph.address(id) else {
                continue;
            };
            if !graph.symbol(id).is_external() {
                return Ok(address);
            }
            found = Some(address);
        }
        found.ok_or_else(|| format!("no symbol {name}"))
    }

    /// The address of the entry of a section of tables that stands for a symbol.
    fn entry(&self, file: &str, section: &str, name: &str) -> Result<u64, String> {
        let graph = self.graph(file)?;
        let entries = Entries::of(graph);
        let wanted = |id: &SymbolId| {
            let symbol = graph.symbol(*id);
            let here = symbol.block().is_some_and(|b| {
                let section_of = graph.section(graph.block(b).section);
                graph.text(section_of.name) == section
            });
            let target = entries.target(graph, *id);
            here && target.is_some_and(|t| graph.symbol_text(t) == Some(name))
        };
        let found = graph.symbols().find(wanted);
        let address = found.and_then(|id| graph.address(id));
        address.ok_or_else(|| format!("{file} has no entry for {name} in {section}"))
    }

    fn function(&self, name: &str, arguments: &[String]) -> Result<u64, String> {
        let range = |file: &str, section: &str| {
            let graph = self.graph(file)?;
            let id = graph.find_section(section);
            let range = id.and_then(|s| graph.section_range(s));
            range.ok_or_else(|| format!("{file} has no section {section}"))
        };
        match (name, arguments) {
            ("section_addr", [file, section]) => Ok(range(file, section)?.start),
            ("file_size", [file, section]) => {
                let range = range(file, section)?;
                Ok(range.end - range.start)
            }
            ("stub_addr", [file, symbol]) => self.entry(file, STUBS, symbol),
            ("got_addr", [file, symbol]) => self.entry(file, GOT, symbol),
            _ => Err(format!(
                "no function {name} of {} arguments",
                arguments.len()
            )),
        }
    }
}
