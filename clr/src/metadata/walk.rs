//! Visits everything that can be read from an image: the core of corruption tests and fuzzing, and a
//! check of whole class libraries.
//!
//! The walk goes on after an error and is bounded by [`Limits`], since a file may well refer to the
//! same large blob from each of a million rows.

use super::attr::{EnumResolver, LocalEnums};
use super::body::ClauseKind;
use super::error::{ErrorKind, Malformed, MetadataError, Result};
use super::image::{Cell, Image};
use super::lookup::Index;
use super::rows::*;
use super::schema::TableId;
use super::token::Token;

/// How much a walk does at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows of each table.
    pub rows: u32,
    /// Units of work: about one for each row and for each byte of a blob or body.
    pub work: u64,
    /// Errors that are kept (all are counted).
    pub errors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            rows: u32::MAX,
            work: 1 << 32,
            errors: 16,
        }
    }
}

impl Limits {
    /// For hostile files in tests: milliseconds of work.
    pub const SMALL: Limits = Limits {
        rows: 2_000,
        work: 1 << 20,
        errors: 1,
    };
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    pub rows: u64,
    pub signatures: u64,
    pub bodies: u64,
    pub clauses: u64,
    pub code_bytes: u64,
    pub attributes: u64,
    /// Attributes that need an enum from another assembly which the resolver did not find.
    pub unresolved_attributes: u64,
    pub constants: u64,
    pub marshals: u64,
    pub resources: u64,
    pub initial_values: u64,
    pub user_strings: u64,
    pub error_count: u64,
    /// The first errors.
    pub errors: Vec<MetadataError>,
    /// Whether the limit of work was reached.
    pub incomplete: bool,
}

/// Opens a file given as bytes and walks it. Used by fuzzing: must not panic, overflow or hang
/// whatever the bytes are.
pub fn walk_everything(bytes: &[u8], limits: Limits) -> Result<Walk> {
    let image = Image::from_bytes("<bytes>", bytes.to_vec())?;
    Ok(walk_image(&image, limits, &LocalEnums(&image)))
}

/// Walks an open image; `enums` resolves the enums in custom attributes.
pub fn walk_image(image: &Image, limits: Limits, enums: &dyn EnumResolver) -> Walk {
    let mut walker = Walker {
        image,
        limits,
        enums,
        left: limits.work,
        found: Walk::default(),
    };
    walker.cells();
    walker.types();
    walker.methods();
    walker.members();
    walker.attributes();
    walker.values();
    walker.user_strings();
    walker.found.incomplete = walker.left == 0;
    walker.found
}

struct Walker<'a> {
    image: &'a Image,
    limits: Limits,
    enums: &'a dyn EnumResolver,
    left: u64,
    found: Walk,
}

impl<'a> Walker<'a> {
    /// Pays for work; `false` when there is none left.
    fn pay(&mut self, cost: usize) -> bool {
        self.left = self.left.saturating_sub(1 + cost as u64);
        self.left != 0
    }

