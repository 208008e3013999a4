//! Delegates that native code may call, and function pointers that become delegates: which methods between them an image needs.
//!
//! ```text
//!  P/Invokes ─────────────────────▶ classes of delegates that cross ─┐
//!  UnmanagedFunctionPointerAttribute ─▶                              ├─▶ a callback for each method, a call through pointers
//!  new D(…, method) in code ──────▶ delegates that are made ─────────┘
//! ```
//!
//! Where code passes delegates to `Marshal` by hand, all delegate classes of the assembly may cross.

use super::instances::Found;
use crate::body::{self, Implementation};
use crate::marshal::callbacks;
use crate::marshal::form::Form;
use crate::synth::delegates::is_delegate;
use crate::synth::{callback, pinvoke};
use crate::types::system::{Assembly, types};
use crate::types::{Method, Type};
use indexmap::IndexSet;
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::Op;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use rustc_hash::{FxBuildHasher, FxHashMap};

/// A class of delegates and a method that one of it was made of.
pub type Delegate = (TypeId, MethodId);

/// The delegates that a body makes.
pub fn delegates_made(body: &Body) -> Vec<Delegate> {
    let pairs = body.code.windows(2);
    let made = pairs.filter_map(|pair| match (pair[0].op, pair[1].op) {
        (Op::LdFtn(target) | Op::LdVirtFtn(target), Op::NewObj(constructor)) => {
            let class = types().method(constructor).owner;
            is_delegate(class).then_some((class.id, target))
        }
        _ => None,
    });
    made.collect()
}

/// What is known of an assembly so far.
pub struct Crossings {
    assembly: &'static Assembly,
    classes: IndexSet<TypeId, FxBuildHasher>,
    delegates: IndexSet<Delegate, FxBuildHasher>,
    /// Whether delegates of a class can be called by native code, once somebody has asked.
    callable: FxHashMap<TypeId, bool>,
    /// Code takes function pointers of delegates by hand.
    takes_pointers: bool,
    /// Code makes delegates for function pointers by hand.
    makes_delegates: bool,
}

impl Crossings {
    /// Of an assembly whose code was not looked at yet.
    pub fn of(assembly: &'static Assembly) -> Crossings {
        let mut crossings = Crossings {
            assembly,
            classes: IndexSet::default(),
            delegates: IndexSet::default(),
            callable: FxHashMap::default(),
            takes_pointers: false,
            makes_delegates: false,
        };
        let declared = classes_of(assembly)
            .filter(|class| callbacks::class_of(class).is_ok_and(|c| c.declared.is_explicit));
        crossings.classes.extend(declared.map(|class| class.id));
        crossings
    }

    /// A method was compiled.
    pub fn add(&mut self, m: &'static Method, code: &CompiledMethod, made: &[Delegate]) {
        self.delegates.extend(made);
        self.native_call(m);
        for reloc in &code.relocs {
            if let Symbol::MethodCell(callee) = reloc.symbol {
                let callee = types().method(callee);
                self.native_call(callee);
                let by_hand = callee
                    .owner
                    .is_corlib("System.Runtime.InteropServices", "Marshal")
                    && m.owner != callee.owner;
                let does = |what| by_hand && callee.name.starts_with(what);
                self.takes_pointers |= does("GetFunctionPointerForDelegate");
                self.makes_delegates |= does("GetDelegateForFunctionPointer");
            }
        }
    }

    /// The delegates among the parameters of a call of native code.
    fn native_call(&mut self, m: &'static Method) {
        if body::implementation(m) != Implementation::PInvoke {
            return;
        }
        if let Ok(plan) = pinvoke::plan(m) {
            let forms = plan.specs.iter().flatten().map(|spec| spec.form);
            forms.for_each(|form| self.form(form));
        }
    }

    fn form(&mut self, form: Form) {
        match form {
            Form::Delegate(class) => _ = self.classes.insert(class.id),
            Form::Array(element) => self.form(element.form),
            Form::Struct(shape)
            | Form::StructPointer(shape)
            | Form::Class(shape)
            | Form::InlineClass(shape) => {
                shape.parts.iter().for_each(|part| self.form(part.form));
            }
            _ => {}
        }
    }

    /// The methods between.
    pub fn methods(&mut self, found: &mut Found) {
        for n in 0..self.delegates.len() {
            let (class, target) = self.delegates[n];
            let class = types().ty(class);
            let by_hand = self.takes_pointers && class.assembly == Some(self.assembly);
            if (by_hand || self.classes.contains(&class.id)) && self.can_be_called(class) {
                let target = types().method(target);
                let between = callbacks::class_of(class)
                    .and_then(|class| callbacks::between(class, Some(target)));
                between.into_iter().for_each(|m| found.add(m));
            }
        }
        let own = |by_hand: bool| by_hand.then(|| classes_of(self.assembly));
        let crossing: Vec<_> = self
            .classes
            .iter()
            .map(|&class| types().ty(class))
            .collect();
        let made = own(self.makes_delegates).into_iter().flatten();
        for class in crossing.iter().copied().chain(made) {
            let over = callbacks::class_of(class).and_then(callbacks::over_pointer);
            over.into_iter().for_each(|m| found.add(m));
        }
        // For delegates that nothing here makes of a method: combined ones, and those that reflection makes.
        let taken: Vec<_> = own(self.takes_pointers).into_iter().flatten().collect();
        for class in crossing.into_iter().chain(taken) {
            if self.can_be_called(class) {
                let any = callbacks::class_of(class).and_then(|c| callbacks::between(c, None));
                any.into_iter().for_each(|m| found.add(m));
            }
        }
    }

    fn can_be_called(&mut self, class: &'static Type) -> bool {
        *self.callable.entry(class.id).or_insert_with(|| {
            let plan = callbacks::class_of(class).and_then(callback::plan);
            class.args.is_empty() && plan.is_ok()
        })
    }
}

/// The classes of delegates that an assembly defines, but for generic ones.
fn classes_of(assembly: &'static Assembly) -> impl Iterator<Item = &'static Type> {
    let all = assembly.canonical_types().filter_map(Result::ok);
    all.filter(|t| t.args.is_empty() && is_delegate(t))
}
