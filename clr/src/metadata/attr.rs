//! Custom attributes (ECMA-335 II.23.3): the arguments of the constructor, then fields and
//! properties by name.
//!
//! ```text
//! 01 00 │ fixed arguments, typed by the constructor's signature │ count:2 │ named:
//!   53 (field) or 54 (property) │ type │ name │ value
//! ```
//!
//! An enum's value is stored in its underlying type, which the blob does not tell: an
//! [`EnumResolver`] looks it up, across assemblies where need be.

use super::bytes::Reader;
use super::error::{ErrorKind, Malformed, ReadError, Result};
use super::image::Image;
use super::rows::{CustomAttributeRow, FieldRow, MemberRefRow, MethodDefRow, Row};
use super::schema::TableId;
use super::sig::{MethodSig, Prim, SigType, parse_method, parse_prim};
use super::token::Token;

/// Says which integer type an enum is stored in.
pub trait EnumResolver {
    /// For an enum that a signature names by its token.
    fn by_token(&self, token: Token) -> Option<Prim>;

    /// For an enum that a blob names by its (often assembly-qualified) reflection name.
    fn by_name(&self, name: &str) -> Option<Prim>;
}

/// The type of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AttrType<'a> {
    /// A number, bool, char or string.
    Prim(Prim),
    /// `System.Type`.
    Type,
    /// `System.Object`: the value says its own type.
    Object,
    Enum(EnumName<'a>, Prim),
    Array(Box<AttrType<'a>>),
}

/// How an enum is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnumName<'a> {
    Token(Token),
    Name(&'a str),
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum AttrValue<'a> {
    Bool(bool),
    Char(u16),
    /// A signed integer of any size.
    Int(i64),
    /// An unsigned integer of any size.
    UInt(u64),
    R4(f32),
    R8(f64),
    String(Option<&'a str>),
    /// A type by its reflection name.
    Type(Option<&'a str>),
    /// A value typed `object`, with its actual type.
    Object(Box<AttrArg<'a>>),
    Array(Option<Vec<AttrValue<'a>>>),
}

/// An argument: its type and value.
#[derive(Clone, Debug, PartialEq)]
pub struct AttrArg<'a> {
    pub ty: AttrType<'a>,
    pub value: AttrValue<'a>,
}

/// A field or property that is set by name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArg<'a> {
    pub is_property: bool,
    pub name: &'a str,
    pub arg: AttrArg<'a>,
}

/// The arguments of a custom attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttrArgs<'a> {
    pub fixed: Vec<AttrArg<'a>>,
    pub named: Vec<NamedArg<'a>>,
}

/// How deep arrays and boxed values may nest.
const MAX_DEPTH: u32 = 16;

/// No string, or no type.
const NULL_STRING: u8 = 0xff;
/// The length of no array.
const NULL_ARRAY: u32 = u32::MAX;

const FIELD: u8 = 0x53;
const PROPERTY: u8 = 0x54;
const SZ_ARRAY: u8 = 0x1d;
const TYPE: u8 = 0x50;
const OBJECT: u8 = 0x51;
const ENUM: u8 = 0x55;

type Parsed<T> = std::result::Result<T, ReadError>;

/// Parses the value of a custom attribute whose constructor has signature `ctor`.
///
/// An empty blob stands for no arguments at all.
pub fn parse_attribute<'a>(
    blob: &'a [u8],
    ctor: &MethodSig,
    enums: &dyn EnumResolver,
) -> Parsed<AttrArgs<'a>> {
    let mut args = AttrArgs::default();
    if blob.is_empty() && ctor.params.is_empty() {
        return Ok(args);
    }
    let mut p = Parser {
        r: Reader::new(blob),
        enums,
    };
    let prolog = p.r.u16()?;
    if prolog != 1 {
        return Err(ReadError {
            offset: 0,
            what: Malformed::Prolog(prolog),
        });
    }
    for param in &ctor.params {
        let ty = p.param_type(param, MAX_DEPTH)?;
        let value = p.value(&ty, MAX_DEPTH)?;
        args.fixed.push(AttrArg { ty, value });
    }
    // Some writers leave out the count when there is nothing to count.
    let named = if p.r.is_empty() { 0 } else { p.r.u16()? };
    for _ in 0..named {
        args.named.push(p.named()?);
    }
    Ok(args)
}

struct Parser<'a, 'e> {
    r: Reader<'a>,
    enums: &'e dyn EnumResolver,
}

