//! What linked code needs around it, in the process where it runs: functions that the session calls, and functions that C code calls.
//!
//! | module | what |
//! | --- | --- |
//! | [`tls`] | thread-local variables |
//! | [`library_tls`] | those of shared libraries |
//! | `loaded` | what the dynamic linker has loaded |
//! | [`indirect`] | functions that are chosen when they are loaded |
//! | [`exit`] | `main`, initializers, finalizers, `atexit` |
//! | [`frames`] | unwind tables |
//! | [`debug`] | GDB's interface |

pub mod debug;
pub mod exit;
pub mod frames;
pub mod indirect;
pub mod library_tls;
mod loaded;
pub mod tls;

macro_rules! runtime {
    ($($(#[$doc:meta])* $name:ident = $text:literal => $function:expr;)*) => {
        /// A function of the runtime, all of integer arguments.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Runtime { $($(#[$doc])* $name),* }

        impl Runtime {
            /// All of them.
            pub fn all() -> impl Iterator<Item = Runtime> {
                [$(Runtime::$name),*].into_iter()
            }

            /// The name by which it is looked up.
            pub fn name(self) -> &'static str {
                match self { $(Runtime::$name => $text),* }
            }

            /// Its address in this process.
            pub fn address(self) -> u64 {
                match self { $(Runtime::$name => ($function as *const ()).expose_provenance() as u64),* }
            }
        }
    };
}

runtime! {
    /// `(entry) → address`: where a thread-local variable is for the thread that asks. Called by code.
    TlsGetAddr = "__tls_get_addr" => tls::get_address;
    /// The function of thread-local descriptors. Called by code, with a convention of its own.
    TlsDescriptor = "__isthmus_tls_descriptor" => tls::descriptor;
    /// C's `atexit`. Called by code.
    AtExit = "atexit" => exit::at_exit;
    /// C++'s way to register destructors. Called by code.
    CxaAtExit = "__cxa_atexit" => exit::cxa_at_exit;
    /// `(size, alignment, same distance in each thread?) → key, or 0`
    TlsReserve = "__isthmus_tls_reserve" => tls::reserve;
    /// `(key) → distance from the thread pointer`, 0 if it differs from thread to thread
    TlsDistance = "__isthmus_tls_distance" => tls::distance;
    /// `(address) → key` of the shared library whose thread-local variable of this thread is there, or 0. Nobody releases it.
    TlsOfLibrary = "__isthmus_tls_of_library" => library_tls::key;
    /// `(key) → address` of this thread's copy of a library's variables.
    TlsLibraryBase = "__isthmus_tls_library_base" => library_tls::base;
    /// `(key, address, size)`: the first values.
    TlsTemplate = "__isthmus_tls_template" => tls::template;
    /// `(key)`
    TlsRelease = "__isthmus_tls_release" => tls::release;
    /// `(begin, end)`: calls the functions of a table.
    RunInitializers = "__isthmus_run_initializers" => exit::run_initializers;
    /// `(handle, begin, end)`: notes the functions of a table, to be called at the end.
    AddFinalizers = "__isthmus_add_finalizers" => exit::add_finalizers;
    /// `() → number of a new session`
    OpenSession = "__isthmus_open_session" => exit::open_session;
    /// `(session, handle, begin, end)`: a graph of a session, and where its code is.
    Adopt = "__isthmus_adopt" => exit::adopt;
    /// `(session)`: calls now what was noted for the session's graphs.
    CloseSession = "__isthmus_close_session" => exit::close_session;
    /// `(handle)`: calls now what was noted for a graph, which is about to go.
    Finalize = "__isthmus_finalize" => exit::finalize;
    /// `(begin, end)` of words with addresses of functions: each gets the address that its function gives.
    Choose = "__isthmus_choose" => indirect::choose;
    /// `(address)` of unwind tables.
    RegisterFrames = "__isthmus_register_frames" => frames::register;
    /// `(address)` of unwind tables.
    DeregisterFrames = "__isthmus_deregister_frames" => frames::deregister;
    /// `(address, size)` of an object for GDB; gives a handle.
    DebugRegister = "__isthmus_debug_register" => debug::register;
    /// `(handle)`
    DebugUnregister = "__isthmus_debug_unregister" => debug::unregister;
}

/// The address of a function of the runtime.
pub fn address(name: &str) -> Option<u64> {
    let found = Runtime::all().find(|r| r.name() == name)?;
    Some(found.address())
}
