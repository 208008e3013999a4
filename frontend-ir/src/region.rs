//! Exception clauses as a tree of regions.
//!
//! ECMA-335 lists clauses innermost first (II.19). From the list the tree is built: the root is the
//! method; each distinct `try` range is a region that lists its clauses in order; each handler and each
//! filter is a region of its own. Regions nest properly or the body is refused.
//!
//! ```text
//!   .try { A  .try { B } catch T { C } } finally { D }
//!
//!   Root ── Try(clause 1: finally D) ── Try(clause 0: catch T)      A, B inside
//!        │                           └─ Handler(0) = C
//!        └─ Handler(1) = D
//! ```

use isthmus_runtime_abi::ids::TypeId;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::ops::Range;

/// Kind of a clause.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ClauseKind {
    /// `catch` of this type.
    Catch(TypeId),
    /// `filter`: index of the first instruction of the filter, which ends where the handler starts.
    Filter(u32),
    /// `finally`.
    Finally,
    /// `fault`.
    Fault,
}

/// An exception clause; ranges are instruction indices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clause {
    /// Kind.
    pub kind: ClauseKind,
    /// Protected instructions.
    pub body: Range<u32>,
    /// Handler's instructions.
    pub handler: Range<u32>,
}

/// Number of a region in its tree; 0 is the root.
pub type RegionId = u32;

/// What a region is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegionKind {
    /// The whole method.
    Root,
    /// A protected range with its clauses (indices), in order of precedence.
    Try(SmallVec<[u32; 2]>),
    /// Handler of this clause.
    Handler(u32),
    /// Filter of this clause.
    Filter(u32),
}

/// A region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    /// What it is.
    pub kind: RegionKind,
    /// Its instructions, those of inner regions included.
    pub range: Range<u32>,
    /// Enclosing region; the root's is itself.
    pub parent: RegionId,
    /// Depth in the tree; the root's is 0.
    pub depth: u32,
}

/// Why clauses do not form a tree.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegionError {
    /// A range is empty, reversed, or outside the body.
    #[error("exception clause {0} has a bad range")]
    BadRange(usize),
    /// Two ranges overlap without nesting.
    #[error("exception clause {0} overlaps another region without nesting")]
    Overlap(usize),
}

/// All clauses and regions of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegionTree {
    /// Clauses as given: inner before outer.
    pub clauses: Vec<Clause>,
    /// Regions; parents come before children.
    pub regions: Vec<Region>,
    /// For each instruction its innermost region; empty if there are no clauses.
    innermost: Vec<RegionId>,
}

impl RegionTree {
    /// A body of `len` instructions without clauses.
    pub fn none(len: u32) -> Self {
        RegionTree {
            clauses: Vec::new(),
            regions: vec![Region {
                kind: RegionKind::Root,
                range: 0..len,
                parent: 0,
                depth: 0,
            }],
            innermost: Vec::new(),
        }
    }

    /// Builds the tree for a body of `len` instructions.
    pub fn build(clauses: Vec<Clause>, len: u32) -> Result<Self, RegionError> {
        let mut tree = Self::none(len);
        if clauses.is_empty() {
            return Ok(tree);
        }
        // (range, kind, clause that names it) in order of appearance; equal `try` ranges are one region.
        let mut found: Vec<(Range<u32>, RegionKind, usize)> = Vec::new();
        let ok = |r: &Range<u32>| r.start < r.end && r.end <= len;
        let mut trys: FxHashMap<(u32, u32), usize> = FxHashMap::default();
        for (i, c) in clauses.iter().enumerate() {
            if !ok(&c.body) || !ok(&c.handler) {
                return Err(RegionError::BadRange(i));
            }
            let index = i as u32;
            let at = *trys.entry((c.body.start, c.body.end)).or_insert_with(|| {
                found.push((c.body.clone(), RegionKind::Try(SmallVec::new()), i));
                found.len() - 1
            });
            if let RegionKind::Try(list) = &mut found[at].1 {
                list.push(index);
            }
            found.push((c.handler.clone(), RegionKind::Handler(index), i));
            if let ClauseKind::Filter(start) = c.kind {
                let range = start..c.handler.start;
                if !ok(&range) {
                    return Err(RegionError::BadRange(i));
                }
                found.push((range, RegionKind::Filter(index), i));
            }
        }
        // Outer first: by start, then by longer range, then by later clause (outer clauses come later).
        found.sort_by(|a, b| {
            (
                a.0.start,
                std::cmp::Reverse(a.0.end),
                std::cmp::Reverse(a.2),
            )
                .cmp(&(
                    b.0.start,
                    std::cmp::Reverse(b.0.end),
                    std::cmp::Reverse(b.2),
                ))
        });
        let mut stack: Vec<RegionId> = vec![0];
        for (range, kind, clause) in found {
            while tree.regions[*stack.last().expect("root stays") as usize]
                .range
                .end
                <= range.start
            {
                stack.pop();
            }
            let parent = *stack.last().expect("root encloses everything");
            let outer = &tree.regions[parent as usize];
            if range.end > outer.range.end {
                return Err(RegionError::Overlap(clause));
            }
            let id = tree.regions.len() as RegionId;
            let depth = outer.depth + 1;
            tree.regions.push(Region {
                kind,
                range,
                parent,
                depth,
            });
            stack.push(id);
        }
        tree.innermost = vec![0; len as usize];
        for (id, r) in tree.regions.iter().enumerate() {
            tree.innermost[r.range.start as usize..r.range.end as usize].fill(id as RegionId);
        }
        tree.clauses = clauses;
        Ok(tree)
    }

