//! Wrong command lines.

use std::process::Command;

fn isthmus(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isthmus"));
    let output = command.args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn wrong_flags_are_errors_with_their_names() {
    for (args, named) in [
        (&["link", "--bogus"][..], "--bogus"),
        (&["run", "--tier", "best", "x.exe"], "best"),
        (&["such"], "such"),
    ] {
        let (code, output, errors) = isthmus(args);
        assert_eq!((code, &*output), (Some(1), ""), "{errors}");
        assert!(errors.contains(named), "{errors}");
    }
}

#[test]
fn help_is_no_error() {
    let (code, output, errors) = isthmus(&["link", "--help"]);
    assert_eq!((code, &*errors), (Some(0), ""));
    assert!(output.contains("--entry"));
}
