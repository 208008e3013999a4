//! Offsets of the fields of corlib classes that the VM reads and writes, found by name at start.
//!
//! A class library whose classes lack one of these fields is refused at start, with the name.

use crate::types::layout::Place;
use crate::types::{LoadError, Result, Type, types};
use isthmus_runtime_abi::layout::{LENGTH, STRING_CHARS};
use std::sync::OnceLock;

/// Offset of an instance field by name, from the object's header (for value types: from the value's start), searched in the class and
/// its ancestors.
pub fn offset_of(class: &'static Type, name: &str) -> Result<u32> {
    for ty in std::iter::once(class).chain(class.ancestors()) {
        if let Some(field) = ty.field(name).filter(|f| !f.is_static())
            && let Place::Instance(offset) = field.place()?
        {
            return Ok(offset);
        }
    }
    Err(LoadError::type_load(format!(
        "mscorlib does not fit this runtime: {} has no field {name}",
        class.full_name()
    )))
}

macro_rules! offsets {
    ($($field:ident = $class:ident . $name:literal;)*) => {
        /// The offsets.
        #[derive(Debug)]
        #[allow(missing_docs)]
        pub struct Offsets { $(pub $field: u32,)* }

        fn find() -> Result<Offsets> {
            let known = &types().known;
            Ok(Offsets { $($field: offset_of(known.$class(), $name)?,)* })
        }
    };
}

offsets! {
    exception_message = exception."_message";
    exception_inner = exception."_innerException";
    exception_stack_trace = exception."_stackTrace";
    exception_hresult = exception."_HResult";
    wrapped_object = wrapped_exception."_wrappedException";
    delegate_target = delegate."m_target";
    delegate_code = delegate."method_ptr";
    delegate_method = delegate."method";
    delegate_shape = delegate."extra_arg";
    delegate_virtual = delegate."method_is_virtual";
    delegate_list = multicast_delegate."delegates";
    type_handle = runtime_type."_impl";
    thread_internal = thread."internal_thread";
    internal_thread_id = internal_thread."thread_id";
    internal_thread_managed_id = internal_thread."managed_id";
    internal_thread_state = internal_thread."state";
    string_length = string."_stringLength";
    string_first = string."_firstChar";
}

static OFFSETS: OnceLock<Offsets> = OnceLock::new();

/// Finds all offsets and checks those that compiled code has built in.
pub fn check() -> Result<()> {
    let found = find()?;
    if found.string_length != LENGTH || found.string_first != STRING_CHARS {
        return Err(LoadError::type_load(
            "mscorlib does not fit this runtime: System.String has other fields",
        ));
    }
    let _ = OFFSETS.set(found);
    Ok(())
}

/// The offsets, once [`check`] has run.
pub fn offsets() -> &'static Offsets {
    OFFSETS.get().expect("offsets are checked at start")
}
