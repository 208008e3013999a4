//! The text form, derived from the table of operations. [`crate::parse`] reads it back.
//!
//! ```text
//! function method3(i32, ptr) -> i32 {
//!   slot0: 16 align 8
//!   clause0: Finally node 0
//! block0(v0: i32, v1: ref):
//!     v2 = load.i32 v1 [i32 +8 length null]  ; 4
//!     v3 = call v0 method4(i32) -> i32 => block1(), clause0 block2(v0)  ; 9
//! ```
//!
//! After the operation and its controlling type come operands, immediate, successors, and behind `;` the source position:
//! IL offset in hexadecimal, in inlined code after the inline node and a colon. `function method3 from 12(ptr)` takes over from a
//! baseline frame at instruction 12 of the body; `function method3 filter 2(ptr, ref) -> i32` is the filter of clause 2 of the body.

use crate::ir::{
    Access, AccessFlags, CallInfo, CallTarget, Cmp, Edge, Func, Imm, Inst, InstData, Part, Region,
    Sig, SigConv, Unit, Value,
};
use isthmus_runtime_abi::callconv::WordTy;
use std::fmt::{self, Display, Formatter};

/// A function as text.
#[derive(Debug)]
pub struct Text<'a>(pub &'a Func);

fn list<T: Display>(f: &mut Formatter<'_>, items: impl Iterator<Item = T>) -> fmt::Result {
    for (n, i) in items.enumerate() {
        if n > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{i}")?;
    }
    Ok(())
}

/// Name of a comparison.
pub fn cmp_name(c: Cmp) -> &'static str {
    match c {
        Cmp::Eq => "eq",
        Cmp::NeUn => "ne_un",
        Cmp::Ge => "ge",
        Cmp::Gt => "gt",
        Cmp::Le => "le",
        Cmp::Lt => "lt",
        Cmp::GeUn => "ge_un",
        Cmp::GtUn => "gt_un",
        Cmp::LeUn => "le_un",
        Cmp::LtUn => "lt_un",
    }
}

/// Name of a word type.
pub fn word_name(w: WordTy) -> &'static str {
    match w {
        WordTy::I32 => "i32",
        WordTy::I64 => "i64",
        WordTy::Ptr => "ptr",
        WordTy::F32 => "f32",
        WordTy::F64 => "f64",
    }
}

fn sig(f: &mut Formatter<'_>, s: &Sig) -> fmt::Result {
    f.write_str("(")?;
    list(f, s.params.iter().map(|&w| word_name(w)))?;
    f.write_str(")")?;
    if !s.rets.is_empty() {
        f.write_str(" -> ")?;
        list(f, s.rets.iter().map(|&w| word_name(w)))?;
    }
    if s.conv == SigConv::C {
        f.write_str(" c")?;
    }
    Ok(())
}

impl Display for Access {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "[{} {:+}", self.mem.name(), self.offset)?;
        if self.scale != 1 {
            write!(f, " *{}", self.scale)?;
        }
        match self.region {
            Region::Any => {}
            Region::Header => f.write_str(" header")?,
            Region::Length => f.write_str(" length")?,
            Region::Vtable => f.write_str(" vtable")?,
            Region::Fixed => f.write_str(" fixed")?,
            Region::Field => f.write_str(" field")?,
            Region::Element(m) => write!(f, " element.{}", m.name())?,
            Region::Static => f.write_str(" static")?,
            Region::Frame(s) => write!(f, " {s}")?,
        }
        for (flag, name) in [
            (AccessFlags::NULL, " null"),
            (AccessFlags::VOLATILE, " volatile"),
            (AccessFlags::UNALIGNED, " unaligned"),
        ] {
            if self.flags.contains(flag) {
                f.write_str(name)?;
            }
        }
        f.write_str("]")
    }
}

