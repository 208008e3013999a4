//! A small VM: how to plug Isthmus into a VM of one's own.
//!
//! It runs `.sir` programs (classes, arrays, exceptions, threads, a collected heap; see `docs/SIR.md`) as machine code of either
//! compiler. A VM needs four things:
//!
//! ```text
//!   what compilers ask   runtime_abi::vm::CompileEnv   frontend_ir::module::Module answers it: layouts, call plans,
//!                        frontend_ir::body::BodySource bodies. A VM of your own writes this part; `Module` is the example.
//!   what the runtime asks       rt::vm::Vm             vm.rs: compile this, who implements that slot, is this object of that type;
//!                                                      what most VMs would answer alike, the trait answers itself
//!   what objects look like      vtables                types.rs: one vtable a type, statics, literals
//!   what programs call          native functions       host.rs: plain `extern "C"` functions, called through transition stubs
//! ```
//!
//! | module | what it shows |
//! | --- | --- |
//! | [`run`](mod@run) | starting a runtime, attaching a thread, calling `main` |
//! | [`compile`] | from a body to code, by baseline or SSA and Cranelift |
//! | [`vm`] | the `Vm` trait: dispatch, exceptions, types |
//! | [`types`] | vtables, reference maps, statics, literals |
//! | [`object`] | looking into objects from Rust |
//! | [`class_init`] | running class constructors |
//! | [`host`] | functions that programs call; threads |
//!
//! `tests/command` is the command around it, `tests/corpus.rs` runs all programs of `tests/sir` in every engine.
//!
//! **Rules to take with you.** A thread attaches before it touches the heap. References live in locals only, handles anywhere. Whatever
//! may wait goes into a blocking region, and no lock is held where a collection may stop the thread. Runtime functions never unwind:
//! they return `Err(Thrown)`, or set the pending exception and return.

pub mod class_init;
pub mod compile;
pub mod host;
pub mod object;
pub mod run;
pub mod types;
pub mod vm;

pub use compile::Tier;
pub use run::{Options, RunError, Stats, run};
