//! Names of types and assemblies as reflection shows them.

use crate::metadata::AssemblyRefRow;
use crate::types::system::Assembly;
use crate::types::{Type, TypeKey, types};

/// `mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089`.
pub(crate) fn assembly_name(a: &Assembly) -> String {
    let Some(row) = a.image.assembly() else {
        return a.name.clone();
    };
    let version = [row.major(), row.minor(), row.build(), row.revision()];
    let token = public_key_token(row.public_key().unwrap_or(&[]));
    display_name(&a.name, version, row.culture().unwrap_or(""), token)
}

/// The same of an assembly that another one refers to.
pub(crate) fn reference_name(row: AssemblyRefRow<'_>) -> String {
    let version = [row.major(), row.minor(), row.build(), row.revision()];
    let key = row.public_key_or_token().unwrap_or(&[]);
    let token = <[u8; 8]>::try_from(key).ok();
    display_name(
        row.name().unwrap_or(""),
        version,
        row.culture().unwrap_or(""),
        token.or_else(|| public_key_token(key)),
    )
}

/// A display name of its parts; an empty culture is neutral.
pub(super) fn display_name(
    name: &str,
    version: [u16; 4],
    culture: &str,
    token: Option<[u8; 8]>,
) -> String {
    let [major, minor, build, revision] = version;
    let culture = if culture.is_empty() {
        "neutral"
    } else {
        culture
    };
    let token = match token {
        Some(token) => token.iter().map(|b| format!("{b:02x}")).collect(),
        None => "null".to_owned(),
    };
    format!(
        "{name}, Version={major}.{minor}.{build}.{revision}, Culture={culture}, PublicKeyToken={token}"
    )
}

/// The last eight bytes of the key's SHA-1 hash, reversed. The 16-byte ECMA key stands for Microsoft's.
pub(crate) fn public_key_token(key: &[u8]) -> Option<[u8; 8]> {
    if key.is_empty() {
        return None;
    }
    let hash = sha1(key);
    let mut token = [0; 8];
    for (to, from) in token.iter_mut().zip(hash.iter().rev()) {
        *to = *from;
    }
    Some(token)
}

/// SHA-1 (FIPS 180-4), for key tokens and the hashes of files in manifests.
pub(crate) fn sha1(data: &[u8]) -> [u8; 20] {
    let mut h = [
        0x6745_2301u32,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    let mut message = data.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    for block in message.chunks_exact(64) {
        let mut w = [0u32; 80];
        for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for i in 16..80 {
            w[i] = (w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = h;
        for (i, word) in w.iter().enumerate() {
            let (f, k) = match i / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a
                .rotate_left(5)
                .wrapping_add(f)
                .wrapping_add(e)
                .wrapping_add(k)
                .wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, v) in h.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(v);
        }
    }
    let mut out = [0; 20];
    for (bytes, word) in out.chunks_exact_mut(4).zip(h) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

/// Which form of a type's name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `ToString`: `List`1[System.Int32]`, definitions with their parameters.
    Display,
    /// `FullName`: `List`1[[System.Int32, mscorlib, …]]`.
    Full,
    /// `AssemblyQualifiedName`.
    Qualified,
}

/// Escapes what separates the parts of type names.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, ',' | '+' | '&' | '*' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn definition_name(ty: &Type) -> String {
    match ty.enclosing() {
        Some(outer) => format!("{}+{}", definition_name(outer), escaped(ty.name())),
        None if ty.namespace().is_empty() => escaped(ty.name()),
        None => format!("{}.{}", escaped(ty.namespace()), escaped(ty.name())),
    }
}

/// Names of the generic parameters of a definition.
pub(super) fn parameter_names(def: &Type) -> Vec<String> {
    use crate::metadata::Row;
    let Some(a) = def.assembly else {
        return Vec::new();
    };
    let Ok(row) = a.image.type_def(def.rid) else {
        return Vec::new();
    };
    a.image
        .generic_params(row.token())
        .map(|p| p.name().unwrap_or("?").to_owned())
        .collect()
}

/// `AssemblyQualifiedName`.
pub(crate) fn qualified_type_name(ty: &Type) -> String {
    type_name(ty, Form::Qualified)
}

/// The name of a type in a form.
pub(super) fn type_name(ty: &Type, form: Form) -> String {
    let mut out = unqualified(
        ty,
        if form == Form::Qualified {
            Form::Full
        } else {
            form
        },
    );
    if form == Form::Qualified {
        let mut innermost = types().ty(ty.id);
        while let Some(e) = innermost.element() {
            innermost = e;
        }
        if let Some(a) = innermost.assembly.or(Some(types().corlib())) {
            out.push_str(", ");
            out.push_str(&assembly_name(a));
        }
    }
    out
}

fn unqualified(ty: &Type, form: Form) -> String {
    let element = || {
        ty.element()
            .map_or_else(String::new, |e| unqualified(e, form))
    };
    match &ty.key {
        TypeKey::Def(..) if form == Form::Display && ty.is_generic_definition() => {
            format!("{}[{}]", definition_name(ty), parameter_names(ty).join(","))
        }
        TypeKey::Def(..) => definition_name(ty),
        TypeKey::Inst(..) => {
            let args: Vec<String> = ty
                .args
                .iter()
                .map(|a| match form {
                    Form::Display => unqualified(a, form),
                    _ => format!("[{}]", type_name(a, Form::Qualified)),
                })
                .collect();
            format!("{}[{}]", definition_name(ty), args.join(","))
        }
        TypeKey::SzArray(_) => element() + "[]",
        TypeKey::MdArray(_, 1) => element() + "[*]",
        TypeKey::MdArray(_, rank) => format!("{}[{}]", element(), ",".repeat(*rank as usize - 1)),
        TypeKey::Ptr(_) => element() + "*",
        TypeKey::ByRef(_) => element() + "&",
        _ => simple_name(ty),
    }
}

/// `Type.Name`.
pub(super) fn simple_name(ty: &Type) -> String {
    let element = || ty.element().map_or_else(String::new, simple_name);
    match &ty.key {
        TypeKey::Def(..) | TypeKey::Inst(..) => ty.name().to_owned(),
        TypeKey::SzArray(_) => element() + "[]",
        TypeKey::MdArray(_, 1) => element() + "[*]",
        TypeKey::MdArray(_, rank) => format!("{}[{}]", element(), ",".repeat(*rank as usize - 1)),
        TypeKey::Ptr(_) => element() + "*",
        TypeKey::ByRef(_) => element() + "&",
        TypeKey::Var(n) | TypeKey::SharedVar(n) => format!("!{n}"),
        TypeKey::MVar(n) | TypeKey::SharedMVar(n) => format!("!!{n}"),
        TypeKey::Param(..) => ty.param_name().unwrap_or("?").to_owned(),
        TypeKey::FnPtr(_) => "(fnptr)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn key_tokens_are_hashes_of_keys() {
        // The ECMA key, whose token every .NET assembly of the standard library shows.
        let mut key = [0u8; 16];
        key[8] = 4;
        let token = super::public_key_token(&key).unwrap();
        assert_eq!(token, [0xb7, 0x7a, 0x5c, 0x56, 0x19, 0x34, 0xe0, 0x89]);
    }
}
