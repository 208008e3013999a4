//! Short encodings and aligned loops: a last walk over finished x86-64 code.
//!
//! Cranelift gives every jump 32 bits of reach and many instructions 32-bit immediates, and puts loops wherever they come to lie.
//! Here the code is laid out again:
//!
//! * jumps that reach their target with 8 bits, and immediates that fit into 8, get their short form;
//! * the thread register, which Cranelift copies before each use, is used as it is, and the entry check compares with memory;
//! * calls through a word in memory load it themselves, and a method that calls itself does it directly;
//! * calls of interface methods do themselves what the stub would do;
//! * a loop that leaves by one branch and goes round by another goes round by the first;
//! * a loop around a switch goes from the end of each case right to the next one;
//! * an innermost loop is moved up where it then lies in fewer lines of the cache that decoded instructions come from.
//!
//! ```text
//!   code ──decode──▶ pieces ──shorten──▶ sizes ──place (again until no jump is out of reach)──▶ offsets ──emit──▶ code
//!                      │                                                                          │
//!                      └── jump tables and constants, which are data ──                           └─▶ relocations, sites, line map
//! ```
//!
//! Code that is not understood stays as it is ([`run`] says whether it was).

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, OpKind, Register};
use isthmus_runtime_abi::artifact::{CompiledMethod, DataKind, DataRange};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::vm::InterfaceSlot;

/// Bytes of a line: of instructions that are fetched, and of decoded ones that are kept, together.
const LINE: u32 = 64;

/// Loops of more bytes are not aligned.
const MAX_LOOP: u32 = 256;

/// Most bytes of padding in front of a loop: on the way into it they are executed.
const MAX_PADDING: u32 = 40;

/// Code up to this size is aligned to as much; other code to a line.
const SMALL: usize = 32;

/// An instruction or a piece of data.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where it was.
    old: u32,
    /// How long it was.
    len: u32,
    /// Where it is, behind its padding.
    new: u32,
    /// How long it is.
    size: u32,
    /// What it becomes.
    form: Form,
    /// Size of the loop that begins here, if it is to be aligned.
    loop_size: u32,
    /// Index of the last piece of that loop.
    loop_end: u32,
}

/// What a piece becomes.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// The same bytes.
    Copy,
    /// Other bytes, as many as the piece is long now.
    Bytes([u8; 8]),
    /// A jump to the piece with this index, always or on a condition, by its number in opcodes.
    Jump { target: u32, condition: Option<u8> },
    /// The same bytes except for the displacement at this place, which refers to a piece.
    Relative { field: u32, target: u32 },
    /// Bytes from 0x81 or 0x69 on with an immediate that fits into 8 bits: the opcode is at this place.
    SmallImmediate { opcode: u32 },
    /// A call through the word that the bytes load into a register; its displacement is relocated.
    Call,
    /// A call of the code itself; it needs no relocation.
    CallSelf,
    /// A call through an IMT slot in place of one of the interface method's stub.
    CallInterface(InterfaceSlot),
    /// Copies of other pieces, by its index in [`Layout::threads`].
    Thread(u32),
    /// Words relative to the table's start, each of a piece.
    Table,
    /// Constants; their alignment is that of the code.
    Constants,
}

/// Lays the code of a method out again. `starts` are the offsets of Cranelift's blocks, in order; `interface` says how a method
/// of an interface is called without its stub. `false`: nothing was changed.
pub fn run(
    method: &mut CompiledMethod,
    starts: &[u32],
    interface: &dyn Fn(MethodId) -> Option<InterfaceSlot>,
) -> bool {
    let Some(mut layout) = Layout::of(method, starts) else {
        return false;
    };
    layout.shorten(method);
    layout.call_interfaces(method, interface);
    layout.thread_switches(method);
    layout.find_loops();
    layout.place(method.align);
    if layout.apply(method).is_none() {
        return false;
    }
    let align = if method.code.len() <= SMALL {
        SMALL as u32
    } else {
        LINE
    };
    method.align = method.align.max(align);
    true
}

struct Layout {
    pieces: Vec<Piece>,
    /// Whether something else than what stands before it leads to the piece.
    targets: Vec<bool>,
    instructions: Vec<Instruction>,
    /// The pieces that are copied in place of a jump to the first of them.
    threads: Vec<Vec<u32>>,
}

