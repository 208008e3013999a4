//! Generic parameters as reflection shows them: each belongs to a definition.
//!
//! Signatures of open definitions are written over `Var(n)` and `MVar(n)`, which have no owner: that is how signatures of
//! overridden methods are compared. Reflection needs to know which `T` it is, so whatever it shows of a definition is
//! [`shown_in`] it: `Var(0)` of `List<>` becomes `Param(Type(List<>), 0)`, and `Base<T>` as the parent of `Derived<T>` is over
//! the parameter of `Derived`. A type definition applied to its own parameters is the definition.

use super::error::Result;
use super::generics::Scope;
use super::member::Method;
use super::system::{Assembly, types};
use super::ty::{Type, TypeKey};
use crate::metadata::{GenericParamRow, TableId, Token};
use isthmus_runtime_abi::ids::{MethodId, TypeId};

/// The definition that a generic parameter belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ParamOwner {
    /// A type.
    Type(TypeId),
    /// A method.
    Method(MethodId),
}

impl Type {
    /// The parameters of a generic definition.
    pub fn own_params(&self) -> Result<Vec<&'static Type>> {
        let owner = ParamOwner::Type(self.id);
        params(owner, self.generic_arity() as u32)
    }

    /// What a generic parameter belongs to, and its number.
    pub fn param(&self) -> Option<(ParamOwner, u32)> {
        match self.key {
            TypeKey::Param(owner, n) => Some((owner, n)),
            _ => None,
        }
    }

    /// The row of a generic parameter with its assembly.
    pub fn param_row(&self) -> Option<(&'static Assembly, GenericParamRow<'static>)> {
        let (owner, n) = self.param()?;
        let (a, token) = match owner {
            ParamOwner::Type(t) => {
                let t = types().ty(t);
                (t.assembly?, Token::new(TableId::TypeDef, t.rid))
            }
            ParamOwner::Method(m) => {
                let m = types().method(m);
                (m.assembly()?, Token::new(TableId::MethodDef, m.rid()?))
            }
        };
        a.image
            .generic_params(token)
            .nth(n as usize)
            .map(|r| (a, r))
    }

    /// Name of a generic parameter.
    pub fn param_name(&self) -> Option<&'static str> {
        self.param_row()?.1.name().ok()
    }

    /// The constraints of a generic parameter, over the parameters of its owner.
    pub fn param_constraints(&self) -> Result<Vec<&'static Type>> {
        let (Some((a, row)), Some((owner, _))) = (self.param_row(), self.param()) else {
            return Ok(Vec::new());
        };
        let (class, method) = match owner {
            ParamOwner::Type(t) => (types().ty(t), None),
            ParamOwner::Method(m) => {
                let m = types().method(m);
                (m.owner, Some(m))
            }
        };
        row.constraints()
            .map(|c| {
                shown_in(
                    a.resolve_type(c.constraint()?, class.scope())?,
                    class,
                    method,
                )
            })
            .collect()
    }
}

impl Method {
    /// The parameters of a generic method definition.
    pub fn own_params(&self) -> Result<Vec<&'static Type>> {
        params(ParamOwner::Method(self.id), self.arity)
    }
}

fn params(owner: ParamOwner, count: u32) -> Result<Vec<&'static Type>> {
    (0..count)
        .map(|n| types().intern(TypeKey::Param(owner, n)))
        .collect()
}

/// A type of a signature in a definition, with the parameters of that definition.
pub fn shown_in(
    ty: &'static Type,
    class: &'static Type,
    method: Option<&'static Method>,
) -> Result<&'static Type> {
    if !ty.is_open {
        return Ok(ty);
    }
    let of_class = match class.is_generic_definition() {
        true => class.own_params()?,
        false => Vec::new(),
    };
    let of_method = match method.filter(|m| m.is_generic_definition()) {
        Some(m) => m.own_params()?,
        None => Vec::new(),
    };
    let scope = Scope {
        class: &of_class,
        method: &of_method,
    };
    scope.substitute(ty)
}

/// Whether these are the parameters of a definition themselves, in order.
pub(super) fn are_own(owner: ParamOwner, args: &[TypeId]) -> bool {
    let mut args = args.iter().zip(0..);
    args.all(|(&a, n)| types().ty(a).key == TypeKey::Param(owner, n))
}
