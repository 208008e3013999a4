//! From blobs to signatures.
//!
//! Bounds: nesting is limited to [`MAX_DEPTH`]; a count is accepted only if as many bytes are left
//! (every type takes at least one), so memory stays proportional to the blob.

use super::super::bytes::Reader;
use super::super::error::{Malformed, ReadError};
use super::super::schema::CodedIndex;
use super::super::token::Token;
use super::types::*;

type Result<T> = std::result::Result<T, ReadError>;

/// How deep types may nest.
pub const MAX_DEPTH: u32 = 100;

/// The most dimensions that an array may have.
const MAX_RANK: u32 = 32;

/// Element types and other markers (II.23.1.16).
mod element {
    pub const PTR: u8 = 0x0f;
    pub const BY_REF: u8 = 0x10;
    pub const VALUE_TYPE: u8 = 0x11;
    pub const CLASS: u8 = 0x12;
    pub const VAR: u8 = 0x13;
    pub const ARRAY: u8 = 0x14;
    pub const GENERIC_INST: u8 = 0x15;
    pub const FN_PTR: u8 = 0x1b;
    pub const SZ_ARRAY: u8 = 0x1d;
    pub const MVAR: u8 = 0x1e;
    pub const CMOD_REQD: u8 = 0x1f;
    pub const CMOD_OPT: u8 = 0x20;
    pub const SENTINEL: u8 = 0x41;
    pub const PINNED: u8 = 0x45;
}

/// The first byte of a signature.
mod lead {
    pub const KIND: u8 = 0x0f;
    pub const FIELD: u8 = 0x6;
    pub const LOCAL_VARS: u8 = 0x7;
    pub const PROPERTY: u8 = 0x8;
    pub const GENERIC_INST: u8 = 0xa;
    pub const GENERIC: u8 = 0x10;
    pub const HAS_THIS: u8 = 0x20;
    pub const EXPLICIT_THIS: u8 = 0x40;
}

/// A method signature: of a definition, a reference, a call site or a function pointer.
pub fn parse_method(blob: &[u8]) -> Result<MethodSig> {
    method(&mut Reader::new(blob), MAX_DEPTH)
}

/// Only the first bytes of a method signature: enough to count arguments.
pub fn peek_method(blob: &[u8]) -> Result<MethodHeader> {
    method_header(&mut Reader::new(blob))
}

/// The type of a field, with its modifiers.
pub fn parse_field(blob: &[u8]) -> Result<SigType> {
    let mut r = Reader::new(blob);
    expect(&mut r, lead::FIELD)?;
    parse_type(&mut r, MAX_DEPTH)
}

/// What a MemberRef refers to.
pub fn parse_member(blob: &[u8]) -> Result<MemberSig> {
    if Reader::new(blob).peek()? & lead::KIND == lead::FIELD {
        parse_field(blob).map(MemberSig::Field)
    } else {
        parse_method(blob).map(MemberSig::Method)
    }
}

pub fn parse_property(blob: &[u8]) -> Result<PropertySig> {
    let mut r = Reader::new(blob);
    let lead = expect(&mut r, lead::PROPERTY)?;
    let count = r.count(1)?;
    let ty = parse_type(&mut r, MAX_DEPTH)?;
    let params = types(&mut r, count, MAX_DEPTH)?;
    Ok(PropertySig {
        has_this: lead & lead::HAS_THIS != 0,
        ty,
        params,
    })
}

/// The locals of a method body.
pub fn parse_local_vars(blob: &[u8]) -> Result<Vec<LocalVar>> {
    let mut r = Reader::new(blob);
    expect(&mut r, lead::LOCAL_VARS)?;
    let count = r.count(1)?;
    let mut locals = Vec::with_capacity(count);
    for _ in 0..count {
        locals.push(local(&mut r)?);
    }
    Ok(locals)
}

pub fn parse_stand_alone(blob: &[u8]) -> Result<StandAloneSig> {
    match Reader::new(blob).peek()? & lead::KIND {
        lead::LOCAL_VARS => parse_local_vars(blob).map(StandAloneSig::LocalVars),
        lead::FIELD => parse_field(blob).map(StandAloneSig::Field),
        _ => parse_method(blob).map(StandAloneSig::Method),
    }
}

pub fn parse_type_spec(blob: &[u8]) -> Result<SigType> {
    parse_type(&mut Reader::new(blob), MAX_DEPTH)
}

/// The type arguments of an instantiated generic method.
pub fn parse_method_spec(blob: &[u8]) -> Result<Vec<SigType>> {
    let mut r = Reader::new(blob);
    expect(&mut r, lead::GENERIC_INST)?;
    let count = r.count(1)?;
    types(&mut r, count, MAX_DEPTH)
}

