//! Calls.
//!
//! | target | code |
//! | --- | --- |
//! | method | through its cell: `mov rax, [rip + cell]; call rax` |
//! | symbol (interface stub, entry stub) | `call rel32` |
//! | address | `call reg` |
//! | helper | `call rel32` of its transition stub |
//! | leaf helper | C function, far: `mov rax, [rip + G]; call rax` |
//!
//! A call with handler edges is a `try_call`, one exception-table entry for each clause, innermost first; the tag is the
//! clause's index.

use super::Lower;
use crate::abi;
use crate::names::Reach;
use crate::unsupported::Unsupported;
use cranelift_codegen::cursor::Cursor;
use cranelift_codegen::ir::{
    self as cl, BlockArg, BlockCall, ExceptionTableData, ExceptionTableItem, ExceptionTag,
    ExtFuncData, FuncRef, InstBuilder, SigRef,
};
use isthmus_runtime_abi::callconv::MAX_STACK_BYTES;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::{Effects, Helper};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_ssa::ir::{CallInfo, CallTarget, Edge, Imm, Inst, InstData, Sig};

/// What is called.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    Direct(FuncRef),
    Indirect(SigRef, cl::Value),
}

/// What an instruction's own results are on an edge.
#[derive(Clone, Copy)]
pub(super) enum Rets<'a> {
    /// It has none.
    None,
    /// Return values of the `try_call`.
    Call,
    /// These values.
    Values(&'a [cl::Value]),
}

impl Lower<'_, '_> {
    // ---- operations

    pub(super) fn call(&mut self, inst: Inst) -> Result<(), Unsupported> {
        let (callee, args) = self.callee(inst)?;
        self.emit_call(inst, callee, &args);
        Ok(())
    }

    pub(super) fn tail_call(&mut self, inst: Inst) -> Result<(), Unsupported> {
        let (callee, args) = self.callee(inst)?;
        match callee {
            Callee::Direct(f) => self.ins().return_call(f, &args),
            Callee::Indirect(sig, address) => self.ins().return_call_indirect(sig, address, &args),
        };
        Ok(())
    }

    pub(super) fn throw(&mut self, inst: Inst, data: &InstData) {
        let Imm::Helper(helper) = data.imm else {
            unreachable!("the verifier checks immediates")
        };
        if let Some(block) = self.cur.current_block()
            && Some(block) != self.cur.func.layout.entry_block()
        {
            self.cur.func.layout.set_cold(block);
        }
        let callee = Callee::Direct(self.helper(helper));
        let args: Vec<cl::Value> = self.ssa.args(inst).iter().map(|&v| self.value(v)).collect();
        if self.ssa.handler_edges(inst).is_empty() {
            self.plain_call(callee, &args);
            self.trap_unreachable();
        } else {
            let never = self.unreachable_block();
            let normal = BlockCall::new(never, [], &mut self.cur.func.dfg.value_lists);
            self.try_call(inst, callee, &args, normal);
        }
    }

    /// Target and arguments of a call instruction; the hidden arguments are stored.
    fn callee(&mut self, inst: Inst) -> Result<(Callee, Vec<cl::Value>), Unsupported> {
        let ssa = self.ssa;
        let info = ssa.call(inst).expect("the verifier checks immediates");
        let bytes = abi::stack_bytes(self.arch, &info.sig.params);
        if bytes > MAX_STACK_BYTES {
            let il = self.il(inst);
            return Err(Unsupported::StackArguments { bytes, il });
        }
        let mut args: Vec<cl::Value> = ssa.args(inst).iter().map(|&v| self.value(v)).collect();
        for (present, word) in [
            (info.cookie, CtxWord::HiddenVarargs),
            (info.rgctx, CtxWord::HiddenRgctx),
        ] {
            if present && let Some(hidden) = args.pop() {
                self.set_ctx_word(word, hidden);
            }
        }
        let callee = self.target(info, &mut args);
        Ok((callee, args))
    }

    fn target(&mut self, info: &CallInfo, args: &mut Vec<cl::Value>) -> Callee {
        match info.target {
            CallTarget::Method(m) => {
                Callee::Direct(self.function(Symbol::MethodCell(m), Reach::Cell, &info.sig))
            }
            CallTarget::Symbol(s) => Callee::Direct(self.function(s, Reach::Symbol, &info.sig)),
            CallTarget::Indirect => {
                let address = args.remove(0);
                Callee::Indirect(self.sig(&info.sig), address)
            }
            CallTarget::Helper(h) => Callee::Direct(self.helper(h)),
        }
    }

    // ---- calls in general

    /// Calls, and goes on on the normal path with the instruction's results defined.
    pub(super) fn emit_call(&mut self, inst: Inst, callee: Callee, args: &[cl::Value]) {
        let ssa = self.ssa;
        if ssa.edges(inst).is_empty() {
            let call = self.plain_call(callee, args);
            for (n, result) in ssa.inst(inst).results().enumerate() {
                let value = self.cur.func.dfg.inst_results(call)[n];
                self.s.values[result.index()] = value.into();
            }
        } else {
            self.result_params(inst);
            self.try_call_edges(inst, callee, args);
        }
    }

    /// Calls with the handlers and the normal edge of `inst`; the call's results are those of the instruction.
    pub(super) fn try_call_edges(&mut self, inst: Inst, callee: Callee, args: &[cl::Value]) {
        let normal = self.ssa.edges(inst)[0];
        let mut normal_args = self.edge_args(inst, &normal, Rets::Call);
        let rets = u32::from(self.ssa.inst(inst).num_results);
        normal_args.extend((0..rets).map(BlockArg::TryCallRet));
        let to = self.clif_block(normal.block);
        let normal = BlockCall::new(to, normal_args, &mut self.cur.func.dfg.value_lists);
        self.try_call(inst, callee, args, normal);
    }

