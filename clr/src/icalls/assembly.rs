//! `System.Reflection.Assembly`, `RuntimeAssembly`, `RuntimeModule`, `AssemblyName`; finding types by name.

use super::assembly_name::in_full;
use super::handle::assembly_at;
use super::names;
use crate::metadata::TypeAttributes;
use crate::types::missing::{self, Missing};
use crate::types::system::Assembly;
use crate::types::{LoadError, LoadErrorKind, Type, TypeKey, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, exceptions, process, references, reflect, run};
use isthmus_rt::object::Ref;

icalls! {
    "System.RuntimeTypeHandle" {
        "internal_from_name" => type_from_name [name: Ref, mark: usize, caller: Ref, throws: bool, ignore_case: bool, reflection_only: bool] -> Ref;
    }
    "System.Reflection.Assembly" {
        "GetTypes" => types_of [this: Ref, exported: bool] -> Ref;
        "InternalGetType" => type_of_assembly [this: Ref, module: Ref, name: Ref, throws: bool, ignore_case: bool] -> Ref;
        "GetEntryAssembly" => entry_assembly [] -> Ref;
        "GetExecutingAssembly" => executing_assembly [] -> Ref;
        "GetCallingAssembly" => calling_assembly [] -> Ref;
        "load_with_partial_name" => load_with_partial_name [name: Ref, evidence: Ref] -> Ref;
        "LoadFrom" => load_from [path: Ref, reflection_only: bool, mark: usize] -> Ref;
        "LoadFile_internal" => load_file [path: Ref, mark: usize] -> Ref;
    }
    "System.AppDomain" {
        "GetAssemblies" => assemblies [this: Ref, reflection_only: bool] -> Ref;
        "LoadAssemblyRaw" => load_bytes [this: Ref, bytes: Ref, symbols: Ref, evidence: Ref, reflection_only: bool] -> Ref;
        "LoadAssembly" => load_assembly [this: Ref, name: Ref, evidence: Ref, reflection_only: bool, mark: usize] -> Ref;
    }
    "System.Reflection.RuntimeAssembly" {
        "get_fullname" => full_name [assembly: Ref] -> Ref;
        "get_location" => location [this: Ref] -> Ref;
        "get_code_base" => code_base [assembly: Ref, escaped: bool] -> Ref;
        "get_EntryPoint" => entry_point [this: Ref] -> Ref;
        "get_ReflectionOnly" => never [this: Ref] -> bool;
        "get_global_assembly_cache" => is_of_library [this: Ref] -> bool;
        "InternalImageRuntimeVersion" => runtime_version [assembly: Ref] -> Ref;
        "GetAotIdInternal" => aot_id [id: Ref] -> bool;
        "GetManifestResourceInternal" => resource [this: Ref, name: Ref, size: usize, module: usize] -> usize;
        "GetManifestResourceInfoInternal" => resource_info [this: Ref, name: Ref, info: Ref] -> bool;
        "GetManifestResourceNames" => resource_names [this: Ref] -> Ref;
        "GetManifestModuleInternal" => manifest_module [this: Ref] -> Ref;
        "GetFilesInternal" => file [this: Ref, name: Ref, resources: bool] -> Ref;
        "GetModulesInternal" => modules [this: Ref] -> Ref;
    }
    "System.Reflection.RuntimeModule" {
        "GetGuidInternal" => module_guid [module: usize, guid: Ref] -> ();
        "get_MetadataToken" => module_token [module: Ref] -> i32;
        "InternalGetTypes" => types_of_module [module: usize] -> Ref;
    }
}

/// A parsed type name: `Outer+Inner`1[[Arg, Assembly]][,]*&, Assembly`.
struct NameParser<'a> {
    rest: &'a str,
    /// Looked in when the name says no assembly; then mscorlib.
    home: Option<&'static Assembly>,
    ignore_case: bool,
}

