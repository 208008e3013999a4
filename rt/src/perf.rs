//! A map of code for profilers.
//!
//! Linux's `perf` looks for the names of code that no file holds in `/tmp/perf-PID.map`: a line for each piece of code, `ADDRESS SIZE NAME`,
//! the numbers in hexadecimal. Code that is freed and replaced leaves its line behind; `perf` takes the last one.

use crate::vm::Vm;
use isthmus_runtime_abi::artifact::Tier;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write};

/// The file.
#[derive(Debug)]
pub(crate) struct PerfMap(Mutex<File>);

impl PerfMap {
    /// Starts this process's map.
    pub fn create() -> io::Result<PerfMap> {
        let name = format!("/tmp/perf-{}.map", std::process::id());
        Ok(PerfMap(Mutex::new(File::create(name)?)))
    }

    /// Adds `len` bytes of code at `base`.
    pub fn add(&self, vm: &dyn Vm, symbol: Symbol, tier: Tier, base: usize, len: u32) {
        let tier = match tier {
            Tier::Baseline => " [baseline]",
            Tier::Opt => " [opt]",
            Tier::Stub => "",
        };
        let name = match symbol {
            Symbol::MethodBody(m) => vm.method_name(m),
            Symbol::OsrBody(m, at) => format!("{} from instruction {at}", vm.method_name(m)),
            Symbol::Filter(m, n) => format!("filter {n} of {}", vm.method_name(m)),
            Symbol::MethodEntry(m) => format!("entry of {}", vm.method_name(m)),
            Symbol::InterfaceStub(m) => format!("interface stub of {}", vm.method_name(m)),
            Symbol::Helper(helper) => format!("helper {}", helper.name()),
            Symbol::Stub(Stub::Prestub(m)) => format!("prestub of {}", vm.method_name(m)),
            Symbol::Stub(Stub::Unboxing(m)) => format!("unboxing stub of {}", vm.method_name(m)),
            Symbol::Stub(Stub::InstantiationEntry(m)) => {
                format!("instantiation entry of {}", vm.method_name(m))
            }
            Symbol::Stub(stub) => format!("{stub:?}"),
            other => format!("{other:?}"),
        };
        let line = format!("{base:x} {len:x} {name}{tier}\n");
        // A profile with a name missing is no reason to stop.
        let _ = self.0.lock().write_all(line.as_bytes());
    }
}
