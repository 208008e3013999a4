//! What class the library's default comparers are of, so that compilers can call them directly, or after a test, and delegates too.
//!
//! `EqualityComparer<T>.Default` and `Comparer<T>.Default` make an object on first use, of a class that depends on `T` alone.
//! For direct calls the part of their rule that matters is [`returned_by`]: types that can compare themselves. Code compiled ahead of time
//! needs the methods of all such classes ([`made_by`]): nothing mentions them, since the objects are made by reflection.

use crate::types::{Kind, Method, Type, TypeKey, types};

const NAMESPACE: &str = "System.Collections.Generic";

/// The exact class of what the `Default` of a comparer class returns, for the types named above.
pub fn returned_by(m: &Method) -> Option<&'static Type> {
    if m.name != "get_Default" || m.owner.is_shared {
        return None;
    }
    let comparer = |interface, class| match m.owner.args[..] {
        [of] => self_comparer(of, interface, class),
        _ => None,
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

/// The class of comparers for a type that can compare itself, which the interface says.
fn self_comparer(of: &'static Type, interface: &str, class: &str) -> Option<&'static Type> {
    let corlib = types().corlib();
    let interface = types().instantiate(corlib.find_type("System", interface)?, &[of]);
    of.is_assignable_to(interface.ok()?).then_some(())?;
    types()
        .instantiate(corlib.find_type(NAMESPACE, class)?, &[of])
        .ok()
}

/// The method that a delegate of a class will probably call. Whatever sorts values without being told how makes a `Comparison<T>` of the default
/// comparer, and calls it so often that a test for it pays.
pub fn likely_function(delegate: &Type) -> Option<&'static Method> {
    let [of] = delegate.args[..] else { return None };
    if delegate.is_shared || delegate.is_open || !of.is_value() {
        return None;
    }
    delegate.is_corlib("System", "Comparison`1").then_some(())?;
    self_comparer(of, "IComparable`1", "GenericComparer`1")?.method("Compare", 2)
}

/// The class of which `CreateComparer` of a comparer class makes an object, if it is generic.
pub fn made_by(m: &Method) -> Option<&'static Type> {
    let ([of], "CreateComparer") = (&m.owner.args[..], m.name) else {
        return None;
    };
    let corlib = types().corlib();
    let comparable = |t: &'static Type, interface: &str| {
        let interface = corlib.find_type("System", interface);
        let interface = interface.and_then(|i| types().instantiate(i, &[t]).ok());
        interface.is_some_and(|i| t.is_assignable_to(i))
    };
    let (interface, generic, nullable, object) = match () {
        () if m.owner.is_corlib(NAMESPACE, "EqualityComparer`1") => (
            "IEquatable`1",
            "GenericEqualityComparer`1",
            "NullableEqualityComparer`1",
            "ObjectEqualityComparer`1",
        ),
        () if m.owner.is_corlib(NAMESPACE, "Comparer`1") => (
            "IComparable`1",
            "GenericComparer`1",
            "NullableComparer`1",
            "ObjectComparer`1",
        ),
        () => return None,
    };
    let by_value = of.nullable_of().filter(|t| comparable(t, interface));
    let (class, argument) = match (comparable(of, interface), by_value) {
        (true, _) => (generic, *of),
        (false, Some(value)) => (nullable, value),
        (false, None) if interface == "IEquatable`1" => (of_enum(of).unwrap_or(object), *of),
        (false, None) => (object, *of),
    };
    let class = corlib.find_type(NAMESPACE, class)?;
    types().instantiate(class, &[argument]).ok()
}

/// The class that compares the values of an enum for equality.
fn of_enum(t: &'static Type) -> Option<&'static str> {
    if t.kind != Kind::Enum {
        return None;
    }
    Some(match t.underlying().name() {
        "SByte" => "SByteEnumEqualityComparer`1",
        "Int16" => "ShortEnumEqualityComparer`1",
        "Int64" | "UInt64" => "LongEnumEqualityComparer`1",
        _ => "EnumEqualityComparer`1",
    })
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
