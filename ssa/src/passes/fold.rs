//! Simplification of one instruction: constants, identities, address arithmetic.
//!
//! An instruction becomes an existing value, a constant, or a simpler instruction in place.

use super::Target;
use crate::eval;
use crate::ir::{Access, Func, Imm, Inst, Mem, Op, Region, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::symbol::Symbol;

/// What became of an instruction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Simplified {
    /// Nothing, or it was changed in place.
    Keep,
    /// Its (only) result is this value.
    Value(Value),
    /// Its (only) result is this constant.
    Const(Ty, i64),
}

use Simplified::{Const, Keep, Value as Is};

/// A constant in canonical form: 32-bit ones sign-extended.
pub fn canonical(ty: Ty, word: u32, v: i64) -> i64 {
    if ty.bytes(word) == 4 && !ty.is_float() {
        i64::from(v as i32)
    } else {
        v
    }
}

/// Simplifies `i`; operands are resolved already.
pub fn simplify(func: &mut Func, i: Inst, t: Target) -> Simplified {
    let d = *func.inst(i);
    let args = func.args(i);
    match d.op {
        Op::Load
        | Op::Store
        | Op::StoreRef
        | Op::StoreRefUnknown
        | Op::Lea
        | Op::AtomicXchg
        | Op::AtomicAdd
        | Op::AtomicCas => {
            fold_address(func, i);
            if func.inst(i).op == Op::StoreRefUnknown {
                relax_barrier(func, i);
            }
            let d = func.inst(i);
            if d.op == Op::Lea
                && func.args(i).len() == 1
                && d.access().is_some_and(|a| a.offset == 0)
                && func.ty(func.args(i)[0]) == d.ty
            {
                return Is(func.args(i)[0]);
            }
            Keep
        }
        Op::Retype => {
            let a = args[0];
            if func.ty(a) == d.ty {
                return Is(a);
            }
            if let Some(c) = func.constant(a) {
                return Const(d.ty, canonical(d.ty, t.word, c));
            }
            if let Some((j, inner)) = func.def(a)
                && inner.op == Op::Retype
            {
                let source = func.args(j)[0];
                if func.ty(source) == d.ty {
                    return Is(source);
                }
                func.set_args(i, &[source]);
            }
            Keep
        }
        Op::Select => {
            let (c, a, b) = (args[0], args[1], args[2]);
            match func.constant(c) {
                Some(c) => Is(if c as i32 != 0 { a } else { b }),
                None if a == b => Is(a),
                None => Keep,
            }
        }
        Op::Cmp => compare(func, i),
        Op::Sext | Op::Zext | Op::Trunc => extend(func, i, t),
        Op::ExtS8 | Op::ExtU8 | Op::ExtS16 | Op::ExtU16 => small(func, i),
        Op::Add | Op::Sub | Op::Mul | Op::And | Op::Or | Op::Xor | Op::Shl | Op::Sar | Op::Shr => {
            integer(func, i, t)
        }
        Op::Neg | Op::Not => match func.constant(args[0]) {
            Some(c) => {
                let r = if d.op == Op::Neg {
                    c.wrapping_neg()
                } else {
                    !c
                };
                Const(d.ty, canonical(d.ty, t.word, r))
            }
            None => Keep,
        },
        Op::SDiv | Op::UDiv | Op::SRem | Op::URem => divide(func, i, t),
        Op::FAdd | Op::FSub | Op::FMul | Op::FDiv => float(func, i, t),
        _ => Keep,
    }
}

// ---- addresses

/// Folds `lea`, constant indices and scaling into the offset, index and scale of an access.
fn fold_address(func: &mut Func, i: Inst) {
    let d = *func.inst(i);
    let first = match d.op {
        Op::Store | Op::StoreRef | Op::StoreRefUnknown => 1,
        _ => 0,
    };
    let atomics = matches!(d.op, Op::AtomicXchg | Op::AtomicAdd | Op::AtomicCas);
    fold_lea(func, i, first, atomics);
    if !atomics {
        fold_index(func, i, first);
    }
}

/// A constant index becomes part of the offset, a constant factor of an index its scale.
fn fold_index(func: &mut Func, i: Inst, first: usize) {
    let Some(access) = func.inst(i).access() else {
        return;
    };
    let mut args = func.args(i).to_vec();
    let Some(&index) = args.get(first + 1) else {
        return;
    };
    if let Some(c) = func.constant(index) {
        let offset = c
            .checked_mul(i64::from(access.scale))
            .and_then(|o| o.checked_add(i64::from(access.offset)))
            .and_then(|o| i32::try_from(o).ok());
        if let Some(offset) = offset.filter(|&o| o >= 0) {
            args.truncate(first + 1);
            func.set_args(i, &args);
            let folded = Access {
                offset,
                scale: 1,
                ..access
            };
            func.insts[i.index()].imm = Imm::Access(folded);
        }
        return;
    }
    if access.scale == 1
        && let Some((j, inner)) = func.def(index)
        && let &[x, by] = func.args(j)
        && let Some(by) = func.constant(by)
    {
        let scale = match (inner.op, by) {
            (Op::Mul, 2 | 4 | 8) => by as u8,
            (Op::Shl, 1..=3) => 1 << by,
            _ => return,
        };
        args[first + 1] = x;
        func.set_args(i, &args);
        func.insts[i.index()].imm = Imm::Access(access.scaled(scale));
    }
}

