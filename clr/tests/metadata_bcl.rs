//! The metadata reader against Mono's class library: everything in it parses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use isthmus_clr::metadata::sig::Prim;
use isthmus_clr::metadata::*;

fn library(name: &str) -> Option<PathBuf> {
    let places = std::env::var_os("ISTHMUS_BCL").map(PathBuf::from);
    let places = places
        .into_iter()
        .chain([PathBuf::from("/usr/lib/mono/4.5")]);
    places
        .map(|dir| dir.join(format!("{name}.dll")))
        .find(|path| path.exists())
}

fn open(name: &str) -> Arc<Image> {
    let path = library(name)
        .unwrap_or_else(|| panic!("{name}.dll is not installed; `./x setup` installs it"));
    Image::open(path).unwrap()
}

/// Resolves enums across assemblies, by loading what is referred to.
struct Assemblies {
    image: Arc<Image>,
    loaded: RefCell<HashMap<String, Option<Arc<Image>>>>,
}

impl Assemblies {
    fn new(image: &Arc<Image>) -> Self {
        Assemblies {
            image: image.clone(),
            loaded: RefCell::default(),
        }
    }

    fn assembly(&self, name: &str) -> Option<Arc<Image>> {
        if self.image.assembly()?.name().ok()? == name {
            return Some(self.image.clone());
        }
        let mut loaded = self.loaded.borrow_mut();
        let load = || library(name).and_then(|path| Image::open(path).ok());
        loaded.entry(name.to_owned()).or_insert_with(load).clone()
    }

    /// Follows forwarders.
    fn find(&self, assembly: &str, namespace: &str, name: &str) -> Option<(Arc<Image>, u32)> {
        let mut assembly = assembly.to_owned();
        for _ in 0..4 {
            let image = self.assembly(&assembly)?;
            if let Some(rid) = image.find_type(namespace, name) {
                return Some((image, rid));
            }
            let scope = image
                .find_exported_type(namespace, name)?
                .implementation()
                .ok()?;
            assembly = image
                .assembly_ref(scope.rid())
                .ok()?
                .name()
                .ok()?
                .to_owned();
        }
        None
    }

    fn resolve_ref(&self, type_ref: TypeRefRow<'_>, depth: u32) -> Option<(Arc<Image>, u32)> {
        let (namespace, name) = (type_ref.namespace().ok()?, type_ref.name().ok()?);
        let scope = type_ref.resolution_scope().ok()?;
        match scope.table()? {
            TableId::AssemblyRef => {
                let assembly = self.image.assembly_ref(scope.rid()).ok()?.name().ok()?;
                self.find(assembly, namespace, name)
            }
            TableId::TypeRef if depth != 0 => {
                let outer = self.image.type_ref(scope.rid()).ok()?;
                let (image, outer) = self.resolve_ref(outer, depth - 1)?;
                let rid = image.find_nested_type(outer, namespace, name)?;
                Some((image, rid))
            }
            _ => None,
        }
    }
}

impl EnumResolver for Assemblies {
    fn by_token(&self, token: Token) -> Option<Prim> {
        if token.table() == Some(TableId::TypeDef) {
            return self.image.enum_storage(token.rid());
        }
        let (image, rid) = self.resolve_ref(self.image.type_ref(token.rid()).ok()?, 8)?;
        image.enum_storage(rid)
    }

    fn by_name(&self, name: &str) -> Option<Prim> {
        let (type_name, assembly) = match name.split_once(',') {
            Some((ty, rest)) => (ty.trim(), rest.split(',').next()?.trim().to_owned()),
            None => (name, self.image.assembly()?.name().ok()?.to_owned()),
        };
        let image = self.assembly(&assembly)?;
        if let Some(rid) = image.find_type_by_reflection_name(type_name) {
            return image.enum_storage(rid);
        }
        let corlib = self.assembly("mscorlib")?;
        corlib.enum_storage(corlib.find_type_by_reflection_name(type_name)?)
    }
}

