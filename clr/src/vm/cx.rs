//! The VM as native code of the class library sees it: the current thread and what can be done with objects.
//!
//! References ([`Ref`]) may be held in locals across anything here: the collector scans this stack and pins what it
//! finds. They must never be put into Rust heap memory (a `Vec<Ref>` is wrong; use an array object or handles).

use super::vtables::type_of_vtable;
use super::{heap, init, offsets, references, runtime};
use crate::tables::signatures;
use crate::types::{Field, LoadError, Method, Type, types};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_runtime_abi::callconv::{AbiSig, RetPass};
use isthmus_runtime_abi::layout::{ARRAY_DATA, LENGTH, STRING_CHARS};
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::types::MemTy;
use isthmus_stubs::entry::InvokeArgs;
use std::sync::atomic::Ordering::Relaxed;

/// Result of native code.
pub type Result<T> = std::result::Result<T, Thrown>;

/// The VM on the current thread.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The current thread.
    pub thread: &'a Thread,
}

/// An argument of [`Cx::invoke`].
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// 32-bit integer (or smaller, extended).
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// Pointer, native integer or managed pointer.
    Ptr(usize),
    /// Reference.
    Ref(Ref),
    /// Float32.
    F32(f32),
    /// Float64.
    F64(f64),
    /// A struct at this address, of the parameter's type.
    Struct(usize),
}

