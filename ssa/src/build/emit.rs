//! Emitting instructions: positions, checks, throwing operations, handles.

use super::{Builder, Fact, Result};
use crate::ir::{
    Access, AccessFlags, Block, CallInfo, CallTarget, Edge, Effects, Imm, Inst, ListRef, Mem, Op,
    Region, Sig, SigConv, Slot, Ty, Value,
};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::artifact::SourcePos;
use isthmus_runtime_abi::helpers::{Effects as HelperEffects, Helper};
use isthmus_runtime_abi::ids::{RaiseId, TypeId};
use isthmus_runtime_abi::layout::{self, GenericContext, VtableWord};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::vm::{ContextSource, Entity, Handle};
use smallvec::SmallVec;

impl Builder<'_> {
    // ---- positions and facts

    /// Sets the source position of what follows.
    pub(super) fn set_pos(&mut self, il: u32) {
        self.il = il;
        let at = SourcePos {
            node: self.frame.node,
            il,
        };
        let last = self.func.positions.len() - 1;
        if self.func.positions[self.pos as usize] == at {
            return;
        }
        if self.func.positions[last] == at {
            self.pos = last as u32;
            return;
        }
        self.func.positions.push(at);
        self.pos = last as u32 + 1;
    }

    pub(super) fn fact(&self, v: Value) -> Fact {
        self.facts.get(v.index()).copied().unwrap_or_default()
    }

    pub(super) fn fact_mut(&mut self, v: Value) -> &mut Fact {
        if self.facts.len() <= v.index() {
            self.facts.resize(v.index() + 64, Fact::default());
        }
        &mut self.facts[v.index()]
    }

    /// Notes that a value is an instance of a class; an exact one if the class is sealed.
    pub(super) fn note_class(&mut self, v: Value, class: TypeId, exact: bool) {
        let exact = exact || self.env.is_exact(class);
        let fact = self.fact_mut(v);
        if fact.class.is_none() || exact {
            fact.class = Some(class);
            fact.exact = exact;
        }
    }

    pub(super) fn is_nonnull(&self, v: Value) -> bool {
        self.fact(v).nonnull || self.checked.contains(&v)
    }

    // ---- plain instructions

    pub(super) fn emit(&mut self, op: Op, ty: Ty, args: &[Value], imm: Imm) -> Inst {
        self.func.append(self.block, op, ty, args, imm, self.pos)
    }

    pub(super) fn emit1(&mut self, op: Op, ty: Ty, args: &[Value], imm: Imm) -> Value {
        let i = self.emit(op, ty, args, imm);
        self.func.inst(i).first_result
    }

    pub(super) fn op(&mut self, op: Op, ty: Ty, args: &[Value]) -> Value {
        self.emit1(op, ty, args, Imm::None)
    }

    /// An operation with two results.
    pub(super) fn op2(&mut self, op: Op, ty: Ty, args: &[Value]) -> (Value, Value) {
        let i = self.emit(op, ty, args, Imm::None);
        let first = self.func.inst(i).first_result;
        (first, Value(first.0 + 1))
    }

    pub(super) fn constant(&mut self, ty: Ty, bits: i64) -> Value {
        self.vars.constant(&mut self.func, ty, bits)
    }

    pub(super) fn i32(&mut self, n: i32) -> Value {
        self.constant(Ty::I32, i64::from(n))
    }

    pub(super) fn null(&mut self) -> Value {
        self.constant(Ty::Ref, 0)
    }

    pub(super) fn cmp(&mut self, cmp: Cmp, a: Value, b: Value) -> Value {
        let ty = self.func.ty(a);
        self.emit1(Op::Cmp, ty, &[a, b], Imm::Cmp(cmp))
    }

    pub(super) fn is_null(&mut self, v: Value) -> Value {
        let zero = self.constant(self.func.ty(v), 0);
        self.cmp(Cmp::Eq, v, zero)
    }

    pub(super) fn retype(&mut self, v: Value, ty: Ty) -> Value {
        if self.func.ty(v) == ty {
            return v;
        }
        let r = self.op(Op::Retype, ty, &[v]);
        let nonnull = self.fact(v).nonnull;
        self.fact_mut(r).nonnull = nonnull;
        r
    }

    pub(super) fn symbol(&mut self, ty: Ty, symbol: Symbol) -> Value {
        let v = self.emit1(Op::SymAddr, ty, &[], Imm::Symbol(symbol));
        self.fact_mut(v).nonnull = true;
        v
    }

    pub(super) fn slot_addr(&mut self, slot: Slot, offset: u32) -> Value {
        if let Some(&memory) = self.far.get(&slot) {
            return self.lea(memory, None, offset as i32);
        }
        let v = self.emit1(Op::SlotAddr, Ty::ByRef, &[], Imm::Slot(slot, offset));
        self.fact_mut(v).nonnull = true;
        v
    }

    pub(super) fn load_raw(&mut self, base: Value, index: Option<Value>, access: Access) -> Value {
        let args: SmallVec<[Value; 2]> = std::iter::once(base).chain(index).collect();
        self.emit1(Op::Load, access.mem.ty(), &args, Imm::Access(access))
    }

    pub(super) fn store_raw(
        &mut self,
        value: Value,
        base: Value,
        index: Option<Value>,
        access: Access,
    ) {
        let args: SmallVec<[Value; 3]> = [value, base].into_iter().chain(index).collect();
        self.emit(Op::Store, access.mem.ty(), &args, Imm::Access(access));
    }

    /// base + offset (+ index * scale).
    pub(super) fn lea(&mut self, base: Value, index: Option<(Value, u8)>, offset: i32) -> Value {
        let ty = match self.func.ty(base) {
            Ty::Ptr => Ty::Ptr,
            _ => Ty::ByRef,
        };
        if index.is_none() && offset == 0 {
            return self.retype(base, ty);
        }
        let access = Access::new(Mem::I8, offset, Region::Any).scaled(index.map_or(1, |i| i.1));
        let args: SmallVec<[Value; 2]> = std::iter::once(base).chain(index.map(|i| i.0)).collect();
        let v = self.emit1(Op::Lea, ty, &args, Imm::Access(access));
        if ty == Ty::ByRef {
            self.fact_mut(v).nonnull = true;
        }
        v
    }

    // ---- control

    /// A new block.
    pub(super) fn new_block(&mut self, cold: bool) -> Block {
        let cold = cold || (self.open && self.func.block(self.block).cold);
        let b = self.func.new_block();
        self.func.blocks[b.index()].cold = cold;
        b
    }

    /// Ends the current block with `inst`'s edges.
    fn end_with(&mut self, inst: Inst, edges: &[Edge]) {
        self.func.set_edges(inst, edges);
        self.vars.add_edges(&self.func, self.block, inst);
        self.open = false;
    }

    /// Edges to blocks without arguments.
    fn plain_edges(&self, targets: &[Block]) -> SmallVec<[Edge; 4]> {
        targets
            .iter()
            .map(|&block| Edge {
                block,
                args: ListRef::default(),
                clause: None,
            })
            .collect()
    }

    fn handler_edges(&self) -> SmallVec<[Edge; 4]> {
        self.handlers
            .iter()
            .map(|h| Edge {
                block: h.landing,
                args: ListRef::default(),
                clause: Some(h.clause),
            })
            .collect()
    }

    pub(super) fn jump(&mut self, to: Block) {
        let i = self.emit(Op::Jump, Ty::I32, &[], Imm::None);
        let edges = self.plain_edges(&[to]);
        self.end_with(i, &edges);
    }

    pub(super) fn branch(&mut self, cond: Value, then: Block, other: Block) {
        let i = self.emit(Op::Branch, Ty::I32, &[cond], Imm::None);
        let edges = self.plain_edges(&[then, other]);
        self.end_with(i, &edges);
    }

    /// Goes to `targets[selector]`, or to the last one.
    pub(super) fn switch(&mut self, selector: Value, targets: &[Block]) {
        let i = self.emit(Op::Switch, Ty::I32, &[selector], Imm::None);
        let edges = self.plain_edges(targets);
        self.end_with(i, &edges);
    }

    /// Goes on in a block whose predecessors are all known.
    pub(super) fn go_on(&mut self, b: Block) {
        self.vars.seal(&mut self.func, b);
        self.block = b;
        self.open = true;
    }

    /// Goes on in a block where paths join: what was checked on one of them is forgotten.
    pub(super) fn join(&mut self, b: Block) {
        self.checked.clear();
        self.go_on(b);
    }

    /// Ends the block with an instruction without normal successors.
    pub(super) fn end(&mut self, op: Op, args: &[Value], imm: Imm) {
        self.emit(op, Ty::I32, args, imm);
        self.open = false;
    }

    /// Calls a helper that does not return.
    pub(super) fn throw(&mut self, helper: Helper, args: &[Value]) {
        let i = self.emit(Op::Throw, Ty::I32, args, Imm::Helper(helper));
        let edges = self.handler_edges();
        self.end_with(i, &edges);
    }

    pub(super) fn throw_trap(&mut self, kind: TrapKind) {
        let code = self.i32(i32::from(kind as u8));
        self.throw(Helper::ThrowTrap, &[code]);
    }

    pub(super) fn throw_raise(&mut self, raise: RaiseId) {
        let number = self.symbol(Ty::Ptr, Symbol::Raise(raise));
        self.throw(Helper::ThrowRaise, &[number]);
    }

    /// Emits an instruction that may throw: inside protected regions it ends its block.
    pub(super) fn throwing(&mut self, op: Op, ty: Ty, args: &[Value], imm: Imm) -> Inst {
        let i = self.emit(op, ty, args, imm);
        if !self.handlers.is_empty() && self.func.effects(i).contains(Effects::THROWS) {
            let cont = self.new_block(false);
            let mut edges = self.plain_edges(&[cont]);
            edges.extend(self.handler_edges());
            self.end_with(i, &edges);
            self.go_on(cont);
        }
        i
    }

    // ---- checks

    /// Throws the exception if `cond` is not 0.
    pub(super) fn trap_if(&mut self, cond: Value, kind: TrapKind) {
        if self.handlers.is_empty() {
            self.emit(Op::TrapIf, Ty::I32, &[cond], Imm::Trap(kind));
            return;
        }
        let cold = self.new_block(true);
        let cont = self.new_block(false);
        self.branch(cond, cold, cont);
        self.go_on(cold);
        self.throw_trap(kind);
        self.go_on(cont);
    }

    /// Makes sure that a pointer is not null before its memory at `offset` is accessed; gives the flags of the access.
    pub(super) fn check_base(&mut self, base: Value, offset: i64) -> AccessFlags {
        if self.is_nonnull(base) {
            return AccessFlags::empty();
        }
        let small = (0..i64::from(layout::NULL_GUARD)).contains(&offset);
        if self.handlers.is_empty() && small {
            self.checked.insert(base);
            return AccessFlags::NULL;
        }
        self.null_check(base);
        AccessFlags::empty()
    }

    /// Throws NullReferenceException if the pointer is null.
    pub(super) fn null_check(&mut self, base: Value) {
        if self.is_nonnull(base) {
            return;
        }
        if self.handlers.is_empty() {
            self.emit(Op::NullCheck, Ty::I32, &[base], Imm::None);
        } else {
            let null = match self.func.ty(base) {
                // A pointer: an address made from null is as bad as null.
                ty @ (Ty::Ptr | Ty::ByRef) => {
                    let guard = self.constant(ty, i64::from(layout::NULL_GUARD));
                    self.cmp(Cmp::LtUn, base, guard)
                }
                _ => self.is_null(base),
            };
            self.trap_if(null, TrapKind::NullReference);
        }
        self.checked.insert(base);
    }

    // ---- helpers

    /// Calls a helper; gives its result.
    pub(super) fn helper(&mut self, helper: Helper, args: &[Value]) -> Option<Value> {
        let args: SmallVec<[Value; 4]> = args
            .iter()
            .zip(helper.args())
            .map(|(&v, &ty)| self.convert_word(v, Ty::of_helper(ty)))
            .collect();
        let imm = self.helper_call(helper);
        let i = self.throwing(Op::Call, Ty::I32, &args, imm);
        self.func.inst(i).result()
    }

    /// The call of a helper.
    pub(super) fn helper_call(&mut self, helper: Helper) -> Imm {
        let leaf = helper.effects().contains(HelperEffects::LEAF);
        let ret = helper.ret().map(Ty::of_helper);
        self.func.new_call(CallInfo {
            target: CallTarget::Helper(helper),
            sig: Sig {
                params: helper
                    .args()
                    .iter()
                    .map(|&t| Ty::of_helper(t).word())
                    .collect(),
                rets: ret.iter().map(|t| t.word()).collect(),
                conv: if leaf { SigConv::C } else { SigConv::Managed },
            },
            ret_tys: ret.iter().copied().collect(),
            rgctx: false,
            cookie: false,
            callee: None,
        })
    }

    /// The same bits as a value of another type of the size.
    pub(super) fn convert_word(&mut self, v: Value, ty: Ty) -> Value {
        let from = self.func.ty(v);
        match (from, ty) {
            _ if from == ty => v,
            // Numbers for pointers and references, which code in the field has: by way of a native integer.
            (Ty::I32 | Ty::I64, Ty::Ref | Ty::ByRef) if from.bytes(self.word) != self.word => {
                let word = self.convert_word(v, Ty::Ptr);
                self.retype(word, ty)
            }
            (Ty::Ref | Ty::ByRef, Ty::I32 | Ty::I64) if ty.bytes(self.word) != self.word => {
                let word = self.retype(v, Ty::Ptr);
                self.convert_word(word, ty)
            }
            (Ty::I32, Ty::I64 | Ty::Ptr) => self.op(Op::Sext, ty, &[v]),
            (Ty::I64, Ty::Ptr) | (Ty::Ptr, Ty::I64) if self.word == 8 => self.retype(v, ty),
            (Ty::Ptr, Ty::I64) => self.op(Op::Sext, ty, &[v]),
            (Ty::I64 | Ty::Ptr, Ty::I32) | (Ty::I64, Ty::Ptr) => self.op(Op::Trunc, ty, &[v]),
            (Ty::F32, Ty::F64) => self.op(Op::FPromote, ty, &[v]),
            (Ty::F64, Ty::F32) => self.op(Op::FDemote, ty, &[v]),
            _ => self.retype(v, ty),
        }
    }

    // ---- objects' headers

    /// The type word of an object; faults on null like any access.
    pub(super) fn type_word(&mut self, obj: Value) -> Value {
        let flags = self.check_base(obj, 0);
        let access = Access::new(Mem::I32, layout::TYPE_WORD as i32, Region::Header).with(flags);
        self.load_raw(obj, None, access)
    }

    /// The vtable of an object.
    pub(super) fn vtable(&mut self, obj: Value) -> Value {
        let word = self.type_word(obj);
        let v = self.op(Op::VtableOf, Ty::Ptr, &[word]);
        self.fact_mut(v).nonnull = true;
        v
    }

    /// A word of a vtable.
    pub(super) fn vtable_word(&mut self, vtable: Value, word: VtableWord) -> Value {
        let access = Access::new(Mem::Ptr, word.offset(self.word) as i32, Region::Vtable);
        self.load_raw(vtable, None, access)
    }

    // ---- handles

    /// The current frame's generic context.
    fn generic_context(&mut self) -> Result<Value> {
        if let Some(v) = self.frame.context {
            return Ok(v);
        }
        let (ContextSource::This(depth), Some(this)) = (self.frame.info.context, self.frame.this)
        else {
            return Err(self.bad());
        };
        let vtable = self.vtable(this);
        let row = self.vtable_word(vtable, VtableWord::GenericContexts);
        let access = Access::new(Mem::Ptr, (depth * self.word) as i32, Region::Vtable);
        Ok(self.load_raw(row, None, access))
    }

    /// The value of a handle.
    pub(super) fn handle(&mut self, handle: Handle, ty: Ty) -> Result<Value> {
        match handle {
            Handle::Symbol(s) => Ok(self.symbol(ty, s)),
            Handle::Lookup(slot) => {
                let ctx = self.generic_context()?;
                debug_assert!(slot < GenericContext::INLINE_SLOTS || slot < u32::MAX);
                let i = self.throwing(
                    Op::GenericLookup,
                    Ty::Ptr,
                    &[ctx],
                    Imm::Bits(i64::from(slot)),
                );
                let v = self.func.inst(i).first_result;
                self.fact_mut(v).nonnull = true;
                Ok(self.retype(v, ty))
            }
        }
    }

    /// The handle of an entity as a value.
    pub(super) fn entity(&mut self, entity: Entity) -> Result<Value> {
        let handle = self.env.handle(self.frame.method, entity);
        let ty = match entity {
            Entity::RefStatics(_) => Ty::Ref,
            _ => Ty::Ptr,
        };
        self.handle(handle, ty)
    }

    /// The type word of a vtable handle.
    pub(super) fn handle_word(&mut self, handle: Handle) -> Result<Value> {
        match handle {
            Handle::Symbol(s) => Ok(self.emit1(Op::SymWord, Ty::I32, &[], Imm::Symbol(s))),
            Handle::Lookup(_) => {
                let v = self.handle(handle, Ty::Ptr)?;
                Ok(self.op(Op::Trunc, Ty::I32, &[v]))
            }
        }
    }

    /// Initializes a class unless it is known to be initialized.
    pub(super) fn class_init(&mut self, ty: TypeId) -> Result<()> {
        if self.env.is_initialized(ty) {
            return Ok(());
        }
        let state = self.entity(Entity::InitState(ty))?;
        let handle = self.entity(Entity::TypeHandle(ty))?;
        self.throwing(Op::ClassInit, Ty::I32, &[state, handle], Imm::None);
        Ok(())
    }
}
