//! Code off the ordinary path, placed after the method: throws and slow paths.
//!
//! A slow path that comes back saves by itself what registers hold at the place where it was left, so that
//! the ordinary path pays nothing for it:
//!
//! ```text
//!   slow:  sub sp, n        what is live, in the frame below SP: the collector sees it there
//!          store live regs
//!          move arguments; call helper        (a landing pad sets SP by itself)
//!          move the result
//!          load live regs; add sp, n
//!          jmp back
//! ```

use crate::error::R;
use crate::moves::{Move, Word};
use crate::state::Gen;
use crate::target::Target;
use isthmus_asm::prelude::*;
use isthmus_frontend_ir::region::RegionId;
use isthmus_runtime_abi::callconv::Loc as AbiLoc;
use isthmus_runtime_abi::helpers::{Effects, Helper, HelperTy};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Reg;
use isthmus_runtime_abi::trap::TrapKind;
use smallvec::SmallVec;

/// A piece of cold code.
#[derive(Clone, Debug)]
pub(crate) struct Cold {
    label: Label,
    pos: u32,
    region: RegionId,
    helper: Helper,
    args: SmallVec<[Word; 3]>,
    /// Where to go on, with the result in this register; `None`: the helper does not return.
    back: Option<(Label, Option<Gpr>)>,
    live: u32,
    live_floats: u32,
}

impl<A: Target> Gen<'_, A> {
    /// A label whose code throws the exception of this kind for the current instruction.
    pub fn throw_label(&mut self, kind: TrapKind) -> Label {
        self.cold_throw(Helper::ThrowTrap, kind as u8 as i64)
    }

    fn cold_throw(&mut self, helper: Helper, arg: i64) -> Label {
        let label = self.a.new_label();
        let (pos, region) = self.here();
        self.cold.push(Cold {
            label,
            pos,
            region,
            helper,
            args: SmallVec::from_slice(&[Word::Imm(arg)]),
            back: None,
            live: 0,
            live_floats: 0,
        });
        label
    }

    /// Jumps to a throw if the condition holds.
    pub fn throw_if(&mut self, cond: Cond, kind: TrapKind) {
        let label = self.throw_label(kind);
        self.a.jcc(cond, label);
    }

    /// A slow path: the label to jump to, and the label where it comes back to, with the result in `ret` (which the caller
    /// holds). All other registers keep their values. The caller binds the second label.
    pub fn slow_path(&mut self, helper: Helper, args: &[Word], ret: Option<Gpr>) -> (Label, Label) {
        let label = self.a.new_label();
        let back = self.a.new_label();
        let (pos, region) = self.here();
        let mut live = self.ints.held(A::VALUES.iter().map(|r| r.0));
        if let Some(r) = ret {
            live &= !(1 << r.0);
        }
        let floats = A::FVALUES.iter().chain(A::LEAF_FPINS).map(|r| r.0);
        let live_floats = self.floats.held(floats);
        self.ints.drop_idle_copies();
        self.floats.drop_idle_copies();
        self.cold.push(Cold {
            label,
            pos,
            region,
            helper,
            args: SmallVec::from_slice(args),
            back: Some((back, ret)),
            live,
            live_floats,
        });
        (label, back)
    }

    /// Emits all cold code. Each piece may not add another.
    pub fn emit_cold(&mut self) -> R {
        for c in std::mem::take(&mut self.cold) {
            self.a.bind(c.label);
            let ints = bits(c.live);
            let floats = bits(c.live_floats);
            let bytes = ((ints.len() + floats.len()) as i32 * 8 + 15) & !15;
            if bytes != 0 {
                self.a.lea(A::SP, Mem::new(A::SP, -bytes));
                let mut at = 0;
                for &r in &ints {
                    self.a.store(Width::W64, Mem::new(A::SP, at), Gpr(r));
                    at += 8;
                }
                for &r in &floats {
                    self.a.fstore(FTy::F64, Mem::new(A::SP, at), Fpr(r));
                    at += 8;
                }
            }
            self.helper_args(c.helper, &c.args);
            self.call_helper_symbol(c.helper);
            if !c.helper.effects().contains(Effects::LEAF) {
                self.call_at(c.pos, c.region);
            }
            let Some((back, ret)) = c.back else {
                // The return address belongs to this method, also if nothing follows.
                self.a.trap();
                continue;
            };
            if let Some(r) = ret {
                let w = match c.helper.ret() {
                    Some(HelperTy::I32) => Width::W32,
                    _ => Width::W64,
                };
                self.a.mov(w, r, int_ret::<A>());
            }
            if bytes != 0 {
                let mut at = 0;
                for &r in &ints {
                    self.a.load(Ext::Full64, Gpr(r), Mem::new(A::SP, at));
                    at += 8;
                }
                for &r in &floats {
                    self.a.fload(FTy::F64, Fpr(r), Mem::new(A::SP, at));
                    at += 8;
                }
                self.a.lea(A::SP, Mem::new(A::SP, bytes));
            }
            self.a.jmp(back);
        }
        Ok(())
    }

    /// Moves words to where a helper expects its arguments.
    pub fn helper_args(&mut self, helper: Helper, args: &[Word]) {
        let roles = A::ARCH.roles();
        let (mut int, mut float) = (0, 0);
        let moves: SmallVec<[Move; 8]> = helper
            .args()
            .iter()
            .zip(args)
            .map(|(ty, &word)| {
                let reg = if matches!(ty, HelperTy::F32 | HelperTy::F64) {
                    float += 1;
                    Reg::Float(roles.float_args[float - 1])
                } else {
                    int += 1;
                    Reg::Int(roles.int_args[int - 1])
                };
                Move {
                    word,
                    to: AbiLoc::Reg(reg),
                    ty: helper_word(*ty),
                }
            })
            .collect();
        debug_assert_eq!(moves.len(), helper.args().len(), "{helper:?}");
        self.emit_moves(&moves);
    }

    /// The call itself.
    pub fn call_helper_symbol(&mut self, helper: Helper) {
        self.sites.helper_calls += 1;
        self.a.call_symbol(Symbol::Helper(helper));
    }
}

pub(crate) fn helper_word(ty: HelperTy) -> isthmus_runtime_abi::callconv::WordTy {
    use isthmus_runtime_abi::callconv::WordTy;
    match ty {
        HelperTy::I32 => WordTy::I32,
        HelperTy::I64 => WordTy::I64,
        HelperTy::Ptr | HelperTy::Ref | HelperTy::ByRef => WordTy::Ptr,
        HelperTy::F32 => WordTy::F32,
        HelperTy::F64 => WordTy::F64,
    }
}

/// First integer result register.
pub(crate) fn int_ret<A: Target>() -> Gpr {
    Gpr(A::ARCH.roles().int_rets[0])
}

/// First float result register.
pub(crate) fn float_ret<A: Target>() -> Fpr {
    Fpr(A::ARCH.roles().float_rets[0])
}

fn bits(mask: u32) -> SmallVec<[u8; 8]> {
    (0..32).filter(|b| mask & (1 << b) != 0).collect()
}
