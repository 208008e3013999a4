//! Constructors of strings: each is the `CreateString` overload with the same parameters, called without an object.

use super::builder::Builder;
use crate::types::{LoadError, LoadErrorKind, Method, Result};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::Op;

/// The body of a constructor: a static method that returns the string.
pub fn constructor(m: &'static Method) -> Result<Body> {
    let sig = m.sig()?;
    let create = m.owner.methods()?.iter().copied().find(|c| {
        (c.name == "CreateString" || c.name == "Ctor")
            && c.sig().is_ok_and(|s| s.params == sig.params)
    });
    let create = create.ok_or_else(|| {
        LoadError::new(
            LoadErrorKind::MissingMethod,
            format!("{} has no CreateString of its parameters", m.full_name()),
        )
    })?;
    let mut b = Builder::new(m);
    if !create.is_static() {
        b.op(Op::LdNull);
    }
    for i in 0..sig.params.len() as u16 {
        b.op(Op::LdArg(i));
    }
    b.ops(&[Op::Call(create.id), Op::Ret]);
    b.finish()
}
