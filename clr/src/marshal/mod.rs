//! Marshalling: values between their managed and their native form.
//!
//! The *form* of a type at a place (a parameter, a field, an element) is data, [`form::Form`], found once from the type, its `MarshalAs` and
//! the character set of the place. [`convert`] knows what to do with a form: between two addresses, in either direction. What crosses and when is told by
//! [`spec::Spec`]; the bodies of P/Invokes and callbacks (`synth::pinvoke`, `synth::callback`) do the plain things in code and
//! call [`spec`] for the rest.
//!
//! ```text
//!  managed                                native
//!  bool                                   int (or 1 or 2 bytes, as MarshalAs says)
//!  char                                   byte; a unit with CharSet.Unicode
//!  string                                 pointer to text: UTF-8 (Ansi), UTF-16, BSTR; in a structure also characters in place
//!  StringBuilder                          pointer to a buffer as large as its capacity
//!  T[]                                    pointer to elements in their native form; in a structure also elements in place
//!  struct                                 its fields, each in its form
//!  class with a layout                    pointer to the same; in a structure in place
//!  delegate                               function pointer
//!  SafeHandle, HandleRef                  the handle
//!  DateTime                               double (OLE date)
//!  object, AsAny                          what its class is marshalled as
//!  anything, CustomMarshaler              what the marshaler makes
//! ```
//!
//! Native memory is `malloc`'s, as `Marshal.AllocHGlobal` gives it.
//!
//! | module | what |
//! | --- | --- |
//! | [`form`] | forms, and which a type has |
//! | [`shape`] | native form of structures and classes with a layout |
//! | [`convert`] | conversions between addresses |
//! | [`text`] | native text, buffers of `StringBuilder` |
//! | [`arrays`] | pointers to elements |
//! | [`any`] | `AsAny` |
//! | [`custom`] | `ICustomMarshaler` |
//! | [`callbacks`] | delegates as function pointers and back |
//! | [`spec`] | parameters and results of P/Invokes and callbacks |

pub mod any;
pub mod arrays;
pub mod callbacks;
pub mod convert;
pub mod custom;
pub mod form;
pub mod shape;
pub mod spec;
pub mod text;
