//! Fields, boxes and casts (ECMA-335 III.4).

use super::Check;
use super::flow::Verifier;
use super::relations::{self, is_by_ref_like};
use super::rules::Rule;
use super::value::{Pointer, Role, Slot, Value};
use crate::metadata::{FieldAttributes, Token};
use crate::types::{Field, Type, TypeKey};

impl Verifier<'_> {
    /// Takes any object reference.
    pub fn pop_object(&mut self) -> Check<Value> {
        let value = self.pop()?;
        if !value.is_reference() {
            return self.no(Rule::Object, format!("{value} is no object"));
        }
        Ok(value)
    }

    // ---- fields

    /// Takes the instance of a field; gives what a pointer into it would be.
    fn pop_instance(&mut self, f: &'static Field, write: bool) -> Check<Pointer> {
        let Slot { value, role } = self.pop_slot()?;
        if f.is_static() {
            // The instance is left alone.
            self.field_access(f, None)?;
            return Ok(Pointer::default());
        }
        let own = f.owner == self.cx.class;
        if role == Role::Raw && !(write && own) {
            return self.no(Rule::ThisUninitialized, "no constructor was called yet");
        }
        self.field_access(f, value.class())?;
        let wrong = |this: &Self| {
            let text = format!("{value} has no field {}::{}", f.owner.full_name(), f.name);
            this.no(Rule::Object, text)
        };
        match value {
            Value::Null => Ok(Pointer::default()),
            _ if value.is_reference()
                && !f.owner.is_value()
                && relations::assignable(self.cx, value, f.owner) =>
            {
                Ok(Pointer::default())
            }
            Value::ByRef(t, pointer) if t == f.owner => match pointer.read_only && write {
                true => self.no(Rule::ReadOnly, format!("{value} is read-only")),
                false => Ok(pointer),
            },
            Value::Struct(t) if t == f.owner && !write => Ok(Pointer {
                read_only: false,
                local: true,
            }),
            // An integer can be a struct: `IntPtr` and its like.
            number if Value::of(f.owner) == number && !write => Ok(Pointer::default()),
            Value::Native => self.no(Rule::UnmanagedPointer, format!("field {}", f.name)),
            _ => wrong(self),
        }
    }

    fn field_access(&self, f: &'static Field, on: Option<&'static Type>) -> Check<()> {
        if !self.cx.accessor.sees_field(f, on) {
            return self.no(Rule::Access, format!("{f:?} is not accessible"));
        }
        if f.is_literal() {
            return self.no(Rule::Member, format!("{f:?} is a constant"));
        }
        Ok(())
    }

    /// Init-only fields change, and can be pointed to, in constructors of their class alone.
    fn may_write(&self, f: &'static Field) -> Check<()> {
        let m = self.method;
        let constructor = if f.is_static() { ".cctor" } else { ".ctor" };
        let inside = m.name == constructor && m.owner == f.owner;
        if f.flags.contains(FieldAttributes::INIT_ONLY) && !inside {
            return self.no(Rule::InitOnly, format!("{f:?} outside of {constructor}"));
        }
        Ok(())
    }

    pub fn load_field(&mut self, token: Token) -> Check<()> {
        let f = self.cx.field(token)?;
        self.pop_instance(f, false)?;
        self.push_ty(f.ty()?);
        Ok(())
    }

    pub fn load_field_address(&mut self, token: Token) -> Check<()> {
        let f = self.cx.field(token)?;
        if let Some(Slot {
            value: Value::Struct(t),
            ..
        }) = self.state.stack.last()
        {
            return self.no(
                Rule::Object,
                format!("a value of {} has no address", t.full_name()),
            );
        }
        self.may_write(f)?;
        let pointer = self.pop_instance(f, false)?;
        self.push(Value::ByRef(f.ty()?, pointer));
        Ok(())
    }

    pub fn store_field(&mut self, token: Token) -> Check<()> {
        let f = self.cx.field(token)?;
        let value = self.pop_for(f.ty()?, "value")?;
        self.must_not_be_pointer(value)?;
        self.pop_instance(f, true)?;
        self.may_write(f)
    }

    fn static_field(&self, token: Token) -> Check<&'static Field> {
        let f = self.cx.field(token)?;
        if !f.is_static() {
            return self.no(Rule::Member, format!("{f:?} is not static"));
        }
        self.field_access(f, None)?;
        Ok(f)
    }

    pub fn load_static(&mut self, token: Token, address: bool) -> Check<()> {
        let f = self.static_field(token)?;
        if address {
            self.may_write(f)?;
            self.push(Value::ByRef(f.ty()?, Pointer::default()));
        } else {
            self.push_ty(f.ty()?);
        }
        Ok(())
    }

    pub fn store_static(&mut self, token: Token) -> Check<()> {
        let f = self.static_field(token)?;
        let value = self.pop_for(f.ty()?, "value")?;
        self.must_not_be_pointer(value)?;
        self.may_write(f)
    }

    // ---- boxes and casts

    pub fn box_value(&mut self, token: Token) -> Check<()> {
        let ty = self.cx.ty(token)?;
        if is_by_ref_like(ty)
            || ty.is_void()
            || matches!(ty.key, TypeKey::Ptr(_) | TypeKey::FnPtr(_))
        {
            return self.no(
                Rule::ByRefLike,
                format!("{} cannot be boxed", ty.full_name()),
            );
        }
        self.pop_for(ty, "value")?;
        self.push(Value::boxed(ty));
        Ok(())
    }

    pub fn unbox(&mut self, token: Token) -> Check<()> {
        let ty = self.cx.ty(token)?;
        if ty.is_reference() {
            return self.no(Rule::Object, format!("{} is no value type", ty.full_name()));
        }
        self.pop_object()?;
        let pointer = Pointer {
            read_only: true,
            local: false,
        };
        self.push(Value::ByRef(ty, pointer));
        Ok(())
    }

    pub fn unbox_any(&mut self, token: Token) -> Check<()> {
        let ty = self.cx.ty(token)?;
        self.pop_object()?;
        if is_by_ref_like(ty) || ty.is_void() {
            return self.no(
                Rule::ByRefLike,
                format!("{} is never boxed", ty.full_name()),
            );
        }
        self.push_ty(ty);
        Ok(())
    }

    pub fn cast(&mut self, token: Token) -> Check<()> {
        let ty = self.cx.ty(token)?;
        self.pop_object()?;
        if is_by_ref_like(ty)
            || ty.is_void()
            || matches!(ty.key, TypeKey::Ptr(_) | TypeKey::FnPtr(_))
        {
            return self.no(
                Rule::ByRefLike,
                format!("no object is a {}", ty.full_name()),
            );
        }
        self.push(Value::boxed(ty));
        Ok(())
    }

    /// A handle to a function, its accessibility checked.
    pub fn load_function(&mut self, token: Token) -> Check<()> {
        let m = self.cx.method(token)?;
        self.method_access(m, None)?;
        if m.is_abstract() {
            return self.no(Rule::Abstract, m.full_name());
        }
        self.push(Value::Function(m, false));
        Ok(())
    }

    pub fn load_virtual_function(&mut self, token: Token) -> Check<()> {
        let m = self.cx.method(token)?;
        if m.is_static() {
            return self.no(Rule::Member, format!("{} is static", m.full_name()));
        }
        let object = self.pop_object()?;
        self.method_access(m, object.class())?;
        if !relations::assignable(self.cx, object, m.owner) {
            return self.no(Rule::Object, format!("{object} has no {}", m.full_name()));
        }
        self.push(Value::Function(m, true));
        Ok(())
    }
}
