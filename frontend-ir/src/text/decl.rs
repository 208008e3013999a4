//! Declarations: types, their members, functions.

use super::lexer::{Tok, Token};
use super::{ParseError, fail};
use crate::module::decl::{
    DeclKind, Decls, FieldDecl, MethodDecl, Pos, Suffix, TypeDecl, TypeSyntax,
};
use crate::module::{FieldFlags, MethodFlags, TypeFlags};

/// A position in a list of tokens.
pub struct Cursor<'a> {
    tokens: &'a [Token],
    /// Index of the next token.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(tokens: &'a [Token]) -> Self {
        Cursor { tokens, at: 0 }
    }

    pub fn peek(&self) -> &'a Tok {
        self.tokens.get(self.at).map_or(&Tok::End, |t| &t.tok)
    }

    pub fn peek_at(&self, ahead: usize) -> &'a Tok {
        self.tokens
            .get(self.at + ahead)
            .map_or(&Tok::End, |t| &t.tok)
    }

    pub fn pos(&self) -> Pos {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens
            .get(self.at.min(last))
            .map(|t| t.pos)
            .unwrap_or_default()
    }

    pub fn advance(&mut self) -> &'a Tok {
        let tok = self.peek();
        self.at = (self.at + 1).min(self.tokens.len());
        tok
    }

    pub fn done(&self) -> bool {
        matches!(self.peek(), Tok::End)
    }

    pub fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Tok::Sign(s) if *s == sign)
    }

    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Tok::Word(w) if w == word)
    }

    pub fn eat(&mut self, sign: &str) -> bool {
        let yes = self.is(sign);
        if yes {
            self.advance();
        }
        yes
    }

    pub fn eat_word(&mut self, word: &str) -> bool {
        let yes = self.is_word(word);
        if yes {
            self.advance();
        }
        yes
    }

    pub fn want(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.eat(sign) {
            Ok(())
        } else {
            fail(self.pos(), format!("expected {sign}"))
        }
    }

    pub fn word(&mut self, what: &str) -> Result<&'a str, ParseError> {
        match self.peek() {
            Tok::Word(w) => {
                self.advance();
                Ok(w)
            }
            _ => fail(self.pos(), format!("expected {what}")),
        }
    }

    pub fn int(&mut self, low: i128, high: i128) -> Result<i128, ParseError> {
        match *self.peek() {
            Tok::Int(n, _) if (low..=high).contains(&n) => {
                self.advance();
                Ok(n)
            }
            Tok::Int(n, _) => fail(self.pos(), format!("{n} is not in {low}..={high}")),
            _ => fail(self.pos(), "expected an integer"),
        }
    }

    pub fn ty(&mut self) -> Result<TypeSyntax, ParseError> {
        let pos = self.pos();
        let name = self.word("a type")?.to_string();
        let mut suffixes = Vec::new();
        loop {
            if self.eat("?") {
                suffixes.push(Suffix::Nullable);
            } else if self.is("[") {
                self.advance();
                self.want("]")?;
                suffixes.push(Suffix::Array);
            } else {
                break;
            }
            if suffixes.len() > 16 {
                return fail(pos, "too many type constructors");
            }
        }
        Ok(TypeSyntax {
            name,
            suffixes,
            pos,
        })
    }

    /// `( type name?, … )`
    pub fn params(&mut self) -> Result<Vec<(TypeSyntax, String)>, ParseError> {
        self.want("(")?;
        let mut out: Vec<(TypeSyntax, String)> = Vec::new();
        if self.eat(")") {
            return Ok(out);
        }
        loop {
            let ty = self.ty()?;
            let name = match self.peek() {
                Tok::Word(w) => {
                    self.advance();
                    w.clone()
                }
                _ => String::new(),
            };
            if !name.is_empty() && out.iter().any(|(_, n)| *n == name) {
                return fail(ty.pos, format!("{name} is declared twice"));
            }
            if out.len() > 1000 {
                return fail(ty.pos, "too many parameters or locals");
            }
            out.push((ty, name));
            if self.eat(")") {
                return Ok(out);
            }
            self.want(",")?;
        }
    }

    pub fn result(&mut self) -> Result<Option<TypeSyntax>, ParseError> {
        if self.eat("->") {
            self.ty().map(Some)
        } else {
            Ok(None)
        }
    }
}

