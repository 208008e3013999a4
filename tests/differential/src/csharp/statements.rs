//! Statements of generated C#.

use super::generate::{Gen, Place, Var};
use super::types::Ty;

impl Gen {
    pub fn statement(&mut self, depth: usize) {
        self.budget -= 1;
        let choice = self.rng.below(if depth > 0 { 26 } else { 13 });
        match choice {
            0..=3 => self.assign(),
            4 => self.update(),
            5 | 6 => self.store(),
            7 => {
                let ty = self.rng.pick(&[Ty::Int, Ty::Long, Ty::Double]);
                let value = self.expr(ty, 3);
                let name = match ty {
                    Ty::Int => "si",
                    Ty::Long => "sl",
                    _ => "sd",
                };
                self.line(&format!("G.{name} = {value};"));
            }
            8 => self.jump(),
            9 => self.lambda(),
            10 => self.swap(),
            11 => self.pointer(),
            12 => {
                let (s, n) = (self.unknown(Ty::String, 1), self.unknown(Ty::Int, 1));
                self.line(&format!("G.ss = G.Cut(G.ss + {s} + {n}, 40);"));
            }
            13..=15 => self.if_else(depth - 1),
            16 | 17 => self.counted(depth - 1),
            18 => self.while_loop(depth - 1),
            19 => self.foreach(depth - 1),
            20 | 21 => self.protected(depth - 1),
            22 => self.switch(depth - 1),
            23 => {
                let head = self.rng.pick(&[
                    "lock (typeof(G))",
                    "using (new Resource())",
                    "checked",
                    "unchecked",
                ]);
                self.line(head);
                self.block(depth - 1, 2);
            }
            24 => self.array_loop(depth - 1),
            _ => self.protected(depth - 1),
        }
    }

    /// Statements in braces; variables declared inside are gone after it.
    pub fn block(&mut self, depth: usize, most: usize) {
        self.open();
        let known = self.vars.len();
        for _ in 0..1 + self.rng.below(most) {
            self.statement(depth);
        }
        self.vars.truncate(known);
        self.close();
    }

    /// Something is assigned to a variable.
    fn assign(&mut self) {
        let n = self.rng.below(self.vars.len());
        let v = self.vars[n].clone();
        if v.fixed {
            return self.update();
        }
        let value = self.expr(v.ty, 3);
        self.line(&format!("{} = {value};", v.name));
    }

    fn update(&mut self) {
        let ty = self.rng.pick(&[
            Ty::Int,
            Ty::Long,
            Ty::Byte,
            Ty::Short,
            Ty::Uint,
            Ty::Double,
            Ty::String,
        ]);
        let Some(name) = self.assignable(ty) else {
            return self.line("G.si++;");
        };
        let value = self.unknown(ty, 2);
        let op = match ty {
            Ty::String => "+=",
            Ty::Double => self.rng.pick(&["+=", "-=", "*="]),
            _ => self.rng.pick(&["+=", "-=", "*=", "^=", "|=", "&="]),
        };
        match ty {
            Ty::String => self.line(&format!("{name} = G.Cut(({name} ?? \"\") + {value}, 30);")),
            _ => self.line(&format!("{name} {op} {value};")),
        }
    }

    /// A field or an element is assigned.
    fn store(&mut self) {
        match self.rng.below(9) {
            0 => {
                let (a, i, v) = (
                    self.unknown(Ty::Ints, 0),
                    self.index(1),
                    self.expr(Ty::Int, 2),
                );
                let op = self.rng.pick(&["=", "+=", "^="]);
                self.line(&format!("({a})[{i}] {op} {v};"));
            }
            1 => {
                let (a, i, v) = (
                    self.unknown(Ty::Bytes, 0),
                    self.index(1),
                    self.expr(Ty::Byte, 2),
                );
                self.line(&format!("({a})[{i}] = {v};"));
            }
            2 => {
                let (a, i, v) = (
                    self.unknown(Ty::Doubles, 0),
                    self.index(1),
                    self.expr(Ty::Double, 2),
                );
                self.line(&format!("({a})[{i}] = {v};"));
            }
            3 => {
                let (a, i, v) = (
                    self.unknown(Ty::Points, 0),
                    self.index(1),
                    self.expr(Ty::Int, 2),
                );
                let field = self.rng.pick(&["x =", "y =", "z +=", "x ^="]);
                self.line(&format!("({a})[{i}].{field} {v};"));
            }
            4 => match self.assignable(Ty::Point) {
                Some(p) => {
                    let v = self.expr(Ty::Int, 2);
                    self.line(&format!("{p}.x = {v};"));
                }
                None => self.line("G.sp.y++;"),
            },
            5 => match self.assignable(Ty::Mixed) {
                Some(m) => {
                    let (v, s) = (self.expr(Ty::Point, 2), self.expr(Ty::String, 1));
                    self.line(&format!("{m}.p = {v};"));
                    self.line(&format!("{m}.s = {s};"));
                    self.line(&format!("{m}.p.z--;"));
                }
                None => self.line("G.sp.x += 2;"),
            },
            6 => {
                let (s, v) = (self.unknown(Ty::Shape, 1), self.expr(Ty::Int, 2));
                self.line(&format!("({s}).side = {v};"));
            }
            7 => {
                let (s, v) = (self.unknown(Ty::Shape, 0), self.expr(Ty::Shape, 1));
                self.line(&format!("({s}).next = {v};"));
            }
            _ => {
                let (list, v) = (self.unknown(Ty::List, 0), self.expr(Ty::Int, 2));
                let call = self
                    .rng
                    .pick(&["Add", "Remove", "Insert(0, ", "RemoveAt(0); G.Sum("]);
                let open = if call.ends_with("(0, ") || call.ends_with("Sum(") {
                    ""
                } else {
                    "("
                };
                self.line(&format!("({list}).{call}{open}{v});"));
            }
        }
    }

