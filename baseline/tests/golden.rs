//! Machine code of small functions, compared with recorded listings. `ISTHMUS_BLESS=1` records them anew.
//!
//! Each `golden/NAME.sir` has its listing in `golden/NAME.x64.txt`: for every function the frame, the disassembly with what
//! relocations refer to, and the tables.

use isthmus_asm::disasm::disassemble;
use isthmus_baseline::{Options, compile};
use isthmus_frontend_ir::module::MethodFlags;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::target::Arch;
use std::fmt::Write;
use std::path::Path;

fn listing(name: &str, code: &CompiledMethod, out: &mut String) {
    let _ = writeln!(
        out,
        "{name}: frame {} popped {}",
        code.frame.size, code.frame.stack_arg_bytes
    );
    for line in disassemble(Arch::X64, &code.code) {
        let mut notes = Vec::new();
        for r in &code.relocs {
            let at = r.offset;
            if at > line.offset && at < line.offset + line.len {
                notes.push(format!("{:?}", r.symbol));
            }
        }
        for t in code.traps.iter().filter(|t| t.offset == line.offset) {
            let pads: Vec<String> = t
                .handlers
                .iter()
                .map(|h| format!(" -> {:x}", h.landing))
                .collect();
            notes.push(format!("{}{}", t.kind.name(), pads.concat()));
        }
        for c in &code.call_sites {
            if c.ret == line.offset + line.len {
                let pads: Vec<String> = c
                    .handlers
                    .iter()
                    .map(|h| format!(" -> {:x}", h.landing))
                    .collect();
                notes.push(format!(
                    "at IL_{:04x}{}",
                    code.positions[c.pos as usize].il,
                    pads.concat()
                ));
            }
        }
        let text = format!("  {:4x}  {}", line.offset, line.text);
        match notes.is_empty() {
            true => out.push_str(&text),
            false => {
                let _ = write!(out, "{text:56}; {}", notes.join(", "));
            }
        }
        out.push('\n');
    }
    for f in &code.filters {
        listing(&format!("{name} filter"), f, out);
    }
}

#[test]
fn listings_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "sir") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let module = isthmus_frontend_ir::text::parse(&text).unwrap();
        let mut out = String::new();
        for m in module.method_ids() {
            let def = module.method_def(m);
            let Some(body) = &def.body else { continue };
            if def.owner.is_some() || def.flags.contains(MethodFlags::EXTERN) || def.name == "main"
            {
                continue;
            }
            let code = compile(&module, body, &Options::default()).unwrap();
            listing(&def.name, &code, &mut out);
            out.push('\n');
        }
        let recorded = path.with_extension("x64.txt");
        if std::env::var_os("ISTHMUS_BLESS").is_some() {
            std::fs::write(&recorded, &out).unwrap();
        } else if std::fs::read_to_string(&recorded).unwrap_or_default() != out {
            wrong.push(recorded.display().to_string());
        }
    }
    assert!(
        wrong.is_empty(),
        "listings differ (ISTHMUS_BLESS=1 records them): {wrong:?}"
    );
}