    /// Makes the instruction's results parameters of its normal successor, which has no other predecessor.
    pub(super) fn result_params(&mut self, inst: Inst) {
        let to = self.clif_block(self.ssa.edges(inst)[0].block);
        for result in self.ssa.inst(inst).results() {
            let ty = abi::ty(self.ssa.ty(result));
            let param = self.cur.func.dfg.append_block_param(to, ty);
            self.s.values[result.index()] = param.into();
        }
    }

    /// Jumps along the normal edge of an invoke with these results.
    pub(super) fn jump_normal(&mut self, inst: Inst, results: &[cl::Value]) {
        let normal = self.ssa.edges(inst)[0];
        let mut args = self.edge_args(inst, &normal, Rets::Values(results));
        args.extend(results.iter().map(|&v| BlockArg::Value(v)));
        let to = self.clif_block(normal.block);
        self.ins().jump(to, &args);
    }

    pub(super) fn plain_call(&mut self, callee: Callee, args: &[cl::Value]) -> cl::Inst {
        match callee {
            Callee::Direct(f) => self.ins().call(f, args),
            Callee::Indirect(sig, address) => self.ins().call_indirect(sig, address, args),
        }
    }

    fn try_call(&mut self, inst: Inst, callee: Callee, args: &[cl::Value], normal: BlockCall) {
        let ssa = self.ssa;
        let mut items = Vec::new();
        for edge in ssa.handler_edges(inst) {
            let clause = edge.clause.expect("handler edges have clauses");
            let mut landing = vec![BlockArg::TryCallExn(0), BlockArg::TryCallExn(1)];
            landing.extend(self.edge_args(inst, edge, Rets::None));
            let to = self.clif_block(edge.block);
            let call = BlockCall::new(to, landing, &mut self.cur.func.dfg.value_lists);
            items.push(ExceptionTableItem::Tag(
                ExceptionTag::from_u32(clause),
                call,
            ));
        }
        let signature = match callee {
            Callee::Direct(f) => self.cur.func.dfg.ext_funcs[f].signature,
            Callee::Indirect(sig, _) => sig,
        };
        let table = self
            .cur
            .func
            .dfg
            .exception_tables
            .push(ExceptionTableData::new(signature, normal, items));
        match callee {
            Callee::Direct(f) => self.ins().try_call(f, args, table),
            Callee::Indirect(_, address) => self.ins().try_call_indirect(address, args, table),
        };
    }

    /// Arguments of an edge; the instruction's own results are as `rets` says.
    pub(super) fn edge_args(&mut self, inst: Inst, edge: &Edge, rets: Rets<'_>) -> Vec<BlockArg> {
        let ssa = self.ssa;
        let data = ssa.inst(inst);
        let own = data.first_result.0..data.first_result.0 + u32::from(data.num_results);
        ssa.list(edge.args)
            .iter()
            .map(|&v| match rets {
                Rets::Call if own.contains(&v.0) => BlockArg::TryCallRet(v.0 - own.start),
                Rets::Values(values) if own.contains(&v.0) => {
                    BlockArg::Value(values[(v.0 - own.start) as usize])
                }
                _ => BlockArg::Value(self.value(v)),
            })
            .collect()
    }

    fn unreachable_block(&mut self) -> cl::Block {
        if let Some(block) = self.unreachable {
            return block;
        }
        let block = self.cold_block();
        let here = self.cur.position();
        self.cur.insert_block(block);
        self.trap_unreachable();
        self.cur.set_position(here);
        self.unreachable = Some(block);
        block
    }

    // ---- helpers

    /// Calls a leaf helper.
    pub(super) fn call_leaf(&mut self, helper: Helper, args: &[cl::Value]) -> cl::Inst {
        let callee = self.helper(helper);
        self.ins().call(callee, args)
    }

    /// A helper's function.
    pub(super) fn helper(&mut self, helper: Helper) -> FuncRef {
        self.built.helper_calls += 1;
        let key = (Symbol::Helper(helper), Reach::Symbol);
        if let Some(&f) = self.s.funcs.get(&key) {
            return f;
        }
        let signature = self.cur.func.import_signature(abi::helper(helper));
        // Transition stubs are near; the runtime's own functions may be anywhere.
        let near = !helper.effects().contains(Effects::LEAF);
        self.import(key, signature, near)
    }

    fn function(&mut self, symbol: Symbol, reach: Reach, sig: &Sig) -> FuncRef {
        let key = (symbol, reach);
        let signature = self.sig(sig);
        if let Some(&f) = self.s.funcs.get(&key)
            && self.cur.func.dfg.ext_funcs[f].signature == signature
        {
            return f;
        }
        self.import(key, signature, reach == Reach::Symbol)
    }

    fn import(&mut self, key: (Symbol, Reach), signature: SigRef, colocated: bool) -> FuncRef {
        let name = self.s.names.name(self.cur.func, key.0, key.1);
        let f = self.cur.func.import_function(ExtFuncData {
            name,
            signature,
            colocated,
            patchable: false,
        });
        self.s.funcs.insert(key, f);
        f
    }

    fn sig(&mut self, sig: &Sig) -> SigRef {
        if let Some(&s) = self.s.sigs.get(sig) {
            return s;
        }
        let made = self.cur.func.import_signature(abi::signature(sig));
        self.s.sigs.insert(sig.clone(), made);
        made
    }
}
