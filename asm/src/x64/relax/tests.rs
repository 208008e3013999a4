//! What becomes of a few instructions.

use super::*;
use isthmus_runtime_abi::artifact::{CallSite, Handlers, Tier, TrapSite};
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::symbol::{Reloc, RelocKind, Symbol};
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;

fn method(code: &[u8]) -> CompiledMethod {
    let symbol = Symbol::MethodBody(MethodId::from_index(0));
    let mut m = CompiledMethod::new(symbol, MethodId::from_index(0), Arch::X64, Tier::Opt);
    m.code = code.to_vec();
    m.align = 16;
    m
}

fn reloc(offset: u32, kind: RelocKind) -> Reloc {
    Reloc {
        offset,
        kind,
        symbol: Symbol::MethodBody(MethodId::from_index(1)),
        addend: -4,
    }
}

fn call_site(ret: u32) -> CallSite {
    CallSite {
        ret,
        pos: 0,
        handlers: Handlers::new(),
    }
}

#[test]
fn jumps_shrink_and_what_lies_behind_them_moves() {
    #[rustfmt::skip]
    let mut m = method(&[
        0x85, 0xff,                                     // 0: test edi, edi
        0x0f, 0x84, 0x12, 0, 0, 0,                      // 2: je 1a
        0xe8, 0, 0, 0, 0,                               // 8: call
        0x48, 0x81, 0xc0, 5, 0, 0, 0,                   // d: add rax, 5
        0xf2, 0x0f, 0x10, 0x05, 0x04, 0, 0, 0,          // 14: movsd xmm0, [rip+4] (20)
        0xc3, 0, 0, 0,                                  // 1c: ret
        1, 2, 3, 4, 5, 6, 7, 8,                         // 20
    ]);
    m.code[4] = 0x14; // je 1c
    m.relocs = vec![reloc(9, RelocKind::X64Call32)];
    m.call_sites = vec![call_site(0xd)];
    assert!(run(&mut m, &[0, 8, 0x1c], &|_| None));
    #[rustfmt::skip]
    let expected = [
        0x85, 0xff,                                     // 0
        0x74, 0x11,                                     // 2: je 15
        0xe8, 0, 0, 0, 0,                               // 4
        0x48, 0x83, 0xc0, 5,                            // 9
        0xf2, 0x0f, 0x10, 0x05, 0x0b, 0, 0, 0,          // d: movsd xmm0, [rip+b] (20)
        0xc3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,             // 15
        1, 2, 3, 4, 5, 6, 7, 8,                         // 20
    ];
    assert_eq!(m.code, expected);
    assert_eq!((m.relocs[0].offset, m.call_sites[0].ret), (5, 9));
}

#[test]
fn jump_tables_follow_their_blocks() {
    #[rustfmt::skip]
    let mut m = method(&[
        0x48, 0x8d, 0x05, 0x09, 0, 0, 0,                // 0: lea rax, [rip+9] (10)
        0x48, 0x63, 0x0c, 0xb8,                         // 7: movsxd rcx, [rax+rdi*4]
        0x48, 0x03, 0xc1,                               // b: add rax, rcx
        0xff, 0xe0,                                     // e: jmp rax
        0x08, 0, 0, 0, 0x0d, 0, 0, 0,                   // 10: 18, 1d
        0xe9, 0x01, 0, 0, 0,                            // 18: jmp 1e
        0x90,                                           // 1d: nop
        0xc3,                                           // 1e: ret
    ]);
    assert!(run(&mut m, &[0, 0x18, 0x1d, 0x1e], &|_| None));
    assert_eq!(m.code[0x10..0x18], [8, 0, 0, 0, 0x0a, 0, 0, 0]);
    assert_eq!(m.code[0x18..], [0xeb, 0x01, 0x90, 0xc3]);
}

#[test]
fn uses_of_the_thread_register_need_no_copy() {
    #[rustfmt::skip]
    let mut m = method(&[
        0x4d, 0x8b, 0xc7,                               // mov r8, r15
        0x4d, 0x8b, 0x40, 0x10,                         // mov r8, [r8+10]
        0x4c, 0x8b, 0xcc,                               // mov r9, rsp
        0x4d, 0x39, 0xc1,                               // cmp r9, r8
        0x0f, 0x86, 0x0a, 0, 0, 0,                      // jbe (1d)
        0x49, 0x8b, 0xd7,                               // mov rdx, r15
        0x48, 0x8b, 0x52, 0x18,                         // mov rdx, [rdx+18]
        0x8b, 0x12,                                     // mov edx, [rdx]
        0xc3,                                           // ret
        0xc3,                                           // 1d: ret
    ]);
    assert!(run(&mut m, &[0, 0x13, 0x1d], &|_| None));
    #[rustfmt::skip]
    let expected = [
        0x49, 0x3b, 0x67, 0x10,                         // cmp rsp, [r15+10]
        0x76, 0x07,                                     // jbe
        0x49, 0x8b, 0x57, 0x18,                         // mov rdx, [r15+18]
        0x8b, 0x12, 0xc3, 0xc3,
    ];
    assert_eq!(m.code, expected);
}

