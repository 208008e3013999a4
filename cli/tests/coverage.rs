//! `isthmus coverage` and `isthmus dump` as commands, over the class library.

use std::process::Command;

const CORE: &str = "/usr/lib/mono/4.5/System.Core.dll";

fn isthmus(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_isthmus"))
        .args(args)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn coverage_counts_the_same_on_one_thread_and_on_three() {
    for tier in ["baseline", "opt"] {
        let count = |jobs: &str| -> serde_json::Value {
            let args = ["--only", "System.Linq.Enumerable::A", CORE];
            let head = ["coverage", "--json", "--tier", tier, "--jobs", jobs];
            serde_json::from_str(&isthmus(&[&head[..], &args].concat())).unwrap()
        };
        let (one, three) = (count("1"), count("3"));
        let number = |name: &str| one[name].as_u64().unwrap();
        assert!(number("methods") > 5);
        assert_eq!(one["methods"], one["compiled"]);
        assert_eq!(one["declined"], serde_json::json!({}));
        assert!(one["seconds"].as_f64().unwrap() > 0.0);
        for name in ["code_bytes", "eh_bytes", "dwarf_bytes"] {
            assert!(number(name) > 0, "{name}");
        }
        // Ids of types and methods depend on who comes first, and with them the bytes of instructions that hold them.
        for name in ["methods", "compiled", "helper_calls", "il_instructions"] {
            assert_eq!(one[name], three[name], "{name}");
        }
        assert!(number("eh_frame_bytes") < number("dwarf_bytes"));
    }
}

#[test]
fn coverage_takes_several_assemblies_and_lists_methods() {
    let library = "/usr/lib/mono/4.5/mscorlib.dll";
    let only = ["--only", "::get_Empty", "--slowest", "1", "--largest", "2"];
    let args = [
        &["coverage", "--tier", "baseline"][..],
        &only,
        &[CORE, library],
    ]
    .concat();
    let text = isthmus(&args);
    assert!(text.contains("0 declined"), "{text}");
    assert_eq!(text.matches(" ms  ").count(), 1, "{text}");
    assert_eq!(text.matches(" bytes  ").count(), 2, "{text}");
}

#[test]
fn methods_of_arrays_can_be_dumped() {
    let dump = |method: &str| isthmus(&["dump", "--stage", "stack", "--method", method, CORE]);
    assert!(dump("System.Int32[,]::Get").contains("System.Int32[,]::Get"));
    assert!(dump("System.Linq.Expressions.Expression[]::Set").contains("stelem"));
    let unknown = ["dump", "--method", "System.Nothing[]::Get", CORE];
    let output = Command::new(env!("CARGO_BIN_EXE_isthmus"))
        .args(unknown)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("no type System.Nothing"), "{error}");
}
