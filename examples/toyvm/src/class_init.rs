//! Running class constructors. `rt::class_init` sees to it that each runs once, whatever threads do; here is what a constructor is.

use crate::object;
use crate::vm::Toy;
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::vm::FieldPlace;

impl Toy {
    /// Sees to it that a class is initialized, or is being so by this thread.
    pub fn ensure_initialized(&self, thread: &Thread, ty: TypeId) -> Result<(), Thrown> {
        let construct = || match self.module.ty(ty).cctor {
            Some(constructor) => self.construct(thread, constructor),
            None => Ok(()),
        };
        self.types().init(ty).ensure(thread, construct)
    }

    fn construct(&self, thread: &Thread, constructor: MethodId) -> Result<(), Thrown> {
        let def = self.module.method_def(constructor);
        let sig = AbiSig::new(&def.sig, thread.runtime().arch(), self.module);
        // SAFETY: the calling thread; a class constructor has no parameters.
        match unsafe {
            thread
                .runtime()
                .invoke_method(thread, constructor, &sig, &[])
        } {
            Ok(_) => Ok(()),
            Err(inner) => Err(Thrown::new(self.wrap(thread, inner.exception)?)),
        }
    }

    /// A TypeInitializationException around what a class constructor threw.
    fn wrap(&self, thread: &Thread, inner: Ref) -> Result<Ref, Thrown> {
        let module = self.module;
        let class = module.find_type("TypeInitializationException");
        let field = module.find_field(module.wellknown().exception, "inner");
        let (Some(class), Some(field)) = (class, field) else {
            return Err(thread.runtime().trap(thread, TrapKind::InvalidProgram));
        };
        let object = object::new_object(thread, class)?;
        if let FieldPlace::Instance(offset) = module.field_def(field).place {
            // SAFETY: a reference field of the object just made. The heap's store keeps the write barrier.
            unsafe {
                let slot = object.addr() + offset as usize;
                thread.runtime().heap().store(object, slot, inner);
            }
        }
        Ok(object)
    }
}
