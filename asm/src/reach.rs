//! How far away a symbol may be, which decides how code gets at its address.

use isthmus_runtime_abi::helpers::Effects;
use isthmus_runtime_abi::symbol::Symbol;

/// Where a symbol's address lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reach {
    /// Below 4 GiB on 64-bit targets: a 32-bit constant.
    Low,
    /// In the code memory that the code itself is in, or in its data part.
    Near,
    /// Anywhere: through a word of the linker's table of addresses.
    Far,
}

/// Where this symbol's address lies.
pub fn reach(symbol: Symbol) -> Reach {
    match symbol {
        Symbol::Vtable(_) => Reach::Low,
        // Others have a transition stub.
        Symbol::Helper(h) if h.effects().contains(Effects::LEAF) => Reach::Far,
        Symbol::MethodEntry(_)
        | Symbol::MethodCell(_)
        | Symbol::MethodBody(_)
        | Symbol::MethodCounter(_)
        | Symbol::MethodImage(_)
        | Symbol::OsrBody(..)
        | Symbol::Filter(..)
        | Symbol::InterfaceStub(_)
        | Symbol::Helper(_)
        | Symbol::Stub(_) => Reach::Near,
        // Objects, native memory, native functions, descriptions of the VM.
        _ => Reach::Far,
    }
}
