//! Any bytes as an assembly: reading everything in it must not panic, overflow or hang.
//!
//! A good first corpus is `clr/tests/data/metadata/sample.exe`.

#![no_main]

use isthmus_clr::metadata::{Limits, walk_everything};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = walk_everything(bytes, Limits::SMALL);
});
