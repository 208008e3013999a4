//! Method bodies: instructions, labels, protected blocks.

use super::decl::Cursor;
use super::lexer::{Tok, Token as LexToken};
use super::{ParseError, fail};
use crate::body::{Body, Local};
use crate::cil::{self, Form, Kind, Operand};
use crate::module::Module;
use crate::module::decl::Pos;
use crate::op::{Cmp, Insn, Op, Prefix, Token};
use crate::region::{Clause, ClauseKind, RegionTree};
use isthmus_runtime_abi::ids::{FieldId, MethodId, RaiseId, TypeId};
use isthmus_runtime_abi::types::{CallConv, MemTy};
use rustc_hash::FxHashMap;
use std::sync::{Arc, LazyLock};

/// `max_stack` of a body that declares none, until it is computed.
pub const UNDECLARED: u16 = u16::MAX;

/// Deepest nesting of protected blocks.
const MAX_NESTING: u32 = 200;

static MNEMONICS: LazyLock<FxHashMap<&'static str, &'static cil::Row>> =
    LazyLock::new(|| cil::TABLE.iter().map(|r| (r.mnemonic, r)).collect());

/// Comparisons that the normal form has and CIL has not.
pub(super) static COMPARISONS: &[(&str, Cmp)] = &[
    ("cmp.ne.un", Cmp::NeUn),
    ("cmp.ge", Cmp::Ge),
    ("cmp.le", Cmp::Le),
    ("cmp.ge.un", Cmp::GeUn),
    ("cmp.le.un", Cmp::LeUn),
];

/// Parses the body of a method, whose tokens are given, and puts it into the module.
pub fn parse(module: &mut Module, method: MethodId, tokens: &[LexToken]) -> Result<(), ParseError> {
    let mut parser = Code {
        c: Cursor::new(tokens),
        args: Vec::new(),
        locals: Vec::new(),
        local_types: Vec::new(),
        module,
        code: Vec::new(),
        switches: Vec::new(),
        clauses: Vec::new(),
        labels: FxHashMap::default(),
        label_at: Vec::new(),
        max_stack: UNDECLARED,
        init_locals: true,
        prefix: Prefix::empty(),
        constrained: None,
        open_prefix: false,
    };
    let def = parser.module.method_def(method);
    let (sig, owner) = (def.sig.clone(), def.owner);
    let mut arg_classes = Vec::new();
    if sig.has_this {
        parser.args.push("this".to_string());
        arg_classes.push(owner.filter(|&t| !parser.module.is_value(t)));
    }
    for (name, ty) in &def.params {
        parser.args.push(name.clone());
        arg_classes.push(parser.module.is_reference(*ty).then_some(*ty));
    }
    let end = tokens.last().map(|t| t.pos).unwrap_or_default();
    parser.statements(0)?;
    parser.patch()?;
    let len = parser.code.len() as u32;
    let regions = RegionTree::build(parser.clauses, len).or_else(|e| fail(end, e.to_string()))?;
    let body = Body {
        method,
        sig,
        arg_classes,
        locals: parser.locals,
        init_locals: parser.init_locals,
        max_stack: parser.max_stack,
        code: parser.code,
        switches: parser.switches,
        regions,
        il_size: len,
    };
    let def = &mut parser.module.methods[method.index()];
    def.locals = parser.local_types;
    def.body = Some(Arc::new(body));
    Ok(())
}

struct Code<'a> {
    c: Cursor<'a>,
    module: &'a mut Module,
    args: Vec<String>,
    locals: Vec<Local>,
    local_types: Vec<(String, TypeId)>,
    code: Vec<Insn>,
    switches: Vec<Vec<u32>>,
    clauses: Vec<Clause>,
    labels: FxHashMap<&'a str, u32>,
    /// For each label: where it was first named, and the instruction it stands before.
    label_at: Vec<(Pos, Option<u32>)>,
    max_stack: u16,
    init_locals: bool,
    prefix: Prefix,
    constrained: Option<TypeId>,
    open_prefix: bool,
}

impl<'a> Code<'a> {
    fn here(&self) -> u32 {
        self.code.len() as u32
    }

