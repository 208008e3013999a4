//! A module or a body as text. What is printed parses back to the same.

use super::code::COMPARISONS;
use crate::body::Body;
use crate::cil::{self, Form, Kind, Operand};
use crate::module::{FieldFlags, MethodDef, MethodFlags, Module, TypeDef, TypeFlags};
use crate::op::{Insn, Op, Prefix, Token};
use crate::region::ClauseKind;
use isthmus_runtime_abi::ids::{FieldId, MethodId, RaiseId, SigId, TypeId};
use isthmus_runtime_abi::vm::TypeKind;
use std::fmt::Write;

/// The names of entities, for printing.
pub trait Names {
    /// A type as an operand.
    fn type_name(&self, ty: TypeId) -> String;
    /// A method as an operand.
    fn method_name(&self, method: MethodId) -> String;
    /// A field as an operand.
    fn field_name(&self, field: FieldId) -> String;
    /// A signature as an operand: `(types) -> type`, before it `vararg` if calls take a cookie.
    fn signature(&self, sig: SigId) -> String;
    /// A literal as an operand, with its quotes.
    fn literal(&self, literal: isthmus_runtime_abi::ids::LiteralId) -> String;
    /// The text of a raise.
    fn raise(&self, raise: RaiseId) -> String;
    /// Name of an argument.
    fn arg(&self, body: &Body, n: u16) -> String;
    /// Declared type and name of a local.
    fn local(&self, body: &Body, n: u16) -> (String, String);
}

impl Names for Module {
    fn type_name(&self, ty: TypeId) -> String {
        self.ty(ty).name.clone()
    }

    fn method_name(&self, method: MethodId) -> String {
        self.full_name(method)
    }

    fn field_name(&self, field: FieldId) -> String {
        let def = self.field_def(field);
        format!("{}::{}", self.ty(def.owner).name, def.name)
    }

    fn signature(&self, sig: SigId) -> String {
        let (compiled, params, ret) = &self.sigs[sig.index()];
        let vararg = if compiled.takes_cookie() {
            "vararg "
        } else {
            ""
        };
        let params: Vec<String> = params.iter().map(|&t| self.ty(t).name.clone()).collect();
        let ret = ret.map_or(String::new(), |t| format!(" -> {}", self.ty(t).name));
        format!("{vararg}({}){ret}", params.join(", "))
    }

    fn literal(&self, literal: isthmus_runtime_abi::ids::LiteralId) -> String {
        quote(&self.literals[literal.index()])
    }

    fn raise(&self, raise: RaiseId) -> String {
        self.raises[raise.index()].clone()
    }

    fn arg(&self, body: &Body, n: u16) -> String {
        let skip = u16::from(body.sig.has_this);
        if n < skip {
            return "this".to_string();
        }
        let def = self.method_def(body.method);
        match def.params.get(usize::from(n - skip)) {
            Some((name, _)) if !name.is_empty() => name.clone(),
            _ => n.to_string(),
        }
    }

    fn local(&self, body: &Body, n: u16) -> (String, String) {
        match self.method_def(body.method).locals.get(usize::from(n)) {
            Some((name, ty)) => (self.ty(*ty).name.clone(), name.clone()),
            None => ("?".to_string(), n.to_string()),
        }
    }
}

