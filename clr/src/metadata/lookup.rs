//! Finding rows: runs of lists, rows by owner, types by name.
//!
//! *Runs.* A type's fields are a run of the Field table that begins at the type's `field_list` and
//! ends where the next type's begins; likewise methods, parameters, events and properties.
//!
//! *Rows by owner.* Many tables say in one column which row they belong to, and the format wants them
//! sorted by it. An [`Index`] is such a pair of table and column. On first use one pass checks the
//! order; where it does not hold (as in uncompressed metadata, or for columns that need not be
//! sorted) a permutation is sorted and kept. Look-ups are binary searches in either case.
//!
//! *Types by name.* A hash table of row numbers, built on first use.

use std::hash::Hasher;
use std::ops::Range;
use std::sync::OnceLock;

use rustc_hash::FxHasher;

use super::error::{ErrorKind, Result, Site};
use super::image::Image;
use super::rows::*;
use super::schema::{ColumnKind, TableId};
use super::token::Token;

macro_rules! indexes {
    ($($name:ident: $table:ident.$column:ident = $number:literal;)*) => {
        /// A table and the column that its rows are looked up by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Index { $($name),* }

        const INDEXES: &[(TableId, usize)] = &[$((TableId::$table, $number)),*];

        #[cfg(test)]
        const INDEX_COLUMNS: &[&str] = &[$(stringify!($column)),*];
    };
}

indexes! {
    InterfaceImplByClass: InterfaceImpl.class = 0;
    ConstantByParent: Constant.parent = 1;
    CustomAttributeByParent: CustomAttribute.parent = 0;
    FieldMarshalByParent: FieldMarshal.parent = 0;
    DeclSecurityByParent: DeclSecurity.parent = 1;
    ClassLayoutByParent: ClassLayout.parent = 2;
    FieldLayoutByField: FieldLayout.field = 1;
    EventMapByParent: EventMap.parent = 0;
    PropertyMapByParent: PropertyMap.parent = 0;
    MethodSemanticsByAssociation: MethodSemantics.association = 2;
    MethodSemanticsByMethod: MethodSemantics.method = 1;
    MethodImplByClass: MethodImpl.class = 0;
    ImplMapByMember: ImplMap.member = 1;
    FieldRvaByField: FieldRva.field = 1;
    NestedClassByNested: NestedClass.nested = 0;
    NestedClassByEnclosing: NestedClass.enclosing = 1;
    GenericParamByOwner: GenericParam.owner = 2;
    GenericParamConstraintByOwner: GenericParamConstraint.owner = 0;
    FieldPtrByField: FieldPtr.field = 0;
    MethodPtrByMethod: MethodPtr.method = 0;
    ParamPtrByParam: ParamPtr.param = 0;
}

const INDEX_COUNT: usize = INDEXES.len();

/// What look-ups build on first use.
#[derive(Default)]
pub(super) struct Indexes {
    /// Row numbers in the order of their keys; `None` where the table itself has that order.
    orders: [OnceLock<Option<Box<[u32]>>>; INDEX_COUNT],
    types: OnceLock<NameTable>,
    exported: OnceLock<NameTable>,
}

