//! Operands of other types than the standard wants, which code in the field has, become values of the types that they stand for.

use isthmus_frontend_ir::body::BodySource;
use isthmus_frontend_ir::text;
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::Options;

#[test]
fn boxing_for_a_reference_gives_a_reference() {
    for ty in ["i32", "i64", "native"] {
        let source = format!(
            "interface I {{ }}
             func boxed({ty} n) -> object {{ ldarg n box string isinst I ret }}"
        );
        let module = text::parse(&source).unwrap();
        let method = module.method_ids().last().unwrap();
        let body = module.body(method).unwrap();
        let mut options = Options::new(Arch::X64);
        options.verify = true;
        let unit = isthmus_ssa::compile(&module, method, &body, &options);
        assert!(unit.is_ok(), "{ty}: {unit:?}");
    }
}
