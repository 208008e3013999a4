//! Types of generated variables, and random numbers.

/// xorshift64*
pub(super) struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d | 1)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let word = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((word >> 20) % n.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Ty {
    #[default]
    Int,
    Uint,
    Long,
    Ulong,
    Short,
    Ushort,
    Byte,
    Sbyte,
    Char,
    Bool,
    Float,
    Double,
    Decimal,
    String,
    Color,
    Nullable,
    Point,
    Mixed,
    Pair,
    Shape,
    Object,
    Ints,
    Doubles,
    Bytes,
    Points,
    List,
    Func,
}

impl Ty {
    pub const ALL: &[Ty] = &[
        Ty::Int,
        Ty::Int,
        Ty::Int,
        Ty::Uint,
        Ty::Long,
        Ty::Long,
        Ty::Ulong,
        Ty::Short,
        Ty::Ushort,
        Ty::Byte,
        Ty::Sbyte,
        Ty::Char,
        Ty::Bool,
        Ty::Float,
        Ty::Double,
        Ty::Double,
        Ty::Decimal,
        Ty::String,
        Ty::String,
        Ty::Color,
        Ty::Nullable,
        Ty::Point,
        Ty::Mixed,
        Ty::Pair,
        Ty::Shape,
        Ty::Object,
        Ty::Ints,
        Ty::Doubles,
        Ty::Bytes,
        Ty::Points,
        Ty::List,
        Ty::Func,
    ];
    pub const INTEGERS: &[Ty] = &[
        Ty::Int,
        Ty::Int,
        Ty::Long,
        Ty::Uint,
        Ty::Ulong,
        Ty::Short,
        Ty::Ushort,
        Ty::Byte,
        Ty::Sbyte,
        Ty::Char,
    ];
    /// Numbers whose conversions every engine must do alike.
    pub const NUMBERS: &[Ty] = &[
        Ty::Int,
        Ty::Int,
        Ty::Long,
        Ty::Uint,
        Ty::Ulong,
        Ty::Short,
        Ty::Byte,
        Ty::Sbyte,
        Ty::Float,
        Ty::Double,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Ty::Int => "int",
            Ty::Uint => "uint",
            Ty::Long => "long",
            Ty::Ulong => "ulong",
            Ty::Short => "short",
            Ty::Ushort => "ushort",
            Ty::Byte => "byte",
            Ty::Sbyte => "sbyte",
            Ty::Char => "char",
            Ty::Bool => "bool",
            Ty::Float => "float",
            Ty::Double => "double",
            Ty::Decimal => "decimal",
            Ty::String => "string",
            Ty::Color => "Color",
            Ty::Nullable => "int?",
            Ty::Point => "Point",
            Ty::Mixed => "Mixed",
            Ty::Pair => "Pair<int, string>",
            Ty::Shape => "Shape",
            Ty::Object => "object",
            Ty::Ints => "int[]",
            Ty::Doubles => "double[]",
            Ty::Bytes => "byte[]",
            Ty::Points => "Point[]",
            Ty::List => "List<int>",
            Ty::Func => "Func<int, int>",
        }
    }

    pub fn zero(self) -> &'static str {
        match self {
            Ty::String => "\"argument\"",
            Ty::Bool => "true",
            Ty::Int => "12",
            _ => "null",
        }
    }

    pub fn is_integer(self) -> bool {
        Ty::INTEGERS.contains(&self)
    }

    pub fn is_float(self) -> bool {
        matches!(self, Ty::Float | Ty::Double)
    }

    /// Whether arithmetic gives an `int`.
    pub fn is_small(self) -> bool {
        matches!(
            self,
            Ty::Short | Ty::Ushort | Ty::Byte | Ty::Sbyte | Ty::Char
        )
    }
}
