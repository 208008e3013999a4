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
    /// Numbers in the dominator tree: a block's own and, exclusive, the last of those that it dominates.
    dominated: Vec<(u32, u32)>,
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
            dominated: vec![(0, 0); n],
        };
        let mut tree = SpanningTree::new(n);
        let mut stack: Vec<(Block, usize)> = vec![(func.entry(), 0)];
        tree.enter(func.entry(), func.entry());
        while let Some((b, next)) = stack.last_mut() {
            let (b, at) = (*b, *next);
            let succs = func.successors(b);
            // The last successor first: the first one then follows its block in the order.
            if at < succs.len() {
                *next += 1;
                let s = succs[succs.len() - 1 - at].block;
                if tree.enter(s, b) {
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
        tree.dominators(&cfg.preds, &mut cfg.idom);
        cfg.number_dominators();
        cfg
    }

    /// Numbers the dominator tree so that what a block dominates is a range.
    fn number_dominators(&mut self) {
        // Sizes of subtrees, children before their parents.
        let mut size = vec![1; self.idom.len()];
        for &b in self.order.iter().skip(1).rev() {
            size[self.idom[b.index()].index()] += size[b.index()];
        }
        // The next number that each block has for a child.
        let mut next = vec![0; self.idom.len()];
        for (i, &b) in self.order.iter().enumerate() {
            let parent = self.idom[b.index()].index();
            let own = if i == 0 { 0 } else { next[parent] };
            next[parent] = own + size[b.index()];
            next[b.index()] = own + 1;
            self.dominated[b.index()] = (own, own + size[b.index()]);
        }
    }

    /// Whether the block can be reached.
    pub fn is_reachable(&self, b: Block) -> bool {
        self.position[b.index()] != u32::MAX
    }

    /// Whether `a` dominates `b` (both reachable).
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        let (first, end) = self.dominated[a.index()];
        (first..end).contains(&self.dominated[b.index()].0)
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

/// The tree of a depth-first search, on the way to dominators: Lengauer, Tarjan, "A Fast Algorithm for Finding Dominators in a
/// Flowgraph", the version with simple path compression. Blocks are named by their number in the search.
struct SpanningTree {
    /// Number of each block; `UNSEEN`: not reached.
    number: Vec<u32>,
    blocks: Vec<Block>,
    parent: Vec<u32>,
}

const UNSEEN: u32 = u32::MAX;

/// What the algorithm calls a forest: trees that grow together while blocks are taken in reverse order.
struct Forest {
    /// Semidominators.
    semi: Vec<u32>,
    /// The block with the least semidominator on the compressed path above each block.
    best: Vec<u32>,
    /// `UNSEEN`: root of its tree.
    ancestor: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    /// The block with the least semidominator on the way from `v` to its root, the root left out unless it is `v`.
    fn eval(&mut self, v: u32) -> u32 {
        let mut top = v;
        while self.ancestor[top as usize] != UNSEEN {
            self.path.push(top);
            top = self.ancestor[top as usize];
        }
        // The block just below the root has nothing to learn from it.
        let mut above = self.path.pop().unwrap_or(top);
        while let Some(u) = self.path.pop() {
            let (mine, theirs) = (self.best[u as usize], self.best[above as usize]);
            if self.semi[theirs as usize] < self.semi[mine as usize] {
                self.best[u as usize] = theirs;
            }
            self.ancestor[u as usize] = top;
            above = u;
        }
        self.best[v as usize]
    }
}

impl SpanningTree {
    fn new(blocks: usize) -> Self {
        SpanningTree {
            number: vec![UNSEEN; blocks],
            blocks: Vec::with_capacity(blocks),
            parent: Vec::with_capacity(blocks),
        }
    }

    /// Numbers a block that is reached from `parent`; false: it has been reached before.
    fn enter(&mut self, b: Block, parent: Block) -> bool {
        if self.number[b.index()] != UNSEEN {
            return false;
        }
        self.number[b.index()] = self.blocks.len() as u32;
        self.blocks.push(b);
        self.parent.push(self.number[parent.index()]);
        true
    }

    fn dominators(&self, preds: &[Vec<(Block, u32)>], out: &mut [Block]) {
        let n = self.blocks.len() as u32;
        let mut forest = Forest {
            semi: (0..n).collect(),
            best: (0..n).collect(),
            ancestor: vec![UNSEEN; n as usize],
            path: Vec::new(),
        };
        let mut idom = vec![0; n as usize];
        // Lists of the blocks whose semidominator each block is.
        let mut first = vec![UNSEEN; n as usize];
        let mut next = vec![UNSEEN; n as usize];
        for w in (1..n).rev() {
            for &(p, _) in &preds[self.blocks[w as usize].index()] {
                let u = forest.eval(self.number[p.index()]);
                let semi = forest.semi[u as usize];
                forest.semi[w as usize] = forest.semi[w as usize].min(semi);
            }
            let semi = forest.semi[w as usize] as usize;
            next[w as usize] = std::mem::replace(&mut first[semi], w);
            let parent = self.parent[w as usize];
            forest.ancestor[w as usize] = parent;
            let mut v = std::mem::replace(&mut first[parent as usize], UNSEEN);
            while v != UNSEEN {
                let u = forest.eval(v);
                let lower = forest.semi[u as usize] < forest.semi[v as usize];
                idom[v as usize] = if lower { u } else { parent };
                v = next[v as usize];
            }
        }
        for w in 1..n as usize {
            if idom[w] != forest.semi[w] {
                idom[w] = idom[idom[w] as usize];
            }
            out[self.blocks[w].index()] = self.blocks[idom[w] as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Imm, Op, Ty};
    use isthmus_runtime_abi::ids::MethodId;

    /// A function whose blocks have these successors.
    fn graph(succs: &[Vec<usize>]) -> Func {
        let mut func = Func::new(MethodId::from_index(0));
        for _ in succs {
            func.new_block();
        }
        let zero = func.make(Op::Const, Ty::I32, &[], Imm::Bits(0), 0);
        let zero = func.inst(zero).first_result;
        for (b, targets) in succs.iter().enumerate() {
            let i = func.append(
                Block::from_index(b),
                Op::Switch,
                Ty::I32,
                &[zero],
                Imm::None,
                0,
            );
            let edges: Vec<_> = (targets.iter())
                .map(|&t| func.edge(Block::from_index(t), &[]))
                .collect();
            func.set_edges(i, &edges);
        }
        func
    }

    /// Whether `b` cannot be reached without `a`.
    fn cuts(succs: &[Vec<usize>], a: usize, b: usize) -> bool {
        let mut seen = vec![false; succs.len()];
        let mut work = vec![0];
        seen[a] = true;
        while let Some(x) = work.pop() {
            if !std::mem::replace(&mut seen[x], true) {
                work.extend(&succs[x]);
            }
        }
        a == b || a == 0 || !seen[b]
    }

    #[test]
    fn dominance_is_what_removing_a_block_shows() {
        let mut seed = 1u32;
        let mut random = move |n: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % n
        };
        for round in 0..300 {
            let n = 2 + random(14);
            let succs: Vec<Vec<usize>> = (0..n)
                .map(|_| (0..random(4)).map(|_| random(n)).collect())
                .collect();
            let cfg = Cfg::new(&graph(&succs));
            let reached = |b: usize| cfg.is_reachable(Block::from_index(b));
            for a in (0..n).filter(|&a| reached(a)) {
                for b in (0..n).filter(|&b| reached(b)) {
                    let (x, y) = (Block::from_index(a), Block::from_index(b));
                    let place = format!("round {round}: {a} and {b} in {succs:?}");
                    assert_eq!(cfg.dominates(x, y), cuts(&succs, a, b), "{place}");
                    if a != b && cfg.idom[y.index()] == x {
                        assert!(cfg.dominates(x, y), "{place}");
                    }
                }
            }
        }
    }
}
