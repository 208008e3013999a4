//! The managed calling convention: from a signature to registers and stack words.
//!
//! It is Cranelift's `tail` convention, which this module restates as data for those who do not
//! use Cranelift (`baseline`, `stubs`, `interop`). A test in `lower` compares the two.
//!
//! 1. Order of arguments: `this`; the return buffer, if any; the other parameters.
//! 2. A struct of at most [`MAX_FLAT_WORDS`] words is *flattened*: each word is an argument of its own. A
//!    word that is exactly one float is of class float, every other one an integer word. A larger
//!    struct is copied by the caller into the caller's frame and goes as a pointer to the copy, which
//!    the callee owns.
//! 3. A struct result of at most [`MAX_FLAT_WORDS`] words comes back in result registers, a larger one
//!    through the return buffer: memory in the caller's frame (so no write barrier is needed), which
//!    holds the result only on normal return.
//! 4. Words take the next free register of their class, else the next 8-byte stack word. The stack area
//!    is a multiple of 16 bytes and is popped by the callee.
//! 5. The upper bits of a 32-bit word are undefined. Integers smaller than 32 bits are widened to I32; the
//!    *callee* normalizes small parameters on entry and small results before it returns.
//! 6. Hidden arguments (rgctx, vararg cookie) travel in the thread context, the IMT key in its own register;
//!    neither changes anything above.
//!
//! ```text
//!          higher addresses
//!        +--------------------+
//!        | stack word n-1     |
//!        | ...                |   caller pushes, callee pops (ret n*8)
//!        | stack word 0       |  <- SP + word at entry, FP + 2 words in the body
//!        +--------------------+
//!        | return address     |  <- SP at entry
//!        | caller's FP        |  <- FP
//!        | frame of `size`    |
//!        +--------------------+  <- SP = FP - frame.size
//! ```

use crate::target::{Arch, Reg};
use crate::types::{MemTy, Signature, StructLayout};
use smallvec::SmallVec;

/// Structs of up to this many words travel in registers or stack words.
pub const MAX_FLAT_WORDS: u32 = 4;

/// Largest stack argument area in bytes (x86-64 pops it with a 16-bit immediate).
pub const MAX_STACK_BYTES: u32 = 0xfff0;

/// The machine type of one argument word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WordTy {
    /// 32-bit integer, upper half undefined.
    I32,
    /// 64-bit integer (on 32-bit targets: two registers, see `A32`).
    I64,
    /// Pointer-sized: pointers and references.
    Ptr,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

impl WordTy {
    /// Whether it goes in a float register.
    pub fn is_float(self) -> bool {
        matches!(self, WordTy::F32 | WordTy::F64)
    }
}

/// Where a word is at the call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Loc {
    /// In a register.
    Reg(Reg),
    /// At this byte offset in the stack argument area.
    Stack(u32),
}

/// One argument or result word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Word {
    /// Machine type.
    pub ty: WordTy,
    /// Place.
    pub loc: Loc,
    /// For words of a flattened struct: the byte offset in the struct; else 0.
    pub offset: u32,
}

/// How one parameter is passed: a range of [`AbiSig::words`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pass {
    /// Index of the first word.
    pub first: u32,
    /// Number of words: 1 unless a flattened struct.
    pub count: u32,
    /// The one word is a pointer to a copy of the struct in the caller's frame.
    pub indirect: bool,
}

/// How the result comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RetPass {
    /// No result.
    Void,
    /// In registers, one or more words.
    Words(SmallVec<[Word; 2]>),
    /// Through the return buffer, whose address is this argument word.
    Buffer(u32),
}

/// A signature assigned to registers and stack words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AbiSig {
    /// All argument words in order.
    pub words: SmallVec<[Word; 8]>,
    /// For each parameter of the signature its words.
    pub params: SmallVec<[Pass; 6]>,
    /// Result.
    pub ret: RetPass,
    /// Bytes of stack arguments, a multiple of 16.
    pub stack_bytes: u32,
}

/// What [`AbiSig::new`] must know of struct layouts.
pub trait Layouts {
    /// The layout of a value type.
    fn struct_layout(&self, ty: crate::ids::TypeId) -> std::sync::Arc<StructLayout>;
}

