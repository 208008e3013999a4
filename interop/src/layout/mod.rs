//! Memory layouts of C data.
//!
//! A [`Layout`] is a tree whose leaves are [`Value`]s. Structures know the offset of each member, so that packed and explicit layouts are
//! ordinary ones. Nothing depends on the architecture but the size of a pointer, which is asked for where a structure is made.
//!
//! | module | what |
//! | --- | --- |
//! | [`path`] | offsets of parts: `points[2].x` |
//! | [`text`] | `struct { i32 x; [4 x f64] y; }` and back |

pub mod path;
pub mod text;

use isthmus_runtime_abi::target::Arch;
use std::sync::Arc;

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $size:expr;)*) => {
        /// A scalar of C.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Value { $($(#[$doc])* $name,)* }

        impl Value {
            /// All of them.
            pub const ALL: &'static [Value] = &[$(Value::$name),*];

            /// Name in text.
            pub fn name(self) -> &'static str {
                match self { $(Value::$name => $text,)* }
            }

            /// Bytes, which is the alignment too.
            pub fn size(self, arch: Arch) -> u32 {
                let size: fn(Arch) -> u32 = match self { $(Value::$name => $size,)* };
                size(arch)
            }
        }
    };
}

values! {
    /// `int8_t`.
    I8 = "i8", |_| 1;
    /// `uint8_t`, `bool`.
    U8 = "u8", |_| 1;
    /// `int16_t`.
    I16 = "i16", |_| 2;
    /// `uint16_t`.
    U16 = "u16", |_| 2;
    /// `int32_t`, `uint32_t`.
    I32 = "i32", |_| 4;
    /// `int64_t`, `uint64_t`.
    I64 = "i64", |_| 8;
    /// `float`.
    F32 = "f32", |_| 4;
    /// `double`.
    F64 = "f64", |_| 8;
    /// A pointer, `intptr_t`, `size_t`.
    Ptr = "ptr", |arch| arch.pointer_bytes();
}

impl Value {
    /// Whether it is a floating-point number.
    pub fn is_float(self) -> bool {
        matches!(self, Value::F32 | Value::F64)
    }
}

/// How data lies in memory. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Layout {
    /// A scalar.
    Value(Value),
    /// So many elements, one after the other.
    Array(Arc<Layout>, u32),
    /// Members one after the other, or at the offsets that they say.
    Struct(Arc<Group>),
    /// Members at the same place.
    Union(Arc<Group>),
}

/// What a structure or a union is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Members by offset, as they were given.
    pub members: Vec<Member>,
    /// Bytes.
    pub size: u32,
    /// Alignment in bytes.
    pub align: u32,
}

/// A part of a structure or union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Name; empty: it has none (padding).
    pub name: String,
    /// Bytes from the start.
    pub offset: u32,
    /// Its layout.
    pub layout: Layout,
}

impl Layout {
    /// A structure as C lays it out; alignments are at most `pack`.
    pub fn structure(members: Vec<(String, Layout)>, pack: Option<u32>, arch: Arch) -> Layout {
        let mut group = Group {
            members: Vec::with_capacity(members.len()),
            size: 0,
            align: 1,
        };
        for (name, layout) in members {
            let align = layout.align(arch).min(pack.unwrap_or(u32::MAX)).max(1);
            let offset = group.size.next_multiple_of(align);
            group.size = offset.saturating_add(layout.size(arch));
            group.align = group.align.max(align);
            group.members.push(Member {
                name,
                offset,
                layout,
            });
        }
        group.size = group.size.next_multiple_of(group.align);
        Layout::Struct(Arc::new(group))
    }

    /// A union as C lays it out.
    pub fn union(members: Vec<(String, Layout)>, arch: Arch) -> Layout {
        let align = members.iter().map(|m| m.1.align(arch)).max().unwrap_or(1);
        let size = members.iter().map(|m| m.1.size(arch)).max().unwrap_or(0);
        let members = members.into_iter().map(|(name, layout)| Member {
            name,
            offset: 0,
            layout,
        });
        Layout::Union(Arc::new(Group {
            members: members.collect(),
            size: size.next_multiple_of(align),
            align,
        }))
    }

