//! What a module answers to compilers.

use super::*;
use crate::body::{BodyError, BodySource};
use isthmus_runtime_abi::callconv::Layouts;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::vm::{
    CallPlan, CastPlan, CompileEnv, ConstrainedPlan, ContextSource, Dispatch, Entity, FieldInfo,
    Handle, InitAtEntry, MethodInfo, Subtype,
};

impl Layouts for Module {
    fn struct_layout(&self, ty: TypeId) -> Arc<StructLayout> {
        self.ty(ty).layout.clone()
    }
}

impl Module {
    fn needs_precise_init(&self, ty: TypeId) -> bool {
        let def = self.ty(ty);
        def.cctor.is_some() && !def.flags.contains(TypeFlags::RELAXED)
    }

    fn direct(&self, callee: MethodId, null_check: bool) -> CallPlan {
        let def = self.method_def(callee);
        CallPlan {
            dispatch: match def.intrinsic {
                Some(i) => Dispatch::Intrinsic(i, callee),
                None => Dispatch::Direct(callee),
            },
            sig: def.sig.clone(),
            rgctx: None,
            null_check,
            shown: None,
        }
    }
}

impl CompileEnv for Module {
    fn type_kind(&self, ty: TypeId) -> TypeKind {
        self.ty(ty).kind
    }

    fn mem_ty(&self, ty: TypeId) -> MemTy {
        self.ty(ty).mem
    }

    fn type_name(&self, ty: TypeId) -> String {
        self.ty(ty).name.clone()
    }

    fn is_exact(&self, ty: TypeId) -> bool {
        self.ty(ty).flags.contains(TypeFlags::SEALED)
    }

    fn subtype(&self, from: TypeId, to: TypeId) -> Subtype {
        if self.is_subtype(from, to) {
            Subtype::Yes
        } else if self.is_exact(from) {
            Subtype::No
        } else {
            Subtype::Maybe
        }
    }

    fn cast_plan(&self, _method: MethodId, ty: TypeId) -> CastPlan {
        let def = self.ty(ty);
        let vtable = |t| Handle::Symbol(Symbol::Vtable(t));
        match def.kind {
            TypeKind::Nullable(payload) => CastPlan::Exact(vtable(payload)),
            TypeKind::Class if !self.is_exact(ty) => CastPlan::Display(def.depth, vtable(ty)),
            TypeKind::Interface => CastPlan::Helper(Handle::Symbol(Symbol::TypeHandle(ty))),
            _ if self.is_exact(ty) => CastPlan::Exact(vtable(ty)),
            _ => CastPlan::Helper(Handle::Symbol(Symbol::TypeHandle(ty))),
        }
    }

    fn inline_alloc_size(&self, ty: TypeId) -> Option<u32> {
        let def = self.ty(ty);
        (def.component_size == 0 && def.instance_size <= self.policy.inline_alloc_limit)
            .then_some(def.instance_size)
    }

    fn array_of(&self, element: TypeId) -> TypeId {
        // `complete` made the arrays of all types that code can name; a type beyond them is not a type of this module.
        self.existing_array(element).unwrap_or(self.wellknown.array)
    }

    fn nullable_value_offset(&self, ty: TypeId) -> u32 {
        match self
            .find_field(ty, "value")
            .map(|f| self.field_def(f).place)
        {
            Some(FieldPlace::Instance(offset)) => offset,
            _ => 0,
        }
    }

    fn array_store_is_exact(&self, element: TypeId) -> bool {
        self.is_exact(element)
    }

    fn typed_reference(&self) -> Option<TypeId> {
        Some(self.wellknown.typed_reference)
    }

    fn field(&self, _method: MethodId, field: FieldId) -> FieldInfo {
        let def = self.field_def(field);
        FieldInfo {
            ty: def.mem,
            owner: def.owner,
            place: def.place,
            init_only: def.flags.contains(FieldFlags::READONLY),
            init_check: def.flags.contains(FieldFlags::STATIC)
                && self.ty(def.owner).cctor.is_some(),
        }
    }

    fn field_name(&self, field: FieldId) -> String {
        let def = self.field_def(field);
        format!("{}::{}", self.ty(def.owner).name, def.name)
    }

    fn method(&self, method: MethodId) -> MethodInfo {
        let def = self.method_def(method);
        let triggers = def
            .flags
            .intersects(MethodFlags::STATIC | MethodFlags::CTOR)
            && !def.flags.contains(MethodFlags::CCTOR);
        let init = match def.owner {
            Some(t) if triggers && self.needs_precise_init(t) => InitAtEntry::Yes(t),
            _ => InitAtEntry::No,
        };
        MethodInfo {
            sig: def.sig.clone(),
            context: ContextSource::None,
            init,
            may_inline: !def.flags.intersects(
                MethodFlags::NOINLINE
                    | MethodFlags::EXTERN
                    | MethodFlags::ABSTRACT
                    | MethodFlags::VARARG,
            ),
            wants_inline: def.flags.contains(MethodFlags::INLINE),
            never_returns: false,
        }
    }

