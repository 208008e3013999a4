//! A module as a file (`AssemblyBuilder.Save`).
//!
//! The main module has the manifest: resources, the other files of the assembly and the public types in them, forwarded types.

use super::emitter::Emitter;
use super::objects::{Fields, bytes_of, elements};
use super::pieces::RUNTIME_VERSION;
use super::registry::{BuiltModule, BuiltType};
use crate::icalls::sha1;
use crate::metadata::write::{File, FileKind, Out, write_file};
use crate::metadata::{CliHeader, TableId, Token, TypeAttributes};
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;

/// The bytes of the file of a `ModuleBuilder`.
pub fn module_file(cx: &Cx<'_>, builder: Ref) -> Result<Vec<u8>> {
    let module = BuiltModule::of(cx, builder)?;
    let fields = Fields::of(cx, builder)?;
    let assembly = module.assembly();
    let is_main = fields.is("is_main")?;
    let mut emitter = Emitter::new(cx, Some(module), true);
    let mvid = bytes_of(cx, fields.get("guid")?);
    let row = emitter.prologue(
        &fields.text("name")?,
        mvid.try_into().unwrap_or([0; 16]),
        if is_main { assembly } else { Ref::NULL },
    )?;
    let list = types_of(cx, &fields)?;
    emitter.declare(&list)?;
    for ty in &list {
        emitter.define(ty)?;
    }
    emitter.define_generics()?;
    emitter.attributes(Token::new(TableId::Module, 1), fields.get("cattrs")?)?;

    let mut resources = Out::default();
    emitter.resources(fields.get("resources")?, &mut resources)?;
    let whole = Fields::of(cx, assembly)?;
    let mut entry_point = Token::NIL;
    if is_main {
        emitter.attributes(row, whole.get("cattrs")?)?;
        for kind in [
            "permissions_minimum",
            "permissions_optional",
            "permissions_refused",
        ] {
            emitter.permissions(row, whole.get(kind)?)?;
        }
        emitter.resources(whole.get("resources")?, &mut resources)?;
        emitter.other_modules(builder, &whole)?;
        emitter.forwarders(whole.get("type_forwarders")?)?;
        let entry: Ref = whole.get("entry_point")?;
        if !entry.is_null() {
            entry_point = emitter.method_token(entry, Ref::NULL)?;
        }
    }
    emitter.file(&whole, entry_point, &resources)
}

/// The types of a module as they come in its table: the one of global members, then all others as they were defined.
fn types_of(cx: &Cx<'_>, fields: &Fields<'_>) -> Result<Vec<&'static BuiltType>> {
    fn collect(
        cx: &Cx<'_>,
        builder: Ref,
        found: &mut Vec<(i32, &'static BuiltType)>,
    ) -> Result<()> {
        let fields = Fields::of(cx, builder)?;
        found.push((fields.get("table_idx")?, BuiltType::of(cx, builder)?));
        let nested: Ref = fields.get("subtypes")?;
        elements(cx, nested).try_for_each(|(_, nested)| collect(cx, nested, found))
    }
    let mut found = Vec::new();
    let global: Ref = fields.get("global_type")?;
    if !global.is_null() {
        found.push((0, BuiltType::of(cx, global)?));
    }
    let list: Ref = fields.get("types")?;
    for (_, builder) in elements(cx, list) {
        collect(cx, builder, &mut found)?;
    }
    found.sort_by_key(|f| f.0);
    Ok(found.into_iter().map(|f| f.1).collect())
}

