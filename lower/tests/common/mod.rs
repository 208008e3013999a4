//! What the tests of this crate share: a VM that answers little, and a way to write SSA functions down.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod exec;

use isthmus_runtime_abi::callconv::{Layouts, WordTy};
use isthmus_runtime_abi::ids::{FieldId, LiteralId, MethodId, SigId, TypeId};
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::types::{MemTy, Signature, StructLayout};
use isthmus_runtime_abi::vm::*;
use isthmus_ssa::ir::*;
use std::sync::Arc;

/// A VM with collector barriers and inline allocation and nothing else.
pub struct Vm;

impl Layouts for Vm {
    fn struct_layout(&self, _: TypeId) -> Arc<StructLayout> {
        Arc::default()
    }
}

impl CompileEnv for Vm {
    fn type_kind(&self, _: TypeId) -> TypeKind {
        TypeKind::Class
    }
    fn mem_ty(&self, _: TypeId) -> MemTy {
        MemTy::Ref
    }
    fn type_name(&self, ty: TypeId) -> String {
        ty.to_string()
    }
    fn is_exact(&self, _: TypeId) -> bool {
        false
    }
    fn subtype(&self, _: TypeId, _: TypeId) -> Subtype {
        Subtype::Maybe
    }
    fn cast_plan(&self, _: MethodId, ty: TypeId) -> CastPlan {
        CastPlan::Exact(Handle::Symbol(Symbol::Vtable(ty)))
    }
    fn inline_alloc_size(&self, _: TypeId) -> Option<u32> {
        None
    }
    fn array_of(&self, element: TypeId) -> TypeId {
        element
    }
    fn nullable_value_offset(&self, _: TypeId) -> u32 {
        8
    }
    fn array_store_is_exact(&self, _: TypeId) -> bool {
        false
    }
    fn field(&self, _: MethodId, _: FieldId) -> FieldInfo {
        unimplemented!("no fields")
    }
    fn field_name(&self, f: FieldId) -> String {
        f.to_string()
    }
    fn method(&self, _: MethodId) -> MethodInfo {
        unimplemented!("no methods")
    }
    fn method_name(&self, m: MethodId) -> String {
        m.to_string()
    }
    fn signature(&self, _: SigId) -> Arc<Signature> {
        Arc::default()
    }
    fn call_plan(&self, _: MethodId, _: MethodId, _: bool) -> CallPlan {
        unimplemented!("no methods")
    }
    fn constrained_plan(&self, _: MethodId, _: TypeId, _: MethodId) -> ConstrainedPlan {
        unimplemented!("no methods")
    }
    fn resolve_virtual(&self, _: MethodId, _: TypeId) -> Option<MethodId> {
        None
    }
    fn is_final(&self, _: MethodId) -> bool {
        false
    }
    fn intrinsic(&self, _: MethodId) -> Option<Intrinsic> {
        None
    }
    fn new_object_class(&self, _: MethodId) -> Option<TypeId> {
        None
    }
    fn handle(&self, _: MethodId, _: Entity) -> Handle {
        Handle::Lookup(0)
    }
    fn literal_type(&self, _: LiteralId) -> TypeId {
        ty(0)
    }
    fn is_initialized(&self, _: TypeId) -> bool {
        false
    }
    fn init_is_relaxed(&self, _: TypeId) -> bool {
        true
    }
    fn barrier(&self) -> BarrierKind {
        BarrierKind::ObjectLog
    }
    fn inline_allocation(&self) -> bool {
        true
    }
    fn inline_alloc_limit(&self) -> u32 {
        8192
    }
}

/// Method number `n`.
pub fn method(n: usize) -> MethodId {
    MethodId::from_index(n)
}

/// Type number `n`.
pub fn ty(n: usize) -> TypeId {
    TypeId::from_index(n)
}

/// Words of a signature.
pub fn sig(params: &[Ty], rets: &[Ty]) -> Sig {
    let words = |tys: &[Ty]| -> Vec<WordTy> { tys.iter().map(|t| t.word()).collect() };
    Sig {
        params: words(params).into_iter().collect(),
        rets: words(rets).into_iter().collect(),
        ..Sig::default()
    }
}

/// A function being written down, and the block that instructions go to.
pub struct B {
    pub f: Func,
    pub at: Block,
    pub params: Vec<Value>,
    il: u32,
}

