//! The metadata reader against a small program whose source is beside it
//! (`data/metadata/sample.cs`, which also tells how it was built).

use isthmus_clr::metadata::sig::{Prim, SigType};
use isthmus_clr::metadata::*;

const SAMPLE: &[u8] = include_bytes!("data/metadata/sample.exe");
const SOURCE: &[u8] = include_bytes!("data/metadata/sample.cs");

fn sample() -> std::sync::Arc<Image> {
    Image::from_bytes("sample.exe", SAMPLE.to_vec()).unwrap()
}

fn type_def<'a>(image: &'a Image, namespace: &str, name: &str) -> TypeDefRow<'a> {
    image
        .type_def(image.find_type(namespace, name).expect(name))
        .unwrap()
}

fn method<'a>(ty: TypeDefRow<'a>, name: &str) -> MethodDefRow<'a> {
    let image = ty.image();
    let found = ty
        .methods()
        .unwrap()
        .map(|rid| image.method_def(rid).unwrap());
    found
        .into_iter()
        .find(|m| m.name().unwrap() == name)
        .expect(name)
}

fn field<'a>(ty: TypeDefRow<'a>, name: &str) -> FieldRow<'a> {
    let image = ty.image();
    let found = ty.fields().unwrap().map(|rid| image.field(rid).unwrap());
    found
        .into_iter()
        .find(|m| m.name().unwrap() == name)
        .expect(name)
}

fn method_text(m: MethodDefRow<'_>) -> String {
    m.image()
        .printer()
        .method(m.name().unwrap(), &m.sig().unwrap())
        .to_string()
}

#[test]
fn headers_and_assembly() {
    let image = sample();
    assert_eq!(image.runtime_version(), "v4.0.30319");
    assert!(!image.pe().is_dll && !image.is_uncompressed());
    assert!(image.pe().cli.flags & CliHeader::IL_ONLY != 0);
    let assembly = image.assembly().unwrap();
    assert_eq!(assembly.name().unwrap(), "sample");
    assert_eq!(
        (
            assembly.major(),
            assembly.minor(),
            assembly.build(),
            assembly.revision()
        ),
        (1, 2, 3, 4)
    );
    let refs: Vec<_> = image
        .rows::<AssemblyRefRow>()
        .map(|r| r.name().unwrap())
        .collect();
    assert!(refs.contains(&"mscorlib"), "{refs:?}");
    assert!(image.module(1).unwrap().mvid().unwrap().is_some());

    let main = image.entry_point().unwrap();
    assert_eq!(main.table(), Some(TableId::MethodDef));
    let main = image.method_def(main.rid()).unwrap();
    assert_eq!(method_text(main), "int32 Main(string[])");
    let declaring = image.declaring_type_of_method(main.rid()).unwrap();
    assert_eq!(
        image
            .type_name(Token::new(TableId::TypeDef, declaring))
            .unwrap(),
        "Sample.Program"
    );
}

#[test]
fn types_by_name() {
    let image = sample();
    let shape = type_def(&image, "Sample", "Shape");
    assert!(shape.flags().contains(TypeAttributes::ABSTRACT));
    assert_eq!(shape.flags().visibility(), TypeVisibility::Public);
    let inner = image.find_nested_type(shape.rid(), "", "Inner`1").unwrap();
    let leaf = image.find_nested_type(inner, "", "Leaf").unwrap();
    let token = Token::new(TableId::TypeDef, leaf);
    assert_eq!(image.type_name(token).unwrap(), "Sample.Shape/Inner`1/Leaf");
    assert_eq!(
        image.find_type_by_reflection_name("Sample.Shape+Inner`1+Leaf"),
        Some(leaf)
    );
    assert_eq!(
        image
            .type_def(leaf)
            .unwrap()
            .enclosing_type()
            .unwrap()
            .unwrap()
            .rid(),
        inner
    );
    assert_eq!(image.find_type("", "Shape"), None);
    assert_eq!(
        image.find_type("Sample", "Inner`1"),
        None,
        "only top-level types"
    );
    assert_eq!(image.find_type("", "<Module>"), Some(1));

    let interfaces: Vec<_> = shape
        .interfaces()
        .map(|i| image.printer().token(i.interface().unwrap()).to_string())
        .collect();
    assert_eq!(
        interfaces,
        ["Sample.IShape`1<float64>", "System.IDisposable"]
    );
    let overriding: Vec<_> = shape.method_impls().collect();
    assert_eq!(overriding.len(), 1);
    let body = overriding[0].body().unwrap();
    assert_eq!(
        image.method_def(body.rid()).unwrap().name().unwrap(),
        "System.IDisposable.Dispose"
    );
}