/// Some row numbers of one table.
#[derive(Clone, Copy, Debug)]
pub struct Rids<'a> {
    /// Positions in `order`, or row numbers.
    start: u32,
    end: u32,
    order: Order<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Order<'a> {
    /// The positions are the row numbers.
    Table,
    /// The positions are indices of this list.
    Sorted(&'a [u32]),
    /// The positions are rows of this table of pointers, whose only column is the row number.
    Pointers(&'a Image, TableId),
}

impl Iterator for Rids<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.start >= self.end {
            return None;
        }
        let at = self.start;
        self.start += 1;
        Some(match self.order {
            Order::Table => at,
            Order::Sorted(rids) => rids[at as usize],
            Order::Pointers(image, table) => RawRow::new(image, table, at).raw(0),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.start) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Rids<'_> {}

/// The first position in a range where `before` no longer holds.
fn partition(range: Range<u32>, mut before: impl FnMut(u32) -> bool) -> u32 {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

impl Image {
    fn order(&self, index: Index) -> Option<&[u32]> {
        let (table, column) = INDEXES[index as usize];
        let order = self.indexes.orders[index as usize].get_or_init(|| {
            let key = |rid: u32| RawRow::new(self, table, rid).raw(column);
            let rows = self.tables().rows(table);
            if (1..=rows).map(key).is_sorted() {
                return None;
            }
            let mut order: Box<[u32]> = (1..=rows).collect();
            order.sort_by_cached_key(|&rid| key(rid));
            Some(order)
        });
        order.as_deref()
    }

    /// The rows of an index with a key as it is stored in the column.
    fn rows_with(&self, index: Index, key: u32) -> Rids<'_> {
        let (table, column) = INDEXES[index as usize];
        let key_of = |rid| RawRow::new(self, table, rid).raw(column);
        match self.order(index) {
            None => {
                let all = 1..self.tables().rows(table) + 1;
                let start = partition(all.clone(), |at| key_of(at) < key);
                let end = partition(start..all.end, |at| key_of(at) <= key);
                Rids {
                    start,
                    end,
                    order: Order::Table,
                }
            }
            Some(rids) => {
                let all = 0..rids.len() as u32;
                let start = partition(all.clone(), |at| key_of(rids[at as usize]) < key);
                let end = partition(start..all.end, |at| key_of(rids[at as usize]) <= key);
                Rids {
                    start,
                    end,
                    order: Order::Sorted(rids),
                }
            }
        }
    }

    /// The rows that belong to `owner`, in the order of the table. Empty where rows of this table
    /// cannot belong to it.
    pub fn rows_of(&self, index: Index, owner: Token) -> Rids<'_> {
        let (table, column) = INDEXES[index as usize];
        let key = owner
            .table()
            .and_then(|owner_table| match table.schema().columns[column].kind {
                ColumnKind::Rid(t) => (t == owner_table).then(|| owner.rid()),
                ColumnKind::Coded(coded) => coded.encode(owner_table, owner.rid()),
                _ => None,
            });
        match key {
            Some(key) if !owner.is_nil() => self.rows_with(index, key),
            _ => Rids {
                start: 0,
                end: 0,
                order: Order::Table,
            },
        }
    }

    /// The only (or first) row that belongs to `owner`.
    fn row_of<'a, R: Row<'a>>(&'a self, index: Index, owner: Token) -> Result<Option<R>> {
        debug_assert!(INDEXES[index as usize].0 == R::TABLE);
        self.rows_of(index, owner)
            .next()
            .map(|rid| self.row(rid))
            .transpose()
    }

    // ---- runs --------------------------------------------------------------------------------

    /// The run that row `rid` of `table` begins in `column`.
    fn run(&self, table: TableId, rid: u32, column: usize, of: TableId) -> Result<Rids<'_>> {
        let row = self.raw_row(table, rid)?;
        let via = self.tables().indirection(of);
        let rows = self.tables().rows(via.unwrap_or(of));
        let start = row.raw(column);
        let end = if rid < self.tables().rows(table) {
            RawRow::new(self, table, rid + 1).raw(column)
        } else {
            rows + 1
        };
        if start == 0 && end <= 1 {
            // Some writers leave 0 in tables that have no lists at all.
            return Ok(Rids {
                start: 0,
                end: 0,
                order: Order::Table,
            });
        }
        if start == 0 || start > end || end > rows + 1 {
            return Err(row.error(column, ErrorKind::BadList { start, end, rows }));
        }
        let order = via.map_or(Order::Table, |table| Order::Pointers(self, table));
        Ok(Rids { start, end, order })
    }

    /// The row of `table` whose run in `column` holds a member; `via` finds the member in the table
    /// of pointers that its list may go through.
    fn run_owner(&self, table: TableId, column: usize, member: Token, via: Index) -> Option<u32> {
        if !self.token_exists(member) {
            return None;
        }
        let at = match self.tables().indirection(member.table()?) {
            None => member.rid(),
            Some(_) => self.rows_of(via, member).next()?,
        };
        let start = |rid| RawRow::new(self, table, rid).raw(column);
        let after = partition(1..self.tables().rows(table) + 1, |rid| start(rid) <= at);
        after.checked_sub(1).filter(|&rid| rid != 0)
    }

    /// The type that declares a field.
    pub fn declaring_type_of_field(&self, field: u32) -> Option<u32> {
        let member = Token::new(TableId::Field, field);
        self.run_owner(TableId::TypeDef, 4, member, Index::FieldPtrByField)
    }

    /// The type that declares a method.
    pub fn declaring_type_of_method(&self, method: u32) -> Option<u32> {
        let member = Token::new(TableId::MethodDef, method);
        self.run_owner(TableId::TypeDef, 5, member, Index::MethodPtrByMethod)
    }

    /// The method that a row of Param belongs to.
    pub fn method_of_param(&self, param: u32) -> Option<u32> {
        let member = Token::new(TableId::Param, param);
        self.run_owner(TableId::MethodDef, 5, member, Index::ParamPtrByParam)
    }

    // ---- types by name -----------------------------------------------------------------------

    /// A top-level type of this image.
    pub fn find_type(&self, namespace: &str, name: &str) -> Option<u32> {
        let key = |rid| {
            let row = TypeDefRow::from_raw(RawRow::new(self, TableId::TypeDef, rid));
            let top = !row.flags().is_nested();
            top.then(|| Some((row.namespace_bytes().ok()?, row.name_bytes().ok()?)))?
        };
        let rows = self.tables().rows(TableId::TypeDef);
        let table = self.indexes.types.get_or_init(|| NameTable::new(rows, key));
        table.find((namespace.as_bytes(), name.as_bytes()), key)
    }

    /// A type nested in the type of row `enclosing`.
    pub fn find_nested_type(&self, enclosing: u32, namespace: &str, name: &str) -> Option<u32> {
        self.nested_types(enclosing).find(|&rid| {
            self.type_def(rid).is_ok_and(|row| {
                row.name_bytes().is_ok_and(|n| n == name.as_bytes())
                    && row
                        .namespace_bytes()
                        .is_ok_and(|n| n == namespace.as_bytes())
            })
        })
    }

    /// A top-level type that this assembly lists as exported: it lives in another file of the
    /// assembly or, when forwarded, in another assembly.
    pub fn find_exported_type(&self, namespace: &str, name: &str) -> Option<ExportedTypeRow<'_>> {
        let row = |rid| ExportedTypeRow::from_raw(RawRow::new(self, TableId::ExportedType, rid));
        let key = |rid| {
            let row = row(rid);
            let top = row.implementation().ok()?.table() != Some(TableId::ExportedType);
            top.then(|| Some((row.namespace_bytes().ok()?, row.name_bytes().ok()?)))?
        };
        let rows = self.tables().rows(TableId::ExportedType);
        let table = self
            .indexes
            .exported
            .get_or_init(|| NameTable::new(rows, key));
        table
            .find((namespace.as_bytes(), name.as_bytes()), key)
            .map(row)
    }

    /// The types nested directly in a type.
    pub fn nested_types(&self, enclosing: u32) -> impl Iterator<Item = u32> + '_ {
        let owner = Token::new(TableId::TypeDef, enclosing);
        self.rows_of(Index::NestedClassByEnclosing, owner)
            .filter_map(|rid| self.nested_class(rid).ok()?.nested().ok())
    }

    /// The row that describes the assembly; `None` in a module that belongs to one.
    pub fn assembly(&self) -> Option<AssemblyRow<'_>> {
        self.assembly_def(1).ok()
    }

    // ---- rows by owner -----------------------------------------------------------------------

    pub fn custom_attributes(&self, owner: Token) -> impl Iterator<Item = CustomAttributeRow<'_>> {
        self.rows_of(Index::CustomAttributeByParent, owner)
            .filter_map(|rid| self.custom_attribute(rid).ok())
    }

    /// The generic parameters of a type or method, in the order of the table, which is that of
    /// their numbers.
    pub fn generic_params(&self, owner: Token) -> impl Iterator<Item = GenericParamRow<'_>> {
        self.rows_of(Index::GenericParamByOwner, owner)
            .filter_map(|rid| self.generic_param(rid).ok())
    }

    /// The constant of a field, parameter or property.
    pub fn constant_of(&self, owner: Token) -> Result<Option<ConstantRow<'_>>> {
        self.row_of(Index::ConstantByParent, owner)
    }

    /// How a field or parameter is marshalled.
    pub fn marshal_of(&self, owner: Token) -> Result<Option<FieldMarshalRow<'_>>> {
        self.row_of(Index::FieldMarshalByParent, owner)
    }

    /// The native function behind a P/Invoke method.
    pub fn impl_map_of(&self, member: Token) -> Result<Option<ImplMapRow<'_>>> {
        self.row_of(Index::ImplMapByMember, member)
    }
}

