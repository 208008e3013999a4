//! Exports the functions that Mono's native library looks for in the program that loads it (`isthmus_clr::vm::exports`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for symbol in [
        "mono_add_internal_call_with_flags",
        "mono_marshal_set_last_error",
        "mono_threads_enter_gc_safe_region_internal",
        "mono_threads_exit_gc_safe_region_internal",
    ] {
        println!("cargo:rustc-link-arg-bins=-Wl,-u,{symbol}");
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}
