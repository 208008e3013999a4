//! Random programs over the stack IR.
//!
//! A program is a handful of functions full of nested expressions, loops, conditional expressions with values waiting on the
//! stack, structs, arrays, fields, checked arithmetic and exception handlers, called from `main`, which prints what
//! they return or throw.

use std::fmt::Write;

/// xorshift64*
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A type of the generated programs.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Ty {
    I32,
    I64,
    F32,
    F64,
    /// Small integers: their values are I32 on the stack.
    I8,
    U8,
    I16,
    U16,
    /// Structs of one, three, five words, and with references.
    W1,
    W3,
    W5,
    WR,
    /// An object and an array of I32.
    Obj,
    Arr,
}

const SCALARS: [Ty; 4] = [Ty::I32, Ty::I64, Ty::F32, Ty::F64];
const ALL: [Ty; 14] = [
    Ty::I32,
    Ty::I64,
    Ty::F32,
    Ty::F64,
    Ty::I8,
    Ty::U8,
    Ty::I16,
    Ty::U16,
    Ty::W1,
    Ty::W3,
    Ty::W5,
    Ty::WR,
    Ty::Obj,
    Ty::Arr,
];

impl Ty {
    fn name(self) -> &'static str {
        match self {
            Ty::I32 => "i32",
            Ty::I64 => "i64",
            Ty::F32 => "f32",
            Ty::F64 => "f64",
            Ty::I8 => "i8",
            Ty::U8 => "u8",
            Ty::I16 => "i16",
            Ty::U16 => "u16",
            Ty::W1 => "W1",
            Ty::W3 => "W3",
            Ty::W5 => "W5",
            Ty::WR => "WR",
            Ty::Obj => "Obj",
            Ty::Arr => "i32[]",
        }
    }
    /// The type of the stack entry.
    fn stack(self) -> Ty {
        match self {
            Ty::I8 | Ty::U8 | Ty::I16 | Ty::U16 => Ty::I32,
            t => t,
        }
    }
    /// Fields of a struct or class: (name, type).
    fn fields(self) -> &'static [(&'static str, Ty)] {
        match self {
            Ty::W1 => &[("a", Ty::I32), ("b", Ty::I16)],
            Ty::W3 => &[("a", Ty::I64), ("b", Ty::F64), ("c", Ty::U8)],
            Ty::W5 => &[
                ("a", Ty::I32),
                ("b", Ty::I64),
                ("c", Ty::F32),
                ("d", Ty::I64),
                ("e", Ty::W1),
                ("f", Ty::F64),
            ],
            Ty::WR => &[("o", Ty::Obj), ("n", Ty::I32), ("p", Ty::Obj)],
            Ty::Obj => &[
                ("i", Ty::I32),
                ("l", Ty::I64),
                ("s", Ty::I8),
                ("d", Ty::F64),
                ("next", Ty::Obj),
                ("w", Ty::W3),
                ("r", Ty::WR),
                ("f", Ty::F32),
            ],
            _ => &[],
        }
    }
}

struct Function {
    params: Vec<Ty>,
    ret: Ty,
}

struct Generator {
    rng: Rng,
    out: String,
    functions: Vec<Function>,
    vars: Vec<(String, Ty)>,
    labels: u32,
    budget: i32,
    /// Inside a protected region or handler: no `ret`, and whether handlers may be made at all.
    handlers: bool,
    loops: u32,
}

impl Generator {
    fn emit(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push(' ');
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("L{}", self.labels)
    }

    fn var(&mut self, ty: Ty) -> Option<String> {
        let all: Vec<usize> = (0..self.vars.len())
            .filter(|&i| self.vars[i].1.stack() == ty)
            .collect();
        if all.is_empty() {
            return None;
        }
        let i = self.rng.pick(&all);
        Some(self.vars[i].0.clone())
    }

    fn load(&mut self, name: &str) {
        let op = if name.starts_with('p') {
            "ldarg"
        } else {
            "ldloc"
        };
        self.emit(&format!("{op} {name}"));
    }

