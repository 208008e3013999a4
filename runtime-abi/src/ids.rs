//! Opaque ids. A VM hands them out densely from 1; compilers only compare, store and hand them
//! back. They are process-local: what is written to a file is a [`crate::symbol::Symbol`]'s
//! canonical name instead.

use std::num::NonZeroU32;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The id numbered `index` (0-based).
            ///
            /// # Panics
            /// If `index` is `u32::MAX`.
            pub fn from_index(index: usize) -> Self {
                let raw = u32::try_from(index).ok().and_then(|i| i.checked_add(1));
                Self(NonZeroU32::new(raw.expect("id space exhausted")).expect("index + 1 is not 0"))
            }
            /// The 0-based number of this id.
            pub fn index(self) -> usize {
                self.0.get() as usize - 1
            }
            /// The raw non-zero number, for places that store ids as integers.
            pub fn raw(self) -> u32 {
                self.0.get()
            }
            /// The inverse of [`Self::raw`].
            pub const fn from_raw(raw: u32) -> Option<Self> {
                match NonZeroU32::new(raw) {
                    Some(raw) => Some(Self(raw)),
                    None => None,
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.index())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self, f)
            }
        }
    };
}

id!(
    /// A type: class, interface, value type, array, pointer, type parameter of shared code.
    TypeId, "type"
);
id!(
    /// A method, instantiated as far as its code is (shared instantiations share one id).
    MethodId, "method"
);
id!(
    /// A field of an instantiated type.
    FieldId, "field"
);
id!(
    /// A signature used by an indirect call.
    SigId, "sig"
);
id!(
    /// A literal object: a string literal or another immortal object.
    LiteralId, "literal"
);
id!(
    /// A prepared exception: kind and message of an error that the VM found while it read a
    /// method body and that must be thrown when, and only when, that place is executed.
    RaiseId, "raise"
);
