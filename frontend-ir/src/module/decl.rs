//! Declarations as written: names not yet resolved. The parser makes them, [`super::Module::add`] takes them.

use super::{FieldFlags, MethodFlags, TypeFlags};
use std::ops::Range;

/// A place in the text, 1-based.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pos {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl std::fmt::Display for Pos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A type as written: a name and what follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeSyntax {
    /// The name.
    pub name: String,
    /// Constructors applied to it, inner first.
    pub suffixes: Vec<Suffix>,
    /// Where.
    pub pos: Pos,
}

/// A type constructor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suffix {
    /// `[]`
    Array,
    /// `?`
    Nullable,
}

/// What a declared type is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeclKind {
    /// `class`
    Class,
    /// `struct`
    Struct,
    /// `interface`
    Interface,
}

/// A declared type.
#[derive(Clone, Debug)]
pub struct TypeDecl {
    /// Name.
    pub name: String,
    /// Where.
    pub pos: Pos,
    /// What it is.
    pub kind: DeclKind,
    /// Properties.
    pub flags: TypeFlags,
    /// Base class.
    pub extends: Option<TypeSyntax>,
    /// Interfaces.
    pub implements: Vec<TypeSyntax>,
    /// Packing (0: natural alignment).
    pub pack: u32,
    /// Least size (0: none).
    pub size: u32,
    /// Fields.
    pub fields: Vec<FieldDecl>,
    /// Methods.
    pub methods: Vec<MethodDecl>,
}

/// A declared field.
#[derive(Clone, Debug)]
pub struct FieldDecl {
    /// Name.
    pub name: String,
    /// Where.
    pub pos: Pos,
    /// Type.
    pub ty: TypeSyntax,
    /// Properties.
    pub flags: FieldFlags,
    /// Explicit offset.
    pub offset: Option<u32>,
}

/// A declared method or function.
#[derive(Clone, Debug)]
pub struct MethodDecl {
    /// Name.
    pub name: String,
    /// Where.
    pub pos: Pos,
    /// Properties.
    pub flags: MethodFlags,
    /// Parameters.
    pub params: Vec<(TypeSyntax, String)>,
    /// Result.
    pub ret: Option<TypeSyntax>,
    /// Name of the intrinsic that it stands for.
    pub intrinsic: Option<String>,
    /// The body's tokens, braces left out.
    pub body: Option<Range<usize>>,
}

/// All declarations of a text.
#[derive(Clone, Debug, Default)]
pub struct Decls {
    /// Types.
    pub types: Vec<TypeDecl>,
    /// Functions.
    pub functions: Vec<MethodDecl>,
}