    fn store(&mut self, name: &str) {
        let op = if name.starts_with('p') {
            "starg"
        } else {
            "stloc"
        };
        self.emit(&format!("{op} {name}\n"));
    }

    fn address(&mut self, name: &str) {
        let op = if name.starts_with('p') {
            "ldarga"
        } else {
            "ldloca"
        };
        self.emit(&format!("{op} {name}"));
    }

    fn constant(&mut self, ty: Ty) {
        let r = self.rng.next();
        let small = (r >> 8) as i8 as i64;
        let text = match ty {
            Ty::I32 => {
                let v = match r % 6 {
                    0 => i32::MAX,
                    1 => i32::MIN,
                    2 => (r >> 16) as i32,
                    _ => small as i32,
                };
                format!("ldc.i4 {v}")
            }
            Ty::I64 => {
                let v = match r % 6 {
                    0 => i64::MAX,
                    1 => i64::MIN,
                    2 => (r >> 3) as i64,
                    _ => small,
                };
                format!("ldc.i8 {v}")
            }
            Ty::F32 => format!("ldc.r4 {:?}", small as f32 / 4.0),
            Ty::F64 => format!("ldc.r8 {:?}", small as f64 / 8.0),
            _ => unreachable!(),
        };
        self.emit(&text);
    }

    /// Pushes one value of the type.
    fn expr(&mut self, ty: Ty, depth: u32) {
        self.budget -= 1;
        let ty = ty.stack();
        if SCALARS.contains(&ty) {
            if depth == 0 || self.budget < 0 {
                return match self.var(ty) {
                    Some(v) if !self.rng.one_in(3) => self.load(&v),
                    _ => self.constant(ty),
                };
            }
            return self.scalar(ty, depth - 1);
        }
        if depth > 0 && self.budget > 0 {
            match self.rng.below(6) {
                0 if self.call_returning(ty, depth) => return,
                1 => return self.conditional(ty, depth),
                _ => {}
            }
        }
        if let Some((owner, field)) = self.field_of(ty)
            && self.rng.one_in(if ty == Ty::Obj { 12 } else { 3 })
        {
            return self.load_field(owner, field, depth);
        }
        match ty {
            Ty::Obj if self.rng.one_in(4) => self.emit("newobj Obj::make"),
            Ty::Obj if self.rng.one_in(8) && depth > 0 => {
                self.expr(Ty::Obj, depth - 1);
                self.emit("castclass Obj");
            }
            Ty::Obj if self.rng.one_in(30) => self.emit("ldnull"),
            Ty::Arr if self.rng.one_in(4) => {
                let n = 1 + self.rng.below(9);
                self.emit(&format!("ldc.i4 {n} newarr i32"));
            }
            _ => match self.var(ty) {
                Some(v) => self.load(&v),
                None if ty == Ty::Obj => self.emit("newobj Obj::make"),
                None => self.emit("ldc.i4 5 newarr i32"),
            },
        }
    }

