//! Statements of generated programs: the stack is empty before and after each.

use super::{ELEMENTS, Gen, NUMBERS, PLACES, Place, Ty};

impl Gen {
    pub(super) fn statements(&mut self, count: usize, depth: usize) {
        for _ in 0..count {
            self.statement(depth);
            self.line();
        }
    }

    pub(super) fn variable(&mut self) -> (String, Ty, bool) {
        let n = self.below(self.vars.len());
        self.vars[n].clone()
    }

    pub(super) fn statement(&mut self, depth: usize) {
        let compound = depth > 0;
        match self.below(if compound { 22 } else { 13 }) {
            0..=4 => {
                let (name, ty, arg) = self.variable();
                self.expr(ty.widened(), 3);
                self.put(&format!("{} {name}", if arg { "starg" } else { "stloc" }));
            }
            5 => {
                let n = self.below(self.statics.len());
                let (name, ty) = self.statics[n].clone();
                self.expr(ty.widened(), 3);
                self.put(&format!("stsfld {name}"));
            }
            6 | 7 => self.store_field(),
            8 | 9 => self.store_element(),
            10 => {
                let ty = self.pick(NUMBERS);
                self.expr(ty, 3);
                self.print(ty);
            }
            11 => self.store_indirect(),
            12 => self.recursion(),
            13 | 14 => self.if_else(depth - 1),
            15 => self.counted_loop(depth - 1),
            16 => self.array_loop(depth - 1),
            17 => self.field_loop(),
            18 | 19 => self.protected(depth - 1),
            20 => self.jump_out(),
            _ => self.switch(depth - 1),
        }
    }

    /// Calls this function or an earlier one, most often this one, and keeps the result if there is a variable for it.
    fn recursion(&mut self) {
        let Some(own) = self.callable.checked_sub(1) else {
            return self.store_indirect();
        };
        let f = match self.one_in(3) {
            true => self.below(own + 1),
            false => own,
        };
        let ty = self.functions[f].ret.widened();
        self.call_again(f, 1);
        let fits = self.vars.iter().filter(|v| v.1.widened() == ty);
        let fits: Vec<(String, bool)> = fits.map(|v| (v.0.clone(), v.2)).collect();
        if fits.is_empty() {
            return self.print(ty);
        }
        let n = self.below(fits.len());
        let (name, arg) = &fits[n];
        let op = if *arg { "starg" } else { "stloc" };
        self.put(&format!("{op} {name}"));
    }

    /// Address of a struct: of a variable, or an element.
    fn struct_address(&mut self) -> Option<usize> {
        let candidates: Vec<(String, usize, bool)> = self
            .vars
            .iter()
            .filter_map(|(n, t, a)| match t {
                Ty::Struct(s) => Some((n.clone(), *s, *a)),
                _ => None,
            })
            .collect();
        if candidates.is_empty() {
            return None;
        }
        let n = self.below(candidates.len());
        let (name, s, arg) = candidates[n].clone();
        self.put(&format!("{} {name}", if arg { "ldarga" } else { "ldloca" }));
        Some(s)
    }

    fn store_field(&mut self) {
        if self.one_in(2)
            && let Some(s) = self.struct_address()
        {
            let f = self.below(self.structs[s].len());
            let (field, ty) = self.structs[s][f].clone();
            self.expr(ty.widened(), 2);
            self.put(&format!("stfld @S{s}::{field}"));
            return;
        }
        self.expr(Ty::Obj, 2);
        let (field, ty) = self.pick(&[
            ("@C0::a", Ty::I32),
            ("@C0::b", Ty::F64),
            ("@C0::next", Ty::Obj),
            ("@C0::s", Ty::Struct(1)),
        ]);
        self.expr(ty, 2);
        self.put(&format!("stfld {field}"));
    }

    fn store_element(&mut self) {
        let e = self.below(ELEMENTS.len());
        let ty = ELEMENTS[e];
        self.expr(Ty::Array(e), 2);
        self.index();
        self.expr(ty.widened(), 2);
        self.put(&format!("stelem {}", ty.name()));
    }

    pub(super) fn index(&mut self) {
        if self.one_in(12) {
            self.expr(Ty::I32, 1);
        } else if self.one_in(2) {
            self.expr(Ty::I32, 1);
            self.put("ldc.i4.3 and");
        } else {
            let n = self.below(4);
            self.put(&format!("ldc.i4 {n}"));
        }
    }

    fn store_indirect(&mut self) {
        if self.one_in(3) {
            return self.copy_element();
        }
        let (name, ty, arg) = self.variable();
        if let Ty::Ref(place) = ty {
            let ty = PLACES[place];
            self.put(&format!("{} {name}", if arg { "ldarg" } else { "ldloc" }));
            self.expr(ty.widened(), 2);
            return self.put(&format!("stobj {}", ty.name()));
        }
        self.put(&format!("{} {name}", if arg { "ldarga" } else { "ldloca" }));
        self.expr(ty.widened(), 2);
        self.put(&format!("stobj {}", ty.name()));
    }