impl Layout {
    /// Takes the code apart.
    fn of(method: &CompiledMethod, starts: &[u32]) -> Option<Layout> {
        let code = &method.code[..];
        let mut layout = Layout {
            pieces: Vec::with_capacity(code.len() / 4),
            targets: Vec::new(),
            instructions: Vec::with_capacity(code.len() / 4),
            threads: Vec::new(),
        };
        let last_start = *starts.last()?;
        let mut relocs = method.relocs.iter().map(|r| r.offset).peekable();
        // Data that code refers to: tables and constants.
        let mut data: Vec<u32> = Vec::new();
        let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
        let mut at = 0;
        while (at as usize) < code.len() {
            if data.contains(&at)
                && layout.ends_with_dispatch()
                && let Some(len) = table_len(code, at, starts, &data)
            {
                layout.push(at, len, Form::Table, Instruction::default());
                at += len;
                data.retain(|&d| d >= at);
                decoder.set_position(at as usize).ok()?;
                decoder.set_ip(u64::from(at));
                continue;
            }
            if at > last_start
                && let Some(&first) = data.iter().min()
                && first >= at
                && code[at as usize..first as usize].iter().all(|&b| b == 0)
            {
                let len = code.len() as u32 - first;
                layout.push(first, len, Form::Constants, Instruction::default());
                break;
            }
            let inst = decoder.decode();
            if inst.is_invalid() {
                return None;
            }
            let len = inst.len() as u32;
            let mut form = Form::Copy;
            let relocated = relocs.next_if(|&r| r < at + len).is_some();
            if inst.is_ip_rel_memory_operand() && !relocated {
                let target = u32::try_from(inst.ip_rel_memory_address()).ok()?;
                if target as usize >= code.len() {
                    return None;
                }
                let field = decoder.get_constant_offsets(&inst).displacement_offset() as u32;
                data.push(target);
                form = Form::Relative { field, target };
            } else if !relocated {
                form = match inst.flow_control() {
                    FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                        let target = u32::try_from(inst.near_branch_target()).ok()?;
                        let condition = match code[at as usize..] {
                            [0xe9, ..] => None,
                            [0x0f, second, ..] if second & 0xf0 == 0x80 => Some(second & 0xf),
                            _ => return None,
                        };
                        Form::Jump { target, condition }
                    }
                    FlowControl::Call | FlowControl::XbeginXabortXend => return None,
                    _ => Form::Copy,
                };
            }
            layout.push(at, len, form, inst);
            at += len;
        }
        layout.resolve(method)?;
        Some(layout)
    }

    /// Whether what was decoded last jumps to an address that it got from a table.
    fn ends_with_dispatch(&self) -> bool {
        let codes = self
            .instructions
            .last_chunk()
            .map(|last| last.map(|i: Instruction| i.code()));
        codes == Some([Code::Movsxd_r64_rm32, Code::Add_r64_rm64, Code::Jmp_rm64])
    }

    fn push(&mut self, old: u32, len: u32, form: Form, inst: Instruction) {
        self.pieces.push(Piece {
            old,
            len,
            new: 0,
            size: len,
            form,
            loop_size: 0,
            loop_end: 0,
        });
        self.instructions.push(inst);
    }

    /// Index of the piece at an old offset.
    fn index(&self, old: u32) -> Option<u32> {
        let n = self.pieces.binary_search_by_key(&old, |p| p.old).ok()?;
        Some(n as u32)
    }

    /// Targets become indices of pieces.
    fn resolve(&mut self, method: &CompiledMethod) -> Option<()> {
        self.targets = vec![false; self.pieces.len()];
        for n in 0..self.pieces.len() {
            match self.pieces[n].form {
                Form::Jump { target, condition } => {
                    let target = self.index(target)?;
                    self.targets[target as usize] = true;
                    self.pieces[n].form = Form::Jump { target, condition };
                }
                Form::Relative { field, target } => {
                    let piece = self.pieces.partition_point(|p| p.old <= target) - 1;
                    let data = matches!(self.pieces[piece].form, Form::Table | Form::Constants);
                    if !data {
                        return None;
                    }
                    self.pieces[n].form = Form::Relative { field, target };
                }
                Form::Table => {
                    let p = self.pieces[n];
                    for target in table_targets(&method.code, p.old, p.len) {
                        let target = self.index(target)?;
                        self.targets[target as usize] = true;
                    }
                }
                _ => {}
            }
        }
        let sites = method.call_sites.iter().flat_map(|s| &s.handlers);
        for h in sites.chain(method.traps.iter().flat_map(|t| &t.handlers)) {
            let landing = self.index(h.landing)?;
            self.targets[landing as usize] = true;
        }
        Some(())
    }

    // ---- shorter forms

    fn shorten(&mut self, method: &CompiledMethod) {
        let code = &method.code[..];
        for n in 0..self.pieces.len() {
            match self.pieces[n].form {
                Form::Jump { .. } => self.pieces[n].size = 2,
                Form::Copy => {
                    let p = self.pieces[n];
                    let bytes = &code[p.old as usize..(p.old + p.len) as usize];
                    if let Some(opcode) = small_immediate(&self.instructions[n], bytes) {
                        self.pieces[n].form = Form::SmallImmediate { opcode };
                        self.pieces[n].size -= 3;
                    }
                }
                _ => {}
            }
        }
        for n in 1..self.pieces.len() {
            self.fuse_thread_register(n, code);
        }
        for n in 3..self.pieces.len() {
            self.fuse_entry_check(n);
        }
        for n in 1..self.pieces.len() {
            self.fuse_call(n, method);
            self.turn_loop_branch(n);
        }
    }

    fn replace(&mut self, n: usize, bytes: &[u8]) {
        let mut all = [0; 8];
        all[..bytes.len()].copy_from_slice(bytes);
        self.pieces[n].form = Form::Bytes(all);
        self.pieces[n].size = bytes.len() as u32;
    }

    fn drop(&mut self, n: usize) {
        self.replace(n, &[]);
    }

    /// `mov a, r15; mov b, [a+d]`: the second uses the thread register itself. Lowering makes a copy for each use, so nothing
    /// else uses this one.
    fn fuse_thread_register(&mut self, n: usize, code: &[u8]) {
        let (first, second) = (&self.instructions[n - 1], &self.instructions[n]);
        let a = first.op0_register();
        if !is_move(first) || first.op1_register() != Register::R15 || self.targets[n] {
            return;
        }
        let mut registers = (0..second.op_count())
            .filter(|&op| second.op_kind(op) == OpKind::Register)
            .map(|op| (op, second.op_register(op).full_register()));
        let load = matches!(second.code(), Code::Mov_r64_rm64 | Code::Mov_r32_rm32);
        let only_address = second.memory_base() == a
            && second.memory_index() == Register::None
            && registers.all(|(op, r)| r != a || load && op == 0);
        let p = self.pieces[n];
        let bytes = &code[p.old as usize..(p.old + p.len) as usize];
        let (rex, rest) = match bytes {
            [rex @ 0x40..=0x4f, rest @ ..] => (*rex, rest),
            _ => (0x40, bytes),
        };
        // One byte of opcode, no prefixes, and an address without a scale.
        let [opcode, modrm, rest @ ..] = rest else {
            return;
        };
        let other = matches!(
            opcode,
            0x0f | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3 | 0xc4 | 0xc5
        );
        if !only_address || other || modrm & 7 == 4 || rest.len() > 5 {
            return;
        }
        let mut new = vec![rex | 1, *opcode, modrm | 7];
        new.extend_from_slice(rest);
        self.drop(n - 1);
        self.replace(n, &new);
    }

    /// `mov a, r15; mov a, [a+d]; mov b, rsp; cmp b, a; jbe`: the limit of the stack is compared where it is. Nothing else
    /// uses the copies, which lowering makes for this alone.
    fn fuse_entry_check(&mut self, n: usize) {
        let [_, load, copy, compare] = [n - 3, n - 2, n - 1, n].map(|i| self.instructions[i]);
        // A load from the thread's context with a displacement of 8 bits.
        let Form::Bytes([_, 0x8b, modrm, displacement, ..]) = self.pieces[n - 2].form else {
            return;
        };
        if modrm >> 6 != 1 {
            return;
        }
        let (a, b) = (load.op0_register(), copy.op0_register());
        let copies = is_move(&copy) && copy.op1_register() == Register::RSP;
        let compares = matches!(compare.code(), Code::Cmp_r64_rm64 | Code::Cmp_rm64_r64)
            && compare.op0_register() == b
            && compare.op1_register() == a;
        let jumps = (self.instructions.get(n + 1)).is_some_and(|i| i.code() == Code::Jbe_rel32_64);
        if copies && compares && jumps && !self.targets[n - 1] && !self.targets[n] {
            self.drop(n - 2);
            self.drop(n - 1);
            self.replace(n, &[0x49, 0x3b, 0x67, displacement]);
        }
    }

    /// `jcc out; jmp back` becomes `jncc back; jmp out`: one branch for each time round.
    fn turn_loop_branch(&mut self, n: usize) {
        let (leave, repeat) = (self.pieces[n - 1].form, self.pieces[n].form);
        if let Form::Jump {
            target: out,
            condition: Some(c),
        } = leave
            && let Form::Jump {
                target: back,
                condition: None,
            } = repeat
            && (back as usize) < n
            && (out < back || out as usize > n)
            && !self.targets[n]
        {
            let condition = Some(c ^ 1);
            self.pieces[n - 1].form = Form::Jump {
                target: back,
                condition,
            };
            self.pieces[n].form = Form::Jump {
                target: out,
                condition: None,
            };
        }
    }

    // ---- loops

    /// Marks the first piece of each innermost loop.
    fn find_loops(&mut self) {
        let mut loops = self.back_jumps();
        loops.sort_unstable();
        for (n, &(first, last)) in loops.iter().enumerate() {
            // Of those that begin here the longest comes last.
            match loops.get(n + 1) {
                Some(&(next, _)) if next <= last => continue,
                _ => self.pieces[first as usize].loop_end = last,
            }
        }
    }

    /// Jumps that go round a loop, target first: depth first, those to what leads to them. Cold code jumps back as well, to where it left
    /// the code before it, often in the middle of a loop; if it goes round, the loop does not end with it.
    fn back_jumps(&self) -> Vec<(u32, u32)> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut returns = 0;
        let returns: Vec<u32> = (self.instructions.iter())
            .map(|i| {
                returns += u32::from(i.flow_control() == FlowControl::Return);
                returns
            })
            .collect();
        let mut found = Vec::new();
        let mut states = vec![State::New; self.pieces.len()];
        let mut open: Vec<(u32, [Option<u32>; 2])> = Vec::new();
        for root in 0..self.pieces.len() as u32 {
            if states[root as usize] == State::New {
                states[root as usize] = State::Open;
                open.push((root, self.successors(root)));
            }
            while let Some((n, next)) = open.last_mut() {
                let Some(to) = next.iter_mut().find_map(Option::take) else {
                    states[*n as usize] = State::Done;
                    open.pop();
                    continue;
                };
                match states[to as usize] {
                    State::New => {
                        states[to as usize] = State::Open;
                        open.push((to, self.successors(to)));
                    }
                    State::Open if to <= *n && returns[to as usize] == returns[*n as usize] => {
                        found.push((to, *n));
                    }
                    State::Open | State::Done => {}
                }
            }
        }
        found
    }

    /// What may come after a piece: the next one, and where it jumps to. Where a table leads is not looked at.
    fn successors(&self, n: u32) -> [Option<u32>; 2] {
        let next = Some(n + 1).filter(|&n| (n as usize) < self.pieces.len());
        match self.pieces[n as usize].form {
            Form::Jump {
                target,
                condition: None,
            } => [Some(target), None],
            Form::Jump { target, .. } => [next, Some(target)],
            Form::Thread(_) | Form::Table | Form::Constants => [None, None],
            _ => match self.instructions[n as usize].flow_control() {
                FlowControl::Return
                | FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Exception => [None, None],
                _ => [next, None],
            },
        }
    }

    // ---- places

    fn place(&mut self, align: u32) {
        loop {
            self.assign(align);
            let mut again = false;
            for n in 0..self.pieces.len() {
                let p = self.pieces[n];
                let Form::Jump { target, condition } = p.form else {
                    continue;
                };
                let distance = i64::from(self.pieces[target as usize].new) - i64::from(p.new + 2);
                if p.size == 2 && i8::try_from(distance).is_err() {
                    self.pieces[n].size = if condition.is_some() { 6 } else { 5 };
                    again = true;
                }
            }
            // Sizes of loops are those of this round; they only grow.
            for n in 0..self.pieces.len() {
                let end = self.pieces[n].loop_end as usize;
                if end > 0 {
                    let size = self.pieces[end].new + self.pieces[end].size - self.pieces[n].new;
                    again |= size != self.pieces[n].loop_size;
                    self.pieces[n].loop_size = size;
                }
            }
            if !again {
                break;
            }
        }
    }

    fn assign(&mut self, align: u32) {
        let mut at = 0u32;
        for p in &mut self.pieces {
            match p.form {
                Form::Constants => at = at.next_multiple_of(align.max(16)) + p.old % align.max(16),
                _ => at += padding(at, p.loop_size),
            }
            p.new = at;
            at += p.size;
        }
    }

    /// Where what was at an old offset is.
    fn start(&self, old: u32) -> Option<u32> {
        Some(self.pieces[self.index(old)? as usize].new)
    }

    /// Where what ended at an old offset ends.
    fn end(&self, old: u32) -> Option<u32> {
        let n = self.pieces.partition_point(|p| p.old + p.len < old);
        let p = self.pieces.get(n).filter(|p| p.old + p.len == old)?;
        Some(p.new + p.size)
    }

    // ---- the result

    /// Writes code and offsets; `None`: the method refers to what is no instruction, and is as it was.
    fn apply(&self, method: &mut CompiledMethod) -> Option<()> {
        let code = self.emit(&method.code)?;
        let mut relocs = Vec::with_capacity(method.relocs.len());
        for &(mut r) in &method.relocs {
            let n = self.pieces.partition_point(|p| p.old <= r.offset) - 1;
            let p = &self.pieces[n];
            match p.form {
                Form::CallSelf | Form::CallInterface(_) => continue,
                Form::Copy | Form::Constants => r.offset = p.new + (r.offset - p.old),
                Form::Call => r.offset = p.new + 2,
                _ => return None,
            }
            relocs.push(r);
        }
        let mut sites = method.call_sites.clone();
        for s in &mut sites {
            s.ret = self.end(s.ret)?;
            for h in &mut s.handlers {
                h.landing = self.start(h.landing)?;
            }
        }
        let mut traps = method.traps.clone();
        for t in &mut traps {
            t.offset = self.start(t.offset)?;
            for h in &mut t.handlers {
                h.landing = self.start(h.landing)?;
            }
        }
        let before = traps.len();
        self.interface_traps(&sites, &mut traps);
        self.thread_traps(method, &mut traps)?;
        if traps.len() > before {
            traps.sort_by_key(|t| t.offset);
        }
        let prologue_end = self.end(method.frame.prologue_end);
        method.frame.prologue_end = match method.frame.prologue_end {
            0 => 0,
            _ => prologue_end?,
        };
        // Positions may begin at padding that is gone.
        for l in &mut method.line_map {
            let n = self.pieces.partition_point(|p| p.old < l.0);
            l.0 = self.pieces.get(n).map_or(code.len() as u32, |p| p.new);
        }
        // Of positions at one place the last one counts: instructions of the others are gone.
        method.line_map.reverse();
        method.line_map.dedup_by_key(|l| l.0);
        method.line_map.reverse();
        let kind_of = |p: &Piece| match p.form {
            Form::Table => Some(DataKind::JumpTable),
            Form::Constants => Some(DataKind::Constants),
            _ => None,
        };
        let data = self.pieces.iter().filter_map(|p| {
            Some(DataRange {
                offset: p.new,
                len: p.size,
                kind: kind_of(p)?,
            })
        });
        method.data = data.collect();
        (method.code, method.relocs) = (code, relocs);
        (method.call_sites, method.traps) = (sites, traps);
        Some(())
    }

    fn emit(&self, old: &[u8]) -> Option<Vec<u8>> {
        let mut out: Vec<u8> = Vec::with_capacity(old.len());
        for p in &self.pieces {
            match p.form {
                Form::Constants => out.resize(p.new as usize, 0),
                _ => pad(&mut out, p.new as usize),
            }
            match p.form {
                Form::Thread(list) => {
                    for &n in &self.threads[list as usize] {
                        self.emit_piece(&self.copied(n), old, &mut out)?;
                    }
                }
                _ => self.emit_piece(p, old, &mut out)?,
            }
        }
        Some(out)
    }

    /// Writes a piece at the end of the code.
    fn emit_piece(&self, p: &Piece, old: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        let end = start as u32 + p.size;
        let bytes = &old[p.old as usize..(p.old + p.len) as usize];
        match p.form {
            Form::Copy | Form::Constants => out.extend_from_slice(bytes),
            Form::Call => {
                out.extend([0xff, 0x15]);
                out.extend_from_slice(&bytes[bytes.len() - 4..]);
            }
            Form::CallSelf => {
                out.push(0xe8);
                out.extend(0u32.wrapping_sub(end).to_le_bytes());
            }
            Form::CallInterface(slot) => out.extend(calls::interface_call(slot)),
            Form::Bytes(all) => out.extend_from_slice(&all[..p.size as usize]),
            Form::Jump { target, condition } => {
                let distance = self.pieces[target as usize].new.wrapping_sub(end);
                match (condition, p.size) {
                    (Some(c), 2) => out.push(0x70 | c),
                    (Some(c), _) => out.extend([0x0f, 0x80 | c]),
                    (None, 2) => out.push(0xeb),
                    (None, _) => out.push(0xe9),
                }
                match p.size {
                    2 => out.push(distance as u8),
                    _ => out.extend(distance.to_le_bytes()),
                }
            }
            Form::Relative { field, target } => {
                let at = start + field as usize;
                out.extend_from_slice(bytes);
                let n = self.pieces.partition_point(|p| p.old <= target) - 1;
                let to = self.pieces[n].new + (target - self.pieces[n].old);
                out[at..at + 4].copy_from_slice(&to.wrapping_sub(end).to_le_bytes());
            }
            Form::SmallImmediate { opcode } => {
                out.extend_from_slice(&bytes[..bytes.len() - 3]);
                out[start + opcode as usize] |= 2;
            }
            Form::Table => {
                for target in table_targets(old, p.old, p.len) {
                    let distance = self.start(target)?.wrapping_sub(start as u32);
                    out.extend(distance.to_le_bytes());
                }
            }
            Form::Thread(_) => return None,
        }
        Some(())
    }
}

