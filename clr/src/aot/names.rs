//! Types, methods, fields, signatures, literals and prepared exceptions by structure.
//!
//! ```text
//!  type    1 module row | 2 definition n arguments | 3 element | 4 element rank | 5, 6 pointee | 7 n types | 8..11 n
//!  method  owner, kind (1 row | 2 arguments | 3..6 | 7 row | 8 text | 9 row | 10..13 see below), n type arguments
//!          10  import, number of fixed arguments, n types, type     a call of native code: arguments, result
//!          11  import, 1 if the error number is kept, text          a foreign function: its type in C
//!          12  type                                                 what delegates of this class over function pointers call
//!          13  type, import                                         what function pointers of delegates that call a method call
//!  import  0 | 1 method
//!  field   owner, row
//! ```
//!
//! Numbers are LEB128, texts have their length before them. Methods that exist in one process only (dynamic ones) have no name: code
//! that refers to them is not put into images.

use super::modules::Modules;
use crate::marshal::{callbacks, form};
use crate::synth;
use crate::synth::native_calls;
use crate::synth::pinvoke::{self, Foreign};
use crate::tables::{Raise, literals, raises, signatures};
use crate::types::member::ResolvedSig;
use crate::types::params::ParamOwner;
use crate::types::system::{Assembly, types};
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Type, TypeKey};
use crate::vm::{FIELD_HANDLE_BIT, native};
use isthmus_aot::format::uleb;
use isthmus_aot::names::{Id, IdKind, NameError, Names, Resolve};
use isthmus_interop::function::Function;
use isthmus_runtime_abi::ids::FieldId;

type Result<T> = std::result::Result<T, NameError>;

/// Writes names. `number` gives the number of an assembly (by index) in the image, if it has one.
pub struct Writer<N> {
    /// Numbers of assemblies.
    pub number: N,
}

impl Writer<()> {
    /// A writer for an image that is being made: it takes up every assembly.
    pub fn growing(modules: &Modules) -> Writer<impl FnMut(u32) -> Option<u32>> {
        Writer {
            number: |assembly| Some(modules.number(assembly)),
        }
    }
}

fn nameless(what: &str) -> NameError {
    NameError::Vm(format!("{what} has no name outside this process"))
}

fn text(out: &mut Vec<u8>, text: &str) {
    uleb(out, text.len() as u32);
    out.extend(text.as_bytes());
}

