//! Symbols as Cranelift's external names.
//!
//! Cranelift sees numbers; the table turns them back into [`Symbol`]s when the artifact is made. One symbol may have two
//! names, because code gets at it in two ways:
//!
//! | name space | meaning | code on x86-64 |
//! | --- | --- | --- |
//! | [`Reach::Symbol`] | the symbol itself | `call rel32`, or `mov r, [rip + G]` where `G` holds its address |
//! | [`Reach::Cell`] | the symbol is a data word near the code that holds what we want | `mov r, [rip + S]` |
//!
//! The second is how a method is called: its cell *is* the GOT word of its code, so `call` of a far function through the GOT
//! becomes a load of the cell.

use cranelift_codegen::ir::{ExternalName, Function, UserExternalName};
use isthmus_runtime_abi::symbol::Symbol;
use rustc_hash::FxHashMap;

/// How code uses a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reach {
    /// Its address.
    Symbol,
    /// What the data word at it holds.
    Cell,
}

/// The symbols that one function refers to.
#[derive(Default, Debug)]
pub struct Names {
    entries: Vec<(Symbol, Reach)>,
    index: FxHashMap<(Symbol, Reach), u32>,
}

impl Names {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
    }

    /// The name of a symbol in `func`.
    pub fn name(&mut self, func: &mut Function, symbol: Symbol, reach: Reach) -> ExternalName {
        let entries = &mut self.entries;
        let n = *self.index.entry((symbol, reach)).or_insert_with(|| {
            entries.push((symbol, reach));
            entries.len() as u32 - 1
        });
        ExternalName::user(func.declare_imported_user_function(UserExternalName::new(0, n)))
    }

    /// The symbol of a number that [`Self::name`] made.
    pub fn symbol(&self, name: &UserExternalName) -> Option<(Symbol, Reach)> {
        self.entries.get(name.index as usize).copied()
    }
}
