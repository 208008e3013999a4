//! Progress bars.

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error if that is a terminal, else nothing.
pub fn bar(steps: usize, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:40}] {pos}/{len} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps as u64)
        .with_style(style.progress_chars("=> "))
        .with_prefix(what.to_owned())
}
