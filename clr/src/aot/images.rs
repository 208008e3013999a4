//! The images of this process.
//!
//! ```text
//!  Vm::ready_made(method) ─▶ name of the method ─▶ Image::find ─▶ unit ─▶ its words are filled ─▶ ImageCode
//! ```
//!
//! An image is looked for when code of its assembly is first asked for: among those that are linked into the executable
//! ([`set_linked`]), then as a file ([`files`]). Words are filled when the first unit that needs them is; they keep their values. Where
//! something does not fit, the method is compiled as if there were no image, and the reason is counted.

use super::names::{Reader, Writer};
use super::{files, modules, slots};
use crate::types::system::{Assembly, types};
use crate::types::{Method, MethodKind, Type, TypeKey};
use crate::vm::tiers::Tier;
use crate::vm::{options, runtime, stats};
use isthmus_aot::format::Part;
use isthmus_aot::image::{Image, ImageError};
use isthmus_aot::names::{self, Id, Name};
use isthmus_rt::image::{ImageCode, ImageIds};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use thiserror::Error;

/// An image that code is run from.
#[derive(Debug)]
pub struct LoadedImage {
    image: Image<'static>,
    modules: Vec<&'static Assembly>,
    /// Ids of this process by number of the image, once known.
    ids: Box<[AtomicU32]>,
    /// For each owner of slots whether they mean the same here, once somebody has asked.
    slots: Box<[OnceLock<bool>]>,
}

