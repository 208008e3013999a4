//! The 45 metadata tables as data (ECMA-335 II.22), and the coded indices (II.24.2.6).
//!
//! [`for_each_table!`] is the only list of tables and columns. From it derive [`TableId`], the
//! static [`SCHEMA`] that row sizes, the dumper and the checker use, and (in `rows.rs`) a view
//! type with typed accessors for every table.
//!
//! Kinds of columns:
//!
//! | kind | in the file | read as |
//! | --- | --- | --- |
//! | `u16`, `u32` | 2 or 4 bytes | the number |
//! | `flags16(F)`, `flags32(F)` | 2 or 4 bytes | the bit set `F` |
//! | `string`, `guid`, `blob` | index into that heap, 2 or 4 bytes | what lies there |
//! | `rid(T)` | row number of table `T` | the row number, 0 for none |
//! | `list(T)` | row number of `T`, where this row's run begins; it ends where the next row's begins | a range, see `lookup.rs` |
//! | `coded(C)` | table in the low bits, row number above | a token |

use std::fmt;

/// Calls a macro with the list of all tables:
/// number, table, row type, accessor of a row by number, and columns `name: kind(argument)`.
macro_rules! for_each_table {
    ($mac:ident) => {
        $mac! {
            0x00 Module ModuleRow module {
                generation: u16, name: string, mvid: guid, enc_id: guid, enc_base_id: guid }
            0x01 TypeRef TypeRefRow type_ref {
                resolution_scope: coded(ResolutionScope), name: string, namespace: string }
            0x02 TypeDef TypeDefRow type_def {
                flags: flags32(TypeAttributes), name: string, namespace: string,
                extends: coded(TypeDefOrRef), field_list: list(Field), method_list: list(MethodDef) }
            0x03 FieldPtr FieldPtrRow field_ptr { field: rid(Field) }
            0x04 Field FieldRow field {
                flags: flags16(FieldAttributes), name: string, signature: blob }
            0x05 MethodPtr MethodPtrRow method_ptr { method: rid(MethodDef) }
            0x06 MethodDef MethodDefRow method_def {
                rva: u32, impl_flags: flags16(MethodImplAttributes), flags: flags16(MethodAttributes),
                name: string, signature: blob, param_list: list(Param) }
            0x07 ParamPtr ParamPtrRow param_ptr { param: rid(Param) }
            0x08 Param ParamRow param {
                flags: flags16(ParamAttributes), sequence: u16, name: string }
            0x09 InterfaceImpl InterfaceImplRow interface_impl {
                class: rid(TypeDef), interface: coded(TypeDefOrRef) }
            0x0a MemberRef MemberRefRow member_ref {
                class: coded(MemberRefParent), name: string, signature: blob }
            0x0b Constant ConstantRow constant {
                element_type: u16, parent: coded(HasConstant), value: blob }
            0x0c CustomAttribute CustomAttributeRow custom_attribute {
                parent: coded(HasCustomAttribute), constructor: coded(CustomAttributeType), value: blob }
            0x0d FieldMarshal FieldMarshalRow field_marshal {
                parent: coded(HasFieldMarshal), native_type: blob }
            0x0e DeclSecurity DeclSecurityRow decl_security {
                action: u16, parent: coded(HasDeclSecurity), permission_set: blob }
            0x0f ClassLayout ClassLayoutRow class_layout {
                packing_size: u16, class_size: u32, parent: rid(TypeDef) }
            0x10 FieldLayout FieldLayoutRow field_layout { offset: u32, field: rid(Field) }
            0x11 StandAloneSig StandAloneSigRow stand_alone_sig { signature: blob }
            0x12 EventMap EventMapRow event_map { parent: rid(TypeDef), event_list: list(Event) }
            0x13 EventPtr EventPtrRow event_ptr { event: rid(Event) }
            0x14 Event EventRow event {
                flags: flags16(EventAttributes), name: string, event_type: coded(TypeDefOrRef) }
            0x15 PropertyMap PropertyMapRow property_map {
                parent: rid(TypeDef), property_list: list(Property) }
            0x16 PropertyPtr PropertyPtrRow property_ptr { property: rid(Property) }
            0x17 Property PropertyRow property {
                flags: flags16(PropertyAttributes), name: string, signature: blob }
            0x18 MethodSemantics MethodSemanticsRow method_semantics {
                semantics: flags16(MethodSemanticsAttributes), method: rid(MethodDef),
                association: coded(HasSemantics) }
            0x19 MethodImpl MethodImplRow method_impl {
                class: rid(TypeDef), body: coded(MethodDefOrRef), declaration: coded(MethodDefOrRef) }
            0x1a ModuleRef ModuleRefRow module_ref { name: string }
            0x1b TypeSpec TypeSpecRow type_spec { signature: blob }
            0x1c ImplMap ImplMapRow impl_map {
                flags: flags16(PInvokeAttributes), member: coded(MemberForwarded),
                import_name: string, import_scope: rid(ModuleRef) }
            0x1d FieldRva FieldRvaRow field_rva { rva: u32, field: rid(Field) }
            0x1e EncLog EncLogRow enc_log { token: u32, function: u32 }
            0x1f EncMap EncMapRow enc_map { token: u32 }
            0x20 Assembly AssemblyRow assembly_def {
                hash_algorithm: u32, major: u16, minor: u16, build: u16, revision: u16,
                flags: flags32(AssemblyFlags), public_key: blob, name: string, culture: string }
            0x21 AssemblyProcessor AssemblyProcessorRow assembly_processor { processor: u32 }
            0x22 AssemblyOs AssemblyOsRow assembly_os { platform: u32, major: u32, minor: u32 }
            0x23 AssemblyRef AssemblyRefRow assembly_ref {
                major: u16, minor: u16, build: u16, revision: u16, flags: flags32(AssemblyFlags),
                public_key_or_token: blob, name: string, culture: string, hash_value: blob }
            0x24 AssemblyRefProcessor AssemblyRefProcessorRow assembly_ref_processor {
                processor: u32, assembly_ref: rid(AssemblyRef) }
            0x25 AssemblyRefOs AssemblyRefOsRow assembly_ref_os {
                platform: u32, major: u32, minor: u32, assembly_ref: rid(AssemblyRef) }
            0x26 File FileRow file { flags: u32, name: string, hash_value: blob }
            0x27 ExportedType ExportedTypeRow exported_type {
                flags: flags32(TypeAttributes), type_def_id: u32, name: string, namespace: string,
                implementation: coded(Implementation) }
            0x28 ManifestResource ManifestResourceRow manifest_resource {
                offset: u32, flags: u32, name: string, implementation: coded(Implementation) }
            0x29 NestedClass NestedClassRow nested_class {
                nested: rid(TypeDef), enclosing: rid(TypeDef) }
            0x2a GenericParam GenericParamRow generic_param {
                number: u16, flags: flags16(GenericParamAttributes),
                owner: coded(TypeOrMethodDef), name: string }
            0x2b MethodSpec MethodSpecRow method_spec {
                method: coded(MethodDefOrRef), instantiation: blob }
            0x2c GenericParamConstraint GenericParamConstraintRow generic_param_constraint {
                owner: rid(GenericParam), constraint: coded(TypeDefOrRef) }
        }
    };
}
pub(super) use for_each_table;

