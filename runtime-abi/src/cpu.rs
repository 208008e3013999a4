//! Processor features that compiled code may use: one table, for what is compiled here and now and for images.
//!
//! | who | what |
//! | --- | --- |
//! | compilers | a [`FeatureSet`] says which instructions they may choose (`lower` has a setting of Cranelift for each) |
//! | images | hold the names of what their code assumes; they are refused where one is missing |
//! | the JIT | [`FeatureSet::host`] |
//!
//! A feature is in the table if some compiler makes use of it. *Levels* are names of sets, as C compilers have them, reduced to what is in the
//! table. The first level of an architecture is the least processor that the runtime runs on.

use crate::target::Arch;
use std::fmt;
use thiserror::Error;

/// A processor feature.
#[derive(Debug)]
pub struct Feature {
    /// Its name in lists of features and in images.
    pub name: &'static str,
    /// Whose it is.
    pub arch: Arch,
    /// The first level that has it, as an index into [`LEVELS`]; `None`: none has.
    level: Option<usize>,
    /// Features without which there is none of it.
    needs: &'static [&'static str],
    /// What compilers use it for.
    pub about: &'static str,
    /// Whether this processor has it.
    detect: fn() -> bool,
}

/// A name for a set of features.
#[derive(Debug)]
pub struct Level {
    /// The name.
    pub name: &'static str,
    /// Whose it is.
    pub arch: Arch,
}

/// The levels; each includes those of its architecture that stand before it.
pub static LEVELS: [Level; 5] = [
    Level {
        name: "x86-64-v2",
        arch: Arch::X64,
    },
    Level {
        name: "x86-64-v3",
        arch: Arch::X64,
    },
    Level {
        name: "armv8-a",
        arch: Arch::A64,
    },
    Level {
        name: "armv8.1-a",
        arch: Arch::A64,
    },
    Level {
        name: "armv7-a",
        arch: Arch::A32,
    },
];

/// The first level, whatever the architecture.
const BASELINE: &str = "baseline";
/// All that this machine has.
const NATIVE: &str = "native";

const V2: Option<usize> = Some(0);
const V3: Option<usize> = Some(1);
const V8_1: Option<usize> = Some(3);

macro_rules! x64 {
    ($name:tt, $level:expr, $needs:expr, $about:literal) => {
        Feature {
            name: $name,
            arch: Arch::X64,
            level: $level,
            needs: $needs,
            about: $about,
            #[cfg(target_arch = "x86_64")]
            detect: || std::is_x86_feature_detected!($name),
            #[cfg(not(target_arch = "x86_64"))]
            detect: || false,
        }
    };
}

macro_rules! a64 {
    ($name:tt, $level:expr, $needs:expr, $about:literal) => {
        Feature {
            name: $name,
            arch: Arch::A64,
            level: $level,
            needs: $needs,
            about: $about,
            #[cfg(target_arch = "aarch64")]
            detect: || std::arch::is_aarch64_feature_detected!($name),
            #[cfg(not(target_arch = "aarch64"))]
            detect: || false,
        }
    };
}

/// The features. What a feature needs stands before it.
pub static FEATURES: [Feature; 13] = [
    x64!("sse3", V2, &[], "vectors"),
    x64!("ssse3", V2, &["sse3"], "vectors"),
    x64!("sse4.1", V2, &["ssse3"], "rounding, lanes of vectors"),
    x64!("sse4.2", V2, &["sse4.1"], "vectors"),
    x64!("popcnt", V2, &[], "counting bits"),
    x64!(
        "avx",
        V3,
        &["sse4.2"],
        "three operands, unaligned memory operands"
    ),
    x64!("avx2", V3, &["avx"], "vectors"),
    x64!(
        "bmi1",
        V3,
        &[],
        "and with complement, lowest bit, trailing zeros"
    ),
    x64!("bmi2", V3, &[], "shifts and rotations by any register"),
    x64!("lzcnt", V3, &[], "leading zeros"),
    x64!(
        "fma",
        V3,
        &["avx"],
        "multiplication and addition with one rounding"
    ),
    a64!("lse", V8_1, &[], "atomic operations as one instruction"),
    a64!("fp16", None, &[], "floating-point constants of 16 bits"),
];

/// A set of features.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FeatureSet(u32);

/// What is wrong with a list of features.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum CpuError {
    /// No such level or feature.
    #[error("{arch} has no level or feature `{name}` that compilers here know", arch = .arch.name())]
    Unknown {
        /// The architecture.
        arch: Arch,
        /// What was written.
        name: String,
    },
    /// It is there on every machine that the runtime runs on.
    #[error("`{0}` cannot be left out: the runtime runs only where it is there")]
    Minimum(&'static str),
    /// `native` for another architecture than this machine's.
    #[error("`native` is this machine, which is no {}", .0.name())]
    NotNative(Arch),
}

