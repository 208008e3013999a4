//! What compilers rarely write: uncompressed metadata (`#-`), where lists go through tables of
//! pointers and tables need not be sorted. The images are put together here, byte by byte.

use isthmus_clr::metadata::*;

const STRINGS: &[u8] = b"\0A\0B\0f\0g\0h\0m\0n\0";
/// Where the names are in [`STRINGS`].
const A: u16 = 1;
const B: u16 = 3;
const F: u16 = 5;
const G: u16 = 7;
const H: u16 = 9;
const M: u16 = 11;
const N: u16 = 13;

/// A PE file of one section, with tables of 2-byte columns given as rows of 16-bit words.
fn image(tables: &[(TableId, &[&[u16]])], sorted: u64) -> Vec<u8> {
    let mut stream = vec![0, 0, 0, 0, 2, 0, 0, 1];
    let valid = tables.iter().fold(0u64, |v, (t, _)| v | 1 << *t as u32);
    stream.extend(valid.to_le_bytes());
    stream.extend(sorted.to_le_bytes());
    for (_, rows) in tables {
        stream.extend((rows.len() as u32).to_le_bytes());
    }
    for word in tables
        .iter()
        .flat_map(|(_, rows)| rows.iter())
        .flat_map(|row| row.iter())
    {
        stream.extend(word.to_le_bytes());
    }

    let mut root = b"BSJB\x01\0\x01\0\0\0\0\0\x04\0\0\0v9\0\0\0\0\x02\0".to_vec();
    let first = root.len() + 12 + 20;
    for (name, offset, size) in [
        (&b"#-\0\0"[..], first, stream.len()),
        (b"#Strings\0\0\0\0", first + stream.len(), STRINGS.len()),
    ] {
        root.extend((offset as u32).to_le_bytes());
        root.extend((size as u32).to_le_bytes());
        root.extend(name);
    }
    assert_eq!(root.len(), first);
    root.extend(stream);
    root.extend(STRINGS);

    let mut file = vec![0u8; 0x200];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    let (optional, section) = (0x58, 0x58 + 0xe0);
    put(0, b"MZ");
    put(0x3c, &0x40u32.to_le_bytes());
    put(0x40, b"PE\0\0\x4c\x01\x01\0");
    put(0x54, &[0xe0, 0]);
    put(optional, &[0x0b, 0x01]);
    put(optional + 92, &16u32.to_le_bytes());
    put(optional + 96 + 14 * 8, &0x2000u32.to_le_bytes());
    let size = (72 + root.len()) as u32;
    for (at, value) in [(8, size), (12, 0x2000), (16, size), (20, 0x200)] {
        put(section + at, &value.to_le_bytes());
    }
    file.extend([72, 0, 0, 0, 2, 0, 5, 0]);
    file.extend(0x2048u32.to_le_bytes());
    file.extend((root.len() as u32).to_le_bytes());
    file.resize(0x200 + 72, 0);
    file.extend(root);
    file
}

fn names<'a>(image: &'a Image, fields: Rids<'a>) -> Vec<&'a str> {
    fields
        .map(|rid| image.field(rid).unwrap().name().unwrap())
        .collect()
}

