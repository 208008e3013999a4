//! The world that a program runs in: memory, objects, classes, output. Knows nothing of how code is run, so that both
//! interpreters (stack IR and SSA) share it.
//!
//! Objects, vtables and statics have the layouts of `runtime_abi::layout` in simulated memory. Entities that compiled code
//! only hands back have made-up addresses:
//!
//! ```text
//!   0x7000_0000_0000 + 16*i   description of type i
//!   0x7100_0000_0000 + 16*i   description of method i
//!   0x7200_0000_0000 + 16*i   entry of method i
//!   0x7300_0000_0000 + 16*i   entry of method i for a boxed `this`
//!   0x7400_0000_0000 + 16*i   interface stub of method i
//!   0x7500_0000_0000 + 16*i   helper i
//! ```

use super::memory::{Fault, Memory};
use super::value::Value;
use crate::module::{MethodFlags, Module};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{LiteralId, MethodId, TypeId};
use isthmus_runtime_abi::layout::*;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::TypeKind;
use rustc_hash::FxHashMap;

const TYPES: u64 = 0x7000_0000_0000;
const METHODS: u64 = 0x7100_0000_0000;
const ENTRIES: u64 = 0x7200_0000_0000;
const UNBOXING: u64 = 0x7300_0000_0000;
const INTERFACES: u64 = 0x7400_0000_0000;
const HELPERS: u64 = 0x7500_0000_0000;
const SIGNATURES: u64 = 0x7600_0000_0000;
const SPAN: u64 = 0x0100_0000_0000;

/// What a code address means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// A method.
    Method(MethodId),
    /// A method of a value type, called with the box as `this`.
    Unboxing(MethodId),
    /// Dispatch of an interface method.
    Interface(MethodId),
    /// A helper.
    Helper(Helper),
}

/// Where a class is in its initialization.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitState {
    /// Not begun.
    New,
    /// Its constructor runs.
    Running,
    /// Ready.
    Ready,
    /// Its constructor threw; the exception that every use throws.
    Failed(u64),
}

/// What bounds a program.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Instructions.
    pub steps: u64,
    /// Bytes of heap; nothing is ever collected.
    pub heap: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            steps: 500_000_000,
            heap: 1 << 30,
        }
    }
}

/// A program's world.
#[derive(Debug)]
pub struct World<'m> {
    /// The program.
    pub module: &'m Module,
    /// Its memory.
    pub memory: Memory,
    /// Lines printed.
    pub output: Vec<String>,
    /// Bounds.
    pub limits: Limits,
    vtables: Vec<u64>,
    statics: Vec<u64>,
    ref_statics: Vec<u64>,
    init_bytes: Vec<u64>,
    init: Vec<InitState>,
    literals: Vec<u64>,
    cells: FxHashMap<MethodId, u64>,
    thread_statics: FxHashMap<(usize, TypeId), u64>,
}

impl<'m> World<'m> {
    /// The world at the start of a program.
    pub fn new(module: &'m Module, limits: Limits) -> Self {
        let mut world = World {
            module,
            memory: Memory::default(),
            output: Vec::new(),
            limits,
            vtables: Vec::new(),
            statics: Vec::new(),
            ref_statics: Vec::new(),
            init_bytes: Vec::new(),
            init: Vec::new(),
            literals: Vec::new(),
            cells: FxHashMap::default(),
            thread_statics: FxHashMap::default(),
        };
        for ty in &module.types {
            let slots = ty.vtable.len() as u32;
            let vtable = world.memory.image_alloc(vtable_size(slots, 8) as usize);
            world.vtables.push(vtable);
            let statics = world.memory.image_alloc(ty.statics.bytes as usize);
            world.statics.push(statics);
            let refs = world.memory.image_alloc(ty.statics.ref_bytes as usize);
            world.ref_statics.push(refs);
            let byte = world.memory.image_alloc(1);
            world.init_bytes.push(byte);
            let ready = ty.cctor.is_none();
            world.init.push(if ready {
                InitState::Ready
            } else {
                InitState::New
            });
        }
        for t in module.type_ids() {
            // The image was just allocated: writing into it cannot fail.
            let _ = world.fill_vtable(t);
        }
        for text in &module.literals {
            let object = world
                .memory
                .image_alloc((STRING_CHARS as usize + 2 * text.len() + 2).next_multiple_of(8));
            let _ = world.fill_string(object, text);
            world.literals.push(object);
        }
        world
    }

