//! `isthmus aot --emit exe`: a program, the assemblies that it refers to, their images, and the runtime in one executable.
//!
//! ```text
//!  program.exe ─▶ references, theirs … ─┬─ files ──────────────▶ program.o  (isthmus_program)
//!                                       └─ compiled ───────────▶ image.o …          │
//!                                          or NAME.o made before ─▶ │               ▼
//!                                              libisthmus_standalone.a (main) ─▶ cc ─▶ program
//! ```

use super::report::Report;
use super::{Args, compile_one, object, summary};
use crate::output::outln;
use anyhow::{Context, Result, bail};
use isthmus_aot::format::{HEADER_SYMBOL, Part};
use isthmus_aot::image::Image;
use isthmus_aot::program::{File, Program};
use isthmus_clr::aot::compile::Settings;
use isthmus_clr::aot::{files, modules};
use isthmus_clr::types::system::Assembly;
use isthmus_clr::types::types;
use isthmus_runtime_abi::target::Arch;
use object::{Object, ObjectSection, ObjectSymbol};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The runtime's archive.
const RUNTIME: &str = "libisthmus_standalone.a";

/// What the archive needs of the system (`rustc --print native-static-libs`).
const SYSTEM_LIBRARIES: &[&str] = &[
    "-lgcc_s",
    "-lutil",
    "-lrt",
    "-lpthread",
    "-lm",
    "-ldl",
    "-lc",
];

/// The functions that native libraries look for in the program that loads them (`isthmus_clr::vm::exports`), one a line.
const EXPORTS: &str = include_str!("../../exports.txt");

/// Makes an executable of the first assembly; the further ones are those that the program loads by name.
pub fn make(args: &Args, settings: Settings) -> Result<()> {
    let runtime = runtime(args.runtime.as_deref())?;
    let program = &args.assemblies[0];
    let out = match &args.out {
        Some(out) if out.is_dir() => out.join(program.file_stem().unwrap_or_default()),
        Some(out) => out.clone(),
        None => program.with_extension(""),
    };
    if out == *program {
        bail!(
            "{} would be overwritten: name the executable with -o",
            out.display()
        );
    }
    let mut roots = Vec::new();
    for path in &args.assemblies {
        let assembly = types().load_file(path);
        roots.push(assembly.with_context(|| path.display().to_string())?);
    }
    if roots[0].image.entry_point().is_none() {
        bail!("{} has no entry point", program.display());
    }
    let (assemblies, missing) = closure(&roots);
    for (name, by) in missing {
        outln!(
            "  {name}, to which {} refers, was not found: it is looked for when the program runs",
            by.name
        );
    }

    let parts = Parts::new(&out)?;
    let mut objects = Vec::new();
    let mut report = Report::default();
    for &assembly in &assemblies {
        let ready = ready_object(assembly);
        if let Some(path) = &ready {
            outln!("{}: linked as it is", path.display());
        }
        objects.push(match ready {
            Some(path) => path,
            None => {
                let path = parts.path(&format!("{}.o", objects.len()));
                let (made, time) = compile_one(assembly, settings, args.no_fallback)?;
                let bytes = object(&made.parts, args, &assembly.path)?;
                summary(&made, &assembly.name, bytes.len() as u64, time);
                fs::write(&path, bytes).with_context(|| path.display().to_string())?;
                report.add(&assembly.name, &made)?;
                path
            }
        });
    }
    let files = assemblies.iter().map(|a| File {
        name: file_name(a),
        is_library: a.is_library(),
        data: a.image.bytes(),
    });
    let program = Program {
        no_compiler: args.no_jit,
        files: files.collect(),
    };
    let program = program.to_object(Arch::host().unwrap_or(Arch::X64));
    let program_object = parts.path("program.o");
    fs::write(&program_object, program.map_err(anyhow::Error::msg)?)
        .with_context(|| program_object.display().to_string())?;
    objects.insert(0, program_object);
    link(&objects, &runtime, &out, args.strip)?;
    let len = fs::metadata(&out).with_context(|| out.display().to_string())?;
    outln!(
        "{}: {} assemblies, {} bytes",
        out.display(),
        assemblies.len(),
        len.len()
    );
    args.report.iter().try_for_each(|path| report.write(path))
}

