//! Control flow.

use super::{Lower, calls::Rets, regions::Class};
use crate::artifact::trap_code;
use cranelift_codegen::ir::{self as cl, BlockCall, InstBuilder, JumpTableData, types};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_ssa::ir::{Imm, Inst, InstData};

impl Lower<'_, '_> {
    pub(super) fn jump(&mut self, inst: Inst) {
        let edge = self.ssa.edges(inst)[0];
        let to = self.clif_block(edge.block);
        let args = self.edge_args(inst, &edge, Rets::None);
        self.ins().jump(to, &args);
    }

    pub(super) fn branch(&mut self, inst: Inst) {
        let condition = self.arg(inst, 0);
        let [then, else_] = [self.ssa.edges(inst)[0], self.ssa.edges(inst)[1]];
        let (then_args, else_args) = (
            self.edge_args(inst, &then, Rets::None),
            self.edge_args(inst, &else_, Rets::None),
        );
        let (then, else_) = (self.clif_block(then.block), self.clif_block(else_.block));
        self.ins()
            .brif(condition, then, &then_args, else_, &else_args);
    }

    pub(super) fn switch(&mut self, inst: Inst) {
        let index = self.arg(inst, 0);
        let ssa = self.ssa;
        let Some((default, cases)) = ssa.edges(inst).split_last() else {
            return self.trap_unreachable();
        };
        let default = self.block_call(inst, default);
        let cases: Vec<BlockCall> = cases.iter().map(|e| self.block_call(inst, e)).collect();
        let table = self
            .cur
            .func
            .create_jump_table(JumpTableData::new(default, &cases));
        self.ins().br_table(index, table);
    }

    fn block_call(&mut self, inst: Inst, edge: &isthmus_ssa::ir::Edge) -> BlockCall {
        let to = self.clif_block(edge.block);
        let args = self.edge_args(inst, edge, Rets::None);
        BlockCall::new(to, args, &mut self.cur.func.dfg.value_lists)
    }

    pub(super) fn return_(&mut self, inst: Inst) {
        let values: Vec<cl::Value> = self.ssa.args(inst).iter().map(|&v| self.value(v)).collect();
        self.ins().return_(&values);
    }

    pub(super) fn trap_if(&mut self, inst: Inst, data: &InstData) {
        let Imm::Trap(kind) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        let condition = self.arg(inst, 0);
        self.ins().trapnz(condition, trap_code(kind));
    }

    pub(super) fn trap_unreachable(&mut self) {
        self.ins().trap(trap_code(TrapKind::Unreachable));
    }

    /// A load that faults while a safepoint is requested. Never merged with another one: its address comes from the thread
    /// context (see [`super::regions`]).
    pub(super) fn poll(&mut self) {
        let page = self.ctx_word(CtxWord::PollPage);
        let flags = self
            .flags(Class::PollPage, 0)
            .with_trap_code(Some(trap_code(TrapKind::Poll)));
        self.ins().load(types::I32, flags, page, 0);
    }
}
