//! Expressions of generated C#.

use super::generate::Gen;
use super::types::Ty;

impl Gen {
    /// A variable of the type.
    pub fn variable(&mut self, ty: Ty) -> Option<String> {
        let fits: Vec<&str> = self
            .vars
            .iter()
            .filter(|v| v.ty == ty)
            .map(|v| v.name.as_str())
            .collect();
        if fits.is_empty() {
            return None;
        }
        let n = self.rng.below(fits.len());
        Some(fits[n].to_string())
    }

    /// A value that the compiler does not know.
    pub fn unknown(&mut self, ty: Ty, depth: usize) -> String {
        if let Some(name) = self.variable(ty)
            && (depth == 0 || self.rng.one_in(2))
        {
            return name;
        }
        match ty {
            _ if depth > 0 => self.expr(ty, depth - 1),
            Ty::Int => "G.si".to_string(),
            Ty::Long => "G.sl".to_string(),
            Ty::Double => "G.sd".to_string(),
            Ty::Float => "(float)G.sd".to_string(),
            Ty::Bool => "(G.si > 3)".to_string(),
            Ty::Decimal => "(decimal)G.si".to_string(),
            _ if ty.is_integer() => format!("unchecked(({})G.si)", ty.name()),
            _ => self.fresh(ty),
        }
    }

    /// A new value.
    pub fn fresh(&mut self, ty: Ty) -> String {
        let n = self.rng.below(40);
        match ty {
            Ty::Int => self
                .rng
                .pick(&[
                    "0",
                    "1",
                    "-1",
                    "7",
                    "100",
                    "-128",
                    "int.MaxValue",
                    "int.MinValue",
                    "65536",
                    "31",
                ])
                .to_string(),
            Ty::Uint => self
                .rng
                .pick(&["0u", "1u", "7u", "uint.MaxValue", "0x80000000u"])
                .to_string(),
            Ty::Long => self
                .rng
                .pick(&[
                    "0L",
                    "1L",
                    "-1L",
                    "9L",
                    "long.MaxValue",
                    "long.MinValue",
                    "0x100000000L",
                    "-77L",
                ])
                .to_string(),
            Ty::Ulong => self
                .rng
                .pick(&[
                    "0UL",
                    "1UL",
                    "3UL",
                    "ulong.MaxValue",
                    "0x8000000000000000UL",
                ])
                .to_string(),
            Ty::Short => self
                .rng
                .pick(&["(short)1", "short.MinValue", "(short)-7", "short.MaxValue"])
                .to_string(),
            Ty::Ushort => self
                .rng
                .pick(&["(ushort)1", "ushort.MaxValue", "(ushort)300"])
                .to_string(),
            Ty::Byte => self
                .rng
                .pick(&["(byte)1", "byte.MaxValue", "(byte)200"])
                .to_string(),
            Ty::Sbyte => self
                .rng
                .pick(&["(sbyte)1", "sbyte.MinValue", "(sbyte)-5"])
                .to_string(),
            Ty::Char => self
                .rng
                .pick(&["'a'", "'Z'", "'0'", "'\\uffff'"])
                .to_string(),
            Ty::Bool => self.rng.pick(&["true", "false"]).to_string(),
            Ty::Float => self
                .rng
                .pick(&[
                    "0f",
                    "1.5f",
                    "-2.25f",
                    "1e20f",
                    "float.NaN",
                    "0.1f",
                    "float.PositiveInfinity",
                ])
                .to_string(),
            Ty::Double => self
                .rng
                .pick(&[
                    "0.0",
                    "1.5",
                    "-2.25",
                    "1e20",
                    "double.NaN",
                    "0.1",
                    "-0.0",
                    "double.NegativeInfinity",
                    "3e9",
                ])
                .to_string(),
            Ty::Decimal => self
                .rng
                .pick(&["0m", "1.5m", "-2.25m", "79228162514264m", "0.001m"])
                .to_string(),
            Ty::String => self
                .rng
                .pick(&[
                    "\"\"",
                    "\"abc\"",
                    "\"Hello, World\"",
                    "\"12\"",
                    "((string)null)",
                    "\"x\"",
                ])
                .to_string(),
            Ty::Color => self
                .rng
                .pick(&["Color.Red", "Color.Green", "Color.Blue", "(Color)77"])
                .to_string(),
            Ty::Nullable => self
                .rng
                .pick(&["((int?)null)", "((int?)5)", "new int?(-3)"])
                .to_string(),
            Ty::Point => format!("new Point({n}, {})", n as i32 - 20),
            Ty::Mixed => format!("new Mixed {{ b = {n}, d = {n}.5, s = \"m\", h = -{n} }}"),
            Ty::Pair => format!("new Pair<int, string>({n}, \"p{n}\")"),
            Ty::Shape => format!("G.NewShape({n})"),
            Ty::Object => self
                .rng
                .pick(&[
                    "(object)5",
                    "(object)\"o\"",
                    "(object)new Point(1, 2)",
                    "(object)2.5",
                    "new object()",
                    "((object)null)",
                ])
                .to_string(),
            Ty::Ints => match n % 4 {
                0 => format!("new int[{}]", n % 9),
                1 => "((int[])null)".to_string(),
                _ => format!("new int[] {{ {n}, 2, -{n}, 4, 5 }}"),
            },
            Ty::Doubles => format!("new double[] {{ {n}.25, 2, -1e3, 4 }}"),
            Ty::Bytes => format!("new byte[] {{ {n}, 2, 255, 4, 128, 6, 7, 8, 9 }}"),
            Ty::Points => {
                format!("new Point[] {{ new Point({n}, 1), new Point(2, {n}), new Point() }}")
            }
            Ty::List => format!("new List<int> {{ {n}, 3, -{n} }}"),
            Ty::Func => {
                let captured = self.unknown(Ty::Int, 0);
                format!("x => x * {n} + {captured}")
            }
        }
    }

