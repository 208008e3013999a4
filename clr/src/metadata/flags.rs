//! The bit sets of metadata rows (ECMA-335 II.23.1). Bits without a name are kept.

use bitflags::bitflags;

bitflags! {
    /// II.23.1.15. The low three bits are a number, see [`TypeAttributes::visibility`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct TypeAttributes: u32 {
        const SEQUENTIAL_LAYOUT = 0x8;
        const EXPLICIT_LAYOUT = 0x10;
        const INTERFACE = 0x20;
        const ABSTRACT = 0x80;
        const SEALED = 0x100;
        const SPECIAL_NAME = 0x400;
        const RT_SPECIAL_NAME = 0x800;
        const IMPORT = 0x1000;
        const SERIALIZABLE = 0x2000;
        const WINDOWS_RUNTIME = 0x4000;
        const UNICODE_CLASS = 0x1_0000;
        const AUTO_CLASS = 0x2_0000;
        const HAS_SECURITY = 0x4_0000;
        const BEFORE_FIELD_INIT = 0x10_0000;
        /// Of an exported type: it lives in another assembly.
        const FORWARDER = 0x20_0000;
        const _ = !0;
    }
}

/// Who may see a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypeVisibility {
    NotPublic,
    Public,
    NestedPublic,
    NestedPrivate,
    NestedFamily,
    NestedAssembly,
    NestedFamAndAssem,
    NestedFamOrAssem,
}

impl TypeAttributes {
    pub fn visibility(self) -> TypeVisibility {
        use TypeVisibility::*;
        [
            NotPublic,
            Public,
            NestedPublic,
            NestedPrivate,
            NestedFamily,
            NestedAssembly,
            NestedFamAndAssem,
            NestedFamOrAssem,
        ][(self.bits() & 7) as usize]
    }

    /// Whether the visibility is one of a nested type.
    pub fn is_nested(self) -> bool {
        self.bits() & 7 >= 2
    }
}

/// Who may use a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberAccess {
    CompilerControlled,
    Private,
    FamAndAssem,
    Assembly,
    Family,
    FamOrAssem,
    Public,
    Reserved,
}

fn member_access(bits: u16) -> MemberAccess {
    use MemberAccess::*;
    [
        CompilerControlled,
        Private,
        FamAndAssem,
        Assembly,
        Family,
        FamOrAssem,
        Public,
        Reserved,
    ][usize::from(bits & 7)]
}

