//! Calls and new objects (ECMA-335 III.3.19, III.4.2, III.4.21).

use super::Check;
use super::flow::Verifier;
use super::relations;
use super::rules::Rule;
use super::value::{Pointer, Role, Slot, Value};
use crate::metadata::{Token, TypeAttributes};
use crate::synth::delegates::is_delegate;
use crate::types::{Method, MethodKind, Type, TypeKey, types};
use isthmus_frontend_ir::cil::Form;
use isthmus_frontend_ir::op::{Op, Prefix};

/// What is known of the arguments of a call together.
#[derive(Clone, Copy, Default)]
struct Passed {
    /// A managed pointer is among them.
    pointer: bool,
    /// One that may point to a variable of the caller.
    local: bool,
}

impl Verifier<'_> {
    pub fn method_access(&self, m: &'static Method, on: Option<&'static Type>) -> Check<()> {
        if !self.cx.accessor.sees_method(m, on) {
            return self.no(Rule::Access, format!("{} is not accessible", m.full_name()));
        }
        Ok(())
    }

    /// Takes the arguments of a call, all but the instance.
    fn pop_arguments(&mut self, m: &'static Method, token: Token) -> Check<Passed> {
        let sig = m.sig()?;
        let variadic = match sig.vararg {
            true => self.cx.variadic(token)?,
            false => Vec::new(),
        };
        let mut passed = Passed::default();
        let all: Vec<&'static Type> = sig.params.iter().chain(&variadic).copied().collect();
        for (n, &ty) in all.iter().enumerate().rev() {
            let value = self.pop_for(ty, &format!("argument {n} of {}", m.full_name()))?;
            if let Value::ByRef(_, pointer) = value {
                passed.pointer = true;
                passed.local |= pointer.local;
            }
        }
        Ok(passed)
    }

    fn push_result(&mut self, ty: &'static Type, passed: Passed) {
        match ty.key {
            // It can be one of the pointers that were passed.
            TypeKey::ByRef(to) => {
                let pointer = Pointer {
                    read_only: false,
                    local: passed.local,
                };
                self.push(Value::ByRef(types().ty(to), pointer));
            }
            _ => self.push_ty(ty),
        }
    }

    pub fn call(&mut self, token: Token, virt: bool) -> Check<()> {
        let m = self.cx.method(token)?;
        let sig = m.sig()?;
        let mut passed = self.pop_arguments(m, token)?;
        if sig.has_this {
            passed = self.instance(m, virt, passed)?;
        } else {
            if virt {
                return self.no(Rule::Member, format!("{} is static", m.full_name()));
            }
            self.method_access(m, None)?;
            if m.is_abstract() {
                return self.no(Rule::Abstract, m.full_name());
            }
        }
        if self.has(Prefix::TAIL) {
            self.tail(passed, sig.ret)?;
        }
        if self.has(Prefix::READONLY) && m.kind == MethodKind::ArrayAddress {
            let Some(element) = m.owner.element() else {
                return self.no(Rule::Prefix, "no element has an address here");
            };
            let pointer = Pointer {
                read_only: true,
                local: false,
            };
            self.push(Value::ByRef(element, pointer));
        } else if self.has(Prefix::READONLY) {
            return self.no(
                Rule::Prefix,
                "readonly. before a call of a method of a class",
            );
        } else {
            self.push_result(sig.ret, passed);
        }
        Ok(())
    }

    /// Takes and checks the instance of a call.
    fn instance(&mut self, m: &'static Method, virt: bool, passed: Passed) -> Check<Passed> {
        let Slot { value, role } = self.pop_slot()?;
        let mut passed = passed;
        if let Some(token) = self.here().constrained {
            let ty = self.cx.ty(token)?;
            self.method_access(m, None)?;
            return match value {
                Value::ByRef(t, _) if t == ty => {
                    let fits = relations::boxed_converts(self.cx, ty, m.owner)
                        || relations::converts(self.cx, ty, m.owner);
                    if !fits {
                        let text = format!("{} has no {}", ty.full_name(), m.full_name());
                        return self.no(Rule::Object, text);
                    }
                    passed.pointer = true;
                    Ok(passed)
                }
                _ => {
                    let text = format!("{value} is no pointer to {}", ty.full_name());
                    self.no(Rule::Constrained, text)
                }
            };
        }
        if m.is_ctor() && !m.owner.is_value() {
            return self.constructor(m, value, role).map(|()| passed);
        }
        if role == Role::Raw {
            return self.no(
                Rule::ThisUninitialized,
                format!("{} is called", m.full_name()),
            );
        }
        let on = match value {
            Value::ByRef(t, _) => Some(t),
            other => other.class(),
        };
        self.method_access(m, on)?;
        if m.is_abstract() && !virt {
            return self.no(Rule::Abstract, m.full_name());
        }
        match value {
            // A result does not point into the instance: methods of structs return no pointer to themselves.
            Value::ByRef(t, _) if m.owner.is_value() && relations::same_location(t, m.owner) => {
                passed.pointer = true;
            }
            _ if !m.owner.is_value() && relations::assignable(self.cx, value, m.owner) => {}
            Value::Native if m.owner.is_value() => {
                return self.no(
                    Rule::UnmanagedPointer,
                    format!("a call of {}", m.full_name()),
                );
            }
            _ => return self.no(Rule::Object, format!("{value} has no {}", m.full_name())),
        }
        // Another class may have overridden it to keep its objects consistent.
        let open = !virt && m.is_virtual() && !m.is_final() && !m.owner.is_value();
        let boxed = matches!(value, Value::Boxed(_));
        if open && role != Role::This && !boxed && !Self::is_exact(value) {
            return self.no(
                Rule::NonVirtualCall,
                format!("{} on {value}", m.full_name()),
            );
        }
        Ok(passed)
    }

    /// Whether the class of an object is the type that it is known by.
    fn is_exact(value: Value) -> bool {
        matches!(value, Value::Object(t) if t.is_sealed())
    }

    /// A call of a constructor on an object that exists: of `this` in another.
    fn constructor(&mut self, m: &'static Method, value: Value, role: Role) -> Check<()> {
        let class = self.cx.class;
        let parent = class.parent().ok().flatten();
        if role != Role::Raw {
            let text = format!("{} on {value}, which is made already", m.full_name());
            return self.no(Rule::ThisUninitialized, text);
        }
        if m.owner != class && Some(m.owner) != parent {
            let text = format!("{} is of neither the class nor its base", m.full_name());
            return self.no(Rule::ThisUninitialized, text);
        }
        self.method_access(m, None)?;
        self.state.this_ready = true;
        for slot in self.state.stack.iter_mut().filter(|s| s.role == Role::Raw) {
            slot.role = Role::This;
        }
        Ok(())
    }

    fn tail(&mut self, passed: Passed, ret: &'static Type) -> Check<()> {
        if passed.pointer {
            return self.no(Rule::TailCall, "a managed pointer is passed");
        }
        let next = self.code.instructions.get(self.at as usize + 1);
        if !next.is_some_and(|i| i.row.form == Form::Op(Op::Ret)) {
            return self.no(Rule::TailCall, "ret does not follow");
        }
        if !self.state.stack.is_empty() {
            return self.no(Rule::TailCall, "values are left on the stack");
        }
        if ret.is_void() != self.ret.is_void() {
            return self.no(Rule::TailCall, "the results differ");
        }
        Ok(())
    }

    pub fn new_object(&mut self, token: Token) -> Check<()> {
        let m = self.cx.method(token)?;
        let class = m.owner;
        if !m.is_ctor() || m.is_static() {
            return self.no(Rule::Member, format!("{} is no constructor", m.full_name()));
        }
        if class.flags.contains(TypeAttributes::ABSTRACT) && class.element().is_none() {
            return self.no(Rule::Abstract, class.full_name());
        }
        self.method_access(m, None)?;
        if is_delegate(class) {
            return self.new_delegate(m);
        }
        self.pop_arguments(m, token)?;
        self.push_ty(class);
        Ok(())
    }
}