fn fold_lea(func: &mut Func, i: Inst, first: usize, atomics: bool) {
    let d = *func.inst(i);
    for _ in 0..4 {
        let Some(access) = func.inst(i).access() else {
            return;
        };
        let args = func.args(i);
        let Some((j, base)) = func.def(args[first]) else {
            return;
        };
        // Another name of the same address: references become managed pointers without changing.
        if base.op == Op::Retype && d.op != Op::StoreRef {
            let source = func.args(j)[0];
            if func.ty(source) == Ty::ByRef || func.ty(source) == Ty::Ptr {
                let mut args = args.to_vec();
                args[first] = source;
                if d.op == Op::Lea && (func.ty(source) == Ty::Ptr) != (d.ty == Ty::Ptr) {
                    return;
                }
                func.set_args(i, &args);
                continue;
            }
        }
        if base.op != Op::Lea {
            return;
        }
        let Some(inner) = base.access() else { return };
        let inner_args = func.args(j).to_vec();
        let indexed = !atomics && args.len() > first + 1;
        if inner_args.len() > 1 && (indexed || atomics) {
            return;
        }
        let Some(offset) = access.offset.checked_add(inner.offset) else {
            return;
        };
        let mut args = args.to_vec();
        args[first] = inner_args[0];
        let mut folded = Access { offset, ..access };
        if let Some(&index) = inner_args.get(1) {
            args.push(index);
            folded.scale = inner.scale;
        }
        func.set_args(i, &args);
        func.insts[i.index()].imm = Imm::Access(folded);
    }
}

/// A store through a managed pointer whose object or frame slot is known.
fn relax_barrier(func: &mut Func, i: Inst) {
    let base = func.args(i)[1];
    let slot = match func.def(base) {
        Some((_, b)) => match b.imm {
            Imm::Slot(s, _) if b.op == Op::SlotAddr => Some(s),
            _ => None,
        },
        None => None,
    };
    let d = &mut func.insts[i.index()];
    if let Imm::Access(a) = &mut d.imm {
        if let Some(s) = slot {
            d.op = Op::Store;
            a.region = Region::Frame(s);
        } else if func.values[base.index()].ty == Ty::Ref {
            d.op = Op::StoreRef;
        }
    }
}

// ---- integers

fn integer(func: &mut Func, i: Inst, t: Target) -> Simplified {
    let d = *func.inst(i);
    let (mut a, mut b) = (func.args(i)[0], func.args(i)[1]);
    if d.op.row().commutes && func.constant(a).is_some() && func.constant(b).is_none() {
        (a, b) = (b, a);
        func.set_args(i, &[a, b]);
    }
    let cb = func.constant(b);
    if let Some(c) = constants(func, i, t) {
        return c;
    }
    match (d.op, cb) {
        (Op::Add | Op::Sub | Op::Or | Op::Xor | Op::Shl | Op::Sar | Op::Shr, Some(0)) => {
            return Is(a);
        }
        (Op::Mul, Some(1)) | (Op::And, Some(-1)) => return Is(a),
        (Op::Mul | Op::And, Some(0)) => return Const(d.ty, 0),
        (Op::Or, Some(-1)) => return Const(d.ty, -1),
        // Constants move to the end of a sum, where they fold and become offsets.
        (Op::Add | Op::Sub, Some(y)) => {
            if let Some((j, inner)) = func.def(a)
                && inner.op == Op::Add
                && inner.ty == d.ty
                && let Some(x) = func.constant(func.args(j)[1])
            {
                let source = func.args(j)[0];
                let y = if d.op == Op::Sub { y.wrapping_neg() } else { y };
                let sum = canonical(d.ty, t.word, x.wrapping_add(y));
                let c = new_constant(func, d.ty, sum);
                func.insts[i.index()].op = Op::Add;
                func.set_args(i, &[source, c]);
            }
        }
        _ => {}
    }
    if a == b {
        match d.op {
            Op::Sub | Op::Xor => return Const(d.ty, 0),
            Op::And | Op::Or => return Is(a),
            _ => {}
        }
    }
    Keep
}

