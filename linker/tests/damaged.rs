//! Damaged objects: whatever their bytes are, reading and linking ends with a graph or an error.

mod support;

use isthmus_linker::executor::nowhere::Nowhere;
use isthmus_linker::formats::elf;
use isthmus_linker::graph::{text, verify};
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
    let executor = Arc::new(Nowhere::new(graph.arch, 1 << 24));
    let options = Options {
        phony_externals: true,
    };
    let mut session = Session::new(executor, options);
    let linked = session.link(vec![graph]).is_ok();
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
