//! What edges do, per architecture: tables of relocation kinds, and how values are computed and written.
//!
//! | module | what |
//! | --- | --- |
//! | [`field`] | the shapes of the places that values are written to: words and parts of instructions |
//! | [`fixup`] | from an edge to the value, with range checks |
//! | [`x64`], [`a64`], [`a32`] | the table of each architecture, its stubs, and what can be relaxed |
//!
//! A kind is one row of a table: how it is called, what it refers to ([`Via`]: the symbol itself, or an entry that has to be built for it), the
//! formula of its value ([`Value`]), where that is written ([`Field`]), and which ELF relocations it stands for.
//! In formulas: `S` address of the symbol, `A` addend, `P` address of the place, `GOT` address of the table of addresses, `Z` size of the symbol,
//! `T` 1 for Thumb code.

pub mod a32;
pub mod a64;
pub mod field;
pub mod fixup;
pub mod x64;

pub use field::Field;
use isthmus_runtime_abi::target::Arch;

/// A kind of edge: its row in the architecture's table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Kind(pub u8);

/// The first row of each table: keeps the target while the block is kept, and writes nothing.
pub const KEEP: Kind = Kind(0);

/// What an edge refers to. For all but `Direct`, an entry is built for the symbol, and the edge becomes one of the given kind that refers to the entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Via {
    /// The symbol itself.
    Direct,
    /// Code that jumps to the symbol, if the symbol is not in the graph.
    Stub(Kind),
    /// As `Stub`, in Thumb code.
    ThumbStub(Kind),
    /// A word with the symbol's address.
    Got(Kind),
    /// Two words: key of the symbol's thread-local home, and its offset there.
    TlsPair(Kind),
    /// Two words: key of the graph's own thread-local home, and 0.
    TlsModule(Kind),
    /// A word with the symbol's distance from the thread pointer.
    TlsDistance(Kind),
    /// Two words: a function that returns the second, and the symbol's distance from the thread pointer.
    TlsDescriptor(Kind),
}

/// The formula of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    /// Nothing is written.
    None,
    /// `(S + A) | T`
    Abs,
    /// `((S + A) | T) - P`
    Rel,
    /// `page(S + A) - page(P)`, pages of 4 KiB
    Page,
    /// `P - S + A`
    Back,
    /// `S + A - GOT`
    FromGot,
    /// `GOT + A - P`
    GotRel,
    /// `Z + A`
    Size,
    /// Key of the symbol's thread-local home.
    TlsKey,
    /// Offset of `S + A` in its thread-local home.
    TlsOffset,
    /// Distance of `S + A` from the thread pointer.
    ThreadOffset,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// Name.
    pub name: &'static str,
    /// What it refers to.
    pub via: Via,
    /// Formula.
    pub value: Value,
    /// Place.
    pub field: Field,
    /// Types of ELF relocations that it stands for.
    pub elf: &'static [u32],
}

impl Kind {
    /// The row.
    pub fn info(self, arch: Arch) -> &'static KindInfo {
        &table(arch)[self.0 as usize]
    }

    /// The kind of a name.
    pub fn by_name(arch: Arch, name: &str) -> Option<Kind> {
        let row = table(arch).iter().position(|k| k.name == name)?;
        Some(Kind(row as u8))
    }

    /// The kind for a type of ELF relocation.
    pub fn by_elf(arch: Arch, r_type: u32) -> Option<Kind> {
        let row = table(arch).iter().position(|k| k.elf.contains(&r_type))?;
        Some(Kind(row as u8))
    }
}

/// The table of an architecture.
pub fn table(arch: Arch) -> &'static [KindInfo] {
    match arch {
        Arch::X64 => x64::KINDS,
        Arch::A64 => a64::KINDS,
        Arch::A32 => a32::KINDS,
    }
}

