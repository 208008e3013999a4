//! Addresses, calls through them, and calls with variable arguments.

use super::{ELEMENTS, Gen, PLACES, Ty};

impl Gen {
    /// The address of a location of this type of [`PLACES`].
    pub(super) fn address(&mut self, place: usize) {
        let ty = PLACES[place];
        // Addresses that there are, and addresses of variables.
        let held = self.vars.iter().filter(|v| v.1 == Ty::Ref(place));
        let held = held.map(|v| format!("{} {}", if v.2 { "ldarg" } else { "ldloc" }, v.0));
        let own = self.vars.iter().filter(|v| v.1 == ty);
        let own = own.map(|v| format!("{} {}", if v.2 { "ldarga" } else { "ldloca" }, v.0));
        let statics = self.statics.iter().filter(|s| s.1 == ty);
        let statics = statics.map(|s| format!("ldsflda {}", s.0));
        // An address that is held may not be set yet: only parameters surely are.
        let held = held.filter(|text| text.starts_with("ldarg"));
        let all: Vec<String> = held.chain(own).chain(statics).collect();
        if !all.is_empty() && !self.one_in(3) {
            let n = self.below(all.len());
            return self.put(&all[n]);
        }
        match ty {
            Ty::I32 if self.one_in(2) => self.put("ldc.i4 8 newobj @C1::new1 ldflda @C0::a"),
            Ty::F64 if self.one_in(2) => self.put("newobj @C0::new0 ldflda @C0::b"),
            _ => {
                let n = self.below(3);
                let name = ty.name();
                match ELEMENTS.iter().position(|&e| e == ty) {
                    Some(e) if self.one_in(2) => {
                        self.expr(Ty::Array(e), 1);
                        self.index();
                    }
                    _ => self.put(&format!("ldc.i4 3 newarr {name} ldc.i4 {n}")),
                }
                self.put(&format!("ldelema {name}"));
            }
        }
    }

    /// A value of the type, read through an address in a variable, if there is one.
    pub(super) fn through_address(&mut self, ty: Ty) -> bool {
        let fits: Vec<String> = self
            .vars
            .iter()
            .filter_map(|(name, t, arg)| match t {
                Ty::Ref(place) if PLACES[*place].widened() == ty => {
                    let op = if *arg { "ldarg" } else { "ldloc" };
                    Some(format!("{op} {name} ldobj {}", PLACES[*place].name()))
                }
                _ => None,
            })
            .collect();
        if fits.is_empty() {
            return false;
        }
        let n = self.below(fits.len());
        self.put(&fits[n]);
        true
    }

    /// An int32 from a method of a value type: on its box, or in place (`ldelema` of a new array).
    pub(super) fn value_method(&mut self, depth: usize) {
        match self.below(3) {
            0 => {
                self.put("ldc.i4.1 newarr @V ldc.i4.0 ldelem @V box @V");
                self.expr(Ty::I64, depth);
                self.put("callvirt @I::it");
            }
            1 => {
                self.put("ldc.i4.2 newarr @V ldc.i4.1 ldelema @V dup");
                self.expr(Ty::I64, depth);
                self.put("constrained. @V callvirt @I::it pop");
                self.put("ldfld @V::a");
            }
            _ => {
                self.put("ldc.i4.1 newarr @V ldc.i4.0 ldelema @V");
                self.expr(Ty::I64, depth);
                self.put("call @V::it");
            }
        }
    }

    /// An int64 from a call with variable arguments.
    pub(super) fn variadic(&mut self, depth: usize) {
        if self.one_in(3) {
            self.expr(Ty::I32, depth);
            self.expr(Ty::I32, depth);
            self.expr(Ty::F64, depth);
            self.expr(Ty::I32, depth);
            return self.put("varargs (i32, f64, i8) call mixed_arguments");
        }
        let n = self.below(5);
        self.put(&format!("ldc.i4 {n}"));
        for _ in 0..n {
            self.expr(Ty::I64, depth.min(1));
        }
        let types = vec!["i64"; n].join(", ");
        self.put(&format!("varargs ({types}) call sum_arguments"));
    }
}
