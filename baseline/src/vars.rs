//! Where arguments and locals live.
//!
//! Variables whose address is not taken may live in registers, the most used first, if the method has no exception
//! clauses (landing pads keep nothing but SP and FP): in registers that callees save, and, if the method calls
//! nothing, also in registers of the caller. All others have memory; stack arguments of one word stay where the caller
//! put them.

use crate::error::R;
use crate::state::{Gen, Home, Var};
use crate::target::Target;
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::op::Op;
use isthmus_runtime_abi::callconv::{AbiSig, Loc as AbiLoc};
use isthmus_runtime_abi::types::{MemTy, StackTy};

/// Uses that a register must save to be worth its own saving and restoring.
const PIN_SAVED: u32 = 3;

impl<A: Target> Gen<'_, A> {
    /// Gives every variable its home.
    pub fn plan_vars(&mut self, abi: &AbiSig) -> R {
        let nargs = self.body.sig.params.len();
        let types = self
            .body
            .sig
            .params
            .iter()
            .copied()
            .chain(self.body.locals.iter().map(|l| l.ty));
        self.vars = types
            .zip(&self.scan.uses)
            .map(|(ty, u)| Var {
                ty,
                home: Home::Memory,
                offset: 0,
                exposed: u.exposed,
            })
            .collect();
        if self.scan.handlers {
            // At a landing pad only SP and FP are as they were: callees between the throw and here may have changed every
            // other register. So the callers' values are kept in this frame.
            for &r in A::SAVED_PINS {
                let slot = self.frame.alloc(8);
                self.saved.push((r, slot));
            }
        } else if self.opts.pin {
            self.choose_pins();
        }
        for i in 0..nargs {
            let var = self.vars[i];
            if self.scan.uses[i].weight == 0 || var.home != Home::Memory {
                continue;
            }
            let pass = abi.params[i];
            let first = abi.words[pass.first as usize].loc;
            let offset = match first {
                AbiLoc::Stack(off) if !pass.indirect && pass.count == 1 => 16 + off as i32,
                _ => {
                    let bytes = self.size_of(var.ty);
                    self.frame.alloc(bytes)
                }
            };
            self.vars[i].offset = offset;
        }
        self.plan_homes();
        // References must start as null in any case; other locals only if the method says so.
        let high = -(self.frame.used() as i32);
        for pass in [true, false] {
            for i in nargs..self.vars.len() {
                let var = self.vars[i];
                if self.scan.uses[i].weight == 0 || var.home != Home::Memory {
                    continue;
                }
                if self.starts_as_zero(var.ty) == pass {
                    let bytes = self.size_of(var.ty);
                    self.vars[i].offset = self.frame.alloc(bytes);
                }
            }
            if pass {
                self.zeroed = (-(self.frame.used() as i32), high);
            }
        }
        Ok(())
    }

    /// Whether a local of this type must start as zero.
    pub fn starts_as_zero(&mut self, ty: MemTy) -> bool {
        self.body.init_locals
            || match ty {
                MemTy::Ref | MemTy::ByRef => true,
                MemTy::Struct(t) => {
                    let l = self.layout(t);
                    l.has_refs || l.has_byrefs
                }
                _ => false,
            }
    }

    fn choose_pins(&mut self) {
        let uses = &self.scan.uses;
        let nargs = self.body.sig.params.len();
        let mut order: Vec<u16> = (0..self.vars.len() as u16)
            .filter(|&v| {
                let (var, u) = (&self.vars[v as usize], &uses[v as usize]);
                let pinned_local = (v as usize)
                    .checked_sub(nargs)
                    .is_some_and(|l| self.body.locals[l].pinned);
                !var.exposed
                    && !matches!(var.ty, MemTy::Struct(_))
                    && u.weight >= if (v as usize) < nargs { 1 } else { 2 }
                    && !pinned_local
            })
            .collect();
        order.sort_by_key(|&v| std::cmp::Reverse(uses[v as usize].weight));
        let calls = self.scan.calls;
        let (mut leaf, mut saved, mut floats) = (
            A::LEAF_PINS.iter(),
            A::SAVED_PINS.iter(),
            A::LEAF_FPINS.iter(),
        );
        for v in order {
            let ty = self.vars[v as usize].ty;
            let weight = uses[v as usize].weight;
            if matches!(ty, MemTy::F32 | MemTy::F64) {
                if calls {
                    continue;
                }
                let Some(&r) = floats.next() else { continue };
                self.floats.hold(r.0);
                self.vars[v as usize].home = Home::Freg(r);
                self.pin_in_caller_saved(v);
                continue;
            }
            let leaf_pin = if calls { None } else { leaf.next() };
            if let Some(&r) = leaf_pin {
                self.ints.hold(r.0);
                self.vars[v as usize].home = Home::Reg(r);
                self.pin_in_caller_saved(v);
            } else if weight >= PIN_SAVED
                && let Some(&r) = saved.next()
            {
                self.ints.hold(r.0);
                self.vars[v as usize].home = Home::Reg(r);
                let slot = self.frame.alloc(8);
                self.saved.push((r, slot));
            }
        }
    }

    fn pin_in_caller_saved(&mut self, v: u16) {
        self.vars[v as usize].offset = self.frame.alloc(8);
        self.leaf_pins.push(v);
    }

    // ---- instructions

    /// The variable that the next instruction stores the current one's result in, if that is the next thing to happen and
    /// nothing is converted on the way: the operation may then work in the variable's register. Other entries are made
    /// independent of the variable; the store counts as done.
    pub fn fuse_store(&mut self, operand: crate::value::Loc, ty: StackTy) -> R<Option<u16>> {
        let crate::value::Loc::Var(v) = operand else {
            return Ok(None);
        };
        let next = self.at + 1;
        if self.scan.places.get(next).is_none_or(|p| p.target) {
            return Ok(None);
        }
        let stored = match self.body.code[next].op {
            Op::StLoc(n) => self.body.sig.params.len() as u16 + n,
            Op::StArg(n) => n,
            _ => return Ok(None),
        };
        let var = self.vars[v as usize];
        let whole = !matches!(var.ty, MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16);
        if stored != v || !whole || var.home == Home::Memory || var.ty.stack_ty() != ty {
            return Ok(None);
        }
        self.before_store(v)?;
        self.at = next;
        Ok(Some(v))
    }

    pub fn op_load(&mut self, v: u16) -> R {
        let ty = self.vars[v as usize].ty.stack_ty();
        self.push(ty, crate::value::Loc::Var(v));
        Ok(())
    }

    pub fn op_load_address(&mut self, v: u16) -> R {
        let offset = self.vars[v as usize].offset;
        self.push(StackTy::ByRef, crate::value::Loc::FrameAddr(offset));
        Ok(())
    }

    pub fn op_store(&mut self, v: u16) -> R {
        use crate::memory::Place;
        use crate::value::{Loc, fty, width};
        let var = self.vars[v as usize];
        let ty = var.ty.stack_ty();
        let mut e = self.pop()?;
        if e.loc == Loc::Var(v) && e.ty == ty {
            return Ok(());
        }
        self.coerce(&mut e, ty)?;
        self.before_store(v)?;
        match var.home {
            Home::Reg(dst) => {
                let w = width(ty);
                match (var.ty, e.loc) {
                    (MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16, loc)
                        if !matches!(loc, Loc::Imm(_)) =>
                    {
                        let r = self.load(&mut e)?;
                        let ext = Ext::of_mem_ty(var.ty, 8).unwrap_or(Ext::Zx32);
                        self.a.extend(ext, dst, r);
                        self.discard(e);
                    }
                    (MemTy::I8, Loc::Imm(x)) => self.a.mov_imm(w, dst, x as i8 as i64),
                    (MemTy::U8, Loc::Imm(x)) => self.a.mov_imm(w, dst, x as u8 as i64),
                    (MemTy::I16, Loc::Imm(x)) => self.a.mov_imm(w, dst, x as i16 as i64),
                    (MemTy::U16, Loc::Imm(x)) => self.a.mov_imm(w, dst, x as u16 as i64),
                    (_, Loc::Imm(0)) => self.a.zero(dst),
                    _ => self.put(e, dst)?,
                }
            }
            Home::Freg(dst) => {
                match e.loc {
                    Loc::FImm(bits) => self.a.fconst(fty(ty), dst, bits),
                    _ => match self.fsrc(&mut e)? {
                        FSrc::Reg(r) => self.a.fmov(fty(ty), dst, r),
                        FSrc::Mem(m) => self.a.fload(fty(ty), dst, m),
                    },
                }
                self.discard(e);
            }
            Home::Memory => {
                let mem = self.var_mem(v);
                if let MemTy::Struct(t) = var.ty {
                    let from = self.struct_mem(&e)?;
                    let bytes = self.layout(t).size;
                    self.copy_struct(mem, from, bytes)?;
                } else {
                    self.store_value(mem, Place::Plain, var.ty, &mut e)?;
                    // The register keeps the value for the next reads.
                    let full = !matches!(var.ty, MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16);
                    if full && !var.exposed {
                        match e.loc {
                            Loc::Reg(r) if self.ints.copy_of(r.0).is_none() => {
                                self.ints.set_copy(r.0, v)
                            }
                            Loc::Freg(r) if self.floats.copy_of(r.0).is_none() => {
                                self.floats.set_copy(r.0, v)
                            }
                            _ => {}
                        }
                    }
                }
                self.discard(e);
            }
        }
        Ok(())
    }
}
