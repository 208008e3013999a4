//! The runtime as a library of C's kind, with a `main`, for executables that `isthmus aot --emit exe` makes.
//!
//! ```text
//!  cc -o app  program.o (isthmus_program)  *.o (images)  libisthmus_standalone.a (main)
//! ```
//!
//! All arguments are the program's. The variable `ISTHMUS_BCL` names the directory of a class library for assemblies that are
//! not part of the executable; `ISTHMUS_STATS` has counters printed to stderr at the end.

// A test binary has a `main` of its own, and no program to link with.
#![cfg(not(test))]

use isthmus_aot::program::{Program, headers};
use isthmus_clr::aot::images;
use isthmus_clr::types::system::BuiltIn;
use isthmus_clr::vm;
use std::ffi::{CStr, c_char, c_int};

/// Memory that only its address is known of.
#[repr(C)]
struct Start([u8; 0]);

// SAFETY: `program` and the images' objects define the first one and the section of the others, see `isthmus_aot`.
unsafe extern "C" {
    static isthmus_program: Start;
    static __start_isthmus_images: Start;
    static __stop_isthmus_images: Start;
}

/// Runs the program that this is linked with.
///
/// # Safety
/// Called by C's runtime: `argv` are `argc` zero-terminated strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    std::panic::set_hook(Box::new(|info| {
        eprintln!("internal error: {info}");
        std::process::exit(isthmus_rt::INTERNAL_ERROR);
    }));
    // SAFETY: writes to closed pipes are errors, as in every Rust program; no handler is replaced but the default one.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let text = |n: usize| {
        // SAFETY: as the caller says.
        let text = unsafe { CStr::from_ptr(*argv.add(n)) };
        text.to_string_lossy().into_owned()
    };
    let args: Vec<String> = (1..argc.max(1) as usize).map(text).collect();
    match run(&args) {
        // Threads of the program and of the collector may still run; the process ends here all the same.
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("isthmus: {error}");
            1
        }
    }
}

fn run(args: &[String]) -> Result<c_int, Box<dyn std::error::Error>> {
    let path = std::env::current_exe()?;
    // SAFETY: the symbol is of an object that `Program::to_object` made.
    let program = unsafe { Program::at((&raw const isthmus_program).cast()) }?;
    // SAFETY: the linker's symbols around the section; this is the only use of the images, and they stay where they are.
    unsafe {
        images::set_linked(headers(
            (&raw const __start_isthmus_images).cast(),
            (&raw const __stop_isthmus_images).cast(),
        ));
    }
    let built_in = program.files.iter().map(|file| BuiltIn {
        file: file.name,
        is_library: file.is_library,
        data: file.data,
    });
    let options = vm::Options {
        no_compiler: program.no_compiler,
        stats: std::env::var_os("ISTHMUS_STATS").is_some(),
        ..vm::Options::default()
    };
    Ok(vm::run::run_built_in(
        &path,
        built_in.collect(),
        args,
        options,
    )?)
}
