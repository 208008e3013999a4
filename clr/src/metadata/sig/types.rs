//! The parsed form of signatures.

use super::super::token::Token;

/// The types that stand for themselves: no token, no argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Prim {
    Void = 0x01,
    Boolean = 0x02,
    Char = 0x03,
    I1 = 0x04,
    U1 = 0x05,
    I2 = 0x06,
    U2 = 0x07,
    I4 = 0x08,
    U4 = 0x09,
    I8 = 0x0a,
    U8 = 0x0b,
    R4 = 0x0c,
    R8 = 0x0d,
    String = 0x0e,
    TypedByRef = 0x16,
    I = 0x18,
    U = 0x19,
    Object = 0x1c,
}

impl Prim {
    /// The primitive of an element type byte.
    pub fn from_element_type(byte: u8) -> Option<Prim> {
        use Prim::*;
        Some(match byte {
            0x01 => Void,
            0x02 => Boolean,
            0x03 => Char,
            0x04 => I1,
            0x05 => U1,
            0x06 => I2,
            0x07 => U2,
            0x08 => I4,
            0x09 => U4,
            0x0a => I8,
            0x0b => U8,
            0x0c => R4,
            0x0d => R8,
            0x0e => String,
            0x16 => TypedByRef,
            0x18 => I,
            0x19 => U,
            0x1c => Object,
            _ => return None,
        })
    }

    /// The name in texts of Mono's native part: traces, messages.
    pub fn keyword(self) -> &'static str {
        match self {
            Prim::Void => "void",
            Prim::Boolean => "bool",
            Prim::Char => "char",
            Prim::I1 => "sbyte",
            Prim::U1 => "byte",
            Prim::I2 => "int16",
            Prim::U2 => "uint16",
            Prim::I4 => "int",
            Prim::U4 => "uint",
            Prim::I8 => "long",
            Prim::U8 => "ulong",
            Prim::R4 => "single",
            Prim::R8 => "double",
            Prim::I => "intptr",
            Prim::U => "uintptr",
            Prim::String => "string",
            Prim::Object => "object",
            Prim::TypedByRef => "typedbyref",
        }
    }

    /// The name in namespace `System`.
    pub fn type_name(self) -> &'static str {
        match self {
            Prim::Void => "Void",
            Prim::Boolean => "Boolean",
            Prim::Char => "Char",
            Prim::I1 => "SByte",
            Prim::U1 => "Byte",
            Prim::I2 => "Int16",
            Prim::U2 => "UInt16",
            Prim::I4 => "Int32",
            Prim::U4 => "UInt32",
            Prim::I8 => "Int64",
            Prim::U8 => "UInt64",
            Prim::R4 => "Single",
            Prim::R8 => "Double",
            Prim::String => "String",
            Prim::TypedByRef => "TypedReference",
            Prim::I => "IntPtr",
            Prim::U => "UIntPtr",
            Prim::Object => "Object",
        }
    }
}

/// A type in a signature. Tokens are TypeDef, TypeRef or TypeSpec tokens of the image that the
/// signature is from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SigType {
    Prim(Prim),
    Class(Token),
    ValueType(Token),
    /// A generic parameter of the type.
    Var(u32),
    /// A generic parameter of the method.
    MVar(u32),
    Ptr(Box<SigType>),
    ByRef(Box<SigType>),
    SzArray(Box<SigType>),
    Array(Box<ArrayType>),
    GenericInst(Box<GenericInst>),
    FnPtr(Box<MethodSig>),
    Modified(Box<Modified>),
}

impl SigType {
    /// The type without the modifiers around it.
    pub fn unmodified(&self) -> &SigType {
        let mut ty = self;
        while let SigType::Modified(m) = ty {
            ty = &m.ty;
        }
        ty
    }

    /// The tokens of the types that it is made of, modifiers left out.
    pub fn tokens(&self, found: &mut impl FnMut(Token)) {
        match self {
            SigType::Prim(_) | SigType::Var(_) | SigType::MVar(_) => {}
            SigType::Class(token) | SigType::ValueType(token) => found(*token),
            SigType::Ptr(ty) | SigType::ByRef(ty) | SigType::SzArray(ty) => ty.tokens(found),
            SigType::Array(array) => array.element.tokens(found),
            SigType::GenericInst(inst) => {
                found(inst.definition);
                inst.args.iter().for_each(|ty| ty.tokens(found));
            }
            SigType::FnPtr(method) => {
                let types = method.params.iter().chain([&method.ret]);
                types.for_each(|ty| ty.tokens(found));
            }
            SigType::Modified(modified) => modified.ty.tokens(found),
        }
    }

    pub fn is_void(&self) -> bool {
        *self.unmodified() == SigType::Prim(Prim::Void)
    }
}

/// An array with a shape: `rank` dimensions, some of which have a size and a lower bound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArrayType {
    pub element: SigType,
    pub rank: u32,
    /// The sizes of the first dimensions.
    pub sizes: Vec<u32>,
    /// The lower bounds of the first dimensions.
    pub lower_bounds: Vec<i32>,
}

/// A generic type with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GenericInst {
    pub is_value_type: bool,
    /// The generic type definition.
    pub definition: Token,
    pub args: Vec<SigType>,
}

/// A type with a custom modifier, which is part of a signature's identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Modified {
    /// `modreq`: who does not know the modifier must not use the member.
    pub required: bool,
    pub modifier: Token,
    pub ty: SigType,
}

/// The calling convention of a method signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallConv {
    Managed,
    Cdecl,
    StdCall,
    ThisCall,
    FastCall,
    /// Managed with a variable number of arguments.
    VarArg,
    /// The platform's default, or what modifiers of the return type say.
    Unmanaged,
}

/// The first bytes of a method signature, read without its types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MethodHeader {
    pub call_conv: CallConv,
    /// There is a `this` argument…
    pub has_this: bool,
    /// …and it is listed among the parameters.
    pub explicit_this: bool,
    /// How many generic parameters the method has.
    pub generic_params: u32,
    /// How many parameters follow, `this` not counted unless explicit.
    pub param_count: u32,
}

/// The signature of a method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MethodSig {
    pub call_conv: CallConv,
    pub has_this: bool,
    pub explicit_this: bool,
    pub generic_params: u32,
    pub ret: SigType,
    pub params: Vec<SigType>,
    /// At a call of a vararg method: the index of the first parameter after the sentinel.
    pub sentinel: Option<u32>,
}

/// The signature of a property: of its getter, without the flags of a method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PropertySig {
    pub has_this: bool,
    pub ty: SigType,
    /// The indices, for indexers.
    pub params: Vec<SigType>,
}

/// A local variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalVar {
    /// What it points to does not move.
    pub pinned: bool,
    pub ty: SigType,
}

/// What a MemberRef refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MemberSig {
    Field(SigType),
    Method(MethodSig),
}

/// What a StandAloneSig holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StandAloneSig {
    LocalVars(Vec<LocalVar>),
    /// The signature of a `calli`.
    Method(MethodSig),
    /// The type of a local constant, as debug information has it.
    Field(SigType),
}
