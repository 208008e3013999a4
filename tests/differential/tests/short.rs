//! Short runs of what `./x fuzz` does for long, and the reducer.

use isthmus_differential::sir::engines::{Engine, Expected, STEPS, expected};
use isthmus_differential::work::{Scratch, share};
use isthmus_differential::{csharp, sir};
use std::path::{Path, PathBuf};
use std::process::Command;

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_isthmus-fuzz"))
}

/// Other programs: `ISTHMUS_SEED=1000000`.
fn from() -> u64 {
    let given = std::env::var("ISTHMUS_SEED").ok();
    given.and_then(|s| s.parse().ok()).unwrap_or(0)
}

#[test]
fn engines_agree_on_generated_programs() {
    let output = Command::new(fuzz())
        .args(["sir", "--thorough", "--no-reduce", "--jobs", "2"])
        .args(["--programs", "256", "--batch", "64"])
        .args(["--from", &from().to_string()])
        .arg("--keep")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz"))
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}");
    assert!(output.status.success(), "{output:?}");
    let compared = report.split_whitespace().next().unwrap_or_default();
    assert!(compared.parse::<u32>().unwrap() > 200, "{report}");
}

#[test]
fn isthmus_agrees_with_mono_on_generated_methods() {
    let plan = csharp::Plan {
        isthmus: csharp::isthmus().unwrap(),
        from: from(),
        methods: 120,
        batch: 60,
        keep: Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz"),
        reduce: false,
    };
    let report = share(plan.batches(), 2, 5, |n| csharp::batch(&plan, n), |_| {});
    println!("{report}");
    assert!(report.findings.is_empty(), "{report}");
    assert_eq!(report.compared, 120);
}

/// An engine that is wrong about one thing: a script in the place of this command.
#[test]
fn a_program_is_reduced_to_what_matters() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new().unwrap();
    let broken = scratch.path().join("broken");
    // `run --engine NAME FILE`: dies of each program that multiplies by 31.
    let script = "#!/bin/sh\ngrep -A1 'ldc.i4 31' \"$4\" | grep -q mul && kill -SEGV $$\nexec \"$FUZZ\" \"$@\"\n";
    let script = script.replace("$FUZZ", &fuzz().display().to_string());
    std::fs::write(&broken, script).unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    let source = "
        struct Unused { field i32 a }
        class C { field i32 x ctor new(i32 x) { ldarg this ldarg x stfld C::x ret } }
        func other(i32 a) -> i32 { ldarg a ldc.i4 3 mul ret }
        func hash(i32 a, i32 b) -> i32 {
          .locals (i32 i, i32 h)
          .try {
            loop: ldloc h ldc.i4 31 mul ldarg a add ldloc i xor stloc h
            ldloc i ldc.i4.1 add stloc i
            ldloc i ldarg b blt loop
            leave done
          } catch Exception { callvirt object::type_name call print_str leave done }
          done: ldloc h newobj C::new ldfld C::x ret
        }
        func main() -> i32 {
          ldc.i4 5 ldc.i4 10 call hash call print_i32
          ldc.i4 7 call other call print_i32
          ldc.i4 0 ret
        }";
    let engine = Engine::named("baseline").unwrap();
    let small = sir::reduce::reduce(&broken, engine, source, scratch.path()).unwrap();
    println!("{small}");
    assert!(matches!(expected(&small, STEPS), Expected::Text(_)));
    assert!(small.contains("ldc.i4 31"), "{small}");
    for gone in ["Unused", "class C", "other", ".try", "blt", "xor"] {
        assert!(!small.contains(gone), "{gone} is left:\n{small}");
    }
    let instructions = small.lines().filter(|l| l.starts_with("    ")).count();
    assert!(instructions <= 12, "{small}");
}