    /// Through addresses of elements and variables: copies, clears, reads fields.
    fn copy_element(&mut self) {
        let e = 6 + self.below(2);
        let Ty::Struct(s) = ELEMENTS[e] else {
            return;
        };
        self.expr(Ty::Array(e), 1);
        self.index();
        self.put(&format!("ldelema @S{s}"));
        match self.below(3) {
            0 => self.put(&format!("initobj @S{s}")),
            1 => {
                self.expr(Ty::Array(e), 1);
                self.index();
                self.put(&format!("ldelema @S{s} cpobj @S{s}"));
            }
            _ => {
                let f = self.below(self.structs[s].len());
                let (field, ty) = self.structs[s][f].clone();
                self.put(&format!("dup ldflda @S{s}::{field}"));
                self.expr(ty.widened(), 1);
                self.put(&format!("stobj {} ldfld @S{s}::{field}", ty.name()));
                self.print(ty.widened());
            }
        }
    }

    pub(super) fn condition(&mut self, target: &str) {
        if self.one_in(3) {
            self.expr(Ty::I32, 2);
            let op = self.pick(&["brtrue", "brfalse"]);
            self.put(&format!("{op} {target}"));
        } else {
            let ty = self.pick(NUMBERS);
            self.expr(ty, 2);
            self.expr(ty, 2);
            let op = self.pick(&[
                "beq", "bne.un", "blt", "ble", "bgt", "bge", "blt.un", "ble.un", "bgt.un", "bge.un",
            ]);
            self.put(&format!("{op} {target}"));
        }
    }

    fn if_else(&mut self, depth: usize) {
        let (other, end) = (self.label(), self.label());
        self.condition(&other);
        let count = 1 + self.below(3);
        self.statements(count, depth);
        self.put(&format!("br {end} {other}:"));
        let count = self.below(3);
        self.statements(count, depth);
        self.put(&format!("{end}:"));
    }

    pub(super) fn counted_loop(&mut self, depth: usize) {
        let counter = self.counters;
        self.counters += 1;
        let (top, test, end) = (self.label(), self.label(), self.labels + 1);
        self.labels += 1;
        let limit = 1 + self.below(6);
        self.put(&format!("ldc.i4.0 stloc c{counter} br {test} {top}:"));
        self.places.push(Place::Loop(end));
        let count = 1 + self.below(3);
        self.statements(count, depth);
        if self.one_in(4) {
            self.recursion();
        }
        self.places.pop();
        self.put(&format!(
            "ldloc c{counter} ldc.i4.1 add stloc c{counter} {test}: ldloc c{counter} ldc.i4 {limit} blt {top} L{end}:"
        ));
    }

    /// A break, or a throw, under a condition.
    fn jump_out(&mut self) {
        let skip = self.label();
        self.condition(&skip);
        let mut op = "br";
        let mut target = None;
        for place in self.places.iter().rev() {
            match place {
                Place::Loop(end) => {
                    target = Some(*end);
                    break;
                }
                Place::Try | Place::Catch => op = "leave",
                Place::Finally => break,
            }
        }
        match target {
            Some(end) if !self.one_in(3) => self.put(&format!("{op} L{end}")),
            Some(_) if self.one_in(2) => {}
            _ => self.put("ldstr \"thrown\" newobj Exception::new throw"),
        }
        self.put(&format!("{skip}:"));
    }

    fn switch(&mut self, depth: usize) {
        let cases: Vec<String> = (0..1 + self.below(4)).map(|_| self.label()).collect();
        let end = self.label();
        self.expr(Ty::I32, 2);
        self.put(&format!("ldc.i4.7 and switch ({})", cases.join(", ")));
        self.statement(depth);
        self.put(&format!("br {end}"));
        for case in cases {
            self.put(&format!("{case}:"));
            self.statement(depth);
            self.put(&format!("br {end}"));
        }
        self.put(&format!("{end}:"));
    }

    pub(super) fn protected(&mut self, depth: usize) {
        let end = self.label();
        self.places.push(Place::Try);
        self.put(".try {");
        self.line();
        let count = 1 + self.below(3);
        self.statements(count, depth);
        self.put(&format!("leave {end} }}"));
        self.places.pop();
        match self.below(6) {
            0 | 1 => {
                let class = self.pick(&[
                    "Exception",
                    "ArithmeticException",
                    "NullReferenceException",
                    "IndexOutOfRangeException",
                    "OverflowException",
                ]);
                self.put(&format!("catch {class} {{ pop"));
                self.handler(Place::Catch, depth);
                self.put(&format!("leave {end} }}"));
                if self.one_in(3) {
                    self.put("catch object { call print_class");
                    self.put(&format!("leave {end} }}"));
                }
            }
            2 | 3 => {
                self.put("finally {");
                self.handler(Place::Finally, depth);
                self.put("endfinally }");
            }
            4 => {
                self.put("fault {");
                self.handler(Place::Finally, depth);
                self.put("endfinally }");
            }
            _ => {
                self.put("filter { pop");
                if self.one_in(2) {
                    let (name, ty, arg) = self.variable();
                    self.expr(ty.widened(), 2);
                    self.put(&format!("{} {name}", if arg { "starg" } else { "stloc" }));
                }
                self.expr(Ty::I32, 2);
                self.put("ldc.i4.1 and endfilter } { pop");
                self.handler(Place::Catch, depth);
                self.put(&format!("leave {end} }}"));
            }
        }
        self.put(&format!("{end}:"));
    }

    fn handler(&mut self, place: Place, depth: usize) {
        self.places.push(place);
        let count = self.below(3);
        self.statements(count, depth);
        if place == Place::Catch && self.one_in(8) {
            let skip = self.label();
            self.condition(&skip);
            self.put(&format!("rethrow {skip}:"));
        }
        self.places.pop();
    }
}
