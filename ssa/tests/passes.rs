//! What the passes make of small programs, and of small functions.

use isthmus_frontend_ir::module::Module;
use isthmus_frontend_ir::text;
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::parse::parse;
use isthmus_ssa::passes::{PASSES, Target};
use isthmus_ssa::verify::verify;
use isthmus_ssa::{Options, compile};

/// The optimized text of a function of a module.
fn optimized(source: &str, name: &str) -> String {
    let module: Module = text::parse(source).unwrap();
    let method = module
        .find_full(name)
        .unwrap_or_else(|| module.find_full(&format!("::{name}")).unwrap());
    let body = module.method_def(method).body.clone().unwrap();
    let mut opts = Options::new(Arch::X64);
    opts.verify = true;
    compile(&module, method, &body, &opts).unwrap().to_string()
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

/// The block that goes round by itself, and is not cold.
fn loop_block(text: &str) -> &str {
    let again = |b: &&str| {
        let name = b.split(['(', ':']).next().unwrap_or(b);
        b.contains(&format!("=> block{name}(")) && !b.contains("cold:")
    };
    let mut found = text.split("\nblock").filter(again);
    let first = found.next().expect(text);
    assert!(found.next().is_none(), "{text}");
    first
}

/// Runs one pass over a function.
fn after(pass: &str, source: &str) -> String {
    let mut func = parse(source).unwrap();
    verify(&func).unwrap();
    let pass = PASSES.iter().find(|p| p.name == pass).unwrap();
    (pass.run)(&mut func, Target { word: 8 });
    verify(&func).unwrap_or_else(|e| panic!("{e}\n{func}"));
    func.to_string()
}

const MAIN: &str = "func main() { ret }\n";

#[test]
fn constants_fold_and_branches_on_them_vanish() {
    let text = optimized(
        &format!(
            "{MAIN} func f() -> i32 {{ ldc.i4.6 ldc.i4.7 mul ldc.i4 42 beq same ldc.i4.0 ret same: ldc.i4.1 ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "block"), 1, "{text}");
    assert_eq!(count(&text, "const"), 1, "{text}");
}

#[test]
fn a_counted_loop_over_an_array_has_no_bounds_check() {
    let text = optimized(
        &format!(
            "{MAIN} func sum(i32[] a) -> i32 {{ .locals (i32 i, i32 s)
               br test
               again: ldloc s ldarg a ldloc i ldelem.i4 add stloc s
                      ldloc i ldc.i4.1 add stloc i
               test:  ldloc i ldarg a ldlen conv.i4 blt again
               ldloc s ret }}"
        ),
        "sum",
    );
    assert_eq!(count(&text, "trap_if"), 0, "{text}");
    // One length load, before the loop; one poll, in it; and it tests at its bottom.
    assert_eq!(count(&text, "length"), 1, "{text}");
    assert_eq!(count(&text, "poll"), 1, "{text}");
    // The index needs no extension: the loop counts, and compares, in 64 bits. Nothing is left in it of the poll.
    assert_eq!(count(&text, "zext"), 0, "{text}");
    let again = loop_block(&text);
    assert_eq!(count(again, "add.ptr"), 1, "{text}");
    assert_eq!(count(again, "cmp.i32"), 0, "{text}");
    assert_eq!(count(again, "poll"), 0, "{text}");
}

#[test]
fn a_counter_that_starts_below_zero_or_takes_long_steps_is_checked() {
    for (start, step) in [
        ("ldc.i4.m1", "ldc.i4.1"),
        ("ldc.i4.0", "ldc.i4.3"),
        ("ldarg k", "ldc.i4.1"),
    ] {
        let text = optimized(
            &format!(
                "{MAIN} func sum(i32[] a, i32 k) -> i32 {{ .locals (i32 i, i32 s)
                   {start} stloc i
                   br test
                   again: ldloc s ldarg a ldloc i ldelem.i4 add stloc s
                          ldloc i {step} add stloc i
                   test:  ldloc i ldarg a ldlen conv.i4 blt again
                   ldloc s ret }}"
            ),
            "sum",
        );
        // Once in the first iteration, once in the others.
        assert_eq!(count(&text, "trap_if"), 2, "{text}");
    }
}

