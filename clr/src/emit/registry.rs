//! Modules and types under construction, and what the tokens that programs get from them mean.

use super::objects::{Fields, classes};
use crate::types::system::Assembly;
use crate::types::{LoadError, Result as LoadResult, Type};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, heap};
use isthmus_rt::object::Ref;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// A module under construction.
pub struct BuiltModule {
    /// What stands for it among the loaded modules.
    pub root: &'static Assembly,
    /// Handles of the `ModuleBuilder` and its `AssemblyBuilder`.
    objects: (usize, usize),
    tokens: Mutex<Tokens>,
    /// The file, between its making and its writing.
    file: Mutex<Vec<u8>>,
}

/// What the tokens of a module mean.
#[derive(Default)]
struct Tokens {
    objects: FxHashMap<u32, Registered>,
    /// Tokens given for items of the runtime, by address and whether the open instantiation is meant.
    given: FxHashMap<(usize, bool), u32>,
    texts: Vec<Box<[u16]>>,
    /// Tokens given so far.
    count: u32,
}

#[derive(Clone, Copy)]
struct Registered {
    /// A strong handle.
    object: usize,
    /// A generic definition stands for its instantiation over its own parameters.
    open: bool,
}

impl BuiltModule {
    /// Keeps a module.
    pub fn new(root: &'static Assembly, module: Ref, assembly: Ref) -> &'static BuiltModule {
        Box::leak(Box::new(BuiltModule {
            root,
            objects: (heap::strong_handle(module), heap::strong_handle(assembly)),
            tokens: Mutex::default(),
            file: Mutex::default(),
        }))
    }

    /// The module of a `ModuleBuilder`.
    pub fn of(cx: &Cx<'_>, builder: Ref) -> Result<&'static BuiltModule> {
        let root: usize = Fields::of(cx, builder)?.get("_impl")?;
        crate::icalls::handle::assembly_at(root)
            .and_then(|root| root.built.get().copied())
            .ok_or_else(|| cx.null_reference())
    }

    /// The `ModuleBuilder`.
    pub fn module(&self) -> Ref {
        heap::from_handle(self.objects.0)
    }

    /// The `AssemblyBuilder`.
    pub fn assembly(&self) -> Ref {
        heap::from_handle(self.objects.1)
    }

    /// Keeps the file that the module was made into.
    pub fn set_file(&self, bytes: Vec<u8>) {
        *self.file.lock() = bytes;
    }

    /// The file that the module was made into; it is not kept any longer.
    pub fn take_file(&self) -> Vec<u8> {
        std::mem::take(&mut self.file.lock())
    }

    /// Gives a token of a table its meaning, or another one.
    pub fn register(&self, token: u32, object: Ref, open: bool) {
        let object = heap::strong_handle(object);
        let mut tokens = self.tokens.lock();
        tokens.objects.insert(token, Registered { object, open });
    }

    /// A new token of a table for an object; the same again for the same item of the runtime (by its address).
    pub fn token(&self, table: u8, object: Ref, item: usize, open: bool) -> u32 {
        let object = heap::strong_handle(object);
        let mut tokens = self.tokens.lock();
        if item != 0
            && let Some(&token) = tokens.given.get(&(item, open))
        {
            return token;
        }
        tokens.count += 1;
        // Far from the numbers that builders count up from 1, and from those that the library counts down.
        let token = u32::from(table) << 24 | (0x40_0000 + tokens.count);
        tokens.objects.insert(token, Registered { object, open });
        if item != 0 {
            tokens.given.insert((item, open), token);
        }
        token
    }

    /// The object of a token, and whether the open instantiation is meant.
    pub fn object(&self, token: u32) -> Option<(Ref, bool)> {
        let found = self.tokens.lock().objects.get(&token).copied()?;
        Some((heap::from_handle(found.object), found.open))
    }

    /// The token of a literal. The library asks once for each.
    pub fn text_token(&self, units: &[u16]) -> u32 {
        let mut tokens = self.tokens.lock();
        tokens.texts.push(units.into());
        0x7000_0000 | tokens.texts.len() as u32
    }

    /// The literal of a token.
    pub fn text(&self, token: u32) -> Option<Box<[u16]>> {
        let index = (token & 0x00ff_ffff).checked_sub(1)?;
        self.tokens.lock().texts.get(index as usize).cloned()
    }
}

/// A type under construction.
pub struct BuiltType {
    /// Its module.
    pub module: &'static BuiltModule,
    /// Namespace and name.
    pub name: (String, String),
    /// The type it is nested in.
    pub enclosing: Option<&'static BuiltType>,
    /// The type, once it is created.
    pub created: OnceLock<&'static Type>,
    /// Types nested in it, as far as they were met.
    nested: Mutex<Vec<&'static BuiltType>>,
    /// A strong handle of the `TypeBuilder`.
    builder: usize,
}

/// Created top-level types, by the number of their assembly, namespace and name.
type ByName = FxHashMap<(u32, (String, String)), &'static BuiltType>;
static CREATED: Mutex<Option<ByName>> = Mutex::new(None);

/// Field of `TypeBuilder` that holds the address of its [`BuiltType`]; the class library does not use it.
const MARK: &str = "generic_container";

impl BuiltType {
    /// The type of a `TypeBuilder`.
    pub fn of(cx: &Cx<'_>, builder: Ref) -> Result<&'static BuiltType> {
        let fields = Fields::of(cx, builder)?;
        let found: usize = fields.get(MARK)?;
        // SAFETY: zero, or what is stored below: a leaked item.
        if let Some(found) = unsafe { (found as *const BuiltType).as_ref() } {
            return Ok(found);
        }
        let outer: Ref = fields.get("nesting_type")?;
        let enclosing = match outer {
            Ref::NULL => None,
            outer if cx.type_of(outer) == classes().type_builder => Some(BuiltType::of(cx, outer)?),
            _ => None,
        };
        let made: &'static BuiltType = Box::leak(Box::new(BuiltType {
            module: BuiltModule::of(cx, fields.get("pmodule")?)?,
            name: (fields.text("nspace")?, fields.text("tname")?),
            enclosing,
            created: OnceLock::new(),
            nested: Mutex::default(),
            builder: heap::strong_handle(builder),
        }));
        if let Some(outer) = enclosing {
            outer.nested.lock().push(made);
        }
        let at = offset_of(classes().type_builder, MARK).map_err(|e| cx.load_error(&e))?;
        cx.write(builder, at, std::ptr::from_ref(made) as usize);
        Ok(made)
    }

