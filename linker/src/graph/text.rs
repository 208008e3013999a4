//! Reads the text form that [`print`](super::print) shows.

use super::print::{LINKAGES, ROLES, SCOPES};
use super::{
    BlockId, LinkGraph, Linkage, Merge, Name, Place, Prot, Scope, SectionId, SectionRole, Symbol,
    SymbolId, verify,
};
use crate::arch::{self, Kind};
use crate::error::{Error, Result};

/// Words of a line; a quoted one may hold anything.
struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Words<'a> {
    fn fail<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(Error::Text {
            line: self.line,
            what: what.into(),
        })
    }

    fn peek(&self) -> Option<&'a str> {
        self.rest.split_ascii_whitespace().next()
    }

    fn word(&mut self) -> Result<&'a str> {
        let rest = self.rest.trim_start();
        let end = rest.find(' ').unwrap_or(rest.len());
        if rest.is_empty() {
            return self.fail("the line ends too early");
        }
        self.rest = &rest[end..];
        Ok(&rest[..end])
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        match self.word()? {
            found if found == word => Ok(()),
            found => self.fail(format!("{word} expected, not {found}")),
        }
    }

    fn number<T: TryFrom<i128>>(&mut self) -> Result<T> {
        let word = self.word()?;
        self.parse(word)
    }

    fn parse<T: TryFrom<i128>>(&self, word: &str) -> Result<T> {
        let value = match word.strip_prefix("0x") {
            Some(hex) => i128::from_str_radix(hex, 16).ok(),
            None => word.parse().ok(),
        };
        match value.and_then(|v| T::try_from(v).ok()) {
            Some(value) => Ok(value),
            None => self.fail(format!("{word} is no number that fits here")),
        }
    }

    /// `a+b`.
    fn sum<A: TryFrom<i128>, B: TryFrom<i128>>(&mut self) -> Result<(A, B)> {
        let word = self.word()?;
        let Some((a, b)) = word.split_once('+') else {
            return self.fail(format!("a+b expected, not {word}"));
        };
        Ok((self.parse(a)?, self.parse(b)?))
    }

    /// Text as `{:?}` prints it.
    fn quoted(&mut self) -> Result<String> {
        let rest = self.rest.trim_start();
        let Some(inner) = rest.strip_prefix('"') else {
            return self.fail("a quoted text expected");
        };
        let mut text = String::new();
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &inner[at + 1..];
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, '0')) => text.push('\0'),
                    Some((start, 'u')) => {
                        let hex = inner[start + 1..].strip_prefix('{');
                        let hex = hex.and_then(|h| h.split_once('}')).map(|(hex, _)| hex);
                        let code = hex.and_then(|h| u32::from_str_radix(h, 16).ok());
                        match code.and_then(char::from_u32) {
                            Some(c) => text.push(c),
                            None => return self.fail("bad \\u in a text"),
                        }
                        while chars.next().is_some_and(|(_, c)| c != '}') {}
                    }
                    Some((_, c)) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        self.fail("a quoted text does not end")
    }

    fn one_of<T: Copy>(&mut self, table: &[(T, &str)]) -> Result<T> {
        let word = self.word()?;
        match table.iter().find(|(_, name)| *name == word) {
            Some((value, _)) => Ok(*value),
            None => self.fail(format!("{word} is not known here")),
        }
    }
}

/// Reads a graph. What is read was verified.
pub fn parse(text: &str) -> Result<LinkGraph> {
    let mut graph: Option<LinkGraph> = None;
    let mut block: Option<(BlockId, u64, Vec<u8>)> = None;
    let mut finished = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let mut words = Words {
            rest: line,
            line: n + 1,
        };
        let Some(first) = words.peek() else { continue };
        if first == "graph" {
            words.word()?;
            let name = words.quoted()?;
            let arch = words.word()?;
            match arch::by_name(arch) {
                Some(arch) => graph = Some(LinkGraph::new(name, arch)),
                None => return words.fail(format!("unknown architecture {arch}")),
            }
            continue;
        }
        let Some(graph) = &mut graph else {
            return words.fail("the first line must begin with `graph`");
        };
        words.word()?;
        match first {
            "section" => section(graph, &mut words)?,
            "block" => {
                finished.extend(block.take());
                block = Some(begin_block(graph, &mut words)?);
            }
            "hex" | "edge" => {
                let Some(block) = &mut block else {
                    return words.fail(format!("{first} outside of a block"));
                };
                if first == "hex" {
                    hex(&mut words, &mut block.2)?;
                } else {
                    edge(graph, &mut words, block.0)?;
                }
            }
            "symbol" => symbol(graph, &mut words)?,
            other => return words.fail(format!("unknown line {other}")),
        }
        if words.peek().is_some() {
            return words.fail(format!("{} is too much", words.rest.trim()));
        }
    }
    let Some(mut graph) = graph else {
        return Err(Error::Text {
            line: 1,
            what: "no graph".to_owned(),
        });
    };
    finished.extend(block);
    for (id, size, bytes) in finished {
        if graph.block(id).content == super::Content::Zero {
            if !bytes.is_empty() {
                return Err(Error::graph(&graph, "a block of zeros has bytes"));
            }
            continue;
        }
        if bytes.len() as u64 != size {
            let what = format!("block {} has {} of {size} bytes", id.0, bytes.len());
            return Err(Error::graph(&graph, what));
        }
        graph.set_content(id, &bytes);
    }
    verify::verify(&graph)?;
    Ok(graph)
}

