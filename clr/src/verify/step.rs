//! One instruction: what it takes from the stack, gives to it, and where control goes.

use super::Check;
use super::flow::{Next, Verifier};
use super::relations;
use super::rules::Rule;
use super::value::{Pointer, Value};
use crate::metadata::{TableId, Token};
use crate::types::types;
use isthmus_frontend_ir::cil::{Form, Kind};
use isthmus_frontend_ir::op::{Cmp, Op, Prefix};

impl Verifier<'_> {
    /// Runs the instruction at `self.at` over `self.state`.
    pub fn step(&mut self) -> Check<Next> {
        match self.here().row.form {
            Form::Op(op) => self.plain(op),
            Form::With(kind) => self.with_operand(kind),
            Form::BranchCmp(cmp) => {
                self.comparison(cmp)?;
                Ok(self.branch(true))
            }
            Form::Prefix => self.no(Rule::Prefix, "a prefix alone"),
        }
    }

    fn branch(&self, falls: bool) -> Next {
        Next::Jump {
            targets: vec![self.here().operand as u32],
            falls,
        }
    }

    fn plain(&mut self, op: Op) -> Check<Next> {
        match op {
            Op::Nop | Op::Break => {}
            Op::LdArg(_) => self.load_argument()?,
            Op::LdLoc(_) => self.load_local()?,
            Op::StLoc(_) => self.store_local()?,
            Op::LdNull => self.push(Value::Null),
            Op::LdcI4(_) => self.push(Value::I32),
            Op::Dup => {
                let slot = self.pop_slot()?;
                self.state.stack.extend([slot, slot]);
            }
            Op::Pop => {
                self.pop_slot()?;
            }
            Op::Ret => return self.ret(),
            Op::LdInd(m) => self.load_indirect(m)?,
            Op::StInd(m) => self.store_indirect(m)?,
            Op::Bin(op) => self.binary(op)?,
            Op::Neg | Op::Not => self.unary(op == Op::Not)?,
            Op::Compare(cmp) => {
                self.comparison(cmp)?;
                self.push(Value::I32);
            }
            Op::Conv(to, mode) => self.convert(to, mode)?,
            Op::CkFinite => match self.pop()? {
                Value::Float => self.push(Value::Float),
                other => return self.no(Rule::Operand, format!("{other} is no float")),
            },
            Op::LdLen => {
                self.pop_array()?;
                self.push(Value::Native);
            }
            Op::LdElem(m, _) => self.load_element(m)?,
            Op::StElem(m, _) => self.store_element(m)?,
            Op::Throw => {
                self.pop_object()?;
                return Ok(Next::End);
            }
            Op::Rethrow if !self.code.regions.may_rethrow(self.at) => {
                return self.no(Rule::Rethrow, "outside of a catch handler");
            }
            Op::EndFinally if !self.code.regions.may_end_finally(self.at) => {
                return self.no(Rule::EndFinally, "outside of a finally or fault handler");
            }
            Op::Rethrow | Op::EndFinally => return Ok(Next::End),
            Op::EndFilter => {
                if !self.code.regions.may_end_filter(self.at) {
                    return self.no(Rule::EndFilter, "not the last instruction of a filter");
                }
                self.pop_for(types().known.int32(), "verdict")?;
                if !self.state.stack.is_empty() {
                    return self.no(Rule::Depth, "values are left on the stack");
                }
                return Ok(Next::End);
            }
            Op::LocAlloc | Op::CpBlk | Op::InitBlk => {
                return self.no(Rule::UnmanagedPointer, "blocks of memory");
            }
            Op::ArgList => {
                if !self.is_vararg {
                    return self.no(Rule::ArgList, "the method has no variable arguments");
                }
                self.push_ty(types().known.argument_handle());
            }
            Op::RefAnyType => {
                self.pop_for(types().known.typed_reference(), "operand")?;
                self.push_ty(types().known.type_handle());
            }
            // The remaining ones have operands.
            _ => return self.no(Rule::Encoding, "no such instruction"),
        }
        Ok(Next::Fall)
    }

    fn with_operand(&mut self, kind: Kind) -> Check<Next> {
        let token = self.here().token();
        match kind {
            Kind::LdArg => self.load_argument()?,
            Kind::LdArgA => self.address(false)?,
            Kind::StArg => self.store_argument()?,
            Kind::LdLoc => self.load_local()?,
            Kind::LdLocA => self.address(true)?,
            Kind::StLoc => self.store_local()?,
            Kind::LdcI4 => self.push(Value::I32),
            Kind::LdcI8 => self.push(Value::I64),
            Kind::LdcR4 | Kind::LdcR8 => self.push(Value::Float),
            Kind::LdStr => {
                if self.cx.assembly.image.user_string(token).is_err() {
                    return self.no(Rule::Token, format!("{token} is no string"));
                }
                self.push(Value::Object(types().known.string()));
            }
            Kind::Br => return Ok(self.branch(false)),
            Kind::BrFalse | Kind::BrTrue => {
                let value = self.pop()?;
                if matches!(value, Value::Float | Value::Struct(_)) {
                    return self.no(Rule::Operand, format!("{value} is neither true nor false"));
                }
                return Ok(self.branch(true));
            }
            Kind::Switch => {
                match self.pop()? {
                    Value::I32 | Value::Native => {}
                    other => return self.no(Rule::Operand, format!("{other} is no index")),
                }
                return Ok(Next::Jump {
                    targets: self.code.switches[self.here().operand as usize].clone(),
                    falls: true,
                });
            }
            Kind::Leave => return Ok(Next::Leave(self.here().operand as u32)),
            Kind::Jmp | Kind::CallI => {
                return self.no(Rule::Indirect, "where it goes is not known");
            }
            Kind::Call | Kind::CallVirt => {
                self.call(token, kind == Kind::CallVirt)?;
            }
            Kind::NewObj => self.new_object(token)?,
            Kind::LdFtn => self.load_function(token)?,
            Kind::LdVirtFtn => self.load_virtual_function(token)?,
            Kind::LdFld => self.load_field(token)?,
            Kind::LdFldA => self.load_field_address(token)?,
            Kind::StFld => self.store_field(token)?,
            Kind::LdSFld | Kind::LdSFldA => self.load_static(token, kind == Kind::LdSFldA)?,
            Kind::StSFld => self.store_static(token)?,
            Kind::CpObj => {
                let ty = self.cx.ty(token)?;
                self.pop_to(ty, false)?;
                self.pop_to(ty, true)?;
            }
            Kind::LdObj => {
                let ty = self.cx.ty(token)?;
                self.pop_to(ty, false)?;
                self.push_ty(ty);
            }
            Kind::StObj => {
                let ty = self.cx.ty(token)?;
                let value = self.pop_for(ty, "value")?;
                self.must_not_be_pointer(value)?;
                self.pop_to(ty, true)?;
            }
            Kind::InitObj => {
                let ty = self.cx.ty(token)?;
                self.pop_to(ty, true)?;
            }
            Kind::SizeOf => {
                self.cx.ty(token)?;
                self.push(Value::I32);
            }
            Kind::Box => self.box_value(token)?,
            Kind::Unbox => self.unbox(token)?,
            Kind::UnboxAny => self.unbox_any(token)?,
            Kind::CastClass | Kind::IsInst => self.cast(token)?,
            Kind::NewArr => self.new_array(token)?,
            Kind::LdElemA => self.load_element_address(token)?,
            Kind::LdElemT => self.load_element_of(token)?,
            Kind::StElemT => self.store_element_of(token)?,
            Kind::MkRefAny => {
                let ty = self.cx.ty(token)?;
                let (to, _) = self.pop_writable()?;
                if !relations::same_location(to, ty) {
                    let text = format!("{}& is no {}&", to.full_name(), ty.full_name());
                    return self.no(Rule::ManagedPointer, text);
                }
                self.push_ty(types().known.typed_reference());
            }
            Kind::RefAnyVal => {
                let ty = self.cx.ty(token)?;
                self.pop_for(types().known.typed_reference(), "operand")?;
                // It may have been made of a local variable.
                let pointer = Pointer {
                    read_only: false,
                    local: true,
                };
                self.push(Value::ByRef(ty, pointer));
            }
            Kind::LdToken => self.load_token(token)?,
        }
        Ok(Next::Fall)
    }

    fn load_token(&mut self, token: Token) -> Check<()> {
        let known = &types().known;
        let is_field = match token.table() {
            Some(TableId::Field) => true,
            Some(TableId::MemberRef) => {
                let row = self.cx.assembly.image.member_ref(token.rid());
                matches!(
                    row.and_then(|r| r.sig()),
                    Ok(crate::metadata::sig::MemberSig::Field(_))
                )
            }
            _ => false,
        };
        let handle = match token.table() {
            _ if is_field => {
                self.cx.field(token)?;
                known.field_handle()
            }
            Some(TableId::MethodDef | TableId::MemberRef | TableId::MethodSpec) => {
                // A generic definition may be named without arguments here.
                let scope = self.cx.scope();
                self.cx.assembly.resolve_method(token, scope)?;
                known.method_handle()
            }
            _ => {
                self.cx.assembly.resolve_type(token, self.cx.scope())?;
                known.type_handle()
            }
        };
        self.push_ty(handle);
        Ok(())
    }

    fn ret(&mut self) -> Check<Next> {
        if self.code.regions.region_of(self.at) != 0 {
            return self.no(
                Rule::ReturnPlace,
                "inside a protected block, handler or filter",
            );
        }
        if self.makes_object && !self.state.this_ready {
            return self.no(Rule::ThisUninitialized, "no constructor was called");
        }
        let wanted = usize::from(!self.ret.is_void());
        if self.state.stack.len() != wanted {
            let text = format!(
                "{} values on the stack, {wanted} wanted",
                self.state.stack.len()
            );
            return self.no(Rule::ReturnStack, text);
        }
        if wanted == 1 {
            let value = self.pop_for(self.ret, "result")?;
            if let Value::ByRef(_, Pointer { local: true, .. }) = value {
                return self.no(Rule::Escape, "the result may point to a variable");
            }
        }
        Ok(Next::End)
    }

    /// Takes a pointer to a location of a type.
    fn pop_to(&mut self, ty: &'static crate::types::Type, write: bool) -> Check<()> {
        let (to, _) = match write {
            true => self.pop_writable()?,
            false => self.pop_pointer()?,
        };
        let fits = relations::same_location(to, ty)
            || match write {
                true => relations::converts(self.cx, ty, to),
                false => relations::converts(self.cx, to, ty),
            };
        if !fits {
            let text = format!("{}& is no {}&", to.full_name(), ty.full_name());
            return self.no(Rule::ManagedPointer, text);
        }
        Ok(())
    }

    /// What is stored behind a pointer or in a field outlives the method.
    pub fn must_not_be_pointer(&self, value: Value) -> Check<()> {
        match value {
            Value::ByRef(..) => self.no(Rule::Escape, "a managed pointer is stored"),
            _ => Ok(()),
        }
    }

    /// Operands of a comparison.
    fn comparison(&mut self, cmp: Cmp) -> Check<()> {
        let (b, a) = (self.pop_slot()?.value, self.pop_slot()?.value);
        let equality = matches!(cmp, Cmp::Eq | Cmp::NeUn | Cmp::GtUn);
        let fine = match (a, b) {
            (Value::I32 | Value::Native, Value::I32 | Value::Native) => true,
            (Value::I64, Value::I64) | (Value::Float, Value::Float) => true,
            (Value::ByRef(..), Value::ByRef(..)) => true,
            (Value::Function(..), Value::Function(..) | Value::Native) => equality,
            _ if a.is_reference() && b.is_reference() => equality,
            _ => false,
        };
        if !fine {
            return self.no(Rule::Operand, format!("{a} and {b} do not compare"));
        }
        Ok(())
    }

    /// Whether a prefix stands before the instruction.
    pub fn has(&self, prefix: Prefix) -> bool {
        self.here().prefix.contains(prefix)
    }
}