/// A new constant in the entry block.
pub fn new_constant(func: &mut Func, ty: Ty, bits: i64) -> Value {
    let c = func.make(Op::Const, ty, &[], Imm::Bits(bits), 0);
    let hidden = (func.blocks[0].insts.iter())
        .take_while(|i| func.insts[i.index()].op == Op::CtxLoad)
        .count();
    func.blocks[0].insts.insert(hidden, c);
    func.inst(c).first_result
}

/// What an operation on two constants gives, unless it throws.
fn constants(func: &Func, i: Inst, t: Target) -> Option<Simplified> {
    let d = func.inst(i);
    let &[a, b] = func.args(i) else { return None };
    let (a, b) = (func.constant(a)?, func.constant(b)?);
    let result = eval::binary(d.op, d.ty, t.word, a, b)?.ok()?;
    Some(Const(d.ty, result))
}

fn divide(func: &Func, i: Inst, t: Target) -> Simplified {
    let args = func.args(i);
    match (func.inst(i).op, func.constant(args[1])) {
        (Op::SDiv | Op::UDiv, Some(1)) => Is(args[0]),
        _ => constants(func, i, t).unwrap_or(Keep),
    }
}

fn extend(func: &mut Func, i: Inst, t: Target) -> Simplified {
    let d = *func.inst(i);
    let a = func.args(i)[0];
    let from = func.ty(a);
    if from == d.ty {
        return Is(a);
    }
    if let Some(c) = func.constant(a) {
        let r = match d.op {
            Op::Zext if from.bytes(t.word) == 4 => i64::from(c as u32),
            _ => c,
        };
        return Const(d.ty, canonical(d.ty, t.word, r));
    }
    if d.op == Op::Trunc
        && let Some((j, inner)) = func.def(a)
        && matches!(inner.op, Op::Sext | Op::Zext)
    {
        let source = func.args(j)[0];
        if func.ty(source) == d.ty {
            return Is(source);
        }
    }
    Keep
}

/// The range of a 32-bit value, as far as it is obvious.
pub(super) fn range_i32(func: &Func, v: Value) -> (i64, i64) {
    let (lo, hi) = range(func, v);
    (lo.max(i64::from(i32::MIN)), hi.min(i64::from(i32::MAX)))
}

