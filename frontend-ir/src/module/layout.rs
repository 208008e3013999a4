//! Field offsets, statics, vtables.
//!
//! Structs are sequential (packed or explicit if they say so); classes put their fields after their base's. References
//! in statics lie in an object of their own, so that the collector finds them precisely:
//!
//! ```text
//!   static i32 n      Statics memory      [n]
//!   static string s   RefStatics object   [header 8][s]
//!   static thread n   a block per thread  [n]
//! ```

use super::build::{BuildError, fail};
use super::decl::Pos;
use super::*;
use isthmus_runtime_abi::layout::{ARRAY_DATA, HEADER, OBJECT_ALIGN, STRING_CHARS};
use isthmus_runtime_abi::types::Leaf;

/// Largest struct or class, in bytes.
const MAX_SIZE: u32 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Busy,
    Done,
}

struct Layouter<'a> {
    module: &'a mut Module,
    state: Vec<State>,
    first: usize,
    positions: &'a FxHashMap<TypeId, Pos>,
}

impl Module {
    /// Lays out all types from index `first` on.
    pub(super) fn lay_out(
        &mut self,
        first: usize,
        positions: &FxHashMap<TypeId, Pos>,
    ) -> Result<(), BuildError> {
        let state = vec![State::New; self.types.len()];
        let mut l = Layouter {
            module: self,
            state,
            first,
            positions,
        };
        for i in first..l.state.len() {
            l.visit(TypeId::from_index(i), 0)?;
        }
        for i in first..l.state.len() {
            l.check_complete(TypeId::from_index(i))?;
        }
        Ok(())
    }

    /// Lays out an array type if its element type already is (else the general pass does).
    pub(super) fn lay_out_array(&mut self, id: TypeId, element: TypeId) {
        let array = self.wellknown.array;
        let (mem, layout) = (self.ty(element).mem, self.ty(element).layout.clone());
        let (depth, vtable) = (self.ty(array).depth + 1, self.ty(array).vtable.clone());
        let exact = self.ty(element).flags.contains(TypeFlags::SEALED);
        let ty = &mut self.types[id.index()];
        ty.base = Some(array);
        ty.depth = depth;
        ty.vtable = vtable;
        ty.instance_size = ARRAY_DATA;
        ty.flags.set(TypeFlags::SEALED, exact);
        ty.component_size = mem.scalar_size(8).unwrap_or(layout.size);
        ty.refs = match mem {
            MemTy::Ref => vec![0],
            MemTy::Struct(_) => ref_offsets(&layout, 0),
            _ => Vec::new(),
        };
    }

    /// Lays out a nullable type made after the general pass; before it, this does nothing that the pass does not redo.
    pub(super) fn lay_out_late(&mut self, id: TypeId) {
        let positions = FxHashMap::default();
        let state = vec![State::New; self.types.len()];
        let first = id.index();
        let mut l = Layouter {
            module: self,
            state,
            first,
            positions: &positions,
        };
        // A payload that is not laid out yet has size 0 here; the general pass comes again.
        let _ = l.lay_out_value(id);
    }
}

fn ref_offsets(layout: &StructLayout, add: u32) -> Vec<u32> {
    let refs = layout.leaves.iter().filter(|l| l.ty == MemTy::Ref);
    refs.map(|l| l.offset + add).collect()
}

