//! The state of a compilation: variables, blocks, and what is known at the current instruction.

use crate::cold::Cold;
use crate::count::Ask;
use crate::entry::Frames;
use crate::error::{CompileError, R, Unsupported};
use crate::exceptions::Clauses;
use crate::frame::Frame;
use crate::moves::Word;
use crate::scan::Scan;
use crate::sites::Sites;
use crate::target::Target;
use crate::value::{Bank, Entry};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::body::Body;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::types::{MemTy, StackTy, StructLayout};
use isthmus_runtime_abi::vm::{CompileEnv, MethodInfo};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// Where a variable lives.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Home {
    /// In memory only.
    Memory,
    /// In this register.
    Reg(Gpr),
    /// In this float register.
    Freg(Fpr),
}

/// An argument or local.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Var {
    pub ty: MemTy,
    pub home: Home,
    /// Offset of its memory from the base of the variables.
    pub offset: i32,
    /// Its address is taken: it may change behind the compiler's back.
    pub exposed: bool,
}

/// Fixed places of the frame.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Slots {
    /// Generic context (hidden argument); relative to the base of the variables.
    pub rgctx: Option<i32>,
    /// `this`, for generic look-ups; relative to the base of the variables.
    pub this: Option<i32>,
    /// Vararg cookie (hidden argument); relative to the base of the variables.
    pub cookie: Option<i32>,
    /// Mark of `Helper::LocalAlloc`; relative to FP.
    pub mark: Option<i32>,
    /// Address of the return buffer; relative to FP.
    pub buffer: Option<i32>,
    /// In a filter: where the base of the variables is saved; relative to FP.
    pub area: Option<i32>,
}

/// A label that control may reach by a jump, with the stack it brings.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub label: Label,
    /// Types and merge slots, once an edge was seen.
    pub entry: Option<SmallVec<[(StackTy, i32); 2]>>,
}

/// The compilation of one function: a method or one of its filters.
pub(crate) struct Gen<'a, A: Target> {
    pub a: A,
    pub env: &'a dyn CompileEnv,
    pub body: &'a Body,
    pub opts: &'a crate::Options,
    pub info: &'a MethodInfo,
    pub scan: &'a Scan,
    pub vars: Vec<Var>,
    /// Offsets of the locals that start as zero: from, to.
    pub zeroed: (i32, i32),
    pub slots: Slots,
    /// Words of this function's own frame with `this` and the generic context, for the tables.
    pub table_slots: (Option<i32>, Option<i32>),
    pub frame: Frame,
    pub frames: Frames,
    /// Ends of the instructions that make the frame, end of the prologue.
    pub frame_insns: SmallVec<[u32; 2]>,
    pub prologue_end: u32,
    /// Labels of the check of a large frame: where it fails, and where it is done.
    pub large_check: Option<(Label, Label)>,
    /// Stack argument bytes that this function pops.
    pub stack_bytes: u32,
    pub stack: Vec<Entry>,
    /// Where the search for an entry to spill begins.
    pub spilled_to: usize,
    pub ints: Bank,
    pub floats: Bank,
    /// Callee-saved registers in use, with the slot that keeps the caller's value.
    pub saved: SmallVec<[(Gpr, i32); 6]>,
    /// Caller-saved registers that variables live in.
    pub leaf_pins: SmallVec<[u16; 8]>,
    pub blocks: Vec<Option<Block>>,
    pub clauses: Clauses,
    pub sites: Sites,
    pub cold: Vec<Cold>,
    /// Places where the counter may run out, and the loop headers among them.
    pub asks: Vec<Ask>,
    pub headers: Vec<u32>,
    /// Base of the variables: FP, or [`Target::AREA`] in a filter.
    pub base: Gpr,
    /// Vararg cookie of the call being made: an address in the frame, or a word of it.
    pub cookie: Option<Word>,
    /// The clause whose filter this is.
    pub filter: Option<u32>,
    /// Index and IL offset of the current instruction.
    pub at: usize,
    pub il: u32,
    /// Control reaches the current instruction.
    pub live: bool,
    pub layouts: FxHashMap<TypeId, Arc<StructLayout>>,
}

impl<A: Target> Gen<'_, A> {
    // ---- errors

    pub fn unsupported<T>(&self, what: Unsupported) -> R<T> {
        Err(CompileError::Unsupported { what, il: self.il })
    }

    pub fn invalid<T>(&self, message: impl Into<String>) -> R<T> {
        Err(CompileError::Invalid {
            method: self.body.method,
            il: self.il,
            message: message.into(),
        })
    }

    // ---- sizes

    pub fn layout(&mut self, ty: TypeId) -> Arc<StructLayout> {
        let env = self.env;
        self.layouts
            .entry(ty)
            .or_insert_with(|| env.struct_layout(ty))
            .clone()
    }

    /// Size in memory.
    pub fn size_of(&mut self, ty: MemTy) -> u32 {
        match ty {
            MemTy::Struct(t) => self.layout(t).size,
            ty => ty.scalar_size(8).unwrap_or(8),
        }
    }

    /// Bytes of a temporary for such an entry.
    pub fn temp_bytes(&mut self, ty: StackTy) -> u32 {
        match ty {
            StackTy::Struct(t) => self.layout(t).size.next_multiple_of(8),
            _ => 8,
        }
    }
}