bitflags! {
    /// II.23.1.5
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct FieldAttributes: u16 {
        const STATIC = 0x10;
        const INIT_ONLY = 0x20;
        const LITERAL = 0x40;
        const NOT_SERIALIZED = 0x80;
        const HAS_FIELD_RVA = 0x100;
        const SPECIAL_NAME = 0x200;
        const RT_SPECIAL_NAME = 0x400;
        const HAS_FIELD_MARSHAL = 0x1000;
        const PINVOKE_IMPL = 0x2000;
        const HAS_DEFAULT = 0x8000;
        const _ = !0;
    }

    /// II.23.1.10
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct MethodAttributes: u16 {
        const UNMANAGED_EXPORT = 0x8;
        const STATIC = 0x10;
        const FINAL = 0x20;
        const VIRTUAL = 0x40;
        const HIDE_BY_SIG = 0x80;
        const NEW_SLOT = 0x100;
        const STRICT = 0x200;
        const ABSTRACT = 0x400;
        const SPECIAL_NAME = 0x800;
        const RT_SPECIAL_NAME = 0x1000;
        const PINVOKE_IMPL = 0x2000;
        const HAS_SECURITY = 0x4000;
        const REQUIRE_SEC_OBJECT = 0x8000;
        const _ = !0;
    }

    /// II.23.1.11. The low two bits are a number, see [`MethodImplAttributes::code_type`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct MethodImplAttributes: u16 {
        const UNMANAGED = 0x4;
        const NO_INLINING = 0x8;
        const FORWARD_REF = 0x10;
        const SYNCHRONIZED = 0x20;
        const NO_OPTIMIZATION = 0x40;
        const PRESERVE_SIG = 0x80;
        const AGGRESSIVE_INLINING = 0x100;
        const INTERNAL_CALL = 0x1000;
        const _ = !0;
    }

    /// II.23.1.13
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct ParamAttributes: u16 {
        const IN = 0x1;
        const OUT = 0x2;
        const OPTIONAL = 0x10;
        const HAS_DEFAULT = 0x1000;
        const HAS_FIELD_MARSHAL = 0x2000;
        const _ = !0;
    }

    /// II.23.1.4
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct EventAttributes: u16 {
        const SPECIAL_NAME = 0x200;
        const RT_SPECIAL_NAME = 0x400;
        const _ = !0;
    }

    /// II.23.1.14
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PropertyAttributes: u16 {
        const SPECIAL_NAME = 0x200;
        const RT_SPECIAL_NAME = 0x400;
        const HAS_DEFAULT = 0x1000;
        const _ = !0;
    }

    /// II.23.1.12
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct MethodSemanticsAttributes: u16 {
        const SETTER = 0x1;
        const GETTER = 0x2;
        const OTHER = 0x4;
        const ADD_ON = 0x8;
        const REMOVE_ON = 0x10;
        const FIRE = 0x20;
        const _ = !0;
    }

    /// II.23.1.8. Two groups of bits are numbers: [`PInvokeAttributes::char_set`],
    /// [`PInvokeAttributes::call_conv`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PInvokeAttributes: u16 {
        const NO_MANGLE = 0x1;
        const BEST_FIT_ENABLED = 0x10;
        const BEST_FIT_DISABLED = 0x20;
        const SUPPORTS_LAST_ERROR = 0x40;
        const THROW_ON_UNMAPPABLE_CHAR_ENABLED = 0x1000;
        const THROW_ON_UNMAPPABLE_CHAR_DISABLED = 0x2000;
        const _ = !0;
    }

    /// II.23.1.7. The low two bits are the variance: [`GenericParamAttributes::variance`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct GenericParamAttributes: u16 {
        const REFERENCE_TYPE_CONSTRAINT = 0x4;
        const NOT_NULLABLE_VALUE_TYPE_CONSTRAINT = 0x8;
        const DEFAULT_CONSTRUCTOR_CONSTRAINT = 0x10;
        const _ = !0;
    }

    /// II.23.1.2
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct AssemblyFlags: u32 {
        /// The blob holds the whole key, not its 8-byte token.
        const PUBLIC_KEY = 0x1;
        const RETARGETABLE = 0x100;
        const DISABLE_JIT_COMPILE_OPTIMIZER = 0x4000;
        const ENABLE_JIT_COMPILE_TRACKING = 0x8000;
        const _ = !0;
    }
}

impl FieldAttributes {
    pub fn access(self) -> MemberAccess {
        member_access(self.bits())
    }
}

/// How a method is implemented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeType {
    Il,
    Native,
    OptIl,
    /// Supplied by the runtime, as the methods of delegates are.
    Runtime,
}

impl MethodAttributes {
    pub fn access(self) -> MemberAccess {
        member_access(self.bits())
    }
}

impl MethodImplAttributes {
    pub fn code_type(self) -> CodeType {
        [
            CodeType::Il,
            CodeType::Native,
            CodeType::OptIl,
            CodeType::Runtime,
        ][usize::from(self.bits() & 3)]
    }
}

/// How a P/Invoke passes strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CharSet {
    NotSpecified,
    Ansi,
    Unicode,
    Auto,
}

/// The calling convention that a P/Invoke asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PInvokeCallConv {
    NotSpecified,
    PlatformApi,
    Cdecl,
    StdCall,
    ThisCall,
    FastCall,
    Reserved,
}

impl PInvokeAttributes {
    pub fn char_set(self) -> CharSet {
        [
            CharSet::NotSpecified,
            CharSet::Ansi,
            CharSet::Unicode,
            CharSet::Auto,
        ][usize::from(self.bits() >> 1 & 3)]
    }

    pub fn call_conv(self) -> PInvokeCallConv {
        use PInvokeCallConv::*;
        [
            NotSpecified,
            PlatformApi,
            Cdecl,
            StdCall,
            ThisCall,
            FastCall,
            Reserved,
            Reserved,
        ][usize::from(self.bits() >> 8 & 7)]
    }
}

/// How instances over related types relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variance {
    None,
    Covariant,
    Contravariant,
}

impl GenericParamAttributes {
    pub fn variance(self) -> Variance {
        match self.bits() & 3 {
            1 => Variance::Covariant,
            2 => Variance::Contravariant,
            _ => Variance::None,
        }
    }
}
