//! What the conventional form of the same facts would take: `.eh_frame` and an LSDA as C++ compilers write them.
//!
//! Nothing reads these bytes; `isthmus coverage` counts them, beside those of our own tables. (The `.eh_frame` of images, for debuggers, is
//! made elsewhere, of the same common entry and registers.) Both are written by the rules of the
//! Itanium C++ ABI, and by [`gimli`] as far as it goes:
//!
//! ```text
//! .eh_frame   CIE    once for functions with LSDA (augmentation "zLPR"), once for the others ("zR")
//!             FDE    address and length (4 bytes each, relative), LSDA (4 bytes, relative),
//!                    for each instruction of the prologue that saves a register or moves the frame: its offset and rule
//! LSDA        only of functions with handlers
//!   header           encodings, lengths
//!   call sites       start, length, landing pad, action, as uleb128; neighbours that have the same pad and action are one
//!   actions          (type, next) for each clause, innermost first; chains with a common end share it
//!   types            4 bytes each, relative
//! ```
//!
//! A finally or fault clause is a cleanup (type 0); a catch clause names its type, a filter or a look-up an entry of its own in the
//! table of types. Left out on both sides: the index that finds a function's entry (`.eh_frame_hdr`, [`crate::index`]). Our tables
//! hold more: inlined methods and source positions of all calls and traps, for which DWARF has sections of their own.

use crate::bytes::{put_sleb, put_uleb};
use gimli::write::{
    Address, CallFrameInstruction, CommonInformationEntry, EhFrame, EndianVec, Error,
    FrameDescriptionEntry, FrameTable, Writer,
};
use gimli::{
    AArch64, DW_EH_PE_indirect, DW_EH_PE_omit, DW_EH_PE_pcrel, DW_EH_PE_sdata4, DW_EH_PE_uleb128,
    DwEhPe, Encoding, Format, LittleEndian, Register, X86_64,
};
use isthmus_runtime_abi::artifact::{ClauseKind, CompiledMethod, Handlers};
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::target::{Arch, Reg};
use rustc_hash::FxHashMap;

const RELATIVE: DwEhPe = DwEhPe(DW_EH_PE_pcrel.0 | DW_EH_PE_sdata4.0);
const INDIRECT: DwEhPe = DwEhPe(DW_EH_PE_indirect.0 | RELATIVE.0);

/// Bytes that a function takes. Its filters are functions of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// The entry in `.eh_frame`.
    pub fde: usize,
    /// The language-specific data area; 0 if there is none.
    pub lsda: usize,
}

/// What a function takes.
pub fn sizes(method: &CompiledMethod) -> Result<Sizes, Error> {
    let lsda = lsda(method)?;
    Ok(Sizes {
        fde: fde_bytes(cie(method.arch), frame(method), lsda.is_some())?,
        lsda: lsda.map_or(0, |bytes| bytes.len()),
    })
}

/// What an entry takes, without the common one.
pub fn fde_bytes(
    mut cie: CommonInformationEntry,
    mut fde: FrameDescriptionEntry,
    with_lsda: bool,
) -> Result<usize, Error> {
    encodings(&mut cie, with_lsda);
    fde.lsda = with_lsda.then_some(Address::Constant(0));
    // The common entry is only written with another one.
    let mut table = FrameTable::default();
    let cie = table.add_cie(cie);
    table.add_fde(cie, fde.clone());
    let one = written(&table)?;
    table.add_fde(cie, fde);
    Ok(written(&table)? - one)
}

/// What the entry takes that functions of a module have in common.
pub fn cie_bytes(arch: Arch, with_lsda: bool) -> Result<usize, Error> {
    let mut cie = cie(arch);
    encodings(&mut cie, with_lsda);
    let mut fde = FrameDescriptionEntry::new(Address::Constant(0), 0);
    fde.lsda = with_lsda.then_some(Address::Constant(0));
    let mut table = FrameTable::default();
    let id = table.add_cie(cie.clone());
    table.add_fde(id, fde.clone());
    Ok(written(&table)? - fde_bytes(cie, fde, with_lsda)?)
}

