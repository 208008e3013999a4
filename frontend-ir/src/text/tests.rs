use super::*;
use crate::op::Op;
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::{CallPlan, CompileEnv, Dispatch, FieldPlace};

const SAMPLE: &str = r#"
struct Point { field i32 x field f64 y field string s }
struct Bits explicit size 16 { field i32 low at 0 field f32 same at 0 }
interface IShape { method area() -> f64 }
class Shape implements IShape { field Point at_point virtual method area() -> f64 { ldc.r8 0 ret } ctor new() { ret } }
sealed class Circle extends Shape {
  field f64 r
  static field i32 count
  static field string name
  override method area() -> f64 { ldarg this ldfld Circle::r dup mul ret }
  ctor new(f64 r) { ldarg this call Shape::new ldarg this ldarg r stfld Circle::r ret }
}
func main() -> i32 {
  .locals (IShape s, i32 i)
  again:
  ldc.r8 2.5 newobj Circle::new stloc s
  .try { ldloc s callvirt IShape::area call print_f64 leave done }
  catch Exception { pop leave.s done }
  done:
  ldloc.1 brtrue.s again
  ldc.i4.s -3 ret
}
"#;

#[test]
fn the_prelude_parses() {
    let module = parse("").unwrap();
    assert!(module.find_type("OverflowException").is_some());
    assert!(module.find_full("Exception::new").is_some());
}

#[test]
fn layouts_vtables_and_plans_are_real() {
    let m = parse(SAMPLE).unwrap();
    let point = m.ty(m.find_type("Point").unwrap());
    assert_eq!((point.layout.size, point.layout.align), (24, 8));
    assert_eq!(point.refs, [8 + 16]);
    let circle = m.find_type("Circle").unwrap();
    let r = m.find_field(circle, "r").unwrap();
    assert_eq!(m.field_def(r).place, FieldPlace::Instance(32));
    assert_eq!(m.ty(circle).refs, [8 + 16]);
    assert_eq!(m.ty(circle).instance_size, 40);
    let name = m.find_field(circle, "name").unwrap();
    assert_eq!(m.field_def(name).place, FieldPlace::RefStatic(8));
    let area = m.find_full("IShape::area").unwrap();
    let own = m.find_full("Circle::area").unwrap();
    assert_eq!(m.find_implementation(area, circle), Some(own));
    let main = m.entry.unwrap();
    let CallPlan { dispatch, .. } = m.call_plan(main, area, true);
    assert_eq!(dispatch, Dispatch::Interface(area));
    assert_eq!(m.call_plan(main, own, true).dispatch, Dispatch::Direct(own));
    let shape_area = m.find_full("Shape::area").unwrap();
    assert_eq!(
        m.call_plan(main, shape_area, true).dispatch,
        Dispatch::Virtual(2)
    );
    let points = m.array_of(m.find_type("Point").unwrap());
    assert_eq!(
        (m.ty(points).component_size, m.ty(points).refs.as_slice()),
        (24, &[16][..])
    );
}

#[test]
fn bodies_have_regions_and_normal_forms() {
    let m = parse(SAMPLE).unwrap();
    let body = m.method_def(m.entry.unwrap()).body.clone().unwrap();
    assert_eq!(body.regions.clauses.len(), 1);
    assert_eq!(body.regions.clauses[0].body, 3..7);
    assert_eq!(body.code[9].op, Op::LdLoc(1));
    assert_eq!(body.code[10].op, Op::BrTrue(0));
    assert_eq!(body.code[11].op, Op::LdcI4(-3));
    assert_eq!(body.locals[0].ty, MemTy::Ref);
}

#[test]
fn errors_name_line_and_column() {
    let bad = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(bad("func main() { ret\n"), "1:13: the body is not closed");
    assert_eq!(
        bad("func main() {\n  foo }"),
        "2:3: there is no instruction foo"
    );
    assert_eq!(
        bad("func main() { br x ret }"),
        "1:18: this label is not defined"
    );
    assert_eq!(
        bad("func main() { br x x: }"),
        "1:18: nothing follows this label"
    );
    assert_eq!(
        bad("class A extends B {} class B extends A {}"),
        "1:7: A is its own ancestor"
    );
    assert_eq!(bad("struct A { field A a }"), "1:8: A contains itself");
    assert_eq!(
        bad("struct A { field i32 a field i32 a }"),
        "1:34: A::a is declared twice"
    );
    assert_eq!(
        bad("interface I { method m() } class A implements I {}"),
        "1:34: A does not implement I::m"
    );
    assert_eq!(
        bad("func f() { ldc.i4 99999999999 }"),
        "1:19: 99999999999 is not in -2147483648..=4294967295"
    );
    assert_eq!(
        bad("func f() { volatile. }"),
        "1:12: a prefix needs its instruction"
    );
    assert_eq!(
        bad("func f() { \"abc"),
        "1:12: the string does not end on its line"
    );
}

#[test]
fn printing_parses_back_to_the_same() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let files = std::fs::read_dir(dir)
        .unwrap()
        .filter_map(|e| std::fs::read_to_string(e.ok()?.path()).ok());
    for source in files.chain([SAMPLE.to_string()]) {
        let first = parse(&source).unwrap();
        let printed = print::module(&first);
        let second = parse(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}"));
        assert_eq!(print::module(&second), printed);
        let code = |m: &Module| -> Vec<_> {
            let bodies = m.methods.iter().filter_map(|d| d.body.clone());
            bodies
                .map(|b| (b.code.len(), b.regions.clauses.len(), b.max_stack))
                .collect()
        };
        assert_eq!(code(&first), code(&second));
    }
}

#[test]
fn random_tokens_never_panic() {
    let words: Vec<&str> = SAMPLE.split_whitespace().collect();
    let mut seed = 1u64;
    for _ in 0..3000 {
        let mut text = String::new();
        let mut source = words.clone();
        for _ in 0..3 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let (a, b) = (
                (seed >> 33) as usize % words.len(),
                (seed >> 13) as usize % words.len(),
            );
            source[a] = words[b];
        }
        for w in source {
            text.push_str(w);
            text.push(' ');
        }
        if let Ok(module) = parse(&text) {
            for def in &module.methods {
                if let Some(body) = &def.body {
                    let _ = crate::verify::verify(&module, body);
                }
            }
        }
    }
}
