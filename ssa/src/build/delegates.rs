//! Delegates: made in place instead of by their constructor, and called directly where the function is known.
//!
//! `ldftn` leaves a pointer whose method is known ([`Builder::functions`]); `newobj` of a delegate over such a pointer stores
//! what the VM's plan says and notes the new object ([`Builder::delegates`]); `Invoke` of a noted object becomes a call of the method,
//! which may be inlined like any other. A delegate that was only called leaves nothing behind.

use super::place::Entry;
use super::{Builder, Result};
use crate::ir::{Access, Mem, Op, Region, Ty, Value};
use isthmus_runtime_abi::ids::{FieldId, MethodId};
use isthmus_runtime_abi::vm::{CallPlan, Dispatch, Entity, FieldPlace};

/// What is known of a delegate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    function: MethodId,
    /// What the function is called on.
    target: Option<Value>,
}

impl Builder<'_> {
    /// Fills in a new delegate; false: the constructor must do it.
    pub(super) fn make_delegate(
        &mut self,
        object: Value,
        ctor: MethodId,
        args: &[Entry],
    ) -> Result<bool> {
        let &[Entry::Val(target), Entry::Val(code)] = args else {
            return Ok(false);
        };
        let Some(&function) = self.functions.get(&code) else {
            return Ok(false);
        };
        let Some(plan) = self.env.delegate_plan(ctor, function) else {
            return Ok(false);
        };
        let fits = match plan.takes_target {
            true => self.is_nonnull(target),
            false => self.func.constant(target) == Some(0),
        };
        let fields = [plan.target, plan.code, plan.method, plan.shape.0];
        let places = fields.map(|f| self.instance_offset(f));
        let (
            true,
            [
                Some(target_at),
                Some(code_at),
                Some(method_at),
                Some(shape_at),
            ],
        ) = (fits, places)
        else {
            return Ok(false);
        };
        let handle = self.entity(Entity::MethodHandle(function))?;
        let shape = self.constant(Ty::Ptr, plan.shape.1);
        for (at, value) in [(code_at, code), (method_at, handle), (shape_at, shape)] {
            self.store_raw(
                value,
                object,
                None,
                Access::new(Mem::Ptr, at, Region::Field),
            );
        }
        if plan.takes_target {
            let access = Access::new(Mem::Ref, target_at, Region::Field);
            let imm = crate::ir::Imm::Access(access);
            self.emit(Op::StoreRef, Ty::Ref, &[target, object], imm);
        }
        let target = plan.takes_target.then_some(target);
        self.delegates.insert(object, Known { function, target });
        Ok(true)
    }

    /// Offset of an instance field of machine word size.
    fn instance_offset(&self, f: FieldId) -> Option<i32> {
        let info = self.env.field(self.frame.method, f);
        match (info.place, Mem::of(info.ty)?) {
            (FieldPlace::Instance(offset), Mem::Ptr | Mem::Ref) => Some(offset as i32),
            _ => None,
        }
    }

    /// If `callee` is the `Invoke` of a delegate whose function is known: the call of the function.
    pub(super) fn known_delegate(
        &mut self,
        callee: MethodId,
        args: &[Entry],
    ) -> Option<(CallPlan, MethodId, Vec<Entry>)> {
        let Some(Entry::Val(delegate)) = args.first() else {
            return None;
        };
        let known = *self.delegates.get(delegate)?;
        if !self.env.is_delegate_invoke(callee) {
            return None;
        }
        let plan = self.env.call_plan(self.frame.method, known.function, false);
        let invoke = self.env.method(callee).sig;
        let direct = matches!(plan.dispatch, Dispatch::Direct(_) | Dispatch::Intrinsic(..));
        let first = usize::from(known.target.is_some());
        let same = plan.sig.params.get(first..) == invoke.params.get(1..)
            && plan.sig.ret == invoke.ret
            && plan.sig.conv == invoke.conv;
        if !direct || !same {
            return None;
        }
        let mut all: Vec<Entry> = known.target.map(Entry::Val).into_iter().collect();
        all.extend_from_slice(&args[1..]);
        Some((plan, known.function, all))
    }
}
