//! Round trips of random artifacts, corrupted bytes, and the worked example of the format's documentation.

use crate::check::{check, compare};
use crate::dump::{Ids, dump};
use crate::encode::encode;
use crate::index::{ImageBuilder, ImageTables};
use crate::table::Header;
use isthmus_runtime_abi::artifact::{
    CallSite, Clause, ClauseKind, CompiledMethod, Frame, Handler, InlineNode, SourcePos, Tier,
    TrapSite,
};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::trap::TrapKind;

/// A xorshift generator: tests must give the same inputs every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n.max(1))) as u32
    }
    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
    fn slot(&mut self) -> Option<i32> {
        self.one_in(3).then(|| -(self.below(1 << 12) as i32) * 4)
    }
}

fn method_id(index: u32) -> MethodId {
    MethodId::from_index(index as usize)
}

fn random_method(r: &mut Random) -> CompiledMethod {
    let id = method_id(r.below(100_000));
    let symbol = match r.one_in(6) {
        true => Symbol::Filter(id, r.below(5)),
        false => Symbol::MethodBody(id),
    };
    let tier = [Tier::Baseline, Tier::Opt, Tier::Stub][r.below(3) as usize];
    let mut m = CompiledMethod::new(symbol, id, Arch::X64, tier);
    let scale = [60, 3_000, 100_000][r.below(3) as usize];
    let len = 1 + r.below(scale);
    m.code = vec![0xcc; len as usize];
    m.frame = Frame {
        size: r.below(5_000) * if r.one_in(4) { 1 } else { 8 },
        prologue_end: r.below(len.min(30)),
        stack_arg_bytes: r.below(4) * 16,
        this_slot: r.slot(),
        rgctx_slot: r.slot(),
        filter_area: r.slot(),
        ..Frame::default()
    };
    if tier == Tier::Stub && r.one_in(2) {
        m.inline_tree.clear();
    }
    let mut offset = -8;
    for reg in [3, 12, 13, 14] {
        if r.one_in(2) {
            m.frame.saved.push((Reg::Int(reg), offset));
            offset -= if r.one_in(9) { 16 } else { 8 };
        }
    }
    let inlined = r.below(8) * m.inline_tree.len() as u32;
    for i in 1..=inlined {
        m.inline_tree.push(InlineNode {
            method: method_id(r.below(1 << 20)),
            parent: Some((r.below(i), r.below(500))),
        });
    }
    let nodes = m.inline_tree.len().max(1) as u32;
    for _ in 0..r.below(7) {
        let kind = match r.below(6) {
            0 => ClauseKind::Catch(TypeId::from_index(r.below(70_000) as usize)),
            1 => ClauseKind::CatchLookup(r.below(40)),
            2 => ClauseKind::CatchAll,
            3 => ClauseKind::Filter(r.below(4)),
            4 => ClauseKind::Finally,
            _ => ClauseKind::Fault,
        };
        m.clauses.push(Clause {
            kind,
            node: r.below(nodes),
        });
    }
    for _ in 0..1 + r.below(50) {
        m.positions.push(SourcePos {
            node: if r.one_in(3) { r.below(nodes) } else { 0 },
            il: r.below(3_000),
        });
    }
    let handlers = |r: &mut Random, m: &CompiledMethod| {
        (0..r.below(m.clauses.len() as u32 + 1))
            .map(|clause| Handler {
                clause,
                landing: (clause + 1) * 7 % len,
            })
            .rev()
            .collect()
    };
    let mut ret = 0;
    while !r.one_in(40) {
        ret += 1 + r.below(60);
        if ret > len {
            break;
        }
        let (pos, handlers) = (r.below(m.positions.len() as u32), handlers(r, &m));
        m.call_sites.push(CallSite { ret, pos, handlers });
    }
    let mut offset = 0;
    while !r.one_in(40) {
        offset += r.below(40);
        if offset >= len {
            break;
        }
        let kind = TrapKind::ALL[r.below(TrapKind::ALL.len() as u32) as usize];
        let twice = m.traps.iter().any(|t| t.offset == offset && t.kind == kind);
        if !twice {
            let (pos, handlers) = (r.below(m.positions.len() as u32), handlers(r, &m));
            m.traps.push(TrapSite {
                offset,
                kind,
                pos,
                handlers,
            });
        }
    }
    m
}

#[test]
fn random_artifacts_round_trip() {
    let mut r = Random(0x1234_5678_9abc_def1);
    for _ in 0..1_500 {
        let m = random_method(&mut r);
        let bytes = encode(&m, &[]).unwrap();
        compare(&bytes, &m).unwrap();
        let summary = check(&bytes, Arch::X64).unwrap();
        assert_eq!(summary.calls, m.call_sites.len());
        // Places between sites have none.
        let header = Header::parse(&bytes, Arch::X64).unwrap();
        let table = header.table(&bytes);
        for _ in 0..20 {
            let probe = r.below(header.code_len + 5);
            let expected = m.call_sites.iter().any(|s| s.ret == probe);
            assert_eq!(table.call_site(probe).unwrap().is_some(), expected);
        }
    }
}

