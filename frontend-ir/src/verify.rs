//! The verifier: whether a body is fit for the compilers.
//!
//! It checks what compilers rely on, not type safety: any object type may stand for any other. Invariants:
//!
//! * **V1** Targets of branches and switches are instructions of the body; control does not fall off its end.
//! * **V2** Every instruction finds operands that fit ([`crate::typing`]), and the stack never exceeds `max_stack`.
//! * **V3** All edges to an instruction bring stacks of the same height with mergeable types; an instruction after an unconditional
//!   transfer that no earlier branch reaches starts with an empty stack (ECMA-335 III.1.7.5), so one pass in order suffices.
//! * **V4** The stack is empty where a protected block is entered; a catch or filter starts with the exception alone, a finally or
//!   fault handler with nothing.
//! * **V5** A branch stays in its region, except to the first instruction of a `try`; control does not fall into or out of handlers,
//!   filters or protected blocks (it may fall into a `try`).
//! * **V6** `leave` is in a protected block or catch handler, and its target in the same or an enclosing region or a `try` that starts
//!   there; it does not leave a finally, fault or filter.
//! * **V7** `endfinally` is in a finally or fault handler, `endfilter` is the last instruction of a filter (and only there), `rethrow` is in a
//!   catch handler (or the handler of a filter).
//! * **V8** `ret` and `jmp` are outside of all protected blocks and handlers.
//! * **V9** Tables agree: switch tables exist, `arg_classes` match the signature, constrained prefixes stand on `callvirt`.
//!
//! [`stacks`] gives the types before each instruction, for those who want to see them.

use crate::body::Body;
use crate::op::{Flow, Op};
use crate::region::{ClauseKind, RegionId};
use crate::typing;
use isthmus_runtime_abi::types::StackTy;
use isthmus_runtime_abi::vm::CompileEnv;

/// A violated invariant.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{method} at IL {il:#x}: {rule}: {message}")]
pub struct VerifyError {
    /// The method's name.
    pub method: String,
    /// IL offset of the instruction.
    pub il: u32,
    /// Number of the invariant: `V1` … `V9`.
    pub rule: &'static str,
    /// What is wrong.
    pub message: String,
}

/// Checks a body.
pub fn verify(env: &dyn CompileEnv, body: &Body) -> Result<(), VerifyError> {
    verify_with(env, body, &typing::STANDARD)
}

/// Checks a body; `rules` say which operands go together.
pub fn verify_with(
    env: &dyn CompileEnv,
    body: &Body,
    rules: &'static typing::Rules,
) -> Result<(), VerifyError> {
    Verifier::new(env, body, rules).run()
}

/// Greatest stack depth of a body, `max_stack` left out of account.
pub fn max_depth(env: &dyn CompileEnv, body: &Body) -> Result<u16, VerifyError> {
    let mut v = Verifier::new(env, body, &typing::LENIENT);
    v.limit = usize::from(u16::MAX);
    v.run()?;
    Ok(v.deepest as u16)
}

/// Stack types before each instruction.
pub fn stacks(env: &dyn CompileEnv, body: &Body) -> Result<Vec<Vec<StackTy>>, VerifyError> {
    let mut v = Verifier::new(env, body, &typing::LENIENT);
    v.keep_all = true;
    v.run()?;
    Ok(v.entry.into_iter().map(Option::unwrap_or_default).collect())
}

type Stack = Vec<StackTy>;
type Check = Result<(), (&'static str, String)>;

struct Verifier<'a> {
    env: &'a dyn CompileEnv,
    body: &'a Body,
    rules: &'static typing::Rules,
    /// Stack before each instruction, as far as an edge has come to it.
    entry: Vec<Option<Stack>>,
    /// Whether a branch leads to an instruction. Stacks before others are handed on, not copied.
    is_target: Vec<bool>,
    /// All stacks are wanted in the end.
    keep_all: bool,
    limit: usize,
    deepest: usize,
}

fn bad(rule: &'static str, message: impl Into<String>) -> Check {
    Err((rule, message.into()))
}

/// Which instructions branches lead to.
fn targets(body: &Body) -> Vec<bool> {
    let mut targets = vec![false; body.code.len()];
    let of_branches = body.code.iter().filter_map(|i| i.op.target());
    for target in of_branches.chain(body.switches.iter().flatten().copied()) {
        if let Some(mark) = targets.get_mut(target as usize) {
            *mark = true;
        }
    }
    targets
}

impl<'a> Verifier<'a> {
    fn new(env: &'a dyn CompileEnv, body: &'a Body, rules: &'static typing::Rules) -> Self {
        Verifier {
            env,
            body,
            rules,
            entry: vec![None; body.code.len()],
            is_target: targets(body),
            keep_all: false,
            limit: usize::from(body.max_stack),
            deepest: 0,
        }
    }

