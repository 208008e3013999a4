//! Tools of Mono's own distribution, run by Isthmus: its C# compiler, assembler and disassembler do what they do on Mono.

use isthmus_child_process::{self as child, End, Outcome};
use isthmus_tests::programs::{
    Catalog, Engine, Language, Mode, Program, compile, default_jobs, pool, target_dir, verdict,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where Debian and `./x setup` have the tools.
const TOOLS: &str = "/usr/lib/mono/4.5";

/// Programs of every kind of source that a compiler treats differently.
const SAMPLES: &[&str] = &[
    "algo_containers",
    "delegates_closures",
    "dynamic_methods",
    "exception_filters",
    "expression_trees",
    "generics_methods",
    "iterators",
    "linq_all",
    "strings_search",
    "structs_explicit",
    "switches",
    "tasks_async",
    "unsafe_pointers",
    "varargs",
    "fault_filter",
    "tail_calls",
];

/// A tool with arguments, on Isthmus in a tier or on Mono.
fn run_tool(tier: Option<&str>, tool: &str, args: &[String]) -> Outcome {
    let mut command = match (tier, Engine::isthmus()) {
        (Some(tier), Ok(Engine::Isthmus(path))) => {
            let mut command = Command::new(path);
            command.args(["run", "--tier", tier]);
            command
        }
        (Some(_), Ok(Engine::Mono)) | (None, _) => Command::new("mono"),
        (Some(_), Err(message)) => panic!("{message}"),
    };
    command.arg(Path::new(TOOLS).join(tool)).args(args);
    command.env("LC_ALL", "C").env("TERM", "dumb");
    child::run(&mut command, "", Duration::from_secs(300)).unwrap()
}

/// Compiles a sample by the tool under Isthmus and says what is wrong with the result.
fn check(program: &Program, tier: &str, folder: &Path) -> Option<String> {
    let made = folder.join(format!("{}.exe", program.name));
    let source = program.source.display().to_string();
    let mut args = program.directives.flags.clone();
    let tool = match program.language {
        Language::CSharp => {
            let fixed = ["-nologo", "-unsafe", "-warn:0"];
            args.extend(fixed.map(str::to_owned));
            args.push(format!("-out:{}", made.display()));
            "mcs.exe"
        }
        Language::Il => {
            args.push("/quiet".to_owned());
            args.push(format!("/output:{}", made.display()));
            "ilasm.exe"
        }
    };
    args.push(source);
    let outcome = run_tool(Some(tier), tool, &args);
    if outcome.end != End::Exit(0) {
        return Some(format!(
            "{}: {tool} ends with {:?}: {}",
            program.name,
            outcome.end,
            String::from_utf8_lossy(&outcome.stdout)
        ));
    }
    let run = Engine::Mono.run(&made, program, &Mode::plain()).unwrap();
    let expected = program.expected().unwrap();
    (verdict::transcript(&run) != expected).then(|| format!("{}: runs differently", program.name))
}

fn folder(name: &str) -> PathBuf {
    let folder = target_dir().join("tmp").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What the compilers make prints what it prints when they run on Mono.
#[test]
fn compilers_make_the_same_programs() {
    let catalog = Catalog::load().unwrap();
    let samples: Vec<&Program> = catalog
        .programs
        .iter()
        .filter(|program| SAMPLES.contains(&program.name.as_str()))
        .collect();
    assert!(samples.len() > SAMPLES.len() / 2, "samples were renamed");
    for tier in ["baseline", "auto"] {
        let folder = folder(&format!("tools-{tier}"));
        let problems = pool::map(&samples, default_jobs(), |program| {
            check(program, tier, &folder)
        });
        let problems: Vec<String> = problems.into_iter().flatten().collect();
        assert!(problems.is_empty(), "{tier}:\n{}", problems.join("\n"));
    }
}

/// Errors of a program are found and told in the same words.
#[test]
fn compilers_tell_the_same_errors() {
    let source = folder("tools-errors").join("wrong.cs");
    let text =
        "class P { static int Main() { int x = \"text\"; return y; } void M(ref int a) { M(a); } }";
    std::fs::write(&source, text).unwrap();
    let args = ["-nologo".to_owned(), source.display().to_string()];
    let (here, there) = (
        run_tool(Some("auto"), "mcs.exe", &args),
        run_tool(None, "mcs.exe", &args),
    );
    assert_eq!(here.end, there.end);
    let text = |o: &Outcome| String::from_utf8_lossy(&o.stderr).into_owned();
    assert_eq!(text(&here), text(&there));
}

/// The disassembler and the lister of types read assemblies as they do on Mono.
#[test]
fn inspectors_print_the_same() {
    let catalog = Catalog::load().unwrap();
    let program = catalog
        .programs
        .iter()
        .find(|p| p.name == "generics_methods");
    let exe = compile::compile(program.unwrap()).unwrap();
    for (tool, args) in [
        ("ikdasm.exe", vec![exe.display().to_string()]),
        // What looks like a switch of `isthmus` is the program's after its name.
        ("monop.exe", vec!["--help".to_owned()]),
        ("monop.exe", vec!["System.String".to_owned()]),
        (
            "monop.exe",
            vec![
                "-a".to_owned(),
                "System.Collections.Generic.Dictionary`2".to_owned(),
            ],
        ),
    ] {
        let (here, there) = (
            run_tool(Some("auto"), tool, &args),
            run_tool(None, tool, &args),
        );
        assert_eq!(here.end, there.end, "{tool}");
        assert!(here.stdout == there.stdout, "{tool} prints something else");
    }
}
