//! What class the library's default comparers are of, so that compilers can call them directly, or after a test.
//!
//! `EqualityComparer<T>.Default` and `Comparer<T>.Default` make an object on first use, of a class that depends on `T` alone.
//! This is the part of their rule that matters: types that can compare themselves.

use crate::types::{Method, Type, TypeKey, types};

const NAMESPACE: &str = "System.Collections.Generic";

/// The exact class of what the `Default` of a comparer class returns, for the types named above.
pub fn returned_by(m: &Method) -> Option<&'static Type> {
    if m.name != "get_Default" || m.owner.is_shared {
        return None;
    }
    let comparer = |interface: &str, class: &str| {
        let [of] = m.owner.args[..] else { return None };
        let corlib = types().corlib();
        let interface = types().instantiate(corlib.find_type("System", interface)?, &[of]);
        of.is_assignable_to(interface.ok()?).then_some(())?;
        types()
            .instantiate(corlib.find_type(NAMESPACE, class)?, &[of])
            .ok()
    };
    if m.owner.is_corlib(NAMESPACE, "EqualityComparer`1") {
        // Bytes have a class of their own.
        if m.owner.args.first() == Some(&types().known.byte()) {
            return None;
        }
        comparer("IEquatable`1", "GenericEqualityComparer`1")
    } else if m.owner.is_corlib(NAMESPACE, "Comparer`1") {
        comparer("IComparable`1", "GenericComparer`1")
    } else {
        None
    }
}

/// The class that a method of shared code, which compares by an unknown type argument, will probably be called on: that for strings,
/// which most keys are. Code checks it.
pub fn likely(m: &Method) -> Option<&'static Type> {
    let shared_argument = matches!(
        m.owner.args[..],
        [Type {
            key: TypeKey::SharedVar(_) | TypeKey::SharedMVar(_),
            ..
        }]
    );
    if !shared_argument || !m.is_abstract() {
        return None;
    }
    let owner =
        |namespace, names: &[&str]| names.iter().any(|name| m.owner.is_corlib(namespace, name));
    let string = types().known.string();
    let of_string = |class| {
        let class = types().corlib().find_type(NAMESPACE, class)?;
        types().instantiate(class, &[string]).ok()
    };
    if owner("System", &["IEquatable`1", "IComparable`1"]) {
        Some(string)
    } else if owner(NAMESPACE, &["EqualityComparer`1", "IEqualityComparer`1"]) {
        of_string("GenericEqualityComparer`1")
    } else if owner(NAMESPACE, &["Comparer`1", "IComparer`1"]) {
        of_string("GenericComparer`1")
    } else {
        None
    }
}
