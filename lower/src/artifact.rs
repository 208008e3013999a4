//! Cranelift's compiled buffer as a [`CompiledMethod`].
//!
//! ```text
//!   buffer.data           ─▶ code                (constants and jump tables included)
//!   buffer.relocs         ─▶ relocs              names back to symbols; a GOT load of a method's cell loads the cell itself
//!   buffer.call_sites     ─▶ call_sites          tags are clause indices, labels landing pads
//!   buffer.traps          ─▶ traps               trap codes are `TrapKind` codes, plus the ones that Cranelift uses for division
//!   buffer.srclocs        ─▶ positions of both   source locations are indices into the function's positions (null checks: `NullSites`)
//!   buffer.unwind_info    ─▶ frame.saved         and the end of the prologue
//!   buffer.frame_layout   ─▶ frame.size, slots   offsets from FP
//! ```

use crate::names::{Names, Reach};
use crate::unsupported::Unsupported;
use cranelift_codegen::binemit::Reloc as ClReloc;
use cranelift_codegen::ir::function::FunctionParameters;
use cranelift_codegen::ir::{ExternalName, StackSlot, TrapCode};
use cranelift_codegen::isa::unwind::UnwindInst;
use cranelift_codegen::{
    CompiledCode, Final, FinalizedMachExceptionHandler, FinalizedMachReloc, FinalizedRelocTarget,
    MachBufferFinalized, MachSrcLoc,
};
use isthmus_runtime_abi::artifact::{
    CallSite, Clause, ClauseKind, CompiledMethod, Frame, Handler, Handlers, Tier, TrapSite,
};
use isthmus_runtime_abi::symbol::{Reloc, RelocKind, Symbol};
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_ssa::ir;
use isthmus_ssa::ir::Func;
use rustc_hash::FxHashMap;

/// Largest frame. A method's entry check comes after its frame is made, so the runtime's reserve below the stack limit
/// must have room for it.
pub const MAX_FRAME: u32 = 128 * 1024;

/// Cranelift's trap code of a kind.
pub fn trap_code(kind: TrapKind) -> TrapCode {
    TrapCode::unwrap_user(kind as u8)
}

/// Source positions of null checks.
///
/// Cranelift may fold a load into the instruction that uses its value, whose source location is another one. So the trap
/// code of a null check carries the position: codes from `NullSites::FIRST` on are indices into this table. A function
/// with more positions than codes gives the rest the plain code, and the location of the instruction they end up in.
#[derive(Default, Debug)]
pub struct NullSites {
    positions: Vec<u32>,
    codes: FxHashMap<u32, TrapCode>,
}

impl NullSites {
    /// First code that stands for a position; below are `TrapKind` codes.
    const FIRST: u8 = 32;
    /// Last code that Cranelift leaves to us.
    const LAST: u8 = 250;

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.positions.clear();
        self.codes.clear();
    }

    /// Code of a null check at a position.
    pub fn code(&mut self, pos: u32) -> TrapCode {
        let free = Self::FIRST as usize + self.positions.len();
        let positions = &mut self.positions;
        *self
            .codes
            .entry(pos)
            .or_insert_with(|| match u8::try_from(free) {
                Ok(code @ ..=Self::LAST) => {
                    positions.push(pos);
                    TrapCode::unwrap_user(code)
                }
                _ => trap_code(TrapKind::NullReference),
            })
    }

    /// The position that a code stands for.
    fn position(&self, code: TrapCode) -> Option<u32> {
        let index = code.as_raw().get().checked_sub(Self::FIRST)?;
        self.positions.get(index as usize).copied()
    }
}

/// Stack slots with a meaning to the runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct NamedSlots {
    /// Area shared with filters.
    pub filter_area: Option<StackSlot>,
    /// `this`.
    pub this: Option<StackSlot>,
    /// Generic context.
    pub rgctx: Option<StackSlot>,
}

/// What [`make`] needs besides the compiled code.
pub struct Source<'a> {
    /// What this is the code of.
    pub symbol: Symbol,
    /// The SSA function.
    pub func: &'a Func,
    /// Symbols of the CLIF function.
    pub names: &'a Names,
    /// Positions of null checks.
    pub null_sites: &'a NullSites,
    /// Names of the CLIF function.
    pub params: &'a FunctionParameters,
    /// Slots.
    pub slots: NamedSlots,
    /// Bytes of stack arguments.
    pub stack_arg_bytes: u32,
    /// Number of calls of helpers.
    pub helper_calls: u32,
    /// Whether to keep the map from code to source positions.
    pub line_map: bool,
}