    /// Out of a loop, a switch or the method, or with an exception.
    fn jump(&mut self) {
        let c = self.condition(2);
        let inner = self.places.last().copied();
        let in_finally = self.places.contains(&Place::Finally);
        let in_lambda = self.places.contains(&Place::Lambda);
        let statement = match (inner, self.rng.below(4)) {
            (Some(Place::Loop), 0 | 1) => "break;".to_string(),
            (Some(Place::Loop), 2) => "continue;".to_string(),
            (_, 0) if !in_finally && !in_lambda && self.ret != Ty::Func => {
                let v = self.expr(self.ret, 2);
                format!("return {v};")
            }
            (_, 1) => {
                let n = self.unknown(Ty::Int, 1);
                format!("throw new Mine({n});")
            }
            _ => self
                .rng
                .pick(&[
                    "throw new InvalidOperationException();",
                    "throw new ArgumentNullException();",
                    "throw new Mine(4);",
                ])
                .to_string(),
        };
        self.line(&format!("if ({c}) {statement}"));
    }

    /// A lambda that changes a variable of the method.
    fn lambda(&mut self) {
        let Some(captured) = self.assignable(Ty::Int) else {
            return self.line("G.si--;");
        };
        let (name, a) = (self.name("f"), self.name("k"));
        let v = self.unknown(Ty::Int, 1);
        self.line(&format!("Func<int, int> {name} = {a} =>"));
        self.open();
        let (known, places) = (
            self.vars.len(),
            std::mem::replace(&mut self.places, vec![Place::Lambda]),
        );
        self.line("G.Turn();");
        self.line(&format!("{captured} += {a} ^ {v};"));
        for _ in 0..self.rng.below(3) {
            self.statement(0);
        }
        self.line(&format!("return {captured} - {a};"));
        self.vars.truncate(known);
        self.places = places;
        self.indent -= 1;
        self.line("};");
        let n = self.unknown(Ty::Int, 1);
        self.line(&format!("{captured} = {name}({n}) + {name}(2);"));
    }

    fn swap(&mut self) {
        let ty = self
            .rng
            .pick(&[Ty::Int, Ty::String, Ty::Point, Ty::Long, Ty::Double]);
        if let (Some(a), Some(b)) = (self.assignable(ty), self.assignable(ty)) {
            self.line(&format!("G.Swap<{}>(ref {a}, ref {b});", ty.name()));
            return;
        }
        let (a, i) = (self.unknown(Ty::Ints, 0), self.index(1));
        self.line(&format!("G.Swap(ref ({a})[{i}], ref G.si);"));
    }

    /// Memory of the frame, and pinned arrays, through pointers.
    fn pointer(&mut self) {
        let name = self.name("q");
        let (v, w) = (self.expr(Ty::Int, 2), self.unknown(Ty::Int, 1));
        if self.indent == 2 && self.rng.one_in(2) {
            self.line(&format!("int* {name} = stackalloc int[4];"));
            self.line(&format!("{name}[1] = {v};"));
            self.line(&format!("*({name} + 2) = {name}[1] * 3 + {w};"));
            self.line(&format!("G.si ^= {name}[2] + {name}[3];"));
            return;
        }
        let i = self.index(1);
        self.line(&format!("fixed (int* {name} = new int[8])"));
        self.open();
        self.line(&format!("{name}[{i} & 7] = {v};"));
        self.line(&format!("byte* bytes = (byte*){name};"));
        self.line(&format!("bytes[({w}) & 31] += 3;"));
        self.line(&format!("G.si += {name}[1] + bytes[8];"));
        self.close();
    }