    /// Innermost region of an instruction.
    pub fn region_of(&self, insn: u32) -> RegionId {
        self.innermost.get(insn as usize).copied().unwrap_or(0)
    }

    /// Regions from `id` outward, the root left out.
    pub fn outward(&self, id: RegionId) -> impl Iterator<Item = (RegionId, &Region)> {
        let mut next = id;
        std::iter::from_fn(move || {
            let here = next;
            (here != 0).then(|| {
                let region = &self.regions[here as usize];
                next = region.parent;
                (here, region)
            })
        })
    }

    /// Clauses that protect an instruction of region `id`, innermost first, in the order in which they are tried. Stops at a
    /// filter, whose exceptions no clause of the same method sees.
    pub fn clauses_around(&self, id: RegionId) -> SmallVec<[u32; 4]> {
        let mut out = SmallVec::new();
        for (_, region) in self.outward(id) {
            match &region.kind {
                RegionKind::Try(list) => out.extend(list.iter().copied()),
                RegionKind::Filter(_) => break,
                _ => {}
            }
        }
        out
    }

    /// The `finally` clauses that a `leave` from an instruction of region `from` to one of region `to` runs, in order.
    pub fn finallys_left(&self, from: RegionId, to: RegionId) -> SmallVec<[u32; 2]> {
        let mut out = SmallVec::new();
        for (id, region) in self.outward(from) {
            if self.contains(id, to) {
                break;
            }
            if let RegionKind::Try(list) = &region.kind {
                out.extend(
                    list.iter()
                        .copied()
                        .filter(|&c| self.clauses[c as usize].kind == ClauseKind::Finally),
                );
            }
        }
        out
    }

    /// Whether region `inner` is `outer` or inside it.
    pub fn contains(&self, outer: RegionId, inner: RegionId) -> bool {
        let depth = self.regions[outer as usize].depth;
        let mut at = inner;
        while self.regions[at as usize].depth > depth {
            at = self.regions[at as usize].parent;
        }
        at == outer
    }

    /// Innermost region that contains both.
    pub fn first_common(&self, a: RegionId, b: RegionId) -> RegionId {
        let (mut a, mut b) = (a, b);
        while a != b {
            let (x, y) = (&self.regions[a as usize], &self.regions[b as usize]);
            if x.depth >= y.depth {
                a = x.parent;
            } else {
                b = y.parent;
            }
        }
        a
    }

    /// Whether a protected block begins at an instruction.
    pub fn starts_try(&self, at: u32) -> bool {
        self.outward(self.region_of(at))
            .take_while(|(_, r)| r.range.start == at)
            .any(|(_, r)| matches!(r.kind, RegionKind::Try(_)))
    }

    /// Whether control may go from an instruction of region `from` to instruction `at` without `leave`: it stays in its region, or
    /// enters protected blocks at their start.
    pub fn may_go(&self, from: RegionId, at: u32) -> bool {
        let to = self.region_of(at);
        let common = self.first_common(from, to);
        let mut entered = self.outward(to).take_while(|&(id, _)| id != common);
        common == from
            && entered.all(|(_, r)| matches!(r.kind, RegionKind::Try(_)) && r.range.start == at)
    }