/// The number of tables.
pub const TABLE_COUNT: usize = 45;

/// The most columns that any table has.
pub const MAX_COLUMNS: usize = 9;

/// How a column is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    U16,
    U32,
    String,
    Guid,
    Blob,
    /// A row number of that table.
    Rid(TableId),
    /// The first row of a run in that table.
    List(TableId),
    Coded(CodedIndex),
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
}

/// A table: its name and its columns.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
}

macro_rules! column_kind {
    (u16) => {
        ColumnKind::U16
    };
    (u32) => {
        ColumnKind::U32
    };
    (flags16 $f:ident) => {
        ColumnKind::U16
    };
    (flags32 $f:ident) => {
        ColumnKind::U32
    };
    (string) => {
        ColumnKind::String
    };
    (guid) => {
        ColumnKind::Guid
    };
    (blob) => {
        ColumnKind::Blob
    };
    (rid $t:ident) => {
        ColumnKind::Rid(TableId::$t)
    };
    (list $t:ident) => {
        ColumnKind::List(TableId::$t)
    };
    (coded $c:ident) => {
        ColumnKind::Coded(CodedIndex::$c)
    };
}

macro_rules! define_schema {
    ($($id:literal $table:ident $row:ident $get:ident {
        $($col:ident: $kind:ident $(($arg:ident))?),* $(,)?
    })*) => {
        /// A metadata table, by its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum TableId { $($table = $id),* }

        impl TableId {
            /// All tables in the order of their numbers.
            pub const ALL: [TableId; TABLE_COUNT] = [$(TableId::$table),*];
        }

        /// The columns of every table, indexed by table number.
        pub static SCHEMA: [Table; TABLE_COUNT] = [$(
            Table {
                name: stringify!($table),
                columns: &[$(
                    Column { name: stringify!($col), kind: column_kind!($kind $($arg)?) }
                ),*],
            }
        ),*];
    };
}
for_each_table!(define_schema);

