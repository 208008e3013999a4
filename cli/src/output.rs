//! What the command prints.
//!
//! Everything for standard output goes through [`out!`], [`outln!`] or [`Output`]. When whoever reads it has gone (`isthmus coverage ... | head`), the command
//! ends without a word, with the exit code of a process that SIGPIPE ends; when it cannot be written for another reason (the disk is full), with a message.
//! Messages on standard error go through [`isthmus_rt::report!`], which does without them if nobody can see them.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// 128 + SIGPIPE.
const READER_GONE: i32 = 141;

/// Prints to standard output.
macro_rules! out {
    ($($arg:tt)*) => { $crate::output::print(format_args!($($arg)*)) };
}

/// Prints a line to standard output.
macro_rules! outln {
    ($($arg:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($arg)*))) };
}

pub(crate) use {out, outln};

/// Prints to standard output.
pub fn print(text: Arguments<'_>) {
    checked(io::stdout().write_fmt(text));
}

/// Prints what is still held back. Called at the end.
pub fn flush() {
    checked(io::stdout().flush());
}

fn checked(result: io::Result<()>) {
    let Err(error) = result else { return };
    let code = match error.kind() {
        ErrorKind::BrokenPipe => READER_GONE,
        _ => {
            isthmus_rt::report!("isthmus: cannot print: {error}");
            1
        }
    };
    std::process::exit(code)
}

/// Standard output as a writer that does not fail.
pub struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        checked(io::stdout().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        flush();
        Ok(())
    }
}