impl<'a> Cx<'a> {
    /// The current thread's, which must be attached.
    pub fn current() -> Cx<'static> {
        Cx {
            thread: Thread::current().expect("the VM runs on attached threads"),
        }
    }

    // ---- objects

    /// The exact class of an object that is not null.
    pub fn type_of(&self, object: Ref) -> &'static Type {
        debug_assert!(!object.is_null());
        // SAFETY: references are live objects here (the thread is running), and vtables are made by this VM.
        unsafe { type_of_vtable(object.vtable()) }
    }

    /// A new zeroed instance of a class or boxed value type; constructors are not run.
    pub fn alloc(&self, ty: &'static Type) -> Result<Ref> {
        let vtable = references::complete(self, || ty.vtable_pointer())?;
        heap::alloc_object(self, vtable)
    }

    /// A new one-dimensional array.
    pub fn alloc_array(&self, element: &'static Type, length: usize) -> Result<Ref> {
        let array = types().sz_array(element).map_err(|e| self.load_error(&e))?;
        let vtable = array.vtable_pointer().map_err(|e| self.load_error(&e))?;
        heap::alloc_array(self, vtable, length as i64)
    }

    /// Boxes a value at an address.
    pub fn box_value(&self, ty: &'static Type, from: usize) -> Result<Ref> {
        let object = self.alloc(ty)?;
        let (size, _) = ty.size_align().map_err(|e| self.load_error(&e))?;
        heap::copy_into(object, object.addr() + 8, from, size as usize);
        Ok(object)
    }

    /// Boxes a 32-bit integer as `System.Int32`.
    pub fn box_i32(&self, value: i32) -> Result<Ref> {
        self.box_value(types().known.int32(), (&raw const value) as usize)
    }

    // ---- strings

    /// A new string.
    pub fn string(&self, text: &str) -> Result<Ref> {
        let units: Vec<u16> = text.encode_utf16().collect();
        self.string_utf16(&units)
    }

    /// A new string of UTF-16 units.
    pub fn string_utf16(&self, units: &[u16]) -> Result<Ref> {
        let object = self.string_of_length(units.len())?;
        // SAFETY: a fresh string of that many units; nothing moves it while it is in a local.
        unsafe {
            std::ptr::copy_nonoverlapping(
                units.as_ptr(),
                (object.addr() + STRING_CHARS as usize) as *mut u16,
                units.len(),
            );
        }
        Ok(object)
    }

    /// A new string of zero units, to be written to.
    pub fn string_of_length(&self, length: usize) -> Result<Ref> {
        let vtable = types()
            .known
            .string()
            .vtable_pointer()
            .map_err(|e| self.load_error(&e))?;
        heap::alloc_array(self, vtable, length as i64)
    }

    /// The units of a string that is not null. The slice must not be used across an allocation of another thread's
    /// collection moving it: strings named by a local do not move.
    pub fn units(&self, string: Ref) -> &[u16] {
        let length = self.length(string);
        // SAFETY: a live string object, pinned by the caller's local.
        unsafe {
            std::slice::from_raw_parts(
                (string.addr() + STRING_CHARS as usize) as *const u16,
                length,
            )
        }
    }

    /// The text of a string; lone surrogates are replaced. Empty for null.
    pub fn text(&self, string: Ref) -> String {
        if string.is_null() {
            String::new()
        } else {
            String::from_utf16_lossy(self.units(string))
        }
    }

    // ---- arrays

    /// Length of an array or string that is not null.
    pub fn length(&self, array: Ref) -> usize {
        self.read::<u32>(array, LENGTH) as usize
    }

    /// Element of an array of references.
    pub fn element(&self, array: Ref, index: usize) -> Ref {
        debug_assert!(index < self.length(array));
        self.read::<Ref>(array, ARRAY_DATA + index as u32 * 8)
    }

    /// Stores into an array of references (no type check).
    pub fn set_element(&self, array: Ref, index: usize, value: Ref) {
        debug_assert!(index < self.length(array));
        heap::store_ref(array, array.addr() + ARRAY_DATA as usize + index * 8, value);
    }

    /// Address of element 0 of a one-dimensional array.
    pub fn data(&self, array: Ref) -> usize {
        array.addr() + ARRAY_DATA as usize
    }

    // ---- fields, by offset (see `offsets`)

    /// Reads from an object at an offset from its header.
    pub fn read<T: Copy>(&self, object: Ref, offset: u32) -> T {
        debug_assert!(!object.is_null());
        // SAFETY: a live object with a field of that type there, as the caller names offsets from `offsets` only.
        unsafe { ((object.addr() + offset as usize) as *const T).read_unaligned() }
    }

    /// Writes a value without references into an object.
    pub fn write<T: Copy>(&self, object: Ref, offset: u32, value: T) {
        debug_assert!(!object.is_null());
        // SAFETY: as `read`.
        unsafe { ((object.addr() + offset as usize) as *mut T).write_unaligned(value) };
    }

    /// Stores a reference into a field, with the collector's barrier.
    pub fn write_ref(&self, object: Ref, offset: u32, value: Ref) {
        heap::store_ref(object, object.addr() + offset as usize, value);
    }

    /// Stores a reference through a managed pointer (`out`/`ref` parameter).
    pub fn store_by_ref(&self, address: usize, value: Ref) {
        heap::store_ref_unknown(address, value);
    }

    /// Offset of an instance field by name, searched in the class and its ancestors.
    ///
    /// # Panics
    /// If there is none: the VM relies on it (checked at start for those in `offsets`).
    pub fn offset_of(&self, class: &'static Type, name: &str) -> u32 {
        offsets::offset_of(class, name).unwrap_or_else(|e| panic!("{e}"))
    }

    // ---- calling managed code

    /// Calls a method: `args` has a value for each parameter, `this` first. The result's words come back; a struct result
    /// of more than four words is not supported here.
    pub fn invoke(&self, method: &'static Method, args: &[Value]) -> Result<Vec<u64>> {
        let sig = method.abi().map_err(|e| self.load_error(&e))?;
        let arch = Arch::host().expect("the VM runs on a known architecture");
        let abi = AbiSig::new(&sig, arch, &super::env::ClrEnv::default());
        let mut words = Vec::with_capacity(abi.words.len());
        for (value, (pass, ty)) in args.iter().zip(abi.params.iter().zip(&sig.params)) {
            match *value {
                Value::I32(v) => words.push(v as u32 as u64),
                Value::I64(v) => words.push(v as u64),
                Value::Ptr(v) => words.push(v as u64),
                Value::Ref(v) => words.push(v.addr() as u64),
                Value::F32(v) => words.push(u64::from(v.to_bits())),
                Value::F64(v) => words.push(v.to_bits()),
                Value::Struct(at) if pass.indirect => words.push(at as u64),
                Value::Struct(at) => {
                    let MemTy::Struct(id) = *ty else {
                        words.push(heap::load_scalar(at, *ty));
                        continue;
                    };
                    let size = types().ty(id).layout().map_or(0, |l| l.size) as usize;
                    for w in &abi.words[pass.first as usize..(pass.first + pass.count) as usize] {
                        words.push(heap::load_word(
                            at + w.offset as usize,
                            size - w.offset as usize,
                        ));
                    }
                }
            }
        }
        let mut buffer = Vec::new();
        if let RetPass::Buffer(at) = abi.ret {
            buffer.resize(self.return_size(&sig.ret).div_ceil(8), 0u64);
            words.insert(at as usize, buffer.as_mut_ptr() as u64);
        }
        debug_assert_eq!(words.len(), abi.words.len(), "{}", method.full_name());
        let code = super::entry::address(self, method)?;
        let mut stack = Vec::new();
        let mut call = InvokeArgs::new(&abi, &words, &mut stack, arch);
        if sig.takes_cookie() {
            let none = signatures()
                .no_arguments()
                .map_err(|e| self.load_error(&e))?;
            self.thread.ctx.hidden_varargs.store(none, Relaxed);
        }
        // SAFETY: the code of the method, and words made from its signature.
        unsafe { runtime().invoke_raw(self.thread, code, &mut call) }?;
        Ok(if buffer.is_empty() {
            call.results(&abi, arch)
        } else {
            buffer
        })
    }

    fn return_size(&self, ret: &Option<MemTy>) -> usize {
        match ret {
            Some(MemTy::Struct(id)) => types().ty(*id).layout().map_or(0, |l| l.size as usize),
            _ => 8,
        }
    }

    /// Runs the class constructor unless it ran.
    pub fn ensure_init(&self, ty: &'static Type) -> Result<()> {
        init::ensure(
            &Cx {
                thread: self.thread,
            },
            ty,
        )
    }

    /// The value of a static field of reference type; its class is initialized first.
    pub fn static_ref(&self, field: &'static Field) -> Result<Ref> {
        self.ensure_init(types().ty(field.owner.id))?;
        let at = super::statics::address_of(
            &Cx {
                thread: self.thread,
            },
            field,
        )?;
        // SAFETY: the address of a field of reference type.
        Ok(unsafe { *(at as *const Ref) })
    }

    // ---- exceptions

    /// A new exception of a class of mscorlib with a message (null for an empty one).
    pub fn exception(&self, namespace: &str, name: &str, message: &str) -> Thrown {
        super::exceptions::new(
            &Cx {
                thread: self.thread,
            },
            namespace,
            name,
            message,
        )
    }

    /// `ArgumentNullException` for a parameter.
    pub fn argument_null(&self, parameter: &str) -> Thrown {
        self.exception("System", "ArgumentNullException", parameter)
    }

    /// `NullReferenceException`.
    pub fn null_reference(&self) -> Thrown {
        self.exception(
            "System",
            "NullReferenceException",
            "Object reference not set to an instance of an object",
        )
    }

    /// `OutOfMemoryException`, made beforehand.
    pub fn out_of_memory(&self) -> Thrown {
        super::exceptions::out_of_memory()
    }

    /// The exception of a load error.
    pub fn load_error(&self, error: &LoadError) -> Thrown {
        let (namespace, name) = error.kind.exception();
        self.exception(namespace, name, &error.message)
    }

    /// `TypeInitializationException` around another.
    pub fn type_initialization_exception(&self, type_name: &str, inner: Ref) -> Ref {
        super::exceptions::type_initialization(
            &Cx {
                thread: self.thread,
            },
            type_name,
            inner,
        )
    }
}