    fn if_else(&mut self, depth: usize) {
        let c = self.condition(3);
        self.line(&format!("if ({c})"));
        self.block(depth, 3);
        if self.rng.one_in(2) {
            self.line("else");
            self.block(depth, 2);
        }
    }

    fn body(&mut self, place: Place, depth: usize, most: usize) {
        self.places.push(place);
        self.block(depth, most);
        self.places.pop();
    }

    /// A loop's body, which takes from the fuel first.
    fn turns(&mut self, depth: usize, counter: Option<(&str, Ty)>, last: Option<&str>) {
        self.places.push(Place::Loop);
        self.open();
        self.line("G.Turn();");
        let known = self.vars.len();
        if let Some((name, ty)) = counter {
            self.vars.push(Var {
                name: name.to_string(),
                ty,
                fixed: true,
            });
        }
        for _ in 0..1 + self.rng.below(3) {
            self.statement(depth);
        }
        self.vars.truncate(known);
        if let Some(text) = last {
            self.line(text);
        }
        self.close();
        self.places.pop();
    }

    fn counted(&mut self, depth: usize) {
        let name = self.name("i");
        let ty = self
            .rng
            .pick(&[Ty::Int, Ty::Int, Ty::Int, Ty::Long, Ty::Byte, Ty::Uint]);
        let n = 1 + self.rng.below(9);
        let t = ty.name();
        let head = match self.rng.below(4) {
            0 if matches!(ty, Ty::Int | Ty::Long) => {
                format!("for ({t} {name} = {n}; {name} >= 0; {name}--)")
            }
            1 => format!("for ({t} {name} = 0; {name} <= {n}; {name} += 2)"),
            2 if ty == Ty::Int => {
                let a = self.unknown(Ty::Int, 1);
                format!("for (int {name} = 0; {name} < (({a}) & 7); ++{name})")
            }
            _ => format!("for ({t} {name} = 0; {name} < {n}; {name}++)"),
        };
        self.line(&head);
        self.turns(depth, Some((&name, ty)), None);
    }

    /// Over the elements of an array: what compilers version and vectorize.
    fn array_loop(&mut self, depth: usize) {
        let (name, a) = (self.name("i"), self.name("a"));
        let of = self
            .rng
            .pick(&[Ty::Ints, Ty::Doubles, Ty::Bytes, Ty::Points]);
        let value = self.unknown(of, 1);
        self.line(&format!("{} {a} = {value};", of.name()));
        let (start, end) = (
            self.rng.pick(&["0", "0", "1", "-1"]),
            self.rng
                .pick(&[
                    "{}.Length",
                    "{}.Length",
                    "{}.Length + 1",
                    "{}.Length - 1",
                    "4",
                ])
                .replace("{}", &a),
        );
        let v = self.unknown(Ty::Int, 1);
        let step = match of {
            Ty::Ints => self.rng.pick(&[
                "@[#] += #;",
                "@[#] = @[#] * 3 + VALUE;",
                "@[# ^ 1] ^= @[#];",
                "G.si += @[#];",
                "G.si = Math.Max(G.si, @[#]);",
            ]),
            Ty::Doubles => self.rng.pick(&["@[#] = @[#] * 2 + #;", "G.sd += @[#];"]),
            Ty::Bytes => self.rng.pick(&[
                "@[#] += (byte)#;",
                "G.si += @[#];",
                "@[#] = (byte)(@[#] ^ (VALUE));",
            ]),
            _ => self.rng.pick(&[
                "@[#].x += #;",
                "G.si += @[#].y;",
                "@[#] = @[#] + G.sp;",
                "@[#].z = VALUE;",
            ]),
        };
        let step = step
            .replace('@', &a)
            .replace('#', &name)
            .replace("VALUE", &v);
        self.line(&format!(
            "for (int {name} = {start}; {name} < {end}; {name}++)"
        ));
        let last = (!self.rng.one_in(3)).then_some(step);
        match last {
            Some(step) if self.rng.one_in(2) => self.line(&format!("    {step}")),
            Some(step) => self.turns(depth, Some((&name, Ty::Int)), Some(&step)),
            None => self.turns(depth, Some((&name, Ty::Int)), None),
        }
        if self.rng.one_in(2) {
            self.line(&format!("G.sl = G.Hash(G.sl, {a});"));
        }
    }

