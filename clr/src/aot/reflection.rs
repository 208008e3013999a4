//! What a program makes by reflection, as far as its code tells.
//!
//! | in code | what an image takes up |
//! | --- | --- |
//! | `typeof(List<int>)`, `typeof(int[])` | all methods of the type |
//! | `typeof(D<,>).MakeGenericType(typeof(A), typeof(B))` | all methods of the type made |
//! | `MakeGenericType` otherwise | all methods of each definition named in the body, of each types named there |
//! | `MakeGenericMethod` | the generic methods whose names are literals of the body, of the program or of types named there, with each of those types |
//! | properties of value types | the methods by which `PropertyInfo.GetValue` reads them, which it instantiates itself |
//!
//! What is left is known only when the program runs: where it does such things is listed ([`Unknown`]).

use super::instances::Found;
use crate::tables::literals;
use crate::types::system::{Assembly, types};
use crate::types::{Method, Type};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{Op, Token};
use isthmus_runtime_abi::ids::{LiteralId, TypeId};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::fmt;

/// What is made while a program runs, how many bodies have it made, and one of them.
pub type Unknown = BTreeMap<Making, (usize, String)>;

/// Up to so many instances are made of the combinations of types in one body.
const MAX_COMBINATIONS: usize = 64;

/// What methods of the class library make while a program runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Making {
    /// Instances of types.
    Types,
    /// Instances of methods.
    Methods,
    /// Methods.
    Code,
    /// Methods for trees of expressions.
    Expressions,
    /// Methods that write and read objects of a class.
    Serializers,
    /// Handles of methods, for which native code can ask for functions.
    Handles,
}

impl fmt::Display for Making {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Making::Types => {
                "MakeGenericType: instances over value types that are not named beside it"
            }
            Making::Methods => {
                "MakeGenericMethod: instances over value types that are not named beside it"
            }
            Making::Code => "System.Reflection.Emit: the methods that are made",
            Making::Expressions => "System.Linq.Expressions: what is compiled",
            Making::Serializers => "XmlSerializer: the methods that it makes",
            Making::Handles => "MethodHandle: functions that native code asks for by it",
        })
    }
}

/// Classes of the class library, how names of methods begin, and what these make.
const MAKERS: &[(&str, &str, Making)] = &[
    ("System.Type", "MakeGenericType", Making::Types),
    (
        "System.Reflection.MethodInfo",
        "MakeGenericMethod",
        Making::Methods,
    ),
    (
        "System.Reflection.Emit.DynamicMethod",
        ".ctor",
        Making::Code,
    ),
    (
        "System.Reflection.Emit.AssemblyBuilder",
        "DefineDynamic",
        Making::Code,
    ),
    ("System.AppDomain", "DefineDynamic", Making::Code),
    (
        "System.Linq.Expressions.LambdaExpression",
        "Compile",
        Making::Expressions,
    ),
    (
        "System.Linq.Expressions.Expression`1",
        "Compile",
        Making::Expressions,
    ),
    (
        "System.Xml.Serialization.XmlSerializer",
        ".ctor",
        Making::Serializers,
    ),
    ("System.RuntimeMethodHandle", "get_Value", Making::Handles),
];

/// What a body says of types and members as data.
#[derive(Debug, Default)]
pub struct Said {
    /// Types named, and those that are made of them on the spot.
    types: Vec<TypeId>,
    texts: Vec<LiteralId>,
    makes: Vec<Making>,
}

impl Said {
    /// What this body says.
    pub fn by(body: &Body) -> Said {
        let mut said = Said::default();
        // Types on the evaluation stack, as far as they come from tokens.
        let mut stack: Vec<&'static Type> = Vec::new();
        for insn in &body.code {
            match insn.op {
                Op::LdToken(Token::Type(t)) => {
                    said.types.push(t);
                    stack.push(types().ty(t));
                }
                Op::LdStr(text) => said.texts.push(text),
                Op::Call(m) | Op::CallVirt(m) | Op::NewObj(m) => {
                    let Some(making) = made_by(types().method(m)) else {
                        continue;
                    };
                    let made = match making {
                        Making::Types => make_last(&mut stack),
                        _ => None,
                    };
                    match made {
                        Some(made) => said.types.push(made.id),
                        None => said.makes.push(making),
                    }
                }
                _ => {}
            }
        }
        said.types.sort_unstable();
        said.types.dedup();
        said.makes.sort_unstable();
        said.makes.dedup();
        said
    }

    fn named(&self) -> impl Iterator<Item = &'static Type> {
        self.types.iter().map(|&t| types().ty(t))
    }
}

fn made_by(m: &'static Method) -> Option<Making> {
    let mut fitting = MAKERS.iter().filter(|e| m.name.starts_with(e.1));
    let owner = m.owner.definition();
    let is_owner = |e: &&(&str, &str, Making)| {
        let rest = e.0.strip_prefix(owner.namespace());
        rest.and_then(|rest| rest.strip_prefix('.')) == Some(owner.name())
    };
    fitting.find(is_owner).map(|e| e.2)
}

