//! Passes, as data: name, function, what must run before and why.
//!
//! | pass | what it does |
//! | --- | --- |
//! | [`cleanup`] | folds constant branches, drops unreachable blocks and redundant parameters, merges and threads blocks |
//! | [`promote`] | turns stack slots and objects whose address goes nowhere into values (scalar replacement, escape analysis) |
//! | [`gvn`] | numbers values along the dominator tree: simplification, constant folding, loads, null and bounds checks |
//! | [`dce`] | drops what nothing needs |
//! | [`thread`] | leads ways that decide a branch past it |
//! | [`select`] | turns branches whose ways meet at once into choices between values |
//! | [`invert`] | turns top-tested loops into bottom-tested ones |
//! | [`peel`] | runs the first iteration of a loop in a copy, where it finds out what holds in the others |
//! | [`hoist`] | moves loads and checks out of loops |
//! | [`version`] | drops bounds checks of counted loops, if need be from a second version of the loop |
//! | [`carry`] | keeps fields and statics that a loop reads and writes in registers |
//! | [`poll`] | lets counted loops poll rarely |
//! | [`preheader`] | gives each loop a block in front of it |
//!
//! What several of them share: [`fold`] (arithmetic on constants, ranges), [`induction`] (how far loops count), [`strength`] (indices of loops,
//! for `version`), [`duplicate`] (copies of blocks, for `invert` and `thread`).

pub mod carry;
pub mod cleanup;
pub mod dce;
pub mod duplicate;
pub mod fold;
pub mod gvn;
pub mod hoist;
pub mod induction;
pub mod invert;
pub mod peel;
pub mod poll;
pub mod preheader;
pub mod promote;
pub mod select;
pub mod strength;
pub mod thread;
pub mod version;

use crate::ir::Func;

/// What passes know of the target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Pointer size in bytes.
    pub word: u32,
}

/// A pass.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Name, as in `--pass`; a pass that runs again has a number.
    pub name: &'static str,
    /// The pass; whether it changed anything.
    pub run: fn(&mut Func, Target) -> bool,
    /// Whether it must run even without optimization.
    pub required: bool,
    /// Passes one of which must have changed something; none: it runs always.
    pub when: &'static [&'static str],
    /// Passes that must run before, each with the reason.
    pub after: &'static [(&'static str, &'static str)],
}

/// All passes in order.
pub static PASSES: &[Pass] = &[
    Pass {
        name: "cleanup",
        run: cleanup::run,
        required: true,
        when: &[],
        after: &[],
    },
    Pass {
        name: "promote",
        run: promote::run,
        required: false,
        when: &[],
        after: &[("cleanup", "unreachable uses would keep slots in memory")],
    },
    Pass {
        name: "gvn",
        run: gvn::run,
        required: false,
        when: &[],
        after: &[("promote", "values of slots are numbered like others")],
    },
    Pass {
        name: "dce",
        run: dce::run,
        required: false,
        when: &[],
        after: &[("gvn", "numbering leaves unused instructions behind")],
    },
    Pass {
        name: "cleanup2",
        run: cleanup::run,
        required: false,
        when: &[],
        after: &[("gvn", "branches whose condition became constant")],
    },
    Pass {
        name: "promote2",
        run: promote::run,
        required: false,
        when: &[],
        after: &[
            ("gvn", "address arithmetic was folded into accesses"),
            ("cleanup2", "tests of new objects for null are gone"),
        ],
    },
    Pass {
        name: "thread",
        run: thread::run,
        required: false,
        when: &[],
        after: &[
            ("gvn", "equal conditions are one value"),
            ("cleanup2", "what is left of branches is not decided"),
        ],
    },
    Pass {
        name: "select",
        run: select::run,
        required: false,
        when: &[],
        after: &[
            ("cleanup2", "blocks between a branch and the join are gone"),
            ("thread", "a choice that is tested next is no choice"),
        ],
    },
    Pass {
        name: "invert",
        run: invert::run,
        required: false,
        when: &[],
        after: &[("cleanup2", "loop headers are in their final shape")],
    },
    Pass {
        name: "cleanup3",
        run: cleanup::run,
        required: false,
        when: &[],
        after: &[(
            "invert",
            "parameters of former loop headers have one value each",
        )],
    },
    Pass {
        name: "peel",
        run: peel::run,
        required: false,
        when: &[],
        after: &[
            (
                "invert",
                "the copy ends with the test of the next iteration",
            ),
            ("cleanup3", "what loops do not change is no parameter"),
        ],
    },
    Pass {
        name: "gvn2",
        run: gvn::run,
        required: false,
        when: &[],
        after: &[
            (
                "peel",
                "the first iteration decides the checks of the others",
            ),
            ("invert", "tests of inverted loops dominate their bodies"),
            ("cleanup3", "guards compare values, not parameters"),
        ],
    },
    Pass {
        name: "hoist",
        run: hoist::run,
        required: false,
        when: &[],
        after: &[
            ("invert", "the first block of an inverted loop is its body"),
            (
                "gvn2",
                "accesses whose base was checked before the loop cannot throw",
            ),
        ],
    },
    Pass {
        name: "version",
        run: version::run,
        required: false,
        when: &[],
        after: &[
            ("invert", "the test of a loop stands at its end"),
            ("hoist", "lengths and limits come from before the loop"),
        ],
    },
    Pass {
        name: "carry",
        run: carry::run,
        required: false,
        when: &[],
        after: &[
            ("invert", "the first block of an inverted loop is its body"),
            (
                "peel",
                "the first iteration has accessed what the others do",
            ),
            (
                "hoist",
                "what a loop reads without writing is not read there any more",
            ),
        ],
    },
    Pass {
        name: "gvn3",
        run: gvn::run,
        required: false,
        when: &["hoist", "version", "carry"],
        after: &[(
            "hoist",
            "what came out of a loop may be equal to what was before it",
        )],
    },
    Pass {
        name: "dce2",
        run: dce::run,
        required: false,
        when: &[],
        after: &[("gvn2", "numbering leaves unused instructions behind")],
    },
    Pass {
        name: "cleanup4",
        run: cleanup::run,
        required: false,
        when: &[],
        after: &[("gvn2", "branches whose condition became constant")],
    },
    Pass {
        name: "poll",
        run: poll::run,
        required: false,
        when: &[],
        after: &[
            (
                "hoist",
                "its loops have their test and their poll in one block",
            ),
            ("cleanup4", "what is left of calls in loops is known"),
        ],
    },
    Pass {
        name: "preheader",
        run: preheader::run,
        required: false,
        when: &[],
        after: &[("cleanup4", "blocks that only jump would be threaded")],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_satisfies_the_constraints() {
        for (n, pass) in PASSES.iter().enumerate() {
            for (before, reason) in pass.after {
                let found = PASSES[..n].iter().any(|p| p.name == *before);
                assert!(found, "{} must follow {before}: {reason}", pass.name);
            }
            for other in pass.when {
                assert!(PASSES[..n].iter().any(|p| p.name == *other));
            }
            assert!(PASSES[..n].iter().all(|p| p.name != pass.name));
        }
    }
}
