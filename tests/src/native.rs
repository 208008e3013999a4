//! Random functions of C with random structures, and the C# program that calls each of them and is called back by it.
//!
//! ```text
//!  C#                                   C
//!  arguments of set 1  ──────────────▶  checks set 1
//!  checks set 1        ◀──────────────  calls the delegate with them
//!  result of set 2     ──────────────▶  checks set 2
//!  checks set 4 (ref)  ◀──────────────  writes set 4 through pointers
//!  checks set 3        ◀──────────────  result of set 3
//! ```
//!
//! Every scalar has a value made from its set and its place, so both sides know it. Each side counts what is wrong; the program
//! prints the two numbers.

use std::fmt::Write;

/// Sources of a C library and of the program that calls it.
pub struct Sources {
    /// For `cc`.
    pub c: String,
    /// For `mcs`.
    pub csharp: String,
}

/// What the program prints if nothing is wrong.
pub const GOOD: &str = "0 0\n";

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A scalar: C#, C, attribute.
type Scalar = (&'static str, &'static str, &'static str);

const SCALARS: &[Scalar] = &[
    ("sbyte", "int8_t", ""),
    ("byte", "uint8_t", ""),
    ("short", "int16_t", ""),
    ("ushort", "uint16_t", ""),
    ("int", "int32_t", ""),
    ("uint", "uint32_t", ""),
    ("long", "int64_t", ""),
    ("ulong", "uint64_t", ""),
    ("float", "float", ""),
    ("double", "double", ""),
    ("bool", "int32_t", ""),
    ("bool", "uint8_t", "[MarshalAs(UnmanagedType.U1)] "),
    ("char", "char", ""),
    ("char", "uint16_t", "[MarshalAs(UnmanagedType.U2)] "),
];

/// The type of a parameter, result or field.
#[derive(Clone)]
enum Ty {
    Scalar(usize),
    /// A structure by number.
    Struct(usize),
    /// `ByValArray` of a scalar, in structures.
    Array(usize, u64),
    /// `ByValTStr`, in structures.
    Text(u64),
}

struct Structure {
    fields: Vec<Ty>,
    pack: u64,
    /// All fields at offset 0; the first one is used.
    union: bool,
}

/// A value of a scalar as text: C#, C.
fn literal(scalar: usize, hash: u64) -> (String, String) {
    let (name, _, _) = SCALARS[scalar];
    let n = hash as i64;
    let both = |s: String| (s.clone(), s);
    match name {
        "sbyte" => both((n as i8).to_string()),
        "byte" => both((n as u8).to_string()),
        "short" => both((n as i16).to_string()),
        "ushort" => both((n as u16).to_string()),
        // Not the smallest ones, whose literals C reads as larger types.
        "int" => both((n as i32).max(-i32::MAX).to_string()),
        "uint" => both(format!("{}u", n as u32)),
        "long" => {
            let n = n.max(-i64::MAX);
            (format!("{n}L"), format!("{n}LL"))
        }
        "ulong" => (format!("{hash}UL"), format!("{hash}ULL")),
        "float" => both(format!("{}f", f64::from(n as i16) / 4.0)).dot(),
        "double" => both(format!("{}", (n as i32 as f64) / 8.0)).dot(),
        "bool" => ((hash & 1 != 0).to_string(), (hash & 1).to_string()),
        _ if SCALARS[scalar].1 == "char" => {
            let c = char::from(b'a' + (hash % 26) as u8);
            both(format!("'{c}'"))
        }
        _ => {
            let unit = 0x100 + hash % 0x4000;
            (format!("'\\u{unit:04x}'"), unit.to_string())
        }
    }
}

/// Adds what makes a number a floating-point one.
trait Dot {
    fn dot(self) -> Self;
}

impl Dot for (String, String) {
    fn dot(self) -> (String, String) {
        let fix = |s: String| match s.contains('.') {
            true => s,
            false if s.ends_with('f') => format!("{}.0f", &s[..s.len() - 1]),
            false => format!("{s}.0"),
        };
        (fix(self.0), fix(self.1))
    }
}

/// Mixes a set and a place to a value.
fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_add(0x1234_5678);
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 27;
    x.wrapping_mul(0x94d0_49bb_1331_11eb) ^ x >> 29
}

