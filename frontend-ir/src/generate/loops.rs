//! Loops over the elements of arrays, and over fields: what compilers hoist, version, unroll, vectorize, and carry in registers.

use super::{Gen, Place, Ty};

/// Element types of [`super::ELEMENTS`] that are numbers: those at the front.
const NUMERIC: usize = 5;

impl Gen {
    /// A loop whose counter is an index. Its bounds are those of the array, or not quite, so that it may stop with an exception in the middle.
    pub(super) fn array_loop(&mut self, depth: usize) {
        let arrays: Vec<(String, usize)> = self
            .vars
            .iter()
            .filter_map(|(name, ty, arg)| match ty {
                Ty::Array(e) if *e < NUMERIC => Some((
                    format!("{} {name}", if *arg { "ldarg" } else { "ldloc" }),
                    *e,
                )),
                _ => None,
            })
            .collect();
        if arrays.is_empty() {
            return self.counted_loop(depth);
        }
        let n = self.below(arrays.len());
        let (array, e) = arrays[n].clone();
        let i = self.counters;
        self.counters += 1;
        let (top, test, end) = (self.label(), self.label(), self.labels + 1);
        self.labels += 1;
        let step = self.pick(&[1, 1, 1, 1, 2, 3]);
        // Bounds: the length, the length and a little, a constant.
        let bound = match self.below(6) {
            0 => format!("ldc.i4 {}", self.below(20)),
            1 => format!("{array} ldlen conv.i4 ldc.i4.1 add"),
            2 => format!("{array} ldlen conv.i4 ldc.i4.2 sub"),
            _ => format!("{array} ldlen conv.i4"),
        };
        let down = self.one_in(4);
        let (start, go_on, turn) = if down {
            let go_on = self.pick(&["ldc.i4.0 bge", "ldc.i4.m1 bgt", "ldc.i4.m1 bne.un"]);
            let step = if go_on.ends_with("bne.un") { 1 } else { step };
            (
                format!("{bound} ldc.i4.1 sub"),
                go_on.to_string(),
                format!("ldc.i4 {step} sub"),
            )
        } else {
            let go_on = self.pick(&["blt", "blt", "blt", "blt.un", "ble"]);
            let first = self.pick(&["ldc.i4.0", "ldc.i4.0", "ldc.i4.0", "ldc.i4.1", "ldc.i4.m1"]);
            // An unsigned test would take -1 for the largest number: the loop ends at once, which is as good.
            (
                first.to_string(),
                format!("{bound} {go_on}"),
                format!("ldc.i4 {step} add"),
            )
        };
        self.put(&format!("{start} stloc c{i} br {test} {top}:"));
        self.places.push(Place::Loop(end));
        for _ in 0..1 + self.below(2) {
            self.element_step(&arrays, &array, e, i);
        }
        if self.one_in(3) {
            self.statement(depth);
        }
        self.places.pop();
        self.put(&format!(
            "ldloc c{i} {turn} stloc c{i} {test}: ldloc c{i} {go_on} {top} L{end}:"
        ));
        self.line();
    }

    /// One thing that loops do with element `c{i}`.
    fn element_step(&mut self, arrays: &[(String, usize)], array: &str, e: usize, i: u32) {
        let ty = super::ELEMENTS[e];
        let name = ty.name();
        let n = self.below(arrays.len());
        let (other, o) = arrays[n].clone();
        let other_name = super::ELEMENTS[o].name();
        let convert = match ty {
            Ty::I64 => "conv.i8",
            Ty::F64 => "conv.r8",
            _ => "conv.i4",
        };
        let op = match ty {
            Ty::F64 => self.pick(&["add", "sub", "mul"]),
            _ => self.pick(&["add", "sub", "mul", "and", "or", "xor"]),
        };
        match self.below(6) {
            0 => {
                self.put(&format!("{array} ldloc c{i}"));
                self.expr(ty.widened(), 1);
                self.put(&format!("stelem {name}"));
            }
            // a[i] = a[i] op b[i]
            1 | 2 => self.put(&format!(
                "{array} ldloc c{i} {array} ldloc c{i} ldelem {name} {other} ldloc c{i} ldelem {other_name} {convert} {op} stelem {name}"
            )),
            // a[i] = a[i] op a[i - 1]
            3 => self.put(&format!(
                "{array} ldloc c{i} {array} ldloc c{i} ldelem {name} {array} ldloc c{i} ldc.i4.1 sub ldelem {name} {op} stelem {name}"
            )),
            // Through an address.
            4 => self.put(&format!(
                "{array} ldloc c{i} ldelema {name} dup ldobj {name} ldloc c{i} {convert} {op} stobj {name}"
            )),
            // v = v op a[i]
            _ => {
                let same: Vec<(String, bool)> = self
                    .vars
                    .iter()
                    .filter(|v| v.1 == ty.widened())
                    .map(|v| (v.0.clone(), v.2))
                    .collect();
                if same.is_empty() {
                    self.put(&format!("{array} ldloc c{i} ldelem {name}"));
                    return self.print(ty.widened());
                }
                let n = self.below(same.len());
                let (v, arg) = &same[n];
                let (load, store) = if *arg { ("ldarg", "starg") } else { ("ldloc", "stloc") };
                self.put(&format!(
                    "{load} {v} {array} ldloc c{i} ldelem {name} {op} {store} {v}"
                ));
            }
        }
    }

