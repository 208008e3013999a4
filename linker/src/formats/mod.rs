//! Where graphs come from.
//!
//! | module | source |
//! | --- | --- |
//! | [`elf`] | relocatable ELF objects, as `gcc -c` and `clang -c` make them |
//! | [`archive`] | archives of such objects |
//! | [`method`] | what our compilers make |

pub mod archive;
pub mod elf;
pub mod method;
