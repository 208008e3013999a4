//! The form of the tables.

/// One internal call.
pub struct Entry {
    /// Method name, or name with parameter types.
    pub name: &'static str,
    /// Gives the address of its C function.
    pub address: fn() -> usize,
    /// Number of argument words.
    pub words: usize,
    /// Names of the Rust types of the arguments, and of the result.
    #[cfg(test)]
    pub types: (&'static [&'static str], &'static str),
}

/// The internal calls of a class.
pub struct Class {
    /// Namespace and name; nested classes after `/`.
    pub name: &'static str,
    /// Its calls.
    pub entries: &'static [Entry],
}

/// Makes a module's table of internal calls; see the module above.
macro_rules! icalls {
    ($($class:literal { $($name:literal => $f:path [$($arg:ident : $ty:ty),* $(,)?] -> $ret:ty;)* })*) => {
        /// The internal calls of this module.
        pub(super) static TABLE: &[$crate::icalls::table::Class] = &[$($crate::icalls::table::Class {
            name: $class,
            entries: &[$($crate::icalls::Entry {
                name: $name,
                address: || {
                    unsafe extern "C" fn call(
                        $($arg: <$ty as $crate::icalls::Arg>::Abi,)*
                        ctx: *mut isthmus_runtime_abi::context::ThreadContext,
                    ) -> <$ret as $crate::icalls::Ret>::Abi {
                        // SAFETY: transition stubs pass the current thread's context last.
                        unsafe {
                            $crate::icalls::abi::run::<$ret>(ctx, call as *const () as usize, |cx| {
                                $f(cx $(, <$ty as $crate::icalls::Arg>::from_abi($arg))*)
                            })
                        }
                    }
                    call as *const () as usize
                },
                words: <[&str]>::len(&[$(stringify!($arg)),*]),
                #[cfg(test)]
                types: (&[$(stringify!($ty)),*], stringify!($ret)),
            }),*],
        }),*];
    };
}