    /// A loop that changes fields and statics, some of which have several names.
    pub(super) fn field_loop(&mut self) {
        let mut places: Vec<(String, String, Ty)> = Vec::new();
        for (name, ty) in &self.statics {
            if matches!(ty, Ty::I32 | Ty::I64 | Ty::F64) {
                places.push((String::new(), format!("sfld {name}"), *ty));
            }
        }
        let objects: Vec<String> = self.objects();
        for o in &objects {
            places.push((o.clone(), "fld @C0::a".to_string(), Ty::I32));
            places.push((o.clone(), "fld @C0::b".to_string(), Ty::F64));
            places.push((
                format!("{o} ldfld @C0::next"),
                "fld @C0::a".to_string(),
                Ty::I32,
            ));
        }
        places.push((String::new(), "sfld @K1::x".to_string(), Ty::I64));
        let (i, limit) = (self.counters, 2 + self.below(9));
        self.counters += 1;
        let (top, test) = (self.label(), self.label());
        self.put(&format!("ldc.i4.0 stloc c{i} br {test} {top}:"));
        // Few places, often.
        let few: Vec<_> = (0..1 + self.below(3))
            .map(|_| places[self.below(places.len())].clone())
            .collect();
        for _ in 0..2 + self.below(3) {
            let n = self.below(few.len());
            let (base, field, ty) = &few[n];
            let same: Vec<_> = few.iter().filter(|p| p.2 == *ty).collect();
            let n = self.below(same.len());
            let (other, other_field, _) = same[n];
            let skip = self.one_in(4).then(|| self.label());
            if let Some(skip) = &skip {
                self.put(&format!("ldloc c{i} ldc.i4.1 and brfalse {skip}"));
            }
            let op = match ty {
                Ty::F64 => self.pick(&["add", "sub", "mul"]),
                _ => self.pick(&["add", "sub", "mul", "xor", "add.ovf"]),
            };
            match self.below(6) {
                0 => {
                    self.put(base);
                    self.expr(*ty, 1);
                    self.put(&format!("st{field}"));
                }
                1 if !objects.is_empty() => {
                    let (to, from) = (self.pick_one(&objects), self.pick_one(&objects));
                    self.put(&format!("{to} {from} stfld @C0::next"));
                }
                2 => self.put(&format!(
                    "{base} {base} ld{field} {other} ld{other_field} {op} st{field}"
                )),
                _ => {
                    let convert = match ty {
                        Ty::I64 => "conv.i8",
                        Ty::F64 => "conv.r8",
                        _ => "conv.i4",
                    };
                    self.put(&format!(
                        "{base} {base} ld{field} ldloc c{i} {convert} {op} st{field}"
                    ));
                }
            }
            if let Some(skip) = skip {
                self.put(&format!("{skip}:"));
            }
        }
        self.put(&format!(
            "ldloc c{i} ldc.i4.1 add stloc c{i} {test}: ldloc c{i} ldc.i4 {limit} blt {top}"
        ));
        for (base, field, ty) in few {
            self.put(&format!("{base} ld{field}"));
            self.print(ty);
        }
    }

    /// How variables that hold objects are read.
    fn objects(&self) -> Vec<String> {
        let objects = self.vars.iter().filter(|v| v.1 == Ty::Obj);
        objects
            .map(|v| format!("{} {}", if v.2 { "ldarg" } else { "ldloc" }, v.0))
            .collect()
    }

    fn pick_one(&mut self, from: &[String]) -> String {
        from[self.below(from.len())].clone()
    }
}