impl TableId {
    /// The table of a number, if there is one.
    pub fn from_u8(number: u8) -> Option<TableId> {
        TableId::ALL.get(usize::from(number)).copied()
    }

    pub fn schema(self) -> &'static Table {
        &SCHEMA[self as usize]
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.schema().name)
    }
}

/// Lists the coded indices: tag width in bits, then the table of each tag (`_`: not used).
macro_rules! coded_indices {
    ($($name:ident $bits:literal [$($table:tt)*])*) => {
        /// A reference to a row of one of several tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum CodedIndex { $($name),* }

        impl CodedIndex {
            /// All coded indices.
            pub const ALL: &'static [CodedIndex] = &[$(CodedIndex::$name),*];

            /// How many low bits hold the tag.
            pub const fn tag_bits(self) -> u32 {
                match self { $(CodedIndex::$name => $bits),* }
            }

            /// The table of each tag.
            pub const fn tables(self) -> &'static [Option<TableId>] {
                match self { $(CodedIndex::$name => &[$(tag_table!($table)),*]),* }
            }
        }
    };
}

macro_rules! tag_table {
    (_) => {
        None
    };
    ($table:ident) => {
        Some(TableId::$table)
    };
}

coded_indices! {
    TypeDefOrRef 2 [TypeDef TypeRef TypeSpec]
    HasConstant 2 [Field Param Property]
    HasCustomAttribute 5 [MethodDef Field TypeRef TypeDef Param InterfaceImpl MemberRef Module
        DeclSecurity Property Event StandAloneSig ModuleRef TypeSpec Assembly AssemblyRef File
        ExportedType ManifestResource GenericParam GenericParamConstraint MethodSpec]
    HasFieldMarshal 1 [Field Param]
    HasDeclSecurity 2 [TypeDef MethodDef Assembly]
    MemberRefParent 3 [TypeDef TypeRef ModuleRef MethodDef TypeSpec]
    HasSemantics 1 [Event Property]
    MethodDefOrRef 1 [MethodDef MemberRef]
    MemberForwarded 1 [Field MethodDef]
    Implementation 2 [File AssemblyRef ExportedType]
    CustomAttributeType 3 [_ _ MethodDef MemberRef _]
    ResolutionScope 2 [Module ModuleRef AssemblyRef TypeRef]
    TypeOrMethodDef 1 [TypeDef MethodDef]
}

impl CodedIndex {
    /// Splits a coded value into table and row number; `None` for a tag that is not used.
    pub fn decode(self, raw: u32) -> Option<(TableId, u32)> {
        let bits = self.tag_bits();
        let tag = raw & ((1 << bits) - 1);
        let table = (*self.tables().get(tag as usize)?)?;
        Some((table, raw >> bits))
    }

    /// The coded value of a row; `None` where this index cannot refer to that table.
    pub fn encode(self, table: TableId, rid: u32) -> Option<u32> {
        let tag = self.tables().iter().position(|&t| t == Some(table))?;
        Some(rid.checked_mul(1 << self.tag_bits())? | tag as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_columns_fit() {
        for (i, &table) in TableId::ALL.iter().enumerate() {
            assert_eq!(table as usize, i);
            let columns = table.schema().columns.len();
            assert!((1..=MAX_COLUMNS).contains(&columns), "{table}");
        }
        assert_eq!(
            TableId::from_u8(0x2c),
            Some(TableId::GenericParamConstraint)
        );
        assert_eq!(TableId::from_u8(0x2d), None);
    }

    #[test]
    fn coded_indices_round_trip() {
        for &index in CodedIndex::ALL {
            let tables = index.tables();
            assert!(tables.len() <= 1 << index.tag_bits(), "{index:?}");
            assert!(
                tables.len() > 1 << (index.tag_bits() - 1),
                "{index:?} wastes a tag bit"
            );
            for table in tables.iter().flatten() {
                let raw = index.encode(*table, 77).unwrap();
                assert_eq!(index.decode(raw), Some((*table, 77)));
            }
        }
        assert_eq!(CodedIndex::TypeDefOrRef.decode(3), None);
        assert_eq!(CodedIndex::HasConstant.encode(TableId::TypeDef, 1), None);
    }
}
