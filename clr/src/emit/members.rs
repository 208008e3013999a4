//! Methods and fields to tokens: rows of this image, references to others, instantiations.

use super::emitter::Emitter;
use super::objects::{Fields, classes, elements, invalid, length};
use super::registry::{BuiltType, Named};
use crate::metadata::sig::{CallConv, MemberSig, MethodSig, Prim, SigType};
use crate::metadata::write::{write_method_sig, write_method_spec};
use crate::metadata::{TableId, Token};
use crate::types::{Field, Method, MethodKind, Type, types};
use crate::vm::cx::Result;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

/// Bit of `MethodAttributes`.
const STATIC: i32 = 0x10;

/// Bits of `CallingConventions`.
const VAR_ARGS: i32 = 0x2;
const HAS_THIS: i32 = 0x20;
const EXPLICIT_THIS: i32 = 0x40;

/// What an object of reflection or of a builder says a method is.
pub enum MethodObject {
    /// A method of the runtime.
    Runtime(&'static Method),
    /// A `MethodBuilder` or `ConstructorBuilder`.
    Builder,
    /// A method of an instantiation, or an instantiated method, with builders in it.
    Instance,
    /// A method of arrays.
    Array,
}

/// Which kind of method object it is.
pub fn method_object(cx: &Cx<'_>, object: Ref) -> Result<MethodObject> {
    let class = Fields::of(cx, object)?.class;
    let (known, all) = (&types().known, classes());
    let is = |t| class.is_assignable_to(t);
    if class == all.method_builder || class == all.constructor_builder {
        Ok(MethodObject::Builder)
    } else if class == all.method_of_instantiation || class == all.constructor_of_instantiation {
        Ok(MethodObject::Instance)
    } else if class == all.array_method {
        Ok(MethodObject::Array)
    } else if is(known.runtime_method_info()) || is(known.runtime_constructor_info()) {
        reflect::method_of(cx, object).map(MethodObject::Runtime)
    } else {
        let text = format!("{} is not a method that can be emitted", class.full_name());
        Err(cx.exception("System", "NotSupportedException", &text))
    }
}

impl Emitter<'_> {
    // ---- methods

    /// The token of a method. `optional`: types of variadic arguments at this call (an array), or null.
    pub fn method_token(&mut self, object: Ref, optional: Ref) -> Result<Token> {
        let cx = self.cx;
        match method_object(cx, object)? {
            MethodObject::Runtime(m) => self.runtime_method_token(m, optional),
            MethodObject::Builder => self.builder_token(object, optional),
            MethodObject::Instance => self.instance_token(object),
            MethodObject::Array => {
                let fields = Fields::of(cx, object)?;
                let class = self.type_token(fields.get("parent")?, false)?;
                let mut sig = self.plain_sig(fields.get("parameters")?, fields.get("ret")?)?;
                sig.has_this = fields.get::<i32>("call_conv")? & HAS_THIS != 0;
                let name = fields.text("name")?;
                Ok(self.member_ref(class, &name, &MemberSig::Method(sig)))
            }
        }
    }

    /// A signature of parameters and result alone.
    fn plain_sig(&mut self, params: Ref, ret: Ref) -> Result<MethodSig> {
        Ok(MethodSig {
            call_conv: CallConv::Managed,
            has_this: false,
            explicit_this: false,
            generic_params: 0,
            ret: self.modified_sig(ret, Ref::NULL, Ref::NULL)?,
            params: self.sigs(params)?,
            sentinel: None,
        })
    }

