//! Reading builder objects: fields by name, lists, and what a `Type` object stands for.
//!
//! References are only held in locals (see [`Cx`]); lists are walked by index.

use crate::icalls::handle;
use crate::types::{LoadError, LoadErrorKind, Type, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::{Ref, Thrown};
use std::sync::OnceLock;

/// Reads fields of an object by name, or of a struct in an array, which has no header.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    cx: &'a Cx<'a>,
    /// The object's class, or the struct.
    pub class: &'static Type,
    /// Where offsets count from.
    base: usize,
}

impl<'a> Fields<'a> {
    /// Of an object; null is a NullReferenceException.
    pub fn of(cx: &'a Cx<'a>, object: Ref) -> Result<Fields<'a>> {
        if object.is_null() {
            return Err(cx.null_reference());
        }
        Ok(Fields {
            cx,
            class: cx.type_of(object),
            base: object.addr(),
        })
    }

    /// The structs in an array; none in no array. The array must stay in a local of the caller.
    pub fn of_array(cx: &'a Cx<'a>, array: Ref) -> Vec<Fields<'a>> {
        let Some(class) = (!array.is_null())
            .then(|| cx.type_of(array).element())
            .flatten()
        else {
            return Vec::new();
        };
        let size = class.size_align().map_or(0, |s| s.0 as usize);
        let at = |i| Fields {
            cx,
            class,
            base: cx.data(array) + i * size,
        };
        (0..cx.length(array)).map(at).collect()
    }

    /// The value of a field of type `T`.
    pub fn get<T: Copy>(&self, name: &str) -> Result<T> {
        let offset = offset_of(self.class, name).map_err(|e| self.cx.load_error(&e))?;
        // Offsets of structs are within the value.
        // SAFETY: a field of a live object or array element of that class; the callers name fields of type `T`.
        Ok(unsafe { std::ptr::read_unaligned((self.base + offset as usize) as *const T) })
    }

    /// The runtime type in a field.
    pub fn ty(&self, name: &str) -> Result<&'static Type> {
        handle::type_of_object(self.cx, self.get(name)?)
    }

    /// The text in a field of type `string`; empty for null.
    pub fn text(&self, name: &str) -> Result<String> {
        let text: Ref = self.get(name)?;
        Ok(self.cx.text(text))
    }

    /// Whether a field of type `bool` is set.
    pub fn is(&self, name: &str) -> Result<bool> {
        Ok(self.get::<u8>(name)? != 0)
    }

    /// The bytes in a field of type `byte[]`; none for null.
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let array: Ref = self.get(name)?;
        Ok((!array.is_null()).then(|| bytes_of(self.cx, array)))
    }
}

/// The bytes of a byte array.
pub fn bytes_of(cx: &Cx<'_>, array: Ref) -> Vec<u8> {
    // SAFETY: the bytes of a live array; nothing allocates on the managed heap while they are copied.
    unsafe { std::slice::from_raw_parts(cx.data(array) as *const u8, cx.length(array)) }.to_vec()
}

/// Number of elements of an array; none in no array.
pub fn length(cx: &Cx<'_>, array: Ref) -> usize {
    if array.is_null() { 0 } else { cx.length(array) }
}

/// The elements of an array that are not null, with their numbers.
pub fn elements<'a>(cx: &'a Cx<'a>, array: Ref) -> impl Iterator<Item = (usize, Ref)> + 'a {
    (0..length(cx, array))
        .map(move |i| (i, cx.element(array, i)))
        .filter(|(_, object)| !object.is_null())
}

