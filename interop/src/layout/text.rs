//! Text of layouts, which reads back as the same layout.
//!
//! ```text
//!  layout  = value | "[" number "x" layout "]" | ("struct" | "union") "{" member* "}" shape?
//!  member  = ("@" number)? layout name? ";"
//!  shape   = "size" number "align" number      only where C would lay the members out in another way
//!  value   = i8 u8 i16 u16 i32 i64 f32 f64 ptr
//! ```

use super::{Group, Layout, Member, Value};
use isthmus_runtime_abi::target::Arch;
use std::fmt;
use std::sync::Arc;

/// What is wrong with a text, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("byte {at}: expected {expected}")]
pub struct TextError {
    /// Byte offset.
    pub at: usize,
    /// What should be there.
    pub expected: &'static str,
}

/// Structures inside structures that are read; more would use up the stack.
const DEEPEST: u32 = 100;

/// Reads words and signs.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    arch: Arch,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, arch: Arch) -> Reader<'a> {
        Reader {
            text,
            at: 0,
            depth: 0,
            arch,
        }
    }

    pub(crate) fn error<T>(&self, expected: &'static str) -> Result<T, TextError> {
        Err(TextError {
            at: self.at,
            expected,
        })
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The word that is next; empty: a sign or the end is.
    fn word(&mut self) -> &'a str {
        self.blanks();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    }

    pub(crate) fn take(&mut self, sign: &str) -> bool {
        self.blanks();
        let found = self.text[self.at..].starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    pub(crate) fn expect(&mut self, sign: &'static str) -> Result<(), TextError> {
        match self.take(sign) {
            true => Ok(()),
            false => self.error(sign),
        }
    }

    fn number(&mut self) -> Result<u32, TextError> {
        let word = self.word();
        match word.parse() {
            Ok(n) => {
                self.at += word.len();
                Ok(n)
            }
            Err(_) => self.error("a number"),
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), TextError> {
        self.blanks();
        match self.at == self.text.len() {
            true => Ok(()),
            false => self.error("the end"),
        }
    }

    pub(crate) fn layout(&mut self) -> Result<Layout, TextError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.error("fewer layouts in each other");
        }
        let layout = self.layout_inside()?;
        self.depth -= 1;
        Ok(layout)
    }

    fn layout_inside(&mut self) -> Result<Layout, TextError> {
        if self.take("[") {
            let count = self.number()?;
            if !self.take_word("x") {
                return self.error("x");
            }
            let element = self.layout()?;
            if element.size(self.arch).checked_mul(count).is_none() {
                return self.error("a smaller array");
            }
            self.expect("]")?;
            return Ok(Layout::array(element, count));
        }
        let word = self.word();
        if let Some(&value) = Value::ALL.iter().find(|v| v.name() == word) {
            self.at += word.len();
            return Ok(value.into());
        }
        if word != "struct" && word != "union" {
            return self.error("a layout");
        }
        self.at += word.len();
        self.group(word == "union")
    }

    fn group(&mut self, is_union: bool) -> Result<Layout, TextError> {
        self.expect("{")?;
        let (mut members, mut offsets) = (Vec::new(), Vec::new());
        while !self.take("}") {
            let offset = match self.take("@") {
                true => Some(self.number()?),
                false => None,
            };
            let layout = self.layout()?;
            let name = self.word();
            self.at += name.len();
            self.expect(";")?;
            members.push((name.to_owned(), layout));
            offsets.push(offset);
        }
        let natural = match is_union {
            true => Layout::union(members, self.arch),
            false => Layout::structure(members, None, self.arch),
        };
        let (Layout::Struct(group) | Layout::Union(group)) = &natural else {
            return self.error("a structure");
        };
        let mut group = Group::clone(group);
        for (member, offset) in group.members.iter_mut().zip(offsets) {
            member.offset = offset.unwrap_or(member.offset);
        }
        if self.take_word("size") {
            group.size = self.number()?;
            if !self.take_word("align") {
                return self.error("align");
            }
            group.align = self.number()?;
            if !group.align.is_power_of_two() {
                return self.error("a power of two");
            }
        }
        let end = |m: &Member| m.offset.checked_add(m.layout.size(self.arch));
        if group
            .members
            .iter()
            .any(|m| end(m).is_none_or(|e| e > group.size))
        {
            return self.error("a size that holds all members");
        }
        Ok(match is_union {
            true => Layout::Union(Arc::new(group)),
            false => Layout::Struct(Arc::new(group)),
        })
    }
}

impl Layout {
    /// Reads a layout.
    pub fn parse(text: &str, arch: Arch) -> Result<Layout, TextError> {
        let mut reader = Reader::new(text, arch);
        let layout = reader.layout()?;
        reader.end()?;
        Ok(layout)
    }

    /// Its text, which [`Layout::parse`] reads for the same architecture.
    pub fn text(&self, arch: Arch) -> Text<'_> {
        Text { layout: self, arch }
    }
}

/// A layout to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    layout: &'a Layout,
    arch: Arch,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layout {
            Layout::Value(v) => f.write_str(v.name()),
            Layout::Array(element, count) => {
                write!(f, "[{count} x {}]", element.text(self.arch))
            }
            Layout::Struct(g) => self.group("struct", g, f),
            Layout::Union(g) => self.group("union", g, f),
        }
    }
}

impl Text<'_> {
    fn group(&self, word: &str, group: &Group, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = || {
            let pairs = group.members.iter();
            pairs.map(|m| (m.name.clone(), m.layout.clone())).collect()
        };
        let natural = match self.layout {
            Layout::Union(_) => Layout::union(members(), self.arch),
            _ => Layout::structure(members(), None, self.arch),
        };
        let (Layout::Struct(natural) | Layout::Union(natural)) = natural else {
            return Err(fmt::Error);
        };
        write!(f, "{word} {{ ")?;
        for (member, there) in group.members.iter().zip(&natural.members) {
            if member.offset != there.offset {
                write!(f, "@{} ", member.offset)?;
            }
            write!(f, "{}", member.layout.text(self.arch))?;
            let blank = if member.name.is_empty() { "" } else { " " };
            write!(f, "{blank}{}; ", member.name)?;
        }
        f.write_str("}")?;
        if (group.size, group.align) != (natural.size, natural.align) {
            write!(f, " size {} align {}", group.size, group.align)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() {
        let texts = [
            "ptr",
            "[0 x i64]",
            "struct { }",
            "struct { i8 a; [3 x u16] b; ptr; }",
            "struct { i8 a; @1 i32 b; } size 5 align 1",
            "union { i32 i; struct { f32 x; f64 y; } p; }",
            "struct { i32 a; } size 32 align 16",
        ];
        for text in texts {
            let layout = Layout::parse(text, Arch::X64).unwrap();
            assert_eq!(layout.text(Arch::X64).to_string(), text);
        }
    }

    #[test]
    fn wrong_texts_say_where() {
        let error = |text| Layout::parse(text, Arch::X64).unwrap_err();
        assert_eq!(error("struct { i8 a }").at, 14);
        assert_eq!(error("i31").expected, "a layout");
        assert_eq!(error("[x i8]").expected, "a number");
        assert_eq!(
            error("struct { @4 i32 a; } size 4 align 4").expected,
            "a size that holds all members"
        );
        assert_eq!(error("[4000000000 x i64]").expected, "a smaller array");
        assert_eq!(error("i8 i8").expected, "the end");
        assert!(Layout::parse(&"[1 x ".repeat(10_000), Arch::X64).is_err());
    }
}
