//! The programs: source texts of `tests/bench/programs/`, part of the command so that it works anywhere.

/// The harness that is compiled with each program.
pub const HARNESS: &str = include_str!("../../../tests/bench/Bench.cs");

/// A program.
pub struct Program {
    /// Name of its file and in what it prints.
    pub name: &'static str,
    /// What every machine must print (recorded from Mono; CoreCLR agrees).
    pub checksum: i64,
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
    ($($name:literal $checksum:literal;)*) => {
        &[$(Program {
            name: $name,
            checksum: $checksum,
            source: include_str!(concat!("../../../tests/bench/programs/", $name, ".cs")),
        }),*]
    };
}

/// All programs in the order of reports, related ones together.
pub const ALL: &[Program] = programs! {
    "fib" 2_178_309;
    "ackermann" 4024;
    "tak" 8313;
    "queens" 2680;
    "collatz" 10_753_712;
    "divide" 28_002_972;
    "bignum" 368_407_403_117_758_634;
    "hashes" -9_013_043_649_704_980_448;
    "sieve" 142_913_828_922;
    "sort" 1_444_595_684_549_926_865;
    "fannkuch" 30_008_629;
    "life" -8_518_330_995_725_761_292;
    "distance" -7_499_671_420_840_162_586;
    "matmul" -1_568_000;
    "matmul2d" -1_568_000;
    "nbody" -169_846_055_085;
    "mandelbrot" 645_990_361;
    "spectral" 1_274_223_866_643;
    "structs" 986_763_357_775;
    "structarray" 918_909;
    "virtual" -7_668_913_069_608_288_768;
    "interface1" 12_499_997_500_000;
    "interfaces" 119_892_080;
    "casts" 147_000_000;
    "delegates" 2_122_875_921_650;
    "closures" 30_000_900_000;
    "genericval" -6_417_728_028_718_656_077;
    "genericref" 19_899_743_872;
    "boxing" 131_064_186_205_744_109;
    "bintrees" 1_955_157;
    "linkedlist" -3_880_667_418_023_739_396;
    "throws" 54_031_841;
    "throwdeep" 1_204_404_400;
    "interpreter" 1438;
    "machine" -8_611_313_392_900_836_616;
    "iterators" 7_193_118_780_589_796_560;
    "locks" 1_333_353_333_400_000;
    "lists" 218_262_765_918;
    "sets" 24_859_767;
    "dictionary" 725_223_878;
    "linq" 5_949_301_082_977_149_725;
    "strings" 18_096_000;
    "builder" -2_727_863_896_575_812_996;
    "parse" 1_245_594_060;
    "format" -6_041_028_633_436_518_672;
    "wordcount" 229_049_634_550_553_981;
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
