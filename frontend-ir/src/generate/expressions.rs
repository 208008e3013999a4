//! Expressions of generated programs: each leaves one value on the stack.

use super::{ELEMENTS, Gen, NUMBERS, Ty};

impl Gen {
    pub(super) fn expr(&mut self, ty: Ty, depth: usize) {
        if depth == 0 || self.one_in(5) {
            return self.leaf(ty);
        }
        let d = depth - 1;
        match self.below(10) {
            0 => self.leaf(ty),
            1 if self.call(ty, d) => {}
            2 => self.conditional(ty, d),
            3 if self.read_member(ty, d) => {}
            _ => match ty {
                Ty::I32 => self.int32(d),
                Ty::I64 | Ty::Native => self.wide(ty, d),
                Ty::F32 | Ty::F64 => self.float(ty, d),
                Ty::Str => self.string(d),
                Ty::Array(_) => self.fresh(ty),
                Ty::Obj => match self.below(4) {
                    0 => self.put("newobj @C0::new0"),
                    1 => {
                        self.expr(Ty::I32, d);
                        self.put("newobj @C1::new1");
                    }
                    2 => {
                        self.expr(Ty::I32, d);
                        self.put("newobj @C2::new2");
                    }
                    _ => {
                        self.expr(Ty::Obj, d);
                        let op = self.pick(&[
                            "castclass @C0",
                            "castclass @C0",
                            "isinst @C1",
                            "castclass @C1",
                        ]);
                        self.put(op);
                    }
                },
                Ty::Maybe => {
                    let from = self.pick(&[Ty::I32, Ty::Maybe]);
                    self.expr(from, d);
                    self.put(&format!("box {} unbox.any i32?", from.name()));
                }
                Ty::Struct(n) if self.one_in(2) => {
                    self.expr(ty, d);
                    self.put(&format!("box @S{n} unbox.any @S{n}"));
                }
                _ => self.leaf(ty),
            },
        }
    }

    pub(super) fn leaf(&mut self, ty: Ty) {
        if let Ty::Ref(place) = ty {
            return self.address(place);
        }
        if self.one_in(4) && self.through_address(ty) {
            return;
        }
        let same: Vec<(String, bool)> = self
            .vars
            .iter()
            .filter(|(_, t, _)| t.widened() == ty)
            .map(|(n, _, a)| (n.clone(), *a))
            .collect();
        if !same.is_empty() && !self.one_in(3) {
            let n = self.below(same.len());
            let (name, arg) = &same[n];
            let text = format!("{} {name}", if *arg { "ldarg" } else { "ldloc" });
            return self.put(&text);
        }
        let statics: Vec<String> = self
            .statics
            .iter()
            .filter(|(_, t)| t.widened() == ty)
            .map(|(n, _)| n.clone())
            .collect();
        if !statics.is_empty() && self.one_in(3) {
            let n = self.below(statics.len());
            let text = format!("ldsfld {}", statics[n]);
            return self.put(&text);
        }
        match ty {
            Ty::I64 => {
                let n = self.integer();
                self.put(&format!("ldc.i8 {n}"));
            }
            Ty::Native => {
                let n = self.integer();
                self.put(&format!("ldc.i8 {n} conv.i"));
            }
            Ty::F32 | Ty::F64 => {
                let x = self.pick(&[
                    "0.0",
                    "1.0",
                    "-1.5",
                    "0.1",
                    "1e10",
                    "-3e9",
                    "nan",
                    "inf",
                    "7.0",
                    "2147483648.0",
                ]);
                let op = if ty == Ty::F32 { "ldc.r4" } else { "ldc.r8" };
                self.put(&format!("{op} {x}"));
            }
            Ty::Str => {
                let text = self.pick(&["ldstr \"a\"", "ldstr \"bcd\"", "ldstr \"\""]);
                let null = self.one_in(12);
                self.put(if null { "ldnull" } else { text });
            }
            Ty::Obj => {
                let text = self.pick(&[
                    "newobj @C0::new0",
                    "ldc.i4 3 newobj @C2::new2",
                    "ldc.i4 -9 newobj @C1::new1",
                ]);
                let null = self.one_in(12);
                self.put(if null { "ldnull" } else { text });
            }
            Ty::Array(_) => self.fresh(ty),
            Ty::Maybe => self.put("ldc.i4.1 newarr i32? ldc.i4.0 ldelem i32?"),
            Ty::Struct(s) => {
                // No variable of the type: a fresh zero one, from a new array.
                self.put(&format!("ldc.i4.1 newarr @S{s} ldc.i4.0 ldelem @S{s}"));
            }
            _ => {
                let n = self.integer() as i32;
                self.put(&format!("ldc.i4 {n}"));
            }
        }
    }

