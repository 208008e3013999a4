//! What runs because of code, and is in no list of an assembly's methods: instances of generic methods, methods of arrays, and what the VM
//! makes between managed and native code.

use super::modules::Modules;
use super::names::Writer;
use crate::comparers;
use crate::types::system::types;
use crate::types::{Method, MethodKind, Type, TypeKey};
use crate::vm::tiers::{self, Ahead};
use isthmus_aot::names::{Id, Names};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;

/// What was found, for code of an architecture.
pub struct Found {
    arch: Arch,
    methods: Vec<&'static Method>,
}

impl Found {
    /// Nothing yet.
    pub fn new(arch: Arch) -> Found {
        Found {
            arch,
            methods: Vec::new(),
        }
    }

    /// A method that may run. It is kept if it is an instance that can have code.
    pub fn add(&mut self, m: &'static Method) {
        if is_instance(m) && tiers::ahead(m, self.arch) != Ahead::Nothing {
            self.methods.push(m);
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
            Symbol::MethodCell(m)
            | Symbol::MethodBody(m)
            | Symbol::MethodEntry(m)
            | Symbol::GenericContext(m) => self.add(ts.method(m).code()),
            Symbol::Vtable(t)
            | Symbol::InitState(t)
            | Symbol::Statics(t)
            | Symbol::RefStatics(t)
            | Symbol::ThreadStatics(t) => self.by_type(ts.ty(t)),
            _ => {}
        }
    }

    fn by_type(&mut self, t: &'static Type) {
        if !t.args.is_empty() && !t.is_open {
            let slots = t.vtable().map(|plan| plan.slots.iter().copied());
            let all = slots.into_iter().flatten().chain(t.class_constructor());
            all.for_each(|m| self.add(m.code()));
        } else if t.is_sz_array() && t.element().is_some_and(Type::is_value) {
            of_array(t).for_each(|m| self.add(m.code()));
        }
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

    /// Those that `is_new`, without doubles, in the order of their names. What has no name exists in this process only.
    pub fn into_order(
        self,
        modules: &Modules,
        mut is_new: impl FnMut(&Method) -> bool,
    ) -> Vec<&'static Method> {
        // Names begin with numbers of modules, so all modules must have theirs before.
        let mut writer = Writer::growing(modules);
        let mut named: Vec<(Vec<u8>, &'static Method)> = Vec::new();
        for m in self.methods.into_iter().filter(|m| is_new(m)) {
            let mut name = Vec::new();
            if writer.write(Id::Method(m.id), &mut name).is_ok() {
                named.push((name, m));
            }
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named.into_iter().map(|(_, m)| m).collect()
    }
}

/// The methods by which an array implements generic interfaces.
fn of_array(array: &'static Type) -> impl Iterator<Item = &'static Method> {
    let interfaces = array.interfaces().unwrap_or_default().iter();
    let own = interfaces.filter(|i| i.args.first().copied() == array.element());
    let methods = own.flat_map(|i| i.methods().unwrap_or_default());
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
        _ => m.owner.element().is_some(),
    };
    (made || args().find(exact).is_some()) && !m.owner.is_open && args().all(|t| !t.is_open)
}
