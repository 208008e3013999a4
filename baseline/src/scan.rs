//! The look ahead: one walk over the instructions before code is made.
//!
//! Finds branch targets and what is reachable, which variables have their address taken, how often each is
//! used (weighted by loop depth), and whether the method calls anything. Linear in the size of the body.

use crate::error::{CompileError, R};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{Flow, Op};
use isthmus_frontend_ir::region::{ClauseKind, RegionKind};
use isthmus_runtime_abi::vm::CompileEnv;

/// What is known of an argument or local.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Use {
    /// Loads and stores, each counted 8 times as much per enclosing loop.
    pub weight: u32,
    /// Its address is taken.
    pub exposed: bool,
    /// It is stored to (arguments: besides by the caller).
    pub written: bool,
}

/// Facts about an instruction's place.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Place {
    /// A branch, switch or leave goes here.
    pub target: bool,
    /// A handler or filter starts here.
    pub entry: bool,
    /// Control can get here.
    pub reachable: bool,
    /// A loop's header: the end of the loop, past its last backward branch. 0 elsewhere.
    pub loop_end: u32,
}

/// The result.
#[derive(Debug)]
pub(crate) struct Scan {
    /// For each instruction.
    pub places: Vec<Place>,
    /// Arguments, then locals.
    pub uses: Vec<Use>,
    /// Something is called on the ordinary path.
    pub calls: bool,
    /// There is a backward branch.
    pub loops: bool,
    /// `localloc` is used.
    pub localloc: bool,
    /// There are exception clauses.
    pub handlers: bool,
    /// An access or helper may throw or call: a frame that can be seen (used for the entry check).
    pub leaf: bool,
}

/// Runs the look ahead.
pub(crate) fn scan(env: &dyn CompileEnv, body: &Body) -> R<Scan> {
    let len = body.code.len();
    let nargs = body.sig.params.len();
    let invalid = |at: usize, message: &str| CompileError::Invalid {
        method: body.method,
        il: body.code.get(at).map_or(0, |i| i.il),
        message: message.into(),
    };
    let mut s = Scan {
        places: vec![Place::default(); len],
        uses: vec![Use::default(); nargs + body.locals.len()],
        calls: false,
        loops: false,
        localloc: false,
        handlers: !body.regions.clauses.is_empty(),
        leaf: true,
    };
    if len == 0 {
        return Err(invalid(0, "empty body"));
    }
    // Reachability and targets.
    let mut work: Vec<u32> = vec![0];
    for c in &body.regions.clauses {
        work.push(c.handler.start);
        s.places[c.handler.start as usize].entry = true;
        if let ClauseKind::Filter(start) = c.kind {
            work.push(start);
            s.places[start as usize].entry = true;
        }
    }
    let mut loop_edges: Vec<(u32, u32)> = Vec::new();
    while let Some(start) = work.pop() {
        let mut at = start as usize;
        loop {
            let Some(insn) = body.code.get(at) else {
                return Err(invalid(len - 1, "control runs off the end of the body"));
            };
            if std::mem::replace(&mut s.places[at].reachable, true) {
                break;
            }
            let mut go = |s: &mut Scan, t: u32| -> R {
                let Some(p) = s.places.get_mut(t as usize) else {
                    return Err(invalid(at, "branch out of the body"));
                };
                p.target = true;
                if !p.reachable {
                    work.push(t);
                }
                if t as usize <= at {
                    loop_edges.push((t, at as u32));
                }
                Ok(())
            };
            if let Some(t) = insn.op.target() {
                go(&mut s, t)?;
            }
            if let Op::Switch(list) = insn.op {
                let Some(targets) = body.switches.get(list as usize) else {
                    return Err(invalid(at, "no such switch table"));
                };
                for &t in targets {
                    go(&mut s, t)?;
                }
            }
            match insn.op.flow() {
                Flow::Next | Flow::CondBranch | Flow::Switch => at += 1,
                Flow::Branch | Flow::Leave | Flow::Return | Flow::End => break,
            }
        }
    }
    s.loops = !loop_edges.is_empty();
    // Loop depth by differences: each back edge encloses the range between its ends.
    let mut depth_change = vec![0i32; len + 1];
    for (to, from) in loop_edges {
        depth_change[to as usize] += 1;
        depth_change[from as usize + 1] -= 1;
        let end = &mut s.places[to as usize].loop_end;
        *end = (*end).max(from + 1);
    }
    let mut depth = 0i32;
    for (at, insn) in body.code.iter().enumerate() {
        depth += depth_change[at];
        if !s.places[at].reachable {
            continue;
        }
        let var = |n: u16, local: bool| -> R<usize> {
            let (i, end) = match local {
                true => (nargs + n as usize, nargs + body.locals.len()),
                false => (n as usize, nargs),
            };
            if i < end {
                Ok(i)
            } else {
                Err(invalid(at, "no such argument or local"))
            }
        };
        let weight = 1u32 << (3 * depth.clamp(0, 6));
        let touched = match insn.op {
            Op::LdArg(n) => Some((var(n, false)?, false, false)),
            Op::StArg(n) => Some((var(n, false)?, false, true)),
            Op::LdArgA(n) => Some((var(n, false)?, true, true)),
            Op::LdLoc(n) => Some((var(n, true)?, false, false)),
            Op::StLoc(n) => Some((var(n, true)?, false, true)),
            Op::LdLocA(n) => Some((var(n, true)?, true, true)),
            _ => None,
        };
        if let Some((v, exposed, written)) = touched {
            let u = &mut s.uses[v];
            u.weight = u.weight.saturating_add(weight);
            u.exposed |= exposed;
            u.written |= written;
        }
        match insn.op {
            Op::Call(m) | Op::CallVirt(m) if !s.calls && env.intrinsic(m).is_some() => {
                s.leaf = false
            }
            Op::Call(_) | Op::CallVirt(_) | Op::CallI(_) | Op::NewObj(_) | Op::LdVirtFtn(_) => {
                s.calls = true;
                s.leaf = false;
            }
            Op::Jmp(_) => {
                // Passes all arguments on.
                s.calls = true;
                for u in &mut s.uses[..nargs] {
                    u.weight = u.weight.saturating_add(weight);
                }
            }
            Op::LocAlloc => s.localloc = true,
            Op::Nop
            | Op::LdArg(_)
            | Op::LdArgA(_)
            | Op::StArg(_)
            | Op::LdLoc(_)
            | Op::LdLocA(_)
            | Op::StLoc(_)
            | Op::LdNull
            | Op::LdcI4(_)
            | Op::LdcI8(_)
            | Op::LdcR4(_)
            | Op::LdcR8(_)
            | Op::LdStr(_)
            | Op::Dup
            | Op::Pop
            | Op::Ret
            | Op::Br(_)
            | Op::BrFalse(_)
            | Op::BrTrue(_)
            | Op::BrCmp(..)
            | Op::LdInd(_)
            | Op::StInd(_)
            | Op::Bin(_)
            | Op::Neg
            | Op::Not
            | Op::Compare(_)
            | Op::Conv(..)
            | Op::LdFld(_)
            | Op::LdFldA(_)
            | Op::StFld(_)
            | Op::LdLen
            | Op::LdElem(..) => {}
            _ => s.leaf = false,
        }
    }
    // Locals live in memory where exceptions or filters may look at them.
    if body
        .regions
        .regions
        .iter()
        .any(|r| matches!(r.kind, RegionKind::Filter(_)))
    {
        s.leaf = false;
    }
    Ok(s)
}
