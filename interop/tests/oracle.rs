//! Random functions: what the C compiler's code finds in registers and on the stack, called as [`Abi::call`] says.
//!
//! The compiler makes functions that copy each argument to `seen` and return what is in `given`. The test puts the pieces of random arguments in their
//! places by hand, and compares all scalars.

#![cfg(target_arch = "x86_64")]

use isthmus_interop::abi::{Abi, Call, Pass, Pieces, Return};
use isthmus_interop::function::Function;
use isthmus_interop::layout::{Layout, Value};
use isthmus_interop::library::Library;
use isthmus_runtime_abi::callconv::Loc;
use isthmus_runtime_abi::target::{Arch, Reg};
use std::fmt::Write;
use std::process::Command;

const ARCH: Arch = Arch::X64;
const FUNCTIONS: usize = 400;
/// Bytes of `seen` for one argument.
const ROOM: usize = 128;

/// Registers and stack of a call.
#[repr(C)]
#[derive(Default)]
struct Raw {
    function: usize,
    ints: [u64; 6],
    floats: [u64; 8],
    stack: usize,
    stack_words: usize,
    float_registers: u64,
    int_rets: [u64; 2],
    float_rets: [u64; 2],
}

std::arch::global_asm!(
    ".global isthmus_interop_raw_call",
    "isthmus_interop_raw_call:",
    "push rbp",
    "mov rbp, rsp",
    "push rbx",
    "push rbx",
    "mov rbx, rdi",
    "mov rcx, [rbx + 128]",
    "mov rsi, [rbx + 120]",
    "test rcx, 1",
    "jz 2f",
    "push 0",
    "2:",
    "test rcx, rcx",
    "jz 3f",
    "push [rsi + rcx * 8 - 8]",
    "dec rcx",
    "jmp 2b",
    "3:",
    "movsd xmm0, [rbx + 56]",
    "movsd xmm1, [rbx + 64]",
    "movsd xmm2, [rbx + 72]",
    "movsd xmm3, [rbx + 80]",
    "movsd xmm4, [rbx + 88]",
    "movsd xmm5, [rbx + 96]",
    "movsd xmm6, [rbx + 104]",
    "movsd xmm7, [rbx + 112]",
    "mov rdi, [rbx + 8]",
    "mov rsi, [rbx + 16]",
    "mov rdx, [rbx + 24]",
    "mov rcx, [rbx + 32]",
    "mov r8, [rbx + 40]",
    "mov r9, [rbx + 48]",
    "mov rax, [rbx + 136]",
    "call [rbx]",
    "mov [rbx + 144], rax",
    "mov [rbx + 152], rdx",
    "movsd [rbx + 160], xmm0",
    "movsd [rbx + 168], xmm1",
    "lea rsp, [rbp - 16]",
    "pop rbx",
    "pop rbx",
    "pop rbp",
    "ret",
);

unsafe extern "C" {
    fn isthmus_interop_raw_call(raw: *mut Raw);
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn value(&mut self) -> Value {
        Value::ALL[self.below(Value::ALL.len() as u64) as usize]
    }

    /// A scalar, or an aggregate of at most [`ROOM`] bytes.
    fn layout(&mut self, depth: u32) -> Layout {
        if depth > 2 || self.below(3) == 0 {
            return self.value().into();
        }
        let count = 1 + self.below(4) as usize;
        let floats = self.below(3) == 0;
        let members = (0..count).map(|i| {
            let inner = match (floats, self.below(6)) {
                (true, _) => [Value::F32, Value::F64][self.below(2) as usize].into(),
                (_, 0) => Layout::array(self.value().into(), 1 + self.below(3) as u32),
                (_, 1) => self.layout(depth + 1),
                _ => self.value().into(),
            };
            (format!("m{i}"), inner)
        });
        let members: Vec<_> = members.collect();
        let layout = match self.below(8) {
            0 => Layout::union(members, ARCH),
            1 => Layout::structure(members, Some(1 << self.below(3)), ARCH),
            _ => Layout::structure(members, None, ARCH),
        };
        match layout.size(ARCH) as usize <= ROOM {
            true => layout,
            false => self.value().into(),
        }
    }
}

