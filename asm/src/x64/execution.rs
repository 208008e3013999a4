//! What operations compute: every integer condition, float comparisons with NaN, conversions, wide products, tables, blocks,
//! atomics. Code runs in the linker's code memory.
#![cfg(target_arch = "x86_64")]

use super::X64Asm;
use super::regs::*;
use crate::operand::Width::{W8, W32, W64};
use crate::prelude::*;
use isthmus_linker::{CodeMemory, Config};
use isthmus_runtime_abi::artifact::{CompiledMethod, Tier};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;

/// Assembles a C function; arguments in rdi, rsi, result in rax.
struct Function {
    _memory: CodeMemory,
    address: usize,
}

fn function(body: impl FnOnce(&mut X64Asm)) -> Function {
    let mut a = X64Asm::default();
    body(&mut a);
    a.ret(0);
    let done = a.finish().unwrap();
    let id = MethodId::from_index(0);
    let method = CompiledMethod {
        code: done.code,
        relocs: done.relocs,
        ..CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Stub)
    };
    let config = Config {
        code: 1 << 16,
        data: 1 << 16,
    };
    let memory = CodeMemory::new(config).unwrap();
    let address = memory.link(&method, &|_| Ok(0)).unwrap().base;
    Function {
        _memory: memory,
        address,
    }
}

impl Function {
    fn call(&self, a: u64, b: u64) -> u64 {
        // SAFETY: the assembled function has this type and changes no register that it must keep.
        unsafe {
            let f: extern "C" fn(u64, u64) -> u64 = std::mem::transmute(self.address);
            f(a, b)
        }
    }

    fn call_floats(&self, a: f64, b: f64) -> u64 {
        // SAFETY: as above.
        unsafe {
            let f: extern "C" fn(f64, f64) -> u64 = std::mem::transmute(self.address);
            f(a, b)
        }
    }
}

const INTS: [u64; 8] = [
    0,
    1,
    2,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX as u64,
    i64::MIN as u64,
];

#[test]
fn conditions_compare_as_their_names_say() {
    type Test = fn(i64, i64) -> bool;
    let table: [(Cond, Test); 10] = [
        (Cond::Eq, |a, b| a == b),
        (Cond::Ne, |a, b| a != b),
        (Cond::Lt, |a, b| a < b),
        (Cond::Le, |a, b| a <= b),
        (Cond::Gt, |a, b| a > b),
        (Cond::Ge, |a, b| a >= b),
        (Cond::Below, |a, b| (a as u64) < b as u64),
        (Cond::BelowEq, |a, b| a as u64 <= b as u64),
        (Cond::Above, |a, b| a as u64 > b as u64),
        (Cond::AboveEq, |a, b| a as u64 >= b as u64),
    ];
    for (cond, test) in table {
        let set = function(|a| {
            a.cmp(W64, RDI, RSI);
            a.set(cond, RAX);
        });
        let branch = function(|a| {
            let yes = a.new_label();
            a.mov_imm(W64, RAX, 1);
            a.cmp(W64, RDI, RSI);
            a.jcc(cond, yes);
            a.mov_imm(W64, RAX, 0);
            a.bind(yes);
        });
        let swapped = function(|a| {
            a.cmp(W64, RSI, RDI);
            a.mov_imm(W64, RAX, 1);
            a.mov_imm(W64, RCX, 0);
            a.cmov(cond.swapped().not(), W64, RAX, RCX);
        });
        for (x, y) in INTS.iter().flat_map(|&x| INTS.map(|y| (x, y))) {
            let expected = test(x as i64, y as i64) as u64;
            for f in [&set, &branch, &swapped] {
                assert_eq!(f.call(x, y), expected, "{x:#x} {cond:?} {y:#x}");
            }
        }
    }
}

#[test]
fn comparing_with_zero_keeps_the_meaning_of_every_condition() {
    for cond in [
        Cond::Below,
        Cond::AboveEq,
        Cond::Above,
        Cond::Lt,
        Cond::Ge,
        Cond::Overflow,
    ] {
        let with = |b: Src| {
            function(move |a| {
                a.mov_imm(W64, RCX, 0);
                a.cmp(W64, RDI, b);
                a.set(cond, RAX);
            })
        };
        let (short, long) = (with(0.into()), with(RCX.into()));
        for x in INTS {
            assert_eq!(short.call(x, 0), long.call(x, 0), "{cond:?} {x:#x}");
        }
    }
}

