//! What runs because of code, and is in no list of an assembly's methods: instances of generic methods, methods of arrays, and what the VM
//! makes between managed and native code.
//!
//! ```text
//!  symbols of code ──▶ methods, whose code mentions more
//!                 ──▶ classes that have objects ────────┐                          (the rest for programs only)
//!                 ──▶ generic virtual methods called ───┴─▶ what implements them there
//!                 ──▶ exact generic contexts: what shared code looks up, with their arguments ─▶ symbols
//! ```

use super::modules::Modules;
use super::names::Writer;
use super::slots;
use crate::comparers;
use crate::types::member::{ResolvedSig, array_methods};
use crate::types::system::types;
use crate::types::{Method, MethodKind, Type, TypeKey};
use crate::vm::contexts::ContextOwner;
use crate::vm::tiers::{self, Ahead};
use indexmap::{IndexMap, IndexSet};
use isthmus_aot::names::{Id, Names};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::rc::Rc;

/// How deep type arguments of what an image takes up may be nested: programs can nest them without end.
pub const MAX_NESTING: u32 = 6;

/// What was found, for code of an architecture.
pub struct Found {
    arch: Arch,
    /// Whether what generic virtual methods and exact generic contexts lead to is looked for. It is for programs. Libraries could
    /// call nearly everything with nearly everything (`System.Linq` each type of numbers with each other), and hardly ever do.
    thorough: bool,
    methods: Vec<&'static Method>,
    /// Methods with type arguments that are nested too deep.
    too_deep: IndexSet<MethodId, FxBuildHasher>,
    /// Classes that have objects.
    classes: IndexSet<TypeId, FxBuildHasher>,
    /// Generic virtual methods that are called.
    virtuals: IndexSet<MethodId, FxBuildHasher>,
    /// How many of the virtual methods were looked for in how many of the classes.
    looked_for: (usize, usize),
    /// The classes of assemblies that are not generic.
    homes: FxHashMap<u32, Rc<[&'static Type]>>,
    /// Owners of exact generic contexts, and how many of the slots were looked at.
    contexts: IndexMap<Id, usize, FxBuildHasher>,
}

impl Found {
    /// Nothing yet.
    pub fn new(arch: Arch, thorough: bool) -> Found {
        Found {
            arch,
            thorough,
            methods: Vec::new(),
            too_deep: IndexSet::default(),
            classes: IndexSet::default(),
            virtuals: IndexSet::default(),
            looked_for: (0, 0),
            homes: FxHashMap::default(),
            contexts: IndexMap::default(),
        }
    }

    /// A method that may run. It is kept if it is an instance that can have code.
    pub fn add(&mut self, m: &'static Method) {
        if !is_instance(m) || tiers::ahead(m, self.arch) == Ahead::Nothing {
            return;
        }
        match nesting_of(m) > MAX_NESTING {
            true => _ = self.too_deep.insert(m.id),
            false => self.methods.push(m),
        }
    }

    /// A method with the arguments that it is called with.
    pub fn add_exact(&mut self, m: &'static Method) {
        self.add(m.code());
        if m.args.is_empty() {
            self.context(m.owner);
        } else if m.code() != m && is_exact(m) && nesting_of(m) <= MAX_NESTING {
            self.contexts.entry(Id::Method(m.id)).or_insert(0);
        }
    }

    /// A class whose generic context code may look things up in.
    fn context(&mut self, t: &'static Type) {
        if t.canon() != t && !t.is_shared && !t.is_open && nesting(t) <= MAX_NESTING {
            self.contexts.entry(Id::Type(t.id)).or_insert(0);
        }
    }

    /// What code mentions.
    pub fn by_code(&mut self, code: &CompiledMethod) {
        for reloc in &code.relocs {
            self.by_symbol(reloc.symbol);
        }
        for filter in &code.filters {
            self.by_code(filter);
        }
    }

