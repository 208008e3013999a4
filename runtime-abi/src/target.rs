//! Architectures as data: pointer size and the roles of registers.
//!
//! ```text
//!                 x86-64            AArch64            ARM (A32)
//!  thread         r15               x21                r10
//!  frame pointer  rbp               x29                r11
//!  IMT key        r10               x16                r12
//!  scratch        rax, r11          x17                r12, lr
//!  int arguments  rdi rsi rdx       x2..x7, x0, x1(*)  r0..r3
//!                 rcx r8 r9
//!  int results    rax rcx rdx rsi   x0..x7             r0..r3
//!                 rdi r8 r9 r10
//!  float args     xmm0..xmm7        v0..v7             d0..d7
//!  EH payload     rax, rdx          x0, x1             r0, r1
//! ```
//! (*) see [`crate::callconv`]: the order is that of Cranelift's `tail` convention.

/// An architecture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Arch {
    /// x86-64 System V platforms.
    X64,
    /// AArch64, little endian.
    A64,
    /// 32-bit ARM, A32 encoding, hard float, little endian.
    A32,
}

impl Arch {
    /// The architecture this program was compiled for.
    pub fn host() -> Option<Arch> {
        if cfg!(target_arch = "x86_64") {
            Some(Arch::X64)
        } else if cfg!(target_arch = "aarch64") {
            Some(Arch::A64)
        } else if cfg!(target_arch = "arm") {
            Some(Arch::A32)
        } else {
            None
        }
    }

    /// Pointer size in bytes.
    pub fn pointer_bytes(self) -> u32 {
        match self {
            Arch::X64 | Arch::A64 => 8,
            Arch::A32 => 4,
        }
    }

    /// The name in `--target` and dumps.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X64 => "x86_64",
            Arch::A64 => "aarch64",
            Arch::A32 => "arm",
        }
    }

    /// The registers with fixed roles.
    pub fn roles(self) -> &'static Roles {
        match self {
            Arch::X64 => &X64,
            Arch::A64 => &A64,
            Arch::A32 => &A32,
        }
    }
}

/// A hardware register by its encoding number, with its class.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reg {
    /// General register.
    Int(u8),
    /// Floating-point/vector register.
    Float(u8),
}

/// Registers with fixed roles, and the argument and result orders of the managed convention.
#[derive(Debug)]
pub struct Roles {
    /// Holds the thread context in all managed code (callee never changes it).
    pub thread: u8,
    /// Frame pointer: every managed frame has one, `[fp]` is the caller's, `[fp + word]` the return address.
    pub fp: u8,
    /// Stack pointer.
    pub sp: u8,
    /// Carries the IMT key from an interface stub to the IMT slot.
    pub imt_key: u8,
    /// Integer argument registers in order.
    pub int_args: &'static [u8],
    /// Float argument registers in order.
    pub float_args: &'static [u8],
    /// Integer result registers in order.
    pub int_rets: &'static [u8],
    /// Float result registers in order.
    pub float_rets: &'static [u8],
    /// Callee-saved integer registers of the managed convention (frame pointer and thread left out).
    pub callee_saved: &'static [u8],
    /// The two registers that carry a landing pad's payload.
    pub payload: [u8; 2],
}

// x86-64 encodings: rax 0, rcx 1, rdx 2, rbx 3, rsp 4, rbp 5, rsi 6, rdi 7, r8.. 8..
static X64: Roles = Roles {
    thread: 15,
    fp: 5,
    sp: 4,
    imt_key: 10,
    int_args: &[7, 6, 2, 1, 8, 9],
    float_args: &[0, 1, 2, 3, 4, 5, 6, 7],
    int_rets: &[0, 1, 2, 6, 7, 8, 9, 10],
    float_rets: &[0, 1, 2, 3, 4, 5, 6, 7],
    callee_saved: &[3, 12, 13, 14],
    payload: [0, 2],
};

// Cranelift's `tail` convention on AArch64 starts at x2 and leaves x0 and x1 out.
static A64: Roles = Roles {
    thread: 21,
    fp: 29,
    sp: 31,
    imt_key: 16,
    int_args: &[2, 3, 4, 5, 6, 7],
    float_args: &[0, 1, 2, 3, 4, 5, 6, 7],
    int_rets: &[0, 1, 2, 3, 4, 5, 6, 7],
    float_rets: &[0, 1, 2, 3, 4, 5, 6, 7],
    callee_saved: &[19, 20, 22, 23, 24, 25, 26, 27, 28],
    payload: [0, 1],
};

static A32: Roles = Roles {
    thread: 10,
    fp: 11,
    sp: 13,
    imt_key: 12,
    int_args: &[0, 1, 2, 3],
    float_args: &[0, 1, 2, 3, 4, 5, 6, 7],
    int_rets: &[0, 1, 2, 3],
    float_rets: &[0, 1, 2, 3, 4, 5, 6, 7],
    callee_saved: &[4, 5, 6, 7, 8, 9],
    payload: [0, 1],
};