impl<'a> TypeDefRow<'a> {
    pub fn fields(self) -> Result<Rids<'a>> {
        self.image()
            .run(TableId::TypeDef, self.rid(), 4, TableId::Field)
    }

    pub fn methods(self) -> Result<Rids<'a>> {
        self.image()
            .run(TableId::TypeDef, self.rid(), 5, TableId::MethodDef)
    }

    pub fn properties(self) -> Result<Rids<'a>> {
        match self
            .image()
            .row_of::<PropertyMapRow>(Index::PropertyMapByParent, self.token())?
        {
            Some(map) => map.properties(),
            None => Ok(Rids {
                start: 0,
                end: 0,
                order: Order::Table,
            }),
        }
    }

    pub fn events(self) -> Result<Rids<'a>> {
        match self
            .image()
            .row_of::<EventMapRow>(Index::EventMapByParent, self.token())?
        {
            Some(map) => map.events(),
            None => Ok(Rids {
                start: 0,
                end: 0,
                order: Order::Table,
            }),
        }
    }

    /// The interfaces it lists itself.
    pub fn interfaces(self) -> impl Iterator<Item = InterfaceImplRow<'a>> {
        let image = self.image();
        image
            .rows_of(Index::InterfaceImplByClass, self.token())
            .filter_map(|rid| image.interface_impl(rid).ok())
    }

    /// The explicit overrides.
    pub fn method_impls(self) -> impl Iterator<Item = MethodImplRow<'a>> {
        let image = self.image();
        image
            .rows_of(Index::MethodImplByClass, self.token())
            .filter_map(|rid| image.method_impl(rid).ok())
    }

    pub fn layout(self) -> Result<Option<ClassLayoutRow<'a>>> {
        self.image()
            .row_of(Index::ClassLayoutByParent, self.token())
    }

    /// The type that this one is nested in.
    pub fn enclosing_type(self) -> Result<Option<TypeDefRow<'a>>> {
        let image = self.image();
        let outer = |token| image.row_of::<NestedClassRow>(Index::NestedClassByNested, token);
        let Some(row) = outer(self.token())? else {
            return Ok(None);
        };
        let found = image.type_def(row.enclosing()?)?;
        // Whoever asks for the outermost must come to an end.
        let mut at = found.token();
        for _ in 0..MAX_NESTING {
            match outer(at)? {
                Some(row) => at = Token::new(TableId::TypeDef, row.enclosing()?),
                None => return Ok(Some(found)),
            }
        }
        Err(image.error(
            Site::Row {
                table: TableId::TypeDef,
                rid: self.rid(),
                column: None,
            },
            ErrorKind::Circular,
        ))
    }
}

