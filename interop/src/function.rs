//! Types of C functions.

use crate::layout::Layout;
use crate::layout::text::{Reader, TextError};
use isthmus_runtime_abi::target::Arch;
use std::fmt;

/// The type of a C function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// Parameters. Arrays are passed by address in C, so none is an array.
    pub params: Vec<Layout>,
    /// Result; `None`: void.
    pub ret: Option<Layout>,
    /// Number of parameters before the `...` of a variadic function.
    pub fixed: Option<usize>,
}

impl Function {
    /// Reads a function's type: `(i32, struct { f32 x; }, ...) -> i64`; arguments after `...` are variadic.
    pub fn parse(text: &str, arch: Arch) -> Result<Function, TextError> {
        let mut r = Reader::new(text, arch);
        let mut f = Function {
            params: Vec::new(),
            ret: None,
            fixed: None,
        };
        r.expect("(")?;
        let mut first = true;
        while !r.take(")") {
            if !first {
                r.expect(",")?;
            }
            first = false;
            if f.fixed.is_none() && r.take("...") {
                f.fixed = Some(f.params.len());
            } else {
                let layout = r.layout()?;
                if matches!(layout, Layout::Array(..)) {
                    return r.error("a type that C passes by value");
                }
                f.params.push(layout);
            }
        }
        if r.take("->") {
            f.ret = Some(r.layout()?);
        }
        r.end()?;
        Ok(f)
    }

    /// Its text, which [`Function::parse`] reads for the same architecture.
    pub fn text(&self, arch: Arch) -> Text<'_> {
        Text {
            function: self,
            arch,
        }
    }
}

/// A function's type to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    function: &'a Function,
    arch: Arch,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        for (i, param) in self.function.params.iter().enumerate() {
            if self.function.fixed == Some(i) {
                parts.push("...".to_owned());
            }
            parts.push(param.text(self.arch).to_string());
        }
        if self.function.fixed == Some(self.function.params.len()) {
            parts.push("...".to_owned());
        }
        write!(f, "({})", parts.join(", "))?;
        match &self.function.ret {
            Some(ret) => write!(f, " -> {}", ret.text(self.arch)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() {
        for text in [
            "()",
            "(i32, struct { f32 x; }) -> ptr",
            "(ptr, ..., f64)",
            "(ptr, ...) -> i32",
        ] {
            let function = Function::parse(text, Arch::X64).unwrap();
            assert_eq!(function.text(Arch::X64).to_string(), text);
        }
        assert!(Function::parse("([2 x i8])", Arch::X64).is_err());
        assert!(Function::parse("(i8", Arch::X64).is_err());
    }
}
