//! The type system as a whole: assemblies, interners, well-known types.

use super::error::{LoadError, LoadErrorKind, Result};
use super::member::{Field, FieldTable, Method, MethodKind, MethodTable};
use super::ty::{Kind, Type, TypeKey, TypeTable};
use crate::emit::registry::{BuiltModule, BuiltType, Piece};
use crate::metadata::sig::Prim;
use crate::metadata::{Image, TableId, Token, TypeDefRow};
use isthmus_runtime_abi::ids::{FieldId, MethodId, TypeId};
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};

/// A loaded assembly.
pub struct Assembly {
    /// Index in the type system.
    pub index: u32,
    /// Its metadata.
    pub image: Arc<Image>,
    /// Simple name.
    pub name: String,
    /// Where it was loaded from.
    pub path: PathBuf,
    /// Resolved TypeRef rows.
    pub(super) type_refs: Box<[OnceLock<Result<&'static Type>>]>,
    /// Resolved AssemblyRef rows.
    pub(super) assembly_refs: Box<[OnceLock<Result<&'static Assembly>>]>,
    /// Assemblies that see its internal types and members.
    pub(super) friends: OnceLock<Vec<super::access::Friend>>,
    /// What the VM keeps beside (reflection object).
    pub runtime: crate::vm::state::AssemblyState,
    /// The assembly that this is a module or a piece of.
    main: Option<&'static Assembly>,
    /// For what a program builds: its module.
    pub built: OnceLock<&'static BuiltModule>,
    /// For a piece of what a program builds: what its references mean.
    pub piece: Option<Piece>,
    /// For an assembly that a program builds: how many attributes it had when they were last written, and where.
    attributes: RwLock<(usize, Option<&'static Assembly>)>,
    /// Whether what it refers to is looked for in its own directory, too.
    looks_beside: AtomicBool,
}

/// An assembly, or a module of one, to be added to those that are loaded.
pub struct NewAssembly {
    /// Its metadata.
    pub image: Arc<Image>,
    /// Simple name.
    pub name: String,
    /// Where it is from.
    pub path: PathBuf,
    /// The assembly that it belongs to, for a module.
    pub main: Option<&'static Assembly>,
    /// What its references mean, for a piece of what a program builds.
    pub piece: Option<Piece>,
}

impl PartialEq for Assembly {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

/// An assembly that is part of the executable.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Name of its file.
    pub file: &'static str,
    /// Whether it is of the class library.
    pub is_library: bool,
    /// The bytes of the file.
    pub data: &'static [u8],
}

/// Where assemblies are looked for.
#[derive(Clone, Debug, Default)]
pub struct SearchPath {
    /// Assemblies that need not be looked for; for reflection they are in the directories below.
    pub built_in: Vec<BuiltIn>,
    /// Directory of the program.
    pub app: PathBuf,
    /// Directory of the class library.
    pub bcl: PathBuf,
}

/// Everything that is loaded.
pub struct TypeSystem {
    /// Types by key and id.
    pub table: TypeTable,
    /// Methods.
    pub methods: MethodTable,
    /// Fields.
    pub fields: FieldTable,
    /// Well-known types.
    pub known: Known,
    search: SearchPath,
    assemblies: RwLock<Vec<&'static Assembly>>,
    /// Length of the list.
    count: AtomicU32,
    by_name: RwLock<FxHashMap<String, &'static Assembly>>,
    /// Held from the look for a file among the loaded ones until it is one of them: threads that need it at once get the same assembly.
    loading: Mutex<()>,
}

static TYPES: OnceLock<TypeSystem> = OnceLock::new();

/// What it is that an assembly is not found.
pub fn not_found(name: &str) -> LoadError {
    let text = format!("Could not load file or assembly '{name}' or one of its dependencies.");
    LoadError::new(LoadErrorKind::FileNotFound, text)
}

/// The file of an assembly in a directory.
fn file_of(directory: &Path, name: &str) -> Option<PathBuf> {
    let files = ["dll", "exe"].map(|extension| directory.join(format!("{name}.{extension}")));
    files.into_iter().find(|path| path.is_file())
}

/// The process's type system.
///
/// # Panics
/// Before [`TypeSystem::start`].
pub fn types() -> &'static TypeSystem {
    TYPES.get().expect("the type system is started first")
}

impl TypeSystem {
    /// Starts the type system: loads mscorlib from the class library directory.
    pub fn start(search: SearchPath) -> Result<&'static TypeSystem> {
        let system = TYPES.get_or_init(|| TypeSystem {
            table: TypeTable::default(),
            methods: MethodTable::default(),
            fields: FieldTable::default(),
            known: Known::default(),
            search,
            assemblies: RwLock::default(),
            count: AtomicU32::default(),
            by_name: RwLock::default(),
            loading: Mutex::default(),
        });
        if system
            .assemblies
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .is_empty()
        {
            let corlib = match system.built_in("mscorlib") {
                Some(found) => system.load_built_in(found)?,
                None => system.load_file(&system.search.bcl.join("mscorlib.dll"))?,
            };
            Known::check(corlib)?;
        }
        Ok(system)
    }

    /// Where assemblies are looked for.
    pub fn search_path(&self) -> &SearchPath {
        &self.search
    }

    /// The assembly of this simple name that is part of the executable.
    fn built_in(&self, name: &str) -> Option<&BuiltIn> {
        let stem = |file| Path::new(file).file_stem().and_then(|stem| stem.to_str());
        let is_it = |b: &&BuiltIn| stem(b.file).is_some_and(|stem| stem.eq_ignore_ascii_case(name));
        self.search.built_in.iter().find(is_it)
    }

    fn loading(&self) -> MutexGuard<'_, ()> {
        self.loading.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Loads an assembly that is part of the executable.
    pub fn load_built_in(&self, found: &BuiltIn) -> Result<&'static Assembly> {
        let directory = match found.is_library {
            true => &self.search.bcl,
            false => &self.search.app,
        };
        let path = directory.join(found.file);
        let _loading = self.loading();
        if let Some(&a) = self.assemblies().iter().find(|a| a.path == path) {
            return Ok(a);
        }
        self.add_named(Image::from_static(path.clone(), found.data)?, path)
    }

