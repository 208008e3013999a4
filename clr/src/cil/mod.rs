//! CIL method bodies to stack IR: decodes instructions and resolves tokens.
//!
//! A token that cannot be resolved does not fail the body: the instruction becomes [`Op::Raise`], which throws when it
//! is executed, as other CLRs do. What is structurally wrong (a jump into the middle of an instruction, an unknown
//! opcode) makes the whole method invalid.

mod source;
mod synchronized;
pub mod text;

use crate::dynamic::{self, DynamicMethod};
use crate::metadata::{
    self, MethodAttributes, MethodImplAttributes as Impl, Reader, Token, TypeAttributes,
};
use crate::synth::native_calls;
use crate::tables::{raises, signatures};
use crate::types::access::Accessor;
use crate::types::{Field, LoadError, LoadErrorKind, Method, MethodKind, Result, Type, types};
use crate::verify::leaves_stack;
use isthmus_frontend_ir::body::{Body, Local};
use isthmus_frontend_ir::cil::{Form, Kind, Operand, TABLE};
use isthmus_frontend_ir::op::{Insn, Op, Prefix};
use isthmus_frontend_ir::region::{Clause, ClauseKind, RegionTree};
use isthmus_runtime_abi::ids::{FieldId, MethodId, TypeId};
use isthmus_runtime_abi::types::MemTy;
use source::Source;
use std::sync::{Arc, OnceLock};

/// Row of [`TABLE`] for each one-byte and each two-byte encoding.
struct Index {
    one: [u8; 256],
    two: [u8; 256],
}

const NO_ROW: u8 = 0xff;

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index = Index {
            one: [NO_ROW; 256],
            two: [NO_ROW; 256],
        };
        for (i, row) in TABLE.iter().enumerate() {
            let map = if row.encoding >> 8 == 0xfe {
                &mut index.two
            } else {
                &mut index.one
            };
            map[usize::from(row.encoding as u8)] = i as u8;
        }
        index
    })
}

/// Decodes the body of a method, which must be closed and canonical.
pub fn body(method: &'static Method) -> Result<Body> {
    if let MethodKind::Dynamic(n) = method.kind {
        return dynamic_body(method, DynamicMethod::get(n));
    }
    let assembly = method
        .assembly()
        .ok_or_else(|| invalid(method, 0, "no body"))?;
    let rid = method.rid().ok_or_else(|| invalid(method, 0, "no body"))?;
    let raw = assembly
        .image
        .method_body(assembly.image.method_def(rid)?)?
        .ok_or_else(|| invalid(method, 0, "the method has no body"))?;
    if crate::vm::options().verify && !assembly.is_library() {
        crate::verify::accept(method)?;
    }
    let mut d = Decoder::new(
        method,
        Source::Image(assembly, method.scope()),
        raw.max_stack,
    );
    for v in assembly.image.locals(&raw)?.iter() {
        let ty = assembly.resolve_sig(&v.ty, method.scope())?;
        d.local(ty, v.pinned);
    }
    d.finish(raw.code, raw.init_locals, |d| {
        raw.clauses.iter().map(|c| d.clause(raw.code, c)).collect()
    })
}

/// Decodes the body of a dynamic method.
fn dynamic_body(method: &'static Method, raw: &'static DynamicMethod) -> Result<Body> {
    let mut d = Decoder::new(method, Source::Dynamic(raw), raw.max_stack);
    for &(ty, pinned) in &raw.locals {
        d.local(ty, pinned);
    }
    d.finish(&raw.code, raw.init_locals, |d| {
        let end = raw.code.len() as u32;
        let clause = |c: &dynamic::Clause| {
            let at = |il| d.clause_at(il, end);
            Ok(Clause {
                kind: match c.kind {
                    dynamic::ClauseKind::Catch(ty) => ClauseKind::Catch(ty.id),
                    dynamic::ClauseKind::Filter(il) => ClauseKind::Filter(at(il)?),
                    dynamic::ClauseKind::Finally => ClauseKind::Finally,
                    dynamic::ClauseKind::Fault => ClauseKind::Fault,
                },
                body: at(c.body.0)?..at(c.body.0 + c.body.1)?,
                handler: at(c.handler.0)?..at(c.handler.0 + c.handler.1)?,
            })
        };
        raw.clauses.iter().map(clause).collect()
    })
}