#[test]
fn calls_load_what_they_go_through() {
    #[rustfmt::skip]
    let mut m = method(&[
        0x48, 0x8b, 0x05, 0, 0, 0, 0,                   // 0: mov rax, [word]
        0xff, 0xd0,                                     // 7: call rax
        0x48, 0x8b, 0x1d, 0, 0, 0, 0,                   // 9: mov rbx, [word]
        0xff, 0xd3,                                     // 10: call rbx, which keeps it
        0xc3,
    ]);
    m.relocs = [3, 12]
        .map(|offset| reloc(offset, RelocKind::X64GotPcRel32))
        .into();
    m.call_sites = [9, 0x12].map(call_site).into();
    assert!(run(&mut m, &[0], &|_| None));
    assert_eq!(m.code[..6], [0xff, 0x15, 0, 0, 0, 0]);
    assert_eq!(
        m.relocs.iter().map(|r| r.offset).collect::<Vec<_>>(),
        [2, 9]
    );
    assert_eq!(
        m.call_sites.iter().map(|s| s.ret).collect::<Vec<_>>(),
        [6, 15]
    );
}

#[test]
fn methods_call_themselves_directly() {
    #[rustfmt::skip]
    let mut m = method(&[
        0x90,
        0x4c, 0x8b, 0x05, 0, 0, 0, 0,                       // mov r8, [cell]
        0x41, 0xff, 0xd0,                                   // call r8
        0xc3,
    ]);
    m.relocs = vec![Reloc {
        symbol: Symbol::MethodCell(MethodId::from_index(0)),
        ..reloc(4, RelocKind::X64PcRel32)
    }];
    m.call_sites = vec![call_site(11)];
    assert!(run(&mut m, &[0], &|_| None));
    assert_eq!(m.code, [0x90, 0xe8, 0xfa, 0xff, 0xff, 0xff, 0xc3]);
    assert_eq!((m.relocs.len(), m.call_sites[0].ret), (0, 6));
}

#[test]
fn loops_go_round_by_one_branch() {
    #[rustfmt::skip]
    let mut m = method(&[
        0xff, 0xcf,                                     // 0: dec edi
        0x0f, 0x8e, 0x06, 0, 0, 0,                      // 2: jle e
        0xe9, 0xf3, 0xff, 0xff, 0xff,                   // 8: jmp 0
        0x90,                                           // d: nop
        0xc3,                                           // e: ret
    ]);
    assert!(run(&mut m, &[0, 0xd, 0xe], &|_| None));
    assert_eq!(m.code, [0xff, 0xcf, 0x7f, 0xfc, 0xeb, 0x01, 0x90, 0xc3]);
}

#[test]
fn loops_lie_in_as_few_lines_as_they_can() {
    assert_eq!(padding(0x3e, 30), 2);
    assert_eq!(padding(0x30, 30), 16);
    assert_eq!(padding(0x20, 30), 0);
    assert_eq!(padding(0x05, 60), 0, "too far from the next line");
    assert_eq!(padding(0x1c, 64), 36);
    assert_eq!(padding(0x3e, 0), 0, "no loop");
}

#[test]
fn cold_code_that_jumps_back_is_no_loop() {
    #[rustfmt::skip]
    let m = method(&[
        0x31, 0xc0,                                     //  0: xor eax, eax
        0xff, 0xcf,                                     //  2: dec edi
        0x0f, 0x84, 0x0b, 0, 0, 0,                      //  4: je 15
        0x01, 0xf8,                                     //  a: add eax, edi
        0x85, 0xff,                                     //  c: test edi, edi
        0x0f, 0x8f, 0xee, 0xff, 0xff, 0xff,             //  e: jg 2
        0xc3,                                           // 14: ret
        0x90,                                           // 15: nop
        0xe9, 0xef, 0xff, 0xff, 0xff,                   // 16: jmp a
    ]);
    let mut layout = Layout::of(&m, &[0, 2, 0xa, 0x14, 0x15]).unwrap();
    layout.find_loops();
    let loops = layout.pieces.iter().filter(|p| p.loop_end > 0);
    let loops: Vec<(u32, u32)> = loops
        .map(|p| (p.old, layout.pieces[p.loop_end as usize].old))
        .collect();
    assert_eq!(loops, [(2, 0xe)]);
}

