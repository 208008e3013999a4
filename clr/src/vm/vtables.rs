//! Vtables in memory: made from a type's plan when code first names them.

use super::contexts;
use super::env::MIN_OBJECT;
use super::runtime;
use crate::metadata::TypeAttributes;
use crate::types::ty::Kind;
use crate::types::{LoadError, Result, Type, TypeKey, types};
use isthmus_rt::vtables::VtableSpec;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::{self, VtableFlags, VtableHeader};
use rustc_hash::FxHashMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, RwLock};

/// Shape of instances, as the collector and allocation see it.
struct Shape {
    flags: VtableFlags,
    base_size: u32,
    component_size: u32,
    refs: Vec<u32>,
}

fn shape(ty: &'static Type) -> Result<Shape> {
    let mut flags = VtableFlags::empty();
    let known = &types().known;
    if let Some(element) = ty.element().filter(|_| ty.kind == Kind::Array) {
        let (size, _) = element.size_align()?;
        let refs = match element.mem_ty() {
            isthmus_runtime_abi::types::MemTy::Ref => vec![0],
            isthmus_runtime_abi::types::MemTy::Struct(_) => element.layout()?.refs.clone(),
            _ => Vec::new(),
        };
        flags |= if ty.is_sz_array() {
            VtableFlags::SZ_ARRAY
        } else {
            VtableFlags::MD_ARRAY
        };
        flags.set(VtableFlags::REF_ELEMENTS, element.is_reference());
        let base_size = if ty.is_sz_array() {
            layout::ARRAY_DATA
        } else {
            layout::md_data(ty.rank())
        };
        return Ok(Shape {
            flags,
            base_size,
            component_size: size,
            refs,
        });
    }
    let l = ty.layout()?;
    if ty == known.string() {
        return Ok(Shape {
            flags: VtableFlags::STRING,
            base_size: layout::STRING_CHARS,
            component_size: 2,
            refs: Vec::new(),
        });
    }
    let (base_size, refs) = if ty.is_value() {
        flags |= VtableFlags::VALUE_TYPE;
        let size = (layout::HEADER + l.size).next_multiple_of(layout::OBJECT_ALIGN);
        (size, l.refs.iter().map(|r| r + layout::HEADER).collect())
    } else {
        (l.size, l.refs.clone())
    };
    if ty.has_finalizer() {
        flags |= VtableFlags::FINALIZABLE;
        // Critical finalizers run after others, by contract. So do those of the class library: at the end of the program
        // finalizers of its own classes may still print.
        let critical = ty.ancestors().any(|t| t == known.critical_finalizer());
        let own = ty
            .assembly
            .is_some_and(|a| std::ptr::eq(a, types().corlib()));
        flags.set(VtableFlags::FINALIZE_LAST, critical || own);
    }
    Ok(Shape {
        flags,
        base_size: base_size.max(MIN_OBJECT),
        component_size: 0,
        refs,
    })
}

impl Type {
    /// Address of the vtable; made on first use.
    pub fn vtable_pointer(&'static self) -> Result<usize> {
        let found = self.vtable_address.load(Ordering::Acquire);
        if found != 0 {
            return Ok(found);
        }
        if self.is_open || self.is_shared {
            return Err(LoadError::type_load(format!(
                "{} has no instances",
                self.full_name()
            )));
        }
        crate::verify::loadable(self)?;
        // What other types' vtables are needed is made before the lock is taken.
        let parent = self.parent()?;
        let parent_vtable = parent.map(Type::vtable_pointer).transpose()?;
        let element = match self.element() {
            Some(e) if self.kind == Kind::Array && e.is_reference() => e.vtable_pointer()?,
            _ => 0,
        };
        let shape = shape(self)?;
        let slots = self.vtable()?.slots.len() as u32;

        static MAKING: Mutex<()> = Mutex::new(());
        let _making = MAKING.lock().unwrap_or_else(|e| e.into_inner());
        let found = self.vtable_address.load(Ordering::Acquire);
        if found != 0 {
            return Ok(found);
        }
        let spec = VtableSpec {
            slots,
            flags: shape.flags,
            base_size: shape.base_size,
            component_size: shape.component_size,
            refs: &shape.refs,
            parent: parent_vtable,
            element,
            class: std::ptr::from_ref(self) as usize,
            init_state: self.runtime.init.address(),
        };
        let vtable = runtime().new_vtable(&spec).ok_or_else(|| {
            LoadError::type_load(format!("no room for the vtable of {}", self.full_name()))
        })?;
        let contexts = self.make_context_row(self.class_depth());
        header(vtable)
            .generic_contexts
            .store(contexts, Ordering::Relaxed);
        self.vtable_address.store(vtable, Ordering::Release);
        note_class(self);
        Ok(vtable)
    }

