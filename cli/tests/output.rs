//! Standard output that nobody reads, or that takes nothing.

use std::process::{Command, Output, Stdio};

fn isthmus(args: &[&str], stdout: impl Into<Stdio>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isthmus"));
    let child = command.args(args).stdout(stdout).stderr(Stdio::piped());
    child.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_closed_pipe_ends_the_command_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = isthmus(&["bench", "--list"], writer);
    assert_eq!(ended.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn a_full_disk_is_reported() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let ended = isthmus(&["bench", "--list"], full.unwrap());
    assert_eq!(ended.status.code(), Some(1));
    let message = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(message.starts_with("isthmus: cannot print: "), "{message}");
}

#[test]
fn messages_that_nobody_reads_stop_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_isthmus"));
    let status = command
        .args(["coverage", "/nonexistent/assembly.dll"])
        .stdout(Stdio::null())
        .stderr(writer)
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
}
