//! From signatures to text: the notation of IL assembly, with full names instead of keywords for
//! assemblies and `class`.

use std::fmt;

use super::super::error::{ErrorKind, Result, Site};
use super::super::image::Image;
use super::super::rows::{Row, TypeDefRow, TypeRefRow};
use super::super::schema::TableId;
use super::super::token::Token;
use super::types::*;

/// How many types may enclose each other in a name that is asked for.
const MAX_NESTING: u32 = 64;

/// How deep type specifications may refer to each other when printed.
const MAX_SPECS: u32 = 8;

/// Prints signatures with the names of an image; what cannot be named is printed as its token.
#[derive(Clone, Copy)]
pub struct SigPrinter<'a> {
    image: &'a Image,
    specs: u32,
}

impl Image {
    /// The full name of a TypeDef or TypeRef, as `Namespace.Outer/Inner`.
    pub fn type_name(&self, token: Token) -> Result<String> {
        let mut parts = Vec::new();
        let mut at = token;
        for _ in 0..MAX_NESTING {
            let (namespace, name, outer) = match at.table() {
                Some(TableId::TypeDef) => {
                    let row = self.type_def(at.rid())?;
                    let outer = row.enclosing_type()?.map(TypeDefRow::token);
                    (row.namespace()?, row.name()?, outer)
                }
                Some(TableId::TypeRef) => {
                    let row: TypeRefRow<'_> = self.type_ref(at.rid())?;
                    let scope = row.resolution_scope()?;
                    let outer = (scope.table() == Some(TableId::TypeRef)).then_some(scope);
                    (row.namespace()?, row.name()?, outer.filter(|t| !t.is_nil()))
                }
                _ => return Err(self.error(Site::File, ErrorKind::BadToken(at.raw()))),
            };
            parts.push((namespace, name));
            match outer {
                Some(outer) => at = outer,
                None => {
                    let mut text = String::new();
                    for (i, (namespace, name)) in parts.into_iter().rev().enumerate() {
                        if i != 0 {
                            text.push('/');
                        }
                        if !namespace.is_empty() {
                            text.push_str(namespace);
                            text.push('.');
                        }
                        text.push_str(name);
                    }
                    return Ok(text);
                }
            }
        }
        let site = match token.table() {
            Some(table) => Site::Row {
                table,
                rid: token.rid(),
                column: None,
            },
            None => Site::File,
        };
        Err(self.error(site, ErrorKind::Circular))
    }

    /// Prints signatures with the names of this image.
    pub fn printer(&self) -> SigPrinter<'_> {
        SigPrinter {
            image: self,
            specs: MAX_SPECS,
        }
    }
}

/// Text made on demand by a function.
struct Lazy<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Lazy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

