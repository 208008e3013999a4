//! Bodies: code whose tokens are those of this image, locals, clauses.

use super::emitter::Emitter;
use super::objects::{Fields, bytes_of, classes, elements, invalid};
use crate::metadata::sig::LocalVar;
use crate::metadata::write::{BodyParts, TEXT_DATA, write_body};
use crate::metadata::{Clause, ClauseKind, TableId, Token};
use crate::types::types;
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_frontend_ir::cil::{self, Operand};
use isthmus_rt::object::Ref;

/// An exception clause as an `ILGenerator` has it: the kind without its type, and the `Type` object that a `catch` names.
pub struct BuiltClause {
    /// The clause; the token of a `catch` is nil.
    pub clause: Clause,
    /// The type of a `catch`.
    pub caught: Ref,
}

/// Calls `each` for all clauses of an `ILGenerator`. Blocks are listed as they begin: inner ones after those around them.
pub fn each_clause(
    cx: &Cx<'_>,
    il: &Fields<'_>,
    mut each: impl FnMut(BuiltClause) -> Result<()>,
) -> Result<()> {
    const FILTER_START: i32 = -1;
    let blocks: Ref = il.get("ex_handlers")?;
    for block in Fields::of_array(cx, blocks).iter().rev() {
        let (start, length) = (block.get::<i32>("start")?, block.get::<i32>("len")?);
        let handlers: Ref = block.get("handlers")?;
        for handler in Fields::of_array(cx, handlers) {
            let at = |name| handler.get::<i32>(name).map(|n| n as u32);
            let mut caught = Ref::NULL;
            let kind = match handler.get::<i32>("type")? {
                0 => {
                    caught = handler.get("extype")?;
                    ClauseKind::Catch(Token::NIL)
                }
                1 => ClauseKind::Filter(at("filter_offset")?),
                2 => ClauseKind::Finally,
                4 => ClauseKind::Fault,
                FILTER_START => continue,
                _ => return Err(invalid(cx, "unknown kind of exception handler")),
            };
            // The protected part of a finally or fault includes the handlers before it.
            let try_length = match kind {
                ClauseKind::Finally | ClauseKind::Fault => at("start")?.wrapping_sub(start as u32),
                _ => length as u32,
            };
            each(BuiltClause {
                clause: Clause {
                    kind,
                    try_offset: start as u32,
                    try_length,
                    handler_offset: at("start")?,
                    handler_length: at("len")?,
                },
                caught,
            })?;
        }
    }
    Ok(())
}

/// The code of an `ILGenerator`.
pub fn code_of(cx: &Cx<'_>, il: &Fields<'_>) -> Result<Vec<u8>> {
    let code: Ref = il.get("code")?;
    if code.is_null() {
        return Ok(Vec::new());
    }
    let mut bytes = bytes_of(cx, code);
    bytes.truncate(il.get::<i32>("code_len")?.max(0) as usize);
    Ok(bytes)
}

