//! Locks of objects, taken and given back in place.
//!
//! ```text
//!  enter   0? then compare and exchange 0 ──▶ owner | 1   did? ──▶ done
//!          helper: the thread holds it already            did? ──▶ done
//!          cold: the method itself (null, contention, monitors, hash codes)
//!
//!  exit    owner | 1? then compare and exchange that ──▶ 0 did? ──▶ done       and so on
//! ```
//!
//! The words are those of `rt::gc::lockword`; the thread's owner is in its context, 0 if it must not own thin locks.

use super::intrinsics::MethodCall;
use super::place::Entry;
use super::{Builder, Result};
use crate::ir::{Access, Imm, Op, Region, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::types::MemTy;

impl Builder<'_> {
    /// Expands one of the intrinsics for locks.
    pub(super) fn lock(&mut self, intrinsic: Intrinsic, call: MethodCall<'_>) -> Result<bool> {
        let args = call.args;
        let Some(&Entry::Val(object)) = args.first() else {
            return Ok(false);
        };
        let taken = match (intrinsic, args.get(2)) {
            (Intrinsic::LockTryEnter, Some(&Entry::Val(taken))) if self.waits_long(&args[1]) => {
                Some(taken)
            }
            (Intrinsic::LockTryEnter, _) => return Ok(false),
            _ => None,
        };
        if call.sig.ret.is_some() || self.func.ty(object) != Ty::Ref || !self.opts.optimize {
            return Ok(false);
        }
        let enter = intrinsic != Intrinsic::LockExit;
        let (got, slow, done) = (
            self.new_block(false),
            self.new_block(true),
            self.new_block(false),
        );
        if !self.is_nonnull(object) {
            let there = self.new_block(false);
            let null = self.is_null(object);
            self.branch(null, slow, there);
            self.go_on(there);
        }
        let checked = self.checked.clone();
        self.checked.insert(object);
        let owner = self.emit1(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::LockOwner));
        let owner = self.convert_word(owner, Ty::I32);
        if enter {
            let known = self.new_block(false);
            let zero = self.i32(0);
            let none = self.cmp(Cmp::Eq, owner, zero);
            self.branch(none, slow, known);
            self.go_on(known);
        }
        self.exchange(object, owner, enter, got)?;
        let helper = if enter {
            Helper::LockEnter
        } else {
            Helper::LockExit
        };
        let did = self.helper(helper, &[object, owner]);
        let did = did.ok_or_else(|| self.bad())?;
        let zero = self.i32(0);
        let did = self.cmp(Cmp::NeUn, did, zero);
        self.branch(did, got, slow);

        self.go_on(got);
        if let Some(taken) = taken {
            let one = self.i32(1);
            let place = self.pointer_place(taken);
            self.store_place(place, MemTy::U8, Entry::Val(one))?;
        }
        self.jump(done);

        self.checked = checked.clone();
        self.go_on(slow);
        self.call_after_all(call)?;
        self.jump(done);

        self.checked = checked;
        self.go_on(done);
        self.checked.insert(object);
        Ok(true)
    }

    /// Whether a timeout is -1: none.
    fn waits_long(&self, timeout: &Entry) -> bool {
        matches!(timeout, Entry::Val(v) if self.func.constant(*v) == Some(-1))
    }

    /// Goes to `got` if the lock was free and now is the thread's, or the other way round.
    fn exchange(
        &mut self,
        object: Value,
        owner: Value,
        enter: bool,
        got: crate::ir::Block,
    ) -> Result<()> {
        let one = self.i32(1);
        let free = self.i32(0);
        let held = self.op(Op::Or, Ty::I32, &[owner, one]);
        let (from, to) = if enter { (free, held) } else { (held, free) };
        // An exchange that fails costs as much as one that does not.
        let access = Access::new(Ty::I32.mem(), layout::LOCK_WORD as i32, Region::Any);
        let seen = self.load_raw(object, None, access);
        let promising = self.cmp(Cmp::Eq, seen, from);
        let (exchange, other) = (self.new_block(false), self.new_block(false));
        self.branch(promising, exchange, other);
        self.go_on(exchange);
        let word = self.lea(object, None, layout::LOCK_WORD as i32);
        let access = Access::new(Ty::I32.mem(), 0, Region::Any);
        let seen = self.emit1(
            Op::AtomicCas,
            Ty::I32,
            &[word, from, to],
            Imm::Access(access),
        );
        let same = self.cmp(Cmp::Eq, seen, from);
        self.branch(same, got, other);
        self.go_on(other);
        Ok(())
    }
}
