//! Frames, blocks, instructions.

use super::eval::{self, Bits};
use super::{Code, Interp, Result, Stop, invalid};
use crate::ir::{Access, AccessFlags, Block, Func, Imm, Inst, Mem, Op, Value};
use isthmus_frontend_ir::interp::RunError;
use isthmus_frontend_ir::interp::memory::Fault;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::NULL_GUARD;
use isthmus_runtime_abi::trap::TrapKind;
use smallvec::SmallVec;
use std::rc::Rc;

/// Bytes of simulated stack that a frame takes beside its slots.
const FRAME_BYTES: u64 = 96;

/// A function that runs.
#[derive(Debug)]
pub(super) struct Frame {
    pub code: Rc<Code>,
    /// The current instruction.
    pub at: Inst,
    /// Addresses of the slots.
    pub slots: Vec<u64>,
}

/// Words: arguments or results.
pub(super) type Words = SmallVec<[u64; 4]>;

/// Where control goes after an instruction.
pub(super) enum Flow {
    /// On.
    Next,
    /// Along this edge.
    Edge(usize),
    /// Along this handler edge with this payload.
    Landing(usize, u64),
    /// Out of the function.
    Leave(Done),
}

/// How a function ends.
pub(super) enum Done {
    /// With these results.
    Return(Words),
    /// With a call in its place.
    Tail(MethodId, Words),
}

