//! What each instruction does to the types on the evaluation stack (ECMA-335 III.1.5, III.1.6).
//!
//! One place for the verifier and the compilers. Types are those of the machine ([`StackTy`]):
//! object types are not told apart, and what ECMA calls *correct but not verifiable* (arithmetic on managed pointers,
//! native pointers where managed ones are expected) is accepted.
//!
//! ```text
//!   binary numeric     I32     I64   Native  F32   F64   ByRef          add: ByRef too with I32/Native on either side
//!   I32                I32     -     Native  -     -     (add)          sub: ByRef - I32/Native = ByRef
//!   I64                -       I64   -       -     -     -                   ByRef - ByRef      = Native
//!   Native             Native  -     Native  -     -     (add)
//!   F32                -       -     -       F32   F64   -
//!   F64                -       -     -       F64   F64   -
//!   ByRef              ByRef   -     ByRef   -     -     (sub) Native
//! ```
//!
//! Where a value meets a location of another type the *implicit conversions* of III.1.6 apply ([`assignable`]): I32
//! widens to Native by sign extension, Native truncates to I32, floats change precision, managed and native pointers
//! are the same bits. The compilers perform them wherever [`assignable`] says yes and the types differ.

use crate::body::Body;
use crate::lenient;
use crate::op::{BinOp, Cmp, ConvMode, ConvTo, Insn, Op, Token};
use isthmus_runtime_abi::ids::{FieldId, MethodId, TypeId};
use isthmus_runtime_abi::types::{MemTy, Signature, StackTy};
use isthmus_runtime_abi::vm::{CompileEnv, FieldPlace, HandleKind, TypeKind};

