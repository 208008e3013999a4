//! A function that takes over from a baseline frame at a loop header (`artifact::OsrMap`).
//!
//! ```text
//!   osr(fp):  arguments and locals = loads from [fp + home]  ──▶  header ... the rest of the method, with all its clauses
//! ```
//!
//! Variables whose address is taken stay where they are: the baseline frame outlives this one, and its addresses may be
//! anywhere. What ran before the header (class initialization among it) is not repeated.

use super::frame::{Base, Loc, Ret};
use super::scan::{Scan, Usage};
use super::{Builder, Result};
use crate::error::Reason;
use crate::ir::{Mem, Part, Value};
use isthmus_frontend_ir::op::Op as Cil;
use isthmus_frontend_ir::region::RegionKind;
use isthmus_runtime_abi::artifact::{OsrEntry, OsrMap};
use isthmus_runtime_abi::callconv::{AbiSig, RetPass};
use isthmus_runtime_abi::types::MemTy;
use isthmus_runtime_abi::vm::ContextSource;
use std::rc::Rc;

impl Builder<'_> {
    /// Builds what is left of the method from a loop header on.
    pub(super) fn build_osr(&mut self, entry: &OsrEntry) -> Result<()> {
        let body = self.frame.body.clone();
        let Some(first) = body.code.get(entry.header as usize) else {
            return self.fail(Reason::OffTheEnd);
        };
        self.func.part = Part::From(entry.header);
        self.set_pos(first.il);
        let region = body.regions.region_of(entry.header);
        let outside = (body.regions.outward(region))
            .all(|(_, r)| !matches!(r.kind, RegionKind::Handler(_) | RegionKind::Filter(_)));
        // `jmp` passes the words of the arguments on, which are gone.
        let jumps = body.code.iter().any(|i| matches!(i.op, Cil::Jmp(_)));
        let mut scan = Scan::clone(&self.frame.scan);
        if !outside || jumps || !scan.begin_at(&body, entry.header) {
            return self.fail(Reason::Entry);
        }
        self.frame.scan = Rc::new(scan);

        let sig = OsrMap::signature(body.sig.ret);
        let abi = Rc::new(AbiSig::new(&sig, self.opts.arch, self.env));
        self.set_signature(&abi, Some(&sig));
        let block = self.func.entry();
        let words: Vec<Value> = (abi.words.iter())
            .map(|w| self.func.add_param(block, Self::word_value_ty(w.ty)))
            .collect();
        for &word in &words {
            self.fact_mut(word).nonnull = true;
        }
        let fp = words[abi.params[0].first as usize];
        let buffer = match abi.ret {
            RetPass::Buffer(w) => Some(words[w as usize]),
            _ => None,
        };
        self.frame.ret = Ret::Function(abi, buffer);
        let map = &entry.map;
        self.frame.cookie = self.hidden(fp, map.cookie, Mem::Ptr);
        match self.frame.info.context {
            ContextSource::None => {}
            ContextSource::Hidden => {
                self.frame.context = self.hidden(fp, map.context, Mem::Ptr);
            }
            ContextSource::This(_) => self.frame.this = self.hidden(fp, map.this, Mem::Ref),
        }
        self.plan_filter_area();
        for (n, &ty) in body.sig.params.iter().enumerate() {
            let usage = self.frame.scan.args[n];
            let loc = self.take_over(fp, (true, n as u16), map.args[n], ty, usage, false)?;
            self.frame.args.push(loc);
        }
        for (n, local) in body.locals.iter().enumerate() {
            let mut usage = self.frame.scan.locals[n];
            usage.written = true;
            let home = map.locals[n];
            let loc = self.take_over(fp, (false, n as u16), home, local.ty, usage, local.pinned)?;
            self.frame.locals.push(loc);
        }
        self.keep_for_unwinder();
        self.run_frame()?;
        self.build_filters()
    }

    /// A word that the baseline frame keeps.
    fn hidden(&mut self, fp: Value, home: Option<i32>, mem: Mem) -> Option<Value> {
        let address = self.lea(fp, None, home?);
        let place = self.base_place(Base::Value(address), 0);
        let value = self.load_raw(address, None, place.access(mem, 0));
        self.fact_mut(value).nonnull = true;
        Some(value)
    }

    /// Where a variable is from now on.
    fn take_over(
        &mut self,
        fp: Value,
        (arg, n): (bool, u16),
        home: Option<i32>,
        ty: MemTy,
        usage: Usage,
        pinned: bool,
    ) -> Result<Loc> {
        // The body does not use it.
        let Some(home) = home else {
            return Ok(Loc::Memory(Base::Value(fp), 0, ty));
        };
        let area = self.frame.area.get(&(arg, n)).copied();
        let address = self.lea(fp, None, home);
        if usage.exposed || pinned {
            // Filters look for it in the area of this function.
            if area.is_some() {
                return self.fail(Reason::Entry);
            }
            return Ok(Loc::Memory(Base::Value(address), 0, ty));
        }
        let place = self.base_place(Base::Value(address), 0);
        let value = self.load_place(place, ty)?;
        if arg && !usage.written && !usage.in_filter {
            let class = self.frame.body.arg_classes.get(n as usize);
            if let (Some(&Some(class)), super::place::Entry::Val(v)) = (class, &value) {
                self.note_class(*v, class, false);
            }
            return Ok(Loc::Value(value));
        }
        let loc = self.new_loc(ty, usage.in_filter, area)?;
        self.write_loc(&loc, value)?;
        Ok(loc)
    }
}
