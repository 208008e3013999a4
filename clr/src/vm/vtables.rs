//! Vtables in memory: made from a type's plan when code first names them.

use super::contexts;
use super::env::MIN_OBJECT;
use super::runtime;
use crate::types::ty::Kind;
use crate::types::{LoadError, Result, Type, TypeKey, types};
use isthmus_runtime_abi::layout::{self, VtableFlags, VtableHeader};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A list of reference offsets in the form of [`layout::RefMap`], never freed.
pub fn leak_ref_map(offsets: &[u32]) -> usize {
    if offsets.is_empty() {
        return 0;
    }
    let mut words = Vec::with_capacity(offsets.len() + 1);
    words.push(offsets.len() as u32);
    words.extend_from_slice(offsets);
    Box::leak(words.into_boxed_slice()).as_ptr() as usize
}

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
        flags.set(VtableFlags::HAS_REFS, !refs.is_empty());
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
    flags.set(VtableFlags::HAS_REFS, !refs.is_empty());
    flags.set(VtableFlags::FINALIZABLE, ty.has_finalizer());
    Ok(Shape {
        flags,
        base_size: base_size.max(MIN_OBJECT),
        component_size: 0,
        refs,
    })
}

/// Type word of a vtable.
pub fn type_word(vtable: usize) -> u32 {
    vtable as u32
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
        // What other types' vtables are needed is made before the lock is taken.
        let parent = self.parent()?;
        let parent_vtable = parent.map(Type::vtable_pointer).transpose()?;
        let element = match self.element() {
            Some(e) if self.kind == Kind::Array && e.is_reference() => {
                type_word(e.vtable_pointer()?)
            }
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
        let rt = runtime();
        let vtable = rt.alloc_vtable(slots).ok_or_else(|| {
            LoadError::type_load(format!("no room for the vtable of {}", self.full_name()))
        })?;
        let depth = self.class_depth();
        let display = if self.is_interface() {
            0
        } else {
            self.make_display(parent_vtable, type_word(vtable), depth)
        };
        // SAFETY: fresh memory of at least the header's size, aligned to words.
        let header = unsafe { &*(vtable as *const VtableHeader) };
        let set = |cell: &AtomicUsize, value: usize| cell.store(value, Ordering::Relaxed);
        set(&header.flags, shape.flags.bits() as usize);
        set(&header.base_size, shape.base_size as usize);
        set(&header.component_size, shape.component_size as usize);
        set(&header.ref_map, leak_ref_map(&shape.refs));
        set(&header.depth, depth as usize);
        set(&header.display, display);
        set(&header.element_type, element as usize);
        set(&header.class, std::ptr::from_ref(self) as usize);
        set(&header.generic_contexts, self.make_context_row(depth));
        set(
            &header.init_state,
            std::ptr::from_ref(&self.runtime.init) as usize,
        );
        self.vtable_address.store(vtable, Ordering::Release);
        Ok(vtable)
    }

    /// Type words of the class's supertypes by depth, itself last.
    fn make_display(&'static self, parent: Option<usize>, own: u32, depth: u32) -> usize {
        let mut words: Vec<u32> = Vec::with_capacity(depth as usize + 1);
        if let Some(parent) = parent {
            // SAFETY: a finished vtable; its display has (its depth + 1) words.
            unsafe {
                let header = &*(parent as *const VtableHeader);
                let display = header.display.load(Ordering::Acquire) as *const u32;
                words.extend((0..depth as usize).map(|i| *display.add(i)));
            }
        }
        words.push(own);
        Box::leak(words.into_boxed_slice()).as_ptr() as usize
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
    let rt = runtime();
    let vtable = rt
        .alloc_vtable(0)
        .ok_or_else(|| LoadError::type_load("no room for a vtable"))?;
    // SAFETY: fresh memory of at least the header's size.
    let header = unsafe { &*(vtable as *const VtableHeader) };
    let flags = if refs.is_empty() {
        VtableFlags::empty()
    } else {
        VtableFlags::HAS_REFS
    };
    header.flags.store(flags.bits() as usize, Ordering::Relaxed);
    header.base_size.store(
        size.next_multiple_of(layout::OBJECT_ALIGN).max(MIN_OBJECT) as usize,
        Ordering::Relaxed,
    );
    header.ref_map.store(leak_ref_map(refs), Ordering::Relaxed);
    header.class.store(
        std::ptr::from_ref(types().known.object()) as usize,
        Ordering::Release,
    );
    Ok(vtable)
}