/// Why an instruction does not fit the stack.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TypeError {
    /// Too few entries.
    #[error("stack underflow")]
    Underflow,
    /// An operand of the wrong type.
    #[error("{what}: {found:?} does not fit")]
    Operand {
        /// What the operand is for.
        what: &'static str,
        /// Its type.
        found: StackTy,
    },
    /// Two operands that do not go together.
    #[error("{what}: {left:?} and {right:?} do not go together")]
    Operands {
        /// The operation.
        what: &'static str,
        /// Type of the first operand.
        left: StackTy,
        /// Type of the second operand.
        right: StackTy,
    },
    /// A value that cannot become the type of its destination.
    #[error("{what}: {found:?} is not assignable to {wanted:?}")]
    Assign {
        /// The destination.
        what: &'static str,
        /// Type of the value.
        found: StackTy,
        /// Type of the destination.
        wanted: StackTy,
    },
    /// No such argument or local variable.
    #[error("there is no {what} {index}")]
    Index {
        /// `argument` or `local`.
        what: &'static str,
        /// The number.
        index: u16,
    },
    /// Entries left where the stack must be empty.
    #[error("{0}: the stack is not empty")]
    NotEmpty(&'static str),
    /// An operand (type, method, field) of the wrong kind.
    #[error("{0}")]
    Entity(&'static str),
}

type Result<T = ()> = std::result::Result<T, TypeError>;

/// Which operands go together.
#[derive(Debug)]
pub struct Rules {
    /// See [`bin_result`].
    pub bin_result: fn(BinOp, StackTy, StackTy) -> Option<StackTy>,
    /// See [`compare_type`].
    pub compare_type: fn(Cmp, StackTy, StackTy) -> Option<StackTy>,
    /// See [`assignable`].
    pub assignable: fn(StackTy, StackTy) -> bool,
    /// All else that [`lenient`] lists is accepted, too.
    pub lenient: bool,
}

/// The standard's tables.
pub static STANDARD: Rules = Rules {
    bin_result,
    compare_type,
    assignable,
    lenient: false,
};

/// What the compilers accept besides.
pub static LENIENT: Rules = Rules {
    bin_result: lenient::bin_result,
    compare_type: lenient::compare_type,
    assignable: lenient::assignable,
    lenient: true,
};

/// Result type of a two-operand operation; `None` if the operands do not go together.
pub fn bin_result(op: BinOp, left: StackTy, right: StackTy) -> Option<StackTy> {
    use BinOp::*;
    use StackTy::*;
    let ints = |a, b| match (a, b) {
        (I32, I32) => Some(I32),
        (I64, I64) => Some(I64),
        (I32 | Native, I32 | Native) => Some(Native),
        _ => None,
    };
    match op {
        Shl | Shr | ShrUn => match (left, right) {
            (I32 | I64 | Native, I32 | Native) => Some(left),
            _ => None,
        },
        And | Or | Xor | DivUn | RemUn | MulOvf | MulOvfUn | AddOvf | SubOvf => ints(left, right),
        AddOvfUn | SubOvfUn => pointers(op, left, right).or_else(|| ints(left, right)),
        Mul | Div | Rem => floats(left, right).or_else(|| ints(left, right)),
        Add | Sub => pointers(op, left, right)
            .or_else(|| floats(left, right))
            .or_else(|| ints(left, right)),
    }
}

fn floats(left: StackTy, right: StackTy) -> Option<StackTy> {
    match (left, right) {
        (StackTy::F32, StackTy::F32) => Some(StackTy::F32),
        (StackTy::F32 | StackTy::F64, StackTy::F32 | StackTy::F64) => Some(StackTy::F64),
        _ => None,
    }
}

fn pointers(op: BinOp, left: StackTy, right: StackTy) -> Option<StackTy> {
    use StackTy::*;
    let add = matches!(op, BinOp::Add | BinOp::AddOvfUn);
    match (left, right) {
        (ByRef, I32 | Native) => Some(ByRef),
        (I32 | Native, ByRef) if add => Some(ByRef),
        (ByRef, ByRef) if !add => Some(Native),
        _ => None,
    }
}

/// The type at which two values are compared: both are converted to it. `None` if they cannot be.
pub fn compare_type(cmp: Cmp, left: StackTy, right: StackTy) -> Option<StackTy> {
    use StackTy::*;
    match (left, right) {
        (I32, I32) => Some(I32),
        (I64, I64) => Some(I64),
        (F32, F32) => Some(F32),
        (F32 | F64, F32 | F64) => Some(F64),
        (I32 | Native, I32 | Native) => Some(Native),
        (ByRef | Native, ByRef | Native) => Some(ByRef),
        // `cgt.un` against null is how C# writes `!= null`; the other orders have no use but no harm either.
        (Ref, Ref) if !matches!(cmp, Cmp::Ge | Cmp::Gt | Cmp::Le | Cmp::Lt) => Some(Ref),
        _ => None,
    }
}

/// Result type of a conversion.
pub fn conv_result(to: ConvTo) -> StackTy {
    match to {
        ConvTo::I1 | ConvTo::U1 | ConvTo::I2 | ConvTo::U2 | ConvTo::I4 | ConvTo::U4 => StackTy::I32,
        ConvTo::I8 | ConvTo::U8 => StackTy::I64,
        ConvTo::I | ConvTo::U => StackTy::Native,
        ConvTo::R4 => StackTy::F32,
        ConvTo::R8 | ConvTo::RUn => StackTy::F64,
    }
}

/// Whether a value of this type may be converted so.
pub fn conv_accepts(from: StackTy, to: ConvTo, mode: ConvMode) -> bool {
    use StackTy::*;
    let float_target = matches!(to, ConvTo::R4 | ConvTo::R8 | ConvTo::RUn);
    match from {
        I32 | I64 | Native | F32 | F64 => true,
        ByRef => !float_target,
        Ref => {
            mode == ConvMode::Wrap && matches!(to, ConvTo::I | ConvTo::U | ConvTo::I8 | ConvTo::U8)
        }
        Struct(_) => false,
    }
}

/// Whether a value of stack type `from` may be stored where `to` is wanted, with the implicit conversions of III.1.6.
pub fn assignable(from: StackTy, to: StackTy) -> bool {
    use StackTy::*;
    from == to
        || matches!(
            (from, to),
            (I32, Native)
                | (Native, I32)
                | (F32, F64)
                | (F64, F32)
                | (ByRef, Native)
                | (Native, ByRef)
        )
}

/// Whether two edges may bring these types to the same stack entry. The first edge in order of code decides the entry's
/// type; the others must need no conversion.
pub fn mergeable(first: StackTy, other: StackTy) -> bool {
    first == other
        || matches!(
            (first, other),
            (StackTy::ByRef, StackTy::Native) | (StackTy::Native, StackTy::ByRef)
        )
}

/// Applies an instruction to the stack's types. Control flow is the caller's business: of a branch only the operands are
/// taken; `leave`, `endfinally` and whatever ends the flow by an exception empty the stack.
pub fn step(
    env: &dyn CompileEnv,
    body: &Body,
    insn: &Insn,
    stack: &mut Vec<StackTy>,
    rules: &'static Rules,
) -> Result {
    let mut step = Step {
        env,
        body,
        stack,
        rules,
    };
    step.apply(insn)
}

struct Step<'a> {
    env: &'a dyn CompileEnv,
    body: &'a Body,
    stack: &'a mut Vec<StackTy>,
    rules: &'static Rules,
}

