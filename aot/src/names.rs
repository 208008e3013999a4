//! Symbols by structure.
//!
//! Ids are numbers of one process. What an image keeps of a symbol is a *name*: one byte for the kind of symbol, then what only
//! the VM can write of the id in it (module, row, type arguments: see [`Names`]), or the text of the name of a part of the runtime.

use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::{LiteralId, MethodId, RaiseId, SigId, TypeId};
use isthmus_runtime_abi::stub::{RuntimeFn, Stub};
use isthmus_runtime_abi::symbol::Symbol;
use thiserror::Error;

/// An id that the VM can write by structure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Id {
    /// A method.
    Method(MethodId),
    /// A type.
    Type(TypeId),
    /// A signature.
    Signature(SigId),
    /// A literal.
    Literal(LiteralId),
    /// A prepared exception.
    Raise(RaiseId),
    /// Data of the VM.
    Data(u32),
    /// A native function.
    Native(u32),
}

/// The kinds of [`Id`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IdKind {
    /// [`Id::Method`].
    Method,
    /// [`Id::Type`].
    Type,
    /// [`Id::Signature`].
    Signature,
    /// [`Id::Literal`].
    Literal,
    /// [`Id::Raise`].
    Raise,
    /// [`Id::Data`].
    Data,
    /// [`Id::Native`].
    Native,
}

/// Why something has no name, or a name means nothing here.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum NameError {
    /// This symbol never occurs in images.
    #[error("{0:?} has no name outside this process")]
    NoName(Symbol),
    /// The VM's reason.
    #[error("{0}")]
    Vm(String),
    /// The bytes are not a name.
    #[error("damaged name")]
    Damaged,
}

/// Writes ids by structure. Equal ids give equal bytes.
pub trait Names {
    /// Appends the bytes of an id.
    fn write(&mut self, id: Id, out: &mut Vec<u8>) -> Result<(), NameError>;
}

/// Finds the ids of this process that names mean.
pub trait Resolve {
    /// The id that `name` means; all of it.
    fn read(&self, kind: IdKind, name: &[u8]) -> Result<Id, NameError>;
}

/// A name of an image: a symbol, or a bare id that unwind tables mention.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Name {
    /// Something with an address.
    Symbol(Symbol),
    /// An id as such.
    Id(Id),
}

macro_rules! symbols {
    ($($tag:literal $symbol:ident $kind:ident;)*) => {
        /// The first byte of a symbol's name, and the id in it.
        fn parts(symbol: Symbol) -> Option<(u8, Id)> {
            Some(match symbol {
                $(Symbol::$symbol(id) => ($tag, Id::$kind(id)),)*
                _ => return None,
            })
        }

        fn kind_of(tag: u8) -> Option<IdKind> {
            Some(match tag {
                $($tag => IdKind::$kind,)*
                _ => return None,
            })
        }

        fn symbol_of(tag: u8, id: Id) -> Option<Symbol> {
            Some(match (tag, id) {
                $(($tag, Id::$kind(id)) => Symbol::$symbol(id),)*
                _ => return None,
            })
        }
    };
}

symbols! {
    1 MethodEntry Method;
    2 MethodCell Method;
    3 MethodBody Method;
    4 MethodHandle Method;
    5 InterfaceStub Method;
    6 GenericContext Method;
    7 Vtable Type;
    8 TypeHandle Type;
    9 Statics Type;
    10 RefStatics Type;
    11 ThreadStatics Type;
    12 InitState Type;
    13 TypeObject Type;
    14 Signature Signature;
    15 Literal Literal;
    16 VmData Data;
    17 Native Native;
    18 Raise Raise;
}

/// First byte of a helper's name; its text follows.
const HELPER: u8 = 32;
/// First byte of a bare method.
const METHOD: u8 = 33;
/// First byte of a bare type.
const TYPE: u8 = 34;

/// First byte of the name of a C function of the runtime; its text follows.
const RUNTIME: u8 = 35;
/// First byte of the name of a stub of which there is one; its text follows.
const STUB: u8 = 36;

/// The stubs that images refer to.
const STUBS: [(&str, Stub); 1] = [("throw_path", Stub::ThrowPath)];

/// First byte and text of the name of a part of the runtime.
fn text_of(symbol: Symbol) -> Option<(u8, &'static str)> {
    Some(match symbol {
        Symbol::Helper(helper) => (HELPER, helper.name()),
        Symbol::Runtime(function) => (RUNTIME, function.name()),
        Symbol::Stub(stub) => (STUB, STUBS.iter().find(|s| s.1 == stub)?.0),
        _ => return None,
    })
}

