//! Sizes and field offsets.
//!
//! Classes: the base class's fields first, then references, then the rest by falling size (automatic layout) or in order
//! (sequential), or where the metadata say (explicit). Value types are sequential unless explicit, as native code expects.
//! Statics without references lie in native memory; those with references in one non-moving object for each class;
//! thread statics in one object for each class and thread.

use super::error::{LoadError, Result};
use super::member::Field;
use super::ty::{Kind, Type, TypeKey};
use crate::metadata::{TypeAttributes, sig::Prim};
use isthmus_runtime_abi::layout::{HEADER, OBJECT_ALIGN};
use isthmus_runtime_abi::types::{Leaf, MemTy, StructLayout};
use rustc_hash::FxHashMap;
use std::sync::Arc;

const WORD: u32 = size_of::<usize>() as u32;

/// Where a field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Offset from the object's header, or from the start of a value.
    Instance(u32),
    /// Offset in the class's native statics.
    Static(u32),
    /// Offset from the header of the class's statics object.
    RefStatic(u32),
    /// Offset from the header of the class's thread-statics object.
    ThreadStatic(u32),
    /// In the image.
    Data,
    /// A compile-time constant: nowhere.
    Literal,
}

/// An area of static fields.
#[derive(Clone, Debug, Default)]
pub struct Area {
    /// Bytes, header included for objects.
    pub size: u32,
    /// Offsets of references in it.
    pub refs: Vec<u32>,
}

/// Sizes and offsets of a type.
#[derive(Debug)]
pub struct Layout {
    /// Classes: bytes of an instance with header, rounded up. Values: bytes of the value.
    pub size: u32,
    /// Classes: bytes used by fields before rounding, where a derived class goes on.
    end: u32,
    /// Alignment.
    pub align: u32,
    /// Offsets of references: from the header for classes, from the start for values.
    pub refs: Vec<u32>,
    /// For value types, what compilers need.
    pub value: Option<Arc<StructLayout>>,
    /// Own instance fields by row.
    places: FxHashMap<u32, Place>,
}

/// The static fields of a type. Apart from [`Layout`], because a static may be of the type itself.
#[derive(Debug)]
pub struct Statics {
    /// Without references, in native memory.
    pub plain: Area,
    /// With references, in an object.
    pub refs: Area,
    /// Those of each thread, in an object.
    pub thread: Area,
    /// Own static fields by row.
    places: FxHashMap<u32, Place>,
}

impl Layout {
    /// Where the fields of a class end, its base classes' among them; from the header.
    pub fn fields_end(&self) -> u32 {
        self.end
    }
}

impl Field {
    /// Where the field is.
    pub fn place(&self) -> Result<Place> {
        let owner = super::types().ty(self.owner.id);
        let places = if self.is_static() {
            &owner.statics()?.places
        } else {
            &owner.layout()?.places
        };
        places
            .get(&self.rid)
            .copied()
            .ok_or_else(|| LoadError::type_load(format!("{self:?} has no place")))
    }
}

impl Type {
    /// The type of a location that holds a value of this type.
    pub fn mem_ty(&self) -> MemTy {
        use Prim::*;
        if let Some(p) = self.prim {
            return match p {
                Boolean | U1 => MemTy::U8,
                Char | U2 => MemTy::U16,
                I1 => MemTy::I8,
                I2 => MemTy::I16,
                I4 | U4 => MemTy::I32,
                I8 | U8 => MemTy::I64,
                R4 => MemTy::F32,
                R8 => MemTy::F64,
                I | U => MemTy::Native,
                String | Object => MemTy::Ref,
                TypedByRef => MemTy::Struct(self.id),
                Void => MemTy::Native,
            };
        }
        match self.kind {
            Kind::Enum => super::types().ty(self.id).underlying().mem_ty_of_enum(),
            Kind::Value => MemTy::Struct(self.id),
            Kind::Pointer if matches!(self.key, TypeKey::ByRef(_)) => MemTy::ByRef,
            Kind::Pointer => MemTy::Native,
            _ => MemTy::Ref,
        }
    }

    fn mem_ty_of_enum(&self) -> MemTy {
        // An enum without an integer field is broken metadata; 32 bits is what such enums get.
        if self.kind == Kind::Enum {
            MemTy::I32
        } else {
            self.mem_ty()
        }
    }

    /// (size, alignment) of a location of this type.
    pub fn size_align(&self) -> Result<(u32, u32)> {
        match self.mem_ty() {
            MemTy::Struct(id) => {
                let l = super::types().ty(id).layout()?;
                Ok((l.size, l.align))
            }
            scalar => {
                let size = scalar.scalar_size(WORD).unwrap_or(WORD);
                Ok((size, size))
            }
        }
    }

