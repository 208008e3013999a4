//! A random signature as a `.sir` module with a callee and forwarders.

use crate::random::Random;
use isthmus_frontend_ir::module::Module;
use isthmus_frontend_ir::text;
use isthmus_runtime_abi::callconv::{AbiSig, Layouts, Loc, RetPass};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::types::{MemTy, Signature};
use isthmus_stubs::entry::InvokeArgs;
use std::fmt::Write;
use std::sync::Arc;

const SCALARS: [&str; 10] = [
    "i8", "u8", "i16", "u16", "i32", "i64", "native", "f32", "f64", "object",
];

/// Bytes of memory for one value: 10 words and a margin.
const SLOT: usize = 128;
const SLOTS: usize = 16;

pub struct Program {
    pub text: String,
    pub module: Module,
    pub sig: Arc<Signature>,
    pub abi: AbiSig,
    pub callee: MethodId,
    pub forward: MethodId,
    pub forward_tail: MethodId,
    struct_names: Vec<String>,
    /// Where callees store parameters, one slot each.
    arrived: Box<[u8]>,
    /// What callees return.
    returned: Box<[u8]>,
    /// Return buffer.
    buffer: Box<[u8]>,
}

/// Parameters in memory, and as argument words.
pub struct Given {
    pub memory: Vec<Box<[u8]>>,
    pub words: Vec<u64>,
}

impl Program {
    pub fn random(r: &mut Random) -> Program {
        let arrived = vec![0u8; SLOT * SLOTS].into_boxed_slice();
        let returned: Box<[u8]> = (0..SLOT).map(|_| r.word() as u8).collect();
        let buffer = vec![0u8; SLOT].into_boxed_slice();

        let mut text = String::new();
        let mut struct_names = Vec::new();
        let mut any = |r: &mut Random, text: &mut String| {
            if !r.chance(3) {
                return SCALARS[r.below(10) as usize].to_string();
            }
            let name = format!("S{}", struct_names.len());
            writeln!(text, "struct {name} {{").unwrap();
            let most = 1 + r.below(10);
            for f in 0..1 + r.below(most) {
                let ty = SCALARS[r.below(10) as usize];
                writeln!(text, "  field {ty} f{f}").unwrap();
            }
            writeln!(text, "}}").unwrap();
            struct_names.push(name.clone());
            name
        };
        let types: Vec<String> = {
            let n = r.below(11);
            (0..n).map(|_| any(r, &mut text)).collect()
        };
        let ret = (!r.chance(6)).then(|| any(r, &mut text));
        let has_this = r.chance(3);
        write_functions(
            &mut text,
            &types,
            ret.as_deref(),
            has_this,
            &arrived,
            &returned,
        );

        let module = text::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let find = |name: &str| {
            let class = module.find_type("C").filter(|_| has_this);
            match class {
                Some(c) => module.find_method(c, name),
                None => module.find_function(name),
            }
            .unwrap()
        };
        let (callee, forward) = (find("callee"), find("forward"));
        let forward_tail = find("forward_tail");
        let sig = module.method_def(callee).sig.clone();
        let abi = AbiSig::new(&sig, Arch::X64, &module);
        Program {
            text,
            module,
            sig,
            abi,
            callee,
            forward,
            forward_tail,
            struct_names,
            arrived,
            returned,
            buffer,
        }
    }

