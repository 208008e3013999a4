//! Damaged objects: whatever their bytes are, reading and linking ends with a graph or an error.

mod support;

use isthmus_linker::executor::nowhere::Nowhere;
use isthmus_linker::formats::archive::{self, Archive};
use isthmus_linker::formats::elf;
use isthmus_linker::graph::{Scope, text, verify};
use isthmus_linker::link::{Options, Session};
use std::sync::Arc;

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Values that break things.
const VALUES: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    u64::MAX,
];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        let n = bytes.len();
        match random.below(12) {
            0 => bytes.truncate(random.below(n).max(1)),
            1 => {
                // Bytes of one place at another.
                let size = 1 + random.below(32.min(n));
                let (from, to) = (random.below(n - size + 1), random.below(n - size + 1));
                bytes.copy_within(from..from + size, to);
            }
            2..=5 => {
                // A number, aligned or not.
                let size = [1, 2, 4, 8][random.below(4)].min(n);
                let mut at = random.below(n - size + 1);
                if random.below(4) > 0 {
                    at = at / size * size;
                }
                let value = match random.below(2) {
                    0 => VALUES[random.below(VALUES.len())],
                    _ => random.next() >> random.below(64),
                };
                bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
            }
            6 | 7 => {
                // In the tables at the end and the header, where most of the structure is.
                let at = match random.below(2) {
                    0 => random.below(64.min(n)),
                    _ => n - 1 - random.below((n / 3).max(1)),
                };
                bytes[at] = random.next() as u8;
            }
            _ => {
                let at = random.below(n);
                bytes[at] ^= 1 << random.below(8);
            }
        }
    }
}

/// Whether it was read, and linked.
fn attempt(bytes: &[u8]) -> (bool, bool) {
    let Ok(graph) = elf::graph("damaged.o", bytes) else {
        return (false, false);
    };
    verify::verify(&graph).unwrap();
    // Once more, as another object: it shares strings with the first, or has sections in common with it.
    let merged = graph.sections().any(|s| graph.section(s).merge.is_some());
    let bounds = |s| {
        graph
            .symbol_text(s)
            .is_some_and(|n| n.starts_with("__start_"))
    };
    let twice = merged || graph.symbols().any(bounds);
    let mut other = graph.clone();
    for id in graph.symbols() {
        if graph.symbol(id).scope != Scope::Local && !graph.symbol(id).is_external() {
            other.make_external(id);
        }
    }
    let executor = Arc::new(Nowhere::new(graph.arch, 1 << 24));
    let options = Options {
        phony_externals: true,
    };
    let mut session = Session::new(executor, options);
    let graphs = match twice {
        true => vec![graph, other],
        false => vec![graph],
    };
    let linked = session.link(graphs).is_ok();
    session.close().unwrap();
    (true, linked)
}

#[test]
fn ten_thousand_damaged_objects_are_linked_or_refused() {
    let folder = support::scratch("damaged");
    let mut seeds = Vec::new();
    for (n, (target, source)) in [
        ("x86_64-linux-gnu", "checks/x64.s"),
        ("aarch64-linux-gnu", "checks/aarch64.s"),
        ("armv7a-linux-gnueabihf", "checks/arm.s"),
        ("x86_64-linux-gnu", "freestanding.c"),
        ("armv7a-linux-gnueabihf", "freestanding.c"),
        ("x86_64-linux-gnu", "program/parts.c"),
        ("armv7a-linux-gnueabihf", "checks/exidx.s"),
        ("aarch64-linux-gnu", "checks/indirect.s"),
        ("x86_64-linux-gnu", "features/strings.c"),
        ("x86_64-linux-gnu", "features/indirect.c"),
        ("x86_64-linux-gnu", "features/versions_other.c"),
        ("aarch64-linux-gnu", "checks/bounds.s"),
        ("x86_64-linux-gnu", "features/registry.c"),
        ("x86_64-linux-gnu", "features/once.c"),
    ]
    .into_iter()
    .enumerate()
    {
        let target = format!("--target={target}");
        let mut options = vec![target.as_str(), "-O1", "-fPIC", "-ffunction-sections"];
        if source.ends_with("freestanding.c") {
            options.extend(["-ffreestanding", "-nostdlibinc"]);
        }
        let path = support::corpus(source);
        let here = folder.join(n.to_string());
        std::fs::create_dir_all(&here).unwrap();
        seeds.push(std::fs::read(support::compile("clang", &options, &path, &here)).unwrap());
    }
    for seed in &seeds {
        assert!(attempt(seed).0);
    }
    let mut random = Random(0x1234_5678_9abc_def1);
    let (mut read, mut linked) = (0, 0);
    for round in 0..10_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        mutate(&mut bytes, &mut random);
        let (r, l) = attempt(&bytes);
        read += u32::from(r);
        linked += u32::from(l);
    }
    // The damage must get as far as each part of the linker.
    assert!(read > 2000 && read < 9500, "{read} were read");
    assert!(linked > 500 && linked < read, "{linked} were linked");
}

/// Damaged archives: members are found, or there is an error.
#[test]
fn damaged_archives_are_read_or_refused() {
    let folder = support::scratch("damaged-archive");
    let names = ["caller.c", "target.c", "other.c"];
    let compile = |name: &&str| {
        let source = support::corpus("parts").join(name);
        support::compile("gcc", &["-O1"], &source, &folder)
    };
    let objects: Vec<_> = names.iter().map(compile).collect();
    let graph = |bytes: &[u8]| elf::graph("caller.o", bytes).unwrap();
    let caller = std::fs::read(&objects[0]).unwrap();
    // Members of archives lie anywhere.
    let odd = [&[0][..], &caller].concat();
    assert_eq!(graph(&odd[1..]).to_string(), graph(&caller).to_string());
    let caller = graph(&caller);
    let mut random = Random(99);
    for flags in ["rcs", "rcsT"] {
        let archive = folder.join(format!("lib{flags}.a"));
        let mut ar = std::process::Command::new("ar");
        let status = ar.arg(flags).arg(&archive).args(&objects[1..]).status();
        assert!(status.unwrap().success());
        let seed = std::fs::read(&archive).unwrap();
        let name = archive.display().to_string();
        let pull = |bytes: Vec<u8>| {
            let mut graphs = vec![caller.clone()];
            let archive = Archive::read(&name, bytes)?;
            archive::pull(&mut graphs, &mut [archive], &[]).map(|()| graphs.len())
        };
        assert_eq!(pull(seed.clone()).unwrap(), 2);
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..1000 {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &mut random);
            match pull(bytes) {
                Ok(n) => taken += u32::from(n > 1),
                Err(_) => refused += 1,
            }
        }
        assert!(taken > 100 && refused > 50, "{taken}, {refused}");
    }
}

/// Damaged text forms are errors too.
#[test]
fn damaged_texts_are_errors() {
    let folder = support::scratch("damaged-text");
    let source = support::corpus("checks/sections.c");
    let object = support::compile("clang", &["-O1", "-fPIC"], &source, &folder);
    let bytes = std::fs::read(object).unwrap();
    let printed = elf::graph("a.o", &bytes).unwrap().to_string();
    let mut random = Random(77);
    for _ in 0..2000 {
        let mut bytes = printed.clone().into_bytes();
        mutate(&mut bytes, &mut random);
        let damaged = String::from_utf8_lossy(&bytes);
        if let Ok(graph) = text::parse(&damaged) {
            let again = graph.to_string();
            assert_eq!(text::parse(&again).unwrap().to_string(), again);
        }
    }
}
