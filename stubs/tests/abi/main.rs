//! Every argument word of random signatures must arrive, whatever stubs a call crosses.
//!
//! | module | what |
//! | --- | --- |
//! | [`random`] | random signatures, struct layouts and values |
//! | [`world`] | code memory, symbols, a thread context, and runtime functions that spoil every register they may |
//! | [`code`] | generated functions: recorders, forwarders, C functions |
//! | [`calls`] | managed calls: direct, cells, prestubs, slots, interfaces, unboxing, instantiations |
//! | [`native`] | transitions into C, helpers, entry check, native callers of the entry stub |
//! | [`exceptions`] | throws, faults, boundaries |
//! | [`golden`] | the stubs' code as text |
//! | [`speed`] | what crossings cost |
#![cfg(target_arch = "x86_64")]

mod calls;
mod code;
mod exceptions;
mod golden;
mod native;
mod random;
mod speed;
mod world;
