//! The rules, as a table: name, section of ECMA-335 (6th edition), what is asked for.

/// Whether breaking a rule makes code incorrect, or correct but not provably safe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The program is not valid.
    Invalid,
    /// The program may be valid, but nothing proves that it is type safe.
    Unverifiable,
}

macro_rules! rules {
    ($($variant:ident, $name:literal, $severity:ident, $section:literal, $text:literal;)*) => {
        /// A rule that code or metadata can break.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[allow(missing_docs)] // the table says it
        pub enum Rule { $($variant),* }

        impl Rule {
            /// All rules in order of the table.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant),*];

            /// Short name, for reports and tests.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$variant => $name),* }
            }

            /// Section of ECMA-335.
            pub fn section(self) -> &'static str {
                match self { $(Rule::$variant => $section),* }
            }

            /// What the rule asks for.
            pub fn text(self) -> &'static str {
                match self { $(Rule::$variant => $text),* }
            }

            /// What breaking it means.
            pub fn severity(self) -> Severity {
                match self { $(Rule::$variant => Severity::$severity),* }
            }
        }
    };
}

rules! {
    // Bytes and structure of a body.
    Image, "image", Invalid, "II.24", "metadata can be read";
    Encoding, "encoding", Invalid, "III.1.2", "the code is a sequence of whole, known instructions";
    Prefix, "prefix", Invalid, "III.2", "prefixes stand before instructions that they are made for";
    Target, "target", Invalid, "III.1.2.2", "branches go to the first byte of an instruction or its prefix";
    FallOff, "fall-off", Invalid, "III.1.7.4", "control does not leave the method at the end of its code";
    Token, "token", Invalid, "III.1.9", "tokens name what exists and what the instruction takes";
    Variable, "variable", Invalid, "III.3.38", "arguments and local variables exist";
    Clauses, "clauses", Invalid, "II.19", "protected blocks, handlers and filters nest";

    // Flow of control.
    Region, "region", Invalid, "III.1.7.5", "control enters and leaves protected blocks, handlers and filters by their own instructions";
    EndFinally, "endfinally", Invalid, "III.3.35", "endfinally stands in a finally or fault handler";
    EndFilter, "endfilter", Invalid, "III.3.34", "endfilter is the last instruction of a filter, and only there";
    Rethrow, "rethrow", Invalid, "III.4.24", "rethrow stands in a catch handler";
    ReturnPlace, "return-place", Invalid, "III.3.57", "a method is not left from inside a protected block, handler or filter";

    // The stack.
    Underflow, "underflow", Invalid, "III.1.7.4", "instructions find as many values as they take";
    MaxStack, "max-stack", Invalid, "III.1.7.4", "the stack never holds more values than the method declares";
    Depth, "depth", Invalid, "III.1.7.5", "the stack has one depth at each instruction, and is empty where a protected block begins";
    Merge, "merge", Unverifiable, "III.1.8.1.3", "values that meet at an instruction have a common type";
    ReturnStack, "return-stack", Invalid, "III.3.57", "a method returns with its result, and nothing else, on the stack";
    Operand, "operand", Invalid, "III.1.5", "operators take numbers of types that go together";
    Assign, "assign", Unverifiable, "III.1.8.1.2.3", "a value is assignable to the type that its use asks for";

    // References and pointers.
    Object, "object", Unverifiable, "III.4", "instructions on objects take references of a class that has what they name";
    Array, "array", Unverifiable, "III.4.7", "array instructions take arrays whose elements they are made for";
    ManagedPointer, "managed-pointer", Unverifiable, "III.1.8.1.2.2", "memory is reached through managed pointers to the type that is accessed";
    UnmanagedPointer, "unmanaged-pointer", Unverifiable, "III.1.8.1.1", "code does not use unmanaged pointers or blocks of memory";
    PointerArithmetic, "pointer-arithmetic", Unverifiable, "III.1.5", "managed pointers are not computed with";
    ReadOnly, "readonly", Unverifiable, "III.1.8.1.2.2", "nothing is written through a controlled-mutability pointer";
    Escape, "escape", Unverifiable, "III.1.8.1.1", "no pointer to a local variable or argument outlives the method";
    ByRefLike, "byref-like", Invalid, "I.8.2.1.1", "managed pointers, typed references and their like are not boxed, stored in fields, arrays or generic arguments";
    InitLocals, "init-locals", Unverifiable, "III.1.8.1.1", "methods with local variables zero them";
    ThisUninitialized, "this-uninitialized", Unverifiable, "III.1.8.1.4", "a constructor calls another of its class or of its base class before it uses or returns the object";

    // Members and calls.
    Member, "member", Invalid, "III.4", "fields and methods are used as static or instance members, as they are";
    InitOnly, "init-only", Unverifiable, "II.16.1.2", "init-only fields are written in constructors only";
    Access, "access", Unverifiable, "I.8.5.3", "code uses the types and members only that it may see";
    Abstract, "abstract", Invalid, "III.3.19", "abstract methods are not called directly, abstract classes have no instances";
    NonVirtualCall, "non-virtual-call", Unverifiable, "III.3.19", "virtual methods are called directly on `this` only, or where nothing can override them";
    Constrained, "constrained", Unverifiable, "III.2.1", "constrained calls take a managed pointer to the type of the prefix";
    TailCall, "tail", Unverifiable, "III.2.4", "tail calls pass no managed pointers and are followed by ret";
    Indirect, "indirect", Unverifiable, "III.3.20", "calls through function pointers and jumps are not verifiable";
    Delegate, "delegate", Unverifiable, "II.14.6.1", "delegates are made from a fitting function and target by the instructions ldftn newobj or dup ldvirtftn newobj";
    Constraint, "constraint", Unverifiable, "II.10.1.7", "type arguments satisfy the constraints of their parameters";
    ArgList, "arglist", Invalid, "III.3.4", "arglist stands in a method with variable arguments";

    // Types.
    Parent, "parent", Invalid, "II.10.1.1", "a class extends a class that is not sealed, an interface nothing";
    Cycle, "cycle", Invalid, "II.10.1.3", "no type is its own ancestor or a field of itself";
    Overlap, "overlap", Invalid, "II.10.1.2", "references do not overlap other fields, and are aligned";
    FieldType, "field-type", Invalid, "II.22.15", "fields have types that can be stored in objects";
    MethodFlags, "method-flags", Invalid, "II.22.26", "attributes of methods go together, and with having a body";
    Override, "override", Invalid, "II.22.27", "overriding methods fit the overridden ones: signature, accessibility, not final";
    Unimplemented, "unimplemented", Invalid, "II.12.2", "classes implement all abstract and interface methods";
    Variance, "variance", Invalid, "II.9.7", "variant parameters stand only where their variance allows it";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Rule::ALL.iter().map(|r| r.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
        assert!(
            Rule::ALL
                .iter()
                .all(|r| !r.section().is_empty() && !r.text().is_empty())
        );
    }
}
