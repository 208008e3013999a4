//! Rows of types and their members, from builders.
//!
//! Two passes over the types of an image: [`Emitter::declare`] numbers them and their members, so that code and signatures may refer to
//! any of them; [`Emitter::define`] writes the rows in the same order. [`Emitter::define_generics`] comes last.

use super::emitter::{Emitter, Local};
use super::members::constructor_name;
use super::objects::{Fields, classes, elements, length};
use super::registry::{BuiltType, Named};
use crate::metadata::sig::PropertySig;
use crate::metadata::write::{TEXT_DATA, write_field_sig, write_method_sig, write_property_sig};
use crate::metadata::{
    CodedIndex, FieldAttributes, ParamAttributes, PropertyAttributes, TableId, Token,
    TypeAttributes,
};
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use rustc_hash::FxHashMap;

/// Where a method's builder is: in the array of methods or of constructors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MethodPlace {
    is_constructor: bool,
    index: usize,
}

impl MethodPlace {
    /// The builder.
    pub fn builder(self, cx: &Cx<'_>, ty: &Fields<'_>) -> Result<Ref> {
        let list: Ref = ty.get(if self.is_constructor {
            "ctors"
        } else {
            "methods"
        })?;
        Ok(cx.element(list, self.index))
    }
}

/// The methods and constructors of a `TypeBuilder` in the order in which they were defined.
pub fn methods_of(cx: &Cx<'_>, ty: &Fields<'_>) -> Result<Vec<MethodPlace>> {
    let mut found = Vec::new();
    for is_constructor in [false, true] {
        let list: Ref = ty.get(if is_constructor { "ctors" } else { "methods" })?;
        for (index, builder) in elements(cx, list) {
            let number: i32 = Fields::of(cx, builder)?.get("table_idx")?;
            let place = MethodPlace {
                is_constructor,
                index,
            };
            found.push((number, place));
        }
    }
    found.sort_by_key(|f| f.0);
    Ok(found.into_iter().map(|f| f.1).collect())
}