/// Makes the artifact.
pub fn make(
    arch: Arch,
    source: &Source<'_>,
    compiled: &CompiledCode,
) -> Result<CompiledMethod, Unsupported> {
    let buffer = &compiled.buffer;
    let func = source.func;
    let mut out = CompiledMethod::new(source.symbol, func.method, arch, Tier::Opt);
    out.code = buffer.data().to_vec();
    out.align = buffer.alignment.max(16);
    out.relocs = relocs(arch, source, buffer.relocs())?;
    out.frame = frame(arch, source, buffer)?;
    out.clauses = func.clauses.iter().map(clause).collect();
    out.inline_tree = func.inline_tree.clone();
    out.positions = func.positions.clone();
    out.helper_calls = source.helper_calls;
    let positions = Positions(buffer.get_srclocs_sorted());
    for site in buffer.call_sites() {
        out.call_sites.push(CallSite {
            ret: site.ret_addr,
            // A call lies before its return address.
            pos: positions.at(site.ret_addr - 1),
            handlers: handlers(site.exception_handlers)?,
        });
    }
    for trap in buffer.traps() {
        let (kind, pos) = match source.null_sites.position(trap.code) {
            Some(pos) => (TrapKind::NullReference, pos),
            None => (trap_kind(trap.code)?, positions.at(trap.offset)),
        };
        out.traps.push(TrapSite {
            offset: trap.offset,
            kind,
            pos,
            handlers: Handlers::new(),
        });
    }
    out.traps.sort_by_key(|t| t.offset);
    if source.line_map {
        out.line_map = positions.line_map();
    }
    Ok(out)
}

/// Source positions by code offset.
struct Positions<'a>(&'a [MachSrcLoc<Final>]);

impl Positions<'_> {
    /// Index of the position that covers an offset; 0, the method's start, where none does.
    fn at(&self, offset: u32) -> u32 {
        let next = self.0.partition_point(|s| s.start <= offset);
        match next.checked_sub(1).map(|i| &self.0[i]) {
            Some(s) if offset < s.end && !s.loc.is_default() => s.loc.bits(),
            _ => 0,
        }
    }

    fn line_map(&self) -> Vec<(u32, u32)> {
        let mut map: Vec<(u32, u32)> = Vec::with_capacity(self.0.len());
        for s in self.0.iter().filter(|s| !s.loc.is_default()) {
            if map.last().is_none_or(|&(_, pos)| pos != s.loc.bits()) {
                map.push((s.start, s.loc.bits()));
            }
        }
        map
    }
}

fn trap_kind(code: TrapCode) -> Result<TrapKind, Unsupported> {
    match code {
        // Both kinds of check that a division is expanded to.
        TrapCode::INTEGER_DIVISION_BY_ZERO => Ok(TrapKind::DivideByZero),
        TrapCode::INTEGER_OVERFLOW => Ok(TrapKind::Overflow),
        code => TrapKind::from_code(code.as_raw().get())
            .ok_or_else(|| Unsupported::Backend(format!("trap code {code}"))),
    }
}

fn handlers(found: &[FinalizedMachExceptionHandler]) -> Result<Handlers, Unsupported> {
    found
        .iter()
        .map(|h| match *h {
            FinalizedMachExceptionHandler::Tag(tag, landing) => Ok(Handler {
                clause: tag.as_u32(),
                landing,
            }),
            _ => Err(Unsupported::Backend("handler without a clause".into())),
        })
        .collect()
}

fn clause(&(kind, node): &(ir::Clause, u32)) -> Clause {
    let kind = match kind {
        ir::Clause::Catch(ty) => ClauseKind::Catch(ty),
        ir::Clause::CatchLookup(slot) => ClauseKind::CatchLookup(slot),
        ir::Clause::CatchAll => ClauseKind::CatchAll,
        ir::Clause::Filter(n) => ClauseKind::Filter(n),
        ir::Clause::Finally => ClauseKind::Finally,
        ir::Clause::Fault => ClauseKind::Fault,
    };
    Clause { kind, node }
}

// ---- relocations

