#![doc = include_str!("../../docs/AOT.md")]
//!
//! # Modules
//!
//! | module | what |
//! | --- | --- |
//! | [`names`] | symbols by structure instead of by number: what the VM and this crate write of them |
//! | [`format`](mod@format) | where things are in an image's data |
//! | [`text_sum`] | check sum of text |
//! | [`build`] | compiled methods become text, words, and data |
//! | [`elf`] | … which become a relocatable object |
//! | [`debug`] | DWARF and `.eh_frame`, for debuggers |
//! | [`listing`] | … or text for an assembler |
//! | [`shared`] | check sum of what the dynamic linker goes by in a shared object |
//! | [`image`] | reads the data of an image in memory |
//! | [`file`](mod@file) | finds the image in a file |
//! | [`check`] | decodes all of it |
//! | [`program`] | what an executable has besides images |

pub mod build;
pub mod check;
pub mod debug;
pub mod elf;
pub mod file;
pub mod format;
pub mod image;
pub mod listing;
pub mod names;
pub mod program;
pub mod shared;
pub mod text_sum;

pub use build::{Builder, Parts};
pub use image::Image;
