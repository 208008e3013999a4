//! The kinds of damage.

use crate::map::{self, Body, Instruction, Map, operand_size};
use crate::random::Random;
use isthmus_clr::metadata::TableId;
use isthmus_frontend_ir::cil::{Operand, TABLE};

/// A kind of damage: name, weight, and what does it. It gives false where there is nothing to damage.
type Kind = (&'static str, usize, fn(&mut Damage<'_>) -> bool);

/// All kinds.
const KINDS: &[Kind] = &[
    ("opcode", 6, |d| d.opcode()),
    ("operand", 8, |d| d.operand()),
    ("token", 6, |d| d.token()),
    ("branch", 4, |d| d.branch()),
    ("nop", 3, |d| d.nop()),
    ("copy", 3, |d| d.copy()),
    ("swap", 2, |d| d.swap()),
    ("code", 3, |d| d.code()),
    ("header", 2, |d| d.header()),
    ("clause", 4, |d| d.clause()),
    ("cell", 10, |d| d.cell()),
    ("rows", 3, |d| d.rows()),
    ("signature", 10, |d| d.signature()),
    ("metadata", 3, |d| d.metadata()),
    ("file", 1, |d| d.file()),
];

/// A file that is being damaged.
pub struct Damage<'a> {
    bytes: Vec<u8>,
    map: &'a Map,
    random: Random,
}

/// Mutation `number` of a program, and the kinds of damage that it has.
pub fn mutate(original: &[u8], map: &Map, number: u64) -> (Vec<u8>, Vec<&'static str>) {
    let mut damage = Damage {
        bytes: original.to_vec(),
        map,
        random: Random::new(number),
    };
    let total: usize = KINDS.iter().map(|k| k.1).sum();
    let wanted = damage.random.one_of(&[1, 1, 1, 2, 2, 3, 6]);
    let mut done = Vec::new();
    while done.len() < wanted {
        let mut at = damage.random.below(total);
        for &(name, weight, act) in KINDS {
            if at < weight {
                if act(&mut damage) {
                    done.push(name);
                }
                break;
            }
            at -= weight;
        }
    }
    (damage.bytes, done)
}

/// Element types and calling conventions, valid and not.
const SIGNATURE_BYTES: &[u8] = &[
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
    0x16, 0x18, 0x19, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x30, 0x41, 0x45, 0x50, 0x51, 0x80,
    0xc0, 0xff,
];

