//! x86-64, System V.

use std::arch::asm;

/// Words that [`spill`] and [`Context::copy_registers`] store.
pub(crate) const SAVED_WORDS: usize = 16;

/// Stores the callee-saved registers of the C convention and returns the stack pointer. Whatever a caller up the
/// stack keeps in a register is then either in `out` or in memory above that stack pointer.
#[inline(always)]
pub(crate) fn spill(out: &mut [usize; SAVED_WORDS]) -> usize {
    let sp: usize;
    // SAFETY: stores six registers into the array, which is large enough.
    unsafe {
        asm!(
            "mov [{out}], rbx",
            "mov [{out} + 8], rbp",
            "mov [{out} + 16], r12",
            "mov [{out} + 24], r13",
            "mov [{out} + 32], r14",
            "mov [{out} + 40], r15",
            "mov {sp}, rsp",
            out = in(reg) out.as_mut_ptr(),
            sp = lateout(reg) sp,
            options(nostack, preserves_flags)
        );
    }
    sp
}

/// The stack pointer, about.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// Runs `work` with the stack pointer at `top`. `suspend` is called before with the stack pointer from which on the
/// old stack must be kept.
///
/// # Safety
/// `top` is the end of enough unused memory, 16-aligned. `work` does not unwind.
#[inline(never)]
pub(crate) unsafe fn on_stack(top: usize, work: &mut dyn FnMut(), suspend: &mut dyn FnMut(usize)) {
    extern "C" fn call(work: *mut &mut dyn FnMut()) {
        // SAFETY: what `on_stack` passes below.
        unsafe { (*work)() }
    }
    let mut work = work;
    // What the caller keeps in registers is saved by the frames on the new stack, as in any call.
    suspend(stack_pointer());
    // SAFETY: r12 keeps the old stack pointer across the call, as the C convention says.
    unsafe {
        asm!(
            "xchg rsp, r12",
            "call {call}",
            "mov rsp, r12",
            call = in(reg) call as extern "C" fn(_),
            inout("r12") top => _,
            in("rdi") &raw mut work,
            clobber_abi("C"),
        );
    }
}

/// The registers of interrupted code, within a signal handler.
pub(crate) struct Context<'a>(&'a mut libc::ucontext_t);

/// `gregs` index of each register by encoding number.
const GREGS: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

impl<'a> Context<'a> {
    /// # Safety
    /// `raw` is the third argument of a signal handler that has not returned.
    pub(crate) unsafe fn new(raw: *mut libc::c_void) -> Context<'a> {
        // SAFETY: by the contract above.
        Context(unsafe { &mut *raw.cast() })
    }

    pub(crate) fn register(&self, number: u8) -> usize {
        self.0.uc_mcontext.gregs[GREGS[number as usize & 15] as usize] as usize
    }

    pub(crate) fn pc(&self) -> usize {
        self.0.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
    }

    pub(crate) fn set_pc(&mut self, pc: usize) {
        self.0.uc_mcontext.gregs[libc::REG_RIP as usize] = pc as i64;
    }

    pub(crate) fn sp(&self) -> usize {
        self.0.uc_mcontext.gregs[libc::REG_RSP as usize] as usize
    }

    /// Copies all general registers.
    pub(crate) fn copy_registers(&self, out: &mut [usize; SAVED_WORDS]) {
        for (number, word) in out.iter_mut().enumerate() {
            *word = self.register(number as u8);
        }
    }

    /// Whether the faulting instruction, a division, divides by zero (else its quotient is too large). `None`
    /// if it is no division.
    pub(crate) fn divides_by_zero(&self) -> Option<bool> {
        let pc = self.pc();
        // SAFETY: the instruction just ran, and none is longer than 15 bytes; a page that ends earlier ends
        // after the instruction, which is why bytes are read one by one, on demand.
        let byte = |i: usize| unsafe { ((pc + i) as *const u8).read() };
        let (operand, width) = division_operand(byte, |r| self.register(r), pc)?;
        let value = match operand {
            Divisor::Register(r) if width == 1 && r & 0x80 != 0 => {
                self.register(r & 0x7f) >> 8 & 0xff
            }
            Divisor::Register(r) => self.register(r),
            Divisor::Memory(addr) => {
                let bytes = addr as *const u8;
                // SAFETY: the processor read the divisor from there before it raised the fault.
                (0..width).fold(0, |v, i| {
                    v | usize::from(unsafe { bytes.add(i).read() }) << (8 * i)
                })
            }
        };
        let mask = usize::MAX >> (64 - 8 * width);
        Some(value & mask == 0)
    }
}

/// Where a division takes its divisor from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Divisor {
    /// Encoding number; + 0x80 for `ah`..`bh`, given as `al`..`bl`.
    Register(u8),
    Memory(usize),
}

