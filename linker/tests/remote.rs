//! Executors that wait for a session: at a Unix socket, at a TCP port.

#![cfg(target_arch = "x86_64")]

mod support;

use isthmus_linker::error::Error;
use isthmus_linker::executor::remote::{Remote, TOKEN};
use isthmus_linker::formats::elf;
use isthmus_linker::link::{Options, Session};
use isthmus_linker::plugins::call_sites::CallSites;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn start(arguments: &[&str], token: Option<&str>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isthmus-executor"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match token {
        Some(token) => command.env(TOKEN, token),
        None => command.env_remove(TOKEN),
    };
    command.spawn().unwrap()
}

/// Connects to an executor that is about to wait at a socket.
fn connect(address: &str, token: &str) -> Result<Remote, Error> {
    let start = Instant::now();
    loop {
        match Remote::connect(address, token) {
            // Its name is there a moment before anybody listens.
            Err(Error::Io { .. }) if start.elapsed() < Duration::from_secs(20) => {}
            result => return result,
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Links two objects there, calls, leads a call elsewhere, removes.
fn use_it(remote: Remote, folder: &Path) {
    let executor = Arc::new(remote);
    let mut session = Session::new(executor, Options::default());
    let sites = CallSites::of(&["target"]);
    session.add_plugin(Box::new(sites.clone()));
    let graph = |name: &str| {
        let source = support::corpus("parts").join(name);
        let object = support::compile("gcc", &["-O1"], &source, folder);
        elf::graph(name, &std::fs::read(object).unwrap()).unwrap()
    };
    let graphs = vec![graph("caller.c"), graph("target.c"), graph("other.c")];
    let keys = session.link(graphs).unwrap();
    let call = |session: &Session, n| {
        let address = session.lookup("call").unwrap();
        session.executor().call(address, &[n]).unwrap() as i32
    };
    assert_eq!(call(&session, 5), 16);
    let code = session.lookup("target").unwrap();
    let bytes = session.executor().memory().read(code, 3).unwrap();
    assert_eq!(bytes, [0x8d, 0x47, 0x0a], "lea eax, [rdi + 10]");
    let to = session.lookup("replacement").unwrap();
    sites.lead("target", to, session.executor()).unwrap();
    assert_eq!(call(&session, 5), 506);
    let lost = session.executor().memory().read(8, 1).unwrap_err();
    assert!(lost.to_string().contains("nothing is at 0x8"), "{lost}");
    session.remove(keys[1]).unwrap();
    session.close().unwrap();
}

#[test]
fn at_a_unix_socket_with_a_token() {
    let folder = support::scratch("unix");
    let path = folder.join("socket");
    let address = format!("unix:{}", path.display());
    let mut child = start(&["--unix", path.to_str().unwrap()], Some("secret"));
    let error = connect(&address, "guess").unwrap_err().to_string();
    assert_eq!(error, "executor: wrong token");
    assert!(!child.wait().unwrap().success());

    let mut child = start(&["--unix", path.to_str().unwrap()], Some("secret"));
    use_it(connect(&address, "secret").unwrap(), &folder);
    assert!(child.wait().unwrap().success());
    assert!(!path.exists());
}

#[test]
fn at_a_port_with_a_token_of_its_own() {
    let folder = support::scratch("port");
    let mut child = start(&["--listen", "127.0.0.1:0"], None);
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let rest = line.trim().strip_prefix("listening at ").unwrap();
    let (address, token) = rest.split_once(", token ").unwrap();
    assert_eq!(token.len(), 32);
    use_it(Remote::connect(address, token).unwrap(), &folder);
    assert!(child.wait().unwrap().success());
}

#[test]
fn only_this_machine_is_served_and_asked() {
    let error = Remote::connect("192.0.2.1:9", "").unwrap_err().to_string();
    assert!(error.contains("not of this machine"), "{error}");
    let output = start(&["--listen", "0.0.0.0:0"], None).wait_with_output();
    let output = output.unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("not of this machine"), "{text}");
}