/// The last definition on the stack of the types above it, which it takes the place of with them.
fn make_last(stack: &mut Vec<&'static Type>) -> Option<&'static Type> {
    let at = stack.iter().rposition(|t| t.is_generic_definition())?;
    let definition = stack[at];
    let arguments = stack.get(at + 1..)?;
    if arguments.len() != definition.generic_arity() {
        return None;
    }
    let made = types().instantiate(definition, arguments).ok()?;
    stack.truncate(at);
    stack.push(made);
    Some(made)
}

/// What is known of a program so far.
pub struct Reflection {
    assembly: &'static Assembly,
    /// The generic methods of its classes that are not generic themselves, by name.
    generic: Option<FxHashMap<&'static str, Vec<&'static Method>>>,
    unknown: Unknown,
}

impl Reflection {
    /// Of a program whose code was not looked at yet.
    pub fn of(assembly: &'static Assembly) -> Reflection {
        Reflection {
            assembly,
            generic: None,
            unknown: Unknown::new(),
        }
    }

    /// What may be missing in the image.
    pub fn unknown(self) -> Unknown {
        self.unknown
    }

    /// A method was compiled, whose body says this.
    pub fn add(&mut self, m: &'static Method, said: &Said, found: &mut Found) {
        let own = m.assembly() == Some(self.assembly);
        for &what in said.makes.iter().filter(|_| own) {
            let entry = self.unknown.entry(what);
            entry.or_insert_with(|| (0, m.full_name())).0 += 1;
        }
        let is_argument =
            |t: &&'static Type| !t.is_open && !t.is_void() && !t.is_generic_definition();
        let arguments: Vec<_> = said.named().filter(is_argument).collect();
        arguments.iter().for_each(|t| found.everything_of(t));
        if said.makes.contains(&Making::Types) && own {
            for definition in said.named().filter(|t| t.is_generic_definition()) {
                for args in combinations(&arguments, definition.generic_arity()) {
                    if definition.admits(&args)
                        && let Ok(made) = types().instantiate(definition, &args)
                    {
                        found.everything_of(made);
                    }
                }
            }
        }
        if said.makes.contains(&Making::Methods) && own {
            for method in self.methods_named(said) {
                for args in combinations(&arguments, method.arity as usize) {
                    if method.admits(&args)
                        && let Ok(made) = types().methods.intern(method.owner, method.kind, &args)
                    {
                        found.add_exact(made);
                    }
                }
            }
        }
    }

    /// The generic methods that a body names.
    fn methods_named(&mut self, said: &Said) -> Vec<&'static Method> {
        let assembly = self.assembly;
        let own = self.generic.get_or_insert_with(|| {
            let mut by_name: FxHashMap<_, Vec<_>> = FxHashMap::default();
            let classes = assembly.canonical_types().filter_map(Result::ok);
            for class in classes.filter(|t| t.args.is_empty()) {
                for m in generic_methods(class) {
                    by_name.entry(m.name).or_default().push(m);
                }
            }
            by_name
        });
        let mut all = Vec::new();
        for &text in &said.texts {
            let Ok(name) = String::from_utf16(&literals().get(text).text) else {
                continue;
            };
            all.extend(own.get(name.as_str()).into_iter().flatten());
            let others = |t: &&'static Type| t.assembly != Some(assembly) || !t.args.is_empty();
            let closed = said.named().filter(|t| !t.is_open).filter(others);
            all.extend(closed.flat_map(generic_methods).filter(|m| m.name == name));
        }
        all.dedup();
        all
    }

    /// The methods by which the program's properties are read.
    pub fn properties(&self, found: &mut Found) {
        let Some(reader) = types()
            .corlib()
            .find_type("System.Reflection", "RuntimePropertyInfo")
        else {
            return;
        };
        let adapter = |name: &str| generic_methods(reader).find(|m| m.name == name);
        let (Some(of_object), Some(of_class)) = (
            adapter("GetterAdapterFrame"),
            adapter("StaticGetterAdapterFrame"),
        ) else {
            return;
        };
        let classes = self.assembly.canonical_types().filter_map(Result::ok);
        for class in classes.filter(|t| t.args.is_empty() && !t.is_value() && !t.is_interface()) {
            let methods = class.methods().unwrap_or_default().iter();
            for m in methods.filter(|m| m.name.starts_with("get_") && m.arity == 0) {
                let Ok(sig) = m.sig() else { continue };
                if !sig.params.is_empty() || !sig.ret.is_value() || sig.ret.is_void() {
                    continue;
                }
                let (adapter, args) = match m.is_static() {
                    true => (of_class, vec![sig.ret]),
                    false => (of_object, vec![class, sig.ret]),
                };
                let made = types().methods.intern(reader, adapter.kind, &args);
                let Ok(made) = made else { continue };
                found.add_exact(made);
                // The delegate that it calls, which reflection makes.
                let first = made.sig().ok().and_then(|sig| sig.params.first().copied());
                first.into_iter().for_each(|t| found.everything_of(t));
            }
        }
    }
}

fn generic_methods(t: &'static Type) -> impl Iterator<Item = &'static Method> {
    let methods = t.methods().unwrap_or_default().iter().copied();
    methods.filter(|m| m.is_generic_definition())
}

/// Lists of so many of these types, as far as one of them is a value type.
fn combinations(of: &[&'static Type], len: usize) -> Vec<Vec<&'static Type>> {
    let mut all = vec![Vec::new()];
    for _ in 0..len {
        let longer = |list: Vec<&'static Type>| {
            of.iter().map(move |&t| {
                let mut list = list.clone();
                list.push(t);
                list
            })
        };
        all = all
            .into_iter()
            .flat_map(longer)
            .take(MAX_COMBINATIONS * of.len())
            .collect();
    }
    all.retain(|list| list.iter().any(|t| t.is_value()));
    all.truncate(MAX_COMBINATIONS);
    all
}
