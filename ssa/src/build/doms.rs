//! Dominators of a graph that is still being built, as far as they can be known.
//!
//! A block gets its place in the tree when its last predecessor is known (it is *sealed*), or when it ends: then it is a loop header, whose
//! dominator follows from the predecessors so far. Such a block is *open*: what is above it dominates it only if the edges that are still to
//! come leave it so, which is looked at when it is sealed. Until then, and for ever if they do not, nothing below it relies on what is above:
//!
//! ```text
//!   entry ── a ── b ── header (open) ── c ── d      d knows c and header, not b
//!                        └──────── barrier ──┘
//! ```
//!
//! Ancestors are found in logarithmic time by one more link for each block (Myers, "An Applicative Random-Access Stack", 1983).

use crate::ir::Block;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Immediate dominator; of a root, whose dominator is not known, the block itself.
    parent: Block,
    /// The parent, or an ancestor farther up.
    jump: Block,
    /// Distance from the root; [`UNKNOWN`]: not in the tree yet.
    depth: u32,
    /// The block itself if it is open; else the nearest ancestor that was open when this was last looked at.
    barrier: Block,
    open: bool,
    /// Something hangs from it.
    used: bool,
}

const UNKNOWN: u32 = u32::MAX;

/// The tree.
#[derive(Default, Debug)]
pub(super) struct Doms {
    nodes: Vec<Node>,
}

impl Doms {
    fn node(&self, b: Block) -> Option<&Node> {
        self.nodes
            .get(b.index())
            .filter(|node| node.depth != UNKNOWN)
    }

    fn at(&self, b: Block) -> &Node {
        &self.nodes[b.index()]
    }

    /// A block ends. Its edges are not among anybody's predecessors yet.
    pub(super) fn end(&mut self, b: Block, preds: &[(Block, u32)]) {
        if self.node(b).is_none() {
            self.add(b, preds, true);
        }
    }

    /// All predecessors of a block are known. Whether it takes its place now, nothing being below it yet.
    pub(super) fn seal(&mut self, b: Block, preds: &[(Block, u32)]) -> bool {
        match self.node(b).copied() {
            // Perhaps it ended before anything led there.
            None => self.add(b, preds, false),
            Some(node) if node.parent == b && !node.used => self.add(b, preds, false),
            Some(node) if node.parent != b && self.still_dominates(b, preds) => {
                let barrier = self.barrier(node.parent);
                let node = &mut self.nodes[b.index()];
                (node.open, node.barrier) = (false, barrier);
                return false;
            }
            Some(_) => return false,
        }
        true
    }

    /// The immediate dominator of a block, and an ancestor farther up if there is one that surely dominates.
    pub(super) fn above(&mut self, b: Block) -> Option<(Block, Option<Block>)> {
        let node = *self.node(b)?;
        if node.open {
            return None;
        }
        let barrier = self.barrier(b);
        let far = node.jump != node.parent && self.at(node.jump).depth >= self.at(barrier).depth;
        Some((node.parent, far.then_some(node.jump)))
    }

    fn add(&mut self, b: Block, preds: &[(Block, u32)], open: bool) {
        let parent = self.common(preds.iter().map(|&(p, _)| p));
        let node = match parent {
            None => Node {
                parent: b,
                jump: b,
                depth: 0,
                barrier: b,
                open: true,
                used: false,
            },
            Some(parent) => {
                self.nodes[parent.index()].used = true;
                let above = *self.at(parent);
                let (first, second) = (self.at(above.jump), self.at(self.at(above.jump).jump));
                let even = above.depth - first.depth == first.depth - second.depth;
                Node {
                    parent,
                    jump: if even { first.jump } else { parent },
                    depth: above.depth + 1,
                    barrier: if open { b } else { self.barrier(parent) },
                    open,
                    used: false,
                }
            }
        };
        if self.nodes.len() <= b.index() {
            let none = Node {
                depth: UNKNOWN,
                ..node
            };
            self.nodes.resize(b.index() + 1, none);
        }
        self.nodes[b.index()] = node;
    }