/// The declared class of a location, for reference types.
fn class_of(ty: &'static Type) -> Option<TypeId> {
    (ty.mem_ty() == MemTy::Ref && !ty.is_shared).then_some(ty.id)
}

/// What `readonly.` makes of a call of the `Address` of an array.
fn read_only(callee: MethodId) -> Result<MethodId> {
    let m = types().method(callee);
    if m.kind != MethodKind::ArrayAddress {
        return Ok(callee);
    }
    let read_only = MethodKind::ArrayAddressReadOnly;
    Ok(types().methods.intern(m.owner, read_only, &[])?.id)
}

fn invalid(method: &Method, il: u32, what: &str) -> LoadError {
    LoadError::new(
        LoadErrorKind::InvalidProgram,
        format!(
            "Invalid IL code in {}: IL_{il:04x}: {what}",
            method.full_name()
        ),
    )
}

struct Decoder {
    method: &'static Method,
    source: Source,
    /// IL offset of each instruction (of its first prefix).
    starts: Vec<u32>,
    code: Vec<Insn>,
    switches: Vec<Vec<u32>>,
    /// The method's own, then those that calls of vararg function pointers need.
    locals: Vec<Local>,
    max_stack: u16,
    /// In a synchronized method.
    lock: Option<synchronized::Lock>,
}

impl Decoder {
    fn new(method: &'static Method, source: Source, max_stack: u16) -> Decoder {
        Decoder {
            method,
            source,
            starts: Vec::new(),
            code: Vec::new(),
            switches: Vec::new(),
            locals: Vec::new(),
            max_stack,
            lock: None,
        }
    }

    /// Adds a declared local variable.
    fn local(&mut self, ty: &'static Type, pinned: bool) {
        self.locals.push(Local {
            ty: ty.mem_ty(),
            class: class_of(ty),
            pinned,
        });
    }

    /// All passes over the code of a body.
    fn finish(
        mut self,
        code: &[u8],
        init_locals: bool,
        clauses: impl FnOnce(&Self) -> Result<Vec<Clause>>,
    ) -> Result<Body> {
        let method = self.method;
        if method.impl_flags.contains(Impl::SYNCHRONIZED) {
            self.begin_lock()?;
        }
        self.decode(code)?;
        self.link(code.len() as u32)?;
        let mut clauses = clauses(&self)?;
        clauses.extend(self.end_lock(code.len() as u32)?);
        let regions = RegionTree::build(clauses, self.code.len() as u32)
            .map_err(|e| invalid(method, 0, &e.to_string()))?;
        self.leave_by_branch(&regions);

        let sig = method.abi()?;
        let resolved = method.sig()?;
        let mut arg_classes = Vec::with_capacity(sig.params.len());
        if sig.has_this {
            arg_classes.push((!method.owner.is_value()).then_some(method.owner.id));
        }
        arg_classes.extend(resolved.params.iter().map(|t| class_of(t)));
        Ok(Body {
            method: method.id,
            sig,
            arg_classes,
            locals: self.locals,
            init_locals,
            max_stack: self.max_stack,
            code: self.code,
            switches: self.switches,
            regions,
            il_size: code.len() as u32,
        })
    }

    fn error(&self, il: u32, what: &str) -> LoadError {
        invalid(self.method, il, what)
    }