    /// Loads an assembly from a file, or gives the one of that path that is already loaded.
    pub fn load_file(&self, path: &Path) -> Result<&'static Assembly> {
        let path = path.canonicalize().map_err(|e| {
            LoadError::new(
                LoadErrorKind::FileNotFound,
                format!("Could not load file or assembly '{}': {e}", path.display()),
            )
        })?;
        let _loading = self.loading();
        if let Some(&a) = self.assemblies().iter().find(|a| a.path == path) {
            return Ok(a);
        }
        let image = Image::open(&path)?;
        self.add_named(image, path)
    }

    /// Loads an assembly that is in memory.
    pub fn load_image(&self, image: Arc<Image>) -> Result<&'static Assembly> {
        self.add_named(image, PathBuf::new())
    }

    /// Adds an assembly, which is found by its name unless another one is.
    fn add_named(&self, image: Arc<Image>, path: PathBuf) -> Result<&'static Assembly> {
        let row = image.assembly().ok_or_else(|| {
            LoadError::new(
                LoadErrorKind::BadImage,
                format!("{}: not an assembly, but a module of one", image.name()),
            )
        })?;
        let name = row.name()?.to_owned();
        let assembly = self.add(NewAssembly {
            image,
            name: name.clone(),
            path,
            main: None,
            piece: None,
        });
        self.name(&name, assembly);
        Ok(assembly)
    }

    /// Loads a file of an assembly that is not its main module. A file belongs to one assembly.
    pub fn load_module(&self, of: &'static Assembly, file: &str) -> Result<&'static Assembly> {
        let main = of.main();
        let missing = |e: &dyn std::fmt::Display| {
            let text = format!("Could not load module '{file}' of '{}': {e}", main.name);
            LoadError::type_load(text)
        };
        let path = main.path.with_file_name(file);
        let path = path.canonicalize().map_err(|e| missing(&e))?;
        let _loading = self.loading();
        if let Some(&found) = self.assemblies().iter().find(|a| a.path == path) {
            return match found.main() == main {
                true => Ok(found),
                false => Err(missing(&"it belongs to another assembly")),
            };
        }
        Ok(self.add(NewAssembly {
            image: Image::open(&path)?,
            name: main.name.clone(),
            path,
            main: Some(main),
            piece: None,
        }))
    }

    /// Adds an assembly or module, without a name to find it by.
    pub fn add(&self, new: NewAssembly) -> &'static Assembly {
        let image = new.image;
        let cells = |table| {
            (0..image.tables().rows(table))
                .map(|_| OnceLock::new())
                .collect()
        };
        let mut list = self.assemblies.write().unwrap_or_else(|e| e.into_inner());
        let assembly: &'static Assembly = Box::leak(Box::new(Assembly {
            index: list.len() as u32,
            type_refs: cells(TableId::TypeRef),
            assembly_refs: (0..image.tables().rows(TableId::AssemblyRef))
                .map(|_| OnceLock::new())
                .collect(),
            friends: OnceLock::new(),
            name: new.name,
            path: new.path,
            image,
            runtime: Default::default(),
            main: new.main,
            built: OnceLock::new(),
            piece: new.piece,
            attributes: RwLock::default(),
            looks_beside: AtomicBool::new(false),
        }));
        list.push(assembly);
        self.count.store(list.len() as u32, Ordering::Release);
        assembly
    }

    /// Loads an assembly that another one refers to, by simple name: as [`Self::load`], then beside the one that refers to it if that was
    /// itself loaded from wherever it is.
    pub fn load_for(&self, from: &'static Assembly, name: &str) -> Result<&'static Assembly> {
        self.load(name).or_else(|e| {
            let beside = from.path.parent().filter(|_| from.looks_beside());
            let file = beside.and_then(|dir| file_of(dir, name)).ok_or(e)?;
            let found = self.load_file(&file)?;
            found.look_beside();
            Ok(found)
        })
    }

    /// Lets an assembly be found by a simple name, unless another one is.
    pub fn name(&self, name: &str, assembly: &'static Assembly) {
        let mut names = self.by_name.write().unwrap_or_else(|e| e.into_inner());
        names.entry(name.to_lowercase()).or_insert(assembly);
    }

    /// Loads an assembly by simple name: already loaded, in the executable, beside the program, in the class library, in its facades.
    pub fn load(&self, name: &str) -> Result<&'static Assembly> {
        let key = name.to_lowercase();
        if let Some(a) = self
            .by_name
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .get(&key)
        {
            return Ok(a);
        }
        if let Some(found) = self.built_in(name) {
            return self.load_built_in(found);
        }
        let dirs = [
            self.search.app.clone(),
            self.search.bcl.clone(),
            self.search.bcl.join("Facades"),
        ];
        for dir in dirs {
            if let Some(path) = file_of(&dir, name) {
                return self.load_file(&path);
            }
        }
        if let Some(path) = self.in_cache(name) {
            return self.load_file(&path);
        }
        Err(not_found(name))
    }

    /// The newest assembly of a name in the global assembly cache beside the class library: `gac/NAME/VERSION__TOKEN/NAME.dll`.
    fn in_cache(&self, name: &str) -> Option<PathBuf> {
        let versions = self.search.bcl.parent()?.join("gac").join(name);
        let version = |path: &Path| -> Vec<u32> {
            let text = path.file_name().unwrap_or_default().to_string_lossy();
            let numbers = text.split('_').next().unwrap_or("").split('.');
            numbers.filter_map(|n| n.parse().ok()).collect()
        };
        std::fs::read_dir(versions)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|dir| dir.join(format!("{name}.dll")).is_file())
            .max_by_key(|dir| version(dir))
            .map(|dir| dir.join(format!("{name}.dll")))
    }

    /// The loaded assemblies and modules, mscorlib first.
    pub fn assemblies(&self) -> Vec<&'static Assembly> {
        self.assemblies
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .clone()
    }

    /// How many assemblies and modules there are: their indices are below.
    pub fn assembly_count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    /// The assembly with this index.
    pub fn assembly(&self, index: u32) -> &'static Assembly {
        self.assemblies.read().unwrap_or_else(|e| e.into_inner())[index as usize]
    }

    /// mscorlib.
    pub fn corlib(&self) -> &'static Assembly {
        self.assembly(0)
    }

    /// The type with this id.
    pub fn ty(&self, id: TypeId) -> &'static Type {
        self.table.get(id)
    }

    /// The method with this id.
    pub fn method(&self, id: MethodId) -> &'static Method {
        self.methods.get(id)
    }

    /// The field with this id.
    pub fn field(&self, id: FieldId) -> &'static Field {
        self.fields.get(id)
    }

    /// The type with this key.
    pub fn intern(&self, key: TypeKey) -> Result<&'static Type> {
        self.table.intern(key)
    }

    /// A generic definition with arguments (the definition itself for none).
    pub fn instantiate(&self, def: &'static Type, args: &[&'static Type]) -> Result<&'static Type> {
        if args.is_empty() {
            return Ok(def);
        }
        self.intern(TypeKey::Inst(def.id, args.iter().map(|t| t.id).collect()))
    }

    /// One-dimensional array of an element type.
    pub fn sz_array(&self, element: &'static Type) -> Result<&'static Type> {
        self.intern(TypeKey::SzArray(element.id))
    }

    /// Managed pointer to a type.
    pub fn by_ref(&self, to: &'static Type) -> Result<&'static Type> {
        self.intern(TypeKey::ByRef(to.id))
    }

    /// Shared variable of a class.
    pub fn shared_var(&self, n: u32) -> &'static Type {
        self.intern(TypeKey::SharedVar(n))
            .expect("parameters always intern")
    }

    /// Shared variable of a method.
    pub fn shared_mvar(&self, n: u32) -> &'static Type {
        self.intern(TypeKey::SharedMVar(n))
            .expect("parameters always intern")
    }

    /// A method of a type by row, with its own type arguments.
    pub fn method_of(
        &self,
        owner: &'static Type,
        rid: u32,
        args: &[&'static Type],
    ) -> Result<&'static Method> {
        self.methods.intern(owner, MethodKind::Def(rid), args)
    }

    /// A field of a type by row.
    pub fn field_of(&self, owner: &'static Type, rid: u32) -> Result<&'static Field> {
        self.fields.intern(owner, rid)
    }
}