/// Bytes that move a loop of a size to where it lies in as few lines as it can; none for what is no loop.
fn padding(at: u32, size: u32) -> u32 {
    if size == 0 || size > MAX_LOOP {
        return 0;
    }
    let lines = |start: u32| (start + size - 1) / LINE - start / LINE;
    [1, 8, 16, 32, LINE]
        .map(|unit| at.next_multiple_of(unit))
        .into_iter()
        .filter(|start| start - at <= MAX_PADDING)
        .min_by_key(|&start| (lines(start), start))
        .map_or(0, |start| start - at)
}

/// Whether a register is copied.
fn is_move(inst: &Instruction) -> bool {
    matches!(inst.code(), Code::Mov_rm64_r64 | Code::Mov_r64_rm64)
        && inst.op0_kind() == OpKind::Register
        && inst.op1_kind() == OpKind::Register
}

/// Where the opcode is, if an instruction has a form with an immediate of 8 bits that its own fits into.
fn small_immediate(inst: &Instruction, bytes: &[u8]) -> Option<u32> {
    let opcode = usize::from(bytes[0] & 0xf0 == 0x40);
    let has_form = matches!(bytes.get(opcode), Some(0x81 | 0x69));
    if !has_form || inst.is_ip_rel_memory_operand() {
        return None;
    }
    let (_, &imm) = bytes.split_last_chunk::<4>()?;
    i8::try_from(i32::from_le_bytes(imm)).ok()?;
    Some(opcode as u32)
}

