//! A created type as an image of its own, loaded as a module of the dynamic assembly.

use super::define::methods_of;
use super::emitter::Emitter;
use super::objects::{Fields, bytes_of, elements, length};
use super::registry::{BuiltModule, BuiltType, Piece};
use crate::icalls::handle;
use crate::metadata::write::{File, FileKind, write_file};
use crate::metadata::{AssemblyFlags, Image, TableId, Token};
use crate::types::system::{Assembly, NewAssembly};
use crate::types::{Type, types};
use crate::vm::Cx;
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use isthmus_rt::object::Ref;

/// Version of the metadata format that dynamic assemblies claim.
pub const RUNTIME_VERSION: &str = "v4.0.30319";

/// Name of the type that holds global members.
const MODULE_TYPE: &str = "<Module>";

impl Emitter<'_> {
    /// The rows of the module and of its assembly.
    pub fn prologue(&mut self, file: &str, mvid: [u8; 16], assembly: Ref) -> Result<Token> {
        let name = self.string(file);
        let mvid = self.out.heaps.guid(mvid);
        self.out.add(TableId::Module, &[0, name, mvid, 0, 0]);
        match assembly {
            Ref::NULL => Ok(Token::NIL),
            assembly => self.assembly_row(assembly),
        }
    }

    /// The row of an `AssemblyBuilder`.
    fn assembly_row(&mut self, assembly: Ref) -> Result<Token> {
        const SHA1: u32 = 0x8004;
        let fields = Fields::of(self.cx, assembly)?;
        let version = fields.text("version")?;
        let mut parts = version
            .split('.')
            .map(|p| p.parse::<u32>().unwrap_or(0) & 0xffff);
        let mut part = || parts.next().unwrap_or(0);
        let version = [part(), part(), part(), part()];
        let key = fields.bytes("public_key")?.unwrap_or_default();
        let mut flags = AssemblyFlags::from_bits_retain(fields.get::<u32>("flags")?);
        flags.set(AssemblyFlags::PUBLIC_KEY, !key.is_empty());
        let algorithm = match fields.get::<u32>("algid")? {
            0 => SHA1,
            given => given,
        };
        let key = self.out.heaps.blob(&key);
        let name = self.string(&fields.text("name")?);
        let culture = fields.text("culture")?;
        let culture = self.string(if culture == "neutral" { "" } else { &culture });
        let [major, minor, build, revision] = version;
        let cells = [
            algorithm,
            major,
            minor,
            build,
            revision,
            flags.bits(),
            key,
            name,
            culture,
        ];
        Ok(self.out.add(TableId::Assembly, &cells))
    }

    /// The empty type of global members.
    fn empty_module_type(&mut self) {
        let name = self.string(MODULE_TYPE);
        let (field, method) = (
            self.out.next(TableId::Field),
            self.out.next(TableId::MethodDef),
        );
        self.out
            .add(TableId::TypeDef, &[0, name, 0, 0, field, method]);
    }

    /// The image as it is.
    fn image(&mut self, name: &str) -> Result<std::sync::Arc<Image>> {
        let metadata = self.out.root(RUNTIME_VERSION);
        let bytes = write_file(&File {
            kind: FileKind::Library,
            machine: 0x14c,
            wide: false,
            flags: 1,
            entry_point: Token::NIL,
            text: self.text.as_bytes(),
            resources: &[],
            metadata: &metadata,
            strong_name: 0,
        });
        self.thrown(Image::from_bytes(name, bytes))
    }
}

