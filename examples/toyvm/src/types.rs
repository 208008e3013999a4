//! What exists of types at run time: vtables, statics, literals.
//!
//! ```text
//!   vtable (below 4 GiB)              statics (native)     reference statics (an immortal object)
//!   | flags, base size, component |   | i32 n | f64 x |    | header | string s | object o |
//!   | ref map ──▶ count, offsets  |
//!   | depth, display ──▶ chain    |   Compiled code finds each through a Symbol, which
//!   | class = TypeId              |   Types::symbol turns into its address.
//!   | IMT, virtual slots          |
//! ```
//!
//! The runtime's `alloc_vtable` points every IMT and virtual slot to a trampoline; they are patched as they are called.

use crate::object;
use isthmus_frontend_ir::module::Module;
use isthmus_rt::object::Ref;
use isthmus_rt::runtime::Runtime;
use isthmus_runtime_abi::ids::{LiteralId, TypeId};
use isthmus_runtime_abi::layout::{CLASS_READY, VtableFlags, VtableHeader};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::vm::TypeKind;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicUsize};

/// Handles of types: addresses that compiled code passes back and never looks at.
const HANDLES: usize = 0x1000_0000_0000;

/// The handle of a type.
pub fn handle(ty: TypeId) -> usize {
    HANDLES + ty.index()
}

/// The type of a handle.
pub fn from_handle(handle: usize) -> TypeId {
    TypeId::from_index(handle - HANDLES)
}

#[derive(Debug)]
struct TypeData {
    vtable: usize,
    statics: usize,
    ref_statics: usize,
    init: &'static AtomicU8,
}

/// All types of a program. Lives, like everything in here, until the process ends.
#[derive(Debug)]
pub struct Types {
    module: &'static Module,
    runtime: &'static Runtime,
    types: Vec<TypeData>,
    literals: Vec<AtomicUsize>,
}

/// Zeroed native memory that is never freed.
pub(crate) fn native(bytes: u32) -> usize {
    vec![0u64; bytes as usize / 8 + 1].leak().as_ptr() as usize
}

/// A `layout::RefMap`: a count and byte offsets.
fn ref_map(offsets: &[u32]) -> usize {
    if offsets.is_empty() {
        return 0;
    }
    let mut words = vec![offsets.len() as u32];
    words.extend_from_slice(offsets);
    words.leak().as_ptr() as usize
}

fn header(vtable: usize) -> &'static VtableHeader {
    // SAFETY: vtables begin with this header and live for ever; its words are atomic.
    unsafe { &*(vtable as *const VtableHeader) }
}

impl Types {
    /// Makes vtables and statics for all types. `None`: no room below 4 GiB, or in the heap.
    pub fn new(runtime: &'static Runtime, module: &'static Module) -> Option<Types> {
        let mut types = Vec::with_capacity(module.types.len());
        for ty in &module.types {
            types.push(TypeData {
                vtable: runtime.alloc_vtable(ty.vtable.len() as u32)?,
                statics: native(ty.statics.bytes),
                ref_statics: 0,
                init: Box::leak(Box::new(AtomicU8::new(if ty.cctor.is_none() {
                    CLASS_READY
                } else {
                    0
                }))),
            });
        }
        let literals = module
            .literals
            .iter()
            .map(|_| AtomicUsize::new(0))
            .collect();
        let mut all = Types {
            module,
            runtime,
            types,
            literals,
        };
        for t in module.type_ids() {
            all.fill_vtable(t);
        }
        for t in module.type_ids() {
            all.types[t.index()].ref_statics = all.make_ref_statics(t)?;
        }
        Some(all)
    }