    fn fill_vtable(&mut self, t: TypeId) -> Result<(), Fault> {
        let module = self.module;
        let ty = module.ty(t);
        let at = self.vtables[t.index()];
        let mut chain = vec![t];
        while let Some(base) = module.ty(chain[chain.len() - 1]).base {
            chain.push(base);
        }
        let display = self.memory.image_alloc(4 * chain.len());
        for (i, &c) in chain.iter().rev().enumerate() {
            let word = self.vtables[c.index()] as u32;
            self.memory
                .write(display + 4 * i as u64, &word.to_le_bytes())?;
        }
        let mut flags = VtableFlags::empty();
        let mut element = 0;
        flags.set(VtableFlags::HAS_REFS, !ty.refs.is_empty());
        flags.set(VtableFlags::STRING, t == module.wellknown().string);
        flags.set(VtableFlags::VALUE_TYPE, module.is_value(t));
        if let TypeKind::SzArray(e) = ty.kind {
            flags |= VtableFlags::SZ_ARRAY;
            if module.is_reference(e) {
                flags |= VtableFlags::REF_ELEMENTS;
                element = self.vtables[e.index()];
            }
        }
        let words = [
            (VtableWord::Flags, flags.bits() as u64),
            (VtableWord::BaseSize, ty.instance_size as u64),
            (VtableWord::ComponentSize, ty.component_size as u64),
            (VtableWord::Depth, ty.depth as u64),
            (VtableWord::Display, display),
            (VtableWord::ElementType, element),
            (VtableWord::Class, TYPES + 16 * t.index() as u64),
            (VtableWord::InitState, self.init_bytes[t.index()]),
        ];
        for (word, value) in words {
            self.memory
                .write(at + word.offset(8) as u64, &value.to_le_bytes())?;
        }
        for (slot, &m) in ty.vtable.iter().enumerate() {
            let code = self.code_of(m, t);
            let offset = vtable_slot(slot as u32, 8) as u64;
            self.memory.write(at + offset, &code.to_le_bytes())?;
        }
        if self.init[t.index()] == InitState::Ready {
            self.memory
                .write(self.init_bytes[t.index()], &[CLASS_READY])?;
        }
        Ok(())
    }

    /// The address to call for method `m` on objects of exactly type `exact`: boxes need unboxing first.
    pub fn code_of(&self, m: MethodId, exact: TypeId) -> u64 {
        let by_value = self.module.method_def(m).sig.params.first() == Some(&MemTy::ByRef);
        let base = if by_value && self.module.is_value(exact) {
            UNBOXING
        } else {
            ENTRIES
        };
        base + 16 * m.index() as u64
    }

    /// What a code address means.
    pub fn decode(&self, code: u64) -> Option<Code> {
        let index = ((code % SPAN) / 16) as usize;
        let method = (index < self.module.methods.len()).then(|| MethodId::from_index(index));
        match code - code % SPAN {
            ENTRIES => method.map(Code::Method),
            UNBOXING => method.map(Code::Unboxing),
            INTERFACES => method.map(Code::Interface),
            HELPERS => Helper::ALL.get(index).copied().map(Code::Helper),
            _ => None,
        }
    }

    /// The type that a type description's address means.
    pub fn decode_type(&self, handle: u64) -> Option<TypeId> {
        let index = (handle.checked_sub(TYPES)? / 16) as usize;
        (index < self.module.types.len()).then(|| TypeId::from_index(index))
    }