/// Parses the declarations of a text.
pub fn parse(tokens: &[Token]) -> Result<Decls, ParseError> {
    let mut c = Cursor::new(tokens);
    let mut out = Decls::default();
    while !c.done() {
        item(&mut c, &mut out)?;
    }
    Ok(out)
}

fn method_flag(word: &str) -> Option<MethodFlags> {
    Some(match word {
        "static" => MethodFlags::STATIC,
        "virtual" => MethodFlags::VIRTUAL,
        "override" => MethodFlags::OVERRIDE,
        "abstract" => MethodFlags::ABSTRACT,
        "final" => MethodFlags::FINAL,
        "noinline" => MethodFlags::NOINLINE,
        "inline" => MethodFlags::INLINE,
        "extern" => MethodFlags::EXTERN,
        "vararg" => MethodFlags::VARARG,
        _ => return None,
    })
}

fn type_flag(word: &str) -> Option<TypeFlags> {
    Some(match word {
        "sealed" => TypeFlags::SEALED,
        "abstract" => TypeFlags::ABSTRACT,
        "relaxed" => TypeFlags::RELAXED,
        _ => return None,
    })
}

fn item(c: &mut Cursor<'_>, out: &mut Decls) -> Result<(), ParseError> {
    let start = c.at;
    // Which flags the words are depends on what follows them.
    while let Tok::Word(w) = c.peek() {
        if method_flag(w).is_none() && type_flag(w).is_none() {
            break;
        }
        c.advance();
    }
    let pos = c.pos();
    let keyword = c.word("class, struct, interface or func")?;
    let end = c.at;
    c.at = start;
    match keyword {
        "func" => {
            let flags = method_flags(c)?;
            c.at = end;
            out.functions.push(method(c, flags)?);
        }
        "class" | "struct" | "interface" => {
            let mut flags = TypeFlags::empty();
            while c.at + 1 < end {
                let pos = c.pos();
                match type_flag(c.word("a flag")?) {
                    Some(f) => flags |= f,
                    None => return fail(pos, "not a property of a type"),
                }
            }
            c.at = end;
            let kind = match keyword {
                "class" => DeclKind::Class,
                "struct" => DeclKind::Struct,
                _ => DeclKind::Interface,
            };
            out.types.push(type_decl(c, kind, flags)?);
        }
        _ => return fail(pos, "expected class, struct, interface or func"),
    }
    Ok(())
}

fn method_flags(c: &mut Cursor<'_>) -> Result<MethodFlags, ParseError> {
    let mut flags = MethodFlags::empty();
    while let Tok::Word(w) = c.peek() {
        match method_flag(w) {
            Some(f) => flags |= f,
            None => break,
        }
        c.advance();
    }
    Ok(flags)
}

fn type_decl(c: &mut Cursor<'_>, kind: DeclKind, flags: TypeFlags) -> Result<TypeDecl, ParseError> {
    let pos = c.pos();
    let mut decl = TypeDecl {
        name: c.word("a type's name")?.to_string(),
        pos,
        kind,
        flags,
        extends: None,
        implements: Vec::new(),
        pack: 0,
        size: 0,
        fields: Vec::new(),
        methods: Vec::new(),
    };
    loop {
        if c.eat_word("extends") {
            if kind == DeclKind::Interface {
                type_list(c, &mut decl.implements)?;
            } else {
                decl.extends = Some(c.ty()?);
            }
        } else if c.eat_word("implements") {
            type_list(c, &mut decl.implements)?;
        } else if c.eat_word("explicit") {
            decl.flags |= TypeFlags::EXPLICIT;
        } else if c.eat_word("pack") {
            decl.pack = c.int(1, 8)? as u32;
        } else if c.eat_word("size") {
            decl.size = c.int(1, 1 << 20)? as u32;
        } else {
            break;
        }
    }
    c.want("{")?;
    while !c.eat("}") {
        member(c, &mut decl)?;
    }
    Ok(decl)
}

