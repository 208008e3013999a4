//! A body as the verifier reads it: instructions with their prefixes and offsets, and the tree of protected regions.
//!
//! Apart from `crate::cil`, which makes the compilers' normal form and puts exceptions in the place of tokens that do not resolve:
//! here every byte counts.

use super::rules::Rule;
use super::{Check, Fault, fault};
use crate::metadata::{self, Reader, Token};
use isthmus_frontend_ir::cil::{Form, Operand, Row, by_encoding};
use isthmus_frontend_ir::op::Prefix;
use isthmus_frontend_ir::region::{Clause, ClauseKind, RegionTree};
use isthmus_runtime_abi::ids::TypeId;

/// An instruction.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    /// Offset of the first prefix.
    pub il: u32,
    pub row: &'static Row,
    /// The inline operand: a number, a token, an argument or local; of branches the target's index; of switches their table.
    pub operand: i64,
    pub prefix: Prefix,
    /// Operand of a `constrained.` prefix.
    pub constrained: Option<Token>,
    /// Something can go here from elsewhere than the instruction before it.
    pub is_target: bool,
}

impl Instruction {
    pub fn token(&self) -> Token {
        Token::from_raw(self.operand as u32)
    }
}

/// A whole body.
pub(super) struct Code {
    pub instructions: Vec<Instruction>,
    /// Targets of switches, as indices.
    pub switches: Vec<Vec<u32>>,
    pub regions: RegionTree,
    /// Bytes of code.
    pub size: u32,
}

/// Instructions that `volatile.` and `unaligned.` stand before.
fn touches_memory(mnemonic: &str) -> bool {
    ["ldind.", "stind."].iter().any(|p| mnemonic.starts_with(p))
        || matches!(
            mnemonic,
            "ldfld" | "stfld" | "ldobj" | "stobj" | "initblk" | "cpblk"
        )
}

/// Whether prefixes may stand before an instruction.
fn prefix_fits(prefix: Prefix, constrained: bool, mnemonic: &str) -> bool {
    let is_static_field = matches!(mnemonic, "ldsfld" | "stsfld");
    (!prefix.contains(Prefix::VOLATILE) || touches_memory(mnemonic) || is_static_field)
        && (!prefix.contains(Prefix::UNALIGNED) || touches_memory(mnemonic))
        && (!prefix.contains(Prefix::TAIL) || matches!(mnemonic, "call" | "callvirt" | "calli"))
        && (!prefix.contains(Prefix::READONLY)
            || matches!(mnemonic, "ldelema" | "call" | "callvirt"))
        && (!constrained || mnemonic == "callvirt")
}

impl Code {
    /// Decodes a body. Types of catch clauses come from `resolve`.
    pub fn read(
        raw: &metadata::Body<'_>,
        resolve: &mut dyn FnMut(Token) -> Check<TypeId>,
    ) -> Check<Code> {
        let mut code = Code {
            instructions: Vec::with_capacity(raw.code.len() / 2),
            switches: Vec::new(),
            regions: RegionTree::none(0),
            size: raw.code.len() as u32,
        };
        code.decode(raw.code)?;
        code.link()?;
        code.add_clauses(raw, resolve)?;
        Ok(code)
    }

    fn decode(&mut self, bytes: &[u8]) -> Check<()> {
        let mut r = Reader::new(bytes);
        let at = |r: &Reader<'_>| (bytes.len() - r.rest().len()) as u32;
        let mut prefix = Prefix::empty();
        let mut constrained = None;
        let mut begin = None;
        while !r.rest().is_empty() {
            let here = at(&r);
            let il = begin.unwrap_or(here);
            let cut = |_| Fault::at(il, Rule::Encoding, "the code ends inside an instruction");
            let encoding = match r.u8().map_err(cut)? {
                0xfe => 0xfe00 | u16::from(r.u8().map_err(cut)?),
                one => u16::from(one),
            };
            let Some(row) = by_encoding(encoding) else {
                return fault(il, Rule::Encoding, format!("unknown opcode {encoding:#x}"));
            };
            let operand = match row.operand {
                Operand::Nothing => 0,
                Operand::I8 => i64::from(r.u8().map_err(cut)? as i8),
                Operand::U8 | Operand::Arg8 | Operand::Local8 => i64::from(r.u8().map_err(cut)?),
                Operand::Arg16 | Operand::Local16 => i64::from(r.u16().map_err(cut)?),
                Operand::I32 => i64::from(r.u32().map_err(cut)? as i32),
                Operand::I64 | Operand::R8 => r.u64().map_err(cut)? as i64,
                Operand::Target8 => {
                    let distance = r.u8().map_err(cut)? as i8;
                    i64::from(at(&r)) + i64::from(distance)
                }
                Operand::Target32 => {
                    let distance = r.u32().map_err(cut)? as i32;
                    i64::from(at(&r)) + i64::from(distance)
                }
                Operand::Switch => {
                    let count = r.u32().map_err(cut)? as usize;
                    if count > r.rest().len() / 4 {
                        return fault(il, Rule::Encoding, "a switch is longer than the code");
                    }
                    let end = i64::from(at(&r)) + 4 * count as i64;
                    let mut targets = Vec::with_capacity(count);
                    for _ in 0..count {
                        let target = end + i64::from(r.u32().map_err(cut)? as i32);
                        targets.push(u32::try_from(target).map_err(|_| {
                            Fault::at(il, Rule::Target, "a switch leads outside the method")
                        })?);
                    }
                    self.switches.push(targets);
                    self.switches.len() as i64 - 1
                }
                Operand::R4
                | Operand::Method
                | Operand::Field
                | Operand::Type
                | Operand::Str
                | Operand::Sig
                | Operand::Token => i64::from(r.u32().map_err(cut)?),
            };
            if row.form == Form::Prefix {
                begin = Some(il);
                match row.mnemonic {
                    "volatile." => prefix |= Prefix::VOLATILE,
                    "tail." => prefix |= Prefix::TAIL,
                    "readonly." => prefix |= Prefix::READONLY,
                    "unaligned." if matches!(operand, 1 | 2 | 4) => prefix |= Prefix::UNALIGNED,
                    "unaligned." => return fault(il, Rule::Prefix, "an alignment is 1, 2 or 4"),
                    "no." => {
                        return fault(il, Rule::Prefix, "no. leaves out what safety rests on");
                    }
                    _ => constrained = Some(Token::from_raw(operand as u32)),
                }
                continue;
            }
            if !prefix_fits(prefix, constrained.is_some(), row.mnemonic) {
                return fault(il, Rule::Prefix, format!("not before {}", row.mnemonic));
            }
            self.instructions.push(Instruction {
                il,
                row,
                operand,
                prefix: std::mem::take(&mut prefix),
                constrained: constrained.take(),
                is_target: false,
            });
            begin = None;
        }
        match (begin, self.instructions.is_empty()) {
            (Some(il), _) => fault(il, Rule::Prefix, "nothing follows a prefix"),
            (None, true) => fault(0, Rule::Encoding, "there are no instructions"),
            _ => Ok(()),
        }
    }

