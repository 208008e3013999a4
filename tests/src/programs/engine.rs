//! What runs a compiled program: the `isthmus` command, or `mono` as the reference.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{Program, target_dir};
use isthmus_child_process::{self as child, Outcome};

/// A set of switches of `isthmus run`, as a column of the report.
#[derive(Clone, Debug)]
pub struct Mode {
    pub name: String,
    pub switches: Vec<String>,
    pub limit: Duration,
    /// Directory of code compiled ahead of time.
    pub images: Option<PathBuf>,
}

/// Everything goes from baseline to optimized code, whole methods and running loops, as early as it can.
const EAGER: &[&str] = &[
    "--tier",
    "auto",
    "--tier-up-calls",
    "2",
    "--tier-up-loops",
    "2",
    "--tier-up-at-once",
];

/// The same under stress, when the compiler thread is done.
const EAGER_GC: &[&str] = &[
    "--tier",
    "auto",
    "--tier-up-calls",
    "2",
    "--tier-up-loops",
    "2",
    "--gc-stress",
];

/// The modes in which every enabled program must pass: name, switches, seconds, which are for programs that hang: on a machine that has
/// much else to do, those with threads take some thirty times as long as they do alone.
pub const MODES: &[(&str, &[&str], u64)] = &[
    ("baseline", &["--tier", "baseline"], 240),
    ("opt", &["--tier", "opt"], 240),
    ("auto", &["--tier", "auto"], 240),
    ("auto-eager", EAGER, 240),
    ("baseline-gc", &["--tier", "baseline", "--gc-stress"], 480),
    ("opt-gc", &["--tier", "opt", "--gc-stress"], 480),
    ("auto-gc", EAGER_GC, 480),
];

impl Mode {
    /// The modes of [`MODES`].
    pub fn all() -> Vec<Mode> {
        let mode = |&(name, switches, seconds): &(&str, &[&str], u64)| Mode {
            name: name.to_owned(),
            switches: switches.iter().map(|switch| (*switch).to_owned()).collect(),
            limit: Duration::from_secs(seconds),
            images: None,
        };
        MODES.iter().map(mode).collect()
    }

    /// A mode without switches, for [`Engine::Mono`].
    pub fn plain() -> Mode {
        Mode {
            name: "mono".to_owned(),
            switches: Vec::new(),
            // Its thread pool waits for long while the processors are busy.
            limit: Duration::from_secs(240),
            images: None,
        }
    }
}

/// A virtual machine.
#[derive(Clone, Debug)]
pub enum Engine {
    Isthmus(PathBuf),
    Mono,
}

impl Engine {
    /// The `isthmus` command: `$ISTHMUS`, else the newest of the release and the debug build.
    pub fn isthmus() -> Result<Engine, String> {
        if let Some(path) = std::env::var_os("ISTHMUS") {
            return match std::path::absolute(&path) {
                Ok(path) if path.exists() => Ok(Engine::Isthmus(path)),
                _ => Err(format!(
                    "ISTHMUS names {}, which does not exist",
                    Path::new(&path).display()
                )),
            };
        }
        let built = |profile: &str| target_dir().join(profile).join("isthmus");
        let age = |path: &PathBuf| {
            path.metadata()
                .and_then(|data| data.modified())
                .unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let candidates = [built("release"), built("debug")];
        let newest = candidates
            .into_iter()
            .filter(|path| path.exists())
            .max_by_key(age);
        newest
            .map(Engine::Isthmus)
            .ok_or_else(|| "there is no isthmus command yet: run `./x build`".to_owned())
    }

    /// Runs the compiled program `exe`. The environment is the same for every engine, so that
    /// neither the machine's language nor switches of Mono reach the program.
    pub fn run(&self, exe: &Path, program: &Program, mode: &Mode) -> io::Result<Outcome> {
        let mut command = match self {
            Engine::Isthmus(path) => {
                let mut command = Command::new(path);
                command.arg("run").args(&mode.switches);
                command
            }
            Engine::Mono => Command::new("mono"),
        };
        command.arg(exe).args(&program.directives.args);
        command
            .env_remove("MONO_OPTIONS")
            .env_remove("MONO_PATH")
            .env_remove("MONO_ENV_OPTIONS");
        match &mode.images {
            Some(directory) => command.env("ISTHMUS_AOT_PATH", directory),
            None => command.env_remove("ISTHMUS_AOT_PATH"),
        };
        command
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("TERM", "dumb");
        child::run(&mut command, &program.directives.stdin, mode.limit)
    }
}

impl std::fmt::Display for Engine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Engine::Isthmus(path) => write!(out, "{}", path.display()),
            Engine::Mono => write!(out, "mono"),
        }
    }
}