    /// The method that a method description's address means.
    pub fn decode_method(&self, handle: u64) -> Option<MethodId> {
        let index = (handle.checked_sub(METHODS)? / 16) as usize;
        (index < self.module.methods.len()).then(|| MethodId::from_index(index))
    }

    /// The address of a symbol; `None` for those that this world has not.
    pub fn symbol(&mut self, symbol: Symbol) -> Option<u64> {
        Some(match symbol {
            Symbol::Vtable(t) => self.vtables[t.index()],
            Symbol::TypeHandle(t) => TYPES + 16 * t.index() as u64,
            Symbol::MethodHandle(m) => METHODS + 16 * m.index() as u64,
            Symbol::MethodEntry(m) | Symbol::MethodBody(m) => ENTRIES + 16 * m.index() as u64,
            Symbol::InterfaceStub(m) => INTERFACES + 16 * m.index() as u64,
            Symbol::Helper(h) => HELPERS + 16 * h as u64,
            Symbol::Signature(s) => SIGNATURES + 16 * s.index() as u64,
            Symbol::Statics(t) => self.statics[t.index()],
            Symbol::RefStatics(t) => self.ref_statics[t.index()],
            Symbol::InitState(t) => self.init_bytes[t.index()],
            Symbol::Literal(l) => self.literal(l),
            Symbol::Raise(r) => r.raw().into(),
            Symbol::MethodCell(m) => {
                let entry = ENTRIES + 16 * m.index() as u64;
                match self.cells.get(&m) {
                    Some(&cell) => cell,
                    None => {
                        let cell = self.memory.image_alloc(8);
                        self.memory.write(cell, &entry.to_le_bytes()).ok()?;
                        self.cells.insert(m, cell);
                        cell
                    }
                }
            }
            _ => return None,
        })
    }

    // ---- objects

    /// A literal's object.
    pub fn literal(&self, literal: LiteralId) -> u64 {
        self.literals[literal.index()]
    }

    fn heap(&mut self, size: u64, ty: TypeId) -> Result<u64, TrapKind> {
        let limit = self.limits.heap;
        let object = self
            .memory
            .heap_alloc(size, limit)
            .ok_or(TrapKind::OutOfMemory)?;
        let word = (self.vtables[ty.index()] as u32).to_le_bytes();
        self.memory
            .write(object, &word)
            .map_err(|_| TrapKind::OutOfMemory)?;
        Ok(object)
    }

    /// A zeroed instance.
    pub fn alloc(&mut self, ty: TypeId) -> Result<u64, TrapKind> {
        self.heap(self.module.ty(ty).instance_size as u64, ty)
    }

    /// A zeroed array of an array type.
    pub fn alloc_array(&mut self, array: TypeId, len: i64) -> Result<u64, TrapKind> {
        if !(0..=i32::MAX as i64).contains(&len) {
            return Err(TrapKind::Overflow);
        }
        let element = self.module.ty(array).component_size as u64;
        let object = self.heap(ARRAY_DATA as u64 + element * len as u64, array)?;
        let length = (len as u32).to_le_bytes();
        self.memory
            .write(object + LENGTH as u64, &length)
            .map_err(|_| TrapKind::OutOfMemory)?;
        Ok(object)
    }

    /// A string.
    pub fn alloc_string(&mut self, text: &[u16]) -> Result<u64, TrapKind> {
        let size = STRING_CHARS as u64 + 2 * text.len() as u64 + 2;
        let object = self.heap(size, self.module.wellknown().string)?;
        self.fill_string(object, text)
            .map_err(|_| TrapKind::OutOfMemory)?;
        Ok(object)
    }

