//! Text form, verifier, splitting.

use super::*;
use crate::arch::{KEEP, x64};
use isthmus_runtime_abi::target::Arch;

const TEXT: &str = r#"graph "a \"b\".o" x86-64
section 0 ".text" r-x plain ordinal 0
section 1 ".tdata" rw- thread-local ordinal 7 group "a group" attached discarded
section 2 ".rodata.str1.4" r-- plain ordinal 2 strings 4 attached
block 0 in 0 align 16+0 bytes 10 at 0x0
  hex e8000000 00488b05 0000
  edge 1 call32 1 -4
  edge 0 keep 3 0
block 1 in 1 align 8+4 zeros 16 at 0x1004
symbol 0 "main" block 0+0 size 10 strong default callable live
symbol 1 "puts" external size 0 weak default callable
symbol 2 "page" absolute 0x1000 size 0 strong hidden
symbol 3 anonymous block 1+8 size 4 strong local thread-local
symbol 4 "chosen" block 0+4 size 2 strong default callable indirect
"#;

#[test]
fn text_round_trips() {
    let graph = text::parse(TEXT).unwrap();
    assert_eq!(graph.to_string(), TEXT);
    assert_eq!(graph.find_symbol("puts"), Some(SymbolId(1)));
    let all = graph.to_string();
    assert_eq!(text::parse(&all).unwrap().to_string(), all);
}

#[test]
fn removed_parts_are_not_printed() {
    let mut graph = text::parse(TEXT).unwrap();
    graph.remove_symbol(SymbolId(2));
    let all = graph.to_string();
    assert!(
        all.contains("symbol 2 anonymous") && !all.contains("page"),
        "{all}"
    );
    assert_eq!(text::parse(&all).unwrap().to_string(), all);
}

#[test]
fn bad_text_is_an_error_with_its_line() {
    for (from, to, error) in [
        (
            "graph",
            "graf",
            "line 1: the first line must begin with `graph`",
        ),
        ("x86-64", "vax", "line 1: unknown architecture vax"),
        ("r-x", "rwx", "line 2: rwx is no protection"),
        ("call32", "call33", "line 7: unknown kind call33"),
        (
            "edge 1 call32 1",
            "edge 1 call32 9",
            "rule 4: block 0+0x1: no such symbol",
        ),
        (
            "edge 1 ",
            "edge 7 ",
            "rule 3: block 0+0x7: call32 ends outside",
        ),
        ("0000\n", "00\n", "block 0 has 9 of 10 bytes"),
        ("16+0", "12+0", "rule 2: block 0: alignment 12 + 0"),
        ("8+4", "8+8", "rule 2: block 1: alignment 8 + 8"),
        ("block 1+8", "block 1+17", "is outside of its block"),
        ("block 1+8", "block 5+0", "is in no block"),
        ("strong local", "strong default", "rule 6: symbol 3"),
        ("main\" block", "main block", "does not end"),
        ("size 10", "size ten", "ten is no number that fits here"),
        ("block 1 in 1", "block 1 in 3", "no section 3"),
        (
            "strong default callable live",
            "common default",
            "rule 7: `main` is common but not zero",
        ),
        (
            "strings 4",
            "strings 0",
            "rule 10: section .rodata.str1.4 cannot be merged",
        ),
        (
            "r-- plain",
            "rw- plain",
            "rule 10: section .rodata.str1.4 cannot be merged",
        ),
        (
            "strings 4",
            "words 4",
            "line 4: words says nothing of a section",
        ),
        ("block 0+4", "external", "rule 11: `chosen` is not here"),
    ] {
        assert!(TEXT.contains(from), "{from}");
        let found = text::parse(&TEXT.replacen(from, to, 1))
            .unwrap_err()
            .to_string();
        assert!(found.contains(error), "{to}: {found}");
    }
}

#[test]
fn writable_code_is_refused() {
    let mut graph = LinkGraph::new("g", Arch::X64);
    graph.add_section("s", Prot::new(true, true), SectionRole::Plain);
    let error = verify::verify(&graph).unwrap_err().to_string();
    assert_eq!(error, "g: rule 8: section s is writable and executable");
}

#[test]
fn blocks_are_divided_with_what_is_at_their_bytes() {
    let mut graph = LinkGraph::new("g", Arch::X64);
    let section = graph.add_section("s", Prot::R, SectionRole::Plain);
    let bytes: Vec<u8> = (0..32).collect();
    let block = graph.add_content(section, &bytes, 16, 0);
    let behind = graph.add_zeros(section, 4, 4, 0);
    let at: Vec<_> = [0, 8, 12, 32].map(|o| graph.add_anonymous(block, o)).into();
    for (offset, kind) in [(0, x64::ABS64), (8, x64::PC32), (28, x64::PC32), (8, KEEP)] {
        graph.add_edge(block, offset, kind, at[1], 0);
    }
    let mut symbols = SymbolsByBlock::of(&graph);
    for bad in [&[0][..], &[32], &[8, 8], &[10]] {
        let error = graph
            .clone()
            .split_block(block, bad, &mut SymbolsByBlock::of(&graph));
        assert!(error.is_err(), "{bad:?}");
    }
    let pieces = graph.split_block(block, &[8, 20], &mut symbols).unwrap();
    verify::verify(&graph).unwrap();
    let order: Vec<_> = graph.section_blocks(section).collect();
    assert_eq!(order, [pieces[0], pieces[1], pieces[2], behind]);
    assert_eq!(pieces[0], block);
    let contents: Vec<&[u8]> = pieces.iter().map(|&p| graph.bytes(p)).collect();
    assert_eq!(contents, [&bytes[..8], &bytes[8..20], &bytes[20..]]);
    let place = |s: SymbolId| (graph.symbol(s).block().unwrap(), graph.symbol(s).offset);
    let places: Vec<_> = at.iter().map(|&s| place(s)).collect();
    let [a, b, c] = pieces[..] else {
        unreachable!()
    };
    assert_eq!(places, [(a, 0), (b, 0), (b, 4), (c, 12)]);
    let offsets = |p: BlockId| {
        graph
            .block(p)
            .edges
            .iter()
            .map(|e| e.offset)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        [offsets(a), offsets(b), offsets(c)],
        [vec![0], vec![0, 0], vec![8]]
    );
    assert_eq!(graph.block(c).align_offset, 4);
    // Again, a piece.
    let more = graph.split_block(c, &[4], &mut symbols).unwrap();
    assert_eq!(graph.bytes(more[1]), &bytes[24..]);
    verify::verify(&graph).unwrap();
}

#[test]
fn a_cleared_graph_is_empty() {
    let mut graph = text::parse(TEXT).unwrap();
    graph.clear();
    assert_eq!(graph.to_string(), "graph \"a \\\"b\\\".o\" x86-64\n");
}
