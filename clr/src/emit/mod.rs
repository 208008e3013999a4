//! Assemblies that programs build (`System.Reflection.Emit`): builder objects to metadata.
//!
//! ```text
//!   TypeBuilder, MethodBuilder, ILGenerator … ── objects ──▶ Emitter ──▶ metadata::write ──┬─▶ a piece: one type, loaded
//!        ▲                                                     │                            └─▶ a file: the whole module
//!        └── tokens in code name objects (registry) ◀──────────┘ code
//! ```
//!
//! A type that is created becomes a *piece*: an image of its own with one type, loaded as a module of the dynamic assembly. So
//! everything that reads metadata works for it unchanged. What a piece refers to outside itself are rows of TypeRef whose
//! meaning is kept beside ([`registry::Named`]): types of the runtime, or types under construction, which are looked at when code or
//! layout first needs them. A saved module is made by the same [`emitter::Emitter`] with all types in one image and references
//! by name.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`objects`] | reads fields of builder objects; shapes of `Type` objects |
//! | [`registry`] | modules and types under construction; what tokens mean |
//! | [`emitter`] | types to signatures and tokens |
//! | [`members`] | methods and fields to tokens |
//! | [`code`] | bodies: code with tokens of the image, locals, clauses |
//! | [`define`] | rows of a type and its members |
//! | [`details`] | constants, native types, attributes, permissions |
//! | [`attribute`] | blobs of custom attributes from values |
//! | [`pieces`] | a created type as an image |
//! | [`save`] | a module as a file |

pub mod attribute;
pub mod code;
pub mod define;
pub mod details;
pub mod emitter;
pub mod members;
pub mod objects;
pub mod pieces;
pub mod registry;
pub mod save;
