//! The bodies of P/Invokes: see the module above for the order of things.

use super::{Foreign, Param, Plan, Way, foreign_method};
use crate::metadata::TypeAttributes;
use crate::synth::Synthetic;
use crate::synth::builder::Builder;
use crate::synth::native_calls::import_behind;
use crate::tables::raises;
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Result, Type, TypeKey, types};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{BinOp, Cmp, ConvMode, ConvTo, Op, Token};
use isthmus_interop::downcall;
use isthmus_runtime_abi::layout::HEADER;
use isthmus_runtime_abi::types::MemTy;

/// The body of a method that is not plain.
pub fn body(m: &'static Method, plan: &Plan) -> Result<Body> {
    let import = match m.kind {
        MethodKind::OverPointer(_) => None,
        _ => import_behind(m),
    };
    let target = foreign_method(Foreign {
        import,
        function: plan.function.clone(),
        keeps_error: plan.keeps_error,
    })?;
    let sig = m.sig()?;
    let mut b = Builder::new(m);
    let mut args = Vec::with_capacity(plan.params.len());
    for (i, (&param, &ty)) in plan
        .params
        .iter()
        .zip(&sig.params[plan.first..])
        .enumerate()
    {
        args.push(before(&mut b, (i + plan.first) as u16, param, ty)?);
    }
    let result = match sig.ret.is_void() {
        true => None,
        false => Some(Returned::new(&mut b, plan, sig.ret)?),
    };
    // A result in memory: its address comes first, or last where the function gives an HRESULT.
    let aggregate = downcall::returns_aggregate(&plan.function);
    if let Some(r) = result.as_ref().filter(|_| aggregate) {
        r.push_address(&mut b);
    }
    for (i, (arg, param)) in args.iter().zip(&plan.params).enumerate() {
        match arg {
            None if matches!(param.way, Way::Address | Way::Pointer) => {
                b.op(Op::LdArgA((i + plan.first) as u16));
                to_native(&mut b);
            }
            None => {
                b.op(Op::LdArg((i + plan.first) as u16));
            }
            Some(c) => c.push(&mut b, param.by_ref),
        }
    }
    if let Some(r) = result.as_ref().filter(|_| plan.throws) {
        r.push_address(&mut b);
    }
    match m.kind {
        MethodKind::OverPointer(_) => {
            // The delegate's target is the boxed pointer.
            b.ops(&[Op::LdArg(0), Op::Call(Synthetic::RawData.method().id)]);
            b.op(Op::LdInd(MemTy::Native));
        }
        _ if import.is_none() => {
            b.op(Op::LdArg(sig.params.len() as u16 - 1));
        }
        _ => {}
    }
    b.op(Op::Call(target.id));
    if plan.throws {
        b.op(Op::Call(throw_for_hresult()?.id));
    } else if let Some(r) = result.as_ref().filter(|_| !aggregate) {
        b.op(Op::StLoc(r.native));
    }
    let managed = match &result {
        Some(r) => r.convert(&mut b, plan, sig.ret, &sig.params)?,
        None => None,
    };
    for (i, (arg, (&param, &ty))) in args
        .iter()
        .zip(plan.params.iter().zip(&sig.params[plan.first..]))
        .enumerate()
    {
        if let Some(c) = arg {
            let at = (i + plan.first) as u16;
            after(&mut b, at, param, ty, *c, &sig.params, plan.first)?;
        }
    }
    match (managed, result) {
        (Some(local), _) => {
            b.op(Op::LdLoc(local));
        }
        (None, Some(r)) => r.load(&mut b, plan, sig.ret)?,
        (None, None) => {}
    }
    b.op(Op::Ret);
    b.finish()
}

/// `Marshal.ThrowExceptionForHR(int)`.
fn throw_for_hresult() -> Result<&'static Method> {
    let class = types()
        .corlib()
        .find_type("System.Runtime.InteropServices", "Marshal");
    class
        .and_then(|c| c.method("ThrowExceptionForHR", 1))
        .ok_or_else(|| LoadError::new(LoadErrorKind::MissingMethod, "Marshal.ThrowExceptionForHR"))
}

fn to_native(b: &mut Builder) {
    b.op(Op::Conv(ConvTo::U, ConvMode::Wrap));
}

/// Zeroed memory of the frame: a local that holds its address.
pub fn block(b: &mut Builder, bytes: u32) -> u16 {
    let at = b.local(MemTy::Native);
    b.op(Op::LdcI4(bytes as i32));
    to_native(b);
    b.ops(&[Op::LocAlloc, Op::StLoc(at)]);
    at
}