/// How a module's entries hold addresses.
fn encodings(cie: &mut CommonInformationEntry, with_lsda: bool) {
    cie.fde_address_encoding = RELATIVE;
    if with_lsda {
        cie.personality = Some((INDIRECT, Address::Constant(0)));
        cie.lsda_encoding = Some(RELATIVE);
    }
}

fn written(table: &FrameTable) -> Result<usize, Error> {
    let mut section = EhFrame(EndianVec::new(LittleEndian));
    table.write_eh_frame(&mut section)?;
    Ok(section.len())
}

/// The common entry: how a frame looks at a function's first instruction.
pub fn cie(arch: Arch) -> CommonInformationEntry {
    let encoding = Encoding {
        address_size: arch.pointer_bytes() as u8,
        format: Format::Dwarf32,
        version: 1,
    };
    let word = arch.pointer_bytes() as i32;
    match arch {
        Arch::X64 => {
            let mut cie = CommonInformationEntry::new(encoding, 1, -8, X86_64::RA);
            cie.add_instruction(CallFrameInstruction::Cfa(X86_64::RSP, word));
            cie.add_instruction(CallFrameInstruction::Offset(X86_64::RA, -word));
            cie
        }
        Arch::A64 => {
            let mut cie = CommonInformationEntry::new(encoding, 4, -8, AArch64::X30);
            cie.add_instruction(CallFrameInstruction::Cfa(AArch64::SP, 0));
            cie
        }
        Arch::A32 => {
            let mut cie = CommonInformationEntry::new(encoding, 4, -4, Register(14));
            cie.add_instruction(CallFrameInstruction::Cfa(Register(13), 0));
            cie
        }
    }
}

/// Length of the instruction that pushes the frame pointer, and of the one that sets it.
pub fn frame_setup(arch: Arch) -> (u32, u32) {
    match arch {
        Arch::X64 => (1, 3),
        Arch::A64 | Arch::A32 => (4, 4),
    }
}

/// DWARF's number of the register that calls leave the return address in, where there is one.
pub fn link_register(arch: Arch) -> Register {
    Register(if arch == Arch::A64 { 30 } else { 14 })
}

/// DWARF's number of a register.
pub fn register(arch: Arch, reg: Reg) -> Register {
    const X64: [u16; 16] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
    Register(match (arch, reg) {
        (Arch::X64, Reg::Int(r)) => X64[usize::from(r & 15)],
        (Arch::X64, Reg::Float(r)) => 17 + u16::from(r),
        (Arch::A64, Reg::Float(r)) => 64 + u16::from(r),
        (Arch::A32, Reg::Float(r)) => 256 + u16::from(r),
        (Arch::A64 | Arch::A32, Reg::Int(r)) => u16::from(r),
    })
}

/// The entry of a function: the frame pointer is saved, then set, then the other registers are saved.
/// (`lower` tests that Cranelift's own unwind information takes the same.)
fn frame(method: &CompiledMethod) -> FrameDescriptionEntry {
    let arch = method.arch;
    let word = arch.pointer_bytes() as i32;
    let mut fde = FrameDescriptionEntry::new(Address::Constant(0), method.code.len() as u32);
    let (push, set) = frame_setup(arch);
    let pointer = Reg::Int(arch.roles().fp);
    fde.add_instruction(push, CallFrameInstruction::CfaOffset(2 * word));
    let saved = CallFrameInstruction::Offset(register(arch, pointer), -2 * word);
    fde.add_instruction(push, saved);
    if arch != Arch::X64 {
        let saved = CallFrameInstruction::Offset(link_register(arch), -word);
        fde.add_instruction(push, saved);
    }
    let mut at = push + set;
    fde.add_instruction(
        at,
        CallFrameInstruction::CfaRegister(register(arch, pointer)),
    );
    // AArch64 saves registers in pairs; of an odd number in a class the first alone.
    let is_float = |reg: Reg| matches!(reg, Reg::Float(_));
    let saved = &method.frame.saved;
    for (n, &(reg, offset)) in saved.iter().enumerate() {
        let first = n == 0 || is_float(saved[n - 1].0) != is_float(reg);
        let left = saved[n..].iter().filter(|s| is_float(s.0) == is_float(reg));
        if arch != Arch::A64 || first || left.count().is_multiple_of(2) {
            at += 4;
        }
        let rule = CallFrameInstruction::Offset(register(arch, reg), offset - 2 * word);
        fde.add_instruction(at, rule);
    }
    fde
}