#[test]
fn generics() {
    let image = sample();
    let shape = type_def(&image, "Sample", "IShape`1");
    let param = image.generic_params(shape.token()).next().unwrap();
    assert_eq!(
        (param.name().unwrap(), param.flags().variance()),
        ("T", Variance::Covariant)
    );

    let sink = type_def(&image, "Sample", "ISink`1");
    let params: Vec<_> = image.generic_params(sink.token()).collect();
    assert_eq!(params.len(), 1);
    assert_eq!(params[0].flags().variance(), Variance::Contravariant);
    assert!(
        params[0]
            .flags()
            .contains(GenericParamAttributes::REFERENCE_TYPE_CONSTRAINT)
    );
    let constraints: Vec<_> = params[0]
        .constraints()
        .map(|c| image.printer().token(c.constraint().unwrap()).to_string())
        .collect();
    assert_eq!(constraints, ["System.IComparable`1<!0>"]);

    let convert = method(type_def(&image, "Sample", "Shape"), "Convert");
    assert_eq!(
        method_text(convert),
        "instance !!0 Convert`2(!!1, !!0&, int32[,]&, string[])"
    );
    let names: Vec<_> = image
        .generic_params(convert.token())
        .map(|p| p.name().unwrap())
        .collect();
    assert_eq!(names, ["T", "U"]);

    let shape = type_def(&image, "Sample", "Shape");
    let inner = image
        .type_def(image.find_nested_type(shape.rid(), "", "Inner`1").unwrap())
        .unwrap();
    let map = field(inner, "map").sig().unwrap();
    assert_eq!(
        image.printer().ty(&map).to_string(),
        "System.Collections.Generic.Dictionary`2<!0, System.Collections.Generic.List`1<Sample.Shape[]>>"
    );
}

#[test]
fn fields_and_layouts() {
    let image = sample();
    let overlay = type_def(&image, "Sample", "Overlay");
    let layout = overlay.layout().unwrap().unwrap();
    assert_eq!((layout.class_size(), layout.packing_size()), (24, 4));
    let offsets: Vec<_> = overlay
        .fields()
        .unwrap()
        .map(|rid| {
            image
                .field(rid)
                .unwrap()
                .layout()
                .unwrap()
                .unwrap()
                .offset()
        })
        .collect();
    assert_eq!(offsets, [0, 0, 4, 8]);

    let buffer = type_def(&image, "Sample", "Buffer");
    let ty = |name| {
        image
            .printer()
            .ty(&field(buffer, name).sig().unwrap())
            .to_string()
    };
    assert_eq!(
        (ty("pointer"), ty("handle")),
        ("int32*".into(), "void**".into())
    );
    assert_eq!(
        image.declaring_type_of_field(field(buffer, "handle").rid()),
        Some(buffer.rid())
    );

    let state = field(type_def(&image, "Sample", "Shape"), "state")
        .sig()
        .unwrap();
    assert_eq!(*state.unmodified(), SigType::Prim(Prim::I4));
    assert_eq!(
        image.printer().ty(&state).to_string(),
        "int32 modreq(System.Runtime.CompilerServices.IsVolatile)"
    );

    // The initial value of `table`.
    let values: Vec<_> = image
        .rows::<FieldRvaRow>()
        .map(|row| image.rva_data(row.rva(), 32).unwrap())
        .filter(|data| data[..8] == [3, 0, 0, 0, 1, 0, 0, 0])
        .collect();
    assert_eq!(values.len(), 1);
    assert_eq!(values[0][28..], [6, 0, 0, 0]);
}

