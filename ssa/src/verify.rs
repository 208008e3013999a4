//! The verifier.
//!
//! Invariants, by the number in its messages:
//!
//! 1. Every block ends with its only ending instruction; the entry has no predecessors.
//! 2. Operands are as many and of such types as the operation's row says.
//! 3. The immediate is of the row's kind, the controlling type one of the row's.
//! 4. Values name their definitions, and no replaced value is used.
//! 5. Edges: as many as the operation asks for; arguments match the target's parameters in number and type (after the two
//!    payload parameters for handler edges); handler edges only where the operation may throw, after the normal one.
//! 6. Definitions dominate uses. Results of an instruction with handler edges exist on its normal edge only, whose target has no
//!    other predecessor.
//! 7. A landing block has two payload parameters and only handler edges of one clause lead to it.
//! 8. Operands of calls and returns are the words of their signatures; the entry's parameters those of the function's.
//! 9. Hidden arguments are read at the top of the entry block.

use crate::analysis::Cfg;
use crate::ir::{Arg, Block, Effects, Func, Imm, Inst, InstData, Op, Ty, Unit, Value, ValueDef};
use isthmus_runtime_abi::callconv::WordTy;
use isthmus_runtime_abi::context::CtxWord;

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("invariant {number} broken in {place}: {message}")]
pub struct VerifyError {
    /// Its number.
    pub number: u32,
    /// Block and instruction.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

struct Verifier<'a> {
    func: &'a Func,
    cfg: Cfg,
    /// Position of each instruction in its block.
    place: Vec<(Block, u32)>,
}

type Result = std::result::Result<(), VerifyError>;

fn fail(number: u32, place: impl std::fmt::Display, message: impl Into<String>) -> Result {
    Err(VerifyError {
        number,
        place: place.to_string(),
        message: message.into(),
    })
}

/// Verifies a unit.
pub fn verify_unit(unit: &Unit) -> Result {
    unit.funcs().try_for_each(verify)
}

/// Verifies a function.
pub fn verify(func: &Func) -> Result {
    let mut v = Verifier {
        func,
        cfg: Cfg::new(func),
        place: vec![(Block(u32::MAX), 0); func.insts.len()],
    };
    for b in func.block_ids() {
        for (n, &i) in func.block(b).insts.iter().enumerate() {
            v.place[i.index()] = (b, n as u32);
        }
    }
    v.entry()?;
    for &b in &v.cfg.order {
        v.block(b)?;
    }
    Ok(())
}

fn letter(ty: Ty) -> char {
    match ty {
        Ty::I32 => 'i',
        Ty::I64 => 'l',
        Ty::Ptr => 'p',
        Ty::F32 => 'f',
        Ty::F64 => 'd',
        Ty::Ref => 'r',
        Ty::ByRef => 'b',
    }
}

fn fits(word: WordTy, ty: Ty) -> bool {
    ty.word() == word
}

