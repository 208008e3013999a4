//! Records of an artifact: frame, call sites with handlers, traps, relocations, positions.

mod common;

use common::*;
use isthmus_lower::{Options, Unsupported, compile};
use isthmus_runtime_abi::artifact::{ClauseKind, CompiledMethod, Handler};
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::symbol::{RelocKind, Symbol};
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_ssa::ir::*;

fn x64(b: B) -> CompiledMethod {
    compile(&Vm, &b.unit(), Arch::X64, &Options::default()).unwrap()
}

#[test]
fn handlers_are_listed_innermost_first_with_their_landing_pads() {
    // try { try { call m1(p0) } finally {...} } catch (type3) { return p0 + 1 }
    let mut b = B::new(&[Ty::I32], &[Ty::I32]);
    b.f.clauses = vec![(Clause::Catch(ty(3)), 0), (Clause::Finally, 0)];
    let p = b.params[0];
    let (finally, token) = b.block(&[Ty::Ptr, Ty::Ptr]);
    let (catch, caught) = b.block(&[Ty::Ref, Ty::Ptr, Ty::I32]);
    let call = b.call(CallTarget::Method(method(1)), &[p], &[Ty::I32]);
    let v = b.result(call);
    b.invoke(call, &[(1, finally, &[]), (0, catch, &[p])]);
    b.ret(&[v]);
    b.at = finally;
    let resume = b.inst(Op::Throw, Ty::I32, &token[..1], Imm::Helper(Helper::Resume));
    let edge = b.f.edge(catch, &[p]);
    b.f.set_edges(
        resume,
        &[Edge {
            clause: Some(0),
            ..edge
        }],
    );
    b.at = catch;
    let clause = b.plain(Op::Trunc, Ty::I32, &caught[1..2]);
    let sum = b.plain(Op::Add, Ty::I32, &[clause, caught[2]]);
    b.ret(&[sum]);
    let call_pos = b.f.pos(call);

    for arch in [Arch::X64, Arch::A64] {
        let m = compile(&Vm, &b_unit(&b), arch, &Options::default()).unwrap();
        assert_eq!(m.clauses[0].kind, ClauseKind::Catch(ty(3)));
        assert_eq!(m.clauses[1].kind, ClauseKind::Finally);
        let clauses =
            |n: usize| -> Vec<u32> { m.call_sites[n].handlers.iter().map(|h| h.clause).collect() };
        // The call, the resume, and the entry check, whose block is cold and last.
        let mut all: Vec<Vec<u32>> = (0..m.call_sites.len()).map(clauses).collect();
        let site = m.call_sites.iter().find(|s| s.handlers.len() == 2).unwrap();
        assert_eq!(m.positions[site.pos as usize], call_pos);
        all.sort();
        assert_eq!(all, [vec![], vec![0], vec![1, 0]]);
        let pads: Vec<u32> = m
            .call_sites
            .iter()
            .flat_map(|s| s.handlers.iter())
            .map(|h: &Handler| h.landing)
            .collect();
        assert!(pads.iter().all(|&p| p > 0 && p < m.code.len() as u32));
    }
}

fn b_unit(b: &B) -> Unit {
    Unit {
        func: b.f.clone(),
        filters: Vec::new(),
    }
}

#[test]
fn traps_name_their_kind_and_position() {
    let mut b = B::new(&[Ty::Ref, Ty::I32, Ty::I32], &[Ty::I32]);
    let p = b.params.clone();
    let access = Access::new(Mem::I32, 8, Region::Length).with(AccessFlags::NULL);
    let length = b.load(access, &p[..1]);
    let out = b.cmp(Cmp::GeUn, Ty::I32, p[1], length);
    b.inst(
        Op::TrapIf,
        Ty::I32,
        &[out],
        Imm::Trap(TrapKind::IndexOutOfRange),
    );
    let q = b.plain(Op::SDiv, Ty::I32, &[p[1], p[2]]);
    let u = b.plain(Op::UDiv, Ty::I32, &[q, p[1]]);
    b.inst(Op::Poll, Ty::I32, &[], Imm::None);
    b.inst(Op::Poll, Ty::I32, &[], Imm::None);
    b.ret(&[u]);
    let m = x64(b);
    let mut kinds: Vec<_> = m
        .traps
        .iter()
        .map(|t| (m.positions[t.pos as usize].il, t.kind))
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            (1, TrapKind::NullReference),
            (3, TrapKind::IndexOutOfRange),
            (4, TrapKind::DivideByZero),
            (4, TrapKind::Overflow),
            (5, TrapKind::DivideByZero),
            // Polls are never merged.
            (6, TrapKind::Poll),
            (7, TrapKind::Poll),
        ]
    );
    assert!(m.traps.is_sorted_by_key(|t| t.offset));
    assert!(m.traps.iter().all(|t| t.handlers.is_empty()));
}

