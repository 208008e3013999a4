//! Random C# methods.
//!
//! Methods come in groups: `M12_0` is run and may call `M12_1`, which may call `M12_2`. Each turn of a loop and each call takes from a fuel
//! gauge, so everything ends. What is shown of a method is a hash of its variables. Constants are never folded into an error: every
//! operator has an operand that the C# compiler does not know.

use super::types::{Rng, Ty};
use std::fmt::Write;

/// Methods in a group.
pub const GROUP: usize = 3;

/// Variable of a method.
#[derive(Clone, Debug)]
pub(super) struct Var {
    pub name: String,
    pub ty: Ty,
    /// Counters of loops are not assigned.
    pub fixed: bool,
}

/// Where a statement stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Loop,
    Switch,
    Finally,
    Lambda,
}

pub(super) struct Gen {
    pub rng: Rng,
    pub vars: Vec<Var>,
    pub places: Vec<Place>,
    /// Parameters and results of the methods that this one may call.
    pub callees: Vec<(String, Vec<Ty>, Ty)>,
    pub names: usize,
    pub out: String,
    pub indent: usize,
    /// Statements left.
    pub budget: i32,
    /// Result of the method.
    pub ret: Ty,
}

/// The members of the class of generated methods that belong to a seed, and the call that shows them.
pub fn group(seed: u64) -> (String, String) {
    let mut g = Gen {
        rng: Rng::new(seed),
        vars: Vec::new(),
        places: Vec::new(),
        callees: Vec::new(),
        names: 0,
        out: String::new(),
        indent: 1,
        budget: 0,
        ret: Ty::Long,
    };
    for n in (0..GROUP).rev() {
        g.method(seed, n);
    }
    let (name, params, ret) = g.callees.pop().unwrap_or_default();
    let args: Vec<String> = params.iter().map(|&t| t.zero().to_string()).collect();
    let call = format!(
        "G.Show(\"{seed}\", () => G.Hash(1, ({}){name}({})));",
        ret.name(),
        args.join(", ")
    );
    (g.out, call)
}

/// A whole program of these seeds.
pub fn program(seeds: impl Iterator<Item = u64>) -> String {
    let mut text = String::from(include_str!("support.cs"));
    let (mut methods, mut calls) = (String::new(), String::new());
    for seed in seeds {
        let (members, call) = group(seed);
        methods.push_str(&members);
        let _ = writeln!(calls, "        {call}");
    }
    text.push_str("\nunsafe class Program\n{\n");
    text.push_str(&methods);
    text.push_str("    static void Main()\n    {\n");
    text.push_str(&calls);
    text.push_str("        G.Flush();\n    }\n}\n");
    text
}

impl Gen {
    pub fn line(&mut self, text: &str) {
        for _ in 0..self.indent {
            self.out.push_str("    ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    pub fn open(&mut self) {
        self.line("{");
        self.indent += 1;
    }

    pub fn close(&mut self) {
        self.indent -= 1;
        self.line("}");
    }

    pub fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    fn method(&mut self, seed: u64, n: usize) {
        let name = format!("M{seed}_{n}");
        self.vars.clear();
        self.names = 0;
        let count = if n == 0 { 0 } else { self.rng.below(5) };
        let params: Vec<Ty> = (0..count).map(|_| self.rng.pick(Ty::ALL)).collect();
        self.ret = if n == 0 {
            Ty::Long
        } else {
            self.rng.pick(Ty::ALL)
        };
        let list: Vec<String> = params
            .iter()
            .enumerate()
            .map(|(i, t)| format!("{} p{i}", t.name()))
            .collect();
        for (i, &ty) in params.iter().enumerate() {
            self.vars.push(Var {
                name: format!("p{i}"),
                ty,
                fixed: false,
            });
        }
        let ret = self.ret;
        self.line(&format!(
            "static {} {name}({})",
            ret.name(),
            list.join(", ")
        ));
        self.open();
        self.line("G.Turn();");
        for i in 0..3 + self.rng.below(5) {
            let ty = if i == 0 {
                Ty::Int
            } else {
                self.rng.pick(Ty::ALL)
            };
            let value = self.fresh(ty);
            let name = self.name("v");
            self.line(&format!("{} {name} = {value};", ty.name()));
            self.vars.push(Var {
                name,
                ty,
                fixed: false,
            });
        }
        self.budget = 6 + self.rng.below(18) as i32;
        while self.budget > 0 {
            self.statement(3);
        }
        if n == 0 {
            self.line("long hash = 17;");
            for v in self.vars.clone() {
                self.line(&format!("hash = G.Hash(hash, {});", v.name));
            }
            self.line("return hash;");
        } else {
            let value = self.expr(ret, 3);
            self.line(&format!("return {value};"));
        }
        self.close();
        self.callees.push((name, params, ret));
    }
}
