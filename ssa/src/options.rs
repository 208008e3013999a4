//! What a compilation may be told.

use isthmus_runtime_abi::artifact::OsrEntry;
use isthmus_runtime_abi::target::Arch;

/// Options of the optimizing compiler.
#[derive(Clone, Debug)]
pub struct Options {
    /// Target.
    pub arch: Arch,
    /// Run the optional passes.
    pub optimize: bool,
    /// Inline small methods.
    pub inline: bool,
    /// Verify after building and after every pass.
    pub verify: bool,
    /// Largest body in instructions of the stack IR.
    pub max_body: u32,
    /// Most SSA instructions while a function is built, before passes drop some; inlining stops well before.
    pub max_built: u32,
    /// Bytes of source a callee may have to be inlined.
    pub inline_size: u32,
    /// The same for callees whose author asks for inlining.
    pub inline_wanted_size: u32,
    /// Inlining stops when this many bytes of source have been inlined, and as many as the method itself has.
    pub inline_total: u32,
    /// How often a method is inlined into itself, one inside the other.
    pub inline_recursion: u32,
    /// The same as `inline_total` for methods inside themselves.
    pub inline_recursive_total: u32,
    /// How deep inlining nests.
    pub inline_depth: u32,
    /// Names of passes to leave out.
    pub disable: Vec<String>,
    /// Compile what is left of the method from this loop header on, for baseline frames to go over to.
    pub osr: Option<OsrEntry>,
}

impl Options {
    /// The usual options for a target.
    pub fn new(arch: Arch) -> Self {
        Options {
            arch,
            optimize: true,
            inline: true,
            verify: cfg!(debug_assertions),
            max_body: 100_000,
            max_built: 500_000,
            inline_size: 44,
            inline_wanted_size: 150,
            inline_total: 1_000,
            inline_recursion: 2,
            inline_recursive_total: 300,
            inline_depth: 6,
            disable: Vec::new(),
            osr: None,
        }
    }
}