#[test]
fn corrupted_bytes_give_errors_or_nonsense_but_no_panic() {
    let mut r = Random(77);
    let mut rejected = 0;
    for _ in 0..4_000 {
        let m = random_method(&mut r);
        let mut bytes = encode(&m, &[]).unwrap();
        for _ in 0..1 + r.below(4) {
            let at = r.below(bytes.len() as u32) as usize;
            match r.below(3) {
                0 => bytes[at] ^= 1 << r.below(8),
                1 => bytes[at] = r.next() as u8,
                _ => bytes.truncate(at.max(1)),
            }
        }
        rejected += u32::from(check(&bytes, Arch::X64).is_err());
        let _ = compare(&bytes, &m);
        let _ = dump(&bytes, Arch::X64, &Ids);
    }
    assert!(rejected > 2_000, "only {rejected} of 4000 were rejected");
}

#[test]
fn checked_tables_never_fail_later() {
    let mut r = Random(99);
    let mut passed = 0;
    while passed < 300 {
        let mut bytes = encode(&random_method(&mut r), &[]).unwrap();
        let at = r.below(bytes.len() as u32) as usize;
        bytes[at] ^= 1 << r.below(8);
        if check(&bytes, Arch::X64).is_err() {
            continue;
        }
        passed += 1;
        let header = Header::parse(&bytes, Arch::X64).unwrap();
        let table = header.table(&bytes);
        for site in table.call_sites().chain(table.traps()) {
            let site = site.unwrap();
            for handler in table.handlers(site.handlers) {
                table.clause(handler.unwrap().clause).unwrap();
            }
            table
                .inline_chain(site.pos)
                .for_each(|f| assert!(f.is_ok()));
        }
    }
}

#[test]
fn contradictions_are_refused() {
    let new = || {
        let id = method_id(1);
        let mut m = CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Opt);
        m.code = vec![0x90; 16];
        m
    };
    let site = |ret, handlers: &[Handler]| CallSite {
        ret,
        pos: 0,
        handlers: handlers.iter().copied().collect(),
    };
    let mut m = new();
    m.call_sites = vec![site(9, &[]), site(5, &[])];
    assert!(encode(&m, &[]).is_err(), "order");
    let mut m = new();
    m.call_sites = vec![site(17, &[])];
    assert!(encode(&m, &[]).is_err(), "past the code");
    let handler = Handler {
        clause: 0,
        landing: 4,
    };
    let mut m = new();
    m.call_sites = vec![site(8, &[handler])];
    assert!(encode(&m, &[]).is_err(), "no such clause");
    let mut m = new();
    m.positions = vec![SourcePos { node: 3, il: 0 }];
    m.call_sites = vec![site(8, &[])];
    assert!(encode(&m, &[]).is_err(), "no such node");
}

#[test]
fn inlined_positions_expand_to_their_callers() {
    let mut m = example();
    m.inline_tree.push(InlineNode {
        method: method_id(8),
        parent: Some((0, 0x11)),
    });
    m.inline_tree.push(InlineNode {
        method: method_id(9),
        parent: Some((1, 0x22)),
    });
    m.positions[0] = SourcePos { node: 2, il: 0x33 };
    let bytes = encode(&m, &[]).unwrap();
    let header = Header::parse(&bytes, Arch::X64).unwrap();
    let table = header.table(&bytes);
    let site = table.call_site(0x14).unwrap().unwrap();
    let chain: Vec<_> = table.inline_chain(site.pos).map(|f| f.unwrap()).collect();
    assert_eq!(
        chain,
        [
            (method_id(9), 0x33),
            (method_id(8), 0x22),
            (method_id(4), 0x11)
        ]
    );
}

#[test]
fn inlined_methods_without_sites_leave_no_trace() {
    let mut m = example();
    for i in 0..20 {
        m.inline_tree.push(InlineNode {
            method: method_id(100 + i),
            parent: Some((if i == 11 { 10 } else { 0 }, i)),
        });
    }
    m.positions[1] = SourcePos { node: 12, il: 3 };
    let bytes = encode(&m, &[]).unwrap();
    compare(&bytes, &m).unwrap();
    let header = Header::parse(&bytes, Arch::X64).unwrap();
    // The node, the one around it, the root.
    assert_eq!(header.node_count(), 3);
}