    /// An expression of the type.
    pub fn expr(&mut self, ty: Ty, depth: usize) -> String {
        if depth == 0 || self.rng.one_in(6) {
            if self.rng.one_in(3) {
                return self.fresh(ty);
            }
            return self.unknown(ty, 0);
        }
        let d = depth - 1;
        match self.rng.below(14) {
            0 if !matches!(ty, Ty::Func) => {
                let (c, a, b) = (self.condition(d), self.unknown(ty, d), self.unknown(ty, d));
                format!("({c} ? {a} : {b})")
            }
            1 if !matches!(ty, Ty::Func) => {
                let (c, a, b) = (self.condition(d), self.unknown(ty, d), self.unknown(ty, d));
                format!("G.Pick<{}>({c}, {a}, {b})", ty.name())
            }
            2 => {
                if let Some(call) = self.call(ty, d) {
                    return call;
                }
                self.operation(ty, d)
            }
            3 if ty != Ty::Func && ty != Ty::Nullable => {
                let value = self.unknown(ty, d);
                format!("(({})(object){value})", ty.name())
            }
            4 if ty != Ty::Func => {
                let value = self.unknown(ty, d);
                format!("new Holder<{}>({value}).Held", ty.name())
            }
            _ => self.operation(ty, d),
        }
    }

    fn call(&mut self, ty: Ty, depth: usize) -> Option<String> {
        let fits: Vec<(String, Vec<Ty>)> = self
            .callees
            .iter()
            .filter(|c| c.2 == ty)
            .map(|c| (c.0.clone(), c.1.clone()))
            .collect();
        if fits.is_empty() {
            return None;
        }
        let n = self.rng.below(fits.len());
        let (name, params) = fits[n].clone();
        let args: Vec<String> = params
            .iter()
            .map(|&t| {
                let value = self.unknown(t, depth.min(1));
                format!("({})({value})", t.name())
            })
            .collect();
        Some(format!("{name}({})", args.join(", ")))
    }

    /// An index: most are within five.
    pub fn index(&mut self, depth: usize) -> String {
        let n = self.unknown(Ty::Int, depth);
        match self.rng.below(8) {
            0 => n,
            1 => format!("{}", self.rng.below(4)),
            _ => format!("({n} & 3)"),
        }
    }