impl NameParser<'_> {
    fn not_found(name: &str) -> LoadError {
        LoadError::type_load(format!("Could not load type '{name}'."))
    }

    /// Text up to an unescaped character of `ends`.
    fn word(&mut self, ends: &[char]) -> String {
        let mut out = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((i, c)) = chars.next() {
            if c == '\\' {
                if let Some((_, escaped)) = chars.next() {
                    out.push(escaped);
                }
            } else if ends.contains(&c) {
                self.rest = &self.rest[i..];
                return out;
            } else {
                out.push(c);
            }
        }
        self.rest = "";
        out
    }

    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A type up to a separator; `qualified`: an assembly name may follow a comma.
    fn ty(&mut self, qualified: bool) -> crate::types::Result<&'static Type> {
        let ends = ['+', '[', ']', '*', '&', ','];
        self.rest = self.rest.trim_start();
        let mut path = vec![self.word(&ends).trim().to_owned()];
        while self.eat('+') {
            path.push(self.word(&ends));
        }
        let mut args: Vec<&'static Type> = Vec::new();
        let mut shapes: Vec<Shape> = Vec::new();
        loop {
            if self.eat('*') {
                shapes.push(Shape::Ptr);
            } else if self.eat('&') {
                shapes.push(Shape::ByRef);
            } else if self.eat('[') {
                self.bracket(&mut args, &mut shapes, &path)?;
            } else {
                break;
            }
        }
        let mut home = self.home;
        if qualified && self.eat(',') {
            let name = self.word(&[']']);
            let simple = name.split(',').next().unwrap_or("").trim().to_owned();
            // An assembly that a program builds is known by its name only to itself.
            home = match self
                .home
                .filter(|h| h.built.get().is_some() && h.name == simple)
            {
                Some(own) => Some(own),
                None => {
                    let missing = |e: &LoadError| {
                        if !e.stays() {
                            missing::note(Missing::Name(in_full(&name)));
                        }
                    };
                    Some(types().load(&simple).inspect_err(missing)?)
                }
            };
        }
        let mut ty = self.find(home, &path)?;
        if !args.is_empty() {
            if ty.generic_arity() != args.len() {
                return Err(Self::not_found(&path.join("+")));
            }
            ty = types().instantiate(ty, &args)?;
        }
        for shape in shapes {
            ty = types().intern(match shape {
                Shape::Ptr => TypeKey::Ptr(ty.id),
                Shape::ByRef => TypeKey::ByRef(ty.id),
                Shape::Vector => TypeKey::SzArray(ty.id),
                Shape::Array(rank) => TypeKey::MdArray(ty.id, rank),
            })?;
        }
        Ok(ty)
    }

    /// After `[`: type arguments, or the rank of an array.
    fn bracket(
        &mut self,
        args: &mut Vec<&'static Type>,
        shapes: &mut Vec<Shape>,
        path: &[String],
    ) -> crate::types::Result<()> {
        if self.eat(']') {
            shapes.push(Shape::Vector);
            return Ok(());
        }
        if self.eat('*') {
            shapes.push(Shape::Array(1));
        } else if self.rest.starts_with(',') {
            let mut rank = 1;
            while self.eat(',') {
                rank += 1;
            }
            shapes.push(Shape::Array(rank));
        } else {
            loop {
                self.rest = self.rest.trim_start();
                let qualified = self.eat('[');
                args.push(self.ty(qualified)?);
                if qualified && !self.eat(']') {
                    return Err(Self::not_found(&path.join("+")));
                }
                if !self.eat(',') {
                    break;
                }
            }
        }
        if self.eat(']') {
            Ok(())
        } else {
            Err(Self::not_found(&path.join("+")))
        }
    }

    fn find(
        &self,
        home: Option<&'static Assembly>,
        path: &[String],
    ) -> crate::types::Result<&'static Type> {
        let places = home
            .into_iter()
            .chain((home.is_none() || home == self.home).then(|| types().corlib()));
        for a in places {
            if let Some(ty) = self.find_in(a, path) {
                return Ok(ty);
            }
        }
        Err(Self::not_found(&path.join("+")))
    }

    fn find_in(&self, a: &'static Assembly, path: &[String]) -> Option<&'static Type> {
        let (namespace, name) = path[0].rsplit_once('.').unwrap_or(("", &path[0]));
        let mut ty = a.find_type(namespace, name).or_else(|| {
            if !self.ignore_case {
                return None;
            }
            let wanted = path[0].to_lowercase();
            all_types(a)
                .into_iter()
                .find(|t| t.enclosing().is_none() && t.qualified_name('+').to_lowercase() == wanted)
        })?;
        for inner in &path[1..] {
            let same = |t: &Type| {
                if self.ignore_case {
                    t.name().eq_ignore_ascii_case(inner)
                } else {
                    t.name() == inner
                }
            };
            ty = ty.nested().into_iter().find(|t| same(t))?;
        }
        Some(ty)
    }
}

