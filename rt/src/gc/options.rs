//! What can be chosen about the heap.

use std::fmt;

/// Which collector runs behind the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Plan {
    /// Generational Immix: most collections look at new objects only. Needs the write barrier.
    #[default]
    StickyImmix,
    /// Immix: every collection looks at the whole heap. No barrier ever fires.
    Immix,
}

/// Settings of the heap. [`HeapOptions::default`] suits programs of any size; [`HeapOptions::apply`] reads the text form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeapOptions {
    /// The collector.
    pub plan: Plan,
    /// The heap is not collected before it has this many bytes (except on request).
    pub min_heap: usize,
    /// The heap never grows above this; beyond, allocation fails. 0: three quarters of the machine's memory.
    pub max_heap: usize,
    /// Bytes of new objects after which a nursery collection is made; `None`: when the heap's current size is reached.
    pub nursery: Option<usize>,
    /// Collector threads; 0: one for each processor, at most 8.
    pub threads: usize,
    /// Collect every so many allocations (each thread counts its own); 0: off. Allocation in place is off with it.
    pub stress: u32,
    /// Move objects as often as possible: every collection of the whole heap empties every block. For tests.
    pub move_always: bool,
}

impl Default for HeapOptions {
    fn default() -> HeapOptions {
        HeapOptions {
            plan: Plan::StickyImmix,
            min_heap: 64 << 20,
            max_heap: 0,
            nursery: None,
            threads: 0,
            stress: 0,
            move_always: false,
        }
    }
}

/// A setting that was not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptionError {
    /// The setting as written.
    pub setting: String,
    /// What was expected.
    pub expected: &'static str,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "heap option `{}`: {}", self.setting, self.expected)
    }
}

impl std::error::Error for OptionError {}

impl HeapOptions {
    /// Applies settings in text form: `name=value` separated by commas, for example `max=512m,plan=immix,threads=2`.
    /// Names: `plan` (`sticky`, `immix`), `min`, `max`, `nursery` (bytes with `k`, `m`, `g`), `threads`, `stress`,
    /// `move` (`always`, `normal`).
    pub fn apply(&mut self, text: &str) -> Result<(), OptionError> {
        for setting in text.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            self.apply_one(setting).map_err(|expected| OptionError {
                setting: setting.to_string(),
                expected,
            })?;
        }
        Ok(())
    }

    fn apply_one(&mut self, setting: &str) -> Result<(), &'static str> {
        let (name, value) = setting.split_once('=').ok_or("expected name=value")?;
        let size = || parse_size(value).ok_or("expected a number of bytes, like 64m");
        let number = || value.parse::<u32>().map_err(|_| "expected a number");
        match name {
            "plan" => {
                self.plan = match value {
                    "sticky" => Plan::StickyImmix,
                    "immix" => Plan::Immix,
                    _ => return Err("expected sticky or immix"),
                }
            }
            "min" => self.min_heap = size()?,
            "max" => self.max_heap = size()?,
            "nursery" => self.nursery = Some(size()?),
            "threads" => self.threads = number()? as usize,
            "stress" => self.stress = number()?,
            "move" => {
                self.move_always = match value {
                    "always" => true,
                    "normal" => false,
                    _ => return Err("expected always or normal"),
                }
            }
            _ => return Err("expected plan, min, max, nursery, threads, stress or move"),
        }
        Ok(())
    }

    /// The highest heap size with defaults filled in, at least 8 MiB.
    pub(crate) fn effective_max(&self) -> usize {
        let max = match self.max_heap {
            0 => physical_memory() / 4 * 3,
            n => n,
        };
        max.max(8 << 20)
    }

    /// The lowest heap size, not above the highest.
    pub(crate) fn effective_min(&self) -> usize {
        self.min_heap.clamp(4 << 20, self.effective_max())
    }

    /// Number of collector threads with the default filled in.
    pub(crate) fn effective_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism()
                .map_or(1, |n| n.get())
                .min(8),
            n => n.min(64),
        }
    }
}

/// `64`, `64k`, `64m`, `64g` in bytes.
fn parse_size(text: &str) -> Option<usize> {
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let n: usize = digits.parse().ok()?;
    n.checked_mul(1 << shift)
}

/// Bytes of memory of this machine.
fn physical_memory() -> usize {
    // SAFETY: sysconf has no preconditions.
    let (pages, page) = unsafe {
        (
            libc::sysconf(libc::_SC_PHYS_PAGES),
            libc::sysconf(libc::_SC_PAGESIZE),
        )
    };
    if pages <= 0 || page <= 0 {
        return 1 << 30;
    }
    (pages as usize).saturating_mul(page as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let mut o = HeapOptions::default();
        o.apply("plan=immix, min=8m,max=2g,nursery=512k,threads=3,stress=10,move=always")
            .unwrap();
        assert_eq!(
            o,
            HeapOptions {
                plan: Plan::Immix,
                min_heap: 8 << 20,
                max_heap: 2 << 30,
                nursery: Some(512 << 10),
                threads: 3,
                stress: 10,
                move_always: true,
            }
        );
        o.apply("").unwrap();
    }

    #[test]
    fn wrong_settings_are_errors() {
        for text in [
            "min",
            "min=",
            "min=x",
            "min=1t",
            "max=99999999999999999999g",
            "plan=copy",
            "threads=-1",
            "colour=red",
            "move=maybe",
            "max=é",
        ] {
            let e = HeapOptions::default().apply(text).unwrap_err();
            assert!(e.to_string().contains(text), "{e}");
        }
    }

    #[test]
    fn bounds_are_ordered() {
        let mut o = HeapOptions::default();
        o.apply("min=1g,max=16m").unwrap();
        assert_eq!(o.effective_min(), 16 << 20);
        assert_eq!(o.effective_max(), 16 << 20);
        assert!(HeapOptions::default().effective_threads() >= 1);
    }
}
