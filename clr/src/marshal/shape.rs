//! The native form of structures and of classes with a layout.
//!
//! It follows C's rules from the declared order, `Pack`, explicit offsets and `MarshalAs`. Shapes are made once for each type.

use super::form::{self, Form, Load, Place, layout, unsupported};
use crate::metadata::{Row, TypeAttributes};
use crate::types::layout::Place as FieldPlace;
use crate::types::{Field, Kind, LoadError, LoadErrorKind, Type, types};
use isthmus_interop::layout::{Layout, Member};
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::HEADER;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Structures inside each other, at most: a class may hold itself.
const DEEPEST: u32 = 64;

/// A field with its place in both forms.
#[derive(Debug)]
pub struct Part {
    /// The field.
    pub field: &'static Field,
    /// Its form.
    pub form: Form,
    /// Offset in the native form.
    pub native: u32,
    /// Offset from the start of the value (of the first field, in classes).
    pub managed: u32,
}

/// The native form of a structure.
#[derive(Debug)]
pub struct Shape {
    /// The type.
    pub ty: &'static Type,
    /// Fields, those of base classes first.
    pub parts: Vec<Part>,
    /// Bytes.
    pub size: u32,
    /// Alignment.
    pub align: u32,
    /// Whether the managed form has the same bytes.
    pub blittable: bool,
    /// As C sees it.
    pub layout: Layout,
}

static SHAPES: Mutex<Option<FxHashMap<TypeId, &'static Shape>>> = Mutex::new(None);

/// A type that has no native form.
pub fn no_layout(ty: &Type) -> LoadError {
    LoadError::new(
        LoadErrorKind::Argument,
        format!(
            "Type {} cannot be marshaled as an unmanaged structure.",
            ty.full_name()
        ),
    )
}