/// What is written about a value: statements that check it and statements that make it.
#[derive(Default)]
struct Lines {
    check: [String; 2],
    make: [String; 2],
}

const CSHARP: usize = 0;
const C: usize = 1;

struct Generator {
    r: Random,
    structures: Vec<Structure>,
}

impl Generator {
    fn scalar(&mut self) -> Ty {
        Ty::Scalar(self.r.below(SCALARS.len() as u64) as usize)
    }

    fn structure(&mut self) -> Structure {
        let union = self.r.one_in(10);
        let count = 1 + self.r.below(if union { 2 } else { 5 });
        let floats = self.r.one_in(3);
        let fields = (0..count).map(|_| match self.r.below(12) {
            // Unions and floats: of plain numbers.
            _ if union => Ty::Scalar(4 + self.r.below(6) as usize),
            _ if floats => Ty::Scalar(8 + self.r.below(2) as usize),
            0 | 1 if !self.structures.is_empty() => {
                Ty::Struct(self.r.below(self.structures.len() as u64) as usize)
            }
            2 => Ty::Array(4 + self.r.below(6) as usize, 1 + self.r.below(4)),
            3 => Ty::Text(2 + self.r.below(9)),
            _ => self.scalar(),
        });
        let fields = fields.collect();
        let pack = match self.r.below(6) {
            0 => 1 << self.r.below(3),
            _ => 0,
        };
        Structure {
            fields,
            pack: if union { 0 } else { pack },
            union,
        }
    }

    fn ty(&mut self) -> Ty {
        match self.r.below(5) {
            0..3 => Ty::Struct(self.r.below(self.structures.len() as u64) as usize),
            _ => self.scalar(),
        }
    }

    /// Name of a type in both languages.
    fn name(&self, ty: &Ty) -> (String, String) {
        match ty {
            Ty::Scalar(s) => (SCALARS[*s].0.to_owned(), SCALARS[*s].1.to_owned()),
            Ty::Struct(n) => (format!("S{n}"), format!("S{n}")),
            Ty::Array(..) | Ty::Text(_) => unreachable!("only fields are arrays"),
        }
    }

    fn declare(&self, n: usize, out: &mut Sources) {
        let s = &self.structures[n];
        let word = if s.union { "union" } else { "struct" };
        if s.pack > 0 {
            writeln!(out.c, "#pragma pack(push, {})", s.pack).unwrap();
        }
        write!(out.c, "typedef {word} {{ ").unwrap();
        let kind = if s.union { "Explicit" } else { "Sequential" };
        let pack = if s.pack > 0 {
            format!(", Pack = {}", s.pack)
        } else {
            String::new()
        };
        writeln!(
            out.csharp,
            "[StructLayout(LayoutKind.{kind}{pack})] struct S{n} {{"
        )
        .unwrap();
        for (i, field) in s.fields.iter().enumerate() {
            let offset = if s.union { "[FieldOffset(0)] " } else { "" };
            let (cs, c) = match field {
                Ty::Scalar(k) => {
                    let (cs, c, attribute) = SCALARS[*k];
                    (format!("{attribute}public {cs} f{i}"), format!("{c} f{i}"))
                }
                Ty::Struct(k) => (format!("public S{k} f{i}"), format!("S{k} f{i}")),
                Ty::Array(k, len) => (
                    format!(
                        "[MarshalAs(UnmanagedType.ByValArray, SizeConst = {len})] public {}[] f{i}",
                        SCALARS[*k].0
                    ),
                    format!("{} f{i}[{len}]", SCALARS[*k].1),
                ),
                Ty::Text(len) => (
                    format!(
                        "[MarshalAs(UnmanagedType.ByValTStr, SizeConst = {len})] public string f{i}"
                    ),
                    format!("char f{i}[{len}]"),
                ),
            };
            writeln!(out.csharp, "    {offset}{cs};").unwrap();
            write!(out.c, "{c}; ").unwrap();
        }
        writeln!(out.csharp, "}}").unwrap();
        writeln!(out.c, "}} S{n};").unwrap();
        if s.pack > 0 {
            writeln!(out.c, "#pragma pack(pop)").unwrap();
        }
    }

