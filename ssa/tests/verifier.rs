//! Each numbered invariant of the verifier has functions that break it.

use isthmus_ssa::parse::parse;
use isthmus_ssa::verify::verify;

const GOOD: &str = "
function method0(i32, ptr) -> i32 {
  clause0: CatchAll node 0
block0(v0: i32, v1: ref):
    v2 = const.i32 1
    v3 = add.i32 v0, v2
    v4 = call v3 method1(i32) -> i32 => block1(), clause0 block2(v3)
block1():
    v5 = add.i32 v4, v3
    jump => block3(v5)
block2(v6: ref, v7: ptr, v8: i32) cold:
    jump => block3(v8)
block3(v9: i32):
    return v9
}";

/// (invariant, text to replace, replacement)
const BAD: &[(u32, &str, &str)] = &[
    // The ending instruction.
    (1, "    jump => block3(v8)\n", "    v20 = neg.i32 v8\n"),
    (1, "    return v9", "    return v9\n    return v9"),
    (1, "jump => block3(v5)", "jump => block0(v5, v1)"),
    // Operands.
    (2, "v3 = add.i32 v0, v2", "v3 = add.i32 v0"),
    (2, "v3 = add.i32 v0, v2", "v3 = add.i32 v0, v1"),
    (2, "v3 = add.i32 v0, v2", "v3 = load.i32 v0 [i32 +0]"),
    // Immediates and controlling types.
    (3, "v5 = add.i32 v4, v3", "v5 = load.i32 v1 [f32 +8]"),
    (
        3,
        "v2 = const.i32 1",
        "v2 = const.i32 1\n    v20 = fadd.i32 v2, v2",
    ),
    // Definitions.
    (4, "v5 = add.i32 v4, v3", "v5 = add.i32 v4, v30"),
    // Edges.
    (5, "jump => block3(v5)", "jump => block3()"),
    (5, "jump => block3(v5)", "jump => block3(v1)"),
    (5, "jump => block3(v5)", "branch v5 => block3(v5)"),
    (
        5,
        "jump => block3(v5)",
        "jump => block3(v5), clause0 block2(v5)",
    ),
    (5, "block1(), clause0 block2(v3)", "clause0 block2(v3)"),
    // Dominance.
    (6, "jump => block3(v8)", "jump => block3(v5)"),
    (6, "clause0 block2(v3)", "clause0 block2(v4)"),
    (6, "jump => block3(v8)", "jump => block3(v4)"),
    (6, "v3 = add.i32 v0, v2", "v3 = add.i32 v0, v3"),
    // Landing blocks.
    (
        7,
        "jump => block3(v5)",
        "v20 = retype.ptr v1\n    jump => block2(v1, v20, v5)",
    ),
    (7, "clause0 block2(v3)", "clause1 block2(v3)"),
    (
        7,
        "block2(v6: ref, v7: ptr, v8: i32)",
        "block2(v6: ref, v7: ref, v8: i32)",
    ),
    // Words.
    (8, "block0(v0: i32, v1: ref)", "block0(v0: i32, v1: f64)"),
    (
        8,
        "call v3 method1(i32) -> i32",
        "call v3 method1(i64) -> i32",
    ),
    (
        8,
        "call v3 method1(i32) -> i32",
        "call v3 method1(i32) -> i32 rgctx",
    ),
    (8, "return v9", "return"),
    // Hidden arguments.
    (
        9,
        "v5 = add.i32 v4, v3",
        "v5 = add.i32 v4, v3\n    v20 = ctx_load.ptr hidden_rgctx",
    ),
];

#[test]
fn the_good_function_verifies() {
    let func = parse(GOOD).unwrap();
    verify(&func).unwrap();
}

#[test]
fn each_invariant_is_checked() {
    for &(number, from, to) in BAD {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let func = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        match verify(&func) {
            Err(e) => assert_eq!(e.number, number, "{e}\n{text}"),
            Ok(()) => panic!("invariant {number} is not checked:\n{text}"),
        }
    }
    for number in 1..=9 {
        assert!(BAD.iter().any(|b| b.0 == number), "invariant {number}");
    }
}

#[test]
fn texts_that_are_no_functions_are_refused() {
    for (text, message) in [
        ("", "line 1: function expected"),
        (
            "function method0() {\nblock0():\n    foo\n}",
            "line 3: foo is no operation",
        ),
        (
            "function method0() {\nblock0():\n    return v1,",
            "expected",
        ),
        (
            "function method0() {\nblock0():\n    v0 = const.i32 1\n    v0 = const.i32 2\n    return\n}",
            "v0 is defined twice",
        ),
        (
            "function method0() {\nblock99999999():\n}",
            "line 2: block and a number expected, found block99999999",
        ),
    ] {
        match parse(text) {
            Err(e) => assert!(e.to_string().contains(message), "{e}"),
            Ok(f) => panic!("accepted:\n{f}"),
        }
    }
}