/// What follows a type's name.
enum Shape {
    Ptr,
    ByRef,
    Vector,
    Array(u32),
}

/// The type of a name, looked for from an assembly, which was `asked` for it or only comes first; null if there is none and that is not to
/// be thrown.
fn find_type(
    cx: &Cx<'_>,
    name: Ref,
    home: Option<&'static Assembly>,
    asked: bool,
    throws: bool,
    ignore_case: bool,
) -> Result<Ref> {
    if name.is_null() {
        return Err(cx.argument_null("typeName"));
    }
    let text = cx.text(name);
    let look = || {
        let mut parser = NameParser {
            rest: &text,
            home,
            ignore_case,
        };
        let ty = parser.ty(true)?;
        if !parser.rest.trim().is_empty() {
            return Err(NameParser::not_found(&text));
        }
        Ok((ty, ty.parent()))
    };
    // Errors are answers here: they are not thrown by `complete`.
    match references::complete(cx, || Ok(look()))? {
        // An assembly throws for a class without its base class even when it is to give null.
        Ok((ty, parent)) => match parent {
            Ok(_) => reflect::type_object(cx, ty),
            Err(e) if asked || throws => Err(cx.load_error(&e)),
            Err(_) => Ok(Ref::NULL),
        },
        Err(e) if throws => Err(match e.kind {
            LoadErrorKind::TypeLoad => {
                let from = home.map_or_else(
                    || names::assembly_name(types().corlib()),
                    names::assembly_name,
                );
                // A name without a namespace still has the full stop where no assembly was asked, as Mono shows it.
                let dot = if asked || text.contains('.') { "" } else { "." };
                let text = format!("Could not load type '{dot}{text}' from assembly '{from}'.");
                cx.exception("System", "TypeLoadException", &text)
            }
            _ => cx.load_error(&e),
        }),
        Err(_) => Ok(Ref::NULL),
    }
}

/// The type of a name that metadata of an assembly have.
pub fn type_named(cx: &Cx<'_>, name: &str, home: &'static Assembly) -> Result<&'static Type> {
    let name = cx.string(name)?;
    let found = find_type(cx, name, Some(home), false, true, false)?;
    super::handle::type_of_object(cx, found)
}

fn type_from_name(
    cx: &Cx<'_>,
    name: Ref,
    _mark: usize,
    caller: Ref,
    throws: bool,
    ignore_case: bool,
    _reflection_only: bool,
) -> Result<Ref> {
    let home = if caller.is_null() {
        process::main_assembly()
    } else {
        Some(reflect::assembly_of(cx, caller)?)
    };
    find_type(cx, name, home, false, throws, ignore_case)
}

fn type_of_assembly(
    cx: &Cx<'_>,
    this: Ref,
    _module: Ref,
    name: Ref,
    throws: bool,
    ignore_case: bool,
) -> Result<Ref> {
    let home = reflect::assembly_of(cx, this)?;
    find_type(cx, name, Some(home), true, throws, ignore_case)
}

