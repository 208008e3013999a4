//! Text of bodies: CIL as it is in the file, and names for the text form of stack IR.

use super::index;
use crate::metadata::{Reader, Token};
use crate::tables::{literals, raises, signatures};
use crate::types::{LoadError, Method, Result, types};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::cil::{Operand, TABLE};
use isthmus_frontend_ir::text::print::{Names, quote};
use isthmus_runtime_abi::ids::{FieldId, LiteralId, MethodId, RaiseId, SigId, TypeId};
use isthmus_runtime_abi::types::MemTy;
use std::fmt::Write;

/// Names of the CLR's types and members in stack IR's text form.
#[derive(Clone, Copy, Debug)]
pub struct ClrNames;

impl Names for ClrNames {
    fn type_name(&self, ty: TypeId) -> String {
        types().ty(ty).full_name()
    }

    fn method_name(&self, method: MethodId) -> String {
        types().method(method).full_name()
    }

    fn field_name(&self, field: FieldId) -> String {
        format!("{:?}", types().field(field))
    }

    fn signature(&self, sig: SigId) -> String {
        let abi = &signatures().get(sig).abi;
        let params: Vec<String> = abi.params.iter().map(|&p| memory_name(p)).collect();
        let ret = abi
            .ret
            .map_or(String::new(), |t| format!(" -> {}", memory_name(t)));
        format!("({}){ret}", params.join(", "))
    }

    fn literal(&self, literal: LiteralId) -> String {
        quote(&literals().get(literal).text)
    }

    fn raise(&self, raise: RaiseId) -> String {
        raises()
            .get(raise)
            .map_or_else(|| raise.to_string(), |r| format!("{r:?}"))
    }

    fn arg(&self, body: &Body, n: u16) -> String {
        if body.sig.has_this && n == 0 {
            "this".to_owned()
        } else {
            n.to_string()
        }
    }

    fn local(&self, body: &Body, n: u16) -> (String, String) {
        let ty = body
            .locals
            .get(usize::from(n))
            .map_or("?".to_owned(), |l| memory_name(l.ty));
        (ty, n.to_string())
    }
}

fn memory_name(ty: MemTy) -> String {
    match ty {
        MemTy::Struct(t) => types().ty(t).full_name(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The CIL of a method as it is in its file: offsets, mnemonics, operands with names of tokens.
pub fn cil(method: &'static Method) -> Result<String> {
    let none = || LoadError::type_load(format!("{} has no CIL", method.full_name()));
    let assembly = method.assembly().ok_or_else(none)?;
    let row = assembly.image.method_def(method.rid().ok_or_else(none)?)?;
    let raw = assembly.image.method_body(row)?.ok_or_else(none)?;
    let mut out = format!("// {} bytes, max stack {}\n", raw.code.len(), raw.max_stack);
    let mut r = Reader::new(raw.code);
    while !r.rest().is_empty() {
        let at = raw.code.len() - r.rest().len();
        let Some(line) = instruction(&mut r, raw.code.len(), assembly) else {
            let _ = writeln!(out, "IL_{at:04x}: (not an instruction)");
            break;
        };
        let _ = writeln!(out, "IL_{at:04x}: {line}");
    }
    for c in &raw.clauses {
        let _ = writeln!(
            out,
            "// try IL_{:04x}..IL_{:04x} {:?} handler IL_{:04x}..IL_{:04x}",
            c.try_offset,
            c.try_offset + c.try_length,
            c.kind,
            c.handler_offset,
            c.handler_offset + c.handler_length
        );
    }
    Ok(out)
}

/// One instruction; `None` if the bytes are none.
fn instruction(
    r: &mut Reader<'_>,
    end: usize,
    assembly: &crate::types::system::Assembly,
) -> Option<String> {
    let row = match r.u8().ok()? {
        0xfe => index().two[usize::from(r.u8().ok()?)],
        byte => index().one[usize::from(byte)],
    };
    let row = TABLE.get(usize::from(row))?;
    let target = |r: &Reader<'_>, d: i64| format!("IL_{:04x}", (end - r.rest().len()) as i64 + d);
    let operand = match row.operand {
        Operand::Nothing => return Some(row.mnemonic.to_owned()),
        Operand::I8 => (r.u8().ok()? as i8).to_string(),
        Operand::U8 | Operand::Arg8 | Operand::Local8 => r.u8().ok()?.to_string(),
        Operand::Arg16 | Operand::Local16 => r.u16().ok()?.to_string(),
        Operand::I32 => (r.u32().ok()? as i32).to_string(),
        Operand::I64 => (r.u64().ok()? as i64).to_string(),
        Operand::R4 => f32::from_bits(r.u32().ok()?).to_string(),
        Operand::R8 => f64::from_bits(r.u64().ok()?).to_string(),
        Operand::Target8 => {
            let d = r.u8().ok()? as i8;
            target(r, d.into())
        }
        Operand::Target32 => {
            let d = r.u32().ok()? as i32;
            target(r, d.into())
        }
        Operand::Switch => {
            let n = r.u32().ok()? as usize;
            let offsets: Option<Vec<i32>> = (0..n.min(end))
                .map(|_| r.u32().ok().map(|d| d as i32))
                .collect();
            let list: Vec<String> = offsets?.iter().map(|&d| target(r, d.into())).collect();
            format!("({})", list.join(", "))
        }
        Operand::Str => {
            let token = Token::from_raw(r.u32().ok()?);
            match assembly.image.user_string(token) {
                Ok(text) => quote(&text.units().collect::<Vec<_>>()),
                Err(_) => token.to_string(),
            }
        }
        Operand::Method | Operand::Field | Operand::Type | Operand::Sig | Operand::Token => {
            let token = Token::from_raw(r.u32().ok()?);
            describe(assembly, token)
        }
    };
    Some(format!("{:<14} {operand}", row.mnemonic))
}

/// A token with the name of what it refers to.
fn describe(assembly: &crate::types::system::Assembly, token: Token) -> String {
    use crate::metadata::TableId;
    let image = &assembly.image;
    let name = match token.table() {
        Some(TableId::MethodDef) => image
            .method_def(token.rid())
            .and_then(|r| r.name())
            .map(str::to_owned),
        Some(TableId::Field) => image
            .field(token.rid())
            .and_then(|r| r.name())
            .map(str::to_owned),
        Some(TableId::MemberRef) => image
            .member_ref(token.rid())
            .and_then(|r| r.name())
            .map(str::to_owned),
        Some(TableId::MethodSpec) => {
            let method = image.method_spec(token.rid()).and_then(|r| r.method());
            return method.map_or_else(|_| token.to_string(), |m| describe(assembly, m));
        }
        _ => Ok(image.printer().token(token).to_string()),
    };
    let owner = match token.table() {
        Some(TableId::MethodDef) => image
            .declaring_type_of_method(token.rid())
            .map(|t| Token::new(TableId::TypeDef, t)),
        Some(TableId::Field) => image
            .declaring_type_of_field(token.rid())
            .map(|t| Token::new(TableId::TypeDef, t)),
        Some(TableId::MemberRef) => image.member_ref(token.rid()).and_then(|r| r.class()).ok(),
        _ => None,
    };
    let owner = owner.map_or(String::new(), |t| format!("{}::", image.printer().token(t)));
    name.map_or_else(|_| token.to_string(), |n| format!("{owner}{n}"))
}
