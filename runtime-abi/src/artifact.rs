//! What every compiler produces.
//!
//! A [`CompiledMethod`] is position-independent data: code bytes, relocations, and the records that the EH
//! tables are encoded from. Both tiers, hand-made stubs and AOT use this type.

use crate::ids::{MethodId, TypeId};
use crate::symbol::{Reloc, Symbol};
use crate::target::{Arch, Reg};
use crate::trap::TrapKind;
use crate::types::{CallConv, MemTy, Signature};
use smallvec::SmallVec;
use std::sync::Arc;

/// Who made the code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tier {
    /// The one-pass compiler.
    Baseline,
    /// The optimizing compiler.
    Opt,
    /// A stub.
    Stub,
}

/// Code and everything the runtime must know about it.
#[derive(Clone, Debug)]
pub struct CompiledMethod {
    /// What this is the code of: `MethodBody`, `OsrBody` or `Filter`.
    pub symbol: Symbol,
    /// Architecture of the code.
    pub arch: Arch,
    /// Who made it.
    pub tier: Tier,
    /// Code bytes, constants and jump tables included.
    pub code: Vec<u8>,
    /// Alignment of the code in bytes, a power of two.
    pub align: u32,
    /// What of the code is data, in order of offset. What is not known to be data may be some, too.
    pub data: Vec<DataRange>,
    /// Relocations in order of offset.
    pub relocs: Vec<Reloc>,
    /// Shape of the frame.
    pub frame: Frame,
    /// Call sites in order of return address.
    pub call_sites: Vec<CallSite>,
    /// Instructions that may trap, in order of offset.
    pub traps: Vec<TrapSite>,
    /// Exception clauses, own and inlined.
    pub clauses: Vec<Clause>,
    /// Inline tree; node 0 is the method itself.
    pub inline_tree: Vec<InlineNode>,
    /// Source positions that call sites and traps index into.
    pub positions: Vec<SourcePos>,
    /// Code of this method's filters, by number ([`ClauseKind::Filter`]). Each is a function of its own by the managed convention,
    /// `filter(area: Ptr, exception: Ref) -> I32`, where `area` is its parent's `FP + frame.filter_area`. The result is 1 to handle
    /// the exception, 0 to go on searching.
    pub filters: Vec<CompiledMethod>,
    /// (code offset, position index) pairs for debuggers and dumps, in order; may be empty.
    pub line_map: Vec<(u32, u32)>,
    /// How many calls of helpers are in the code, for statistics.
    pub helper_calls: u32,
    /// In baseline code that counts: where an optimized version may take over at a loop header.
    pub osr: Option<Box<OsrMap>>,
}

/// Data among code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataRange {
    /// Offset in the code.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
    /// What it is.
    pub kind: DataKind,
}

impl DataRange {
    /// Its place in the code.
    pub fn range(self) -> std::ops::Range<usize> {
        self.offset as usize..(self.offset + self.len) as usize
    }
}

/// Kind of data among code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataKind {
    /// Words of 4 bytes: how far instructions are from the start of the table.
    JumpTable,
    /// Constants.
    Constants,
}

/// Where a running baseline frame keeps what an optimized version needs to take over at a loop header (*on-stack
/// replacement*). That version is a function of its own, `osr(fp: Ptr) -> the method's result`, called by the baseline
/// frame with its own FP: it reads arguments and locals from their homes in that frame, runs the rest of the method, and what
/// it returns is the method's result. The baseline frame stays beneath it: addresses of variables stay valid.
///
/// All offsets are from the baseline frame's FP; `None` is a variable that the body does not use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OsrMap {
    /// Home of each argument, `this` included.
    pub args: Vec<Option<i32>>,
    /// Home of each local.
    pub locals: Vec<Option<i32>>,
    /// Home of the generic context (hidden argument), if the method has one.
    pub context: Option<i32>,
    /// Home of the `this` that the generic context is found through, if it is.
    pub this: Option<i32>,
    /// Home of the vararg cookie, if the method takes one.
    pub cookie: Option<i32>,
    /// The loops, by header.
    pub loops: Vec<OsrLoop>,
}

impl OsrMap {
    /// The signature of the version that takes over in a method with this result.
    pub fn signature(ret: Option<MemTy>) -> Signature {
        Signature {
            conv: CallConv::Managed,
            has_this: false,
            params: SmallVec::from_slice(&[MemTy::Native]),
            ret,
        }
    }
}