    /// Whether the dominator of an open block is what it was taken for, now that all predecessors are known.
    fn still_dominates(&mut self, b: Block, preds: &[(Block, u32)]) -> bool {
        let node = *self.at(b);
        let mut outside = Vec::new();
        for &(p, _) in preds {
            if self.node(p).is_none() {
                return false;
            }
            if self.ancestor(p, node.depth) != Some(b) {
                outside.push(p);
            } else if self.depth_of_barrier(p) > node.depth {
                // Below another open block: it may be anywhere.
                return false;
            }
        }
        self.common(outside.into_iter()) == Some(node.parent)
    }

    fn depth_of_barrier(&mut self, b: Block) -> u32 {
        let barrier = self.barrier(b);
        self.at(barrier).depth
    }

    /// The nearest open block that is the block itself or above it.
    fn barrier(&mut self, b: Block) -> Block {
        let mut found = self.at(b).barrier;
        while !self.at(found).open {
            found = self.at(found).barrier;
        }
        let mut here = b;
        while here != found {
            here = std::mem::replace(&mut self.nodes[here.index()].barrier, found);
        }
        found
    }

    /// The ancestor of a block at a depth.
    fn ancestor(&self, mut b: Block, depth: u32) -> Option<Block> {
        while self.at(b).depth > depth {
            let node = self.at(b);
            b = match self.at(node.jump).depth >= depth {
                true => node.jump,
                false => node.parent,
            };
        }
        (self.at(b).depth == depth).then_some(b)
    }

    /// The nearest block that surely dominates all of these.
    fn common(&mut self, mut blocks: impl Iterator<Item = Block>) -> Option<Block> {
        let first = blocks.next()?;
        self.node(first)?;
        let mut all = first;
        for b in blocks {
            self.node(b)?;
            let found = self.nearest(all, b)?;
            let depth = self.at(found).depth;
            if depth < self.depth_of_barrier(all) || depth < self.depth_of_barrier(b) {
                return None;
            }
            all = found;
        }
        Some(all)
    }