fn expect(r: &mut Reader<'_>, kind: u8) -> Result<u8> {
    let lead = r.peek()?;
    if lead & lead::KIND != kind {
        return Err(r.error(Malformed::CallingConvention(lead)));
    }
    r.u8()
}

fn method_header(r: &mut Reader<'_>) -> Result<MethodHeader> {
    let start = *r;
    let lead = r.u8()?;
    let call_conv = match lead & lead::KIND {
        0 => CallConv::Managed,
        1 => CallConv::Cdecl,
        2 => CallConv::StdCall,
        3 => CallConv::ThisCall,
        4 => CallConv::FastCall,
        5 => CallConv::VarArg,
        9 => CallConv::Unmanaged,
        _ => return Err(start.error(Malformed::CallingConvention(lead))),
    };
    let generic_params = if lead & lead::GENERIC != 0 {
        r.compressed()?
    } else {
        0
    };
    let param_count = r.count(1)? as u32;
    Ok(MethodHeader {
        call_conv,
        has_this: lead & lead::HAS_THIS != 0,
        explicit_this: lead & lead::EXPLICIT_THIS != 0,
        generic_params,
        param_count,
    })
}

fn method(r: &mut Reader<'_>, depth: u32) -> Result<MethodSig> {
    let header = method_header(r)?;
    let ret = parse_type(r, depth)?;
    let mut params = Vec::with_capacity(header.param_count as usize);
    let mut sentinel = None;
    for i in 0..header.param_count {
        if r.peek()? == element::SENTINEL {
            if sentinel.is_some() || header.call_conv == CallConv::Managed {
                return Err(r.error(Malformed::Sentinel));
            }
            r.skip(1)?;
            sentinel = Some(i);
        }
        params.push(parse_type(r, depth)?);
    }
    Ok(MethodSig {
        call_conv: header.call_conv,
        has_this: header.has_this,
        explicit_this: header.explicit_this,
        generic_params: header.generic_params,
        ret,
        params,
        sentinel,
    })
}

fn types(r: &mut Reader<'_>, count: usize, depth: u32) -> Result<Vec<SigType>> {
    let mut types = Vec::with_capacity(count);
    for _ in 0..count {
        types.push(parse_type(r, depth)?);
    }
    Ok(types)
}

/// Modifiers may stand before and after `pinned`; they all end up around the type.
fn local(r: &mut Reader<'_>) -> Result<LocalVar> {
    let mut pinned = false;
    let mut modifiers = Vec::new();
    loop {
        match r.peek()? {
            element::PINNED => {
                r.skip(1)?;
                pinned = true;
            }
            lead @ (element::CMOD_REQD | element::CMOD_OPT) => {
                if modifiers.len() >= MAX_DEPTH as usize {
                    return Err(r.error(Malformed::TooDeep(MAX_DEPTH)));
                }
                r.skip(1)?;
                modifiers.push((lead == element::CMOD_REQD, type_token(r)?));
            }
            _ => break,
        }
    }
    let mut ty = parse_type(r, MAX_DEPTH)?;
    for (required, modifier) in modifiers.into_iter().rev() {
        ty = SigType::Modified(Box::new(Modified {
            required,
            modifier,
            ty,
        }));
    }
    Ok(LocalVar { pinned, ty })
}

/// A primitive type, as a plain byte.
pub(in super::super) fn parse_prim(r: &mut Reader<'_>) -> Result<Prim> {
    let byte = r.peek()?;
    let prim =
        Prim::from_element_type(byte).ok_or_else(|| r.error(Malformed::ElementType(byte)))?;
    r.skip(1)?;
    Ok(prim)
}

fn parse_type(r: &mut Reader<'_>, depth: u32) -> Result<SigType> {
    let start = *r;
    let Some(depth) = depth.checked_sub(1) else {
        return Err(start.error(Malformed::TooDeep(MAX_DEPTH)));
    };
    let lead = r.u8()?;
    if let Some(prim) = Prim::from_element_type(lead) {
        return Ok(SigType::Prim(prim));
    }
    let boxed = |r: &mut Reader<'_>| parse_type(r, depth).map(Box::new);
    Ok(match lead {
        element::CLASS => SigType::Class(type_token(r)?),
        element::VALUE_TYPE => SigType::ValueType(type_token(r)?),
        element::VAR => SigType::Var(r.compressed()?),
        element::MVAR => SigType::MVar(r.compressed()?),
        element::PTR => SigType::Ptr(boxed(r)?),
        element::BY_REF => SigType::ByRef(boxed(r)?),
        element::SZ_ARRAY => SigType::SzArray(boxed(r)?),
        element::ARRAY => SigType::Array(Box::new(array(r, depth)?)),
        element::GENERIC_INST => SigType::GenericInst(Box::new(generic_inst(r, depth)?)),
        element::FN_PTR => SigType::FnPtr(Box::new(method(r, depth)?)),
        element::CMOD_REQD | element::CMOD_OPT => {
            let modifier = type_token(r)?;
            let ty = parse_type(r, depth)?;
            let required = lead == element::CMOD_REQD;
            SigType::Modified(Box::new(Modified {
                required,
                modifier,
                ty,
            }))
        }
        _ => return Err(start.error(Malformed::ElementType(lead))),
    })
}