/// Every type that an assembly defines, but for `<Module>`.
fn all_types(a: &'static Assembly) -> Vec<&'static Type> {
    let count = a.image.tables().rows(crate::metadata::TableId::TypeDef);
    (2..=count).filter_map(|rid| a.type_def(rid).ok()).collect()
}

/// Whether a type can be seen from outside: public, and nested only in such.
fn is_exported(ty: &'static Type) -> bool {
    let visibility = (ty.flags & TypeAttributes::from_bits_retain(7)).bits();
    match ty.enclosing() {
        None => visibility == 1,
        Some(outer) => visibility == 2 && is_exported(outer),
    }
}

fn types_of(cx: &Cx<'_>, this: Ref, exported: bool) -> Result<Ref> {
    let a = reflect::assembly_of(cx, this)?;
    let list: Vec<_> = a
        .modules()
        .map_err(|e| cx.load_error(&e))?
        .into_iter()
        .flat_map(all_types)
        .filter(|t| !exported || is_exported(t))
        .collect();
    type_list(cx, &list)
}

/// An array of types. Those whose base classes or interfaces cannot be loaded are null in it, and it is then part of the
/// `ReflectionTypeLoadException` that is thrown.
fn type_list(cx: &Cx<'_>, list: &[&'static Type]) -> Result<Ref> {
    let array = cx.alloc_array(reflect::type_class(), list.len())?;
    let mut errors = Vec::new();
    for (i, ty) in list.iter().enumerate() {
        match references::complete(cx, || Ok(is_whole(ty)))? {
            Ok(()) => cx.set_element(array, i, reflect::type_object(cx, ty)?),
            Err(e) => errors.push(e),
        }
    }
    if errors.is_empty() {
        return Ok(array);
    }
    let exception = types().known.exception();
    let reasons = cx.alloc_array(exception, errors.len())?;
    for (i, e) in errors.iter().enumerate() {
        cx.set_element(reasons, i, cx.load_error(e).exception);
    }
    Err(exceptions::type_list_incomplete(cx, array, reasons)?)
}

/// Whether what a type extends and implements can be loaded. Types under construction need not know it yet.
fn is_whole(ty: &'static Type) -> crate::types::Result<()> {
    if ty.assembly.is_some_and(|a| a.piece.is_some()) {
        return Ok(());
    }
    let mut up = ty.parent()?;
    while let Some(class) = up {
        up = class.parent()?;
    }
    ty.interfaces().map(drop)
}

fn types_of_module(cx: &Cx<'_>, module: usize) -> Result<Ref> {
    let a = assembly_at(module).ok_or_else(|| cx.null_reference())?;
    type_list(cx, &all_types(a))
}

fn entry_assembly(cx: &Cx<'_>) -> Result<Ref> {
    process::main_assembly().map_or(Ok(Ref::NULL), |a| reflect::assembly_object(cx, a))
}

