//! Where a body comes from, and what its tokens mean there.

use crate::dynamic::{DynamicMethod, Reference};
use crate::metadata::{self, TableId, Token};
use crate::tables::{literals, signatures};
use crate::types::generics::Scope;
use crate::types::system::Assembly;
use crate::types::{Field, Method, Result, Type};
use isthmus_frontend_ir::op::{Op, Token as IrToken};
use isthmus_runtime_abi::ids::LiteralId;

/// A source of bodies.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// Metadata; generic parameters stand for what the scope says.
    Image(&'static Assembly, Scope<'static>),
    /// What a program generated.
    Dynamic(&'static DynamicMethod),
}

impl Source {
    pub fn ty(self, token: Token) -> Result<&'static Type> {
        match self {
            Source::Image(a, scope) => a.resolve_type(token, scope),
            Source::Dynamic(d) => d.ty(token),
        }
    }

    pub fn method(self, token: Token) -> Result<&'static Method> {
        match self {
            Source::Image(a, scope) => a.resolve_method(token, scope),
            Source::Dynamic(d) => d.method(token),
        }
    }

    pub fn field(self, token: Token) -> Result<&'static Field> {
        match self {
            Source::Image(a, scope) => a.resolve_field(token, scope),
            Source::Dynamic(d) => d.field(token),
        }
    }

    pub fn text(self, token: Token) -> Result<LiteralId> {
        match self {
            Source::Image(a, _) => literals().string_of(a, token),
            Source::Dynamic(d) => d.text(token),
        }
    }

    /// `calli` of a signature. None: the token is another kind of signature.
    pub fn call_signature(self, token: Token) -> Result<Option<Op>> {
        let (a, scope) = match self {
            Source::Image(a, scope) => (a, scope),
            Source::Dynamic(d) => return Ok(Some(Op::CallI(d.signature(token)?))),
        };
        let metadata::sig::StandAloneSig::Method(mut sig) =
            a.image.stand_alone_sig(token.rid())?.sig()?
        else {
            return Ok(None);
        };
        // Variadic arguments go to their block.
        if let Some(fixed) = sig.sentinel.take() {
            sig.params.truncate(fixed as usize);
        }
        let resolved = a.resolve_method_sig(&sig, scope)?;
        Ok(Some(Op::CallI(signatures().id_of(&resolved)?)))
    }

    /// The types of the variadic arguments at a call.
    pub fn variadic(self, token: Token) -> Result<Vec<&'static Type>> {
        let Source::Image(a, scope) = self else {
            return Ok(Vec::new());
        };
        let sig = match token.table() {
            Some(TableId::MemberRef) => match a.image.member_ref(token.rid())?.sig()? {
                metadata::sig::MemberSig::Method(sig) => Some(sig),
                metadata::sig::MemberSig::Field(_) => None,
            },
            Some(TableId::StandAloneSig) => match a.image.stand_alone_sig(token.rid())?.sig()? {
                metadata::sig::StandAloneSig::Method(sig) => Some(sig),
                _ => None,
            },
            _ => None,
        };
        let variadic = match &sig {
            Some(sig) => &sig.params[sig.sentinel.map_or(sig.params.len(), |n| n as usize)..],
            None => &[],
        };
        variadic.iter().map(|t| a.resolve_sig(t, scope)).collect()
    }

    /// What `ldtoken` pushes the handle of.
    pub fn item(self, token: Token) -> Result<IrToken> {
        let (a, scope) = match self {
            Source::Image(a, scope) => (a, scope),
            Source::Dynamic(d) => {
                return Ok(match d.item(token)? {
                    Reference::Method(m) => IrToken::Method(m.id),
                    Reference::Field(f) => IrToken::Field(f.id),
                    _ => IrToken::Type(d.ty(token)?.id),
                });
            }
        };
        let is_field = match token.table() {
            Some(TableId::Field) => true,
            Some(TableId::MemberRef) => {
                matches!(
                    a.image.member_ref(token.rid())?.sig()?,
                    metadata::sig::MemberSig::Field(_)
                )
            }
            _ => false,
        };
        match token.table() {
            _ if is_field => Ok(IrToken::Field(a.resolve_field(token, scope)?.id)),
            Some(TableId::MethodDef | TableId::MemberRef | TableId::MethodSpec) => {
                Ok(IrToken::Method(a.resolve_method(token, scope)?.id))
            }
            // A generic definition named without arguments is the open type here, not this instantiation.
            _ => Ok(IrToken::Type(a.resolve_type(token, scope)?.id)),
        }
    }
}