#[test]
fn constants_and_marshalling() {
    let image = sample();
    let shape = type_def(&image, "Sample", "Shape");
    let constant = |name| {
        image
            .constant_of(field(shape, name).token())
            .unwrap()
            .unwrap()
            .constant()
            .unwrap()
    };
    assert_eq!(constant("Big"), Constant::I8(-5_000_000_000));
    assert_eq!(constant("None"), Constant::Null);
    assert_eq!(constant("Half"), Constant::R8(0.5));
    assert_eq!(constant("Favourite"), Constant::U1(200));
    let Constant::String(name) = constant("Name") else {
        panic!()
    };
    assert_eq!(name.to_string_lossy(), "sh\u{e4}pe");
    assert!(
        image
            .constant_of(field(shape, "state").token())
            .unwrap()
            .is_none()
    );

    let native = type_def(&image, "Sample", "Native");
    let marshal = |name| {
        image
            .marshal_of(field(native, name).token())
            .unwrap()
            .unwrap()
            .descriptor()
            .unwrap()
    };
    assert_eq!(marshal("path"), Marshal::FixedString { size: 260 });
    assert_eq!(
        marshal("items"),
        Marshal::FixedArray {
            size: 4,
            element: Some(native::I2)
        }
    );
    assert!(matches!(
        marshal("list"),
        Marshal::Array {
            size_param: Some(1),
            ..
        }
    ));
    assert_eq!(marshal("callback"), Marshal::Simple(native::FUNCTION));

    let guarded = method(type_def(&image, "Sample", "Program"), "Guarded");
    assert!(
        guarded
            .impl_flags()
            .contains(MethodImplAttributes::NO_INLINING | MethodImplAttributes::SYNCHRONIZED)
    );
    let params: Vec<_> = guarded
        .params()
        .unwrap()
        .map(|rid| image.param(rid).unwrap())
        .collect();
    assert_eq!(params[1].name().unwrap(), "text");
    assert_eq!(image.method_of_param(params[2].rid()), Some(guarded.rid()));
    let default = image.constant_of(params[2].token()).unwrap().unwrap();
    assert_eq!(default.constant().unwrap(), Constant::R8(1.25));
}

#[test]
fn native_functions() {
    let image = sample();
    let program = type_def(&image, "Sample", "Program");
    let get_pid = method(program, "GetPid");
    assert!(image.method_body(get_pid).unwrap().is_none());
    let map = image.impl_map_of(get_pid.token()).unwrap().unwrap();
    assert_eq!(map.import_name().unwrap(), "getpid");
    assert_eq!(map.flags().call_conv(), PInvokeCallConv::Cdecl);
    assert!(map.flags().contains(PInvokeAttributes::SUPPORTS_LAST_ERROR));
    let module = image.module_ref(map.import_scope().unwrap()).unwrap();
    assert_eq!(module.name().unwrap(), "libc");
    let strlen = image
        .impl_map_of(method(program, "strlen").token())
        .unwrap()
        .unwrap();
    assert_eq!(strlen.flags().char_set(), CharSet::Ansi);
    assert!(
        image
            .impl_map_of(method(program, "Main").token())
            .unwrap()
            .is_none()
    );
}

#[test]
fn bodies_and_clauses() {
    let image = sample();
    let program = type_def(&image, "Sample", "Program");
    let guarded = image
        .method_body(method(program, "Guarded"))
        .unwrap()
        .unwrap();
    let kinds: Vec<_> = guarded.clauses.iter().map(|c| c.kind).collect();
    assert!(matches!(kinds[0], ClauseKind::Filter(_)), "{kinds:?}");
    let ClauseKind::Catch(overflow) = kinds[1] else {
        panic!("{kinds:?}")
    };
    assert_eq!(
        image.type_name(overflow).unwrap(),
        "System.OverflowException"
    );
    assert!(kinds.contains(&ClauseKind::Finally));
    for c in &guarded.clauses {
        assert!(c.try_offset + c.try_length <= c.handler_offset);
    }
    assert!(guarded.init_locals);
    let locals = image.locals(&guarded).unwrap();
    assert_eq!(locals[0].ty, SigType::Prim(Prim::I4));

    let pinned = image
        .method_body(method(program, "Pinned"))
        .unwrap()
        .unwrap();
    assert!(image.locals(&pinned).unwrap().iter().any(|l| l.pinned));

    let long = image.method_body(method(program, "Long")).unwrap().unwrap();
    assert!(
        long.code.len() > 255 && long.clauses[0].try_length > 255,
        "a fat clause"
    );
    assert_eq!(image.rva_bytes(long.code_rva).unwrap()[..8], long.code[..8]);

    let sum = method(program, "Sum");
    assert_eq!(method_text(sum), "vararg int32 Sum(int32)");
    let call = image
        .rows::<MemberRefRow>()
        .find(|m| m.name().unwrap() == "Sum")
        .unwrap();
    let sig::MemberSig::Method(call) = call.sig().unwrap() else {
        panic!()
    };
    assert_eq!((call.params.len(), call.sentinel), (3, Some(1)));
    assert_eq!(
        image.printer().method("Sum", &call).to_string(),
        "vararg int32 Sum(int32, ..., int32, int32)"
    );
}