fn section(graph: &mut LinkGraph, words: &mut Words<'_>) -> Result<()> {
    let n: usize = words.number()?;
    let name = words.quoted()?;
    let prot = match words.word()? {
        "r--" => Prot::R,
        "rw-" => Prot::RW,
        "r-x" => Prot::RX,
        other => return words.fail(format!("{other} is no protection")),
    };
    let role: SectionRole = words.one_of(ROLES)?;
    words.expect("ordinal")?;
    let ordinal = words.number()?;
    if n != graph.sections().count() {
        return words.fail("sections must be numbered in order");
    }
    let id = graph.add_section(&name, prot, role);
    graph.section_mut(id).ordinal = ordinal;
    while words.peek().is_some() {
        match words.word()? {
            what @ ("strings" | "entries") => {
                let (strings, entry) = (what == "strings", words.number()?);
                graph.section_mut(id).merge = Some(Merge { entry, strings });
            }
            "group" => {
                let group = graph.intern(&words.quoted()?);
                graph.section_mut(id).group = Some(group);
            }
            "attached" => graph.section_mut(id).attached = true,
            "discarded" => graph.section_mut(id).discarded = true,
            other => return words.fail(format!("{other} says nothing of a section")),
        }
    }
    Ok(())
}

fn begin_block(graph: &mut LinkGraph, words: &mut Words<'_>) -> Result<(BlockId, u64, Vec<u8>)> {
    let n: usize = words.number()?;
    words.expect("in")?;
    let section: u32 = words.number()?;
    words.expect("align")?;
    let (align, align_offset) = words.sum()?;
    let zeros = words.one_of(&[(false, "bytes"), (true, "zeros")])?;
    let size: u64 = words.number()?;
    words.expect("at")?;
    let address = words.number()?;
    if n != graph.block_limit() {
        return words.fail("blocks must be numbered in order");
    }
    if section as usize >= graph.sections().count() {
        return words.fail(format!("no section {section}"));
    }
    let section = SectionId(section);
    let id = if zeros {
        graph.add_zeros(section, size, align, align_offset)
    } else {
        graph.add_content(section, &[], align, align_offset)
    };
    graph.block_mut(id).address = address;
    Ok((id, size, Vec::new()))
}

fn hex(words: &mut Words<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    while words.peek().is_some() {
        let word = words.word()?;
        for pair in word.as_bytes().chunks(2) {
            let digits = std::str::from_utf8(pair).ok().filter(|d| d.len() == 2);
            let Some(byte) = digits.and_then(|d| u8::from_str_radix(d, 16).ok()) else {
                return words.fail(format!("{word} is not hexadecimal"));
            };
            bytes.push(byte);
        }
    }
    Ok(())
}

fn edge(graph: &mut LinkGraph, words: &mut Words<'_>, block: BlockId) -> Result<()> {
    let offset = words.number()?;
    let kind = words.word()?;
    let Some(kind) = Kind::by_name(graph.arch, kind) else {
        return words.fail(format!("unknown kind {kind}"));
    };
    let target = SymbolId(words.number()?);
    let addend = words.number()?;
    graph.add_edge(block, offset, kind, target, addend);
    Ok(())
}

fn symbol(graph: &mut LinkGraph, words: &mut Words<'_>) -> Result<()> {
    let n: usize = words.number()?;
    let name = if words.peek() == Some("anonymous") {
        words.word()?;
        Name::Anonymous
    } else {
        let text = words.quoted()?;
        Name::Text(graph.intern(&text))
    };
    let mut symbol = Symbol::external(name);
    match words.word()? {
        "external" => {}
        "absolute" => symbol.place = Place::Absolute(words.number()?),
        "block" => {
            let (block, offset) = words.sum()?;
            symbol.place = Place::Block(BlockId(block));
            symbol.offset = offset;
        }
        other => return words.fail(format!("{other} is no place")),
    }
    words.expect("size")?;
    symbol.size = words.number()?;
    symbol.linkage = words.one_of::<Linkage>(LINKAGES)?;
    symbol.scope = words.one_of::<Scope>(SCOPES)?;
    while words.peek().is_some() {
        match words.word()? {
            "callable" => symbol.callable = true,
            "live" => symbol.live = true,
            "thumb" => symbol.thumb = true,
            "thread-local" => symbol.thread_local = true,
            "indirect" => symbol.indirect = true,
            other => return words.fail(format!("{other} is no property")),
        }
    }
    if n != graph.symbol_limit() {
        return words.fail("symbols must be numbered in order");
    }
    graph.add_symbol(symbol);
    Ok(())
}
