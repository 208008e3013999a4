//! A smaller program on which an engine still does not do what the interpreter does.
//!
//! Every step is a change to the text or to one body, kept if the result is valid, the interpreter runs it to its end, and the engine
//! still differs in the same manner (by its output, or by not ending well). Steps that take away much are tried first:
//!
//! 1. functions and types that nothing needs, 2. bodies, 3. runs of instructions, from half of a body down to one, 4. clauses, 5. locals.

use super::edit::{self, Change};
use super::engines::{CRASH, Engine, Expected, STEPS, difference, expected};
use isthmus_frontend_ir::text;
use isthmus_runtime_abi::ids::MethodId;
use std::path::Path;
use std::time::{Duration, Instant};

/// Reduction stops with what it has after this long.
const PATIENCE: Duration = Duration::from_secs(300);

struct Reducer<'a> {
    program: &'a Path,
    engine: &'a Engine,
    scratch: &'a Path,
    crash: bool,
    best: String,
    end: Instant,
}

/// Reduces a program on which the engine differs. `program` is this command, which runs engines.
pub fn reduce(
    program: &Path,
    engine: &Engine,
    source: &str,
    scratch: &Path,
) -> anyhow::Result<String> {
    let mut reducer = Reducer {
        program,
        engine,
        scratch,
        crash: false,
        best: source.to_string(),
        end: Instant::now() + PATIENCE,
    };
    reducer.crash = match reducer.outcome(source) {
        Some(crash) => crash,
        None => anyhow::bail!("{} does what the interpreter does", engine.name),
    };
    // The printed form has one instruction a line.
    let printed = text::print::module(&text::parse(source)?);
    reducer.keep(printed);
    loop {
        let before = reducer.best.len();
        reducer.items();
        reducer.bodies();
        reducer.instructions();
        reducer.clauses();
        reducer.locals();
        if reducer.best.len() >= before || reducer.late() {
            return Ok(reducer.with_expectation());
        }
    }
}

impl Reducer<'_> {
    fn late(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Whether the engine crashes where it differs. `None`: it does not differ, or the program is not valid.
    fn outcome(&self, source: &str) -> Option<bool> {
        let Expected::Text(wanted) = expected(source, STEPS) else {
            return None;
        };
        let file = self.scratch.join("reduce.sir");
        std::fs::write(&file, source).ok()?;
        let limit = Duration::from_secs(20);
        let got = self.engine.run_apart(self.program, &file, limit);
        difference(&got, &wanted).map(|_| got.starts_with(CRASH))
    }

    /// Takes a text for the best one if it still differs.
    fn keep(&mut self, text: String) -> bool {
        if text == self.best || self.late() || self.outcome(&text) != Some(self.crash) {
            return false;
        }
        self.best = text;
        true
    }

    fn change(&mut self, method: MethodId, change: &Change) -> bool {
        let Ok(mut module) = text::parse(&self.best) else {
            return false;
        };
        edit::apply(&mut module, method, change) && self.keep(text::print::module(&module))
    }

    /// Leaves out functions, types, and lines in types.
    fn items(&mut self) {
        let mut at = 0;
        loop {
            let lines: Vec<&str> = self.best.lines().collect();
            let Some(range) = item(&lines, at) else {
                break;
            };
            let without = [&lines[..range.start], &lines[range.end..]]
                .concat()
                .join("\n");
            if !self.keep(without) {
                at = range.end;
            }
        }
        let mut at = 0;
        loop {
            let lines: Vec<&str> = self.best.lines().collect();
            if at >= lines.len() {
                break;
            }
            let member = lines[at].starts_with("  ") && lines[at].contains("field ");
            let without = [&lines[..at], &lines[at + 1..]].concat().join("\n");
            if !member || !self.keep(without) {
                at += 1;
            }
        }
    }

    /// Methods with bodies and the lengths of those, longest first.
    fn methods(&self) -> Vec<(MethodId, usize)> {
        let Ok(module) = text::parse(&self.best) else {
            return Vec::new();
        };
        let prelude = text::parse("").map_or(0, |p| p.methods.len());
        let mut all: Vec<(MethodId, usize)> = module
            .method_ids()
            .skip(prelude)
            .filter_map(|m| Some((m, module.method_def(m).body.as_ref()?.code.len())))
            .collect();
        all.sort_by_key(|&(_, length)| std::cmp::Reverse(length));
        all
    }

    fn bodies(&mut self) {
        for (method, _) in self.methods() {
            self.change(method, &Change::Throw);
        }
    }

    fn instructions(&mut self) {
        for (method, length) in self.methods() {
            let mut size = (length / 2).max(1);
            loop {
                let mut at = self.length(method).saturating_sub(size);
                loop {
                    // Backwards: what comes last depends on what came first.
                    let end = (at + size).min(self.length(method));
                    if at < end {
                        self.change(method, &Change::Cut(at..end));
                    }
                    if at == 0 || self.late() {
                        break;
                    }
                    at = at.saturating_sub(size.div_ceil(2));
                }
                if size == 1 || self.late() {
                    break;
                }
                size = size.div_ceil(2);
                if size == 2 && length > 2000 {
                    break;
                }
            }
        }
    }

    fn length(&self, method: MethodId) -> usize {
        let all = self.methods();
        let found = all.iter().find(|(m, _)| *m == method);
        found.map_or(0, |(_, length)| *length)
    }

    fn clauses(&mut self) {
        for (method, _) in self.methods() {
            for clause in (0..20).rev() {
                self.change(method, &Change::Unprotect(clause));
            }
        }
    }

    fn locals(&mut self) {
        for (method, _) in self.methods() {
            for local in (0..40).rev() {
                self.change(method, &Change::DropLocal(local));
            }
        }
    }

    /// The program with what it must print, as the corpus has it.
    fn with_expectation(&self) -> String {
        let mut out = String::from("// expect:\n");
        if let Expected::Text(wanted) = expected(&self.best, STEPS) {
            for line in wanted.lines() {
                out.push_str(&format!("// {line}\n"));
            }
        }
        out.push('\n');
        out.push_str(&self.best);
        out
    }
}

/// The lines of the item at the top level that starts at line `from` or later.
fn item(lines: &[&str], from: usize) -> Option<std::ops::Range<usize>> {
    let starts = |line: &&str| !line.is_empty() && !line.starts_with([' ', '}', '/']);
    let start = from + lines.get(from..)?.iter().position(starts)?;
    if !lines[start].ends_with('{') {
        return Some(start..start + 1);
    }
    let end = lines[start..]
        .iter()
        .position(|line| line.starts_with('}'))?;
    Some(start..start + end + 1)
}