fn array(r: &mut Reader<'_>, depth: u32) -> Result<ArrayType> {
    let element = parse_type(r, depth)?;
    let start = *r;
    let rank = r.compressed()?;
    if rank == 0 || rank > MAX_RANK {
        return Err(start.error(Malformed::Rank(rank)));
    }
    let bounded = |r: &mut Reader<'_>| {
        let start = *r;
        let count = r.count(1)?;
        if count > rank as usize {
            Err(start.error(Malformed::Rank(count as u32)))
        } else {
            Ok(count)
        }
    };
    let mut sizes = Vec::new();
    for _ in 0..bounded(r)? {
        sizes.push(r.compressed()?);
    }
    let mut lower_bounds = Vec::new();
    for _ in 0..bounded(r)? {
        lower_bounds.push(r.compressed_signed()?);
    }
    Ok(ArrayType {
        element,
        rank,
        sizes,
        lower_bounds,
    })
}

fn generic_inst(r: &mut Reader<'_>, depth: u32) -> Result<GenericInst> {
    let start = *r;
    let is_value_type = match r.u8()? {
        element::CLASS => false,
        element::VALUE_TYPE => true,
        other => return Err(start.error(Malformed::ElementType(other))),
    };
    let definition = type_token(r)?;
    let count = r.count(1)?;
    let args = types(r, count, depth)?;
    Ok(GenericInst {
        is_value_type,
        definition,
        args,
    })
}