/// The shape of a value type.
pub fn of_value(ty: &'static Type, depth: u32) -> Load<&'static Shape> {
    of(ty, depth)
}

/// The shape of a class that has a layout.
pub fn of_class(ty: &'static Type, depth: u32) -> Load<&'static Shape> {
    let laid_out = TypeAttributes::SEQUENTIAL_LAYOUT | TypeAttributes::EXPLICIT_LAYOUT;
    match ty.flags.intersects(laid_out) && ty.assembly.is_some() {
        true => of(ty, depth),
        false => Err(unsupported(ty)),
    }
}

fn of(ty: &'static Type, depth: u32) -> Load<&'static Shape> {
    if let Some(shape) = SHAPES.lock().get_or_insert_default().get(&ty.id) {
        return Ok(shape);
    }
    if depth > DEEPEST {
        return Err(unsupported(ty));
    }
    let shape: &'static Shape = Box::leak(Box::new(make(ty, depth)?));
    Ok(SHAPES
        .lock()
        .get_or_insert_default()
        .entry(ty.id)
        .or_insert(shape))
}

/// What is gathered of a shape.
struct Draft {
    parts: Vec<Part>,
    size: u32,
    align: u32,
}

fn make(ty: &'static Type, depth: u32) -> Load<Shape> {
    let draft = draft(ty, depth)?;
    let members = draft.parts.iter().map(|p| Member {
        name: p.field.name.to_owned(),
        offset: p.native,
        layout: layout(p.form),
    });
    let same = |p: &Part| form::is_same(p.form) && p.native == p.managed;
    let managed = match ty.is_value() {
        true => ty.size_align()?.0,
        // What follows the last field of an object is nobody's.
        false => draft.size,
    };
    let overlap = ty.flags.contains(TypeAttributes::EXPLICIT_LAYOUT);
    // A structure that the layout rules of the VM and of C see alike, as far as its fields go.
    let blittable =
        draft.parts.iter().all(same) && (managed == draft.size || overlap && managed <= draft.size);
    Ok(Shape {
        ty,
        blittable,
        layout: Layout::explicit(members.collect(), draft.size, draft.align),
        parts: draft.parts,
        size: draft.size,
        align: draft.align,
    })
}

fn draft(ty: &'static Type, depth: u32) -> Load<Draft> {
    let a = ty.assembly.ok_or_else(|| no_layout(ty))?;
    let explicit = ty.flags.contains(TypeAttributes::EXPLICIT_LAYOUT);
    let unicode = ty.flags.contains(TypeAttributes::UNICODE_CLASS);
    let declared = a.image.type_def(ty.rid)?.layout()?;
    let pack = declared.as_ref().map_or(0, |l| u32::from(l.packing_size()));
    let pack = if pack == 0 { 8 } else { pack };
    let mut draft = Draft {
        parts: Vec::new(),
        size: 0,
        align: 1,
    };
    // What base classes take.
    let mut inherited = 0;
    if !ty.is_value()
        && let Some(parent) = ty.parent()?.filter(|p| *p != types().known.object())
    {
        draft = self::draft(parent, depth + 1)?;
        inherited = draft.size;
    }
    for &field in ty.fields()?.iter().filter(|f| !f.is_static()) {
        let row = a.image.field(field.rid)?;
        let marshal = match a.image.marshal_of(row.token())? {
            Some(m) => Some(m.descriptor()?),
            None => None,
        };
        let place = Place {
            unicode,
            inside: true,
            home: Some(a),
            depth: depth + 1,
        };
        let field_ty = field.ty()?;
        let form = match narrow_buffer(field, field_ty)?.filter(|_| !unicode) {
            Some(length) => Form::FixedBytes(length),
            None => form::form_of(field_ty, marshal, place)?,
        };
        let (size, align) = form::measure(form);
        let align = align.min(pack).max(1);
        let native = match row.layout()? {
            Some(l) if explicit => l.offset(),
            _ => draft.size.next_multiple_of(align),
        };
        let FieldPlace::Instance(managed) = field.place()? else {
            return Err(no_layout(ty));
        };
        let start = if ty.is_value() { 0 } else { HEADER };
        draft.parts.push(Part {
            field,
            form,
            native,
            managed: managed - start,
        });
        draft.size = draft.size.max(native.saturating_add(size));
        draft.align = draft.align.max(align);
    }
    let declared = match declared.map_or(0, |l| l.class_size()) {
        0 => 0,
        own => inherited.saturating_add(own),
    };
    // A size that is declared is taken as it is, if all fields fit. Like C++, Mono gives a structure without fields a byte.
    draft.size = match declared >= draft.size {
        true => declared.max(1),
        false => draft.size.next_multiple_of(draft.align),
    };
    Ok(draft)
}

/// The number of characters of a `fixed char` buffer.
fn narrow_buffer(field: &'static Field, ty: &'static Type) -> Load<Option<u32>> {
    let Some(a) = field.owner.assembly.filter(|_| ty.kind == Kind::Value) else {
        return Ok(None);
    };
    let row = a.image.field(field.rid)?;
    if !a.has_attribute(
        row.token(),
        "System.Runtime.CompilerServices",
        "FixedBufferAttribute",
    ) {
        return Ok(None);
    }
    let char = types().known.char();
    let fields = ty.fields()?;
    let of_chars = fields
        .iter()
        .any(|f| !f.is_static() && f.ty().is_ok_and(|t| t == char));
    Ok(of_chars.then_some(ty.size_align()?.0 / 2))
}

/// Bytes of one value in native memory, for any type that has a native form (`Marshal.SizeOf`).
pub fn size_of(ty: &'static Type) -> Load<u32> {
    if ty.prim.is_some() || ty.kind == Kind::Enum {
        let place = Place {
            unicode: false,
            inside: true,
            home: None,
            depth: 0,
        };
        return Ok(form::measure(form::form_of(ty, None, place)?).0);
    }
    Ok(of_layout(ty)?.size)
}

/// The shape of a type that says how it is laid out.
pub fn of_layout(ty: &'static Type) -> Load<&'static Shape> {
    let laid_out = TypeAttributes::SEQUENTIAL_LAYOUT | TypeAttributes::EXPLICIT_LAYOUT;
    let generic = matches!(ty.key, crate::types::TypeKey::Inst(..));
    if ty.assembly.is_none() || !ty.flags.intersects(laid_out) || generic {
        return Err(no_layout(ty));
    }
    of(ty, 0).map_err(|e| match e.kind {
        LoadErrorKind::MarshalDirective => no_layout(ty),
        _ => e,
    })
}