/// The range of values that an instruction can give, as far as it is obvious.
fn range(func: &Func, v: Value) -> (i64, i64) {
    let Some((i, d)) = func.def(v) else {
        return (i64::MIN, i64::MAX);
    };
    match (d.op, d.imm) {
        (Op::Const, Imm::Bits(b)) => (b, b),
        (Op::Cmp, _) => (0, 1),
        (Op::ExtU8, _) => (0, 255),
        (Op::ExtU16, _) => (0, 65535),
        (Op::ExtS8, _) => (-128, 127),
        (Op::ExtS16, _) => (-32768, 32767),
        (Op::Load, Imm::Access(a)) => match a.mem {
            Mem::I8 => (-128, 127),
            Mem::U8 => (0, 255),
            Mem::I16 => (-32768, 32767),
            Mem::U16 => (0, 65535),
            Mem::I32 if a.region == Region::Length => (0, i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        },
        (Op::And, _) => match func.constant(func.args(i)[1]) {
            Some(c) if c >= 0 => (0, c),
            _ => (i64::MIN, i64::MAX),
        },
        _ => (i64::MIN, i64::MAX),
    }
}

fn small(func: &Func, i: Inst) -> Simplified {
    let d = func.inst(i);
    let a = func.args(i)[0];
    let (lo, hi) = range(func, a);
    let (from, to) = match d.op {
        Op::ExtS8 => (-128, 127),
        Op::ExtU8 => (0, 255),
        Op::ExtS16 => (-32768, 32767),
        _ => (0, 65535),
    };
    if let Some(c) = func.constant(a) {
        return Const(
            Ty::I32,
            match d.op {
                Op::ExtS8 => i64::from(c as i8),
                Op::ExtU8 => i64::from(c as u8),
                Op::ExtS16 => i64::from(c as i16),
                _ => i64::from(c as u16),
            },
        );
    }
    if from <= lo && hi <= to { Is(a) } else { Keep }
}

// ---- comparisons

/// The comparison with its operands exchanged.
pub fn exchanged(cmp: Cmp) -> Cmp {
    match cmp {
        Cmp::Eq | Cmp::NeUn => cmp,
        Cmp::Ge => Cmp::Le,
        Cmp::Gt => Cmp::Lt,
        Cmp::Le => Cmp::Ge,
        Cmp::Lt => Cmp::Gt,
        Cmp::GeUn => Cmp::LeUn,
        Cmp::GtUn => Cmp::LtUn,
        Cmp::LeUn => Cmp::GeUn,
        Cmp::LtUn => Cmp::GtUn,
    }
}

/// Whether a symbol names an object that no other symbol names.
fn is_object(symbol: Symbol) -> bool {
    matches!(symbol, Symbol::TypeObject(_) | Symbol::Literal(_))
}

fn compare(func: &mut Func, i: Inst) -> Simplified {
    let d = *func.inst(i);
    let Imm::Cmp(mut cmp) = d.imm else {
        return Keep;
    };
    let (mut a, mut b) = (func.args(i)[0], func.args(i)[1]);
    if d.ty.is_float() {
        return Keep;
    }
    if func.constant(a).is_some() && func.constant(b).is_none() {
        (a, b) = (b, a);
        cmp = exchanged(cmp);
        func.set_args(i, &[a, b]);
        func.insts[i.index()].imm = Imm::Cmp(cmp);
    }
    if let (Some(x), Some(y)) = (func.constant(a), func.constant(b)) {
        return Const(Ty::I32, i64::from(eval::compare(cmp, d.ty, x, y)));
    }
    if a == b {
        let equal = matches!(cmp, Cmp::Eq | Cmp::Ge | Cmp::Le | Cmp::GeUn | Cmp::LeUn);
        return Const(Ty::I32, i64::from(equal));
    }
    if let (Cmp::Eq | Cmp::NeUn, Some((_, x)), Some((_, y))) = (cmp, func.def(a), func.def(b))
        && let (Imm::Symbol(x), Imm::Symbol(y)) = (x.imm, y.imm)
        && x != y
        && (is_object(x) && is_object(y))
    {
        return Const(Ty::I32, i64::from(cmp == Cmp::NeUn));
    }
    let Some(y) = func.constant(b) else {
        return Keep;
    };
    // Unsigned against the ends of the range.
    match (cmp, y) {
        (Cmp::GeUn, 0) => return Const(Ty::I32, 1),
        (Cmp::LtUn, 0) => return Const(Ty::I32, 0),
        (Cmp::GtUn, 0) => {
            cmp = Cmp::NeUn;
            func.insts[i.index()].imm = Imm::Cmp(cmp);
        }
        (Cmp::LeUn, 0) => {
            cmp = Cmp::Eq;
            func.insts[i.index()].imm = Imm::Cmp(cmp);
        }
        _ => {}
    }
    if d.ty.is_int() {
        let (lo, hi) = range(func, a);
        if lo > i64::MIN {
            // Signed comparisons decided by the range; unsigned ones if it has no negative values.
            let decided = match cmp {
                Cmp::Lt if hi < y => Some(true),
                Cmp::Lt if lo >= y => Some(false),
                Cmp::Ge if lo >= y => Some(true),
                Cmp::Ge if hi < y => Some(false),
                Cmp::Gt if lo > y => Some(true),
                Cmp::Gt if hi <= y => Some(false),
                Cmp::Le if hi <= y => Some(true),
                Cmp::Le if lo > y => Some(false),
                Cmp::Eq if y < lo || y > hi => Some(false),
                Cmp::NeUn if y < lo || y > hi => Some(true),
                Cmp::LtUn if lo >= 0 && y >= 0 && hi < y => Some(true),
                Cmp::GtUn if lo >= 0 && y >= 0 && hi <= y => Some(false),
                Cmp::GeUn if lo >= 0 && y >= 0 && hi < y => Some(false),
                Cmp::LeUn if lo >= 0 && y >= 0 && hi <= y => Some(true),
                _ => None,
            };
            if let Some(c) = decided {
                return Const(Ty::I32, i64::from(c));
            }
        }
    }
    // A comparison of a truth value with 0.
    if y == 0
        && let Some((j, inner)) = func.def(a)
        && inner.op == Op::Cmp
        && let Imm::Cmp(other) = inner.imm
    {
        match cmp {
            Cmp::NeUn | Cmp::Gt => return Is(a),
            Cmp::Eq | Cmp::Le => {
                let (ty, list) = (inner.ty, func.args(j).to_vec());
                let d = &mut func.insts[i.index()];
                d.ty = ty;
                d.imm = Imm::Cmp(other.negate(ty.is_float()));
                func.set_args(i, &list);
            }
            _ => {}
        }
    }
    Keep
}

// ---- floats

fn float(func: &Func, i: Inst, t: Target) -> Simplified {
    match constants(func, i, t) {
        // Which NaN it is is the processor's business.
        Some(Const(Ty::F32, bits)) if f32::from_bits(bits as u32).is_nan() => Keep,
        Some(Const(Ty::F64, bits)) if f64::from_bits(bits as u64).is_nan() => Keep,
        folded => folded.unwrap_or(Keep),
    }
}
