//! `--cpu` of several commands.

use anyhow::Result;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::target::Arch;

/// What code may use of the processor: as the switch says.
pub fn features(arch: Arch, switch: Option<&str>) -> Result<Option<FeatureSet>> {
    let set = switch.map(|text| FeatureSet::parse(arch, text));
    Ok(set.transpose()?)
}
