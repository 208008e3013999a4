//! Random programs on which all engines must agree.
//!
//! [`program`] makes a valid, terminating module from a seed: numbers of all types, structs, objects, arrays, addresses, nullable values,
//! virtual, interface and constrained calls, variable arguments, class constructors, loops over counters and arrays, protected blocks with all
//! kinds of handlers, recursion from within all of these, and faults of all kinds. What a program prints does not depend on anything that engines may
//! choose. Loops are counted, and functions call later ones; themselves and earlier ones they call while there is fuel (`Fuel` in `support.sir`), so
//! programs end. Few run long (the interpreter's step limit finds those).
//!
//! [`batch`] puts many programs into one module, so that starting an engine does not cost more than they do. Names are written with a place
//! holder (`@S0`, `@main`), which becomes nothing or the prefix of one program of a batch.

mod expressions;
mod loops;
mod places;
mod statements;

use std::fmt::Write;

/// What a location holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ty {
    I8,
    U8,
    I16,
    U16,
    I32,
    I64,
    Native,
    F32,
    F64,
    Str,
    Obj,
    /// A nullable `i32`.
    Maybe,
    /// An array of the element type of this number.
    Array(usize),
    Struct(usize),
    /// The address of a location of the type of this number in [`PLACES`]: a parameter or a local, never a result.
    Ref(usize),
}

const NUMBERS: &[Ty] = &[Ty::I32, Ty::I64, Ty::Native, Ty::F32, Ty::F64];
const ELEMENTS: &[Ty] = &[
    Ty::I32,
    Ty::U8,
    Ty::I16,
    Ty::I64,
    Ty::F64,
    Ty::Obj,
    Ty::Struct(0),
    Ty::Struct(2),
];
/// What addresses point to.
const PLACES: &[Ty] = &[Ty::I32, Ty::I64, Ty::F64, Ty::U8, Ty::Obj, Ty::Struct(2)];
const STRUCTS: usize = 4;

impl Ty {
    fn name(self) -> String {
        match self {
            Ty::I8 => "i8".into(),
            Ty::U8 => "u8".into(),
            Ty::I16 => "i16".into(),
            Ty::U16 => "u16".into(),
            Ty::I32 => "i32".into(),
            Ty::I64 => "i64".into(),
            Ty::Native => "native".into(),
            Ty::F32 => "f32".into(),
            Ty::F64 => "f64".into(),
            Ty::Str => "string".into(),
            Ty::Obj => "@C0".into(),
            Ty::Array(e) => format!("{}[]", ELEMENTS[e].name()),
            Ty::Struct(n) => format!("@S{n}"),
            Ty::Maybe => "i32?".into(),
            Ty::Ref(_) => "byref".into(),
        }
    }

    /// The type on the stack.
    fn widened(self) -> Ty {
        match self {
            Ty::I8 | Ty::U8 | Ty::I16 | Ty::U16 => Ty::I32,
            other => other,
        }
    }
}

/// A place where a block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Loop(u32),
    Try,
    Catch,
    Finally,
}

struct Function {
    name: String,
    params: Vec<Ty>,
    ret: Ty,
}

struct Gen {
    seed: u64,
    large: bool,
    structs: Vec<Vec<(String, Ty)>>,
    functions: Vec<Function>,
    /// First function that the current one may call.
    callable: usize,
    vars: Vec<(String, Ty, bool)>,
    statics: Vec<(String, Ty)>,
    places: Vec<Place>,
    labels: u32,
    counters: u32,
    out: String,
}

/// The text of a program. Every eighth is large, the others are a few lines.
pub fn program(seed: u64) -> String {
    let mut text = SUPPORT.to_string();
    text.push_str(&generate(seed).replace('@', ""));
    text
}

