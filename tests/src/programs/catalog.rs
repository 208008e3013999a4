//! Finds the programs and reads their directives and the list of enabled ones.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::project_root;

/// What a program is written in: decides folder, file extension and compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    CSharp,
    Il,
}

/// Every language with its folder under `tests/programs/`, which is also named by its extension.
const LANGUAGES: &[(Language, &str, &str)] = &[
    (Language::CSharp, "csharp", "cs"),
    (Language::Il, "il", "il"),
];

/// The `//! key: value` lines at the top of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `args:` what the program gets on its command line, separated by blanks.
    pub args: Vec<String>,
    /// `stdin:` what it can read; `\n` stands for a line end.
    pub stdin: String,
    /// `flags:` further switches of the compiler, separated by blanks.
    pub flags: Vec<String>,
    /// `native:` a C source in `native/`; the program finds it as a library of that name.
    pub native: Option<String>,
    /// `unlike-mono:` why Mono's output is wrong or not to be imitated; the expected output is
    /// then written by hand.
    pub unlike_mono: Option<String>,
}

impl Directives {
    fn parse(source: &str) -> Result<Directives, String> {
        let mut directives = Directives::default();
        for line in source.lines() {
            let Some(text) = line.strip_prefix("//!") else {
                break;
            };
            let Some((key, value)) = text.split_once(':') else {
                return Err(format!("directive `{line}` is not `//! key: value`"));
            };
            let words = || value.split_whitespace().map(str::to_owned).collect();
            match key.trim() {
                "args" => directives.args = words(),
                "flags" => directives.flags = words(),
                "native" => directives.native = Some(value.trim().to_owned()),
                "unlike-mono" => directives.unlike_mono = Some(value.trim().to_owned()),
                "stdin" => directives.stdin = value.trim().replace("\\n", "\n"),
                other => return Err(format!("unknown directive `{other}`")),
            }
        }
        Ok(directives)
    }
}

/// One program of the collection.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    pub language: Language,
    pub source: PathBuf,
    pub directives: Directives,
    /// Named in `enabled.txt`: it must pass in every mode.
    pub enabled: bool,
}

impl Program {
    /// Where its recorded output is kept.
    pub fn expected_path(&self) -> PathBuf {
        programs_dir()
            .join("expected")
            .join(format!("{}.txt", self.name))
    }

    /// Its recorded output, in the form of [`super::verdict::transcript`].
    pub fn expected(&self) -> io::Result<Vec<u8>> {
        fs::read(self.expected_path())
    }
}

/// All programs, sorted by name.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub programs: Vec<Program>,
}

impl Catalog {
    /// Reads `tests/programs/`. A duplicate name, an unknown directive or an entry of
    /// `enabled.txt` without a program is an error that names it.
    pub fn load() -> Result<Catalog, String> {
        let mut programs = BTreeMap::new();
        for &(language, folder, extension) in LANGUAGES {
            let folder = programs_dir().join(folder);
            let entries =
                fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            for entry in entries {
                let source = entry
                    .map_err(|error| format!("{}: {error}", folder.display()))?
                    .path();
                if source.extension().is_none_or(|found| found != extension) {
                    continue;
                }
                let text = fs::read_to_string(&source)
                    .map_err(|error| format!("{}: {error}", source.display()))?;
                let directives = Directives::parse(&text)
                    .map_err(|error| format!("{}: {error}", source.display()))?;
                let name = source
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let program = Program {
                    name: name.clone(),
                    language,
                    source,
                    directives,
                    enabled: false,
                };
                if programs.insert(name.clone(), program).is_some() {
                    return Err(format!("two programs are called `{name}`"));
                }
            }
        }
        for name in enabled_names()? {
            match programs.get_mut(&name) {
                Some(program) => program.enabled = true,
                None => return Err(format!("enabled.txt names `{name}`, which is no program")),
            }
        }
        Ok(Catalog {
            programs: programs.into_values().collect(),
        })
    }

    /// The programs whose name contains one of `filters`; all of them where there is no filter.
    pub fn matching(&self, filters: &[String]) -> Vec<Program> {
        let wanted = |program: &&Program| {
            filters.is_empty()
                || filters
                    .iter()
                    .any(|filter| program.name.contains(filter.as_str()))
        };
        self.programs.iter().filter(wanted).cloned().collect()
    }

    /// The programs that must pass.
    pub fn enabled(&self) -> Vec<Program> {
        self.programs
            .iter()
            .filter(|program| program.enabled)
            .cloned()
            .collect()
    }
}

/// `tests/programs/`.
pub fn programs_dir() -> PathBuf {
    project_root().join("tests").join("programs")
}

/// The names in `enabled.txt`: one a line, `#` starts a comment.
fn enabled_names() -> Result<Vec<String>, String> {
    let path = programs_dir().join("enabled.txt");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let names = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::Directives;

    #[test]
    fn directives_end_at_the_first_other_line() {
        let source = "//! args: one two\n//! stdin: a\\nb\nusing System;\n//! flags: -checked\n";
        let directives = Directives::parse(source).unwrap();
        assert_eq!(directives.args, ["one", "two"]);
        assert_eq!(directives.stdin, "a\nb");
        assert!(directives.flags.is_empty());
    }

    #[test]
    fn unknown_directives_are_refused() {
        assert!(Directives::parse("//! color: red\n").is_err());
        assert!(Directives::parse("//! nothing\n").is_err());
    }
}