    fn run(&mut self) -> Result<(), VerifyError> {
        let fail = |v: &Self, at: usize, (rule, message): (&'static str, String)| VerifyError {
            method: v.env.method_name(v.body.method),
            il: v.body.code.get(at).map_or(v.body.il_size, |i| i.il),
            rule,
            message,
        };
        self.tables().map_err(|e| fail(self, 0, e))?;
        self.handlers().map_err(|e| fail(self, 0, e))?;
        let (mut falls, mut dead) = (false, false);
        for at in 0..self.body.code.len() {
            // What follows an instruction that became an exception counts on its result.
            dead = dead
                && !self.is_target[at]
                && self.entry[at].is_none()
                && !self.body.regions.starts_try(at as u32);
            if dead {
                continue;
            }
            falls = self.instruction(at as u32).map_err(|e| fail(self, at, e))?;
            dead = !falls && (self.rules.lenient || matches!(self.body.code[at].op, Op::Raise(_)));
        }
        if falls {
            let end = self.body.code.len();
            return Err(fail(
                self,
                end,
                ("V1", "control falls off the end".to_string()),
            ));
        }
        Ok(())
    }

    fn tables(&self) -> Check {
        if self.body.arg_classes.len() != self.body.sig.params.len() {
            return bad("V9", "arg_classes does not match the signature");
        }
        if self.body.code.is_empty() {
            return bad("V1", "the body is empty");
        }
        for clause in &self.body.regions.clauses {
            if let ClauseKind::Filter(start) = clause.kind {
                let last = clause.handler.start - 1;
                if start > last || self.body.code[last as usize].op != Op::EndFilter {
                    return bad("V7", "a filter does not end with endfilter");
                }
            }
        }
        Ok(())
    }

    /// Sets the entry stacks of handlers and filters.
    fn handlers(&mut self) -> Check {
        for clause in &self.body.regions.clauses {
            let start = clause.handler.start as usize;
            let stack = match clause.kind {
                ClauseKind::Finally | ClauseKind::Fault => Vec::new(),
                ClauseKind::Catch(_) => vec![StackTy::Ref],
                ClauseKind::Filter(filter) => {
                    self.entry[filter as usize] = Some(vec![StackTy::Ref]);
                    vec![StackTy::Ref]
                }
            };
            self.entry[start] = Some(stack);
        }
        Ok(())
    }

    fn region(&self, at: u32) -> RegionId {
        self.body.regions.region_of(at)
    }

    /// Checks one instruction; gives whether control falls through to the next.
    fn instruction(&mut self, at: u32) -> Result<bool, (&'static str, String)> {
        let insn = &self.body.code[at as usize];
        let entry = self.entry[at as usize].get_or_insert_default();
        let mut stack = match self.keep_all || self.is_target[at as usize] {
            true => entry.clone(),
            false => std::mem::take(entry),
        };
        if self.body.regions.starts_try(at) && !stack.is_empty() {
            bad(
                "V4",
                "a protected block is entered with values on the stack",
            )?;
        }
        if insn.constrained.is_some() && !matches!(insn.op, Op::CallVirt(_)) {
            bad("V9", "constrained. without callvirt")?;
        }
        self.placement(at, insn.op)?;
        typing::step(self.env, self.body, insn, &mut stack, self.rules)
            .or_else(|e| bad("V2", e.to_string()))?;
        self.deepest = self.deepest.max(stack.len());
        if stack.len() > self.limit {
            bad("V2", format!("{} entries exceed max_stack", stack.len()))?;
        }
        match insn.op.flow() {
            Flow::Next => self.next(at, stack).map(|()| true),
            Flow::Branch => self.branch(at, insn.op.target(), &stack).map(|()| false),
            Flow::CondBranch => {
                self.branch(at, insn.op.target(), &stack)?;
                self.next(at, stack).map(|()| true)
            }
            Flow::Switch => {
                let Op::Switch(table) = insn.op else {
                    return Ok(true);
                };
                let Some(targets) = self.body.switches.get(table as usize) else {
                    return bad("V9", "there is no such switch table").map(|()| true);
                };
                for &target in targets {
                    self.branch(at, Some(target), &stack)?;
                }
                self.next(at, stack).map(|()| true)
            }
            Flow::Leave => self.leave(at, insn.op.target()).map(|()| false),
            Flow::Return | Flow::End => Ok(false),
        }
    }

    fn next(&mut self, at: u32, stack: Stack) -> Check {
        if at as usize + 1 < self.body.code.len() {
            self.fall_into(at + 1)?;
            self.hand_on(at + 1, stack)
        } else {
            Ok(())
        }
    }

    fn hand_on(&mut self, to: u32, stack: Stack) -> Check {
        let known = &mut self.entry[to as usize];
        match known {
            None => {
                *known = Some(stack);
                Ok(())
            }
            Some(_) => self.merge(to, &stack),
        }
    }