#[test]
fn the_first_iteration_decides_what_the_loop_does_not_change() {
    let text = optimized(
        &format!(
            "class C {{ field i32 n }}
             {MAIN} func f(C c, i32[] a) -> i32 {{ .locals (i32 i, i32 s)
               br test
               again: ldloc s ldarg a ldloc i ldelem.i4 add stloc s
                      ldarg c ldloc s stfld C::n
                      ldloc i ldc.i4.2 add stloc i
               test:  ldloc i ldc.i4 100 blt again
               ldloc s ret }}"
        ),
        "f",
    );
    // The null check of `c` cannot leave the loop, since it comes after the check of the index. The loop has a version without
    // that check.
    assert_eq!(count(&text, "trap_if"), 2, "{text}");
    assert_eq!(count(&text, "store"), 3, "{text}");
    assert_eq!(count(&text, "field null"), 1, "{text}");
}

#[test]
fn conditional_expressions_are_choices() {
    let text = optimized(
        &format!(
            "{MAIN} func min(i32 a, i32 b) -> i32 {{ ldarg a ldarg b ble first ldarg b ret first: ldarg a ret }}
             func f(i32 a, i32 b) -> i32 {{ ldarg a ldarg b call min ldc.i4 7 call min ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "select"), 2, "{text}");
    assert_eq!(count(&text, "branch"), 0, "{text}");
}

#[test]
fn cheap_ways_of_a_branch_are_choices() {
    let text = optimized(
        &format!(
            "{MAIN} func next(i64 n) -> i64 {{ ldarg n ldc.i8 1 and ldc.i8 0 beq even ldarg n ldc.i8 3 mul ldc.i8 1 add br done
               even: ldarg n ldc.i4.1 shr done: ret }}"
        ),
        "next",
    );
    assert_eq!(count(&text, "select"), 1, "{text}");
    assert_eq!(count(&text, "branch"), 0, "{text}");
    // A load may fault, a division may trap: they stay behind their conditions.
    let text = optimized(
        &format!(
            "{MAIN} func f(i32 n, i32 m) -> i32 {{ ldarg n brfalse none ldarg m ldarg n div br done none: ldc.i4.0 done: ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "select"), 0, "{text}");
}

#[test]
fn a_remainder_uses_the_quotient() {
    let text = optimized(
        &format!(
            "{MAIN} func f(i64 n, i64 m) -> i64 {{ ldarg n ldarg m div.un ldarg n ldarg m rem.un xor ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "udiv"), 1, "{text}");
    assert_eq!(count(&text, "urem"), 0, "{text}");
}

/// The loop `again: … i = i + 1; if (i < n) goto again` over an array, `i` from 1 on.
fn counted(body: &str) -> String {
    optimized(
        &format!(
            "{MAIN} func f(i32[] a, i32 n) {{ .locals (i32 i)
               ldc.i4.1 stloc i br test
               again: {body} ldloc i ldc.i4.1 add stloc i
               test: ldloc i ldarg n blt again ret }}"
        ),
        "f",
    )
}

#[test]
fn checks_that_can_be_decided_before_a_loop_have_a_version_without_them() {
    let text = counted("ldarg a ldloc i ldc.i4.1 sub ldarg a ldloc i ldelem.i4 stelem.i4");
    let (rare, often): (Vec<&str>, Vec<&str>) =
        text.split("block").partition(|b| b.contains("cold"));
    let checks = |list: &[&str]| list.iter().map(|b| count(b, "trap_if")).sum::<usize>();
    assert_eq!(checks(&rare), 2, "{text}");
    assert_eq!(checks(&often), 0, "{text}");
    // One 64-bit counter serves both accesses.
    assert_eq!(count(loop_block(&text), "add.ptr"), 1, "{text}");
}

#[test]
fn what_an_iteration_stores_for_the_next_one_stays_in_a_register() {
    let text =
        counted("ldarg a ldloc i ldarg a ldloc i ldc.i4.1 sub ldelem.i4 ldloc i add stelem.i4");
    let stores = |text: &str| -> Vec<String> {
        let blocks = text
            .split("\nblock")
            .filter(|b| !b.contains("cold:") && b.contains("store"));
        blocks.map(str::to_owned).collect()
    };
    let found = stores(&text);
    assert_eq!(found.len(), 1, "{text}");
    assert_eq!(count(&found[0], "load"), 0, "{text}");
    // Another array may be the same one.
    let text = optimized(
        &format!(
            "{MAIN} func f(i32[] a, i32[] b, i32 n) {{ .locals (i32 i)
               ldc.i4.1 stloc i br test
               again: ldarg a ldloc i ldarg a ldloc i ldc.i4.1 sub ldelem.i4 stelem.i4
                      ldarg b ldloc i ldc.i4.7 stelem.i4
                      ldloc i ldc.i4.1 add stloc i
               test: ldloc i ldarg n blt again ret }}"
        ),
        "f",
    );
    assert!(stores(&text).iter().all(|b| b.contains("= load")), "{text}");
}