    fn integer(&mut self) -> i64 {
        let edge = self.pick(&[
            0,
            1,
            -1,
            2,
            5,
            -7,
            100,
            255,
            -128,
            65536,
            i32::MAX as i64,
            i32::MIN as i64,
            i64::MAX,
            i64::MIN,
            1 << 40,
        ]);
        if self.one_in(3) {
            self.below(1000) as i64 - 500
        } else {
            edge
        }
    }

    fn int32(&mut self, d: usize) {
        match self.below(16) {
            0..=4 => self.binary(Ty::I32, d),
            5 => {
                let ty = self.pick(NUMBERS);
                self.expr(ty, d);
                self.expr(ty, d);
                let op = self.pick(&["ceq", "cgt", "clt", "cgt.un", "clt.un"]);
                self.put(op);
            }
            6 | 7 => {
                let from = self.pick(NUMBERS);
                self.expr(from, d);
                let to = self.pick(&["i1", "u1", "i2", "u2", "i4", "u4"]);
                self.convert(from, to);
            }
            8 => {
                let e = self.below(ELEMENTS.len());
                self.expr(Ty::Array(e), d);
                self.put("ldlen conv.i4");
            }
            9 => {
                self.expr(Ty::Obj, d);
                self.expr(Ty::I64, d);
                let op = self.pick(&["callvirt @I::it", "callvirt @C0::it"]);
                self.put(op);
            }
            10 => {
                self.expr(Ty::Str, d);
                self.put("callvirt string::length");
            }
            11 => match self.below(4) {
                0 => self.put("ldsfld @K0::x"),
                1 => {
                    self.expr(Ty::I32, d);
                    self.put("call @K0::get");
                }
                2 if self.one_in(4) => self.put("ldsfld @K2::x"),
                _ => self.put("ldsfld @K0::o ldfld @C0::a"),
            },
            12 => self.value_method(d),
            13 => {
                self.expr(Ty::Maybe, d);
                self.put("box i32? unbox.any i32");
            }
            14 => {
                // The same value twice.
                self.expr(Ty::I32, d);
                let op = self.pick(&["mul", "xor", "add", "sub", "cgt"]);
                self.put(&format!("dup {op}"));
            }
            _ => {
                self.expr(Ty::I32, d);
                let op = self.pick(&[
                    "neg",
                    "not",
                    "box i32 unbox.any i32",
                    "box i32 unbox i32 ldind.i4",
                ]);
                self.put(op);
            }
        }
    }

    fn wide(&mut self, ty: Ty, d: usize) {
        match self.below(10) {
            0..=3 => self.binary(ty, d),
            4 | 5 => {
                let from = self.pick(NUMBERS);
                self.expr(from, d);
                let to = match ty {
                    Ty::I64 => self.pick(&["i8", "u8"]),
                    _ => self.pick(&["i", "u"]),
                };
                self.convert(from, to);
            }
            6 if ty == Ty::I64 => {
                self.expr(Ty::Obj, d);
                self.expr(Ty::I32, d);
                self.put("callvirt @C0::v");
            }
            7 if ty == Ty::I64 => self.variadic(d),
            8 if ty == Ty::I64 => self.put("ldsfld @K1::x"),
            _ => {
                self.expr(ty, d);
                let op = self.pick(&["neg", "not"]);
                self.put(op);
            }
        }
    }