impl<'a> FieldRow<'a> {
    /// The offset that an explicit layout gives it.
    pub fn layout(self) -> Result<Option<FieldLayoutRow<'a>>> {
        self.image().row_of(Index::FieldLayoutByField, self.token())
    }

    /// The address of its initial value.
    pub fn address(self) -> Result<Option<u32>> {
        let row = self
            .image()
            .row_of::<FieldRvaRow>(Index::FieldRvaByField, self.token())?;
        Ok(row.map(FieldRvaRow::rva))
    }
}

impl<'a> MethodDefRow<'a> {
    pub fn params(self) -> Result<Rids<'a>> {
        self.image()
            .run(TableId::MethodDef, self.rid(), 5, TableId::Param)
    }

    /// What the method is to a property or event.
    pub fn semantics(self) -> impl Iterator<Item = MethodSemanticsRow<'a>> {
        let image = self.image();
        image
            .rows_of(Index::MethodSemanticsByMethod, self.token())
            .filter_map(|rid| image.method_semantics(rid).ok())
    }
}

impl<'a> PropertyMapRow<'a> {
    pub fn properties(self) -> Result<Rids<'a>> {
        self.image()
            .run(TableId::PropertyMap, self.rid(), 1, TableId::Property)
    }
}

impl<'a> EventMapRow<'a> {
    pub fn events(self) -> Result<Rids<'a>> {
        self.image()
            .run(TableId::EventMap, self.rid(), 1, TableId::Event)
    }
}