    fn while_loop(&mut self, depth: usize) {
        let (c, name) = (self.condition(2), self.name("w"));
        let n = 1 + self.rng.below(6);
        self.line(&format!("int {name} = {n};"));
        if self.rng.one_in(2) {
            self.line(&format!("while ({name}-- > 0 && {c})"));
            self.turns(depth, None, None);
        } else {
            self.line("do");
            self.turns(depth, None, None);
            self.line(&format!("while ({name}-- > 0 && {c});"));
        }
    }

    fn foreach(&mut self, depth: usize) {
        let name = self.name("e");
        let (of, ty) = self.rng.pick(&[
            (Ty::Ints, Ty::Int),
            (Ty::List, Ty::Int),
            (Ty::String, Ty::Char),
            (Ty::Points, Ty::Point),
            (Ty::Bytes, Ty::Byte),
        ]);
        let mut all = self.unknown(of, 1);
        if ty == Ty::Int && self.rng.one_in(2) {
            let n = self.unknown(Ty::Int, 1);
            all = self
                .rng
                .pick(&[
                    "G.Count(({}) & 7)",
                    "G.Twice(new[] { 3, {}, 5 })",
                    "Enumerable.Range(0, ({}) & 3).Select(x => x * 2)",
                ])
                .replace("{}", &n);
        }
        if all.ends_with("null)") {
            all = "(G.si > 0 ? \"text\" : null)".to_string();
        }
        let ty = if all.starts_with("(G.si") {
            Ty::Char
        } else {
            ty
        };
        self.line(&format!("foreach ({} {name} in {all})", ty.name()));
        self.turns(depth, Some((&name, ty)), None);
    }

    fn switch(&mut self, depth: usize) {
        let known = self.vars.len();
        let what = self.rng.below(3);
        let (value, cases): (String, &[&str]) = match what {
            0 => (
                self.unknown(Ty::Int, 2),
                &["0", "1", "2", "3", "100", "-1", "7"],
            ),
            1 => (
                self.unknown(Ty::String, 1),
                &[
                    "\"\"",
                    "\"abc\"",
                    "\"x\"",
                    "\"12\"",
                    "\"cube\"",
                    "\"static\"",
                    "null",
                ],
            ),
            _ => (
                self.unknown(Ty::Color, 1),
                &["Color.Red", "Color.Green", "Color.Blue"],
            ),
        };
        let value = if what == 0 && self.rng.one_in(2) {
            format!("({value}) & 3")
        } else {
            value
        };
        // mcs makes a switch over a constant that is none of the cases into a branch to itself.
        self.line(&format!("switch (G.Id({value}))"));
        self.open();
        let n = 1 + self.rng.below(cases.len());
        for case in &cases[..n] {
            self.line(&format!("case {case}:"));
            if self.rng.one_in(5) {
                continue;
            }
            self.body(Place::Switch, depth, 2);
            self.line("    break;");
        }
        self.line("default:");
        self.body(Place::Switch, depth, 1);
        self.line("    break;");
        self.close();
        self.vars.truncate(known);
    }

    fn protected(&mut self, depth: usize) {
        self.line("try");
        // What a loop means by `break` is also meant inside.
        self.block(depth, 3);
        let catches = self.rng.below(4);
        let classes = [
            "Mine",
            "DivideByZeroException",
            "NullReferenceException",
            "IndexOutOfRangeException",
            "OverflowException",
            "InvalidCastException",
            "ArithmeticException",
            "InvalidOperationException",
        ];
        let first = self.rng.below(classes.len());
        let mut used: Vec<&str> = Vec::new();
        for k in 0..catches.min(2) {
            let class = classes[(first + k * 3) % classes.len()];
            // A general class before a special one is an error.
            if used.contains(&"ArithmeticException") {
                break;
            }
            used.push(class);
            let e = self.name("x");
            let when = if self.rng.one_in(2) {
                let c = self.condition(1);
                format!(" when ({c})")
            } else {
                String::new()
            };
            self.line(&format!("catch ({class} {e}){when}"));
            self.open();
            let known = self.vars.len();
            match class {
                "Mine" => self.line(&format!("G.si += {e}.code;")),
                _ => self.line(&format!("G.si += {e}.GetType().Name.Length;")),
            }
            self.statement(depth.min(1));
            if self.rng.one_in(6) {
                let c = self.condition(1);
                self.line(&format!("if ({c}) throw;"));
            }
            self.vars.truncate(known);
            self.close();
        }
        let general = self.rng.one_in(3) && catches > 0;
        if general {
            self.line("catch (Exception)");
            self.block(depth.min(1), 2);
        }
        if used.is_empty() && !general || self.rng.one_in(4) {
            self.line("finally");
            let places = std::mem::replace(&mut self.places, vec![Place::Finally]);
            self.block(depth.min(1), 2);
            self.places = places;
        }
    }
}