    /// Whether a location of this type holds references.
    pub fn has_refs(&self) -> Result<bool> {
        Ok(match self.mem_ty() {
            MemTy::Ref => true,
            MemTy::Struct(id) => !super::types().ty(id).layout()?.refs.is_empty(),
            _ => false,
        })
    }

    /// Layout of a value type as compilers need it; scalars count as structs of one leaf.
    pub fn struct_layout(&'static self) -> Result<Arc<StructLayout>> {
        match self.mem_ty() {
            MemTy::Struct(_) => self
                .layout()?
                .value
                .clone()
                .ok_or_else(|| LoadError::type_load(format!("{self:?} is no value type"))),
            ty => {
                let size = ty.scalar_size(WORD).unwrap_or(WORD);
                Ok(Arc::new(StructLayout {
                    size,
                    align: size,
                    leaves: vec![Leaf { offset: 0, ty }],
                    has_refs: ty == MemTy::Ref,
                    has_byrefs: ty == MemTy::ByRef,
                    overlapping: false,
                }))
            }
        }
    }
}

/// Offset of the references inside a location of type `ty` at `at`.
fn refs_inside(ty: &'static Type, at: u32, out: &mut Vec<u32>) -> Result<()> {
    match ty.mem_ty() {
        MemTy::Ref => out.push(at),
        MemTy::Struct(id) => {
            out.extend(super::types().ty(id).layout()?.refs.iter().map(|r| at + r))
        }
        _ => {}
    }
    Ok(())
}

/// Scalars inside a location.
fn leaves_inside(ty: &'static Type, at: u32, out: &mut StructLayout) -> Result<()> {
    match ty.mem_ty() {
        MemTy::Struct(id) => {
            let inner = super::types().ty(id).struct_layout()?;
            out.leaves.extend(inner.leaves.iter().map(|l| Leaf {
                offset: at + l.offset,
                ty: l.ty,
            }));
            out.overlapping |= inner.overlapping;
            out.has_byrefs |= inner.has_byrefs;
        }
        ty => {
            out.has_byrefs |= ty == MemTy::ByRef;
            out.leaves.push(Leaf { offset: at, ty });
        }
    }
    Ok(())
}

impl Area {
    fn add(&mut self, ty: &'static Type) -> Result<u32> {
        let (size, align) = ty.size_align()?;
        let at = self.size.next_multiple_of(align.max(1));
        refs_inside(ty, at, &mut self.refs)?;
        self.size = at + size;
        Ok(at)
    }
}

/// Computes where the static fields of a type go.
pub fn compute_statics(ty: &'static Type) -> Result<Statics> {
    let object = || Area {
        size: HEADER,
        refs: Vec::new(),
    };
    let mut out = Statics {
        plain: Area::default(),
        refs: object(),
        thread: object(),
        places: FxHashMap::default(),
    };
    for f in ty.fields()?.iter().filter(|f| f.is_static()) {
        let place = if f.is_literal() {
            Place::Literal
        } else if f.has_rva() {
            Place::Data
        } else if f.is_thread_static {
            Place::ThreadStatic(out.thread.add(f.ty()?)?)
        } else if f.ty()?.has_refs()? {
            Place::RefStatic(out.refs.add(f.ty()?)?)
        } else {
            Place::Static(out.plain.add(f.ty()?)?)
        };
        out.places.insert(f.rid, place);
    }
    Ok(out)
}