impl Emitter<'_> {
    /// Gives types and their members their rows, in this order.
    pub fn declare(&mut self, list: &[&'static BuiltType]) -> Result<()> {
        let cx = self.cx;
        let rows = self.out.next(TableId::TypeDef)..;
        let mut method = self.out.next(TableId::MethodDef);
        let mut field = self.out.next(TableId::Field);
        for (row, &ty) in rows.zip(list) {
            let builder = ty.builder();
            let fields = Fields::of(cx, builder)?;
            let first = (method, field);
            let mut methods = FxHashMap::default();
            for place in methods_of(cx, &fields)? {
                let number = Fields::of(cx, place.builder(cx, &fields)?)?.get("table_idx")?;
                methods.insert(number, method);
                method += 1;
            }
            let mut names: FxHashMap<String, Vec<u32>> = FxHashMap::default();
            let list: Ref = fields.get("fields")?;
            for (_, builder) in elements(cx, list) {
                let name = Fields::of(cx, builder)?.text("name")?;
                names.entry(name).or_default().push(field);
                field += 1;
            }
            let local = Local {
                token: Token::new(TableId::TypeDef, row),
                methods,
                first,
                fields: names,
            };
            self.local.insert(Named::Built(ty).key(), local);
        }
        Ok(())
    }

    /// The rows of a declared type.
    pub fn define(&mut self, ty: &'static BuiltType) -> Result<()> {
        let cx = self.cx;
        let builder = ty.builder();
        let fields = Fields::of(cx, builder)?;
        let (token, first) = match self.local.get(&Named::Built(ty).key()) {
            Some(local) => (local.token, local.first),
            None => return Ok(()),
        };
        let attrs: u32 = fields.get("attrs")?;
        let parent =
            match TypeAttributes::from_bits_retain(attrs).contains(TypeAttributes::INTERFACE) {
                true => 0,
                false => self.type_row(fields.get("parent")?)?,
            };
        let namespace = self.string(&ty.name.0);
        let name = self.string(&ty.name.1);
        let cells = [attrs, name, namespace, parent, first.1, first.0];
        self.out.add(TableId::TypeDef, &cells);

        let list: Ref = fields.get("interfaces")?;
        for (_, interface) in elements(cx, list) {
            let interface = self.type_row(interface)?;
            self.out
                .add(TableId::InterfaceImpl, &[token.rid(), interface]);
        }
        let (size, packing) = (
            fields.get::<i32>("class_size")?,
            fields.get::<i32>("packing_size")?,
        );
        let layout = TypeAttributes::SEQUENTIAL_LAYOUT | TypeAttributes::EXPLICIT_LAYOUT;
        if attrs & layout.bits() != 0 && (size > 0 || packing > 0) {
            let cells = [packing as u32, size as u32, token.rid()];
            self.out.add(TableId::ClassLayout, &cells);
        }
        if self.saving
            && let Some(outer) = ty.enclosing
            && let Some(outer) = self.local.get(&Named::Built(outer).key())
        {
            let cells = [token.rid(), outer.token.rid()];
            self.out.add(TableId::NestedClass, &cells);
        }
        let list: Ref = fields.get("generic_params")?;
        if length(cx, list) != 0 {
            self.generic.push((token, ty, None));
        }
        let list: Ref = fields.get("fields")?;
        for (_, field) in elements(cx, list) {
            self.field(field)?;
        }
        for place in methods_of(cx, &fields)? {
            let method = place.builder(cx, &fields)?;
            let row = self.method(method)?;
            let generic: Ref = match place.is_constructor {
                true => Ref::NULL,
                false => Fields::of(cx, method)?.get("generic_params")?,
            };
            if length(cx, generic) != 0 {
                self.generic.push((row, ty, Some(place.index)));
            }
        }
        self.overrides(token, &fields)?;
        self.properties(token, &fields)?;
        self.events(token, &fields)?;
        self.attributes(token, fields.get("cattrs")?)?;
        self.permissions(token, fields.get("permissions")?)
    }

    fn field(&mut self, builder: Ref) -> Result<()> {
        let cx = self.cx;
        let fields = Fields::of(cx, builder)?;
        let mut attrs = FieldAttributes::from_bits_retain(fields.get::<i32>("attrs")? as u16);
        let sig = self.field_sig(builder)?;
        let blob = self.blob(|out| write_field_sig(out, &sig));
        let name = self.string(&fields.text("name")?);
        let default: Ref = fields.get("def_value")?;
        let marshal: Ref = fields.get("marshal_info")?;
        let data = fields.bytes("rva_data")?;
        // A constant that is null is told from none by the attribute, which `SetConstant` sets.
        let constant = !default.is_null() || attrs.contains(FieldAttributes::HAS_DEFAULT);
        attrs.set(FieldAttributes::HAS_DEFAULT, constant);
        attrs.set(FieldAttributes::HAS_FIELD_MARSHAL, !marshal.is_null());
        attrs.set(FieldAttributes::HAS_FIELD_RVA, data.is_some());
        let row = [u32::from(attrs.bits()), name, blob];
        let token = self.out.add(TableId::Field, &row);
        if constant {
            self.constant(token, default)?;
        }
        if !marshal.is_null() {
            self.marshal(token, marshal)?;
        }
        let offset: i32 = fields.get("offset")?;
        if offset >= 0 {
            let cells = [offset as u32, token.rid()];
            self.out.add(TableId::FieldLayout, &cells);
        }
        if let Some(data) = data {
            self.text.align(8);
            let rva = TEXT_DATA + self.text.len() as u32;
            self.text.bytes(&data);
            self.out.add(TableId::FieldRva, &[rva, token.rid()]);
        }
        self.attributes(token, fields.get("cattrs")?)
    }

    fn method(&mut self, builder: Ref) -> Result<Token> {
        let cx = self.cx;
        let fields = Fields::of(cx, builder)?;
        let is_method = fields.class == classes().method_builder;
        let (attrs, iattrs) = (fields.get::<i32>("attrs")?, fields.get::<i32>("iattrs")?);
        let name = match is_method {
            true => fields.text("name")?,
            false => constructor_name(attrs).to_owned(),
        };
        let sig = self.builder_sig(builder)?;
        let blob = self.blob(|out| write_method_sig(out, &sig));
        let rva = self.body(builder)?;
        let text = self.string(&name);
        let params = self.out.next(TableId::Param);
        let cells = [rva, iattrs as u32, attrs as u32, text, blob, params];
        let token = self.out.add(TableId::MethodDef, &cells);
        let list: Ref = fields.get("pinfo")?;
        for (position, parameter) in elements(cx, list) {
            self.parameter(position, parameter)?;
        }
        if is_method {
            self.import_map(token, &fields, &name)?;
        }
        self.attributes(token, fields.get("cattrs")?)?;
        self.permissions(token, fields.get("permissions")?)?;
        Ok(token)
    }

    fn parameter(&mut self, position: usize, builder: Ref) -> Result<()> {
        let fields = Fields::of(self.cx, builder)?;
        let mut attrs = ParamAttributes::from_bits_retain(fields.get::<i32>("attrs")? as u16);
        let default: Ref = fields.get("def_value")?;
        let marshal: Ref = fields.get("marshal_info")?;
        let constant = !default.is_null() || attrs.contains(ParamAttributes::HAS_DEFAULT);
        attrs.set(ParamAttributes::HAS_DEFAULT, constant);
        attrs.set(ParamAttributes::HAS_FIELD_MARSHAL, !marshal.is_null());
        let name = self.string(&fields.text("name")?);
        let cells = [u32::from(attrs.bits()), position as u32, name];
        let token = self.out.add(TableId::Param, &cells);
        if constant {
            self.constant(token, default)?;
        }
        if !marshal.is_null() {
            self.marshal(token, marshal)?;
        }
        self.attributes(token, fields.get("cattrs")?)
    }

    /// The native function of a P/Invoke.
    fn import_map(&mut self, method: Token, fields: &Fields<'_>, name: &str) -> Result<()> {
        let library: Ref = fields.get("pi_dll")?;
        if library.is_null() {
            return Ok(());
        }
        let library = self.module_ref(&fields.text("pi_dll")?);
        let entry: Ref = fields.get("pi_entry")?;
        let entry = match entry {
            Ref::NULL => name.to_owned(),
            text => self.cx.text(text),
        };
        let entry = self.string(&entry);
        // `CharSet` counts from 1 (none); flags have two bits for it from bit 1 on. Conventions are from bit 8 on.
        let charset: u32 = match fields.get::<i32>("charset")? {
            0 => 1,
            n => (n as u32 - 1) * 2,
        };
        let convention = (fields.get::<i32>("native_cc")? as u32) << 8;
        let flags = charset | convention | fields.get::<u32>("extra_flags")?;
        let cells = [flags & 0xffff, method.raw(), entry, library.rid()];
        self.out.add(TableId::ImplMap, &cells);
        Ok(())
    }

    fn overrides(&mut self, class: Token, fields: &Fields<'_>) -> Result<()> {
        let cx = self.cx;
        let methods: Ref = fields.get("methods")?;
        for (_, method) in elements(cx, methods) {
            let list: Ref = Fields::of(cx, method)?.get("override_methods")?;
            for (_, declaration) in elements(cx, list) {
                let body = self.method_token(method, Ref::NULL)?;
                let declaration = self.method_token(declaration, Ref::NULL)?;
                let cells = [class.rid(), body.raw(), declaration.raw()];
                self.out.add(TableId::MethodImpl, &cells);
            }
        }
        Ok(())
    }

    fn properties(&mut self, class: Token, fields: &Fields<'_>) -> Result<()> {
        let cx = self.cx;
        let list: Ref = fields.get("properties")?;
        let mut mapped = false;
        for (_, builder) in elements(cx, list) {
            let p = Fields::of(cx, builder)?;
            if !std::mem::replace(&mut mapped, true) {
                let first = self.out.next(TableId::Property);
                self.out.add(TableId::PropertyMap, &[class.rid(), first]);
            }
            let accessors = [p.get::<Ref>("get_method")?, p.get::<Ref>("set_method")?];
            let mut has_this = p.get::<i32>("callingConvention")? & 0x20 != 0;
            for accessor in accessors {
                if !accessor.is_null() {
                    has_this = self.builder_sig(accessor)?.has_this;
                }
            }
            let sig = PropertySig {
                has_this,
                ty: self.modified_sig(
                    p.get("type")?,
                    p.get("returnModReq")?,
                    p.get("returnModOpt")?,
                )?,
                params: self.modified_sigs(
                    p.get("parameters")?,
                    p.get("paramModReq")?,
                    p.get("paramModOpt")?,
                )?,
            };
            let blob = self.blob(|out| write_property_sig(out, &sig));
            let name = self.string(&p.text("name")?);
            let mut attrs = PropertyAttributes::from_bits_retain(p.get::<i32>("attrs")? as u16);
            let default: Ref = p.get("def_value")?;
            let constant = !default.is_null() || attrs.contains(PropertyAttributes::HAS_DEFAULT);
            attrs.set(PropertyAttributes::HAS_DEFAULT, constant);
            let cells = [u32::from(attrs.bits()), name, blob];
            let token = self.out.add(TableId::Property, &cells);
            if constant {
                self.constant(token, default)?;
            }
            let [getter, setter] = accessors;
            self.semantics(token, 0x2, getter)?;
            self.semantics(token, 0x1, setter)?;
            self.attributes(token, p.get("cattrs")?)?;
        }
        Ok(())
    }

    fn events(&mut self, class: Token, fields: &Fields<'_>) -> Result<()> {
        let cx = self.cx;
        let list: Ref = fields.get("events")?;
        let mut mapped = false;
        for (_, builder) in elements(cx, list) {
            let e = Fields::of(cx, builder)?;
            if !std::mem::replace(&mut mapped, true) {
                let first = self.out.next(TableId::Event);
                self.out.add(TableId::EventMap, &[class.rid(), first]);
            }
            let name = self.string(&e.text("name")?);
            let ty = self.type_row(e.get("type")?)?;
            let attrs = e.get::<i32>("attrs")? as u32 & 0xffff;
            let token = self.out.add(TableId::Event, &[attrs, name, ty]);
            self.semantics(token, 0x8, e.get("add_method")?)?;
            self.semantics(token, 0x10, e.get("remove_method")?)?;
            self.semantics(token, 0x20, e.get("raise_method")?)?;
            let others: Ref = e.get("other_methods")?;
            for (_, other) in elements(cx, others) {
                self.semantics(token, 0x4, other)?;
            }
            self.attributes(token, e.get("cattrs")?)?;
        }
        Ok(())
    }

    /// What a method is to a property or event.
    fn semantics(&mut self, association: Token, kind: u32, method: Ref) -> Result<()> {
        if !method.is_null() {
            let method = self.method_token(method, Ref::NULL)?;
            let cells = [kind, method.rid(), association.raw()];
            self.out.add(TableId::MethodSemantics, &cells);
        }
        Ok(())
    }

    /// The generic parameters of all defined types and methods.
    pub fn define_generics(&mut self) -> Result<()> {
        let cx = self.cx;
        let mut owners = std::mem::take(&mut self.generic);
        let coded = |t: Token| {
            let table = t.table().unwrap_or(TableId::TypeDef);
            CodedIndex::TypeOrMethodDef.encode(table, t.rid())
        };
        owners.sort_by_key(|owner| coded(owner.0));
        for (owner, ty, method) in owners {
            let builder = ty.builder();
            let mut holder = Fields::of(cx, builder)?;
            let methods: Ref = holder.get("methods")?;
            if let Some(index) = method {
                holder = Fields::of(cx, cx.element(methods, index))?;
            }
            let params: Ref = holder.get("generic_params")?;
            for (number, param) in elements(cx, params) {
                let p = Fields::of(cx, param)?;
                let name = self.string(&p.text("name")?);
                let attrs = p.get::<i32>("attrs")? as u32;
                let cells = [number as u32, attrs, owner.raw(), name];
                let token = self.out.add(TableId::GenericParam, &cells);
                let base: Ref = p.get("base_type")?;
                if !base.is_null() {
                    let base = self.type_row(base)?;
                    self.out
                        .add(TableId::GenericParamConstraint, &[token.rid(), base]);
                }
                let list: Ref = p.get("iface_constraints")?;
                for (_, interface) in elements(cx, list) {
                    let interface = self.type_row(interface)?;
                    let cells = [token.rid(), interface];
                    self.out.add(TableId::GenericParamConstraint, &cells);
                }
                self.attributes(token, p.get("cattrs")?)?;
            }
        }
        Ok(())
    }
}
