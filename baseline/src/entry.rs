//! Making the frame.
//!
//! Frames up to a certain size fit above the stack's reserve wherever a method may begin: the entry check compares SP when the
//! frame is made already, and calls the runtime from there. Larger ones might reach beyond the end of the stack: nothing below the caller's
//! frame is touched before the check has passed. How large a frame is comes out when all is compiled, so such methods are compiled twice.
//!
//! ```text
//!         push FP; FP = SP
//!         SP -= size
//!         cmp SP, [StackLimit];  below or equal: slow
//!  back:  ...
//!
//!  slow:  SP = FP;  EntryCheck               parks at a safepoint, or throws if even the caller's frame is too far down
//!         [StackLimit] all ones: slow        the next safepoint was requested meanwhile
//!         SP -= size
//!         cmp SP, [StackLimit];  above: back
//!         SP = FP;  throw StackOverflowException
//! ```

use crate::moves::Word;
use crate::state::Gen;
use crate::target::Target;
use isthmus_asm::prelude::*;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::trap::TrapKind;

/// How large the frames of a method's functions are taken to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Frames {
    /// They fit above the stack's reserve.
    Small,
    /// They may not.
    Large,
}

impl Frames {
    /// Bytes of the largest frame.
    pub fn limit(self) -> u32 {
        match self {
            Frames::Small => 128 << 10,
            Frames::Large => (1 << 30) - 1,
        }
    }
}

impl<A: Target> Gen<'_, A> {
    /// Pushes FP and makes room; the size is filled in at the end.
    pub fn make_frame(&mut self) {
        self.a.push(A::FP);
        self.a.lea(A::FP, Mem::new(A::SP, 0));
        self.make_room();
        if self.frames == Frames::Large {
            let (slow, back) = (self.a.new_label(), self.a.new_label());
            self.compare_limit();
            self.a.jcc(Cond::BelowEq, slow);
            self.a.bind(back);
            self.large_check = Some((slow, back));
        }
    }

    fn make_room(&mut self) {
        let size = A::FRAME_PLACEHOLDER;
        self.a.alu(Alu::Sub, Width::W64, A::SP, size);
        self.frame_insns.push(self.a.offset());
    }

    fn compare_limit(&mut self) {
        let limit = self.ctx(CtxWord::StackLimit);
        self.a.cmp(Width::W64, A::SP, limit);
    }

    /// After all code: what the check of a large frame does when it fails.
    pub fn emit_large_check(&mut self) {
        let Some((slow, back)) = self.large_check else {
            return;
        };
        let pos = self.sites.position(0);
        let caller = Mem::new(A::FP, 0);
        self.a.bind(slow);
        self.a.lea(A::SP, caller);
        self.call_helper_symbol(Helper::EntryCheck);
        self.call_at(pos, 0);
        let limit = self.ctx(CtxWord::StackLimit);
        self.a.cmp_mem(Width::W64, limit, -1);
        self.a.jcc(Cond::Eq, slow);
        self.make_room();
        self.compare_limit();
        self.a.jcc(Cond::Above, back);
        self.a.lea(A::SP, caller);
        let kind = Word::Imm(TrapKind::StackOverflow as i64);
        self.helper_args(Helper::ThrowTrap, &[kind]);
        self.call_helper_symbol(Helper::ThrowTrap);
        self.call_at(pos, 0);
        self.a.trap();
    }
}