impl<'a> Parser<'a, '_> {
    /// The type of a fixed argument.
    fn param_type(&self, ty: &SigType, depth: u32) -> Parsed<AttrType<'a>> {
        Ok(match ty.unmodified() {
            SigType::Prim(Prim::Object) => AttrType::Object,
            SigType::Prim(p) if is_value(*p) => AttrType::Prim(*p),
            // Only System.Type may stand here.
            SigType::Class(_) => AttrType::Type,
            SigType::ValueType(token) => match self.enums.by_token(*token) {
                Some(prim) if is_enum_storage(prim) => {
                    AttrType::Enum(EnumName::Token(*token), prim)
                }
                _ => return Err(self.r.error(Malformed::UnresolvedEnum)),
            },
            SigType::SzArray(element) if depth != 0 => {
                AttrType::Array(Box::new(self.param_type(element, depth - 1)?))
            }
            _ => return Err(self.r.error(Malformed::AttributeType)),
        })
    }

    /// A type as the blob itself tells it (II.23.3, FieldOrPropType).
    fn stored_type(&mut self, depth: u32) -> Parsed<AttrType<'a>> {
        let start = self.r;
        match start.peek()? {
            SZ_ARRAY if depth != 0 => {
                self.r.skip(1)?;
                Ok(AttrType::Array(Box::new(self.stored_type(depth - 1)?)))
            }
            TYPE => self.r.skip(1).map(|()| AttrType::Type),
            OBJECT => self.r.skip(1).map(|()| AttrType::Object),
            ENUM => {
                self.r.skip(1)?;
                let name = self.string()?.unwrap_or("");
                match self.enums.by_name(name) {
                    Some(prim) if is_enum_storage(prim) => {
                        Ok(AttrType::Enum(EnumName::Name(name), prim))
                    }
                    _ => Err(start.error(Malformed::UnresolvedEnum)),
                }
            }
            byte => match parse_prim(&mut self.r)? {
                prim if is_value(prim) => Ok(AttrType::Prim(prim)),
                _ => Err(start.error(Malformed::ElementType(byte))),
            },
        }
    }

    fn value(&mut self, ty: &AttrType<'a>, depth: u32) -> Parsed<AttrValue<'a>> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.r.error(Malformed::TooDeep(MAX_DEPTH)));
        };
        match ty {
            AttrType::Prim(prim) | AttrType::Enum(_, prim) => self.prim(*prim),
            AttrType::Type => self.string().map(AttrValue::Type),
            AttrType::Object => {
                let ty = self.stored_type(depth)?;
                let value = self.value(&ty, depth)?;
                Ok(AttrValue::Object(Box::new(AttrArg { ty, value })))
            }
            AttrType::Array(element) => {
                let start = self.r;
                if self.r.u32()? == NULL_ARRAY {
                    return Ok(AttrValue::Array(None));
                }
                self.r = start;
                let count = self.r.count32(1)?;
                let mut values = Vec::with_capacity(count);
                for _ in 0..count {
                    values.push(self.value(element, depth)?);
                }
                Ok(AttrValue::Array(Some(values)))
            }
        }
    }

    fn prim(&mut self, prim: Prim) -> Parsed<AttrValue<'a>> {
        let r = &mut self.r;
        Ok(match prim {
            Prim::Boolean => AttrValue::Bool(r.u8()? != 0),
            Prim::Char => AttrValue::Char(r.u16()?),
            Prim::I1 => AttrValue::Int(r.i8()?.into()),
            Prim::I2 => AttrValue::Int(r.i16()?.into()),
            Prim::I4 => AttrValue::Int(r.i32()?.into()),
            Prim::I8 => AttrValue::Int(r.i64()?),
            Prim::U1 => AttrValue::UInt(r.u8()?.into()),
            Prim::U2 => AttrValue::UInt(r.u16()?.into()),
            Prim::U4 => AttrValue::UInt(r.u32()?.into()),
            Prim::U8 => AttrValue::UInt(r.u64()?),
            Prim::R4 => AttrValue::R4(r.f32()?),
            Prim::R8 => AttrValue::R8(r.f64()?),
            Prim::String => AttrValue::String(self.string()?),
            _ => return Err(r.error(Malformed::AttributeType)),
        })
    }

    fn string(&mut self) -> Parsed<Option<&'a str>> {
        if self.r.peek()? == NULL_STRING {
            self.r.skip(1)?;
            return Ok(None);
        }
        let length = self.r.count(1)?;
        let start = self.r;
        match std::str::from_utf8(self.r.bytes(length)?) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(start.error(Malformed::Utf8)),
        }
    }

    fn named(&mut self) -> Parsed<NamedArg<'a>> {
        let start = self.r;
        let is_property = match self.r.u8()? {
            FIELD => false,
            PROPERTY => true,
            other => return Err(start.error(Malformed::NamedArgument(other))),
        };
        let ty = self.stored_type(MAX_DEPTH)?;
        let name = self.string()?.unwrap_or("");
        let value = self.value(&ty, MAX_DEPTH)?;
        Ok(NamedArg {
            is_property,
            name,
            arg: AttrArg { ty, value },
        })
    }
}