    /// First pass: instructions with branch targets as IL offsets.
    fn decode(&mut self, code: &[u8]) -> Result<()> {
        let index = index();
        let mut r = Reader::new(code);
        self.code.reserve(code.len() / 2);
        let mut il = 0;
        let mut prefix = Prefix::empty();
        let mut constrained = None;
        while !r.rest().is_empty() {
            let at = (code.len() - r.rest().len()) as u32;
            let here = if prefix.is_empty() && constrained.is_none() {
                at
            } else {
                il
            };
            il = here;
            let short = |_| self.error(at, "the code ends inside an instruction");
            let byte = r.u8().map_err(short)?;
            let row = match byte {
                0xfe => index.two[usize::from(r.u8().map_err(short)?)],
                _ => index.one[usize::from(byte)],
            };
            let row = TABLE
                .get(usize::from(row))
                .ok_or_else(|| self.error(at, "unknown opcode"))?;
            if row.form == Form::Prefix {
                match row.mnemonic {
                    "volatile." => prefix |= Prefix::VOLATILE,
                    "tail." => prefix |= Prefix::TAIL,
                    "readonly." => prefix |= Prefix::READONLY,
                    "unaligned." => {
                        r.u8().map_err(short)?;
                        prefix |= Prefix::UNALIGNED;
                    }
                    "no." => {
                        let bits = r.u8().map_err(short)?;
                        prefix |= Prefix::from_bits_truncate((bits & 7) << 4);
                    }
                    _ => {
                        let token = Token::from_raw(r.u32().map_err(short)?);
                        constrained = Some(self.source.ty(token)?.id);
                    }
                }
                // A prefix without a flag of its own still begins the instruction.
                if prefix.is_empty() && constrained.is_none() {
                    prefix |= Prefix::UNALIGNED;
                }
                continue;
            }
            let next = |r: &Reader<'_>| (code.len() - r.rest().len()) as i64;
            let operand = match row.operand {
                Operand::Nothing => 0,
                Operand::I8 => i64::from(r.u8().map_err(short)? as i8),
                Operand::U8 | Operand::Arg8 | Operand::Local8 => i64::from(r.u8().map_err(short)?),
                Operand::Arg16 | Operand::Local16 => i64::from(r.u16().map_err(short)?),
                Operand::I32 => i64::from(r.u32().map_err(short)? as i32),
                Operand::R4 => i64::from(r.u32().map_err(short)?),
                Operand::I64 | Operand::R8 => r.u64().map_err(short)? as i64,
                Operand::Target8 => {
                    let d = r.u8().map_err(short)? as i8;
                    next(&r) + i64::from(d)
                }
                Operand::Target32 => {
                    let d = r.u32().map_err(short)? as i32;
                    next(&r) + i64::from(d)
                }
                Operand::Switch => {
                    let n = r.u32().map_err(short)? as usize;
                    if n > r.rest().len() / 4 {
                        return Err(self.error(at, "switch with too many targets"));
                    }
                    let offsets: Vec<i32> = (0..n)
                        .map(|_| r.u32().map(|d| d as i32))
                        .collect::<std::result::Result<_, _>>()
                        .map_err(short)?;
                    let base = next(&r);
                    let targets = offsets
                        .iter()
                        .map(|&d| {
                            u32::try_from(base + i64::from(d))
                                .map_err(|_| self.error(at, "bad switch target"))
                        })
                        .collect::<Result<_>>()?;
                    self.switches.push(targets);
                    self.switches.len() as i64 - 1
                }
                Operand::Method
                | Operand::Field
                | Operand::Type
                | Operand::Str
                | Operand::Sig
                | Operand::Token => i64::from(r.u32().map_err(short)?),
            };
            let target = || {
                u32::try_from(operand)
                    .map_err(|_| self.error(at, "branch target outside the method"))
            };
            let op = match row.form {
                Form::Op(op) => op,
                Form::BranchCmp(cmp) => Op::BrCmp(cmp, target()?),
                Form::With(kind) => match self.with_operand(kind, operand, at)? {
                    Ok(Op::Call(m)) if prefix.contains(Prefix::READONLY) => Op::Call(read_only(m)?),
                    Ok(op) => op,
                    Err(e) => Op::Raise(raises().add(e)),
                },
                Form::Prefix => unreachable!("handled above"),
            };
            let op = match self.call(op, operand, here) {
                Ok(op) => op,
                Err(e) => Op::Raise(raises().add(e)),
            };
            // At accesses by address these say more than CIL has words for.
            if matches!(
                op,
                Op::LdInd(_) | Op::StInd(_) | Op::LdObj(_) | Op::StObj(_)
            ) {
                prefix -= Prefix::READONLY | Prefix::NO_RANGE_CHECK;
            }
            if op == Op::Ret && self.lock.is_some() {
                self.leave_lock(here);
            } else {
                self.push(Insn {
                    op,
                    prefix,
                    constrained,
                    il: here,
                });
            }
            prefix = Prefix::empty();
            constrained = None;
        }
        if self.code.is_empty() {
            return Err(self.error(0, "the method has no instructions"));
        }
        Ok(())
    }