    /// Index of the instruction that begins at an offset; the end of the code counts as one.
    fn index(&self, il: u32) -> Option<u32> {
        if il == self.size {
            return Some(self.instructions.len() as u32);
        }
        let found = self.instructions.binary_search_by_key(&il, |i| i.il);
        found.ok().map(|i| i as u32)
    }

    /// Branch targets as indices.
    fn link(&mut self) -> Check<()> {
        let count = self.instructions.len() as u32;
        let find = |this: &Self, il: u32, target: i64| {
            let index = u32::try_from(target).ok().and_then(|t| this.index(t));
            match index.filter(|&i| i < count) {
                Some(index) => Ok(index),
                None => fault(
                    il,
                    Rule::Target,
                    format!("no instruction begins at {target:#x}"),
                ),
            }
        };
        for i in 0..self.instructions.len() {
            let Instruction {
                il, row, operand, ..
            } = self.instructions[i];
            match row.operand {
                Operand::Target8 | Operand::Target32 => {
                    let target = find(self, il, operand)?;
                    self.instructions[i].operand = i64::from(target);
                    self.instructions[target as usize].is_target = true;
                }
                Operand::Switch => {
                    for n in 0..self.switches[operand as usize].len() {
                        let target = i64::from(self.switches[operand as usize][n]);
                        let target = find(self, il, target)?;
                        self.switches[operand as usize][n] = target;
                        self.instructions[target as usize].is_target = true;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_clauses(
        &mut self,
        raw: &metadata::Body<'_>,
        resolve: &mut dyn FnMut(Token) -> Check<TypeId>,
    ) -> Check<()> {
        let count = self.instructions.len() as u32;
        let mut clauses = Vec::with_capacity(raw.clauses.len());
        for c in &raw.clauses {
            let at = |il: u32| match self.index(il) {
                Some(index) => Ok(index),
                None => fault(il, Rule::Clauses, "a clause splits an instruction"),
            };
            let kind = match c.kind {
                metadata::ClauseKind::Catch(token) => {
                    ClauseKind::Catch(resolve(token).map_err(|f| Fault {
                        il: c.handler_offset,
                        ..f
                    })?)
                }
                metadata::ClauseKind::Filter(il) => ClauseKind::Filter(at(il)?),
                metadata::ClauseKind::Finally => ClauseKind::Finally,
                metadata::ClauseKind::Fault => ClauseKind::Fault,
            };
            clauses.push(Clause {
                kind,
                body: at(c.try_offset)?..at(c.try_offset + c.try_length)?,
                handler: at(c.handler_offset)?..at(c.handler_offset + c.handler_length)?,
            });
        }
        self.regions = RegionTree::build(clauses, count)
            .map_err(|e| Fault::at(0, Rule::Clauses, e.to_string()))?;
        for clause in &self.regions.clauses {
            let starts = [Some(clause.body.start), Some(clause.handler.start)];
            let filter = match clause.kind {
                ClauseKind::Filter(start) => Some(start),
                _ => None,
            };
            for start in starts.into_iter().chain([filter]).flatten() {
                if let Some(i) = self.instructions.get_mut(start as usize) {
                    i.is_target = true;
                }
            }
        }
        Ok(())
    }
}

/// The table has every prefix under the mnemonic that [`Code::decode`] knows it by.
#[cfg(test)]
#[test]
fn prefixes_are_known() {
    let known = [
        "volatile.",
        "tail.",
        "readonly.",
        "unaligned.",
        "no.",
        "constrained.",
    ];
    let prefixes = isthmus_frontend_ir::cil::TABLE
        .iter()
        .filter(|r| r.form == Form::Prefix);
    assert!(prefixes.clone().all(|r| known.contains(&r.mnemonic)));
    assert_eq!(prefixes.count(), known.len());
}
