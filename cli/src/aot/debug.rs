//! `isthmus aot --debug`: what debug information says of methods.

use super::label;
use anyhow::Result;
use isthmus_aot::build::Parts;
use isthmus_aot::debug::{self, Info, Section};
use isthmus_asm::frames;
use isthmus_clr::types::types;
use isthmus_runtime_abi::artifact::DataRange;
use isthmus_runtime_abi::ids::MethodId;
use std::path::Path;

/// Sections with debug information of an image.
pub fn sections(parts: &Parts, assembly: &Path) -> Result<Vec<Section>> {
    let file_name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let sections = debug::sections(
        parts,
        &Info {
            assembly: &file_name(assembly),
            method: &label,
            // Methods of arrays and such are of no assembly.
            assembly_of: &|m: MethodId| {
                let found = types().method(m).owner.definition().assembly;
                file_name(found.map_or(assembly, |a| &a.path))
            },
            has_frame: &|code: &[u8]| frames::has_frame(parts.arch, code),
            without_frame: &|code: &[u8], data: &[DataRange]| {
                frames::without_frame(parts.arch, code, data)
            },
        },
    );
    Ok(sections?)
}