    fn fill_string(&mut self, object: u64, text: &[u16]) -> Result<(), Fault> {
        let word = self.vtables[self.module.wellknown().string.index()] as u32;
        self.memory.write(object, &word.to_le_bytes())?;
        self.memory
            .write(object + LENGTH as u64, &(text.len() as u32).to_le_bytes())?;
        let bytes: Vec<u8> = text.iter().flat_map(|u| u.to_le_bytes()).collect();
        self.memory.write(object + STRING_CHARS as u64, &bytes)
    }

    /// The exact type of an object.
    pub fn type_of(&self, object: u64) -> Result<TypeId, Fault> {
        let vtable = self.memory.u32(object)? as u64;
        let class = self
            .memory
            .u64(vtable + VtableWord::Class.offset(8) as u64)?;
        self.decode_type(class).ok_or(Fault::Wild(object))
    }

    /// Whether an object, which is not null, is an instance of a type.
    pub fn is_instance(&self, object: u64, ty: TypeId) -> Result<bool, Fault> {
        Ok(self.module.is_subtype(self.type_of(object)?, ty))
    }

    /// Length of an array or string.
    pub fn length(&self, object: u64) -> Result<u32, Fault> {
        if object == 0 {
            return Err(Fault::Null);
        }
        self.memory.u32(object + LENGTH as u64)
    }

    /// The units of a string.
    pub fn string(&self, object: u64) -> Result<Vec<u16>, Fault> {
        let len = self.length(object)? as usize;
        let bytes = self.memory.bytes(object + STRING_CHARS as u64, 2 * len)?;
        Ok(bytes
            .chunks_exact(2)
            .map(|c| u16::from_le_bytes([c[0], c[1]]))
            .collect())
    }

    /// A new exception object of the class of a trap.
    pub fn trap_object(&mut self, kind: TrapKind) -> u64 {
        let class = self.module.trap_class(kind);
        let size = self.module.ty(class).instance_size as u64;
        let limit = u64::MAX; // an OutOfMemoryException must not fail for lack of memory
        let object = self.memory.heap_alloc(size, limit).unwrap_or(0);
        let word = (self.vtables[class.index()] as u32).to_le_bytes();
        let _ = self.memory.write(object, &word);
        object
    }

    /// The implementation of a virtual or interface method for an object.
    pub fn implementation(&self, callee: MethodId, object: u64) -> Result<u64, Fault> {
        let exact = self.type_of(object)?;
        let found = self
            .module
            .find_implementation(callee, exact)
            .ok_or(Fault::Wild(object))?;
        Ok(self.code_of(found, exact))
    }

    /// Boxes a value (not null and not nullable).
    pub fn box_value(&mut self, ty: TypeId, value: &Value) -> Result<u64, TrapKind> {
        let object = self.alloc(ty)?;
        let mem = self.module.ty(ty).mem;
        self.memory
            .store(object + HEADER as u64, mem, value)
            .map_err(|_| TrapKind::OutOfMemory)?;
        Ok(object)
    }

    // ---- classes

    /// Where a class is in its initialization.
    pub fn init_state(&self, ty: TypeId) -> InitState {
        self.init[ty.index()]
    }

    /// Moves a class on in its initialization.
    pub fn set_init_state(&mut self, ty: TypeId, state: InitState) {
        self.init[ty.index()] = state;
        if state == InitState::Ready {
            let _ = self
                .memory
                .write(self.init_bytes[ty.index()], &[CLASS_READY]);
        }
    }

    /// A thread's block of statics of a type.
    pub fn thread_statics(&mut self, thread: usize, ty: TypeId) -> u64 {
        let size = self.module.ty(ty).statics.thread_bytes as usize;
        match self.thread_statics.get(&(thread, ty)) {
            Some(&block) => block,
            None => {
                let block = self.memory.image_alloc(size);
                self.thread_statics.insert((thread, ty), block);
                block
            }
        }
    }

    /// Whether a method is provided by the host.
    pub fn is_host(&self, method: MethodId) -> bool {
        self.module
            .method_def(method)
            .flags
            .contains(MethodFlags::EXTERN)
    }
}
