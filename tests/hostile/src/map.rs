//! Where things lie in an assembly's file.

use anyhow::Result;
use isthmus_clr::metadata::{Image, TableId};
use isthmus_frontend_ir::cil::{Operand, Row, by_encoding};
use std::ops::Range;

/// An instruction in the file.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// File offset of the opcode.
    pub at: usize,
    /// Its row of the table of encodings.
    pub row: &'static Row,
    /// File range of its operand.
    pub operand: Range<usize>,
}

/// A method body in the file.
#[derive(Clone, Debug)]
pub struct Body {
    /// File offset of the header.
    pub header: usize,
    /// File range of the code.
    pub code: Range<usize>,
    /// Its instructions.
    pub instructions: Vec<Instruction>,
    /// File range of what follows the code, if there are exception clauses: roughly the clauses.
    pub clauses: Option<Range<usize>>,
}

/// A cell of a table in the file.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its table.
    pub table: TableId,
    /// File range.
    pub range: Range<usize>,
}

/// Where things lie.
#[derive(Clone, Debug)]
pub struct Map {
    /// Bodies that run code.
    pub bodies: Vec<Body>,
    /// Cells of all rows.
    pub cells: Vec<Cell>,
    /// Rows by table that exist.
    pub rows: Vec<(TableId, Vec<Range<usize>>)>,
    /// File ranges of signatures, without their length.
    pub signatures: Vec<Range<usize>>,
    /// File range of the metadata.
    pub metadata: Range<usize>,
}

/// Bytes of an inline operand; a switch counts with its number of targets only.
pub fn operand_size(operand: Operand) -> usize {
    match operand {
        Operand::Nothing => 0,
        Operand::I8 | Operand::U8 | Operand::Arg8 | Operand::Local8 | Operand::Target8 => 1,
        Operand::Arg16 | Operand::Local16 => 2,
        Operand::I64 | Operand::R8 => 8,
        _ => 4,
    }
}

/// The instructions of a range of the file, as far as they can be read.
pub fn instructions(bytes: &[u8], code: Range<usize>) -> Vec<Instruction> {
    let mut all = Vec::new();
    let mut at = code.start;
    while at < code.end {
        let (encoding, wide) = match bytes[at] {
            0xfe if at + 1 < code.end => (0xfe00 | u16::from(bytes[at + 1]), 2),
            byte => (u16::from(byte), 1),
        };
        let Some(row) = by_encoding(encoding) else {
            break;
        };
        let start = at + wide;
        let mut length = operand_size(row.operand);
        if row.operand == Operand::Switch && start + 4 <= code.end {
            let count = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap_or_default());
            length += 4 * count as usize;
        }
        if start + length > code.end {
            break;
        }
        all.push(Instruction {
            at,
            row,
            operand: start..start + length,
        });
        at = start + length;
    }
    all
}

impl Map {
    /// Reads an undamaged assembly.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Map> {
        let image = Image::from_bytes(name, bytes.to_vec())?;
        let mut map = Map {
            bodies: Vec::new(),
            cells: Vec::new(),
            rows: Vec::new(),
            signatures: Vec::new(),
            metadata: image
                .pe()
                .backing(image.pe().cli.metadata.rva)
                .unwrap_or_default(),
        };
        map.metadata.end = map
            .metadata
            .end
            .min(map.metadata.start + image.pe().cli.metadata.size as usize);
        for table in TableId::ALL {
            let rows: Vec<Range<usize>> = (1..=image.tables().rows(table))
                .map(|rid| image.tables().row_range(table, rid))
                .collect();
            for rid in 1..=image.tables().rows(table) {
                for column in 0..table.schema().columns.len() {
                    let range = image.tables().cell_range(table, rid, column);
                    map.cells.push(Cell { table, range });
                }
            }
            if !rows.is_empty() {
                map.rows.push((table, rows));
            }
        }
        map.add_signatures(&image, bytes);
        for rid in 1..=image.tables().rows(TableId::MethodDef) {
            let row = image.method_def(rid)?;
            let Some(body) = image.method_body(row)? else {
                continue;
            };
            let (Some(header), Some(code)) = (
                image.pe().backing(row.rva()),
                image.pe().backing(body.code_rva),
            ) else {
                continue;
            };
            let code = code.start..code.start + body.code.len();
            let clauses = code.end.next_multiple_of(4);
            map.bodies.push(Body {
                header: header.start,
                instructions: instructions(bytes, code.clone()),
                clauses: (!body.clauses.is_empty())
                    .then(|| clauses + 4..(clauses + 4 + 12 * body.clauses.len()).min(bytes.len())),
                code,
            });
        }
        Ok(map)
    }

    fn add_signatures(&mut self, image: &Image, bytes: &[u8]) {
        let place = |blob: &[u8]| {
            // Blobs are slices of the image's own copy of the bytes.
            let at = blob.as_ptr() as usize - image.bytes().as_ptr() as usize;
            at..at + blob.len()
        };
        let mut add = |table: TableId, column: usize| {
            for rid in 1..=image.tables().rows(table) {
                if let Ok(isthmus_clr::metadata::Cell::Blob(blob)) = image.cell(table, rid, column)
                    && !blob.is_empty()
                {
                    self.signatures.push(place(blob));
                }
            }
        };
        for table in [
            TableId::Field,
            TableId::MethodDef,
            TableId::MemberRef,
            TableId::StandAloneSig,
            TableId::TypeSpec,
            TableId::MethodSpec,
            TableId::Property,
        ] {
            let columns = table.schema().columns;
            for (n, column) in columns.iter().enumerate() {
                if column.kind == isthmus_clr::metadata::ColumnKind::Blob {
                    add(table, n);
                }
            }
        }
        self.signatures.retain(|r| r.end <= bytes.len());
        self.signatures.sort_by_key(|r| r.start);
        self.signatures.dedup();
    }
}
