//! What tokens mean in a method, and what the method may see.

use super::relations;
use super::rules::Rule;
use super::value::Value;
use super::{Check, Fault, fault};
use crate::metadata::sig::{MemberSig, MethodSig};
use crate::metadata::{GenericParamAttributes, TableId, Token};
use crate::types::access::Accessor;
use crate::types::generics::Scope;
use crate::types::system::Assembly;
use crate::types::ty::Kind;
use crate::types::{Field, LoadError, Method, Type, TypeKey, types};
use std::cell::RefCell;

/// Where code or metadata stand: in a class over its own generic parameters, perhaps in a method of it over its own.
pub(super) struct Context {
    pub class: &'static Type,
    pub method: Option<&'static Method>,
    pub assembly: &'static Assembly,
    pub accessor: Accessor,
    /// The types of references of which there are several, in order of their numbers.
    several: RefCell<Vec<Vec<Value>>>,
}

impl Context {
    pub fn new(class: &'static Type, method: Option<&'static Method>) -> Check<Context> {
        let Some(assembly) = class.assembly else {
            return fault(0, Rule::Image, "the type has no assembly");
        };
        Ok(Context {
            class,
            method,
            assembly,
            accessor: Accessor::of(class),
            several: RefCell::default(),
        })
    }

    /// The types that a reference may have.
    pub fn members(&self, value: Value) -> Vec<Value> {
        match value {
            Value::OneOf(n) => self.several.borrow()[n as usize].clone(),
            other => vec![other],
        }
    }

    /// A reference that has one of several types.
    pub fn one_of(&self, mut all: Vec<Value>) -> Value {
        all.sort_by_key(|v| (v.class().map(|t| t.id.raw()), matches!(v, Value::Boxed(_))));
        let mut several = self.several.borrow_mut();
        let known = several.iter().position(|known| *known == all);
        let number = known.unwrap_or_else(|| {
            several.push(all);
            several.len() - 1
        });
        Value::OneOf(number as u32)
    }