fn type_list(c: &mut Cursor<'_>, out: &mut Vec<TypeSyntax>) -> Result<(), ParseError> {
    loop {
        out.push(c.ty()?);
        if !c.eat(",") {
            return Ok(());
        }
    }
}

fn member(c: &mut Cursor<'_>, decl: &mut TypeDecl) -> Result<(), ParseError> {
    let start = c.at;
    let is_field = (0..8).map_while(|i| match c.peek_at(i) {
        Tok::Word(w) => Some(w.as_str()),
        _ => None,
    });
    // A field's name comes after `field`; nothing before it can be a method's keyword.
    let keyword = is_field
        .into_iter()
        .find(|w| matches!(*w, "field" | "method" | "ctor" | "cctor"))
        .unwrap_or("");
    c.at = start;
    let pos = c.pos();
    match keyword {
        "field" => {
            decl.fields.push(field(c)?);
        }
        "method" => {
            let flags = method_flags(c)?;
            if !c.eat_word("method") {
                return fail(c.pos(), "expected method");
            }
            decl.methods.push(method(c, flags)?);
        }
        "ctor" => {
            let flags = method_flags(c)?;
            if !c.eat_word("ctor") {
                return fail(c.pos(), "expected ctor");
            }
            decl.methods.push(method(c, flags | MethodFlags::CTOR)?);
        }
        "cctor" => {
            if !c.eat_word("cctor") {
                return fail(c.pos(), "expected cctor");
            }
            let body = body(c)?;
            decl.methods.push(MethodDecl {
                name: "cctor".to_string(),
                pos,
                flags: MethodFlags::STATIC | MethodFlags::CCTOR | MethodFlags::NOINLINE,
                params: Vec::new(),
                ret: None,
                intrinsic: None,
                body: Some(body),
            });
        }
        _ => return fail(pos, "expected field, method, ctor or cctor"),
    }
    Ok(())
}

fn field(c: &mut Cursor<'_>) -> Result<FieldDecl, ParseError> {
    let mut flags = FieldFlags::empty();
    loop {
        let pos = c.pos();
        match c.word("field")? {
            "field" => break,
            "static" => flags |= FieldFlags::STATIC,
            "thread" => flags |= FieldFlags::STATIC | FieldFlags::THREAD,
            "readonly" => flags |= FieldFlags::READONLY,
            _ => return fail(pos, "not a property of a field"),
        }
    }
    let ty = c.ty()?;
    let pos = c.pos();
    let name = c.word("a field's name")?.to_string();
    let offset = if c.eat_word("at") {
        Some(c.int(0, 1 << 20)? as u32)
    } else {
        None
    };
    Ok(FieldDecl {
        name,
        pos,
        ty,
        flags,
        offset,
    })
}

fn method(c: &mut Cursor<'_>, flags: MethodFlags) -> Result<MethodDecl, ParseError> {
    let pos = c.pos();
    let name = c.word("a method's name")?.to_string();
    let params = c.params()?;
    let ret = c.result()?;
    let intrinsic = if c.eat("=") {
        Some(c.word("an intrinsic")?.to_string())
    } else {
        None
    };
    let body = if c.is("{") { Some(body(c)?) } else { None };
    Ok(MethodDecl {
        name,
        pos,
        flags,
        params,
        ret,
        intrinsic,
        body,
    })
}

/// Skips a body and gives its tokens, braces left out.
fn body(c: &mut Cursor<'_>) -> Result<std::ops::Range<usize>, ParseError> {
    let pos = c.pos();
    c.want("{")?;
    let start = c.at;
    let mut depth = 1;
    loop {
        let at = c.at;
        match c.advance() {
            Tok::Sign("{") => depth += 1,
            Tok::Sign("}") => depth -= 1,
            Tok::End => return fail(pos, "the body is not closed"),
            _ => {}
        }
        if depth == 0 {
            return Ok(start..at);
        }
    }
}