fn file_name(assembly: &'static Assembly) -> &'static str {
    let name = assembly.path.file_name().and_then(|name| name.to_str());
    name.unwrap_or(&assembly.name)
}

/// A reference to what was not found, and who refers to it.
type Missing = (String, &'static Assembly);

/// Assemblies and all that they refer to, directly or not, mscorlib among them.
fn closure(roots: &[&'static Assembly]) -> (Vec<&'static Assembly>, Vec<Missing>) {
    let mut all = roots.to_vec();
    let corlib = types().corlib();
    if !all.contains(&corlib) {
        all.push(corlib);
    }
    let mut missing: Vec<Missing> = Vec::new();
    let mut done = 0;
    while let Some(&assembly) = all.get(done) {
        for name in modules::references(assembly) {
            match types().load(name) {
                Ok(found) if all.contains(&found) => {}
                Ok(found) => all.push(found),
                Err(_) if missing.iter().any(|m| m.0 == name) => {}
                Err(_) => missing.push((name.to_owned(), assembly)),
            }
        }
        done += 1;
    }
    (all, missing)
}

/// A relocatable object made before with the same assemblies, beside the assembly or where `isthmus run` looks for images.
fn ready_object(assembly: &'static Assembly) -> Option<PathBuf> {
    files::places(assembly, files::OBJECT).find(|path| {
        let Ok(bytes) = fs::read(path) else {
            return false;
        };
        is_image_of(&bytes, assembly).unwrap_or(false)
    })
}

fn is_image_of(object: &[u8], assembly: &'static Assembly) -> Option<bool> {
    let file = object::File::parse(object).ok()?;
    let header = file.symbols().find(|s| s.name() == Ok(HEADER_SYMBOL))?;
    let section = file.section_by_index(header.section_index()?).ok()?;
    let at = usize::try_from(header.address()).ok()?;
    let data = section.data().ok()?.get(at..)?;
    let image = Image::of_data(data, Arch::host().unwrap_or(Arch::X64)).ok()?;
    image.verify_checksum().ok()?;
    Some(modules::resolve(image.part(Part::Vm), assembly).is_ok())
}

/// The runtime's archive: beside the command, or in a `lib` beside its directory.
fn runtime(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let command = std::env::current_exe().and_then(|path| path.canonicalize());
    let command = command.context("where is this command?")?;
    let folder = command.parent().unwrap_or(Path::new("/"));
    let places = [folder.join(RUNTIME), folder.join("../lib").join(RUNTIME)];
    let found = places.iter().find(|path| path.is_file());
    found.cloned().with_context(|| {
        format!(
            "the runtime is not there: {} (`./x build` makes it; --runtime names another place)",
            places[0].display()
        )
    })
}

/// Links all with the system's C compiler.
fn link(objects: &[PathBuf], runtime: &Path, out: &Path, strip: bool) -> Result<()> {
    let mut cc = Command::new("cc");
    // At a fixed address nothing is left to be relocated when the program starts.
    cc.args(["-no-pie", "-Wl,--gc-sections", "-Wl,-z,noexecstack", "-o"]);
    cc.arg(out);
    if strip {
        cc.arg("-s");
    }
    for symbol in EXPORTS.lines() {
        cc.arg(format!("-Wl,-u,{symbol},--export-dynamic-symbol={symbol}"));
    }
    cc.args(objects).arg(runtime).args(SYSTEM_LIBRARIES);
    let done = cc.output();
    let done = done.context("cannot run `cc`; `./x setup` installs it (Debian's package gcc)")?;
    match done.status.success() {
        true => Ok(()),
        false => bail!("cc failed: {}", String::from_utf8_lossy(&done.stderr)),
    }
}

/// A folder beside the executable for what it is linked from; it goes when this goes.
struct Parts(PathBuf);

impl Parts {
    fn new(out: &Path) -> Result<Parts> {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(format!(".parts-{}", std::process::id()));
        let folder = out.with_file_name(name);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Parts(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
