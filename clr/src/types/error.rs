//! Why a type or member cannot be loaded, and which exception that is.

use crate::metadata::MetadataError;
use std::sync::Arc;

/// The exception class that a load error becomes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LoadErrorKind {
    /// `TypeLoadException`.
    TypeLoad,
    /// `MissingMethodException`.
    MissingMethod,
    /// `MissingFieldException`.
    MissingField,
    /// `FileNotFoundException`: an assembly.
    FileNotFound,
    /// `BadImageFormatException`.
    BadImage,
    /// `InvalidProgramException`.
    InvalidProgram,
    /// `VerificationException`: code that is not type safe, where that is asked for.
    Verification,
    /// `MethodAccessException`.
    MethodAccess,
    /// `FieldAccessException`.
    FieldAccess,
    /// `EntryPointNotFoundException`.
    EntryPointNotFound,
    /// `DllNotFoundException`.
    DllNotFound,
    /// `PlatformNotSupportedException`.
    NotSupported,
    /// `ArgumentException`: a type that cannot be used so.
    Argument,
    /// `MarshalDirectiveException`: a type that cannot be marshalled so.
    MarshalDirective,
}

impl LoadErrorKind {
    /// All of them; images name them by their place here.
    pub const ALL: [LoadErrorKind; 14] = [
        LoadErrorKind::TypeLoad,
        LoadErrorKind::MissingMethod,
        LoadErrorKind::MissingField,
        LoadErrorKind::FileNotFound,
        LoadErrorKind::BadImage,
        LoadErrorKind::InvalidProgram,
        LoadErrorKind::Verification,
        LoadErrorKind::MethodAccess,
        LoadErrorKind::FieldAccess,
        LoadErrorKind::EntryPointNotFound,
        LoadErrorKind::DllNotFound,
        LoadErrorKind::NotSupported,
        LoadErrorKind::Argument,
        LoadErrorKind::MarshalDirective,
    ];
}

/// Why something cannot be loaded. Cheap to clone: it is kept and thrown each time the place is executed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    /// Exception class.
    pub kind: LoadErrorKind,
    /// Message.
    pub message: Arc<str>,
}

/// Result of loading.
pub type Result<T> = std::result::Result<T, LoadError>;

impl LoadError {
    /// An error of a kind.
    pub fn new(kind: LoadErrorKind, message: impl Into<String>) -> Self {
        LoadError {
            kind,
            message: message.into().into(),
        }
    }

    /// Whether it is one each time. An assembly that is not found may be there later, or the program may know where it is.
    pub fn stays(&self) -> bool {
        self.kind != LoadErrorKind::FileNotFound
    }

    /// A `TypeLoadException`.
    pub fn type_load(message: impl Into<String>) -> Self {
        Self::new(LoadErrorKind::TypeLoad, message)
    }
}

impl From<MetadataError> for LoadError {
    fn from(e: MetadataError) -> Self {
        Self::new(LoadErrorKind::BadImage, e.to_string())
    }
}

impl LoadErrorKind {
    /// Name of the exception class as (namespace, name).
    pub fn exception(self) -> (&'static str, &'static str) {
        match self {
            LoadErrorKind::TypeLoad => ("System", "TypeLoadException"),
            LoadErrorKind::MissingMethod => ("System", "MissingMethodException"),
            LoadErrorKind::MissingField => ("System", "MissingFieldException"),
            LoadErrorKind::FileNotFound => ("System.IO", "FileNotFoundException"),
            LoadErrorKind::BadImage => ("System", "BadImageFormatException"),
            LoadErrorKind::InvalidProgram => ("System", "InvalidProgramException"),
            LoadErrorKind::Verification => ("System.Security", "VerificationException"),
            LoadErrorKind::MethodAccess => ("System", "MethodAccessException"),
            LoadErrorKind::FieldAccess => ("System", "FieldAccessException"),
            LoadErrorKind::EntryPointNotFound => ("System", "EntryPointNotFoundException"),
            LoadErrorKind::DllNotFound => ("System", "DllNotFoundException"),
            LoadErrorKind::Argument => ("System", "ArgumentException"),
            LoadErrorKind::MarshalDirective => (
                "System.Runtime.InteropServices",
                "MarshalDirectiveException",
            ),
            LoadErrorKind::NotSupported => ("System", "PlatformNotSupportedException"),
        }
    }
}