    /// The `TypeBuilder`.
    pub fn builder(&self) -> Ref {
        heap::from_handle(self.builder)
    }

    /// The types nested in it that are created.
    pub fn nested(&self) -> Vec<&'static Type> {
        let nested = self.nested.lock();
        nested
            .iter()
            .filter_map(|t| t.created.get().copied())
            .collect()
    }

    /// Notes the type that it has become; the first one stays.
    pub fn set_created(&'static self, ty: &'static Type) -> &'static Type {
        let ty = self.created.get_or_init(|| ty);
        if self.enclosing.is_none() {
            let key = (self.module.root.main().index, self.name.clone());
            CREATED
                .lock()
                .get_or_insert_default()
                .entry(key)
                .or_insert(self);
        }
        ty
    }

    /// The created top-level type of a name in an assembly that a program builds.
    pub fn find(assembly: &Assembly, namespace: &str, name: &str) -> Option<&'static Type> {
        let created = CREATED.lock();
        let created = created.as_ref()?;
        let key = (assembly.index, (namespace.to_owned(), name.to_owned()));
        let found = *created.get(&key)?;
        found.created.get().copied()
    }

    /// Name with namespace and enclosing types.
    pub fn full_name(&self) -> String {
        match (self.enclosing, self.name.0.as_str()) {
            (Some(outer), _) => format!("{}+{}", outer.full_name(), self.name.1),
            (None, "") => self.name.1.clone(),
            (None, namespace) => format!("{namespace}.{}", self.name.1),
        }
    }
}

/// A type that metadata name by a token.
#[derive(Clone, Copy)]
pub enum Named {
    /// A definition of the runtime.
    Runtime(&'static Type),
    /// One under construction.
    Built(&'static BuiltType),
}

impl Named {
    /// A definition; those that come from a builder stand for it.
    pub fn definition(ty: &'static Type) -> Named {
        match ty.assembly.and_then(|a| a.piece.as_ref()?.of) {
            Some(built) => Named::Built(built),
            None => Named::Runtime(ty),
        }
    }

    /// What tells it from others.
    pub fn key(self) -> usize {
        match self {
            Named::Runtime(t) => std::ptr::from_ref(t) as usize,
            Named::Built(t) => std::ptr::from_ref(t) as usize,
        }
    }

    /// The type, which must have been created by now.
    pub fn resolve(self) -> LoadResult<&'static Type> {
        match self {
            Named::Runtime(t) => Ok(t),
            Named::Built(t) => t.created.get().copied().ok_or_else(|| {
                LoadError::type_load(format!(
                    "Could not load type '{}' from assembly '{}'.",
                    t.full_name(),
                    t.module.root.name
                ))
            }),
        }
    }
}

/// What makes a loaded module a piece of one under construction.
pub struct Piece {
    /// The type in it; none where only attributes are.
    pub of: Option<&'static BuiltType>,
    /// What its TypeRef rows mean.
    pub type_refs: Box<[Named]>,
}

impl Piece {
    /// The type of a TypeRef row.
    pub fn type_ref(&self, rid: u32) -> LoadResult<&'static Type> {
        match self.type_refs.get(rid.wrapping_sub(1) as usize) {
            Some(named) => named.resolve(),
            None => Err(LoadError::type_load(format!(
                "{}: no type reference {rid}",
                self.of.map_or_else(String::new, BuiltType::full_name)
            ))),
        }
    }
}
