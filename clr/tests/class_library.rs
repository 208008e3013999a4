//! The type system over the whole class library: every type lays out, every body decodes.

use isthmus_clr::body::{self, Implementation};
use isthmus_clr::types::system::SearchPath;
use isthmus_clr::types::{Type, TypeSystem};
use isthmus_clr::{cil, synth};

fn start() -> &'static TypeSystem {
    let bcl = std::path::PathBuf::from("/usr/lib/mono/4.5");
    let search = SearchPath {
        app: bcl.clone(),
        bcl,
        ..SearchPath::default()
    };
    TypeSystem::start(search).expect("mscorlib loads; `./x setup` installs it")
}

fn check_type(ty: &'static Type, failures: &mut Vec<String>) {
    let mut fail = |what: &str, e: &dyn std::fmt::Display| {
        failures.push(format!("{}: {what}: {e}", ty.full_name()))
    };
    if let Err(e) = ty.layout() {
        fail("layout", &e);
    }
    if let Err(e) = ty.interfaces() {
        fail("interfaces", &e);
    }
    match ty.vtable() {
        Err(e) => fail("vtable", &e),
        Ok(plan) => {
            // A class that is not abstract has a body for each of its slots and its interfaces' methods.
            if ty.is_interface()
                || ty
                    .flags
                    .contains(isthmus_clr::metadata::TypeAttributes::ABSTRACT)
            {
                return;
            }
            for m in plan.slots.iter().filter(|m| m.is_abstract()) {
                fail("slot", &m.full_name());
            }
            for i in ty.interfaces().into_iter().flatten() {
                for m in i
                    .methods()
                    .unwrap_or_default()
                    .iter()
                    .filter(|m| m.is_virtual())
                {
                    if ty.interface_implementation(m).is_none() {
                        fail("interface", &m.full_name());
                    }
                }
            }
        }
    }
}

#[test]
fn every_type_lays_out_and_every_body_decodes() {
    let system = start();
    let mut failures = Vec::new();
    let (mut types, mut bodies) = (0, 0);
    for name in ["mscorlib", "System", "System.Core", "System.Xml"] {
        let assembly = system.load(name).expect("part of the class library");
        for ty in assembly.canonical_types() {
            let ty = match ty {
                Ok(ty) => ty,
                Err(e) => {
                    failures.push(e.to_string());
                    continue;
                }
            };
            types += 1;
            check_type(ty, &mut failures);
            for m in assembly.canonical_methods(ty).unwrap_or_default() {
                let result = match body::implementation(m) {
                    Implementation::Il => cil::body(m),
                    Implementation::Synthetic => synth::body(m),
                    _ => continue,
                };
                bodies += 1;
                match result {
                    Ok(body) => {
                        for insn in &body.code {
                            if let isthmus_frontend_ir::op::Op::Raise(r) = insn.op {
                                let text = format!("{:?}", isthmus_clr::tables::raises().get(r));
                                if !text.contains("System(")
                                    && !text.contains("BeginInvoke")
                                    && !text.contains("EndInvoke")
                                {
                                    failures.push(format!(
                                        "{}: IL_{:04x}: {text}",
                                        m.full_name(),
                                        insn.il
                                    ));
                                }
                            }
                        }
                    }
                    Err(e) => failures.push(e.to_string()),
                }
            }
        }
    }
    println!("{types} types, {bodies} bodies");
    for f in failures.iter().take(60) {
        println!("{f}");
    }
    assert!(failures.is_empty(), "{} failures", failures.len());
    assert!(bodies > 40_000);
}