    /// Statements about a value: `paths` name it in C# and in C.
    fn lines(&self, ty: &Ty, hash: u64, paths: [&str; 2], out: &mut Lines) {
        match ty {
            Ty::Scalar(s) => {
                let (cs, c) = literal(*s, hash);
                for (side, value) in [(CSHARP, &cs), (C, &c)] {
                    let path = paths[side];
                    write!(out.check[side], "bad += {path} == {value} ? 0 : 1; ").unwrap();
                    write!(out.make[side], "{path} = {value}; ").unwrap();
                }
            }
            Ty::Struct(n) => {
                let s = &self.structures[*n];
                let fields = if s.union { &s.fields[..1] } else { &s.fields };
                for (i, field) in fields.iter().enumerate() {
                    let [cs, c] = paths.map(|p| format!("{p}.f{i}"));
                    self.lines(field, mix(hash, i as u64), [&cs, &c], out);
                }
            }
            Ty::Array(s, len) => {
                let name = SCALARS[*s].0;
                write!(out.make[CSHARP], "{} = new {name}[{len}]; ", paths[CSHARP]).unwrap();
                for i in 0..*len {
                    let [cs, c] = paths.map(|p| format!("{p}[{i}]"));
                    self.lines(&Ty::Scalar(*s), mix(hash, i), [&cs, &c], out);
                }
            }
            Ty::Text(len) => {
                let letters =
                    (0..(hash >> 8) % len).map(|i| char::from(b'A' + (mix(hash, i) % 26) as u8));
                let text: String = letters.collect();
                let [cs, c] = paths;
                write!(out.check[CSHARP], "bad += {cs} == \"{text}\" ? 0 : 1; ").unwrap();
                write!(out.make[CSHARP], "{cs} = \"{text}\"; ").unwrap();
                write!(out.check[C], "bad += strcmp({c}, \"{text}\") ? 1 : 0; ").unwrap();
                write!(out.make[C], "strcpy({c}, \"{text}\"); ").unwrap();
            }
        }
    }