impl std::fmt::Debug for Assembly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Assembly {
    /// Whether it is of the class library, which is taken to be well formed.
    pub fn is_library(&self) -> bool {
        self.path.starts_with(&types().search.bcl)
    }

    /// Whether it is mscorlib.
    pub fn is_corlib(&self) -> bool {
        self.index == 0
    }

    /// The assembly that this is a module or piece of, or itself.
    pub fn main(&'static self) -> &'static Assembly {
        self.main.unwrap_or(self)
    }

    /// Has what it refers to looked for in its own directory, too: it was found by its path.
    pub fn look_beside(&self) {
        self.looks_beside.store(true, Ordering::Relaxed);
    }

    fn looks_beside(&self) -> bool {
        self.looks_beside.load(Ordering::Relaxed)
    }

    /// Itself, and the other files of the assembly that have metadata.
    pub fn modules(&'static self) -> Result<Vec<&'static Assembly>> {
        const NO_METADATA: u32 = 1;
        let mut found = vec![self];
        for file in self.image.rows::<crate::metadata::FileRow<'_>>() {
            if file.flags() & NO_METADATA == 0 {
                found.push(types().load_module(self, file.name()?)?);
            }
        }
        Ok(found)
    }

    /// Where the attributes of the assembly are: its own rows, or what a program has said so far of an assembly that it builds.
    pub fn attribute_home(&'static self) -> &'static Assembly {
        let attributes = self.main().attributes.read();
        let (_, home) = *attributes.unwrap_or_else(|e| e.into_inner());
        home.unwrap_or(self.main())
    }

    /// How many attributes there were when [`Self::set_attributes`] was last called.
    pub fn attribute_count(&self) -> usize {
        self.attributes.read().unwrap_or_else(|e| e.into_inner()).0
    }

    /// Sets the attributes of an assembly that a program builds: their number, and where they are.
    pub fn set_attributes(&self, count: usize, home: &'static Assembly) {
        let mut attributes = self.attributes.write().unwrap_or_else(|e| e.into_inner());
        *attributes = (count, Some(home));
    }

    /// The type of a TypeDef row.
    pub fn type_def(&self, rid: u32) -> Result<&'static Type> {
        types().intern(TypeKey::Def(self.index, rid))
    }

    /// A top-level type by name, forwarders followed.
    pub fn find_type(&self, namespace: &str, name: &str) -> Option<&'static Type> {
        if let Some(rid) = self.image.find_type(namespace, name) {
            return self.type_def(rid).ok();
        }
        if let Some(made) = BuiltType::find(self.main.unwrap_or(self), namespace, name) {
            return Some(made);
        }
        let exported = self.image.find_exported_type(namespace, name)?;
        let scope = exported.implementation().ok()?;
        match scope.table()? {
            TableId::AssemblyRef => self
                .assembly_ref(scope.rid())
                .ok()?
                .find_type(namespace, name),
            TableId::File => {
                let file = self.image.file(scope.rid()).ok()?.name().ok()?;
                let module = types()
                    .load_module(types().assembly(self.index), file)
                    .ok()?;
                let rid = module.image.find_type(namespace, name)?;
                module.type_def(rid).ok()
            }
            _ => None,
        }
    }

