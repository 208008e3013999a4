//! Instructions on memory: arguments and locals, pointers, fields, arrays, boxes, casts.

use super::exec::{Interp, Stop, invalid};
use super::value::Value;
use crate::op::{Insn, Op, Prefix, Token};
use isthmus_runtime_abi::ids::{FieldId, TypeId};
use isthmus_runtime_abi::layout::{ARRAY_DATA, HEADER};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::{FieldPlace, TypeKind};

impl Interp<'_> {
    pub(super) fn access(&mut self, insn: &Insn) -> Result<(), Stop> {
        match insn.op {
            Op::LdArg(n) => {
                let (addr, mem) = self.argument(n)?;
                self.load(addr, mem)?
            }
            Op::LdArgA(n) => {
                let (addr, _) = self.argument(n)?;
                self.push(Value::ByRef(addr))
            }
            Op::StArg(n) => {
                let (addr, mem) = self.argument(n)?;
                self.pop_store(addr, mem)?
            }
            Op::LdLoc(n) => {
                let (addr, mem) = self.local(n)?;
                self.load(addr, mem)?
            }
            Op::LdLocA(n) => {
                let (addr, _) = self.local(n)?;
                self.push(Value::ByRef(addr))
            }
            Op::StLoc(n) => {
                let (addr, mem) = self.local(n)?;
                self.pop_store(addr, mem)?
            }

            Op::LdInd(mem) => {
                let addr = self.pop_pointer()?;
                self.load(addr, mem)?
            }
            Op::LdObj(t) => {
                let addr = self.pop_pointer()?;
                let mem = self.world.module.ty(t).mem;
                self.load(addr, mem)?
            }
            Op::StInd(mem) => {
                let value = self.pop_as(mem.stack_ty())?;
                let addr = self.pop_pointer()?;
                self.world.memory.store(addr, mem, &value)?
            }
            Op::StObj(t) => {
                let mem = self.world.module.ty(t).mem;
                let value = self.pop_as(mem.stack_ty())?;
                let addr = self.pop_pointer()?;
                self.world.memory.store(addr, mem, &value)?
            }
            Op::CpObj(t) => {
                let from = self.pop_pointer()?;
                let to = self.pop_pointer()?;
                let size = self.size_of(t) as usize;
                self.world.memory.copy(to, from, size)?
            }
            Op::InitObj(t) => {
                let addr = self.pop_pointer()?;
                let size = self.size_of(t) as usize;
                self.world.memory.fill(addr, size, 0)?
            }
            Op::CpBlk => {
                let size = self.pop_int()? as u32 as usize;
                let from = self.pop_pointer()?;
                let to = self.pop_pointer()?;
                self.world.memory.copy(to, from, size)?
            }
            Op::InitBlk => {
                let size = self.pop_int()? as u32 as usize;
                let byte = self.pop_int()? as u8;
                let addr = self.pop_pointer()?;
                self.world.memory.fill(addr, size, byte)?
            }
            Op::LocAlloc => {
                let size = match self.pop()? {
                    Value::I32(n) => u64::from(n as u32),
                    Value::Native(n) => n as u64,
                    other => return invalid(format!("localloc of {other:?} bytes")),
                };
                let block = self.sp;
                self.grow(size)?;
                self.push(Value::Native(if size == 0 { 0 } else { block as i64 }))
            }
            Op::SizeOf(t) => {
                let size = self.size_of(t);
                self.push(Value::I32(size as i32))
            }

            Op::LdFld(f) => self.load_field(f)?,
            Op::LdFldA(f) => {
                let object = self.pop()?;
                let address = self.field_address(f, &object)?;
                self.push(match object {
                    Value::Native(_) => Value::Native(address as i64),
                    _ => Value::ByRef(address),
                })
            }
            Op::StFld(f) => {
                let mem = self.world.module.field_def(f).mem;
                let value = self.pop_as(mem.stack_ty())?;
                let object = self.pop()?;
                let addr = self.field_address(f, &object)?;
                self.world.memory.store(addr, mem, &value)?
            }
            Op::LdSFld(f) => {
                let addr = self.static_address(f)?;
                let mem = self.world.module.field_def(f).mem;
                self.load(addr, mem)?
            }
            Op::LdSFldA(f) => {
                let addr = self.static_address(f)?;
                self.push(Value::ByRef(addr))
            }
            Op::StSFld(f) => {
                let addr = self.static_address(f)?;
                let mem = self.world.module.field_def(f).mem;
                self.pop_store(addr, mem)?
            }

            Op::Box(t) => self.box_top(t)?,
            Op::Unbox(t) => {
                let object = self.pop_ref()?;
                let addr = self.unbox(object, t)?;
                self.push(Value::ByRef(addr))
            }
            Op::UnboxAny(t) => self.unbox_any(t)?,
            Op::CastClass(t) => {
                let object = self.pop_ref()?;
                if object != 0 && !self.world.is_instance(object, t)? {
                    return Err(Stop::Trap(TrapKind::InvalidCast));
                }
                self.push(Value::Ref(object))
            }
            Op::IsInst(t) => {
                let object = self.pop_ref()?;
                let yes = object != 0 && self.world.is_instance(object, t)?;
                self.push(Value::Ref(if yes { object } else { 0 }))
            }

            Op::NewArr(t) => {
                let len = self.pop_int()?;
                let Some(array) = self.world.module.existing_array(t) else {
                    return invalid("the array type does not exist");
                };
                let object = self.world.alloc_array(array, len)?;
                self.push(Value::Ref(object))
            }
            Op::LdLen => {
                let array = self.pop_ref()?;
                let len = self.world.length(array)?;
                self.push(Value::Native(len as i64))
            }
            Op::LdElem(mem, _) => {
                let index = self.pop_int()?;
                let array = self.pop_ref()?;
                let addr = self.element(array, index)?;
                self.load(addr, mem)?
            }
            Op::LdElemA(t) => {
                let index = self.pop_int()?;
                let array = self.pop_ref()?;
                let addr = self.element(array, index)?;
                let exact = self.world.type_of(array)?;
                let wanted = TypeKind::SzArray(t);
                let checked =
                    self.world.module.is_reference(t) && !insn.prefix.contains(Prefix::READONLY);
                if checked && self.world.module.ty(exact).kind != wanted {
                    return Err(Stop::Trap(TrapKind::ArrayTypeMismatch));
                }
                self.push(Value::ByRef(addr))
            }
            Op::StElem(mem, _) => {
                let value = self.pop_as(mem.stack_ty())?;
                let index = self.pop_int()?;
                let array = self.pop_ref()?;
                let addr = self.element(array, index)?;
                if let Value::Ref(object @ 1..) = value {
                    let exact = self.world.type_of(array)?;
                    let TypeKind::SzArray(element) = self.world.module.ty(exact).kind else {
                        return invalid("not an array");
                    };
                    if !self.world.is_instance(object, element)? {
                        return Err(Stop::Trap(TrapKind::ArrayTypeMismatch));
                    }
                }
                self.world.memory.store(addr, mem, &value)?
            }

            Op::LdToken(token) => {
                let symbol = match token {
                    Token::Type(t) => Symbol::TypeHandle(t),
                    Token::Method(m) => Symbol::MethodHandle(m),
                    Token::Field(f) => Symbol::VmData(f.raw()),
                };
                match self.world.symbol(symbol) {
                    Some(addr) => self.push(Value::Native(addr as i64)),
                    None => return invalid("this token has no handle"),
                }
            }
            Op::MkRefAny(t) => self.make_typed_reference(t)?,
            Op::RefAnyVal(t) => {
                let (handle, address) = self.pop_typed_reference()?;
                if Some(handle) != self.world.symbol(Symbol::TypeHandle(t)) {
                    return Err(Stop::Trap(TrapKind::InvalidCast));
                }
                self.push(Value::ByRef(address))
            }
            Op::RefAnyType => {
                let (handle, _) = self.pop_typed_reference()?;
                self.push(Value::Native(handle as i64))
            }
            other => return invalid(format!("{other:?} is not supported")),
        }
        Ok(())
    }

    fn argument(&mut self, n: u16) -> Result<(u64, MemTy), Stop> {
        let frame = self.top();
        match (
            frame.shape.args.get(n as usize),
            frame.body.sig.params.get(n as usize),
        ) {
            (Some(&at), Some(&mem)) => Ok((frame.base + at as u64, mem)),
            _ => invalid(format!("no argument {n}")),
        }
    }

    fn local(&mut self, n: u16) -> Result<(u64, MemTy), Stop> {
        let frame = self.top();
        match (
            frame.shape.locals.get(n as usize),
            frame.body.locals.get(n as usize),
        ) {
            (Some(&at), Some(local)) => Ok((frame.base + at as u64, local.ty)),
            _ => invalid(format!("no local {n}")),
        }
    }

    fn load(&mut self, addr: u64, mem: MemTy) -> Result<(), Stop> {
        let value = self.world.memory.load(self.world.module, addr, mem)?;
        self.push(value);
        Ok(())
    }

    fn pop_store(&mut self, addr: u64, mem: MemTy) -> Result<(), Stop> {
        let value = self.pop_as(mem.stack_ty())?;
        Ok(self.world.memory.store(addr, mem, &value)?)
    }

    /// `mkrefany`: the bytes of {type handle, address}.
    fn make_typed_reference(&mut self, t: TypeId) -> Result<(), Stop> {
        let address = self.pop_pointer()?;
        let Some(handle) = self.world.symbol(Symbol::TypeHandle(t)) else {
            return invalid("a type without a handle");
        };
        let bytes = [handle.to_le_bytes(), address.to_le_bytes()].concat();
        let ty = self.world.module.wellknown().typed_reference;
        self.push(Value::Struct(ty, bytes.into()));
        Ok(())
    }

    fn pop_typed_reference(&mut self) -> Result<(u64, u64), Stop> {
        let wanted = self.world.module.wellknown().typed_reference;
        let Value::Struct(ty, bytes) = self.pop()? else {
            return invalid("no typed reference");
        };
        match bytes.split_first_chunk::<8>() {
            Some((handle, address)) if ty == wanted && address.len() == 8 => {
                let address = address.first_chunk().copied().unwrap_or_default();
                Ok((u64::from_le_bytes(*handle), u64::from_le_bytes(address)))
            }
            _ => invalid("no typed reference"),
        }
    }

    fn size_of(&self, t: TypeId) -> u32 {
        let ty = self.world.module.ty(t);
        ty.mem.scalar_size(8).unwrap_or(ty.layout.size)
    }

    /// Takes zeroed bytes from the simulated stack.
    pub(super) fn grow(&mut self, size: u64) -> Result<(), Stop> {
        let end = self
            .sp
            .checked_add(size.checked_next_multiple_of(16).unwrap_or(u64::MAX));
        match end.filter(|&e| e <= self.stack_end) {
            Some(end) => {
                self.world
                    .memory
                    .fill(self.sp, (end - self.sp) as usize, 0)?;
                self.sp = end;
                Ok(())
            }
            None => Err(Stop::Trap(TrapKind::StackOverflow)),
        }
    }

    // ---- fields

    fn load_field(&mut self, f: FieldId) -> Result<(), Stop> {
        let object = self.pop()?;
        let def = self.world.module.field_def(f);
        let (mem, place) = (def.mem, def.place);
        if let (Value::Struct(_, bytes), FieldPlace::Instance(offset)) = (&object, place) {
            // A value on the stack: put it where it has an address.
            let before = self.sp;
            self.grow(bytes.len() as u64)?;
            self.world.memory.write(before, bytes)?;
            self.load(before + offset as u64, mem)?;
            self.sp = before;
            return Ok(());
        }
        let addr = self.field_address(f, &object)?;
        self.load(addr, mem)
    }

    fn field_address(&mut self, f: FieldId, object: &Value) -> Result<u64, Stop> {
        match self.world.module.field_def(f).place {
            FieldPlace::Instance(offset) => match *object {
                Value::Ref(0) => Err(Stop::Trap(TrapKind::NullReference)),
                Value::Ref(base) | Value::ByRef(base) => Ok(base.wrapping_add(offset as u64)),
                Value::Native(base) => Ok((base as u64).wrapping_add(offset as u64)),
                ref v => invalid(format!("{:?} has no fields", v.ty())),
            },
            _ => self.static_address(f),
        }
    }

    fn static_address(&mut self, f: FieldId) -> Result<u64, Stop> {
        let def = self.world.module.field_def(f);
        let (owner, place) = (def.owner, def.place);
        if self.world.module.ty(owner).cctor.is_some() {
            self.class_init(owner)?;
        }
        let (symbol, offset) = match place {
            FieldPlace::Static(offset) => (Symbol::Statics(owner), offset),
            FieldPlace::RefStatic(offset) => (Symbol::RefStatics(owner), offset),
            FieldPlace::ThreadStatic(offset) => {
                return Ok(self.world.thread_statics(self.thread, owner) + offset as u64);
            }
            _ => return invalid("not a static field"),
        };
        match self.world.symbol(symbol) {
            Some(base) => Ok(base + offset as u64),
            None => invalid("no statics"),
        }
    }

    // ---- arrays and boxes

    fn element(&mut self, array: u64, index: i64) -> Result<u64, Stop> {
        let len = self.world.length(array)?;
        if index as u64 >= len as u64 {
            return Err(Stop::Trap(TrapKind::IndexOutOfRange));
        }
        let exact = self.world.type_of(array)?;
        let size = self.world.module.ty(exact).component_size;
        Ok(array + ARRAY_DATA as u64 + index as u64 * size as u64)
    }

    pub(super) fn box_top(&mut self, t: TypeId) -> Result<(), Stop> {
        let mem = self.world.module.ty(t).mem;
        let value = self.pop_as(mem.stack_ty())?;
        let object = match (self.world.module.ty(t).kind, &value) {
            (_, Value::Ref(object)) => *object,
            (TypeKind::Nullable(payload), Value::Struct(_, bytes)) => {
                if bytes.first() == Some(&0) {
                    0
                } else {
                    let at = self.nullable_offset(t) as usize;
                    let inner = self.value_from(&bytes[at..], payload)?;
                    self.world.box_value(payload, &inner)?
                }
            }
            _ => self.world.box_value(t, &value)?,
        };
        self.push(Value::Ref(object));
        Ok(())
    }

    fn nullable_offset(&self, t: TypeId) -> u32 {
        use isthmus_runtime_abi::vm::CompileEnv;
        self.world.module.nullable_value_offset(t)
    }

    /// The value of a type whose bytes are given.
    fn value_from(&mut self, bytes: &[u8], t: TypeId) -> Result<Value, Stop> {
        let before = self.sp;
        let size = self.size_of(t) as usize;
        self.grow(size as u64)?;
        self.world.memory.write(before, &bytes[..size])?;
        let mem = self.world.module.ty(t).mem;
        let value = self.world.memory.load(self.world.module, before, mem)?;
        self.sp = before;
        Ok(value)
    }

    fn unbox(&mut self, object: u64, t: TypeId) -> Result<u64, Stop> {
        if self.world.type_of(object)? != t {
            return Err(Stop::Trap(TrapKind::InvalidCast));
        }
        Ok(object + HEADER as u64)
    }

    fn unbox_any(&mut self, t: TypeId) -> Result<(), Stop> {
        let object = self.pop_ref()?;
        let ty = self.world.module.ty(t);
        match ty.kind {
            TypeKind::Nullable(payload) => {
                let mut bytes = vec![0; ty.layout.size as usize];
                if object != 0 {
                    let addr = self.unbox(object, payload)?;
                    let size = self.size_of(payload) as usize;
                    let at = self.nullable_offset(t) as usize;
                    bytes[0] = 1;
                    bytes[at..at + size].copy_from_slice(self.world.memory.bytes(addr, size)?);
                }
                self.push(Value::Struct(t, bytes.into()));
                Ok(())
            }
            _ if ty.mem == MemTy::Ref => {
                if object != 0 && !self.world.is_instance(object, t)? {
                    return Err(Stop::Trap(TrapKind::InvalidCast));
                }
                self.push(Value::Ref(object));
                Ok(())
            }
            _ => {
                let addr = self.unbox(object, t)?;
                let mem = self.world.module.ty(t).mem;
                self.load(addr, mem)
            }
        }
    }
}
