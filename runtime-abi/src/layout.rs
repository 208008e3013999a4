//! Objects, arrays, strings, vtables and generic contexts in memory.
//!
//! ```text
//!  object            array                  string             multi-dim array
//!  0  type word u32  0  type word           0  type word       0  type word
//!  4  lock/hash u32  4  lock/hash           4  lock/hash       4  lock/hash
//!  8  fields ...     8  length  i32         8  length  i32     8  total length i32
//!                    12 (padding)           12 chars u16...    12 (padding)
//!                    16 elements ...            0u16           16 rank x {length i32, lower bound i32}
//!                                                              16 + 8*rank elements ...
//! ```
//!
//! The *type word* is the low 32 bits of the vtable's address where vtables live below 4 GiB (all 64-bit
//! targets: the runtime reserves such an arena), and the address itself on 32-bit targets. Its low two bits
//! belong to the collector while it copies.
//!
//! A *vtable* is a row of machine words: the fixed header ([`VtableWord`]), [`IMT_SLOTS`] interface slots,
//! then the virtual slots.

use std::sync::atomic::AtomicUsize;

/// Byte offset of the type word in every object.
pub const TYPE_WORD: u32 = 0;
/// Byte offset of the lock/hash word in every object.
pub const LOCK_WORD: u32 = 4;
/// Byte offset of the first field of an object; the size of the header.
pub const HEADER: u32 = 8;
/// Byte offset of an array's or string's length (32 bits).
pub const LENGTH: u32 = 8;
/// Byte offset of element 0 of a one-dimensional array.
pub const ARRAY_DATA: u32 = 16;
/// Byte offset of the bounds of a multi-dimensional array.
pub const MD_BOUNDS: u32 = 16;
/// Bytes of bounds for each dimension: length i32, lower bound i32.
pub const MD_BOUND_BYTES: u32 = 8;
/// Most UTF-16 units that a string may have.
pub const LONGEST_STRING: usize = 0x3fff_ffde;
/// Byte offset of a string's first UTF-16 unit.
pub const STRING_CHARS: u32 = 12;
/// Objects start at, and their sizes are rounded up to, multiples of this.
pub const OBJECT_ALIGN: u32 = 8;
/// Accesses at offsets below this fault through null; others need an explicit check.
pub const NULL_GUARD: u32 = 4096;
/// Number of interface-method slots in each vtable.
pub const IMT_SLOTS: u32 = 19;

/// The lock word's two highest bits when its other 30 are the object's hash code (see `rt::gc::lockword`): 01.
pub const HASHED: u32 = 1 << 30;

/// Byte offset of element 0 of a multi-dimensional array of `rank`.
pub fn md_data(rank: u32) -> u32 {
    MD_BOUNDS + MD_BOUND_BYTES * rank
}