    /// Kind of a definition, and whether it is one of corlib's primitives: from its own name and its parent's.
    pub(super) fn classify(&self, row: TypeDefRow<'_>) -> Result<(Kind, Option<Prim>)> {
        use crate::metadata::TypeAttributes;
        if row.flags().contains(TypeAttributes::INTERFACE) {
            return Ok((Kind::Interface, None));
        }
        let (namespace, name) = (row.namespace()?, row.name()?);
        let parent = row.extends()?;
        let (parent_ns, parent_name) = match parent.table() {
            _ if parent.is_nil() => ("", ""),
            Some(TableId::TypeDef) => {
                let p = self.image.type_def(parent.rid())?;
                (p.namespace()?, p.name()?)
            }
            Some(TableId::TypeRef) => {
                let p = self.image.type_ref(parent.rid())?;
                (p.namespace()?, p.name()?)
            }
            _ => ("", ""),
        };
        let kind = match (parent_ns, parent_name) {
            ("System", "Enum") => Kind::Enum,
            ("System", "ValueType")
                if !(self.is_corlib() && namespace == "System" && name == "Enum") =>
            {
                Kind::Value
            }
            _ => Kind::Class,
        };
        let prim = if self.is_corlib() && namespace == "System" {
            prim_of(name)
        } else {
            None
        };
        Ok((kind, prim))
    }