    fn operation(&mut self, ty: Ty, d: usize) -> String {
        match ty {
            Ty::Bool => self.condition(d),
            _ if ty.is_integer() => self.integer(ty, d),
            Ty::Float | Ty::Double => self.float(ty, d),
            Ty::Decimal => {
                let (a, b) = (self.unknown(ty, d), self.unknown(ty, 0));
                match self.rng.below(5) {
                    0 => {
                        let n = self.unknown(Ty::Int, d);
                        format!("(decimal)({n})")
                    }
                    1 => format!("decimal.Truncate({a})"),
                    _ => {
                        let op = self.rng.pick(&["+", "-", "*", "%"]);
                        format!("({a} {op} {b})")
                    }
                }
            }
            Ty::String => self.string(d),
            Ty::Color => {
                let n = self.unknown(Ty::Int, d);
                format!("(Color)({n})")
            }
            Ty::Nullable => {
                let (a, n) = (self.unknown(ty, d), self.unknown(Ty::Int, d));
                match self.rng.below(4) {
                    0 => format!("({a} + {n})"),
                    1 => format!("(int?)({n})"),
                    2 => format!("((object){a} as int?)"),
                    _ => format!("({a} * {a})"),
                }
            }
            Ty::Point => {
                let (a, n) = (self.unknown(ty, d), self.unknown(Ty::Int, d));
                match self.rng.below(6) {
                    0 => {
                        let b = self.unknown(ty, d);
                        format!("({a} + {b})")
                    }
                    1 => format!("new Point({n}, 3)"),
                    2 => {
                        let (all, i) = (self.unknown(Ty::Points, 0), self.index(d));
                        format!("({all})[{i}]")
                    }
                    3 => "G.sp".to_string(),
                    4 => {
                        let m = self.unknown(Ty::Mixed, d);
                        format!("({m}).p")
                    }
                    _ => "G.Make<Point>()".to_string(),
                }
            }
            Ty::Mixed => {
                let (p, s) = (self.unknown(Ty::Point, d), self.unknown(Ty::String, d));
                format!("new Mixed {{ p = {p}, s = {s} }}")
            }
            Ty::Pair => {
                let (n, s) = (self.unknown(Ty::Int, d), self.unknown(Ty::String, d));
                if self.rng.one_in(2) {
                    format!("new Pair<string, int>({s}, {n}).Swapped()")
                } else {
                    format!("new Pair<int, string>({n}, {s})")
                }
            }
            Ty::Shape => {
                let n = self.unknown(Ty::Int, d);
                match self.rng.below(4) {
                    0 => format!("G.NewShape({n})"),
                    1 => {
                        let s = self.unknown(ty, d);
                        format!("(({s}) as Square)")
                    }
                    2 => {
                        let s = self.unknown(ty, d);
                        format!("({s}).next")
                    }
                    _ => {
                        let s = self.unknown(ty, d);
                        format!("((Square)({s}))")
                    }
                }
            }
            Ty::Object => {
                let of = self.rng.pick(&[
                    Ty::Int,
                    Ty::String,
                    Ty::Double,
                    Ty::Point,
                    Ty::Shape,
                    Ty::Ints,
                ]);
                let value = self.unknown(of, d);
                format!("(object)({value})")
            }
            Ty::Ints => {
                // No lambda in a lambda: their parameters have the same name.
                let (a, n) = (self.unknown(ty, d), self.unknown(Ty::Int, 0));
                match self.rng.below(4) {
                    0 => format!("new int[({n}) & 15]"),
                    1 => format!("(int[])({a}).Clone()"),
                    2 => format!("({a}).Select(x => x ^ {n}).ToArray()"),
                    _ => "G.sa".to_string(),
                }
            }
            Ty::List => {
                let n = self.unknown(Ty::Int, d);
                format!("new List<int>(G.Twice(G.Count(({n}) & 7)))")
            }
            Ty::Func => {
                let n = self.unknown(Ty::Int, 0);
                let op = self.rng.pick(&["+", "-", "*", "^"]);
                format!("x => x {op} {n}")
            }
            _ => self.fresh(ty),
        }
    }

