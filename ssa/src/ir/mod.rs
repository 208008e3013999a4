//! The SSA IR: functions of basic blocks with parameters.
//!
//! ```text
//!   block2(v7: i32, v8: ref):                   parameters instead of phi functions
//!       v9 = load.i32 v8 [i32 +8 length null]   loads say what memory they read and whether null faults
//!       v10 = cmp.i32 v7, v9 ge_un
//!       trap_if v10 IndexOutOfRange
//!       v11, v12 = add_ovf.i32 v7, v3           two results: value and overflow flag
//!       branch v12 => block5(), block3(v11)     the last instruction of a block ends it
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`ty`] | machine types and ids of values, blocks, instructions, slots |
//! | [`op`] | the table of operations: operands, immediate, result, effects |
//! | [`inst`] | instruction data: immediates, memory accesses, calls, edges |
//! | [`func`] | a function and its tables; building and rewriting it |
//! | [`unit`](mod@unit) | a compiled method: the function and its filters |
//!
//! # Conventions
//!
//! * A function's entry parameters, its returned values, and arguments and results of calls are the *words* of
//!   [`isthmus_runtime_abi::callconv::AbiSig`] in order: structs are flattened or pointers to copies already.
//! * Values are never structs. A struct is a set of scalars, or lies in a stack slot.
//! * An instruction *may throw* by its operation ([`op::Effects::THROWS`]). If a clause of the same function protects it, it ends
//!   its block and has [`inst::Edge`]s: first the normal one, then one for each clause, innermost first. Without edges it
//!   is in the middle of a block and exceptions leave the function.
//! * The results of an instruction with handler edges exist on its normal edge only; the block there has no other predecessor.
//! * Instructions that may *trap* ([`op::Effects::TRAPS`]: faulting loads, `trap_if`, division) are never used where a clause of
//!   the same function protects the place: there the builder makes a branch to a cold block that throws.
//! * A landing block's first two parameters are the payload: the exception object (catch, filter) or resume token (finally,
//!   fault), and the clause index. The edges' arguments are for the others.
//! * The address of heap memory is base + offset (+ index * scale) at the access; `lea` makes a managed pointer.

pub mod func;
pub mod inst;
pub mod op;
pub mod ty;
pub mod unit;

pub use func::{BlockData, Func, InstRef, Part, ValueData, ValueDef};
pub use inst::{
    Access, AccessFlags, CallInfo, CallTarget, Edge, Imm, InstData, ListRef, Region, Sig,
};
/// Comparisons are those of the stack IR.
pub use isthmus_frontend_ir::op::Cmp;
pub use op::{Arg, Effects, ImmKind, Op, Res, Row};
pub use ty::{Block, Inst, Mem, SigConv, Slot, Ty, Value};
pub use unit::{Clause, Unit};