impl Interp<'_> {
    /// Runs a function to its end.
    pub(super) fn run_func(&mut self, code: &Rc<Code>, args: &[u64]) -> Result<Done> {
        let func = &code.func;
        let before = self.sp;
        let mut slots = Vec::with_capacity(func.slots.len());
        let mut end = self.sp + FRAME_BYTES;
        for s in &func.slots {
            end = end.next_multiple_of(16);
            slots.push(end);
            end += u64::from(s.size);
        }
        end = end.next_multiple_of(16);
        if end > self.stack_end {
            return Err(Stop::Trap(TrapKind::StackOverflow));
        }
        // What frames hold at their start is undefined: make it show.
        let size = (end - before) as usize;
        self.world.memory.fill(before, size, 0xa5)?;
        self.sp = end;
        let Some(&first) = func.block(func.entry()).insts.first() else {
            return invalid("an empty function");
        };
        self.frames.push(Frame {
            code: code.clone(),
            at: first,
            slots,
        });
        let result = self.blocks(func, args);
        self.frames.pop();
        self.sp = before;
        result
    }

    fn blocks(&mut self, func: &Func, args: &[u64]) -> Result<Done> {
        let mut values: Vec<Bits> = vec![0; func.values.len()];
        let mut block = func.entry();
        for (&p, &a) in func.block(block).params.iter().zip(args) {
            values[p.index()] = eval::canonical(func.ty(p), a);
        }
        'block: loop {
            for &i in &func.block(block).insts {
                self.steps += 1;
                if self.steps > self.world.limits.steps {
                    return Err(Stop::Run(RunError::Steps));
                }
                if let Some(f) = self.frames.last_mut() {
                    f.at = i;
                }
                let flow = match self.inst(func, i, &mut values) {
                    Ok(flow) => flow,
                    Err(stop) => self.handle(func, i, stop)?,
                };
                match flow {
                    Flow::Next if func.inst(i).edges.len == 0 => {}
                    Flow::Next => {
                        block = self.take(func, i, 0, None, &mut values);
                        continue 'block;
                    }
                    Flow::Edge(n) => {
                        block = self.take(func, i, n, None, &mut values);
                        continue 'block;
                    }
                    Flow::Landing(n, payload) => {
                        block = self.take(func, i, n, Some(payload), &mut values);
                        continue 'block;
                    }
                    Flow::Leave(done) => return Ok(done),
                }
            }
            return invalid(format!("{block} does not end"));
        }
    }

    /// Passes an edge's arguments; gives the target.
    fn take(
        &self,
        func: &Func,
        i: Inst,
        n: usize,
        payload: Option<u64>,
        values: &mut [Bits],
    ) -> Block {
        let edge = func.edges(i)[n];
        let args: SmallVec<[Bits; 8]> = func
            .list(edge.args)
            .iter()
            .map(|v| values[v.index()])
            .collect();
        let params = &func.block(edge.block).params;
        let skip = match payload {
            Some(p) => {
                values[params[0].index()] = p;
                values[params[1].index()] = u64::from(edge.clause.unwrap_or(0));
                2
            }
            None => 0,
        };
        for (&p, a) in params[skip..].iter().zip(args) {
            values[p.index()] = a;
        }
        edge.block
    }

    /// The address of an access whose base is operand `at`.
    fn address(&self, func: &Func, i: Inst, at: usize, values: &[Bits]) -> Result<(u64, Access)> {
        let d = func.inst(i);
        let args = func.args(i);
        let Some(a) = d.access() else {
            return invalid("no access");
        };
        let mut addr = values[args[at].index()].wrapping_add(a.offset as i64 as u64);
        if let Some(index) = args.get(at + 1)
            && !matches!(d.op, Op::AtomicAdd | Op::AtomicCas | Op::AtomicXchg)
        {
            addr = addr.wrapping_add(values[index.index()].wrapping_mul(u64::from(a.scale)));
        }
        if d.op != Op::Lea && addr < u64::from(NULL_GUARD) && !a.flags.contains(AccessFlags::NULL) {
            return invalid(format!("a null access without a null flag: {func}{i}"));
        }
        Ok((addr, a))
    }

    fn load(&self, addr: u64, mem: Mem) -> std::result::Result<Bits, Fault> {
        let m = &self.world.memory;
        Ok(match mem {
            Mem::I8 => m.bytes(addr, 1)?[0] as i8 as i64 as u64,
            Mem::U8 => u64::from(m.bytes(addr, 1)?[0]),
            Mem::I16 => {
                let b = m.bytes(addr, 2)?;
                i64::from(i16::from_le_bytes([b[0], b[1]])) as u64
            }
            Mem::U16 => {
                let b = m.bytes(addr, 2)?;
                u64::from(u16::from_le_bytes([b[0], b[1]]))
            }
            Mem::I32 => i64::from(m.u32(addr)? as i32) as u64,
            Mem::F32 => u64::from(m.u32(addr)?),
            _ => m.u64(addr)?,
        })
    }

    fn store(&mut self, addr: u64, mem: Mem, v: Bits) -> std::result::Result<(), Fault> {
        let size = mem.bytes(8) as usize;
        self.world.memory.write(addr, &v.to_le_bytes()[..size])
    }

    fn inst(&mut self, func: &Func, i: Inst, values: &mut [Bits]) -> Result<Flow> {
        let d = *func.inst(i);
        let args = func.args(i);
        let get = |n: usize| args.get(n).map_or(0, |v| values[v.index()]);
        let result = match d.op {
            Op::Load => {
                let (addr, a) = self.address(func, i, 0, values)?;
                self.load(addr, a.mem)?
            }
            Op::Store | Op::StoreRef | Op::StoreRefUnknown => {
                let (addr, a) = self.address(func, i, 1, values)?;
                self.store(addr, a.mem, get(0))?;
                return Ok(Flow::Next);
            }
            Op::Lea => self.address(func, i, 0, values)?.0,
            Op::AtomicXchg | Op::AtomicAdd | Op::AtomicCas => {
                let (addr, a) = self.address(func, i, 0, values)?;
                let old = self.load(addr, a.mem)?;
                let new = match d.op {
                    Op::AtomicXchg => get(1),
                    Op::AtomicAdd => old.wrapping_add(get(1)),
                    _ if old == get(1) => get(2),
                    _ => old,
                };
                self.store(addr, a.mem, new)?;
                old
            }
            Op::NullCheck => {
                if get(0) < u64::from(NULL_GUARD) {
                    return Err(Stop::Trap(TrapKind::NullReference));
                }
                return Ok(Flow::Next);
            }
            Op::TrapIf => {
                let Imm::Trap(kind) = d.imm else {
                    return invalid("no trap kind");
                };
                if get(0) as u32 != 0 {
                    return Err(Stop::Trap(kind));
                }
                return Ok(Flow::Next);
            }
            Op::MemCopy => {
                let size = d.bits().unwrap_or(0) as usize;
                self.world.memory.copy(get(0), get(1), size)?;
                return Ok(Flow::Next);
            }
            Op::MemZero => {
                let size = d.bits().unwrap_or(0) as usize;
                self.world.memory.fill(get(0), size, 0)?;
                return Ok(Flow::Next);
            }
            Op::Fence | Op::Poll => return Ok(Flow::Next),
            Op::CtxLoad => match d.imm {
                Imm::Ctx(CtxWord::Scratch0) => self.scratch,
                Imm::Ctx(CtxWord::HiddenVarargs) => self.cookie,
                _ => 0,
            },
            Op::SlotAddr => {
                let (Imm::Slot(s, o), Some(f)) = (d.imm, self.frames.last()) else {
                    return invalid("no slot");
                };
                f.slots[s.index()] + u64::from(o)
            }
            Op::SymAddr | Op::SymWord => {
                let Imm::Symbol(s) = d.imm else {
                    return invalid("no symbol");
                };
                let Some(addr) = self.world.symbol(s) else {
                    return invalid(format!("no address for {s:?}"));
                };
                if d.op == Op::SymWord {
                    i64::from(addr as i32) as u64
                } else {
                    addr
                }
            }
            Op::AllocObject
            | Op::AllocArray
            | Op::AllocString
            | Op::ClassInit
            | Op::GenericLookup => match self.object_op(d.op, get(0), get(1))? {
                Some(v) => v,
                None => return Ok(Flow::Next),
            },
            Op::Call | Op::TailCall => {
                let mut words: Words = args.iter().map(|v| values[v.index()]).collect();
                let Some(call) = func.call(i) else {
                    return invalid("no call");
                };
                if call.cookie
                    && let Some(cookie) = words.pop()
                {
                    self.cookie = cookie;
                }
                if d.op == Op::TailCall {
                    let (method, words) = self.callee(call, &words)?;
                    return Ok(Flow::Leave(Done::Tail(method, words)));
                }
                let results = self.call(call, &words)?;
                for (r, w) in d.results().zip(results) {
                    values[r.index()] = eval::canonical(func.ty(r), w);
                }
                return Ok(Flow::Next);
            }
            Op::Throw => return Err(self.throw(d.imm, get(0))?),
            Op::Jump => return Ok(Flow::Edge(0)),
            Op::Branch => return Ok(Flow::Edge(usize::from(get(0) as u32 == 0))),
            Op::Switch => {
                let n = func.edges(i).len() - 1;
                return Ok(Flow::Edge((get(0) as u32 as usize).min(n)));
            }
            Op::Return => {
                let words = args.iter().map(|v| values[v.index()]).collect();
                return Ok(Flow::Leave(Done::Return(words)));
            }
            Op::Unreachable => return invalid(format!("reached the unreachable: {func}")),
            _ => {
                let (first, second) = eval::pure(func, i, values)?;
                if let Some(v) = second {
                    values[Value(d.first_result.0 + 1).index()] = v;
                }
                first
            }
        };
        values[d.first_result.index()] = result;
        Ok(Flow::Next)
    }

    /// What `throw` comes to.
    fn throw(&mut self, imm: Imm, value: u64) -> Result<Stop> {
        Ok(match imm {
            Imm::Helper(Helper::Throw | Helper::Rethrow) if value == 0 => {
                Stop::Trap(TrapKind::NullReference)
            }
            Imm::Helper(Helper::Throw | Helper::Rethrow) => Stop::Throw(value),
            Imm::Helper(Helper::ThrowTrap) => match TrapKind::from_code(value as u8) {
                Some(kind) => Stop::Trap(kind),
                None => return invalid("a bad trap kind"),
            },
            Imm::Helper(Helper::Resume) => self.resumed(value)?,
            Imm::Helper(Helper::ThrowRaise) => Stop::Trap(TrapKind::InvalidProgram),
            _ => return invalid("a bad throw"),
        })
    }
}
