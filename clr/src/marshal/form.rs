//! The native form of a type at a place.

use super::custom::Custom;
use super::shape::{self, Shape};
use crate::metadata::{Marshal, native};
use crate::types::system::Assembly;
use crate::types::{Kind, LoadError, LoadErrorKind, Type, types};
use isthmus_interop::layout::{Layout, Value};
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::types::MemTy;

/// The architecture that native forms are for.
pub fn arch() -> Arch {
    Arch::host().unwrap_or(Arch::X64)
}

/// Bytes of a pointer.
pub const WORD: u32 = size_of::<usize>() as u32;

/// Bytes of a VARIANT, as Mono has them.
const VARIANT: u32 = 16;

/// How native text is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// UTF-8, ended by a zero byte. What "ANSI" means here.
    Utf8,
    /// UTF-16, ended by a zero unit.
    Utf16,
    /// UTF-16 after its length in bytes, ended by a zero unit too.
    Bstr,
    /// UTF-8 after its length.
    AnsiBstr,
}

/// The native form of a type. Sizes are in bytes.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// The same bits.
    Scalar(Value),
    /// Truth in 1, 2 or 4 bytes; two bytes have all ones for true.
    Bool(u32),
    /// A character as a byte.
    Byte,
    /// A pointer to text.
    Text(Encoding),
    /// So many characters in place, an ending zero among them; wide or not.
    FixedText(u32, bool),
    /// So many bytes in place of as many UTF-16 units in place (a `fixed char` buffer).
    FixedBytes(u32),
    /// So many elements in place.
    FixedArray(u32, &'static Element),
    /// A pointer to elements.
    Array(&'static Element),
    /// A pointer to a buffer of a `StringBuilder`.
    Builder(Encoding),
    /// A value type.
    Struct(&'static Shape),
    /// A value type, as a pointer.
    StructPointer(&'static Shape),
    /// A class with a layout, as a pointer.
    Class(&'static Shape),
    /// A class with a layout, in place.
    InlineClass(&'static Shape),
    /// A function pointer.
    Delegate(&'static Type),
    /// The handle of a `SafeHandle` or a `CriticalHandle`.
    Handle(&'static Type),
    /// The handle of a `HandleRef`.
    HandleRef,
    /// A `DateTime` as an OLE date.
    Date,
    /// Whatever an object is; character set.
    Any(bool),
    /// What a marshaler makes.
    Custom(&'static Custom),
    /// An interface pointer or variant of COM of so many bytes: there is no COM, so only null crosses.
    Com(u32),
}

/// Elements of an array.
#[derive(Debug)]
pub struct Element {
    /// Their type.
    pub ty: &'static Type,
    /// Their form.
    pub form: Form,
    /// Bytes of a managed one.
    pub managed: u32,
    /// Bytes of a native one.
    pub native: u32,
}

/// Where something is marshalled.
#[derive(Clone, Copy)]
pub struct Place {
    /// Whether text is UTF-16 where nothing else is said.
    pub unicode: bool,
    /// Whether it is a field of a structure or an element: no place for what needs a call's parameters.
    pub inside: bool,
    /// The assembly that says so.
    pub home: Option<&'static Assembly>,
    /// Structures around it.
    pub depth: u32,
}

/// Result of looking at types.
pub type Load<T> = crate::types::Result<T>;

/// A type that cannot be marshalled so.
pub fn unsupported(ty: &Type) -> LoadError {
    LoadError::new(
        LoadErrorKind::MarshalDirective,
        format!(
            "Cannot marshal '{}': Invalid managed/unmanaged type combination.",
            ty.full_name()
        ),
    )
}

fn directive(message: &str) -> LoadError {
    LoadError::new(LoadErrorKind::MarshalDirective, message)
}

/// Whether a type is derived from a class of the class library.
fn derives(ty: &'static Type, namespace: &str, name: &str) -> bool {
    std::iter::once(ty)
        .chain(ty.ancestors())
        .any(|t| t.is_corlib(namespace, name))
}

/// Whether a class is one of handles that are closed when nobody uses them.
pub fn is_handle(ty: &'static Type) -> bool {
    const SPACE: &str = "System.Runtime.InteropServices";
    derives(ty, SPACE, "SafeHandle") || derives(ty, SPACE, "CriticalHandle")
}

/// Whether a class is one of delegates, or their base.
pub fn is_delegate(ty: &'static Type) -> bool {
    let delegate = types().known.delegate();
    ty == delegate || ty.ancestors().any(|t| t == delegate)
}

/// How text of a marshalling kind is encoded; `None`: text is not marshalled so.
fn encoding(kind: Option<u8>, unicode: bool) -> Option<Encoding> {
    Some(match kind {
        Some(native::LPSTR | native::UTF8_STR) => Encoding::Utf8,
        Some(native::LPWSTR) => Encoding::Utf16,
        Some(native::BSTR | native::TBSTR) => Encoding::Bstr,
        Some(native::ANSI_BSTR) => Encoding::AnsiBstr,
        None | Some(native::LPTSTR | native::MAX) => match unicode {
            true => Encoding::Utf16,
            false => Encoding::Utf8,
        },
        Some(_) => return None,
    })
}

/// The form of elements.
pub fn element(ty: &'static Type, kind: Option<u8>, place: Place) -> Load<&'static Element> {
    let place = Place {
        inside: true,
        depth: place.depth + 1,
        ..place
    };
    let form = form_of(ty, kind.map(Marshal::Simple), place)?;
    Ok(Box::leak(Box::new(Element {
        ty,
        form,
        managed: ty.size_align()?.0,
        native: measure(form).0,
    })))
}

/// The native form of a type.
pub fn form_of(ty: &'static Type, marshal: Option<Marshal<'static>>, place: Place) -> Load<Form> {
    let known = &types().known;
    let kind = match marshal {
        Some(Marshal::Simple(n)) => Some(n),
        _ => None,
    };
    if let Some(Marshal::Custom(custom)) = marshal {
        let home = place.home.ok_or_else(|| unsupported(ty))?;
        return Ok(Form::Custom(Custom::new(custom, home)));
    }
    match marshal {
        Some(Marshal::Interface { .. }) if ty.is_reference() => return Ok(Form::Com(WORD)),
        Some(Marshal::Interface { .. } | Marshal::SafeArray { .. }) => return Err(unsupported(ty)),
        _ => {}
    }
    if ty == known.boolean() {
        return Ok(Form::Bool(match kind {
            Some(native::U1 | native::I1) => 1,
            Some(native::VARIANT_BOOL) => 2,
            None
            | Some(native::BOOLEAN | native::I4 | native::U4 | native::ERROR | native::MAX) => 4,
            Some(_) => return Err(unsupported(ty)),
        }));
    }
    if ty == known.char() {
        return Ok(match kind {
            Some(native::U2 | native::I2) => Form::Scalar(Value::U16),
            Some(native::U1 | native::I1) => Form::Byte,
            _ if place.unicode => Form::Scalar(Value::U16),
            _ => Form::Byte,
        });
    }
    if ty == known.string() {
        if let Some(Marshal::FixedString { size }) = marshal {
            return Ok(Form::FixedText(size, place.unicode));
        }
        let encoding = encoding(kind, place.unicode);
        return encoding.map(Form::Text).ok_or_else(|| unsupported(ty));
    }
    if ty.is_corlib("System.Text", "StringBuilder") {
        let encoding = encoding(kind, place.unicode);
        return encoding.map(Form::Builder).ok_or_else(|| unsupported(ty));
    }
    if ty.is_corlib("System", "DateTime") {
        return Ok(Form::Date);
    }
    if ty.is_corlib("System.Runtime.InteropServices", "HandleRef") {
        return Ok(Form::HandleRef);
    }
    match ty.mem_ty() {
        MemTy::Ref => reference(ty, marshal, kind, place),
        MemTy::ByRef => Err(unsupported(ty)),
        MemTy::Struct(_) => {
            let shape = shape::of_value(ty, place.depth)?;
            Ok(match kind {
                Some(native::LPSTRUCT) => Form::StructPointer(shape),
                _ => Form::Struct(shape),
            })
        }
        scalar => value_of(scalar)
            .map(Form::Scalar)
            .ok_or_else(|| unsupported(ty)),
    }
}

/// The form of a class or array.
fn reference(
    ty: &'static Type,
    marshal: Option<Marshal<'static>>,
    kind: Option<u8>,
    place: Place,
) -> Load<Form> {
    if let (Kind::Array, Some(item)) = (ty.kind, ty.element()) {
        return match marshal {
            Some(Marshal::FixedArray {
                size,
                element: kind,
            }) if place.inside => {
                let kind = kind.filter(|_| item.is_reference() || item == types().known.boolean());
                Ok(Form::FixedArray(size, element(item, kind, place)?))
            }
            _ if !ty.is_sz_array() => Err(unsupported(ty)),
            Some(Marshal::Array { element: kind, .. }) => {
                Ok(Form::Array(element(item, kind, place)?))
            }
            None => Ok(Form::Array(element(item, None, place)?)),
            Some(Marshal::Simple(native::ARRAY)) => Ok(Form::Array(element(item, None, place)?)),
            Some(_) => Err(unsupported(ty)),
        };
    }
    if is_delegate(ty) {
        return match kind {
            None | Some(native::FUNCTION) => Ok(Form::Delegate(ty)),
            Some(_) => Err(unsupported(ty)),
        };
    }
    if is_handle(ty) {
        return Ok(Form::Handle(ty));
    }
    if ty == types().known.object() {
        return match kind {
            Some(native::AS_ANY) if !place.inside => Ok(Form::Any(place.unicode)),
            Some(native::STRUCT) if place.inside => Ok(Form::Com(VARIANT)),
            _ => Err(unsupported(ty)),
        };
    }
    if ty.is_interface() {
        return Err(unsupported(ty));
    }
    let shape = shape::of_class(ty, place.depth)?;
    match (kind, place.inside) {
        (Some(native::LPSTRUCT), _) | (None, false) => Ok(Form::Class(shape)),
        (Some(native::STRUCT) | None, true) => Ok(Form::InlineClass(shape)),
        _ => Err(unsupported(ty)),
    }
}

/// The C scalar of a managed one.
pub fn value_of(ty: MemTy) -> Option<Value> {
    Some(match ty {
        MemTy::I8 => Value::I8,
        MemTy::U8 => Value::U8,
        MemTy::I16 => Value::I16,
        MemTy::U16 => Value::U16,
        MemTy::I32 => Value::I32,
        MemTy::I64 => Value::I64,
        MemTy::F32 => Value::F32,
        MemTy::F64 => Value::F64,
        MemTy::Native => Value::Ptr,
        MemTy::Ref | MemTy::ByRef | MemTy::Struct(_) => return None,
    })
}

/// The C type of a form.
pub fn layout(form: Form) -> Layout {
    match form {
        Form::Scalar(v) => v.into(),
        Form::Bool(1) | Form::Byte => Value::U8.into(),
        Form::Bool(2) => Value::I16.into(),
        Form::Bool(_) => Value::I32.into(),
        Form::FixedText(n, wide) => {
            let unit = if wide { Value::U16 } else { Value::U8 };
            Layout::array(unit.into(), n)
        }
        Form::FixedBytes(n) => Layout::array(Value::U8.into(), n),
        Form::FixedArray(n, element) => Layout::array(layout(element.form), n),
        Form::Struct(shape) | Form::InlineClass(shape) => shape.layout.clone(),
        Form::Date => Value::F64.into(),
        Form::Com(VARIANT) => Layout::array(Value::Ptr.into(), VARIANT / WORD),
        Form::Text(_)
        | Form::Array(_)
        | Form::Builder(_)
        | Form::StructPointer(_)
        | Form::Class(_)
        | Form::Delegate(_)
        | Form::Handle(_)
        | Form::HandleRef
        | Form::Any(_)
        | Form::Custom(_)
        | Form::Com(_) => Value::Ptr.into(),
    }
}

/// Size and alignment of a form.
pub fn measure(form: Form) -> (u32, u32) {
    let layout = layout(form);
    (layout.size(arch()), layout.align(arch()))
}

/// Whether a location of this form has the same bytes as the managed one, and nothing has to be done.
pub fn is_same(form: Form) -> bool {
    match form {
        Form::Scalar(_) => true,
        Form::Struct(shape) => shape.blittable,
        _ => false,
    }
}

/// An array parameter of a callback without a size.
pub fn no_size() -> LoadError {
    directive(
        "Either SizeConst or SizeParamIndex should be specified when marshalling arrays to managed code.",
    )
}

/// An array parameter whose size no parameter tells.
pub fn bad_size_index() -> LoadError {
    directive("Array size control parameter index is out of range.")
}

/// An array parameter whose size is told by something that is no integer.
pub fn bad_size_type() -> LoadError {
    directive("Array size control parameter must be an integral type.")
}

/// An array of a callback without `MarshalAs`, or by reference.
pub fn no_array_directive(by_ref: bool) -> LoadError {
    directive(match by_ref {
        true => "Byref array marshalling to managed code is not implemented.",
        false => "[MarshalAs] attribute required to marshal arrays to managed code.",
    })
}
