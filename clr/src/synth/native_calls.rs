//! Calls of native code whose signature only the call site knows: `calli` of unmanaged function pointers, and variadic C functions
//! behind P/Invokes (`printf`).
//!
//! Compilers see calls of ordinary static methods ([`MethodKind::CallSite`]), one for each signature. What stands behind them is made
//! like a P/Invoke ([`super::pinvoke`]); a function pointer is the last argument, as it is on the stack at `calli`.

use crate::types::arena::Interner;
use crate::types::member::ResolvedSig;
use crate::types::{Method, MethodKind, Result, Type, types};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use std::sync::OnceLock;

/// A kind of call.
pub struct Site {
    /// Its number.
    number: u32,
    /// The P/Invoke method that is called; `None`: the last argument is the function.
    pub import: Option<&'static Method>,
    /// Number of arguments that are not variadic.
    pub fixed: usize,
    /// All arguments, and the result.
    pub sig: ResolvedSig,
}

/// What is called, arguments, result.
type Key = (Option<MethodId>, Box<[TypeId]>, TypeId);

fn sites() -> &'static Interner<Key, Site> {
    static SITES: OnceLock<Interner<Key, Site>> = OnceLock::new();
    SITES.get_or_init(Interner::default)
}

/// A kind of call by number.
pub fn site(n: u32) -> &'static Site {
    sites().arena().get(n as usize)
}

/// The P/Invoke method behind a method with a native function: itself, unless it is a call site.
pub fn import_behind(m: &'static Method) -> Option<&'static Method> {
    match m.kind {
        MethodKind::CallSite(n) => site(n).import,
        _ => Some(m),
    }
}

/// Whether C promotes `float` arguments at this position to `double`.
pub fn promotes(m: &Method, position: usize) -> bool {
    match m.kind {
        MethodKind::CallSite(n) => site(n).import.is_some() && position >= site(n).fixed,
        _ => false,
    }
}

/// The method of a kind of call.
pub fn method(
    import: Option<&'static Method>,
    fixed: usize,
    params: Vec<&'static Type>,
    ret: &'static Type,
) -> Result<&'static Method> {
    let key: Key = (
        import.map(|m| m.id),
        params.iter().map(|t| t.id).collect(),
        ret.id,
    );
    let new = |index| Site {
        number: index as u32,
        import,
        fixed,
        sig: ResolvedSig {
            has_this: false,
            vararg: false,
            unmanaged: false,
            params,
            ret,
            arity: 0,
        },
    };
    let kind = MethodKind::CallSite(sites().intern(&key, new).number);
    types().methods.intern(types().known.object(), kind, &[])
}

/// The method that calls a native function pointer, its last argument, with this signature.
pub fn through_pointer(sig: &ResolvedSig) -> Result<&'static Method> {
    // C++ on these platforms passes `this` as the first argument.
    let this = sig.has_this.then(|| types().known.int_ptr());
    let mut params: Vec<_> = this.into_iter().chain(sig.params.iter().copied()).collect();
    params.push(types().known.int_ptr());
    method(None, params.len() - 1, params, sig.ret)
}

/// The method that calls a variadic P/Invoke with these further arguments.
pub fn variadic(import: &'static Method, further: &[&'static Type]) -> Result<&'static Method> {
    let sig = import.sig()?;
    let params = [&sig.params[..], further].concat();
    method(Some(import), sig.params.len(), params, sig.ret)
}