    fn integer(&mut self, ty: Ty, d: usize) -> String {
        let name = ty.name();
        match self.rng.below(18) {
            // From another number.
            0 | 1 => {
                let mut from = self.rng.pick(Ty::NUMBERS);
                // Floats out of the range of an unsigned type have no defined result.
                if from.is_float() && !matches!(ty, Ty::Int | Ty::Long) {
                    from = Ty::Long;
                }
                let value = self.unknown(from, d);
                format!("unchecked(({name})({value}))")
            }
            2 => {
                // Nothing that the compiler could find out of range.
                let value = self.unknown(self_integer(ty), 0);
                format!("checked(({name})({value}))")
            }
            3 if !ty.is_small() => {
                let (a, b) = (self.unknown(ty, d), self.unknown(ty, 0));
                let op = self.rng.pick(&["+", "-", "*"]);
                format!("checked({a} {op} {b})")
            }
            4 if ty == Ty::Int => self.int_from_things(d),
            5 if ty == Ty::Int => self.int_from_things(d),
            6 if ty == Ty::Long => {
                let p = self.unknown(Ty::Point, d);
                format!("({p}).z")
            }
            7 if ty == Ty::Byte => {
                let (a, i) = (self.unknown(Ty::Bytes, 0), self.index(d));
                format!("({a})[{i}]")
            }
            8 => {
                let a = self.unknown(ty, d);
                let op = self.rng.pick(&["-", "~"]);
                match ty {
                    Ty::Ulong if op == "-" => format!("unchecked((ulong)-(long){a})"),
                    _ => format!("unchecked(({name})({op}({a})))"),
                }
            }
            9 => {
                let (a, n) = (self.unknown(ty, d), self.unknown(Ty::Int, d));
                let op = self.rng.pick(&["<<", ">>"]);
                format!("unchecked(({name})(({a}) {op} ({n})))")
            }
            10 | 11 => {
                let (a, b) = (self.unknown(ty, d), self.unknown(ty, 0));
                let op = self.rng.pick(&["/", "%"]);
                // Never by -1: for the smallest number Mono throws this exception or that one, by what is in the rest of a register.
                match self.rng.below(6) {
                    0 => format!("unchecked(({name})({a} {op} ({name})({b} & 127)))"),
                    1..=3 => {
                        let by = self
                            .rng
                            .pick(&["3", "7", "10", "16", "100", "1", "5", "64"]);
                        format!("unchecked(({name})({a} {op} {by}))")
                    }
                    _ => format!("unchecked(({name})({a} {op} ({name})(({b} & 63) | 1)))"),
                }
            }
            _ => {
                let a = self.unknown(ty, d);
                let b = if self.rng.one_in(3) {
                    self.rng
                        .pick(&["1", "2", "3", "8", "31", "100", "127"])
                        .to_string()
                } else {
                    self.unknown(ty, d)
                };
                let op = self
                    .rng
                    .pick(&["+", "-", "*", "&", "|", "^", "+", "-", "*"]);
                format!("unchecked(({name})({a} {op} {b}))")
            }
        }
    }

