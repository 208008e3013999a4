//! The entry of a function.
//!
//! ```text
//!   parameters                       the entry block's
//!   hidden arguments                 read before anything that could overwrite their slots
//!   entry check                      cmp rsp, [thread + StackLimit]; jbe cold     cold: call EntryCheck (keeps all registers)
//!   body
//! ```

use super::{Lower, regions::Class};
use crate::abi;
use crate::names::Reach;
use crate::unsupported::Unsupported;
use cranelift_codegen::cursor::Cursor;
use cranelift_codegen::ir::{
    self as cl, ExtFuncData, InstBuilder, Signature, SourceLoc, condcodes::IntCC, types,
};
use cranelift_codegen::isa::CallConv;
use isthmus_runtime_abi::callconv::MAX_STACK_BYTES;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_ssa::ir::{Block, Op};

/// Frames of leaf methods up to this size need no check: less than what the runtime keeps free below the limit.
const UNCHECKED_FRAME: u32 = 4096;

impl Lower<'_, '_> {
    /// Starts the entry block. What follows the hidden arguments comes with [`Self::hidden_arguments`].
    pub(super) fn entry(&mut self) -> Result<(), Unsupported> {
        let entry = self.clif_block(self.ssa.entry());
        self.cur.insert_block(entry);
        let bytes = abi::stack_bytes(self.arch, &self.ssa.sig.params);
        if bytes > MAX_STACK_BYTES {
            return Err(Unsupported::StackArguments { bytes, il: 0 });
        }
        self.built.stack_arg_bytes = bytes;
        Ok(())
    }

    /// Translates the reads of hidden arguments that begin the entry block, then what the entry does by itself. Gives the
    /// number of instructions done.
    pub(super) fn hidden_arguments(&mut self, block: Block) -> usize {
        let ssa = self.ssa;
        let mut count = 0;
        for (inst, data) in ssa.block_insts(block) {
            if data.op != Op::CtxLoad {
                break;
            }
            self.ctx_load(inst, data);
            count += 1;
        }
        self.cur.set_srcloc(SourceLoc::new(0));
        let frame: u32 = ssa.slots.iter().map(|s| s.size).sum();
        if self.s.scan.calls_or_loops || frame > UNCHECKED_FRAME {
            self.entry_check();
        }
        count
    }

    fn entry_check(&mut self) {
        // In this order the load can become an operand of the comparison.
        let sp = self.ins().get_stack_pointer(types::I64);
        let limit = self.ctx_word(CtxWord::StackLimit);
        let low = self.ins().icmp(IntCC::UnsignedLessThanOrEqual, sp, limit);
        let check = self.cold_block();
        let body = self.new_block();
        self.ins().brif(low, check, &[], body, &[]);

        self.cur.insert_block(check);
        let signature = self
            .cur
            .func
            .import_signature(Signature::new(CallConv::PreserveAll));
        let name = self.s.names.name(
            self.cur.func,
            Symbol::Helper(Helper::EntryCheck),
            Reach::Symbol,
        );
        let callee = self.cur.func.import_function(ExtFuncData {
            name,
            signature,
            colocated: true,
            patchable: false,
        });
        self.built.helper_calls += 1;
        self.ins().call(callee, &[]);
        self.ins().jump(body, &[]);

        self.cur.insert_block(body);
    }

    /// Address in a stack slot.
    pub(super) fn ins_stack_addr(&mut self, slot: cl::StackSlot, offset: i32) -> cl::Value {
        self.ins().stack_addr(types::I64, slot, offset)
    }

    /// Reads a word of the thread context.
    pub(super) fn ctx_word(&mut self, word: CtxWord) -> cl::Value {
        let flags = self.flags(Class::Context, 0);
        let ctx = self.ins().get_pinned_reg(types::I64);
        self.ins()
            .load(types::I64, flags, ctx, word.offset(8) as i32)
    }

    /// Writes a word of the thread context.
    pub(super) fn set_ctx_word(&mut self, word: CtxWord, value: cl::Value) {
        let flags = self.flags(Class::Context, 0);
        let ctx = self.ins().get_pinned_reg(types::I64);
        self.ins().store(flags, value, ctx, word.offset(8) as i32);
    }
}