    /// Whether `leave` may go from an instruction to another; if not, why.
    pub fn may_leave(&self, at: u32, target: u32) -> Result<(), &'static str> {
        let (from, to) = (self.region_of(at), self.region_of(target));
        if from == 0 {
            return Err("leave outside of protected blocks and handlers");
        }
        let common = self.first_common(from, to);
        for (_, region) in self.outward(from).take_while(|&(id, _)| id != common) {
            match region.kind {
                RegionKind::Filter(_) => return Err("leave out of a filter"),
                RegionKind::Handler(c) if self.is_finally_or_fault(c) => {
                    return Err("leave out of a finally or fault handler");
                }
                _ => {}
            }
        }
        match self.may_go(common, target) {
            true => Ok(()),
            false => Err("leave into a region"),
        }
    }

    /// Whether a clause is `finally` or `fault`: its handler ends with `endfinally`.
    pub fn is_finally_or_fault(&self, clause: u32) -> bool {
        matches!(
            self.clauses[clause as usize].kind,
            ClauseKind::Finally | ClauseKind::Fault
        )
    }

    /// Whether `endfinally` may stand at an instruction.
    pub fn may_end_finally(&self, at: u32) -> bool {
        match self.regions[self.region_of(at) as usize].kind {
            RegionKind::Handler(c) => self.is_finally_or_fault(c),
            _ => false,
        }
    }

    /// Whether `endfilter` may stand at an instruction: the last of a filter.
    pub fn may_end_filter(&self, at: u32) -> bool {
        match self.regions[self.region_of(at) as usize].kind {
            RegionKind::Filter(c) => self.clauses[c as usize].handler.start == at + 1,
            _ => false,
        }
    }

    /// Whether `rethrow` may stand at an instruction: the innermost handler around it catches.
    pub fn may_rethrow(&self, at: u32) -> bool {
        let mut around = self.outward(self.region_of(at));
        let handler = around.find(|(_, r)| !matches!(r.kind, RegionKind::Try(_)));
        match handler.map(|(_, r)| &r.kind) {
            Some(&RegionKind::Handler(c)) => !self.is_finally_or_fault(c),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(kind: ClauseKind, body: Range<u32>, handler: Range<u32>) -> Clause {
        Clause {
            kind,
            body,
            handler,
        }
    }

    #[test]
    fn nested_tries_list_inner_clauses_first() {
        let t = TypeId::from_index(0);
        let tree = RegionTree::build(
            vec![
                clause(ClauseKind::Catch(t), 1..3, 3..5),
                clause(ClauseKind::Finally, 0..6, 6..8),
            ],
            9,
        )
        .unwrap();
        assert_eq!(tree.clauses_around(tree.region_of(1)).as_slice(), [0, 1]);
        assert_eq!(tree.clauses_around(tree.region_of(3)).as_slice(), [1]);
        assert_eq!(
            tree.clauses_around(tree.region_of(6)).as_slice(),
            [] as [u32; 0]
        );
        assert_eq!(
            tree.finallys_left(tree.region_of(2), tree.region_of(8))
                .as_slice(),
            [1]
        );
        assert_eq!(
            tree.finallys_left(tree.region_of(2), tree.region_of(5))
                .as_slice(),
            [] as [u32; 0]
        );
    }

    #[test]
    fn clauses_of_one_try_share_a_region() {
        let t = TypeId::from_index(0);
        let tree = RegionTree::build(
            vec![
                clause(ClauseKind::Catch(t), 0..2, 2..3),
                clause(ClauseKind::Catch(t), 0..2, 3..4),
            ],
            5,
        )
        .unwrap();
        assert_eq!(tree.clauses_around(tree.region_of(0)).as_slice(), [0, 1]);
        assert_eq!(tree.regions.len(), 4);
    }

    #[test]
    fn overlap_is_refused() {
        let bad = vec![
            clause(ClauseKind::Finally, 0..4, 6..7),
            clause(ClauseKind::Finally, 2..5, 7..8),
        ];
        assert_eq!(RegionTree::build(bad, 9), Err(RegionError::Overlap(1)));
        let empty = vec![clause(ClauseKind::Finally, 2..2, 3..4)];
        assert_eq!(RegionTree::build(empty, 9), Err(RegionError::BadRange(0)));
    }
}