impl Layouter<'_> {
    fn pos(&self, t: TypeId) -> Pos {
        self.positions.get(&t).copied().unwrap_or_default()
    }

    fn visit(&mut self, t: TypeId, depth: u32) -> Result<(), BuildError> {
        if t.index() < self.first {
            return Ok(());
        }
        match self.state[t.index()] {
            State::Done => return Ok(()),
            State::Busy => {
                return fail(
                    self.pos(t),
                    format!("{} contains itself", self.module.ty(t).name),
                );
            }
            State::New => self.state[t.index()] = State::Busy,
        }
        if depth > 200 {
            return fail(self.pos(t), "types are nested too deeply");
        }
        let def = self.module.ty(t).clone();
        if let Some(base) = def.base {
            self.visit(base, depth + 1)?;
        }
        for i in &def.interfaces {
            self.visit(*i, depth + 1)?;
        }
        for &f in &def.fields {
            if let MemTy::Struct(inner) = self.module.field_def(f).mem {
                let is_static = self.module.field_def(f).flags.contains(FieldFlags::STATIC);
                // A static field of the type's own kind needs the layout too, but not first.
                if !(is_static && inner == t) {
                    self.visit(inner, depth + 1)?;
                }
            }
        }
        match def.kind {
            TypeKind::Class => self.lay_out_class(t)?,
            TypeKind::Value | TypeKind::Nullable(_) => {
                if let MemTy::Struct(_) = def.mem {
                    self.lay_out_value(t)?;
                } else {
                    self.lay_out_primitive(t);
                }
            }
            TypeKind::SzArray(e) => {
                if let MemTy::Struct(inner) = self.module.ty(e).mem {
                    self.visit(inner, depth + 1)?;
                }
                self.module.lay_out_array(t, e);
            }
            _ => {}
        }
        self.statics(t)?;
        self.interfaces(t);
        if !matches!(def.kind, TypeKind::SzArray(_)) {
            self.vtable(t)?;
        }
        self.state[t.index()] = State::Done;
        Ok(())
    }

    fn lay_out_primitive(&mut self, t: TypeId) {
        let ty = &mut self.module.types[t.index()];
        let size = ty.mem.scalar_size(8).unwrap_or(8);
        ty.instance_size = (HEADER + size).next_multiple_of(OBJECT_ALIGN);
        ty.depth = 1;
        ty.layout = Arc::new(StructLayout {
            size,
            align: size,
            leaves: vec![Leaf {
                offset: 0,
                ty: ty.mem,
            }],
            has_byrefs: ty.mem == MemTy::ByRef,
            ..Default::default()
        });
    }

    /// Size, alignment and scalars of a location.
    fn location(&self, mem: MemTy) -> Arc<StructLayout> {
        match mem {
            MemTy::Struct(t) => self.module.ty(t).layout.clone(),
            scalar => {
                let size = scalar.scalar_size(8).unwrap_or(8);
                Arc::new(StructLayout {
                    size,
                    align: size,
                    leaves: vec![Leaf {
                        offset: 0,
                        ty: scalar,
                    }],
                    overlapping: false,
                    has_refs: scalar == MemTy::Ref,
                    has_byrefs: scalar == MemTy::ByRef,
                })
            }
        }
    }

    /// Places the instance fields of `t` from byte `start` on.
    fn place_fields(&mut self, t: TypeId, start: u32) -> Result<StructLayout, BuildError> {
        let def = self.module.ty(t);
        let (explicit, pack) = (def.flags.contains(TypeFlags::EXPLICIT), def.pack);
        let fields = def.fields.clone();
        let mut out = StructLayout {
            size: start,
            align: 1,
            ..Default::default()
        };
        let mut ranges: Vec<(u32, u32, bool)> = Vec::new();
        for f in fields {
            let field = self.module.field_def(f);
            if field.flags.contains(FieldFlags::STATIC) {
                continue;
            }
            let inner = self.location(field.mem);
            let align = if pack == 0 {
                inner.align
            } else {
                inner.align.min(pack)
            }
            .max(1);
            let offset = match field.declared_offset {
                Some(o) if explicit => start.saturating_add(o),
                _ => out.size.next_multiple_of(align),
            };
            let end = offset.saturating_add(inner.size);
            if end > MAX_SIZE {
                return fail(
                    self.pos(t),
                    format!("{} is too large", self.module.ty(t).name),
                );
            }
            let pointers = inner.has_refs || inner.has_byrefs;
            if pointers && offset % 8 != 0 {
                return fail(self.pos(t), "a reference is not aligned");
            }
            for &(from, to, with_pointers) in &ranges {
                if offset < to && from < end {
                    out.overlapping = true;
                    if pointers || with_pointers {
                        return fail(self.pos(t), "a reference overlaps another field");
                    }
                }
            }
            ranges.push((offset, end, pointers));
            out.size = out.size.max(end);
            out.align = out.align.max(align);
            out.overlapping |= inner.overlapping;
            out.has_refs |= inner.has_refs;
            out.has_byrefs |= inner.has_byrefs;
            out.leaves.extend(inner.leaves.iter().map(|l| Leaf {
                offset: l.offset + offset,
                ty: l.ty,
            }));
            self.module.fields[f.index()].place = FieldPlace::Instance(offset);
        }
        out.leaves.sort_by_key(|l| l.offset);
        Ok(out)
    }

    fn lay_out_value(&mut self, t: TypeId) -> Result<(), BuildError> {
        let mut layout = self.place_fields(t, 0)?;
        let declared = self.module.ty(t).declared_size;
        if declared > MAX_SIZE {
            return fail(
                self.pos(t),
                format!("{} is too large", self.module.ty(t).name),
            );
        }
        layout.size = layout
            .size
            .max(declared)
            .max(1)
            .next_multiple_of(layout.align);
        let ty = &mut self.module.types[t.index()];
        ty.depth = 1;
        ty.refs = ref_offsets(&layout, HEADER);
        ty.instance_size = (HEADER + layout.size).next_multiple_of(OBJECT_ALIGN);
        ty.layout = Arc::new(layout);
        Ok(())
    }

    fn lay_out_class(&mut self, t: TypeId) -> Result<(), BuildError> {
        let base = self.module.ty(t).base;
        let (start, depth, mut leaves) = match base {
            Some(b) => {
                let b = self.module.ty(b);
                (
                    b.layout.size.max(HEADER),
                    b.depth + 1,
                    b.layout.leaves.clone(),
                )
            }
            None => (HEADER, 0, Vec::new()),
        };
        let mut layout = self.place_fields(t, start)?;
        leaves.append(&mut layout.leaves);
        layout.leaves = leaves;
        layout.has_refs = layout.leaves.iter().any(|l| l.ty == MemTy::Ref);
        let is_string = t == self.module.wellknown.string;
        let ty = &mut self.module.types[t.index()];
        ty.depth = depth;
        ty.refs = ref_offsets(&layout, 0);
        ty.instance_size = layout.size.next_multiple_of(OBJECT_ALIGN);
        if is_string {
            ty.instance_size = STRING_CHARS;
            ty.component_size = 2;
        }
        ty.layout = Arc::new(layout);
        Ok(())
    }

    fn statics(&mut self, t: TypeId) -> Result<(), BuildError> {
        let mut s = Statics::default();
        for f in self.module.ty(t).fields.clone() {
            let field = self.module.field_def(f);
            if !field.flags.contains(FieldFlags::STATIC) {
                continue;
            }
            let inner = self.location(field.mem);
            let thread = field.flags.contains(FieldFlags::THREAD);
            let put = |end: &mut u32| {
                let offset = end.next_multiple_of(inner.align.max(1));
                *end = offset + inner.size;
                offset
            };
            let place = if thread {
                if inner.has_refs {
                    return fail(self.pos(t), "thread statics hold no references");
                }
                FieldPlace::ThreadStatic(put(&mut s.thread_bytes))
            } else if inner.has_refs {
                s.ref_bytes = s.ref_bytes.max(HEADER);
                let offset = put(&mut s.ref_bytes);
                s.refs.extend(ref_offsets(&inner, offset));
                FieldPlace::RefStatic(offset)
            } else {
                FieldPlace::Static(put(&mut s.bytes))
            };
            self.module.fields[f.index()].place = place;
        }
        self.module.types[t.index()].statics = s;
        Ok(())
    }

    fn interfaces(&mut self, t: TypeId) {
        let def = self.module.ty(t);
        let mut all: Vec<TypeId> = Vec::new();
        let sources = def.base.into_iter().chain(def.interfaces.iter().copied());
        for s in sources {
            let own = (self.module.ty(s).kind == TypeKind::Interface).then_some(s);
            for i in own
                .into_iter()
                .chain(self.module.ty(s).all_interfaces.iter().copied())
            {
                if !all.contains(&i) {
                    all.push(i);
                }
            }
        }
        self.module.types[t.index()].all_interfaces = all;
    }

    fn vtable(&mut self, t: TypeId) -> Result<(), BuildError> {
        let def = self.module.ty(t);
        if def.kind == TypeKind::Interface {
            return Ok(());
        }
        let base = def.base;
        let mut table = base
            .map(|b| self.module.ty(b).vtable.clone())
            .unwrap_or_default();
        for m in def.methods.clone() {
            let method = self.module.method_def(m);
            let (flags, name) = (method.flags, method.name.clone());
            if !flags.contains(MethodFlags::VIRTUAL) {
                continue;
            }
            if !flags.contains(MethodFlags::OVERRIDE) {
                self.module.methods[m.index()].slot = Some(table.len() as u32);
                table.push(m);
                continue;
            }
            let overridden = table.iter().rposition(|&b| {
                self.module.method_def(b).name == name
                    && self.module.same_signature(b, m)
                    && !self.module.method_def(b).flags.contains(MethodFlags::FINAL)
            });
            let Some(slot) = overridden else {
                let class = &self.module.ty(t).name;
                return fail(self.pos(t), format!("{class}::{name} overrides nothing"));
            };
            self.module.methods[m.index()].slot = Some(slot as u32);
            table[slot] = m;
        }
        self.module.types[t.index()].vtable = table;
        Ok(())
    }

    /// A class that may have instances implements everything.
    fn check_complete(&self, t: TypeId) -> Result<(), BuildError> {
        let def = self.module.ty(t);
        let concrete = matches!(def.kind, TypeKind::Class | TypeKind::Value);
        if !concrete || def.flags.contains(TypeFlags::ABSTRACT) {
            return Ok(());
        }
        let missing = def.vtable.iter().copied().find(|&m| {
            self.module
                .method_def(m)
                .flags
                .contains(MethodFlags::ABSTRACT)
        });
        let mut interface_methods = def
            .all_interfaces
            .iter()
            .flat_map(|&i| self.module.ty(i).methods.iter().copied());
        let missing = missing.or_else(|| {
            interface_methods.find(|&m| {
                !self
                    .module
                    .method_def(m)
                    .flags
                    .contains(MethodFlags::STATIC)
                    && self.module.find_implementation(m, t).is_none()
            })
        });
        match missing {
            None => Ok(()),
            Some(m) => fail(
                self.pos(t),
                format!(
                    "{} does not implement {}",
                    def.name,
                    self.module.full_name(m)
                ),
            ),
        }
    }
}
