//! Methods that the VM makes: as stack IR, as internal calls, or as intrinsics.
//!
//! | module | what it makes |
//! | --- | --- |
//! | [`builder`] | a small assembler for bodies |
//! | [`delegates`] | `.ctor`, `Invoke`, `BeginInvoke`, `EndInvoke` of delegates |
//! | [`strings`] | constructors of strings |
//! | [`pinvoke`] | P/Invokes whose arguments must be converted |
//! | [`callback`] | between C function pointers and delegates |
//! | [`thunk`] | what C calls for a method without conversions |
//! | [`native_calls`] | `calli` of native function pointers, calls of variadic C functions |
//! | [`arrays`] | constructors and accessors of arrays; `IList<T>` of one-dimensional ones |
//!
//! Static helper methods that such bodies call are in one table, [`Synthetic`].

pub mod arrays;
pub mod builder;
pub mod callback;
pub mod delegates;
pub mod native_calls;
pub mod pinvoke;
pub mod strings;
pub mod thunk;

use crate::types::member::ResolvedSig;
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Result, Type, types};
use isthmus_frontend_ir::body::Body;
use isthmus_runtime_abi::intrinsics::Intrinsic;

/// What a synthetic method is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum What {
    /// An internal call of this name (class `Isthmus.Runtime`).
    InternalCall,
    /// Expanded in place.
    Intrinsic(Intrinsic),
}

macro_rules! synthetics {
    ($($(#[$doc:meta])* $name:ident ($($param:ident),*) -> $ret:ident = $what:expr;)*) => {
        /// Static methods that made bodies call. They belong to `System.Object`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        pub enum Synthetic { $($(#[$doc])* $name,)* }

        struct Entry {
            name: &'static str,
            params: fn() -> Vec<&'static Type>,
            ret: fn() -> &'static Type,
            what: What,
        }

        static TABLE: &[Entry] = &[$(Entry {
            name: stringify!($name),
            params: || vec![$(ty::$param()),*],
            ret: || ty::$ret(),
            what: $what,
        }),*];
    };
}

/// Types in the table below.
mod ty {
    use super::{Type, types};

    pub fn object() -> &'static Type {
        types().known.object()
    }
    pub fn int() -> &'static Type {
        types().known.int32()
    }
    pub fn long() -> &'static Type {
        types().known.prim(crate::metadata::sig::Prim::I8)
    }
    pub fn native() -> &'static Type {
        types().known.int_ptr()
    }
    pub fn void() -> &'static Type {
        types().known.void()
    }
    pub fn byte_ref() -> &'static Type {
        types()
            .by_ref(types().known.byte())
            .expect("byte& is a type")
    }
}

synthetics! {
    /// Address of the first byte after an object's header.
    RawData (object) -> byte_ref = What::Intrinsic(Intrinsic::RawData);
    /// Finishes a delegate: delegate, target, code address.
    DelegateInit (object, object, native) -> void = What::InternalCall;
    /// Starts a delegate's call on the thread pool: delegate, `object[]` of arguments, callback, state.
    DelegateBegin (object, object, object, object) -> object = What::InternalCall;
    /// Waits for such a call and gives its result: delegate, IAsyncResult, `object[]` for by-reference arguments.
    DelegateEnd (object, object, object) -> object = What::InternalCall;
    /// Makes an array: type, number of arguments, up to eight arguments.
    ArrayNew (native, int, int, int, int, int, int, int, int, int) -> object = What::InternalCall;
    /// The same with any number of arguments: type, `int[]`.
    ArrayNewMany (native, object) -> object = What::InternalCall;
    /// Throws ArrayTypeMismatchException unless the reference may be stored in the array.
    ArrayCheckStore (object, object) -> void = What::InternalCall;
    /// Throws ArrayTypeMismatchException unless elements have exactly this type.
    ArrayCheckExact (object, native) -> void = What::InternalCall;
    /// P/Invoke, before the call: method and position of a parameter (see `marshal::spec`), managed and native location.
    MarshalBefore (native, int, native, native) -> void = What::InternalCall;
    /// P/Invoke, after the call: parameter, managed and native location, what the size parameter says.
    MarshalAfter (native, int, native, native, long) -> void = What::InternalCall;
    /// P/Invoke, the result: method and 0, native and managed location, what the size parameter says.
    MarshalResult (native, int, native, native, long) -> void = What::InternalCall;
    /// Callback, before the delegate's call: parameter, native and managed location, what the size parameter says.
    MarshalEnter (native, int, native, native, long) -> void = What::InternalCall;
    /// Callback, after the delegate's call: the same.
    MarshalLeave (native, int, native, native, long) -> void = What::InternalCall;
    /// Callback, the result: method and 0, managed and native location.
    MarshalGive (native, int, native, native) -> void = What::InternalCall;
}

impl Synthetic {
    /// The method.
    pub fn method(self) -> &'static Method {
        types()
            .methods
            .intern(
                types().known.object(),
                MethodKind::Synthetic(self as u32),
                &[],
            )
            .expect("synthetic methods always intern")
    }
}

/// The synthetic method of a name.
pub fn number(name: &str) -> Option<u32> {
    TABLE.iter().position(|e| e.name == name).map(|n| n as u32)
}

/// Name of a synthetic method.
pub fn name(n: u32) -> &'static str {
    TABLE.get(n as usize).map_or("?", |e| e.name)
}

/// Signature of a synthetic method.
pub fn signature(n: u32) -> ResolvedSig {
    let e = &TABLE[n as usize];
    ResolvedSig {
        has_this: false,
        vararg: false,
        unmanaged: false,
        params: (e.params)(),
        ret: (e.ret)(),
        arity: 0,
    }
}

/// Whether it is an internal call.
pub fn is_internal_call(n: u32) -> bool {
    TABLE
        .get(n as usize)
        .is_some_and(|e| e.what == What::InternalCall)
}

/// The intrinsic it is.
pub fn intrinsic(n: u32) -> Option<Intrinsic> {
    match TABLE.get(n as usize)?.what {
        What::Intrinsic(i) => Some(i),
        What::InternalCall => None,
    }
}

/// The body of a method that the VM makes.
pub fn body(m: &'static Method) -> Result<Body> {
    match m.kind {
        MethodKind::ArrayCtor(_) => arrays::constructor(m),
        MethodKind::ArrayGet
        | MethodKind::ArraySet
        | MethodKind::ArrayAddress
        | MethodKind::ArrayAddressReadOnly => arrays::accessor(m),
        MethodKind::Def(_) if m.owner.ancestors().any(|t| t == types().known.delegate()) => {
            delegates::body(m)
        }
        MethodKind::Dispatch(rid) => delegates::dispatch(m, rid),
        MethodKind::InvokeAll(rid) => delegates::invoke_all(m, rid),
        MethodKind::Callback(n) => callback::body(m, n),
        MethodKind::Thunk(n) => thunk::body(m, n),
        MethodKind::Def(_) if m.makes_its_object() => strings::constructor(m),
        MethodKind::Def(_) if arrays::is_element_access(m) => arrays::element_access(m),
        _ => Err(LoadError::new(
            LoadErrorKind::TypeLoad,
            format!("the runtime has no body for {}", m.full_name()),
        )),
    }
}
