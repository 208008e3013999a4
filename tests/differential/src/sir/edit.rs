//! Changes to a body that keep it valid, most of the time: the verifier says which do.

use isthmus_frontend_ir::body::{Body, Local};
use isthmus_frontend_ir::module::Module;
use isthmus_frontend_ir::op::{Insn, Op};
use isthmus_frontend_ir::region::{Clause, ClauseKind, RegionTree};
use isthmus_frontend_ir::verify;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::types::{MemTy, StackTy};
use std::ops::Range;
use std::sync::Arc;

/// A change to the body of a method. `None` where it does not apply.
#[derive(Clone, Debug)]
pub enum Change {
    /// The whole body throws.
    Throw,
    /// These instructions give way to what takes the stack from its state before them to its state after them.
    Cut(Range<usize>),
    /// This clause goes, with its handler and filter.
    Unprotect(usize),
    /// This local goes, if nothing uses it.
    DropLocal(usize),
}

/// Makes the change in a module. `false`: it does not apply.
pub fn apply(module: &mut Module, method: MethodId, change: &Change) -> bool {
    let Some(body) = module.method_def(method).body.clone() else {
        return false;
    };
    let new = match change {
        Change::Throw => throwing(&body),
        Change::Cut(range) => cut(module, &body, range.clone()),
        Change::Unprotect(clause) => unprotect(module, &body, *clause),
        Change::DropLocal(local) => drop_local(module, &body, *local),
    };
    let Some(mut new) = new else {
        return false;
    };
    new.max_stack = u16::MAX;
    let Ok(depth) = verify::max_depth(module, &new) else {
        return false;
    };
    new.max_stack = depth;
    module.methods[method.index()].body = Some(Arc::new(new));
    true
}

fn throwing(body: &Body) -> Option<Body> {
    let mut new = body.clone();
    new.code = vec![Insn::new(Op::LdNull, 0), Insn::new(Op::Throw, 1)];
    new.switches.clear();
    new.regions = RegionTree::none(2);
    (new.code != body.code).then_some(new)
}

/// Puts instructions in the place of others. Branches into the middle go to the start of what is new.
fn splice(body: &Body, range: Range<usize>, with: &[Insn]) -> Option<Body> {
    let shift = |target: u32| {
        let target = target as usize;
        let to = if target >= range.end {
            target - range.len() + with.len()
        } else {
            target.min(range.start)
        };
        to as u32
    };
    let mut new = body.clone();
    new.code.splice(range.clone(), with.iter().copied());
    for insn in &mut new.code {
        match &mut insn.op {
            Op::Br(t) | Op::BrFalse(t) | Op::BrTrue(t) | Op::BrCmp(_, t) | Op::Leave(t) => {
                *t = shift(*t);
            }
            _ => {}
        }
    }
    for targets in &mut new.switches {
        targets.iter_mut().for_each(|t| *t = shift(*t));
    }
    let span = |r: &Range<u32>| shift(r.start)..shift(r.end);
    let clauses: Vec<Clause> = body
        .regions
        .clauses
        .iter()
        .map(|c| Clause {
            kind: match c.kind {
                ClauseKind::Filter(start) => ClauseKind::Filter(shift(start)),
                other => other,
            },
            body: span(&c.body),
            handler: span(&c.handler),
        })
        .filter(|c| !c.body.is_empty() && !c.handler.is_empty())
        .collect();
    new.regions = RegionTree::build(clauses, new.code.len() as u32).ok()?;
    Some(new)
}

fn cut(module: &mut Module, body: &Body, range: Range<usize>) -> Option<Body> {
    let stacks = verify::stacks(module, body).ok()?;
    let before = stacks.get(range.start)?;
    let none = Vec::new();
    let after = stacks.get(range.end).unwrap_or(&none);
    let same = std::iter::zip(before, after)
        .take_while(|(a, b)| a == b)
        .count();
    let mut with = vec![Insn::new(Op::Pop, 0); before.len() - same];
    let mut body = body.clone();
    for &ty in &after[same..] {
        with.push(Insn::new(zero(module, &mut body, ty)?, 0));
    }
    let old = &body.code[range.clone()];
    // Nothing won: as many instructions, or the same.
    let smaller = with.len() < old.len();
    let simpler = with.len() == old.len()
        && !std::iter::zip(&with, old).all(|(new, old)| simple(&old.op) || new.op == old.op);
    (smaller || simpler).then(|| splice(&body, range, &with))?
}

/// Instructions that are not made simpler.
fn simple(op: &Op) -> bool {
    matches!(
        op,
        Op::LdcI4(_) | Op::LdcI8(_) | Op::LdcR4(_) | Op::LdcR8(_) | Op::LdNull | Op::Pop
    ) || matches!(op, Op::LdLoc(_))
}

/// An instruction that pushes the zero of a type.
fn zero(module: &mut Module, body: &mut Body, ty: StackTy) -> Option<Op> {
    Some(match ty {
        StackTy::I32 => Op::LdcI4(0),
        StackTy::I64 => Op::LdcI8(0),
        StackTy::F32 => Op::LdcR4(0),
        StackTy::F64 => Op::LdcR8(0),
        StackTy::Ref => Op::LdNull,
        StackTy::Struct(id) => {
            let locals = &mut module.methods[body.method.index()].locals;
            // One that nothing else uses.
            let name = format!("zero_{}", body.locals.len());
            let n = locals
                .iter()
                .position(|(name, ty)| name.starts_with("zero_") && *ty == id);
            let n = n.unwrap_or_else(|| {
                locals.push((name, id));
                body.locals.push(Local {
                    ty: MemTy::Struct(id),
                    class: None,
                    pinned: false,
                });
                locals.len() - 1
            });
            Op::LdLoc(n as u16)
        }
        StackTy::Native | StackTy::ByRef => return None,
    })
}

fn unprotect(module: &Module, body: &Body, number: usize) -> Option<Body> {
    let clause = body.regions.clauses.get(number)?.clone();
    let mut clauses = body.regions.clauses.clone();
    clauses.remove(number);
    let mut new = body.clone();
    new.regions = RegionTree::build(clauses, body.code.len() as u32).ok()?;
    let start = match clause.kind {
        ClauseKind::Filter(start) => start,
        _ => clause.handler.start,
    };
    let range = start as usize..clause.handler.end as usize;
    let new = splice(&new, range, &[])?;
    verify::max_depth(module, &new).ok()?;
    Some(new)
}

fn drop_local(module: &mut Module, body: &Body, local: usize) -> Option<Body> {
    if local >= body.locals.len() {
        return None;
    }
    let mut new = body.clone();
    for insn in &mut new.code {
        if let Op::LdLoc(n) | Op::StLoc(n) | Op::LdLocA(n) = &mut insn.op {
            match usize::from(*n).cmp(&local) {
                std::cmp::Ordering::Equal => return None,
                std::cmp::Ordering::Greater => *n -= 1,
                std::cmp::Ordering::Less => {}
            }
        }
    }
    new.locals.remove(local);
    module.methods[body.method.index()].locals.remove(local);
    Some(new)
}
