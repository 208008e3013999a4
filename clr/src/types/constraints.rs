//! Constraints of generic parameters, asked with arguments that are known: what reflection instantiates.
//!
//! Arguments that are generic parameters themselves, or made of some, are not looked at. (`crate::verify` asks with those of bodies.)

use super::generics::Scope;
use super::{Kind, Method, Type};
use crate::metadata::GenericParamAttributes as Flags;
use crate::metadata::{GenericParamRow, MemberAccess, TableId, Token, TypeAttributes};
use crate::types::system::Assembly;

impl Type {
    /// Whether the constraints of this generic definition allow these arguments.
    pub fn admits(&'static self, args: &[&'static Type]) -> bool {
        let scope = Scope {
            class: args,
            method: &[],
        };
        let owner = Token::new(TableId::TypeDef, self.rid);
        self.assembly.is_none_or(|a| admits(a, owner, args, scope))
    }
}

impl Method {
    /// Whether the constraints of this generic definition allow these arguments.
    pub fn admits(&'static self, args: &[&'static Type]) -> bool {
        let (Some(assembly), Some(rid)) = (self.assembly(), self.rid()) else {
            return true;
        };
        let scope = Scope {
            class: &self.owner.args,
            method: args,
        };
        admits(assembly, Token::new(TableId::MethodDef, rid), args, scope)
    }
}

fn admits(
    assembly: &'static Assembly,
    owner: Token,
    args: &[&'static Type],
    scope: Scope<'_>,
) -> bool {
    let meets = |param: GenericParamRow<'static>, arg: &'static Type| {
        let mut wanted = param.constraints().filter_map(|row| row.constraint().ok());
        is_of_kind(arg, param.flags())
            && wanted.all(|token| {
                let wanted = assembly.resolve_type(token, scope);
                wanted.is_ok_and(|wanted| wanted.is_open || arg.is_assignable_to(wanted))
            })
    };
    let mut params = assembly.image.generic_params(owner);
    params.all(|param| match args.get(usize::from(param.number())) {
        Some(arg) => arg.is_open || meets(param, arg),
        None => false,
    })
}

fn is_of_kind(arg: &'static Type, flags: Flags) -> bool {
    let is_class = arg.kind == Kind::Class && !arg.flags.contains(TypeAttributes::ABSTRACT);
    let constructor = || arg.method(".ctor", 0);
    let is_public = |m: &Method| m.flags.access() == MemberAccess::Public && !m.is_static();
    let has_constructor = || is_class && constructor().is_some_and(is_public);
    (!flags.contains(Flags::REFERENCE_TYPE_CONSTRAINT) || !arg.is_value())
        && (!flags.contains(Flags::NOT_NULLABLE_VALUE_TYPE_CONSTRAINT)
            || arg.is_value() && arg.nullable_of().is_none())
        && (!flags.contains(Flags::DEFAULT_CONSTRUCTOR_CONSTRAINT)
            || arg.is_value()
            || has_constructor())
}