    /// Whether an item carries an attribute of this class (by name).
    pub fn has_attribute(&self, owner: Token, namespace: &str, name: &str) -> bool {
        self.attributes_named(owner, namespace, name)
            .next()
            .is_some()
    }

    /// The values of an item's attributes of this class (by name).
    pub fn attributes_named<'a>(
        &'a self,
        owner: Token,
        namespace: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a [u8]> {
        self.image.custom_attributes(owner).filter_map(move |a| {
            let class = self.attribute_class(a.constructor().ok()?)?;
            (class == (namespace, name)).then(|| a.value().ok())?
        })
    }

    /// Name of the class of an attribute's constructor.
    fn attribute_class(&self, ctor: Token) -> Option<(&str, &str)> {
        let class = match ctor.table()? {
            TableId::MethodDef => Token::new(
                TableId::TypeDef,
                self.image.declaring_type_of_method(ctor.rid())?,
            ),
            TableId::MemberRef => self.image.member_ref(ctor.rid()).ok()?.class().ok()?,
            _ => return None,
        };
        match class.table()? {
            TableId::TypeDef => {
                let row = self.image.type_def(class.rid()).ok()?;
                Some((row.namespace().ok()?, row.name().ok()?))
            }
            TableId::TypeRef => {
                let row = self.image.type_ref(class.rid()).ok()?;
                Some((row.namespace().ok()?, row.name().ok()?))
            }
            _ => None,
        }
    }
}

/// The primitive of this name in `System`.
fn prim_of(name: &str) -> Option<Prim> {
    (0..=0x1c)
        .filter_map(Prim::from_element_type)
        .find(|p| p.type_name() == name)
}

