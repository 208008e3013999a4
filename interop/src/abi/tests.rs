//! Calls of each convention, as tables: the type of a function, and where its arguments and result are.

use super::*;

/// A short form of a call: arguments and result, each as its places.
fn shape(abi: Abi, text: &str) -> String {
    let arch = abi.arch();
    let call = abi.call(&Function::parse(text, arch).unwrap());
    let place = |loc: &Loc, ty: WordTy| match (loc, arch, ty) {
        (Loc::Stack(at), ..) => format!("+{at}"),
        (Loc::Reg(Reg::Int(r)), ..) => format!("i{r}"),
        (Loc::Reg(Reg::Float(r)), Arch::A32, WordTy::F32) => format!("s{r}"),
        (Loc::Reg(Reg::Float(r)), Arch::A32, _) => format!("d{r}"),
        (Loc::Reg(Reg::Float(r)), ..) => format!("f{r}"),
    };
    let pieces = |pieces: &Pieces| {
        let all: Vec<String> = pieces.iter().map(|p| place(&p.loc, p.ty)).collect();
        all.join(":")
    };
    let params: Vec<String> = call
        .params
        .iter()
        .map(|p| match p {
            Pass::Nothing => "-".into(),
            Pass::Pieces(p) => pieces(p),
            Pass::Stack(at) => format!("[+{at}]"),
            Pass::Pointer(loc) => format!("*{}", place(loc, WordTy::Ptr)),
        })
        .collect();
    let ret = match &call.ret {
        Return::Nothing => "-".into(),
        Return::Pieces(p) => pieces(p),
        Return::Memory(loc) => format!("*{}", place(loc, WordTy::Ptr)),
    };
    format!("{} -> {ret}, {}", params.join(" "), call.stack_bytes)
}

fn check(abi: Abi, table: &[(&str, &str)]) {
    for (function, wanted) in table {
        assert_eq!(&shape(abi, function), wanted, "{abi:?} {function}");
    }
}

#[test]
fn sysv64() {
    check(
        Abi::SysV64,
        &[
            ("(i8, f32, ptr) -> i16", "i7 f0 i6 -> i0, 0"),
            (
                "(i64, i64, i64, i64, i64, i64, i64, f64, i8) -> f64",
                "i7 i6 i2 i1 i8 i9 +0 f0 +8 -> f0, 16",
            ),
            (
                "(struct { f32 x; f32 y; f32 z; }) -> struct { f32 x; i32 n; f64 y; }",
                "f0:f1 -> i0:f0, 0",
            ),
            (
                "(struct { f64 x; i8 n; }) -> struct { i64 a; i64 b; }",
                "f0:i7 -> i0:i2, 0",
            ),
            // All or nothing: the structure does not fit, the next integer does.
            (
                "(ptr, ptr, ptr, ptr, ptr, struct { i64 a; i64 b; }, i32)",
                "i7 i6 i2 i1 i8 [+0] i9 -> -, 16",
            ),
            (
                "(struct { [3 x i64] a; }, i32) -> struct { [3 x i64] a; }",
                "[+0] i6 -> *i7, 24",
            ),
            (
                "(struct { i8 a; @1 i32 b; } size 5 align 1)",
                "[+0] -> -, 8",
            ),
            (
                "(struct { } size 1 align 1, i32) -> struct { } size 1 align 1",
                "- i7 -> , 0",
            ),
            (
                "(union { f32 f; i32 i; }, union { f64 d; f32 f; })",
                "i7 f0 -> -, 0",
            ),
            ("(struct { f64 a; @8 f64 b; @16 f64 c; })", "[+0] -> -, 24"),
        ],
    );
}

#[test]
fn aapcs64() {
    check(
        Abi::Aapcs64,
        &[
            ("(i8, f32, ptr) -> f64", "i0 f0 i1 -> f0, 0"),
            (
                "(struct { f32 x; f32 y; f32 z; }) -> struct { [4 x f64] v; }",
                "f0:f1:f2 -> f0:f1:f2:f3, 0",
            ),
            (
                "(struct { f32 x; i32 n; f64 y; }) -> struct { i64 a; i8 b; }",
                "i0:i1 -> i0:i1, 0",
            ),
            (
                "(struct { [5 x f32] v; }, i32) -> struct { [3 x i64] a; }",
                "*i0 i1 -> *i8, 0",
            ),
            // No register is used of a kind that did not suffice once.
            (
                "(f64, f64, f64, f64, f64, f64, struct { f32 x; f32 y; f32 z; }, f64)",
                "f0 f1 f2 f3 f4 f5 [+0] +16 -> -, 24",
            ),
            (
                "(ptr, ptr, ptr, ptr, ptr, ptr, ptr, struct { i64 a; i64 b; }, i32)",
                "i0 i1 i2 i3 i4 i5 i6 [+0] +16 -> -, 24",
            ),
            ("(union { f32 f; [2 x f32] v; })", "f0:f1 -> -, 0"),
            (
                "(struct { f32 x; @8 f32 y; } size 12 align 4)",
                "i0:i1 -> -, 0",
            ),
        ],
    );
}

#[test]
fn aapcs32_hard() {
    check(
        Abi::Aapcs32Hard,
        &[
            ("(i32, i64, i8) -> i64", "i0 i2:i3 +0 -> i0:i1, 8"),
            // s1 is filled after d1 was taken.
            ("(f32, f64, f32) -> f32", "s0 d1 s1 -> s0, 0"),
            (
                "(struct { f32 x; f32 y; }, f64) -> struct { [4 x f64] v; }",
                "s0:s1 d1 -> d0:d1:d2:d3, 0",
            ),
            (
                "(i32, struct { [5 x i32] a; }) -> struct { i8 a; i8 b; }",
                "i0 i1:i2:i3:+0:+4 -> i0, 8",
            ),
            ("(i32) -> struct { i32 a; i32 b; }", "i1 -> *i0, 0"),
            // Variadic functions take everything in integer registers.
            ("(i32, ..., f64) -> f64", "i0 i2:i3 -> i0:i1, 0"),
        ],
    );
}

#[test]
fn aapcs32_soft() {
    check(
        Abi::Aapcs32Soft,
        &[
            ("(f32, f64, i32) -> f64", "i0 i2:i3 +0 -> i0:i1, 8"),
            ("(struct { f32 x; f32 y; }) -> f32", "i0:i1 -> i0, 0"),
        ],
    );
}