/// A converted argument.
#[derive(Clone, Copy)]
struct Converted {
    /// The native word, or the address of the native form.
    word: u16,
    /// The word is such an address.
    is_block: bool,
    /// The function gets the address.
    aggregate: bool,
    /// What the way needs besides: whether a handle was taken; the handle's value before.
    extra: Option<u16>,
    /// The new handle of a by-reference parameter.
    made: Option<u16>,
}

impl Converted {
    fn word(word: u16) -> Converted {
        Converted {
            word,
            is_block: false,
            aggregate: false,
            extra: None,
            made: None,
        }
    }

    /// Pushes what the function gets.
    fn push(&self, b: &mut Builder, by_ref: bool) {
        match by_ref || self.aggregate {
            true => self.push_address(b),
            false if self.is_block => {
                b.ops(&[Op::LdLoc(self.word), Op::LdInd(MemTy::Native)]);
            }
            false => {
                b.op(Op::LdLoc(self.word));
            }
        }
    }

    /// Pushes the address of the native form.
    fn push_address(&self, b: &mut Builder) {
        if self.is_block {
            b.op(Op::LdLoc(self.word));
        } else {
            b.op(Op::LdLocA(self.word));
            to_native(b);
        }
    }
}

/// The memory type of the word that a way makes.
fn word_mem(way: Way, ty: &'static Type) -> MemTy {
    match way {
        Way::Bool(1) | Way::Byte => MemTy::U8,
        Way::Bool(2) => MemTy::I16,
        Way::Bool(_) => MemTy::I32,
        Way::Double => MemTy::F64,
        Way::Handle | Way::Inside(_) | Way::Pointer => MemTy::Native,
        Way::Plain | Way::Address | Way::Crossing { .. } => ty.mem_ty(),
    }
}

/// A place for the native form of something that crosses by a spec.
fn native_place(b: &mut Builder, bytes: u32, aggregate: bool, ty: &'static Type) -> Converted {
    let is_date = ty.is_corlib("System", "DateTime");
    match bytes {
        // One word: a local of its class.
        0..=8 if !aggregate => {
            Converted::word(b.local(if is_date { MemTy::F64 } else { MemTy::Native }))
        }
        bytes => Converted {
            is_block: true,
            aggregate,
            ..Converted::word(block(b, bytes))
        },
    }
}

/// Makes the native form of an argument; `None`: it is passed as it is.
fn before(b: &mut Builder, i: u16, param: Param, ty: &'static Type) -> Result<Option<Converted>> {
    let target = target_of(ty);
    let load = |b: &mut Builder| {
        b.op(Op::LdArg(i));
        if param.by_ref {
            b.op(Op::LdInd(target.mem_ty()));
        }
    };
    if let Way::Crossing {
        position,
        bytes,
        aggregate,
        ..
    } = param.way
    {
        let c = native_place(b, bytes, aggregate, target);
        push_crossing(b, position)?;
        managed_address(b, i, param.by_ref);
        c.push_address(b);
        b.op(Op::Call(Synthetic::MarshalBefore.method().id));
        return Ok(Some(c));
    }
    if matches!(param.way, Way::Plain | Way::Address | Way::Pointer) {
        return Ok(None);
    }
    let word = b.local(word_mem(param.way, target));
    let mut c = Converted::word(word);
    match param.way {
        Way::Plain | Way::Address | Way::Pointer | Way::Crossing { .. } => {}
        Way::Bool(size) => {
            load(b);
            b.ops(&[Op::LdcI4(0), Op::Compare(Cmp::GtUn)]);
            if size == 2 {
                b.op(Op::Neg);
            }
            b.op(Op::StLoc(word));
        }
        Way::Byte => {
            load(b);
            b.ops(&[Op::Conv(ConvTo::U1, ConvMode::Wrap), Op::StLoc(word)]);
        }
        Way::Handle if param.by_ref => {
            // Passed out: the object exists before the call, so that no handle is lost.
            c.made = Some(new_handle(b, target)?);
            if param.input {
                let absent = b.label();
                let old = b.local(MemTy::Native);
                load(b);
                b.branch(Op::BrFalse, absent);
                load(b);
                b.ops(&[
                    Op::CallVirt(handle_method(target, "DangerousGetHandle", 0)?.id),
                    Op::Dup,
                    Op::StLoc(old),
                    Op::StLoc(word),
                ]);
                b.place(absent);
                c.extra = Some(old);
            }
        }
        Way::Handle => {
            let taken = b.local(MemTy::U8);
            let present = b.label();
            load(b);
            b.branch(Op::BrTrue, present);
            b.op(Op::Raise(raises().system("ArgumentNullException")));
            b.place(present);
            load(b);
            b.ops(&[
                Op::LdLocA(taken),
                Op::CallVirt(handle_method(target, "DangerousAddRef", 1)?.id),
            ]);
            load(b);
            b.ops(&[
                Op::CallVirt(handle_method(target, "DangerousGetHandle", 0)?.id),
                Op::StLoc(word),
            ]);
            c.extra = Some(taken);
        }
        Way::Inside(offset) => inside(b, i, offset, word),
        Way::Double => {
            load(b);
            b.ops(&[Op::Conv(ConvTo::R8, ConvMode::Wrap), Op::StLoc(word)]);
        }
    }
    Ok(Some(c))
}

