//! The shape of objects as the collector sees it: size and reference slots, from the vtable alone.
//!
//! Layout: [`isthmus_runtime_abi::layout`]. While the collector copies, the two low bits of a type word are its
//! own (and a moved object's whole header is the new address), so every look at a type word masks them.

use isthmus_runtime_abi::layout::{
    HEADER, LENGTH, OBJECT_ALIGN, RefMap, TYPE_WORD, VtableFlags, VtableHeader,
};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The bits of a type word that belong to the collector.
const COLLECTOR_BITS: u32 = 3;

/// The vtable of an object.
///
/// # Safety
/// `object` is the address of an object whose type word is set and which was not moved away.
#[inline]
pub(crate) unsafe fn vtable(object: usize) -> &'static VtableHeader {
    // SAFETY: the header is readable; other collector threads may change the low bits, hence atomic.
    let word =
        unsafe { AtomicU32::from_ptr((object + TYPE_WORD as usize) as *mut u32) }.load(Relaxed);
    // SAFETY: a type word is the address of a vtable, and vtables live as long as the process.
    unsafe { &*((word & !COLLECTOR_BITS) as usize as *const VtableHeader) }
}

/// The flags of a vtable.
#[inline]
pub(crate) fn flags(vtable: &VtableHeader) -> VtableFlags {
    VtableFlags::from_bits_retain(vtable.flags.load(Relaxed) as u32)
}

/// Rounds up to the alignment of objects.
#[inline]
pub(crate) fn align(size: usize) -> usize {
    (size + (OBJECT_ALIGN as usize - 1)) & !(OBJECT_ALIGN as usize - 1)
}

/// Bytes of an instance of `vtable` with `length` elements (0 for plain objects), or `None` if that is no size at all.
#[inline]
pub(crate) fn size_with_length(vtable: &VtableHeader, length: usize) -> Option<usize> {
    let base = vtable.base_size.load(Relaxed);
    let component = vtable.component_size.load(Relaxed);
    if component == 0 {
        return Some(align(base.max(HEADER as usize)));
    }
    // A string has a zero unit after its last one.
    let units = length.checked_add(flags(vtable).contains(VtableFlags::STRING) as usize)?;
    let bytes = component.checked_mul(units)?.checked_add(base)?;
    (bytes <= isize::MAX as usize - 64).then(|| align(bytes))
}

/// Bytes of an object.
///
/// # Safety
/// As [`vtable`]; arrays and strings have their length set.
#[inline]
pub(crate) unsafe fn size(object: usize) -> usize {
    // SAFETY: as the caller says.
    let vt = unsafe { vtable(object) };
    let base = vt.base_size.load(Relaxed);
    let component = vt.component_size.load(Relaxed);
    if component == 0 {
        return align(base.max(HEADER as usize));
    }
    // SAFETY: arrays and strings have a length word.
    let length = unsafe { length(object) } + flags(vt).contains(VtableFlags::STRING) as usize;
    align(base + component * length)
}

/// Length of an array or string.
///
/// # Safety
/// `object` is an array or string.
#[inline]
pub(crate) unsafe fn length(object: usize) -> usize {
    // SAFETY: the length word exists in every array and string.
    unsafe { *((object + LENGTH as usize) as *const u32) as usize }
}

/// The offsets of a reference map.
#[inline]
fn offsets(vt: &VtableHeader) -> &'static [u32] {
    let map = vt.ref_map.load(Relaxed) as *const RefMap;
    if map.is_null() {
        return &[];
    }
    // SAFETY: a vtable's map is `count` followed by that many offsets, and lives as long as the vtable.
    unsafe { std::slice::from_raw_parts(map.add(1).cast::<u32>(), (*map).count as usize) }
}