    /// What runs because of a symbol.
    pub fn by_symbol(&mut self, symbol: Symbol) {
        let ts = types();
        match symbol {
            Symbol::MethodCell(m) | Symbol::MethodBody(m) => self.add(ts.method(m).code()),
            Symbol::MethodEntry(m) | Symbol::GenericContext(m) => self.add_exact(ts.method(m)),
            // What `ResolveGenericVirtual` gets.
            Symbol::MethodHandle(m) => {
                let called = ts.method(m);
                if called.is_virtual() && !called.args.is_empty() && called.is_closed() {
                    self.virtuals.insert(m);
                }
            }
            Symbol::Vtable(t)
            | Symbol::InitState(t)
            | Symbol::Statics(t)
            | Symbol::RefStatics(t)
            | Symbol::ThreadStatics(t) => self.by_type(ts.ty(t)),
            _ => {}
        }
    }

    fn by_type(&mut self, t: &'static Type) {
        if t.is_open || !self.classes.insert(t.id) || nesting(t) > MAX_NESTING {
            return;
        }
        let generic = |t: &&'static Type| !t.args.is_empty();
        with_bases(t).filter(generic).for_each(|t| self.context(t));
        if with_bases(t).any(|t| generic(&t)) {
            let slots = t.vtable().map(|plan| plan.slots.iter().copied());
            let all = slots.into_iter().flatten().chain(t.class_constructor());
            all.for_each(|m| self.add(m.code()));
            if self.thorough {
                with_bases(t)
                    .filter_map(deserializer)
                    .for_each(|m| self.add(m.code()));
            }
        } else if t.element().is_some_and(Type::is_value) {
            of_array(t).for_each(|m| self.add(m.code()));
            if self.thorough {
                // `GetType().GetMethod("Set")`.
                array_methods(t).into_iter().for_each(|m| self.add(m));
            }
        }
    }

    /// A type whose methods reflection may call.
    pub fn everything_of(&mut self, t: &'static Type) {
        if t.is_open || (t.args.is_empty() && t.element().is_none()) || nesting(t) > MAX_NESTING {
            return;
        }
        self.by_type(t);
        let own = t.methods().unwrap_or_default().iter().copied();
        let all = own.chain(array_methods(t)).filter(|m| m.arity == 0);
        all.for_each(|m| self.add_exact(m));
    }

    /// Methods of the comparers whose class depends on the type that is compared: code makes them by reflection.
    pub fn by_reflection(&mut self, m: &'static Method) {
        let Some(class) = comparers::made_by(m) else {
            return;
        };
        let slots = class.vtable().map(|plan| plan.slots.iter());
        let constructor = class.method(".ctor", 0);
        let all = slots.into_iter().flatten().copied().chain(constructor);
        all.for_each(|m| self.add(m.code()));
    }

    /// What implements the generic virtual methods in the classes.
    fn implementations(&mut self) {
        let (virtuals, classes) = self.looked_for;
        for v in 0..self.virtuals.len() {
            let m = types().method(self.virtuals[v]);
            if v >= virtuals {
                self.implementations_at_home(m);
            }
            let from = if v < virtuals { classes } else { 0 };
            for c in from..self.classes.len() {
                self.implementation(types().ty(self.classes[c]), m);
            }
        }
        self.looked_for = (self.virtuals.len(), self.classes.len());
    }

    /// What implements a generic virtual method in the classes beside its own that are not generic: code of a library may make their objects.
    fn implementations_at_home(&mut self, m: &'static Method) {
        let Some(home) = m.owner.assembly else {
            return;
        };
        let classes = self.homes.entry(home.index).or_insert_with(|| {
            let all = home.canonical_types().filter_map(Result::ok);
            all.filter(|t| t.args.is_empty() && !t.is_interface())
                .collect()
        });
        for class in classes.clone().iter() {
            self.implementation(class, m);
        }
    }

    fn implementation(&mut self, class: &'static Type, m: &'static Method) {
        if is_of(class, m.owner)
            && let Some(found) = class.implementation_of(m)
            && found.is_closed()
        {
            self.add_exact(found);
        }
    }

    /// What shared code looks up in the exact contexts.
    fn look_ups(&mut self) {
        let mut n = 0;
        // It finds more of them.
        while let Some((&id, &done)) = self.contexts.get_index(n) {
            let owner = match id {
                Id::Method(m) => ContextOwner::Method(types().method(m)),
                Id::Type(t) => ContextOwner::Class(types().ty(t)),
                _ => break,
            };
            let entities = slots::entities(&owner);
            for &entity in entities.iter().skip(done) {
                if let Ok(closed) = owner.close(entity) {
                    self.by_symbol(slots::symbol_of(closed));
                }
            }
            self.contexts[n] = entities.len();
            n += 1;
        }
    }

