//! Signatures to blobs (ECMA-335 II.23.2).

use super::super::schema::CodedIndex;
use super::super::sig::{CallConv, LocalVar, MethodSig, PropertySig, SigType};
use super::super::token::Token;
use super::out::Out;

const FIELD: u8 = 0x06;
const LOCALS: u8 = 0x07;
const PROPERTY: u8 = 0x08;
const METHOD_SPEC: u8 = 0x0a;
const GENERIC: u8 = 0x10;
const HAS_THIS: u8 = 0x20;
const EXPLICIT_THIS: u8 = 0x40;
const SENTINEL: u8 = 0x41;
const PINNED: u8 = 0x45;

fn token(out: &mut Out, token: Token) {
    let coded = token
        .table()
        .and_then(|t| CodedIndex::TypeDefOrRef.encode(t, token.rid()));
    debug_assert!(coded.is_some(), "{token:?} in a signature");
    out.compressed(coded.unwrap_or(0));
}

/// Appends a type.
pub fn write_type(out: &mut Out, ty: &SigType) {
    match ty {
        SigType::Prim(p) => out.u8(*p as u8),
        SigType::Ptr(t) => {
            out.u8(0x0f);
            write_type(out, t);
        }
        SigType::ByRef(t) => {
            out.u8(0x10);
            write_type(out, t);
        }
        SigType::ValueType(t) => {
            out.u8(0x11);
            token(out, *t);
        }
        SigType::Class(t) => {
            out.u8(0x12);
            token(out, *t);
        }
        SigType::Var(n) => {
            out.u8(0x13);
            out.compressed(*n);
        }
        SigType::Array(a) => {
            out.u8(0x14);
            write_type(out, &a.element);
            out.compressed(a.rank);
            out.compressed(a.sizes.len() as u32);
            a.sizes.iter().for_each(|&n| out.compressed(n));
            out.compressed(a.lower_bounds.len() as u32);
            a.lower_bounds
                .iter()
                .for_each(|&n| out.compressed_signed(n));
        }
        SigType::GenericInst(inst) => {
            out.u8(0x15);
            out.u8(if inst.is_value_type { 0x11 } else { 0x12 });
            token(out, inst.definition);
            out.compressed(inst.args.len() as u32);
            inst.args.iter().for_each(|t| write_type(out, t));
        }
        SigType::FnPtr(sig) => {
            out.u8(0x1b);
            write_method_sig(out, sig);
        }
        SigType::SzArray(t) => {
            out.u8(0x1d);
            write_type(out, t);
        }
        SigType::MVar(n) => {
            out.u8(0x1e);
            out.compressed(*n);
        }
        SigType::Modified(m) => {
            out.u8(if m.required { 0x1f } else { 0x20 });
            token(out, m.modifier);
            write_type(out, &m.ty);
        }
    }
}

/// Appends the signature of a method.
pub fn write_method_sig(out: &mut Out, sig: &MethodSig) {
    let conv = match sig.call_conv {
        CallConv::Managed => 0,
        CallConv::Cdecl => 1,
        CallConv::StdCall => 2,
        CallConv::ThisCall => 3,
        CallConv::FastCall => 4,
        CallConv::VarArg => 5,
        CallConv::Unmanaged => 9,
    };
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    out.u8(conv
        | flag(sig.generic_params != 0, GENERIC)
        | flag(sig.has_this, HAS_THIS)
        | flag(sig.explicit_this, EXPLICIT_THIS));
    if sig.generic_params != 0 {
        out.compressed(sig.generic_params);
    }
    out.compressed(sig.params.len() as u32);
    write_type(out, &sig.ret);
    for (i, param) in sig.params.iter().enumerate() {
        if sig.sentinel == Some(i as u32) {
            out.u8(SENTINEL);
        }
        write_type(out, param);
    }
}

/// The signature of a field.
pub fn write_field_sig(out: &mut Out, ty: &SigType) {
    out.u8(FIELD);
    write_type(out, ty);
}

/// The signature of a property.
pub fn write_property_sig(out: &mut Out, sig: &PropertySig) {
    out.u8(PROPERTY | if sig.has_this { HAS_THIS } else { 0 });
    out.compressed(sig.params.len() as u32);
    write_type(out, &sig.ty);
    sig.params.iter().for_each(|t| write_type(out, t));
}

/// The types of locals.
pub fn write_locals(out: &mut Out, locals: &[LocalVar]) {
    out.u8(LOCALS);
    out.compressed(locals.len() as u32);
    for local in locals {
        if local.pinned {
            out.u8(PINNED);
        }
        write_type(out, &local.ty);
    }
}

/// The type arguments of a generic method.
pub fn write_method_spec(out: &mut Out, args: &[SigType]) {
    out.u8(METHOD_SPEC);
    out.compressed(args.len() as u32);
    args.iter().for_each(|t| write_type(out, t));
}