impl<N: FnMut(u32) -> Option<u32>> Writer<N> {
    fn types<'t>(
        &mut self,
        list: impl ExactSizeIterator<Item = &'t &'static Type>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        uleb(out, list.len() as u32);
        for t in list {
            self.ty(t, out)?;
        }
        Ok(())
    }

    fn ty(&mut self, t: &'static Type, out: &mut Vec<u8>) -> Result<()> {
        let ts = types();
        let mut one = |writer: &mut Self, tag: u8, id| {
            out.push(tag);
            writer.ty(ts.ty(id), out)
        };
        match &t.key {
            TypeKey::Def(assembly, row) => {
                let module = (self.number)(*assembly);
                out.push(1);
                uleb(out, module.ok_or_else(|| nameless(&t.full_name()))?);
                uleb(out, *row);
            }
            TypeKey::Inst(def, args) => {
                one(self, 2, *def)?;
                let args: Vec<_> = args.iter().map(|&a| ts.ty(a)).collect();
                self.types(args.iter(), out)?;
            }
            TypeKey::SzArray(element) => one(self, 3, *element)?,
            TypeKey::MdArray(element, rank) => {
                one(self, 4, *element)?;
                uleb(out, *rank);
            }
            TypeKey::Ptr(to) => one(self, 5, *to)?,
            TypeKey::ByRef(to) => one(self, 6, *to)?,
            TypeKey::FnPtr(list) => {
                out.push(7);
                let list: Vec<_> = list.iter().map(|&a| ts.ty(a)).collect();
                self.types(list.iter(), out)?;
            }
            TypeKey::Var(n) => {
                out.push(8);
                uleb(out, *n);
            }
            TypeKey::MVar(n) => {
                out.push(9);
                uleb(out, *n);
            }
            TypeKey::SharedVar(n) => {
                out.push(10);
                uleb(out, *n);
            }
            TypeKey::SharedMVar(n) => {
                out.push(11);
                uleb(out, *n);
            }
            TypeKey::Param(ParamOwner::Type(owner), n) => {
                one(self, 12, *owner)?;
                uleb(out, *n);
            }
            TypeKey::Param(ParamOwner::Method(owner), n) => {
                out.push(13);
                self.method(ts.method(*owner), out)?;
                uleb(out, *n);
            }
        }
        Ok(())
    }

    fn method(&mut self, m: &'static Method, out: &mut Vec<u8>) -> Result<()> {
        self.ty(m.owner, out)?;
        match m.kind {
            MethodKind::Def(row) => {
                out.push(1);
                uleb(out, row);
            }
            MethodKind::ArrayCtor(arguments) => {
                out.push(2);
                uleb(out, arguments);
            }
            MethodKind::ArrayGet => out.push(3),
            MethodKind::ArraySet => out.push(4),
            MethodKind::ArrayAddress => out.push(5),
            MethodKind::ArrayAddressReadOnly => out.push(6),
            MethodKind::Dispatch(row) => {
                out.push(7);
                uleb(out, row);
            }
            MethodKind::Synthetic(n) => {
                out.push(8);
                text(out, synth::name(n));
            }
            MethodKind::InvokeAll(row) => {
                out.push(9);
                uleb(out, row);
            }
            MethodKind::CallSite(n) => {
                out.push(10);
                let site = native_calls::site(n);
                self.import(site.import, out)?;
                uleb(out, site.fixed as u32);
                self.types(site.sig.params.iter(), out)?;
                self.ty(site.sig.ret, out)?;
            }
            MethodKind::Foreign(n) => {
                out.push(11);
                let foreign = pinvoke::foreign(n);
                self.import(foreign.import, out)?;
                out.push(u8::from(foreign.keeps_error));
                text(out, &foreign.text());
            }
            MethodKind::OverPointer(n) => {
                out.push(12);
                self.ty(callbacks::class(n).ty, out)?;
            }
            MethodKind::Callback(n) => {
                out.push(13);
                let site = callbacks::site(n);
                self.ty(site.class.ty, out)?;
                self.import(site.target, out)?;
            }
            _ => return Err(nameless(&m.full_name())),
        }
        self.types(m.args.iter(), out)
    }

    /// A method, if there is one.
    fn import(&mut self, m: Option<&'static Method>, out: &mut Vec<u8>) -> Result<()> {
        out.push(u8::from(m.is_some()));
        m.map_or(Ok(()), |m| self.method(m, out))
    }

    fn signature(&mut self, sig: &ResolvedSig, out: &mut Vec<u8>) -> Result<()> {
        let flags = [sig.has_this, sig.vararg, sig.unmanaged];
        out.extend(flags.map(u8::from));
        self.types(sig.params.iter(), out)?;
        self.ty(sig.ret, out)
    }
}

impl<N: FnMut(u32) -> Option<u32>> Names for Writer<N> {
    fn write(&mut self, id: Id, out: &mut Vec<u8>) -> Result<()> {
        let ts = types();
        match id {
            Id::Method(m) => self.method(ts.method(m), out),
            Id::Type(t) => self.ty(ts.ty(t), out),
            Id::Signature(s) => self.signature(&signatures().get(s).types, out),
            Id::Literal(l) => {
                let units = literals().get(l).text.iter();
                out.extend(units.flat_map(|u| u.to_le_bytes()));
                Ok(())
            }
            Id::Raise(r) => match raises().get(r) {
                Some(Raise::Load(error)) => {
                    let mut all = LoadErrorKind::ALL.iter();
                    out.extend(all.position(|&k| k == error.kind).map(|n| n as u8));
                    out.extend(error.message.as_bytes());
                    Ok(())
                }
                Some(Raise::System(class)) => {
                    out.push(LoadErrorKind::ALL.len() as u8);
                    out.extend(class.as_bytes());
                    Ok(())
                }
                None => Err(nameless("an exception")),
            },
            Id::Data(n) => {
                let field = FieldId::from_raw(n & !FIELD_HANDLE_BIT);
                let field = ts.field(field.ok_or_else(|| nameless("data"))?);
                out.push(u8::from(n & FIELD_HANDLE_BIT != 0));
                self.ty(field.owner, out)?;
                uleb(out, field.rid);
                Ok(())
            }
            Id::Native(n) => {
                let m = native::method_behind(n).ok_or_else(|| nameless("a native function"))?;
                self.method(m, out)
            }
        }
    }
}