    /// The signature of a `MethodBuilder` or `ConstructorBuilder`.
    pub fn builder_sig(&mut self, object: Ref) -> Result<MethodSig> {
        let cx = self.cx;
        let fields = Fields::of(cx, object)?;
        let is_method = fields.class == classes().method_builder;
        let conv: i32 = fields.get("call_conv")?;
        let of_method = |name| match is_method {
            true => fields.get::<Ref>(name),
            false => Ok(Ref::NULL),
        };
        let ret = self.modified_sig(
            of_method("rtype")?,
            of_method("returnModReq")?,
            of_method("returnModOpt")?,
        )?;
        let generic: Ref = of_method("generic_params")?;
        Ok(MethodSig {
            call_conv: match conv & VAR_ARGS != 0 {
                true => CallConv::VarArg,
                false => CallConv::Managed,
            },
            has_this: fields.get::<i32>("attrs")? & STATIC == 0,
            explicit_this: conv & EXPLICIT_THIS != 0,
            generic_params: length(cx, generic) as u32,
            ret,
            params: self.modified_sigs(
                fields.get("parameters")?,
                fields.get("paramModReq")?,
                fields.get("paramModOpt")?,
            )?,
            sentinel: None,
        })
    }

    /// Types with lists of modifiers for each.
    pub fn modified_sigs(
        &mut self,
        list: Ref,
        required: Ref,
        optional: Ref,
    ) -> Result<Vec<SigType>> {
        let cx = self.cx;
        let at = |lists: Ref, i| match i < length(cx, lists) {
            true => cx.element(lists, i),
            false => Ref::NULL,
        };
        elements(cx, list)
            .map(|(i, ty)| self.modified_sig(ty, at(required, i), at(optional, i)))
            .collect()
    }

    fn builder_token(&mut self, object: Ref, optional: Ref) -> Result<Token> {
        let cx = self.cx;
        let fields = Fields::of(cx, object)?;
        let owner = BuiltType::of(cx, fields.get("type")?)?;
        let index: i32 = fields.get("table_idx")?;
        let here = self
            .local
            .get(&Named::Built(owner).key())
            .and_then(|local| local.methods.get(&index))
            .map(|&rid| Token::new(TableId::MethodDef, rid));
        let mut sig = self.builder_sig(object)?;
        match here {
            Some(token) if optional.is_null() => Ok(token),
            here => {
                let name = match fields.class == classes().method_builder {
                    true => fields.text("name")?,
                    false => constructor_name(fields.get::<i32>("attrs")?).to_owned(),
                };
                let class = match here {
                    Some(method) => method,
                    None => self.type_token(owner.builder(), true)?,
                };
                self.add_optional(&mut sig, optional)?;
                Ok(self.member_ref(class, &name, &MemberSig::Method(sig)))
            }
        }
    }

    fn add_optional(&mut self, sig: &mut MethodSig, optional: Ref) -> Result<()> {
        if optional.is_null() {
            return Ok(());
        }
        sig.sentinel = Some(sig.params.len() as u32);
        sig.params.extend(self.sigs(optional)?);
        Ok(())
    }

    /// `MethodOnTypeBuilderInst`, `ConstructorOnTypeBuilderInst`.
    fn instance_token(&mut self, object: Ref) -> Result<Token> {
        let cx = self.cx;
        let fields = Fields::of(cx, object)?;
        let is_method = fields.class == classes().method_of_instantiation;
        let base: Ref = fields.get(if is_method { "base_method" } else { "cb" })?;
        let owner: Ref = fields.get("instantiation")?;
        let token = if Fields::of(cx, owner)?.class == classes().instantiation {
            let class = self.type_token(owner, false)?;
            let (name, sig) = self.declared(base)?;
            self.member_ref(class, &name, &MemberSig::Method(sig))
        } else {
            self.method_token(base, Ref::NULL)?
        };
        let args: Ref = match is_method {
            true => fields.get("method_arguments")?,
            false => Ref::NULL,
        };
        match args {
            Ref::NULL => Ok(token),
            args => {
                let args = self.sigs(args)?;
                Ok(self.method_spec(token, &args))
            }
        }
    }

