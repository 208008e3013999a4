//! The VM proper: what turns the type system into a running program.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`run`] | starting the VM and running a program |
//! | [`process`] | application domain, arguments, exit, unhandled exceptions |
//! | [`clr`] | what the runtime asks while programs run |
//! | [`env`](mod@env) | what compilers ask |
//! | [`traces`] | stack traces as programs see them |
//! | [`tiers`] | which compiler compiles a method |
//! | [`references`] | assemblies that only the program can find |
//! | [`entry`] | which code a method is entered by |
//! | [`cx`] | objects, strings, fields, calls, exceptions, for native code of the class library |
//! | [`heap`] | allocation and stores with this VM's vtables and errors |
//! | [`vtables`], [`statics`], [`contexts`] | run-time data of types |
//! | [`init`] | class initialization |
//! | [`casts`], [`resolved`], [`arrays`], [`delegates`], [`exceptions`], [`reflect`] | run-time behaviour by topic |
//! | [`native`], [`dllmap`] | internal calls and P/Invokes by number, and which libraries they are in |
//! | [`offsets`] | fields of corlib classes that the VM relies on |
//! | [`optimizer`] | the optimizing tier, which a build may be without |
//! | [`threads`], [`monitors`] | managed threads and their locks |
//! | [`finalizers`] | the thread that runs finalizers |
//! | [`exports`] | functions that native libraries take from the program that loads them |
//! | [`state`] | what the VM keeps beside each type, method and assembly |
//! | [`stats`](mod@stats) | counters |

pub mod arrays;
pub mod casts;
pub mod clr;
pub mod contexts;
pub mod cx;
pub mod delegates;
pub mod dllmap;
pub mod entry;
pub mod env;
pub mod exceptions;
pub mod exports;
pub mod finalizers;
pub mod heap;
pub mod init;
pub mod monitors;
pub mod native;
pub mod offsets;
pub mod optimizer;
pub mod process;
pub mod references;
pub mod reflect;
pub mod resolved;
pub mod run;
pub mod state;
pub mod statics;
pub mod stats;
pub mod threads;
pub mod tiers;
pub mod traces;
pub mod vtables;

pub use cx::Cx;

use isthmus_rt::runtime::Runtime;
use isthmus_rt::tiers::Tiering;
use isthmus_runtime_abi::cpu::FeatureSet;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Marks numbers of `Symbol::VmData` that name a field's description instead of its data.
pub const FIELD_HANDLE_BIT: u32 = 1 << 31;

/// What can be chosen about a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Compiler for methods.
    pub tier: tiers::Tier,
    /// With [`tiers::Tier::Auto`]: when methods are optimized.
    pub tiering: Tiering,
    /// A decline by the optimizing tier is an error.
    pub no_fallback: bool,
    /// Do not use code that was compiled ahead of time.
    pub no_images: bool,
    /// Compile nothing: methods whose code no image has throw an exception.
    pub no_compiler: bool,
    /// Collect often.
    pub gc_stress: bool,
    /// Under stress: collect every so many allocations.
    pub gc_stress_interval: u32,
    /// Write a map of code for `perf`.
    pub perf_map: bool,
    /// Verify code that is not of the class library before it is compiled.
    pub verify: bool,
    /// What compiled code may use of the processor, if that is not all that it has.
    pub cpu: Option<FeatureSet>,
    /// Print counters at the end.
    pub stats: bool,
    /// Directory of the class library.
    pub bcl: Option<PathBuf>,
}

impl Options {
    /// What compiled code, be it of images or compiled here, may use of the processor.
    pub fn features(&self) -> FeatureSet {
        self.cpu.unwrap_or_else(FeatureSet::host)
    }
}

static OPTIONS: OnceLock<Options> = OnceLock::new();
static RUNTIME: OnceLock<&'static Runtime> = OnceLock::new();
static STATS: stats::Stats = stats::Stats::new();

/// The options of this run.
pub fn options() -> &'static Options {
    OPTIONS.get_or_init(Options::default)
}

/// Sets the options, once.
fn set_options(options: Options) {
    let _ = OPTIONS.set(options);
}

/// The process's runtime.
pub fn runtime() -> &'static Runtime {
    RUNTIME.get().expect("the runtime is started first")
}

fn set_runtime(runtime: &'static Runtime) {
    let _ = RUNTIME.set(runtime);
}

/// The process's counters.
pub fn stats() -> &'static stats::Stats {
    &STATS
}
