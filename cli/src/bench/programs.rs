//! The programs: source texts of `tests/bench/programs/`, part of the command so that it works anywhere.

/// The harness that is compiled with each program.
pub const HARNESS: &str = include_str!("../../../tests/bench/Bench.cs");

/// A program.
pub struct Program {
    /// Name of its file and in what it prints.
    pub name: &'static str,
    /// C#.
    pub source: &'static str,
}

impl Program {
    /// What it measures: the comment in its first line.
    pub fn summary(&self) -> &'static str {
        let line = self.source.lines().next().unwrap_or_default();
        line.trim_start_matches("//").trim()
    }
}

macro_rules! programs {
    ($($name:literal)*) => {
        &[$(Program {
            name: $name,
            source: include_str!(concat!("../../../tests/bench/programs/", $name, ".cs")),
        }),*]
    };
}

/// All programs in the order of reports, related ones together.
pub const ALL: &[Program] = programs! {
    "fib" "ackermann" "tak" "queens"
    "collatz" "divide" "bignum" "hashes"
    "sieve" "sort" "fannkuch" "life" "distance"
    "matmul" "matmul2d" "nbody" "mandelbrot" "spectral"
    "structs" "structarray"
    "virtual" "interface1" "interfaces" "casts" "delegates" "closures"
    "genericval" "genericref" "boxing"
    "bintrees" "linkedlist"
    "throws" "throwdeep"
    "interpreter" "machine" "iterators" "locks"
    "lists" "sets" "dictionary" "linq"
    "strings" "builder" "parse" "format" "wordcount"
};

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn table_names_all_files_and_each_says_what_it_measures() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bench/programs");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut names: Vec<String> = ALL.iter().map(|p| format!("{}.cs", p.name)).collect();
        names.sort();
        assert_eq!(files, names);
        for program in ALL {
            assert!(program.source.starts_with("// "), "{}", program.name);
            let call = format!("Bench.Run(\"{}\", Work)", program.name);
            assert!(program.source.contains(&call), "{}", program.name);
        }
    }
}