/// Calls `visit` with the address of every strong reference slot of an object. Objects whose vtable says
/// [`VtableFlags::CUSTOM_SCAN`] have none: somebody else treats their slots.
///
/// # Safety
/// As [`size`].
#[inline]
pub(crate) unsafe fn for_each_slot(object: usize, mut visit: impl FnMut(usize)) {
    const WORD: usize = size_of::<usize>();
    // SAFETY: as the caller says.
    let vt = unsafe { vtable(object) };
    let f = flags(vt);
    if !f.intersects(VtableFlags::HAS_REFS.union(VtableFlags::REF_ELEMENTS))
        || f.contains(VtableFlags::CUSTOM_SCAN)
    {
        return;
    }
    let component = vt.component_size.load(Relaxed);
    if component == 0 {
        for &offset in offsets(vt) {
            visit(object + offset as usize);
        }
        return;
    }
    let data = object + vt.base_size.load(Relaxed);
    // SAFETY: it has elements, so it has a length.
    let length = unsafe { length(object) };
    if f.contains(VtableFlags::REF_ELEMENTS) {
        for i in 0..length {
            visit(data + i * WORD);
        }
    } else {
        let offsets = offsets(vt);
        for i in 0..length {
            for &offset in offsets {
                visit(data + i * component + offset as usize);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_runtime_abi::layout::{ARRAY_DATA, STRING_CHARS, md_data};

    /// Zeroed memory below 2 GiB.
    fn low_memory(bytes: usize) -> usize {
        for at in (0x1000_0000..0x7000_0000).step_by(1 << 20) {
            // SAFETY: a fresh mapping, or none.
            let p = unsafe {
                libc::mmap(
                    at as *mut libc::c_void,
                    bytes,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
                    -1,
                    0,
                )
            };
            if p as usize == at {
                return at;
            }
            if p != libc::MAP_FAILED {
                // An old kernel that takes the address as a hint.
                // SAFETY: just mapped.
                unsafe { libc::munmap(p, bytes) };
            }
        }
        panic!("no memory below 2 GiB");
    }

    /// A vtable below 4 GiB, as type words need it.
    fn low_vtable(flags: VtableFlags, base: u32, component: usize, map: &'static [u32]) -> usize {
        let page = low_memory(4096);
        // SAFETY: the page is ours and zero, which is a valid header.
        let vt = unsafe { &*(page as *const VtableHeader) };
        vt.flags.store(flags.bits() as usize, Relaxed);
        vt.base_size.store(base as usize, Relaxed);
        vt.component_size.store(component, Relaxed);
        vt.ref_map.store(map.as_ptr() as usize, Relaxed);
        page
    }

    fn object(vt: usize, length: u32) -> [u64; 16] {
        let mut o = [0u64; 16];
        o[0] = vt as u64;
        o[1] = u64::from(length);
        o
    }

    fn slots(o: &[u64; 16]) -> Vec<usize> {
        let base = o.as_ptr() as usize;
        let mut found = vec![];
        // SAFETY: `o` is shaped like an object.
        unsafe { for_each_slot(base, |s| found.push(s - base)) };
        found
    }

    fn size_of_object(o: &[u64; 16]) -> usize {
        // SAFETY: `o` is shaped like an object.
        unsafe { size(o.as_ptr() as usize) }
    }

    #[test]
    fn plain_objects() {
        let vt = low_vtable(VtableFlags::HAS_REFS, 40, 0, &[2, 8, 32]);
        let o = object(vt | 2, 0);
        assert_eq!(size_of_object(&o), 40);
        assert_eq!(slots(&o), [8, 32]);
        let empty = object(low_vtable(VtableFlags::empty(), 8, 0, &[]), 0);
        assert_eq!(size_of_object(&empty), 8);
        assert!(slots(&empty).is_empty());
    }

    #[test]
    fn arrays_and_strings() {
        let refs = low_vtable(
            VtableFlags::SZ_ARRAY | VtableFlags::REF_ELEMENTS | VtableFlags::HAS_REFS,
            ARRAY_DATA,
            8,
            &[1, 0],
        );
        assert_eq!(size_of_object(&object(refs, 3)), 40);
        assert_eq!(slots(&object(refs, 3)), [16, 24, 32]);
        let structs = low_vtable(
            VtableFlags::SZ_ARRAY | VtableFlags::HAS_REFS,
            ARRAY_DATA,
            24,
            &[2, 0, 16],
        );
        assert_eq!(slots(&object(structs, 2)), [16, 32, 40, 56]);
        let md = low_vtable(
            VtableFlags::MD_ARRAY | VtableFlags::REF_ELEMENTS,
            md_data(2),
            8,
            &[1, 0],
        );
        assert_eq!(size_of_object(&object(md, 4)), 64);
        assert_eq!(slots(&object(md, 2)), [32, 40]);
        let bytes = low_vtable(VtableFlags::SZ_ARRAY, ARRAY_DATA, 1, &[]);
        assert_eq!(size_of_object(&object(bytes, 0)), 16);
        assert_eq!(size_of_object(&object(bytes, 1)), 24);
        let string = low_vtable(VtableFlags::STRING, STRING_CHARS, 2, &[]);
        assert_eq!(size_of_object(&object(string, 0)), 16);
        assert_eq!(size_of_object(&object(string, 1)), 16);
        assert_eq!(size_of_object(&object(string, 2)), 24);
        // SAFETY: a vtable.
        let vt = unsafe { &*(string as *const VtableHeader) };
        assert_eq!(size_with_length(vt, 2), Some(24));
        assert_eq!(size_with_length(vt, usize::MAX), None);
        assert_eq!(size_with_length(vt, usize::MAX / 2), None);
    }

    #[test]
    fn custom_scan_has_no_strong_slots() {
        let vt = low_vtable(
            VtableFlags::SZ_ARRAY | VtableFlags::HAS_REFS | VtableFlags::CUSTOM_SCAN,
            ARRAY_DATA,
            16,
            &[2, 0, 8],
        );
        assert!(slots(&object(vt, 2)).is_empty());
    }
}