impl B {
    /// A function of method 0 with these words.
    pub fn new(params: &[Ty], rets: &[Ty]) -> B {
        let mut f = Func::new(method(0));
        f.sig = sig(params, rets);
        let at = f.new_block();
        let params = params.iter().map(|&t| f.add_param(at, t)).collect();
        B {
            f,
            at,
            params,
            il: 0,
        }
    }

    /// Appends an instruction, each at a position of its own.
    pub fn inst(&mut self, op: Op, ty: Ty, args: &[Value], imm: Imm) -> Inst {
        self.il += 1;
        let pos = self.f.positions.len() as u32;
        self.f
            .positions
            .push(isthmus_runtime_abi::artifact::SourcePos {
                node: 0,
                il: self.il,
            });
        self.f.append(self.at, op, ty, args, imm, pos)
    }

    /// Appends an instruction with a result.
    pub fn op(&mut self, op: Op, ty: Ty, args: &[Value], imm: Imm) -> Value {
        let inst = self.inst(op, ty, args, imm);
        self.f.inst(inst).result().expect("a result")
    }

    /// Appends an instruction without immediate.
    pub fn plain(&mut self, op: Op, ty: Ty, args: &[Value]) -> Value {
        self.op(op, ty, args, Imm::None)
    }

    pub fn int(&mut self, ty: Ty, value: i64) -> Value {
        self.op(Op::Const, ty, &[], Imm::Bits(value))
    }

    pub fn cmp(&mut self, cmp: Cmp, ty: Ty, a: Value, b: Value) -> Value {
        self.op(Op::Cmp, ty, &[a, b], Imm::Cmp(cmp))
    }

    pub fn load(&mut self, access: Access, args: &[Value]) -> Value {
        self.op(Op::Load, access.mem.ty(), args, Imm::Access(access))
    }

    pub fn store(&mut self, access: Access, value: Value, args: &[Value]) {
        let mut all = vec![value];
        all.extend(args);
        self.inst(Op::Store, access.mem.ty(), &all, Imm::Access(access));
    }

    /// A call; edges are set by the caller.
    pub fn call(&mut self, target: CallTarget, args: &[Value], rets: &[Ty]) -> Inst {
        let indirect = usize::from(target == CallTarget::Indirect);
        let tys: Vec<Ty> = args[indirect..].iter().map(|&v| self.f.ty(v)).collect();
        let imm = self.f.new_call(CallInfo {
            target,
            sig: sig(&tys, rets),
            ret_tys: rets.iter().copied().collect(),
            rgctx: false,
            cookie: false,
            callee: None,
        });
        self.inst(Op::Call, Ty::I32, args, imm)
    }

    pub fn result(&self, inst: Inst) -> Value {
        self.f.inst(inst).result().expect("a result")
    }

    /// A new block with parameters.
    pub fn block(&mut self, params: &[Ty]) -> (Block, Vec<Value>) {
        let block = self.f.new_block();
        let values = params.iter().map(|&t| self.f.add_param(block, t)).collect();
        (block, values)
    }

    pub fn jump(&mut self, to: Block, args: &[Value]) {
        let inst = self.inst(Op::Jump, Ty::I32, &[], Imm::None);
        let edge = self.f.edge(to, args);
        self.f.set_edges(inst, &[edge]);
    }

    pub fn branch(&mut self, c: Value, then: (Block, &[Value]), else_: (Block, &[Value])) {
        let inst = self.inst(Op::Branch, Ty::I32, &[c], Imm::None);
        let edges = [self.f.edge(then.0, then.1), self.f.edge(else_.0, else_.1)];
        self.f.set_edges(inst, &edges);
    }

    /// Gives an instruction a normal successor, which becomes the current block, and handlers (clause, block, arguments).
    pub fn invoke(&mut self, inst: Inst, handlers: &[(u32, Block, &[Value])]) {
        let normal = self.f.new_block();
        let mut edges = vec![self.f.edge(normal, &[])];
        for &(clause, block, args) in handlers {
            let edge = self.f.edge(block, args);
            edges.push(Edge {
                clause: Some(clause),
                ..edge
            });
        }
        self.f.set_edges(inst, &edges);
        self.at = normal;
    }

    pub fn ret(&mut self, values: &[Value]) {
        self.inst(Op::Return, Ty::I32, values, Imm::None);
    }

    pub fn unit(self) -> Unit {
        Unit {
            func: self.f,
            filters: Vec::new(),
        }
    }
}
