//! Tables behind the ids that are not types or members: string literals, prepared exceptions, signatures.

use crate::metadata::Token;
use crate::types::arena::Interner;
use crate::types::member::{ResolvedSig, abi_signature};
use crate::types::system::{Assembly, types};
use crate::types::{LoadError, Result, Type};
use isthmus_runtime_abi::ids::{LiteralId, RaiseId, SigId, TypeId};
use isthmus_runtime_abi::types::Signature;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};

/// A string literal.
pub struct Literal {
    /// Its id.
    pub id: LiteralId,
    /// Its text.
    pub text: Box<[u16]>,
    /// Address of the (non-moving) string object once it exists, else 0.
    pub object: AtomicUsize,
}

/// String literals, one for each text.
#[derive(Default)]
pub struct Literals {
    by_text: Interner<Box<[u16]>, Literal>,
}

/// The process's string literals.
pub fn literals() -> &'static Literals {
    static TABLE: OnceLock<Literals> = OnceLock::new();
    TABLE.get_or_init(Literals::default)
}

impl Literals {
    /// The literal of a text.
    pub fn of_text(&self, text: &[u16]) -> LiteralId {
        let key: Box<[u16]> = text.into();
        let new = |index| Literal {
            id: LiteralId::from_index(index),
            text: text.into(),
            object: AtomicUsize::new(0),
        };
        self.by_text.intern(&key, new).id
    }

    /// The literal of a text, if there is one.
    pub fn find(&self, text: &[u16]) -> Option<LiteralId> {
        let key: Box<[u16]> = text.into();
        self.by_text.lookup(&key).map(|l| l.id)
    }

    /// The literal of a `ldstr` token.
    pub fn string_of(&self, assembly: &Assembly, token: Token) -> Result<LiteralId> {
        let text: Vec<u16> = assembly.image.user_string(token)?.units().collect();
        Ok(self.of_text(&text))
    }

    /// The literal with this id.
    pub fn get(&self, id: LiteralId) -> &'static Literal {
        self.by_text.arena().get(id.index())
    }
}

/// Exceptions prepared while bodies were read.
#[derive(Default)]
pub struct Raises {
    list: Mutex<Vec<Raise>>,
}

/// A prepared exception.
#[derive(Clone, Debug)]
pub enum Raise {
    /// Something could not be loaded.
    Load(LoadError),
    /// An exception of this class of `System`, with its default message.
    System(&'static str),
}

/// The process's prepared exceptions.
pub fn raises() -> &'static Raises {
    static TABLE: OnceLock<Raises> = OnceLock::new();
    TABLE.get_or_init(Raises::default)
}

impl Raises {
    /// Prepares a load error.
    pub fn add(&self, error: LoadError) -> RaiseId {
        self.push(Raise::Load(error))
    }

    /// Prepares an exception class of `System`.
    pub fn system(&self, class: &'static str) -> RaiseId {
        self.push(Raise::System(class))
    }

    fn push(&self, raise: Raise) -> RaiseId {
        let mut list = self.list.lock().unwrap_or_else(|e| e.into_inner());
        list.push(raise);
        RaiseId::from_index(list.len() - 1)
    }

    /// The prepared exception with this id.
    pub fn get(&self, id: RaiseId) -> Option<Raise> {
        self.list
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .get(id.index())
            .cloned()
    }
}

/// A signature of indirect calls, or of the variadic arguments of a call. Its address is what blocks of variadic arguments begin with.
pub struct CallSignature {
    /// Its id.
    pub id: SigId,
    /// The types behind it.
    pub types: ResolvedSig,
    /// What compilers need.
    pub abi: Arc<Signature>,
}

/// Key of a [`CallSignature`]: convention and `this`, parameters, result.
type SigKey = (bool, bool, bool, Box<[TypeId]>, TypeId);

impl CallSignature {
    /// Whether shared code has to look it up.
    pub fn is_shared(&self) -> bool {
        self.types.ret.is_shared || self.types.params.iter().any(|t| t.is_shared)
    }
}

/// Signatures of `calli` and of variadic arguments.
#[derive(Default)]
pub struct Signatures(Interner<SigKey, CallSignature>);

/// The process's signatures.
pub fn signatures() -> &'static Signatures {
    static TABLE: OnceLock<Signatures> = OnceLock::new();
    TABLE.get_or_init(Signatures::default)
}

impl Signatures {
    /// The id of a signature; `this` counts as an object reference.
    pub fn id_of(&self, sig: &ResolvedSig) -> Result<SigId> {
        let key: SigKey = (
            sig.has_this,
            sig.vararg,
            sig.unmanaged,
            sig.params.iter().map(|t| t.id).collect(),
            sig.ret.id,
        );
        let abi = Arc::new(abi_signature(sig, types().known.object())?);
        Ok(self
            .0
            .intern(&key, |index| CallSignature {
                id: SigId::from_index(index),
                types: sig.clone(),
                abi,
            })
            .id)
    }

    /// The id of the signature that variadic arguments of these types have.
    pub fn of_arguments(&self, params: Vec<&'static Type>) -> Result<SigId> {
        self.id_of(&ResolvedSig {
            has_this: false,
            vararg: false,
            unmanaged: false,
            params,
            ret: types().known.void(),
            arity: 0,
        })
    }

    /// The address of a block of no variadic arguments: the cookie of calls that come from the runtime.
    pub fn no_arguments(&self) -> Result<usize> {
        static BLOCK: OnceLock<[usize; 1]> = OnceLock::new();
        let sig = self.get(self.of_arguments(Vec::new())?);
        let block = BLOCK.get_or_init(|| [std::ptr::from_ref(sig) as usize]);
        Ok(block.as_ptr() as usize)
    }

    /// The signature with this id.
    pub fn get(&self, id: SigId) -> &'static CallSignature {
        self.0.arena().get(id.index())
    }
}