#[test]
fn null_checks_beyond_the_trap_codes_keep_a_position() {
    let mut b = B::new(&[Ty::Ref], &[Ty::I32]);
    let mut sum = b.int(Ty::I32, 0);
    for n in 0..300 {
        let access = Access::new(Mem::I32, 8 + 4 * n, Region::Field).with(AccessFlags::NULL);
        let v = b.load(access, &b.params.clone());
        sum = b.plain(Op::Add, Ty::I32, &[sum, v]);
    }
    b.ret(&[sum]);
    let m = x64(b);
    assert_eq!(m.traps.len(), 300);
    assert!(
        m.traps
            .iter()
            .all(|t| t.kind == TrapKind::NullReference && t.pos != 0)
    );
    assert!(
        m.traps
            .iter()
            .take(219)
            .enumerate()
            .all(|(n, t)| t.pos == 2 + 2 * n as u32)
    );
}

#[test]
fn far_and_indexed_null_checks_touch_the_base() {
    let mut b = B::new(&[Ty::Ref, Ty::Ptr], &[Ty::I32]);
    let p = b.params.clone();
    let far = Access::new(Mem::I32, 5000, Region::Field).with(AccessFlags::NULL);
    let x = b.load(far, &p[..1]);
    let indexed = Access::new(Mem::U8, 16, Region::Element(Mem::U8)).with(AccessFlags::NULL);
    let y = b.load(indexed, &p);
    let sum = b.plain(Op::Add, Ty::I32, &[x, y]);
    b.ret(&[sum]);
    let m = x64(b);
    // One load of the type word serves both; the accesses themselves are no trap sites.
    assert_eq!(m.traps.len(), 1);
    assert_eq!(m.traps[0].kind, TrapKind::NullReference);
}

#[test]
fn frames_say_where_registers_and_slots_are() {
    let mut b = B::new(&[Ty::Ref, Ty::I64], &[Ty::I64]);
    let p = b.params.clone();
    let this = b.f.new_slot(8, 8);
    b.f.this_slot = Some(this);
    let address = b.op(Op::SlotAddr, Ty::Ptr, &[], Imm::Slot(this, 0));
    b.store(
        Access::new(Mem::Ref, 0, Region::Frame(this)),
        p[0],
        &[address],
    );
    b.call(CallTarget::Method(method(1)), &p[..1], &[]);
    b.ret(&p[1..]);
    let m = x64(b);
    let f = &m.frame;
    assert_eq!(f.size % 16, 0);
    let slot = f.this_slot.unwrap();
    assert!(slot < 0 && slot >= -(f.size as i32));
    // p[1] lives across the call in a callee-saved register, which the frame saves below FP.
    assert_eq!(f.saved.len(), 1);
    let (reg, offset) = f.saved[0];
    assert!(matches!(reg, Reg::Int(n) if Arch::X64.roles().callee_saved.contains(&n)));
    assert!(offset < 0 && offset >= -(f.size as i32) && offset != slot);
    // push rbp; mov rbp, rsp; sub rsp, n; mov [rsp + m], reg
    assert_eq!(&m.code[..4], [0x55, 0x48, 0x89, 0xe5]);
    assert!(f.prologue_end > 8 && m.call_sites.iter().all(|c| c.ret > f.prologue_end));
}

#[test]
fn leaf_methods_have_no_entry_check() {
    let leaf = |poll: bool| {
        let mut b = B::new(&[Ty::I32], &[Ty::I32]);
        if poll {
            b.inst(Op::Poll, Ty::I32, &[], Imm::None);
        }
        let p = b.params.clone();
        b.ret(&p);
        x64(b)
    };
    assert!(leaf(false).relocs.is_empty());
    let checked = leaf(true);
    assert_eq!(checked.relocs.len(), 1);
    assert_eq!(checked.relocs[0].symbol, Symbol::Helper(Helper::EntryCheck));
    assert_eq!(checked.relocs[0].kind, RelocKind::X64Call32);
    // push rbp; mov rbp, rsp
    assert_eq!(leaf(false).frame.prologue_end, 4);
}