    /// Statements up to the end or a closing brace, which is left.
    fn statements(&mut self, depth: u32) -> Result<(), ParseError> {
        while !self.c.done() && !self.c.is("}") {
            let pos = self.c.pos();
            if self.code.len() >= 1 << 20 {
                return fail(pos, "the body is too long");
            }
            let word = self.c.word("an instruction, a label or a directive")?;
            if self.c.is(":") {
                self.c.advance();
                self.no_open_prefix(pos)?;
                self.define(word, pos)?;
                continue;
            }
            match word {
                ".try" => {
                    self.no_open_prefix(pos)?;
                    self.protected(pos, depth)?
                }
                ".locals" => self.local_variables()?,
                ".maxstack" => self.max_stack = self.c.int(0, 0xfffe)? as u16,
                ".noinit" => self.init_locals = false,
                ".clause" => self.loose_clause()?,
                _ => self.instruction(word, pos)?,
            }
        }
        self.no_open_prefix(self.c.pos())
    }

    fn no_open_prefix(&self, pos: Pos) -> Result<(), ParseError> {
        if self.open_prefix {
            fail(pos, "a prefix needs its instruction")
        } else {
            Ok(())
        }
    }

    fn local_variables(&mut self) -> Result<(), ParseError> {
        self.c.want("(")?;
        if self.c.eat(")") {
            return Ok(());
        }
        loop {
            let pinned = self.c.eat_word("pinned");
            let syntax = self.c.ty()?;
            let pos = self.c.pos();
            let name = self.c.word("a local's name")?.to_string();
            if self.local_types.iter().any(|(n, _)| *n == name) {
                return fail(pos, format!("{name} is declared twice"));
            }
            if self.locals.len() > 0xfff0 {
                return fail(pos, "too many locals");
            }
            let ty = self.module.resolve(&syntax)?;
            let class = self.module.is_reference(ty).then_some(ty);
            self.locals.push(Local {
                ty: self.module.ty(ty).mem,
                class,
                pinned,
            });
            self.local_types.push((name, ty));
            if self.c.eat(")") {
                return Ok(());
            }
            self.c.want(",")?;
        }
    }

    // ---- labels

    fn label(&mut self, name: &'a str, pos: Pos) -> u32 {
        let next = self.label_at.len() as u32;
        let id = *self.labels.entry(name).or_insert(next);
        if id == next {
            self.label_at.push((pos, None));
        }
        id
    }

    fn define(&mut self, name: &'a str, pos: Pos) -> Result<(), ParseError> {
        let id = self.label(name, pos) as usize;
        let here = self.here();
        match self.label_at[id].1.replace(here) {
            None => Ok(()),
            Some(_) => fail(pos, format!("label {name} is defined twice")),
        }
    }

    fn target(&mut self) -> Result<u32, ParseError> {
        let pos = self.c.pos();
        let name = self.c.word("a label")?;
        Ok(self.label(name, pos))
    }

    fn resolve_label(&self, id: u32, may_end: bool) -> Result<u32, ParseError> {
        let (pos, at) = self.label_at[id as usize];
        match at {
            Some(at) if at < self.here() || may_end => Ok(at),
            Some(_) => fail(pos, "nothing follows this label"),
            None => fail(pos, "this label is not defined"),
        }
    }

    /// Replaces label numbers by instruction indices.
    fn patch(&mut self) -> Result<(), ParseError> {
        for i in 0..self.code.len() {
            if let Some(label) = self.code[i].op.target() {
                let at = self.resolve_label(label, false)?;
                set_target(&mut self.code[i].op, at);
            }
        }
        for i in 0..self.switches.len() {
            for j in 0..self.switches[i].len() {
                self.switches[i][j] = self.resolve_label(self.switches[i][j], false)?;
            }
        }
        Ok(())
    }

    // ---- protected blocks

    fn block(&mut self, depth: u32) -> Result<std::ops::Range<u32>, ParseError> {
        let start = self.here();
        self.c.want("{")?;
        self.statements(depth + 1)?;
        self.c.want("}")?;
        Ok(start..self.here())
    }

    fn protected(&mut self, pos: Pos, depth: u32) -> Result<(), ParseError> {
        if depth > MAX_NESTING {
            return fail(pos, "protected blocks are nested too deeply");
        }
        let body = self.block(depth)?;
        let mut found = Vec::new();
        loop {
            let kind = if self.c.eat_word("catch") {
                ClauseKind::Catch(self.type_operand()?)
            } else if self.c.eat_word("filter") {
                ClauseKind::Filter(self.block(depth)?.start)
            } else if self.c.eat_word("finally") {
                ClauseKind::Finally
            } else if self.c.eat_word("fault") {
                ClauseKind::Fault
            } else {
                break;
            };
            let handler = self.block(depth)?;
            found.push(Clause {
                kind,
                body: body.clone(),
                handler,
            });
        }
        if found.is_empty() {
            return fail(pos, ".try needs a handler");
        }
        self.clauses.append(&mut found);
        Ok(())
    }