#[test]
fn short_counted_loops_poll_rarely() {
    let source = |body: &str| {
        format!(
            "{MAIN} func f(i32 n) -> i32 {{ .locals (i32 i, i32 s) br test
               again: {body} ldloc i ldc.i4.1 add stloc i
               test: ldloc i ldarg n blt again ldloc s ret }}"
        )
    };
    let text = optimized(&source("ldloc s ldloc i xor stloc s"), "f");
    // It polls between pieces of 1024.
    assert_eq!(count(&text, "const.i32 1024"), 2, "{text}");
    assert_eq!(count(loop_block(&text), "poll"), 0, "{text}");
    // So many steps of two.
    let text = optimized(&source("ldloc i ldc.i4.1 add stloc i"), "f");
    assert_eq!(count(&text, "const.i32 2048"), 2, "{text}");
    // Another test than the counter's: the counter is asked in each iteration.
    let source = |step: &str| {
        format!(
            "{MAIN} func f(i32 n, i32 k) -> i32 {{ .locals (i32 i) br test
               again: ldloc i {step} add stloc i ldarg n ldarg k mul starg n
               test: ldarg n brtrue again ldloc i ret }}"
        )
    };
    let text = optimized(&source("ldc.i4.1"), "f");
    assert_eq!(count(&text, "1023"), 1, "{text}");
    // Steps that may pass over the number: each time.
    let text = optimized(&source("ldc.i4.2"), "f");
    assert_eq!(count(&text, "1023"), 0, "{text}");
    assert_eq!(count(loop_block(&text), "poll"), 1, "{text}");
}

#[test]
fn loops_that_are_soon_over_do_not_poll() {
    let polls = |first: i32, last: i32| {
        let text = optimized(
            &format!(
                "{MAIN} func f(i32 k) -> i32 {{ .locals (i32 i, i32 s) ldc.i4 {first} stloc i
                   again: ldloc s ldarg k xor ldloc i mul stloc s ldloc i ldc.i4.1 add stloc i
                   ldloc i ldc.i4 {last} ble again ldloc s ret }}"
            ),
            "f",
        );
        count(&text, "poll")
    };
    assert_eq!(polls(0, 1000), 0);
    assert_eq!(polls(0, 1100), 1);
    assert_eq!(polls(-1000, 1000), 1);
    // Its counter wraps around, and comes back from below.
    assert_eq!(polls(i32::MAX - 10, i32::MAX), 1);
}