fn relocs(
    arch: Arch,
    source: &Source<'_>,
    found: &[FinalizedMachReloc],
) -> Result<Vec<Reloc>, Unsupported> {
    let mut out = Vec::with_capacity(found.len());
    for r in found {
        let known = match &r.target {
            FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => source
                .names
                .symbol(&source.params.user_named_funcs()[*name]),
            _ => None,
        };
        let unsupported = || Unsupported::Relocation {
            kind: format!("{:?} of {:?}", r.kind, r.target),
            symbol: known.map(|(s, _)| s),
        };
        let (symbol, reach) = known.ok_or_else(unsupported)?;
        let kind = reloc_kind(arch, r.kind, reach).ok_or_else(unsupported)?;
        out.push(Reloc {
            offset: r.offset,
            kind,
            symbol,
            addend: r.addend,
        });
    }
    out.sort_by_key(|r| r.offset);
    Ok(out)
}

/// Our kind for Cranelift's. Through a cell, the word that the GOT form reads is the symbol itself.
fn reloc_kind(arch: Arch, kind: ClReloc, reach: Reach) -> Option<RelocKind> {
    use {Reach::*, RelocKind::*};
    Some(match (arch, kind, reach) {
        (_, ClReloc::Abs8, Symbol) => Abs64,
        (Arch::X64, ClReloc::X86CallPCRel4, Symbol) => X64Call32,
        (Arch::X64, ClReloc::X86GOTPCRel4, Symbol) => X64GotPcRel32,
        (Arch::X64, ClReloc::X86GOTPCRel4, Cell) => X64PcRel32,
        (Arch::A64, ClReloc::Arm64Call, Symbol) => A64Call26,
        (Arch::A64, ClReloc::Aarch64AdrGotPage21, Symbol) => A64AdrGotPage21,
        (Arch::A64, ClReloc::Aarch64AdrGotPage21, Cell) => A64AdrPrelPgHi21,
        (Arch::A64, ClReloc::Aarch64Ld64GotLo12Nc, Symbol) => A64LdGotLo12,
        (Arch::A64, ClReloc::Aarch64Ld64GotLo12Nc, Cell) => A64Ld64AbsLo12,
        _ => return None,
    })
}

// ---- frame

fn frame(
    arch: Arch,
    source: &Source<'_>,
    buffer: &MachBufferFinalized<Final>,
) -> Result<Frame, Unsupported> {
    let layout = buffer
        .frame_layout()
        .ok_or_else(|| Unsupported::Backend("no frame layout".into()))?;
    let size = layout.frame_to_fp_offset;
    if size > MAX_FRAME {
        return Err(Unsupported::Limit(format!("a frame of {size} bytes")));
    }
    let slot = |s: Option<StackSlot>| s.map(|s| layout.stackslots[s].offset as i32 - size as i32);
    let mut frame = Frame {
        size,
        stack_arg_bytes: source.stack_arg_bytes,
        this_slot: slot(source.slots.this),
        rgctx_slot: slot(source.slots.rgctx),
        filter_area: slot(source.slots.filter_area),
        ..Frame::default()
    };
    let mut clobbers = 0;
    for &(offset, ref inst) in &buffer.unwind_info {
        frame.prologue_end = offset;
        match *inst {
            UnwindInst::DefineNewFrame {
                offset_downward_to_clobbers,
                ..
            } => clobbers = offset_downward_to_clobbers as i32,
            UnwindInst::SaveReg {
                clobber_offset,
                reg,
            } => {
                let reg = match reg.class() {
                    cranelift_codegen::RegClass::Int => Reg::Int(reg.hw_enc()),
                    _ => Reg::Float(reg.hw_enc()),
                };
                frame.saved.push((reg, clobber_offset as i32 - clobbers));
            }
            _ => {}
        }
    }
    frame.prologue_end += stack_adjustment(arch, &buffer.data()[frame.prologue_end as usize..]);
    Ok(frame)
}

/// Length of the instructions that make room for the frame, if the prologue's last part is that.
fn stack_adjustment(arch: Arch, code: &[u8]) -> u32 {
    match arch {
        Arch::X64 => match code {
            [0x48, 0x83, 0xec, ..] => 4, // sub rsp, imm8
            [0x48, 0x81, 0xec, ..] => 7, // sub rsp, imm32
            _ => 0,
        },
        Arch::A64 => {
            let mut length = 0;
            for word in code.chunks_exact(4) {
                let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                match word {
                    _ if word & 0xff80_03ff == 0xd100_03ff => return length + 4, // sub sp, sp, #imm
                    _ if word & 0xff80_001f == 0xd280_0010 => length += 4,       // movz x16, #imm
                    _ if word & 0xff80_001f == 0xf280_0010 => length += 4,       // movk x16, #imm
                    _ if word & 0xffe0_03ff == 0xcb20_03ff => return length + 4, // sub sp, sp, x16
                    _ => return 0,
                }
            }
            0
        }
        Arch::A32 => 0,
    }
}
