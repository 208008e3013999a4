//! x86-64. Many instructions have several encodings. The assembler takes the shortest one and, between registers, the form that stores; where ours is
//! another one, a prefix in braces asks for it. The few that no prefix can ask for have no text.

use super::{GasLine, NameOf};
use iced_x86::{
    Decoder, DecoderOptions, Encoder, Formatter, GasFormatter, Instruction, OpKind, Register,
    SymbolResolver, SymbolResult,
};
use std::cell::RefCell;
use std::rc::Rc;

/// Has the name of what the instruction refers to that is formatted next.
struct Resolver(Rc<RefCell<String>>);

impl SymbolResolver for Resolver {
    fn symbol(
        &mut self,
        i: &Instruction,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _size: u32,
    ) -> Option<SymbolResult<'_>> {
        let name = self.0.borrow();
        (referred(i) == Some(address as i64))
            .then(|| SymbolResult::with_string(address, name.clone()))
    }
}

/// The address that an instruction says by its distance.
fn referred(i: &Instruction) -> Option<i64> {
    match () {
        () if i.is_ip_rel_memory_operand() => Some(i.ip_rel_memory_address() as i64),
        () if i.op_kinds().any(|kind| kind == OpKind::NearBranch64) => {
            Some(i.near_branch64() as i64)
        }
        () => None,
    }
}

/// See [`super::lines`].
pub fn lines(code: &[u8], start: usize, name_of: &NameOf<'_>) -> Vec<GasLine> {
    let name = Rc::new(RefCell::new(String::new()));
    let resolver: Box<dyn SymbolResolver> = Box::new(Resolver(Rc::clone(&name)));
    let mut formatter = GasFormatter::with_options(Some(resolver), None);
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_uppercase_hex(false);
    options.set_rip_relative_addresses(true);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_gas_show_mnemonic_size_suffix(true);
    let mut lines = Vec::new();
    let mut decoder = Decoder::with_ip(64, &code[start..], start as u64, DecoderOptions::NONE);
    while decoder.can_decode() {
        let i = decoder.decode();
        let (offset, len) = (i.ip() as u32, i.len() as u32);
        let bytes = &code[offset as usize..(offset + len) as usize];
        let sizes = decoder.get_constant_offsets(&i);
        let named = match referred(&i) {
            None => true,
            Some(address) => name_of(offset..offset + len, address)
                .map(|found| name.replace(found))
                .is_some(),
        };
        let prefix = named.then(|| prefix(&i, bytes, sizes.displacement_size()));
        let text = prefix.flatten().map(|prefix| {
            let mut text = prefix.to_owned();
            formatter.format(&i, &mut text);
            text
        });
        lines.push(GasLine { offset, len, text });
    }
    lines
}

/// What asks the assembler for the encoding that an instruction has: nothing for most. `None`: nothing can.
fn prefix(i: &Instruction, bytes: &[u8], displacement: usize) -> Option<&'static str> {
    // Needless prefixes, and forms that cannot be written.
    if i.is_invalid() || i.segment_prefix() != Register::None || !is_plain(i, bytes) {
        return None;
    }
    let is_branch = i.op0_kind() == OpKind::NearBranch64;
    if is_branch && !matches!(bytes[0], 0x0f | 0x70..=0x7f | 0xe8 | 0xe9 | 0xeb) {
        return None;
    }
    if is_branch && bytes.len() > 4 && !i.is_call_near() {
        // The short form is 2 bytes long, and what is behind it moves with it. Other jumps that the assembler shortens at first may bring
        // the target nearer: those almost in reach are told, too.
        const ALMOST: i64 = 64;
        let distance = i.near_branch64().wrapping_sub(i.next_ip()) as i64;
        let shortened = bytes.len() as i64 - 2;
        let near = -128 - shortened - ALMOST..=127 + ALMOST;
        return Some(if near.contains(&distance) {
            "{disp32} "
        } else {
            ""
        });
    }
    let memory = i.op_kinds().any(|kind| kind == OpKind::Memory);
    if memory && i.memory_index() == Register::None && i.memory_index_scale() != 1 {
        return None;
    }
    if let Some((byte, group)) = opcode(bytes) {
        let accumulator = matches!(
            i.op0_register(),
            Register::AL | Register::AX | Register::EAX | Register::RAX
        );
        let register = i.op0_kind() == OpKind::Register;
        let number = i.op_count().saturating_sub(1);
        let last = i.op_kinds().last().unwrap_or(OpKind::Register);
        let immediate = is_immediate(last).then(|| i.immediate(number) as i64);
        // 0xffff is -1 to an operation on 16 bits.
        let fits = |n: i64| match last {
            OpKind::Immediate16 => i8::try_from(n as i16).is_ok(),
            OpKind::Immediate32 => i8::try_from(n as i32).is_ok(),
            _ => i8::try_from(n).is_ok(),
        };
        let small = immediate.is_some_and(fits);
        let shorter = match byte {
            // Where these mean nothing.
            _ if matches!(bytes[0], 0xf2 | 0xf3) => true,
            // Arithmetic with constants, and that of the accumulator.
            0x81 | 0x80 if register && accumulator => true,
            0x81 | 0x69 | 0x68 => small,
            0x05 | 0x0d | 0x15 | 0x1d | 0x25 | 0x2d | 0x35 | 0x3d => small,
            0xf6 | 0xf7 => group == 1 || (group == 0 && register && accumulator),
            // Shifts by 1, and the second name of `shl`.
            0xc0 | 0xc1 | 0xd0..=0xd3 => immediate == Some(1) && byte < 0xd0 || group == 6,
            // Constants in registers.
            0xc6 => register,
            0xc7 => register && i.op0_register().size() != 8,
            0xcd => immediate == Some(3),
            // Addresses without registers.
            0xa0..=0xa3 => true,
            _ => false,
        };
        if shorter {
            return None;
        }
        let loads = matches!(byte, 0x8a | 0x8b) || (byte < 0x40 && byte & 6 == 2);
        let registers = i.op_count() == 2 && i.op_kinds().all(|kind| kind == OpKind::Register);
        if loads && registers {
            return Some("{load} ");
        }
    }
    if memory && i.memory_base() != Register::None && !i.is_ip_rel_memory_operand() {
        // These have no form without a displacement.
        let never_bare = matches!(i.memory_base(), Register::RBP | Register::R13);
        match (displacement, i.memory_displacement64() as i64) {
            (4, -128..=127) => return Some("{disp32} "),
            (1, 0) if !never_bare => return Some("{disp8} "),
            _ => {}
        }
    }
    Some("")
}