/// Pushes the address of an argument, or of what it refers to.
fn managed_address(b: &mut Builder, i: u16, by_ref: bool) {
    b.op(if by_ref { Op::LdArg(i) } else { Op::LdArgA(i) });
    to_native(b);
}

/// Address of what lies `offset` bytes into the object in an argument, 0 for null.
fn inside(b: &mut Builder, i: u16, offset: u32, word: u16) {
    let null = b.label();
    b.op(Op::LdArg(i)).branch(Op::BrFalse, null);
    b.ops(&[
        Op::LdArg(i),
        Op::Call(Synthetic::RawData.method().id),
        Op::Conv(ConvTo::U, ConvMode::Wrap),
        Op::LdcI4((offset - HEADER) as i32),
        Op::Bin(BinOp::Add),
        Op::StLoc(word),
    ]);
    b.place(null);
}

fn target_of(ty: &'static Type) -> &'static Type {
    match ty.key {
        TypeKey::ByRef(t) => types().ty(t),
        _ => ty,
    }
}

/// Pushes what names a parameter (1 is the first) or the result (0) of the method whose body this is: its handle and the position.
pub fn push_crossing(b: &mut Builder, position: i32) -> Result<()> {
    let handle = types().known.method_handle().field("value");
    let missing = || LoadError::type_load("System.RuntimeMethodHandle has no field value");
    let handle = handle.ok_or_else(missing)?;
    b.ops(&[
        Op::LdToken(Token::Method(b.method().id)),
        Op::LdFld(handle.id),
        Op::LdcI4(position),
    ]);
    Ok(())
}

/// Pushes the number that a size parameter holds, 0 without one. `first` is the position of parameter number 0.
pub fn push_count(b: &mut Builder, param: Option<u16>, params: &[&'static Type], first: usize) {
    let position = param.map(|p| usize::from(p) + first);
    let ty = position.and_then(|p| params.get(p));
    let is_integer = |t: &Type| {
        matches!(
            t.mem_ty(),
            MemTy::I8
                | MemTy::U8
                | MemTy::I16
                | MemTy::U16
                | MemTy::I32
                | MemTy::I64
                | MemTy::Native
        )
    };
    match (position, ty) {
        (Some(p), Some(ty)) if is_integer(target_of(ty)) => {
            b.op(Op::LdArg(p as u16));
            if let TypeKey::ByRef(_) = ty.key {
                b.op(Op::LdInd(target_of(ty).mem_ty()));
            }
            b.op(Op::Conv(ConvTo::I8, ConvMode::Wrap));
        }
        _ => {
            b.op(Op::LdcI8(0));
        }
    }
}

/// Copies back and cleans up after the call.
fn after(
    b: &mut Builder,
    i: u16,
    param: Param,
    ty: &'static Type,
    c: Converted,
    params: &[&'static Type],
    first: usize,
) -> Result<()> {
    let target = target_of(ty);
    match param.way {
        Way::Crossing {
            position,
            size_param,
            ..
        } => {
            push_crossing(b, position)?;
            managed_address(b, i, param.by_ref);
            c.push_address(b);
            push_count(b, size_param, params, first);
            b.op(Op::Call(Synthetic::MarshalAfter.method().id));
        }
        Way::Handle if !param.by_ref => {
            let kept = b.label();
            b.op(Op::LdLoc(c.extra.unwrap_or(c.word)))
                .branch(Op::BrFalse, kept);
            b.ops(&[
                Op::LdArg(i),
                Op::CallVirt(handle_method(ty, "DangerousRelease", 0)?.id),
            ]);
            b.place(kept);
        }
        Way::Handle => {
            // The same handle stays in its object.
            let same = b.label();
            if let Some(old) = c.extra {
                let changed = b.label();
                b.ops(&[Op::LdArg(i), Op::LdInd(MemTy::Ref)])
                    .branch(Op::BrFalse, changed);
                b.ops(&[Op::LdLoc(c.word), Op::LdLoc(old)])
                    .branch(|n| Op::BrCmp(Cmp::Eq, n), same);
                b.place(changed);
            }
            b.op(Op::LdArg(i));
            push_handle(b, c.made.unwrap_or(c.word), c.word, target)?;
            b.op(Op::StInd(MemTy::Ref));
            b.place(same);
        }
        Way::Bool(_) | Way::Byte if param.by_ref => {
            b.op(Op::LdArg(i));
            push_word(b, param.way, c.word);
            b.op(Op::StInd(target.mem_ty()));
        }
        _ => {}
    }
    Ok(())
}

/// Pushes the managed form of a word.
fn push_word(b: &mut Builder, way: Way, word: u16) {
    b.op(Op::LdLoc(word));
    if let Way::Bool(_) = way {
        b.ops(&[Op::LdcI4(0), Op::Compare(Cmp::GtUn)]);
    }
}

/// Puts a handle into a new object, and pushes that.
fn push_handle(b: &mut Builder, object: u16, word: u16, ty: &'static Type) -> Result<()> {
    b.ops(&[
        Op::LdLoc(object),
        Op::LdLoc(word),
        Op::CallVirt(handle_method(ty, "SetHandle", 1)?.id),
        Op::LdLoc(object),
    ]);
    Ok(())
}

/// Where the result of a function is put.
struct Returned {
    /// Native word or block.
    native: u16,
    is_block: bool,
    /// A value with the same bytes in C: the local is the managed form.
    made: Option<u16>,
}

impl Returned {
    fn new(b: &mut Builder, plan: &Plan, ty: &'static Type) -> Result<Returned> {
        let returned = |native| Returned {
            native,
            is_block: false,
            made: None,
        };
        Ok(match plan.ret {
            Way::Crossing {
                bytes, aggregate, ..
            } => {
                let c = native_place(b, bytes, aggregate, ty);
                Returned {
                    is_block: c.is_block,
                    ..returned(c.word)
                }
            }
            // Native code may write whole words.
            Way::Address => {
                let size = ty.size_align()?.0.next_multiple_of(8);
                Returned {
                    is_block: true,
                    ..returned(block(b, size))
                }
            }
            Way::Handle => Returned {
                made: Some(new_handle(b, ty)?),
                ..returned(b.local(MemTy::Native))
            },
            way => returned(b.local(word_mem(way, ty))),
        })
    }

    fn push_address(&self, b: &mut Builder) {
        if self.is_block {
            b.op(Op::LdLoc(self.native));
        } else {
            b.op(Op::LdLocA(self.native));
            to_native(b);
        }
    }

    /// Makes the managed form of a result that takes more than a few instructions: a local.
    fn convert(
        &self,
        b: &mut Builder,
        plan: &Plan,
        ty: &'static Type,
        params: &[&'static Type],
    ) -> Result<Option<u16>> {
        let Way::Crossing {
            position,
            size_param,
            ..
        } = plan.ret
        else {
            return Ok(None);
        };
        let managed = b.local(ty.mem_ty());
        push_crossing(b, position)?;
        self.push_address(b);
        b.op(Op::LdLocA(managed));
        to_native(b);
        push_count(b, size_param, params, plan.first);
        b.op(Op::Call(Synthetic::MarshalResult.method().id));
        Ok(Some(managed))
    }

    /// Pushes any other result.
    fn load(&self, b: &mut Builder, plan: &Plan, ty: &'static Type) -> Result<()> {
        match plan.ret {
            Way::Address => {
                b.ops(&[Op::LdLoc(self.native), Op::LdObj(ty.id)]);
            }
            Way::Handle => push_handle(b, self.made.unwrap_or(self.native), self.native, ty)?,
            way => push_word(b, way, self.native),
        }
        Ok(())
    }
}

/// A method of `SafeHandle` or `CriticalHandle`.
pub(super) fn handle_method(
    ty: &'static Type,
    name: &str,
    params: usize,
) -> Result<&'static Method> {
    std::iter::once(ty)
        .chain(ty.ancestors())
        .find_map(|t| t.method(name, params))
        .ok_or_else(|| LoadError::type_load(format!("{} has no {name}", ty.full_name())))
}

/// A new object of a class derived from `SafeHandle`, in a local.
fn new_handle(b: &mut Builder, ty: &'static Type) -> Result<u16> {
    let local = b.local(MemTy::Ref);
    let ctor = ty
        .method(".ctor", 0)
        .filter(|_| !ty.flags.contains(TypeAttributes::ABSTRACT));
    let ctor = ctor.ok_or_else(|| {
        LoadError::new(
            LoadErrorKind::MissingMethod,
            format!("{} has no default constructor", ty.full_name()),
        )
    })?;
    b.ops(&[Op::NewObj(ctor.id), Op::StLoc(local)]);
    Ok(local)
}
