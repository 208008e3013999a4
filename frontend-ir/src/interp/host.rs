//! The functions of the prelude that the host provides, for interpreters; and their output format, for every engine.

use super::arith;
use super::memory::Fault;
use super::value::Value;
use super::world::World;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{ARRAY_DATA, STRING_CHARS};
use isthmus_runtime_abi::trap::TrapKind;

/// What a host function asks of the engine that called it.
#[derive(Clone, PartialEq, Debug)]
pub enum HostResult {
    /// It is done; its result.
    Done(Option<Value>),
    /// Start a thread: code of a function `(object)`, its argument. The result is the thread's number.
    Start(u64, u64),
    /// Wait for a thread.
    Join(i32),
}

/// Why a host function failed.
#[derive(Clone, PartialEq, Debug)]
pub enum HostError {
    /// It throws.
    Trap(TrapKind),
    /// There is none of that name, or its arguments make no sense.
    Fatal(String),
}

impl From<Fault> for HostError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Null => HostError::Trap(TrapKind::NullReference),
            Fault::Wild(addr) => HostError::Fatal(format!("access of {addr:#x}")),
        }
    }
}

impl From<TrapKind> for HostError {
    fn from(kind: TrapKind) -> Self {
        HostError::Trap(kind)
    }
}

/// How `print_f64` writes a number.
pub fn f64_text(x: f64) -> String {
    format!("{x:?}")
}

/// How `print_f32` writes a number.
pub fn f32_text(x: f32) -> String {
    format!("{x:?}")
}