/// Reads names of an image with these assemblies.
pub struct Reader<'a> {
    /// The assemblies by number.
    pub modules: &'a [&'static Assembly],
}

/// What is left of a name.
struct Rest<'a, 'n> {
    modules: &'a [&'static Assembly],
    name: &'n [u8],
    /// Types within types: a damaged name must not exhaust the stack.
    depth: u32,
}

impl From<LoadError> for Gone {
    fn from(e: LoadError) -> Gone {
        Gone(NameError::Vm(e.to_string()))
    }
}

/// An error on the way.
struct Gone(NameError);

impl From<Gone> for NameError {
    fn from(gone: Gone) -> NameError {
        gone.0
    }
}

const DAMAGED: Gone = Gone(NameError::Damaged);

impl<'n> Rest<'_, 'n> {
    fn byte(&mut self) -> std::result::Result<u8, Gone> {
        let (&first, rest) = self.name.split_first().ok_or(DAMAGED)?;
        self.name = rest;
        Ok(first)
    }

    fn uleb(&mut self) -> std::result::Result<u32, Gone> {
        let (mut n, mut shift) = (0u32, 0);
        loop {
            let byte = self.byte()?;
            let bits = u32::from(byte & 0x7f);
            let moved = bits.checked_shl(shift).filter(|m| m >> shift == bits);
            n |= moved.ok_or(DAMAGED)?;
            if byte < 0x80 {
                return Ok(n);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> std::result::Result<&'n str, Gone> {
        let len = self.uleb()? as usize;
        let (text, rest) = self.name.split_at_checked(len).ok_or(DAMAGED)?;
        self.name = rest;
        std::str::from_utf8(text).map_err(|_| DAMAGED)
    }

    fn types(&mut self) -> std::result::Result<Vec<&'static Type>, Gone> {
        let count = self.uleb()?;
        (0..count).map(|_| self.ty()).collect()
    }

    fn ty(&mut self) -> std::result::Result<&'static Type, Gone> {
        self.depth = self.depth.checked_sub(1).ok_or(DAMAGED)?;
        let ts = types();
        let found = match self.byte()? {
            1 => {
                let module = self.uleb()? as usize;
                let row = self.uleb()?;
                let assembly = self.modules.get(module).ok_or(DAMAGED)?;
                assembly.type_def(row)?
            }
            2 => {
                let def = self.ty()?;
                let args = self.types()?;
                if args.len() != def.generic_arity() {
                    return Err(DAMAGED);
                }
                ts.instantiate(def, &args)?
            }
            3 => ts.sz_array(self.ty()?)?,
            4 => {
                let element = self.ty()?;
                ts.intern(TypeKey::MdArray(element.id, self.uleb()?))?
            }
            5 => ts.intern(TypeKey::Ptr(self.ty()?.id))?,
            6 => ts.by_ref(self.ty()?)?,
            7 => {
                let list = self.types()?;
                ts.intern(TypeKey::FnPtr(list.iter().map(|t| t.id).collect()))?
            }
            8 => ts.intern(TypeKey::Var(self.uleb()?))?,
            9 => ts.intern(TypeKey::MVar(self.uleb()?))?,
            10 => ts.shared_var(self.uleb()?),
            11 => ts.shared_mvar(self.uleb()?),
            12 => {
                let owner = ParamOwner::Type(self.ty()?.id);
                ts.intern(TypeKey::Param(owner, self.uleb()?))?
            }
            13 => {
                let owner = ParamOwner::Method(self.method()?.id);
                ts.intern(TypeKey::Param(owner, self.uleb()?))?
            }
            _ => return Err(DAMAGED),
        };
        self.depth += 1;
        Ok(found)
    }

    /// A method, if there is one.
    fn import(&mut self) -> std::result::Result<Option<&'static Method>, Gone> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.method().map(Some),
            _ => Err(DAMAGED),
        }
    }

    /// What the VM makes between managed and native code, by the kind's tag.
    fn native_method(&mut self, tag: u8) -> std::result::Result<&'static Method, Gone> {
        self.depth = self.depth.checked_sub(1).ok_or(DAMAGED)?;
        let found = match tag {
            10 => {
                let import = self.import()?;
                let fixed = self.uleb()? as usize;
                let params = self.types()?;
                native_calls::method(import, fixed, params, self.ty()?)?
            }
            11 => {
                let import = self.import()?;
                let keeps_error = self.byte()? != 0;
                let function = Function::parse(self.text()?, form::arch()).map_err(|_| DAMAGED)?;
                pinvoke::foreign_method(Foreign {
                    import,
                    function,
                    keeps_error,
                })?
            }
            12 => callbacks::over_pointer(callbacks::class_of(self.ty()?)?)?,
            _ => {
                let class = callbacks::class_of(self.ty()?)?;
                callbacks::between(class, self.import()?)?
            }
        };
        self.depth += 1;
        match self.types()?.is_empty() {
            true => Ok(found),
            false => Err(DAMAGED),
        }
    }

    fn method(&mut self) -> std::result::Result<&'static Method, Gone> {
        let owner = self.ty()?;
        let kind = match self.byte()? {
            1 => MethodKind::Def(self.uleb()?),
            2 => MethodKind::ArrayCtor(self.uleb()?),
            3 => MethodKind::ArrayGet,
            4 => MethodKind::ArraySet,
            5 => MethodKind::ArrayAddress,
            6 => MethodKind::ArrayAddressReadOnly,
            7 => MethodKind::Dispatch(self.uleb()?),
            8 => MethodKind::Synthetic(synth::number(self.text()?).ok_or(DAMAGED)?),
            9 => MethodKind::InvokeAll(self.uleb()?),
            tag @ 10..=13 => return self.native_method(tag),
            _ => return Err(DAMAGED),
        };
        let is_row = matches!(
            kind,
            MethodKind::Def(_) | MethodKind::Dispatch(_) | MethodKind::InvokeAll(_)
        );
        let args = self.types()?;
        if is_row != owner.assembly.is_some() && !matches!(kind, MethodKind::Synthetic(_)) {
            return Err(DAMAGED);
        }
        Ok(types().methods.intern(owner, kind, &args)?)
    }

    fn id(&mut self, kind: IdKind) -> std::result::Result<Id, Gone> {
        Ok(match kind {
            IdKind::Method => Id::Method(self.method()?.id),
            IdKind::Type => Id::Type(self.ty()?.id),
            IdKind::Signature => {
                let mut flag = || Ok::<bool, Gone>(self.byte()? != 0);
                let (has_this, vararg, unmanaged) = (flag()?, flag()?, flag()?);
                let sig = ResolvedSig {
                    has_this,
                    vararg,
                    unmanaged,
                    params: self.types()?,
                    ret: self.ty()?,
                    arity: 0,
                };
                Id::Signature(signatures().id_of(&sig)?)
            }
            IdKind::Literal => {
                let bytes = std::mem::take(&mut self.name);
                let units = bytes
                    .chunks_exact(2)
                    .map(|u| u16::from_le_bytes([u[0], u[1]]));
                Id::Literal(literals().of_text(&units.collect::<Vec<u16>>()))
            }
            IdKind::Raise => {
                let kind = self.byte()?;
                let text = std::str::from_utf8(std::mem::take(&mut self.name));
                let text = text.map_err(|_| DAMAGED)?;
                Id::Raise(match LoadErrorKind::ALL.get(usize::from(kind)) {
                    Some(&kind) => raises().add(LoadError::new(kind, text)),
                    None => raises().system(String::leak(text.to_owned())),
                })
            }
            IdKind::Data => {
                let is_handle = self.byte()? != 0;
                let owner = self.ty()?;
                owner.assembly.ok_or(DAMAGED)?;
                let field = types().field_of(owner, self.uleb()?)?;
                let bit = if is_handle { FIELD_HANDLE_BIT } else { 0 };
                Id::Data(field.id.raw() | bit)
            }
            IdKind::Native => Id::Native(native::function(self.method()?)?),
        })
    }
}

/// How deep types in names may be.
const MAX_DEPTH: u32 = 100;

impl Resolve for Reader<'_> {
    fn read(&self, kind: IdKind, name: &[u8]) -> Result<Id> {
        let mut rest = Rest {
            modules: self.modules,
            name,
            depth: MAX_DEPTH,
        };
        let id = rest.id(kind)?;
        match rest.name.is_empty() {
            true => Ok(id),
            false => Err(NameError::Damaged),
        }
    }
}
