//! One look over a body before it is built: blocks and their order, and which variables must live in memory.

use crate::error::{Reason, Unsupported};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{Flow, Op};
use isthmus_frontend_ir::region::{ClauseKind, RegionKind};
use std::ops::Range;

/// What part of a body is built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All but filters.
    Method,
    /// The filter of this clause.
    Filter(u32),
}

impl Scope {
    /// The part of the body that the protected code of a clause is in.
    pub fn of_clause(body: &Body, clause: u32) -> Scope {
        let regions = &body.regions;
        let tried = regions.region_of(regions.clauses[clause as usize].body.start);
        let filter = regions.outward(tried).find_map(|(_, r)| match r.kind {
            RegionKind::Filter(c) => Some(c),
            _ => None,
        });
        filter.map_or(Scope::Method, Scope::Filter)
    }

    /// The clauses with filters whose protected code is in this part, in order.
    pub fn filters(self, body: &Body) -> impl Iterator<Item = u32> {
        let clauses = (0u32..).zip(&body.regions.clauses);
        clauses
            .filter(|(_, c)| matches!(c.kind, ClauseKind::Filter(_)))
            .map(|(n, _)| n)
            .filter(move |&n| Scope::of_clause(body, n) == self)
    }
}

/// Properties of an argument or local.
#[derive(Clone, Copy, Default, Debug)]
pub struct Usage {
    /// Its address is taken.
    pub exposed: bool,
    /// It is written (other than by the caller or zeroing).
    pub written: bool,
    /// A filter uses it.
    pub in_filter: bool,
}

/// A basic block of the body.
#[derive(Clone, Debug)]
pub struct CilBlock {
    /// Its instructions.
    pub range: Range<u32>,
    /// Number of normal edges that lead here, or `u32::MAX` if they cannot be counted beforehand.
    pub preds: u32,
}

/// The result.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Blocks in order of their code.
    pub blocks: Vec<CilBlock>,
    /// For each instruction its block.
    pub block_of: Vec<u32>,
    /// Blocks that may be reached, in reverse postorder.
    pub order: Vec<u32>,
    /// What `finally` and `fault` clauses protect, and their handlers.
    pub finallys: Vec<Range<u32>>,
    /// For each argument.
    pub args: Vec<Usage>,
    /// For each local.
    pub locals: Vec<Usage>,
    /// For each instruction whether an activation may execute it more than once.
    repeated: Vec<bool>,
}

const UNCOUNTED: u32 = u32::MAX;

impl Scan {
    /// Scans `body`.
    pub fn new(body: &Body, scope: Scope) -> Result<Scan, Unsupported> {
        let len = body.code.len() as u32;
        let bad = |il| Unsupported {
            reason: Reason::OffTheEnd,
            il,
        };
        if len == 0 {
            return Err(bad(0));
        }
        let mut leader = vec![false; len as usize + 1];
        leader[0] = true;
        let mut args = vec![Usage::default(); body.sig.params.len()];
        let mut locals = vec![Usage::default(); body.locals.len()];
        for (n, insn) in body.code.iter().enumerate() {
            let mark =
                |list: &mut Vec<Usage>, v: u16, exposed, written| -> Result<(), Unsupported> {
                    let u = list.get_mut(v as usize).ok_or(Unsupported {
                        reason: Reason::BadOperands,
                        il: insn.il,
                    })?;
                    u.exposed |= exposed;
                    u.written |= written;
                    if body
                        .regions
                        .outward(body.regions.region_of(n as u32))
                        .any(|(_, r)| matches!(r.kind, RegionKind::Filter(_)))
                    {
                        u.in_filter = true;
                    }
                    Ok(())
                };
            match insn.op {
                Op::LdArg(v) => mark(&mut args, v, false, false)?,
                Op::StArg(v) => mark(&mut args, v, false, true)?,
                Op::LdArgA(v) => mark(&mut args, v, true, true)?,
                Op::LdLoc(v) => mark(&mut locals, v, false, false)?,
                Op::StLoc(v) => mark(&mut locals, v, false, true)?,
                Op::LdLocA(v) => mark(&mut locals, v, true, true)?,
                Op::Switch(list) => {
                    let list = body.switches.get(list as usize).ok_or(bad(insn.il))?;
                    for &t in list {
                        *leader.get_mut(t as usize).ok_or(bad(insn.il))? = true;
                    }
                }
                _ => {}
            }
            if let Some(t) = insn.op.target() {
                *leader.get_mut(t as usize).ok_or(bad(insn.il))? = true;
            }
            if insn.op.flow() != Flow::Next {
                leader[n + 1] = true;
            }
        }
        for r in &body.regions.regions {
            leader[r.range.start as usize] = true;
            leader[r.range.end as usize] = true;
        }
        let mut blocks: Vec<CilBlock> = Vec::new();
        let mut block_of = vec![0; len as usize];
        for n in 0..len {
            if leader[n as usize] {
                blocks.push(CilBlock {
                    range: n..n,
                    preds: 0,
                });
            }
            block_of[n as usize] = blocks.len() as u32 - 1;
            if let Some(b) = blocks.last_mut() {
                b.range.end = n + 1;
            }
        }
        let finallys = body
            .regions
            .clauses
            .iter()
            .filter(|c| matches!(c.kind, ClauseKind::Finally | ClauseKind::Fault));
        let mut scan = Scan {
            blocks,
            block_of,
            order: Vec::new(),
            finallys: finallys
                .flat_map(|c| [c.body.clone(), c.handler.clone()])
                .collect(),
            args,
            locals,
            repeated: repeated(body),
        };
        let start = match scope {
            Scope::Method => 0,
            Scope::Filter(clause) => match body.regions.clauses[clause as usize].kind {
                ClauseKind::Filter(start) => start,
                _ => return Err(bad(0)),
            },
        };
        scan.visit(body, scan.block_of[start as usize]);
        Ok(scan)
    }

