//! Exports the functions that native libraries look for in the program that loads them (`isthmus_clr::vm::exports`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for symbol in [
        "mono_add_internal_call_with_flags",
        "mono_marshal_set_last_error",
        "mono_method_get_unmanaged_thunk",
        "mono_object_unbox",
        "mono_string_new_wrapper",
        "mono_string_to_utf8",
        "mono_threads_enter_gc_safe_region_internal",
        "mono_threads_enter_gc_unsafe_region",
        "mono_threads_exit_gc_safe_region_internal",
        "mono_threads_exit_gc_unsafe_region",
    ] {
        println!("cargo:rustc-link-arg-bins=-Wl,-u,{symbol}");
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}