/// Whether arguments may have the type.
fn is_value(prim: Prim) -> bool {
    (Prim::Boolean as u8..=Prim::String as u8).contains(&(prim as u8))
}

fn is_enum_storage(prim: Prim) -> bool {
    (Prim::Boolean as u8..=Prim::U8 as u8).contains(&(prim as u8))
}

impl<'a> CustomAttributeRow<'a> {
    /// The signature of the constructor.
    pub fn constructor_sig(self) -> Result<MethodSig> {
        let image = self.image();
        let token = self.constructor()?;
        match token.table() {
            Some(TableId::MethodDef) => image.row::<MethodDefRow<'_>>(token.rid())?.sig(),
            Some(TableId::MemberRef) => {
                let row = image.row::<MemberRefRow<'_>>(token.rid())?;
                row.raw_row().parse(2, parse_method)
            }
            _ => Err(self.raw_row().error(1, ErrorKind::BadToken(token.raw()))),
        }
    }

    /// The full name of the attribute's type; `None` for an instance of a generic type.
    pub fn type_name(self) -> Result<Option<String>> {
        let image = self.image();
        let token = self.constructor()?;
        let class = match token.table() {
            Some(TableId::MethodDef) => image
                .declaring_type_of_method(token.rid())
                .map_or(Token::NIL, |rid| Token::new(TableId::TypeDef, rid)),
            _ => image.member_ref(token.rid())?.class()?,
        };
        match class.table() {
            Some(TableId::TypeDef | TableId::TypeRef) => image.type_name(class).map(Some),
            _ => Ok(None),
        }
    }

    /// The arguments.
    pub fn args(self, enums: &dyn EnumResolver) -> Result<AttrArgs<'a>> {
        let ctor = self.constructor_sig()?;
        self.raw_row()
            .parse(2, |blob| parse_attribute(blob, &ctor, enums))
    }
}

impl Image {
    /// The type that an enum defined in this image is stored in.
    pub fn enum_storage(&self, type_def: u32) -> Option<Prim> {
        let row = self.type_def(type_def).ok()?;
        row.fields().ok()?.find_map(|rid| {
            let field: FieldRow<'_> = self.field(rid).ok()?;
            if field
                .flags()
                .contains(super::flags::FieldAttributes::STATIC)
            {
                return None;
            }
            match field.sig().ok()? {
                SigType::Prim(prim) => Some(prim),
                _ => None,
            }
        })
    }
}

/// Resolves the enums of one image: those that it defines itself.
pub struct LocalEnums<'a>(pub &'a Image);

impl EnumResolver for LocalEnums<'_> {
    fn by_token(&self, token: Token) -> Option<Prim> {
        (token.table() == Some(TableId::TypeDef)).then(|| self.0.enum_storage(token.rid()))?
    }

    fn by_name(&self, name: &str) -> Option<Prim> {
        let (type_name, assembly) = match name.split_once(',') {
            Some((type_name, assembly)) => (type_name.trim(), Some(assembly.trim_start())),
            None => (name, None),
        };
        if let Some(assembly) = assembly {
            let simple = assembly.split(',').next().unwrap_or_default().trim_end();
            if self.0.assembly().and_then(|a| a.name().ok()) != Some(simple) {
                return None;
            }
        }
        self.0
            .enum_storage(self.0.find_type_by_reflection_name(type_name)?)
    }
}

impl Image {
    /// A type by the name that reflection gives it, as `Namespace.Outer+Inner`, without assembly.
    pub fn find_type_by_reflection_name(&self, name: &str) -> Option<u32> {
        let mut parts = name.split('+');
        let (namespace, outer) = split_namespace(parts.next()?);
        let top = self.find_type(namespace, outer)?;
        parts.try_fold(top, |enclosing, part| {
            self.find_nested_type(enclosing, "", part)
        })
    }
}

/// Splits `A.B.C` into `A.B` and `C`.
pub fn split_namespace(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("", full))
}

#[cfg(test)]
mod tests {
    use super::super::sig::CallConv;
    use super::*;

    struct Enums;