    fn function(&mut self, n: usize, out: &mut Sources) {
        let count = self.r.below(9) as usize;
        let params: Vec<(Ty, bool)> = (0..count).map(|_| (self.ty(), self.r.one_in(6))).collect();
        let ret = self.ty();
        let (ret_cs, ret_c) = self.name(&ret);
        let attribute = |ty: &Ty| match ty {
            Ty::Scalar(s) => SCALARS[*s].2,
            _ => "",
        };
        let ret_attribute = attribute(&ret).replace('[', "[return: ");
        let seed = mix(n as u64, 77);
        let about = |set: u64, what: usize, ty: &Ty, paths: [&str; 2]| {
            let mut lines = Lines::default();
            self.lines(
                ty,
                mix(seed.wrapping_add(set), what as u64),
                paths,
                &mut lines,
            );
            lines
        };
        let (mut cs_params, mut c_params, mut c_types) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cs_args, mut c_args) = (Vec::new(), Vec::new());
        let (mut cs_make, mut cs_check, mut c_check, mut cs_after, mut c_after) = (
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        );
        for (i, (ty, by_ref)) in params.iter().enumerate() {
            let (cs, c) = self.name(ty);
            let reference = if *by_ref { "ref " } else { "" };
            let star = if *by_ref { "*" } else { "" };
            cs_params.push(format!("{}{reference}{cs} a{i}", attribute(ty)));
            c_params.push(format!("{c} {star}a{i}"));
            c_types.push(format!("{c} {star}"));
            cs_args.push(format!("{reference}v{i}"));
            c_args.push(format!("a{i}"));
            let c_path = if *by_ref {
                format!("(*a{i})")
            } else {
                format!("a{i}")
            };
            let first = about(1, i, ty, [&format!("v{i}"), &c_path]);
            writeln!(
                cs_make,
                "        {cs} v{i} = default({cs}); {}",
                first.make[CSHARP]
            )
            .unwrap();
            writeln!(c_check, "    {}", first.check[C]).unwrap();
            let inside = about(1, i, ty, [&format!("a{i}"), &c_path]);
            writeln!(cs_check, "            {}", inside.check[CSHARP]).unwrap();
            if *by_ref {
                let last = about(4, i, ty, [&format!("v{i}"), &c_path]);
                writeln!(cs_after, "        {}", last.check[CSHARP]).unwrap();
                writeln!(c_after, "    {}", last.make[C]).unwrap();
            }
        }
        let second = about(2, 100, &ret, ["r", "r"]);
        let third = about(3, 100, &ret, ["r", "r"]);
        let types = if c_types.is_empty() {
            "void".into()
        } else {
            c_types.join(", ")
        };
        c_params.push(format!("{ret_c} (*f)({types})"));
        writeln!(
            out.c,
            "{ret_c} f{n}({}) {{\n    {ret_c} r;\n{c_check}    r = f({});\n    {}\n{c_after}    memset(&r, 0, sizeof r);\n    {}\n    return r;\n}}",
            c_params.join(", "),
            c_args.join(", "),
            second.check[C],
            third.make[C],
        )
        .unwrap();
        writeln!(
            out.csharp,
            "{ret_attribute}delegate {ret_cs} D{n}({});",
            cs_params.join(", ")
        )
        .unwrap();
        let mut with_delegate = cs_params.clone();
        with_delegate.push(format!("D{n} f"));
        cs_args.push(format!("back{n}"));
        writeln!(
            out.csharp,
            "static partial class P {{\n    [DllImport(\"signatures\")] {ret_attribute}static extern {ret_cs} f{n}({});\n    static {ret_cs} back{n}({}) {{\n{cs_check}            {ret_cs} r = default({ret_cs}); {}\n            return r;\n    }}\n    static void Call{n}() {{\n{cs_make}        {ret_cs} r = f{n}({});\n        {}\n{cs_after}    }}\n}}",
            with_delegate.join(", "),
            cs_params.iter().map(|p| strip_attribute(p)).collect::<Vec<_>>().join(", "),
            second.make[CSHARP],
            cs_args.join(", "),
            third.check[CSHARP],
        )
        .unwrap();
    }
}

/// A parameter without its attribute.
fn strip_attribute(param: &str) -> &str {
    param.split_once("] ").map_or(param, |(_, rest)| rest)
}

/// Sources of so many random functions.
pub fn generate(seed: u64, functions: usize) -> Sources {
    let mut g = Generator {
        r: Random(mix(seed, 1) | 1),
        structures: Vec::new(),
    };
    let mut out = Sources {
        c: "#include <stdint.h>\n#include <string.h>\nstatic int bad;\nint errors(void) { return bad; }\n".to_owned(),
        csharp: "using System;\nusing System.Runtime.InteropServices;\n".to_owned(),
    };
    for n in 0..12 + functions / 4 {
        let s = g.structure();
        g.structures.push(s);
        g.declare(n, &mut out);
    }
    for n in 0..functions {
        g.function(n, &mut out);
    }
    out.csharp.push_str("static partial class P {\n    static int bad;\n    [DllImport(\"signatures\")] static extern int errors();\n");
    out.csharp.push_str("    static void Note(int before, string name) { if (bad != before) Console.Error.WriteLine(name + \": \" + (bad - before)); }\n    static void Main() {\n");
    for n in 0..functions {
        writeln!(out.csharp, "        {{ int b = bad, c = errors(); Call{n}(); Note(b, \"f{n} in C#\"); if (errors() != c) Console.Error.WriteLine(\"f{n} in C\"); }}").unwrap();
    }
    out.csharp
        .push_str("        Console.WriteLine(bad + \" \" + errors());\n    }\n}\n");
    out
}