    /// Name and signature of a method as its definition has them.
    fn declared(&mut self, object: Ref) -> Result<(String, MethodSig)> {
        let cx = self.cx;
        match method_object(cx, object)? {
            MethodObject::Builder => {
                let fields = Fields::of(cx, object)?;
                let name = match fields.class == classes().method_builder {
                    true => fields.text("name")?,
                    false => constructor_name(fields.get::<i32>("attrs")?).to_owned(),
                };
                Ok((name, self.builder_sig(object)?))
            }
            MethodObject::Runtime(m) => Ok((m.name.to_owned(), self.runtime_sig_of(m)?)),
            MethodObject::Instance => {
                let fields = Fields::of(cx, object)?;
                let is_method = fields.class == classes().method_of_instantiation;
                self.declared(fields.get(if is_method { "base_method" } else { "cb" })?)
            }
            MethodObject::Array => Err(invalid(cx, "a method of arrays in an instantiation")),
        }
    }

    fn method_spec(&mut self, method: Token, args: &[SigType]) -> Token {
        let blob = self.blob(|out| write_method_spec(out, args));
        self.row(TableId::MethodSpec, &[method.raw(), blob])
    }

    /// The signature of a method of the runtime, over the parameters of its definition.
    fn runtime_sig_of(&mut self, m: &'static Method) -> Result<MethodSig> {
        if let (Some(rid), Some(a)) = (m.rid(), m.assembly()) {
            let row = self.thrown(a.image.method_def(rid))?;
            let sig = self.thrown(row.sig())?;
            return self.import_method(&sig, a);
        }
        let sig = self.thrown(m.sig())?;
        let params = sig.params.iter().map(|t| self.runtime_sig(t));
        let mut params = params.collect::<Result<Vec<_>>>()?;
        let mut ret = self.runtime_sig(sig.ret)?;
        // Methods of arrays are over the type of the array, whose element is written in it.
        if m.kind == MethodKind::ArrayAddress
            && let SigType::ByRef(_) = ret
        {
            params.truncate(m.owner.rank() as usize);
        } else if m.is_ctor() {
            ret = SigType::Prim(Prim::Void);
        }
        Ok(MethodSig {
            call_conv: CallConv::Managed,
            has_this: sig.has_this,
            explicit_this: false,
            generic_params: 0,
            ret,
            params,
            sentinel: None,
        })
    }

    /// The token of a method of the runtime.
    pub fn runtime_method_token(&mut self, m: &'static Method, optional: Ref) -> Result<Token> {
        let mut token = None;
        if let (Some(rid), true) = (m.rid(), optional.is_null()) {
            token = self.local_row(m.owner, rid, true);
        }
        let token = match token {
            Some(token) => token,
            None => {
                let mut sig = self.runtime_sig_of(m)?;
                self.add_optional(&mut sig, optional)?;
                let class = self.runtime_type_token(m.owner, false)?;
                self.member_ref(class, m.name, &MemberSig::Method(sig))
            }
        };
        if m.args.is_empty() {
            return Ok(token);
        }
        let args = m.args.iter().map(|t| self.runtime_sig(t));
        let args = args.collect::<Result<Vec<_>>>()?;
        Ok(self.method_spec(token, &args))
    }

    /// The row in this image of a member of a created type: row `rid` of its piece.
    fn local_row(&self, owner: &'static Type, rid: u32, is_method: bool) -> Option<Token> {
        let Named::Built(built) = Named::definition(owner) else {
            return None;
        };
        // Members of an instantiation are named with it.
        if built.created.get().copied() != Some(owner) {
            return None;
        }
        let local = self.local.get(&Named::Built(built).key())?;
        Some(match is_method {
            true => Token::new(TableId::MethodDef, local.first.0 + rid - 1),
            false => Token::new(TableId::Field, local.first.1 + rid - 1),
        })
    }

    // ---- fields

