//! Methods that compilers may, and in some cases must, expand in place.
//!
//! The VM maps methods of its class library to these through [`crate::vm::CompileEnv::intrinsic`].
//! A compiler that does not know one calls the method, except for those that are *mandatory*: their
//! library body is wrong for our object layout or missing.

macro_rules! intrinsics {
    ($($(#[$doc:meta])* $name:ident, $mandatory:literal;)*) => {
        /// An intrinsic operation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Intrinsic { $($(#[$doc])* $name,)* }
        impl Intrinsic {
            /// All intrinsics.
            pub const ALL: &'static [Intrinsic] = &[$(Intrinsic::$name),*];
            /// Name in dumps.
            pub fn name(self) -> &'static str { match self { $(Intrinsic::$name => stringify!($name),)* } }
            /// Whether every compiler must expand it.
            pub fn mandatory(self) -> bool { match self { $(Intrinsic::$name => $mandatory,)* } }
        }
    };
}

intrinsics! {
    /// `(arr) -> int`: total length of an array.
    ArrayLength, false;
    /// `(str) -> int`.
    StringLength, false;
    /// `(str, int) -> char`, bounds-checked.
    StringChar, false;
    /// `(int) -> string`: a new string of zeros of this length, what helper `AllocString` gives.
    AllocString, false;
    /// `(ptr to, ptr from, int count)`: copies bytes, which may overlap; none if the count is negative.
    CopyBytes, false;
    /// `(ptr to, ptr from, unsigned count)`: copies bytes, which may overlap.
    MoveBytes, false;
    /// `(type handle) -> object`: the object that stands for a type, of which code may know the address
    /// ([`Symbol::TypeObject`](crate::symbol::Symbol::TypeObject)).
    TypeObject, false;
    /// `(object) -> object`: the object that stands for an object's class, which the method leaves in the vtable
    /// ([`VtableWord::TypeObject`](crate::layout::VtableWord::TypeObject)).
    ObjectType, false;
    /// `(object) -> int`: the hash code of an object by its identity, which may lie in its lock word ([`HASHED`](crate::layout::HASHED)).
    IdentityHash, false;
    /// `(arr) -> int`: number of dimensions.
    ArrayRank, false;
    /// `(arr, int dimension) -> int`: length of a dimension.
    ArrayDimension, false;
    /// `(arr, int dimension) -> int`: lowest index of a dimension.
    ArrayLowerBound, false;
    /// `(arr) -> ref byte`: address of element 0, no checks but null.
    ArrayDataRef, true;
    /// `() -> int`: offset of a string's characters.
    OffsetToStringData, true;
    /// `(this ref ByReference<T>, ref T)`: stores the managed pointer in the struct's first word.
    ByReferenceCtor, true;
    /// `(this ref ByReference<T>) -> ref T`.
    ByReferenceValue, true;
    /// `(ref T) -> ref U` and the like: the argument itself.
    Identity, true;
    /// `(ref T, int or native int index) -> ref T`: adds `index * sizeof(T)`; T is the method's type argument.
    AddElements, true;
    /// `(ref, native int bytes) -> ref`.
    AddBytes, true;
    /// `() -> int`: size of the method's type argument.
    SizeOf, true;
    /// Constant true.
    True, true;
    /// Constant false.
    False, true;
    /// `(double) -> double`.
    Sqrt, false;
    /// `(double) -> double`.
    AbsF64, false;
    /// `(float) -> float`.
    AbsF32, false;
    /// `(double) -> double`: toward minus infinity.
    Floor, false;
    /// `(double) -> double`: toward plus infinity.
    Ceil, false;
    /// `(double) -> double`: to nearest, ties to even.
    Round, false;
    /// Full memory barrier.
    MemoryBarrier, false;
    /// `(ref int, int) -> int`: Interlocked.Exchange.
    Exchange32, false;
    /// `(ref long, long) -> long`.
    Exchange64, false;
    /// `(ref int, int value, int comparand) -> int`.
    CompareExchange32, false;
    /// `(ref long, long, long) -> long`.
    CompareExchange64, false;
    /// `(ref int, int) -> int`: returns the new value.
    Add32, false;
    /// `(ref long, long) -> long`: returns the new value.
    Add64, false;
    /// `(ref int) -> int`: new value.
    Increment32, false;
    /// `(ref int) -> int`: new value.
    Decrement32, false;
    /// `(ref int) -> int`.
    VolatileRead32, false;
    /// `(ref object) -> object`.
    VolatileReadRef, false;
    /// `(object) -> ref byte`: address of the first byte after the header.
    RawData, true;
    /// `(object)`: takes the object's lock.
    LockEnter, false;
    /// `(object, int timeout, ref bool taken)`: takes the object's lock and notes that it did. Expanded only if the timeout is -1, none.
    LockTryEnter, false;
    /// `(object)`: gives the object's lock back.
    LockExit, false;
}