/// The text of one program that runs these programs one after the other, each after a line `# SEED`. What a program throws is printed by the
/// name of its class.
pub fn batch(seeds: impl Iterator<Item = u64>) -> String {
    let mut text = SUPPORT.to_string();
    let mut main = String::from("func main() -> i32 {\n");
    for seed in seeds {
        text.push_str(&generate(seed).replace('@', &format!("p{seed}_")));
        let _ = writeln!(
            text,
            "noinline func run{seed}() {{\n  ldstr \"# {seed}\" call print_str\n  .try {{ call p{seed}_main pop leave end }} \
             catch Exception {{ call print_class leave end }}\n  end: ret\n}}"
        );
        let _ = writeln!(main, "  call run{seed}");
    }
    main.push_str("  ldc.i4.0 ret\n}\n");
    text.push_str(&main);
    text
}

/// How often `main` calls each function.
const TURNS: usize = 3;

/// Functions that all programs share.
const SUPPORT: &str = include_str!("support.sir");

fn generate(seed: u64) -> String {
    let mut g = Gen {
        seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d,
        large: seed.is_multiple_of(8),
        structs: Vec::new(),
        functions: Vec::new(),
        callable: 0,
        vars: Vec::new(),
        statics: Vec::new(),
        places: Vec::new(),
        labels: 0,
        counters: 0,
        out: String::new(),
    };
    g.types();
    g.bodies();
    g.out
}