#[test]
fn string_literals() {
    let image = sample();
    let program = type_def(&image, "Sample", "Program");
    let main = image.method_body(method(program, "Main")).unwrap().unwrap();
    // Main begins by creating its closure; the first ldstr (0x72) loads the greeting.
    let at = main
        .code
        .windows(5)
        .position(|w| w[0] == 0x72 && w[4] == 0x70)
        .unwrap();
    let token = u32::from_le_bytes(main.code[at + 1..at + 5].try_into().unwrap());
    let text = image.user_string(Token::from_raw(token)).unwrap();
    assert_eq!(text.to_string_lossy(), "Hello, 世界 😀");
    assert_eq!(text.len(), 12);
    assert!(image.user_string(Token::new(TableId::TypeDef, 1)).is_err());
    assert!(image.user_string(Token::from_raw(0x70ff_ffff)).is_err());
}

/// Knows the enums of the sample and one of mscorlib.
struct Enums<'a>(LocalEnums<'a>);

impl EnumResolver for Enums<'_> {
    fn by_token(&self, token: Token) -> Option<Prim> {
        self.0.by_token(token).or(Some(Prim::I4))
    }

    fn by_name(&self, name: &str) -> Option<Prim> {
        self.0.by_name(name)
    }
}

#[test]
fn custom_attributes() {
    let image = sample();
    let enums = Enums(LocalEnums(&image));
    let notes = |owner: Token| -> Vec<AttrArgs<'_>> {
        image
            .custom_attributes(owner)
            .filter(|a| a.type_name().unwrap().as_deref() == Some("Sample.NoteAttribute"))
            .map(|a| a.args(&enums).unwrap())
            .collect()
    };
    let on_assembly = notes(Token::new(TableId::Assembly, 1));
    assert_eq!(
        on_assembly[0].fixed[0].value,
        AttrValue::String(Some("on the assembly"))
    );
    assert_eq!(
        (
            on_assembly[0].named[0].name,
            on_assembly[0].named[0].is_property
        ),
        ("Level", false)
    );
    assert_eq!(on_assembly[0].named[0].arg.value, AttrValue::Int(3));

    let mut on_shape = notes(type_def(&image, "Sample", "Shape").token());
    on_shape.sort_by_key(|args| args.fixed.len());
    assert_eq!(on_shape[0].fixed[0].value, AttrValue::UInt(200));
    let AttrValue::Array(Some(rest)) = &on_shape[0].fixed[1].value else {
        panic!()
    };
    let rest: Vec<_> = rest
        .iter()
        .map(|v| match v {
            AttrValue::Object(boxed) => boxed.value.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rest[0], AttrValue::Int(1));
    assert_eq!(rest[1], AttrValue::String(Some("two")));
    assert!(matches!(rest[2], AttrValue::Type(Some(t)) if t.starts_with("System.String")));
    assert_eq!(rest[3], AttrValue::UInt(2));
    assert_eq!(rest[4], AttrValue::Array(Some(vec![AttrValue::Char(120)])));

    let fixed: Vec<_> = on_shape[1].fixed.iter().map(|a| &a.value).collect();
    assert_eq!(fixed[1..3], [&AttrValue::R8(2.5), &AttrValue::Char(113)]);
    assert_eq!(
        *fixed[3],
        AttrValue::Array(Some(vec![AttrValue::Int(1), AttrValue::Int(-2)]))
    );
    let named = |name| {
        &on_shape[1]
            .named
            .iter()
            .find(|n| n.name == name)
            .unwrap()
            .arg
    };
    assert!(
        matches!(&named("Types").value, AttrValue::Array(Some(t)) if t[1] == AttrValue::Type(None))
    );
    let AttrValue::Object(any) = &named("Any").value else {
        panic!()
    };
    assert_eq!(any.value, AttrValue::UInt(1));
}