#[test]
fn overflow_and_carry_are_seen() {
    let add = function(|a| {
        a.alu(Alu::Add, W32, RDI, RSI);
        a.set(Cond::Overflow, RAX);
        a.alu(Alu::Add, W32, RDI, 0);
    });
    let carry = function(|a| {
        a.alu(Alu::Add, W64, RDI, RSI);
        a.set(Cond::Carry, RAX);
    });
    let borrow = function(|a| {
        a.alu(Alu::Sub, W64, RDI, RSI);
        a.set(Cond::Below, RAX);
    });
    let signed = function(|a| {
        a.mul(W64, RDI, RSI);
        a.set(Cond::Overflow, RAX);
    });
    let unsigned = function(|a| {
        a.mov(W64, RAX, RDI);
        a.mul_wide(false, W64, RSI);
        a.set(Cond::Overflow, RAX);
    });
    let high = function(|a| {
        a.mov(W64, RAX, RDI);
        a.mul_wide(true, W64, RSI);
        a.mov(W64, RAX, RDX);
    });
    for (x, y) in INTS.iter().flat_map(|&x| INTS.map(|y| (x, y))) {
        let (sx, sy) = (x as i64, y as i64);
        let o = |b: bool| b as u64;
        assert_eq!(
            add.call(x, y),
            o((x as i32).checked_add(y as i32).is_none())
        );
        assert_eq!(carry.call(x, y), o(x.checked_add(y).is_none()));
        assert_eq!(borrow.call(x, y), o(x < y));
        assert_eq!(signed.call(x, y), o(sx.checked_mul(sy).is_none()));
        assert_eq!(unsigned.call(x, y), o(x.checked_mul(y).is_none()));
        let wide = i128::from(sx) * i128::from(sy);
        assert_eq!(high.call(x, y), (wide >> 64) as u64);
    }
}

#[test]
fn division_shifts_and_extensions() {
    let divide = function(|a| {
        a.mov(W64, RAX, RDI);
        a.div(true, W64, RSI);
        a.shift_imm(Shift::Shl, W64, RDX, 32);
        a.alu(Alu::Xor, W64, RAX, RDX);
    });
    let unsigned = function(|a| {
        a.mov(W32, RAX, RDI);
        a.div(false, W32, RSI);
        a.shift_imm(Shift::Shl, W64, RDX, 32);
        a.alu(Alu::Or, W64, RAX, RDX);
    });
    for (x, y) in [(7i64, -2i64), (-7, 2), (1 << 40, 1000), (-9, -4)] {
        let expected = (x / y) as u64 ^ ((x % y) as u64) << 32;
        assert_eq!(divide.call(x as u64, y as u64), expected);
    }
    assert_eq!(unsigned.call(0xffff_ffff, 10), 429_496_729 | 5 << 32);
    let sar = function(|a| {
        a.mov(W64, RCX, RSI);
        a.mov(W64, RAX, RDI);
        a.shift(Shift::Sar, W32, RAX);
    });
    assert_eq!(sar.call(0x8000_0000, 4), 0xf800_0000);
    assert_eq!(sar.call(0x8000_0000, 36), 0xf800_0000);
    type Extend = (Ext, fn(u64) -> u64);
    let table: [Extend; 9] = [
        (Ext::Zx8, |v| v & 0xff),
        (Ext::Zx16, |v| v & 0xffff),
        (Ext::Zx32, |v| v & 0xffff_ffff),
        (Ext::Full64, |v| v),
        (Ext::Sx8To32, |v| u64::from(v as i8 as i32 as u32)),
        (Ext::Sx16To32, |v| u64::from(v as i16 as i32 as u32)),
        (Ext::Sx8To64, |v| v as i8 as u64),
        (Ext::Sx16To64, |v| v as i16 as u64),
        (Ext::Sx32To64, |v| v as i32 as u64),
    ];
    for (ext, expected) in table {
        let reg = function(|a| a.extend(ext, RAX, RDI));
        let mem = function(|a| {
            a.push(RDI);
            a.load(ext, RAX, Mem::new(RSP, 0));
            a.pop(RDI);
        });
        for v in [
            0x1234_5678_9abc_def0u64,
            0x7f7f_7f7f_7f7f_7f7f,
            u64::MAX,
            0x80,
        ] {
            assert_eq!(reg.call(v, 0), expected(v), "{ext:?}");
            assert_eq!(mem.call(v, 0), expected(v), "{ext:?}");
        }
    }
}