/// What makes two types of a table the same.
#[derive(PartialEq, Eq, Hash)]
enum Caught {
    All,
    Type(TypeId),
    /// A clause that is compared with by number.
    Clause(u32),
}

/// The tables of actions and types.
struct Actions<'m> {
    method: &'m CompiledMethod,
    bytes: Vec<u8>,
    /// Offset of an action plus 1, by type and next action.
    chains: FxHashMap<(u64, u64), u64>,
    types: FxHashMap<Caught, u64>,
}

impl Actions<'_> {
    /// Number of the type that a clause catches; 0: none.
    fn caught(&mut self, clause: u32) -> u64 {
        let caught = match self.method.clauses[clause as usize].kind {
            ClauseKind::Finally | ClauseKind::Fault => return 0,
            ClauseKind::CatchAll => Caught::All,
            ClauseKind::Catch(ty) => Caught::Type(ty),
            ClauseKind::CatchLookup(_) | ClauseKind::Filter(_) => Caught::Clause(clause),
        };
        let next = self.types.len() as u64 + 1;
        *self.types.entry(caught).or_insert(next)
    }

    /// The action of a site, as in the call-site table: 0 if there are only cleanups, else an offset plus 1.
    fn chain(&mut self, handlers: &Handlers) -> u64 {
        let kinds: Vec<u64> = handlers.iter().map(|h| self.caught(h.clause)).collect();
        if kinds.iter().all(|&kind| kind == 0) {
            return 0;
        }
        kinds.iter().rev().fold(0, |next, &kind| {
            if let Some(&known) = self.chains.get(&(kind, next)) {
                return known;
            }
            let offset = self.bytes.len();
            put_sleb(&mut self.bytes, kind as i64);
            // Relative to the field itself; 0 ends the chain.
            let displacement = match next {
                0 => 0,
                next => next as i64 - 1 - self.bytes.len() as i64,
            };
            put_sleb(&mut self.bytes, displacement);
            self.chains.insert((kind, next), offset as u64 + 1);
            offset as u64 + 1
        })
    }
}