/// A TypeDefOrRefOrSpec coded token (II.23.2.8). That the row exists is checked by who resolves it.
fn type_token(r: &mut Reader<'_>) -> Result<Token> {
    let start = *r;
    let raw = r.compressed()?;
    match CodedIndex::TypeDefOrRef.decode(raw) {
        Some((table, rid)) if rid != 0 && rid <= Token::MAX_RID => Ok(Token::new(table, rid)),
        _ => Err(start.error(Malformed::TypeToken(raw))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::schema::TableId;
    use super::*;

    const I4: SigType = SigType::Prim(Prim::I4);
    const VOID: SigType = SigType::Prim(Prim::Void);

    fn type_ref(rid: u32) -> Token {
        Token::new(TableId::TypeRef, rid)
    }

    #[test]
    fn methods() {
        // instance generic<2> void (int32[], !0&, !!1*)
        let sig =
            parse_method(&[0x30, 2, 3, 0x01, 0x1d, 0x08, 0x10, 0x13, 0, 0x0f, 0x1e, 1]).unwrap();
        assert!(sig.has_this && !sig.explicit_this);
        assert_eq!((sig.generic_params, sig.call_conv), (2, CallConv::Managed));
        assert_eq!(sig.ret, VOID);
        assert_eq!(sig.params[0], SigType::SzArray(Box::new(I4)));
        assert_eq!(sig.params[1], SigType::ByRef(Box::new(SigType::Var(0))));
        assert_eq!(sig.params[2], SigType::Ptr(Box::new(SigType::MVar(1))));
        assert_eq!(peek_method(&[0x30, 2, 1, 0x01, 8]).unwrap().param_count, 1);
    }

    #[test]
    fn vararg_call_site() {
        let sig = parse_method(&[0x05, 3, 0x01, 0x0e, 0x41, 0x08, 0x0d]).unwrap();
        assert_eq!(
            (sig.call_conv, sig.params.len(), sig.sentinel),
            (CallConv::VarArg, 3, Some(1))
        );
        let twice = parse_method(&[0x05, 2, 0x01, 0x41, 0x08, 0x41, 0x08]).unwrap_err();
        assert_eq!(
            twice,
            ReadError {
                offset: 5,
                what: Malformed::Sentinel
            }
        );
        assert!(parse_method(&[0x00, 1, 0x01, 0x41, 0x08]).is_err());
    }

    #[test]
    fn function_pointers_modifiers_and_generics() {
        // fnptr cdecl int32 (typedref)
        let ty = parse_type_spec(&[0x1b, 0x01, 1, 0x08, 0x16]).unwrap();
        let SigType::FnPtr(sig) = ty else {
            panic!("{ty:?}")
        };
        assert_eq!(sig.call_conv, CallConv::Cdecl);
        assert_eq!(sig.params, [SigType::Prim(Prim::TypedByRef)]);

        // modreq(TypeRef 1) int32
        let ty = parse_field(&[0x06, 0x1f, 0x05, 0x08]).unwrap();
        let SigType::Modified(m) = &ty else {
            panic!("{ty:?}")
        };
        assert!(m.required && m.modifier == type_ref(1));
        assert_eq!(ty.unmodified(), &I4);

        // class TypeRef 2<string, valuetype TypeRef 2<int32>>
        let ty = parse_type_spec(&[0x15, 0x12, 0x09, 2, 0x0e, 0x15, 0x11, 0x09, 1, 0x08]).unwrap();
        let SigType::GenericInst(outer) = ty else {
            panic!("{ty:?}")
        };
        assert_eq!((outer.definition, outer.args.len()), (type_ref(2), 2));
        let SigType::GenericInst(inner) = &outer.args[1] else {
            panic!("{outer:?}")
        };
        assert!(inner.is_value_type && inner.args == [I4]);
    }

    #[test]
    fn arrays_with_shape() {
        // int32[0…2, 6…] as in II.23.2.13
        let ty = parse_type_spec(&[0x14, 0x08, 2, 1, 3, 2, 0, 0x0c]).unwrap();
        let SigType::Array(a) = ty else {
            panic!("{ty:?}")
        };
        assert_eq!(
            (a.rank, &a.sizes[..], &a.lower_bounds[..]),
            (2, &[3][..], &[0, 6][..])
        );
        assert!(parse_type_spec(&[0x14, 0x08, 0, 0, 0]).is_err());
        assert!(parse_type_spec(&[0x14, 0x08, 1, 2, 1, 1, 0]).is_err());
    }

    #[test]
    fn locals() {
        let locals =
            parse_local_vars(&[0x07, 3, 0x08, 0x45, 0x10, 0x05, 0x20, 0x05, 0x45, 0x1c]).unwrap();
        assert_eq!(
            locals[0],
            LocalVar {
                pinned: false,
                ty: I4
            }
        );
        assert_eq!(
            locals[1],
            LocalVar {
                pinned: true,
                ty: SigType::ByRef(Box::new(SigType::Prim(Prim::U1)))
            }
        );
        assert!(locals[2].pinned && matches!(locals[2].ty, SigType::Modified(_)));
        assert_eq!(locals[2].ty.unmodified(), &SigType::Prim(Prim::Object));
    }

    #[test]
    fn other_kinds() {
        assert!(matches!(
            parse_member(&[0x06, 0x08]),
            Ok(MemberSig::Field(I4))
        ));
        assert!(matches!(
            parse_stand_alone(&[0x00, 0, 0x01]),
            Ok(StandAloneSig::Method(_))
        ));
        assert_eq!(parse_method_spec(&[0x0a, 1, 0x08]).unwrap(), [I4]);
        let p = parse_property(&[0x28, 1, 0x0e, 0x08]).unwrap();
        assert!(p.has_this && p.params == [I4]);
    }

    #[test]
    fn hostile_input_is_an_error() {
        let deep = vec![0x1d; 1_000_000];
        assert_eq!(
            parse_type_spec(&deep).unwrap_err().what,
            Malformed::TooDeep(MAX_DEPTH)
        );
        let deep_fn: Vec<u8> = [0x1b, 0x00, 0x00].repeat(100_000);
        assert_eq!(
            parse_type_spec(&deep_fn).unwrap_err().what,
            Malformed::TooDeep(MAX_DEPTH)
        );
        let many = parse_method(&[0x00, 0xdf, 0xff, 0xff, 0xff, 0x01]).unwrap_err();
        assert!(matches!(many.what, Malformed::Count { .. }));
        assert!(parse_type_spec(&[0x12, 0x00]).is_err(), "nil token");
        assert!(parse_type_spec(&[0x12, 0x07]).is_err(), "unused tag");
        assert!(
            parse_type_spec(&[0x41]).is_err(),
            "sentinel outside of parameters"
        );
        assert!(parse_method(&[0x06, 0x08]).is_err(), "a field");
        let mut mods = vec![0x07, 1];
        mods.extend([0x20, 0x05].repeat(1000));
        mods.push(0x08);
        assert!(parse_local_vars(&mods).is_err());
    }
}
