//! The contract between a managed VM, its compilers and its runtime, as data.
//!
//! Nothing here compiles or runs anything. The crate says what the parts must agree on, so that
//! the compilers (`ssa`/`lower`, `baseline`), the stubs, the tables, the linker and the VM can be
//! written, tested and replaced apart from each other.
//!
//! | module | what it fixes |
//! | --- | --- |
//! | [`ids`] | opaque ids of VM entities (types, methods, fields, literals) |
//! | [`types`] | stack and memory types, signatures, struct layouts |
//! | [`vm`] | the compile-time interface: every question a compiler may ask the VM |
//! | [`target`] | architectures: pointer size, registers, roles of registers |
//! | [`cpu`] | processor features that code may use |
//! | [`callconv`] | how a signature becomes registers and stack words |
//! | [`layout`] | objects, arrays, strings, vtables, generic contexts in memory |
//! | [`context`] | the thread context behind the reserved thread register |
//! | [`helpers`] | runtime helpers callable from compiled code, with their effects |
//! | [`intrinsics`] | methods that compilers may expand in place |
//! | [`trap`] | why compiled code may fault, and which exception that is |
//! | [`stub`] | names of stubs and of the runtime functions that they call |
//! | [`symbol`] | names of things that have an address only after linking, and relocations |
//! | [`artifact`] | what every compiler produces: [`artifact::CompiledMethod`] |

pub mod artifact;
pub mod callconv;
pub mod context;
pub mod cpu;
pub mod helpers;
pub mod ids;
pub mod intrinsics;
pub mod layout;
pub mod stub;
pub mod symbol;
pub mod target;
pub mod trap;
pub mod types;
pub mod vm;
