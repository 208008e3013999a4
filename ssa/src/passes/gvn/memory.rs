//! Memory: values that loads and stores leave known, and what stores take away.

use super::Gvn;
use crate::ir::{Access, AccessFlags, Block, Func, Imm, Inst, Mem, Op, Region, Ty, Value};

/// Loads remembered on a path at most.
const MAX_LOADS: usize = 48;

/// A value in memory.
#[derive(Clone, Copy)]
pub(in crate::passes) struct Known {
    pub base: Value,
    pub index: Option<Value>,
    pub access: Access,
    pub value: Value,
}

impl Gvn<'_> {
    /// Drops the `null` flag of an access whose base is known, and knows it after the access.
    pub(super) fn base_is_nonnull(&mut self, i: Inst, base: usize) {
        let v = self.func.args(i)[base];
        let known = self.is_nonnull(v);
        let d = &mut self.func.insts[i.index()];
        if let Imm::Access(a) = &mut d.imm
            && a.flags.contains(AccessFlags::NULL)
        {
            if known {
                a.flags.remove(AccessFlags::NULL);
                self.changed = true;
            } else {
                self.set_nonnull(v);
            }
        }
    }

    pub(super) fn load(&mut self, b: Block, i: Inst) -> bool {
        self.base_is_nonnull(i, 0);
        let d = *self.func.inst(i);
        let Some(access) = d.access() else {
            return true;
        };
        if access.flags.contains(AccessFlags::VOLATILE) {
            self.loads.clear();
            return true;
        }
        if access.region == Region::Length
            && let Some((j, base)) = self.func.def(self.func.args(i)[0])
            && matches!(base.op, Op::AllocArray | Op::AllocString)
        {
            // The length that the array or string was made with.
            let length = self.func.args(j)[1];
            let op = match base.op {
                Op::AllocArray => Op::Trunc,
                _ => Op::Retype,
            };
            let load = &mut self.func.insts[i.index()];
            load.op = op;
            load.imm = Imm::None;
            self.func.set_args(i, &[length]);
            return self.inst(b, i);
        }
        if access.region.is_constant() {
            return self.number(i);
        }
        let args = self.func.args(i);
        let (base, index) = (args[0], args.get(1).copied());
        let same = self.loads.iter().find(|k| {
            k.base == base
                && k.index == index
                && k.access.offset == access.offset
                && k.access.mem == access.mem
                && (index.is_none() || k.access.scale == access.scale)
                && self.func.ty(k.value) == d.ty
        });
        // A load whose base is not known to be non-null was the first of its base: nothing equal precedes it.
        if let Some(k) = same
            && !access.flags.contains(AccessFlags::NULL)
        {
            let v = k.value;
            return self.becomes(i, v);
        }
        self.remember(base, index, access, d.first_result);
        true
    }

    fn remember(&mut self, base: Value, index: Option<Value>, access: Access, value: Value) {
        if self.loads.len() >= MAX_LOADS {
            self.loads.remove(0);
        }
        self.loads.push(Known {
            base,
            index,
            access,
            value,
        });
    }

    pub(super) fn store(&mut self, i: Inst) {
        let d = *self.func.inst(i);
        let Some(access) = d.access() else {
            self.loads.clear();
            return;
        };
        let args = self.func.args(i);
        let (value, base, index) = (args[0], args[1], args.get(2).copied());
        let word = self.target.word;
        let func = &*self.func;
        self.loads
            .retain(|k| !may_alias(func, word, k, base, index, access));
        let full = !matches!(access.mem, Mem::I8 | Mem::U8 | Mem::I16 | Mem::U16);
        if full && !access.flags.contains(AccessFlags::VOLATILE) {
            self.remember(base, index, access, value);
        }
    }
}

/// Whether a store may change a remembered value.
pub(in crate::passes) fn may_alias(
    func: &Func,
    word: u32,
    k: &Known,
    base: Value,
    index: Option<Value>,
    access: Access,
) -> bool {
    let (a, b) = (k.access, access);
    let overlap = a.offset < b.offset.saturating_add(b.mem.bytes(word) as i32)
        && b.offset < a.offset.saturating_add(a.mem.bytes(word) as i32);
    // The same base without an index: offsets decide.
    if k.base == base && k.index.is_none() && index.is_none() {
        return overlap;
    }
    // Slots are memory of their own, reached by other ways only once their address was given away, which only
    // accesses to any memory can tell.
    let local = |v: Value| func.def(v).is_some_and(|(_, d)| d.op == Op::SlotAddr);
    match (a.region, b.region) {
        (Region::Frame(x), Region::Frame(y)) => x == y,
        (Region::Any, _) | (_, Region::Any) => {
            // A fresh reference to an object cannot point into a frame.
            !((local(k.base) && func.ty(base) == Ty::Ref)
                || (local(base) && func.ty(k.base) == Ty::Ref))
        }
        (Region::Field, Region::Field) | (Region::Static, Region::Static) => overlap,
        (Region::Element(x), Region::Element(y)) => x.bytes(word) == y.bytes(word),
        (x, y) => x == y,
    }
}
