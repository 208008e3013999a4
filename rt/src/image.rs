//! Code that lies in a mapped image: it was compiled ahead of time, and runs where it is.
//!
//! ```text
//!  first call ─▶ Vm::ready_made ─▶ ImageCode ─▶ Runtime::adopt: registered (CodeMap region of the image), published
//! ```
//!
//! Where the runtime tiers, the method's prestub stays in front of the code and counts its calls ([`crate::tiers`]).
//!
//! Such code refers to everything outside through words of the image, which the VM has filled by then: with addresses
//! ([`Runtime::resolve`]), or, for calls of methods, with cells that follow the method's versions ([`Runtime::lead_cell`]).
//! In its tables methods and types are numbers of the image; [`ImageIds`] knows them.

use crate::methods::MethodRecord;
use crate::registry::{Code, RegisterError};
use crate::runtime::{InstallError, Runtime};
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;

/// What the numbers in the tables of an image mean.
pub trait ImageIds: Debug + Send + Sync {
    /// The method with this number.
    fn method(&self, number: MethodId) -> Option<MethodId>;
    /// The type with this number. Asked while an exception is dispatched: it may load.
    fn ty(&self, number: TypeId) -> Option<TypeId>;
}

/// Code of a method or a filter in an image.
#[derive(Debug)]
pub struct ImageCode {
    /// Address of the first byte, a multiple of 16.
    pub base: usize,
    /// Its unwind and handler table.
    pub table: &'static [u8],
    /// What the numbers in it mean.
    pub ids: &'static dyn ImageIds,
    /// The code of its filters, by number.
    pub filters: Vec<ImageCode>,
}

impl Runtime {
    /// Says that code may be adopted from these addresses.
    ///
    /// # Safety
    /// They are mapped, executable, and stay so.
    pub unsafe fn add_image(&self, text: Range<usize>) -> Result<(), InstallError> {
        Ok(self.code_map().add_region(text)?)
    }

    /// Makes code of an image the newest version of a method, unless it is already: filling its words may have run it.
    pub(crate) fn adopt(
        &self,
        record: &MethodRecord,
        image: &ImageCode,
    ) -> Result<(), InstallError> {
        if record.newest() == Some(image.base) {
            return Ok(());
        }
        let code = self.adopt_part(record.id, image)?;
        record.publish_image(code);
        Ok(())
    }

    fn adopt_part(&self, method: MethodId, image: &ImageCode) -> Result<&Code, RegisterError> {
        let filters = image.filters.iter();
        let filters = filters
            .map(|filter| Ok(self.adopt_part(method, filter)?.base))
            .collect::<Result<Box<[usize]>, RegisterError>>()?;
        let code = Code::of_image(method, image, filters, self.arch())?;
        self.map_for_profilers(code.symbol, code.tier(), code.base, code.len);
        self.code_map().add(code)
    }

    /// Lets a word of an image lead to the newest code of a method, now and later, as the method's own cell does.
    ///
    /// # Safety
    /// The word lives as long as the process, and only callers of the method read it.
    pub unsafe fn lead_cell(&self, method: MethodId, word: &'static AtomicUsize) {
        // SAFETY: as the caller says.
        unsafe { self.method(method).add_cell(word) };
    }
}