#[test]
fn calls_relocate_against_cells_stubs_and_got_words() {
    let mut b = B::new(&[Ty::Ref, Ty::Ptr], &[]);
    let p = b.params.clone();
    b.call(CallTarget::Method(method(1)), &p[..1], &[]);
    let stub = Symbol::InterfaceStub(method(2));
    b.call(CallTarget::Symbol(stub), &p[..1], &[]);
    b.call(CallTarget::Indirect, &[p[1], p[0]], &[]);
    let size = b.int(Ty::I64, 300);
    b.call(
        CallTarget::Helper(Helper::MemMove),
        &[p[1], p[1], size],
        &[],
    );
    b.ret(&[]);
    let unit = b.unit();
    let kinds = |arch| -> Vec<(RelocKind, Symbol)> {
        let m = compile(&Vm, &unit, arch, &Options::default()).unwrap();
        assert!(m.relocs.is_sorted_by_key(|r| r.offset));
        let entry_check = Symbol::Helper(Helper::EntryCheck);
        m.relocs
            .iter()
            .map(|r| (r.kind, r.symbol))
            .filter(|&(_, s)| s != entry_check)
            .collect()
    };
    let (cell, copy) = (
        Symbol::MethodCell(method(1)),
        Symbol::Helper(Helper::MemMove),
    );
    assert_eq!(
        kinds(Arch::X64),
        [
            (RelocKind::X64PcRel32, cell),
            (RelocKind::X64Call32, stub),
            (RelocKind::X64GotPcRel32, copy),
        ]
    );
    assert_eq!(
        kinds(Arch::A64),
        [
            (RelocKind::A64AdrPrelPgHi21, cell),
            (RelocKind::A64Ld64AbsLo12, cell),
            (RelocKind::A64Call26, stub),
            (RelocKind::A64AdrGotPage21, copy),
            (RelocKind::A64LdGotLo12, copy),
        ]
    );
}

#[test]
fn filters_are_artifacts_of_their_own() {
    let mut b = B::new(&[], &[]);
    b.ret(&[]);
    let filter = |clause| {
        let mut filter = B::new(&[Ty::Ptr, Ty::Ref], &[Ty::I32]);
        filter.f.part = Part::Filter(clause);
        let one = filter.int(Ty::I32, 1);
        filter.ret(&[one]);
        filter.unit()
    };
    let outer = Unit {
        filters: vec![filter(3)],
        ..filter(5)
    };
    let unit = Unit {
        func: b.f,
        filters: vec![outer, filter(6)],
    };
    let m = compile(&Vm, &unit, Arch::X64, &Options::default()).unwrap();
    let symbols = |m: &CompiledMethod| m.filters.iter().map(|f| f.symbol).collect::<Vec<_>>();
    let of = |clause| Symbol::Filter(method(0), clause);
    assert_eq!(symbols(&m), [of(5), of(6)]);
    assert_eq!(symbols(&m.filters[0]), [of(3)]);
}

#[test]
fn what_cannot_be_done_is_declined_with_its_site() {
    let mut b = B::new(&[Ty::I32], &[Ty::I32]);
    let p = b.params[0];
    let args = vec![p; 9000];
    b.call(CallTarget::Method(method(1)), &args, &[]);
    b.ret(&[p]);
    let declined = compile(&Vm, &b.unit(), Arch::X64, &Options::default()).unwrap_err();
    assert_eq!(
        (declined.name(), declined.il()),
        ("StackArguments", Some(1))
    );

    let mut b = B::new(&[Ty::I32], &[Ty::I32]);
    let mut v = b.params[0];
    for _ in 0..50 {
        v = b.plain(Op::Add, Ty::I32, &[v, v]);
    }
    b.ret(&[v]);
    let options = Options {
        max_instructions: 50,
        ..Options::default()
    };
    assert_eq!(
        compile(&Vm, &b.unit(), Arch::X64, &options).unwrap_err(),
        Unsupported::TooLarge {
            instructions: 51,
            limit: 50
        }
    );
    let mut b = B::new(&[Ty::I32], &[Ty::I32]);
    let x = b.params[0];
    let (join, taken) = b.block(&[Ty::I32]);
    for _ in 0..20 {
        let (next, _) = b.block(&[]);
        b.branch(x, (join, &[x]), (next, &[]));
        b.at = next;
    }
    b.jump(join, &[x]);
    b.at = join;
    b.ret(&taken);
    let options = Options {
        max_join: 20,
        ..Options::default()
    };
    assert_eq!(
        compile(&Vm, &b.unit(), Arch::X64, &options).unwrap_err(),
        Unsupported::Limit("21 branches to one block".to_string())
    );
    let mut b = B::new(&[], &[]);
    b.ret(&[]);
    let error = compile(&Vm, &b.unit(), Arch::A32, &Options::default()).unwrap_err();
    assert_eq!(error, Unsupported::Arch(Arch::A32));
}
