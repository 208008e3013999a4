//! Assemblies that were looked for and not found, for whoever can ask the program for them.
//!
//! Types are loaded from everywhere: with locks held, and on threads that run no managed code. Handlers of `AppDomain.AssemblyResolve` are
//! managed code. So an assembly that is not found is an error at first, which nothing keeps ([`keep`]), and it is noted here. Whoever began
//! the work and may run managed code takes the notes, asks the handlers, settles the references, and does the work again
//! (`crate::vm::references`).
//!
//! ```text
//!   compile a method ─▶ tokens, layouts, … ─▶ AssemblyRef 3: not found ──▶ note, error
//!         ▲                                                                  │
//!         └── again ◀── AssemblyRef 3 is that assembly, or an error for good ◀── handlers
//! ```

use super::error::Result;
use super::system::Assembly;
use std::cell::RefCell;
use std::sync::OnceLock;

/// An assembly that was not found.
#[derive(Clone, PartialEq, Debug)]
pub enum Missing {
    /// That of an AssemblyRef row: the assembly that has the row, by index, and the row's number.
    Reference(u32, u32),
    /// That of a display name, which nobody in particular refers to.
    Name(String),
}

#[derive(Default)]
struct Notes {
    list: Vec<Missing>,
    /// How often anything was noted.
    count: u64,
}

thread_local! {
    static NOTES: RefCell<Notes> = RefCell::default();
}

/// Notes what was not found.
pub fn note(missing: Missing) {
    NOTES.with_borrow_mut(|notes| {
        notes.count += 1;
        if !notes.list.contains(&missing) {
            notes.list.push(missing);
        }
    });
}

/// Takes this thread's notes.
pub fn take() -> Vec<Missing> {
    NOTES.with_borrow_mut(|notes| std::mem::take(&mut notes.list))
}

/// How often this thread has noted anything. Work that leaves the number as it is has found all that it needs, or has met errors that stay.
pub fn count() -> u64 {
    NOTES.with_borrow(|notes| notes.count)
}

/// A value computed once, unless what it needs is missing: then it is computed again the next time.
pub fn keep<T>(cell: &OnceLock<Result<T>>, compute: impl FnOnce() -> Result<T>) -> Result<&T> {
    let known = match cell.get() {
        Some(known) => known,
        None => {
            let made = compute();
            if let Err(e) = &made
                && !e.stays()
            {
                return Err(e.clone());
            }
            cell.get_or_init(|| made)
        }
    };
    known.as_ref().map_err(Clone::clone)
}

impl Assembly {
    /// Says for good what an AssemblyRef row means, unless that is known.
    pub fn settle(&self, row: u32, meaning: Result<&'static Assembly>) {
        if let Some(cell) = self.assembly_refs.get(row.wrapping_sub(1) as usize) {
            let _ = cell.set(meaning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{LoadError, LoadErrorKind};

    #[test]
    fn only_what_is_missing_is_looked_for_again() {
        let (missing, bad) = (OnceLock::new(), OnceLock::new());
        let error = |kind| Err(LoadError::new(kind, "no"));
        assert!(keep(&missing, || error(LoadErrorKind::FileNotFound)).is_err());
        assert_eq!(keep(&missing, || Ok(1)).ok(), Some(&1));
        assert_eq!(keep(&missing, || Ok(2)).ok(), Some(&1));
        assert!(keep(&bad, || error(LoadErrorKind::BadImage)).is_err());
        assert!(keep(&bad, || Ok(1)).is_err());
    }

    #[test]
    fn notes_are_taken_once() {
        let before = count();
        let first = Missing::Reference(1, 2);
        note(first.clone());
        note(first.clone());
        note(Missing::Name("x".into()));
        assert_eq!(take(), [first, Missing::Name("x".into())]);
        assert_eq!(take(), []);
        assert_eq!(count() - before, 3);
    }
}
