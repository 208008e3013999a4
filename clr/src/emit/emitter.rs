//! The emitter: metadata under construction, and types to tokens and signatures.

use super::objects::{TypeShape, builds_value, elements, shape};
use super::registry::{BuiltModule, BuiltType, Named};
use crate::icalls::public_key_token;
use crate::metadata::sig::{
    ArrayType, CallConv, GenericInst, LocalVar, MemberSig, MethodSig, Modified, SigType,
};
use crate::metadata::write::{Metadata, Out, write_type};
use crate::metadata::{TableId, Token};
use crate::types::generics::Scope;
use crate::types::system::Assembly;
use crate::types::{LoadError, Type, TypeKey};
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use rustc_hash::FxHashMap;

/// A type whose rows are in this image.
pub struct Local {
    /// Its TypeDef.
    pub token: Token,
    /// Rows of its methods by their number in the builder (`table_idx`), in order.
    pub methods: FxHashMap<i32, u32>,
    /// Row of its first method and of its first field.
    pub first: (u32, u32),
    /// Rows of its fields by name.
    pub fields: FxHashMap<String, Vec<u32>>,
}

/// Makes the metadata of a piece or of a whole module.
pub struct Emitter<'a> {
    /// The VM.
    pub cx: &'a Cx<'a>,
    /// The module whose tokens code uses; none where there is no code.
    pub module: Option<&'static BuiltModule>,
    /// References are by name, for a file.
    pub saving: bool,
    /// Heaps and rows.
    pub out: Metadata,
    /// Code and data.
    pub text: Out,
    /// The types that are in this image, by [`Named::key`].
    pub local: FxHashMap<usize, Local>,
    /// What TypeRef rows mean.
    pub type_refs: Vec<Named>,
    /// TypeRef rows by [`Named::key`].
    named: FxHashMap<usize, Token>,
    /// Rows that exist once for each content.
    rows: FxHashMap<(TableId, Vec<u32>), Token>,
    /// Whose generic parameters come when all types are defined: their table is in the order of owners. A type, or a method by its
    /// index among the builder's methods.
    pub generic: Vec<(Token, &'static BuiltType, Option<usize>)>,
}