    /// A structure whose members, size and alignment somebody else has laid out.
    pub fn explicit(members: Vec<Member>, size: u32, align: u32) -> Layout {
        Layout::Struct(Arc::new(Group {
            members,
            size,
            align,
        }))
    }

    /// So many elements.
    pub fn array(element: Layout, count: u32) -> Layout {
        Layout::Array(Arc::new(element), count)
    }

    /// Bytes.
    pub fn size(&self, arch: Arch) -> u32 {
        match self {
            Layout::Value(v) => v.size(arch),
            Layout::Array(element, count) => element.size(arch).saturating_mul(*count),
            Layout::Struct(g) | Layout::Union(g) => g.size,
        }
    }

    /// Alignment in bytes.
    pub fn align(&self, arch: Arch) -> u32 {
        match self {
            Layout::Value(v) => v.size(arch),
            Layout::Array(element, _) => element.align(arch),
            Layout::Struct(g) | Layout::Union(g) => g.align,
        }
    }

    /// Calls `f` with the offset of every scalar, in order of declaration, until it says stop.
    pub fn each_value(&self, arch: Arch, f: &mut impl FnMut(u32, Value) -> bool) -> bool {
        self.values_from(0, arch, f)
    }

    fn values_from(&self, at: u32, arch: Arch, f: &mut impl FnMut(u32, Value) -> bool) -> bool {
        match self {
            Layout::Value(v) => f(at, *v),
            Layout::Array(element, count) => {
                let size = element.size(arch);
                (0..*count).all(|i| element.values_from(at + i * size, arch, f))
            }
            Layout::Struct(g) | Layout::Union(g) => g
                .members
                .iter()
                .all(|m| m.layout.values_from(at + m.offset, arch, f)),
        }
    }
}

impl From<Value> for Layout {
    fn from(v: Value) -> Layout {
        Layout::Value(v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, layout: impl Into<Layout>) -> (String, Layout) {
        (name.to_owned(), layout.into())
    }

    #[test]
    fn structures_are_laid_out_as_c_does() {
        let members = || {
            vec![
                member("a", Value::I8),
                member("b", Value::I64),
                member("c", Value::I16),
            ]
        };
        let natural = Layout::structure(members(), None, Arch::X64);
        assert_eq!((natural.size(Arch::X64), natural.align(Arch::X64)), (24, 8));
        let packed = Layout::structure(members(), Some(2), Arch::X64);
        assert_eq!((packed.size(Arch::X64), packed.align(Arch::X64)), (12, 2));
        let union = Layout::union(members(), Arch::X64);
        assert_eq!((union.size(Arch::X64), union.align(Arch::X64)), (8, 8));
    }

    #[test]
    fn pointers_are_as_wide_as_the_architecture_says() {
        let both = |arch| {
            Layout::structure(
                vec![member("a", Value::I8), member("p", Value::Ptr)],
                None,
                arch,
            )
            .size(arch)
        };
        assert_eq!((both(Arch::A64), both(Arch::A32)), (16, 8));
    }

    #[test]
    fn values_come_with_their_offsets() {
        let inner = Layout::structure(
            vec![member("x", Value::F32), member("y", Value::F32)],
            None,
            Arch::X64,
        );
        let all = Layout::structure(
            vec![
                member("n", Value::I8),
                member("points", Layout::array(inner, 2)),
            ],
            None,
            Arch::X64,
        );
        let mut seen = Vec::new();
        all.each_value(Arch::X64, &mut |at, v| {
            seen.push((at, v));
            true
        });
        let floats = [4, 8, 12, 16].map(|at| (at, Value::F32));
        assert_eq!(seen[0], (0, Value::I8));
        assert_eq!(seen[1..], floats);
    }
}