/// A string with quotes and escapes.
pub fn quote(units: &[u16]) -> String {
    let mut out = String::from('"');
    for &unit in units {
        match char::from_u32(u32::from(unit)) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if (' '..='~').contains(&c) => out.push(c),
            _ => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('"');
    out
}

/// A module as text, without its prelude.
pub fn module(m: &Module) -> String {
    let mut out = String::new();
    let prelude = super::parse("").map_or(0, |p| p.methods.len());
    for ty in &m.types {
        if !ty.flags.contains(TypeFlags::BUILTIN) {
            type_def(&mut out, m, ty);
        }
    }
    for def in m.methods.iter().skip(prelude).filter(|d| d.owner.is_none()) {
        method(&mut out, m, def, "");
    }
    out
}

fn names(m: &Module, types: &[TypeId]) -> String {
    let names: Vec<&str> = types.iter().map(|&t| m.ty(t).name.as_str()).collect();
    names.join(", ")
}

fn type_def(out: &mut String, m: &Module, ty: &TypeDef) {
    let (keyword, is_class) = match ty.kind {
        TypeKind::Interface => ("interface", false),
        TypeKind::Class => ("class", true),
        _ => ("struct", false),
    };
    for (flag, word) in [
        (TypeFlags::SEALED, "sealed "),
        (TypeFlags::ABSTRACT, "abstract "),
        (TypeFlags::RELAXED, "relaxed "),
    ] {
        if ty.flags.contains(flag) && (is_class || flag == TypeFlags::RELAXED) {
            out.push_str(word);
        }
    }
    let _ = write!(out, "{keyword} {}", ty.name);
    if let Some(base) = ty.base.filter(|&b| is_class && b != m.wellknown().object) {
        let _ = write!(out, " extends {}", m.ty(base).name);
    }
    if !ty.interfaces.is_empty() {
        let word = if ty.kind == TypeKind::Interface {
            "extends"
        } else {
            "implements"
        };
        let _ = write!(out, " {word} {}", names(m, &ty.interfaces));
    }
    if ty.flags.contains(TypeFlags::EXPLICIT) {
        out.push_str(" explicit");
    }
    for (word, n) in [("pack", ty.pack), ("size", ty.declared_size)] {
        if n != 0 {
            let _ = write!(out, " {word} {n}");
        }
    }
    out.push_str(" {\n");
    for &f in &ty.fields {
        let def = m.field_def(f);
        let word = match (
            def.flags.contains(FieldFlags::THREAD),
            def.flags.contains(FieldFlags::STATIC),
        ) {
            (true, _) => "thread ",
            (_, true) => "static ",
            _ => "",
        };
        let readonly = if def.flags.contains(FieldFlags::READONLY) {
            "readonly "
        } else {
            ""
        };
        let at = def
            .declared_offset
            .map_or(String::new(), |o| format!(" at {o}"));
        let _ = writeln!(
            out,
            "  {word}{readonly}field {} {}{at}",
            m.ty(def.ty).name,
            def.name
        );
    }
    for &id in &ty.methods {
        method(out, m, m.method_def(id), "  ");
    }
    out.push_str("}\n\n");
}

fn method(out: &mut String, m: &Module, def: &MethodDef, indent: &str) {
    out.push_str(indent);
    if def.flags.contains(MethodFlags::CCTOR) {
        out.push_str("cctor");
    } else {
        let in_interface = def
            .owner
            .is_some_and(|t| m.ty(t).kind == TypeKind::Interface);
        for (flag, word) in [
            (MethodFlags::EXTERN, "extern "),
            (MethodFlags::STATIC, "static "),
            (MethodFlags::ABSTRACT, "abstract "),
            (MethodFlags::VIRTUAL, "virtual "),
            (MethodFlags::OVERRIDE, "override "),
            (MethodFlags::FINAL, "final "),
            (MethodFlags::NOINLINE, "noinline "),
            (MethodFlags::INLINE, "inline "),
            (MethodFlags::VARARG, "vararg "),
        ] {
            let implied = (flag == MethodFlags::STATIC && def.owner.is_none())
                || (flag == MethodFlags::VIRTUAL && def.flags.contains(MethodFlags::OVERRIDE))
                || (in_interface && matches!(flag, MethodFlags::VIRTUAL | MethodFlags::ABSTRACT));
            if def.flags.contains(flag) && !implied {
                out.push_str(word);
            }
        }
        let keyword = match (def.owner, def.flags.contains(MethodFlags::CTOR)) {
            (None, _) => "func",
            (_, true) => "ctor",
            _ => "method",
        };
        let params: Vec<String> = def
            .params
            .iter()
            .map(|(name, t)| format!("{} {name}", m.ty(*t).name).trim_end().to_string())
            .collect();
        let _ = write!(out, "{keyword} {}({})", def.name, params.join(", "));
        if let Some(ret) = def.ret {
            let _ = write!(out, " -> {}", m.ty(ret).name);
        }
        if let Some(i) = def.intrinsic {
            let _ = write!(out, " = {}", i.name());
        }
    }
    match &def.body {
        Some(b) => {
            out.push_str(" {\n");
            out.push_str(&body(m, b, &format!("{indent}  ")));
            let _ = writeln!(out, "{indent}}}");
        }
        None => out.push('\n'),
    }
    if def.owner.is_none() {
        out.push('\n');
    }
}

/// A body as text: directives, labels, one instruction a line, clauses last.
pub fn body(names: &dyn Names, body: &Body, indent: &str) -> String {
    Printer {
        names,
        body,
        indent,
    }
    .print()
}

struct Printer<'a> {
    names: &'a dyn Names,
    body: &'a Body,
    indent: &'a str,
}

