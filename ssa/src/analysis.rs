//! Order of blocks, predecessors, dominators.

use crate::ir::{Block, Func};

/// Shape of a function's control flow.
#[derive(Clone, Debug, Default)]
pub struct Cfg {
    /// Reachable blocks in reverse postorder.
    pub order: Vec<Block>,
    /// Position of each block in `order`; `u32::MAX`: unreachable.
    pub position: Vec<u32>,
    /// For each block its predecessors, with the number of the edge in the predecessor's list.
    pub preds: Vec<Vec<(Block, u32)>>,
    /// Immediate dominators; the entry's is itself.
    pub idom: Vec<Block>,
    /// Depth in the dominator tree.
    depth: Vec<u32>,
}

impl Cfg {
    /// Of a function.
    pub fn new(func: &Func) -> Cfg {
        let n = func.blocks.len();
        let mut cfg = Cfg {
            order: Vec::with_capacity(n),
            position: vec![u32::MAX; n],
            preds: vec![Vec::new(); n],
            idom: vec![Block(0); n],
            depth: vec![0; n],
        };
        let mut seen = vec![false; n];
        let mut stack: Vec<(Block, usize)> = vec![(func.entry(), 0)];
        seen[0] = true;
        while let Some((b, next)) = stack.last_mut() {
            let (b, at) = (*b, *next);
            let succs = func.successors(b);
            // The last successor first: the first one then follows its block in the order.
            if at < succs.len() {
                *next += 1;
                let s = succs[succs.len() - 1 - at].block;
                if !std::mem::replace(&mut seen[s.index()], true) {
                    stack.push((s, 0));
                }
            } else {
                cfg.order.push(b);
                stack.pop();
            }
        }
        cfg.order.reverse();
        for (i, &b) in cfg.order.iter().enumerate() {
            cfg.position[b.index()] = i as u32;
        }
        for &b in &cfg.order {
            for (e, edge) in func.successors(b).iter().enumerate() {
                cfg.preds[edge.block.index()].push((b, e as u32));
            }
        }
        cfg.dominators();
        cfg
    }

    /// Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm".
    fn dominators(&mut self) {
        let n = self.order.len();
        let mut idom = vec![u32::MAX; n];
        idom[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            for i in 1..n {
                let mut new = u32::MAX;
                for &(p, _) in &self.preds[self.order[i].index()] {
                    let p = self.position[p.index()];
                    if idom[p as usize] == u32::MAX {
                        continue;
                    }
                    new = if new == u32::MAX {
                        p
                    } else {
                        let (mut a, mut b) = (p, new);
                        while a != b {
                            if a > b {
                                a = idom[a as usize];
                            } else {
                                b = idom[b as usize];
                            }
                        }
                        a
                    };
                }
                if idom[i] != new {
                    idom[i] = new;
                    changed = true;
                }
            }
        }
        for (i, &d) in idom.iter().enumerate() {
            let b = self.order[i];
            let parent = self.order[d.min(n as u32 - 1) as usize];
            self.idom[b.index()] = parent;
            self.depth[b.index()] = if i == 0 {
                0
            } else {
                self.depth[parent.index()] + 1
            };
        }
    }

    /// Whether the block can be reached.
    pub fn is_reachable(&self, b: Block) -> bool {
        self.position[b.index()] != u32::MAX
    }

    /// Whether `a` dominates `b` (both reachable).
    pub fn dominates(&self, a: Block, mut b: Block) -> bool {
        while self.depth[b.index()] > self.depth[a.index()] {
            b = self.idom[b.index()];
        }
        a == b
    }

    /// Children of each block in the dominator tree, in reverse postorder.
    pub fn children(&self) -> Vec<Vec<Block>> {
        let mut out = vec![Vec::new(); self.position.len()];
        for &b in self.order.iter().skip(1) {
            out[self.idom[b.index()].index()].push(b);
        }
        out
    }
}
