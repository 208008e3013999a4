//! Names of types and methods, for messages, dumps and reflection.

use super::member::Method;
use super::system::types;
use super::ty::{Type, TypeKey};
use crate::metadata::Row;
use std::fmt::Write;

impl Type {
    /// Simple name (`List`1`).
    pub fn name(&self) -> &'static str {
        match self.assembly {
            Some(a) => a
                .image
                .type_def(self.rid)
                .and_then(|r| r.name())
                .unwrap_or("?"),
            None => "?",
        }
    }

    /// Namespace; empty for nested types.
    pub fn namespace(&self) -> &'static str {
        match self.assembly {
            Some(a) => a
                .image
                .type_def(self.rid)
                .and_then(|r| r.namespace())
                .unwrap_or(""),
            None => "",
        }
    }

    /// The type it is nested in.
    pub fn enclosing(&self) -> Option<&'static Type> {
        let a = self.assembly?;
        if let Some(built) = a.piece.as_ref().and_then(|p| p.of) {
            return built.enclosing?.created.get().copied();
        }
        let outer = a.image.type_def(self.rid).ok()?.enclosing_type().ok()??;
        a.type_def(outer.rid()).ok()
    }

    /// The types nested directly in it.
    pub fn nested(&self) -> Vec<&'static Type> {
        let Some(a) = self.assembly else {
            return Vec::new();
        };
        if let Some(built) = a.piece.as_ref().and_then(|p| p.of) {
            return built.nested();
        }
        let rows = a.image.nested_types(self.rid);
        rows.filter_map(|rid| a.type_def(rid).ok()).collect()
    }

    /// Namespace, enclosing types joined by `+` or `/`, and name, without type arguments.
    pub fn qualified_name(&self, nesting: char) -> String {
        match self.enclosing() {
            Some(outer) => format!("{}{nesting}{}", outer.qualified_name(nesting), self.name()),
            None if self.namespace().is_empty() => self.name().to_owned(),
            None => format!("{}.{}", self.namespace(), self.name()),
        }
    }

    /// The name that reflection's `ToString` and messages use: `System.Collections.Generic.List`1[System.String]`.
    pub fn full_name(&self) -> String {
        let mut out = String::new();
        self.write_name(&mut out);
        out
    }

    /// The name that messages of Mono's native part use: keywords for primitives, arguments in angle brackets.
    pub fn native_name(&self) -> String {
        use crate::metadata::sig::Prim;
        let inner = |id: &isthmus_runtime_abi::ids::TypeId| types().ty(*id).native_name();
        let keyword = self.prim.filter(|&p| p != Prim::TypedByRef);
        let keyword = keyword.map(Prim::keyword);
        match &self.key {
            _ if keyword.is_some() => keyword.unwrap_or("").to_owned(),
            TypeKey::Inst(..) => {
                let args: Vec<String> = self.args.iter().map(|a| a.native_name()).collect();
                format!("{}<{}>", self.qualified_name('/'), args.join(", "))
            }
            TypeKey::SzArray(e) => inner(e) + "[]",
            TypeKey::Ptr(e) => inner(e) + "*",
            TypeKey::ByRef(e) => inner(e) + "&",
            TypeKey::Def(..) => self.qualified_name('/'),
            _ => self.full_name(),
        }
    }

    fn write_name(&self, out: &mut String) {
        let inner = |id, out: &mut String| types().ty(id).write_name(out);
        match &self.key {
            TypeKey::Def(..) => out.push_str(&self.qualified_name('+')),
            TypeKey::Inst(..) => {
                out.push_str(&self.qualified_name('+'));
                out.push('[');
                for (i, a) in self.args.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    a.write_name(out);
                }
                out.push(']');
            }
            TypeKey::SzArray(e) => {
                inner(*e, out);
                out.push_str("[]");
            }
            TypeKey::MdArray(e, rank) => {
                inner(*e, out);
                out.push('[');
                match rank {
                    1 => out.push('*'),
                    _ => (1..*rank).for_each(|_| out.push(',')),
                }
                out.push(']');
            }
            TypeKey::Ptr(e) => {
                inner(*e, out);
                out.push('*');
            }
            TypeKey::ByRef(e) => {
                inner(*e, out);
                out.push('&');
            }
            TypeKey::FnPtr(_) => out.push_str("(fnptr)"),
            TypeKey::Var(n) => {
                let _ = write!(out, "!{n}");
            }
            TypeKey::MVar(n) => {
                let _ = write!(out, "!!{n}");
            }
            TypeKey::Param(_, n) => match self.param_name() {
                Some(name) => out.push_str(name),
                None => {
                    let _ = write!(out, "!{n}");
                }
            },
            TypeKey::SharedVar(n) => {
                let _ = write!(out, "shared!{n}");
            }
            TypeKey::SharedMVar(n) => {
                let _ = write!(out, "shared!!{n}");
            }
        }
    }
}

impl Method {
    /// `Type:Method<args> (parameters)`, as messages of Mono's native part have it.
    pub fn native_name(&self) -> String {
        let class = self.owner.qualified_name('/');
        let args = match self.native_args() {
            args if args.is_empty() => args,
            args => format!("<{args}>"),
        };
        format!("{class}:{}{args} ({})", self.name, self.native_params())
    }

    /// `Type.Method[args](parameters)`, as other messages of it have it.
    pub fn reflection_name(&self) -> String {
        let args = match self.native_args() {
            args if args.is_empty() => args,
            args => format!("[{args}]"),
        };
        let class = self.owner.full_name();
        format!("{class}.{}{args}({})", self.name, self.native_params())
    }

    fn native_args(&self) -> String {
        let own = match self.is_generic_definition() {
            true => self.own_params().unwrap_or_default(),
            false => self.args.to_vec(),
        };
        let names: Vec<String> = own.iter().map(|a| a.native_name()).collect();
        names.join(", ")
    }

    fn native_params(&self) -> String {
        let params = self.sig().map_or(&[][..], |sig| &sig.params);
        let names: Vec<String> = params.iter().map(|t| t.native_name()).collect();
        names.join(",")
    }

    /// `Type::Method`, with type arguments: what `--method` takes and dumps show.
    pub fn full_name(&self) -> String {
        let mut out = format!("{}::{}", self.owner.full_name(), self.name);
        if !self.args.is_empty() {
            let args: Vec<String> = self.args.iter().map(|a| a.full_name()).collect();
            let _ = write!(out, "<{}>", args.join(","));
        }
        out
    }
}