    /// `.clause KIND try L to L [filter L] handler L to L`, after all the labels that it names.
    fn loose_clause(&mut self) -> Result<(), ParseError> {
        let pos = self.c.pos();
        let word = self.c.word("a kind of handler")?;
        let class = if word == "catch" {
            Some(self.type_operand()?)
        } else {
            None
        };
        let body = self.label_range("try")?;
        let filter = if word == "filter" {
            Some(self.end_label("filter")?)
        } else {
            None
        };
        let handler = self.label_range("handler")?;
        let kind = match (word, class, filter) {
            ("catch", Some(t), _) => ClauseKind::Catch(t),
            ("filter", _, Some(f)) => ClauseKind::Filter(f),
            ("finally", ..) => ClauseKind::Finally,
            ("fault", ..) => ClauseKind::Fault,
            _ => return fail(pos, "expected catch, filter, finally or fault"),
        };
        self.clauses.push(Clause {
            kind,
            body,
            handler,
        });
        Ok(())
    }

    fn label_range(&mut self, word: &str) -> Result<std::ops::Range<u32>, ParseError> {
        Ok(self.end_label(word)?..self.end_label("to")?)
    }

    fn end_label(&mut self, word: &str) -> Result<u32, ParseError> {
        if !self.c.eat_word(word) {
            return fail(self.c.pos(), format!("expected {word}"));
        }
        let label = self.target()?;
        self.resolve_label(label, true)
    }

    // ---- instructions

    fn instruction(&mut self, word: &str, pos: Pos) -> Result<(), ParseError> {
        if word == "raise" {
            let text = String::from_utf16_lossy(self.string()?);
            let id = RaiseId::from_index(self.module.raises.len());
            self.module.raises.push(text);
            self.emit(Op::Raise(id));
            return Ok(());
        }
        if word == "varargs" {
            let params = self.types()?;
            let sig = self.module.call_signature(CallConv::Managed, params, None);
            self.emit(Op::VarArgs(sig));
            return Ok(());
        }
        if let Some((_, cmp)) = COMPARISONS.iter().find(|(name, _)| *name == word) {
            self.emit(Op::Compare(*cmp));
            return Ok(());
        }
        let Some(row) = MNEMONICS.get(word) else {
            return fail(pos, format!("there is no instruction {word}"));
        };
        match row.form {
            Form::Op(op) => self.emit(op),
            Form::BranchCmp(cmp) => {
                let target = self.target()?;
                self.emit(Op::BrCmp(cmp, target));
            }
            Form::With(kind) => {
                let op = self.with_operand(kind, row.operand)?;
                self.emit(op);
            }
            Form::Prefix => self.add_prefix(word)?,
        }
        Ok(())
    }

    fn emit(&mut self, op: Op) {
        let il = self.here();
        self.code.push(Insn {
            op,
            prefix: std::mem::take(&mut self.prefix),
            constrained: self.constrained.take(),
            il,
        });
        self.open_prefix = false;
    }

    fn add_prefix(&mut self, word: &str) -> Result<(), ParseError> {
        self.open_prefix = true;
        match word {
            "volatile." => self.prefix |= Prefix::VOLATILE,
            "tail." => self.prefix |= Prefix::TAIL,
            "readonly." => self.prefix |= Prefix::READONLY,
            "unaligned." => {
                self.c.int(1, 4)?;
                self.prefix |= Prefix::UNALIGNED
            }
            "no." => {
                let bits = self.c.int(1, 7)? as u8;
                for (bit, flag) in [
                    (1, Prefix::NO_TYPE_CHECK),
                    (2, Prefix::NO_RANGE_CHECK),
                    (4, Prefix::NO_NULL_CHECK),
                ] {
                    self.prefix
                        .set(flag, self.prefix.contains(flag) || bits & bit != 0);
                }
            }
            _ => self.constrained = Some(self.type_operand()?),
        }
        Ok(())
    }