#[test]
fn float_comparisons_treat_nan_as_their_names_say() {
    type Test = fn(f64, f64) -> bool;
    let table: [(FCond, Test); 12] = [
        (FCond::Eq, |a, b| a == b),
        (FCond::NeUn, |a, b| a != b),
        (FCond::Lt, |a, b| a < b),
        (FCond::Le, |a, b| a <= b),
        (FCond::Gt, |a, b| a > b),
        (FCond::Ge, |a, b| a >= b),
        (FCond::LtUn, |a, b| a < b || a.is_nan() || b.is_nan()),
        (FCond::LeUn, |a, b| a <= b || a.is_nan() || b.is_nan()),
        (FCond::GtUn, |a, b| a > b || a.is_nan() || b.is_nan()),
        (FCond::GeUn, |a, b| a >= b || a.is_nan() || b.is_nan()),
        (FCond::Ordered, |a, b| !a.is_nan() && !b.is_nan()),
        (FCond::Unordered, |a, b| a.is_nan() || b.is_nan()),
    ];
    let values = [
        0.0,
        -0.0,
        1.5,
        -2.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for (cond, test) in table {
        let narrow = function(|a| {
            a.fconvert(FTy::F64, XMM2, XMM0);
            a.fconvert(FTy::F64, XMM3, XMM1);
            a.fset(cond, FTy::F32, RAX, XMM2, XMM3);
        });
        let set = function(|a| a.fset(cond, FTy::F64, RAX, XMM0, XMM1));
        let branch = function(|a| {
            let yes = a.new_label();
            a.mov_imm(W64, RAX, 1);
            a.fjcc(cond, FTy::F64, XMM0, XMM1, yes);
            a.mov_imm(W64, RAX, 0);
            a.bind(yes);
        });
        let inverted = function(|a| {
            let no = a.new_label();
            a.mov_imm(W64, RAX, 0);
            a.fjcc(cond.not(), FTy::F64, XMM0, XMM1, no);
            a.mov_imm(W64, RAX, 1);
            a.bind(no);
        });
        for (x, y) in values.iter().flat_map(|&x| values.map(|y| (x, y))) {
            let expected = test(x, y) as u64;
            for f in [&narrow, &set, &branch, &inverted] {
                assert_eq!(f.call_floats(x, y), expected, "{x} {cond:?} {y}");
            }
        }
    }
}

#[test]
fn float_arithmetic_constants_and_conversions() {
    let bits = |f: Function, x: f64, y: f64| f64::from_bits(f.call_floats(x, y));
    type Unary = (fn(&mut X64Asm), fn(f64) -> f64);
    let table: [Unary; 8] = [
        (|a| a.fneg(FTy::F64, XMM0), |x| -x),
        (|a| a.fabs(FTy::F64, XMM0), f64::abs),
        (|a| a.fsqrt(FTy::F64, XMM0, XMM0), f64::sqrt),
        (
            |a| a.fround(Rounding::Floor, FTy::F64, XMM0, XMM0),
            f64::floor,
        ),
        (
            |a| a.fround(Rounding::Ceil, FTy::F64, XMM0, XMM0),
            f64::ceil,
        ),
        (
            |a| a.fround(Rounding::Trunc, FTy::F64, XMM0, XMM0),
            f64::trunc,
        ),
        (
            |a| a.fround(Rounding::Nearest, FTy::F64, XMM0, XMM0),
            f64::round_ties_even,
        ),
        (
            |a| {
                a.fconst(FTy::F64, XMM5, 2.5f64.to_bits());
                a.falu(FAlu::Mul, FTy::F64, XMM0, XMM5);
            },
            |x| x * 2.5,
        ),
    ];
    for (emit, expected) in table {
        for x in [0.0, -0.0, 2.5, -3.5, 1e300, f64::INFINITY] {
            let f = function(|a| {
                emit(a);
                a.float_to_bits(FTy::F64, RAX, XMM0);
            });
            let found = bits(f, x, 0.0);
            let expected = expected(x);
            assert!(found == expected || found.is_nan() && expected.is_nan());
            assert_eq!(
                found.is_sign_negative(),
                expected.is_sign_negative() || found.is_nan()
            );
        }
    }
    let to_int = function(|a| a.float_to_int(FTy::F64, W64, RAX, XMM0));
    let least = i64::MIN as u64;
    for (x, expected) in [
        (1.9, 1),
        (-1.9, -1i64 as u64),
        (1e30, least),
        (f64::NAN, least),
    ] {
        assert_eq!(to_int.call_floats(x, 0.0), expected);
    }
    let to_float = function(|a| {
        a.int_to_float(W32, FTy::F32, XMM0, RDI);
        a.fconvert(FTy::F32, XMM0, XMM0);
        a.float_to_bits(FTy::F64, RAX, XMM0);
    });
    assert_eq!(f64::from_bits(to_float.call(-7i32 as u32 as u64, 0)), -7.0);
}

#[test]
fn jump_tables_go_to_every_target() {
    let f = function(|a| {
        let targets: Vec<Label> = (0..5).map(|_| a.new_label()).collect();
        let end = a.new_label();
        a.jump_table(RDI, R11, &targets);
        for (i, &t) in targets.iter().enumerate().rev() {
            a.bind(t);
            a.mov_imm(W64, RAX, 100 + i as i64);
            a.jmp(end);
        }
        a.bind(end);
    });
    for i in 0..5 {
        assert_eq!(f.call(i, 0), 100 + i);
    }
}

#[test]
fn blocks_are_copied_and_cleared_exactly() {
    for bytes in (0..40).chain([64, 100]) {
        let copy = function(|a| a.copy_block(Mem::new(RDI, 1), Mem::new(RSI, 3), bytes));
        let clear = function(|a| a.zero_block(Mem::new(RDI, 1), bytes));
        let from: Vec<u8> = (0..128).map(|i| i | 0x80).collect();
        let mut to = [7u8; 128];
        copy.call(to.as_mut_ptr() as u64, from.as_ptr() as u64);
        let end = 1 + bytes as usize;
        assert_eq!(to[1..end], from[3..3 + bytes as usize]);
        assert!(to[0] == 7 && to[end..].iter().all(|&b| b == 7));
        clear.call(to.as_mut_ptr() as u64, 0);
        assert!(to[1..end].iter().all(|&b| b == 0));
        assert!(to[0] == 7 && to[end..].iter().all(|&b| b == 7));
    }
}

#[test]
fn atomics_and_bit_tests() {
    let mem = Mem::new(RDI, 0);
    let mut word = 5u64;
    let at = &raw mut word as u64;
    let add = function(|a| {
        a.atomic_add(W64, mem, RSI);
        a.mov(W64, RAX, RSI);
    });
    assert_eq!(add.call(at, 3), 5);
    let swap = function(|a| {
        a.atomic_swap(W32, mem, RSI);
        a.mov(W64, RAX, RSI);
    });
    assert_eq!(swap.call(at, 100), 8);
    let cas = function(|a| {
        a.mov_imm(W64, RAX, 100);
        a.atomic_cas(W64, mem, RSI);
        a.set(Cond::Eq, RAX);
    });
    assert_eq!(cas.call(at, 42), 1);
    assert_eq!(cas.call(at, 43), 0);
    // SAFETY: the word above, changed by code that the compiler does not see.
    assert_eq!(unsafe { (&raw const word).read_volatile() }, 42);
    let bit = function(|a| {
        a.bit_test(W64, RDI, RSI);
        a.set(Cond::Carry, RAX);
    });
    assert_eq!((bit.call(1 << 40, 40), bit.call(1 << 40, 41)), (1, 0));
    let byte = function(|a| {
        a.store(W8, Mem::new(RDI, 0), RSI);
        a.load(Ext::Zx8, RAX, Mem::new(RDI, 0));
        a.alu_mem(Alu::Add, W32, Mem::new(RDI, 0), 1);
    });
    assert_eq!(byte.call(at, 0x1fe), 0xfe);
    // SAFETY: as above.
    assert_eq!(unsafe { (&raw const word).read_volatile() }, 0xff);
}