impl Printer<'_> {
    fn print(&self) -> String {
        let mut out = String::new();
        let indent = self.indent;
        let _ = writeln!(out, "{indent}.maxstack {}", self.body.max_stack);
        if !self.body.init_locals {
            let _ = writeln!(out, "{indent}.noinit");
        }
        if !self.body.locals.is_empty() {
            let locals: Vec<String> = (0..self.body.locals.len())
                .map(|i| {
                    let (ty, name) = self.names.local(self.body, i as u16);
                    let pinned = if self.body.locals[i].pinned {
                        "pinned "
                    } else {
                        ""
                    };
                    format!("{pinned}{ty} {name}")
                })
                .collect();
            let _ = writeln!(out, "{indent}.locals ({})", locals.join(", "));
        }
        let labels = self.labels();
        for (i, insn) in self.body.code.iter().enumerate() {
            if labels[i] {
                let _ = writeln!(out, "{indent}L{i}:");
            }
            let _ = writeln!(out, "{indent}  {}", self.insn(insn));
        }
        let end = self.body.code.len();
        if labels[end] {
            let _ = writeln!(out, "{indent}L{end}:");
        }
        for clause in &self.body.regions.clauses {
            let kind = match clause.kind {
                ClauseKind::Catch(t) => format!("catch {}", self.names.type_name(t)),
                ClauseKind::Filter(_) => "filter".to_string(),
                ClauseKind::Finally => "finally".to_string(),
                ClauseKind::Fault => "fault".to_string(),
            };
            let filter = match clause.kind {
                ClauseKind::Filter(start) => format!(" filter L{start}"),
                _ => String::new(),
            };
            let (b, h) = (&clause.body, &clause.handler);
            let _ = writeln!(
                out,
                "{indent}.clause {kind} try L{} to L{}{filter} handler L{} to L{}",
                b.start, b.end, h.start, h.end
            );
        }
        out
    }

    /// Which instructions (and the end) need labels.
    fn labels(&self) -> Vec<bool> {
        let mut needed = vec![false; self.body.code.len() + 1];
        let mut mark = |at: u32| {
            if let Some(slot) = needed.get_mut(at as usize) {
                *slot = true;
            }
        };
        self.body
            .code
            .iter()
            .filter_map(|i| i.op.target())
            .for_each(&mut mark);
        self.body
            .switches
            .iter()
            .flatten()
            .copied()
            .for_each(&mut mark);
        for c in &self.body.regions.clauses {
            [c.body.start, c.body.end, c.handler.start, c.handler.end]
                .into_iter()
                .for_each(&mut mark);
            if let ClauseKind::Filter(start) = c.kind {
                mark(start);
            }
        }
        needed
    }

    fn insn(&self, insn: &Insn) -> String {
        let mut out = String::new();
        for (flag, text) in [
            (Prefix::VOLATILE, "volatile. "),
            (Prefix::TAIL, "tail. "),
            (Prefix::READONLY, "readonly. "),
            (Prefix::UNALIGNED, "unaligned. 1 "),
            (Prefix::NO_TYPE_CHECK, "no. 1 "),
            (Prefix::NO_RANGE_CHECK, "no. 2 "),
            (Prefix::NO_NULL_CHECK, "no. 4 "),
        ] {
            if insn.prefix.contains(flag) {
                out.push_str(text);
            }
        }
        if let Some(t) = insn.constrained {
            let _ = write!(out, "constrained. {} ", self.names.type_name(t));
        }
        out.push_str(&self.op(insn.op));
        out
    }

    fn op(&self, op: Op) -> String {
        if let Some(row) = cil::TABLE
            .iter()
            .find(|r| r.form == Form::Op(op) && is_plain(op))
        {
            return row.mnemonic.to_string();
        }
        if let Op::BrCmp(cmp, target) = op {
            let row = cil::TABLE
                .iter()
                .find(|r| r.form == Form::BranchCmp(cmp) && r.operand == Operand::Target32);
            return format!("{} L{target}", row.map_or("?", |r| r.mnemonic));
        }
        if let Op::Compare(cmp) = op {
            let name = COMPARISONS.iter().find(|(_, c)| *c == cmp);
            return name.map_or("?", |(n, _)| n).to_string();
        }
        if let Op::Raise(raise) = op {
            let text: Vec<u16> = self.names.raise(raise).encode_utf16().collect();
            return format!("raise {}", quote(&text));
        }
        if let Op::VarArgs(sig) = op {
            return format!("varargs {}", self.names.signature(sig));
        }
        let (kind, operand) = self.operand(op);
        let short = [
            Operand::Arg8,
            Operand::Local8,
            Operand::Target8,
            Operand::I8,
        ];
        let row = cil::TABLE
            .iter()
            .find(|r| r.form == Form::With(kind) && !short.contains(&r.operand));
        format!("{} {operand}", row.map_or("?", |r| r.mnemonic))
    }

    fn operand(&self, op: Op) -> (Kind, String) {
        let n = self.names;
        let arg = |i| n.arg(self.body, i);
        let local = |i| n.local(self.body, i).1;
        let label = |t: u32| format!("L{t}");
        match op {
            Op::LdArg(i) => (Kind::LdArg, arg(i)),
            Op::LdArgA(i) => (Kind::LdArgA, arg(i)),
            Op::StArg(i) => (Kind::StArg, arg(i)),
            Op::LdLoc(i) => (Kind::LdLoc, local(i)),
            Op::LdLocA(i) => (Kind::LdLocA, local(i)),
            Op::StLoc(i) => (Kind::StLoc, local(i)),
            Op::LdcI4(x) => (Kind::LdcI4, x.to_string()),
            Op::LdcI8(x) => (Kind::LdcI8, x.to_string()),
            Op::LdcR4(bits) => (
                Kind::LdcR4,
                float(f64::from(f32::from_bits(bits)), bits.into()),
            ),
            Op::LdcR8(bits) => (Kind::LdcR8, float(f64::from_bits(bits), bits)),
            Op::LdStr(l) => (Kind::LdStr, n.literal(l)),
            Op::Jmp(m) => (Kind::Jmp, n.method_name(m)),
            Op::Call(m) => (Kind::Call, n.method_name(m)),
            Op::CallVirt(m) => (Kind::CallVirt, n.method_name(m)),
            Op::CallI(s) => (Kind::CallI, n.signature(s)),
            Op::NewObj(m) => (Kind::NewObj, n.method_name(m)),
            Op::Br(t) => (Kind::Br, label(t)),
            Op::BrFalse(t) => (Kind::BrFalse, label(t)),
            Op::BrTrue(t) => (Kind::BrTrue, label(t)),
            Op::Leave(t) => (Kind::Leave, label(t)),
            Op::Switch(table) => {
                let targets = self
                    .body
                    .switches
                    .get(table as usize)
                    .map_or(&[][..], |t| t);
                let labels: Vec<String> = targets.iter().map(|&t| label(t)).collect();
                (Kind::Switch, format!("({})", labels.join(", ")))
            }
            Op::CpObj(t) => (Kind::CpObj, n.type_name(t)),
            Op::LdObj(t) => (Kind::LdObj, n.type_name(t)),
            Op::StObj(t) => (Kind::StObj, n.type_name(t)),
            Op::InitObj(t) => (Kind::InitObj, n.type_name(t)),
            Op::SizeOf(t) => (Kind::SizeOf, n.type_name(t)),
            Op::Box(t) => (Kind::Box, n.type_name(t)),
            Op::Unbox(t) => (Kind::Unbox, n.type_name(t)),
            Op::UnboxAny(t) => (Kind::UnboxAny, n.type_name(t)),
            Op::CastClass(t) => (Kind::CastClass, n.type_name(t)),
            Op::IsInst(t) => (Kind::IsInst, n.type_name(t)),
            Op::NewArr(t) => (Kind::NewArr, n.type_name(t)),
            Op::LdElemA(t) => (Kind::LdElemA, n.type_name(t)),
            Op::LdElem(mem, t) => (
                Kind::LdElemT,
                t.map_or(format!("{mem:?}"), |t| n.type_name(t)),
            ),
            Op::StElem(mem, t) => (
                Kind::StElemT,
                t.map_or(format!("{mem:?}"), |t| n.type_name(t)),
            ),
            Op::LdFld(f) => (Kind::LdFld, n.field_name(f)),
            Op::LdFldA(f) => (Kind::LdFldA, n.field_name(f)),
            Op::StFld(f) => (Kind::StFld, n.field_name(f)),
            Op::LdSFld(f) => (Kind::LdSFld, n.field_name(f)),
            Op::LdSFldA(f) => (Kind::LdSFldA, n.field_name(f)),
            Op::StSFld(f) => (Kind::StSFld, n.field_name(f)),
            Op::LdToken(Token::Type(t)) => (Kind::LdToken, format!("type {}", n.type_name(t))),
            Op::LdToken(Token::Method(m)) => {
                (Kind::LdToken, format!("method {}", n.method_name(m)))
            }
            Op::LdToken(Token::Field(f)) => (Kind::LdToken, format!("field {}", n.field_name(f))),
            Op::LdFtn(m) => (Kind::LdFtn, n.method_name(m)),
            Op::LdVirtFtn(m) => (Kind::LdVirtFtn, n.method_name(m)),
            Op::MkRefAny(t) => (Kind::MkRefAny, n.type_name(t)),
            Op::RefAnyVal(t) => (Kind::RefAnyVal, n.type_name(t)),
            // All others have no operand and a row of their own.
            other => (Kind::Call, format!("{other:?}")),
        }
    }
}

/// Whether an operation is printed by its own row, without operand: `ldarg.0` and the like are printed long.
fn is_plain(op: Op) -> bool {
    !matches!(
        op,
        Op::LdArg(_) | Op::LdLoc(_) | Op::StLoc(_) | Op::LdcI4(_)
    )
}

/// A float as it is written: decimal if that gives the same bits, else the bits.
fn float(x: f64, bits: u64) -> String {
    if x.is_finite() {
        format!("{x:?}")
    } else {
        format!("{bits:#x}")
    }
}
