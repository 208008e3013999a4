//! What is written is read back.

use super::super::body::{Clause, ClauseKind};
use super::super::{Image, Row, TableId, Token, TypeDefRow, sig};
use super::*;
use sig::{CallConv, MethodSig, Prim, SigType};

#[test]
fn compressed_integers_round_trip() {
    for value in [0, 1, 0x7f, 0x80, 0x2e57, 0x3fff, 0x4000, 0x1fff_ffff] {
        let mut out = Out::default();
        out.compressed(value);
        let mut r = super::super::Reader::new(out.as_bytes());
        assert_eq!(r.compressed(), Ok(value));
        assert!(r.is_empty());
    }
    for value in [
        0,
        3,
        -3,
        63,
        -64,
        64,
        8191,
        -8192,
        8192,
        268_435_455,
        -268_435_456,
    ] {
        let mut out = Out::default();
        out.compressed_signed(value);
        assert_eq!(
            super::super::Reader::new(out.as_bytes()).compressed_signed(),
            Ok(value)
        );
    }
}

/// `static class Numbers { int Three() { try { return 3; } finally { } } }` with a literal and an attribute-sized blob.
fn image() -> std::sync::Arc<Image> {
    let mut m = Metadata::default();
    let name = m.heaps.string("m.dll");
    let mvid = m.heaps.guid([7; 16]);
    m.add(TableId::Module, &[0, name, mvid, 0, 0]);
    let corlib = m.heaps.string("mscorlib");
    let corlib = m.add(TableId::AssemblyRef, &[4, 0, 0, 0, 0, 0, corlib, 0, 0]);
    let (system, object) = (m.heaps.string("System"), m.heaps.string("Object"));
    let object = m.add(TableId::TypeRef, &[corlib.raw(), object, system]);
    let module = m.heaps.string("<Module>");
    m.add(TableId::TypeDef, &[0, module, 0, 0, 1, 1]);
    let numbers = m.heaps.string("Numbers");
    m.add(TableId::TypeDef, &[0x181, numbers, 0, object.raw(), 1, 1]);

    let mut text = Out::default();
    let clause = Clause {
        kind: ClauseKind::Finally,
        try_offset: 0,
        try_length: 4,
        handler_offset: 4,
        handler_length: 1,
    };
    let body = write_body(
        &mut text,
        &BodyParts {
            code: &[0x19, 0x0a, 0xde, 1, 0xdc, 0x06, 0x2a],
            max_stack: 1,
            init_locals: true,
            local_sig: Token::NIL,
            clauses: &[clause],
        },
    );
    let mut blob = Out::default();
    let int = SigType::Prim(Prim::I4);
    let signature = MethodSig {
        call_conv: CallConv::Managed,
        has_this: false,
        explicit_this: false,
        generic_params: 0,
        ret: int,
        params: vec![SigType::SzArray(Box::new(SigType::Class(object)))],
        sentinel: None,
    };
    write_method_sig(&mut blob, &signature);
    let blob = m.heaps.blob(blob.as_bytes());
    let three = m.heaps.string("Three");
    let rva = TEXT_DATA + body as u32;
    m.add(TableId::MethodDef, &[rva, 0, 0x16, three, blob, 1]);
    let row = [0x8004, 1, 2, 3, 4, 0, 0, m.heaps.string("m"), 0];
    m.add(TableId::Assembly, &row);
    assert_eq!(m.heaps.user_string(&[0x41, 0x263a]), 0x7000_0001);

    let root = m.root("v4.0.30319");
    let file = write_file(&File {
        kind: FileKind::Library,
        machine: 0x14c,
        wide: false,
        flags: 1,
        entry_point: Token::NIL,
        text: text.as_bytes(),
        resources: &[3, 0, 0, 0, 1, 2, 3],
        metadata: &root,
        strong_name: 128,
    });
    let image = Image::from_bytes("m.dll", file).unwrap();
    let method = image.method_def(1).unwrap();
    assert_eq!(method.sig().unwrap(), signature);
    image
}

#[test]
fn an_assembly_round_trips() {
    let image = image();
    assert!(image.pe().is_dll);
    assert_eq!(image.runtime_version(), "v4.0.30319");
    let assembly = image.assembly().unwrap();
    assert_eq!((assembly.name().unwrap(), assembly.revision()), ("m", 4));
    let names: Vec<_> = image
        .rows::<TypeDefRow<'_>>()
        .map(|t| t.name().unwrap())
        .collect();
    assert_eq!(names, ["<Module>", "Numbers"]);
    let numbers = image.type_def(2).unwrap();
    assert_eq!(numbers.extends().unwrap(), Token::new(TableId::TypeRef, 1));
    assert_eq!(numbers.methods().unwrap().collect::<Vec<_>>(), [1]);

    let method = image.method_def(1).unwrap();
    let body = image.method_body(method).unwrap().unwrap();
    assert_eq!(body.code.len(), 7);
    assert!(body.init_locals);
    assert_eq!(body.clauses.len(), 1);
    assert_eq!(body.clauses[0].kind, ClauseKind::Finally);
    assert_eq!(body.clauses[0].try_length, 4);

    let literal = image.user_string(Token::from_raw(0x7000_0001)).unwrap();
    assert_eq!(literal.to_string_lossy(), "A☺");
    assert_eq!(image.resource_data(0).unwrap(), [1, 2, 3]);
    assert_eq!(image.pe().cli.strong_name.size, 128);
}

#[test]
fn tables_come_out_sorted() {
    let mut m = Metadata::default();
    m.add(TableId::Module, &[0, 0, 0, 0, 0]);
    m.add(TableId::TypeDef, &[0, 0, 0, 0, 1, 1]);
    m.add(TableId::Field, &[0, 0, 0]);
    m.add(TableId::Param, &[0, 0, 0]);
    let (field, param) = (Token::new(TableId::Field, 1), Token::new(TableId::Param, 1));
    let blob = m.heaps.blob(&[1]);
    m.add(TableId::Constant, &[0x02, param.raw(), blob]);
    m.add(TableId::Constant, &[0x03, field.raw(), blob]);
    let root = m.root("v4.0.30319");
    let file = write_file(&File {
        kind: FileKind::Console,
        machine: 0x8664,
        wide: true,
        flags: 1,
        entry_point: Token::NIL,
        text: &[],
        resources: &[],
        metadata: &root,
        strong_name: 0,
    });
    let image = Image::from_bytes("sorted", file).unwrap();
    assert_eq!(image.constant(1).unwrap().parent().unwrap(), field);
    assert_eq!(image.constant_of(param).unwrap().unwrap().element_type(), 2);
    assert_eq!(image.constant(2).unwrap().rid(), 2);
}
