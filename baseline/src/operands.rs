//! Entries of the evaluation stack as operands: in registers, in memory, of another type.

use crate::error::R;
use crate::state::{Gen, Home};
use crate::target::Target;
use crate::value::{Entry, Loc, fty, width};
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::lenient::assignable;
use isthmus_runtime_abi::types::{MemTy, StackTy};

impl<A: Target> Gen<'_, A> {
    /// The memory of an entry that has some: a temporary, merge slot or variable in memory.
    pub fn entry_mem(&self, e: &Entry) -> Option<Mem> {
        match e.loc {
            Loc::Temp(off) | Loc::Merge(off) => Some(Mem::new(A::FP, off)),
            Loc::Var(v) if self.vars[v as usize].home == Home::Memory => Some(self.var_mem(v)),
            _ => None,
        }
    }

    /// The memory of a struct entry.
    pub fn struct_mem(&self, e: &Entry) -> R<Mem> {
        match self.entry_mem(e) {
            Some(m) if matches!(e.ty, StackTy::Struct(_)) => Ok(m),
            _ => self.invalid(format!("a struct is expected, not {:?}", e.ty)),
        }
    }

    /// The entry in a register that must not be written (see [`Self::own`]).
    pub fn load(&mut self, e: &mut Entry) -> R<Gpr> {
        if e.ty.is_float() || matches!(e.ty, StackTy::Struct(_)) {
            return self.invalid(format!(
                "an integer or reference is expected, not {:?}",
                e.ty
            ));
        }
        let w = width(e.ty);
        let full = if w == Width::W32 {
            Ext::Zx32
        } else {
            Ext::Full64
        };
        let r = match e.loc {
            Loc::Reg(r) => return Ok(r),
            Loc::Imm(value) => {
                let r = self.alloc()?;
                self.a.mov_imm(w, r, value);
                r
            }
            Loc::Temp(off) => {
                let r = self.alloc()?;
                self.a.load(full, r, Mem::new(A::FP, off));
                self.frame.release(off, 8);
                r
            }
            Loc::Merge(off) => {
                let r = self.alloc()?;
                self.a.load(full, r, Mem::new(A::FP, off));
                r
            }
            Loc::Var(v) => {
                let var = self.vars[v as usize];
                match var.home {
                    Home::Reg(r) => return Ok(r),
                    _ => {
                        if let Some(r) = self.ints.find_copy(v) {
                            self.ints.hold(r);
                            Gpr(r)
                        } else {
                            let r = self.alloc()?;
                            let ext = Ext::of_mem_ty(var.ty, 8).unwrap_or(full);
                            let mem = self.var_mem(v);
                            self.a.load(ext, r, mem);
                            if !var.exposed {
                                self.ints.set_copy(r.0, v);
                            }
                            r
                        }
                    }
                }
            }
            Loc::FrameAddr(off) => {
                let r = self.alloc()?;
                self.a.lea(r, Mem::new(self.base, off));
                r
            }
            Loc::RegPlus(x, disp) => {
                if self.ints.count(x.0) == 1 {
                    self.ints.drop_copy(x.0);
                    self.a.lea(x, Mem::new(x, disp));
                    x
                } else {
                    let r = self.alloc()?;
                    self.a.lea(r, Mem::new(x, disp));
                    self.ints.release(x.0);
                    r
                }
            }
            Loc::Freg(_) | Loc::FImm(_) => return self.invalid("an integer is expected"),
        };
        e.loc = Loc::Reg(r);
        Ok(r)
    }

    /// The entry in a register that nobody else uses.
    pub fn own(&mut self, e: &mut Entry) -> R<Gpr> {
        let r = self.load(e)?;
        if matches!(e.loc, Loc::Reg(_)) && self.ints.count(r.0) == 1 {
            self.ints.drop_copy(r.0);
            return Ok(r);
        }
        let new = self.alloc()?;
        self.a.mov(width(e.ty), new, r);
        if matches!(e.loc, Loc::Reg(_)) {
            self.ints.release(r.0);
        }
        e.loc = Loc::Reg(new);
        Ok(new)
    }

    /// The entry in a given register, which the caller has claimed; the entry gives up what it held. The register belongs
    /// to the caller.
    pub fn put(&mut self, e: Entry, dst: Gpr) -> R {
        let w = width(e.ty);
        match e.loc {
            Loc::Imm(v) => self.a.mov_imm(w, dst, v),
            Loc::FrameAddr(off) => self.a.lea(dst, Mem::new(self.base, off)),
            Loc::RegPlus(r, d) => self.a.lea(dst, Mem::new(r, d)),
            _ => match self.entry_mem(&e) {
                Some(m) if !e.ty.is_float() => {
                    let ty = match e.loc {
                        Loc::Var(v) => self.vars[v as usize].ty,
                        _ => e.ty.mem_ty(),
                    };
                    match Ext::of_mem_ty(ty, 8) {
                        Some(ext) => self.a.load(ext, dst, m),
                        None => return self.invalid("a scalar is expected"),
                    }
                }
                _ => {
                    let mut e = e;
                    let r = self.load(&mut e)?;
                    if r != dst {
                        self.a.mov(w, dst, r);
                    }
                    self.discard(e);
                    return Ok(());
                }
            },
        }
        self.discard(e);
        Ok(())
    }

    /// The entry as a second operand of the width of its type.
    pub fn src(&mut self, e: &mut Entry) -> R<Src> {
        if let Loc::Imm(v) = e.loc {
            if e.ty == StackTy::I32 {
                return Ok(Src::Imm(v as i32));
            }
            if let Ok(v) = i32::try_from(v) {
                return Ok(Src::Imm(v));
            }
        }
        Ok(match self.foldable(e) {
            Some(m) => Src::Mem(m),
            None => Src::Reg(self.load(e)?),
        })
    }

    /// The entry's memory if an operation of its width may read it directly and no register has the value.
    fn foldable(&self, e: &Entry) -> Option<Mem> {
        if let Loc::Var(v) = e.loc {
            let var = &self.vars[v as usize];
            let small = matches!(var.ty, MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16);
            if small || self.ints.find_copy(v).is_some() || self.floats.find_copy(v).is_some() {
                return None;
            }
        }
        self.entry_mem(e)
    }

    /// The entry in a float register that must not be written.
    pub fn fload(&mut self, e: &mut Entry) -> R<Fpr> {
        if !e.ty.is_float() {
            return self.invalid(format!("a float is expected, not {:?}", e.ty));
        }
        let ty = fty(e.ty);
        let r = match e.loc {
            Loc::Freg(r) => return Ok(r),
            Loc::FImm(bits) => {
                let r = self.alloc_f()?;
                self.a.fconst(ty, r, bits);
                r
            }
            Loc::Temp(off) => {
                let r = self.alloc_f()?;
                self.a.fload(ty, r, Mem::new(A::FP, off));
                self.frame.release(off, 8);
                r
            }
            Loc::Merge(off) => {
                let r = self.alloc_f()?;
                self.a.fload(ty, r, Mem::new(A::FP, off));
                r
            }
            Loc::Var(v) => {
                let var = self.vars[v as usize];
                match var.home {
                    Home::Freg(r) => return Ok(r),
                    _ => {
                        if let Some(r) = self.floats.find_copy(v) {
                            self.floats.hold(r);
                            Fpr(r)
                        } else {
                            let r = self.alloc_f()?;
                            let mem = self.var_mem(v);
                            self.a.fload(ty, r, mem);
                            if !var.exposed {
                                self.floats.set_copy(r.0, v);
                            }
                            r
                        }
                    }
                }
            }
            _ => return self.invalid("a float is expected"),
        };
        e.loc = Loc::Freg(r);
        Ok(r)
    }

    /// The entry in a float register that nobody else uses.
    pub fn own_f(&mut self, e: &mut Entry) -> R<Fpr> {
        let r = self.fload(e)?;
        if matches!(e.loc, Loc::Freg(_)) && self.floats.count(r.0) == 1 {
            self.floats.drop_copy(r.0);
            return Ok(r);
        }
        let new = self.alloc_f()?;
        self.a.fmov(fty(e.ty), new, r);
        if matches!(e.loc, Loc::Freg(_)) {
            self.floats.release(r.0);
        }
        e.loc = Loc::Freg(new);
        Ok(new)
    }

    /// The entry as a second operand of a float operation.
    pub fn fsrc(&mut self, e: &mut Entry) -> R<FSrc> {
        if !e.ty.is_float() {
            return self.invalid("a float is expected");
        }
        Ok(match self.foldable(e) {
            Some(m) => FSrc::Mem(m),
            None => FSrc::Reg(self.fload(e)?),
        })
    }

    // ---- implicit conversions

    /// Converts an entry to the type of the place it goes to (ECMA-335 III.1.6).
    pub fn coerce(&mut self, e: &mut Entry, to: StackTy) -> R {
        use StackTy::*;
        if e.ty == to {
            return Ok(());
        }
        let fits = match (e.ty, to) {
            (Struct(a), Struct(b)) => self.env.struct_layout(a) == self.env.struct_layout(b),
            (from, to) => assignable(from, to),
        };
        if !fits {
            return self.invalid(format!("{:?} where {to:?} is expected", e.ty));
        }
        match (e.ty, to) {
            (I32, Native | ByRef | I64 | Ref) => self.sign_extend(e)?,
            (Native | ByRef | I64 | Ref, I32) => match e.loc {
                Loc::Imm(v) => e.loc = Loc::Imm(v as i32 as i64),
                _ => {
                    let mut r = self.load(e)?;
                    if self.ints.count(r.0) != 1 || !matches!(e.loc, Loc::Reg(_)) {
                        let new = self.alloc()?;
                        if matches!(e.loc, Loc::Reg(_)) {
                            self.release(r);
                        }
                        self.a.mov(Width::W32, new, r);
                        r = new;
                    } else {
                        self.ints.drop_copy(r.0);
                        self.a.mov(Width::W32, r, r);
                    }
                    e.loc = Loc::Reg(r);
                }
            },
            (F32, F64) | (F64, F32) => self.convert_float(e)?,
            _ => {}
        }
        e.ty = to;
        Ok(())
    }

    /// Converts a stack entry in place.
    pub fn coerce_at(&mut self, i: usize, to: StackTy) -> R {
        if self.stack[i].ty == to {
            return Ok(());
        }
        // The entry leaves the stack while it is worked on, so that it is not spilled under our hands.
        let mut e = self.stack[i];
        self.stack[i].loc = Loc::Imm(0);
        self.stack[i].ty = StackTy::I32;
        let result = self.coerce(&mut e, to);
        self.stack[i] = e;
        result
    }

    /// I32 to 64 bits, signed.
    pub fn sign_extend(&mut self, e: &mut Entry) -> R {
        if let Loc::Imm(_) = e.loc {
            e.ty = StackTy::Native;
            return Ok(());
        }
        if let Some(m) = self.foldable(e) {
            let new = self.alloc()?;
            self.a.load(Ext::Sx32To64, new, m);
            self.discard(*e);
            *e = Entry::new(StackTy::Native, Loc::Reg(new));
            return Ok(());
        }
        self.extend_register(e, Ext::Sx32To64)?;
        e.ty = StackTy::Native;
        Ok(())
    }

    /// Extends the low bits of an entry in a register: in place where nobody else reads it.
    pub fn extend_register(&mut self, e: &mut Entry, ext: Ext) -> R {
        let r = self.load(e)?;
        let new = if matches!(e.loc, Loc::Reg(_)) && self.ints.count(r.0) == 1 {
            self.ints.drop_copy(r.0);
            r
        } else {
            let new = self.alloc()?;
            self.discard(*e);
            new
        };
        self.a.extend(ext, new, r);
        e.loc = Loc::Reg(new);
        Ok(())
    }

    /// I32 to 64 bits, unsigned: invariant 1 makes it free in registers.
    pub fn zero_extend(&mut self, e: &mut Entry) -> R {
        if let Loc::Imm(v) = e.loc {
            e.loc = Loc::Imm(v as u32 as i64);
        } else {
            self.load(e)?;
        }
        e.ty = StackTy::Native;
        Ok(())
    }

    /// F32 to F64 or back.
    pub fn convert_float(&mut self, e: &mut Entry) -> R {
        let to = match e.ty {
            StackTy::F32 => StackTy::F64,
            _ => StackTy::F32,
        };
        let loc = match e.loc {
            Loc::FImm(bits) => Loc::FImm(match to {
                StackTy::F64 => f64::from(f32::from_bits(bits as u32)).to_bits(),
                _ => u64::from((f64::from_bits(bits) as f32).to_bits()),
            }),
            _ => {
                let src = self.fsrc(e)?;
                let new = self.alloc_f()?;
                self.a.fconvert(fty(e.ty), new, src);
                self.discard(*e);
                Loc::Freg(new)
            }
        };
        *e = Entry::new(to, loc);
        Ok(())
    }

    /// Copies bytes that do not overlap and hold no reference into the heap.
    pub fn copy_bytes(&mut self, dst: Mem, src: Mem, bytes: u32) {
        if dst != src {
            self.a.copy_block(dst, src, bytes);
        }
    }
}
