//! Damaged files: whatever the bytes are, reading them gives values or errors, never a panic, an
//! overflow (debug assertions are on) or a hang.

use std::time::Instant;

use isthmus_clr::metadata::{Image, Limits, walk_everything};

const SAMPLE: &[u8] = include_bytes!("data/metadata/sample.exe");

/// xorshift64*: the same damage every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n
    }
}

/// Does one of several kinds of damage to `bytes[from..]`, mostly within `window` bytes.
fn damage(bytes: &mut Vec<u8>, random: &mut Random, from: usize, window: usize) {
    let window = window.min(bytes.len() - from);
    let at = from + random.below(window);
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => {
            // A run of one byte: often 0 or 0xff.
            let value = [0, 0xff, random.next() as u8][random.below(3)];
            let end = (at + 1 + random.below(64)).min(bytes.len());
            bytes[at..end].fill(value);
        }
        2 => {
            // An extreme 32-bit number.
            let values = [
                0,
                1,
                u32::MAX,
                i32::MAX as u32,
                1 << 31,
                0xff_ffff,
                0xdfff_ffff,
            ];
            let value = values[random.below(values.len())].to_le_bytes();
            let end = (at + 4).min(bytes.len());
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
        3 => {
            // Copy another piece over it.
            let length = (1 + random.below(32)).min(bytes.len() - at);
            let source = random.below(bytes.len() - length + 1);
            bytes.copy_within(source..source + length, at);
        }
        n => {
            for _ in 0..[1, 1, 4, 32][n - 4] {
                let at = from + random.below(window);
                bytes[at] ^= 1 << random.below(8);
            }
        }
    }
}

/// The file offset of the metadata root.
fn metadata_root(bytes: &[u8]) -> usize {
    bytes
        .windows(4)
        .position(|w| w == b"BSJB")
        .expect("metadata root")
}

fn run(original: &[u8], rounds: u32, seed: u64, from: usize, window: usize) {
    let mut random = Random(seed);
    let (mut opened, mut with_errors) = (0u32, 0u32);
    let mut slowest = std::time::Duration::ZERO;
    let mut bytes = Vec::new();
    for _ in 0..rounds {
        bytes.clear();
        bytes.extend_from_slice(original);
        damage(&mut bytes, &mut random, from, window);
        let start = Instant::now();
        match walk_everything(&bytes, Limits::SMALL) {
            Ok(walk) => {
                opened += 1;
                with_errors += u32::from(walk.error_count != 0);
                for e in walk.errors {
                    assert!(!e.to_string().is_empty());
                }
            }
            Err(e) => assert!(e.to_string().starts_with("<bytes>: "), "{e}"),
        }
        slowest = slowest.max(start.elapsed());
    }
    println!(
        "{rounds} damaged files: {opened} opened, {with_errors} of them with errors, slowest walk {slowest:?}"
    );
    assert!(opened < rounds, "some damage must be fatal");
    assert!(with_errors > 0, "some damage must be noticed");
}

#[test]
fn damaged_anywhere() {
    run(SAMPLE, 2_500, 1, 0, usize::MAX);
}

#[test]
fn damaged_headers() {
    run(SAMPLE, 2_000, 2, 0, 0x400);
}

#[test]
fn damaged_metadata_root_and_tables() {
    run(SAMPLE, 3_000, 3, metadata_root(SAMPLE), 0x1800);
}

#[test]
fn damaged_bodies() {
    let root = metadata_root(SAMPLE);
    run(SAMPLE, 2_500, 4, 0x200, root - 0x200);
}

#[test]
fn cut_at_every_length_of_the_headers() {
    for length in 0..SAMPLE.len() {
        if length > 0x600 && length % 64 != 0 {
            continue;
        }
        if let Ok(walk) = walk_everything(&SAMPLE[..length], Limits::SMALL) {
            assert!(
                walk.error_count > 0 || length > SAMPLE.len() - 0x800,
                "{length}"
            );
        }
    }
}

/// Typical positions in a large file: mscorlib's headers and tables.
#[test]
fn damaged_mscorlib() {
    let path = "/usr/lib/mono/4.5/mscorlib.dll";
    let bytes =
        std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}; `./x setup` installs it"));
    Image::open(path).unwrap();
    run(&bytes, 100, 5, 0, 0x400);
    run(&bytes, 200, 6, metadata_root(&bytes), 0x20_0000);
}