    fn with_operand(&mut self, kind: Kind, operand: Operand) -> Result<Op, ParseError> {
        Ok(match kind {
            Kind::LdArg => Op::LdArg(self.arg()?),
            Kind::LdArgA => Op::LdArgA(self.arg()?),
            Kind::StArg => Op::StArg(self.arg()?),
            Kind::LdLoc => Op::LdLoc(self.local()?),
            Kind::LdLocA => Op::LdLocA(self.local()?),
            Kind::StLoc => Op::StLoc(self.local()?),
            Kind::LdcI4 if operand == Operand::I8 => Op::LdcI4(self.c.int(-128, 127)? as i32),
            Kind::LdcI4 => Op::LdcI4(self.c.int(i32::MIN as i128, u32::MAX as i128)? as i32),
            Kind::LdcI8 => Op::LdcI8(self.c.int(i64::MIN as i128, u64::MAX as i128)? as i64),
            Kind::LdcR4 => Op::LdcR4(self.float32()?),
            Kind::LdcR8 => Op::LdcR8(self.float64()?),
            Kind::Br => Op::Br(self.target()?),
            Kind::BrFalse => Op::BrFalse(self.target()?),
            Kind::BrTrue => Op::BrTrue(self.target()?),
            Kind::Leave => Op::Leave(self.target()?),
            Kind::Switch => self.switch()?,
            Kind::Jmp => Op::Jmp(self.method()?),
            Kind::Call => Op::Call(self.method()?),
            Kind::CallVirt => Op::CallVirt(self.method()?),
            Kind::NewObj => Op::NewObj(self.method()?),
            Kind::LdFtn => Op::LdFtn(self.method()?),
            Kind::LdVirtFtn => Op::LdVirtFtn(self.method()?),
            Kind::CallI => self.indirect()?,
            Kind::LdFld => Op::LdFld(self.field()?),
            Kind::LdFldA => Op::LdFldA(self.field()?),
            Kind::StFld => Op::StFld(self.field()?),
            Kind::LdSFld => Op::LdSFld(self.field()?),
            Kind::LdSFldA => Op::LdSFldA(self.field()?),
            Kind::StSFld => Op::StSFld(self.field()?),
            Kind::CpObj => Op::CpObj(self.type_operand()?),
            Kind::LdObj => Op::LdObj(self.type_operand()?),
            Kind::StObj => Op::StObj(self.type_operand()?),
            Kind::InitObj => Op::InitObj(self.type_operand()?),
            Kind::SizeOf => Op::SizeOf(self.type_operand()?),
            Kind::Box => Op::Box(self.type_operand()?),
            Kind::Unbox => Op::Unbox(self.type_operand()?),
            Kind::UnboxAny => Op::UnboxAny(self.type_operand()?),
            Kind::CastClass => Op::CastClass(self.type_operand()?),
            Kind::IsInst => Op::IsInst(self.type_operand()?),
            Kind::NewArr => Op::NewArr(self.element_operand()?.1),
            Kind::LdElemA => Op::LdElemA(self.element_operand()?.1),
            Kind::LdElemT => {
                let (mem, ty) = self.element_operand()?;
                Op::LdElem(mem, Some(ty))
            }
            Kind::StElemT => {
                let (mem, ty) = self.element_operand()?;
                Op::StElem(mem, Some(ty))
            }
            Kind::RefAnyVal => Op::RefAnyVal(self.type_operand()?),
            Kind::MkRefAny => Op::MkRefAny(self.type_operand()?),
            Kind::LdStr => {
                let text = self.string()?;
                Op::LdStr(self.module.literal(text))
            }
            Kind::LdToken => Op::LdToken(match self.c.word("type, method or field")? {
                "type" => Token::Type(self.type_operand()?),
                "method" => Token::Method(self.method()?),
                "field" => Token::Field(self.field()?),
                _ => return fail(self.c.pos(), "expected type, method or field"),
            }),
        })
    }