impl Verifier<'_> {
    fn entry(&self) -> Result {
        let func = self.func;
        let entry = func.entry();
        if !self.cfg.preds[entry.index()].is_empty() {
            return fail(1, entry, "the entry has predecessors");
        }
        let params = &func.block(entry).params;
        let words = &func.sig.params;
        if params.len() != words.len()
            || !params.iter().zip(words).all(|(&p, &w)| fits(w, func.ty(p)))
        {
            return fail(
                8,
                entry,
                "the entry's parameters are not the signature's words",
            );
        }
        Ok(())
    }

    fn block(&self, b: Block) -> Result {
        let func = self.func;
        let data = func.block(b);
        for (n, &p) in data.params.iter().enumerate() {
            if func.values[p.index()].def != ValueDef::Param(b, n as u32) {
                return fail(4, b, format!("{p} is not parameter {n}"));
            }
        }
        let Some((last, rest)) = data.insts.split_last() else {
            return fail(1, b, "a reachable block is empty");
        };
        if !func.inst(*last).ends_block() {
            return fail(1, b, "the last instruction does not end the block");
        }
        if let Some(i) = rest.iter().find(|&&i| func.inst(i).ends_block()) {
            return fail(1, b, format!("{i} ends the block in its middle"));
        }
        let mut top = b == func.entry();
        for (i, d) in func.block_insts(b) {
            let hidden = d.op == Op::CtxLoad
                && matches!(
                    d.imm,
                    Imm::Ctx(CtxWord::HiddenRgctx | CtxWord::HiddenVarargs)
                );
            if hidden && !top {
                return fail(9, i, "a hidden argument is read too late");
            }
            top &= d.op == Op::CtxLoad;
            self.inst(b, i, d)?;
        }
        self.landing(b)
    }

    fn landing(&self, b: Block) -> Result {
        let func = self.func;
        let mut clauses = self.cfg.preds[b.index()]
            .iter()
            .map(|&(p, e)| func.successors(p)[e as usize].clause);
        let Some(first) = clauses.next() else {
            return Ok(());
        };
        if clauses.any(|c| c != first) {
            return fail(7, b, "edges of different kinds or clauses lead here");
        }
        if let Some(c) = first {
            if c as usize >= func.clauses.len() {
                return fail(7, b, format!("there is no clause {c}"));
            }
            let tys: Vec<Ty> = func.block(b).params.iter().map(|&p| func.ty(p)).collect();
            if !matches!(tys.as_slice(), [Ty::Ref | Ty::Ptr, Ty::Ptr, ..]) {
                return fail(7, b, "a landing block lacks its payload parameters");
            }
        }
        Ok(())
    }

    fn inst(&self, b: Block, i: Inst, d: &InstData) -> Result {
        let func = self.func;
        let row = d.op.row();
        let place = || format!("{b} {i} ({})", row.name);
        for (n, v) in d.results().enumerate() {
            if func.values[v.index()].def != ValueDef::Result(i, n as u8) {
                return fail(4, place(), format!("{v} is not result {n}"));
            }
        }
        let args = func.args(i);
        for &a in args {
            self.usable(a, b, i, place)?;
        }
        self.operands(d, args, place)?;
        if d.imm.kind() != row.imm {
            return fail(3, place(), format!("immediate {:?}", d.imm));
        }
        if !row.types.is_empty() && !row.types.contains(letter(d.ty)) {
            return fail(3, place(), format!("controlling type {}", d.ty.name()));
        }
        if let Imm::Access(a) = d.imm
            && matches!(row.op, Op::Load | Op::Store)
            && a.mem.ty() != d.ty
        {
            return fail(3, place(), "the access is of another type");
        }
        self.words(i, d, args, place)?;
        self.edges(b, i, d, place)
    }

    fn operands(&self, d: &InstData, args: &[Value], place: impl Fn() -> String) -> Result {
        let func = self.func;
        let row = d.op.row();
        let (mut lo, mut hi) = (row.args.len(), row.args.len());
        match row.args.last() {
            Some(Arg::Rest) => {
                lo -= 1;
                hi = usize::MAX;
            }
            Some(Arg::Index) => lo -= 1,
            _ => {}
        }
        if args.len() < lo || args.len() > hi {
            return fail(2, place(), format!("{} operands", args.len()));
        }
        for (n, (&a, want)) in args.iter().zip(row.args).enumerate() {
            let ty = func.ty(a);
            let ok = match want {
                Arg::T => ty == d.ty,
                Arg::I32 => ty == Ty::I32,
                Arg::I64 => ty == Ty::I64,
                Arg::Ptr | Arg::Index => ty == Ty::Ptr,
                Arg::Ref => ty == Ty::Ref,
                Arg::Int => ty.is_int(),
                Arg::Float => ty.is_float(),
                Arg::Addr => ty.is_address(),
                Arg::Any | Arg::Rest => true,
            };
            if !ok {
                let message = format!("operand {n} is {a}: {}, not {want:?}", ty.name());
                return fail(2, place(), message);
            }
        }
        Ok(())
    }

    fn words(&self, i: Inst, d: &InstData, args: &[Value], place: impl Fn() -> String) -> Result {
        let func = self.func;
        let matches = |words: &[WordTy], args: &[Value]| {
            words.len() == args.len() && words.iter().zip(args).all(|(&w, &a)| fits(w, func.ty(a)))
        };
        match d.op {
            Op::Call | Op::TailCall => {
                let Some(c) = func.call(i) else {
                    return fail(8, place(), "there is no such call");
                };
                let mut words = args;
                if c.target == crate::ir::CallTarget::Indirect {
                    match words.split_first() {
                        Some((&code, rest)) if func.ty(code) == Ty::Ptr => words = rest,
                        _ => return fail(8, place(), "no code address"),
                    }
                }
                for (present, what) in [
                    (c.cookie, "no vararg cookie"),
                    (c.rgctx, "no generic context"),
                ] {
                    match words.split_last() {
                        _ if !present => {}
                        Some((&hidden, rest)) if func.ty(hidden) == Ty::Ptr => words = rest,
                        _ => return fail(8, place(), what),
                    }
                }
                if !matches(&c.sig.params, words) {
                    return fail(8, place(), "operands are not the signature's words");
                }
                let rets = c.ret_tys.iter().map(|t| t.word());
                if d.op == Op::Call && !rets.eq(c.sig.rets.iter().copied()) {
                    return fail(8, place(), "results are not the signature's words");
                }
            }
            Op::Return if !matches(&func.sig.rets, args) => {
                return fail(8, place(), "operands are not the signature's results");
            }
            _ => {}
        }
        Ok(())
    }

    fn edges(&self, b: Block, i: Inst, d: &InstData, place: impl Fn() -> String) -> Result {
        let func = self.func;
        let edges = func.edges(i);
        let normal = func.normal_edges(i).len();
        if edges[normal..].iter().any(|e| e.clause.is_none()) {
            return fail(5, place(), "a normal edge follows a handler's");
        }
        let ok = match d.op {
            Op::Jump => edges.len() == 1 && normal == 1,
            Op::Branch => edges.len() == 2 && normal == 2,
            Op::Switch => !edges.is_empty() && normal == edges.len(),
            Op::Throw => normal == 0,
            op if op.ends_block() => edges.is_empty(),
            op if op.effects().contains(Effects::THROWS) => {
                edges.is_empty() || (normal == 1 && edges.len() > 1)
            }
            _ => edges.is_empty(),
        };
        if !ok {
            return fail(
                5,
                place(),
                format!("{} edges, {normal} normal", edges.len()),
            );
        }
        for e in edges {
            if e.block.index() >= func.blocks.len() {
                return fail(5, place(), format!("there is no {}", e.block));
            }
            let params = &func.block(e.block).params;
            let skip = if e.clause.is_some() { 2 } else { 0 };
            let args = func.list(e.args);
            if params.len() != args.len() + skip {
                let message = format!(
                    "{} arguments for {} parameters of {}",
                    args.len(),
                    params.len(),
                    e.block
                );
                return fail(5, place(), message);
            }
            for (&a, &p) in args.iter().zip(&params[skip..]) {
                if func.ty(a) != func.ty(p) {
                    return fail(5, place(), format!("{a} is passed for {p}"));
                }
                let own = func.values[a.index()].def;
                let result = matches!(own, ValueDef::Result(at, _) if at == i);
                if result && e.clause.is_some() {
                    return fail(6, place(), format!("{a} does not exist on a handler edge"));
                }
                if !result {
                    self.usable(a, b, i, &place)?;
                }
            }
        }
        if edges.len() > normal && normal == 1 && d.num_results > 0 {
            let target = edges[0].block;
            if self.cfg.preds[target.index()].len() != 1 {
                return fail(6, place(), format!("{target} has other predecessors"));
            }
        }
        Ok(())
    }

    /// Whether `v` may be used by instruction `i` of block `b`.
    fn usable(&self, v: Value, b: Block, i: Inst, place: impl Fn() -> String) -> Result {
        let func = self.func;
        let Some(data) = func.values.get(v.index()) else {
            return fail(4, place(), format!("there is no {v}"));
        };
        let ok = match data.def {
            ValueDef::Alias(to) => {
                return fail(4, place(), format!("{v} was replaced by {to}"));
            }
            ValueDef::Param(at, n) => {
                func.block(at).params.get(n as usize) == Some(&v) && self.dominates(at, b)
            }
            ValueDef::Result(at, _) => {
                let (block, n) = self.place[at.index()];
                if block.0 == u32::MAX {
                    return fail(
                        6,
                        place(),
                        format!("{v} is of an instruction that was removed"),
                    );
                }
                let invoke = func.inst(at).edges.len > 0;
                if block == b {
                    n < self.place[i.index()].1
                } else if invoke {
                    let normal = func.edges(at)[0].block;
                    self.dominates(normal, b)
                } else {
                    self.dominates(block, b)
                }
            }
        };
        if !ok {
            return fail(6, place(), format!("{v} is used where it does not exist"));
        }
        Ok(())
    }

    fn dominates(&self, a: Block, b: Block) -> bool {
        self.cfg.is_reachable(a) && self.cfg.dominates(a, b)
    }
}
