//! Images of code compiled ahead of time: programs run from them as they do without, the same input gives the same bytes, text
//! assembles to what the object holds, and damaged images are refused.

use isthmus_child_process::{self as child, End, Outcome};
use isthmus_tests::programs::{
    Catalog, Engine, Mode, compile, default_jobs, pool, score, target_dir,
};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The libraries that the programs of the collection use most.
const LIBRARIES: &[&str] = &["mscorlib.dll", "System.dll", "System.Core.dll"];

fn isthmus() -> PathBuf {
    match Engine::isthmus().unwrap() {
        Engine::Isthmus(path) => path,
        Engine::Mono => unreachable!("that is not what was asked for"),
    }
}

/// Runs the command; it must succeed.
fn run(program: impl AsRef<OsStr>, args: &[&OsStr]) -> Outcome {
    let outcome = child::run(
        Command::new(program).args(args),
        "",
        Duration::from_secs(600),
    )
    .unwrap();
    assert_eq!(outcome.failure(), None);
    outcome
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = target_dir().join("tmp").join(format!("aot-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A program of the collection, compiled, in a folder of its own.
fn program(name: &str, folder: &Path) -> PathBuf {
    let catalog = Catalog::load().unwrap();
    let program = catalog.programs.iter().find(|p| p.name == name).unwrap();
    let exe = folder.join(format!("{name}.exe"));
    let compiled = compile::compile(program).unwrap();
    fs::copy(&compiled, &exe).unwrap();
    if let Some(source) = &program.directives.native {
        let library = format!("lib{}", Path::new(source).with_extension("so").display());
        fs::copy(compiled.with_file_name(&library), folder.join(&library)).unwrap();
    }
    exe
}

fn aot(exe: &Path, out: &Path, switches: &[&str]) {
    let mut args: Vec<&OsStr> = vec!["aot".as_ref(), "-o".as_ref(), out.as_ref()];
    args.extend(switches.iter().map(OsStr::new));
    args.push(exe.as_ref());
    run(isthmus(), &args);
}

/// Every enabled program prints the same when the class library's code comes from images.
#[test]
fn programs_run_from_images_of_the_class_library() {
    let images = folder("library");
    let library = Path::new("/usr/lib/mono/4.5");
    for name in LIBRARIES {
        aot(&library.join(name), &images, &["--no-fallback"]);
    }
    let mode = Mode {
        name: "images".to_owned(),
        switches: ["--tier", "opt"].map(str::to_owned).to_vec(),
        limit: Duration::from_secs(240),
        images: Some(images),
    };
    let engine = Engine::isthmus().unwrap();
    let programs = Catalog::load().unwrap().enabled();
    let verdicts = pool::map(&programs, default_jobs(), |p| score(p, &engine, &mode));
    let wrong: Vec<String> = programs
        .iter()
        .zip(verdicts)
        .filter(|(_, verdict)| !verdict.passed())
        .map(|(program, verdict)| format!("{}: {verdict:?}", program.name))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_program_runs_from_an_image_beside_it() {
    let folder = folder("beside");
    let exe = program("generics_types", &folder);
    let plain = run(isthmus(), &["run".as_ref(), exe.as_ref()]);
    run(isthmus(), &["aot".as_ref(), exe.as_ref()]);
    let stats = run(
        isthmus(),
        &["run".as_ref(), "--stats".as_ref(), exe.as_ref()],
    );
    assert_eq!(plain.stdout, stats.stdout);
    let text = String::from_utf8_lossy(&stats.stderr);
    assert!(text.contains("\nimages "), "{text}");
    assert!(!text.contains("not used of images"), "{text}");
    // Mono has images of its own, and takes ours for none of them.
    assert_eq!(plain.stdout, run("mono", &[exe.as_ref()]).stdout);
}

/// P/Invokes come from the image, with all that they convert.
#[test]
fn native_calls_are_in_images() {
    let folder = folder("native");
    let exe = program("p_invoke", &folder);
    // All stubs of native calls that are made in the process.
    let made = || {
        let args: [&OsStr; 3] = ["run".as_ref(), "--stats".as_ref(), exe.as_ref()];
        let outcome = run(isthmus(), &args);
        let stats = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let line = stats.lines().find(|l| l.starts_with("stubs ")).unwrap();
        let mut kinds = line.split(": ").nth(1).unwrap().split(", ");
        let native = kinds.find(|k| k.contains("native calls")).unwrap();
        let count = native.split(' ').next().unwrap().parse::<u32>().unwrap();
        (outcome.stdout, count)
    };
    let (plain, all) = made();
    aot(
        &exe,
        &folder.join("p_invoke.exe.isthmus.so"),
        &["--no-fallback"],
    );
    let (printed, rest) = made();
    assert_eq!(printed, plain);
    assert!(rest < all, "{rest} of {all}");
}

/// A relocatable object beside the assembly is linked by our linker; what cannot be linked is refused.
#[test]
fn a_program_runs_from_a_relocatable_object() {
    let folder = folder("object");
    let exe = program("exception_filters", &folder);
    let object = folder.join("exception_filters.exe.isthmus.o");
    let run = || {
        let args: [&OsStr; 3] = ["run".as_ref(), "--stats".as_ref(), exe.as_ref()];
        let outcome = run(isthmus(), &args);
        let stats = String::from_utf8_lossy(&outcome.stderr).into_owned();
        (outcome.stdout, stats)
    };
    let (plain, _) = run();
    aot(&exe, &object, &["--emit", "o"]);
    let (printed, stats) = run();
    assert_eq!(printed, plain);
    assert!(stats.contains("\nimages "), "{stats}");
    assert!(!stats.contains("not used of images"), "{stats}");
    let bytes = fs::read(&object).unwrap();
    for len in [0, 63, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&object, &bytes[..len]).unwrap();
        let (printed, stats) = run();
        assert_eq!(printed, plain);
        assert!(stats.contains("not used of images"), "{len}: {stats}");
    }
}

/// The command that `./x test` builds without the optimizing tier runs images, and what they lack in baseline code.
#[test]
fn images_run_without_the_optimizing_tier() {
    let without = isthmus().with_file_name("isthmus-without-opt");
    if !without.exists() {
        println!("{} is not there: ./x test builds it", without.display());
        return;
    }
    let folder = folder("without-opt");
    let exe = program("generics_types", &folder);
    let run = |program: &Path, switches: &[&str]| {
        let mut args: Vec<&OsStr> = vec!["run".as_ref(), "--stats".as_ref()];
        args.extend(switches.iter().map(OsStr::new));
        args.push(exe.as_ref());
        let outcome = run(program, &args);
        let stats = String::from_utf8_lossy(&outcome.stderr).into_owned();
        (outcome.stdout, stats)
    };
    let count = |stats: &str, of: &str| {
        let line = stats.lines().find(|l| l.starts_with(of));
        line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u32>().ok())
    };
    let (plain, _) = run(&isthmus(), &[]);
    aot(&exe, &folder.join("generics_types.exe.isthmus.so"), &[]);
    for tier in ["auto", "opt"] {
        let (printed, stats) = run(&without, &["--tier", tier]);
        assert_eq!(printed, plain);
        assert!(count(&stats, "images ") > Some(0), "{stats}");
        assert!(count(&stats, "baseline ") > Some(0), "{stats}");
        assert_eq!(count(&stats, "opt "), Some(0), "{stats}");
    }
}

/// Methods of an image that are called often are compiled again: directly called ones, virtual and interface methods, and delegates' targets.
#[test]
fn hot_code_of_images_is_optimized_again() {
    let folder = folder("hot");
    let exe = program("aot_hot", &folder);
    run(isthmus(), &["aot".as_ref(), exe.as_ref()]);
    let replaced = |switches: &[&str]| {
        let mut args: Vec<&OsStr> = vec!["run".as_ref(), "--stats".as_ref()];
        args.extend(switches.iter().map(OsStr::new));
        args.push(exe.as_ref());
        let outcome = run(isthmus(), &args);
        let stats = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let line = stats.lines().find(|l| l.starts_with("tiering"));
        let count = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u32>().ok());
        (outcome.stdout, count)
    };
    let (plain, _) = replaced(&["--no-aot"]);
    // Each of the program's four methods is called 20,000 times, by `Main`.
    let (printed, hot) = replaced(&["--tier", "auto", "--tier-up-at-once"]);
    assert_eq!(printed, plain);
    assert!(hot >= Some(5), "{hot:?}");
    let (printed, cold) = replaced(&["--tier", "auto", "--tier-up-calls", "100000"]);
    assert_eq!(printed, plain);
    assert_eq!(cold, Some(0));
    assert_eq!(replaced(&["--tier", "opt"]), (plain, None));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = folder("same");
    let exe = program("collections_all", &folder);
    let bytes = |jobs: &str| {
        let out = folder.join(format!("{jobs}.o"));
        aot(&exe, &out, &["--emit", "o", "--jobs", jobs]);
        fs::read(out).unwrap()
    };
    let first = bytes("1");
    assert!(
        first == bytes("4"),
        "the number of threads shows in the image"
    );
    assert!(first == bytes("2"));
}

#[test]
fn text_assembles_to_what_the_object_holds() {
    let folder = folder("text");
    // With overloads, whose names are the same.
    let exe = program("generics_types", &folder);
    let (object, text) = (folder.join("a.o"), folder.join("a.s"));
    aot(&exe, &object, &["--emit", "o", "--debug"]);
    let report = folder.join("a.txt");
    let report_switch = format!("--report={}", report.display());
    aot(&exe, &text, &["--emit", "s", "--debug", &report_switch]);
    let report = fs::read_to_string(report).unwrap();
    for title in ["namespaces", "types", "methods", "instantiations"] {
        assert!(
            report.contains(&format!("  methods  {title}\n")),
            "{report}"
        );
    }
    let assembled = folder.join("b.o");
    run("as", &["-o".as_ref(), assembled.as_ref(), text.as_ref()]);
    let debug = [".debug_info", ".debug_line", ".debug_ranges", ".eh_frame"];
    for section in [".text", ".isthmus"].into_iter().chain(debug) {
        let bytes = |object: &Path| {
            let out = folder.join("section");
            let dump = format!("--dump-section={section}={}", out.display());
            let nowhere = folder.join("copy");
            let args: [&OsStr; 3] = [dump.as_ref(), object.as_ref(), nowhere.as_ref()];
            run("objcopy", &args);
            fs::read(out).unwrap()
        };
        let (expected, found) = (bytes(&object), bytes(&assembled));
        assert!(!expected.is_empty());
        assert!(expected == found, "{section}");
    }
    let source = fs::read_to_string(&text).unwrap();
    let (lines, bytes) = (source.lines(), source.matches("\n\t.byte ").count());
    let instructions = lines.take_while(|line| *line != "\t.bss").count();
    assert!(
        bytes * 4 < instructions,
        "{bytes} of {instructions} lines are bytes"
    );
    for shown in [
        "\t# IL_0000\n",
        ", called at IL_",
        "\t.long .L",
        "# handler 0: ",
    ] {
        assert!(source.contains(shown), "{shown:?}");
    }
    run(isthmus(), &["aot-check".as_ref(), assembled.as_ref()]);
}

/// A program, the class library and the runtime in one file, which needs neither of them any more, nor a compiler.
#[test]
fn executables_run_by_themselves() {
    let folder = folder("exe");
    let library = Path::new("/usr/lib/mono/4.5/mscorlib.dll");
    aot(
        library,
        &folder.join("mscorlib.dll.isthmus.o"),
        &["--emit", "o"],
    );
    for (name, switches) in [
        ("virtual_calls", &["--no-jit", "--debug"][..]),
        ("exception_filters", &["--strip"]),
        ("generics_types", &["--no-jit"]),
        // Generic virtual and interface methods.
        ("generics_methods", &["--no-jit"]),
        ("interfaces_generic", &["--no-jit"]),
        // Arguments that are converted; delegates that C calls.
        ("p_invoke", &["--no-jit"]),
        ("native_callbacks", &["--no-jit"]),
        ("delegates_open", &["--no-jit"]),
        ("reflection_instances", &["--no-jit"]),
        // Optimized anew while it runs.
        ("aot_hot", &[]),
    ] {
        let exe = program(name, &folder);
        let plain = run(isthmus(), &["run".as_ref(), exe.as_ref()]);
        let out = folder.join(name);
        let mut command = Command::new(isthmus());
        command.args(["aot", "--emit", "exe"]).args(switches);
        command.arg("-o").arg(&out).arg(&exe);
        // The image of the class library is made once for all of them.
        command.env("ISTHMUS_AOT_PATH", &folder);
        let made = child::run(&mut command, "", Duration::from_secs(600)).unwrap();
        assert_eq!(made.failure(), None, "{name}");
        let text = String::from_utf8_lossy(&made.stdout);
        assert!(
            text.contains("mscorlib.dll.isthmus.o: linked as it is"),
            "{text}"
        );
        // What cannot be seen in code is listed.
        let makes = "only known when it runs: MakeGenericMethod: ";
        let listed = ["delegates_open", "reflection_instances"].contains(&name);
        assert_eq!(text.contains(makes), listed, "{text}");
        fs::remove_file(&exe).unwrap();
        let mut command = Command::new(&out);
        command.env("ISTHMUS_BCL", "/nonexistent");
        command.env("ISTHMUS_STATS", "1");
        let found = child::run(&mut command, "", Duration::from_secs(240)).unwrap();
        let text = String::from_utf8_lossy(&found.stderr);
        assert_eq!(
            (&found.end, &found.stdout),
            (&plain.end, &plain.stdout),
            "{name}: {text}"
        );
        // Libraries and functions that are not there are what `p_invoke` tests.
        if name != "p_invoke" {
            assert!(!text.contains("not used of images"), "{name}: {text}");
        }
        if switches.contains(&"--no-jit") {
            let compiled = "\ncompiled here, not ahead of time: 0 methods\n";
            assert!(text.contains(compiled), "{name}: {text}");
            assert!(!text.contains("\ntiering "), "{name}: {text}");
        }
    }
}

/// Code for another processor than there is: refused by name; here, with what there is, it runs.
#[test]
fn the_processor_is_looked_at() {
    let folder = folder("cpu");
    let exe = program("virtual_calls", &folder);
    let image = folder.join("virtual_calls.exe.isthmus.so");
    aot(&exe, &image, &["--cpu", "+lzcnt,+bmi1"]);
    let checked = run(isthmus(), &["aot-check".as_ref(), image.as_ref()]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.contains("for x86-64-v2,+bmi1,+lzcnt\n"),
        "{checked}"
    );
    let run_for = |cpu: &str| {
        let args = ["run", "--stats", "--cpu", cpu].map(OsStr::new);
        let outcome = run(isthmus(), &[&args[..], &[exe.as_ref()]].concat());
        let stats = String::from_utf8_lossy(&outcome.stderr).into_owned();
        (outcome.stdout, stats)
    };
    let (plain, stats) = run_for("baseline,+bmi1");
    let reason = "its code needs a processor with lzcnt";
    assert!(stats.contains(reason), "{stats}");
    if std::is_x86_feature_detected!("lzcnt") && std::is_x86_feature_detected!("bmi1") {
        let (printed, stats) = run_for("native");
        assert_eq!(printed, plain);
        assert!(!stats.contains("not used of images"), "{stats}");
    }
    let wrong = Command::new(isthmus())
        .args(["aot", "--cpu", "x86-64-v3,+wings"])
        .arg(&exe)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&wrong.stderr);
    assert!(text.contains("no level or feature `+wings`"), "{text}");
    let help = run(isthmus(), &["aot", "--cpu", "help"].map(OsStr::new));
    assert!(String::from_utf8_lossy(&help.stdout).contains("x86-64-v3: sse3 "));
}