/// Decodes `div`/`idiv` (F6/F7, /6 and /7; Intel SDM volume 2, chapter 2) and gives the divisor and its width.
fn division_operand(
    byte: impl Fn(usize) -> u8,
    register: impl Fn(u8) -> usize,
    pc: usize,
) -> Option<(Divisor, usize)> {
    let mut at = 0;
    let mut short = false;
    while byte(at) == 0x66 {
        short = true;
        at += 1;
    }
    let mut rex = 0;
    if byte(at) & 0xf0 == 0x40 {
        rex = byte(at);
        at += 1;
    }
    let width = match (byte(at), rex & 8 != 0, short) {
        (0xf6, _, _) => 1,
        (0xf7, true, _) => 8,
        (0xf7, false, true) => 2,
        (0xf7, false, false) => 4,
        _ => return None,
    };
    let modrm = byte(at + 1);
    at += 2;
    if !matches!(modrm >> 3 & 7, 6 | 7) {
        return None;
    }
    let base_bit = (rex & 1) << 3;
    let (mode, rm) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        let high_byte = width == 1 && rex == 0 && rm >= 4;
        let number = if high_byte {
            (rm - 4) | 0x80
        } else {
            rm | base_bit
        };
        return Some((Divisor::Register(number), width));
    }

    let mut addr = 0usize;
    let mut no_base = mode == 0 && rm == 5;
    let rip_relative = no_base;
    if rm == 4 {
        let sib = byte(at);
        at += 1;
        let index = (sib >> 3 & 7) | (rex & 2) << 2;
        if index != 4 {
            addr = register(index) << (sib >> 6);
        }
        no_base = mode == 0 && sib & 7 == 5;
        if !no_base {
            addr = addr.wrapping_add(register(sib & 7 | base_bit));
        }
    } else if !no_base {
        addr = register(rm | base_bit);
    }
    let displacement = match mode {
        1 => {
            at += 1;
            byte(at - 1) as i8 as isize
        }
        _ if mode == 2 || no_base => {
            at += 4;
            i32::from_le_bytes([byte(at - 4), byte(at - 3), byte(at - 2), byte(at - 1)]) as isize
        }
        _ => 0,
    };
    addr = addr.wrapping_add_signed(displacement);
    if rip_relative {
        addr = addr.wrapping_add(pc + at);
    }
    Some((Divisor::Memory(addr), width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_are_found_in_every_addressing_form() {
        // Register n holds 0x1000 * n.
        let decode = |bytes: &[u8]| {
            let mut padded = [0; 16];
            padded[..bytes.len()].copy_from_slice(bytes);
            division_operand(|i| padded[i], |r| 0x1000 * r as usize, 0x40_0000)
        };
        use Divisor::*;
        let cases: &[(&[u8], Divisor, usize)] = &[
            (&[0xf7, 0xf9], Register(1), 4),                // idiv ecx
            (&[0x49, 0xf7, 0xf8], Register(8), 8),          // idiv r8
            (&[0x66, 0xf7, 0xf3], Register(3), 2),          // div bx
            (&[0xf6, 0xf4], Register(0x80), 1),             // div ah
            (&[0x40, 0xf6, 0xf4], Register(4), 1),          // div spl
            (&[0xf7, 0x7d, 0xf8], Memory(0x5000 - 8), 4),   // idiv dword [rbp-8]
            (&[0x48, 0xf7, 0x3c, 0x24], Memory(0x4000), 8), // idiv qword [rsp]
            (
                &[0x42, 0xf7, 0x7c, 0xa3, 0x10],
                Memory(0x3010 + 0xc000 * 4),
                4,
            ), // [rbx+r12*4+16]
            (&[0xf7, 0x3d, 2, 0, 0, 0], Memory(0x40_0008), 4), // idiv dword [rip+2]
            (&[0xf7, 0x3c, 0x25, 0, 1, 0, 0], Memory(0x100), 4), // idiv dword [0x100]
            (&[0x41, 0xf7, 0xb5, 0, 2, 0, 0], Memory(0xd200), 4), // div dword [r13+0x200]
        ];
        for (bytes, divisor, width) in cases {
            assert_eq!(decode(bytes), Some((*divisor, *width)), "{bytes:02x?}");
        }
        assert_eq!(decode(&[0xf7, 0xd9]), None, "neg ecx");
        assert_eq!(decode(&[0x0f, 0x0b]), None, "ud2");
    }

    #[test]
    fn spilled_registers_lie_outside_the_stack_below() {
        let mut words = [0; SAVED_WORDS];
        let sp = spill(&mut words);
        let local = &raw const words as usize;
        assert!(sp <= local && local - sp < 4096);
    }
}