impl Step<'_> {
    fn apply(&mut self, insn: &Insn) -> Result {
        use StackTy::*;
        match insn.op {
            Op::Nop | Op::Break | Op::Br(_) => {}
            Op::Leave(_) | Op::EndFinally | Op::Rethrow | Op::Raise(_) => self.stack.clear(),

            Op::LdArg(n) => self.push(self.arg(n)?.stack_ty()),
            Op::LdArgA(n) => {
                self.arg(n)?;
                self.push(ByRef)
            }
            Op::StArg(n) => self.store("starg", self.arg(n)?)?,
            Op::LdLoc(n) => self.push(self.local(n)?.stack_ty()),
            Op::LdLocA(n) => {
                self.local(n)?;
                self.push(ByRef)
            }
            Op::StLoc(n) => self.store("stloc", self.local(n)?)?,

            Op::LdNull | Op::LdStr(_) => self.push(Ref),
            Op::LdcI4(_) | Op::SizeOf(_) => self.push(I32),
            Op::LdcI8(_) => self.push(I64),
            Op::LdcR4(_) => self.push(F32),
            Op::LdcR8(_) => self.push(F64),
            Op::Dup => {
                let top = self.pop()?;
                self.push(top);
                self.push(top)
            }
            Op::Pop => {
                self.pop()?;
            }

            Op::Jmp(_) => self.want_empty("jmp")?,
            Op::Call(m) | Op::CallVirt(m) => self.call(m, insn.constrained.is_some())?,
            Op::CallI(sig) => {
                self.pointer("code address")?;
                let sig = self.env.signature(sig);
                self.cookie(&sig)?;
                self.args(&sig, &sig.params)?;
                self.result(&sig)
            }
            Op::NewObj(ctor) => self.new_object(ctor)?,
            Op::Ret => {
                if let Some(ret) = self.body.sig.ret {
                    self.store("ret", ret)?;
                }
                self.want_empty("ret")?
            }
            Op::BrFalse(_) | Op::BrTrue(_) => match self.pop()? {
                I32 | I64 | Native | Ref | ByRef => {}
                found => return operand("condition", found),
            },
            Op::BrCmp(cmp, _) => self.compare(cmp)?,
            Op::Compare(cmp) => {
                self.compare(cmp)?;
                self.push(I32)
            }
            Op::Switch(_) => self.integer("switch")?,

            Op::LdInd(ty) => {
                self.pointer("address")?;
                self.push(ty.stack_ty())
            }
            Op::StInd(ty) => {
                self.store("stind", ty)?;
                self.pointer("address")?
            }
            Op::LdObj(t) => {
                self.pointer("address")?;
                self.push(self.env.mem_ty(t).stack_ty())
            }
            Op::StObj(t) => {
                self.store("stobj", self.env.mem_ty(t))?;
                self.pointer("address")?
            }
            Op::CpObj(_) => {
                self.pointer("source")?;
                self.pointer("destination")?
            }
            Op::InitObj(_) => self.pointer("address")?,
            Op::CpBlk => {
                self.integer("byte count")?;
                self.pointer("source")?;
                self.pointer("destination")?
            }
            Op::InitBlk => {
                self.integer("byte count")?;
                self.integer("fill value")?;
                self.pointer("address")?
            }
            Op::LocAlloc => {
                self.integer("byte count")?;
                self.push(Native)
            }

            Op::Bin(op) => {
                let right = self.pop()?;
                let left = self.pop()?;
                let what = "binary operation";
                let result = (self.rules.bin_result)(op, left, right);
                self.push(result.ok_or(TypeError::Operands { what, left, right })?)
            }
            Op::Neg => match self.pop()? {
                t @ (I32 | I64 | Native | F32 | F64) => self.push(t),
                found => return operand("neg", found),
            },
            Op::Not => match self.pop()? {
                t @ (I32 | I64 | Native) => self.push(t),
                found => return operand("not", found),
            },
            Op::Conv(to, mode) => {
                let from = self.pop()?;
                if !conv_accepts(from, to, mode) {
                    return operand("conversion", from);
                }
                self.push(conv_result(to))
            }
            Op::CkFinite => match self.pop()? {
                t @ (F32 | F64) => self.push(t),
                found => return operand("ckfinite", found),
            },

            Op::Box(t) => {
                self.store("box", self.env.mem_ty(t))?;
                self.push(Ref)
            }
            Op::Unbox(_) => {
                self.reference("unbox")?;
                self.push(ByRef)
            }
            Op::UnboxAny(t) => {
                self.reference("unbox.any")?;
                self.push(self.env.mem_ty(t).stack_ty())
            }
            Op::CastClass(_) | Op::IsInst(_) => {
                self.reference("cast")?;
                self.push(Ref)
            }

            Op::NewArr(_) => {
                self.integer("array length")?;
                self.push(Ref)
            }
            Op::LdLen => {
                self.reference("array")?;
                self.push(Native)
            }
            Op::LdElemA(_) => {
                self.element()?;
                self.push(ByRef)
            }
            Op::LdElem(ty, _) => {
                self.element()?;
                self.push(ty.stack_ty())
            }
            Op::StElem(ty, _) => {
                self.store("stelem", ty)?;
                self.element()?
            }

            Op::LdFld(f) => {
                let found = self.pop()?;
                if !matches!(found, Ref | ByRef | Native | Struct(_)) {
                    return operand("ldfld", found);
                }
                self.push(self.field(f).0.stack_ty())
            }
            Op::LdFldA(f) => {
                let found = self.pop()?;
                let (_, instance) = self.field(f);
                match found {
                    Native if instance => self.push(Native),
                    Ref | ByRef | Native => self.push(ByRef),
                    _ => return operand("ldflda", found),
                }
            }
            Op::StFld(f) => {
                self.store("stfld", self.field(f).0)?;
                match self.pop()? {
                    Ref | ByRef | Native => {}
                    found => return operand("stfld", found),
                }
            }
            Op::LdSFld(f) => self.push(self.field(f).0.stack_ty()),
            Op::LdSFldA(_) => self.push(ByRef),
            Op::StSFld(f) => self.store("stsfld", self.field(f).0)?,

            Op::LdToken(token) => {
                let kind = match token {
                    Token::Type(_) => HandleKind::Type,
                    Token::Method(_) => HandleKind::Method,
                    Token::Field(_) => HandleKind::Field,
                };
                self.push(self.env.handle_ty(kind).stack_ty())
            }
            Op::LdFtn(_) => self.push(Native),
            Op::LdVirtFtn(_) => {
                self.reference("ldvirtftn")?;
                self.push(Native)
            }
            Op::Throw => {
                self.reference("throw")?;
                self.stack.clear()
            }
            Op::EndFilter => {
                match self.pop()? {
                    I32 => {}
                    found => return operand("endfilter", found),
                }
                self.want_empty("endfilter")?
            }

            Op::VarArgs(sig) => {
                let sig = self.env.signature(sig);
                self.args(&sig, &sig.params)?;
                self.push(Native)
            }
            Op::ArgList => {
                if !self.body.sig.takes_cookie() {
                    return Err(TypeError::Entity(
                        "arglist: the method takes no variable arguments",
                    ));
                }
                self.push(self.env.handle_ty(HandleKind::ArgList).stack_ty())
            }
            Op::MkRefAny(_) => {
                self.pointer("mkrefany")?;
                self.push(self.typed_reference()?)
            }
            Op::RefAnyVal(_) => {
                self.typed_reference_operand()?;
                self.push(ByRef)
            }
            Op::RefAnyType => {
                self.typed_reference_operand()?;
                self.push(self.env.handle_ty(HandleKind::Type).stack_ty())
            }
        }
        Ok(())
    }

    fn call(&mut self, callee: MethodId, constrained: bool) -> Result {
        let sig = self.env.method(callee).sig;
        self.cookie(&sig)?;
        if constrained && sig.has_this {
            // The stack holds the address of the value where `this` should be.
            self.args(&sig, &sig.params[1..])?;
            self.pointer("constrained this")?;
        } else {
            self.args(&sig, &sig.params)?;
        }
        self.result(&sig);
        Ok(())
    }

    fn new_object(&mut self, ctor: MethodId) -> Result {
        let sig = self.env.method(ctor).sig;
        let skip = usize::from(sig.has_this);
        self.cookie(&sig)?;
        self.args(&sig, sig.params.get(skip..).unwrap_or(&[]))?;
        let class = self.env.new_object_class(ctor);
        let ty = match class {
            Some(c)
                if matches!(
                    self.env.type_kind(c),
                    TypeKind::Value | TypeKind::Nullable(_)
                ) =>
            {
                self.env.mem_ty(c).stack_ty()
            }
            _ => StackTy::Ref,
        };
        self.push(ty);
        Ok(())
    }

    /// Takes the vararg cookie that lies above the arguments, if the signature asks for one.
    fn cookie(&mut self, sig: &Signature) -> Result {
        if sig.takes_cookie() {
            self.pointer("vararg cookie")?;
        }
        Ok(())
    }

    /// Takes arguments, last first.
    fn args(&mut self, sig: &Signature, params: &[MemTy]) -> Result {
        let this_at = sig.params.len() - params.len();
        for (i, &param) in params.iter().enumerate().rev() {
            let is_this = sig.has_this && i + this_at == 0;
            let found = self.pop()?;
            let wanted = param.stack_ty();
            if !self.assignable(found, wanted) {
                let what = if is_this { "this" } else { "argument" };
                return Err(TypeError::Assign {
                    what,
                    found,
                    wanted,
                });
            }
        }
        Ok(())
    }

    fn result(&mut self, sig: &Signature) {
        if let Some(ret) = sig.ret {
            self.push(ret.stack_ty());
        }
    }

    fn compare(&mut self, cmp: Cmp) -> Result {
        let right = self.pop()?;
        let left = self.pop()?;
        match (self.rules.compare_type)(cmp, left, right) {
            Some(_) => Ok(()),
            None => Err(TypeError::Operands {
                what: "comparison",
                left,
                right,
            }),
        }
    }

    /// Array and index of an element access.
    fn element(&mut self) -> Result {
        match self.pop()? {
            StackTy::I32 | StackTy::Native => self.reference("array"),
            found => operand("array index", found),
        }
    }

    /// Type of a field and whether it is an instance field.
    fn field(&self, field: FieldId) -> (MemTy, bool) {
        let info = self.env.field(self.body.method, field);
        (info.ty, matches!(info.place, FieldPlace::Instance(_)))
    }

    fn arg(&self, n: u16) -> Result<MemTy> {
        let what = "argument";
        let params = &self.body.sig.params;
        params
            .get(n as usize)
            .copied()
            .ok_or(TypeError::Index { what, index: n })
    }

    fn local(&self, n: u16) -> Result<MemTy> {
        let what = "local";
        let locals = &self.body.locals;
        locals
            .get(n as usize)
            .map(|l| l.ty)
            .ok_or(TypeError::Index { what, index: n })
    }

    fn typed_reference(&self) -> Result<StackTy> {
        let ty: Option<TypeId> = self.env.typed_reference();
        ty.map(StackTy::Struct)
            .ok_or(TypeError::Entity("typed references are not supported"))
    }

    fn typed_reference_operand(&mut self) -> Result {
        let wanted = self.typed_reference()?;
        let found = self.pop()?;
        let what = "typed reference";
        if found == wanted {
            Ok(())
        } else {
            Err(TypeError::Assign {
                what,
                found,
                wanted,
            })
        }
    }

    fn push(&mut self, ty: StackTy) {
        self.stack.push(ty);
    }

    fn pop(&mut self) -> Result<StackTy> {
        self.stack.pop().ok_or(TypeError::Underflow)
    }

    fn assignable(&self, found: StackTy, wanted: StackTy) -> bool {
        match (found, wanted) {
            (StackTy::Struct(a), StackTy::Struct(b)) if a != b && self.rules.lenient => {
                self.env.struct_layout(a) == self.env.struct_layout(b)
            }
            _ => (self.rules.assignable)(found, wanted),
        }
    }

    fn store(&mut self, what: &'static str, to: MemTy) -> Result {
        let found = self.pop()?;
        let wanted = to.stack_ty();
        if self.assignable(found, wanted) {
            Ok(())
        } else {
            Err(TypeError::Assign {
                what,
                found,
                wanted,
            })
        }
    }

    fn reference(&mut self, what: &'static str) -> Result {
        match self.pop()? {
            StackTy::Ref => Ok(()),
            found => operand(what, found),
        }
    }

    fn pointer(&mut self, what: &'static str) -> Result {
        match self.pop()? {
            StackTy::Native | StackTy::ByRef => Ok(()),
            found => operand(what, found),
        }
    }

    fn integer(&mut self, what: &'static str) -> Result {
        match self.pop()? {
            StackTy::I32 | StackTy::Native => Ok(()),
            StackTy::I64 if self.rules.lenient => Ok(()),
            found => operand(what, found),
        }
    }

    fn want_empty(&self, what: &'static str) -> Result {
        if self.stack.is_empty() {
            Ok(())
        } else {
            Err(TypeError::NotEmpty(what))
        }
    }
}

