//! Values ↔ words of the calling convention.
//!
//! A word of a flattened struct is put together from its leaves with shifts (and taken apart again), so that split
//! structs pass through calls without touching memory.

use super::frame::{Base, Loc};
use super::place::Entry;
use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Access, Imm, Mem, Op, Region, Sig, SigConv, Ty, Value};
use isthmus_runtime_abi::callconv::{AbiSig, RetPass, Word, WordTy};
use isthmus_runtime_abi::types::{MemTy, Signature};
use smallvec::SmallVec;

impl Builder<'_> {
    /// The type of a value that travels in such a word, where nothing more is known.
    pub(super) fn word_value_ty(ty: WordTy) -> Ty {
        match ty {
            WordTy::I32 => Ty::I32,
            WordTy::I64 => Ty::I64,
            WordTy::Ptr => Ty::Ptr,
            WordTy::F32 => Ty::F32,
            WordTy::F64 => Ty::F64,
        }
    }

    fn word_mem(ty: WordTy) -> Mem {
        Self::word_value_ty(ty).mem()
    }

    /// The words of a signature.
    pub(super) fn sig_of(abi: &AbiSig) -> Sig {
        Sig {
            params: abi.words.iter().map(|w| w.ty).collect(),
            rets: match &abi.ret {
                RetPass::Words(w) => w.iter().map(|w| w.ty).collect(),
                _ => SmallVec::new(),
            },
            conv: SigConv::Managed,
        }
    }

    pub(super) fn set_signature(&mut self, abi: &AbiSig, _sig: Option<&Signature>) {
        self.func.sig = Self::sig_of(abi);
    }

    /// Binds parameter `n` of the function to its words.
    pub(super) fn bind_param(
        &mut self,
        n: usize,
        ty: MemTy,
        abi: &AbiSig,
        words: &[Value],
    ) -> Result<Loc> {
        let usage = self.frame.scan.args[n];
        let area = self.frame.area.get(&(true, n as u16)).copied();
        let pass = abi.params[n];
        let range = pass.first as usize..(pass.first + pass.count) as usize;
        if pass.indirect && area.is_none() {
            let v = words[pass.first as usize];
            self.fact_mut(v).nonnull = true;
            return Ok(Loc::Memory(Base::Value(v), 0, ty));
        }
        let class = self.frame.body.arg_classes.get(n).copied().flatten();
        let entry = match ty {
            MemTy::Struct(_) if pass.indirect => {
                let v = words[pass.first as usize];
                self.fact_mut(v).nonnull = true;
                let place = self.base_place(Base::Value(v), 0);
                self.load_place(place, ty)?
            }
            MemTy::Struct(t) => {
                let info = self.struct_info(t);
                if !info.split && area.is_none() {
                    let slot = self.new_struct_slot(t);
                    self.store_words(slot, &abi.words[range.clone()], &words[range]);
                    return Ok(Loc::Memory(Base::Slot(slot), 0, ty));
                }
                self.take_words(ty, &abi.words[range.clone()], &words[range])?
            }
            _ => {
                let v = words[pass.first as usize];
                if let Some(c) = class {
                    self.note_class(v, c, false);
                }
                Entry::Val(self.narrow(v, ty))
            }
        };
        if usage.exposed || usage.in_filter || usage.written {
            let loc = self.new_loc(ty, usage.exposed || usage.in_filter, area)?;
            self.write_loc(&loc, entry)?;
            return Ok(loc);
        }
        Ok(Loc::Value(entry))
    }

    fn store_words(&mut self, slot: crate::ir::Slot, at: &[Word], words: &[Value]) {
        let base = self.slot_addr(slot, 0);
        for (w, &v) in at.iter().zip(words) {
            let access = Access::new(Self::word_mem(w.ty), w.offset as i32, Region::Frame(slot));
            self.store_raw(v, base, None, access);
        }
    }

    /// An entry from its words.
    pub(super) fn take_words(&mut self, ty: MemTy, at: &[Word], words: &[Value]) -> Result<Entry> {
        let MemTy::Struct(t) = ty else {
            let Some(want) = Ty::of_stack(ty.stack_ty()) else {
                return self.fail(Reason::BadOperands);
            };
            return Ok(Entry::Val(self.retype(words[0], want)));
        };
        let info = self.struct_info(t);
        let crosses = |&(offset, mem): &(u32, Mem)| {
            !at.iter().any(|w| {
                w.offset <= offset
                    && offset + mem.bytes(self.word)
                        <= w.offset + Self::word_mem(w.ty).bytes(self.word)
            })
        };
        if info.split && !info.leaves.iter().any(crosses) {
            let mut leaves = SmallVec::new();
            for &(offset, mem) in &info.leaves {
                let n = at.iter().rposition(|w| w.offset <= offset).unwrap_or(0);
                leaves.push(self.extract(words[n], offset - at[n].offset, mem));
            }
            return Ok(Entry::Split(t, leaves));
        }
        let slot = self.temp(t);
        self.store_words(slot, at, words);
        let entry = Entry::Mem(t, slot);
        if info.split {
            let place = self.slot_place(slot, 0);
            let loaded = self.load_place(place, ty)?;
            self.release(&entry);
            return Ok(loaded);
        }
        Ok(entry)
    }

    /// A leaf at a byte offset of a word.
    fn extract(&mut self, word: Value, offset: u32, mem: Mem) -> Value {
        let ty = self.func.ty(word);
        if ty.is_float() {
            return word;
        }
        let wide = ty.bytes(self.word) > mem.bytes(self.word);
        let v = if offset > 0 {
            let count = self.i32(8 * offset as i32);
            self.op(Op::Shr, ty, &[word, count])
        } else {
            word
        };
        if !wide {
            return match mem {
                Mem::F32 => self.op(Op::BitsF, Ty::F32, &[v]),
                Mem::F64 => self.op(Op::BitsF, Ty::F64, &[v]),
                _ => self.retype(v, mem.ty()),
            };
        }
        let low = if ty == Ty::I32 {
            v
        } else {
            self.op(Op::Trunc, Ty::I32, &[v])
        };
        match mem {
            Mem::I8 => self.op(Op::ExtS8, Ty::I32, &[low]),
            Mem::U8 => self.op(Op::ExtU8, Ty::I32, &[low]),
            Mem::I16 => self.op(Op::ExtS16, Ty::I32, &[low]),
            Mem::U16 => self.op(Op::ExtU16, Ty::I32, &[low]),
            Mem::F32 => self.op(Op::BitsF, Ty::F32, &[low]),
            _ => self.retype(low, mem.ty()),
        }
    }

    /// The words of an entry that is passed directly.
    pub(super) fn give_words(
        &mut self,
        entry: &Entry,
        ty: MemTy,
        at: &[Word],
        out: &mut SmallVec<[Value; 8]>,
    ) -> Result<()> {
        let entry = self.coerce(entry.clone(), ty)?;
        match &entry {
            Entry::Val(v) => out.push(*v),
            Entry::Split(t, leaves) => {
                let info = self.struct_info(*t);
                let crosses = info.leaves.iter().any(|&(offset, mem)| {
                    !at.iter().any(|w| {
                        w.offset <= offset
                            && offset + mem.bytes(self.word)
                                <= w.offset + Self::word_mem(w.ty).bytes(self.word)
                    })
                });
                if crosses {
                    let addr = self.spill(&entry)?;
                    self.load_words(addr, at, out);
                    return Ok(());
                }
                for (n, w) in at.iter().enumerate() {
                    let end = at.get(n + 1).map_or(u32::MAX, |w| w.offset);
                    let parts: SmallVec<[(u32, Mem, Value); 8]> = info
                        .leaves
                        .iter()
                        .zip(leaves)
                        .filter(|((o, _), _)| (w.offset..end).contains(o))
                        .map(|(&(o, mem), &v)| (o - w.offset, mem, v))
                        .collect();
                    let v = self.combine(&parts, w.ty);
                    out.push(v);
                }
            }
            Entry::Mem(_, slot) => {
                let addr = self.slot_addr(*slot, 0);
                self.load_words(addr, at, out);
            }
        }
        Ok(())
    }

    fn load_words(&mut self, addr: Value, at: &[Word], out: &mut SmallVec<[Value; 8]>) {
        let region = match self.func.def(addr) {
            Some((_, d)) => match d.imm {
                Imm::Slot(s, _) => Region::Frame(s),
                _ => Region::Any,
            },
            None => Region::Any,
        };
        for w in at {
            let access = Access::new(Self::word_mem(w.ty), w.offset as i32, region);
            out.push(self.load_raw(addr, None, access));
        }
    }

    /// One word from the leaves in it.
    fn combine(&mut self, parts: &[(u32, Mem, Value)], word: WordTy) -> Value {
        let ty = Self::word_value_ty(word);
        if let [(0, mem, v)] = parts
            && (ty.is_float() || mem.bytes(self.word) == ty.bytes(self.word))
        {
            let v = *v;
            return match mem {
                Mem::F32 | Mem::F64 if !ty.is_float() => self.op(Op::FBits, ty, &[v]),
                _ => self.retype(v, ty),
            };
        }
        let mut sum = None;
        for &(offset, mem, v) in parts {
            let v = match mem {
                Mem::F32 => self.op(Op::FBits, Ty::I32, &[v]),
                _ => v,
            };
            let v = match mem {
                Mem::I8 | Mem::U8 => self.op(Op::ExtU8, Ty::I32, &[v]),
                Mem::I16 | Mem::U16 => self.op(Op::ExtU16, Ty::I32, &[v]),
                _ => v,
            };
            let v = if ty == Ty::I64 {
                self.op(Op::Zext, Ty::I64, &[v])
            } else {
                v
            };
            let v = if offset > 0 {
                let count = self.i32(8 * offset as i32);
                self.op(Op::Shl, ty, &[v, count])
            } else {
                v
            };
            sum = Some(match sum {
                None => v,
                Some(s) => self.op(Op::Or, ty, &[s, v]),
            });
        }
        match sum {
            Some(v) => v,
            None => self.constant(ty, 0),
        }
    }

    /// Returns an entry from the function.
    pub(super) fn emit_return(
        &mut self,
        abi: &AbiSig,
        buffer: Option<Value>,
        ret: Option<MemTy>,
        entry: Option<Entry>,
    ) -> Result<()> {
        let mut words = SmallVec::new();
        match (&abi.ret, ret, entry) {
            (RetPass::Void, ..) => {}
            (RetPass::Words(at), Some(ty), Some(e)) => {
                let e = match (self.coerce(e, ty)?, ty) {
                    (Entry::Val(v), _) => Entry::Val(self.narrow(v, ty)),
                    (e, _) => e,
                };
                self.give_words(&e, ty, at, &mut words)?;
            }
            (RetPass::Buffer(_), Some(ty), Some(e)) => {
                let Some(b) = buffer else {
                    return self.fail(Reason::BadOperands);
                };
                let place = self.base_place(Base::Value(b), 0);
                self.store_place(place, ty, e)?;
            }
            _ => return self.fail(Reason::BadOperands),
        }
        self.end(Op::Return, &words, Imm::None);
        Ok(())
    }
}
