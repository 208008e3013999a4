//! What class the library's default comparers are of, so that compilers can call them directly.
//!
//! `EqualityComparer<T>.Default` and `Comparer<T>.Default` make an object on first use, of a class that depends on `T` alone.
//! This is the part of their rule that matters: types that can compare themselves.

use crate::types::{Method, Type, types};

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
