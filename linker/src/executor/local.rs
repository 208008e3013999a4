//! This process.

use super::{Executor, Runtime, runtime};
use crate::error::{Error, Result};
use crate::memory::MemoryManager;
use isthmus_runtime_abi::target::Arch;
use std::ffi::{CStr, CString};
use std::ptr;

/// Links into, and runs in, this process.
#[derive(Debug)]
pub struct Local {
    memory: Box<dyn MemoryManager>,
}

impl Local {
    /// With memory of this process.
    pub fn new(memory: Box<dyn MemoryManager>) -> Local {
        Local { memory }
    }
}

unsafe extern "C" {
    fn dlvsym(
        handle: *mut libc::c_void,
        name: *const libc::c_char,
        version: *const libc::c_char,
    ) -> *mut libc::c_void;
}

/// The address of a name in the libraries of this process; of a version, if it is called `NAME@VERSION`.
fn library_symbol(name: &str) -> Option<u64> {
    let (name, version) = match name.split_once('@') {
        Some((name, version)) => (name, Some(CString::new(version).ok()?)),
        None => (name, None),
    };
    let name = CString::new(name).ok()?;
    let all = libc::RTLD_DEFAULT;
    // SAFETY: looks a name up; name and version are C strings.
    let p = unsafe {
        match &version {
            Some(version) => dlvsym(all, name.as_ptr(), version.as_ptr()),
            None => libc::dlsym(all, name.as_ptr()),
        }
    };
    (!p.is_null()).then(|| p.expose_provenance() as u64)
}

impl Executor for Local {
    fn arch(&self) -> Option<Arch> {
        Arch::host()
    }

    fn memory(&self) -> &dyn MemoryManager {
        &*self.memory
    }

    fn lookup(&self, names: &[&str]) -> Result<Vec<Option<u64>>> {
        let find = |name: &&str| runtime::address(name).or_else(|| library_symbol(name));
        Ok(names.iter().map(find).collect())
    }

    fn call(&self, function: u64, arguments: &[u64]) -> Result<u64> {
        let mut a = [0u64; 6];
        match a.get_mut(..arguments.len()) {
            Some(places) => places.copy_from_slice(arguments),
            None => return Err(Error::executor("too many arguments")),
        }
        if function == 0 {
            return Err(Error::executor("call of address 0"));
        }
        type Function = extern "C" fn(usize, usize, usize, usize, usize, usize) -> usize;
        let address = ptr::with_exposed_provenance::<()>(function as usize);
        // SAFETY: the caller names a C function of up to six integers; further arguments do no harm by the calling conventions of C.
        let function = unsafe { std::mem::transmute::<*const (), Function>(address) };
        let [a, b, c, d, e, f] = a.map(|v| v as usize);
        Ok(function(a, b, c, d, e, f) as u64)
    }

    fn run_main(&self, function: u64, arguments: &[String]) -> Result<i32> {
        if function == 0 {
            return Err(Error::executor("call of address 0"));
        }
        runtime::exit::run_main(function, arguments)
    }

    fn load_library(&self, path: &str) -> Result<()> {
        let c = CString::new(path).map_err(|_| Error::executor("a path with a zero byte"))?;
        // SAFETY: runs the library's initializers, as the caller wants.
        let handle = unsafe { libc::dlopen(c.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if !handle.is_null() {
            return Ok(());
        }
        // SAFETY: the text of the error just made, a C string of the library.
        let why = unsafe {
            let text = libc::dlerror();
            match text.is_null() {
                true => "unknown error".to_owned(),
                false => CStr::from_ptr(text).to_string_lossy().into_owned(),
            }
        };
        Err(Error::executor(format!("cannot load {path}: {why}")))
    }

    fn runtime(&self, function: Runtime, arguments: &[u64]) -> Result<u64> {
        self.call(function.address(), arguments)
    }
}