/// The C declaration of something of a layout.
fn declare(layout: &Layout, name: &str) -> String {
    match layout {
        Layout::Value(v) => {
            let ty = match v {
                Value::I8 => "signed char",
                Value::U8 => "unsigned char",
                Value::I16 => "short",
                Value::U16 => "unsigned short",
                Value::I32 => "int",
                Value::I64 => "long long",
                Value::F32 => "float",
                Value::F64 => "double",
                Value::Ptr => "void *",
            };
            format!("{ty} {name}")
        }
        Layout::Array(element, n) => declare(element, &format!("{name}[{n}]")),
        Layout::Struct(g) | Layout::Union(g) => {
            let members: String = g
                .members
                .iter()
                .map(|m| {
                    // A packed structure is told by the offsets of its members.
                    let natural = m.offset.is_multiple_of(m.layout.align(ARCH))
                        && g.align >= m.layout.align(ARCH);
                    let align = m.offset & m.offset.wrapping_neg();
                    let align = if m.offset == 0 {
                        g.align
                    } else {
                        align.min(g.align)
                    };
                    let attribute = match natural {
                        true => String::new(),
                        false => format!(" __attribute__((packed, aligned({align})))"),
                    };
                    format!("{}{attribute}; ", declare(&m.layout, &m.name))
                })
                .collect();
            let word = match layout {
                Layout::Union(_) => "union",
                _ => "struct",
            };
            format!("{word} {{ {members}}} {name}")
        }
    }
}

/// Puts pieces of an argument in their places.
fn place(raw: &mut Raw, stack: &mut [u64], pieces: &Pieces, data: &[u8]) {
    for p in pieces {
        let mut word = [0; 8];
        let from = &data[p.offset as usize..];
        let n = from.len().min(8);
        word[..n].copy_from_slice(&from[..n]);
        let word = u64::from_le_bytes(word);
        match p.loc {
            Loc::Reg(Reg::Int(r)) => {
                let i = Abi::SysV64.int_args().iter().position(|&x| x == r).unwrap();
                raw.ints[i] = word;
            }
            Loc::Reg(Reg::Float(r)) => raw.floats[r as usize] = word,
            Loc::Stack(at) => stack[at as usize / 8] = word,
        }
    }
}

fn call(function: usize, call: &Call, args: &[Vec<u8>], result: &mut [u8]) {
    let mut raw = Raw {
        function,
        float_registers: call.float_registers.into(),
        ..Raw::default()
    };
    let mut stack = vec![0u64; call.stack_bytes.div_ceil(8) as usize];
    for (pass, data) in call.params.iter().zip(args) {
        match pass {
            Pass::Nothing => {}
            Pass::Pieces(pieces) => place(&mut raw, &mut stack, pieces, data),
            Pass::Stack(at) => {
                for (i, word) in data.chunks(8).enumerate() {
                    let mut whole = [0; 8];
                    whole[..word.len()].copy_from_slice(word);
                    stack[*at as usize / 8 + i] = u64::from_le_bytes(whole);
                }
            }
            Pass::Pointer(_) => unreachable!("System V passes no copies"),
        }
    }
    if let Return::Memory(loc) = call.ret {
        assert_eq!(loc, Loc::Reg(Reg::Int(7)));
        raw.ints[0] = result.as_mut_ptr() as u64;
    }
    raw.stack = stack.as_ptr() as usize;
    raw.stack_words = stack.len();
    // SAFETY: a function of the type that the call was made for.
    unsafe { isthmus_interop_raw_call(&raw mut raw) };
    let Return::Pieces(pieces) = &call.ret else {
        return;
    };
    for p in pieces {
        let word = match p.loc {
            Loc::Reg(Reg::Int(r)) => {
                let rets = Abi::SysV64.int_rets();
                raw.int_rets[rets.iter().position(|&x| x == r).unwrap()]
            }
            Loc::Reg(Reg::Float(r)) => raw.float_rets[r as usize],
            Loc::Stack(_) => unreachable!("results are in registers"),
        };
        let to = &mut result[p.offset as usize..];
        let n = to.len().min(8);
        to[..n].copy_from_slice(&word.to_le_bytes()[..n]);
    }
}

