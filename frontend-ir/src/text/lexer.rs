//! Characters → tokens.

use super::{ParseError, fail};
use crate::module::decl::Pos;

/// A token.
#[derive(Clone, PartialEq, Debug)]
pub enum Tok {
    /// Name, keyword or mnemonic.
    Word(String),
    /// Integer, decimal or hexadecimal (`true`: written in hexadecimal).
    Int(i128, bool),
    /// Float as written.
    Float(f64),
    /// String.
    Str(Vec<u16>),
    /// One of `{ } ( ) [ ] , : ? = ;`, `::` or `->`.
    Sign(&'static str),
    /// End of the text.
    End,
}

/// A token with its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Token {
    /// The token.
    pub tok: Tok,
    /// Where it starts.
    pub pos: Pos,
}

struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    pos: Pos,
}

static SIGNS: &[(char, &str)] = &[
    ('{', "{"),
    ('}', "}"),
    ('(', "("),
    (')', ")"),
    ('[', "["),
    (']', "]"),
    (',', ","),
    ('?', "?"),
    ('=', "="),
    (';', ";"),
];

/// Splits a text into tokens; the last one is [`Tok::End`].
pub fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer {
        chars: text.chars().peekable(),
        pos: Pos { line: 1, column: 1 },
    };
    let mut out = Vec::new();
    loop {
        lexer.skip_space()?;
        let pos = lexer.pos;
        let tok = lexer.token(pos)?;
        let end = tok == Tok::End;
        out.push(Token { tok, pos });
        if end {
            return Ok(out);
        }
    }
}

fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '.' | '$')
}

fn continues_word(c: char) -> bool {
    starts_word(c) || c.is_ascii_digit()
}

impl Lexer<'_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.pos.line += 1;
            self.pos.column = 1;
        } else {
            self.pos.column += 1;
        }
        Some(c)
    }

    fn skip_space(&mut self) -> Result<(), ParseError> {
        while let Some(c) = self.peek() {
            if c.is_whitespace() {
                self.next();
            } else if c == '/' {
                let pos = self.pos;
                self.next();
                if self.peek() != Some('/') {
                    return fail(pos, "a comment starts with //");
                }
                while self.peek().is_some_and(|c| c != '\n') {
                    self.next();
                }
            } else {
                break;
            }
        }
        Ok(())
    }

    fn token(&mut self, pos: Pos) -> Result<Tok, ParseError> {
        let Some(c) = self.peek() else {
            return Ok(Tok::End);
        };
        if starts_word(c) {
            return Ok(Tok::Word(self.word()));
        }
        if c.is_ascii_digit() {
            return self.number(false, pos);
        }
        self.next();
        if let Some((_, sign)) = SIGNS.iter().find(|(s, _)| *s == c) {
            return Ok(Tok::Sign(sign));
        }
        match (c, self.peek()) {
            ('"', _) => self.string(pos),
            (':', Some(':')) => {
                self.next();
                Ok(Tok::Sign("::"))
            }
            (':', _) => Ok(Tok::Sign(":")),
            ('-', Some('>')) => {
                self.next();
                Ok(Tok::Sign("->"))
            }
            ('-', Some(d)) if d.is_ascii_digit() => self.number(true, pos),
            ('-', Some('i')) => match self.word().as_str() {
                "inf" => Ok(Tok::Float(f64::NEG_INFINITY)),
                _ => fail(pos, "a number or inf follows -"),
            },
            _ => fail(pos, format!("unexpected character {c:?}")),
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|&c| continues_word(c)) {
            word.push(c);
            self.next();
        }
        word
    }

    fn number(&mut self, negative: bool, pos: Pos) -> Result<Tok, ParseError> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            let exponent_sign =
                matches!(c, '+' | '-') && text.ends_with(['e', 'E']) && !text.starts_with("0x");
            if !(c.is_ascii_alphanumeric() || c == '.' || exponent_sign) {
                break;
            }
            text.push(c);
            self.next();
        }
        let sign = if negative { -1 } else { 1 };
        let integer = match text.strip_prefix("0x") {
            Some(hex) => i128::from_str_radix(hex, 16).ok(),
            None => text.parse::<i128>().ok(),
        };
        // Anything that fits no constant is out of range here, so that later arithmetic on it cannot overflow.
        if let Some(n) = integer.filter(|n| *n <= u64::MAX as i128) {
            return Ok(Tok::Int(sign * n, text.starts_with("0x")));
        }
        match text.parse::<f64>() {
            Ok(x) if integer.is_none() => Ok(Tok::Float(x * sign as f64)),
            _ => fail(pos, format!("{text} is not a number in range")),
        }
    }

    fn string(&mut self, pos: Pos) -> Result<Tok, ParseError> {
        let mut out = Vec::new();
        loop {
            let Some(c) = self.next().filter(|&c| c != '\n') else {
                return fail(pos, "the string does not end on its line");
            };
            match c {
                '"' => return Ok(Tok::Str(out)),
                '\\' => match self.next() {
                    Some('n') => out.push('\n' as u16),
                    Some('t') => out.push('\t' as u16),
                    Some('"') => out.push('"' as u16),
                    Some('\\') => out.push('\\' as u16),
                    Some('u') => {
                        let mut unit = 0u16;
                        for _ in 0..4 {
                            match self.next().and_then(|d| d.to_digit(16)) {
                                Some(d) => unit = unit << 4 | d as u16,
                                None => return fail(pos, "\\u takes four hexadecimal digits"),
                            }
                        }
                        out.push(unit);
                    }
                    _ => return fail(pos, "unknown escape in a string"),
                },
                c => out.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
    }
}