    /// An integer operation; the right operand of a shift is an int32.
    fn binary(&mut self, ty: Ty, d: usize) {
        self.expr(ty, d);
        if self.one_in(10) {
            self.expr(ty, d);
            let op = self.pick(&[
                "add.ovf",
                "sub.ovf",
                "mul.ovf",
                "add.ovf.un",
                "sub.ovf.un",
                "mul.ovf.un",
            ]);
            return self.put(op);
        }
        let op = self.pick(&[
            "add", "sub", "mul", "and", "or", "xor", "shl", "shr", "shr.un", "div", "rem",
            "div.un", "rem.un",
        ]);
        if self.one_in(3) {
            // Compilers know what to do with these.
            let n = self.pick(&[
                1,
                2,
                3,
                4,
                5,
                7,
                8,
                10,
                16,
                31,
                63,
                100,
                255,
                1000,
                65535,
                1 << 20,
                -1,
                -2,
                -8,
            ]);
            self.put(&match ty {
                _ if op.starts_with("sh") => format!("ldc.i4 {n}"),
                Ty::I32 => format!("ldc.i4 {n}"),
                Ty::I64 => format!("ldc.i8 {n}"),
                _ => format!("ldc.i4 {n} conv.i"),
            });
            return self.put(op);
        }
        self.expr(if op.starts_with("sh") { Ty::I32 } else { ty }, d);
        let divides = op.starts_with("div") || op.starts_with("rem");
        if divides && !self.one_in(10) {
            // Not zero, and not -1 either.
            self.put(match ty {
                Ty::I32 => "ldc.i4 1 or ldc.i4 0x7fffff and",
                Ty::I64 => "ldc.i8 1 or ldc.i8 0x7fffffffff and",
                _ => "ldc.i4.1 conv.i or ldc.i4 0x7fffff conv.i and",
            });
        }
        self.put(op);
    }

    fn convert(&mut self, from: Ty, to: &str) {
        let float = matches!(from, Ty::F32 | Ty::F64);
        match self.below(16) {
            0 => self.put(&format!("conv.ovf.{to}")),
            1 if !float => self.put(&format!("conv.ovf.{to}.un")),
            _ => self.put(&format!("conv.{to}")),
        }
    }

    fn float(&mut self, ty: Ty, d: usize) {
        match self.below(6) {
            0..=2 => {
                self.expr(ty, d);
                self.expr(ty, d);
                let op = self.pick(&["add", "sub", "mul", "div", "rem"]);
                self.put(op);
            }
            3 | 4 => {
                let from = self.pick(NUMBERS);
                self.expr(from, d);
                if self.one_in(3) && from != Ty::F32 && from != Ty::F64 {
                    self.put("conv.r.un");
                }
                self.put(if ty == Ty::F32 { "conv.r4" } else { "conv.r8" });
            }
            _ => {
                self.expr(ty, d);
                let op = match ty {
                    Ty::F64 => self.pick(&[
                        "neg",
                        "call sqrt",
                        "call floor",
                        "call abs_f64",
                        "call ceil",
                    ]),
                    _ => self.pick(&["neg", "call abs_f32"]),
                };
                self.put(op);
            }
        }
    }

    fn string(&mut self, d: usize) {
        if self.one_in(2) {
            self.expr(Ty::Str, d);
            self.put("ldstr \"x\" call string::concat");
        } else {
            self.expr(Ty::I32, d);
            self.put("call string::from_i32");
        }
    }