#[test]
fn properties_events_and_resources() {
    let image = sample();
    let shape = type_def(&image, "Sample", "Shape");
    let properties: Vec<_> = shape
        .properties()
        .unwrap()
        .map(|rid| image.property(rid).unwrap())
        .collect();
    let item = properties
        .iter()
        .find(|p| p.name().unwrap() == "Item")
        .unwrap();
    let item_sig = item.sig().unwrap();
    assert!(item_sig.has_this && item_sig.params.len() == 2);
    let accessors: Vec<_> = image
        .rows_of(Index::MethodSemanticsByAssociation, item.token())
        .map(|rid| image.method_semantics(rid).unwrap())
        .map(|s| {
            image
                .method_def(s.method().unwrap())
                .unwrap()
                .name()
                .unwrap()
        })
        .collect();
    assert_eq!(accessors.len(), 2);
    assert!(accessors.contains(&"get_Item") && accessors.contains(&"set_Item"));
    let getter = method(shape, "get_Item").semantics().next().unwrap();
    assert_eq!(getter.semantics(), MethodSemanticsAttributes::GETTER);
    assert_eq!(getter.association().unwrap(), item.token());

    let event = image
        .event(shape.events().unwrap().next().unwrap())
        .unwrap();
    assert_eq!(event.name().unwrap(), "Changed");

    let resource = image.manifest_resource(1).unwrap();
    assert_eq!(resource.name().unwrap(), "source.txt");
    assert_eq!(resource.data().unwrap(), Some(SOURCE));
}

#[test]
fn the_walk_is_clean_and_complete() {
    let image = sample();
    let walk = walk_image(&image, Limits::default(), &Enums(LocalEnums(&image)));
    assert_eq!(
        walk.errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [""; 0]
    );
    assert!(!walk.incomplete);
    assert!(
        walk.bodies > 25 && walk.clauses > 5 && walk.signatures > 100,
        "{walk:?}"
    );
    assert!(
        walk.user_strings == 2 && walk.resources == 1 && walk.marshals >= 4,
        "{walk:?}"
    );
}

#[test]
fn errors_say_where() {
    let image = sample();
    let error = image.type_def(999).err().unwrap();
    assert_eq!(
        error.to_string(),
        "sample.exe: table TypeDef row 999: there is no such row (the table has 17)"
    );
    assert_eq!(
        error.site(),
        Site::Row {
            table: TableId::TypeDef,
            rid: 999,
            column: None
        }
    );

    // Break the signature of the first field: its blob then starts with a byte that is no field's.
    let offset = {
        let blob = image.field(1).unwrap().signature().unwrap();
        blob.as_ptr() as usize - image.bytes().as_ptr() as usize
    };
    let mut broken = SAMPLE.to_vec();
    broken[offset] = 0x0f;
    let image = Image::from_bytes("broken.exe", broken).unwrap();
    assert_eq!(
        image.field(1).unwrap().sig().unwrap_err().to_string(),
        "broken.exe: table Field row 1 column signature: at byte 0x0: \
         0x0f is no calling convention that may stand here"
    );

    let not_pe = Image::from_bytes("text.txt", b"hello".to_vec()).unwrap_err();
    assert_eq!(not_pe.to_string(), "text.txt: is no PE file");
    let missing = Image::open("/nonexistent/x.dll").unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("/nonexistent/x.dll: cannot be opened: "),
        "{missing}"
    );
}

#[test]
fn dump_shows_rows() {
    let image = sample();
    let mut text = String::new();
    for table in TableId::ALL {
        dump_table(&mut text, &image, table).unwrap();
    }
    assert!(!text.contains("!("), "no cell fails");
    let line = text.lines().find(|l| l.starts_with("TypeDef 2:")).unwrap();
    assert_eq!(
        line,
        "TypeDef 2: flags=0x101 name=\"Color\" namespace=\"Sample\" extends=TypeRef:46 \
         field_list=Field:1.. method_list=MethodDef:1.."
    );
}