impl<'a> Emitter<'a> {
    /// An empty image.
    pub fn new(cx: &'a Cx<'a>, module: Option<&'static BuiltModule>, saving: bool) -> Emitter<'a> {
        Emitter {
            cx,
            module,
            saving,
            out: Metadata::default(),
            text: Out::default(),
            local: FxHashMap::default(),
            type_refs: Vec::new(),
            named: FxHashMap::default(),
            rows: FxHashMap::default(),
            generic: Vec::new(),
        }
    }

    /// A load error as an exception.
    pub fn thrown<T>(&self, result: std::result::Result<T, impl Into<LoadError>>) -> Result<T> {
        result.map_err(|e| self.cx.load_error(&e.into()))
    }

    /// The row with this content: an equal one if there is one.
    pub fn row(&mut self, table: TableId, cells: &[u32]) -> Token {
        if let Some(&token) = self.rows.get(&(table, cells.to_vec())) {
            return token;
        }
        let token = self.out.add(table, cells);
        self.rows.insert((table, cells.to_vec()), token);
        token
    }

    /// Offset of a name.
    pub fn string(&mut self, text: &str) -> u32 {
        self.out.heaps.string(text)
    }

    /// Offset of what a writer writes as a blob.
    pub fn blob(&mut self, write: impl FnOnce(&mut Out)) -> u32 {
        let mut out = Out::default();
        write(&mut out);
        self.out.heaps.blob(out.as_bytes())
    }

    // ---- types by token

    /// TypeDef or TypeRef of a definition.
    pub fn named(&mut self, named: Named) -> Result<Token> {
        let key = named.key();
        if let Some(local) = self.local.get(&key) {
            return Ok(local.token);
        }
        if let Some(&token) = self.named.get(&key) {
            return Ok(token);
        }
        let (namespace, name) = match named {
            Named::Runtime(t) => (t.namespace().to_owned(), t.name().to_owned()),
            Named::Built(t) => t.name.clone(),
        };
        let scope = if self.saving {
            self.scope_of(named)?
        } else {
            Token::NIL
        };
        let (namespace, name) = (self.string(&namespace), self.string(&name));
        let token = self
            .out
            .add(TableId::TypeRef, &[scope.raw(), name, namespace]);
        self.type_refs.push(named);
        self.named.insert(key, token);
        Ok(token)
    }

    /// Where a file finds a type: in an enclosing type, in another module of its assembly, in another assembly.
    fn scope_of(&mut self, named: Named) -> Result<Token> {
        match named {
            Named::Runtime(t) => {
                if let Some(outer) = t.enclosing() {
                    return self.named(Named::definition(outer));
                }
                match t.assembly {
                    Some(a) => self.assembly_ref(a.main()),
                    None => Ok(Token::NIL),
                }
            }
            Named::Built(t) => {
                if let Some(outer) = t.enclosing {
                    return self.named(Named::Built(outer));
                }
                let home = t.module.root;
                if self.module.is_some_and(|m| m.root.main() == home.main()) {
                    let file = home.path.file_name().unwrap_or_default();
                    return Ok(self.module_ref(&file.to_string_lossy()));
                }
                self.assembly_ref(home.main())
            }
        }
    }

    /// The ModuleRef of a file or native library.
    pub fn module_ref(&mut self, name: &str) -> Token {
        let name = self.string(name);
        self.row(TableId::ModuleRef, &[name])
    }

    /// The AssemblyRef of an assembly.
    pub fn assembly_ref(&mut self, a: &'static Assembly) -> Result<Token> {
        let name = self.string(&a.name);
        let Some(row) = a.image.assembly() else {
            return Ok(self.row(TableId::AssemblyRef, &[0, 0, 0, 0, 0, 0, name, 0, 0]));
        };
        let key = public_key_token(row.public_key().unwrap_or(&[]));
        let key = key.map_or(0, |k| self.out.heaps.blob(&k));
        let culture = self.string(row.culture().unwrap_or(""));
        let version = [row.major(), row.minor(), row.build(), row.revision()].map(u32::from);
        let [major, minor, build, revision] = version;
        let cells = [major, minor, build, revision, 0, key, name, culture, 0];
        Ok(self.row(TableId::AssemblyRef, &cells))
    }

    /// TypeDef, TypeRef or TypeSpec of a type. `open`: a generic definition stands for its instantiation over its own parameters.
    pub fn type_token(&mut self, object: Ref, open: bool) -> Result<Token> {
        let named = match shape(self.cx, object)? {
            TypeShape::Runtime(t) => return self.runtime_type_token(t, open),
            TypeShape::Builder(b) => Named::Built(BuiltType::of(self.cx, b)?),
            _ => {
                let sig = self.sig(object)?;
                return Ok(self.type_spec(&sig));
            }
        };
        let token = self.named(named)?;
        match self.arity(named)? {
            arity if open && arity > 0 => Ok(self.own_instantiation(named, token, arity)?),
            _ => Ok(token),
        }
    }

    /// As [`Self::type_token`], of a type of the runtime.
    pub fn runtime_type_token(&mut self, ty: &'static Type, open: bool) -> Result<Token> {
        if !matches!(ty.key, TypeKey::Def(..)) {
            let sig = self.runtime_sig(ty)?;
            return Ok(self.type_spec(&sig));
        }
        let named = Named::definition(ty);
        let token = self.named(named)?;
        match ty.generic_arity() as u32 {
            arity if open && arity > 0 => self.own_instantiation(named, token, arity),
            _ => Ok(token),
        }
    }

    /// Number of generic parameters of a definition.
    pub fn arity(&self, named: Named) -> Result<u32> {
        match named {
            Named::Runtime(t) => Ok(t.generic_arity() as u32),
            Named::Built(t) => {
                let fields = super::objects::Fields::of(self.cx, t.builder())?;
                let params: Ref = fields.get("generic_params")?;
                Ok(super::objects::length(self.cx, params) as u32)
            }
        }
    }

    /// TypeSpec of a definition over its own parameters.
    fn own_instantiation(&mut self, named: Named, definition: Token, arity: u32) -> Result<Token> {
        let is_value_type = self.is_value(named)?;
        let args = (0..arity).map(SigType::Var).collect();
        let inst = GenericInst {
            is_value_type,
            definition,
            args,
        };
        Ok(self.type_spec(&SigType::GenericInst(Box::new(inst))))
    }

    fn is_value(&self, named: Named) -> Result<bool> {
        match named {
            Named::Runtime(t) => Ok(t.is_value()),
            Named::Built(t) => builds_value(self.cx, t.builder()),
        }
    }

    /// TypeSpec of a signature.
    pub fn type_spec(&mut self, sig: &SigType) -> Token {
        let blob = self.blob(|out| write_type(out, sig));
        self.row(TableId::TypeSpec, &[blob])
    }

    // ---- types in signatures

    /// A definition in a signature.
    fn sig_of_named(&mut self, named: Named) -> Result<SigType> {
        let token = self.named(named)?;
        Ok(if self.is_value(named)? {
            SigType::ValueType(token)
        } else {
            SigType::Class(token)
        })
    }

    /// The type of a `Type` object.
    pub fn sig(&mut self, object: Ref) -> Result<SigType> {
        Ok(match shape(self.cx, object)? {
            TypeShape::Runtime(t) => self.runtime_sig(t)?,
            TypeShape::Builder(b) => self.sig_of_named(Named::Built(BuiltType::of(self.cx, b)?))?,
            TypeShape::Var(n) => SigType::Var(n),
            TypeShape::MVar(n) => SigType::MVar(n),
            TypeShape::Instance(definition, args) => {
                let named = match shape(self.cx, definition)? {
                    TypeShape::Runtime(t) => Named::definition(t.definition()),
                    TypeShape::Builder(b) => Named::Built(BuiltType::of(self.cx, b)?),
                    _ => {
                        let text = "an instantiation of something that is no definition";
                        return Err(super::objects::invalid(self.cx, text));
                    }
                };
                let inst = GenericInst {
                    is_value_type: self.is_value(named)?,
                    definition: self.named(named)?,
                    args: self.sigs(args)?,
                };
                SigType::GenericInst(Box::new(inst))
            }
            TypeShape::SzArray(t) => SigType::SzArray(Box::new(self.sig(t)?)),
            TypeShape::Array(t, rank) => array(self.sig(t)?, rank),
            TypeShape::ByRef(t) => SigType::ByRef(Box::new(self.sig(t)?)),
            TypeShape::Pointer(t) => SigType::Ptr(Box::new(self.sig(t)?)),
        })
    }

    /// The types of an array of `Type` objects.
    pub fn sigs(&mut self, array: Ref) -> Result<Vec<SigType>> {
        let cx = self.cx;
        elements(cx, array)
            .map(|(_, object)| self.sig(object))
            .collect()
    }

    /// A type with modifiers: arrays of `Type` objects, or null.
    pub fn modified_sig(&mut self, ty: Ref, required: Ref, optional: Ref) -> Result<SigType> {
        let mut sig = match ty {
            Ref::NULL => SigType::Prim(crate::metadata::sig::Prim::Void),
            ty => self.sig(ty)?,
        };
        let cx = self.cx;
        for (list, required) in [(optional, false), (required, true)] {
            for (_, modifier) in elements(cx, list) {
                sig = SigType::Modified(Box::new(Modified {
                    required,
                    modifier: self.type_token(modifier, false)?,
                    ty: sig,
                }));
            }
        }
        Ok(sig)
    }

    /// A type of the runtime.
    pub fn runtime_sig(&mut self, ty: &'static Type) -> Result<SigType> {
        use crate::types::types;
        if let Some(prim) = ty.prim {
            return Ok(SigType::Prim(prim));
        }
        let part = |id| types().ty(id);
        Ok(match &ty.key {
            TypeKey::Def(..) => self.sig_of_named(Named::definition(ty))?,
            TypeKey::Inst(definition, _) => {
                let named = Named::definition(part(*definition));
                let args = ty.args.iter().map(|t| self.runtime_sig(t));
                let args = args.collect::<Result<_>>()?;
                SigType::GenericInst(Box::new(GenericInst {
                    is_value_type: ty.is_value(),
                    definition: self.named(named)?,
                    args,
                }))
            }
            TypeKey::SzArray(e) => SigType::SzArray(Box::new(self.runtime_sig(part(*e))?)),
            TypeKey::MdArray(e, rank) => array(self.runtime_sig(part(*e))?, *rank),
            TypeKey::Ptr(e) => SigType::Ptr(Box::new(self.runtime_sig(part(*e))?)),
            TypeKey::ByRef(e) => SigType::ByRef(Box::new(self.runtime_sig(part(*e))?)),
            TypeKey::FnPtr(parts) => {
                let parts = parts.iter().map(|&t| self.runtime_sig(part(t)));
                let mut params: Vec<SigType> = parts.collect::<Result<_>>()?;
                let ret = params
                    .pop()
                    .unwrap_or(SigType::Prim(crate::metadata::sig::Prim::Void));
                SigType::FnPtr(Box::new(MethodSig {
                    call_conv: CallConv::Managed,
                    has_this: false,
                    explicit_this: false,
                    generic_params: 0,
                    ret,
                    params,
                    sentinel: None,
                }))
            }
            TypeKey::Var(n) | TypeKey::SharedVar(n) => SigType::Var(*n),
            TypeKey::MVar(n) | TypeKey::SharedMVar(n) => SigType::MVar(*n),
            TypeKey::Param(owner, n) => match owner {
                crate::types::params::ParamOwner::Type(_) => SigType::Var(*n),
                crate::types::params::ParamOwner::Method(_) => SigType::MVar(*n),
            },
        })
    }

    // ---- signatures of other images

    /// A type as it is written in another image.
    pub fn import(&mut self, sig: &SigType, from: &'static Assembly) -> Result<SigType> {
        let boxed = |s: &mut Self, t: &SigType| s.import(t, from).map(Box::new);
        Ok(match sig {
            SigType::Prim(_) | SigType::Var(_) | SigType::MVar(_) => sig.clone(),
            SigType::Class(t) | SigType::ValueType(t) => {
                let ty = self.thrown(from.resolve_type(*t, Scope::EMPTY))?;
                let token = self.named(Named::definition(ty))?;
                match sig {
                    SigType::Class(_) => SigType::Class(token),
                    _ => SigType::ValueType(token),
                }
            }
            SigType::Ptr(t) => SigType::Ptr(boxed(self, t)?),
            SigType::ByRef(t) => SigType::ByRef(boxed(self, t)?),
            SigType::SzArray(t) => SigType::SzArray(boxed(self, t)?),
            SigType::Array(a) => SigType::Array(Box::new(ArrayType {
                element: self.import(&a.element, from)?,
                ..(**a).clone()
            })),
            SigType::GenericInst(inst) => {
                let ty = self.thrown(from.resolve_type(inst.definition, Scope::EMPTY))?;
                SigType::GenericInst(Box::new(GenericInst {
                    is_value_type: inst.is_value_type,
                    definition: self.named(Named::definition(ty))?,
                    args: self.import_all(&inst.args, from)?,
                }))
            }
            SigType::FnPtr(m) => SigType::FnPtr(Box::new(self.import_method(m, from)?)),
            SigType::Modified(m) => {
                let ty = self.thrown(from.resolve_type(m.modifier, Scope::EMPTY))?;
                SigType::Modified(Box::new(Modified {
                    required: m.required,
                    modifier: self.runtime_type_token(ty, false)?,
                    ty: self.import(&m.ty, from)?,
                }))
            }
        })
    }

    fn import_all(&mut self, list: &[SigType], from: &'static Assembly) -> Result<Vec<SigType>> {
        list.iter().map(|t| self.import(t, from)).collect()
    }

    /// A method signature as it is written in another image.
    pub fn import_method(&mut self, sig: &MethodSig, from: &'static Assembly) -> Result<MethodSig> {
        Ok(MethodSig {
            ret: self.import(&sig.ret, from)?,
            params: self.import_all(&sig.params, from)?,
            ..sig.clone()
        })
    }

    /// The row of a member that is elsewhere.
    pub fn member_ref(&mut self, class: Token, name: &str, sig: &MemberSig) -> Token {
        use crate::metadata::write::{write_field_sig, write_method_sig};
        let name = self.string(name);
        let blob = self.blob(|out| match sig {
            MemberSig::Field(ty) => write_field_sig(out, ty),
            MemberSig::Method(sig) => write_method_sig(out, sig),
        });
        self.row(TableId::MemberRef, &[class.raw(), name, blob])
    }

    /// The row of the types of locals; nil for none.
    pub fn locals_token(&mut self, locals: &[LocalVar]) -> Token {
        if locals.is_empty() {
            return Token::NIL;
        }
        let blob = self.blob(|out| crate::metadata::write::write_locals(out, locals));
        self.row(TableId::StandAloneSig, &[blob])
    }
}

fn array(element: SigType, rank: u32) -> SigType {
    SigType::Array(Box::new(ArrayType {
        element,
        rank,
        sizes: Vec::new(),
        lower_bounds: Vec::new(),
    }))
}
