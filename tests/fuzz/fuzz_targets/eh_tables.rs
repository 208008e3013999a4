//! Bytes of any origin as unwind tables: the checker rejects them, or everything in them can be read.
#![no_main]

use isthmus_eh_tables::check::check;
use isthmus_eh_tables::dump::{Ids, dump};
use isthmus_eh_tables::index::ImageTables;
use isthmus_runtime_abi::target::Arch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = dump(bytes, Arch::X64, &Ids);
    if check(bytes, Arch::X64).is_ok() {
        assert!(!text.contains("error:"), "{text}");
    }
    if let Ok(image) = ImageTables::parse(bytes) {
        for entry in image.iter().map_while(Result::ok) {
            let _ = image.find(entry.start);
        }
    }
});
