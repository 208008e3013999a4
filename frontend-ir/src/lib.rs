//! Stack IR: what a front end hands to the compilers.
//!
//! It is ECMA-335's instruction set with tokens resolved to ids of the VM, short forms normalized
//! ([`op::Op`]), branch targets as instruction indices, and exception clauses as a region tree.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`op`] | the normal form of an instruction |
//! | [`cil`] | the table of all ECMA-335 encodings: bytes, mnemonic, operand, normal form |
//! | [`body`] | a method body; where compilers get bodies from |
//! | [`generate`] | random programs on which all engines must agree |
//! | [`interp`] | an interpreter: the oracle; its world serves the SSA interpreter too |
//! | [`module`] | a self-contained program with layouts: a VM for tests, the interpreter and examples |
//! | [`region`] | exception clauses as a tree of regions |
//! | [`text`] | the `.sir` text form of modules: parser and printer |
//! | [`typing`], [`lenient`] | what each instruction does to the types on the stack; what compilers have emitted beyond that |
//! | [`verify`] | whether a body is fit for the compilers |

pub mod body;
pub mod cil;
pub mod generate;
pub mod interp;
pub mod lenient;
pub mod module;
pub mod op;
pub mod region;
pub mod text;
pub mod typing;
pub mod verify;