impl<'a> GenericParamRow<'a> {
    pub fn constraints(self) -> impl Iterator<Item = GenericParamConstraintRow<'a>> {
        let image = self.image();
        image
            .rows_of(Index::GenericParamConstraintByOwner, self.token())
            .filter_map(|rid| image.generic_param_constraint(rid).ok())
    }
}

impl<'a> ManifestResourceRow<'a> {
    /// Its bytes, when it is embedded in this file.
    pub fn data(self) -> Result<Option<&'a [u8]>> {
        if self.implementation()?.is_nil() {
            self.image().resource_data(self.offset()).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// How deep types may be nested.
const MAX_NESTING: u32 = 100;

/// A namespace and a name.
type Key<'a> = (&'a [u8], &'a [u8]);

/// Hash table from names to row numbers. Equal hashes are chained in the order of rows; 0 ends a
/// chain. It holds no names: those are read from the rows.
struct NameTable {
    heads: Box<[u32]>,
    /// The next row in the chain of each row.
    next: Box<[u32]>,
}

impl NameTable {
    /// Of rows 1 to `rows`; those without a key are left out.
    fn new<'a>(rows: u32, key: impl Fn(u32) -> Option<Key<'a>>) -> NameTable {
        let mut table = NameTable {
            heads: vec![0; (rows as usize).next_power_of_two()].into(),
            next: vec![0; rows as usize + 1].into(),
        };
        // Backwards, so that pushing to the front leaves earlier rows first.
        for rid in (1..=rows).rev() {
            if let Some(key) = key(rid) {
                let head = table.slot(key);
                table.next[rid as usize] = std::mem::replace(&mut table.heads[head], rid);
            }
        }
        table
    }

    fn slot(&self, (namespace, name): Key<'_>) -> usize {
        let mut hasher = FxHasher::default();
        hasher.write(name);
        hasher.write(namespace);
        hasher.finish() as usize & (self.heads.len() - 1)
    }

    /// The first row with a key.
    fn find<'a>(&self, wanted: Key<'_>, key: impl Fn(u32) -> Option<Key<'a>>) -> Option<u32> {
        let mut rid = self.heads[self.slot(wanted)];
        while rid != 0 && key(rid) != Some(wanted) {
            rid = self.next[rid as usize];
        }
        (rid != 0).then_some(rid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_name_their_columns() {
        for (&(table, column), name) in INDEXES.iter().zip(INDEX_COLUMNS) {
            assert_eq!(table.schema().columns[column].name, *name, "{table}");
        }
    }

    #[test]
    fn list_columns_are_where_runs_expect_them() {
        for (table, column, of) in [
            (TableId::TypeDef, 4, TableId::Field),
            (TableId::TypeDef, 5, TableId::MethodDef),
            (TableId::MethodDef, 5, TableId::Param),
            (TableId::PropertyMap, 1, TableId::Property),
            (TableId::EventMap, 1, TableId::Event),
        ] {
            assert_eq!(table.schema().columns[column].kind, ColumnKind::List(of));
        }
        assert_eq!(TableId::TypeDef.schema().columns[1].name, "name");
        assert_eq!(TableId::TypeDef.schema().columns[2].name, "namespace");
        assert_eq!(TableId::ExportedType.schema().columns[2].name, "name");
        assert_eq!(TableId::ExportedType.schema().columns[3].name, "namespace");
    }

    #[test]
    fn name_table_finds_the_first_of_equal_names() {
        let names: Vec<String> = (0..500).map(|i| format!("T{}", i % 400)).collect();
        let key = |rid: u32| -> Option<Key<'_>> {
            let namespace: &[u8] = if rid <= 10 { b"A" } else { b"" };
            (rid != 20).then(|| (namespace, names[rid as usize - 1].as_bytes()))
        };
        let table = NameTable::new(500, key);
        let find =
            |namespace: &str, name: &str| table.find((namespace.as_bytes(), name.as_bytes()), key);
        assert_eq!(find("", "T399"), Some(400));
        assert_eq!(find("A", "T7"), Some(8));
        assert_eq!(find("", "T7"), Some(408));
        assert_eq!(find("", "T19"), Some(420));
        assert_eq!(find("", "T50"), Some(51));
        assert_eq!(find("", "T400"), None);
        assert_eq!(NameTable::new(0, key).find((b"", b"T1"), key), None);
    }
}
