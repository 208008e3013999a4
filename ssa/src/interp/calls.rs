//! Calls, helpers, class initialization, threads.

use super::exec::{Done, Words};
use super::{Code, Interp, Result, Stop, invalid};
use crate::driver::compile;
use crate::ir::{CallInfo, CallTarget, Op};
use isthmus_frontend_ir::interp::arith::{f64_to_i64, f64_to_u64};
use isthmus_frontend_ir::interp::host::{HostError, HostResult};
use isthmus_frontend_ir::interp::memory::STACK_BYTES;
use isthmus_frontend_ir::interp::value::Value;
use isthmus_frontend_ir::interp::world::{self, InitState};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::layout::{HEADER, VtableWord};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::{CompileEnv, FieldPlace, TypeKind};
use smallvec::SmallVec;
use std::rc::Rc;

fn f64_of(v: u64) -> f64 {
    f64::from_bits(v)
}

impl Interp<'_> {
    fn code(&mut self, method: MethodId) -> Result<Rc<Code>> {
        if let Some(code) = self.code.get(&method) {
            return Ok(code.clone());
        }
        let module = self.world.module;
        let name = || module.full_name(method).to_string();
        let Some(body) = &module.method_def(method).body else {
            return invalid(format!("{} has no body", name()));
        };
        match compile(module, method, body, &self.opts) {
            Ok(unit) => {
                let code = Rc::new(Code::from(unit));
                self.code.insert(method, code.clone());
                Ok(code)
            }
            Err(e) => invalid(format!("{}: {e}", name())),
        }
    }

    /// Calls a method with argument words; gives its result words.
    pub(super) fn call_method(&mut self, method: MethodId, words: &[u64]) -> Result<Words> {
        let (mut method, mut words): (MethodId, Words) = (method, words.into());
        loop {
            if self.world.is_host(method) {
                return self.call_host(method, &words);
            }
            let code = self.code(method)?;
            match self.run_func(&code, &words)? {
                Done::Return(results) => return Ok(results),
                Done::Tail(next, args) => (method, words) = (next, args),
            }
        }
    }

    pub(super) fn call(&mut self, call: &CallInfo, words: &[u64]) -> Result<Words> {
        if let CallTarget::Helper(h) = call.target {
            return self.helper(h, words);
        }
        let (method, words) = self.callee(call, words)?;
        self.call_method(method, &words)
    }

    /// The method that a call reaches, and its arguments.
    pub(super) fn callee(&mut self, call: &CallInfo, words: &[u64]) -> Result<(MethodId, Words)> {
        match call.target {
            CallTarget::Method(m) => Ok((m, words.into())),
            CallTarget::Symbol(s) => match self.world.symbol(s) {
                Some(code) => self.decode(code, words),
                None => invalid(format!("no address for {s:?}")),
            },
            CallTarget::Indirect => match words.split_first() {
                Some((&code, rest)) => self.decode(code, rest),
                None => invalid("no code address"),
            },
            CallTarget::Helper(h) => invalid(format!("{} is no method", h.name())),
        }
    }

    fn decode(&mut self, code: u64, words: &[u64]) -> Result<(MethodId, Words)> {
        if code == 0 {
            return Err(Stop::Trap(TrapKind::NullReference));
        }
        match self.world.decode(code) {
            Some(world::Code::Method(m)) => Ok((m, words.into())),
            Some(world::Code::Unboxing(m)) => {
                let mut words: Words = words.into();
                if let Some(this) = words.first_mut() {
                    *this += u64::from(HEADER);
                }
                Ok((m, words))
            }
            Some(world::Code::Interface(m)) => {
                let object = words.first().copied().unwrap_or(0);
                if object == 0 {
                    return Err(Stop::Trap(TrapKind::NullReference));
                }
                let code = self.world.implementation(m, object)?;
                self.decode(code, words)
            }
            Some(world::Code::Helper(_)) | None => {
                invalid(format!("{code:#x} is no method's code"))
            }
        }
    }

    fn call_host(&mut self, method: MethodId, words: &[u64]) -> Result<Words> {
        let sig = self.world.module.method_def(method).sig.clone();
        let mut args: Vec<Value> = Vec::new();
        for (&w, &ty) in words.iter().zip(&sig.params) {
            args.push(match ty {
                MemTy::I8 => Value::I32(i32::from(w as i8)),
                MemTy::U8 => Value::I32(i32::from(w as u8)),
                MemTy::I16 => Value::I32(i32::from(w as i16)),
                MemTy::U16 => Value::I32(i32::from(w as u16)),
                MemTy::I32 => Value::I32(w as i32),
                MemTy::I64 => Value::I64(w as i64),
                MemTy::Native => Value::Native(w as i64),
                MemTy::F32 => Value::F32(f32::from_bits(w as u32)),
                MemTy::F64 => Value::F64(f64_of(w)),
                MemTy::Ref => Value::Ref(w),
                MemTy::ByRef => Value::ByRef(w),
                MemTy::Struct(_) => return invalid("a host function with a struct"),
            });
        }
        match self.world.host(method, &args) {
            Ok(HostResult::Done(v)) => Ok(v.iter().map(bits).collect()),
            Ok(HostResult::Start(code, argument)) => self.start_thread(code, argument),
            Ok(HostResult::Join(_)) => Ok(Words::new()),
            Err(HostError::Trap(kind)) => Err(Stop::Trap(kind)),
            Err(HostError::Fatal(message)) => invalid(message),
        }
    }

    /// Runs a thread at once, to its end, as the other interpreter does.
    fn start_thread(&mut self, code: u64, argument: u64) -> Result<Words> {
        let number = self.threads;
        self.threads += 1;
        let stack = self.world.memory.new_stack();
        let saved = (self.sp, self.stack_end, self.thread);
        (self.sp, self.stack_end, self.thread) = (stack, stack + STACK_BYTES, number);
        let result = self.boundary(|i| {
            let (method, words) = i.decode(code, &[argument])?;
            i.call_method(method, &words)
        });
        (self.sp, self.stack_end, self.thread) = saved;
        let object = match result {
            Ok(_) => None,
            Err(Stop::Run(e)) => return Err(Stop::Run(e)),
            Err(Stop::Trap(kind)) => Some(self.world.trap_object(kind)),
            Err(Stop::Throw(object)) => Some(object),
            Err(Stop::Unwind(u)) => Some(u.object),
        };
        if let Some(object) = object {
            let class = self.world.type_of(object)?;
            let name = &self.world.module.ty(class).name;
            let line = format!("unhandled {name} in a thread");
            self.world.output.push(line);
        }
        Ok(SmallVec::from_slice(&[number as u64]))
    }

    // ---- objects and classes

    fn class_of_vtable(&self, vtable: u64) -> Result<TypeId> {
        let at = vtable + u64::from(VtableWord::Class.offset(8));
        let handle = self.world.memory.u64(at)?;
        self.type_of_handle(handle)
    }

    fn type_of_handle(&self, handle: u64) -> Result<TypeId> {
        match self.world.decode_type(handle) {
            Some(t) => Ok(t),
            None => invalid(format!("{handle:#x} is no type")),
        }
    }

    /// Operations on objects and classes.
    pub(super) fn object_op(&mut self, op: Op, a: u64, b: u64) -> Result<Option<u64>> {
        match op {
            Op::AllocObject => {
                let class = self.class_of_vtable(a)?;
                Ok(Some(self.world.alloc(class)?))
            }
            Op::AllocArray => {
                let class = self.class_of_vtable(a)?;
                Ok(Some(self.world.alloc_array(class, b as i64)?))
            }
            Op::AllocString => match usize::try_from(b as i32) {
                Ok(length) => Ok(Some(self.world.alloc_string(&vec![0; length])?)),
                Err(_) => Err(Stop::Trap(TrapKind::OutOfMemory)),
            },
            Op::ClassInit => {
                let class = self.type_of_handle(b)?;
                self.class_init(class)?;
                Ok(None)
            }
            _ => invalid("modules have no shared code"),
        }
    }

    fn class_init(&mut self, class: TypeId) -> Result<()> {
        match self.world.init_state(class) {
            InitState::Ready | InitState::Running => return Ok(()),
            InitState::Failed(object) => return Err(Stop::Throw(object)),
            InitState::New => {}
        }
        self.world.set_init_state(class, InitState::Running);
        let module = self.world.module;
        let Some(cctor) = module.ty(class).cctor else {
            return Ok(());
        };
        let inner = match self.boundary(|i| i.call_method(cctor, &[])) {
            Ok(_) => {
                self.world.set_init_state(class, InitState::Ready);
                return Ok(());
            }
            Err(Stop::Throw(object)) => object,
            Err(Stop::Trap(kind)) => self.world.trap_object(kind),
            Err(stop) => return Err(stop),
        };
        let wrapper = module.find_type("TypeInitializationException");
        let field = module.find_field(module.wellknown().exception, "inner");
        let (Some(wrapper), Some(field)) = (wrapper, field) else {
            return invalid("the prelude lacks TypeInitializationException");
        };
        let object = self.world.alloc(wrapper)?;
        if let FieldPlace::Instance(offset) = module.field_def(field).place {
            let at = object + u64::from(offset);
            self.world.memory.write(at, &inner.to_le_bytes())?;
        }
        self.world.set_init_state(class, InitState::Failed(object));
        Err(Stop::Throw(object))
    }

    fn box_from(&mut self, ty: TypeId, addr: u64) -> Result<u64> {
        let module = self.world.module;
        if let TypeKind::Nullable(payload) = module.ty(ty).kind {
            if self.world.memory.bytes(addr, 1)?[0] == 0 {
                return Ok(0);
            }
            let offset = module.nullable_value_offset(ty);
            return self.box_from(payload, addr + u64::from(offset));
        }
        let value = self.world.memory.load(module, addr, module.ty(ty).mem)?;
        Ok(self.world.box_value(ty, &value)?)
    }

    fn unbox_any(&mut self, object: u64, ty: TypeId, to: u64) -> Result<()> {
        let module = self.world.module;
        let TypeKind::Nullable(payload) = module.ty(ty).kind else {
            return invalid("unbox_any of something else than a nullable");
        };
        let size = module.ty(ty).layout.size as usize;
        self.world.memory.fill(to, size, 0)?;
        if object == 0 {
            return Ok(());
        }
        if self.world.type_of(object)? != payload {
            return Err(Stop::Trap(TrapKind::InvalidCast));
        }
        let mem = module.ty(payload).mem;
        let from = object + u64::from(HEADER);
        let value = self.world.memory.load(module, from, mem)?;
        let offset = module.nullable_value_offset(ty);
        self.world.memory.write(to, &[1])?;
        self.world
            .memory
            .store(to + u64::from(offset), mem, &value)?;
        Ok(())
    }

    // ---- helpers

    /// Memory above the frame, which goes with it.
    fn local_alloc(&mut self, size: u64) -> Result<u64> {
        let block = self.sp.next_multiple_of(16);
        let room = self.stack_end.saturating_sub(block);
        if size > room {
            return Err(Stop::Trap(TrapKind::StackOverflow));
        }
        self.world.memory.fill(block, size as usize, 0)?;
        self.sp = block + size;
        Ok(block)
    }

    fn helper(&mut self, helper: Helper, w: &[u64]) -> Result<Words> {
        let a = |n: usize| w.get(n).copied().unwrap_or(0);
        let result = match helper {
            Helper::AllocObject => self.object_op(Op::AllocObject, a(0), 0)?,
            Helper::AllocArray => self.object_op(Op::AllocArray, a(0), a(1))?,
            Helper::AllocString => self.object_op(Op::AllocString, a(0), a(1))?,
            Helper::Box => {
                let class = self.class_of_vtable(a(0))?;
                Some(self.box_from(class, a(1))?)
            }
            Helper::BoxAny => {
                let ty = self.type_of_handle(a(0))?;
                Some(self.box_from(ty, a(1))?)
            }
            Helper::CastClass | Helper::IsInst => {
                let ty = self.type_of_handle(a(1))?;
                let is = a(0) == 0 || self.world.is_instance(a(0), ty)?;
                match (helper, is) {
                    (_, true) => Some(a(0)),
                    (Helper::IsInst, false) => Some(0),
                    _ => return Err(Stop::Trap(TrapKind::InvalidCast)),
                }
            }
            Helper::Unbox => {
                let ty = self.type_of_handle(a(1))?;
                if a(0) == 0 {
                    return Err(Stop::Trap(TrapKind::NullReference));
                }
                if self.world.type_of(a(0))? != ty {
                    return Err(Stop::Trap(TrapKind::InvalidCast));
                }
                Some(a(0) + u64::from(HEADER))
            }
            Helper::UnboxAny => {
                let ty = self.type_of_handle(a(1))?;
                self.unbox_any(a(0), ty, a(2))?;
                None
            }
            Helper::ArrayStoreCheck | Helper::ArrayExactCheck => {
                let array = self.world.type_of(a(0))?;
                let TypeKind::SzArray(element) = self.world.module.ty(array).kind else {
                    return invalid("not an array");
                };
                let ok = if helper == Helper::ArrayStoreCheck {
                    a(1) == 0 || self.world.is_instance(a(1), element)?
                } else {
                    element == self.type_of_handle(a(1))?
                };
                if !ok {
                    return Err(Stop::Trap(TrapKind::ArrayTypeMismatch));
                }
                None
            }
            Helper::ResolveVirtual => {
                let Some(m) = self.world.decode_method(a(1)) else {
                    return invalid("not a method");
                };
                if a(0) == 0 {
                    return Err(Stop::Trap(TrapKind::NullReference));
                }
                let found = self.world.implementation(m, a(0));
                match found {
                    Ok(code) => Some(code),
                    // Not virtual: the method itself.
                    Err(_) => self.world.symbol(Symbol::MethodEntry(m)),
                }
            }
            Helper::ClassInit => {
                let ty = self.type_of_handle(a(0))?;
                self.class_init(ty)?;
                None
            }
            Helper::ThreadStatics => {
                let ty = self.type_of_handle(a(0))?;
                Some(self.world.thread_statics(self.thread, ty))
            }
            Helper::CopyValue => {
                let ty = self.type_of_handle(a(2))?;
                let size = self.world.module.ty(ty).layout.size as usize;
                self.world.memory.copy(a(0), a(1), size)?;
                None
            }
            Helper::CopyRefs => {
                self.world.memory.copy(a(1), a(2), a(3) as usize)?;
                None
            }
            Helper::LocalAlloc => Some(self.local_alloc(a(0))?),
            Helper::MemMove => {
                self.world.memory.copy(a(0), a(1), a(2) as usize)?;
                None
            }
            Helper::MemSet => {
                self.world.memory.fill(a(0), a(2) as usize, a(1) as u8)?;
                None
            }
            Helper::StoreRefUnknown => {
                self.world.memory.write(a(0), &a(1).to_le_bytes())?;
                None
            }
            Helper::GcBarrier => None,
            Helper::RemF64 => Some((f64_of(a(0)) % f64_of(a(1))).to_bits()),
            Helper::RemF32 => {
                let (x, y) = (f32::from_bits(a(0) as u32), f32::from_bits(a(1) as u32));
                Some(u64::from((x % y).to_bits()))
            }
            Helper::U64ToF64 => Some((a(0) as f64).to_bits()),
            Helper::F64ToU64 => Some(f64_to_u64(f64_of(a(0)))),
            Helper::F64ToI64Ovf => {
                let x = f64_of(a(0));
                if !(-9223372036854775808.0..9223372036854775808.0).contains(&x) {
                    return Err(Stop::Trap(TrapKind::Overflow));
                }
                Some(f64_to_i64(x) as u64)
            }
            Helper::F64ToU64Ovf => {
                let x = f64_of(a(0));
                if !(x > -1.0 && x < 18446744073709551616.0) {
                    return Err(Stop::Trap(TrapKind::Overflow));
                }
                Some(x as u64)
            }
            Helper::Sin => Some(f64_of(a(0)).sin().to_bits()),
            Helper::Cos => Some(f64_of(a(0)).cos().to_bits()),
            Helper::Tan => Some(f64_of(a(0)).tan().to_bits()),
            Helper::Exp => Some(f64_of(a(0)).exp().to_bits()),
            Helper::Log => Some(f64_of(a(0)).ln().to_bits()),
            Helper::Pow => Some(f64_of(a(0)).powf(f64_of(a(1))).to_bits()),
            Helper::Atan2 => Some(f64_of(a(0)).atan2(f64_of(a(1))).to_bits()),
            h => return invalid(format!("helper {}", h.name())),
        };
        Ok(result.into_iter().collect())
    }
}

/// A value as a word.
fn bits(v: &Value) -> u64 {
    match v {
        Value::F32(x) => u64::from(x.to_bits()),
        Value::F64(x) => x.to_bits(),
        v => v.as_int().unwrap_or(0) as u64,
    }
}