    fn method_name(&self, method: MethodId) -> String {
        self.full_name(method)
    }

    fn signature(&self, sig: SigId) -> Arc<Signature> {
        self.sigs[sig.index()].0.clone()
    }

    fn call_plan(&self, _method: MethodId, callee: MethodId, virt: bool) -> CallPlan {
        let def = self.method_def(callee);
        if !virt {
            return self.direct(callee, false);
        }
        let sealed = self.is_final(callee);
        let dispatch = match def.slot {
            _ if !def.flags.contains(MethodFlags::VIRTUAL) || sealed => {
                return self.direct(callee, def.sig.has_this);
            }
            Some(slot) => Dispatch::Virtual(slot),
            None => Dispatch::Interface(callee),
        };
        CallPlan {
            dispatch,
            sig: def.sig.clone(),
            rgctx: None,
            null_check: false,
            shown: None,
        }
    }

    fn constrained_plan(&self, method: MethodId, ty: TypeId, callee: MethodId) -> ConstrainedPlan {
        if !self.is_value(ty) {
            return ConstrainedPlan::Dereference(self.call_plan(method, callee, true));
        }
        match self.find_implementation(callee, ty) {
            Some(m) if self.method_def(m).owner == Some(ty) => {
                ConstrainedPlan::Direct(self.direct(m, false))
            }
            _ => ConstrainedPlan::Box(ty, self.call_plan(method, callee, true)),
        }
    }

    fn resolve_virtual(&self, callee: MethodId, exact: TypeId) -> Option<MethodId> {
        if self.is_value(exact) {
            // Would need `this` to be moved past the header of the box.
            return None;
        }
        self.find_implementation(callee, exact)
    }

    fn is_final(&self, callee: MethodId) -> bool {
        let def = self.method_def(callee);
        let of_value = def.owner.is_some_and(|t| self.is_value(t));
        if def.flags.contains(MethodFlags::ABSTRACT) || of_value {
            return false;
        }
        !def.flags.contains(MethodFlags::VIRTUAL)
            || def.flags.contains(MethodFlags::FINAL)
            || def.owner.is_some_and(|t| self.is_exact(t))
    }

    fn intrinsic(&self, callee: MethodId) -> Option<Intrinsic> {
        self.method_def(callee).intrinsic
    }

    fn new_object_class(&self, ctor: MethodId) -> Option<TypeId> {
        self.method_def(ctor).owner
    }

    fn handle(&self, _method: MethodId, entity: Entity) -> Handle {
        Handle::Symbol(match entity {
            Entity::Vtable(t) => Symbol::Vtable(t),
            Entity::TypeHandle(t) => Symbol::TypeHandle(t),
            Entity::MethodHandle(m) => Symbol::MethodHandle(m),
            Entity::FieldHandle(f) => Symbol::VmData(f.raw()),
            Entity::MethodEntry(m) => Symbol::MethodEntry(m),
            Entity::Statics(t) => Symbol::Statics(t),
            Entity::RefStatics(t) => Symbol::RefStatics(t),
            Entity::InitState(t) => Symbol::InitState(t),
            // No method of a module takes a generic context: nobody asks.
            Entity::Context(m) => Symbol::GenericContext(m),
            Entity::Signature(s) => Symbol::Signature(s),
        })
    }

    fn literal_type(&self, _literal: LiteralId) -> TypeId {
        self.wellknown.string
    }

    fn is_initialized(&self, ty: TypeId) -> bool {
        self.ty(ty).cctor.is_none()
    }

    fn init_is_relaxed(&self, ty: TypeId) -> bool {
        self.ty(ty).flags.contains(TypeFlags::RELAXED)
    }

    fn barrier(&self) -> BarrierKind {
        self.policy.barrier
    }

    fn inline_allocation(&self) -> bool {
        self.policy.inline_alloc_limit > 0
    }

    fn inline_alloc_limit(&self) -> u32 {
        self.policy.inline_alloc_limit
    }
}

impl BodySource for Module {
    fn body(&self, method: MethodId) -> Result<Arc<Body>, BodyError> {
        let def = self.method_def(method);
        def.body
            .clone()
            .ok_or_else(|| BodyError::NoBody(self.full_name(method)))
    }
}
