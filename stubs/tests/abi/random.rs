//! Random signatures, struct layouts and values.

use isthmus_runtime_abi::callconv::{AbiSig, Layouts, RetPass};
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::types::{Leaf, MemTy, Signature, StructLayout};
use std::sync::Arc;

/// A generator of numbers (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        (self.word() >> 16) % n
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

const SCALARS: [MemTy; 11] = [
    MemTy::I8,
    MemTy::U8,
    MemTy::I16,
    MemTy::U16,
    MemTy::I32,
    MemTy::I64,
    MemTy::Native,
    MemTy::F32,
    MemTy::F64,
    MemTy::Ref,
    MemTy::ByRef,
];

/// A signature with the layouts of its structs.
pub struct Shape {
    pub sig: Signature,
    pub abi: AbiSig,
    layouts: Structs,
}

struct Structs(Vec<Arc<StructLayout>>);

impl Layouts for Structs {
    fn struct_layout(&self, ty: TypeId) -> Arc<StructLayout> {
        self.0[ty.index()].clone()
    }
}

impl Structs {
    /// A struct of 1 to 10 words whose leaves are aligned and may leave gaps.
    fn random(&mut self, r: &mut Random) -> MemTy {
        let limit = 8 * (1 + r.below(10)) as u32;
        let mut leaves = Vec::new();
        let (mut offset, mut align) = (0u32, 1);
        while offset < limit {
            let ty = SCALARS[r.below(SCALARS.len() as u64) as usize];
            let size = ty.scalar_size(8).unwrap();
            offset = offset.next_multiple_of(size);
            if offset + size > limit {
                break;
            }
            if !r.chance(6) {
                leaves.push(Leaf { offset, ty });
                align = align.max(size);
            }
            offset += size;
        }
        let size = offset.clamp(1, limit).next_multiple_of(align);
        self.0.push(Arc::new(StructLayout {
            size,
            align,
            leaves,
            ..StructLayout::default()
        }));
        MemTy::Struct(TypeId::from_index(self.0.len() - 1))
    }

    fn any(&mut self, r: &mut Random) -> MemTy {
        if r.chance(3) {
            self.random(r)
        } else {
            SCALARS[r.below(SCALARS.len() as u64) as usize]
        }
    }
}

impl Shape {
    /// Up to 12 parameters; many have more words than there are registers.
    pub fn random(r: &mut Random, has_this: bool) -> Shape {
        let mut layouts = Structs(Vec::new());
        let mut sig = Signature {
            has_this,
            ..Signature::default()
        };
        if has_this {
            sig.params.push(MemTy::Ref);
        }
        for _ in 0..r.below(12) {
            sig.params.push(layouts.any(r));
        }
        if !r.chance(6) {
            sig.ret = Some(layouts.any(r));
        }
        let abi = AbiSig::new(&sig, Arch::X64, &layouts);
        Shape { sig, abi, layouts }
    }

    /// Words of a result that goes through the return buffer.
    pub fn buffer_words(&self) -> usize {
        match (self.sig.ret, &self.abi.ret) {
            (Some(MemTy::Struct(t)), RetPass::Buffer(_)) => {
                self.layouts.struct_layout(t).size.div_ceil(8) as usize
            }
            _ => 0,
        }
    }

    /// Number of words of the result, wherever they come back.
    pub fn result_words(&self) -> usize {
        match &self.abi.ret {
            RetPass::Words(words) => words.len(),
            RetPass::Void => 0,
            RetPass::Buffer(_) => self.buffer_words(),
        }
    }
}