/// Debug information, as the system's tools read it.
#[test]
fn debuggers_know_functions_lines_and_frames() {
    let folder = folder("debug");
    let exe = program("exception_filters", &folder);
    let image = folder.join("exception_filters.exe.isthmus.so");
    aot(&exe, &image, &["--debug"]);
    run(isthmus(), &["aot-check".as_ref(), image.as_ref()]);
    let text = |program: &str, args: &[&str]| {
        let mut all: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        all.push(image.as_ref());
        let outcome = run(program, &all);
        assert_eq!(String::from_utf8_lossy(&outcome.stderr), "", "{program}");
        String::from_utf8_lossy(&outcome.stdout).into_owned()
    };
    let frames = text("readelf", &["--debug-dump=frames"]);
    let names = text("nm", &[]);
    // Every function, and the stubs.
    let functions = names.lines().filter(|l| l.contains(" t ")).count();
    let entries = frames.matches(" FDE ").count();
    assert_eq!(entries, functions + 1);
    assert!(frames.contains("DW_CFA_def_cfa_register: r6 (rbp)"));
    assert!(frames.contains("DW_CFA_restore_state"));
    let info = text("objdump", &["--dwarf=info"]);
    assert!(info.matches("DW_AT_high_pc").count() > functions);
    assert!(info.contains("DW_TAG_inlined_subroutine"));
    // Instructions of CIL as lines.
    let shown = text("objdump", &["-d", "-l"]);
    let lines = shown.matches("exception_filters.exe.il:").count();
    assert!(lines > functions, "{lines}");
    text("readelf", &["-aW"]);
    // The program runs, from this image.
    let args: [&OsStr; 3] = ["run".as_ref(), "--stats".as_ref(), exe.as_ref()];
    let stats = run(isthmus(), &args).stderr;
    assert!(!String::from_utf8_lossy(&stats).contains("not used of images"));
    // `strip` leaves alone what counts.
    run("strip", &[image.as_ref()]);
    let stats = run(isthmus(), &args).stderr;
    assert!(!String::from_utf8_lossy(&stats).contains("not used of images"));
}

