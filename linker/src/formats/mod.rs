//! Where graphs come from.
//!
//! | module | source |
//! | --- | --- |
//! | [`elf`] | relocatable ELF objects, as `gcc -c` and `clang -c` make them |
//! | [`method`] | what our compilers make |

pub mod elf;
pub mod method;
