//! An interpreter of SSA: an oracle beside the one for stack IR, in the same world
//! ([`isthmus_frontend_ir::interp::World`]).
//!
//! Methods are compiled to SSA when they are first called, with whatever passes the options ask for; so a difference from
//! the other interpreter is an error of the builder or of a pass, not of lowering. Functions run by recursion of the host, so
//! [`run`] uses a thread with a large stack.
//!
//! | module | what it does |
//! | --- | --- |
//! | `exec` | frames, blocks, instructions |
//! | `eval` | pure operations |
//! | `calls` | calls, helpers, class initialization, threads |
//! | `unwind` | two-pass exceptions |

mod calls;
mod eval;
mod exec;
mod unwind;

use crate::ir::{Func, Unit};
use crate::options::Options;
use isthmus_frontend_ir::interp::memory::STACK_BYTES;
use isthmus_frontend_ir::interp::{End, Limits, Outcome, RunError, World};
use isthmus_frontend_ir::module::Module;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::trap::TrapKind;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Host stack of the thread that interprets; only what is used takes memory.
const HOST_STACK: usize = 2 << 30;

/// Why an instruction did not complete.
#[derive(Debug)]
enum Stop {
    /// It throws this object.
    Throw(u64),
    /// It throws a new exception of this kind.
    Trap(TrapKind),
    /// An exception is on its way to its handler.
    Unwind(unwind::Unwind),
    /// The program cannot go on.
    Run(RunError),
}

type Result<T> = std::result::Result<T, Stop>;

fn invalid<T>(message: impl Into<String>) -> Result<T> {
    Err(Stop::Run(RunError::Invalid(message.into())))
}

impl From<isthmus_frontend_ir::interp::memory::Fault> for Stop {
    fn from(fault: isthmus_frontend_ir::interp::memory::Fault) -> Self {
        use isthmus_frontend_ir::interp::memory::Fault;
        match fault {
            Fault::Null => Stop::Trap(TrapKind::NullReference),
            Fault::Wild(addr) => Stop::Run(RunError::Invalid(format!("access of {addr:#x}"))),
        }
    }
}

impl From<TrapKind> for Stop {
    fn from(kind: TrapKind) -> Self {
        Stop::Trap(kind)
    }
}

/// A function with its filters.
#[derive(Debug)]
struct Code {
    func: Func,
    filters: Vec<Rc<Code>>,
}

impl From<Unit> for Code {
    fn from(unit: Unit) -> Self {
        let filters = unit.filters.into_iter();
        Code {
            func: unit.func,
            filters: filters.map(|f| Rc::new(f.into())).collect(),
        }
    }
}

/// The interpreter.
struct Interp<'m> {
    world: World<'m>,
    opts: Options,
    code: FxHashMap<MethodId, Rc<Code>>,
    frames: Vec<exec::Frame>,
    sp: u64,
    stack_end: u64,
    thread: usize,
    threads: usize,
    steps: u64,
    scratch: u64,
    /// The hidden argument of that name.
    cookie: u64,
    /// First frame above the innermost boundary.
    base: usize,
    /// Exceptions in their second pass, by token.
    in_flight: Vec<unwind::Unwind>,
}

/// Compiles and runs a module's `main`.
pub fn run(
    module: &Module,
    limits: Limits,
    opts: &Options,
) -> std::result::Result<Outcome, RunError> {
    let entry = module
        .entry
        .ok_or_else(|| RunError::Invalid("there is no main".to_string()))?;
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .stack_size(HOST_STACK)
            .spawn_scoped(scope, || {
                let mut world = World::new(module, limits);
                let sp = world.memory.new_stack();
                let mut interp = Interp {
                    world,
                    opts: opts.clone(),
                    code: FxHashMap::default(),
                    frames: Vec::new(),
                    sp,
                    stack_end: sp + STACK_BYTES,
                    thread: 0,
                    threads: 1,
                    steps: 0,
                    scratch: 0,
                    cookie: 0,
                    base: 0,
                    in_flight: Vec::new(),
                };
                let end = interp.run_main(entry)?;
                Ok(Outcome {
                    output: interp.world.output,
                    end,
                })
            })
            .map_err(|e| RunError::Invalid(e.to_string()))?;
        worker
            .join()
            .unwrap_or_else(|p| std::panic::resume_unwind(p))
    })
}

impl Interp<'_> {
    fn run_main(&mut self, entry: MethodId) -> std::result::Result<End, RunError> {
        let object = match self.boundary(|i| i.call_method(entry, &[])) {
            Ok(words) => {
                return Ok(End::Exit(words.first().copied().unwrap_or(0) as i32));
            }
            Err(Stop::Run(e)) => return Err(e),
            Err(Stop::Trap(kind)) => self.world.trap_object(kind),
            Err(Stop::Throw(object)) => object,
            Err(Stop::Unwind(u)) => u.object,
        };
        let class = self
            .world
            .type_of(object)
            .map_err(|_| RunError::Invalid("what was thrown is no object".to_string()))?;
        Ok(End::Unhandled(self.world.module.ty(class).name.clone()))
    }
}