/// How `print_char` writes a UTF-16 unit.
pub fn char_text(unit: u16) -> String {
    String::from_utf16_lossy(&[unit])
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

impl World<'_> {
    /// Runs a host function.
    pub fn host(&mut self, method: MethodId, args: &[Value]) -> Result<HostResult, HostError> {
        let module = self.module;
        let def = module.method_def(method);
        let owner = def.owner.map_or("", |t| module.ty(t).name.as_str());
        let int = |i: usize| args.get(i).and_then(Value::as_int).unwrap_or(0);
        let addr = |i: usize| args.get(i).and_then(Value::as_address).unwrap_or(0);
        let float = |i: usize| args.get(i).and_then(Value::as_float).unwrap_or(0.0);
        let mut print = None;
        let result = match (owner, def.name.as_str()) {
            ("", "print_i32") => {
                print = Some((int(0) as i32).to_string());
                None
            }
            ("", "print_u32") => {
                print = Some((int(0) as u32).to_string());
                None
            }
            ("", "print_i64") => {
                print = Some(int(0).to_string());
                None
            }
            ("", "print_u64") => {
                print = Some((int(0) as u64).to_string());
                None
            }
            ("", "print_f32") => {
                print = Some(f32_text(float(0) as f32));
                None
            }
            ("", "print_f64") => {
                print = Some(f64_text(float(0)));
                None
            }
            ("", "print_bool") => {
                print = Some((int(0) as u8 != 0).to_string());
                None
            }
            ("", "print_char") => {
                print = Some(char_text(int(0) as u16));
                None
            }
            ("", "print_str") => {
                print = Some(String::from_utf16_lossy(&self.string(addr(0))?));
                None
            }
            ("", "type_name_of") => {
                let ty = self.decode_type(addr(0));
                let ty = ty.ok_or_else(|| HostError::Fatal("not a type".to_string()))?;
                Some(Value::Ref(self.alloc_string(&utf16(&module.ty(ty).name))?))
            }
            ("", "gc_collect" | "thread_yield" | "memory_barrier") => None,
            ("", "thread_start") => return Ok(HostResult::Start(addr(0), addr(1))),
            ("", "thread_join") => return Ok(HostResult::Join(int(0) as i32)),
            ("", "sqrt") => Some(Value::F64(float(0).sqrt())),
            ("", "abs_f64") => Some(Value::F64(float(0).abs())),
            ("", "abs_f32") => Some(Value::F32((float(0) as f32).abs())),
            ("", "floor") => Some(Value::F64(float(0).floor())),
            ("", "ceil") => Some(Value::F64(float(0).ceil())),
            ("", "round") => Some(Value::F64(float(0).round_ties_even())),
            ("", name) if name.ends_with("_i32") => {
                let at = addr(0);
                let old = self.memory.u32(at)? as i32;
                let operand = int(1) as i32;
                let (new, result) = match name {
                    "exchange_i32" => (operand, old),
                    "compare_exchange_i32" => {
                        (if old == int(2) as i32 { operand } else { old }, old)
                    }
                    "add_i32" => (old.wrapping_add(operand), old.wrapping_add(operand)),
                    "increment_i32" => (old.wrapping_add(1), old.wrapping_add(1)),
                    "decrement_i32" => (old.wrapping_sub(1), old.wrapping_sub(1)),
                    _ => return Err(HostError::Fatal(format!("no host function {name}"))),
                };
                self.memory.write(at, &new.to_le_bytes())?;
                Some(Value::I32(result))
            }
            ("", name) if name.ends_with("_i64") => {
                let at = addr(0);
                let old = self.memory.u64(at)? as i64;
                let (new, result) = match name {
                    "exchange_i64" => (int(1), old),
                    "compare_exchange_i64" => (if old == int(2) { int(1) } else { old }, old),
                    "add_i64" => (old.wrapping_add(int(1)), old.wrapping_add(int(1))),
                    _ => return Err(HostError::Fatal(format!("no host function {name}"))),
                };
                self.memory.write(at, &new.to_le_bytes())?;
                Some(Value::I64(result))
            }
            ("object", "type_name") => {
                let ty = self.type_of(addr(0))?;
                Some(Value::Ref(self.alloc_string(&utf16(&module.ty(ty).name))?))
            }
            ("object", "equals") => {
                let same = addr(0) == addr(1);
                self.type_of(addr(0))?;
                Some(Value::I32(same as i32))
            }
            ("string" | "Array", "length") => Some(Value::I32(self.length(addr(0))? as i32)),
            ("string", "char_at") => {
                let index = int(1) as i32 as u32;
                if index >= self.length(addr(0))? {
                    return Err(HostError::Trap(TrapKind::IndexOutOfRange));
                }
                let at = addr(0) + STRING_CHARS as u64 + 2 * index as u64;
                let unit = self.memory.bytes(at, 2)?;
                Some(Value::I32(u16::from_le_bytes([unit[0], unit[1]]) as i32))
            }
            ("string", "concat") => {
                let mut text = self.string(addr(0))?;
                text.extend(self.string(addr(1))?);
                Some(Value::Ref(self.alloc_string(&text)?))
            }
            ("string", "same") => {
                let same = self.string(addr(0))? == self.string(addr(1))?;
                Some(Value::I32(same as i32))
            }
            ("string", "from_i32" | "from_i64") => {
                let text = utf16(&int(0).to_string());
                Some(Value::Ref(self.alloc_string(&text)?))
            }
            ("string", "from_chars") => {
                let len = self.length(addr(0))? as usize;
                let bytes = self.memory.bytes(addr(0) + ARRAY_DATA as u64, 2 * len)?;
                let text: Vec<u16> = bytes
                    .chunks_exact(2)
                    .map(|c| u16::from_le_bytes([c[0], c[1]]))
                    .collect();
                Some(Value::Ref(self.alloc_string(&text)?))
            }
            (_, name) => {
                return Err(HostError::Fatal(format!(
                    "no host function {owner}::{name}"
                )));
            }
        };
        self.output.extend(print);
        Ok(HostResult::Done(result))
    }
}

impl From<arith::Fail> for HostError {
    fn from(fail: arith::Fail) -> Self {
        match fail {
            arith::Fail::Trap(kind) => HostError::Trap(kind),
            arith::Fail::Type => HostError::Fatal("operands of the wrong type".to_string()),
        }
    }
}