    impl EnumResolver for Enums {
        fn by_token(&self, _: Token) -> Option<Prim> {
            Some(Prim::I2)
        }

        fn by_name(&self, name: &str) -> Option<Prim> {
            (name == "E").then_some(Prim::U1)
        }
    }

    fn ctor(params: Vec<SigType>) -> MethodSig {
        MethodSig {
            call_conv: CallConv::Managed,
            has_this: true,
            explicit_this: false,
            generic_params: 0,
            ret: SigType::Prim(Prim::Void),
            params,
            sentinel: None,
        }
    }

    fn token() -> Token {
        Token::new(TableId::TypeRef, 1)
    }

    #[test]
    fn fixed_arguments() {
        let sig = ctor(vec![
            SigType::Prim(Prim::I4),
            SigType::Prim(Prim::String),
            SigType::Class(token()),
            SigType::ValueType(token()),
            SigType::SzArray(Box::new(SigType::Prim(Prim::String))),
            SigType::Prim(Prim::Object),
        ]);
        let blob = [
            &[1, 0, 0xfe, 0xff, 0xff, 0xff][..],
            &[0xff],
            &[1, b'T'],
            &[0xff, 0x7f],
            &[2, 0, 0, 0, 1, b'a', 0xff],
            &[0x1d, 0x55, 1, b'E', 1, 0, 0, 0, 200],
            &[0, 0],
        ]
        .concat();
        let args = parse_attribute(&blob, &sig, &Enums).unwrap();
        let values: Vec<_> = args.fixed.iter().map(|a| &a.value).collect();
        assert_eq!(values[0], &AttrValue::Int(-2));
        assert_eq!(values[1], &AttrValue::String(None));
        assert_eq!(values[2], &AttrValue::Type(Some("T")));
        assert_eq!(values[3], &AttrValue::Int(0x7fff));
        let strings = vec![AttrValue::String(Some("a")), AttrValue::String(None)];
        assert_eq!(values[4], &AttrValue::Array(Some(strings)));
        let AttrValue::Object(boxed) = values[5] else {
            panic!("{args:?}")
        };
        assert_eq!(
            boxed.value,
            AttrValue::Array(Some(vec![AttrValue::UInt(200)]))
        );
    }

    #[test]
    fn named_arguments() {
        let blob = [
            &[1, 0, 2, 0][..],
            &[0x53, 0x02, 1, b'F', 1],
            &[0x54, 0x1d, 0x50, 1, b'P', 0xff, 0xff, 0xff, 0xff],
        ]
        .concat();
        let args = parse_attribute(&blob, &ctor(vec![]), &Enums).unwrap();
        assert_eq!(args.named[0].name, "F");
        assert_eq!(args.named[0].arg.value, AttrValue::Bool(true));
        assert!(args.named[1].is_property);
        assert_eq!(
            args.named[1].arg.ty,
            AttrType::Array(Box::new(AttrType::Type))
        );
        assert_eq!(args.named[1].arg.value, AttrValue::Array(None));
    }

    #[test]
    fn hostile_input_is_an_error() {
        let none = ctor(vec![]);
        let what =
            |blob: &[u8], sig: &MethodSig| parse_attribute(blob, sig, &Enums).unwrap_err().what;
        assert_eq!(what(&[2, 0], &none), Malformed::Prolog(2));
        assert_eq!(
            what(&[1, 0, 1, 0, 0x50], &none),
            Malformed::NamedArgument(0x50)
        );
        assert_eq!(
            what(&[1, 0, 1, 0, 0x53, 0x55, 1, b'X'], &none),
            Malformed::UnresolvedEnum
        );
        assert_eq!(
            what(&[1, 0, 1, 0, 0x53, 0x1c], &none),
            Malformed::ElementType(0x1c)
        );
        let array = ctor(vec![SigType::SzArray(Box::new(SigType::Prim(Prim::I4)))]);
        assert!(matches!(
            what(&[1, 0, 0, 0, 0, 0x7f], &array),
            Malformed::Count { .. }
        ));
        // Boxes in boxes: bounded, not a stack overflow.
        let mut deep = vec![1, 0];
        deep.extend(std::iter::repeat_n(0x51, 100_000));
        let object = ctor(vec![SigType::Prim(Prim::Object)]);
        assert_eq!(what(&deep, &object), Malformed::TooDeep(MAX_DEPTH));
        let fn_ptr = ctor(vec![SigType::Ptr(Box::new(SigType::Prim(Prim::I4)))]);
        assert_eq!(what(&[1, 0], &fn_ptr), Malformed::AttributeType);
    }
}
