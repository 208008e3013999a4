//! Cranelift's `tail` convention is the managed convention of `runtime_abi::callconv`.
//!
//! For random signatures a function is compiled that stores every parameter to a numbered word of a buffer, and its machine
//! code is followed from the entry: where did each stored value come from? The same for results, backwards from `ret`. No
//! code is run, so a signature may be anything.
#![cfg(target_arch = "x86_64")]

mod common;

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{Function, InstBuilder, MemFlagsData, UserFuncName, types};
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};
use isthmus_lower::{abi, isa};
use isthmus_runtime_abi::callconv::{AbiSig, Layouts, Loc, RetPass};
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::types::{Leaf, MemTy, Signature, StructLayout};
use std::collections::HashMap;
use std::sync::Arc;

struct Structs(Vec<Arc<StructLayout>>);

impl Layouts for Structs {
    fn struct_layout(&self, ty: TypeId) -> Arc<StructLayout> {
        self.0[ty.index()].clone()
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

const SCALARS: [MemTy; 8] = [
    MemTy::I8,
    MemTy::U16,
    MemTy::I32,
    MemTy::I64,
    MemTy::Native,
    MemTy::Ref,
    MemTy::F32,
    MemTy::F64,
];

fn random_type(r: &mut Random, structs: &mut Structs) -> MemTy {
    if r.below(4) != 0 {
        return SCALARS[r.below(SCALARS.len())];
    }
    let mut layout = StructLayout {
        align: 8,
        ..StructLayout::default()
    };
    for _ in 0..1 + r.below(6) {
        let ty = SCALARS[r.below(SCALARS.len())];
        let size = ty.scalar_size(8).unwrap();
        let offset = layout.size.next_multiple_of(size);
        layout.leaves.push(Leaf { offset, ty });
        layout.size = offset + size;
    }
    layout.size = layout.size.next_multiple_of(8);
    structs.0.push(Arc::new(layout));
    MemTy::Struct(TypeId::from_index(structs.0.len() - 1))
}

/// Compiles a function of this signature: each parameter to `[buffer + 8 * n]`, results from `[buffer + 8 * (100 + n)]`.
fn compile(abi: &AbiSig) -> Vec<u8> {
    let isa = isa::isa(Arch::X64, FeatureSet::MINIMUM).unwrap();
    let signature = abi::method_signature(abi);
    let rets: Vec<_> = signature.returns.iter().map(|p| p.value_type).collect();
    let mut func = Function::with_name_signature(UserFuncName::default(), signature);
    let mut cur = FuncCursor::new(&mut func);
    let block = cur.func.dfg.make_block();
    for n in 0..abi.words.len() {
        let ty = cur.func.signature.params[n].value_type;
        cur.func.dfg.append_block_param(block, ty);
    }
    cur.insert_block(block);
    let flags = MemFlagsData::trusted();
    for n in 0..abi.words.len() {
        let v = cur.func.dfg.block_params(block)[n];
        let buffer = cur.ins().get_pinned_reg(types::I64);
        cur.ins().store(flags, v, buffer, n as i32 * 8);
    }
    let mut values = Vec::new();
    for (n, ty) in rets.into_iter().enumerate() {
        let buffer = cur.ins().get_pinned_reg(types::I64);
        values.push(cur.ins().load(ty, flags, buffer, (100 + n as i32) * 8));
    }
    cur.ins().return_(&values);
    let mut context = cranelift_codegen::Context::for_function(func);
    let code = context.compile(&*isa, &mut Default::default()).unwrap();
    code.buffer.data().to_vec()
}

/// Where a value came from: a register or stack argument at entry, or a word of the buffer.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Origin {
    Arg(Loc),
    Buffer(i64),
    Frame(i64),
}

fn location(register: Register) -> Loc {
    let full = register.full_register();
    if full.is_zmm() {
        Loc::Reg(Reg::Float(full.number() as u8))
    } else {
        Loc::Reg(Reg::Int(full.number() as u8))
    }
}

/// Follows straight-line code: (origin of each buffer word stored, origin of each register at `ret`, bytes popped).
fn follow(code: &[u8]) -> (HashMap<i64, Origin>, HashMap<Register, Origin>, u32) {
    let mut regs: HashMap<Register, Origin> = HashMap::new();
    let mut frame: HashMap<i64, Origin> = HashMap::new();
    let mut stored = HashMap::new();
    let origin = |regs: &HashMap<Register, Origin>, r: Register| {
        let full = r.full_register();
        regs.get(&full).copied().unwrap_or(Origin::Arg(location(r)))
    };
    // Displacement of SP from FP.
    let mut sp = 0i64;
    for i in &mut Decoder::new(64, code, DecoderOptions::NONE) {
        let disp = i.memory_displacement64() as i64;
        let slot = match i.memory_base() {
            Register::RBP => Some(disp),
            Register::RSP => Some(sp + disp),
            _ => None,
        };
        match i.mnemonic() {
            Mnemonic::Push | Mnemonic::Pop => {}
            Mnemonic::Sub if i.op0_register() == Register::RSP => sp -= i.immediate(1) as i64,
            Mnemonic::Add if i.op0_register() == Register::RSP => sp += i.immediate(1) as i64,
            Mnemonic::Ret => {
                let popped = if i.op_count() == 1 {
                    i.immediate(0) as u32
                } else {
                    0
                };
                return (stored, regs, popped);
            }
            _ if i.op0_kind() == OpKind::Register && i.op1_kind() == OpKind::Register => {
                let from = origin(&regs, i.op1_register());
                regs.insert(i.op0_register().full_register(), from);
            }
            _ if i.op0_kind() == OpKind::Register && i.op1_kind() == OpKind::Memory => {
                let from = match slot {
                    Some(s) => frame.get(&s).copied().unwrap_or(if s >= 16 {
                        Origin::Arg(Loc::Stack(s as u32 - 16))
                    } else {
                        Origin::Frame(s)
                    }),
                    None => Origin::Buffer(disp),
                };
                regs.insert(i.op0_register().full_register(), from);
            }
            _ if i.op0_kind() == OpKind::Memory => {
                let from = origin(&regs, i.op1_register());
                match slot {
                    Some(s) => frame.insert(s, from),
                    None => stored.insert(disp, from),
                };
            }
            other => panic!("{other:?}: {i}"),
        }
    }
    panic!("no ret");
}

#[test]
fn random_signatures_are_assigned_alike() {
    let mut r = Random(1);
    let mut stack_words = 0;
    let mut result_words = 0;
    for _ in 0..400 {
        let mut structs = Structs(Vec::new());
        let has_this = r.below(2) == 0;
        let mut sig = Signature {
            has_this,
            ..Signature::default()
        };
        if has_this {
            sig.params.push(MemTy::Ref);
        }
        for _ in 0..r.below(14) {
            sig.params.push(random_type(&mut r, &mut structs));
        }
        if r.below(4) != 0 {
            sig.ret = Some(random_type(&mut r, &mut structs));
        }
        let assigned = AbiSig::new(&sig, Arch::X64, &structs);
        let (stored, regs, popped) = follow(&compile(&assigned));
        assert_eq!(popped, assigned.stack_bytes, "{sig:?}");
        let types: Vec<_> = assigned.words.iter().map(|w| w.ty).collect();
        assert_eq!(abi::stack_bytes(Arch::X64, &types), assigned.stack_bytes);
        for (n, word) in assigned.words.iter().enumerate() {
            assert_eq!(
                stored[&(n as i64 * 8)],
                Origin::Arg(word.loc),
                "{n} {sig:?}"
            );
            stack_words += usize::from(matches!(word.loc, Loc::Stack(_)));
        }
        if let RetPass::Words(words) = &assigned.ret {
            for (n, word) in words.iter().enumerate() {
                let found = regs
                    .iter()
                    .find(|&(_, &o)| o == Origin::Buffer((100 + n as i64) * 8))
                    .map(|(&r, _)| location(r));
                assert_eq!(found, Some(word.loc), "result {n} of {sig:?}");
                result_words += 1;
            }
        }
    }
    assert!(
        stack_words > 500 && result_words > 200,
        "{stack_words} {result_words}"
    );
}