impl Emitter<'_> {
    /// The resources of an array of `MonoResource`: in this file, or in files of their own.
    fn resources(&mut self, list: Ref, embedded: &mut Out) -> Result<()> {
        const NO_METADATA: u32 = 1;
        for resource in Fields::of_array(self.cx, list) {
            let flags = resource.get::<i32>("attrs")? as u32;
            let name = self.string(&resource.text("name")?);
            let file = resource.text("filename")?;
            let (offset, implementation) = match resource.bytes("data")? {
                None if !file.is_empty() => (0, self.file_row(&file, NO_METADATA)),
                data => {
                    let data = data.unwrap_or_default();
                    embedded.align(8);
                    let offset = embedded.len() as u32;
                    embedded.u32(data.len() as u32);
                    embedded.bytes(&data);
                    (offset, Token::NIL)
                }
            };
            let cells = [offset, flags, name, implementation.raw()];
            self.out.add(TableId::ManifestResource, &cells);
        }
        Ok(())
    }

    /// The row of another file of the assembly, with the hash of what it holds now.
    fn file_row(&mut self, path: &str, flags: u32) -> Token {
        let hash = std::fs::read(path).map(|bytes| sha1(&bytes)).ok();
        let hash = hash.map_or(0, |h| self.out.heaps.blob(&h));
        let name = std::path::Path::new(path).file_name().unwrap_or_default();
        let name = self.string(&name.to_string_lossy());
        self.out.add(TableId::File, &[flags, name, hash])
    }

    /// The other modules of the assembly, and their public types.
    fn other_modules(&mut self, main: Ref, assembly: &Fields<'_>) -> Result<()> {
        let cx = self.cx;
        let list: Ref = assembly.get("modules")?;
        let dir = assembly.text("dir")?;
        for (_, module) in elements(cx, list) {
            if module == main {
                continue;
            }
            let fields = Fields::of(cx, module)?;
            let path = std::path::Path::new(&dir).join(fields.text("fqname")?);
            let file = self.file_row(&path.to_string_lossy(), 0);
            for ty in types_of(cx, &fields)? {
                self.exported(ty, file)?;
            }
        }
        Ok(())
    }

    /// The row of a public type in another file.
    fn exported(&mut self, ty: &'static BuiltType, file: Token) -> Result<()> {
        const PUBLIC: u32 = 1;
        const VISIBILITY: u32 = 7;
        let flags: u32 = Fields::of(self.cx, ty.builder())?.get("attrs")?;
        if ty.enclosing.is_some() || flags & VISIBILITY != PUBLIC {
            return Ok(());
        }
        let (namespace, name) = (self.string(&ty.name.0), self.string(&ty.name.1));
        let row = ty.created.get().map_or(0, |t| t.rid);
        let cells = [flags, 0x0200_0000 | row, name, namespace, file.raw()];
        self.out.add(TableId::ExportedType, &cells);
        Ok(())
    }

    /// Types that moved to other assemblies.
    fn forwarders(&mut self, list: Ref) -> Result<()> {
        let cx = self.cx;
        for (_, ty) in elements(cx, list) {
            let ty = crate::icalls::handle::type_of_object(cx, ty)?;
            let Some(a) = ty.assembly else { continue };
            let home = self.assembly_ref(a.main())?;
            let (namespace, name) = (self.string(ty.namespace()), self.string(ty.name()));
            let flags = TypeAttributes::FORWARDER.bits();
            let cells = [flags, 0, name, namespace, home.raw()];
            self.out.add(TableId::ExportedType, &cells);
        }
        Ok(())
    }

    /// The file around it all.
    fn file(
        &mut self,
        assembly: &Fields<'_>,
        entry_point: Token,
        resources: &Out,
    ) -> Result<Vec<u8>> {
        /// Bits of `PortableExecutableKinds`.
        const REQUIRED_32_BIT: i32 = 2;
        const PE32_PLUS: i32 = 4;
        /// What the blob of a public key has beside the key, which is as long as a signature.
        const KEY_HEADER: usize = 32;
        let metadata = self.out.root(RUNTIME_VERSION);
        let kinds: i32 = assembly.get("peKind")?;
        let key = assembly.bytes("public_key")?.map_or(0, |k| k.len());
        let mut flags = CliHeader::IL_ONLY;
        if kinds & REQUIRED_32_BIT != 0 {
            flags |= CliHeader::REQUIRES_32_BIT;
        }
        let machine = match assembly.get::<i32>("machine")? {
            0 => 0x14c,
            machine => machine as u16,
        };
        Ok(write_file(&File {
            kind: match assembly.get::<i32>("pekind")? {
                2 => FileKind::Console,
                3 => FileKind::Windows,
                _ => FileKind::Library,
            },
            machine,
            wide: kinds & PE32_PLUS != 0,
            flags,
            entry_point,
            text: self.text.as_bytes(),
            resources: resources.as_bytes(),
            metadata: &metadata,
            strong_name: match key {
                0 => 0,
                1..=KEY_HEADER => 128,
                key => (key - KEY_HEADER) as u32,
            },
        }))
    }
}