    /// Whether an activation may execute an instruction more than once.
    pub fn repeats(&self, at: u32) -> bool {
        self.repeated.get(at as usize).copied().unwrap_or(true)
    }

    /// Lets control begin at another instruction, if it is the first of a block.
    pub fn begin_at(&mut self, body: &Body, at: u32) -> bool {
        let n = self.block_of[at as usize];
        for block in &mut self.blocks {
            block.preds = 0;
        }
        self.visit(body, n);
        self.blocks[n as usize].range.start == at
    }

    /// Depth-first search from a block; fills `order` and the counts of predecessors.
    fn visit(&mut self, body: &Body, root: u32) {
        let mut seen = vec![false; self.blocks.len()];
        let mut landed = vec![false; body.regions.clauses.len()];
        let mut post = Vec::new();
        let mut succs = Vec::new();
        self.blocks[root as usize].preds = 1;
        let mut stack: Vec<(u32, Vec<u32>)> = Vec::new();
        seen[root as usize] = true;
        self.successors(body, root, &mut landed, &mut succs);
        stack.push((root, std::mem::take(&mut succs)));
        while let Some((b, rest)) = stack.last_mut() {
            match rest.pop() {
                Some(s) => {
                    if !std::mem::replace(&mut seen[s as usize], true) {
                        self.successors(body, s, &mut landed, &mut succs);
                        stack.push((s, std::mem::take(&mut succs)));
                    }
                }
                None => {
                    post.push(*b);
                    stack.pop();
                }
            }
        }
        post.reverse();
        self.order = post;
    }

    /// Successors of a block, in the order that puts the fall-through last to be visited first; counts their predecessors.
    /// `landed`: clauses whose landing block was counted.
    fn successors(&mut self, body: &Body, b: u32, landed: &mut [bool], out: &mut Vec<u32>) {
        let range = self.blocks[b as usize].range.clone();
        let last = range.end - 1;
        let insn = &body.code[last as usize];
        let region = body.regions.region_of(range.start);
        let len = body.code.len() as u32;
        let mut add = |scan: &mut Scan, target: u32, counted: bool| {
            if target >= len {
                return;
            }
            let t = scan.block_of[target as usize];
            let preds = &mut scan.blocks[t as usize].preds;
            *preds = if counted {
                preds.saturating_add(1)
            } else {
                UNCOUNTED
            };
            out.push(t);
        };
        for c in body.regions.clauses_around(region) {
            let clause = &body.regions.clauses[c as usize];
            let catches = matches!(clause.kind, ClauseKind::Catch(_) | ClauseKind::Filter(_));
            if !std::mem::replace(&mut landed[c as usize], true) || !catches {
                add(self, clause.handler.start, catches);
            }
        }
        match insn.op.flow() {
            Flow::Next => add(self, last + 1, true),
            Flow::CondBranch => {
                if let Some(t) = insn.op.target() {
                    add(self, t, true);
                }
                add(self, last + 1, true);
            }
            Flow::Switch => {
                if let Op::Switch(list) = insn.op {
                    for &t in &body.switches[list as usize] {
                        add(self, t, true);
                    }
                }
                add(self, last + 1, true);
            }
            Flow::Branch => {
                if let Some(t) = insn.op.target() {
                    add(self, t, true);
                }
            }
            Flow::Leave => {
                if let Some(t) = insn.op.target() {
                    let to = body.regions.region_of(t);
                    let finallys = body.regions.finallys_left(region, to);
                    for &f in &finallys {
                        let start = body.regions.clauses[f as usize].handler.start;
                        add(self, start, false);
                    }
                    add(self, t, finallys.is_empty());
                }
            }
            Flow::Return | Flow::End => {}
        }
    }
}

/// What lies between a jump back and its target may be executed again, and handlers whenever their `try` is.
fn repeated(body: &Body) -> Vec<bool> {
    let len = body.code.len();
    // Where such ranges begin and end.
    let mut edges = vec![0i32; len + 1];
    let mut mark = |from: u32, to: u32| {
        if to <= from {
            edges[to as usize] += 1;
            edges[from as usize + 1] -= 1;
        }
    };
    for (at, insn) in (0u32..).zip(&body.code) {
        if let Some(to) = insn.op.target() {
            mark(at, to);
        }
        if let Op::Switch(list) = insn.op {
            let targets = body.switches.get(list as usize).map_or(&[][..], |t| t);
            targets.iter().for_each(|&to| mark(at, to));
        }
    }
    for clause in &body.regions.clauses {
        mark(clause.handler.end - 1, clause.handler.start);
        mark(clause.body.end - 1, clause.handler.start);
    }
    let mut open = 0;
    let inside = edges[..len].iter().map(|edge| {
        open += edge;
        open > 0
    });
    inside.collect()
}
