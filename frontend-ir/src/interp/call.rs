//! Calls, constructors, class initialization, threads.

use super::arith;
use super::exec::{Frame, Interp, Next, OnReturn, Stop, invalid};
use super::host::{HostError, HostResult};
use super::memory::STACK_BYTES;
use super::value::Value;
use super::world::{Code, InitState};
use super::{RunError, exec};
use crate::body::Body;
use crate::module::MethodFlags;
use crate::op::{Insn, Op, Prefix};
use isthmus_runtime_abi::callconv::VarArgBlock;
use isthmus_runtime_abi::ids::{MethodId, SigId, TypeId};
use isthmus_runtime_abi::layout::HEADER;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::{MemTy, Signature};
use isthmus_runtime_abi::vm::{CompileEnv, ConstrainedPlan, InitAtEntry};
use std::sync::Arc;

/// Bytes of stack that a frame takes beside its locals.
const FRAME_BYTES: u64 = 64;

impl Interp<'_> {
    /// Runs a method in a nested loop. Exceptions that nothing inside catches come back as [`Stop::Throw`].
    pub(super) fn invoke(
        &mut self,
        method: MethodId,
        args: &[Value],
    ) -> Result<Option<Value>, Stop> {
        let boundary = self.frames.len();
        let Some(body) = self.world.module.method_def(method).body.clone() else {
            return invalid(format!(
                "{} has no body",
                self.world.module.full_name(method)
            ));
        };
        self.push_frame(body, args, OnReturn::Nested)?;
        self.enter_init(method, boundary)?;
        match self.run(boundary) {
            Err(Stop::Unwound(object)) => Err(Stop::Throw(object)),
            other => other,
        }
    }

    /// Class initialization in the entry of a method whose frame was just pushed.
    fn enter_init(&mut self, method: MethodId, boundary: usize) -> Result<(), Stop> {
        let InitAtEntry::Yes(class) = self.world.module.method(method).init else {
            return Ok(());
        };
        match self.class_init(class) {
            Err(Stop::Throw(object)) => {
                // Thrown by the caller, as far as handlers go: none of the method protects its entry.
                if let Some(frame) = self.frames.pop() {
                    self.eval.truncate(frame.eval_base);
                    self.sp = frame.sp_before;
                }
                debug_assert!(self.frames.len() >= boundary);
                Err(Stop::Throw(object))
            }
            other => other,
        }
    }

    fn push_frame(
        &mut self,
        body: Arc<Body>,
        args: &[Value],
        on_return: OnReturn,
    ) -> Result<(), Stop> {
        let shape = self.shape(&body);
        let sp_before = self.sp;
        let base = self.sp;
        self.grow(shape.size as u64 + FRAME_BYTES)?;
        for (i, value) in args.iter().enumerate() {
            let mem = body.sig.params[i];
            self.world
                .memory
                .store(base + shape.args[i] as u64, mem, value)?;
        }
        let eval_base = self.eval.len();
        self.frames.push(Frame {
            body,
            shape,
            pc: 0,
            base,
            sp_before,
            eval_base,
            active: Vec::new(),
            on_return,
            cookie: std::mem::take(&mut self.hidden_cookie),
            blocks: Vec::new(),
        });
        Ok(())
    }

    fn pop_args(&mut self, params: &[MemTy]) -> Result<Vec<Value>, Stop> {
        let mut args = Vec::with_capacity(params.len() + 1);
        for &param in params.iter().rev() {
            let value = self.pop_as(param.stack_ty())?;
            args.push(exec::narrow_small(value, param));
        }
        args.reverse();
        Ok(args)
    }

    /// Takes the vararg cookie for the frame that the call pushes, if its signature asks for one.
    fn pop_cookie(&mut self, sig: &Signature) -> Result<(), Stop> {
        if sig.takes_cookie() {
            self.hidden_cookie = self.pop_pointer()?;
        }
        Ok(())
    }

    /// `varargs`: stores variadic arguments in the block of this instruction.
    pub(super) fn var_args(&mut self, sig: SigId) -> Result<(), Stop> {
        let module = self.world.module;
        let types = module.signature(sig);
        let places = VarArgBlock::new(&types, Arch::X64, module);
        let args = self.pop_args(&types.params)?;
        let frame = self.top();
        let pc = frame.pc;
        let known = frame.blocks.iter().find(|b| b.0 == pc).map(|b| b.1);
        let block = match known {
            Some(block) => block,
            None => {
                let block = self.sp;
                self.grow(u64::from(places.size))?;
                self.top().blocks.push((pc, block));
                block
            }
        };
        let handle = self.world.symbol(Symbol::Signature(sig)).unwrap_or(0);
        let memory = &mut self.world.memory;
        memory.store(block, MemTy::Native, &Value::Native(handle as i64))?;
        for ((arg, &ty), offset) in args.iter().zip(&types.params).zip(&places.offsets) {
            memory.store(block + u64::from(*offset), ty, arg)?;
        }
        self.push(Value::Native(block as i64));
        Ok(())
    }

    /// `call` and `callvirt`.
    pub(super) fn call(&mut self, callee: MethodId, insn: &Insn, virt: bool) -> Result<Next, Stop> {
        let sig = self.world.module.method_def(callee).sig.clone();
        self.pop_cookie(&sig)?;
        if let (Some(ty), true) = (insn.constrained, sig.has_this) {
            return self.call_constrained(callee, ty, &sig, insn);
        }
        let args = self.pop_args(&sig.params)?;
        let target = if virt {
            self.dispatch(callee, &args)?
        } else {
            Code::Method(callee)
        };
        self.enter(target, args, OnReturn::Result, insn)
    }

    /// What a `callvirt` reaches.
    fn dispatch(&self, callee: MethodId, args: &[Value]) -> Result<Code, Stop> {
        match args.first() {
            Some(Value::Ref(0)) => Err(Stop::Trap(TrapKind::NullReference)),
            Some(Value::Ref(object))
                if self
                    .world
                    .module
                    .method_def(callee)
                    .flags
                    .contains(MethodFlags::VIRTUAL) =>
            {
                let code = self.world.implementation(callee, *object)?;
                match self.world.decode(code) {
                    Some(code) => Ok(code),
                    None => invalid("no implementation"),
                }
            }
            _ => Ok(Code::Method(callee)),
        }
    }

    fn call_constrained(
        &mut self,
        callee: MethodId,
        ty: TypeId,
        sig: &Signature,
        insn: &Insn,
    ) -> Result<Next, Stop> {
        let mut args = self.pop_args(&sig.params[1..])?;
        let addr = self.pop_pointer()?;
        let module = self.world.module;
        let caller = self.top().body.method;
        match module.constrained_plan(caller, ty, callee) {
            ConstrainedPlan::Dereference(_) => {
                let object = self.world.memory.load(module, addr, MemTy::Ref)?;
                args.insert(0, object);
                let target = self.dispatch(callee, &args)?;
                self.enter(target, args, OnReturn::Result, insn)
            }
            ConstrainedPlan::Direct(_) => {
                args.insert(0, Value::ByRef(addr));
                match module.find_implementation(callee, ty) {
                    Some(m) => self.enter(Code::Method(m), args, OnReturn::Result, insn),
                    None => invalid("no implementation"),
                }
            }
            ConstrainedPlan::Box(..) => {
                let mem = module.ty(ty).mem;
                let value = self.world.memory.load(module, addr, mem)?;
                self.push(value);
                self.box_top(ty)?;
                let object = self.pop()?;
                args.insert(0, object);
                let target = self.dispatch(callee, &args)?;
                self.enter(target, args, OnReturn::Result, insn)
            }
            ConstrainedPlan::Runtime(..) => invalid("modules have no shared code"),
        }
    }

    pub(super) fn call_indirect(&mut self, sig: SigId, insn: &Insn) -> Result<Next, Stop> {
        let code = self.pop_pointer()?;
        let sig = self.world.module.signature(sig);
        self.pop_cookie(&sig)?;
        let args = self.pop_args(&sig.params)?;
        if code == 0 {
            return Err(Stop::Trap(TrapKind::NullReference));
        }
        match self.world.decode(code) {
            Some(target) => self.enter(target, args, OnReturn::Result, insn),
            None => invalid(format!("{code:#x} is no code")),
        }
    }

    pub(super) fn new_object(&mut self, ctor: MethodId) -> Result<Next, Stop> {
        let def = self.world.module.method_def(ctor);
        let (sig, Some(class)) = (def.sig.clone(), def.owner) else {
            return invalid("not a constructor");
        };
        self.pop_cookie(&sig)?;
        let mut args = self.pop_args(&sig.params[1..])?;
        let plain = Insn::new(Op::NewObj(ctor), 0);
        if !self.world.module.is_value(class) {
            let object = Value::Ref(self.world.alloc(class)?);
            args.insert(0, object.clone());
            return self.enter(Code::Method(ctor), args, OnReturn::Object(object), &plain);
        }
        let place = self.sp;
        self.grow(self.world.module.ty(class).layout.size as u64)?;
        args.insert(0, Value::ByRef(place));
        let next = self.enter(
            Code::Method(ctor),
            args,
            OnReturn::Struct(place, class),
            &plain,
        );
        match &next {
            Ok(_) => self.top().sp_before = place,
            Err(_) => self.sp = place,
        }
        next
    }

    /// Calls code with arguments.
    fn enter(
        &mut self,
        target: Code,
        mut args: Vec<Value>,
        on_return: OnReturn,
        insn: &Insn,
    ) -> Result<Next, Stop> {
        let method = match target {
            Code::Method(m) => m,
            Code::Unboxing(m) => {
                if let Some(Value::Ref(object)) = args.first() {
                    args[0] = Value::ByRef(object + HEADER as u64);
                }
                m
            }
            Code::Interface(m) => {
                let found = self.dispatch(m, &args)?;
                return self.enter(found, args, on_return, insn);
            }
            Code::Helper(h) => return invalid(format!("call of {}", h.name())),
        };
        if self.world.is_host(method) {
            let result = self.host(method, &args)?;
            self.eval.extend(result);
            return Ok(Next::Go);
        }
        let Some(body) = self.world.module.method_def(method).body.clone() else {
            return invalid(format!(
                "{} has no body",
                self.world.module.full_name(method)
            ));
        };
        if body.sig.params.len() != args.len() {
            return invalid("wrong number of arguments");
        }
        // The block of variadic arguments lies in the frame.
        let tail = insn.prefix.contains(Prefix::TAIL) && !body.sig.takes_cookie();
        if tail && self.may_tail_call() && !self.points_into_frame(&args) {
            return self.replace_frame(body, &args);
        }
        self.push_frame(body, &args, on_return)?;
        self.enter_init(method, 0)?;
        Ok(Next::Placed)
    }

    fn may_tail_call(&mut self) -> bool {
        let frame = self.top();
        let next = frame.body.code.get(frame.pc as usize + 1).map(|i| i.op);
        let region = frame.body.regions.region_of(frame.pc);
        next == Some(Op::Ret) && region == 0
    }

    /// Whether arguments point to variables of the top frame, directly or from within structs.
    fn points_into_frame(&mut self, args: &[Value]) -> bool {
        let frame = self.top().base..self.sp;
        args.iter().any(|arg| match arg {
            Value::ByRef(addr) => frame.contains(addr),
            Value::Native(addr) => frame.contains(&(*addr as u64)),
            Value::Struct(_, bytes) => bytes
                .chunks_exact(8)
                .filter_map(|word| word.try_into().ok())
                .any(|word| frame.contains(&u64::from_le_bytes(word))),
            _ => false,
        })
    }

    /// Runs another body in place of the top frame.
    fn replace_frame(&mut self, body: Arc<Body>, args: &[Value]) -> Result<Next, Stop> {
        let method = body.method;
        if let Some(old) = self.frames.pop() {
            self.eval.truncate(old.eval_base);
            self.sp = old.base;
            self.push_frame(body, args, old.on_return)?;
            self.top().sp_before = old.sp_before;
        }
        self.enter_init(method, 0)?;
        Ok(Next::Placed)
    }

    pub(super) fn jump(&mut self, callee: MethodId) -> Result<Next, Stop> {
        let Some(body) = self.world.module.method_def(callee).body.clone() else {
            return invalid("jmp to a method without a body");
        };
        let module = self.world.module;
        let frame = self.top();
        let places: Vec<(u64, MemTy)> = std::iter::zip(&frame.shape.args, &frame.body.sig.params)
            .map(|(&at, &mem)| (frame.base + at as u64, mem))
            .collect();
        let loads = places
            .iter()
            .map(|&(addr, mem)| self.world.memory.load(module, addr, mem));
        let args = loads.collect::<Result<Vec<_>, _>>()?;
        self.hidden_cookie = self.top().cookie;
        self.replace_frame(body, &args)
    }

    // ---- classes

    /// Makes sure that a class is initialized, or is being so.
    pub(super) fn class_init(&mut self, class: TypeId) -> Result<(), Stop> {
        match self.world.init_state(class) {
            InitState::Ready | InitState::Running => return Ok(()),
            InitState::Failed(object) => return Err(Stop::Throw(object)),
            InitState::New => {}
        }
        self.world.set_init_state(class, InitState::Running);
        let Some(cctor) = self.world.module.ty(class).cctor else {
            return Ok(());
        };
        let inner = match self.invoke(cctor, &[]) {
            Ok(_) => {
                self.world.set_init_state(class, InitState::Ready);
                return Ok(());
            }
            Err(Stop::Throw(object) | Stop::Rethrow(object)) => object,
            Err(Stop::Trap(kind)) => self.world.trap_object(kind),
            Err(stop) => return Err(stop),
        };
        let object = self.init_exception(inner)?;
        self.world.set_init_state(class, InitState::Failed(object));
        Err(Stop::Throw(object))
    }

    fn init_exception(&mut self, inner: u64) -> Result<u64, Stop> {
        let module = self.world.module;
        let wrapper = module.find_type("TypeInitializationException");
        let field = module.find_field(module.wellknown().exception, "inner");
        let (Some(class), Some(field)) = (wrapper, field) else {
            return invalid("the prelude lacks TypeInitializationException");
        };
        let object = self.world.alloc(class)?;
        if let isthmus_runtime_abi::vm::FieldPlace::Instance(offset) = module.field_def(field).place
        {
            self.world
                .memory
                .store(object + offset as u64, MemTy::Ref, &Value::Ref(inner))?;
        }
        Ok(object)
    }

    // ---- host and threads

    fn host(&mut self, method: MethodId, args: &[Value]) -> Result<Option<Value>, Stop> {
        match self.world.host(method, args) {
            Ok(HostResult::Done(value)) => Ok(value),
            Ok(HostResult::Start(code, argument)) => self.start_thread(code, argument).map(Some),
            Ok(HostResult::Join(_)) => Ok(None),
            Err(HostError::Trap(kind)) => Err(Stop::Trap(kind)),
            Err(HostError::Fatal(message)) => invalid(message),
        }
    }

    /// Runs a thread at once, to its end: what programs may observe of threads must not depend on the schedule.
    fn start_thread(&mut self, code: u64, argument: u64) -> Result<Value, Stop> {
        let Some(Code::Method(method)) = self.world.decode(code) else {
            return invalid("a thread needs a static function");
        };
        let number = self.threads;
        self.threads += 1;
        let stack = self.world.memory.new_stack();
        let frames = std::mem::take(&mut self.frames);
        let eval = std::mem::take(&mut self.eval);
        let saved = (self.sp, self.stack_end, self.thread);
        (self.sp, self.stack_end, self.thread) = (stack, stack + STACK_BYTES, number);
        let result = self.invoke(method, &[Value::Ref(argument)]);
        (self.sp, self.stack_end, self.thread) = saved;
        self.frames = frames;
        self.eval = eval;
        let object = match result {
            Ok(_) => return Ok(Value::I32(number as i32)),
            Err(Stop::Run(error)) => return Err(Stop::Run(error)),
            Err(Stop::Trap(kind)) => self.world.trap_object(kind),
            Err(Stop::Throw(object) | Stop::Rethrow(object) | Stop::Unwound(object)) => object,
        };
        let class = self.world.type_of(object)?;
        let line = format!("unhandled {} in a thread", self.world.module.ty(class).name);
        self.world.output.push(line);
        Ok(Value::I32(number as i32))
    }
}

impl From<arith::Fail> for RunError {
    fn from(fail: arith::Fail) -> Self {
        RunError::Invalid(format!("{fail:?}"))
    }
}
