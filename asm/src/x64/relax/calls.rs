//! Calls: through a word in memory, of the method itself, of interface methods.

use super::{Form, Layout};
use iced_x86::{Code, OpKind, Register};
use isthmus_runtime_abi::artifact::{CallSite, CompiledMethod, Handlers, TrapSite};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::vm::InterfaceSlot;

/// Bytes of a call through an IMT slot.
const INTERFACE_CALL: usize = 14;
/// Where in it the receiver's type word is loaded.
const INTERFACE_LOAD: u32 = 6;

/// `mov r10d, key; mov eax, [rdi]; call [rax+slot]`
pub(super) fn interface_call(slot: InterfaceSlot) -> [u8; INTERFACE_CALL] {
    const { assert!(layout::TYPE_WORD == 0) };
    let mut code = [0x41, 0xba, 0, 0, 0, 0, 0x8b, 0x07, 0xff, 0x90, 0, 0, 0, 0];
    code[2..6].copy_from_slice(&slot.key.to_le_bytes());
    code[10..].copy_from_slice(&layout::imt_slot(slot.slot, 8).to_le_bytes());
    code
}

impl Layout {
    /// `mov a, [word]; call a`: the call can load the word. Cranelift loads it for this call, which does not keep the register.
    /// A method that calls itself needs no word: there is no version that is better.
    pub(super) fn fuse_call(&mut self, n: usize, method: &CompiledMethod) {
        let (load, call) = (&self.instructions[n - 1], &self.instructions[n]);
        let a = load.op0_register();
        let kept = [Register::RBX, Register::R12, Register::R13, Register::R14];
        let loads = load.code() == Code::Mov_r64_rm64 && load.is_ip_rel_memory_operand();
        let calls = call.code() == Code::Call_rm64
            && call.op0_kind() == OpKind::Register
            && call.op0_register() == a;
        // Not a constant: those are no pieces of code that is relocated.
        let relocated = matches!(self.pieces[n - 1].form, Form::Copy);
        if loads && calls && relocated && !kept.contains(&a) && !self.targets[n] {
            let place = self.pieces[n - 1].old + 3;
            let reloc = method.relocs.binary_search_by_key(&place, |r| r.offset);
            let callee = reloc.map(|r| method.relocs[r].symbol);
            let itself = match (callee, method.symbol) {
                (Ok(Symbol::MethodCell(callee)), Symbol::MethodBody(own)) => callee == own,
                _ => false,
            };
            let p = &mut self.pieces[n - 1];
            (p.form, p.size) = match itself {
                true => (Form::CallSelf, 5),
                false => (Form::Call, 6),
            };
            self.drop(n);
        }
    }

    /// `call stub` becomes what the stub does: `mov r10d, key; mov eax, [rdi]; call [rax+slot]`.
    pub(super) fn call_interfaces(
        &mut self,
        method: &CompiledMethod,
        interface: &dyn Fn(MethodId) -> Option<InterfaceSlot>,
    ) {
        for reloc in &method.relocs {
            let Symbol::InterfaceStub(callee) = reloc.symbol else {
                continue;
            };
            let n = self.pieces.partition_point(|p| p.old <= reloc.offset) - 1;
            let calls = self.instructions[n].code() == Code::Call_rel32_64
                && matches!(self.pieces[n].form, Form::Copy);
            if calls && let Some(slot) = interface(callee) {
                let p = &mut self.pieces[n];
                p.form = Form::CallInterface(slot);
                p.size = INTERFACE_CALL as u32;
            }
        }
    }

    /// The loads of receivers' type words before calls through IMT slots may meet null. Where a handler is around, the receiver
    /// was tested before.
    pub(super) fn interface_traps(&self, sites: &[CallSite], traps: &mut Vec<TrapSite>) {
        for p in &self.pieces {
            if let Form::CallInterface(_) = p.form
                && let Ok(site) = sites.binary_search_by_key(&(p.new + p.size), |s| s.ret)
                && sites[site].handlers.is_empty()
            {
                traps.push(TrapSite {
                    offset: p.new + INTERFACE_LOAD,
                    kind: TrapKind::NullReference,
                    pos: sites[site].pos,
                    handlers: Handlers::new(),
                });
            }
        }
    }
}