    fn fill_vtable(&self, t: TypeId) {
        let ty = self.module.ty(t);
        let h = header(self.vtable(t));
        let mut flags = VtableFlags::empty();
        flags.set(VtableFlags::HAS_REFS, !ty.refs.is_empty());
        flags.set(VtableFlags::STRING, t == self.module.wellknown().string);
        flags.set(VtableFlags::VALUE_TYPE, self.module.is_value(t));
        if let TypeKind::SzArray(element) = ty.kind {
            flags |= VtableFlags::SZ_ARRAY;
            if self.module.is_reference(element) {
                flags |= VtableFlags::REF_ELEMENTS;
                h.element_type.store(self.vtable(element), Relaxed);
            }
        }
        h.flags.store(flags.bits() as usize, Relaxed);
        h.base_size.store(ty.instance_size as usize, Relaxed);
        h.component_size.store(ty.component_size as usize, Relaxed);
        h.ref_map.store(ref_map(&ty.refs), Relaxed);
        h.depth.store(ty.depth as usize, Relaxed);
        h.class.store(t.raw() as usize, Relaxed);
        h.init_state
            .store(self.init_byte(t) as *const AtomicU8 as usize, Relaxed);
        // The display: type words of all classes from object down to this one.
        let mut chain = vec![self.vtable(t) as u32];
        let mut next = ty.base;
        while let Some(base) = next {
            chain.push(self.vtable(base) as u32);
            next = self.module.ty(base).base;
        }
        chain.reverse();
        h.display.store(chain.leak().as_ptr() as usize, Relaxed);
    }

    /// The object that holds a type's reference statics: of a class of its own, which only the collector sees.
    fn make_ref_statics(&self, t: TypeId) -> Option<usize> {
        let statics = &self.module.ty(t).statics;
        if statics.ref_bytes == 0 {
            return Some(0);
        }
        let vtable = self.runtime.alloc_vtable(0)?;
        let h = header(vtable);
        h.flags
            .store(VtableFlags::HAS_REFS.bits() as usize, Relaxed);
        h.base_size
            .store(statics.ref_bytes.next_multiple_of(8) as usize, Relaxed);
        h.ref_map.store(ref_map(&statics.refs), Relaxed);
        // SAFETY: a complete vtable; this thread is attached and runs.
        let object = unsafe { self.runtime.heap().alloc_immortal(vtable, 0) };
        object.ok().map(Ref::addr)
    }

    /// A type's vtable.
    pub fn vtable(&self, t: TypeId) -> usize {
        self.types[t.index()].vtable
    }

    /// A class's state byte, `CLASS_READY` once it is initialized.
    pub fn init_byte(&self, t: TypeId) -> &'static AtomicU8 {
        self.types[t.index()].init
    }

    /// The object of a string literal; made when code that uses it is linked.
    fn literal(&self, literal: LiteralId) -> Option<usize> {
        let slot = &self.literals[literal.index()];
        let known = slot.load(Acquire);
        if known != 0 {
            return Some(known);
        }
        let text = &self.module.literals[literal.index()];
        let vtable = self.vtable(self.module.wellknown().string);
        // SAFETY: the vtable of strings; linking happens on attached threads.
        let string = unsafe { self.runtime.heap().alloc_immortal(vtable, text.len()) }.ok()?;
        object::fill_string(string, text);
        // Two threads may both make it; the first one counts, so that equal literals are one object.
        match slot.compare_exchange(0, string.addr(), Release, Acquire) {
            Ok(_) => Some(string.addr()),
            Err(first) => Some(first),
        }
    }

    /// The address of a symbol that stands for data of a type, or a literal.
    pub fn symbol(&self, symbol: Symbol) -> Option<usize> {
        Some(match symbol {
            Symbol::Vtable(t) => self.vtable(t),
            Symbol::TypeHandle(t) => handle(t),
            Symbol::Statics(t) => self.types[t.index()].statics,
            Symbol::RefStatics(t) => self.types[t.index()].ref_statics,
            Symbol::InitState(t) => self.init_byte(t) as *const AtomicU8 as usize,
            Symbol::Literal(l) => self.literal(l)?,
            Symbol::MethodHandle(m) => m.raw() as usize,
            Symbol::Signature(s) => s.raw() as usize,
            Symbol::VmData(n) => n as usize,
            _ => return None,
        })
    }
}