macro_rules! classes {
    ($($field:ident = $ns:literal $name:literal;)*) => {
        /// Classes of `System.Reflection.Emit` and around it.
        #[allow(missing_docs)]
        pub struct Classes { $(pub $field: &'static Type,)* }

        impl Classes {
            fn find() -> Classes {
                Classes { $($field: reflect::class($ns, $name),)* }
            }
        }
    };
}

classes! {
    type_builder = "System.Reflection.Emit" "TypeBuilder";
    enum_builder = "System.Reflection.Emit" "EnumBuilder";
    method_builder = "System.Reflection.Emit" "MethodBuilder";
    constructor_builder = "System.Reflection.Emit" "ConstructorBuilder";
    field_builder = "System.Reflection.Emit" "FieldBuilder";
    generic_parameter = "System.Reflection.Emit" "GenericTypeParameterBuilder";
    instantiation = "System.Reflection.Emit" "TypeBuilderInstantiation";
    array_type = "System.Reflection.Emit" "ArrayType";
    by_ref_type = "System.Reflection.Emit" "ByRefType";
    pointer_type = "System.Reflection.Emit" "PointerType";
    method_of_instantiation = "System.Reflection.Emit" "MethodOnTypeBuilderInst";
    constructor_of_instantiation = "System.Reflection.Emit" "ConstructorOnTypeBuilderInst";
    field_of_instantiation = "System.Reflection.Emit" "FieldOnTypeBuilderInst";
    property_builder = "System.Reflection.Emit" "PropertyBuilder";
    signature_helper = "System.Reflection.Emit" "SignatureHelper";
    array_method = "System.Reflection" "MonoArrayMethod";
    assembly_builder = "System.Reflection.Emit" "AssemblyBuilder";
    module_builder = "System.Reflection.Emit" "ModuleBuilder";
    dynamic_method = "System.Reflection.Emit" "DynamicMethod";
}

/// The classes, looked up once.
pub fn classes() -> &'static Classes {
    static FOUND: OnceLock<Classes> = OnceLock::new();
    FOUND.get_or_init(Classes::find)
}

/// What a `Type` object stands for.
#[derive(Clone, Copy)]
pub enum TypeShape {
    /// A type of the runtime.
    Runtime(&'static Type),
    /// A `TypeBuilder`.
    Builder(Ref),
    /// A generic parameter of a type under construction.
    Var(u32),
    /// A generic parameter of a method under construction.
    MVar(u32),
    /// A definition with arguments (an array of `Type`).
    Instance(Ref, Ref),
    /// A one-dimensional array.
    SzArray(Ref),
    /// An array of a rank.
    Array(Ref, u32),
    /// A managed pointer.
    ByRef(Ref),
    /// A pointer.
    Pointer(Ref),
}

/// The shape of a `Type` object.
pub fn shape(cx: &Cx<'_>, object: Ref) -> Result<TypeShape> {
    let fields = Fields::of(cx, object)?;
    let known = classes();
    let class = fields.class;
    let base = || fields.get::<Ref>("m_baseType");
    Ok(if class.is_assignable_to(types().known.runtime_type()) {
        TypeShape::Runtime(handle::type_of_object(cx, object)?)
    } else if class == known.type_builder {
        TypeShape::Builder(object)
    } else if class == known.enum_builder {
        TypeShape::Builder(fields.get("_tb")?)
    } else if class == known.generic_parameter {
        let index = fields.get::<i32>("index")? as u32;
        match fields.get::<Ref>("mbuilder")? {
            Ref::NULL => TypeShape::Var(index),
            _ => TypeShape::MVar(index),
        }
    } else if class == known.instantiation {
        TypeShape::Instance(fields.get("generic_type")?, fields.get("type_arguments")?)
    } else if class == known.array_type {
        match fields.get::<i32>("rank")? {
            0 => TypeShape::SzArray(base()?),
            rank => TypeShape::Array(base()?, rank as u32),
        }
    } else if class == known.by_ref_type {
        TypeShape::ByRef(base()?)
    } else if class == known.pointer_type {
        TypeShape::Pointer(base()?)
    } else {
        let text = format!("{} is not a type that can be emitted", class.full_name());
        return Err(cx.exception("System", "NotSupportedException", &text));
    })
}

/// Whether a `TypeBuilder` builds a value type: what its parent says.
pub fn builds_value(cx: &Cx<'_>, builder: Ref) -> Result<bool> {
    let parent: Ref = Fields::of(cx, builder)?.get("parent")?;
    if parent.is_null() || cx.type_of(parent) != types().known.runtime_type() {
        return Ok(false);
    }
    let parent = handle::type_of_object(cx, parent)?;
    Ok(parent == types().known.value_type() || parent == types().known.enum_())
}

/// What makes emitted metadata invalid.
pub fn invalid(cx: &Cx<'_>, text: &str) -> Thrown {
    cx.load_error(&LoadError::new(LoadErrorKind::InvalidProgram, text))
}