/// The words of a flattened struct as (offset, type), or `None` if it is too large to flatten.
///
/// A word's type says how much of it is meaningful, never more than the struct's size asks for: an
/// `I32` word at offset 8 ends a 12-byte struct. A trailing word of 1-3 or 5-7 bytes counts as `I32` or
/// `I64`: whoever loads it from memory of exact size must copy it first (frames always keep structs
/// padded to whole words).
pub fn flatten(layout: &StructLayout, arch: Arch) -> Option<SmallVec<[(u32, WordTy); 4]>> {
    let word = arch.pointer_bytes();
    if layout.size > MAX_FLAT_WORDS * 8 {
        return None;
    }
    let mut out = SmallVec::new();
    let mut offset = 0;
    while offset < layout.size {
        let end = offset + 8;
        let mut inside = layout
            .leaves
            .iter()
            .filter(|l| l.offset < end && l.offset >= offset);
        let spans = layout.leaves.iter().any(|l| {
            let size = l.ty.scalar_size(word).unwrap_or(8);
            (l.offset < offset && l.offset + size > offset)
                || (l.offset >= offset && l.offset < end && l.offset + size > end)
        });
        let first = inside.next();
        let single = !spans && inside.next().is_none();
        match (first, single) {
            (Some(l), true) if l.offset == offset && l.ty == MemTy::F64 => {
                out.push((offset, WordTy::F64))
            }
            (Some(l), true) if l.offset == offset && l.ty == MemTy::F32 => {
                out.push((offset, WordTy::F32))
            }
            _ if word == 4 => {
                out.push((offset, WordTy::I32));
                if layout.size > offset + 4 {
                    out.push((offset + 4, WordTy::I32));
                }
            }
            _ if layout.size - offset <= 4 => out.push((offset, WordTy::I32)),
            _ => out.push((offset, WordTy::I64)),
        }
        offset = end;
    }
    Some(out)
}

/// The machine type of a scalar parameter or result.
pub fn word_ty(ty: MemTy) -> Option<WordTy> {
    Some(match ty {
        MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16 | MemTy::I32 => WordTy::I32,
        MemTy::I64 => WordTy::I64,
        MemTy::Native | MemTy::Ref | MemTy::ByRef => WordTy::Ptr,
        MemTy::F32 => WordTy::F32,
        MemTy::F64 => WordTy::F64,
        MemTy::Struct(_) => return None,
    })
}

/// Where variadic arguments lie in their block.
///
/// ```text
///   0    handle of the call site's signature
///   8    first argument, as a memory location of its type
///   ...  the next ones, each at the next multiple of 8
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VarArgBlock {
    /// Byte offset of each argument.
    pub offsets: SmallVec<[u32; 6]>,
    /// Bytes of the block.
    pub size: u32,
}

impl VarArgBlock {
    /// Bytes before the first argument, and what every argument is aligned to.
    pub const SLOT: u32 = 8;

    /// The block for the parameters of a signature.
    pub fn new(sig: &Signature, arch: Arch, layouts: &(impl Layouts + ?Sized)) -> Self {
        let mut size = Self::SLOT;
        let offsets = sig.params.iter().map(|&ty| {
            let bytes = match ty {
                MemTy::Struct(t) => layouts.struct_layout(t).size,
                ty => ty.scalar_size(arch.pointer_bytes()).unwrap_or(Self::SLOT),
            };
            let at = size;
            size = size.saturating_add(bytes.next_multiple_of(Self::SLOT));
            at
        });
        let offsets = offsets.collect();
        Self { offsets, size }
    }
}

struct Assign<'a> {
    ints: &'a [u8],
    floats: &'a [u8],
    next_int: usize,
    next_float: usize,
    stack: u32,
}

impl Assign<'_> {
    fn next(&mut self, ty: WordTy) -> Loc {
        let (regs, next): (&[u8], &mut usize) = if ty.is_float() {
            (self.floats, &mut self.next_float)
        } else {
            (self.ints, &mut self.next_int)
        };
        match regs.get(*next) {
            Some(&r) => {
                *next += 1;
                Loc::Reg(if ty.is_float() {
                    Reg::Float(r)
                } else {
                    Reg::Int(r)
                })
            }
            None => {
                self.stack += 8;
                Loc::Stack(self.stack - 8)
            }
        }
    }
}