macro_rules! words {
    ($(#[$doc:meta])* $enum:ident, $(#[$sdoc:meta])* $struct:ident { $($(#[$fdoc:meta])* $variant:ident $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        pub enum $enum { $($(#[$fdoc])* $variant,)* }

        impl $enum {
            /// All words in order.
            pub const ALL: &'static [$enum] = &[$($enum::$variant),*];
            /// Byte offset for this pointer size.
            pub const fn offset(self, pointer_bytes: u32) -> u32 {
                self as u32 * pointer_bytes
            }
            /// The name used in dumps.
            pub fn name(self) -> &'static str {
                match self { $($enum::$variant => stringify!($field),)* }
            }
        }

        $(#[$sdoc])*
        #[repr(C)]
        #[derive(Debug, Default)]
        pub struct $struct { $($(#[$fdoc])* pub $field: AtomicUsize,)* }
    };
}
pub(crate) use words;

words! {
    /// The words of a vtable's header, in order.
    VtableWord,
    /// A vtable's header on the host. The IMT and the virtual slots follow it.
    VtableHeader {
        /// [`VtableFlags`].
        Flags flags,
        /// Size in bytes of an instance without its elements, header included, rounded to [`OBJECT_ALIGN`] for
        /// objects; offset of element 0 for arrays and strings.
        BaseSize base_size,
        /// Bytes of one element of an array, 2 for strings, else 0.
        ComponentSize component_size,
        /// Address of a [`RefMap`]: reference offsets within an instance or within one array element; 0 if there are none.
        RefMap ref_map,
        /// Depth of the class: `Object` is 0.
        Depth depth,
        /// Address of the display: type words (u32) of the class's supertypes by depth, itself last. 0 for interfaces.
        Display display,
        /// Type word of the element type's vtable for arrays of references, else 0.
        ElementType element_type,
        /// The type's handle (`Symbol::TypeHandle`): the VM's class description, opaque to compiled code.
        Class class,
        /// Address of a row of pointers to generic contexts ([`GenericContext`]), one for each class of the hierarchy by depth (0 where
        /// that class is not generic): what shared code of instance methods looks things up in. 0 if no class of the hierarchy is generic.
        GenericContexts generic_contexts,
        /// The object that stands for the type, which does not move; 0 until somebody asks an instance for it.
        TypeObject type_object,
        /// Address of the class-initialization state byte: [`CLASS_READY`] when initialized.
        InitState init_state,
        /// First of [`CAST_CACHE_SLOTS`] words of answers of casts that only the VM can decide, see [`cast_cache_slot`].
        CastCache cast_cache,
        /// Answers of casts, too.
        CastCache1 cast_cache_1,
        /// Answers of casts, too.
        CastCache2 cast_cache_2,
        /// Answers of casts, too.
        CastCache3 cast_cache_3,
        /// Answers of casts, too.
        CastCache4 cast_cache_4,
        /// Answers of casts, too.
        CastCache5 cast_cache_5,
        /// Answers of casts, too.
        CastCache6 cast_cache_6,
        /// Answers of casts, too.
        CastCache7 cast_cache_7,
    }
}

/// Words of answers of casts in a vtable: a type's handle (`Symbol::TypeHandle`, which is even) if instances of the class are of the
/// type, the handle with its lowest bit set if they are not, 0 at first. Whatever is read there, now or earlier, is true.
pub const CAST_CACHE_SLOTS: u32 = 8;
/// The bits of a handle from this one on say in which word its answer is.
pub const CAST_CACHE_SHIFT: u32 = 4;

/// The word for a type, counted from [`VtableWord::CastCache`].
pub const fn cast_cache_slot(handle: usize) -> usize {
    (handle >> CAST_CACHE_SHIFT) & (CAST_CACHE_SLOTS as usize - 1)
}

/// The word for a type whose first one holds another's answer: compiled code does not look there, `IsInst` does.
pub const fn cast_cache_second(handle: usize) -> usize {
    (handle >> (CAST_CACHE_SHIFT + CAST_CACHE_SLOTS.ilog2())) & (CAST_CACHE_SLOTS as usize - 1)
}

impl VtableHeader {
    /// The answers of casts.
    pub fn cast_answers(&self) -> [&AtomicUsize; CAST_CACHE_SLOTS as usize] {
        [
            &self.cast_cache,
            &self.cast_cache_1,
            &self.cast_cache_2,
            &self.cast_cache_3,
            &self.cast_cache_4,
            &self.cast_cache_5,
            &self.cast_cache_6,
            &self.cast_cache_7,
        ]
    }
}

/// Value of a class-initialization state byte once the class is initialized (compared with a load-acquire).
pub const CLASS_READY: u8 = 0xff;

bitflags::bitflags! {
    /// Facts in [`VtableWord::Flags`].
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct VtableFlags: u32 {
        /// Instances or elements contain references ([`VtableWord::RefMap`] is not 0).
        const HAS_REFS = 1;
        /// One-dimensional zero-based array.
        const SZ_ARRAY = 2;
        /// Multi-dimensional (or non-zero-based) array.
        const MD_ARRAY = 4;
        /// String.
        const STRING = 8;
        /// Array whose elements are references.
        const REF_ELEMENTS = 16;
        /// Has a finalizer to run.
        const FINALIZABLE = 32;
        /// Value type (its boxed form).
        const VALUE_TYPE = 64;
        /// Weak reference object: the VM's collector hook treats its referent.
        const WEAK = 128;
        /// Instances are ephemeron tables or otherwise need the VM's own scan hook.
        const CUSTOM_SCAN = 256;
        /// Its finalizer runs after those of the other objects that died with it.
        const FINALIZE_LAST = 512;
    }
}

/// Where references are within an instance (offsets from the object's start) or within one element (offsets
/// from the element's start): `count`, then that many byte offsets.
#[repr(C)]
#[derive(Debug)]
pub struct RefMap {
    /// Number of offsets that follow in memory.
    pub count: u32,
}

/// Byte offset in the vtable of an IMT slot.
pub const fn imt_slot(index: u32, pointer_bytes: u32) -> u32 {
    (VtableWord::ALL.len() as u32 + index) * pointer_bytes
}

/// Byte offset in the vtable of a virtual slot.
pub const fn vtable_slot(index: u32, pointer_bytes: u32) -> u32 {
    (VtableWord::ALL.len() as u32 + IMT_SLOTS + index) * pointer_bytes
}

/// Bytes of a vtable with this many virtual slots.
pub const fn vtable_size(slots: u32, pointer_bytes: u32) -> u32 {
    vtable_slot(slots, pointer_bytes)
}

/// A generic context (rgctx): what a hidden argument or an entry of a vtable's `generic_contexts` points to. Word 0 is
/// the VM's; words from [`GenericContext::FIRST_SLOT`] are lazily filled look-up slots, 0 while empty.
#[derive(Debug)]
pub struct GenericContext;

impl GenericContext {
    /// Word index of slot 0.
    pub const FIRST_SLOT: u32 = 1;
    /// Slots that lie in the context itself; a look-up with a higher number always calls the helper.
    pub const INLINE_SLOTS: u32 = 64;
    /// Byte offset of a slot.
    pub const fn slot(index: u32, pointer_bytes: u32) -> u32 {
        (Self::FIRST_SLOT + index) * pointer_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_struct_agrees_with_word_offsets() {
        let word = size_of::<usize>() as u32;
        assert_eq!(size_of::<VtableHeader>() as u32, imt_slot(0, word));
        let cache = VtableWord::CastCache7 as u32 - VtableWord::CastCache as u32;
        assert_eq!(cache + 1, CAST_CACHE_SLOTS);
        assert_eq!(
            std::mem::offset_of!(VtableHeader, class) as u32,
            VtableWord::Class.offset(word)
        );
        assert_eq!(vtable_slot(0, word) - imt_slot(0, word), IMT_SLOTS * word);
    }
}
