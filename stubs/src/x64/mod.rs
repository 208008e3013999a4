//! x86-64: the code of the stubs.
//!
//! | module | what |
//! | --- | --- |
//! | [`frame`] | pieces that several stubs share |
//! | [`dispatch`], [`entry`], [`exceptions`], [`foreign`], [`native`] | as in the crate's root |

pub(crate) mod dispatch;
pub(crate) mod entry;
pub(crate) mod exceptions;
pub(crate) mod foreign;
mod frame;
pub(crate) mod native;