#[test]
fn lists_go_through_pointers() {
    // Types A (fields h, f) and B (field g); methods n (of A) and m (of B).
    let bytes = image(
        &[
            (
                TableId::TypeDef,
                &[&[0, 0, A, 0, 0, 1, 1], &[0, 0, B, 0, 0, 3, 2]],
            ),
            (TableId::FieldPtr, &[&[3], &[1], &[2]]),
            (TableId::Field, &[&[0, F, 0], &[0, G, 0], &[0, H, 0]]),
            (TableId::MethodPtr, &[&[2], &[1]]),
            (
                TableId::MethodDef,
                &[&[0, 0, 0, 0, M, 0, 1], &[0, 0, 0, 0, N, 0, 1]],
            ),
        ],
        0,
    );
    let image = Image::from_bytes("pointers", bytes).unwrap();
    assert!(image.is_uncompressed());
    assert_eq!(image.runtime_version(), "v9");
    let ty = |name| image.type_def(image.find_type("", name).unwrap()).unwrap();
    assert_eq!(names(&image, ty("A").fields().unwrap()), ["h", "f"]);
    assert_eq!(names(&image, ty("B").fields().unwrap()), ["g"]);
    assert_eq!(ty("A").methods().unwrap().collect::<Vec<_>>(), [2]);
    for (field, owner) in [(1, 1), (2, 2), (3, 1)] {
        assert_eq!(image.declaring_type_of_field(field), Some(owner));
    }
    assert_eq!(image.declaring_type_of_method(1), Some(2));
    assert_eq!(image.declaring_type_of_method(3), None);
    let walk = walk_image(&image, Limits::default(), &LocalEnums(&image));
    // The signatures are missing: those are the only errors.
    assert!(
        walk.errors
            .iter()
            .all(|e| e.to_string().contains("column signature")),
        "{walk:?}"
    );
}

#[test]
fn a_pointer_to_nowhere_is_an_error() {
    let bytes = image(
        &[
            (TableId::TypeDef, &[&[0, 0, A, 0, 0, 1, 1]]),
            (TableId::FieldPtr, &[&[9]]),
            (TableId::Field, &[&[0, F, 0]]),
        ],
        0,
    );
    let image = Image::from_bytes("pointers", bytes).unwrap();
    let rid = image.type_def(1).unwrap().fields().unwrap().next().unwrap();
    assert_eq!(
        image.field(rid).err().unwrap().to_string(),
        "pointers: table Field row 9: there is no such row (the table has 1)"
    );
    assert!(walk_image(&image, Limits::default(), &LocalEnums(&image)).error_count > 0);
}

#[test]
fn unsorted_tables_are_searched_all_the_same() {
    let types: Vec<[u16; 7]> = (0..6).map(|_| [0, 0, A, 0, 0, 1, 1]).collect();
    let types: Vec<&[u16]> = types.iter().map(|t| &t[..]).collect();
    // Nested in: 5 and 3 in 2, 4 in 1. Whether the file claims the order or not.
    for sorted in [0, 1 << TableId::NestedClass as u32] {
        let nested: &[&[u16]] = &[&[5, 2], &[4, 1], &[3, 2]];
        let bytes = image(
            &[(TableId::TypeDef, &types), (TableId::NestedClass, nested)],
            sorted,
        );
        let image = Image::from_bytes("unsorted", bytes).unwrap();
        assert_eq!(
            image.tables().claims_sorted(TableId::NestedClass),
            sorted != 0
        );
        let enclosing = |rid| {
            let row = image.type_def(rid).unwrap().enclosing_type().unwrap();
            row.map(|t: TypeDefRow<'_>| t.rid())
        };
        assert_eq!(
            [3, 4, 5, 6].map(enclosing),
            [Some(2), Some(1), Some(2), None]
        );
        assert_eq!(image.nested_types(2).collect::<Vec<_>>(), [5, 3]);
        assert_eq!(image.nested_types(3).count(), 0);
    }
}

#[test]
fn lists_that_run_backwards_and_circles_are_errors() {
    let bytes = image(
        &[
            (
                TableId::TypeDef,
                &[&[0, 0, A, 0, 0, 2, 1], &[0, 0, B, 0, 0, 1, 1]],
            ),
            (TableId::Field, &[&[0, F, 0], &[0, G, 0]]),
            (TableId::NestedClass, &[&[1, 2], &[2, 1]]),
        ],
        0,
    );
    let image = Image::from_bytes("circle", bytes).unwrap();
    let error = image.type_def(1).unwrap().fields().err().unwrap();
    assert_eq!(
        error.to_string(),
        "circle: table TypeDef row 1 column field_list: the list 2..1 is not inside a table of 2 rows"
    );
    let error = image
        .type_name(Token::new(TableId::TypeDef, 1))
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Circular), "{error}");
}
