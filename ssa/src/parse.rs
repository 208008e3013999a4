//! Reads the text form that [`crate::print`] writes.

use crate::ir::{
    Access, AccessFlags, Block, BlockData, CallInfo, CallTarget, Clause, Cmp, Edge, Func, Imm,
    ImmKind, InstData, ListRef, Mem, Op, Part, Region, Sig, SigConv, Slot, Ty, Value, ValueData,
    ValueDef,
};
use crate::print::{cmp_name, word_name};
use isthmus_runtime_abi::artifact::{InlineNode, SourcePos};
use isthmus_runtime_abi::callconv::WordTy;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{LiteralId, MethodId, RaiseId, SigId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use smallvec::SmallVec;

/// A text that is not a function.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// What.
    pub message: String,
}

type Result<T> = std::result::Result<T, ParseError>;

/// Ids in a text are below this: they index tables.
const MAX_ID: usize = 1 << 20;

const WORDS: [WordTy; 5] = [
    WordTy::I32,
    WordTy::I64,
    WordTy::Ptr,
    WordTy::F32,
    WordTy::F64,
];
const CMPS: [Cmp; 10] = [
    Cmp::Eq,
    Cmp::NeUn,
    Cmp::Ge,
    Cmp::Gt,
    Cmp::Le,
    Cmp::Lt,
    Cmp::GeUn,
    Cmp::GtUn,
    Cmp::LeUn,
    Cmp::LtUn,
];

struct Tokens<'t> {
    list: Vec<(&'t str, usize)>,
    at: usize,
}

/// Parses a function.
pub fn parse(text: &str) -> Result<Func> {
    let mut t = Tokens {
        list: tokens(text),
        at: 0,
    };
    let func = t.function()?;
    match t.peek() {
        "" => Ok(func),
        more => t.fail(format!("{more} after the function")),
    }
}

/// Splits a text: names and numbers (with their sign), `=>`, `->`, and single other characters.
fn tokens(text: &str) -> Vec<(&str, usize)> {
    let mut out = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(c) = rest.chars().next() {
            let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            let signed =
                matches!(c, '+' | '-') && rest[1..].starts_with(|d: char| d.is_ascii_digit());
            let len = if name(c) || signed {
                1 + rest[1..].find(|c| !name(c)).unwrap_or(rest.len() - 1)
            } else if rest.starts_with("=>") || rest.starts_with("->") {
                2
            } else {
                c.len_utf8()
            };
            out.push((&rest[..len], n + 1));
            rest = rest[len..].trim_start();
        }
    }
    out
}