impl Damage<'_> {
    /// A body of the map, and an instruction of it.
    fn instruction(
        &mut self,
        wanted: impl Fn(&Instruction) -> bool,
    ) -> Option<(usize, Instruction)> {
        for _ in 0..20 {
            let body = self.random.below(self.map.bodies.len());
            let list = &self.map.bodies.get(body)?.instructions;
            let Some(found) = list.get(self.random.below(list.len())) else {
                continue;
            };
            if wanted(found) {
                return Some((body, found.clone()));
            }
        }
        None
    }

    /// Another opcode with an operand of the same size.
    fn opcode(&mut self) -> bool {
        let Some((_, at)) = self.instruction(|_| true) else {
            return false;
        };
        let same: Vec<u16> = TABLE
            .iter()
            .filter(|r| {
                (r.encoding > 0xff) == (at.row.encoding > 0xff)
                    && operand_size(r.operand) == operand_size(at.row.operand)
                    && r.operand != Operand::Switch
            })
            .map(|r| r.encoding)
            .collect();
        if same.is_empty() || at.row.operand == Operand::Switch {
            return false;
        }
        let chosen = self.random.one_of(&same);
        if chosen > 0xff {
            self.bytes[at.at + 1] = chosen as u8;
        } else {
            self.bytes[at.at] = chosen as u8;
        }
        true
    }

    /// Another operand of any value.
    fn operand(&mut self) -> bool {
        let Some((_, at)) = self.instruction(|i| !i.operand.is_empty()) else {
            return false;
        };
        let extreme = [
            0,
            1,
            2,
            3,
            4,
            7,
            16,
            127,
            128,
            255,
            256,
            u32::MAX,
            i32::MAX as u32,
            1 << 31,
        ];
        let value = match self.random.below(3) {
            0 => self.random.number() as u32,
            _ => self.random.one_of(&extreme),
        };
        let value = value.to_le_bytes();
        let length = at.operand.len().min(4);
        let skip = 4 * self.random.below(at.operand.len() / 4);
        let start = at.operand.start + skip;
        let end = (start + length).min(at.operand.end);
        self.bytes[start..end].copy_from_slice(&value[..end - start]);
        true
    }

    /// Another token, mostly of the same table and mostly one that exists.
    fn token(&mut self) -> bool {
        let wanted = |i: &Instruction| {
            matches!(
                i.row.operand,
                Operand::Method | Operand::Field | Operand::Type | Operand::Sig | Operand::Token
            )
        };
        let Some((_, at)) = self.instruction(wanted) else {
            return false;
        };
        let old = &self.bytes[at.operand.clone()];
        let table = match self.random.below(3) {
            0 => self
                .random
                .one_of(&[1u8, 2, 4, 6, 0x0a, 0x11, 0x1b, 0x2b, 0x70]),
            _ => old[3],
        };
        let rows = TableId::from_u8(table)
            .and_then(|t| self.map.rows.iter().find(|r| r.0 == t))
            .map_or(8, |r| r.1.len());
        let rid = (1 + self.random.below(rows + 1)) as u32;
        let token = u32::from(table) << 24 | rid;
        self.bytes[at.operand].copy_from_slice(&token.to_le_bytes());
        true
    }

    /// A branch to another instruction.
    fn branch(&mut self) -> bool {
        let wanted = |i: &Instruction| {
            matches!(
                i.row.operand,
                Operand::Target8 | Operand::Target32 | Operand::Switch
            )
        };
        let Some((body, at)) = self.instruction(wanted) else {
            return false;
        };
        let list = &self.map.bodies[body].instructions;
        let target = list[self.random.below(list.len())].at;
        let distance = target as i64 - at.operand.end as i64;
        match at.row.operand {
            Operand::Target8 => self.bytes[at.operand.start] = distance as u8,
            _ => {
                let entries = at.operand.len() / 4;
                let first = usize::from(at.row.operand == Operand::Switch && entries > 1);
                let entry = first + self.random.below(entries - first);
                let start = at.operand.start + 4 * entry;
                self.bytes[start..start + 4].copy_from_slice(&(distance as i32).to_le_bytes());
            }
        }
        true
    }

    /// Takes some instructions away.
    fn nop(&mut self) -> bool {
        let Some((body, at)) = self.instruction(|_| true) else {
            return false;
        };
        let list = &self.map.bodies[body].instructions;
        let first = list.iter().position(|i| i.at == at.at).unwrap_or(0);
        let last = (first + self.random.below(3)).min(list.len() - 1);
        self.bytes[at.at..list[last].operand.end].fill(0);
        true
    }

    /// Copies some instructions over others of the same or another body.
    fn copy(&mut self) -> bool {
        let (Some((a, from)), Some((b, to))) =
            (self.instruction(|_| true), self.instruction(|_| true))
        else {
            return false;
        };
        let end = |body: &Body, at: &Instruction, count: usize| {
            let first = body.instructions.iter().position(|i| i.at == at.at);
            let last = (first.unwrap_or(0) + count).min(body.instructions.len() - 1);
            body.instructions[last].operand.end
        };
        let count = self.random.below(6);
        let bodies = &self.map.bodies;
        let source = from.at..end(&bodies[a], &from, count);
        let room = bodies[b].code.end - to.at;
        let length = source.len().min(room);
        self.bytes
            .copy_within(source.start..source.start + length, to.at);
        // What is left of an instruction that was cut in the middle becomes nops.
        let stop = map::instructions(&self.bytes, bodies[b].code.clone())
            .last()
            .map_or(bodies[b].code.start, |i| i.operand.end);
        if self.random.below(2) == 0 {
            self.bytes[stop..bodies[b].code.end].fill(0);
        }
        true
    }

    /// Exchanges an instruction with the next.
    fn swap(&mut self) -> bool {
        let Some((body, at)) = self.instruction(|_| true) else {
            return false;
        };
        let list = &self.map.bodies[body].instructions;
        let Some(next) = list.iter().find(|i| i.at == at.operand.end) else {
            return false;
        };
        let length = at.operand.end - at.at;
        self.bytes[at.at..next.operand.end].rotate_left(length);
        true
    }

    /// Random instructions, well formed, over a whole body.
    fn code(&mut self) -> bool {
        let which = self.random.below(self.map.bodies.len());
        let Some(body) = self.map.bodies.get(which) else {
            return false;
        };
        let (mut at, end) = (body.code.start, body.code.end);
        if self.random.below(2) == 0 && body.instructions.len() > 2 {
            at = body.instructions[self.random.below(body.instructions.len())].at;
        }
        while at < end {
            let row = &TABLE[self.random.below(TABLE.len())];
            let opcode: &[u8] = &match row.encoding {
                wide @ 0xfe00.. => vec![0xfe, wide as u8],
                one => vec![one as u8],
            };
            let length = opcode.len() + operand_size(row.operand);
            if row.operand == Operand::Switch || at + length >= end {
                // The last byte returns.
                self.bytes[at] = if at + 1 == end { 0x2a } else { 0 };
                at += 1;
                continue;
            }
            self.bytes[at..at + opcode.len()].copy_from_slice(opcode);
            for byte in at + opcode.len()..at + length {
                self.bytes[byte] = self.random.one_of(&[0, 0, 1, 2, 3]);
            }
            if matches!(
                row.operand,
                Operand::Method | Operand::Field | Operand::Type | Operand::Token
            ) {
                let table = self.random.one_of(&[1u8, 2, 4, 6, 0x0a, 0x1b, 0x2b]);
                let token = u32::from(table) << 24 | (1 + self.random.below(6)) as u32;
                self.bytes[at + length - 4..at + length].copy_from_slice(&token.to_le_bytes());
            }
            at += length;
        }
        true
    }

    /// Something in a body's header.
    fn header(&mut self) -> bool {
        let which = self.random.below(self.map.bodies.len());
        let Some(body) = self.map.bodies.get(which) else {
            return false;
        };
        let length = body.code.start - body.header;
        let at = body.header + self.random.below(length);
        self.bytes[at] = match self.random.below(3) {
            0 => self.random.number() as u8,
            1 => self.bytes[at].wrapping_add(1),
            _ => self.bytes[at] ^ 1 << self.random.below(8),
        };
        true
    }

    /// Something in the exception clauses of a body.
    fn clause(&mut self) -> bool {
        let with: Vec<_> = self
            .map
            .bodies
            .iter()
            .filter(|b| b.clauses.is_some())
            .collect();
        if with.is_empty() {
            return false;
        }
        let body = self.random.one_of(&with);
        let range = body.clauses.clone().unwrap_or_default();
        let at = range.start + self.random.below(range.len());
        let Some(&old) = self.bytes.get(at) else {
            return false;
        };
        self.bytes[at] = match self.random.below(4) {
            0 => self.random.number() as u8,
            1 => old.wrapping_add(1),
            2 => old.wrapping_sub(1),
            _ => {
                let list = &body.instructions;
                (list[self.random.below(list.len())].at - body.code.start) as u8
            }
        };
        true
    }

    /// A cell of a table.
    fn cell(&mut self) -> bool {
        let at = self.random.below(self.map.cells.len());
        let Some(cell) = self.map.cells.get(at) else {
            return false;
        };
        let range = cell.range.clone();
        let old = self.bytes[range.clone()]
            .iter()
            .rev()
            .fold(0u64, |v, &b| v << 8 | u64::from(b));
        let value = match self.random.below(6) {
            0 => self.random.number(),
            1 => old.wrapping_add(1),
            2 => old.wrapping_sub(1),
            3 => old ^ 1 << self.random.below(8 * range.len()),
            4 => self.random.below(40) as u64,
            _ => {
                // That of the same column in another row.
                let same: Vec<_> = self
                    .map
                    .cells
                    .iter()
                    .filter(|c| c.table == cell.table && c.range.len() == range.len())
                    .map(|c| c.range.start)
                    .collect();
                let from = self.random.one_of(&same);
                self.bytes
                    .copy_within(from..from + range.len(), range.start);
                return true;
            }
        };
        let length = range.len();
        self.bytes[range].copy_from_slice(&value.to_le_bytes()[..length]);
        true
    }

    /// A row of a table over another.
    fn rows(&mut self) -> bool {
        let at = self.random.below(self.map.rows.len());
        let Some((_, rows)) = self.map.rows.get(at) else {
            return false;
        };
        let (from, to) = (self.random.below(rows.len()), self.random.below(rows.len()));
        self.bytes.copy_within(rows[from].clone(), rows[to].start);
        from != to
    }

    /// A byte of a signature, or one signature over another.
    fn signature(&mut self) -> bool {
        let count = self.map.signatures.len();
        if count == 0 {
            return false;
        }
        let range = self.map.signatures[self.random.below(count)].clone();
        if self.random.below(4) == 0 {
            let from = self.map.signatures[self.random.below(count)].clone();
            let length = from.len().min(range.len());
            self.bytes
                .copy_within(from.start..from.start + length, range.start);
            return true;
        }
        let at = range.start + self.random.below(range.len());
        self.bytes[at] = match self.random.below(3) {
            0 => self.bytes[at].wrapping_add(self.random.one_of(&[1, 4, 255, 252])),
            _ => self.random.one_of(SIGNATURE_BYTES),
        };
        true
    }

    /// Bytes anywhere in the metadata.
    fn metadata(&mut self) -> bool {
        let range = self.map.metadata.clone();
        for _ in 0..self.random.one_of(&[1, 2, 8]) {
            let at = range.start + self.random.below(range.len());
            self.bytes[at] = self.random.number() as u8;
        }
        true
    }

    /// Bytes anywhere, or the end of the file.
    fn file(&mut self) -> bool {
        let at = self.random.below(self.bytes.len());
        match self.random.below(8) {
            0 => {
                // Other kinds of damage may follow: the length stays.
                self.bytes[at..].fill(0);
            }
            _ => self.bytes[at] ^= 1 << self.random.below(8),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_the_same_damage_each_time() {
        for (name, bytes) in crate::seeds::all().unwrap() {
            let map = Map::of(&name, &bytes).unwrap();
            assert!(map.bodies.len() > 5 && map.signatures.len() > 10, "{name}");
            let mut different = 0;
            for number in 0..300 {
                let (a, kinds) = mutate(&bytes, &map, number);
                assert_eq!((&a, &kinds), (&mutate(&bytes, &map, number).0, &kinds));
                assert_eq!(a.len(), bytes.len());
                different += u32::from(a != bytes);
            }
            assert!(different > 250, "{name}: {different}");
        }
    }
}
