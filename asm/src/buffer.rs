//! The growing code: bytes, labels, fix-ups, relocations, constants and jump tables. Knows no instruction.
//!
//! ```text
//!   0                     data_start                                  len
//!   | instructions        | pad | 16-byte constants | 8-byte | tables |
//! ```
//! Invariants: (1) a fix-up's bytes lie within the code; (2) relocations are in order of offset, since code only grows;
//! (3) all constants and tables are placed by `CodeBuffer::finish`, none before.

use crate::operand::Label;
use isthmus_runtime_abi::symbol::{Reloc, RelocKind, Symbol};

/// Finished code.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assembled {
    /// Instructions, then data.
    pub code: Vec<u8>,
    /// Relocations in order of offset.
    pub relocs: Vec<Reloc>,
    /// Where the instructions end.
    pub data_start: u32,
}

/// What may be wrong when code is finished.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AsmError {
    /// A label is used but was never bound.
    #[error("label {label} is used at {at:#x} but not bound")]
    Unbound {
        /// Number of the label.
        label: u32,
        /// Offset of the use.
        at: u32,
    },
    /// More than 2 GiB of code.
    #[error("code of {0} bytes is too large")]
    TooLarge(usize),
    /// An operand that the operation does not take.
    #[error("{0} does not take this operand (at {1:#x})")]
    Operand(&'static str, u32),
}

/// What a fix-up refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Label(Label),
    Wide(u32),
    Word(u32),
    Table(u32),
}

/// A 32-bit displacement to fill in; `end` bytes after its start the instruction ends.
#[derive(Clone, Copy, Debug)]
struct Fixup {
    at: u32,
    end: u32,
    target: Target,
}

const UNBOUND: u32 = u32::MAX;
/// How far back equal constants are looked for: keeps emission linear.
const POOL_WINDOW: usize = 16;

/// The buffer behind every macro assembler.
#[derive(Default, Debug)]
pub(crate) struct CodeBuffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) relocs: Vec<Reloc>,
    pub(crate) last_access: u32,
    labels: Vec<u32>,
    fixups: Vec<Fixup>,
    wides: Vec<u128>,
    words: Vec<u64>,
    tables: Vec<Vec<Label>>,
    error: Option<AsmError>,
}

impl CodeBuffer {
    #[inline]
    pub(crate) fn offset(&self) -> u32 {
        self.bytes.len() as u32
    }

    pub(crate) fn new_label(&mut self) -> Label {
        self.labels.push(UNBOUND);
        Label(self.labels.len() as u32 - 1)
    }

    pub(crate) fn bind(&mut self, label: Label) {
        self.labels[label.0 as usize] = self.offset();
    }

    pub(crate) fn label_offset(&self, label: Label) -> Option<u32> {
        let at = self.labels[label.0 as usize];
        (at != UNBOUND).then_some(at)
    }

    /// Notes that the 4 bytes at `at` are the displacement from the end of their instruction, `end` bytes further on.
    pub(crate) fn fixup(&mut self, at: u32, end: u32, target: Target) {
        self.fixups.push(Fixup { at, end, target });
    }

    pub(crate) fn reloc(&mut self, offset: u32, kind: RelocKind, symbol: Symbol, addend: i64) {
        self.relocs.push(Reloc {
            offset,
            kind,
            symbol,
            addend,
        });
    }

    /// The first error is reported by `finish`.
    #[cold]
    pub(crate) fn fail(&mut self, what: &'static str) {
        let at = self.offset();
        self.error.get_or_insert(AsmError::Operand(what, at));
    }

    pub(crate) fn word(&mut self, bits: u64) -> Target {
        Target::Word(pooled(&mut self.words, bits))
    }

    pub(crate) fn wide(&mut self, bits: u128) -> Target {
        Target::Wide(pooled(&mut self.wides, bits))
    }

    pub(crate) fn table(&mut self, targets: &[Label]) -> Target {
        self.tables.push(targets.to_vec());
        Target::Table(self.tables.len() as u32 - 1)
    }

    /// Places data, resolves fix-ups, empties the buffer. `pad` fills the gap before the data.
    pub(crate) fn finish(&mut self, pad: u8) -> Result<Assembled, AsmError> {
        let result = self.resolve(pad);
        self.bytes.clear();
        self.relocs.clear();
        self.labels.clear();
        self.fixups.clear();
        self.wides.clear();
        self.words.clear();
        self.tables.clear();
        self.error = None;
        self.last_access = 0;
        result
    }

    fn resolve(&mut self, pad: u8) -> Result<Assembled, AsmError> {
        if let Some(e) = self.error.take() {
            return Err(e);
        }
        let mut code = self.bytes.clone();
        let data_start = code.len() as u32;
        let align = match (self.wides.is_empty(), self.words.is_empty()) {
            (false, _) => 16,
            (true, false) => 8,
            (true, true) if self.tables.is_empty() => 1,
            (true, true) => 4,
        };
        code.resize(code.len().next_multiple_of(align), pad);
        let wides_at = code.len() as u32;
        self.wides
            .iter()
            .for_each(|w| code.extend_from_slice(&w.to_le_bytes()));
        let words_at = code.len() as u32;
        self.words
            .iter()
            .for_each(|w| code.extend_from_slice(&w.to_le_bytes()));
        let mut tables_at = Vec::with_capacity(self.tables.len());
        for table in &self.tables {
            let start = code.len() as u32;
            tables_at.push(start);
            for &label in table {
                let to = self.resolved(label, start)?;
                code.extend_from_slice(&to.wrapping_sub(start).to_le_bytes());
            }
        }
        if code.len() > i32::MAX as usize {
            return Err(AsmError::TooLarge(code.len()));
        }
        for f in &self.fixups {
            let to = match f.target {
                Target::Label(l) => self.resolved(l, f.at)?,
                Target::Wide(i) => wides_at + 16 * i,
                Target::Word(i) => words_at + 8 * i,
                Target::Table(i) => tables_at[i as usize],
            };
            let at = f.at as usize;
            let rel = to.wrapping_sub(f.at + f.end);
            code[at..at + 4].copy_from_slice(&rel.to_le_bytes());
        }
        Ok(Assembled {
            code,
            relocs: self.relocs.clone(),
            data_start,
        })
    }

    fn resolved(&self, label: Label, at: u32) -> Result<u32, AsmError> {
        self.label_offset(label)
            .ok_or(AsmError::Unbound { label: label.0, at })
    }
}

fn pooled<T: PartialEq>(pool: &mut Vec<T>, value: T) -> u32 {
    let from = pool.len().saturating_sub(POOL_WINDOW);
    match pool[from..].iter().position(|v| *v == value) {
        Some(i) => (from + i) as u32,
        None => {
            pool.push(value);
            pool.len() as u32 - 1
        }
    }
}