    pub fn structs(&self) -> impl Iterator<Item = TypeId> + '_ {
        self.struct_names
            .iter()
            .filter_map(|n| self.module.find_type(n))
    }

    /// Address where parameter `i` is stored.
    pub fn arrived(&self, i: usize) -> usize {
        self.arrived[i * SLOT..].as_ptr() as usize
    }

    /// Address of the bytes of the result.
    pub fn returned(&self) -> usize {
        self.returned.as_ptr() as usize
    }

    pub fn clear(&self) {
        for memory in [&self.arrived, &self.buffer] {
            // SAFETY: the test's own memory, written by generated code only while no reference is used.
            unsafe { std::ptr::write_bytes(memory.as_ptr().cast_mut(), 0x55, memory.len()) };
        }
    }

    /// (offset, size) of the bytes that mean something in a value of this type.
    fn leaves(&self, ty: MemTy) -> Vec<(usize, usize)> {
        match ty {
            MemTy::Struct(t) => {
                let layout = self.module.struct_layout(t);
                let size = |l: MemTy| l.scalar_size(8).unwrap() as usize;
                let leaves = layout.leaves.iter();
                leaves.map(|l| (l.offset as usize, size(l.ty))).collect()
            }
            ty => vec![(0, ty.scalar_size(8).unwrap() as usize)],
        }
    }

    /// Random parameters. What a word has beyond its type is random too.
    pub fn values(&self, r: &mut Random) -> Given {
        let mut words = vec![0; self.abi.words.len()];
        if let RetPass::Buffer(word) = self.abi.ret {
            words[word as usize] = self.buffer.as_ptr() as u64;
        }
        let mut memory = Vec::new();
        for pass in &self.abi.params {
            let bytes: Box<[u8]> = (0..SLOT).map(|_| r.word() as u8).collect();
            for w in pass.first..pass.first + pass.count {
                let offset = self.abi.words[w as usize].offset as usize;
                let word = u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap());
                words[w as usize] = if pass.indirect {
                    bytes.as_ptr() as u64
                } else {
                    word
                };
            }
            memory.push(bytes);
        }
        Given { memory, words }
    }

    pub fn check_arguments(&self, given: &Given, what: &str) {
        for (i, (&ty, sent)) in self.sig.params.iter().zip(&given.memory).enumerate() {
            for (at, size) in self.leaves(ty) {
                let got = bytes(&self.arrived, i * SLOT + at, size);
                let sent = &sent[at..at + size];
                assert_eq!(got, sent, "parameter {i}, offset {at}: {what}");
            }
        }
    }

    pub fn check_result(&self, given: &Given, args: &InvokeArgs, what: &str) {
        let Some(ty) = self.sig.ret else { return };
        let mut found = vec![0u8; SLOT];
        match &self.abi.ret {
            RetPass::Buffer(_) => found = bytes(&self.buffer, 0, SLOT),
            RetPass::Words(words) => {
                for (w, value) in words.iter().zip(args.results(&self.abi, Arch::X64)) {
                    let at = w.offset as usize;
                    found[at..at + 8].copy_from_slice(&value.to_le_bytes());
                }
            }
            RetPass::Void => {}
        }
        for (at, size) in self.leaves(ty) {
            let expected = &self.returned[at..at + size];
            assert_eq!(
                &found[at..at + size],
                expected,
                "result, offset {at}: {what}"
            );
        }
        // Small results come back extended to 32 bits.
        let low = u32::from_le_bytes(found[..4].try_into().unwrap());
        let first = self.returned[0];
        let second = u16::from_le_bytes([first, self.returned[1]]);
        let extended = match ty {
            MemTy::I8 => first as i8 as i32 as u32,
            MemTy::U8 => first.into(),
            MemTy::I16 => second as i16 as i32 as u32,
            MemTy::U16 => second.into(),
            _ => low,
        };
        assert_eq!(low, extended, "small result: {what}");
        assert_eq!(given.memory.len(), self.sig.params.len());
    }

    /// Where the words of the result lie in its bytes: (register, offset).
    pub fn result_words(&self) -> Vec<(Reg, usize)> {
        match &self.abi.ret {
            RetPass::Words(words) => words
                .iter()
                .filter_map(|w| match w.loc {
                    Loc::Reg(r) => Some((r, w.offset as usize)),
                    Loc::Stack(_) => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Bytes that generated code writes.
fn bytes(memory: &[u8], at: usize, size: usize) -> Vec<u8> {
    let read = |i: usize| {
        // SAFETY: within the slice.
        unsafe { memory.as_ptr().add(at + i).read_volatile() }
    };
    (0..size).map(read).collect()
}

fn write_functions(
    text: &mut String,
    types: &[String],
    ret: Option<&str>,
    has_this: bool,
    arrived: &[u8],
    returned: &[u8],
) {
    let params: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(i, t)| format!("{t} a{i}"))
        .collect();
    let (word, owner, this) = match has_this {
        true => ("noinline method", "C::", "ldarg this "),
        false => ("noinline func", "", ""),
    };
    let head = |name: &str| {
        let result = ret.map_or(String::new(), |t| format!(" -> {t}"));
        format!("{word} {name}({}){result} {{", params.join(", "))
    };
    if has_this {
        text.push_str("class C {\n");
    }
    writeln!(text, "{}", head("callee")).unwrap();
    let slot = |text: &mut String, load: &str, ty: &str| {
        static ORDER: &str = "  ldc.i8";
        let at = arrived.as_ptr() as usize + SLOT * text.matches(ORDER).count();
        writeln!(text, "{ORDER} {at} conv.i {load} stobj {ty}").unwrap();
    };
    if has_this {
        slot(text, "ldarg this", "object");
    }
    for (i, ty) in types.iter().enumerate() {
        slot(text, &format!("ldarg a{i}"), ty);
    }
    if let Some(ty) = ret {
        let at = returned.as_ptr() as usize;
        writeln!(text, "  ldc.i8 {at} conv.i ldobj {ty}").unwrap();
    }
    text.push_str("  ret\n}\n");
    let args: Vec<String> = (0..types.len()).map(|i| format!("ldarg a{i}")).collect();
    for (name, tail) in [("forward", ""), ("forward_tail", "tail. ")] {
        writeln!(text, "{}", head(name)).unwrap();
        writeln!(
            text,
            "  {this}{} {tail}call {owner}callee ret\n}}",
            args.join(" ")
        )
        .unwrap();
    }
    if has_this {
        text.push_str("}\n");
    }
}