impl Text<'_> {
    fn imm(&self, f: &mut Formatter<'_>, imm: &Imm) -> fmt::Result {
        match imm {
            Imm::None => Ok(()),
            Imm::Bits(b) => write!(f, " {b}"),
            Imm::Symbol(s) => write!(f, " {s:?}"),
            Imm::Cmp(c) => write!(f, " {}", cmp_name(*c)),
            Imm::Access(a) => write!(f, " {a}"),
            Imm::Trap(t) => write!(f, " {}", t.name()),
            Imm::Call(c) => match self.0.calls.get(*c as usize) {
                Some(c) => self.call(f, c),
                None => write!(f, " call{c}?"),
            },
            Imm::Helper(h) => write!(f, " {}", h.name()),
            Imm::Slot(s, o) => write!(f, " {s}+{o}"),
            Imm::Ctx(w) => write!(f, " {}", w.name()),
        }
    }

    fn call(&self, f: &mut Formatter<'_>, c: &CallInfo) -> fmt::Result {
        match c.target {
            CallTarget::Method(m) => write!(f, " {m}")?,
            CallTarget::Symbol(s) => write!(f, " symbol {s:?} ")?,
            CallTarget::Indirect => f.write_str(" indirect")?,
            CallTarget::Helper(h) => write!(f, " helper {}", h.name())?,
        }
        f.write_str("(")?;
        list(f, c.sig.params.iter().map(|&w| word_name(w)))?;
        f.write_str(")")?;
        if !c.sig.rets.is_empty() {
            // A tail call's results are its caller's: only their words are known.
            f.write_str(" -> ")?;
            let words = c.sig.rets.iter().map(|&w| word_name(w));
            let tys: Vec<&str> = c.ret_tys.iter().map(|t| t.name()).collect();
            if tys.is_empty() {
                list(f, words)?;
            } else {
                list(f, tys.iter())?;
            }
        }
        if c.sig.conv == SigConv::C {
            f.write_str(" c")?;
        }
        if c.rgctx {
            f.write_str(" rgctx")?;
        }
        if c.cookie {
            f.write_str(" cookie")?;
        }
        if let Some(m) = c.callee
            && c.target != CallTarget::Method(m)
        {
            write!(f, " of {m}")?;
        }
        Ok(())
    }

    fn edge(&self, f: &mut Formatter<'_>, e: &Edge) -> fmt::Result {
        if let Some(c) = e.clause {
            write!(f, "clause{c} ")?;
        }
        write!(f, "{}(", e.block)?;
        list(f, self.0.list(e.args).iter())?;
        f.write_str(")")
    }

    fn inst(&self, f: &mut Formatter<'_>, i: Inst, d: &InstData) -> fmt::Result {
        f.write_str("    ")?;
        if d.num_results > 0 {
            list(f, d.results())?;
            f.write_str(" = ")?;
        }
        f.write_str(d.op.row().name)?;
        if !d.op.row().types.is_empty() {
            write!(f, ".{}", d.ty.name())?;
        }
        let args: &[Value] = self.0.args(i);
        if !args.is_empty() {
            f.write_str(" ")?;
            list(f, args.iter())?;
        }
        self.imm(f, &d.imm)?;
        if d.edges.len > 0 {
            f.write_str(" => ")?;
            for (n, e) in self.0.edges(i).iter().enumerate() {
                if n > 0 {
                    f.write_str(", ")?;
                }
                self.edge(f, e)?;
            }
        }
        let pos = self.0.positions[d.pos as usize];
        if pos.node == 0 {
            writeln!(f, "  ; {:x}", pos.il)
        } else {
            writeln!(f, "  ; {}:{:x}", pos.node, pos.il)
        }
    }
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let func = self.0;
        write!(f, "function {}", func.method)?;
        match func.part {
            Part::Whole => {}
            Part::From(header) => write!(f, " from {header}")?,
            Part::Filter(clause) => write!(f, " filter {clause}")?,
        }
        sig(f, &func.sig)?;
        f.write_str(" {\n")?;
        for (n, s) in func.slots.iter().enumerate() {
            writeln!(f, "  slot{n}: {} align {}", s.size, s.align)?;
        }
        for (n, (c, node)) in func.clauses.iter().enumerate() {
            writeln!(f, "  clause{n}: {c:?} node {node}")?;
        }
        for (name, slot) in [
            ("filter_area", func.filter_area),
            ("this_slot", func.this_slot),
            ("rgctx_slot", func.rgctx_slot),
        ] {
            if let Some(s) = slot {
                writeln!(f, "  {name}: {s}")?;
            }
        }
        for (n, node) in func.inline_tree.iter().enumerate() {
            if let Some((parent, il)) = node.parent {
                writeln!(f, "  inline{n}: {} at {parent}:{il:x}", node.method)?;
            }
        }
        for b in func.block_ids() {
            let data = func.block(b);
            write!(f, "{b}(")?;
            list(
                f,
                data.params
                    .iter()
                    .map(|&v| format!("{v}: {}", func.ty(v).name())),
            )?;
            writeln!(f, "){}:", if data.cold { " cold" } else { "" })?;
            for (i, d) in func.block_insts(b) {
                self.inst(f, i, d)?;
            }
        }
        f.write_str("}\n")
    }
}

impl Display for Func {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Text(self).fmt(f)
    }
}

impl Display for Unit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.func.fmt(f)?;
        self.filters.iter().try_for_each(|filter| filter.fmt(f))
    }
}