impl<'t> Tokens<'t> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        let at = self.at.min(self.list.len().saturating_sub(1));
        Err(ParseError {
            line: self.list.get(at).map_or(1, |t| t.1),
            message: message.into(),
        })
    }

    fn peek(&self) -> &'t str {
        self.list.get(self.at).map_or("", |t| t.0)
    }

    fn next(&mut self) -> &'t str {
        let t = self.peek();
        self.at += 1;
        t
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if self.accept(token) {
            return Ok(());
        }
        self.fail(format!("{token} expected, found {}", self.peek()))
    }

    /// A name made of a prefix and a number.
    fn id(&mut self, prefix: &str) -> Result<usize> {
        let t = self.peek();
        match t.strip_prefix(prefix).and_then(|n| n.parse().ok()) {
            Some(n) if n < MAX_ID => {
                self.at += 1;
                Ok(n)
            }
            _ => self.fail(format!("{prefix} and a number expected, found {t}")),
        }
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T> {
        let t = self.next();
        match t.strip_prefix('+').unwrap_or(t).parse() {
            Ok(n) => Ok(n),
            Err(_) => {
                self.at -= 1;
                self.fail(format!("a number expected, found {t}"))
            }
        }
    }

    fn hex(&mut self) -> Result<u32> {
        let t = self.next();
        u32::from_str_radix(t, 16).or_else(|_| self.fail(format!("{t} is no offset")))
    }

    fn one_of<T: Copy>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let t = self.peek();
        match find(t) {
            Some(v) => {
                self.at += 1;
                Ok(v)
            }
            None => self.fail(format!("{what} expected, found {t}")),
        }
    }

    fn method(&mut self) -> Result<MethodId> {
        Ok(MethodId::from_index(self.id("method")?))
    }

    fn type_id(&mut self) -> Result<TypeId> {
        Ok(TypeId::from_index(self.id("type")?))
    }

    fn word(&mut self) -> Result<WordTy> {
        self.one_of("a word", |t| WORDS.into_iter().find(|&w| word_name(w) == t))
    }

    fn ty(&mut self) -> Result<Ty> {
        self.one_of("a type", Ty::from_name)
    }

    fn mem(&mut self, name: &str) -> Result<Mem> {
        match Mem::from_name(name) {
            Some(m) => Ok(m),
            None => self.fail(format!("{name} is no type in memory")),
        }
    }

    /// `(a, b)` of words.
    fn words(&mut self) -> Result<SmallVec<[WordTy; 8]>> {
        let mut out = SmallVec::new();
        self.expect("(")?;
        while !self.accept(")") {
            out.push(self.word()?);
            self.accept(",");
        }
        Ok(out)
    }

    // ---- the function

    fn function(&mut self) -> Result<Func> {
        self.expect("function")?;
        let method = self.method()?;
        let mut func = Func::new(method);
        if self.accept("from") {
            func.part = Part::From(self.number()?);
        } else if self.accept("filter") {
            func.part = Part::Filter(self.number()?);
        }
        func.sig.params = self.words()?;
        if self.accept("->") {
            loop {
                func.sig.rets.push(self.word()?);
                if !self.accept(",") {
                    break;
                }
            }
        }
        self.expect("{")?;
        while !self.peek().starts_with("block") && self.peek() != "}" {
            self.declaration(&mut func)?;
        }
        while !self.accept("}") {
            self.block(&mut func)?;
        }
        Ok(func)
    }

    fn declaration(&mut self, func: &mut Func) -> Result<()> {
        let name = self.next();
        self.expect(":")?;
        match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "slot" => {
                let size = self.number()?;
                self.expect("align")?;
                let align = self.number()?;
                func.new_slot(size, align);
            }
            "clause" => {
                let kind = self.next();
                let clause = match kind {
                    "Catch" | "CatchLookup" | "Filter" => {
                        self.expect("(")?;
                        let clause = match kind {
                            "Catch" => Clause::Catch(self.type_id()?),
                            "Filter" => Clause::Filter(self.number()?),
                            _ => Clause::CatchLookup(self.number()?),
                        };
                        self.expect(")")?;
                        clause
                    }
                    "CatchAll" => Clause::CatchAll,
                    "Finally" => Clause::Finally,
                    "Fault" => Clause::Fault,
                    _ => return self.fail(format!("{kind} is no clause")),
                };
                self.expect("node")?;
                let node = self.number()?;
                func.clauses.push((clause, node));
            }
            "inline" => {
                let method = self.method()?;
                self.expect("at")?;
                let parent = self.number()?;
                self.expect(":")?;
                let il = self.hex()?;
                func.inline_tree.push(InlineNode {
                    method,
                    parent: Some((parent, il)),
                });
            }
            "filter_area" => func.filter_area = Some(Slot::from_index(self.id("slot")?)),
            "this_slot" => func.this_slot = Some(Slot::from_index(self.id("slot")?)),
            "rgctx_slot" => func.rgctx_slot = Some(Slot::from_index(self.id("slot")?)),
            _ => return self.fail(format!("{name} declares nothing")),
        }
        Ok(())
    }

    fn define(&mut self, func: &mut Func, n: usize, ty: Ty, def: ValueDef) -> Result<()> {
        let v = Value::from_index(n);
        self.reserve(func, n);
        if func.values[n].def != ValueDef::Alias(v) {
            return self.fail(format!("{v} is defined twice"));
        }
        func.values[n] = ValueData { ty, def };
        Ok(())
    }

    /// Makes room for a value that may be defined later.
    fn reserve(&mut self, func: &mut Func, n: usize) {
        while func.values.len() <= n {
            let v = Value::from_index(func.values.len());
            func.values.push(ValueData {
                ty: Ty::I32,
                def: ValueDef::Alias(v),
            });
        }
    }

    fn value(&mut self, func: &mut Func) -> Result<Value> {
        let n = self.id("v")?;
        self.reserve(func, n);
        Ok(Value::from_index(n))
    }

    fn block_id(&mut self, func: &mut Func) -> Result<Block> {
        let n = self.id("block")?;
        if func.blocks.len() <= n {
            func.blocks.resize_with(n + 1, BlockData::default);
        }
        Ok(Block::from_index(n))
    }

    fn block(&mut self, func: &mut Func) -> Result<()> {
        let b = self.block_id(func)?;
        self.expect("(")?;
        while !self.accept(")") {
            let n = self.id("v")?;
            self.expect(":")?;
            let ty = self.ty()?;
            let place = func.blocks[b.index()].params.len() as u32;
            self.define(func, n, ty, ValueDef::Param(b, place))?;
            func.blocks[b.index()].params.push(Value::from_index(n));
            self.accept(",");
        }
        func.blocks[b.index()].cold = self.accept("cold");
        self.expect(":")?;
        while !self.peek().starts_with("block") && self.peek() != "}" {
            self.inst(func, b)?;
        }
        Ok(())
    }

    fn inst(&mut self, func: &mut Func, b: Block) -> Result<()> {
        let mut results = Vec::new();
        let first = self.peek();
        let is_value = first
            .strip_prefix('v')
            .is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit()) && !n.is_empty());
        if is_value {
            loop {
                results.push(self.id("v")?);
                if !self.accept(",") {
                    break;
                }
            }
            self.expect("=")?;
        }
        let name = self.next();
        let (op, ty) = match name.split_once('.') {
            Some((op, ty)) => (op, Ty::from_name(ty)),
            None => (name, Some(Ty::I32)),
        };
        let (Some(op), Some(ty)) = (Op::from_name(op), ty) else {
            self.at -= 1;
            return self.fail(format!("{name} is no operation"));
        };
        let mut args = Vec::new();
        if self.peek().starts_with('v') && self.peek()[1..].parse::<u32>().is_ok() {
            loop {
                args.push(self.value(func)?);
                if !self.accept(",") {
                    break;
                }
            }
        }
        let imm = self.imm(func, op)?;
        let mut edges = Vec::new();
        if self.accept("=>") {
            loop {
                edges.push(self.edge(func)?);
                if !self.accept(",") {
                    break;
                }
            }
        }
        let pos = self.position(func)?;
        let i = crate::ir::Inst::from_index(func.insts.len());
        for (n, &r) in results.iter().enumerate() {
            if r != results[0] + n {
                return self.fail("results are not numbered one after the other");
            }
            let ty = match (op.row().res, n, imm) {
                (crate::ir::Res::I32, ..) | (crate::ir::Res::TI32, 1, _) => Ty::I32,
                (crate::ir::Res::Call, _, Imm::Call(c)) => {
                    let tys = &func.calls[c as usize].ret_tys;
                    tys.get(n).copied().unwrap_or(Ty::I32)
                }
                _ => ty,
            };
            self.define(func, r, ty, ValueDef::Result(i, n as u8))?;
        }
        let args: ListRef = func.new_list(&args);
        let edges = func.new_edges(&edges);
        func.insts.push(InstData {
            op,
            ty,
            num_results: results.len() as u8,
            first_result: Value::from_index(results.first().copied().unwrap_or(func.values.len())),
            args,
            edges,
            imm,
            pos,
        });
        func.blocks[b.index()].insts.push(i);
        Ok(())
    }

    fn position(&mut self, func: &mut Func) -> Result<u32> {
        if !self.accept(";") {
            return Ok(0);
        }
        let mut pos = SourcePos { node: 0, il: 0 };
        if self.list.get(self.at + 1).is_some_and(|t| t.0 == ":") {
            pos.node = self.number()?;
            self.expect(":")?;
        }
        pos.il = self.hex()?;
        if func.positions.last() != Some(&pos) {
            func.positions.push(pos);
        }
        Ok(func.positions.len() as u32 - 1)
    }

    fn edge(&mut self, func: &mut Func) -> Result<Edge> {
        let clause = match self.peek().starts_with("clause") {
            true => Some(self.id("clause")? as u32),
            false => None,
        };
        let block = self.block_id(func)?;
        let mut args = Vec::new();
        self.expect("(")?;
        while !self.accept(")") {
            args.push(self.value(func)?);
            self.accept(",");
        }
        Ok(Edge {
            block,
            args: func.new_list(&args),
            clause,
        })
    }

    // ---- immediates

    fn imm(&mut self, func: &mut Func, op: Op) -> Result<Imm> {
        Ok(match op.row().imm {
            ImmKind::None => Imm::None,
            ImmKind::Bits => Imm::Bits(self.number()?),
            ImmKind::Symbol => Imm::Symbol(self.symbol()?),
            ImmKind::Cmp => Imm::Cmp(self.one_of("a comparison", |t| {
                CMPS.into_iter().find(|&c| cmp_name(c) == t)
            })?),
            ImmKind::Access => Imm::Access(self.access()?),
            ImmKind::Trap => Imm::Trap(self.one_of("a trap", |t| {
                TrapKind::ALL.iter().copied().find(|k| k.name() == t)
            })?),
            ImmKind::Call => self.call(func)?,
            ImmKind::Helper => Imm::Helper(self.one_of("a helper", Helper::from_name)?),
            ImmKind::Slot => {
                let slot = Slot::from_index(self.id("slot")?);
                Imm::Slot(slot, self.number()?)
            }
            ImmKind::Ctx => Imm::Ctx(self.one_of("a word of the context", |t| {
                CtxWord::ALL.iter().copied().find(|w| w.name() == t)
            })?),
        })
    }

    fn access(&mut self) -> Result<Access> {
        self.expect("[")?;
        let mem = self.next();
        let mem = self.mem(mem)?;
        let offset = self.number()?;
        let mut a = Access::new(mem, offset, Region::Any);
        while !self.accept("]") {
            let t = self.next();
            match t {
                "*" => a.scale = self.number()?,
                "header" => a.region = Region::Header,
                "length" => a.region = Region::Length,
                "vtable" => a.region = Region::Vtable,
                "fixed" => a.region = Region::Fixed,
                "field" => a.region = Region::Field,
                "static" => a.region = Region::Static,
                "null" => a.flags |= AccessFlags::NULL,
                "volatile" => a.flags |= AccessFlags::VOLATILE,
                "unaligned" => a.flags |= AccessFlags::UNALIGNED,
                _ => {
                    if let Some(m) = t.strip_prefix("element.") {
                        a.region = Region::Element(self.mem(m)?);
                    } else {
                        self.at -= 1;
                        a.region = Region::Frame(Slot::from_index(self.id("slot")?));
                    }
                }
            }
        }
        Ok(a)
    }

    fn symbol(&mut self) -> Result<Symbol> {
        let name = self.next();
        self.expect("(")?;
        let s = match name {
            "MethodEntry" => Symbol::MethodEntry(self.method()?),
            "MethodCell" => Symbol::MethodCell(self.method()?),
            "MethodBody" => Symbol::MethodBody(self.method()?),
            "MethodHandle" => Symbol::MethodHandle(self.method()?),
            "InterfaceStub" => Symbol::InterfaceStub(self.method()?),
            "GenericContext" => Symbol::GenericContext(self.method()?),
            "Vtable" => Symbol::Vtable(self.type_id()?),
            "TypeHandle" => Symbol::TypeHandle(self.type_id()?),
            "Statics" => Symbol::Statics(self.type_id()?),
            "RefStatics" => Symbol::RefStatics(self.type_id()?),
            "ThreadStatics" => Symbol::ThreadStatics(self.type_id()?),
            "InitState" => Symbol::InitState(self.type_id()?),
            "TypeObject" => Symbol::TypeObject(self.type_id()?),
            "Literal" => Symbol::Literal(LiteralId::from_index(self.id("literal")?)),
            "Signature" => Symbol::Signature(SigId::from_index(self.id("sig")?)),
            "Raise" => Symbol::Raise(RaiseId::from_index(self.id("raise")?)),
            "VmData" => Symbol::VmData(self.number()?),
            "Native" => Symbol::Native(self.number()?),
            _ => return self.fail(format!("{name} is no symbol")),
        };
        self.expect(")")?;
        Ok(s)
    }

    fn call(&mut self, func: &mut Func) -> Result<Imm> {
        let target = if self.accept("symbol") {
            CallTarget::Symbol(self.symbol()?)
        } else if self.accept("indirect") {
            CallTarget::Indirect
        } else if self.accept("helper") {
            CallTarget::Helper(self.one_of("a helper", Helper::from_name)?)
        } else {
            CallTarget::Method(self.method()?)
        };
        let mut sig = Sig {
            params: self.words()?,
            ..Sig::default()
        };
        let mut ret_tys = SmallVec::new();
        if self.accept("->") {
            loop {
                let ty = self.ty()?;
                ret_tys.push(ty);
                sig.rets.push(ty.word());
                if !self.accept(",") {
                    break;
                }
            }
        }
        if self.accept("c") {
            sig.conv = SigConv::C;
        }
        let rgctx = self.accept("rgctx");
        let cookie = self.accept("cookie");
        let callee = match (self.accept("of"), target) {
            (true, _) => Some(self.method()?),
            (false, CallTarget::Method(m)) => Some(m),
            _ => None,
        };
        Ok(func.new_call(CallInfo {
            target,
            sig,
            ret_tys,
            rgctx,
            cookie,
            callee,
        }))
    }
}