/// The opcode and the three bits that continue it in groups, of an instruction with one byte of opcode.
fn opcode(bytes: &[u8]) -> Option<(u8, u8)> {
    let is_prefix = |b: &&u8| matches!(b, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    let start = bytes.iter().take_while(is_prefix).count();
    let byte = *bytes.get(start)?;
    // Two bytes, VEX, EVEX.
    (!matches!(byte, 0x0f | 0x62 | 0xc4 | 0xc5))
        .then(|| (byte, bytes.get(start + 1).map_or(0, |modrm| modrm >> 3 & 7)))
}

fn is_immediate(kind: OpKind) -> bool {
    use OpKind::*;
    matches!(
        kind,
        Immediate8
            | Immediate16
            | Immediate32
            | Immediate64
            | Immediate8to16
            | Immediate8to32
            | Immediate8to64
            | Immediate32to64
    )
}

/// Whether the bytes are the instruction's without anything needless.
fn is_plain(i: &Instruction, bytes: &[u8]) -> bool {
    let mut encoder = Encoder::new(64);
    encoder.encode(i, i.ip()).is_ok() && encoder.take_buffer() == bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    fn texts(code: &[u8]) -> Vec<Option<String>> {
        let name = |at: Range<u32>, to: i64| (to != 0x99).then(|| format!(".L{}_{to:x}", at.start));
        lines(code, 0, &name).into_iter().map(|l| l.text).collect()
    }

    #[test]
    fn what_the_assembler_encodes_otherwise_is_asked_for_or_left_out() {
        let cases: &[(&[u8], Option<&str>)] = &[
            (&[0x48, 0x89, 0xe5], Some("movq %rsp, %rbp")),
            (&[0x48, 0x8b, 0xec], Some("{load} movq %rsp, %rbp")),
            (&[0x03, 0xc1], Some("{load} addl %ecx, %eax")),
            (&[0x8b, 0x45, 0x00], Some("movl (%rbp), %eax")),
            (&[0x8b, 0x40, 0x00], Some("{disp8} movl (%rax), %eax")),
            (
                &[0x8b, 0x80, 8, 0, 0, 0],
                Some("{disp32} movl 8(%rax), %eax"),
            ),
            // There is a form with one byte of constant, and one for the accumulator.
            (&[0x48, 0x81, 0xc1, 0x28, 0, 0, 0], None),
            (&[0x48, 0x81, 0xc0, 0, 1, 0, 0], None),
            (&[0x48, 0x05, 0, 1, 0, 0], Some("addq $0x100, %rax")),
            // A needless prefix.
            (&[0x40, 0x55], None),
            // The displacement in words.
            (
                &[0x48, 0x8b, 0x05, 0, 0, 0, 0],
                Some("movq .L0_7(%rip), %rax"),
            ),
            (&[0x48, 0x8b, 0x05, 0x92, 0, 0, 0], None),
            (&[0xeb, 0x10], Some("jmp .L0_12")),
            // What data between code may look like.
            (&[0xe2, 0x10], None),
            (&[0xf3, 0xe9, 0x10, 0, 0, 0], None),
            (&[0xe9, 0x10, 0, 0, 0], Some("{disp32} jmp .L0_15")),
            (&[0xe9, 0, 1, 0, 0], Some("jmp .L0_105")),
            (&[0x0f, 0x84, 0, 1, 0, 0], Some("je .L0_106")),
            (&[0xe8, 0x10, 0, 0, 0], Some("callq .L0_15")),
        ];
        for &(code, expected) in cases {
            assert_eq!(texts(code), [expected.map(str::to_owned)], "{code:02x?}");
        }
    }
}
