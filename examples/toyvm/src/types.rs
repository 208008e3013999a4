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
//! `Runtime::new_vtable` points every IMT and virtual slot to a trampoline; they are patched as they are called. The handle of a type,
//! which compiled code passes back and never looks at, is its id.

use crate::object;
use isthmus_frontend_ir::module::Module;
use isthmus_rt::class_init::ClassState;
use isthmus_rt::object::Ref;
use isthmus_rt::runtime::Runtime;
use isthmus_rt::vtables::VtableSpec;
use isthmus_runtime_abi::ids::{LiteralId, TypeId};
use isthmus_runtime_abi::layout::VtableFlags;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::vm::TypeKind;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};

/// The type of a handle, which comes from this VM's code.
pub fn from_handle(handle: usize) -> TypeId {
    match TypeId::from_raw(handle as u32) {
        Some(ty) => ty,
        None => unreachable!("the handle of a type is not 0"),
    }
}

#[derive(Debug, Default)]
struct TypeData {
    /// 0 until it is made.
    vtable: usize,
    statics: usize,
    ref_statics: usize,
    init: ClassState,
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

impl Types {
    /// Makes vtables and statics for all types. `None`: no room below 4 GiB, or in the heap.
    pub fn new(runtime: &'static Runtime, module: &'static Module) -> Option<Types> {
        let mut all = Types {
            module,
            runtime,
            types: module.type_ids().map(|_| TypeData::default()).collect(),
            literals: module
                .literals
                .iter()
                .map(|_| AtomicUsize::new(0))
                .collect(),
        };
        for t in module.type_ids() {
            all.make_vtable(t)?;
            let statics = &module.ty(t).statics;
            all.types[t.index()].statics = native(statics.bytes);
            if statics.ref_bytes != 0 {
                all.types[t.index()].ref_statics = all.make_ref_statics(t)?;
            }
            if module.ty(t).cctor.is_none() {
                all.init(t).set_ready();
            }
        }
        Some(all)
    }

    /// Makes a type's vtable, and before it those that it needs.
    fn make_vtable(&mut self, t: TypeId) -> Option<usize> {
        if self.vtable(t) != 0 {
            return Some(self.vtable(t));
        }
        let ty = self.module.ty(t);
        let mut flags = VtableFlags::empty();
        flags.set(VtableFlags::STRING, t == self.module.wellknown().string);
        flags.set(VtableFlags::VALUE_TYPE, self.module.is_value(t));
        let mut element = 0;
        if let TypeKind::SzArray(e) = ty.kind {
            flags |= VtableFlags::SZ_ARRAY;
            if self.module.is_reference(e) {
                flags |= VtableFlags::REF_ELEMENTS;
                element = self.make_vtable(e)?;
            }
        }
        let parent = match ty.base {
            Some(base) => Some(self.make_vtable(base)?),
            None => None,
        };
        let vtable = self.runtime.new_vtable(&VtableSpec {
            slots: ty.vtable.len() as u32,
            flags,
            base_size: ty.instance_size,
            component_size: ty.component_size,
            refs: &ty.refs,
            parent,
            element,
            class: t.raw() as usize,
            init_state: self.init(t).address(),
        })?;
        self.types[t.index()].vtable = vtable;
        Some(vtable)
    }

    /// The object that holds a type's reference statics: of a class of its own, which only the collector sees.
    fn make_ref_statics(&self, t: TypeId) -> Option<usize> {
        let statics = &self.module.ty(t).statics;
        let vtable = self.runtime.new_vtable(&VtableSpec {
            slots: 0,
            flags: VtableFlags::empty(),
            base_size: statics.ref_bytes.next_multiple_of(8),
            component_size: 0,
            refs: &statics.refs,
            parent: None,
            element: 0,
            class: 0,
            init_state: 0,
        })?;
        // SAFETY: a complete vtable; this thread is attached and runs.
        let object = unsafe { self.runtime.heap().alloc_immortal(vtable, 0) };
        object.ok().map(Ref::addr)
    }

    /// A type's vtable.
    pub fn vtable(&self, t: TypeId) -> usize {
        self.types[t.index()].vtable
    }

    /// Whether a class is initialized.
    pub fn init(&self, t: TypeId) -> &ClassState {
        &self.types[t.index()].init
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
            Symbol::TypeHandle(t) => t.raw() as usize,
            Symbol::Statics(t) => self.types[t.index()].statics,
            Symbol::RefStatics(t) => self.types[t.index()].ref_statics,
            Symbol::InitState(t) => self.init(t).address(),
            Symbol::Literal(l) => self.literal(l)?,
            Symbol::MethodHandle(m) => m.raw() as usize,
            Symbol::Signature(s) => s.raw() as usize,
            Symbol::VmData(n) => n as usize,
            _ => return None,
        })
    }
}