#[test]
fn equal_checks_are_made_once() {
    let text = optimized(
        &format!(
            "{MAIN} func f(i32[] a, i32 i) -> i32 {{ ldarg a ldarg i ldelem.i4 ldarg a ldarg i ldelem.i4 add ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "trap_if"), 1, "{text}");
    assert_eq!(count(&text, "null"), 1, "{text}");
    assert_eq!(count(&text, "load.i32"), 2, "{text}");
}

const POINT: &str = "struct P { field f64 x field f64 y
    ctor new(f64 x, f64 y) { ldarg this ldarg x stfld P::x ldarg this ldarg y stfld P::y ret }
    method dot() -> f64 { ldarg this ldfld P::x ldarg this ldfld P::x mul ldarg this ldfld P::y ldarg this ldfld P::y mul add ret } }\n";

#[test]
fn structs_built_in_memory_come_apart() {
    let text = optimized(
        &format!(
            "{POINT}{MAIN} func f(f64 a) -> f64 {{ .locals (P p) ldarg a ldc.r8 2.0 newobj P::new stloc p ldloca p call P::dot ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "slot_addr"), 0, "{text}");
    assert_eq!(count(&text, "call"), 0, "{text}");
    assert_eq!(count(&text, "load"), 0, "{text}");
}

const SHAPES: &str = "class Shape { virtual method area() -> i32 { ldc.i4.0 ret } ctor new() { ret } }
    class Square extends Shape { field i32 side
      override method area() -> i32 { ldarg this ldfld Square::side ldarg this ldfld Square::side mul ret }
      ctor new(i32 n) { ldarg this ldarg n stfld Square::side ret } }\n";

#[test]
fn what_is_known_of_a_variable_holds_behind_a_loop_with_branches() {
    let text = optimized(
        &format!(
            "{SHAPES}{MAIN}
             func odd(i32 n) -> i32 {{ .locals (i32 i, i32 odd)
               again: ldloc i ldc.i4.1 and brfalse next ldloc odd ldc.i4.1 add stloc odd
               next:  ldloc i ldc.i4.1 add dup stloc i ldarg n blt again
               ldloc odd ret }}
             func f(i32 n) -> i32 {{ .locals (Shape s)
               ldarg n newobj Square::new stloc s ldarg n call odd
               ldloc s callvirt Shape::area add ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "call"), 0, "{text}");
}

#[test]
fn calls_on_exact_receivers_are_direct_and_inlined() {
    let text = optimized(
        &format!(
            "{SHAPES}{MAIN} func f(i32 n) -> i32 {{ ldarg n newobj Square::new callvirt Shape::area ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "call"), 0, "{text}");
    assert_eq!(count(&text, "inline1"), 1, "{text}");
    let text = optimized(
        &format!("{SHAPES}{MAIN} func f(Shape s) -> i32 {{ ldarg s callvirt Shape::area ret }}"),
        "f",
    );
    assert_eq!(count(&text, "indirect"), 1, "{text}");
}

#[test]
fn objects_that_stay_inside_come_apart() {
    let text = optimized(
        &format!(
            "{SHAPES}{MAIN} func f(i32 n) -> i32 {{ .locals (object o) ldarg n box i32 stloc o
               ldloc o brfalse none ldloc o unbox.any i32 ldarg n newobj Square::new callvirt Shape::area add ret
               none: ldc.i4.m1 ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "alloc_object"), 0, "{text}");
    assert_eq!(count(&text, "load"), 0, "{text}");
    assert_eq!(count(&text, "call"), 0, "{text}");
    // On two ways to one place it has a name of its own there, and stays an object.
    let text = optimized(
        &format!(
            "{MAIN} func f(i32 n, object o) -> object {{ ldarg n brfalse given ldarg n box i32 ret given: ldarg o ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "alloc_object"), 1, "{text}");
}

#[test]
fn new_objects_take_references_without_a_barrier() {
    let node = "class Node { field Node next field object value ctor new() { ret } }\n";
    let text = optimized(
        &format!(
            "{node}{MAIN} func f(Node n, object o) -> Node {{ .locals (Node m) newobj Node::new stloc m
               ldloc m ldarg n stfld Node::next ldloc m ldarg o stfld Node::value ldloc m ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "store_ref"), 0, "{text}");
    assert_eq!(count(&text, "store"), 2, "{text}");
    // A collection in between may have made it old.
    let text = optimized(
        &format!(
            "{node}{MAIN} func f(Node n) -> Node {{ .locals (Node m) newobj Node::new stloc m
               ldloc m newobj Node::new stfld Node::next ldloc m ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "store_ref"), 1, "{text}");
}

#[test]
fn elements_moved_within_their_array_are_not_checked() {
    let from = |array: &str| {
        let text = optimized(
            &format!(
                "{MAIN} func f(object[] a, object[] b, i32 i, i32 j) {{
                   ldarg a ldarg i ldarg {array} ldarg j ldelem.ref stelem.ref ret }}"
            ),
            "f",
        );
        count(&text, "array_store_check")
    };
    assert_eq!(from("a"), 0);
    assert_eq!(from("b"), 1);
}

#[test]
fn stores_forward_to_loads_until_something_may_write() {
    let text = optimized(
        &format!(
            "class C {{ field i32 a field i32 b }}\n{MAIN} func f(C c, i32 n) -> i32 {{
               ldarg c ldarg n stfld C::a
               ldarg c ldarg n stfld C::b
               ldarg c ldfld C::a ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "load"), 0, "{text}");
    let text = optimized(
        &format!(
            "class C {{ field i32 a }}\n{MAIN} func f(C c, C d, i32 n) -> i32 {{
               ldarg c ldarg n stfld C::a
               ldarg d ldc.i4.1 stfld C::a
               ldarg c ldfld C::a ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "load"), 1, "{text}");
}

#[test]
fn cleanup_threads_and_merges_blocks() {
    let text = after(
        "cleanup",
        "function method0(i32) -> i32 {
block0(v0: i32):
    v1 = const.i32 0
    branch v0 => block1(), block2()
block1():
    jump => block3(v0)
block2():
    branch v1 => block4(), block5()
block3(v2: i32):
    return v2
block4():
    return v1
block5():
    jump => block3(v0)
}",
    );
    assert_eq!(count(&text, "block"), 1, "{text}");
    assert!(text.contains("return v0"), "{text}");
}

#[test]
fn dead_loads_stay_if_they_may_fault() {
    let text = after(
        "dce",
        "function method0(ptr) {
block0(v0: ref):
    v1 = load.i32 v0 [i32 +8 field null]
    v2 = load.i32 v0 [i32 +12 field]
    v3 = add.i32 v1, v2
    return
}",
    );
    assert_eq!(count(&text, "load"), 1, "{text}");
    assert!(text.contains("null"), "{text}");
}

#[test]
fn inversion_exchanges_loop_variables_at_once() {
    let text = after(
        "invert",
        "function method0(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    jump => block1(v0, v1)
block1(v2: i32, v3: i32):
    v4 = cmp.i32 v2, v3 lt
    branch v4 => block2(), block3()
block2():
    jump => block1(v3, v2)
block3():
    v5 = sub.i32 v2, v3
    return v5
}",
    );
    // The copy of the test compares the exchanged values and hands them on in that order.
    assert_eq!(count(&text, "cmp.i32"), 2, "{text}");
    let latch = text
        .lines()
        .skip_while(|l| !l.starts_with("block2"))
        .collect::<Vec<_>>();
    let params: Vec<&str> = latch[0]
        .split(['(', ')'])
        .nth(1)
        .unwrap()
        .split(", ")
        .map(|p| p.split(':').next().unwrap())
        .collect();
    assert!(
        latch[1].contains(&format!("cmp.i32 {}, {} lt", params[1], params[0]))
            || latch[1].contains(&format!("cmp.i32 {}, {} lt", params[0], params[1])),
        "{text}"
    );
    assert_eq!(params.len(), 2, "{text}");
}

#[test]
fn classes_are_initialized_once_on_a_path() {
    let text = optimized(
        &format!(
            "class C {{ static field i32 n cctor {{ ldc.i4.5 stsfld C::n ret }} }}\n{MAIN} func f() -> i32 {{ ldsfld C::n ldsfld C::n add ret }}"
        ),
        "f",
    );
    assert_eq!(count(&text, "class_init"), 1, "{text}");
}

#[test]
fn loads_of_a_loop_move_out_unless_something_writes_there() {
    let source = |store: &str| {
        format!(
            "class C {{ field i32[] data field i32 n field i32 other }}
             {MAIN} func f(C c, C d) -> i32 {{ .locals (i32 i, i32 s)
               br test
               again: ldloc s ldarg c ldfld C::data ldloc i ldelem.i4 add stloc s
                      {store}
                      ldloc i ldc.i4.1 add stloc i
               test:  ldloc i ldarg c ldfld C::n blt again
               ldloc s ret }}"
        )
    };
    // The loads of `data`, of its length and of `n` (its copy at the bottom stays) leave the loop.
    let loop_loads = |text: &str| {
        let body = text
            .split("block")
            .find(|b| b.contains("1023"))
            .unwrap()
            .to_string();
        (count(&body, "load.ref"), count(&body, "length"))
    };
    let text = optimized(&source(""), "f");
    assert_eq!(loop_loads(&text), (0, 0), "{text}");
    // An int field does not change references or lengths.
    let text = optimized(&source("ldarg d ldloc s stfld C::other"), "f");
    assert_eq!(loop_loads(&text), (0, 0), "{text}");
    let text = optimized(&source("ldarg d ldnull stfld C::data"), "f");
    assert_eq!(loop_loads(&text), (1, 1), "{text}");
}

#[test]
fn fields_that_a_loop_changes_are_carried_in_registers() {
    let loads = |body: &str| {
        let text = optimized(
            &format!(
                "class C {{ static field i32 s field i32 n field i32 m field i64 wide }}
                 func g() {{ ldc.i4.1 stsfld C::s ret }}
                 {MAIN} func f(C c, C d, i32 k) {{ .locals (i32 i)
                   br test
                   again: {body}
                          ldloc i ldc.i4.1 add stloc i
                   test:  ldloc i ldarg k blt again ret }}"
            ),
            "f",
        );
        (count(loop_block(&text), "= load"), count(&text, "store"))
    };
    assert_eq!(loads("ldsfld C::s ldloc i add stsfld C::s"), (0, 1));
    let n = "ldarg c ldarg c ldfld C::n ldloc i add stfld C::n";
    assert_eq!(loads(n), (0, 1));
    let other = |s: &str| loads(&format!("{n} {s}")).0;
    assert_eq!(other("ldarg d ldloc i stfld C::m"), 0);
    // The other object may be the same one.
    assert_eq!(other("ldarg d ldloc i stfld C::n"), 1);
    // Volatile accesses stay, and order others.
    let volatile = "ldarg d volatile. ldfld C::m pop";
    assert_eq!(other(volatile), 2);
    // A volatile store of what is else not volatile.
    assert_eq!(other("ldarg c ldc.i4.5 volatile. stfld C::n"), 1);
}

#[test]
fn the_guard_of_an_outer_loop_decides_the_same_guard_inside() {
    let text = optimized(
        &format!(
            "{MAIN} func f(i32 n) -> i32 {{ .locals (i32 i, i32 j, i32 s)
               br outer_test
               outer: ldc.i4.0 stloc j br inner_test
               inner: ldloc s ldloc i ldloc j mul add stloc s ldloc j ldc.i4.1 add stloc j
               inner_test: ldloc j ldarg n blt inner
               ldloc i ldc.i4.1 add stloc i
               outer_test: ldloc i ldarg n blt outer
               ldloc s ret }}"
        ),
        "f",
    );
    // One guard, the two tests at the bottoms, and three of what the inner loop counts to between polls.
    assert_eq!(count(&text, "cmp.i32"), 6, "{text}");
}

#[test]
fn a_type_test_that_is_compared_with_null_branches_once() {
    let text = after(
        "thread",
        "function method0(ptr) -> i32 {
block0(v0: ref):
    v1 = const.ref 0
    v2 = const.i32 1
    v3 = const.i32 2
    v4 = cmp.ref v0, v1 eq
    branch v4 => block2(v1), block1()
block1():
    v5 = load.i32 v0 [i32 +8 field]
    branch v5 => block2(v0), block2(v1)
block2(v6: ref):
    v7 = cmp.ref v6, v1 eq
    branch v7 => block3(), block4()
block3():
    return v2
block4():
    v8 = load.i32 v6 [i32 +12 field]
    return v8
}
",
    );
    assert_eq!(count(&text, "branch"), 2, "{text}");
    assert!(text.contains("load.i32 v0 [i32 +12 field]"), "{text}");
}

#[test]
fn what_a_branch_decided_before_is_not_asked_again() {
    let text = after(
        "thread",
        "function method0(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = const.i32 1
    branch v0 => block1(), block2()
block1():
    v3 = call method1()
    jump => block3(v1)
block2():
    jump => block3(v2)
block3(v4: i32):
    branch v0 => block4(), block5()
block4():
    return v4
block5():
    return v2
}
",
    );
    assert_eq!(count(&text, "branch"), 1, "{text}");
}

