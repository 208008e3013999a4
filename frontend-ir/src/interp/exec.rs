//! Frames and the instruction loop.
//!
//! ```text
//!  frames   [main] [f] [g] ...             one vector; no recursion of the host, except for filters, class constructors
//!  eval     [main's][f's][g's]             and threads, which run inside a nested loop down to their `boundary`
//!  stack    | args locals | localloc | args locals | ...     simulated memory: all locals have addresses
//! ```

use super::arith::{self, Fail};
use super::memory::{Fault, STACK_BYTES};
use super::unwind::{Active, Unwind};
use super::value::Value;
use super::world::World;
use super::{End, RunError};
use crate::body::Body;
use crate::op::{Insn, Op};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::{MemTy, StackTy};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Why an instruction did not complete.
#[derive(Debug)]
pub(super) enum Stop {
    /// It throws this object.
    Throw(u64),
    /// It throws this object again.
    Rethrow(u64),
    /// An exception left the nested loop through its boundary; its frames are gone.
    Unwound(u64),
    /// It throws a new exception of this kind.
    Trap(TrapKind),
    /// The program cannot go on.
    Run(RunError),
}

pub(super) fn invalid<T>(message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Run(RunError::Invalid(message.into())))
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Null => Stop::Trap(TrapKind::NullReference),
            Fault::Wild(addr) => Stop::Run(RunError::Invalid(format!("access of {addr:#x}"))),
        }
    }
}

impl From<TrapKind> for Stop {
    fn from(kind: TrapKind) -> Self {
        Stop::Trap(kind)
    }
}

impl From<Fail> for Stop {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Trap(kind) => Stop::Trap(kind),
            Fail::Type => Stop::Run(RunError::Invalid("operands of the wrong type".to_string())),
        }
    }
}

/// What an instruction did to the flow.
pub(super) enum Next {
    /// On to the next one.
    Go,
    /// On to this one.
    To(u32),
    /// A frame was pushed, or the place of execution was set otherwise.
    Placed,
    /// The method, or filter, ends with this result.
    Return(Option<Value>),
}

/// What the caller gets when a frame returns.
#[derive(Clone, Debug)]
pub(super) enum OnReturn {
    /// The result.
    Result,
    /// This value (a new object).
    Object(Value),
    /// The value type at this address, which a constructor filled.
    Struct(u64, TypeId),
    /// Nothing: whoever runs the nested loop takes the result.
    Nested,
}

/// Where arguments and locals are in a frame's memory.
#[derive(Debug)]
pub(super) struct Shape {
    pub args: Vec<u32>,
    pub locals: Vec<u32>,
    pub size: u32,
}

/// A method that runs.
#[derive(Debug)]
pub(super) struct Frame {
    pub body: Arc<Body>,
    pub shape: Arc<Shape>,
    /// Index of the current instruction: during a call, of the call.
    pub pc: u32,
    /// Address of arguments and locals.
    pub base: u64,
    /// Stack pointer to go back to.
    pub sp_before: u64,
    /// Height of the evaluation stack below this frame's entries.
    pub eval_base: usize,
    /// Handlers that are being executed, inner last.
    pub active: Vec<Active>,
    pub on_return: OnReturn,
    /// The block of variadic arguments that the caller passed, or 0.
    pub cookie: u64,
    /// Blocks of the `varargs` instructions that have been executed: index of the instruction, address.
    pub blocks: Vec<(u32, u64)>,
}

/// The interpreter.
#[derive(Debug)]
pub struct Interp<'m> {
    /// The program's world.
    pub world: World<'m>,
    pub(super) frames: Vec<Frame>,
    pub(super) eval: Vec<Value>,
    pub(super) sp: u64,
    pub(super) stack_end: u64,
    pub(super) thread: usize,
    pub(super) threads: usize,
    /// The vararg cookie on its way from a call to the frame that it pushes.
    pub(super) hidden_cookie: u64,
    steps: u64,
    shapes: FxHashMap<MethodId, Arc<Shape>>,
}

