//! `isthmus link` as a command.

#![cfg(target_arch = "x86_64")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/linker")
        .join(name)
}

/// Compiles sources of the corpus; the objects.
fn objects(folder: &str, compiler: &str, options: &[&str], names: &[&str]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let compile = |name: &&str| {
        let stem = Path::new(name).file_stem().unwrap();
        let object = folder.join(stem).with_extension("o");
        let mut command = Command::new(compiler);
        command.args(options).arg("-c").arg(corpus(name));
        assert!(command.arg("-o").arg(&object).status().unwrap().success());
        object.to_str().unwrap().to_owned()
    };
    names.iter().map(compile).collect()
}

/// Exit code, output and errors.
fn link(arguments: &[&str], objects: &[String]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isthmus"));
    command.arg("link").args(arguments).args(objects);
    let output = command.args(["--", "a", "b"]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn objects_are_linked_and_run() {
    let parts = ["program/main.c", "program/parts.c", "program/notes.c"];
    let all = objects("run", "gcc", &["-O2", "-fcommon"], &parts);
    let expected = std::fs::read_to_string(corpus("program/expected.txt")).unwrap();
    for options in [
        &[][..],
        &["--memory", "pool"],
        &["--memory", "dual", "--gdb"],
    ] {
        let (status, out, err) = link(options, &all);
        assert_eq!((out.as_str(), err.as_str()), (expected.as_str(), ""));
        assert_eq!(status, Some(33));
    }
    let (status, out, err) = link(&[], &all[..1]);
    assert_eq!((status, out.as_str()), (Some(1), ""));
    let undefined = format!("undefined: `hidden_helper` ({})", all[0]);
    assert!(err.contains(&undefined), "{err}");
    let (status, _, err) = link(&["--entry", "nobody"], &all);
    assert_eq!(
        (status, err.as_str()),
        (Some(1), "isthmus: undefined: `nobody`\n")
    );
}

#[test]
fn links_for_other_machines_are_checked() {
    let target = ["--target=aarch64-linux-gnu"];
    let all = objects("check", "clang", &target, &["checks/aarch64.s"]);
    let source = corpus("checks/aarch64.s");
    let source = source.to_str().unwrap();
    let near = ["--define-abs", "near=0x10100000"];
    let far = |address| ["--define-abs", address];
    let check = |far: [&str; 2]| {
        let mut options = vec!["--noexec", "--check", source];
        options.extend_from_slice(&near);
        options.extend_from_slice(&far);
        link(&options, &all)
    };
    let (status, out, err) = check(far("far=0x7f0000001238"));
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "", ""));
    // So near that it has no stub.
    let (status, out, _) = check(far("far=0x10200000"));
    assert_eq!(status, Some(1));
    assert!(out.contains("(*{4}call_far)[25:0]"), "{out}");
    let (status, _, err) = link(&[], &all);
    assert_eq!(status, Some(1));
    assert!(err.contains("it is for another machine"), "{err}");
}

#[test]
fn a_harness_tests_one_object_alone() {
    let options = ["-O1", "-include", "stdio.h"];
    let tested = objects("harness", "gcc", &options, &["parts/caller.c"]);
    let harness = objects("harness", "gcc", &options, &["parts/harness.c"]);
    let options = ["--entry", "probe", "--harness", &harness[0]];
    // probe(argc = 3) is (3 + 1000) * 10000 + (-3 + 1), of which the exit code is the low byte.
    let (status, _, err) = link(&options, &tested);
    assert_eq!((status, err.as_str()), (Some((10_030_000 - 2) & 255), ""));
}

/// Members of archives are linked if something refers to them; shared libraries are loaded.
#[test]
fn archives_and_shared_libraries_are_inputs() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("archives");
    let parts = ["program/main.c", "program/parts.c", "program/notes.c"];
    let all = objects("archives", "gcc", &["-O2", "-fcommon"], &parts);
    objects("archives", "gcc", &["-O2", "-fPIC"], &["ends.c"]);
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let status = command.current_dir(&folder).args(arguments).status();
        assert!(status.unwrap().success());
    };
    let expected = std::fs::read_to_string(corpus("program/expected.txt")).unwrap();
    // ends.o has a `main` too, and is not taken.
    for flags in ["rcs", "rcsT"] {
        let _ = std::fs::remove_file(folder.join("libparts.a"));
        let members = ["libparts.a", "parts.o", "notes.o", "ends.o"];
        run("ar", &[&[flags][..], &members].concat());
        let archive = folder.join("libparts.a").display().to_string();
        let (status, out, err) = link(&[&archive], &all[..1]);
        assert_eq!((out.as_str(), err.as_str()), (expected.as_str(), ""));
        assert_eq!(status, Some(33));
        let folder = folder.display().to_string();
        let (status, out, _) = link(&["-L", &folder, "-lparts", "-lm"], &all[..1]);
        assert_eq!((status, out.as_str()), (Some(33), expected.as_str()));
    }
    // Everything from an archive: the entry too.
    run("ar", &["rcs", "liball.a", "main.o", "parts.o", "notes.o"]);
    let archive = folder.join("liball.a").display().to_string();
    let (status, out, _) = link(&[], &[archive]);
    assert_eq!((status, out.as_str()), (Some(33), expected.as_str()));

    let source = corpus("features/library.c").display().to_string();
    run("gcc", &["-shared", "-fPIC", "-o", "liblibrary.so", &source]);
    let user = ["features/library_user.c"];
    let user = objects("archives", "gcc", &["-O1", "-fPIC"], &user);
    let library = folder.join("liblibrary.so").display().to_string();
    let (status, out, err) = link(&[&library], &user);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert!(out.contains("this thread: 101 Library, same: 1"), "{out}");
}

/// What is wrong is told with the name of the file, and ends with 1.
#[test]
fn bad_inputs_are_told() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad-inputs");
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let text = file("text.o", b"int main;");
    let cut = file("cut.o", b"\x7fELF\x02\x01\x01");
    let archive = file("bad.a", b"!<arch>\nnothing");
    let shared = file(
        "bad.so",
        &[b"\x7fELF\x02\x01\x01", &[0; 9][..], &[3, 0]].concat(),
    );
    let missing = folder.join("missing.o").display().to_string();
    for path in [&text, &cut, &archive, &shared, &missing] {
        let (status, out, err) = link(&[], std::slice::from_ref(path));
        assert_eq!((status, out.as_str()), (Some(1), ""), "{path}: {err}");
        assert!(err.contains(path.as_str()), "{path}: {err}");
    }
    for (option, why) in [
        (&["-lno-such-library"][..], "no-such-library"),
        (&["--define-abs", "name"], "NAME=ADDRESS expected, not name"),
        (&["--connect", "1.2.3.4:5"], "1.2.3.4:5"),
        (&["--executor=/no/such/program"], "/no/such/program"),
        (&["--library", "/no/such/library.so"], "/no/such/library.so"),
        (&["--check", "/no/such/file"], "/no/such/file"),
        (&["--harness", "/no/such/object.o"], "/no/such/object.o"),
    ] {
        let object = objects("bad-inputs", "gcc", &["-O1"], &["ends.c"]);
        let (status, _, err) = link(option, &object);
        assert_eq!(status, Some(1), "{option:?}: {err}");
        assert!(err.contains(why), "{option:?}: {err}");
    }
}