    fn push(&mut self, insn: Insn) {
        self.starts.push(insn.il);
        self.code.push(insn);
    }

    /// Calls that compilers see otherwise than the code has them: that of a vararg method makes the block of variadic arguments first;
    /// those of native code with a signature of their own are calls of made methods.
    fn call(&mut self, op: Op, operand: i64, il: u32) -> Result<Op> {
        let token = Token::from_raw(operand as u32);
        match op {
            Op::Call(m) | Op::CallVirt(m) | Op::NewObj(m)
                if types().method(m).sig().is_ok_and(|s| s.vararg) => {}
            Op::CallI(s) if signatures().get(s).types.vararg => {}
            Op::CallI(s) if signatures().get(s).types.unmanaged => {
                let callee = native_calls::through_pointer(&signatures().get(s).types)?;
                return Ok(Op::Call(callee.id));
            }
            _ => return Ok(op),
        }
        let params = self.source.variadic(token)?;
        if let Op::Call(m) = op
            && let m = types().method(m)
            && m.flags.contains(MethodAttributes::PINVOKE_IMPL)
        {
            return Ok(Op::Call(native_calls::variadic(m, &params)?.id));
        }
        let varargs = Op::VarArgs(signatures().of_arguments(params)?);
        // The cookie takes an entry; without variadic arguments one more.
        self.max_stack = self.max_stack.saturating_add(1);
        if let Op::CallI(_) = op {
            // The function pointer lies above the arguments.
            let pointer = self.locals.len() as u16;
            self.locals.push(Local {
                ty: MemTy::Native,
                class: None,
                pinned: false,
            });
            for op in [Op::StLoc(pointer), varargs, Op::LdLoc(pointer)] {
                self.push(Insn::new(op, il));
            }
        } else {
            self.push(Insn::new(varargs, il));
        }
        Ok(op)
    }

    /// An operation with an inline operand. Outer error: the body is invalid; inner: the token cannot be resolved.
    fn with_operand(&self, kind: Kind, operand: i64, at: u32) -> Result<Result<Op>> {
        let token = || Token::from_raw(operand as u32);
        let ty = |f: fn(TypeId) -> Op| self.source.ty(token()).map(|t| f(t.id));
        let method = |f: fn(MethodId) -> Op| {
            let m = self.source.method(token())?;
            self.may_call(m)?;
            let what = format_args!("type argument of {}", m.name);
            leaves_stack(&m.args, LoadErrorKind::BadImage, what)?;
            Ok(f(m.id))
        };
        let boxed = || {
            let ty = self.source.ty(token())?;
            leaves_stack(&[ty], LoadErrorKind::BadImage, format_args!("box"))?;
            Ok(Op::Box(ty.id))
        };
        let field = |f: fn(FieldId) -> Op| {
            let x = self.source.field(token())?;
            self.may_access(x)?;
            Ok(f(x.id))
        };
        let target = || {
            u32::try_from(operand).map_err(|_| self.error(at, "branch target outside the method"))
        };
        let element = |f: fn(MemTy, Option<TypeId>) -> Op| {
            self.source.ty(token()).map(|t| f(t.mem_ty(), Some(t.id)))
        };
        let n = operand as u16;
        Ok(Ok(match kind {
            Kind::LdArg => Op::LdArg(n),
            Kind::LdArgA => Op::LdArgA(n),
            Kind::StArg => Op::StArg(n),
            Kind::LdLoc => Op::LdLoc(n),
            Kind::LdLocA => Op::LdLocA(n),
            Kind::StLoc => Op::StLoc(n),
            Kind::LdcI4 => Op::LdcI4(operand as i32),
            Kind::LdcI8 => Op::LdcI8(operand),
            Kind::LdcR4 => Op::LdcR4(operand as u32),
            Kind::LdcR8 => Op::LdcR8(operand as u64),
            Kind::Br => Op::Br(target()?),
            Kind::BrFalse => Op::BrFalse(target()?),
            Kind::BrTrue => Op::BrTrue(target()?),
            Kind::Leave => Op::Leave(target()?),
            Kind::Switch => Op::Switch(operand as u32),
            Kind::LdStr => Op::LdStr(self.source.text(token())?),
            Kind::Jmp => return Ok(method(Op::Jmp)),
            Kind::Call => return Ok(method(Op::Call)),
            Kind::CallVirt => return Ok(method(Op::CallVirt)),
            Kind::NewObj => return self.new_object(token()),
            Kind::LdFtn => return Ok(method(Op::LdFtn)),
            Kind::LdVirtFtn => return Ok(method(Op::LdVirtFtn)),
            Kind::CallI => return Ok(self.call_signature(token(), at)),
            Kind::LdFld => return Ok(field(Op::LdFld)),
            Kind::LdFldA => return Ok(field(Op::LdFldA)),
            Kind::StFld => return Ok(field(Op::StFld)),
            Kind::LdSFld => return Ok(field(Op::LdSFld)),
            Kind::LdSFldA => return Ok(field(Op::LdSFldA)),
            Kind::StSFld => return Ok(field(Op::StSFld)),
            Kind::CpObj => return Ok(ty(Op::CpObj)),
            Kind::LdObj => return Ok(ty(Op::LdObj)),
            Kind::StObj => return Ok(ty(Op::StObj)),
            Kind::InitObj => return Ok(ty(Op::InitObj)),
            Kind::SizeOf => return Ok(ty(Op::SizeOf)),
            Kind::Box => return Ok(boxed()),
            Kind::Unbox => return Ok(ty(Op::Unbox)),
            Kind::UnboxAny => return Ok(ty(Op::UnboxAny)),
            Kind::CastClass => return Ok(ty(Op::CastClass)),
            Kind::IsInst => return Ok(ty(Op::IsInst)),
            Kind::NewArr => return Ok(ty(Op::NewArr)),
            Kind::LdElemA => return Ok(ty(Op::LdElemA)),
            Kind::MkRefAny => return Ok(ty(Op::MkRefAny)),
            Kind::RefAnyVal => return Ok(ty(Op::RefAnyVal)),
            Kind::LdElemT => return Ok(element(Op::LdElem)),
            Kind::StElemT => return Ok(element(Op::StElem)),
            Kind::LdToken => return Ok(self.source.item(token()).map(Op::LdToken)),
        }))
    }

