//! Arrays (ECMA-335 III.4.7-9, III.4.20, III.4.26-27).

use super::Check;
use super::flow::Verifier;
use super::numbers::{accesses, loaded};
use super::relations::{self, is_by_ref_like};
use super::rules::Rule;
use super::value::{Pointer, Value};
use crate::metadata::Token;
use crate::types::{Type, TypeKey, types};
use isthmus_frontend_ir::op::Prefix;
use isthmus_runtime_abi::types::MemTy;

impl Verifier<'_> {
    /// Takes a one-dimensional array; gives the type of its elements, none for null.
    pub fn pop_array(&mut self) -> Check<Option<&'static Type>> {
        match self.pop()? {
            Value::Null => Ok(None),
            Value::Object(Type {
                key: TypeKey::SzArray(e),
                ..
            }) => Ok(Some(types().ty(*e))),
            other => self.no(Rule::Array, format!("{other} is no one-dimensional array")),
        }
    }

    fn pop_indexed(&mut self) -> Check<Option<&'static Type>> {
        self.pop_index()?;
        self.pop_array()
    }

    pub fn new_array(&mut self, token: Token) -> Check<()> {
        let element = self.cx.ty(token)?;
        if is_by_ref_like(element) || element.is_void() {
            return self.no(
                Rule::ByRefLike,
                format!("elements of {}", element.full_name()),
            );
        }
        self.pop_index()?;
        self.push(Value::Object(types().sz_array(element)?));
        Ok(())
    }

    /// `ldelem` with a type of memory.
    pub fn load_element(&mut self, m: MemTy) -> Check<()> {
        match self.pop_indexed()? {
            Some(element) if accesses(m, element) => self.push(loaded(m, element)),
            Some(element) => {
                return self.no(Rule::Array, format!("from {}[]", element.full_name()));
            }
            // Null throws before anything is loaded.
            None => self.push(match m {
                MemTy::Ref => Value::Null,
                MemTy::I64 => Value::I64,
                MemTy::F32 | MemTy::F64 => Value::Float,
                MemTy::Native => Value::Native,
                _ => Value::I32,
            }),
        }
        Ok(())
    }

    /// `stelem` with a type of memory.
    pub fn store_element(&mut self, m: MemTy) -> Check<()> {
        let value = self.pop()?;
        let Some(element) = self.pop_indexed()? else {
            return Ok(());
        };
        if !accesses(m, element) {
            return self.no(Rule::Array, format!("to {}[]", element.full_name()));
        }
        // A store of a reference is checked when it happens.
        let fits = match m {
            MemTy::Ref => value.is_reference(),
            _ => relations::assignable(self.cx, value, element),
        };
        if !fits {
            let text = format!("{value} is not assignable to {}", element.full_name());
            return self.no(Rule::Assign, text);
        }
        Ok(())
    }

    /// `ldelem T`.
    pub fn load_element_of(&mut self, token: Token) -> Check<()> {
        let ty = self.cx.ty(token)?;
        let found = self.pop_indexed()?;
        if let Some(element) = found
            && !relations::elements_agree(self.cx, element, ty)
        {
            let text = format!("{} from {}[]", ty.full_name(), element.full_name());
            return self.no(Rule::Array, text);
        }
        self.push_ty(ty);
        Ok(())
    }

    /// `stelem T`.
    pub fn store_element_of(&mut self, token: Token) -> Check<()> {
        let ty = self.cx.ty(token)?;
        self.pop_for(ty, "element")?;
        let found = self.pop_indexed()?;
        if let Some(element) = found
            && !relations::elements_agree(self.cx, ty, element)
        {
            let text = format!("{} to {}[]", ty.full_name(), element.full_name());
            return self.no(Rule::Array, text);
        }
        Ok(())
    }

    pub fn load_element_address(&mut self, token: Token) -> Check<()> {
        let ty = self.cx.ty(token)?;
        let read_only = self.has(Prefix::READONLY);
        let found = self.pop_indexed()?;
        if let Some(element) = found {
            let fits = relations::same_location(element, ty)
                || read_only && relations::elements_agree(self.cx, element, ty);
            if !fits {
                let text = format!("{}& into {}[]", ty.full_name(), element.full_name());
                return self.no(Rule::Array, text);
            }
        }
        let pointer = Pointer {
            read_only,
            local: false,
        };
        self.push(Value::ByRef(ty, pointer));
        Ok(())
    }
}