impl<'m> Interp<'m> {
    /// An interpreter at the start of a program.
    pub fn new(mut world: World<'m>) -> Self {
        let sp = world.memory.new_stack();
        Interp {
            world,
            frames: Vec::new(),
            eval: Vec::new(),
            sp,
            stack_end: sp + STACK_BYTES,
            thread: 0,
            threads: 1,
            hidden_cookie: 0,
            steps: 0,
            shapes: FxHashMap::default(),
        }
    }

    /// Runs a function without parameters to the end of the program.
    pub fn run_main(&mut self, entry: MethodId) -> Result<End, RunError> {
        match self.invoke(entry, &[]) {
            Ok(value) => Ok(End::Exit(value.and_then(|v| v.as_int()).unwrap_or(0) as i32)),
            Err(stop) => self.end_of(stop),
        }
    }

    fn end_of(&mut self, stop: Stop) -> Result<End, RunError> {
        let class = match stop {
            Stop::Run(error) => return Err(error),
            Stop::Trap(kind) => self.world.module.trap_class(kind),
            Stop::Throw(object) | Stop::Rethrow(object) | Stop::Unwound(object) => {
                match self.world.type_of(object) {
                    Ok(t) => t,
                    Err(_) => {
                        return Err(RunError::Invalid(
                            "what was thrown is no object".to_string(),
                        ));
                    }
                }
            }
        };
        Ok(End::Unhandled(self.world.module.ty(class).name.clone()))
    }

