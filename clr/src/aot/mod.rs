//! Code of the CLR compiled ahead of time: making images, and running from them. The form of images is the `aot` crate's.
//!
//! | module | what |
//! | --- | --- |
//! | [`names`] | types, methods, fields, … by structure |
//! | [`modules`] | which assemblies an image is of and relies on |
//! | [`slots`] | what the slots of generic contexts are |
//! | [`compile`] | compiles assemblies into an image |
//! | [`instances`] | what else an image needs because of code in it |
//! | [`crossings`] | what it needs between delegates and native code |
//! | [`reflection`] | what programs make by reflection |
//! | [`files`] | files of images: finding and mapping them |
//! | [`images`] | the images of this process: finding methods, filling words |
//!
//! Facts of other assemblies (layouts, slots, inlined bodies) are in an image's code: it is refused unless every assembly that it
//! refers to, directly or not, is the one it was made with, by its module version id.

#[cfg(feature = "opt")]
pub mod compile;
#[cfg(feature = "opt")]
pub mod crossings;
pub mod files;
pub mod images;
#[cfg(feature = "opt")]
pub mod instances;
pub mod modules;
pub mod names;
#[cfg(feature = "opt")]
pub mod reflection;
pub mod slots;