    fn check<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(e) => {
                self.found.error_count += 1;
                if self.found.errors.len() < self.limits.errors {
                    self.found.errors.push(e);
                }
                None
            }
        }
    }

    fn rows<R: Row<'a>>(&self) -> impl Iterator<Item = R> + use<'a, R> {
        self.image.rows::<R>().take(self.limits.rows as usize)
    }

    /// Every column of every row, as the schema has it.
    fn cells(&mut self) {
        for table in TableId::ALL {
            let rows = self.image.tables().rows(table).min(self.limits.rows);
            for rid in 1..=rows {
                self.found.rows += 1;
                for column in 0..table.schema().columns.len() {
                    let cost = match self.check(self.image.cell(table, rid, column)) {
                        Some(Cell::String(text)) => text.len(),
                        _ => 0,
                    };
                    if !self.pay(cost) {
                        return;
                    }
                }
            }
        }
    }

    fn types(&mut self) {
        let image = self.image;
        for row in self.rows::<TypeDefRow<'a>>() {
            if !self.pay(4) {
                return;
            }
            for run in [row.fields(), row.methods(), row.properties(), row.events()] {
                let Some(rids) = self.check(run) else {
                    continue;
                };
                if let Some(last) = rids.last() {
                    self.pay(1);
                    std::hint::black_box(last);
                }
            }
            self.check(row.layout());
            self.check(row.enclosing_type());
            let name = self.check(image.type_name(row.token()));
            self.pay(name.map_or(0, |n| n.len()));
            for interface in row.interfaces().take(1000) {
                self.check(interface.interface());
            }
            for overriding in row.method_impls().take(1000) {
                self.check(overriding.body());
                self.check(overriding.declaration());
            }
            image.nested_types(row.rid()).take(1000).for_each(drop);
            if let (Ok(namespace), Ok(name)) = (row.namespace(), row.name())
                && !row.flags().is_nested()
                && self.pay(name.len() + namespace.len())
            {
                std::hint::black_box(image.find_type(namespace, name));
            }
        }
        for row in self.rows::<TypeRefRow<'a>>() {
            if !self.pay(4) {
                return;
            }
            let name = self.check(image.type_name(row.token()));
            self.pay(name.map_or(0, |n| n.len()));
        }
        for row in self.rows::<ExportedTypeRow<'a>>() {
            if let (Ok(namespace), Ok(name)) = (row.namespace(), row.name())
                && self.pay(name.len() + namespace.len())
            {
                std::hint::black_box(image.find_exported_type(namespace, name));
            }
        }
    }

    fn methods(&mut self) {
        let image = self.image;
        for row in self.rows::<MethodDefRow<'a>>() {
            if !self.pay(row.signature().map_or(0, <[u8]>::len)) {
                return;
            }
            self.found.signatures += 1;
            self.check(row.sig());
            self.check(row.params());
            self.check(image.impl_map_of(row.token()));
            std::hint::black_box(image.declaring_type_of_method(row.rid()));
            for param in image.generic_params(row.token()).take(1000) {
                param
                    .constraints()
                    .take(1000)
                    .for_each(|c| drop(c.constraint()));
            }
            for s in row.semantics().take(1000) {
                self.check(s.association());
            }
            if row.impl_flags().code_type() != super::flags::CodeType::Il {
                continue;
            }
            let Some(Some(body)) = self.check(image.method_body(row)) else {
                continue;
            };
            self.found.bodies += 1;
            self.found.code_bytes += body.code.len() as u64;
            self.found.clauses += body.clauses.len() as u64;
            if !self.pay(body.clauses.len()) {
                return;
            }
            for clause in &body.clauses {
                if let ClauseKind::Catch(token) = clause.kind
                    && !image.token_exists(token)
                {
                    let site = super::error::Site::Rva(body.code_rva);
                    self.check::<()>(Err(image.error(site, ErrorKind::BadToken(token.raw()))));
                }
            }
            let blob = image
                .stand_alone_sig(body.local_sig.rid())
                .and_then(|s| s.signature());
            if !self.pay(blob.map_or(0, <[u8]>::len)) {
                return;
            }
            self.check(image.locals(&body));
        }
    }

    /// The signatures of everything but methods.
    fn members(&mut self) {
        macro_rules! signatures {
            ($($row:ident.$blob:ident),*) => { $(
                for row in self.rows::<$row<'a>>() {
                    if !self.pay(row.$blob().map_or(0, <[u8]>::len)) {
                        return;
                    }
                    self.found.signatures += 1;
                    self.check(row.sig());
                }
            )* };
        }
        signatures!(
            FieldRow.signature,
            MemberRefRow.signature,
            PropertyRow.signature,
            TypeSpecRow.signature,
            MethodSpecRow.instantiation,
            StandAloneSigRow.signature
        );
    }

    fn attributes(&mut self) {
        for row in self.rows::<CustomAttributeRow<'a>>() {
            let constructor = row.constructor().unwrap_or(Token::NIL);
            let image = self.image;
            let sig_blob = match constructor.table() {
                Some(TableId::MethodDef) => image
                    .method_def(constructor.rid())
                    .and_then(|m| m.signature()),
                _ => image
                    .member_ref(constructor.rid())
                    .and_then(|m| m.signature()),
            };
            let cost = row.value().map_or(0, <[u8]>::len) + sig_blob.map_or(0, <[u8]>::len);
            if !self.pay(cost) {
                return;
            }
            self.found.attributes += 1;
            self.check(row.type_name());
            match row.args(self.enums) {
                Err(e) if is_unresolved(&e) => self.found.unresolved_attributes += 1,
                result => drop(self.check(result)),
            }
            if let Some(parent) = self.check(row.parent()) {
                std::hint::black_box(self.image.rows_of(Index::CustomAttributeByParent, parent));
            }
        }
    }

    fn values(&mut self) {
        let image = self.image;
        for row in self.rows::<ConstantRow<'a>>() {
            if !self.pay(0) {
                return;
            }
            self.found.constants += 1;
            self.check(row.constant());
        }
        for row in self.rows::<FieldMarshalRow<'a>>() {
            if !self.pay(0) {
                return;
            }
            self.found.marshals += 1;
            self.check(row.descriptor());
        }
        for row in self.rows::<ManifestResourceRow<'a>>() {
            if !self.pay(0) {
                return;
            }
            self.found.resources += 1;
            self.check(row.data());
        }
        for row in self.rows::<FieldRvaRow<'a>>() {
            if !self.pay(0) {
                return;
            }
            self.found.initial_values += 1;
            self.check(image.rva_data(row.rva(), 1));
            if let Some(field) = self.check(row.field().and_then(|rid| image.field(rid))) {
                self.check(field.address());
                self.check(field.layout());
                self.check(image.constant_of(field.token()));
                self.check(image.marshal_of(field.token()));
            }
        }
    }

    /// All string literals, one after the other.
    fn user_strings(&mut self) {
        let size = self.image.heap_size(super::error::Heap::UserStrings);
        let mut offset = 1;
        while offset < size {
            let token = Token::from_raw(0x7000_0000 | (offset as u32 & Token::MAX_RID));
            // A heap is padded with zeros, which read as empty strings. It may be larger than
            // tokens can reach.
            let Ok(text) = self.image.user_string(token) else {
                break;
            };
            let bytes = if text.is_empty() {
                0
            } else {
                text.len() * 2 + 1
            };
            let length_size = match bytes {
                0..0x80 => 1,
                0x80..0x4000 => 2,
                _ => 4,
            };
            if !text.is_empty() {
                self.found.user_strings += 1;
                std::hint::black_box(text.units().last());
            }
            if !self.pay(bytes) || offset > Token::MAX_RID as usize {
                return;
            }
            offset += length_size + bytes;
        }
    }
}

fn is_unresolved(e: &MetadataError) -> bool {
    matches!(e.kind(), ErrorKind::Read(read) if read.what == Malformed::UnresolvedEnum)
}