    /// Runs until the number of frames is down to `boundary`; gives the result of the last one.
    pub(super) fn run(&mut self, boundary: usize) -> Result<Option<Value>, Stop> {
        loop {
            self.steps += 1;
            if self.steps > self.world.limits.steps {
                return Err(Stop::Run(RunError::Steps));
            }
            let Some(frame) = self.frames.last() else {
                return invalid("no frame");
            };
            let Some(insn) = frame.body.code.get(frame.pc as usize).copied() else {
                return invalid(self.describe("control leaves the body"));
            };
            match self.step(&insn) {
                Ok(Next::Go) => self.advance(),
                Ok(Next::To(target)) => self.top().pc = target,
                Ok(Next::Placed) => {}
                Ok(Next::Return(value)) => {
                    if let Some(done) = self.leave_frame(value, boundary)? {
                        return Ok(done);
                    }
                }
                Err(Stop::Trap(kind)) => {
                    let object = self.world.trap_object(kind);
                    self.throw(object, boundary)?;
                }
                Err(Stop::Throw(object) | Stop::Rethrow(object)) => self.throw(object, boundary)?,
                Err(Stop::Run(RunError::Invalid(message))) => {
                    return invalid(self.describe(&message));
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    fn describe(&self, message: &str) -> String {
        match self.frames.last() {
            Some(f) if !message.contains(" at ") => {
                let name = self.world.module.full_name(f.body.method);
                format!("{name} at {}: {message}", f.pc)
            }
            _ => message.to_string(),
        }
    }

    pub(super) fn top(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn advance(&mut self) {
        self.top().pc += 1;
    }

    /// Ends the top frame; `Some` if that was the last one of this loop.
    fn leave_frame(
        &mut self,
        value: Option<Value>,
        boundary: usize,
    ) -> Result<Option<Option<Value>>, Stop> {
        let frame = match self.frames.pop() {
            Some(f) => f,
            None => return invalid("no frame"),
        };
        self.eval.truncate(frame.eval_base);
        let result = match frame.on_return {
            OnReturn::Struct(addr, ty) => {
                let mem = self.world.module.ty(ty).mem;
                Some(self.world.memory.load(self.world.module, addr, mem)?)
            }
            OnReturn::Object(object) => Some(object),
            OnReturn::Result | OnReturn::Nested => value,
        };
        self.sp = frame.sp_before;
        if self.frames.len() == boundary {
            return Ok(Some(result));
        }
        self.eval.extend(result);
        self.advance();
        Ok(None)
    }

    /// Offsets of a method's arguments and locals.
    pub(super) fn shape(&mut self, body: &Body) -> Arc<Shape> {
        if let Some(shape) = self.shapes.get(&body.method) {
            return shape.clone();
        }
        let module = self.world.module;
        let mut size = 0u32;
        let mut place = |ty: MemTy| {
            let at = size;
            let bytes = match ty {
                MemTy::Struct(t) => module.ty(t).layout.size,
                _ => 8,
            };
            size += bytes.next_multiple_of(8);
            at
        };
        let args = body.sig.params.iter().map(|&t| place(t)).collect();
        let locals = body.locals.iter().map(|l| place(l.ty)).collect();
        let shape = Arc::new(Shape { args, locals, size });
        self.shapes.insert(body.method, shape.clone());
        shape
    }

    // ---- evaluation stack

    pub(super) fn push(&mut self, value: Value) {
        self.eval.push(value);
    }

    pub(super) fn pop(&mut self) -> Result<Value, Stop> {
        let base = self.top().eval_base;
        if self.eval.len() <= base {
            return invalid("stack underflow");
        }
        match self.eval.pop() {
            Some(v) => Ok(v),
            None => invalid("stack underflow"),
        }
    }

    pub(super) fn pop_as(&mut self, ty: StackTy) -> Result<Value, Stop> {
        let value = self.pop()?;
        let found = value.ty();
        match value.coerce(ty) {
            Some(v) => Ok(v),
            None => invalid(format!("{found:?} where {ty:?} is wanted")),
        }
    }

    pub(super) fn pop_int(&mut self) -> Result<i64, Stop> {
        match self.pop()? {
            v @ (Value::I32(_) | Value::I64(_) | Value::Native(_)) => Ok(v.as_int().unwrap_or(0)),
            v => invalid(format!("{:?} where an integer is wanted", v.ty())),
        }
    }

    pub(super) fn pop_ref(&mut self) -> Result<u64, Stop> {
        match self.pop()? {
            Value::Ref(object) => Ok(object),
            v => invalid(format!("{:?} where a reference is wanted", v.ty())),
        }
    }

    /// A managed or native pointer.
    pub(super) fn pop_pointer(&mut self) -> Result<u64, Stop> {
        match self.pop()? {
            Value::ByRef(addr) => Ok(addr),
            Value::Native(addr) => Ok(addr as u64),
            v => invalid(format!("{:?} where a pointer is wanted", v.ty())),
        }
    }

    pub(super) fn clear_eval(&mut self) {
        let base = self.top().eval_base;
        self.eval.truncate(base);
    }

    // ---- instructions

    fn step(&mut self, insn: &Insn) -> Result<Next, Stop> {
        match insn.op {
            Op::Nop | Op::Break => {}

            Op::LdcI4(x) => self.push(Value::I32(x)),
            Op::LdcI8(x) => self.push(Value::I64(x)),
            Op::LdcR4(bits) => self.push(Value::F32(f32::from_bits(bits))),
            Op::LdcR8(bits) => self.push(Value::F64(f64::from_bits(bits))),
            Op::LdNull => self.push(Value::Ref(0)),
            Op::LdStr(literal) => {
                let object = self.world.literal(literal);
                self.push(Value::Ref(object))
            }
            Op::Dup => {
                let value = self.pop()?;
                self.push(value.clone());
                self.push(value)
            }
            Op::Pop => {
                self.pop()?;
            }

            Op::Bin(op) => {
                let right = self.pop()?;
                let left = self.pop()?;
                self.push(arith::bin(op, &left, &right)?)
            }
            Op::Neg => {
                let value = self.pop()?;
                self.push(arith::neg(&value)?)
            }
            Op::Not => {
                let value = self.pop()?;
                self.push(arith::not(&value)?)
            }
            Op::Conv(to, mode) => {
                let value = self.pop()?;
                self.push(arith::convert(&value, to, mode)?)
            }
            Op::CkFinite => {
                let value = self.pop()?;
                self.push(arith::ckfinite(value)?)
            }
            Op::Compare(cmp) => {
                let right = self.pop()?;
                let left = self.pop()?;
                self.push(Value::I32(arith::compare(cmp, &left, &right)? as i32))
            }

            Op::Br(target) => return Ok(Next::To(target)),
            Op::BrTrue(target) | Op::BrFalse(target) => {
                let value = self.pop()?;
                if arith::truth(&value)? == matches!(insn.op, Op::BrTrue(_)) {
                    return Ok(Next::To(target));
                }
            }
            Op::BrCmp(cmp, target) => {
                let right = self.pop()?;
                let left = self.pop()?;
                if arith::compare(cmp, &left, &right)? {
                    return Ok(Next::To(target));
                }
            }
            Op::Switch(table) => {
                let index = self.pop_int()? as u32 as usize;
                let targets = self.top().body.switches.get(table as usize);
                if let Some(&target) = targets.and_then(|t| t.get(index)) {
                    return Ok(Next::To(target));
                }
            }

            Op::Ret => {
                let ret = self.top().body.sig.ret;
                let value = match ret {
                    None => None,
                    Some(mem) => {
                        let value = self.pop_as(mem.stack_ty())?;
                        Some(narrow_small(value, mem))
                    }
                };
                return Ok(Next::Return(value));
            }
            Op::EndFilter => {
                let value = self.pop_as(StackTy::I32)?;
                return Ok(Next::Return(Some(value)));
            }
            Op::Leave(target) => return self.leave(target),
            Op::EndFinally => return self.end_finally(),
            Op::Throw => {
                let object = self.pop_ref()?;
                return Err(if object == 0 {
                    Stop::Trap(TrapKind::NullReference)
                } else {
                    Stop::Throw(object)
                });
            }
            Op::Rethrow => {
                let caught = self.top().active.iter().rev().find_map(|a| match a.state {
                    Unwind::Catch(object) => Some(object),
                    _ => None,
                });
                return match caught {
                    Some(object) => Err(Stop::Rethrow(object)),
                    None => invalid("rethrow outside of a handler"),
                };
            }
            Op::Raise(_) => return Err(Stop::Trap(TrapKind::InvalidProgram)),

            Op::Jmp(callee) => return self.jump(callee),
            Op::Call(callee) => return self.call(callee, insn, false),
            Op::CallVirt(callee) => return self.call(callee, insn, true),
            Op::CallI(sig) => return self.call_indirect(sig, insn),
            Op::NewObj(ctor) => return self.new_object(ctor),
            Op::VarArgs(sig) => self.var_args(sig)?,
            Op::ArgList => {
                let cookie = self.top().cookie;
                self.push(Value::Native(cookie as i64))
            }
            Op::LdFtn(m) => {
                let code = self
                    .world
                    .symbol(isthmus_runtime_abi::symbol::Symbol::MethodEntry(m));
                self.push(Value::Native(code.unwrap_or(0) as i64))
            }
            Op::LdVirtFtn(m) => {
                let object = self.pop_ref()?;
                let code = self.world.implementation(m, object)?;
                self.push(Value::Native(code as i64))
            }
            _ => self.access(insn)?,
        }
        Ok(Next::Go)
    }
}

/// What a value becomes on its way through a location smaller than 32 bits.
pub(super) fn narrow_small(value: Value, mem: MemTy) -> Value {
    match (value, mem) {
        (Value::I32(x), MemTy::I8) => Value::I32(x as i8 as i32),
        (Value::I32(x), MemTy::U8) => Value::I32(x as u8 as i32),
        (Value::I32(x), MemTy::I16) => Value::I32(x as i16 as i32),
        (Value::I32(x), MemTy::U16) => Value::I32(x as u16 as i32),
        (value, _) => value,
    }
}