#[test]
fn nested_handlers_are_shared_and_large_methods_stay_small_and_fast() {
    // 300 nested clauses around 20,000 calls: quadratic anything would show.
    let mut m = example();
    m.code = vec![0x90; 400_000];
    let handlers: Vec<Handler> = (0..300)
        .map(|clause| Handler {
            clause,
            landing: 300_000 + clause * 8,
        })
        .collect();
    m.clauses = vec![
        Clause {
            kind: ClauseKind::Finally,
            node: 0
        };
        300
    ];
    m.traps.clear();
    m.positions = (0..20_000)
        .map(|i| SourcePos { node: 0, il: i * 5 })
        .collect();
    m.call_sites = (0..20_000)
        .map(|i| CallSite {
            ret: 10 + i * 12,
            pos: i,
            handlers: handlers[(i / 67) as usize..].iter().copied().collect(),
        })
        .collect();
    let bytes = encode(&m, &[]).unwrap();
    assert!(bytes.len() < 20_000 * 4, "{} bytes", bytes.len());
    check(&bytes, Arch::X64).unwrap();
}

#[test]
fn images_are_searched_in_two_steps() {
    let mut r = Random(5);
    let mut builder = ImageBuilder::new(Arch::X64);
    let mut starts = vec![];
    let mut start = 0x40;
    for _ in 0..333 {
        let m = random_method(&mut r);
        builder.add(start, &encode(&m, &[]).unwrap()).unwrap();
        starts.push((start, m));
        start += starts.last().unwrap().1.code.len() as u32 + r.below(64);
    }
    assert!(builder.add(0x40, &[0]).is_err());
    let image = builder.finish();
    let tables = ImageTables::parse(&image).unwrap();
    assert_eq!((tables.len(), tables.arch()), (333, Arch::X64));
    assert_eq!(tables.iter().count(), 333);
    assert!(tables.find(0x3f).unwrap().is_none());
    for (i, (start, m)) in starts.iter().enumerate() {
        let end = start + m.code.len() as u32;
        for pc in [*start, end - 1] {
            let (entry, _) = tables.find(pc).unwrap().unwrap();
            assert_eq!(entry.start, *start);
            compare(entry.table, m).unwrap();
        }
        let next = starts.get(i + 1).map_or(u32::MAX, |n| n.0);
        if end < next {
            assert!(tables.find(end).unwrap().is_none());
        }
    }
    // Corruption.
    for _ in 0..3_000 {
        let mut bad = image.clone();
        let range = if r.one_in(2) { 200 } else { bad.len() as u32 };
        let at = r.below(range);
        bad[at as usize] = r.next() as u8;
        bad.truncate(bad.len() - r.below(3) as usize);
        if let Ok(tables) = ImageTables::parse(&bad) {
            let _ = tables.find(r.below(start));
            tables.iter().for_each(drop);
        }
    }
}

/// The artifact of the worked example.
fn example() -> CompiledMethod {
    let id = method_id(4);
    let mut m = CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Opt);
    m.code = vec![0x90; 0x40];
    m.frame.size = 32;
    m.frame.prologue_end = 8;
    m.frame.saved = [(Reg::Int(3), -8)].into_iter().collect();
    m.clauses = vec![Clause {
        kind: ClauseKind::Catch(TypeId::from_index(6)),
        node: 0,
    }];
    m.positions = [2, 7, 12].map(|il| SourcePos { node: 0, il }).to_vec();
    let handler = Handler {
        clause: 0,
        landing: 0x30,
    };
    m.call_sites = vec![
        CallSite {
            ret: 0x14,
            pos: 0,
            handlers: [handler].into_iter().collect(),
        },
        CallSite {
            ret: 0x2c,
            pos: 2,
            handlers: Default::default(),
        },
    ];
    m.traps = vec![TrapSite {
        offset: 0x1a,
        kind: TrapKind::NullReference,
        pos: 1,
        handlers: Default::default(),
    }];
    m
}

/// The bytes of the documentation are those that the encoder makes, and its dump is what `dump` prints.
#[test]
fn documented_example_is_true() {
    let bytes = encode(&example(), &[]).unwrap();
    let text = dump(&bytes, Arch::X64, &Ids);
    let doc = include_str!("../../docs/EH-TABLES.md");
    let block = |name: &str| {
        let start = doc
            .find(name)
            .unwrap_or_else(|| panic!("no block {name}: {bytes:02x?}\n{text}"));
        doc[start + name.len()..].split("```").next().unwrap()
    };
    let documented: Vec<u8> = block("```text bytes\n")
        .lines()
        .flat_map(|line| {
            let hex = line.split(" |").next().unwrap();
            hex.split_whitespace()
                .map(|b| u8::from_str_radix(b, 16).unwrap())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(documented, bytes, "{bytes:02x?}");
    assert_eq!(block("```text dump\n"), text);
}

#[test]
fn a_call_site_takes_about_two_bytes() {
    let mut m = example();
    m.code = vec![0x90; 4_000];
    m.traps.clear();
    m.positions = (0..100).map(|i| SourcePos { node: 0, il: i * 6 }).collect();
    m.call_sites = (0..100)
        .map(|i| CallSite {
            ret: 20 + i * 31,
            pos: i,
            handlers: Default::default(),
        })
        .collect();
    let bytes = encode(&m, &[]).unwrap().len();
    println!("{bytes} bytes for 100 call sites");
    assert!(bytes <= 260);
}