/// Why an image or a method of it is not used.
#[derive(Debug, Error)]
pub enum LoadedError {
    /// The file cannot be mapped, or is no image.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The data are damaged.
    #[error("{0}")]
    Image(#[from] ImageError),
    /// A name means nothing here.
    #[error("{0}")]
    Name(#[from] names::NameError),
    /// Something has no address.
    #[error("{0}")]
    Unresolved(String),
    /// Slots of generic contexts were numbered otherwise.
    #[error("its look-ups in generic contexts are numbered otherwise")]
    Slots,
}

impl LoadedError {
    /// Something is wrong with a file.
    pub fn of_file(path: &Path, reason: String) -> LoadedError {
        LoadedError::File {
            path: path.display().to_string(),
            reason,
        }
    }
}

type Result<T> = std::result::Result<T, LoadedError>;

/// Code for a method from an image, every word that it needs filled.
pub fn ready_made(m: &'static Method) -> Option<ImageCode> {
    if !are_used() || m.code() != m {
        return None;
    }
    for image in all() {
        match image
            .find(m)
            .and_then(|unit| unit.map(|n| image.code(n)).transpose())
        {
            Ok(Some(code)) => {
                stats().from_image();
                return Some(code);
            }
            Ok(None) => {}
            Err(error) => stats().refused(&m.full_name(), &error.to_string()),
        }
    }
    None
}

/// Whether an image has code for a method.
pub fn have(m: &'static Method) -> bool {
    are_used() && all().any(|image| image.find(m).is_ok_and(|unit| unit.is_some()))
}

/// Whether code comes from images at all: it allocates in place, and is not what somebody wants to see who asks for the one-pass compiler.
fn are_used() -> bool {
    let options = options();
    !options.no_images && !options.gc_stress && options.tier != Tier::Baseline
}

/// The images of the assemblies that are loaded.
fn all() -> impl Iterator<Item = &'static LoadedImage> {
    types().assemblies().into_iter().filter_map(of_assembly)
}

/// Why no image has code for a method, in words.
pub fn absence(m: &'static Method) -> &'static str {
    let image = m.assembly().and_then(of_assembly);
    // Code that all instances share is in the image of its own assembly.
    let args = || m.owner.args.iter().chain(&m.args);
    let stands_for_many =
        |t: &&'static Type| matches!(t.key, TypeKey::SharedVar(_) | TypeKey::SharedMVar(_));
    match m.kind {
        MethodKind::Dynamic(_) => "it is a dynamic method",
        MethodKind::Thunk(_) => "native code asks for it by name",
        MethodKind::Callback(_) | MethodKind::OverPointer(_) => {
            "no image foresaw these delegates and function pointers"
        }
        MethodKind::CallSite(_) => "no image has a call of native code like this",
        _ if m.owner.element().is_some() || !args().all(stands_for_many) => {
            "no image has this instance"
        }
        _ if image.is_some() => "the image of its assembly lacks it",
        _ => "its assembly has no image",
    }
}

/// The image of an assembly, looked for the first time that this is called.
fn of_assembly(assembly: &'static Assembly) -> Option<&'static LoadedImage> {
    *assembly.runtime.image.get_or_init(|| {
        let opened = match linked(assembly) {
            Some(image) => adopt(image, assembly),
            None => {
                let path = files::find(assembly)?;
                let image = files::open(&path).and_then(|image| adopt(image, assembly));
                image.map_err(|e| match e {
                    LoadedError::File { .. } => e,
                    other => LoadedError::of_file(&path, other.to_string()),
                })
            }
        };
        match opened {
            Ok(image) => Some(Box::leak(Box::new(image))),
            Err(error) => {
                stats().refused(&assembly.name, &error.to_string());
                None
            }
        }
    })
}

/// The images of this executable.
static LINKED: OnceLock<Vec<Image<'static>>> = OnceLock::new();

/// Says which images are part of this executable, by their headers. Those that are of another build are left out.
///
/// # Safety
/// The headers, and text and words where they say, were linked from images, and nobody else uses them.
pub unsafe fn set_linked(headers: impl Iterator<Item = *const u8>) {
    let arch = Arch::host().unwrap_or(Arch::X64);
    // SAFETY: as the caller says.
    let images = headers.map(|header| unsafe { Image::at(header, arch) });
    let images = images.filter_map(|image| {
        let reason = image.as_ref().err().map(ImageError::to_string);
        reason.inspect(|reason| stats().refused("an image of this executable", reason));
        image.ok()
    });
    let _ = LINKED.set(images.collect());
}

/// The image of an assembly that is part of this executable.
fn linked(assembly: &Assembly) -> Option<Image<'static>> {
    let mut images = LINKED.get()?.iter();
    let image = images.find(|i| modules::own_name(i.part(Part::Vm)) == Some(&assembly.name));
    image.copied()
}

/// Checks that an image in memory is one of this assembly, and registers its text.
fn adopt(image: Image<'static>, assembly: &'static Assembly) -> Result<LoadedImage> {
    image.check_features(options().features())?;
    let modules = modules::resolve(image.part(Part::Vm), assembly);
    let modules = modules.map_err(LoadedError::Unresolved)?;
    // SAFETY: the text of a mapped file, which stays mapped.
    let added = unsafe { runtime().add_image(image.text()) };
    added.map_err(|e| LoadedError::Unresolved(e.to_string()))?;
    Ok(LoadedImage {
        ids: (0..image.id_count()).map(|_| AtomicU32::new(0)).collect(),
        slots: (0..image.owner_count()).map(|_| OnceLock::new()).collect(),
        image,
        modules,
    })
}

impl LoadedImage {
    fn read(&self, name: &[u8]) -> Result<Name> {
        let modules = &self.modules;
        Ok(names::read(&Reader { modules }, name)?)
    }

    /// The unit of a method.
    fn find(&self, m: &'static Method) -> Result<Option<u32>> {
        let number = |assembly: u32| {
            let found = self.modules.iter().position(|a| a.index == assembly);
            found.map(|n| n as u32)
        };
        // A method that cannot be named with the modules of the image is not in it.
        match names::write(&mut Writer { number }, Name::Id(Id::Method(m.id))) {
            Ok(name) => Ok(self.image.find(&name)?),
            Err(_) => Ok(None),
        }
    }

    /// The code of a unit and its filters, ready to run.
    fn code(&'static self, n: u32) -> Result<ImageCode> {
        let unit = self.image.unit(n)?;
        for owner in self.image.contexts(n)? {
            let place = &self.slots[owner as usize];
            let fits = match place.get() {
                Some(&fits) => fits,
                None => {
                    let fits = self.adopt_slots(owner)?;
                    *place.get_or_init(|| fits)
                }
            };
            if !fits {
                return Err(LoadedError::Slots);
            }
        }
        for word in self.image.fixups(n)? {
            self.fill(word)?;
        }
        let filters = unit.filters..unit.filters + unit.filter_count;
        Ok(ImageCode {
            base: self.image.text().start + unit.text as usize,
            table: self.image.table(n)?,
            ids: self,
            filters: filters.map(|f| self.code(f)).collect::<Result<_>>()?,
        })
    }

    /// Fills a word.
    fn fill(&'static self, n: u32) -> Result<()> {
        let word = self.image.word(n).ok_or(ImageError::Damaged("word"))?;
        if word.load(Ordering::Acquire) != 0 {
            return Ok(());
        }
        match self.read(self.image.word_name(n)?)? {
            Name::Symbol(Symbol::MethodCell(m)) => {
                // SAFETY: the image stays mapped, and code calls through the word.
                unsafe { runtime().lead_cell(m, word) };
            }
            Name::Symbol(symbol) => {
                let value = runtime().resolve(symbol);
                let value = value.map_err(|e| LoadedError::Unresolved(e.to_string()))?;
                word.store(value as usize, Ordering::Release);
            }
            Name::Id(_) => return Err(ImageError::Damaged("word").into()),
        }
        Ok(())
    }

    /// Makes an owner's slots mean what they mean in the image. `false`: they mean something else already.
    fn adopt_slots(&self, owner: u32) -> Result<bool> {
        let (owner, words) = self.image.slots(owner)?;
        let Name::Id(owner) = self.read(self.image.id_name(owner)?)? else {
            return Err(ImageError::Damaged("slots").into());
        };
        let mut symbols = Vec::with_capacity(words.len());
        for word in words {
            match self.read(self.image.word_name(word)?)? {
                Name::Symbol(symbol) => symbols.push(symbol),
                Name::Id(_) => return Err(ImageError::Damaged("slots").into()),
            }
        }
        Ok(slots::adopt(owner, &symbols))
    }

    /// The raw id behind a number of the tables.
    fn id(&self, number: usize) -> Option<Id> {
        let name = self.image.id_name(u32::try_from(number).ok()?).ok()?;
        match self.read(name).ok()? {
            Name::Id(id) => Some(id),
            Name::Symbol(_) => None,
        }
    }

    fn known<T>(
        &self,
        number: usize,
        from_raw: impl Fn(u32) -> Option<T>,
        read: impl FnOnce(Id) -> Option<u32>,
    ) -> Option<T> {
        let place = self.ids.get(number)?;
        let known = from_raw(place.load(Ordering::Acquire));
        known.or_else(|| {
            let raw = read(self.id(number)?)?;
            place.store(raw, Ordering::Release);
            from_raw(raw)
        })
    }
}

impl ImageIds for LoadedImage {
    fn method(&self, number: MethodId) -> Option<MethodId> {
        self.known(number.index(), MethodId::from_raw, |id| match id {
            Id::Method(m) => Some(m.raw()),
            _ => None,
        })
    }

    fn ty(&self, number: TypeId) -> Option<TypeId> {
        self.known(number.index(), TypeId::from_raw, |id| match id {
            Id::Type(t) => Some(t.raw()),
            _ => None,
        })
    }
}