    fn int_from_things(&mut self, d: usize) -> String {
        match self.rng.below(18) {
            0 => {
                let (a, i) = (self.unknown(Ty::Ints, 0), self.index(d));
                format!("({a})[{i}]")
            }
            1 => {
                let of = self
                    .rng
                    .pick(&[Ty::Ints, Ty::Bytes, Ty::Doubles, Ty::String]);
                let a = self.unknown(of, d);
                format!("({a}).Length")
            }
            2 => {
                let p = self.unknown(Ty::Point, d);
                let f = self.rng.pick(&["x", "y", "Area(2)", "GetHashCode()"]);
                format!("({p}).{f}")
            }
            3 => {
                let (s, n) = (self.unknown(Ty::Shape, d), self.unknown(Ty::Int, d));
                format!("({s}).Area({n})")
            }
            4 => {
                let of = self.rng.pick(&[Ty::Shape, Ty::Point]);
                let (s, n) = (self.unknown(of, d), self.unknown(Ty::Int, d));
                let generic = if self.rng.one_in(2) { "" } else { "(IShape)" };
                format!("G.AreaOf({generic}({s}), {n})")
            }
            5 => {
                let n = self.unknown(Ty::Nullable, d);
                self.rng
                    .pick(&["(({}) ?? -4)", "({}).Value", "({}).GetValueOrDefault(9)"])
                    .replace("{}", &n)
            }
            6 => {
                let (f, n) = (self.unknown(Ty::Func, 0), self.unknown(Ty::Int, d));
                format!("((Func<int, int>)({f}))({n})")
            }
            7 => {
                let (a, b) = (self.unknown(Ty::Int, d), self.unknown(Ty::Int, d));
                self.rng
                    .pick(&[
                        "G.Sum({a}, 3, {b})",
                        "G.Default({a})",
                        "G.Default({a}, c: {b})",
                        "G.Sum()",
                        "Math.Max({a}, {b})",
                        "Math.Min({a}, {b})",
                    ])
                    .replace("{a}", &a)
                    .replace("{b}", &b)
            }
            8 => match self.assignable(Ty::Int) {
                Some(v) => self
                    .rng
                    .pick(&["G.Bump(ref {})", "{}++", "--{}", "({} += 5)", "({} ^= 3)"])
                    .replace("{}", &v),
                None => "G.si++".to_string(),
            },
            9 => {
                let list = self.unknown(Ty::List, 0);
                self.rng
                    .pick(&[
                        "({}).Count",
                        "({}).Sum()",
                        "({}).Where(x => x > 2).Count()",
                        "({})[1]",
                        "({}).IndexOf(3)",
                        "({}).Max()",
                    ])
                    .replace("{}", &list)
            }
            10 => {
                let o = self.unknown(Ty::Object, d);
                self.rng
                    .pick(&[
                        "({} is int ? 1 : 2)",
                        "(({}) is string ? 3 : 4)",
                        "((int)({}))",
                        "((({}) as string) ?? \"none\").Length",
                    ])
                    .replace("{}", &o)
            }
            11 => {
                let s = self.unknown(Ty::String, d);
                self.rng
                    .pick(&[
                        "({}).IndexOf('l')",
                        "string.CompareOrdinal({}, \"abd\")",
                        "int.Parse({})",
                        "({}).Length",
                    ])
                    .replace("{}", &s)
            }
            12 => {
                let p = self.unknown(Ty::Pair, d);
                format!("({p}).first")
            }
            13 => {
                let c = self.unknown(Ty::Color, d);
                format!("(int)({c})")
            }
            14 => "(sizeof(Point) + sizeof(char) + G.si)".to_string(),
            15 => {
                let s = self.unknown(Ty::Shape, d);
                format!("({s}).side")
            }
            16 => "Holder<string>.made".to_string(),
            _ => {
                let d = self.unknown(Ty::Decimal, d);
                format!("decimal.ToInt32(({d}) % 1000m)")
            }
        }
    }

    fn float(&mut self, ty: Ty, d: usize) -> String {
        let name = ty.name();
        match self.rng.below(8) {
            0 | 1 => {
                let from =
                    self.rng
                        .pick(&[Ty::Int, Ty::Long, Ty::Uint, Ty::Byte, Ty::Float, Ty::Double]);
                let value = self.unknown(from, d);
                format!("({name})({value})")
            }
            2 if ty == Ty::Double => {
                let a = self.unknown(ty, d);
                self.rng
                    .pick(&[
                        "Math.Sqrt({})",
                        "Math.Abs({})",
                        "Math.Floor({})",
                        "Math.Ceiling({})",
                        "Math.Truncate({})",
                    ])
                    .replace("{}", &a)
            }
            3 if ty == Ty::Double => {
                let (a, i) = (self.unknown(Ty::Doubles, 0), self.index(d));
                format!("({a})[{i}]")
            }
            4 if ty == Ty::Double => {
                let m = self.unknown(Ty::Mixed, d);
                format!("({m}).d")
            }
            _ => {
                let (a, b) = (self.unknown(ty, d), self.unknown(ty, d));
                let op = self.rng.pick(&["+", "-", "*", "/", "+", "-", "*", "%"]);
                format!("({name})({a} {op} {b})")
            }
        }
    }

