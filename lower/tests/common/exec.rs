//! Running compiled code in this process: a loader for tests, simple on purpose (the real one is `linker`).

use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::symbol::{RelocKind, Symbol};
use std::collections::HashMap;

const SIZE: usize = 1 << 20;
/// First byte of data words in the mapping.
const DATA: usize = SIZE / 2;

/// Loaded code.
pub struct Code {
    base: *mut u8,
    /// Offset of the method.
    entry: usize,
}

impl Code {
    /// Loads methods, the last one as entry; `resolve` gives the addresses of other symbols.
    pub fn load(methods: &[CompiledMethod], resolve: &dyn Fn(Symbol) -> usize) -> Code {
        // SAFETY: a fresh private mapping.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        } as *mut u8;
        assert_ne!(base as isize, -1);
        // SAFETY: the mapping is SIZE bytes and nobody else knows it.
        let memory = unsafe { std::slice::from_raw_parts_mut(base, SIZE) };
        let mut at = 0usize;
        let mut places = HashMap::new();
        for m in methods {
            at = at.next_multiple_of(64);
            memory[at..at + m.code.len()].copy_from_slice(&m.code);
            places.insert(m.symbol, at);
            at += m.code.len();
        }
        // Transition stubs are near: those that no test should reach are this `ud2`.
        let no_stub = at;
        memory[at..at + 2].copy_from_slice(&[0x0f, 0x0b]);
        assert!(at + 2 <= DATA);
        let mut words: HashMap<Symbol, usize> = HashMap::new();
        let mut next_word = DATA;
        for m in methods {
            for r in &m.relocs {
                let address = |s: Symbol| match s {
                    Symbol::MethodCell(m) if places.contains_key(&Symbol::MethodBody(m)) => {
                        base as usize + places[&Symbol::MethodBody(m)]
                    }
                    s => places
                        .get(&s)
                        .map_or_else(|| resolve(s), |&p| base as usize + p),
                };
                let place = places[&m.symbol] + r.offset as usize;
                let mut word = |value: usize| {
                    let at = *words.entry(r.symbol).or_insert_with(|| {
                        next_word += 8;
                        next_word - 8
                    });
                    memory[at..at + 8].copy_from_slice(&value.to_le_bytes());
                    base as usize + at
                };
                // Through a GOT word, and through a cell, code reads a data word with the address.
                let target = match r.kind {
                    RelocKind::X64GotPcRel32 | RelocKind::X64PcRel32 => word(address(r.symbol)),
                    RelocKind::X64Call32 if !places.contains_key(&r.symbol) => {
                        base as usize + no_stub
                    }
                    RelocKind::X64Call32 => address(r.symbol),
                    kind => panic!("{kind:?}"),
                };
                let value = target as i64 + r.addend - (base as usize + place) as i64;
                let value = i32::try_from(value).expect("in range");
                memory[place..place + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
        // SAFETY: the code half of our own mapping.
        let done = unsafe { libc::mprotect(base.cast(), DATA, libc::PROT_READ | libc::PROT_EXEC) };
        assert_eq!(done, 0);
        Code {
            base,
            entry: places[&methods.last().expect("a method").symbol],
        }
    }

    /// Calls the entry with integer arguments and `ctx` in the thread register; gives rax.
    #[cfg(target_arch = "x86_64")]
    pub fn call(&self, ctx: &ThreadContext, args: &[u64]) -> u64 {
        self.call_with(ctx, args, &[]).0
    }

    /// Calls the entry with integer and float arguments; gives rax, rcx and xmm0.
    #[cfg(target_arch = "x86_64")]
    pub fn call_with(&self, ctx: &ThreadContext, args: &[u64], floats: &[f64]) -> (u64, u64, f64) {
        let mut a = [0; 6];
        a[..args.len()].copy_from_slice(args);
        let mut f = [0.0; 4];
        f[..floats.len()].copy_from_slice(floats);
        let (rax, rcx): (u64, u64);
        let xmm0: f64;
        // SAFETY: the code follows the managed convention with no stack arguments: it keeps rbx, rbp, rsp, r12-r15.
        unsafe {
            std::arch::asm!(
                "call {code}",
                code = in(reg) self.base as usize + self.entry,
                in("r15") ctx,
                inout("rdi") a[0] => _,
                inout("rsi") a[1] => _,
                inout("rdx") a[2] => _,
                inout("rcx") a[3] => rcx,
                inout("r8") a[4] => _,
                inout("r9") a[5] => _,
                inout("xmm0") f[0] => xmm0,
                inout("xmm1") f[1] => _,
                inout("xmm2") f[2] => _,
                inout("xmm3") f[3] => _,
                out("rax") rax,
                clobber_abi("sysv64"),
            );
        }
        (rax, rcx, xmm0)
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: our own mapping; no code of it runs any more.
        unsafe { libc::munmap(self.base.cast(), SIZE) };
    }
}