impl FeatureSet {
    /// What every machine has that the runtime runs on, of all architectures.
    pub const MINIMUM: FeatureSet = {
        let (mut bits, mut n) = (0, 0);
        while n < FEATURES_OF_MINIMUM {
            bits |= 1 << n;
            n += 1;
        }
        FeatureSet(bits)
    };

    /// What this machine has.
    pub fn host() -> FeatureSet {
        let mut found = Self::MINIMUM;
        for (n, feature) in FEATURES.iter().enumerate() {
            if Arch::host() == Some(feature.arch) && (feature.detect)() {
                found.0 |= 1 << n;
            }
        }
        found
    }

    /// The set that a text describes: a level, `baseline` (the first level, which is meant if none is named) or `native`; then
    /// features with `+` or `-`; separated by commas.
    pub fn parse(arch: Arch, text: &str) -> Result<FeatureSet, CpuError> {
        let mut set = Self::MINIMUM;
        for (n, word) in text.split(',').map(str::trim).enumerate() {
            let unknown = || CpuError::Unknown {
                arch,
                name: word.to_owned(),
            };
            match word.as_bytes().first() {
                Some(b'+') => set.add(number(arch, &word[1..]).ok_or_else(unknown)?),
                Some(b'-') => set.remove(number(arch, &word[1..]).ok_or_else(unknown)?)?,
                _ if n == 0 => set = Self::level(arch, word).ok_or_else(unknown)??,
                _ => return Err(unknown()),
            }
        }
        Ok(set)
    }

    fn level(arch: Arch, name: &str) -> Option<Result<FeatureSet, CpuError>> {
        match name {
            BASELINE => Some(Ok(Self::MINIMUM)),
            NATIVE if Arch::host() == Some(arch) => Some(Ok(Self::host())),
            NATIVE => Some(Err(CpuError::NotNative(arch))),
            _ => {
                let mut levels = LEVELS.iter();
                let n = levels.position(|l| l.arch == arch && l.name == name)?;
                Some(Ok(Self::of_level(n)))
            }
        }
    }

    /// What a level has, by its index.
    fn of_level(n: usize) -> FeatureSet {
        let mut set = Self::MINIMUM;
        for (bit, feature) in FEATURES.iter().enumerate() {
            if feature.arch == LEVELS[n].arch && feature.level.is_some_and(|l| l <= n) {
                set.0 |= 1 << bit;
            }
        }
        set
    }

    /// With what the feature needs.
    fn add(&mut self, n: usize) {
        self.0 |= 1 << n;
        for needed in FEATURES[n].needs {
            if let Some(needed) = number(FEATURES[n].arch, needed) {
                self.add(needed);
            }
        }
    }

    /// With what needs the feature.
    fn remove(&mut self, n: usize) -> Result<(), CpuError> {
        if Self::MINIMUM.0 & 1 << n != 0 {
            return Err(CpuError::Minimum(FEATURES[n].name));
        }
        self.0 &= !(1 << n);
        for (other, feature) in FEATURES.iter().enumerate() {
            let needs_it = feature.needs.contains(&FEATURES[n].name);
            if needs_it && self.0 & 1 << other != 0 {
                self.remove(other)?;
            }
        }
        Ok(())
    }

    /// The features of an architecture in the set.
    pub fn of(self, arch: Arch) -> impl Iterator<Item = &'static Feature> {
        let all = FEATURES.iter().enumerate();
        all.filter(move |(n, f)| f.arch == arch && self.0 & 1 << n != 0)
            .map(|(_, f)| f)
    }

    /// The names of an architecture's features in the set, one a line: what images hold.
    pub fn to_text(self, arch: Arch) -> String {
        self.of(arch).map(|f| format!("{}\n", f.name)).collect()
    }

    /// The set of such names. The error is a name that is not known.
    pub fn from_text(arch: Arch, text: &str) -> Result<FeatureSet, &str> {
        let mut set = FeatureSet(0);
        for name in text.lines() {
            set.0 |= 1 << number(arch, name).ok_or(name)?;
        }
        Ok(set)
    }

    /// What this set lacks of another one.
    pub fn missing(self, needed: FeatureSet) -> FeatureSet {
        FeatureSet(needed.0 & !self.0)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as [`FeatureSet::parse`] reads it: the highest level that is all in it, and what else is.
    pub fn describe(self, arch: Arch) -> String {
        let mut levels = LEVELS.iter().enumerate().rev();
        let in_set = |n: usize| self.missing(Self::of_level(n)).of(arch).next().is_none();
        let level = levels.find(|&(n, l)| l.arch == arch && in_set(n));
        let (name, rest) = match level {
            Some((n, level)) => (level.name, Self::of_level(n).missing(self)),
            None => ("", self),
        };
        let rest = rest.of(arch).map(|f| format!(",+{}", f.name));
        let text = name.to_owned() + &rest.collect::<String>();
        text.trim_start_matches(',').to_owned()
    }
}