    fn merge(&mut self, to: u32, stack: &Stack) -> Check {
        match &self.entry[to as usize] {
            None => {
                self.entry[to as usize] = Some(stack.clone());
                Ok(())
            }
            Some(known) => {
                let same = known.len() == stack.len()
                    && std::iter::zip(known, stack).all(|(&a, &b)| typing::mergeable(a, b));
                if same {
                    Ok(())
                } else {
                    bad(
                        "V3",
                        format!("{stack:?} meets {known:?} at instruction {to}"),
                    )
                }
            }
        }
    }

    /// Control comes to `at` from the instruction before it.
    fn fall_into(&self, at: u32) -> Check {
        if self.body.regions.may_go(self.region(at - 1), at) {
            return Ok(());
        }
        bad(
            "V5",
            "control falls into or out of a protected block, handler or filter",
        )
    }

    fn branch(&mut self, at: u32, target: Option<u32>, stack: &Stack) -> Check {
        let Some(target) = target.filter(|&t| (t as usize) < self.body.code.len()) else {
            return bad("V1", "the target is not an instruction");
        };
        if !self.body.regions.may_go(self.region(at), target) && !self.leaves_by_branch(at, target)
        {
            return bad("V5", "a branch leaves its region or enters another");
        }
        if target <= at {
            // A backward edge: the target's stack is decided already.
            self.entry[target as usize].get_or_insert_default();
        }
        self.merge(target, stack)
    }

    /// A branch does what `leave` would do.
    fn leaves_by_branch(&self, at: u32, target: u32) -> bool {
        let tree = &self.body.regions;
        self.rules.lenient
            && tree.may_leave(at, target).is_ok()
            && tree
                .finallys_left(self.region(at), self.region(target))
                .is_empty()
    }

    fn leave(&mut self, at: u32, target: Option<u32>) -> Check {
        let Some(target) = target.filter(|&t| (t as usize) < self.body.code.len()) else {
            return bad("V1", "the target is not an instruction");
        };
        if !(self.rules.lenient && self.region(at) == 0 && self.region(target) == 0) {
            let may = self.body.regions.may_leave(at, target);
            may.or_else(|why| bad("V6", why))?;
        }
        self.merge(target, &Vec::new())
    }

    /// Instructions that belong in certain regions.
    fn placement(&self, at: u32, op: Op) -> Check {
        let tree = &self.body.regions;
        match op {
            Op::Ret | Op::Jmp(_) if self.region(at) != 0 => {
                bad("V8", "the method is left from inside a region")
            }
            Op::EndFinally if !tree.may_end_finally(at) => {
                bad("V7", "endfinally outside of a finally or fault handler")
            }
            Op::EndFilter if !tree.may_end_filter(at) => {
                bad("V7", "endfilter is not the last instruction of a filter")
            }
            Op::Rethrow if !tree.may_rethrow(at) => bad("V7", "rethrow outside of a catch handler"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Module;
    use crate::text;
    use std::sync::Arc;

    /// The rule that the body of `main` violates; empty if none.
    fn rule(main: &str) -> &'static str {
        let module = text::parse(main).unwrap();
        rule_of(
            &module,
            &module
                .method_def(module.entry.unwrap())
                .body
                .clone()
                .unwrap(),
        )
    }

    fn rule_of(module: &Module, body: &Body) -> &'static str {
        verify(module, body).map_or_else(|e| e.rule, |()| "")
    }

    fn altered(main: &str, change: impl FnOnce(&mut Body)) -> &'static str {
        let module = text::parse(main).unwrap();
        let body: &Arc<Body> = module
            .method_def(module.entry.unwrap())
            .body
            .as_ref()
            .unwrap();
        let mut body = Body::clone(body);
        change(&mut body);
        rule_of(&module, &body)
    }

    #[test]
    fn v1_targets_and_ends() {
        assert_eq!(rule("func main() { nop }"), "V1");
        assert_eq!(
            altered("func main() { br x x: ret }", |b| b.code[0].op = Op::Br(9)),
            "V1"
        );
        assert_eq!(altered("func main() { ret }", |b| b.code.clear()), "V1");
    }

    #[test]
    fn v2_operands() {
        assert_eq!(rule("func main() { add pop ret }"), "V2");
        assert_eq!(rule("func main() { ldc.i4.1 ldc.i8 2 add pop ret }"), "V2");
        assert_eq!(
            rule("func main() { .maxstack 1 ldc.i4.1 ldc.i4.1 add pop ret }"),
            "V2"
        );
        assert_eq!(rule("func main() { ldc.i4.1 ret }"), "V2");
        assert_eq!(rule("func main() -> i32 { ldnull ret }"), "V2");
        assert_eq!(
            rule("func f(i32) { ret } func main() { ldc.r8 1.5 call f ret }"),
            "V2"
        );
    }