/// What the optimizing compiler is asked for when a baseline frame wants to go over.
#[derive(Clone, Debug)]
pub struct OsrEntry {
    /// The instruction to begin at.
    pub header: u32,
    /// Where the baseline frame keeps what it needs.
    pub map: Arc<OsrMap>,
}

/// A loop of a baseline method whose header asks for an optimized version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OsrLoop {
    /// Index of the header's instruction in the body. The evaluation stack is empty there.
    pub header: u32,
    /// The loop around it, as an index into the list, which is in order of headers.
    pub outer: Option<u32>,
}

/// The frame of a method. Every managed frame keeps a frame pointer: `[fp]` is the caller's FP, `[fp + word]` the return
/// address, so walking needs nothing else; the rest is for landing pads and for finding values.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// Bytes from FP down to SP in the body, where calls are made: a landing pad's SP is `FP - size`.
    pub size: u32,
    /// Code offset at which the frame is complete.
    pub prologue_end: u32,
    /// Bytes of stack arguments that this method pops from its caller.
    pub stack_arg_bytes: u32,
    /// Callee-saved registers stored in the frame: (register, offset from FP).
    pub saved: SmallVec<[(Reg, i32); 6]>,
    /// Offset from FP of `this`, kept alive for generic look-ups by the unwinder.
    pub this_slot: Option<i32>,
    /// Offset from FP of the generic context (hidden argument).
    pub rgctx_slot: Option<i32>,
    /// Offset from FP of the area that filters share with the method.
    pub filter_area: Option<i32>,
}

/// A call's return address and what encloses it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallSite {
    /// Code offset of the return address.
    pub ret: u32,
    /// Index into `positions`.
    pub pos: u32,
    /// Enclosing clauses with their landing pads, innermost first.
    pub handlers: Handlers,
}

/// An instruction that may trap, and what encloses it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrapSite {
    /// Code offset of the faulting instruction's first byte.
    pub offset: u32,
    /// Why it may fault.
    pub kind: TrapKind,
    /// Index into `positions`.
    pub pos: u32,
    /// Enclosing clauses with their landing pads, innermost first. Empty in optimized code, whose implicit exceptions in
    /// protected regions are explicit calls.
    pub handlers: Handlers,
}

/// Clauses around a site, innermost first.
pub type Handlers = SmallVec<[Handler; 1]>;

/// One enclosing clause at a site.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handler {
    /// Index into `clauses`.
    pub clause: u32,
    /// Code offset of the landing pad: entered with SP = FP - frame.size and the payload registers set. For
    /// catch and filter clauses payload 0 is the exception object; for finally and fault it is the token to pass to
    /// `Helper::Resume`. Payload 1 is the clause index.
    pub landing: u32,
}

/// An exception clause.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Clause {
    /// Kind.
    pub kind: ClauseKind,
    /// Inline node whose body the clause belongs to.
    pub node: u32,
}

/// Kind of a clause.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ClauseKind {
    /// Catches exceptions assignable to the type.
    Catch(TypeId),
    /// As `Catch`, in shared generic code: the type is this slot of the frame's generic context.
    CatchLookup(u32),
    /// Catches everything (`catch (object)`).
    CatchAll,
    /// Asks the filter with this index into `filters`.
    Filter(u32),
    /// Runs on every exit.
    Finally,
    /// Runs on exceptional exit.
    Fault,
}

/// A node of the inline tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InlineNode {
    /// Method whose body this is. Of an inlined method whose code is shared it is the instantiation, in terms of the parent's body.
    pub method: MethodId,
    /// The call that was inlined: (parent node, IL offset of the call in it); `None` for node 0.
    pub parent: Option<(u32, u32)>,
}

/// A source position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SourcePos {
    /// Inline node.
    pub node: u32,
    /// IL offset of the instruction in that node's method.
    pub il: u32,
}

impl CompiledMethod {
    /// An empty artifact to fill in.
    pub fn new(symbol: Symbol, method: MethodId, arch: Arch, tier: Tier) -> Self {
        CompiledMethod {
            symbol,
            arch,
            tier,
            code: Vec::new(),
            data: Vec::new(),
            align: 16,
            relocs: Vec::new(),
            frame: Frame::default(),
            call_sites: Vec::new(),
            traps: Vec::new(),
            clauses: Vec::new(),
            inline_tree: vec![InlineNode {
                method,
                parent: None,
            }],
            positions: Vec::new(),
            filters: Vec::new(),
            line_map: Vec::new(),
            helper_calls: 0,
            osr: None,
        }
    }
}
