//! Signatures (ECMA-335 II.23.2): what fields, methods, properties, locals and type specifications
//! are typed as.
//!
//! - `types`: the types of the parsed form
//! - `parse`: from blobs; every parser takes the bytes alone
//! - `print`: to text, with the names from an image
//!
//! Row views have a `sig()` that parses their blob and reports failures with table and row.

mod parse;
mod print;
mod types;

pub(super) use parse::parse_prim;
pub use parse::{
    MAX_DEPTH, parse_field, parse_local_vars, parse_member, parse_method, parse_method_spec,
    parse_property, parse_stand_alone, parse_type_spec, peek_method,
};
pub use print::SigPrinter;
pub use types::*;

use super::error::Result;
use super::rows::{
    FieldRow, MemberRefRow, MethodDefRow, MethodSpecRow, PropertyRow, Row, StandAloneSigRow,
    TypeSpecRow,
};

impl MethodDefRow<'_> {
    pub fn sig(self) -> Result<MethodSig> {
        self.raw_row().parse(4, parse_method)
    }
}

impl FieldRow<'_> {
    pub fn sig(self) -> Result<SigType> {
        self.raw_row().parse(2, parse_field)
    }
}

impl MemberRefRow<'_> {
    pub fn sig(self) -> Result<MemberSig> {
        self.raw_row().parse(2, parse_member)
    }
}

impl PropertyRow<'_> {
    pub fn sig(self) -> Result<PropertySig> {
        self.raw_row().parse(2, parse_property)
    }
}

impl TypeSpecRow<'_> {
    pub fn sig(self) -> Result<SigType> {
        self.raw_row().parse(0, parse_type_spec)
    }
}

impl MethodSpecRow<'_> {
    /// The type arguments.
    pub fn sig(self) -> Result<Vec<SigType>> {
        self.raw_row().parse(1, parse_method_spec)
    }
}

impl StandAloneSigRow<'_> {
    pub fn sig(self) -> Result<StandAloneSig> {
        self.raw_row().parse(0, parse_stand_alone)
    }
}