    /// The token of a field.
    pub fn field_token(&mut self, object: Ref) -> Result<Token> {
        let cx = self.cx;
        let fields = Fields::of(cx, object)?;
        let all = classes();
        if fields.class == all.field_builder {
            let owner = BuiltType::of(cx, fields.get("typeb")?)?;
            if let Some(rid) = self.local_field(owner, object)? {
                return Ok(Token::new(TableId::Field, rid));
            }
            let class = self.type_token(owner.builder(), true)?;
            let sig = self.field_sig(object)?;
            return Ok(self.member_ref(class, &fields.text("name")?, &MemberSig::Field(sig)));
        }
        if fields.class == all.field_of_instantiation {
            let class = self.type_token(fields.get("instantiation")?, false)?;
            let base: Ref = fields.get("fb")?;
            let (name, sig) = match Fields::of(cx, base)? {
                f if f.class == all.field_builder => (f.text("name")?, self.field_sig(base)?),
                _ => {
                    let (field, _) = reflect::field_of(cx, base)?;
                    (field.name.to_owned(), self.runtime_field_sig(field)?)
                }
            };
            return Ok(self.member_ref(class, &name, &MemberSig::Field(sig)));
        }
        let (field, _) = reflect::field_of(cx, object)?;
        if let Some(token) = self.local_row(field.owner, field.rid, false) {
            return Ok(token);
        }
        let class = self.runtime_type_token(field.owner, false)?;
        let sig = self.runtime_field_sig(field)?;
        Ok(self.member_ref(class, field.name, &MemberSig::Field(sig)))
    }

    /// The row of a `FieldBuilder` in this image.
    fn local_field(&self, owner: &'static BuiltType, object: Ref) -> Result<Option<u32>> {
        let cx = self.cx;
        let Some(local) = self.local.get(&Named::Built(owner).key()) else {
            return Ok(None);
        };
        let name = Fields::of(cx, object)?.text("name")?;
        let list: Ref = Fields::of(cx, owner.builder())?.get("fields")?;
        let rows = local.fields.get(&name).map_or(&[][..], |rows| rows);
        let is_it = |rid: &&u32| cx.element(list, (**rid - local.first.1) as usize) == object;
        Ok(rows.iter().find(is_it).copied())
    }

    /// The type of a `FieldBuilder`.
    pub fn field_sig(&mut self, object: Ref) -> Result<SigType> {
        let fields = Fields::of(self.cx, object)?;
        self.modified_sig(
            fields.get("type")?,
            fields.get("modReq")?,
            fields.get("modOpt")?,
        )
    }

    fn runtime_field_sig(&mut self, field: &'static Field) -> Result<SigType> {
        let Some(a) = field.owner.assembly else {
            return Err(invalid(self.cx, "a field of no assembly"));
        };
        let row = self.thrown(a.image.field(field.rid))?;
        let sig = self.thrown(row.sig())?;
        self.import(&sig, a)
    }

    // ---- signatures of calls

    /// The token of a `SignatureHelper` for `calli`.
    pub fn signature_token(&mut self, helper: Ref) -> Result<Token> {
        let fields = Fields::of(self.cx, helper)?;
        let mut sig = self.plain_sig(fields.get("arguments")?, fields.get("returnType")?)?;
        let convention: i32 = fields.get("callConv")?;
        sig.has_this = convention & HAS_THIS != 0;
        sig.explicit_this = convention & EXPLICIT_THIS != 0;
        // `CallingConvention` of unmanaged code; 0 is managed.
        sig.call_conv = match fields.get::<i32>("unmanagedCallConv")? {
            0 if convention & VAR_ARGS != 0 => CallConv::VarArg,
            0 => CallConv::Managed,
            1 | 2 => CallConv::Cdecl,
            3 => CallConv::StdCall,
            4 => CallConv::ThisCall,
            _ => CallConv::FastCall,
        };
        let blob = self.blob(|out| write_method_sig(out, &sig));
        Ok(self.row(TableId::StandAloneSig, &[blob]))
    }
}

/// Name of a `ConstructorBuilder`.
pub fn constructor_name(attributes: i32) -> &'static str {
    if attributes & STATIC != 0 {
        ".cctor"
    } else {
        ".ctor"
    }
}
