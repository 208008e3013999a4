//! Fewer lines on which Isthmus still differs from Mono.
//!
//! Lines go in runs whose braces match, long runs first; what the C# compiler refuses is put back.

use super::{FAILED, compile, on_isthmus, on_mono};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

/// Reduction stops with what it has after this long.
const PATIENCE: Duration = Duration::from_secs(240);

/// Reduces a program. What its support classes need stays as it is.
pub(super) fn reduce(isthmus: &Path, switches: &[&str], source: &str, scratch: &Path) -> String {
    let end = Instant::now() + PATIENCE;
    let mut lines: Vec<String> = source.lines().map(str::to_string).collect();
    let first = lines
        .iter()
        .position(|line| line.starts_with("unsafe class Program"))
        .unwrap_or(0);
    let differs = |lines: &[String]| {
        let Ok(exe) = compile(&lines.join("\n"), scratch, "reduce") else {
            return false;
        };
        let mono = on_mono(&exe);
        !mono.contains(FAILED) && mono != on_isthmus(isthmus, switches, &exe)
    };
    loop {
        let before = lines.len();
        let mut size = (lines.len() - first) / 2;
        while size > 0 {
            let mut at = lines.len();
            while at > first && Instant::now() < end {
                at -= 1;
                let Some(range) = run(&lines, at, size) else {
                    continue;
                };
                let mut without = lines.clone();
                without.drain(range.clone());
                if differs(&without) {
                    lines = without;
                }
                at = range.start.max(first);
            }
            size /= 2;
        }
        if lines.len() == before || Instant::now() >= end {
            return lines.join("\n");
        }
    }
}

/// The run of at most `size` lines that ends with line `last` and has matching braces.
fn run(lines: &[String], last: usize, size: usize) -> Option<Range<usize>> {
    let mut depth = 0i32;
    let mut found = None;
    for at in (0..=last).rev().take(size) {
        let line = &lines[at];
        depth += line.matches('}').count() as i32 - line.matches('{').count() as i32;
        if depth < 0 {
            break;
        }
        if depth == 0 {
            found = Some(at..last + 1);
        }
    }
    found
}