#[test]
fn back_edges_are_not_doubled() {
    let source = "function method0(i32) -> i32 {
block0(v0: i32):
    v1 = const.i32 0
    v2 = const.i32 1
    jump => block1(v0)
block1(v3: i32):
    branch v3 => block2(v1), block3()
block3():
    v4 = add.i32 v3, v2
    jump => block2(v4)
block2(v5: i32):
    branch v5 => block4(), block1(v2)
block4():
    return v5
}
";
    let text = after("thread", source);
    assert_eq!(count(&text, "branch"), 2, "{text}");
}

#[test]
fn the_end_of_an_enumeration_is_known_where_it_is_found() {
    // What `foreach` over a list comes to: the loop's condition is a constant on each way to its test.
    let text = after(
        "thread",
        "function method0(i32) -> i32 {
block0(v0: i32):
    v1 = const.i32 0
    v2 = const.i32 1
    jump => block1(v1)
block1(v3: i32):
    v4 = cmp.i32 v3, v0 ge
    branch v4 => block2(v1, v3), block3()
block3():
    v5 = add.i32 v3, v2
    jump => block2(v2, v5)
block2(v6: i32, v7: i32):
    v8 = cmp.i32 v6, v1 ne_un
    poll
    branch v8 => block5(), block4()
block5():
    v9 = xor.i32 v7, v2
    jump => block1(v9)
block4():
    return v7
}
",
    );
    assert_eq!(count(&text, "branch"), 1, "{text}");
}

#[test]
fn loops_that_follow_each_other_have_blocks_between_them() {
    let text = after(
        "preheader",
        "function method0(i32) -> i32 {
block0(v0: i32):
    v1 = const.i32 1
    jump => block1(v0)
block1(v2: i32):
    v3 = sub.i32 v2, v1
    branch v3 => block1(v3), block2(v0)
block2(v4: i32):
    v5 = sub.i32 v4, v1
    branch v5 => block2(v5), block3()
block3():
    return v5
}
",
    );
    assert!(
        text.contains("branch v3 => block1(v3), block4(v0)"),
        "{text}"
    );
}
