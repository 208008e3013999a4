//! The reference virtual machine: a CLR that the back end is plugged into.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`metadata`] | reads assemblies |
//! | [`types`] | the type system |
//! | [`tables`] | literals, prepared exceptions, call signatures |
//! | [`cil`], [`dynamic`] | CIL bodies to stack IR; bodies that programs generate |
//! | [`emit`] | assemblies that programs build |
//! | [`synth`] | methods that the VM makes |
//! | [`aot`] | code compiled ahead of time |
//! | [`body`] | where a method's body comes from |
//! | [`marshal`] | values between managed and native form |
//! | [`intrinsics`], [`comparers`] | library methods that compilers expand, and what they may know of others |
//! | [`cultures`] | names, formats and texts of cultures |
//! | [`digits`] | digits of doubles |
//! | [`icalls`] | the internal calls of the class library |
//! | [`verify`] | whether CIL is type safe |
//! | [`vm`] | the running program: compile-time interface, run-time data, entry |

pub mod aot;
pub mod body;
pub mod cil;
pub mod comparers;
pub mod cultures;
pub mod digits;
pub mod dynamic;
pub mod emit;
pub mod icalls;
pub mod intrinsics;
pub mod marshal;
pub mod metadata;
pub mod synth;
pub mod tables;
pub mod types;
pub mod verify;
pub mod vm;