    fn string(&mut self) -> Result<&'a [u16], ParseError> {
        match self.c.peek() {
            Tok::Str(s) => {
                self.c.advance();
                Ok(s)
            }
            _ => fail(self.c.pos(), "expected a string"),
        }
    }

    /// A float, or its bits in hexadecimal.
    fn float64(&mut self) -> Result<u64, ParseError> {
        let pos = self.c.pos();
        match self.c.advance() {
            Tok::Float(x) => Ok(x.to_bits()),
            Tok::Int(bits, true) if *bits >= 0 => Ok(*bits as u64),
            Tok::Int(n, false) => Ok((*n as f64).to_bits()),
            Tok::Word(w) if w == "inf" => Ok(f64::INFINITY.to_bits()),
            Tok::Word(w) if w == "nan" => Ok(f64::NAN.to_bits()),
            _ => fail(pos, "expected a float"),
        }
    }

    fn float32(&mut self) -> Result<u32, ParseError> {
        let pos = self.c.pos();
        match self.c.peek() {
            Tok::Int(bits, true) => match u32::try_from(*bits) {
                Ok(bits) => {
                    self.c.advance();
                    Ok(bits)
                }
                Err(_) => fail(pos, "the bits of a float32 are 32"),
            },
            _ => Ok((f64::from_bits(self.float64()?) as f32).to_bits()),
        }
    }

    fn arg(&mut self) -> Result<u16, ParseError> {
        let pos = self.c.pos();
        match self.c.advance() {
            Tok::Int(n, _) if (0..self.args.len() as i128).contains(n) => Ok(*n as u16),
            Tok::Word(w) => match self.args.iter().position(|a| a == w) {
                Some(i) => Ok(i as u16),
                None => fail(pos, format!("there is no argument {w}")),
            },
            _ => fail(pos, "expected an argument"),
        }
    }

    fn local(&mut self) -> Result<u16, ParseError> {
        let pos = self.c.pos();
        match self.c.advance() {
            Tok::Int(n, _) if (0..self.locals.len() as i128).contains(n) => Ok(*n as u16),
            Tok::Word(w) => match self.local_types.iter().position(|(name, _)| name == w) {
                Some(i) => Ok(i as u16),
                None => fail(pos, format!("there is no local {w}")),
            },
            _ => fail(pos, "expected a local"),
        }
    }

    fn switch(&mut self) -> Result<Op, ParseError> {
        self.c.want("(")?;
        let mut targets = Vec::new();
        while !self.c.eat(")") {
            if !targets.is_empty() {
                self.c.want(",")?;
            }
            targets.push(self.target()?);
        }
        self.switches.push(targets);
        Ok(Op::Switch(self.switches.len() as u32 - 1))
    }

    fn indirect(&mut self) -> Result<Op, ParseError> {
        let conv = match self.c.eat_word("vararg") {
            true => CallConv::ManagedVarArg,
            false => CallConv::Managed,
        };
        let params = self.types()?;
        let ret = match self.c.result()? {
            Some(syntax) => Some(self.module.resolve(&syntax)?),
            None => None,
        };
        Ok(Op::CallI(self.module.call_signature(conv, params, ret)))
    }

    /// A list of types in parentheses.
    fn types(&mut self) -> Result<Vec<TypeId>, ParseError> {
        let mut types = Vec::new();
        for (syntax, _) in self.c.params()? {
            types.push(self.module.resolve(&syntax)?);
        }
        Ok(types)
    }

    fn type_operand(&mut self) -> Result<TypeId, ParseError> {
        let syntax = self.c.ty()?;
        Ok(self.module.resolve(&syntax)?)
    }

    fn element_operand(&mut self) -> Result<(MemTy, TypeId), ParseError> {
        let pos = self.c.pos();
        let ty = self.type_operand()?;
        match self.module.ty(ty).mem {
            MemTy::ByRef => fail(pos, "there are no arrays of managed pointers"),
            mem => Ok((mem, ty)),
        }
    }

    fn method(&mut self) -> Result<MethodId, ParseError> {
        let pos = self.c.pos();
        if matches!(self.c.peek_at(1), Tok::Sign("::" | "?" | "[")) {
            let owner = self.type_operand()?;
            self.c.want("::")?;
            let name = self.c.word("a method's name")?;
            return match self.module.find_method(owner, name) {
                Some(m) => Ok(m),
                None => fail(
                    pos,
                    format!("{} has no method {name}", self.module.ty(owner).name),
                ),
            };
        }
        let name = self.c.word("a method")?;
        match self.module.find_function(name) {
            Some(m) => Ok(m),
            None => fail(pos, format!("there is no function {name}")),
        }
    }

    fn field(&mut self) -> Result<FieldId, ParseError> {
        let pos = self.c.pos();
        let owner = self.type_operand()?;
        self.c.want("::")?;
        let name = self.c.word("a field's name")?;
        match self.module.find_field(owner, name) {
            Some(f) => Ok(f),
            None => fail(
                pos,
                format!("{} has no field {name}", self.module.ty(owner).name),
            ),
        }
    }
}

fn set_target(op: &mut Op, to: u32) {
    match op {
        Op::Br(t) | Op::BrFalse(t) | Op::BrTrue(t) | Op::BrCmp(_, t) | Op::Leave(t) => *t = to,
        _ => {}
    }
}