/// Assemblies of the managed frames below this call, innermost first, without neighbours that are equal.
fn callers(cx: &Cx<'_>) -> Vec<&'static Assembly> {
    let mut list: Vec<&'static Assembly> = Vec::new();
    for (m, _) in super::trace::frames(cx) {
        if let Some(a) = m.assembly()
            && m.name != "GetExecutingAssembly"
            && m.name != "GetCallingAssembly"
        {
            list.push(a);
        }
    }
    list
}

fn executing_assembly(cx: &Cx<'_>) -> Result<Ref> {
    let a = callers(cx).first().copied().or(process::main_assembly());
    a.map_or(Ok(Ref::NULL), |a| reflect::assembly_object(cx, a))
}

fn calling_assembly(cx: &Cx<'_>) -> Result<Ref> {
    let a = callers(cx).get(1).copied().or(process::main_assembly());
    a.map_or(Ok(Ref::NULL), |a| reflect::assembly_object(cx, a))
}

/// Loads by display name; only the simple name counts. What is not found the program may find (`AppDomain.AssemblyResolve`).
fn load_by_name(cx: &Cx<'_>, name: Ref) -> Result<Ref> {
    let text = cx.text(name);
    match types().load(references::simple_name(&text)) {
        Ok(a) => loaded(cx, a),
        Err(e) if !e.stays() => references::resolve(cx, name, None),
        Err(e) => Err(cx.load_error(&e)),
    }
}

fn load_assembly(
    cx: &Cx<'_>,
    _this: Ref,
    name: Ref,
    _evidence: Ref,
    _reflection_only: bool,
    _mark: usize,
) -> Result<Ref> {
    load_by_name(cx, name)
}

fn load_with_partial_name(cx: &Cx<'_>, name: Ref, _evidence: Ref) -> Result<Ref> {
    load_by_name(cx, name)
}

/// Loads from a path; what the assembly refers to may lie beside it.
fn load_from(cx: &Cx<'_>, path: Ref, _reflection_only: bool, _mark: usize) -> Result<Ref> {
    let a = assembly_of_file(cx, path)?;
    a.look_beside();
    loaded(cx, a)
}

/// The object of an assembly that a program has loaded.
fn loaded(cx: &Cx<'_>, a: &'static Assembly) -> Result<Ref> {
    references::announce(cx);
    reflect::assembly_object(cx, a)
}

fn load_file(cx: &Cx<'_>, path: Ref, _mark: usize) -> Result<Ref> {
    loaded(cx, assembly_of_file(cx, path)?)
}

fn assembly_of_file(cx: &Cx<'_>, path: Ref) -> Result<&'static Assembly> {
    if path.is_null() {
        return Err(cx.argument_null("assemblyFile"));
    }
    let found = types().load_file(std::path::Path::new(&cx.text(path)));
    found.map_err(|e| cx.load_error(&e))
}

/// Loads an assembly from bytes: another one each time.
fn load_bytes(
    cx: &Cx<'_>,
    _this: Ref,
    bytes: Ref,
    _symbols: Ref,
    _evidence: Ref,
    _reflection_only: bool,
) -> Result<Ref> {
    let bytes = crate::emit::objects::bytes_of(cx, bytes);
    let image = crate::metadata::Image::from_bytes("data", bytes);
    let a = image
        .map_err(LoadError::from)
        .and_then(|image| types().load_image(image))
        .map_err(|e| cx.load_error(&e))?;
    loaded(cx, a)
}

fn assemblies(cx: &Cx<'_>, _this: Ref, reflection_only: bool) -> Result<Ref> {
    let list = if reflection_only {
        Vec::new()
    } else {
        let mut all = types().assemblies();
        all.retain(|a| a.main() == *a);
        all
    };
    let array = cx.alloc_array(reflect::class("System.Reflection", "Assembly"), list.len())?;
    for (i, a) in list.into_iter().enumerate() {
        cx.set_element(array, i, reflect::assembly_object(cx, a)?);
    }
    Ok(array)
}

fn full_name(cx: &Cx<'_>, assembly: Ref) -> Result<Ref> {
    cx.string(&names::assembly_name(reflect::assembly_of(cx, assembly)?))
}

fn location(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    cx.string(&reflect::assembly_of(cx, this)?.path.to_string_lossy())
}

fn code_base(cx: &Cx<'_>, assembly: Ref, escaped: bool) -> Result<Ref> {
    let path = reflect::assembly_of(cx, assembly)?
        .path
        .to_string_lossy()
        .into_owned();
    let path = if escaped {
        path.replace('%', "%25")
            .replace(' ', "%20")
            .replace('#', "%23")
    } else {
        path
    };
    cx.string(&format!("file://{path}"))
}

fn entry_point(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let a = reflect::assembly_of(cx, this)?;
    let Some(token) = a.image.entry_point() else {
        return Ok(Ref::NULL);
    };
    let m = a
        .resolve_method(token, crate::types::generics::Scope::EMPTY)
        .map_err(|e| cx.load_error(&e))?;
    reflect::method_object(cx, m, m.owner)
}

fn never(_cx: &Cx<'_>, _this: Ref) -> Result<bool> {
    Ok(false)
}

fn is_of_library(cx: &Cx<'_>, this: Ref) -> Result<bool> {
    Ok(reflect::assembly_of(cx, this)?
        .path
        .starts_with(&types().search_path().bcl))
}

fn runtime_version(cx: &Cx<'_>, assembly: Ref) -> Result<Ref> {
    cx.string(reflect::assembly_of(cx, assembly)?.image.runtime_version())
}

/// No ahead-of-time image has an id here.
fn aot_id(_cx: &Cx<'_>, _id: Ref) -> Result<bool> {
    Ok(false)
}

/// The data of a resource in the assembly's own file.
fn find_resource(a: &'static Assembly, name: &str) -> Option<&'static [u8]> {
    let rows = a.image.rows::<crate::metadata::ManifestResourceRow<'_>>();
    let mut rows = rows.filter(|r| r.name().is_ok_and(|n| n == name));
    let row = rows
        .next()
        .filter(|r| r.implementation().is_ok_and(|t| t.is_nil()))?;
    a.image.resource_data(row.offset()).ok()
}

fn resource(cx: &Cx<'_>, this: Ref, name: Ref, size: usize, module: usize) -> Result<usize> {
    let a = reflect::assembly_of(cx, this)?;
    let Some(data) = find_resource(a, &cx.text(name)) else {
        return Ok(0);
    };
    // SAFETY: a managed pointer to an int.
    unsafe { (size as *mut i32).write_unaligned(data.len() as i32) };
    cx.store_by_ref(module, reflect::module_object(cx, a)?);
    Ok(data.as_ptr() as usize)
}

fn resource_info(cx: &Cx<'_>, this: Ref, name: Ref, info: Ref) -> Result<bool> {
    let a = reflect::assembly_of(cx, this)?;
    if find_resource(a, &cx.text(name)).is_none() {
        return Ok(false);
    }
    // ResourceLocation: embedded 1, in the manifest file 4.
    let at = offset_of(cx.type_of(info), "<ResourceLocation>k__BackingField")
        .map_err(|e| cx.load_error(&e))?;
    cx.write(info, at, 5i32);
    Ok(true)
}

fn resource_names(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let a = reflect::assembly_of(cx, this)?;
    let rows = a.image.rows::<crate::metadata::ManifestResourceRow<'_>>();
    let list: Vec<String> = rows.map(|r| r.name().unwrap_or("").to_owned()).collect();
    run::string_array(cx, &list)
}

fn manifest_module(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    reflect::module_object(cx, reflect::assembly_of(cx, this)?)
}

/// The path of a further file of the assembly; without a name those of all of them.
fn file(cx: &Cx<'_>, this: Ref, name: Ref, _resources: bool) -> Result<Ref> {
    let a = reflect::assembly_of(cx, this)?;
    let rows = a.image.rows::<crate::metadata::FileRow<'_>>();
    let dir = a.path.parent().unwrap_or(std::path::Path::new(""));
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let names: Vec<&str> = rows.filter_map(|r| r.name().ok()).collect();
    if name.is_null() {
        let mut paths = vec![a.path.to_string_lossy().into_owned()];
        paths.extend(names.iter().map(|n| path(n)));
        return run::string_array(cx, &paths);
    }
    let wanted = cx.text(name);
    match names.iter().find(|n| **n == wanted) {
        Some(n) => cx.string(&path(n)),
        None => Ok(Ref::NULL),
    }
}

fn modules(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let a = reflect::assembly_of(cx, this)?;
    let modules = a.modules().map_err(|e| cx.load_error(&e))?;
    let list = cx.alloc_array(reflect::class("System.Reflection", "Module"), modules.len())?;
    for (i, module) in modules.into_iter().enumerate() {
        cx.set_element(list, i, reflect::module_object(cx, module)?);
    }
    Ok(list)
}

fn module_guid(cx: &Cx<'_>, module: usize, guid: Ref) -> Result<()> {
    let a = assembly_at(module).ok_or_else(|| cx.null_reference())?;
    let mvid = a
        .image
        .module(1)
        .ok()
        .and_then(|m| m.mvid().ok().flatten())
        .unwrap_or_default();
    for (i, byte) in mvid.iter().enumerate().take(cx.length(guid)) {
        cx.write(
            guid,
            isthmus_runtime_abi::layout::ARRAY_DATA + i as u32,
            *byte,
        );
    }
    Ok(())
}

fn module_token(_cx: &Cx<'_>, _module: Ref) -> Result<i32> {
    Ok(1)
}

/// The type of a reflection name, looked up in an assembly and mscorlib unless it names its assembly.
pub(super) fn parse_type_name(
    text: &str,
    home: Option<&'static Assembly>,
) -> crate::types::Result<&'static Type> {
    let mut parser = NameParser {
        rest: text,
        home,
        ignore_case: false,
    };
    parser.ty(true)
}