    /// Contexts of the classes of the hierarchy by depth, if any is generic.
    fn make_context_row(&'static self, depth: u32) -> usize {
        let mut row = vec![0usize; depth as usize + 1];
        let mut any = false;
        for (up, class) in std::iter::once(self).chain(self.ancestors()).enumerate() {
            if matches!(class.key, TypeKey::Inst(..)) {
                row[depth as usize - up] = contexts::of_class(class);
                any = true;
            }
        }
        if any {
            Box::leak(row.into_boxed_slice()).as_ptr() as usize
        } else {
            0
        }
    }
}

fn header(vtable: usize) -> &'static VtableHeader {
    // SAFETY: vtables begin with this header and live for ever; its words are atomic.
    unsafe { &*(vtable as *const VtableHeader) }
}

/// For each class and interface the class with a vtable that is one, `None` if there are several.
type Classes = FxHashMap<TypeId, Option<&'static Type>>;
static CLASSES: RwLock<Option<Classes>> = RwLock::new(None);

/// Notes a class that may have objects from now on.
fn note_class(class: &'static Type) {
    if class.is_interface() || class.flags.contains(TypeAttributes::ABSTRACT) {
        return;
    }
    let mut classes = CLASSES.write().unwrap_or_else(|e| e.into_inner());
    let classes = classes.get_or_insert_default();
    let interfaces = class.interfaces().map_or(&[][..], |all| all);
    let all = [class].into_iter().chain(class.ancestors());
    for ty in all.chain(interfaces.iter().copied()) {
        let known = classes.entry(ty.id);
        known.and_modify(|c| *c = None).or_insert(Some(class));
    }
}

/// The class of all objects of this type, as far as there can be any by now.
pub fn only_class_of(ty: &'static Type) -> Option<&'static Type> {
    let classes = CLASSES.read().unwrap_or_else(|e| e.into_inner());
    *classes.as_ref()?.get(&ty.id)?
}

/// The type that a vtable belongs to.
///
/// # Safety
/// `vtable` must be the address of a vtable made here for a type.
pub unsafe fn type_of_vtable(vtable: usize) -> &'static Type {
    // SAFETY: the class word of such a vtable holds the address of its leaked type.
    unsafe {
        &*((*(vtable as *const VtableHeader))
            .class
            .load(Ordering::Relaxed) as *const Type)
    }
}

/// A vtable for a block of statics: an object whose references are at these offsets.
pub fn block_vtable(size: u32, refs: &[u32]) -> Result<usize> {
    let spec = VtableSpec {
        slots: 0,
        flags: VtableFlags::empty(),
        base_size: size.next_multiple_of(layout::OBJECT_ALIGN).max(MIN_OBJECT),
        component_size: 0,
        refs,
        parent: None,
        element: 0,
        class: std::ptr::from_ref(types().known.object()) as usize,
        init_state: 0,
    };
    runtime()
        .new_vtable(&spec)
        .ok_or_else(|| LoadError::type_load("no room for a vtable"))
}