    /// A type with a field of this type.
    fn field_of(&mut self, ty: Ty) -> Option<(Ty, (&'static str, Ty))> {
        let mut all = Vec::new();
        for owner in [Ty::Obj, Ty::Obj, Ty::W1, Ty::W3, Ty::W5, Ty::WR] {
            for &f in owner.fields() {
                if f.1.stack() == ty {
                    all.push((owner, f));
                }
            }
        }
        (!all.is_empty()).then(|| self.rng.pick(&all))
    }

    fn load_field(&mut self, owner: Ty, field: (&str, Ty), depth: u32) {
        let by_address = owner != Ty::Obj && self.rng.one_in(2);
        match self.var(owner) {
            Some(v) if by_address => self.address(&v),
            _ => self.expr(owner, depth.saturating_sub(1)),
        }
        self.emit(&format!("ldfld {}::{}", owner.name(), field.0));
    }

    fn call_returning(&mut self, ty: Ty, depth: u32) -> bool {
        let all: Vec<usize> = (0..self.functions.len())
            .filter(|&i| self.functions[i].ret.stack() == ty)
            .collect();
        // Calls multiply: not from loops.
        if all.is_empty() || self.loops > 0 {
            return false;
        }
        let f = self.rng.pick(&all);
        for p in self.functions[f].params.clone() {
            self.expr(p, depth.saturating_sub(1));
        }
        self.emit(&format!("call f{f}"));
        true
    }

    fn conditional(&mut self, ty: Ty, depth: u32) {
        let (other, end) = (self.label(), self.label());
        self.condition(depth.saturating_sub(1), &other);
        self.expr(ty, depth.saturating_sub(1));
        self.emit(&format!("br {end}\n{other}:"));
        self.expr(ty, depth.saturating_sub(1));
        self.emit(&format!("\n{end}:"));
    }

    /// A branch to the label under some condition.
    fn condition(&mut self, depth: u32, label: &str) {
        match self.rng.below(4) {
            0 => {
                self.expr(Ty::I32, depth);
                let op = self.rng.pick(&["brtrue", "brfalse"]);
                self.emit(&format!("{op} {label}"));
            }
            1 => {
                self.expr(Ty::Obj, depth);
                let op = self.rng.pick(&["brtrue", "brfalse"]);
                self.emit(&format!("{op} {label}"));
            }
            _ => {
                let ty = self.rng.pick(&SCALARS);
                self.expr(ty, depth);
                self.expr(ty, depth);
                let op = self.rng.pick(&[
                    "beq", "bge", "bgt", "ble", "blt", "bne.un", "bge.un", "bgt.un", "ble.un",
                    "blt.un",
                ]);
                self.emit(&format!("{op} {label}"));
            }
        }
    }

    fn scalar(&mut self, ty: Ty, depth: u32) {
        let integer = matches!(ty, Ty::I32 | Ty::I64);
        match self.rng.below(16) {
            0 => self.expr(ty, 0),
            1 => self.conditional(ty, depth),
            2 if self.call_returning(ty, depth) => {}
            3 => {
                if let Some((owner, field)) = self.field_of(ty) {
                    self.load_field(owner, field, depth);
                } else {
                    self.expr(ty, 0);
                }
            }
            4 => {
                let from = self.rng.pick(&SCALARS);
                self.expr(from, depth);
                let op = match ty {
                    Ty::I32 => self.rng.pick(&[
                        "conv.i4", "conv.i1", "conv.u1", "conv.i2", "conv.u2", "conv.u4",
                    ]),
                    Ty::I64 if from == Ty::I32 => self.rng.pick(&["conv.i8", "conv.u8"]),
                    Ty::I64 => "conv.i8",
                    Ty::F32 => "conv.r4",
                    _ if from == Ty::I32 || from == Ty::I64 => {
                        self.rng.pick(&["conv.r8", "conv.r.un"])
                    }
                    _ => "conv.r8",
                };
                self.emit(op);
            }
            5 if ty == Ty::I32 => {
                let of = self.rng.pick(&SCALARS);
                self.expr(of, depth);
                self.expr(of, depth);
                let op = self.rng.pick(&["ceq", "cgt", "clt", "cgt.un", "clt.un"]);
                self.emit(op);
            }
            6 if ty == Ty::I32 => {
                self.expr(Ty::Arr, depth);
                if self.rng.one_in(3) {
                    self.emit("ldlen conv.i4");
                } else {
                    self.index(depth);
                    self.emit("ldelem.i4");
                }
            }
            7 => {
                self.expr(ty, depth);
                self.emit("dup");
                let op = self.rng.pick(&["add", "mul", "sub"]);
                self.emit(op);
            }
            8 => {
                self.expr(ty, depth);
                self.emit("neg");
            }
            9 if integer => {
                self.expr(ty, depth);
                self.expr(Ty::I32, depth);
                let op = self.rng.pick(&["shl", "shr", "shr.un"]);
                self.emit(op);
            }
            10 if integer => {
                self.expr(ty, depth);
                if self.rng.one_in(2) {
                    self.constant(ty);
                } else {
                    self.expr(ty, depth);
                }
                let op = self.rng.pick(&["div", "rem", "div.un", "rem.un"]);
                self.emit(op);
            }
            11 if integer && self.rng.one_in(3) => {
                self.expr(ty, depth);
                self.expr(ty, depth);
                let op = self.rng.pick(&[
                    "add.ovf",
                    "sub.ovf",
                    "mul.ovf",
                    "add.ovf.un",
                    "sub.ovf.un",
                    "mul.ovf.un",
                ]);
                self.emit(op);
            }
            12 if integer && self.rng.one_in(4) => {
                let from = self.rng.pick(&SCALARS);
                self.expr(from, depth);
                let op = match ty {
                    Ty::I32 => self.rng.pick(&[
                        "conv.ovf.i1",
                        "conv.ovf.u1",
                        "conv.ovf.i2",
                        "conv.ovf.i4",
                        "conv.ovf.u4",
                        "conv.ovf.i4.un",
                        "conv.ovf.u2.un",
                    ]),
                    _ => self
                        .rng
                        .pick(&["conv.ovf.i8", "conv.ovf.u8", "conv.ovf.i8.un"]),
                };
                self.emit(op);
            }
            13 if integer => {
                self.expr(ty, depth);
                self.expr(ty, depth);
                let op = self.rng.pick(&["and", "or", "xor"]);
                self.emit(op);
            }
            _ => {
                self.expr(ty, depth);
                if self.rng.one_in(3) {
                    self.constant(ty);
                } else {
                    self.expr(ty, depth);
                }
                let op = self.rng.pick(&["add", "sub", "mul"]);
                let op = if !integer && self.rng.one_in(4) {
                    "div"
                } else {
                    op
                };
                self.emit(op);
            }
        }
    }

    /// An index that is mostly within bounds.
    fn index(&mut self, depth: u32) {
        if self.rng.one_in(10) {
            self.expr(Ty::I32, depth);
        } else if self.rng.one_in(2) {
            let i = self.rng.below(5);
            self.emit(&format!("ldc.i4 {i}"));
        } else {
            self.expr(Ty::I32, depth);
            self.emit("ldc.i4 3 and");
        }
    }

    fn block(&mut self, depth: u32) {
        for _ in 0..1 + self.rng.below(4) {
            self.statement(depth);
        }
    }

    fn statement(&mut self, depth: u32) {
        if self.budget < 0 {
            return;
        }
        match self.rng.below(14) {
            0 if depth > 0 => {
                let (other, end) = (self.label(), self.label());
                self.condition(2, &other);
                self.block(depth - 1);
                self.emit(&format!("br {end}\n{other}:"));
                self.block(depth - 1);
                self.emit(&format!("\n{end}:"));
            }
            1 if depth > 0 && self.loops < 2 => {
                let counter = format!("c{}", self.loops);
                let top = self.label();
                let turns = 1 + self.rng.below(6);
                self.emit(&format!("ldc.i4 0 stloc {counter}\n{top}:"));
                self.loops += 1;
                self.block(depth - 1);
                self.loops -= 1;
                self.emit(&format!(
                    "ldloc {counter} ldc.i4 1 add stloc {counter} ldloc {counter} ldc.i4 {turns} blt {top}\n"
                ));
            }
            2 if depth > 0 && self.handlers => self.try_statement(depth),
            3 => {
                // A field of an object or a struct.
                let owner = self.rng.pick(&[Ty::Obj, Ty::W1, Ty::W3, Ty::W5, Ty::WR]);
                let field = self.rng.pick(owner.fields());
                match (owner, self.var(owner)) {
                    (Ty::Obj, _) => self.expr(Ty::Obj, 2),
                    (_, Some(v)) => self.address(&v),
                    _ => return,
                }
                self.expr(field.1, 3);
                self.emit(&format!("stfld {}::{}\n", owner.name(), field.0));
            }
            4 => {
                self.expr(Ty::Arr, 1);
                self.index(2);
                self.expr(Ty::I32, 3);
                self.emit("stelem.i4\n");
            }
            5 => {
                // Through an address.
                let i = self.rng.below(self.vars.len() as u64) as usize;
                let (name, ty) = self.vars[i].clone();
                let op = match ty {
                    Ty::I32 => "stind.i4",
                    Ty::I64 => "stind.i8",
                    Ty::F32 => "stind.r4",
                    Ty::F64 => "stind.r8",
                    Ty::I8 | Ty::U8 => "stind.i1",
                    Ty::I16 | Ty::U16 => "stind.i2",
                    Ty::Obj | Ty::Arr => "stind.ref",
                    _ => {
                        self.address(&name);
                        self.emit(&format!("initobj {}\n", ty.name()));
                        return;
                    }
                };
                // Rarely: it keeps the variable out of registers.
                if self.rng.one_in(3) {
                    self.address(&name);
                    self.expr(ty, 3);
                    self.emit(&format!("{op}\n"));
                }
            }
            6 if depth > 0 => {
                let labels: Vec<String> =
                    (0..2 + self.rng.below(4)).map(|_| self.label()).collect();
                let end = self.label();
                self.expr(Ty::I32, 2);
                self.emit(&format!("ldc.i4 7 and switch ({})\n", labels.join(", ")));
                self.block(depth - 1);
                self.emit(&format!("br {end}"));
                for l in labels {
                    self.emit(&format!("\n{l}:"));
                    self.block(depth - 1);
                    self.emit(&format!("br {end}"));
                }
                self.emit(&format!("\n{end}:"));
            }
            _ => {
                let i = self.rng.below(self.vars.len() as u64) as usize;
                let (name, ty) = self.vars[i].clone();
                self.expr(ty, 4);
                self.store(&name);
            }
        }
    }

    fn try_statement(&mut self, depth: u32) {
        let end = self.label();
        let loops = self.loops;
        match self.rng.below(4) {
            0 => {
                self.emit(".try {");
                self.block(depth - 1);
                self.emit(&format!("leave {end} }} catch Exception {{ pop"));
                self.block(depth - 1);
                self.emit(&format!("leave {end} }}\n"));
            }
            1 => {
                self.emit(".try {");
                self.block(depth - 1);
                self.emit(&format!("leave {end} }} finally {{"));
                self.block(depth - 1);
                self.emit("endfinally }\n");
            }
            2 => {
                self.emit(".try { .try {");
                self.block(depth - 1);
                self.emit(&format!(
                    "leave {end} }} catch ArithmeticException {{ callvirt object::type_name call print_str"
                ));
                self.block(depth - 1);
                if self.rng.one_in(3) {
                    self.emit("rethrow } } finally {");
                } else {
                    self.emit(&format!("leave {end} }} }} finally {{"));
                }
                self.block(depth - 1);
                self.emit("endfinally }\n");
            }
            _ => {
                self.emit(".try {");
                self.block(depth - 1);
                self.emit(&format!("leave {end} }} filter {{ pop"));
                self.expr(Ty::I32, 3);
                self.emit("ldc.i4 1 and endfilter } { pop");
                self.block(depth - 1);
                self.emit(&format!("leave {end} }}\n"));
            }
        }
        self.loops = loops;
        self.emit(&format!("{end}:"));
    }

    fn function(&mut self, number: usize) {
        let n = self.rng.below(9) as usize;
        let params: Vec<Ty> = (0..n).map(|_| self.rng.pick(&ALL)).collect();
        let ret = self.rng.pick(&ALL);
        self.vars = params
            .iter()
            .enumerate()
            .map(|(i, &t)| (format!("p{i}"), t))
            .collect();
        let locals: Vec<Ty> = (0..2 + self.rng.below(8))
            .map(|_| self.rng.pick(&ALL))
            .collect();
        let mut declared: Vec<String> = vec!["i32 c0".into(), "i32 c1".into()];
        for (i, &t) in locals.iter().enumerate() {
            self.vars.push((format!("v{i}"), t));
            declared.push(format!("{} v{i}", t.name()));
        }
        // A variable of each struct type, so that expressions of these types have a leaf.
        for t in [Ty::W1, Ty::W3, Ty::W5, Ty::WR] {
            let name = format!("w{}", t.name());
            declared.push(format!("{} {name}", t.name()));
            self.vars.push((name, t));
        }
        let list: Vec<String> = params
            .iter()
            .enumerate()
            .map(|(i, t)| format!("{} p{i}", t.name()))
            .collect();
        let _ = writeln!(
            self.out,
            "func f{number}({}) -> {} {{\n.locals ({})",
            list.join(", "),
            ret.name(),
            declared.join(", ")
        );
        self.handlers = self.rng.one_in(2);
        self.budget = 40 + self.rng.below(160) as i32;
        self.loops = 0;
        // Arrays and objects start as something.
        for (name, ty) in self.vars.clone() {
            match ty {
                Ty::Obj if name.starts_with('v') => {
                    self.emit("newobj Obj::make");
                    self.store(&name);
                }
                Ty::Arr if name.starts_with('v') => {
                    self.emit("ldc.i4 6 newarr i32");
                    self.store(&name);
                }
                _ => {}
            }
        }
        self.block(3);
        self.block(3);
        self.budget = self.budget.max(20);
        self.expr(ret, 3);
        self.emit("ret }\n");
        self.functions.push(Function { params, ret });
    }

    /// Prints a value of the type that is on the stack.
    fn print(&mut self, ty: Ty, depth: u32) {
        match ty {
            Ty::I64 => self.emit("call print_i64"),
            Ty::F32 => self.emit("call print_f32"),
            Ty::F64 => self.emit("call print_f64"),
            Ty::Arr => self.emit("ldlen conv.i4 call print_i32"),
            t if t.fields().is_empty() => self.emit("call print_i32"),
            t => {
                let local = format!("r{}", t.name());
                self.emit(&format!("stloc {local}"));
                for f in t.fields() {
                    if depth > 0 || f.1.fields().is_empty() {
                        self.emit(&format!("ldloc {local} ldfld {}::{}", t.name(), f.0));
                        self.print(f.1, depth.saturating_sub(1));
                    }
                }
            }
        }
    }

    fn main(&mut self) {
        let n = self.functions.len();
        self.out
            .push_str("func main() -> i32 {\n.locals (W1 rW1, W3 rW3, W5 rW5, WR rWR, Obj rObj)\n");
        self.vars.clear();
        for t in [Ty::W1, Ty::W3, Ty::W5, Ty::WR] {
            self.vars.push((format!("r{}", t.name()), t));
        }
        for f in 0..n {
            for _ in 0..2 {
                let end = self.label();
                self.emit(".try {");
                for p in self.functions[f].params.clone() {
                    self.budget = 0;
                    self.expr(p, 1);
                }
                self.emit(&format!("call f{f}"));
                self.print(self.functions[f].ret, 1);
                self.emit(&format!(
                    "leave {end} }} catch Exception {{ callvirt object::type_name call print_str leave {end} }}\n{end}:"
                ));
            }
        }
        self.emit("ldc.i4 0 ret }\n");
    }
}

/// The program of a seed.
/// The text of program number `seed`.
pub fn program(seed: u64) -> String {
    let mut g = Generator {
        rng: Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        out: String::new(),
        functions: Vec::new(),
        vars: Vec::new(),
        labels: 0,
        budget: 0,
        handlers: false,
        loops: 0,
    };
    for t in [Ty::W1, Ty::W3, Ty::W5, Ty::WR, Ty::Obj] {
        let kind = if t == Ty::Obj { "class" } else { "struct" };
        let _ = write!(g.out, "{kind} {} {{ ", t.name());
        for f in t.fields() {
            let _ = write!(g.out, "field {} {} ", f.1.name(), f.0);
        }
        if t == Ty::Obj {
            g.out.push_str("ctor make() { ret } ");
        }
        g.out.push_str("}\n");
    }
    for number in 0..8 {
        g.function(number);
    }
    g.main();
    g.out
}