    /// Methods that were left out since their type arguments are nested too deep.
    pub fn too_deep(&self) -> impl Iterator<Item = &'static Method> {
        self.too_deep.iter().map(|&m| types().method(m))
    }

    /// Those found since the last time that `is_new`, without doubles, in the order of their names. What has no name exists in this
    /// process only.
    pub fn take(
        &mut self,
        modules: &Modules,
        mut is_new: impl FnMut(&Method) -> bool,
    ) -> Vec<&'static Method> {
        // Each finds more for the other.
        while self.thorough {
            self.implementations();
            self.look_ups();
            if self.looked_for == (self.virtuals.len(), self.classes.len()) {
                break;
            }
        }
        // Names begin with numbers of modules, so all modules must have theirs before.
        let mut writer = Writer::growing(modules);
        let mut named: Vec<(Vec<u8>, &'static Method)> = Vec::new();
        for m in self.methods.drain(..).filter(|m| is_new(m)) {
            let mut name = Vec::new();
            if writer.write(Id::Method(m.id), &mut name).is_ok() {
                named.push((name, m));
            }
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named.into_iter().map(|(_, m)| m).collect()
    }
}

/// A class and its base classes.
fn with_bases(t: &'static Type) -> impl Iterator<Item = &'static Type> {
    std::iter::once(t).chain(t.ancestors())
}

/// Whether a class derives from an instance of this one, or implements one.
fn is_of(class: &'static Type, owner: &'static Type) -> bool {
    let definition = owner.definition();
    let mut interfaces = class.interfaces().unwrap_or_default().iter();
    match owner.is_interface() {
        true => interfaces.any(|i| i.definition() == definition),
        false => with_bases(class).any(|t| t.definition() == definition),
    }
}

/// The constructor that deserialization calls.
fn deserializer(t: &'static Type) -> Option<&'static Method> {
    let mut methods = t.methods().ok()?.iter().copied();
    methods.find(|m| {
        let first = |sig: &ResolvedSig| sig.params.first().copied();
        let of = "System.Runtime.Serialization";
        let is_info = |t: &Type| t.is_corlib(of, "SerializationInfo");
        m.is_ctor() && m.sig().ok().and_then(first).is_some_and(is_info)
    })
}

/// How deep the type arguments of a type are nested.
fn nesting(t: &'static Type) -> u32 {
    let inner = t.args.iter().copied().chain(t.element());
    inner.map(|t| 1 + nesting(t)).max().unwrap_or(0)
}

fn nesting_of(m: &'static Method) -> u32 {
    let args = m.args.iter().map(|t| 1 + nesting(t));
    args.chain([nesting(m.owner)]).max().unwrap_or(0)
}

/// Whether no argument stands for several types.
fn is_exact(m: &'static Method) -> bool {
    m.is_closed() && !m.is_shared()
}

/// The methods by which an array implements generic interfaces.
fn of_array(array: &'static Type) -> impl Iterator<Item = &'static Method> {
    let interfaces = array.interfaces().unwrap_or_default().iter();
    let own = interfaces.filter(|i| i.args.first().copied() == array.element());
    let methods = own.flat_map(|i| i.methods().unwrap_or_default().iter().copied());
    methods.filter_map(|m| array.interface_implementation(m))
}

/// Whether a method is an instance that no list of an assembly's methods has: an argument of it is a value type, or the VM makes it.
fn is_instance(m: &'static Method) -> bool {
    let args = || m.owner.args.iter().chain(&m.args);
    let exact =
        |t: &&&'static Type| !matches!(t.key, TypeKey::SharedVar(_) | TypeKey::SharedMVar(_));
    let made = match m.kind {
        MethodKind::InvokeAll(_)
        | MethodKind::CallSite(_)
        | MethodKind::Foreign(_)
        | MethodKind::OverPointer(_)
        | MethodKind::Callback(_) => true,
        // Those of arrays are compiled for each exact element type.
        _ => m.owner.element().is_some() && !m.owner.is_shared,
    };
    (made || args().find(exact).is_some()) && !m.owner.is_open && args().all(|t| !t.is_open)
}
