//! Method records: what is permanent about a method while its code changes.
//!
//! ```text
//!  callers ─ call [cell] ─▶ cell ─▶ prestub | code of the newest version | prestub that counts ─▶ code of an image
//!  function pointers ─────▶ entry stub: jmp [cell]        vtable slots ─▶ code, patched with each version
//! ```

use crate::memory::LazyArray;
use crate::registry::Code;
use crate::tiers::Progress;
use isthmus_runtime_abi::ids::MethodId;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Most methods that a process can have.
const CAPACITY: usize = 1 << 24;

/// A method's permanent record.
#[derive(Debug)]
pub struct MethodRecord {
    /// The method.
    pub id: MethodId,
    /// Address of the data word that callers go through.
    pub cell: usize,
    /// Address of the data word that counts calls and loops (see [`crate::tiers`]).
    pub counter: usize,
    /// What the cell holds at first, and while the prestub counts calls of code of an image.
    pub(crate) prestub: usize,
    /// Address of the data word that a counting prestub goes through; `None`: it does not count.
    pub(crate) image_word: Option<usize>,
    /// The entry stub, once somebody has asked for it.
    pub(crate) entry: OnceLock<usize>,
    pub(crate) state: Mutex<Versions>,
    /// Signalled when a compilation has ended.
    pub(crate) compiled: Condvar,
    pub(crate) progress: Mutex<Progress>,
}

/// The changing part.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// Code, oldest first. Versions are never removed while this record lists them.
    pub(crate) versions: Vec<usize>,
    /// Words of vtables and images that hold the newest version's address.
    slots: Vec<usize>,
    /// The thread that compiles the first version, by address.
    pub(crate) compiling: Option<usize>,
}

impl MethodRecord {
    /// Address of the newest code.
    pub fn newest(&self) -> Option<usize> {
        self.state.lock().versions.last().copied()
    }

    /// Number of versions installed.
    pub fn version_count(&self) -> usize {
        self.state.lock().versions.len()
    }

    /// The cell.
    fn cell_word(&self) -> &AtomicUsize {
        // SAFETY: a word of code memory's data part, which belongs to this record for good.
        unsafe { AtomicUsize::from_ptr(self.cell as *mut usize) }
    }

    /// What the cell holds.
    pub fn cell_value(&self) -> usize {
        self.cell_word().load(Ordering::Acquire)
    }

    /// Makes `code` the newest version: cell and slots lead there from now on.
    pub(crate) fn publish(&self, code: &Code) {
        let mut state = self.state.lock();
        state.versions.push(code.base);
        self.lead(&state, code.base);
    }

    /// Makes code of an image the newest version: cell and slots lead there, through the prestub if that counts.
    pub(crate) fn publish_image(&self, code: &Code) {
        let mut state = self.state.lock();
        state.versions.push(code.base);
        let to = match self.image_word {
            Some(word) => {
                // SAFETY: a word of code memory's data part, which belongs to this record for good.
                unsafe { AtomicUsize::from_ptr(word as *mut usize) }
                    .store(code.base, Ordering::Release);
                self.prestub
            }
            None => code.base,
        };
        self.lead(&state, to);
    }

    /// Whether calls of the newest version are counted by the prestub.
    pub(crate) fn is_counted(&self) -> bool {
        self.cell_value() == self.prestub && self.newest().is_some()
    }

    /// Lets calls go to the newest version without being counted.
    pub(crate) fn stop_counting(&self) {
        let state = self.state.lock();
        if let Some(&code) = state.versions.last() {
            self.lead(&state, code);
        }
    }

    /// Lets cell and slots lead to an address.
    fn lead(&self, state: &Versions, to: usize) {
        self.cell_word().store(to, Ordering::Release);
        for &slot in &state.slots {
            // SAFETY: words of vtables and images, which live as long as the process.
            unsafe { AtomicUsize::from_ptr(slot as *mut usize) }.store(to, Ordering::Release);
        }
    }

    /// Forgets a version other than the newest.
    pub(crate) fn forget(&self, code: usize) {
        let mut state = self.state.lock();
        if state.versions.last() != Some(&code) {
            state.versions.retain(|&v| v != code);
        }
    }

    /// Lets a vtable word lead where the cell leads, now and later. `None` if there is no code yet.
    ///
    /// # Safety
    /// `slot` is the address of a code word of a vtable that lives as long as the process.
    pub(crate) unsafe fn add_slot(&self, slot: usize) -> Option<usize> {
        let mut state = self.state.lock();
        state.versions.last()?;
        let to = self.cell_value();
        // SAFETY: as the caller says.
        unsafe { AtomicUsize::from_ptr(slot as *mut usize) }.store(to, Ordering::Release);
        // Two threads may have come here for one slot: then it is listed twice, which does no harm.
        state.slots.push(slot);
        Some(to)
    }

    /// Lets a word lead where the cell leads, now and later.
    ///
    /// # Safety
    /// The word lives as long as the process.
    pub(crate) unsafe fn add_cell(&self, word: &'static AtomicUsize) {
        let mut state = self.state.lock();
        word.store(self.cell_value(), Ordering::Release);
        state.slots.push(std::ptr::from_ref(word) as usize);
    }
}

/// The records of all methods, by id.
#[derive(Debug)]
pub(crate) struct Methods {
    records: LazyArray<AtomicPtr<MethodRecord>>,
    making: Mutex<()>,
}

impl Methods {
    pub(crate) fn new() -> io::Result<Methods> {
        Ok(Methods {
            records: LazyArray::new(CAPACITY)?,
            making: Mutex::new(()),
        })
    }

    /// The record of a method, if it has one.
    pub(crate) fn get(&self, id: MethodId) -> Option<&MethodRecord> {
        let record = self.records.get(id.index())?.load(Ordering::Acquire);
        // SAFETY: null, or a record that is never freed before the table.
        unsafe { record.as_ref() }
    }

    /// The record of a method; `make` is called if there is none. Making may resolve other symbols, but not those of the
    /// same method.
    pub(crate) fn get_or_make<E>(
        &self,
        id: MethodId,
        make: impl FnOnce() -> Result<MethodRecord, E>,
    ) -> Result<Option<&MethodRecord>, E> {
        if let Some(record) = self.get(id) {
            return Ok(Some(record));
        }
        let _making = self.making.lock();
        if self.get(id).is_none() {
            let Some(slot) = self.records.get(id.index()) else {
                return Ok(None);
            };
            slot.store(Box::into_raw(Box::new(make()?)), Ordering::Release);
        }
        Ok(self.get(id))
    }
}