/// `aot-check` sees a changed byte of text, in objects of both kinds.
#[test]
fn damaged_text_is_found() {
    let folder = folder("text-damaged");
    let exe = program("virtual_calls", &folder);
    for emit in ["o", "so"] {
        let image = folder.join(emit);
        aot(&exe, &image, &["--emit", emit]);
        run(isthmus(), &["aot-check".as_ref(), image.as_ref()]);
        let good = fs::read(&image).unwrap();
        // A prologue that comes more than once: the first one is in text for sure.
        let prologue = [0x55, 0x48, 0x89, 0xe5];
        let start = good.windows(4).position(|w| w == prologue).unwrap();
        for at in [start, start + 1, start + 3] {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&image, bad).unwrap();
            let checked = Command::new(isthmus())
                .arg("aot-check")
                .arg(&image)
                .output();
            let checked = checked.unwrap();
            let text = String::from_utf8_lossy(&checked.stderr);
            assert!(!checked.status.success(), "{emit} {at:#x}");
            assert!(text.contains("check sum of its text"), "{text}");
        }
    }
}

/// Images for AArch64: every method is compiled, the image can be decoded, and our linker links it.
#[test]
fn images_for_another_machine() {
    let folder = folder("a64");
    let exe = program("exception_filters", &folder);
    let switches = ["--target", "aarch64-unknown-linux-gnu", "--no-fallback"];
    let object = folder.join("a.o");
    aot(&exe, &object, &[&switches[..], &["--emit", "o"]].concat());
    run(isthmus(), &["aot-check".as_ref(), object.as_ref()]);
    let listing = folder.join("a.s");
    aot(&exe, &listing, &[&switches[..], &["--emit", "s"]].concat());
    let assembled = folder.join("b.o");
    let clang: [&OsStr; 5] = [
        "--target=aarch64-linux-gnu".as_ref(),
        "-c".as_ref(),
        "-o".as_ref(),
        assembled.as_ref(),
        listing.as_ref(),
    ];
    run("clang", &clang);
    run(isthmus(), &["aot-check".as_ref(), assembled.as_ref()]);
    let source = fs::read_to_string(&listing).unwrap();
    let (code, _) = source.split_once("\t.bss").unwrap();
    let (lines, bytes) = (code.lines().count(), code.matches("\n\t.byte ").count());
    assert!(bytes * 20 < lines, "{bytes} of {lines} lines are bytes");
    for shown in ["\tbl .Lstub", "\tadrp x16, .Lwords", "\t// IL_0000\n"] {
        assert!(source.contains(shown), "{shown:?}");
    }
    // Linked, the text of both is the same.
    let text = |object: &Path| {
        let args = ["link", "--noexec", "--show", "fixed"].map(OsStr::new);
        let shown = run(isthmus(), &[&args[..], &[object.as_ref()]].concat()).stdout;
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let lines = shown.lines().skip_while(|l| !l.starts_with("block 0"));
        let text: Vec<String> = lines
            .skip(1)
            .take_while(|l| l.starts_with("  hex"))
            .map(str::to_owned)
            .collect();
        text
    };
    let expected = text(&object);
    assert!(expected.len() > 50);
    assert_eq!(expected, text(&assembled));
    // Here it is refused.
    fs::copy(&object, folder.join("exception_filters.exe.isthmus.o")).unwrap();
    let args: [&OsStr; 3] = ["run".as_ref(), "--stats".as_ref(), exe.as_ref()];
    let stats = run(isthmus(), &args).stderr;
    let stats = String::from_utf8_lossy(&stats);
    assert!(stats.contains("not used of images"), "{stats}");
}

