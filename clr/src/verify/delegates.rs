//! New delegates (ECMA-335 II.14.6.1, III.4.21).
//!
//! | instructions | what it makes |
//! | --- | --- |
//! | `ldnull ldftn newobj` | of a static method, or open over the instance |
//! | `OBJECT ldftn newobj` | of a method of the object, called directly |
//! | `OBJECT dup ldvirtftn newobj` | of a method that the object's class overrides |

use super::Check;
use super::flow::Verifier;
use super::relations;
use super::rules::Rule;
use super::value::{Role, Slot, Value};
use crate::synth::delegates::invoke_of;
use crate::types::{Method, Type, types};
use isthmus_frontend_ir::cil::{Form, Kind};
use isthmus_frontend_ir::op::Op;

impl Verifier<'_> {
    pub fn new_delegate(&mut self, ctor: &'static Method) -> Check<()> {
        let sig = ctor.sig()?;
        if sig.params.len() != 2 {
            return self.no(Rule::Delegate, "a constructor of two arguments is meant");
        }
        let function = self.pop()?;
        let Slot {
            value: target,
            role,
        } = self.pop_slot()?;
        let Value::Function(m, is_virtual) = function else {
            return self.no(Rule::Delegate, format!("{function} is no known function"));
        };
        if role == Role::Raw {
            return self.no(
                Rule::ThisUninitialized,
                "it becomes the target of a delegate",
            );
        }
        if !target.is_reference() {
            return self.no(Rule::Delegate, format!("{target} is no target"));
        }
        if !self.follows_load(is_virtual) {
            return self.no(Rule::Delegate, "the function is not loaded just before");
        }
        self.method_access(m, target.class())?;
        let may_be_overridden = m.is_virtual() && !m.is_final() && !m.owner.is_value();
        if may_be_overridden && !is_virtual && role != Role::This {
            let text = format!("{} may be overridden", m.full_name());
            return self.no(Rule::NonVirtualCall, text);
        }
        let Some(invoke) = invoke_of(ctor.owner) else {
            return self.no(Rule::Delegate, "the delegate has no Invoke");
        };
        if !self.delegate_fits(invoke, m, target)? {
            let text = format!(
                "{} on {target} does not fit {}",
                m.full_name(),
                ctor.owner.full_name()
            );
            return self.no(Rule::Delegate, text);
        }
        self.push(Value::Object(ctor.owner));
        Ok(())
    }

    /// Whether the instruction is part of one of the sequences, with no way into its middle.
    fn follows_load(&self, is_virtual: bool) -> bool {
        let at = self.at as usize;
        let before = |n: usize| at.checked_sub(n).map(|i| &self.code.instructions[i]);
        let load = if is_virtual {
            Kind::LdVirtFtn
        } else {
            Kind::LdFtn
        };
        let inside = !self.code.instructions[at].is_target
            && before(1).is_some_and(|i| i.row.form == Form::With(load));
        inside
            && (!is_virtual
                || before(1).is_some_and(|i| !i.is_target)
                    && before(2).is_some_and(|i| i.row.form == Form::Op(Op::Dup)))
    }

    fn delegate_fits(
        &self,
        invoke: &'static Method,
        m: &'static Method,
        target: Value,
    ) -> Check<bool> {
        let (outer, inner) = (invoke.sig()?, m.sig()?);
        let given = &outer.params[..];
        let mut taken: Vec<&'static Type> = Vec::with_capacity(inner.params.len() + 1);
        if !m.is_static() {
            let is_value = m.owner.is_value();
            taken.push(if is_value {
                types().by_ref(m.owner)?
            } else {
                m.owner
            });
        }
        taken.extend(&inner.params);
        let closed = taken.len() == given.len() + 1;
        let rest = if closed { &taken[1..] } else { &taken[..] };
        if rest.len() != given.len() {
            return Ok(false);
        }
        let target_fits = match (closed, taken.first()) {
            (false, _) => target == Value::Null,
            // A box of the value type: the method gets a pointer into it.
            (true, Some(_)) if !m.is_static() && m.owner.is_value() => {
                matches!(target, Value::Null | Value::Boxed(_))
                    && match target {
                        Value::Boxed(t) => t == m.owner,
                        _ => true,
                    }
            }
            (true, Some(first)) => relations::assignable(self.cx, target, first),
            (true, None) => false,
        };
        let passes = |from: &'static Type, to: &'static Type| {
            relations::same_location(from, to)
                || relations::converts(self.cx, from, to)
                || relations::assignable(self.cx, Value::of(from), to)
                    && from.is_value() == to.is_value()
        };
        Ok(target_fits
            && std::iter::zip(given, rest).all(|(g, t)| passes(g, t))
            && (passes(inner.ret, outer.ret) || inner.ret.is_void() && outer.ret.is_void()))
    }
}
