//! Golden disassembly of every form.