impl Emitter<'_> {
    /// Writes the body of a `MethodBuilder` or `ConstructorBuilder`; its address, 0 for none.
    pub fn body(&mut self, method: Ref) -> Result<u32> {
        const NO_BODY: i32 = 0x2400; // abstract, P/Invoke
        const NO_CODE: i32 = 0x1003; // runtime, internal call
        let cx = self.cx;
        let fields = Fields::of(cx, method)?;
        let (attrs, iattrs) = (fields.get::<i32>("attrs")?, fields.get::<i32>("iattrs")?);
        if attrs & NO_BODY != 0 || iattrs & NO_CODE != 0 {
            return Ok(0);
        }
        let init_locals = fields.is("init_locals")?;
        let given = match fields.class == classes().method_builder {
            true => fields.bytes("code")?,
            false => None,
        };
        let ilgen: Ref = fields.get("ilgen")?;
        let mut clauses = Vec::new();
        let (mut code, max_stack, local_sig) = if let Some(code) = given {
            (code, 8, Token::NIL)
        } else if ilgen.is_null() {
            // A constructor without code is as good as none: it cannot be called.
            return Ok(0);
        } else {
            let il = Fields::of(cx, ilgen)?;
            let locals = self.locals(&il)?;
            let local_sig = self.locals_token(&locals);
            each_clause(cx, &il, |mut built| {
                if let ClauseKind::Catch(_) = built.clause.kind {
                    let caught = match built.caught {
                        Ref::NULL => self.runtime_type_token(types().known.object(), false)?,
                        ty => self.type_token(ty, true)?,
                    };
                    built.clause.kind = ClauseKind::Catch(caught);
                }
                clauses.push(built.clause);
                Ok(())
            })?;
            let max_stack = il.get::<i32>("max_stack")?.clamp(0, 0xffff) as u16;
            (code_of(cx, &il)?, max_stack, local_sig)
        };
        self.translate(&mut code)?;
        let body = BodyParts {
            code: &code,
            max_stack,
            init_locals,
            local_sig,
            clauses: &clauses,
        };
        Ok(TEXT_DATA + write_body(&mut self.text, &body) as u32)
    }

    fn locals(&mut self, il: &Fields<'_>) -> Result<Vec<LocalVar>> {
        let cx = self.cx;
        let list: Ref = il.get("locals")?;
        elements(cx, list)
            .map(|(_, local)| {
                let local = Fields::of(cx, local)?;
                Ok(LocalVar {
                    pinned: local.is("is_pinned")?,
                    ty: self.sig(local.get("type")?)?,
                })
            })
            .collect()
    }

    /// Replaces the tokens in code, which are the module's, by those of this image.
    fn translate(&mut self, code: &mut [u8]) -> Result<()> {
        let mut at = 0;
        while at < code.len() {
            let first = at;
            let mut encoding = u16::from(code[at]);
            at += 1;
            if encoding == 0xfe && at < code.len() {
                encoding = 0xfe00 | u16::from(code[at]);
                at += 1;
            }
            let bad = |what: &str| invalid(self.cx, &format!("IL_{first:04x}: {what}"));
            let row = cil::by_encoding(encoding).ok_or_else(|| bad("unknown opcode"))?;
            let four = |at: usize| match code.get(at..at + 4) {
                Some(&[a, b, c, d]) => Ok(u32::from_le_bytes([a, b, c, d])),
                _ => Err(bad("the code ends inside an instruction")),
            };
            match row.operand {
                Operand::Nothing => {}
                Operand::I8 | Operand::U8 | Operand::Arg8 | Operand::Local8 | Operand::Target8 => {
                    at += 1;
                }
                Operand::Arg16 | Operand::Local16 => at += 2,
                Operand::I32 | Operand::R4 | Operand::Target32 => at += 4,
                Operand::I64 | Operand::R8 => at += 8,
                Operand::Switch => at = at.saturating_add(4 + 4 * four(at)? as usize),
                Operand::Method
                | Operand::Field
                | Operand::Type
                | Operand::Str
                | Operand::Sig
                | Operand::Token => {
                    let token = four(at)?;
                    let new = match row.operand {
                        Operand::Str => self.text_token(token)?,
                        _ => self.token_of(token)?.raw(),
                    };
                    code[at..at + 4].copy_from_slice(&new.to_le_bytes());
                    at += 4;
                }
            }
        }
        Ok(())
    }

    fn text_token(&mut self, token: u32) -> Result<u32> {
        match self.module.and_then(|m| m.text(token)) {
            Some(units) => Ok(self.out.heaps.user_string(&units)),
            None => Err(unknown(self.cx, token)),
        }
    }

    /// What a token of the module is in this image.
    fn token_of(&mut self, token: u32) -> Result<Token> {
        let cx = self.cx;
        let Some((object, open)) = self.module.and_then(|m| m.object(token)) else {
            return Err(unknown(cx, token));
        };
        self.object_token(object, open)
    }

    /// The token of a type, member, signature, or method with variadic arguments.
    pub fn object_token(&mut self, object: Ref, open: bool) -> Result<Token> {
        let cx = self.cx;
        let fields = Fields::of(cx, object)?;
        let (class, all) = (fields.class, classes());
        let is = |ty| class.is_assignable_to(ty);
        let known = &types().known;
        if class == all.signature_helper {
            self.signature_token(object)
        } else if is(crate::vm::reflect::type_class()) {
            self.type_token(object, open)
        } else if class == all.field_builder
            || class == all.field_of_instantiation
            || is(known.runtime_field_info())
        {
            self.field_token(object)
        } else if class.is_sz_array() {
            // A method and the types of its variadic arguments, kept together.
            let types = cx.element(object, 1);
            self.method_token(cx.element(object, 0), types)
        } else {
            self.method_token(object, Ref::NULL)
        }
    }

    /// The token of a type, where rows want one of `TypeDefOrRef`.
    pub fn type_row(&mut self, object: Ref) -> Result<u32> {
        match object {
            Ref::NULL => Ok(0),
            ty => Ok(self.type_token(ty, false)?.raw()),
        }
    }
}

fn unknown(cx: &Cx<'_>, token: u32) -> isthmus_rt::object::Thrown {
    let table = TableId::from_u8((token >> 24) as u8).map_or("text", |t| t.schema().name);
    invalid(
        cx,
        &format!("token {token:#010x} ({table}) means nothing here"),
    )
}
