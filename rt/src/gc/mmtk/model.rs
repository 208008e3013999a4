//! Metadata and the object model.

use super::Binding;
use crate::gc::object;
use ::mmtk::util::copy::{CopySemantics, GCWorkerCopyContext};
use ::mmtk::util::metadata::side_metadata::SideMetadataSpec;
use ::mmtk::util::{Address, ObjectReference};
use ::mmtk::vm::{
    ObjectModel, VMGlobalLogBitSpec, VMLocalForwardingBitsSpec, VMLocalForwardingPointerSpec,
    VMLocalLOSMarkNurserySpec, VMLocalMarkBitSpec, VMLocalPinningBitSpec,
};

/// Where log bits lie.
pub(super) fn log_bit_spec() -> &'static SideMetadataSpec {
    Model::GLOBAL_LOG_BIT_SPEC.as_spec().extract_side_spec()
}

/// Our objects: the reference is the start of the object and of its header.
pub(in crate::gc) struct Model;

impl ObjectModel<Binding> for Model {
    const GLOBAL_LOG_BIT_SPEC: VMGlobalLogBitSpec = VMGlobalLogBitSpec::side_first();
    const LOCAL_FORWARDING_POINTER_SPEC: VMLocalForwardingPointerSpec =
        VMLocalForwardingPointerSpec::in_header(0);
    const LOCAL_FORWARDING_BITS_SPEC: VMLocalForwardingBitsSpec =
        VMLocalForwardingBitsSpec::in_header(0);
    const LOCAL_MARK_BIT_SPEC: VMLocalMarkBitSpec = VMLocalMarkBitSpec::side_first();
    const LOCAL_PINNING_BIT_SPEC: VMLocalPinningBitSpec =
        VMLocalPinningBitSpec::side_after(Self::LOCAL_MARK_BIT_SPEC.as_spec());
    const LOCAL_LOS_MARK_NURSERY_SPEC: VMLocalLOSMarkNurserySpec =
        VMLocalLOSMarkNurserySpec::side_after(Self::LOCAL_PINNING_BIT_SPEC.as_spec());

    const UNIFIED_OBJECT_REFERENCE_ADDRESS: bool = true;
    const OBJECT_REF_OFFSET_LOWER_BOUND: isize = 0;

    fn copy(
        from: ObjectReference,
        semantics: CopySemantics,
        context: &mut GCWorkerCopyContext<Binding>,
    ) -> ObjectReference {
        let bytes = Self::get_current_size(from);
        let target = context.alloc_copy(from, bytes, super::ALIGN, 0, semantics);
        // SAFETY: both are `bytes` long; the target is fresh.
        unsafe {
            std::ptr::copy_nonoverlapping(
                from.to_raw_address().to_ptr::<u8>(),
                target.to_mut_ptr::<u8>(),
                bytes,
            );
        }
        let to = super::reference(target.as_usize());
        // Clears the collector's bits in the copied type word, too.
        context.post_copy(to, bytes, semantics);
        to
    }

    fn copy_to(_from: ObjectReference, _to: ObjectReference, _region: Address) -> Address {
        unreachable!("only compacting plans copy to a given address")
    }

    fn get_reference_when_copied_to(_from: ObjectReference, to: Address) -> ObjectReference {
        super::reference(to.as_usize())
    }

    #[inline]
    fn get_current_size(object: ObjectReference) -> usize {
        // SAFETY: the collector asks about objects it found, which are complete.
        unsafe { object::size(object.to_raw_address().as_usize()) }
    }

    fn get_size_when_copied(object: ObjectReference) -> usize {
        Self::get_current_size(object)
    }

    fn get_align_when_copied(_object: ObjectReference) -> usize {
        super::ALIGN
    }

    fn get_align_offset_when_copied(_object: ObjectReference) -> usize {
        0
    }

    fn get_type_descriptor(_reference: ObjectReference) -> &'static [i8] {
        &[]
    }

    #[inline]
    fn ref_to_object_start(object: ObjectReference) -> Address {
        object.to_raw_address()
    }

    #[inline]
    fn ref_to_header(object: ObjectReference) -> Address {
        object.to_raw_address()
    }

    fn dump_object(object: ObjectReference) {
        crate::report!(
            "object at {object}, {} bytes",
            Self::get_current_size(object)
        );
    }
}