    #[test]
    fn v3_merges() {
        assert_eq!(
            rule("func main() { ldc.i4.1 brtrue x ldc.i4.1 x: ret }"),
            "V3"
        );
        let types = "func main() { ldc.i4.1 brtrue x ldc.i4.1 br y x: ldc.r8 1.5 y: pop ret }";
        assert_eq!(rule(types), "V3");
        let backward = "func main() { ldc.i4.1 br y x: pop ret y: br x }";
        assert_eq!(
            rule(backward),
            "V2",
            "x is reached by a backward branch only: its stack is empty"
        );
        assert_eq!(rule("func main() { br y x: ret y: ldc.i4.1 br x }"), "V3");
    }

    #[test]
    fn v4_entries() {
        assert_eq!(
            rule("func main() { ldc.i4.1 .try { leave x } catch object { pop leave x } x: ret }"),
            "V4"
        );
    }

    #[test]
    fn v5_branches_stay_in_regions() {
        let protected = |inside: &str| {
            format!("func main() {{ .try {{ {inside} }} catch object {{ pop leave x }} x: ret }}")
        };
        assert_eq!(rule(&protected("br x")), "V5");
        assert_eq!(rule(&protected("nop")), "V5");
        assert_eq!(
            rule(
                "func main() { ldc.i4.1 brtrue y .try { nop y: leave x } catch object { pop leave x } x: ret }"
            ),
            "V5"
        );
        assert_eq!(rule(&protected("y: ldc.i4.1 brtrue y leave x")), "");
        assert_eq!(
            rule(
                "func main() { ldc.i4.1 brtrue y nop y: .try { leave x } catch object { pop leave x } x: ret }"
            ),
            ""
        );
    }

    #[test]
    fn v6_leaves() {
        assert_eq!(rule("func main() { leave x x: ret }"), "V6");
        let finally = "func main() { .try { leave x } finally { leave x } x: ret }";
        assert_eq!(rule(finally), "V6");
        let filter = "func main() { .try { leave x } filter { pop ldc.i4.1 brtrue y leave x y: ldc.i4.1 endfilter } { pop leave x } x: ret }";
        assert_eq!(rule(filter), "V6");
        let inward = "func main() { .try { leave y } catch object { pop leave x } .try { nop y: leave x } catch object { pop leave x } x: ret }";
        assert_eq!(rule(inward), "V6");
    }

    #[test]
    fn v7_ends_of_handlers() {
        assert_eq!(rule("func main() { endfinally }"), "V7");
        assert_eq!(
            rule("func main() { .try { leave x } catch object { pop endfinally } x: ret }"),
            "V7"
        );
        assert_eq!(rule("func main() { rethrow }"), "V7");
        assert_eq!(
            rule("func main() { .try { leave x } finally { rethrow } x: ret }"),
            "V7"
        );
        assert_eq!(
            rule(
                "func main() { .try { leave x } filter { pop ldc.i4.1 endfilter nop } { pop leave x } x: ret }"
            ),
            "V7"
        );
        assert_eq!(
            rule("func main() { .try { leave x } catch object { pop rethrow } x: ret }"),
            ""
        );
    }

    #[test]
    fn v8_returns() {
        assert_eq!(
            rule("func main() { .try { ret } catch object { pop leave x } x: ret }"),
            "V8"
        );
        assert_eq!(
            rule("func main() { .try { leave x } finally { jmp main } x: ret }"),
            "V8"
        );
    }

    #[test]
    fn v9_tables() {
        assert_eq!(
            altered("func main() { ret }", |b| b.arg_classes.push(None)),
            "V9"
        );
        let switch = "func main() { ldc.i4.1 switch (x) x: ret }";
        assert_eq!(altered(switch, |b| b.switches.clear()), "V9");
        assert_eq!(rule("func main() { constrained. i32 nop ret }"), "V9");
    }

    /// Were every stack kept, this would take the square of its size.
    #[test]
    fn deep_stacks_are_not_copied() {
        let depth = 20_000;
        let text = format!(
            "func main() {{ {} {} pop ret }}",
            "ldc.i4.1 ".repeat(depth),
            "add ".repeat(depth - 1)
        );
        assert_eq!(rule(&text), "");
    }

    #[test]
    fn stacks_are_those_before_each_instruction() {
        let module = text::parse("func main() { ldc.i4.1 ldc.i8 2 pop pop ret }").unwrap();
        let body = module
            .method_def(module.entry.unwrap())
            .body
            .clone()
            .unwrap();
        assert_eq!(body.max_stack, 2);
        let all = stacks(&module, &body).unwrap();
        assert_eq!(all[2], [StackTy::I32, StackTy::I64]);
    }
}
