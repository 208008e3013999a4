//! Decodes all of an image.
//!
//! What loading does bit by bit as methods are needed, done at once: every name, unit, table, fix-up, index entry and slot. The VM
//! passes what it makes of names.

use crate::format::{self, Part};
use crate::image::{Image, ImageError};
use crate::names::{self, Id, IdKind, NameError, Resolve};
use isthmus_eh_tables::check::check as check_table;
use isthmus_eh_tables::table::Header;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::ids::{LiteralId, MethodId, RaiseId, SigId, TypeId};
use isthmus_runtime_abi::target::Arch;

/// What an image holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    /// Units: methods and filters.
    pub units: u32,
    /// Words.
    pub words: u32,
    /// Bare ids.
    pub ids: u32,
    /// Bytes of code in units.
    pub code: u64,
    /// What the code may use of the processor.
    pub features: FeatureSet,
}

/// Whether bytes have the form of a name, as far as that does not depend on the VM: for [`check`].
pub fn shape(name: &[u8]) -> Result<(), String> {
    let read = names::read(&AnyId, name);
    read.map(drop).map_err(|e| e.to_string())
}

/// Takes whatever a VM may have written.
struct AnyId;

impl Resolve for AnyId {
    fn read(&self, kind: IdKind, _: &[u8]) -> Result<Id, NameError> {
        let first = 0;
        Ok(match kind {
            IdKind::Method => Id::Method(MethodId::from_index(first)),
            IdKind::Type => Id::Type(TypeId::from_index(first)),
            IdKind::Signature => Id::Signature(SigId::from_index(first)),
            IdKind::Literal => Id::Literal(LiteralId::from_index(first)),
            IdKind::Raise => Id::Raise(RaiseId::from_index(first)),
            IdKind::Data => Id::Data(0),
            IdKind::Native => Id::Native(0),
        })
    }
}

/// Decodes everything; `name` is called with each name. The error says what is wrong and where.
pub fn check(
    image: &Image<'_>,
    arch: Arch,
    mut name: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<Contents, String> {
    let at = |what: &str, n: u32, e: ImageError| format!("{what} {n}: {e}");
    image.verify_checksum().map_err(|e| e.to_string())?;
    let features = image.features().map_err(|e| e.to_string())?;
    for n in 0..image.word_count() {
        let bytes = image.word_name(n).map_err(|e| at("word", n, e))?;
        name(bytes).map_err(|e| format!("word {n}: {e}"))?;
    }
    for n in 0..image.id_count() {
        let bytes = image.id_name(n).map_err(|e| at("id", n, e))?;
        name(bytes).map_err(|e| format!("id {n}: {e}"))?;
    }
    let text = image.text();
    let mut contents = Contents {
        units: image.unit_count(),
        words: image.word_count(),
        ids: image.id_count(),
        code: 0,
        features,
    };
    let mut end = 0;
    for n in 0..image.unit_count() {
        let unit = image.unit(n).map_err(|e| at("unit", n, e))?;
        let table = image.table(n).map_err(|e| at("unit", n, e))?;
        let header = Header::parse(table, arch).map_err(|e| format!("unit {n}: {e}"))?;
        check_table(table, arch).map_err(|e| format!("unit {n}: {e}"))?;
        let start = u64::from(unit.text);
        if start < end || start + u64::from(header.code_len) > text.len() as u64 {
            return Err(format!("unit {n}: its code overlaps other code"));
        }
        end = start + u64::from(header.code_len);
        contents.code += u64::from(header.code_len);
        image.fixups(n).map_err(|e| at("unit", n, e))?;
        for owner in image.contexts(n).map_err(|e| at("unit", n, e))? {
            image.slots(owner).map_err(|e| at("owner", owner, e))?;
        }
        if image.id_name(unit.method).is_err() {
            return Err(format!("unit {n}: no method"));
        }
    }
    let mut last = None;
    for (n, pair) in image.part(Part::Index).chunks_exact(8).enumerate() {
        let number =
            |at: usize| u32::from_le_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
        let entry = (number(0), number(4));
        let name = image.unit(entry.1).and_then(|u| image.id_name(u.method));
        match name {
            Ok(name) if format::hash(name) == entry.0 && last < Some(entry) => last = Some(entry),
            _ => return Err(format!("index entry {n} is wrong")),
        }
    }
    Ok(contents)
}