    /// The nearest common ancestor in the tree.
    fn nearest(&self, a: Block, b: Block) -> Option<Block> {
        let depth = self.at(a).depth.min(self.at(b).depth);
        let (mut a, mut b) = (self.ancestor(a, depth)?, self.ancestor(b, depth)?);
        while a != b {
            let (x, y) = (self.at(a), self.at(b));
            if x.depth == 0 {
                return None;
            }
            // Blocks of one depth have links of one length.
            (a, b) = match x.jump == y.jump {
                true => (x.parent, y.parent),
                false => (x.jump, y.jump),
            };
        }
        Some(a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preds(blocks: &[u32]) -> Vec<(Block, u32)> {
        blocks.iter().map(|&b| (Block(b), 0)).collect()
    }

    fn sealed(doms: &mut Doms, b: u32, from: &[u32]) {
        doms.seal(Block(b), &preds(from));
        doms.end(Block(b), &preds(from));
    }

    fn parent(doms: &mut Doms, b: u32) -> Option<u32> {
        doms.above(Block(b)).map(|(p, _)| p.0)
    }

    #[test]
    fn joins_are_dominated_by_their_branch() {
        let mut doms = Doms::default();
        sealed(&mut doms, 0, &[]);
        sealed(&mut doms, 1, &[0]);
        sealed(&mut doms, 2, &[0]);
        sealed(&mut doms, 3, &[1, 2]);
        sealed(&mut doms, 4, &[3]);
        assert_eq!(parent(&mut doms, 3), Some(0));
        assert_eq!(parent(&mut doms, 4), Some(3));
        assert_eq!(parent(&mut doms, 0), None);
    }

    #[test]
    fn a_loop_is_open_until_its_last_edge_is_known() {
        let mut doms = Doms::default();
        sealed(&mut doms, 0, &[]);
        doms.end(Block(1), &preds(&[0]));
        sealed(&mut doms, 2, &[1]);
        sealed(&mut doms, 3, &[1]);
        sealed(&mut doms, 4, &[2, 3]);
        assert_eq!(parent(&mut doms, 1), None);
        assert_eq!(parent(&mut doms, 4), Some(1));
        // Nothing above the header is known to dominate what is in it.
        sealed(&mut doms, 5, &[4, 0]);
        assert_eq!(parent(&mut doms, 5), None);
        doms.seal(Block(1), &preds(&[0, 4]));
        assert_eq!(parent(&mut doms, 1), Some(0));
        sealed(&mut doms, 6, &[4, 0]);
        assert_eq!(parent(&mut doms, 6), Some(0));
    }

    /// Landing blocks are made, and end, before the code that throws.
    #[test]
    fn a_block_may_end_before_anything_leads_there() {
        let mut doms = Doms::default();
        sealed(&mut doms, 0, &[]);
        doms.end(Block(1), &preds(&[]));
        sealed(&mut doms, 2, &[0]);
        sealed(&mut doms, 3, &[2]);
        doms.seal(Block(1), &preds(&[2, 3]));
        sealed(&mut doms, 4, &[1]);
        assert_eq!(parent(&mut doms, 1), Some(2));
        sealed(&mut doms, 5, &[3, 4]);
        assert_eq!(parent(&mut doms, 5), Some(2));
    }

    #[test]
    fn a_late_edge_from_elsewhere_leaves_a_loop_open() {
        let mut doms = Doms::default();
        sealed(&mut doms, 0, &[]);
        sealed(&mut doms, 1, &[0]);
        sealed(&mut doms, 2, &[0]);
        doms.end(Block(3), &preds(&[1]));
        sealed(&mut doms, 4, &[3]);
        doms.seal(Block(3), &preds(&[1, 4, 2]));
        assert_eq!(parent(&mut doms, 3), None);
        assert_eq!(parent(&mut doms, 4), Some(3));
        sealed(&mut doms, 5, &[4, 1]);
        assert_eq!(parent(&mut doms, 5), None);
    }

    /// Against the definition: a block's dominators are those without which it cannot be reached.
    #[test]
    fn what_is_known_is_true_in_random_graphs() {
        let mut seed = 1u64;
        let mut below = |n: usize| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 33) as usize % n
        };
        let (mut known, mut unknown) = (0, 0);
        for _ in 0..2000 {
            let n = 2 + below(14);
            // Each block but the first has an edge from an earlier one; others go anywhere but to the first.
            let mut edges: Vec<(u32, u32)> = (1..n).map(|b| (below(b) as u32, b as u32)).collect();
            for _ in 0..below(n + 1) {
                edges.push((below(n) as u32, 1 + below(n - 1) as u32));
            }
            let into = |b: u32, ended: u32| -> Vec<u32> {
                let to = edges.iter().filter(|e| e.1 == b && e.0 < ended);
                to.map(|e| e.0).collect()
            };
            let mut doms = Doms::default();
            for b in 0..n as u32 {
                if into(b, b) == into(b, u32::MAX) {
                    doms.seal(Block(b), &preds(&into(b, b)));
                }
                doms.end(Block(b), &preds(&into(b, b)));
                for h in 0..=b {
                    // With the end of this block, all edges into that one are known.
                    if into(h, b + 1) == into(h, u32::MAX)
                        && into(h, b) != into(h, u32::MAX)
                        && h <= b
                    {
                        doms.seal(Block(h), &preds(&into(h, u32::MAX)));
                    }
                }
            }
            let reached_without = |gone: u32| {
                let mut seen = vec![false; n];
                let mut work = vec![0];
                while let Some(b) = work.pop() {
                    if b != gone && !std::mem::replace(&mut seen[b as usize], true) {
                        work.extend(edges.iter().filter(|e| e.0 == b).map(|e| e.1));
                    }
                }
                seen
            };
            for b in 1..n as u32 {
                let Some((near, far)) = doms.above(Block(b)) else {
                    unknown += 1;
                    continue;
                };
                known += 1;
                for above in std::iter::once(near).chain(far) {
                    assert!(
                        !reached_without(above.0)[b as usize],
                        "{above} of {b}: {edges:?}"
                    );
                }
            }
        }
        assert!(known > unknown, "{known} known, {unknown} not");
    }
}
