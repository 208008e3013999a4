//! Dumps: Cranelift IR and machine code as text.
//!
//! ```text
//! Counter::Add
//!     0  push rbp
//!     1  mov rbp, rsp
//!   ; IL_0007
//!    1c  call 0                                ; X64Call32 helper alloc_object
//!    21  mov [rax], ecx                        ; trap NullReference
//!   ; handler: clause 0 at 3a
//! ```

use crate::names::{Names, Reach};
use crate::unsupported::Unsupported;
use crate::{Options, isa, worker};
use cranelift_codegen::ir::UserExternalName;
use isthmus_asm::disasm;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::CompileEnv;
use isthmus_ssa::ir::Unit;
use std::fmt::Write;

/// Cranelift IR of a method and its filters, as built or after Cranelift's own passes.
pub fn clif(
    env: &dyn CompileEnv,
    unit: &Unit,
    arch: Arch,
    options: &Options,
    optimized: bool,
) -> Result<String, Unsupported> {
    each(env, unit, arch, options, |worker, job, func| {
        worker.clif(job, func, optimized)
    })
}

/// Machine code of a method and its filters with symbols, trap sites and IL offsets. For architectures without a disassembler
/// of ours: Cranelift's listing.
pub fn asm(
    env: &dyn CompileEnv,
    unit: &Unit,
    arch: Arch,
    options: &Options,
) -> Result<String, Unsupported> {
    if arch != Arch::X64 {
        return each(env, unit, arch, options, |worker, job, func| {
            worker.listing(job, func)
        });
    }
    let options = Options {
        line_map: true,
        ..*options
    };
    let method = crate::compile(env, unit, arch, &options)?;
    Ok(listing(env, &method))
}

fn each(
    env: &dyn CompileEnv,
    unit: &Unit,
    arch: Arch,
    options: &Options,
    mut text: impl FnMut(
        &mut worker::Worker,
        &worker::Job<'_>,
        &isthmus_ssa::ir::Func,
    ) -> Result<String, Unsupported>,
) -> Result<String, Unsupported> {
    let isa = isa::isa(arch, options.features)?;
    worker::with(|worker| {
        let job = worker::Job {
            env,
            isa: &*isa,
            arch,
            options,
        };
        let mut out = String::new();
        write_unit(&mut out, unit, &mut |func| text(worker, &job, func))?;
        Ok(out)
    })
}

fn write_unit(
    out: &mut String,
    unit: &Unit,
    text: &mut dyn FnMut(&isthmus_ssa::ir::Func) -> Result<String, Unsupported>,
) -> Result<(), Unsupported> {
    *out += &text(&unit.func)?;
    for (n, filter) in unit.filters.iter().enumerate() {
        let _ = writeln!(out, "\nfilter {n}:");
        write_unit(out, filter, text)?;
    }
    Ok(())
}

/// Machine code of an artifact with its records.
pub fn listing(env: &dyn CompileEnv, method: &CompiledMethod) -> String {
    let mut out = String::new();
    write_listing(&mut out, env, method);
    for (n, filter) in method.filters.iter().enumerate() {
        let _ = writeln!(out, "\nfilter {n}:");
        out += &listing(env, filter);
    }
    out
}

fn write_listing(out: &mut String, env: &dyn CompileEnv, method: &CompiledMethod) {
    let (mut relocs, mut traps, mut lines) = (
        method.relocs.iter().peekable(),
        method.traps.iter().peekable(),
        method.line_map.iter().peekable(),
    );
    let mut calls = method.call_sites.iter().peekable();
    for line in disasm::disassemble(method.arch, &method.code) {
        let end = line.offset + line.len;
        while let Some((_, pos)) = lines.next_if(|(at, _)| *at <= line.offset) {
            let pos = method.positions[*pos as usize];
            let inlined = match pos.node {
                0 => String::new(),
                n => format!(
                    " in {}",
                    env.method_name(method.inline_tree[n as usize].method)
                ),
            };
            let _ = writeln!(out, "  ; IL_{:04x}{inlined}", pos.il);
        }
        let mut notes = String::new();
        while let Some(r) = relocs.next_if(|r| r.offset < end) {
            let _ = write!(notes, " {:?} {}", r.kind, symbol_name(env, r.symbol));
        }
        while let Some(t) = traps.next_if(|t| t.offset < end) {
            let _ = write!(notes, " trap {}", t.kind.name());
        }
        let text = match notes.is_empty() {
            true => line.text,
            false => format!("{:<40};{notes}", line.text),
        };
        let _ = writeln!(out, "{:5x}  {text}", line.offset);
        while let Some(site) = calls.next_if(|c| c.ret <= end) {
            for h in &site.handlers {
                let _ = writeln!(out, "  ; handler: clause {} at {:x}", h.clause, h.landing);
            }
        }
    }
}

/// A symbol for readers.
pub fn symbol_name(env: &dyn CompileEnv, symbol: Symbol) -> String {
    match symbol {
        Symbol::MethodEntry(m) => format!("entry of {}", env.method_name(m)),
        Symbol::MethodCell(m) => format!("cell of {}", env.method_name(m)),
        Symbol::MethodBody(m) => env.method_name(m),
        Symbol::MethodCounter(m) => format!("counter of {}", env.method_name(m)),
        Symbol::MethodImage(m) => format!("image word of {}", env.method_name(m)),
        Symbol::OsrBody(m, at) => format!("{} from instruction {at}", env.method_name(m)),
        Symbol::Filter(m, n) => format!("filter {n} of {}", env.method_name(m)),
        Symbol::MethodHandle(m) => format!("handle of {}", env.method_name(m)),
        Symbol::InterfaceStub(m) => format!("interface stub of {}", env.method_name(m)),
        Symbol::Vtable(t) => format!("vtable of {}", env.type_name(t)),
        Symbol::TypeHandle(t) => format!("handle of {}", env.type_name(t)),
        Symbol::Statics(t) => format!("statics of {}", env.type_name(t)),
        Symbol::RefStatics(t) => format!("reference statics of {}", env.type_name(t)),
        Symbol::InitState(t) => format!("init state of {}", env.type_name(t)),
        Symbol::Helper(h) => format!("helper {}", h.name()),
        Symbol::GenericContext(m) => format!("context of {}", env.method_name(m)),
        other => format!("{other:?}"),
    }
}

/// Replaces Cranelift's `u0:3` and `userextname3` with symbols. Both are numbers of [`Names`], which hands them out in the
/// order in which functions declare them.
pub(crate) fn name_symbols(text: &str, names: &Names) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while let Some((at, prefix)) = ["u0:", "userextname"]
        .iter()
        .filter_map(|&p| rest.find(p).map(|at| (at, p)))
        .min()
    {
        let digits = &rest[at + prefix.len()..];
        let length = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        out += &rest[..at];
        let name = UserExternalName::new(0, digits[..length].parse().unwrap_or(u32::MAX));
        // The function's own name looks the same.
        let own = out.ends_with("function ");
        match names.symbol(&name).filter(|_| !own) {
            Some((symbol, Reach::Symbol)) => {
                let _ = write!(out, "{symbol:?}");
            }
            Some((symbol, Reach::Cell)) => {
                let _ = write!(out, "[{symbol:?}]");
            }
            None => out += &rest[at..at + prefix.len() + length],
        }
        rest = &digits[length..];
    }
    out + rest
}