    pub fn scope(&self) -> Scope<'static> {
        match self.method {
            Some(m) => m.scope(),
            None => self.class.scope(),
        }
    }

    fn unresolved(e: LoadError) -> Fault {
        Fault::at(0, Rule::Token, e.to_string())
    }

    /// A type that an instruction names.
    pub fn ty(&self, token: Token) -> Check<&'static Type> {
        let ty = self
            .assembly
            .resolve_type(token, self.scope())
            .map_err(Self::unresolved)?;
        self.check_type(ty)?;
        Ok(ty)
    }

    /// Whether code here may name a type: it is complete and visible, and its arguments satisfy their constraints.
    pub fn check_type(&self, ty: &'static Type) -> Check<()> {
        if !self.accessor.sees_type(ty) {
            return fault(
                0,
                Rule::Access,
                format!("{} is not visible", ty.full_name()),
            );
        }
        self.check_arguments(ty)
    }

    fn check_arguments(&self, ty: &'static Type) -> Check<()> {
        match &ty.key {
            TypeKey::Inst(def, _) => {
                let def = types().ty(*def);
                let Some(a) = def.assembly else {
                    return Ok(());
                };
                for arg in &ty.args {
                    self.check_arguments(arg)?;
                }
                let owner = Token::new(TableId::TypeDef, def.rid);
                let scope = Scope {
                    class: &ty.args,
                    method: &[],
                };
                self.check_constraints(a, owner, &ty.args, scope)
            }
            TypeKey::SzArray(e) | TypeKey::MdArray(e, _) | TypeKey::Ptr(e) | TypeKey::ByRef(e) => {
                self.check_arguments(types().ty(*e))
            }
            _ => Ok(()),
        }
    }

    fn check_constraints(
        &self,
        assembly: &'static Assembly,
        owner: Token,
        args: &[&'static Type],
        scope: Scope<'_>,
    ) -> Check<()> {
        for param in assembly.image.generic_params(owner) {
            let Some(&arg) = args.get(usize::from(param.number())) else {
                continue;
            };
            if relations::is_by_ref_like(arg) || arg.is_void() || arg.kind == Kind::Pointer {
                let text = format!("{} as a type argument", arg.full_name());
                return fault(0, Rule::ByRefLike, text);
            }
            let name = || param.name().unwrap_or("?");
            if let Some(missing) = relations::missing_kind(self, arg, param.flags()) {
                let text = format!("{} for {}: {missing}", arg.full_name(), name());
                return fault(0, Rule::Constraint, text);
            }
            for row in param.constraints() {
                let token = row.constraint().map_err(|e| Self::unresolved(e.into()))?;
                let wanted = assembly
                    .resolve_type(token, scope)
                    .map_err(Self::unresolved)?;
                if !relations::satisfies(self, arg, wanted) {
                    let text = format!(
                        "{} for {}: it is no {}",
                        arg.full_name(),
                        name(),
                        wanted.full_name()
                    );
                    return fault(0, Rule::Constraint, text);
                }
            }
        }
        Ok(())
    }

    /// A method that an instruction names. Whether it is accessible depends on the instance, and is for the instruction to ask.
    pub fn method(&self, token: Token) -> Check<&'static Method> {
        let m = self
            .assembly
            .resolve_method(token, self.scope())
            .map_err(Self::unresolved)?;
        if m.is_generic_definition() {
            return fault(
                0,
                Rule::Token,
                format!("{} without type arguments", m.full_name()),
            );
        }
        self.check_arguments(m.owner)?;
        if let (Some(a), Some(rid), false) = (m.assembly(), m.rid(), m.args.is_empty()) {
            let owner = Token::new(TableId::MethodDef, rid);
            self.check_constraints(a, owner, &m.args, m.scope())?;
        }
        Ok(m)
    }

    /// A field that an instruction names.
    pub fn field(&self, token: Token) -> Check<&'static Field> {
        let f = self
            .assembly
            .resolve_field(token, self.scope())
            .map_err(Self::unresolved)?;
        self.check_arguments(f.owner)?;
        Ok(f)
    }

    /// The types of the variadic arguments at a call.
    pub fn variadic(&self, token: Token) -> Check<Vec<&'static Type>> {
        let sig: Option<MethodSig> = match token.table() {
            Some(TableId::MemberRef) => {
                let row = self.assembly.image.member_ref(token.rid());
                match row.and_then(|r| r.sig()).map_err(LoadError::from)? {
                    MemberSig::Method(sig) => Some(sig),
                    MemberSig::Field(_) => None,
                }
            }
            _ => None,
        };
        let Some(sig) = sig else {
            return Ok(Vec::new());
        };
        let first = sig.sentinel.map_or(sig.params.len(), |n| n as usize);
        let mut types = Vec::new();
        for param in sig.params.iter().skip(first) {
            types.push(self.assembly.resolve_sig(param, self.scope())?);
        }
        Ok(types)
    }

    /// The flags and the constraints of a type parameter of the class or the method.
    pub fn parameter(
        &self,
        param: &'static Type,
    ) -> Option<(GenericParamAttributes, Vec<&'static Type>)> {
        let (owner, n) = match param.key {
            TypeKey::Var(n) => (Token::new(TableId::TypeDef, self.class.rid), n),
            TypeKey::MVar(n) => (Token::new(TableId::MethodDef, self.method?.rid()?), n),
            _ => return None,
        };
        let mut rows = self.assembly.image.generic_params(owner);
        let row = rows.find(|r| u32::from(r.number()) == n)?;
        let bounds = row.constraints().filter_map(|c| {
            self.assembly
                .resolve_type(c.constraint().ok()?, self.scope())
                .ok()
        });
        Some((row.flags(), bounds.collect()))
    }
}