#[test]
fn code_that_is_not_understood_stays() {
    // A jump into an instruction.
    let code = [0xe9, 0xfe, 0xff, 0xff, 0xff, 0xc3];
    let mut m = method(&code);
    assert!(!run(&mut m, &[0], &|_| None));
    assert_eq!(m.code, code);
}

#[test]
fn interface_calls_do_without_the_stub() {
    #[rustfmt::skip]
    let mut m = method(&[
        0x90,                                           // 0: nop
        0xe8, 0, 0, 0, 0,                               // 1: call stub
        0xc3,                                           // 6: ret
    ]);
    let callee = MethodId::from_index(7);
    m.relocs = vec![reloc(2, RelocKind::X64Call32)];
    m.relocs[0].symbol = Symbol::InterfaceStub(callee);
    m.call_sites = vec![call_site(6)];
    let slot = InterfaceSlot { key: 8, slot: 1 };
    assert!(run(&mut m, &[0], &|m| (m == callee).then_some(slot)));
    let [a, b, c, d] = layout::imt_slot(1, 8).to_le_bytes();
    #[rustfmt::skip]
    let expected = [
        0x90,                                           // 0
        0x41, 0xba, 8, 0, 0, 0,                         // 1: mov r10d, 8
        0x8b, 0x07,                                     // 7: mov eax, [rdi]
        0xff, 0x90, a, b, c, d,                         // 9: call [rax+slot]
        0xc3,                                           // f
    ];
    assert_eq!(m.code, expected);
    assert!(m.relocs.is_empty());
    assert_eq!(m.call_sites[0].ret, 0xf);
    let trap = (m.traps[0].offset, m.traps[0].kind);
    assert_eq!(trap, (7, TrapKind::NullReference));
}

#[test]
fn cases_go_on_to_the_next_case() {
    #[rustfmt::skip]
    let mut m = method(&[
        0x48, 0x8d, 0x05, 0x09, 0, 0, 0,                // 0: lea rax, [rip+9] (10)
        0x48, 0x63, 0x0c, 0xb8,                         // 7: movsxd rcx, [rax+rdi*4]
        0x48, 0x03, 0xc1,                               // b: add rax, rcx
        0xff, 0xe0,                                     // e: jmp rax
        0x08, 0, 0, 0, 0x0f, 0, 0, 0,                   // 10: 18, 1f
        0xff, 0xc7,                                     // 18: inc edi
        0xe9, 0x01, 0, 0, 0,                            // 1a: jmp 20
        0xc3,                                           // 1f: ret
        0x8b, 0x16,                                     // 20: mov edx, [rsi]
        0xe9, 0xd9, 0xff, 0xff, 0xff,                   // 22: jmp 0
    ]);
    let trap = TrapSite {
        offset: 0x20,
        kind: TrapKind::Poll,
        pos: 3,
        handlers: Handlers::new(),
    };
    m.traps.push(trap.clone());
    assert!(run(&mut m, &[0, 0x18, 0x1f, 0x20], &|_| None));
    #[rustfmt::skip]
    let expected = [
        0xff, 0xc7,                                     // 18: inc edi
        0x8b, 0x16,                                     // 1a: mov edx, [rsi]
        0x48, 0x8d, 0x05, 0xed, 0xff, 0xff, 0xff,       // 1c: lea rax, [rip-13] (10)
        0x48, 0x63, 0x0c, 0xb8,
        0x48, 0x03, 0xc1,
        0xff, 0xe0,
        0xc3,                                           // 2c: ret
        0x8b, 0x16,                                     // 2d: mov edx, [rsi]
        0x48, 0x8d, 0x05, 0xda, 0xff, 0xff, 0xff,       // 2f: lea rax, [rip-26] (10)
        0x48, 0x63, 0x0c, 0xb8,
        0x48, 0x03, 0xc1,
        0xff, 0xe0,
    ];
    assert_eq!(m.code[0x18..], expected);
    assert_eq!(m.code[0x10..0x18], [8, 0, 0, 0, 0x1c, 0, 0, 0]);
    let offsets: Vec<u32> = m.traps.iter().map(|t| t.offset).collect();
    assert_eq!(offsets, [0x1a, 0x2d]);
    assert!(m.traps.iter().all(|t| t.kind == trap.kind && t.pos == 3));
}
