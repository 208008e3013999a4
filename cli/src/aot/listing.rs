//! `isthmus aot --emit s`: what makes the text readable.

use super::label;
use anyhow::Result;
use isthmus_aot::build::Parts;
use isthmus_aot::debug;
use isthmus_aot::listing::{self, Labels, Line, NameOf};
use isthmus_asm::disasm::disassemble;
use isthmus_asm::gas;
use isthmus_clr::tables::literals;
use isthmus_clr::types::types;
use isthmus_clr::vm::tiers;
use isthmus_lower::dump;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Longest part of a string that is shown.
const MAX_TEXT: usize = 60;

/// Writes an image as text.
pub fn write(parts: &Parts, debug: &[debug::Section], out: &Path) -> Result<()> {
    let disassemble =
        |code: &[u8], start: usize, name_of: &NameOf<'_>| lines(parts.arch, code, start, name_of);
    let labels = Labels {
        method: &label,
        ty: &|ty: TypeId| types().ty(ty).full_name(),
        symbol: &symbol,
        disassemble: &disassemble,
    };
    let mut file = BufWriter::new(File::create(out)?);
    listing::write(parts, &labels, debug, &mut file)?;
    Ok(file.flush()?)
}

fn lines(arch: Arch, code: &[u8], start: usize, name_of: &NameOf<'_>) -> Vec<Line> {
    let lines = gas::lines(arch, code, start, name_of).into_iter();
    let lines = lines.map(|line| {
        let at = line.offset as usize;
        // Without a text for the assembler: the instruction, for the reader.
        let comment = line.text.is_none().then(|| {
            let bytes = &code[at..at + line.len as usize];
            let shown = disassemble(arch, bytes).into_iter();
            shown.map(|l| l.text).collect::<Vec<_>>().join("; ")
        });
        Line {
            offset: at,
            source: line.text,
            comment: comment.unwrap_or_default(),
        }
    });
    lines.collect()
}

fn symbol(symbol: Symbol) -> String {
    match symbol {
        Symbol::Literal(l) => {
            let text = String::from_utf16_lossy(&literals().get(l).text);
            let shown: String = text.chars().take(MAX_TEXT).collect();
            let rest = if shown.len() < text.len() { "…" } else { "" };
            format!("{shown:?}{rest}")
        }
        Symbol::TypeObject(t) => format!("typeof {}", types().ty(t).full_name()),
        Symbol::ThreadStatics(t) => format!("thread statics of {}", types().ty(t).full_name()),
        other => dump::symbol_name(&tiers::env(), other),
    }
}