impl AbiSig {
    /// Assigns `sig` to registers and stack words on `arch`.
    pub fn new(sig: &Signature, arch: Arch, layouts: &(impl Layouts + ?Sized)) -> AbiSig {
        let roles = arch.roles();
        let mut args = Assign {
            ints: roles.int_args,
            floats: roles.float_args,
            next_int: 0,
            next_float: 0,
            stack: 0,
        };
        let mut words: SmallVec<[Word; 8]> = SmallVec::new();
        let mut params: SmallVec<[Pass; 6]> = SmallVec::new();

        let ret_words = sig.ret.map(|ty| match ty {
            MemTy::Struct(t) => flatten(&layouts.struct_layout(t), arch),
            ty => word_ty(ty).map(|w| SmallVec::from_slice(&[(0, w)])),
        });
        let mut buffer_pending = matches!(ret_words, Some(None));
        let mut buffer = None;
        let mut push = |words: &mut SmallVec<[Word; 8]>, ty, offset| {
            words.push(Word {
                ty,
                loc: args.next(ty),
                offset,
            });
        };
        if buffer_pending && !sig.has_this {
            buffer = Some(0);
            buffer_pending = false;
            push(&mut words, WordTy::Ptr, 0);
        }
        for &param in &sig.params {
            let first = words.len() as u32;
            let mut indirect = false;
            match param {
                MemTy::Struct(t) => match flatten(&layouts.struct_layout(t), arch) {
                    Some(flat) => flat
                        .iter()
                        .for_each(|&(offset, ty)| push(&mut words, ty, offset)),
                    None => {
                        indirect = true;
                        push(&mut words, WordTy::Ptr, 0);
                    }
                },
                scalar => push(&mut words, word_ty(scalar).unwrap_or(WordTy::Ptr), 0),
            }
            params.push(Pass {
                first,
                count: words.len() as u32 - first,
                indirect,
            });
            if buffer_pending {
                buffer = Some(words.len() as u32);
                buffer_pending = false;
                push(&mut words, WordTy::Ptr, 0);
            }
        }
        let stack_bytes = args.stack.next_multiple_of(16);

        let ret = match (ret_words, buffer) {
            (None, _) => RetPass::Void,
            (_, Some(word)) => RetPass::Buffer(word),
            (Some(flat), None) => {
                let mut rets = Assign {
                    ints: roles.int_rets,
                    floats: roles.float_rets,
                    next_int: 0,
                    next_float: 0,
                    stack: 0,
                };
                RetPass::Words(
                    flat.unwrap_or_default()
                        .iter()
                        .map(|&(offset, ty)| Word {
                            ty,
                            loc: rets.next(ty),
                            offset,
                        })
                        .collect(),
                )
            }
        };
        AbiSig {
            words,
            params,
            ret,
            stack_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TypeId;
    use crate::types::Leaf;
    use std::sync::Arc;

    struct L(Vec<Arc<StructLayout>>);
    impl Layouts for L {
        fn struct_layout(&self, ty: TypeId) -> Arc<StructLayout> {
            self.0[ty.index()].clone()
        }
    }

    fn layout(size: u32, leaves: &[(u32, MemTy)]) -> Arc<StructLayout> {
        Arc::new(StructLayout {
            size,
            align: 8,
            leaves: leaves
                .iter()
                .map(|&(offset, ty)| Leaf { offset, ty })
                .collect(),
            ..Default::default()
        })
    }

    #[test]
    fn order_is_this_buffer_rest_and_structs_flatten() {
        let layouts = L(vec![
            layout(16, &[(0, MemTy::F64), (8, MemTy::I32), (12, MemTy::I32)]),
            layout(40, &[(0, MemTy::I64)]),
        ]);
        let (small, big) = (
            MemTy::Struct(TypeId::from_index(0)),
            MemTy::Struct(TypeId::from_index(1)),
        );
        let sig = Signature {
            has_this: true,
            params: SmallVec::from_slice(&[MemTy::Ref, small, big, MemTy::F32]),
            ret: Some(big),
            ..Default::default()
        };
        let abi = AbiSig::new(&sig, Arch::X64, &layouts);
        let locs: Vec<Loc> = abi.words.iter().map(|w| w.loc).collect();
        let (i, f) = (|r| Loc::Reg(Reg::Int(r)), |r| Loc::Reg(Reg::Float(r)));
        // this rdi, buffer rsi, small = xmm0 + rdx, big = rcx (pointer), float xmm1
        assert_eq!(locs, [i(7), i(6), f(0), i(2), i(1), f(1)]);
        assert_eq!(abi.ret, RetPass::Buffer(1));
        assert!(abi.params[2].indirect && abi.params[1].count == 2);
        assert_eq!(abi.stack_bytes, 0);
    }

    #[test]
    fn stack_words_follow_registers_and_are_padded_to_16() {
        let sig = Signature {
            params: SmallVec::from_slice(&[MemTy::I32; 7]),
            ..Default::default()
        };
        let abi = AbiSig::new(&sig, Arch::X64, &L(vec![]));
        assert_eq!(abi.words[6].loc, Loc::Stack(0));
        assert_eq!(abi.stack_bytes, 16);
    }

    #[test]
    fn floats_sharing_a_word_are_integers_and_tails_are_short() {
        let l = layout(12, &[(0, MemTy::F32), (4, MemTy::F32), (8, MemTy::F32)]);
        let flat = flatten(&l, Arch::X64).unwrap();
        assert_eq!(flat.as_slice(), [(0, WordTy::I64), (8, WordTy::F32)]);
        let l = layout(12, &[(0, MemTy::I64), (8, MemTy::I32)]);
        assert_eq!(flatten(&l, Arch::X64).unwrap()[1], (8, WordTy::I32));
    }
}
