//! `System.Text.Normalization`: the forms of Unicode (UAX #15). The library's own code needs tables from Mono's native part; its two
//! entries are replaced instead.

use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use unicode_normalization::UnicodeNormalization;

icalls! {
    "System.Text.Normalization" {
        "Normalize(string,int)" => normalize [text: Ref, form: i32] -> Ref;
        "IsNormalized(string,int)" => is_normalized [text: Ref, form: i32] -> bool;
        "load_normalization_resource" => no_tables [properties: usize, mapped: usize, map_index: usize, helper: usize, composite: usize, classes: usize] -> ();
    }
}

/// A form as the library numbers them.
fn in_form(form: i32, text: &str) -> String {
    match form {
        1 => text.nfd().collect(),
        2 => text.nfkc().collect(),
        3 => text.nfkd().collect(),
        _ => text.nfc().collect(),
    }
}

/// UTF-16 in a form; lone surrogates stay, and nothing goes over them.
fn normalized(form: i32, units: &[u16]) -> Vec<u16> {
    let mut out = Vec::with_capacity(units.len());
    let mut run = String::new();
    for decoded in char::decode_utf16(units.iter().copied()) {
        match decoded {
            Ok(c) => run.push(c),
            Err(lone) => {
                out.extend(in_form(form, &run).encode_utf16());
                run.clear();
                out.push(lone.unpaired_surrogate());
            }
        }
    }
    out.extend(in_form(form, &run).encode_utf16());
    out
}

fn normalize(cx: &Cx<'_>, text: Ref, form: i32) -> Result<Ref> {
    if text.is_null() {
        return Err(cx.null_reference());
    }
    let units = normalized(form, cx.units(text));
    match units == cx.units(text) {
        true => Ok(text),
        false => cx.string_utf16(&units),
    }
}

fn is_normalized(cx: &Cx<'_>, text: Ref, form: i32) -> Result<bool> {
    if text.is_null() {
        return Err(cx.null_reference());
    }
    let units = cx.units(text);
    Ok(normalized(form, units) == units)
}

/// The class asks for tables when it is initialized; the entries above do not use them.
fn no_tables(
    _cx: &Cx<'_>,
    _properties: usize,
    _mapped: usize,
    _map_index: usize,
    _helper: usize,
    _composite: usize,
    _classes: usize,
) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn lone_surrogates_stay_between_normalized_runs() {
        let text: Vec<u16> = [0x65, 0x301, 0xd800, 0x301, 0x41].into();
        assert_eq!(super::normalized(0, &text), [0xe9, 0xd800, 0x301, 0x41]);
        let back = super::normalized(1, &super::normalized(0, &text));
        assert_eq!(back, text);
    }
}