fn walk(name: &str) -> (Arc<Image>, Walk) {
    let image = open(name);
    let walk = walk_image(&image, Limits::default(), &Assemblies::new(&image));
    println!(
        "{name}: {} rows, {} signatures, {} bodies, {} clauses, {} attributes ({} unresolved), {} constants, {} strings",
        walk.rows,
        walk.signatures,
        walk.bodies,
        walk.clauses,
        walk.attributes,
        walk.unresolved_attributes,
        walk.constants,
        walk.user_strings
    );
    let errors: Vec<_> = walk.errors.iter().map(ToString::to_string).collect();
    assert!(
        walk.error_count == 0 && !walk.incomplete,
        "{name}: {} errors: {errors:#?}",
        walk.error_count
    );
    (image, walk)
}

#[test]
fn everything_in_mscorlib_parses_and_is_found() {
    let (image, walk) = walk("mscorlib");
    let with_body = image
        .rows::<MethodDefRow>()
        .filter(|m| m.rva() != 0)
        .count();
    assert_eq!(walk.bodies, with_body as u64);
    assert!(walk.bodies > 20_000, "{walk:?}");
    assert_eq!(walk.unresolved_attributes, 0);

    let object = image
        .type_def(image.find_type("System", "Object").unwrap())
        .unwrap();
    assert!(object.extends().unwrap().is_nil());
    for row in image
        .rows::<TypeDefRow>()
        .filter(|t| !t.flags().is_nested())
    {
        let found = image.find_type(row.namespace().unwrap(), row.name().unwrap());
        assert_eq!(found, Some(row.rid()));
    }
    // Every member finds its way back to the type that lists it.
    for ty in image.rows::<TypeDefRow>() {
        for rid in ty.methods().unwrap() {
            assert_eq!(image.declaring_type_of_method(rid), Some(ty.rid()));
        }
        for rid in ty.fields().unwrap() {
            assert_eq!(image.declaring_type_of_field(rid), Some(ty.rid()));
        }
    }
    assert_eq!(image.find_type("System", "NoSuchType"), None);
}

#[test]
fn everything_in_other_libraries_parses() {
    for name in ["System", "System.Core", "System.Xml"] {
        let (_, walk) = walk(name);
        assert!(walk.bodies > 1_000, "{walk:?}");
        assert_eq!(walk.unresolved_attributes, 0);
    }
}

#[test]
fn forwarded_types_lead_to_their_assembly() {
    let image = open("System.Core");
    let forwarded = image
        .find_exported_type("System", "Func`2")
        .expect("Func`2 is forwarded");
    assert!(forwarded.flags().contains(TypeAttributes::FORWARDER));
    let target = forwarded.implementation().unwrap();
    assert_eq!(
        image.assembly_ref(target.rid()).unwrap().name().unwrap(),
        "mscorlib"
    );
    assert!(image.find_exported_type("System", "NoSuchType").is_none());
}

/// Owner look-ups equal what a scan of the whole table finds.
#[test]
fn look_ups_equal_scans() {
    let image = open("mscorlib");
    let mut attributes: HashMap<Token, Vec<u32>> = HashMap::new();
    for row in image.rows::<CustomAttributeRow>() {
        attributes
            .entry(row.parent().unwrap())
            .or_default()
            .push(row.rid());
    }
    for (owner, rids) in &attributes {
        assert!(
            image
                .custom_attributes(*owner)
                .map(Row::rid)
                .eq(rids.iter().copied()),
            "{owner:?}"
        );
    }
    let mut nested: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in image.rows::<NestedClassRow>() {
        nested
            .entry(row.enclosing().unwrap())
            .or_default()
            .push(row.nested().unwrap());
    }
    for (enclosing, rids) in &nested {
        assert!(image.nested_types(*enclosing).eq(rids.iter().copied()));
    }
    let mut params: HashMap<Token, Vec<u16>> = HashMap::new();
    for row in image.rows::<GenericParamRow>() {
        params
            .entry(row.owner().unwrap())
            .or_default()
            .push(row.number());
    }
    for (owner, numbers) in &params {
        let found: Vec<_> = image
            .generic_params(*owner)
            .map(GenericParamRow::number)
            .collect();
        assert_eq!(&found, numbers);
        assert!(found.iter().enumerate().all(|(i, &n)| i == usize::from(n)));
    }
}