macro_rules! known {
    ($($field:ident = $ns:literal $name:literal;)*) => {
        /// Types of mscorlib that the VM knows by name, looked up on first use.
        #[derive(Default)]
        pub struct Known { $($field: OnceLock<&'static Type>,)* }

        #[allow(missing_docs)]
        impl Known {
            $(pub fn $field(&self) -> &'static Type {
                self.$field.get_or_init(|| {
                    types().corlib().find_type($ns, $name)
                        .unwrap_or_else(|| panic!("mscorlib has no {}.{}", $ns, $name))
                })
            })*

            /// Their names.
            const NAMES: &'static [(&'static str, &'static str)] = &[$(($ns, $name)),*];
        }
    };
}

known! {
    object = "System" "Object";
    value_type = "System" "ValueType";
    enum_ = "System" "Enum";
    string = "System" "String";
    void = "System" "Void";
    boolean = "System" "Boolean";
    char = "System" "Char";
    sbyte = "System" "SByte";
    byte = "System" "Byte";
    int16 = "System" "Int16";
    uint16 = "System" "UInt16";
    int32 = "System" "Int32";
    uint32 = "System" "UInt32";
    int64 = "System" "Int64";
    uint64 = "System" "UInt64";
    single = "System" "Single";
    double = "System" "Double";
    int_ptr = "System" "IntPtr";
    uint_ptr = "System" "UIntPtr";
    typed_reference = "System" "TypedReference";
    array = "System" "Array";
    delegate = "System" "Delegate";
    multicast_delegate = "System" "MulticastDelegate";
    exception = "System" "Exception";
    critical_finalizer = "System.Runtime.ConstrainedExecution" "CriticalFinalizerObject";
    wrapped_exception = "System.Runtime.CompilerServices" "RuntimeWrappedException";
    nullable = "System" "Nullable`1";
    runtime_type = "System" "RuntimeType";
    type_handle = "System" "RuntimeTypeHandle";
    method_handle = "System" "RuntimeMethodHandle";
    field_handle = "System" "RuntimeFieldHandle";
    argument_handle = "System" "RuntimeArgumentHandle";
    by_reference = "System" "ByReference`1";
    app_domain = "System" "AppDomain";
    app_domain_setup = "System" "AppDomainSetup";
    thread = "System.Threading" "Thread";
    internal_thread = "System.Threading" "InternalThread";
    ilist_1 = "System.Collections.Generic" "IList`1";
    ireadonly_list_1 = "System.Collections.Generic" "IReadOnlyList`1";
    icollection_1 = "System.Collections.Generic" "ICollection`1";
    ireadonly_collection_1 = "System.Collections.Generic" "IReadOnlyCollection`1";
    ienumerable_1 = "System.Collections.Generic" "IEnumerable`1";
    runtime_assembly = "System.Reflection" "RuntimeAssembly";
    runtime_module = "System.Reflection" "RuntimeModule";
    runtime_method_info = "System.Reflection" "RuntimeMethodInfo";
    runtime_constructor_info = "System.Reflection" "RuntimeConstructorInfo";
    runtime_field_info = "System.Reflection" "RuntimeFieldInfo";
    runtime_property_info = "System.Reflection" "RuntimePropertyInfo";
    runtime_parameter_info = "System.Reflection" "RuntimeParameterInfo";
}

impl Known {
    /// Whether all of them are there, so that using them cannot fail.
    fn check(corlib: &Assembly) -> Result<()> {
        let is_missing =
            |&&(namespace, name): &&(&str, &str)| corlib.image.find_type(namespace, name).is_none();
        match Self::NAMES.iter().find(is_missing) {
            None => Ok(()),
            Some((namespace, name)) => Err(LoadError::type_load(format!(
                "{} is no class library for this runtime: it has no {namespace}.{name}",
                corlib.path.display()
            ))),
        }
    }

    /// The type of a primitive.
    pub fn prim(&self, p: Prim) -> &'static Type {
        match p {
            Prim::Void => self.void(),
            Prim::Boolean => self.boolean(),
            Prim::Char => self.char(),
            Prim::I1 => self.sbyte(),
            Prim::U1 => self.byte(),
            Prim::I2 => self.int16(),
            Prim::U2 => self.uint16(),
            Prim::I4 => self.int32(),
            Prim::U4 => self.uint32(),
            Prim::I8 => self.int64(),
            Prim::U8 => self.uint64(),
            Prim::R4 => self.single(),
            Prim::R8 => self.double(),
            Prim::String => self.string(),
            Prim::TypedByRef => self.typed_reference(),
            Prim::I => self.int_ptr(),
            Prim::U => self.uint_ptr(),
            Prim::Object => self.object(),
        }
    }
}
