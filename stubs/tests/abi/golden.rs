//! The stubs' code as text: `golden/x64-stubs.txt`. `ISTHMUS_BLESS=1` writes it anew.

use isthmus_asm::disasm::disassemble;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::{AbiSig, Layouts};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::types::{MemTy, Signature, StructLayout};
use isthmus_stubs::dispatch::{self, ImtTarget, UnboxContext};
use isthmus_stubs::{entry, exceptions, native};
use std::fmt::Write;
use std::sync::Arc;

struct Sixteen;

impl Layouts for Sixteen {
    fn struct_layout(&self, _: TypeId) -> Arc<StructLayout> {
        Arc::new(StructLayout {
            size: 32,
            align: 8,
            ..StructLayout::default()
        })
    }
}

fn print(out: &mut String, stub: &CompiledMethod) {
    writeln!(out, "{:?}", stub.symbol).unwrap();
    let end = |i: usize| stub.code.len().min(i);
    for l in disassemble(stub.arch, &stub.code[..end(usize::MAX)]) {
        write!(out, "{:6x}  {}", l.offset, l.text).unwrap();
        for r in &stub.relocs {
            if (l.offset..l.offset + l.len).contains(&r.offset) {
                write!(out, "    <{:?} {:?}>", r.kind, r.symbol).unwrap();
            }
        }
        out.push('\n');
    }
    for t in &stub.traps {
        writeln!(out, "        trap {:x} {}", t.offset, t.kind.name()).unwrap();
    }
    for s in &stub.call_sites {
        writeln!(
            out,
            "        return to {:x}, landing {:x}",
            s.ret, s.handlers[0].landing
        )
        .unwrap();
    }
    out.push('\n');
}

#[test]
fn stubs_are_what_the_golden_file_says() {
    let (x64, m) = (Arch::X64, MethodId::from_index(6));
    let params = [
        MemTy::Ref,
        MemTy::F64,
        MemTy::Struct(TypeId::from_index(0)),
        MemTy::I32,
        MemTy::I64,
    ];
    let sig = Signature {
        params: params.into_iter().collect(),
        ret: Some(MemTy::Struct(TypeId::from_index(0))),
        ..Signature::default()
    };
    let abi = AbiSig::new(&sig, x64, &Sixteen);
    let call = Symbol::Stub(Stub::NativeCall(1));
    let helper = |h| {
        let sig = native::helper_sig(h, x64);
        native::native_call(x64, Symbol::Helper(h), &sig, native::helper_target(h))
    };
    let keys: Vec<_> = (1..=6)
        .map(|i| (i * 0x1000_0000, ImtTarget::VtableSlot(i as u32)))
        .collect();
    let context = UnboxContext::Depth(2);
    use isthmus_runtime_abi::helpers::Helper;
    let stubs = [
        entry::invoke(x64),
        exceptions::throw_path(x64),
        exceptions::fault(x64),
        exceptions::stub_fault(x64),
        exceptions::entry_check(x64),
        dispatch::method_entry(x64, m),
        dispatch::prestub(x64, m),
        dispatch::counting_prestub(x64, m, 3),
        dispatch::slot_trampoline(x64, 3),
        dispatch::imt_slot_trampoline(x64, 4),
        dispatch::imt_trampoline(x64),
        dispatch::imt_thunk(x64, 1, 4, &keys),
        dispatch::interface_stub(x64, m, 0x77, 4),
        dispatch::virtual_call(x64, Symbol::MethodBody(m), 4),
        dispatch::unboxing(x64, m, context),
        dispatch::instantiation_entry(x64, m, Symbol::GenericContext(m), MethodId::from_index(8)),
        helper(Helper::AllocArray),
        helper(Helper::Throw),
        native::native_call(x64, call, &abi, Symbol::Native(1)),
    ];
    let mut found = String::new();
    stubs
        .into_iter()
        .for_each(|s| print(&mut found, &s.unwrap()));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/x64-stubs.txt");
    if std::env::var_os("ISTHMUS_BLESS").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(path).unwrap());
}

#[test]
fn other_architectures_are_an_error_until_they_have_stubs() {
    for arch in [Arch::A64, Arch::A32] {
        let error = isthmus_stubs::common(arch).unwrap_err().to_string();
        assert_eq!(error, format!("no stubs for {}", arch.name()));
    }
}