/// Compares the scalars of a layout.
fn same(layout: &Layout, a: &[u8], b: &[u8]) -> bool {
    layout.each_value(ARCH, &mut |at, v| {
        let range = at as usize..(at + v.size(ARCH)) as usize;
        a[range.clone()] == b[range]
    })
}

#[test]
fn the_c_compiler_agrees() {
    let mut r = Random(0x9e37_79b9_7f4a_7c15);
    let mut source =
        String::from("#include <string.h>\nunsigned char seen[64][128], given[128];\n");
    let mut functions = Vec::new();
    for n in 0..FUNCTIONS {
        let function = Function {
            params: (0..r.below(9)).map(|_| r.layout(0)).collect(),
            ret: Some(r.layout(0)),
            fixed: None,
        };
        for (i, p) in function.params.iter().enumerate() {
            writeln!(source, "typedef {};", declare(p, &format!("t{n}_{i}"))).unwrap();
        }
        let ret = function.ret.as_ref().unwrap();
        writeln!(source, "typedef {};", declare(ret, &format!("r{n}"))).unwrap();
        let params: Vec<String> = (0..function.params.len())
            .map(|i| format!("t{n}_{i} a{i}"))
            .collect();
        let copies: String = (0..function.params.len())
            .map(|i| format!("memcpy(seen[{i}], &a{i}, sizeof a{i}); "))
            .collect();
        let list = if params.is_empty() {
            "void".into()
        } else {
            params.join(", ")
        };
        writeln!(
            source,
            "r{n} f{n}({list}) {{ r{n} r; {copies}memcpy(&r, given, sizeof r); return r; }}"
        )
        .unwrap();
        functions.push(function);
    }
    let folder = std::env::temp_dir().join(format!("isthmus-interop-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (c, so) = (folder.join("oracle.c"), folder.join("oracle.so"));
    std::fs::write(&c, &source).unwrap();
    let compiled = Command::new("cc")
        .args(["-O1", "-w", "-shared", "-fPIC", "-o"])
        .args([&so, &c])
        .output()
        .expect("a C compiler");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let library = Library::open(so.to_str().unwrap()).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let (seen, given) = (
        library.symbol("seen").unwrap(),
        library.symbol("given").unwrap(),
    );

    for (n, function) in functions.iter().enumerate() {
        let what = function.text(ARCH).to_string();
        let mut bytes = |layout: &Layout| -> Vec<u8> {
            (0..layout.size(ARCH)).map(|_| r.below(256) as u8).collect()
        };
        let args: Vec<Vec<u8>> = function.params.iter().map(&mut bytes).collect();
        let ret = function.ret.as_ref().unwrap();
        let wanted = bytes(ret);
        // SAFETY: arrays of the library, of this size.
        unsafe {
            std::ptr::write_bytes(seen as *mut u8, 0, 64 * ROOM);
            std::ptr::copy_nonoverlapping(wanted.as_ptr(), given as *mut u8, wanted.len());
        }
        let mut result = vec![0; wanted.len()];
        let address = library.symbol(&format!("f{n}")).unwrap();
        call(address, &Abi::SysV64.call(function), &args, &mut result);
        for (i, (arg, layout)) in args.iter().zip(&function.params).enumerate() {
            // SAFETY: as above.
            let there = unsafe { std::slice::from_raw_parts((seen + i * ROOM) as *const u8, ROOM) };
            assert!(
                same(layout, arg, there),
                "argument {i} of {what}: {:?}",
                Abi::SysV64.call(function)
            );
        }
        assert!(same(ret, &wanted, &result), "result of {what}");
    }
}
