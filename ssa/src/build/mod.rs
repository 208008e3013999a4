//! From stack IR to SSA.
//!
//! One abstract interpretation of each body, blocks in reverse postorder, with a stack of values; variables become values
//! on the way ([`vars`]). Small methods are inlined by interpreting their bodies in place, so that what is known of
//! arguments (exact classes, non-null) is known inside.
//!
//! ```text
//!   body ──scan──▶ blocks, order, exposed variables
//!     └─ frame ── control ── step: arith, place, objects, casts, calls, delegates, intrinsics
//!                    │                        └─ inline: a frame inside a frame
//!                    └─ eh: landing blocks, leave, finally, filters
//! ```
//!
//! | module | what it does |
//! | --- | --- |
//! | [`scan`] | finds blocks, their order, and variables that must live in memory |
//! | [`vars`] | SSA construction |
//! | [`doms`] | dominators of what is built so far |
//! | [`frame`] | per-body state: where arguments and locals are, entry and return |
//! | [`control`] | blocks, branches, joins of stacks |
//! | [`eh`] | landing blocks, `leave`, `finally`, filters |
//! | [`emit`] | emitting instructions: checks, throwing operations, handles |
//! | [`place`] | memory locations and struct values |
//! | [`step`] | one instruction |
//! | [`arith`] | arithmetic, comparisons, conversions |
//! | [`objects`] | fields, arrays, allocation, boxing |
//! | [`casts`] | type tests |
//! | [`calls`] | calls and devirtualization |
//! | [`delegates`] | making delegates in place, calling those whose function is known |
//! | [`abi`] | values ↔ words of the calling convention |
//! | [`inline`] | what to inline, and doing it |
//! | [`osr`] | functions that take over from a baseline frame |
//! | [`intrinsics`] | methods expanded in place |
//! | [`shape`] | classes and hash codes of objects, shapes of arrays, asked for in place |
//! | [`locks`] | locks of objects, taken and given back in place |
//! | [`localloc`] | stack memory |
//! | [`varargs`] | variable arguments and typed references |

mod abi;
mod arith;
mod calls;
mod casts;
mod control;
mod delegates;
mod doms;
mod eh;
mod emit;
mod frame;
mod inline;
mod intrinsics;
mod localloc;
mod locks;
mod objects;
mod osr;
mod place;
mod scan;
mod shape;
mod step;
mod varargs;
pub(crate) mod vars;

use crate::error::{Reason, Unsupported};
use crate::ir::{Block, Func, Slot, Unit, Value};
use crate::options::Options;
use frame::Frame;
use isthmus_frontend_ir::body::{Body, BodySource};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use place::StructInfo;
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;
use std::sync::Arc;
use vars::Vars;

type Result<T> = std::result::Result<T, Unsupported>;

/// What is known of a value wherever it is.
#[derive(Clone, Copy, Default, Debug)]
struct Fact {
    class: Option<TypeId>,
    exact: bool,
    nonnull: bool,
}

/// A clause that protects the current place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Handler {
    clause: u32,
    landing: Block,
}

/// Enclosing clauses, innermost first.
type Handlers = Rc<[Handler]>;

struct Builder<'e> {
    env: &'e dyn BodySource,
    opts: &'e Options,
    /// Pointer size.
    word: u32,
    func: Func,
    vars: Vars,
    /// Where instructions go; meaningless unless `open`.
    block: Block,
    open: bool,
    pos: u32,
    il: u32,
    handlers: Handlers,
    frame: Frame,
    callers: Vec<Frame>,
    facts: Vec<Fact>,
    /// Values known to be non-null from here to the next join.
    checked: FxHashSet<Value>,
    /// Function pointers whose method is known.
    functions: FxHashMap<Value, MethodId>,
    /// Delegates made here, see [`delegates`].
    delegates: FxHashMap<Value, delegates::Known>,
    structs: FxHashMap<TypeId, Rc<StructInfo>>,
    /// Slots of struct temporaries not in use.
    free_temps: FxHashMap<TypeId, Vec<Slot>>,
    /// Slots to free when the current instruction is done.
    dead_temps: Vec<(TypeId, Slot)>,
    filters: Vec<Unit>,
    /// The frame's mark for [`isthmus_runtime_abi::helpers::Helper::LocalAlloc`].
    mark: Option<Slot>,
    /// Bytes of stack memory of constant size.
    local_bytes: u32,
    /// Slots whose memory is not in the frame, with its address.
    far: FxHashMap<Slot, Value>,
    /// Bytes of them.
    far_bytes: u32,
    /// Bytes of large slots in the frame.
    large_bytes: u32,
    inlined: u32,
}

/// Builds the SSA of a method.
pub fn build(
    env: &dyn BodySource,
    method: MethodId,
    body: &Arc<Body>,
    opts: &Options,
) -> Result<Unit> {
    if body.code.len() > opts.max_body as usize {
        return Err(Unsupported {
            reason: Reason::TooLarge,
            il: 0,
        });
    }
    match build_with(env, method, body, opts) {
        // It may have been a callee that is not supported.
        Err(_) if opts.inline && opts.optimize => {
            let opts = Options {
                inline: false,
                ..opts.clone()
            };
            build_with(env, method, body, &opts)
        }
        result => result,
    }
}

fn build_with(
    env: &dyn BodySource,
    method: MethodId,
    body: &Arc<Body>,
    opts: &Options,
) -> Result<Unit> {
    let mut b = Builder::new(env, method, body.clone(), opts, scan::Scope::Method)?;
    match &opts.osr {
        None => b.build_method()?,
        Some(entry) => b.build_osr(entry)?,
    }
    Ok(b.finish())
}

impl<'e> Builder<'e> {
    fn new(
        env: &'e dyn BodySource,
        method: MethodId,
        body: Arc<Body>,
        opts: &'e Options,
        scope: scan::Scope,
    ) -> Result<Self> {
        let frame = Frame::new(env, method, body, scope)?;
        let mut func = Func::new(method);
        let block = func.new_block();
        let mut b = Builder {
            env,
            opts,
            word: opts.arch.pointer_bytes(),
            func,
            vars: Vars::default(),
            block,
            open: true,
            pos: 0,
            il: 0,
            handlers: Rc::from([]),
            frame,
            callers: Vec::new(),
            facts: Vec::new(),
            checked: FxHashSet::default(),
            functions: FxHashMap::default(),
            delegates: FxHashMap::default(),
            structs: FxHashMap::default(),
            free_temps: FxHashMap::default(),
            dead_temps: Vec::new(),
            filters: Vec::new(),
            mark: None,
            local_bytes: 0,
            far: FxHashMap::default(),
            far_bytes: 0,
            large_bytes: 0,
            inlined: 0,
        };
        b.vars.seal(&mut b.func, block);
        Ok(b)
    }

    fn finish(mut self) -> Unit {
        self.vars.finish(&mut self.func);
        Unit {
            func: self.func,
            filters: self.filters,
        }
    }

    fn fail<T>(&self, reason: Reason) -> Result<T> {
        Err(Unsupported {
            reason,
            il: self.il,
        })
    }
}