impl Default for FeatureSet {
    fn default() -> Self {
        Self::MINIMUM
    }
}

impl fmt::Debug for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = FEATURES.iter().enumerate();
        let names = all.filter(|(n, _)| self.0 & 1 << n != 0);
        f.debug_set().entries(names.map(|(_, f)| f.name)).finish()
    }
}

/// How many features the first level of x86-64 has; no other architecture's first level has any. They stand first.
const FEATURES_OF_MINIMUM: usize = 5;

fn number(arch: Arch, name: &str) -> Option<usize> {
    FEATURES
        .iter()
        .position(|f| f.arch == arch && f.name == name)
}

/// Levels and features of an architecture, as a text to read.
pub fn help(arch: Arch) -> String {
    let mut out = format!("Levels of {}:\n", arch.name());
    let mut first = true;
    for (n, level) in LEVELS.iter().enumerate().filter(|(_, l)| l.arch == arch) {
        let names: Vec<&str> = FeatureSet::of_level(n).of(arch).map(|f| f.name).collect();
        let other = if first { " (baseline, default)" } else { "" };
        out += &format!("  {}{other}: {}\n", level.name, names.join(" "));
        first = false;
    }
    if Arch::host() == Some(arch) {
        let host = FeatureSet::host().describe(arch);
        out += &format!("  native: this machine, {host}\n");
    }
    out += "Features, each as +NAME or -NAME behind the level:\n";
    for feature in FEATURES.iter().filter(|f| f.arch == arch) {
        out += &format!("  {:8} {}\n", feature.name, feature.about);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(arch: Arch, text: &str) -> String {
        FeatureSet::parse(arch, text).map_or_else(|e| e.to_string(), |s| s.describe(arch))
    }

    #[test]
    fn the_minimum_is_the_first_levels() {
        let firsts = (0..LEVELS.len()).filter(|&n| n == 0 || LEVELS[n - 1].arch != LEVELS[n].arch);
        for first in firsts {
            assert_eq!(FeatureSet::of_level(first), FeatureSet::MINIMUM);
        }
    }

    #[test]
    fn what_a_feature_needs_stands_before_it_and_is_of_no_later_level() {
        for (n, feature) in FEATURES.iter().enumerate() {
            for needed in feature.needs {
                let needed = number(feature.arch, needed).unwrap();
                assert!(needed < n, "{}", feature.name);
                assert!(FEATURES[needed].level <= feature.level);
            }
        }
    }

    #[test]
    fn lists_are_read() {
        let x64 = |text| described(Arch::X64, text);
        assert_eq!(x64("baseline"), "x86-64-v2");
        assert_eq!(x64("x86-64-v3"), "x86-64-v3");
        assert_eq!(x64("+avx2"), "x86-64-v2,+avx,+avx2");
        assert_eq!(
            x64("x86-64-v3,-bmi2"),
            "x86-64-v2,+avx,+avx2,+bmi1,+lzcnt,+fma"
        );
        // Without AVX there is neither of the two that are based on it.
        assert_eq!(x64("x86-64-v3,-avx"), "x86-64-v2,+bmi1,+bmi2,+lzcnt");
        assert_eq!(
            x64("x86-64-v3,+mmx"),
            "x86_64 has no level or feature `+mmx` that compilers here know"
        );
        assert_eq!(
            x64("-sse4.1"),
            "`sse4.1` cannot be left out: the runtime runs only where it is there"
        );
        assert_eq!(
            x64("+avx,x86-64-v3"),
            "x86_64 has no level or feature `x86-64-v3` that compilers here know"
        );
        assert_eq!(described(Arch::A64, "armv8.1-a,+fp16"), "armv8.1-a,+fp16");
        assert!(FeatureSet::parse(Arch::A64, "x86-64-v3").is_err());
    }

    #[test]
    fn names_of_images_are_read_as_written() {
        for text in ["x86-64-v2", "x86-64-v3,-lzcnt"] {
            let set = FeatureSet::parse(Arch::X64, text).unwrap();
            let names = set.to_text(Arch::X64);
            assert_eq!(FeatureSet::from_text(Arch::X64, &names), Ok(set));
        }
        assert_eq!(
            FeatureSet::from_text(Arch::X64, "avx\nwings\n"),
            Err("wings")
        );
    }

    #[test]
    fn this_machine_has_the_minimum() {
        let host = FeatureSet::host();
        assert!(host.missing(FeatureSet::MINIMUM).is_empty());
        if let Some(arch) = Arch::host() {
            assert_eq!(FeatureSet::parse(arch, "native"), Ok(host));
        }
    }
}