/// Loads the assembly of an `AssemblyBuilder`, which has no types yet.
pub fn load_assembly(cx: &Cx<'_>, builder: Ref) -> Result<&'static Assembly> {
    let name = Fields::of(cx, builder)?.text("name")?;
    let a = types().add(NewAssembly {
        image: bare_image(cx, &name, builder)?,
        name,
        path: Default::default(),
        main: None,
        piece: None,
    });
    a.runtime.set_object(builder);
    Ok(a)
}

/// Loads the module of a `ModuleBuilder`.
pub fn load_module(cx: &Cx<'_>, builder: Ref) -> Result<&'static BuiltModule> {
    let fields = Fields::of(cx, builder)?;
    let assembly: Ref = fields.get("assemblyb")?;
    let main = crate::vm::reflect::assembly_of(cx, assembly)?;
    let root = types().add(NewAssembly {
        image: bare_image(cx, &fields.text("name")?, assembly)?,
        name: main.name.clone(),
        path: fields.text("fqname")?.into(),
        main: Some(main),
        piece: None,
    });
    root.runtime.set_object(assembly);
    root.runtime.set_module(builder);
    let module = BuiltModule::new(root, builder, assembly);
    let _ = root.built.set(module);
    Ok(module)
}

/// An image of an assembly without types.
fn bare_image(cx: &Cx<'_>, name: &str, assembly: Ref) -> Result<std::sync::Arc<Image>> {
    let mut emitter = Emitter::new(cx, None, false);
    emitter.prologue(name, [0; 16], assembly)?;
    emitter.empty_module_type();
    emitter.image(name)
}

/// Writes the custom attributes that an `AssemblyBuilder` has by now, as a module with nothing else, unless that is done.
pub fn update_attributes(cx: &Cx<'_>, builder: Ref) -> Result<()> {
    let main = crate::vm::reflect::assembly_of(cx, builder)?;
    let list: Ref = Fields::of(cx, builder)?.get("cattrs")?;
    let count = length(cx, list);
    if count == main.attribute_count() {
        return Ok(());
    }
    let mut emitter = Emitter::new(cx, None, false);
    let row = emitter.prologue(&main.name, [0; 16], builder)?;
    emitter.empty_module_type();
    emitter.attributes(row, list)?;
    let image = emitter.image(&main.name)?;
    let home = types().add(NewAssembly {
        image,
        name: main.name.clone(),
        path: Default::default(),
        main: Some(main),
        piece: Some(Piece {
            of: None,
            type_refs: std::mem::take(&mut emitter.type_refs).into(),
        }),
    });
    main.set_attributes(count, home);
    Ok(())
}

/// `TypeBuilder.CreateType`: the type, now made.
pub fn create(cx: &Cx<'_>, builder: Ref) -> Result<&'static Type> {
    let built = BuiltType::of(cx, builder)?;
    if let Some(&created) = built.created.get() {
        return Ok(created);
    }
    let module = built.module;
    let mut emitter = Emitter::new(cx, Some(module), false);
    let assembly = module.assembly();
    let mvid = bytes_of(cx, Fields::of(cx, module.module())?.get("guid")?);
    let mvid = mvid.try_into().unwrap_or([0; 16]);
    let file = Fields::of(cx, module.module())?.text("name")?;
    emitter.prologue(&file, mvid, assembly)?;
    let is_global = built.enclosing.is_none() && built.name.1 == MODULE_TYPE;
    if !is_global {
        emitter.empty_module_type();
    }
    emitter.declare(&[built])?;
    emitter.define(built)?;
    emitter.define_generics()?;
    let root = module.root;
    let loaded = types().add(NewAssembly {
        image: emitter.image(&built.full_name())?,
        name: root.name.clone(),
        path: root.path.clone(),
        main: Some(root.main()),
        piece: Some(Piece {
            of: Some(built),
            type_refs: std::mem::take(&mut emitter.type_refs).into(),
        }),
    });
    loaded.runtime.set_object(assembly);
    loaded.runtime.set_module(module.module());
    let _ = loaded.built.set(module);
    let ty = emitter.thrown(loaded.type_def(if is_global { 1 } else { 2 }))?;
    let ty = built.set_created(ty);
    tie_members(cx, builder, ty)?;
    Ok(ty)
}

/// Stores the handles of the members in their builders.
fn tie_members(cx: &Cx<'_>, builder: Ref, ty: &'static Type) -> Result<()> {
    let fields = Fields::of(cx, builder)?;
    let thrown = |e| cx.load_error(&e);
    let methods = ty.methods().map_err(thrown)?;
    for (place, &m) in methods_of(cx, &fields)?.into_iter().zip(methods) {
        let object = place.builder(cx, &fields)?;
        let at = offset_of(cx.type_of(object), "mhandle").map_err(thrown)?;
        cx.write(object, at, handle::of(m));
    }
    let list: Ref = fields.get("fields")?;
    let first = match (ty.assembly, ty.rid) {
        (Some(a), rid) => {
            let row = a
                .image
                .type_def(rid)
                .map_err(|e| cx.load_error(&e.into()))?;
            row.fields().map_err(|e| cx.load_error(&e.into()))?.next()
        }
        _ => None,
    };
    for (i, object) in elements(cx, list) {
        let Some(first) = first else { break };
        let field = types().field_of(ty, first + i as u32).map_err(thrown)?;
        let at = offset_of(cx.type_of(object), "handle").map_err(thrown)?;
        cx.write(object, at, handle::of(field));
    }
    Ok(())
}