impl<'a> SigPrinter<'a> {
    pub fn ty(self, ty: &'a SigType) -> impl fmt::Display + 'a {
        Lazy(move |f: &mut fmt::Formatter<'_>| self.write_type(f, ty))
    }

    /// A type by its token.
    pub fn token(self, token: Token) -> impl fmt::Display + 'a {
        Lazy(move |f: &mut fmt::Formatter<'_>| self.write_token(f, token))
    }

    /// `ret name(params)`, with `instance` and the calling convention in front.
    pub fn method(self, name: &'a str, sig: &'a MethodSig) -> impl fmt::Display + 'a {
        Lazy(move |f: &mut fmt::Formatter<'_>| self.write_method(f, name, sig))
    }

    fn write_list(self, f: &mut fmt::Formatter<'_>, types: &[SigType]) -> fmt::Result {
        for (i, ty) in types.iter().enumerate() {
            if i != 0 {
                f.write_str(", ")?;
            }
            self.write_type(f, ty)?;
        }
        Ok(())
    }

    fn write_token(self, f: &mut fmt::Formatter<'_>, token: Token) -> fmt::Result {
        if token.table() == Some(TableId::TypeSpec) && self.specs != 0 {
            let deeper = SigPrinter {
                specs: self.specs - 1,
                ..self
            };
            if let Ok(ty) = self.image.type_spec(token.rid()).and_then(|row| row.sig()) {
                return deeper.write_type(f, &ty);
            }
        }
        match self.image.type_name(token) {
            Ok(name) => f.write_str(&name),
            Err(_) => write!(f, "<{token}>"),
        }
    }

    fn write_type(self, f: &mut fmt::Formatter<'_>, ty: &SigType) -> fmt::Result {
        match ty {
            SigType::Prim(p) => f.write_str(keyword(*p)),
            SigType::Class(token) | SigType::ValueType(token) => self.write_token(f, *token),
            SigType::Var(n) => write!(f, "!{n}"),
            SigType::MVar(n) => write!(f, "!!{n}"),
            SigType::Ptr(t) => {
                self.write_type(f, t)?;
                f.write_str("*")
            }
            SigType::ByRef(t) => {
                self.write_type(f, t)?;
                f.write_str("&")
            }
            SigType::SzArray(t) => {
                self.write_type(f, t)?;
                f.write_str("[]")
            }
            SigType::Array(a) => {
                self.write_type(f, &a.element)?;
                write_shape(f, a)
            }
            SigType::GenericInst(g) => {
                self.write_token(f, g.definition)?;
                f.write_str("<")?;
                self.write_list(f, &g.args)?;
                f.write_str(">")
            }
            SigType::FnPtr(sig) => {
                f.write_str("method ")?;
                self.write_method(f, "*", sig)
            }
            SigType::Modified(m) => {
                self.write_type(f, &m.ty)?;
                f.write_str(if m.required { " modreq(" } else { " modopt(" })?;
                self.write_token(f, m.modifier)?;
                f.write_str(")")
            }
        }
    }

    fn write_method(self, f: &mut fmt::Formatter<'_>, name: &str, sig: &MethodSig) -> fmt::Result {
        if sig.has_this {
            f.write_str("instance ")?;
        }
        if sig.explicit_this {
            f.write_str("explicit ")?;
        }
        f.write_str(match sig.call_conv {
            CallConv::Managed => "",
            CallConv::Cdecl => "unmanaged cdecl ",
            CallConv::StdCall => "unmanaged stdcall ",
            CallConv::ThisCall => "unmanaged thiscall ",
            CallConv::FastCall => "unmanaged fastcall ",
            CallConv::VarArg => "vararg ",
            CallConv::Unmanaged => "unmanaged ",
        })?;
        self.write_type(f, &sig.ret)?;
        write!(f, " {name}")?;
        if sig.generic_params != 0 {
            write!(f, "`{}", sig.generic_params)?;
        }
        f.write_str("(")?;
        for (i, ty) in sig.params.iter().enumerate() {
            if i != 0 {
                f.write_str(", ")?;
            }
            if sig.sentinel == Some(i as u32) {
                f.write_str("..., ")?;
            }
            self.write_type(f, ty)?;
        }
        f.write_str(")")
    }
}

fn write_shape(f: &mut fmt::Formatter<'_>, array: &ArrayType) -> fmt::Result {
    f.write_str("[")?;
    for i in 0..array.rank as usize {
        if i != 0 {
            f.write_str(",")?;
        }
        match (array.lower_bounds.get(i), array.sizes.get(i)) {
            (Some(&low), Some(&size)) => {
                write!(f, "{low}...{}", i64::from(low) + i64::from(size) - 1)?;
            }
            (None, Some(size)) => write!(f, "{size}")?,
            (Some(0), None) | (None, None) => {}
            (Some(low), None) => write!(f, "{low}...")?,
        }
    }
    // One dimension without a bound would read as a vector.
    f.write_str(if array.rank == 1 && array.sizes.is_empty() {
        "*]"
    } else {
        "]"
    })
}

fn keyword(prim: Prim) -> &'static str {
    match prim {
        Prim::Void => "void",
        Prim::Boolean => "bool",
        Prim::Char => "char",
        Prim::I1 => "int8",
        Prim::U1 => "uint8",
        Prim::I2 => "int16",
        Prim::U2 => "uint16",
        Prim::I4 => "int32",
        Prim::U4 => "uint32",
        Prim::I8 => "int64",
        Prim::U8 => "uint64",
        Prim::R4 => "float32",
        Prim::R8 => "float64",
        Prim::String => "string",
        Prim::TypedByRef => "typedref",
        Prim::I => "native int",
        Prim::U => "native uint",
        Prim::Object => "object",
    }
}