    fn string(&mut self, d: usize) -> String {
        let s = self.unknown(Ty::String, d);
        match self.rng.below(12) {
            0 => {
                let b = self.unknown(Ty::String, d);
                format!("G.Cut({s} + {b}, 9)")
            }
            1 => {
                let n = self.unknown(Ty::Int, d);
                format!("({n}).ToString()")
            }
            2 => {
                let n = self.unknown(Ty::Int, d);
                format!("G.Cut(({s}) ?? \"none\", {n})")
            }
            3 => format!("({s}).ToUpperInvariant()"),
            4 => format!("({s}).Replace(\"l\", \"LL\")"),
            5 => {
                let (n, c) = (self.unknown(Ty::Long, d), self.unknown(Ty::Color, d));
                format!("string.Format(\"{{0}}:{{1}}\", {n}, {c})")
            }
            6 => {
                let p = self.unknown(Ty::Pair, d);
                format!("({p}).second")
            }
            7 => {
                let h = self.unknown(Ty::Shape, d);
                format!("({h}).Name")
            }
            8 => {
                let n = self.unknown(Ty::Uint, d);
                format!("({n}).ToString(\"x\")")
            }
            9 => {
                let list = self.unknown(Ty::List, 0);
                format!("string.Join(\",\", {list})")
            }
            10 => {
                let c = self.unknown(Ty::Char, d);
                format!("({c}).ToString() + 1")
            }
            _ => format!("({s}).Trim()"),
        }
    }

    pub fn condition(&mut self, d: usize) -> String {
        match self.rng.below(12) {
            0 if d > 0 => {
                let (a, b) = (self.condition(d - 1), self.condition(d - 1));
                let op = self.rng.pick(&["&&", "||", "^", "&", "|"]);
                format!("({a} {op} {b})")
            }
            1 if d > 0 => {
                let a = self.condition(d - 1);
                format!("!({a})")
            }
            2 => {
                let (a, b) = (self.unknown(Ty::String, d), self.unknown(Ty::String, d));
                let op = self.rng.pick(&["==", "!="]);
                format!("({a} {op} {b})")
            }
            3 => {
                let s = self.unknown(Ty::Shape, d);
                self.rng
                    .pick(&[
                        "({} is Square)",
                        "({} is Disc)",
                        "({} == null)",
                        "((object)({}) is IShape)",
                    ])
                    .replace("{}", &s)
            }
            4 => {
                let n = self.unknown(Ty::Nullable, d);
                self.rng
                    .pick(&[
                        "({}).HasValue",
                        "(({}) > 3)",
                        "(({}) == null)",
                        "(({}) != 5)",
                    ])
                    .replace("{}", &n)
            }
            5 => {
                let (a, b) = (self.unknown(Ty::Color, d), self.unknown(Ty::Color, d));
                format!("({a} == {b})")
            }
            6 => {
                let (a, b) = (self.unknown(Ty::Int, d), self.unknown(Ty::Int, d));
                format!("G.Same<int>({a}, {b})")
            }
            7 => match self.assignable(Ty::Int) {
                Some(v) => {
                    let n = self.unknown(Ty::Int, d);
                    format!("G.Halve({n}, out {v})")
                }
                None => "(G.si < 50)".to_string(),
            },
            _ => {
                let ty = self.rng.pick(&[
                    Ty::Int,
                    Ty::Int,
                    Ty::Long,
                    Ty::Uint,
                    Ty::Ulong,
                    Ty::Byte,
                    Ty::Char,
                    Ty::Float,
                    Ty::Double,
                    Ty::Decimal,
                ]);
                let (a, b) = (self.unknown(ty, d), self.unknown(ty, d));
                let op = self.rng.pick(&[">", "<=", ">", ">=", "==", "!="]);
                // No `<`: `mcs` takes some of them for the start of type arguments.
                format!("(({a}) {op} ({b}))")
            }
        }
    }

    /// A variable of the type that may be assigned.
    pub fn assignable(&mut self, ty: Ty) -> Option<String> {
        let fits: Vec<&str> = self
            .vars
            .iter()
            .filter(|v| v.ty == ty && !v.fixed)
            .map(|v| v.name.as_str())
            .collect();
        if fits.is_empty() {
            return None;
        }
        let n = self.rng.below(fits.len());
        Some(fits[n].to_string())
    }
}

/// A type from which checked conversions to the other are of interest.
fn self_integer(ty: Ty) -> Ty {
    match ty {
        Ty::Int | Ty::Uint => Ty::Long,
        Ty::Long => Ty::Ulong,
        Ty::Ulong => Ty::Long,
        _ => Ty::Int,
    }
}