    /// A call of a later function with this result, or of this one or an earlier one if fuel is left.
    fn call(&mut self, ty: Ty, d: usize) -> bool {
        let again = self.callable > 0 && self.one_in(3);
        let range = match again {
            true => 0..self.callable,
            false => self.callable..self.functions.len(),
        };
        let fits: Vec<usize> = range
            .filter(|&f| self.functions[f].ret.widened() == ty)
            .collect();
        if fits.is_empty() {
            return false;
        }
        let f = self.pick(&fits);
        if again {
            self.call_again(f, d);
        } else {
            self.call_function(f, d);
        }
        true
    }

    /// A recursive call, or another value if there is no fuel left. A loop that is taken over by optimized code calls the whole function here.
    pub(super) fn call_again(&mut self, f: usize, d: usize) {
        let ty = self.functions[f].ret.widened();
        let (other, end) = (self.label(), self.label());
        self.put(&format!("call enter_call brfalse {other}"));
        self.call_function(f, d);
        self.put(&format!("call leave_call br {end} {other}:"));
        self.leaf(ty);
        self.put(&format!("{end}:"));
    }

    fn call_function(&mut self, f: usize, d: usize) {
        let params = self.functions[f].params.clone();
        for p in params {
            self.expr(p.widened(), d.min(1));
        }
        let name = self.functions[f].name.clone();
        if self.one_in(4) {
            let types: Vec<String> = self.functions[f].params.iter().map(|t| t.name()).collect();
            let ret = self.functions[f].ret.name();
            self.put(&format!(
                "ldftn {name} calli ({}) -> {ret}",
                types.join(", ")
            ));
        } else {
            self.put(&format!("call {name}"));
        }
    }

    fn conditional(&mut self, ty: Ty, d: usize) {
        let (other, end) = (self.label(), self.label());
        self.condition_small(&other);
        self.expr(ty, d);
        self.put(&format!("br {end} {other}:"));
        self.expr(ty, d);
        self.put(&format!("{end}:"));
    }

    fn condition_small(&mut self, target: &str) {
        self.leaf(Ty::I32);
        let op = self.pick(&["brtrue", "brfalse", "ldc.i4.5 blt", "ldc.i4.m1 bgt.un"]);
        self.put(&format!("{op} {target}"));
    }

    /// A field or an element of the type.
    fn read_member(&mut self, ty: Ty, d: usize) -> bool {
        if matches!(ty, Ty::Obj | Ty::Str | Ty::Array(_)) && !self.one_in(6) {
            // Fields and elements are null at first.
            return false;
        }
        if let Some(e) = ELEMENTS.iter().position(|t| t.widened() == ty)
            && self.one_in(2)
        {
            self.expr(Ty::Array(e), d);
            self.index();
            let name = ELEMENTS[e].name();
            // The addresses of elements that are references need the array's exact type, which they have here.
            let text = match self.below(3) {
                0 => format!("ldelema {name} ldobj {name}"),
                _ => format!("ldelem {name}"),
            };
            self.put(&text);
            return true;
        }
        let object = match ty {
            Ty::I32 => Some("@C0::a"),
            Ty::F64 => Some("@C0::b"),
            Ty::Obj => Some("@C0::next"),
            Ty::Struct(1) => Some("@C0::s"),
            _ => None,
        };
        if let Some(field) = object.filter(|_| self.one_in(2)) {
            self.expr(Ty::Obj, d);
            self.put(&format!("ldfld {field}"));
            return true;
        }
        let fields: Vec<(usize, String)> = self
            .structs
            .iter()
            .enumerate()
            .flat_map(|(s, fields)| {
                let fits = fields.iter().filter(|(_, t)| t.widened() == ty);
                fits.map(move |(f, _)| (s, f.clone())).collect::<Vec<_>>()
            })
            .collect();
        if fields.is_empty() {
            return false;
        }
        let n = self.below(fields.len());
        let (s, field) = fields[n].clone();
        self.expr(Ty::Struct(s), d);
        self.put(&format!("ldfld @S{s}::{field}"));
        true
    }
}