    /// `newobj`. A class that cannot have instances is found out here, so that the exception comes when it is executed.
    fn new_object(&self, token: Token) -> Result<Result<Op>> {
        let m = match self.source.method(token) {
            Ok(m) => m,
            Err(e) => return Ok(Err(e)),
        };
        if let Err(e) = self.may_call(m) {
            return Ok(Err(e));
        }
        if m.owner.element().is_none() {
            let usable = m.owner.layout().and_then(|_| {
                let what = format_args!("type argument of {}", m.owner.name());
                leaves_stack(&m.owner.args, LoadErrorKind::TypeLoad, what)
            });
            if let Err(e) = usable.and_then(|()| crate::verify::loadable(m.owner)) {
                return Ok(Err(e));
            }
            if m.owner.flags.contains(TypeAttributes::ABSTRACT) {
                return Ok(Ok(Op::Raise(raises().system("MemberAccessException"))));
            }
        }
        Ok(Ok(Op::NewObj(m.id)))
    }

    /// Whether code may use what its program could name: dynamic methods, and types that a program builds, which are modules of their own.
    fn is_built(&self) -> bool {
        match self.source {
            Source::Image(a, _) => a.piece.is_some(),
            Source::Dynamic(_) => true,
        }
    }

    /// The method as its assembly defines it, for messages.
    fn definition(&self) -> &'static Method {
        let m = self.method;
        let definition = types().methods.intern(m.owner.definition(), m.kind, &[]);
        definition.unwrap_or(m)
    }

    /// Whether a method is accessible here.
    fn may_call(&self, m: &'static Method) -> Result<()> {
        let from = Accessor::of_instance(self.method.owner);
        if self.is_built() || from.sees_method(m, None) {
            return Ok(());
        }
        Err(LoadError::new(
            LoadErrorKind::MethodAccess,
            format!(
                "Method `{}' is inaccessible from method `{}'",
                m.reflection_name(),
                self.definition().reflection_name()
            ),
        ))
    }

    /// Whether a field is accessible here.
    fn may_access(&self, f: &'static Field) -> Result<()> {
        let from = Accessor::of_instance(self.method.owner);
        if self.is_built() || from.sees_field(f, None) {
            return Ok(());
        }
        // As Mono has it: without the classes around the field's.
        let class = match f.owner.namespace() {
            "" => f.owner.name().to_owned(),
            namespace => format!("{namespace}.{}", f.owner.name()),
        };
        Err(LoadError::new(
            LoadErrorKind::FieldAccess,
            format!(
                "Field `{class}:{}' is inaccessible from method `{}'",
                f.name,
                self.definition().native_name()
            ),
        ))
    }

    fn call_signature(&self, token: Token, at: u32) -> Result<Op> {
        self.source
            .call_signature(token)?
            .ok_or_else(|| self.error(at, "calli without a method signature"))
    }

    /// Index of the instruction at an IL offset; the end of the code counts.
    fn at(&self, il: u32, end: u32) -> Option<u32> {
        if il == end {
            return Some(self.code.len() as u32);
        }
        // Several may stand for one: the first.
        let begin = self.lock.as_ref().map_or(0, |l| l.begin as usize);
        let i = self.starts.partition_point(|&s| s < il).max(begin);
        (self.starts.get(i) == Some(&il)).then_some(i as u32)
    }

    /// Second pass: branch targets as instruction indices.
    fn link(&mut self, end: u32) -> Result<()> {
        let find = |this: &Self, il: u32, target: u32| {
            this.at(target, end)
                .filter(|&i| (i as usize) < this.code.len())
                .ok_or_else(|| {
                    this.error(
                        il,
                        "branch into the middle of an instruction or outside the method",
                    )
                })
        };
        for i in 0..self.code.len() {
            let Insn { op, il, .. } = self.code[i];
            if let Some(t) = op.target() {
                let t = find(self, il, t)?;
                self.code[i].op = match op {
                    Op::Br(_) => Op::Br(t),
                    Op::BrFalse(_) => Op::BrFalse(t),
                    Op::BrTrue(_) => Op::BrTrue(t),
                    Op::BrCmp(c, _) => Op::BrCmp(c, t),
                    _ => Op::Leave(t),
                };
            }
            if let Op::Switch(n) = op {
                let targets: Vec<u32> = self.switches[n as usize]
                    .iter()
                    .map(|&t| find(self, il, t))
                    .collect::<Result<_>>()?;
                self.switches[n as usize] = targets;
            }
        }
        Ok(())
    }

    /// A branch out of a protected block or catch handler is a `leave` that runs no `finally`, as in Mono.
    fn leave_by_branch(&mut self, regions: &RegionTree) {
        if regions.clauses.is_empty() {
            return;
        }
        for (at, insn) in self.code.iter_mut().enumerate() {
            let Op::Br(target) = insn.op else { continue };
            let (at, from) = (at as u32, regions.region_of(at as u32));
            if !regions.may_go(from, target)
                && regions.may_leave(at, target).is_ok()
                && regions
                    .finallys_left(from, regions.region_of(target))
                    .is_empty()
            {
                insn.op = Op::Leave(target);
            }
        }
    }

    /// Index of the instruction at a bound of an exception clause.
    fn clause_at(&self, il: u32, end: u32) -> Result<u32> {
        self.at(il, end)
            .ok_or_else(|| self.error(il, "an exception clause splits an instruction"))
    }

    fn clause(&self, code: &[u8], c: &metadata::Clause) -> Result<Clause> {
        let at = |il| self.clause_at(il, code.len() as u32);
        let kind = match c.kind {
            metadata::ClauseKind::Catch(token) => match self.source.ty(token) {
                Ok(t) => ClauseKind::Catch(t.id),
                // A handler for a class that does not exist catches nothing; the type stands for "no exception".
                Err(_) => ClauseKind::Catch(types().known.void().id),
            },
            metadata::ClauseKind::Filter(il) => ClauseKind::Filter(at(il)?),
            metadata::ClauseKind::Finally => ClauseKind::Finally,
            metadata::ClauseKind::Fault => ClauseKind::Fault,
        };
        Ok(Clause {
            kind,
            body: at(c.try_offset)?..at(c.try_offset + c.try_length)?,
            handler: at(c.handler_offset)?..at(c.handler_offset + c.handler_length)?,
        })
    }
}

/// The body of a method, shared.
pub fn shared_body(method: &'static Method) -> Result<Arc<Body>> {
    body(method).map(Arc::new)
}