/// Computes the layout of a type.
pub fn compute(ty: &'static Type) -> Result<Layout> {
    let mut out = Layout {
        size: HEADER,
        end: HEADER,
        align: WORD,
        refs: Vec::new(),
        value: None,
        places: FxHashMap::default(),
    };
    if ty.mem_ty() == MemTy::Struct(ty.id) && ty.prim == Some(Prim::TypedByRef) {
        return typed_reference(out);
    }
    if ty.assembly.is_none() {
        return Ok(out);
    }
    let too_large = || LoadError::type_load(format!("{} is too large", ty.full_name()));
    let is_value = ty.is_value();
    let mut start = if is_value { 0 } else { HEADER };
    if !is_value && let Some(parent) = ty.parent()? {
        let p = parent.layout()?;
        start = p.end;
        out.refs = p.refs.clone();
    }
    let fields = ty.fields()?;
    let a = ty.assembly.expect("checked above");
    let row = a.image.type_def(ty.rid)?;
    let class_layout = row.layout()?;
    let pack = class_layout
        .as_ref()
        .map_or(0, |l| u32::from(l.packing_size()));
    let pack = if pack == 0 { 8 } else { pack.min(8) };
    let explicit = ty.flags.contains(TypeAttributes::EXPLICIT_LAYOUT);
    let sequential = is_value || ty.flags.contains(TypeAttributes::SEQUENTIAL_LAYOUT);

    struct Entry {
        field: &'static Field,
        ty: &'static Type,
        size: u32,
        align: u32,
    }
    let mut entries = Vec::new();
    for &field in fields.iter().filter(|f| !f.is_static()) {
        let fty = field.ty()?;
        if is_value && ty.prim.is_some() && fty == ty {
            // A primitive's own field is of its own type: the scalar itself.
            out.places.insert(field.rid, Place::Instance(0));
            continue;
        }
        let (size, align) = fty.size_align()?;
        entries.push(Entry {
            field,
            ty: fty,
            size,
            align: align.min(pack).max(1),
        });
    }
    if !explicit && !sequential {
        // References first, then by falling size; the sort is stable.
        entries.sort_by_key(|e| (e.ty.mem_ty() != MemTy::Ref, std::cmp::Reverse(e.size)));
    }
    let mut end = start;
    let mut align = if is_value { 1 } else { WORD };
    let mut value = StructLayout::default();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for e in &entries {
        let at = if explicit {
            let offset = e.field.row_offset()?.unwrap_or(0);
            // Offsets count from the first byte after the header, also over the fields of a base class (as in Mono).
            (if is_value { 0 } else { HEADER })
                .checked_add(offset)
                .ok_or_else(too_large)?
        } else {
            end.checked_next_multiple_of(e.align)
                .ok_or_else(too_large)?
        };
        let stop = at
            .checked_add(e.size)
            .filter(|&s| s < 1 << 30)
            .ok_or_else(too_large)?;
        end = end.max(stop);
        align = align.max(e.align);
        out.places.insert(e.field.rid, Place::Instance(at));
        refs_inside(e.ty, at, &mut out.refs)?;
        if is_value {
            value.overlapping |= ranges.iter().any(|&(s, t)| at < t && s < stop);
            ranges.push((at, stop));
            leaves_inside(e.ty, at, &mut value)?;
        }
    }
    if explicit {
        out.refs.sort_unstable();
        out.refs.dedup();
        if let Some(r) = out.refs.iter().find(|&&r| r % WORD != 0) {
            return Err(LoadError::type_load(format!(
                "{}: a reference at offset {r} is not aligned",
                ty.full_name()
            )));
        }
    }
    let declared = class_layout.map_or(0, |l| l.class_size());
    if is_value {
        if let Some(scalar) = ty.prim.and(ty.mem_ty().scalar_size(WORD)) {
            end = end.max(scalar);
            align = align.max(scalar);
            value.leaves = vec![Leaf {
                offset: 0,
                ty: ty.mem_ty(),
            }];
        }
        // A size that is declared stands, unless references in arrays would lie across words (as in Mono).
        let size = if declared >= end.max(1) && (out.refs.is_empty() || declared % WORD == 0) {
            declared
        } else {
            end.max(1)
                .checked_next_multiple_of(align)
                .ok_or_else(too_large)?
                .max(declared)
        };
        // Bytes behind the fields belong to the value too (fixed buffers): it is never copied by its scalars.
        value.overlapping |= size - end >= align.max(1) && declared != 0;
        value.leaves.sort_by_key(|l| l.offset);
        value.size = size;
        value.align = align;
        value.has_refs = !out.refs.is_empty();
        (out.size, out.end, out.align) = (size, size, align);
        out.value = Some(Arc::new(value));
    } else {
        end = end.max(start.saturating_add(declared).min(1 << 30));
        (out.size, out.end) = (
            end.checked_next_multiple_of(OBJECT_ALIGN)
                .ok_or_else(too_large)?,
            end,
        );
    }
    Ok(out)
}

/// `TypedReference` is {type, address of the value} here, whatever corlib's private fields say.
fn typed_reference(mut out: Layout) -> Result<Layout> {
    let leaves = vec![
        Leaf {
            offset: 0,
            ty: MemTy::Native,
        },
        Leaf {
            offset: WORD,
            ty: MemTy::ByRef,
        },
    ];
    (out.size, out.end) = (2 * WORD, 2 * WORD);
    out.value = Some(Arc::new(StructLayout {
        size: 2 * WORD,
        align: WORD,
        leaves,
        has_byrefs: true,
        ..Default::default()
    }));
    Ok(out)
}

impl Field {
    /// The explicit offset in the metadata.
    fn row_offset(&self) -> Result<Option<u32>> {
        let a = self.owner.assembly.expect("fields belong to definitions");
        Ok(a.image.field(self.rid)?.layout()?.map(|l| l.offset()))
    }
}