impl Gen {
    fn below(&mut self, n: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        ((self.seed >> 20) % n.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("L{}", self.labels)
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push(' ');
    }

    fn line(&mut self) {
        self.out.push('\n');
    }

    // ---- types

    fn any_type(&mut self) -> Ty {
        match self.below(12) {
            0 => self.pick(&[Ty::I8, Ty::U8, Ty::I16, Ty::U16]),
            1..=3 => Ty::I32,
            4 | 5 => Ty::I64,
            6 => self.pick(&[Ty::F32, Ty::F64]),
            7 => Ty::F64,
            8 => self.pick(&[Ty::Native, Ty::Str, Ty::Maybe]),
            9 => Ty::Obj,
            10 => Ty::Array(self.below(ELEMENTS.len())),
            _ => Ty::Struct(self.below(STRUCTS)),
        }
    }

    /// The type of a parameter or a local.
    fn variable_type(&mut self) -> Ty {
        if self.one_in(9) {
            Ty::Ref(self.below(PLACES.len()))
        } else {
            self.any_type()
        }
    }

    fn types(&mut self) {
        for n in 0..STRUCTS {
            let mut fields = Vec::new();
            // The last one may have more fields than compilers keep in values, or overlapping ones.
            for f in 0..1 + self.below([2, 4, 7, 12][n]) {
                let ty = match self.any_type() {
                    Ty::Struct(inner) if inner >= n => Ty::I16,
                    other => other,
                };
                fields.push((format!("f{f}"), ty));
            }
            let number = matches!(fields[0].1, Ty::I32 | Ty::I64 | Ty::Native);
            let explicit = n == 3 && number && self.one_in(2);
            let word = if explicit { " explicit" } else { "" };
            let _ = writeln!(self.out, "struct @S{n}{word} {{");
            for (f, (name, ty)) in fields.iter().enumerate() {
                let _ = write!(self.out, "  field {} {name}", ty.name());
                if explicit {
                    let _ = write!(self.out, " at {}", 128 * f);
                }
                self.out.push('\n');
            }
            if explicit {
                self.out.push_str("  field u8 over at 1\n");
                fields.push(("over".to_string(), Ty::U8));
            }
            self.out.push_str("}\n");
            self.structs.push(fields);
        }
        self.out
            .push_str("interface @I { method it(i64 x) -> i32 }\n");
        let _ = writeln!(
            self.out,
            "class @C0 implements @I {{ field i32 a field f64 b field @C0 next field @S1 s ctor new0() {{ ret }}\n  \
             virtual method v(i32 x) -> i64 {{ ldarg x conv.i8 ldarg this ldfld @C0::a conv.i8 add ret }}\n  \
             virtual method it(i64 x) -> i32 {{ ldarg x conv.i4 ldarg this ldfld @C0::a xor ret }} }}"
        );
        let _ = writeln!(
            self.out,
            "class @C1 extends @C0 {{ field i64 c ctor new1(i32 a) {{ ldarg this ldarg a stfld @C0::a ret }}\n  \
             override method v(i32 x) -> i64 {{ ldarg this ldarg x ldc.i4.3 mul call @C0::v ldc.i8 7 sub ret }} }}"
        );
        let _ = writeln!(
            self.out,
            "sealed class @C2 extends @C1 {{ ctor new2(i32 a) {{ ldarg this ldarg a ldc.i4.5 mul stfld @C0::a ret }}\n  \
             override method it(i64 x) -> i32 {{ ldarg x ldc.i8 3 rem conv.i4 ldc.i4 100 ldarg this ldfld @C0::a div add ret }} }}"
        );
        let _ = writeln!(
            self.out,
            "struct @V implements @I {{ field i32 a field i64 b \
             virtual method it(i64 x) -> i32 {{ ldarg this dup ldfld @V::a ldc.i4.3 add stfld @V::a ldarg x conv.i4 ldarg this ldfld @V::a sub ret }} }}"
        );
        // Constructors of classes: exactly when a member is first used, at some time before, and one that fails.
        let n = self.below(100);
        let _ = writeln!(
            self.out,
            "class @K0 {{ static field i32 x static field @C0 o cctor {{ ldc.i4 {n} stsfld @K0::x newobj @C0::new0 stsfld @K0::o ldstr \"K0\" call print_str ret }} \
             static method get(i32 n) -> i32 {{ ldsfld @K0::x ldarg n add dup stsfld @K0::x ret }} }}\n\
             relaxed class @K1 {{ static field i64 x cctor {{ ldc.i8 {n} stsfld @K1::x ret }} }}\n\
             class @K2 {{ static field i32 x cctor {{ ldstr \"K2\" call print_str ldsfld @G::zero ldc.i4.1 ldsfld @G::zero div stsfld @K2::x stsfld @K2::x ret }} }}"
        );
        self.out.push_str("class @G {\n  static field i32 zero\n");
        for n in 0..6 {
            let ty = self.any_type();
            let _ = writeln!(self.out, "  static field {} g{n}", ty.name());
            self.statics.push((format!("@G::g{n}"), ty));
        }
        self.out.push_str("}\n");
    }

    // ---- functions

    fn bodies(&mut self) {
        let count = match self.large {
            true => 3 + self.below(4),
            false => 1 + self.below(2),
        };
        for n in 0..count {
            let params = (0..self.below(7)).map(|_| self.variable_type()).collect();
            let ret = self.any_type();
            self.functions.push(Function {
                name: format!("@f{n}"),
                params,
                ret,
            });
        }
        for n in 0..self.functions.len() {
            self.function(n);
        }
        self.main();
    }

    fn begin(&mut self, args: &[Ty]) -> Vec<(String, Ty)> {
        self.labels = 0;
        self.counters = 0;
        self.places.clear();
        self.vars = args
            .iter()
            .enumerate()
            .map(|(i, &t)| (format!("a{i}"), t, true))
            .collect();
        let locals: Vec<(String, Ty)> = (0..3 + self.below(6))
            .map(|i| (format!("v{i}"), self.variable_type()))
            .collect();
        self.vars
            .extend(locals.iter().map(|(n, t)| (n.clone(), *t, false)));
        locals
    }

    fn locals_text(&self, locals: &[(String, Ty)]) -> String {
        let mut all: Vec<String> = locals
            .iter()
            .map(|(n, t)| format!("{} {n}", t.name()))
            .collect();
        all.extend((0..self.counters).map(|c| format!("i32 c{c}")));
        format!("  .locals ({})\n", all.join(", "))
    }

    fn function(&mut self, n: usize) {
        let (params, ret) = (self.functions[n].params.clone(), self.functions[n].ret);
        self.callable = n + 1;
        let outer = std::mem::take(&mut self.out);
        let locals = self.begin(&params);
        self.fill(&locals);
        let count = match self.large {
            true => 2 + self.below(5),
            false => 1 + self.below(2),
        };
        for _ in 0..count {
            self.guarded();
        }
        // A tail call of a function with the same result, or any value.
        let same: Vec<usize> = (0..self.functions.len())
            .filter(|&f| self.functions[f].ret == ret)
            .collect();
        let f = self.pick(&same);
        if f > n && self.one_in(2) {
            self.tail_call(f);
        } else {
            if f <= n && self.one_in(3) {
                let more = self.label();
                self.put(&format!("call enter_call brfalse {more} call leave_call"));
                self.tail_call(f);
                self.put(&format!("{more}:"));
            }
            self.expr(ret.widened(), 2);
            self.put("ret");
        }
        let code = std::mem::replace(&mut self.out, outer);
        let params: Vec<String> = params
            .iter()
            .enumerate()
            .map(|(i, t)| format!("{} a{i}", t.name()))
            .collect();
        let flag = self.pick(&["", "", "noinline ", "inline "]);
        let name = self.functions[n].name.clone();
        let _ = writeln!(
            self.out,
            "{flag}func {name}({}) -> {} {{",
            params.join(", "),
            ret.name()
        );
        let text = self.locals_text(&locals);
        self.out.push_str(&text);
        self.out.push_str(&code);
        self.out.push_str("\n}\n");
    }

    /// Ends the function by a call.
    fn tail_call(&mut self, f: usize) {
        for p in self.functions[f].params.clone() {
            self.expr(p.widened(), 1);
        }
        let name = self.functions[f].name.clone();
        // The address of a variable would outlive its frame.
        let address = |t: &Ty| matches!(t, Ty::Ref(_));
        let prefix = match self.functions[f].params.iter().any(address) {
            true => "",
            false => "tail. ",
        };
        self.put(&format!("{prefix}call {name} ret"));
    }

    /// Gives references a value: most faults should come later.
    fn fill(&mut self, locals: &[(String, Ty)]) {
        for (name, ty) in locals {
            let reference = matches!(ty, Ty::Obj | Ty::Str | Ty::Array(_));
            if let Ty::Ref(place) = ty {
                self.address(*place);
                self.put(&format!("stloc {name}"));
            } else if reference && !self.one_in(8) {
                self.fresh(*ty);
                self.put(&format!("stloc {name}"));
            }
        }
        self.line();
    }

    /// A new object, array or string.
    fn fresh(&mut self, ty: Ty) {
        match ty {
            Ty::Obj => self.put("ldc.i4 3 newobj @C1::new1"),
            Ty::Str => self.put("ldstr \"fresh\""),
            Ty::Array(e) => {
                let n = match self.below(16) {
                    0 | 1 => self.below(4),
                    2 => 13 + self.below(30),
                    _ => 4 + self.below(3),
                };
                self.put(&format!("ldc.i4 {n} newarr {}", ELEMENTS[e].name()));
            }
            _ => self.leaf(ty),
        }
    }

    /// A statement, most often in a block of its own that catches what it throws.
    fn guarded(&mut self) {
        if self.one_in(4) {
            self.statement(3);
        } else {
            let end = self.label();
            self.places.push(Place::Try);
            self.put(".try {");
            self.statement(3);
            self.put(&format!("leave {end} }}"));
            self.places.pop();
            self.put(&format!(
                "catch Exception {{ call print_class leave {end} }} {end}:"
            ));
        }
        self.line();
    }

    fn main(&mut self) {
        self.callable = 0;
        let outer = std::mem::take(&mut self.out);
        let locals = self.begin(&[]);
        self.fill(&locals);
        for (name, ty) in self.statics.clone() {
            self.fresh(ty.widened());
            self.put(&format!("stsfld {name}"));
        }
        self.line();
        // Each function several times: engines count calls, and the turns of this loop.
        let (turn, top) = (self.counters, self.label());
        self.counters += 1;
        self.put(&format!("ldc.i4.0 stloc c{turn} {top}:"));
        for n in 0..self.functions.len() {
            let end = self.label();
            let (depth, calls) = (1 + self.below(4), self.below(16));
            self.put(&format!("ldc.i4 {depth} ldc.i4 {calls} call refuel"));
            self.places.push(Place::Try);
            self.put(".try {");
            let params = self.functions[n].params.clone();
            for p in params {
                self.expr(p.widened(), 1);
            }
            let name = self.functions[n].name.clone();
            let ret = self.functions[n].ret.widened();
            self.put(&format!("call {name}"));
            self.print(ret);
            self.put(&format!("leave {end} }}"));
            self.places.pop();
            self.put(&format!(
                "catch Exception {{ call print_class leave {end} }} {end}:"
            ));
            self.line();
        }
        self.put(&format!(
            "ldloc c{turn} ldc.i4.1 add dup stloc c{turn} ldc.i4 {TURNS} blt {top}"
        ));
        self.line();
        for _ in 0..if self.large { 6 } else { 1 } {
            self.guarded();
        }
        for (name, ty) in self.statics.clone() {
            self.put(&format!("ldsfld {name}"));
            self.print(ty.widened());
        }
        self.put("ldc.i4.0 ret");
        let code = std::mem::replace(&mut self.out, outer);
        self.out.push_str("func @main() -> i32 {\n");
        let text = self.locals_text(&locals);
        self.out.push_str(&text);
        self.out.push_str(&code);
        self.out.push_str("\n}\n");
    }

    /// Prints the value on the stack.
    fn print(&mut self, ty: Ty) {
        match ty {
            Ty::I64 => self.put("call print_i64"),
            Ty::Native => self.put("conv.i8 call print_i64"),
            Ty::F32 => self.put("call print_f32"),
            Ty::F64 => self.put("call print_f64"),
            Ty::Str => {
                let (no, end) = (self.label(), self.label());
                self.put(&format!(
                    "dup brfalse {no} call print_str br {end} {no}: pop ldstr \"null\" call print_str {end}:"
                ));
            }
            Ty::Obj => self.put("ldnull ceq call print_i32"),
            Ty::Array(e) => match ELEMENTS[e] {
                Ty::I32 | Ty::U8 | Ty::I16 | Ty::I64 | Ty::F64 => {
                    self.put(&format!("call show_{}", ELEMENTS[e].name()));
                }
                _ => {
                    let (no, end) = (self.label(), self.label());
                    self.put(&format!(
                        "dup brfalse {no} ldlen conv.i4 call print_i32 br {end} {no}: pop ldc.i4.m1 call print_i32 {end}:"
                    ));
                }
            },
            Ty::Maybe => self.put("box i32? ldnull ceq call print_i32"),
            Ty::Ref(place) => {
                let ty = PLACES[place];
                self.put(&format!("ldobj {}", ty.name()));
                self.print(ty.widened());
            }
            Ty::Struct(n) => {
                let (field, ty) = self.structs[n][0].clone();
                self.put(&format!("ldfld @S{n}::{field}"));
                self.print(ty.widened());
            }
            _ => self.put("call print_i32"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::{self, Limits, RunError};
    use crate::{text, verify};

    #[test]
    fn a_batch_runs_its_programs_one_after_the_other() {
        let source = batch([3, 5].into_iter());
        let module = text::parse(&source).unwrap_or_else(|e| panic!("{e}\n{source}"));
        let all = interp::run(&module, Limits::default()).unwrap();
        let mut wanted = Vec::new();
        for seed in [3, 5] {
            let module = text::parse(&program(seed)).unwrap();
            let alone = interp::run(&module, Limits::default()).unwrap();
            wanted.push(format!("# {seed}"));
            wanted.extend(alone.output);
            if let interp::End::Unhandled(class) = alone.end {
                wanted.push(class);
            }
        }
        assert_eq!(all.output, wanted);
    }

    #[test]
    fn programs_are_valid_and_most_end_soon() {
        let mut long = 0;
        for seed in 0..120 {
            let source = program(seed);
            let module =
                text::parse(&source).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{source}"));
            for def in module.methods.iter().filter_map(|d| d.body.as_ref()) {
                verify::verify(&module, def)
                    .unwrap_or_else(|e| panic!("seed {seed}: {e}\n{source}"));
            }
            let limits = Limits {
                steps: 300_000,
                ..Limits::default()
            };
            match interp::run(&module, limits) {
                Ok(_) => {}
                Err(RunError::Steps) => long += 1,
                Err(e) => panic!("seed {seed}: {e}\n{source}"),
            }
        }
        assert!(long < 10, "{long} of 120 programs run long");
    }
}
