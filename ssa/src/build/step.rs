//! One instruction.

use super::frame::Loc;
use super::place::Entry;
use super::{Builder, Result};
use crate::ir::{Op, Ty};
use isthmus_frontend_ir::op::{Cmp, Insn, Op as Cil, Prefix};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::types::MemTy;

impl Builder<'_> {
    pub(super) fn step(&mut self, at: u32, insn: &Insn) -> Result<()> {
        match insn.op {
            Cil::Nop | Cil::Break => {}
            // ---- variables
            Cil::LdArg(n) => self.load_var(true, n)?,
            Cil::LdLoc(n) => self.load_var(false, n)?,
            Cil::StArg(n) => {
                let e = self.pop()?;
                let loc = self.arg_loc(n)?;
                self.write_loc(&loc, e)?;
            }
            Cil::StLoc(n) => {
                let e = self.pop()?;
                let loc = self.local_loc(n)?;
                self.write_loc(&loc, e)?;
            }
            Cil::LdArgA(n) => {
                let loc = self.arg_loc(n)?;
                let v = self.loc_address(&loc)?;
                self.push_val(v);
            }
            Cil::LdLocA(n) => {
                let loc = self.local_loc(n)?;
                let v = self.loc_address(&loc)?;
                self.push_val(v);
            }
            // ---- constants
            Cil::LdNull => {
                let v = self.null();
                self.push_val(v);
            }
            Cil::LdcI4(n) => {
                let v = self.i32(n);
                self.push_val(v);
            }
            Cil::LdcI8(n) => {
                let v = self.constant(Ty::I64, n);
                self.push_val(v);
            }
            Cil::LdcR4(bits) => {
                let v = self.constant(Ty::F32, i64::from(bits));
                self.push_val(v);
            }
            Cil::LdcR8(bits) => {
                let v = self.constant(Ty::F64, bits as i64);
                self.push_val(v);
            }
            Cil::LdStr(literal) => {
                let v = self.symbol(Ty::Ref, Symbol::Literal(literal));
                let class = self.env.literal_type(literal);
                self.note_class(v, class, true);
                self.push_val(v);
            }
            Cil::Dup => {
                let e = self.pop()?;
                let copy = self.duplicate(&e)?;
                self.push(e);
                self.push(copy);
            }
            Cil::Pop => {
                let e = self.pop()?;
                self.release(&e);
            }
            // ---- calls
            Cil::Jmp(m) => self.jump_to_method(at, insn, m)?,
            Cil::Call(m) => self.call(at, insn, m, false)?,
            Cil::CallVirt(m) => self.call(at, insn, m, true)?,
            Cil::CallI(sig) => self.call_indirect(at, insn, sig)?,
            Cil::NewObj(m) => self.new_object(m)?,
            Cil::LdFtn(m) => self.load_function(m)?,
            Cil::LdVirtFtn(m) => self.load_virtual_function(m)?,
            // ---- control
            Cil::Ret => self.ret()?,
            Cil::Br(_) => self.br(at, insn.op)?,
            Cil::BrFalse(t) | Cil::BrTrue(t) => {
                let v = self.pop_val()?;
                let when = match insn.op {
                    Cil::BrTrue(_) => Cmp::NeUn,
                    _ => Cmp::Eq,
                };
                let cond = self.fold_truth(v, when);
                self.branch_cil(at, cond, t)?;
            }
            Cil::BrCmp(cmp, t) => self.branch_cmp(at, cmp, t)?,
            Cil::Switch(list) => self.switch_cil(at, list)?,
            Cil::Leave(t) => self.leave(at, t)?,
            Cil::EndFinally => self.end_finally(at)?,
            Cil::EndFilter => self.end_filter()?,
            Cil::Throw => {
                let v = self.pop_val()?;
                self.throw(Helper::Throw, &[v]);
            }
            Cil::Rethrow => self.rethrow(at)?,
            Cil::Raise(r) => self.throw_raise(r),
            // ---- arithmetic
            Cil::Bin(op) => self.binary(op)?,
            Cil::Neg | Cil::Not => self.unary(insn.op)?,
            Cil::Compare(cmp) => {
                let v = self.compare(cmp)?;
                self.push_val(v);
            }
            Cil::Conv(to, mode) => self.conv(to, mode)?,
            Cil::CkFinite => self.check_finite()?,
            // ---- memory
            Cil::LdInd(ty) => self.load_indirect(ty, insn.prefix)?,
            Cil::StInd(ty) => self.store_indirect(ty, insn.prefix)?,
            Cil::LdObj(t) => {
                let ty = self.env.mem_ty(t);
                self.load_indirect(ty, insn.prefix)?;
            }
            Cil::StObj(t) => {
                let ty = self.env.mem_ty(t);
                self.store_indirect(ty, insn.prefix)?;
            }
            Cil::CpObj(t) => self.copy_object(t)?,
            Cil::InitObj(t) => self.init_object(t)?,
            Cil::CpBlk | Cil::InitBlk => self.block_op(insn.op == Cil::CpBlk)?,
            Cil::LocAlloc => self.loc_alloc(at)?,
            Cil::SizeOf(t) => {
                let size = self.size_of(t);
                let v = self.i32(size as i32);
                self.push_val(v);
            }
            // ---- objects
            Cil::LdFld(f) => self.load_field(f, insn.prefix)?,
            Cil::LdFldA(f) => self.field_address(f)?,
            Cil::StFld(f) => self.store_field(f, insn.prefix)?,
            Cil::LdSFld(f) => self.load_static(f, insn.prefix)?,
            Cil::LdSFldA(f) => self.static_address(f)?,
            Cil::StSFld(f) => self.store_static(f, insn.prefix)?,
            Cil::NewArr(t) => self.new_array(t)?,
            Cil::LdLen => self.load_length()?,
            Cil::LdElem(ty, _) => self.load_element(ty)?,
            Cil::StElem(ty, _) => self.store_element(ty, insn.prefix)?,
            Cil::LdElemA(t) => self.element_address(t, insn.prefix)?,
            Cil::Box(t) => self.box_value(t)?,
            Cil::Unbox(t) => self.unbox(t)?,
            Cil::UnboxAny(t) => self.unbox_any(t)?,
            Cil::CastClass(t) => self.cast_class(t)?,
            Cil::IsInst(t) => self.is_inst(t)?,
            Cil::LdToken(t) => self.load_token(t)?,
            // ---- variable arguments and typed references
            Cil::VarArgs(sig) => self.variable_arguments(sig)?,
            Cil::ArgList => self.argument_list()?,
            Cil::MkRefAny(t) => self.make_typed_reference(t)?,
            Cil::RefAnyVal(t) => self.typed_reference_value(t)?,
            Cil::RefAnyType => self.typed_reference_type()?,
        }
        Ok(())
    }

    fn arg_loc(&self, n: u16) -> Result<Loc> {
        let loc = self.frame.args.get(n as usize).cloned();
        loc.ok_or_else(|| self.bad())
    }

    fn local_loc(&self, n: u16) -> Result<Loc> {
        let loc = self.frame.locals.get(n as usize).cloned();
        loc.ok_or_else(|| self.bad())
    }

    fn load_var(&mut self, arg: bool, n: u16) -> Result<()> {
        let loc = if arg {
            self.arg_loc(n)?
        } else {
            self.local_loc(n)?
        };
        let e = self.read_loc(&loc)?;
        if let Entry::Val(v) = e
            && self.func.ty(v) == Ty::Ref
            && self.func.constant(v).is_none()
        {
            let body = &self.frame.body;
            let class = if arg {
                body.arg_classes.get(n as usize).copied().flatten()
            } else {
                body.locals[n as usize].class
            };
            if let Some(c) = class {
                self.note_class(v, c, false);
            }
        }
        self.push(e);
        Ok(())
    }

    /// A truth value, folded where the operand is constant or known not to be null.
    fn fold_truth(&mut self, v: crate::ir::Value, when: Cmp) -> crate::ir::Value {
        let known = match self.func.constant(v) {
            Some(c) if !self.func.ty(v).is_float() => Some(c != 0),
            _ if self.fact(v).nonnull => Some(true),
            _ => None,
        };
        match known {
            Some(truth) => self.i32(i32::from(truth == (when == Cmp::NeUn))),
            None => self.truth(v, when),
        }
    }

    fn check_finite(&mut self) -> Result<()> {
        use isthmus_runtime_abi::trap::TrapKind;
        let v = self.pop_val()?;
        let ty = self.func.ty(v);
        let infinity = match ty {
            Ty::F32 => self.constant(ty, i64::from(f32::INFINITY.to_bits())),
            _ => self.constant(ty, f64::INFINITY.to_bits() as i64),
        };
        let abs = self.op(Op::FAbs, ty, &[v]);
        let bad = self.cmp(Cmp::GeUn, abs, infinity);
        self.trap_if(bad, TrapKind::NotFinite);
        self.push_val(v);
        Ok(())
    }

    /// Bytes of a type in memory.
    pub(super) fn size_of(&mut self, t: isthmus_runtime_abi::ids::TypeId) -> u32 {
        match self.env.mem_ty(t) {
            MemTy::Struct(t) => self.struct_info(t).layout.size,
            ty => ty.scalar_size(self.word).unwrap_or(self.word),
        }
    }

    fn block_op(&mut self, copy: bool) -> Result<()> {
        let size = self.pop_val()?;
        let second = self.pop_val()?;
        let dest = self.pop_val()?;
        let size = match self.func.ty(size) {
            Ty::I32 => self.op(Op::Zext, Ty::I64, &[size]),
            _ => size,
        };
        let done = self.new_block(false);
        let go = self.new_block(false);
        let zero = self.constant(self.func.ty(size), 0);
        let empty = self.cmp(Cmp::Eq, size, zero);
        self.branch(empty, done, go);
        self.go_on(go);
        self.null_check(dest);
        if copy {
            self.null_check(second);
            self.helper(Helper::MemMove, &[dest, second, size]);
        } else {
            self.helper(Helper::MemSet, &[dest, second, size]);
        }
        self.jump(done);
        self.join(done);
        Ok(())
    }

    pub(super) fn access_flags(prefix: Prefix) -> crate::ir::AccessFlags {
        use crate::ir::AccessFlags as F;
        let mut flags = F::empty();
        flags.set(F::VOLATILE, prefix.contains(Prefix::VOLATILE));
        flags.set(F::UNALIGNED, prefix.contains(Prefix::UNALIGNED));
        flags
    }
}