/// The part of the runtime with this name.
fn part_of_runtime(tag: u8, text: &str) -> Option<Symbol> {
    Some(match tag {
        HELPER => Symbol::Helper(Helper::from_name(text)?),
        RUNTIME => {
            let mut all = RuntimeFn::ALL.iter();
            Symbol::Runtime(*all.find(|f| f.name() == text)?)
        }
        _ => Symbol::Stub(STUBS.iter().find(|s| s.0 == text)?.1),
    })
}

/// The bytes of a name.
pub fn write(names: &mut dyn Names, name: Name) -> Result<Vec<u8>, NameError> {
    let mut out = Vec::new();
    match name {
        Name::Symbol(symbol) => match (text_of(symbol), parts(symbol)) {
            (Some((tag, text)), _) => {
                out.push(tag);
                out.extend_from_slice(text.as_bytes());
            }
            (None, Some((tag, id))) => {
                out.push(tag);
                names.write(id, &mut out)?;
            }
            (None, None) => return Err(NameError::NoName(symbol)),
        },
        Name::Id(id) => {
            out.push(match id {
                Id::Method(_) => METHOD,
                Id::Type(_) => TYPE,
                _ => return Err(NameError::Vm(format!("{id:?} has no use of its own"))),
            });
            names.write(id, &mut out)?;
        }
    }
    Ok(out)
}

/// What a name means in this process.
pub fn read(resolve: &dyn Resolve, name: &[u8]) -> Result<Name, NameError> {
    let (&tag, rest) = name.split_first().ok_or(NameError::Damaged)?;
    match tag {
        HELPER | RUNTIME | STUB => {
            let text = std::str::from_utf8(rest).map_err(|_| NameError::Damaged)?;
            let found = part_of_runtime(tag, text);
            let unknown = || NameError::Vm(format!("the runtime has no {text:?}"));
            Ok(Name::Symbol(found.ok_or_else(unknown)?))
        }
        METHOD => Ok(Name::Id(resolve.read(IdKind::Method, rest)?)),
        TYPE => Ok(Name::Id(resolve.read(IdKind::Type, rest)?)),
        _ => {
            let id = resolve.read(kind_of(tag).ok_or(NameError::Damaged)?, rest)?;
            Ok(Name::Symbol(symbol_of(tag, id).ok_or(NameError::Damaged)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids as they are.
    struct Raw;

    impl Names for Raw {
        fn write(&mut self, id: Id, out: &mut Vec<u8>) -> Result<(), NameError> {
            let raw = match id {
                Id::Method(m) => m.raw(),
                Id::Type(t) => t.raw(),
                Id::Data(n) | Id::Native(n) => n,
                _ => return Err(NameError::Vm("not here".into())),
            };
            out.extend(raw.to_le_bytes());
            Ok(())
        }
    }

    impl Resolve for Raw {
        fn read(&self, kind: IdKind, name: &[u8]) -> Result<Id, NameError> {
            let raw = u32::from_le_bytes(name.try_into().map_err(|_| NameError::Damaged)?);
            let damaged = NameError::Damaged;
            Ok(match kind {
                IdKind::Method => Id::Method(MethodId::from_raw(raw).ok_or(damaged)?),
                IdKind::Type => Id::Type(TypeId::from_raw(raw).ok_or(damaged)?),
                IdKind::Data => Id::Data(raw),
                IdKind::Native => Id::Native(raw),
                _ => return Err(damaged),
            })
        }
    }

    #[test]
    fn names_mean_what_they_were_written_of() {
        let method = MethodId::from_index(6);
        let ty = TypeId::from_index(300);
        for name in [
            Name::Symbol(Symbol::MethodCell(method)),
            Name::Symbol(Symbol::MethodEntry(method)),
            Name::Symbol(Symbol::Vtable(ty)),
            Name::Symbol(Symbol::VmData(77)),
            Name::Symbol(Symbol::Helper(Helper::ClassInit)),
            Name::Symbol(Symbol::Runtime(RuntimeFn::ForeignEnter)),
            Name::Symbol(Symbol::Stub(Stub::ThrowPath)),
            Name::Id(Id::Method(method)),
            Name::Id(Id::Type(ty)),
        ] {
            let bytes = write(&mut Raw, name).unwrap();
            assert_eq!(read(&Raw, &bytes), Ok(name));
            for cut in 0..bytes.len() {
                assert_ne!(read(&Raw, &bytes[..cut]), Ok(name));
            }
        }
    }

    #[test]
    fn counters_have_no_name() {
        let counter = Symbol::MethodCounter(MethodId::from_index(0));
        assert_eq!(
            write(&mut Raw, Name::Symbol(counter)),
            Err(NameError::NoName(counter))
        );
        assert_eq!(read(&Raw, &[99, 0]), Err(NameError::Damaged));
    }
}
