//! A short run: some mutations of every seed. `isthmus-hostile` makes long ones.

use isthmus_hostile::judge::{Counts, Judge, Seed, Verdict};
use isthmus_hostile::map::Map;
use isthmus_hostile::seeds;
use isthmus_tests::programs::Engine;

/// Mutations of each seed.
const MUTATIONS: u64 = 24;

/// Mutations that found something.
const FOUND: &[(&str, u64)] = &[
    // Boxing for a reference left the integer that it got.
    ("instructions", 20_064),
    ("instructions", 20_233),
    ("instructions", 101_011),
    // A type reference nested in itself.
    ("instructions", 103_411),
    // A type specification that is part of itself.
    ("objects", 203_297),
];

#[test]
fn damaged_programs_end_in_exceptions() {
    let Engine::Isthmus(isthmus) = Engine::isthmus().expect("the isthmus command") else {
        unreachable!("that is what was asked for");
    };
    let folder = std::env::temp_dir().join(format!("isthmus-short-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let judge = Judge {
        isthmus,
        folder: folder.clone(),
        seconds: 5,
    };
    let mut failures = Vec::new();
    for (name, bytes) in seeds::all().unwrap() {
        let map = Map::of(&name, &bytes).unwrap();
        let seed = Seed { name, bytes, map };
        let found = FOUND.iter().filter(|f| f.0 == seed.name).map(|f| f.1);
        let numbers: Vec<u64> = (0..MUTATIONS).chain(found).collect();
        let problems = judge.batch(&seed, &numbers, &mut Counts::new()).unwrap();
        failures.extend(
            problems
                .into_iter()
                .filter(|p| p.verdict == Verdict::Failure),
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
    assert!(failures.is_empty(), "{failures:#?}");
}