/// Length of a jump table: words that lead to blocks, up to the next block or other data.
fn table_len(code: &[u8], at: u32, starts: &[u32], data: &[u32]) -> Option<u32> {
    let next = starts[starts.partition_point(|&s| s <= at)..]
        .first()
        .copied();
    let end = next.unwrap_or_else(|| {
        let other = data.iter().copied().filter(|&d| d > at).min();
        other.unwrap_or(code.len() as u32)
    });
    let mut len = 0;
    while at + len + 4 <= end {
        let target = table_targets(code, at + len, 4).next()?.wrapping_sub(len);
        if starts.binary_search(&target).is_err() {
            break;
        }
        len += 4;
    }
    // Between blocks there is nothing but the table.
    (len > 0 && next.is_none_or(|n| n == at + len)).then_some(len)
}

/// Old offsets that the words of a table mean.
fn table_targets(code: &[u8], at: u32, len: u32) -> impl Iterator<Item = u32> + '_ {
    (code[at as usize..(at + len) as usize].chunks_exact(4))
        .map(move |w| at.wrapping_add(u32::from_le_bytes([w[0], w[1], w[2], w[3]])))
}

/// Fills up with long instructions that do nothing.
fn pad(out: &mut Vec<u8>, to: usize) {
    const NOPS: [&[u8]; 9] = [
        &[0x90],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0x00],
        &[0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
        &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ];
    while out.len() < to {
        let n = (to - out.len()).min(NOPS.len());
        out.extend_from_slice(NOPS[n - 1]);
    }
}

mod calls;
mod thread;

#[cfg(test)]
mod tests;