/// What the generic algorithm must know of an architecture.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// How text forms and messages call it.
    pub name: &'static str,
    /// Bytes of an address.
    pub word: u64,
    /// Kind of a word with an address.
    pub address: Kind,
    /// Kind of a word with the key of a thread-local home.
    pub tls_key: Kind,
    /// Kind of a word with an offset in a thread-local home.
    pub tls_offset: Kind,
    /// Kind of a word with a distance from the thread pointer.
    pub thread_offset: Kind,
    /// Kind of the 4 bytes by which an unwind record refers back to its common part.
    pub back32: Kind,
    /// Code that jumps to where a word says.
    pub stub: Stub,
    /// The same in Thumb code.
    pub thumb_stub: Option<Stub>,
    /// Code that jumps to where a word of data says, which its edges refer to.
    pub indirect_stub: Stub,
}

/// Code that jumps to a symbol.
#[derive(Clone, Copy, Debug)]
pub struct Stub {
    /// Code.
    pub code: &'static [u8],
    /// Alignment.
    pub align: u64,
    /// Edges of the code: offset, kind, addend.
    pub edges: &'static [(u32, Kind, i64)],
    /// Whether the edges refer to the symbol's word in the table of addresses, not to the symbol itself.
    pub through_got: bool,
}

/// The description of an architecture.
pub fn description(arch: Arch) -> &'static Description {
    match arch {
        Arch::X64 => &x64::DESCRIPTION,
        Arch::A64 => &a64::DESCRIPTION,
        Arch::A32 => &a32::DESCRIPTION,
    }
}

/// The architecture that text forms call so.
pub fn by_name(name: &str) -> Option<Arch> {
    let all = [Arch::X64, Arch::A64, Arch::A32];
    all.into_iter().find(|&a| description(a).name == name)
}

/// Makes the table and a constant for each row. ELF relocations are named as in the module `names` beside it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $via:expr, $value:ident, $field:expr, [$($elf:ident),*];)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "only to number the constants")]
        #[repr(u8)]
        enum Row { KEEP, $($name),* }

        $($(#[$doc])* pub const $name: crate::arch::Kind = crate::arch::Kind(Row::$name as u8);)*

        /// The table.
        pub static KINDS: &[crate::arch::KindInfo] = &[
            crate::arch::KindInfo {
                name: "keep",
                via: crate::arch::Via::Direct,
                value: crate::arch::Value::None,
                field: crate::arch::Field::None,
                elf: &[],
            },
            $(crate::arch::KindInfo {
                name: $text,
                via: $via,
                value: crate::arch::Value::$value,
                field: $field,
                elf: &[$(names::$elf),*],
            }),*
        ];

        const _: () = assert!(crate::arch::KEEP.0 == Row::KEEP as u8);
    };
}
use kinds;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_elf_types_are_unambiguous() {
        for arch in [Arch::X64, Arch::A64, Arch::A32] {
            let (mut names, mut types) = (BTreeSet::new(), BTreeSet::new());
            for (n, row) in table(arch).iter().enumerate() {
                assert!(names.insert(row.name), "{}", row.name);
                assert_eq!(Kind::by_name(arch, row.name), Some(Kind(n as u8)));
                for &t in row.elf {
                    assert!(types.insert(t), "{}: type {t}", row.name);
                }
            }
        }
    }

    #[test]
    fn entries_are_referred_to_directly() {
        for arch in [Arch::X64, Arch::A64, Arch::A32] {
            for row in table(arch) {
                let then = match row.via {
                    Via::Direct => continue,
                    Via::Stub(k) | Via::ThumbStub(k) | Via::Got(k) | Via::TlsPair(k) => k,
                    Via::TlsModule(k) | Via::TlsDistance(k) | Via::TlsDescriptor(k) => k,
                };
                let then = then.info(arch);
                assert_eq!(then.via, Via::Direct, "{} → {}", row.name, then.name);
                assert_eq!(then.field, row.field, "{} → {}", row.name, then.name);
            }
        }
    }
}