/// A byte of the data is another one: the image is refused, and the program runs as if there were none.
#[test]
fn damaged_images_are_refused() {
    let folder = folder("damaged");
    let exe = program("virtual_calls", &folder);
    let plain = run(isthmus(), &["run".as_ref(), exe.as_ref()]);
    let image = folder.join("virtual_calls.exe.isthmus.so");
    aot(&exe, &image, &["--strip"]);
    let good = fs::read(&image).unwrap();
    let magic = b"ISTHAOT";
    let start = good.windows(magic.len()).position(|w| w == magic).unwrap();
    let length = u32::from_le_bytes(good[start + 8..start + 12].try_into().unwrap()) as usize;
    // Of the image's data, and of what the dynamic linker goes by: program headers (56 bytes each), symbols, the dynamic section.
    let data = (0..length).step_by(length / 40).map(|at| start + at);
    let segments = usize::from(good[56]);
    let headers = (64..64 + 56 * segments).step_by(61);
    let of_start = [0, 5, 18, 32, 54, 56];
    let distances = [16, 25, 33, 52].map(|at| start + at);
    for at in data.chain(headers).chain(of_start).chain(distances) {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        fs::write(&image, bad).unwrap();
        let outcome = run(
            isthmus(),
            &["run".as_ref(), "--stats".as_ref(), exe.as_ref()],
        );
        assert_eq!(outcome.end, End::Exit(0));
        assert_eq!(outcome.stdout, plain.stdout, "byte {at}");
        let text = String::from_utf8_lossy(&outcome.stderr);
        assert!(text.contains("not used of images"), "byte {at}: {text}");
    }
}