fn operand<T>(what: &'static str, found: StackTy) -> Result<T> {
    Err(TypeError::Operand { what, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use StackTy::*;

    #[test]
    fn binary_results_follow_the_table() {
        assert_eq!(bin_result(BinOp::Add, I32, Native), Some(Native));
        assert_eq!(bin_result(BinOp::Add, I32, I64), None);
        assert_eq!(bin_result(BinOp::Mul, F32, F64), Some(F64));
        assert_eq!(bin_result(BinOp::Mul, F32, F32), Some(F32));
        assert_eq!(bin_result(BinOp::Add, ByRef, I32), Some(ByRef));
        assert_eq!(bin_result(BinOp::Add, I32, ByRef), Some(ByRef));
        assert_eq!(bin_result(BinOp::Sub, ByRef, ByRef), Some(Native));
        assert_eq!(bin_result(BinOp::Sub, I32, ByRef), None);
        assert_eq!(bin_result(BinOp::And, F64, F64), None);
        assert_eq!(bin_result(BinOp::Shl, I64, I32), Some(I64));
        assert_eq!(bin_result(BinOp::Shl, I64, I64), None);
        assert_eq!(bin_result(BinOp::AddOvfUn, ByRef, Native), Some(ByRef));
        assert_eq!(bin_result(BinOp::AddOvf, ByRef, Native), None);
    }

    #[test]
    fn comparisons_of_references_are_for_equality() {
        assert_eq!(compare_type(Cmp::GtUn, Ref, Ref), Some(Ref));
        assert_eq!(compare_type(Cmp::Lt, Ref, Ref), None);
        assert_eq!(compare_type(Cmp::Eq, I32, Native), Some(Native));
        assert_eq!(compare_type(Cmp::Eq, I32, Ref), None);
    }

    #[test]
    fn implicit_conversions_are_those_of_the_standard() {
        assert!(assignable(I32, Native) && assignable(F64, F32) && assignable(ByRef, Native));
        assert!(!assignable(I32, I64) && !assignable(I64, Native) && !assignable(Ref, Native));
        assert!(mergeable(ByRef, Native) && !mergeable(I32, Native));
        assert!(
            conv_accepts(Ref, ConvTo::I, ConvMode::Wrap)
                && !conv_accepts(Ref, ConvTo::I4, ConvMode::Wrap)
        );
    }
}
