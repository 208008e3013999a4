//! Method records: what is permanent about a method while its code changes.
//!
//! ```text
//!  callers ─ call [cell] ─▶ cell ─▶ prestub | code of the newest version
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
    /// What the cell holds at first.
    pub(crate) prestub: usize,
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
        self.cell_word().store(code.base, Ordering::Release);
        for &slot in &state.slots {
            // SAFETY: words of vtables and images, which live as long as the process.
            unsafe { AtomicUsize::from_ptr(slot as *mut usize) }
                .store(code.base, Ordering::Release);
        }
    }

    /// Forgets a version other than the newest.
    pub(crate) fn forget(&self, code: usize) {
        let mut state = self.state.lock();
        if state.versions.last() != Some(&code) {
            state.versions.retain(|&v| v != code);
        }
    }

    /// Lets a vtable word lead to the newest version, now and later. `None` if there is no code yet.
    ///
    /// # Safety
    /// `slot` is the address of a code word of a vtable that lives as long as the process.
    pub(crate) unsafe fn add_slot(&self, slot: usize) -> Option<usize> {
        let mut state = self.state.lock();
        let code = *state.versions.last()?;
        // SAFETY: as the caller says.
        unsafe { AtomicUsize::from_ptr(slot as *mut usize) }.store(code, Ordering::Release);
        // Two threads may have come here for one slot: then it is listed twice, which does no harm.
        state.slots.push(slot);
        Some(code)
    }

    /// Lets a word lead to the newest version, now and later, and before there is one to where the cell leads.
    ///
    /// # Safety
    /// The word lives as long as the process.
    pub(crate) unsafe fn add_cell(&self, word: &'static AtomicUsize) {
        let mut state = self.state.lock();
        let code = state.versions.last().copied();
        word.store(code.unwrap_or(self.cell_value()), Ordering::Release);
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