/// The language-specific data area of a function, if it has handlers.
fn lsda(method: &CompiledMethod) -> Result<Option<Vec<u8>>, Error> {
    let none = Handlers::new();
    // (end, handlers) in order: a trap's range ends behind its first byte.
    let calls = method.call_sites.iter().map(|s| (s.ret, &s.handlers));
    let traps = method.traps.iter().filter(|t| !t.handlers.is_empty());
    let mut sites: Vec<(u32, &Handlers)> = calls
        .chain(traps.map(|t| (t.offset + 1, &t.handlers)))
        .collect();
    if sites.iter().all(|s| s.1.is_empty()) {
        return Ok(None);
    }
    sites.sort_by_key(|s| s.0);

    let mut actions = Actions {
        method,
        bytes: Vec::new(),
        chains: FxHashMap::default(),
        types: FxHashMap::default(),
    };
    // Start, end, landing pad (0: none), action.
    let mut ranges: Vec<(u32, u32, u32, u64)> = Vec::new();
    let mut start = 0;
    for (end, handlers) in sites.into_iter().chain([(method.code.len() as u32, &none)]) {
        let landing = handlers.first().map_or(0, |h| h.landing);
        let action = actions.chain(handlers);
        match ranges.last_mut() {
            Some(last) if (last.2, last.3) == (landing, action) => last.1 = end,
            _ => ranges.push((start, end, landing, action)),
        }
        start = end;
    }
    let mut sites = Vec::new();
    for (start, end, landing, action) in ranges {
        for value in [start, end - start, landing] {
            put_uleb(&mut sites, u64::from(value));
        }
        put_uleb(&mut sites, action);
    }

    let mut out = EndianVec::new(LittleEndian);
    out.write_u8(DW_EH_PE_omit.0)?;
    let types = actions.types.len();
    let mut tail = EndianVec::new(LittleEndian);
    tail.write_u8(DW_EH_PE_uleb128.0)?;
    tail.write_uleb128(sites.len() as u64)?;
    tail.write(&sites)?;
    tail.write(&actions.bytes)?;
    if types == 0 {
        out.write_u8(DW_EH_PE_omit.0)?;
        out.write(tail.slice())?;
    } else {
        out.write_u8(INDIRECT.0)?;
        out.write_uleb128((tail.len() + 4 * types) as u64)?;
        out.write(tail.slice())?;
        // Read backwards from their end; which address is not known here.
        out.write(&vec![0; 4 * types])?;
    }
    Ok(Some(out.into_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_runtime_abi::artifact::{CallSite, Clause, Handler, Tier};
    use isthmus_runtime_abi::ids::MethodId;
    use isthmus_runtime_abi::symbol::Symbol;
    use smallvec::smallvec;

    fn method(kinds: &[ClauseKind], sites: &[(u32, &[(u32, u32)])]) -> CompiledMethod {
        let id = MethodId::from_raw(1).unwrap();
        let mut method = CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Opt);
        method.code = vec![0; 100];
        method.clauses = kinds.iter().map(|&kind| Clause { kind, node: 0 }).collect();
        for &(ret, handlers) in sites {
            let handlers = handlers
                .iter()
                .map(|&(clause, landing)| Handler { clause, landing })
                .collect();
            method.call_sites.push(CallSite {
                ret,
                pos: 0,
                handlers,
            });
        }
        method
    }

    #[test]
    fn plain_function_takes_an_entry_of_known_size() {
        // Length, pointer, address and size: 4 each; augmentation length; 1+2+2 for push, 1+2 for mov; padded to 8.
        let plain = method(&[], &[(20, &[])]);
        assert_eq!(sizes(&plain).unwrap(), Sizes { fde: 32, lsda: 0 });
        let mut saving = method(&[], &[]);
        saving.frame.saved = smallvec![(Reg::Int(3), -8), (Reg::Int(12), -16), (Reg::Int(13), -24)];
        assert_eq!(sizes(&saving).unwrap(), Sizes { fde: 40, lsda: 0 });
        assert_eq!(cie_bytes(Arch::X64, false).unwrap(), 24);
        assert_eq!(cie_bytes(Arch::X64, true).unwrap(), 32);
    }

    #[test]
    fn lsda_merges_neighbours_and_shares_chains() {
        let ty = ClauseKind::Catch(TypeId::from_raw(5).unwrap());
        let kinds = [ClauseKind::Finally, ty, ClauseKind::CatchAll, ty];
        let (inner, outer): (&[_], &[_]) = (&[(1, 60), (2, 60)], &[(3, 70), (2, 70)]);
        let found = method(
            &kinds,
            &[
                (10, &[]),
                (20, inner),
                (25, inner),
                (30, &[(0, 80)]),
                (40, outer),
            ],
        );
        let bytes = lsda(&found).unwrap().unwrap();
        let expected = [
            &[0xff, 0x9b][..],
            &[34],          // up to the end of the types
            &[0x01, 20],    // call sites
            &[0, 10, 0, 0], // no handlers
            &[10, 15, 60, 3],
            &[25, 5, 80, 0], // cleanup only
            &[30, 10, 70, 3],
            &[40, 60, 0, 0],
            &[2, 0],    // action 1: all, the chains' common end
            &[1, 0x7d], // action 3: the type, then 3 bytes back
            &[0; 8],
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn function_with_cleanups_only_has_no_types() {
        let found = method(&[ClauseKind::Finally], &[(10, &[(0, 50)])]);
        let bytes = lsda(&found).unwrap().unwrap();
        assert_eq!(bytes, [0xff, 0xff, 0x01, 8, 0, 10, 50, 0, 10, 90, 0, 0]);
        assert_eq!(sizes(&found).unwrap().lsda, bytes.len());
    }
}
