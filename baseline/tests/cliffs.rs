//! Compile-time cliffs: methods of unusual shape must compile in time linear in their size.

use isthmus_baseline::{CompileError, Options, Unsupported, compile};
use isthmus_frontend_ir::body::BodySource;
use isthmus_runtime_abi::artifact::CompiledMethod;
use std::fmt::Write;
use std::time::{Duration, Instant};

fn compiled(text: &str) -> (Result<CompiledMethod, CompileError>, Duration) {
    let module = isthmus_frontend_ir::text::parse(text).unwrap();
    let body = module.body(module.find_function("f").unwrap()).unwrap();
    let start = Instant::now();
    let code = compile(&module, &body, &Options::default());
    (code, start.elapsed())
}

/// Compiles the program at two sizes; the larger may take little more than its share.
fn linear(make: impl Fn(usize) -> String, small: usize, factor: u32) {
    let time = |n: usize| {
        let text = make(n);
        let best = (0..3).map(|_| {
            let (code, time) = compiled(&text);
            code.unwrap();
            time
        });
        best.min().unwrap()
    };
    let (a, b) = (time(small), time(small * factor as usize));
    let limit = (a * factor * 4).max(Duration::from_millis(50));
    assert!(b < limit, "{small}: {a:?}, {factor} times as much: {b:?}");
}

#[test]
fn long_methods() {
    let make = |n: usize| {
        let mut text = "func f(i32 a, i32 b) -> i32 {\n".to_string();
        for i in 0..n {
            let _ = writeln!(text, "ldarg a ldc.i4 {i} mul ldarg b add starg a");
        }
        text + "ldarg a ret }"
    };
    linear(make, 2000, 10);
}

#[test]
fn many_blocks() {
    let make = |n: usize| {
        let mut text = "func f(i32 a) -> i32 {\n".to_string();
        for i in 0..n {
            let _ = writeln!(
                text,
                "ldarg a ldc.i4 {i} beq end ldarg a ldc.i4.1 add starg a"
            );
        }
        text + "end: ldarg a ret }"
    };
    linear(make, 2000, 10);
}

#[test]
fn many_locals() {
    let make = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("i64 v{i}")).collect();
        let mut text = format!("func f(i64 a) -> i64 {{\n.locals ({})\n", names.join(", "));
        for i in 0..n {
            let _ = writeln!(text, "ldarg a ldc.i8 {i} add stloc v{i}");
        }
        text + "ldloc v0 ret }"
    };
    linear(make, 1000, 8);
    // Frames that do not fit above the stack's reserve are compiled twice.
    let (code, _) = compiled(&make(20_000));
    assert!(code.unwrap().frame.size >= 20_000 * 8);
}

#[test]
fn frames_of_a_gigabyte_are_declined() {
    let text = "struct S size 1000000 { field i32 x }
        func f() -> i32 { .locals (S s0, S s1) ldloc s0 stloc s1 ldloca s1 ldfld S::x ret }";
    let size = compiled(text).0.unwrap().frame.size;
    assert!((2_000_000..4_000_000).contains(&size), "{size}");
    let names: Vec<String> = (0..1100).map(|i| format!("S s{i}")).collect();
    let uses: Vec<String> = (0..1100).map(|i| format!("ldloca s{i} pop")).collect();
    let text = format!(
        "struct S size 1000000 {{ field i32 x }}
        func f() {{ .locals ({}) {} ret }}",
        names.join(", "),
        uses.join(" ")
    );
    let declined = compiled(&text).0;
    assert!(
        matches!(
            declined,
            Err(CompileError::Unsupported {
                what: Unsupported::TooLarge,
                ..
            })
        ),
        "{declined:?}"
    );
}

#[test]
fn deep_stacks() {
    let make = |n: usize| {
        let mut text = "func f(i32 a) -> i32 {\n".to_string();
        for i in 0..n {
            let _ = writeln!(text, "ldarg a ldc.i4 {i} xor");
        }
        for _ in 1..n {
            text.push_str("add ");
        }
        text + "ret }"
    };
    linear(make, 500, 10);
}

#[test]
fn nested_handlers() {
    let make = |n: usize| {
        let mut text = "func f(i32 a) -> i32 {\n.locals (i32 r)\n".to_string();
        for _ in 0..n {
            text.push_str(".try {\n");
        }
        text.push_str("ldc.i4 100 ldarg a div stloc r leave end\n");
        for _ in 0..n {
            text.push_str("} finally { ldloc r ldc.i4.1 add stloc r endfinally }\n");
        }
        text + "end: ldloc r ret }"
    };
    linear(make, 20, 8);
}

#[test]
fn handlers_in_a_row() {
    let make = |n: usize| {
        let mut text = "func f(i32 a) -> i32 {\n.locals (i32 r)\n".to_string();
        for i in 0..n {
            let _ = writeln!(
                text,
                ".try {{ ldc.i4 100 ldarg a div stloc r leave e{i} }} catch Exception {{ pop leave e{i} }} e{i}:"
            );
        }
        text + "ldloc r ret }"
    };
    linear(make, 200, 10);
}

#[test]
fn large_switches() {
    let make = |n: usize| {
        let labels: Vec<String> = (0..n).map(|i| format!("l{i}")).collect();
        let mut text = format!(
            "func f(i32 a) -> i32 {{ ldarg a switch ({}) ldc.i4.0 ret\n",
            labels.join(", ")
        );
        for i in 0..n {
            let _ = writeln!(text, "l{i}: ldc.i4 {i} ret");
        }
        text + "}"
    };
    linear(make, 1000, 10);
}
